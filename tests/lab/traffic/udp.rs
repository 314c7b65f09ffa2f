//! A client of UDP: sends a datagram and waits for the answer, again with a new socket where none comes.
//!
//! Where the server is to answer from its other address, the socket is not connected: it takes what comes.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use super::ANSWER;
use crate::situation::{Batch, Met};

/// As long as a resolver that is in a hurry waits before it asks again.
const RETRY: Duration = Duration::from_millis(400);

pub(super) fn speak(batch: &Batch, name: &str, from: SocketAddr) -> (SocketAddr, Met) {
    let mut client = from;
    let line = format!(
        "{name} {} {} {}\n",
        batch.mute,
        if batch.elsewhere { "elsewhere" } else { "here" },
        "x".repeat(batch.bytes)
    );
    let patience = if batch.tries > 1 { RETRY } else { ANSWER };
    let mut met = Met::Timeout;
    for _ in 0..batch.tries {
        let socket = UdpSocket::bind(client).unwrap_or_else(|error| panic!("cannot bind {client}: {error}"));
        client = socket.local_addr().expect("a bound socket");
        socket.set_read_timeout(Some(patience)).expect("an open socket");
        let sent = if batch.elsewhere {
            socket.send_to(line.as_bytes(), batch.to)
        } else {
            socket.connect(batch.to).expect("a route");
            socket.send(line.as_bytes())
        };
        let answer = sent.and_then(|_| socket.recv(&mut [0; 256]));
        met = match answer.map_err(|error| error.kind()) {
            Ok(_) => Met::Answered,
            Err(ErrorKind::ConnectionRefused) => Met::Refused,
            Err(ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::PermissionDenied) => {
                Met::Unreachable
            }
            Err(_) => Met::Timeout,
        };
        if met == Met::Answered {
            break;
        }
    }
    (client, met)
}
