//! Brings together what the command line, the environment and policy files say, in this order of precedence.
//!
//! Precedence is order: expectations of the command line are tried before those of files, and where two say whose an
//! address is, the first is believed. Then what follows from the whole is drawn:
//! 1. every expected source is inside the cluster, and so is every `from`, which is also a pod's;
//! 2. a pod whose address is a node's runs on the host's network, and its address identifies nobody;
//! 3. `node` cannot be expected where no node's address is known.
//!
//! What is possible but probably not meant is a warning, a line each.

use std::collections::{HashMap, HashSet};

use crate::expect::environment::Environment;
use crate::expect::flags::{self, Flags};
use crate::expect::policy::Policy;
use crate::expect::source::is_everything;
use crate::expect::{Cluster, Expectation, Expectations, Known, Node, Source};
use crate::net::{Address, Block};

/// What is expected cannot be brought together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Flags(#[from] flags::Error),
    #[error(
        "--expect-remote says what the far side must see, but not of which flows; add --expect or a policy file"
    )]
    RemoteAlone,
    #[error(
        "{block} ({said_by}) makes every address inside, and then nothing leaves; write the cluster's own ranges"
    )]
    NothingOutside { block: Block, said_by: String },
    #[error(
        "{place}: namespace, labels and names of pods can only be understood with the cluster's objects; give these with \
         --cluster, or write the addresses of the pods: pods: [10.128.0.5, 10.128.1.0/24]"
    )]
    NoObjects { place: String },
}

impl Expectations {
    /// All that is expected and known, and what about it is probably not meant.
    pub fn from_parts(
        flags: &Flags,
        environment: Environment,
        files: Vec<Policy>,
    ) -> Result<(Self, Vec<String>), Error> {
        let Environment { cluster: of_environment, mut warnings } = environment;
        let mut list = flags.expectations()?;
        let mut cluster = flags.cluster();
        cluster.append(of_environment);
        for file in files {
            list.extend(file.expectations);
            cluster.append(file.cluster);
        }
        let ranges = [&cluster.pods, &cluster.services, &cluster.inside].into_iter().flatten();
        if let Some(Known { block, said_by }) = ranges.into_iter().find(|known| is_everything(known.block)) {
            return Err(Error::NothingOutside { block: *block, said_by: said_by.clone() });
        }
        warnings.extend(find_pods(&mut list, &cluster)?);
        warnings.extend(apply_remote(&flags.expect_remote, &mut list)?);
        let (nodes, contradictions) = by_address(&cluster.nodes);
        warnings.extend(forget_pods_on_the_hosts_network(&mut cluster.pods, &nodes));
        warnings.extend(contradictions);
        let written = list.iter().filter(|expectation| !expectation.is_derived);
        warnings.extend(written.flat_map(|expectation| doubts(expectation, &nodes)));
        warnings.extend(never_reached(&list));
        warnings.extend(same_names(&list));
        Ok((Self::new(list, cluster), warnings))
    }

    /// These expectations, and all that follows from them and from what is known of the cluster.
    pub fn new(mut list: Vec<Expectation>, mut cluster: Cluster) -> Self {
        for expectation in &mut list {
            if cluster.nodes.is_empty() && expectation.source == Source::Node {
                let missing = "the nodes' addresses (--node-ip, NODE_IP, or `nodes` in a policy file)";
                expectation.source = Source::Unknown { missing: missing.to_owned() };
            }
        }
        // Whose an address is that follows from objects, these have said.
        let mut told: HashSet<Block> = cluster.egress.iter().map(|known| known.block).collect();
        for expectation in &list {
            for &block in expected(expectation) {
                if !expectation.is_derived || told.insert(block) {
                    cluster.egress.push(Known { block, said_by: expected_by(&expectation.name) });
                }
            }
        }
        let pods = pods_of(&list, &cluster);
        cluster.pods.extend(pods);
        Self { list, cluster, ..Self::default() }
    }
}

