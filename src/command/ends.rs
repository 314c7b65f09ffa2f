//! When a run is over: after a time, a number of flows, the first failure or another command; or when somebody asks.

use std::time::{Duration, Instant};

use crate::cli::until::{Until, UntilVerdicts};
use crate::command::companion::Companion;
use crate::command::listener;
use crate::command::signals::Signals;
use crate::command::taker::{Status, Taker};

/// How often the taker is asked how the run stands, at most; and of all time at most a tenth is spent on that.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const SHARE: u32 = 10;

/// How long a command's flows may take to settle once it has ended: an attempt that nobody answers takes three seconds.
const STRAGGLERS: Duration = Duration::from_secs(5);

/// …and how long is captured at least: what it sent last may still be on its way.
const AFTERMATH: Duration = Duration::from_millis(300);

pub(super) struct Ends {
    signals: Signals,
    has_begun: bool,
    began: Instant,
    duration: Option<Duration>,
    flows: Option<u64>,
    is_fail_fast: bool,
    companion: Option<Companion>,
    /// How the companion ended, and when.
    companion_ended: Option<(String, Instant)>,
    /// Whether standard output is of use only as long as somebody reads it.
    is_for_listener: bool,
    /// Who or what ended it without having been typed.
    interrupted: Option<&'static str>,
    last: Option<Look>,
}

/// How the run stood when somebody looked.
struct Look {
    status: Status,
    at: Instant,
    cost: Duration,
}

impl Ends {
    /// Makes the command ready that is to run meanwhile.
    pub(super) fn new(
        signals: Signals,
        until: &Until,
        verdicts: UntilVerdicts,
        is_for_listener: bool,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            signals,
            has_begun: false,
            began: Instant::now(),
            duration: until.duration,
            flows: verdicts.until_flows,
            is_fail_fast: verdicts.fail_fast,
            companion: until.command.as_deref().map(Companion::prepare).transpose()?,
            companion_ended: None,
            is_for_listener,
            interrupted: None,
            last: None,
        })
    }

    /// All sources have begun: time counts from now on, and the command runs. Once is enough.
    pub(super) fn begin(&mut self) {
        if self.has_begun {
            return;
        }
        self.has_begun = true;
        self.began = Instant::now();
        if let Some(companion) = &mut self.companion {
            companion.begin();
        }
    }

    /// Whether the run is over.
    pub(super) fn are_reached(&mut self, taker: &mut impl Taker) -> bool {
        self.interrupted = self.signals.asked().or_else(|| {
            let has_left = self.is_for_listener && listener::has_left();
            has_left.then_some("nobody reads standard output any more")
        });
        self.interrupted.is_some()
            || self.duration.is_some_and(|duration| self.has_begun && self.began.elapsed() >= duration)
            || self.is_command_over(taker)
            || self.is_decided(taker)
    }

    fn is_command_over(&mut self, taker: &mut impl Taker) -> bool {
        let Some(companion) = &mut self.companion else { return false };
        if self.companion_ended.is_none() {
            self.companion_ended = companion.ended().map(|how| (how, Instant::now()));
        }
        let Some((_, at)) = &self.companion_ended else { return false };
        let since = at.elapsed();
        since >= STRAGGLERS || (since >= AFTERMATH && self.status(taker).unsettled == 0)
    }

    /// Whether enough flows have settled, or one has failed.
    fn is_decided(&mut self, taker: &mut impl Taker) -> bool {
        let (flows, is_fail_fast) = (self.flows, self.is_fail_fast);
        if flows.is_none() && !is_fail_fast {
            return false;
        }
        let Status { settled, failed, .. } = *self.status(taker);
        flows.is_some_and(|flows| settled >= flows) || (is_fail_fast && failed > 0)
    }

    /// How the run stands, as of a moment ago.
    pub(super) fn status(&mut self, taker: &mut impl Taker) -> &Status {
        let is_due =
            self.last.as_ref().is_none_or(|last| last.at.elapsed() >= LOOK_EVERY.max(last.cost * SHARE));
        if is_due {
            let begun = Instant::now();
            let status = taker.status();
            self.last = Some(Look { status, at: Instant::now(), cost: begun.elapsed() });
        }
        &self.last.as_ref().expect("somebody looked just before, or earlier").status
    }

    /// What ended the run, if that is nothing that was typed.
    pub(super) fn interrupted(&self) -> Option<&'static str> {
        self.interrupted
    }

    /// What a reader of the report should know of the command that ran meanwhile. Ctrl-C interrupts it, too, so it may have
    /// ended after the run was over.
    pub(super) fn told_of_command(&mut self) -> Option<String> {
        let companion = self.companion.as_mut()?;
        Some(companion.ended().unwrap_or_else(|| companion.still_running()))
    }
}
