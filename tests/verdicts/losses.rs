//! What captures lack, and which flows suffer by it.

use crate::scene::{Flow, Scene, bridge, cooked_out, cooked_passing, eth0, eth1, ethernet, veth};

const EXPECT: &str = "--expect 192.168.12.99";
const UPLINK: usize = 2;

fn flow(scene: &mut Scene) -> Flow<'_> {
    scene
        .tcp("10.128.0.5:40001", "203.0.113.25:443")
        .at(veth("node1"))
        .at(bridge("node1"))
        .routed()
        .snat("192.168.12.99:40001")
        .at(eth0("node1"))
}

#[test]
fn bytes_that_the_wire_never_showed_leave_a_flow_undecided() {
    let mut scene = Scene::new();
    flow(&mut scene).handshake().send(100).hide(UPLINK).send(100).show(UPLINK).send(100).close();
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "capture-incomplete");
    assert!(run.row(40001).explanation.contains("100 bytes"), "{}", run.row(40001).explanation);
}

#[test]
fn bytes_missing_inside_as_well_are_nobodys_gap_and_others_are_counted_beside_them() {
    let story = |scene: &mut Scene, also_outside: bool| {
        let both = flow(scene).handshake().hide(0).hide(1).hide(UPLINK).send(70).show(0).show(1);
        let both = if also_outside { both.send(30) } else { both };
        both.show(UPLINK).send(100).close();
    };
    let mut scene = Scene::new();
    story(&mut scene, false);
    assert_eq!(scene.check(EXPECT).reason(40001), "expected-source");
    let mut scene = Scene::new();
    story(&mut scene, true);
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "capture-incomplete");
    assert!(run.row(40001).explanation.contains("but for 30 bytes"), "{}", run.row(40001).explanation);
}

#[test]
fn a_packet_without_bytes_is_missed_only_where_the_capture_says_that_it_lost_some() {
    let acknowledgement = |flow: Flow<'_>| {
        flow.handshake().hide(UPLINK).receive(1000).show(UPLINK).send(100).close();
    };
    let reset = |flow: Flow<'_>| {
        flow.handshake().send(100).hide(0).hide(1).ack().show(0).show(1).hide(UPLINK).rst();
    };
    for story in [acknowledgement as fn(Flow<'_>), reset] {
        let mut scene = Scene::new();
        story(flow(&mut scene));
        assert_eq!(scene.check(EXPECT).reason(40001), "expected-source");
        scene.dropped(veth("node1"), 1);
        assert_eq!(scene.check(EXPECT).reason(40001), "capture-incomplete");
    }
}

#[test]
fn an_end_that_the_wire_never_showed_leaves_a_flow_undecided() {
    let mut scene = Scene::new();
    flow(&mut scene).handshake().send(100).hide(UPLINK).send_in_vain(100);
    assert_eq!(scene.check(EXPECT).reason(40001), "capture-incomplete");
}

#[test]
fn a_beginning_that_the_wire_never_showed_leaves_a_flow_undecided() {
    let mut scene = Scene::new();
    flow(&mut scene)
        .hide(UPLINK)
        .syn()
        .show(UPLINK)
        .syn_ack()
        .hide(UPLINK)
        .ack()
        .send(70)
        .show(UPLINK)
        .send(100)
        .close();
    assert_eq!(scene.check(EXPECT).reason(40001), "capture-incomplete");
}

#[test]
fn a_fin_that_the_wire_never_showed_leaves_a_flow_undecided() {
    let mut scene = Scene::new();
    flow(&mut scene).handshake().send(100).hide(UPLINK).fin().show(UPLINK).fin_back();
    assert_eq!(scene.check(EXPECT).reason(40001), "capture-incomplete");
}

#[test]
fn a_reset_that_the_node_held_back_as_invalid_is_no_gap() {
    let mut scene = Scene::new();
    flow(&mut scene).handshake().send(100).close().hide(UPLINK).rst();
    assert_eq!(scene.check(EXPECT).reason(40001), "expected-source");
}

#[test]
fn a_hole_that_was_sent_again_is_no_hole() {
    let mut scene = Scene::new();
    flow(&mut scene)
        .handshake()
        .send(100)
        .hide(UPLINK)
        .send_in_vain(100)
        .show(UPLINK)
        .send_again(100)
        .send(100)
        .close();
    assert_eq!(scene.check(EXPECT).reason(40001), "expected-source");
}

#[test]
fn sending_something_else_again_does_not_fill_a_hole() {
    let mut scene = Scene::new();
    flow(&mut scene)
        .handshake()
        .send_in_vain(100)
        .hide(UPLINK)
        .send_in_vain(100)
        .show(UPLINK)
        .send_in_vain(100)
        // The first hundred of three.
        .rewind(300)
        .send_in_vain(100)
        .forward(200)
        .send(100)
        .close();
    assert_eq!(scene.check(EXPECT).reason(40001), "capture-incomplete");
}

