//! What a selection matches on any leg, the capture filter admits on all legs: random trees over random flows, each rendered
//! as frames in every way that NAT, tunnels, tags, fragments and errors allow, on every link type.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::decode::build::{INIT, Inner, echo, icmp, sctp, tcp, tcp_with, udp};
use crate::decode::{self, Options};
use crate::digest::protocol;
use crate::filter::bpf::Program;
use crate::filter::composition::Tuple;
use crate::filter::composition::marks::Marks;
use crate::filter::expression::{Expression, Names};
use crate::filter::term::Term;
use crate::frame::{Frame, Timestamp};
use crate::net::{Address, Endpoint};

const ADDRESSES: [[&str; 6]; 2] = [
    ["10.128.0.5", "10.128.0.6", "192.168.12.11", "192.168.12.99", "172.30.99.10", "203.0.113.25"],
    ["fd00::5", "fd00::6", "fd00:12::11", "fd00:12::99", "fd00:30::10", "2001:db8::25"],
];
const PORTS: [u16; 6] = [40001, 40002, 443, 8443, 53, 4789];
const LINKS: [LinkType; 4] = [LinkType::ETHERNET, LinkType::LINUX_SLL, LinkType::LINUX_SLL2, LinkType::RAW];
/// Ports of tunnels that were told of.
const VXLAN: [u16; 1] = [4800];
const GENEVE: [u16; 1] = [6000];

/// A conversation, and what NAT makes of it: indexes into the lists above.
#[derive(Debug, Clone)]
struct Flow {
    is_6: bool,
    protocol: usize,
    ends: (usize, usize),
    ports: (usize, usize),
    /// Destination and its port behind a Service or an egress router.
    rewritten: Option<(usize, usize)>,
    /// Source and its port behind source NAT.
    translated: Option<(usize, usize)>,
}

/// One frame of it.
#[derive(Debug, Clone)]
struct Look {
    leg: usize,
    is_back: bool,
    flags: u8,
    payload: usize,
    shape: usize,
    tunnel: usize,
    tags: usize,
    is_quoted: bool,
}

impl Flow {
    /// The tuples on the way, from the origin's on, where `fixed` says which addresses nothing rewrites.
    fn legs(&self, fixed: &[Block]) -> Vec<Tuple> {
        let address = |at: usize| -> Address {
            ADDRESSES[usize::from(self.is_6)][at].parse::<std::net::IpAddr>().unwrap().into()
        };
        let is_fixed = |address| fixed.iter().any(|block| block.contains(address));
        let end = |(at, port): (usize, usize)| Endpoint { address: address(at), port: PORTS[port] };
        let number = match (self.protocol, self.is_6) {
            (0, _) => protocol::TCP,
            (1, _) => protocol::UDP,
            (2, _) => protocol::SCTP,
            (_, false) => protocol::ICMP,
            (_, true) => protocol::ICMPV6,
        };
        let mut leg = Tuple {
            source: end((self.ends.0, self.ports.0)),
            destination: end((self.ends.1, self.ports.1)),
            protocol: number,
        };
        let mut legs = vec![leg];
        if let Some(to) = self.rewritten.map(end)
            && !is_fixed(leg.destination.address)
            && !is_fixed(to.address)
        {
            leg.destination = to;
            legs.push(leg);
        }
        if let Some(from) = self.translated.map(end)
            && !is_fixed(leg.source.address)
            && !is_fixed(from.address)
        {
            leg.source = from;
            legs.push(leg);
        }
        legs
    }
}

const PAYLOADS: [&[u8]; 5] = [
    b"",
    b"any bytes",
    &[22, 3, 1, 0, 100, 1, 0, 0, 96],
    b"GET / HTTP/1.1\r\n\r\n",
    b"\0\x01\x01\0\0\x01\0\0\0\0\0\0\x03api\x07example\0\0\x01\0\x01",
];

