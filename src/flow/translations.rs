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
//! Where this machine's kernel is followed, it is known whose turn a tuple was at every time (`turns`). Then rules 2 and 3 give way to that,
//! and 4 to the turn's own time; but only for tracks of which all frames were captured by that machine, whose clock they have.
//! Where both kinds speak of a track, they must agree.
//!
//! Two tracks are joined by it ([`settle`](Table::settle)) where no packets joined either, both beginnings were not seen, and
//! nothing speaks against it. Whatever rests on a table is probable at best.

use crate::conntrack::Translation;
use crate::conntrack::news::News;
use crate::flow::join::TRACKS;
use crate::flow::table::Table;
use crate::flow::track::{TrackIndex, known};
use crate::flow::turns::{Answer, Followed, Span, TurnIndex, Turns};
use crate::frame::{PointIndex, Timestamp};
use crate::net::Endpoint;

/// How long an entry lasts without packets at least, in ns, where no open connection is tracked: the least of the kernel's
/// timeouts (`nf_conntrack_udp_timeout`, `nf_conntrack_icmp_timeout`).
const LASTS: i64 = 30_000_000_000;

/// How far apart the numbers of two tracks of one connection may be, one direction's: what passes between two captures
/// that show no segment in common.
const APART: u32 = 1 << 30;

/// Protocol, source, destination.
pub(super) type Tuple = (u8, Endpoint, Endpoint);

/// The translations of all tables, and those that the kernel told of.
#[derive(Debug, Default)]
pub struct Translations {
    /// By the tuple on the wire.
    tables: Vec<Entry>,
    turns: Turns,
    /// Points that the machine captures whose kernel is followed.
    here: Vec<PointIndex>,
}

/// What tells a translation.
#[derive(Debug, Clone, Copy)]
enum Told {
    /// A table, and when that was read.
    Table(Option<Timestamp>),
    Turn(TurnIndex),
}

/// A translation that may have led to a tuple cannot be told from others.
struct Doubt;

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
        let entries = &mut self.tables;
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
        let at = self.tables.binary_search_by_key(&wire, Entry::wire).ok()?;
        Some(&self.tables[at]).filter(|entry| !entry.is_shared)
    }

    /// Tells of a point that its frames have the clock of the kernel that is followed.
    pub fn follow_at(&mut self, point: PointIndex) {
        self.here.push(point);
    }

    /// How much the kernel has told.
    pub fn followed(&self) -> Followed {
        self.turns.followed()
    }

    fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.turns.is_empty()
    }
}

impl Table {
    /// Takes in what the kernel told.
    pub fn take_news(&mut self, news: &[News]) {
        self.unsettle();
        for one in news {
            self.translations.turns.take_in(one);
        }
    }

    /// Has those flows looked at again of which there is news.
    pub(super) fn mark_told_again(&mut self) {
        if !self.translations.turns.has_news() {
            return;
        }
        for track in (0..self.tracks.len() as u32).map(TrackIndex) {
            if self.translations.turns.has_news_of(self.tuple(track), TRACKS) {
                self.mark_changed(track);
            }
        }
        self.translations.turns.mark_known();
    }

    /// Lets go of translations that were over for `keep` ns, as the kernel told, if there are many more than there were.
    pub fn let_go_of_turns(&mut self, keep: i64) {
        if !self.translations.turns.has_grown() {
            return;
        }
        let mut turns = std::mem::take(&mut self.translations.turns);
        let first = |track| Some((self.tuple(track), self.span_here(track)?.first));
        let first_frames = (0..self.tracks.len() as u32).map(TrackIndex).filter_map(first);
        let since = turns.latest().shifted(keep.saturating_neg());
        turns.let_go(since, first_frames);
        self.translations.turns = turns;
    }

    /// Source and destination with which a track began before it was translated, once or several times, as tables tell it.
    pub fn told_origin(&self, track: TrackIndex) -> Option<(Endpoint, Endpoint)> {
        if self.translations.is_empty() {
            return None;
        }
        let mut told = None;
        let mut tuple = self.tuple(track);
        for _ in 0..TRACKS {
            match self.led_to(track, tuple) {
                Ok(Some((translation, _))) => tuple = original(&translation),
                Ok(None) => return told,
                Err(Doubt) => return None,
            }
            told = Some((tuple.1, tuple.2));
        }
        // They lead round in a circle.
        None
    }

