//! Tunnels that carry a cluster's own traffic between its nodes, and are opened.
//!
//! - A tunnel that a pod itself speaks is that pod's traffic, whose outer addresses are what leaves the cluster: it
//!   stays closed. So does one that an ICMP error quotes: the error is about the outer packet.
//! - A UDP port alone makes no tunnel: header and content must look like one, too. An IP protocol number does.
//! - A closed tunnel is a conversation of its outer addresses, as UDP or as an opaque protocol.

mod gre;

use crate::decode::link::{ethertype, u16_at};
use crate::decode::transport::opaque;
use crate::decode::walk::{Next, Step, Walk};
use crate::digest::protocol;
use crate::frame::LinkType;
use crate::packet::Header;

pub(super) use gre::{erspan, gre, is_mirror};

/// The port that IANA gave VXLAN, the one that Linux used before, and that of its generic protocol extension.
pub(super) const VXLAN_PORTS: [u16; 3] = [4789, 8472, 4790];
const VXLAN_LENGTH: usize = 8;
/// RFC 8926 §3.3.
pub(super) const GENEVE_PORT: u16 = 6081;
const GENEVE_LENGTH: usize = 8;

/// The UDP ports that tunnels use beside their usual ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Ports {
    pub(super) vxlan: Vec<u16>,
    pub(super) geneve: Vec<u16>,
}

impl Ports {
    /// Whether UDP between these ports may be a tunnel: a look at the payload decides.
    #[inline]
    pub(super) fn may_be_tunnel(&self, source: u16, destination: u16) -> bool {
        is_usual(source)
            || is_usual(destination)
            || (!(self.vxlan.is_empty() && self.geneve.is_empty())
                && [source, destination].iter().any(|port| self.is_vxlan(*port) || self.is_geneve(*port)))
    }

    fn is_vxlan(&self, port: u16) -> bool {
        VXLAN_PORTS.contains(&port) || self.vxlan.contains(&port)
    }

    fn is_geneve(&self, port: u16) -> bool {
        port == GENEVE_PORT || self.geneve.contains(&port)
    }
}

#[inline]
const fn is_usual(port: u16) -> bool {
    port == VXLAN_PORTS[0] || port == VXLAN_PORTS[1] || port == VXLAN_PORTS[2] || port == GENEVE_PORT
}

/// Whether a tunnel at the position is not to be opened.
fn is_closed(walk: &Walk<'_>) -> bool {
    let (source, destination) = walk.addresses;
    walk.quoting || walk.options.is_pod(source) || walk.options.is_pod(destination)
}

/// What follows a UDP header between these ports: the content of a tunnel whose header is recorded, or a payload.
pub(super) fn in_udp(walk: &mut Walk<'_>, source: u16, destination: u16) -> Step {
    let ports = &walk.options.ports;
    if !ports.may_be_tunnel(source, destination) || is_closed(walk) {
        return Ok(Next::Payload);
    }
    if (ports.is_vxlan(source) || ports.is_vxlan(destination))
        && let Some((vni, content)) = vxlan(walk.rest())
    {
        walk.push(Header::Vxlan { vni }, VXLAN_LENGTH)?;
        return Ok(content);
    }
    if (ports.is_geneve(source) || ports.is_geneve(destination))
        && let Some(tunnel) = Geneve::read(walk.rest())
    {
        walk.push(Header::Geneve { vni: tunnel.vni, protocol: tunnel.protocol }, tunnel.length)?;
        return Ok(tunnel.content);
    }
    Ok(Next::Payload)
}

