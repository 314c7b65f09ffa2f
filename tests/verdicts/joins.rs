//! Which tracks are one flow, and what is said where that cannot be told.

use crate::scene::{Flow, GATEWAY, MS, Scene, WORKER1, eth0, ethernet, veth};

const EXPECT: &str = "--expect 192.168.12.99";

fn leaving<'a>(scene: &'a mut Scene, client: &str, leaves_as: &str) -> Flow<'a> {
    scene.tcp(client, "203.0.113.25:443").at(veth("node1")).routed().snat(leaves_as).at(eth0("node1"))
}

#[test]
fn a_syn_lost_inside_is_made_up_for_by_its_answer() {
    let mut scene = Scene::new();
    leaving(&mut scene, "10.128.0.5:40001", "192.168.12.99:40001")
        .hide(0)
        .syn()
        .show(0)
        .syn_ack()
        .ack()
        .send(10)
        .close();
    let run = scene.check("--expect 10.128.0.5=>192.168.12.99");
    assert_eq!(run.reason(40001), "expected-source");
    assert_eq!(run.row(40001).origin.unwrap().to_string(), "10.128.0.5:40001");
}

#[test]
fn a_capture_that_starts_between_two_devices_loses_no_flow() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    leaving(&mut scene, "10.128.0.5:40001", "192.168.12.11:40001")
        .hide(0)
        .syn()
        .show(0)
        .syn_ack()
        .ack()
        .send(10);
    assert_eq!(scene.check(EXPECT).reason(40001), "node-ip");
}

#[test]
fn one_client_tuple_may_be_used_again_and_again() {
    let mut scene = Scene::new();
    for n in 0u32..20 {
        let source = if n == 13 { "192.168.12.11:40001" } else { "192.168.12.99:40001" };
        leaving(&mut scene, "10.128.0.5:40001", source)
            .time(i64::from(n) * 600)
            .isn(1_000_000 + n * 9_000_000, 77 + n * 31_000_000)
            .ip_id((n * 100 + 1) as u16)
            .handshake()
            .send(100)
            .receive(50)
            .close();
    }
    let run = scene.check(EXPECT);
    let rows = run.rows(40001);
    assert_eq!(rows.len(), 20);
    let reasons: Vec<_> =
        rows.iter().map(|row| row.reason.name()).filter(|name| *name != "expected-source").collect();
    assert_eq!(reasons, ["node-ip"]);
}

#[test]
fn one_tuple_outside_may_pass_from_pod_to_pod() {
    let mut scene = Scene::new();
    for (n, client) in [(0u32, "10.128.0.5:40001"), (1, "10.128.0.6:40002"), (2, "10.128.0.5:40003")] {
        leaving(&mut scene, client, "192.168.12.99:61000")
            .time(i64::from(n) * 700)
            .isn(5_000_000 + n * 11_000_000, 9 + n * 17_000_000)
            .handshake()
            .send(100)
            .close();
    }
    let run = scene.check("--expect 10.128.0.6=>192.168.12.98 --expect 192.168.12.99");
    assert_eq!(run.reason(40001), "expected-source");
    assert_eq!(run.reason(40002), "other-egress-ip");
    assert_eq!(run.reason(40003), "expected-source");
}

#[test]
fn late_packets_of_an_old_incarnation_are_the_old_ones() {
    let mut scene = Scene::new();
    let (old, new) = (1_000_000, 9_000_000);
    leaving(&mut scene, "10.128.0.5:40001", "192.168.12.99:40001").isn(old, 5).handshake().send(100).close();
    leaving(&mut scene, "10.128.0.5:40001", "192.168.12.99:40001")
        .time(600)
        .isn(new, 50_000_000)
        .ip_id(900)
        .handshake()
        .send(100);
    // The old one's FIN once more, untranslated; then the new one goes on.
    leaving(&mut scene, "10.128.0.5:40001", "10.128.0.5:40001").time(700).isn(old + 101, 7).ip_id(500).fin();
    leaving(&mut scene, "10.128.0.5:40001", "192.168.12.99:40001")
        .time(800)
        .isn(new + 101, 50_000_001)
        .ip_id(950)
        .send(10)
        .close();
    let run = scene.check(EXPECT);
    let mut reasons: Vec<_> = run.rows(40001).iter().map(|row| row.reason.name()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["expected-source", "stray-pod-ip"]);
}

