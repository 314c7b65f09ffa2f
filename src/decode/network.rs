//! IPv4, IPv6 and the extension headers between them and the transport.
//!
//! Headers come from real interfaces: lengths may be 0 because segmentation offload fills them in later, or larger
//! than what was captured. So `etherparse` reads single headers, and what they add up to is decided here: which
//! part of a datagram a fragment is, and where the packet ends on the wire however little of it was captured.

use std::net::IpAddr;

use etherparse::err::{ip_auth, ipv4, ipv6};
use etherparse::{
    IpAuthHeaderSlice, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice,
};

use crate::decode::walk::{Next, Step, Walk};
use crate::net::Address;
use crate::packet::{Extent, Fragment, Header, Why};

pub(super) const IPV4_LENGTH: usize = 20;
pub(super) const IPV6_LENGTH: usize = 40;

/// An IP packet, whose version an outer header may have said already.
pub(super) fn step(walk: &mut Walk<'_>, version: Option<u8>) -> Step {
    let Some(first) = walk.rest().first() else { return Err(walk.short(1)) };
    match (first >> 4, version) {
        (4, None | Some(4)) => ipv4(walk),
        (6, None | Some(6)) => ipv6(walk),
        (_, None) => Err(Why::Malformed("neither IPv4 nor IPv6")),
        (_, Some(_)) => Err(Why::Malformed("the IP version is not the one announced")),
    }
}

/// RFC 791 §3.1:
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-------+-------+---------------+-------------------------------+
/// |   4   | words |      TOS      |         total length          |
/// +-------+-------+---------------+-----+-------------------------+
/// |         identification        |0 D M|  offset (8 bytes each)  |
/// +---------------+---------------+-----+-------------------------+
/// | time to live  |   protocol    |            checksum           |
/// +---------------+---------------+-------------------------------+
/// |                            source                             |
/// +---------------------------------------------------------------+
/// |                          destination                          |
/// +---------------------------------------------------------------+
/// |                         options …                             |
/// +---------------------------------------------------------------+
/// ```
fn ipv4(walk: &mut Walk<'_>) -> Step {
    let header = match Ipv4HeaderSlice::from_slice(walk.rest()) {
        Ok(header) => header,
        Err(ipv4::HeaderSliceError::Len(error)) => return Err(walk.short(error.required_len)),
        Err(ipv4::HeaderSliceError::Content(_)) => return Err(Why::Malformed("the header length of IPv4")),
    };
    let length = header.slice().len();
    let offset = header.fragments_offset().value() * 8;
    let fragment = header.is_fragmenting_payload().then(|| Fragment {
        offset,
        more: header.more_fragments(),
        id: u32::from(header.identification()),
    });
    // A total length that does not hold its own header is one that was never filled in.
    let total = usize::from(header.total_len());
    if total >= length {
        walk.limit(total);
    }
    walk.addresses = (v4_address(header.source()), v4_address(header.destination()));
    let protocol = header.protocol().0;
    walk.push(
        Header::Ipv4 {
            source: walk.addresses.0,
            destination: walk.addresses.1,
            protocol,
            ttl: header.ttl(),
            id: header.identification(),
            total_length: header.total_len(),
            dont_fragment: header.dont_fragment(),
            fragment,
        },
        length,
    )?;
    if offset > 0 {
        return Err(tail(walk, protocol));
    }
    let protocol = extensions(walk, protocol, &[AUTHENTICATION])?;
    Ok(Next::Transport { protocol, v6: false })
}

/// RFC 8200 §3:
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-------+---------------+---------------------------------------+
/// |   6   | traffic class |              flow label               |
/// +-------+---------------+-------+---------------+---------------+
/// |        payload length         |  next header  |   hop limit   |
/// +-------------------------------+---------------+---------------+
/// |                         source (16 bytes)                     |
/// +---------------------------------------------------------------+
/// |                       destination (16 bytes)                  |
/// +---------------------------------------------------------------+
/// ```
fn ipv6(walk: &mut Walk<'_>) -> Step {
    let header = match Ipv6HeaderSlice::from_slice(walk.rest()) {
        Ok(header) => header,
        Err(ipv6::HeaderSliceError::Len(error)) => return Err(walk.short(error.required_len)),
        Err(ipv6::HeaderSliceError::Content(_)) => return Err(Why::Malformed("the header of IPv6")),
    };
    // 0 with something behind it: a jumbogram (RFC 2675), or a length that offload fills in later.
    let payload_length = header.payload_length();
    if payload_length > 0 {
        walk.limit(IPV6_LENGTH + usize::from(payload_length));
    }
    walk.addresses = (Address::v6(header.source()), Address::v6(header.destination()));
    let next_header = header.next_header().0;
    walk.push(
        Header::Ipv6 {
            source: walk.addresses.0,
            destination: walk.addresses.1,
            next_header,
            hop_limit: header.hop_limit(),
            flow_label: header.flow_label().value(),
            payload_length,
        },
        IPV6_LENGTH,
    )?;
    let protocol = extensions(walk, next_header, &IPV6_EXTENSIONS)?;
    Ok(Next::Transport { protocol, v6: true })
}

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;
/// Mobility (RFC 6275 §6.1), host identity (RFC 7401 §5.1) and shim6 (RFC 5533 §5.1) have the form of options.
const MOBILITY: u8 = 135;
const HOST_IDENTITY: u8 = 139;
const SHIM6: u8 = 140;
const IPV6_EXTENSIONS: [u8; 8] =
    [HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION, MOBILITY, HOST_IDENTITY, SHIM6];

