//! Fields of IP headers. They are drawn beside their decoder, in `decode/network.rs`.

use super::checksum;
use super::fields::Fields;
use super::numbers::{congestion_name, ip_protocol_name};

pub(super) fn ipv4(fields: &mut Fields<'_>) -> &'static str {
    fields.bits("version", (0, 1), 4, 4);
    let words = fields.u8(0).map_or(5, |first| first & 0x0f);
    fields.bits("header length", (0, 1), 0, 4).means(format!("{} bytes", words * 4));
    fields.bits("dscp", (1, 1), 2, 6);
    fields.bits("ecn", (1, 1), 0, 2).named(congestion_name);
    let is_unfilled = fields.u16(2) == Some(0);
    let unfilled = is_unfilled.then_some("left to segmentation offload");
    fields.number("total length", 2, 2).may_mean(unfilled);
    fields.number("id", 4, 2);
    fields.flags("flags", (6, 1), &[(0x80, "reserved"), (0x40, "don't fragment"), (0x20, "more fragments")]);
    let offset = fields.u16(6).map_or(0, |word| (word & 0x1fff) * 8);
    let words = (offset > 0).then(|| format!("{offset} bytes"));
    fields.bits("fragment offset", (6, 2), 0, 13).may_mean(words);
    fields.number("ttl", 8, 1);
    fields.number("protocol", 9, 1).named(ip_protocol_name);
    let is_whole = fields.len() == usize::from(words_of(fields)) * 4;
    let judged = fields.u16(10).filter(|_| is_whole).map(|stated| checksum::of_header(fields.all(), stated));
    fields.hex("checksum", 10, 2).may_mean(judged);
    fields.address4("source", 12);
    fields.address4("destination", 16);
    if fields.len() > 20 {
        let length = fields.len() - 20;
        fields.group("options", 20, length, |options| options.options(ipv4_option_name, ipv4_option));
    }
    "ipv4"
}

fn words_of(fields: &Fields<'_>) -> u8 {
    fields.u8(0).unwrap_or(0) & 0x0f
}

fn ipv4_option_name(kind: u8) -> &'static str {
    match kind {
        0 => "end",
        1 => "no operation",
        7 => "record route",
        68 => "timestamp",
        130 => "security",
        131 => "loose source route",
        137 => "strict source route",
        148 => "router alert",
        _ => "option",
    }
}

fn ipv4_option(option: &mut Fields<'_>, kind: u8) {
    option.number("kind", 0, 1);
    option.number("length", 1, 1);
    match kind {
        7 | 131 | 137 => {
            option.number("pointer", 2, 1);
            for at in (3..option.len()).step_by(4) {
                option.address4("hop", at);
            }
        }
        148 => {
            option.number("value", 2, 2);
        }
        _ => {
            option.rest("content", 2);
        }
    }
}

pub(super) fn ipv6(fields: &mut Fields<'_>) -> &'static str {
    fields.bits("version", (0, 1), 4, 4);
    fields.bits("dscp", (0, 2), 6, 6);
    fields.bits("ecn", (1, 1), 4, 2).named(congestion_name);
    fields.bits("flow label", (1, 3), 0, 20);
    let unfilled =
        (fields.u16(4) == Some(0)).then_some("nothing, a jumbogram, or left to segmentation offload");
    fields.number("payload length", 4, 2).may_mean(unfilled);
    fields.number("next header", 6, 1).named(ip_protocol_name);
    fields.number("hop limit", 7, 1);
    fields.address6("source", 8);
    fields.address6("destination", 24);
    "ipv6"
}

/// A chain of extension headers, in which each says what the next one is; which the `first` is, the IP header before them says.
pub(super) fn extensions(fields: &mut Fields<'_>, first: u8) -> &'static str {
    let mut kind = first;
    let mut at = 0;
    while at < fields.len() {
        let length = match kind {
            44 => 8,
            51 => fields.u8(at + 1).map_or(0, |words| (usize::from(words) + 2) * 4),
            _ => fields.u8(at + 1).map_or(0, |words| (usize::from(words) + 1) * 8),
        };
        if length < 8 {
            break;
        }
        let name = match kind {
            0 => "hop-by-hop options",
            43 => "routing",
            44 => "fragment",
            51 => "authentication",
            60 => "destination options",
            _ => "extension",
        };
        let next = fields.u8(at).unwrap_or(59);
        fields.group(name, at, length, |header| extension(header, kind));
        kind = next;
        at += length;
    }
    "extensions"
}

fn extension(fields: &mut Fields<'_>, kind: u8) {
    fields.number("next header", 0, 1).named(ip_protocol_name);
    match kind {
        44 => {
            let offset = fields.u16(2).map_or(0, |word| word & 0xfff8);
            fields.bits("fragment offset", (2, 2), 3, 13).means(format!("{offset} bytes"));
            fields.flags("flags", (3, 1), &[(1, "more fragments")]);
            fields.hex("id", 4, 4);
        }
        51 => {
            fields.number("length", 1, 1);
            fields.hex("spi", 4, 4);
            fields.number("sequence number", 8, 4);
            fields.rest("integrity check", 12);
        }
        43 => {
            fields.number("length", 1, 1);
            fields.number("type", 2, 1);
            fields.number("segments left", 3, 1);
            fields.rest("content", 4);
        }
        _ => {
            fields.number("length", 1, 1);
            fields.rest("options", 2);
        }
    }
}
