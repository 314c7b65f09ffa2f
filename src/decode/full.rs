//! Condenses a [`Packet`] into the digest of its innermost conversation.
//!
//! - A frame of no conversation (`Kind::Other`) has the default key and a hash of 0; its offsets, TTL and
//!   identification are those of the innermost IP header, where there is one.
//! - An ICMP error has key, direction and sequence number of the packet that it quotes, and all else from its own
//!   headers. A quoted tunnel stays closed: the error is about the tunnel's outer conversation.
//! - A TCP segment is followed if its flags were captured, an SCTP packet if the type of its first chunk was; one cut
//!   before them is `Kind::Other`.
//! - Of fragments, the innermost IP packet's count: a packet in a tunnel is never put together from the tunnel's own. A
//!   first fragment that does not hold, or of which was not captured, what names its conversation, is a `Kind::Tail` as
//!   later ones are, with the offset 0.

use crate::decode::{KeyHasher, Options, link, neighbour, packet, tunnel};
use crate::digest::{
    Claim, Digest, IcmpError, Key, Kind, Piece, Tunnel, TunnelKind, Understood, echo, protocol,
};
use crate::frame::LinkType;
use crate::net::{Address, Endpoint};
use crate::packet::{Extent, Fragment, Header, Layer, Packet, Why};

/// A digest, and what it refers to by number or by position: the caller keeps the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Full {
    /// Without place and tunnel.
    pub(super) digest: Digest,
    /// The outermost tunnel that was opened. Where tunnels nest, that is the one between the cluster's nodes.
    pub(super) tunnel: Option<Tunnel>,
    /// Its packet travels from the larger outer address to the smaller.
    pub(super) tunnel_reversed: bool,
    pub(super) icmp: Option<IcmpError>,
    pub(super) piece: Option<Piece>,
    pub(super) claim: Option<Claim>,
}

/// The digest of a frame of `original` bytes on the wire, of which `bytes` were captured.
pub(super) fn full(
    bytes: &[u8],
    link: LinkType,
    original: u32,
    options: &Options,
    hasher: &KeyHasher,
) -> Full {
    // A frame was at least as long as what was captured of it, whatever its record says.
    let original = original.max(bytes.len() as u32);
    let mut full = condense(&packet(bytes, link, options), original);
    full.digest.motion = link::sighting(bytes, link).1;
    if full.digest.kind != Kind::Other {
        full.digest.hash = hasher.hash(&full.digest.key);
    }
    full
}

