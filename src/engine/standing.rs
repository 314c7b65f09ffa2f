//! How every flow stands, and the totals over all: kept as flows change, never counted anew.

use foldhash::{HashMap, HashMapExt as _};
use smallvec::SmallVec;

use crate::facts::Facts;
use crate::flow::FlowIndex;
use crate::frame::{FrameId, PointIndex, Timestamp};
use crate::judge::Judgement;
use crate::net::{Address, Endpoint};
use crate::snapshot::Sort;
use crate::verdict::{Outcome, Reason, Verdict};

/// A flow's verdict, as kept for each of perhaps millions of flows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub id: FrameId,
    pub bytes: u64,
    pub packets: u32,
    pub group: u32,
    pub expectation: Option<u32>,
    pub reason: Reason,
}

/// What flows of one group have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Kind {
    pub verdict: Verdict,
    pub reason: Reason,
    pub outcome: Outcome,
    pub protocol: u8,
    pub origin: Option<Address>,
    pub destination: Endpoint,
    pub sources: SmallVec<[Address; 2]>,
    pub expectation: Option<u32>,
    pub left_at: SmallVec<[PointIndex; 2]>,
}

#[derive(Debug, Clone)]
pub(super) struct Group {
    /// Its number.
    pub number: u32,
    pub kind: Kind,
    pub flows: u64,
    pub packets: u64,
    pub bytes: u64,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// The one with the lowest id.
    pub example: (FrameId, FlowIndex),
    /// A flow left that may have been the example, the first or the last.
    is_stale: bool,
}

/// Flows of one verdict.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts([u64; 4]);

impl Counts {
    pub(super) fn of(&self, verdict: Verdict) -> u64 {
        self.0[verdict as usize]
    }

    pub(super) fn all(&self) -> u64 {
        self.0.iter().sum()
    }

    fn change(&mut self, verdict: Verdict, enters: bool) {
        let count = &mut self.0[verdict as usize];
        *count = if enters { *count + 1 } else { *count - 1 };
    }
}

#[derive(Debug)]
pub(super) struct Standings {
    flows: Vec<Option<Standing>>,
    groups: Vec<Group>,
    by_kind: HashMap<Kind, u32>,
    pub total: Counts,
    pub by_expectation: Vec<Counts>,
    /// Flows in an order that was asked for.
    order: Option<(Sort, Vec<Verdict>, Vec<FlowIndex>)>,
}

impl Standings {
    pub(super) fn new(expectations: usize) -> Self {
        Self {
            flows: Vec::new(),
            groups: Vec::new(),
            by_kind: HashMap::new(),
            total: Counts::default(),
            by_expectation: vec![Counts::default(); expectations],
            order: None,
        }
    }

    /// Enters a flow's judgement in place of what was there before.
    pub(super) fn enter(&mut self, flow: FlowIndex, judgement: &Judgement<'_>, facts: &Facts) {
        self.withdraw(flow);
        let view = &judgement.view;
        let fullest = view.fullest();
        let kind = kind(judgement, facts);
        let standing = Standing {
            id: view.id(),
            bytes: fullest.bytes,
            packets: fullest.out.saturating_add(fullest.back),
            group: self.group(kind),
            expectation: judgement.expectation.map(|index| index as u32),
            reason: judgement.reason,
        };
        let group = &mut self.groups[standing.group as usize];
        group.add(flow, &standing, view.first_seen(), view.last_seen());
        self.change(&standing, true);
        if self.flows.len() <= flow.0 as usize {
            self.flows.resize(flow.0 as usize + 1, None);
        }
        self.flows[flow.0 as usize] = Some(standing);
        self.order = None;
    }

    /// Takes a flow out of all totals.
    pub(super) fn withdraw(&mut self, flow: FlowIndex) {
        let Some(standing) = self.flows.get_mut(flow.0 as usize).and_then(Option::take) else { return };
        let group = &mut self.groups[standing.group as usize];
        group.flows -= 1;
        group.packets -= u64::from(standing.packets);
        group.bytes -= standing.bytes;
        group.is_stale = true;
        self.change(&standing, false);
        self.order = None;
    }

    fn change(&mut self, standing: &Standing, enters: bool) {
        let verdict = standing.reason.verdict();
        self.total.change(verdict, enters);
        if let Some(index) = standing.expectation {
            self.by_expectation[index as usize].change(verdict, enters);
        }
    }

