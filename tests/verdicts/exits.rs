//! Whether a flow left at all, and what can be said where that was not seen.

use crate::scene::{
    CLUSTER, Flow, GATEWAY, Scene, Sight, WORKER1, WORKER2, bridge, device, eth0, eth1, ethernet, from_vxlan,
    into_eth0, into_vxlan, to_router, veth,
};

const NODE1: [u8; 4] = [192, 168, 12, 11];
const NODE2: [u8; 4] = [192, 168, 12, 12];
const EXPECT: &str = "--expect 192.168.12.99";
const DROP: &str = "--expect 10.128.0.5=>drop --expect 192.168.12.99";

fn inside(scene: &mut Scene) -> Flow<'_> {
    scene.tcp("10.128.0.5:40001", "203.0.113.25:443").at(veth("node1")).at(bridge("node1"))
}

/// From the pod on node1 into the tunnel to node2.
fn into_the_tunnel(scene: &mut Scene) -> Flow<'_> {
    inside(scene).routed().at(into_vxlan("node1")).tunnel(NODE1, NODE2).at(eth0("node1"))
}

#[test]
fn without_an_uplink_the_wire_is_not_seen() {
    let mut scene = Scene::new();
    inside(&mut scene).handshake().send(10).close();
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "wire-not-seen");
    assert!(run.row(40001).next_step.as_deref().unwrap().contains("-i any"));
    assert_eq!(run.exit_status(), 3);
}

#[test]
fn inside_a_pod_eth0_is_no_uplink() {
    let mut scene = Scene::new();
    let pod = ethernet("pod", [2, 0, 0, 0, 0, 5], [2, 0, 0, 0, 0, 1]);
    scene.tcp("10.128.0.5:40001", "203.0.113.25:443").at(pod).handshake().send(10).close();
    let run = scene.check(EXPECT);
    assert_eq!(run.role("pod"), Some("pod"));
    assert_eq!(run.reason(40001), "wire-not-seen");
}

#[test]
fn inside_a_pod_eth0_is_no_uplink_even_where_the_pods_address_is_expected() {
    let mut scene = Scene::new();
    let pod = ethernet("pod", [2, 0, 0, 0, 0, 5], [2, 0, 0, 0, 0, 1]);
    scene.tcp("10.128.0.5:40001", "203.0.113.25:443").at(pod).handshake().send(10).close();
    for options in ["--expect 10.128.0.5", "--expect 10.128.0.0/14", "--expect 10.128.0.5=>10.128.0.5"] {
        let run = scene.check(options);
        assert_eq!(run.role("pod"), Some("pod"), "{options}");
        assert_eq!(run.reason(40001), "wire-not-seen", "{options}");
    }
}

#[test]
fn a_flow_that_goes_to_a_node_that_was_not_captured_is_not_seen_to_leave() {
    let mut scene = Scene::new();
    into_the_tunnel(&mut scene).handshake().send(10).close();
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "wire-not-seen");
    assert!(run.row(40001).explanation.contains("192.168.12.12"), "{}", run.row(40001).explanation);
}

#[test]
fn an_uplink_of_another_machine_shows_nothing_of_a_pod_elsewhere() {
    let mut scene = Scene::new();
    scene.neighbour("node2");
    let pod = ethernet("pod", [2, 0, 0, 0, 0, 5], [2, 0, 0, 0, 0, 1]);
    scene.tcp("10.128.0.5:40001", "203.0.113.25:443").at(pod).syn();
    let run = scene.check(DROP);
    assert_eq!(run.reason(40001), "wire-not-seen");
}

#[test]
fn a_flow_captured_from_its_middle_is_matched_with_what_left_by_its_segments() {
    let reasons = |uplink: Sight| {
        let mut scene = Scene::new();
        scene.neighbour("node1");
        scene.neighbour("node2");
        inside(&mut scene).routed().snat("192.168.12.99:40999").at(uplink).send(10).send(10).receive(50);
        let run = scene.check("--expect 10.128.0.5=>192.168.12.99");
        (run.reason(40001), run.reason(40999))
    };
    for uplink in ["node1", "node2"] {
        assert_eq!(reasons(eth0(uplink)), ("expected-source", "expected-source"), "{uplink}");
    }
}

#[test]
fn what_stays_on_the_node_never_left() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    inside(&mut scene).syn().wait(1000).syn_again();
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "never-left");
    assert!(run.row(40001).explanation.contains("left the pod"), "{}", run.row(40001).explanation);
}

