//! Fields of SCTP: the common header and the chunks of a packet (RFC 9260 §3).
//!
//! ```text
//! +---------------+---------------+-------------------------------+
//! |     type      |     flags     |            length             |   of a chunk, without its padding to four bytes
//! +---------------+---------------+-------------------------------+
//! |                          content …                            |
//! +---------------------------------------------------------------+
//! ```

use super::fields::Fields;

/// Chunks of a packet; 64 KiB would hold 16,384 empty ones.
const CHUNKS: usize = 256;

pub(super) fn packet(fields: &mut Fields<'_>) {
    fields.number("source port", 0, 2);
    fields.number("destination port", 2, 2);
    fields.hex("verification tag", 4, 4);
    fields.hex("checksum", 8, 4);
    let mut at = 12;
    for _ in 0..CHUNKS {
        let (Some(kind), Some(length @ 4..)) = (fields.u8(at), fields.u16(at + 2)) else { return };
        let length = usize::from(length);
        fields.group(name(kind), at, length, |chunk| content(chunk, kind));
        at += length.next_multiple_of(4);
    }
}

fn name(kind: u8) -> &'static str {
    match kind {
        0 => "DATA",
        1 => "INIT",
        2 => "INIT ACK",
        3 => "SACK",
        4 => "HEARTBEAT",
        5 => "HEARTBEAT ACK",
        6 => "ABORT",
        7 => "SHUTDOWN",
        8 => "SHUTDOWN ACK",
        9 => "ERROR",
        10 => "COOKIE ECHO",
        11 => "COOKIE ACK",
        14 => "SHUTDOWN COMPLETE",
        64 => "I-DATA",
        128 => "ASCONF ACK",
        130 => "RE-CONFIG",
        192 => "FORWARD TSN",
        193 => "ASCONF",
        _ => "chunk",
    }
}

fn content(chunk: &mut Fields<'_>, kind: u8) {
    chunk.number("type", 0, 1);
    match kind {
        0 => {
            chunk.flags("flags", (1, 1), &[(8, "at once"), (4, "unordered"), (2, "first"), (1, "last")]);
        }
        _ => {
            chunk.hex("flags", 1, 1);
        }
    }
    chunk.number("length", 2, 2);
    match kind {
        0 => {
            chunk.number("tsn", 4, 4);
            chunk.number("stream", 8, 2);
            chunk.number("stream sequence", 10, 2);
            chunk.number("payload protocol", 12, 4);
            chunk.rest("data", 16);
        }
        1 | 2 => {
            chunk.hex("initiate tag", 4, 4);
            chunk.number("receiver window", 8, 4);
            chunk.number("outbound streams", 12, 2);
            chunk.number("inbound streams", 14, 2);
            chunk.number("initial tsn", 16, 4);
            chunk.rest("parameters", 20);
        }
        3 => {
            chunk.number("cumulative tsn", 4, 4);
            chunk.number("receiver window", 8, 4);
            chunk.number("gaps", 12, 2);
            chunk.number("duplicates", 14, 2);
            chunk.rest("blocks", 16);
        }
        7 => {
            chunk.number("cumulative tsn", 4, 4);
        }
        6 | 9 => {
            let words = match chunk.u16(4) {
                Some(1) => Some("invalid stream"),
                Some(2) => Some("missing parameter"),
                Some(3) => Some("stale cookie"),
                Some(4) => Some("out of resources"),
                Some(5) => Some("unresolvable address"),
                Some(6) => Some("unknown chunk"),
                Some(9) => Some("no user data"),
                Some(12) => Some("the user asked for it"),
                Some(13) => Some("protocol violation"),
                _ => None,
            };
            chunk.number("cause", 4, 2).may_mean(words);
            chunk.rest("about", 6);
        }
        _ => {
            chunk.rest("content", 4);
        }
    }
}
