//! What belongs to the cluster's network: devices that lead to pods and Services, and never out of the cluster.
//!
//! Where structure tells, it decides: a bridge with a network card among its ports leads out, whatever its name, and one
//! with pods' veths alone does not. Names speak where structure cannot: those that network plugins always give.

use crate::machine::ways::Ways;
use crate::machine::{Kind, Link, Machine};

/// Names that end in `*` are beginnings.
const BRIDGES: &[&str] =
    &["cni0", "cbr0", "docker0", "kube-bridge", "weave", "podman0", "cni-podman0", "nerdctl0"];
const DEVICES: &[&str] = &[
    "ovn-k8s-mp*",
    "ovn-k8s-gw0",
    "cilium_*",
    "kube-ipvs0",
    "nodelocaldns",
    "kube-dummy-if",
    "antrea-gw0",
    "antrea-egress0",
    "ovn0",
    "vethwe-*",
];
/// Tunnels between nodes. Others may lead to a partner.
const TUNNELS: &[&str] = &[
    "vxlan_sys_*",
    "genev_sys_*",
    "flannel*",
    "vxlan.calico",
    "vxlan-v6.calico",
    "wireguard.cali",
    "wg-v6.cali",
    "tunl0",
    "cilium_*",
    "antrea-tun0",
    "vxlan-6784",
    "kilo0",
];
/// Bridges of containers without a cluster: they are found in pods, too.
const CONTAINERS: &[&str] = &["docker0", "podman0", "cni-podman0", "nerdctl0"];

impl Machine {
    /// Why a link belongs to the cluster's network. Pods' own ends are not meant.
    pub(super) fn network(&self, link: &Link) -> Option<&'static str> {
        if link.tunnel().is_some() {
            return is_named(link, TUNNELS).then_some("tunnel of the cluster's network");
        }
        match link.kind {
            Kind::Bridge if self.ports(link.index).any(is_cable) => None,
            Kind::Bridge if self.ports(link.index).any(Link::reaches_another_namespace) => {
                Some("bridge of pods' interfaces")
            }
            Kind::Bridge => is_named(link, BRIDGES).then_some("bridge of the cluster's network"),
            // Of openshift-sdn; other programs call their own so, which are not of Open vSwitch.
            Kind::Openvswitch if link.name == "tun0" => Some("the node's port of the cluster's network"),
            _ => is_named(link, DEVICES).then_some("device of the cluster's network"),
        }
    }

    /// What shows that this is a node's namespace and no pod's, in words.
    pub(super) fn sign_of_a_node(&self) -> Option<String> {
        let ways = Ways::of(self);
        self.links.iter().find_map(|link| {
            let name = || link.shown();
            if link.kind == Kind::Openvswitch {
                return Some(format!("{} is a device of Open vSwitch", name()));
            }
            // Kernel modules put some tunnels into every namespace, pods' too: down.
            let is_idle = link.tunnel().is_some() && !link.is_up;
            let is_known = is_named(link, BRIDGES) || is_named(link, DEVICES) || is_named(link, TUNNELS);
            if is_known && !is_idle && !is_named(link, CONTAINERS) && self.network(link).is_some() {
                return Some(format!("{} is a device of the cluster's network", name()));
            }
            let ways = ways.get(&link.index)?;
            let neighbour = ways.neighbours.first()?;
            (link.reaches_another_namespace() && ways.default.is_none() && !self.is_of_a_network(link))
                .then(|| format!("{neighbour} lies behind {}", name()))
        })
    }

    /// Whether a link holds an address among others, as a pod's second interface does. A node's end of a pod's veth holds none, or its
    /// pods' gateway, which is a single address.
    fn is_of_a_network(&self, link: &Link) -> bool {
        self.held(link.index).any(|held| held.prefix < if held.address.is_v4() { 32 } else { 128 })
    }
}

/// Whether a port leads to a cable, rather than to a pod or a virtual machine.
pub(super) fn is_cable(port: &Link) -> bool {
    matches!(port.kind, Kind::Physical | Kind::Bond | Kind::Vlan) && port.tunnel().is_none()
}

fn is_named(link: &Link, names: &[&str]) -> bool {
    names.iter().any(|name| match name.strip_suffix('*') {
        Some(beginning) => link.name.starts_with(beginning),
        None => link.name == *name,
    })
}
