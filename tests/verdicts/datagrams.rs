//! Flows without handshakes: what is joined by a datagram's own fields, and counted instead of measured.

use crate::scene::{Flow, Scene, bridge, eth0, veth};

const EXPECT: &str = "--expect 192.168.12.99";
const DROP: &str = "--expect 10.128.0.5=>drop --expect 192.168.12.99";
const UPLINK: usize = 2;

fn flow(scene: &mut Scene) -> Flow<'_> {
    scene
        .udp("10.128.0.5:40001", "203.0.113.53:53")
        .at(veth("node1"))
        .at(bridge("node1"))
        .routed()
        .snat("192.168.12.99:40001")
        .at(eth0("node1"))
}

fn told(options: &str, story: impl FnOnce(Flow<'_>) -> Flow<'_>) -> (&'static str, &'static str) {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    story(flow(&mut scene));
    let run = scene.check(options);
    (run.reason(40001), run.outcome(40001))
}

#[test]
fn an_answered_datagram_with_the_right_source_passes() {
    assert_eq!(told(EXPECT, |flow| flow.ask().answer()), ("expected-source", "established"));
}

#[test]
fn a_wrong_source_fails() {
    let mut scene = Scene::new();
    flow(&mut scene).turns_into(UPLINK, "192.168.12.11:40001").ask().answer();
    assert_eq!(scene.check(EXPECT).reason(40001), "node-ip");
}

#[test]
fn fewer_datagrams_on_the_wire_than_inside_leave_a_flow_undecided() {
    let told = told(EXPECT, |flow| flow.ask().answer().hide(UPLINK).ask().show(UPLINK).ask().answer());
    assert_eq!(told, ("capture-incomplete", "established"));
}

#[test]
fn port_unreachable_is_a_refusal_by_the_destination_alone() {
    assert_eq!(told(EXPECT, |flow| flow.ask().error("203.0.113.53", 3, 3)).1, "refused");
    assert_eq!(told(EXPECT, |flow| flow.ask().error("198.51.100.1", 3, 3)).1, "unreachable");
    assert_eq!(told(EXPECT, |flow| flow.ask().error("203.0.113.53", 3, 1)).1, "unreachable");
    assert_eq!(told(EXPECT, |flow| flow.ask().error("203.0.113.53", 3, 13)).1, "prohibited");
    assert_eq!(told(EXPECT, |flow| flow.ask().error("203.0.113.53", 11, 0)).1, "pending");
}

#[test]
fn a_second_datagram_without_an_answer_is_no_reply() {
    assert_eq!(told(EXPECT, |flow| flow.ask().wait(500)).1, "pending");
    assert_eq!(told(EXPECT, |flow| flow.ask().wait(500).ask()).1, "no-reply");
}

#[test]
fn datagrams_that_stay_inside_are_dropped_unless_they_were_answered() {
    assert_eq!(told(DROP, |flow| flow.hide(UPLINK).ask().wait(500).ask()).0, "dropped-as-expected");
    assert_eq!(told(DROP, |flow| flow.hide(UPLINK).ask().answer()).0, "wire-not-seen");
    assert_eq!(told(DROP, |flow| flow.ask().wait(1)).0, "unexpected-exit");
}
