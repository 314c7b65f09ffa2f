//! Where egret runs: in a pod, beside one, on a node, in a container, at a desk.
//!
//! [`Observed`] holds what files, variables and the kernel show; [`Platform::of`] concludes from that alone, and names
//! its reasons. A process has two homes, which need not be one: the *files* it sees (a container's or a machine's), and
//! the *network* it is in, of which [`machine`](crate::machine) tells. Both together are the [`Place`]:
//!
//! | files | network | place |
//! |---|---|---|
//! | a pod's container | a pod's | `Pod` |
//! | a pod's container | a node's | `NodePod`: it shares the node's network, as debug pods do |
//! | another container | any | `Container` |
//! | a machine's | a pod's | `PodNetwork`: entered from outside, by nsenter(1) or the like |
//! | a node's, or a machine's with devices of a cluster's network | a node's | `Node` |
//! | a machine's without any sign | not a pod's | `Desk` |
//! | not to be told | any | `Unknown` |
//!
//! A single weak sign is not believed: `/.dockerenv` lies in every machine that was made of a container image, and
//! `container=oci` is set by images, not by who runs them.

mod clock;
mod container;
mod kernel;
mod observed;
mod ways;

use crate::machine::Standpoint;

pub use clock::Clock;
pub use container::Runtime;
pub use kernel::Kernel;
pub use observed::{Account, Observed, VARIABLES};
pub use ways::{Way, Ways};

/// Where egret runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Pod,
    NodePod,
    PodNetwork,
    Node,
    Container,
    Desk,
    Unknown,
}

/// What the cluster is managed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cluster {
    Kubernetes,
    OpenShift,
}

/// Where egret runs, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    pub place: Place,
    pub cluster: Option<Cluster>,
    /// What runs the container that egret is in or, on a node, its pods.
    pub runtime: Option<Runtime>,
    /// The pod's namespace and name, as far as somebody says them.
    pub namespace: Option<String>,
    pub pod: Option<String>,
    pub node: Option<String>,
    /// What the machine calls itself: a pod, a container, a node.
    pub hostname: Option<String>,
    /// The reasons, strongest first.
    pub because: Vec<String>,
}

/// What the machine's network says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network<'a> {
    pub standpoint: Standpoint,
    pub because: &'a str,
    /// Whether there are devices that only the nodes of clusters have.
    pub is_of_a_cluster: bool,
}

impl Place {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::NodePod => "node-pod",
            Self::PodNetwork => "pod-network",
            Self::Node => "node",
            Self::Container => "container",
            Self::Desk => "desk",
            Self::Unknown => "unknown",
        }
    }

    /// Where that is, as the end of a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Pod => "in a pod",
            Self::NodePod => "in a pod that shares its node's network",
            Self::PodNetwork => "in the network of a pod or container, entered from outside",
            Self::Node => "on a node",
            Self::Container => "in a container without Kubernetes",
            Self::Desk => "at a desk: a machine without any sign of a cluster",
            Self::Unknown => "where it cannot be told what this is",
        }
    }

    pub const ALL: [Self; 7] =
        [Self::Pod, Self::NodePod, Self::PodNetwork, Self::Node, Self::Container, Self::Desk, Self::Unknown];
}

impl Cluster {
    pub fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "Kubernetes",
            Self::OpenShift => "OpenShift",
        }
    }
}

