//! The screen's thread: takes messages into the model, draws it, and passes on what it wants.
//!
//! 1. It draws when there is something new, at most every [`FRAME`]; what comes meanwhile is taken in before.
//! 2. Signals and the terminal's end are looked for every [`TICK`]: then it goes, and the run ends in good order.
//! 3. Whatever happens, the terminal is given back when this thread ends.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use crossterm::event::Event;
use jiff::Timestamp as Now;
use signal_hook::consts::SIGCONT;
use signal_hook::flag;

use super::clipboard;
use super::desk::{Heard, Order};
use super::lender::Job;
use super::terminal::{self, Terminal};
use super::texts;
use crate::command::feed::Bell;
use crate::command::signals::Signals;
use crate::tui::{Effect, Message, Model, update};

/// The least time from one drawing to the next: 30 a second.
const FRAME: Duration = Duration::from_millis(33);

/// How often the model is told the time, and signals are looked for.
const TICK: Duration = Duration::from_millis(200);

/// Messages that are taken in before the screen is drawn again, though more wait.
const AT_ONCE: usize = 256;

/// Whom the screen can ask.
pub(super) struct Others {
    pub(super) engine: Sender<Order>,
    /// Wakes the engine where it waits for frames.
    pub(super) bell: Bell,
    pub(super) lender: Sender<Job>,
    pub(super) signals: Signals,
}

/// Dropped in this order: the terminal is given back before others hear of it.
pub(super) struct Screen {
    terminal: Terminal,
    model: Model,
    heard: Receiver<Heard>,
    others: Others,
    /// The program was stopped, and goes on.
    was_continued: Arc<AtomicBool>,
    /// What is on the screen, and when it was drawn.
    drawn: Option<(u64, Instant)>,
    told_time: Option<Instant>,
}

/// Whether the screen stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Stay,
    Go,
}

impl Drop for Others {
    fn drop(&mut self) {
        self.signals.terminal_is_back();
        self.engine.send(Order::Leave).ok();
        self.bell.ring();
    }
}

impl Screen {
    pub(super) fn new(
        terminal: Terminal,
        model: Model,
        heard: Receiver<Heard>,
        others: Others,
    ) -> io::Result<Self> {
        let was_continued = Arc::new(AtomicBool::new(false));
        flag::register(SIGCONT, Arc::clone(&was_continued))?;
        Ok(Self { terminal, model, heard, others, was_continued, drawn: None, told_time: None })
    }

    /// Shows the run until somebody wants to leave; says why it cannot go on, if that is it.
    pub(super) fn run(mut self) -> Option<String> {
        self.show().err()
    }

    fn show(&mut self) -> Result<(), String> {
        let cannot = |error: io::Error| texts::terminal_fails(error);
        // What the first screen wants is asked for before anything has come.
        let mut then = self.tick();
        loop {
            if then == Then::Go || self.others.signals.asked().is_some() {
                return Ok(());
            }
            if self.was_continued.swap(false, Ordering::Relaxed) {
                self.terminal.resume().map_err(cannot)?;
                self.drawn = None;
            }
            self.draw().map_err(cannot)?;
            match self.heard.recv_timeout(self.patience()) {
                Ok(first) => {
                    then = self.hear(first)?;
                    for _ in 1..AT_ONCE {
                        let Some(next) = self.heard.try_recv().ok().filter(|_| then == Then::Stay) else {
                            break;
                        };
                        then = self.hear(next)?;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            if then == Then::Stay && self.told_time.is_none_or(|told| told.elapsed() >= TICK) {
                then = self.tick();
            }
        }
    }

    /// How long there is nothing to do unless something comes.
    fn patience(&self) -> Duration {
        let until_tick = self.told_time.map_or(Duration::ZERO, |told| TICK.saturating_sub(told.elapsed()));
        match self.drawn {
            Some((drawn, at)) if drawn != self.model.generation() => {
                until_tick.min(FRAME.saturating_sub(at.elapsed()))
            }
            _ => until_tick,
        }
    }

    fn draw(&mut self) -> io::Result<()> {
        let generation = self.model.generation();
        if self.drawn.is_some_and(|(drawn, at)| drawn == generation || at.elapsed() < FRAME) {
            return Ok(());
        }
        self.terminal.draw(&self.model)?;
        self.drawn = Some((generation, Instant::now()));
        Ok(())
    }

    fn tick(&mut self) -> Then {
        self.told_time = Some(Instant::now());
        self.take(Message::Tick { now: Now::now().into() })
    }

    fn hear(&mut self, heard: Heard) -> Result<Then, String> {
        match heard {
            Heard::Event(event) => {
                if matches!(event, Event::Resize(..)) {
                    self.drawn = None;
                }
                Ok(Message::of(event).map_or(Then::Stay, |message| self.take(message)))
            }
            Heard::Told(message) => Ok(self.take(message)),
            Heard::Gone(why) => Err(texts::terminal_is_gone(why)),
            Heard::Close => Ok(Then::Go),
        }
    }

    fn take(&mut self, message: Message) -> Then {
        for effect in update(&mut self.model, message) {
            match effect {
                Effect::Quit => return Then::Go,
                Effect::Ask(window) => self.order(Order::Show(window)),
                Effect::AskFrames(wanted) => self.order(Order::Frames(wanted)),
                Effect::Save(save) => self.order(Order::Save(save)),
                Effect::Apply(typed) => self.order(Order::Apply(typed)),
                Effect::Weigh(typed) => self.order(Order::Weigh(typed)),
                Effect::Recapture(typed) => self.order(Order::Recapture(typed)),
                Effect::Check(typed) => drop(self.others.lender.send(Job::Check(typed))),
                // A terminal that is gone is noticed by the next drawing.
                Effect::Copy(text) => drop(terminal::say(&clipboard::sequence(&text))),
                Effect::Suspend => {
                    drop(self.terminal.suspend());
                    self.was_continued.store(false, Ordering::Relaxed);
                    self.drawn = None;
                }
            }
        }
        Then::Stay
    }

    fn order(&self, order: Order) {
        self.others.engine.send(order).ok();
        self.others.bell.ring();
    }
}
