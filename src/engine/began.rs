//! When flows began, by the addresses that they left with: a leak or a failover is a change among them.
//!
//! Counted are flows that left, and those that should be judged and were not seen to leave; what stays inside is nobody's question.
//! The first [`ADDRESSES`] addresses are told apart, all others count together.

use smallvec::{SmallVec, smallvec};

use super::groups::Kind;
use super::steps::Steps;
use crate::frame::Timestamp;
use crate::snapshot::Left;
use crate::verdict::Verdict;

/// Addresses that are told apart: some 1 KiB each.
const ADDRESSES: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Began {
    pub steps: Steps,
    pub list: Vec<(Left, Vec<u32>)>,
}

impl Began {
    /// The time at which a flow that began then is counted.
    pub(super) fn admit(&mut self, time: Timestamp) -> Timestamp {
        let (time, change) = self.steps.admit(time);
        if !change.is_none() {
            for (_, counts) in &mut self.list {
                change.apply(counts, self.steps.count);
            }
        }
        time
    }

    pub(super) fn add(&mut self, kind: &Kind, began: Timestamp) {
        let step = self.steps.step(began);
        for left in lefts(kind) {
            let count = self.count(left, step);
            *count = count.saturating_add(1);
        }
    }

    pub(super) fn subtract(&mut self, kind: &Kind, began: Timestamp) {
        let step = self.steps.step(began);
        for left in lefts(kind) {
            let count = self.count(left, step);
            *count = count.saturating_sub(1);
        }
    }

    /// How a source is counted: as itself, or among the others.
    pub(super) fn counted_as(&self, left: Left) -> Left {
        let is_known = self.list.iter().any(|(known, _)| *known == left);
        if is_known || self.list.len() < ADDRESSES { left } else { Left::AsOther }
    }

    fn count(&mut self, left: Left, step: usize) -> &mut u32 {
        let left = self.counted_as(left);
        let at = self.list.iter().position(|(known, _)| *known == left).unwrap_or_else(|| {
            self.list.push((left, Vec::new()));
            self.list.len() - 1
        });
        let counts = &mut self.list[at].1;
        if counts.len() < self.steps.count {
            counts.resize(self.steps.count, 0);
        }
        &mut counts[step]
    }
}

/// What the flows of a kind left with; nothing where that is not the question.
pub(super) fn lefts(kind: &Kind) -> SmallVec<[Left; 2]> {
    match (&kind.sources[..], kind.verdict) {
        ([], Verdict::Exempt) => SmallVec::new(),
        ([], _) => smallvec![Left::Unseen],
        (sources, _) => sources.iter().map(|source| Left::As(*source)).collect(),
    }
}
