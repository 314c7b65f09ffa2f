//! Conversations that are no TCP, and never were: datagrams whole and in fragments, echoes, SCTP, over IPv4 and IPv6, that
//! leave on the pod's node or on another one behind a Geneve tunnel.
//!
//! Each set of them is a situation beside the recorded ones: every test of these judges it, too. Some conversations leak,
//! some are never answered; identifications are missing now and then, as where datagrams must not be fragmented.

use std::net::{IpAddr, SocketAddr};

use egret::digest::{Interface, protocol, sctp};
use egret::frame::{LinkType, Timestamp};

use crate::capture::{Capture, Frame};
use crate::dice::Dice;
use crate::question::Situation;

/// Conversations of a situation, and the pods that open them.
const FLOWS: usize = 36;
const PODS: usize = 4;

const MICROSECOND: i64 = 1_000;
const MILLISECOND: i64 = 1_000_000;
/// 2026-11-23T00:00:00Z.
const START: i64 = 1_795_392_000_000_000_000;
/// How far the second point's clock is ahead.
const AHEAD: i64 = 3 * 1_000_000_000;

/// Payload of a datagram that goes in two fragments, and of the first of them.
const LARGE: usize = 1_600;
const FIRST: usize = 1_208;

#[derive(Debug, Clone, Copy)]
struct Network {
    is_v6: bool,
    /// The egress address is on another node.
    is_far: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Datagrams,
    Fragments,
    Echo,
    Sctp,
}

#[derive(Debug, Clone, Copy)]
struct Conversation {
    kind: Kind,
    number: usize,
    begins: i64,
    leaks: bool,
    is_answered: bool,
    /// 0 where each packet says that it must not be fragmented.
    id: u16,
    wire_port: u16,
    tags: [u32; 2],
}

/// What an IP packet says beside its addresses.
#[derive(Debug, Clone)]
struct Content {
    is_out: bool,
    id: u16,
    /// Bytes before it, and whether more follow.
    part: Option<(usize, bool)>,
    bytes: Vec<u8>,
    /// Where the ports or the identifier stand: for the client's end, and the server's.
    ports: [Option<usize>; 2],
}

pub(crate) fn situations() -> Vec<Situation> {
    let networks = [(false, false), (false, true), (true, false), (true, true)];
    networks.map(|(is_v6, is_far)| situation(Network { is_v6, is_far })).into()
}

fn situation(network: Network) -> Situation {
    let mut dice = Dice::new(7);
    let mut captures = network.points().map(|(name, link)| Capture {
        name: name.to_owned(),
        interfaces: vec![Interface { link, name: None, snap_length: 0 }],
        frames: Vec::new(),
        incidents: Vec::new(),
    });
    let mut translated = Vec::new();
    for number in 0..FLOWS {
        let kinds = [Kind::Datagrams, Kind::Echo, Kind::Sctp, Kind::Fragments];
        let conversation = Conversation {
            kind: kinds[number % kinds.len()],
            number,
            begins: START + number as i64 * 40 * MILLISECOND,
            leaks: number % 5 == 4,
            is_answered: number % 7 != 3,
            id: if number % 9 == 8 { 0 } else { dice.number() as u16 | 1 },
            wire_port: 20_000 + 10 * number as u16 + dice.below(10) as u16,
            tags: [dice.number() as u32 | 1, dice.number() as u32 | 1],
        };
        translated.push((
            network.protocol(conversation.kind),
            SocketAddr::new(network.left_with(&conversation), conversation.wire_port),
            SocketAddr::new(network.server(), conversation.ports().1),
        ));
        for (nth, content) in contents(&conversation, network).into_iter().enumerate() {
            network.emit(&conversation, &content, nth, &mut captures);
        }
    }
    for capture in &mut captures {
        capture.frames.sort_by_key(|frame| frame.time);
        (1..).zip(&mut capture.frames).for_each(|(number, frame)| frame.number = number);
    }
    let version = if network.is_v6 { "IPv6" } else { "IPv4" };
    let way = if network.is_far { "other node" } else { "own node" };
    let flags = [
        "--expect=192.168.12.99",
        "--expect=fd00:12::99",
        "--node-ip=192.168.12.11",
        "--node-ip=fd00:12::11",
        "--node-ip=192.168.12.12",
        "--node-ip=fd00:12::12",
        "--inside=10.128.0.0/14",
        "--inside=fd00:10::/64",
    ];
    let flags = vec![flags.map(str::to_owned).to_vec()];
    Situation::made(format!("protocols, {version}, {way}"), captures.into(), translated, flags)
}

