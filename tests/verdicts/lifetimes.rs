//! Flows of a run that does not end: when they have settled, when they are let go of, and what is said of them then.

use egret::engine::{KEEP, Lifetime};
use egret::verdict::Verdict;

use crate::live::Live;
use crate::scene::{Flow, MS, Run, Scene, bridge, eth0, veth};

const EXPECT: &str = "--expect 192.168.12.99";
const NEVER: Lifetime = Lifetime { keep: None, ..Lifetime::LIVE };
const SECOND: i64 = 1000;
/// How long what has settled is held, in ms.
const HELD: i64 = KEEP / MS;

/// A pod's flow that leaves as it should, as it passes the node.
fn right(scene: &mut Scene, port: u16, at: i64) -> Flow<'_> {
    leaving(scene, port, at, "192.168.12.99")
}

/// One that leaves with the node's address.
fn wrong(scene: &mut Scene, port: u16, at: i64) -> Flow<'_> {
    leaving(scene, port, at, "192.168.12.11")
}

fn leaving<'a>(scene: &'a mut Scene, port: u16, at: i64, source: &str) -> Flow<'a> {
    let flow = scene.tcp(&format!("10.128.0.5:{port}"), "203.0.113.25:443").time(at);
    flow.at(veth("node1")).at(bridge("node1")).routed().snat(&format!("{source}:{port}")).at(eth0("node1"))
}

/// Of all kinds, for forty minutes: connections that pass and fail, refusals, silence, datagrams.
pub(crate) fn busy() -> Scene {
    let mut scene = Scene::new();
    for n in 0..240 {
        let (port, at) = (40_000 + n as u16, i64::from(n) * 10 * SECOND);
        match n % 8 {
            0 => drop(wrong(&mut scene, port, at).handshake().send(100).close()),
            1 => drop(right(&mut scene, port, at).syn().refuse()),
            2 => drop(right(&mut scene, port, at).syn().wait(1000).syn_again().wait(2000).syn_again()),
            3 => drop(right(&mut scene, port, at).handshake().send(100).rst_back()),
            4 => {
                let flow = scene.udp(&format!("10.128.0.6:{port}"), "203.0.113.53:53").time(at);
                let flow = flow.at(veth("node1")).routed().snat(&format!("192.168.12.99:{port}"));
                flow.at(eth0("node1")).ask().answer();
            }
            _ => drop(right(&mut scene, port, at).handshake().send(100).receive(500).close()),
        }
    }
    scene
}

/// What counts: of the run, of each expectation, of each group.
pub(crate) fn totals(run: &Run) -> Vec<String> {
    let snapshot = &run.snapshot;
    let egret::snapshot::Summary { flows, pass, fail, inconclusive, exempt, frames, .. } = snapshot.summary;
    let mut told =
        vec![format!("{:?} {:?}", snapshot.verdict, (flows, pass, fail, inconclusive, exempt, frames))];
    told.extend(snapshot.expectations.iter().map(|row| format!("{row:?}")));
    let mut groups: Vec<String> = snapshot
        .groups
        .iter()
        .map(|group| {
            let group = egret::snapshot::Group { example: String::new(), ..group.clone() };
            format!("{group:?}")
        })
        .collect();
    groups.sort();
    told.extend(groups);
    told
}

#[test]
fn what_is_let_go_of_counts_as_if_it_were_held() {
    let scene = busy();
    let end = 2500 * SECOND;
    let held = Live::of(&scene, EXPECT, NEVER).until(end).end();
    assert_eq!((held.snapshot.summary.expired, held.snapshot.rows.len()), (0, 240));
    for step in [100, 1000, 7000] {
        let run = Live::of(&scene, EXPECT, Lifetime::LIVE).every(step).until(end).end();
        assert_eq!(totals(&run), totals(&held), "ticks every {step} ms");
        let summary = run.snapshot.summary;
        assert!(summary.expired > 120, "{summary:?}");
        assert_eq!(run.snapshot.rows.len() as u64 + summary.expired, 240);
        assert_eq!((summary.evicted, run.exit_status()), (0, 1));
    }
}

#[test]
fn looking_changes_nothing_of_what_is_said_later() {
    let scene = busy();
    let unseen = Live::of(&scene, EXPECT, Lifetime::LIVE).until(2500 * SECOND).end();
    let mut watched = Live::of(&scene, EXPECT, Lifetime::LIVE);
    for second in 0..2500 {
        watched.until(second * SECOND).status();
        if second % 60 == 0 {
            watched.run();
        }
    }
    let watched = watched.until(2500 * SECOND).end();
    assert_eq!(format!("{watched:?}"), format!("{unseen:?}"));
}

