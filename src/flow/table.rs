//! The flow table: every track, leg and flow of a run, and what a digest does to them.
//!
//! A batch is taken in three sweeps: find the tracks of its frames, touch their legs, then update. The first two
//! change nothing; they bring the memory that the third needs into the cache, many misses at a time.
//!
//! One 5-tuple may be used again and again. A SYN with a new initial sequence number starts a new track, *wherever* the
//! old one was seen; which incarnation a packet belongs to is remembered for each place, so that it makes no
//! difference in which order captures of the same traffic arrive.

use std::hash::BuildHasher as _;

use foldhash::HashMap;
use smallvec::SmallVec;

use crate::decode;
use crate::digest::{Batch, Digest, Head, IcmpError, Key, Kind, LocalTunnel, tcp as flag};
use crate::flow::join::Index;
use crate::flow::leg::{Leg, LegIndex, MacIndex, PlaceIndex, TunnelIndex, shown};
use crate::flow::recent::{Mark, Recent};
use crate::flow::slots::Slots;
use crate::flow::tcp;
use crate::flow::track::{Segment, Track, TrackIndex, client_by_ports, known};
use crate::frame::{LinkType, PointIndex, Timestamp};
use crate::net::Mac;

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
    pub bytes: &'a [u8],
    pub link: LinkType,
}

/// An ICMP error that quoted a packet of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IcmpSeen {
    pub error: IcmpError,
    pub time: Timestamp,
    /// The quoted packet came from the client.
    pub about_client: bool,
}

/// Errors kept of one track, retries kept of one leg: enough to tell the story.
const ERRORS_KEPT: usize = 4;
const RETRIES_KEPT: usize = 8;

/// A SYN that comes again sooner than this, in ns, is another device's copy at one place, not a retry: no kernel waits less
/// than 200 ms.
const RETRY_AFTER: i64 = 100_000_000;

/// Incarnations of one 5-tuple that a packet without a handshake is compared with.
const INCARNATIONS_PROBED: usize = 16;

/// Frames swept together: what they touch (about 300 bytes each) fits a level-2 cache many times over.
const SWEEP: usize = 256;

#[derive(Debug)]
pub struct Table {
    pub tracks: Vec<Track>,
    pub legs: Vec<Leg>,
    pub flows: Vec<Flow>,
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
    slots: Slots,
    recent: Recent,
    /// Which incarnation a place is at, for 5-tuples that had more than one.
    current: HashMap<(Key, PlaceIndex, TunnelIndex), TrackIndex>,
    retries: HashMap<LegIndex, SmallVec<[Timestamp; 2]>>,
    errors: HashMap<TrackIndex, SmallVec<[IcmpSeen; 2]>>,
    macs: HashMap<Mac, MacIndex>,
    found: Vec<TrackIndex>,
    hasher: foldhash::fast::RandomState,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            tracks: Vec::new(),
            legs: Vec::new(),
            flows: Vec::new(),
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
            macs: HashMap::default(),
            found: vec![TrackIndex::NONE; SWEEP],
            hasher: foldhash::fast::RandomState::default(),
        }
    }
}

impl Table {
    /// Makes a place known; its index is the number of those before it.
    pub fn add_place(&mut self, point: PointIndex) {
        self.points.push(point);
    }

