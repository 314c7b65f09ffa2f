//! The engine's side of the screen: shows it the run, and does what it orders, between two batches.
//!
//! A window that was just asked for is answered at once. Beside that the run is shown some times a second, and never costs more than a
//! tenth of the time: where judging what came takes long, it is done more rarely. The screen is never waited for.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError};
use std::time::{Duration, Instant};

use super::chosen::Chosen;
use super::desk::{Heard, Order};
use super::lender::{Job, stem_of};
use super::printing::{self, Print, Printing};
use super::recapture::Recapture;
use super::shelf::Shelf;
use super::texts;
use jiff::tz::TimeZone;

use crate::command::feed::Bell;
use crate::command::signals::Signals;
use crate::command::start;
use crate::digest::{Batch, Incident};
use crate::engine::Engine;
use crate::frame::PointIndex;
use crate::report;
use crate::snapshot::{Snapshot, Snapshots as _, Window};
use crate::tui::{FramesWanted, Message, Save, SaveFormat, SaveWhat};
use crate::verdict::Verdict;

/// How often the run is shown, at most, while frames come and while none do: then only time changes what there is to show. Of all time at
/// most a tenth is spent on that.
const SHOW_EVERY: Duration = Duration::from_millis(250);
const SHOW_QUIET: Duration = Duration::from_secs(1);
const SHARE: u32 = 10;

/// How often it is told how far files have been read, and tried again to tell what there was no room for.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// How long it is waited for orders before it is looked whether a signal came.
const LISTEN: Duration = Duration::from_millis(500);

/// What takes longer is told.
const LONG: Duration = Duration::from_millis(700);

/// Whom the stage speaks with.
pub(super) struct Lines {
    pub(super) orders: Receiver<Order>,
    pub(super) screen: SyncSender<Heard>,
    pub(super) lender: Sender<Job>,
    /// By which others reach the stage, and wake it.
    pub(super) own: Sender<Order>,
    pub(super) bell: Bell,
    pub(super) signals: Signals,
}

pub(super) struct Stage {
    lines: Lines,
    shelf: Shelf,
    chosen: Chosen,
    /// What is captured with which filter, where something is.
    recapture: Recapture,
    /// How reports are written.
    options: report::Options,
    /// Where they are written before they are saved.
    directory: PathBuf,
    points: u16,
    /// What the screen shows, and whether it waits for that.
    window: Option<Window>,
    is_asked: bool,
    /// When the run was shown last, how long that took, and how many frames there were.
    shown: Option<(Instant, Duration, u64)>,
    told_progress: Option<Instant>,
    /// Since when it is looked which frames so far a filter admits.
    looking: Option<Looking>,
    /// Reports that are being written.
    printing: VecDeque<Printing>,
    /// What is being saved, and what was.
    saving: usize,
    saved: Vec<String>,
    has_left: bool,
}

