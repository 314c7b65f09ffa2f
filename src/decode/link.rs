//! Link-layer headers: which network protocol follows, and where a cooked capture says a frame was seen.

mod llc;
mod mpls;
mod recorded;
mod serial;
mod wireless;

pub(super) use llc::step as llc_step;

use crate::decode::neighbour;
use crate::decode::walk::{Next, Step, Walk};
use crate::digest::{Motion, Within};
use crate::frame::LinkType;
use crate::net::Mac;
use crate::packet::{Header, Protocol, Why};

/// `EtherType` numbers (IEEE registration authority) that are followed.
pub(super) mod ethertype {
    pub(in crate::decode) const IPV4: u16 = 0x0800;
    pub(in crate::decode) const ARP: u16 = 0x0806;
    pub(in crate::decode) const VLAN: u16 = 0x8100;
    pub(in crate::decode) const IPV6: u16 = 0x86dd;
    /// IEEE 802.1ad, and the number used before it existed.
    pub(in crate::decode) const SERVICE_VLAN: u16 = 0x88a8;
    pub(in crate::decode) const OLD_QINQ: u16 = 0x9100;
    /// An Ethernet frame, where something else than Ethernet carries it ("transparent Ethernet bridging").
    pub(in crate::decode) const BRIDGED: u16 = 0x6558;
    /// Labels, and those of packets to a group (RFC 5332 §3).
    pub(in crate::decode) const MPLS: u16 = 0x8847;
    pub(in crate::decode) const MPLS_GROUP: u16 = 0x8848;
    /// The session stage.
    pub(in crate::decode) const PPPOE: u16 = 0x8864;
    /// A switch's port extenders: Cisco's, and IEEE 802.1BR.
    pub(in crate::decode) const PORT_TAG: u16 = 0x8926;
    pub(in crate::decode) const EXTENDED_PORT_TAG: u16 = 0x893f;
    /// IEEE 802.1ah.
    pub(in crate::decode) const SERVICE_INSTANCE: u16 = 0x88e7;
    pub(in crate::decode) const LLDP: u16 = 0x88cc;
    /// Smaller values are an IEEE 802.3 length.
    pub(in crate::decode) const FIRST: u16 = 0x0600;
}

pub(super) const ETHERNET_LENGTH: usize = 14;
pub(super) const VLAN_LENGTH: usize = 4;
pub(super) const SLL_LENGTH: usize = 16;
pub(super) const SLL2_LENGTH: usize = 20;

pub(super) fn step(walk: &mut Walk<'_>, link: LinkType) -> Step {
    match link {
        LinkType::ETHERNET => ethernet(walk),
        LinkType::LINUX_SLL => sll(walk),
        LinkType::LINUX_SLL2 => sll2(walk),
        LinkType::NULL | LinkType::LOOP => family(walk),
        LinkType::PPP => serial::ppp(walk),
        LinkType::PPP_HDLC | LinkType::C_HDLC => serial::hdlc(walk),
        LinkType::PPP_ETHER => serial::pppoe(walk),
        LinkType::FRELAY => serial::frame_relay(walk),
        LinkType::FDDI => fddi(walk),
        LinkType::IEEE802_11 => wireless::wifi(walk, false),
        LinkType::IEEE802_11_RADIOTAP => recorded::radiotap(walk),
        LinkType::PPI => recorded::ppi(walk),
        LinkType::NFLOG => recorded::nflog(walk),
        LinkType::RAW => Ok(Next::Ip(None)),
        LinkType::IPV4 => Ok(Next::Ip(Some(4))),
        LinkType::IPV6 => Ok(Next::Ip(Some(6))),
        // No layer is recorded: not even the link was understood.
        LinkType(number) => Err(Why::Unknown(Protocol::LinkType(number))),
    }
}

pub(super) fn ethertype_step(walk: &mut Walk<'_>, number: u16) -> Step {
    match number {
        ethertype::IPV4 => Ok(Next::Ip(Some(4))),
        ethertype::IPV6 => Ok(Next::Ip(Some(6))),
        ethertype::VLAN | ethertype::SERVICE_VLAN | ethertype::OLD_QINQ => vlan(walk),
        ethertype::ARP => neighbour::arp(walk),
        ethertype::MPLS | ethertype::MPLS_GROUP => mpls::step(walk),
        ethertype::PPPOE => serial::pppoe(walk),
        ethertype::SERVICE_INSTANCE => service_instance(walk),
        ethertype::PORT_TAG => port_tag::<6>(walk),
        ethertype::EXTENDED_PORT_TAG => port_tag::<8>(walk),
        1..ethertype::FIRST => {
            walk.limit(usize::from(number));
            Ok(Next::Llc)
        }
        _ => Err(walk.unknown(Protocol::EtherType(number))),
    }
}

