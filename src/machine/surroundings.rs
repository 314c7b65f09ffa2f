//! What the machine's network says of the question: what each interface is, what is inside, whose addresses are whose.
//!
//! Roles, by the first that applies:
//! 1. a tunnel device is a *tunnel*;
//! 2. what routes lead out through, and what carries that (`uplinks.rs`), is an *uplink*;
//! 3. a veth whose other end lies in another namespace is a *pod*'s, at the node's end or at the pod's; so is whatever
//!    else holds a pod's address, seen from inside a pod;
//! 4. all else has no role, and says why: it is a device of the cluster's network, or no route leads out through it.
//!
//! Inside are the machine's own addresses, and the blocks that routes lead to through the cluster's network: its devices, its
//! tunnels, pods' veths. Never is what a route through an uplink leads to, nor a whole private range (10.0.0.0/8): the
//! partner may live there. Loopback and link-local addresses are never looked at.

use std::collections::{BTreeMap, BTreeSet};

use crate::machine::ways::Ways;
use crate::machine::{Held, Kind, Link, Machine, Standpoint};
use crate::net::{Address, Block};
use crate::place::Known;
use crate::snapshot::Role;

/// What was said of the addresses of pods and nodes, by flags and environment. Only single addresses help here.
#[derive(Debug, Clone, Copy, Default)]
pub struct Told<'a> {
    pub pods: &'a [Address],
    pub nodes: &'a [Address],
}

/// What an inventory says of the question.
#[derive(Debug, Clone)]
pub struct Surroundings {
    pub standpoint: Standpoint,
    /// Why the machine is taken for that.
    pub because: String,
    /// Every interface, by index.
    pub places: Vec<Known>,
    /// The interfaces, by index, that belong to the cluster's network and lead nowhere out of it.
    pub network: BTreeSet<u32>,
    /// What is inside, each with the reason; without what `nodes` and `pods` name.
    pub inside: Vec<(Block, String)>,
    /// This node's own addresses on its uplinks. None that may have been added as an egress address.
    pub nodes: Vec<(Address, String)>,
    /// This pod's own addresses.
    pub pods: Vec<(Address, String)>,
}

/// What is said of the loopback device: what it shows is never judged.
pub const LOOPBACK: &str = "loopback";

/// An inventory, and what was found out about it so far.
pub(super) struct Survey<'a> {
    pub(super) machine: &'a Machine,
    pub(super) standpoint: Standpoint,
    pub(super) ways: BTreeMap<u32, Ways>,
    told: Told<'a>,
}

impl Machine {
    /// What this inventory says of the question.
    pub fn surroundings(&self, told: Told<'_>) -> Surroundings {
        let (standpoint, because) = self.standpoint(told);
        let survey = Survey { machine: self, standpoint, ways: Ways::of(self), told };
        let uplinks = survey.uplinks();
        let places: Vec<Known> = self.links.iter().map(|link| survey.known(link, &uplinks)).collect();
        let is = |role| -> BTreeSet<u32> {
            places.iter().filter(|place| place.role == Some(role)).map(|place| place.index).collect()
        };
        let (leaving, pods) = (is(Role::Uplink), is(Role::Pod));
        let nodes = if standpoint == Standpoint::Node { survey.nodes(&leaving) } else { Vec::new() };
        let own = if standpoint == Standpoint::Pod { survey.own(&pods) } else { Vec::new() };
        let named: BTreeSet<Address> = nodes.iter().chain(&own).map(|(address, _)| *address).collect();
        let mut inside = survey.held_inside(&leaving, &named);
        inside.extend(survey.routed_inside(&pods));
        let network = self.links.iter().filter(|link| self.network(link).is_some());
        let network = network.map(|link| link.index).collect();
        Surroundings { standpoint, because, places, network, inside, nodes, pods: own }
    }
}

