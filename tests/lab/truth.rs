//! What really happened, flow by flow, put together from the witnesses; no packet is looked at.
//!
//! A flow is one connection that a client opened. The name that it told the server ties both sockets to
//! each other. Conntrack says which tuples NAT made of the client's own; the router says which of those
//! came to it, in how many packets. Witnesses that contradict each other make a situation fail.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::server::Sight;
use crate::situation::{Class, Met, Protocol, Seen};
use crate::traffic::Attempt;
use crate::witness::{Arrivals, Translation, Tuple};

/// A line of `truth.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Flow {
    pub(crate) name: String,
    pub(crate) batch: String,
    /// The namespace of the client.
    pub(crate) from: String,
    pub(crate) protocol: Protocol,
    pub(crate) client: SocketAddr,
    /// What the client dialled.
    pub(crate) to: SocketAddr,
    /// The client's address as the server saw it, and the server's own.
    pub(crate) seen: Option<SocketAddr>,
    pub(crate) server: Option<SocketAddr>,
    /// Everything of this flow that came to the router, the server's view first.
    pub(crate) left: Vec<Exit>,
    pub(crate) met: Met,
    #[serde(with = "rfc3339")]
    pub(crate) started: Timestamp,
    #[serde(with = "rfc3339")]
    pub(crate) ended: Timestamp,
}

/// A tuple with which packets came to the router, while captures could see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exit {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    /// Not known where several flows had this tuple, one after the other, where packets came while captures began
    /// or ended, nor of datagrams in fragments: only the first has ports to be counted by.
    pub(crate) packets: Option<u64>,
}

