//! What each workload should leave with, a line each: who → where to → with which source → by which node → because.
//!
//! Order is that of what holds first: what people wrote, what goes through routers, what is forbidden, and what every
//! workload leaves with. Workloads of one namespace and node with the same rule share a line; all of them are named.

mod routers;

use std::collections::{BTreeMap, HashSet};

use super::derive::denial::Rules;
use super::derive::{Answer, Derived, Explained, To};
use super::{Cluster, Expectation, Expectations, Source};
use crate::objects::{FirewallTo, Id, Objects, Phase};
use crate::text::plain;

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `None` where it is about several, or nobody says.
    pub namespace: Option<String>,
    /// Workloads by name, or who else, in words.
    pub who: Vec<String>,
    /// In words: `203.0.113.25:443`, `outside`.
    pub to: String,
    pub answer: Kind,
    /// Addresses; of a node as far as they are known.
    pub sources: Vec<String>,
    /// The node that it leaves by, where that is one.
    pub node: Option<String>,
    /// What is missing, where the answer is unknown.
    pub missing: Option<String>,
    pub because: Vec<String>,
}

/// What an answer is, without its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    AnyOf,
    Node,
    Pod,
    Drop,
    NotEgress,
    Unknown,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::AnyOf => "any-of",
            Self::Node => "node",
            Self::Pod => "pod",
            Self::Drop => "drop",
            Self::NotEgress => "not-egress",
            Self::Unknown => "unknown",
        }
    }
}

impl Line {
    /// The source in words: `192.168.12.98 or 192.168.12.99`, `192.168.12.11 (node)`, `drop`.
    pub fn source(&self) -> String {
        match self.answer {
            Kind::AnyOf => self.sources.join(" or "),
            Kind::Node if self.sources.is_empty() => "node".to_owned(),
            Kind::Node => format!("{} (node)", self.sources.join(" or ")),
            Kind::Pod => "pod".to_owned(),
            Kind::Drop => "drop".to_owned(),
            Kind::NotEgress => "not egress".to_owned(),
            Kind::Unknown => "unknown".to_owned(),
        }
    }

    /// What a connection comes to.
    pub fn of_connection(who: &str, to: &str, explained: &Explained, cluster: &Cluster) -> Self {
        let mut line = Self::of(&explained.answer, explained.node.as_deref(), cluster);
        line.who = vec![who.to_owned()];
        to.clone_into(&mut line.to);
        line.because = explained.because.iter().map(ToString::to_string).collect();
        line.clean();
        line
    }

    /// Names of nodes, hosts and the like may be anything.
    fn clean(&mut self) {
        let lists = [&mut self.who, &mut self.sources, &mut self.because];
        let single = [self.namespace.as_mut(), self.node.as_mut(), self.missing.as_mut(), Some(&mut self.to)];
        for text in lists.into_iter().flatten().chain(single.into_iter().flatten()) {
            *text = plain(text);
        }
    }

    fn of(answer: &Answer, node: Option<&str>, cluster: &Cluster) -> Self {
        let mut line = Self {
            namespace: None,
            who: Vec::new(),
            to: "outside".to_owned(),
            answer: Kind::NotEgress,
            sources: Vec::new(),
            node: node.map(str::to_owned),
            missing: None,
            because: Vec::new(),
        };
        match answer {
            Answer::AnyOf(exits) => {
                line.answer = Kind::AnyOf;
                for exit in exits {
                    let address = exit.address.to_string();
                    if !line.sources.contains(&address) {
                        line.sources.push(address);
                    }
                }
                line.node = answer.node().map(str::to_owned);
            }
            Answer::Node => {
                line.answer = Kind::Node;
                let of_node =
                    cluster.nodes.iter().filter(|one| one.name.as_deref() == node && node.is_some());
                line.sources = of_node.flat_map(|one| &one.addresses).map(ToString::to_string).collect();
            }
            Answer::Pod => line.answer = Kind::Pod,
            Answer::Drop => line.answer = Kind::Drop,
            Answer::NotEgress => {}
            Answer::Unknown { missing } => {
                line.answer = Kind::Unknown;
                line.missing = Some(missing.clone());
            }
        }
        line
    }
}

/// All lines; `written` are what people wrote, before all else.
pub fn lines(expectations: &Expectations, objects: &Objects, derived: &Derived) -> Vec<Line> {
    let cluster = &expectations.cluster;
    let written = expectations.list.iter().filter(|expectation| !expectation.is_derived);
    let mut lines: Vec<Line> = written.map(|expectation| by_people(expectation, cluster)).collect();
    lines.extend(routers::lines(objects, derived, cluster));
    lines.extend(denied(derived, cluster));
    lines.extend(of_workloads(objects, derived, cluster));
    lines.iter_mut().for_each(Line::clean);
    lines
}

