//! Who claims an egress address: what is wrong with the network and belongs to no flow.

use crate::frame::Mac;
use crate::scene::{MS, Run, Scene, WORKER1, WORKER2};

const EGRESS: [u8; 4] = [192, 168, 12, 99];

/// What is said where an address is announced by these, half a second apart, beside a flow that is right.
fn told(address: [u8; 4], by: &[Mac]) -> Run {
    let mut scene = Scene::new();
    scene.neighbour("node1");
    for (n, mac) in (1i64..).zip(by) {
        scene.announce(n * 500 * MS, "node1", address, *mac);
    }
    scene.check("--expect 192.168.12.99")
}

fn ids(run: &Run) -> Vec<&str> {
    run.snapshot.findings.iter().map(|finding| finding.id).collect()
}

#[test]
fn two_machines_that_claim_one_egress_address_by_turns_are_found_and_change_no_verdict() {
    let run = told(EGRESS, &[WORKER1, WORKER2, WORKER1, WORKER2]);
    assert_eq!(ids(&run), ["duplicate-egress-ip"]);
    let finding = &run.snapshot.findings[0];
    assert_eq!(finding.objects, ["192.168.12.99"]);
    assert_eq!(finding.evidence.len(), 4);
    assert!(
        finding.evidence[1].ends_with("after 0.500 s: 02:00:00:00:0c:0c claims it"),
        "{:?}",
        finding.evidence
    );
    assert_eq!(run.exit_status(), 0);
}

#[test]
fn an_egress_address_that_fails_over_and_back_has_moved() {
    assert_eq!(ids(&told(EGRESS, &[WORKER1, WORKER1, WORKER2, WORKER2])), ["egress-ip-moved"]);
    assert_eq!(ids(&told(EGRESS, &[WORKER1, WORKER2, WORKER1])), ["egress-ip-moved"]);
}

#[test]
fn one_claimant_other_addresses_and_shared_routers_are_no_finding() {
    const VRRP: Mac = [0, 0, 0x5e, 0, 1, 51];
    assert!(ids(&told(EGRESS, &[WORKER1, WORKER1])).is_empty());
    assert!(ids(&told(EGRESS, &[WORKER1, VRRP, WORKER1, VRRP])).is_empty());
    assert!(ids(&told([192, 168, 12, 77], &[WORKER1, WORKER2, WORKER1, WORKER2])).is_empty());
}
