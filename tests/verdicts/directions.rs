//! Who opened a flow towards whom: only what goes from inside to outside is judged.

use crate::scene::{Flow, GATEWAY, Scene, WORKER1, bridge, device, eth0, ethernet, into_eth0, veth};

const EXPECT: &str = "--expect 192.168.12.99";

/// A client outside asks a node port, which leads to a pod.
fn incoming<'a>(scene: &'a mut Scene, masquerades_as: Option<&str>) -> Flow<'a> {
    let flow = scene
        .tcp("198.51.100.7:52000", "192.168.12.11:30080")
        .ttl(57)
        .at(into_eth0("node1"))
        .routed()
        .dnat("10.128.0.5:8080");
    let flow = match masquerades_as {
        Some(source) => flow.snat(source),
        None => flow,
    };
    flow.at(device("node1", 5, 4, 0)).at(device("node1", 7, 4, 3))
}

#[test]
fn what_comes_in_by_a_node_port_is_not_judged() {
    for masquerade in [None, Some("10.128.0.1:33000"), Some("192.168.12.11:33000")] {
        let mut scene = Scene::new();
        scene.neighbour("node1");
        incoming(&mut scene, masquerade).handshake().send(50).receive(500).close();
        let run = scene.check(EXPECT);
        assert_eq!(run.row(52000).verdict.name(), "exempt", "{masquerade:?}");
        assert_eq!(run.exit_status(), 0);
    }
}

#[test]
fn what_comes_in_is_not_judged_where_nothing_is_known_of_the_cluster() {
    for masquerade in [None, Some("10.128.0.1:33000")] {
        let mut scene = Scene::new();
        scene.neighbour("node1");
        incoming(&mut scene, masquerade).handshake().send(50).receive(500).close();
        let run = scene.check_bare(EXPECT);
        assert_ne!(run.row(52000).verdict.name(), "fail", "{masquerade:?}");
        assert_ne!(run.row(52000).verdict.name(), "pass", "{masquerade:?}");
    }
}

#[test]
fn who_asks_from_outside_is_not_inside_for_having_been_translated() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    incoming(&mut scene, Some("10.128.0.1:33000")).handshake().close();
    scene
        .tcp("10.128.0.5:40001", "198.51.100.7:443")
        .at(veth("node1"))
        .routed()
        .snat("192.168.12.77:40001")
        .at(eth0("node1"))
        .time(100)
        .handshake();
    assert_eq!(scene.check_bare(EXPECT).reason(40001), "unknown-source");
}

#[test]
fn what_comes_in_to_an_address_nobody_declared_is_not_judged() {
    let mut scene = Scene::new();
    let wire = |source, destination| ethernet("wire", source, destination);
    scene.tcp("192.168.12.11:50001", "203.0.113.80:443").at(wire(WORKER1, GATEWAY)).handshake();
    scene
        .tcp("198.51.100.7:52000", "192.168.12.200:443")
        .ttl(57)
        .at(wire(GATEWAY, WORKER1))
        .routed()
        .dnat("10.128.0.5:8443")
        .at(ethernet("veth", [2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 5]))
        .handshake()
        .send(10);
    let run = scene.check("--expect 192.168.12.99");
    assert_eq!(run.row(52000).verdict.name(), "exempt");
}

/// The server behind the node's port speaks first, and neither port tells who is the server.
#[test]
fn answers_of_a_flow_whose_beginning_was_missed_are_no_leaving_flow() {
    let mut scene = Scene::new();
    let wire = |source, destination| ethernet("wire", source, destination);
    scene.tcp("192.168.12.11:50001", "203.0.113.80:443").at(wire(WORKER1, GATEWAY)).handshake();
    scene
        .tcp("198.51.100.7:20000", "192.168.12.11:30080")
        .ttl(57)
        .at(wire(GATEWAY, WORKER1))
        .receive(100)
        .send(10);
    let run = scene.check(EXPECT);
    assert_eq!(run.row(30080).direction.name(), "unknown");
    assert_eq!(run.reason(30080), "origin-unknown");
}

