//! Whose turn a tuple was, and when: conntrack's entries as the kernel told of them while frames were captured.
//!
//! A tuple on the wire belongs to one entry after the other. What is kept of each turn is when it began and when it was over,
//! as well as that is known ([`When`]). Frames of a conversation's first packet follow the beginning of its entry: the kernel
//! enters it before the packet leaves. So
//!
//! 1. **a connection whose beginning was seen** is that of the entry that began just before: at most [`DELAY`] before, which is what
//!    a full queue keeps a packet back for. Of several, the last that had begun counts, for it has replaced the others; unless the
//!    others began so shortly before ([`LATE`]), or it is known so badly when the last began ([`NARROW`]), that the
//!    connection may be theirs;
//! 2. **what was under way** (a connection from its middle, datagrams) is that of the entry whose turn it was all the time from the
//!    first frame to the last. An entry that stood in the table from the beginning must be of that time, as with every table
//!    (`translations`).
//!
//! Where turns of several origins may be meant, none is. An entry that translates nothing takes its turn, too. Zones are looked at one by
//! one for who replaces whom, and together for whose a frame may be. What began while news were lost, or was under way then,
//! may be anybody's; and what stood then counts as over.
//!
//! All times are of one clock, that of the machine whose kernel told: who asks sees to it that frames have that clock.

use std::hash::BuildHasher as _;

use foldhash::HashSet;
use hashbrown::HashTable;
use smallvec::SmallVec;

use crate::conntrack::news::{Entry, News, When};
use crate::conntrack::{LIMIT, Translation};
use crate::flow::translations::Tuple;
use crate::frame::Timestamp;

/// How long after its entry began a connection's first frame may come, in ns.
const DELAY: i64 = 1_000_000_000;

/// …where an entry of another began meanwhile: as long as a packet is on its way through a machine that does nothing else.
const LATE: i64 = 20_000_000;

/// How exactly it must be known when an entry began, in ns, if another one may have had its tuple just before.
const NARROW: i64 = 100_000_000;

/// Turns of one tuple that are looked at: where more may be meant, none is.
const TURNS: usize = 1024;

/// Times at which news were lost that are told apart.
const LOSSES: usize = 1024;

/// Tuples of which there is news, at most; beyond, there is of all.
const FRESH: usize = 1 << 16;

/// Turns that are let pass before any is let go of.
const FEW: usize = 8192;

/// How long after that none is let go of again, in ns.
const BREATH: i64 = 1_000_000_000;

/// Index of a turn; those that began later have larger ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TurnIndex(u32);

const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Turn {
    translation: Translation,
    zone: u16,
    /// It stood in the table when following began.
    has_stood: bool,
    /// Another turn followed, for which there was no room.
    has_unknown_heir: bool,
    begun: When,
    /// [`When::NEVER`] while it stands.
    over: When,
    /// The turn of the same tuple before.
    before: u32,
}

/// The part of a track's life that frames showed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    /// It begins with a connection's beginning.
    pub(super) has_begun: bool,
}

/// Whose turn it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// No entry is known that it can have been.
    Nobodys,
    /// That of one or the other, or of nobody knows whom.
    Doubtful,
    Turn(TurnIndex),
}

/// What was told so far, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Followed {
    /// Translations that stood in the table when following began.
    pub stood: u64,
    /// …and that began since.
    pub begun: u64,
    /// Translations for which there was no room.
    pub beyond: u64,
    /// Times at which the kernel told more than could be read.
    pub losses: u64,
    /// From the first to the last of them.
    pub lost: Option<When>,
    /// Translations that were over long ago and are no longer known.
    pub let_go: u64,
}

#[derive(Debug, Default)]
pub(super) struct Turns {
    list: Vec<Turn>,
    /// By tuple on the wire: the newest turn.
    newest: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
    lost: Vec<When>,
    /// Turns before this one are over.
    lost_up_to: usize,
    /// Tuples of which something was told since that was last asked, or all of them.
    fresh: HashSet<Tuple>,
    is_all_fresh: bool,
    /// Turns that stayed when any were last let go of.
    stayed: usize,
    /// …and when that was.
    looked: Timestamp,
    latest: Timestamp,
    followed: Followed,
}

