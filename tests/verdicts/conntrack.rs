//! What conntrack's table adds: origins where the wire alone was seen, and flows whose packets do not show that they are one.
//!
//! A table is a moment, and tuples are used again: whatever may mean another conversation says nothing.

use egret::snapshot::Row;

use crate::scene::{Flow, GATEWAY, Run, Scene, WORKER1, eth0, ethernet, veth};

/// Two pods of which each has an address of its own.
const EACH_ITS_OWN: &str = "--expect 10.128.0.5=>192.168.12.99 --expect 10.128.0.8=>192.168.12.100";
const FAR: &str = "203.0.113.25:443";
const POD: &str = "10.128.0.5:50000";
const WIRE: &str = "192.168.12.99:40001";

/// A line of conntrack's: what the first packet carried, and what it left with.
pub(crate) fn entry(protocol: &str, original: (&str, &str), wire: (&str, &str)) -> String {
    let tuple = |(source, destination): (&str, &str)| {
        let ((from, sport), (to, dport)) =
            (source.rsplit_once(':').expect("a port"), destination.rsplit_once(':').expect("a port"));
        format!("src={from} dst={to} sport={sport} dport={dport}")
    };
    let (original, reply) = (tuple(original), tuple((wire.1, wire.0)));
    format!("ipv4 2 {protocol} 9 {original} {reply} [ASSURED] mark=0 use=1\n")
}

pub(crate) fn tcp(original: &str, wire: &str) -> String {
    entry("tcp 6", (original, FAR), (wire, FAR))
}

/// A connection at the uplink, its beginning included, with what the table says of it.
fn at_the_uplink(scene: &mut Scene) -> Flow<'_> {
    scene.tcp(WIRE, FAR).ttl(63).at(ethernet("uplink", WORKER1, GATEWAY))
}

/// What is said of a connection of which the uplink alone was captured.
fn told(printed: &str, read: Option<i64>) -> Run {
    let mut scene = Scene::new();
    at_the_uplink(&mut scene).handshake().send(10).close();
    scene.conntrack(printed, read);
    scene.check(EACH_ITS_OWN)
}

/// `METHOD CONFIDENCE`.
fn joined(row: &Row) -> String {
    format!("{} {}", row.join.method.name(), row.join.confidence.name())
}

#[test]
fn the_table_tells_whose_flow_left_and_the_row_says_so() {
    let run = told(&tcp(POD, WIRE), None);
    let row = run.row(40001);
    assert_eq!(
        (row.reason.name(), row.origin.expect("told").to_string()),
        ("expected-source", POD.to_owned())
    );
    assert_eq!(row.origin_destination, None);
    assert_eq!(joined(run.row(40001)), "conntrack probable");
    assert_eq!(
        row.explanation,
        "The flow from 10.128.0.5 to 203.0.113.25:443 left uplink as 192.168.12.99, as expected; where it began was \
         not seen, conntrack's table tells it."
    );
}

#[test]
fn a_flow_that_the_table_says_is_another_pods_left_with_somebody_elses_address() {
    assert_eq!(told(&tcp("10.128.0.8:50000", WIRE), None).reason(40001), "other-egress-ip");
    assert_eq!(told(&tcp("10.128.0.9:50000", WIRE), None).reason(40001), "no-expectation");
}

#[test]
fn without_a_translation_that_fits_exactly_the_origin_stays_unknown() {
    let another_port = tcp(POD, "192.168.12.99:40002");
    let another_server = entry("tcp 6", (POD, "203.0.113.26:443"), (WIRE, "203.0.113.26:443"));
    let another_protocol = entry("sctp 132", (POD, FAR), (WIRE, FAR));
    for printed in ["", &another_port, &another_server, &another_protocol] {
        let run = told(printed, None);
        assert_eq!((run.reason(40001), run.row(40001).origin), ("origin-unknown", None), "{printed}");
        assert_eq!(joined(run.row(40001)), "same-tuple certain");
    }
}

#[test]
fn a_translated_destination_is_told_too() {
    let run = told(&entry("tcp 6", (POD, "172.30.99.10:8443"), (WIRE, FAR)), None);
    let row = run.row(40001);
    assert_eq!(row.origin_destination.expect("told").to_string(), "172.30.99.10:8443");
    assert_eq!(row.destination.to_string(), FAR);
}

