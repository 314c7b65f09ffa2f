//! Conversations without handshakes that never were, at several points, and what is made of them: who belongs together is
//! known here, for every frame carries the number of its conversation.
//!
//! Pods send datagrams, echoes, associations, ESP, and segments of connections that began before; a node rewrites source
//! addresses, ports and identifiers. Each point loses a few frames and begins at a time of its own, and clocks differ.

use std::collections::{BTreeMap, BTreeSet};

use egret::digest::Interface;
use egret::frame::{LinkType, Timestamp};

use crate::capture::{Capture, Frame};
use crate::compare::{Disagreements, same_flows};
use crate::dice::Dice;
use crate::run::{Conclusion, Feed, conclude};

const MICROSECOND: i64 = 1_000;
const MILLISECOND: i64 = 1_000_000;
const START: i64 = 1_795_392_000_000_000_000;
const CLOCKS: [i64; 3] = [0, 73_000 * MILLISECOND, -5_000 * MILLISECOND];
const PODS: usize = 6;
/// Packets of a conversation each way.
const EXCHANGES: usize = 8;

/// How conversations differ.
#[derive(Debug, Clone, Copy)]
struct Traffic {
    flows: usize,
    /// One frame in so many is lost at a place; 0 for none.
    lost: usize,
    /// Contents, identifications and numbers that there are; 0 for all of them.
    alike: usize,
    /// Points begin up to so many exchanges late.
    late: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Udp,
    Echo,
    Sctp,
    Esp,
    Tcp,
}

const KINDS: [Kind; 5] = [Kind::Udp, Kind::Echo, Kind::Sctp, Kind::Esp, Kind::Tcp];

#[derive(Debug, Clone, Copy)]
struct Conversation {
    number: usize,
    kind: Kind,
    has_id: bool,
    begins: i64,
    /// Tags, sequence numbers, and where contents begin.
    numbers: [u32; 2],
    port: u16,
    wire_port: u16,
}

fn captures(traffic: &Traffic, dice: &mut Dice) -> Vec<Capture> {
    let choose = |dice: &mut Dice| {
        let wide = dice.number() as u32;
        if traffic.alike == 0 { wide } else { wide % traffic.alike as u32 + 1 }
    };
    let late: Vec<usize> = (0..3).map(|_| dice.below(traffic.late + 1)).collect();
    let mut frames: [Vec<Frame>; 3] = Default::default();
    for number in 0..traffic.flows {
        let conversation = Conversation {
            number,
            // Segments with one number and identification are one segment by definition.
            kind: KINDS[dice.below(if traffic.alike == 0 { KINDS.len() } else { KINDS.len() - 1 })],
            has_id: dice.one_in(2),
            begins: START + number as i64 * 7 * MILLISECOND,
            numbers: [choose(dice), choose(dice)],
            port: 40_000 + number as u16,
            wire_port: 50_000 + number as u16,
        };
        for n in 0..EXCHANGES {
            for is_out in [true, false] {
                let id = choose(dice) as u16 | 1;
                let id = if conversation.has_id { id } else { 0 };
                for place in 0..4usize {
                    let point = place.saturating_sub(1);
                    let is_lost = traffic.lost > 0 && dice.one_in(traffic.lost);
                    if n >= late[point] && !is_lost {
                        frames[point].push(conversation.seen(n, is_out, id, place));
                    }
                }
            }
        }
    }
    let links = [LinkType::LINUX_SLL2, LinkType::ETHERNET, LinkType::RAW];
    let capture = |((name, link), mut frames): ((&str, LinkType), Vec<Frame>)| {
        frames.sort_by_key(|frame| frame.time);
        let interfaces = vec![Interface { link, name: None, snap_length: 0 }];
        Capture { name: name.to_owned(), interfaces, frames, incidents: Vec::new() }
    };
    ["any", "uplink", "far"].into_iter().zip(links).zip(frames).map(capture).collect()
}

