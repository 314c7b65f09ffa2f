//! Gives frames again by their number, long after their batch has gone.
//!
//! While a capture is read, every 1,024th frame or so leaves a checkpoint: its number, its offset in the stream and
//! what must be known to read on from there, 40 bytes in all. A frame is found by reading on from the checkpoint
//! before it, with the same code that read it first; the frames around it are kept at hand, because whoever looks
//! at one frame looks at the next.
//!
//! The bytes come from the capture file itself, or from a copy where that cannot be read twice. A file that
//! somebody rewrites meanwhile gives an error or, at worst, frames of the new contents; never a panic.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::savefile::{Bookmark, Filled, Format, Numbers, Pcap, Records, Sections};
use super::source::{At, Replica, Source};
use crate::digest::{Batch, Head};
use crate::frame::{Frame, LinkType, PointIndex, Timestamp};

/// Frames between two checkpoints, at least.
const STRIDE: u64 = 1024;

/// Why a frame cannot be given again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{name} has no frame {ordinal}: {frames} were read")]
    NoSuchFrame { name: String, ordinal: u64, frames: u64 },
    #[error(
        "cannot show frame {ordinal} of {name} again: the file has changed since it was read; open it anew"
    )]
    Changed { name: String, ordinal: u64 },
    #[error("cannot show frame {ordinal} of {name} again: its copy could not be written: {reason}")]
    NotCopied { name: String, ordinal: u64, reason: String },
    #[error("cannot read frame {ordinal} of {name} again: {error}")]
    Read { name: String, ordinal: u64, error: io::Error },
}

/// A frame that was read before, with its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub time: Timestamp,
    pub link: LinkType,
    /// As in [`Head::interface`].
    pub interface: u16,
    pub original: u32,
    pub bytes: Vec<u8>,
}

impl Kept {
    pub fn frame(&self) -> Frame<'_> {
        Frame { time: self.time, link: self.link, bytes: &self.bytes, original: self.original }
    }
}

/// The frames of one capture. Clones share one store; it may be asked while the capture is still being read.
#[derive(Debug, Clone)]
pub struct Store(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    name: String,
    replica: Replica,
    template: Template,
    index: Mutex<Index>,
    window: Mutex<Window>,
}

/// What all readers of one capture have in common.
#[derive(Debug)]
enum Template {
    Pcap(Pcap),
    Pcapng(Arc<Mutex<Numbers>>),
}

#[derive(Debug, Default)]
struct Index {
    /// Ascending by frame.
    checkpoints: Vec<Checkpoint>,
    sections: Sections,
    /// Frames that were read.
    frames: u64,
}

#[derive(Debug, Clone, Copy)]
struct Checkpoint {
    /// The number of the first frame from here on.
    first: u64,
    offset: u64,
    bookmark: Bookmark,
    /// Of that frame's head, to notice that the file has changed.
    check: u32,
}

/// A place where a checkpoint may go, if a frame follows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    first: u64,
    offset: u64,
    bookmark: Bookmark,
}

/// The frames last read again, and the reader that stands behind them.
#[derive(Debug)]
struct Window {
    batch: Batch,
    /// The number of the batch's first frame.
    first: u64,
    records: Option<Records<At>>,
}

impl Window {
    fn head(&self, ordinal: u64) -> Option<&Head> {
        let index = ordinal.checked_sub(self.first)?;
        self.batch.heads.get(usize::try_from(index).ok()?)
    }

    /// The number of the frame behind the batch.
    fn next(&self) -> u64 {
        self.first + self.batch.heads.len() as u64
    }
}

impl Store {
    pub(super) fn new(name: String, replica: Replica, format: &Format) -> Self {
        let template = match format {
            Format::Pcap(pcap) => Template::Pcap(pcap.clone()),
            Format::Pcapng(pcapng) => Template::Pcapng(pcapng.numbers()),
        };
        let window = Window { batch: Batch::new(PointIndex(0)), first: 1, records: None };
        Self(Arc::new(Shared {
            name,
            replica,
            template,
            index: Mutex::default(),
            window: Mutex::new(window),
        }))
    }

    /// Frames that can be asked for: from 1 to this number.
    pub fn frames(&self) -> u64 {
        lock(&self.0.index).frames
    }

    /// The frame with this number, counted from 1.
    pub fn frame(&self, ordinal: u64) -> Result<Kept, Error> {
        let shared = &*self.0;
        let mut window = lock(&shared.window);
        if window.head(ordinal).is_none() {
            shared.move_to(&mut window, ordinal)?;
        }
        let kept = window.head(ordinal).and_then(|head| shared.kept(&window.batch, head));
        kept.ok_or_else(|| shared.lost(ordinal))
    }

