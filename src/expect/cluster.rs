//! What is known of the cluster: which addresses are whose, and who said so.
//!
//! The lists are filled while inputs are merged. The first question builds an index over them, single addresses by hash and
//! wider blocks in a row, that later questions use; from then on the lists stand still.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::OnceLock;

use foldhash::HashMap;

use crate::expect::derive::Workload;
use crate::frame::Timestamp;
use crate::net::{Address, Block};

/// What is known of the cluster, each fact with where it was said.
#[derive(Debug, Clone, Default)]
pub struct Cluster {
    /// Address ranges of pods.
    pub pods: Vec<Known>,
    /// Address ranges of Services.
    pub services: Vec<Known>,
    pub nodes: Vec<Node>,
    /// Anything else that is inside.
    pub inside: Vec<Known>,
    /// What flows are expected to leave with, said by `expected by …`; and other declared egress addresses.
    pub egress: Vec<Known>,
    /// Pods that the cluster's objects name, and what else sends.
    pub workloads: Vec<Workload>,
    /// Pods that are known by name alone.
    pub names: Vec<(Address, PodName)>,
    /// Egress addresses that a pod sends with by itself, with nobody before it: a proxy's that ends connections.
    pub senders: Vec<(Address, PodName)>,
    /// Namespaces by the id of their packets in tunnels.
    pub networks: BTreeMap<u32, String>,
    /// When the cluster's objects were printed, or before that.
    pub printed: Option<Timestamp>,
    /// Whether the cluster's objects were given.
    pub is_described: bool,
    pub(crate) index: OnceLock<Index>,
}

/// A block, and who says so: `--inside`, `POD_IP`, `policy.yaml:3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub block: Block,
    pub said_by: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// `None` where only an address is known.
    pub name: Option<String>,
    pub addresses: Vec<Address>,
    pub said_by: String,
}

/// What a pod is called, as far as anybody says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodName {
    pub namespace: Option<String>,
    pub name: Option<String>,
}

/// `herasoo/web-0`
impl Display for PodName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.namespace, &self.name) {
            (Some(namespace), Some(name)) => write!(f, "{namespace}/{name}"),
            (Some(namespace), None) => write!(f, "a pod of {namespace}"),
            (None, name) => f.write_str(name.as_deref().unwrap_or("a pod")),
        }
    }
}

impl Node {
    /// `node worker1`, or `a node's address (--node-ip)`.
    pub fn words(&self) -> String {
        match &self.name {
            Some(name) => format!("node {name}"),
            None => format!("a node's address ({})", self.said_by),
        }
    }
}

impl Cluster {
    /// The pods that are known by a single address.
    pub fn single_pods(&self) -> impl Iterator<Item = Address> {
        self.pods.iter().filter_map(|known| known.block.single())
    }

    pub fn addresses_of_nodes(&self) -> impl Iterator<Item = Address> {
        self.nodes.iter().flat_map(|node| node.addresses.iter().copied())
    }

