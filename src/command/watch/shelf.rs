//! Keeps frames at hand while they are taken in: whose each is, and, of captures that go on, the frames themselves.
//!
//! What goes on is kept in reels of which only the newest stay, so that neither memory nor disk grows with the run. Savefiles
//! give their frames again by themselves ([`Store`](crate::capture::store::Store)): of these only the owners are kept, of all.
//!
//! What cannot be written is not kept, and told once; judging goes on without.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Sender;

use super::lender::Job;
use super::reel::{Entry, Frames, Lying, Reel};
use super::texts;
use crate::digest::Batch;
use crate::engine::Engine;
use crate::frame::{FrameId, LinkType};

/// Bytes of frames in one reel, and frames.
const REEL: u32 = 64 << 20;
const REEL_FRAMES: u32 = 1 << 20;

/// Reels that are kept: 512 MiB of frames.
pub(super) const REELS: usize = 8;

pub(super) struct Shelf {
    directory: PathBuf,
    has_frames: bool,
    jobs: Sender<Job>,
    writing: Option<Writing>,
    points: Vec<Point>,
    problem: Option<String>,
}

/// What is known of a point by now.
#[derive(Debug, Default)]
struct Point {
    frames: u64,
    links: Vec<LinkType>,
}

/// A reel that is being written.
struct Writing {
    reel: Arc<Reel>,
    /// Frames in it, and their bytes.
    count: u32,
    size: u32,
    entries: Out,
    frames: Option<Frames<Out>>,
}

/// One of a reel's files.
type Out = BufWriter<Arc<File>>;

impl Writing {
    fn new(reel: Reel) -> Self {
        let reel = Arc::new(reel);
        let out = |file: &Arc<File>| BufWriter::with_capacity(64 << 10, Arc::clone(file));
        let frames = reel.frames.as_ref();
        let frames = frames.map(|frames| Frames { heads: out(&frames.heads), bytes: out(&frames.bytes) });
        Self { count: 0, size: 0, entries: out(&reel.entries), frames, reel }
    }

    fn is_full(&self) -> bool {
        self.frames.is_some() && (self.size >= REEL || self.count >= REEL_FRAMES)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.entries.flush()?;
        let Some(frames) = &mut self.frames else { return Ok(()) };
        frames.heads.flush()?;
        frames.bytes.flush()
    }
}

impl Shelf {
    /// A shelf for so many points, in the directory; with the frames themselves, if nobody else has them.
    pub(super) fn new(directory: &Path, points: usize, has_frames: bool, jobs: Sender<Job>) -> Self {
        let points = (0..points).map(|_| Point::default()).collect();
        let directory = directory.to_owned();
        let mut shelf = Self { directory, has_frames, jobs, writing: None, points, problem: None };
        shelf.begin_reel(0);
        shelf
    }

    /// Keeps a batch that the engine has just taken in.
    pub(super) fn keep(&mut self, batch: &Batch, engine: &mut Engine) {
        let point = &mut self.points[usize::from(batch.point.0)];
        point.links.extend(batch.interfaces.iter().map(|interface| interface.link));
        if batch.introduces() {
            self.jobs.send(Job::Introduce(batch.introduction())).ok();
        }
        let late = engine.take_late_owners();
        if !late.is_empty() {
            self.jobs.send(Job::Late(late)).ok();
        }
        if let Err(error) = self.write(batch, engine) {
            self.give_up(&error);
        }
        self.points[usize::from(batch.point.0)].frames += batch.heads.len() as u64;
    }

    fn write(&mut self, batch: &Batch, engine: &Engine) -> io::Result<()> {
        if let Some(number) = self.writing.as_ref().filter(|it| it.is_full()).map(|it| it.reel.number) {
            self.flush()?;
            self.begin_reel(number + 1);
        }
        let Some(writing) = &mut self.writing else { return Ok(()) };
        let point = &self.points[usize::from(batch.point.0)];
        let owned = batch.heads.iter().zip(&batch.digests).zip(engine.owners());
        for (ordinal, ((head, digest), owner)) in (point.frames + 1..).zip(owned) {
            let frame = FrameId { point: batch.point, ordinal };
            let entry = Entry { owner: *owner, frame, place: digest.place.0 };
            writing.entries.write_all(&entry.encoded())?;
            if let Some(frames) = &mut writing.frames {
                let lying = Lying {
                    time: head.time,
                    start: writing.size,
                    captured: head.captured,
                    original: head.original,
                    interface: head.interface,
                    link: point.links.get(usize::from(head.interface)).copied().unwrap_or(LinkType(u16::MAX)),
                };
                frames.heads.write_all(&lying.encoded())?;
                frames.bytes.write_all(batch.bytes(head))?;
                writing.size = writing.size.saturating_add(head.captured);
            }
            writing.count = writing.count.saturating_add(1);
        }
        Ok(())
    }

    /// Hands everything on by now, so that it can be read.
    pub(super) fn hand_on(&mut self) {
        if let Err(error) = self.flush() {
            self.give_up(&error);
        }
    }

    /// What went wrong, once.
    pub(super) fn take_problem(&mut self) -> Option<String> {
        self.problem.take()
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(writing) = &mut self.writing else { return Ok(()) };
        writing.flush()?;
        self.jobs.send(Job::Written(writing.count)).ok();
        Ok(())
    }

    fn begin_reel(&mut self, number: u32) {
        match Reel::new(&self.directory, number, self.has_frames) {
            Ok(reel) => {
                let writing = Writing::new(reel);
                self.jobs.send(Job::Reel(Arc::clone(&writing.reel))).ok();
                self.writing = Some(writing);
            }
            Err(error) => self.give_up(&error),
        }
    }

    fn give_up(&mut self, error: &io::Error) {
        self.writing = None;
        self.problem = Some(texts::not_kept(self.directory.display(), error));
    }
}
