//! A page of a given width: prose that wraps under a lead, and columns that line up.
//!
//! Widths are terminal columns, not characters: Hangul takes two, a combining mark none. Whatever is put
//! on a page is escaped once more if it could still move the cursor or turn the reading direction, because
//! names of files and expectations were typed, not captured, and [`crate::text::Text`] never saw them.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Color, Effects};
use unicode_width::UnicodeWidthStr;

use super::super::Style;
use crate::text::is_deceptive;
use crate::verdict::Verdict;

/// Narrower than this nothing can be laid out; lines are left to the terminal to wrap.
const NARROWEST: usize = 40;
/// Prose wider than this is hard to read; columns may be.
const PROSE: usize = 110;

/// What words mean, for their colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
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
pub(super) struct Page {
    width: usize,
    style: Style,
    text: String,
}

impl Page {
    pub(super) fn new(width: usize, style: Style) -> Self {
        Self { width: width.max(NARROWEST), style, text: String::new() }
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// An empty line, unless the page is empty or has just got one.
    pub(super) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// `lead` in its tone, then `prose`, wrapped; every line of prose starts in column `indent`.
    ///
    /// A lead too long for its indent is followed by prose all the same, two columns on.
    pub(super) fn paragraph(&mut self, lead: &str, tone: Tone, indent: usize, prose: &str) {
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

    /// Cells at their columns' starts, each padded to its width; the last is not padded.
    pub(super) fn cells(&mut self, tone: Tone, cells: &[Cell<'_>]) {
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
pub(super) struct Cell<'a> {
    pub(super) text: &'a str,
    pub(super) width: usize,
    pub(super) right: bool,
}

/// Terminal columns that `text` takes.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}

/// `text` without anything that moves the cursor or hides.
pub(super) fn clean(text: &str) -> String {
    if !text.contains(is_deceptive) {
        return text.to_owned();
    }
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        if is_deceptive(c) {
            cleaned.extend(c.escape_default());
        } else {
            cleaned.push(c);
        }
    }
    cleaned
}

/// The lines of `prose`, the first at most `first` columns wide and the others `rest`; always one at least.
///
/// The first stays empty where its room is too small for the first word. A word wider than any line is
/// broken rather than cut: it may be the address that matters. A command between backticks stays on one
/// line where it can, so that it can be copied.
fn wrap(prose: &str, first: usize, rest: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut room) = (String::new(), first);
    for word in words(prose, rest) {
        let word = clean(&word);
        let gap = usize::from(!line.is_empty());
        if columns(&line) + gap + columns(&word) > room && (gap > 0 || room < rest) {
            lines.push(std::mem::take(&mut line));
            room = rest;
        } else if gap > 0 {
            line.push(' ');
        }
        for c in word.chars() {
            if !line.is_empty() && columns(&line) + columns(c.encode_utf8(&mut [0; 4])) > room {
                lines.push(std::mem::take(&mut line));
                room = rest;
            }
            line.push(c);
        }
    }
    lines.push(line);
    lines
}

/// The words of `prose`; what stands between backticks is one word, if it fits in `room` columns.
fn words(prose: &str, room: usize) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut quoted: Option<String> = None;
    for word in prose.split([' ', '\n']).filter(|word| !word.is_empty()) {
        let span = match quoted.take() {
            Some(span) => format!("{span} {word}"),
            None => word.to_owned(),
        };
        if columns(&span) > room {
            words.extend(span.split(' ').map(str::to_owned));
        } else if span.matches('`').count() % 2 == 1 {
            quoted = Some(span);
        } else {
            words.push(span);
        }
    }
    words.extend(quoted.iter().flat_map(|span| span.split(' ')).map(str::to_owned));
    words
}

/// `text` in at most `room` columns, its end replaced by `…` where it is longer.
pub(super) fn cut(text: &str, room: usize) -> String {
    let text = clean(text);
    if columns(&text) <= room {
        return text;
    }
    let mut kept = String::new();
    for c in text.chars() {
        if columns(&kept) + columns(c.encode_utf8(&mut [0; 4])) + 1 > room {
            break;
        }
        kept.push(c);
    }
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_keeps_to_its_width_and_loses_nothing() {
        let prose = "left node1 as fd00:1234:5678:9abc:def0:1234:5678:9abc instead";
        let lines = wrap(prose, 12, 16);
        assert!(columns(&lines[0]) <= 12 && lines[1..].iter().all(|line| columns(line) <= 16), "{lines:?}");
        assert_eq!(lines.concat().replace(' ', ""), prose.replace(' ', ""));
    }

    #[test]
    fn a_command_stays_on_one_line_where_it_fits() {
        assert_eq!(wrap("try `a b c` now", 8, 8), ["try", "`a b c`", "now"]);
        assert_eq!(wrap("try `a b c d e`", 8, 8), ["try `a b", "c d e`"]);
        assert_eq!(wrap("an odd ` stays a word", 10, 10), ["an odd `", "stays a", "word"]);
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(cut("방화벽-엔진", 7), "방화벽…");
        assert_eq!(cut("방화벽", 6), "방화벽");
    }

    #[test]
    fn nothing_typed_can_move_the_cursor_either() {
        assert_eq!(clean("a\x1b[31m\u{202e}b"), "a\\u{1b}[31m\\u{202e}b");
        assert_eq!(wrap("a\rb", 10, 10), ["a\\rb"]);
    }

    #[test]
    fn a_lead_longer_than_its_indent_keeps_its_distance() {
        let mut page = Page::new(40, Style::Plain);
        page.paragraph("INCONCLUSIVE", Tone::Plain, 4, "a b");
        assert_eq!(page.text(), "INCONCLUSIVE  a b\n");
    }
}
