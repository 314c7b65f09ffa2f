//! Takes frames in to judge the flows in them, and shows how that stands.

use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::chosen::Chosen;
use super::desk::MESSAGES;
use super::filtering::Filtering;
use super::keys;
use super::lender::{Asking, Job, Known as Lent, Lender};
use super::recapture::Recapture;
use super::screen::{Others, Screen};
use super::shelf::Shelf;
use super::stage::{Lines, Stage};
use super::terminal::{self, Terminal};
use crate::capture::store::Store;
use crate::cli::frames::Source;
use crate::command::feed::{Bell, Valve};
use crate::command::held::to_write;
use crate::command::judging::Judging;
use crate::command::narrowing::Narrowing;
use crate::command::opened::Captured;
use crate::command::opener::Opener;
use crate::command::signals::Signals;
use crate::command::start;
use crate::command::taker::{Status, Taker};
use crate::command::valve::Tap;
use crate::decode::Options;
use crate::digest::Batch;
use crate::filter::composition::Composition;
use crate::frame::{LinkType, PointIndex, Timestamp};
use crate::place::Known;
use crate::report;
use crate::sandbox::Room;
use crate::tui::{Message, Model, Setup};

pub(super) struct Watching<'a> {
    pub(super) judging: Judging<'a>,
    /// What is shown first.
    pub(super) setup: Setup,
    pub(super) filtering: Filtering,
    /// The flows that count to begin with.
    pub(super) selection: Composition,
    pub(super) decoding: Options,
    /// How interfaces are captured with less.
    pub(super) narrowing: Narrowing,
    /// How reports are written.
    pub(super) reports: report::Options,
    /// Makes files in the working directory; or why it cannot.
    pub(super) opener: Option<Result<Opener, String>>,
    /// Whether all frames are in savefiles.
    pub(super) is_saved: bool,
    pub(super) up: Up,
}

/// What there is once the screens are up.
#[derive(Default)]
pub(super) struct Up {
    stores: Vec<Store>,
    signals: Option<Signals>,
    /// The shelf, and the jobs that it has for the lender, until that can begin.
    shelf: Option<(Shelf, Sender<Job>, Receiver<Job>)>,
    pub(super) stage: Option<Stage>,
    screen: Option<JoinHandle<Option<String>>>,
}

/// How the screen went.
pub(super) enum Closed {
    /// The terminal is given back; why the screen could not go on, if that was it.
    Gone(Option<String>),
    /// A signal asked to end, and the terminal takes nothing: whoever writes to it waits for ever.
    Stalled,
}

/// How long a terminal may take what the screen has to write once a signal asked to end.
const STALLED: Duration = Duration::from_secs(2);
/// How often it is looked whether the screen is gone.
const LOOK: Duration = Duration::from_millis(10);

impl Up {
    /// Has the screen go, and waits until the terminal is given back. One that takes nothing is waited for until a signal asks to end.
    pub(super) fn close(&mut self) -> Closed {
        let Some(screen) = self.screen.take() else { return Closed::Gone(None) };
        let mut asked: Option<Instant> = None;
        while !screen.is_finished() {
            if let Some(stage) = &self.stage {
                stage.close();
            }
            if self.signals.as_ref().is_some_and(|signals| signals.asked().is_some())
                && asked.get_or_insert_with(Instant::now).elapsed() > STALLED
            {
                return Closed::Stalled;
            }
            thread::sleep(LOOK);
        }
        let bug = |_| Some("the screen ended early: this is a bug in egret".to_owned());
        Closed::Gone(screen.join().unwrap_or_else(bug))
    }
}

