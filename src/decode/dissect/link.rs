//! Fields of what stands before IP. The headers are drawn beside their decoders, in `decode/link`.

use super::fields::Fields;
use super::numbers::{access_point_name, ethertype_name, hardware_name, packet_type_name, ppp_name};
use crate::frame::LinkType;
use crate::packet::Header;

/// Fields of a link's header, and the layer's name.
pub(super) fn header(fields: &mut Fields<'_>, header: &Header) -> &'static str {
    match header {
        Header::Ethernet { .. } => ethernet(fields),
        Header::Vlan { .. } => vlan(fields),
        Header::PortTag { .. } => {
            let at = fields.len().saturating_sub(2);
            fields.bytes("tag", 0, at);
            ethertype(fields, at);
            "port tag"
        }
        Header::ServiceInstance { .. } => {
            fields.bits("priority", (0, 1), 5, 3);
            fields.number("service instance", 1, 3);
            "802.1ah"
        }
        Header::Llc { .. } => llc(fields),
        Header::Snap { .. } => {
            fields.hex("organization", 0, 3);
            ethertype(fields, 3);
            "snap"
        }
        Header::Mpls { .. } => mpls(fields),
        Header::ControlWord => {
            fields.number("sequence number", 2, 2);
            "control word"
        }
        Header::Pppoe { .. } => {
            fields.bits("version", (0, 1), 4, 4);
            fields.bits("type", (0, 1), 0, 4);
            fields.hex("code", 1, 1).means("session");
            fields.hex("session", 2, 2);
            fields.number("length", 4, 2);
            "pppoe"
        }
        Header::Ppp { .. } => ppp(fields),
        Header::Hdlc { .. } => {
            fields.hex("address", 0, 1);
            fields.hex("control", 1, 1);
            ethertype(fields, 2);
            "hdlc"
        }
        Header::FrameRelay => {
            fields.rest("header", 0);
            "frame relay"
        }
        Header::Fddi { .. } => {
            fields.hex("control", 0, 1);
            fields.mac("destination", 1);
            fields.mac("source", 7);
            "fddi"
        }
        Header::Wifi { .. } => wifi(fields),
        Header::Recorded { link } => recorded(fields, *link),
        Header::Sll { .. } => sll(fields),
        Header::Sll2 { .. } => sll2(fields),
        Header::Family { family } => {
            let name = if *family == 2 { "IPv4" } else { "IPv6" };
            fields.bytes("family", 0, 4).means(match family {
                2 | 10 | 24 | 28 | 30 => format!("{family}: {name}"),
                _ => family.to_string(),
            });
            "loopback"
        }
        _ => "other",
    }
}

/// An `EtherType`, or the length that stands in its place.
fn ethertype(fields: &mut Fields<'_>, at: usize) {
    match fields.u16(at) {
        Some(..0x0600) => fields.number("length", at, 2).means("of logical link control"),
        _ => fields.hex("ethertype", at, 2).named(ethertype_name),
    }
}

fn mac(fields: &mut Fields<'_>, name: &'static str, at: usize) {
    let words = fields.at::<6>(at).and_then(|mac| match mac {
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] => Some("broadcast"),
        [first, ..] if first & 1 == 1 => Some("multicast"),
        _ => None,
    });
    fields.mac(name, at).may_mean(words);
}

