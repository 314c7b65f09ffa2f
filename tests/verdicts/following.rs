//! What conntrack adds where it is followed: origins of connections that begin while the wire alone is captured, whoever had their
//! tuples before and has them later.
//!
//! Whatever is said is the same whether the kernel's news come before the frames or after them.

use egret::conntrack::news::News;

use crate::conntrack::{entry, tcp};
use crate::scene::{GATEWAY, Run, Scene, Sight, WORKER1, ethernet, veth};

const EACH_ITS_OWN: &str = "--expect 10.128.0.5=>192.168.12.99 --expect 10.128.0.8=>192.168.12.100";
const FAR: &str = "203.0.113.25:443";
const POD: &str = "10.128.0.5:50000";
const OTHER: &str = "10.128.0.8:50000";
const WIRE: &str = "192.168.12.99:40001";

fn uplink() -> Sight {
    ethernet("uplink", WORKER1, GATEWAY)
}

/// Connections with one tuple on the wire, one after the other, each 10 ms long: when they begin, in ms.
fn connections(scene: &mut Scene, begin: &[i64]) {
    for (at, isn) in begin.iter().zip(1..) {
        let flow = scene.tcp(WIRE, FAR).ttl(63).at(uplink()).time(*at).isn(isn * 100_000, isn * 70_000);
        flow.handshake().send(10).close();
    }
}

/// What is said, whichever comes first.
fn said(mut scene: Scene, options: &str) -> Run {
    let early = scene.check(options);
    scene.news_come_last();
    let late = scene.check(options);
    let rows = |run: &Run| format!("{:?}", run.snapshot.rows);
    assert_eq!(rows(&early), rows(&late));
    late
}

/// `REASON ORIGIN` of each connection, in their order.
fn told(scene: Scene) -> Vec<String> {
    let run = said(scene, EACH_ITS_OWN);
    let told = |row: &&egret::snapshot::Row| {
        let origin = row.origin.map_or_else(|| "-".to_owned(), |origin| origin.address.to_string());
        format!("{} {origin}", row.reason.name())
    };
    run.rows(40001).iter().map(told).collect()
}

#[test]
fn a_connection_that_begins_later_is_his_of_whom_the_kernel_told() {
    let mut scene = Scene::new();
    connections(&mut scene, &[5_000]);
    scene.told(News::Begun, &tcp(POD, WIRE), (4_999, 5_001));
    let run = said(scene, EACH_ITS_OWN);
    let row = run.row(40001);
    assert_eq!(
        (row.reason.name(), row.origin.expect("told").to_string()),
        ("expected-source", POD.to_owned())
    );
    assert_eq!((row.join.method.name(), row.join.confidence.name()), ("conntrack", "probable"));
}

#[test]
fn each_user_of_a_tuple_has_its_own_connections() {
    let mut scene = Scene::new();
    connections(&mut scene, &[1_000, 2_000, 3_000]);
    for (pod, begun) in [(POD, 1_000), (OTHER, 2_000), (POD, 3_000)] {
        scene.told(News::Begun, &tcp(pod, WIRE), (begun - 5, begun));
        scene.told(News::Ended, &tcp(pod, WIRE), (begun + 100, begun + 110));
    }
    assert_eq!(
        told(scene),
        ["expected-source 10.128.0.5", "other-egress-ip 10.128.0.8", "expected-source 10.128.0.5"]
    );
}

#[test]
fn a_connection_without_news_of_its_own_is_nobodys_whoever_had_its_tuple_before() {
    let mut scene = Scene::new();
    connections(&mut scene, &[1_000, 4_000]);
    scene.told(News::Begun, &tcp(POD, WIRE), (999, 1_000));
    assert_eq!(told(scene), ["expected-source 10.128.0.5", "origin-unknown -"]);
}

#[test]
fn two_users_at_one_time_leave_it_open_whose_the_connection_is() {
    let mut scene = Scene::new();
    connections(&mut scene, &[1_000]);
    scene.told(News::Begun, &tcp(POD, WIRE), (990, 1_010));
    scene.told(News::Begun, &tcp(OTHER, WIRE), (990, 1_010));
    assert_eq!(told(scene), ["origin-unknown -"]);
}

#[test]
fn while_news_were_lost_no_origin_is_told() {
    let mut scene = Scene::new();
    connections(&mut scene, &[1_000, 3_000, 6_000]);
    scene.told(News::Begun, &tcp(POD, WIRE), (999, 1_000));
    scene.told(News::Begun, &tcp(POD, WIRE), (2_000, 3_000));
    scene.told_in_vain((2_000, 4_000));
    scene.told(News::Begun, &tcp(POD, WIRE), (5_990, 6_000));
    assert_eq!(told(scene), ["expected-source 10.128.0.5", "origin-unknown -", "expected-source 10.128.0.5"]);
}

#[test]
fn another_machines_clock_says_nothing_of_the_time_of_this_kernels_news() {
    let mut scene = Scene::new();
    connections(&mut scene, &[1_000]);
    scene.told(News::Begun, &tcp(POD, WIRE), (999, 1_001));
    scene.is_elsewhere("uplink");
    assert_eq!(told(scene), ["origin-unknown -"]);
}

