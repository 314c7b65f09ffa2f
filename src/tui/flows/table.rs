//! How the list of flows is drawn: columns as wide as what they have shown so far, the most telling ones first.

use std::ops::Range;

use super::super::layout::{self, List};
use super::super::model::Model;
use super::super::pen::{Pen, Word, padded, right, word};
use super::super::theme::{Tone, mark};
use super::super::{flow, moment, texts};
use super::State;
use crate::frame::Timestamp;
use crate::net::{Address, Endpoint};
use crate::prose::{columns, cut};
use crate::snapshot::{Column, Group, Line, Order, Page, Row, Snapshot, Sort};
use crate::text::Text;
use crate::verdict::{Outcome, Verdict};

/// Between columns.
const GAP: usize = 2;
/// The widest that a cell may make its column, before there is room left.
const MOST: usize = 24;

/// The widths that cells have come to, which only grow: a column does not jump about while one scrolls.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Widths {
    workload: usize,
    destination: usize,
    left_as: usize,
    expected: usize,
    outcome: usize,
    /// What the destination is called.
    name: usize,
}

impl Widths {
    pub(super) fn widen(&mut self, page: &Page) {
        for line in &page.lines {
            let cells = Cells::of(line);
            let grow = |width: &mut usize, text: &str| *width = (*width).max(columns(text));
            grow(&mut self.workload, &cells.workload);
            grow(&mut self.destination, &cells.destination);
            grow(&mut self.left_as, &cells.left_as);
            grow(&mut self.expected, &cells.expected);
            grow(&mut self.outcome, cells.outcome.name());
            if let Some(name) = cells.name {
                grow(&mut self.name, &name.to_string());
            }
        }
    }

    fn of(&self, column: Column) -> usize {
        let measured = match column {
            Column::Verdict => 12,
            Column::Workload => self.workload.min(MOST),
            Column::Destination => self.destination.min(MOST),
            Column::LeftAs => self.left_as.min(MOST),
            Column::Expected => self.expected.min(MOST),
            Column::Outcome => self.outcome.min(11),
            Column::Flows | Column::Bytes | Column::Packets => 6,
            Column::Age => 7,
        };
        // The arrow of the order stands beside the word.
        measured.max(columns(texts::column(column)) + 1)
    }
}

/// What stands in a line.
struct Cells<'a> {
    verdict: Verdict,
    workload: String,
    destination: String,
    name: Option<&'a Text>,
    left_as: String,
    expected: String,
    outcome: Outcome,
    flows: u64,
    packets: u64,
    bytes: u64,
    first_seen: Timestamp,
}

impl<'a> Cells<'a> {
    fn of(line: &'a Line) -> Self {
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
        let origin = group.origin.map_or_else(|| texts::NOT_SEEN.to_owned(), |it| it.to_string());
        Self {
            verdict: group.verdict,
            workload: format!("{sign} {origin}"),
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
        let indent = if is_within { "    " } else { "" };
        let origin = row.origin.map_or_else(|| texts::NOT_SEEN.to_owned(), |it| it.to_string());
        let sources: Vec<Address> = flow::sources(row).map(|source| source.address).collect();
        Self {
            verdict: row.verdict,
            workload: format!("{indent}{origin}"),
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
            Column::Workload => word(padded(&self.workload, width), Tone::Plain),
            Column::Destination => word(padded(&self.whither(width), width), Tone::Plain),
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

    /// The destination, and its name where there is room for some of it.
    fn whither(&self, width: usize) -> String {
        let used = columns(&self.destination);
        match self.name {
            Some(name) if width > used + GAP + 6 => {
                format!("{}  {}", self.destination, cut(&name.to_string(), width - used - GAP))
            }
            _ => self.destination.clone(),
        }
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

/// The four columns that answer what is asked, which are shown whatever it costs them: the destination gives way first.
fn answering(widths: &Widths, room: usize) -> Vec<(Column, usize)> {
    const LEAST: [(Column, usize); 4] =
        [(Column::Destination, 12), (Column::Workload, 10), (Column::LeftAs, 10), (Column::Outcome, 8)];
    let mut kept = LEAST.map(|(column, _)| (column, widths.of(column)));
    let mut over = (kept.iter().map(|(_, width)| width + GAP).sum::<usize>() - GAP).saturating_sub(room);
    for ((_, width), (_, least)) in kept.iter_mut().zip(LEAST) {
        let less = over.min(width.saturating_sub(least));
        *width -= less;
        over -= less;
    }
    kept.to_vec()
}

/// The columns that there is room for, with where they stand from the left edge.
pub(in super::super) fn columns_of(widths: &Widths, width: usize) -> Vec<(Column, Range<usize>)> {
    let mut room = width.saturating_sub(MARK);
    let mut kept = answering(widths, room);
    room = (room + GAP).saturating_sub(kept.iter().map(|(_, width)| width + GAP).sum());
    for column in
        [Column::Flows, Column::Expected, Column::Age, Column::Packets, Column::Bytes, Column::Verdict]
    {
        let wanted = widths.of(column) + GAP;
        if wanted <= room {
            kept.push((column, wanted - GAP));
            room -= wanted;
        }
    }
    // What is left goes to the name of the destination, then to what was cut.
    for column in [Column::Destination, Column::Workload, Column::LeftAs, Column::Expected] {
        if let Some((_, width)) = kept.iter_mut().find(|(known, _)| *known == column) {
            let whole = match column {
                Column::Destination if widths.name > 0 => widths.destination + GAP + widths.name,
                Column::Destination => widths.destination,
                Column::Workload => widths.workload,
                Column::LeftAs => widths.left_as,
                _ => widths.expected,
            };
            let more = whole.saturating_sub(*width).min(room);
            *width += more;
            room -= more;
        }
    }
    kept.sort_by_key(|(column, _)| *column);
    let mut at = MARK;
    kept.into_iter()
        .map(|(column, width)| {
            let range = at..at + width;
            at = range.end + GAP;
            (column, range)
        })
        .collect()
}

/// The mark, and a space after it.
const MARK: usize = 2;

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
    let name = cells.name.map_or_else(String::new, |name| format!(" ({name})"));
    format!(
        "{} {} → {}{name}: left as {}, expected {}, {}",
        cells.verdict.name(),
        cells.workload.trim_start_matches(['▸', '▾', ' ']),
        cells.destination,
        cells.left_as,
        if cells.expected.is_empty() { texts::NOTHING } else { &cells.expected },
        cells.outcome.name(),
    )
}
