//! What the partner's firewall must admit: the sheet that goes to those who run it.
//!
//! 1. Routers lead to destinations that their rules name: a row for each, with the router's source.
//! 2. Where other workloads go, objects do not tell: policy files and people do. Each such destination has a row for every
//!    address that a workload may leave with, those that stand by for another node among them. Without any, the row of a
//!    namespace with addresses of its own says `any`.
//! 3. What is refused, dropped or not known has no row. That something was left out is said ([`Sheet::notes`]).

use std::collections::{BTreeMap, BTreeSet};

use super::derive::router::proxy::destination;
use super::derive::{Answer, Derived, Router, Rule, To};
use super::{Expectations, Source};
use crate::filter::protocol::Protocol;
use crate::net::{Address, Endpoint};
use crate::objects::{Objects, Place};
use crate::text::plain;

/// All rows, in order, and what is not among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sheet {
    pub rows: Vec<Row>,
    pub notes: Vec<String>,
}

/// Something to be admitted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    pub namespace: String,
    pub source: String,
    /// An address, a block, a name, or `any`.
    pub destination: String,
    /// A port, or `any`.
    pub port: String,
    /// `tcp`, `udp`, `sctp`, or `any`.
    pub protocol: String,
    pub reason: String,
}

/// What is wanted of the sheet.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Empty is every one with addresses of its own.
    pub namespaces: &'a [String],
    /// Destinations of workloads that call these themselves.
    pub destinations: &'a [(Endpoint, u8)],
}

const ANY: &str = "any";

impl Sheet {
    pub fn of(expectations: &Expectations, objects: &Objects, derived: &Derived, wanted: Wanted<'_>) -> Self {
        let mut making =
            Making { objects, derived, wanted, expectations, rows: BTreeSet::new(), notes: Vec::new() };
        making.routers();
        making.people();
        making.namespaces();
        let mut rows: Vec<Row> = making.rows.into_iter().collect();
        for row in &mut rows {
            for text in [&mut row.namespace, &mut row.destination, &mut row.reason] {
                *text = plain(text);
            }
        }
        let number = |row: &Row| row.port.parse::<u16>().unwrap_or(u16::MAX);
        let place =
            |row: &Row| (row.namespace.clone(), row.source.clone(), row.destination.clone(), number(row));
        rows.sort_by_key(place);
        let notes = making.notes.iter().map(|note| plain(note)).collect();
        Self { rows, notes }
    }
}

/// An answer that gives no row, in words.
fn open(answer: &Answer) -> String {
    match answer {
        Answer::Unknown { missing } => format!("it is not known {missing}"),
        answer => answer.to_string(),
    }
}

struct Making<'a> {
    expectations: &'a Expectations,
    objects: &'a Objects,
    derived: &'a Derived,
    wanted: Wanted<'a>,
    rows: BTreeSet<Row>,
    notes: Vec<String>,
}