fn condense(packet: &Packet, original: u32) -> Full {
    let mut full = Full::default();
    let mut addresses = (Address::default(), Address::default());
    let mut quote = None;
    // Of the innermost IP packet: which part of a datagram it is, and of which protocol.
    let mut fragment = None;
    for (index, Layer { header, range }) in packet.layers.iter().enumerate() {
        let digest = &mut full.digest;
        if let Some(error) = quote {
            quoted(&mut full, header, &mut addresses, error);
            continue;
        }
        match *header {
            Header::Ipv4 { source, destination, ttl, id, protocol, fragment: part, .. } => {
                fragment = part.map(|part| (part, protocol));
                addresses = (source, destination);
                (digest.ttl, digest.ip_id) = (ttl, id);
                offsets(digest, range.start, range.end, range.end);
            }
            Header::Ipv6 { source, destination, hop_limit, .. } => {
                fragment = None;
                addresses = (source, destination);
                (digest.ttl, digest.ip_id) = (hop_limit, 0);
                offsets(digest, range.start, range.end, range.end);
            }
            Header::Extensions { protocol, fragment: part } => {
                fragment = part.map(|part| (part, protocol)).or(fragment);
                offsets(digest, usize::from(digest.network), range.end, range.end);
            }
            Header::Tcp { source, destination, seq, ack, flags, payload, .. } => {
                digest.kind = Kind::Tcp;
                converse(digest, addresses, (source, destination), protocol::TCP);
                (digest.seq, digest.ack, digest.flags) = (seq, ack, flags);
                carry(digest, range.end, payload, original);
            }
            Header::Udp { source, destination, payload, .. } => {
                digest.kind = Kind::Udp;
                converse(digest, addresses, (source, destination), protocol::UDP);
                carry(digest, range.end, payload, original);
            }
            Header::Sctp { source, destination, tag, chunk, initiate, payload } => {
                if let Some(chunk) = chunk {
                    digest.kind = Kind::Sctp;
                    converse(digest, addresses, (source, destination), protocol::SCTP);
                    (digest.seq, digest.ack, digest.flags) = (tag, initiate, chunk);
                }
                carry(digest, range.end, payload, original);
            }
            Header::Echo { v6, is_reply, id, seq, payload } => {
                digest.kind = Kind::Echo;
                let (ports, number) = echo_ends(v6, is_reply, id);
                converse(digest, addresses, ports, number);
                digest.seq = u32::from(seq);
                digest.flags = if is_reply { echo::REPLY } else { echo::REQUEST };
                carry(digest, range.end, payload, original);
            }
            Header::Esp { spi, seq, payload } => {
                digest.kind = Kind::Opaque;
                converse(digest, addresses, (0, 0), protocol::ESP);
                (digest.seq, digest.ack) = (spi, seq);
                carry(digest, range.start, payload, original);
            }
            Header::Opaque { protocol, payload } => {
                digest.kind = Kind::Opaque;
                converse(digest, addresses, (0, 0), protocol);
                carry(digest, range.start, payload, original);
            }
            Header::Tail { protocol, payload } => {
                digest.kind = Kind::Tail;
                converse(digest, addresses, (0, 0), protocol);
                carry(digest, range.start, payload, original);
            }
            Header::Arp { .. } | Header::Neighbour { .. } => {
                full.claim = neighbour::claim(header, addresses.0, digest.ttl);
            }
            Header::Icmp { v6, kind, code, payload } => {
                quote = Some(IcmpError { sender: addresses.0, v6, kind, code });
                carry(digest, range.end, payload, original);
            }
            Header::Vxlan { .. } | Header::Geneve { .. } | Header::Gre { .. } | Header::Ipip => {
                let (low, high) = (addresses.0.min(addresses.1), addresses.0.max(addresses.1));
                if full.tunnel.is_none() {
                    let (kind, id) = opened(header, packet.layers.get(index + 1));
                    full.tunnel = Some(Tunnel { kind, id, low, high });
                    full.tunnel_reversed = addresses.0 > addresses.1;
                }
                full.digest = Digest::default();
                (addresses, fragment) = (Default::default(), None);
            }
            Header::Ethernet { .. }
            | Header::Vlan { .. }
            | Header::PortTag { .. }
            | Header::ServiceInstance { .. }
            | Header::Llc { .. }
            | Header::Snap { .. }
            | Header::Mpls { .. }
            | Header::ControlWord
            | Header::Pppoe { .. }
            | Header::Ppp { .. }
            | Header::Hdlc { .. }
            | Header::FrameRelay
            | Header::Fddi { .. }
            | Header::Wifi { .. }
            | Header::Recorded { .. }
            | Header::Sll { .. }
            | Header::Sll2 { .. }
            | Header::Family { .. }
            | Header::Erspan { .. }
            | Header::TcpStart { .. }
            | Header::Other { .. } => {}
        }
    }
    full.digest.understood = match (packet.layers.is_empty(), packet.stopped) {
        (true, _) => Understood::Not,
        (false, Some(_)) => Understood::Partly,
        (false, None) => Understood::Whole,
    };
    if let Some((part, number)) = fragment
        && quote.is_none()
    {
        piece(&mut full, packet, addresses, part, number);
    }
    full
}