#[test]
fn what_reaches_the_gateway_and_stays_there_never_left() {
    let mut scene = Scene::new();
    into_the_tunnel(&mut scene)
        .at(into_eth0("node2"))
        .out_of_tunnel()
        .at(from_vxlan("node2"))
        .syn()
        .wait(1000)
        .syn_again();
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "never-left");
    assert!(run.row(40001).explanation.contains("gateway"), "{}", run.row(40001).explanation);
}

#[test]
fn a_drop_is_proved_by_an_uplink_that_shows_nothing() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    inside(&mut scene).syn().wait(1000).syn_again();
    let run = scene.check(DROP);
    assert_eq!(run.reason(40001), "dropped-as-expected");
    assert_eq!(run.exit_status(), 0);
}

#[test]
fn a_drop_is_not_proved_by_a_capture_that_was_made_with_a_filter() {
    let told = |filter: &'static str| {
        let mut scene = Scene::new();
        scene.neighbour("node1");
        inside(&mut scene).syn().wait(1000).syn_again();
        scene.filtered(veth("node1"), filter);
        let run = scene.check(DROP);
        (run.reason(40001), run.row(40001).explanation.clone(), run.snapshot.points[0].filter.clone())
    };
    let (reason, explanation, filter) = told("host 10.128.0.5 or port 80");
    assert_eq!(reason, "capture-incomplete");
    assert!(explanation.contains("made with a filter"), "{explanation}");
    assert_eq!(filter.as_deref(), Some("host 10.128.0.5 or port 80"));
    // egret's own session over ssh.
    let own = "not (tcp and host 192.168.12.5 and port 51234 and host 192.168.12.11 and port 22)";
    assert_eq!(told(own).0, "dropped-as-expected");
}

#[test]
fn a_drop_is_not_proved_without_an_uplink() {
    let mut scene = Scene::new();
    inside(&mut scene).syn().wait(1000).syn_again();
    assert_eq!(scene.check(DROP).reason(40001), "wire-not-seen");
}

#[test]
fn a_drop_is_not_proved_where_the_flow_went_to_another_node() {
    let mut scene = Scene::new();
    into_the_tunnel(&mut scene).syn();
    assert_eq!(scene.check(DROP).reason(40001), "wire-not-seen");
}

#[test]
fn whatever_leaves_where_a_drop_is_expected_fails() {
    for source in ["192.168.12.99:40001", "192.168.12.11:40001", "10.128.0.5:40001"] {
        let mut scene = Scene::new();
        scene.neighbour("node1");
        inside(&mut scene).routed().snat(source).at(eth0("node1")).syn();
        assert_eq!(scene.check(DROP).reason(40001), "unexpected-exit", "{source}");
    }
}

/// A capture filter that knows only the Service's port shows the request inside and nothing of it outside.
#[test]
fn a_flow_that_was_answered_did_leave_wherever_that_was() {
    for options in [DROP, EXPECT] {
        let mut scene = Scene::new();
        scene.neighbour("node1");
        inside(&mut scene).handshake().send(10);
        let run = scene.check(options);
        assert_eq!(run.reason(40001), "wire-not-seen", "{options}");
        assert_eq!(run.outcome(40001), "established");
    }
}

#[test]
fn an_error_from_outside_proves_that_a_packet_left_and_one_from_inside_does_not() {
    let reason = |sender: &str| {
        let mut scene = Scene::new();
        scene.neighbour("node1");
        inside(&mut scene).syn().error(sender, 3, 13);
        scene.check(DROP).reason(40001)
    };
    assert_eq!(reason("198.51.100.1"), "wire-not-seen");
    assert_eq!(reason("10.128.0.1"), "dropped-as-expected");
}

#[test]
fn a_node_that_rejects_with_a_reset_lets_nothing_leave() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    inside(&mut scene).syn().refuse();
    let run = scene.check(DROP);
    assert_eq!((run.reason(40001), run.outcome(40001)), ("dropped-as-expected", "refused"));
}

#[test]
fn what_the_capture_ends_with_may_have_left_after_it() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    inside(&mut scene).time(500).syn();
    scene.ends_abruptly();
    assert_eq!(scene.check(DROP).reason(40001), "capture-incomplete");
    assert_eq!(scene.check(EXPECT).reason(40001), "capture-incomplete");
}

#[test]
fn a_second_way_out_that_is_not_known_for_an_uplink_proves_no_drop() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    inside(&mut scene).routed().at(eth1("node1")).syn().wait(1000).syn_again();
    let run = scene.check(DROP);
    assert_eq!(run.role("node1/#3"), Some("pod"), "all that starts there starts from one address");
    assert_eq!(run.reason(40001), "wire-not-seen");
    let run = scene.check(&format!("{DROP} --role node1/#3=uplink"));
    assert_eq!(run.reason(40001), "unexpected-exit");
}

