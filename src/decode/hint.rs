//! What payloads say of the name that was meant: the names that a TLS or HTTP client asks for, and DNS messages.
//!
//! Pure functions over bytes that anybody may have written. They take the *beginning of a stream* as far as it is known and
//! tell a name as soon as it is there, whole hello or not: a short snap length often keeps it. All of them are total, look
//! at each byte a bounded number of times, and read no further than [`STREAM`] bytes into a stream.
//!
//! - `tls`: server name and application protocols of a client's hello.
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
    /// The authority of an HTTP request to a proxy: not the destination's, but whom the proxy is to ask.
    Proxied,
    /// The name in a DNS question: not the destination's, but what it was asked for.
    Query,
}

/// Whether a client's stream that begins so may tell a name.
#[inline]
pub fn may_tell(stream: &[u8]) -> bool {
    tls::may_begin(stream) || http::may_begin(stream)
}

/// The name that a client's stream asks for, in small letters; an address is none.
pub fn client_name(stream: &[u8]) -> Hint<(Kind, Text)> {
    let stream = &stream[..stream.len().min(STREAM)];
    let hint = if tls::may_begin(stream) {
        match tls::hello(stream) {
            Hint::Told(hello) => told(Kind::Sni, hello.server_name.as_deref()),
            Hint::More => Hint::More,
            Hint::Nothing => Hint::Nothing,
        }
    } else if http::may_begin(stream) {
        match http::request(stream) {
            Hint::Told(request) if request.target.is_some() => told(Kind::Proxied, request.authority()),
            Hint::Told(request) => told(Kind::Host, request.authority()),
            Hint::More => Hint::More,
            Hint::Nothing => Hint::Nothing,
        }
    } else {
        Hint::Nothing
    };
    if hint == Hint::More && stream.len() == STREAM { Hint::Nothing } else { hint }
}

fn told(kind: Kind, authority: Option<&[u8]>) -> Hint<(Kind, Text)> {
    match authority.and_then(host) {
        Some(name) => Hint::Told((kind, Text::exact(&name.to_ascii_lowercase()))),
        None => Hint::Nothing,
    }
}

/// The name in an authority, without port and final point; `None` if it is an address.
fn host(authority: &[u8]) -> Option<&[u8]> {
    let colon = authority.iter().rposition(|byte| *byte == b':');
    let host = match colon {
        Some(at) if authority[at + 1..].iter().all(u8::is_ascii_digit) => &authority[..at],
        _ => authority,
    };
    let host = host.strip_suffix(b".").unwrap_or(host);
    let is_address = |text| str::from_utf8(text).is_ok_and(|text| text.parse::<std::net::IpAddr>().is_ok());
    let is_name = !host.is_empty() && !host.starts_with(b"[") && !is_address(host) && !is_address(authority);
    is_name.then_some(host)
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
    fn a_name_is_told_in_small_letters_without_its_port_and_an_address_is_none() {
        let named = |host: &str| match client_name(format!("GET / HTTP/1.1\r\nHost: {host}\r\n").as_bytes()) {
            Hint::Told((_, name)) => name.to_string(),
            _ => String::new(),
        };
        assert_eq!(named("API.partner.example:8080"), "api.partner.example");
        assert_eq!(named("api.partner.example."), "api.partner.example");
        assert_eq!(["203.0.113.25", "203.0.113.25:80", "[fd00::1]:80", "fd00::1"].map(named), [""; 4]);
    }

    #[test]
    fn whom_a_proxy_is_to_ask_is_another_thing_than_whom_a_client_asks() {
        let kind = |stream: &str| match client_name(stream.as_bytes()) {
            Hint::Told((kind, _)) => Some(kind),
            _ => None,
        };
        assert_eq!(kind("CONNECT a.example:443 HTTP/1.1\r\n\r\n"), Some(Kind::Proxied));
        assert_eq!(kind("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"), Some(Kind::Host));
    }

    #[test]
    fn a_stream_without_end_is_given_up() {
        let endless = [b"GET / HTTP/1.1\r\nX: ".as_slice(), &[b'a'; STREAM]].concat();
        assert_eq!(client_name(&endless), Hint::Nothing);
    }
}
