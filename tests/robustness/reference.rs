//! A joiner that is slow and obviously right: it keeps every frame, and compares every track with every other.
//!
//! A track is one 5-tuple with one initial sequence number of its client. Two tracks are one flow when they show one SYN (its
//! number and its IP identification), or one datagram (identification, length, beginning), within a window where one
//! clock told both times; or when both directions' initial sequence numbers are equal. Not when their servers' numbers
//! differ, the timestamps of one SYN do, or one sight shows the SYN or datagrams of both. A flow is what hangs together.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use egret::digest::{echo, protocol, sctp, tcp};
use egret::flow::join::SYN_WINDOW;
use egret::frame::Timestamp;
use egret::net::{Address, Mac};

use crate::capture::Capture;
use crate::wire::{self, Transport};

/// Packets of each direction of a datagram conversation that are compared, at each place.
const DATAGRAMS: usize = 4;

/// How far apart one datagram may be seen within one clock domain, in ns.
const DATAGRAM_WINDOW: i64 = 100_000_000;

/// First frames, `point:number`, of a flow's legs.
pub(crate) type Legs = BTreeSet<String>;

/// The flows in captures, and how tracks came to be in them.
#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) flows: BTreeSet<Legs>,
    /// Flows of which two tracks cannot be one: several flows fit, and the definition does not say which.
    pub(crate) unclear: usize,
    tracks: Vec<Track>,
}

#[derive(Debug)]
struct Track {
    /// Protocol and both ends, the client's first.
    tuple: (u8, SocketAddr, SocketAddr),
    client_isn: Option<u32>,
    /// Several, where a tuple was used again with the same number: nothing tells such connections apart.
    server_isns: BTreeSet<u32>,
    /// Identification and timestamp of the first SYN.
    syn: Option<(u16, Option<u32>)>,
    prints: Vec<(Print, usize, Timestamp)>,
    legs: BTreeMap<Place, Leg>,
}

/// What NAT keeps of one packet: initial sequence number and identification; or identification, length and beginning, of
/// an echo behind its sequence number; or a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Print {
    Syn(u32, u16),
    Datagram(u16, u32, Vec<u8>),
    /// A tag that one end of an SCTP association chose, and whether the client is to show it.
    Tag(u32, bool),
}

/// Point, interface, what a cooked header says, and the tunnel.
type Place = (usize, u16, Option<u32>, Option<(u32, Address, Address)>);

#[derive(Debug)]
struct Leg {
    first: String,
    out: usize,
    /// SYNs, or datagrams: what passes a sight once.
    passed: usize,
    moved: BTreeSet<Option<u16>>,
    source: Option<Mac>,
}

/// A frame of a conversation, and where it was seen.
struct Seen<'a> {
    place: Place,
    name: String,
    time: Timestamp,
    packet_type: Option<u16>,
    source: Option<Mac>,
    bytes: &'a [u8],
    transport: Transport,
}

pub(crate) fn join(captures: &[Capture]) -> Reference {
    let seen = seen(captures);
    let mut tracks = beginnings(&seen);
    for frame in &seen {
        let at = belongs(&tracks, &frame.transport).unwrap_or_else(|| {
            tracks.push(Track::new(client_first(&frame.transport), None));
            tracks.len() - 1
        });
        tracks[at].note(frame);
    }
    let groups = groups(&tracks);
    let unclear = groups.iter().filter(|group| contradicts(&tracks, group)).count();
    let legs = |group: &Vec<usize>| {
        group.iter().flat_map(|t| tracks[*t].legs.values()).map(|leg| leg.first.clone()).collect()
    };
    Reference { flows: groups.iter().map(legs).collect(), unclear, tracks }
}

impl Reference {
    /// What is impossible about a partition: conversations of two servers, or of one sight, in one flow.
    pub(crate) fn impossible(&self, flows: &BTreeSet<Legs>) -> Vec<String> {
        let of: BTreeMap<&str, usize> = self
            .tracks
            .iter()
            .enumerate()
            .flat_map(|(index, track)| track.legs.values().map(move |leg| (leg.first.as_str(), index)))
            .collect();
        let mut wrong = Vec::new();
        for flow in flows {
            let tracks: BTreeSet<usize> =
                flow.iter().filter_map(|leg| of.get(leg.as_str()).copied()).collect();
            for (one, other) in pairs(&tracks.into_iter().collect::<Vec<_>>()) {
                let (one, other) = (&self.tracks[one], &self.tracks[other]);
                if one.has_another_server_than(other) {
                    wrong.push(format!("two servers' numbers in one flow: {flow:?}"));
                } else if one.tuple != other.tuple && one.shares_a_sight_with(other) {
                    wrong.push(format!("two conversations of one sight in one flow: {flow:?}"));
                }
            }
        }
        wrong
    }
}

