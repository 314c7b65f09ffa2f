//! Expectations and facts from a policy file.
//!
//! ```yaml
//! cluster:
//!   pod_cidrs: [10.128.0.0/14]
//!   service_cidrs: [172.30.0.0/16]
//!   inside: [10.0.0.0/24]
//!   nodes: { worker1: 192.168.12.11, worker2: [192.168.12.12, "fd00:12::12"] }
//! expectations:
//!   - name: herasoo reaches the partner with its own address
//!     from: { pods: [10.128.0.5, 10.128.1.0/24] } # or, with the cluster's objects, by namespace, labels, pod
//!     to: { dst: 203.0.113.0/24, dst_port: [80, 443] }
//!     source: [192.168.12.99]       # any of; or one of the words node, pod, drop; or `node worker1`, one of those above
//!     source_remote: [198.51.100.7] # what the far side must see
//!     optional: true                # that no flow met it is no fault
//! ```
//!
//! What `egret expect export` writes has more: of the cluster `pods` with their names, namespaces by the ids of their `tunnels`,
//! whose `egress` addresses are, and which of these are a proxy's own (`senders`); of an expectation the `because`, that it is
//! `derived`, what is `unknown` in the place of a source, and in its `from` the namespaces of pods that nobody names
//! (`other_pods_of`, `perhaps_pods_of`).
//!
//! A list of one may be written without its brackets. What is written must say something: unknown keys, empty values and
//! empty lists are mistakes, because a forgotten address must not make an expectation speak about everything. All
//! mistakes are told at once.

mod exported;

use crate::document::{self, Key, Node, Position, Reading, Value, empty};
use crate::expect::source::{self, Source};
use crate::expect::{Cluster, Expectation, Known, Node as ClusterNode, Origins, Wanted};
use crate::filter::address::{self, is_name};
use crate::filter::selection::Selection;
use crate::net::Block;
use crate::objects::{Labels, Selector};
use crate::text::{Text, is_deceptive};

/// What a policy file says.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    pub expectations: Vec<Expectation>,
    pub cluster: Cluster,
}

pub use crate::document::{Error, LARGEST};

const KEYS: [&str; 2] = ["cluster", "expectations"];
const CLUSTER: [&str; 8] =
    ["pod_cidrs", "service_cidrs", "inside", "nodes", "pods", "tunnels", "egress", "senders"];
const EXPECTATION: [&str; 9] =
    ["name", "from", "to", "source", "source_remote", "optional", "unknown", "derived", "because"];
/// Addresses, and what can only be understood with the cluster's objects.
const FROM: [&str; 6] = ["pods", "namespace", "labels", "pod", "other_pods_of", "perhaps_pods_of"];
/// Stands for every namespace.
pub(super) const ANY: &str = "*";
/// The terms of a selection that speak about a destination.
const TO: [&str; 12] = [
    "dst",
    "dst_port",
    "proto",
    "host",
    "net",
    "port",
    "not_dst",
    "not_dst_port",
    "not_proto",
    "not_host",
    "not_net",
    "not_port",
];
/// The terms that speak about a source, which is `from`'s to do.
const NOT_TO: [&str; 4] = ["src", "src_port", "not_src", "not_src_port"];

impl Policy {
    /// What the file called `name` says, whose content is `bytes`.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, Error> {
        document::understood(name, "a policy file", bytes, |name, root, reading| {
            Walk { name, reading, called: Vec::new() }.policy(root)
        })
    }
}

/// A walk through a file's tree that goes on after a mistake.
struct Walk<'a> {
    name: &'a str,
    reading: &'a mut Reading,
    /// Nodes that expectations call by their names, and where.
    called: Vec<(String, Position)>,
}

