//! What conntrack's tables tell of tracks: which two are one flow, and where one began of which the wire alone was seen.
//!
//! A table is a moment, and tuples are used again by others. So a translation speaks of a track only if
//! 1. the track's source and destination are exactly those of the translation;
//! 2. no other translation, of whatever table, has the same tuple, be it before or after;
//! 3. the tuple had one incarnation alone, and no other flow contests the track's;
//! 4. where it is known when the table was read, the track can be of that time: a beginning that was seen came before, and a
//!    connection captured from its middle may be older than both. What was over by then, and datagrams, must not be further
//!    from it than entries last ([`LASTS`]).
//!
//! Two tracks are joined by it ([`settle`](Table::settle)) where no packets joined either, both beginnings were not seen, and
//! nothing speaks against it. Whatever rests on a table is probable at best.

use crate::conntrack::Translation;
use crate::flow::join::TRACKS;
use crate::flow::table::Table;
use crate::flow::track::{TrackIndex, known};
use crate::frame::Timestamp;
use crate::net::Endpoint;

/// How long an entry lasts without packets at least, in ns, where no open connection is tracked: the least of the kernel's
/// timeouts (`nf_conntrack_udp_timeout`, `nf_conntrack_icmp_timeout`).
const LASTS: i64 = 30_000_000_000;

/// How far apart the numbers of two tracks of one connection may be, one direction's: what passes between two captures
/// that show no segment in common.
const APART: u32 = 1 << 30;

/// Protocol, source, destination.
type Tuple = (u8, Endpoint, Endpoint);

/// The translations of all tables, by the tuple on the wire.
#[derive(Debug, Default)]
pub struct Translations(Vec<Entry>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    translation: Translation,
    /// When the table was read; `None` where nobody knows.
    read: Option<Timestamp>,
    /// Another translation has one of its tuples.
    is_shared: bool,
}

impl Entry {
    fn original(&self) -> Tuple {
        let (source, destination) = self.translation.original;
        (self.translation.protocol, source, destination)
    }

    fn wire(&self) -> Tuple {
        let (source, destination) = self.translation.wire();
        (self.translation.protocol, source, destination)
    }
}

impl Translations {
    /// Adds those of another table.
    pub fn add(&mut self, translations: Vec<Translation>, read: Option<Timestamp>) {
        let entry = |translation| Entry { translation, read, is_shared: false };
        let entries = &mut self.0;
        entries.extend(translations.into_iter().map(entry));
        // Of equal ones, that of unknown time stays: it excludes nothing.
        entries.sort_unstable_by_key(|entry| (entry.translation, entry.read));
        entries.dedup_by_key(|entry| entry.translation);
        for tuple in [Entry::original, Entry::wire] {
            entries.sort_unstable_by_key(tuple);
            for alike in entries.chunk_by_mut(|one, other| tuple(one) == tuple(other)) {
                let is_shared = alike.len() > 1;
                for entry in alike {
                    entry.is_shared |= is_shared;
                }
            }
        }
    }

    /// The one translation that leads to a tuple.
    fn to_wire(&self, wire: Tuple) -> Option<&Entry> {
        let at = self.0.binary_search_by_key(&wire, Entry::wire).ok()?;
        Some(&self.0[at]).filter(|entry| !entry.is_shared)
    }
}

impl Table {
    /// Source and destination with which a track began before it was translated, once or several times, as tables tell it.
    pub fn told_origin(&self, track: TrackIndex) -> Option<(Endpoint, Endpoint)> {
        if self.translations.0.is_empty() || !self.can_be_told(track) {
            return None;
        }
        let mut told = None;
        let mut tuple = self.tuple(track);
        for _ in 0..TRACKS {
            match self.translations.to_wire(tuple).filter(|entry| self.is_of_time(track, entry.read)) {
                Some(entry) => tuple = entry.original(),
                None => return told,
            }
            told = Some((tuple.1, tuple.2));
        }
        // They lead round in a circle.
        None
    }

    /// Pairs of tracks that tables tell to be one flow, as far as nothing has joined either.
    pub(super) fn told_pairs(&self) -> Vec<(TrackIndex, TrackIndex)> {
        if self.translations.0.is_empty() {
            return Vec::new();
        }
        let open = || {
            let tracks = (0..self.tracks.len() as u32).map(TrackIndex);
            tracks.filter(|t| !self.flow(self.track(*t).flow).is_joined && self.can_be_told(*t))
        };
        let entry = |wire: TrackIndex| self.translations.to_wire(self.tuple(wire)).map(|entry| (entry, wire));
        let mut wires: Vec<(&Entry, TrackIndex)> = open().filter_map(entry).collect();
        wires.sort_unstable_by_key(|(entry, _)| entry.original());
        let pair = |first: TrackIndex| {
            let at = wires.binary_search_by_key(&self.tuple(first), |(entry, _)| entry.original()).ok()?;
            let (entry, wire) = wires[at];
            let fits = |track: TrackIndex| self.is_of_time(track, entry.read);
            (fits(first) && fits(wire) && self.may_go_on(first, wire)).then_some((first, wire))
        };
        if wires.is_empty() { Vec::new() } else { open().filter_map(pair).collect() }
    }

    /// Whether it is certain which conversation a track's tuple means.
    fn can_be_told(&self, track: TrackIndex) -> bool {
        let entry = self.track(track);
        entry.older == TrackIndex::NONE
            && !entry.knows(known::SUPERSEDED)
            && !self.flow(entry.flow).is_contested
    }

    fn tuple(&self, track: TrackIndex) -> Tuple {
        let entry = self.track(track);
        (entry.key.protocol, entry.client(), entry.server())
    }

    /// Whether a table that was read then can have held a track's entry.
    fn is_of_time(&self, track: TrackIndex, read: Option<Timestamp>) -> bool {
        let Some(read) = read else { return true };
        let legs = || self.legs_of(track).map(|(_, leg)| leg);
        let first = legs().map(|leg| leg.first_seen).min().unwrap_or(Timestamp::MAX);
        let last = legs().map(|leg| leg.last_seen).max().unwrap_or(Timestamp::MIN);
        let entry = self.track(track);
        let had_begun =
            if has_begun(self, track) { first < read } else { entry.is_tcp() || first - read < LASTS };
        let is_open = entry.is_tcp() && !entry.is_closed();
        had_begun && (is_open || read - last < LASTS)
    }

    /// Whether one track's packets may be those of the other at another time.
    fn may_go_on(&self, one: TrackIndex, other: TrackIndex) -> bool {
        if has_begun(self, one) && has_begun(self, other) {
            return false;
        }
        let (one, other) = (self.track(one), self.track(other));
        let is_near = |end: u16, a: u32, b: u32| {
            !one.knows(end) || !other.knows(end) || (a.wrapping_sub(b) as i32).unsigned_abs() < APART
        };
        is_near(known::END_OUT, one.end_out, other.end_out)
            && is_near(known::END_BACK, one.end_back, other.end_back)
    }
}

/// Whether a track's beginning was seen, or inferred from its answer.
fn has_begun(table: &Table, track: TrackIndex) -> bool {
    table.track(track).known & (known::SYN | known::CLIENT_ISN) != 0
}
