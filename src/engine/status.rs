//! How a run stands, for a line that is shown while it goes on: no rows, no groups, no words.

use crate::engine::standing::Standing;
use crate::engine::{Engine, rows};
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
}

impl Engine {
    /// How the run stands. It costs a judgement of each flow that changed since somebody last asked, and one look at each
    /// flow that is held.
    pub fn status(&mut self) -> Status {
        self.refresh();
        let is_judged = |standing: &Standing| standing.reason.verdict() != Verdict::Exempt;
        Status {
            verdict: rows::run_verdict(self, &rows::expectations(self)),
            summary: rows::summary(self),
            held: self.table.standing_flows().count() as u64,
            unsettled: self.standings.open().filter(|(_, standing)| is_judged(standing)).count() as u64,
        }
    }
}