#[test]
fn a_failure_and_every_groups_example_are_held() {
    let scene = busy();
    let run = Live::of(&scene, EXPECT, Lifetime::LIVE).until(2500 * SECOND).end();
    let failures = run.snapshot.rows.iter().filter(|row| row.verdict == Verdict::Fail).count();
    assert_eq!(failures as u64, run.snapshot.summary.fail, "thirty are few");
    for group in &run.snapshot.groups {
        assert!(run.snapshot.rows.iter().any(|row| row.id == group.example), "{group:?}");
    }
    let offline = scene.check(EXPECT);
    let sentences =
        |run: &Run| run.snapshot.problems.iter().map(|problem| problem.sentence.clone()).collect::<Vec<_>>();
    assert_eq!(sentences(&run), sentences(&offline), "it is explained as if all were held");
}

#[test]
fn of_many_failures_the_latest_are_held() {
    let scene = busy();
    let few = egret::engine::Room { failures: 5, ..Lifetime::LIVE.room };
    let run = Live::of(&scene, EXPECT, Lifetime { room: few, ..Lifetime::LIVE }).until(3500 * SECOND).end();
    let mut failures: Vec<u16> = Vec::new();
    for row in run.snapshot.rows.iter().filter(|row| row.verdict == Verdict::Fail) {
        failures.push(row.origin.expect("an origin").port);
    }
    assert_eq!(failures, [40_000, 40_200, 40_208, 40_216, 40_224, 40_232], "the example, and five");
    assert_eq!(run.snapshot.summary.fail, 30);
}

#[test]
fn a_connection_that_stands_is_held_however_quiet_it_is() {
    let mut scene = busy();
    right(&mut scene, 50_000, 0).handshake().send(100).wait(3000 * SECOND).send(100).close();
    let run = Live::of(&scene, EXPECT, Lifetime::LIVE).until(3100 * SECOND).end();
    assert_eq!(run.row(50_000).reason.name(), "expected-source");
    assert_eq!(run.snapshot.summary.flows, 241);
}

/// A capture that goes on beside a flow, so that there is a clock.
fn with_neighbour(scene: &mut Scene) {
    right(scene, 50_999, 0).handshake().send(10);
}

/// Whether the flow of this port has settled, at each of these times in ms.
fn settled(scene: &Scene, port: u16, times: &[i64]) -> Vec<bool> {
    let mut live = Live::of(scene, EXPECT, Lifetime::LIVE).every(100);
    times.iter().map(|ms| live.until(*ms).run().row(port).settled).collect()
}

#[test]
fn a_flow_has_settled_two_seconds_after_both_sides_closed() {
    let mut scene = Scene::new();
    with_neighbour(&mut scene);
    right(&mut scene, 40_001, 1000).handshake().close();
    assert_eq!(settled(&scene, 40_001, &[1100, 2500, 3500]), [false, false, true]);
    assert_eq!(settled(&scene, 50_999, &[100, 3_500, 600_000]), [false; 3], "its connection stands");
}

#[test]
fn a_side_that_closed_alone_settles_nothing() {
    let mut scene = Scene::new();
    with_neighbour(&mut scene);
    right(&mut scene, 40_001, 1000).handshake().fin().acknowledge();
    assert_eq!(settled(&scene, 40_001, &[1100, 3500, 600_000]), [false; 3]);
}

#[test]
fn silence_has_settled_two_seconds_after_a_retry_and_three_without() {
    let mut scene = Scene::new();
    with_neighbour(&mut scene);
    right(&mut scene, 40_001, 1000).syn();
    right(&mut scene, 40_002, 1000).syn().wait(1000).syn_again();
    assert_eq!(settled(&scene, 40_001, &[2000, 3900, 4100]), [false, false, true]);
    assert_eq!(settled(&scene, 40_002, &[2000, 3900, 4100]), [false, false, true]);
}

#[test]
fn a_retry_after_that_unsettles_it_again() {
    let mut scene = Scene::new();
    with_neighbour(&mut scene);
    right(&mut scene, 40_001, 1000).syn().wait(1000).syn_again().wait(4000).syn_again();
    assert_eq!(settled(&scene, 40_001, &[3000, 4500, 6500, 8500]), [false, true, false, true]);
}

#[test]
fn datagrams_have_settled_once_they_were_answered() {
    let mut scene = Scene::new();
    with_neighbour(&mut scene);
    let udp = |scene: &mut Scene, port: u16| {
        let flow = scene.udp(&format!("10.128.0.6:{port}"), "203.0.113.53:53").time(1000);
        let flow = flow.at(veth("node1")).routed().snat(&format!("192.168.12.99:{port}"));
        flow.at(eth0("node1")).ask();
    };
    udp(&mut scene, 40_001);
    assert_eq!(settled(&scene, 40_001, &[1100, 3500, 4100]), [false, false, true]);
}

#[test]
fn the_status_tells_how_many_have_not_settled() {
    let mut scene = Scene::new();
    with_neighbour(&mut scene);
    right(&mut scene, 40_001, 1000).handshake().close();
    let mut live = Live::of(&scene, EXPECT, Lifetime::LIVE).every(100);
    let mut status = |ms| {
        let status = live.until(ms).status();
        (status.held, status.unsettled, status.summary.pass, status.verdict)
    };
    assert_eq!(status(1100), (2, 2, 2, Verdict::Pass));
    assert_eq!(status(9000), (2, 1, 2, Verdict::Pass));
    assert_eq!(live.end().snapshot.rows.iter().filter(|row| row.settled).count(), 2);
}

