//! ICMP errors: the packet that one quotes names the track, on whichever side of the NAT it was when it failed.
//!
//! A router's error may be read before anything of the track it is about: another point shows that, or its packets pass
//! there later. Such errors wait, a bounded number at each point, until a snapshot is asked for.

use smallvec::SmallVec;

use crate::decode;
use crate::digest::{Digest, IcmpError, tcp as flag};
use crate::flow::leg::{PlaceIndex, TunnelIndex};
use crate::flow::table::{Sighting, Table};
use crate::flow::track::{Segment, TrackIndex};
use crate::frame::{LinkType, PointIndex, Timestamp};

/// Errors kept of one track: enough to tell the story.
const ERRORS_KEPT: usize = 4;

/// Errors of one point that wait for their track. Those that come when so many wait are forgotten: a flood of them is
/// about packets that somebody made up.
const WAITING: usize = 4096;

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

impl IcmpSeen {
    fn rank(&self) -> impl Ord + use<> {
        (self.time, self.error.sender, self.error.kind, self.error.code, self.about_client)
    }
}

/// An error about a track that was not known when it came.
#[derive(Debug)]
struct Waiting {
    digest: Digest,
    error: IcmpError,
    mtu: u32,
    time: Timestamp,
    place: PlaceIndex,
    tunnel: TunnelIndex,
    ordinal: u64,
}

/// The errors of each point that wait.
#[derive(Debug, Default)]
pub(super) struct Errors {
    waiting: Vec<Vec<Waiting>>,
}

impl Errors {
    /// Forgets what has waited since before a point's `since`.
    pub(super) fn forget(&mut self, since: impl Fn(PointIndex) -> Timestamp) {
        for (point, waiting) in (0..).map(PointIndex).zip(&mut self.waiting) {
            let since = since(point);
            waiting.retain(|error| error.time >= since);
        }
    }

    /// No error that waits has met anything that is asked of frames.
    pub(super) fn forget_marks(&mut self) {
        self.waiting.iter_mut().flatten().for_each(|error| error.digest.marks = 0);
    }

    fn of(&mut self, point: PointIndex) -> &mut Vec<Waiting> {
        let index = usize::from(point.0);
        if index >= self.waiting.len() {
            self.waiting.resize_with(index + 1, Vec::new);
        }
        &mut self.waiting[index]
    }
}

impl Table {
    /// Takes in an error; returns the track that it is about, if that is known.
    pub(super) fn icmp_error(
        &mut self,
        seen: &Sighting<'_>,
        digest: &Digest,
        error: IcmpError,
    ) -> TrackIndex {
        let header = seen.bytes.get(usize::from(digest.transport)..).unwrap_or_default();
        let mtu = decode::next_link_mtu(header, error.v6).unwrap_or(0);
        if let Some(track) = self.note_error(seen, digest, error, mtu) {
            return track;
        }
        let waiting = self.waiting_errors.of(seen.point);
        if waiting.len() < WAITING {
            let Sighting { time, place, tunnel, ordinal, .. } = *seen;
            waiting.push(Waiting { digest: *digest, error, mtu, time, place, tunnel, ordinal });
        }
        TrackIndex::NONE
    }

    /// Gives the errors that waited to the tracks that are known by now.
    pub(super) fn settle_errors(&mut self) {
        for point in 0..self.waiting_errors.waiting.len() as u16 {
            let point = PointIndex(point);
            for waiting in std::mem::take(self.waiting_errors.of(point)) {
                let seen = Sighting {
                    place: waiting.place,
                    point,
                    tunnel: waiting.tunnel,
                    time: waiting.time,
                    ordinal: waiting.ordinal,
                    original: 0,
                    reversed: waiting.digest.reversed,
                    bytes: &[],
                    link: LinkType::RAW,
                };
                match self.note_error(&seen, &waiting.digest, waiting.error, waiting.mtu) {
                    None => self.waiting_errors.of(point).push(waiting),
                    Some(track) => {
                        if let Some(owners) = &mut self.owners {
                            owners.note_late(point, &[waiting.ordinal], track);
                        }
                    }
                }
            }
        }
    }

    /// Enters an error with the track that it is about, and returns that; `None` if there is none.
    fn note_error(
        &mut self,
        seen: &Sighting<'_>,
        digest: &Digest,
        error: IcmpError,
        mtu: u32,
    ) -> Option<TrackIndex> {
        let newest = self.slots.find(digest.hash, |t| self.track(t).key == digest.key)?;
        let segment = Segment { seq: digest.seq, end: digest.seq, ack: 0, payload: 0, flags: flag::ACK };
        let track = if self.track(newest).is_tcp() && self.track(newest).older != TrackIndex::NONE {
            self.incarnation(newest, seen, digest, &segment, None)
        } else {
            newest
        };
        self.tracks[track.0 as usize].marks |= digest.marks;
        let about_client = self.track(track).is_out(digest.reversed);
        let errors = self.errors.entry(track).or_default();
        // Several places show one error, and of many the earliest are kept: which comes first makes no difference.
        match errors.iter_mut().find(|known| known.error == error && known.about_client == about_client) {
            Some(known) => {
                known.time = known.time.min(seen.time);
                known.mtu = [known.mtu, mtu].into_iter().filter(|mtu| *mtu > 0).min().unwrap_or(0);
            }
            None => errors.push(IcmpSeen { error, time: seen.time, about_client, mtu }),
        }
        errors.sort_by_key(IcmpSeen::rank);
        errors.truncate(ERRORS_KEPT);
        self.mark_changed(track);
        Some(track)
    }

    /// ICMP errors about a track, the earliest first, at most four.
    pub fn errors(&self, track: TrackIndex) -> &[IcmpSeen] {
        self.errors.get(&track).map_or(&[], |errors: &SmallVec<[IcmpSeen; 2]>| errors)
    }
}
