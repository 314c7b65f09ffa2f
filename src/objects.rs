//! The cluster's objects, as `kubectl` and `oc get … -o yaml|json` print them.
//!
//! What is read: single objects, lists of them (`kind: List`, `kind: PodList`), several documents of a file, YAML or JSON.
//! Kinds and fields that are not needed are skipped and counted. A kind that is needed and has not its shape is a mistake,
//! told with its place: an object that was misread could make a wrong verdict of a right one.
//!
//! Every field that something can be wrong with knows its place ([`Told`]). An object that comes twice, as in a tree of
//! files with overlaps, counts once: the first is believed.

mod fields;
mod openshift;
mod ovn;
mod pod;
mod policy;
mod read;
pub mod selector;
mod service;
mod workload;
mod written;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::frame::Timestamp;
use crate::net::{Address, Block};

pub use openshift::{
    ClusterNetwork, EgressNetworkPolicy, EgressRouter, HostSubnet, NetNamespace, NetworkConfig,
};
pub use openshift::{RedirectRule, RouterAddress};
pub use ovn::{Assigned, EgressFirewall, EgressIp, EgressService, FirewallPort, FirewallRule, FirewallTo};
pub use pod::{Container, FieldRef, HostAlias, MACVLAN, Phase, Pod, PodSpec, Variable};
pub use policy::{NetworkPolicy, Peer, PolicyPort, PolicyRule, PortRange};
pub use selector::{Labels, Selector};
pub use service::{Endpoints, Service, ServicePort, TargetPort, protocol_number};
pub use workload::{Strategy, Template};
pub use written::Written;

/// Most bytes of a file of objects: some ten thousand pods.
pub const LARGEST: usize = 128 << 20;

/// All objects that were read, each kind in the order of the files.
#[derive(Debug, Clone, Default)]
pub struct Objects {
    pub pods: Vec<Pod>,
    pub namespaces: Vec<Namespace>,
    pub nodes: Vec<Node>,
    pub services: Vec<Service>,
    pub endpoints: Vec<Endpoints>,
    /// Deployments and whatever else makes pods of a template.
    pub templates: Vec<Template>,
    pub host_subnets: Vec<HostSubnet>,
    pub net_namespaces: Vec<NetNamespace>,
    pub cluster_networks: Vec<ClusterNetwork>,
    pub network_configs: Vec<NetworkConfig>,
    pub egress_network_policies: Vec<EgressNetworkPolicy>,
    pub egress_routers: Vec<EgressRouter>,
    pub egress_ips: Vec<EgressIp>,
    pub egress_services: Vec<EgressService>,
    pub egress_firewalls: Vec<EgressFirewall>,
    pub network_policies: Vec<NetworkPolicy>,
    /// Objects of network plugins that are known and not supported yet.
    pub unsupported: Vec<Unsupported>,
    /// How many objects of other kinds there were, by kind.
    pub skipped: BTreeMap<String, usize>,
    /// How many fields of the kinds above were not looked at.
    pub skipped_fields: usize,
    /// Objects that came again, and were not believed.
    pub repeated: Vec<Id>,
    /// When the newest of what the objects tell happened: they were printed then, or later.
    pub newest: Option<Timestamp>,
    /// The namespace of objects that have none written.
    namespace: Option<String>,
    read: read::Seen,
}

/// Where something is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub file: Arc<str>,
    /// From 1; 0 where that is not known.
    pub line: usize,
    pub column: usize,
}

/// A value, and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told<T> {
    pub value: T,
    pub at: Place,
}

/// Which object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    pub kind: &'static str,
    /// `None` for objects of the whole cluster, and where a manifest leaves it to whoever applies it and nobody says.
    pub namespace: Option<String>,
    pub name: String,
    /// Where the object begins.
    pub at: Place,
}

#[derive(Debug, Clone)]
pub struct Namespace {
    pub id: Id,
    pub labels: Labels,
}

#[derive(Debug, Clone)]
pub struct Node {
    pub id: Id,
    pub labels: Labels,
    pub addresses: Vec<Address>,
    pub pod_cidrs: Vec<Block>,
    /// The kubelet's version: `v1.11.0+d4cacc0`.
    pub kubelet: Option<String>,
}

/// An object of a network plugin that is not supported yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    pub plugin: &'static str,
    pub kind: String,
    pub name: String,
    pub at: Place,
}

impl Objects {
    /// None yet. To be read are objects of this namespace, where they have none written and are of one at all.
    pub fn of_namespace(namespace: Option<String>) -> Self {
        Self { namespace: namespace.filter(|name| !name.is_empty()), ..Self::default() }
    }

    /// The ports of VXLAN, where a network's objects tell them.
    pub fn vxlan_ports(&self) -> impl Iterator<Item = u16> + '_ {
        let networks = self.cluster_networks.iter().filter_map(|network| network.vxlan_port);
        networks.chain(self.network_configs.iter().filter_map(|config| config.vxlan_port))
    }

    /// The ports of Geneve, where a network's objects tell them.
    pub fn geneve_ports(&self) -> impl Iterator<Item = u16> + '_ {
        self.network_configs.iter().filter_map(|config| config.geneve_port)
    }

    /// The names that pods give to addresses outside of themselves.
    pub fn host_aliases(&self) -> impl Iterator<Item = &HostAlias> {
        let pods = self.pods.iter().map(|pod| &pod.spec);
        let all = pods
            .chain(self.templates.iter().map(|template| &template.spec))
            .flat_map(|spec| &spec.host_aliases);
        all.filter(|alias| !alias.address.value.is_local_scope())
    }
}

impl Id {
    /// Whether both are in one namespace, which both may leave unsaid.
    pub fn shares_namespace(&self, other: &Self) -> bool {
        self.namespace == other.namespace
    }
}

/// `cluster/pods.yaml:12`
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}

/// `Pod herasoo/web-0`, `HostSubnet worker1`
impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

impl<T> std::ops::Deref for Told<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

#[cfg(test)]
mod tests;