#[test]
fn packets_of_a_flow_that_was_let_go_of_are_a_flow_of_their_own() {
    let mut scene = busy();
    // The examples of its group, which are held, are others.
    let late = |scene: &mut Scene, pause: i64| {
        right(scene, 50_000, 100 * SECOND)
            .handshake()
            .close()
            .wait(pause)
            .turns_into(2, "10.128.0.5:50000")
            .rst();
    };
    late(&mut scene, HELD / 2);
    let run = Live::of(&scene, EXPECT, Lifetime::LIVE).until(2500 * SECOND).end();
    assert_eq!(run.reason(50_000), "stray-pod-ip", "while its flow is held, a stray is that flow's");

    let mut scene = busy();
    late(&mut scene, 3 * HELD);
    let run = Live::of(&scene, EXPECT, Lifetime::LIVE).until(2500 * SECOND).end();
    assert_eq!(run.snapshot.summary.flows, 242);
    assert_eq!(run.row(50_000).wire.expect("a wire").address.to_string(), "10.128.0.5");
    assert_ne!(run.row(50_000).verdict, Verdict::Pass);
}

#[test]
fn a_tuple_that_is_used_again_after_that_is_a_flow_of_its_own() {
    let mut scene = busy();
    for n in 0..4 {
        let flow = right(&mut scene, 50_000, n * 2 * HELD).isn(1000 + n as u32, 70_000 + n as u32);
        flow.ip_id(100 + n as u16).handshake().send(50).close();
    }
    let run = Live::of(&scene, EXPECT, Lifetime::LIVE).until(2500 * SECOND).end();
    assert_eq!((run.snapshot.summary.flows, run.snapshot.summary.fail), (244, 30));
    assert_eq!(run.snapshot.summary.inconclusive, 0);
}

#[test]
fn one_absurd_time_of_a_frame_lets_go_of_nothing() {
    for absurd in [10 * 365 * 86_400 * SECOND, -10 * 365 * 86_400 * SECOND] {
        let mut scene = Scene::new();
        for n in 0..50 {
            right(&mut scene, 40_000 + n, i64::from(n) * SECOND).handshake().close();
        }
        let mut live = Live::of(&scene, EXPECT, Lifetime::LIVE);
        let status = live.until(30 * SECOND).told_wrong(0, absurd).until(60 * SECOND).status();
        assert_eq!((status.summary.expired, status.held), (0, 50), "{absurd}");
        let run = live.until(60 * SECOND).run();
        assert_eq!((run.snapshot.summary.flows, run.snapshot.rows.len()), (50, 50));
    }
}

#[test]
fn a_flow_that_lives_is_held_whatever_its_first_time_was() {
    let mut scene = Scene::new();
    let mut flow = right(&mut scene, 40_001, 0).handshake();
    for _ in 0..20 {
        flow = flow.send(10).wait(100 * SECOND);
    }
    flow.close();
    let mut live = Live::of(&scene, EXPECT, Lifetime::LIVE);
    let run = live.told_wrong(0, -10 * 365 * 86_400 * SECOND).until(2500 * SECOND).end();
    assert_eq!(run.snapshot.summary.flows, 1);
    assert_eq!(run.reason(40_001), "expected-source");
}

#[test]
fn how_two_points_interleave_makes_no_difference() {
    let scene = |ahead: i64| {
        let mut scene = Scene::new();
        for n in 0..120_u16 {
            let flow = scene.tcp(&format!("10.128.0.5:{}", 40_000 + n), "203.0.113.25:443");
            let flow = flow.time(i64::from(n) * 10 * SECOND).at(veth("node1")).routed();
            let source = if n % 10 == 3 { "192.168.12.11" } else { "192.168.12.99" };
            let flow =
                flow.snat(&format!("{source}:{}", 40_000 + n)).at(eth0("node1")).ttl(62).at(eth0("node2"));
            flow.handshake().send(10).close();
        }
        scene.clock_ahead(eth0("node2"), ahead * MS);
        scene
    };
    for ahead in [0, 200 * SECOND] {
        let scene = scene(ahead);
        let held = Live::of(&scene, EXPECT, NEVER).until(1500 * SECOND).end();
        for step in [1000, 20_000] {
            let run = Live::of(&scene, EXPECT, Lifetime::LIVE).every(step).until(1500 * SECOND).end();
            assert_eq!(totals(&run), totals(&held));
            assert!(run.snapshot.summary.expired > 50, "{:?}", run.snapshot.summary);
        }
    }
}

#[test]
fn over_files_nothing_is_let_go_of_by_time() {
    let run = busy().check(EXPECT);
    assert_eq!((run.snapshot.summary.expired, run.snapshot.rows.len()), (0, 240));
}