#[test]
fn a_tunnel_devices_copy_is_no_second_way_out() {
    let mut scene = Scene::new();
    into_the_tunnel(&mut scene).at(into_eth0("node2")).out_of_tunnel().at(from_vxlan("node2")).syn();
    assert_eq!(scene.check(DROP).reason(40001), "dropped-as-expected");
}

#[test]
fn another_machines_tunnel_does_not_excuse_a_second_way_out() {
    let mut scene = Scene::new();
    into_the_tunnel(&mut scene)
        .at(into_eth0("node2"))
        .out_of_tunnel()
        .at(from_vxlan("node2"))
        .at(ethernet("node1-eth1", WORKER1, GATEWAY))
        .syn();
    assert_eq!(scene.check(DROP).reason(40001), "wire-not-seen");
}

#[test]
fn what_arrives_and_stays_did_not_leave() {
    let mut scene = Scene::new();
    scene.neighbour("node2");
    scene
        .tcp("10.128.0.5:40001", "203.0.113.25:443")
        .at(ethernet("pod", [2, 0, 0, 0, 0, 5], [2, 0, 0, 0, 0, 1]))
        .routed()
        .at(device("node2", 9, 0, 4))
        .syn();
    assert_eq!(scene.check(DROP).reason(40001), "dropped-as-expected");
}

#[test]
fn what_is_handed_to_another_pod_unrouted_did_not_leave() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    inside(&mut scene).at(to_router("node1")).syn();
    assert_eq!(scene.check(DROP).reason(40001), "dropped-as-expected");
}

#[test]
fn a_gateway_captured_alone_shows_that_a_flow_reached_it() {
    let mut scene = Scene::new();
    scene
        .tcp("10.128.0.5:40001", "203.0.113.25:443")
        .ttl(63)
        .tunnel(NODE1, NODE2)
        .at(into_eth0("node2"))
        .out_of_tunnel()
        .at(from_vxlan("node2"))
        .syn();
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "never-left");
    assert!(run.row(40001).explanation.contains("gateway"), "{}", run.row(40001).explanation);
}

#[test]
fn both_ends_of_a_tunnel_captured_at_their_uplinks_show_that_a_flow_reached_the_gateway() {
    let mut scene = Scene::new();
    scene
        .tcp("10.128.0.5:40001", "203.0.113.25:443")
        .ttl(63)
        .tunnel(NODE1, NODE2)
        .at(ethernet("node1", WORKER1, WORKER2))
        .at(ethernet("node2", WORKER1, WORKER2))
        .syn();
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "never-left");
    assert!(run.row(40001).explanation.contains("gateway"), "{}", run.row(40001).explanation);
}

#[test]
fn a_drop_is_not_proved_by_a_capture_that_lost_frames() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    inside(&mut scene).syn().wait(1000).syn_again();
    scene.dropped(veth("node1"), 3);
    assert_eq!(scene.check(DROP).reason(40001), "capture-incomplete");
}

#[test]
fn a_drop_of_a_flow_in_its_middle_is_not_proved() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    inside(&mut scene).send_in_vain(10).send_again(10);
    assert_eq!(scene.check(DROP).reason(40001), "wire-not-seen");
}

#[test]
fn who_opened_a_flow_must_be_known_before_its_drop_is_right() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    scene.tcp("198.51.100.7:40001", "203.0.113.25:443").at(device("node1", 9, 3, 4)).syn();
    let run = scene.check("--expect drop");
    assert_ne!(run.reason(40001), "dropped-as-expected");
}

#[test]
fn an_interface_captured_alone_is_an_uplink_once_a_node_sends_there() {
    let mut scene = Scene::new();
    let wire = ethernet("eth0", WORKER1, GATEWAY);
    scene.tcp("192.168.12.11:50001", "203.0.113.80:443").at(wire).handshake();
    scene.tcp("10.128.0.5:40001", "203.0.113.25:443").ttl(63).at(wire).handshake().send(10);
    let run = scene.check(EXPECT);
    assert_eq!(run.role("eth0"), Some("uplink"));
    assert_eq!(run.reason(40001), "pod-ip");
}

#[test]
fn a_declared_role_stands_against_what_is_inferred() {
    let mut scene = Scene::new();
    inside(&mut scene).routed().at(eth0("node1")).handshake().send(10);
    assert_eq!(scene.check(EXPECT).reason(40001), "wire-not-seen");
    assert_eq!(scene.check(&format!("{EXPECT} --role node1/#2=uplink")).reason(40001), "pod-ip");
    let declared = scene.check_bare(&format!("{CLUSTER} {EXPECT} --role node1/#2=pod"));
    assert_eq!(declared.reason(40001), "wire-not-seen");
}