#[test]
fn a_known_port_tells_who_is_the_server_where_the_beginning_was_missed() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    scene
        .tcp("192.168.12.11:40001", "203.0.113.25:443")
        .ttl(63)
        .at(eth0("node1"))
        .time(20)
        .receive(100)
        .send(10);
    assert_eq!(scene.check("--expect 10.128.0.0/14=>192.168.12.99").reason(40001), "origin-unknown");
    let mut scene = Scene::new();
    let wire = ethernet("wire", WORKER1, GATEWAY);
    scene.tcp("192.168.12.11:40001", "203.0.113.25:443").ttl(63).at(wire).receive(100).send(10);
    assert_eq!(scene.check(EXPECT).reason(40001), "node-ip");
}

/// By their ports alone, the node would be the client here and its server's answers a leaving flow; and there, the far side
/// would be the client of what the node opened.
#[test]
fn ports_that_are_no_known_services_prove_nobody_the_client() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    scene.tcp("192.168.12.11:40080", "198.51.100.7:20000").at(eth0("node1")).time(100).send(100).receive(10);
    let run = scene.check(EXPECT);
    assert_eq!(run.row(40080).direction.name(), "unknown");
    assert_eq!(run.reason(40080), "origin-unknown");
    let mut scene = Scene::new();
    scene.neighbour("node1");
    scene
        .tcp("198.51.100.7:52000", "192.168.12.11:20000")
        .at(into_eth0("node1"))
        .time(100)
        .send(100)
        .receive(10);
    let run = scene.check(EXPECT);
    assert_eq!(run.row(52000).direction.name(), "unknown");
    assert_eq!(run.row(52000).verdict.name(), "inconclusive");
}

#[test]
fn a_known_service_that_was_asked_from_outside_is_no_leaving_flow() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    scene
        .tcp("198.51.100.7:52000", "192.168.12.11:443")
        .at(into_eth0("node1"))
        .time(100)
        .receive(100)
        .send(10);
    assert_eq!(scene.check(EXPECT).row(52000).direction.name(), "incoming");
}

/// Behind a Service the port is another one; what the client asked for is enough.
#[test]
fn a_known_service_tells_the_client_of_every_track_of_a_flow() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    scene
        .tcp("10.128.0.5:40001", "172.30.0.9:443")
        .at(veth("node1"))
        .routed()
        .dnat("203.0.113.25:8443")
        .snat("192.168.12.11:40001")
        .at(eth0("node1"))
        .time(100)
        .send(100)
        .receive(10);
    let run = scene.check(EXPECT);
    assert_eq!(run.row(40001).direction.name(), "outgoing");
    assert_eq!(run.reason(40001), "node-ip");
}

#[test]
fn what_stays_inside_is_not_judged() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    scene.tcp("10.128.0.5:40001", "10.129.0.8:8080").at(veth("node1")).at(bridge("node1")).handshake();
    scene
        .tcp("10.128.0.5:40002", "192.168.12.12:10250")
        .at(veth("node1"))
        .routed()
        .snat("192.168.12.11:40002")
        .at(eth0("node1"))
        .handshake();
    let run = scene.check(EXPECT);
    assert_eq!(run.reason(40001), "cluster-internal");
    assert_eq!(run.reason(40002), "cluster-internal");
}

#[test]
fn private_addresses_are_not_inside_by_themselves() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    scene
        .tcp("10.128.0.5:40001", "10.200.1.1:443")
        .at(veth("node1"))
        .routed()
        .snat("192.168.12.77:40001")
        .at(eth0("node1"))
        .handshake();
    assert_eq!(scene.check(EXPECT).reason(40001), "unknown-source");
    assert_eq!(scene.check(&format!("{EXPECT} --inside 10.200.0.0/16")).reason(40001), "cluster-internal");
}

#[test]
fn loopback_and_link_local_are_never_judged() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    let ends = [
        ("127.0.0.1:40001", "127.0.0.1:443"),
        ("10.128.0.5:40002", "169.254.169.254:80"),
        ("169.254.3.4:40003", "203.0.113.25:443"),
        ("10.128.0.5:40004", "224.0.0.251:5353"),
    ];
    for (source, destination) in ends {
        scene.tcp(source, destination).at(device("node1", 1, 0, 4)).at(eth0("node1")).handshake();
    }
    let run = scene.check(EXPECT);
    for port in 40001..=40004 {
        assert_eq!(run.reason(port), "cluster-internal");
    }
}
