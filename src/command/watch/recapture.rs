//! What interfaces are captured with, changed from the screen: only what flows of a filter may need, or everything again.
//!
//! 1. A filter over-admits, as with `--narrow`: flows that it is about lose nothing. Of places whose role only other flows would
//!    show, everything must be captured, so there it is refused.
//! 2. Once a filter was set, nobody can say of other flows that they did not leave: the frames of a point with a filter
//!    prove nothing by what they do not show, and a run that was begun for more cannot pass any more.
//! 3. What others capture (`--from`) stays as it is.

use std::collections::BTreeSet;

use super::texts;
use crate::command::feed::Valve;
use crate::command::here::is_unknown;
use crate::command::narrowing::Narrowing;
use crate::command::valve::Tap;
use crate::filter::composition::Composition;
use crate::frame::{LinkType, PointIndex};
use crate::place::Known;

/// How everything is narrowed that is captured here.
pub(super) struct Recapture {
    valve: Valve,
    taps: Vec<Tap>,
    /// How filters are made; what it is to let through is asked each time.
    narrowing: Narrowing,
    /// What came since of which nobody knows what it is.
    unknown: Option<String>,
    interfaces: BTreeSet<u32>,
    is_narrowed: bool,
}

impl Recapture {
    pub(super) fn new(valve: Valve, taps: Vec<Tap>, narrowing: Narrowing) -> Self {
        let interfaces = narrowing.interfaces.clone();
        let is_narrowed = !narrowing.composition.is_everything()
            && taps.iter().any(|tap| narrowing.expression(tap.link).is_ok());
        Self { valve, taps, narrowing, unknown: None, interfaces, is_narrowed }
    }

    /// Learns what interfaces there are by now.
    pub(super) fn know(&mut self, known: &[Known]) {
        let came =
            known.iter().find(|known| is_unknown(known) && !self.narrowing.interfaces.contains(&known.index));
        if let Some(known) = came {
            self.unknown.get_or_insert_with(|| texts::unknown_since(&known.name, &known.because));
        }
        self.interfaces.extend(known.iter().map(|known| known.index));
    }

    /// What there is to know before only that is captured; or why everything must be.
    pub(super) fn weigh(&self, asked: &Composition) -> Result<String, String> {
        if asked.is_everything() {
            return Ok(texts::BACK_TO_ALL.to_owned());
        }
        self.taps.iter().try_for_each(|tap| self.filter(asked, tap.link).map(drop))?;
        Ok(texts::would_lose(asked))
    }

    /// Has every reader set its filter.
    pub(super) fn turn(&mut self, asked: &Composition) -> Result<(), String> {
        let filter = |tap: &Tap| {
            if asked.is_everything() { Ok(None) } else { self.filter(asked, tap.link).map(Some) }
        };
        // All or none.
        let filters = self.taps.iter().map(filter).collect::<Result<Vec<_>, String>>()?;
        for (tap, filter) in self.taps.iter().zip(filters) {
            self.valve.turn(tap.point, tap.turned(filter));
        }
        self.is_narrowed = !asked.is_everything();
        Ok(())
    }

    /// Whether there is anything that is captured from here.
    pub(super) fn is_possible(&self) -> bool {
        !self.taps.is_empty()
    }

    /// Whether a point's filter is set from here.
    pub(super) fn is_of(&self, point: PointIndex) -> bool {
        self.taps.iter().any(|tap| tap.point == point)
    }

    /// The interfaces that there were by now, while less than everything is captured.
    pub(super) fn watched(&self) -> Option<&BTreeSet<u32>> {
        self.is_narrowed.then_some(&self.interfaces)
    }

    fn filter(&self, asked: &Composition, link: LinkType) -> Result<String, String> {
        let narrowing = || Narrowing { composition: asked.clone(), ..self.narrowing.clone() };
        match &self.unknown {
            Some(unknown) => Err(texts::not_narrowed(unknown)),
            None => narrowing().expression(link).map_err(texts::not_narrowed),
        }
    }
}
