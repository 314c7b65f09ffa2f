//! The hash index of the flow table: from a key's hash to the newest track with that key.
//!
//! Open addressing, linear probing, eight bytes a slot: the 32-bit hash and the track's index. The hash arrives with
//! each digest and is stored, so a probe compares eight bytes before it touches a track, growing touches no
//! track at all, and a whole batch's slots can be brought into the cache before the first is used.

use crate::flow::forget::Renumbered;
use crate::flow::track::TrackIndex;

#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u32,
    track: TrackIndex,
}

/// Slots of the smallest table.
const SMALLEST: usize = 1 << 12;

const EMPTY: Slot = Slot { hash: 0, track: TrackIndex::NONE };

#[derive(Debug)]
pub struct Slots {
    /// A power of two of them, at most 5/8 full.
    slots: Vec<Slot>,
    used: usize,
}

impl Default for Slots {
    fn default() -> Self {
        Self { slots: vec![EMPTY; SMALLEST], used: 0 }
    }
}

impl Slots {
    fn mask(&self) -> usize {
        self.slots.len() - 1
    }

    /// Spreads the hash's upper bits over the table; the lower bits alone would repeat in every smaller table.
    fn home(&self, hash: u32) -> usize {
        (hash as usize).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - self.slots.len().trailing_zeros())
    }

    /// The first candidate's index for `hash`, if its slot is taken: a touch, to warm the cache, and a good guess.
    #[inline]
    pub fn peek(&self, hash: u32) -> TrackIndex {
        self.slots[self.home(hash)].track
    }

    /// The track for which `is_it` holds among those with this hash.
    #[inline]
    pub fn find(&self, hash: u32, mut is_it: impl FnMut(TrackIndex) -> bool) -> Option<TrackIndex> {
        let mut at = self.home(hash);
        loop {
            let slot = self.slots[at];
            if slot.track == TrackIndex::NONE {
                return None;
            }
            if slot.hash == hash && is_it(slot.track) {
                return Some(slot.track);
            }
            at = (at + 1) & self.mask();
        }
    }

    /// Enters a track under a hash; the caller knows that its key is not there.
    pub fn insert(&mut self, hash: u32, track: TrackIndex) {
        if (self.used + 1) * 8 > self.slots.len() * 5 {
            self.grow();
        }
        self.place(Slot { hash, track });
        self.used += 1;
    }

    /// Puts `newer` where `older` was.
    pub fn replace(&mut self, hash: u32, older: TrackIndex, newer: TrackIndex) {
        let mut at = self.home(hash);
        while self.slots[at].track != TrackIndex::NONE {
            if self.slots[at].track == older {
                self.slots[at].track = newer;
                return;
            }
            at = (at + 1) & self.mask();
        }
    }

    /// Takes a track out, and moves up what had to make way for it.
    pub fn remove(&mut self, hash: u32, track: TrackIndex) {
        let mut at = self.home(hash);
        while self.slots[at].track != track {
            if self.slots[at].track == TrackIndex::NONE {
                return;
            }
            at = (at + 1) & self.mask();
        }
        self.used -= 1;
        let mut probe = at;
        loop {
            probe = (probe + 1) & self.mask();
            let slot = self.slots[probe];
            if slot.track == TrackIndex::NONE {
                break;
            }
            let wanted = self.home(slot.hash);
            // The slot may move up if its home does not lie between the gap and itself, going round.
            if (probe.wrapping_sub(wanted) & self.mask()) >= (probe.wrapping_sub(at) & self.mask()) {
                self.slots[at] = slot;
                at = probe;
            }
        }
        self.slots[at] = EMPTY;
    }

    /// Gives every entry its track's new number, or that of its heir; entries without one go.
    pub(super) fn renumber(&mut self, new: &Renumbered) {
        let old = std::mem::take(&mut self.slots);
        let heir = |slot: Slot| Some(Slot { track: new.heir(slot.track)?, ..slot });
        let size = old.len();
        let kept: Vec<Slot> = old.into_iter().filter_map(heir).collect();
        self.used = kept.len();
        // Where little stays, less room will do for long enough.
        let wanted = (self.used * 4).next_power_of_two().max(SMALLEST);
        self.slots = vec![EMPTY; size.min(wanted)];
        for slot in kept {
            self.place(slot);
        }
    }

    /// The tracks entered.
    pub(super) fn tracks(&self) -> impl Iterator<Item = TrackIndex> + '_ {
        self.slots.iter().map(|slot| slot.track).filter(|track| *track != TrackIndex::NONE)
    }

    fn place(&mut self, slot: Slot) {
        let mut at = self.home(slot.hash);
        while self.slots[at].track != TrackIndex::NONE {
            at = (at + 1) & self.mask();
        }
        self.slots[at] = slot;
    }

    fn grow(&mut self) {
        let larger = vec![EMPTY; self.slots.len() * 2];
        for slot in std::mem::replace(&mut self.slots, larger) {
            if slot.track != TrackIndex::NONE {
                self.place(slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    proptest::proptest! {
        #[test]
        fn behaves_as_a_map(steps in proptest::collection::vec((0u32..400, proptest::bool::ANY), 0..3000)) {
            let mut slots = Slots::default();
            let mut model = HashMap::new();
            for (n, (key, removes)) in steps.into_iter().enumerate() {
                // A quarter as many hashes as keys, so that probing is put to work.
                let hash = (key / 4).wrapping_mul(0x0100_0001);
                let is_it = |model: &HashMap<u32, TrackIndex>, t| model.get(&key) == Some(&t);
                proptest::prop_assert_eq!(slots.find(hash, |t| is_it(&model, t)), model.get(&key).copied());
                let track = TrackIndex(n as u32);
                match (removes, model.get(&key).copied()) {
                    (true, Some(old)) => { slots.remove(hash, old); model.remove(&key); }
                    (false, Some(old)) => { slots.replace(hash, old, track); model.insert(key, track); }
                    (false, None) => { slots.insert(hash, track); model.insert(key, track); }
                    (true, None) => {}
                }
            }
        }
    }

    #[test]
    fn growing_loses_nothing() {
        let mut slots = Slots::default();
        for n in 0..100_000u32 {
            slots.insert(n.wrapping_mul(0x9e37_79b9), TrackIndex(n));
        }
        for n in 0..100_000u32 {
            assert_eq!(slots.find(n.wrapping_mul(0x9e37_79b9), |t| t.0 == n), Some(TrackIndex(n)));
        }
    }
}
