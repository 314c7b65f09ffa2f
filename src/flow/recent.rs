//! The segments that passed lately, by what NAT keeps of them.
//!
//! A conversation whose beginning was not seen has no initial sequence numbers to be joined by. But inside one clock domain the
//! copy of a segment on the other side of a NAT follows within microseconds, with the same sequence and acknowledgement
//! numbers and the same IP identification, 80 bits that no other segment shares. Segmentation offload keeps the numbers
//! that a super-packet starts with, so lengths are left out.

use crate::digest::Digest;
use crate::flow::track::TrackIndex;
use crate::frame::PointIndex;

/// Segments remembered: a tenth of a second at a million packets per second; half a megabyte, which a level-2 cache holds.
const SLOTS: usize = 1 << 16;

#[derive(Debug)]
pub(super) struct Recent {
    slots: Vec<(u32, TrackIndex)>,
}

impl Default for Recent {
    fn default() -> Self {
        Self { slots: vec![(0, TrackIndex::NONE); SLOTS] }
    }
}

/// A segment's place in the memory and what tells it from others there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    slot: u16,
    check: u32,
}

impl Mark {
    /// Each point's segments have marks of their own: what another point showed may be a copy, but need not have come before.
    pub(super) fn of(digest: &Digest, point: PointIndex) -> Self {
        let numbers = u64::from(digest.seq) << 32 | u64::from(digest.ack);
        let others = u64::from(point.0) << 16 | u64::from(digest.ip_id);
        let mixed =
            (numbers ^ others.wrapping_mul(0xa24b_aed4_963e_e407)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
        Self { slot: (mixed >> 48) as u16, check: mixed as u32 }
    }
}

impl Recent {
    /// The track that showed this segment last.
    pub(super) fn track(&self, mark: Mark) -> Option<TrackIndex> {
        let (check, track) = self.slots[mark.slot as usize];
        (check == mark.check && track != TrackIndex::NONE).then_some(track)
    }

    #[inline]
    pub(super) fn remember(&mut self, mark: Mark, track: TrackIndex) {
        self.slots[mark.slot as usize] = (mark.check, track);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(seq: u32, ack: u32, ip_id: u16) -> Mark {
        Mark::of(&Digest { seq, ack, ip_id, ..Digest::default() }, PointIndex(0))
    }

    #[test]
    fn a_segment_is_known_again_by_all_of_its_numbers() {
        let mut recent = Recent::default();
        recent.remember(mark(1, 2, 3), TrackIndex(7));
        assert_eq!(recent.track(mark(1, 2, 3)), Some(TrackIndex(7)));
        for other in [mark(2, 2, 3), mark(1, 3, 3), mark(1, 2, 4)] {
            assert_eq!(recent.track(other), None);
        }
    }

    #[test]
    fn another_points_segments_are_not_known_again() {
        let mut recent = Recent::default();
        recent.remember(mark(1, 2, 3), TrackIndex(7));
        let elsewhere = Mark::of(&Digest { seq: 1, ack: 2, ip_id: 3, ..Digest::default() }, PointIndex(1));
        assert_eq!(recent.track(elsewhere), None);
    }
}