/// Identifier and content of what is VXLAN by its header and by what seems to be inside.
///
/// RFC 7348 §5; what is reserved is 0, as Linux and Open vSwitch send it:
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +---------------+---------------+-------------------------------+
/// |G R R R I P R R|R D R R A R R R|  group policy, next protocol  |
/// +---------------+---------------+-------------------------------+
/// |              network identifier               |   reserved    |
/// +-----------------------------------------------+---------------+
/// |                        Ethernet frame …                       |
/// +---------------------------------------------------------------+
/// ```
///
/// `I` is always set, and alone in plain VXLAN. `G` announces a group in the second half of the first word, with its
/// flags `D` and `A` (draft-smith-vxlan-group-policy §2.1); `P`, in its last byte, what is inside if not Ethernet
/// (draft-ietf-nvo3-vxlan-gpe §3.1).
fn vxlan(bytes: &[u8]) -> Option<(u32, Next)> {
    let (header, inner) = bytes.split_first_chunk::<VXLAN_LENGTH>()?;
    let ethernet = Next::Link(LinkType::ETHERNET);
    let content = match *header {
        [0x08, 0, 0, 0, _, _, _, 0] | [0x0c, 0, 0, 3, _, _, _, 0] if seems_ethernet(inner) => ethernet,
        [0x88, flags, _, _, _, _, _, 0] if flags & !0x48 == 0 && seems_ethernet(inner) => ethernet,
        [0x0c, 0, 0, 1, _, _, _, 0] if seems_ip(inner, 4) => Next::Ip(Some(4)),
        [0x0c, 0, 0, 2, _, _, _, 0] if seems_ip(inner, 6) => Next::Ip(Some(6)),
        _ => return None,
    };
    Some((u32::from_be_bytes([0, header[4], header[5], header[6]]), content))
}

/// A Geneve header, with its options.
struct Geneve {
    vni: u32,
    protocol: u16,
    length: usize,
    content: Next,
}

impl Geneve {
    /// Reads what is Geneve by its header, by its options, and by what seems to be inside.
    ///
    /// RFC 8926 §3.4 and §3.5; the version is 0, and so is what is reserved:
    ///
    /// ```text
    ///  0                   1                   2                   3
    ///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    /// +---+-----------+-+-+-----------+-------------------------------+
    /// | 0 | options/4 |O|C| reserved  |         content type          |
    /// +---+-----------+-+-+-----------+---------------+---------------+
    /// |              network identifier               |   reserved    |
    /// +-----------------------------------------------+---------------+
    /// |          option class         |     type      |  res  | len/4 |
    /// +-------------------------------+---------------+-------+-------+
    /// ```
    ///
    /// Options that a receiver must understand (`C`) matter to who delivers the content, not to who watches it pass.
    fn read(bytes: &[u8]) -> Option<Self> {
        let (header, rest) = bytes.split_first_chunk::<GENEVE_LENGTH>()?;
        let [first, flags, _, _, _, _, _, 0] = *header else { return None };
        if first >> 6 != 0 || flags & 0x3f != 0 {
            return None;
        }
        let options = usize::from(first & 0x3f) * 4;
        let protocol = u16_at(header, 2);
        let inner = match rest.split_at_checked(options) {
            Some((options, inner)) if are_geneve_options(options) => inner,
            Some(_) => return None,
            // Cut by the capture: nothing speaks against it.
            None => &[],
        };
        let content = match protocol {
            ethertype::BRIDGED if seems_ethernet(inner) => Next::Link(LinkType::ETHERNET),
            ethertype::IPV4 if seems_ip(inner, 4) => Next::Ip(Some(4)),
            ethertype::IPV6 if seems_ip(inner, 6) => Next::Ip(Some(6)),
            _ => return None,
        };
        let vni = u32::from_be_bytes([0, header[4], header[5], header[6]]);
        Some(Self { vni, protocol, length: GENEVE_LENGTH + options, content })
    }
}

/// Whether options fill their bytes exactly. Their number is bounded by the 252 bytes there can be.
fn are_geneve_options(mut options: &[u8]) -> bool {
    while let Some((header, rest)) = options.split_first_chunk::<4>() {
        match rest.get(usize::from(header[3] & 0x1f) * 4..) {
            Some(rest) => options = rest,
            None => return false,
        }
    }
    options.is_empty()
}

/// An IP packet directly in another one: IPv4 (RFC 2003) or IPv6 (RFC 2473, RFC 4213).
pub(super) fn ipip(walk: &mut Walk<'_>, number: u8) -> Step {
    let version = if number == protocol::IPIP { 4 } else { 6 };
    if is_closed(walk) || !seems_ip(walk.rest(), version) {
        return opaque(walk, number);
    }
    walk.push(Header::Ipip, 0)?;
    Ok(Next::Ip(Some(version)))
}

/// Whether `bytes` start like an IP packet of this version. What the capture cut is not held against it.
fn seems_ip(bytes: &[u8], version: u8) -> bool {
    bytes.first().is_none_or(|byte| byte >> 4 == version)
}

