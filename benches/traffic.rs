//! A node's `any` capture that never was: many pods leave a cluster through one egress address, and some do not.
//!
//! Every flow is a TCP connection from a pod to a server outside, seen three times per packet, as a node sees it:
//! 1. outwards at the pod's veth (passing by, pod address), at the bridge (arriving), at the uplink (out, translated, TTL − 1);
//! 2. replies at the uplink (arriving), at the bridge and at the veth (out, translated back, TTL − 1).
//!
//! The uplink's copy follows the veth's by 7 to 20 µs, so copies of several packets interleave, and many flows are open at
//! once. One source port in ten is rewritten, because another pod has it towards the same server; then that port
//! alone would join two strangers. One flow in a hundred leaks: it leaves with the node's address.
//!
//! The uplink alone is what a capture on its interface shows, in Ethernet frames, and what can be sent through a wire.
//!
//! Lengths, sequence numbers, timestamps, IP identification and IP checksums are right; TCP checksums are not filled in, as
//! where the hardware does it. The same parameters give the same bytes, anywhere.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::wire::{ACK, FIN, Link, Packet, Place, SYN, Writer};

/// What the node should translate to, and what a leak leaves with.
const EGRESS: [u8; 4] = [192, 168, 12, 99];
const NODE: [u8; 4] = [192, 168, 12, 11];

/// The traffic of the targets: 1.9 million frames, 1 GB when whole.
pub(crate) const FULL: Traffic =
    Traffic { flows: 20_000, packets: 32, apart: 3_000_000, snap: 262_144, shown: Shown::Any };
pub(crate) const CUT: Traffic = Traffic { snap: 128, ..FULL };

/// Changes whenever the same parameters would give other bytes.
const EDITION: u32 = 2;

const PODS: u32 = 24;
/// (address, port) pairs of servers; a wire tuple is one of these and a port, so they bound the flows.
const SERVERS: u32 = 64;
/// Linux's default range of source ports.
const FIRST_PORT: u32 = 32_768;
const PORTS: u32 = 28_232;
/// The prime that scatters ports; it shares no factor with [`PORTS`], so no port is met twice.
const PORT_STRIDE: u32 = 7_919;

/// 2026-11-23T00:00:00Z.
const START: u64 = 1_795_392_000_000_000_000;
const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;

/// What a capture holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Traffic {
    pub(crate) flows: u32,
    /// Packets of a flow, both directions together; each third flow has one less. At least 8.
    pub(crate) packets: u32,
    /// Nanoseconds from one flow's start to the next one's.
    pub(crate) apart: u64,
    /// Bytes kept of each frame.
    pub(crate) snap: u32,
    pub(crate) shown: Shown,
}

/// Which copies of a packet a capture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Those at all three places, cooked.
    Any,
    /// The uplink's, as Ethernet frames.
    Uplink,
}

impl Traffic {
    /// Flows that leave with the node's address.
    pub(crate) fn leaks(self) -> u64 {
        (0..self.flows).filter(|&flow| leaks(flow)).count() as u64
    }

    /// Frames in the capture.
    pub(crate) fn frames(self) -> u64 {
        let packets: u64 = (0..self.flows).map(|flow| u64::from(self.packets_of(flow))).sum();
        match self.shown {
            Shown::Any => packets * 3,
            Shown::Uplink => packets,
        }
    }

    fn packets_of(self, flow: u32) -> u32 {
        self.packets - u32::from(flow % 3 == 2)
    }

    /// The capture's file in `folder`; written unless it is there. Its name carries the parameters.
    pub(crate) fn file(self, folder: &Path) -> io::Result<PathBuf> {
        let Self { flows, packets, apart, snap, shown } = self;
        let (name, link) = match shown {
            Shown::Any => ("any", Link::Cooked),
            Shown::Uplink => ("uplink", Link::Ethernet),
        };
        let path = folder.join(format!("{name}-{EDITION}-{flows}x{packets}-{apart}ns-snap{snap}.pcap"));
        if !path.exists() {
            fs::create_dir_all(folder)?;
            // A run that is broken off must not leave half a capture under the whole one's name.
            let unfinished = path.with_extension("pcap.tmp");
            let mut writer =
                Writer::new(BufWriter::with_capacity(1 << 20, File::create(&unfinished)?), snap, link)?;
            self.write(&mut writer)?;
            writer.inner().flush()?;
            fs::rename(&unfinished, &path)?;
        }
        Ok(path)
    }