impl Look {
    /// The frame on each link type.
    fn frames(&self, legs: &[Tuple], is_6: bool) -> Vec<(LinkType, Vec<u8>)> {
        let leg = legs[self.leg % legs.len()];
        let (mut source, mut destination) = (leg.source, leg.destination);
        if self.is_back {
            (source, destination) = (destination, source);
        }
        let segment = self.shaped(
            self.transport(source.port, destination.port, leg.protocol),
            source,
            destination,
            is_6,
        );
        let packet = if self.is_quoted {
            let (number, kind) = if is_6 { (protocol::ICMPV6, 1) } else { (protocol::ICMP, 3) };
            let router = if is_6 { "fd00:12::1" } else { "192.168.12.1" };
            let quote = icmp(number, kind, &segment.wire[..segment.wire.len().min(48 + 8)]);
            let to = source.address.to_string();
            if is_6 { quote.in6(router, &to) } else { quote.in4(router, &to) }
        } else {
            segment
        };
        let packet = self.tunnelled(packet);
        let tagged = |packet: Inner| match self.tags {
            1 => packet.tagged(0x8100, 100),
            2 => packet.tagged(0x8100, 100).tagged(0x88a8, 7),
            _ => packet,
        };
        vec![
            (LINKS[0], tagged(packet.clone()).ethernet()),
            (LINKS[1], tagged(packet.clone()).sll(4)),
            (LINKS[2], tagged(packet.clone()).sll2(7, 0)),
            (LINKS[3], packet.wire),
        ]
    }

    fn transport(&self, source: u16, destination: u16, number: u8) -> Inner {
        let payload = PAYLOADS[self.payload];
        match number {
            protocol::TCP => {
                let options: &[u8] = if self.flags & 0x80 == 0 { &[] } else { &[1; 12] };
                let mut segment = tcp_with(source, destination, options, payload.len());
                segment.wire[13] = self.flags & 0x3f;
                let at = segment.wire.len() - payload.len();
                segment.wire[at..].copy_from_slice(payload);
                segment
            }
            protocol::UDP => udp(source, destination, payload),
            protocol::SCTP => sctp(source, destination, &INIT),
            protocol::ICMP => echo(number, if self.is_back { 0 } else { 8 }, payload),
            _ => echo(number, if self.is_back { 129 } else { 128 }, payload),
        }
    }

    /// Within IP: as it is, as a fragment, with options or extension headers.
    fn shaped(&self, inner: Inner, source: Endpoint, destination: Endpoint, is_6: bool) -> Inner {
        let (from, to) = (source.address.to_string(), destination.address.to_string());
        if is_6 {
            let inner = match self.shape {
                1 => inner.behind(44, [0, 0, 1, 0, 0, 0, 7]),
                2 => inner.behind(44, [0, 0, 8, 0, 0, 0, 7]),
                3 => inner.behind(60, [0, 1, 4, 0, 0, 0, 0]),
                4 => inner.behind(60, [0, 1, 4, 0, 0, 0, 0]).behind(0, [0, 1, 4, 0, 0, 0, 0]),
                5 => inner.behind(43, [0, 0, 0, 0, 0, 0, 0]),
                _ => inner,
            };
            return inner.in6(&from, &to);
        }
        let (options, fragment): (&[u8], u16) = match self.shape {
            1 => (&[], 0x2000),
            2 => (&[], 0x2001),
            3 => (&[], 0x0010),
            4 => (&[1; 8], 0x4000),
            5 => (&[1; 4], 0x2000),
            _ => (&[], 0x4000),
        };
        inner.in4_with(&from, &to, options, fragment)
    }

    fn tunnelled(&self, packet: Inner) -> Inner {
        let (a, b) = ("192.168.12.11", "192.168.12.12");
        match self.tunnel {
            1 => packet.vxlan(4789, 5).in4(a, b),
            2 => packet.vxlan(4800, 5).in4(b, a),
            3 => packet.geneve(6081, 5, &[], true).in4(a, b),
            4 => packet.geneve(6000, 5, &[1, 2, 0x80, 1, 0, 1, 0, 2], false).in4(b, a),
            5 => {
                let ethertype = if packet.wire[0] >> 4 == 6 { 0x86dd } else { 0x0800 };
                packet.gre(0x2000, &[7], ethertype).in4(a, b)
            }
            6 => packet.in4(a, b),
            7 => packet.in6("fd00:12::11", "fd00:12::12"),
            _ => packet,
        }
    }
}

