//! What only `egret expect export` writes of the cluster: facts that came from its objects.

use super::{Policy, Walk};
use crate::document::{Key, Node, Position, Value};
use crate::expect::derive::Workload;
use crate::expect::{Cluster, Known, PodName, Source};
use crate::filter::address::{self, is_name};
use crate::net::Block;
use crate::objects::{Id, Labels, Place};
use crate::text::Text;

impl Walk<'_> {
    /// `pods`, `tunnels`, `egress` or `senders`.
    pub(super) fn exported(&mut self, key: &Key, node: &Node, cluster: &mut Cluster) {
        let Value::Map(entries) = &node.value else {
            let next = match key.name.as_str() {
                "pods" => "write them like pods: { herasoo/web-0: 10.128.0.5 }",
                "tunnels" => "write them like tunnels: { 9059409: herasoo }",
                "senders" => "write them like senders: { 192.168.12.98: herasoo/proxy }",
                _ => "write them like egress: { 192.168.12.99: egress IP of herasoo }",
            };
            return self
                .reading
                .fault(node.at.or(key.at), format!("`{}` has keys of its own; {next}", key.name));
        };
        for (name, node) in entries {
            match key.name.as_str() {
                "pods" => self.pod(name, node, cluster),
                "tunnels" => self.tunnel(name, node, cluster),
                "senders" => self.sender(name, node, cluster),
                _ => self.egress(name, node, cluster),
            }
        }
    }

    /// Namespace and name of a pod.
    fn pod_name<'t>(&mut self, at: Position, typed: &'t str) -> Option<(Option<&'t str>, &'t str)> {
        let (namespace, name) = match typed.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, typed),
        };
        let is_named =
            |name: &str| is_name(name) || (!name.is_empty() && name.bytes().all(|b| b.is_ascii_digit()));
        if !is_named(name) || !namespace.is_none_or(is_named) {
            let shown = Text::from(typed);
            self.reading
                .fault(at, format!("`{shown}` is not the name of a pod; write it like herasoo/web-0"));
            return None;
        }
        Some((namespace, name))
    }

    fn sender(&mut self, key: &Key, node: &Node, cluster: &mut Cluster) {
        let address = address::address(&key.name)
            .map_err(|error| self.reading.fault(key.at, Text::from(&*error.to_string())));
        let typed = self.reading.one_line(key, node);
        let (Ok(address), Some(typed)) = (address, typed) else { return };
        if let Some((namespace, name)) = self.pod_name(node.at, &typed) {
            let name = PodName { namespace: namespace.map(str::to_owned), name: Some(name.to_owned()) };
            cluster.senders.push((address, name));
        }
    }

    fn pod(&mut self, key: &Key, node: &Node, cluster: &mut Cluster) {
        let Some((namespace, name)) = self.pod_name(key.at, &key.name) else { return };
        let said_by = self.place(key.at);
        let addresses = self.addresses(key, node);
        let known =
            addresses.iter().map(|one| Known { block: Block::from(one.ip()), said_by: said_by.clone() });
        cluster.pods.extend(known);
        let at = Place { file: self.name.into(), line: key.at.line, column: key.at.column };
        let namespace = namespace.map(str::to_owned);
        cluster.workloads.push(Workload {
            id: Id { kind: "Pod", namespace: namespace.clone(), name: name.to_owned(), at },
            namespace,
            labels: Labels::new(),
            node: None,
            is_on_host: false,
            addresses,
            since: None,
        });
    }

    fn tunnel(&mut self, key: &Key, node: &Node, cluster: &mut Cluster) {
        let Some(id) = key.name.parse::<u32>().ok().filter(|id| *id <= 0x00ff_ffff) else {
            let shown = Text::from(&*key.name);
            let next = "these go from 0 to 16777215";
            return self.reading.fault(key.at, format!("`{shown}` is not an id of a tunnel; {next}"));
        };
        if let Some(name) = self.reading.one_line(key, node) {
            cluster.networks.entry(id).or_insert(name);
        }
    }

    fn egress(&mut self, key: &Key, node: &Node, cluster: &mut Cluster) {
        let block = address::block(&key.name)
            .map_err(|error| self.reading.fault(key.at, Text::from(&*error.to_string())));
        if let (Ok(block), Some(said_by)) = (block, self.reading.one_line(key, node)) {
            cluster.egress.push(Known { block, said_by });
        }
    }
}

/// Gives expectations of a node by its name that node's addresses.
pub(super) fn find_nodes(policy: &mut Policy) {
    for expectation in &mut policy.expectations {
        if let Source::NodeCalled { name, addresses } = &mut expectation.source {
            let nodes = policy.cluster.nodes.iter().filter(|node| node.name.as_ref() == Some(name));
            addresses.extend(nodes.flat_map(|node| node.addresses.iter().copied()));
        }
    }
}
