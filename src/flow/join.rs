//! Joins the tracks that one flow leaves on either side of a NAT.
//!
//! NAT rewrites addresses and perhaps ports, and nothing else. Two tracks are the same flow when
//! 1. a SYN of each has the same initial sequence number and the same IP identification (a *print*), or
//! 2. both directions' initial sequence numbers are equal in both (a *pair*);
//!
//! and nothing speaks against it: their servers' numbers, where both are known, are equal; the timestamps of their SYNs are
//! those of one packet, or of it and its retry; in one clock domain the print was seen within [`SYN_WINDOW`]; and no SYN of
//! two tracks of the flow was seen at one sight ([`is_same_sight`](crate::flow::Leg::is_same_sight)), for a packet
//! passes there once. But a SYN and its retry are two packets, which NAT may give two ports.
//!
//! A track whose beginning was not seen is joined by its segments: at once inside one clock domain (`recent`), over
//! several when all are known (`weigh`). So are datagrams.
//!
//! Neither ports nor destinations are compared: NAT may rewrite both. Where several flows fit a print, the nearest in time
//! wins inside one clock domain (`probable`); across domains time says nothing, so they stay apart and are
//! marked as contested, whichever came first. Work is done for handshakes alone, over at most
//! `PROBES` entries.

use std::hash::BuildHasher as _;

use hashbrown::HashTable;
use smallvec::SmallVec;

use crate::flow::forget::Renumbered;
use crate::flow::leg::{Leg, shown};
use crate::flow::table::{FlowIndex, Sighting, Table};
use crate::flow::track::{Track, TrackIndex, known};
use crate::frame::Timestamp;

/// How far apart one SYN may be seen within one clock domain, in ns. A node passes packets on within
/// microseconds; a SYN that comes again after a second is a retry with an identification of its own.
pub const SYN_WINDOW: i64 = 1_000_000_000;

/// Entries with one print that are looked at.
const PROBES: usize = 16;

/// Tracks of one flow: a client, a Service, a router, two NATs and the far side are six.
pub(super) const TRACKS: u8 = 8;

/// A print seen: by which track, where and when.
#[derive(Debug, Clone, Copy)]
struct Entry {
    print: [u32; 2],
    /// Milliseconds of the time it was seen, modulo 2³².
    millis: u32,
    track: TrackIndex,
    /// The entry with the same print before this.
    next: u32,
    point: u16,
    is_contested: bool,
}

const END: u32 = u32::MAX;

/// From what NAT keeps to the tracks that carry it.
#[derive(Debug, Default)]
pub struct Index {
    /// The newest entry of each print.
    newest: HashTable<u32>,
    entries: Vec<Entry>,
    /// One track for each pair of initial sequence numbers.
    pairs: HashTable<TrackIndex>,
    hasher: foldhash::fast::RandomState,
}

impl Index {
    pub fn syn_print(isn: u32, ip_id: u16) -> u64 {
        u64::from(isn) << 16 | u64::from(ip_id)
    }

