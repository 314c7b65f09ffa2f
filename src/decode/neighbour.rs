//! Who says that an address is at a link-layer address: ARP, and the neighbour discovery of IPv6.
//!
//! - An answer and an announcement (a request for the sender's own address) claim an address; so does a neighbour
//!   advertisement. In any other request, the sender's address stands aside of what is asked.
//! - Who has no address yet (0.0.0.0 in a probe, `::` in duplicate address detection) claims none. Nor does what no
//!   receiver would believe: a group's address, and neighbour discovery that came through a router.
//! - Within a tunnel that is opened, claims are read as anywhere else; the frame's digest names the tunnel.

use std::net::IpAddr;

use crate::decode::link::{ethertype, mac_at, u16_at, u32_at};
use crate::decode::network::is_single;
use crate::decode::walk::{Next, Step, Walk};
use crate::digest::Claim;
use crate::net::{Address, Mac};
use crate::packet::{Header, Protocol};

const ARP_LENGTH: usize = 28;
const ARP_REQUEST: u16 = 1;
const ARP_REPLY: u16 = 2;

/// RFC 826, with the sizes of IPv4 on Ethernet; hardware 6 (IEEE 802) has the same.
///
/// ```text
/// +---------------+---------------+--------+--------+---------------+
/// |  hardware (2) |  protocol (2) | 6  (1) | 4  (1) | operation (2) |
/// +---------------+---------------+--------+--------+---------------+
/// | sender link (6) | sender IP (4) | target link (6) | target IP (4) |
/// +-----------------+---------------+-----------------+---------------+
/// ```
pub(super) fn arp(walk: &mut Walk<'_>) -> Step {
    let header: &[u8; ARP_LENGTH] = walk.header()?;
    let (hardware, protocol, operation) = (u16_at(header, 0), u16_at(header, 2), u16_at(header, 6));
    if !matches!(hardware, 1 | 6)
        || protocol != ethertype::IPV4
        || (header[4], header[5]) != (6, 4)
        || !matches!(operation, ARP_REQUEST | ARP_REPLY)
    {
        return Err(walk.unknown(Protocol::EtherType(ethertype::ARP)));
    }
    let sender = (mac_at(header, 8), Address::v4(u32_at(header, 14)));
    walk.push(Header::Arp { operation, sender, target: Address::v4(u32_at(header, 24)) }, ARP_LENGTH)?;
    Ok(Next::Payload)
}

const ROUTER_SOLICITATION: u8 = 133;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;

/// Whether [`discovery`] reads this type of ICMPv6 message.
pub(super) const fn is_followed(kind: u8) -> bool {
    matches!(kind, ROUTER_SOLICITATION | NEIGHBOUR_SOLICITATION | NEIGHBOUR_ADVERTISEMENT)
}

/// RFC 4861 §4.1, §4.3 and §4.4; a router solicitation has no target. Options follow to the end of the message.
///
/// ```text
/// +---------------+---------------+-------------------------------+
/// |     type      |     code      |           checksum            |
/// +---------------+---------------+-------------------------------+
/// |                       flags, reserved                         |
/// +---------------------------------------------------------------+
/// |                       target (16 bytes)                       |
/// +---------------+---------------+-------------------------------+
/// |  option type  |   length/8    |  link-layer address …         |   type 1 the source's, 2 the target's
/// +---------------+---------------+-------------------------------+
/// ```
pub(super) fn discovery(walk: &mut Walk<'_>, kind: u8) -> Step {
    // The layer is the whole message.
    let (target, length) = if kind == ROUTER_SOLICITATION {
        walk.header::<8>()?;
        (None, 8)
    } else {
        let (_, target) = walk.header::<24>()?.split_at(8);
        (target.first_chunk().map(|target| Address::v6(*target)), 24)
    };
    let wanted = if kind == NEIGHBOUR_ADVERTISEMENT { 2 } else { 1 };
    let link = link_option(walk.rest().get(length..).unwrap_or_default(), wanted);
    walk.push(Header::Neighbour { kind, target, link }, walk.rest().len())?;
    Ok(Next::Payload)
}

/// The Ethernet address in the first option of type `wanted` (RFC 4861 §4.6.1).
fn link_option(mut options: &[u8], wanted: u8) -> Option<Mac> {
    while let [kind, length, ..] = *options {
        if kind == wanted && length == 1 {
            return options.first_chunk::<8>().map(|option| mac_at(option, 2));
        }
        // A length of 0 would never end (§4.6: such a packet is discarded).
        options = options.get(usize::from(length) * 8..).filter(|_| length > 0)?;
    }
    None
}

