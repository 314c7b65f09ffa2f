//! Which source a flow left with.

use crate::scene::{Flow, Scene, bridge, eth0, eth1, veth};

/// A pod's flow that leaves node1 with that source, whole.
fn leaving(scene: &mut Scene, source: &str) {
    to_the_uplink(scene, source).handshake().send(300).receive(500).close();
}

fn to_the_uplink<'a>(scene: &'a mut Scene, source: &str) -> Flow<'a> {
    scene
        .tcp("10.128.0.5:40001", "203.0.113.25:443")
        .at(veth("node1"))
        .at(bridge("node1"))
        .routed()
        .snat(source)
        .at(eth0("node1"))
}

/// The reason for a flow that leaves with that source, where 192.168.12.99 is expected, under these options.
fn reason(source: &str, options: &str) -> &'static str {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    leaving(&mut scene, source);
    scene.check(options).reason(40001)
}

#[test]
fn a_flow_that_leaves_with_the_expected_source_passes() {
    let mut scene = Scene::new();
    leaving(&mut scene, "192.168.12.99:40001");
    let run = scene.check("--expect 192.168.12.99");
    let row = run.row(40001);
    assert_eq!(row.reason.name(), "expected-source");
    assert_eq!(row.origin.unwrap().to_string(), "10.128.0.5:40001");
    assert_eq!(row.wire.unwrap().to_string(), "192.168.12.99:40001");
    assert_eq!(run.exit_status(), 0);
}

#[test]
fn a_source_port_that_nat_rewrote_changes_nothing() {
    assert_eq!(reason("192.168.12.99:1027", "--expect 192.168.12.99"), "expected-source");
}

#[test]
fn a_flow_that_leaves_with_its_nodes_address_fails() {
    assert_eq!(reason("192.168.12.11:40001", "--expect 192.168.12.99"), "node-ip");
}

#[test]
fn another_nodes_address_is_a_nodes_address_too() {
    assert_eq!(reason("192.168.12.12:40001", "--expect 192.168.12.99"), "node-ip");
}

#[test]
fn a_flow_that_leaves_untranslated_fails() {
    assert_eq!(reason("10.128.0.5:40001", "--expect 192.168.12.99"), "pod-ip");
}

#[test]
fn a_flow_that_leaves_with_somebody_elses_egress_address_fails() {
    let rules = "--expect 10.128.0.5=>192.168.12.98 --expect 192.168.12.99";
    assert_eq!(reason("192.168.12.99:40001", rules), "other-egress-ip");
}

#[test]
fn a_flow_that_leaves_with_an_undeclared_address_fails() {
    assert_eq!(reason("192.168.12.77:40001", "--expect 192.168.12.99"), "unknown-source");
}

#[test]
fn any_of_several_expected_sources_will_do() {
    let any = "--expect 192.168.12.98 --expect 192.168.12.99";
    assert_eq!(reason("192.168.12.98:40001", any), "expected-source");
    assert_eq!(reason("192.168.12.99:40001", any), "expected-source");
    assert_eq!(reason("192.168.12.97:40001", any), "unknown-source");
}

#[test]
fn a_block_of_expected_sources_ends_where_it_ends() {
    assert_eq!(reason("192.168.12.103:40001", "--expect 192.168.12.96/29"), "expected-source");
    assert_eq!(reason("192.168.12.104:40001", "--expect 192.168.12.96/29"), "unknown-source");
}

#[test]
fn the_word_node_accepts_nodes_addresses_alone() {
    assert_eq!(reason("192.168.12.11:40001", "--expect 10.128.0.5=>node"), "expected-source");
    assert_eq!(reason("192.168.12.77:40001", "--expect 10.128.0.5=>node"), "unknown-source");
    assert_eq!(reason("10.128.0.5:40001", "--expect 10.128.0.5=>node"), "pod-ip");
}

#[test]
fn the_word_node_without_a_known_node_decides_nothing() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    leaving(&mut scene, "192.168.12.11:40001");
    let run = scene.check_bare("--pod-ip 10.128.0.0/14 --expect 10.128.0.5=>node --expect 192.168.12.99");
    assert_eq!(run.reason(40001), "ambiguous");
    assert!(run.row(40001).explanation.contains("--node-ip"), "{}", run.row(40001).explanation);
}

#[test]
fn the_word_pod_accepts_the_pods_own_address_alone() {
    let rules = "--expect 10.128.0.5=>pod --expect 192.168.12.99";
    assert_eq!(reason("10.128.0.5:40001", rules), "expected-source");
    assert_eq!(reason("192.168.12.11:40001", rules), "node-ip");
    assert_eq!(reason("192.168.12.99:40001", rules), "other-egress-ip");
}

#[test]
fn another_pods_address_is_not_the_pods_own() {
    let rules = "--expect 10.128.0.5=>pod --expect 192.168.12.99";
    assert_ne!(reason("10.128.7.7:40001", rules), "expected-source");
}

#[test]
fn one_flow_with_two_sources_on_the_wire_fails() {
    let mut scene = Scene::new();
    to_the_uplink(&mut scene, "192.168.12.99:40001")
        .handshake()
        .send(100)
        .turns_into(2, "10.128.0.5:40001")
        .send(100)
        .send(100)
        .close();
    let run = scene.check("--expect 192.168.12.99");
    assert_eq!(run.reason(40001), "mixed-sources");
    let told: Vec<_> =
        run.row(40001).wire_sources.iter().map(|s| (s.address.to_string(), s.packets)).collect();
    assert_eq!(told, [("192.168.12.99".to_owned(), 3), ("10.128.0.5".to_owned(), 4)]);
}

#[test]
fn two_sources_are_mixed_even_where_either_alone_would_do() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    to_the_uplink(&mut scene, "192.168.12.99:40001")
        .handshake()
        .send(100)
        .turns_into(2, "10.128.0.5:40001")
        .send(100)
        .close();
    let run = scene.check("--expect 10.128.0.5 --expect 192.168.12.99");
    assert_eq!(run.reason(40001), "mixed-sources");
}

#[test]
fn identical_copies_at_two_uplinks_count_once() {
    let mut scene = Scene::new();
    to_the_uplink(&mut scene, "192.168.12.99:40001").at(eth1("node1")).handshake().send(100).close();
    let run = scene.check("--expect 192.168.12.99");
    let row = run.row(40001);
    assert_eq!(row.reason.name(), "expected-source");
    assert_eq!(row.wire_sources.len(), 1);
    assert_eq!(row.wire_sources[0].packets, 5);
    assert_eq!(run.role("node1/#2"), Some("uplink"));
    assert_eq!(run.role("node1/#3"), Some("uplink"));
}

#[test]
fn of_copies_at_two_uplinks_the_fuller_one_counts() {
    for fuller in [2, 3] {
        let mut scene = Scene::new();
        let flow = to_the_uplink(&mut scene, "192.168.12.99:40001").at(eth1("node1")).handshake();
        flow.hide(5 - fuller).ack().ack().show(5 - fuller).send(100).close();
        let run = scene.check("--expect 192.168.12.99");
        assert_eq!(run.row(40001).wire_sources[0].packets, 7);
        assert_eq!(run.reason(40001), "expected-source");
    }
}

#[test]
fn every_uplink_is_judged() {
    let mut scene = Scene::new();
    to_the_uplink(&mut scene, "192.168.12.99:40001")
        .snat("192.168.12.11:40001")
        .at(eth1("node1"))
        .handshake()
        .send(100)
        .close();
    assert_eq!(scene.check("--expect 192.168.12.99").reason(40001), "mixed-sources");
}