    /// Where `records` stands, if it is time for a checkpoint and one can be set there.
    pub(super) fn mark(&self, records: &Records<Source>) -> Option<Mark> {
        let index = &mut *lock(&self.0.index);
        let first = records.frames() + 1;
        if index.checkpoints.last().is_some_and(|last| first - last.first < STRIDE) {
            return None;
        }
        let bookmark = match &records.format {
            Format::Pcap(_) => Bookmark::default(),
            Format::Pcapng(pcapng) if pcapng.is_between_blocks() => index.sections.mark(pcapng),
            Format::Pcapng(_) => return None,
        };
        Some(Mark { first, offset: records.offset(), bookmark })
    }

    /// Notes that `batch` was read from `mark` on, which makes `frames` in all.
    pub(super) fn note(&self, mark: Option<Mark>, batch: &Batch, frames: u64) {
        let index = &mut *lock(&self.0.index);
        index.frames = frames;
        if let (Some(Mark { first, offset, bookmark }), Some(head)) = (mark, batch.heads.first()) {
            index.checkpoints.push(Checkpoint { first, offset, bookmark, check: check(head) });
        }
    }
}

impl Shared {
    /// Reads on until the window holds the frame.
    fn move_to(&self, window: &mut Window, ordinal: u64) -> Result<(), Error> {
        let (checkpoint, format) = self.before(ordinal)?;
        let changed = || Error::Changed { name: self.name.clone(), ordinal };
        let is_ahead = (checkpoint.first..=ordinal).contains(&window.next());
        let records = match window.records.take() {
            Some(records) if is_ahead => records,
            _ => {
                match self.replica.is_rewritten() {
                    Ok(false) => {}
                    Ok(true) => return Err(changed()),
                    Err(error) => return Err(Error::Read { name: self.name.clone(), ordinal, error }),
                }
                window.batch.clear();
                window.first = checkpoint.first;
                let source = self.replica.from(checkpoint.offset);
                Records::new(source, format.ok_or_else(changed)?, checkpoint.offset, Vec::new())
            }
        };
        let records = window.records.insert(records);
        while ordinal >= window.first + window.batch.heads.len() as u64 {
            window.first += window.batch.heads.len() as u64;
            window.batch.clear();
            let filled = records.fill(&mut window.batch, &self.name);
            let head = window.batch.heads.first();
            if window.first == checkpoint.first && head.map(check) != Some(checkpoint.check) {
                window.batch.clear();
                window.records = None;
                return Err(self.lost(ordinal));
            }
            if filled == Filled::End {
                // The stream may have grown by the next time.
                window.records = None;
                break;
            }
        }
        Ok(())
    }

    /// The last checkpoint up to the frame, and how to read on from there.
    fn before(&self, ordinal: u64) -> Result<(Checkpoint, Option<Format>), Error> {
        let index = lock(&self.index);
        let after = index.checkpoints.partition_point(|checkpoint| checkpoint.first <= ordinal);
        let Some(checkpoint) = after.checked_sub(1).filter(|_| ordinal <= index.frames) else {
            return Err(Error::NoSuchFrame { name: self.name.clone(), ordinal, frames: index.frames });
        };
        let checkpoint = index.checkpoints[checkpoint];
        let format = match &self.template {
            Template::Pcap(pcap) => Some(Format::Pcap(pcap.clone())),
            Template::Pcapng(numbers) => {
                let resumed = index.sections.resume(checkpoint.bookmark, Arc::clone(numbers));
                resumed.map(|pcapng| Format::Pcapng(Box::new(pcapng)))
            }
        };
        Ok((checkpoint, format))
    }

    fn kept(&self, batch: &Batch, head: &Head) -> Option<Kept> {
        let link = match &self.template {
            Template::Pcap(pcap) => pcap.link,
            Template::Pcapng(numbers) => lock(numbers).link(head.interface)?,
        };
        let Head { time, original, interface, .. } = *head;
        Some(Kept { time, link, interface, original, bytes: batch.bytes(head).to_vec() })
    }

    /// Why a frame that was read once is not where it was.
    fn lost(&self, ordinal: u64) -> Error {
        let name = self.name.clone();
        match self.replica.failure() {
            Some(reason) => Error::NotCopied { name, ordinal, reason: reason.to_owned() },
            None => Error::Changed { name, ordinal },
        }
    }
}

/// A number that differs where the heads of two frames do, mostly.
fn check(head: &Head) -> u32 {
    let time = head.time.nanos() as u64;
    (time ^ time >> 32) as u32 ^ head.captured.rotate_left(16) ^ head.original
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
