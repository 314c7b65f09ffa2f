use super::marks::Marks;
use super::*;
use crate::decode::{self, Options};
use crate::digest::protocol;
use crate::filter::address;
use crate::frame::{LinkType, Timestamp};

fn end(typed: &str) -> Endpoint {
    let (address, port) = typed.rsplit_once(':').expect("address:port");
    Endpoint { address: address::address(address).unwrap(), port: port.parse().unwrap() }
}

fn tcp(source: &str, destination: &str) -> Tuple {
    Tuple { source: end(source), destination: end(destination), protocol: protocol::TCP }
}

fn term(key: &str, values: &str) -> Composition {
    let mut term = Term::named(key).expect("a key");
    term.extend(values).expect("values");
    term.into()
}

/// A pod's flow to a Service that an egress router forwards outside: all addresses change on the way.
fn rewritten() -> [Tuple; 2] {
    [tcp("10.128.0.5:40001", "172.30.99.10:8443"), tcp("192.168.12.99:50001", "203.0.113.25:443")]
}

#[test]
fn a_flow_meets_each_term_by_some_tuple_of_its_own() {
    let tree = term("src", "10.128.0.5").and(term("dst", "203.0.113.0/24"));
    assert!(tree.matches(&rewritten(), 0));
    let either = Composition::Any(vec![term("port", "53"), term("dst_port", "8443")]);
    assert!(either.matches(&rewritten(), 0));
    assert!(!either.clone().negated().matches(&rewritten(), 0));
}

#[test]
fn nothing_said_is_everything_and_no_alternative_is_nothing() {
    assert!(Composition::default().is_everything());
    assert!(Composition::default().matches(&rewritten(), 0));
    assert!(!Composition::Any(Vec::new()).matches(&rewritten(), 0));
    assert_eq!(Composition::default().and(term("port", "53")), term("port", "53"));
}

#[test]
fn what_frames_show_is_met_by_the_mark_of_its_number() {
    let tree = term("shows", "syn").and(term("proto", "tcp")).and(term("shows", "rst").negated());
    assert_eq!(tree.frame_terms().len(), 2);
    assert!(tree.matches(&rewritten(), 0b01));
    assert!(!tree.matches(&rewritten(), 0b11));
    assert!(!tree.matches(&rewritten(), 0));
}

#[test]
fn a_destination_behind_two_nots_must_be_met_by_one_end() {
    let (first, wire) = (end("172.30.99.10:8443"), end("203.0.113.25:443"));
    let mixed = term("dst", "203.0.113.0/24").and(term("dst_port", "8443"));
    assert!(!mixed.covers_destination(first, Some(wire), 6));
    assert!(!mixed.negated().negated().covers_destination(first, Some(wire), 6));
    let right = term("dst", "203.0.113.0/24").and(term("dst_port", "443"));
    assert!(right.negated().negated().covers_destination(first, Some(wire), 6));
}

#[test]
fn words_keep_the_shape_of_the_tree() {
    let tree = term("src", "10.128.0.5")
        .and(Composition::Any(vec![term("port", "53"), term("shows", "tls-hello,http")]))
        .and(term("proto", "udp").negated());
    assert_eq!(
        tree.to_string(),
        "source 10.128.0.5 and (port 53 or shows tls-hello or http) and not protocol udp"
    );
    let outline: Vec<String> =
        tree.outline().into_iter().map(|(depth, words)| format!("{}{words}", "  ".repeat(depth))).collect();
    assert_eq!(
        outline,
        [
            "all of",
            "  source 10.128.0.5",
            "  any of",
            "    port 53",
            "    shows tls-hello or http",
            "  not protocol udp",
        ]
    );
}

mod frames {
    use super::*;
    use crate::decode::build::{Inner, arp, icmp, neighbour, tcp, tcp_with, udp};

    const POD: &str = "10.128.0.5";
    const FAR: &str = "203.0.113.25";

    fn meets(tree: &Composition, bytes: &[u8]) -> bool {
        let link = LinkType::ETHERNET;
        let packet = decode::packet(bytes, link, &Options::default());
        let original = bytes.len() as u32;
        tree.matches_packet(&packet, &Frame { time: Timestamp::default(), link, bytes, original })
    }

    fn is_met(key: &str, values: &str, bytes: &[u8]) -> bool {
        meets(&term(key, values), bytes)
    }

