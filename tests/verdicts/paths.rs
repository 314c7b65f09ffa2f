//! The ways on which flows leave: tunnels, routers, Services, old formats, several uplinks, other address families.

use crate::frame::Mac;
use crate::scene::{
    FAR, Flow, GATEWAY, Scene, Sight, WORKER1, WORKER2, bridge, cooked_in, cooked_out, cooked_passing,
    cooked_to_router, device, eth0, eth1, ethernet, from_vxlan, into_eth0, into_vxlan, line, to_router, veth,
};

const NODE1: [u8; 4] = [192, 168, 12, 11];
const NODE2: [u8; 4] = [192, 168, 12, 12];
const EXPECT: &str = "--expect 192.168.12.99";

fn pod(scene: &mut Scene) -> Flow<'_> {
    scene.tcp("10.128.0.5:40001", "203.0.113.25:443")
}

#[test]
fn a_flow_may_leave_by_another_node() {
    let mut scene = Scene::new();
    pod(&mut scene)
        .at(veth("node1"))
        .at(bridge("node1"))
        .routed()
        .at(into_vxlan("node1"))
        .tunnel(NODE1, NODE2)
        .at(eth0("node1"))
        .at(into_eth0("node2"))
        .out_of_tunnel()
        .at(from_vxlan("node2"))
        .routed()
        .snat("192.168.12.99:40001")
        .at(eth0("node2"))
        .handshake()
        .send(100)
        .close();
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "expected-source");
    assert_eq!(run.role("node1/#6"), Some("tunnel"));
    assert_eq!(run.role("node1/#2"), Some("uplink"));
    let tunnelled: Vec<_> = run.row(40001).legs.iter().filter(|leg| leg.tunnel.is_some()).collect();
    assert_eq!(tunnelled.len(), 2);
}

#[test]
fn the_pods_address_inside_a_tunnel_is_no_leak_and_beside_it_is_one() {
    let leaking = |also: Option<Sight>| {
        let mut scene = Scene::new();
        let flow = pod(&mut scene)
            .at(veth("node1"))
            .routed()
            .at(into_vxlan("node1"))
            .tunnel(NODE1, NODE2)
            .at(eth0("node1"))
            .at(into_eth0("node2"))
            .out_of_tunnel()
            .at(from_vxlan("node2"))
            .routed()
            .snat("192.168.12.99:40001");
        let flow = flow.at(eth0("node2"));
        let flow = match also {
            Some(sight) => flow.snat("10.128.0.5:40001").at(sight),
            None => flow,
        };
        flow.handshake().send(100).close();
        scene.check(EXPECT).reason(40001)
    };
    assert_eq!(leaking(None), "expected-source");
    assert_eq!(leaking(Some(eth0("node2"))), "mixed-sources");
}

#[test]
fn over_direct_routing_the_first_nodes_copy_is_transit() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    pod(&mut scene)
        .at(veth("node1"))
        .routed()
        .at(eth0("node1"))
        .at(into_eth0("node2"))
        .routed()
        .snat("192.168.12.99:40001")
        .at(eth0("node2"))
        .handshake()
        .send(100)
        .close();
    assert_eq!(scene.check(EXPECT).reason(40001), "expected-source");
}

/// The first try leaves node1 as it is; by the second the egress address has moved to node2, behind a tunnel.
#[test]
fn what_leaked_before_the_way_changed_is_no_transit() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    let flow = pod(&mut scene)
        .at(veth("node1"))
        .routed()
        .at(eth0("node1"))
        .tunnel(NODE1, NODE2)
        .at(eth0("node1"))
        .at(into_eth0("node2"))
        .out_of_tunnel()
        .at(from_vxlan("node2"))
        .routed()
        .snat("192.168.12.99:40001")
        .at(eth0("node2"));
    let leaked = flow.hide(2).hide(3).hide(4).hide(5).syn().wait(1000);
    leaked.hide(1).show(2).show(3).show(4).show(5).syn_again().syn_ack().ack().send(100).close();
    assert_eq!(scene.check(EXPECT).reason(40001), "mixed-sources");
}

