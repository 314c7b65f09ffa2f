//! A client of SCTP: opens an association, sends its name, waits for the answer, and shuts down (RFC 9260 §5, §6, §9).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::raw::Raw;
use crate::sctp::{
    ABORT, COOKIE_ACK, COOKIE_ECHO, DATA, INIT, INIT_ACK, Message, SACK, SHUTDOWN, SHUTDOWN_ACK,
    SHUTDOWN_COMPLETE, data, init, sack, word,
};
use crate::situation::{Batch, Met};

/// Half of what a client of this kind waits before it says something again (RFC 9260 §16): nobody is that busy.
const ANSWER: Duration = Duration::from_millis(500);

pub(super) fn speak(batch: &Batch, name: &str, from: SocketAddr) -> (SocketAddr, Met) {
    let mut client = Client { socket: Raw::sctp(from.ip()), from, to: batch.to, tag: 0 };
    (from, client.associate(name, batch).err().unwrap_or(Met::Answered))
}

struct Client {
    socket: Raw,
    from: SocketAddr,
    to: SocketAddr,
    /// The server's.
    tag: u32,
}

impl Client {
    fn associate(&mut self, name: &str, batch: &Batch) -> Result<(), Met> {
        // As different from others' as random numbers would be, and the same in every run.
        let tag =
            name.bytes().fold(u32::from(self.from.port()), |tag, byte| tag.rotate_left(5) ^ u32::from(byte))
                | 1;
        let first = !tag;
        let mut answer = self.ask(&[(INIT, init(tag, first))], INIT_ACK);
        for _ in 1..batch.tries {
            answer = answer.or_else(|_| self.ask(&[(INIT, init(tag, first))], INIT_ACK));
        }
        let answer = answer?;
        let theirs = answer.chunk(INIT_ACK).expect("asked for");
        self.tag = word(theirs, 0).expect("a tag");
        // Behind the fixed part the only parameter, behind its header (§3.3.3).
        let cookie = theirs[20..].to_vec();
        self.ask(&[(COOKIE_ECHO, cookie)], COOKIE_ACK)?;
        let line = format!("{name} {}\n", "x".repeat(batch.bytes));
        let answer = self.ask(&[(DATA, data(first, &line))], DATA)?;
        let tsn = word(answer.chunk(DATA).expect("asked for"), 0).expect("a number");
        self.say(&[(SACK, sack(tsn))]);
        self.ask(&[(SHUTDOWN, tsn.to_be_bytes().to_vec())], SHUTDOWN_ACK)?;
        self.say(&[(SHUTDOWN_COMPLETE, Vec::new())]);
        Ok(())
    }

    fn say(&self, chunks: &[(u8, Vec<u8>)]) {
        let (source, destination) = (self.from.port(), self.to.port());
        let message = Message { source, destination, tag: self.tag, chunks: chunks.to_vec() };
        self.socket.send(&message.write(), self.to.ip());
    }

    /// Says `chunks` and waits for a message with a chunk of the `wanted` type.
    fn ask(&self, chunks: &[(u8, Vec<u8>)], wanted: u8) -> Result<Message, Met> {
        self.say(chunks);
        let deadline = Instant::now() + ANSWER;
        while let Some((peer, bytes)) = self.socket.receive(deadline) {
            let Some(message) = Message::read(&bytes) else { continue };
            if peer != self.to.ip()
                || message.source != self.to.port()
                || message.destination != self.from.port()
            {
                continue;
            }
            if message.chunk(ABORT).is_some() {
                return Err(if wanted == INIT_ACK { Met::Refused } else { Met::Reset });
            }
            if message.chunk(wanted).is_some() {
                return Ok(message);
            }
        }
        Err(if wanted == INIT_ACK { Met::Timeout } else { Met::Silent })
    }
}
