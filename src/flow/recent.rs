//! The segments that passed a point lately, by what NAT keeps of them.
//!
//! A conversation whose beginning was not seen has no initial sequence numbers to be joined by. But inside one clock domain the
//! copy of a segment on the other side of a NAT follows within microseconds, with the same sequence and acknowledgement
//! numbers and the same IP identification, 80 bits that no other segment shares. Segmentation offload keeps the numbers
//! that a super-packet starts with, so lengths are left out.
//!
//! Each point has a memory of its own, so that how points are interleaved makes no difference; and which tracks showed one
//! segment is only noted here, and weighed with everything else when a snapshot is asked for (`weigh`).

use std::mem;

use foldhash::HashSet;

use crate::digest::Digest;
use crate::flow::forget::Renumbered;
use crate::flow::track::TrackIndex;
use crate::frame::PointIndex;

/// Segments of one point that are remembered: a tenth of a second at a million packets per second; half a megabyte, which
/// a level-2 cache holds where nothing else drives it out.
const SLOTS: usize = 1 << 16;

/// Pairs of tracks that are noted, for each track there is: a node's devices show a few tracks of a conversation. More only
/// come of packets that were made to.
const PAIRS: usize = 4;

type Memory = Box<[(u32, TrackIndex)]>;

#[derive(Debug, Default)]
pub(super) struct Recent {
    points: Vec<Option<Memory>>,
    pairs: HashSet<(TrackIndex, TrackIndex)>,
}

impl Recent {
    /// Takes in a segment of a track; `is_open` if what began at this place was not seen there. `tracks` is how many there are.
    #[inline]
    pub(super) fn note(
        &mut self,
        digest: &Digest,
        point: PointIndex,
        track: TrackIndex,
        is_open: bool,
        tracks: usize,
    ) {
        let (slot, check) = mark(digest);
        let (known, last) = mem::replace(&mut self.memory(point)[slot], (check, track));
        if is_open && known == check && last != track && last != TrackIndex::NONE {
            let pair = (track.min(last), track.max(last));
            if self.pairs.len() < PAIRS * tracks {
                self.pairs.insert(pair);
            }
        }
    }

    /// Touches what [`Recent::note`] will need, to bring it into the cache.
    #[inline]
    pub(super) fn warm(&self, digest: &Digest, point: PointIndex) -> u32 {
        match self.points.get(usize::from(point.0)) {
            Some(Some(memory)) => memory[mark(digest).0].0,
            _ => 0,
        }
    }

    /// Tracks that showed one segment, smaller index first.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (TrackIndex, TrackIndex)> + '_ {
        self.pairs.iter().copied()
    }

    /// Gives the tracks their new numbers; what those showed that are gone is forgotten.
    pub(super) fn renumber(&mut self, new: &Renumbered) {
        for (_, track) in self.points.iter_mut().flatten().flat_map(|memory| memory.iter_mut()) {
            *track = new.track(*track).unwrap_or(TrackIndex::NONE);
        }
        let pairs = mem::take(&mut self.pairs);
        self.pairs = pairs.into_iter().filter_map(|(a, b)| Some((new.track(a)?, new.track(b)?))).collect();
    }

    #[inline]
    fn memory(&mut self, point: PointIndex) -> &mut Memory {
        let index = usize::from(point.0);
        if index >= self.points.len() {
            self.points.resize(index + 1, None);
        }
        self.points[index].get_or_insert_with(|| vec![(0, TrackIndex::NONE); SLOTS].into_boxed_slice())
    }
}

/// A segment's slot in the memory, and what tells it from others there.
#[inline]
fn mark(digest: &Digest) -> (usize, u32) {
    let numbers = u64::from(digest.seq) << 32 | u64::from(digest.ack);
    let mixed = (numbers ^ u64::from(digest.ip_id).wrapping_mul(0xa24b_aed4_963e_e407))
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    ((mixed >> 48) as usize, mixed as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(recent: &mut Recent, point: u16, (seq, ack, ip_id): (u32, u32, u16), track: u32, is_open: bool) {
        let digest = Digest { seq, ack, ip_id, ..Digest::default() };
        recent.note(&digest, PointIndex(point), TrackIndex(track), is_open, 100);
    }

    fn pairs(recent: &Recent) -> Vec<(u32, u32)> {
        let mut pairs: Vec<_> = recent.pairs().map(|(a, b)| (a.0, b.0)).collect();
        pairs.sort_unstable();
        pairs
    }

    #[test]
    fn a_segment_is_known_again_by_all_of_its_numbers() {
        let mut recent = Recent::default();
        note(&mut recent, 0, (1, 2, 3), 7, true);
        for other in [(2, 2, 3), (1, 3, 3), (1, 2, 4)] {
            note(&mut recent, 0, other, 8, true);
        }
        assert_eq!(pairs(&recent), []);
        note(&mut recent, 0, (1, 2, 3), 9, true);
        assert_eq!(pairs(&recent), [(7, 9)]);
    }

    #[test]
    fn another_points_segments_are_not_known_again() {
        let mut recent = Recent::default();
        note(&mut recent, 0, (1, 2, 3), 7, true);
        note(&mut recent, 1, (1, 2, 3), 8, true);
        assert_eq!(pairs(&recent), []);
    }

    #[test]
    fn what_has_begun_here_needs_no_other() {
        let mut recent = Recent::default();
        note(&mut recent, 0, (1, 2, 3), 7, false);
        note(&mut recent, 0, (1, 2, 3), 8, false);
        assert_eq!(pairs(&recent), []);
    }
}