    /// Whether nothing at all is known to be inside.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
            && [&self.pods, &self.services, &self.inside, &self.egress].into_iter().all(Vec::is_empty)
    }

    /// The node whose address this is.
    pub fn is_node(&self, address: Address) -> Option<&Node> {
        self.index().nodes.get(&address).map(|&at| &self.nodes[at])
    }

    /// Whether this is a pod's address; a node's never is, even within a range of pods.
    pub fn is_pod(&self, address: Address) -> bool {
        self.index().pods.find(address).is_some() && self.is_node(address).is_none()
    }

    /// Whether this is an address of a pod, a Service, a node, an expected source, or declared inside.
    pub fn is_inside(&self, address: Address) -> bool {
        let index = self.index();
        index.nodes.contains_key(&address)
            || [&index.pods, &index.services, &index.inside, &index.egress]
                .into_iter()
                .any(|set| set.find(address).is_some())
    }

    /// Whether this is an address that some flow is expected to leave with.
    pub fn is_egress(&self, address: Address) -> bool {
        self.index().egress.find(address).is_some()
    }

    /// Whether packets have this source only once they have left: a node's, or an expected one that is not also a pod's.
    pub fn is_outer(&self, address: Address) -> bool {
        self.is_node(address).is_some() || (self.is_egress(address) && !self.is_pod(address))
    }

    /// Whether a flow with this source began with it, although it is an egress address: one that a pod itself has.
    pub fn is_sender(&self, address: Address) -> bool {
        self.senders.iter().any(|(own, _)| *own == address)
    }

    /// Whether this address names no workload: packets that left have it, whoever sent them.
    pub fn is_nobodys(&self, address: Address) -> bool {
        self.is_outer(address) && !self.is_sender(address)
    }

    /// The pod that the objects name at this address.
    pub fn workload(&self, address: Address) -> Option<&Workload> {
        self.index().workloads.get(&address).map(|&at| &self.workloads[at])
    }

    /// What the pod at this address is called, by the objects or by itself.
    pub fn pod_name(&self, address: Address) -> Option<PodName> {
        let named = |workload: &Workload| PodName {
            namespace: workload.namespace.clone(),
            name: Some(workload.id.name.clone()),
        };
        let own = || {
            let mut named = self.names.iter().chain(&self.senders);
            named.find(|(own, _)| *own == address).map(|(_, name)| name.clone())
        };
        self.workload(address).map(named).or_else(own)
    }

    /// The namespace whose packets have that id in tunnels.
    pub fn namespace_of_tunnel(&self, id: u32) -> Option<&str> {
        self.networks.get(&id).map(String::as_str)
    }

    /// Whether some Service may have an address of this block.
    pub(crate) fn overlaps_service(&self, block: Block) -> bool {
        let services = &self.index().services;
        let is_within = |address| services.find(address).is_some();
        block
            .single()
            .map_or_else(|| self.services.iter().any(|service| service.block.overlaps(block)), is_within)
    }

    /// Whether this is an address of a Service.
    pub fn is_service(&self, address: Address) -> bool {
        self.index().services.find(address).is_some()
    }

    /// Whether nothing was said of what is inside, but for what is expected.
    pub fn knows_only_egress(&self) -> bool {
        self.nodes.is_empty() && [&self.pods, &self.services, &self.inside].into_iter().all(Vec::is_empty)
    }

    /// Whose address this is, in words, as far as anybody said: `node worker1`, `expected by "herasoo …"`.
    ///
    /// An address that is both a node's and expected is said to be both.
    pub fn owner(&self, address: Address) -> Option<String> {
        let index = self.index();
        let node = self.is_node(address).map(Node::words);
        let egress = index.egress.find(address).map(|at| self.egress[at].said_by.clone());
        match (node, egress) {
            (Some(node), Some(egress)) => Some(format!("{node}, {egress}")),
            (None, None) => self.range_of(address),
            (node, egress) => node.or(egress),
        }
    }

    fn range_of(&self, address: Address) -> Option<String> {
        let index = self.index();
        let ranges = [
            ("pod", &index.pods, &self.pods),
            ("Service", &index.services, &self.services),
            ("inside", &index.inside, &self.inside),
        ];
        ranges.into_iter().find_map(|(kind, set, known)| {
            let Known { block, said_by } = &known[set.find(address)?];
            Some(match block.single() {
                Some(_) => format!("{kind} ({said_by})"),
                None => format!("{kind}, in {block} ({said_by})"),
            })
        })
    }

    /// A line for each kind of fact and each place where it was said: `inside: 10.128.0.0/14 (--inside)`.
    pub fn assumptions(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let kinds = [
            ("inside", &self.inside),
            ("pods", &self.pods),
            ("Services", &self.services),
            ("egress addresses", &self.egress),
        ];
        // What objects name one by one is counted elsewhere.
        let index = self.index();
        let is_named = |known: &&Known| {
            let Some(address) = known.block.single().filter(|_| self.is_described) else { return true };
            !index.workloads.contains_key(&address) && !index.services.is_in_wide(address)
        };
        for (kind, known) in kinds {
            let known: Vec<&Known> = known.iter().filter(is_named).collect();
            let said: Vec<_> = known.chunk_by(|a, b| a.said_by == b.said_by).collect();
            for of_one in said.iter().take(NAMED) {
                let blocks = list(of_one.iter().map(|known| known.block));
                lines.push(format!("{kind}: {blocks} ({})", of_one[0].said_by));
            }
            if said.len() > NAMED {
                let more: usize = said.iter().skip(NAMED).map(|of_one| of_one.len()).sum();
                lines.push(format!("{kind}: and {more} more"));
            }
        }
        lines.extend(self.nodes.iter().take(NAMED).map(|node| {
            let name = node.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
            format!("node{name}: {} ({})", list(node.addresses.iter()), node.said_by)
        }));
        if self.nodes.len() > NAMED {
            lines.push(format!("nodes: and {} more", self.nodes.len() - NAMED));
        }
        lines
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index {
            nodes: self.node_addresses(),
            pods: Set::of(&self.pods),
            services: Set::of(&self.services),
            inside: Set::of(&self.inside),
            egress: Set::of(&self.egress),
            workloads: self.workload_addresses(),
        })
    }

    /// Where two pods have an address, the first is believed.
    fn workload_addresses(&self) -> HashMap<Address, usize> {
        let mut addresses = HashMap::default();
        for (at, workload) in self.workloads.iter().enumerate() {
            for &address in &workload.addresses {
                addresses.entry(address).or_insert(at);
            }
        }
        addresses
    }

    /// Where two nodes claim an address, the first said is believed.
    fn node_addresses(&self) -> HashMap<Address, usize> {
        let mut addresses = HashMap::default();
        for (at, node) in self.nodes.iter().enumerate() {
            for &address in &node.addresses {
                addresses.entry(address).or_insert(at);
            }
        }
        addresses
    }
}

