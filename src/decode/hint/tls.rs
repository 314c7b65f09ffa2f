//! The server name (RFC 6066 §3) and application protocols (RFC 7301) in a TLS client's hello (RFC 8446 §4.1.2).
//!
//! ```text
//! record     22 | 3 minor | length:2 | fragment …                        RFC 8446 §5.1
//! handshake   1 | length:3 | hello …                 over one record or several
//! hello      version:2 | random:32 | session id:1+n | cipher suites:2+n | compression:1+n | extensions:2+n
//! extension  type:2 | length:2 | …        0 server_name: list:2 | 0 | length:2 | name
//!                                        16 ALPN:        list:2 | length:1 | protocol | …
//! ```
//!
//! A hello in the format of SSL 2 has no extensions and begins differently; it tells nothing.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::{Hint, NAME, STREAM, bytes_at, u16_at};
use crate::text::Text;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const RECORD_HEADER: usize = 5;
/// RFC 8446 §5.1: a record's plaintext is no longer.
const RECORD: usize = 1 << 14;
const HANDSHAKE_HEADER: usize = 4;

const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;
const ALPN: u16 = 16;
/// Application protocols kept; clients offer two or three.
const PROTOCOLS: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hello {
    /// As it was sent.
    pub server_name: Option<Box<[u8]>>,
    /// As far as they were captured, in the client's order: `h2`, `http/1.1`.
    pub protocols: SmallVec<[Text; 2]>,
}

/// Whether a stream that begins so may be a client's hello.
#[inline]
pub fn may_begin(stream: &[u8]) -> bool {
    stream.first() == Some(&HANDSHAKE)
        && stream.get(1).is_none_or(|major| *major == 3)
        && stream.get(2).is_none_or(|minor| *minor <= 4)
        && stream.get(RECORD_HEADER).is_none_or(|kind| *kind == CLIENT_HELLO)
}

/// The hello that a client's stream begins with.
pub fn hello(stream: &[u8]) -> Hint<Hello> {
    if !stream.is_empty() && !may_begin(stream) {
        return Hint::Nothing;
    }
    let (message, goes_on) = handshake(stream);
    let Some([kind, high, middle, low]) = bytes_at::<HANDSHAKE_HEADER>(&message, 0) else {
        return if goes_on { Hint::More } else { Hint::Nothing };
    };
    let length = u32::from_be_bytes([0, high, middle, low]) as usize;
    if kind != CLIENT_HELLO || length > STREAM {
        return Hint::Nothing;
    }
    let body = &message[HANDSHAKE_HEADER..];
    let is_whole = body.len() >= length;
    let mut hello = Hello::default();
    let is_sound = extensions(&body[..body.len().min(length)], &mut hello);
    match (is_whole, is_sound) {
        // Cut off is not unsound: `extensions` then ends early, and what it found is right.
        (true, Some(())) => Hint::Told(hello),
        _ if hello.server_name.is_some() => Hint::Told(hello),
        (false, _) if goes_on => Hint::More,
        _ => Hint::Nothing,
    }
}

/// The bytes of the handshake's records, as far as they go, and whether more of them may follow: not if something else
/// comes before the hello is whole. What they have told by then stays told, so that it makes no difference how much of a
/// stream is known at a time.
fn handshake(stream: &[u8]) -> (Cow<'_, [u8]>, bool) {
    let mut message: Cow<'_, [u8]> = Cow::Borrowed(&[]);
    let mut rest = stream;
    while let Some([kind, major, _, high, low]) = bytes_at::<RECORD_HEADER>(rest, 0) {
        if is_whole(&message) {
            break;
        }
        let length = usize::from(u16::from_be_bytes([high, low]));
        if kind != HANDSHAKE || major != 3 || length == 0 || length > RECORD {
            return (message, false);
        }
        let fragment = &rest[RECORD_HEADER..rest.len().min(RECORD_HEADER + length)];
        if message.is_empty() {
            message = Cow::Borrowed(fragment);
        } else {
            message.to_mut().extend_from_slice(fragment);
        }
        rest = rest.get(RECORD_HEADER + length..).unwrap_or_default();
    }
    (message, true)
}

fn is_whole(message: &[u8]) -> bool {
    bytes_at::<HANDSHAKE_HEADER>(message, 0).is_some_and(|[_, high, middle, low]| {
        message.len() - HANDSHAKE_HEADER >= u32::from_be_bytes([0, high, middle, low]) as usize
    })
}

/// Reads a hello's extensions; `None` where a length points beyond the end. A hello without any is sound.
fn extensions(body: &[u8], hello: &mut Hello) -> Option<()> {
    let mut at = 2 + 32;
    at += 1 + usize::from(*body.get(at)?);
    at += 2 + usize::from(u16_at(body, at)?);
    at += 1 + usize::from(*body.get(at)?);
    if at == body.len() {
        return Some(());
    }
    let end = at + 2 + usize::from(u16_at(body, at)?);
    at += 2;
    while at < end {
        let (kind, length) = (u16_at(body, at)?, usize::from(u16_at(body, at + 2)?));
        at += 4;
        let content = body.get(at..at + length)?;
        match kind {
            SERVER_NAME if hello.server_name.is_none() => hello.server_name = server_name(content),
            ALPN if hello.protocols.is_empty() => protocols(content, &mut hello.protocols),
            _ => {}
        }
        at += length;
    }
    Some(())
}

