//! Some keys of a long list in their order, without bringing the list into order or holding it.
//!
//! The keys are gone through twice. A survey counts them and keeps a sample, one of n here and there; in order, the sample
//! tells about which two keys those of a range lie between. What lies between these two is kept the second time, and brought into
//! order. If the sample misled, all are: it costs time, and makes no difference. A million keys take some 100 KiB so.

use std::ops::Range;

/// Keys that a sample has at most. Of a shorter list it is the list.
const SAMPLE: usize = 1 << 13;

/// How far from its place by the sample a key may lie, in keys of the sample: twice the square root of [`SAMPLE`], which is some four
/// times what chance makes of it where it is half-way.
const SLACK: usize = 181;

/// What going through a list has told of it.
#[derive(Debug)]
pub(super) struct Survey<K> {
    /// How many keys there are.
    pub total: usize,
    /// How many come before the one that was asked for, if that is among them.
    pub rank: Option<usize>,
    /// In order.
    sample: Vec<K>,
    /// One key in so many is in the sample: a power of 2.
    step: u32,
}

impl<K: Ord + Copy> Survey<K> {
    /// Goes through `keys`, which differ from each other; `wanted` is the one that is asked for.
    pub(super) fn of(keys: impl Iterator<Item = K>, wanted: Option<K>) -> Self {
        let (mut total, mut step, mut sample) = (0, 1, Vec::new());
        let (mut before, mut is_there) = (0, false);
        for key in keys {
            let lot = lot(total);
            total += 1;
            if lot.is_multiple_of(step) {
                sample.push((key, lot));
            }
            if sample.len() > SAMPLE {
                step *= 2;
                sample.retain(|(_, lot)| lot.is_multiple_of(step));
            }
            if let Some(wanted) = wanted {
                before += usize::from(key < wanted);
                is_there |= key == wanted;
            }
        }
        let mut sample: Vec<K> = sample.into_iter().map(|(key, _)| key).collect();
        sample.sort_unstable();
        Self { total, rank: is_there.then_some(before), sample, step }
    }

    /// The keys of `range` in order, of the list that was surveyed.
    pub(super) fn excerpt<I: Iterator<Item = K>>(&self, keys: impl Fn() -> I, range: Range<usize>) -> Vec<K> {
        if range.is_empty() {
            return Vec::new();
        }
        if self.step == 1 {
            return self.sample[range].to_vec();
        }
        let at = |key: usize| key * self.sample.len() / self.total;
        let low = at(range.start).checked_sub(SLACK).and_then(|low| self.sample.get(low)).copied();
        let high = self.sample.get(at(range.end) + SLACK).copied();
        let mut before = 0;
        let is_between = |key: &K| {
            let is_before = low.is_some_and(|low| *key < low);
            before += usize::from(is_before);
            !is_before && high.is_none_or(|high| *key < high)
        };
        let between: Vec<K> = keys().filter(is_between).collect();
        if before <= range.start && range.end <= before + between.len() {
            ordered(between, range.start - before..range.end - before)
        } else {
            ordered(keys().collect(), range)
        }
    }
}

/// The number that the key at a place of the list draws: lists have patterns, and a sample of every n-th would follow them.
fn lot(at: usize) -> u32 {
    ((at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32
}

/// The keys of `range` in order; the others are merely parted from them.
fn ordered<K: Ord + Copy>(mut keys: Vec<K>, range: Range<usize>) -> Vec<K> {
    if range.end < keys.len() {
        keys.select_nth_unstable(range.end - 1);
        keys.truncate(range.end);
    }
    if range.start > 0 {
        keys.select_nth_unstable(range.start);
    }
    let mut page = keys.split_off(range.start);
    page.sort_unstable();
    page
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Lists of many keys in orders of several kinds, each with its length.
    fn lists() -> Vec<Vec<u64>> {
        let scattered = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut lists = Vec::new();
        for length in [0, 1, 100, SAMPLE as u64, SAMPLE as u64 + 1, 50_000, 100_001] {
            lists.push((0..length).collect());
            lists.push((0..length).rev().collect());
            lists.push((0..length).map(scattered).collect());
            // Low and high ones take turns.
            lists.push((0..length).map(|n| if n % 2 == 0 { n } else { n + 1_000_000 }).collect());
        }
        lists
    }

    #[test]
    fn an_excerpt_is_what_stands_there_in_the_ordered_list() {
        for list in lists() {
            let mut sorted = list.clone();
            sorted.sort_unstable();
            let survey = Survey::of(list.iter().copied(), None);
            assert_eq!(survey.total, list.len());
            let last = list.len();
            let around = |at: usize| at.min(last)..(at + 100).min(last);
            for range in
                [around(0), around(last / 3), around(last / 2), last.saturating_sub(100)..last, 0..last]
            {
                assert_eq!(survey.excerpt(|| list.iter().copied(), range.clone()), sorted[range]);
            }
        }
    }

    #[test]
    fn a_rank_is_the_number_of_keys_before() {
        for list in lists() {
            let Some(wanted) = list.get(list.len() / 3) else { continue };
            let before = list.iter().filter(|key| *key < wanted).count();
            assert_eq!(Survey::of(list.iter().copied(), Some(*wanted)).rank, Some(before));
        }
        assert_eq!(Survey::of([1, 3].into_iter(), Some(2)).rank, None);
    }

    #[test]
    fn a_sample_stays_small_and_leads_to_the_keys_whatever_pattern_they_have() {
        // 64 servers take turns.
        let list = || (0..1_000_000_u64).map(|n| (n % 64, n));
        let survey = Survey::of(list(), None);
        assert!((SAMPLE / 4..=SAMPLE).contains(&survey.sample.len()), "{}", survey.sample.len());
        let passes = Cell::new(0);
        let keys = || {
            passes.set(passes.get() + 1);
            list()
        };
        for first in [0, 20_000, 499_950, 999_900] {
            passes.set(0);
            assert_eq!(survey.excerpt(keys, first..first + 100).len(), 100);
            assert_eq!(passes.get(), 1, "{first}");
        }
    }
}
