//! Which expectation speaks about a flow, above all where its origin was not seen.

use crate::frame::end;
use crate::scene::{Flow, GATEWAY, Scene, WORKER1, bridge, eth0, ethernet, veth};

/// A flow of which only the uplink's copy was captured.
fn outside<'a>(scene: &'a mut Scene, source: &str) -> Flow<'a> {
    scene.tcp(source, "203.0.113.25:443").ttl(63).at(ethernet("eth0", WORKER1, GATEWAY))
}

fn reason_outside(source: &str, options: &str) -> &'static str {
    let mut scene = Scene::new();
    outside(&mut scene, "192.168.12.11:50001").handshake();
    outside(&mut scene, source).handshake().send(10);
    scene.check(options).reason(end(source).port())
}

#[test]
fn a_bare_expectation_needs_no_origin() {
    assert_eq!(reason_outside("192.168.12.99:40001", "--expect 192.168.12.99"), "expected-source");
    assert_eq!(reason_outside("192.168.12.77:40001", "--expect 192.168.12.99"), "unknown-source");
}

#[test]
fn one_possible_expectation_that_seems_met_may_not_be_meant() {
    assert_eq!(reason_outside("192.168.12.99:40001", "--expect 10.128.0.5=>192.168.12.99"), "origin-unknown");
}

#[test]
fn one_possible_expectation_that_is_not_met_may_not_be_meant() {
    assert_eq!(reason_outside("192.168.12.11:40001", "--expect 10.128.0.5=>192.168.12.99"), "origin-unknown");
}

#[test]
fn expectations_that_agree_decide_without_the_origin() {
    let both = "--expect 10.128.0.5=>192.168.12.99 --expect 192.168.12.99";
    assert_eq!(reason_outside("192.168.12.99:40001", both), "expected-source");
    assert_eq!(reason_outside("192.168.12.11:40001", both), "node-ip");
}

#[test]
fn expectations_that_differ_do_not_decide_without_the_origin() {
    let rules = "--expect 10.128.0.5=>192.168.12.99 --expect 192.168.12.98";
    assert_eq!(reason_outside("192.168.12.99:40001", rules), "origin-unknown");
    assert_eq!(reason_outside("192.168.12.98:40001", rules), "origin-unknown");
}

#[test]
fn expectations_that_fail_for_different_reasons_still_fail() {
    let rules = "--expect 10.128.0.5=>drop --expect 192.168.12.99";
    let mut scene = Scene::new();
    outside(&mut scene, "192.168.12.11:40001").handshake();
    let run = scene.check(rules);
    assert_eq!(run.row(40001).verdict.name(), "fail");
}

#[test]
fn a_flow_without_origin_is_told_of_the_expectation_that_it_must_be() {
    let told = |options: &str| {
        let mut scene = Scene::new();
        outside(&mut scene, "192.168.12.99:40001").handshake();
        let run = scene.check(options);
        let row = run.row(40001);
        (row.reason.name(), row.expectation, row.join.confidence.name())
    };
    let one = "--expect 10.128.0.5=>192.168.12.99";
    let other = "--expect 10.128.0.6=>192.168.12.99";
    let bare = "--expect 192.168.12.99";
    assert_eq!(told(bare), ("expected-source", Some(0), "certain"));
    assert_eq!(
        told(&format!("{one} {bare}")),
        ("expected-source", Some(0), "probable"),
        "the first of all there are"
    );
    assert_eq!(told(one), ("origin-unknown", Some(0), "certain"), "that one or none");
    assert_eq!(told(&format!("{one} {other}")), ("origin-unknown", None, "certain"), "either or none");
}

#[test]
fn an_unseen_origin_is_never_exempt_by_a_rule_that_may_speak_of_it() {
    assert_eq!(reason_outside("192.168.12.77:40001", "--expect 10.128.0.5=>192.168.12.99"), "origin-unknown");
}