    pub fn point_of(&self, leg: &Leg) -> PointIndex {
        self.points[leg.place.0 as usize]
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

    /// ICMP errors about a track, at most four.
    pub fn errors(&self, track: TrackIndex) -> &[IcmpSeen] {
        self.errors.get(&track).map_or(&[], |errors| errors)
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

    /// Takes in a batch.
    pub fn ingest(&mut self, batch: &Batch, origin: &Origin<'_>) {
        let mut ordinal = origin.first_ordinal;
        let mut errors = batch.icmp_errors.iter().map(|(_, error)| *error);
        for (digests, heads) in batch.digests.chunks(SWEEP).zip(batch.heads.chunks(SWEEP)) {
            self.warm(digests);
            for (n, (digest, head)) in digests.iter().zip(heads).enumerate() {
                if digest.kind != Kind::Other {
                    let seen = sighting(batch, origin, digest, head, ordinal);
                    match digest.kind {
                        Kind::Tcp => self.segment(&seen, digest, self.found[n]),
                        Kind::Udp => self.datagram(&seen, digest, self.found[n]),
                        Kind::IcmpError => {
                            if let Some(error) = errors.next() {
                                self.icmp_error(&seen, digest, error);
                            }
                        }
                        Kind::Other => {}
                    }
                }
                ordinal += 1;
            }
        }
    }

    /// Finds the tracks of up to [`SWEEP`] frames, and brings tracks and legs into the cache.
    fn warm(&mut self, digests: &[Digest]) {
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
        for found in &self.found[..digests.len()] {
            if let Some(track) = self.tracks.get(found.0 as usize)
                && let Some(leg) = self.legs.get(track.first_leg.0 as usize)
            {
                touched ^= leg.out ^ leg.next.0;
            }
        }
        std::hint::black_box(touched);
    }

    /// The newest track with the digest's key, given what the sweep found before this batch changed the table.
    fn newest(&self, digest: &Digest, found: TrackIndex) -> Option<TrackIndex> {
        if found != TrackIndex::NONE && !self.track(found).knows(known::SUPERSEDED) {
            return Some(found);
        }
        self.slots.find(digest.hash, |t| self.track(t).key == digest.key)
    }

    fn segment(&mut self, seen: &Sighting<'_>, digest: &Digest, found: TrackIndex) {
        let is_syn = digest.flags & flag::SYN != 0;
        let segment = Segment {
            seq: digest.seq,
            end: digest.seq.wrapping_add(digest.payload_len).wrapping_add(is_syn as u32),
            ack: digest.ack,
            payload: digest.payload_len,
            flags: digest.flags,
        };
        let track = match self.newest(digest, found) {
            None => self.open(digest, None),
            Some(newest) if !is_syn && self.track(newest).older == TrackIndex::NONE => newest,
            Some(newest) => self.incarnation(newest, seen, digest, &segment),
        };
        let learned =
            if is_syn { self.learn_handshake(track, seen, digest, &segment) } else { Learned::NOTHING };
        let leg = self.leg_at(track, seen);
        let is_out = self.track(track).is_out(digest.reversed);
        if is_out {
            self.note_out(leg, seen, digest);
            self.note_segment_out(track, leg, seen, &segment);
        } else {
            self.note_back(leg, seen, digest);
            if segment.is_syn_ack() {
                self.note_rtt(track, leg, seen.time);
            }
        }
        self.tracks[track.0 as usize].note(is_out, &segment);
        self.mark_changed(track);
        if learned.syn {
            self.join_by_print(track, Index::syn_print(segment.seq, digest.ip_id), seen);
        }
        if learned.pair {
            self.part_from_strangers(track);
            self.join_by_pair(track);
        }
        if is_out {
            self.join_by_segment(track, seen, digest);
        }
    }

    /// Joins a track whose beginning was not seen to the one that showed this segment just before, and
    /// remembers the segment for those that come after.
    #[inline]
    fn join_by_segment(&mut self, track: TrackIndex, seen: &Sighting<'_>, digest: &Digest) {
        let mark = Mark::of(digest, seen.point);
        if !self.track(track).knows(known::CLIENT_ISN) && digest.flags & flag::RST == 0 {
            self.join_lonely(track, mark);
        }
        self.recent.remember(mark, track);
    }

    fn join_lonely(&mut self, track: TrackIndex, mark: Mark) {
        let own = self.track(track).flow;
        let Some(other) = self.recent.track(mark) else { return };
        let its = self.track(other).flow;
        if own != its && self.flow(own).tracks == 1 && self.has_room(own, its) {
            self.unite(track, its, true);
        }
    }

    /// What a segment sent by the client says of its leg.
    #[inline]
    fn note_segment_out(&mut self, track: TrackIndex, leg: LegIndex, seen: &Sighting<'_>, segment: &Segment) {
        let known = self.tracks[track.0 as usize].known;
        let acknowledged = self.tracks[track.0 as usize].ack_back;
        let entry = &mut self.legs[leg.0 as usize];
        if segment.flags & flag::RST != 0 {
            entry.shown |= shown::RST;
            return;
        }
        if segment.flags & flag::SYN != 0 {
            if entry.has_shown(shown::SYN) {
                let before =
                    self.retries.get(&leg).and_then(|times| times.last()).unwrap_or(&entry.first_seen);
                if seen.time - *before >= RETRY_AFTER {
                    let retries = self.retries.entry(leg).or_default();
                    if retries.len() < RETRIES_KEPT {
                        retries.push(seen.time);
                    }
                }
            }
            entry.shown |= shown::SYN;
        }
        if segment.payload > 0 {
            let is_again = entry.has_shown(shown::SEQ) && !tcp::is_after(segment.end, entry.seq_end);
            let is_pending = known & known::ACK_BACK == 0 || tcp::is_after(segment.end, acknowledged);
            if is_again && is_pending {
                entry.shown |= shown::RETRY;
            }
            entry.shown |= shown::DATA;
        } else if segment.flags & (flag::SYN | flag::FIN) == 0
            && known & (known::FIN_OUT | known::FIN_BACK | known::RST_OUT | known::RST_BACK) == 0
        {
            entry.shown |= shown::OPEN_ACK;
        }
        let is_fin = segment.flags & flag::FIN != 0;
        if is_fin {
            entry.shown |= shown::FIN;
        }
        // A FIN takes a number of its own, which what follows it counts on from.
        entry.note_segment(segment.seq, segment.end.wrapping_add(is_fin as u32));
    }

    fn note_rtt(&mut self, track: TrackIndex, leg: LegIndex, time: Timestamp) {
        let entry = &self.legs[leg.0 as usize];
        // With a retry in between nobody knows which SYN was answered (Karn).
        if entry.has_shown(shown::SYN) && !self.retries.contains_key(&leg) {
            let rtt = u32::try_from(time - entry.first_seen).unwrap_or(0);
            let track = &mut self.tracks[track.0 as usize];
            track.rtt = track.rtt.max(rtt);
        }
    }

    fn datagram(&mut self, seen: &Sighting<'_>, digest: &Digest, found: TrackIndex) {
        let track = match self.newest(digest, found) {
            None => self.open(digest, None),
            Some(track) => track,
        };
        let leg = self.leg_at(track, seen);
        let is_out = self.track(track).is_out(digest.reversed);
        if is_out {
            self.note_out(leg, seen, digest);
            let first_few = self.legs[leg.0 as usize].out <= u32::from(Index::DATAGRAMS);
            if first_few && let Some(print) = self.datagram_print(seen, digest) {
                self.join_by_print(track, print, seen);
            }
        } else {
            self.note_back(leg, seen, digest);
        }
        self.mark_changed(track);
    }

    /// What NAT keeps of a datagram: IP identification, length, and the beginning of its payload; so little of
    /// it that a capture cut at 54 bytes still has it.
    fn datagram_print(&self, seen: &Sighting<'_>, digest: &Digest) -> Option<u64> {
        const KEPT: usize = 8;
        let wanted = KEPT.min(digest.payload_len as usize);
        let payload = seen.bytes.get(digest.payload as usize..)?.get(..wanted)?;
        Some(Index::datagram_print(self.hasher.hash_one((digest.ip_id, digest.payload_len, payload))))
    }

    fn icmp_error(&mut self, seen: &Sighting<'_>, digest: &Digest, error: IcmpError) {
        let Some(newest) = self.slots.find(digest.hash, |t| self.track(t).key == digest.key) else {
            return;
        };
        let segment = Segment { seq: digest.seq, end: digest.seq, ack: 0, payload: 0, flags: flag::ACK };
        let track = if self.track(newest).is_tcp() && self.track(newest).older != TrackIndex::NONE {
            self.incarnation(newest, seen, digest, &segment)
        } else {
            newest
        };
        let about_client = self.track(track).is_out(digest.reversed);
        let errors = self.errors.entry(track).or_default();
        let known = errors.iter().position(|e| e.error == error && e.about_client == about_client);
        match known {
            // Several places show it; which of them comes first makes no difference.
            Some(known) => errors[known].time = errors[known].time.min(seen.time),
            None if errors.len() < ERRORS_KEPT => {
                errors.push(IcmpSeen { error, time: seen.time, about_client });
            }
            None => return,
        }
        self.mark_changed(track);
    }

    /// The incarnation of a 5-tuple that a segment belongs to; opened if it starts a new one.
    fn incarnation(
        &mut self,
        newest: TrackIndex,
        seen: &Sighting<'_>,
        digest: &Digest,
        segment: &Segment,
    ) -> TrackIndex {
        let here = (digest.key, seen.place, seen.tunnel);
        let is_reused = self.track(newest).older != TrackIndex::NONE;
        let current = if is_reused { self.current.get(&here).copied() } else { None };
        if segment.flags & flag::SYN == 0 {
            return self.incarnation_of_data(current, newest, digest, segment);
        }
        let known = self.incarnation_of_handshake(current, newest, digest, segment);
        let track = known
            .or_else(|| self.beginning_of(newest, seen, digest, segment))
            .unwrap_or_else(|| self.open(digest, Some(newest)));
        if self.track(self.newest_of(digest)).older != TrackIndex::NONE {
            self.current.insert(here, track);
        }
        track
    }

    fn newest_of(&self, digest: &Digest) -> TrackIndex {
        self.slots
            .find(digest.hash, |t| self.track(t).key == digest.key)
            .expect("the key was found or entered just before")
    }

    /// The known incarnation with a handshake segment's initial sequence number.
    fn incarnation_of_handshake(
        &self,
        current: Option<TrackIndex>,
        newest: TrackIndex,
        digest: &Digest,
        segment: &Segment,
    ) -> Option<TrackIndex> {
        let (isn, client_is_high) = handshake(digest, segment);
        let is_it = |t: TrackIndex| {
            let track = self.track(t);
            track.key == digest.key
                && track.knows(known::CLIENT_ISN)
                && track.client_isn == isn
                && track.knows(known::CLIENT_HIGH) == client_is_high
        };
        let print = Index::syn_print(isn, digest.ip_id);
        let by_print = || {
            let entries = segment.is_syn().then(|| self.index.tracks_with(print));
            entries.into_iter().flatten().find(|t| is_it(*t))
        };
        let by_pair = || {
            let pair =
                segment.is_syn_ack().then(|| self.index.track_with_pair(&self.tracks, isn, segment.seq));
            pair.flatten().filter(|t| is_it(*t))
        };
        current
            .filter(|t| is_it(*t))
            .or_else(by_print)
            .or_else(by_pair)
            .or_else(|| self.incarnations(newest).find(|t| is_it(*t)))
    }

    /// The newest incarnation, if its beginning was missed elsewhere and this handshake can be it.
    fn beginning_of(
        &self,
        newest: TrackIndex,
        seen: &Sighting<'_>,
        digest: &Digest,
        segment: &Segment,
    ) -> Option<TrackIndex> {
        let (isn, client_is_high) = handshake(digest, segment);
        let track = self.track(newest);
        let was_seen_here =
            self.legs_of(newest).any(|(_, leg)| leg.place == seen.place && leg.tunnel == seen.tunnel);
        // Where the client has come to: by what it sent, or by what the server acknowledged, resets included.
        let (sent, end, acknowledged, ack) = if track.knows(known::CLIENT_HIGH) == client_is_high {
            (
                known::END_OUT | known::RST_OUT,
                track.end_out,
                known::ACK_BACK | known::RST_BACK,
                track.ack_back,
            )
        } else {
            (
                known::END_BACK | known::RST_BACK,
                track.end_back,
                known::ACK_OUT | known::RST_OUT,
                track.ack_out,
            )
        };
        let told = |bits, number| (track.known & bits != 0 && number != 0).then_some(number);
        let reached = told(sent, end).or_else(|| told(acknowledged, ack));
        let fits = !track.knows(known::CLIENT_ISN) && !was_seen_here;
        (fits && reached.is_some_and(|reached| tcp::continues(reached, isn))).then_some(newest)
    }

    /// The incarnation that a segment without SYN continues.
    fn incarnation_of_data(
        &self,
        current: Option<TrackIndex>,
        newest: TrackIndex,
        digest: &Digest,
        segment: &Segment,
    ) -> TrackIndex {
        let admits = |t: TrackIndex| {
            let track = self.track(t);
            track.admits(track.is_out(digest.reversed), segment)
        };
        if let Some(current) = current {
            return self.incarnations(current).find(|t| admits(*t)).unwrap_or(current);
        }
        let distance = |t: TrackIndex| {
            let track = self.track(t);
            track.distance(track.is_out(digest.reversed), segment.seq).unwrap_or(u32::MAX)
        };
        self.incarnations(newest).min_by_key(|t| (!admits(*t), distance(*t))).unwrap_or(newest)
    }

    /// A track and the older ones of its 5-tuple, as many as are ever compared.
    fn incarnations(&self, newest: TrackIndex) -> impl Iterator<Item = TrackIndex> + '_ {
        std::iter::successors(Some(newest), |t| {
            let older = self.track(*t).older;
            (older != TrackIndex::NONE).then_some(older)
        })
        .take(INCARNATIONS_PROBED)
    }

    /// Opens a track, and a flow for it; `older` had its 5-tuple before.
    fn open(&mut self, digest: &Digest, older: Option<TrackIndex>) -> TrackIndex {
        let track = TrackIndex(self.tracks.len() as u32);
        let flow = self.open_flow(track);
        let mut entry = Track::new(digest.key, flow, older.unwrap_or(TrackIndex::NONE));
        if client_is_high(digest) {
            entry.known |= known::CLIENT_HIGH;
        }
        self.tracks.push(entry);
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
        };
        if let Some(free) = self.free.pop() {
            self.flows[free.0 as usize] = flow;
            return free;
        }
        self.flows.push(flow);
        FlowIndex(self.flows.len() as u32 - 1)
    }