    /// The tracks that showed a print, newest first, at most `PROBES`.
    pub fn tracks_with(&self, print: u64) -> impl Iterator<Item = TrackIndex> + '_ {
        self.entries_with(print).map(|entry| self.entries[entry as usize].track)
    }

    fn entries_with(&self, print: u64) -> impl Iterator<Item = u32> + '_ {
        let wanted = halves(print);
        let newest = self
            .newest
            .find(self.hasher.hash_one(print), |e| self.entries[*e as usize].print == wanted)
            .copied();
        std::iter::successors(newest, |e| {
            let next = self.entries[*e as usize].next;
            (next != END).then_some(next)
        })
        .take(PROBES)
    }

    fn insert(&mut self, print: u64, track: TrackIndex, seen: &Sighting<'_>, is_contested: bool) {
        self.enter(Entry {
            print: halves(print),
            millis: millis(seen.time),
            track,
            next: END,
            point: seen.point.0,
            is_contested,
        });
    }

    fn enter(&mut self, mut entry: Entry) {
        let Self { newest, entries, hasher, .. } = self;
        let new = entries.len() as u32;
        let wanted = entry.print;
        let whole = |[high, low]: [u32; 2]| u64::from(high) << 32 | u64::from(low);
        let hash = hasher.hash_one(whole(wanted));
        entry.next = END;
        if let Some(head) = newest.find_mut(hash, |e| entries[*e as usize].print == wanted) {
            entry.next = *head;
            *head = new;
        } else {
            newest.insert_unique(hash, new, |e| hasher.hash_one(whole(entries[*e as usize].print)));
        }
        entries.push(entry);
    }

    /// Prints that were seen, each as often as tracks showed it.
    pub(super) fn prints(&self) -> usize {
        self.entries.len()
    }

    /// The track of each of them.
    pub(super) fn printed(&self) -> impl Iterator<Item = TrackIndex> + '_ {
        self.entries.iter().map(|entry| entry.track)
    }

    /// Gives the tracks their new numbers; what those showed that are gone goes.
    pub(super) fn renumber(&mut self, new: &Renumbered) {
        self.newest.clear();
        let mut old = std::mem::take(&mut self.entries);
        old.retain_mut(|entry| new.track(entry.track).inspect(|new| entry.track = *new).is_some());
        if old.len() < old.capacity() / 4 {
            old.shrink_to(old.len() * 2);
        }
        // Entered again in their order, they are chained as they were.
        self.entries.reserve(old.len());
        for entry in old {
            self.enter(entry);
        }
        self.pairs.retain(|track| new.track(*track).inspect(|new| *track = *new).is_some());
    }

    /// The track entered for a pair of initial sequence numbers.
    pub fn track_with_pair(&self, tracks: &[Track], client: u32, server: u32) -> Option<TrackIndex> {
        let hash = self.hasher.hash_one((client, server));
        self.pairs
            .find(hash, |t| {
                let track = &tracks[t.0 as usize];
                track.client_isn == client && track.server_isn == server
            })
            .copied()
    }

    fn insert_pair(&mut self, tracks: &[Track], track: TrackIndex) {
        let pair = |t: &TrackIndex| {
            let track = &tracks[t.0 as usize];
            (track.client_isn, track.server_isn)
        };
        let Self { pairs, hasher, .. } = self;
        pairs.insert_unique(hasher.hash_one(pair(&track)), track, |t| hasher.hash_one(pair(t)));
    }
}

fn halves(print: u64) -> [u32; 2] {
    [(print >> 32) as u32, print as u32]
}

/// Whether the timestamps of two SYNs can be of one conversation: those of one packet are equal; those of a SYN and its
/// retry are as far apart as the client's clock, which ticks every 1 to 10 ms, moves between the two: a few ticks where the
/// client tries again at once, having refused what answered it.
fn is_one_clock(one: &Track, other: &Track) -> bool {
    const RETRIES: std::ops::Range<u32> = 1..600_000;
    if !one.knows(known::SYN_TIMESTAMP) || !other.knows(known::SYN_TIMESTAMP) {
        return true;
    }
    let apart = one.syn_timestamp.wrapping_sub(other.syn_timestamp);
    let apart = apart.min(apart.wrapping_neg());
    apart == 0 || (one.syn_ip_id != other.syn_ip_id && RETRIES.contains(&apart))
}

/// Whether two tracks began with different packets of one number: a SYN, and the same sent again.
fn is_syn_and_retry(one: &Track, other: &Track) -> bool {
    one.knows(known::SYN)
        && other.knows(known::SYN)
        && one.client_isn == other.client_isn
        && one.syn_ip_id != other.syn_ip_id
        && one.syn_ip_id != 0
        && other.syn_ip_id != 0
}

/// Whether a print is more than one number that somebody chose: with an IP identification it is.
fn is_sure(print: u64) -> bool {
    print & 0xffff != 0
}

fn millis(time: Timestamp) -> u32 {
    (time.nanos() / 1_000_000) as u32
}

/// Whether two tracks can be one flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    Yes,
    /// They show different packets: they are two conversations.
    No,
    /// They share a sight: two conversations, of which either may belong to a third track.
    Rival,
}