/// Times as text, in truth and reports alike.
pub(crate) mod rfc3339 {
    use jiff::Timestamp;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(time)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// All flows in the order in which they were opened. Where conntrack could not tell all, what the server saw and the
/// router counted is enough.
pub(crate) fn assemble(
    attempts: Vec<Attempt>,
    sights: Vec<Sight>,
    (translations, is_complete): (&[Translation], bool),
    arrivals: &Arrivals,
) -> Vec<Flow> {
    let mut translated: Translated = HashMap::new();
    for translation in translations {
        translated.entry((translation.protocol, translation.before)).or_default().push(translation.after);
    }
    let mut sights: HashMap<String, Sight> =
        sights.into_iter().map(|sight| (sight.name.clone(), sight)).collect();
    let mut flows: Vec<Flow> = attempts
        .into_iter()
        .map(|attempt| {
            let sight = sights.remove(&attempt.name);
            if let (false, Some(sight)) = (is_complete, &sight) {
                let dialled = Tuple { source: attempt.client, destination: attempt.to };
                let seen = Tuple { source: sight.peer, destination: sight.local };
                translated.entry((attempt.protocol, dialled)).or_default().push(seen);
            }
            flow(attempt, sight, &translated, arrivals)
        })
        .collect();
    flows.sort_by_key(|flow| flow.started);
    part(&mut flows);
    let mut users: HashMap<(Protocol, SocketAddr, SocketAddr), u32> = HashMap::new();
    for (flow, exit) in flows.iter().flat_map(|flow| flow.left.iter().map(move |exit| (flow, exit))) {
        *users.entry((flow.protocol, exit.source, exit.destination)).or_default() += 1;
    }
    for flow in &mut flows {
        for exit in &mut flow.left {
            if users[&(flow.protocol, exit.source, exit.destination)] > 1 {
                exit.packets = None;
            }
        }
    }
    flows
}

/// Parts what NAT made of one tuple among the flows that used it, one after the other: what the server saw of
/// one of them is not another's, unless it saw that of both.
fn part(flows: &mut [Flow]) {
    let mut seen: HashMap<(Protocol, SocketAddr, SocketAddr), HashSet<SocketAddr>> = HashMap::new();
    for flow in flows.iter() {
        seen.entry((flow.protocol, flow.client, flow.to)).or_default().extend(flow.seen);
    }
    for flow in flows {
        let seen = &seen[&(flow.protocol, flow.client, flow.to)];
        flow.left.retain(|exit| flow.seen == Some(exit.source) || !seen.contains(&exit.source));
    }
}

/// What NAT, wherever it happens, made of tuples.
type Translated = HashMap<(Protocol, Tuple), Vec<Tuple>>;

fn flow(attempt: Attempt, sight: Option<Sight>, translated: &Translated, arrivals: &Arrivals) -> Flow {
    let dialled = Tuple { source: attempt.client, destination: attempt.to };
    let mut left: Vec<Exit> = tuples(dialled, attempt.protocol, translated)
        .into_iter()
        .filter(|tuple| arrivals.of(attempt.protocol, *tuple) > 0)
        .map(|tuple| Exit {
            source: tuple.source,
            destination: tuple.destination,
            packets: arrivals.certain(attempt.protocol, tuple).filter(|_| !attempt.fragmented),
        })
        .collect();
    let seen = sight.map(|sight| Tuple { source: sight.peer, destination: sight.local });
    if let Some(seen) = seen {
        let is_seen = |exit: &Exit| exit.source == seen.source && exit.destination == seen.destination;
        let known = left.iter().position(is_seen);
        let known = known.unwrap_or_else(|| {
            panic!("the server saw {} as {seen:?}; conntrack and the router know only {left:?}", attempt.name)
        });
        left.swap(0, known);
    }
    Flow {
        name: attempt.name,
        batch: attempt.batch,
        from: attempt.from,
        protocol: attempt.protocol,
        client: attempt.client,
        to: attempt.to,
        seen: seen.map(|tuple| tuple.source),
        server: seen.map(|tuple| tuple.destination),
        left,
        met: attempt.met,
        started: attempt.started,
        ended: attempt.ended,
    }
}

/// `dialled`, and everything that NAT, at one place after the other, made of it.
fn tuples(dialled: Tuple, protocol: Protocol, translated: &Translated) -> Vec<Tuple> {
    let mut tuples = vec![dialled];
    let mut next = 0;
    while let Some(&tuple) = tuples.get(next) {
        next += 1;
        for &after in translated.get(&(protocol, tuple)).into_iter().flatten() {
            if !tuples.contains(&after) {
                tuples.push(after);
            }
        }
    }
    tuples
}

impl Class {
    pub(crate) fn fits(&self, flow: &Flow) -> bool {
        let seen = flow.seen.map_or(Seen::Nobody, |seen| Seen::As(seen.ip()));
        let mut left: Vec<IpAddr> = flow.left.iter().map(|exit| exit.source.ip()).collect();
        left.sort();
        left.dedup();
        let rewritten = || flow.left.first().is_some_and(|exit| exit.source.port() != flow.client.port());
        self.of.as_ref().is_none_or(|of| *of == flow.batch)
            && self.seen.is_none_or(|wanted| wanted == seen)
            && self.left.as_ref().is_none_or(|wanted| *wanted == left)
            && self.client.is_none_or(|wanted| wanted == flow.met)
            && self.rewritten.is_none_or(|wanted| wanted == rewritten())
    }
}

/// The class of each flow, and what is wrong with that: a flow without one, a class with too few or many.
pub(crate) fn classify(flows: &[Flow], classes: &[Class]) -> (Vec<Option<usize>>, Vec<String>) {
    let of: Vec<Option<usize>> =
        flows.iter().map(|flow| classes.iter().position(|class| class.fits(flow))).collect();
    let mut wrong = Vec::new();
    for (flow, _) in flows.iter().zip(&of).filter(|(_, class)| class.is_none()).take(5) {
        wrong.push(format!("no class of `happens` fits {}", serde_json::to_string(flow).expect("a flow")));
    }
    for (index, class) in classes.iter().enumerate() {
        let count = of.iter().filter(|of| **of == Some(index)).count();
        if class.flows.is_some_and(|wanted| wanted != count)
            || class.at_least.is_some_and(|least| count < least)
        {
            let wanted = class.flows.or(class.at_least).unwrap_or_default();
            wrong.push(format!("{count} flows are \"{}\", not {wanted}", class.name));
        }
    }
    (of, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuple(source: &str, destination: &str) -> Tuple {
        Tuple { source: source.parse().unwrap(), destination: destination.parse().unwrap() }
    }

    #[test]
    fn a_tuple_is_followed_through_a_service_and_an_egress_router() {
        let dialled = tuple("10.128.0.5:40001", "172.30.99.10:8443");
        let service = tuple("10.128.0.5:40001", "10.128.0.20:8443");
        let outside = tuple("192.168.12.99:40001", "203.0.113.25:443");
        let translated = Translated::from([
            ((Protocol::Tcp, service), vec![outside]),
            ((Protocol::Tcp, dialled), vec![service]),
        ]);
        assert_eq!(tuples(dialled, Protocol::Tcp, &translated), [dialled, service, outside]);
        assert_eq!(tuples(dialled, Protocol::Udp, &translated), [dialled]);
    }

    #[test]
    fn what_the_server_saw_of_one_flow_is_not_another_s_of_the_same_tuple() {
        let exit = |port| Exit {
            source: SocketAddr::from(([192, 168, 12, 99], port)),
            destination: "203.0.113.25:443".parse().unwrap(),
            packets: None,
        };
        let flow = |name: &str, seen: Option<u16>| Flow {
            name: name.to_owned(),
            batch: String::new(),
            from: String::new(),
            protocol: Protocol::Tcp,
            client: "10.128.0.5:40001".parse().unwrap(),
            to: "203.0.113.25:443".parse().unwrap(),
            seen: seen.map(|port| exit(port).source),
            server: None,
            left: vec![exit(1), exit(2), exit(3)],
            met: Met::Answered,
            started: Timestamp::UNIX_EPOCH,
            ended: Timestamp::UNIX_EPOCH,
        };
        let mut flows = [flow("first", Some(1)), flow("second", Some(2)), flow("unseen", None)];
        part(&mut flows);
        assert_eq!(
            flows.map(|flow| flow.left),
            [vec![exit(1), exit(3)], vec![exit(2), exit(3)], vec![exit(3)]]
        );
    }
}
