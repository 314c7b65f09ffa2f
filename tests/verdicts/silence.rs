//! Captures that cannot see answers accuse nobody.

use crate::scene::{Flow, GATEWAY, Scene, Sight, WORKER1, eth0, eth1, ethernet, into_vxlan, veth};

const EXPECT: &str = "--expect 192.168.12.99";

/// A flow that leaves translated, seen outside alone.
fn outside(scene: &mut Scene, port: u16, sight: Sight) -> Flow<'_> {
    let client = format!("192.168.12.99:{port}");
    scene.tcp(&client, "203.0.113.25:443").ttl(63).at(sight)
}

fn unanswered(flow: Flow<'_>) {
    flow.time(100).syn().wait(1000).syn_again().wait(2000).syn_again();
}

fn wire() -> Sight {
    ethernet("wire", WORKER1, GATEWAY)
}

#[test]
fn where_others_are_answered_silence_is_no_reply() {
    let mut scene = Scene::new();
    outside(&mut scene, 40009, wire()).handshake().send(10).receive(10).close();
    unanswered(outside(&mut scene, 40001, wire()));
    assert_eq!(scene.check(EXPECT).outcome(40001), "no-reply");
}

#[test]
fn an_uplink_captured_outwards_alone_shows_no_silence() {
    let mut scene = Scene::new();
    let inside = |scene: &mut Scene| {
        scene.tcp("10.128.0.9:40009", "203.0.113.25:443").at(veth("node1")).handshake().close();
    };
    inside(&mut scene);
    unanswered(outside(&mut scene, 40001, eth0("node1")));
    assert_eq!(scene.check(EXPECT).outcome(40001), "pending", "answers were seen at another place alone");
}

/// Of one host both directions were captured, of the other the packets that it sent.
#[test]
fn a_filter_by_source_shows_itself_by_flows_that_go_on_without_answers() {
    let mut scene = Scene::new();
    outside(&mut scene, 40008, wire()).handshake().send(10).receive(10).close();
    outside(&mut scene, 40009, wire()).syn().hide(0).syn_ack().show(0).ack();
    unanswered(outside(&mut scene, 40001, wire()));
    assert_eq!(scene.check(EXPECT).outcome(40001), "pending");
}

/// Answers come in by the bond's other port, or by another router.
#[test]
fn answers_that_come_by_another_way_leave_a_flow_pending() {
    let mut scene = Scene::new();
    outside(&mut scene, 40008, eth0("node1")).handshake().send(10).receive(10).close();
    let other = outside(&mut scene, 40009, eth0("node1")).at(eth1("node1"));
    other.hide(1).syn().show(1).hide(0).syn_ack().show(0).hide(1).ack();
    unanswered(outside(&mut scene, 40001, eth0("node1")));
    assert_eq!(scene.check(EXPECT).outcome(40001), "pending");
}

#[test]
fn answers_outside_tunnels_say_nothing_of_those_within() {
    let mut scene = Scene::new();
    outside(&mut scene, 40008, eth0("node1")).handshake().send(10).receive(10).close();
    let flow = scene.tcp("10.128.0.5:40001", "203.0.113.25:443").at(into_vxlan("node1"));
    unanswered(flow.tunnel([192, 168, 12, 11], [192, 168, 12, 12]).at(eth0("node1")));
    assert_eq!(scene.check(EXPECT).outcome(40001), "pending");
}

#[test]
fn a_capture_that_ended_before_leaves_a_flow_pending() {
    let mut scene = Scene::new();
    outside(&mut scene, 40009, wire()).handshake().send(10).receive(10).close();
    outside(&mut scene, 40001, wire()).time(100).syn();
    // Another machine's capture goes on for a minute.
    scene.tcp("10.129.0.8:40008", "203.0.113.25:443").at(veth("node2")).time(60_000).handshake();
    scene.ends_abruptly();
    assert_eq!(scene.check(EXPECT).outcome(40001), "pending");
}

#[test]
fn a_flow_whose_answers_pass_elsewhere_is_not_stalled() {
    let mut scene = Scene::new();
    // The client acknowledges what nobody was seen to send.
    let flow = outside(&mut scene, 40001, wire()).handshake().send_in_vain(100);
    flow.hide(0).receive_in_vain(500).show(0).ack().wait(300).send_again(100);
    assert_eq!(scene.check(EXPECT).outcome(40001), "established");
}

#[test]
fn a_place_that_sees_no_answers_calls_nothing_stalled() {
    let mut scene = Scene::new();
    let inside = ethernet("pod", [2, 0, 0, 0, 0, 5], [2, 0, 0, 0, 0, 1]);
    // The pod's capture ends after the handshake; the uplink's, of one direction, goes on.
    let flow = scene.tcp("10.128.0.5:40001", "203.0.113.25:443").at(inside).routed();
    let flow = flow.snat("192.168.12.99:40001").at(wire());
    let flow = flow.syn().hide(1).syn_ack().show(1).ack().hide(0);
    flow.send_in_vain(100).wait(300).send_again(100);
    assert_eq!(scene.check(EXPECT).outcome(40001), "established");
}

/// A stream of datagrams is no series of tries.
#[test]
fn datagrams_in_quick_succession_are_no_retries() {
    let outcome = |pause: i64| {
        let mut scene = Scene::new();
        outside(&mut scene, 40009, wire()).handshake().close();
        let flow = scene.udp("192.168.12.99:40001", "203.0.113.25:5000").ttl(63).at(wire());
        flow.ask().wait(pause).ask().wait(pause).ask();
        scene.ends_abruptly();
        scene.check(EXPECT).outcome(40001)
    };
    assert_eq!(outcome(10), "pending");
    assert_eq!(outcome(1000), "no-reply");
}
