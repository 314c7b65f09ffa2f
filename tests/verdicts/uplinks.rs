//! One source at several uplinks: its packets are counted once, wherever how many copies of them were seen.

use crate::scene::{Flow, GATEWAY, MS, Scene, Sight, WORKER1, WORKER2, eth0, eth1, ethernet, veth};

const EXPECT: &str = "--expect 192.168.12.99";
const FIRST: usize = 1;
const SECOND: usize = 2;

fn uplink1() -> Sight {
    ethernet("node1-eth0", WORKER1, GATEWAY)
}

fn uplink2() -> Sight {
    ethernet("node2-eth0", WORKER2, GATEWAY)
}

/// A flow that may leave by either of two uplinks, with one source.
fn by_either(scene: &mut Scene, is_udp: bool, uplinks: (Sight, Sight)) -> Flow<'_> {
    let (client, server) = ("10.128.0.5:40001", "203.0.113.25:443");
    let flow = if is_udp { scene.udp(client, server) } else { scene.tcp(client, server) };
    flow.at(veth("node1")).routed().snat("192.168.12.99:40001").at(uplinks.0).at(uplinks.1)
}

/// How many packets egret says that the flow left with, in whatever order points are read.
fn packets(uplinks: (Sight, Sight), is_udp: bool, story: impl Fn(Flow<'_>) -> Flow<'_>) -> u64 {
    let mut scene = Scene::new();
    story(by_either(&mut scene, is_udp, uplinks));
    let count = |scene: &Scene| {
        let run = scene.check(EXPECT);
        assert_eq!(run.row(40001).wire_sources.len(), 1);
        run.row(40001).wire_sources[0].packets
    };
    let counted = count(&scene);
    scene.read_backwards();
    assert_eq!(count(&scene), counted);
    counted
}

#[test]
fn what_left_by_one_uplink_first_and_then_by_another_is_added_up() {
    for uplinks in [(uplink1(), uplink2()), (eth0("node1"), eth0("node2")), (eth0("node1"), eth1("node1"))] {
        let count = packets(uplinks, false, |flow| {
            let flow = flow.hide(SECOND).handshake().send(100).wait(500);
            flow.show(SECOND).hide(FIRST).send(70).close()
        });
        assert_eq!(count, 6);
    }
}

#[test]
fn what_is_sent_again_after_the_way_changed_left_twice() {
    let count = packets((uplink1(), uplink2()), false, |flow| {
        let flow = flow.hide(SECOND).handshake().send(100).send_in_vain(70).wait(500);
        flow.show(SECOND).hide(FIRST).send_again(70).send(30).close()
    });
    assert_eq!(count, 8);
}

#[test]
fn datagrams_of_two_uplinks_one_after_the_other_are_added_up() {
    for uplinks in [(uplink1(), uplink2()), (eth0("node1"), eth1("node1"))] {
        let count = packets(uplinks, true, |flow| {
            let flow = flow.hide(SECOND).ask().answer().ask().answer().wait(500);
            flow.show(SECOND).hide(FIRST).ask().answer()
        });
        assert_eq!(count, 3);
    }
}

#[test]
fn captures_of_one_uplink_that_overlap_count_once() {
    let count = packets((eth0("node1"), uplink1()), false, |flow| {
        flow.hide(SECOND).handshake().send(10).show(SECOND).send(20).hide(SECOND).close()
    });
    assert_eq!(count, 6);
}

#[test]
fn copies_on_another_clock_count_once() {
    for is_udp in [false, true] {
        let mut scene = Scene::new();
        let mirror = ethernet("mirror", WORKER1, GATEWAY);
        scene.clock_ahead(mirror, 3_600_000 * MS);
        let flow = by_either(&mut scene, is_udp, (uplink1(), mirror));
        if is_udp {
            flow.ask().answer().ask().answer().ask().answer()
        } else {
            flow.handshake().close()
        };
        let run = scene.check(EXPECT);
        assert_eq!(run.row(40001).wire_sources[0].packets, if is_udp { 3 } else { 4 });
    }
}
