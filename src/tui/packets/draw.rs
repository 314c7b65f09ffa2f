//! How frames are drawn: the list above, layers and bytes side by side below.

use std::fmt::Write as _;

use super::super::layout;
use super::super::model::Model;
use super::super::pen::{Pen, Word, padded, word};
use super::super::place::called;
use super::super::theme::Tone;
use super::super::{moment, texts};
use super::{Brief, Pane, State};
use crate::frame::Timestamp;
use crate::prose::columns;
use crate::tui::message::Seen;

/// Between columns.
const GAP: &str = "  ";

pub(in super::super) fn draw(model: &Model, state: &State, pen: &mut Pen<'_>) {
    let areas = layout::packets(model.size);
    let widths = Widths::of(model, state, usize::from(areas.head.width));
    pen.at(areas.head).line(&widths.head());
    let mut list = pen.at(areas.lines);
    if state.total() == 0 {
        list.line(&[word(texts::NO_PACKETS, Tone::Quiet)]);
    }
    let top = state.cursor.top;
    let shown = top..(top + usize::from(areas.lines.height)).min(state.total());
    for number in shown {
        let words = match state.at(number) {
            Some((seen, brief)) => widths.words(model, seen, brief),
            None => vec![word(texts::LOADING, Tone::Quiet)],
        };
        list.line_if(number == state.cursor.selected, &words);
    }
    draw_rule(state, &mut pen.at(areas.rule));
    draw_layers(state, &mut pen.at(areas.layers));
    draw_bytes(state, &mut pen.at(areas.bytes));
}

struct Widths {
    time: usize,
    place: usize,
    from: usize,
    to: usize,
    what: usize,
}

/// Columns of a time of day in microseconds; of its seconds alone, where there is little room.
const TIME: usize = 15;
const SECONDS: usize = 9;
const WIDE: usize = 100;

impl Widths {
    fn of(model: &Model, state: &State, width: usize) -> Self {
        let most = |of: &dyn Fn(&Brief) -> usize| state.briefs.iter().map(of).max().unwrap_or(0);
        let list = state.frames.as_ref().map_or(&[][..], |frames| &frames.list);
        let places =
            list.iter().map(|seen| columns(&called(model.snapshot(), &seen.place))).max().unwrap_or(0);
        let place = places.clamp(5, width / 6);
        let time = if width >= WIDE { TIME } else { SECONDS };
        let room = width.saturating_sub(time + place + 4 * GAP.len());
        let from = most(&|brief| columns(&brief.from)).clamp(4, (room * 2 / 5).max(4));
        let to = most(&|brief| columns(&brief.to)).clamp(2, (room * 2 / 5).max(2));
        Self { time, place, from, to, what: room.saturating_sub(from + to) }
    }

    fn head(&self) -> Vec<Word<'static>> {
        let [time, place, from, to, what] = texts::PACKET_COLUMNS;
        let text = [
            padded(time, self.time),
            padded(place, self.place),
            padded(from, self.from),
            padded(to, self.to),
            padded(what, self.what),
        ];
        vec![word(text.join(GAP), Tone::Quiet)]
    }

    fn words(&self, model: &Model, seen: &Seen, brief: &Brief) -> Vec<Word<'static>> {
        let gap = || word(GAP, Tone::Plain);
        vec![
            word(clock(model, seen.time, self.time), Tone::Quiet),
            gap(),
            word(padded(&called(model.snapshot(), &seen.place), self.place), Tone::Plain),
            gap(),
            word(padded(&brief.from, self.from), Tone::Plain),
            gap(),
            word(padded(&brief.to, self.to), Tone::Plain),
            gap(),
            word(padded(&brief.what, self.what), Tone::Plain),
        ]
    }
}

/// The last so many characters of the time of day.
fn clock(model: &Model, time: Timestamp, width: usize) -> String {
    let whole = moment::clock(time, &model.setup.zone);
    whole[whole.len().saturating_sub(width)..].to_owned()
}