impl Making<'_> {
    fn is_wanted(&self, namespace: Option<&str>) -> bool {
        self.wanted.namespaces.is_empty()
            || namespace.is_some_and(|name| self.wanted.namespaces.iter().any(|one| one == name))
    }

    fn routers(&mut self) {
        for router in &self.derived.routers {
            if !self.is_wanted(router.namespace.as_deref()) {
                continue;
            }
            let source = match router.answer() {
                (Answer::AnyOf(exits), _) if !exits.is_empty() => exits[0].address.to_string(),
                (Answer::Drop, because) => {
                    let why = because.first().map(ToString::to_string);
                    let why = why.unwrap_or_else(|| format!("what goes through {} is dropped", router.id));
                    self.notes.push(format!("left out: {why}"));
                    continue;
                }
                (answer, _) => {
                    self.notes.push(format!("left out what goes through {}: {}", router.id, open(&answer)));
                    continue;
                }
            };
            let row = |destination: String, port: String, protocol: String, at: &Place| Row {
                namespace: router.namespace.clone().unwrap_or_default(),
                source: source.clone(),
                destination,
                port,
                protocol,
                reason: format!("egress router {} ({at})", super::listing::name(&router.id)),
            };
            for rule in &router.redirects {
                let protocol = Protocol(rule.protocol).to_string();
                self.rows.insert(row(rule.address.to_string(), rule.target.to_string(), protocol, &rule.at));
            }
            if let Some(fallback) = &router.fallback {
                self.rows.insert(row(fallback.value.to_string(), ANY.into(), ANY.into(), &fallback.at));
            }
            for forward in &router.forwards {
                let (target, port) = (forward.target.clone(), forward.port.to_string());
                self.rows.insert(row(target, port, "tcp".into(), &forward.at));
            }
            self.gate(router, row);
        }
    }

    /// What an HTTP proxy lets through. That a rule denies some of it before is said: whoever admits it all admits too much.
    fn gate(&mut self, router: &Router, row: impl Fn(String, String, String, &Place) -> Row) {
        let Some(gate) = &router.gate else { return };
        let mut denied: Vec<String> = Vec::new();
        for rule in &gate.rules {
            if rule.is_allowed {
                self.rows.insert(row(destination(&rule.to), ANY.into(), "tcp".into(), &rule.at));
            } else {
                denied.push(destination(&rule.to));
            }
        }
        if gate.allows_all {
            self.rows.insert(row(ANY.into(), ANY.into(), "tcp".into(), &router.id.at));
        }
        if !denied.is_empty() && (gate.allows_all || gate.rules.iter().any(|rule| rule.is_allowed)) {
            let (id, denied) = (&router.id, denied.join(", "));
            self.notes.push(format!("{id} itself refuses {denied}, where no rule before allows it"));
        }
        if !gate.allows_all && gate.rules.iter().all(|rule| !rule.is_allowed) {
            self.notes.push(format!("left out what goes through {}: its list allows nothing", router.id));
        }
    }

    /// What policy files expect towards destinations that they name.
    fn people(&mut self) {
        let written =
            self.expectations.list.iter().filter(|one| !one.is_derived && !one.to.destinations().is_empty());
        for expectation in written {
            let from = expectation.from.first().and_then(|block| block.single());
            let name = from.and_then(|address| self.expectations.cluster.pod_name(address));
            let namespace = name.and_then(|name| name.namespace);
            if !self.is_wanted(namespace.as_deref()) {
                continue;
            }
            let sources = match &expectation.source {
                Source::AnyOf(blocks) => blocks.iter().map(ToString::to_string).collect(),
                Source::NodeCalled { addresses, .. } => addresses.iter().map(ToString::to_string).collect(),
                Source::Node => self.nodes(),
                Source::Pod => expectation.from.iter().map(ToString::to_string).collect(),
                Source::Drop | Source::Unknown { .. } => Vec::new(),
            };
            for source in sources {
                for destination in expectation.to.destinations() {
                    let or_any =
                        |values: Vec<String>| if values.is_empty() { vec![ANY.to_owned()] } else { values };
                    let ports = or_any(expectation.to.values("dst_port"));
                    let protocols = or_any(expectation.to.values("proto"));
                    for port in &ports {
                        for protocol in &protocols {
                            self.rows.insert(Row {
                                namespace: namespace.clone().unwrap_or_default(),
                                source: source.clone(),
                                destination: destination.to_string(),
                                port: port.clone(),
                                protocol: protocol.clone(),
                                reason: expectation.name.clone(),
                            });
                        }
                    }
                }
            }
        }
    }

    fn nodes(&self) -> Vec<String> {
        let nodes = self.expectations.cluster.nodes.iter();
        nodes.flat_map(|node| &node.addresses).map(ToString::to_string).collect()
    }

    /// What workloads send out by themselves, by namespace.
    fn namespaces(&mut self) {
        let mut as_nodes = BTreeSet::new();
        let mut sources: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for rule in self.derived.rules.iter().filter(|rule| rule.to == To::Outside) {
            for namespace in self.namespaces_of(rule) {
                if !self.is_wanted(Some(&namespace)) {
                    continue;
                }
                match &rule.answer {
                    Answer::AnyOf(_) => {
                        let addresses = self.addresses(rule);
                        sources.entry(namespace).or_default().extend(addresses);
                    }
                    Answer::Node if !self.wanted.namespaces.is_empty() => {
                        let reason = "leaves with the address of the pod's node".to_owned();
                        let nodes = self.nodes().into_iter().map(|node| (node, reason.clone()));
                        sources.entry(namespace).or_default().extend(nodes);
                    }
                    Answer::Node => {
                        as_nodes.insert(namespace);
                    }
                    Answer::Drop => {
                        self.notes.push(format!("left out {namespace}: what it sends out is dropped"));
                    }
                    answer => self.notes.push(format!("left out {namespace}: {}", open(answer))),
                }
            }
        }
        as_nodes.retain(|name| !sources.contains_key(name));
        if !as_nodes.is_empty() && !self.wanted.destinations.is_empty() {
            self.notes.push(format!(
                "left out {} namespaces that leave with their nodes' addresses; name those that are meant with --namespace",
                as_nodes.len()
            ));
        }
        let is_open = self.wanted.destinations.is_empty() && !sources.is_empty();
        for (namespace, addresses) in sources {
            for (source, reason) in addresses {
                let row = |destination: String, port: String, protocol: String| Row {
                    namespace: namespace.clone(),
                    source: source.clone(),
                    destination,
                    port,
                    protocol,
                    reason: reason.clone(),
                };
                if self.wanted.destinations.is_empty() {
                    self.rows.insert(row(ANY.into(), ANY.into(), ANY.into()));
                }
                for (to, protocol) in self.wanted.destinations {
                    let port = if to.port == 0 { ANY.into() } else { to.port.to_string() };
                    self.rows.insert(row(to.address.to_string(), port, Protocol(*protocol).to_string()));
                }
            }
        }
        if is_open {
            self.notes.push(
                "where workloads with addresses of their own go, objects do not tell: `any` stands for it; name the destinations with --to ADDR:PORT"
                    .to_owned(),
            );
        }
        self.notes.sort();
        self.notes.dedup();
    }

    /// The namespaces of a rule, without those of routers' pods alone.
    fn namespaces_of(&self, rule: &Rule) -> BTreeSet<String> {
        let workloads = rule.who.workloads.iter().filter(|at| self.derived.router_of(**at).is_none());
        let of_workloads = workloads
            .filter(|at| !self.derived.workloads[**at].is_on_host)
            .filter_map(|at| self.derived.workloads[*at].namespace.clone());
        of_workloads
            .chain(rule.who.namespaces.iter().cloned())
            .chain(rule.who.partly.iter().cloned())
            .collect()
    }

    /// Every address that a rule's workloads may ever leave with, and why: what stands by, too.
    fn addresses(&self, rule: &Rule) -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, String> = BTreeMap::new();
        let Answer::AnyOf(exits) = &rule.answer else { return all };
        let mut add = |address: Address, why: String| {
            all.entry(address.to_string()).or_insert(why);
        };
        for exit in exits {
            let by = exit.node.as_ref().map(|node| format!(", leaves by {node}")).unwrap_or_default();
            add(exit.address, format!("egress address{by}"));
        }
        for id in rule.because.iter().filter_map(|step| step.object.as_ref()) {
            let of_namespace = self
                .objects
                .net_namespaces
                .iter()
                .filter(|one| one.id == *id)
                .flat_map(|one| &one.egress_ips);
            let of_object =
                self.objects.egress_ips.iter().filter(|one| one.id == *id).flat_map(|one| &one.wanted);
            for told in of_namespace.chain(of_object) {
                add(told.value, format!("egress address of {id}, stands by"));
            }
        }
        all
    }
}
