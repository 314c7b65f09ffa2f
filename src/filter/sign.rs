//! What a single frame may show, besides addresses, ports and protocol.
//!
//! A payload is told by how it begins in that frame: what a stream continues is not put together here.

use std::fmt;
use std::str::FromStr;

use crate::decode::hint::{dns, http, tls};
use crate::decode::is_icmp_error;
use crate::digest::tcp;
use crate::frame::Frame;
use crate::nearest::{meant, nearest};
use crate::packet::{Extent, Header, Layer, Packet};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// A TCP segment with this flag, whatever others it has.
    Syn,
    Fin,
    Rst,
    /// An ICMP or ICMPv6 message that quotes a packet which was not delivered.
    IcmpError,
    /// The hello of a TLS client or server.
    TlsHello,
    /// The first line of an HTTP/1 request or response.
    Http,
    /// A DNS message.
    Dns,
    /// A tunnel of any kind that is opened.
    Tunnel,
    Vxlan,
    Geneve,
    Gre,
    Ipip,
    Arp,
    /// Neighbour discovery of IPv6.
    Nd,
    /// A part of a datagram.
    Fragment,
}

const NAMES: [(&str, Sign); 15] = [
    ("syn", Sign::Syn),
    ("fin", Sign::Fin),
    ("rst", Sign::Rst),
    ("icmp-error", Sign::IcmpError),
    ("tls-hello", Sign::TlsHello),
    ("http", Sign::Http),
    ("dns", Sign::Dns),
    ("tunnel", Sign::Tunnel),
    ("vxlan", Sign::Vxlan),
    ("geneve", Sign::Geneve),
    ("gre", Sign::Gre),
    ("ipip", Sign::Ipip),
    ("arp", Sign::Arp),
    ("nd", Sign::Nd),
    ("fragment", Sign::Fragment),
];

/// What was typed is nothing that a frame shows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{typed}` is nothing that a frame shows{}; write one of {}", meant(self.nearest()), Sign::names().join(", "))]
pub struct Error {
    pub typed: String,
}

impl Error {
    fn nearest(&self) -> Option<&'static str> {
        nearest(&self.typed, Sign::names())
    }
}

impl Sign {
    pub fn names() -> [&'static str; 15] {
        NAMES.map(|(name, _)| name)
    }

    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, sign)| *sign == self).map_or("", |(name, _)| name)
    }

    /// Whether a frame shows it, in any of its layers.
    pub(super) fn is_in(self, packet: &Packet, frame: &Frame<'_>) -> bool {
        packet.layers.iter().any(|layer| self.is_shown_by(layer, frame))
    }

    fn is_shown_by(self, layer: &Layer, frame: &Frame<'_>) -> bool {
        let begins = |told: fn(&[u8]) -> bool| payload(layer, frame).is_some_and(told);
        match (self, &layer.header) {
            (Self::Syn, Header::Tcp { flags, .. }) => flags & tcp::SYN != 0,
            (Self::Fin, Header::Tcp { flags, .. }) => flags & tcp::FIN != 0,
            (Self::Rst, Header::Tcp { flags, .. }) => flags & tcp::RST != 0,
            (Self::IcmpError, Header::Icmp { v6, kind, .. }) => is_icmp_error(*v6, *kind),
            (Self::TlsHello, Header::Tcp { .. }) => begins(is_tls_hello),
            (Self::Http, Header::Tcp { .. }) => begins(is_http),
            (Self::Dns, Header::Udp { .. }) => begins(|payload| dns::Message::parse(payload).is_some()),
            (Self::Dns, Header::Tcp { .. }) => {
                begins(|payload| dns::Message::parse_stream(payload).is_some())
            }
            (
                Self::Tunnel,
                Header::Vxlan { .. } | Header::Geneve { .. } | Header::Gre { .. } | Header::Ipip,
            )
            | (Self::Vxlan, Header::Vxlan { .. })
            | (Self::Geneve, Header::Geneve { .. })
            | (Self::Gre, Header::Gre { .. })
            | (Self::Ipip, Header::Ipip)
            | (Self::Arp, Header::Arp { .. })
            | (Self::Nd, Header::Neighbour { .. })
            | (
                Self::Fragment,
                Header::Ipv4 { fragment: Some(_), .. } | Header::Extensions { fragment: Some(_), .. },
            ) => true,
            _ => false,
        }
    }
}

/// What a transport header carries, as far as it was captured.
fn payload<'a>(layer: &Layer, frame: &Frame<'a>) -> Option<&'a [u8]> {
    let (Header::Tcp { payload: Extent(length), .. } | Header::Udp { payload: Extent(length), .. }) =
        layer.header
    else {
        return None;
    };
    let payload = frame.bytes.get(layer.range.end..)?;
    let length = length.map_or(payload.len(), |length| length as usize);
    payload.get(..length.min(payload.len())).filter(|payload| !payload.is_empty())
}

/// A handshake record of TLS (RFC 8446 §5.1) whose first message, at the sixth byte, is a client's hello (1) or a
/// server's (2).
fn is_tls_hello(payload: &[u8]) -> bool {
    const SERVER_HELLO: u8 = 2;
    let is_servers = || matches!(payload, [22, 3, 0..=4, _, _, SERVER_HELLO, ..]);
    payload.len() > 5 && tls::may_begin(payload) || is_servers()
}

/// A method with the space behind it, or the version that responses begin with (RFC 9112 §3, §4).
fn is_http(payload: &[u8]) -> bool {
    let is_request = payload.len() >= 8 && http::may_begin(payload);
    is_request || payload.starts_with(b"HTTP/1.")
}

impl FromStr for Sign {
    type Err = Error;

    fn from_str(typed: &str) -> Result<Self, Error> {
        let named = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(typed));
        named.map(|(_, sign)| *sign).ok_or_else(|| Error { typed: typed.to_owned() })
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_is_known_by_its_name() {
        assert!(NAMES.iter().all(|(name, sign)| name.parse() == Ok(*sign) && sign.name() == *name));
        assert_eq!(
            "tls".parse::<Sign>().unwrap_err().to_string(),
            "`tls` is nothing that a frame shows; write one of syn, fin, rst, icmp-error, tls-hello, http, dns, tunnel, \
             vxlan, geneve, gre, ipip, arp, nd, fragment"
        );
    }

    #[test]
    fn both_hellos_of_tls_are_told_by_their_first_bytes() {
        assert!(is_tls_hello(&[22, 3, 1, 0, 100, 1, 0]));
        assert!(is_tls_hello(&[22, 3, 3, 0, 100, 2, 0]));
        for other in [&[22, 3, 3, 0, 100, 11, 0][..], &[23, 3, 3, 0, 100, 1, 0], &[22, 3], &[]] {
            assert!(!is_tls_hello(other), "{other:?}");
        }
    }

    #[test]
    fn requests_and_responses_of_http_are_told_by_their_first_bytes() {
        assert!(is_http(b"GET / HTTP/1.1\r\n") && is_http(b"HTTP/1.1 200 OK\r\n"));
        assert!(!is_http(b"G") && !is_http(b"SSH-2.0-OpenSSH"));
    }
}