impl Survey<'_> {
    fn known(&self, link: &Link, uplinks: &BTreeMap<u32, String>) -> Known {
        let (role, because) = self.role(link, uplinks);
        Known { index: link.index, name: link.shown(), role, because }
    }

    fn role(&self, link: &Link, uplinks: &BTreeMap<u32, String>) -> (Option<Role>, String) {
        let ways = self.ways.get(&link.index);
        let default = ways.and_then(Ways::default_in_words);
        if link.is_loopback {
            return (None, LOOPBACK.to_owned());
        }
        if let Some(kind) = link.tunnel() {
            return (Some(Role::Tunnel), format!("tunnel device ({kind})"));
        }
        if let Some(because) = uplinks.get(&link.index) {
            return (Some(Role::Uplink), because.clone());
        }
        if link.reaches_another_namespace() {
            let because = "its other end lies in another namespace".to_owned();
            return match (self.standpoint, default, ways.and_then(Ways::beyond_in_words)) {
                (Standpoint::Unclear, Some(default), _) => {
                    (None, format!("{default}, but whether this is a pod or a node cannot be told"))
                }
                (Standpoint::Node, None, Some(beyond)) if link.master.is_none() => {
                    (None, format!("{beyond}, but whether out of the cluster cannot be told"))
                }
                _ => (Some(Role::Pod), because),
            };
        }
        if self.is_pods_own(link) {
            return (Some(Role::Pod), "holds a pod's address".to_owned());
        }
        if let Some(because) = self.machine.network(link) {
            return (None, because.to_owned());
        }
        match (default.or_else(|| ways.and_then(Ways::beyond_in_words)), &link.kind) {
            (Some(way), _) => (None, format!("{way}, but whether out of the machine cannot be told")),
            (None, Kind::Openvswitch) => (None, "device of Open vSwitch".to_owned()),
            (None, _) => (None, "no route out leads through it".to_owned()),
        }
    }

    /// Whether a link is the pod's own that egret runs in, and leads to its node.
    pub(super) fn is_pods_own(&self, link: &Link) -> bool {
        let holds_told = || self.machine.held(link.index).any(|held| self.told.pods.contains(&held.address));
        self.standpoint == Standpoint::Pod
            && (link.reaches_another_namespace()
                || holds_told()
                || self.machine.is_named_after_its_address(link))
    }

    /// The node's own addresses on links that leave it.
    fn nodes(&self, uplinks: &BTreeSet<u32>) -> Vec<(Address, String)> {
        let held = uplinks.iter().flat_map(|link| self.machine.held(*link));
        held.filter(|held| self.is_the_nodes_own(held))
            .map(|held| (held.address, format!("address of {}", self.name(held.link))))
            .collect()
    }

    /// Whether an address is the one that an uplink was set up with. Others may have been added as egress addresses: those
    /// that come second, those not for new connections, and single ones beside one with a block.
    fn is_the_nodes_own(&self, held: &Held) -> bool {
        if self.told.nodes.contains(&held.address) {
            return true;
        }
        if held.is_secondary || held.is_deprecated {
            return false;
        }
        let is_rival = |other: &&Held| {
            other.address.is_v4() == held.address.is_v4()
                && other.address != held.address
                && !other.is_deprecated
        };
        let is_single =
            Block::around(held.address, held.prefix).is_some_and(|block| block.single().is_some());
        let has_default = self.ways.get(&held.link).is_some_and(|ways| ways.default.is_some());
        !is_single || (has_default && !self.machine.held(held.link).any(|other| is_rival(&other)))
    }

    /// The pod's own addresses.
    fn own(&self, pods: &BTreeSet<u32>) -> Vec<(Address, String)> {
        let held = pods.iter().flat_map(|link| self.machine.held(*link));
        held.map(|held| (held.address, format!("address of {}", self.name(held.link)))).collect()
    }

    /// All other addresses of the machine.
    fn held_inside(&self, uplinks: &BTreeSet<u32>, named: &BTreeSet<Address>) -> Vec<(Block, String)> {
        let links = self.machine.links.iter();
        let mut seen = named.clone();
        links
            .flat_map(|link| self.machine.held(link.index))
            .filter(|held| seen.insert(held.address))
            .map(|held| {
                let because = if uplinks.contains(&held.link) {
                    format!("address of {}, perhaps an egress address", self.name(held.link))
                } else {
                    format!("address of {}", self.name(held.link))
                };
                (held.address.ip().into(), because)
            })
            .collect()
    }

    /// What routes lead to through the cluster's network.
    fn routed_inside(&self, pods: &BTreeSet<u32>) -> Vec<(Block, String)> {
        let links = self.machine.links.iter();
        let network = links.filter(|link| self.machine.network(link).is_some()).map(|link| link.index);
        let inner: BTreeSet<u32> = network.chain(pods.iter().copied()).collect();
        let mut seen = BTreeSet::new();
        let routes = self.machine.routes.iter().filter(|route| is_a_network(route.to));
        routes
            .filter(|route| !route.hops.is_empty() && route.hops.iter().all(|hop| inner.contains(&hop.link)))
            .filter(|route| seen.insert(route.to))
            .map(|route| (route.to, format!("routed into {}", self.name(route.hops[0].link))))
            .collect()
    }

    fn name(&self, link: u32) -> String {
        self.machine.link(link).map_or_else(|| format!("#{link}"), Link::shown)
    }
}

/// Whether a block can be a cluster's network: neither link-local or the like, nor a whole private range or more.
fn is_a_network(block: Block) -> bool {
    const V4: u8 = 9;
    const V6: u8 = 16;
    let network = block.network();
    let is_narrow = block.prefix() >= if network.is_v4() { V4 } else { V6 };
    let is_private_range =
        ["172.16.0.0/12", "192.168.0.0/16"].iter().any(|range| block.to_string() == *range);
    is_narrow && !is_private_range && !network.is_local_scope()
}

#[cfg(test)]
mod tests;
