//! Servers behind raw sockets: a witness of echo requests, which the kernel answers, and SCTP.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::{Book, TICK};
use crate::raw::Raw;
use crate::sctp::{
    ABORT, COOKIE_ACK, COOKIE_ECHO, DATA, INIT, INIT_ACK, Message, SACK, SHUTDOWN, SHUTDOWN_ACK,
    cookie_parameter, data, init, sack, word,
};

/// Where an SCTP server listens: NGAP, between radio and core of a mobile network.
const NGAP: u16 = 38_412;

/// Writes down echo requests. The identifier stands for the client's port, as it does in conntrack.
pub(super) fn watch_pings(socket: &Raw, local: IpAddr, book: &Book) {
    let request = if local.is_ipv6() { 128 } else { 8 };
    while book.goes_on() {
        let Some((peer, message)) = socket.receive(Instant::now() + TICK) else { continue };
        if let [kind, 0, _, _, high, low, _, _, ref text @ ..] = message[..]
            && kind == request
        {
            let identifier = u16::from_be_bytes([high, low]);
            let line = String::from_utf8_lossy(text);
            let _ = book.note(&line, SocketAddr::new(peer, identifier), SocketAddr::new(local, 0));
        }
    }
}

/// The client's tag, and the TSN of the server's one message.
type Association = (u32, u32);

/// Accepts associations, answers their messages, and lets them shut down.
pub(super) fn associate(socket: &Raw, local: IpAddr, book: &Book) {
    let mut associations: HashMap<SocketAddr, Association> = HashMap::new();
    while book.goes_on() {
        let Some((peer, bytes)) = socket.receive(Instant::now() + TICK) else { continue };
        let Some(message) = Message::read(&bytes) else { continue };
        let peer = SocketAddr::new(peer, message.source);
        let mut answers: Vec<(u8, Vec<u8>)> = Vec::new();
        for (kind, value) in &message.chunks {
            match *kind {
                INIT => {
                    let tag = word(value, 0).expect("a tag");
                    associations.insert(peer, (tag, tag.rotate_left(16)));
                    if message.destination == NGAP {
                        let own = init(!tag, tag.rotate_left(16));
                        answers.push((INIT_ACK, [own, cookie_parameter()].concat()));
                    } else {
                        answers.push((ABORT, Vec::new()));
                    }
                }
                COOKIE_ECHO => answers.push((COOKIE_ACK, Vec::new())),
                DATA => {
                    let tsn = word(value, 0).expect("a number");
                    let line = String::from_utf8_lossy(&value[12..]);
                    let _ = book.note(&line, peer, SocketAddr::new(local, message.destination));
                    answers.push((SACK, sack(tsn)));
                    answers.push((DATA, data(associations[&peer].1, &format!("{peer}\n"))));
                }
                SHUTDOWN => answers.push((SHUTDOWN_ACK, Vec::new())),
                _ => {}
            }
        }
        if !answers.is_empty() {
            let (source, destination) = (message.destination, message.source);
            let answer = Message { source, destination, tag: associations[&peer].0, chunks: answers };
            socket.send(&answer.write(), peer.ip());
        }
    }
}