#[test]
fn sending_again_what_came_after_a_hole_does_not_fill_it() {
    let mut scene = Scene::new();
    flow(&mut scene)
        .handshake()
        .send_in_vain(100)
        .hide(UPLINK)
        .send_in_vain(100)
        .show(UPLINK)
        .send_in_vain(100)
        .send_again(100)
        .send(10)
        .close();
    assert_eq!(scene.check(EXPECT).reason(40001), "capture-incomplete");
}

#[test]
fn a_hole_at_one_uplink_is_not_filled_by_the_rest_at_another() {
    let mut scene = Scene::new();
    flow(&mut scene)
        .at(eth1("node1"))
        .hide(3)
        .handshake()
        .send(100)
        .hide(UPLINK)
        .send(100)
        .show(UPLINK)
        .send(100)
        .show(3)
        .send(100)
        .close();
    let run = scene.check(EXPECT);
    assert_eq!(run.role("node1/#3"), Some("uplink"));
    assert_eq!(run.reason(40001), "capture-incomplete");
}

#[test]
fn what_left_by_turns_at_two_uplinks_is_whole() {
    let mut scene = Scene::new();
    flow(&mut scene).at(eth1("node1")).hide(3).handshake().send(100).show(3).hide(UPLINK).send(100).close();
    assert_eq!(scene.check(EXPECT).reason(40001), "expected-source");
}

#[test]
fn bytes_acknowledged_that_were_never_seen_left_somewhere_else() {
    let mut scene = Scene::new();
    scene
        .tcp("192.168.12.99:40001", "203.0.113.25:443")
        .ttl(63)
        .at(eth0("node1"))
        .handshake()
        .send(100)
        .hide(0)
        .send_in_vain(5000)
        .show(0)
        .acknowledge();
    assert_eq!(scene.check(EXPECT).reason(40001), "capture-incomplete");
    let mut scene = Scene::new();
    let whole = scene.tcp("192.168.12.99:40001", "203.0.113.25:443").ttl(63).at(eth0("node1"));
    whole.handshake().send(100).fin().receive(10).fin_back();
    assert_eq!(scene.check(EXPECT).reason(40001), "expected-source", "a FIN is acknowledged, too");
}

#[test]
fn a_capture_that_ends_between_two_devices_hurts_nobody() {
    let mut scene = Scene::new();
    flow(&mut scene).handshake().send(100).wait(300).hide(UPLINK).send_in_vain(100);
    scene.ends_abruptly();
    assert_eq!(scene.check(EXPECT).reason(40001), "expected-source");
}

/// In the old cooked format packets cannot be counted.
#[test]
fn where_devices_are_one_place_only_what_came_right_after_is_excused() {
    let reason = |idle: i64| {
        let mut scene = Scene::new();
        scene
            .tcp("10.128.0.5:40001", "203.0.113.25:443")
            .at(cooked_passing("node1"))
            .routed()
            .snat("192.168.12.99:40001")
            .at(cooked_out("node1"))
            .handshake()
            .send(100)
            .wait(idle)
            .hide(1)
            .send_in_vain(100);
        scene.ends_abruptly();
        scene.check(EXPECT).reason(40001)
    };
    assert_eq!(reason(0), "expected-source");
    assert_eq!(reason(300), "capture-incomplete");
}

#[test]
fn where_devices_are_one_place_no_more_is_excused_than_can_be_on_its_way() {
    let reason = |packets: usize| {
        let mut scene = Scene::new();
        let mut flow = scene
            .tcp("10.128.0.5:40001", "203.0.113.25:443")
            .at(cooked_passing("node1"))
            .routed()
            .snat("192.168.12.99:40001")
            .at(cooked_out("node1"))
            .handshake()
            .send(100)
            .hide(1);
        for _ in 0..packets {
            flow = flow.send_in_vain(60_000);
        }
        scene.ends_abruptly();
        scene.check(EXPECT).reason(40001)
    };
    assert_eq!(reason(2), "expected-source");
    assert_eq!(reason(3), "capture-incomplete");
}

#[test]
fn a_pods_own_capture_says_nothing_of_when_the_nodes_ended() {
    let mut scene = Scene::new();
    scene
        .tcp("10.128.0.5:40001", "203.0.113.25:443")
        .at(ethernet("pod", [2, 0, 0, 0, 0, 5], [2, 0, 0, 0, 0, 1]))
        .routed()
        .snat("192.168.12.99:40001")
        .at(eth0("node1"))
        .handshake()
        .send(100)
        .hide(1)
        .send_in_vain(100);
    scene.ends_abruptly();
    assert_eq!(scene.check(EXPECT).reason(40001), "capture-incomplete");
}

