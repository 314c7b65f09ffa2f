//! What became of a flow, whatever its verdict.

use crate::frame::{RST, tcp};
use crate::scene::{Flow, MS, Scene, bridge, cooked_in, cooked_out, cooked_passing, eth0, veth};

const EXPECT: &str = "--expect 192.168.12.99";

fn flow(scene: &mut Scene) -> Flow<'_> {
    scene
        .tcp("10.128.0.5:40001", "203.0.113.25:443")
        .at(veth("node1"))
        .at(bridge("node1"))
        .routed()
        .snat("192.168.12.99:40001")
        .at(eth0("node1"))
}

/// The outcome of a flow beside a neighbour that is answered.
fn outcome(story: impl FnOnce(Flow<'_>) -> Flow<'_>) -> &'static str {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    story(flow(&mut scene));
    scene.check(EXPECT).outcome(40001)
}

#[test]
fn a_syn_that_was_answered_is_established() {
    assert_eq!(outcome(|flow| flow.handshake().wait(1)), "established");
    assert_eq!(outcome(|flow| flow.handshake().send(10).receive(10).close()), "established");
    assert_eq!(outcome(|flow| flow.syn().wait(1000).syn_again().syn_ack()), "established");
}

#[test]
fn a_syn_that_carries_data_is_answered_with_it_or_without() {
    assert_eq!(outcome(|flow| flow.syn_with(100).syn_ack().ack().receive(10).close()), "established");
    assert_eq!(
        outcome(|flow| flow.syn_with(100).rewind(100).syn_ack().ack().send(100).close()),
        "established"
    );
    assert_eq!(outcome(|flow| flow.syn_with(100).refuse()), "refused");
    let mut scene = Scene::new();
    flow(&mut scene).syn_with(100).syn_ack().ack().receive(10).close();
    assert_eq!(scene.check(EXPECT).snapshot.rows.len(), 1);
}

#[test]
fn data_sent_again_that_nobody_acknowledges_is_stalled() {
    assert_eq!(outcome(|flow| flow.handshake().send_in_vain(1400).wait(300).send_again(1400)), "stalled");
}

#[test]
fn data_sent_again_and_then_acknowledged_is_no_stall() {
    assert_eq!(
        outcome(|flow| flow.handshake().send_in_vain(1400).send_again(1400).receive(5)),
        "established"
    );
}

#[test]
fn data_without_acknowledgement_is_stalled_after_three_seconds_of_later_capture() {
    let at = |quiet: i64| {
        let mut scene = Scene::new();
        flow(&mut scene).handshake().send_in_vain(1400);
        scene.tcp("10.128.0.6:40002", "203.0.113.25:443").at(veth("node1")).time(quiet).handshake();
        scene.ends_abruptly();
        scene.check(EXPECT).outcome(40001)
    };
    assert_eq!(at(3100), "stalled");
    assert_eq!(at(2900), "established");
}

#[test]
fn answers_that_the_client_never_acknowledges_are_a_stall_too() {
    let mut scene = Scene::new();
    flow(&mut scene).handshake().send(10).receive_in_vain(1400);
    scene.tcp("10.128.0.6:40002", "203.0.113.25:443").at(veth("node1")).time(4000).handshake();
    assert_eq!(scene.check(EXPECT).outcome(40001), "stalled");
}

#[test]
fn a_retry_that_nobody_answers_is_no_reply() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    flow(&mut scene).syn().wait(1000).syn_again().wait(2000).syn_again();
    let run = scene.check(EXPECT);
    assert_eq!(run.outcome(40001), "no-reply");
    let times = &run.row(40001).syn_times;
    let apart: Vec<_> = times.windows(2).map(|pair| (pair[1] - pair[0]) / MS).collect();
    assert_eq!(apart, [1000, 2000]);
    assert!(run.row(40001).explanation.contains("nobody answered"));
}

#[test]
fn silence_is_no_reply_after_three_seconds_of_later_capture() {
    let at = |quiet: i64| {
        let mut scene = Scene::new();
        scene.neighbour("node1");
        flow(&mut scene).time(10).syn();
        scene.tcp("10.128.0.6:40002", "203.0.113.25:443").at(veth("node1")).time(quiet).handshake();
        scene.ends_abruptly();
        scene.check(EXPECT).outcome(40001)
    };
    assert_eq!(at(3020), "no-reply");
    assert_eq!(at(2990), "pending");
}