fn draw_rule(state: &State, pen: &mut Pen<'_>) {
    let Some(seen) = state.selected() else {
        pen.rule();
        return;
    };
    let mut told = format!("{}, {}", seen.id, texts::copies(state.copies().max(1)));
    if seen.bytes.len() < seen.original as usize {
        told = format!("{told}, {}", texts::cut_short(seen.bytes.len(), seen.original));
    }
    let rest = pen.width().saturating_sub(columns(&told) + 4);
    pen.line(&[
        word("── ", Tone::Quiet),
        word(told, Tone::Strong),
        word(format!(" {}", "─".repeat(rest)), Tone::Quiet),
    ]);
}

fn draw_layers(state: &State, pen: &mut Pen<'_>) {
    let Some(tree) = state.tree() else { return };
    let height = usize::from(pen.area.height);
    for (at, node) in tree.nodes.iter().enumerate().skip(tree.cursor.top).take(height) {
        let (name, tone) =
            if node.depth == 0 { (node.name, Tone::Heading) } else { (node.name, Tone::Quiet) };
        let indent = "  ".repeat(node.depth);
        let gap = if node.value.is_empty() { "" } else { "  " };
        let words = [word(format!("{indent}{name}{gap}"), tone), word(node.value.as_str(), Tone::Plain)];
        pen.line_if(at == tree.cursor.selected && state.pane != Pane::List, &words);
    }
}

fn draw_bytes(state: &State, pen: &mut Pen<'_>) {
    let Some(seen) = state.selected() else { return };
    let area = pen.area;
    let a_line = layout::bytes_a_line(area);
    let lit = match (state.pane, state.tree()) {
        (Pane::List, _) | (_, None) => 0..0,
        (_, Some(tree)) => tree.range(),
    };
    let height = usize::from(area.height);
    let first = first_line(state, a_line, height);
    for (row, line) in seen.bytes.chunks(a_line).enumerate().skip(first).take(height) {
        let start = row * a_line;
        let mut hex = format!("{start:04x}  ");
        for byte in line {
            let _ = write!(hex, "{byte:02x} ");
        }
        let characters: String = line.iter().map(|byte| character(*byte)).collect();
        let y = (row - first) as u16;
        pen.write(y, 0, &[word(hex[..4].to_owned(), Tone::Quiet)]);
        pen.write(y, 6, &[word(hex[6..].to_owned(), Tone::Plain)]);
        pen.write(y, layout::byte_columns(area, 0).1, &[word(characters, Tone::Plain)]);
        let style = pen.tone(Tone::Lit);
        for at in (0..line.len()).filter(|at| lit.contains(&(start + at))) {
            let (column, character) = layout::byte_columns(area, at);
            pen.restyle(y, column..column + 2, style);
            pen.restyle(y, character..character + 1, style);
        }
        if state.pane == Pane::Bytes && (start..start + line.len()).contains(&state.byte) {
            let (column, _) = layout::byte_columns(area, state.byte - start);
            // The byte itself stands out among the lit ones.
            pen.restyle(y, column..column + 2, pen.tone(Tone::Loud));
        }
    }
}

/// The first line of bytes that is shown: that of what is selected, unless all fits.
pub(in super::super) fn first_line(state: &State, a_line: usize, height: usize) -> usize {
    let length = state.selected().map_or(0, |seen| seen.bytes.len());
    let lines = length.div_ceil(a_line.max(1));
    let at = match (state.pane, state.tree()) {
        (Pane::List, _) | (_, None) => 0,
        (Pane::Bytes, _) => state.byte / a_line.max(1),
        (Pane::Layers, Some(tree)) => tree.range().start / a_line.max(1),
    };
    // A line above what is selected tells what is before it.
    at.saturating_sub(height / 2).min(lines.saturating_sub(height))
}

/// The number of the layers' first line that is shown.
pub(in super::super) fn first_field(state: &State) -> usize {
    state.tree().map_or(0, |tree| tree.cursor.top)
}

pub(in super::super) fn top(state: &State) -> usize {
    state.cursor.top
}

fn character(byte: u8) -> char {
    if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '·' }
}
