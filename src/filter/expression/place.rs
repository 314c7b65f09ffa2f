//! Where in an expression something is wrong.
//!
//! libpcap says what, and not where. It reads from left to right and stops at the first mistake, so that
//! 1. a mistake in the meaning is made by the last word of the shortest beginning that gets the same message; the message may quote the
//!    word itself;
//! 2. the grammar is broken by the first word after which nothing that could follow makes an expression. Some endings are tried: one that
//!    libpcap takes, or understands well enough to find another fault with, shows that the words so far are fine.
//!
//! An end that comes too early is shown behind the last word. What is said of the expression as a whole has no place.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::SYNTAX_ERROR;
use super::names::Named;
use crate::filter::bpf::handle::Handle;
use crate::frame::LinkType;
use crate::text::is_deceptive;

/// Words that are searched, and endings that are tried in all: each costs a compilation of some microseconds.
const MOST_WORDS: usize = 500;
const MOST_TRIED: usize = 50_000;

/// Offset and length in bytes of what `why` is said of.
pub(super) fn find(named: &Named<'_>, why: &str) -> Option<(usize, usize)> {
    let words = named.words;
    if words.len() > MOST_WORDS {
        return None;
    }
    let handle = Handle::of(LinkType::ETHERNET).ok()?;
    if why == SYNTAX_ERROR {
        let mut tries = MOST_TRIED;
        let broken = (0..words.len()).find(|at| !can_go_on(named, at + 1, &handle, &mut tries));
        if tries == 0 {
            return None;
        }
        return Some(
            broken.map_or((named.typed.trim_end().len(), 0), |at| (words[at].at, words[at].text.len())),
        );
    }
    let last = (0..words.len()).find(|at| handle.refusal(&named.part(0..at + 1)).as_deref() == Some(why))?;
    let is_quoted = |at: &usize| {
        let text = words[*at].name();
        why.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.:".contains(c))).any(|part| part == text)
    };
    let quoted = (0..=last).rev().take(NEAR).find(is_quoted);
    // What is wrong with all of it is not wrong with its last word.
    if quoted.is_none() && last + 1 == words.len() && is_of_the_whole(why) {
        return None;
    }
    let at = quoted.unwrap_or(last);
    Some((words[at].at, words[at].text.len()))
}

/// How far before the word at which libpcap stopped the one may stand that it speaks of: it may have read one ahead, and
/// `10.1.1.1 mask 255.0.0.0` is spoken of as one.
const NEAR: usize = 4;

fn is_of_the_whole(why: &str) -> bool {
    why.contains("rejects all packets") || why.contains("not valid")
}

/// Whether something could follow on a beginning that has so many words.
fn can_go_on(named: &Named<'_>, count: usize, handle: &Handle, tries: &mut usize) -> bool {
    let beginning = named.part(0..count);
    let mut open: Vec<&str> = Vec::new();
    for word in &named.words[..count] {
        match word.text {
            "(" | "[" => open.push(word.text),
            ")" | "]" => drop(open.pop()),
            _ => {}
        }
    }
    let closings = closings(&open);
    let endings = NEXT.iter().flat_map(|next| closings.iter().map(move |closing| (next, closing)));
    for (next, closing) in endings {
        if *tries == 0 {
            return false;
        }
        *tries -= 1;
        let refusal = handle.refusal(&format!("{beginning} {next}{closing}"));
        if refusal.is_none_or(|why| why != SYNTAX_ERROR) {
            return true;
        }
    }
    false
}

/// What may follow, in one place or another.
const NEXT: [&str; 19] = [
    "",
    "tcp",
    "1",
    "10.0.0.1",
    "host 10.0.0.1",
    "src host 10.0.0.1",
    "port 1",
    "proto 1",
    "::1",
    "0:1:2:3:4:5",
    "dst 10.0.0.1",
    "= 1",
    "1 = 1",
    "[0] = 1",
    "/ 8",
    "\\x",
    "& 1",
    "broadcast",
    "type mgt",
];

/// What closes all that is open, as a relation or not.
fn closings(open: &[&str]) -> Vec<String> {
    let mut all = vec![String::new()];
    for sign in open.iter().rev() {
        let ways: &[&str] = match *sign {
            "[" => &["]", "] = 1"],
            _ => &[")", " = 1)", ") = 1"],
        };
        all = all.iter().flat_map(|before| ways.iter().map(move |way| format!("{before}{way}"))).collect();
        // Deep nests are of one kind.
        all.truncate(81);
    }
    let related: Vec<String> = all.iter().map(|closing| format!("{closing} = 1")).collect();
    all.extend(related);
    all
}

/// The expression on a line of its own, and a line that marks the place below it.
pub(super) fn shown(typed: &str, at: usize, length: usize) -> (String, String) {
    let (before, rest) = typed.split_at(at.min(typed.len()));
    let (place, after) = rest.split_at(length.min(rest.len()));
    let (before, place, after) = (escaped(before), escaped(place), escaped(after));
    let marks = format!("{}{}", " ".repeat(before.width()), "^".repeat(place.width().max(1)));
    (format!("{before}{place}{after}"), marks)
}

fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_deceptive(c) || c.width().is_none() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}
