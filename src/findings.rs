//! What is wrong with the network itself, and belongs to no single flow: who claims an egress address.
//!
//! Claims (ARP, neighbour discovery) are followed for egress addresses alone, at each place apart: a place is on one segment,
//! and its frames are in order. Claims within tunnels are the cluster's own affair.
//!
//! - The claimant that changes back and forth, `A B A B`, is two: `duplicate-egress-ip`.
//! - One that changes once, or once and back, is a failover: `egress-ip-moved`.
//!
//! Link-layer addresses that routers share (VRRP, HSRP) stand beside their holder's own and prove nothing.

use std::collections::BTreeMap;

use crate::digest::{Batch, Claim, LocalTunnel};
use crate::expect::Cluster;
use crate::flow::PlaceIndex;
use crate::frame::{FrameId, Timestamp};
use crate::net::{Address, Mac};

/// Addresses at places that are followed: more egress addresses than a cluster has, at more places than a node has uplinks.
const FOLLOWED: usize = 4096;

/// Changes of an address's claimant that are kept: enough to tell the story.
const KEPT: usize = 8;

/// Changes after which there are two claimants: a failover is one, with its failback two.
const ALTERNATING: u32 = 3;

/// A claim by another claimant than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub mac: Mac,
    pub frame: FrameId,
    pub time: Timestamp,
}

/// Who claimed one address at one place.
#[derive(Debug)]
struct Claimants {
    last: Mac,
    changes: u32,
    /// The first claim, then the first claims of those that it changed to.
    kept: Vec<Change>,
}

/// An address that more than one claimed.
#[derive(Debug, Clone, Copy)]
pub struct Contest<'a> {
    pub address: Address,
    pub place: PlaceIndex,
    /// They claimed it by turns, and not one after the other.
    pub is_duplicate: bool,
    pub changes: &'a [Change],
}

/// The claims of a run.
#[derive(Debug, Default)]
pub struct Claims {
    by_address: BTreeMap<(Address, PlaceIndex), Claimants>,
}

impl Claims {
    /// Takes in a batch's claims; `places` are the run's numbers of its point's places.
    pub fn ingest(&mut self, batch: &Batch, first_ordinal: u64, places: &[PlaceIndex], cluster: &Cluster) {
        for (index, claim) in &batch.claims {
            let at = *index as usize;
            let (Some(digest), Some(head)) = (batch.digests.get(at), batch.heads.get(at)) else { return };
            if digest.tunnel == LocalTunnel::NONE && cluster.is_egress(claim.address) && !is_shared(claim.mac)
            {
                let frame = FrameId { point: batch.point, ordinal: first_ordinal + u64::from(*index) };
                let change = Change { mac: claim.mac, frame, time: head.time };
                self.note(claim, places[usize::from(digest.place.0)], change);
            }
        }
    }

    fn note(&mut self, claim: &Claim, place: PlaceIndex, change: Change) {
        let has_room = self.by_address.len() < FOLLOWED;
        match self.by_address.get_mut(&(claim.address, place)) {
            Some(known) if known.last == claim.mac => {}
            Some(known) => {
                known.last = claim.mac;
                known.changes = known.changes.saturating_add(1);
                if known.kept.len() <= KEPT {
                    known.kept.push(change);
                }
            }
            None if has_room => {
                let first = Claimants { last: claim.mac, changes: 0, kept: vec![change] };
                self.by_address.insert((claim.address, place), first);
            }
            None => {}
        }
    }

    /// Who claimed an address, at any place, in the order of their addresses.
    pub fn claimants(&self, address: Address) -> Vec<Mac> {
        let places = (address, PlaceIndex(0))..=(address, PlaceIndex(u16::MAX));
        let known = self.by_address.range(places).flat_map(|(_, known)| &known.kept);
        let mut macs: Vec<Mac> = known.map(|change| change.mac).collect();
        macs.sort_unstable();
        macs.dedup();
        macs
    }

    /// The addresses that more than one claimed, each once: by the place that shows most changes.
    pub fn contests(&self) -> Vec<Contest<'_>> {
        let mut worst: BTreeMap<Address, (PlaceIndex, &Claimants)> = BTreeMap::new();
        for ((address, place), claimants) in self.by_address.iter().filter(|(_, known)| known.changes > 0) {
            let entry = worst.entry(*address).or_insert((*place, claimants));
            if claimants.changes > entry.1.changes {
                *entry = (*place, claimants);
            }
        }
        worst
            .into_iter()
            .map(|(address, (place, known))| Contest {
                address,
                place,
                is_duplicate: known.changes >= ALTERNATING,
                changes: &known.kept,
            })
            .collect()
    }
}

/// Whether routers share a link-layer address: of VRRP (RFC 9568 §7.3), for IPv4 and for IPv6, and of HSRP (RFC 2281 §5.6).
fn is_shared(mac: Mac) -> bool {
    matches!(mac.0, [0, 0, 0x5e, 0, 1 | 2, _] | [0, 0, 0x0c, 0x07, 0xac, _])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PointIndex;

    const ADDRESS: Address = Address::v4(0xc0a8_0c63);

    fn told(macs: &[u8]) -> Option<(bool, usize)> {
        let mut claims = Claims::default();
        for (n, mac) in (1i64..).zip(macs) {
            let mac = Mac([2, 0, 0, 0, 0, *mac]);
            let frame = FrameId { point: PointIndex(0), ordinal: n as u64 };
            let change = Change { mac, frame, time: Timestamp::from_nanos(n) };
            claims.note(&Claim { address: ADDRESS, mac, is_aside: false }, PlaceIndex(0), change);
        }
        claims.contests().first().map(|contest| (contest.is_duplicate, contest.changes.len()))
    }

    #[test]
    fn two_that_claim_by_turns_are_two_and_one_after_the_other_is_a_move() {
        assert_eq!(told(&[1, 1, 1]), None);
        assert_eq!(told(&[1, 1, 2, 2]), Some((false, 2)));
        assert_eq!(told(&[1, 2, 1]), Some((false, 3)), "a failover and its failback");
        assert_eq!(told(&[1, 2, 1, 2]), Some((true, 4)));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let turns: Vec<u8> = (0..200).map(|n| n % 2).collect();
        assert_eq!(told(&turns), Some((true, KEPT + 1)));
    }

    #[test]
    fn addresses_that_routers_share_prove_nothing() {
        assert!(is_shared(Mac([0, 0, 0x5e, 0, 1, 51])) && is_shared(Mac([0, 0, 0x5e, 0, 2, 51])));
        assert!(!is_shared(Mac([0, 0, 0x5e, 0, 3, 51])) && !is_shared(Mac([2, 0, 0, 0, 1, 51])));
    }
}
