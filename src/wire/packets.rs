//! How many packets left with one source, where several legs show them.
//!
//! Legs may show the same packets (a bond and its port, captures that overlap), or some each: a flow's way changed to another
//! uplink. The same are counted once, by the leg that shows most of them; others are added up.
//!
//! Of TCP, numbers tell: legs whose segments cover no number in common show other packets. Else time does. Legs of one machine
//! show other packets where one ends before the other begins; legs of several points, whose clocks may differ, only
//! where another device sent them as well, or, of TCP, where either covers numbers that the other does not.

use smallvec::SmallVec;

use crate::facts::Facts;
use crate::flow::leg::shown;
use crate::flow::{Leg, MacIndex, Track, tcp};
use crate::wire::IN_FLIGHT;

/// The packets of legs that carry one source.
pub(super) fn count<'a>(legs: impl Iterator<Item = (&'a Track, &'a Leg)>, facts: &Facts) -> u32 {
    let mut legs: SmallVec<[(&Track, &Leg); 4]> = legs.collect();
    // Whatever order points are read in.
    legs.sort_by_key(|(track, leg)| {
        (std::cmp::Reverse(leg.out), leg.first_seen, leg.last_seen, track.client(), track.server())
    });
    let mut apart = SmallVec::<[(&Track, &Leg); 4]>::new();
    for leg in legs {
        if apart.iter().all(|known| is_apart(*known, leg, facts)) {
            apart.push(leg);
        }
    }
    apart.iter().fold(0, |sum, (_, leg)| sum.saturating_add(leg.out))
}

/// Whether two legs certainly show other packets.
fn is_apart((track, leg): (&Track, &Leg), (other, its): (&Track, &Leg), facts: &Facts) -> bool {
    if leg.place == its.place {
        // A place shows a packet once.
        return track.key != other.key;
    }
    let spans = span(leg).zip(span(its));
    if spans.is_some_and(|(one, other)| !have_common(one, other)) {
        return true;
    }
    let is_later = |leg: &Leg, its: &Leg| leg.first_seen - its.last_seen > IN_FLIGHT;
    if !is_later(leg, its) && !is_later(its, leg) {
        return false;
    }
    facts.place(leg.place).point == facts.place(its.place).point
        || are_two_devices(leg.source_mac, its.source_mac)
        || spans.is_some_and(|(one, other)| !covers(one, other) && !covers(other, one))
}

fn are_two_devices(one: MacIndex, other: MacIndex) -> bool {
    one != other && one != MacIndex::UNKNOWN && other != MacIndex::UNKNOWN
}

/// What a leg's segments cover: from, to.
fn span(leg: &Leg) -> Option<(u32, u32)> {
    leg.has_shown(shown::SEQ).then_some((leg.seq_low, leg.seq_end))
}

/// Whether two spans have a number in common; of one that covers none, whether it lies in the other.
fn have_common(one: (u32, u32), other: (u32, u32)) -> bool {
    let (low, end) = (tcp::later(one.0, other.0), tcp::earlier(one.1, other.1));
    let is_bare = one.0 == one.1 || other.0 == other.1;
    tcp::is_after(end, low) || (is_bare && end == low)
}

fn covers(one: (u32, u32), other: (u32, u32)) -> bool {
    !tcp::is_after(one.0, other.0) && !tcp::is_after(other.1, one.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_that_follow_one_another_have_nothing_in_common() {
        assert!(!have_common((100, 200), (200, 300)));
        assert!(have_common((100, 200), (199, 300)));
        assert!(!have_common((u32::MAX - 9, 5), (5, 30)), "numbers wrap");
        assert!(have_common((u32::MAX - 9, 5), (4, 30)));
    }

    #[test]
    fn bare_segments_may_be_copies_of_those_within_or_at_the_end_of_a_span() {
        assert!(have_common((100, 200), (200, 200)));
        assert!(have_common((200, 200), (200, 200)));
        assert!(!have_common((100, 200), (201, 201)));
    }

    #[test]
    fn a_span_covers_itself_and_its_parts() {
        assert!(covers((100, 200), (100, 200)) && covers((100, 200), (150, 160)));
        assert!(!covers((100, 200), (150, 210)) && !covers((100, 200), (90, 200)));
    }
}