impl Conversation {
    /// The client's port and the server's; an echo has an identifier.
    fn ports(&self) -> (u16, u16) {
        match self.kind {
            // Pods know nothing of each other: identifiers are equal.
            Kind::Echo => (77 + (self.number / PODS) as u16, 0),
            _ => (40_000 + self.number as u16, 8_443),
        }
    }

    fn pod(&self) -> u8 {
        (self.number % PODS) as u8
    }
}

/// All packets, in order.
fn contents(conversation: &Conversation, network: Network) -> Vec<Content> {
    let mut contents = Vec::new();
    let steps = if conversation.kind == Kind::Sctp { 5 } else { 3 };
    for step in 0..2 * steps {
        let is_out = step % 2 == 0;
        if !is_out && !conversation.is_answered {
            continue;
        }
        let id = if conversation.id == 0 { 0 } else { conversation.id.wrapping_add(2 * step as u16) };
        let [client, server] = [conversation.number as u8, step as u8];
        let text =
            |length: usize| (0..length).map(|n| [client, server, n as u8, 0x5a][n % 4]).collect::<Vec<_>>();
        let (ports, bytes) = match conversation.kind {
            Kind::Datagrams => (udp(is_out), [&datagram_header(40)[..], &text(40)].concat()),
            Kind::Fragments => (udp(is_out), [&datagram_header(LARGE)[..], &text(LARGE)].concat()),
            Kind::Echo => {
                let kind = match (network.is_v6, is_out) {
                    (false, true) => 8,
                    (false, false) => 0,
                    (true, true) => 128,
                    (true, false) => 129,
                };
                // A reply repeats what was asked.
                let asked = [client, step as u8 / 2, 3, 4].repeat(14);
                ([Some(4), None], [&[kind, 0, 0, 0, 0, 0, 0, step as u8 / 2][..], &asked].concat())
            }
            Kind::Sctp => (udp(is_out), chunk(conversation, step, is_out)),
        };
        let whole = Content { is_out, id, part: None, bytes, ports };
        if conversation.kind == Kind::Fragments && id != 0 {
            contents.push(Content {
                part: Some((0, true)),
                bytes: whole.bytes[..FIRST].to_vec(),
                ..whole.clone()
            });
            let rest = whole.bytes[FIRST..].to_vec();
            contents.push(Content { part: Some((FIRST, false)), bytes: rest, ports: [None; 2], ..whole });
        } else if conversation.kind == Kind::Fragments {
            // Must not be fragmented: shorter.
            contents.push(Content { bytes: [&datagram_header(1_200)[..], &text(1_200)].concat(), ..whole });
        } else {
            contents.push(whole);
        }
    }
    contents
}

fn udp(is_out: bool) -> [Option<usize>; 2] {
    if is_out { [Some(0), Some(2)] } else { [Some(2), Some(0)] }
}

fn datagram_header(payload: usize) -> [u8; 8] {
    let length = (payload as u16 + 8).to_be_bytes();
    [0, 0, 0, 0, length[0], length[1], 0, 0]
}

/// RFC 9260 §5.1: INIT, INIT ACK, COOKIE ECHO, COOKIE ACK, then data.
fn chunk(conversation: &Conversation, step: usize, is_out: bool) -> Vec<u8> {
    let [client, server] = conversation.tags;
    let tag = match (step, is_out) {
        (0, _) => 0,
        (_, true) => server,
        (_, false) => client,
    };
    let kind = [sctp::INIT, sctp::INIT_ACK, 10, 11].get(step).copied().unwrap_or(sctp::DATA);
    let initiate = if is_out { client } else { server };
    let mut bytes = [&[0; 4][..], &tag.to_be_bytes(), &[0; 4], &[kind, 3, 0, 20]].concat();
    bytes.extend(if step < 2 { initiate } else { step as u32 }.to_be_bytes());
    bytes.extend([0, 1, 0, 0, 0, 10, 0, 10, 0, 0, 0, 1]);
    bytes
}

