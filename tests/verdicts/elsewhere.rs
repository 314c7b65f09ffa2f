//! Answers that come to somebody who did not ask, because another node claims the address.

use crate::scene::{
    Flow, GATEWAY, MS, Run, Scene, Sight, WORKER1, WORKER2, bridge, eth0, eth1, ethernet, veth,
};

const EXPECT: &str = "--expect 192.168.12.99";
const UPLINK: usize = 2;
/// Where the client's packets never pass.
const OTHER: usize = 3;

/// A pod's flow that leaves node1, and where else its answers may come.
fn flow(scene: &mut Scene, is_udp: bool, other: Sight) -> Flow<'_> {
    let (client, server) = ("10.128.0.5:40001", "203.0.113.25:443");
    let flow = if is_udp { scene.udp(client, server) } else { scene.tcp(client, server) };
    flow.at(veth("node1"))
        .at(bridge("node1"))
        .routed()
        .snat("192.168.12.99:40001")
        .at(eth0("node1"))
        .at(other)
}

/// What egret says beside a neighbour that is answered, in whatever order points are read.
fn told(is_udp: bool, other: Sight, story: impl FnOnce(Flow<'_>)) -> Run {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    scene.clock_ahead(eth0("node2"), 7_000 * MS);
    story(flow(&mut scene, is_udp, other).time(100));
    scene.ends_abruptly();
    let run = scene.check(EXPECT);
    scene.read_backwards();
    let backwards = scene.check(EXPECT);
    assert_eq!(backwards.outcome(40001), run.outcome(40001));
    assert_eq!(backwards.row(40001).explanation, run.row(40001).explanation);
    run
}

fn outcome(other: Sight, story: impl FnOnce(Flow<'_>)) -> &'static str {
    told(false, other, story).outcome(40001)
}

/// Packets of the client pass its own way, the server's the other.
fn asks(flow: Flow<'_>) -> Flow<'_> {
    flow.hide(OTHER)
}

fn hears_elsewhere(flow: Flow<'_>) -> Flow<'_> {
    flow.show(OTHER).hide(0).hide(1).hide(UPLINK)
}

fn asks_again(flow: Flow<'_>) -> Flow<'_> {
    asks(flow.show(0).show(1).show(UPLINK))
}

#[test]
fn an_answer_that_comes_to_another_node_again_and_again_is_no_reply() {
    let run = told(false, eth0("node2"), |flow| {
        let flow = asks_again(hears_elsewhere(asks(flow).syn()).syn_ack().wait(1000));
        hears_elsewhere(flow.syn_again()).syn_ack_again();
    });
    assert_eq!(run.outcome(40001), "no-reply");
    assert_eq!(run.reason(40001), "expected-source");
    let said = "the answer to 2 SYNs within 1.0 s came to node2/#2 alone";
    assert!(run.row(40001).explanation.contains(said), "{}", run.row(40001).explanation);
    assert!(run.row(40001).next_step.as_ref().unwrap().contains("192.168.12.99"));
}

#[test]
fn an_answer_at_another_device_that_the_client_asked_again_after_is_no_reply() {
    let story =
        |flow: Flow<'_>| drop(asks_again(hears_elsewhere(asks(flow).syn()).syn_ack().wait(1000)).syn_again());
    assert_eq!(outcome(eth1("node1"), story), "no-reply");
}

#[test]
fn three_seconds_of_waiting_for_what_came_elsewhere_are_no_reply() {
    let after = |quiet: i64| {
        let mut scene = Scene::new();
        scene.neighbour("node1");
        hears_elsewhere(asks(flow(&mut scene, false, eth0("node2")).time(100)).syn()).syn_ack();
        scene.tcp("10.128.0.6:40002", "203.0.113.25:443").at(veth("node1")).time(quiet).handshake();
        scene.ends_abruptly();
        scene.check(EXPECT).outcome(40001)
    };
    assert_eq!(after(3200), "no-reply");
    assert_eq!(after(2900), "established");
}

#[test]
fn whether_one_answer_on_another_clock_came_before_the_retry_is_not_guessed() {
    let story = |flow: Flow<'_>| drop(hears_elsewhere(asks(flow).syn().wait(1000).syn_again()).syn_ack());
    assert_eq!(outcome(eth0("node2"), story), "established");
    assert_eq!(outcome(eth1("node1"), story), "established", "it came after the retry");
}

#[test]
fn an_answer_that_the_client_acknowledges_reached_it() {
    let story = |flow: Flow<'_>| {
        let flow = hears_elsewhere(asks(flow).syn().wait(1000).syn_again()).syn_ack().wait(1000);
        drop(asks_again(flow.syn_ack_again()).ack().wait(4000).ack());
    };
    assert_eq!(outcome(eth0("node2"), story), "established");
}

#[test]
fn an_answer_at_any_place_of_the_clients_way_is_one() {
    // The pod's link shows it; the uplink's capture missed it.
    let story =
        |flow: Flow<'_>| drop(asks(flow).syn().hide(UPLINK).syn_ack().show(UPLINK).wait(1000).syn_again());
    assert_eq!(outcome(eth0("node2"), story), "established");
}

#[test]
fn where_no_answers_are_seen_none_is_missed() {
    let mut scene = Scene::new();
    let flow = flow(&mut scene, false, eth0("node2"));
    asks_again(hears_elsewhere(asks(flow).syn()).syn_ack().wait(1000).syn_ack_again()).syn_again();
    assert_eq!(scene.check(EXPECT).outcome(40001), "established");
}

#[test]
fn datagrams_that_are_answered_to_another_node_get_no_reply() {
    let story = |flow: Flow<'_>| {
        let flow = hears_elsewhere(asks(flow).ask()).answer().wait(1000);
        drop(hears_elsewhere(asks_again(flow).ask()).answer());
    };
    let run = told(true, eth0("node2"), story);
    assert_eq!((run.reason(40001), run.outcome(40001)), ("expected-source", "no-reply"));
}

#[test]
fn datagrams_seen_outside_alone_may_be_answered_by_another_way() {
    let mut scene = Scene::new();
    let uplink = ethernet("node1", WORKER1, GATEWAY);
    let outside = |scene: &mut Scene, port: u16| {
        let client = format!("192.168.12.99:{port}");
        drop(scene.udp(&client, "203.0.113.25:443").ttl(63).at(uplink).ask().answer());
    };
    outside(&mut scene, 40009);
    let flow = scene.udp("192.168.12.99:40001", "203.0.113.25:443").ttl(63);
    let flow = flow.at(uplink).at(ethernet("node2", WORKER2, GATEWAY)).time(100);
    let flow = flow.hide(1).ask().show(1).hide(0).answer().wait(1000).answer();
    flow.show(0).hide(1).ask();
    assert_eq!(scene.check(EXPECT).outcome(40001), "established");
}

/// An answer to a port of node1, from an address that nobody asked.
fn unasked<'a>(scene: &'a mut Scene, client: &str, time: i64) -> Flow<'a> {
    scene.udp(client, "203.0.113.26:443").at(eth0("node1")).time(time).answer()
}

fn asks_the_first(scene: &mut Scene) -> Flow<'_> {
    let flow = scene.udp("10.128.0.5:40001", "203.0.113.25:443").at(veth("node1")).at(bridge("node1"));
    flow.routed().snat("192.168.12.99:40001").at(eth0("node1")).time(100).ask()
}

/// The verdict on what came from the second server, beside a neighbour that is answered.
fn verdict_on_unasked(story: impl FnOnce(&mut Scene)) -> (&'static str, &'static str) {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    story(&mut scene);
    let run = scene.check(EXPECT);
    let row = run.snapshot.rows.iter().find(|row| row.destination.address.to_string() == "203.0.113.26");
    let row = row.expect("a row for the second server");
    (row.verdict.name(), row.direction.name())
}

#[test]
fn an_answer_from_another_address_than_was_asked_is_no_flow_that_left() {
    let verdict = verdict_on_unasked(|scene| {
        asks_the_first(scene);
        unasked(scene, "192.168.12.99:40001", 110);
    });
    assert_eq!(verdict, ("exempt", "incoming"));
}

#[test]
fn who_is_answered_by_one_may_have_asked_another_by_another_way() {
    let verdict = verdict_on_unasked(|scene| {
        asks_the_first(scene).answer();
        unasked(scene, "192.168.12.99:40001", 110);
    });
    assert_eq!(verdict.0, "inconclusive");
}

#[test]
fn what_the_addressee_turns_away_was_not_asked_for() {
    let verdict = verdict_on_unasked(|scene| {
        unasked(scene, "192.168.12.99:40003", 110).turned_away();
    });
    assert_eq!(verdict, ("exempt", "incoming"));
}

#[test]
fn what_comes_to_a_pod_that_sends_other_things_was_not_asked_for() {
    let at = |time: i64| {
        verdict_on_unasked(|scene| {
            let flow = scene.udp("10.128.0.9:40003", "203.0.113.26:443").at(veth("node1"));
            flow.time(time).answer();
        })
    };
    assert_eq!(at(1100), ("exempt", "incoming"));
    assert_eq!(at(900).0, "inconclusive", "it may have been asked for before the capture began");
}

#[test]
fn an_answer_that_nothing_else_is_known_of_leaves_a_flow_undecided() {
    let verdict = verdict_on_unasked(|scene| drop(unasked(scene, "192.168.12.99:40003", 5000)));
    assert_eq!(verdict.0, "inconclusive");
}

#[test]
fn where_frames_were_lost_the_question_may_be_among_them() {
    let verdict = verdict_on_unasked(|scene| {
        asks_the_first(scene);
        unasked(scene, "192.168.12.99:40001", 110).turned_away();
        scene.dropped(eth0("node1"), 1);
    });
    assert_eq!(verdict.0, "inconclusive");
}