#[test]
fn a_connection_that_stood_before_is_told_until_its_tuple_is_anothers() {
    let run = |others: bool| {
        let mut scene = Scene::new();
        scene.tcp(WIRE, FAR).ttl(63).at(uplink()).time(60_000).send(10).probe();
        scene.told(News::Stood, &tcp(POD, WIRE), (-1_000_000, 0));
        if others {
            scene.told(News::Begun, &tcp(OTHER, WIRE), (30_000, 30_001));
        }
        told(scene)
    };
    assert_eq!(run(false), ["expected-source 10.128.0.5"]);
    assert_eq!(run(true), ["other-egress-ip 10.128.0.8"]);
}

#[test]
fn datagrams_are_told_if_one_had_their_tuple_all_the_time() {
    let server = "203.0.113.25:53";
    let udp = |pod: &str| entry("udp 17", (pod, server), (WIRE, server));
    let run = |others: bool| {
        let mut scene = Scene::new();
        for at in [1_000, 100_000] {
            scene.udp(WIRE, server).ttl(63).at(uplink()).time(at).ask().answer();
        }
        scene.told(News::Begun, &udp(POD), (999, 1_000));
        scene.told(News::Ended, &udp(POD), (31_000, 31_010));
        scene.told(News::Begun, &udp(if others { OTHER } else { POD }), (99_990, 100_000));
        told(scene)
    };
    assert_eq!(run(false), ["expected-source 10.128.0.5"]);
    assert_eq!(run(true), ["origin-unknown -"]);
}

#[test]
fn a_chain_of_translations_leads_to_the_first() {
    let router = "10.128.0.30:50000";
    let mut scene = Scene::new();
    connections(&mut scene, &[1_000]);
    let first = entry("tcp 6", (POD, "172.30.99.10:8443"), (router, "203.0.113.25:8443"));
    let second = entry("tcp 6", (router, "203.0.113.25:8443"), (WIRE, FAR));
    scene.told(News::Begun, &first, (999, 1_000));
    scene.told(News::Begun, &second, (999, 1_000));
    assert_eq!(told(scene), ["expected-source 10.128.0.5"]);
}

#[test]
fn what_the_kernel_told_and_what_a_table_says_must_agree() {
    let with_table = |of: &str| {
        let mut scene = Scene::new();
        connections(&mut scene, &[1_000]);
        scene.told(News::Begun, &tcp(POD, WIRE), (999, 1_000));
        scene.conntrack(&tcp(of, WIRE), None);
        told(scene)
    };
    assert_eq!(with_table(POD), ["expected-source 10.128.0.5"]);
    assert_eq!(with_table(OTHER), ["origin-unknown -"]);
}

/// Datagrams of two pods that are equal to the last byte, in at pods and out at an uplink, where time does not tell them apart.
fn alike(scene: &mut Scene) {
    for (pod, leaves_as) in
        [("10.128.0.5:6000", "192.168.12.99:6000"), ("10.128.0.8:6001", "192.168.12.100:6001")]
    {
        let flow = scene.udp(pod, "203.0.113.25:514").ip_id(0).at(veth("node1")).routed().snat(leaves_as);
        flow.at(uplink()).time(1_000).says(b"equal to the last byte");
    }
}

#[test]
fn tracks_whose_packets_do_not_tell_are_joined_as_the_kernel_told() {
    let server = "203.0.113.25:514";
    let udp = |original, wire| entry("udp 17", (original, server), (wire, server));
    let crossed =
        [udp("10.128.0.5:6000", "192.168.12.100:6001"), udp("10.128.0.8:6001", "192.168.12.99:6000")];
    for (begun, reason) in [((999, 1_000), "other-egress-ip"), ((3_000, 3_001), "ambiguous")] {
        let mut scene = Scene::new();
        alike(&mut scene);
        for entry in &crossed {
            scene.told(News::Begun, entry, begun);
        }
        let run = said(scene, EACH_ITS_OWN);
        for pod in ["10.128.0.5", "10.128.0.8"] {
            assert_eq!(run.row_from(pod).reason.name(), reason, "{pod}");
        }
    }
}

#[test]
fn what_is_said_of_several_flows_says_of_how_many_conntrack_tells() {
    let problem = |seen_too: bool| {
        let mut scene = Scene::new();
        connections(&mut scene, &[1_000, 5_000]);
        for begun in [1_000, 5_000] {
            scene.told(News::Begun, &tcp(OTHER, WIRE), (begun - 5, begun));
        }
        if seen_too {
            let flow = scene.tcp("10.128.0.8:50009", FAR).at(ethernet("pod", WORKER1, GATEWAY)).time(9_000);
            flow.routed().snat("192.168.12.99:50009").at(uplink()).handshake().send(10).close();
        }
        let run = said(scene, EACH_ITS_OWN);
        assert_eq!(run.snapshot.problems.len(), 1, "{:#?}", run.snapshot.problems);
        run.snapshot.problems[0].sentence.clone()
    };
    let all = problem(false);
    assert!(all.ends_with("; whose they are, conntrack's table tells, not their packets"), "{all}");
    let some = problem(true);
    assert!(some.ends_with("; of some, conntrack's table tells whose they are, not their packets"), "{some}");
}
