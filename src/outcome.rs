//! What became of a flow, whatever its verdict.
//!
//! Silence accuses somebody: it is told only where an answer would have been seen, that is, at a place that shows the
//! answers of other flows, each time, and went on being captured for long enough. Anything less is pending.
//!
//! An answer that came only where the client's packets never pass, to another node that claims the address, is none to the
//! client. That is told where the client went on asking, or waiting, and a place of its own way shows it.
//!
//! A stall, too, is told only by a place that shows the flow's own answers, and not where one side acknowledges what nobody
//! was seen to send: then answers pass elsewhere. A receiver that closes its window is no stall: it has
//! acknowledged all that it was sent, and its sender waits.

mod icmp;

use crate::facts::Facts;
use crate::flow::leg::shown;
use crate::flow::table::IcmpSeen;
use crate::flow::track::known;
use crate::flow::{Leg, LegIndex, Track, tcp};
use crate::frame::Timestamp;
use crate::snapshot::{ResetBy, Role};
use crate::verdict::Outcome;
use crate::view::View;
use crate::wire::{self, IN_FLIGHT};

pub use icmp::{is_time_exceeded, is_too_large, meaning};

/// Later capture without an answer after which silence counts as one, in ns.
const SILENCE: i64 = 3_000_000_000;

/// How long, in ns, who sends datagrams waits at least before it tries again; what comes sooner is more of the same.
const TRY_AGAIN: i64 = 500_000_000;

/// A flow's outcome and the evidence for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub outcome: Outcome,
    /// The ICMP error that says most, whether it decided or not.
    pub icmp: Option<IcmpSeen>,
    pub reset_by: Option<ResetBy>,
    pub rtt_ns: Option<i64>,
}

impl Found {
    pub fn of(view: &View<'_>, facts: &Facts) -> Self {
        let rtt = view.tracks().iter().map(|t| view.table.track(*t).rtt).max().unwrap_or(0);
        let (icmp, by_error) = icmp::telling(view).unzip();
        let reset_by = reset_by(view, facts);
        let outcome = if view.first().is_tcp() {
            tcp_outcome(view, facts, by_error.flatten(), reset_by)
        } else {
            datagram_outcome(view, facts, by_error.flatten(), reset_by)
        };
        Self {
            outcome,
            icmp,
            reset_by: reset_by.filter(|_| outcome == Outcome::Reset),
            rtt_ns: (rtt > 0).then_some(i64::from(rtt)),
        }
    }
}

fn tcp_outcome(view: &View<'_>, facts: &Facts, by_error: Option<Outcome>, reset: Option<ResetBy>) -> Outcome {
    if any(view, known::SERVER_ISN) {
        if reset.is_some() {
            return Outcome::Reset;
        }
        if !any(view, known::ACK_OUT) && is_answered_elsewhere(view, facts) {
            return Outcome::NoReply;
        }
        return if is_stalled(view, facts) { Outcome::Stalled } else { Outcome::Established };
    }
    if any(view, known::REFUSED) {
        return Outcome::Refused;
    }
    if let Some(outcome) = by_error {
        return outcome;
    }
    if any(view, known::CLIENT_ISN) {
        return if is_silence(view, facts) { Outcome::NoReply } else { Outcome::Pending };
    }
    let (out, back) =
        (view.legs().any(|(_, _, leg)| leg.out > 0), view.legs().any(|(_, _, leg)| leg.back > 0));
    if out && back { Outcome::MidStream } else { Outcome::OneWay }
}

/// Of what has no handshake, and of SCTP: an association whose INIT was answered by nothing but an ABORT was refused.
fn datagram_outcome(
    view: &View<'_>,
    facts: &Facts,
    by_error: Option<Outcome>,
    reset: Option<ResetBy>,
) -> Outcome {
    let is_answered = any(view, known::ACK_BACK);
    match reset {
        Some(_) if is_answered => return Outcome::Reset,
        Some(ResetBy::Server | ResetBy::Node) if any(view, known::SYN) => return Outcome::Refused,
        Some(ResetBy::Server | ResetBy::Node) => return Outcome::Reset,
        _ => {}
    }
    if facts.is_unasked(view) {
        return Outcome::OneWay;
    }
    if view.legs().any(|(_, _, leg)| leg.back > 0) {
        let is_elsewhere = is_answered_elsewhere(view, facts);
        return if is_elsewhere { Outcome::NoReply } else { Outcome::Established };
    }
    match by_error {
        Some(outcome) => outcome,
        None if is_silence(view, facts) => Outcome::NoReply,
        None => Outcome::Pending,
    }
}

fn any(view: &View<'_>, bits: u16) -> bool {
    view.tracks().iter().any(|t| view.table.track(*t).knows(bits))
}

/// Who reset a flow: the node, where its reset shows on one side of the NAT alone.
fn reset_by(view: &View<'_>, facts: &Facts) -> Option<ResetBy> {
    let (by_server, by_client) = (any(view, known::RST_BACK), any(view, known::RST_OUT));
    if !by_server && !by_client {
        return None;
    }
    let (inner, outer) = (view.first(), view.last());
    let is_nodes = |bit: u16, of: &Track, not: &Track| {
        of.knows(bit) && !not.knows(bit) && view.tracks().len() == 2 && is_watched(view, facts, not, of)
    };
    if is_nodes(known::RST_BACK, inner, outer) || is_nodes(known::RST_OUT, outer, inner) {
        Some(ResetBy::Node)
    } else if by_server {
        Some(ResetBy::Server)
    } else {
        Some(ResetBy::Client)
    }
}

