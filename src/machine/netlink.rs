//! Netlink (RFC 3549): one question to the kernel, and the many messages of its answer.
//!
//! ```text
//!  0                   1                   2                   3
//! +---------------------------------------------------------------+
//! |                            length                             |  a message, all in the host's byte order
//! +-------------------------------+-------------------------------+
//! |             type              |             flags             |
//! +-------------------------------+-------------------------------+
//! |                           sequence                            |
//! +---------------------------------------------------------------+
//! |                             port                              |
//! +-------------------------------+-------------------------------+
//! |            length             |             type              |  an attribute, behind what the type says;
//! +-------------------------------+-------------------------------+  both begin at multiples of four
//! ```

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};

const HEADER: usize = 16;
const ATTRIBUTE_HEADER: usize = 4;
/// The kernel puts at most 32 KiB into one answer of a dump.
const ANSWER: usize = 1 << 16;
/// A table that changes while it is told is told again, so often.
const ATTEMPTS: usize = 4;

const ERROR: u16 = 2;
const DONE: u16 = 3;
/// `NLM_F_REQUEST`, and `NLM_F_DUMP`: all of a table.
const REQUEST_DUMP: u16 = 0x0001 | 0x0300;
/// `NLM_F_DUMP_INTR`: the table changed meanwhile.
const INTERRUPTED: u16 = 0x0010;
/// `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`, which are no part of a type.
const ATTRIBUTE_FLAGS: u16 = 0xc000;

/// A socket to the part of the kernel that `protocol` names; `None` is routing.
pub(super) fn open(protocol: Option<Protocol>, flags: SocketFlags) -> rustix::io::Result<OwnedFd> {
    socket_with(AddressFamily::NETLINK, SocketType::RAW, flags | SocketFlags::CLOEXEC, protocol)
}

/// What `take` made of all messages of type `kind` that answer the question; `sequence` counts the questions to this socket.
///
/// Should the table change while it is told, it is asked for again, and `take` starts anew; a table that never stands
/// still is given as it was told last: an entry may then be missing, none is wrong.
pub(super) fn dump<A: Default>(
    socket: &OwnedFd,
    sequence: &mut u32,
    question: (u16, &[u8]),
    kind: u16,
    mut take: impl FnMut(&mut A, &[u8]),
) -> io::Result<A> {
    let mut buffer = vec![0; ANSWER];
    let mut answer = A::default();
    for _ in 0..ATTEMPTS {
        answer = A::default();
        *sequence = sequence.wrapping_add(1);
        send(socket, &request(question, *sequence), SendFlags::empty())?;
        let mut was_interrupted = false;
        loop {
            let length = match recv(socket, &mut buffer[..], RecvFlags::empty()) {
                Ok((_, length)) => length.min(ANSWER),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let mut seen = Seen::default();
            seen.messages(&buffer[..length], *sequence, |message, body| {
                if message == kind {
                    take(&mut answer, body);
                }
            });
            was_interrupted |= seen.is_interrupted;
            match seen.end {
                None if length == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                None => {}
                Some(0) => break,
                Some(error) => return Err(io::Error::from_raw_os_error(error)),
            }
        }
        if !was_interrupted {
            break;
        }
    }
    Ok(answer)
}

fn request((kind, body): (u16, &[u8]), sequence: u32) -> Vec<u8> {
    let mut message = Vec::with_capacity(HEADER + body.len());
    message.extend(((HEADER + body.len()) as u32).to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(REQUEST_DUMP.to_ne_bytes());
    message.extend(sequence.to_ne_bytes());
    message.extend(0_u32.to_ne_bytes());
    message.extend(body);
    message
}

/// What one read of the socket said beside its contents.
#[derive(Default)]
struct Seen {
    is_interrupted: bool,
    /// The end of the answer: 0, or the number of an error.
    end: Option<i32>,
}

impl Seen {
    fn messages(&mut self, bytes: &[u8], sequence: u32, mut each: impl FnMut(u16, &[u8])) {
        for message in messages(bytes).filter(|message| message.sequence == sequence) {
            self.is_interrupted |= message.flags & INTERRUPTED != 0;
            match message.kind {
                // Both begin with an error, negative, or 0.
                ERROR | DONE => {
                    self.end =
                        Some(u32_at(message.body, 0).map_or(0, |error| (error as i32).saturating_neg()));
                }
                kind => each(kind, message.body),
            }
        }
    }
}

/// A message, without its length and port.
pub(super) struct Message<'a> {
    pub(super) kind: u16,
    pub(super) flags: u16,
    sequence: u32,
    pub(super) body: &'a [u8],
}

/// The messages in what was read of a socket at once; ends where they no longer fit.
pub(super) fn messages(bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = u32_at(rest, 0)? as usize;
        let message = rest.get(..length).filter(|message| message.len() >= HEADER)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        let (kind, flags) = (u16_at(message, 4)?, u16_at(message, 6)?);
        Some(Message { kind, flags, sequence: u32_at(message, 8)?, body: &message[HEADER..] })
    })
}

/// The attributes in `bytes`, type and value; ends where they no longer fit.
pub(super) fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(rest, 0)?);
        let kind = u16_at(rest, 2)? & !ATTRIBUTE_FLAGS;
        let value = rest.get(ATTRIBUTE_HEADER..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// A number in the host's byte order.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes))
}

/// A number in the host's byte order.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

/// An attribute as the kernel writes it.
#[cfg(test)]
pub(super) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = ((ATTRIBUTE_HEADER + value.len()) as u16).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = request((kind, body), sequence);
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn messages_are_read_up_to_the_end_and_others_answers_are_not_ours() {
        let mut bytes = message(16, 2, 7, b"abc");
        bytes.extend(message(16, 2, 6, b"old"));
        bytes.extend(message(16, 2 | INTERRUPTED, 7, b"defg"));
        bytes.extend(message(DONE, 2, 7, &0_i32.to_ne_bytes()));
        let (mut seen, mut bodies) = (Seen::default(), Vec::new());
        seen.messages(&bytes, 7, |kind, body| bodies.push((kind, body.to_vec())));
        assert_eq!(bodies, [(16, b"abc".to_vec()), (16, b"defg".to_vec())]);
        assert_eq!((seen.is_interrupted, seen.end), (true, Some(0)));
    }

    #[test]
    fn an_error_is_told_by_its_number() {
        let mut seen = Seen::default();
        seen.messages(&message(ERROR, 0, 1, &(-1_i32).to_ne_bytes()), 1, |_, _| {});
        assert_eq!(seen.end, Some(1));
    }

    #[test]
    fn attributes_that_do_not_fit_end_the_list() {
        let mut bytes = attribute(3, b"eth0\0");
        bytes.extend(attribute(0x8012, b"x"));
        let whole: Vec<_> = attributes(&bytes).collect();
        assert_eq!(whole, [(3, &b"eth0\0"[..]), (18, &b"x"[..])]);
        for cut in 0..bytes.len() {
            assert!(attributes(&bytes[..cut]).count() <= 2);
        }
        assert_eq!(attributes(&[0; 64]).count(), 0, "an attribute of no length is no attribute");
    }
}
