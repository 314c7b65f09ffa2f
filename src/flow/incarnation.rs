//! Which incarnation of a 5-tuple a segment belongs to.
//!
//! One 5-tuple may be used again and again. A SYN with a new initial sequence number starts a new track, *wherever* the
//! old one was seen; which incarnation a packet belongs to is remembered for each place, so that it makes no
//! difference in which order captures of the same traffic arrive.

use crate::digest::{Digest, tcp as flag};
use crate::flow::join::Index;
use crate::flow::table::{Sighting, Table};
use crate::flow::tcp;
use crate::flow::track::{Segment, Track, TrackIndex, known};

/// Incarnations of one 5-tuple that a packet without a handshake is compared with.
const INCARNATIONS_PROBED: usize = 16;

/// What a SYN or SYN-ACK says of the conversation that it opens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening {
    /// The client's initial sequence number.
    pub(super) isn: u32,
    /// The client is the key's high end.
    pub(super) client_is_high: bool,
}

impl Opening {
    fn is_of(self, track: &Track) -> bool {
        track.knows(known::CLIENT_ISN)
            && track.client_isn == self.isn
            && track.knows(known::CLIENT_HIGH) == self.client_is_high
    }
}

impl Table {
    /// What a SYN or SYN-ACK opens; `newest` is the newest track of its 5-tuple.
    ///
    /// A SYN-ACK acknowledges the SYN, and what data came with it (RFC 7413): all that the client has sent.
    pub(super) fn opening(&self, newest: Option<TrackIndex>, digest: &Digest, segment: &Segment) -> Opening {
        if segment.is_syn() {
            return Opening { isn: segment.seq, client_is_high: digest.reversed };
        }
        let plain = Opening { isn: segment.ack.wrapping_sub(1), client_is_high: !digest.reversed };
        let answers = |track: &Track| {
            let is_first = track.has_only_begun() && track.end_out == segment.ack;
            let is_copy = track.knows(known::SERVER_ISN) && track.server_isn == segment.seq;
            track.knows(known::SYN)
                && track.knows(known::CLIENT_HIGH) == plain.client_is_high
                && (is_first || is_copy)
                && tcp::continues(segment.ack, track.client_isn)
        };
        let incarnations = newest.into_iter().flat_map(|newest| self.incarnations(newest));
        let answered = incarnations.map(|t| self.track(t)).find(|track| answers(track));
        answered.map_or(plain, |track| Opening { isn: track.client_isn, ..plain })
    }

    /// The incarnation of a 5-tuple that a segment belongs to; opened if it starts a new one. A SYN or SYN-ACK comes with
    /// what it opens.
    pub(super) fn incarnation(
        &mut self,
        newest: TrackIndex,
        seen: &Sighting<'_>,
        digest: &Digest,
        segment: &Segment,
        opening: Option<Opening>,
    ) -> TrackIndex {
        let here = (digest.key, seen.place, seen.tunnel);
        let is_reused = self.track(newest).older != TrackIndex::NONE;
        let current = if is_reused { self.current.get(&here).copied() } else { None };
        let Some(opening) = opening else {
            return self.incarnation_of_data(current, newest, seen, digest, segment);
        };
        let known = self.incarnation_of_handshake(current, newest, digest, segment, opening);
        let track = known
            .or_else(|| self.beginning_of(newest, seen, opening))
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
        opening: Opening,
    ) -> Option<TrackIndex> {
        let isn = opening.isn;
        let is_it = |t: TrackIndex| {
            let track = self.track(t);
            track.key == digest.key && opening.is_of(track)
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

    /// The newest incarnation whose beginning was missed elsewhere and that this handshake can have begun. Others may have
    /// followed it there.
    fn beginning_of(&self, newest: TrackIndex, seen: &Sighting<'_>, opening: Opening) -> Option<TrackIndex> {
        self.incarnations(newest).find(|track| self.can_begin(*track, seen, opening))
    }

    fn can_begin(&self, incarnation: TrackIndex, seen: &Sighting<'_>, opening: Opening) -> bool {
        let Opening { isn, client_is_high } = opening;
        let track = self.track(incarnation);
        if track.knows(known::CLIENT_ISN) {
            return false;
        }
        let was_seen_here =
            self.legs_of(incarnation).any(|(_, leg)| leg.place == seen.place && leg.tunnel == seen.tunnel);
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
        !was_seen_here && reached.is_some_and(|reached| tcp::continues(reached, isn))
    }

    /// The incarnation that a segment without SYN continues.
    fn incarnation_of_data(
        &mut self,
        current: Option<TrackIndex>,
        newest: TrackIndex,
        seen: &Sighting<'_>,
        digest: &Digest,
        segment: &Segment,
    ) -> TrackIndex {
        if let Some(current) = current.filter(|_| segment.flags & flag::RST != 0)
            && self.is_refusal(current, seen.point, segment)
        {
            return current;
        }
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
}