#[test]
fn translations_that_follow_each_other_lead_to_the_first() {
    let router = "10.128.0.30:50000";
    let first = entry("tcp 6", (POD, "172.30.99.10:8443"), (router, "203.0.113.25:8443"));
    let second = entry("tcp 6", (router, "203.0.113.25:8443"), (WIRE, FAR));
    let row = told(&[first, second].concat(), None).row(40001).clone();
    assert_eq!(row.origin.expect("told").to_string(), POD);
    assert_eq!(row.origin_destination.expect("told").to_string(), "172.30.99.10:8443");
}

#[test]
fn translations_that_lead_round_in_a_circle_tell_nothing() {
    let run = told(&[tcp(POD, WIRE), tcp(WIRE, POD)].concat(), None);
    assert_eq!(run.reason(40001), "origin-unknown");
}

#[test]
fn of_two_translations_with_one_tuple_neither_counts_in_whichever_tables_they_are() {
    let (one, other) = (tcp(POD, WIRE), tcp("10.128.0.8:50000", WIRE));
    assert_eq!(told(&[one.clone(), other.clone()].concat(), None).reason(40001), "origin-unknown");
    assert_eq!(
        told(&[one.clone(), tcp(POD, "192.168.12.100:40001")].concat(), None).reason(40001),
        "origin-unknown"
    );
    assert_eq!(told(&[one.clone(), one.clone()].concat(), None).reason(40001), "expected-source");

    let mut scene = Scene::new();
    at_the_uplink(&mut scene).handshake().send(10).close();
    for printed in [&one, &other, &one] {
        scene.conntrack(printed, None);
    }
    assert_eq!(scene.check(EACH_ITS_OWN).reason(40001), "origin-unknown");
}

#[test]
fn a_nodes_address_names_no_workload_in_a_table_either() {
    let run = told(&tcp("192.168.12.11:50000", WIRE), None);
    assert_eq!((run.reason(40001), run.row(40001).origin), ("origin-unknown", None));
}

#[test]
fn a_tuple_that_was_used_again_is_nobodys() {
    let mut scene = Scene::new();
    at_the_uplink(&mut scene).handshake().send(10).close();
    at_the_uplink(&mut scene).time(5_000).isn(7, 9).handshake().send(10).close();
    scene.conntrack(&tcp(POD, WIRE), None);
    let run = scene.check(EACH_ITS_OWN);
    let reasons: Vec<_> = run.rows(40001).iter().map(|row| row.reason.name()).collect();
    assert_eq!(reasons, ["origin-unknown"; 2]);
}

#[test]
fn what_began_after_the_table_was_read_is_not_in_it() {
    assert_eq!(told(&tcp(POD, WIRE), Some(-1)).reason(40001), "origin-unknown");
    assert_eq!(told(&tcp(POD, WIRE), Some(0)).reason(40001), "origin-unknown");
    assert_eq!(told(&tcp(POD, WIRE), Some(1)).reason(40001), "expected-source");
}

#[test]
fn a_connection_captured_from_its_middle_may_be_older_than_the_table() {
    let mut scene = Scene::new();
    at_the_uplink(&mut scene).time(100_000).send(10).probe();
    scene.conntrack(&tcp(POD, WIRE), Some(0));
    let run = scene.check(EACH_ITS_OWN);
    assert_eq!((run.reason(40001), run.outcome(40001)), ("expected-source", "mid-stream"));
}

#[test]
fn datagrams_that_begin_long_after_the_table_was_read_may_be_anybodys() {
    let said = |ms: i64| {
        let mut scene = Scene::new();
        let uplink = ethernet("uplink", WORKER1, GATEWAY);
        scene.udp(WIRE, "203.0.113.25:53").ttl(63).at(uplink).time(ms).ask().answer();
        let translated = (POD, "203.0.113.25:53");
        scene.conntrack(&entry("udp 17", translated, (WIRE, "203.0.113.25:53")), Some(0));
        scene.check(EACH_ITS_OWN).reason(40001)
    };
    assert_eq!((said(29_999), said(30_001)), ("expected-source", "origin-unknown"));
}

#[test]
fn what_was_over_long_before_the_table_was_read_may_have_left_its_place_to_others() {
    assert_eq!(told(&tcp(POD, WIRE), Some(29_000)).reason(40001), "expected-source");
    assert_eq!(told(&tcp(POD, WIRE), Some(31_000)).reason(40001), "origin-unknown");
    let mut scene = Scene::new();
    at_the_uplink(&mut scene).handshake().send(10);
    scene.conntrack(&tcp(POD, WIRE), Some(31_000));
    assert_eq!(scene.check(EACH_ITS_OWN).reason(40001), "expected-source", "it is still open");
}

