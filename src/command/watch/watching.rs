//! Takes frames in to judge the flows in them, and shows how that stands.

use std::thread::{self, JoinHandle};
use std::sync::mpsc::{channel, sync_channel};

use anyhow::Context as _;

use super::desk::{Heard, MESSAGES};
use super::screen::{Others, Screen};
use super::stage::Stage;
use super::terminal::{self, Terminal};
use super::keys;
use crate::cli::frames::Source;
use crate::command::feed::Bell;
use crate::command::judging::Judging;
use crate::command::signals::Signals;
use crate::command::taker::{Status, Taker};
use crate::digest::Batch;
use crate::frame::{LinkType, PointIndex, Timestamp};
use crate::place::Known;
use crate::tui::{Message, Model, Setup};

pub(super) struct Watching<'a> {
    pub(super) judging: Judging<'a>,
    pub(super) setup: Setup,
    signals: Option<Signals>,
    stage: Option<Stage>,
    screen: Option<JoinHandle<Option<String>>>,
}

impl<'a> Watching<'a> {
    pub(super) fn new(judging: Judging<'a>, setup: Setup) -> Self {
        Self { judging, setup, signals: None, stage: None, screen: None }
    }
}

/// The end of a run that was watched.
pub(super) struct Closing {
    pub(super) stage: Option<Stage>,
    screen: Option<JoinHandle<Option<String>>>,
}

impl Closing {
    /// Waits until the terminal is given back; says why the screen could not go on, if that was it.
    pub(super) fn close(self) -> Option<String> {
        if let Some(stage) = self.stage {
            stage.screen.send(Heard::Close).ok();
        }
        match self.screen?.join() {
            Ok(problem) => problem,
            Err(_) => Some("the screen ended early: this is a bug in egret".to_owned()),
        }
    }
}

impl<'a> Watching<'a> {
    pub(super) fn part(self) -> (Judging<'a>, Closing) {
        (self.judging, Closing { stage: self.stage, screen: self.screen })
    }
}

impl Taker for Watching<'_> {
    fn add_point(&mut self, source: &Source) -> PointIndex {
        self.judging.add_point(source)
    }

    fn note_filter(&mut self, point: PointIndex, filter: &str) {
        self.judging.note_filter(point, filter);
    }

    fn narrowing(&mut self, link: LinkType) -> Option<String> {
        self.judging.narrowing(link)
    }

    fn prepare(&mut self, points: &[String], live: &[PointIndex]) -> anyhow::Result<()> {
        self.judging.prepare(points, live)
    }

    fn listen(&mut self) -> anyhow::Result<Signals> {
        let signals = Signals::listen_beside_screen()?;
        self.signals = Some(signals.clone());
        Ok(signals)
    }

    fn begin(&mut self) -> anyhow::Result<()> {
        self.judging.begin()
    }

    fn start(&mut self, bell: Bell) -> anyhow::Result<()> {
        let signals = self.signals.clone().expect("signals are listened to before reading begins");
        let (engine, orders) = channel();
        let (told, heard) = sync_channel(MESSAGES);
        let (lender, _jobs) = channel();
        let terminal = Terminal::set_up().context("the terminal cannot be used")?;
        self.setup.size = terminal::size().context("the terminal's size cannot be told")?;
        let others = Others { engine, bell, lender: lender.clone(), signals };
        let screen = Screen::new(terminal, Model::new(self.setup.clone()), heard, others)
            .context("cannot listen to signals")?;
        let keys = told.clone();
        spawn("keys", move || keys::read(&keys))?;
        self.stage = Some(Stage::new(orders, told, lender));
        self.screen = Some(spawn("screen", move || screen.run())?);
        Ok(())
    }

    fn take(&mut self, batch: &mut Batch) {
        self.judging.take(batch);
    }

    fn meanwhile(&mut self) {
        self.judging.meanwhile();
        if let Some(stage) = &mut self.stage {
            stage.attend(&mut self.judging.engine);
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
        if let Some(stage) = &mut self.stage {
            stage.tell(Message::Refused(what.clone()));
        }
        self.judging.warn(what);
    }

    fn has_enough(&self) -> bool {
        self.judging.has_enough()
    }

    fn can_go_on(&self) -> bool {
        self.stage.as_ref().is_none_or(|stage| !stage.has_left)
    }

    fn note_progress(&mut self, read: u64, of: Option<u64>) {
        if let Some(stage) = &mut self.stage {
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

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> anyhow::Result<JoinHandle<T>> {
    let builder = thread::Builder::new().name(name.to_owned());
    builder.spawn(work).with_context(|| format!("cannot start the {name} thread"))
}
