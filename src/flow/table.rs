//! The flow table: every track, leg and flow of a run, and what a digest does to them.
//!
//! A batch is taken in three sweeps: find the tracks of its frames, touch their legs, then update. The first two
//! change nothing; they bring the memory that the third needs into the cache, many misses at a time. What a TCP segment
//! says is taken in by `segment`, which of a 5-tuple's tracks it belongs to is told by `incarnation`.

use std::hash::BuildHasher as _;

use foldhash::HashMap;
use smallvec::SmallVec;

use crate::decode;
use crate::digest::{Batch, Digest, Head, IcmpError, Key, Kind, LocalTunnel, tcp as flag};
use crate::flow::join::Index;
use crate::flow::leg::{Leg, LegIndex, MacIndex, PlaceIndex, TunnelIndex, shown};
use crate::flow::recent::Recent;
use crate::flow::slots::Slots;
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
    /// How large a packet may be to go on, in bytes: the smallest size that was told; 0 where none was.
    pub mtu: u32,
}

/// Errors kept of one track: enough to tell the story.
const ERRORS_KEPT: usize = 4;

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
                        Kind::Udp | Kind::Sctp | Kind::Echo | Kind::Opaque => {
                            self.datagram(&seen, digest, self.found[n])
                        }
                        Kind::IcmpError => {
                            if let Some(error) = errors.next() {
                                self.icmp_error(&seen, digest, error);
                            }
                        }
                        Kind::Tail | Kind::Other => {}
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
    pub(super) fn newest(&self, digest: &Digest, found: TrackIndex) -> Option<TrackIndex> {
        if found != TrackIndex::NONE && !self.track(found).knows(known::SUPERSEDED) {
            return Some(found);
        }
        self.slots.find(digest.hash, |t| self.track(t).key == digest.key)
    }

    fn datagram(&mut self, seen: &Sighting<'_>, digest: &Digest, found: TrackIndex) {
        let track = match self.newest(digest, found) {
            None => self.open(digest, None),
            Some(track) => track,
        };
        let leg = self.leg_at(track, seen);
        let is_out = self.track(track).is_out(digest.reversed);
        if digest.kind == Kind::Sctp {
            self.tracks[track.0 as usize].note_chunk(is_out, digest.flags);
        }
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

    /// What NAT keeps of a datagram: IP identification, length, and the beginning of its payload; with an identification so
    /// little of that that a capture cut at 54 bytes still has it, without one (IPv6, unfragmentable IPv4) enough to tell
    /// messages of one kind apart.
    fn datagram_print(&self, seen: &Sighting<'_>, digest: &Digest) -> Option<u64> {
        let has_id = digest.ip_id != 0;
        let wanted = if has_id { 8 } else { 64 }.min(digest.payload_len as usize);
        let payload = seen.bytes.get(digest.payload as usize..)?.get(..wanted)?;
        let hash = self.hasher.hash_one((digest.ip_id, digest.payload_len, payload));
        Some(Index::datagram_print(hash, has_id))
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
        let header = seen.bytes.get(digest.transport as usize..).unwrap_or_default();
        let mtu = decode::next_link_mtu(header, error.v6).unwrap_or(0);
        let errors = self.errors.entry(track).or_default();
        let known = errors.iter().position(|e| e.error == error && e.about_client == about_client);
        match known {
            // Several places show it; which of them comes first makes no difference.
            Some(known) => {
                let known = &mut errors[known];
                known.time = known.time.min(seen.time);
                known.mtu = [known.mtu, mtu].into_iter().filter(|mtu| *mtu > 0).min().unwrap_or(0);
            }
            None if errors.len() < ERRORS_KEPT => {
                errors.push(IcmpSeen { error, time: seen.time, about_client, mtu });
            }
            None => return,
        }
        self.mark_changed(track);
    }

    /// Opens a track, and a flow for it; `older` had its 5-tuple before.
    pub(super) fn open(&mut self, digest: &Digest, older: Option<TrackIndex>) -> TrackIndex {
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

    /// The track's leg at the frame's place and tunnel, opened if this is its first frame.
    #[inline]
    pub(super) fn leg_at(&mut self, track: TrackIndex, seen: &Sighting<'_>) -> LegIndex {
        let mut at = self.tracks[track.0 as usize].first_leg;
        let mut last = at;
        let mut count = 0;
        while at != LegIndex::NONE {
            let leg = &self.legs[at.0 as usize];
            if leg.place == seen.place && leg.tunnel == seen.tunnel {
                return at;
            }
            last = at;
            at = leg.next;
            count += 1;
        }
        if count < LEGS {
            return self.open_leg(track, seen);
        }
        self.tracks[track.0 as usize].is_crowded = true;
        last
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
    pub(super) fn note_out(&mut self, leg: LegIndex, seen: &Sighting<'_>, digest: &Digest) {
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
    pub(super) fn note_back(&mut self, leg: LegIndex, seen: &Sighting<'_>, digest: &Digest) {
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

/// Whether the client is the key's high end, by the best guess that one packet allows: the handshake; else the ports; else
/// who speaks first is the client.
fn client_is_high(digest: &Digest) -> bool {
    if digest.kind == Kind::Tcp && digest.flags & flag::SYN != 0 {
        return digest.reversed == (digest.flags & flag::ACK == 0);
    }
    client_by_ports(&digest.key).unwrap_or(digest.reversed)
}