#[test]
fn the_table_tells_who_opened_a_connection_whose_ports_do_not() {
    let server = "203.0.113.25:28000";
    let mut scene = Scene::new();
    scene.tcp(WIRE, server).ttl(63).at(ethernet("uplink", WORKER1, GATEWAY)).send(10);
    assert_eq!(scene.check(EACH_ITS_OWN).reason(40001), "origin-unknown");
    scene.conntrack(&entry("tcp 6", (POD, server), (WIRE, server)), None);
    let run = scene.check(EACH_ITS_OWN);
    assert_eq!((run.reason(40001), run.row(40001).direction.name()), ("expected-source", "outgoing"));
}

#[test]
fn flows_are_chosen_by_the_address_that_the_table_tells() {
    let mut scene = Scene::new();
    at_the_uplink(&mut scene).handshake().close();
    scene.conntrack(&tcp(POD, WIRE), None);
    assert_eq!(scene.check(&format!("{EACH_ITS_OWN} --src 10.128.0.5")).snapshot.summary.flows, 1);
    assert_eq!(scene.check(&format!("{EACH_ITS_OWN} --src 10.128.0.8")).snapshot.summary.flows, 0);
}

/// An idle connection at its pod and, on a machine with another clock, at the uplink, which show no segment in common.
fn apart(scene: &mut Scene) -> Flow<'_> {
    let flow = scene.tcp(POD, FAR).at(ethernet("pod", WORKER1, GATEWAY)).routed().snat(WIRE);
    let flow = flow.at(ethernet("uplink", WORKER1, GATEWAY)).hide(1).receive(10).show(1);
    flow.hide(0).receive(10).show(0)
}

#[test]
fn two_tracks_that_share_no_packet_are_one_flow_by_the_table() {
    for read_backwards in [false, true] {
        let mut scene = Scene::new();
        apart(&mut scene);
        if read_backwards {
            scene.read_backwards();
        }
        assert_eq!(scene.check(EACH_ITS_OWN).reason(40001), "origin-unknown");
        scene.conntrack(&tcp(POD, WIRE), None);
        let run = scene.check(EACH_ITS_OWN);
        assert_eq!(
            (run.reason(40001), run.row(40001).id.as_str()),
            ("expected-source", run.row(50000).id.as_str())
        );
        assert_eq!(joined(run.row(40001)), "conntrack probable");
        let explanation = &run.row(40001).explanation;
        assert!(explanation.ends_with("shows in no packet, conntrack's table tells it."), "{explanation}");
    }
}

#[test]
fn tracks_whose_numbers_are_far_apart_are_two_connections_whatever_the_table_says() {
    let mut scene = Scene::new();
    let sight = |name| ethernet(name, WORKER1, GATEWAY);
    scene.tcp(POD, FAR).isn(1_000, 2_000).at(sight("pod")).probe();
    scene.tcp(WIRE, FAR).isn(3_000_000_000, 2_000).ttl(63).at(sight("uplink")).probe();
    scene.conntrack(&tcp(POD, WIRE), None);
    let run = scene.check(EACH_ITS_OWN);
    assert_eq!(run.row(50000).legs.len(), 1, "{:#?}", run.row(50000));
    assert_eq!(run.reason(50000), "wire-not-seen");
}

#[test]
fn two_beginnings_that_differ_are_two_connections_whatever_the_table_says() {
    let mut scene = Scene::new();
    scene.tcp(POD, FAR).isn(1_000, 2_000).at(veth("node1")).handshake().send(10);
    scene.tcp(WIRE, FAR).isn(5_000, 6_000).ttl(63).at(eth0("node1")).handshake().send(10);
    scene.conntrack(&tcp(POD, WIRE), None);
    let run = scene.check(EACH_ITS_OWN);
    assert_eq!(run.row(50000).legs.len(), 1);
    assert_ne!(run.reason(50000), "expected-source");
}

#[test]
fn two_tracks_that_pass_one_sight_are_two_flows_and_the_table_raises_no_doubt() {
    let mut scene = Scene::new();
    let uplink = ethernet("uplink", WORKER1, GATEWAY);
    scene.tcp(POD, FAR).isn(1_000, 2_000).ttl(63).at(uplink).send(10);
    scene.tcp(WIRE, FAR).isn(90_000, 80_000).ttl(63).at(uplink).time(2_000).send(10);
    scene.conntrack(&tcp(POD, WIRE), None);
    let run = scene.check(EACH_ITS_OWN);
    assert_eq!((run.reason(50000), run.reason(40001)), ("pod-ip", "expected-source"));
}

