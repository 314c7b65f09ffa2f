//! A client of ICMP echo (RFC 792, RFC 4443 §4.1): requests with an identifier of the situation's choice.
//!
//! ```text
//!  0                   1                   2                   3
//! |     type      |     code      |           checksum            |
//! |          identifier           |        sequence number        |
//! |  name of the flow, a line                                 ...
//! ```

use std::net::SocketAddr;
use std::time::Instant;

use super::ANSWER;
use crate::raw::{Raw, checksum};
use crate::situation::{Batch, Met};

/// Sends as many requests as the batch wants, one after the other; each must be answered as it was asked.
pub(super) fn speak(batch: &Batch, name: &str, from: SocketAddr) -> (SocketAddr, Met) {
    let v6 = from.is_ipv6();
    let (request, reply) = if v6 { (128, 129) } else { (8, 0) };
    let socket = Raw::icmp(from.ip());
    for sequence in 1..=batch.tries {
        let mut message = vec![request, 0, 0, 0];
        message.extend(from.port().to_be_bytes());
        message.extend(sequence.to_be_bytes());
        message.extend(format!("{name} {}\n", "x".repeat(batch.bytes)).as_bytes());
        if !v6 {
            // Of ICMPv6 the kernel sees to the checksum.
            let checksum = checksum(&message);
            message[2..4].copy_from_slice(&checksum.to_be_bytes());
        }
        socket.send(&message, batch.to.ip());
        let deadline = Instant::now() + ANSWER;
        let mut answers = std::iter::from_fn(|| socket.receive(deadline));
        let answered = answers.any(|(peer, answer)| {
            peer == batch.to.ip() && answer.first() == Some(&reply) && answer[4..] == message[4..]
        });
        if !answered {
            return (from, Met::Timeout);
        }
    }
    (from, Met::Answered)
}
