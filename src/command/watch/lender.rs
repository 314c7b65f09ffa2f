//! Lends frames out again, on a thread of its own: to the packets screen, to files, and to what a new filter asks of them.
//!
//! It reads what the [`Shelf`](super::shelf::Shelf) wrote, or the savefiles themselves, while others are taken in. Which frames a flow
//! has is found by a look at all entries, and remembered: the next page of the flow only needs those that came since.

mod found;
mod saving;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender};

use super::desk::{Heard, Order};
use super::filtering::Filtering;
use super::reel::{Entry, Reel};
use super::shelf::REELS;
use super::texts;
use crate::capture::store::{Kept, Store};
use crate::capture::writer::AboutPoint;
use crate::command::feed::Bell;
use crate::command::opener::Opener;
use crate::decode::Options;
use crate::digest::Batch;
use crate::engine::Serial;
use crate::filter::composition::marks::Marks;
use crate::frame::{FrameId, PointIndex};
use crate::tui::{Frames, FramesWanted, Message, Seen};
use found::Found;
pub(super) use saving::{PREFIX, stem_of};

pub(super) enum Job {
    /// A reel was begun.
    Reel(Arc<Reel>),
    /// So many frames of the newest reel can be read.
    Written(u32),
    /// What a point tells of its interfaces.
    Introduce(Batch),
    /// Whose frames are of which that was not known when they came.
    Late(Vec<(FrameId, Serial)>),
    /// A page of frames; of these tracks, if it is not of all. `places` are the names of the places of each point.
    Frames { wanted: FramesWanted, tracks: Option<Vec<Serial>>, places: Vec<Vec<String>> },
    /// Frames are to be saved: of these tracks, or all.
    Save { tracks: Option<Vec<Serial>>, name: String },
    /// A report was written, and is to be copied into a file of that name, with that ending.
    Report { report: std::fs::File, name: String, ending: &'static str },
    /// A report could not be written, and why.
    Unwritten(String),
    /// Which frames so far meet what a filter asks of frames.
    Mark { number: u64, marks: Marks, options: Options },
    /// What a filter comes to.
    Check(String),
}

/// Whom the lender answers.
pub(super) struct Asking {
    pub(super) screen: SyncSender<Heard>,
    pub(super) engine: Sender<Order>,
    pub(super) bell: Bell,
}

/// What it knows from the beginning.
pub(super) struct Known {
    /// By point: the captures that give their frames again by themselves; none, if reels have them.
    pub(super) stores: Vec<Store>,
    pub(super) points: Vec<AboutPoint>,
    /// Makes files in the working directory; or why it cannot.
    pub(super) opener: Result<Opener, String>,
    pub(super) filtering: Filtering,
}

pub(super) struct Lender {
    jobs: Receiver<Job>,
    asking: Asking,
    known: Known,
    reels: VecDeque<Held>,
    /// What each point tells of its interfaces.
    introductions: Vec<Batch>,
    late: HashMap<FrameId, Serial>,
    found: Option<Found>,
}

/// A reel, and how many frames of it can be read.
#[derive(Debug, Clone)]
struct Held {
    reel: Arc<Reel>,
    count: u32,
}

/// A frame's place on the shelf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    reel: u32,
    index: u32,
}

impl Lender {
    pub(super) fn new(jobs: Receiver<Job>, asking: Asking, known: Known) -> Self {
        let points = (0..).map(PointIndex).take(known.points.len());
        let introductions = points.map(Batch::new).collect();
        Self { jobs, asking, known, reels: VecDeque::new(), introductions, late: HashMap::new(), found: None }
    }

    /// Does jobs until nobody has any.
    pub(super) fn run(mut self) {
        let mut waiting: VecDeque<Job> = VecDeque::new();
        loop {
            if waiting.is_empty() {
                let Ok(job) = self.jobs.recv() else { return };
                waiting.push_back(job);
            }
            waiting.extend(self.jobs.try_iter());
            let Some(job) = waiting.pop_front() else { continue };
            // Somebody who has turned the page does not want the one before.
            let is_stale = match &job {
                Job::Frames { .. } => waiting.iter().any(|later| matches!(later, Job::Frames { .. })),
                Job::Check(_) => waiting.iter().any(|later| matches!(later, Job::Check(_))),
                _ => false,
            };
            if !is_stale {
                self.work(job);
            }
        }
    }

