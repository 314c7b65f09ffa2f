//! Compares what became of TCP connections.
//!
//! The oracle's connection is one incarnation of a 4-tuple; it is found again by the number of its first frame,
//! which is the first frame of a leg of the flow. How the two lists of outcomes go together:
//!
//! | oracle | egret |
//! |---|---|
//! | `established`, `synack_no_ack`, `synack_only` | `established`, `stalled`, `reset`: the server answered |
//! | `refused` | `refused` |
//! | `unreachable` | `unreachable`, `prohibited`; where the errors are evidence only, as with `no_answer` |
//! | `no_answer` | `no-reply`, `pending` |
//! | `midstream` | `mid-stream`, `one-way`, `reset`, `stalled` |
//!
//! A flow of several tracks has one outcome: it must fit one of the connections that were joined in it.

use std::collections::{BTreeMap, BTreeSet};

use egret::digest::{Kind, tcp};
use egret::net::Endpoint;
use egret::snapshot::Row;
use egret::verdict::Outcome;

use crate::conversations::Conversations;
use crate::observe::Sight;
use crate::oracle::{Connection, Oracle};
use crate::report::{Comparison, Report};
use crate::rules::{self, Rule};

/// SYNs of which the oracle makes a connection of its own, and egret none.
#[derive(Debug, Default)]
pub(crate) struct Syns {
    /// (server, client, acknowledged) of every SYN-ACK, and (client, server, number) of every SYN.
    answers: BTreeSet<(Endpoint, Endpoint, u32)>,
    numbers: BTreeSet<(Endpoint, Endpoint, u32)>,
    known: BTreeMap<u64, Rule>,
}

impl Syns {
    pub(crate) fn look(&mut self, sight: &Sight<'_>) {
        let digest = &sight.digest;
        if digest.kind != Kind::Tcp || digest.flags & tcp::SYN == 0 {
            return;
        }
        let (from, to) = (digest.source(), digest.destination());
        if digest.flags & tcp::ACK != 0 {
            self.answers.insert((from, to, digest.ack));
        } else if !self.numbers.insert((from, to, digest.seq)) {
            self.known.insert(sight.number, rules::TWO_INCARNATIONS);
        } else if self.answers.contains(&(to, from, digest.seq.wrapping_add(1))) {
            self.known.insert(sight.number, rules::REORDERED);
        }
    }
}

impl Syns {
    /// Whether clients of the flow sent SYNs of several numbers.
    fn have_several(&self, flow: &Row) -> bool {
        flow.legs.iter().any(|leg| {
            let range = (leg.source, leg.destination, 0)..=(leg.source, leg.destination, u32::MAX);
            self.numbers.range(range).count() > 1
        })
    }
}

pub(crate) fn compare(
    flows: &[Row],
    syns: &Syns,
    conversations: &Conversations,
    oracle: &Oracle,
    report: &mut Report,
) {
    report.compared(Comparison::Outcomes, oracle.tcp_connections.len() as u64);
    let mut by_frame: BTreeMap<u64, usize> = BTreeMap::new();
    for (index, flow) in flows.iter().enumerate().filter(|(_, flow)| flow.protocol == "tcp") {
        for leg in &flow.legs {
            if let Some(number) = ordinal(&leg.first_frame) {
                by_frame.insert(number, index);
            }
        }
    }
    let mut joined: BTreeMap<usize, Vec<&Connection>> = BTreeMap::new();
    for connection in &oracle.tcp_connections {
        if let Some(flow) = by_frame.get(&connection.first) {
            joined.entry(*flow).or_default().push(connection);
            continue;
        }
        let what = format!("no flow begins at frame {}: {}", connection.first, told(connection));
        let rule = conversations.dispute(connection.first);
        let rule = rule.or_else(|| syns.known.get(&connection.first).copied());
        report.differ(Comparison::Outcomes, what, rule.map(|rule| rule.name));
    }
    for (flow, connections) in joined {
        let flow = &flows[flow];
        if !connections.iter().any(|connection| fits(&connection.outcome, flow.outcome)) {
            let theirs: Vec<String> = connections.iter().map(|connection| told(connection)).collect();
            let what = format!("{}: egret {:?}; oracle {}", flow.id, flow.outcome, theirs.join(", "));
            let is_elsewhere = flows.iter().any(|other| {
                share_tuple(flow, other)
                    && syns.have_several(flow)
                    && connections.iter().any(|connection| fits(&connection.outcome, other.outcome))
            });
            let rule = is_elsewhere.then_some(rules::INCARNATIONS.name);
            report.differ(Comparison::Outcomes, what, rule);
        }
    }
}

/// Whether two flows have a 5-tuple in common.
fn share_tuple(one: &Row, other: &Row) -> bool {
    let ends =
        |flow: &Row| flow.legs.iter().map(|leg| (leg.source, leg.destination)).collect::<BTreeSet<_>>();
    one.protocol == other.protocol && one.id != other.id && !ends(one).is_disjoint(&ends(other))
}

fn told(connection: &Connection) -> String {
    let end = |end: &Option<(String, u16)>| {
        end.as_ref().map_or_else(|| "?".to_owned(), |(address, port)| format!("{address}:{port}"))
    };
    format!("{} {} > {}", connection.outcome, end(&connection.client), end(&connection.server))
}

/// The frame's number in `p:17`.
fn ordinal(frame: &str) -> Option<u64> {
    frame.rsplit_once(':')?.1.parse().ok()
}

fn fits(theirs: &str, ours: Outcome) -> bool {
    match theirs {
        "established" | "synack_no_ack" | "synack_only" => {
            matches!(ours, Outcome::Established | Outcome::Stalled | Outcome::Reset)
        }
        "refused" => ours == Outcome::Refused,
        "unreachable" => {
            matches!(ours, Outcome::Unreachable | Outcome::Prohibited | Outcome::NoReply | Outcome::Pending)
        }
        "no_answer" => matches!(ours, Outcome::NoReply | Outcome::Pending),
        "midstream" => {
            matches!(ours, Outcome::MidStream | Outcome::OneWay | Outcome::Reset | Outcome::Stalled)
        }
        _ => false,
    }
}
