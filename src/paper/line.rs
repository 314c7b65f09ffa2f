//! A packet on one line, in the words of tcpdump.
//!
//! ```text
//! IP 192.168.12.12.40000 > 192.168.12.11.4789: VXLAN id 9059409 | IP 10.128.0.5.40001 > 203.0.113.25.443: Flags [S], seq …
//! ```
//!
//! Layers are written from the outside in; what is around a tunnel stands before a `|`. Where understanding ended, the line says so:
//! `[cut]` by the capture, `[malformed: …]`. Ports are numbers: what one compares with a policy or another capture is numbers.

use super::{Conversations, Pen, Tone};
use super::{icmp, link, transport};
use crate::decode::dissect::{Dissection, Value, ethertype_name, ip_protocol_name};
use crate::frame::Frame;
use crate::names::Hosts;
use crate::net::Address;
use crate::packet::{Extent, Header, Layer, Packet, Protocol, Why};

/// How lines are written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner<'a> {
    /// `-v`, `-vv`, `-vvv`
    pub verbose: u8,
    /// `-q`
    pub is_quick: bool,
    /// `-e`
    pub shows_link: bool,
    /// `-S`
    pub is_absolute: bool,
    /// Names of addresses.
    pub hosts: Option<&'a Hosts>,
}

/// A packet with all that is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    pub frame: Frame<'a>,
    pub packet: &'a Packet,
    /// Where the line is to tell more than the usual.
    pub dissection: Option<&'a Dissection>,
}

/// Writes the packet's line, without its end.
pub fn write(pen: &mut Pen, seen: Seen<'_>, manner: &Manner<'_>, conversations: &mut Conversations) {
    let layers = &seen.packet.layers;
    let mut line = Line { pen, seen, manner, conversations, ends: Ends::default() };
    let mut at = 0;
    for tunnel in (0..layers.len()).filter(|at| ends_tunnel(layers, *at)) {
        line.toned(Tone::Quiet, |line| line.layers(at, tunnel + 1));
        line.pen.put(" | ");
        at = tunnel + 1;
    }
    line.layers(at, layers.len());
    line.end();
}

/// Whether a tunnel's packet begins behind the layer at `at`: ERSPAN belongs to the GRE that it is in.
fn ends_tunnel(layers: &[Layer], at: usize) -> bool {
    let is_erspan = |layer: &Layer| matches!(layer.header, Header::Erspan { .. });
    is_tunnel(&layers[at].header) && !layers.get(at + 1).is_some_and(is_erspan)
}

const fn is_tunnel(header: &Header) -> bool {
    matches!(
        header,
        Header::Vxlan { .. }
            | Header::Geneve { .. }
            | Header::Gre { .. }
            | Header::Erspan { .. }
            | Header::Ipip
    )
}

/// The innermost IP header's.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ends {
    pub(super) source: Address,
    pub(super) destination: Address,
}

/// A line that is being written.
pub(super) struct Line<'l, 'a> {
    pub(super) pen: &'l mut Pen,
    pub(super) seen: Seen<'a>,
    pub(super) manner: &'l Manner<'l>,
    pub(super) conversations: &'l mut Conversations,
    pub(super) ends: Ends,
}

