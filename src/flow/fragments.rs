//! Later fragments of datagrams: they have no ports, and belong to the track of their first.
//!
//! NAT keeps the identification of a datagram, and its fragments have one in common with both addresses and the protocol
//! (RFC 791 §3.2, RFC 8200 §4.5). A leg counts *datagrams*: a first fragment like a whole datagram, later ones by their
//! bytes alone. So places that show a datagram whole and places that show it in pieces count alike.
//!
//! A later fragment where its first was *not* seen tells something: a node that does not put datagrams together has let it
//! pass untranslated, or the first was lost. It waits until a snapshot is asked for. If its first was seen nowhere, it says
//! nothing; if at another place, it counts as a datagram where it was itself seen, on the track of its first.
//!
//! Each point has a cache of its own, of bounded size and age, so it makes no difference how points are interleaved.

use std::collections::VecDeque;

use foldhash::HashMap;

use crate::decode;
use crate::digest::{Digest, Motion, Piece};
use crate::flow::forget::Renumbered;
use crate::flow::leg::{MacIndex, PlaceIndex, TunnelIndex};
use crate::flow::owners::PIECES;
use crate::flow::table::{Sighting, Table};
use crate::flow::track::TrackIndex;
use crate::frame::{PointIndex, Timestamp};
use crate::net::Address;

/// Datagrams of a point whose fragments may still come: a gigabit per second has some hundreds of them at a time.
const FIRSTS: usize = 4096;

/// Datagrams of a point of which later fragments wait for their first.
const WAITING: usize = 256;

/// How long a datagram's fragments may be apart, in ns: receivers wait for 60 s at most (RFC 8200 §4.5).
const LIFETIME: i64 = 60_000_000_000;

/// What the fragments of one datagram have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Name {
    source: Address,
    destination: Address,
    protocol: u8,
    id: u32,
}

type At = (PlaceIndex, TunnelIndex);

/// A first fragment that was seen.
#[derive(Debug)]
struct First {
    track: TrackIndex,
    reversed: bool,
    time: Timestamp,
    /// Where it was seen, or is counted because of a later one.
    places: Vec<At>,
    /// How often its name stands in [`Cache::order`].
    entered: usize,
}

/// Places of a first fragment that are told apart.
const PLACES: usize = 16;

/// Later fragments of one datagram at one place.
#[derive(Debug, Clone)]
struct Tail {
    name: Name,
    at: At,
    time: Timestamp,
    ordinal: u64,
    bytes: u64,
    ttl: u8,
    motion: Motion,
    tunnel_reversed: bool,
    source_mac: MacIndex,
    destination_mac: MacIndex,
    /// The numbers of all its frames, if somebody asks whose they are.
    frames: Vec<u64>,
    /// Of all of them.
    marks: u8,
}

/// The fragments of one point.
#[derive(Debug, Default)]
struct Cache {
    firsts: HashMap<Name, First>,
    /// Names in the order in which they were entered; some twice.
    order: VecDeque<Name>,
    waiting: VecDeque<Tail>,
}

impl Cache {
    fn first(&mut self, name: Name, time: Timestamp) -> Option<&mut First> {
        self.firsts.get_mut(&name).filter(|first| is_near(first.time, time))
    }

    fn enter(&mut self, name: Name, track: TrackIndex, reversed: bool, time: Timestamp, at: At) {
        if let Some(known) = self.first(name, time)
            && known.track == track
            && known.reversed == reversed
            && !known.places.contains(&at)
            && known.places.len() < PLACES
        {
            known.places.push(at);
            return;
        }
        // The same name again at one place is another datagram: the newest wins.
        let entered = self.firsts.get(&name).map_or(0, |known| known.entered) + 1;
        self.firsts.insert(name, First { track, reversed, time, places: vec![at], entered });
        self.order.push_back(name);
        if self.order.len() > FIRSTS
            && let Some(oldest) = self.order.pop_front()
            && let Some(first) = self.firsts.get_mut(&oldest)
        {
            first.entered -= 1;
            if first.entered == 0 {
                self.firsts.remove(&oldest);
            }
        }
    }
}

fn is_near(one: Timestamp, other: Timestamp) -> bool {
    (-LIFETIME..=LIFETIME).contains(&(one - other))
}

/// The fragments of every point.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    caches: Vec<Cache>,
}

impl Fragments {
    /// Gives the tracks their new numbers; first fragments of those that are gone are forgotten.
    pub(super) fn renumber(&mut self, new: &Renumbered) {
        for Cache { firsts, order, .. } in &mut self.caches {
            firsts.retain(|_, first| new.track(first.track).inspect(|new| first.track = *new).is_some());
            order.retain(|name| firsts.contains_key(name));
        }
    }

    /// No fragment that waits has met anything that is asked of frames.
    pub(super) fn forget_marks(&mut self) {
        self.caches.iter_mut().flat_map(|cache| &mut cache.waiting).for_each(|tail| tail.marks = 0);
    }

    fn of(&mut self, point: PointIndex) -> &mut Cache {
        let index = usize::from(point.0);
        if index >= self.caches.len() {
            self.caches.resize_with(index + 1, Cache::default);
        }
        &mut self.caches[index]
    }
}

fn name(digest: &Digest, piece: Piece) -> Name {
    Name {
        source: digest.source().address,
        destination: digest.destination().address,
        protocol: digest.key.protocol,
        id: piece.id,
    }
}

