//! Which tracks are one flow where no handshake tells: echoes, associations, datagrams, fragments, connections that were
//! captured from their middle.

use std::net::SocketAddr;

use crate::frame::{ACK, Content, Packet, end};
use crate::scene::{Flow, GATEWAY, MS, Scene, Sight, WORKER1, bridge, eth0, ethernet, veth};

const EXPECT: &str = "--expect 192.168.12.99";
const ICMP: u8 = 1;
const UDP: u8 = 17;
const ESP: u8 = 50;
const SCTP: u8 = 132;
/// The IPv4 header's flag for more fragments, and the offset of the second one here, in units of 8 bytes.
const MORE: u16 = 0x2000;
const SECOND: u16 = 4;

/// A packet as one place sees it.
pub(crate) struct Seen {
    sight: Sight,
    source: SocketAddr,
    destination: SocketAddr,
    ttl: u8,
}

pub(crate) fn seen(sight: Sight, source: &str, destination: &str, ttl: u8) -> Seen {
    Seen { sight, source: end(source), destination: end(destination), ttl }
}

/// Inside at a veth, outside at `outside` with another source.
pub(crate) fn way(outside: Sight, client: &str, leaves_as: &str, server: &str) -> [Seen; 2] {
    [seen(veth("node1"), client, server, 64), seen(outside, leaves_as, server, 63)]
}

/// An uplink of a machine with another clock.
fn wire() -> Sight {
    ethernet("wire", WORKER1, GATEWAY)
}

/// Puts what `content` makes of each place's two ports there, on its way out or back, 10 µs from place to place.
pub(crate) fn pass(
    scene: &mut Scene,
    at: i64,
    way: &[Seen],
    is_out: bool,
    id: u16,
    content: impl Fn(u16, u16) -> Content,
) {
    for (n, seen) in (0i64..).zip(way) {
        let (source, destination, ttl) = if is_out {
            (seen.source, seen.destination, seen.ttl)
        } else {
            (seen.destination, seen.source, 60)
        };
        let content = content(source.port(), destination.port());
        let packet = Packet { source, destination, ttl, id, content };
        let step = if is_out { n } else { way.len() as i64 - n };
        scene.put(at + step * 10_000, seen.sight, &packet, None, is_out);
    }
}

fn other(protocol: u8, bytes: Vec<u8>) -> Content {
    Content::Other { protocol, fragment: 0x4000, bytes }
}

/// An echo message: the requester's port stands for its identifier.
fn echo(is_reply: bool, seq: u16, payload: &'static [u8]) -> impl Fn(u16, u16) -> Content {
    move |source, destination| {
        let identifier = if is_reply { destination } else { source };
        let head = [&[if is_reply { 0 } else { 8 }, 0, 0, 0][..], &identifier.to_be_bytes()].concat();
        other(ICMP, [&head[..], &seq.to_be_bytes(), payload].concat())
    }
}

const PING: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

#[test]
fn an_echo_is_followed_where_its_identifier_is_rewritten() {
    let mut scene = Scene::new();
    let way = way(eth0("node1"), "10.128.0.5:7", "192.168.12.99:4321", "203.0.113.25:0");
    pass(&mut scene, 0, &way, true, 0, echo(false, 1, PING));
    pass(&mut scene, MS, &way, false, 0, echo(true, 1, PING));
    let run = scene.check(EXPECT);
    let row = run.row_from("10.128.0.5");
    assert_eq!((row.reason.name(), row.outcome.name()), ("expected-source", "established"));
    assert_eq!(row.join.method.name(), "icmp-echo");
    assert_eq!(row.wire_sources[0].address.to_string(), "192.168.12.99");
}

/// Two pods with one identifier send equal requests `apart` ns after one another.
fn pings(outside: Sight, apart: i64, second_leaves_as: &str) -> Scene {
    let mut scene = Scene::new();
    let ways = [
        [
            seen(veth("node1"), "10.128.0.5:7", "203.0.113.25:0", 64),
            seen(outside, "192.168.12.99:7", "203.0.113.25:0", 63),
        ],
        [
            seen(crate::scene::device("node1", 9, 3, 4), "10.128.0.6:7", "203.0.113.25:0", 64),
            seen(outside, second_leaves_as, "203.0.113.25:0", 63),
        ],
    ];
    for (n, way) in (0i64..).zip(&ways) {
        pass(&mut scene, n * apart, way, true, 0, echo(false, 1, PING));
    }
    scene
}