impl Cluster {
    fn append(&mut self, other: Self) {
        self.pods.extend(other.pods);
        self.services.extend(other.services);
        self.nodes.extend(other.nodes);
        self.inside.extend(other.inside);
        self.egress.extend(other.egress);
        self.workloads.extend(other.workloads);
        self.names.extend(other.names);
        self.senders.extend(other.senders);
        for (id, namespace) in other.networks {
            self.networks.entry(id).or_insert(namespace);
        }
        self.printed = self.printed.max(other.printed);
        self.is_described |= other.is_described;
    }
}

/// Gives expectations about pods by name, label or namespace the addresses of these.
fn find_pods(list: &mut [Expectation], cluster: &Cluster) -> Result<Vec<String>, Error> {
    let mut warnings = Vec::new();
    for expectation in list {
        let Some(wanted) = expectation.origins.wanted.clone() else { continue };
        if !cluster.is_described {
            return Err(Error::NoObjects { place: wanted.place });
        }
        let before = expectation.from.len();
        for workload in cluster.workloads.iter().filter(|workload| wanted.means(workload)) {
            expectation.from.extend(workload.addresses.iter().map(|address| Block::from(address.ip())));
        }
        // A pod that no object names may be one of these, too.
        let is_whole = wanted.labels.is_none() && wanted.pods.is_empty();
        let names = wanted.namespaces.iter().cloned();
        if is_whole {
            expectation.origins.namespaces.extend(names);
        } else {
            expectation.origins.partly.extend(names);
        }
        if expectation.from.len() == before {
            warnings.push(format!(
                "\"{}\" ({}): none of the cluster's pods is meant",
                expectation.name, wanted.place
            ));
        }
    }
    Ok(warnings)
}

/// The pods that are known by the `from` of an expectation alone.
fn pods_of(list: &[Expectation], cluster: &Cluster) -> Vec<Known> {
    let (nodes, _) = by_address(&cluster.nodes);
    let mut told: HashSet<Block> = cluster.pods.iter().map(|known| known.block).collect();
    // These are no range of pods: what others send is not translated to a pod's address.
    told.extend(cluster.senders.iter().map(|(address, _)| Block::from(address.ip())));
    let mut pods = Vec::new();
    for expectation in list {
        let said_by = expectation.because.first().unwrap_or(&expectation.name);
        for &block in &expectation.from {
            if !is_everything(block) && !is_node(block, &nodes) && told.insert(block) {
                pods.push(Known { block, said_by: said_by.clone() });
            }
        }
    }
    pods
}

type Nodes<'a> = HashMap<Address, &'a Node>;

/// The nodes by their addresses, and in words which addresses are two nodes'. The first that was said is believed.
fn by_address(nodes: &[Node]) -> (Nodes<'_>, Vec<String>) {
    let mut by_address = Nodes::new();
    let mut contradictions = Vec::new();
    for node in nodes {
        for &address in &node.addresses {
            let first = *by_address.entry(address).or_insert(node);
            if let (Some(one), Some(other)) = (&first.name, &node.name)
                && one != other
            {
                contradictions.push(format!(
                    "{address} is said to be node {one} ({}) and node {other} ({}); the first is believed",
                    first.said_by, node.said_by
                ));
            }
        }
    }
    (by_address, contradictions)
}

fn is_node(block: Block, nodes: &Nodes<'_>) -> bool {
    block.single().is_some_and(|address| nodes.contains_key(&address))
}

/// Takes single addresses that are a node's out of the pods', and says so.
fn forget_pods_on_the_hosts_network(pods: &mut Vec<Known>, nodes: &Nodes<'_>) -> Vec<String> {
    let on_host = pods.extract_if(.., |known| is_node(known.block, nodes));
    on_host
        .map(|Known { block, said_by }| {
            format!(
                "{block} ({said_by}) is also a node's address: the pod uses the node's network, and its flows cannot be \
                 told from the node's own"
            )
        })
        .collect()
}

