//! Every field of a frame: its name, its value, what the value means, and the bytes where it stands.
//!
//! 1. A dissection has the layers that [`packet`](super::packet) gives, and behind the last of them what can be read of the payload
//!    (TLS, HTTP, DNS), the bytes that nobody reads, and the trailer that no length covers.
//! 2. Ranges are those of bytes in the frame. Layers ascend and do not overlap; fields lie within their layer, and within the field
//!    that holds them. Fields of less than a byte share its range.
//! 3. What was cut, or contradicts itself, has no field. Nothing is made up, and nothing fails.
//! 4. Each byte is looked at a bounded number of times: every list has an end.
//!
//! Checksums are computed where all that they cover was captured. A wrong one is mostly no fault: where a network card computes them,
//! a capture on the sending machine shows what the kernel left for it to finish.

mod application;
mod checksum;
mod dns;
mod fields;
mod http;
mod icmp;
mod link;
mod neighbour;
mod network;
mod numbers;
mod sctp;
mod tcp;
mod tls;
mod transport;
mod tunnel;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use self::fields::Fields;
use super::Options;
use crate::frame::LinkType;
use crate::net::{Address, Mac};
use crate::packet::{Extent, Header, Layer, Packet, Stop};
use crate::text::Text;

pub use numbers::{dns_type_name, ethertype_name, ip_protocol_name};

/// All that is known of a frame.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dissection {
    pub layers: Vec<LayerFields>,
    pub stopped: Option<Stop>,
}

/// One protocol's part of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerFields {
    /// `ethernet`, `ipv4`, `tcp`, `tls`, …; `data` and `trailer` are bytes that are not read.
    pub name: &'static str,
    pub range: Range<usize>,
    pub fields: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub value: Value,
    /// In words, where the value does not say it by itself.
    pub meaning: Option<Cow<'static, str>>,
    pub range: Range<usize>,
    /// What it is made of.
    pub fields: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Number(u64),
    /// A number that people write in hexadecimal, with this many digits.
    Hex(u64, u8),
    Address(Address),
    Mac(Mac),
    Text(Text),
    Bytes(Box<[u8]>),
    /// The bits that are set, by name.
    Flags(Vec<&'static str>),
    /// It is what it is made of.
    Group,
}

/// Most bytes of a value that are written out; the frame has the others.
const SHOWN: usize = 32;

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(n) => n.fmt(f),
            Self::Hex(n, digits) => write!(f, "0x{n:0digits$x}", digits = usize::from(*digits)),
            Self::Address(address) => address.fmt(f),
            Self::Mac(mac) => mac.fmt(f),
            Self::Text(text) => text.fmt(f),
            Self::Bytes(bytes) => {
                for byte in bytes.iter().take(SHOWN) {
                    write!(f, "{byte:02x}")?;
                }
                if bytes.len() > SHOWN { write!(f, "… ({} bytes)", bytes.len()) } else { Ok(()) }
            }
            Self::Flags(names) if names.is_empty() => f.write_str("none"),
            Self::Flags(names) => f.write_str(&names.join(", ")),
            Self::Group => Ok(()),
        }
    }
}

/// Dissects a frame's bytes.
pub fn dissect(bytes: &[u8], link: LinkType, options: &Options) -> Dissection {
    of_packet(&super::packet(bytes, link, options), bytes)
}

/// Dissects a frame of which `packet` was understood already.
pub fn of_packet(packet: &Packet, bytes: &[u8]) -> Dissection {
    let mut around = Around { end: bytes.len(), ..Around::default() };
    let mut layers: Vec<LayerFields> = Vec::with_capacity(packet.layers.len() + 2);
    let (mut at, mut payload) = (0, None);
    for layer in &packet.layers {
        around.pass(layer, bytes);
        let limit = around.end.clamp(layer.range.end, bytes.len());
        let (name, fields) = of_layer(layer, bytes, limit, &around);
        // A layer that is read beyond its header is the last one; an empty range says nothing.
        let end = fields.iter().map(|field| field.range.end).fold(layer.range.end, usize::max);
        payload = Payload::of(&layer.header);
        at = end;
        layers.push(LayerFields { name, range: layer.range.start..end, fields });
    }
    let end = around.end.clamp(at, bytes.len());
    if at < end {
        let rest = match payload {
            Some(payload) => payload.read(bytes, at..end),
            None => Vec::new(),
        };
        at = rest.last().map_or(at, |layer: &LayerFields| layer.range.end);
        layers.extend(rest);
    }
    for (name, range) in [("data", at..end), ("trailer", end..bytes.len())] {
        if !range.is_empty() {
            let mut fields = Fields::new(bytes, range.clone());
            fields.bytes("bytes", 0, range.len());
            layers.push(LayerFields { name, range, fields: fields.done() });
        }
    }
    Dissection { layers, stopped: packet.stopped }
}

/// What the layers passed say of the one that follows.
#[derive(Debug, Default)]
struct Around {
    /// Where in the frame the innermost length ends, at most where the frame does.
    end: usize,
    /// Of the innermost IP header.
    addresses: Option<(Address, Address)>,
    /// What that header says it carries.
    carried: u8,
    /// Only a part of a datagram is here.
    is_fragment: bool,
    /// Within the packet that an ICMP error quotes: what is there was cut by its sender.
    is_quoted: bool,
    is_error: bool,
    /// Whether the innermost IP packet is here to its end.
    is_whole: bool,
}

