//! Which payload is listened to for names, and what a flow's destination is called.
//!
//! The common path stops at a comparison or two: a track that told its name at the beginning of its data is listened to
//! there alone, at each place once; one that told none for its first [`PACKETS`] packets at a place, or
//! [`PACKETS_OF_STREAM`] where a hello has begun. So the cost is bounded by legs, not by frames. From DNS servers, every
//! datagram is read.

use smallvec::SmallVec;

use crate::decode::hint::dns;
use crate::digest::{Digest, Kind, tcp as flag};
use crate::flow::leg::{LegIndex, shown};
use crate::flow::table::{FlowIndex, Sighting, Table};
use crate::flow::tcp;
use crate::flow::track::{Track, TrackIndex, hearing, known};
use crate::frame::{PointIndex, Timestamp};
use crate::names::{Asker, Heard, Stretch};
use crate::net::Address;
use crate::text::Text;

/// A client's packets at one place in which a name may begin. What asks for TLS only after some words in clear (SMTP, IMAP,
/// a proxy) does so within these.
const PACKETS: u32 = 16;
/// …and in which one may go on that has begun: 16 KiB in segments of 512 bytes.
const PACKETS_OF_STREAM: u32 = 48;

impl Table {
    /// Listens to a segment that carries data.
    #[inline]
    pub(super) fn hear_segment(
        &mut self,
        track: TrackIndex,
        leg: LegIndex,
        is_out: bool,
        seen: &Sighting<'_>,
        digest: &Digest,
    ) {
        if digest.payload_len == 0 {
            return;
        }
        let entry = self.track(track);
        let is_dns = is_dns(entry);
        let is_wanted = if !is_out {
            is_dns
        } else if entry.hearing & hearing::NAMED != 0 {
            start(entry, true) == Some(digest.seq)
        } else if entry.hearing & hearing::LISTENING != 0 {
            self.leg(leg).out <= PACKETS_OF_STREAM
        } else {
            let at = self.leg(leg);
            // Nothing has begun: where this begins nothing either, it is not worth a look at what is known.
            at.out <= PACKETS
                && ((start(entry, true) == Some(digest.seq)
                    && !self.has_begun_before(entry, leg, seen, digest))
                    || digest.flags & flag::SYN != 0
                    || at.holes > 0
                    || digest.may_tell)
        };
        if is_wanted {
            self.listen(track, leg, is_out, is_dns, seen, digest);
        }
    }

    /// Whether the data that begins here was listened to where the point showed it before: copies are alike.
    #[inline]
    fn has_begun_before(&self, track: &Track, leg: LegIndex, seen: &Sighting<'_>, digest: &Digest) -> bool {
        let first = self.leg(track.first_leg);
        track.first_leg != leg
            && self.point_of(first) == seen.point
            && first.has_shown(shown::DATA)
            && first.holes == 0
            && tcp::is_after(first.seq_end, digest.seq)
    }

    #[inline(never)]
    fn listen(
        &mut self,
        track: TrackIndex,
        leg: LegIndex,
        is_out: bool,
        is_dns: bool,
        seen: &Sighting<'_>,
        digest: &Digest,
    ) {
        let entry = self.track(track);
        let at = self.leg(leg);
        let start = start(entry, is_out);
        let stretch = Stretch {
            // A SYN takes a number of its own, before the data that it may carry.
            seq: digest.seq.wrapping_add(u32::from(digest.flags & flag::SYN != 0)),
            start,
            is_early: is_out && at.holes > 0 && start == Some(at.hole_at),
            is_late: at.out > PACKETS,
            is_back: !is_out,
            ..stretch(track, seen, digest)
        };
        let heard = if is_dns {
            let client = entry.client().address;
            self.names.hear_dns_stream(&stretch, client, seen.time)
        } else {
            self.names.hear_client(&stretch)
        };
        self.tracks[track.0 as usize].hearing |= match heard {
            Heard::Listening => hearing::LISTENING,
            Heard::Beginning if !is_dns => hearing::NAMED,
            _ => 0,
        };
    }

    /// Listens to a datagram.
    #[inline]
    pub(super) fn hear_datagram(
        &mut self,
        track: TrackIndex,
        leg: LegIndex,
        is_out: bool,
        seen: &Sighting<'_>,
        digest: &Digest,
    ) {
        if digest.kind != Kind::Udp || digest.payload_len == 0 {
            return;
        }
        let entry = self.track(track);
        if is_dns(entry) {
            let (stretch, client) = (stretch(track, seen, digest), entry.client().address);
            if !is_out || self.leg(leg).out <= PACKETS {
                self.names.hear_dns(&stretch, client, seen.time);
            }
        } else if is_out && self.leg(leg).out == 1 {
            let stretch = stretch(track, seen, digest);
            self.names.note_print(track.0, stretch.payload, stretch.length);
        }
    }

    /// What a flow's destination is called: by its client, by DNS, or in a hosts file.
    pub fn name_of(&self, flow: FlowIndex, destination: Address) -> Option<&Text> {
        if self.names.is_empty() {
            return None;
        }
        if let Some(own) = self.names.of_destination(self.tracks_of(flow).map(|track| track.0)) {
            return Some(own);
        }
        let mut clients: SmallVec<[Address; 4]> = SmallVec::new();
        let mut since: SmallVec<[(PointIndex, Timestamp); 4]> = SmallVec::new();
        for track in self.tracks_of(flow) {
            clients.push(self.track(track).client().address);
            for (_, leg) in self.legs_of(track) {
                let point = self.point_of(leg);
                match since.iter_mut().find(|(known, _)| *known == point) {
                    Some((_, first)) => *first = leg.first_seen.min(*first),
                    None => since.push((point, leg.first_seen)),
                }
            }
        }
        let asker = Asker { clients: &clients, since: &since };
        self.names.answered(destination, &asker).or_else(|| self.names.in_hosts(destination))
    }
}

/// Whether a name server is asked; ports tell it.
#[inline]
fn is_dns(track: &Track) -> bool {
    track.server().port == dns::PORT
}

/// Where a direction's data begins, if its handshake was seen.
#[inline]
fn start(track: &Track, is_out: bool) -> Option<u32> {
    let (bit, isn) =
        if is_out { (known::CLIENT_ISN, track.client_isn) } else { (known::SERVER_ISN, track.server_isn) };
    track.knows(bit).then(|| isn.wrapping_add(1))
}

fn stretch<'a>(track: TrackIndex, seen: &Sighting<'a>, digest: &Digest) -> Stretch<'a> {
    Stretch {
        track: track.0,
        point: seen.point,
        is_back: false,
        seq: digest.seq,
        start: None,
        is_early: false,
        is_late: false,
        payload: digest.payload_of(seen.bytes),
        length: digest.payload_len,
    }
}
