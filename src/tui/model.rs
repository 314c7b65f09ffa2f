//! What is shown: the run as it was told last, the screens one above the other, and what lies on top of them.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::keys::{Action, Place};
use super::line::Line;
use super::menu::Menu;
use super::theme::Colours;
use super::{expectations, findings, flow, flows, help, packets, points, sources};
use crate::decode::Options;
use crate::frame::Timestamp;
use crate::snapshot::{Snapshot, Window};

/// What does not change while the screens are up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Interfaces are captured, and no files read.
    pub is_live: bool,
    /// Some of it egret captures itself, and can do so with another filter.
    pub is_here: bool,
    /// Captures are read by their clock, so many times as fast.
    pub speed: Option<f64>,
    /// What is captured, in words, until a snapshot tells.
    pub sources: String,
    /// The filter that the run was started with, and the one that capturing is narrowed to.
    pub filter: String,
    pub captured: String,
    /// How frames are decoded.
    pub decoding: Arc<Options>,
    /// Presets that a filter can name.
    pub presets: Vec<String>,
    pub zone: TimeZone,
    pub colours: Colours,
    pub size: (u16, u16),
}

/// One screen.
#[derive(Debug)]
pub enum Screen {
    Flows(flows::State),
    Sources(sources::State),
    Packets(packets::State),
    Expectations(expectations::State),
    Findings(findings::State),
    Points(points::State),
    Flow(flow::State),
    Help(help::State),
}

impl Screen {
    /// The screen of a tab, as it begins.
    pub(super) fn of_tab(tab: usize, decoding: &Arc<Options>) -> Self {
        match tab {
            1 => Self::Sources(sources::State::default()),
            2 => Self::Packets(packets::State::of(None, decoding)),
            3 => Self::Expectations(expectations::State::default()),
            4 => Self::Findings(findings::State::default()),
            5 => Self::Points(points::State::default()),
            _ => Self::Flows(flows::State::default()),
        }
    }

    /// Its tab; `None` of screens that lie above one.
    pub(super) fn tab(&self) -> Option<usize> {
        match self {
            Self::Flows(_) => Some(0),
            Self::Sources(_) => Some(1),
            Self::Packets(packets) if packets.flow().is_none() => Some(2),
            Self::Expectations(_) => Some(3),
            Self::Findings(_) => Some(4),
            Self::Points(_) => Some(5),
            Self::Packets(_) | Self::Flow(_) | Self::Help(_) => None,
        }
    }

    fn place(&self) -> Place {
        match self {
            Self::Flows(_) => Place::Flows,
            Self::Sources(_) => Place::Sources,
            Self::Packets(_) => Place::Packets,
            Self::Expectations(_) => Place::Expectations,
            Self::Findings(_) => Place::Findings,
            Self::Points(_) => Place::Points,
            Self::Flow(_) => Place::Flow,
            Self::Help(_) => Place::Help,
        }
    }
}

/// What was told of the run.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub snapshot: Option<Arc<Snapshot>>,
    pub now: Option<Timestamp>,
    pub began: Option<Timestamp>,
    pub has_ended: bool,
    /// Bytes read, and of how many.
    pub progress: Option<(u64, Option<u64>)>,
    pub is_paused: bool,
    /// An answer is wanted though the screen is held still.
    pub is_due: bool,
    pub rates: Rates,
    pub filter: String,
    /// What capturing is narrowed to, as it was typed.
    pub captured: String,
}

/// Frames and bytes a second, of a capture that goes on. Of a large run it may take longer than a second to be told how it stands; so what
/// came is counted by its own clock, from its last frame to its last frame.
#[derive(Debug, Default)]
pub(super) struct Rates {
    last: Option<(Timestamp, u64, u64)>,
    /// Frames a second, each over a second or more, the youngest last.
    pub packets: VecDeque<u64>,
    /// Bits a second.
    pub bits: u64,
}

/// Seconds that are remembered.
const REMEMBERED: usize = 60;
const SECOND: i64 = 1_000_000_000;

