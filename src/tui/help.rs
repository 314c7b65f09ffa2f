//! The keys of the screen below, out of the one table of keys.

use super::cursor::Cursor;
use super::keys::{Binding, Place, TABLE};
use super::layout::areas;
use super::model::Model;
use super::pen::{Pen, padded, word};
use super::texts;
use super::theme::{Tone, mark};
use crate::verdict::Verdict;

#[derive(Debug)]
pub struct State {
    /// The screen that help was asked for on.
    pub(super) of: Place,
    pub(super) searched: String,
    pub(super) cursor: Cursor,
}

impl State {
    pub(super) fn of(place: Place) -> Self {
        Self { of: place, searched: String::new(), cursor: Cursor::default() }
    }

    pub(super) fn search(&mut self, typed: String) {
        self.searched = typed;
        self.cursor = Cursor::default();
    }

    /// The keys that are about what is looked for.
    pub(super) fn bindings(&self) -> Vec<&'static Binding> {
        let looked_for = self.searched.to_lowercase();
        let is_about = |binding: &&Binding| {
            looked_for.is_empty()
                || binding.words.to_lowercase().contains(&looked_for)
                || binding.keys.iter().any(|key| key.name() == self.searched)
        };
        let here = TABLE.iter().filter(|binding| binding.places.contains(&self.of));
        let typed = TABLE.iter().filter(|binding| binding.places == [Place::Line]);
        here.chain(typed).filter(is_about).collect()
    }
}

/// Lines that the marks take.
const MARKS: usize = 6;

/// Keys that there is room for.
pub(super) fn room(size: (u16, u16)) -> usize {
    usize::from(areas(size).body.height).saturating_sub(MARKS + 1)
}

pub(super) fn draw(model: &Model, state: &State, pen: &mut Pen<'_>) {
    pen.line(&[word(texts::HELP_MARKS, Tone::Heading)]);
    let verdicts = [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive, Verdict::Exempt];
    for (verdict, words) in verdicts.into_iter().zip(texts::MARKS) {
        pen.line(&[word(format!("  {}  ", mark(verdict)), Tone::Verdict(verdict)), word(words, Tone::Plain)]);
    }
    pen.skip();
    let found = state.bindings();
    let heading = match state.searched.as_str() {
        "" => texts::HELP_OF.to_owned(),
        searched => format!("{}: {searched}", texts::HELP_OF),
    };
    pen.line(&[word(heading, Tone::Heading)]);
    if found.is_empty() {
        pen.line(&[word(format!("  {}", texts::HELP_NOTHING), Tone::Quiet)]);
    }
    let names = |binding: &Binding| binding.keys.iter().map(|key| key.name()).collect::<Vec<_>>().join("  ");
    let widest = found.iter().map(|binding| crate::prose::columns(&names(binding))).max().unwrap_or(0);
    let shown = found.iter().enumerate().skip(state.cursor.top).take(room(model.size));
    for (number, binding) in shown {
        let keys = padded(&names(binding), widest + 2);
        let words = [word(format!("  {keys}"), Tone::Key), word(binding.words, Tone::Plain)];
        pen.line_if(number == state.cursor.selected, &words);
    }
}