#[test]
fn one_absurd_time_is_no_silence() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    flow(&mut scene).time(10).syn();
    flow(&mut scene).time(20);
    let stray = tcp("10.128.0.7:40007", "203.0.113.25:443").segment(RST, 5, 0);
    scene.put(900_000_000 * MS, eth0("node1"), &stray, None, true);
    scene.ends_abruptly();
    assert_eq!(scene.check(EXPECT).outcome(40001), "pending");
}

#[test]
fn where_no_reply_could_have_been_seen_a_flow_is_pending() {
    let mut scene = Scene::new();
    flow(&mut scene).syn().wait(1000).syn_again().wait(2000).syn_again();
    assert_eq!(scene.check(EXPECT).outcome(40001), "pending");
}

#[test]
fn copies_of_one_packet_at_a_blended_place_are_no_retries() {
    let mut scene = Scene::new();
    scene
        .tcp("10.128.0.9:50000", "203.0.113.80:443")
        .at(cooked_passing("node1"))
        .routed()
        .snat("192.168.12.99:50000")
        .at(cooked_out("node1"))
        .handshake();
    scene
        .tcp("10.128.0.5:40001", "203.0.113.25:443")
        .at(cooked_passing("node1"))
        .at(cooked_in("node1"))
        .routed()
        .snat("192.168.12.99:40001")
        .at(cooked_out("node1"))
        .at(cooked_out("node1"))
        .syn();
    let run = scene.check(EXPECT);
    assert_eq!(run.outcome(40001), "pending");
    assert_eq!(run.row(40001).syn_times.len(), 1);
}

#[test]
fn a_reset_of_the_syn_is_a_refusal() {
    assert_eq!(outcome(|flow| flow.syn().refuse()), "refused");
}

#[test]
fn administratively_prohibited_is_prohibited() {
    for code in [9, 10, 13] {
        assert_eq!(outcome(|flow| flow.syn().error("198.51.100.1", 3, code)), "prohibited", "code {code}");
    }
}

#[test]
fn other_unreachables_are_unreachable_and_name_their_sender() {
    for code in [0, 1, 3] {
        let mut scene = Scene::new();
        scene.neighbour("node1");
        flow(&mut scene).syn().error("198.51.100.1", 3, code);
        let run = scene.check(EXPECT);
        assert_eq!(run.outcome(40001), "unreachable", "code {code}");
        let icmp = run.row(40001).icmp.clone().unwrap();
        assert_eq!((icmp.sender.to_string().as_str(), icmp.kind, icmp.code), ("198.51.100.1", 3, code));
    }
}

#[test]
fn what_only_asks_for_smaller_packets_or_tells_of_a_loop_is_no_outcome() {
    assert_eq!(outcome(|flow| flow.syn().error("198.51.100.1", 3, 4)), "pending");
    assert_eq!(outcome(|flow| flow.syn().error("198.51.100.1", 11, 0)), "pending");
}

#[test]
fn an_answer_outweighs_an_error_about_an_earlier_try() {
    assert_eq!(
        outcome(|flow| flow.syn().error("198.51.100.1", 3, 1).wait(1000).syn_again().syn_ack()),
        "established"
    );
}

