//! The flow table: every track, leg and flow of a run, and what a digest does to them.
//!
//! A batch is taken in three sweeps: find the tracks of its frames, touch their legs, then update. The first two
//! change nothing; they bring the memory that the third needs into the cache, many misses at a time. What a TCP segment
//! says is taken in by `segment`, which of a 5-tuple's tracks it belongs to is told by `incarnation`.

use foldhash::HashMap;
use smallvec::SmallVec;

use crate::decode;
use crate::digest::{Batch, Digest, Head, Key, Kind, LocalTunnel, Piece, tcp as flag};
use crate::flow::challenge::Doubt;
use crate::flow::datagram::client_by_content;
use crate::flow::errors::Errors;
use crate::flow::fragments::Fragments;
use crate::flow::join::Index;
use crate::flow::leg::{Facing, Leg, LegIndex, MacIndex, PlaceIndex, TunnelIndex};
use crate::flow::owners::Owners;
use crate::flow::recent::Recent;
use crate::flow::sign::Signs;
use crate::flow::slots::Slots;
use crate::flow::track::{Track, TrackIndex, client_by_ports, known};
use crate::flow::translations::Translations;
use crate::flow::weigh::Weighed;
use crate::frame::{LinkType, PointIndex, Timestamp};
use crate::names::Names;
use crate::net::Mac;

pub use crate::flow::errors::IcmpSeen;

/// Index of a flow in [`Table::flows`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowIndex(pub u32);

/// One end-to-end conversation: a chain of tracks. A flow that was joined into another has no tracks.
#[derive(Debug, Clone)]
pub struct Flow {
    pub head: TrackIndex,
    pub tail: TrackIndex,
    pub tracks: u8,
    /// How its tracks were found to be one; `false` is [`Method::SameTuple`](crate::snapshot::Method).
    pub is_joined: bool,
    /// Some join rests on evidence that others could share.
    pub is_probable: bool,
    /// Some join reached over points by a print alone: the first rival dissolves it.
    pub is_reaching: bool,
    /// Other flows fit its tracks equally.
    pub is_contested: bool,
    /// Conntrack's tables alone tell that its tracks are one.
    pub is_told: bool,
}

/// Where a batch's frames come from, in the run's own numbers.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    pub point: PointIndex,
    /// The number, within the point, of the batch's first frame.
    pub first_ordinal: u64,
    /// The run's number of each of the point's places and tunnels (`tunnels[0]` is tunnel 1).
    pub places: &'a [PlaceIndex],
    pub tunnels: &'a [TunnelIndex],
    /// The link type of each of the point's interfaces.
    pub links: &'a [LinkType],
}

/// One frame in the hands of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sighting<'a> {
    pub place: PlaceIndex,
    pub point: PointIndex,
    pub tunnel: TunnelIndex,
    pub time: Timestamp,
    pub ordinal: u64,
    pub original: u32,
    /// It travels from the key's high end.
    pub reversed: bool,
    pub bytes: &'a [u8],
    pub link: LinkType,
}

/// Legs of one track: a packet passes some ten places on its way through two nodes. A track that shows more was made to
/// cost time; its last leg stands for the rest, and nothing is concluded from it.
const LEGS: u32 = 64;

/// Frames swept together: what they touch (about 300 bytes each) fits a level-2 cache many times over.
const SWEEP: usize = 256;