const EACH_ITS_OWN: &str = "--expect 10.128.0.5=>192.168.12.99 --expect 10.128.0.6=>192.168.12.77";

#[test]
fn equal_echoes_in_one_clock_are_told_apart_by_time() {
    let run = pings(eth0("node1"), 30 * MS, "192.168.12.11:8").check(EXPECT);
    assert_eq!(run.row_from("10.128.0.5").reason.name(), "expected-source");
    assert_eq!(run.row_from("10.128.0.6").reason.name(), "node-ip");
}

#[test]
fn equal_echoes_at_one_moment_are_nobodys_in_particular() {
    let run = pings(eth0("node1"), 3_000, "192.168.12.11:8").check(EACH_ITS_OWN);
    for pod in ["10.128.0.5", "10.128.0.6"] {
        assert_eq!(run.row_from(pod).reason.name(), "ambiguous", "{pod}");
    }
}

#[test]
fn equal_echoes_over_clocks_are_nobodys_in_particular_whatever_is_read_first() {
    for read_backwards in [false, true] {
        let mut scene = pings(wire(), 30 * MS, "192.168.12.77:8");
        if read_backwards {
            scene.read_backwards();
        }
        let run = scene.check(EACH_ITS_OWN);
        for pod in ["10.128.0.5", "10.128.0.6"] {
            assert_eq!(run.row_from(pod).reason.name(), "ambiguous", "{pod}, backwards: {read_backwards}");
        }
    }
}

#[test]
fn equal_echoes_over_clocks_that_all_left_as_expected_probably_pass() {
    let run = pings(wire(), 30 * MS, "192.168.12.99:8").check(EXPECT);
    let row = run.row_from("10.128.0.5");
    assert_eq!((row.reason.name(), row.join.confidence.name()), ("expected-source", "probable"));
}

#[test]
fn an_echo_that_did_not_leave_does_not_pass_by_anothers() {
    let mut scene = Scene::new();
    let first = way(eth0("node1"), "10.128.0.5:7", "192.168.12.99:7", "203.0.113.25:0");
    let second = [seen(crate::scene::device("node1", 9, 3, 4), "10.128.0.6:7", "203.0.113.25:0", 64)];
    pass(&mut scene, 0, &first, true, 0, echo(false, 1, PING));
    pass(&mut scene, 4_000, &second, true, 0, echo(false, 1, PING));
    let run = scene.check(EXPECT);
    assert_ne!(run.row_from("10.128.0.6").verdict.name(), "pass");
}

/// SCTP's common header and the beginning of its first chunk; an INIT's or INIT ACK's own tag stands there.
fn association(tag: u32, chunk: u8, own: u32) -> impl Fn(u16, u16) -> Content {
    move |source, destination| {
        let mut bytes = [source.to_be_bytes(), destination.to_be_bytes()].concat();
        bytes.extend(tag.to_be_bytes());
        bytes.extend([0, 0, 0, 0, chunk, 0, 0, 20]);
        bytes.extend(own.to_be_bytes());
        bytes.extend([0; 12]);
        other(SCTP, bytes)
    }
}

const CLIENTS_TAG: u32 = 0x1122_3344;
const SERVERS_TAG: u32 = 0x5566_7788;

#[test]
fn an_association_is_joined_by_its_tags() {
    let mut scene = Scene::new();
    let way = way(wire(), "10.128.0.5:40001", "192.168.12.99:61001", "203.0.113.25:2905");
    pass(&mut scene, 0, &way, true, 5, association(0, 1, CLIENTS_TAG));
    pass(&mut scene, MS, &way, false, 0, association(CLIENTS_TAG, 2, SERVERS_TAG));
    let row = scene.check(EXPECT);
    let row = row.row(40001);
    assert_eq!((row.reason.name(), row.outcome.name()), ("expected-source", "established"));
    assert_eq!((row.join.method.name(), row.join.confidence.name()), ("sctp-tag", "certain"));
}