/// IEEE 802.3 §3.1.1, without preamble and checksum:
///
/// ```text
/// +-----------------+-----------------+-----------+
/// | destination (6) |   source (6)    | type (2)  |
/// +-----------------+-----------------+-----------+
/// ```
fn ethernet(walk: &mut Walk<'_>) -> Step {
    let header: &[u8; ETHERNET_LENGTH] = walk.header()?;
    let ethertype = u16_at(header, 12);
    let (destination, source) = (mac_at(header, 0), mac_at(header, 6));
    walk.push(Header::Ethernet { source, destination, ethertype }, ETHERNET_LENGTH)?;
    Ok(Next::EtherType(ethertype))
}

/// IEEE 802.1Q §9.6; the tag's own type is in the header before it:
///
/// ```text
/// +----------+---+---------+-----------+
/// | prio (3) | D | id (12) | type (16) |   bits
/// +----------+---+---------+-----------+
/// ```
fn vlan(walk: &mut Walk<'_>) -> Step {
    let header: &[u8; VLAN_LENGTH] = walk.header()?;
    let (control, ethertype) = (u16_at(header, 0), u16_at(header, 2));
    let tag = Header::Vlan { id: control & 0x0fff, priority: (control >> 13) as u8, ethertype };
    walk.push(tag, VLAN_LENGTH)?;
    Ok(Next::EtherType(ethertype))
}

/// IEEE 802.1BR §7.5 has six bytes of tag, Cisco's VN-Tag four; the type of what is tagged follows.
///
/// ```text
/// +-----------------------------+----------+
/// | ports and flags (4 or 6)    | type (2) |
/// +-----------------------------+----------+
/// ```
fn port_tag<const LENGTH: usize>(walk: &mut Walk<'_>) -> Step {
    let header: &[u8; LENGTH] = walk.header()?;
    let ethertype = u16_at(header, LENGTH - 2);
    walk.push(Header::PortTag { ethertype }, LENGTH)?;
    Ok(Next::EtherType(ethertype))
}

/// IEEE 802.1Q §9.7; a whole Ethernet frame follows:
///
/// ```text
/// +-----------+---------+
/// | flags (1) | id (3)  |
/// +-----------+---------+
/// ```
fn service_instance(walk: &mut Walk<'_>) -> Step {
    let [_, a, b, c] = *walk.header::<4>()?;
    walk.push(Header::ServiceInstance { id: u32::from_be_bytes([0, a, b, c]) }, 4)?;
    Ok(Next::Link(LinkType::ETHERNET))
}

/// ANSI X3.139: a control byte, which begins with 01 in frames of logical link control, and addresses.
///
/// ```text
/// +-------------+-----------------+------------+
/// | control (1) | destination (6) | source (6) |
/// +-------------+-----------------+------------+
/// ```
fn fddi(walk: &mut Walk<'_>) -> Step {
    let header: &[u8; 13] = walk.header()?;
    let (destination, source) = (mac_at(header, 1), mac_at(header, 7));
    walk.push(Header::Fddi { source, destination }, 13)?;
    if header[0] >> 6 == 1 { Ok(Next::Llc) } else { Err(Why::Unknown(Protocol::LinkType(LinkType::FDDI.0))) }
}

/// `LINKTYPE_LINUX_SLL` (<https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html>):
///
/// ```text
/// +-----------------+--------------+-------------------+-------------+--------------+
/// | packet type (2) | hardware (2) | address length(2) | address (8) | protocol (2) |
/// +-----------------+--------------+-------------------+-------------+--------------+
/// ```
fn sll(walk: &mut Walk<'_>) -> Step {
    let header: &[u8; SLL_LENGTH] = walk.header()?;
    let (packet_type, hardware, protocol) = (u16_at(header, 0), u16_at(header, 2), u16_at(header, 14));
    let source = (u16_at(header, 4) == 6).then(|| mac_at(header, 6));
    walk.push(Header::Sll { packet_type, hardware, source, protocol }, SLL_LENGTH)?;
    after_cooked(walk, hardware, protocol)
}