/// The first try leaves node1 by a second uplink; what follows goes to node2 over direct routing, and leaves there.
fn first_try_by(scene: &mut Scene, second: Sight, leaks_later: bool) {
    scene.neighbour("node1");
    let own = |scene: &mut Scene, sight: Sight| {
        scene.tcp("192.168.12.11:50001", "203.0.113.80:443").at(sight).handshake();
    };
    own(scene, second);
    let flow = pod(scene)
        .at(veth("node1"))
        .routed()
        .at(eth0("node1"))
        .at(second)
        .at(into_eth0("node2"))
        .routed()
        .snat("192.168.12.99:40001")
        .at(eth0("node2"));
    let flow = if leaks_later { flow.hide(2).syn().wait(1000).show(2) } else { flow };
    let flow = flow.hide(1).hide(3).hide(4).syn_again().wait(1000);
    flow.hide(2).show(1).show(3).show(4).syn_again().syn_ack().ack().send(100).close();
}

#[test]
fn what_leaked_by_another_uplink_before_is_no_transit() {
    let apart = ethernet("node1-eth1", WORKER1, GATEWAY);
    for second in [eth1("node1"), apart] {
        let mut scene = Scene::new();
        first_try_by(&mut scene, second, false);
        assert_eq!(scene.check(EXPECT).reason(40001), "mixed-sources", "{second:?}");
    }
    let mut scene = Scene::new();
    first_try_by(&mut scene, eth1("node1"), true);
    assert_eq!(scene.check(EXPECT).reason(40001), "mixed-sources", "between what went the right way");
}

#[test]
fn two_devices_copies_of_what_another_node_translates_are_both_transit() {
    for device in [eth1("node1"), ethernet("node1-eth1", WORKER1, [2, 0, 0, 0, 12, 77])] {
        let mut scene = Scene::new();
        scene.neighbour("node1");
        scene.tcp("192.168.12.11:50001", "203.0.113.80:443").at(device).handshake();
        pod(&mut scene)
            .at(veth("node1"))
            .routed()
            .at(device)
            .at(eth0("node1"))
            .at(into_eth0("node2"))
            .routed()
            .snat("192.168.12.99:40001")
            .at(eth0("node2"))
            .handshake()
            .send(100)
            .close();
        assert_eq!(scene.check(EXPECT).reason(40001), "expected-source", "{device:?}");
    }
}

#[test]
fn a_leak_is_no_transit_for_being_translated_on_the_same_machine_or_at_no_distance() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    let flow = pod(&mut scene).at(veth("node1")).routed().at(eth0("node1"));
    flow.routed().snat("192.168.12.99:40001").at(eth1("node1")).handshake().send(100);
    assert_eq!(scene.check(EXPECT).reason(40001), "mixed-sources");
    let mut scene = Scene::new();
    scene.neighbour("node1");
    let flow = pod(&mut scene).at(veth("node1")).routed().at(eth0("node1"));
    flow.snat("192.168.12.99:40001").at(eth0("node2")).handshake().send(100);
    assert_eq!(scene.check(EXPECT).reason(40001), "mixed-sources");
}

#[test]
fn a_copy_translated_elsewhere_must_account_for_every_packet_of_transit() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    let flow = pod(&mut scene)
        .at(veth("node1"))
        .routed()
        .at(eth0("node1"))
        .routed()
        .snat("192.168.12.99:40001")
        .at(eth0("node2"));
    flow.handshake().hide(2).send(100).show(2).close();
    assert_eq!(scene.check(EXPECT).reason(40001), "mixed-sources");
}

/// A capture without link-layer headers, where nothing but addresses tells who sends.
#[test]
fn on_a_line_without_link_layer_addresses_sources_tell_what_leaves() {
    let mut scene = Scene::new();
    for (n, source) in
        ["192.168.12.11:40001", "192.168.12.99:40002", "10.128.0.5:40003", "198.51.100.7:40004"]
            .into_iter()
            .enumerate()
    {
        scene.tcp(source, "203.0.113.25:443").ttl(63).at(line("wan")).time(n as i64).handshake();
    }
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "node-ip");
    assert_eq!(run.reason(40002), "expected-source");
    assert_eq!(run.reason(40003), "pod-ip");
    assert_eq!(run.row(40004).verdict.name(), "exempt", "somebody else's, on its way");
}

