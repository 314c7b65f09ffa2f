//! The names that payloads and people give to addresses and flows.
//!
//! A destination's name is, in this order, what the flow's client asked for (a TLS server name, an HTTP host), what DNS told
//! before the flow began, or what a hosts file says. Nothing is ever asked of a name server. What is kept:
//! - for each track, the name that its client told, and a hash of how its data begins;
//! - for each point, streams whose beginnings came in several segments (`streams`), and what DNS answered (`answers`);
//! - what `--hosts` files say (`hosts`).
//!
//! Names are shown and serve to link what a proxy took apart ([`kin`](crate::kin)); no verdict rests on one. What is
//! concluded must not depend on how points are interleaved. So all that is bounded is bounded for each point by itself,
//! and where points tell different names, the beginning of a stream counts more than its middle, then the first point.

mod answers;
mod hosts;
mod kubelet;
mod search;
mod streams;

use std::collections::BTreeSet;
use std::hash::BuildHasher as _;

use foldhash::HashMap;
use foldhash::fast::{FixedState, RandomState};
use hashbrown::HashTable;

use crate::decode::hint::{self, Hint, Kind, dns::Message};
use crate::frame::{PointIndex, Timestamp};
use crate::net::Address;
use crate::text::Text;

use answers::Answers;
pub use answers::Asker;
pub use hosts::{Hosts, HostsError};
pub use kubelet::Kubelet;
pub use search::search_domains;
use streams::Streams;

/// Bytes of a stream's beginning that are hashed: they reach into the random number of a TLS hello (RFC 8446 §4.1.2), and a
/// frame cut at 128 bytes mostly has them.
const PRINTED: usize = 64;
/// Beginnings shorter than this say nothing.
const TOO_SHORT: usize = 8;

/// Payload of one direction of a track, as one frame carries it.
#[derive(Debug, Clone, Copy)]
pub struct Stretch<'a> {
    /// The track's number.
    pub track: u32,
    pub point: PointIndex,
    /// Sent by the server.
    pub is_back: bool,
    /// Where its first byte stands, and where the direction's data begins, if that is known.
    pub seq: u32,
    pub start: Option<u32>,
    /// Nothing between the beginning and this was seen yet at its place.
    pub is_early: bool,
    /// So much came before at its place that no name begins here; one that has begun may go on.
    pub is_late: bool,
    /// As much as was captured of it, and how much there was.
    pub payload: &'a [u8],
    pub length: u32,
}

impl Stretch<'_> {
    fn is_start(&self) -> bool {
        self.start == Some(self.seq)
    }

    fn is_whole(&self) -> bool {
        self.payload.len() == self.length as usize
    }
}

/// What came of listening to a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It told no name, and none that counts more than what is known.
    Nothing,
    /// It may be the beginning of more.
    Listening,
    /// A name, in the middle of a stream.
    Middle,
    /// A name, in the beginning of a stream: none will count more.
    Beginning,
}

/// How much a name counts that a track told: less is more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    is_middle: bool,
    point: PointIndex,
}

/// A track's own name.
#[derive(Debug, Clone, Copy)]
struct Told {
    rank: Rank,
    kind: Kind,
    name: u32,
}

#[derive(Debug, Default)]
pub struct Names {
    told: HashMap<u32, Told>,
    /// How each track's data begins, by its number; 0 where that was not seen.
    prints: Vec<u32>,
    known: Vec<Text>,
    by_text: HashTable<u32>,
    hasher: RandomState,
    points: Vec<Point>,
    hosts: Hosts,
}

/// What is kept of one point.
#[derive(Debug, Default)]
struct Point {
    streams: Streams,
    answers: Answers,
}

impl Names {
    pub fn set_hosts(&mut self, hosts: Hosts) {
        self.hosts = hosts;
    }

    /// The name that a track's client told, and by which words.
    pub fn told(&self, track: u32) -> Option<(Kind, &Text)> {
        let told = self.told.get(&track)?;
        Some((told.kind, &self.known[told.name as usize]))
    }

    /// All names that some track told, each once for each kind of words.
    pub fn heard(&self) -> BTreeSet<(Kind, &Text)> {
        self.told.values().map(|told| (told.kind, &self.known[told.name as usize])).collect()
    }

    /// The number of a track's own name: equal names have equal numbers.
    pub fn told_number(&self, track: u32) -> Option<u32> {
        self.told.get(&track).map(|told| told.name)
    }