/// `LINKTYPE_LINUX_SLL2` (<https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html>):
///
/// ```text
/// +--------------+--------------+---------------------+--------------+-----------------+--------------------+-------------+
/// | protocol (2) | reserved (2) | interface index (4) | hardware (2) | packet type (1) | address length (1) | address (8) |
/// +--------------+--------------+---------------------+--------------+-----------------+--------------------+-------------+
/// ```
fn sll2(walk: &mut Walk<'_>) -> Step {
    let header: &[u8; SLL2_LENGTH] = walk.header()?;
    let (protocol, interface, hardware) = (u16_at(header, 0), u32_at(header, 4), u16_at(header, 8));
    let source = (header[11] == 6).then(|| mac_at(header, 12));
    walk.push(Header::Sll2 { packet_type: header[10], hardware, source, protocol, interface }, SLL2_LENGTH)?;
    after_cooked(walk, hardware, protocol)
}

fn after_cooked(walk: &mut Walk<'_>, hardware: u16, protocol: u16) -> Step {
    match (hardware, protocol) {
        (801, _) => Ok(Next::Link(LinkType::IEEE802_11)),
        (803, _) => Ok(Next::Link(LinkType::IEEE802_11_RADIOTAP)),
        _ if !names_ethertype(hardware) => Err(walk.unknown(Protocol::Hardware(hardware))),
        (_, COOKED_LLC) => Ok(Next::Llc),
        // Other small numbers are the kernel's own; here they are no length.
        (_, ..ethertype::FIRST) => Err(walk.unknown(Protocol::EtherType(protocol))),
        _ => Ok(Next::EtherType(protocol)),
    }
}

/// Stands in a cooked header for logical link control without a length before it.
const COOKED_LLC: u16 = 4;

/// Whether a cooked header's protocol field is an `EtherType` for this `ARPHRD_` hardware type.
///
/// It is not for frame relay (770), 802.11 (801), the same with radiotap (803) and netlink (824); see the two
/// specifications above.
pub(super) const fn names_ethertype(hardware: u16) -> bool {
    !matches!(hardware, 770 | 801 | 803 | 824)
}

/// `LINKTYPE_NULL` and `LINKTYPE_LOOP` (<https://www.tcpdump.org/linktypes.html>):
///
/// ```text
/// +--------------------+
/// | address family (4) |   NULL: in the capturing machine's byte order; LOOP: in network byte order
/// +--------------------+
/// ```
///
/// The order of a NULL header is not written anywhere, so either is taken for both. IPv4 is 2 everywhere; IPv6 is
/// 10 (Linux), 24 (NetBSD, OpenBSD), 28 (FreeBSD) and 30 (Darwin).
fn family(walk: &mut Walk<'_>) -> Step {
    let header: &[u8; 4] = walk.header()?;
    let stated = u32::from_be_bytes(*header);
    let family = stated.min(stated.swap_bytes());
    walk.push(Header::Family { family }, 4)?;
    match family {
        2 => Ok(Next::Ip(Some(4))),
        10 | 24 | 28 | 30 => Ok(Next::Ip(Some(6))),
        _ => Err(walk.unknown(Protocol::Family(family))),
    }
}

/// What a frame's cooked header says of where and how it was seen; other link types say nothing.
#[inline]
pub(super) fn sighting(bytes: &[u8], link: LinkType) -> (Within, Motion) {
    match link {
        LinkType::LINUX_SLL2 => match bytes.first_chunk::<SLL2_LENGTH>() {
            Some(header) => (Within::Index(u32_at(header, 4)), motion(u16::from(header[10]))),
            None => (Within::Whole, Motion::Unsaid),
        },
        LinkType::LINUX_SLL => match bytes.first_chunk::<SLL_LENGTH>() {
            Some(header) => (Within::PacketType(u16_at(header, 0)), motion(u16_at(header, 0))),
            None => (Within::Whole, Motion::Unsaid),
        },
        _ => (Within::Whole, Motion::Unsaid),
    }
}

/// The kernel's packet types: `PACKET_HOST`, `_BROADCAST`, `_MULTICAST`, `_OTHERHOST`, `_OUTGOING` (packet(7)).
#[inline]
pub const fn motion(packet_type: u16) -> Motion {
    match packet_type {
        0..=2 => Motion::In,
        3 => Motion::Passing,
        4 => Motion::Out,
        _ => Motion::Unsaid,
    }
}