fn seen(captures: &[Capture]) -> Vec<Seen<'_>> {
    let mut all = Vec::new();
    for (point, capture) in captures.iter().enumerate() {
        for (number, frame) in (1..).zip(&capture.frames) {
            let (sight, transports) = wire::read(capture.link(frame), &frame.bytes);
            let Some(transport) = transports.last().filter(|transport| !transport.is_quoted) else {
                continue;
            };
            // Cooked v1 has no index: its packet type stands in.
            let index = sight.index.or(sight.packet_type.map(u32::from).filter(|_| sight.index.is_none()));
            all.push(Seen {
                place: (point, frame.interface, index, transport.tunnel),
                name: format!("{}:{number}", capture.name),
                time: frame.time,
                packet_type: sight.packet_type,
                source: sight.source,
                bytes: &frame.bytes,
                transport: *transport,
            });
        }
    }
    all
}

/// A track for every handshake.
fn beginnings(seen: &[Seen<'_>]) -> Vec<Track> {
    let mut tracks: Vec<Track> = Vec::new();
    for transport in seen.iter().map(|frame| &frame.transport) {
        let Some(isn) = client_isn(transport) else { continue };
        let tuple = client_first(transport);
        if !tracks.iter().any(|track| track.tuple == tuple && track.client_isn == Some(isn)) {
            tracks.push(Track::new(tuple, Some(isn)));
        }
    }
    tracks
}

/// The client's initial sequence number, by a SYN or its answer.
fn client_isn(transport: &Transport) -> Option<u32> {
    match (transport.is_syn(), transport.flags & tcp::ACK != 0) {
        (true, false) => Some(transport.seq),
        (true, true) => Some(transport.ack.wrapping_sub(1)),
        (false, _) => None,
    }
}

/// Both ends, the client's first: by the handshake, else the well-known port is the server's.
fn client_first(transport: &Transport) -> (u8, SocketAddr, SocketAddr) {
    let there = (transport.protocol, transport.source, transport.destination);
    let back = (transport.protocol, transport.destination, transport.source);
    match (transport.protocol, transport.flags) {
        (protocol::TCP, _) if transport.is_syn() => {
            return if transport.flags & tcp::ACK == 0 { there } else { back };
        }
        (protocol::SCTP, sctp::INIT) => return there,
        (protocol::SCTP, sctp::INIT_ACK) => return back,
        (protocol::ICMP | protocol::ICMPV6, flags) => {
            return if flags == echo::REQUEST { there } else { back };
        }
        _ => {}
    }
    for boundary in [1024, 32768] {
        match (transport.source.port() < boundary, transport.destination.port() < boundary) {
            (true, false) => return back,
            (false, true) => return there,
            _ => {}
        }
    }
    there
}

/// The track whose numbers began last before the packet's.
fn belongs(tracks: &[Track], transport: &Transport) -> Option<usize> {
    let there = (transport.protocol, transport.source, transport.destination);
    let back = (transport.protocol, transport.destination, transport.source);
    let distance = |track: &Track| {
        if let Some(isn) = client_isn(transport) {
            return if track.client_isn == Some(isn) { 0 } else { u32::MAX };
        }
        let client = track.client_isn.unwrap_or_default();
        if track.tuple == there {
            transport.seq.wrapping_sub(client)
        } else {
            transport.ack.wrapping_sub(client)
        }
    };
    let of_tuple = tracks.iter().enumerate().filter(|(_, track)| track.tuple == there || track.tuple == back);
    of_tuple.min_by_key(|(_, track)| distance(track)).map(|(index, _)| index)
}

impl Track {
    fn new(tuple: (u8, SocketAddr, SocketAddr), client_isn: Option<u32>) -> Self {
        Self {
            tuple,
            client_isn,
            server_isns: BTreeSet::new(),
            syn: None,
            prints: Vec::new(),
            legs: BTreeMap::new(),
        }
    }

    fn note(&mut self, frame: &Seen<'_>) {
        let transport = &frame.transport;
        let is_out = transport.source == self.tuple.1;
        let leg = self.legs.entry(frame.place).or_insert_with(|| Leg {
            first: frame.name.clone(),
            out: 0,
            passed: 0,
            moved: BTreeSet::new(),
            source: None,
        });
        let handshake =
            transport.protocol == protocol::SCTP && matches!(transport.flags, sctp::INIT | sctp::INIT_ACK);
        if handshake {
            self.prints.push((Print::Tag(transport.ack, is_out), frame.place.0, frame.time));
        }
        if !is_out {
            if transport.is_syn() {
                self.server_isns.insert(transport.seq);
            }
            return;
        }
        if leg.out == 0 {
            leg.source = frame.source;
        }
        leg.out += 1;
        leg.passed += usize::from(transport.protocol != protocol::TCP || transport.is_syn());
        // Host, broadcast and multicast are one way to move.
        leg.moved.insert(frame.packet_type.map(|packet_type| if packet_type < 3 { 0 } else { packet_type }));
        let print = match transport.protocol {
            protocol::TCP if transport.is_syn() => {
                let header = &frame.bytes[transport.at..transport.payload];
                self.syn = self.syn.or(Some((transport.ip_id, timestamp(header))));
                Some(Print::Syn(transport.seq, transport.ip_id))
            }
            protocol::TCP | protocol::SCTP => None,
            _ => (leg.out <= DATAGRAMS).then(|| datagram(frame)).flatten(),
        };
        self.prints.extend(print.map(|print| (print, frame.place.0, frame.time)));
    }

    fn has_another_server_than(&self, other: &Self) -> bool {
        let both = !self.server_isns.is_empty() && !other.server_isns.is_empty();
        both && self.server_isns.is_disjoint(&other.server_isns)
    }

    fn shares_a_sight_with(&self, other: &Self) -> bool {
        let sent_again = match (self.syn, other.syn) {
            (Some((id, _)), Some((its_id, _))) => id != its_id && id != 0 && its_id != 0,
            _ => false,
        };
        if sent_again && self.client_isn == other.client_isn {
            return false;
        }
        self.legs.iter().any(|(place, leg)| {
            other.legs.get(place).is_some_and(|its| {
                leg.passed > 0 && its.passed > 0 && leg.moved == its.moved && leg.source == its.source
            })
        })
    }

    /// Whether the two show one packet, or began with equal numbers at both ends.
    fn matches(&self, other: &Self) -> bool {
        let window = if self.tuple.0 == protocol::TCP { SYN_WINDOW } else { DATAGRAM_WINDOW };
        let is_pair = self.client_isn.is_some()
            && self.client_isn == other.client_isn
            && !self.server_isns.is_disjoint(&other.server_isns);
        is_pair
            || self.prints.iter().any(|(print, point, time)| {
                other
                    .prints
                    .iter()
                    .any(|(its, at, when)| print == its && (point != at || (*time - *when).abs() <= window))
            })
    }

    /// Whether the two cannot be one flow.
    fn contradicts(&self, other: &Self) -> bool {
        let other_time = match (self.syn, other.syn) {
            (Some((id, Some(time))), Some((its_id, Some(its_time)))) => id == its_id && time != its_time,
            _ => false,
        };
        self.tuple.0 != other.tuple.0
            || self.tuple == other.tuple
            || self.has_another_server_than(other)
            || other_time
            || self.shares_a_sight_with(other)
    }
}

/// Identification, length and beginning of a datagram: more of that where there is no identification.
fn datagram(frame: &Seen<'_>) -> Option<Print> {
    let transport = &frame.transport;
    // A first fragment states the length of the whole datagram.
    let stated =
        (transport.protocol == protocol::UDP).then(|| frame.bytes.get(transport.at + 4..transport.at + 6));
    let stated = stated.flatten().map(|field| u32::from(u16::from_be_bytes([field[0], field[1]])));
    let length = stated.and_then(|stated| stated.checked_sub(8)).unwrap_or_default().max(transport.length);
    let wanted = if transport.ip_id == 0 { 64 } else { 8 }.min(transport.length as usize);
    if transport.ip_id == 0 && wanted < 8 {
        return None;
    }
    let mut beginning = vec![transport.flags];
    beginning.extend(transport.seq.to_be_bytes());
    beginning.extend(frame.bytes.get(transport.payload..)?.get(..wanted)?);
    Some(Print::Datagram(transport.ip_id, length, beginning))
}

/// The timestamp option's value (RFC 7323 §3.2).
fn timestamp(header: &[u8]) -> Option<u32> {
    let mut options = header.get(20..)?;
    loop {
        match options {
            [0, ..] | [] => return None,
            [1, rest @ ..] => options = rest,
            [8, 10, a, b, c, d, ..] => return Some(u32::from_be_bytes([*a, *b, *c, *d])),
            [_, length, ..] => options = options.get(usize::from(*length).max(2)..)?,
            [_] => return None,
        }
    }
}

/// What hangs together.
fn groups(tracks: &[Track]) -> Vec<Vec<usize>> {
    let mut group: Vec<usize> = (0..tracks.len()).collect();
    let all: Vec<usize> = group.clone();
    for (one, other) in pairs(&all) {
        if tracks[one].matches(&tracks[other]) && !tracks[one].contradicts(&tracks[other]) {
            let (kept, gone) = (group[one], group[other]);
            group.iter_mut().filter(|of| **of == gone).for_each(|of| *of = kept);
        }
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (track, of) in group.into_iter().enumerate() {
        members.entry(of).or_default().push(track);
    }
    members.into_values().collect()
}

fn contradicts(tracks: &[Track], group: &[usize]) -> bool {
    pairs(group).any(|(one, other)| tracks[one].contradicts(&tracks[other]))
}

fn pairs(items: &[usize]) -> impl Iterator<Item = (usize, usize)> + '_ {
    items.iter().enumerate().flat_map(|(n, one)| items[n + 1..].iter().map(move |other| (*one, *other)))
}