impl Platform {
    /// What follows from what was observed; `None` where the network could not be read.
    pub fn of(observed: &Observed, network: Option<Network<'_>>) -> Self {
        let found = container::found(observed);
        let standpoint = network.map_or(Standpoint::Unclear, |network| network.standpoint);
        let mut because = found.because;
        let is_pods = found.is_pods;
        let of_a_node = sign_of_a_node(observed);
        let place = if is_pods {
            match standpoint {
                Standpoint::Pod => Place::Pod,
                Standpoint::Node => Place::NodePod,
                Standpoint::Unclear => Place::Unknown,
            }
        } else if found.is_container {
            Place::Container
        } else if standpoint == Standpoint::Pod {
            Place::PodNetwork
        } else if let Some(sign) = &of_a_node {
            because.push(sign.clone());
            Place::Node
        } else if network.is_some_and(|network| network.is_of_a_cluster) {
            Place::Node
        } else if observed.is_blind() {
            because.push("/proc is not there, and no variable tells".to_owned());
            Place::Unknown
        } else {
            Place::Desk
        };
        because.extend(network.map(|network| network.because.to_owned()));
        because.extend(found.doubts);
        let is_clusters = matches!(place, Place::Pod | Place::NodePod | Place::Node) || is_pods;
        let cluster = is_clusters.then(|| match sign_of_openshift(observed) {
            Some(sign) => {
                because.push(sign);
                Cluster::OpenShift
            }
            None => Cluster::Kubernetes,
        });
        let runtime = found.runtime.or_else(|| (place == Place::Node).then(|| observed.served()).flatten());
        let is_own = place == Place::Pod;
        let set = |name: &str| observed.variable(name).map(str::to_owned);
        Self {
            place,
            cluster,
            runtime,
            namespace: set("POD_NAMESPACE").or_else(|| observed.account.as_ref()?.namespace.clone()),
            // A pod is called as its machine is, unless its `hostname` says otherwise.
            pod: set("POD_NAME").or_else(|| observed.hostname.clone().filter(|_| is_own)),
            node: set("NODE_NAME").or_else(|| {
                observed.hostname.clone().filter(|_| matches!(place, Place::Node | Place::NodePod))
            }),
            hostname: observed.hostname.clone(),
            because,
        }
    }

    pub fn is_openshift(&self) -> bool {
        self.cluster == Some(Cluster::OpenShift)
    }

    /// `in a pod of OpenShift, herasoo/web-0, run by CRI-O`.
    pub fn words(&self) -> String {
        let of = match (self.place, self.cluster) {
            (Place::Pod | Place::NodePod | Place::Node, Some(cluster)) => format!(" of {}", cluster.name()),
            _ => String::new(),
        };
        let mut words = match self.place {
            Place::NodePod => format!("in a pod{of} that shares its node's network"),
            place => format!("{}{of}", place.words()),
        };
        match (self.place, &self.pod, &self.node) {
            (Place::Pod, Some(pod), node) => {
                let namespace = self.namespace.as_ref().map(|name| format!("{name}/")).unwrap_or_default();
                words = format!("{words}, {namespace}{pod}");
                if let Some(node) = node {
                    words = format!("{words} on {node}");
                }
            }
            (Place::Node, _, Some(node)) => words = format!("{words}, {node}"),
            (Place::NodePod, _, Some(node)) => words = format!("{words} ({node})"),
            _ => {}
        }
        match (self.runtime, self.place) {
            (Some(runtime), Place::Node) => format!("{words}, whose pods {} runs", runtime.name()),
            (Some(runtime), _) => format!("{words}, run by {}", runtime.name()),
            (None, _) => words,
        }
    }
}

/// What shows that the machine whose files are seen is a cluster's node.
fn sign_of_a_node(observed: &Observed) -> Option<String> {
    if observed.runs_kubelet {
        return Some("kubelet runs here".to_owned());
    }
    observed.node_file.map(|file| format!("{file} is there"))
}

fn sign_of_openshift(observed: &Observed) -> Option<String> {
    if observed.account.as_ref().is_some_and(|account| account.has_service_ca) {
        return Some("the service account comes with service-ca.crt, which OpenShift adds".to_owned());
    }
    let release = |text: &Option<String>| {
        text.as_ref().is_some_and(|text| {
            text.lines().any(|line| {
                matches!(line.trim(), "ID=rhcos" | "ID=\"rhcos\"" | "ID=scos" | "ID=\"scos\"")
                    || line.starts_with("OPENSHIFT_VERSION=")
            })
        })
    };
    if release(&observed.os_release) || release(&observed.host_os_release) {
        return Some("os-release names OpenShift's system".to_owned());
    }
    (observed.node_file == Some(observed::ORIGIN))
        .then(|| "its configuration is that of OpenShift 3".to_owned())
}

#[cfg(test)]
mod tests;
