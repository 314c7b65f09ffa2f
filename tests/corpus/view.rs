//! Conversations as the oracle counts them, outer and inner, and how two counts of them are compared.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use egret::net::{Address, Endpoint};
use egret::packet::{Fragment, Header, Layer, Packet};

use crate::oracle;

/// Where a frame counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Slot {
    Conversation {
        protocol: String,
        low: Endpoint,
        high: Endpoint,
    },
    /// Without ports: a later fragment, or a protocol that has none.
    Other {
        protocol: Option<u8>,
        is_tail: bool,
        low: Address,
        high: Address,
    },
    NonIp,
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conversation { protocol, low, high } => write!(f, "{protocol} {low} {high}"),
            Self::Other { protocol, is_tail, low, high } => {
                let number = protocol.map_or_else(|| "?".to_owned(), |number| number.to_string());
                write!(f, "ip/{number}{} {low} {high}", if *is_tail { " tail" } else { "" })
            }
            Self::NonIp => f.write_str("no IP"),
        }
    }
}

/// Frames and bytes from the lower end to the higher, and back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Count {
    pub(crate) frames: [i64; 2],
    pub(crate) bytes: [i64; 2],
}

impl Count {
    fn add(&mut self, direction: usize, frames: u64, bytes: u64) {
        self.frames[direction] += frames as i64;
        self.bytes[direction] += bytes as i64;
    }

    fn minus(self, other: Self) -> Self {
        let less = |a: [i64; 2], b: [i64; 2]| [a[0] - b[0], a[1] - b[1]];
        Self { frames: less(self.frames, other.frames), bytes: less(self.bytes, other.bytes) }
    }

    fn total(self) -> (i64, i64) {
        (self.frames[0] + self.frames[1], self.bytes[0] + self.bytes[1])
    }

    fn is_negative(self) -> bool {
        self.frames.iter().chain(&self.bytes).any(|number| *number < 0)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([out, back], [bytes_out, bytes_back]) = (self.frames, self.bytes);
        write!(f, "{out}+{back} frames, {bytes_out}+{bytes_back} bytes")
    }
}

/// Counts by slot.
#[derive(Debug, Default)]
pub(crate) struct Counts(pub(crate) BTreeMap<Slot, Count>);

impl Counts {
    pub(crate) fn add(&mut self, (slot, is_reversed): (Slot, bool), bytes: u64) {
        self.0.entry(slot).or_default().add(usize::from(is_reversed), 1, bytes);
    }

    /// Takes frames that a slot counts too many; not more than there are.
    pub(crate) fn take(&mut self, slot: &Slot, frames: u64, bytes: u64) -> bool {
        let Some(count) = self.0.get_mut(slot) else { return false };
        let less = count.minus(Count { frames: [frames as i64, 0], bytes: [bytes as i64, 0] });
        if less.is_negative() {
            return false;
        }
        *count = less;
        if *count == Count::default() {
            self.0.remove(slot);
        }
        true
    }

    /// Slots in which `self` has other counts than `other`, with what it has less.
    pub(crate) fn lacks(&self, other: &Self) -> BTreeMap<Slot, Count> {
        let slots = self.0.keys().chain(other.0.keys());
        let of = |counts: &Self, slot| counts.0.get(slot).copied().unwrap_or_default();
        slots
            .map(|slot| (slot.clone(), of(other, slot).minus(of(self, slot))))
            .filter(|(_, count)| *count != Count::default())
            .collect()
    }
}

/// What the oracle counted.
pub(crate) fn counted(view: &oracle::View) -> Counts {
    let mut counts = Counts::default();
    for conversation in &view.conversations {
        let ends = (
            Endpoint { address: address(&conversation.a), port: conversation.a_port },
            Endpoint { address: address(&conversation.b), port: conversation.b_port },
        );
        let (slot, is_reversed) = conversation_slot(&conversation.proto, ends.0, ends.1);
        let count = counts.0.entry(slot).or_default();
        let ways = if is_reversed { [1, 0] } else { [0, 1] };
        count.add(ways[0], conversation.ab_packets, conversation.ab_bytes);
        count.add(ways[1], conversation.ba_packets, conversation.ba_bytes);
    }
    for other in &view.other_ip {
        let ends = (address(&other.a), address(&other.b));
        let (slot, is_reversed) = other_slot(other.ip_proto, other.frag, ends.0, ends.1);
        let count = counts.0.entry(slot).or_default();
        let ways = if is_reversed { [1, 0] } else { [0, 1] };
        count.add(ways[0], other.ab_packets, other.ab_bytes);
        count.add(ways[1], other.ba_packets, other.ba_bytes);
    }
    if view.non_ip.frames > 0 {
        counts.0.entry(Slot::NonIp).or_default().add(0, view.non_ip.frames, view.non_ip.bytes);
    }
    counts
}

