//! Flows that failed or stayed open for one cause: what is explained once, and not per flow.
//!
//! A hundred pods that leave with one node's address are one problem. Flows are of one kind when verdict,
//! reason, expectation, sources and point of exit are equal; the words are those of the kind's first flow.

use std::collections::HashMap;

use super::number::thousands;
use crate::net::{Address, Endpoint};
use crate::snapshot::Group;
use crate::verdict::Verdict;

/// Flows of one kind; `first` is the group of the first of them.
#[derive(Debug)]
pub(super) struct Problem<'a> {
    pub(super) first: &'a Group,
    pub(super) flows: u64,
    origins: Vec<Option<Address>>,
    destinations: Vec<(Endpoint, &'static str)>,
}

/// The kinds among `groups`, in the order of their first group.
pub(super) fn problems<'a>(groups: impl IntoIterator<Item = &'a Group>) -> Vec<Problem<'a>> {
    let mut problems: Vec<Problem<'a>> = Vec::new();
    let mut known = HashMap::new();
    for group in groups.into_iter().filter(|g| matches!(g.verdict, Verdict::Fail | Verdict::Inconclusive)) {
        let kind = (group.verdict, group.reason, group.expectation, &group.sources, &group.left_at);
        let index = *known.entry(kind).or_insert_with(|| {
            problems.push(Problem { first: group, flows: 0, origins: Vec::new(), destinations: Vec::new() });
            problems.len() - 1
        });
        problems[index].add(group);
    }
    for problem in &mut problems {
        problem.origins.sort_unstable();
        problem.origins.dedup();
        problem.destinations.sort_unstable();
        problem.destinations.dedup();
    }
    problems
}

impl<'a> Problem<'a> {
    fn add(&mut self, group: &'a Group) {
        self.flows += group.flows;
        self.origins.push(group.origin);
        self.destinations.push((group.destination, group.protocol));
        if group.first_seen < self.first.first_seen {
            self.first = group;
        }
    }

    /// `10.128.0.5 → 203.0.113.25:443 tcp`, `3 origins → 12 destinations`.
    pub(super) fn way(&self) -> String {
        format!("{} → {}", self.from(), self.to())
    }

    fn from(&self) -> String {
        match self.origins[..] {
            [Some(origin)] => origin.to_string(),
            [None] => "origin not seen".to_owned(),
            _ => format!("{} origins", thousands(self.origins.len() as u64)),
        }
    }

    fn to(&self) -> String {
        match self.destinations[..] {
            [(destination, protocol)] => format!("{destination} {protocol}"),
            _ => format!("{} destinations", thousands(self.destinations.len() as u64)),
        }
    }
}
