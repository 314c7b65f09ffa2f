//! Fields of tunnels. Their headers are drawn beside their decoder, in `decode/tunnel`.

use super::fields::Fields;
use super::numbers::ethertype_name;

pub(super) fn vxlan(fields: &mut Fields<'_>) -> &'static str {
    fields.flags(
        "flags",
        (0, 2),
        &[
            (0x8000, "group policy"),
            (0x0800, "identifier"),
            (0x0400, "next protocol"),
            (0x40, "do not learn"),
            (0x08, "policy was applied"),
        ],
    );
    let first = fields.u8(0).unwrap_or(0);
    if first & 0x80 != 0 {
        fields.number("group policy", 2, 2);
    } else if first & 0x04 != 0 {
        let words = match fields.u8(3) {
            Some(1) => Some("IPv4"),
            Some(2) => Some("IPv6"),
            Some(3) => Some("Ethernet"),
            _ => None,
        };
        fields.number("next protocol", 3, 1).may_mean(words);
    }
    let vni = fields.u32(4).map_or(0, |word| word >> 8);
    let words = match vni {
        0 => "OpenShift SDN: the default project, which reaches all others",
        _ => "OpenShift SDN: the NetID of the sender's namespace",
    };
    fields.number("vni", 4, 3).means(words);
    fields.number("reserved", 7, 1);
    "vxlan"
}

pub(super) fn geneve(fields: &mut Fields<'_>) -> &'static str {
    fields.bits("version", (0, 1), 6, 2);
    let words = fields.u8(0).map_or(0, |first| first & 0x3f);
    fields.bits("options length", (0, 1), 0, 6).means(format!("{} bytes", words * 4));
    fields.flags("flags", (1, 1), &[(0x80, "control"), (0x40, "critical options")]);
    fields.hex("protocol", 2, 2).named(ethertype_name);
    fields.number("vni", 4, 3).means("OVN-Kubernetes: the logical switch or router that sends");
    fields.number("reserved", 7, 1);
    let mut at = 8;
    while let (Some(class), Some(size)) = (fields.u16(at), fields.u8(at + 3)) {
        let length = 4 + usize::from(size & 0x1f) * 4;
        fields.group("option", at, length, |option| {
            // The class that IANA gave OVN.
            let is_ovn = class == 0x0102;
            option.hex("class", 0, 2).may_mean(is_ovn.then_some("OVN"));
            option.flags("critical", (2, 1), &[(0x80, "critical")]);
            option.bits("type", (2, 1), 0, 7);
            option.bits("length", (3, 1), 0, 5).means(format!("{} bytes", length - 4));
            if is_ovn && length == 8 {
                option.bits("ingress port", (4, 2), 0, 15).means("logical port that the packet came from");
                option.number("egress port", 6, 2).means("logical port or group that it goes to");
            } else {
                option.rest("content", 4);
            }
        });
        at += length;
    }
    "geneve"
}

pub(super) fn gre(fields: &mut Fields<'_>) -> &'static str {
    let flags = fields.u16(0).unwrap_or(0);
    fields.flags("flags", (0, 2), &[(0x8000, "checksum"), (0x2000, "key"), (0x1000, "sequence number")]);
    fields.bits("version", (1, 1), 0, 3);
    fields.hex("protocol", 2, 2).named(ethertype_name);
    let mut at = 4;
    if flags & 0x8000 != 0 {
        fields.hex("checksum", at, 2);
        at += 4;
    }
    if flags & 0x2000 != 0 {
        fields.hex("key", at, 4);
        at += 4;
    }
    if flags & 0x1000 != 0 {
        fields.number("sequence number", at, 4);
        at += 4;
    }
    fields.rest("redirect header", at);
    "gre"
}

pub(super) fn erspan(fields: &mut Fields<'_>) -> &'static str {
    let kind = fields.u8(0).map_or(0, |first| first >> 4);
    fields.bits("version", (0, 1), 4, 4).means(if kind == 1 { "type II" } else { "type III" });
    fields.bits("vlan", (0, 2), 0, 12);
    fields.bits("class of service", (2, 1), 5, 3);
    fields.bits("session", (2, 2), 0, 10);
    if kind == 1 {
        fields.bits("index", (4, 4), 0, 20);
    } else {
        fields.number("timestamp", 4, 4);
        fields.number("security group", 8, 2);
        fields.bits("frame type", (10, 1), 2, 5);
        fields.rest("platform", 12);
    }
    "erspan"
}