impl Taker for Watching<'_> {
    fn add_point(&mut self, source: &Source) -> PointIndex {
        self.judging.add_point(source)
    }

    fn wants_frames_again(&self) -> bool {
        self.is_saved
    }

    fn note_store(&mut self, _point: PointIndex, store: Store) {
        self.up.stores.push(store);
    }

    fn note_filter(&mut self, point: PointIndex, filter: &str) {
        self.judging.note_filter(point, filter);
    }

    fn narrowing(&mut self, link: LinkType) -> Option<String> {
        self.judging.narrowing(link)
    }

    fn prepare(&mut self, points: &[String], live: &[Captured]) -> anyhow::Result<()> {
        self.judging.engine.know_owners();
        let (jobs, waiting) = channel();
        let shelf = Shelf::new(&std::env::temp_dir(), points.len(), !self.is_saved, jobs.clone());
        self.up.shelf = Some((shelf, jobs, waiting));
        self.judging.prepare(points, live)
    }

    fn listen(&mut self) -> anyhow::Result<Signals> {
        let signals = Signals::listen_beside_screen()?;
        self.up.signals = Some(signals.clone());
        Ok(signals)
    }

    /// Frames and reports go to the temporary folder first; filters that are typed are read with all that options named.
    fn room(&self) -> Room {
        let mut room = to_write(&std::env::temp_dir());
        if let Some(Ok(opener)) = &self.opener {
            room.write.extend(opener.room().write);
        }
        room.read = self.filtering.files();
        room
    }

    fn begin(&mut self) -> anyhow::Result<()> {
        self.judging.begin()
    }

    fn start(&mut self, bell: Bell, valve: Valve, taps: Vec<Tap>) -> anyhow::Result<()> {
        let signals = self.up.signals.clone().expect("signals are listened to before reading begins");
        let (shelf, lender, jobs) = self.up.shelf.take().expect("the shelf is there before reading begins");
        let (engine, orders) = channel();
        let (told, heard) = sync_channel(MESSAGES);
        // The shelf is all that keeps frames here, so nobody has taken these.
        let about = std::mem::take(&mut self.judging.about);
        let points = about.len();
        let known = Lent {
            stores: std::mem::take(&mut self.up.stores),
            points: about,
            opener: self.opener.take().expect("it is taken once"),
            filtering: self.filtering.clone(),
        };
        let asking = Asking { screen: told.clone(), engine: engine.clone(), bell: bell.clone() };
        start("lender", move || Lender::new(jobs, asking, known).run())?;
        let terminal = Terminal::set_up().context("the terminal cannot be used")?;
        self.setup.size = terminal::size().context("the terminal's size cannot be told")?;
        let recapture = Recapture::new(valve, taps, self.narrowing.clone());
        self.setup.is_here = recapture.is_possible();
        if recapture.watched().is_some() {
            self.setup.captured.clone_from(&self.setup.filter);
        }
        let lines = Lines {
            orders,
            screen: told.clone(),
            lender: lender.clone(),
            own: engine.clone(),
            bell: bell.clone(),
            signals: signals.clone(),
        };
        let others = Others { engine, bell, lender, signals };
        let screen = Screen::new(terminal, Model::new(self.setup.clone()), heard, others)
            .context("cannot listen to signals")?;
        let filtering = self.filtering.clone();
        let chosen = Chosen::new(filtering, self.selection.clone(), self.decoding.clone(), points);
        self.up.stage =
            Some(Stage::new(lines, shelf, chosen, recapture, self.reports.clone(), points as u16));
        self.up.screen = Some(start("screen", move || screen.run())?);
        start("keys", move || keys::read(&told))?;
        Ok(())
    }

    fn take(&mut self, batch: &mut Batch) {
        if let Some(stage) = &mut self.up.stage {
            stage.mark(batch);
        }
        self.judging.take(batch);
        if let Some(stage) = &mut self.up.stage {
            stage.keep(batch, &mut self.judging.engine);
        }
    }

    fn meanwhile(&mut self) {
        self.judging.meanwhile();
        if let Some(stage) = &mut self.up.stage {
            stage.attend(&mut self.judging.engine);
            self.judging.watch_out_since(stage.recapture().watched());
        }
    }

    fn tick(&mut self, now: Timestamp) {
        self.judging.tick(now);
    }

    fn note_watched(&mut self, point: PointIndex, until: Timestamp) {
        self.judging.note_watched(point, until);
    }

    fn know_interfaces(&mut self, point: PointIndex, known: &[Known]) {
        self.judging.know_interfaces(point, known);
        if let Some(stage) = &mut self.up.stage {
            stage.recapture().know(known);
        }
    }

    fn note_unread(&mut self, what: String) {
        self.judging.note_unread(what);
    }

    fn assume(&mut self, what: String) {
        self.judging.assume(what);
    }

    fn warn(&mut self, what: String) {
        self.judging.warn(what);
    }

    /// The screen is where people look.
    fn alarm(&mut self, what: String) {
        if let Some(stage) = &mut self.up.stage {
            stage.tell(Message::Refused(what.clone()));
        }
        self.judging.warn(what);
    }

    fn has_enough(&self) -> bool {
        self.judging.has_enough()
    }

    fn can_go_on(&self) -> bool {
        self.up.stage.as_ref().is_none_or(|stage| !stage.has_left())
    }

    fn note_progress(&mut self, read: u64, of: Option<u64>) {
        if let Some(stage) = &mut self.up.stage {
            stage.note_progress(read, of);
        }
    }

    fn shows_frames(&self) -> bool {
        true
    }

    fn status(&mut self) -> Status {
        self.judging.status()
    }
}
