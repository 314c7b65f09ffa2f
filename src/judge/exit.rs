//! Whether a flow of which nothing was seen at an uplink stayed inside, and how far it came.
//!
//! "Nothing left" is said only where it would have been seen: the uplink of the machine that carried the flow was captured,
//! completely, without a filter and for long enough, nothing answered, and nothing went out by a device whose role is not known.

use crate::expect::{Expectation, Source};
use crate::flow::leg::moved;
use crate::flow::track::known;
use crate::flow::{Leg, Track, TunnelIndex};
use crate::frame::{PointIndex, Timestamp};
use crate::judge::{Detail, IN_FLIGHT, Judge, Judgement, Stage};
use crate::net::Address;
use crate::snapshot::Role;
use crate::verdict::Reason;
use crate::view::View;

/// The reason where nothing of the flow was seen to leave.
pub(super) fn unseen(
    judge: &Judge<'_>,
    judgement: &Judgement<'_>,
    expectation: &Expectation,
) -> (Reason, Detail) {
    let (reason, detail) = how_far(judge, judgement);
    if reason == Reason::NeverLeft && expectation.source == Source::Drop {
        return (Reason::DroppedAsExpected, detail);
    }
    (reason, detail)
}

fn how_far(judge: &Judge<'_>, judgement: &Judgement<'_>) -> (Reason, Detail) {
    if !judge.facts.has_uplink() {
        return (Reason::WireNotSeen, Detail::NoUplink);
    }
    let view = &judgement.view;
    if !carriers(view).any(|leg| has_uplink(judge, leg)) {
        return (Reason::WireNotSeen, Detail::Elsewhere);
    }
    if !view.has_beginning() {
        return (Reason::WireNotSeen, Detail::Unmatched);
    }
    if carriers(view).any(|leg| judge.facts.point(judge.table.point_of(leg)).is_incomplete()) {
        return (Reason::CaptureIncomplete, Detail::Gap { bytes: 0, is_known_loss: true });
    }
    if carriers(view).any(|leg| judge.facts.point(judge.table.point_of(leg)).is_filtered) {
        return (Reason::CaptureIncomplete, Detail::Filtered);
    }
    let end = tunnel_end(judge, view);
    if let Some((to, false)) = end {
        return (Reason::WireNotSeen, Detail::Tunnelled { to });
    }
    let is_seen_outside = !judgement.beyond.is_empty();
    if is_answered(judge, view)
        || is_seen_outside
        || view.legs_out().any(|(track, leg)| may_leave(judge, view, track, leg))
    {
        return (Reason::WireNotSeen, Detail::Elsewhere);
    }
    if !is_covered(judge, view) {
        return (Reason::CaptureIncomplete, Detail::None);
    }
    let at = if end.is_some() { Stage::Gateway } else { Stage::Pod };
    (Reason::NeverLeft, Detail::Stuck { at })
}

fn carriers<'a>(view: &'a View<'_>) -> impl Iterator<Item = &'a Leg> {
    view.legs_out().map(|(_, leg)| leg)
}

/// Whether an uplink of the machine that shows the leg was captured.
fn has_uplink(judge: &Judge<'_>, leg: &Leg) -> bool {
    judge.facts.places_of(judge.table.point_of(leg)).any(|place| place.is(Role::Uplink))
}

/// Whether somebody outside answered: then the flow left, and where was not seen. A reset does not tell; it may be the
/// node's. Nor does an ICMP error of somebody inside.
fn is_answered(judge: &Judge<'_>, view: &View<'_>) -> bool {
    let is_outside = |sender: Address| {
        !sender.is_local_scope() && !judge.facts.is_inside(&judge.expectations.cluster, sender)
    };
    let errors = || view.tracks().iter().flat_map(|t| view.table.errors(*t));
    if errors().any(|icmp| icmp.about_client && is_outside(icmp.error.sender)) {
        return true;
    }
    let is_tcp = view.first().is_tcp();
    let has_answer = |t| view.table.track(t).knows(known::SERVER_ISN);
    view.tracks().iter().any(|t| has_answer(*t))
        || view.legs().any(|(_, leg, _)| view.table.was_challenged(leg))
        || (!is_tcp && view.legs().any(|(_, _, leg)| leg.back > 0))
}

/// Whether a leg may be what left, at a device that is not known to be an uplink: the packet was routed, is sent, and goes
/// into no tunnel from there.
fn may_leave(judge: &Judge<'_>, view: &View<'_>, track: &Track, leg: &Leg) -> bool {
    let place = judge.facts.place(leg.place);
    let origin_ttl = carriers(view).map(|leg| leg.ttl).max().unwrap_or(0);
    let is_tunnelled = carriers(view).any(|its| {
        its.tunnel != TunnelIndex::NONE
            && its.ttl == leg.ttl
            && judge.table.point_of(its) == judge.table.point_of(leg)
    });
    leg.tunnel == TunnelIndex::NONE
        && place.declared.is_none()
        && !place.is(Role::Uplink)
        && (leg.moved == 0 || leg.moved & moved::OUT != 0)
        && leg.ttl < origin_ttl
        && !judge.facts.is_inside(&judge.expectations.cluster, track.server().address)
        && !is_tunnelled
}

/// Whether capturing went on long enough for what was seen inside to be seen at the uplink.
fn is_covered(judge: &Judge<'_>, view: &View<'_>) -> bool {
    carriers(view).filter(|leg| has_uplink(judge, leg)).all(|leg| {
        let point = judge.table.point_of(leg);
        let here = carriers(view).filter(|its| judge.table.point_of(its) == point);
        let first = here.map(|its| its.first_seen).min();
        first.is_some_and(|first| {
            judge.facts.last_seen(point) - first >= IN_FLIGHT && is_uplink_watched(judge, point, first)
        })
    })
}

/// Whether an uplink of the point was captured around that time. Interfaces that were captured one by one may have been at
/// different times; those of an `any` device are captured together.
fn is_uplink_watched(judge: &Judge<'_>, point: PointIndex, time: Timestamp) -> bool {
    let is_alone = judge.facts.point(point).is_one_place();
    judge.facts.places_of(point).filter(|place| place.is(Role::Uplink)).any(|place| {
        is_alone || place.is_of_any() || (place.first_seen <= time && place.last_seen - time >= IN_FLIGHT)
    })
}

/// Where the flow's tunnel leads, and whether that machine's capture shows the flow coming out of it.
fn tunnel_end(judge: &Judge<'_>, view: &View<'_>) -> Option<(Address, bool)> {
    let tunnelled = || carriers(view).filter(|leg| leg.tunnel != TunnelIndex::NONE);
    let leg = tunnelled().next()?;
    let (_, to) = judge.facts.tunnel_ends(leg);
    let first = judge.table.point_of(leg);
    let arrives = tunnelled().any(|leg| leg.moved == moved::IN)
        || tunnelled().any(|leg| judge.table.point_of(leg) != first);
    Some((to, arrives))
}
