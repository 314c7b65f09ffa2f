//! GRE, and the mirrored frames that ERSPAN carries in it.

use crate::decode::link::{ethertype, u16_at};
use crate::decode::transport::opaque;
use crate::decode::tunnel::is_closed;
use crate::decode::walk::{Next, Step, Walk};
use crate::digest::protocol;
use crate::frame::LinkType;
use crate::packet::{Header, Why};

const GRE_LENGTH: usize = 4;

/// Flags and version, the first two bytes.
const CHECKSUM: u16 = 0x8000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const VERSION: u16 = 0x0007;
/// Routing, strict source route and the first bit of recursion control of RFC 1701: such a packet is discarded.
const OBSOLETE: u16 = 0x4c00;

/// Content types beyond those of Ethernet.
const ERSPAN: u16 = 0x88be;
const ERSPAN_3: u16 = 0x22eb;
const WCCP: u16 = 0x883e;

/// Whether what GRE carries by this content type is a mirrored frame.
pub(in crate::decode) const fn is_mirror(protocol: u16) -> bool {
    matches!(protocol, ERSPAN | ERSPAN_3)
}

/// RFC 2784 §2.1 with the extensions of RFC 2890; NVGRE (RFC 7637 §3.2) is this with a key and Ethernet inside:
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-----------------+-----+-------------------------------+
/// |C| |K|S|     reserved    |  0  |         content type          |
/// +-+-+-+-+-----------------+-----+-------------------------------+
/// |       checksum (if C)         |            reserved           |
/// +---------------------------------------------------------------+
/// |                           key (if K)                          |
/// +---------------------------------------------------------------+
/// |                     sequence number (if S)                    |
/// +---------------------------------------------------------------+
/// ```
///
/// What it carries must be IP, Ethernet, MPLS or a mirrored frame, or else it stays closed; version 1 (PPTP, RFC 2637)
/// does, too.
pub(in crate::decode) fn gre(walk: &mut Walk<'_>) -> Step {
    match Gre::read(walk.rest()) {
        Some(gre) if !is_closed(walk) => {
            walk.push(Header::Gre { protocol: gre.protocol, key: gre.key }, gre.length)?;
            Ok(gre.content)
        }
        _ => opaque(walk, protocol::GRE),
    }
}

struct Gre {
    protocol: u16,
    key: Option<u32>,
    length: usize,
    content: Next,
}

impl Gre {
    fn read(bytes: &[u8]) -> Option<Self> {
        let header: &[u8; GRE_LENGTH] = bytes.first_chunk()?;
        let (flags, protocol) = (u16_at(header, 0), u16_at(header, 2));
        if flags & (VERSION | OBSOLETE) != 0 {
            return None;
        }
        let length_of = |flag| if flags & flag != 0 { 4 } else { 0 };
        let key_at = GRE_LENGTH + length_of(CHECKSUM);
        let mut length = key_at + length_of(KEY) + length_of(SEQUENCE);
        let key = if flags & KEY != 0 {
            Some(u32::from_be_bytes(*bytes.get(key_at..)?.first_chunk()?))
        } else {
            None
        };
        let inner = bytes.get(length..)?;
        let seems = |version| inner.first().is_none_or(|byte| byte >> 4 == version);
        let content = match protocol {
            ethertype::IPV4 if seems(4) => Next::Ip(Some(4)),
            ethertype::IPV6 if seems(6) => Next::Ip(Some(6)),
            ethertype::BRIDGED => Next::Link(LinkType::ETHERNET),
            ethertype::MPLS | ethertype::MPLS_GROUP => Next::EtherType(protocol),
            // The first kind of mirror has no header, and no sequence number.
            ERSPAN if flags & SEQUENCE == 0 => Next::Link(LinkType::ETHERNET),
            ERSPAN if seems(1) => Next::Erspan(2),
            ERSPAN_3 if seems(2) => Next::Erspan(3),
            // A redirected packet, in later versions behind four bytes of what to do with it.
            WCCP => {
                if !seems(4) {
                    length += 4;
                }
                Next::Ip(Some(4))
            }
            _ => return None,
        };
        Some(Self { protocol, key, length, content })
    }
}