#[test]
fn a_reset_after_the_handshake_names_who_reset() {
    let by = |story: fn(Flow<'_>) -> Flow<'_>| {
        let mut scene = Scene::new();
        story(flow(&mut scene));
        let run = scene.check(EXPECT);
        assert_eq!(run.outcome(40001), "reset");
        run.row(40001).reset_by.unwrap().name()
    };
    assert_eq!(by(|flow| flow.handshake().send(10).rst_back()), "server");
    assert_eq!(by(|flow| flow.handshake().send(10).rst()), "client");
}

#[test]
fn a_reset_after_its_sender_closed_is_none() {
    assert_eq!(outcome(|flow| flow.handshake().fin().fin_back().rst()), "established");
}

/// The black hole: what the router says of the MTU is beside the stall, where it can be read.
#[test]
fn a_stall_shows_what_a_router_said_of_the_mtu() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    flow(&mut scene)
        .handshake()
        .send_in_vain(1460)
        .error_with_mtu("192.168.12.1", 3, 4, 1400)
        .wait(300)
        .send_again(1460);
    let run = scene.check(EXPECT);
    assert_eq!(run.outcome(40001), "stalled");
    let row = run.row(40001);
    assert_eq!(row.icmp.as_ref().unwrap().mtu, Some(1400));
    let said = "192.168.12.1 said: fragmentation needed (MTU 1400, ICMP type 3 code 4)";
    assert!(row.explanation.contains(said), "{}", row.explanation);
    assert!(row.next_step.as_ref().unwrap().contains("more than 1400 bytes"), "{:?}", row.next_step);
}

#[test]
fn silence_shows_where_packets_went_round() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    flow(&mut scene).syn().error("198.51.100.1", 11, 0).wait(1000).syn_again();
    let run = scene.check(EXPECT);
    assert_eq!(run.outcome(40001), "no-reply");
    let said = "nobody answered to 2 SYNs within 1.0 s; 198.51.100.1 said: time exceeded";
    assert!(run.row(40001).explanation.contains(said), "{}", run.row(40001).explanation);
}

/// On its way inwards the error is given the sender that the pod asked for, whoever sent it.
#[test]
fn who_sent_an_error_is_told_by_its_outermost_copy() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    let flow = scene.udp("10.128.0.5:40001", "172.30.0.9:53").at(veth("node1")).routed();
    let flow = flow.dnat("203.0.113.25:53").snat("192.168.12.99:40001").at(eth0("node1")).ask();
    flow.hide(0).error("198.51.100.1", 3, 3).show(0).hide(1).error("172.30.0.9", 3, 3);
    let run = scene.check(EXPECT);
    assert_eq!(run.outcome(40001), "unreachable");
    assert_eq!(run.row(40001).icmp.as_ref().unwrap().sender.to_string(), "198.51.100.1");
}

#[test]
fn a_reset_that_shows_on_one_side_of_the_nat_alone_is_the_nodes() {
    let by = |story: fn(Flow<'_>) -> Flow<'_>| {
        let mut scene = Scene::new();
        story(flow(&mut scene));
        let run = scene.check(EXPECT);
        assert_eq!(run.outcome(40001), "reset");
        run.row(40001).reset_by.unwrap().name()
    };
    assert_eq!(by(|flow| flow.handshake().send(10).hide(2).rst_back()), "node");
    assert_eq!(by(|flow| flow.handshake().send(10).hide(0).hide(1).rst()), "node");
    assert_eq!(by(|flow| flow.handshake().send(10).hide(0).hide(1).rst_back()), "server");
    assert_eq!(by(|flow| flow.handshake().send(10).hide(2).rst()), "client");
}

#[test]
fn a_flow_without_beginning_is_mid_stream_or_one_way() {
    let of = |hides_replies: bool| {
        let mut scene = Scene::new();
        let flow = scene.tcp("192.168.12.99:40001", "203.0.113.25:443").ttl(63).at(eth0("node1"));
        if hides_replies {
            flow.send_in_vain(10).send_in_vain(10)
        } else {
            flow.send(10)
        };
        scene.check(EXPECT).outcome(40001)
    };
    assert_eq!(of(false), "mid-stream");
    assert_eq!(of(true), "one-way");
}

#[test]
fn the_round_trip_is_measured_nearest_to_the_origin() {
    let mut scene = Scene::new();
    flow(&mut scene).syn().wait(30).syn_ack();
    let rtt = scene.check(EXPECT).row(40001).rtt_ns.unwrap();
    assert!((30 * MS..31 * MS).contains(&rtt), "{rtt}");
}

#[test]
fn which_of_two_tries_was_answered_is_not_guessed() {
    let mut scene = Scene::new();
    flow(&mut scene).syn().wait(1000).syn_again().wait(30).syn_ack();
    assert_eq!(scene.check(EXPECT).row(40001).rtt_ns, None);
}