/// Steps over the extension headers that are `allowed`, as one layer, and returns the protocol behind them.
///
/// What follows a tail's fragment header is data, whatever its next-header field makes of it: the chain ends there.
/// Headers are read one at a time: over a lax chain that was cut, `etherparse` 0.21 iterates beyond the chain's end.
fn extensions(walk: &mut Walk<'_>, first: u8, allowed: &[u8]) -> Result<u8, Why> {
    let (mut protocol, mut length, mut fragment) = (first, 0, None);
    let mut outcome = Ok(());
    // Hop-by-hop options come first or not at all (RFC 8200 §4.1).
    while allowed.contains(&protocol) && (protocol != HOP_BY_HOP || length == 0) {
        let rest = walk.rest().get(length..).unwrap_or_default();
        match Extension::read(protocol, rest) {
            Ok(extension) => {
                protocol = extension.next;
                length += extension.length;
                fragment = fragment.or(extension.fragment);
                if extension.fragment.is_some_and(|fragment| fragment.offset > 0) {
                    outcome = Err(Why::Tail);
                    break;
                }
            }
            Err(Unread::Short(needed)) => {
                outcome = Err(walk.short(length + needed));
                break;
            }
            Err(Unread::Malformed) => {
                outcome = Err(Why::Malformed("an authentication header"));
                break;
            }
        }
    }
    if length > 0 {
        walk.push(Header::Extensions { protocol, fragment }, length)?;
    }
    match outcome {
        Ok(()) => Ok(protocol),
        Err(Why::Tail) => Err(tail(walk, protocol)),
        Err(why) => Err(why),
    }
}

/// Records that what follows are the bytes of a later fragment, and ends the walk.
fn tail(walk: &mut Walk<'_>, protocol: u8) -> Why {
    let payload = Extent(walk.stated_after(0));
    walk.push(Header::Tail { protocol, payload }, 0).err().unwrap_or(Why::Tail)
}

/// Whether an address can be that of one machine: not a group's, not everybody's, not nobody's.
pub(super) fn is_single(address: Address) -> bool {
    match address.ip() {
        IpAddr::V4(address) => {
            !address.is_multicast() && !address.is_broadcast() && !address.is_unspecified()
        }
        IpAddr::V6(address) => !address.is_multicast() && !address.is_unspecified(),
    }
}

/// One extension header.
///
/// RFC 8200 §4.2, §4.4; authentication (RFC 4302 §2) counts its length in four bytes, less two:
///
/// ```text
/// +---------------+---------------+-------------------------------+
/// |  next header  | length/8 - 1  |  options or addresses …       |
/// +---------------+---------------+-------------------------------+
/// ```
///
/// RFC 8200 §4.5; an offset of 0 without more fragments is a whole datagram (RFC 6946):
///
/// ```text
/// +---------------+---------------+-------------------------+---+-+
/// |  next header  |   reserved    |  offset (8 bytes each)  |res|M|
/// +---------------+---------------+-------------------------+---+-+
/// |                         identification                        |
/// +---------------------------------------------------------------+
/// ```
struct Extension {
    next: u8,
    length: usize,
    fragment: Option<Fragment>,
}

enum Unread {
    /// This many bytes are needed.
    Short(usize),
    Malformed,
}

impl Extension {
    fn read(number: u8, bytes: &[u8]) -> Result<Self, Unread> {
        Ok(match number {
            FRAGMENT => {
                let header = Ipv6FragmentHeaderSlice::from_slice(bytes)
                    .map_err(|error| Unread::Short(error.required_len))?;
                let fragment = header.is_fragmenting_payload().then(|| Fragment {
                    offset: header.fragment_offset().value() * 8,
                    more: header.more_fragments(),
                    id: header.identification(),
                });
                Self { next: header.next_header().0, length: header.slice().len(), fragment }
            }
            AUTHENTICATION => match IpAuthHeaderSlice::from_slice(bytes) {
                Ok(header) => {
                    Self { next: header.next_header().0, length: header.slice().len(), fragment: None }
                }
                Err(ip_auth::HeaderSliceError::Len(error)) => return Err(Unread::Short(error.required_len)),
                Err(ip_auth::HeaderSliceError::Content(_)) => return Err(Unread::Malformed),
            },
            _ => {
                let header = Ipv6RawExtHeaderSlice::from_slice(bytes)
                    .map_err(|error| Unread::Short(error.required_len))?;
                Self { next: header.next_header().0, length: header.slice().len(), fragment: None }
            }
        })
    }
}

const fn v4_address(octets: [u8; 4]) -> Address {
    Address::v4(u32::from_be_bytes(octets))
}
