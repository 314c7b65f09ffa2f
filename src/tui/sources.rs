//! The addresses that flows left with: whose they are, how many flows each, and when these began.
//!
//! Each address has a letter and a colour, in the order in which they were first seen. In the bars a column is a stretch
//! of time, so that a leak or a failover shows as another letter in another colour.

use std::ops::Range;

use super::cursor::Cursor;
use super::layout::areas;
use super::model::Model;
use super::pen::{Pen, Word, padded, right, word};
use super::theme::{Colours, Tone};
use super::{chart, moment, texts};
use crate::prose::columns;
use crate::snapshot::{Left, Snapshot, Source};

#[derive(Debug, Default)]
pub struct State {
    pub(super) cursor: Cursor,
}

impl State {
    pub(super) fn selected<'a>(&self, run: Option<&'a Snapshot>) -> Option<&'a Source> {
        run?.sources.list.get(self.cursor.selected)
    }
}

/// Sources that are listed at a time: half of the screen, the bars have the rest.
pub(super) fn room(size: (u16, u16)) -> usize {
    usize::from(areas(size).body.height).saturating_sub(2) / 2
}

/// The row of the first source, from the top of the body.
pub(super) const FIRST_ROW: u16 = 1;

/// The number of each source: in the order in which they were first seen.
fn numbers(list: &[Source]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..list.len()).collect();
    order.sort_by_key(|at| (list[*at].first_seen, list[*at].left));
    let mut numbers = vec![0; list.len()];
    for (number, at) in order.into_iter().enumerate() {
        numbers[at] = number;
    }
    numbers
}

/// `A` to `Z`, then `*`.
fn letter(number: usize) -> char {
    u8::try_from(number).ok().filter(|number| *number < 26).map_or('*', |number| char::from(b'A' + number))
}

/// Right and wrong sources have colours of their own.
fn tones(list: &[Source], numbers: &[usize]) -> Vec<Tone> {
    let mut order: Vec<usize> = (0..list.len()).collect();
    order.sort_by_key(|at| numbers[*at]);
    let mut tones = vec![Tone::Quiet; list.len()];
    let (mut right, mut wrong) = (0, 0);
    for at in order {
        let source = &list[at];
        tones[at] = if source.left == Left::Unseen {
            Tone::Quiet
        } else if source.fail > 0 {
            wrong += 1;
            Tone::Wrong(wrong - 1)
        } else {
            right += 1;
            Tone::Right(right - 1)
        };
    }
    tones
}

pub(super) fn draw(model: &Model, state: &State, run: &Snapshot, pen: &mut Pen<'_>) {
    let list = &run.sources.list;
    if list.is_empty() {
        pen.line(&[word(texts::NO_SOURCES, Tone::Quiet)]);
        return;
    }
    let (numbers, tones) = (numbers(list), tones(list, &numbers(list)));
    let widths = Widths::of(list, pen.width());
    pen.line(&widths.head());
    for (at, source) in list.iter().enumerate().skip(state.cursor.top).take(room(model.size)) {
        let words = widths.words(source, letter(numbers[at]), tones[at]);
        pen.line_if(at == state.cursor.selected, &words);
    }
    pen.skip();
    draw_bars(model, run, &numbers, &tones, pen);
}

/// How a source is called.
pub(super) fn name(left: Left) -> String {
    match left {
        Left::As(address) => address.to_string(),
        Left::AsOther => texts::SOURCE_OTHER.to_owned(),
        Left::Unseen => texts::SOURCE_UNSEEN.to_owned(),
    }
}

fn owner(source: &Source) -> String {
    let macs: Vec<String> = source.macs.iter().map(ToString::to_string).collect();
    let whose = match (&source.owner, source.left) {
        (Some(owner), _) => owner.clone(),
        (None, Left::As(_)) => texts::NOBODYS.to_owned(),
        (None, _) => String::new(),
    };
    if macs.is_empty() { whose } else { format!("{whose}, {}", texts::claimed_by(&macs.join(", "))) }
}

struct Widths {
    name: usize,
    owner: usize,
}

/// Columns of a number.
const NUMBER: usize = 5;

