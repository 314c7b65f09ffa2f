//! Files merged by time: of several captures, the frames in the order in which they were captured.
//!
//! ```text
//!   a  1 2 3 ─────── 7 8 ┐
//!   b  ───── 4 5 ─────── ├─▶ a 1 2 3 │ b 4 5 │ a 7 │ c 7 │ a 8
//!   c  ───────────── 7 ─ ┘
//! ```
//!
//! Each run of frames of one file becomes a batch. Within a file, the order stays what it is there: a frame that is earlier than the one
//! before it comes right after it. Clocks of several machines are taken as they are.

use crate::capture::savefile::{Filled, Savefile};
use crate::digest::Batch;
use crate::frame::{PointIndex, Timestamp};

/// Files that are merged.
#[derive(Debug)]
pub(super) struct Merge {
    files: Vec<Waiting>,
}

/// A file, and what was read of it and waits for its turn.
#[derive(Debug)]
struct Waiting {
    savefile: Savefile,
    batch: Batch,
    /// The next frame in the batch.
    next: usize,
    is_told: bool,
    has_ended: bool,
}

impl Merge {
    pub(super) fn new(files: Vec<(PointIndex, Savefile)>) -> Self {
        let waiting = |(point, savefile)| Waiting {
            savefile,
            batch: Batch::new(point),
            next: 0,
            is_told: true,
            has_ended: false,
        };
        Self { files: files.into_iter().map(waiting).collect() }
    }

    pub(super) fn points(&self) -> Vec<PointIndex> {
        self.files.iter().map(|file| file.batch.point).collect()
    }

    /// Takes the frames whose turn it is into `batch`, with its point; what it held is forgotten.
    pub(super) fn fill(&mut self, batch: &mut Batch) -> Filled {
        batch.clear();
        for file in &mut self.files {
            file.read_on();
        }
        let is_over = |file: &Waiting| file.has_ended && file.is_told && file.next == file.batch.heads.len();
        // What tells something besides frames comes first.
        let turn = |file: &Waiting| (file.time().unwrap_or(Timestamp::MIN), file.batch.point);
        let Some(first) = (0..self.files.len())
            .filter(|index| !is_over(&self.files[*index]))
            .min_by_key(|index| turn(&self.files[*index]))
        else {
            return Filled::End;
        };
        let others = self.files.iter().enumerate().filter(|(index, file)| *index != first && !is_over(file));
        let until = others.map(|(_, file)| turn(file)).min();
        self.files[first].give(batch, until);
        if self.files.iter().all(is_over) { Filled::End } else { Filled::More }
    }
}

impl Waiting {
    /// Reads on, if all of what was read had its turn.
    fn read_on(&mut self) {
        if self.next == self.batch.heads.len() && self.is_told && !self.has_ended {
            self.has_ended = self.savefile.fill(&mut self.batch) == Filled::End;
            self.next = 0;
            self.is_told = self.batch.is_empty();
        }
    }

    /// When the next frame was captured; `None` where there is none.
    fn time(&self) -> Option<Timestamp> {
        self.batch.heads.get(self.next).map(|head| head.time)
    }

    /// Gives the frames up to that turn of another file, at least one, and what the batch tells: with its first frames of interfaces,
    /// with its last of incidents. What nobody else has a turn in is given as it is.
    fn give(&mut self, to: &mut Batch, until: Option<(Timestamp, PointIndex)>) {
        let point = self.batch.point;
        to.point = point;
        if self.next == 0 && until.is_none() {
            std::mem::swap(to, &mut self.batch);
            self.is_told = true;
            return;
        }
        if self.next == 0 {
            to.take_introduction(&mut self.batch);
        }
        let rest = &self.batch.heads[self.next..];
        let is_due = |time| until.is_none_or(|until| (time, point) <= until);
        let count =
            rest.iter().take_while(|head| is_due(head.time)).count().max(usize::from(!rest.is_empty()));
        for head in &rest[..count] {
            to.add(&self.batch, head);
        }
        self.next += count;
        if self.next == self.batch.heads.len() {
            to.incidents.append(&mut self.batch.incidents);
            self.is_told = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::capture::savefile::Keep;
    use crate::capture::writer::Writer;
    use crate::digest::{Head, Interface};
    use crate::frame::LinkType;

    fn file(point: u16, times: &[i64]) -> (PointIndex, Savefile) {
        let mut batch = Batch::new(PointIndex(0));
        batch.interfaces.push(Interface { link: LinkType::RAW, name: None, snap_length: 0 });
        for time in times {
            let start = batch.slab.len() as u32;
            batch.slab.push(*time as u8);
            let time = Timestamp::from_nanos(*time);
            batch.heads.push(Head { time, start, captured: 1, original: 1, interface: 0 });
        }
        let mut writer = Writer::new(Vec::new(), [""]).unwrap();
        writer.write(&batch).unwrap();
        let written = Cursor::new(writer.finish().unwrap());
        (PointIndex(point), Savefile::stream("written", written, Keep::Nothing).unwrap())
    }

    /// Runs of frames: their point, and their bytes.
    fn merged(files: &[&[i64]]) -> Vec<(u16, Vec<u8>)> {
        let mut merge = Merge::new((0..).zip(files).map(|(point, times)| file(point, times)).collect());
        let (mut batch, mut runs, mut interfaces) = (Batch::new(PointIndex(0)), Vec::new(), 0);
        loop {
            let filled = merge.fill(&mut batch);
            interfaces += batch.interfaces.len();
            if !batch.heads.is_empty() {
                runs.push((
                    batch.point.0,
                    batch.heads.iter().flat_map(|head| batch.bytes(head).to_vec()).collect(),
                ));
            }
            if filled == Filled::End {
                assert_eq!(interfaces, files.len(), "each is told once");
                return runs;
            }
        }
    }

    #[test]
    fn frames_come_by_time_and_where_that_is_equal_by_file() {
        let runs = merged(&[&[1, 2, 3, 7, 8], &[4, 5], &[7]]);
        assert_eq!(runs, [(0, vec![1, 2, 3]), (1, vec![4, 5]), (0, vec![7]), (2, vec![7]), (0, vec![8])]);
    }

    #[test]
    fn the_order_within_a_file_stays() {
        assert_eq!(merged(&[&[5, 1, 6], &[2]]), [(1, vec![2]), (0, vec![5, 1, 6])]);
        assert_eq!(merged(&[&[], &[2]]), [(1, vec![2])]);
        assert_eq!(merged(&[]), []);
    }
}