/// Two pods with one initial sequence number and one IP identification, seen inside by one clock, outside by another.
fn twins(scene: &mut Scene, first: &str, second: &str, is_answered: bool) {
    let clients = [("10.128.0.5:40001", first), ("10.128.0.6:40002", second)];
    for (n, (client, leaves_as)) in clients.into_iter().enumerate() {
        let flow = scene
            .tcp(client, "203.0.113.25:443")
            .at(veth("node1"))
            .routed()
            .snat(leaves_as)
            .at(ethernet("wire", WORKER1, GATEWAY))
            .time(n as i64)
            .isn(777_777, 1000 + n as u32)
            .ip_id(4242)
            .timestamp(Some(99));
        let flow = flow.syn();
        if is_answered {
            flow.syn_ack().ack();
        }
    }
}

#[test]
fn twins_across_clocks_whose_sources_are_both_right_are_probably_right() {
    let mut scene = Scene::new();
    scene.clock_ahead(ethernet("wire", WORKER1, GATEWAY), 5000 * MS);
    twins(&mut scene, "192.168.12.99:61001", "192.168.12.99:61002", false);
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "expected-source");
    assert_eq!(run.row(40001).join.confidence.name(), "probable");
    assert_eq!(run.reason(61001), "expected-source");
}

#[test]
fn twins_across_clocks_of_which_one_is_wrong_are_ambiguous() {
    for read_backwards in [false, true] {
        let mut scene = Scene::new();
        if read_backwards {
            scene.read_backwards();
        }
        twins(&mut scene, "192.168.12.99:61001", "192.168.12.77:61002", false);
        let run = scene.check("--expect 10.128.0.5=>192.168.12.99 --expect 10.128.0.6=>192.168.12.77");
        assert_eq!(run.reason(40001), "ambiguous", "read backwards: {read_backwards}");
        assert_eq!(run.reason(40002), "ambiguous", "read backwards: {read_backwards}");
        assert_ne!(run.row(61001).verdict.name(), "fail");
    }
}

#[test]
fn twins_of_which_one_did_not_leave_are_not_both_right() {
    let mut scene = Scene::new();
    twins(&mut scene, "192.168.12.99:61001", "192.168.12.99:61002", false);
    let mut other = Scene::new();
    twins(&mut other, "192.168.12.99:61001", "192.168.12.99:61002", false);
    // A third, with no copy outside.
    other
        .tcp("10.128.0.7:40003", "203.0.113.25:443")
        .at(veth("node1"))
        .time(3)
        .isn(777_777, 5)
        .ip_id(4242)
        .timestamp(Some(99))
        .syn();
    assert_eq!(scene.check(EXPECT).reason(40001), "expected-source");
    let run = other.check(EXPECT);
    for port in [40001, 40002, 40003] {
        assert_ne!(run.row(port).verdict.name(), "pass", "{port}");
    }
}

#[test]
fn answered_twins_are_told_apart_by_their_servers_numbers() {
    let mut scene = Scene::new();
    scene.clock_ahead(ethernet("wire", WORKER1, GATEWAY), -5000 * MS);
    twins(&mut scene, "192.168.12.99:61001", "192.168.12.77:61002", true);
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "expected-source");
    assert_eq!(run.reason(40002), "unknown-source");
}

#[test]
fn within_one_clock_the_nearer_of_two_twins_is_the_one() {
    let mut scene = Scene::new();
    for (n, (client, leaves_as)) in
        [("10.128.0.5:40001", "192.168.12.99:61001"), ("10.128.0.6:40002", "192.168.12.77:61002")]
            .into_iter()
            .enumerate()
    {
        leaving(&mut scene, client, leaves_as)
            .time(n as i64 * 20)
            .isn(777_777, 5)
            .ip_id(4242)
            .timestamp(Some(99))
            .syn();
    }
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "expected-source");
    assert_eq!(run.reason(40002), "unknown-source");
}