    /// The name that counts most of those that the tracks of one flow told for their destination.
    pub fn of_destination(&self, tracks: impl Iterator<Item = u32>) -> Option<&Text> {
        tracks
            .filter_map(|track| self.told.get(&track))
            .filter(|told| matches!(told.kind, Kind::Sni | Kind::Host))
            .map(|told| (told.rank, &self.known[told.name as usize]))
            .min()
            .map(|(_, name)| name)
    }

    /// A hash of how a track's data begins; equal beginnings have equal hashes.
    pub fn print(&self, track: u32) -> Option<u32> {
        self.prints.get(track as usize).copied().filter(|print| *print != 0)
    }

    /// What DNS told of an address before it was turned to.
    pub fn answered(&self, address: Address, asker: &Asker<'_>) -> Option<&Text> {
        answers::lookup(
            (0u16..).map(PointIndex).zip(&self.points).map(|(n, point)| (n, &point.answers)),
            address,
            asker,
        )
    }

    /// What a hosts file says of an address.
    pub fn in_hosts(&self, address: Address) -> Option<&Text> {
        self.hosts.name(address)
    }

    /// Whether there is no name at all.
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
            && self.hosts.is_empty()
            && self.points.iter().all(|point| point.answers.is_empty())
    }

    /// Listens to what a client sent.
    pub fn hear_client(&mut self, stretch: &Stretch<'_>) -> Heard {
        if stretch.is_start() {
            self.note_print(stretch.track, stretch.payload, stretch.length);
        }
        let rank = Rank { is_middle: !stretch.is_start(), point: stretch.point };
        if self.told.get(&stretch.track).is_some_and(|told| told.rank <= rank) {
            return Heard::Nothing;
        }
        let streams = &mut self.point(stretch.point).streams;
        if let Some((stream, is_middle)) = streams.add(stretch) {
            let hint = hint::client_name(stream);
            if hint != Hint::More {
                streams.give_up(stretch);
            }
            return self.take_hint(stretch.track, Rank { is_middle, ..rank }, hint);
        }
        if stretch.is_late {
            return Heard::Nothing;
        }
        if hint::may_tell(stretch.payload) {
            let hint = hint::client_name(stretch.payload);
            if hint == Hint::More && stretch.is_whole() {
                streams.begin(stretch, stretch.seq, rank.is_middle);
            }
            return self.take_hint(stretch.track, rank, hint);
        }
        match stretch.start {
            Some(start) if stretch.is_early => {
                streams.begin(stretch, start, false);
                Heard::Listening
            }
            _ => Heard::Nothing,
        }
    }

    fn take_hint(&mut self, track: u32, rank: Rank, hint: Hint<(Kind, Text)>) -> Heard {
        match hint {
            Hint::Told((kind, name)) => self.tell(track, rank, kind, name),
            Hint::More => Heard::Listening,
            Hint::Nothing => Heard::Nothing,
        }
    }

    fn tell(&mut self, track: u32, rank: Rank, kind: Kind, name: Text) -> Heard {
        if self.told.get(&track).is_some_and(|told| told.rank <= rank) {
            return Heard::Nothing;
        }
        let name = self.number(name);
        self.told.insert(track, Told { rank, kind, name });
        if rank.is_middle { Heard::Middle } else { Heard::Beginning }
    }

    /// Listens to a stream from or to a DNS server; `client` is who asks.
    pub fn hear_dns_stream(&mut self, stretch: &Stretch<'_>, client: Address, time: Timestamp) -> Heard {
        let streams = &mut self.point(stretch.point).streams;
        if let Some((stream, _)) = streams.add(stretch) {
            let Some(message) = Message::parse_stream(stream) else { return Heard::Listening };
            let message = Content::of(&message);
            streams.give_up(stretch);
            return self.take_message(stretch, client, time, message);
        }
        if let Some(message) = Message::parse_stream(stretch.payload) {
            return self.take_message(stretch, client, time, Content::of(&message));
        }
        if stretch.is_start() && stretch.is_whole() {
            streams.begin(stretch, stretch.seq, false);
            return Heard::Listening;
        }
        Heard::Nothing
    }

    /// Listens to a datagram from or to a DNS server; `client` is who asks.
    pub fn hear_dns(&mut self, stretch: &Stretch<'_>, client: Address, time: Timestamp) -> Heard {
        match Message::parse(stretch.payload) {
            Some(message) => self.take_message(stretch, client, time, Content::of(&message)),
            None => Heard::Nothing,
        }
    }

    fn take_message(
        &mut self,
        stretch: &Stretch<'_>,
        client: Address,
        time: Timestamp,
        content: Content,
    ) -> Heard {
        if content.name.is_empty() {
            return Heard::Nothing;
        }
        if !content.is_response {
            let rank = Rank { is_middle: false, point: stretch.point };
            return self.tell(stretch.track, rank, Kind::Query, content.name);
        }
        let answers = &mut self.point(stretch.point).answers;
        for address in content.addresses {
            answers.add(address, client, &content.name, time);
        }
        Heard::Nothing
    }

    /// Remembers how a track's data begins. Of several beginnings, the one with the smallest hash.
    pub fn note_print(&mut self, track: u32, payload: &[u8], length: u32) {
        let wanted = PRINTED.min(length as usize);
        let Some(beginning) = payload.get(..wanted).filter(|beginning| beginning.len() >= TOO_SHORT) else {
            return;
        };
        let print = (FixedState::with_seed(0).hash_one(beginning) as u32).max(1);
        let track = track as usize;
        if self.prints.len() <= track {
            self.prints.resize(track + 1, 0);
        }
        let known = self.prints[track];
        self.prints[track] = if known == 0 { print } else { known.min(print) };
    }

    /// Gives tracks their new numbers; what those told that have none is forgotten, names that nobody told any longer
    /// too.
    pub fn renumber(&mut self, new: impl Fn(u32) -> Option<u32>) {
        let told = std::mem::take(&mut self.told);
        self.told = told.into_iter().filter_map(|(track, told)| Some((new(track)?, told))).collect();
        let (mut old, mut kept) = (0, 0);
        self.prints.retain(|_| {
            let track = new(old);
            old += 1;
            kept += u32::from(track.is_some());
            // A list of prints ends with the last that has one: numbers are those of its places.
            debug_assert!(track.is_none_or(|track| track + 1 == kept), "what stays keeps its order");
            track.is_some()
        });
        self.prune();
        for point in &mut self.points {
            point.streams.renumber(&new);
        }
    }

    /// Forgets names that no track told any longer, and numbers the others anew.
    fn prune(&mut self) {
        let mut numbers = vec![None; self.known.len()];
        let old = std::mem::take(&mut self.known);
        self.by_text.clear();
        let mut told: Vec<&mut Told> = self.told.values_mut().collect();
        told.sort_unstable_by_key(|told| told.name);
        let mut known = Vec::new();
        for told in told {
            let number = numbers[told.name as usize].get_or_insert_with(|| {
                known.push(old[told.name as usize].clone());
                known.len() as u32 - 1
            });
            told.name = *number;
        }
        let Self { by_text, hasher, .. } = self;
        for number in 0..known.len() as u32 {
            let hash = hasher.hash_one(&known[number as usize]);
            by_text.insert_unique(hash, number, |n| hasher.hash_one(&known[*n as usize]));
        }
        self.known = known;
    }

    fn point(&mut self, point: PointIndex) -> &mut Point {
        let index = usize::from(point.0);
        if self.points.len() <= index {
            self.points.resize_with(index + 1, Point::default);
        }
        &mut self.points[index]
    }

    fn number(&mut self, name: Text) -> u32 {
        let Self { known, by_text, hasher, .. } = self;
        let hash = hasher.hash_one(&name);
        if let Some(number) = by_text.find(hash, |n| known[*n as usize] == name) {
            return *number;
        }
        let number = known.len() as u32;
        known.push(name);
        by_text.insert_unique(hash, number, |n| hasher.hash_one(&known[*n as usize]));
        number
    }
}

/// What is taken from a DNS message.
struct Content {
    is_response: bool,
    name: Text,
    addresses: smallvec::SmallVec<[Address; 8]>,
}

impl Content {
    fn of(message: &Message<'_>) -> Self {
        let addresses = message.addresses();
        let is_response = message.is_response();
        let is_of_use = !is_response || !addresses.is_empty();
        Self { is_response, name: if is_of_use { message.name() } else { Text::default() }, addresses }
    }
}

#[cfg(test)]
mod tests;