impl<'a> Line<'_, 'a> {
    /// The layers from `at` on that are before `end`.
    fn layers(&mut self, mut at: usize, end: usize) {
        let packet = self.seen.packet;
        while at < end {
            let layer = &packet.layers[at];
            match &layer.header {
                Header::Ipv4 { .. } | Header::Ipv6 { .. } => self.ip(at),
                Header::Extensions { fragment, .. } => {
                    if let Some(fragment) = fragment {
                        self.pen.show(format_args!("frag (0x{:08x}:{}", fragment.id, fragment.offset));
                        self.pen.put(if fragment.more { "+) " } else { ") " });
                    }
                }
                Header::Tcp { .. } | Header::TcpStart { .. } => transport::tcp(self, at),
                Header::Udp { .. } => transport::udp(self, at, end),
                Header::Sctp { .. } => transport::sctp(self, at),
                Header::Echo { .. } | Header::Icmp { .. } => {
                    icmp::message(self, at);
                    // The packet that an error quotes has been told of.
                    if self.manner.verbose == 0 {
                        return;
                    }
                    if at + 1 < end {
                        self.pen.put("\n    about ");
                    }
                }
                Header::Neighbour { .. } => icmp::neighbour(self, at),
                Header::Arp { .. } => link::arp(self, at),
                Header::Esp { spi, seq, payload } => {
                    let length = self.length(*payload, layer.range.start);
                    self.pen.show(format_args!("ESP(spi=0x{spi:08x},seq=0x{seq:x}), length {length}"));
                }
                Header::Opaque { protocol, payload } => {
                    let length = self.length(*payload, layer.range.end);
                    self.protocol(*protocol);
                    self.pen.show(format_args!(", length {length}"));
                }
                Header::Tail { protocol, payload } => {
                    let length = self.length(*payload, layer.range.end);
                    self.protocol(*protocol);
                    self.pen.put(" fragment");
                    if let Some(offset) = self.fragment_offset(at) {
                        self.pen.show(format_args!(", offset {offset}"));
                    }
                    self.pen.show(format_args!(", length {length}"));
                }
                Header::Vxlan { vni } => self.pen.show(format_args!("VXLAN id {vni}")),
                Header::Geneve { vni, .. } => self.pen.show(format_args!("Geneve id {vni}")),
                Header::Gre { key, .. } => {
                    self.pen.put("GRE");
                    if let Some(key) = key {
                        self.pen.show(format_args!(" key 0x{key:x}"));
                    }
                }
                Header::Erspan { session } => self.pen.show(format_args!(" ERSPAN session {session}")),
                Header::Ipip => self.pen.put("IPIP"),
                Header::Other { protocol } => {
                    match *protocol {
                        Protocol::EtherType(number) if ethertype_name(number).is_some() => {
                            self.pen.put(ethertype_name(number).unwrap_or_default());
                        }
                        Protocol::Ip(number) => self.protocol(number),
                        protocol => self.pen.show(protocol),
                    }
                    let length = (self.seen.frame.original as usize).saturating_sub(layer.range.start);
                    self.pen.show(format_args!(", length {length}"));
                }
                header => link::header(self, header, at == 0),
            }
            at += 1;
        }
    }

    /// Where understanding ended, unless that has been said.
    fn end(&mut self) {
        let packet = self.seen.packet;
        let Some(stop) = packet.stopped else { return };
        let last = packet.layers.last();
        match stop.why {
            Why::Cut => {
                // What would have followed.
                let next = match last.map(|layer| &layer.header) {
                    Some(Header::Ipv4 { protocol, .. } | Header::Extensions { protocol, .. }) => {
                        Some(*protocol)
                    }
                    Some(Header::Ipv6 { next_header, .. }) => Some(*next_header),
                    _ => None,
                };
                if let Some(protocol) = next {
                    self.protocol(protocol);
                }
                self.warn(format_args!("{}[cut]", if self.is_blank() { "" } else { " " }));
            }
            Why::Malformed(_) | Why::TooDeep => {
                self.warn(format_args!("{}[{}]", if self.is_blank() { "" } else { " " }, stop.why));
            }
            Why::Unknown(protocol) if last.is_none() => {
                let length = self.seen.frame.original;
                self.pen.show(format_args!("{protocol}, length {length}"));
            }
            Why::Unknown(_) | Why::Tail => {}
        }
    }

    fn is_blank(&self) -> bool {
        self.pen.written().last().is_none_or(|byte| *byte == b' ')
    }

    fn warn(&mut self, words: std::fmt::Arguments<'_>) {
        self.pen.toned(Tone::Warning, |pen| pen.show(words));
    }

    /// An IP header, with the ports of what it carries.
    fn ip(&mut self, at: usize) {
        let (source, destination, is_v6) = match self.seen.packet.layers[at].header {
            Header::Ipv6 { source, destination, .. } => (source, destination, true),
            Header::Ipv4 { source, destination, .. } => (source, destination, false),
            _ => return,
        };
        self.ends = Ends { source, destination };
        if !self.is_announced(at) {
            self.pen.put(if is_v6 { "IP6 " } else { "IP " });
        }
        if let Some(missing) = self.missing(at) {
            let name = if is_v6 { "ip6" } else { "ip" };
            self.warn(format_args!("truncated-{name} - {missing} bytes missing!"));
            self.pen.byte(b' ');
        }
        if self.manner.verbose > 0 {
            self.ip_in_full(at);
        }
        self.ends(self.ports(at));
        self.pen.put(": ");
    }

    /// How many bytes of a packet never were on the wire, though its header counts them. Of one that an error quotes, few are.
    fn missing(&self, at: usize) -> Option<u32> {
        let layers = &self.seen.packet.layers;
        if layers[..at].iter().any(|layer| matches!(layer.header, Header::Icmp { .. })) {
            return None;
        }
        let stated = match layers[at].header {
            Header::Ipv4 { total_length, .. } => u32::from(total_length),
            Header::Ipv6 { payload_length, .. } if payload_length > 0 => u32::from(payload_length) + 40,
            _ => return None,
        };
        let there = self.seen.frame.original.saturating_sub(layers[at].range.start as u32);
        stated.checked_sub(there).filter(|missing| *missing > 0)
    }

    /// Whether a type before the layer at `at`, which `-e` shows, has said already what it is.
    pub(super) fn is_announced(&self, at: usize) -> bool {
        let before = at.checked_sub(1).map(|before| &self.seen.packet.layers[before].header);
        self.manner.shows_link
            && matches!(
                before,
                Some(
                    Header::Ethernet { .. } | Header::Vlan { .. } | Header::Sll { .. } | Header::Sll2 { .. }
                )
            )
    }

    /// `source > destination`, with ports where there are any.
    pub(super) fn ends(&mut self, ports: Option<(u16, u16)>) {
        let Ends { source, destination, .. } = self.ends;
        self.address(source);
        if let Some((port, _)) = ports {
            self.pen.byte(b'.');
            self.pen.number(port);
        }
        self.pen.put(" > ");
        self.address(destination);
        if let Some((_, port)) = ports {
            self.pen.byte(b'.');
            self.pen.number(port);
        }
    }

    pub(super) fn address(&mut self, address: Address) {
        match self.manner.hosts.and_then(|hosts| hosts.name(address)) {
            Some(name) => self.pen.show(name),
            None => self.pen.address(address),
        }
    }

    /// Source and destination port of what the IP header carries.
    pub(super) fn ports(&self, ip: usize) -> Option<(u16, u16)> {
        let carried = self.seen.packet.layers[ip + 1..]
            .iter()
            .find(|layer| !matches!(layer.header, Header::Extensions { .. }))?;
        match carried.header {
            Header::Tcp { source, destination, .. }
            | Header::TcpStart { source, destination, .. }
            | Header::Udp { source, destination, .. }
            | Header::Sctp { source, destination, .. } => Some((source, destination)),
            _ => None,
        }
    }

    /// What `-v` tells of an IP header.
    fn ip_in_full(&mut self, at: usize) {
        let number = |line: &Self, name| line.value(at, name).map_or(0, |(number, _)| number);
        match self.seen.packet.layers[at].header {
            Header::Ipv4 { ttl, id, total_length, protocol, fragment, dont_fragment, .. } => {
                let tos = number(self, "dscp") << 2 | number(self, "ecn");
                let offset = fragment.map_or(0, |fragment| fragment.offset);
                let flags = match (dont_fragment, fragment.is_some_and(|fragment| fragment.more)) {
                    (true, true) => "+, DF",
                    (true, false) => "DF",
                    (false, true) => "+",
                    (false, false) => "none",
                };
                self.pen.show(format_args!(
                    "(tos 0x{tos:x}, ttl {ttl}, id {id}, offset {offset}, flags [{flags}], proto "
                ));
                self.protocol(protocol);
                self.pen.show(format_args!(" ({protocol}), length {total_length}"));
                if let Some((checksum, Some(words))) = self.value(at, "checksum")
                    && words != "right"
                {
                    self.pen.show(format_args!(", checksum 0x{checksum:04x}: {words}"));
                }
                self.pen.put(")\n    ");
            }
            Header::Ipv6 { hop_limit, flow_label, payload_length, next_header, .. } => {
                self.pen.byte(b'(');
                let class = number(self, "dscp") << 2 | number(self, "ecn");
                if class > 0 {
                    self.pen.show(format_args!("class 0x{class:02x}, "));
                }
                if flow_label > 0 {
                    self.pen.show(format_args!("flowlabel 0x{flow_label:05x}, "));
                }
                self.pen.show(format_args!("hlim {hop_limit}, next-header "));
                self.protocol(next_header);
                self.pen.show(format_args!(" ({next_header}) payload length: {payload_length}) "));
            }
            _ => {}
        }
    }

    /// The number that a field of a layer holds, and what is said of it, where the packet was dissected.
    pub(super) fn value(&self, layer: usize, name: &str) -> Option<(u64, Option<&'a str>)> {
        let layer = self.seen.dissection?.layers.get(layer)?;
        let field = layer.fields.iter().find(|field| field.name == name)?;
        match field.value {
            Value::Number(number) | Value::Hex(number, _) => Some((number, field.meaning.as_deref())),
            _ => None,
        }
    }

    pub(super) fn protocol(&mut self, number: u8) {
        match ip_protocol_name(number) {
            Some(name) => self.pen.put(name),
            None => self.pen.show(format_args!("ip-proto-{number}")),
        }
    }

    fn fragment_offset(&self, tail: usize) -> Option<u16> {
        self.seen.packet.layers[..tail].iter().rev().find_map(|layer| match layer.header {
            Header::Ipv4 { fragment, .. } | Header::Extensions { fragment, .. } => {
                fragment.map(|fragment| fragment.offset)
            }
            _ => None,
        })
    }

    /// Bytes that a header carries which ends at `end`: as stated, or else all that was on the wire.
    pub(super) fn length(&self, payload: Extent, end: usize) -> u32 {
        payload.0.unwrap_or_else(|| self.seen.frame.original.saturating_sub(end as u32))
    }

    fn toned(&mut self, tone: Tone, write: impl FnOnce(&mut Self)) {
        self.pen.begin(tone);
        write(self);
        self.pen.end();
    }
}
