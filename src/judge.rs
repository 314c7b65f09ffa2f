//! Whether a flow left with the source it should have: the verdict, and what it rests on.
//!
//! The order of questions: is the flow outgoing at all; which expectation speaks about it; what of it was seen leaving; does
//! every packet of that carry an expected source; and did the wire show all that the origin showed. Whatever
//! cannot be answered makes the verdict inconclusive, never a pass.

use smallvec::SmallVec;

use crate::expect::{Choice, Expectation, Expectations, Question, Source};
use crate::facts::Facts;
use crate::flow::leg::{moved, shown};
use crate::flow::{FlowIndex, Leg, Table, TunnelIndex, tcp};
use crate::net::{Address, Endpoint};
use crate::outcome;
use crate::snapshot::{Direction, Role};
use crate::verdict::{Reason, Verdict};
use crate::view::View;
use crate::wire::{self, Wire};

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
    /// `None` where the origin was not seen.
    pub origin: Option<Endpoint>,
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
        let mut judgement = Judgement {
            direction: self.direction(&view, &wire),
            origin: self.origin(&view),
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
                judgement.detail = Detail::Incoming;
                return;
            }
            Direction::Outgoing | Direction::Unknown => {}
        }
        let choice = self.expectations.first_for(&question(judgement, judgement.origin));
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
        let is_one = verdicts.all(|(_, (other, _))| other == reason);
        judgement.expectation = (is_one && !or_none).then_some(first).or_else(|| single(&candidates));
        if !is_one || (or_none && reason.verdict() == Verdict::Fail) {
            judgement.reason = Reason::OriginUnknown;
            return;
        }
        judgement.is_probable = candidates.len() > 1 || or_none;
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
        for rival in &rivals {
            let view = View::of(self.table, *rival, &self.expectations.cluster);
            let its_wire = Wire::of(&view, self.facts, &self.expectations.cluster);
            let its_origin = self.origin(&view);
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
            reasons.push(match self.expectations.first_for(&question(&crossed, crossed.origin)) {
                Choice::One(index) => self.evaluate(&crossed, index).0,
                Choice::None => Reason::NoExpectation,
                Choice::Any { .. } => Reason::OriginUnknown,
            });
        }
        let Some(first) = reasons.first().copied() else { return };
        if reasons.iter().all(|reason| *reason == first) && first != Reason::OriginUnknown {
            judgement.reason = first;
            judgement.detail = Detail::None;
            judgement.is_probable = true;
        } else {
            judgement.reason = Reason::Ambiguous;
            judgement.detail = Detail::Rivals { count: rivals.len() };
        }
    }

    /// Who opened the flow towards whom.
    fn direction(&self, view: &View<'_>, wire: &Wire<'_>) -> Direction {
        let cluster = &self.expectations.cluster;
        let is_inside = |address: Address| self.facts.is_inside(cluster, address);
        let destination = view.destination().address;
        if view.sources().chain([destination]).any(Address::is_local_scope) {
            return Direction::Internal;
        }
        if !wire.is_empty() {
            return if view.knows_client() || view.has_beginning() || view.sources().any(is_inside) {
                Direction::Outgoing
            } else {
                Direction::Unknown
            };
        }
        match (view.sources().any(is_inside), is_inside(destination)) {
            (true, true) => Direction::Internal,
            (true, false) => Direction::Outgoing,
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
        if cluster.is_node(source).is_some() || cluster.is_egress(source) {
            return None;
        }
        let is_seen = cluster.is_pod(source)
            || view.is_translated(view.last())
            || wire::has_leg_inside(view, self.facts);
        is_seen.then(|| first.client())
    }

    /// Whether the node itself sent the flow: the machine's inner places were captured, and show nothing of it.
    fn nodes_own(&self, judgement: &Judgement<'_>) -> Option<(Reason, Detail)> {
        let cluster = &self.expectations.cluster;
        let view = &judgement.view;
        let source = view.first().client().address;
        let is_candidate = judgement.origin.is_none()
            && !judgement.wire.is_empty()
            && !wire::has_leg_inside(view, self.facts)
            && !cluster.is_egress(source)
            && !cluster.is_pod(source);
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
        Some(if is_incomplete {
            (Reason::CaptureIncomplete, Detail::Gap { bytes: 0, is_known_loss: true })
        } else if view.has_beginning() {
            (Reason::NoExpectation, Detail::NodesOwn)
        } else {
            (Reason::OriginUnknown, Detail::Unmatched)
        })
    }

    /// The reason for a flow's verdict under one expectation.
    fn evaluate(&self, judgement: &Judgement<'_>, index: usize) -> (Reason, Detail) {
        let expectation = &self.expectations.list[index];
        if let Source::Unknown { missing } = &expectation.source {
            return (Reason::Ambiguous, Detail::Missing { fact: missing.clone() });
        }
        if judgement.wire.is_empty() {
            return self.unseen(judgement, expectation);
        }
        if expectation.source == Source::Drop {
            return (Reason::UnexpectedExit, Detail::None);
        }
        let is_expected = |address: Address| self.is_expected(expectation, judgement.origin, address);
        let addresses = judgement.wire.addresses();
        if addresses.iter().all(|address| is_expected(*address)) {
            return self.confirm(judgement, expectation);
        }
        if addresses.len() == 1 {
            return (self.blame(addresses[0], judgement, index), Detail::None);
        }
        match self.stray(judgement, &is_expected) {
            Some(packets) if self.allowed.contains(&Reason::StrayPodIp) => {
                let (reason, detail) = self.confirm(judgement, expectation);
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
            Source::Pod => origin.is_some_and(|origin| origin.address == address) || cluster.is_pod(address),
            Source::Drop | Source::Unknown { .. } => false,
        }
    }

    /// Whose address it is that a flow left with instead of an expected one.
    fn blame(&self, address: Address, judgement: &Judgement<'_>, expectation: usize) -> Reason {
        let cluster = &self.expectations.cluster;
        let is_origins = judgement.origin.is_some_and(|origin| origin.address == address);
        if cluster.is_node(address).is_some() {
            Reason::NodeIp
        } else if is_origins || cluster.is_pod(address) {
            Reason::PodIp
        } else if self.expectations.is_expected_elsewhere(address, expectation) {
            Reason::OtherEgressIp
        } else {
            Reason::UnknownSource
        }
    }

    /// How many packets left with the pod's address, if they are late ones beside a flow that is right otherwise: no SYN,
    /// no acknowledgement while the flow was open, no data that the right wire did not show.
    fn stray(&self, judgement: &Judgement<'_>, is_expected: &dyn Fn(Address) -> bool) -> Option<u32> {
        let origin = judgement.origin?;
        let (right, other): (Vec<_>, Vec<_>) =
            judgement.wire.legs.iter().copied().partition(|(track, _)| is_expected(track.client().address));
        let is_late = |leg: &Leg| {
            right.iter().any(|(_, its)| {
                its.has_shown(shown::SEQ)
                    && leg.first_seen >= its.first_seen
                    && (!leg.has_shown(shown::SEQ) || !tcp::is_after(leg.data_end(), its.data_end()))
            })
        };
        let all_stray = other.iter().all(|(track, leg)| {
            track.is_tcp()
                && track.client().address == origin.address
                && !leg.has_shown(shown::SYN | shown::OPEN_ACK)
                && is_late(leg)
        });
        (!right.is_empty() && all_stray).then(|| other.iter().map(|(_, leg)| leg.out).max().unwrap_or(0))
    }

    /// A pass, if the wire showed all that the origin showed, and the far side what it should.
    fn confirm(&self, judgement: &Judgement<'_>, expectation: &Expectation) -> (Reason, Detail) {
        if let Some(gap) = self.gap(judgement) {
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

    /// What the origin showed and the wire did not, while both were captured.
    fn gap(&self, judgement: &Judgement<'_>) -> Option<Detail> {
        let wire = Coverage::of(judgement.wire.legs.iter().map(|(_, leg)| *leg), self.facts);
        let inner = judgement.view.legs_out().map(|(_, leg)| leg);
        let inner = inner.filter(|leg| wire::is_inside_leg(leg, self.facts));
        let origin = Coverage::of(inner, self.facts);
        let is_known_loss = judgement
            .view
            .legs()
            .any(|(_, _, leg)| self.facts.point(self.table.point_of(leg)).is_incomplete());
        let gap = |bytes| Some(Detail::Gap { bytes, is_known_loss });
        if wire.holes > origin.holes {
            return gap(wire.holes - origin.holes);
        }
        if origin.is_empty || (!is_known_loss && self.ends_with_capture(judgement)) {
            return None;
        }
        if origin.has_seq && wire.has_seq && tcp::is_after(origin.end, wire.end) {
            return gap(origin.end.wrapping_sub(wire.end));
        }
        if origin.shown & !wire.shown & (shown::SYN | shown::FIN | shown::RST) != 0 {
            return gap(0);
        }
        let is_fewer = match (origin.packets, wire.packets) {
            (Some(origin), Some(wire)) => wire < origin,
            _ => is_known_loss,
        };
        if is_fewer && (is_known_loss || !origin.has_seq) { gap(0) } else { None }
    }

    /// Whether the origin's last packets were captured so shortly before the wire's capture ended that their copies
    /// may have come after: one or two packets, within 1 ms, where a node passes packets on within microseconds.
    fn ends_with_capture(&self, judgement: &Judgement<'_>) -> bool {
        const IN_FLIGHT: i64 = 1_000_000;
        const PACKETS: u32 = 2;
        let inner = || judgement.view.legs_out().filter(|(_, leg)| wire::is_inside_leg(leg, self.facts));
        judgement.wire.legs.iter().any(|(_, leg)| {
            let point = self.table.point_of(leg);
            let end = self.facts.last_seen(point);
            inner().any(|(_, its)| {
                self.table.point_of(its) == point
                    && end - its.last_seen < IN_FLIGHT
                    && its.last_seen - leg.last_seen < IN_FLIGHT
                    && its.out <= leg.out.saturating_add(PACKETS)
            })
        })
    }

    /// The reason where nothing of the flow was seen to leave.
    fn unseen(&self, judgement: &Judgement<'_>, expectation: &Expectation) -> (Reason, Detail) {
        let (reason, detail) = self.how_far(judgement);
        if reason == Reason::NeverLeft && expectation.source == Source::Drop {
            return (Reason::DroppedAsExpected, detail);
        }
        (reason, detail)
    }

    fn how_far(&self, judgement: &Judgement<'_>) -> (Reason, Detail) {
        if !self.facts.has_uplink() {
            return (Reason::WireNotSeen, Detail::NoUplink);
        }
        let view = &judgement.view;
        let carriers = || view.legs_out().map(|(_, leg)| leg);
        let has_uplink = |leg: &Leg| {
            let point = self.table.point_of(leg);
            self.facts.places_of(point).any(|place| place.is(Role::Uplink))
        };
        if !carriers().any(has_uplink) {
            return (Reason::WireNotSeen, Detail::Elsewhere);
        }
        if !view.has_beginning() {
            return (Reason::WireNotSeen, Detail::Unmatched);
        }
        let is_incomplete = carriers().any(|leg| self.facts.point(self.table.point_of(leg)).is_incomplete());
        if is_incomplete {
            return (Reason::CaptureIncomplete, Detail::Gap { bytes: 0, is_known_loss: true });
        }
        match self.tunnel_end(view) {
            None => (Reason::NeverLeft, Detail::Stuck { at: Stage::Pod }),
            Some((_, true)) => (Reason::NeverLeft, Detail::Stuck { at: Stage::Gateway }),
            Some((to, false)) => (Reason::WireNotSeen, Detail::Tunnelled { to }),
        }
    }

    /// Where the flow's tunnel leads, and whether that machine's capture shows the flow coming out of it.
    fn tunnel_end(&self, view: &View<'_>) -> Option<(Address, bool)> {
        let tunnelled = || view.legs_out().filter(|(_, leg)| leg.tunnel != TunnelIndex::NONE);
        let (_, leg) = tunnelled().next()?;
        let (_, to) = self.facts.tunnel_ends(leg);
        let first = self.table.point_of(leg);
        let arrives = tunnelled().any(|(_, leg)| leg.moved == moved::IN)
            || tunnelled().any(|(_, leg)| self.table.point_of(leg) != first);
        Some((to, arrives))
    }
}

fn single(candidates: &[usize]) -> Option<usize> {
    match candidates {
        [only] => Some(*only),
        _ => None,
    }
}

fn question(judgement: &Judgement<'_>, origin: Option<Endpoint>) -> Question {
    let view = &judgement.view;
    Question {
        origin,
        first_destination: view.first().server(),
        wire_destination: judgement.wire.legs.first().map(|(track, _)| track.server()),
        protocol: view.first().key.protocol,
    }
}

/// What some legs showed of a flow, taken together.
#[derive(Debug, Clone, Copy, Default)]
struct Coverage {
    is_empty: bool,
    /// `None` where only places that are several devices showed it: those count a packet once for each device.
    packets: Option<u32>,
    shown: u8,
    has_seq: bool,
    end: u32,
    holes: u32,
}

impl Coverage {
    fn of<'a>(legs: impl Iterator<Item = &'a Leg>, facts: &Facts) -> Self {
        let mut all = Self { is_empty: true, holes: u32::MAX, ..Self::default() };
        for leg in legs {
            all.is_empty = false;
            if !facts.place(leg.place).is_blended() {
                all.packets = all.packets.max(Some(leg.out));
            }
            all.shown |= leg.shown;
            if leg.has_shown(shown::SEQ) {
                all.end = if all.has_seq { tcp::later(all.end, leg.seq_end) } else { leg.seq_end };
                all.has_seq = true;
                all.holes = all.holes.min(leg.holes);
            }
        }
        if !all.has_seq {
            all.holes = 0;
        }
        all
    }
}
