//! Whether the wire showed all that the origin showed.
//!
//! Several copies of a flow's packets are taken together: the origin's as if every copy showed what any of them did, the
//! wire's as if what one copy lacks were filled by another only where that one goes beyond it.
//!
//! Of TCP, sequence numbers count, a SYN's and a FIN's among them. A reset takes none: a node may hold it back, and nothing
//! is missing; nor is a bare acknowledgement. But where a capture says that it lost frames, packets are counted.

use std::cmp::Reverse;

use smallvec::SmallVec;

use crate::facts::Facts;
use crate::flow::leg::shown;
use crate::flow::track::known;
use crate::flow::{Leg, Track, tcp};
use crate::judge::{Detail, IN_FLIGHT, Judge, Judgement};
use crate::wire;

/// Packets that may be on their way from one device to the next when a capture ends.
const FEW: u32 = 2;

/// Bytes in so many packets: a super-packet of segmentation offload has at most 64 KiB (IP's total length).
const FEW_BYTES: u32 = FEW * 65_536;

/// What some legs showed of a flow, taken together.
#[derive(Debug, Clone, Copy)]
struct Coverage {
    is_empty: bool,
    /// `None` where only places that are several devices showed it: those count a packet once for each device.
    packets: Option<u32>,
    has_reset: bool,
    has_seq: bool,
    low: u32,
    end: u32,
    holes: u32,
}

/// What a leg showed of the sequence space.
#[derive(Debug, Clone, Copy)]
struct Span {
    low: u32,
    end: u32,
    holes: u32,
}

impl Span {
    /// What a leg showed. A byte that it showed bare segments at counts as shown where it was acknowledged: these
    /// may have been probes, which repeat the number of a byte that came before the capture. The other side
    /// acknowledges only what came to it under the same addresses; where the origin shows the byte itself, its
    /// span begins there, and the wire's must, too.
    fn of(leg: &Leg, acknowledged: Option<u32>) -> Self {
        let (low, end, holes) = (leg.seq_low, leg.seq_end, leg.holes);
        let Some(probed) = leg.probed() else { return Self { low, end, holes } };
        let after = probed.wrapping_add(1);
        if acknowledged.is_some_and(|acknowledged| tcp::is_after(acknowledged, probed)) {
            Self { low: after, end: tcp::later(end, after), holes }
        } else {
            Self { low: probed, end, holes: holes.saturating_add(low.wrapping_sub(probed)) }
        }
    }
}

impl Coverage {
    fn of<'a>(
        legs: impl Iterator<Item = &'a Leg>,
        facts: &Facts,
        acknowledged: Option<u32>,
        holes: fn(&[Span]) -> u32,
    ) -> Self {
        let mut all = Self {
            is_empty: true,
            packets: None,
            has_reset: false,
            has_seq: false,
            low: 0,
            end: 0,
            holes: 0,
        };
        let mut spans = SmallVec::<[Span; 8]>::new();
        for leg in legs {
            all.is_empty = false;
            if !facts.place(leg.place).is_blended() {
                all.packets = all.packets.max(Some(leg.out));
            }
            all.has_reset |= leg.has_shown(shown::RST);
            if leg.has_shown(shown::SEQ) {
                let span = Span::of(leg, acknowledged);
                all.low = if all.has_seq { tcp::earlier(all.low, span.low) } else { span.low };
                all.end = if all.has_seq { tcp::later(all.end, span.end) } else { span.end };
                all.has_seq = true;
                spans.push(span);
            }
        }
        all.holes = holes(&spans);
        all
    }
}

/// The holes of the copy that has fewest.
fn fewest_holes(spans: &[Span]) -> u32 {
    spans.iter().map(|span| span.holes).min().unwrap_or(0)
}

/// The holes that remain at most where each copy goes on from the end of those before.
fn remaining_holes(spans: &[Span]) -> u32 {
    let Some(low) = spans.iter().map(|span| span.low).reduce(tcp::earlier) else { return 0 };
    let mut spans: SmallVec<[Span; 8]> = SmallVec::from_slice(spans);
    spans.sort_by_key(|span| (span.low.wrapping_sub(low), Reverse(span.end.wrapping_sub(low)), span.holes));
    let mut end = low;
    let mut holes = 0u32;
    for (n, span) in spans.iter().enumerate() {
        if n > 0 && !tcp::is_after(span.end, end) {
            continue;
        }
        if tcp::is_after(span.low, end) {
            holes = holes.saturating_add(span.low.wrapping_sub(end));
        }
        holes = holes.saturating_add(span.holes);
        end = span.end;
    }
    holes
}