/// Whether `bytes` start like an Ethernet frame of a pod network: IP (with the version that its type announces), a
/// type that is followed or common beside it, or LLC. What the capture cut is not held against it.
pub(super) fn seems_ethernet(bytes: &[u8]) -> bool {
    let Some((header, content)) = bytes.split_first_chunk::<14>() else { return true };
    match u16_at(header, 12) {
        ethertype::IPV4 => seems_ip(content, 4),
        ethertype::IPV6 => seems_ip(content, 6),
        ethertype::ARP
        | ethertype::VLAN
        | ethertype::SERVICE_VLAN
        | ethertype::OLD_QINQ
        | ethertype::MPLS
        | ethertype::MPLS_GROUP
        | ethertype::PPPOE
        | ethertype::LLDP => true,
        1..ethertype::FIRST => seems_llc(content),
        _ => false,
    }
}

/// Whether both service access points, which come first, are one: so do those of spanning trees, SNAP and Novell.
fn seems_llc(bytes: &[u8]) -> bool {
    bytes.first_chunk::<2>().is_none_or(|[destination, source]| destination == source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::build::{GENEVE_OPTION, Inner, content, ends, icmp, raw, read, tcp};
    use crate::decode::full::{Full, full};
    use crate::decode::{KeyHasher, Options};
    use crate::digest::{Kind, TunnelKind, Understood};

    const POD: &str = "10.128.0.5";
    const FAR: &str = "203.0.113.25";
    const NODES: (&str, &str) = ("192.168.12.12", "192.168.12.11");

    fn inner() -> Inner {
        tcp(40001, 443, 30).in4(POD, FAR)
    }

    fn between_nodes(packet: Inner) -> Full {
        read(LinkType::ETHERNET, &packet.in4(NODES.0, NODES.1).ethernet())
    }

    /// Kind and identifier of the tunnel that was opened around [`inner`].
    fn opened(packet: Inner) -> Option<(TunnelKind, Option<u32>)> {
        let full = between_nodes(packet);
        let tunnel = full.tunnel?;
        assert_eq!(ends(&full.digest), "10.128.0.5:40001 > 203.0.113.25:443");
        assert_eq!((tunnel.low.to_string().as_str(), full.tunnel_reversed), (NODES.1, true));
        assert_eq!(full.digest.understood, Understood::Whole);
        Some((tunnel.kind, tunnel.id))
    }

    #[test]
    fn geneve_is_opened_whatever_options_it_has() {
        let expected = Some((TunnelKind::Geneve, Some(9_059_409)));
        for options in
            [[].as_slice(), &GENEVE_OPTION, &[GENEVE_OPTION, GENEVE_OPTION].concat(), &[1, 2, 0, 0]]
        {
            assert_eq!(opened(inner().geneve(6081, 9_059_409, options, true)), expected);
            assert_eq!(opened(inner().geneve(6081, 9_059_409, options, false)), expected);
        }
    }

    #[test]
    fn critical_options_and_control_packets_are_opened_too() {
        let mut wire = inner().geneve(6081, 5, &GENEVE_OPTION, true).wire;
        wire[9] = 0xc0;
        assert_eq!(opened(content(17, &wire)), Some((TunnelKind::Geneve, Some(5))));
    }

    #[test]
    fn what_merely_uses_the_port_of_geneve_is_not_opened() {
        let good = inner().geneve(6081, 5, &GENEVE_OPTION, true).wire;
        // Version, length of options, reserved bits, content type, reserved byte, an option's length, the inner type.
        for (at, byte) in [(8, 0x42), (8, 3), (9, 1), (10, 0x66), (15, 1), (19, 2), (36, 0x12)] {
            let mut wire = good.clone();
            wire[at] = byte;
            let full = between_nodes(content(17, &wire));
            assert_eq!((full.tunnel, full.digest.kind), (None, Kind::Udp), "byte {at}");
        }
    }

    #[test]
    fn a_group_policy_or_a_generic_header_is_vxlan_too() {
        let header = |bytes: [u8; 4]| {
            let mut wire = inner().vxlan(4789, 5).wire;
            wire[8..12].copy_from_slice(&bytes);
            wire
        };
        let expected = Some((TunnelKind::Vxlan, Some(5)));
        assert_eq!(opened(content(17, &header([0x88, 0x08, 1, 2]))), expected);
        assert_eq!(opened(content(17, &header([0x0c, 0, 0, 3]))), expected);
        assert_eq!(opened(content(17, &header([0x88, 0x10, 1, 2]))), None);
        let ip = [&header([0x0c, 0, 0, 1])[..16], &inner().wire].concat();
        assert_eq!(opened(content(17, &ip)), expected);
    }

    #[test]
    fn ip_in_ip_is_a_tunnel_without_an_identifier() {
        assert_eq!(opened(inner()), Some((TunnelKind::Ipip, None)));
        let six = read(LinkType::ETHERNET, &inner().in6("fd00::1", "fd00::2").ethernet());
        assert_eq!(six.tunnel.map(|tunnel| tunnel.kind), Some(TunnelKind::Ipip));
        let six_in_four = between_nodes(tcp(1, 2, 0).in6("fd00::5", "2001:db8::1"));
        assert_eq!(ends(&six_in_four.digest), "[fd00::5]:1 > [2001:db8::1]:2");
    }

    #[test]
    fn what_is_no_ip_packet_in_ip_is_opaque() {
        let full = between_nodes(content(4, b"text"));
        assert_eq!((full.tunnel, full.digest.kind), (None, Kind::Opaque));
    }

    #[test]
    fn a_tunnel_of_any_kind_that_a_pod_speaks_is_its_own_conversation() {
        let options = Options::with_pods(["10.128.0.0/14".parse().expect("a block")]);
        let packet = || tcp(1, 2, 30).in4("172.16.0.1", "172.16.0.2");
        for (packet, kind, conversation) in [
            (packet().geneve(6081, 5, &[], true), Kind::Udp, "10.128.0.5:40000 > 203.0.113.25:6081"),
            (packet().gre(0, &[], ethertype::IPV4), Kind::Opaque, "10.128.0.5 > 203.0.113.25"),
            (packet(), Kind::Opaque, "10.128.0.5 > 203.0.113.25"),
        ] {
            let bytes = packet.in4(POD, FAR).ethernet();
            let full = full(&bytes, LinkType::ETHERNET, bytes.len() as u32, &options, &KeyHasher::new(1));
            assert_eq!((full.tunnel, full.digest.kind), (None, kind));
            assert_eq!(ends(&full.digest), conversation);
        }
    }

    #[test]
    fn an_error_about_a_tunnels_packet_is_about_its_outer_conversation() {
        for packet in [inner(), inner().gre(0, &[], ethertype::IPV4), inner().geneve(6081, 5, &[], true)] {
            let quote = packet.in4(NODES.0, NODES.1).wire;
            let full = read(LinkType::ETHERNET, &icmp(1, 3, &quote).in4("192.168.12.1", NODES.0).ethernet());
            assert_eq!((full.tunnel, full.digest.kind), (None, Kind::IcmpError));
            assert!(ends(&full.digest).starts_with(NODES.0));
        }
    }

    #[test]
    fn tunnels_are_opened_at_ports_that_were_told_of() {
        let options = Options::default().with_ports(vec![4800, 4801], vec![7000]);
        let opened = |packet: Inner| {
            let bytes = packet.in4(NODES.0, NODES.1).ethernet();
            full(&bytes, LinkType::ETHERNET, 0, &options, &KeyHasher::new(1)).tunnel.map(|tunnel| tunnel.kind)
        };
        assert_eq!(opened(inner().vxlan(4801, 5)), Some(TunnelKind::Vxlan));
        assert_eq!(opened(inner().vxlan(4789, 5)), Some(TunnelKind::Vxlan));
        assert_eq!(opened(inner().geneve(7000, 5, &[], true)), Some(TunnelKind::Geneve));
        assert_eq!(opened(inner().vxlan(7000, 5)), None);
        assert_eq!(opened(inner().vxlan(4802, 5)), None);
    }

    #[test]
    fn a_tunnel_without_ip_inside_keeps_its_layers_and_is_no_conversation() {
        let full = between_nodes(raw(ethertype::LLDP, &[0; 20]).geneve(6081, 5, &[], true));
        assert_eq!(
            (full.tunnel.map(|tunnel| tunnel.kind), full.digest.kind),
            (Some(TunnelKind::Geneve), Kind::Other)
        );
    }
}
