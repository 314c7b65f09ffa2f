//! A line that is typed at the foot of the screen: a filter, or what to look for in the help.
//!
//! What is typed is checked by the outside as it is typed; the line shows what it comes to, or what is wrong and where.

use super::message::{Checked, Mistake};
use crate::text::is_deceptive;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Filter,
    Search,
}

/// The longest that is taken, in characters.
const LONGEST: usize = 4_096;

#[derive(Debug)]
pub(super) struct Line {
    pub purpose: Purpose,
    typed: Vec<char>,
    caret: usize,
    /// The line of the history that is shown, from its end; what was typed before that.
    back: Option<(usize, String)>,
    /// What was completed, and the preset that it was completed to.
    completing: Option<(String, usize)>,
    found: Option<Result<Checked, Mistake>>,
}

impl Line {
    pub(super) fn new(purpose: Purpose, typed: &str) -> Self {
        let mut line =
            Self { purpose, typed: Vec::new(), caret: 0, back: None, completing: None, found: None };
        line.set(typed);
        line
    }

    pub(super) fn is_filter(&self) -> bool {
        self.purpose == Purpose::Filter
    }

    pub(super) fn typed(&self) -> String {
        self.typed.iter().collect()
    }

    pub(super) fn caret(&self) -> usize {
        self.caret
    }

    pub(super) fn found(&self) -> Option<&Result<Checked, Mistake>> {
        self.found.as_ref()
    }

    /// Takes in what the outside found, if it is about what stands here now.
    pub(super) fn take(&mut self, typed: &str, found: Result<Checked, Mistake>) -> bool {
        let is_this = self.typed() == typed;
        if is_this {
            self.found = Some(found);
        }
        is_this
    }

    pub(super) fn insert(&mut self, text: &str) {
        for c in text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }) {
            if !is_deceptive(c) && self.typed.len() < LONGEST {
                self.typed.insert(self.caret, c);
                self.caret += 1;
            }
        }
        self.edited();
    }

    pub(super) fn rub(&mut self) {
        if self.caret > 0 {
            self.caret -= 1;
            self.typed.remove(self.caret);
            self.edited();
        }
    }

    pub(super) fn rub_next(&mut self) {
        if self.caret < self.typed.len() {
            self.typed.remove(self.caret);
            self.edited();
        }
    }

    pub(super) fn rub_word(&mut self) {
        let before = &self.typed[..self.caret];
        let end = before.iter().rposition(|c| *c != ' ').map_or(0, |at| at + 1);
        let start = before[..end].iter().rposition(|c| *c == ' ').map_or(0, |at| at + 1);
        self.typed.drain(start..self.caret);
        self.caret = start;
        self.edited();
    }

    pub(super) fn rub_all(&mut self) {
        self.set("");
    }

    pub(super) fn move_caret(&mut self, by: isize) {
        self.caret = self.caret.saturating_add_signed(by).min(self.typed.len());
    }

    /// Goes back or forth in what was typed before, the youngest of which is the last.
    pub(super) fn recall(&mut self, history: &[String], is_earlier: bool) {
        let (back, own) = self.back.take().unwrap_or_else(|| (0, self.typed()));
        let back = if is_earlier { (back + 1).min(history.len()) } else { back.saturating_sub(1) };
        match history.len().checked_sub(back).and_then(|at| history.get(at)) {
            Some(earlier) => self.set(earlier),
            None => self.set(&own),
        }
        self.back = (back > 0).then_some((back, own));
    }

    /// Puts the next preset in the place of the word before the caret that it begins with.
    pub(super) fn complete(&mut self, presets: &[String]) {
        const OPTION: &str = "--preset ";
        let (begun, next) = match self.completing.take() {
            Some((begun, at)) => (begun, at + 1),
            None => (self.typed(), 0),
        };
        let beginning = begun.rsplit(' ').next().unwrap_or_default();
        let fitting: Vec<&String> = presets.iter().filter(|preset| preset.starts_with(beginning)).collect();
        if fitting.is_empty() {
            return;
        }
        let at = next % fitting.len();
        let before = begun[..begun.len() - beginning.len()].strip_suffix(OPTION);
        let before = before.unwrap_or(&begun[..begun.len() - beginning.len()]).to_owned();
        self.set(&format!("{before}{OPTION}{}", fitting[at]));
        self.completing = Some((begun, at));
    }

    fn set(&mut self, typed: &str) {
        self.typed = typed.chars().filter(|c| !is_deceptive(*c)).take(LONGEST).collect();
        self.caret = self.typed.len();
        self.edited();
    }

    fn edited(&mut self) {
        (self.found, self.completing) = (None, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(typed: &str) -> Line {
        Line::new(Purpose::Filter, typed)
    }

    #[test]
    fn words_are_rubbed_out_one_by_one() {
        let mut line = line("host 192.0.2.1 and  port 443");
        line.rub_word();
        line.rub_word();
        line.rub_word();
        assert_eq!(line.typed(), "host 192.0.2.1 ");
        line.move_caret(isize::MIN);
        line.rub_word();
        line.rub_next();
        assert_eq!((line.typed().as_str(), line.caret()), ("ost 192.0.2.1 ", 0));
    }

    #[test]
    fn what_was_typed_comes_back_after_a_look_at_the_history() {
        let history = ["first".to_owned(), "second".to_owned()];
        let mut line = line("own");
        for expected in ["second", "first", "first"] {
            line.recall(&history, true);
            assert_eq!(line.typed(), expected);
        }
        for expected in ["second", "own", "own"] {
            line.recall(&history, false);
            assert_eq!(line.typed(), expected);
        }
    }

    #[test]
    fn presets_are_offered_in_turn() {
        let presets = ["dns".to_owned(), "dhcp".to_owned(), "web".to_owned()];
        let mut line = line("--host 192.0.2.1 d");
        for expected in ["dns", "dhcp", "dns"] {
            line.complete(&presets);
            assert_eq!(line.typed(), format!("--host 192.0.2.1 --preset {expected}"));
        }
    }

    #[test]
    fn what_is_found_of_something_else_is_not_believed() {
        let mut line = line("por");
        line.insert("t");
        assert!(!line.take("por", Err(Mistake { message: "syntax error".into(), at: Some(0) })));
        assert!(line.found().is_none());
        assert!(line.take("port", Ok(Checked::default())));
    }

    #[test]
    fn nothing_that_is_pasted_can_move_the_cursor() {
        let mut line = line("");
        line.insert("a\u{1b}[31m\n\u{202e}b");
        assert_eq!(line.typed(), "a[31m b");
    }
}
