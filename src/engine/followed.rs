//! Tells of which flow each frame is, and what became of the flow: for who keeps the frames of flows.
//!
//! A flow is told of once: when it is let go of, as it then stands, or else when somebody asks at the end. Only flows that count
//! are: those that the selection leaves out have no frames that anybody wants.

use std::fmt::Write as _;

use smallvec::SmallVec;

use crate::engine::{Engine, judge, listing, rows};
use crate::flow::FlowIndex;
pub use crate::flow::owners::Serial;
use crate::frame::{FrameId, PointIndex};
use crate::net::Address;
use crate::snapshot::{Row, Window};
use crate::verdict::{Reason, Verdict};

/// A flow, and whose frames are its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its tracks.
    pub tracks: SmallVec<[Serial; 2]>,
    pub verdict: Verdict,
    /// `fail node-ip, flow node1:17`.
    pub short: String,
    /// The same, with what it left as, and what was expected: `…, left as 192.168.12.11 instead of 192.168.12.99`.
    pub whole: String,
}

impl Engine {
    /// From now on, tells whose frames are. To be called before the first batch.
    pub fn follow(&mut self) {
        self.table.follow();
        self.told = Some(Vec::new());
    }

    /// From now on, tells whose frames are, and nothing of what becomes of flows. To be called before the first batch.
    pub fn know_owners(&mut self) {
        self.table.follow();
    }

    /// The tracks of a flow, by its id, as they stand; `None` if it is not held (any more).
    pub fn tracks_of(&mut self, id: &str) -> Option<Vec<Serial>> {
        self.refresh();
        let flow = listing::find(self, id)?;
        Some(self.table.tracks_of(flow).map(|track| self.table.serial(track)).collect())
    }

    /// The tracks of all flows that a list has, whatever page of it the window shows.
    pub fn tracks_listed(&mut self, window: &Window) -> Vec<Serial> {
        self.refresh();
        let flows = listing::flows(self, window);
        let tracks = flows.into_iter().flat_map(|flow| self.table.tracks_of(flow).collect::<Vec<_>>());
        tracks.map(|track| self.table.serial(track)).collect()
    }

    /// The flows that a list has, by their first frames: each by the least serial of its tracks.
    pub fn listed(&mut self, window: &Window) -> Vec<Serial> {
        self.refresh();
        let mut flows: Vec<(FrameId, Serial)> = listing::flows(self, window)
            .into_iter()
            .filter_map(|flow| Some((self.standings.of(flow)?.id, self.least_serial(flow)?)))
            .collect();
        flows.sort_unstable();
        flows.into_iter().map(|(_, serial)| serial).collect()
    }

    /// The rows of flows that were listed, as they stand now: of each that is held and counts still. Flows that were found to be one
    /// since have one row.
    pub fn rows_of(&mut self, flows: &[Serial]) -> Vec<Row> {
        self.refresh();
        let clocks = self.clocks();
        let row = |serial: &Serial| {
            let flow = self.table.track(self.table.track_of(*serial)?).flow;
            let is_its = self.standings.of(flow).is_some() && self.least_serial(flow) == Some(*serial);
            is_its.then(|| rows::row(self, flow, &clocks))
        };
        flows.iter().filter_map(row).collect()
    }

    /// The row of a flow, by its id; `None` if it is not held (any more).
    pub fn row(&mut self, id: &str) -> Option<Row> {
        self.refresh();
        let flow = listing::find(self, id)?;
        Some(rows::row(self, flow, &self.clocks()))
    }

    fn least_serial(&self, flow: FlowIndex) -> Option<Serial> {
        self.table.tracks_of(flow).map(|track| self.table.serial(track)).min()
    }

    /// The ids of a point's places, by the numbers that batches have for them.
    pub fn places_of(&self, point: PointIndex) -> Vec<String> {
        let places = &self.points[usize::from(point.0)].places;
        places.iter().map(|place| self.facts.place(*place).id.clone()).collect()
    }

    /// Tells of frames that came before the selection which of them met what it asks of frames; where one flow has met
    /// something, it counts from now on.
    pub fn mark(&mut self, marked: &[(Serial, u8)]) {
        self.table.mark(marked);
        self.is_selection_new = true;
    }

    /// The track of each frame of the last batch, by their order in it.
    pub fn owners(&self) -> &[Serial] {
        self.table.owners()
    }

    /// Frames of earlier batches of which it is known only now whose they are.
    pub fn take_late_owners(&mut self) -> Vec<(FrameId, Serial)> {
        self.table.take_late_owners()
    }

    /// Flows that were let go of since somebody last asked.
    pub fn take_told(&mut self) -> Vec<Told> {
        self.told.as_mut().map_or_else(Vec::new, std::mem::take)
    }

    /// Tells of every flow that is held, as it stands.
    pub fn tell_all(&mut self, mut tell: impl FnMut(Told)) {
        self.refresh();
        for flow in self.table.standing_flows() {
            if let Some(standing) = self.standings.of(flow) {
                tell(self.told_of(flow, standing.reason));
            }
        }
    }

    /// Tells of a flow that is about to be let go of, with this reason for its verdict.
    pub(super) fn tell_last(&mut self, flow: FlowIndex, reason: Reason) {
        if self.told.is_some() {
            let told = self.told_of(flow, reason);
            self.told.get_or_insert_default().push(told);
        }
    }

    fn told_of(&self, flow: FlowIndex, reason: Reason) -> Told {
        let judgement = judge(&self.table, &self.facts, &self.settings).judge(flow);
        let id = self.frame_name(judgement.view.id());
        let verdict = reason.verdict();
        let short = format!("{} {}, flow {id}", verdict.name(), reason.name());
        let mut whole = short.clone();
        let mut sources: Vec<Address> =
            judgement.wire.sources.iter().map(|source| source.endpoint.address).collect();
        sources.dedup();
        if !sources.is_empty() {
            let sources: Vec<String> = sources.iter().map(ToString::to_string).collect();
            let _ = write!(whole, ", left as {}", sources.join(" and "));
            let expected = rows::expected_words(self, judgement.expectation);
            if verdict == Verdict::Fail && !expected.is_empty() {
                let _ = write!(whole, " instead of {}", expected.join(" or "));
            }
        }
        let tracks = self.table.tracks_of(flow).map(|track| self.table.serial(track)).collect();
        Told { tracks, verdict, short, whole }
    }
}