/// Most addresses that a line of assumptions names.
const NAMED: usize = 16;

fn list<T: Display>(items: impl ExactSizeIterator<Item = T>) -> String {
    let more = items.len().saturating_sub(NAMED);
    let mut words: Vec<String> = items.take(NAMED).map(|item| item.to_string()).collect();
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    words.join(", ")
}

/// Positions in the lists of a [`Cluster`], by address.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    nodes: HashMap<Address, usize>,
    pods: Set,
    services: Set,
    inside: Set,
    egress: Set,
    workloads: HashMap<Address, usize>,
}

#[derive(Debug, Clone)]
struct Set {
    singles: HashMap<Address, usize>,
    wide: Vec<(Block, usize)>,
}

impl Set {
    fn of(known: &[Known]) -> Self {
        let mut set = Self { singles: HashMap::default(), wide: Vec::new() };
        for (at, known) in known.iter().enumerate() {
            match known.block.single() {
                Some(address) => {
                    set.singles.entry(address).or_insert(at);
                }
                None => set.wide.push((known.block, at)),
            }
        }
        set
    }

    fn is_in_wide(&self, address: Address) -> bool {
        self.wide.iter().any(|(block, _)| block.contains(address))
    }

    /// The position of what was said about exactly this address, else of the first block around it.
    fn find(&self, address: Address) -> Option<usize> {
        let around = || self.wide.iter().find(|(block, _)| block.contains(address)).map(|&(_, at)| at);
        self.singles.get(&address).copied().or_else(around)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::address::{address, block};

    fn known(typed: &str, said_by: &str) -> Known {
        Known { block: block(typed).unwrap(), said_by: said_by.to_owned() }
    }

    fn node(name: Option<&str>, typed: &str, said_by: &str) -> Node {
        let addresses = typed.split(',').map(|one| address(one).unwrap()).collect();
        Node { name: name.map(str::to_owned), addresses, said_by: said_by.to_owned() }
    }

    fn cluster() -> Cluster {
        Cluster {
            pods: vec![known("10.128.0.0/14", "policy.yaml:3"), known("10.140.0.7", "POD_IP")],
            services: vec![known("172.30.0.0/16", "policy.yaml:4")],
            nodes: vec![
                node(Some("worker1"), "192.168.12.11,fd00:12::11", "policy.yaml:5"),
                node(None, "10.128.0.2", "NODE_IP"),
            ],
            inside: vec![known("10.0.0.0/24", "--inside"), known("10.0.1.0/24", "--inside")],
            egress: vec![known("192.168.12.99", "expected by \"herasoo\"")],
            ..Cluster::default()
        }
    }

    #[test]
    fn all_that_anybody_declared_is_inside_and_nothing_else() {
        let cluster = cluster();
        for typed in ["10.131.0.1", "172.30.0.1", "192.168.12.11", "fd00:12::11", "10.0.1.9", "192.168.12.99"]
        {
            assert!(cluster.is_inside(address(typed).unwrap()), "{typed}");
        }
        for typed in ["10.5.0.1", "192.168.12.98", "203.0.113.25", "fd00:12::12"] {
            assert!(!cluster.is_inside(address(typed).unwrap()), "{typed}");
        }
    }

    #[test]
    fn a_nodes_address_is_no_pods_even_in_a_range_of_pods() {
        let cluster = cluster();
        assert!(cluster.is_pod(address("10.128.0.5").unwrap()));
        assert!(cluster.is_pod(address("10.140.0.7").unwrap()));
        assert!(!cluster.is_pod(address("10.128.0.2").unwrap()));
        assert!(cluster.is_node(address("10.128.0.2").unwrap()).is_some());
    }

    #[test]
    fn a_pods_address_proves_nothing_even_where_it_is_expected() {
        let mut cluster = cluster();
        cluster.egress.push(known("10.128.0.0/14", "expected by \"direct\""));
        let is_outer = |typed| cluster.is_outer(address(typed).unwrap());
        assert!(is_outer("192.168.12.99") && is_outer("192.168.12.11") && is_outer("10.128.0.2"));
        assert!(!is_outer("10.128.0.5") && !is_outer("203.0.113.25"));
    }

    #[test]
    fn owners_are_said_in_words() {
        let mut cluster = cluster();
        cluster.nodes.push(node(Some("worker2"), "192.168.12.99", "--node-ip"));
        let owner = |typed| cluster.owner(address(typed).unwrap());
        assert_eq!(owner("192.168.12.11").unwrap(), "node worker1");
        assert_eq!(owner("10.128.0.2").unwrap(), "a node's address (NODE_IP)");
        assert_eq!(owner("192.168.12.99").unwrap(), "node worker2, expected by \"herasoo\"");
        assert_eq!(owner("10.128.0.5").unwrap(), "pod, in 10.128.0.0/14 (policy.yaml:3)");
        assert_eq!(owner("10.140.0.7").unwrap(), "pod (POD_IP)");
        assert_eq!(owner("172.30.0.1").unwrap(), "Service, in 172.30.0.0/16 (policy.yaml:4)");
        assert_eq!(owner("203.0.113.25"), None);
    }

    #[test]
    fn assumptions_say_what_and_who_said_it() {
        assert_eq!(
            cluster().assumptions(),
            [
                "inside: 10.0.0.0/24, 10.0.1.0/24 (--inside)",
                "pods: 10.128.0.0/14 (policy.yaml:3)",
                "pods: 10.140.0.7 (POD_IP)",
                "Services: 172.30.0.0/16 (policy.yaml:4)",
                "egress addresses: 192.168.12.99 (expected by \"herasoo\")",
                "node worker1: 192.168.12.11, fd00:12::11 (policy.yaml:5)",
                "node: 10.128.0.2 (NODE_IP)",
            ]
        );
    }

    #[test]
    fn a_long_list_of_assumptions_is_cut_and_counted() {
        let inside = (0..20).map(|at| known(&format!("10.0.0.{at}"), "--inside")).collect();
        let lines = Cluster { inside, ..Cluster::default() }.assumptions();
        assert!(lines[0].ends_with("10.0.0.15, and 4 more (--inside)"), "{}", lines[0]);
    }

    #[test]
    fn a_cluster_of_which_nothing_is_known_is_empty() {
        assert!(Cluster::default().is_empty());
        assert!(!cluster().is_empty());
    }
}