    fn write<W: Write>(self, writer: &mut Writer<W>) -> io::Result<()> {
        assert!(self.packets >= 8 && self.flows < SERVERS * PORTS, "no such traffic: {self:?}");
        let mut queue = Queue::default();
        let mut unborn = 0..self.flows;
        queue.push(START, Event::Birth);
        while let Some((time, event)) = queue.pop() {
            match event {
                Event::Birth => {
                    if let Some(flow) = unborn.next() {
                        queue.push(time, Event::Turn(Conversation::new(flow, self.packets_of(flow))));
                        queue.push(time + self.apart, Event::Birth);
                    }
                }
                Event::Turn(mut conversation) => {
                    let packet = conversation.next_packet(time);
                    for (place, at) in conversation.passage(time, &packet) {
                        queue.push(at, Event::Copy(packet, place));
                    }
                    if let Some(pause) = conversation.pause() {
                        queue.push(time + pause, Event::Turn(conversation));
                    }
                }
                Event::Copy(_, place) if self.shown == Shown::Uplink && place != Place::Uplink => {}
                Event::Copy(packet, place) => writer.write(time, &packet, place)?,
            }
        }
        Ok(())
    }
}

/// What is to happen, in order of time; events of one instant in the order they were planned.
#[derive(Default)]
struct Queue {
    heap: BinaryHeap<Reverse<Planned>>,
    planned: u64,
}

struct Planned {
    time: u64,
    number: u64,
    event: Event,
}

enum Event {
    /// The next flow begins.
    Birth,
    /// A flow sends its next packet.
    Turn(Conversation),
    /// A packet is seen somewhere.
    Copy(Packet, Place),
}

impl Queue {
    fn push(&mut self, time: u64, event: Event) {
        self.heap.push(Reverse(Planned { time, number: self.planned, event }));
        self.planned += 1;
    }

    fn pop(&mut self) -> Option<(u64, Event)> {
        self.heap.pop().map(|Reverse(Planned { time, event, .. })| (time, event))
    }
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Planned {}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Planned {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.time, self.number).cmp(&(other.time, other.number))
    }
}

/// One side of a TCP connection.
#[derive(Debug, Clone, Copy)]
struct Side {
    seq: u32,
    ip_id: u16,
    /// Milliseconds of its timestamp clock at [`START`].
    clock: u32,
    /// The last timestamp it sent.
    stamp: u32,
}

/// A flow that is open.
struct Conversation {
    flow: u32,
    packets: u32,
    sent: u32,
    random: Random,
    client: Side,
    server: Side,
    /// The server sent data that the client has not acknowledged.
    owes_ack: bool,
}

impl Conversation {
    fn new(flow: u32, packets: u32) -> Self {
        let mut random = Random::new(flow);
        let mut side = || {
            let bits = random.next();
            Side { seq: bits as u32, ip_id: (bits >> 32) as u16, clock: random.next() as u32, stamp: 0 }
        };
        let (client, server) = (side(), side());
        Self { flow, packets, sent: 0, random, client, server, owes_ack: false }
    }

