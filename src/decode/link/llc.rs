//! IEEE 802.2 logical link control and SNAP: what follows where a length stands in the place of a type.

use crate::decode::link::{ethertype, u16_at};
use crate::decode::walk::{Next, Step, Walk};
use crate::frame::LinkType;
use crate::packet::{Header, Protocol};

/// Service access points: SNAP, and IP itself (RFC 948).
const SNAP: u8 = 0xaa;
const IP: u8 = 0x06;
/// The control byte of unnumbered information; a control field has one byte if both of its low bits are set, else two.
const UNNUMBERED: u8 = 0x03;
const SNAP_LENGTH: usize = 5;

/// Organizations of SNAP: Ethernet's types, those behind a bridge (IEEE 802.1H), and bridged frames (RFC 2427 §4.2).
const ETHERNET_TYPES: [u32; 2] = [0x00_0000, 0x00_00f8];
const BRIDGED: u32 = 0x00_80c2;

/// IEEE 802.2 §3.2; behind it, SNAP (RFC 1042) where both access points say so:
///
/// ```text
/// +-----------------+------------+------------------+------------------+----------+
/// | destination (1) | source (1) | control (1 or 2) | organization (3) | type (2) |
/// +-----------------+------------+------------------+------------------+----------+
/// ```
pub(in crate::decode) fn step(walk: &mut Walk<'_>) -> Step {
    let header: &[u8; 3] = walk.header()?;
    let [destination, source, control] = *header;
    let length = if control & UNNUMBERED == UNNUMBERED { 3 } else { 4 };
    walk.push(Header::Llc { destination, source }, length)?;
    match (destination, source, control) {
        (SNAP, SNAP, UNNUMBERED) => snap(walk),
        (IP, IP, UNNUMBERED) => Ok(Next::Ip(Some(4))),
        _ => Err(walk.unknown(Protocol::Llc(destination))),
    }
}

/// The second half of the same; frame relay has it without the first.
pub(super) fn snap(walk: &mut Walk<'_>) -> Step {
    let header: &[u8; SNAP_LENGTH] = walk.header()?;
    let organization = u32::from_be_bytes([0, header[0], header[1], header[2]]);
    let number = u16_at(header, 3);
    walk.push(Header::Snap { organization, number }, SNAP_LENGTH)?;
    match (organization, number) {
        (organization, ethertype::FIRST..) if ETHERNET_TYPES.contains(&organization) => {
            Ok(Next::EtherType(number))
        }
        // With and without the frame's checksum.
        (BRIDGED, 1 | 7) => Ok(Next::Link(LinkType::ETHERNET)),
        _ => Err(walk.unknown(Protocol::Snap(organization, number))),
    }
}

#[cfg(test)]
mod tests {
    use crate::decode::build::{ends, raw, read, udp};
    use crate::digest::Understood;
    use crate::frame::LinkType;

    #[test]
    fn what_the_length_leaves_out_is_padding() {
        let packet = udp(1, 2, b"").in4("10.0.0.1", "10.0.0.2");
        let mut wire = packet.wire.clone();
        wire[2..4].fill(0);
        let mut frame = raw(0x0800, &wire).snapped().ethernet();
        frame.resize(60, 0);
        let digest = read(LinkType::ETHERNET, &frame).digest;
        assert_eq!((ends(&digest).as_str(), digest.payload_len), ("10.0.0.1:1 > 10.0.0.2:2", 0));
    }

    #[test]
    fn ip_has_an_access_point_of_its_own_and_spanning_trees_are_not_followed() {
        let packet = udp(1, 2, b"").in4("10.0.0.1", "10.0.0.2").after(&[6, 6, 3]);
        let digest = read(LinkType::ETHERNET, &raw(31, &packet.wire).ethernet()).digest;
        assert_eq!(ends(&digest), "10.0.0.1:1 > 10.0.0.2:2");
        let tree = raw(38, &[[0x42, 0x42, 3].as_slice(), &[0; 35]].concat()).ethernet();
        assert_eq!(read(LinkType::ETHERNET, &tree).digest.understood, Understood::Partly);
    }
}