#[test]
fn an_association_that_was_captured_from_its_middle_is_joined_by_its_tags() {
    let mut scene = Scene::new();
    let way = way(wire(), "10.128.0.5:40001", "192.168.12.99:61001", "203.0.113.25:2905");
    // The uplink's capture begins later.
    pass(&mut scene, 0, &way[..1], true, 5, association(SERVERS_TAG, 0, 1));
    pass(&mut scene, 50 * MS, &way, false, 6, association(CLIENTS_TAG, 0, 9));
    pass(&mut scene, 90 * MS, &way, true, 7, association(SERVERS_TAG, 0, 2));
    let run = scene.check(EXPECT);
    assert_eq!(run.row(40001).id, run.row(61001).id);
    assert_eq!(run.row(61001).join.confidence.name(), "certain");
}

#[test]
fn esp_is_joined_by_its_numbers() {
    let mut scene = Scene::new();
    let way = way(wire(), "10.128.0.5:0", "192.168.12.99:0", "203.0.113.25:0");
    let packet = |_, _| other(ESP, [&[0, 0, 0x10, 0x01, 0, 0, 0, 9][..], &[0xe5; 40]].concat());
    pass(&mut scene, 0, &way, true, 0, packet);
    let run = scene.check(EXPECT);
    assert_eq!(run.row_from("10.128.0.5").reason.name(), "expected-source");
}

fn datagram(payload: &'static [u8]) -> impl Fn(u16, u16) -> Content {
    move |_, _| Content::Udp { payload: payload.to_vec() }
}

#[test]
fn a_flow_whose_requests_were_not_captured_on_one_side_is_joined_by_its_answers() {
    let mut scene = Scene::new();
    let way = way(wire(), "10.128.0.5:40001", "192.168.12.99:61001", "203.0.113.53:53");
    pass(&mut scene, 0, &way[..1], true, 5, datagram(b"a question"));
    pass(&mut scene, MS, &way, false, 77, datagram(b"the answer to it"));
    let run = scene.check(EXPECT);
    assert_eq!(run.row(40001).id, run.row(61001).id);
}

#[test]
fn an_answer_from_another_address_than_was_asked_is_no_part_of_the_flow() {
    let mut scene = Scene::new();
    let asked = way(eth0("node1"), "10.128.0.5:40001", "192.168.12.99:61001", "203.0.113.53:53");
    let answered = way(eth0("node1"), "10.128.0.5:40001", "192.168.12.99:61001", "203.0.113.54:53");
    pass(&mut scene, 0, &asked, true, 5, datagram(b"a question"));
    pass(&mut scene, MS, &answered, false, 77, datagram(b"the answer to it"));
    let run = scene.check(EXPECT);
    let rows = run.rows(40001);
    assert_eq!(rows.len(), 2, "{rows:#?}");
    let asked = rows.iter().find(|row| row.destination.address.to_string() == "203.0.113.53").unwrap();
    assert_eq!((asked.reason.name(), asked.legs.len()), ("expected-source", 2));
}

#[test]
fn a_question_sent_again_without_an_identification_is_the_same_flow() {
    let mut scene = Scene::new();
    let way = [
        seen(veth("node1"), "[fd00::5]:40001", "[2001:db8::53]:53", 64),
        seen(eth0("node1"), "[2001:db8::99]:61001", "[2001:db8::53]:53", 63),
    ];
    for n in 0..2 {
        pass(&mut scene, n * 5000 * MS, &way, true, 0, datagram(b"\x12\x34 what is the address of it?"));
    }
    let run = scene.check("--expect 2001:db8::99");
    assert_eq!((run.reason(40001), run.row(40001).packets), ("expected-source", 2));
}

#[test]
fn a_question_asked_of_another_server_too_is_two_flows() {
    let mut scene = Scene::new();
    for (n, server) in [(0, "[2001:db8::53]:53"), (1, "[2001:db8::54]:53")] {
        let way = [
            seen(veth("node1"), "[fd00::5]:40001", server, 64),
            seen(eth0("node1"), "[2001:db8::99]:61001", server, 63),
        ];
        pass(&mut scene, n * 5000 * MS, &way, true, 0, datagram(b"\x12\x34 what is the address of it?"));
    }
    let run = scene.check("--expect 2001:db8::99");
    let rows = run.rows(40001);
    assert_eq!(rows.len(), 2);
    assert!(
        rows.iter().all(|row| row.reason.name() == "expected-source" && row.legs.len() == 2),
        "{rows:#?}"
    );
}