impl Turns {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty() && self.lost.is_empty()
    }

    pub(super) fn followed(&self) -> Followed {
        self.followed
    }

    /// The time of what was told last.
    pub(super) fn latest(&self) -> Timestamp {
        self.latest
    }

    /// Takes in what the kernel told, in its order.
    pub(super) fn take_in(&mut self, news: &News) {
        match *news {
            News::Stood(entry, when) => self.begin(entry, when, true),
            News::Begun(entry, when) => {
                self.latest = self.latest.max(when.until);
                self.begin(entry, when, false);
            }
            News::Ended(entry, when) => {
                self.latest = self.latest.max(when.until);
                self.end(entry, when);
            }
            News::Lost(when) => {
                self.latest = self.latest.max(when.since);
                self.followed.losses += 1;
                let lost = self.followed.lost.get_or_insert(when);
                lost.until = lost.until.max(when.until);
                self.lose(when);
            }
        }
    }

    fn begin(&mut self, entry: Entry, begun: When, has_stood: bool) {
        let wire = wire(&entry.translation);
        let newest = self.newest(wire);
        let same_zone = |turn: &&u32| self.list[**turn as usize].zone == entry.zone;
        let replaced = self.chain(newest).take(TURNS).find(|turn| same_zone(&turn));
        if !entry.translation.rewrites() && replaced.is_none() {
            return;
        }
        if let Some(replaced) = replaced.map(|turn| &mut self.list[turn as usize])
            && replaced.over == When::NEVER
        {
            replaced.over = begun;
        }
        if entry.translation.rewrites() {
            *if has_stood { &mut self.followed.stood } else { &mut self.followed.begun } += 1;
        }
        if self.list.len() >= LIMIT {
            self.followed.beyond += 1;
            if let Some(newest) = newest {
                self.list[newest as usize].has_unknown_heir = true;
                self.freshen(wire);
            }
            return;
        }
        let at = self.list.len() as u32;
        let Entry { translation, zone } = entry;
        self.list.push(Turn {
            translation,
            zone,
            has_stood,
            begun,
            has_unknown_heir: false,
            over: When::NEVER,
            before: newest.unwrap_or(NONE),
        });
        self.enter(at, newest);
        self.freshen(wire);
    }

    fn end(&mut self, entry: Entry, over: When) {
        let wire = wire(&entry.translation);
        let is_it = |turn: &u32| {
            let turn = &self.list[*turn as usize];
            turn.zone == entry.zone && turn.translation == entry.translation
        };
        let ended = self.chain(self.newest(wire)).take(TURNS).find(is_it);
        if let Some(ended) = ended {
            self.list[ended as usize].over = over;
            self.freshen(wire);
        }
    }

    fn lose(&mut self, when: When) {
        for turn in self.list[self.lost_up_to..].iter_mut().filter(|turn| turn.over == When::NEVER) {
            turn.over = when;
        }
        self.lost_up_to = self.list.len();
        let are_many = self.lost.len() == LOSSES;
        match self.lost.last_mut() {
            Some(last) if last.until >= when.since || are_many => {
                last.until = last.until.max(when.until);
            }
            _ => self.lost.push(when),
        }
        self.is_all_fresh = true;
        self.fresh.clear();
    }

    fn freshen(&mut self, wire: Tuple) {
        if self.is_all_fresh {
            return;
        }
        self.fresh.insert(wire);
        if self.fresh.len() > FRESH {
            self.is_all_fresh = true;
            self.fresh.clear();
        }
    }

    /// Whether there is news, since that was last said to be known.
    pub(super) fn has_news(&self) -> bool {
        self.is_all_fresh || !self.fresh.is_empty()
    }

    /// Whether there is news of a tuple, or of one that it was made of, in at most `depth` translations.
    pub(super) fn has_news_of(&self, tuple: Tuple, depth: u8) -> bool {
        let Some(newest) = self.newest(tuple) else { return false };
        let made_of = |turn: u32| original(&self.list[turn as usize].translation);
        self.is_all_fresh
            || self.fresh.contains(&tuple)
            || (depth > 0
                && self
                    .chain(Some(newest))
                    .take(TURNS)
                    .any(|turn| made_of(turn) != tuple && self.has_news_of(made_of(turn), depth - 1)))
    }

    pub(super) fn mark_known(&mut self) {
        self.is_all_fresh = false;
        self.fresh.clear();
    }

    pub(super) fn translation(&self, turn: TurnIndex) -> &Translation {
        &self.list[turn.0 as usize].translation
    }

    /// The turn that a tuple on the wire belonged to, throughout a span; `is_of_time` tells of one that stood in the table whether
    /// it can have been in it when that was read.
    pub(super) fn of(&self, wire: Tuple, span: Span, is_of_time: impl Fn(Timestamp) -> bool) -> Answer {
        let newest = self.newest(wire);
        let has_heir = |turn: u32| self.list[turn as usize].has_unknown_heir;
        let answer = if self.chain(newest).take(TURNS).any(has_heir) {
            Answer::Doubtful
        } else if span.has_begun {
            self.begun_then(newest, span.first)
        } else {
            self.under_way(newest, span, is_of_time)
        };
        match answer {
            // Whose turn it is, while nothing is translated, is the same as nobody's.
            Answer::Turn(turn) if !self.translation(turn).rewrites() => Answer::Nobodys,
            answer => answer,
        }
    }

    /// Rule 1.
    fn begun_then(&self, newest: Option<u32>, first: Timestamp) -> Answer {
        let mut fitting: SmallVec<[u32; 8]> = SmallVec::new();
        let mut former = None;
        for (n, at) in self.chain(newest).enumerate() {
            if n == TURNS {
                return Answer::Doubtful;
            }
            let turn = &self.list[at as usize];
            if turn.begun.since > first {
                continue;
            }
            if turn.begun.until.shifted(DELAY) < first {
                former = Some(at);
                break;
            }
            fitting.push(at);
        }
        let Some(last) = fitting.first().copied() else {
            return if self.was_lost(first.shifted(-LATE), first) {
                Answer::Doubtful
            } else {
                Answer::Nobodys
            };
        };
        let its = &self.list[last as usize];
        let is_replaced = |n: usize| {
            let turn = &self.list[fitting[n] as usize];
            fitting[..n].iter().map(|at| &self.list[*at as usize]).any(|later| {
                later.zone == turn.zone
                    && (later.begun.until <= first || turn.begun.until.shifted(LATE) < first)
            })
        };
        let is_other = |at: u32| self.list[at as usize].translation != its.translation;
        let has_rival = (1..fitting.len()).any(|n| is_other(fitting[n]) && !is_replaced(n));
        // An entry that others had before may have been used until it was over.
        let had_others = fitting[1..]
            .iter()
            .copied()
            .chain(former)
            .any(|at| is_other(at) && self.list[at as usize].over.until.shifted(LATE) >= first);
        let is_vague = its.begun.width() > NARROW && had_others;
        let is_lost = self.was_lost_since(its.begun.since, first);
        if has_rival || is_vague || is_lost { Answer::Doubtful } else { Answer::Turn(TurnIndex(last)) }
    }

    /// Rule 2.
    fn under_way(&self, newest: Option<u32>, span: Span, is_of_time: impl Fn(Timestamp) -> bool) -> Answer {
        let mut turns: SmallVec<[u32; 8]> = SmallVec::new();
        for (n, at) in self.chain(newest).enumerate() {
            if n == TURNS {
                return Answer::Doubtful;
            }
            let turn = &self.list[at as usize];
            if turn.begun.since <= span.last && turn.over.until.shifted(LATE) >= span.first {
                turns.push(at);
            }
        }
        let Some((last, first)) = turns.first().zip(turns.last()) else {
            let may_be_lost = self.was_lost(Timestamp::MIN, span.last);
            return if may_be_lost { Answer::Doubtful } else { Answer::Nobodys };
        };
        let its = &self.list[*last as usize];
        let earliest = &self.list[*first as usize];
        let are_one = turns.iter().all(|at| self.list[*at as usize].translation == its.translation);
        let known_since = if earliest.has_stood { earliest.begun.until } else { earliest.begun.since };
        let has_stood_then = !earliest.has_stood || is_of_time(earliest.begun.until);
        if !are_one || self.was_lost(known_since, span.last) {
            Answer::Doubtful
        } else if earliest.begun.since > span.first || !has_stood_then {
            Answer::Nobodys
        } else {
            Answer::Turn(TurnIndex(*last))
        }
    }

    /// Whether a span, of packets that were not translated yet, can be of a turn.
    pub(super) fn can_have_made(&self, turn: TurnIndex, span: Span) -> bool {
        let turn = &self.list[turn.0 as usize];
        if span.has_begun {
            span.first <= turn.begun.until
                && (turn.has_stood || span.first >= turn.begun.since.shifted(-DELAY))
        } else {
            span.first <= turn.over.until && span.last >= turn.begun.since
        }
    }

    /// Whether news were lost between two times.
    fn was_lost(&self, since: Timestamp, until: Timestamp) -> bool {
        self.lost.iter().any(|lost| lost.since <= until && lost.until > since)
    }

    /// Whether news were lost after an entry can have begun, or shortly before.
    fn was_lost_since(&self, begun: Timestamp, first: Timestamp) -> bool {
        self.lost.iter().any(|lost| lost.since <= first && lost.until > begun.max(first.shifted(-DELAY)))
    }

    /// Whether it is time to let go of turns.
    pub(super) fn has_grown(&self) -> bool {
        let many = (self.stayed + self.stayed.max(FEW)).min(LIMIT);
        self.list.len() >= many && self.latest - self.looked >= BREATH
    }

    /// Lets go of the turns that were over before `since`, and before any frame that is still known of their tuple.
    pub(super) fn let_go(
        &mut self,
        since: Timestamp,
        first_frames: impl Iterator<Item = (Tuple, Timestamp)>,
    ) {
        let mut wanted: foldhash::HashMap<Tuple, Timestamp> = foldhash::HashMap::default();
        for (tuple, first) in first_frames.filter(|(tuple, _)| self.newest(*tuple).is_some()) {
            let earliest = wanted.entry(tuple).or_insert(first);
            *earliest = (*earliest).min(first);
        }
        let list = std::mem::take(&mut self.list);
        self.newest.clear();
        for turn in list {
            let wire = wire(&turn.translation);
            let first = wanted.get(&wire).map_or(since, |first| first.shifted(-2 * DELAY).min(since));
            if turn.over.until < first {
                self.followed.let_go += u64::from(turn.translation.rewrites());
                continue;
            }
            let (at, newest) = (self.list.len() as u32, self.newest(wire));
            self.list.push(Turn { before: newest.unwrap_or(NONE), ..turn });
            self.enter(at, newest);
        }
        self.stayed = self.list.len();
        self.lost_up_to = 0;
        self.looked = self.latest;
    }

    fn hash(&self, wire: Tuple) -> u64 {
        self.hasher.hash_one(wire)
    }

    fn newest(&self, tuple: Tuple) -> Option<u32> {
        let is_it = |at: &u32| wire(&self.list[*at as usize].translation) == tuple;
        self.newest.find(self.hash(tuple), is_it).copied()
    }

    /// Enters a turn as its tuple's newest, in the place of the one that was.
    fn enter(&mut self, at: u32, newest: Option<u32>) {
        let Self { list, newest: table, hasher, .. } = self;
        let hash = |at: &u32| hasher.hash_one(wire(&list[*at as usize].translation));
        match newest.and_then(|newest| table.find_mut(hash(&at), |known| *known == newest)) {
            Some(known) => *known = at,
            None => {
                table.insert_unique(hash(&at), at, hash);
            }
        }
    }

    /// A turn and those of its tuple before, newest first.
    fn chain(&self, newest: Option<u32>) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(newest, |at| {
            let before = self.list[*at as usize].before;
            (before != NONE).then_some(before)
        })
    }
}

fn wire(translation: &Translation) -> Tuple {
    let (source, destination) = translation.wire();
    (translation.protocol, source, destination)
}

fn original(translation: &Translation) -> Tuple {
    let (source, destination) = translation.original;
    (translation.protocol, source, destination)
}

#[cfg(test)]
mod tests;
