//! Makes flows of tracks that links hold together.
//!
//! A bond is all that links two tracks, as strong as what their packets' prints tell ([`Class`]). Bonds are taken strongest
//! first, all of one strength together: what hangs together by them becomes a flow if all of it can be one, and is contested
//! as a whole if not. Whatever is joined by stronger bonds is not moved by weaker ones.
//!
//! What packets joined to nobody is joined last, as conntrack's tables tell it (`translations`), if it can be one flow.

use foldhash::HashMap;

use super::{Findings, Link, Tie, ordered, root};
use crate::flow::datagram::{FIRST_SPEAKER, orientation};
use crate::flow::join::TRACKS;
use crate::flow::sign::Class;
use crate::flow::table::{FlowIndex, Table};
use crate::flow::track::{TrackIndex, known};

/// Flows that hang together whose tracks are looked at.
const FLOWS: usize = 16;

/// All that links two tracks.
#[derive(Debug, Clone, Copy)]
struct Bond {
    pair: (TrackIndex, TrackIndex),
    strength: Strength,
    is_turned: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    /// By conntrack's tables.
    Told,
    Content,
    Numbers,
    Certain,
}

impl Table {
    /// Makes flows of what hangs together.
    pub(super) fn join_linked(&mut self, findings: &mut Findings) {
        findings.links.sort_unstable();
        let links = std::mem::take(&mut findings.links);
        let is_two = |pair: (TrackIndex, TrackIndex)| {
            links.binary_search(&Link { pair: ordered(pair.0, pair.1), tie: Tie::Two }).is_ok()
        };
        let bonds: Vec<Bond> = links
            .chunk_by(|one, other| one.pair == other.pair)
            .filter_map(|links| self.bond(links))
            .collect();
        for strength in [Strength::Certain, Strength::Numbers, Strength::Content] {
            let of_strength: Vec<Bond> =
                bonds.iter().copied().filter(|bond| bond.strength == strength).collect();
            for group in self.groups(&of_strength) {
                self.join_group(&group, strength, &is_two, findings);
            }
        }
        let bond = |pair| Bond { pair, strength: Strength::Told, is_turned: false };
        let told: Vec<Bond> = self.told_pairs().into_iter().map(bond).collect();
        for group in self.groups(&told) {
            self.join_group(&group, Strength::Told, &is_two, findings);
        }
    }

    fn bond(&self, links: &[Link]) -> Option<Bond> {
        let pair = links[0].pair;
        let count = |class: Class| {
            links.iter().filter(|link| matches!(link.tie, Tie::One(its, _) if its == class)).count()
        };
        if links.iter().any(|link| link.tie == Tie::Two) {
            return None;
        }
        let numbers = count(Class::Numbers) + count(Class::Lasting);
        let strength = if count(Class::Packet) > 0 || numbers > 1 {
            Strength::Certain
        } else if numbers == 1 {
            Strength::Numbers
        } else {
            Strength::Content
        };
        let along = links.iter().filter(|link| matches!(link.tie, Tie::One(_, true))).count();
        let is_begun =
            |track: TrackIndex| self.track(track).is_tcp() && self.track(track).knows(known::CLIENT_ISN);
        let is_open = !is_begun(pair.0) || !is_begun(pair.1);
        is_open.then_some(Bond { pair, strength, is_turned: along * 2 < links.len() })
    }

    /// Flows that hang together by bonds, each with the bonds that do it.
    fn groups(&self, bonds: &[Bond]) -> Vec<(Vec<FlowIndex>, Vec<Bond>)> {
        let mut index: HashMap<FlowIndex, usize> = HashMap::default();
        let mut flows: Vec<FlowIndex> = Vec::new();
        let mut group: Vec<usize> = Vec::new();
        let ends = |bond: &Bond| (self.track(bond.pair.0).flow, self.track(bond.pair.1).flow);
        let open = || bonds.iter().filter(|bond| ends(bond).0 != ends(bond).1);
        for bond in open() {
            let mut number = |flow: FlowIndex| {
                *index.entry(flow).or_insert_with(|| {
                    flows.push(flow);
                    group.push(group.len());
                    group.len() - 1
                })
            };
            let (a, b) = (number(ends(bond).0), number(ends(bond).1));
            let (a, b) = (root(&mut group, a), root(&mut group, b));
            group[a.max(b)] = a.min(b);
        }
        let mut groups: Vec<(Vec<FlowIndex>, Vec<Bond>)> = vec![Default::default(); flows.len()];
        for (n, flow) in flows.iter().enumerate() {
            groups[root(&mut group, n)].0.push(*flow);
        }
        for bond in open() {
            groups[root(&mut group, index[&ends(bond).0])].1.push(*bond);
        }
        groups.retain(|(flows, _)| !flows.is_empty());
        groups
    }