/// What a layer claims, sent from `source` with this hop limit where it is neighbour discovery.
pub(super) fn claim(header: &Header, source: Address, hop_limit: u8) -> Option<Claim> {
    let (address, mac, is_aside) = match *header {
        Header::Arp { operation, sender: (mac, address), target } => {
            (address, mac, operation == ARP_REQUEST && address != target)
        }
        // RFC 4861 §6.1 and §7.1: who is further away than a link is not believed.
        Header::Neighbour { link: Some(mac), target, kind } if hop_limit == 255 => match target {
            Some(target) if kind == NEIGHBOUR_ADVERTISEMENT => (target, mac, false),
            _ => (source, mac, true),
        },
        _ => return None,
    };
    let is_somebody = is_single(address) && !is_loopback(address) && mac.0 != [0; 6] && mac.0[0] & 1 == 0;
    is_somebody.then_some(Claim { address, mac, is_aside })
}

fn is_loopback(address: Address) -> bool {
    match address.ip() {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::build::{Inner, arp, neighbour, read};
    use crate::digest::{Kind, Understood};
    use crate::frame::LinkType;

    const NODE: &str = "192.168.12.11";

    fn claim_of(packet: Inner) -> Option<(String, bool)> {
        let claim = read(LinkType::ETHERNET, &packet.ethernet()).claim?;
        assert_eq!(claim.mac, Mac([2, 0, 0, 0, 0, 1]));
        Some((claim.address.to_string(), claim.is_aside))
    }

    #[test]
    fn an_answer_and_an_announcement_claim_and_a_question_does_so_aside() {
        assert_eq!(claim_of(arp(2, NODE, "192.168.12.12")), Some((NODE.to_owned(), false)));
        assert_eq!(claim_of(arp(1, NODE, NODE)), Some((NODE.to_owned(), false)));
        assert_eq!(claim_of(arp(1, NODE, "192.168.12.12")), Some((NODE.to_owned(), true)));
    }

    #[test]
    fn a_probe_claims_nothing() {
        assert_eq!(claim_of(arp(1, "0.0.0.0", NODE)), None);
        assert_eq!(claim_of(neighbour(135, "fd00::5").in6_with("::", "ff02::1:ff00:5", 255)), None);
    }

    #[test]
    fn an_advertisement_claims_its_target_and_a_solicitation_its_source_aside() {
        let sent = |kind| claim_of(neighbour(kind, "fd00::99").in6_with("fd00::5", "fd00::6", 255));
        assert_eq!(sent(136), Some(("fd00::99".to_owned(), false)));
        assert_eq!(sent(135), Some(("fd00::5".to_owned(), true)));
        assert_eq!(sent(133), Some(("fd00::5".to_owned(), true)));
    }

    #[test]
    fn discovery_that_came_through_a_router_is_not_believed() {
        assert_eq!(claim_of(neighbour(136, "fd00::99").in6_with("fd00::5", "fd00::6", 254)), None);
    }

    #[test]
    fn claims_are_read_over_every_link_and_behind_tags_and_are_no_conversations() {
        let answer = arp(2, NODE, "192.168.12.12");
        let frames = [
            (LinkType::ETHERNET, answer.clone().tagged(ethertype::VLAN, 7).ethernet()),
            (LinkType::LINUX_SLL, answer.clone().sll(0)),
            (LinkType::LINUX_SLL2, answer.clone().sll2(3, 0)),
            (LinkType::ETHERNET, answer.vxlan(4789, 5).in4("10.9.0.1", "10.9.0.2").ethernet()),
        ];
        for (link, bytes) in frames {
            let full = read(link, &bytes);
            assert_eq!(full.claim.map(|claim| claim.address.to_string()), Some(NODE.to_owned()), "{link}");
            assert_eq!((full.digest.kind, full.digest.understood), (Kind::Other, Understood::Whole));
        }
    }

    #[test]
    fn options_that_never_end_are_not_read() {
        assert_eq!(link_option(&[5, 0, 2, 1, 2, 0, 0, 0, 0, 1], 2), None);
        assert_eq!(link_option(&[5, 9, 2, 1], 2), None);
        assert_eq!(link_option(&[], 2), None);
    }
}
