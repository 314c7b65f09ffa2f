//! What a line tells of TCP, UDP and SCTP.

use super::line::Line;
use super::{Tone, payload};
use crate::digest::tcp as flag;
use crate::net::Endpoint;
use crate::packet::Header;

const URG: u8 = 0x20;

pub(super) fn tcp(line: &mut Line<'_, '_>, at: usize) {
    let layer = &line.seen.packet.layers[at];
    let range = layer.range.clone();
    let (source, destination, seq, ack, flags, extent) = match layer.header {
        Header::Tcp { source, destination, seq, ack, flags, payload, .. } => {
            (source, destination, seq, ack, flags, payload)
        }
        Header::TcpStart { seq, .. } => {
            line.pen.put("tcp, seq ");
            return line.pen.number(seq);
        }
        _ => return,
    };
    let length = line.length(extent, range.end);
    if line.manner.is_quick {
        line.pen.put("tcp ");
        return line.pen.number(length);
    }
    let header = &line.seen.frame.bytes[range.clone()];
    line.pen.put("Flags [");
    if flags & flag::RST != 0 {
        line.pen.toned(Tone::Refusal, |pen| letters(pen, flags));
    } else {
        letters(line.pen, flags);
    }
    line.pen.byte(b']');
    if line.manner.verbose > 0 {
        checksum(line, at, ", cksum ");
    }
    let acknowledged = ack;
    let (seq, ack) = if line.manner.is_absolute {
        (seq, ack)
    } else {
        let ends = (
            Endpoint { address: line.ends.source, port: source },
            Endpoint { address: line.ends.destination, port: destination },
        );
        line.conversations.relative(ends, flags, seq, ack)
    };
    if length > 0 || flags & (flag::SYN | flag::FIN | flag::RST) != 0 || line.manner.verbose > 1 {
        line.pen.put(", seq ");
        line.pen.number(seq);
        if length > 0 {
            line.pen.byte(b':');
            line.pen.number(seq.wrapping_add(length));
        }
    }
    if flags & flag::ACK != 0 {
        line.pen.put(", ack ");
        line.pen.number(ack);
    }
    if let Some([high, low]) = header.get(14..16) {
        line.pen.put(", win ");
        line.pen.number(u16::from_be_bytes([*high, *low]));
    }
    if let (true, Some([high, low])) = (flags & URG != 0, header.get(18..20)) {
        line.pen.put(", urg ");
        line.pen.number(u16::from_be_bytes([*high, *low]));
    }
    // Blocks are in the numbers that are acknowledged.
    options(line, header, acknowledged.wrapping_sub(ack));
    line.pen.put(", length ");
    line.pen.number(length);
    if length > 0 {
        payload::stream(line, range.end, (source, destination));
    }
}

/// In tcpdump's order.
fn letters(pen: &mut super::Pen, flags: u8) {
    const LETTERS: [(u8, u8); 8] = [
        (flag::FIN, b'F'),
        (flag::SYN, b'S'),
        (flag::RST, b'R'),
        (flag::PSH, b'P'),
        (flag::ACK, b'.'),
        (URG, b'U'),
        (0x40, b'E'),
        (0x80, b'W'),
    ];
    if flags == 0 {
        return pen.put("none");
    }
    for (flag, letter) in LETTERS {
        if flags & flag != 0 {
            pen.byte(letter);
        }
    }
}

/// Checksum and what is said of it; a wrong one is nothing to be loud about.
fn checksum(line: &mut Line<'_, '_>, at: usize, lead: &str) {
    let Some((number, words)) = line.value(at, "checksum") else { return };
    line.pen.put(lead);
    line.pen.show(format_args!("0x{number:04x}"));
    match words {
        Some("right") => line.pen.put(" (correct)"),
        Some(words) => line.pen.show(format_args!(" ({words})")),
        None => {}
    }
}

