//! Who takes the frames of a run in: who judges, keeps or prints them.
//!
//! A [`Session`](crate::command::session::Session) opens sources, gives up rights and hands batches on; what becomes of
//! the frames is its taker's affair. The rules between the two:
//! 1. Points are added while sources are opened, and numbered in that order.
//! 2. [`Taker::prepare`] is called once all sources are open, and is the last that runs with the rights the process was
//!    started with; [`Taker::begin`] is the first without, and may start threads.
//! 3. From then on batches come, those of one point in order. In between, [`Taker::meanwhile`] is called several times a
//!    second whether frames come or not.
//! 4. What the session has to tell it tells the taker, which knows whether people, a report or nobody should hear of it.

use crate::capture::store::Store;
use crate::cli::frames::Source;
use crate::command::feed::{Bell, Valve};
use crate::command::opened::Captured;
use crate::command::say;
use crate::command::signals::Signals;
use crate::command::valve::Tap;
use crate::digest::Batch;
use crate::frame::{LinkType, PointIndex, Timestamp};
use crate::place::Known;
use crate::sandbox::Room;

pub(super) trait Taker {
    /// A source was opened. Points are numbered in the order in which they are added, from 0.
    fn add_point(&mut self, source: &Source) -> PointIndex;

    /// Whether frames are wanted again after they were taken in: then savefiles keep account of where they are.
    fn wants_frames_again(&self) -> bool {
        false
    }

    /// The frames of a savefile, again.
    fn note_store(&mut self, _point: PointIndex, _store: Store) {}

    /// The kernel hands over only what passes this filter at that point.
    fn note_filter(&mut self, _point: PointIndex, _filter: &str) {}

    /// The filter, besides the session's own, that interfaces with frames of this link type may be captured with.
    fn narrowing(&mut self, _link: LinkType) -> Option<String> {
        None
    }

    /// All sources are open; these are the names of the points, and those that are interfaces of this machine: what needs rights
    /// is done now. An error ends the run.
    fn prepare(&mut self, _points: &[String], _live: &[Captured]) -> anyhow::Result<()> {
        Ok(())
    }

    /// What of the file system it needs once rights were given up: all else is out of reach then. It is asked after [`Taker::prepare`].
    fn room(&self) -> Room {
        Room::default()
    }

    /// Listens to the signals that ask to end.
    fn listen(&mut self) -> anyhow::Result<Signals> {
        Signals::listen()
    }

    /// Rights were given up. An error ends the run.
    fn begin(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    /// Reading has begun; the bell makes the session look up, and call [`Taker::meanwhile`] at once, and the valve sets what these
    /// interfaces are captured with. An error ends the run.
    fn start(&mut self, _bell: Bell, _valve: Valve, _taps: Vec<Tap>) -> anyhow::Result<()> {
        Ok(())
    }

    /// Takes in what a point gave, which is the taker's to change: the batch is overwritten after that.
    fn take(&mut self, batch: &mut Batch);

    /// Does what has to be done from time to time.
    fn meanwhile(&mut self) {}

    /// The time, where no frame tells it; for as long as something is captured.
    fn tick(&mut self, _now: Timestamp) {}

    /// That point was captured until then, whether it showed frames or not.
    fn note_watched(&mut self, _point: PointIndex, _until: Timestamp) {}

    /// What this machine, which captures that point, says of all its interfaces now.
    fn know_interfaces(&mut self, _point: PointIndex, _known: &[Known]) {}

    /// A source that was asked for cannot be read; the others are.
    fn note_unread(&mut self, what: String);

    /// Something is taken for granted, or happened, that whoever reads the result should know.
    fn assume(&mut self, _what: String) {}

    /// Something went wrong; whoever reads the result should know.
    fn warn(&mut self, what: String);

    /// Something went wrong that people should hear of while it still can be helped.
    fn alarm(&mut self, what: String) {
        say(&what);
        self.warn(what);
    }

    /// Whether it has all that was wanted: nothing more is taken in, not even what was captured by now.
    fn has_enough(&self) -> bool;

    /// Whether it could still do something with frames: not if who reads them has left, or the disk is full.
    fn can_go_on(&self) -> bool {
        true
    }

    /// Files have been read up to there, in bytes; of so many, where that is known.
    fn note_progress(&mut self, _read: u64, _of: Option<u64>) {}

    /// Whether what it does with frames can be seen on the terminal: then no line of the session's own is drawn into it.
    fn shows_frames(&self) -> bool {
        false
    }

    /// How the run stands, which may cost some work: nobody asks more than twice a second.
    fn status(&mut self) -> Status;
}

/// How a run stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) frames: u64,
    /// Lost by the kernel, or where else the frames come from.
    pub(super) dropped: u64,
    /// What became of the frames, for the line on a terminal.
    pub(super) words: String,
    /// Flows that were judged and have settled, of those that are judged at all.
    pub(super) settled: u64,
    /// …and that have not: more may come that changes what is said of them.
    pub(super) unsettled: u64,
    /// Flows that failed, and of which every place has had the time to show what it shows.
    pub(super) failed: u64,
}
