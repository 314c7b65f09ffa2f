//! What a TCP segment does to the table: which track and leg it belongs to, what it says of both, and what can be joined by it.

use std::hash::BuildHasher as _;

use crate::decode;
use crate::digest::{Digest, tcp as flag};
use crate::flow::incarnation::Opening;
use crate::flow::join::Index;
use crate::flow::leg::{LegIndex, shown};
use crate::flow::sign::{self, Class, Print};
use crate::flow::table::{Sighting, Table};
use crate::flow::tcp;
use crate::flow::track::{Segment, TrackIndex, known};
use crate::frame::Timestamp;

/// A SYN that comes again sooner than this, in ns, is another device's copy at one place, not a retry: no kernel waits less
/// than 200 ms.
const RETRY_AFTER: i64 = 100_000_000;

/// SYNs sent again that are kept of one leg: enough to tell the story.
const RETRIES_KEPT: usize = 8;

impl Table {
    /// Takes in a segment; returns its track.
    pub(super) fn segment(&mut self, seen: &Sighting<'_>, digest: &Digest, found: TrackIndex) -> TrackIndex {
        let is_syn = digest.flags & flag::SYN != 0;
        let segment = Segment {
            seq: digest.seq,
            end: digest.seq.wrapping_add(digest.payload_len).wrapping_add(is_syn as u32),
            ack: digest.ack,
            payload: digest.payload_len,
            flags: digest.flags,
        };
        let newest = self.newest(digest, found);
        let opening = is_syn.then(|| self.opening(newest, digest, &segment));
        let track = match newest {
            None => self.open(digest, None),
            Some(newest) if !is_syn && self.track(newest).older == TrackIndex::NONE => newest,
            Some(newest) => self.incarnation(newest, seen, digest, &segment, opening),
        };
        let learned = match opening {
            Some(opening) => self.learn_handshake(track, seen, digest, &segment, opening),
            None => Learned::NOTHING,
        };
        let leg = self.leg_at(track, seen);
        let is_out = self.track(track).is_out(digest.reversed);
        let is_of_another = self.is_of_another(track, leg, is_out, &segment);
        if is_out {
            self.note_out(leg, seen, digest);
            if !is_of_another {
                self.note_segment_out(track, leg, seen, &segment);
            }
        } else {
            self.note_back(leg, seen, digest);
            self.note_facing(track, leg, seen, digest);
            if segment.is_syn_ack() {
                self.note_rtt(track, leg, seen.time);
            }
        }
        if !is_of_another {
            self.tracks[track.0 as usize].note(is_out, &segment);
        }
        self.mark_changed(track);
        if learned.syn {
            self.join_by_print(track, Index::syn_print(segment.seq, digest.ip_id), seen);
        }
        if learned.pair {
            self.part_from_strangers(track);
            self.join_by_pair(track);
        }
        let is_open = !self.leg(leg).has_shown(shown::SYN);
        if is_out || is_open {
            let is_open = is_open && segment.flags & flag::RST == 0;
            self.recent.note(digest, seen.point, track, is_open, self.tracks.len());
        }
        self.hear_segment(track, leg, is_out, seen, digest);
        if self.expected_points > 1 && !is_syn && segment.flags & flag::RST == 0 {
            self.note_numbers(track, leg, seen, digest, is_out);
        }
        track
    }

    /// Keeps a segment's numbers, to be found again at other points: of what was captured from its middle more than of
    /// what began here, and there only of data.
    #[inline]
    fn note_numbers(
        &mut self,
        track: TrackIndex,
        leg: LegIndex,
        seen: &Sighting<'_>,
        digest: &Digest,
        is_out: bool,
    ) {
        let entry = self.leg(leg);
        let has_begun = entry.has_shown(shown::SYN);
        let (nth, few) = match (is_out, has_begun) {
            (true, false) => (entry.out, 4),
            (true, true) => (entry.out, 2),
            (false, false) => (entry.back, 4),
            (false, true) => (entry.back, 1),
        };
        if (has_begun && digest.payload_len == 0)
            || !sign::is_kept(sign::key(digest, &[]), nth, few)
            || (nth > few && !self.signs.has_room(seen.point))
        {
            return;
        }
        let hash = self.hasher.hash_one((digest.key.protocol, digest.seq, digest.ack, digest.ip_id));
        let print = Print::new(Class::Numbers, hash);
        self.signs.add(print, track, (seen.place, seen.tunnel), seen.time, digest.reversed);
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

    /// Takes in what a SYN or SYN-ACK says of who is who; tells what was news.
    fn learn_handshake(
        &mut self,
        track: TrackIndex,
        seen: &Sighting<'_>,
        digest: &Digest,
        segment: &Segment,
        opening: Opening,
    ) -> Learned {
        self.orient(track, opening.client_is_high);
        let entry = &mut self.tracks[track.0 as usize];
        let mut learned = Learned::NOTHING;
        if entry.knows(known::CLIENT_ISN) && entry.client_isn != opening.isn {
            return learned;
        }
        entry.client_isn = opening.isn;
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
    pub(super) fn orient(&mut self, track: TrackIndex, client_is_high: bool) {
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
        self.turn_legs(track);
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

fn swap_bits(bits: u16, a: u16, b: u16) -> u16 {
    let (had_a, had_b) = (bits & a != 0, bits & b != 0);
    let cleared = bits & !(a | b);
    cleared | if had_a { b } else { 0 } | if had_b { a } else { 0 }
}
