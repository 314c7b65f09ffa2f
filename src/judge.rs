//! Whether a flow left with the source it should have: the verdict, and what it rests on.
//!
//! The order of questions: is the flow outgoing at all; which expectation speaks about it; what of it was seen leaving; does
//! every packet of that carry an expected source; and did the wire show all that the origin showed. Whatever
//! cannot be answered makes the verdict inconclusive, never a pass.

mod coverage;
mod exit;

use smallvec::SmallVec;

use crate::digest::TunnelKind;
use crate::expect::{Choice, Expectation, Expectations, Origin, Question, Source};
use crate::facts::Facts;
use crate::flow::leg::{moved, shown};
use crate::flow::{FlowIndex, Leg, Table, Track, TunnelIndex, tcp};
use crate::net::{Address, Endpoint};
use crate::outcome;
use crate::snapshot::{Direction, Role};
use crate::verdict::{Reason, Verdict};
use crate::view::{View, is_initial_ttl};
use crate::wire::{self, IN_FLIGHT, Wire};

/// Everything a verdict rests on besides the flow itself.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'a> {
    pub table: &'a Table,
    pub facts: &'a Facts,
    pub expectations: &'a Expectations,
    /// Failing reasons that are waived (`--allow`).
    pub allowed: &'a [Reason],
}

/// A flow's verdict with what it rests on.
#[derive(Debug, Clone)]
pub struct Judgement<'a> {
    pub view: View<'a>,
    pub direction: Direction,
    /// `None` where the origin was neither seen nor told.
    pub origin: Option<Endpoint>,
    /// Where the flow went first, if a table of conntrack told that and the origin, which were not seen.
    pub told: Option<Endpoint>,
    pub wire: Wire<'a>,
    pub beyond: Wire<'a>,
    /// Index into the expectations.
    pub expectation: Option<usize>,
    pub reason: Reason,
    pub detail: Detail,
    /// The verdict holds for every flow that it could be.
    pub is_probable: bool,
    pub found: outcome::Found,
}

impl Judgement<'_> {
    pub fn verdict(&self) -> Verdict {
        self.reason.verdict()
    }

    /// Whether conntrack alone tells whose the flow is.
    pub fn is_told(&self) -> bool {
        self.told.is_some() || self.view.table.flow(self.view.flow).is_told
    }

    /// Where the flow went before its destination was translated.
    pub fn first_destination(&self) -> Endpoint {
        self.told.unwrap_or_else(|| self.view.first().server())
    }
}

/// What more there is to say of a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    None,
    /// The origin showed this many bytes or packets more than the wire; frames are known to be missing.
    Gap {
        bytes: u32,
        is_known_loss: bool,
    },
    /// It was not seen to leave, and the capture was made with a filter.
    Filtered,
    /// No place captured is an uplink.
    NoUplink,
    /// The flow went into a tunnel to this address, whose machine's uplink was not captured.
    Tunnelled {
        to: Address,
    },
    /// Uplinks were captured, of other machines than the one that carried the flow.
    Elsewhere,
    /// The flow was captured from its middle, and could not be matched with what left.
    Unmatched,
    /// It got this far.
    Stuck {
        at: Stage,
    },
    /// A fact is missing that would tell what to expect.
    Missing {
        fact: String,
    },
    /// The node itself sent it.
    NodesOwn,
    /// Somebody outside opened it.
    Incoming,
    /// It is an answer that nobody here had asked for.
    Unasked,
    /// This many packets strayed.
    Stray {
        packets: u32,
    },
    /// A stray was waived.
    Waived {
        packets: u32,
    },
    /// The far side saw this source, which is not the one it should see; or was to be asked and was not captured.
    FarSide {
        saw: Option<Address>,
    },
    /// This many other flows fit as well.
    Rivals {
        count: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    Pod,
    Gateway,
}

