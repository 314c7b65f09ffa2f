//! Where there is no room for more flows: who goes, and what is said of those.

use egret::engine::{Lifetime, Room};
use egret::verdict::Verdict;

use crate::live::Live;
use crate::scene::{Flow, Run, Scene, eth0, veth};

const EXPECT: &str = "--expect 192.168.12.99";
const SECOND: i64 = 1000;

/// A run over files, or live, with room for so many tracks; a translated flow has two.
fn room(lifetime: Lifetime, tracks: usize) -> Lifetime {
    let flows = egret::flow::forget::Load { tracks, ..lifetime.room.flows };
    Lifetime { room: Room { flows, ..lifetime.room }, ..lifetime }
}

fn flow<'a>(scene: &'a mut Scene, port: u16, at: i64, source: &str) -> Flow<'a> {
    let flow = scene.tcp(&format!("10.128.0.5:{port}"), "203.0.113.25:443").time(at).at(veth("node1"));
    flow.routed().snat(&format!("{source}:{port}")).at(eth0("node1"))
}

const RIGHT: &str = "192.168.12.99";
const WRONG: &str = "192.168.12.11";

fn ports(run: &Run, verdict: Verdict) -> Vec<u16> {
    let rows = run.snapshot.rows.iter().filter(|row| row.verdict == verdict);
    rows.map(|row| row.origin.expect("an origin").port).collect()
}

#[test]
fn the_oldest_that_have_settled_go_first_and_count_as_they_stood() {
    let mut scene = Scene::new();
    flow(&mut scene, 50_000, 0, RIGHT).handshake().send(10);
    for n in 0..100 {
        let source = if n == 50 { WRONG } else { RIGHT };
        flow(&mut scene, 40_000 + n, i64::from(n) * 100, source).handshake().close();
    }
    for lifetime in [Lifetime::OFFLINE, Lifetime::LIVE] {
        let mut live = Live::of(&scene, EXPECT, room(lifetime, 80)).every(100);
        let run = live.until(20 * SECOND).end();
        let summary = run.snapshot.summary;
        assert_eq!((summary.flows, summary.pass, summary.fail, summary.evicted), (101, 100, 1, 0));
        assert!(run.snapshot.rows.len() <= 40, "{} rows", run.snapshot.rows.len());
        assert_eq!(run.snapshot.rows.len() as u64 + summary.expired, 101);
        assert!(ports(&run, Verdict::Pass).contains(&50_000), "it has not settled");
        assert!(ports(&run, Verdict::Pass).contains(&40_099), "it is the latest");
        assert_eq!(ports(&run, Verdict::Fail), [40_050]);
    }
}

#[test]
fn a_flow_that_goes_before_it_has_settled_stays_open_unless_it_had_failed() {
    let mut scene = Scene::new();
    for n in 0..100 {
        let source = if n % 10 == 7 { WRONG } else { RIGHT };
        flow(&mut scene, 40_000 + n, i64::from(n) * 100, source).handshake().send(10);
    }
    let run = Live::of(&scene, EXPECT, room(Lifetime::LIVE, 80)).every(100).until(20 * SECOND).end();
    let summary = run.snapshot.summary;
    assert_eq!((summary.flows, summary.fail, summary.exempt, summary.expired), (100, 10, 0, 0));
    assert!(summary.evicted >= 60, "{summary:?}");
    assert_eq!(run.snapshot.rows.len() as u64 + summary.evicted, 100);
    assert_eq!(summary.inconclusive, summary.evicted, "failures go last, and no failure had to go");
    assert_eq!(ports(&run, Verdict::Fail).len(), 10);
    let open = run.snapshot.problems.iter().find(|problem| problem.reason.name() == "capture-incomplete");
    let open = open.expect("it is said");
    assert_eq!(open.flows, summary.evicted);
    assert!(open.sentence.ends_with("were let go of before they had ended, for want of room"), "{open:?}");
    assert_eq!(run.verdict(), Verdict::Fail);
}

#[test]
fn while_other_files_are_to_come_no_flow_has_settled() {
    let mut scene = Scene::new();
    for n in 0..100 {
        flow(&mut scene, 40_000 + n, i64::from(n) * 100, RIGHT).at(eth0("node2")).handshake().close();
    }
    let run = Live::of(&scene, EXPECT, room(Lifetime::OFFLINE, 80)).every(100).until(20 * SECOND).end();
    assert!(run.snapshot.summary.evicted > 0 && run.snapshot.summary.expired == 0);
    assert_eq!(run.exit_status(), 3, "what went may have had more to it");
}

#[test]
fn a_port_scan_makes_a_bounded_number_of_groups() {
    let mut scene = Scene::new();
    for n in 0..500_u16 {
        let (port, server) = (40_000 + n, format!("203.0.113.25:{}", 1000 + n));
        let flow = scene.tcp(&format!("10.128.0.5:{port}"), &server).time(i64::from(n)).at(veth("node1"));
        flow.routed().snat(&format!("{RIGHT}:{port}")).at(eth0("node1")).syn().refuse();
    }
    let lifetime = Lifetime { room: Room { groups: 50, ..Lifetime::LIVE.room }, ..Lifetime::LIVE };
    let run = Live::of(&scene, EXPECT, lifetime).every(100).until(10 * SECOND).end();
    let groups = &run.snapshot.groups;
    assert_eq!(groups.iter().map(|group| group.flows).sum::<u64>(), 500);
    let rest: Vec<_> = groups.iter().filter(|group| group.destination.is_none()).collect();
    assert_eq!((groups.len(), rest.len(), rest[0].flows), (51, 1, 450));
    assert_eq!((run.snapshot.summary.pass, run.verdict()), (500, Verdict::Pass));
    assert_eq!(run.snapshot.expectations[0].pass, 500);
}

#[test]
fn groups_that_flows_have_left_make_room_for_others() {
    let mut scene = Scene::new();
    // Each is a group of its own while it is open, and of all others once it is closed.
    for n in 0..60_u16 {
        flow(&mut scene, 40_000 + n, i64::from(n) * 3000, RIGHT).syn().wait(1500).syn_ack().ack().close();
    }
    let lifetime = Lifetime { room: Room { groups: 3, ..Lifetime::LIVE.room }, ..Lifetime::LIVE };
    let mut live = Live::of(&scene, EXPECT, lifetime).every(500);
    for second in 0..200 {
        live.until(second * SECOND).status();
    }
    let run = live.end();
    assert!(run.snapshot.groups.iter().all(|group| group.destination.is_some()), "{:?}", run.snapshot.groups);
}
