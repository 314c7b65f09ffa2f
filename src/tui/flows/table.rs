//! How the list of flows is drawn: columns as wide as what they have shown so far, the most telling ones first.

use std::ops::Range;

use super::super::layout::{self, List};
use super::super::model::Model;
use super::super::pen::{Pen, Word, padded, right, word};
use super::super::theme::{Tone, mark};
use super::super::{flow, moment, texts};
use super::State;
use super::columns::{BESIDE, GAP, columns_of};
use crate::frame::Timestamp;
use crate::net::{Address, Endpoint};
use crate::prose::{columns, cut};
use crate::snapshot::{Column, Group, Line, Order, Row, Snapshot, Sort};
use crate::text::Text;
use crate::verdict::{Outcome, Verdict};

/// What stands in a line.
pub(super) struct Cells<'a> {
    pub verdict: Verdict,
    pub workload: String,
    /// The workload's address, where that says what it is called.
    pub origin: Option<String>,
    pub destination: String,
    pub name: Option<&'a Text>,
    pub left_as: String,
    pub expected: String,
    pub outcome: Outcome,
    flows: u64,
    packets: u64,
    bytes: u64,
    first_seen: Timestamp,
}

impl<'a> Cells<'a> {
    pub(super) fn of(line: &'a Line) -> Self {
        match line {
            Line::Group { group, is_open, .. } => Self::of_group(group, *is_open),
            Line::Flow { row, is_within } => Self::of_flow(row, *is_within),
        }
    }

    fn of_group(group: &'a Group, is_open: bool) -> Self {
        let sign = match (group.flows, is_open) {
            (..=1, _) => " ",
            (_, true) => "▾",
            (_, false) => "▸",
        };
        let address = group.origin.map_or_else(|| texts::NOT_SEEN.to_owned(), |it| it.to_string());
        let (workload, origin) = workload(group.origin_pod.clone(), address);
        Self {
            verdict: group.verdict,
            workload: format!("{sign} {workload}"),
            origin,
            destination: endpoint(group.destination, group.protocol),
            name: group.destination_name.as_ref(),
            left_as: addresses(&group.sources),
            expected: group.expected.join(", "),
            outcome: group.outcome,
            flows: group.flows,
            packets: group.packets,
            bytes: group.bytes,
            first_seen: group.first_seen,
        }
    }

    fn of_flow(row: &'a Row, is_within: bool) -> Self {
        let address = row.origin.map_or_else(|| texts::NOT_SEEN.to_owned(), |it| it.to_string());
        // Within a group all have one name, which stands above them.
        let (workload, origin) = if is_within {
            (format!("    {address}"), None)
        } else {
            workload(flow::journey::workload(row), address)
        };
        let sources: Vec<Address> = flow::sources(row).map(|source| source.address).collect();
        Self {
            verdict: row.verdict,
            workload,
            origin,
            destination: endpoint(Some(row.destination), row.protocol),
            name: row.destination_name.as_ref(),
            left_as: addresses(&sources),
            expected: row.expected_source.join(", "),
            outcome: row.outcome,
            flows: 1,
            packets: row.packets,
            bytes: row.bytes,
            first_seen: row.first_seen,
        }
    }

    fn cell(&self, column: Column, width: usize, now: Option<Timestamp>) -> Word<'static> {
        let verdict = Tone::Verdict(self.verdict);
        match column {
            Column::Verdict => word(padded(self.verdict.name(), width), verdict),
            Column::Workload => {
                let origin = self.origin.as_deref();
                word(padded(&beside(&self.workload, origin, width), width), Tone::Plain)
            }
            Column::Destination => {
                let name = self.name.map(ToString::to_string);
                word(padded(&beside(&self.destination, name.as_deref(), width), width), Tone::Plain)
            }
            Column::LeftAs if self.left_as == texts::NOTHING => {
                word(padded(&self.left_as, width), Tone::Quiet)
            }
            Column::LeftAs => word(padded(&self.left_as, width), verdict),
            Column::Expected => word(padded(&self.expected, width), Tone::Quiet),
            Column::Outcome => word(padded(self.outcome.name(), width), Tone::of_outcome(self.outcome)),
            Column::Flows => word(right(&moment::short(self.flows), width), Tone::Plain),
            Column::Packets => word(right(&moment::short(self.packets), width), Tone::Plain),
            Column::Bytes => word(right(&moment::short(self.bytes), width), Tone::Plain),
            Column::Age => {
                let age = now.map_or_else(String::new, |now| moment::span(now - self.first_seen));
                word(right(&age, width), Tone::Quiet)
            }
        }
    }
}

