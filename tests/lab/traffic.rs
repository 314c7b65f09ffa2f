//! The near side: opens connections from a namespace and writes down what became of each.

mod icmp;
mod sctp;
mod tcp;
mod udp;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;

use self::tcp::Connection;
use crate::situation::{Batch, Finish, Met, Protocol};
use crate::topology::Cluster;

/// Longer than several retransmissions of data, which begin after 200 ms (`TCP_RTO_MIN`).
const ANSWER: Duration = Duration::from_millis(1_500);

/// One connection as its client saw it.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// `herasoo-007`: what the client calls itself at the server.
    pub(crate) name: String,
    pub(crate) batch: String,
    pub(crate) from: String,
    pub(crate) protocol: Protocol,
    pub(crate) client: SocketAddr,
    pub(crate) to: SocketAddr,
    /// Whether a datagram was larger than the pod's link can carry.
    pub(crate) fragmented: bool,
    pub(crate) met: Met,
    pub(crate) started: Timestamp,
    pub(crate) ended: Timestamp,
}

/// All connections of a situation, and those that are still open.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    attempts: Mutex<Vec<Attempt>>,
    held: Mutex<BTreeMap<String, Vec<(usize, Connection)>>>,
}

impl Traffic {
    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        self.attempts.lock().expect("no panic while locked").clone()
    }

    /// Runs `batches` at the same time, and returns when the last connection has ended or is held.
    pub(crate) fn run(&self, cluster: &Cluster, batches: &[Batch]) {
        thread::scope(|scope| {
            for batch in batches {
                scope.spawn(move || self.batch(cluster, batch));
            }
        });
    }

    fn batch(&self, cluster: &Cluster, batch: &Batch) {
        let cycle = batch.cycle.unwrap_or(batch.parallel);
        assert!(cycle.is_multiple_of(batch.parallel), "{}: a port is to be one thread's alone", batch.name);
        thread::scope(|scope| {
            for first in 0..batch.parallel {
                scope.spawn(move || {
                    cluster.at(&batch.from).enter();
                    for ordinal in (first..batch.count).step_by(usize::from(batch.parallel)) {
                        self.one(batch, ordinal);
                    }
                });
            }
        });
    }

    fn one(&self, batch: &Batch, ordinal: u16) {
        let name = format!("{}-{ordinal:03}", batch.name);
        let port = batch.port.map_or(0, |port| port + ordinal % batch.cycle.unwrap_or(u16::MAX));
        let from = SocketAddr::new(Cluster::address(&batch.from, batch.to.is_ipv6()), port);
        let started = Timestamp::now();
        let protocol = match batch.protocol {
            Protocol::Icmp if batch.to.is_ipv6() => Protocol::Icmp6,
            protocol => protocol,
        };
        let (client, met, connection) = match protocol {
            Protocol::Tcp => tcp::speak(batch, &name, from),
            other => {
                let (client, met) = match other {
                    Protocol::Udp => udp::speak(batch, &name, from),
                    Protocol::Sctp => sctp::speak(batch, &name, from),
                    _ => icmp::speak(batch, &name, from),
                };
                (client, met, None)
            }
        };
        let mut attempts = self.attempts.lock().expect("no panic while locked");
        attempts.push(Attempt {
            name,
            batch: batch.name.clone(),
            from: batch.from.clone(),
            protocol,
            client,
            to: batch.to,
            fragmented: protocol != Protocol::Tcp && batch.bytes > 1_300,
            met,
            started,
            ended: Timestamp::now(),
        });
        let index = attempts.len() - 1;
        drop(attempts);
        if let (true, Some(connection)) = (batch.hold, connection) {
            let mut held = self.held.lock().expect("no panic while locked");
            held.entry(batch.name.clone()).or_default().push((index, connection));
        }
    }

    /// Speaks another line on each held connection of a batch, and goes on holding them.
    pub(crate) fn speak(&self, batch: &str) {
        let mut held = self.held.lock().expect("no panic while locked");
        let held = held.get_mut(batch).unwrap_or_else(|| panic!("nothing of {batch} is held open"));
        for (index, connection) in held {
            let met = connection.ask("more");
            self.attempts.lock().expect("no panic while locked")[*index].met = met;
        }
    }

    /// Speaks another line on each held connection of a batch, if that is wanted, and ends it.
    pub(crate) fn finish(&self, finish: &Finish) {
        let held = self.held.lock().expect("no panic while locked").remove(&finish.name);
        let held = held.unwrap_or_else(|| panic!("nothing of {} is held open", finish.name));
        thread::scope(|scope| {
            for (index, mut connection) in held {
                scope.spawn(move || {
                    let met = if finish.speak { connection.ask("more") } else { Met::Answered };
                    connection.end(finish.end);
                    let mut attempts = self.attempts.lock().expect("no panic while locked");
                    attempts[index].ended = Timestamp::now();
                    attempts[index].met = met;
                });
            }
        });
    }
}
