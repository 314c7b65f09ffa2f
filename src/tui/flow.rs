//! One flow: its way drawn, its verdict and why, what became of it, and what to do next.

pub(super) mod journey;

use super::layout::areas;
use super::model::Model;
use super::pen::{Pen, Word, padded, prose, word};
use super::theme::{Tone, mark};
use super::{moment, texts};
use crate::frame::Timestamp;
use crate::snapshot::{Role, Row, Snapshot, WireSource};

/// One line of the screen, whatever its width.
pub(super) type Line = Vec<Word<'static>>;

#[derive(Debug)]
pub struct State {
    /// The flow's id.
    pub(super) id: String,
    /// Lines above the first that is shown.
    pub(super) scrolled: usize,
}

impl State {
    pub(super) fn of(id: &str) -> Self {
        Self { id: id.to_owned(), scrolled: 0 }
    }

    pub(super) fn scroll(&mut self, model_size: (u16, u16), lines: usize, by: isize) {
        let room = usize::from(areas(model_size).body.height);
        self.scrolled = self.scrolled.saturating_add_signed(by).min(lines.saturating_sub(room));
    }

    /// The flow's row, if it is at hand.
    pub(super) fn row<'a>(&self, run: Option<&'a Snapshot>) -> Option<&'a Row> {
        let page = &run?.page;
        let on_page = page.lines.iter().find_map(|line| match line {
            crate::snapshot::Line::Flow { row, .. } if row.id == self.id => Some(&**row),
            _ => None,
        });
        page.flow.as_deref().filter(|row| row.id == self.id).or(on_page)
    }
}

/// The sources that a flow was seen with where it left.
pub(super) fn sources(row: &Row) -> impl Iterator<Item = &WireSource> {
    row.wire_sources.iter().filter(|source| source.boundary == Role::Uplink)
}

pub(super) fn draw(model: &Model, state: &State, pen: &mut Pen<'_>) {
    let lines = match state.row(model.snapshot()) {
        Some(row) => lines(model, row, pen.width()),
        // It was asked for, and the answer is yet to come, or is that it is gone.
        None if model.run.is_due => vec![vec![word(texts::LOADING, Tone::Quiet)]],
        None => prose(&word("", Tone::Plain), texts::FLOW_GONE, Tone::Quiet, pen.width(), 3),
    };
    let room = pen.left();
    let more = lines.len().saturating_sub(state.scrolled + room);
    for line in lines.iter().skip(state.scrolled).take(room) {
        pen.line(line);
    }
    if more > 0 {
        let last = pen.area.height.saturating_sub(1);
        let told = format!(" ↓ {more} ");
        let column = pen.area.width.saturating_sub(told.chars().count() as u16);
        pen.write(last, column, &[word(told, Tone::Key)]);
    }
}

/// Where what is said of a label begins.
const LABELS: usize = 12;

/// All lines of a flow's screen.
pub(super) fn lines(model: &Model, row: &Row, width: usize) -> Vec<Line> {
    let run = model.snapshot();
    let mut lines = vec![heading(row)];
    let is_tall = areas(model.size).body.height >= 16;
    if let Some(boxes) = journey::boxes(row, run, width).filter(|_| is_tall) {
        lines.extend(boxes);
    } else {
        lines.push(Vec::new());
    }
    lines.extend(journey::way(row, run, width));
    lines.push(Vec::new());
    let mut tell = |label: &str, text: &str, tone: Tone| {
        let lead = word(padded(label, LABELS), Tone::Heading);
        lines.extend(prose(&lead, text, tone, width.min(110), usize::MAX));
    };
    tell(texts::WHY, &row.explanation, Tone::Plain);
    if let Some(next) = &row.next_step {
        tell(texts::NEXT, next, Tone::Strong);
    }
    tell(texts::EXPECTED, &expected(row, run), Tone::Plain);
    for (number, source) in sources(row).enumerate() {
        tell(if number == 0 { texts::LEFT_AS } else { "" }, &left_as(source), Tone::Verdict(row.verdict));
    }
    tell(texts::OUTCOME, &outcome(row), Tone::of_outcome(row.outcome));
    tell(texts::TIMES, &times(model, row), Tone::Plain);
    let joined = format!("{} ({})", texts::joined(row.join.method), row.join.confidence.name());
    tell(texts::JOINED, &joined, Tone::Plain);
    if let Some(link) = &row.link {
        let because = link.because.join(", ");
        tell(texts::LINKED, &format!("{} ({}: {because})", link.flow, link.confidence.name()), Tone::Plain);
    }
    lines
}

