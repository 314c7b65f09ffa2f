//! What a line tells of ICMP and ICMPv6, in tcpdump's words.

use super::Tone;
use super::line::Line;
use crate::decode::next_link_mtu;
use crate::digest::protocol;
use crate::net::Address;
use crate::packet::{Extent, Header};

/// An ICMP header at `at`; an error tells of the packet behind it, too.
pub(super) fn message(line: &mut Line<'_, '_>, at: usize) {
    let layer = &line.seen.packet.layers[at];
    let start = layer.range.start;
    // tcpdump counts the header.
    let whole = |line: &Line<'_, '_>, payload: Extent| line.length(payload, start + 8) + 8;
    match layer.header {
        Header::Echo { v6, is_reply, id, seq, payload } => {
            let length = whole(line, payload);
            line.pen.put(if v6 { "ICMP6, echo " } else { "ICMP echo " });
            line.pen.put(if is_reply { "reply" } else { "request" });
            line.pen.put(", id ");
            line.pen.number(id);
            line.pen.put(", seq ");
            line.pen.number(seq);
            line.pen.put(", length ");
            line.pen.number(length);
        }
        Header::Icmp { v6, kind, code, payload } => {
            let length = whole(line, payload);
            let is_error = if v6 { kind < 128 } else { matches!(kind, 3 | 11 | 12) };
            let quoted = Quoted::behind(line, at);
            line.pen.put(if v6 { "ICMP6, " } else { "ICMP " });
            if is_error {
                line.pen.begin(Tone::Refusal);
            }
            let header = line.seen.frame.bytes.get(start..).unwrap_or_default();
            let mtu = next_link_mtu(header, v6);
            match (v6, kind) {
                (false, 3) => unreachable(line, code, quoted, mtu),
                (true, 1) => unreachable6(line, code, quoted),
                (false, 11) => line.pen.put(exceeded(code)),
                (true, 3) => {
                    line.pen.put(exceeded(code));
                    if let Some(quoted) = quoted {
                        line.pen.put(" for ");
                        line.address(quoted.destination);
                    }
                }
                (true, 2) => {
                    line.pen.show(format_args!("packet too big, mtu {}", mtu.unwrap_or(0)));
                }
                (false, 12) | (true, 4) => problem(line, v6, code, header),
                (false, 5) => redirect(line, code, header),
                (true, 137) => redirect6(line, header),
                (true, 134) => line.pen.put("router advertisement"),
                (true, 143) => line.pen.put("multicast listener report v2"),
                (true, 130) => line.pen.put("multicast listener query"),
                (true, 131) => line.pen.put("multicast listener report"),
                (true, 132) => line.pen.put("multicast listener done"),
                (false, 13) => line.pen.put("time stamp query"),
                (false, 14) => line.pen.put("time stamp reply"),
                _ => line.pen.show(format_args!("type {kind}, code {code}")),
            }
            if is_error {
                line.pen.end();
            }
            line.pen.put(", length ");
            line.pen.number(length);
        }
        _ => {}
    }
}

/// What is wrong with the packet, and at which of its bytes (RFC 792, RFC 4443 §3.4, RFC 7112).
fn problem(line: &mut Line<'_, '_>, v6: bool, code: u8, header: &[u8]) {
    line.pen.put("parameter problem");
    let octet = if v6 {
        header.get(4..8).and_then(|at| Some(u32::from_be_bytes(*at.first_chunk()?)))
    } else {
        header.get(4).map(|at| u32::from(*at))
    };
    match (v6, code) {
        (true, 0) => line.pen.put(", erroneous header field"),
        (true, 1) => line.pen.put(", next header"),
        (true, 2) => line.pen.put(", option"),
        (true, 3) => line.pen.put(", incomplete header chain"),
        (false, 0) => {}
        _ => return line.pen.show(format_args!(" - code {code}")),
    }
    if let Some(octet) = octet {
        line.pen.show(format_args!(" - octet {octet}"));
    }
}

/// Whose packets should take which way instead (RFC 792). The packet behind it is no failed one, and is not decoded.
fn redirect(line: &mut Line<'_, '_>, code: u8, header: &[u8]) {
    line.pen.put(if matches!(code, 2 | 3) { "redirect-tos" } else { "redirect" });
    let address = |at: usize| header.get(at..)?.first_chunk().map(|it| Address::v4(u32::from_be_bytes(*it)));
    if let (Some(gateway), Some(destination)) = (address(4), address(24)) {
        line.pen.byte(b' ');
        line.address(destination);
        line.pen.put(if matches!(code, 0 | 2) { " to net " } else { " to host " });
        line.address(gateway);
    }
}