#[test]
fn datagrams_are_joined_only_by_a_table_of_their_time() {
    let legs = |ms: i64| {
        let server = "203.0.113.25:53";
        let sight = |name| ethernet(name, WORKER1, GATEWAY);
        let mut scene = Scene::new();
        let flow = scene.udp(POD, server).at(sight("pod")).routed().snat(WIRE).at(sight("uplink")).time(ms);
        flow.hide(1).ask().show(1).hide(0).ask();
        scene.conntrack(&entry("udp 17", (POD, server), (WIRE, server)), Some(0));
        scene.check(EACH_ITS_OWN).row(50000).legs.len()
    };
    assert_eq!((legs(29_000), legs(31_000)), (2, 1));
}

#[test]
fn what_packets_joined_stays_as_it_is() {
    let mut scene = Scene::new();
    let flow = scene.tcp(POD, FAR).isn(1_000, 2_000).at(veth("node1")).routed().snat("192.168.12.11:50000");
    flow.at(eth0("node1")).handshake().send(10);
    // Another one, captured elsewhere from its middle, has what the table says.
    let elsewhere = ethernet("elsewhere", WORKER1, GATEWAY);
    scene.tcp(WIRE, FAR).isn(5_000, 6_000).ttl(63).at(elsewhere).send(10);
    scene.conntrack(&tcp(POD, WIRE), None);
    let run = scene.check(EACH_ITS_OWN);
    assert_eq!((run.reason(50000), joined(run.row(50000)).as_str()), ("node-ip", "tcp-isn certain"));
    assert_eq!(run.row(40001).legs.len(), 1);
}

/// Two pods send the same datagram at once; the uplink has another clock.
fn alike(scene: &mut Scene) {
    for (pod, leaves_as) in
        [("10.128.0.5:6000", "192.168.12.99:6000"), ("10.128.0.8:6001", "192.168.12.100:6001")]
    {
        let flow = scene.udp(pod, "203.0.113.25:514").ip_id(0).at(veth("node1")).routed().snat(leaves_as);
        flow.at(ethernet("uplink", WORKER1, GATEWAY)).says(b"equal to the last byte");
    }
}

#[test]
fn the_table_tells_flows_apart_whose_packets_are_equal() {
    let mut scene = Scene::new();
    alike(&mut scene);
    let run = scene.check(EACH_ITS_OWN);
    for pod in ["10.128.0.5", "10.128.0.8"] {
        assert_eq!(run.row_from(pod).reason.name(), "ambiguous", "{pod}");
    }
    let udp = |original, wire| entry("udp 17", (original, "203.0.113.25:514"), (wire, "203.0.113.25:514"));
    let right = udp("10.128.0.5:6000", "192.168.12.99:6000") + &udp("10.128.0.8:6001", "192.168.12.100:6001");
    let crossed =
        udp("10.128.0.5:6000", "192.168.12.100:6001") + &udp("10.128.0.8:6001", "192.168.12.99:6000");
    for (printed, reason) in [(right, "expected-source"), (crossed, "other-egress-ip")] {
        let mut scene = Scene::new();
        alike(&mut scene);
        scene.conntrack(&printed, None);
        let run = scene.check(EACH_ITS_OWN);
        for pod in ["10.128.0.5", "10.128.0.8"] {
            let row = run.row_from(pod);
            assert_eq!((row.reason.name(), joined(row).as_str()), (reason, "conntrack probable"), "{pod}");
        }
    }
}

#[test]
fn what_the_table_alone_joins_teaches_nothing_of_places() {
    let roles = |printed: &str| {
        let mut scene = Scene::new();
        apart(&mut scene);
        scene.conntrack(printed, None);
        let run = scene.check_bare("--expect 192.168.12.77 --pod-ip 10.128.0.0/14");
        (run.role("pod"), run.role("uplink"))
    };
    assert_eq!(roles(""), roles(&tcp(POD, WIRE)));
}

#[test]
fn a_flow_that_others_contest_is_not_what_a_table_says_of_somebody_else() {
    let mut scene = Scene::new();
    alike(&mut scene);
    let server = "203.0.113.25:514";
    scene.conntrack(&entry("udp 17", ("10.128.0.9:7000", server), ("192.168.12.99:6000", server)), None);
    let run = scene.check(EACH_ITS_OWN);
    let row = run.row_from("192.168.12.99");
    assert_eq!((row.origin, joined(row).as_str()), (None, "same-tuple certain"));
}