/// Whether all that one track showed would have been seen of the other: both ways, by one complete capture of the node that
/// went on for long enough.
fn is_watched(view: &View<'_>, facts: &Facts, track: &Track, other: &Track) -> bool {
    let ends = view.legs().filter(|(of, ..)| of.key == other.key).map(|(_, _, leg)| leg.last_seen).max();
    let is_uplinks = |leg: &Leg| facts.place(leg.place).is(Role::Uplink);
    view.legs().filter(|(of, ..)| of.key == track.key).any(|(_, _, leg)| {
        let point = view.table.point_of(leg);
        let is_complete = !facts.point(point).is_incomplete() && facts.place(leg.place).is_of_any();
        let is_one_machine = view.legs().all(|(_, _, its)| view.table.point_of(its) == point);
        let is_side = is_uplinks(leg) || wire::is_inside_leg(leg, facts);
        is_complete
            && is_one_machine
            && is_side
            && leg.out > 0
            && leg.back > 0
            && ends.is_some_and(|end| facts.watched_until(leg.place) - end >= IN_FLIGHT)
    })
}

/// Whether data was sent that nobody acknowledged: sent again, or followed by enough of capture.
fn is_stalled(view: &View<'_>, facts: &Facts) -> bool {
    let tracks = || view.tracks().iter().map(|t| view.table.track(*t));
    // Any copy's acknowledgement will do: joined tracks carry the same numbers.
    let highest = |of: fn(&Track) -> Option<u32>| tracks().filter_map(of).reduce(tcp::later);
    let sent = highest(|t| t.knows(known::END_OUT).then_some(t.end_out));
    let answered = highest(|t| t.knows(known::END_BACK).then_some(t.end_back));
    let ack_of_sent = highest(|t| t.knows(known::ACK_BACK).then_some(t.ack_back));
    let ack_of_answered = highest(|t| t.knows(known::ACK_OUT).then_some(t.ack_out));
    let is_after = |a: Option<u32>, b: Option<u32>| a.zip(b).is_some_and(|(a, b)| tcp::is_after(a, b));
    // A FIN is acknowledged, too, and no data.
    let with_fin = |end: Option<u32>, fin| end.map(|end| end.wrapping_add(u32::from(any(view, fin))));
    if is_after(ack_of_sent, with_fin(sent, known::FIN_OUT))
        || is_after(ack_of_answered, with_fin(answered, known::FIN_BACK))
    {
        return false;
    }
    let (client_waits, server_waits) = (is_after(sent, ack_of_sent), is_after(answered, ack_of_answered));
    view.legs().filter(|(_, _, leg)| leg.out > 0 && leg.back > 0).any(|(_, _, leg)| {
        let was_retried = leg.has_shown(shown::RETRY) && !facts.place(leg.place).is_blended();
        let is_followed = facts.watched_until(leg.place) - leg.last_seen >= SILENCE;
        (client_waits && is_after(Some(leg.data_end()), ack_of_sent) && (was_retried || is_followed))
            || (server_waits && is_followed)
    })
}

/// Whether nothing answered where an answer would have been seen: after a retry, or [`SILENCE`] of later capture.
fn is_silence(view: &View<'_>, facts: &Facts) -> bool {
    view.legs().any(|(_, index, leg)| {
        leg.out > 0
            && facts.would_show_answer(leg)
            && (last_retry(view, facts, index, leg).is_some() || was_waited(facts, leg))
    })
}

/// Whether answers came only where the client's packets never pass, and the client, not having got any, asked again or waited
/// in vain at a place of its own way that shows answers.
///
/// Of a retry it must be told that it came after an answer: by one clock, or because the far side, too, said it again. Who
/// opens a connection would acknowledge the answer on its own way; of datagrams, only a place inside tells that none
/// arrived.
fn is_answered_elsewhere(view: &View<'_>, facts: &Facts) -> bool {
    let answered = || view.legs().filter(|(_, _, leg)| leg.back > 0).map(|(_, _, leg)| leg);
    if answered().any(|leg| leg.out > 0) {
        return false;
    }
    let point = |leg: &Leg| view.table.point_of(leg);
    let is_before = |answer: &Leg, retry: Timestamp, leg: &Leg| {
        answer.last_seen - answer.first_seen >= TRY_AGAIN
            || (point(answer) == point(leg) && answer.first_seen < retry)
    };
    view.legs().any(|(track, index, leg)| {
        leg.out > 0
            && (track.is_tcp() || wire::is_inside_leg(leg, facts))
            && facts.would_show_answer(leg)
            && !facts.point(point(leg)).is_incomplete()
            && (was_waited(facts, leg)
                || last_retry(view, facts, index, leg)
                    .is_some_and(|retry| answered().any(|answer| is_before(answer, retry, leg))))
    })
}

/// When the client last tried again, as a leg shows it.
fn last_retry(view: &View<'_>, facts: &Facts, index: LegIndex, leg: &Leg) -> Option<Timestamp> {
    if view.first().is_tcp() {
        return view.table.retries(index).last().copied();
    }
    let is_again = !facts.place(leg.place).is_blended() && leg.last_seen - leg.first_seen >= TRY_AGAIN;
    is_again.then_some(leg.last_seen)
}

/// Whether capturing went on for [`SILENCE`] after the last that a leg shows.
fn was_waited(facts: &Facts, leg: &Leg) -> bool {
    facts.watched_until(leg.place) - leg.last_seen >= SILENCE
}

/// When the client's SYNs were sent, as seen where most of them were, nearest to the origin.
pub fn syn_times(view: &View<'_>) -> Vec<Timestamp> {
    let mut best = Vec::new();
    for (_, index, leg) in view.legs() {
        if !leg.has_shown(shown::SYN) {
            continue;
        }
        let retries = view.table.retries(index);
        if best.len() < retries.len() + 1 {
            best = std::iter::once(leg.first_seen).chain(retries.iter().copied()).collect();
        }
    }
    best
}