impl Rates {
    /// Takes in how many frames and bytes there are by now, the last of them `seen`.
    fn take(&mut self, now: Timestamp, seen: Option<Timestamp>, frames: u64, bytes: u64) {
        // The time was told a moment ago, and other machines' clocks are others.
        let fresh = seen.filter(|seen| (-SECOND..SECOND).contains(&(now - *seen)));
        let Some((then, frames_then, bytes_then)) = self.last else {
            self.last = Some((fresh.unwrap_or(now), frames, bytes));
            return;
        };
        // Where nothing comes any more, time goes on without it.
        let now = fresh.filter(|_| frames > frames_then).unwrap_or(now);
        let gone = now - then;
        if gone < SECOND {
            return;
        }
        let a_second = |more: u64| (u128::from(more) * SECOND as u128 / gone as u128) as u64;
        self.packets.push_back(a_second(frames.saturating_sub(frames_then)));
        self.bits = a_second(bytes.saturating_sub(bytes_then)).saturating_mul(8);
        if self.packets.len() > REMEMBERED {
            self.packets.pop_front();
        }
        self.last = Some((now, frames, bytes));
    }
}

/// Something to be told for a while.
#[derive(Debug, Clone)]
pub(super) struct Notice {
    pub text: String,
    pub is_bad: bool,
    /// When it came; it goes after [`NOTICED`], or with the next key.
    pub since: Option<Timestamp>,
}

/// How long a notice stays, in ns.
const NOTICED: i64 = 8 * SECOND;

#[derive(Debug)]
pub struct Model {
    pub(super) setup: Setup,
    pub(super) run: Run,
    pub(super) size: (u16, u16),
    /// The screen that is shown is the last; there is always one.
    pub(super) stack: Vec<Screen>,
    /// Tabs that were left, as they were.
    pub(super) aside: Vec<Screen>,
    /// A line that is being typed.
    pub(super) line: Option<Line>,
    /// What was typed before, the youngest last.
    pub(super) history: Vec<String>,
    /// A question that waits for a key.
    pub(super) menu: Option<Menu>,
    pub(super) notice: Option<Notice>,
    /// What was asked for last.
    pub(super) asked: Option<Window>,
    pub(super) generation: u64,
}

impl Model {
    pub fn new(setup: Setup) -> Self {
        let run = Run { filter: setup.filter.clone(), captured: setup.captured.clone(), ..Run::default() };
        Self {
            size: setup.size,
            run,
            stack: vec![Screen::of_tab(0, &setup.decoding)],
            setup,
            aside: Vec::new(),
            line: None,
            history: Vec::new(),
            menu: None,
            notice: None,
            asked: None,
            generation: 0,
        }
    }

    /// Grows whenever there is something new to draw.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The screen that is shown.
    pub fn screen(&self) -> &Screen {
        self.stack.last().expect("there is always a screen")
    }

    pub(super) fn screen_mut(&mut self) -> &mut Screen {
        self.stack.last_mut().expect("there is always a screen")
    }

    pub(super) fn tab(&self) -> usize {
        self.stack.first().and_then(Screen::tab).unwrap_or(0)
    }

    pub(super) fn snapshot(&self) -> Option<&Snapshot> {
        self.run.snapshot.as_deref()
    }

    /// Who takes keys.
    pub(super) fn place(&self) -> Place {
        if self.line.is_some() {
            Place::Line
        } else {
            self.menu.as_ref().map_or_else(|| self.screen().place(), Menu::place)
        }
    }

    /// Whether an action does anything now: keys that do nothing are not shown.
    pub(super) fn can(&self, action: Action) -> bool {
        let snapshot = self.snapshot();
        match action {
            Action::Back => {
                self.stack.len() > 1 || matches!(self.screen(), Screen::Flows(flows) if flows.is_narrowed())
            }
            Action::Pause => !self.run.has_ended || self.run.is_paused,
            Action::Recapture => {
                self.setup.is_here && !self.run.has_ended && self.run.filter != self.run.captured
            }
            Action::Open => match self.screen() {
                Screen::Flows(flows) => flows.selected(snapshot).is_some(),
                Screen::Sources(_) => snapshot.is_some_and(|run| !run.sources.list.is_empty()),
                Screen::Expectations(_) => snapshot.is_some_and(|run| !run.expectations.is_empty()),
                Screen::Packets(packets) => packets.can_enter(),
                Screen::Findings(findings) => findings.flow(snapshot).is_some(),
                _ => false,
            },
            Action::Right => match self.screen() {
                Screen::Flows(flows) => flows.can_expand(snapshot),
                Screen::Packets(packets) => packets.can_enter(),
                _ => false,
            },
            Action::Left => match self.screen() {
                Screen::Flows(flows) => flows.can_close(snapshot),
                Screen::Packets(packets) => packets.can_leave(),
                _ => false,
            },
            Action::Packets => match self.screen() {
                Screen::Flows(flows) => flows.selected(snapshot).is_some(),
                Screen::Flow(_) => true,
                _ => false,
            },
            Action::NextCopy | Action::PreviousCopy => {
                matches!(self.screen(), Screen::Packets(packets) if packets.copies() > 1)
            }
            Action::Follow => match self.screen() {
                Screen::Flows(flows) => !flows.is_following(),
                Screen::Packets(packets) => !packets.is_following() && !self.run.has_ended,
                _ => false,
            },
            Action::Copy | Action::CopyLine => super::update::to_copy(self, action).is_some(),
            Action::Earlier | Action::Later => {
                !self.history.is_empty() && self.line.as_ref().is_some_and(Line::is_filter)
            }
            Action::Complete => {
                !self.setup.presets.is_empty() && self.line.as_ref().is_some_and(Line::is_filter)
            }
            _ => true,
        }
    }