#[test]
fn a_capture_that_ends_soon_excuses_no_more_than_what_was_on_its_way() {
    let mut scene = Scene::new();
    let mut flow = flow(&mut scene).syn().syn_ack().hide(UPLINK).ack();
    for _ in 0..8 {
        flow = flow.send(1000);
    }
    scene.ends_abruptly();
    assert_eq!(scene.check(EXPECT).reason(40001), "capture-incomplete");
}

/// Offload cuts super-packets up on their way: the wire has more packets than the origin, whatever it lacks.
#[test]
fn where_the_wire_has_more_packets_than_the_origin_their_number_excuses_no_bytes() {
    let reason = |lacks_bytes: bool| {
        let mut scene = Scene::new();
        let flow = flow(&mut scene).handshake().hide(UPLINK).send_in_vain(4200).show(UPLINK);
        let flow = flow.rewind(4200).hide(0).hide(1);
        let flow = flow.send_in_vain(1400).send_in_vain(1400).send_in_vain(1400);
        let flow = flow.show(0).show(1).acknowledge();
        if lacks_bytes {
            flow.hide(UPLINK).send_in_vain(60_000);
        }
        scene.ends_abruptly();
        scene.check(EXPECT).reason(40001)
    };
    assert_eq!(reason(false), "expected-source");
    assert_eq!(reason(true), "capture-incomplete");
}

#[test]
fn what_was_sent_again_had_time_to_leave() {
    let mut scene = Scene::new();
    flow(&mut scene).handshake().send(100).hide(UPLINK).send_in_vain(100).wait(300).send_again(100);
    scene.ends_abruptly();
    assert_eq!(scene.check(EXPECT).reason(40001), "capture-incomplete");
}

#[test]
fn a_reset_alone_does_not_stand_for_what_the_origin_sent() {
    let mut scene = Scene::new();
    flow(&mut scene).handshake().send(100).rst();
    assert_eq!(scene.check(EXPECT).reason(40001), "expected-source");
    let mut scene = Scene::new();
    scene.neighbour("node1");
    flow(&mut scene)
        .hide(UPLINK)
        .syn()
        .show(UPLINK)
        .syn_ack()
        .hide(UPLINK)
        .ack()
        .send(100)
        .show(UPLINK)
        .rst();
    assert_eq!(scene.check(EXPECT).reason(40001), "capture-incomplete");
}

#[test]
fn declared_drops_downgrade_flows_with_gaps_alone() {
    let mut scene = Scene::new();
    flow(&mut scene).handshake().send(100).close();
    scene
        .tcp("10.128.0.6:40002", "203.0.113.25:443")
        .at(veth("node1"))
        .routed()
        .snat("192.168.12.99:40002")
        .at(eth0("node1"))
        .handshake()
        .send(100)
        .hide(0)
        .hide(1)
        .send(100)
        .show(0)
        .show(1)
        .send(100)
        .close();
    scene.dropped(veth("node1"), 2);
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "expected-source");
    assert_eq!(run.reason(40002), "capture-incomplete", "the bytes are missing at both places");
}

#[test]
fn a_wrong_source_is_wrong_whatever_was_lost() {
    let mut scene = Scene::new();
    flow(&mut scene).turns_into(UPLINK, "192.168.12.11:40001").handshake().send(100).hide(UPLINK).send(100);
    scene.dropped(veth("node1"), 2);
    assert_eq!(scene.check(EXPECT).reason(40001), "node-ip");
}

#[test]
fn a_file_that_ends_within_a_record_hurts_no_whole_flow() {
    let mut scene = Scene::new();
    flow(&mut scene).handshake().send(100).close();
    scene.cut(veth("node1"));
    let run = scene.check(EXPECT);
    assert!(run.snapshot.points[0].truncated);
    assert_eq!(run.reason(40001), "expected-source");
}

#[test]
fn a_file_that_ends_within_a_flow_leaves_it_undecided() {
    let mut scene = Scene::new();
    flow(&mut scene).handshake().send(100).hide(UPLINK).send_in_vain(100);
    scene.cut(veth("node1"));
    assert_eq!(scene.check(EXPECT).reason(40001), "capture-incomplete");
}

#[test]
fn frames_cut_at_54_bytes_are_enough() {
    let mut scene = Scene::new();
    flow(&mut scene).handshake().send(1400).receive(1400).close();
    scene.snap_length(veth("node1"), 54);
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "expected-source");
    assert_eq!(run.row(40001).join.confidence.name(), "certain");
}

#[test]
fn sequence_numbers_may_wrap() {
    let mut scene = Scene::new();
    flow(&mut scene).isn(u32::MAX - 150, u32::MAX).handshake().send(100).send(100).receive(100).close();
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "expected-source");
    assert_eq!(run.outcome(40001), "established");
    let mut scene = Scene::new();
    flow(&mut scene).isn(u32::MAX - 150, 5).handshake().send(100).hide(UPLINK).send(100).wait(100);
    assert_eq!(scene.check(EXPECT).reason(40001), "capture-incomplete");
}