/// Kind and identifier of the tunnel that a header opens; ERSPAN is in the header that follows GRE's.
fn opened(header: &Header, next: Option<&Layer>) -> (TunnelKind, Option<u32>) {
    match *header {
        Header::Vxlan { vni } => (TunnelKind::Vxlan, Some(vni)),
        Header::Geneve { vni, .. } => (TunnelKind::Geneve, Some(vni)),
        Header::Gre { protocol, key } => match next.map(|layer| &layer.header) {
            Some(Header::Erspan { session }) => (TunnelKind::Erspan, Some(u32::from(*session))),
            _ if tunnel::is_mirror(protocol) => (TunnelKind::Erspan, None),
            _ => (TunnelKind::Gre, key),
        },
        _ => (TunnelKind::Ipip, None),
    }
}

/// Tells of the fragment that the frame is, where it belongs to a conversation; the addresses are its own.
fn piece(full: &mut Full, packet: &Packet, ends: (Address, Address), part: Fragment, number: u8) {
    let is_short = matches!(packet.stopped.map(|stop| stop.why), Some(Why::Cut | Why::Malformed(_)));
    if full.digest.kind == Kind::Other && is_short {
        full.digest.kind = Kind::Tail;
        converse(&mut full.digest, ends, (0, 0), number);
    }
    if full.digest.kind != Kind::Other {
        full.piece = Some(Piece { id: part.id, offset: part.offset, more: part.more });
    }
}

/// The ports that stand for an echo message's identifier: its requester has it.
fn echo_ends(v6: bool, is_reply: bool, id: u16) -> ((u16, u16), u8) {
    let ports = if is_reply { (0, id) } else { (id, 0) };
    (ports, if v6 { protocol::ICMPV6 } else { protocol::ICMP })
}

/// Takes from a header of a quoted packet what names the conversation; the rest of the digest is the error's own.
fn quoted(full: &mut Full, header: &Header, addresses: &mut (Address, Address), error: IcmpError) {
    let (ports, number) = match *header {
        Header::Ipv4 { source, destination, .. } | Header::Ipv6 { source, destination, .. } => {
            *addresses = (source, destination);
            return;
        }
        Header::Tcp { source, destination, seq, .. } | Header::TcpStart { source, destination, seq } => {
            full.digest.seq = seq;
            ((source, destination), protocol::TCP)
        }
        Header::Udp { source, destination, .. } => ((source, destination), protocol::UDP),
        Header::Sctp { source, destination, tag, .. } => {
            full.digest.seq = tag;
            ((source, destination), protocol::SCTP)
        }
        Header::Echo { v6, is_reply, id, seq, .. } => {
            full.digest.seq = u32::from(seq);
            echo_ends(v6, is_reply, id)
        }
        Header::Esp { spi, .. } => {
            full.digest.seq = spi;
            ((0, 0), protocol::ESP)
        }
        Header::Opaque { protocol, .. } => ((0, 0), protocol),
        _ => return,
    };
    full.digest.kind = Kind::IcmpError;
    converse(&mut full.digest, *addresses, ports, number);
    full.icmp = Some(error);
}

fn converse(digest: &mut Digest, addresses: (Address, Address), ports: (u16, u16), number: u8) {
    let source = Endpoint { address: addresses.0, port: ports.0 };
    let destination = Endpoint { address: addresses.1, port: ports.1 };
    (digest.key, digest.reversed) = Key::of(source, destination, number);
}

/// The walk ends before any header reaches beyond 16 bits.
fn offsets(digest: &mut Digest, network: usize, transport: usize, payload: usize) {
    digest.network = network as u16;
    digest.transport = transport as u16;
    digest.payload = payload as u16;
}