impl Network {
    fn points(self) -> [(&'static str, LinkType); 2] {
        let second =
            if self.is_far { ("node2-any", LinkType::LINUX_SLL2) } else { ("router", LinkType::ETHERNET) };
        [("node1-any", LinkType::LINUX_SLL2), second]
    }

    fn protocol(self, kind: Kind) -> u8 {
        match kind {
            Kind::Datagrams | Kind::Fragments => protocol::UDP,
            Kind::Echo if self.is_v6 => protocol::ICMPV6,
            Kind::Echo => protocol::ICMP,
            Kind::Sctp => protocol::SCTP,
        }
    }

    fn address(self, v4: [u8; 4], v6: &str) -> IpAddr {
        if self.is_v6 { v6.parse().expect("an address") } else { v4.into() }
    }

    fn server(self) -> IpAddr {
        self.address([203, 0, 113, 25], "2001:db8::25")
    }

    fn pod(self, conversation: &Conversation) -> IpAddr {
        let last = 5 + conversation.pod();
        self.address([10, 128, 0, last], &format!("fd00:10::{last}"))
    }

    /// A leak leaves with its own node's address, without the tunnel.
    fn left_with(self, conversation: &Conversation) -> IpAddr {
        let last = if conversation.leaks { 11 } else { 99 };
        self.address([192, 168, 12, last], &format!("fd00:12::{last}"))
    }

    /// Writes a packet as it is seen at every place.
    fn emit(self, conversation: &Conversation, content: &Content, nth: usize, captures: &mut [Capture; 2]) {
        let time = conversation.begins + nth as i64 * MILLISECOND;
        let is_out = content.is_out;
        let (port, server_port) = conversation.ports();
        let inner = self.packet(conversation, content, (self.pod(conversation), port), server_port, 64);
        let outer = self.packet(
            conversation,
            content,
            (self.left_with(conversation), conversation.wire_port),
            server_port,
            63,
        );
        // Packet types of cooked captures: 0 came in, 4 went out. What a pod sends comes in at its veth.
        let [first, last] = if is_out { [0, 4] } else { [4, 0] };
        let veth = cooked(self.is_v6, 10 + conversation.pod(), first, conversation.pod());
        let uplink = |packet_type| cooked(self.is_v6, 2, packet_type, 0xfe);
        let mut seen = vec![(0, [veth, inner.clone()].concat())];
        if self.is_far && !conversation.leaks {
            let tunnelled = geneve(&inner, self.is_v6, is_out);
            let outside = |packet_type| [cooked(false, 2, packet_type, 0xfe), tunnelled.clone()].concat();
            let device = cooked(self.is_v6, 6, first, 0xfd);
            seen.push((0, outside(last)));
            seen.push((1, outside(first)));
            seen.push((1, [device, inner].concat()));
            seen.push((1, [uplink(last), outer].concat()));
        } else {
            seen.push((0, [uplink(last), outer.clone()].concat()));
            if !self.is_far {
                let (node, router) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
                let [to, from] = if is_out { [router, node] } else { [node, router] };
                seen.push((1, [&to[..], &from, &ethertype(self.is_v6), &outer].concat()));
            }
        }
        let last = seen.len() as i64 - 1;
        for (nth, (point, bytes)) in (0..).zip(seen) {
            let passed = if is_out { nth } else { last - nth };
            let time = Timestamp::from_nanos(time + point as i64 * AHEAD + passed * 10 * MICROSECOND);
            let original = bytes.len() as u32;
            captures[point].frames.push(Frame { time, interface: 0, original, bytes, number: 0 });
        }
    }

    /// The packet between `client` and the server.
    fn packet(
        self,
        conversation: &Conversation,
        content: &Content,
        client: (IpAddr, u16),
        server_port: u16,
        ttl: u8,
    ) -> Vec<u8> {
        let mut bytes = content.bytes.clone();
        for (at, port) in content.ports.iter().zip([client.1, server_port]) {
            if let Some(at) = at {
                bytes[*at..at + 2].copy_from_slice(&port.to_be_bytes());
            }
        }
        let ends = if content.is_out { [client.0, self.server()] } else { [self.server(), client.0] };
        let (protocol, ttl) =
            (self.protocol(conversation.kind), if content.is_out { ttl } else { 124 - ttl });
        match ends {
            [IpAddr::V4(source), IpAddr::V4(destination)] => {
                let total = (20 + bytes.len() as u16).to_be_bytes();
                let field = match content.part {
                    None if content.id == 0 => 0x4000,
                    None => 0,
                    Some((offset, more)) => (offset / 8) as u16 | u16::from(more) << 13,
                };
                let mut packet = vec![0x45, 0, total[0], total[1]];
                packet.extend(content.id.to_be_bytes());
                packet.extend(u16::to_be_bytes(field));
                packet.extend([ttl, protocol, 0, 0]);
                packet.extend(source.octets());
                packet.extend(destination.octets());
                [packet, bytes].concat()
            }
            ends => {
                // RFC 8200 §4.5: the fragment header says what follows, where it belongs, and to which datagram.
                let fragment = content.part.map_or(Vec::new(), |(offset, more)| {
                    let field = (offset as u16 | u16::from(more)).to_be_bytes();
                    let id = u32::from(content.id).to_be_bytes();
                    [&[protocol, 0][..], &field, &id].concat()
                });
                let next = if fragment.is_empty() { protocol } else { 44 };
                let length = ((fragment.len() + bytes.len()) as u16).to_be_bytes();
                let mut packet = vec![0x60, 0, 0, 0, length[0], length[1], next, ttl];
                for end in ends {
                    let IpAddr::V6(end) = end else { unreachable!("both ends have one version") };
                    packet.extend(end.octets());
                }
                [packet, fragment, bytes].concat()
            }
        }
    }
}

/// The packet from the first node to the second, or back, with the Ethernet header that a pod's bridge gives it
/// (RFC 8926 §3.4).
fn geneve(inner: &[u8], is_v6: bool, is_out: bool) -> Vec<u8> {
    let ethernet = [&[2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8][..], &ethertype(is_v6), inner].concat();
    let header = [2, 0, 0x65, 0x58, 0, 0, 5, 0, 1, 2, 0x80, 1, 0, 0, 0, 9];
    let length = (8 + header.len() + ethernet.len()) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend((20 + length).to_be_bytes());
    packet.extend([0, 0, 0x40, 0, 64, 17, 0, 0, 192, 168, 12, if is_out { 11 } else { 12 }]);
    packet.extend([192, 168, 12, if is_out { 12 } else { 11 }, 0xd0, 1, 0x17, 0xc1]);
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0]);
    [&packet[..], &header, &ethernet].concat()
}

