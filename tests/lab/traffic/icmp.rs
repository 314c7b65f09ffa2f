//! A client of ICMP echo (RFC 792, RFC 4443 §4.1): requests with an identifier of the situation's choice.
//!
//! ```text
//!  0                   1                   2                   3
//! |     type      |     code      |           checksum            |
//! |          identifier           |        sequence number        |
//! |  name of the flow, a line                                 ...
//! ```

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::raw::{Raw, checksum};
use crate::situation::{Batch, Met};

/// As long as an impatient `ping` waits before it goes on.
const PATIENCE: Duration = Duration::from_millis(500);

/// Sends as many requests as the batch wants, each when the last one was answered or is given up.
pub(super) fn speak(batch: &Batch, name: &str, from: SocketAddr) -> (SocketAddr, Met) {
    let v6 = from.is_ipv6();
    let (request, reply, unreachable, header) = if v6 { (128, 129, 1, 40) } else { (8, 0, 3, 20) };
    let socket = Raw::icmp(from.ip());
    let mut met = Met::Timeout;
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
        let deadline = Instant::now() + PATIENCE;
        let mut answers = std::iter::from_fn(|| socket.receive(deadline));
        let answer = answers.find_map(|(peer, answer)| match answer.first() {
            Some(kind) if *kind == reply && peer == batch.to.ip() && answer[4..] == message[4..] => {
                Some(Met::Answered)
            }
            // An error quotes the request behind its own eight bytes and the request's IP header.
            Some(kind)
                if *kind == unreachable && answer.get(header + 12..header + 16) == Some(&message[4..8]) =>
            {
                Some(Met::Unreachable)
            }
            _ => None,
        });
        match answer {
            Some(answer) => met = answer,
            None if met == Met::Answered => return (from, Met::Silent),
            None => {}
        }
    }
    (from, met)
}
