//! SYNs that a server answers with what it remembers of an older connection (RFC 5961 §4): the client refuses and tries
//! again, and NAT may give the second SYN another port.

use crate::scene::{FAR, Flow, GATEWAY, Scene, cooked_in, cooked_out, cooked_passing, eth0, ethernet, veth};

const EXPECT: &str = "--expect 192.168.12.99";

/// Numbers all around the circle, as older connections may have come to.
fn numbers() -> impl Iterator<Item = u32> {
    (0..16u32).map(|n| n.wrapping_mul(0x1000_0000).wrapping_add(77))
}

fn leaving(scene: &mut Scene) -> Flow<'_> {
    scene
        .tcp("10.128.0.5:40001", "203.0.113.25:443")
        .at(veth("node1"))
        .routed()
        .snat("192.168.12.99:40001")
        .at(eth0("node1"))
}

/// The first SYN is challenged, the second leaves from another port and is answered.
fn tries_again(flow: Flow<'_>, challenged: u32, leaves_as: &str) {
    let wire = 1;
    flow.syn()
        .challenge(challenged)
        .refuse_challenge(challenged)
        .turns_into(wire, leaves_as)
        .wait(8)
        .timestamp(Some(40_009))
        .syn_again()
        .syn_ack()
        .ack()
        .send(100)
        .receive(10)
        .close();
}

#[test]
fn a_syn_that_is_sent_again_from_another_port_of_the_nats_is_the_same_flow() {
    for number in numbers() {
        let mut scene = Scene::new();
        tries_again(leaving(&mut scene), number, "192.168.12.99:61234");
        let run = scene.check("--expect 10.128.0.5=>192.168.12.99");
        assert_eq!(
            (run.reason(40001), run.outcome(40001)),
            ("expected-source", "established"),
            "{number:#x}"
        );
        assert_eq!(run.row(61234).origin.unwrap().to_string(), "10.128.0.5:40001");
        assert_eq!(run.snapshot.rows.len(), 1);
    }
}

#[test]
fn both_tries_sources_count() {
    let mut scene = Scene::new();
    tries_again(leaving(&mut scene), 77, "192.168.12.11:61234");
    assert_eq!(scene.check(EXPECT).reason(40001), "mixed-sources");
}

#[test]
fn the_refusal_may_fit_an_older_connection_of_the_wires_tuple() {
    for number in numbers() {
        let mut scene = Scene::new();
        scene
            .tcp("10.128.0.6:50007", "203.0.113.25:443")
            .at(veth("node1"))
            .routed()
            .snat("192.168.12.99:40001")
            .at(eth0("node1"))
            .isn(number, 5)
            .handshake()
            .send(10)
            .close();
        tries_again(leaving(&mut scene).time(300), number.wrapping_add(12), "192.168.12.99:61234");
        let run = scene.check("--expect 10.128.0.0/24=>192.168.12.99");
        assert_eq!(
            (run.reason(50007), run.outcome(50007)),
            ("expected-source", "established"),
            "{number:#x}"
        );
        assert_eq!(
            (run.reason(61234), run.outcome(61234)),
            ("expected-source", "established"),
            "{number:#x}"
        );
        assert_eq!(run.snapshot.rows.len(), 2);
    }
}

#[test]
fn the_order_of_points_makes_no_difference_to_a_challenge() {
    for number in numbers() {
        let mut scene = Scene::new();
        tries_again(leaving(&mut scene).at(ethernet("ext", GATEWAY, FAR)), number, "192.168.12.99:40001");
        scene.read_backwards();
        let run = scene.check("--expect 10.128.0.5=>192.168.12.99 --role ext=remote");
        assert_eq!(
            (run.reason(40001), run.outcome(40001)),
            ("expected-source", "established"),
            "{number:#x}"
        );
    }
}

#[test]
fn the_old_cooked_format_shows_challenges_too() {
    for number in numbers() {
        let mut scene = Scene::new();
        let flow = scene
            .tcp("10.128.0.5:40001", "203.0.113.25:443")
            .at(cooked_passing("node1"))
            .at(cooked_in("node1"))
            .routed()
            .snat("192.168.12.99:40001")
            .at(cooked_out("node1"));
        flow.syn()
            .challenge(number)
            .refuse_challenge(number)
            .turns_into(2, "192.168.12.99:61234")
            .wait(8)
            .syn_again()
            .syn_ack()
            .ack()
            .send(100)
            .close();
        let run = scene.check("--expect 10.128.0.5=>192.168.12.99");
        assert_eq!(
            (run.reason(40001), run.outcome(40001)),
            ("expected-source", "established"),
            "{number:#x}"
        );
        assert_eq!(run.snapshot.rows.len(), 1);
    }
}

#[test]
fn an_acknowledgement_that_nobody_refused_tells_of_lost_packets() {
    let mut scene = Scene::new();
    // The answer, and all that the client sent then, were lost by the capture.
    leaving(&mut scene).isn(1000, 5).syn().challenge(1501);
    assert_eq!(scene.check(EXPECT).reason(40001), "capture-incomplete");
}

#[test]
fn a_reset_beyond_what_was_seen_is_a_reset_where_nothing_was_doubted() {
    // A capture of SYNs and resets alone: what the client sent between them was left out.
    let mut scene = Scene::new();
    leaving(&mut scene).syn().syn_ack().forward(700).rst();
    assert_eq!(scene.check(EXPECT).outcome(40001), "reset");
}

#[test]
fn a_reset_of_another_number_is_a_refusal_where_answers_are_not_seen() {
    let mut scene = Scene::new();
    leaving(&mut scene).syn().refuse_challenge(77).wait(8).syn_again();
    assert_ne!(scene.check(EXPECT).outcome(40001), "reset");
}

#[test]
fn a_challenge_is_an_answer_of_somebody_outside() {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    scene
        .tcp("10.128.0.5:40001", "203.0.113.25:443")
        .at(veth("node1"))
        .syn()
        .challenge(77)
        .refuse_challenge(77)
        .wait(1000)
        .syn_again();
    let run = scene.check("--expect 10.128.0.5=>drop --expect 192.168.12.99");
    assert_ne!(run.reason(40001), "dropped-as-expected");
}

#[test]
fn a_reset_of_what_was_answered_is_a_reset() {
    let mut scene = Scene::new();
    leaving(&mut scene).syn().syn_ack().rst();
    assert_eq!(scene.check(EXPECT).outcome(40001), "reset");
}
