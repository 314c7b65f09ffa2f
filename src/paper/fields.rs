//! The fields of a packet below its line, layer by layer.
//!
//! `-vv` shows what the layers from IP on say, a line a layer as long as it fits; `-vvv` every field of every layer, a line each,
//! with the bytes where it stands.

use std::fmt::Write as _;

use super::{Pen, Tone};
use crate::decode::dissect::{Dissection, Field, LayerFields, Value};

/// Columns of a name, and of the bytes where it stands.
const NAME: usize = 26;
/// Columns that a layer's line has.
const WIDTH: usize = 100;
const INDENT: usize = 14;

/// A line a layer, which goes on below itself where it is long.
pub fn brief(pen: &mut Pen, dissection: &Dissection) {
    const LINKS: [&str; 18] = [
        "ethernet",
        "vlan",
        "port tag",
        "802.1ah",
        "llc",
        "snap",
        "mpls",
        "control word",
        "pppoe",
        "ppp",
        "hdlc",
        "frame relay",
        "fddi",
        "802.11",
        "sll",
        "sll2",
        "loopback",
        "trailer",
    ];
    for layer in dissection.layers.iter().filter(|layer| !LINKS.contains(&layer.name)) {
        pen.put("\n    ");
        let from = pen.len();
        pen.put(layer.name);
        pen.fill(from, INDENT - 4);
        let mut column = INDENT;
        let mut is_first = true;
        leaves(&layer.fields, "", &mut |path, field| {
            if says_nothing(field) {
                return;
            }
            let mut words = format!("{path} {}", field.value);
            if let Some(meaning) = &field.meaning {
                if matches!(field.value, Value::Group) {
                    words = format!("{path}: {meaning}");
                } else {
                    write!(words, " ({meaning})").expect("memory takes everything");
                }
            }
            let words = words.trim_end();
            let needed = words.chars().count() + 2;
            if !is_first {
                pen.byte(b',');
                if column + needed > WIDTH {
                    pen.byte(b'\n');
                    pen.put(&" ".repeat(INDENT));
                    column = INDENT;
                } else {
                    pen.byte(b' ');
                }
            }
            is_first = false;
            column += needed;
            pen.put(words);
        });
    }
}

/// Zeros of which there is nothing to say, and what a header says of itself.
fn says_nothing(field: &Field) -> bool {
    let is_nothing = match &field.value {
        Value::Number(number) => *number == 0 && field.meaning.is_none(),
        Value::Flags(names) => names.is_empty(),
        _ => false,
    };
    is_nothing
        || matches!(field.name, "version" | "header length" | "reserved" | "unused")
            && !matches!(field.value, Value::Hex(..))
}

/// Calls `tell` for every field that has a value of its own, or words, with its name; groups lend theirs.
fn leaves(fields: &[Field], around: &str, tell: &mut impl FnMut(&str, &Field)) {
    for field in fields {
        let name = match (around, field.fields.is_empty()) {
            ("", _) => field.name.to_owned(),
            // Kind and length of an option are in its name and its extent.
            (_, true) if matches!(field.name, "kind" | "length" | "type") => continue,
            (around, _) => format!("{around} {}", field.name),
        };
        if !matches!(field.value, Value::Group) || field.meaning.is_some() {
            tell(&name, field);
        }
        if is_bare(field) {
            tell(field.name, field);
        }
        leaves(&field.fields, field.name, tell);
    }
}

/// Whether it is an option that is nothing but its kind.
fn is_bare(field: &Field) -> bool {
    let is_of_kind = |field: &Field| matches!(field.name, "kind" | "length");
    !field.fields.is_empty()
        && field.fields.iter().all(is_of_kind)
        && !matches!(field.name, "no operation" | "end")
}

/// A line a field.
pub fn full(pen: &mut Pen, dissection: &Dissection) {
    for layer in &dissection.layers {
        head(pen, layer);
        for field in &layer.fields {
            one(pen, field, 1);
        }
    }
}

fn head(pen: &mut Pen, layer: &LayerFields) {
    pen.put("\n    ");
    let from = pen.len();
    pen.toned(Tone::Heading, |pen| pen.put(layer.name));
    let is_longer = pen.len() - from - layer.name.len();
    place(pen, from, is_longer, layer.range.start, layer.range.end);
}

fn one(pen: &mut Pen, field: &Field, depth: usize) {
    pen.put("\n    ");
    let from = pen.len();
    for _ in 0..depth {
        pen.put("  ");
    }
    pen.put(field.name);
    place(pen, from, 0, field.range.start, field.range.end);
    if !matches!(field.value, Value::Group) {
        pen.put("  ");
        pen.show(&field.value);
    }
    if let Some(meaning) = &field.meaning {
        pen.put("  ");
        pen.toned(Tone::Quiet, |pen| pen.put(meaning));
    }
    for field in &field.fields {
        one(pen, field, depth + 1);
    }
}

/// The bytes from `start` up to `end`, in their column; what was written since `from` has `unseen` bytes without width.
fn place(pen: &mut Pen, from: usize, unseen: usize, start: usize, end: usize) {
    pen.fill(from, NAME + unseen);
    pen.put("  ");
    let range =
        if end - start == 1 { start.to_string() } else { format!("{start}-{}", end.saturating_sub(1)) };
    pen.toned(Tone::Quiet, |pen| pen.show(format_args!("{range:>9}")));
}
