//! A page of a given width: prose that wraps under a lead, and columns that line up.
//!
//! Whatever is put on a page is escaped once more if it could still move the cursor or turn the reading direction
//! ([`clean`]).

use std::fmt::Write as _;

use anstyle::{AnsiColor, Color, Effects};

use crate::prose::{clean, columns, wrap};
use crate::report::Style;
use crate::verdict::Verdict;

/// Narrower than this nothing can be laid out; lines are left to the terminal to wrap.
const NARROWEST: usize = 40;
/// Prose wider than this is hard to read; columns may be.
const PROSE: usize = 110;

/// What words mean, for their colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Verdict(Verdict),
    Warning,
    Heading,
    Quiet,
}

impl Tone {
    fn style(self) -> anstyle::Style {
        let ansi = |color| anstyle::Style::new().fg_color(Some(Color::Ansi(color)));
        match self {
            Self::Plain => anstyle::Style::new(),
            Self::Verdict(Verdict::Fail) => ansi(AnsiColor::Red).bold(),
            Self::Verdict(Verdict::Inconclusive) | Self::Warning => ansi(AnsiColor::Yellow).bold(),
            Self::Verdict(Verdict::Pass) => ansi(AnsiColor::Green).bold(),
            Self::Verdict(Verdict::Exempt) | Self::Heading => anstyle::Style::new().bold(),
            Self::Quiet => anstyle::Style::new().effects(Effects::DIMMED),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Page {
    width: usize,
    style: Style,
    text: String,
}

impl Page {
    pub(crate) fn new(width: usize, style: Style) -> Self {
        Self { width: width.max(NARROWEST), style, text: String::new() }
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// An empty line, unless the page is empty or has just got one.
    pub(crate) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// `lead` in its tone, then `prose`, wrapped; every line of prose starts in column `indent`.
    ///
    /// A lead too long for its indent is followed by prose all the same, two columns on.
    pub(crate) fn paragraph(&mut self, lead: &str, tone: Tone, indent: usize, prose: &str) {
        let lead = clean(lead);
        let width = columns(&lead);
        let start = if width < indent { indent } else { width + 2 };
        let room = self.width.min(PROSE);
        let lines = wrap(prose, room.saturating_sub(start), room.saturating_sub(indent));
        self.paint(&lead, tone);
        let mut spaces = start - width;
        for line in &lines {
            if !line.is_empty() {
                let _ = write!(self.text, "{:spaces$}{line}", "");
            }
            self.text.push('\n');
            spaces = indent;
        }
    }

    /// Prose from the first column on, in a tone.
    pub(crate) fn prose(&mut self, tone: Tone, prose: &str) {
        let room = self.width.min(PROSE);
        for line in wrap(prose, room, room) {
            self.paint(&line, tone);
            self.text.push('\n');
        }
    }

    /// A line as it stands, to be copied: never wrapped.
    pub(crate) fn verbatim(&mut self, indent: usize, line: &str) {
        let _ = writeln!(self.text, "{:indent$}{}", "", clean(line));
    }

    /// Cells at their columns' starts, each padded to its width; the last is not padded.
    pub(crate) fn cells(&mut self, tone: Tone, cells: &[Cell<'_>]) {
        let mut line = String::new();
        for (number, cell) in cells.iter().enumerate() {
            let spaces = cell.width.saturating_sub(columns(cell.text));
            let (before, after) = if cell.right { (spaces, 0) } else { (0, spaces) };
            let gap = if number == 0 { 0 } else { 2 };
            let _ = write!(line, "{:gap$}{:before$}{}{:after$}", "", "", cell.text, "");
        }
        self.paint(line.trim_end(), tone);
        self.text.push('\n');
    }

    fn paint(&mut self, text: &str, tone: Tone) {
        let style = tone.style();
        let _ = match self.style {
            Style::Colour if !text.is_empty() => write!(self.text, "{style}{text}{style:#}"),
            _ => write!(self.text, "{text}"),
        };
    }
}

/// A cell of a table: its text, already clean, and its column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell<'a> {
    pub(crate) text: &'a str,
    pub(crate) width: usize,
    pub(crate) right: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_longer_than_its_indent_keeps_its_distance() {
        let mut page = Page::new(40, Style::Plain);
        page.paragraph("INCONCLUSIVE", Tone::Plain, 4, "a b");
        assert_eq!(page.text(), "INCONCLUSIVE  a b\n");
    }
}