#[test]
fn what_was_seen_inside_leaves_whatever_its_address() {
    let mut scene = Scene::new();
    scene.tcp("192.168.12.11:50001", "203.0.113.80:443").at(line("wan")).handshake();
    let inside = ethernet("veth", [2, 0, 0, 0, 0, 5], [2, 0, 0, 0, 0, 1]);
    scene.tcp("10.77.0.5:40001", "203.0.113.25:443").at(inside).routed().at(line("wan")).handshake().send(10);
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "pod-ip");
    assert_eq!(run.row(40001).origin.unwrap().to_string(), "10.77.0.5:40001");
}

#[test]
fn a_copy_that_goes_to_a_node_is_transit_and_one_to_the_gateway_is_not() {
    let reason = |next: Mac| {
        let mut scene = Scene::new();
        scene
            .tcp("192.168.12.11:50001", "203.0.113.80:443")
            .at(ethernet("node1", WORKER1, GATEWAY))
            .handshake();
        scene
            .tcp("192.168.12.12:50002", "203.0.113.80:443")
            .at(ethernet("node2", WORKER2, GATEWAY))
            .handshake();
        pod(&mut scene).ttl(63).at(ethernet("node1", WORKER1, next)).syn();
        scene.check(EXPECT).reason(40001)
    };
    assert_eq!(reason(WORKER2), "never-left");
    assert_eq!(reason(GATEWAY), "pod-ip");
}

/// The far side sees frames of node addresses, too: they come from its own router.
#[test]
fn a_router_before_the_far_side_is_no_node() {
    let far = ethernet("far", GATEWAY, FAR);
    let mut scene = Scene::new();
    for port in [50001, 50002] {
        scene
            .tcp(&format!("192.168.12.11:{port}"), "203.0.113.80:443")
            .at(ethernet("node1", WORKER1, GATEWAY))
            .routed()
            .at(far)
            .handshake();
    }
    pod(&mut scene).ttl(63).at(ethernet("node1", WORKER1, GATEWAY)).routed().at(far).handshake().send(10);
    let run = scene.check(EXPECT);
    assert_eq!(run.role("far"), Some("remote"));
    assert_eq!(run.reason(40001), "pod-ip");
    assert_eq!(
        scene.check("--expect 10.128.0.5=>drop --expect 192.168.12.99").reason(40001),
        "unexpected-exit"
    );
}

/// Client → Service → router pod → outside, where each step rewrites the destination.
fn through_a_router<'a>(scene: &'a mut Scene, leaves_as: &str) -> Flow<'a> {
    scene
        .tcp("10.128.0.5:40001", "172.30.99.10:8443")
        .at(veth("node1"))
        .at(bridge("node1"))
        .dnat("10.128.0.77:8443")
        .at(to_router("node1"))
        .routed()
        .snat(leaves_as)
        .dnat("203.0.113.25:443")
        .at(eth0("node1"))
}

#[test]
fn a_service_leads_through_a_router_pod_to_the_outside() {
    let mut scene = Scene::new();
    through_a_router(&mut scene, "192.168.12.99:40001").handshake().send(100).close();
    for options in
        [EXPECT, "--inside 172.30.0.0/16 --expect 192.168.12.99", "--expect 10.128.0.5=>192.168.12.99"]
    {
        let run = scene.check(options);
        let row = run.row(40001);
        assert_eq!(row.reason.name(), "expected-source", "{options}");
        assert_eq!(row.origin_destination.unwrap().to_string(), "172.30.99.10:8443");
        assert_eq!(row.destination.to_string(), "203.0.113.25:443");
        assert_eq!(row.direction.name(), "outgoing");
        assert_eq!(row.legs.len(), 4);
    }
}

#[test]
fn a_router_that_leaves_with_the_wrong_address_fails() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    through_a_router(&mut scene, "192.168.12.11:40001").handshake();
    assert_eq!(scene.check(EXPECT).reason(40001), "node-ip");
}