impl Conversation {
    /// Its n-th packet of a direction at a place: 0 the veth, 1 the uplink, 2 that by another machine, 3 the far side.
    fn seen(&self, n: usize, is_out: bool, id: u16, place: usize) -> Frame {
        let ip = self.ip(n, is_out, id, place);
        let pod = (self.number % PODS) as u8;
        let cooked = |index: u8, packet_type: u8, sender: u8| {
            vec![8, 0, 0, 0, 0, 0, 0, index, 0, 1, packet_type, 6, 2, 0, 0, 0, 1, sender, 0, 0]
        };
        let link = match place {
            0 => cooked(10 + pod, if is_out { 3 } else { 4 }, pod),
            1 => cooked(2, if is_out { 4 } else { 0 }, 0xff),
            2 => {
                let (node, router) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
                let [to, from] = if is_out { [router, node] } else { [node, router] };
                [&to[..], &from, &[8, 0]].concat()
            }
            _ => Vec::new(),
        };
        let passed = if is_out { place as i64 } else { 3 - place as i64 };
        let sent = self.begins + n as i64 * 11 * MILLISECOND + i64::from(!is_out) * 2 * MILLISECOND;
        let time = sent + CLOCKS[place.saturating_sub(1)] + passed * 10 * MICROSECOND;
        let bytes = [link, ip].concat();
        Frame {
            time: Timestamp::from_nanos(time),
            interface: 0,
            original: bytes.len() as u32,
            bytes,
            number: self.number as u64,
        }
    }

    fn ip(&self, n: usize, is_out: bool, id: u16, place: usize) -> Vec<u8> {
        let client =
            if place == 0 { [10, 128, 0, 5 + (self.number % PODS) as u8] } else { [192, 168, 12, 99] };
        // ESP has no ports: each conversation has a partner of its own.
        let last = if self.kind == Kind::Esp { self.number as u8 } else { 25 };
        let server = [203, 0, 113 + (self.number >> 8) as u8, last];
        let (source, destination) = if is_out { (client, server) } else { (server, client) };
        let port = if place == 0 { self.port } else { self.wire_port };
        let (protocol, content) = self.content(n as u32, is_out, port);
        let total = 20 + content.len();
        let ttl = if is_out { 64 - place as u8 } else { 60 + place as u8 };
        let mut bytes = vec![0x45, 0, (total >> 8) as u8, total as u8];
        bytes.extend(id.to_be_bytes());
        bytes.extend([0x40, 0, ttl, protocol, 0, 0]);
        bytes.extend(source);
        bytes.extend(destination);
        bytes.extend(content);
        bytes
    }

    fn content(&self, n: u32, is_out: bool, port: u16) -> (u8, Vec<u8>) {
        let ports = |server: u16| {
            let [source, destination] = if is_out { [port, server] } else { [server, port] };
            [source.to_be_bytes(), destination.to_be_bytes()].concat()
        };
        let [ours, theirs] = self.numbers;
        let payload = || {
            let number = if is_out { ours } else { theirs };
            (0..6).flat_map(|k: u32| (number.wrapping_add(n) ^ k).to_be_bytes()).collect::<Vec<u8>>()
        };
        match self.kind {
            Kind::Udp => (17, [ports(5000), vec![0, 32, 0, 0], payload()].concat()),
            Kind::Echo => {
                let head = [if is_out { 8 } else { 0 }, 0, 0, 0];
                let [high, low] = port.to_be_bytes();
                let seq = [0, n as u8];
                // A reply carries what its request carried.
                let payload: Vec<u8> =
                    (0..6).flat_map(|k: u32| (ours.wrapping_add(n) ^ k).to_be_bytes()).collect();
                (1, [&head[..], &[high, low], &seq, &payload].concat())
            }
            Kind::Sctp => {
                let tag = if is_out { theirs } else { ours };
                (132, [&ports(2905)[..], &tag.to_be_bytes(), &[0; 4], &[0, 3, 0, 20], &[0; 16]].concat())
            }
            Kind::Esp => {
                let spi = if is_out { ours } else { theirs } | 256;
                (50, [&spi.to_be_bytes()[..], &n.to_be_bytes(), &[0xe5; 24]].concat())
            }
            Kind::Tcp => {
                let (mine, other) = (ours.wrapping_add(n * 24), theirs.wrapping_add(n * 24));
                let [seq, ack] = if is_out { [mine, other] } else { [other, mine.wrapping_add(24)] };
                let numbers = [seq.to_be_bytes(), ack.to_be_bytes()].concat();
                (6, [ports(443), numbers, vec![0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0], payload()].concat())
            }
        }
    }
}

