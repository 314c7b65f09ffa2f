//! Whether a flow has settled: nothing more is to be expected that would change what is said of it.
//!
//! A flow has settled when it has ended and was quiet for a while since, by the clock of each point that saw it:
//!
//! | what | has ended | quiet for |
//! |---|---|---|
//! | connection | when both sides have closed, one has reset it, or the one side that was seen has closed | [`QUIET`] |
//! | attempt that nothing answered | with its last try | [`QUIET`] after a retry, else [`SILENCE`] |
//! | datagrams | with each of them | [`QUIET`] if they were answered, else [`SILENCE`] |
//! | any | at the end of the input | – |
//!
//! A connection that stands and is idle has not settled, however long it is. A flow that goes on is unsettled again.
//!
//! A point's clock is the time of its last frame but one ([`Place::before_last`](crate::place::Place)), which one absurd time cannot
//! move, and what has gone by since that by the run's own ticks. So a point that shows no more frames goes on having
//! a clock, and one whose clock is wrong has its own.

use crate::digest::protocol;
use crate::engine::Engine;
use crate::facts::PointFacts;
use crate::flow::track::known;
use crate::flow::{FlowIndex, Table};
use crate::frame::{PointIndex, Timestamp};

/// How long a flow must be quiet after its end, in ns.
const QUIET: i64 = 2_000_000_000;

/// …and where nothing has answered yet: clients try again after one second (RFC 6298 §2.1), and silence counts after three.
const SILENCE: i64 = 3_000_000_000;

/// What time it is at each point.
#[derive(Debug)]
pub(super) struct Clocks(Vec<Timestamp>);

impl Clocks {
    pub(super) fn at(&self, point: PointIndex) -> Timestamp {
        self.0[usize::from(point.0)]
    }
}

impl Engine {
    pub(super) fn clocks(&self) -> Clocks {
        let clock = |(point, facts): (&super::Point, &PointFacts)| {
            // A single frame's time misleads nobody but itself.
            let is_single = facts.last_frame == Timestamp::MIN && facts.first_seen < Timestamp::MAX;
            let seen = if is_single { facts.first_seen } else { facts.last_frame };
            // What was read before the first tick is taken to have the run's own clock.
            let since = if point.read_at == Timestamp::MIN { seen } else { point.read_at };
            // Without frames there is no clock to go on with.
            if seen == Timestamp::MIN { seen } else { seen.shifted((self.now - since).max(0)) }
        };
        Clocks(self.points.iter().zip(&self.facts.points).map(clock).collect())
    }

    /// Whether nothing more can change what is said of a flow.
    pub(super) fn is_settled(&self, flow: FlowIndex, clocks: &Clocks) -> bool {
        self.has_ended || has_settled(&self.table, flow, clocks)
    }
}

pub(super) fn has_settled(table: &Table, flow: FlowIndex, clocks: &Clocks) -> bool {
    needed(table, flow).is_some_and(|needed| quiet(table, flow, clocks) >= needed)
}

/// How long a flow has been quiet, in ns, at the point where that is least.
pub(super) fn quiet(table: &Table, flow: FlowIndex, clocks: &Clocks) -> i64 {
    let legs = table.tracks_of(flow).flat_map(|track| table.legs_of(track));
    legs.map(|(_, leg)| clocks.at(table.point_of(leg)) - leg.last_seen).min().unwrap_or(i64::MAX)
}

/// Whether every place has had the time to show a flow: facts are learnt from none before that, for what one place shows and another
/// does not tells something only then. It is long enough for a first packet that was lost to be sent again.
pub(super) fn is_grown(table: &Table, flow: FlowIndex, clocks: &Clocks) -> bool {
    let mut legs = table.tracks_of(flow).flat_map(|track| table.legs_of(track));
    legs.all(|(_, leg)| clocks.at(table.point_of(leg)) - leg.first_seen >= QUIET)
}

/// How long a flow must be quiet to have settled; `None` if it has not ended.
fn needed(table: &Table, flow: FlowIndex) -> Option<i64> {
    let mut known = 0;
    let mut is_closed = false;
    let (mut out, mut back, mut was_retried) = (false, false, false);
    for track in table.tracks_of(flow) {
        known |= table.track(track).known;
        is_closed |= table.track(track).is_closed();
        for (index, leg) in table.legs_of(track) {
            out |= leg.out > 0;
            back |= leg.back > 0;
            was_retried |= !table.retries(index).is_empty();
        }
    }
    let knows = |bits: u16| known & bits != 0;
    let (is_open, is_attempt) = match table.track(table.flow(flow).head).key.protocol {
        protocol::TCP => {
            let answered = known::SERVER_ISN | known::ACK_OUT | known::ACK_BACK;
            (true, knows(known::CLIENT_ISN) && !knows(answered))
        }
        protocol::SCTP => (true, knows(known::SYN) && !knows(known::ACK_BACK)),
        _ => (false, !(out && back)),
    };
    let has_one_side_closed = (!back && knows(known::FIN_OUT)) || (!out && knows(known::FIN_BACK));
    if is_closed || (is_open && has_one_side_closed) {
        Some(QUIET)
    } else if is_attempt {
        Some(if was_retried { QUIET } else { SILENCE })
    } else {
        (!is_open).then_some(QUIET)
    }
}