/// Notes a payload that starts at `at`; where no length says how long it is, it reaches to the frame's end.
fn carry(digest: &mut Digest, at: usize, payload: Extent, original: u32) {
    digest.payload = at as u16;
    digest.payload_len = payload.0.unwrap_or_else(|| original.saturating_sub(at as u32));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::build::{
        ACK, IP_ID, SEQ, TTL, content, ends, icmp, raw, read, samples, tcp, tcp_with, udp,
    };
    use crate::decode::link::ethertype;
    use crate::digest::{Motion, tcp as flag};
    use crate::net::Block;

    const POD: &str = "10.128.0.5";
    const FAR: &str = "203.0.113.25";

    fn ethernet(bytes: &[u8]) -> Digest {
        read(LinkType::ETHERNET, bytes).digest
    }

    #[test]
    fn a_tcp_segment_gives_its_conversation_its_numbers_and_where_its_headers_are() {
        let digest = ethernet(&tcp_with(40001, 443, &[1; 12], 30).in4(POD, FAR).ethernet());
        assert_eq!(ends(&digest), "10.128.0.5:40001 > 203.0.113.25:443");
        assert_eq!((digest.kind, digest.understood), (Kind::Tcp, Understood::Whole));
        assert_eq!((digest.seq, digest.ack, digest.flags), (SEQ, ACK, flag::SYN | flag::ACK));
        assert_eq!((digest.network, digest.transport, digest.payload), (14, 34, 66));
        assert_eq!((digest.payload_len, digest.ip_id, digest.ttl), (30, IP_ID, TTL));
    }

    #[test]
    fn both_directions_share_key_and_hash() {
        let there = ethernet(&udp(5000, 53, b"a").in6("fd00::5", "fd00::53").ethernet());
        let back = ethernet(&udp(53, 5000, b"b").in6("fd00::53", "fd00::5").ethernet());
        assert_eq!((there.key, there.hash), (back.key, back.hash));
        assert_ne!(there.reversed, back.reversed);
        assert_eq!(ends(&back), "[fd00::53]:53 > [fd00::5]:5000");
    }

    #[test]
    fn every_link_type_leads_to_the_same_conversation() {
        let packet = tcp(40001, 443, 30).in4(POD, FAR);
        let service = packet.clone().tagged(ethertype::VLAN, 5).tagged(ethertype::SERVICE_VLAN, 6);
        for (link, bytes) in [
            (LinkType::ETHERNET, packet.clone().ethernet()),
            (LinkType::ETHERNET, service.ethernet()),
            (LinkType::ETHERNET, packet.clone().tagged(ethertype::OLD_QINQ, 5).ethernet()),
            (LinkType::LINUX_SLL, packet.clone().sll(0)),
            (LinkType::LINUX_SLL2, packet.clone().sll2(7, 0)),
            (LinkType::RAW, packet.wire.clone()),
            (LinkType::IPV4, packet.wire.clone()),
            (LinkType::NULL, packet.clone().family([2, 0, 0, 0])),
            (LinkType::NULL, packet.clone().family([0, 0, 0, 2])),
            (LinkType::LOOP, packet.clone().family([0, 0, 0, 2])),
        ] {
            let digest = read(link, &bytes).digest;
            assert_eq!(ends(&digest), "10.128.0.5:40001 > 203.0.113.25:443", "{link}");
            assert_eq!(usize::from(digest.network), bytes.len() - packet.wire.len(), "{link}");
        }
    }

    #[test]
    fn loopback_captures_of_every_system_name_ipv6() {
        for family in [10, 24, 28, 30] {
            let digest =
                read(LinkType::NULL, &udp(1, 2, b"").in6("::1", "::1").family([family, 0, 0, 0])).digest;
            assert_eq!(digest.kind, Kind::Udp, "family {family}");
        }
        let digest = read(LinkType::NULL, &udp(1, 2, b"").in6("::1", "::1").family([7, 0, 0, 0])).digest;
        assert_eq!((digest.kind, digest.understood), (Kind::Other, Understood::Partly));
    }

    #[test]
    fn a_cooked_capture_says_how_the_frame_moved() {
        let moved =
            |packet_type| read(LinkType::LINUX_SLL, &raw(ethertype::ARP, &[]).sll(packet_type)).digest.motion;
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(moved),
            [Motion::In, Motion::In, Motion::In, Motion::Passing, Motion::Out, Motion::Unsaid]
        );
        assert_eq!(ethernet(&tcp(1, 2, 0).in4(POD, FAR).ethernet()).motion, Motion::Unsaid);
    }

    #[test]
    fn ethernet_padding_is_no_payload() {
        let mut bytes = tcp(40001, 443, 0).in4(POD, FAR).ethernet();
        bytes.resize(60, 0);
        assert_eq!(ethernet(&bytes).payload_len, 0);
    }

    #[test]
    fn a_length_left_to_the_hardware_reaches_to_the_end_of_the_frame() {
        let mut bytes = tcp(40001, 443, 100).in4(POD, FAR).ethernet();
        bytes[16..18].fill(0);
        let cut = &bytes[..60];
        let digest = full(cut, LinkType::ETHERNET, 7254, &Options::default(), &KeyHasher::new(1)).digest;
        assert_eq!((digest.payload_len, digest.understood), (7200, Understood::Whole));
        let mut six = tcp(40001, 443, 100).in6("fd00::5", "fd00::6").ethernet();
        six[18..20].fill(0);
        assert_eq!(ethernet(&six).payload_len, 100);
    }

    #[test]
    fn a_payload_that_was_not_captured_counts_by_the_ip_length() {
        let bytes = tcp_with(40001, 443, &[1; 12], 1000).in4(POD, FAR).ethernet();
        let digest = ethernet(&bytes[..54]);
        assert_eq!((digest.kind, digest.understood), (Kind::Tcp, Understood::Whole));
        assert_eq!((digest.payload, digest.payload_len), (54, 1000));
    }

    #[test]
    fn tcp_needs_its_flags_to_be_followed() {
        let bytes = tcp(40001, 443, 10).in4(POD, FAR).ethernet();
        let digest = ethernet(&bytes[..34 + 14]);
        assert_eq!((digest.kind, digest.understood), (Kind::Tcp, Understood::Partly));
        assert_eq!((digest.ack, digest.flags), (ACK, flag::SYN | flag::ACK));
        let digest = ethernet(&bytes[..34 + 13]);
        assert_eq!((digest.kind, digest.understood), (Kind::Other, Understood::Partly));
        assert_eq!((digest.key, digest.hash), (Key::default(), 0));
    }

    #[test]
    fn a_tcp_header_that_claims_less_than_itself_or_more_than_its_packet_is_malformed() {
        for offset in [0x40, 0xf0] {
            let mut bytes = tcp(40001, 443, 10).in4(POD, FAR).ethernet();
            bytes[46] = offset;
            let digest = ethernet(&bytes);
            assert_eq!((digest.kind, digest.understood), (Kind::Tcp, Understood::Partly));
        }
    }

    #[test]
    fn a_udp_length_is_not_believed() {
        for length in [0_u16, 7, 9, 60000] {
            let mut bytes = udp(5000, 53, b"four").in4(POD, FAR).ethernet();
            bytes[38..40].copy_from_slice(&length.to_be_bytes());
            let digest = ethernet(&bytes);
            assert_eq!((digest.kind, digest.payload_len), (Kind::Udp, 4), "length {length}");
        }
    }

    #[test]
    fn a_first_fragment_has_ports_and_its_tail_has_none() {
        let first = ethernet(&udp(5000, 53, &[7; 40]).in4_with(POD, FAR, &[], 0x2000).ethernet());
        assert_eq!((first.kind, first.payload_len), (Kind::Udp, 40));
        let tail = ethernet(&udp(5000, 53, &[7; 40]).in4_with(POD, FAR, &[], 0x0006).ethernet());
        assert_eq!((tail.kind, tail.understood), (Kind::Tail, Understood::Partly));
        assert_eq!((tail.network, tail.transport, tail.payload, tail.ip_id), (14, 34, 34, IP_ID));
        assert_eq!((tail.payload_len, tail.key.protocol), (48, protocol::UDP));
        assert_eq!(ends(&tail), "10.128.0.5 > 203.0.113.25");
        assert_ne!(tail.hash, 0);
    }

    #[test]
    fn ipv6_fragments_do_as_ipv4_ones() {
        let fragment = |offset_and_more: u8| {
            let rest = [0, 0, offset_and_more, 0, 0, 0, 9];
            ethernet(&udp(5000, 53, &[7; 40]).behind(44, rest).in6("fd00::5", "fd00::6").ethernet())
        };
        assert_eq!((fragment(1).kind, fragment(1).transport), (Kind::Udp, 62));
        assert_eq!(fragment(0).kind, Kind::Udp);
        assert_eq!((fragment(8).kind, fragment(8).understood), (Kind::Tail, Understood::Partly));
        assert_eq!((fragment(8).key.protocol, fragment(8).payload_len), (protocol::UDP, 48));
    }

    #[test]
    fn each_fragment_is_told_with_its_part_and_a_whole_datagram_is_not() {
        let four = |word| {
            let bytes = udp(5000, 53, &[7; 40]).in4_with(POD, FAR, &[], word).ethernet();
            read(LinkType::ETHERNET, &bytes).piece
        };
        let id = u32::from(IP_ID);
        assert_eq!(four(0x2000), Some(Piece { id, offset: 0, more: true }));
        assert_eq!(four(0x2006), Some(Piece { id, offset: 48, more: true }));
        assert_eq!(four(0x0006), Some(Piece { id, offset: 48, more: false }));
        assert_eq!(four(0x4000), None);
        let six = |offset: u8, more: u8| {
            let rest = [0, 0, offset | more, 1, 0, 0, 9];
            let bytes = udp(5000, 53, &[7; 40]).behind(44, rest).in6("fd00::5", "fd00::6").ethernet();
            read(LinkType::ETHERNET, &bytes).piece
        };
        let id = 0x0100_0009;
        assert_eq!(six(0, 1), Some(Piece { id, offset: 0, more: true }));
        assert_eq!(six(8, 0), Some(Piece { id, offset: 8, more: false }));
        assert_eq!(six(0, 0), None);
    }

    #[test]
    fn a_first_fragment_too_short_for_what_names_it_is_a_tail_at_the_start() {
        let packet = tcp(40001, 443, 30).in4_with(POD, FAR, &[], 0x2000);
        let mut short = packet.clone().wire[..28].to_vec();
        short[2..4].copy_from_slice(&[0, 28]);
        let cut = packet.ethernet()[..14 + 20 + 3].to_vec();
        for bytes in [raw(ethertype::IPV4, &short).ethernet(), cut] {
            let full = read(LinkType::ETHERNET, &bytes);
            assert_eq!((full.digest.kind, full.digest.key.protocol), (Kind::Tail, protocol::TCP));
            assert_eq!(ends(&full.digest), "10.128.0.5 > 203.0.113.25");
            assert_eq!(full.piece, Some(Piece { id: u32::from(IP_ID), offset: 0, more: true }));
        }
    }

    #[test]
    fn fragments_of_a_tunnels_own_packets_are_no_pieces_of_what_is_in_it() {
        let inner = tcp(40001, 443, 30).in4(POD, FAR).vxlan(4789, 5);
        let first = inner.clone().in4_with("192.168.12.1", "192.168.12.2", &[], 0x2000).ethernet();
        let full = read(LinkType::ETHERNET, &first);
        assert_eq!((full.digest.kind, full.piece), (Kind::Tcp, None));
        let tail =
            read(LinkType::ETHERNET, &inner.in4_with("192.168.12.1", "192.168.12.2", &[], 6).ethernet());
        assert_eq!((tail.digest.kind, tail.tunnel), (Kind::Tail, None));
    }

    #[test]
    fn the_bytes_of_a_fragments_tail_are_not_taken_for_headers() {
        let data = udp(5000, 53, b"x").behind(60, [0; 7]).behind(44, [0, 0, 8, 0, 0, 0, 9]);
        let bytes = data.in6("fd00::5", "fd00::6").ethernet();
        let packet = packet(&bytes, LinkType::ETHERNET, &Options::default());
        assert_eq!(packet.layers.last().map(|layer| layer.range.clone()), Some(62..62));
    }

    #[test]
    fn extension_headers_and_options_are_stepped_over() {
        let six = tcp(40001, 443, 3).behind(60, [0, 1, 4, 0, 0, 0, 0]).behind(0, [0, 1, 4, 0, 0, 0, 0]);
        let digest = ethernet(&six.in6("fd00::5", "fd00::6").ethernet());
        assert_eq!((digest.kind, digest.transport, digest.payload_len), (Kind::Tcp, 70, 3));
        let digest = ethernet(&tcp(40001, 443, 3).in4_with(POD, FAR, &[1; 8], 0).ethernet());
        assert_eq!((digest.kind, digest.transport, digest.payload_len), (Kind::Tcp, 42, 3));
    }

    #[test]
    fn an_icmp_error_names_the_conversation_of_the_packet_it_quotes() {
        let quote = tcp(40001, 443, 100).in4(POD, FAR).wire;
        let bytes = icmp(1, 3, &quote[..28]).in4("192.168.12.1", POD).ethernet();
        let full = read(LinkType::ETHERNET, &bytes);
        let sender = "192.168.12.1".parse::<std::net::IpAddr>().expect("an address").into();
        assert_eq!(full.icmp, Some(IcmpError { sender, v6: false, kind: 3, code: 1 }));
        assert_eq!((full.digest.kind, full.digest.understood), (Kind::IcmpError, Understood::Whole));
        assert_eq!(ends(&full.digest), "10.128.0.5:40001 > 203.0.113.25:443");
        assert_eq!((full.digest.seq, full.digest.ack, full.digest.flags), (SEQ, 0, 0));
        assert_eq!((full.digest.network, full.digest.transport, full.digest.payload), (14, 34, 42));
        assert_eq!(full.digest.key.protocol, protocol::TCP);
    }

    #[test]
    fn an_icmpv6_error_does_so_too() {
        let quote = udp(40001, 443, b"quic").in6("fd00::5", "2001:db8::1").wire;
        for kind in 1..=4 {
            let full = read(LinkType::ETHERNET, &icmp(58, kind, &quote).in6("fe80::1", "fd00::5").ethernet());
            assert_eq!(full.digest.kind, Kind::IcmpError);
            assert_eq!(full.icmp.map(|error| (error.v6, error.kind)), Some((true, kind)));
            assert_eq!(full.digest.key.protocol, protocol::UDP);
        }
    }

    #[test]
    fn icmp_that_is_no_error_or_quotes_no_conversation_is_no_conversation() {
        let tcp = tcp(40001, 443, 100);
        let messages = [
            (13, b"time".to_vec()),
            (5, tcp.clone().in4(POD, FAR).wire),
            (3, tcp.clone().in4_with(POD, FAR, &[], 6).wire),
            (3, icmp(1, 3, &tcp.clone().in4(POD, FAR).wire).in4(FAR, POD).wire),
            (3, icmp(1, 13, b"time").in4(POD, FAR).wire),
            (3, tcp.in4(POD, FAR).wire[..24].to_vec()),
        ];
        for (kind, quote) in messages {
            let full = read(LinkType::ETHERNET, &icmp(1, kind, &quote).in4(FAR, POD).ethernet());
            assert_eq!((full.digest.kind, full.digest.understood), (Kind::Other, Understood::Partly));
            assert_eq!((full.icmp, full.digest.key), (None, Key::default()));
        }
    }

    #[test]
    fn a_vxlan_tunnel_is_opened_and_named_by_its_outer_addresses() {
        for port in [4789, 8472] {
            let packet = tcp(40001, 443, 30).in4(POD, FAR).vxlan(port, 9_059_409);
            let full = read(LinkType::LINUX_SLL2, &packet.in4("192.168.12.12", "192.168.12.11").sll2(3, 4));
            let tunnel = full.tunnel.expect("a tunnel");
            assert_eq!((tunnel.id, tunnel.low.to_string()), (Some(9_059_409), "192.168.12.11".to_owned()));
            assert_eq!(ends(&full.digest), "10.128.0.5:40001 > 203.0.113.25:443");
            assert_eq!((full.digest.network, full.digest.payload_len), (20 + 50, 30));
            assert_eq!((full.digest.motion, full.digest.understood), (Motion::Out, Understood::Whole));
        }
    }

    #[test]
    fn of_nested_tunnels_the_outermost_is_named() {
        let inner = tcp(40001, 443, 30).in4(POD, FAR).vxlan(4789, 1).in4("10.9.0.1", "10.9.0.2");
        let full =
            read(LinkType::ETHERNET, &inner.vxlan(4789, 2).in4("192.168.12.1", "192.168.12.2").ethernet());
        assert_eq!(full.tunnel.and_then(|tunnel| tunnel.id), Some(2));
        assert_eq!(ends(&full.digest), "10.128.0.5:40001 > 203.0.113.25:443");
    }

    #[test]
    fn a_tunnel_that_a_pod_speaks_is_the_pods_own_traffic() {
        let bytes = tcp(1, 2, 30).in4("172.16.0.1", "172.16.0.2").vxlan(4789, 5).in4(POD, FAR).ethernet();
        for pods in ["10.128.0.5", "10.128.0.0/14", "203.0.113.25"] {
            let options = Options::with_pods([pods.parse::<Block>().expect("a block")]);
            let full = full(&bytes, LinkType::ETHERNET, bytes.len() as u32, &options, &KeyHasher::new(1));
            assert_eq!(full.tunnel, None);
            assert_eq!(ends(&full.digest), "10.128.0.5:40000 > 203.0.113.25:4789");
        }
    }

    #[test]
    fn what_merely_uses_the_port_of_vxlan_is_not_opened() {
        let good = tcp(1, 2, 30).in4("172.16.0.1", "172.16.0.2").vxlan(4789, 5).wire;
        // Flags, reserved bytes, the inner type, and the inner IP version, from the start of the UDP header.
        for (at, byte) in [(8, 0x0c), (9, 1), (15, 1), (28, 0x12), (30, 0x60)] {
            let mut wire = good.clone();
            wire[at] = byte;
            let full = read(LinkType::ETHERNET, &content(17, &wire).in4(POD, FAR).ethernet());
            assert_eq!((full.tunnel, full.digest.kind), (None, Kind::Udp), "byte {at}");
            assert_eq!(full.digest.understood, Understood::Whole);
        }
    }

    #[test]
    fn arp_in_a_tunnel_belongs_to_no_conversation() {
        let packet = raw(ethertype::ARP, &[0; 28]).vxlan(4789, 5).in4("192.168.12.1", "192.168.12.2");
        let full = read(LinkType::ETHERNET, &packet.ethernet());
        assert_eq!((full.digest.kind, full.digest.key), (Kind::Other, Key::default()));
        assert!(full.tunnel.is_some());
    }

    #[test]
    fn what_has_no_link_layer_that_egret_knows_is_not_understood() {
        let understood = |link, bytes: &[u8]| read(link, bytes).digest.understood;
        assert_eq!(understood(LinkType(147), &[0; 60]), Understood::Not);
        assert_eq!(understood(LinkType::ETHERNET, &[0; 13]), Understood::Not);
        assert_eq!(understood(LinkType::RAW, &[0x50; 60]), Understood::Not);
        assert_eq!(understood(LinkType::ETHERNET, &raw(0x88cc, &[0; 28]).ethernet()), Understood::Partly);
        let six_in_four = tcp(1, 2, 0).in6("fd00::5", "fd00::6").wire;
        assert_eq!(understood(LinkType::IPV4, &six_in_four), Understood::Not);
        assert_eq!(
            understood(LinkType::ETHERNET, &raw(ethertype::IPV4, &six_in_four).ethernet()),
            Understood::Partly
        );
    }

    #[test]
    fn offsets_stay_within_a_cut_frame() {
        for (link, bytes) in samples() {
            for length in 0..=bytes.len() {
                let digest = read(link, &bytes[..length]).digest;
                assert!(digest.network <= digest.transport && digest.transport <= digest.payload);
                assert!(usize::from(digest.payload) <= length);
            }
        }
    }
}