fn flows() -> impl Strategy<Value = Flow> {
    let pair = || (0..6_usize, 0..6_usize);
    (any::<bool>(), 0..4_usize, pair(), pair(), prop::option::of(pair()), prop::option::of(pair())).prop_map(
        |(is_6, protocol, ends, ports, rewritten, translated)| Flow {
            is_6,
            protocol,
            ends,
            ports,
            rewritten,
            translated,
        },
    )
}

fn looks() -> impl Strategy<Value = Look> {
    // In plain sight more often than not.
    let plain = |most: usize| prop_oneof![2 => Just(0), 1 => 0..most];
    (
        0..3_usize,
        any::<bool>(),
        any::<u8>(),
        0..5_usize,
        plain(6),
        plain(8),
        plain(3),
        prop::bool::weighted(0.1),
    )
        .prop_map(|(leg, is_back, flags, payload, shape, tunnel, tags, is_quoted)| Look {
            leg,
            is_back,
            flags,
            payload,
            shape,
            tunnel,
            tags,
            is_quoted,
        })
}

fn terms() -> impl Strategy<Value = Composition> {
    let addresses = prop::sample::select(vec![
        "10.128.0.5",
        "10.128.0.0/14",
        "192.168.12.99",
        "192.168.12.0/24",
        "172.30.99.10",
        "203.0.113.25",
        "203.0.113.0/24",
        "fd00::5",
        "fd00::/16",
        "2001:db8::25",
        "2001:db8::/32",
        "0.0.0.0/0",
    ]);
    let ports = prop::sample::select(vec!["443", "8443", "53", "40001", "4789", "40000-41000", "1-1024"]);
    let protocols = prop::sample::select(vec!["tcp", "udp", "sctp", "icmp", "icmp6", "47", "4"]);
    let signs = prop::sample::select(crate::filter::sign::Sign::names().to_vec());
    let keyed = |keys: Vec<&'static str>, values: BoxedStrategy<&'static str>| {
        (prop::sample::select(keys), prop::collection::vec(values, 1..3)).prop_map(|(key, values)| {
            let mut term = Term::named(key).unwrap();
            for value in values {
                term.push(value).unwrap();
            }
            Composition::from(term)
        })
    };
    prop_oneof![
        4 => keyed(vec!["host", "src", "dst", "src_outside", "dst_outside"], addresses.clone().boxed()),
        3 => keyed(vec!["port", "src_port", "dst_port"], ports.boxed()),
        2 => keyed(vec!["proto"], protocols.boxed()),
        2 => keyed(vec!["shows"], signs.boxed()),
        1 => keyed(vec!["neighbour"], addresses.boxed()),
        1 => typed(),
    ]
}

/// What is typed behind the options.
fn typed() -> impl Strategy<Value = Composition> {
    prop::sample::select(vec![
        "tcp port 443",
        "vlan and ip",
        "icmp or icmp6",
        "greater 100",
        "not host 10.128.0.5",
    ])
    .prop_map(|typed| Term::Matches(Expression::parse(typed, &Names::NONE).unwrap()).into())
}

fn trees() -> impl Strategy<Value = Composition> {
    terms().prop_recursive(3, 12, 3, |inner| {
        let several = prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            2 => several.clone().prop_map(Composition::All),
            2 => several.prop_map(Composition::Any),
            1 => inner.prop_map(Composition::negated),
        ]
    })
}

fn blocks(typed: &[&str]) -> Vec<Block> {
    typed.iter().map(|typed| typed.parse().unwrap()).collect()
}

fn options() -> Options {
    Options::default().with_ports(VXLAN.to_vec(), GENEVE.to_vec())
}

fn question(scope: Scope, link: LinkType, unrewritten: &[Block]) -> Question<'_> {
    Question { scope, link, is_live: false, vxlan: &VXLAN, geneve: &GENEVE, unrewritten }
}