impl Around {
    fn pass(&mut self, layer: &Layer, bytes: &[u8]) {
        let start = layer.range.start;
        let mut ends_at = |length: usize| self.end = self.end.min(start + length);
        match layer.header {
            Header::Ethernet { ethertype: length @ 1..0x600, .. } => ends_at(14 + usize::from(length)),
            Header::Vlan { ethertype: length @ 1..0x600, .. } => ends_at(4 + usize::from(length)),
            Header::Pppoe { .. } => {
                if let Some(length) = bytes.get(start + 4..start + 6) {
                    ends_at(6 + usize::from(u16::from_be_bytes([length[0], length[1]])));
                }
            }
            Header::Ipv4 { source, destination, total_length, fragment, protocol, .. } => {
                let stated = usize::from(total_length);
                let stated = (stated >= layer.range.len()).then_some(start + stated);
                self.enter((source, destination), protocol, fragment.is_some(), stated);
            }
            Header::Ipv6 { source, destination, payload_length, next_header, .. } => {
                let stated = usize::from(payload_length);
                let stated = (stated > 0).then_some(start + 40 + stated);
                self.enter((source, destination), next_header, false, stated);
            }
            Header::Extensions { fragment, .. } => self.is_fragment |= fragment.is_some(),
            Header::Icmp { .. } => self.is_error = true,
            _ => {}
        }
    }

    /// An IP packet begins, and ends where its length says, if it says.
    fn enter(&mut self, addresses: (Address, Address), carried: u8, is_fragment: bool, end: Option<usize>) {
        self.addresses = Some(addresses);
        self.carried = carried;
        self.is_fragment = is_fragment;
        self.is_quoted = self.is_error;
        self.is_whole = end.is_some_and(|end| end <= self.end);
        self.end = self.end.min(end.unwrap_or(usize::MAX));
    }
}

/// Name and fields of a layer, which may reach beyond its header up to `limit`.
fn of_layer(layer: &Layer, bytes: &[u8], limit: usize, around: &Around) -> (&'static str, Vec<Field>) {
    let mut own = Fields::new(bytes, layer.range.clone());
    // The message with what it carries.
    let mut all = Fields::new(bytes, layer.range.start..limit);
    let name = match &layer.header {
        Header::Ipv4 { .. } => network::ipv4(&mut own),
        Header::Ipv6 { .. } => network::ipv6(&mut own),
        Header::Extensions { .. } => network::extensions(&mut own, around.carried),
        Header::Tcp { .. } | Header::TcpStart { .. } => {
            tcp::header(&mut own, checksum::Covered::of(around, &all));
            "tcp"
        }
        Header::Udp { .. } => transport::udp(&mut own, checksum::Covered::of(around, &all)),
        Header::Sctp { .. } => {
            sctp::packet(&mut all);
            return ("sctp", all.done());
        }
        Header::Icmp { v6: true, kind, .. } if neighbour::has_more(*kind) => {
            let covered = checksum::Covered::of(around, &all);
            icmp::header(&mut all, true, covered);
            neighbour::more(&mut all, *kind);
            return ("icmpv6", all.done());
        }
        Header::Echo { v6, .. } | Header::Icmp { v6, .. } => {
            icmp::header(&mut own, *v6, checksum::Covered::of(around, &all));
            if *v6 { "icmpv6" } else { "icmp" }
        }
        Header::Neighbour { .. } => {
            icmp::header(&mut own, true, checksum::Covered::of(around, &all));
            neighbour::discovery(&mut own);
            "icmpv6"
        }
        Header::Arp { .. } => neighbour::arp(&mut own),
        Header::Esp { .. } => transport::esp(&mut own),
        Header::Vxlan { .. } => tunnel::vxlan(&mut own),
        Header::Geneve { .. } => tunnel::geneve(&mut own),
        Header::Gre { .. } => tunnel::gre(&mut own),
        Header::Erspan { .. } => tunnel::erspan(&mut own),
        Header::Ipip => "ipip",
        Header::Tail { .. } => "fragment",
        Header::Opaque { protocol, .. } => ip_protocol_name(*protocol).unwrap_or("ip protocol"),
        Header::Other { protocol } => {
            let length = layer.range.len();
            own.bytes("bytes", 0, length).means(protocol.to_string());
            "other"
        }
        _ => link::header(&mut own, &layer.header),
    };
    (name, own.done())
}

/// What a transport carries, by the ports that say how to read it.
#[derive(Debug, Clone, Copy)]
struct Payload {
    ports: (u16, u16),
    is_stream: bool,
}

impl Payload {
    fn of(header: &Header) -> Option<Self> {
        match *header {
            Header::Tcp { source, destination, payload: Extent(length), .. } if length != Some(0) => {
                Some(Self { ports: (source, destination), is_stream: true })
            }
            Header::Udp { source, destination, .. } => {
                Some(Self { ports: (source, destination), is_stream: false })
            }
            _ => None,
        }
    }

    fn read(self, bytes: &[u8], range: Range<usize>) -> Vec<LayerFields> {
        application::layers(bytes, range, self.ports, self.is_stream)
    }
}

#[cfg(test)]
mod tests;
