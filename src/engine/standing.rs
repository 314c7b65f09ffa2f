//! How every flow stands, and the totals over all: kept as flows change, never counted anew.
//!
//! A flow that is let go of keeps counting, in its group and in the totals, with the verdict that it had.

use crate::engine::began::Began;
use crate::engine::groups::{Group, Groups, Kind};
use crate::facts::Facts;
use crate::flow::FlowIndex;
use crate::frame::{FrameId, Timestamp};
use crate::judge::Judgement;
use crate::snapshot::Sort;
use crate::text::Text;
use crate::verdict::{Reason, Verdict};

/// A flow's verdict, as kept for each of perhaps millions of flows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub id: FrameId,
    pub bytes: u64,
    pub packets: u32,
    pub group: u32,
    pub reason: Reason,
    /// When its first frame came, as [`Began`] counts it.
    pub began: Timestamp,
    /// It has not settled: time alone may change what is said of it.
    pub is_open: bool,
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
    groups: Groups,
    pub total: Counts,
    pub by_expectation: Vec<Counts>,
    /// Flows that had settled and are no longer held; that were let go of before that.
    pub expired: u64,
    pub evicted: u64,
    /// When flows began, by the addresses that they left with.
    pub began: Began,
    /// Flows in an order that was asked for.
    order: Option<(Sort, Vec<Verdict>, Vec<FlowIndex>)>,
}

impl Standings {
    pub(super) fn new(expectations: usize, groups: usize) -> Self {
        Self {
            flows: Vec::new(),
            groups: Groups::new(groups),
            total: Counts::default(),
            by_expectation: vec![Counts::default(); expectations],
            expired: 0,
            evicted: 0,
            began: Began::default(),
            order: None,
        }
    }

    /// Enters a flow's judgement in place of what was there before; `is_open` if the flow has not settled.
    pub(super) fn enter(&mut self, flow: FlowIndex, judgement: &Judgement<'_>, facts: &Facts, is_open: bool) {
        let view = &judgement.view;
        let fullest = view.fullest();
        let before = self.take_out(flow);
        let standing = Standing {
            id: view.id(),
            bytes: fullest.bytes,
            packets: fullest.out.saturating_add(fullest.back),
            group: self.groups.number(Kind::of(judgement, facts)),
            reason: judgement.reason,
            began: self.began.admit(view.first_seen()),
            is_open,
        };
        self.put_in(flow, standing, view.first_seen(), view.last_seen());
        if let Some(before) = before {
            self.groups.tidy(before);
        }
    }

    /// The flows that had not settled when they were judged.
    pub(super) fn open(&self) -> impl Iterator<Item = (FlowIndex, &Standing)> {
        let standing = (0..).map(FlowIndex).zip(&self.flows);
        standing.filter_map(|(flow, standing)| {
            standing.as_ref().filter(|standing| standing.is_open).map(|standing| (flow, standing))
        })
    }

    /// Takes a flow out of all totals.
    pub(super) fn withdraw(&mut self, flow: FlowIndex) {
        if let Some(group) = self.take_out(flow) {
            self.groups.tidy(group);
        }
    }

    /// Takes a flow out; returns its group, which may be left empty.
    fn take_out(&mut self, flow: FlowIndex) -> Option<u32> {
        let standing = self.flows.get_mut(flow.0 as usize).and_then(Option::take)?;
        self.began.subtract(&self.groups.get(standing.group).kind, standing.began);
        self.groups.get_mut(standing.group).subtract(&standing);
        self.change(&standing, false);
        self.order = None;
        Some(standing.group)
    }

    fn put_in(&mut self, flow: FlowIndex, standing: Standing, first: Timestamp, last: Timestamp) {
        self.began.add(&self.groups.get(standing.group).kind, standing.began);
        self.groups.get_mut(standing.group).add(flow, &standing, first, last);
        self.change(&standing, true);
        if self.flows.len() <= flow.0 as usize {
            self.flows.resize(flow.0 as usize + 1, None);
        }
        self.flows[flow.0 as usize] = Some(standing);
        self.order = None;
    }

    fn change(&mut self, standing: &Standing, enters: bool) {
        let verdict = standing.reason.verdict();
        self.total.change(verdict, enters);
        if let Some(index) = self.groups.get(standing.group).kind.expectation {
            self.by_expectation[index as usize].change(verdict, enters);
        }
    }

    /// Lets go of a flow that has settled; `name` is what it calls its destination.
    pub(super) fn expire(&mut self, flow: FlowIndex, name: Option<&Text>) {
        self.expired += u64::from(self.let_go(flow, name));
    }

