//! The start line and the header fields of an HTTP/1 message (RFC 9112 §2.1).

use super::fields::Fields;
use crate::decode::hint::http::may_begin;

/// Header fields that are read; servers refuse more than about a hundred.
const LINES: usize = 128;

/// Reads a message's head; whether this is one.
pub(super) fn message(fields: &mut Fields<'_>) -> bool {
    let all = fields.all();
    let is_response = all.starts_with(b"HTTP/1.");
    let Some((length, mut at)) = line(all, 0) else { return false };
    let first = &all[..length];
    if is_response {
        let parts = split(first);
        fields.group("status line", 0, length, |line| {
            for (name, (at, length)) in ["version", "status", "reason"].into_iter().zip(parts) {
                line.text(name, at, length);
            }
        });
    } else if may_begin(all) && first.windows(7).any(|part| part == b"HTTP/1.") {
        let parts = split(first);
        fields.group("request line", 0, length, |line| {
            for (name, (at, length)) in ["method", "target", "version"].into_iter().zip(parts) {
                line.text(name, at, length);
            }
        });
    } else {
        return false;
    }
    for _ in 0..LINES {
        let Some((length, next)) = line(all, at) else { return true };
        if length == 0 {
            fields.bytes("end of header", at, next - at);
            return true;
        }
        let text = &all[at..at + length];
        let Some(colon) = text.iter().position(|byte| *byte == b':') else { return true };
        let value = &text[colon + 1..];
        let blanks = value.len() - value.trim_ascii_start().len();
        let shown = value.trim_ascii();
        fields.group("header field", at, length, |field| {
            field.text("name", 0, colon);
            field.text("value", colon + 1 + blanks, shown.len());
        });
        at = next;
    }
    true
}

/// Offset and length of up to three words; the last is the rest of the line.
fn split(line: &[u8]) -> Vec<(usize, usize)> {
    let blanks: Vec<usize> =
        line.iter().enumerate().filter(|(_, byte)| **byte == b' ').map(|(at, _)| at).take(2).collect();
    let mut parts = Vec::new();
    let mut at = 0;
    for blank in blanks {
        parts.push((at, blank - at));
        at = blank + 1;
    }
    parts.push((at, line.len() - at));
    parts
}

/// Length of the line at `at` without its end, and where the next one begins.
fn line(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let rest = bytes.get(at..)?;
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
    Some((line.len(), at + end + 1))
}
