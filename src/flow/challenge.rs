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
//! 2. the client's reset of a number that is doubted is a *refusal*: that is void. So is one of anything but what follows
//!    the SYN, where answers are not seen at all.
//!
//! What is doubted and never refused may also be the answer to packets that the capture lost, and counts when a gap is looked
//! for. Both are told by one point's packets alone, so that it makes no difference how points are interleaved.

use smallvec::SmallVec;

use crate::digest::tcp as flag;
use crate::flow::leg::{LegIndex, shown};
use crate::flow::table::Table;
use crate::flow::track::{Segment, TrackIndex, known};
use crate::frame::PointIndex;

/// A number that was acknowledged instead of the SYN's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doubt {
    number: u32,
    is_refused: bool,
}

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
        let point = self.point_of(self.leg(leg));
        if is_out {
            return self.is_refusal(track, point, segment) || !self.shows_back(track, point);
        }
        self.doubted.insert(leg, Doubt { number, is_refused: false });
        true
    }

    fn shows_back(&self, track: TrackIndex, point: PointIndex) -> bool {
        self.legs_of(track).any(|(_, leg)| leg.back > 0 && self.point_of(leg) == point)
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

    /// Whether a segment is the reset that refuses what was doubted of a track at the point; notes that it was.
    pub(super) fn is_refusal(&mut self, track: TrackIndex, point: PointIndex, segment: &Segment) -> bool {
        if segment.flags & (flag::RST | flag::ACK) != flag::RST || self.doubted.is_empty() {
            return false;
        }
        let here: SmallVec<[LegIndex; 8]> =
            self.legs_of(track).filter(|(_, leg)| self.point_of(leg) == point).map(|(leg, _)| leg).collect();
        let mut is_refusal = false;
        for leg in here {
            if let Some(doubt) = self.doubted.get_mut(&leg).filter(|doubt| doubt.number == segment.seq) {
                doubt.is_refused = true;
                is_refusal = true;
            }
        }
        is_refusal
    }

    /// What a leg showed to be acknowledged instead of its SYN, if the client did not refuse it.
    pub fn doubted(&self, leg: LegIndex) -> Option<u32> {
        self.doubted.get(&leg).filter(|doubt| !doubt.is_refused).map(|doubt| doubt.number)
    }

    /// Whether a leg showed that somebody answered its SYN with what is remembered of another connection.
    pub fn was_challenged(&self, leg: LegIndex) -> bool {
        self.doubted.contains_key(&leg)
    }
}