fn server_name(content: &[u8]) -> Option<Box<[u8]>> {
    let kind = *content.get(2)?;
    let length = usize::from(u16_at(content, 3)?);
    let name = content.get(5..5 + length)?;
    (kind == HOST_NAME && (1..=NAME).contains(&length)).then(|| name.into())
}

fn protocols(content: &[u8], found: &mut SmallVec<[Text; 2]>) {
    let mut rest = content.get(2..).unwrap_or_default();
    while let Some((length, after)) = rest.split_first()
        && let Some(protocol) = after.get(..usize::from(*length))
        && found.len() < PROTOCOLS
    {
        found.push(Text::exact(protocol));
        rest = &after[protocol.len()..];
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sized(content: &[u8]) -> Vec<u8> {
        [&(content.len() as u16).to_be_bytes(), content].concat()
    }

    fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes(), sized(content).as_slice()].concat()
    }

    /// A hello message with these extensions, without records.
    fn message(extensions: &[u8]) -> Vec<u8> {
        let body = [
            &[3, 3],
            [7; 32].as_slice(),
            &[32],
            &[9; 32],
            &sized(&[0x13, 0x01, 0x13, 0x02]),
            &[1, 0],
            &sized(extensions),
        ]
        .concat();
        [&[1, 0], sized(&body).as_slice()].concat()
    }

    fn named(name: &str) -> Vec<u8> {
        let key_share = extension(51, &[5; 1200]);
        let alpn = extension(16, &sized(b"\x02h2\x08http/1.1"));
        let entry = [&[0], sized(name.as_bytes()).as_slice()].concat();
        message(&[key_share, extension(0, &sized(&entry)), alpn].concat())
    }

    /// A message in records of at most `size` bytes.
    fn records(message: &[u8], size: usize) -> Vec<u8> {
        message.chunks(size).flat_map(|part| [&[22, 3, 1], sized(part).as_slice()].concat()).collect()
    }

    /// A client's hello for `name`, in one record.
    pub(crate) fn client_hello(name: &str) -> Vec<u8> {
        records(&named(name), RECORD)
    }

    fn told(stream: &[u8]) -> (String, Vec<String>) {
        match hello(stream) {
            Hint::Told(hello) => (
                hello.server_name.map_or(String::new(), |name| Text::exact(&name).to_string()),
                hello.protocols.iter().map(ToString::to_string).collect(),
            ),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_hello_tells_server_name_and_protocols() {
        let (name, protocols) = told(&client_hello("api.partner.example"));
        assert_eq!((name.as_str(), protocols.len()), ("api.partner.example", 2));
        assert_eq!(protocols, ["h2", "http/1.1"]);
    }

    #[test]
    fn a_hello_without_extensions_tells_nothing_and_waits_for_nothing() {
        let mut short = message(&[]);
        short.truncate(short.len() - 2);
        short[3] -= 2;
        assert_eq!(hello(&records(&short, RECORD)), Hint::Told(Hello::default()));
    }

    #[test]
    fn what_is_no_client_hello_tells_nothing() {
        let server = client_hello("a.example").into_iter().enumerate();
        let server: Vec<u8> = server.map(|(n, byte)| if n == 5 { 2 } else { byte }).collect();
        assert_eq!(hello(&server), Hint::Nothing);
        assert_eq!(hello(b"\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10"), Hint::Nothing, "the format of SSL 2");
        assert_eq!(hello(b"\x17\x03\x03\0\x05hello"), Hint::Nothing, "application data");
    }

    #[test]
    fn a_name_that_would_move_the_cursor_is_shown_escaped() {
        assert_eq!(told(&client_hello("a\x1b[2Jb\0c")).0, "a\\u{1b}[2Jb\\u{0}c");
    }

    proptest! {
        #[test]
        fn records_of_any_size_tell_the_same(size in 1_usize..2000) {
            prop_assert_eq!(told(&records(&named("api.partner.example"), size)).0, "api.partner.example");
        }

        #[test]
        fn a_hello_cut_anywhere_tells_its_name_or_wants_more(size in 1_usize..2000, cut in 0_usize..1400) {
            let whole = records(&named("api.partner.example"), size);
            match hello(&whole[..cut.min(whole.len() - 1)]) {
                Hint::More => {}
                Hint::Told(hello) => prop_assert_eq!(&*hello.server_name.unwrap(), b"api.partner.example"),
                Hint::Nothing => prop_assert!(false, "given up at {cut}"),
            }
        }

        #[test]
        fn damage_costs_no_more_than_the_name(at in 0_usize..1400, byte in any::<u8>()) {
            let mut stream = client_hello("api.partner.example");
            let at = at.min(stream.len() - 1);
            stream[at] = byte;
            let _ = hello(&stream);
        }
    }
}