/// The (source, destination) link-layer addresses of a frame; a cooked header has a source at most.
pub fn link_addresses(bytes: &[u8], link: LinkType) -> (Option<Mac>, Option<Mac>) {
    match link {
        LinkType::ETHERNET => match bytes.first_chunk::<ETHERNET_LENGTH>() {
            Some(header) => (Some(mac_at(header, 6)), Some(mac_at(header, 0))),
            None => (None, None),
        },
        LinkType::LINUX_SLL => {
            let header = bytes.first_chunk::<SLL_LENGTH>().filter(|header| u16_at(header, 4) == 6);
            (header.map(|header| mac_at(header, 6)), None)
        }
        LinkType::LINUX_SLL2 => {
            let header = bytes.first_chunk::<SLL2_LENGTH>().filter(|header| header[11] == 6);
            (header.map(|header| mac_at(header, 12)), None)
        }
        _ => (None, None),
    }
}

/// The big-endian number at a constant offset of a header of constant length, where the compiler sees that it fits.
#[inline]
pub(super) const fn u16_at<const N: usize>(header: &[u8; N], at: usize) -> u16 {
    u16::from_be_bytes([header[at], header[at + 1]])
}

#[inline]
pub(super) const fn u32_at<const N: usize>(header: &[u8; N], at: usize) -> u32 {
    u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}

#[inline]
pub(super) const fn mac_at<const N: usize>(header: &[u8; N], at: usize) -> Mac {
    Mac([header[at], header[at + 1], header[at + 2], header[at + 3], header[at + 4], header[at + 5]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::build::{ends, other_links, raw, read, tcp, udp};
    use crate::digest::{Kind, Understood};

    const SENDER: Option<Mac> = Some(Mac([2, 0, 0, 0, 0, 1]));

    #[test]
    fn link_addresses_are_as_many_as_the_header_has() {
        let arp = raw(ethertype::ARP, &[0; 28]);
        let receiver = Some(Mac([2, 0, 0, 0, 0, 2]));
        let ethernet = arp.clone().ethernet();
        assert_eq!(link_addresses(&ethernet, LinkType::ETHERNET), (SENDER, receiver));
        assert_eq!(link_addresses(&ethernet[..13], LinkType::ETHERNET), (None, None));
        assert_eq!(link_addresses(&arp.clone().sll(0), LinkType::LINUX_SLL), (SENDER, None));
        let mut cooked = arp.sll2(3, 0);
        assert_eq!(link_addresses(&cooked, LinkType::LINUX_SLL2), (SENDER, None));
        cooked[11] = 4;
        assert_eq!(link_addresses(&cooked, LinkType::LINUX_SLL2), (None, None));
        assert_eq!(link_addresses(&cooked, LinkType::RAW), (None, None));
    }

    #[test]
    fn every_header_before_ip_leads_to_the_same_conversation() {
        for (link, bytes) in other_links(&tcp(40001, 443, 30).in4("10.128.0.5", "203.0.113.25")) {
            let digest = read(link, &bytes).digest;
            assert_eq!(ends(&digest), "10.128.0.5:40001 > 203.0.113.25:443", "{link} {bytes:x?}");
            assert_eq!((digest.payload_len, digest.understood), (30, Understood::Whole), "{link}");
            assert_eq!(usize::from(digest.payload) + 30, bytes.len(), "{link}");
        }
        for (link, bytes) in other_links(&udp(53, 5353, b"answer").in6("fd00::5", "2001:db8::25")) {
            let digest = read(link, &bytes).digest;
            assert_eq!(ends(&digest), "[fd00::5]:53 > [2001:db8::25]:5353", "{link} {bytes:x?}");
        }
    }

    #[test]
    fn kernel_numbers_in_a_cooked_header_are_no_lengths() {
        let digest = read(LinkType::LINUX_SLL, &raw(12, &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 0x45]).sll(0)).digest;
        assert_eq!((digest.kind, digest.understood), (Kind::Other, Understood::Partly));
    }

    #[test]
    fn a_cooked_header_tells_places_apart_and_one_that_is_cut_does_not() {
        let arp = raw(ethertype::ARP, &[]);
        let cooked = arp.clone().sll2(90_000, 4);
        assert_eq!(sighting(&cooked, LinkType::LINUX_SLL2), (Within::Index(90_000), Motion::Out));
        assert_eq!(sighting(&cooked[..19], LinkType::LINUX_SLL2), (Within::Whole, Motion::Unsaid));
        assert_eq!(sighting(&arp.sll(3), LinkType::LINUX_SLL), (Within::PacketType(3), Motion::Passing));
    }
}