#[test]
fn what_is_sent_again_and_again_proves_nothing_over_clocks() {
    let mut scene = Scene::new();
    let inside = [seen(veth("node1"), "10.128.0.5:40001", "203.0.113.25:9000", 64)];
    let outside = [seen(wire(), "192.168.12.99:61001", "203.0.113.25:9000", 63)];
    for n in 0..3 {
        pass(&mut scene, n * 1000 * MS, &inside, true, 0, datagram(b"I am alive and well"));
        pass(&mut scene, n * 900 * MS, &outside, true, 0, datagram(b"I am alive and well"));
    }
    let run = scene.check(EXPECT);
    assert_ne!(run.row(40001).id, run.row(61001).id);
    assert_ne!(run.row(40001).verdict.name(), "pass");
}

/// A UDP datagram of 32 + 40 bytes in two fragments; the second has no ports.
pub(crate) fn first_fragment(source: u16, destination: u16) -> Content {
    let whole = whole_datagram(source, destination);
    Content::Other { protocol: UDP, fragment: MORE, bytes: whole[..usize::from(SECOND) * 8].to_vec() }
}

pub(crate) fn second_fragment(source: u16, destination: u16) -> Content {
    let whole = whole_datagram(source, destination);
    Content::Other { protocol: UDP, fragment: SECOND, bytes: whole[usize::from(SECOND) * 8..].to_vec() }
}

fn whole_datagram(source: u16, destination: u16) -> Vec<u8> {
    let mut bytes = [source.to_be_bytes(), destination.to_be_bytes(), [0, 72], [0, 0]].concat();
    bytes.extend(0..64);
    bytes
}

fn reassembled(source: u16, destination: u16) -> Content {
    other(UDP, whole_datagram(source, destination))
}

#[test]
fn a_datagram_counts_alike_in_pieces_and_whole() {
    for is_tail_first in [false, true] {
        let mut scene = Scene::new();
        let way = [
            seen(veth("node1"), "10.128.0.5:40001", "203.0.113.25:9000", 64),
            seen(eth0("node1"), "192.168.12.99:61001", "203.0.113.25:9000", 63),
        ];
        let whole = [seen(bridge("node1"), "10.128.0.5:40001", "203.0.113.25:9000", 64)];
        let times = if is_tail_first { [2_000, 0] } else { [0, 2_000] };
        pass(&mut scene, times[0], &way, true, 8, first_fragment);
        pass(&mut scene, times[1], &way, true, 8, second_fragment);
        pass(&mut scene, 5_000, &whole, true, 8, reassembled);
        let run = scene.check(EXPECT);
        let row = run.row(40001);
        assert_eq!(row.reason.name(), "expected-source");
        assert_eq!(row.join.confidence.name(), "certain");
        assert!(row.legs.iter().all(|leg| leg.packets_out == 1), "{:#?}", row.legs);
        assert_eq!(run.snapshot.summary.flows, 1);
    }
}

#[test]
fn a_later_fragment_that_leaves_untranslated_is_seen_to() {
    for outside in [eth0("node1"), wire()] {
        for read_backwards in [false, true] {
            let mut scene = Scene::new();
            if read_backwards {
                scene.read_backwards();
            }
            let way = way(outside, "10.128.0.5:40001", "192.168.12.99:61001", "203.0.113.25:9000");
            let leaking = [seen(outside, "10.128.0.5:40001", "203.0.113.25:9000", 63)];
            pass(&mut scene, 0, &way, true, 8, first_fragment);
            pass(&mut scene, 2_000, &way[..1], true, 8, second_fragment);
            pass(&mut scene, 15_000, &leaking, true, 8, second_fragment);
            let run = scene.check(EXPECT);
            assert_eq!(run.row(40001).reason.name(), "mixed-sources", "backwards: {read_backwards}");
        }
    }
}

#[test]
fn a_later_fragment_without_a_first_opens_nothing() {
    let mut scene = Scene::new();
    let way = way(eth0("node1"), "10.128.0.5:40001", "192.168.12.99:61001", "203.0.113.25:9000");
    pass(&mut scene, 0, &way, true, 8, second_fragment);
    assert_eq!(scene.check(EXPECT).snapshot.summary.flows, 0);
}

fn connection<'a>(scene: &'a mut Scene, client: &str, leaves_as: &str) -> Flow<'a> {
    scene.tcp(client, "203.0.113.25:443").at(veth("node1")).routed().snat(leaves_as).at(wire())
}