fn address(text: &str) -> Address {
    text.parse::<IpAddr>().expect("the oracle writes addresses").into()
}

fn conversation_slot(protocol: &str, from: Endpoint, to: Endpoint) -> (Slot, bool) {
    let (low, high) = (from.min(to), from.max(to));
    (Slot::Conversation { protocol: protocol.to_owned(), low, high }, from > to)
}

fn other_slot(protocol: Option<u8>, is_tail: bool, from: Address, to: Address) -> (Slot, bool) {
    let (low, high) = (from.min(to), from.max(to));
    (Slot::Other { protocol, is_tail, low, high }, from > to)
}

/// An IP header and what was understood of the transport directly above it.
#[derive(Debug, Clone)]
pub(crate) struct Conveyed {
    pub(crate) source: Address,
    pub(crate) destination: Address,
    /// As the IP header says.
    pub(crate) protocol: u8,
    pub(crate) fragment: Option<Fragment>,
    /// (name, source port, destination port).
    pub(crate) ports: Option<(&'static str, u16, u16)>,
    /// Index of the IP header among the packet's layers.
    pub(crate) layer: usize,
}

impl Conveyed {
    pub(crate) fn is_tail(&self) -> bool {
        self.fragment.is_some_and(|fragment| fragment.offset > 0)
    }

    fn slot(&self) -> (Slot, bool) {
        match self.ports {
            Some((protocol, source, destination)) if !self.is_tail() => conversation_slot(
                protocol,
                Endpoint { address: self.source, port: source },
                Endpoint { address: self.destination, port: destination },
            ),
            _ => other_slot(Some(self.protocol), self.is_tail(), self.source, self.destination),
        }
    }
}

/// The IP headers of a packet that no ICMP error quotes, outermost first.
pub(crate) fn conveyed(packet: &Packet) -> Vec<Conveyed> {
    let mut found: Vec<Conveyed> = Vec::new();
    for (layer, Layer { header, .. }) in packet.layers.iter().enumerate() {
        match *header {
            Header::Ipv4 { source, destination, protocol, fragment, .. } => {
                found.push(Conveyed { source, destination, protocol, fragment, ports: None, layer });
            }
            Header::Ipv6 { source, destination, next_header: protocol, .. } => {
                found.push(Conveyed { source, destination, protocol, fragment: None, ports: None, layer });
            }
            Header::Extensions { fragment, .. } => {
                if let Some(last) = found.last_mut() {
                    last.fragment = last.fragment.or(fragment);
                }
            }
            Header::Tcp { source, destination, .. } | Header::TcpStart { source, destination, .. } => {
                give(&mut found, ("tcp", source, destination));
            }
            Header::Udp { source, destination, .. } => give(&mut found, ("udp", source, destination)),
            Header::Sctp { source, destination, .. } => give(&mut found, ("sctp", source, destination)),
            Header::Icmp { .. } | Header::Echo { .. } | Header::Neighbour { .. } => break,
            _ => {}
        }
    }
    found
}

fn give(found: &mut [Conveyed], ports: (&'static str, u16, u16)) {
    if let Some(last) = found.last_mut() {
        last.ports.get_or_insert(ports);
    }
}

/// Where a frame counts in the outer view, and in the inner one.
pub(crate) fn slots(conveyed: &[Conveyed]) -> [(Slot, bool); 2] {
    let slot = |conveyed: Option<&Conveyed>| conveyed.map_or((Slot::NonIp, false), Conveyed::slot);
    [slot(conveyed.first()), slot(conveyed.last())]
}

/// Whether frames of these counts, placed anywhere, make up what is lacking: nothing is too much, and as many frames
/// and bytes are missing as there are.
pub(crate) fn makes_up(lacking: &BTreeMap<Slot, Count>, frames: u64, bytes: u64) -> bool {
    let totals = lacking.values().map(|count| count.total());
    let (all_frames, all_bytes) = totals.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    !lacking.values().any(|count| count.is_negative())
        && all_frames == frames as i64
        && all_bytes == bytes as i64
}