fn program(tree: &Composition, question: &Question<'_>) -> Option<Program> {
    let expression = tree.admission(question).expression()?;
    match Program::unoptimized(&expression, question.link) {
        Ok(program) => Some(program),
        Err(error) => panic!("{expression}: {error}"),
    }
}

fn frame(link: LinkType, bytes: &[u8]) -> Frame<'_> {
    Frame { time: Timestamp::default(), link, bytes, original: bytes.len() as u32 }
}

/// Which of a tree's frame terms a frame meets, each asked alone: some trees have more of them than can be asked at once.
fn marks_of(tree: &Composition, frame: &Frame<'_>) -> u32 {
    let is_met = |term: &Term| {
        let marks = Marks::of(&term.clone().into()).expect("one term").expect("a term of frames");
        marks.of_frame(frame, &options()) == 1
    };
    let terms = tree.frame_terms().into_iter().enumerate();
    terms.fold(0, |marks, (number, term)| marks | u32::from(is_met(term)) << number)
}

fn run<S: Strategy>(
    name: &str,
    cases: u32,
    strategy: &S,
    test: impl Fn(S::Value) -> Result<u64, TestCaseError>,
) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let (tried, selected, frames) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let outcome = TestRunner::new(config).run(strategy, |value| {
        tried.fetch_add(1, Relaxed);
        let seen = test(value)?;
        selected.fetch_add(u64::from(seen > 0), Relaxed);
        frames.fetch_add(seen, Relaxed);
        Ok(())
    });
    let (tried, selected, frames) = (tried.into_inner(), selected.into_inner(), frames.into_inner());
    println!("{name}: {tried} cases, {selected} of them selected, {frames} frames admitted");
    if let Err(failed) = outcome {
        panic!("{failed}");
    }
    assert!(selected > u64::from(cases) / 20, "{selected} of {tried} cases selected anything");
}

/// Trees and flows to try; `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|typed| typed.parse().ok()).unwrap_or(1500)
}

#[test]
fn every_frame_of_every_selected_flow_is_admitted_on_every_leg() {
    let fixed =
        prop_oneof![Just(Vec::new()), Just(blocks(&["203.0.113.0/24", "2001:db8::/32", "172.30.0.0/16"]))];
    let strategy = (trees(), flows(), prop::collection::vec(looks(), 1..8), fixed);
    run("flows", cases(), &strategy, |(tree, flow, looks, fixed)| {
        let legs = flow.legs(&fixed);
        let frames: Vec<_> = looks.iter().flat_map(|look| look.frames(&legs, flow.is_6)).collect();
        let marks =
            frames.iter().fold(0, |marks, (link, bytes)| marks | marks_of(&tree, &frame(*link, bytes)));
        if !tree.matches(&legs, marks) {
            return Ok(0);
        }
        let programs = LINKS.map(|link| program(&tree, &question(Scope::Flows, link, &fixed)));
        for (at, (link, bytes)) in frames.iter().enumerate() {
            let program = &programs[at % LINKS.len()];
            let is_admitted =
                program.as_ref().is_none_or(|program| program.matches(bytes, bytes.len() as u32));
            prop_assert!(is_admitted, "{tree} selects the flow and misses {link} {bytes:02x?} of {legs:?}");
        }
        Ok(frames.len() as u64)
    });
}

#[test]
fn every_selected_frame_is_admitted() {
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    let strategy =
        (trees(), flows(), looks(), damage, any::<prop::sample::Index>(), prop::bool::weighted(0.1));
    run("frames", cases(), &strategy, |(tree, flow, look, damage, end, is_short)| {
        let mut admitted = 0;
        for (link, mut bytes) in look.frames(&flow.legs(&[]), flow.is_6) {
            // Where cooked headers contradict themselves, libpcap and the decoder may read them differently.
            if matches!(link, LinkType::ETHERNET | LinkType::RAW) {
                for (at, byte) in &damage {
                    let at = at.index(bytes.len());
                    bytes[at] = *byte;
                }
                if is_short {
                    bytes.truncate(end.index(bytes.len()));
                }
            }
            if !tree.matches_packet(&decode::packet(&bytes, link, &options()), &frame(link, &bytes)) {
                continue;
            }
            let program = program(&tree, &question(Scope::Frames, link, &[]));
            let is_admitted = program.is_none_or(|program| program.matches(&bytes, bytes.len() as u32));
            prop_assert!(is_admitted, "{tree} selects and misses {link} {bytes:02x?}");
            admitted += 1;
        }
        Ok(admitted)
    });
}

