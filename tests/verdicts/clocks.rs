//! Points whose clocks disagree: how far, and what follows from it (nothing).

use crate::scene::{Flow, MS, Scene, eth0, ethernet, veth};

const EXPECT: &str = "--expect 192.168.12.99";
const HOURS: i64 = 3 * 3_600_000 * MS;

/// A pod's own capture and its node's, hours apart.
fn way(scene: &mut Scene, is_udp: bool, port: u16) -> Flow<'_> {
    let client = format!("10.128.0.5:{port}");
    scene.clock_ahead(ethernet("pod", [2, 0, 0, 0, 0, 5], [2, 0, 0, 0, 0, 1]), HOURS);
    let flow =
        if is_udp { scene.udp(&client, "203.0.113.25:53") } else { scene.tcp(&client, "203.0.113.25:443") };
    flow.at(veth("node1"))
        .at(ethernet("pod", [2, 0, 0, 0, 0, 5], [2, 0, 0, 0, 0, 1]))
        .routed()
        .snat(&format!("192.168.12.99:{port}"))
        .at(eth0("node1"))
}

fn apart(scene: &Scene) -> Option<i64> {
    let run = scene.check(EXPECT);
    let of = |name: &str| {
        let point = run.snapshot.points.iter().find(|point| point.name == name);
        point.expect("a point of the scene").clock_offset_ns
    };
    of("pod").zip(of("node1")).map(|(pod, node)| pod - node)
}

#[test]
fn datagrams_and_what_was_captured_from_its_middle_tell_how_far_clocks_are_apart() {
    let stories: [fn(&mut Scene); 3] = [
        |scene| drop(way(scene, false, 40001).handshake().send(10)),
        |scene| drop(way(scene, false, 40001).send(10).receive(10).send(10)),
        |scene| drop(way(scene, true, 40001).ask().answer()),
    ];
    for story in stories {
        let mut scene = Scene::new();
        story(&mut scene);
        let apart = apart(&scene).expect("an offset");
        assert!((apart - HOURS).abs() < MS, "{apart}");
    }
}

#[test]
fn a_flow_of_which_one_point_missed_the_beginning_says_nothing_of_clocks() {
    let mut scene = Scene::new();
    way(&mut scene, false, 40001).hide(1).send(10).wait(60_000).show(1).send(10).receive(10);
    assert_eq!(apart(&scene), None);
}

#[test]
fn hours_between_clocks_change_no_verdict() {
    let mut scene = Scene::new();
    way(&mut scene, false, 40001).handshake().send(10).receive(10).close();
    assert_eq!(scene.check(EXPECT).reason(40001), "expected-source");
}