    fn work(&mut self, job: Job) {
        match job {
            Job::Reel(reel) => self.hang(reel),
            Job::Written(count) => {
                if let Some(held) = self.reels.back_mut() {
                    held.count = count;
                }
            }
            Job::Introduce(mut told) => {
                self.introductions[usize::from(told.point.0)].take_introduction(&mut told);
            }
            Job::Late(late) => {
                self.late.extend(late);
                self.found = None;
            }
            Job::Frames { wanted, tracks, places } => self.lend(wanted, tracks, &places),
            Job::Save { tracks, name } => {
                let saved = self.save_frames(tracks, &name);
                self.tell_saved(saved);
            }
            Job::Report { report, name, ending } => {
                let saved = self.save_report(report, &name, ending);
                self.tell_saved(saved);
            }
            Job::Unwritten(why) => self.tell_failed(why),
            Job::Mark { number, marks, options } => self.mark(number, &marks, &options),
            Job::Check(typed) => {
                let found = self.known.filtering.check(&typed);
                self.tell(Message::Checked { typed, found });
            }
        }
    }

    /// Takes a new reel in; the oldest goes where there are too many.
    fn hang(&mut self, reel: Arc<Reel>) {
        self.reels.push_back(Held { reel, count: 0 });
        if self.reels.len() <= REELS {
            return;
        }
        self.reels.pop_front();
        // What is known of frames that are gone goes with them.
        if !self.late.is_empty() {
            let oldest = self.oldest();
            self.late.retain(|frame, _| frame.ordinal >= oldest[usize::from(frame.point.0)]);
        }
        let first = self.reels.front().map_or(0, |held| held.reel.number);
        if let Some(found) = &mut self.found {
            found.forget_before(first);
        }
    }

    /// By point, the number of the oldest frame that is kept, as far as the oldest reel tells; 0 if it does not.
    fn oldest(&self) -> Vec<u64> {
        let mut oldest = vec![0; self.known.points.len()];
        if let Some(held) = self.reels.front() {
            let looked = held.reel.each(0, held.count, |_, entry| {
                let first = &mut oldest[usize::from(entry.frame.point.0)];
                if *first == 0 {
                    *first = entry.frame.ordinal;
                }
                Ok(())
            });
            looked.ok();
        }
        oldest
    }

    /// Frames that are kept.
    fn count(&self) -> usize {
        self.reels.iter().map(|held| held.count as usize).sum()
    }

    fn owner(&self, entry: &Entry) -> Serial {
        match entry.owner {
            Serial::NONE => self.late.get(&entry.frame).copied().unwrap_or(Serial::NONE),
            owner => owner,
        }
    }

    fn entry(&self, spot: Spot) -> io::Result<Entry> {
        self.held(spot)?.reel.entry(spot.index)
    }

    fn held(&self, spot: Spot) -> io::Result<&Held> {
        let held = self.reels.iter().find(|held| held.reel.number == spot.reel);
        held.ok_or_else(|| io::Error::other("the frame is no longer kept"))
    }

    /// The frame there, again.
    fn frame(&self, spot: Spot, entry: &Entry) -> io::Result<Kept> {
        if let Some(store) = self.known.stores.get(usize::from(entry.frame.point.0)) {
            return store.frame(entry.frame.ordinal).map_err(io::Error::other);
        }
        let kept = self.held(spot)?.reel.frame(spot.index)?;
        kept.ok_or_else(|| io::Error::other("the frame was not kept"))
    }

    /// The spot of the frame with this number among all that are kept.
    fn spot(&self, number: usize) -> Option<Spot> {
        let mut left = number;
        for held in &self.reels {
            match left.checked_sub(held.count as usize) {
                None => return Some(Spot { reel: held.reel.number, index: left as u32 }),
                Some(rest) => left = rest,
            }
        }
        None
    }