impl Table {
    /// Remembers that a frame of `track` was the first fragment of a datagram, and adds to its leg those that came before.
    pub(super) fn first_fragment(
        &mut self,
        seen: &Sighting<'_>,
        digest: &Digest,
        piece: Piece,
        track: TrackIndex,
    ) {
        let (name, at) = (name(digest, piece), (seen.place, seen.tunnel));
        let cache = self.fragments.of(seen.point);
        cache.enter(name, track, digest.reversed, seen.time, at);
        let is_its = |tail: &Tail| tail.name == name && tail.at == at && is_near(tail.time, seen.time);
        let before = cache.waiting.iter().position(is_its).and_then(|index| cache.waiting.remove(index));
        if let Some(tail) = before {
            let leg = self.leg_at(track, seen);
            self.legs[leg.0 as usize].note_bytes(tail.time, tail.bytes);
            if let Some(owners) = &mut self.owners {
                owners.note_late(seen.point, &tail.frames, track);
            }
            self.tracks[track.0 as usize].marks |= tail.marks;
        }
    }

    /// Takes in a later fragment; returns the track of its first, if that was seen there before.
    pub(super) fn later_fragment(
        &mut self,
        seen: &Sighting<'_>,
        digest: &Digest,
        piece: Piece,
    ) -> TrackIndex {
        let is_followed = self.owners.is_some();
        let (name, at) = (name(digest, piece), (seen.place, seen.tunnel));
        let bytes = u64::from(seen.original);
        let cache = self.fragments.of(seen.point);
        if let Some(first) = cache.first(name, seen.time)
            && first.places.contains(&at)
        {
            let track = first.track;
            let leg = self.leg_at(track, seen);
            self.legs[leg.0 as usize].note_bytes(seen.time, bytes);
            self.tracks[track.0 as usize].marks |= digest.marks;
            self.mark_changed(track);
            return track;
        }
        let is_its = |tail: &&mut Tail| tail.name == name && tail.at == at && is_near(tail.time, seen.time);
        if let Some(known) = cache.waiting.iter_mut().find(is_its) {
            known.bytes += bytes;
            if is_followed && known.frames.len() < PIECES {
                known.frames.push(seen.ordinal);
            }
            known.marks |= digest.marks;
            return TrackIndex::NONE;
        }
        let (source, destination) = decode::link_addresses(seen.bytes, seen.link);
        let tail = Tail {
            name,
            at,
            time: seen.time,
            ordinal: seen.ordinal,
            bytes,
            ttl: digest.ttl,
            motion: digest.motion,
            tunnel_reversed: digest.tunnel_reversed,
            source_mac: self.intern(source),
            destination_mac: self.intern(destination),
            frames: if is_followed { vec![seen.ordinal] } else { Vec::new() },
            marks: digest.marks,
        };
        let waiting = &mut self.fragments.of(seen.point).waiting;
        if waiting.len() == WAITING {
            waiting.pop_front();
        }
        waiting.push_back(tail);
        TrackIndex::NONE
    }

    /// Counts the later fragments whose first was seen at another place, if it is known which track is theirs.
    pub(super) fn settle_fragments(&mut self) {
        for point in 0..self.fragments.caches.len() as u16 {
            let waiting = std::mem::take(&mut self.fragments.caches[usize::from(point)].waiting);
            for tail in waiting {
                match self.first_of(PointIndex(point), &tail) {
                    Some((track, reversed)) => self.count_tail(PointIndex(point), &tail, track, reversed),
                    None => self.fragments.caches[usize::from(point)].waiting.push_back(tail),
                }
            }
        }
    }

    /// The track of a tail's first, and its direction: by its own point, else where all others agree. Their clocks do not
    /// tell when.
    fn first_of(&mut self, point: PointIndex, tail: &Tail) -> Option<(TrackIndex, bool)> {
        if let Some(first) = self.fragments.of(point).first(tail.name, tail.time) {
            return Some((first.track, first.reversed));
        }
        let firsts = self.fragments.caches.iter().filter_map(|cache| cache.firsts.get(&tail.name));
        let mut firsts = firsts.map(|first| (first.track, first.reversed));
        let one = firsts.next()?;
        firsts.all(|other| other == one).then_some(one)
    }

    fn count_tail(&mut self, point: PointIndex, tail: &Tail, track: TrackIndex, reversed: bool) {
        let (place, tunnel) = tail.at;
        let leg = self.leg_where(track, point, tail.at, (tail.time, tail.ordinal, reversed));
        let is_out = self.track(track).is_out(reversed);
        let leg = &mut self.legs[leg.0 as usize];
        debug_assert_eq!((leg.place, leg.tunnel), (place, tunnel));
        if is_out {
            leg.introduce(tail.ttl, tail.source_mac, tail.destination_mac, tail.tunnel_reversed);
            leg.note_motion(tail.motion);
        } else if leg.out == 0 && leg.back == 0 {
            leg.ttl = tail.ttl;
        }
        leg.count(is_out, tail.time, 0);
        leg.note_bytes(tail.time, tail.bytes);
        self.tracks[track.0 as usize].marks |= tail.marks;
        self.mark_changed(track);
        self.fragments.of(point).enter(tail.name, track, reversed, tail.time, tail.at);
        if let Some(owners) = &mut self.owners {
            owners.note_late(point, &tail.frames, track);
        }
    }
}