/// The same of IPv6 (RFC 4861 §4.5).
fn redirect6(line: &mut Line<'_, '_>, header: &[u8]) {
    line.pen.put("redirect");
    let address = |at: usize| header.get(at..)?.first_chunk().map(|address| Address::v6(*address));
    if let (Some(target), Some(destination)) = (address(8), address(24)) {
        line.pen.put(", ");
        line.address(destination);
        line.pen.put(" to ");
        line.address(target);
    }
}

fn exceeded(code: u8) -> &'static str {
    if code == 0 { "time exceeded in-transit" } else { "ip reassembly time exceeded" }
}

/// The packet that an error is about.
#[derive(Debug, Clone, Copy)]
struct Quoted {
    destination: Address,
    protocol: u8,
    port: Option<u16>,
}

impl Quoted {
    fn behind(line: &Line<'_, '_>, at: usize) -> Option<Self> {
        let (destination, protocol) = match line.seen.packet.layers.get(at + 1)?.header {
            Header::Ipv4 { destination, protocol, .. } => (destination, protocol),
            Header::Ipv6 { destination, next_header, .. } => (destination, next_header),
            _ => return None,
        };
        Some(Self { destination, protocol, port: line.ports(at + 1).map(|(_, port)| port) })
    }
}

/// The codes of RFC 792 and RFC 1812 §5.2.7.1.
fn unreachable(line: &mut Line<'_, '_>, code: u8, quoted: Option<Quoted>, mtu: Option<u32>) {
    let Some(quoted) = quoted else {
        return line.pen.show(format_args!("destination unreachable, code {code}"));
    };
    if matches!(code, 0 | 5 | 6 | 9 | 11) {
        line.pen.put("net ");
    } else if matches!(code, 1 | 7 | 8 | 10 | 12 | 13 | 14 | 15) {
        line.pen.put("host ");
    }
    line.address(quoted.destination);
    match (code, quoted.port) {
        (2, _) => line.pen.show(format_args!(" protocol {} unreachable", quoted.protocol)),
        (3, Some(port)) => {
            line.pen.put(transport(quoted.protocol));
            line.pen.show(format_args!(" port {port} unreachable"));
        }
        (4, _) => match mtu {
            Some(mtu) => line.pen.show(format_args!(" unreachable - need to frag (mtu {mtu})")),
            None => line.pen.put(" unreachable - need to frag"),
        },
        (5, _) => line.pen.put(" unreachable - source route failed"),
        (6 | 7, _) => line.pen.put(" unreachable - unknown"),
        (9 | 10, _) => line.pen.put(" unreachable - admin prohibited"),
        (11 | 12, _) => line.pen.put(" unreachable - type of service"),
        (13, _) => line.pen.put(" unreachable - admin prohibited filter"),
        (14, _) => line.pen.put(" unreachable - host precedence violation"),
        (15, _) => line.pen.put(" unreachable - precedence cutoff"),
        _ => line.pen.put(" unreachable"),
    }
}

/// RFC 4443 §3.1.
fn unreachable6(line: &mut Line<'_, '_>, code: u8, quoted: Option<Quoted>) {
    line.pen.put("destination unreachable, ");
    line.pen.put(match code {
        0 => "unreachable route",
        1 => "unreachable prohibited",
        2 => "beyond scope",
        3 => "unreachable address",
        4 => "unreachable port",
        5 => "source policy",
        6 => "route rejected",
        _ => "unreachable",
    });
    if let Some(quoted) = quoted {
        line.pen.byte(b' ');
        line.address(quoted.destination);
        if let (4, Some(port)) = (code, quoted.port) {
            line.pen.put(transport(quoted.protocol));
            line.pen.show(format_args!(" port {port}"));
        }
    }
}

fn transport(number: u8) -> &'static str {
    match number {
        protocol::TCP => " tcp",
        protocol::UDP => " udp",
        protocol::SCTP => " sctp",
        _ => "",
    }
}

pub(super) fn neighbour(line: &mut Line<'_, '_>, at: usize) {
    let layer = &line.seen.packet.layers[at];
    let Header::Neighbour { kind, target, link } = layer.header else { return };
    let length = layer.range.len();
    line.pen.put(match kind {
        133 => "ICMP6, router solicitation",
        135 => "ICMP6, neighbor solicitation",
        _ => "ICMP6, neighbor advertisement",
    });
    if let Some(target) = target {
        line.pen.put(if kind == 135 { ", who has " } else { ", tgt is " });
        line.address(target);
    }
    if let (Some(link), true) = (link, kind == 136) {
        line.pen.show(format_args!(", at {link}"));
    }
    line.pen.show(format_args!(", length {length}"));
}
