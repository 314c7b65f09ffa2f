//! Connections that idle: all that shows of them is that they ask whether the other side is still there.
//!
//! A probe repeats the number of the last byte that was acknowledged, and carries nothing (RFC 9293 §3.8.4).

use crate::scene::{Flow, GATEWAY, Scene, WORKER1, bridge, eth0, ethernet, veth};

const EXPECT: &str = "--expect 192.168.12.99";
const UPLINK: usize = 2;

/// A connection that was opened long ago.
fn flow(scene: &mut Scene) -> Flow<'_> {
    scene
        .tcp("10.128.0.5:40001", "203.0.113.25:443")
        .at(veth("node1"))
        .at(bridge("node1"))
        .routed()
        .snat("192.168.12.99:40001")
        .at(eth0("node1"))
}

fn uplink_alone(scene: &mut Scene) -> Flow<'_> {
    scene.tcp("192.168.12.99:40001", "203.0.113.25:443").ttl(63).at(ethernet("node1", WORKER1, GATEWAY))
}

fn said(
    story: impl FnOnce(Flow<'_>) -> Flow<'_>,
    of: fn(&mut Scene) -> Flow<'_>,
) -> (&'static str, &'static str) {
    let mut scene = Scene::new();
    story(of(&mut scene));
    let run = scene.check(EXPECT);
    (run.reason(40001), run.outcome(40001))
}

#[test]
fn probes_for_an_idle_connection_lack_nothing() {
    for of in [flow, uplink_alone] {
        assert_eq!(said(|flow| flow.probe().wait(1), of), ("expected-source", "mid-stream"));
        assert_eq!(said(|flow| flow.probe().probe().probe(), of), ("expected-source", "mid-stream"));
    }
}

#[test]
fn what_an_idle_connection_says_after_its_probes_follows_them() {
    for of in [flow, uplink_alone] {
        assert_eq!(said(|flow| flow.probe().probe().send(30).probe().close(), of).0, "expected-source");
        assert_eq!(said(|flow| flow.probe().receive(30).probe().send(30), of).0, "expected-source");
    }
}

#[test]
fn a_probe_that_the_wire_missed_is_no_gap() {
    assert_eq!(said(|flow| flow.hide(UPLINK).ack().show(UPLINK).probe(), flow).0, "expected-source");
    assert_eq!(said(|flow| flow.hide(UPLINK).probe().show(UPLINK).ack().probe(), flow).0, "expected-source");
}

#[test]
fn one_byte_that_the_origin_showed_and_the_wire_did_not_is_a_gap_all_the_same() {
    fn story(flow: Flow<'_>) -> Flow<'_> {
        flow.ack().hide(UPLINK).send_in_vain(1).show(UPLINK).acknowledge().ack()
    }
    assert_eq!(said(story, flow).0, "capture-incomplete");
    assert_eq!(said(|flow| story(flow).send(100), flow).0, "capture-incomplete");
}

#[test]
fn one_byte_that_nobody_acknowledged_is_a_gap() {
    let said = said(|flow| flow.ack().acknowledge().forward(1).send_in_vain(100), uplink_alone);
    assert_eq!(said.0, "capture-incomplete");
}

#[test]
fn more_than_a_byte_below_what_was_acknowledged_is_no_probe() {
    assert_eq!(said(|flow| flow.ack().forward(2).acknowledge(), uplink_alone).0, "capture-incomplete");
    assert_eq!(said(|flow| flow.ack().forward(2).send(100), uplink_alone).0, "capture-incomplete");
    assert_eq!(said(|flow| flow.probe().send(10).forward(1).send(10), uplink_alone).0, "capture-incomplete");
}
