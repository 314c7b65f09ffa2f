//! Fields of ARP and of neighbour and listener discovery (RFC 826, RFC 4861, RFC 3810).

use super::fields::Fields;
use super::numbers::{ethertype_name, hardware_name};

pub(super) fn arp(fields: &mut Fields<'_>) -> &'static str {
    fields.number("hardware", 0, 2).named(hardware_name);
    fields.hex("protocol", 2, 2).named(ethertype_name);
    fields.number("hardware length", 4, 1);
    fields.number("protocol length", 5, 1);
    let words = match fields.u16(6) {
        Some(1) if fields.u32(14) == fields.u32(24) => Some("request for its own address: an announcement"),
        Some(1) if fields.u32(14) == Some(0) => Some("request by nobody yet: a probe"),
        Some(1) => Some("request: who has the target?"),
        Some(2) => Some("reply: the sender has it"),
        _ => None,
    };
    fields.number("operation", 6, 2).may_mean(words);
    fields.mac("sender link", 8);
    fields.address4("sender", 14);
    fields.mac("target link", 18);
    fields.address4("target", 24);
    "arp"
}

const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
const REDIRECT: u8 = 137;
const LISTENER_REPORT_2: u8 = 143;

/// Whether [`more`] reads on behind the header of this type of message, which the decoder does not follow.
pub(super) fn has_more(kind: u8) -> bool {
    matches!(kind, 130..=132 | ROUTER_ADVERTISEMENT | REDIRECT | LISTENER_REPORT_2)
}

/// What the decoder follows: router solicitation, neighbour solicitation, neighbour advertisement.
pub(super) fn discovery(fields: &mut Fields<'_>) {
    match fields.u8(0) {
        Some(ROUTER_SOLICITATION) => options(fields, 8),
        Some(NEIGHBOUR_SOLICITATION) => {
            fields.address6("target", 8);
            options(fields, 24);
        }
        Some(NEIGHBOUR_ADVERTISEMENT) => {
            fields.flags("flags", (4, 1), &[(0x80, "router"), (0x40, "solicited"), (0x20, "override")]);
            fields.address6("target", 8);
            options(fields, 24);
        }
        _ => {}
    }
}

pub(super) fn more(fields: &mut Fields<'_>, kind: u8) {
    match kind {
        ROUTER_ADVERTISEMENT => {
            fields.number("hop limit", 4, 1);
            fields.flags("flags", (5, 1), &[(0x80, "managed addresses"), (0x40, "other by DHCP")]);
            let words = (fields.u16(6) == Some(0)).then_some("no default router");
            fields.number("router lifetime", 6, 2).may_mean(words);
            fields.number("reachable time", 8, 4);
            fields.number("retransmission time", 12, 4);
            options(fields, 16);
        }
        REDIRECT => {
            fields.address6("target", 8);
            fields.address6("destination", 24);
            options(fields, 40);
        }
        LISTENER_REPORT_2 => records(fields),
        _ => {
            fields.address6("group", 8);
            fields.rest("more", 24);
        }
    }
}

/// RFC 4861 §4.6: type, length in eight bytes, content.
fn options(fields: &mut Fields<'_>, mut at: usize) {
    while let (Some(kind), Some(words @ 1..)) = (fields.u8(at), fields.u8(at + 1)) {
        let name = match kind {
            1 => "source link option",
            2 => "target link option",
            3 => "prefix option",
            4 => "redirected header option",
            5 => "mtu option",
            14 => "nonce option",
            24 => "route option",
            25 => "dns servers option",
            31 => "dns search option",
            _ => "option",
        };
        let length = usize::from(words) * 8;
        fields.group(name, at, length, |option| {
            option.number("type", 0, 1);
            option.number("length", 1, 1).means(format!("{length} bytes"));
            match kind {
                1 | 2 if length == 8 => {
                    option.mac("link address", 2);
                }
                3 => {
                    option.number("prefix length", 2, 1);
                    option.flags("flags", (3, 1), &[(0x80, "on link"), (0x40, "for autoconfiguration")]);
                    option.number("valid lifetime", 4, 4);
                    option.number("preferred lifetime", 8, 4);
                    option.address6("prefix", 16);
                }
                5 => {
                    option.number("mtu", 4, 4);
                }
                25 => {
                    option.number("lifetime", 4, 4);
                    for at in (8..length).step_by(16) {
                        option.address6("server", at);
                    }
                }
                _ => {
                    option.rest("content", 2);
                }
            }
        });
        at += length;
    }
}

/// RFC 3810 §5.2: what each group is wanted from.
fn records(fields: &mut Fields<'_>) {
    let mut at = 8;
    while let (Some([kind, words]), Some(sources)) = (fields.at::<2>(at), fields.u16(at + 2)) {
        let length = 20 + usize::from(sources) * 16 + usize::from(words) * 4;
        fields.group("record", at, length, |record| {
            let words = match kind {
                1 | 3 => Some("from these sources alone"),
                2 | 4 => Some("from all but these sources"),
                5 => Some("from these sources, too"),
                6 => Some("no longer from these sources"),
                _ => None,
            };
            record.number("type", 0, 1).may_mean(words);
            record.number("sources", 2, 2);
            record.address6("group", 4);
            for index in 0..usize::from(sources).min(record.len() / 16) {
                record.address6("source", 20 + index * 16);
            }
        });
        at += length;
    }
}