impl<'a> Judge<'a> {
    pub fn judge(&self, flow: FlowIndex) -> Judgement<'a> {
        let view = View::of(self.table, flow, &self.expectations.cluster);
        let wire = Wire::of(&view, self.facts, &self.expectations.cluster);
        let beyond = Wire::beyond(&view, self.facts);
        let seen = self.origin(&view);
        let told = if seen.is_none() { self.told(&view) } else { None };
        let mut judgement = Judgement {
            direction: self.direction(&view, &wire, told.is_some()),
            origin: seen.or(told.map(|(origin, _)| origin)),
            told: told.map(|(_, destination)| destination),
            found: outcome::Found::of(&view, self.facts),
            view,
            wire,
            beyond,
            expectation: None,
            reason: Reason::NoExpectation,
            detail: Detail::None,
            is_probable: false,
        };
        self.decide(&mut judgement);
        judgement
    }

    fn decide(&self, judgement: &mut Judgement<'a>) {
        match judgement.direction {
            Direction::Internal => {
                judgement.reason = Reason::ClusterInternal;
                return;
            }
            Direction::Incoming => {
                let is_unasked = self.facts.is_unasked(&judgement.view);
                judgement.detail = if is_unasked { Detail::Unasked } else { Detail::Incoming };
                return;
            }
            Direction::Outgoing | Direction::Unknown => {}
        }
        if judgement.view.tracks().iter().any(|t| self.table.track(*t).is_crowded) {
            judgement.reason = Reason::CaptureIncomplete;
            judgement.detail = Detail::Gap { bytes: 0, is_known_loss: true };
            return;
        }
        let choice = self.expectations.first_for(&self.question(judgement, judgement.origin));
        let (candidates, or_none): (SmallVec<[usize; 4]>, bool) = match choice {
            Choice::None => return,
            Choice::One(index) => (SmallVec::from_slice(&[index]), false),
            Choice::Any { candidates, or_none } => (candidates.into_iter().collect(), or_none),
        };
        if let Some((reason, detail)) = self.nodes_own(judgement) {
            (judgement.reason, judgement.detail) = (reason, detail);
            return;
        }
        if judgement.direction == Direction::Unknown && !judgement.wire.is_empty() {
            judgement.expectation = single(&candidates);
            judgement.reason = Reason::OriginUnknown;
            return;
        }
        let mut verdicts = candidates.iter().map(|index| (*index, self.evaluate(judgement, *index)));
        let (first, (reason, detail)) = verdicts.next().expect("a choice of expectations is never empty");
        // Failures may have several reasons, and are failures all the same; the first one's is told.
        let is_fail = reason.verdict() == Verdict::Fail;
        let is_one =
            verdicts.all(|(_, (other, _))| other == reason || (is_fail && other.verdict() == Verdict::Fail));
        judgement.expectation = (is_one && !or_none).then_some(first).or_else(|| single(&candidates));
        // No pass may rest on who opened the flow, where that is not known.
        let is_guess = judgement.direction == Direction::Unknown && reason.verdict() == Verdict::Pass;
        // Perhaps it is a flow that no expectation speaks about: then it neither meets one nor fails it.
        let is_open = or_none && matches!(reason.verdict(), Verdict::Pass | Verdict::Fail);
        if !is_one || is_open || is_guess {
            judgement.reason = Reason::OriginUnknown;
            return;
        }
        judgement.is_probable = candidates.len() > 1 || judgement.told.is_some();
        (judgement.reason, judgement.detail) = (reason, detail);
        self.weigh_rivals(judgement);
    }

    /// Where other flows fit a contested flow's tracks equally, only what holds for all of them is said.
    fn weigh_rivals(&self, judgement: &mut Judgement<'a>) {
        if !self.table.flow(judgement.view.flow).is_contested {
            return;
        }
        let mut rivals = self.table.rivals_of(judgement.view.flow);
        rivals.retain(|rival| self.table.flow(*rival).is_contested);
        let mut reasons = SmallVec::<[Reason; 8]>::new();
        let mut with_wire = u32::from(!judgement.wire.is_empty());
        let mut with_origin = u32::from(judgement.origin.is_some());
        for rival in &rivals {
            let view = View::of(self.table, *rival, &self.expectations.cluster);
            let its_wire = Wire::of(&view, self.facts, &self.expectations.cluster);
            let its_origin = self.origin(&view);
            with_wire += u32::from(!its_wire.is_empty());
            with_origin += u32::from(its_origin.is_some());
            // Its own wire with the rival's origin, or its own origin with the rival's wire.
            let mut crossed = judgement.clone();
            if judgement.wire.is_empty() && !its_wire.is_empty() {
                crossed.wire = its_wire;
            } else if judgement.origin.is_none() && its_origin.is_some() {
                crossed.origin = its_origin;
            } else {
                continue;
            }
            crossed.direction = Direction::Outgoing;
            reasons.push(match self.expectations.first_for(&self.question(&crossed, crossed.origin)) {
                Choice::One(index) => self.evaluate(&crossed, index).0,
                Choice::None => Reason::NoExpectation,
                Choice::Any { .. } => Reason::OriginUnknown,
            });
        }
        // Datagrams' rivals are not kept; that there were some is known.
        let is_nameless = rivals.is_empty() && !judgement.view.first().is_tcp();
        if is_nameless && matches!(judgement.verdict(), Verdict::Pass | Verdict::Fail) {
            judgement.reason = Reason::Ambiguous;
            judgement.detail = Detail::None;
            return;
        }
        let Some(first) = reasons.first().copied() else { return };
        // With fewer wires than origins, one of them did not leave; with fewer origins, one was not seen inside.
        let may_stand_alone =
            if judgement.wire.is_empty() { with_wire < with_origin } else { with_origin < with_wire };
        if may_stand_alone {
            reasons.push(judgement.reason);
        }
        if reasons.iter().all(|reason| *reason == first) && first != Reason::OriginUnknown {
            judgement.reason = first;
            judgement.detail = Detail::None;
            judgement.is_probable = true;
        } else {
            judgement.reason = Reason::Ambiguous;
            judgement.detail = Detail::Rivals { count: rivals.len() };
        }
    }

    /// Who opened the flow towards whom; `is_told` if conntrack says so.
    fn direction(&self, view: &View<'_>, wire: &Wire<'_>, is_told: bool) -> Direction {
        let cluster = &self.expectations.cluster;
        let is_inside = |address: Address| self.facts.is_inside(cluster, address);
        let destination = view.destination().address;
        if !wire.is_empty() {
            let is_known = view.knows_client() || is_told;
            return if is_known { Direction::Outgoing } else { Direction::Unknown };
        }
        if view.sources().chain([destination]).any(Address::is_local_scope) {
            return Direction::Internal;
        }
        match (view.sources().any(is_inside), is_inside(destination)) {
            (true, true) => Direction::Internal,
            (_, false) if self.facts.is_unasked(view) => Direction::Incoming,
            (true, false) => Direction::Outgoing,
            // Whoever was seen first may have been answering.
            _ if !view.knows_client() => Direction::Unknown,
            (false, true) => Direction::Incoming,
            (false, false) if self.arrives(view) => Direction::Incoming,
            // Nothing is known of the cluster but what to expect: whoever starts a flow here is taken for a workload.
            (false, false) if cluster.knows_only_egress() => Direction::Outgoing,
            (false, false) => Direction::Unknown,
        }
    }

    /// Whether the flow comes in by an uplink and nothing of it was seen inside before.
    fn arrives(&self, view: &View<'_>) -> bool {
        view.legs_out().any(|(_, leg)| {
            leg.tunnel == TunnelIndex::NONE
                && self.facts.place(leg.place).is(Role::Uplink)
                && (leg.moved == moved::IN || leg.moved == 0)
        })
    }

    /// The flow's origin, if what was seen includes it. A node's or an egress address names no workload.
    fn origin(&self, view: &View<'_>) -> Option<Endpoint> {
        let cluster = &self.expectations.cluster;
        let first = view.first();
        let source = first.client().address;
        if cluster.is_outer(source) {
            return None;
        }
        let is_seen = cluster.is_pod(source)
            || view.is_translated(view.last())
            || wire::has_leg_inside(view, self.facts);
        is_seen.then(|| first.client())
    }

    /// Origin and first destination as conntrack's tables tell them. There, too, a node's or an egress address names no
    /// workload.
    fn told(&self, view: &View<'_>) -> Option<(Endpoint, Endpoint)> {
        let told = self.table.told_origin(*view.tracks().first()?);
        told.filter(|(source, _)| !self.expectations.cluster.is_outer(source.address))
    }

    /// Whether the node itself sent the flow: the machine's inner places were captured and show nothing of it, it was passed
    /// on by no router yet, and its source is a node's, as far as these are known.
    fn nodes_own(&self, judgement: &Judgement<'_>) -> Option<(Reason, Detail)> {
        let cluster = &self.expectations.cluster;
        let view = &judgement.view;
        let source = view.first().client().address;
        let is_candidate = judgement.origin.is_none()
            && !judgement.wire.is_empty()
            && !wire::has_leg_inside(view, self.facts)
            && !cluster.is_egress(source)
            && !cluster.is_pod(source)
            && (cluster.nodes.is_empty() || cluster.is_node(source).is_some())
            && judgement.wire.legs.iter().all(|(_, leg)| is_initial_ttl(leg.ttl));
        let was_watched = judgement.wire.legs.iter().all(|(_, leg)| {
            let place = self.facts.place(leg.place);
            place.is_of_any() && self.facts.point(place.point).shows_inside
        });
        if !is_candidate || !was_watched {
            return None;
        }
        let is_incomplete = judgement
            .wire
            .legs
            .iter()
            .any(|(_, leg)| self.facts.point(self.table.point_of(leg)).is_incomplete());
        // Nor may a filter have left out the pod's copies.
        let is_filtered =
            judgement.wire.legs.iter().any(|(_, leg)| self.facts.point(self.table.point_of(leg)).is_filtered);
        // A pod's copy of its only packet may have come before the capture began.
        let is_at_edge = view.legs().all(|(_, _, leg)| {
            leg.out + leg.back == 1
                && leg.first_seen - self.facts.point(self.table.point_of(leg)).first_seen < IN_FLIGHT
        });
        Some(if is_incomplete {
            (Reason::CaptureIncomplete, Detail::Gap { bytes: 0, is_known_loss: true })
        } else if view.has_beginning() && !is_at_edge && !is_filtered {
            (Reason::NoExpectation, Detail::NodesOwn)
        } else {
            (Reason::OriginUnknown, Detail::Unmatched)
        })
    }

    fn question<'j>(&'j self, judgement: &Judgement<'_>, origin: Option<Endpoint>) -> Question<'j> {
        let view = &judgement.view;
        Question {
            origin,
            pod: self.pod(view, origin),
            first_destination: judgement.first_destination(),
            wire_destination: judgement.wire.legs.first().map(|(track, _)| track.server()),
            protocol: view.first().key.protocol,
        }
    }

    /// What the cluster's objects say of a flow's origin; where none names it, the id of a tunnel tells the namespace.
    fn pod(&self, view: &View<'_>, origin: Option<Endpoint>) -> Origin<'_> {
        let cluster = &self.expectations.cluster;
        match origin {
            Some(origin) if cluster.workload(origin.address).is_some() => Origin::Named,
            Some(_) => Origin::Unnamed { namespace: self.namespace_by_tunnel(view) },
            None => Origin::Unnamed { namespace: None },
        }
    }

    /// The one namespace that the ids of a flow's tunnels name.
    pub fn namespace_by_tunnel(&self, view: &View<'_>) -> Option<&str> {
        let cluster = &self.expectations.cluster;
        if cluster.networks.is_empty() {
            return None;
        }
        let mut names = view
            .legs()
            .filter(|(_, _, leg)| leg.out > 0 && leg.tunnel != TunnelIndex::NONE)
            .filter_map(|(_, _, leg)| {
                let tunnel = self.facts.tunnel(leg.tunnel);
                if tunnel.kind == TunnelKind::Vxlan { cluster.namespace_of_tunnel(tunnel.id?) } else { None }
            });
        let first = names.next()?;
        names.all(|other| other == first).then_some(first)
    }

    /// The reason for a flow's verdict under one expectation.
    fn evaluate(&self, judgement: &Judgement<'_>, index: usize) -> (Reason, Detail) {
        let expectation = &self.expectations.list[index];
        if let Source::Unknown { missing } = &expectation.source {
            return (Reason::Ambiguous, Detail::Missing { fact: missing.clone() });
        }
        if judgement.wire.is_empty() {
            return exit::unseen(self, judgement, expectation);
        }
        if expectation.source == Source::Drop {
            return (Reason::UnexpectedExit, Detail::None);
        }
        let is_expected = |address: Address| self.is_expected(expectation, judgement.origin, address);
        let addresses = judgement.wire.addresses();
        if let [only] = addresses[..] {
            return if is_expected(only) {
                self.confirm(judgement, expectation, &judgement.wire.legs)
            } else {
                self.refuse(only, judgement, index)
            };
        }
        let right: SmallVec<[_; 4]> = judgement
            .wire
            .legs
            .iter()
            .copied()
            .filter(|(track, _)| is_expected(track.client().address))
            .collect();
        match stray(judgement, &right) {
            Some(packets) if self.allowed.contains(&Reason::StrayPodIp) => {
                let (reason, detail) = self.confirm(judgement, expectation, &right);
                let is_pass = reason == Reason::ExpectedSource;
                (reason, if is_pass { Detail::Waived { packets } } else { detail })
            }
            Some(packets) => (Reason::StrayPodIp, Detail::Stray { packets }),
            None => (Reason::MixedSources, Detail::None),
        }
    }

    fn is_expected(&self, expectation: &Expectation, origin: Option<Endpoint>, address: Address) -> bool {
        let cluster = &self.expectations.cluster;
        match &expectation.source {
            Source::AnyOf(blocks) => blocks.iter().any(|block| block.contains(address)),
            Source::Node => cluster.is_node(address).is_some(),
            Source::NodeCalled { addresses, .. } => addresses.contains(&address),
            Source::Pod => origin.map_or_else(|| cluster.is_pod(address), |origin| origin.address == address),
            Source::Drop | Source::Unknown { .. } => false,
        }
    }

    /// The reason where a flow left with an address that is not expected.
    ///
    /// Where only the far side was captured, an address that nobody declared may be of a NAT between here and there.
    fn refuse(&self, address: Address, judgement: &Judgement<'_>, expectation: usize) -> (Reason, Detail) {
        let reason = self.blame(address, judgement, expectation);
        let is_beyond =
            judgement.wire.legs.iter().all(|(_, leg)| self.facts.place(leg.place).is(Role::Remote));
        if reason == Reason::UnknownSource && is_beyond {
            return (Reason::WireNotSeen, Detail::NoUplink);
        }
        (reason, Detail::None)
    }

    /// Whose address it is that a flow left with instead of an expected one.
    fn blame(&self, address: Address, judgement: &Judgement<'_>, expectation: usize) -> Reason {
        let cluster = &self.expectations.cluster;
        let is_origins = judgement.origin.is_some_and(|origin| origin.address == address);
        let expects_pod = self.expectations.list[expectation].source == Source::Pod;
        if cluster.is_node(address).is_some() {
            Reason::NodeIp
        } else if is_origins || (cluster.is_pod(address) && !expects_pod) {
            Reason::PodIp
        } else if cluster.is_pod(address) {
            // Another pod's, where the flow's own was expected.
            Reason::OtherEgressIp
        } else if cluster.is_egress(address) {
            Reason::OtherEgressIp
        } else {
            Reason::UnknownSource
        }
    }

    /// A pass, if the wire's legs showed all that the origin showed, and the far side what it should.
    fn confirm(
        &self,
        judgement: &Judgement<'_>,
        expectation: &Expectation,
        legs: &[(&Track, &Leg)],
    ) -> (Reason, Detail) {
        if let Some(gap) = coverage::gap(self, judgement, legs) {
            return (Reason::CaptureIncomplete, gap);
        }
        if expectation.source_remote.is_empty() {
            return (Reason::ExpectedSource, Detail::None);
        }
        let is_right =
            |address: &Address| expectation.source_remote.iter().any(|block| block.contains(*address));
        let seen = judgement.beyond.addresses();
        match seen.iter().find(|address| !is_right(address)) {
            Some(wrong) => (Reason::UnknownSource, Detail::FarSide { saw: Some(*wrong) }),
            None if seen.is_empty() => (Reason::WireNotSeen, Detail::FarSide { saw: None }),
            None => (Reason::ExpectedSource, Detail::None),
        }
    }
}