/// The time, as reports tell it.
fn moment(zone: &TimeZone) -> impl std::fmt::Display {
    jiff::Timestamp::now().to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// A look through frames that came before.
#[derive(Debug, Clone, Copy)]
struct Looking {
    since: Instant,
    is_told: bool,
}

/// How a run ended that was watched.
pub(super) struct End {
    pub(super) run: Snapshot,
    /// What the exit code tells.
    pub(super) verdict: Verdict,
    /// Files in which something was saved.
    pub(super) saved: Vec<String>,
}

impl Stage {
    pub(super) fn new(
        lines: Lines,
        shelf: Shelf,
        chosen: Chosen,
        recapture: Recapture,
        options: report::Options,
        points: u16,
    ) -> Self {
        Self {
            lines,
            shelf,
            chosen,
            recapture,
            options,
            directory: std::env::temp_dir(),
            points,
            window: None,
            is_asked: false,
            shown: None,
            told_progress: None,
            looking: None,
            printing: VecDeque::new(),
            saving: 0,
            saved: Vec::new(),
            has_left: false,
        }
    }

    /// Nobody looks any more.
    pub(super) fn has_left(&self) -> bool {
        self.has_left
    }

    /// Marks a batch with what the filter asks of frames, if that has changed since the run began.
    pub(super) fn mark(&mut self, batch: &mut Batch) {
        self.chosen.mark(batch);
        let refused = batch.incidents.iter().find_map(|incident| match incident {
            Incident::Unchanged(why) => Some(texts::unchanged(why)),
            _ => None,
        });
        if let Some(refused) = refused {
            self.tell(Message::Refused(refused));
        }
    }

    /// What is captured with which filter.
    pub(super) fn recapture(&mut self) -> &mut Recapture {
        &mut self.recapture
    }

    /// Keeps the frames of a batch that the engine has just taken in.
    pub(super) fn keep(&mut self, batch: &Batch, engine: &mut Engine) {
        for filter in batch.filters.iter().filter(|_| self.recapture.is_of(batch.point)) {
            engine.note_filter(batch.point, &filter.expression.to_string());
        }
        self.shelf.keep(batch, engine);
        if let Some(problem) = self.shelf.take_problem() {
            self.tell(Message::Refused(problem.clone()));
            engine.warn(problem);
        }
    }

    /// Does what was ordered by now, and shows the run if that is due.
    pub(super) fn attend(&mut self, engine: &mut Engine) {
        while let Ok(order) = self.lines.orders.try_recv() {
            self.obey(order, engine);
        }
        let is_due = self.shown.is_none_or(|(at, cost, frames)| {
            let every = if engine.frames() > frames { SHOW_EVERY } else { SHOW_QUIET };
            at.elapsed() >= every.max(cost * SHARE)
        });
        if self.is_asked || is_due {
            self.show(engine);
        }
        self.tell_of_looking();
        self.pour(engine);
    }

    /// Tells whoever writes a report some of what is missing.
    fn pour(&mut self, engine: &mut Engine) {
        let Some(printing) = self.printing.front_mut() else { return };
        printing.pour(engine);
        if printing.is_over() {
            self.printing.pop_front();
        }
    }

    /// Goes on showing the run, in which nothing happens any more, until the screen goes, or a signal asks for it.
    pub(super) fn linger(&mut self, engine: &mut Engine) {
        self.is_asked = true;
        let mut wants_ending = true;
        while !self.has_left && self.lines.signals.asked().is_none() {
            if self.is_asked {
                self.show(engine);
            }
            if wants_ending && (!self.is_asked || self.looking.is_some()) {
                wants_ending = !self.tell(Message::Ended);
            }
            self.tell_of_looking();
            self.pour(engine);
            let patience = if self.is_asked || wants_ending { TELL_EVERY } else { LISTEN };
            if let Ok(order) = self.lines.orders.recv_timeout(patience) {
                self.obey(order, engine);
                while let Ok(order) = self.lines.orders.try_recv() {
                    self.obey(order, engine);
                }
            }
        }
    }

    /// How the run ended, by what is known now.
    pub(super) fn verdict(&self, engine: &mut Engine) -> Verdict {
        self.chosen.verdict(engine.snapshot(&Window::default()).verdict)
    }

    /// Has those flows count again that the run was started for, waits for what is still being saved, and tells how it all ends.
    pub(super) fn into_end(mut self, engine: &mut Engine) -> End {
        let mut marking = self.chosen.choose_first(engine).map(|job| {
            self.shelf.hand_on();
            self.lines.lender.send(job).ok();
        });
        while self.saving > 0 || marking.is_some() {
            self.pour(engine);
            let Ok(order) = self.lines.orders.recv() else { break };
            if matches!(&order, Order::Mark { number, .. } if self.chosen.is_current(*number)) {
                marking = None;
            }
            if matches!(order, Order::Mark { .. } | Order::Saved(_)) {
                self.obey(order, engine);
            }
        }
        let run = engine.snapshot(&Window::default());
        End { verdict: self.chosen.verdict(run.verdict), run, saved: self.saved }
    }

    /// Has the screen go, once there is room to tell it.
    pub(super) fn close(&self) {
        self.lines.screen.try_send(Heard::Close).ok();
    }

    pub(super) fn note_progress(&mut self, read: u64, of: Option<u64>) {
        if self.told_progress.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
            self.told_progress = Some(Instant::now());
            self.tell(Message::Progress { read, of });
        }
    }

    /// Tells the screen, if it has room for it.
    pub(super) fn tell(&mut self, message: Message) -> bool {
        match self.lines.screen.try_send(Heard::Told(message)) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => false,
            Err(TrySendError::Disconnected(_)) => {
                self.has_left = true;
                true
            }
        }
    }

    fn obey(&mut self, order: Order, engine: &mut Engine) {
        match order {
            Order::Show(window) => {
                self.window = Some(window);
                self.is_asked = true;
            }
            Order::Frames(wanted) => self.ask_frames(wanted, engine),
            Order::Save(save) => self.save(&save, engine),
            Order::Apply(typed) => match self.chosen.choose(&typed, engine) {
                Ok(job) => {
                    self.is_asked = true;
                    self.looking = None;
                    if let Some(job) = job {
                        self.looking = Some(Looking { since: Instant::now(), is_told: false });
                        self.shelf.hand_on();
                        self.lines.lender.send(job).ok();
                    }
                }
                Err(why) => drop(self.tell(Message::Refused(why))),
            },
            Order::Weigh(typed) => {
                let weighed = self.chosen.read(&typed).and_then(|asked| self.recapture.weigh(&asked));
                self.tell(match weighed {
                    Ok(told) => Message::Weighed { filter: typed, told },
                    Err(why) => Message::Refused(why),
                });
            }
            Order::Recapture(typed) => {
                let message = match self.capture(&typed, engine) {
                    Ok(told) => Message::Done(told),
                    Err(why) => Message::Refused(texts::unchanged(why)),
                };
                self.tell(message);
            }
            Order::Mark { number, marked } => {
                if self.chosen.is_current(number) {
                    engine.mark(&marked);
                    self.looking = None;
                    self.is_asked = true;
                }
            }
            Order::Saved(file) => self.note_saved(file),
            // Whoever attends next goes on with it.
            Order::More => {}
            Order::Leave => self.has_left = true,
        }
    }

    /// Has only that captured, and says so.
    fn capture(&mut self, typed: &str, engine: &mut Engine) -> Result<String, String> {
        let asked = self.chosen.read(typed)?;
        self.recapture.turn(&asked)?;
        self.chosen.note_narrowed(&asked);
        let now = moment(&self.options.zone);
        if asked.is_everything() {
            engine.assume(texts::all_since(now));
            return Ok(texts::CAPTURED_AGAIN.to_owned());
        }
        engine.assume(texts::narrowed_since(now, &asked));
        Ok(texts::narrowed(&asked))
    }

    fn note_saved(&mut self, file: Option<String>) {
        self.saving -= 1;
        self.saved.extend(file);
    }

    /// What takes long is told: until it is known which frames a filter admits, the screen shows what it showed before.
    fn tell_of_looking(&mut self) {
        if let Some(Looking { since, is_told: is_told @ false }) = &mut self.looking
            && since.elapsed() >= LONG
        {
            *is_told = true;
            self.tell(Message::Done(texts::LOOKING.to_owned()));
        }
    }

    fn show(&mut self, engine: &mut Engine) {
        let Some(window) = self.window.as_ref().filter(|_| self.looking.is_none()) else { return };
        let begun = Instant::now();
        let snapshot = Arc::new(engine.snapshot(window));
        self.shown = Some((Instant::now(), begun.elapsed(), engine.frames()));
        if self.tell(Message::Snapshot(snapshot)) {
            self.is_asked = false;
        }
    }

    fn ask_frames(&mut self, wanted: FramesWanted, engine: &mut Engine) {
        // Of a flow that was let go of nobody knows any more which frames were its own.
        let tracks = wanted.flow.as_ref().map(|id| engine.tracks_of(id).unwrap_or_default());
        let places = (0..self.points).map(|point| engine.places_of(PointIndex(point))).collect();
        self.shelf.hand_on();
        self.lines.lender.send(Job::Frames { wanted, tracks, places }).ok();
    }

    fn save(&mut self, save: &Save, engine: &mut Engine) {
        let what = match &save.what {
            SaveWhat::Flow(id) => id.as_str(),
            SaveWhat::Shown(_) => "flows",
            SaveWhat::All => "run",
        };
        let stem = stem_of(what);
        let begun = match save.format {
            SaveFormat::Frames => {
                let tracks = match &save.what {
                    SaveWhat::Flow(id) => Some(engine.tracks_of(id).unwrap_or_default()),
                    SaveWhat::Shown(window) => Some(engine.tracks_listed(window)),
                    SaveWhat::All => None,
                };
                self.shelf.hand_on();
                self.lines.lender.send(Job::Save { tracks, name: stem }).ok();
                Ok(())
            }
            SaveFormat::Text => self.print(&save.what, report::Format::Text, stem, engine),
            SaveFormat::Json => self.print(&save.what, report::Format::Json, stem, engine),
        };
        match begun {
            Ok(()) => self.saving += 1,
            Err(why) => drop(self.tell(Message::Refused(why))),
        }
    }

    /// Begins to write a report.
    fn print(
        &mut self,
        what: &SaveWhat,
        format: report::Format,
        name: String,
        engine: &mut Engine,
    ) -> Result<(), String> {
        let mut options = self.options.clone();
        let window = match what {
            SaveWhat::Shown(window) => window.clone(),
            SaveWhat::All | SaveWhat::Flow(_) => Window::default(),
        };
        options.only.clone_from(&window.verdicts);
        let listing = window.listing.clone();
        let totals =
            engine.snapshot(&Window { listing, verdicts: window.verdicts.clone(), ..Window::default() });
        let (totals, (printing, rows)) = if let SaveWhat::Flow(id) = what {
            let row = engine.row(id).ok_or(texts::FLOW_GONE)?;
            let (totals, row) = printing::alone(totals, row);
            (totals, Printing::of_row(row))
        } else {
            // Text has groups alone.
            let flows = if format == report::Format::Text { Vec::new() } else { engine.listed(&window) };
            (totals, Printing::of(flows))
        };
        let print = Print {
            totals,
            format,
            options,
            name,
            rows,
            directory: self.directory.clone(),
            engine: self.lines.own.clone(),
            bell: self.lines.bell.clone(),
            lender: self.lines.lender.clone(),
        };
        start("report", move || print.run()).map_err(|error| format!("{error:#}"))?;
        self.printing.push_back(printing);
        Ok(())
    }
}
