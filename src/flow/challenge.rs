//! Acknowledgements of another conversation, which answer a SYN instead of a SYN-ACK.
//!
//! A server that still remembers a connection under the SYN's 5-tuple (in TIME-WAIT, or half open) answers with what it
//! expects next of *that* one (RFC 5961 §4, RFC 9293 §3.10.7.4). The client, which knows nothing of it, refuses with a reset
//! of the acknowledged number (RFC 9293 §3.10.7.3) and sends its SYN again; NAT, which saw a connection end, may give the
//! second SYN another port. Where many share one address this happens all the time.
//!
//! Neither packet's numbers are those of the conversation that opens, so neither may tell its ends, nor that it was reset.
//! Where the client has shown nothing but SYNs,
//! 1. an acknowledgement of anything but the SYN is *doubted*: it is kept aside;
//! 2. a reset by the client of anything but what follows the SYN is a *refusal*: what was doubted is void.
//!
//! What is doubted and never refused may also be the answer to packets that the capture lost, and counts when a gap is looked
//! for. Both are told by one point's packets alone, so that it makes no difference how points are interleaved.

use smallvec::SmallVec;

use crate::digest::tcp as flag;
use crate::flow::leg::{LegIndex, shown};
use crate::flow::table::Table;
use crate::flow::track::{Segment, TrackIndex, known};
use crate::frame::PointIndex;

/// What a client shows that has got further than its SYN.
const BEGUN: u8 = shown::FIN | shown::DATA | shown::OPEN_ACK;

impl Table {
    /// Whether a segment's numbers belong to another conversation than the one that opens here, as far as can be told.
    #[inline]
    pub(super) fn is_of_another(
        &mut self,
        track: TrackIndex,
        leg: LegIndex,
        is_out: bool,
        segment: &Segment,
    ) -> bool {
        let entry = &self.tracks[track.0 as usize];
        let next = entry.client_isn.wrapping_add(1);
        let (number, is_its_kind) = if is_out {
            (segment.seq, segment.flags & (flag::RST | flag::ACK) == flag::RST)
        } else {
            (segment.ack, segment.flags & (flag::RST | flag::ACK) == flag::ACK)
        };
        if !is_its_kind
            || segment.flags & flag::SYN != 0
            || number == next
            || !entry.knows(known::CLIENT_ISN)
            || !self.only_opens(track, leg)
        {
            return false;
        }
        if is_out {
            self.refuse(track, leg);
        } else {
            self.doubted.insert(leg, number);
        }
        true
    }

    /// Whether nothing but SYNs was seen of the client where a leg's packets pass. The old cooked format parts the two
    /// directions: there, the point's other legs tell.
    #[inline]
    fn only_opens(&self, track: TrackIndex, leg: LegIndex) -> bool {
        let own = self.leg(leg);
        if own.out > 0 {
            return own.shown & (shown::SYN | BEGUN) == shown::SYN;
        }
        let point = self.point_of(own);
        let mut outward =
            self.legs_of(track).filter(|(_, l)| l.out > 0 && self.point_of(l) == point).peekable();
        outward.peek().is_some() && outward.all(|(_, l)| l.shown & (shown::SYN | BEGUN) == shown::SYN)
    }

    /// Whether a segment is the reset that refuses what was doubted of a track at the point.
    pub(super) fn is_refusal(&self, track: TrackIndex, point: PointIndex, segment: &Segment) -> bool {
        segment.flags & (flag::RST | flag::ACK) == flag::RST
            && !self.doubted.is_empty()
            && self.legs_of(track).any(|(leg, entry)| {
                self.point_of(entry) == point && self.doubted.get(&leg) == Some(&segment.seq)
            })
    }

    /// What was doubted where a leg's packets pass is void.
    #[cold]
    fn refuse(&mut self, track: TrackIndex, leg: LegIndex) {
        let point = self.point_of(self.leg(leg));
        let here: SmallVec<[LegIndex; 8]> =
            self.legs_of(track).filter(|(_, l)| self.point_of(l) == point).map(|(l, _)| l).collect();
        for leg in here {
            self.doubted.remove(&leg);
        }
    }

    /// What a leg showed to be acknowledged instead of its SYN, if the client did not refuse it.
    pub fn doubted(&self, leg: LegIndex) -> Option<u32> {
        self.doubted.get(&leg).copied()
    }
}