fn ethernet(fields: &mut Fields<'_>) -> &'static str {
    mac(fields, "destination", 0);
    mac(fields, "source", 6);
    ethertype(fields, 12);
    "ethernet"
}

fn vlan(fields: &mut Fields<'_>) -> &'static str {
    fields.bits("priority", (0, 2), 13, 3);
    fields.bits("drop eligible", (0, 2), 12, 1);
    fields.bits("vlan", (0, 2), 0, 12);
    ethertype(fields, 2);
    "vlan"
}

fn llc(fields: &mut Fields<'_>) -> &'static str {
    fields.hex("destination", 0, 1).named(access_point_name);
    fields.hex("source", 1, 1).named(access_point_name);
    let length = fields.len().saturating_sub(2);
    let words = (fields.u8(2) == Some(3)).then_some("unnumbered information");
    fields.hex("control", 2, length).may_mean(words);
    "llc"
}

fn mpls(fields: &mut Fields<'_>) -> &'static str {
    for at in (0..fields.len()).step_by(4) {
        fields.group("entry", at, 4, |entry| {
            entry.bits("label", (0, 3), 4, 20);
            entry.bits("traffic class", (2, 1), 1, 3);
            entry.bits("bottom of stack", (2, 1), 0, 1);
            entry.number("ttl", 3, 1);
        });
    }
    "mpls"
}

fn ppp(fields: &mut Fields<'_>) -> &'static str {
    let mut at = 0;
    if fields.u16(0) == Some(0xff03) {
        fields.hex("address", 0, 1);
        fields.hex("control", 1, 1);
        at = 2;
    }
    let length = fields.len().saturating_sub(at);
    fields.hex("protocol", at, length).named(ppp_name);
    "ppp"
}

fn wifi(fields: &mut Fields<'_>) -> &'static str {
    fields.bits("type", (0, 1), 2, 2).means("data");
    fields.bits("subtype", (0, 1), 4, 4);
    fields.flags(
        "flags",
        (1, 1),
        &[
            (1, "to distribution system"),
            (2, "from distribution system"),
            (4, "more fragments"),
            (8, "retry"),
            (0x10, "power management"),
            (0x20, "more data"),
            (0x40, "protected"),
            (0x80, "order"),
        ],
    );
    fields.bytes("duration", 2, 2);
    mac(fields, "receiver", 4);
    mac(fields, "transmitter", 10);
    mac(fields, "third address", 16);
    fields.bytes("sequence and fragment", 22, 2);
    if fields.u8(1).is_some_and(|flags| flags & 3 == 3) {
        mac(fields, "fourth address", 24);
        fields.rest("control", 30);
    } else {
        fields.rest("control", 24);
    }
    "802.11"
}

fn recorded(fields: &mut Fields<'_>, link: LinkType) -> &'static str {
    match link {
        LinkType::NFLOG => {
            fields.number("family", 0, 1);
            fields.number("version", 1, 1);
            fields.number("resource", 2, 2);
            fields.rest("attributes", 4);
            "nflog"
        }
        LinkType::PPI => {
            fields.number("version", 0, 1);
            fields.hex("flags", 1, 1);
            fields.bytes("length", 2, 2);
            fields.bytes("link type", 4, 4);
            fields.rest("fields", 8);
            "ppi"
        }
        _ => {
            fields.number("version", 0, 1);
            fields.bytes("length", 2, 2);
            fields.bytes("present", 4, 4);
            fields.rest("fields", 8);
            "radiotap"
        }
    }
}

fn sll(fields: &mut Fields<'_>) -> &'static str {
    fields.number("packet type", 0, 2).named(packet_type_name);
    fields.number("hardware", 2, 2).named(hardware_name);
    fields.number("address length", 4, 2);
    sender(fields, 6, fields.u16(4));
    ethertype(fields, 14);
    "sll"
}

fn sll2(fields: &mut Fields<'_>) -> &'static str {
    ethertype(fields, 0);
    fields.number("reserved", 2, 2);
    fields.number("interface", 4, 4).means("index of the device on the machine that captured");
    fields.number("hardware", 8, 2).named(hardware_name);
    fields.number("packet type", 10, 1).named(|number: u8| packet_type_name(u16::from(number)));
    fields.number("address length", 11, 1);
    sender(fields, 12, fields.u8(11).map(u16::from));
    "sll2"
}

/// The sender's link-layer address in its eight bytes.
fn sender(fields: &mut Fields<'_>, at: usize, length: Option<u16>) {
    match length {
        Some(6) => {
            mac(fields, "source", at);
            fields.bytes("unused", at + 6, 2);
        }
        _ => {
            fields.bytes("source", at, 8);
        }
    }
}