fn by_people(expectation: &Expectation, cluster: &Cluster) -> Line {
    let answer = match &expectation.source {
        Source::AnyOf(_) => Answer::AnyOf(Vec::new()),
        Source::Node | Source::NodeCalled { .. } => Answer::Node,
        Source::Pod => Answer::Pod,
        Source::Drop => Answer::Drop,
        Source::Unknown { missing } => Answer::Unknown { missing: missing.clone() },
    };
    let node = match &expectation.source {
        Source::NodeCalled { name, .. } => Some(name.as_str()),
        _ => None,
    };
    let mut line = Line::of(&answer, node, cluster);
    if matches!(expectation.source, Source::AnyOf(_)) {
        line.sources = expectation.source.words();
    }
    line.who = expectation
        .from
        .iter()
        .map(|block| {
            let name = block.single().and_then(|address| cluster.pod_name(address));
            name.map_or_else(|| block.to_string(), |name| name.to_string())
        })
        .collect();
    if line.who.is_empty() {
        line.who.push(
            if expectation.is_from_everywhere() { "everybody" } else { "pods that are not known" }.to_owned(),
        );
    }
    if !expectation.to.is_empty() {
        line.to = expectation.to.to_string();
    }
    line.because.clone_from(&expectation.because);
    if !line.because.contains(&expectation.name) {
        line.because.insert(0, expectation.name.clone());
    }
    line
}

/// `herasoo/router`, or `router` where no namespace is told.
pub fn name(id: &Id) -> String {
    match &id.namespace {
        Some(namespace) => format!("{namespace}/{}", id.name),
        None => id.name.clone(),
    }
}

/// What firewalls and policies deny.
fn denied(derived: &Derived, cluster: &Cluster) -> Vec<Line> {
    let mut lines = Vec::new();
    for denial in derived.denials.iter().filter(|denial| !denial.workloads.is_empty()) {
        let who: Vec<String> = denial.workloads.iter().map(|at| name(&derived.workloads[*at].id)).collect();
        let namespace = derived.workloads[denial.workloads[0]].namespace.clone();
        let mut push = |to: String, because: String| {
            let line = Line::of(&Answer::Drop, None, cluster);
            let (namespace, who) = (namespace.clone(), who.clone());
            lines.push(Line { namespace, who, to, because: vec![because], ..line });
        };
        match &denial.rules {
            Rules::Firewall(rules) => {
                let mut has_allowed = false;
                for rule in rules {
                    has_allowed |= rule.is_allowed;
                    if rule.is_allowed {
                        continue;
                    }
                    let to = match &rule.to {
                        FirewallTo::Block(block) => block.to_string(),
                        FirewallTo::Name(name) => name.clone(),
                        FirewallTo::Nodes(selector) => format!("nodes with {selector}"),
                    };
                    let but = if has_allowed { ", but for what it allows before" } else { "" };
                    let ports: Vec<String> = rule.ports.iter().map(|port| port.port.to_string()).collect();
                    let ports =
                        if ports.is_empty() { String::new() } else { format!(" port {}", ports.join(", ")) };
                    push(format!("{to}{ports}{but}"), format!("{} denies it ({})", denial.id, rule.at));
                }
            }
            Rules::Policy { rules, is_heeded } => {
                let to = if rules.is_empty() { "everywhere" } else { "what no rule allows" };
                let doubt = if *is_heeded { "" } else { ", if the network of this release heeds that" };
                push(to.to_owned(), format!("{} selects the pods{doubt} ({})", denial.id, denial.id.at));
            }
        }
    }
    lines
}

/// Namespace, rule, node: workloads that share a line.
type Key<'a> = (Option<&'a str>, usize, Option<&'a str>);

/// What each workload leaves with, towards the outside. Pods that have finished send nothing.
fn of_workloads(objects: &Objects, derived: &Derived, cluster: &Cluster) -> Vec<Line> {
    let finished: HashSet<&Id> =
        objects.pods.iter().filter(|pod| pod.phase == Phase::Finished).map(|pod| &pod.id).collect();
    let mut groups: BTreeMap<Key<'_>, Vec<usize>> = BTreeMap::new();
    for (at, workload) in derived.workloads.iter().enumerate() {
        if let Some(rule) = derived.first[at].filter(|_| !finished.contains(&workload.id)) {
            let key = (workload.namespace.as_deref(), rule, workload.node.as_deref());
            groups.entry(key).or_default().push(at);
        }
    }
    let mut lines: Vec<Line> = groups
        .into_iter()
        .map(|((namespace, rule, node), workloads)| {
            let rule = &derived.rules[rule];
            let line = Line::of(&rule.answer, node, cluster);
            Line {
                namespace: namespace.map(str::to_owned),
                who: workloads.iter().map(|at| name(&derived.workloads[*at].id)).collect(),
                because: rule.because.iter().map(ToString::to_string).collect(),
                ..line
            }
        })
        .collect();
    lines.extend(of_empty_namespaces(derived, cluster));
    lines
}

/// Namespaces with an answer of their own of which no workload is among the objects.
fn of_empty_namespaces(derived: &Derived, cluster: &Cluster) -> Vec<Line> {
    // A router answers for itself alone.
    let own = derived.workloads.iter().enumerate().filter(|(at, _)| derived.router_of(*at).is_none());
    let inhabited: HashSet<&str> = own.filter_map(|(_, workload)| workload.namespace.as_deref()).collect();
    let has_workload = |namespace: &str| inhabited.contains(namespace);
    let mut told: Vec<&str> = Vec::new();
    let mut lines = Vec::new();
    for rule in derived.rules.iter().filter(|rule| rule.to == To::Outside && rule.answer != Answer::Node) {
        for namespace in rule.who.namespaces.iter().filter(|name| !has_workload(name)) {
            if told.contains(&namespace.as_str()) {
                continue;
            }
            told.push(namespace);
            let line = Line::of(&rule.answer, None, cluster);
            lines.push(Line {
                namespace: Some(namespace.clone()),
                who: vec![format!("pods of {namespace}")],
                because: rule.because.iter().map(ToString::to_string).collect(),
                ..line
            });
        }
    }
    lines
}
