//! Captures of connections that never were: pods behind a node's NAT, seen at their veths, at the uplink, at the
//! uplink again by another machine with another clock, and at the far side.

use egret::digest::{Interface, tcp};
use egret::frame::{LinkType, Timestamp};

use crate::capture::{Capture, Frame};
use crate::dice::Dice;

/// How connections are told apart, and what of them is missing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Traffic {
    pub(crate) flows: usize,
    /// Initial sequence numbers, IP identifications and timestamps that there are; 0 for all of them.
    pub(crate) isns: usize,
    pub(crate) ids: usize,
    pub(crate) has_timestamps: bool,
    /// Client ports of a pod, and ports of the node's address.
    pub(crate) ports: usize,
    /// One SYN in so many is sent again, one first SYN in so many is not captured at one place.
    pub(crate) retries: usize,
    pub(crate) missing: usize,
    /// One connection in so many leaves with the node's own address.
    pub(crate) leaks: usize,
}

impl Traffic {
    pub(crate) const PLAIN: Self = Self {
        flows: 300,
        isns: 0,
        ids: 0,
        has_timestamps: true,
        ports: 40,
        retries: 6,
        missing: 8,
        leaks: 5,
    };
}

const MICROSECOND: i64 = 1_000;
const MILLISECOND: i64 = 1_000_000;
const SECOND: i64 = 1_000_000_000;
/// 2026-11-23T00:00:00Z.
const START: i64 = 1_795_392_000 * SECOND;
const PODS: usize = 6;

/// Clocks of the four points, in ns ahead.
const CLOCKS: [i64; 3] = [0, 73 * SECOND, -5 * SECOND];

/// A connection as NAT makes it.
#[derive(Debug, Clone, Copy)]
struct Connection {
    /// From 0. Its frames are numbered with twice that, and one more if it leaks.
    number: u64,
    leaks: bool,
    pod: usize,
    port: u16,
    wire_port: u16,
    client_isn: u32,
    server_isn: u32,
    stamp: Option<u32>,
    begins: i64,
    /// When its SYN is sent a second time, after the first one.
    retry: Option<i64>,
    /// The place that misses the first SYN.
    misses: Option<usize>,
}

/// One packet of it.
#[derive(Debug, Clone, Copy)]
struct Packet {
    is_out: bool,
    flags: u8,
    seq: u32,
    ack: u32,
    id: u16,
    payload: usize,
}

/// Captures of a node's `any`, of its uplink by another machine, and of the far side.
pub(crate) fn captures(traffic: &Traffic, dice: &mut Dice) -> Vec<Capture> {
    let links = [LinkType::LINUX_SLL2, LinkType::ETHERNET, LinkType::RAW];
    let mut frames: [Vec<Frame>; 3] = Default::default();
    for connection in connections(traffic, dice) {
        emit(&connection, traffic, dice, &mut frames);
    }
    let names = ["any", "uplink", "far"];
    let capture = |((name, link), mut frames): ((&str, LinkType), Vec<Frame>)| {
        frames.sort_by_key(|frame| frame.time);
        let interfaces = vec![Interface { link, name: None, snap_length: 0 }];
        Capture { name: name.to_owned(), interfaces, frames, incidents: Vec::new() }
    };
    names.into_iter().zip(links).zip(frames).map(capture).collect()
}

fn connections(traffic: &Traffic, dice: &mut Dice) -> Vec<Connection> {
    let number =
        |of: usize, dice: &mut Dice| if of == 0 { dice.number() as u32 } else { dice.below(of) as u32 };
    // When each tuple is free again, on either side of the NAT.
    let mut inner = vec![i64::MIN; PODS * traffic.ports];
    let mut outer = vec![i64::MIN; PODS * traffic.ports];
    let mut connections = Vec::new();
    for n in 0..traffic.flows {
        let begins = START + n as i64 * 20 * MILLISECOND + dice.below(1_000) as i64 * MICROSECOND;
        let free = |until: &[i64], dice: &mut Dice| loop {
            let tuple = dice.below(until.len());
            if until[tuple] < begins {
                return tuple;
            }
        };
        let (own, translated) = (free(&inner, dice), free(&outer, dice));
        let retry = dice.one_in(traffic.retries).then(|| SECOND + dice.below(1_000) as i64 * MICROSECOND);
        let ends = begins + retry.unwrap_or(0) + 50 * MILLISECOND;
        (inner[own], outer[translated]) = (ends, ends);
        connections.push(Connection {
            number: n as u64,
            leaks: dice.one_in(traffic.leaks),
            pod: own % PODS,
            port: 40_000 + (own / PODS) as u16,
            wire_port: 50_000 + translated as u16,
            client_isn: number(traffic.isns, dice),
            server_isn: number(traffic.isns, dice),
            stamp: traffic.has_timestamps.then(|| dice.number() as u32),
            begins,
            retry,
            misses: (retry.is_some() && dice.one_in(traffic.missing)).then(|| dice.below(4)),
        });
    }
    connections
}