/// What the origin showed, or the far side acknowledged, and the wire's legs did not show.
pub(super) fn gap(judge: &Judge<'_>, judgement: &Judgement<'_>, legs: &[(&Track, &Leg)]) -> Option<Detail> {
    let acknowledged = acknowledged(judgement);
    let wire = Coverage::of(legs.iter().map(|(_, leg)| *leg), judge.facts, acknowledged, remaining_holes);
    let inner = judgement.view.legs_out().filter(|(_, leg)| wire::is_inside_leg(leg, judge.facts));
    let origin = Coverage::of(inner.map(|(_, leg)| leg), judge.facts, acknowledged, fewest_holes);
    let point = |leg: &Leg| judge.facts.point(judge.table.point_of(leg));
    let is_known_loss = judgement.view.legs().any(|(_, _, leg)| point(leg).is_incomplete());
    let gap = |bytes| Some(Detail::Gap { bytes, is_known_loss });
    // What is missing inside as well was lost by the capture, or by nobody.
    let missing_inside = if is_known_loss { 0 } else { origin.holes };
    if wire.holes > missing_inside {
        return gap(wire.holes - missing_inside);
    }
    if let Some(acknowledged) = acknowledged
        && wire.has_seq
        && tcp::is_after(acknowledged, wire.end)
    {
        return gap(acknowledged.wrapping_sub(wire.end));
    }
    if origin.is_empty {
        return None;
    }
    if origin.has_seq && !wire.has_seq {
        // Nothing but resets left.
        return gap(origin.end.wrapping_sub(origin.low));
    }
    if origin.has_seq && tcp::is_after(wire.low, origin.low) {
        return gap(wire.low.wrapping_sub(origin.low));
    }
    let missing = origin.packets.zip(wire.packets).map(|(origin, wire)| origin.saturating_sub(wire));
    if !is_known_loss
        && is_little(&origin, &wire, missing)
        && !(origin.has_seq && was_retried(judge, judgement))
        && ends_with_capture(judge, judgement, legs, missing)
    {
        return None;
    }
    if origin.has_seq && tcp::is_after(origin.end, wire.end) {
        return gap(origin.end.wrapping_sub(wire.end));
    }
    // Datagrams can only be counted; a place that is several devices counts them more than once. Of segments it counts what
    // was lost: among them may be one that strayed.
    let is_fewer =
        missing.map_or(is_known_loss, |missing| missing > 0) || (origin.has_reset && !wire.has_reset);
    if is_fewer && (is_known_loss || !origin.has_seq) { gap(0) } else { None }
}

/// The highest acknowledgement of the client's data, at whatever place: one that the client refused counts for nothing.
fn acknowledged(judgement: &Judgement<'_>) -> Option<u32> {
    let view = &judgement.view;
    let tracks = view.tracks().iter().map(|t| view.table.track(*t));
    let told = tracks.filter(|track| track.knows(known::ACK_BACK)).map(|track| track.ack_back);
    told.chain(view.legs().filter_map(|(_, leg, _)| view.table.doubted(leg))).reduce(tcp::later)
}

/// Whether what the wire lacks may have been on its way when the capture ended: one or two packets.
///
/// Of TCP, bytes are measured as well, and packets must really be fewer: where segmentation offload makes the wire's packets
/// the smaller ones, their number does not tell how many are missing.
fn is_little(origin: &Coverage, wire: &Coverage, missing: Option<u32>) -> bool {
    if missing.is_some_and(|missing| missing > FEW) {
        return false;
    }
    if !origin.has_seq {
        return true;
    }
    missing != Some(0) && origin.end.wrapping_sub(wire.end) <= FEW_BYTES
}

/// Whether data was sent again inside: its first copy had all the time it needed to leave. A place that is several devices
/// shows copies that look the same.
fn was_retried(judge: &Judge<'_>, judgement: &Judgement<'_>) -> bool {
    judgement.view.legs_out().any(|(_, leg)| {
        wire::is_inside_leg(leg, judge.facts)
            && !judge.facts.place(leg.place).is_blended()
            && leg.has_shown(shown::RETRY)
    })
}

/// Whether the origin's last packets were captured so shortly before the capture ended that their copies on the wire may have
/// come after: within [`IN_FLIGHT`] and, where packets cannot be counted, right after the wire's last.
fn ends_with_capture(
    judge: &Judge<'_>,
    judgement: &Judgement<'_>,
    legs: &[(&Track, &Leg)],
    missing: Option<u32>,
) -> bool {
    let inner = || judgement.view.legs_out().filter(|(_, leg)| wire::is_inside_leg(leg, judge.facts));
    legs.iter().any(|(_, leg)| {
        let point = judge.table.point_of(leg);
        let end = judge.facts.last_seen(point);
        inner().any(|(_, its)| {
            judge.table.point_of(its) == point
                && end - its.last_seen < IN_FLIGHT
                && (missing.is_some() || its.last_seen - leg.last_seen < IN_FLIGHT)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(low: u32, end: u32, holes: u32) -> Span {
        Span { low, end, holes }
    }

    #[test]
    fn a_copy_without_holes_makes_up_for_an_equal_one_with_some() {
        assert_eq!(remaining_holes(&[span(0, 100, 20), span(0, 100, 0)]), 0);
        assert_eq!(remaining_holes(&[]), 0);
    }

    #[test]
    fn a_short_copy_makes_up_for_nothing_beyond_its_end() {
        assert_eq!(remaining_holes(&[span(0, 100, 20), span(90, 95, 0)]), 20);
        assert_eq!(remaining_holes(&[span(90, 110, 3), span(0, 100, 20)]), 23);
    }

    #[test]
    fn what_lies_between_two_copies_is_a_hole() {
        assert_eq!(remaining_holes(&[span(150, 200, 0), span(0, 100, 0)]), 50);
        assert_eq!(remaining_holes(&[span(100, 200, 0), span(0, 100, 0)]), 0);
    }

    #[test]
    fn copies_go_on_where_numbers_wrap() {
        assert_eq!(remaining_holes(&[span(10, 50, 0), span(u32::MAX - 9, 10, 0)]), 0);
    }

    #[test]
    fn the_origin_showed_what_any_of_its_copies_showed() {
        assert_eq!(fewest_holes(&[span(0, 100, 20), span(0, 100, 7)]), 7);
        assert_eq!(fewest_holes(&[]), 0);
    }
}
