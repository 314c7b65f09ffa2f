//! What is wrong with a document, each mistake with the line that it is in.
//!
//! ```text
//! cannot use policy.yaml: 2 mistakes
//! policy.yaml:4:20: `10.128.0.300` is not an address or a CIDR block; write it like …
//!   4 |     from: { pods: [10.128.0.300] }
//!     |                    ^
//! ```

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::Position;
use crate::text::{Text, plain};

/// A document cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("cannot use {name}: it has {bytes} bytes, and {what} has {most} at most; split it into several")]
    TooLarge { name: String, what: &'static str, bytes: usize, most: usize },
    #[error("cannot use {name}: it is not text (UTF-8) from byte {offset} on; is it the right file?")]
    NotText { name: String, offset: usize },
    /// It is no YAML, or more of it than is read.
    #[error("cannot use {name}: 1 mistake{report}")]
    Unreadable { name: String, report: String },
    #[error("cannot use {name}: {}{report}", count(*.mistakes))]
    Faulty { name: String, mistakes: usize, report: String },
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    at: Position,
    message: String,
}

/// Most mistakes that are told at once.
const TOLD: usize = 20;

/// Most characters shown of a line before and after the mistake.
const AROUND: usize = 60;

impl Fault {
    pub fn new(at: Position, message: String) -> Self {
        Self { at, message }
    }
}

impl Position {
    /// This, or `other` where this is not known.
    pub fn or(self, other: Self) -> Self {
        if self.line == 0 { other } else { self }
    }
}

impl Error {
    /// The error that tells `faults`, in the order of the file `name` whose content is `text`.
    pub(crate) fn faulty(name: &str, text: &str, mut faults: Vec<Fault>) -> Self {
        faults.sort();
        faults.dedup();
        let mut report = String::new();
        for fault in faults.iter().take(TOLD) {
            let Position { line, column } = fault.at;
            // Writing to a String cannot fail.
            let _ = match line {
                0 => write!(report, "\n{name}: {}", fault.message),
                _ => write!(report, "\n{name}:{line}:{column}: {}", fault.message),
            };
            report.extend(snippet(text, fault.at));
        }
        if faults.len() > TOLD {
            let _ = write!(report, "\nand {} more", faults.len() - TOLD);
        }
        Self::Faulty { name: name.to_owned(), mistakes: faults.len(), report }
    }
}

impl Error {
    /// The error of a text that is not even a tree.
    pub(crate) fn unreadable(name: &str, text: &str, at: Position, why: &str) -> Self {
        let why = format!("this cannot be read: {}", plain(why));
        match Self::faulty(name, text, vec![Fault::new(at, why)]) {
            Self::Faulty { name, report, .. } => Self::Unreadable { name, report },
            other => other,
        }
    }

    /// Whether nothing was understood at all: it may not have been meant.
    pub fn is_unreadable(&self) -> bool {
        !matches!(self, Self::Faulty { .. })
    }
}

fn count(mistakes: usize) -> String {
    match mistakes {
        1 => "1 mistake".to_owned(),
        several => format!("{several} mistakes"),
    }
}

/// The line of `at` with a mark under it; `None` where there is no such line. Long lines are cut.
pub fn snippet(text: &str, at: Position) -> Option<String> {
    let line = text.lines().nth(at.line.checked_sub(1)?)?;
    let column = at.column.checked_sub(1)?.min(line.chars().count());
    let from = column.saturating_sub(AROUND);
    let before: String = line.chars().skip(from).take(column - from).collect();
    let after: String = line.chars().skip(column).take(AROUND).collect();
    let before = Text::from(&*before).to_string();
    let number = at.line.to_string();
    let margin = " ".repeat(number.len());
    let indent = " ".repeat(before.width());
    Some(format!("\n  {number} | {before}{}\n  {margin} | {indent}^", Text::from(&*after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize, column: usize) -> Position {
        Position { line, column }
    }

    #[test]
    fn a_mark_stands_under_the_mistake() {
        assert_eq!(snippet("a: 1\nbc: x\n", at(2, 5)).unwrap(), "\n  2 | bc: x\n    |     ^");
        assert_eq!(snippet("a\x1b: x", at(1, 5)).unwrap(), "\n  1 | a\\u{1b}: x\n    |          ^");
    }

    #[test]
    fn a_place_outside_the_text_has_no_snippet_and_no_panic() {
        assert_eq!(snippet("a: 1", at(7, 1)), None);
        assert_eq!(snippet("a: 1", at(0, 0)), None);
        assert!(snippet("a: 1", at(1, 900)).is_some());
    }

    #[test]
    fn a_long_line_is_cut_around_the_mistake() {
        let line = format!("{}!{}", "a".repeat(900), "b".repeat(900));
        let shown = snippet(&line, at(1, 901)).unwrap();
        assert!(shown.contains(&format!("{}!{}\n", "a".repeat(AROUND), "b".repeat(AROUND - 1))), "{shown}");
    }

    #[test]
    fn mistakes_come_in_the_order_of_the_file_and_are_counted() {
        let faults = (1..=25).rev().map(|line| Fault::new(at(line, 1), format!("mistake {line}"))).collect();
        let said = Error::faulty("policy.yaml", "", faults).to_string();
        assert!(
            said.starts_with("cannot use policy.yaml: 25 mistakes\npolicy.yaml:1:1: mistake 1\n"),
            "{said}"
        );
        assert!(said.ends_with("mistake 20\nand 5 more"), "{said}");
    }
}