    fn lend(&mut self, wanted: FramesWanted, tracks: Option<Vec<Serial>>, places: &[Vec<String>]) {
        match self.page(wanted, tracks, places) {
            Ok(frames) => self.tell(Message::Frames(Arc::new(frames))),
            Err(error) => self.tell(Message::Refused(texts::not_shown(error))),
        }
    }

    fn page(
        &mut self,
        wanted: FramesWanted,
        tracks: Option<Vec<Serial>>,
        places: &[Vec<String>],
    ) -> io::Result<Frames> {
        let (total, spots) = match tracks {
            None => {
                let numbers = wanted.first..wanted.first.saturating_add(wanted.count);
                let spots = numbers.map_while(|number| self.spot(number)).collect();
                (self.count(), spots)
            }
            Some(tracks) => {
                let is_new = self.find(tracks)?;
                let found = self.found.as_ref().expect("it was looked for just before");
                if is_new && let Some(gone) = self.gone(&wanted, found)? {
                    self.tell(Message::Refused(gone));
                }
                (found.total(), found.page(wanted.first, wanted.count))
            }
        };
        let seen = |spot: Spot| -> io::Result<Seen> {
            let entry = self.entry(spot)?;
            let kept = self.frame(spot, &entry)?;
            let point = usize::from(entry.frame.point.0);
            let name = &self.known.points[point].name;
            let place = places.get(point).and_then(|places| places.get(usize::from(entry.place)));
            Ok(Seen {
                id: format!("{name}:{}", entry.frame.ordinal),
                place: place.cloned().unwrap_or_else(|| name.clone()),
                time: kept.time,
                link: kept.link,
                original: kept.original,
                bytes: kept.bytes.into(),
            })
        };
        let list = spots.into_iter().map(seen).collect::<io::Result<Vec<Seen>>>()?;
        Ok(Frames { wanted, total, list })
    }

    /// Finds the frames of these tracks; whether others were asked for before.
    fn find(&mut self, tracks: Vec<Serial>) -> io::Result<bool> {
        let before = self.found.take().filter(|found| found.is_of(&tracks));
        let is_new = before.is_none();
        let mut found = before.unwrap_or_else(|| Found::new(tracks));
        for held in &self.reels {
            found.read(held, |entry| self.owner(entry))?;
        }
        found.sort();
        self.found = Some(found);
        Ok(is_new)
    }

    /// What is missing of a flow that is named by its first frame, in words.
    fn gone(&self, wanted: &FramesWanted, found: &Found) -> io::Result<Option<String>> {
        if found.is_cut() {
            return Ok(Some(texts::listed(found.total())));
        }
        let is_first = |spot: Spot| -> io::Result<bool> {
            let frame = self.entry(spot)?.frame;
            let name = &self.known.points[usize::from(frame.point.0)].name;
            Ok(wanted.flow.as_deref() == Some(&format!("{name}:{}", frame.ordinal)))
        };
        for spot in found.page(0, 16) {
            if is_first(spot)? {
                return Ok(None);
            }
        }
        let is_there = self.reels.front().is_none_or(|held| held.reel.number == 0);
        Ok((!is_there).then(|| texts::FIRST_ARE_GONE.to_owned()))
    }

    /// Tells the engine which tracks have frames that meet what is asked of frames.
    fn mark(&mut self, number: u64, marks: &Marks, options: &Options) {
        let mut marked: HashMap<Serial, u8> = HashMap::new();
        let looked = self.reels.iter().try_for_each(|held| {
            held.reel.each(0, held.count, |index, entry| {
                let owner = self.owner(&entry);
                if owner != Serial::NONE {
                    let spot = Spot { reel: held.reel.number, index };
                    let met = marks.of_frame(&self.frame(spot, &entry)?.frame(), options);
                    if met != 0 {
                        *marked.entry(owner).or_default() |= met;
                    }
                }
                Ok(())
            })
        });
        if let Err(error) = looked {
            self.tell(Message::Refused(texts::not_asked(error)));
        }
        self.asking.engine.send(Order::Mark { number, marked: marked.into_iter().collect() }).ok();
        self.asking.bell.ring();
    }

    fn tell(&self, message: Message) {
        self.asking.screen.send(Heard::Told(message)).ok();
    }
}
