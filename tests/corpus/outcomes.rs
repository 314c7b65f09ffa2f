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

use std::collections::BTreeMap;

use egret::snapshot::Row;
use egret::verdict::Outcome;

use crate::oracle::{Connection, Oracle};
use crate::report::{Comparison, Report};

pub(crate) fn compare(flows: &[Row], oracle: &Oracle, report: &mut Report) {
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
        match by_frame.get(&connection.first) {
            Some(flow) => joined.entry(*flow).or_default().push(connection),
            None => {
                let what = format!("no flow begins at frame {}: {}", connection.first, told(connection));
                report.differ(Comparison::Outcomes, what, None);
            }
        }
    }
    for (flow, connections) in joined {
        let flow = &flows[flow];
        if !connections.iter().any(|connection| fits(&connection.outcome, flow.outcome)) {
            let theirs: Vec<String> = connections.iter().map(|connection| told(connection)).collect();
            let what = format!("{}: egret {:?}; oracle {}", flow.id, flow.outcome, theirs.join(", "));
            report.differ(Comparison::Outcomes, what, None);
        }
    }
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
