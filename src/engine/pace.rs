//! Frames over the time of the capture, and bytes in all.

use super::steps::Steps;
use crate::digest::Head;
use crate::snapshot;

#[derive(Debug, Default)]
pub(super) struct Pace {
    steps: Steps,
    frames: Vec<u64>,
    total_bytes: u64,
}

impl Pace {
    /// Counts a batch's frames. One whose first and last frame fall into one step costs a single look.
    pub(super) fn count(&mut self, heads: &[Head]) {
        let (Some(first), Some(last)) = (heads.first(), heads.last()) else { return };
        let (low, high) = (self.admit(first), self.admit(last));
        // Admitting the last may have moved the step of the first.
        let is_one =
            low.is_some() && self.steps.step(first.time) == self.steps.step(last.time) && high.is_some();
        if is_one {
            let bytes = heads.iter().map(|head| u64::from(head.original)).sum();
            self.add(self.steps.step(last.time), heads.len() as u64, bytes);
        } else {
            for head in heads {
                let step = self.admit(head);
                let step = step.unwrap_or_else(|| self.steps.count.saturating_sub(1));
                self.add(step, 1, u64::from(head.original));
            }
        }
    }

    /// The step of a frame; `None` if its time is absurd.
    fn admit(&mut self, head: &Head) -> Option<usize> {
        let (time, change) = self.steps.admit(head.time);
        change.apply(&mut self.frames, self.steps.count);
        (time == head.time).then(|| self.steps.step(time))
    }

    fn add(&mut self, step: usize, frames: u64, bytes: u64) {
        self.frames[step] += frames;
        self.total_bytes += bytes;
    }

    pub(super) fn shown(&self) -> snapshot::Pace {
        snapshot::Pace { frames: self.frames.clone(), total_bytes: self.total_bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Timestamp;

    fn head(ms: i64) -> Head {
        let time = Timestamp::from_nanos(1_795_394_486_586_575_000 + ms * 1_000_000);
        Head { time, start: 0, captured: 60, original: 1_000, interface: 0 }
    }

    #[test]
    fn every_frame_is_counted_whether_its_batch_is_short_or_long() {
        let mut pace = Pace::default();
        pace.count(&[head(0), head(1), head(2)]);
        pace.count(&[head(3), head(40_000), head(80_000)]);
        pace.count(&[head(80_000), head(400 * 86_400_000), head(80_001)]);
        pace.count(&[]);
        let shown = pace.shown();
        assert_eq!(shown.frames.iter().sum::<u64>(), 9);
        assert_eq!(shown.total_bytes, 9_000);
        assert_eq!(shown.frames.first(), Some(&4), "the first four came within 3 ms");
    }
}