/// A workload by its name, if it has one, with its address beside that.
fn workload(name: Option<String>, address: String) -> (String, Option<String>) {
    match name {
        Some(name) => (name, Some(address)),
        None => (address, None),
    }
}

/// What comes first, and what else is known of it where there is room for some of that.
fn beside(first: &str, second: Option<&str>, width: usize) -> String {
    let used = columns(first);
    match second {
        Some(second) if width >= used + GAP + columns(second).min(BESIDE) => {
            format!("{first}  {}", cut(second, width - used - GAP))
        }
        _ => first.to_owned(),
    }
}

fn endpoint(destination: Option<Endpoint>, protocol: &str) -> String {
    match destination {
        None => texts::ANY.to_owned(),
        Some(end) if matches!(protocol, "tcp") || end.port == 0 => end.to_string(),
        Some(end) => format!("{end}/{protocol}"),
    }
}

fn addresses(list: &[Address]) -> String {
    match list {
        [] => texts::NOTHING.to_owned(),
        [one] => one.to_string(),
        [first, rest @ ..] => format!("{first} +{}", rest.len()),
    }
}

pub(in super::super) fn draw(model: &Model, state: &State, run: &Snapshot, pen: &mut Pen<'_>) {
    let List { head, lines, preview } = layout::list(model.size);
    let columns = columns_of(&state.widths, usize::from(head.width));
    let now = model.present();
    draw_head(state, &columns, &mut pen.at(head));
    let mut body = pen.at(lines);
    let page = &run.page;
    if page.total == 0 {
        body.skip();
        let text = if state.is_narrowed() { texts::NO_SUCH_FLOWS } else { texts::NO_FLOWS };
        body.line(&[word(text, Tone::Quiet)]);
    }
    for number in state.top()..(state.top() + usize::from(lines.height)).min(page.total) {
        let words = match super::line(page, number) {
            Some(line) => line_words(line, &columns, now),
            None => vec![word(texts::LOADING, Tone::Quiet)],
        };
        body.line_if(state.is_selected(number), &words);
    }
    if let Some(area) = preview {
        draw_preview(model, state, run, &mut pen.at(area));
    }
}

fn draw_head(state: &State, columns: &[(Column, Range<usize>)], pen: &mut Pen<'_>) {
    for (column, range) in columns {
        let arrow = match state.sort() {
            Sort::By(known, Order::Ascending) if known == *column => "▴",
            Sort::By(known, Order::Descending) if known == *column => "▾",
            _ => "",
        };
        let text = format!("{}{arrow}", texts::column(*column));
        let text = if is_number(*column) { right(&text, range.len()) } else { padded(&text, range.len()) };
        let tone = if arrow.is_empty() { Tone::Quiet } else { Tone::Strong };
        pen.write(0, range.start as u16, &[word(text, tone)]);
    }
}

fn is_number(column: Column) -> bool {
    matches!(column, Column::Flows | Column::Packets | Column::Bytes | Column::Age)
}

fn line_words(line: &Line, columns: &[(Column, Range<usize>)], now: Option<Timestamp>) -> Vec<Word<'static>> {
    let cells = Cells::of(line);
    let mut words = vec![word(format!("{} ", mark(cells.verdict)), Tone::Verdict(cells.verdict))];
    for (number, (column, range)) in columns.iter().enumerate() {
        if number > 0 {
            words.push(word(" ".repeat(GAP), Tone::Plain));
        }
        words.push(cells.cell(*column, range.len(), now));
    }
    words
}

/// What is selected, in words, below the list.
fn draw_preview(model: &Model, state: &State, run: &Snapshot, pen: &mut Pen<'_>) {
    pen.rule();
    let Some(line) = state.selected(Some(run)) else { return };
    match (line, run.page.flow.as_deref()) {
        (Line::Flow { row, .. }, _) => flow::summary(model, row, pen),
        (Line::Group { .. }, Some(row)) if row.id == line.flow() => flow::summary(model, row, pen),
        (Line::Group { .. }, _) => {}
    }
}

/// A line as text, to be copied.
pub(in super::super) fn copied(line: &Line) -> String {
    let cells = Cells::of(line);
    let in_brackets = |text: Option<String>| text.map_or_else(String::new, |text| format!(" ({text})"));
    let name = in_brackets(cells.name.map(ToString::to_string));
    let origin = in_brackets(cells.origin);
    format!(
        "{} {}{origin} → {}{name}: left as {}, expected {}, {}",
        cells.verdict.name(),
        cells.workload.trim_start_matches(['▸', '▾', ' ']),
        cells.destination,
        cells.left_as,
        if cells.expected.is_empty() { texts::NOTHING } else { &cells.expected },
        cells.outcome.name(),
    )
}
