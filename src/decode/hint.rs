//! What payloads say of the name that was meant: the names that a TLS or HTTP client asks for, and DNS messages.
//!
//! Pure functions over bytes that anybody may have written. They take the *beginning of a stream* as far as it is known and
//! tell a name as soon as it is there, whole hello or not: a short snap length often keeps it. All of them are total, look
//! at each byte a bounded number of times, and read no further than [`STREAM`] bytes into a stream.
//!
//! - `tls`: server name and application protocols of a ClientHello.
//! - `http`: the authority that an HTTP/1 request is for.
//! - `dns`: questions, and the addresses that a name leads to.
//!
//! QUIC is left out: its first packet is encrypted with keys that anybody can derive (RFC 9001 §5.2), but that takes HKDF and
//! AES. So is HTTP/2 without TLS, whose names are Huffman-coded in HPACK.

pub mod dns;
pub mod http;
pub mod tls;

use crate::text::Text;

/// Bytes of a stream that are read for a name. A hello with post-quantum keys has some 2,000; servers refuse headers beyond
/// 8 to 16 KiB.
pub const STREAM: usize = 16 * 1024;

/// Names are cut nowhere: one that is longer than DNS allows (RFC 1035 §2.3.4) with a port behind it is none.
const NAME: usize = 255 + 6;

/// What the beginning of a stream tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint<T> {
    Told(T),
    /// It tells nothing, whatever follows.
    Nothing,
    /// It may, once more of it is known.
    More,
}

/// By which words a client named whom it meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The server name of a TLS hello.
    Sni,
    /// The authority of an HTTP request.
    Host,
    /// The name in a DNS question: not the destination's, but what it was asked for.
    Query,
}

/// Whether a client's stream that begins so may tell a name.
#[inline]
pub fn may_tell(stream: &[u8]) -> bool {
    tls::may_begin(stream) || http::may_begin(stream)
}

/// The name that a client's stream asks for.
pub fn client_name(stream: &[u8]) -> Hint<(Kind, Text)> {
    let stream = &stream[..stream.len().min(STREAM)];
    let hint = if tls::may_begin(stream) {
        match tls::hello(stream) {
            Hint::Told(hello) => {
                hello.server_name.map_or(Hint::Nothing, |name| Hint::Told((Kind::Sni, name)))
            }
            Hint::More => Hint::More,
            Hint::Nothing => Hint::Nothing,
        }
    } else if http::may_begin(stream) {
        match http::request(stream) {
            Hint::Told(request) => {
                request.authority().map_or(Hint::Nothing, |name| Hint::Told((Kind::Host, Text::exact(name))))
            }
            Hint::More => Hint::More,
            Hint::Nothing => Hint::Nothing,
        }
    } else {
        Hint::Nothing
    };
    if hint == Hint::More && stream.len() == STREAM { Hint::Nothing } else { hint }
}

/// `N` bytes at an offset.
fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes_at(bytes, at).map(u16::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_taken(stream in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = client_name(&stream);
            let _ = tls::hello(&stream);
            let _ = http::request(&stream);
            if let Some(message) = dns::Message::parse(&stream) {
                let _ = (message.name(), message.addresses(), message.records().count());
            }
        }
    }

    #[test]
    fn what_is_neither_tls_nor_http_tells_nothing() {
        for stream in [&b"SSH-2.0-OpenSSH_9.2\r\n"[..], b"\x80\x2e\x01\x03\x01", b"", b"\0\0\0\0"] {
            assert!(!may_tell(stream) || client_name(stream) == Hint::More, "{stream:?}");
        }
    }

    #[test]
    fn a_stream_without_end_is_given_up() {
        let endless = [b"GET / HTTP/1.1\r\nX: ".as_slice(), &[b'a'; STREAM]].concat();
        assert_eq!(client_name(&endless), Hint::Nothing);
    }
}