/// Writes every packet of a connection at every place.
fn emit(connection: &Connection, traffic: &Traffic, dice: &mut Dice, frames: &mut [Vec<Frame>; 3]) {
    let mut id = || {
        let wide = dice.number() as u16;
        if traffic.ids == 0 { wide.max(1) } else { wide % traffic.ids as u16 + 1 }
    };
    let (client, server) = (connection.client_isn, connection.server_isn);
    let mut packet =
        |is_out, flags, seq: u32, ack: u32, payload| Packet { is_out, flags, seq, ack, id: id(), payload };
    let syn = packet(true, tcp::SYN, client, 0, 0);
    let mut begins = connection.begins;
    for place in (0..4).filter(|place| connection.misses != Some(*place)) {
        copy(connection, &syn, begins, place, frames);
    }
    let mut packets = Vec::new();
    if let Some(retry) = connection.retry {
        begins += retry;
        packets.push(packet(true, tcp::SYN, client, 0, 0));
    }
    let (next, answer) = (client.wrapping_add(1), server.wrapping_add(1));
    packets.push(packet(false, tcp::SYN | tcp::ACK, server, next, 0));
    packets.push(packet(true, tcp::ACK, next, answer, 0));
    packets.push(packet(true, tcp::PSH | tcp::ACK, next, answer, 30));
    packets.push(packet(false, tcp::PSH | tcp::ACK, answer, next.wrapping_add(30), 20));
    packets.push(packet(true, tcp::FIN | tcp::ACK, next.wrapping_add(30), answer.wrapping_add(20), 0));
    packets.push(packet(false, tcp::FIN | tcp::ACK, answer.wrapping_add(20), next.wrapping_add(31), 0));
    packets.push(packet(true, tcp::ACK, next.wrapping_add(31), answer.wrapping_add(21), 0));
    for (n, packet) in packets.iter().enumerate() {
        for place in 0..4 {
            copy(connection, packet, begins + (n as i64 + 1) * MILLISECOND, place, frames);
        }
    }
}

/// Writes a packet as it is seen at a place: 0 the veth, 1 the uplink, 2 the uplink by another machine, 3 the far side.
fn copy(connection: &Connection, packet: &Packet, time: i64, place: usize, frames: &mut [Vec<Frame>; 3]) {
    let passed = if packet.is_out { place as i64 } else { 3 - place as i64 };
    let point = place.saturating_sub(1);
    let ip = ip(connection, packet, place);
    let bytes = match place {
        0 => [
            &cooked(10 + connection.pod as u8, if packet.is_out { 3 } else { 4 }, connection.pod as u8)[..],
            &ip,
        ]
        .concat(),
        1 => [&cooked(2, if packet.is_out { 4 } else { 0 }, 0xff)[..], &ip].concat(),
        2 => {
            let (node, router) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
            let [to, from] = if packet.is_out { [router, node] } else { [node, router] };
            [&to[..], &from, &[8, 0], &ip].concat()
        }
        _ => ip,
    };
    let original = bytes.len() as u32 + packet.payload as u32;
    let number = connection.number << 1 | u64::from(connection.leaks);
    let time = Timestamp::from_nanos(time + CLOCKS[point] + passed * 10 * MICROSECOND);
    frames[point].push(Frame { time, interface: 0, original, bytes, number });
}

/// A cooked v2 header for IPv4 on Ethernet.
fn cooked(index: u8, packet_type: u8, sender: u8) -> [u8; 20] {
    [8, 0, 0, 0, 0, 0, 0, index, 0, 1, packet_type, 6, 2, 0, 0, 0, 1, sender, 0, 0]
}

/// IPv4 and TCP headers; what they carry was cut off.
fn ip(connection: &Connection, packet: &Packet, place: usize) -> Vec<u8> {
    let client = match place {
        0 => ([10, 128, 0, 5 + connection.pod as u8], connection.port),
        _ if connection.leaks => ([192, 168, 12, 11], connection.wire_port),
        _ => ([192, 168, 12, 99], connection.wire_port),
    };
    let server = ([203, 0, 113, 25], 443);
    let (source, destination) = if packet.is_out { (client, server) } else { (server, client) };
    let options: Vec<u8> = match connection.stamp {
        Some(stamp) => [&[1, 1, 8, 10][..], &stamp.to_be_bytes(), &[0; 4]].concat(),
        None => Vec::new(),
    };
    let total = 40 + options.len() + packet.payload;
    let ttl = if packet.is_out { 64 - place as u8 } else { 60 + place as u8 };
    let mut bytes = vec![0x45, 0, (total >> 8) as u8, total as u8];
    bytes.extend(packet.id.to_be_bytes());
    bytes.extend([0x40, 0, ttl, 6, 0, 0]);
    bytes.extend(source.0);
    bytes.extend(destination.0);
    bytes.extend(source.1.to_be_bytes());
    bytes.extend(u16::to_be_bytes(destination.1));
    bytes.extend(packet.seq.to_be_bytes());
    bytes.extend(packet.ack.to_be_bytes());
    bytes.extend([(((20 + options.len()) / 4) << 4) as u8, packet.flags, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.extend(options);
    bytes
}
