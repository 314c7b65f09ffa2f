//! Savefiles that are read no faster than they were captured, or so many times as fast.
//!
//! Frames are handed over when their time has come, by the clock of the first frame. What is late is handed over at once, and so is what
//! has a time before that of another. Nobody waits for more than [`PATIENCE`]: where a capture was quiet for longer, or one absurd
//! time stands in it, the clock goes on from the frame behind.

use std::time::{Duration, Instant};

use crate::capture::savefile::{Filled, Savefile};
use crate::command::merge::Merge;
use crate::digest::Batch;
use crate::frame::{PointIndex, Timestamp};

/// The longest that is waited for a frame.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long frames are gathered that are handed over together.
const TOGETHER: Duration = Duration::from_millis(20);

/// Files that are read by the clock.
#[derive(Debug)]
pub(super) struct Replay {
    files: Merge,
    /// Times as fast as it was captured.
    speed: f64,
    /// What was read, and the next frame of it.
    read: Batch,
    next: usize,
    has_ended: bool,
    clock: Option<Clock>,
}

/// A moment of the capture, and when it is shown.
#[derive(Debug, Clone, Copy)]
struct Clock {
    captured: Timestamp,
    shown: Instant,
}

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Take what has come to its time.
    Now,
    /// Wait so long, or look again before.
    In(Duration),
}

impl Replay {
    pub(super) fn new(files: Vec<(PointIndex, Savefile)>, speed: f64) -> Self {
        Self {
            files: Merge::new(files),
            speed,
            read: Batch::new(PointIndex(0)),
            next: 0,
            has_ended: false,
            clock: None,
        }
    }

    pub(super) fn points(&self) -> Vec<PointIndex> {
        self.files.points()
    }

    /// When something is to be handed over.
    pub(super) fn due(&mut self, now: Instant) -> Due {
        while self.next == self.read.heads.len() && self.is_told() && !self.has_ended {
            self.has_ended = self.files.fill(&mut self.read) == Filled::End;
            self.next = 0;
        }
        let Some(head) = self.read.heads.get(self.next) else { return Due::Now };
        let until = self.until(head.time, now);
        if until.is_zero() { Due::Now } else { Due::In(until) }
    }

    /// How long it is until a frame of that time is shown.
    fn until(&mut self, time: Timestamp, now: Instant) -> Duration {
        let clock = *self.clock.get_or_insert(Clock { captured: time, shown: now });
        let after = Duration::from_nanos(u64::try_from(time - clock.captured).unwrap_or(0));
        let after = Duration::try_from_secs_f64(after.as_secs_f64() / self.speed).unwrap_or(Duration::MAX);
        let until =
            clock.shown.checked_add(after).map_or(Duration::MAX, |at| at.saturating_duration_since(now));
        if until > PATIENCE {
            self.clock = Some(Clock { captured: time, shown: now + PATIENCE });
            return PATIENCE;
        }
        until
    }

    /// Takes the frames whose time has come into `batch`, and those of a moment after; what it held is forgotten.
    pub(super) fn fill(&mut self, batch: &mut Batch, now: Instant) -> Filled {
        batch.clear();
        batch.point = self.read.point;
        batch.take_introduction(&mut self.read);
        while let Some(head) = self.read.heads.get(self.next).copied() {
            if self.until(head.time, now) > TOGETHER {
                break;
            }
            batch.add(&self.read, &head);
            self.next += 1;
        }
        if self.next == self.read.heads.len() {
            batch.incidents.append(&mut self.read.incidents);
            if self.has_ended {
                return Filled::End;
            }
        }
        Filled::More
    }

    /// Whether all is told that was read besides frames.
    fn is_told(&self) -> bool {
        !self.read.introduces() && self.read.incidents.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::capture::savefile::Keep;
    use crate::capture::writer::Writer;
    use crate::digest::{CaptureFilter, Head, Interface};
    use crate::frame::LinkType;

    /// Frames at these times, in ms.
    fn replay(times: &[i64], speed: f64) -> Replay {
        let mut batch = Batch::new(PointIndex(0));
        batch.interfaces.push(Interface { link: LinkType::RAW, name: None, snap_length: 0 });
        batch.slab = vec![0x45; 20];
        batch.heads = times
            .iter()
            .map(|ms| Head {
                time: Timestamp::from_nanos(ms * 1_000_000),
                start: 0,
                captured: 20,
                original: 20,
                interface: 0,
            })
            .collect();
        let mut writer = Writer::new(Vec::new(), ["a"]).unwrap();
        writer.write(&batch).unwrap();
        let file = Savefile::stream("a", Cursor::new(writer.finish().unwrap()), Keep::Nothing).unwrap();
        Replay::new(vec![(PointIndex(0), file)], speed)
    }

    /// How many frames are handed over, and how long after the one before, in ms.
    fn played(mut replay: Replay) -> Vec<(u64, usize)> {
        let mut now = Instant::now();
        let mut waited = 0;
        let mut batch = Batch::new(PointIndex(0));
        let mut played = Vec::new();
        loop {
            match replay.due(now) {
                Due::In(wait) => {
                    now += wait;
                    waited += wait.as_millis() as u64;
                }
                Due::Now => {
                    let filled = replay.fill(&mut batch, now);
                    if !batch.heads.is_empty() {
                        played.push((std::mem::take(&mut waited), batch.heads.len()));
                    }
                    if filled == Filled::End {
                        return played;
                    }
                }
            }
        }
    }

    #[test]
    fn frames_come_when_their_time_has_come_and_those_of_a_moment_together() {
        assert_eq!(played(replay(&[0, 10, 100, 100, 1_000], 1.0)), [(0, 2), (100, 2), (900, 1)]);
        assert_eq!(played(replay(&[0, 100, 1_000], 10.0)), [(0, 2), (100, 1)]);
    }

    #[test]
    fn what_a_capture_was_made_with_is_handed_on() {
        let mut replay = replay(&[0], 1.0);
        let mut batch = Batch::new(PointIndex(0));
        assert!(matches!(replay.due(Instant::now()), Due::Now));
        replay.read.filters.push(CaptureFilter { interface: 0, expression: "tcp".into() });
        replay.fill(&mut batch, Instant::now());
        assert_eq!((batch.interfaces.len(), batch.filters.len()), (1, 1));
    }

    #[test]
    fn what_was_quiet_for_long_is_passed_over_and_the_clock_goes_on_behind_it() {
        let hour = 3_600_000;
        assert_eq!(played(replay(&[0, hour, hour + 200], 1.0)), [(0, 1), (5_000, 1), (200, 1)]);
    }

    #[test]
    fn what_has_an_earlier_time_comes_right_after_the_one_before() {
        assert_eq!(played(replay(&[1_000, 0, 1_200], 1.0)), [(0, 2), (200, 1)]);
    }
}