#[test]
fn a_connection_captured_from_its_middle_is_joined_over_clocks() {
    for (ahead, read_backwards) in [(0, false), (7_200_000, false), (-5000, true)] {
        let mut scene = Scene::new();
        scene.clock_ahead(wire(), ahead * MS);
        if read_backwards {
            scene.read_backwards();
        }
        connection(&mut scene, "10.128.0.5:40001", "192.168.12.99:61001").send(100).receive(50).send(10);
        let run = scene.check(EXPECT);
        let row = run.row(40001);
        assert_eq!(row.reason.name(), "expected-source", "ahead {ahead}, backwards: {read_backwards}");
        assert_eq!((row.join.method.name(), row.join.confidence.name()), ("tcp-segment", "certain"));
    }
}

#[test]
fn one_segment_in_common_makes_a_connection_probable() {
    let mut scene = Scene::new();
    connection(&mut scene, "10.128.0.5:40001", "192.168.12.99:61001")
        .hide(1)
        .send(100)
        .show(1)
        .send_in_vain(10);
    let run = scene.check(EXPECT);
    assert_eq!(run.row(40001).id, run.row(61001).id);
    assert_eq!(run.row(40001).join.confidence.name(), "probable");
}

#[test]
fn a_capture_that_began_after_the_handshake_shows_the_same_connection() {
    for hidden in [0, 1] {
        let mut scene = Scene::new();
        connection(&mut scene, "10.128.0.5:40001", "192.168.12.99:61001")
            .hide(hidden)
            .handshake()
            .show(hidden)
            .send(100)
            .receive(50)
            .close();
        let run = scene.check("--expect 10.128.0.5=>192.168.12.11");
        assert_eq!(run.row(40001).id, run.row(61001).id, "hidden: {hidden}");
        assert_eq!(run.row(40001).outcome.name(), "established");
        assert_eq!(run.row(40001).reason.name(), "unknown-source");
    }
}

#[test]
fn super_packets_inside_are_joined_by_where_they_start() {
    let mut scene = Scene::new();
    let packet = |source: &str, ttl, seq: u32, id: u16, payload| Packet {
        source: end(source),
        destination: end("203.0.113.25:443"),
        ttl,
        id,
        content: Content::Tcp { seq, ack: 77_000_000, flags: ACK, payload, timestamp: None },
    };
    for (n, start) in [5_000_000_u32, 5_003_000, 5_006_000].into_iter().enumerate() {
        let (at, id) = (n as i64 * MS, 100 + n as u16 * 3);
        scene.put(at, veth("node1"), &packet("10.128.0.5:40001", 64, start, id, 3000), None, true);
        for part in 0..3 {
            let (seq, id) = (start + u32::from(part) * 1000, id + part);
            scene.put(at + 9_000, wire(), &packet("192.168.12.99:61001", 63, seq, id, 1000), None, true);
        }
    }
    let run = scene.check(EXPECT);
    assert_eq!(run.row(40001).id, run.row(61001).id);
}

#[test]
fn connections_that_share_no_segment_stay_apart() {
    let mut scene = Scene::new();
    scene.tcp("10.128.0.5:40001", "203.0.113.25:443").at(veth("node1")).isn(1_000, 5_000).send(100).send(100);
    let outside = scene.tcp("192.168.12.99:61001", "203.0.113.25:443").ttl(63).at(wire());
    outside.isn(900_000, 5_000).send(100).send(100);
    let run = scene.check(EXPECT);
    assert_ne!(run.row(40001).id, run.row(61001).id);
}

#[test]
fn an_error_that_is_read_before_its_flow_is_told() {
    for read_backwards in [false, true] {
        let mut scene = Scene::new();
        if read_backwards {
            scene.read_backwards();
        }
        // The router's capture shows the error alone, and names the flow behind the NAT.
        let flow = connection(&mut scene, "10.128.0.5:40001", "192.168.12.99:61001");
        flow.syn();
        let outside = scene
            .tcp("192.168.12.99:61001", "203.0.113.25:443")
            .at(ethernet("router", GATEWAY, WORKER1))
            .isn(40_001_u32.wrapping_mul(65_537).wrapping_add(1), 0);
        outside.time(20).error("198.51.100.1", 3, 13);
        let run = scene.check(EXPECT);
        assert_eq!(run.row(40001).outcome.name(), "prohibited", "backwards: {read_backwards}");
    }
}