impl Walk<'_> {
    /// `policy.yaml:7`
    fn place(&self, at: Position) -> String {
        format!("{}:{}", self.name, at.line)
    }

    fn policy(&mut self, root: &Node) -> Policy {
        let mut policy = Policy::default();
        if matches!(root.value, Value::Null) {
            let next = "write `expectations:` with at least one expectation in it";
            self.reading.fault(Position { line: 1, column: 1 }, format!("nothing is written here; {next}"));
            return policy;
        }
        for (key, node) in self.reading.entries(root, "a policy file", &KEYS) {
            match key.name.as_str() {
                "cluster" => policy.cluster = self.cluster(node),
                _ => policy.expectations = self.expectations(key, node),
            }
        }
        exported::find_nodes(&mut policy);
        for (name, at) in std::mem::take(&mut self.called) {
            if !policy.cluster.nodes.iter().any(|node| node.name.as_ref() == Some(&name)) {
                let next = "write it among the `nodes` of `cluster`, with its address";
                self.reading.fault(at, format!("`{name}` is not a node of this file; {next}"));
            }
        }
        policy
    }

    fn cluster(&mut self, node: &Node) -> Cluster {
        let mut cluster = Cluster::default();
        for (key, node) in self.reading.entries(node, "`cluster`", &CLUSTER) {
            match key.name.as_str() {
                "pod_cidrs" => cluster.pods = self.known(key, node),
                "service_cidrs" => cluster.services = self.known(key, node),
                "inside" => cluster.inside = self.known(key, node),
                "nodes" => cluster.nodes = self.nodes(key, node),
                _ => self.exported(key, node, &mut cluster),
            }
        }
        cluster
    }

    fn known(&mut self, key: &Key, node: &Node) -> Vec<Known> {
        let said_by = self.place(key.at);
        let blocks = self.blocks(key, node);
        blocks.into_iter().map(|block| Known { block, said_by: said_by.clone() }).collect()
    }

    /// Nodes under their names, or their addresses alone.
    fn nodes(&mut self, key: &Key, node: &Node) -> Vec<ClusterNode> {
        let Value::Map(entries) = &node.value else {
            let addresses = self.addresses(key, node);
            let said_by = self.place(key.at);
            let node =
                |address| ClusterNode { name: None, addresses: vec![address], said_by: said_by.clone() };
            return addresses.into_iter().map(node).collect();
        };
        let mut nodes = Vec::with_capacity(entries.len());
        for (name, node) in entries {
            if !is_name(&name.name) {
                let shown = Text::from(&*name.name);
                self.reading
                    .fault(name.at, format!("`{shown}` is not the name of a node; write it like worker1"));
            }
            nodes.push(ClusterNode {
                name: Some(name.name.clone()),
                addresses: self.addresses(name, node),
                said_by: self.place(name.at),
            });
        }
        nodes
    }

    fn expectations(&mut self, key: &Key, node: &Node) -> Vec<Expectation> {
        match &node.value {
            Value::List(items) if items.is_empty() => self.reading.fault(node.at, empty(key)),
            Value::List(items) => return items.iter().filter_map(|item| self.expectation(item)).collect(),
            Value::Null => self.reading.fault(key.at, empty(key)),
            _ => self.reading.fault(node.at, "`expectations` is a list; write each expectation behind a `-`"),
        }
        Vec::new()
    }

    fn expectation(&mut self, node: &Node) -> Option<Expectation> {
        let place = self.place(node.at);
        let mut expectation = Expectation {
            name: place.clone(),
            from: Vec::new(),
            origins: Origins::default(),
            is_derived: false,
            to: Selection::default(),
            source: Source::Drop,
            source_remote: Vec::new(),
            optional: false,
            because: vec![place],
        };
        let mut source = None;
        let before = self.reading.count();
        let entries = self.reading.entries(node, "an expectation", &EXPECTATION);
        for &(key, node) in &entries {
            match key.name.as_str() {
                "name" => expectation.name = self.reading.one_line(key, node).unwrap_or_default(),
                "from" => (expectation.from, expectation.origins) = self.from(key, node),
                "to" => expectation.to = self.to(key, node),
                "source" => source = self.source(key, node),
                "unknown" => {
                    source = self.reading.one_line(key, node).map(|missing| Source::Unknown { missing });
                }
                "derived" => expectation.is_derived = self.reading.flag(key, node),
                "because" => {
                    let line = |_: &Key, text: &str| {
                        let is_line = !text.chars().any(is_deceptive);
                        is_line
                            .then(|| text.to_owned())
                            .ok_or_else(|| format!("`{text}` is not a line of text"))
                    };
                    expectation.because = self.reading.values(key, node, line);
                }
                "source_remote" => {
                    expectation.source_remote =
                        self.reading.values(key, node, |_, value| source::block(value));
                }
                _ => expectation.optional = self.reading.flag(key, node),
            }
        }
        let has = |name: &str| entries.iter().any(|(key, _)| key.name == name);
        if expectation.is_derived && !has("because") {
            expectation.because.clear();
        }
        if has("source") && has("unknown") {
            let next = "leave one of them out";
            self.reading.fault(node.at, format!("a source is either known or `unknown`; {next}"));
        }
        if !has("source") && !has("unknown") && self.reading.count() == before {
            let next = "write source: 192.168.12.99, or one of the words node, pod, drop";
            self.reading.fault(node.at, format!("this expectation has no `source`; {next}"));
        }
        expectation.source = source?;
        Some(expectation)
    }

    /// Addresses of pods, and pods by what the cluster's objects say of them.
    fn from(&mut self, key: &Key, node: &Node) -> (Vec<Block>, Origins) {
        let mut origins = Origins::default();
        let mut blocks = Vec::new();
        let mut wanted = Wanted { place: self.place(key.at), ..Wanted::default() };
        let Value::Map(entries) = &node.value else {
            let next = "write the addresses of pods like from: { pods: [10.128.0.5, 10.128.1.0/24] }";
            self.reading.fault(node.at.or(key.at), format!("`from` has keys of its own; {next}"));
            return (blocks, origins);
        };
        if entries.is_empty() {
            self.reading.fault(node.at, empty(key));
        }
        for (key, node) in entries {
            match key.name.as_str() {
                "pods" => blocks = self.blocks(key, node),
                "namespace" => wanted.namespaces = self.reading.values(key, node, name_of),
                "pod" => wanted.pods = self.reading.values(key, node, name_of),
                "labels" => wanted.labels = Some(self.labels(key, node)),
                "other_pods_of" => origins.namespaces.extend(self.reading.values(key, node, name_of)),
                "perhaps_pods_of" => {
                    let name = |key: &Key, typed: &str| {
                        if typed == ANY { Ok(ANY.to_owned()) } else { name_of(key, typed) }
                    };
                    origins.partly.extend(self.reading.values(key, node, name));
                    origins.anywhere = origins.partly.remove(ANY);
                }
                _ => self.reading.unknown(key, "`from`", &FROM),
            }
        }
        let is_wanted = !wanted.namespaces.is_empty() || !wanted.pods.is_empty() || wanted.labels.is_some();
        origins.wanted = is_wanted.then_some(wanted);
        (blocks, origins)
    }

    /// Labels that a pod must have, each with its value.
    fn labels(&mut self, key: &Key, node: &Node) -> Selector {
        let mut labels = Labels::new();
        let Value::Map(entries) = &node.value else {
            let next = "write them like labels: { app: web }";
            self.reading.fault(node.at.or(key.at), format!("`labels` are keys with values; {next}"));
            return Selector::default();
        };
        if entries.is_empty() {
            self.reading.fault(node.at, empty(key));
        }
        for (key, node) in entries {
            match &node.value {
                Value::Scalar(value) => {
                    labels.insert(key.name.clone(), value.clone());
                }
                Value::Null => self.reading.fault(key.at, empty(key)),
                _ => {
                    let name = Text::from(&*key.name);
                    self.reading.fault(node.at, format!("the value of `{name}` is text; put it in quotes"));
                }
            }
        }
        Selector::of_labels(&labels)
    }

    fn to(&mut self, key: &Key, node: &Node) -> Selection {
        let mut selection = Selection::default();
        let Value::Map(entries) = &node.value else {
            let next = "write them like to: { dst: 203.0.113.0/24, dst_port: 443 }";
            self.reading.fault(node.at.or(key.at), format!("`to` has keys of its own; {next}"));
            return selection;
        };
        if entries.is_empty() {
            self.reading.fault(node.at, empty(key));
        }
        for (key, node) in entries {
            match key.name.as_str() {
                name if TO.contains(&name) => {
                    self.reading.values(key, node, |key, value| selection.add(&key.name, value));
                }
                name if NOT_TO.contains(&name) => {
                    let next = "write where it comes from as from: { pods: [10.128.0.5] }";
                    self.reading.fault(
                        key.at,
                        format!("`{name}` is about the source, and `to` about the destination; {next}"),
                    );
                }
                _ => self.reading.unknown(key, "`to`", &TO),
            }
        }
        selection
    }

    /// `None` after a mistake.
    fn source(&mut self, key: &Key, node: &Node) -> Option<Source> {
        let before = self.reading.count();
        if let Value::Scalar(text) = &node.value
            && let Some(name) = text.strip_prefix("node ")
        {
            let name = name_of(key, name).map_err(|error| self.reading.fault(node.at, error)).ok()?;
            self.called.push((name.clone(), node.at));
            return Some(Source::NodeCalled { name, addresses: Vec::new() });
        }
        let items = self.reading.values(key, node, |_, value| source::Item::parse(value));
        if self.reading.count() > before {
            return None;
        }
        Source::from_items(&items).map_err(|error| self.reading.fault(node.at, error)).ok()
    }

    fn blocks(&mut self, key: &Key, node: &Node) -> Vec<Block> {
        self.reading.values(key, node, |_, value| address::block(value))
    }

    fn addresses(&mut self, key: &Key, node: &Node) -> Vec<crate::net::Address> {
        self.reading.values(key, node, |_, value| address::address(value))
    }
}

/// The name of a namespace or a pod.
fn name_of(_: &Key, typed: &str) -> Result<String, String> {
    if is_name(typed) || (!typed.is_empty() && typed.bytes().all(|byte| byte.is_ascii_digit())) {
        Ok(typed.to_owned())
    } else {
        Err(format!("`{typed}` is not a name; write it like herasoo"))
    }
}

#[cfg(test)]
mod tests;