    fn segment() -> Inner {
        tcp(40001, 443, 3).in4(POD, FAR)
    }

    #[test]
    fn a_frame_is_met_by_its_own_direction_alone() {
        let bytes = segment().ethernet();
        assert!(is_met("src", POD, &bytes) && is_met("dst_port", "443", &bytes));
        assert!(!is_met("dst", POD, &bytes) && !is_met("src_port", "443", &bytes));
        assert!(is_met("host", POD, &bytes) && is_met("port", "443", &bytes) && is_met("proto", "6", &bytes));
    }

    #[test]
    fn outer_and_inner_packets_count_alike() {
        let bytes = segment().vxlan(4789, 5).in4("192.168.12.11", "192.168.12.12").ethernet();
        for (key, value) in
            [("src", POD), ("src", "192.168.12.11"), ("dst_port", "443"), ("dst_port", "4789")]
        {
            assert!(is_met(key, value, &bytes), "{key} {value}");
        }
        assert!(is_met("proto", "tcp", &bytes) && is_met("proto", "udp", &bytes));
        assert!(is_met("shows", "tunnel", &bytes) && is_met("shows", "vxlan", &bytes));
        assert!(!is_met("shows", "geneve", &bytes));
    }

    #[test]
    fn the_packet_that_an_error_quotes_counts_too() {
        let bytes = icmp(protocol::ICMP, 3, &segment().wire[..28]).in4("192.168.12.1", POD).ethernet();
        assert!(
            is_met("src", POD, &bytes) && is_met("dst_port", "443", &bytes) && is_met("proto", "tcp", &bytes)
        );
        assert!(is_met("shows", "icmp-error", &bytes) && !is_met("shows", "syn", &bytes));
    }

    #[test]
    fn a_later_fragment_has_addresses_and_a_protocol_and_no_ports() {
        let bytes = tcp(40001, 443, 3).in4_with(POD, FAR, &[], 0x2001).ethernet();
        assert!(
            is_met("src", POD, &bytes)
                && is_met("proto", "tcp", &bytes)
                && is_met("shows", "fragment", &bytes)
        );
        assert!(!is_met("port", "443", &bytes));
    }

    #[test]
    fn what_arp_and_neighbour_discovery_speak_of_counts() {
        let asked = arp(1, "192.168.12.11", "192.168.12.99").ethernet();
        assert!(is_met("neighbour", "192.168.12.99", &asked) && is_met("shows", "arp", &asked));
        assert!(is_met("src", "192.168.12.11", &asked) && is_met("dst", "192.168.12.99", &asked));
        let six = neighbour(136, "fd00:12::99").in6_with("fd00:12::11", "ff02::1", 255).ethernet();
        assert!(is_met("neighbour", "fd00:12::99", &six) && is_met("shows", "nd", &six));
        assert!(
            !is_met("neighbour", "192.168.12.98", &asked)
                && !is_met("neighbour", "10.128.0.5", &segment().ethernet())
        );
    }

    #[test]
    fn a_payload_is_told_by_how_it_begins() {
        let question =
            [&[0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], b"\x03api\x07example\0\0\x01\0\x01"].concat();
        assert!(is_met("shows", "dns", &udp(5353, 53, &question).in4(POD, FAR).ethernet()));
        assert!(!is_met("shows", "dns", &udp(5353, 53, b"query").in4(POD, FAR).ethernet()));
        assert!(!is_met("shows", "tls-hello,http", &segment().ethernet()));
        let mut hello = tcp_with(40001, 443, &[], 8).in4(POD, FAR).ethernet();
        let at = hello.len() - 8;
        hello[at..].copy_from_slice(&[22, 3, 1, 0, 3, 1, 0, 0]);
        assert!(is_met("shows", "tls-hello", &hello));
        hello[at..].copy_from_slice(b"GET / HT");
        assert!(is_met("shows", "http", &hello));
    }

    #[test]
    fn marks_are_numbered_as_the_terms_are() {
        let tree = term("shows", "rst").and(term("port", "443")).and(term("shows", "syn"));
        let bytes = segment().ethernet();
        let (link, original) = (LinkType::ETHERNET, bytes.len() as u32);
        let frame = Frame { time: Timestamp::default(), link, bytes: &bytes, original };
        let marks = Marks::of(&tree).expect("two terms").expect("terms of frames");
        assert_eq!(marks.of_frame(&frame, &Options::default()), 0b10);
    }
}