/// A flow that shares a print with a track.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    flow: FlowIndex,
    fit: Fit,
    /// Nearest sighting of the print inside the track's clock domain, in ms; `None` where all were elsewhere.
    nearest: Option<u32>,
    is_contested: bool,
}

impl Candidate {
    fn is_near(&self, window: i64) -> bool {
        self.nearest.is_none_or(|ms| i64::from(ms) * 1_000_000 <= window)
    }
}

impl Table {
    /// Joins a track to the flow that shows the same print, if there is one and nothing speaks against it.
    pub(super) fn join_by_print(&mut self, track: TrackIndex, print: u64, seen: &Sighting<'_>) {
        let Some(candidates) = self.candidates(track, print, seen) else { return };
        let fitting = || candidates.iter().filter(|c| c.fit == Fit::Yes && c.is_near(SYN_WINDOW));
        let near = fitting().filter(|c| c.nearest.is_some()).min_by_key(|c| c.nearest);
        let mut is_contested = false;
        match (fitting().count(), near) {
            (0, _) => {
                let reaching =
                    candidates.iter().any(|c| c.fit == Fit::Rival && self.flow(c.flow).is_reaching);
                if reaching {
                    self.index.insert(print, track, seen, true);
                    self.contest(print);
                    return;
                }
                is_contested = candidates.iter().any(|c| c.is_contested);
            }
            (fitting, Some(near)) => self.unite(track, near.flow, fitting == 1 && is_sure(print)),
            (1, None) if !candidates.iter().any(|c| c.is_contested) => {
                let other = fitting().next().expect("counted one just before").flow;
                self.unite(track, other, is_sure(print));
                let flow = self.track(track).flow;
                self.flows[flow.0 as usize].is_reaching = true;
            }
            (_, None) => {
                self.index.insert(print, track, seen, true);
                self.contest(print);
                return;
            }
        }
        self.index.insert(print, track, seen, is_contested);
        if is_contested {
            let flow = self.track(track).flow;
            self.flows[flow.0 as usize].is_contested = true;
        }
    }

    /// The flows that show a print; `None` if the track itself showed it before.
    fn candidates(
        &self,
        track: TrackIndex,
        print: u64,
        seen: &Sighting<'_>,
    ) -> Option<SmallVec<[Candidate; 4]>> {
        let mut candidates: SmallVec<[Candidate; 4]> = SmallVec::new();
        let own = self.track(track).flow;
        for entry in self.index.entries_with(print) {
            let entry = &self.index.entries[entry as usize];
            if entry.track == track {
                return None;
            }
            let flow = self.track(entry.track).flow;
            if flow == own {
                continue;
            }
            let away = millis(seen.time).wrapping_sub(entry.millis);
            let nearest = (entry.point == seen.point.0).then_some(away.min(away.wrapping_neg()));
            if let Some(known) = candidates.iter_mut().find(|c| c.flow == flow) {
                known.nearest = known.nearest.into_iter().chain(nearest).min();
                known.is_contested |= entry.is_contested;
                continue;
            }
            let fit = self.fit(own, flow);
            candidates.push(Candidate { flow, fit, nearest, is_contested: entry.is_contested });
        }
        Some(candidates)
    }

    /// Whether two flows can be one.
    fn fit(&self, a: FlowIndex, b: FlowIndex) -> Fit {
        if !self.has_room(a, b) {
            return Fit::No;
        }
        let mut fit = Fit::Yes;
        for one in self.tracks_of(a) {
            for other in self.tracks_of(b) {
                match self.fit_tracks(one, other) {
                    Fit::No => return Fit::No,
                    Fit::Rival => fit = Fit::Rival,
                    Fit::Yes => {}
                }
            }
        }
        fit
    }

