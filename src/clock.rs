//! How far apart the clocks of points are, by what both saw.
//!
//! A flow that was joined beyond doubt and seen at two points was there at one moment, but for the way between
//! them. The offset of one clock to another is the median of the differences; it is shown, and proves nothing.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::flow::Table;
use crate::flow::leg::shown;
use crate::flow::table::FlowIndex;
use crate::flow::track::known;
use crate::frame::{PointIndex, Timestamp};

/// Flows that are looked at: a median needs no more.
const SAMPLES: usize = 10_000;

/// Each point's clock minus that of the first point, in ns, for the points that some chain of flows connects to it.
pub fn offsets(table: &Table, points: usize) -> BTreeMap<PointIndex, i64> {
    let mut samples: BTreeMap<(PointIndex, PointIndex), Vec<i64>> = BTreeMap::new();
    for flow in 0..table.flows.len() as u32 {
        let seen = sightings(table, FlowIndex(flow));
        for (n, (point, time)) in seen.iter().enumerate() {
            for (other, later) in &seen[n + 1..] {
                let of_pair = samples.entry((*point, *other)).or_default();
                if of_pair.len() < SAMPLES {
                    of_pair.push(*later - *time);
                }
            }
        }
    }
    chain(&samples.into_iter().map(|(pair, of_pair)| (pair, median(of_pair))).collect(), points)
}

/// When each point saw the flow's first packet, for flows that are joined beyond doubt; ascending by point.
///
/// A SYN is the first wherever it was seen. Without one, two points may have begun to capture at different packets; where
/// both count the same packets each way, they have seen the same.
fn sightings(table: &Table, flow: FlowIndex) -> Vec<(PointIndex, Timestamp)> {
    let entry = table.flow(flow);
    if entry.tracks == 0 || entry.is_probable || entry.is_contested {
        return Vec::new();
    }
    let mut began: BTreeMap<PointIndex, Timestamp> = BTreeMap::new();
    let mut whole: BTreeMap<PointIndex, (Reverse<(u32, u32)>, Timestamp)> = BTreeMap::new();
    for track in table.tracks_of(flow) {
        let has_syn = table.track(track).knows(known::SYN);
        for (_, leg) in table.legs_of(track).filter(|(_, leg)| leg.out > 0) {
            let point = table.point_of(leg);
            if has_syn && leg.has_shown(shown::SYN) {
                let first = began.entry(point).or_insert(leg.first_seen);
                *first = (*first).min(leg.first_seen);
            }
            let new = (Reverse((leg.out, leg.back)), leg.first_seen);
            let fullest = whole.entry(point).or_insert(new);
            *fullest = (*fullest).min(new);
        }
    }
    let mut counts = whole.values().map(|(count, _)| *count);
    let first = counts.next();
    if began.len() > 1 {
        began.into_iter().collect()
    } else if counts.all(|count| Some(count) == first) {
        whole.into_iter().map(|(point, (_, time))| (point, time)).collect()
    } else {
        Vec::new()
    }
}

fn median(mut values: Vec<i64>) -> i64 {
    let middle = values.len() / 2;
    *values.select_nth_unstable(middle).1
}

/// Offsets to the first point, through others where there is no direct one.
fn chain(pairs: &BTreeMap<(PointIndex, PointIndex), i64>, points: usize) -> BTreeMap<PointIndex, i64> {
    let mut known = BTreeMap::from([(PointIndex(0), 0i64)]);
    for _ in 0..points {
        for ((one, other), offset) in pairs {
            match (known.get(one).copied(), known.get(other).copied()) {
                (Some(base), None) => {
                    known.insert(*other, base.saturating_add(*offset));
                }
                (None, Some(base)) => {
                    known.insert(*one, base.saturating_sub(*offset));
                }
                _ => {}
            }
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wild_difference_moves_nothing() {
        assert_eq!(
            median(vec![1_500_000_010, 1_500_000_020, 1_500_000_030, i64::MAX, 1_500_000_000]),
            1_500_000_020
        );
    }

    #[test]
    fn points_that_never_met_are_compared_through_a_third() {
        let pairs =
            BTreeMap::from([((PointIndex(0), PointIndex(2)), 100), ((PointIndex(1), PointIndex(2)), 30)]);
        let known = chain(&pairs, 4);
        assert_eq!(known.get(&PointIndex(1)), Some(&70));
        assert_eq!(known.get(&PointIndex(3)), None);
    }
}
