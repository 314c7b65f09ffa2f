//! What a run as a whole says.

use crate::scene::{Scene, eth0, veth};
use egret::verdict::Verdict;

fn leaving(scene: &mut Scene, port: u16, source: &str) {
    scene
        .tcp(&format!("10.128.0.5:{port}"), "203.0.113.25:443")
        .at(veth("node1"))
        .routed()
        .snat(&format!("{source}:{port}"))
        .at(eth0("node1"))
        .handshake()
        .send(10)
        .close();
}

#[test]
fn a_run_passes_if_all_judged_flows_pass() {
    let mut scene = Scene::new();
    leaving(&mut scene, 40001, "192.168.12.99");
    leaving(&mut scene, 40002, "192.168.12.99");
    let run = scene.check("--expect 192.168.12.99");
    assert_eq!((run.verdict(), run.exit_status()), (Verdict::Pass, 0));
}

#[test]
fn one_failure_outweighs_everything() {
    let mut scene = Scene::new();
    leaving(&mut scene, 40001, "192.168.12.99");
    leaving(&mut scene, 40002, "192.168.12.11");
    scene.tcp("10.128.0.6:40003", "203.0.113.25:443").at(veth("node1")).syn();
    let run = scene.check("--expect 192.168.12.99");
    assert_eq!((run.verdict(), run.exit_status()), (Verdict::Fail, 1));
}

#[test]
fn what_cannot_be_decided_keeps_a_run_from_passing() {
    let mut scene = Scene::new();
    leaving(&mut scene, 40001, "192.168.12.99");
    scene.tcp("10.128.0.6:40003", "203.0.113.25:443").at(veth("node1")).syn();
    let run = scene.check("--expect 192.168.12.99");
    assert_eq!((run.verdict(), run.exit_status()), (Verdict::Inconclusive, 3));
}

#[test]
fn an_expectation_that_no_flow_met_keeps_a_run_from_passing() {
    let mut scene = Scene::new();
    leaving(&mut scene, 40001, "192.168.12.99");
    let run = scene.check("--expect 10.128.0.6=>192.168.12.99 --expect 192.168.12.99");
    let row = &run.snapshot.expectations[0];
    assert_eq!(
        (row.verdict, row.reason.map(egret::verdict::Reason::name)),
        (Verdict::Inconclusive, Some("no-flow"))
    );
    assert_eq!(run.exit_status(), 3);
}

#[test]
fn an_optional_expectation_need_not_be_met() {
    let mut scene = Scene::new();
    leaving(&mut scene, 40001, "192.168.12.99");
    scene.policy(
        "expectations:\n  - { name: seldom, from: { pods: [10.128.0.6] }, source: [192.168.12.98], optional: true }\n",
    );
    assert_eq!(scene.check("--expect 10.128.0.5=>192.168.12.99").exit_status(), 0);
}

#[test]
fn a_run_in_which_nothing_was_judged_is_no_pass() {
    let mut scene = Scene::new();
    leaving(&mut scene, 40001, "192.168.12.99");
    let run = scene.check("");
    assert_eq!((run.verdict(), run.exit_status()), (Verdict::Exempt, 3));
}

#[test]
fn the_same_frames_give_the_same_rows_in_whatever_order_points_are_read() {
    let told = |read_backwards: bool| {
        let mut scene = Scene::new();
        scene.neighbour("node1");
        scene.neighbour("node2");
        leaving(&mut scene, 40001, "192.168.12.11");
        if read_backwards {
            scene.read_backwards();
        }
        let mut told: Vec<_> = scene
            .check("--expect 192.168.12.99")
            .snapshot
            .rows
            .iter()
            .map(|row| (row.legs[0].source.to_string(), row.legs.len(), row.reason, row.outcome))
            .collect();
        told.sort();
        told
    };
    assert_eq!(told(false), told(true));
}
