//! Changes to captures that must not change what is concluded, or only for the worse.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use egret::digest::{Incident, protocol};
use egret::frame::LinkType;

use crate::capture::{Capture, Frame};
use crate::dice::Dice;
use crate::wire::{self, Transport};

impl Capture {
    pub(crate) fn link(&self, frame: &Frame) -> LinkType {
        self.interfaces[usize::from(frame.interface)].link
    }

    /// What a frame carries, innermost last.
    pub(crate) fn transports(&self, frame: &Frame) -> Vec<Transport> {
        wire::read(self.link(frame), &frame.bytes).1
    }

    /// The interface index by which a cooked frame names its place.
    pub(crate) fn place(&self, frame: &Frame) -> Option<u32> {
        wire::read(self.link(frame), &frame.bytes).0.index
    }

    pub(crate) fn places(&self) -> BTreeSet<Option<u32>> {
        self.frames.iter().map(|frame| self.place(frame)).collect()
    }

    /// The capture of a machine whose clock is `nanos` ahead.
    pub(crate) fn shifted(mut self, nanos: i64) -> Self {
        for frame in &mut self.frames {
            frame.time = frame.time.shifted(nanos);
        }
        self
    }

    /// Its first `count` frames, and the rest.
    pub(crate) fn split(self, count: usize) -> [Self; 2] {
        let (mut first, mut second) = (self.clone(), self);
        second.frames = first.frames.split_off(count);
        first.name.push_str(".1");
        second.name.push_str(".2");
        [first, second]
    }

    /// Without one frame in `of`, and saying so.
    pub(crate) fn thinned(self, of: usize, dice: &mut Dice) -> Self {
        let before = self.frames.len();
        let mut thinned = self.retain(|_, _| !dice.one_in(of));
        let lost = before - thinned.frames.len();
        if lost > 0 {
            thinned.incidents.push(Incident::Dropped(lost as u64));
        }
        thinned
    }
}

type Tuple = (u8, SocketAddr, SocketAddr);

/// The initial sequence numbers of a connection's two ends; 0 and none for datagrams, and where no handshake was captured.
#[derive(Debug, Clone, Copy)]
struct Incarnation {
    client: u32,
    server: Option<u32>,
    port: u16,
}

/// Gives every incarnation of the `translated` tuples another source port, or echo identifier: both ways, at every place,
/// and in what ICMP errors quote. Checksums stay as they were. What has neither keeps its tuple.
pub(crate) fn rewrite_ports(captures: &mut [Capture], translated: &BTreeSet<Tuple>, dice: &mut Dice) {
    let mut known: BTreeMap<Tuple, Vec<Incarnation>> = BTreeMap::new();
    let mut taken: BTreeSet<(u8, SocketAddr, u16)> = BTreeSet::new();
    let mut new_port = |tuple: &Tuple, dice: &mut Dice| loop {
        let port = 1024 + dice.below(64_512) as u16;
        if port != tuple.1.port() && taken.insert((tuple.0, tuple.2, port)) {
            return port;
        }
    };
    for tuple in translated.iter().filter(|tuple| tuple.0 != protocol::TCP) {
        let port = new_port(tuple, dice);
        known.insert(*tuple, vec![Incarnation { client: 0, server: None, port }]);
    }
    for (capture, frame) in captures.iter().flat_map(|c| c.frames.iter().map(move |f| (c, f))) {
        for transport in capture.transports(frame) {
            let Some((tuple, is_out)) = direction(&transport, translated) else { continue };
            if transport.is_quoted || !transport.is_syn() {
                continue;
            }
            let client = if is_out { transport.seq } else { transport.ack.wrapping_sub(1) };
            let incarnations = known.entry(tuple).or_default();
            if !incarnations.iter().any(|known| known.client == client) {
                incarnations.push(Incarnation { client, server: None, port: new_port(&tuple, dice) });
            }
            let known = incarnations.iter_mut().find(|known| known.client == client).expect("just entered");
            if !is_out {
                known.server = Some(transport.seq);
            }
        }
    }
    for tuple in translated {
        if !known.contains_key(tuple) {
            let port = new_port(tuple, dice);
            known.insert(*tuple, vec![Incarnation { client: 0, server: None, port }]);
        }
    }
    for capture in captures {
        let links: Vec<LinkType> = capture.interfaces.iter().map(|interface| interface.link).collect();
        for frame in &mut capture.frames {
            for transport in wire::read(links[usize::from(frame.interface)], &frame.bytes).1 {
                let Some((tuple, is_out)) = direction(&transport, translated) else { continue };
                let port = incarnation(&known[&tuple], &transport, is_out).port;
                let Some(at) = transport.port_at(is_out) else { continue };
                frame.bytes[at..at + 2].copy_from_slice(&port.to_be_bytes());
            }
        }
    }
}

/// The translated tuple that a packet belongs to, and whether its client sent it.
fn direction(transport: &Transport, translated: &BTreeSet<Tuple>) -> Option<(Tuple, bool)> {
    let there = (transport.protocol, transport.source, transport.destination);
    let back = (transport.protocol, transport.destination, transport.source);
    if translated.contains(&there) {
        Some((there, true))
    } else {
        translated.contains(&back).then_some((back, false))
    }
}

/// Whose numbers began the least before the packet's.
fn incarnation<'a>(known: &'a [Incarnation], transport: &Transport, is_out: bool) -> &'a Incarnation {
    let distance = |known: &&Incarnation| match (is_out, known.server) {
        (true, _) => transport.seq.wrapping_sub(known.client),
        // A reset that answers a SYN has no number of its own.
        (false, Some(server)) if transport.seq != 0 => transport.seq.wrapping_sub(server),
        (false, _) => transport.ack.wrapping_sub(known.client),
    };
    known.iter().min_by_key(distance).expect("a tuple is entered with its first incarnation")
}