#[derive(Debug)]
pub struct Table {
    pub tracks: Vec<Track>,
    pub legs: Vec<Leg>,
    pub flows: Vec<Flow>,
    /// What payloads told, by the numbers of tracks.
    pub names: Names,
    /// What conntrack told.
    pub translations: Translations,
    /// Tracks changed since they were last asked for; each once.
    pub(super) changed: Vec<TrackIndex>,
    pub(super) index: Index,
    pub(super) free: Vec<FlowIndex>,
    /// Flows that ended by being joined or taken apart since a reader last asked.
    pub(super) gone: Vec<FlowIndex>,
    /// Somebody has asked for changes before, and must hear of flows that ended.
    pub(super) has_reader: bool,
    /// The point of each place.
    pub(super) points: Vec<PointIndex>,
    pub(super) slots: Slots,
    pub(super) recent: Recent,
    /// Which incarnation a place is at, for 5-tuples that had more than one.
    pub(super) current: HashMap<(Key, PlaceIndex, TunnelIndex), TrackIndex>,
    pub(super) retries: HashMap<LegIndex, SmallVec<[Timestamp; 2]>>,
    pub(super) errors: HashMap<TrackIndex, SmallVec<[IcmpSeen; 2]>>,
    /// What was acknowledged at legs where nothing but a SYN was sent (`challenge`).
    pub(super) doubted: HashMap<LegIndex, Doubt>,
    /// Of legs whose client is a guess.
    pub(super) facing: HashMap<LegIndex, Facing>,
    pub(super) waiting_errors: Errors,
    pub(super) fragments: Fragments,
    pub(super) signs: Signs,
    pub(super) weighed: Weighed,
    /// Points that frames will come from, as far as they were told.
    pub(super) expected_points: usize,
    pub(super) macs: HashMap<Mac, MacIndex>,
    pub(super) found: Vec<TrackIndex>,
    /// Whose each frame is, if somebody asks.
    pub(super) owners: Option<Box<Owners>>,
    pub(super) hasher: foldhash::fast::RandomState,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            tracks: Vec::new(),
            legs: Vec::new(),
            flows: Vec::new(),
            names: Names::default(),
            translations: Translations::default(),
            changed: Vec::new(),
            index: Index::default(),
            free: Vec::new(),
            gone: Vec::new(),
            has_reader: false,
            points: Vec::new(),
            slots: Slots::default(),
            recent: Recent::default(),
            current: HashMap::default(),
            retries: HashMap::default(),
            errors: HashMap::default(),
            doubted: HashMap::default(),
            facing: HashMap::default(),
            waiting_errors: Errors::default(),
            fragments: Fragments::default(),
            signs: Signs::default(),
            weighed: Weighed::default(),
            expected_points: 0,
            macs: HashMap::default(),
            found: vec![TrackIndex::NONE; SWEEP],
            owners: None,
            hasher: foldhash::fast::RandomState::default(),
        }
    }
}

impl Table {
    /// Makes a point known, before anything of it is taken in. Segments that could be joined over points are kept only where
    /// there is more than one.
    pub fn add_point(&mut self) {
        self.expected_points += 1;
    }

    /// Makes a place known; its index is the number of those before it.
    pub fn add_place(&mut self, point: PointIndex) {
        self.points.push(point);
    }

    pub fn point_of(&self, leg: &Leg) -> PointIndex {
        self.points[leg.place.0 as usize]
    }