#[test]
fn a_router_that_only_rewrites_the_destination_leaks_the_pods_address() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    through_a_router(&mut scene, "10.128.0.5:40001").handshake().send(10);
    assert_eq!(scene.check(EXPECT).reason(40001), "pod-ip");
}

/// A load balancer behind the far side's address rewrites the destination once more.
#[test]
fn a_destination_that_is_rewritten_beyond_the_node_does_not_hide_a_leak() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    pod(&mut scene)
        .at(veth("node1"))
        .routed()
        .at(eth0("node1"))
        .routed()
        .dnat("10.9.9.9:8443")
        .at(ethernet("far", GATEWAY, FAR))
        .handshake()
        .send(10);
    assert_eq!(scene.check(EXPECT).reason(40001), "pod-ip");
    assert_eq!(
        scene.check("--expect 10.128.0.5=>drop --expect 192.168.12.99").reason(40001),
        "unexpected-exit"
    );
}

#[test]
fn a_macvlan_router_leaves_with_an_address_of_its_own_on_its_nodes_uplink() {
    let mut scene = Scene::new();
    scene
        .tcp("10.128.0.5:40001", "10.128.0.77:8443")
        .at(veth("node1"))
        .at(to_router("node1"))
        .snat("192.168.12.99:40001")
        .dnat("203.0.113.25:443")
        .routed()
        .at(eth0("node1"))
        .handshake()
        .send(100)
        .close();
    assert_eq!(scene.check(EXPECT).reason(40001), "expected-source");
    assert_eq!(
        scene.check("--expect 10.128.0.5=>192.168.12.98 --expect 192.168.12.99").reason(40001),
        "other-egress-ip"
    );
}

#[test]
fn inside_a_router_pod_its_second_interface_is_the_uplink() {
    let mut scene = Scene::new();
    scene
        .tcp("10.128.0.5:40001", "10.128.0.77:8443")
        .ttl(63)
        .at(device("router", 3, 0, 4))
        .routed()
        .snat("192.168.12.99:40001")
        .dnat("203.0.113.25:443")
        .at(device("router", 4, 4, 0))
        .handshake()
        .send(100)
        .close();
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "expected-source");
    assert_eq!(run.role("router/#4"), Some("uplink"));
    assert_ne!(run.role("router/#3"), Some("uplink"));
}

/// A gateway pod translates to its own address; the node, which was not captured, does so once more.
#[test]
fn a_pods_address_after_translation_proves_no_uplink() {
    let mut scene = Scene::new();
    let bridge = ethernet("cni0", [2, 0, 0, 0, 0, 5], [2, 0, 0, 0, 0, 7]);
    pod(&mut scene)
        .at(bridge)
        .snat("10.128.0.77:40001")
        .routed()
        .at(ethernet("cni0", [2, 0, 0, 0, 0, 7], [2, 0, 0, 0, 0, 1]))
        .handshake()
        .send(10);
    let run = scene.check(EXPECT);
    assert_ne!(run.role("cni0"), Some("uplink"));
    assert_eq!(run.reason(40001), "wire-not-seen");
}

#[test]
fn the_old_cooked_format_blends_devices_and_is_understood_all_the_same() {
    let mut scene = Scene::new();
    pod(&mut scene)
        .at(cooked_passing("node1"))
        .at(cooked_in("node1"))
        .routed()
        .snat("192.168.12.99:40001")
        .at(cooked_out("node1"))
        .handshake()
        .send(100)
        .close();
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "expected-source");
    assert_eq!(run.role("node1/outgoing"), Some("uplink"));
}

#[test]
fn a_tunnel_devices_copy_in_a_blend_is_no_leak() {
    let tunnelled = |scene: &mut Scene, leaks: bool| {
        let flow = scene
            .tcp("10.128.0.5:40001", "203.0.113.25:443")
            .at(cooked_passing("node1"))
            .routed()
            .at(cooked_out("node1"))
            .tunnel(NODE1, NODE2)
            .at(cooked_out("node1"))
            .out_of_tunnel();
        let flow = if leaks { flow.at(cooked_out("node1")) } else { flow };
        flow.handshake().send(100).close();
    };
    let mut scene = Scene::new();
    tunnelled(&mut scene, false);
    assert_eq!(scene.check(EXPECT).reason(40001), "wire-not-seen", "it went to node2");
    let mut scene = Scene::new();
    tunnelled(&mut scene, true);
    assert_eq!(scene.check(EXPECT).reason(40001), "pod-ip");
}

