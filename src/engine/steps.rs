//! Time in equal steps, a fixed number of them: what is counted by time over a run of any length.
//!
//! Steps begin short and double whenever the run has outgrown them, so that a step of before is always a whole part of one of now. A
//! time that lies far from all that were seen waits for another like it: one absurd time must not press a run into one step.

use crate::frame::Timestamp;

/// Steps at most.
pub(super) const STEPS: usize = 240;

/// The first length of a step, in ns: 1 s, halved nine times. It makes half a second of [`STEPS`].
const SHORTEST: i64 = 1_953_125;

/// How far from the others a time may be without another like it, in ns: a day.
const FAR: i64 = 86_400_000_000_000;

/// Where a time lies.
#[derive(Debug, Clone)]
pub(super) struct Steps {
    /// The start of the first step, a whole number of steps since 1970; `None` before the first time.
    pub start: Option<i64>,
    pub length: i64,
    /// Steps that there are.
    pub count: usize,
    doubtful: Option<i64>,
}

/// How steps have changed: step `n` is now step `(n + before) >> doublings`, if `before` are put in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub before: usize,
    pub doublings: u32,
}

impl Default for Steps {
    fn default() -> Self {
        Self { start: None, length: SHORTEST, count: 0, doubtful: None }
    }
}

impl Steps {
    /// Makes room for a time. Returns the time that it is counted at, which is another if it is absurd, and what
    /// became of the steps.
    pub(super) fn admit(&mut self, time: Timestamp) -> (Timestamp, Change) {
        let mut change = Change { before: 0, doublings: 0 };
        let time = time.nanos();
        let Some(start) = self.start else {
            self.start = Some(floor(time, self.length));
            self.count = 1;
            return (Timestamp::from_nanos(time), change);
        };
        let end = start.saturating_add(self.length.saturating_mul(self.count as i64));
        if (start..end).contains(&time) {
            return (Timestamp::from_nanos(time), change);
        }
        let is_far = time < start.saturating_sub(FAR) || time > end.saturating_add(FAR);
        if is_far && self.doubtful.is_none_or(|other| time.saturating_sub(other).saturating_abs() >= FAR) {
            self.doubtful = Some(time);
            return (Timestamp::from_nanos(time.clamp(start, end - 1)), change);
        }
        let (first, last) = (start.min(time), (end - 1).max(time));
        let mut length = self.length;
        while needed(first, last, length) > STEPS as i64 {
            length *= 2;
            change.doublings += 1;
        }
        let new = floor(first, length);
        // In steps of before: how far the first of them lies behind the new start.
        change.before = ((start - new) / self.length) as usize;
        self.start = Some(new);
        self.length = length;
        self.count = needed(first, last, length) as usize;
        (Timestamp::from_nanos(time), change)
    }

    /// The step of a time that was admitted.
    pub(super) fn step(&self, time: Timestamp) -> usize {
        let since = time.nanos().saturating_sub(self.start.unwrap_or_default());
        (since / self.length).clamp(0, self.count.saturating_sub(1) as i64) as usize
    }

    pub(super) fn start(&self) -> Option<Timestamp> {
        self.start.map(Timestamp::from_nanos)
    }
}

impl Change {
    pub(super) fn is_none(self) -> bool {
        self == Self { before: 0, doublings: 0 }
    }

    /// Moves counts into the steps that they belong to now.
    pub(super) fn apply<T: Copy + Default + std::ops::AddAssign>(self, counts: &mut Vec<T>, steps: usize) {
        if !self.is_none() {
            let mut moved = vec![T::default(); steps];
            for (step, count) in counts.iter().enumerate() {
                moved[((step + self.before) >> self.doublings).min(steps - 1)] += *count;
            }
            *counts = moved;
        } else if counts.len() < steps {
            counts.resize(steps, T::default());
        }
    }
}

fn floor(time: i64, length: i64) -> i64 {
    // The lowest times have no whole step below them.
    time.checked_sub(time.rem_euclid(length)).unwrap_or(time)
}

fn needed(first: i64, last: i64, length: i64) -> i64 {
    let start = floor(first, length);
    last.saturating_sub(start) / length + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn at(ns: i64) -> Timestamp {
        Timestamp::from_nanos(1_795_394_486_586_575_000 + ns)
    }

    /// Counts of `times`, each entered as it comes.
    fn counted(times: &[i64]) -> (Steps, Vec<u64>) {
        let (mut steps, mut counts) = (Steps::default(), Vec::new());
        for time in times {
            let (time, change) = steps.admit(at(*time));
            change.apply(&mut counts, steps.count);
            counts[steps.step(time)] += 1;
        }
        (steps, counts)
    }

    #[test]
    fn a_run_of_any_length_has_a_bounded_number_of_steps_and_loses_no_count() {
        for length in [SECOND, 40 * SECOND, 3_600 * SECOND, 40_000_000 * SECOND] {
            let times: Vec<i64> = (0..1000).map(|n| n * (length / 1000)).collect();
            let (steps, counts) = counted(&times);
            assert!(counts.len() <= STEPS, "{} steps over {length} ns", counts.len());
            assert_eq!(counts.len(), steps.count);
            assert_eq!(counts.iter().sum::<u64>(), 1000);
            assert!(steps.length == SHORTEST || counts.len() >= STEPS / 2, "they are as fine as they can be");
        }
    }

    #[test]
    fn what_comes_late_is_counted_where_it_belongs() {
        let forwards: Vec<i64> = (0..600).map(|n| n * SECOND / 3).collect();
        let backwards: Vec<i64> = forwards.iter().rev().copied().collect();
        let ((a, one), (b, other)) = (counted(&forwards), counted(&backwards));
        assert_eq!((a.start, a.length, one), (b.start, b.length, other));
    }

    #[test]
    fn a_time_stays_in_its_step_when_steps_double() {
        let (mut steps, mut counts) = (Steps::default(), Vec::<u64>::new());
        let (first, change) = steps.admit(at(7 * SECOND));
        change.apply(&mut counts, steps.count);
        counts[steps.step(first)] += 1;
        for seconds in [0, 100, 5_000, 70_000] {
            let (_, change) = steps.admit(at(seconds * SECOND));
            change.apply(&mut counts, steps.count);
            assert_eq!(counts[steps.step(first)], 1, "after {seconds} s");
        }
    }

    #[test]
    fn one_absurd_time_presses_nothing_together() {
        let (steps, counts) = counted(&[0, SECOND / 10, 400 * 86_400 * SECOND, SECOND / 5]);
        assert_eq!((steps.length, counts.iter().sum::<u64>()), (SHORTEST, 4));
        let (steps, _) = counted(&[0, 400 * 86_400 * SECOND, 400 * 86_400 * SECOND + 1]);
        assert!(steps.length > SHORTEST, "two are believed");
        for absurd in [Timestamp::MIN, Timestamp::MAX] {
            let mut steps = Steps::default();
            steps.admit(absurd);
            steps.admit(at(0));
            steps.admit(at(1));
            steps.admit(absurd);
            assert!(steps.count <= STEPS);
        }
    }
}