/// The options of a header, as far as they were captured (RFC 9293 §3.1, IANA's list of kinds). `from` is what the sequence numbers of
/// the other side count from.
fn options(line: &mut Line<'_, '_>, header: &[u8], from: u32) {
    let stated = header.get(12).map_or(0, |byte| usize::from(byte >> 4) * 4);
    let mut rest = header.get(20..stated.min(header.len())).unwrap_or_default();
    if rest.is_empty() {
        return;
    }
    let pen = &mut *line.pen;
    let mut separator = ", options [";
    while let Some((&kind, after)) = rest.split_first() {
        pen.put(separator);
        separator = ",";
        if kind <= 1 {
            pen.put(if kind == 0 { "eol" } else { "nop" });
            rest = if kind == 0 { &[] } else { after };
            continue;
        }
        let Some(content) =
            after.first().and_then(|length| rest.get(2..usize::from(*length))).filter(|_| rest[1] >= 2)
        else {
            pen.put("…");
            break;
        };
        let word = |at: usize| {
            content.get(at..at + 4).map_or(0, |word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]))
        };
        match (kind, content) {
            (2, [high, low]) => pen.show(format_args!("mss {}", u16::from_be_bytes([*high, *low]))),
            (3, [shift]) => pen.show(format_args!("wscale {shift}")),
            (4, []) => pen.put("sackOK"),
            (5, blocks) => {
                pen.show(format_args!("sack {} ", blocks.len() / 8));
                for at in (0..blocks.len() / 8).map(|block| block * 8) {
                    let [left, right] = [word(at), word(at + 4)].map(|edge| edge.wrapping_sub(from));
                    pen.show(format_args!("{{{left}:{right}}}"));
                }
            }
            (8, _) if content.len() == 8 => {
                pen.put("TS val ");
                pen.number(word(0));
                pen.put(" ecr ");
                pen.number(word(4));
            }
            (19, _) => pen.put("md5"),
            (29, _) => pen.put("tcp-ao"),
            (30, _) => pen.put("mptcp"),
            (34, []) => pen.put("tfo cookiereq"),
            (34, cookie) => {
                pen.put("tfo cookie ");
                for byte in cookie {
                    pen.show(format_args!("{byte:02x}"));
                }
            }
            _ => pen.show(format_args!("unknown-{kind}")),
        }
        rest = &rest[content.len() + 2..];
    }
    pen.byte(b']');
}

pub(super) fn udp(line: &mut Line<'_, '_>, at: usize, end: usize) {
    let layers = &line.seen.packet.layers;
    let layer = &layers[at];
    let Header::Udp { source, destination, payload, .. } = layer.header else { return };
    // A tunnel speaks for itself.
    if at + 1 < end {
        return;
    }
    let after = layer.range.end;
    let length = line.length(payload, after);
    if line.manner.verbose > 0 {
        match line.value(at, "checksum") {
            Some((_, Some("right"))) => line.pen.put("[udp sum ok] "),
            Some((number, Some(words))) if number > 0 => {
                line.pen.show(format_args!("[udp cksum 0x{number:04x}: {words}] "));
            }
            _ => {}
        }
    }
    if !line.manner.is_quick && payload::datagram(line, after, (source, destination), length) {
        return;
    }
    line.pen.put("UDP, length ");
    line.pen.number(length);
}

/// Chunks that are named of one packet.
const CHUNKS: usize = 8;

pub(super) fn sctp(line: &mut Line<'_, '_>, at: usize) {
    let layer = &line.seen.packet.layers[at];
    let Header::Sctp { payload, tag, .. } = layer.header else { return };
    let length = line.length(payload, layer.range.end);
    line.pen.put("sctp");
    if line.manner.verbose > 0 {
        line.pen.show(format_args!(" [tag: 0x{tag:08x}]"));
    }
    let bytes = line.seen.frame.bytes;
    let mut at = layer.range.start + 12;
    for _ in 0..CHUNKS {
        let Some([kind, flags, high, low]) = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()) else {
            break;
        };
        let size = usize::from(u16::from_be_bytes([*high, *low]));
        if size < 4 {
            break;
        }
        let is_refusal = matches!(kind, 6);
        let pen = &mut *line.pen;
        pen.put(" [");
        if is_refusal {
            pen.begin(Tone::Refusal);
        }
        match chunk_name(*kind) {
            Some(name) => pen.put(name),
            None => pen.show(format_args!("chunk {kind}, flags 0x{flags:x}")),
        }
        if is_refusal {
            pen.end();
        }
        pen.byte(b']');
        if let (1 | 2, Some(word)) = (kind, bytes.get(at + 4..).and_then(|rest| rest.first_chunk::<4>())) {
            pen.show(format_args!(" [init tag: 0x{:08x}]", u32::from_be_bytes(*word)));
        }
        at += size.next_multiple_of(4);
    }
    line.pen.show(format_args!(", length {length}"));
}

fn chunk_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        0 => "DATA",
        1 => "INIT",
        2 => "INIT ACK",
        3 => "SACK",
        4 => "HB REQ",
        5 => "HB ACK",
        6 => "ABORT",
        7 => "SHUTDOWN",
        8 => "SHUTDOWN ACK",
        9 => "OP ERR",
        10 => "COOKIE ECHO",
        11 => "COOKIE ACK",
        14 => "SHUTDOWN COMPLETE",
        192 => "FORWARD TSN",
        _ => return None,
    })
}