/// The header of ERSPAN type II (draft-foschiano-erspan §4.2) or III (§4.3):
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-------+-----------------------+-----+---+-+-------------------+
/// |1 or 2 |         VLAN          | COS |   |T|      session      |
/// +-------+-----------------------+-----+---+-+-------------------+
/// |              index (II), timestamp (III)                      |
/// +-------------------------------+-+---------+-----------+-+---+-+
/// |        security group         |P|  frame  |  hardware |D|Gra|O|   III alone from here
/// +-------------------------------+-+---------+-----------+-+---+-+
/// |                 the platform's own, 8 bytes (if O) …          |
/// +---------------------------------------------------------------+
/// ```
///
/// What follows is Ethernet; in type III also IP, by its frame type (0 and 2).
pub(in crate::decode) fn erspan(walk: &mut Walk<'_>, kind: u8) -> Step {
    let start: &[u8; 8] = walk.header()?;
    let session = u16_at(start, 2) & 0x03ff;
    if kind == 2 {
        walk.push(Header::Erspan { session }, 8)?;
        return Ok(Next::Link(LinkType::ETHERNET));
    }
    let header: &[u8; 12] = walk.header()?;
    let (frame, has_more) = (header[10] >> 2 & 0x1f, header[11] & 1 == 1);
    walk.push(Header::Erspan { session }, if has_more { 20 } else { 12 })?;
    match frame {
        0 => Ok(Next::Link(LinkType::ETHERNET)),
        2 => Ok(Next::Ip(None)),
        _ => Err(Why::Malformed("the frame type of ERSPAN")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::build::{Inner, content, ends, raw, read, tcp};
    use crate::decode::full::Full;
    use crate::digest::{Kind, TunnelKind};

    fn inner() -> Inner {
        tcp(40001, 443, 30).in4("10.128.0.5", "203.0.113.25")
    }

    fn between_nodes(packet: Inner) -> Full {
        read(LinkType::ETHERNET, &packet.in4("192.168.12.11", "192.168.12.12").ethernet())
    }

    fn opened(packet: Inner) -> Option<(TunnelKind, Option<u32>)> {
        let full = between_nodes(packet);
        let tunnel = full.tunnel?;
        assert_eq!(ends(&full.digest), "10.128.0.5:40001 > 203.0.113.25:443");
        Some((tunnel.kind, tunnel.id))
    }

    #[test]
    fn gre_is_named_by_its_key_wherever_the_key_is() {
        assert_eq!(opened(inner().gre(0, &[], ethertype::IPV4)), Some((TunnelKind::Gre, None)));
        assert_eq!(opened(inner().gre(KEY, &[7], ethertype::IPV4)), Some((TunnelKind::Gre, Some(7))));
        let all = CHECKSUM | KEY | SEQUENCE;
        assert_eq!(opened(inner().gre(all, &[0, 7, 1], ethertype::IPV4)), Some((TunnelKind::Gre, Some(7))));
        let bridged = inner().framed().gre(KEY, &[0x0003_0700], ethertype::BRIDGED);
        assert_eq!(opened(bridged), Some((TunnelKind::Gre, Some(0x0003_0700))));
    }

    #[test]
    fn a_mirrored_frame_is_named_by_its_session() {
        let first = inner().framed().gre(0, &[], ERSPAN);
        assert_eq!(opened(first), Some((TunnelKind::Erspan, None)));
        let second = inner().framed().after(&[0x10, 9, 0x14, 5, 0, 0, 0, 0]).gre(SEQUENCE, &[1], ERSPAN);
        assert_eq!(opened(second), Some((TunnelKind::Erspan, Some(5))));
        let third = |tail: &[u8]| [&[0x20, 9, 0x14, 5, 0, 0, 0, 0, 0, 0], tail].concat();
        let packet = inner().framed().after(&third(&[0, 0])).gre(SEQUENCE, &[1], ERSPAN_3);
        assert_eq!(opened(packet), Some((TunnelKind::Erspan, Some(5))));
        let packet =
            inner().framed().after(&third(&[0, 1, 0, 0, 0, 0, 0, 0, 0, 0])).gre(SEQUENCE, &[1], ERSPAN_3);
        assert_eq!(opened(packet), Some((TunnelKind::Erspan, Some(5))));
        let packet = inner().after(&third(&[8, 0])).gre(SEQUENCE, &[1], ERSPAN_3);
        assert_eq!(opened(packet), Some((TunnelKind::Erspan, Some(5))));
    }

    #[test]
    fn a_redirected_packet_is_found_behind_either_header() {
        assert_eq!(opened(inner().gre(0, &[], WCCP)), Some((TunnelKind::Gre, None)));
        assert_eq!(opened(inner().after(&[0, 1, 2, 3]).gre(0, &[], WCCP)), Some((TunnelKind::Gre, None)));
    }

    #[test]
    fn other_versions_routing_and_unknown_content_stay_closed() {
        let packets = [
            inner().gre(0x3001, &[1, 2], 0x880b),
            inner().gre(0x4000, &[0], ethertype::IPV4),
            inner().gre(0, &[], 0x2001),
            raw(0, &[0; 20]).gre(0, &[], ethertype::IPV4),
            content(protocol::GRE, &[0x20, 0, 8]),
            content(protocol::GRE, &[0x20, 0, 8, 0, 1]),
        ];
        for packet in packets {
            let full = between_nodes(packet);
            assert_eq!((full.tunnel, full.digest.kind), (None, Kind::Opaque));
            assert_eq!(ends(&full.digest), "192.168.12.11 > 192.168.12.12");
        }
    }
}
