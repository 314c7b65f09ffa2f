//! Which flows an expression selects: those of which any frame matches, on whichever leg.

use egret::engine::Lifetime;

use crate::joins_by_packets::{first_fragment, pass, second_fragment, seen, way};
use crate::lifetimes::{busy, totals};
use crate::live::Live;
use crate::scene::{Flow, Run, Scene, bridge, eth0, veth};

const EXPECT: &str = "--expect 192.168.12.99";

/// A pod's flow, as it passes the node and leaves.
fn leaving<'a>(scene: &'a mut Scene, pod: &str, source: &str) -> Flow<'a> {
    let flow = scene.tcp(pod, "203.0.113.25:443");
    flow.at(veth("node1")).at(bridge("node1")).routed().snat(source).at(eth0("node1"))
}

/// The ports of the pods whose flows are selected.
fn ports(run: &Run) -> Vec<u16> {
    let mut ports: Vec<u16> =
        run.snapshot.rows.iter().filter_map(|row| row.origin).map(|origin| origin.port).collect();
    ports.sort_unstable();
    ports
}

/// Two pods' flows: one leaves as it should and is reset, one leaves with the node's address and is closed.
fn two() -> Scene {
    let mut scene = Scene::new();
    leaving(&mut scene, "10.128.0.5:40001", "192.168.12.99:61001").handshake().send(100).rst_back();
    leaving(&mut scene, "10.128.0.6:40002", "192.168.12.11:61002").handshake().send(100).close();
    scene
}

fn selected(expression: &str) -> Vec<u16> {
    ports(&two().check(&format!("{EXPECT} {expression}")))
}

#[test]
fn a_flow_is_selected_by_a_frame_of_any_leg() {
    assert_eq!(selected("src host 192.168.12.99"), [40001], "behind the NAT");
    assert_eq!(selected("dst port 40002"), [40002], "before it, on the way back");
    assert_eq!(selected("host 203.0.113.25"), [40001, 40002]);
    assert!(selected("port 80").is_empty());
}

#[test]
fn a_single_frame_suffices() {
    assert_eq!(selected("tcp[tcpflags] & tcp-rst != 0"), [40001]);
    assert_eq!(selected("tcp[tcpflags] & tcp-fin != 0"), [40002]);
}

#[test]
fn a_selected_flow_is_judged_by_all_of_its_frames() {
    let run = two().check(&format!("{EXPECT} src host 10.128.0.6 and tcp[tcpflags] & tcp-syn != 0"));
    assert_eq!(run.reason(40002), "node-ip", "its leg behind the NAT matches nothing, and is seen");
    assert_eq!((run.snapshot.summary.flows, run.snapshot.summary.fail, run.exit_status()), (1, 1, 1));
}

#[test]
fn what_is_not_selected_counts_nowhere() {
    let run = two().check(&format!("{EXPECT} src host 192.168.12.99"));
    let summary = run.snapshot.summary;
    assert_eq!((summary.flows, summary.pass, summary.fail, run.exit_status()), (1, 1, 0, 0));
}

#[test]
fn options_and_expression_must_both_be_met_if_not_by_one_frame() {
    assert_eq!(selected("--src 10.128.0.5 src host 192.168.12.99"), [40001]);
    assert!(selected("--src 10.128.0.6 src host 192.168.12.99").is_empty());
}

#[test]
fn an_icmp_error_counts_for_the_flow_that_it_is_about() {
    let mut scene = two();
    leaving(&mut scene, "10.128.0.7:40003", "192.168.12.99:61003").syn().error("198.51.100.1", 3, 1);
    assert_eq!(ports(&scene.check(&format!("{EXPECT} icmp"))), [40003]);
    assert_eq!(
        ports(&scene.check(&format!("{EXPECT} host 198.51.100.1"))),
        [40003],
        "the router that sent it"
    );
}

#[test]
fn a_later_fragment_counts_for_the_flow_of_its_first() {
    for is_tail_first in [false, true] {
        let mut scene = two();
        let way = way(eth0("node1"), "10.128.0.7:40003", "192.168.12.99:61003", "203.0.113.25:9000");
        let times = if is_tail_first { [2_000, 0] } else { [0, 2_000] };
        pass(&mut scene, times[0], &way, true, 8, first_fragment);
        pass(&mut scene, times[1], &way, true, 8, second_fragment);
        let run = scene.check(&format!("{EXPECT} ip[6:2] & 0x1fff != 0"));
        assert_eq!(ports(&run), [40003], "the tail first: {is_tail_first}");
    }
}

#[test]
fn a_later_fragment_alone_at_its_place_counts_for_the_flow_of_its_first() {
    let mut scene = two();
    let way = way(eth0("node1"), "10.128.0.7:40003", "192.168.12.99:61003", "203.0.113.25:9000");
    pass(&mut scene, 0, &way[..1], true, 8, first_fragment);
    let elsewhere = [seen(bridge("node1"), "10.128.0.7:40003", "203.0.113.25:9000", 64)];
    pass(&mut scene, 2_000, &elsewhere, true, 8, second_fragment);
    assert_eq!(ports(&scene.check(&format!("{EXPECT} ip[6:2] & 0x1fff != 0"))), [40003]);
}

#[test]
fn what_is_let_go_of_counts_as_if_it_were_held_where_an_expression_selects() {
    let scene = busy();
    let end = 2_500_000;
    let never = Lifetime { keep: None, ..Lifetime::LIVE };
    for expression in ["tcp[tcpflags] & tcp-rst != 0", "udp", "src host 192.168.12.11", "len > 500"] {
        let options = format!("{EXPECT} {expression}");
        let held = Live::of(&scene, &options, never).until(end).end();
        let run = Live::of(&scene, &options, Lifetime::LIVE).until(end).end();
        assert_eq!(totals(&run), totals(&held), "{expression}");
        assert!((1..240).contains(&held.snapshot.summary.flows), "{expression}: {:?}", held.snapshot.summary);
    }
}
