//! Flows that are equal in what a reader compares, a row each, under their verdict and reason.
//!
//! Groups that differ only in their outcome share a row, which then counts its outcomes. A destination has its name before its
//! address where there is room for the names of all rows; else none has. Where the page is
//! too narrow for columns, each row becomes a short paragraph instead: an address is never cut, since a cut
//! address is another address.

use std::borrow::Cow;
use std::collections::HashSet;
use std::collections::hash_map::{Entry, HashMap};

use super::page::{Cell, Page, Tone};
use crate::net::{Address, Endpoint};
use crate::number::{counted, thousands};
use crate::prose::{clean, columns};
use crate::snapshot::{Group, Snapshot};
use crate::verdict::{Outcome, Reason, Verdict};

/// Rows shown at most; they come worst first.
const ROWS: usize = 40;
/// More rows than this, and passes that differ only in their ends become one; then what stayed open.
const CALM: usize = 16;
/// Addresses named in one cell at most.
const NAMED: usize = 2;

/// Writes the rows of `groups`.
pub(super) fn write(page: &mut Page, run: &Snapshot, groups: &[&Group]) {
    let several_exits = exits_differ(run);
    let mut rows = merged(groups, several_exits);
    for verdict in [Verdict::Exempt, Verdict::Pass, Verdict::Inconclusive] {
        if rows.len() > CALM {
            rows = folded(rows, verdict);
        }
    }
    if rows.is_empty() {
        return;
    }
    page.gap();
    let beyond = rows.split_off(rows.len().min(ROWS));
    if !write_columns(page, &rows) {
        for row in &mut rows {
            row.name = None;
        }
        if !write_columns(page, &rows) {
            rows_as_prose(page, &rows);
        }
    }
    say_beyond(page, &beyond);
}

/// Writes rows in columns, if the page is wide enough.
fn write_columns(page: &mut Page, rows: &[Row]) -> bool {
    let table = Table::of(rows);
    let Some(room) = table.outcome_room(page.width()) else { return false };
    table.write(page, rows, room);
    true
}

/// Whether flows left at different points, so that a row must say where.
fn exits_differ(run: &Snapshot) -> bool {
    let mut exits = run.groups.iter().map(|group| &group.left_at).filter(|left_at| !left_at.is_empty());
    exits.next().is_some_and(|first| exits.any(|other| other != first))
}

#[derive(Debug)]
struct Row {
    verdict: Verdict,
    reason: Reason,
    flows: u64,
    from: String,
    /// Address, port and protocol.
    to: String,
    /// The name of all its destinations.
    name: Option<String>,
    left_as: String,
    /// `left_as` in a sentence.
    left: String,
    expected: String,
    outcomes: Vec<(Outcome, u64)>,
}

/// What a reader compares.
#[derive(PartialEq, Eq, Hash)]
struct Key<'a> {
    verdict: Verdict,
    reason: Reason,
    protocol: &'static str,
    origin: Option<Address>,
    destination: Option<Endpoint>,
    sources: &'a [Address],
    expected: &'a [String],
    left_at: &'a [String],
}

fn merged(groups: &[&Group], several_exits: bool) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut known = HashMap::new();
    let mut reasons: Vec<Reason> = Vec::new();
    for group in groups {
        let key = Key {
            verdict: group.verdict,
            reason: group.reason,
            protocol: group.protocol,
            origin: group.origin,
            destination: group.destination,
            sources: &group.sources,
            expected: &group.expected,
            left_at: if several_exits { &group.left_at } else { &[] },
        };
        let index = *known.entry(key).or_insert_with(|| {
            rows.push(Row::of(group, several_exits));
            rows.len() - 1
        });
        let row = &mut rows[index];
        row.count(group.outcome, group.flows);
        if row.name != name_of(group) {
            row.name = None;
        }
        if !reasons.contains(&group.reason) {
            reasons.push(group.reason);
        }
    }
    rows.sort_by_key(|row| (row.verdict, reasons.iter().position(|reason| *reason == row.reason)));
    rows
}

/// `rows` with those of `verdict` folded that differ only in where they come from, go and end.
///
/// Failures are never folded: each of their addresses is somebody's to look at.
fn folded(rows: Vec<Row>, verdict: Verdict) -> Vec<Row> {
    let mut folds: Vec<Fold> = Vec::new();
    let mut known: HashMap<_, usize> = HashMap::new();
    for row in rows {
        if row.verdict != verdict {
            folds.push(Fold::of(row));
            continue;
        }
        match known.entry((row.reason, row.left_as.clone(), row.expected.clone())) {
            Entry::Occupied(index) => folds[*index.get()].add(row),
            Entry::Vacant(index) => {
                index.insert(folds.len());
                folds.push(Fold::of(row));
            }
        }
    }
    folds.into_iter().map(Fold::into_row).collect()
}