#[test]
fn a_router_pods_copy_in_a_blend_is_no_leak() {
    let mut scene = Scene::new();
    scene
        .tcp("10.128.0.5:40001", "172.30.99.10:8443")
        .at(cooked_passing("node1"))
        .dnat("10.128.0.77:8443")
        .at(cooked_to_router("node1"))
        .routed()
        .snat("192.168.12.99:40001")
        .dnat("203.0.113.25:443")
        .at(cooked_out("node1"))
        .handshake()
        .send(100)
        .close();
    assert_eq!(scene.check(EXPECT).reason(40001), "expected-source");
}

#[test]
fn a_hop_to_a_router_of_an_undeclared_address_in_a_blend_is_no_leak() {
    let mut scene = Scene::new();
    scene
        .tcp("10.128.0.5:40001", "10.99.0.7:8443")
        .at(cooked_passing("node1"))
        .at(cooked_to_router("node1"))
        .routed()
        .snat("192.168.12.99:40001")
        .dnat("203.0.113.25:443")
        .at(cooked_out("node1"))
        .handshake()
        .send(100)
        .close();
    assert_eq!(scene.check(EXPECT).reason(40001), "expected-source");
}

/// The node translates the source first, and a proxy on it then the destination.
#[test]
fn a_source_translated_before_the_destination_has_left_wherever_it_shows() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    pod(&mut scene)
        .at(veth("node1"))
        .routed()
        .snat("192.168.12.77:40001")
        .at(eth0("node1"))
        .dnat("203.0.113.99:8443")
        .at(device("node1", 9, 4, 0))
        .handshake()
        .send(100);
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "unknown-source");
    assert_eq!(run.row(40001).wire_sources[0].packets, 3);
}

#[test]
fn a_leak_in_a_blend_is_one() {
    let mut scene = Scene::new();
    scene
        .tcp("10.128.0.9:50000", "203.0.113.80:443")
        .at(cooked_passing("node1"))
        .routed()
        .snat("192.168.12.99:50000")
        .at(cooked_out("node1"))
        .handshake();
    pod(&mut scene).at(cooked_passing("node1")).routed().at(cooked_out("node1")).handshake().send(10);
    assert_eq!(scene.check(EXPECT).reason(40001), "pod-ip");
}

#[test]
fn a_destination_rewritten_alone_leaves_the_pods_address_on_the_wire() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    scene
        .tcp("10.128.0.5:40001", "172.30.1.1:443")
        .at(veth("node1"))
        .routed()
        .dnat("203.0.113.25:443")
        .at(eth0("node1"))
        .handshake()
        .send(10);
    assert_eq!(scene.check(EXPECT).reason(40001), "pod-ip");
    assert_eq!(
        scene.check("--expect 10.128.0.5=>pod --expect 192.168.12.99").reason(40001),
        "expected-source"
    );
}

/// The cloud translates once more beyond the node.
fn beyond(scene: &mut Scene, far_source: &str) {
    pod(scene)
        .at(veth("node1"))
        .routed()
        .snat("192.168.12.99:40001")
        .at(eth0("node1"))
        .routed()
        .snat(far_source)
        .at(ethernet("far", GATEWAY, FAR))
        .handshake()
        .send(100)
        .close();
}

#[test]
fn a_second_nat_beyond_the_node_is_reported_beside_the_verdict() {
    let mut scene = Scene::new();
    beyond(&mut scene, "198.51.100.1:7777");
    let run = scene.check(&format!("{EXPECT} --role far=remote"));
    let row = run.row(40001);
    assert_eq!(row.reason.name(), "expected-source");
    let told: Vec<_> = row.wire_sources.iter().map(|s| (s.address.to_string(), s.boundary.name())).collect();
    assert_eq!(told, [("192.168.12.99".to_owned(), "uplink"), ("198.51.100.1".to_owned(), "remote")]);
    assert_eq!(scene.check(EXPECT).role("far"), Some("remote"), "by its lower TTL");
    assert_eq!(scene.check(EXPECT).reason(40001), "expected-source");
}

