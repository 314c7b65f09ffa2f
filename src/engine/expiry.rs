//! Lets go of flows: those that settled long ago, and, where there is no room for more, others (`lifetime` has the rules).
//!
//! A flow is judged before it goes, as it then stands, and keeps counting so. What is learnt later of places and roles no
//! longer changes that. A packet that comes later still for its 5-tuple begins a flow of its own.
//!
//! A look at all flows costs as much as there are, so it waits until as many were opened as stayed after the last one, or until
//! the time that flows are held has gone by in ticks. No flow goes by time of which a packet came since the last look:
//! whatever one absurd time says, a flow that lives stays. How points are interleaved makes no difference but in this: where one
//! is behind the others by more than flows are held, what it shows of a flow that was let go of is another flow; and at
//! the brim of the room it tells which flows are the oldest.

use crate::engine::Engine;
use crate::engine::settled::{Clocks, quiet};
use crate::flow::FlowIndex;
use crate::flow::forget::Load;
use crate::frame::Timestamp;
use crate::verdict::Verdict;

/// Tracks opened between two looks, at least.
const FEW: usize = 8192;

/// When flows were last looked at.
#[derive(Debug)]
pub(super) struct LastLook {
    /// Tracks that stayed.
    tracks: usize,
    time: Timestamp,
}

impl Default for LastLook {
    fn default() -> Self {
        Self { tracks: 0, time: Timestamp::MIN }
    }
}

/// In which order flows make room: the first go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Settled,
    SettledFailure,
    Unsettled,
    UnsettledFailure,
    Example,
}

impl Engine {
    /// Lets go of flows if it is time to, or if there is no room for more.
    pub(super) fn let_go(&mut self) {
        let load = self.table.load();
        if !load.fits(&self.settings.lifetime.room.flows) {
            self.make_room();
        } else if let Some(keep) = self.settings.lifetime.keep
            && self.is_time_to_look(load.tracks, keep)
        {
            self.expire(keep);
        }
    }

    fn is_time_to_look(&mut self, tracks: usize, keep: i64) -> bool {
        if self.last_look.time == Timestamp::MIN {
            // The first tick.
            self.last_look.time = self.now;
        }
        let has_grown = tracks >= self.last_look.tracks + self.last_look.tracks.max(FEW);
        has_grown || (tracks > 0 && self.now - self.last_look.time >= keep)
    }

    /// Lets go of flows that have settled and were quiet for `keep` ns.
    fn expire(&mut self, keep: i64) {
        self.refresh();
        let clocks = self.clocks();
        let mut goes = vec![false; self.table.flows.len()];
        let mut failures = Vec::new();
        for flow in self.table.standing_flows() {
            let for_ns = quiet(&self.table, flow, &clocks);
            let is_due = for_ns >= keep && !self.table.is_stirred(flow) && self.is_settled(flow, &clocks);
            if !is_due || self.standings.is_example(flow) {
                continue;
            }
            if self.has_failed(flow) {
                failures.push((for_ns, flow));
            } else {
                goes[flow.0 as usize] = true;
            }
        }
        // The latest failures stay.
        failures.sort_unstable();
        for (_, flow) in failures.into_iter().skip(self.settings.lifetime.room.failures) {
            goes[flow.0 as usize] = true;
        }
        for flow in (0..).map(FlowIndex).take(goes.len()).filter(|flow| goes[flow.0 as usize]) {
            self.expire_one(flow);
        }
        self.forget(&goes, &clocks, keep);
    }

