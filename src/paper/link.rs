//! What a line tells of the headers before IP, and of ARP.

use super::line::Line;
use crate::decode::dissect::ethertype_name;
use crate::packet::Header;

/// A header before IP: the frame's own with `-e` alone, tags and labels as tcpdump has them.
pub(super) fn header(line: &mut Line<'_, '_>, header: &Header, is_first: bool) {
    let length = line.seen.frame.original;
    let shows = line.manner.shows_link;
    match header {
        Header::Ethernet { source, destination, ethertype } if shows => {
            line.pen.show(format_args!("{source} > {destination}, "));
            kind(line, *ethertype);
            if is_first {
                line.pen.show(format_args!(", length {length}: "));
            } else {
                line.pen.put(": ");
            }
        }
        Header::Vlan { id, priority, ethertype } if shows => {
            line.pen.show(format_args!("vlan {id}, p {priority}, "));
            kind(line, *ethertype);
            line.pen.put(", ");
        }
        Header::Sll { source, protocol, .. } if shows => {
            if let Some(source) = source {
                line.pen.show(format_args!("{source} "));
            }
            kind(line, *protocol);
            line.pen.show(format_args!(", length {length}: "));
        }
        Header::Sll2 { source, protocol, interface, .. } if shows => {
            line.pen.show(format_args!("ifindex {interface} "));
            if let Some(source) = source {
                line.pen.show(format_args!("{source} "));
            }
            kind(line, *protocol);
            line.pen.show(format_args!(", length {length}: "));
        }
        Header::Wifi { source: Some(source), destination } | Header::Fddi { source, destination }
            if shows =>
        {
            line.pen.show(format_args!("{source} > {destination}, "));
        }
        Header::Mpls { label, entries } => {
            let deep = if *entries == 1 { String::new() } else { format!(" below {}", entries - 1) };
            line.pen.show(format_args!("MPLS (label {label}{deep}) "));
        }
        Header::Pppoe { session } => line.pen.show(format_args!("PPPoE [ses 0x{session:x}] ")),
        Header::Llc { destination, source } if shows => {
            line.pen.show(format_args!("LLC dsap 0x{destination:02x} ssap 0x{source:02x}, "));
        }
        _ => {}
    }
}

/// `ethertype IPv4 (0x0800)`, or a length that stands in its place.
fn kind(line: &mut Line<'_, '_>, number: u16) {
    if number < 0x0600 {
        line.pen.put("802.3");
    } else {
        let name = ethertype_name(number).unwrap_or("unknown");
        line.pen.show(format_args!("ethertype {name} (0x{number:04x})"));
    }
}

pub(super) fn arp(line: &mut Line<'_, '_>, at: usize) {
    let Header::Arp { operation, sender: (mac, address), target } = line.seen.packet.layers[at].header else {
        return;
    };
    let length = line.seen.frame.original.saturating_sub(line.seen.packet.layers[at].range.start as u32);
    if !line.is_announced(at) {
        line.pen.put("ARP, ");
    }
    if operation == 1 {
        line.pen.put("Request who-has ");
        line.address(target);
        line.pen.put(" tell ");
        line.address(address);
    } else {
        line.pen.put("Reply ");
        line.address(address);
        line.pen.show(format_args!(" is-at {mac}"));
    }
    line.pen.show(format_args!(", length {length}"));
}
