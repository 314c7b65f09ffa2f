//! What ICMP errors say of a flow: which of them decide what became of it, and which are evidence alone.
//!
//! Destination unreachable decides, by its code. What only says why a packet went no further (too large, too many hops, a
//! header that makes no sense) is evidence beside an outcome that was found without it: the sender tries again.

use crate::digest::IcmpError;
use crate::flow::table::IcmpSeen;
use crate::net::Address;
use crate::verdict::Outcome;
use crate::view::View;

/// The error that says most of a flow, and what it decides: one that decides before one that is evidence, one about a packet
/// of the client before one about an answer. Those of the outermost track come first: on its way inwards, a node
/// gives an error the sender that its client asked for.
pub(super) fn telling(view: &View<'_>) -> Option<(IcmpSeen, Option<Outcome>)> {
    let told = view.tracks().iter().rev().enumerate().flat_map(|(n, t)| {
        let server = view.table.track(*t).server().address;
        view.table.errors(*t).iter().map(move |icmp| {
            let outcome = if icmp.about_client { decides(icmp.error, server) } else { None };
            (n, *icmp, outcome)
        })
    });
    let first = told.min_by_key(|(n, icmp, outcome)| {
        let rank = match outcome {
            Some(Outcome::Refused) => 0,
            Some(Outcome::Prohibited) => 1,
            Some(_) => 2,
            // Too large before too many hops. That an answer could not be delivered is the client's doing.
            None if is_too_large(icmp.error) => 3,
            None if class(icmp.error).is_none() => 4,
            None => 5,
        };
        // No clock is asked: errors may have been seen by several.
        let IcmpError { sender, kind, code, .. } = icmp.error;
        (outcome.is_none(), *n, rank, !icmp.about_client, kind, code, sender)
    });
    first.map(|(_, icmp, outcome)| (icmp, outcome))
}

/// What an error about a packet to `server` makes of a flow. Of all that are unreachable, only the server itself can say of
/// its port that nobody listens; a firewall that says so for it is in the way.
fn decides(error: IcmpError, server: Address) -> Option<Outcome> {
    if is_port_unreachable(error) && error.sender == server { Some(Outcome::Refused) } else { class(error) }
}

/// What an ICMP error makes of a flow; `None` for those that are evidence only: fragmentation needed, packet too big, time
/// exceeded, parameter problem (RFC 792, RFC 1812 §5.2.7.1, RFC 4443 §3).
fn class(error: IcmpError) -> Option<Outcome> {
    match (error.v6, error.kind, error.code) {
        (false, 3, 9 | 10 | 13) | (true, 1, 1 | 5 | 6) => Some(Outcome::Prohibited),
        (false, 3, 4) => None,
        (false, 3, _) | (true, 1, _) => Some(Outcome::Unreachable),
        _ => None,
    }
}

/// Whether an error says that a packet was larger than the next link takes.
pub fn is_too_large(error: IcmpError) -> bool {
    matches!((error.v6, error.kind, error.code), (false, 3, 4) | (true, 2, _))
}

/// Whether an error says that a packet went round until its time was up.
pub fn is_time_exceeded(error: IcmpError) -> bool {
    matches!((error.v6, error.kind, error.code), (false, 11, 0) | (true, 3, 0))
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
        (false, 11, 1) | (true, 3, 1) => "fragment reassembly time exceeded",
        (false, 11, _) | (true, 3, _) => "time exceeded",
        (false, 12, _) | (true, 4, _) => "parameter problem",
        (false, 3, _) | (true, 1, _) => "destination unreachable",
        _ => "ICMP error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            (error(false, 11, 1), None, "fragment reassembly time exceeded"),
            (error(false, 12, 0), None, "parameter problem"),
            (error(true, 1, 0), Some(Unreachable), "no route to the destination"),
            (error(true, 1, 1), Some(Prohibited), "communication administratively prohibited"),
            (error(true, 1, 2), Some(Unreachable), "destination unreachable"),
            (error(true, 1, 3), Some(Unreachable), "address unreachable"),
            (error(true, 1, 4), Some(Unreachable), "port unreachable"),
            (error(true, 1, 5), Some(Prohibited), "source address failed a policy"),
            (error(true, 1, 6), Some(Prohibited), "route to the destination rejected"),
            (error(true, 2, 0), None, "packet too big"),
            (error(true, 3, 0), None, "time exceeded"),
            (error(true, 4, 0), None, "parameter problem"),
        ];
        for (error, outcome, words) in table {
            assert_eq!((class(error), meaning(error)), (outcome, words), "{error:?}");
        }
        assert!(is_port_unreachable(error(false, 3, 3)) && is_port_unreachable(error(true, 1, 4)));
        assert!(!is_port_unreachable(error(false, 3, 1)) && !is_port_unreachable(error(true, 1, 3)));
    }
}