    pub(super) fn changed(&mut self) {
        self.generation += 1;
    }

    /// Whether the time changes something that is shown.
    pub(super) fn tick(&mut self, now: Timestamp) {
        let before = self.run.now.replace(now);
        self.run.began.get_or_insert(now);
        if let Some(notice) = &mut self.notice {
            let since = *notice.since.get_or_insert(now);
            if now - since > NOTICED {
                self.notice = None;
                self.changed();
            }
        }
        let is_another_second = before.is_none_or(|before| before.nanos() / SECOND != now.nanos() / SECOND);
        if is_another_second && !self.run.has_ended && !self.run.is_paused {
            self.changed();
        }
    }

    /// Takes in how the run stands.
    pub(super) fn take(&mut self, run: Arc<Snapshot>) {
        if let Some(now) = self.run.now.filter(|_| self.setup.is_live) {
            let seen = run.points.iter().filter_map(|point| point.last_seen).max();
            self.run.rates.take(now, seen, run.summary.frames, run.pace.total_bytes);
        }
        self.run.snapshot = Some(run);
    }

    pub(super) fn tell(&mut self, text: String, is_bad: bool) {
        self.notice = Some(Notice { text, is_bad, since: self.run.now });
        self.changed();
    }

    /// The time by which ages are told: that of the clock while a capture goes on, else that of the last frame.
    pub(super) fn present(&self) -> Option<Timestamp> {
        let last = || self.snapshot()?.points.iter().filter_map(|point| point.last_seen).max();
        if self.setup.is_live && !self.run.has_ended { self.run.now.or_else(last) } else { last() }
    }

    /// How long was captured, in ns.
    pub(super) fn elapsed(&self) -> Option<i64> {
        if self.setup.is_live {
            return Some(self.run.now? - self.run.began?);
        }
        let points = &self.snapshot()?.points;
        let first = points.iter().filter_map(|point| point.first_seen).min()?;
        Some(points.iter().filter_map(|point| point.last_seen).max()? - first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_nanos(1_795_400_000 * SECOND + ms * 1_000_000)
    }

    #[test]
    fn a_rate_is_that_of_the_frames_own_clock_however_seldom_it_is_told() {
        let mut rates = Rates::default();
        for (now, seen) in [(0, 0), (1_700, 1_500), (3_000, 2_900), (5_600, 5_500)] {
            rates.take(at(now), Some(at(seen)), seen as u64 * 100, seen as u64 * 1_000);
        }
        assert_eq!(rates.packets, [100_000, 100_000, 100_000]);
        assert_eq!(rates.bits, 8_000_000);
    }

    #[test]
    fn a_rate_falls_when_nothing_comes_any_more() {
        let mut rates = Rates::default();
        rates.take(at(0), None, 0, 0);
        rates.take(at(300), Some(at(300)), 50, 50);
        for now in [700, 1_200, 2_300, 3_400] {
            rates.take(at(now), Some(at(300)), 50, 50);
        }
        // One over 2.3 s that has them all, at most; then none.
        assert_eq!(rates.packets.back(), Some(&0));
        assert_eq!(rates.packets.iter().filter(|rate| **rate > 0).count(), 1);
    }
}