/// `expected by "herasoo …"`, or `expected by --expect 192.168.12.99`.
fn expected_by(name: &str) -> String {
    if name.starts_with("--") { format!("expected by {name}") } else { format!("expected by \"{name}\"") }
}

/// Makes the far side's address of the command line that of every expectation.
fn apply_remote(remote: &[Block], list: &mut [Expectation]) -> Result<Vec<String>, Error> {
    if remote.is_empty() {
        return Ok(Vec::new());
    }
    if list.is_empty() {
        return Err(Error::RemoteAlone);
    }
    let mut warnings = Vec::new();
    for expectation in list {
        if !expectation.source_remote.is_empty() && expectation.source_remote != remote {
            let name = &expectation.name;
            warnings.push(format!("--expect-remote replaces the `source_remote` of \"{name}\""));
        }
        expectation.source_remote = remote.to_vec();
    }
    Ok(warnings)
}

/// What `expectation` says that is probably not meant, as nodes' addresses are known.
fn doubts(expectation: &Expectation, nodes: &Nodes<'_>) -> Vec<String> {
    let name = &expectation.name;
    let mut doubts = Vec::new();
    for &block in expected(expectation) {
        if let Some(node) = node_in(block, nodes) {
            doubts.push(format!(
                "\"{name}\" expects {block}, which {node}: a flow that leaves with the node's address passes; if that is \
                 meant, write the word node"
            ));
        }
    }
    for &block in &expectation.from {
        if is_node(block, nodes) {
            doubts.push(format!(
                "\"{name}\" is from {block}, which is a node's address: pods on the node's network cannot be told from \
                 the node, and no flow is known to be theirs"
            ));
        }
        if is_everything(block) {
            doubts.push(format!("\"{name}\" is from {block}; to speak about every origin leave that out"));
        }
    }
    doubts
}

fn expected(expectation: &Expectation) -> &[Block] {
    match &expectation.source {
        Source::AnyOf(blocks) => blocks,
        _ => &[],
    }
}

/// `is node worker1's address (--node-ip)`, or `holds a node's address, 192.168.12.11 (NODE_IP)`: the lowest.
fn node_in(block: Block, nodes: &Nodes<'_>) -> Option<String> {
    let whose = |node: &Node| match &node.name {
        Some(name) => format!("node {name}'s address"),
        None => "a node's address".to_owned(),
    };
    if let Some(address) = block.single() {
        let node = nodes.get(&address)?;
        return Some(format!("is {} ({})", whose(node), node.said_by));
    }
    let (address, node) =
        nodes.iter().filter(|(address, _)| block.contains(**address)).min_by_key(|(a, _)| **a)?;
    Some(format!("holds {}, {address} ({})", whose(node), node.said_by))
}

/// Expectations after one that speaks about every flow.
fn never_reached(list: &[Expectation]) -> Option<String> {
    let all = list.iter().position(Expectation::covers_everything)?;
    // What follows from the cluster's objects is there for what nobody wrote anything about.
    let written = list.iter().filter(|expectation| !expectation.is_derived).count();
    let first = list.get(all + 1).filter(|expectation| !expectation.is_derived)?;
    let others = match written - all - 2 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "\"{}\"{others} cannot be met: \"{}\" comes before and speaks about every flow; remove it, or put it last",
        first.name, list[all].name
    ))
}

fn same_names(list: &[Expectation]) -> Vec<String> {
    let mut seen = HashSet::new();
    let written = list.iter().filter(|expectation| !expectation.is_derived);
    let twice = written.filter(|expectation| !seen.insert(&expectation.name));
    twice
        .map(|expectation| {
            format!("two expectations are called \"{}\"; give each its own name", expectation.name)
        })
        .collect()
}

#[cfg(test)]
mod tests;
