//! Lines as `while read line; do …; done <<< "$VARIABLE"` reads them in bash, without `-r` and with the usual IFS.
//!
//! 1. Spaces and tabs around a line are dropped. A backslash before them keeps those in front, and those behind where the line
//!    is a single word.
//! 2. A backslash makes the next character stand for itself, and joins lines where it stands at their end.
//! 3. What a backslash at the very end would join with does not come: that line is never seen.

use super::Spot;

/// A line that the script sees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Line {
    pub(super) text: String,
    /// Where each character comes from, and at last where the line ends.
    from: Vec<Spot>,
}

impl Line {
    /// Where the character at that byte of the text is written.
    pub(super) fn spot(&self, byte: usize) -> Spot {
        let before = self.text.char_indices().take_while(|(at, _)| *at < byte).count();
        self.from.get(before).or(self.from.last()).copied().unwrap_or_default()
    }
}

/// The lines of `text`.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    // (character, whether it stands for itself, where it is)
    let mut line: Vec<(char, bool, Spot)> = Vec::new();
    let mut spot = Spot::default();
    // `<<<` adds a line feed.
    let mut characters = text.chars().chain(['\n']);
    while let Some(c) = characters.next() {
        let here = spot;
        let mut step = |c| {
            spot = if c == '\n' {
                Spot { line: spot.line + 1, column: 0 }
            } else {
                Spot { column: spot.column + 1, ..spot }
            };
        };
        step(c);
        match c {
            '\n' => lines.push(trimmed(&std::mem::take(&mut line), here)),
            '\\' => match characters.next() {
                Some('\n') => step('\n'),
                Some(escaped) => {
                    step(escaped);
                    line.push((escaped, true, here));
                }
                None => {}
            },
            c => line.push((c, false, here)),
        }
    }
    lines
}

/// As `read` with a single variable leaves it: a line of several words loses escaped blanks at its end, too.
fn trimmed(line: &[(char, bool, Spot)], end: Spot) -> Line {
    let is_blank = |(c, _, _): &&(char, bool, Spot)| matches!(c, ' ' | '\t');
    let separates = |item: &&(char, bool, Spot)| is_blank(item) && !item.1;
    let before = line.iter().take_while(separates).count();
    let line = &line[before..];
    let word = line.iter().take_while(|item| !separates(item)).count();
    let is_one_word = line[word..].iter().all(|item| separates(&item));
    let kept = if is_one_word { word } else { line.len() - line.iter().rev().take_while(is_blank).count() };
    let end = line.get(kept).map_or(end, |(_, _, spot)| *spot);
    let from = line[..kept].iter().map(|(_, _, spot)| *spot).chain([end]).collect();
    match line.first() {
        // Nothing but blanks, of which the first was escaped: bash's own mark of that is left over.
        Some((_, true, _)) if kept == 0 => Line { text: "\u{1}".to_owned(), from },
        _ => Line { text: line[..kept].iter().map(|(c, _, _)| c).collect(), from },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::router::tests::bash;

    fn texts(text: &str) -> Vec<String> {
        lines(text).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn blanks_around_a_line_are_dropped_and_those_within_stay() {
        assert_eq!(texts("  80  tcp\t \n\t\n"), ["80  tcp", "", ""]);
    }

    #[test]
    fn a_backslash_escapes_joins_and_loses() {
        assert_eq!(texts("a \\\nb"), ["a b"]);
        assert_eq!(texts("\\ a\\ "), [" a "]);
        assert_eq!(texts("\\ a b\\ "), [" a b"]);
        assert_eq!(texts("a\\\\b"), ["a\\b"]);
        assert_eq!(texts("a\nb\\"), ["a"]);
    }

    #[test]
    fn every_character_knows_where_it_is_written() {
        let all = lines("x\n  80 \\\n tcp");
        let joined = &all[1];
        assert_eq!(joined.text, "80  tcp");
        assert_eq!(joined.spot(0), Spot { line: 1, column: 2 });
        assert_eq!(joined.spot(4), Spot { line: 2, column: 1 });
        assert_eq!(joined.spot(99), Spot { line: 2, column: 4 });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn lines_are_those_that_bash_reads(text in "[a \t\n\\\\#é]{0,24}") {
            let script = r#"while read line; do printf '%s\0' "$line"; done <<< "$TEXT""#;
            let read = bash(script, &[("TEXT", &text)]);
            let theirs: Vec<&str> = read.stdout.split_terminator('\0').collect();
            prop_assert_eq!(texts(&text), theirs);
        }
    }
}