    /// The translation that led to a tuple at the time of a track.
    fn led_to(&self, track: TrackIndex, wire: Tuple) -> Result<Option<(Translation, Told)>, Doubt> {
        let table = self
            .translations
            .to_wire(wire)
            .filter(|entry| self.can_be_told(track) && self.is_of_time(track, entry.read));
        let table = table.map(|entry| (entry.translation, Told::Table(entry.read)));
        let turns = &self.translations.turns;
        let Some(span) = self.span_here(track).filter(|_| !turns.is_empty()) else { return Ok(table) };
        match (turns.of(wire, span, |read| self.is_of_time(track, Some(read))), table) {
            (Answer::Doubtful, _) => Err(Doubt),
            (Answer::Nobodys, table) => Ok(table),
            (Answer::Turn(turn), table) => {
                let translation = *turns.translation(turn);
                let agrees = table.is_none_or(|(other, _)| other == translation);
                if agrees { Ok(Some((translation, Told::Turn(turn)))) } else { Err(Doubt) }
            }
        }
    }

    /// When a track was seen, if it was seen only where frames have the clock of the kernel that is followed, and if it is nobody
    /// else's.
    fn span_here(&self, track: TrackIndex) -> Option<Span> {
        let here = &self.translations.here;
        if here.is_empty() || self.flow(self.track(track).flow).is_contested {
            return None;
        }
        let (mut first, mut last) = (Timestamp::MAX, Timestamp::MIN);
        for (_, leg) in self.legs_of(track) {
            if !here.contains(&self.point_of(leg)) {
                return None;
            }
            (first, last) = (first.min(leg.first_seen), last.max(leg.last_seen));
        }
        (first <= last).then(|| Span { first, last, has_begun: has_begun(self, track) })
    }

    /// Pairs of tracks that tables tell to be one flow, as far as nothing has joined either.
    pub(super) fn told_pairs(&self) -> Vec<(TrackIndex, TrackIndex)> {
        if self.translations.is_empty() {
            return Vec::new();
        }
        let open = || {
            let tracks = (0..self.tracks.len() as u32).map(TrackIndex);
            tracks.filter(|t| !self.flow(self.track(*t).flow).is_joined && self.can_be_told(*t))
        };
        let entry = |wire: TrackIndex| {
            let (translation, told) = self.led_to(wire, self.tuple(wire)).ok()??;
            Some((original(&translation), told, wire))
        };
        let mut wires: Vec<(Tuple, Told, TrackIndex)> = open().filter_map(entry).collect();
        wires.sort_unstable_by_key(|(original, _, wire)| (*original, *wire));
        // One that became two things is neither.
        let alone: Vec<_> =
            wires.chunk_by(|one, other| one.0 == other.0).filter(|of_one| of_one.len() == 1).collect();
        let pair = |first: TrackIndex| {
            let at = alone.binary_search_by_key(&self.tuple(first), |of_one| of_one[0].0).ok()?;
            let (_, told, wire) = alone[at][0];
            let fits = match told {
                Told::Table(read) => self.is_of_time(first, read),
                Told::Turn(turn) => {
                    let span = self.span_here(first);
                    span.is_some_and(|span| self.translations.turns.can_have_made(turn, span))
                }
            };
            (fits && self.may_go_on(first, wire)).then_some((first, wire))
        };
        if alone.is_empty() { Vec::new() } else { open().filter_map(pair).collect() }
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

fn original(translation: &Translation) -> Tuple {
    let (source, destination) = translation.original;
    (translation.protocol, source, destination)
}

/// Whether a track's beginning was seen, or inferred from its answer.
fn has_begun(table: &Table, track: TrackIndex) -> bool {
    table.track(track).known & (known::SYN | known::CLIENT_ISN) != 0
}
