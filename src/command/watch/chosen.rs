//! The flows that count: what is typed on the screen in the place of what the run was started with.
//!
//! An expression is met by frames, and only while a frame's bytes are at hand. From the moment a filter is applied, frames are marked
//! as they come; those that came before are looked at again by the lender, which tells later whose they are.
//!
//! The exit code is that of the run as it was started: who looks at some of it has not seen the rest pass.

use super::filtering::Filtering;
use super::lender::Job;
use crate::decode::Options;
use crate::digest::Batch;
use crate::engine::Engine;
use crate::filter::composition::Composition;
use crate::filter::composition::marks::{Marker, Marks};
use crate::frame::LinkType;
use crate::snapshot::{Snapshots as _, Window};
use crate::verdict::Verdict;

pub(super) struct Chosen {
    filtering: Filtering,
    /// What the run was started with, and its verdict when somebody first chose otherwise.
    first: Composition,
    before: Option<Verdict>,
    options: Options,
    /// By point, the link types of its interfaces.
    links: Vec<Vec<LinkType>>,
    /// By point; none, as long as the filter asks nothing of frames, or is still the first.
    markers: Vec<Marker>,
    /// How many filters were applied.
    number: u64,
    /// Less was captured for a while than the run was started for.
    was_narrowed: bool,
}

impl Chosen {
    pub(super) fn new(filtering: Filtering, first: Composition, options: Options, points: usize) -> Self {
        let links = vec![Vec::new(); points];
        Self {
            filtering,
            first,
            before: None,
            options,
            links,
            markers: Vec::new(),
            number: 0,
            was_narrowed: false,
        }
    }

    /// Marks a batch before the engine takes it in.
    pub(super) fn mark(&mut self, batch: &mut Batch) {
        let point = usize::from(batch.point.0);
        self.links[point].extend(batch.interfaces.iter().map(|interface| interface.link));
        if let Some(marker) = self.markers.get_mut(point) {
            marker.mark(batch);
        }
    }

    /// Has only those flows count that a filter admits; what the lender is to find out about frames so far.
    pub(super) fn choose(&mut self, typed: &str, engine: &mut Engine) -> Result<Option<Job>, String> {
        let asked = self.filtering.read(typed).map_err(|mistake| mistake.message)?;
        if self.before.is_none() {
            self.before = Some(engine.snapshot(&Window::default()).verdict);
        }
        self.select(asked.composition, engine)
    }

    /// Has those flows count again that did when the run was started.
    pub(super) fn choose_first(&mut self, engine: &mut Engine) -> Option<Job> {
        self.before?;
        self.select(self.first.clone(), engine).expect("the run was started with it")
    }

    /// What a filter that was typed means.
    pub(super) fn read(&self, typed: &str) -> Result<Composition, String> {
        self.filtering.read(typed).map(|asked| asked.composition).map_err(|mistake| mistake.message)
    }

    /// From now on only this is captured.
    pub(super) fn note_narrowed(&mut self, asked: &Composition) {
        self.was_narrowed |= !asked.is_everything() && *asked != self.first;
    }

    /// The run's verdict, whatever was chosen on the screen: a failure that was seen stays one, though what frames showed it may be
    /// gone, and where less was captured than the run was started for, it does not pass.
    pub(super) fn verdict(&self, now: Verdict) -> Verdict {
        match (self.before, now) {
            (Some(Verdict::Fail), _) => Verdict::Fail,
            (_, Verdict::Pass) if self.was_narrowed => Verdict::Inconclusive,
            _ => now,
        }
    }

    fn select(&mut self, selection: Composition, engine: &mut Engine) -> Result<Option<Job>, String> {
        let marks = Marks::of(&selection).map_err(|error| error.to_string())?;
        engine.select(selection);
        self.number += 1;
        self.markers.clear();
        let Some(marks) = marks else { return Ok(None) };
        let marker =
            |links: &Vec<LinkType>| Marker::after(links.clone(), marks.clone(), self.options.clone());
        self.markers = self.links.iter().map(marker).collect();
        Ok(Some(Job::Mark { number: self.number, marks, options: self.options.clone() }))
    }

    /// Whether that filter is still the one.
    pub(super) fn is_current(&self, number: u64) -> bool {
        self.number == number
    }
}
