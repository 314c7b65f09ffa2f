//! DNS messages: header, questions and records (RFC 1035 §4.1; the message is drawn in `decode/hint/dns.rs`).

use super::fields::Fields;
use super::{Value, numbers};
use crate::decode::hint::dns::name_at;

/// Records that are read of a message, over all sections.
const RECORDS: usize = 128;

/// Reads a message with its length before it, as streams have it; whether this is one.
pub(super) fn stream(fields: &mut Fields<'_>) -> bool {
    let Some(length) = fields.u16(0).map(usize::from) else { return false };
    if !seems_message(fields, 2) || length < 12 {
        return false;
    }
    fields.number("length", 0, 2);
    fields.group("message", 2, length, |message| {
        self::message(message);
    });
    true
}

/// Reads a message; whether this is one.
pub(super) fn message(fields: &mut Fields<'_>) -> bool {
    if !seems_message(fields, 0) {
        return false;
    }
    fields.hex("id", 0, 2);
    let flags = fields.u16(2).unwrap_or(0);
    let is_response = flags & 0x8000 != 0;
    fields.bits("response", (2, 1), 7, 1).means(if is_response { "response" } else { "query" });
    fields.bits("opcode", (2, 1), 3, 4).named(|code: u8| match code {
        0 => Some("query"),
        2 => Some("status"),
        4 => Some("notify"),
        5 => Some("update"),
        _ => None,
    });
    fields.flags(
        "flags",
        (2, 2),
        &[
            (0x0400, "authoritative"),
            (0x0200, "truncated"),
            (0x0100, "recursion desired"),
            (0x0080, "recursion available"),
            (0x0020, "authentic data"),
            (0x0010, "checking disabled"),
        ],
    );
    fields.bits("code", (3, 1), 0, 4).named(numbers::dns_code_name);
    let mut counts = [0; 4];
    for (index, name) in ["questions", "answers", "authorities", "additional"].into_iter().enumerate() {
        counts[index] = fields.u16(4 + index * 2).unwrap_or(0);
        fields.number(name, 4 + index * 2, 2);
    }
    let mut at = 12;
    let mut left = RECORDS;
    for (count, section) in counts.into_iter().zip(["question", "answer", "authority", "additional record"]) {
        for _ in 0..count {
            let next = match left {
                0 => None,
                _ if section == "question" => question(fields, at),
                _ => record(fields, section, at),
            };
            let Some(next) = next else { return true };
            at = next;
            left -= 1;
        }
    }
    true
}

/// Whether the header could be that of a message: an opcode and a response code that exist, and a question or an answer.
fn seems_message(fields: &Fields<'_>, at: usize) -> bool {
    match (fields.at::<8>(at), fields.u16(at + 2)) {
        (Some([.., a, b, c, d]), Some(flags)) => {
            flags >> 11 & 0x0f <= 6 && (a, b) <= (0, 16) && (a, b, c, d) != (0, 0, 0, 0)
        }
        _ => false,
    }
}

fn question(fields: &mut Fields<'_>, at: usize) -> Option<usize> {
    let (name, end) = name_at(fields.all(), at)?;
    let next = end + 4;
    fields.u16(end + 2)?;
    let words = name.to_string();
    fields
        .group("question", at, next - at, |question| {
            question.add("name", 0, end - at, Value::Text(name));
            question.number("type", end - at, 2).named(numbers::dns_type_name);
            question.number("class", end - at + 2, 2);
        })
        .means(words);
    Some(next)
}

fn record(fields: &mut Fields<'_>, section: &'static str, at: usize) -> Option<usize> {
    let all = fields.all();
    let (name, end) = name_at(all, at)?;
    let (kind, length) = (fields.u16(end)?, usize::from(fields.u16(end + 8)?));
    let data = end + 10;
    let next = data + length;
    all.get(..next)?;
    // Names in the data point into the whole message.
    let target = match kind {
        2 | 5 | 12 => name_at(all, data),
        15 => name_at(all, data + 2),
        33 => name_at(all, data + 6),
        _ => None,
    };
    let target = target.filter(|(_, end)| *end <= next);
    fields.group(section, at, next - at, |record| {
        let end = end - at;
        record.add("name", 0, end, Value::Text(name));
        record.number("type", end, 2).named(numbers::dns_type_name);
        if kind == 41 {
            // RFC 6891 §6.1.2: the fields mean other things in an OPT record.
            record.number("largest datagram", end + 2, 2);
            record.hex("extended code and flags", end + 4, 4);
        } else {
            record.number("class", end + 2, 2);
            record.number("time to live", end + 4, 4);
        }
        record.number("length", end + 8, 2);
        let data = end + 10;
        match (kind, length, target) {
            (1, 4, _) => {
                record.address4("address", data);
            }
            (28, 16, _) => {
                record.address6("address", data);
            }
            (2 | 5 | 12, _, Some((name, _))) => {
                record.add("target", data, length, Value::Text(name));
            }
            (15, 3.., Some((name, _))) => {
                record.number("preference", data, 2);
                record.add("target", data + 2, length - 2, Value::Text(name));
            }
            (33, 7.., Some((name, _))) => {
                record.number("priority", data, 2);
                record.number("weight", data + 2, 2);
                record.number("port", data + 4, 2);
                record.add("target", data + 6, length - 6, Value::Text(name));
            }
            (16, 1.., _) => {
                let length = record.u8(data).map_or(0, usize::from);
                record.text("text", data + 1, length);
            }
            _ => {
                record.rest("data", data);
            }
        }
    });
    Some(next)
}