impl Widths {
    fn of(list: &[Source], width: usize) -> Self {
        let names: Vec<String> = list.iter().map(|source| name(source.left)).collect();
        let name = texts::widest(names.iter().map(String::as_str)).max(8).min(width / 3);
        let owner = width.saturating_sub(3 + name + 2 + 1 + 4 * (NUMBER + 1));
        Self { name, owner }
    }

    fn head(&self) -> Vec<Word<'static>> {
        let [name, whose, flows, pass, fail] = texts::SOURCE_COLUMNS;
        let open = crate::verdict::Verdict::Inconclusive;
        let open = if self.owner > 0 { super::theme::mark(open) } else { "" };
        let numbers = [flows, pass, fail, open].map(|text| format!(" {}", right(text, NUMBER))).concat();
        let text = format!("   {}  {} {numbers}", padded(name, self.name), padded(whose, self.owner));
        vec![word(text, Tone::Quiet)]
    }

    fn words(&self, source: &Source, letter: char, tone: Tone) -> Vec<Word<'static>> {
        let number = |number: u64, tone: Tone| {
            let tone = if number == 0 { Tone::Quiet } else { tone };
            word(format!(" {}", right(&moment::short(number), NUMBER)), tone)
        };
        vec![
            word(format!("{letter}  "), tone),
            word(padded(&name(source.left), self.name), tone),
            word(format!("  {} ", padded(&owner(source), self.owner)), Tone::Plain),
            number(source.flows, Tone::Plain),
            number(source.pass, Tone::Good),
            number(source.fail, Tone::Bad),
            number(source.inconclusive, Tone::Unsure),
        ]
    }
}

/// Lines and columns of a bar at most: taller or wider ones say no more.
const HIGHEST: usize = 12;
const WIDEST: usize = 6;

fn draw_bars(model: &Model, run: &Snapshot, numbers: &[usize], tones: &[Tone], pen: &mut Pen<'_>) {
    let sources = &run.sources;
    let width = pen.width();
    let list: Vec<Vec<u64>> = sources
        .list
        .iter()
        .map(|source| {
            let counts: Vec<u64> = source.began.iter().map(|count| u64::from(*count)).collect();
            chart::fitted(&counts, width)
        })
        .collect();
    let steps = list.iter().map(Vec::len).max().unwrap_or(0);
    let each =
        sources.list.iter().map(|source| source.began.len()).max().unwrap_or(0).div_ceil(width.max(1)).max(1);
    let step = moment::fine(sources.step_ns * each as i64);
    pen.line(&[word(texts::bars(&step), Tone::Heading)]);
    let height = pen.left().saturating_sub(1).min(HIGHEST);
    if height == 0 || steps == 0 {
        return;
    }
    let of =
        |at: usize| -> Vec<u64> { list.iter().map(|counts| counts.get(at).copied().unwrap_or(0)).collect() };
    let most = (0..steps).map(|at| of(at).iter().sum()).max().unwrap_or(0);
    let wide = (width / steps).clamp(1, WIDEST);
    let top = pen.area.height - pen.left() as u16;
    let is_plain = pen.colours() == Colours::None;
    for at in 0..steps {
        let mut row = top + height as u16;
        for (source, lines) in chart::stacked(&of(at), most, height).into_iter().enumerate() {
            for line in 0..lines {
                row -= 1;
                // The letter stands in the lowest cell of its part; without colours in all of them.
                let letter = letter(numbers[source]);
                let fill = if is_plain { letter } else { '█' };
                let mut text = fill.to_string().repeat(wide);
                if line == 0 && !is_plain {
                    text = letter.to_string() + &text[fill.len_utf8()..];
                }
                pen.write(row, (at * wide) as u16, &[word(text, tones[source])]);
            }
        }
    }
    let zone = &model.setup.zone;
    if let Some(start) = sources.start {
        let end = start.shifted(sources.step_ns.saturating_mul((steps * each) as i64));
        let (first, last) = (moment::second(start, zone), moment::second(end, zone));
        let axis = (steps * wide).max(columns(&first) * 2 + 2).min(width);
        let text = format!("{first}{}", right(&last, axis - columns(&first)));
        pen.write(top + height as u16, 0, &[word(text, Tone::Quiet)]);
    }
}

/// The sources that are shown, for clicks.
pub(super) fn shown(state: &State, size: (u16, u16)) -> Range<usize> {
    state.cursor.top..state.cursor.top + room(size)
}