    /// Joins flows that hang together, if they can be one; else all of them are contested.
    fn join_group(
        &mut self,
        (flows, bonds): &(Vec<FlowIndex>, Vec<Bond>),
        strength: Strength,
        is_two: &impl Fn((TrackIndex, TrackIndex)) -> bool,
        findings: &mut Findings,
    ) {
        let is_joined = |flow: &FlowIndex| self.flow(*flow).is_joined;
        if strength <= Strength::Content && flows.iter().any(is_joined) {
            return;
        }
        let tracks: Vec<TrackIndex> =
            flows.iter().take(FLOWS).flat_map(|flow| self.tracks_of(*flow)).collect();
        let can_be_one = flows.len() <= usize::from(TRACKS)
            && tracks.len() <= usize::from(TRACKS)
            && tracks.iter().enumerate().all(|(n, one)| {
                tracks[..n].iter().all(|other| {
                    self.track(*one).flow == self.track(*other).flow
                        || (self.can_be_one_flow(*one, *other)
                            && !is_two((*one, *other))
                            && (strength > Strength::Content || !self.share_a_sight(*one, *other)))
                })
            })
            && self.agree(bonds);
        if !can_be_one {
            // A table that is wrong contests nothing.
            if strength > Strength::Told && !flows.iter().any(is_joined) {
                findings.doubt(flows.iter().flat_map(|flow| self.tracks_of(*flow)).collect());
            }
            return;
        }
        for bond in bonds {
            self.turn_after(bond);
        }
        for bond in bonds {
            let (own, its) = (self.track(bond.pair.0).flow, self.track(bond.pair.1).flow);
            if own != its {
                self.unite_for_now(bond.pair.0, its, strength == Strength::Certain);
                let flow = self.track(bond.pair.0).flow;
                self.flows[flow.0 as usize].is_told |= strength == Strength::Told;
            }
        }
    }

    /// Whether both were seen at one sight, if perhaps by other packets.
    fn share_a_sight(&self, one: TrackIndex, other: TrackIndex) -> bool {
        self.legs_of(one).any(|(_, leg)| self.legs_of(other).any(|(_, its)| leg.is_same_sight(its)))
    }

    /// Whether it can be settled for every bond who is the client.
    fn agree(&self, bonds: &[Bond]) -> bool {
        bonds.iter().all(|bond| {
            let (a, b) = (orientation(self, bond.pair.0), orientation(self, bond.pair.1));
            !bond.is_turned || a != b || a == FIRST_SPEAKER
        })
    }

    /// Where two tracks take other ends for the client, the one that knows less follows the other.
    fn turn_after(&mut self, bond: &Bond) {
        if !bond.is_turned {
            return;
        }
        let rank = |track: TrackIndex| (std::cmp::Reverse(orientation(self, track)), self.first_frame(track));
        let (a, b) = bond.pair;
        let wrong = if rank(a) < rank(b) { b } else { a };
        let is_high = self.track(wrong).knows(known::CLIENT_HIGH);
        self.orient(wrong, !is_high);
    }

    fn unite_for_now(&mut self, track: TrackIndex, other: FlowIndex, is_sure: bool) {
        let own = self.track(track).flow;
        let (kept, gone) = if own < other { (own, other) } else { (other, own) };
        self.weighed.united.push((kept, self.flow(kept).clone(), gone, self.flow(gone).clone()));
        self.unite(track, other, is_sure);
    }
}
