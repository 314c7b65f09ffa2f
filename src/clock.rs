//! How far apart the clocks of points are, by what both saw.
//!
//! A flow that was joined beyond doubt and seen at two points was there at one moment, but for the way between
//! them. The offset of one clock to another is the median of the differences; it is shown, and proves nothing.

use std::collections::BTreeMap;

use crate::flow::table::FlowIndex;
use crate::flow::track::known;
use crate::flow::{Table, Track};
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

/// When each point saw the flow begin, for flows whose beginning and joining are beyond doubt; ascending by point.
fn sightings(table: &Table, flow: FlowIndex) -> Vec<(PointIndex, Timestamp)> {
    let entry = table.flow(flow);
    if entry.tracks == 0 || entry.is_probable || entry.is_contested {
        return Vec::new();
    }
    let mut seen: BTreeMap<PointIndex, Timestamp> = BTreeMap::new();
    for track in table.tracks_of(flow) {
        if !has_syn(table.track(track)) {
            continue;
        }
        for (_, leg) in table.legs_of(track).filter(|(_, leg)| leg.out > 0) {
            let first = seen.entry(table.point_of(leg)).or_insert(leg.first_seen);
            *first = (*first).min(leg.first_seen);
        }
    }
    seen.into_iter().collect()
}

fn has_syn(track: &Track) -> bool {
    track.knows(known::SYN)
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
