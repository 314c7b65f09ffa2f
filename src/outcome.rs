//! What became of a flow, whatever its verdict.

use crate::digest::IcmpError;
use crate::facts::Facts;
use crate::flow::leg::shown;
use crate::flow::table::IcmpSeen;
use crate::flow::track::known;
use crate::flow::{Track, tcp};
use crate::frame::Timestamp;
use crate::snapshot::ResetBy;
use crate::verdict::Outcome;
use crate::view::View;

/// Later capture without an answer after which silence counts as one, in ns.
const SILENCE: i64 = 3_000_000_000;

/// A flow's outcome and the evidence for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub outcome: Outcome,
    pub icmp: Option<IcmpSeen>,
    pub reset_by: Option<ResetBy>,
    pub rtt_ns: Option<i64>,
}

impl Found {
    pub fn of(view: &View<'_>, facts: &Facts) -> Self {
        let rtt = view.tracks().iter().map(|t| view.table.track(*t).rtt).max().unwrap_or(0);
        let icmp = telling_error(view);
        let reset_by = reset_by(view);
        let outcome = if view.first().is_tcp() {
            tcp_outcome(view, facts, icmp, reset_by)
        } else {
            datagram_outcome(view, facts, icmp)
        };
        Self {
            outcome,
            icmp,
            reset_by: reset_by.filter(|_| outcome == Outcome::Reset),
            rtt_ns: (rtt > 0).then_some(i64::from(rtt)),
        }
    }
}

fn tcp_outcome(view: &View<'_>, facts: &Facts, icmp: Option<IcmpSeen>, reset: Option<ResetBy>) -> Outcome {
    if any(view, known::SERVER_ISN) {
        if reset.is_some() {
            return Outcome::Reset;
        }
        return if is_stalled(view, facts) { Outcome::Stalled } else { Outcome::Established };
    }
    if any(view, known::REFUSED) {
        return Outcome::Refused;
    }
    if let Some(outcome) = icmp.and_then(|icmp| class(icmp.error)) {
        return outcome;
    }
    if any(view, known::CLIENT_ISN) {
        return if is_silence(view, facts) { Outcome::NoReply } else { Outcome::Pending };
    }
    let (out, back) =
        (view.legs().any(|(_, _, leg)| leg.out > 0), view.legs().any(|(_, _, leg)| leg.back > 0));
    if out && back { Outcome::MidStream } else { Outcome::OneWay }
}

fn datagram_outcome(view: &View<'_>, facts: &Facts, icmp: Option<IcmpSeen>) -> Outcome {
    if view.legs().any(|(_, _, leg)| leg.back > 0) {
        return Outcome::Established;
    }
    match icmp.map(|icmp| (icmp, class(icmp.error))) {
        Some((icmp, Some(_)))
            if is_port_unreachable(icmp.error) && icmp.error.sender == view.destination().address =>
        {
            Outcome::Refused
        }
        Some((_, Some(outcome))) => outcome,
        _ if is_silence(view, facts) => Outcome::NoReply,
        _ => Outcome::Pending,
    }
}

fn any(view: &View<'_>, bits: u16) -> bool {
    view.tracks().iter().any(|t| view.table.track(*t).knows(bits))
}

/// The first ICMP error about a packet of the client that decides something.
fn telling_error(view: &View<'_>) -> Option<IcmpSeen> {
    view.tracks()
        .iter()
        .flat_map(|t| view.table.errors(*t))
        .filter(|icmp| icmp.about_client && class(icmp.error).is_some())
        .min_by_key(|icmp| (icmp.time, icmp.error.sender))
        .copied()
}

/// What an ICMP error makes of a flow; `None` for those that are evidence only: fragmentation needed, packet too big, time
/// exceeded, parameter problem (RFC 792, RFC 1812 §5.2.7.1, RFC 4443 §3).
pub fn class(error: IcmpError) -> Option<Outcome> {
    match (error.v6, error.kind, error.code) {
        (false, 3, 9 | 10 | 13) | (true, 1, 1 | 5 | 6) => Some(Outcome::Prohibited),
        (false, 3, 4) => None,
        (false, 3, _) | (true, 1, _) => Some(Outcome::Unreachable),
        _ => None,
    }
}

fn is_port_unreachable(error: IcmpError) -> bool {
    matches!((error.v6, error.kind, error.code), (false, 3, 3) | (true, 1, 4))
}

/// An ICMP error's type and code in words.
pub fn meaning(error: IcmpError) -> &'static str {
    match (error.v6, error.kind, error.code) {
        (false, 3, 0) => "network unreachable",
        (false, 3, 1) => "host unreachable",
        (false, 3, 2) => "protocol unreachable",
        (false, 3, 3) | (true, 1, 4) => "port unreachable",
        (false, 3, 4) => "fragmentation needed",
        (false, 3, 9) => "communication with the network administratively prohibited",
        (false, 3, 10) => "communication with the host administratively prohibited",
        (false, 3, 13) | (true, 1, 1) => "communication administratively prohibited",
        (true, 1, 0) => "no route to the destination",
        (true, 1, 3) => "address unreachable",
        (true, 1, 5) => "source address failed a policy",
        (true, 1, 6) => "route to the destination rejected",
        (true, 2, _) => "packet too big",
        (false, 11, _) | (true, 3, _) => "time exceeded",
        (false, 3, _) | (true, 1, _) => "destination unreachable",
        _ => "ICMP error",
    }
}

