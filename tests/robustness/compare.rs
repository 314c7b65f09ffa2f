//! What two conclusions say of the same flows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use egret::net::{Address, Endpoint};
use egret::snapshot::{Confidence, Leg, Method, Row};
use egret::verdict::{Outcome, Reason, Verdict};

use crate::run::Conclusion;

/// As many disagreements are told in full, at most.
const TOLD: usize = 12;

/// All disagreements of a test; told at once when it ends.
#[derive(Debug, Default)]
pub(crate) struct Disagreements(Vec<String>);

impl Disagreements {
    pub(crate) fn tell(&mut self, what: String) {
        self.0.push(what);
    }

    pub(crate) fn settle(self) {
        let told: String = self.0.iter().take(TOLD).fold(String::new(), |mut all, what| {
            writeln!(all, "{what}").expect("memory takes all");
            all
        });
        assert!(self.0.is_empty(), "{} disagreements; the first of them:\n{told}", self.0.len());
    }
}

/// A leg without its ports: place, tunnel, first frame.
type Sight = (String, String, String);

/// What is said of a flow, without ports and times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) verdict: Verdict,
    reason: Reason,
    outcome: Outcome,
    origin: Option<Address>,
    wire: BTreeSet<Address>,
    destination: Address,
    join: (Method, Confidence),
}

impl Said {
    fn of(row: &Row) -> Self {
        Self {
            verdict: row.verdict,
            reason: row.reason,
            outcome: row.outcome,
            origin: row.origin.map(|end| end.address),
            wire: row.wire_sources.iter().map(|source| source.address).collect(),
            destination: row.destination.address,
            join: (row.join.method, row.join.confidence),
        }
    }
}

fn sight(leg: &Leg) -> Sight {
    (leg.place.clone(), tunnel(leg), leg.first_frame.clone())
}

fn tunnel(leg: &Leg) -> String {
    leg.tunnel.as_ref().map_or_else(String::new, |tunnel| format!("{:?}", tunnel.id))
}

/// Every flow by where its legs begin, and what is said of it.
fn flows(conclusion: &Conclusion) -> BTreeMap<BTreeSet<Sight>, Said> {
    conclusion.rows.iter().map(|row| (row.legs.iter().map(sight).collect(), Said::of(row))).collect()
}

/// Tells of every flow that is in one conclusion alone, or of which they say different things.
pub(crate) fn same_flows(before: &Conclusion, after: &Conclusion, what: &str, told: &mut Disagreements) {
    let (known, found) = (flows(before), flows(after));
    for (legs, said) in &known {
        match found.get(legs) {
            None => told.tell(format!("{what}: no such flow any more: {legs:?} {said:?}")),
            Some(now) if now != said => told.tell(format!("{what}: {legs:?}\n  was {said:?}\n  is  {now:?}")),
            Some(_) => {}
        }
    }
    for (legs, said) in found.iter().filter(|(legs, _)| !known.contains_key(*legs)) {
        told.tell(format!("{what}: a flow that was not there: {legs:?} {said:?}"));
    }
    if before.verdict != after.verdict {
        told.tell(format!("{what}: the run was {:?} and is {:?}", before.verdict, after.verdict));
    }
}

/// Place, tunnel, and both ends of a leg, the smaller first.
type Seat = (String, String, Endpoint, Endpoint);

/// Finds the flow that a leg of a changed capture belonged to before.
#[derive(Debug)]
pub(crate) struct Before<'a> {
    conclusion: &'a Conclusion,
    /// First frames and rows of the legs that were seen at one place under one tuple, in order.
    legs: BTreeMap<Seat, Vec<(u64, usize)>>,
}

impl<'a> Before<'a> {
    pub(crate) fn new(conclusion: &'a Conclusion) -> Self {
        let mut legs: BTreeMap<Seat, Vec<(u64, usize)>> = BTreeMap::new();
        for (index, row) in conclusion.rows.iter().enumerate() {
            for leg in &row.legs {
                legs.entry(seat(leg, &leg.place)).or_default().push((ordinal(leg), index));
            }
        }
        for known in legs.values_mut() {
            known.sort_unstable();
        }
        Self { conclusion, legs }
    }

    /// The rows that a row is made of. `number` gives the number that a frame was recorded with; parts of a
    /// capture are named after it, with a dot.
    pub(crate) fn rows_of(&self, row: &Row, number: impl Fn(&str, u64) -> u64) -> Vec<&'a Row> {
        let mut rows: Vec<usize> = Vec::new();
        for leg in &row.legs {
            let point = leg.first_frame.rsplit_once(':').expect("a frame has a point").0;
            let whole = point.split('.').next().expect("a part");
            let place = leg.place.replacen(point, whole, 1);
            let first = number(point, ordinal(leg));
            let known = self.legs.get(&seat(leg, &place)).map_or(&[][..], Vec::as_slice);
            let latest = known.iter().rfind(|(began, _)| *began <= first).or_else(|| known.first());
            rows.extend(latest.map(|(_, row)| *row));
        }
        rows.sort_unstable();
        rows.dedup();
        rows.into_iter().map(|index| &self.conclusion.rows[index]).collect()
    }
}

/// Who began is not told: a part of a flow may not show it.
fn seat(leg: &Leg, place: &str) -> Seat {
    let (low, high) = (leg.source.min(leg.destination), leg.source.max(leg.destination));
    (place.to_owned(), tunnel(leg), low, high)
}

fn ordinal(leg: &Leg) -> u64 {
    let (_, number) = leg.first_frame.rsplit_once(':').expect("a frame has a point");
    number.parse().expect("a number")
}

/// Tells of every flow that was no pass and of which nothing is left that does not pass; and of a run that passes although
/// one of its failures is still there.
pub(crate) fn no_new_pass(
    before: &Conclusion,
    after: &Conclusion,
    number: impl Fn(&str, u64) -> u64,
    what: &str,
    told: &mut Disagreements,
) {
    let known = Before::new(before);
    let mut parts: BTreeMap<&str, (&Row, Vec<&Row>)> = BTreeMap::new();
    for row in &after.rows {
        let made_of = known.rows_of(row, &number);
        for was in made_of {
            parts.entry(&was.id).or_insert((was, Vec::new())).1.push(row);
        }
    }
    for (was, left) in parts.values().filter(|(was, _)| was.verdict != Verdict::Pass) {
        if left.iter().all(|row| row.verdict == Verdict::Pass) {
            let (said, now) = (Said::of(was), left.iter().map(|row| Said::of(row)).collect::<Vec<_>>());
            told.tell(format!("{what}: {} passes\n  was {said:?}\n  is  {now:?}", was.id));
        }
    }
    let still_there = parts.values().any(|(was, _)| was.verdict == Verdict::Fail);
    if after.verdict == Verdict::Pass && still_there {
        told.tell(format!("{what}: the run passes although a flow that failed is still there"));
    }
}