    fn fit_tracks(&self, a: TrackIndex, b: TrackIndex) -> Fit {
        let (one, other) = (self.track(a), self.track(b));
        if one.key.protocol != other.key.protocol {
            return Fit::No;
        }
        if one.knows(known::SERVER_ISN)
            && other.knows(known::SERVER_ISN)
            && one.server_isn != other.server_isn
        {
            return Fit::No;
        }
        if !is_one_clock(one, other) {
            return Fit::No;
        }
        if one.key == other.key {
            return Fit::Rival;
        }
        if is_syn_and_retry(one, other) {
            return Fit::Yes;
        }
        // What strayed to a place where the right SYN passed does not make another conversation of it.
        let has_passed = |leg: &Leg| leg.has_shown(shown::SYN);
        let shares_sight = self
            .legs_of(a)
            .filter(|(_, leg)| has_passed(leg))
            .any(|(_, leg)| self.legs_of(b).any(|(_, its)| has_passed(its) && leg.is_same_sight(its)));
        if shares_sight { Fit::Rival } else { Fit::Yes }
    }

    /// Whether nothing that is known of two tracks speaks against their being one flow, the packets that both showed left
    /// aside.
    pub(super) fn can_be_one_flow(&self, a: TrackIndex, b: TrackIndex) -> bool {
        let (one, other) = (self.track(a), self.track(b));
        let have_begun = one.knows(known::CLIENT_ISN) && other.knows(known::CLIENT_ISN);
        self.fit_tracks(a, b) == Fit::Yes && !(have_begun && one.client_isn != other.client_isn)
    }

    /// Takes a track, whose server has just answered, out of a flow in which another server did: equal prints had misled.
    pub(super) fn part_from_strangers(&mut self, track: TrackIndex) {
        let (flow, server) = (self.track(track).flow, self.track(track).server_isn);
        let is_stranger = |other: &Track| other.knows(known::SERVER_ISN) && other.server_isn != server;
        if !self.tracks_of(flow).any(|other| is_stranger(self.track(other))) {
            return;
        }
        let tracks = self.take_apart(flow);
        let mut others = tracks.iter().copied().filter(|other| *other != track);
        if let Some(first) = others.next() {
            for other in others {
                let kept = self.track(first).flow;
                self.unite(other, kept, false);
            }
        }
        for track in tracks {
            self.mark_changed(track);
        }
    }

    /// Joins a track, whose server has just answered, to the flow with the same pair of initial sequence numbers.
    pub(super) fn join_by_pair(&mut self, track: TrackIndex) {
        let entry = self.track(track);
        let (client, server) = (entry.client_isn, entry.server_isn);
        let Some(other) = self.index.track_with_pair(&self.tracks, client, server) else {
            self.index.insert_pair(&self.tracks, track);
            return;
        };
        let (own, its) = (self.track(track).flow, self.track(other).flow);
        if own != its && self.fit(own, its) == Fit::Yes {
            self.unite(track, its, true);
            let flow = self.track(track).flow;
            self.flows[flow.0 as usize].is_contested = false;
        }
    }

    /// Whether two flows together have no more tracks than a flow may have.
    pub(super) fn has_room(&self, a: FlowIndex, b: FlowIndex) -> bool {
        self.flow(a).tracks + self.flow(b).tracks <= TRACKS
    }

    /// Makes one flow of a track's and another.
    pub(super) fn unite(&mut self, track: TrackIndex, other: FlowIndex, is_sure: bool) {
        let own = self.track(track).flow;
        let (kept, gone) = if own < other { (own, other) } else { (other, own) };
        let mut at = self.flow(gone).head;
        while at != TrackIndex::NONE {
            self.tracks[at.0 as usize].flow = kept;
            self.mark_changed(at);
            at = self.track(at).next_in_flow;
        }
        let joined = self.flow(gone).clone();
        let tail = self.flow(kept).tail;
        self.tracks[tail.0 as usize].next_in_flow = joined.head;
        let flow = &mut self.flows[kept.0 as usize];
        flow.tail = joined.tail;
        flow.tracks += joined.tracks;
        flow.is_joined = true;
        flow.is_probable |= joined.is_probable || !is_sure;
        flow.is_reaching |= joined.is_reaching;
        flow.is_contested |= joined.is_contested;
        flow.is_told |= joined.is_told;
        let head = flow.head;
        self.retire(gone);
        self.mark_changed(head);
    }

    fn retire(&mut self, flow: FlowIndex) {
        let gone = &mut self.flows[flow.0 as usize];
        gone.head = TrackIndex::NONE;
        gone.tail = TrackIndex::NONE;
        gone.tracks = 0;
        self.free.push(flow);
        if self.has_reader {
            self.gone.push(flow);
        }
    }