fn reset_by(view: &View<'_>) -> Option<ResetBy> {
    if any(view, known::RST_BACK) {
        Some(ResetBy::Server)
    } else if any(view, known::RST_OUT) {
        Some(ResetBy::Client)
    } else {
        None
    }
}

/// Whether data was sent that nobody acknowledged: sent again, or followed by enough of capture.
fn is_stalled(view: &View<'_>, facts: &Facts) -> bool {
    let tracks = || view.tracks().iter().map(|t| view.table.track(*t));
    // Any copy's acknowledgement will do: joined tracks carry the same numbers.
    let is_pending = |sent: fn(&Track) -> Option<u32>, acknowledged: fn(&Track) -> Option<u32>| {
        let highest = |of: fn(&Track) -> Option<u32>| tracks().filter_map(of).reduce(tcp::later);
        match (highest(sent), highest(acknowledged)) {
            (Some(sent), Some(acknowledged)) => tcp::is_after(sent, acknowledged),
            _ => false,
        }
    };
    let client_waits = is_pending(
        |t| t.knows(known::END_OUT).then_some(t.end_out),
        |t| t.knows(known::ACK_BACK).then_some(t.ack_back),
    );
    let server_waits = is_pending(
        |t| t.knows(known::END_BACK).then_some(t.end_back),
        |t| t.knows(known::ACK_OUT).then_some(t.ack_out),
    );
    let was_retried = view.legs_out().any(|(_, leg)| leg.has_shown(shown::RETRY));
    (client_waits && (was_retried || is_followed(view, facts))) || (server_waits && is_followed(view, facts))
}

/// Whether capture went on for [`SILENCE`] after the flow's last packet, at some place that showed it.
fn is_followed(view: &View<'_>, facts: &Facts) -> bool {
    view.legs().any(|(_, _, leg)| facts.last_seen(view.table.point_of(leg)) - leg.last_seen >= SILENCE)
}

/// Whether nothing answered where an answer would have been seen: after a retry, or [`SILENCE`] of later
/// capture, at a point that shows replies of other flows.
fn is_silence(view: &View<'_>, facts: &Facts) -> bool {
    view.legs().any(|(_, index, leg)| {
        let point = view.table.point_of(leg);
        let was_retried = !view.table.retries(index).is_empty() || (!view.first().is_tcp() && leg.out > 1);
        let waited = facts.last_seen(point) - leg.last_seen >= SILENCE;
        leg.out > 0 && facts.point(point).shows_replies && (was_retried || waited)
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Address;

    fn error(v6: bool, kind: u8, code: u8) -> IcmpError {
        IcmpError { sender: Address::v4(1), v6, kind, code }
    }

    /// Every error that has words of its own, what it makes of a flow, and the words.
    #[test]
    fn errors_mean_what_their_rfcs_say() {
        use Outcome::{Prohibited, Unreachable};
        let table = [
            (error(false, 3, 0), Some(Unreachable), "network unreachable"),
            (error(false, 3, 1), Some(Unreachable), "host unreachable"),
            (error(false, 3, 2), Some(Unreachable), "protocol unreachable"),
            (error(false, 3, 3), Some(Unreachable), "port unreachable"),
            (error(false, 3, 4), None, "fragmentation needed"),
            (error(false, 3, 6), Some(Unreachable), "destination unreachable"),
            (
                error(false, 3, 9),
                Some(Prohibited),
                "communication with the network administratively prohibited",
            ),
            (
                error(false, 3, 10),
                Some(Prohibited),
                "communication with the host administratively prohibited",
            ),
            (error(false, 3, 13), Some(Prohibited), "communication administratively prohibited"),
            (error(false, 11, 0), None, "time exceeded"),
            (error(false, 12, 0), None, "ICMP error"),
            (error(true, 1, 0), Some(Unreachable), "no route to the destination"),
            (error(true, 1, 1), Some(Prohibited), "communication administratively prohibited"),
            (error(true, 1, 2), Some(Unreachable), "destination unreachable"),
            (error(true, 1, 3), Some(Unreachable), "address unreachable"),
            (error(true, 1, 4), Some(Unreachable), "port unreachable"),
            (error(true, 1, 5), Some(Prohibited), "source address failed a policy"),
            (error(true, 1, 6), Some(Prohibited), "route to the destination rejected"),
            (error(true, 2, 0), None, "packet too big"),
            (error(true, 3, 0), None, "time exceeded"),
            (error(true, 4, 0), None, "ICMP error"),
        ];
        for (error, outcome, words) in table {
            assert_eq!((class(error), meaning(error)), (outcome, words), "{error:?}");
        }
        assert!(is_port_unreachable(error(false, 3, 3)) && is_port_unreachable(error(true, 1, 4)));
        assert!(!is_port_unreachable(error(false, 3, 1)) && !is_port_unreachable(error(true, 1, 3)));
    }
}
