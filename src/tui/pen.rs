//! Writing into a part of the screen: words in their tones, cut with an ellipsis, never past the edge.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::theme::{Colours, Tone, selected};
use crate::prose::{clean, columns, cut, wrap};

/// Words in one tone.
#[derive(Debug, Clone)]
pub(super) struct Word<'a> {
    pub text: Cow<'a, str>,
    pub tone: Tone,
}

pub(super) fn word<'a>(text: impl Into<Cow<'a, str>>, tone: Tone) -> Word<'a> {
    Word { text: text.into(), tone }
}

/// `text` in `width` columns: cut, or filled up with spaces.
pub(super) fn padded(text: &str, width: usize) -> String {
    let text = cut(text, width);
    let gap = width - columns(&text);
    text + &" ".repeat(gap)
}

/// `text` at the right end of `width` columns.
pub(super) fn right(text: &str, width: usize) -> String {
    let text = cut(text, width);
    " ".repeat(width - columns(&text)) + &text
}

/// Prose that wraps below its lead, in lines of `width`; `most` of them, the last cut.
pub(super) fn prose(
    lead: &Word<'_>,
    text: &str,
    tone: Tone,
    width: usize,
    most: usize,
) -> Vec<Vec<Word<'static>>> {
    let indent = columns(&lead.text);
    let room = width.saturating_sub(indent);
    let mut lines = wrap(text, room, room);
    if lines.len() > most && most > 0 {
        let rest = lines.split_off(most - 1).join(" ");
        lines.push(cut(&rest, room));
    }
    let blank = " ".repeat(indent);
    let leads = std::iter::once(lead.text.to_string()).chain(std::iter::repeat(blank));
    lines
        .into_iter()
        .take(most)
        .zip(leads)
        .map(|(line, before)| vec![word(before, lead.tone), word(line, tone)])
        .collect()
}

/// A part of the screen that is written from its top.
#[derive(Debug)]
pub(super) struct Pen<'a> {
    buffer: &'a mut Buffer,
    pub area: Rect,
    colours: Colours,
    /// The next line, from the top of the area.
    row: u16,
}

impl<'a> Pen<'a> {
    pub(super) fn new(buffer: &'a mut Buffer, area: Rect, colours: Colours) -> Self {
        let area = area.intersection(buffer.area);
        Self { buffer, area, colours, row: 0 }
    }

    /// A pen for another part.
    pub(super) fn at(&mut self, area: Rect) -> Pen<'_> {
        Pen::new(self.buffer, area, self.colours)
    }

    /// Takes off what stands in a part.
    pub(super) fn blank(&mut self, area: Rect) {
        for at in area.intersection(self.area).positions() {
            self.buffer[at].reset();
        }
    }

    pub(super) fn width(&self) -> usize {
        usize::from(self.area.width)
    }

    pub(super) fn has_room(&self) -> bool {
        self.row < self.area.height
    }

    /// Lines that are left.
    pub(super) fn left(&self) -> usize {
        usize::from(self.area.height - self.row.min(self.area.height))
    }

    pub(super) fn skip(&mut self) {
        self.row += 1;
    }

    /// Writes one line, cut where the area ends.
    pub(super) fn line(&mut self, words: &[Word<'_>]) {
        self.written(words);
    }

    /// A line that is selected, or not, from edge to edge.
    pub(super) fn line_if(&mut self, is_selected: bool, words: &[Word<'_>]) {
        let row = self.row;
        self.written(words);
        if is_selected && row < self.area.height {
            let line = Rect { y: self.area.y + row, height: 1, ..self.area };
            let first = (line.x, line.y);
            // A mark at the start keeps its colour.
            let mark = Some(self.buffer[first].fg).filter(|_| self.buffer[first].symbol() != " ");
            self.buffer.set_style(line, selected());
            if let Some(mark) = mark {
                self.buffer[first].fg = mark;
            }
        }
    }

    /// Words with others at the right edge, which stand first where there is no room for both.
    pub(super) fn line_and(&mut self, words: &[Word<'_>], right: &[Word<'_>]) {
        let row = self.row;
        let width: usize = right.iter().map(|word| columns(&word.text)).sum();
        let room = self.width().saturating_sub(width + 2);
        let whole = self.area;
        self.area.width = room as u16;
        self.written(words);
        self.area = whole;
        let start = whole.width.saturating_sub(width as u16);
        self.write(row, start, right);
    }

    /// Prose that wraps below its lead; `most` lines of it, the last cut.
    pub(super) fn prose(&mut self, lead: &Word<'_>, text: &str, tone: Tone, most: usize) {
        for line in prose(lead, text, tone, self.width(), most) {
            self.line(&line);
        }
    }

    /// A line drawn from edge to edge.
    pub(super) fn rule(&mut self) {
        let line = "─".repeat(self.width());
        self.line(&[word(line, Tone::Quiet)]);
    }

    /// Puts words at a column of a line of the area.
    pub(super) fn write(&mut self, row: u16, column: u16, words: &[Word<'_>]) {
        if row >= self.area.height {
            return;
        }
        let end = self.area.x + self.area.width;
        let mut x = self.area.x.saturating_add(column);
        for word in words {
            let room = usize::from(end.saturating_sub(x));
            if room == 0 {
                return;
            }
            let text = cut(&clean(&word.text), room);
            let style = word.tone.style(self.colours);
            let (next, _) = self.buffer.set_stringn(x, self.area.y + row, &text, room, style);
            x = next;
        }
    }

    /// Gives a stretch of a line a style of its own.
    pub(super) fn restyle(&mut self, row: u16, columns: std::ops::Range<u16>, style: Style) {
        let width = columns.end.saturating_sub(columns.start);
        let stretch = Rect { x: self.area.x + columns.start, y: self.area.y + row, width, height: 1 };
        self.buffer.set_style(stretch.intersection(self.area), style);
    }

    pub(super) fn tone(&self, tone: Tone) -> Style {
        tone.style(self.colours)
    }

    pub(super) fn colours(&self) -> Colours {
        self.colours
    }

    fn written(&mut self, words: &[Word<'_>]) {
        let row = self.row;
        self.row += 1;
        self.write(row, 0, words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(width: u16, height: u16, draw: impl FnOnce(&mut Pen<'_>)) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        draw(&mut Pen::new(&mut buffer, area, Colours::None));
        (0..height).map(|y| (0..width).map(|x| buffer[(x, y)].symbol()).collect()).collect()
    }

    #[test]
    fn wide_characters_are_cut_where_they_do_not_fit_whole() {
        assert_eq!(padded("방화벽-엔진", 9), "방화벽-… ");
        assert_eq!(right("방화", 5), " 방화");
        let shown = lines(6, 1, |pen| pen.line(&[word("방화벽-엔진", Tone::Plain)]));
        assert!(shown[0].contains('…'), "{shown:?}");
    }

    #[test]
    fn nothing_is_written_past_the_edges() {
        let shown = lines(4, 2, |pen| {
            for text in ["abcdef", "b", "c"] {
                pen.line(&[word(text, Tone::Plain)]);
            }
        });
        assert_eq!(shown, ["abc…", "b   "]);
    }

    #[test]
    fn the_right_edge_comes_before_what_is_left_of_it() {
        let shown = lines(12, 1, |pen| {
            pen.line_and(&[word("a long sentence", Tone::Plain)], &[word("42 s", Tone::Plain)]);
        });
        assert_eq!(shown, ["a lon…  42 s"]);
    }
}