    /// Takes apart every flow that shows a print across clock domains, and puts together again what is beyond doubt: equal
    /// pairs, and what was near in time within one domain. The rest stays contested.
    fn contest(&mut self, print: u64) {
        let entries: SmallVec<[u32; PROBES]> = self.index.entries_with(print).collect();
        let mut flows: SmallVec<[FlowIndex; PROBES]> =
            entries.iter().map(|e| self.track(self.index.entries[*e as usize].track).flow).collect();
        flows.sort_unstable();
        flows.dedup();
        let mut tracks: SmallVec<[TrackIndex; PROBES]> = SmallVec::new();
        for flow in flows {
            tracks.extend(self.take_apart(flow));
        }
        for entry in &entries {
            self.index.entries[*entry as usize].is_contested = true;
        }
        for (n, one) in tracks.iter().enumerate() {
            for other in &tracks[..n] {
                let (own, its) = (self.track(*one).flow, self.track(*other).flow);
                if own == its {
                    continue;
                }
                if self.is_pair(*one, *other) && self.fit(own, its) == Fit::Yes {
                    self.unite(*one, its, true);
                } else if self.is_near(&entries, *one, *other, SYN_WINDOW) && self.fit(own, its) == Fit::Yes {
                    self.unite(*one, its, false);
                }
            }
        }
        for track in tracks {
            let flow = self.track(track).flow;
            let is_answered = self.flow(flow).is_joined && self.track(track).knows(known::SERVER_ISN);
            self.flows[flow.0 as usize].is_contested = !is_answered;
            self.mark_changed(track);
        }
    }

    /// Gives every track of a flow a flow of its own.
    fn take_apart(&mut self, flow: FlowIndex) -> SmallVec<[TrackIndex; 8]> {
        let tracks: SmallVec<[TrackIndex; 8]> = self.tracks_of(flow).collect();
        self.retire(flow);
        for track in &tracks {
            let own = self.open_flow(*track);
            let entry = &mut self.tracks[track.0 as usize];
            entry.flow = own;
            entry.next_in_flow = TrackIndex::NONE;
        }
        tracks
    }

    fn is_pair(&self, a: TrackIndex, b: TrackIndex) -> bool {
        let (one, other) = (self.track(a), self.track(b));
        let both = known::CLIENT_ISN | known::SERVER_ISN;
        one.knows(both)
            && other.knows(both)
            && (one.client_isn, one.server_isn) == (other.client_isn, other.server_isn)
    }

    /// Whether two tracks showed the print within the window, in one clock domain.
    fn is_near(&self, entries: &[u32], a: TrackIndex, b: TrackIndex, window: i64) -> bool {
        let of = |track: TrackIndex| {
            entries.iter().map(|e| self.index.entries[*e as usize]).filter(move |e| e.track == track)
        };
        of(a).any(|one| {
            of(b).any(|other| {
                let away = one.millis.wrapping_sub(other.millis);
                let away = away.min(away.wrapping_neg());
                one.point == other.point && i64::from(away) * 1_000_000 <= window
            })
        })
    }

    /// Flows that compete with a contested one for its tracks; itself left out.
    pub fn rivals_of(&self, flow: FlowIndex) -> SmallVec<[FlowIndex; 8]> {
        let mut rivals: SmallVec<[FlowIndex; 8]> = SmallVec::new();
        for track in self.tracks_of(flow) {
            let entry = self.track(track);
            let by_signs = self.rivals_by_signs(track).filter(|rival| self.can_be_one_flow(track, *rival));
            rivals.extend(by_signs.map(|t| self.track(t).flow).filter(|f| *f != flow));
            if !entry.is_tcp() || !entry.knows(known::SYN) {
                continue;
            }
            let print = Index::syn_print(entry.client_isn, entry.syn_ip_id);
            rivals.extend(self.index.tracks_with(print).map(|t| self.track(t).flow).filter(|f| *f != flow));
        }
        rivals.sort_unstable();
        rivals.dedup();
        rivals.retain(|rival| self.fit(flow, *rival) != Fit::No);
        rivals
    }
}