    /// The flows that there are: not those that went into others.
    pub fn standing_flows(&self) -> impl Iterator<Item = FlowIndex> + '_ {
        let flows = (0..).map(FlowIndex).zip(&self.flows);
        flows.filter(|(_, flow)| flow.tracks > 0).map(|(index, _)| index)
    }

    /// The tracks of a flow, in the order in which they were joined.
    pub fn tracks_of(&self, flow: FlowIndex) -> impl Iterator<Item = TrackIndex> + '_ {
        let first = self.flows[flow.0 as usize].head;
        std::iter::successors((first != TrackIndex::NONE).then_some(first), |t| {
            let next = self.track(*t).next_in_flow;
            (next != TrackIndex::NONE).then_some(next)
        })
    }

    /// The legs of a track, in the order of their first frames: by point, then by number. How points were interleaved
    /// makes no difference to it.
    pub fn legs_of(&self, track: TrackIndex) -> impl Iterator<Item = (LegIndex, &Leg)> + '_ {
        let first = self.track(track).first_leg;
        std::iter::successors((first != LegIndex::NONE).then_some(first), |l| {
            let next = self.leg(*l).next;
            (next != LegIndex::NONE).then_some(next)
        })
        .map(|l| (l, self.leg(l)))
    }

    pub fn track(&self, track: TrackIndex) -> &Track {
        &self.tracks[track.0 as usize]
    }

    pub fn leg(&self, leg: LegIndex) -> &Leg {
        &self.legs[leg.0 as usize]
    }

    pub fn flow(&self, flow: FlowIndex) -> &Flow {
        &self.flows[flow.0 as usize]
    }

    /// When the client's SYN was sent again at a leg, at most the first eight times.
    pub fn retries(&self, leg: LegIndex) -> &[Timestamp] {
        self.retries.get(&leg).map_or(&[], |times| times)
    }

    /// The flows that ended since the last call: what was said of their numbers is void, even where a number is in use again.
    pub fn take_gone(&mut self) -> Vec<FlowIndex> {
        self.has_reader = true;
        std::mem::take(&mut self.gone)
    }

    /// The flows that changed since the last call, each once, ascending.
    pub fn take_changed(&mut self) -> Vec<FlowIndex> {
        let mut flows: Vec<_> = Vec::with_capacity(self.changed.len());
        for track in std::mem::take(&mut self.changed) {
            let track = &mut self.tracks[track.0 as usize];
            track.is_changed = false;
            flows.push(track.flow);
        }
        flows.sort_unstable();
        flows.dedup();
        flows
    }

    /// No frame so far has met anything that is asked of frames, not even one whose track is not known yet.
    pub fn forget_marks(&mut self) {
        self.tracks.iter_mut().for_each(|track| track.marks = 0);
        self.fragments.forget_marks();
        self.waiting_errors.forget_marks();
    }

    /// Takes in a batch.
    pub fn ingest(&mut self, batch: &Batch, origin: &Origin<'_>) {
        self.unsettle();
        let mut ordinal = origin.first_ordinal;
        let mut errors = batch.icmp_errors.iter().map(|(_, error)| *error);
        let mut pieces = batch.fragments.iter().peekable();
        let mut index = 0;
        if let Some(owners) = &mut self.owners {
            owners.begin_batch();
        }
        for (digests, heads) in batch.digests.chunks(SWEEP).zip(batch.heads.chunks(SWEEP)) {
            self.warm(digests, origin.point);
            for (n, (digest, head)) in digests.iter().zip(heads).enumerate() {
                let piece = pieces.next_if(|(at, _)| *at == index).map(|(_, piece)| *piece);
                let mut track = TrackIndex::NONE;
                if digest.kind != Kind::Other {
                    let seen = sighting(batch, origin, digest, head, ordinal);
                    track = match digest.kind {
                        Kind::IcmpError => errors
                            .next()
                            .map_or(TrackIndex::NONE, |error| self.icmp_error(&seen, digest, error)),
                        _ => self.packet(&seen, digest, self.found[n], piece),
                    };
                }
                if let Some(owners) = &mut self.owners {
                    owners.note(track);
                }
                ordinal += 1;
                index += 1;
            }
        }
    }

    /// Takes in a packet of a conversation, or a part of one; `found` is its track, as far as the sweep knew. Returns the track,
    /// if that can be told.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "once for nearly every frame, from one place")]
    fn packet(
        &mut self,
        seen: &Sighting<'_>,
        digest: &Digest,
        found: TrackIndex,
        piece: Option<Piece>,
    ) -> TrackIndex {
        let track = match digest.kind {
            Kind::Tcp => self.segment(seen, digest, found),
            Kind::Udp | Kind::Sctp | Kind::Echo | Kind::Opaque => self.datagram(seen, digest, found),
            Kind::Tail => {
                return piece.map_or(TrackIndex::NONE, |piece| self.later_fragment(seen, digest, piece));
            }
            Kind::IcmpError | Kind::Other => return TrackIndex::NONE,
        };
        self.tracks[track.0 as usize].marks |= digest.marks;
        if let Some(piece) = piece.filter(|piece| piece.more && piece.offset == 0) {
            self.first_fragment(seen, digest, piece, track);
        }
        track
    }

    /// Finds the tracks of up to [`SWEEP`] frames, and brings tracks, legs and what passed lately into the cache.
    fn warm(&mut self, digests: &[Digest], point: PointIndex) {
        let mut touched = 0;
        for digest in digests {
            touched ^= self.slots.peek(digest.hash).0;
        }
        for (digest, found) in digests.iter().zip(&mut self.found) {
            *found = if digest.kind == Kind::Other {
                TrackIndex::NONE
            } else {
                self.slots
                    .find(digest.hash, |t| self.tracks[t.0 as usize].key == digest.key)
                    .unwrap_or(TrackIndex::NONE)
            };
        }
        for (digest, found) in digests.iter().zip(&self.found) {
            let Some(track) = self.tracks.get(found.0 as usize) else { continue };
            if let Some(leg) = self.legs.get(track.first_leg.0 as usize) {
                touched ^= leg.out ^ leg.next.0;
            }
            if digest.kind == Kind::Tcp && track.is_out(digest.reversed) {
                touched ^= self.recent.warm(digest, point);
            }
        }
        std::hint::black_box(touched);
    }

    /// The newest track with the digest's key, given what the sweep found before this batch changed the table.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "two comparisons for nearly every frame, from several places")]
    pub(super) fn newest(&self, digest: &Digest, found: TrackIndex) -> Option<TrackIndex> {
        if found != TrackIndex::NONE && !self.track(found).knows(known::SUPERSEDED) {
            return Some(found);
        }
        self.slots.find(digest.hash, |t| self.track(t).key == digest.key)
    }

    /// Opens a track, and a flow for it; `older` had its 5-tuple before.
    pub(super) fn open(&mut self, digest: &Digest, older: Option<TrackIndex>) -> TrackIndex {
        let track = TrackIndex(self.tracks.len() as u32);
        let flow = self.open_flow(track);
        let mut entry = Track::new(digest.key, flow, older.unwrap_or(TrackIndex::NONE));
        if client_is_high(digest) {
            entry.known |= known::CLIENT_HIGH;
        }
        if client_by_content(digest).is_some() {
            entry.known |= known::CLIENT;
        }
        self.tracks.push(entry);
        if let Some(owners) = &mut self.owners {
            owners.add_track();
        }
        match older {
            None => self.slots.insert(digest.hash, track),
            Some(older) => {
                if self.track(older).older == TrackIndex::NONE {
                    let places: SmallVec<[_; 4]> =
                        self.legs_of(older).map(|(_, leg)| (leg.place, leg.tunnel)).collect();
                    for (place, tunnel) in places {
                        self.current.insert((digest.key, place, tunnel), older);
                    }
                }
                self.tracks[older.0 as usize].known |= known::SUPERSEDED;
                self.slots.replace(digest.hash, older, track);
            }
        }
        track
    }

    pub(super) fn open_flow(&mut self, track: TrackIndex) -> FlowIndex {
        let flow = Flow {
            head: track,
            tail: track,
            tracks: 1,
            is_joined: false,
            is_probable: false,
            is_reaching: false,
            is_contested: false,
            is_told: false,
        };
        if let Some(free) = self.free.pop() {
            self.flows[free.0 as usize] = flow;
            return free;
        }
        self.flows.push(flow);
        FlowIndex(self.flows.len() as u32 - 1)
    }

    /// The track's leg at the frame's place and tunnel, opened if this is its first frame.
    #[inline]
    pub(super) fn leg_at(&mut self, track: TrackIndex, seen: &Sighting<'_>) -> LegIndex {
        self.tracks[track.0 as usize].is_stirred = true;
        self.leg_where(track, seen.point, (seen.place, seen.tunnel), (seen.time, seen.ordinal, seen.reversed))
    }

    /// The track's leg at a place and in a tunnel; `first` is the (time, number, direction along the key) of the frame
    /// that opens it if there was none.
    #[inline]
    pub(super) fn leg_where(
        &mut self,
        track: TrackIndex,
        point: PointIndex,
        at_place: (PlaceIndex, TunnelIndex),
        first: (Timestamp, u64, bool),
    ) -> LegIndex {
        let mut at = self.tracks[track.0 as usize].first_leg;
        let mut last = at;
        let mut count = 0;
        while at != LegIndex::NONE {
            let leg = &self.legs[at.0 as usize];
            if (leg.place, leg.tunnel) == at_place {
                return at;
            }
            last = at;
            at = leg.next;
            count += 1;
        }
        if count < LEGS {
            return self.open_leg(track, point, at_place, first);
        }
        self.tracks[track.0 as usize].is_crowded = true;
        last
    }

    /// Enters a new leg among the track's: after those of its own and of earlier points, before those of later ones.
    #[cold]
    fn open_leg(
        &mut self,
        track: TrackIndex,
        point: PointIndex,
        (place, tunnel): (PlaceIndex, TunnelIndex),
        (time, ordinal, reversed): (Timestamp, u64, bool),
    ) -> LegIndex {
        let new = LegIndex(self.legs.len() as u32);
        let mut leg = Leg::new(place, tunnel, time, ordinal);
        let before = self.legs_of(track).filter(|(_, leg)| self.point_of(leg) <= point).last();
        let before = before.map(|(index, _)| index);
        let link = match before {
            Some(before) => &mut self.legs[before.0 as usize].next,
            None => &mut self.tracks[track.0 as usize].first_leg,
        };
        leg.next = std::mem::replace(link, new);
        let is_late = before.is_none() && leg.next != LegIndex::NONE;
        self.legs.push(leg);
        self.signs.note_leg(point);
        // Where only who speaks first tells who the client is, the first point's first frame tells, whenever that is read.
        if is_late && client_by_ports(&self.track(track).key).is_none() {
            self.orient(track, reversed);
        }
        new
    }

    #[inline]
    pub(super) fn note_out(&mut self, leg: LegIndex, seen: &Sighting<'_>, digest: &Digest) {
        let entry = &self.legs[leg.0 as usize];
        // A leg that was turned round has packets out and knows nothing of them.
        if entry.out == 0 || entry.ttl == 0 {
            let (source, destination) = decode::link_addresses(seen.bytes, seen.link);
            let (source, destination) = (self.intern(source), self.intern(destination));
            let entry = &mut self.legs[leg.0 as usize];
            entry.introduce(digest.ttl, source, destination, digest.tunnel_reversed);
        }
        let entry = &mut self.legs[leg.0 as usize];
        entry.note_motion(digest.motion);
        entry.count(true, seen.time, seen.original);
    }

    #[inline]
    pub(super) fn note_back(&mut self, leg: LegIndex, seen: &Sighting<'_>, digest: &Digest) {
        let entry = &mut self.legs[leg.0 as usize];
        if entry.out == 0 && entry.back == 0 {
            entry.ttl = digest.ttl;
        }
        entry.count(false, seen.time, seen.original);
    }

    /// The run's number of a link-layer address; [`MacIndex::UNKNOWN`] once 65,535 have been seen.
    pub(super) fn intern(&mut self, mac: Option<Mac>) -> MacIndex {
        let Some(mac) = mac else { return MacIndex::UNKNOWN };
        if let Some(known) = self.macs.get(&mac) {
            return *known;
        }
        match u16::try_from(self.macs.len() + 1) {
            Ok(number) => {
                self.macs.insert(mac, MacIndex(number));
                MacIndex(number)
            }
            Err(_) => MacIndex::UNKNOWN,
        }
    }

    #[inline]
    pub(super) fn mark_changed(&mut self, track: TrackIndex) {
        let entry = &mut self.tracks[track.0 as usize];
        if !entry.is_changed {
            entry.is_changed = true;
            self.changed.push(track);
        }
    }
}

fn sighting<'a>(
    batch: &'a Batch,
    origin: &Origin<'_>,
    digest: &Digest,
    head: &Head,
    ordinal: u64,
) -> Sighting<'a> {
    let tunnel = match digest.tunnel {
        LocalTunnel::NONE => TunnelIndex::NONE,
        LocalTunnel(n) => origin.tunnels[n as usize - 1],
    };
    Sighting {
        place: origin.places[digest.place.0 as usize],
        point: origin.point,
        tunnel,
        time: head.time,
        ordinal,
        original: head.original,
        reversed: digest.reversed,
        bytes: batch.bytes(head),
        link: origin.links[head.interface as usize],
    }
}

/// Whether the client is the key's high end, by the best guess that one packet allows: the handshake; else the ports; else
/// who speaks first is the client.
fn client_is_high(digest: &Digest) -> bool {
    if digest.kind == Kind::Tcp && digest.flags & flag::SYN != 0 {
        return digest.reversed == (digest.flags & flag::ACK == 0);
    }
    let by_content = client_by_content(digest).or_else(|| client_by_ports(&digest.key));
    by_content.unwrap_or(digest.reversed)
}

#[cfg(test)]
mod tests;