#[test]
fn the_first_expectation_that_covers_a_flow_wins() {
    let leaving = |options: &str| {
        let mut scene = Scene::new();
        scene.neighbour("node1");
        scene
            .tcp("10.128.0.5:40001", "203.0.113.25:443")
            .at(veth("node1"))
            .routed()
            .snat("192.168.12.98:40001")
            .at(eth0("node1"))
            .handshake();
        scene.check(options).reason(40001)
    };
    let specific = "--expect 10.128.0.5=>192.168.12.98";
    let general = "--expect 10.128.0.0/14=>192.168.12.99";
    assert_eq!(leaving(&format!("{specific} {general}")), "expected-source");
    assert_eq!(leaving(&format!("{general} {specific}")), "other-egress-ip");
}

#[test]
fn a_flow_that_no_expectation_covers_is_not_judged() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    scene
        .tcp("10.128.0.5:40001", "203.0.113.25:443")
        .at(veth("node1"))
        .routed()
        .snat("192.168.12.77:40001")
        .at(eth0("node1"))
        .handshake();
    let run = scene.check("--expect 10.128.0.9=>192.168.12.99");
    assert_eq!(run.reason(40001), "no-expectation");
    assert_eq!(run.exit_status(), 0, "the neighbour's flow is right");
}

#[test]
fn what_the_node_itself_sends_is_not_judged_by_a_bare_expectation() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    scene
        .tcp("192.168.12.11:45000", "203.0.113.25:443")
        .time(50)
        .at(eth0("node1"))
        .handshake()
        .send(10)
        .close();
    let run = scene.check("--expect 192.168.12.99");
    assert_eq!(run.reason(45000), "no-expectation");
    assert!(run.row(45000).explanation.contains("node itself"));
}

#[test]
fn what_a_filter_may_hide_the_pods_side_of_is_not_the_nodes_own() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    scene
        .tcp("192.168.12.11:45000", "203.0.113.25:443")
        .time(50)
        .at(eth0("node1"))
        .handshake()
        .send(10)
        .close();
    scene.filtered(eth0("node1"), "host 203.0.113.25");
    let run = scene.check("--expect 192.168.12.99");
    assert_eq!(run.reason(45000), "origin-unknown");
    assert_eq!(run.exit_status(), 3);
}

#[test]
fn what_was_forwarded_is_not_the_nodes_own() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    scene
        .tcp("192.168.12.11:45000", "203.0.113.25:443")
        .time(50)
        .ttl(63)
        .at(eth0("node1"))
        .handshake()
        .send(10);
    assert_eq!(scene.check("--expect 192.168.12.99").reason(45000), "node-ip");
}

#[test]
fn an_address_that_no_node_has_is_not_the_nodes_own() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    scene.tcp("192.168.12.77:45000", "203.0.113.25:443").time(50).at(eth0("node1")).handshake().send(10);
    assert_eq!(scene.check("--expect 192.168.12.99").reason(45000), "unknown-source");
}

#[test]
fn what_the_node_sends_is_judged_where_pods_places_were_not_captured() {
    let mut scene = Scene::new();
    let wire = ethernet("eth0", WORKER1, GATEWAY);
    scene.tcp("192.168.12.11:45000", "203.0.113.25:443").at(wire).handshake().send(10);
    assert_eq!(scene.check("--expect 192.168.12.99").reason(45000), "node-ip");
}

#[test]
fn whether_the_node_sent_it_cannot_be_told_from_a_capture_that_lost_frames() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    scene.tcp("192.168.12.11:45000", "203.0.113.25:443").time(50).at(eth0("node1")).handshake().send(10);
    scene.dropped(eth0("node1"), 1);
    assert_eq!(scene.check("--expect 192.168.12.99").reason(45000), "capture-incomplete");
}

#[test]
fn whether_the_node_sent_what_was_captured_from_its_middle_cannot_be_told() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    scene.tcp("192.168.12.11:45000", "203.0.113.25:443").time(50).at(eth0("node1")).send(10).receive(10);
    assert_eq!(scene.check("--expect 192.168.12.99").reason(45000), "origin-unknown");
}