    /// Lets go of a flow that more could have been said of: if it has not failed by now, it stays open. `seen` is when its first
    /// and its last frame came.
    pub(super) fn evict(&mut self, flow: FlowIndex, name: Option<&Text>, seen: (Timestamp, Timestamp)) {
        let Some(standing) = self.of(flow).copied() else { return };
        let kind = self.groups.get(standing.group).kind.evicted();
        let before = self.take_out(flow);
        let standing = Standing { reason: kind.reason, group: self.groups.number(kind), ..standing };
        self.put_in(flow, standing, seen.0, seen.1);
        if let Some(before) = before {
            self.groups.tidy(before);
        }
        self.evicted += u64::from(self.let_go(flow, name));
    }

    fn let_go(&mut self, flow: FlowIndex, name: Option<&Text>) -> bool {
        let Some(standing) = self.flows.get_mut(flow.0 as usize).and_then(Option::take) else { return false };
        self.groups.get_mut(standing.group).let_go(&standing, name);
        true
    }

    /// Takes in the new numbers of flows; those without one were let go of.
    pub(super) fn renumber(&mut self, new: impl Fn(FlowIndex) -> Option<FlowIndex>) {
        let old = std::mem::take(&mut self.flows);
        let stays = (0..).map(FlowIndex).zip(old);
        // New numbers are the old ones in their order.
        for (new, standing) in stays.filter_map(|(old, standing)| Some((new(old)?, standing))) {
            self.flows.resize(new.0 as usize, None);
            self.flows.push(standing);
        }
        self.groups.renumber(new);
        self.order = None;
    }

    /// How a flow stands; `None` if it does not count.
    pub(super) fn of(&self, flow: FlowIndex) -> Option<&Standing> {
        self.flows.get(flow.0 as usize)?.as_ref()
    }

    pub(super) fn group_of(&self, flow: FlowIndex) -> Option<&Group> {
        self.of(flow).map(|standing| self.groups.get(standing.group))
    }

    /// Whether what is said of a flow's group rests on it.
    pub(super) fn is_example(&self, flow: FlowIndex) -> bool {
        self.group_of(flow).is_some_and(|group| group.example.1 == Some(flow))
    }

    /// Finds the examples of groups that lost flows, by one look at all flows.
    pub(super) fn settle(&mut self) {
        if self.groups.are_stale() {
            self.groups.settle(held(&self.flows));
        }
    }

    /// The groups that have flows, worst first, then by their first frame.
    pub(super) fn groups(&self) -> Vec<&Group> {
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_by_key(|group| (group.kind.verdict, group.example.0));
        groups
    }

    /// How many numbers groups have.
    pub(super) fn group_numbers(&self) -> usize {
        self.groups.numbers()
    }

    /// Every flow that is held and stands, with its group.
    pub(super) fn flows(&self) -> impl Iterator<Item = (FlowIndex, &Group)> + '_ {
        held(&self.flows).map(|(flow, standing)| (flow, self.groups.get(standing.group)))
    }

    /// The flows with one of the verdicts (all, if none is named), by their first frames, or worst first. Kept until a flow changes.
    pub(super) fn ordered(&mut self, sort: Sort, verdicts: &[Verdict]) -> &[FlowIndex] {
        let is_kept = self.order.as_ref().is_some_and(|(s, v, _)| *s == sort && v == verdicts);
        if !is_kept {
            self.order = Some((sort, verdicts.to_vec(), self.sorted(sort, verdicts)));
        }
        self.order.as_ref().map_or(&[], |(_, _, flows)| flows)
    }

    /// How many of the flows that are held have one of the verdicts; all, if none is named.
    pub(super) fn matching(&self, verdicts: &[Verdict]) -> usize {
        let admits =
            |standing: &Standing| verdicts.is_empty() || verdicts.contains(&standing.reason.verdict());
        held(&self.flows).filter(|(_, standing)| admits(standing)).count()
    }

    /// Every flow that is held and stands.
    pub(super) fn standing(&self) -> impl Iterator<Item = (FlowIndex, &Standing)> + '_ {
        held(&self.flows)
    }

    fn sorted(&self, sort: Sort, verdicts: &[Verdict]) -> Vec<FlowIndex> {
        let mut keyed: Vec<(u8, FrameId, FlowIndex)> = held(&self.flows)
            .map(|(flow, standing)| (standing.reason.verdict(), standing.id, flow))
            .filter(|(verdict, _, _)| verdicts.is_empty() || verdicts.contains(verdict))
            .map(|(verdict, id, flow)| (if sort == Sort::First { 0 } else { verdict as u8 }, id, flow))
            .collect();
        keyed.sort_unstable();
        keyed.into_iter().map(|(_, _, flow)| flow).collect()
    }
}

fn held(flows: &[Option<Standing>]) -> impl Iterator<Item = (FlowIndex, &Standing)> {
    (0..).map(FlowIndex).zip(flows).filter_map(|(flow, standing)| Some((flow, standing.as_ref()?)))
}