    /// Takes in what a SYN or SYN-ACK says of who is who; tells what was news.
    fn learn_handshake(
        &mut self,
        track: TrackIndex,
        seen: &Sighting<'_>,
        digest: &Digest,
        segment: &Segment,
    ) -> Learned {
        let (isn, client_is_high) = handshake(digest, segment);
        self.orient(track, client_is_high);
        let entry = &mut self.tracks[track.0 as usize];
        let mut learned = Learned::NOTHING;
        if entry.knows(known::CLIENT_ISN) && entry.client_isn != isn {
            return learned;
        }
        entry.client_isn = isn;
        entry.known |= known::CLIENT | known::CLIENT_ISN;
        entry.note_refusal();
        if segment.is_syn() {
            if !entry.knows(known::SYN) {
                entry.known |= known::SYN;
                entry.syn_ip_id = digest.ip_id;
                let header = seen.bytes.get(digest.transport as usize..).unwrap_or_default();
                if let Some(value) = decode::syn_options(header).timestamp_value {
                    entry.known |= known::SYN_TIMESTAMP;
                    entry.syn_timestamp = value;
                }
            }
            learned.syn = true;
        } else if !entry.knows(known::SERVER_ISN) {
            entry.known |= known::SERVER_ISN;
            entry.server_isn = segment.seq;
            learned.pair = true;
        }
        learned
    }