fn ethertype(is_v6: bool) -> [u8; 2] {
    if is_v6 { [0x86, 0xdd] } else { [8, 0] }
}

/// A cooked v2 header for IP on Ethernet.
fn cooked(is_v6: bool, index: u8, packet_type: u8, sender: u8) -> Vec<u8> {
    let rest = [0, 0, 0, 0, 0, index, 0, 1, packet_type, 6, 2, 0, 0, 0, 1, sender, 0, 0];
    [&ethertype(is_v6)[..], &rest].concat()
}

#[test]
fn what_was_made_up_is_judged_as_it_was_meant() {
    for situation in situations() {
        for question in situation.questions() {
            let conclusion =
                crate::run::conclude(&question.flags, &question.captures, &crate::run::Feed::PLAIN);
            // Whoever reads all points sees every conversation leave.
            if question.captures.len() == 2 {
                let of = |verdict| conclusion.rows.iter().filter(|row| row.verdict == verdict).count();
                let leaks = (0..FLOWS).filter(|number| number % 5 == 4).count();
                let counts = [
                    of(egret::verdict::Verdict::Pass),
                    of(egret::verdict::Verdict::Fail),
                    conclusion.rows.len(),
                ];
                assert_eq!(counts, [FLOWS - leaks, leaks, FLOWS], "{}", question.name);
            }
        }
    }
}