/// A row that stands for several, and the ends of all of them.
#[derive(Debug)]
struct Fold {
    row: Row,
    from: HashSet<String>,
    to: HashSet<String>,
}

impl Fold {
    fn of(row: Row) -> Self {
        let (from, to) = (HashSet::from([row.from.clone()]), HashSet::from([row.to.clone()]));
        Self { row, from, to }
    }

    fn add(&mut self, row: Row) {
        for (outcome, flows) in row.outcomes {
            self.row.count(outcome, flows);
        }
        if self.row.name != row.name {
            self.row.name = None;
        }
        self.from.insert(row.from);
        self.to.insert(row.to);
    }

    fn into_row(mut self) -> Row {
        if self.from.len() > 1 {
            self.row.from = counted(self.from.len() as u64, "origin");
        }
        if self.to.len() > 1 {
            self.row.to = counted(self.to.len() as u64, "destination");
            self.row.name = None;
        }
        self.row
    }
}

impl Row {
    fn of(group: &Group, several_exits: bool) -> Self {
        let (mut left_as, mut left) = match (&group.sources[..], group.reason) {
            ([], Reason::NeverLeft | Reason::DroppedAsExpected) => {
                ("nothing".to_owned(), "never left".to_owned())
            }
            ([], _) if group.destination.is_none() => {
                ("various".to_owned(), "left with various addresses".to_owned())
            }
            ([], _) => ("not seen".to_owned(), "not seen leaving".to_owned()),
            (sources, _) => (named(sources), format!("left as {}", named(sources))),
        };
        if several_exits && !group.left_at.is_empty() {
            let at = format!(" at {}", named(&group.left_at));
            left_as.push_str(&at);
            left.push_str(&at);
        }
        Self {
            verdict: group.verdict,
            reason: group.reason,
            flows: 0,
            from: match group.origin {
                Some(origin) => match &group.origin_pod {
                    Some(pod) => clean(&format!("{origin} {pod}")),
                    None => origin.to_string(),
                },
                None if group.destination.is_none() => "various".to_owned(),
                None => "not seen".to_owned(),
            },
            to: match group.destination {
                Some(destination) => format!("{destination} {}", group.protocol),
                None => format!("various {}", group.protocol),
            },
            name: name_of(group),
            left_as: clean(&left_as),
            left,
            expected: clean(&named(&group.expected)),
            outcomes: Vec::new(),
        }
    }

    fn count(&mut self, outcome: Outcome, flows: u64) {
        self.flows += flows;
        match self.outcomes.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, known)) => *known += flows,
            None => self.outcomes.push((outcome, flows)),
        }
    }

    /// `203.0.113.25:443 tcp`, or `api.partner.example (203.0.113.25:443) tcp`.
    fn destination(&self) -> Cow<'_, str> {
        match (&self.name, self.to.split_once(' ')) {
            (Some(name), Some((end, protocol))) => format!("{name} ({end}) {protocol}").into(),
            _ => Cow::Borrowed(&self.to),
        }
    }

    /// `established`, or `established 18,` and `no-reply 2`: what a line break may part.
    fn outcome_parts(&self) -> Vec<String> {
        if let [(outcome, _)] = self.outcomes[..] {
            return vec![outcome.name().to_owned()];
        }
        let part = |(outcome, flows): &(Outcome, u64)| format!("{} {},", outcome.name(), thousands(*flows));
        let mut parts: Vec<_> = self.outcomes.iter().map(part).collect();
        if let Some(last) = parts.last_mut() {
            last.pop();
        }
        parts
    }
}

fn name_of(group: &Group) -> Option<String> {
    group.destination_name.as_ref().map(|name| clean(&name.to_string()))
}

/// Lines of as many `parts` as fit in `room`; always one at least.
fn packed(parts: &[String], room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for part in parts {
        let line = lines.last_mut().expect("there is a line from the start");
        if line.is_empty() {
            line.push_str(part);
        } else if columns(line) + 1 + columns(part) <= room {
            line.push(' ');
            line.push_str(part);
        } else {
            lines.push(part.clone());
        }
    }
    lines
}

/// `a, b +3`: the first few of `items`.
fn named(items: &[impl ToString]) -> String {
    let shown: Vec<_> = items.iter().take(NAMED).map(ToString::to_string).collect();
    match items.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} +{more}", shown.join(", ")),
    }
}

/// The widths of the columns before the last, which is the outcome's. A column that says nothing has none.
#[derive(Debug)]
struct Table {
    flows: usize,
    from: usize,
    to: usize,
    left_as: usize,
    expected: Option<usize>,
    /// The widest part of an outcome, which cannot be broken.
    outcome_part: usize,
}

const FLOWS: &str = "FLOWS";
const FROM: &str = "FROM";
const TO: &str = "TO";
const LEFT_AS: &str = "LEFT AS";
const EXPECTED: &str = "EXPECTED";
const OUTCOME: &str = "OUTCOME";