    /// Lets go of the flows whose turn it is, until a quarter of the room is free.
    fn make_room(&mut self) {
        self.refresh();
        let clocks = self.clocks();
        let mut turns: Vec<(Turn, std::cmp::Reverse<i64>, FlowIndex)> = self
            .table
            .standing_flows()
            .map(|flow| {
                (self.turn(flow, &clocks), std::cmp::Reverse(quiet(&self.table, flow, &clocks)), flow)
            })
            .collect();
        turns.sort_unstable();
        let room = self.settings.lifetime.room.flows;
        let quarter = |of: usize| of - of / 4;
        let enough = Load {
            tracks: quarter(room.tracks),
            legs: quarter(room.legs),
            prints: quarter(room.prints),
            signs: quarter(room.signs),
        };
        let loads = self.table.loads();
        let mut load = self.table.load();
        let mut goes = vec![false; self.table.flows.len()];
        for (turn, _, flow) in turns {
            if load.fits(&enough) {
                break;
            }
            load = load.less(&loads[flow.0 as usize]);
            goes[flow.0 as usize] = true;
            if self.is_over(flow, &clocks) || turn <= Turn::SettledFailure {
                self.expire_one(flow);
            } else {
                self.evict_one(flow);
            }
        }
        self.forget(&goes, &clocks, self.settings.lifetime.keep.unwrap_or(i64::MAX));
    }

    fn turn(&self, flow: FlowIndex, clocks: &Clocks) -> Turn {
        if self.standings.of(flow).is_none() {
            // It does not count, so nothing is lost with it.
            return Turn::Settled;
        }
        match (self.is_over(flow, clocks), self.has_failed(flow)) {
            _ if self.standings.is_example(flow) => Turn::Example,
            (true, false) => Turn::Settled,
            (true, true) => Turn::SettledFailure,
            (false, false) => Turn::Unsettled,
            (false, true) => Turn::UnsettledFailure,
        }
    }

    /// Whether a flow has settled, as far as that can be known: files are read one after the other, so while there are several,
    /// the next one may show the rest of any flow.
    fn is_over(&self, flow: FlowIndex, clocks: &Clocks) -> bool {
        let may_go_on = self.settings.lifetime.keep.is_none() && self.points.len() > 1 && !self.has_ended;
        !may_go_on && self.is_settled(flow, clocks)
    }

    fn has_failed(&self, flow: FlowIndex) -> bool {
        self.standings.of(flow).is_some_and(|standing| standing.reason.verdict() == Verdict::Fail)
    }

    fn expire_one(&mut self, flow: FlowIndex) {
        if let Some(reason) = self.standings.of(flow).map(|standing| standing.reason) {
            self.tell_last(flow, reason);
        }
        let name = self.name_of_counted(flow).cloned();
        self.standings.expire(flow, name.as_ref());
    }

    fn evict_one(&mut self, flow: FlowIndex) {
        if let Some(reason) = self.standings.group_of(flow).map(|group| group.kind.evicted().reason) {
            self.tell_last(flow, reason);
        }
        let name = self.name_of_counted(flow).cloned();
        let seen = || self.table.tracks_of(flow).flat_map(|t| self.table.legs_of(t)).map(|(_, leg)| leg);
        let first = seen().map(|leg| leg.first_seen).min().unwrap_or(Timestamp::MAX);
        let last = seen().map(|leg| leg.last_seen).max().unwrap_or(Timestamp::MIN);
        self.standings.evict(flow, name.as_ref(), (first, last));
    }

    /// What a flow that counts calls the destination of its group.
    fn name_of_counted(&self, flow: FlowIndex) -> Option<&crate::text::Text> {
        let destination = self.standings.group_of(flow)?.kind.destination?;
        self.name_of(flow, destination.address)
    }

    fn forget(&mut self, goes: &[bool], clocks: &Clocks, keep: i64) {
        if goes.contains(&true) {
            self.offsets = self.clock_offsets();
            let new = self.table.forget(
                |flow| goes[flow.0 as usize],
                |point| clocks.at(point).shifted(keep.saturating_neg()),
            );
            self.standings.renumber(|flow| new.flow(flow));
            self.standings.settle();
            self.links = None;
        }
        self.table.let_rest();
        self.last_look = LastLook { tracks: self.table.tracks.len(), time: self.now };
    }
}
