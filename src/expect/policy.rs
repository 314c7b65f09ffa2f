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
//!     source: [192.168.12.99]       # any of; or one of the words node, pod, drop
//!     source_remote: [198.51.100.7] # what the far side must see
//!     optional: true                # that no flow met it is no fault
//! ```
//!
//! A list of one may be written without its brackets. What is written must say something: unknown keys, empty values and
//! empty lists are mistakes, because a forgotten address must not make an expectation speak about everything. All
//! mistakes are told at once.

use std::fmt::Display;

use crate::document::{self, Error, Fault, Key, Node, Position, Value};
use crate::expect::source::{self, Source};
use crate::expect::{Cluster, Expectation, Known, Node as ClusterNode, Origins, Wanted};
use crate::filter::address::{self, is_name};
use crate::filter::nearest::{meant, nearest};
use crate::filter::selection::Selection;
use crate::net::Block;
use crate::objects::{Labels, Selector};
use crate::text::Text;

/// What a policy file says.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    pub expectations: Vec<Expectation>,
    pub cluster: Cluster,
}

/// Most bytes of a policy file: thousands of expectations.
pub const LARGEST: usize = 4 << 20;

const KEYS: [&str; 2] = ["cluster", "expectations"];
const CLUSTER: [&str; 4] = ["pod_cidrs", "service_cidrs", "inside", "nodes"];
const EXPECTATION: [&str; 6] = ["name", "from", "to", "source", "source_remote", "optional"];
/// Addresses, and what can only be understood with the cluster's objects.
const FROM: [&str; 4] = ["pods", "namespace", "labels", "pod"];
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
        let name = Text::from(name).to_string();
        if bytes.len() > LARGEST {
            return Err(Error::TooLarge { name, bytes: bytes.len(), what: "a policy file", most: LARGEST });
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => return Err(Error::NotText { name, offset: error.valid_up_to() }),
        };
        let root = document::read(text).map_err(|(at, why)| {
            let why = format!("this cannot be read: {}", Text::from(&*why));
            Error::faulty(&name, text, vec![Fault::new(at, why)])
        })?;
        let mut reading = Reading { name: &name, faults: Vec::new() };
        let policy = reading.policy(&root);
        if reading.faults.is_empty() { Ok(policy) } else { Err(Error::faulty(&name, text, reading.faults)) }
    }
}

/// A walk through a file's tree that goes on after a mistake.
struct Reading<'a> {
    name: &'a str,
    faults: Vec<Fault>,
}