fn term(key: &str, values: &str) -> Composition {
    let mut term = Term::named(key).unwrap();
    term.extend(values).unwrap();
    term.into()
}

/// Whether the filter that follows from a tree lets an Ethernet frame through.
fn admits(tree: &Composition, scope: Scope, unrewritten: &[Block], packet: Inner) -> bool {
    let bytes = packet.ethernet();
    let program = program(tree, &question(scope, LinkType::ETHERNET, unrewritten));
    program.is_none_or(|program| program.matches(&bytes, bytes.len() as u32))
}

#[test]
fn a_protocol_narrows_what_is_captured_of_flows() {
    let tree = term("proto", "tcp");
    assert!(admits(&tree, Scope::Flows, &[], tcp(40001, 443, 30).in4("10.128.0.5", "203.0.113.25")));
    assert!(!admits(
        &tree,
        Scope::Flows,
        &[],
        udp(40001, 53, b"some question").in4("10.128.0.5", "203.0.113.25")
    ));
    assert!(!admits(&tree.negated(), Scope::Flows, &[], tcp(40001, 443, 30).in6("fd00::5", "2001:db8::25")));
}

#[test]
fn a_source_narrows_nothing_and_a_destination_only_where_it_is_known_to_stay() {
    let partner = term("dst", "203.0.113.25").and(term("dst_port", "443"));
    let stay = blocks(&["203.0.113.0/24"]);
    let packet = |port| tcp(50001, port, 30).in4("192.168.12.99", "203.0.113.25");
    let other = tcp(50001, 443, 30).in4("192.168.12.99", "198.51.100.7");
    assert_eq!(
        term("src", "10.128.0.5").admission(&question(Scope::Flows, LinkType::ETHERNET, &stay)).expression(),
        None
    );
    assert_eq!(partner.admission(&question(Scope::Flows, LinkType::ETHERNET, &[])).expression(), None);
    assert!(admits(&partner, Scope::Flows, &stay, packet(443)));
    assert!(!admits(&partner, Scope::Flows, &stay, packet(444)));
    assert!(!admits(&partner, Scope::Flows, &stay, other));
    let answer = tcp(443, 50001, 30).in4("203.0.113.25", "192.168.12.99");
    assert!(admits(&partner, Scope::Flows, &stay, answer));
}

#[test]
fn frames_are_narrowed_by_all_that_headers_say() {
    let tree = term("src", "10.128.0.5").and(term("port", "22").negated()).and(term("shows", "syn"));
    let packet = |from, port| tcp(40001, port, 30).in4(from, "203.0.113.25");
    assert!(admits(&tree, Scope::Frames, &[], packet("10.128.0.5", 443)));
    assert!(!admits(&tree, Scope::Frames, &[], packet("10.128.0.6", 443)));
    assert!(!admits(&tree, Scope::Frames, &[], packet("10.128.0.5", 22)));
    let mut later = packet("10.128.0.5", 443);
    later.wire[33] = 0x10;
    assert!(!admits(&tree, Scope::Frames, &[], later));
}

#[test]
fn what_is_let_through_beyond_a_term_is_said() {
    let tree = term("src", "10.128.0.5").and(term("proto", "tcp"));
    let notes = tree.admission(&question(Scope::Flows, LinkType::ETHERNET, &[])).notes;
    assert_eq!(
        notes,
        [Note {
            term: "source 10.128.0.5".to_owned(),
            admits: "everything",
            why: "source NAT rewrites it: the leg behind does not carry it",
        }]
    );
}

#[test]
fn a_link_whose_headers_are_not_known_is_captured_whole() {
    let tree = term("proto", "tcp");
    assert_eq!(tree.admission(&question(Scope::Flows, LinkType::FDDI, &[])).expression(), None);
}