    /// Settles which end is the client; turns round what was counted under a wrong guess.
    fn orient(&mut self, track: TrackIndex, client_is_high: bool) {
        let entry = &mut self.tracks[track.0 as usize];
        if entry.knows(known::CLIENT) || entry.knows(known::CLIENT_HIGH) == client_is_high {
            return;
        }
        entry.known ^= known::CLIENT_HIGH;
        std::mem::swap(&mut entry.end_out, &mut entry.end_back);
        std::mem::swap(&mut entry.ack_out, &mut entry.ack_back);
        entry.known = swap_bits(entry.known, known::END_OUT, known::END_BACK);
        entry.known = swap_bits(entry.known, known::ACK_OUT, known::ACK_BACK);
        entry.known = swap_bits(entry.known, known::FIN_OUT, known::FIN_BACK);
        entry.known = swap_bits(entry.known, known::RST_OUT, known::RST_BACK);
        let mut leg = entry.first_leg;
        while leg != LegIndex::NONE {
            let entry = &mut self.legs[leg.0 as usize];
            std::mem::swap(&mut entry.out, &mut entry.back);
            // What the other side's packets were is not kept.
            entry.shown = 0;
            entry.moved = 0;
            entry.holes = 0;
            entry.source_mac = MacIndex::UNKNOWN;
            entry.destination_mac = MacIndex::UNKNOWN;
            leg = entry.next;
        }
    }

