//! Late packets that leave with the pod's address beside a flow that is right otherwise.

use crate::scene::{Flow, Run, Scene, eth0, veth};

const EXPECT: &str = "--expect 192.168.12.99";
const ALLOW: &str = "--expect 192.168.12.99 --allow stray-pod-ip";
const UPLINK: usize = 1;
const POD: &str = "10.128.0.5:40001";
const EGRESS: &str = "192.168.12.99:40001";

fn check(options: &str, story: impl FnOnce(Flow<'_>) -> Flow<'_>) -> Run {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    let flow = scene.tcp(POD, "203.0.113.25:443").at(veth("node1")).routed().snat(EGRESS).at(eth0("node1"));
    story(flow);
    scene.check(options)
}

#[test]
fn a_late_reset_with_the_pods_address_is_a_stray() {
    let run = check(EXPECT, |flow| flow.handshake().send(100).close().turns_into(UPLINK, POD).rst());
    assert_eq!(run.reason(40001), "stray-pod-ip");
    assert!(run.row(40001).explanation.contains("1 packet"), "{}", run.row(40001).explanation);
}

#[test]
fn a_late_fin_sent_again_with_the_pods_address_is_a_stray() {
    let run = check(EXPECT, |flow| {
        flow.handshake().send(100).fin().turns_into(UPLINK, POD).wait(200).fin_again().fin_again()
    });
    assert_eq!(run.reason(40001), "stray-pod-ip");
}

#[test]
fn data_sent_again_with_the_pods_address_is_a_stray() {
    let run = check(EXPECT, |flow| {
        flow.handshake()
            .send_in_vain(100)
            .turns_into(UPLINK, POD)
            .send_again(100)
            .turns_into(UPLINK, EGRESS)
            .send(10)
            .close()
    });
    assert_eq!(run.reason(40001), "stray-pod-ip");
}

#[test]
fn a_stray_can_be_waived_and_nothing_else() {
    let waived = check(ALLOW, |flow| flow.handshake().send(100).close().turns_into(UPLINK, POD).rst());
    assert_eq!(waived.reason(40001), "expected-source");
    assert!(waived.row(40001).explanation.contains("--allow"), "{}", waived.row(40001).explanation);
    let mixed = check(ALLOW, |flow| flow.handshake().turns_into(UPLINK, POD).send(100));
    assert_eq!(mixed.reason(40001), "mixed-sources");
    let leak = check(ALLOW, |flow| flow.turns_into(UPLINK, POD).handshake());
    assert_eq!(leak.reason(40001), "pod-ip");
}

#[test]
fn new_data_with_the_pods_address_is_no_stray() {
    for options in [EXPECT, ALLOW] {
        let run = check(options, |flow| {
            flow.handshake()
                .send(100)
                .turns_into(UPLINK, POD)
                .send_in_vain(100)
                .turns_into(UPLINK, EGRESS)
                .send(100)
                .close()
        });
        assert_eq!(
            run.reason(40001),
            "mixed-sources",
            "a piece of the middle left only with the pod's address"
        );
    }
}

#[test]
fn a_syn_with_the_pods_address_is_no_stray() {
    let run = check(EXPECT, |flow| {
        flow.syn().turns_into(UPLINK, POD).wait(1000).syn_again().turns_into(UPLINK, EGRESS).syn_ack().ack()
    });
    assert_eq!(run.reason(40001), "mixed-sources");
}

#[test]
fn an_acknowledgement_of_an_open_flow_is_no_stray() {
    let run = check(EXPECT, |flow| {
        flow.handshake().send(100).turns_into(UPLINK, POD).ack().turns_into(UPLINK, EGRESS).send(10)
    });
    assert_eq!(run.reason(40001), "mixed-sources");
}

#[test]
fn what_came_before_the_right_packets_is_no_stray() {
    let run = check(EXPECT, |flow| {
        let reset = flow.hide(UPLINK).syn().show(UPLINK).turns_into(UPLINK, POD).rst();
        reset.turns_into(UPLINK, EGRESS).wait(1000).syn_again().syn_ack().ack()
    });
    assert_eq!(run.reason(40001), "mixed-sources");
}

#[test]
fn late_packets_with_a_nodes_address_are_no_strays() {
    for options in [EXPECT, ALLOW] {
        let run = check(options, |flow| {
            flow.handshake().send(100).close().turns_into(UPLINK, "192.168.12.11:40001").rst()
        });
        assert_ne!(run.exit_status(), 0, "the reset cannot be matched with its flow, and is no pass");
    }
}

#[test]
fn a_waived_stray_does_not_make_up_for_what_the_wire_did_not_show() {
    let run = check(ALLOW, |flow| {
        flow.handshake()
            .send(100)
            .hide(UPLINK)
            .send(100)
            .show(UPLINK)
            .send(100)
            .close()
            .turns_into(UPLINK, POD)
            .rst()
    });
    assert_eq!(run.reason(40001), "capture-incomplete");
}