fn flags() -> Vec<String> {
    ["--expect=192.168.12.99", "--node-ip=192.168.12.11", "--inside=10.128.0.0/14"]
        .map(str::to_owned)
        .to_vec()
}

/// The conversations that each row's legs are of.
fn conversations(captures: &[Capture], conclusion: &Conclusion) -> Vec<BTreeSet<u64>> {
    let number = |frame: &str| {
        let (point, ordinal) = frame.rsplit_once(':').expect("a frame has a point");
        let capture = captures.iter().find(|capture| capture.name == point).expect("a capture");
        capture.frames[ordinal.parse::<usize>().expect("a number") - 1].number
    };
    conclusion.rows.iter().map(|row| row.legs.iter().map(|leg| number(&leg.first_frame)).collect()).collect()
}

#[test]
fn conversations_without_handshakes_are_found_whole_at_several_points() {
    let mut told = Disagreements::default();
    let traffic = Traffic { flows: 200, lost: 0, alike: 0, late: 0 };
    for (kind, traffic) in
        [traffic, Traffic { lost: 12, ..traffic }, Traffic { late: 3, ..traffic }].iter().enumerate()
    {
        for seed in 0..2 {
            let all = captures(traffic, &mut Dice::new(seed));
            for set in [0b001, 0b011, 0b101, 0b111] {
                let chosen = all.iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1);
                let chosen: Vec<Capture> = chosen.map(|(_, capture)| capture.clone()).collect();
                let rows = conversations(&chosen, &conclude(&flags(), &chosen, &Feed::PLAIN));
                let mut parts: BTreeMap<u64, usize> = BTreeMap::new();
                for row in &rows {
                    if row.len() != 1 {
                        told.tell(format!("kind {kind}, seed {seed}, points {set:03b}: joined {row:?}"));
                    }
                    for number in row {
                        *parts.entry(*number).or_default() += 1;
                    }
                }
                for (number, parts) in parts.iter().filter(|(_, parts)| **parts != 1) {
                    told.tell(format!(
                        "kind {kind}, seed {seed}, points {set:03b}: {number} in {parts} parts"
                    ));
                }
            }
        }
    }
    told.settle();
}

#[test]
fn conversations_without_handshakes_that_are_alike_are_never_mixed_up() {
    let mut told = Disagreements::default();
    for alike in [1, 3, 40] {
        for seed in 0..3 {
            let traffic = Traffic { flows: 60, lost: 10, alike, late: 2 };
            let captures = captures(&traffic, &mut Dice::new(seed));
            let conclusion = conclude(&flags(), &captures, &Feed::mixed(30, seed));
            for (row, numbers) in conclusion.rows.iter().zip(conversations(&captures, &conclusion)) {
                // One clock alone tells them apart by time; what it joins has to be right.
                if numbers.len() > 1 && row.join.confidence == egret::snapshot::Confidence::Certain {
                    told.tell(format!(
                        "{alike} alike, seed {seed}: {} {} is {numbers:?}, certainly",
                        row.protocol, row.id
                    ));
                }
            }
        }
    }
    told.settle();
}

#[test]
fn no_interleaving_changes_conversations_without_handshakes() {
    let mut told = Disagreements::default();
    for (alike, lost) in [(0, 12), (3, 12), (1, 0)] {
        for seed in 0..2 {
            let traffic = Traffic { flows: 80, lost, alike, late: 2 };
            let captures = captures(&traffic, &mut Dice::new(seed));
            let plain = conclude(&flags(), &captures, &Feed::PLAIN);
            for frames in [1, 30, 500] {
                let mixed = conclude(&flags(), &captures, &Feed::mixed(frames, seed));
                let what = format!("{alike} alike, seed {seed}, mixed by {frames}");
                same_flows(&plain, &mixed, &what, &mut told);
                if let Some((was, is)) =
                    plain.json.lines().zip(mixed.json.lines()).find(|(was, is)| was != is)
                {
                    told.tell(format!("{what}: a line of the report\n  was {was}\n  is  {is}"));
                }
            }
        }
    }
    told.settle();
}
