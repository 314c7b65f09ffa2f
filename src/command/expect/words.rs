//! Prose on a page of a terminal's width.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

/// Columns that prose fills.
const WIDTH: usize = 100;

/// `words`, each line behind `indent`, broken between words; words that are too long stand alone.
pub(super) fn wrapped(indent: &str, words: &str) -> String {
    let mut page = String::new();
    let mut line = String::new();
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && indent.width() + line.width() + 1 + word.width() > WIDTH {
            let _ = writeln!(page, "{indent}{line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        let _ = writeln!(page, "{indent}{line}");
    }
    page
}

/// Words under a lead in the margin: `  fix   …`.
pub(super) fn under(lead: &str, margin: usize, words: &str) -> String {
    let indent = " ".repeat(margin);
    let page = wrapped(&indent, words);
    let lead = format!("  {lead}");
    let rest = page.get(lead.len().min(margin)..).unwrap_or_default();
    format!("{lead}{rest}")
}

/// The first letter in capitals, and a full stop.
pub(super) fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let stop = if words.ends_with(['.', ':', '?']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_broken_at_the_width_and_begin_under_each_other() {
        let page = under("fix", 8, &"word ".repeat(40));
        let lines: Vec<&str> = page.lines().collect();
        assert!(lines[0].starts_with("  fix   word ") && lines[1].starts_with("        word "), "{page}");
        assert!(lines.iter().all(|line| line.width() <= WIDTH), "{page}");
        assert_eq!(under("fix", 8, ""), "  fix");
    }

    #[test]
    fn a_sentence_begins_with_a_capital_and_ends() {
        assert_eq!(sentence("write it"), "Write it.");
        assert_eq!(sentence(""), ".");
    }
}
