//! What a line tells of payloads: whom a TLS client asks for, the first line of HTTP, questions and answers of DNS.

use super::line::Line;
use crate::decode::dissect::dns_type_name;
use crate::decode::hint::dns::{self, name_at};
use crate::decode::hint::{Hint, http, tls};
use crate::net::Address;
use crate::text::Text;

/// Bytes of a start line that are shown.
const START_LINE: usize = 120;
/// Answers that are shown; the counts say how many there are.
const ANSWERS: usize = 8;
/// Bytes of a text record that are shown.
const TEXT: usize = 64;

/// What a segment's payload tells, behind the length.
pub(super) fn stream(line: &mut Line<'_, '_>, at: usize, ports: (u16, u16)) {
    let payload = line.seen.frame.bytes.get(at..).unwrap_or_default();
    if tls::may_begin(payload) {
        line.pen.put(": TLS client hello");
        if let Hint::Told(hello) = tls::hello(payload)
            && let Some(name) = hello.server_name
        {
            line.pen.byte(b' ');
            line.pen.show(Text::exact(&name));
        }
    } else if let [22, 3, 0..=4, _, _, 2, ..] = payload {
        line.pen.put(": TLS server hello");
    } else if let [21, 3, 0..=4, 0, 2, ..] = payload {
        line.pen.put(": TLS alert");
    } else if http::may_begin(payload) || payload.starts_with(b"HTTP/1.") {
        let end = payload.iter().take(START_LINE).position(|byte| matches!(byte, b'\r' | b'\n'));
        line.pen.put(": HTTP: ");
        line.pen.show(Text::exact(&payload[..end.unwrap_or(payload.len().min(START_LINE))]));
    } else if is_dns(ports)
        && let Some(message) = payload.get(2..)
    {
        let from = line.pen.len();
        line.pen.put(": ");
        if !dns(line, message, message.len() as u32) {
            line.pen.back_to(from);
        }
    }
}

/// What a datagram's payload tells, instead of its length; whether it tells anything.
pub(super) fn datagram(line: &mut Line<'_, '_>, at: usize, ports: (u16, u16), length: u32) -> bool {
    let payload = line.seen.frame.bytes.get(at..).unwrap_or_default();
    is_dns(ports) && dns(line, &payload[..payload.len().min(length as usize)], length)
}

fn is_dns((source, destination): (u16, u16)) -> bool {
    let is = |port| port == dns::PORT || port == 5353;
    is(source) || is(destination)
}

/// `4660+ A? api.example. (29)` and `4660 1/0/0 A 203.0.113.25 (45)` (RFC 1035 §4.1).
fn dns(line: &mut Line<'_, '_>, message: &[u8], length: u32) -> bool {
    let word = |at: usize| Some(u16::from_be_bytes(*message.get(at..)?.first_chunk()?));
    let Some(header) = message.first_chunk::<12>() else { return false };
    let [id, flags, questions, answers, authorities, additional] =
        std::array::from_fn(|index| u16::from_be_bytes([header[index * 2], header[index * 2 + 1]]));
    let Some((name, end)) = name_at(message, 12).filter(|_| questions >= 1 && flags & 0x7800 == 0) else {
        return false;
    };
    let Some(kind) = word(end) else { return false };
    line.pen.number(id);
    let is_response = flags & 0x8000 != 0;
    if !is_response {
        for (flag, mark) in [(0x0100, b'+'), (0x0010, b'%')] {
            if flags & flag != 0 {
                line.pen.byte(mark);
            }
        }
        let usual = [(answers, 0, "a"), (questions, 1, "q"), (authorities, 0, "n"), (additional, 0, "au")];
        for (count, _, what) in usual.into_iter().filter(|(count, usual, _)| count != usual) {
            line.pen.show(format_args!(" [{count}{what}]"));
        }
        line.pen.byte(b' ');
        kind_name(line, kind);
        line.pen.show(format_args!("? {name}. ({length})"));
        return true;
    }
    match flags & 0xf {
        0 => {}
        code => match CODES.get(usize::from(code) - 1) {
            Some(name) => line.pen.show(format_args!(" {name}")),
            None => line.pen.show(format_args!(" Resp{code}")),
        },
    }
    for (flag, is_marked, mark) in
        [(0x0400, true, b'*'), (0x0080, false, b'-'), (0x0200, true, b'|'), (0x0020, true, b'$')]
    {
        if (flags & flag != 0) == is_marked {
            line.pen.byte(mark);
        }
    }
    if questions != 1 {
        line.pen.show(format_args!(" [{questions}q]"));
    }
    if line.manner.verbose > 0 || answers == 0 {
        line.pen.put(" q: ");
        kind_name(line, kind);
        line.pen.show(format_args!("? {name}."));
    }
    line.pen.show(format_args!(" {answers}/{authorities}/{additional}"));
    // Behind the one question that there is; nobody asks several (RFC 9619).
    let mut at = if questions == 1 { end + 4 } else { message.len() };
    for index in 0..usize::from(answers).min(ANSWERS) {
        let Some(next) = answer(line, message, at, index > 0) else { break };
        at = next;
    }
    line.pen.show(format_args!(" ({length})"));
    true
}

/// Type and data of the record at `at`; where the next one begins.
fn answer(line: &mut Line<'_, '_>, message: &[u8], at: usize, is_later: bool) -> Option<usize> {
    let (_, end) = name_at(message, at)?;
    let word = |at: usize| Some(u16::from_be_bytes(*message.get(at..)?.first_chunk()?));
    let (kind, length) = (word(end)?, usize::from(word(end + 8)?));
    let data = message.get(end + 10..end + 10 + length)?;
    line.pen.put(if is_later { ", " } else { " " });
    kind_name(line, kind);
    match (kind, data) {
        (1, [a, b, c, d]) => {
            line.pen.byte(b' ');
            line.pen.address(Address::v4(u32::from_be_bytes([*a, *b, *c, *d])));
        }
        (28, _) if length == 16 => {
            line.pen.byte(b' ');
            line.pen.address(Address::v6(*data.first_chunk()?));
        }
        (2 | 5 | 12, _) => {
            if let Some((name, _)) = name_at(message, end + 10) {
                line.pen.show(format_args!(" {name}."));
            }
        }
        (15, [high, low, ..]) => {
            if let Some((name, _)) = name_at(message, end + 12) {
                line.pen.show(format_args!(" {name}. {}", u16::from_be_bytes([*high, *low])));
            }
        }
        (16, [size, text @ ..]) => {
            let text = &text[..text.len().min(usize::from(*size)).min(TEXT)];
            line.pen.show(format_args!(" \"{}\"", Text::exact(text)));
        }
        (33, [p, q, w, v, high, low, ..]) => {
            if let Some((name, _)) = name_at(message, end + 16) {
                let [priority, weight, port] = [[*p, *q], [*w, *v], [*high, *low]].map(u16::from_be_bytes);
                line.pen.show(format_args!(" {name}.:{port} {priority} {weight}"));
            }
        }
        _ => {}
    }
    Some(end + 10 + length)
}

/// What a response says besides that there was no error (RFC 1035 §4.1.1, RFC 2136 §2.2), from 1 on.
const CODES: [&str; 10] = [
    "FormErr", "ServFail", "NXDomain", "NotImp", "Refused", "YXDomain", "YXRRSet", "NXRRSet", "NotAuth",
    "NotZone",
];

fn kind_name(line: &mut Line<'_, '_>, kind: u16) {
    match dns_type_name(kind) {
        Some(name) => line.pen.put(name),
        None => line.pen.show(format_args!("Type{kind}")),
    }
}
