//! What needs a word: flows with one cause, told once.
//!
//! A hundred pods that leave with one node's address are one problem. Failing and open flows are one where reason,
//! expectation, sources and exit are equal; flows that left as they should and were not let in, where what became
//! of them, sources and destination are.

use std::collections::{BTreeMap, BTreeSet};

use smallvec::SmallVec;

use crate::engine::groups::{Group, Kind};
use crate::engine::named::GroupNames;
use crate::engine::rows;
use crate::engine::{Engine, judge};
use crate::explain::{self, Explainer, Subject, Told};
use crate::flow::FlowIndex;
use crate::frame::{FrameId, PointIndex, Timestamp};
use crate::net::{Address, Endpoint};
use crate::snapshot::Problem;
use crate::verdict::{Outcome, Reason, Verdict};
use crate::view::View;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Cause {
    verdict: Verdict,
    reason: Reason,
    /// Only where the verdict is a pass: what became of the flows, and where they went.
    rejected: Option<(Outcome, Option<Endpoint>)>,
    expectation: Option<u32>,
    sources: SmallVec<[Address; 2]>,
    left_at: SmallVec<[PointIndex; 2]>,
    is_evicted: bool,
}

#[derive(Debug)]
struct Case {
    flows: u64,
    /// How many of them conntrack alone tells of.
    told: u64,
    first_seen: Timestamp,
    /// The first of those that are held, else the first of all.
    example: (FrameId, Option<FlowIndex>),
    origins: BTreeSet<Option<Address>>,
    outcomes: BTreeSet<Outcome>,
    /// By number.
    groups: BTreeSet<u32>,
}

/// Problems told; the flows of all others are in their groups.
pub(super) const TOLD: usize = 1000;
/// Those that a screen has room for.
pub(super) const SHOWN: usize = 16;

/// The worst problems, `most` of them.
pub(super) fn problems(engine: &Engine, groups: &[&Group], most: usize) -> Vec<Problem> {
    let mut cases: BTreeMap<Cause, Case> = BTreeMap::new();
    for group in groups {
        if let Some(cause) = cause(&group.kind) {
            cases.entry(cause).or_insert_with(|| Case::new(group)).add(group);
        }
    }
    let mut cases: Vec<_> = cases.into_iter().collect();
    cases.sort_by_key(|(cause, case)| (cause.verdict, case.example.0));
    cases.truncate(most);
    let named: BTreeSet<u32> = cases.iter().flat_map(|(_, case)| &case.groups).copied().collect();
    let named: Vec<&Group> = groups.iter().filter(|group| named.contains(&group.number)).copied().collect();
    let names = &GroupNames::of(engine, &named);
    let shares = Shares::of(groups);
    cases.iter().map(|(cause, case)| problem(engine, &shares, names, cause, case)).collect()
}

/// The cause that flows of a kind share with others; `None` where nothing needs to be said.
fn cause(kind: &Kind) -> Option<Cause> {
    if !Problem::is_of(kind.verdict, kind.reason, kind.outcome) {
        return None;
    }
    let rejected = (kind.verdict == Verdict::Pass).then_some((kind.outcome, kind.destination));
    Some(Cause {
        verdict: kind.verdict,
        reason: kind.reason,
        rejected,
        expectation: kind.expectation,
        sources: kind.sources.clone(),
        left_at: kind.left_at.clone(),
        is_evicted: kind.is_evicted,
    })
}

impl Case {
    fn new(group: &Group) -> Self {
        Self {
            flows: 0,
            told: 0,
            first_seen: group.first_seen,
            example: group.example,
            origins: BTreeSet::new(),
            outcomes: BTreeSet::new(),
            groups: BTreeSet::new(),
        }
    }

    fn add(&mut self, group: &Group) {
        self.flows += group.flows;
        self.told += if group.kind.is_told { group.flows } else { 0 };
        self.first_seen = self.first_seen.min(group.first_seen);
        let rank = |(id, held): (FrameId, Option<FlowIndex>)| (held.is_none(), id);
        if rank(group.example) < rank(self.example) {
            self.example = group.example;
        }
        self.origins.insert(group.kind.origin);
        self.outcomes.insert(group.kind.outcome);
        self.groups.insert(group.number);
    }
}

/// An expectation, and an origin that it speaks of.
type Whose = (Option<u32>, Option<Address>);

/// Judged flows by expectation and origin, and by their destination too: what a problem's flows are a share of.
#[derive(Debug, Default)]
struct Shares {
    all: BTreeMap<Whose, u64>,
    by_destination: BTreeMap<(Whose, Option<Endpoint>), u64>,
}

impl Shares {
    fn of(groups: &[&Group]) -> Self {
        let mut shares = Self::default();
        for group in groups.iter().filter(|group| group.kind.verdict != Verdict::Exempt) {
            let Kind { expectation, origin, destination, .. } = group.kind;
            *shares.all.entry((expectation, origin)).or_default() += group.flows;
            *shares.by_destination.entry(((expectation, origin), destination)).or_default() += group.flows;
        }
        shares
    }

    /// All judged flows of a case's origins under its expectation; for a rejection, those to its destination.
    fn whole(&self, cause: &Cause, case: &Case) -> u64 {
        let of_origin = |origin: &Option<Address>| match cause.rejected {
            Some((_, destination)) => self.by_destination.get(&((cause.expectation, *origin), destination)),
            None => self.all.get(&(cause.expectation, *origin)),
        };
        case.origins.iter().filter_map(of_origin).sum()
    }
}

fn problem(engine: &Engine, shares: &Shares, names: &GroupNames<'_>, cause: &Cause, case: &Case) -> Problem {
    let subject = Subject::Many {
        flows: case.flows,
        of: shares.whole(cause, case),
        origins: case.origins.len(),
        is_of_destination: cause.rejected.is_some(),
        is_one_outcome: case.outcomes.len() == 1,
        told: match case.told {
            0 => Told::None,
            told if told == case.flows => Told::All,
            _ => Told::Some,
        },
    };
    let explanation = match case.example.1 {
        Some(flow) => {
            let judgement = judge(&engine.table, &engine.facts, &engine.settings).judge(flow);
            let explainer = Explainer { facts: &engine.facts, expectations: &engine.settings.expectations };
            explainer.explain(&judgement, subject, names.common(&case.groups))
        }
        None => explain::let_go(cause.reason, case.flows, cause.is_evicted),
    };
    let only = case.outcomes.first().copied().filter(|_| case.outcomes.len() == 1);
    Problem {
        reason: cause.reason,
        outcome: only,
        expectation: cause.expectation.map(|index| index as usize),
        flows: case.flows,
        first_seen: case.first_seen,
        example: engine.frame_name(case.example.0),
        sentence: explanation.sentence,
        remark: case.example.1.and_then(|flow| rows::link(engine, flow)).map(|link| {
            let view = View::of(&engine.table, link.other, &engine.settings.expectations.cluster);
            explain::other_side(link, &view, &engine.frame_name(view.id()))
        }),
        because: cause.expectation.map_or_else(Vec::new, |index| {
            let expectation = &engine.settings.expectations.list[index as usize];
            if expectation.is_derived { expectation.because.clone() } else { Vec::new() }
        }),
        next_step: explanation.next_step,
    }
}