#[test]
fn what_the_far_side_must_see_is_judged_too() {
    let mut scene = Scene::new();
    beyond(&mut scene, "198.51.100.1:7777");
    let reason = |expected: &str| {
        scene.check(&format!("{EXPECT} --role far=remote --expect-remote {expected}")).reason(40001)
    };
    assert_eq!(reason("198.51.100.1"), "expected-source");
    assert_eq!(reason("198.51.100.2"), "unknown-source");
}

#[test]
fn a_far_side_that_must_be_right_and_was_not_captured_leaves_a_flow_undecided() {
    let mut scene = Scene::new();
    pod(&mut scene).at(veth("node1")).routed().snat("192.168.12.99:40001").at(eth0("node1")).handshake();
    assert_eq!(scene.check(&format!("{EXPECT} --expect-remote 198.51.100.1")).reason(40001), "wire-not-seen");
}

#[test]
fn what_the_far_side_alone_shows_proves_a_right_source_and_no_wrong_one() {
    let reason = |far_source: &str| {
        let mut scene = Scene::new();
        let in_pod = ethernet("pod", [2, 0, 0, 0, 0, 5], [2, 0, 0, 0, 0, 1]);
        pod(&mut scene).at(in_pod).ttl(60).snat(far_source).at(ethernet("far", GATEWAY, FAR)).handshake();
        scene.check(&format!("{EXPECT} --role far=remote")).reason(40001)
    };
    assert_eq!(reason("192.168.12.99:40001"), "expected-source");
    assert_eq!(reason("198.51.100.1:40001"), "wire-not-seen", "a NAT beyond the node may have done it");
    assert_eq!(reason("192.168.12.11:40001"), "node-ip");
}

#[test]
fn a_bond_and_its_port_show_one_flow_once() {
    let mut scene = Scene::new();
    pod(&mut scene)
        .at(veth("node1"))
        .routed()
        .snat("192.168.12.99:40001")
        .at(device("node1", 10, 4, 0))
        .at(eth0("node1"))
        .handshake()
        .send(100)
        .close();
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "expected-source");
    assert_eq!(run.row(40001).wire_sources.len(), 1);
}

#[test]
fn ipv6_flows_are_joined_without_an_identification() {
    let mut scene = Scene::new();
    scene
        .tcp("[fd00:10::5]:40001", "[2001:db8::25]:443")
        .at(veth("node1"))
        .at(bridge("node1"))
        .routed()
        .snat("[fd00:12::99]:40001")
        .at(eth0("node1"))
        .handshake()
        .send(100)
        .close();
    let of = |expected: &str| {
        scene
            .check_bare(&format!("--pod-ip fd00:10::/64 --node-ip fd00:12::11 --expect {expected}"))
            .reason(40001)
    };
    assert_eq!(of("fd00:12::99"), "expected-source");
    assert_eq!(of("fd00:12::98"), "unknown-source");
}

#[test]
fn timestamps_are_not_needed() {
    let mut scene = Scene::new();
    pod(&mut scene)
        .timestamp(None)
        .at(veth("node1"))
        .routed()
        .snat("192.168.12.99:40001")
        .at(eth0("node1"))
        .handshake()
        .send(100)
        .close();
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "expected-source");
    assert_eq!(run.row(40001).join.confidence.name(), "certain");
}

#[test]
fn a_hop_with_a_link_local_address_does_not_hide_what_left() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    pod(&mut scene)
        .at(veth("node1"))
        .routed()
        .snat("169.254.169.2:40001")
        .at(device("node1", 9, 4, 0))
        .routed()
        .snat("192.168.12.11:40001")
        .at(eth0("node1"))
        .handshake()
        .send(10);
    assert_eq!(scene.check(EXPECT).reason(40001), "node-ip");
}
