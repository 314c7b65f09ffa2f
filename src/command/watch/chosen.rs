//! The flows that count: what is typed on the screen in the place of what the run was started with.
//!
//! An expression is met by frames, and only while a frame's bytes are at hand. From the moment a filter is applied, frames are marked
//! as they come; those that came before are looked at again by the lender, which tells later whose they are.

use super::filtering::Filtering;
use super::lender::Job;
use crate::decode::Options;
use crate::digest::Batch;
use crate::engine::Engine;
use crate::filter::composition::marks::{Marker, Marks};
use crate::frame::LinkType;

pub(super) struct Chosen {
    filtering: Filtering,
    options: Options,
    /// By point, the link types of its interfaces.
    links: Vec<Vec<LinkType>>,
    /// By point; none, as long as the filter asks nothing of frames, or is still the first.
    markers: Vec<Marker>,
    /// How many filters were applied.
    number: u64,
}

impl Chosen {
    pub(super) fn new(filtering: Filtering, options: Options, points: usize) -> Self {
        Self { filtering, options, links: vec![Vec::new(); points], markers: Vec::new(), number: 0 }
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
        let marks = Marks::of(&asked.composition).map_err(|error| error.to_string())?;
        engine.select(asked.composition);
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