impl Reading<'_> {
    fn fault(&mut self, at: Position, message: impl Display) {
        self.faults.push(Fault::new(at, message.to_string()));
    }

    /// `policy.yaml:7`
    fn place(&self, at: Position) -> String {
        format!("{}:{}", self.name, at.line)
    }

    fn policy(&mut self, root: &Node) -> Policy {
        let mut policy = Policy::default();
        if matches!(root.value, Value::Null) {
            let next = "write `expectations:` with at least one expectation in it";
            self.fault(Position { line: 1, column: 1 }, format!("nothing is written here; {next}"));
            return policy;
        }
        for (key, node) in self.entries(root, "a policy file", &KEYS) {
            match key.name.as_str() {
                "cluster" => policy.cluster = self.cluster(node),
                _ => policy.expectations = self.expectations(key, node),
            }
        }
        policy
    }

    fn cluster(&mut self, node: &Node) -> Cluster {
        let mut cluster = Cluster::default();
        for (key, node) in self.entries(node, "`cluster`", &CLUSTER) {
            match key.name.as_str() {
                "pod_cidrs" => cluster.pods = self.known(key, node),
                "service_cidrs" => cluster.services = self.known(key, node),
                "inside" => cluster.inside = self.known(key, node),
                _ => cluster.nodes = self.nodes(key, node),
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
                self.fault(name.at, format!("`{shown}` is not the name of a node; write it like worker1"));
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
            Value::List(items) if items.is_empty() => self.fault(node.at, empty(key)),
            Value::List(items) => return items.iter().filter_map(|item| self.expectation(item)).collect(),
            Value::Null => self.fault(key.at, empty(key)),
            _ => self.fault(node.at, "`expectations` is a list; write each expectation behind a `-`"),
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
        let before = self.faults.len();
        let entries = self.entries(node, "an expectation", &EXPECTATION);
        for &(key, node) in &entries {
            match key.name.as_str() {
                "name" => expectation.name = self.one_line(key, node).unwrap_or_default(),
                "from" => (expectation.from, expectation.origins.wanted) = self.from(key, node),
                "to" => expectation.to = self.to(key, node),
                "source" => source = self.source(key, node),
                "source_remote" => {
                    expectation.source_remote = self.values(key, node, |_, value| source::block(value));
                }
                _ => expectation.optional = self.flag(key, node),
            }
        }
        if !entries.iter().any(|(key, _)| key.name == "source") && self.faults.len() == before {
            let next = "write source: 192.168.12.99, or one of the words node, pod, drop";
            self.fault(node.at, format!("this expectation has no `source`; {next}"));
        }
        expectation.source = source?;
        Some(expectation)
    }

    fn one_line(&mut self, key: &Key, node: &Node) -> Option<String> {
        let Value::Scalar(text) = &node.value else {
            self.fault(node.at.or(key.at), format!("`{}` is a line of text; put it in quotes", key.name));
            return None;
        };
        let shown = Text::from(text.as_str()).to_string();
        if text.trim().is_empty() || shown != text.replace('\\', "\\\\") {
            let next = "write it on one line without control characters";
            self.fault(node.at, format!("`{}` is not a line of text; {next}", key.name));
            return None;
        }
        Some(text.trim().to_owned())
    }

    fn flag(&mut self, key: &Key, node: &Node) -> bool {
        if let Value::Bool(flag) = node.value {
            return flag;
        }
        self.fault(node.at.or(key.at), format!("`{}` is true or false, without quotes", key.name));
        false
    }

    /// Addresses of pods, and pods by what the cluster's objects say of them.
    fn from(&mut self, key: &Key, node: &Node) -> (Vec<Block>, Option<Wanted>) {
        let mut blocks = Vec::new();
        let mut wanted = Wanted { place: self.place(key.at), ..Wanted::default() };
        let Value::Map(entries) = &node.value else {
            let next = "write the addresses of pods like from: { pods: [10.128.0.5, 10.128.1.0/24] }";
            self.fault(node.at.or(key.at), format!("`from` has keys of its own; {next}"));
            return (blocks, None);
        };
        if entries.is_empty() {
            self.fault(node.at, empty(key));
        }
        for (key, node) in entries {
            match key.name.as_str() {
                "pods" => blocks = self.blocks(key, node),
                "namespace" => wanted.namespaces = self.values(key, node, name_of),
                "pod" => wanted.pods = self.values(key, node, name_of),
                "labels" => wanted.labels = Some(self.labels(key, node)),
                _ => self.unknown(key, "`from`", &FROM),
            }
        }
        let is_wanted = !wanted.namespaces.is_empty() || !wanted.pods.is_empty() || wanted.labels.is_some();
        (blocks, is_wanted.then_some(wanted))
    }

    /// Labels that a pod must have, each with its value.
    fn labels(&mut self, key: &Key, node: &Node) -> Selector {
        let mut labels = Labels::new();
        let Value::Map(entries) = &node.value else {
            self.fault(
                node.at.or(key.at),
                "`labels` are keys with values; write them like labels: { app: web }",
            );
            return Selector::default();
        };
        if entries.is_empty() {
            self.fault(node.at, empty(key));
        }
        for (key, node) in entries {
            match &node.value {
                Value::Scalar(value) => {
                    labels.insert(key.name.clone(), value.clone());
                }
                Value::Null => self.fault(key.at, empty(key)),
                _ => self.fault(
                    node.at,
                    format!("the value of `{}` is text; put it in quotes", Text::from(&*key.name)),
                ),
            }
        }
        Selector::of_labels(&labels)
    }

    fn to(&mut self, key: &Key, node: &Node) -> Selection {
        let mut selection = Selection::default();
        let Value::Map(entries) = &node.value else {
            let next = "write them like to: { dst: 203.0.113.0/24, dst_port: 443 }";
            self.fault(node.at.or(key.at), format!("`to` has keys of its own; {next}"));
            return selection;
        };
        if entries.is_empty() {
            self.fault(node.at, empty(key));
        }
        for (key, node) in entries {
            match key.name.as_str() {
                name if TO.contains(&name) => {
                    self.values(key, node, |key, value| selection.add(&key.name, value));
                }
                name if NOT_TO.contains(&name) => {
                    let next = "write where it comes from as from: { pods: [10.128.0.5] }";
                    self.fault(
                        key.at,
                        format!("`{name}` is about the source, and `to` about the destination; {next}"),
                    );
                }
                _ => self.unknown(key, "`to`", &TO),
            }
        }
        selection
    }

    /// `None` after a mistake.
    fn source(&mut self, key: &Key, node: &Node) -> Option<Source> {
        let before = self.faults.len();
        let items = self.values(key, node, |_, value| source::Item::parse(value));
        if self.faults.len() > before {
            return None;
        }
        Source::from_items(&items).map_err(|error| self.fault(node.at, error)).ok()
    }

    fn blocks(&mut self, key: &Key, node: &Node) -> Vec<Block> {
        self.values(key, node, |_, value| address::block(value))
    }

    fn addresses(&mut self, key: &Key, node: &Node) -> Vec<crate::net::Address> {
        self.values(key, node, |_, value| address::address(value))
    }

    /// The values under `key`, one or a list of them, each as `read` understands it.
    fn values<T, E: Display>(
        &mut self,
        key: &Key,
        node: &Node,
        mut read: impl FnMut(&Key, &str) -> Result<T, E>,
    ) -> Vec<T> {
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        if items.is_empty() {
            self.fault(node.at, empty(key));
        }
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match &item.value {
                Value::Scalar(text) => match read(key, text) {
                    Ok(value) => values.push(value),
                    Err(error) => self.fault(item.at, Text::from(&*error.to_string())),
                },
                Value::Null => self.fault(item.at.or(key.at), empty(key)),
                _ => {
                    let next = "write one value, or several like [a, b]";
                    self.fault(item.at, format!("this is not a value of `{}`; {next}", key.name));
                }
            }
        }
        values
    }

    /// The entries of a map whose keys are `known`; others are mistakes.
    fn entries<'n>(&mut self, node: &'n Node, what: &str, known: &[&str]) -> Vec<(&'n Key, &'n Node)> {
        let Value::Map(entries) = &node.value else {
            self.fault(node.at, format!("{what} has keys of its own: {}", known.join(", ")));
            return Vec::new();
        };
        let (good, unknown): (Vec<_>, Vec<_>) =
            entries.iter().map(|(key, node)| (key, node)).partition(|(key, _)| known.contains(&&*key.name));
        for (key, _) in unknown {
            self.unknown(key, what, known);
        }
        good
    }

    fn unknown(&mut self, key: &Key, what: &str, known: &[&str]) {
        let meant = meant(nearest(&key.name, known.iter().copied()));
        let keys = if known.len() == 1 { "its key is" } else { "the keys are" };
        let shown = Text::from(&*key.name);
        self.fault(key.at, format!("`{shown}` is not a key of {what}{meant}; {keys} {}", known.join(", ")));
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

fn empty(key: &Key) -> String {
    format!("`{}` is empty; write a value, or leave the key out", Text::from(&*key.name))
}

#[cfg(test)]
mod tests;
