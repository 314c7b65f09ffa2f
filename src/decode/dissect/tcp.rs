//! Fields of TCP and its options (RFC 9293 §3.1; the header is drawn in `decode/transport.rs`).

use super::checksum::Covered;
use super::fields::Fields;
use crate::digest::protocol;

const FLAGS: [(u64, &str); 9] = [
    (0x01, "FIN"),
    (0x02, "SYN"),
    (0x04, "RST"),
    (0x08, "PSH"),
    (0x10, "ACK"),
    (0x20, "URG"),
    (0x40, "ECE"),
    (0x80, "CWR"),
    (0x100, "AE"),
];

pub(super) fn header(fields: &mut Fields<'_>, covered: Covered<'_>) {
    fields.number("source port", 0, 2);
    fields.number("destination port", 2, 2);
    fields.number("sequence number", 4, 4);
    fields.number("acknowledgement number", 8, 4);
    let words = fields.u8(12).map_or(0, |byte| byte >> 4);
    fields.bits("header length", (12, 1), 4, 4).means(format!("{} bytes", words * 4));
    fields.flags("flags", (12, 2), &FLAGS);
    let full = (fields.u16(14) == Some(0)).then_some("no room at the receiver");
    fields.number("window", 14, 2).may_mean(full);
    let judged = fields.u16(16).and_then(|stated| covered.judged(protocol::TCP, stated));
    fields.hex("checksum", 16, 2).may_mean(judged);
    fields.number("urgent pointer", 18, 2);
    let stated = usize::from(words) * 4;
    if stated > 20 && fields.len() > 20 {
        fields.group("options", 20, stated - 20, |options| options.options(name, option));
    }
}

/// IANA's list of kinds.
fn name(kind: u8) -> &'static str {
    match kind {
        0 => "end",
        1 => "no operation",
        2 => "maximum segment size",
        3 => "window scale",
        4 => "SACK permitted",
        5 => "SACK",
        8 => "timestamps",
        19 => "MD5 signature",
        28 => "user timeout",
        29 => "authentication",
        30 => "multipath",
        34 => "fast open",
        _ => "option",
    }
}

fn option(fields: &mut Fields<'_>, kind: u8) {
    fields.number("kind", 0, 1);
    fields.number("length", 1, 1);
    match kind {
        2 => {
            fields.number("bytes", 2, 2);
        }
        3 => {
            let shift = u32::from(fields.u8(2).unwrap_or(0));
            let words = 1_u32.checked_shl(shift).filter(|_| shift <= 14);
            fields.number("shift", 2, 1).may_mean(words.map(|times| format!("windows count {times} times")));
        }
        5 => {
            for at in (2..fields.len()).step_by(8) {
                fields.group("block", at, 8, |block| {
                    block.number("from", 0, 4);
                    block.number("to", 4, 4);
                });
            }
        }
        8 => {
            fields.number("value", 2, 4);
            fields.number("echo reply", 6, 4);
        }
        29 => {
            fields.number("key id", 2, 1);
            fields.number("next key id", 3, 1);
            fields.rest("code", 4);
        }
        34 => {
            fields.rest("cookie", 2);
        }
        _ => {
            fields.rest("content", 2);
        }
    }
}