#[test]
fn where_two_fit_in_one_clock_the_nearer_is_probable() {
    let mut scene = Scene::new();
    twin(scene.tcp("10.128.0.5:40001", "203.0.113.25:443").at(veth("node1")), 0);
    twin(scene.tcp("10.128.0.6:40002", "203.0.113.25:443").at(veth("node1")), 20);
    twin(scene.tcp("192.168.12.77:61002", "203.0.113.25:443").ttl(63).at(eth0("node1")), 21);
    let run = scene.check(&format!("{EXPECT} --role node1/#2=uplink"));
    assert_eq!(run.reason(40002), "unknown-source");
    assert_eq!(run.row(40002).join.confidence.name(), "probable");
    assert_eq!(run.reason(40001), "never-left");
}

fn twin(flow: Flow<'_>, ms: i64) {
    flow.isn(777_777, 5).ip_id(4242).timestamp(Some(99)).time(ms).syn();
}

#[test]
fn other_timestamps_on_one_syn_are_two_conversations() {
    let mut scene = Scene::new();
    let flow = scene
        .tcp("10.128.0.5:40001", "203.0.113.25:443")
        .at(veth("node1"))
        .isn(777, 5)
        .ip_id(42)
        .timestamp(Some(1));
    flow.syn();
    let flow =
        scene.tcp("192.168.12.99:61001", "203.0.113.25:443").ttl(63).at(eth0("node1")).isn(777, 5).ip_id(42);
    flow.timestamp(Some(2)).syn();
    let run = scene.check(EXPECT);
    assert_eq!(run.rows(40001).len(), 1);
    assert_eq!(run.rows(61001).len(), 1);
    assert_eq!(run.reason(40001), "never-left");
}

#[test]
fn other_server_numbers_are_two_conversations() {
    let mut scene = Scene::new();
    scene
        .tcp("10.128.0.5:40001", "203.0.113.25:443")
        .at(veth("node1"))
        .isn(777, 5)
        .ip_id(42)
        .timestamp(None)
        .handshake();
    let other = ethernet("wire", WORKER1, GATEWAY);
    scene
        .tcp("192.168.12.99:61001", "203.0.113.25:443")
        .ttl(63)
        .at(other)
        .isn(777, 6)
        .ip_id(42)
        .timestamp(None)
        .handshake();
    let run = scene.check(EXPECT);
    assert_ne!(run.row(40001).id, run.row(61001).id);
}

#[test]
fn clocks_that_are_far_apart_make_no_difference() {
    for ahead in [-86_400_000, 86_400_000] {
        for read_backwards in [false, true] {
            let mut scene = Scene::new();
            let wire = ethernet("wire", WORKER1, GATEWAY);
            scene.clock_ahead(wire, ahead * MS);
            if read_backwards {
                scene.read_backwards();
            }
            scene
                .tcp("10.128.0.5:40001", "203.0.113.25:443")
                .at(veth("node1"))
                .routed()
                .snat("192.168.12.99:61001")
                .at(wire)
                .handshake()
                .send(100)
                .close();
            let run = scene.check(EXPECT);
            assert_eq!(run.reason(40001), "expected-source", "{ahead} {read_backwards}");
            assert_eq!(run.row(40001).join.confidence.name(), "certain");
        }
    }
}

#[test]
fn one_absurd_time_separates_nothing() {
    let mut scene = Scene::new();
    leaving(&mut scene, "10.128.0.5:40001", "192.168.12.99:40001").handshake().send(10);
    scene.tcp("10.128.0.7:40007", "203.0.113.25:443").at(veth("node1")).time(900_000_000).syn();
    leaving(&mut scene, "10.128.0.6:40002", "192.168.12.99:40002").time(50).handshake().send(10).close();
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "expected-source");
    assert_eq!(run.reason(40002), "expected-source");
}
