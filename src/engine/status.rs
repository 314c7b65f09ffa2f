//! How a run stands, for a line that is shown while it goes on: no rows, no groups, no words.

use crate::engine::standing::Standing;
use crate::engine::{Engine, rows, settled};
use crate::flow::FlowIndex;
use crate::snapshot::Summary;
use crate::verdict::Verdict;

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// As [`Snapshot::verdict`](crate::snapshot::Snapshot).
    pub verdict: Verdict,
    pub summary: Summary,
    /// Flows that are held.
    pub held: u64,
    /// Of these, those that were judged and have not settled: more may come that changes what is said of them.
    pub unsettled: u64,
    /// Flows that failed, and of which every place has had the time to show what it shows.
    pub failed: u64,
}

impl Engine {
    /// How the run stands. It costs a judgement of each flow that changed since somebody last asked, and one look at each
    /// flow that is held.
    pub fn status(&mut self) -> Status {
        self.refresh();
        let clocks = self.clocks();
        let is_young_failure = |(flow, standing): &(FlowIndex, &Standing)| {
            standing.reason.verdict() == Verdict::Fail && !settled::is_grown(&self.table, *flow, &clocks)
        };
        let young = self.standings.open().filter(is_young_failure).count() as u64;
        let is_judged = |standing: &Standing| standing.reason.verdict() != Verdict::Exempt;
        Status {
            failed: self.standings.total.of(Verdict::Fail).saturating_sub(young),
            verdict: rows::run_verdict(self, &rows::expectations(self)),
            summary: rows::summary(self),
            held: self.table.standing_flows().count() as u64,
            unsettled: self.standings.open().filter(|(_, standing)| is_judged(standing)).count() as u64,
        }
    }
}