    /// The next packet: a handshake, then data both ways with bare acknowledgements between, then both FINs.
    fn next_packet(&mut self, time: u64) -> Packet {
        let (from_client, flags, length) = match self.sent {
            0 => (true, SYN, 0),
            1 => (false, SYN | ACK, 0),
            2 => (true, ACK, 0),
            step if step == self.packets - 3 => (true, FIN | ACK, 0),
            step if step == self.packets - 2 => (false, FIN | ACK, 0),
            step if step == self.packets - 1 => (true, ACK, 0),
            _ => self.data(),
        };
        self.sent += 1;
        let (sender, receiver) =
            if from_client { (&mut self.client, &self.server) } else { (&mut self.server, &self.client) };
        sender.stamp = sender.clock.wrapping_add(((time - START) / MILLISECOND) as u32);
        // Linux sends a SYN-ACK before it has a socket to count identifications for.
        let ip_id = if flags == SYN | ACK { 0 } else { sender.ip_id };
        let packet = Packet {
            is_datagram: false,
            from_client,
            client: pod_address(pod(self.flow)),
            client_port: origin_port(self.flow),
            wire: if leaks(self.flow) { NODE } else { EGRESS },
            wire_port: wire_port(self.flow),
            server: server(self.flow),
            pod: pod(self.flow),
            flags,
            seq: sender.seq,
            ack: if flags == SYN { 0 } else { receiver.seq },
            stamps: (sender.stamp, receiver.stamp),
            ip_id,
            length,
        };
        sender.ip_id = sender.ip_id.wrapping_add(1);
        sender.seq = sender.seq.wrapping_add(u32::from(length) + u32::from(flags & (SYN | FIN) != 0));
        packet
    }

    /// A packet amid the flow. With the handshake and the end of a flow of 32 packets, frames average about 530 bytes.
    fn data(&mut self) -> (bool, u8, u16) {
        let bits = self.random.next();
        let some = 56 + (bits >> 16) as u16 % 400;
        let (from_client, length) = match bits % 100 {
            // A full segment: 1500 bytes less 20 of IP and 32 of TCP with timestamps.
            0..29 => (false, 1_448),
            29..54 => (true, some),
            54..76 => (false, some),
            _ if self.owes_ack => (true, 0),
            _ => (true, some),
        };
        self.owes_ack = !from_client;
        (from_client, ACK, length)
    }

    /// Where the packet is seen, and when.
    fn passage(&mut self, time: u64, packet: &Packet) -> [(Place, u64); 3] {
        let second = 2_000 + self.random.next() % 4_000;
        let third = 7_000 + self.random.next() % 13_000;
        let [first, middle, last] = if packet.from_client {
            [Place::Veth, Place::Bridge, Place::Uplink]
        } else {
            [Place::Uplink, Place::Bridge, Place::Veth]
        };
        [(first, time), (middle, time + second), (last, time + third)]
    }

    /// How long until the next packet; `None` after the last.
    fn pause(&mut self) -> Option<u64> {
        let bits = self.random.next();
        match self.sent {
            sent if sent == self.packets => None,
            0..4 => Some((300 + bits % 500) * MICROSECOND),
            _ => Some(100 * MICROSECOND + bits % (120 * MILLISECOND)),
        }
    }
}

fn leaks(flow: u32) -> bool {
    flow % 100 == 57
}

fn pod(flow: u32) -> u32 {
    (flow + flow / SERVERS) % PODS
}

fn pod_address(pod: u32) -> [u8; 4] {
    [10, 128, 0, 5 + pod as u8]
}

fn server(flow: u32) -> ([u8; 4], u16) {
    let server = flow % SERVERS;
    ([203, 0, 113, 20 + (server / 4) as u8], [443, 8_443, 7_443, 9_443][server as usize % 4])
}

fn wire_port(flow: u32) -> u16 {
    (FIRST_PORT + (flow / SERVERS * PORT_STRIDE) % PORTS) as u16
}

/// The port that the pod chose: the wire's, or that of the flow before it to the same server, another pod's.
fn origin_port(flow: u32) -> u16 {
    if flow % 10 == 3 && flow >= SERVERS { wire_port(flow - SERVERS) } else { wire_port(flow) }
}

/// Marsaglia's xorshift64, seeded by the flow's number.
struct Random(u64);

impl Random {
    fn new(flow: u32) -> Self {
        let mut random = Self((u64::from(flow) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // Neighbouring seeds part after some rounds.
        for _ in 0..4 {
            random.next();
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