    fn group(&mut self, kind: Kind) -> u32 {
        if let Some(known) = self.by_kind.get(&kind) {
            return *known;
        }
        let number = self.groups.len() as u32;
        self.groups.push(Group {
            number,
            kind: kind.clone(),
            flows: 0,
            packets: 0,
            bytes: 0,
            first_seen: Timestamp::MAX,
            last_seen: Timestamp::MIN,
            example: (FrameId { point: PointIndex(u16::MAX), ordinal: u64::MAX }, FlowIndex(u32::MAX)),
            is_stale: false,
        });
        self.by_kind.insert(kind, number);
        number
    }

    /// Finds the examples of groups that lost flows, by one look at all flows.
    pub(super) fn settle(&mut self) {
        if !self.groups.iter().any(|group| group.is_stale) {
            return;
        }
        for group in self.groups.iter_mut().filter(|group| group.is_stale) {
            group.example.0 = FrameId { point: PointIndex(u16::MAX), ordinal: u64::MAX };
        }
        for (flow, standing) in self.flows.iter().enumerate() {
            let Some(standing) = standing else { continue };
            let group = &mut self.groups[standing.group as usize];
            if group.is_stale && standing.id < group.example.0 {
                group.example = (standing.id, FlowIndex(flow as u32));
            }
        }
        for group in &mut self.groups {
            group.is_stale = false;
        }
    }

    /// The groups that have flows, worst first, then by their first frame.
    pub(super) fn groups(&self) -> Vec<&Group> {
        let mut groups: Vec<_> = self.groups.iter().filter(|group| group.flows > 0).collect();
        groups.sort_by_key(|group| (group.kind.verdict, group.example.0));
        groups
    }

    /// Every flow that stands, with its group's number among all groups ever.
    pub(super) fn flows(&self) -> impl Iterator<Item = (FlowIndex, usize)> + '_ {
        let standing = (0..).map(FlowIndex).zip(&self.flows);
        standing.filter_map(|(flow, standing)| Some((flow, standing.as_ref()?.group as usize)))
    }

    /// What all groups ever, empty ones too, have in common each.
    pub(super) fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.groups.iter().map(|group| &group.kind)
    }

    /// The flows with one of the verdicts (all, if none is named), in order. Kept until a flow changes.
    pub(super) fn ordered(&mut self, sort: Sort, verdicts: &[Verdict]) -> &[FlowIndex] {
        let is_kept = self.order.as_ref().is_some_and(|(s, v, _)| *s == sort && v == verdicts);
        if !is_kept {
            self.order = Some((sort, verdicts.to_vec(), self.sorted(sort, verdicts)));
        }
        self.order.as_ref().map_or(&[], |(_, _, flows)| flows)
    }

    fn sorted(&self, sort: Sort, verdicts: &[Verdict]) -> Vec<FlowIndex> {
        let mut keyed: Vec<(u8, FrameId, FlowIndex)> = self
            .flows
            .iter()
            .enumerate()
            .filter_map(|(flow, standing)| standing.map(|standing| (FlowIndex(flow as u32), standing)))
            .map(|(flow, standing)| (standing.reason.verdict(), standing.id, flow))
            .filter(|(verdict, _, _)| verdicts.is_empty() || verdicts.contains(verdict))
            .map(|(verdict, id, flow)| (if sort == Sort::Worst { verdict as u8 } else { 0 }, id, flow))
            .collect();
        keyed.sort_unstable();
        keyed.into_iter().map(|(_, _, flow)| flow).collect()
    }
}

impl Group {
    fn add(&mut self, flow: FlowIndex, standing: &Standing, first: Timestamp, last: Timestamp) {
        self.flows += 1;
        self.packets += u64::from(standing.packets);
        self.bytes += standing.bytes;
        self.first_seen = self.first_seen.min(first);
        self.last_seen = self.last_seen.max(last);
        self.example = self.example.min((standing.id, flow));
    }
}

fn kind(judgement: &Judgement<'_>, facts: &Facts) -> Kind {
    let mut left_at: SmallVec<[PointIndex; 2]> =
        judgement.wire.legs.iter().map(|(_, leg)| facts.place(leg.place).point).collect();
    left_at.sort_unstable();
    left_at.dedup();
    let mut sources = judgement.wire.addresses();
    sources.sort_unstable();
    Kind {
        verdict: judgement.verdict(),
        reason: judgement.reason,
        outcome: judgement.found.outcome,
        protocol: judgement.view.first().key.protocol,
        origin: judgement.origin.map(|origin| origin.address),
        destination: judgement.view.destination(),
        sources,
        expectation: judgement.expectation.map(|index| index as u32),
        left_at,
    }
}