impl Table {
    fn of(rows: &[Row]) -> Self {
        let widest = |title: &str, text: &dyn Fn(&Row) -> usize| {
            rows.iter().map(text).max().unwrap_or(0).max(columns(title))
        };
        Self {
            flows: widest(FLOWS, &|row| columns(&thousands(row.flows))),
            from: widest(FROM, &|row| columns(&row.from)),
            to: widest(TO, &|row| columns(&row.destination())),
            left_as: widest(LEFT_AS, &|row| columns(&row.left_as)),
            expected: rows
                .iter()
                .any(|row| !row.expected.is_empty())
                .then(|| widest(EXPECTED, &|row| columns(&row.expected))),
            outcome_part: widest(OUTCOME, &|row| {
                row.outcome_parts().iter().map(|part| columns(part)).max().unwrap_or(0)
            }),
        }
    }

    /// Columns left for the outcome; `None` where they do not suffice.
    fn outcome_room(&self, width: usize) -> Option<usize> {
        let expected = self.expected.map_or(0, |expected| expected + 2);
        let taken = self.flows + 2 + self.from + 2 + self.to + 2 + self.left_as + 2 + expected;
        width.checked_sub(taken).filter(|room| *room >= self.outcome_part)
    }

    fn write(&self, page: &mut Page, rows: &[Row], room: usize) {
        page.cells(Tone::Quiet, &self.cells(FLOWS, FROM, TO, LEFT_AS, EXPECTED, OUTCOME));
        let mut section = None;
        for row in rows {
            say_section(page, &mut section, row);
            let outcome = packed(&row.outcome_parts(), room);
            let flows = thousands(row.flows);
            let expected = if row.expected.is_empty() { "–" } else { &row.expected };
            let to = row.destination();
            let first = self.cells(&flows, &row.from, &to, &row.left_as, expected, &outcome[0]);
            page.cells(Tone::Plain, &first);
            for line in &outcome[1..] {
                page.cells(Tone::Plain, &self.cells("", "", "", "", "", line));
            }
        }
    }

    fn cells<'a>(
        &self,
        flows: &'a str,
        from: &'a str,
        to: &'a str,
        left_as: &'a str,
        expected: &'a str,
        outcome: &'a str,
    ) -> Vec<Cell<'a>> {
        let left = |text, width| Cell { text, width, right: false };
        let mut cells = vec![
            Cell { text: flows, width: self.flows, right: true },
            left(from, self.from),
            left(to, self.to),
            left(left_as, self.left_as),
        ];
        cells.extend(self.expected.map(|width| left(expected, width)));
        cells.push(left(outcome, 0));
        cells
    }
}

/// For narrow pages and long addresses: what a row says, in two lines or as many as it takes.
fn rows_as_prose(page: &mut Page, rows: &[Row]) {
    let width = rows.iter().map(|row| columns(&thousands(row.flows))).max().unwrap_or(0).max(5);
    let indent = width + 2;
    let mut section = None;
    for row in rows {
        say_section(page, &mut section, row);
        let lead = format!("{:>width$}", thousands(row.flows));
        page.paragraph(&lead, Tone::Plain, indent, &format!("{} → {}", row.from, row.to));
        let expected = match &row.expected[..] {
            "" => String::new(),
            expected => format!(", expected {expected}"),
        };
        let outcome = row.outcome_parts().join(" ");
        let rest = format!("{}{expected}; {outcome}", row.left);
        page.paragraph("", Tone::Plain, indent, &rest);
    }
}

/// `fail · node-ip`, where it is not the section that `row` would stand in anyway.
fn say_section(page: &mut Page, section: &mut Option<Reason>, row: &Row) {
    if section.replace(row.reason) != Some(row.reason) {
        let heading = format!("{} · {}", row.verdict.name(), row.reason.name());
        page.cells(Tone::Verdict(row.verdict), &[Cell { text: &heading, width: 0, right: false }]);
    }
}

/// `… and 12 rows more: 4,000 flows, all pass.`
fn say_beyond(page: &mut Page, beyond: &[Row]) {
    if beyond.is_empty() {
        return;
    }
    let mut parts = Vec::new();
    for verdict in [Verdict::Fail, Verdict::Inconclusive, Verdict::Pass, Verdict::Exempt] {
        let flows: u64 = beyond.iter().filter(|row| row.verdict == verdict).map(|row| row.flows).sum();
        if flows > 0 {
            parts.push(format!("{} {}", thousands(flows), verdict.name()));
        }
    }
    let rows = counted(beyond.len() as u64, "more row");
    let prose = format!("and {rows} ({}); `--format json` has every flow.", parts.join(", "));
    page.paragraph("…", Tone::Plain, 2, &prose);
}
