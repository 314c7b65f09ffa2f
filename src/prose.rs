//! Words in columns of a terminal: how wide they are, where lines end, what is cut.
//!
//! Widths are terminal columns, not characters: Hangul takes two, a combining mark none. What people typed is escaped as
//! what was captured is, by [`clean`]: names of files and expectations never were a [`Text`](crate::text::Text).

use unicode_width::UnicodeWidthStr as _;

use crate::text::plain;

/// Terminal columns that `text` takes.
pub fn columns(text: &str) -> usize {
    text.width()
}

/// `text` without anything that moves the cursor or hides.
pub fn clean(text: &str) -> String {
    plain(text)
}

/// The lines of `prose`, the first at most `first` columns wide and the others `rest`; always one at least.
///
/// The first stays empty where its room is too small for the first word. A word wider than any line is
/// broken rather than cut: it may be the address that matters. A command between backticks stays on one
/// line where it can, so that it can be copied.
pub fn wrap(prose: &str, first: usize, rest: usize) -> Vec<String> {
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
pub fn cut(text: &str, room: usize) -> String {
    let text = clean(text);
    if columns(&text) <= room {
        return text;
    }
    if room == 0 {
        return String::new();
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
        assert_eq!(cut("방화벽", 0), "");
    }

    #[test]
    fn nothing_typed_can_move_the_cursor_either() {
        assert_eq!(clean("a\x1b[31m\u{202e}b"), "a\\u{1b}[31m\\u{202e}b");
        assert_eq!(wrap("a\rb", 10, 10), ["a\\rb"]);
    }
}
