//! Where frames were seen: points and their places, what each place is to the question and why, what was lost, what was
//! taken for granted.

use super::cursor::Cursor;
use super::layout::areas;
use super::model::Model;
use super::pen::{Pen, Word, padded, prose, right, word};
use super::theme::Tone;
use super::{moment, texts};
use crate::number::thousands;
use crate::prose::columns;
use crate::snapshot::{Place, Point, Snapshot};

#[derive(Debug, Default)]
pub struct State {
    /// By lines: all of it is one text.
    pub(super) cursor: Cursor,
}

pub(super) fn room(size: (u16, u16)) -> usize {
    usize::from(areas(size).body.height)
}

pub(super) fn draw(model: &Model, state: &State, run: &Snapshot, pen: &mut Pen<'_>) {
    let lines = lines(model, run, pen.width());
    let top = state.cursor.selected.min(lines.len().saturating_sub(room(model.size)));
    for line in lines.iter().skip(top).take(room(model.size)) {
        pen.line(line);
    }
}

/// How far the text can be scrolled.
pub(super) fn scrolls(model: &Model) -> usize {
    let width = usize::from(areas(model.size).body.width);
    let lines = model.snapshot().map_or(0, |run| lines(model, run, width).len());
    lines.saturating_sub(room(model.size)) + 1
}

fn lines(model: &Model, run: &Snapshot, width: usize) -> Vec<Vec<Word<'static>>> {
    let mut lines = Vec::new();
    if run.points.is_empty() {
        lines.push(vec![word(texts::NO_POINTS, Tone::Quiet)]);
    }
    for point in &run.points {
        lines.extend(point_lines(model, point, width));
        lines.push(Vec::new());
    }
    for (label, tone, told) in
        [(texts::WARNING, Tone::Unsure, &run.warnings), (texts::ASSUMED, Tone::Heading, &run.assumptions)]
    {
        for (number, text) in told.iter().enumerate() {
            let label = if number == 0 { label } else { "" };
            lines.extend(prose(&word(padded(label, 10), tone), text, Tone::Plain, width, 6));
        }
    }
    lines
}

fn point_lines(model: &Model, point: &Point, width: usize) -> Vec<Vec<Word<'static>>> {
    let zone = &model.setup.zone;
    let mut lines = vec![vec![
        word(point.name.clone(), Tone::Strong),
        word(format!("  {}", texts::point(&point.source, point.frames)), Tone::Plain),
    ]];
    let mut told: Vec<Word<'static>> = Vec::new();
    if let (Some(first), Some(last)) = (point.first_seen, point.last_seen) {
        let span = format!("{} – {}", moment::date(first, zone), moment::second(last, zone));
        told.push(word(format!("  {span}"), Tone::Quiet));
    }
    if let Some(offset) = point.clock_offset_ns.filter(|offset| *offset != 0) {
        told.push(word(format!("  {}", texts::clock_offset(&moment::fine(offset))), Tone::Unsure));
    }
    if point.dropped > 0 {
        told.push(word(format!("  {}", texts::dropped(point.dropped)), Tone::Loud));
    }
    if point.undecoded > 0 {
        told.push(word(format!("  {}", texts::undecoded(point.undecoded)), Tone::Unsure));
    }
    if point.truncated {
        told.push(word(format!("  {}", texts::TRUNCATED), Tone::Unsure));
    }
    if !told.is_empty() {
        lines.push(told);
    }
    if let Some(filter) = &point.filter {
        let text = texts::captured_with(filter);
        lines.extend(prose(&word("  ", Tone::Plain), &text, Tone::Quiet, width, 3));
    }
    let names: Vec<String> = point.places.iter().map(interface).collect();
    let most = |texts: &mut dyn Iterator<Item = &str>| texts::widest(texts);
    let widths = (
        most(&mut point.places.iter().map(|place| place.id.as_str())).min(width / 3),
        most(&mut names.iter().map(String::as_str)).min(width / 4),
    );
    for (place, name) in point.places.iter().zip(&names) {
        lines.extend(place_lines(place, name, widths, width));
    }
    lines
}

fn interface(place: &Place) -> String {
    place.interface.as_ref().map_or_else(|| texts::NOTHING.to_owned(), ToString::to_string)
}

/// A place, and why it has its role.
fn place_lines(
    place: &Place,
    name: &str,
    (id, interface): (usize, usize),
    width: usize,
) -> Vec<Vec<Word<'static>>> {
    let role = place.role.map_or("?", crate::snapshot::Role::name);
    let because = place.because.clone().unwrap_or_else(|| texts::ROLE_UNKNOWN.to_owned());
    let words = vec![
        word(format!("  {}  ", padded(&place.id, id)), Tone::Plain),
        word(format!("{}  ", padded(name, interface)), Tone::Plain),
        word(padded(role, 8), if place.role.is_some() { Tone::Strong } else { Tone::Unsure }),
        word(format!("{}  ", right(&thousands(place.frames), 10)), Tone::Plain),
    ];
    let start = words.iter().map(|word| columns(&word.text)).sum();
    let lead = word(" ".repeat(start), Tone::Plain);
    let mut lines = prose(&lead, &because, Tone::Quiet, width, 3);
    if let Some(first) = lines.first_mut() {
        first.splice(..1, words);
    }
    lines
}