fn heading(row: &Row) -> Line {
    let verdict = Tone::Verdict(row.verdict);
    let mut words = vec![
        word(format!("{} {}", mark(row.verdict), row.verdict.name().to_uppercase()), verdict),
        word(format!("  {}", row.reason.name()), verdict),
        word(format!("  {} {} {}", row.id, row.protocol, texts::direction(row.direction)), Tone::Quiet),
        word(format!("  {}", texts::packets(row.packets, row.bytes)), Tone::Quiet),
    ];
    if !row.settled {
        words.push(word(format!("  {}", texts::PROVISIONAL), Tone::Unsure));
    }
    words
}

/// What a flow comes to, in a few lines below a list.
pub(super) fn summary(model: &Model, row: &Row, pen: &mut Pen<'_>) {
    pen.line(&heading(row));
    let run = model.snapshot();
    let way = journey::boxes(row, run, pen.width()).unwrap_or_else(|| journey::way(row, run, pen.width()));
    for line in way.iter().take(pen.left().saturating_sub(4)) {
        pen.line(line);
    }
    let left = pen.left();
    pen.prose(&word("", Tone::Plain), &row.explanation, Tone::Plain, left.saturating_sub(1).min(3));
    if let Some(next) = row.next_step.as_ref().filter(|_| pen.has_room()) {
        let left = pen.left();
        pen.prose(&word("→ ", Tone::Strong), next, Tone::Strong, left);
    }
}

fn expected(row: &Row, run: Option<&Snapshot>) -> String {
    if row.expected_source.is_empty() {
        return texts::NOTHING_EXPECTED.to_owned();
    }
    let mut told = row.expected_source.join(", ");
    let name = row.expectation.and_then(|at| run?.expectations.get(at)).map(|row| row.name.as_str());
    // An expectation that was typed as an address is called by it.
    if let Some(name) =
        name.filter(|name| !row.expected_source.iter().any(|source| name.contains(source.as_str())))
    {
        told = format!("{told} – {name}");
    }
    if row.because.is_empty() {
        told
    } else {
        format!("{told}, {} {}", texts::BECAUSE, row.because.join("; "))
    }
}

fn left_as(source: &WireSource) -> String {
    let owner = source.owner.as_deref().unwrap_or(texts::NOBODYS);
    format!(
        "{}:{} ({owner}), {}",
        source.address,
        source.port,
        crate::number::counted(source.packets, "packet")
    )
}

fn outcome(row: &Row) -> String {
    let mut told = row.outcome.name().to_owned();
    if let Some(by) = row.reset_by {
        told = format!("{told} by the {}", by.name());
    }
    if let Some(icmp) = &row.icmp {
        told = format!("{told}: {} says “{}”", icmp.sender, icmp.meaning);
    }
    if let Some(rtt) = row.rtt_ns {
        told = format!("{told}, {}", texts::handshake(&moment::fine(rtt)));
    }
    told
}

fn times(model: &Model, row: &Row) -> String {
    let zone = &model.setup.zone;
    let lasted = moment::fine(row.last_seen - row.first_seen);
    let mut told = texts::began(&moment::date(row.first_seen, zone), &lasted);
    if let [first, again @ ..] = &row.syn_times[..]
        && !again.is_empty()
    {
        let after = |time: &Timestamp| moment::fine(*time - *first);
        let again: Vec<String> = again.iter().map(after).collect();
        told = format!("{told}; {}", texts::tries(&moment::clock(*first, zone), &again));
    }
    told
}