/// How many packets left with the pod's address, if they are late ones beside a flow that is right otherwise: no SYN,
/// no acknowledgement while the flow was open, no data that the right legs did not show.
fn stray(judgement: &Judgement<'_>, right: &[(&Track, &Leg)]) -> Option<u32> {
    let origin = judgement.origin?;
    let is_right = |leg: &Leg| right.iter().any(|(_, its)| std::ptr::eq(leg, *its));
    let mut other = judgement.wire.legs.iter().filter(|(_, leg)| !is_right(leg));
    let is_late = |leg: &Leg| {
        right.iter().any(|(_, its)| {
            its.has_shown(shown::SEQ)
                && leg.first_seen >= its.first_seen
                && (!leg.has_shown(shown::SEQ)
                    || (!tcp::is_after(leg.data_end(), its.data_end()) && !fits_hole(leg, its)))
        })
    };
    let is_stray = |track: &Track, leg: &Leg| {
        track.is_tcp()
            && track.client().address == origin.address
            && !leg.has_shown(shown::SYN | shown::OPEN_ACK)
            && is_late(leg)
    };
    other
        .try_fold(0, |most, (track, leg)| is_stray(track, leg).then(|| leg.out.max(most)))
        .filter(|most| *most > 0)
}

/// Whether a leg's data may be what another leg never showed.
fn fits_hole(leg: &Leg, other: &Leg) -> bool {
    other.holes > 0 && leg.has_shown(shown::DATA) && tcp::is_after(leg.seq_end, other.hole_at)
}

fn single(candidates: &[usize]) -> Option<usize> {
    match candidates {
        [only] => Some(*only),
        _ => None,
    }
}