    /// The track's leg at the frame's place and tunnel, opened if this is its first frame.
    #[inline]
    fn leg_at(&mut self, track: TrackIndex, seen: &Sighting<'_>) -> LegIndex {
        let mut at = self.tracks[track.0 as usize].first_leg;
        while at != LegIndex::NONE {
            let leg = &self.legs[at.0 as usize];
            if leg.place == seen.place && leg.tunnel == seen.tunnel {
                return at;
            }
            at = leg.next;
        }
        self.open_leg(track, seen)
    }

    /// Enters a new leg among the track's: after those of its own and of earlier points, before those of later ones.
    #[cold]
    fn open_leg(&mut self, track: TrackIndex, seen: &Sighting<'_>) -> LegIndex {
        let new = LegIndex(self.legs.len() as u32);
        let mut leg = Leg::new(seen.place, seen.tunnel, seen.time, seen.ordinal);
        let before = self.legs_of(track).filter(|(_, leg)| self.point_of(leg) <= seen.point).last();
        let link = match before.map(|(index, _)| index) {
            Some(before) => &mut self.legs[before.0 as usize].next,
            None => &mut self.tracks[track.0 as usize].first_leg,
        };
        leg.next = std::mem::replace(link, new);
        self.legs.push(leg);
        new
    }

