//! Links between two ends: PPP, PPP over Ethernet, Cisco's HDLC and frame relay.

use crate::decode::link::{ethertype, llc, u16_at};
use crate::decode::walk::{Next, Step, Walk};
use crate::packet::{Header, Protocol};

const PPPOE_LENGTH: usize = 6;

/// The session stage of RFC 2516 §4:
///
/// ```text
/// +--------+--------+----------------+----------------+
/// | 1 │ 1  | 0  (1) |  session (2)   |   length (2)   |
/// +--------+--------+----------------+----------------+
/// ```
pub(super) fn pppoe(walk: &mut Walk<'_>) -> Step {
    let header: &[u8; PPPOE_LENGTH] = walk.header()?;
    if header[..2] != [0x11, 0] {
        return Err(walk.unknown(Protocol::EtherType(ethertype::PPPOE)));
    }
    walk.limit(PPPOE_LENGTH + usize::from(u16_at(header, 4)));
    walk.push(Header::Pppoe { session: u16_at(header, 2) }, PPPOE_LENGTH)?;
    ppp(walk)
}

const IPV4: u16 = 0x0021;
const IPV6: u16 = 0x0057;
const MPLS: u16 = 0x0281;
const MPLS_GROUP: u16 = 0x0283;

/// RFC 1661 §2, perhaps behind address and control of RFC 1662 §3.1. A protocol number whose first byte is odd has no
/// second one (RFC 1661 §6.5).
///
/// ```text
/// +----------------+----------------+------------------------+
/// | ff (0 or 1)    | 03 (0 or 1)    |  protocol (1 or 2)     |
/// +----------------+----------------+------------------------+
/// ```
pub(super) fn ppp(walk: &mut Walk<'_>) -> Step {
    let bytes = walk.rest();
    let before = if bytes.starts_with(&[0xff, 0x03]) { 2 } else { 0 };
    let (protocol, length) = match bytes.get(before..).unwrap_or_default() {
        [first, ..] if first & 1 == 1 => (u16::from(*first), before + 1),
        [first, second, ..] => (u16::from_be_bytes([*first, *second]), before + 2),
        _ => return Err(walk.short(before + 2)),
    };
    walk.push(Header::Ppp { protocol }, length)?;
    match protocol {
        IPV4 => Ok(Next::Ip(Some(4))),
        IPV6 => Ok(Next::Ip(Some(6))),
        MPLS => Ok(Next::EtherType(ethertype::MPLS)),
        MPLS_GROUP => Ok(Next::EtherType(ethertype::MPLS_GROUP)),
        _ => Err(walk.unknown(Protocol::Ppp(protocol))),
    }
}

/// `LINKTYPE_C_HDLC` (<https://www.tcpdump.org/linktypes.html>) and what `LINKTYPE_PPP_HDLC` holds beside PPP: an address
/// of 0f for one station or 8f for all, a control byte of 0, and an `EtherType`.
///
/// ```text
/// +-------------+-------------+----------+
/// | address (1) | control (1) | type (2) |
/// +-------------+-------------+----------+
/// ```
pub(super) fn hdlc(walk: &mut Walk<'_>) -> Step {
    let header: &[u8; 4] = walk.header()?;
    if !is_hdlc(header) {
        return ppp(walk);
    }
    let number = u16_at(header, 2);
    walk.push(Header::Hdlc { ethertype: number }, 4)?;
    after(walk, number)
}

fn is_hdlc(header: &[u8]) -> bool {
    matches!(header, [0x0f | 0x8f, 0, ..])
}

/// An `EtherType`, which smaller numbers are not here.
fn after(walk: &mut Walk<'_>, number: u16) -> Step {
    if number < ethertype::FIRST {
        return Err(walk.unknown(Protocol::EtherType(number)));
    }
    Ok(Next::EtherType(number))
}

/// What a network layer is called in frame relay (RFC 2427 §4): SNAP, IPv4, IPv6.
const NLPID_SNAP: u8 = 0x80;
const NLPID_IPV4: u8 = 0xcc;
const NLPID_IPV6: u8 = 0x8e;

/// `LINKTYPE_FRELAY`: an address of two to four bytes (ITU-T Q.922 §3.3), the last of which is odd; then, by RFC 2427 §4,
/// a control byte, perhaps padding, and a protocol's number; or, as Cisco does it, an `EtherType`.
///
/// ```text
/// +------------------+----------+----------------+------------+
/// | address (2 to 4) |  03 (1)  |  00 (0 or 1)   | NLPID (1)  |
/// +------------------+----------+----------------+------------+
/// | address (2 to 4) |     EtherType (2)         |
/// +------------------+---------------------------+
/// ```
pub(super) fn frame_relay(walk: &mut Walk<'_>) -> Step {
    let bytes = walk.rest();
    let Some(last) = bytes.iter().take(4).position(|byte| byte & 1 == 1) else {
        return Err(walk.short(4));
    };
    let address = last + 1;
    let (next, length) = match bytes.get(address..).unwrap_or_default() {
        [3, 0, number, ..] => (Ok(*number), address + 3),
        [3, number, ..] => (Ok(*number), address + 2),
        [a, b, ..] => (Err(u16::from_be_bytes([*a, *b])), address + 2),
        _ => return Err(walk.short(address + 2)),
    };
    walk.push(Header::FrameRelay, length)?;
    match next {
        Ok(NLPID_SNAP) => llc::snap(walk),
        Ok(NLPID_IPV4) => Ok(Next::Ip(Some(4))),
        Ok(NLPID_IPV6) => Ok(Next::Ip(Some(6))),
        Ok(number) => Err(walk.unknown(Protocol::Nlpid(number))),
        Err(number) => after(walk, number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::build::{raw, read, tcp};
    use crate::decode::{Options, packet};
    use crate::frame::LinkType;
    use crate::packet::Why;

    #[test]
    fn what_a_sessions_length_leaves_out_is_padding() {
        let mut packet = tcp(1, 2, 4).in4("10.0.0.1", "10.0.0.2");
        packet.wire[2..4].fill(0);
        let mut bytes = packet.pppoe().ethernet();
        bytes.extend([0; 30]);
        assert_eq!(read(LinkType::ETHERNET, &bytes).digest.payload_len, 4);
    }

    #[test]
    fn what_only_negotiates_is_not_followed() {
        let stopped =
            |link, bytes: &[u8]| packet(bytes, link, &Options::default()).stopped.map(|stop| stop.why);
        let unknown = |protocol| Some(Why::Unknown(protocol));
        assert_eq!(
            stopped(LinkType::PPP, &[0xff, 3, 0xc0, 0x21, 1, 0, 0, 4]),
            unknown(Protocol::Ppp(0xc021))
        );
        let discovery = raw(ethertype::PPPOE, &[0x11, 9, 0, 0, 0, 0, 0, 0]).ethernet();
        assert_eq!(stopped(LinkType::ETHERNET, &discovery), unknown(Protocol::EtherType(ethertype::PPPOE)));
        assert_eq!(
            stopped(LinkType::C_HDLC, &[0x8f, 0, 0x80, 0x35, 0]),
            unknown(Protocol::EtherType(0x8035))
        );
        assert_eq!(stopped(LinkType::FRELAY, &[0x18, 0x41, 3, 0xb1, 0]), unknown(Protocol::Nlpid(0xb1)));
    }
}