#[test]
fn a_syn_whose_copy_inside_came_before_the_capture_is_not_the_nodes_own() {
    let mut scene = Scene::new();
    scene.tcp("192.168.12.11:45000", "203.0.113.25:443").at(eth0("node1")).syn();
    scene
        .tcp("10.128.0.9:50000", "203.0.113.80:443")
        .time(100)
        .at(veth("node1"))
        .routed()
        .snat("192.168.12.99:50000")
        .at(eth0("node1"))
        .handshake();
    assert_eq!(scene.check("--expect 192.168.12.99").reason(45000), "origin-unknown");
}

#[test]
fn a_pod_on_the_hosts_network_is_named_by_no_address() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    scene.tcp("192.168.12.11:45000", "203.0.113.25:443").time(50).at(eth0("node1")).handshake();
    let run = scene.check("--expect 192.168.12.11=>192.168.12.99 --expect 10.128.0.9=>192.168.12.99");
    assert_ne!(run.row(45000).verdict.name(), "pass");
    assert!(run.row(45000).origin.is_none());
}

#[test]
fn an_expectation_about_a_service_may_be_meant_where_the_origin_was_not_seen() {
    let reason = |source: &str| {
        let mut scene = Scene::new();
        scene.policy(
            "cluster:\n  service_cidrs: [172.30.0.0/16]\nexpectations:\n  - name: partner\n    to: { dst: [172.30.99.10], proto: [tcp] }\n    source: [192.168.12.98]\n  - name: others\n    source: [192.168.12.99]\n",
        );
        outside(&mut scene, "192.168.12.11:50001").handshake();
        outside(&mut scene, source).handshake().send(10);
        scene.check("").reason(end(source).port())
    };
    assert_eq!(reason("192.168.12.99:40001"), "origin-unknown", "the Service's router may have left so");
    assert_eq!(reason("192.168.12.77:40001"), "unknown-source");
}

#[test]
fn destinations_before_and_on_the_wire_select_an_expectation() {
    for to in ["172.30.99.10", "203.0.113.0/24"] {
        let mut scene = Scene::new();
        scene.policy(&format!(
            "cluster:\n  service_cidrs: [172.30.0.0/16]\nexpectations:\n  - name: partner\n    to: {{ dst: [{to}] }}\n    source: [192.168.12.98]\n"
        ));
        scene
            .tcp("10.128.0.5:40001", "172.30.99.10:8443")
            .at(veth("node1"))
            .at(bridge("node1"))
            .routed()
            .snat("192.168.12.98:40001")
            .dnat("203.0.113.25:443")
            .at(eth0("node1"))
            .handshake();
        assert_eq!(scene.check("").reason(40001), "expected-source", "{to}");
    }
}

#[test]
fn what_a_proxy_opens_began_with_its_own_address() {
    let judged = |source: &str| {
        let mut scene = Scene::new();
        scene.policy(
            "cluster:\n  pod_cidrs: [10.128.0.0/14]\n  senders: { 192.168.12.98: herasoo/proxy-1 }\nexpectations:\n  - name: whatever the proxy opens\n    from: { pods: [192.168.12.98] }\n    source: [192.168.12.98]\n  - name: a namespace\n    from: { pods: [10.128.0.5] }\n    source: [192.168.12.99]\n",
        );
        outside(&mut scene, "192.168.12.11:50001").handshake();
        outside(&mut scene, source).handshake().send(10);
        let run = scene.check("--node-ip 192.168.12.11");
        let row = run.row(end(source).port());
        (row.reason.name(), row.origin.map(|origin| origin.to_string()))
    };
    let own = Some("192.168.12.98:40001".to_owned());
    assert_eq!(judged("192.168.12.98:40001"), ("expected-source", own));
    // Of an address that is translated to, the origin stays unseen.
    assert_eq!(judged("192.168.12.99:40001"), ("origin-unknown", None));
}