    #[inline]
    fn note_out(&mut self, leg: LegIndex, seen: &Sighting<'_>, digest: &Digest) {
        let entry = &mut self.legs[leg.0 as usize];
        if entry.out == 0 {
            entry.ttl = digest.ttl;
            let (source, destination) = decode::link_addresses(seen.bytes, seen.link);
            let source = source.map_or(MacIndex::UNKNOWN, |mac| self.intern(mac));
            let destination = destination.map_or(MacIndex::UNKNOWN, |mac| self.intern(mac));
            let entry = &mut self.legs[leg.0 as usize];
            if digest.tunnel_reversed {
                entry.shown |= shown::FROM_HIGH;
            }
            entry.source_mac = source;
            entry.destination_mac = destination;
        }
        let entry = &mut self.legs[leg.0 as usize];
        entry.note_motion(digest.motion);
        entry.count(true, seen.time, seen.original);
    }

    #[inline]
    fn note_back(&mut self, leg: LegIndex, seen: &Sighting<'_>, digest: &Digest) {
        let entry = &mut self.legs[leg.0 as usize];
        if entry.out == 0 && entry.back == 0 {
            entry.ttl = digest.ttl;
        }
        entry.count(false, seen.time, seen.original);
    }

    /// The run's number of a link-layer address; [`MacIndex::UNKNOWN`] once 65,535 have been seen.
    fn intern(&mut self, mac: Mac) -> MacIndex {
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

/// What a handshake segment told that was not known.
#[derive(Debug, Clone, Copy)]
struct Learned {
    /// A SYN: the first of its track, or one sent again.
    syn: bool,
    /// The server's initial sequence number.
    pair: bool,
}

impl Learned {
    const NOTHING: Self = Self { syn: false, pair: false };
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
        bytes: batch.bytes(head),
        link: origin.links[head.interface as usize],
    }
}

/// (the client's initial sequence number, whether the client is the key's high end) by a SYN or SYN-ACK.
fn handshake(digest: &Digest, segment: &Segment) -> (u32, bool) {
    if segment.is_syn() {
        (segment.seq, digest.reversed)
    } else {
        (segment.ack.wrapping_sub(1), !digest.reversed)
    }
}

/// Whether the client is the key's high end, by the best guess that one packet allows: the handshake; else the ports; else
/// who speaks first is the client.
fn client_is_high(digest: &Digest) -> bool {
    if digest.kind == Kind::Tcp && digest.flags & flag::SYN != 0 {
        return digest.reversed == (digest.flags & flag::ACK == 0);
    }
    client_by_ports(&digest.key).unwrap_or(digest.reversed)
}

fn swap_bits(bits: u16, a: u16, b: u16) -> u16 {
    let (had_a, had_b) = (bits & a != 0, bits & b != 0);
    let cleared = bits & !(a | b);
    cleared | if had_a { b } else { 0 } | if had_b { a } else { 0 }
}
