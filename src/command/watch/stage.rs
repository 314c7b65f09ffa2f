//! The engine's side of the screen: shows it the run, and does what it orders, between two batches.
//!
//! A window that was just asked for is answered at once. Beside that the run is shown some times a second, and never costs more than a
//! tenth of the time: where judging what came takes long, it is done more rarely. The screen is never waited for.

use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::desk::{Heard, Order};
use super::lender::Job;
use crate::engine::Engine;
use crate::snapshot::{Snapshots as _, Window};
use crate::tui::Message;

/// How often the run is shown, at most; and of all time at most a tenth is spent on that.
const SHOW_EVERY: Duration = Duration::from_millis(250);
const SHARE: u32 = 10;

/// How often it is told how far files have been read.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

pub(super) struct Stage {
    pub(super) orders: Receiver<Order>,
    pub(super) screen: SyncSender<Heard>,
    pub(super) lender: Sender<Job>,
    /// What the screen shows.
    pub(super) window: Option<Window>,
    /// It waits for it.
    pub(super) is_asked: bool,
    /// When the run was shown last, and how long that took.
    pub(super) shown: Option<(Instant, Duration)>,
    pub(super) told_progress: Option<Instant>,
    /// Nobody looks any more.
    pub(super) has_left: bool,
}

impl Stage {
    pub(super) fn new(orders: Receiver<Order>, screen: SyncSender<Heard>, lender: Sender<Job>) -> Self {
        Self {
            orders,
            screen,
            lender,
            window: None,
            is_asked: false,
            shown: None,
            told_progress: None,
            has_left: false,
        }
    }

    /// Does what was ordered by now, and shows the run if that is due.
    pub(super) fn attend(&mut self, engine: &mut Engine) {
        while let Ok(order) = self.orders.try_recv() {
            self.obey(order, engine);
        }
        let is_due = self.shown.is_none_or(|(at, cost)| at.elapsed() >= SHOW_EVERY.max(cost * SHARE));
        if self.is_asked || is_due {
            self.show(engine);
        }
    }

    /// Goes on showing the run, in which nothing happens any more, until the screen goes.
    pub(super) fn linger(&mut self, engine: &mut Engine) {
        self.is_asked = true;
        let mut wants_ending = true;
        while !self.has_left {
            if self.is_asked {
                self.show(engine);
            }
            if wants_ending && self.tell(Message::Ended) {
                wants_ending = false;
            }
            // What found no room is tried again after a while.
            let is_behind = self.is_asked || wants_ending;
            let order = if is_behind {
                self.orders.recv_timeout(PROGRESS_EVERY).ok()
            } else {
                self.orders.recv().ok().or(Some(Order::Leave))
            };
            if let Some(order) = order {
                self.obey(order, engine);
                while let Ok(order) = self.orders.try_recv() {
                    self.obey(order, engine);
                }
            }
        }
    }

    fn obey(&mut self, order: Order, _engine: &mut Engine) {
        match order {
            Order::Show(window) => {
                self.window = Some(window);
                self.is_asked = true;
            }
            Order::Leave => self.has_left = true,
            Order::Frames(_) | Order::Save(_) | Order::Apply(_) => {}
        }
    }

    fn show(&mut self, engine: &mut Engine) {
        let Some(window) = &self.window else { return };
        let begun = Instant::now();
        let snapshot = Arc::new(engine.snapshot(window));
        self.shown = Some((Instant::now(), begun.elapsed()));
        if self.tell(Message::Snapshot(snapshot)) {
            self.is_asked = false;
        }
    }

    pub(super) fn note_progress(&mut self, read: u64, of: Option<u64>) {
        if self.told_progress.is_none_or(|at| at.elapsed() >= PROGRESS_EVERY) {
            self.told_progress = Some(Instant::now());
            self.tell(Message::Progress { read, of });
        }
    }

    /// Tells the screen, if it has room for it.
    pub(super) fn tell(&mut self, message: Message) -> bool {
        match self.screen.try_send(Heard::Told(message)) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => false,
            Err(TrySendError::Disconnected(_)) => {
                self.has_left = true;
                true
            }
        }
    }
}
