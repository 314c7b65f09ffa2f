//! Which links leave the machine: those that routes lead through, and what these stand on, down to the cable.
//!
//! 1. A link is *chosen* if a default route leads through it, or a route by way of a gateway, and it leads to a cable:
//!    a network card; a bond, bridge, VLAN or Open vSwitch device with one below; a macvlan, whose parent has one.
//! 2. What is below a chosen link is an uplink, too: ports of bridges and bonds, the devices of VLANs and macvlans. `br-ex` is
//!    told from the datapath's other ports by its Ethernet address, which it shares with its card.
//!
//! Devices of the cluster's network and tunnels are never chosen, nor is a pod's own way to its node. A wrong uplink
//! could make a pass of what has not left: where a link cannot be followed down to a cable, it is none.

use std::collections::BTreeMap;

use crate::machine::network::is_cable;
use crate::machine::surroundings::Survey;
use crate::machine::{Kind, Link, Lower, Standpoint};

/// No tower of devices is higher; one that stands on itself ends here.
const HEIGHT: usize = 8;

impl Survey<'_> {
    /// The uplinks by their index, each with the reason.
    pub(super) fn uplinks(&self) -> BTreeMap<u32, String> {
        let mut uplinks = BTreeMap::new();
        for link in &self.machine.links {
            if let Some(because) = self.chosen(link) {
                uplinks.insert(link.index, because);
            }
        }
        let mut next: Vec<u32> = uplinks.keys().copied().collect();
        while let Some(link) = next.pop().and_then(|index| self.machine.link(index)) {
            for (below, because) in self.below(link) {
                uplinks.entry(below.index).or_insert_with(|| {
                    next.push(below.index);
                    because
                });
            }
        }
        uplinks
    }

    fn chosen(&self, link: &Link) -> Option<String> {
        let ways = self.ways.get(&link.index)?;
        let because = ways.default_in_words().or_else(|| ways.beyond_in_words())?;
        // Open vSwitch's devices of a network plugin have gateways behind them, too: inside.
        let is_enough = match link.kind {
            Kind::Openvswitch => ways.default.is_some() || self.has_its_cards_address(link),
            // A node that is a container itself.
            Kind::Veth => {
                self.standpoint == Standpoint::Node
                    && link.master.is_none()
                    && link.lower == Some(Lower::Elsewhere)
                    && ways.default.is_some()
            }
            _ => true,
        };
        (is_enough && self.machine.network(link).is_none() && self.leads_to_a_cable(link, HEIGHT))
            .then_some(because)
    }

    fn leads_to_a_cable(&self, link: &Link, height: usize) -> bool {
        if height == 0 || link.is_loopback || link.tunnel().is_some() || self.is_pods_own(link) {
            return false;
        }
        match link.kind {
            Kind::Physical | Kind::Veth => true,
            Kind::Vlan | Kind::Macvlan if link.lower == Some(Lower::Elsewhere) => true,
            // A pod's VLAN on its veth leads to the node, as that does.
            Kind::Vlan | Kind::Macvlan | Kind::Bond | Kind::Bridge | Kind::Openvswitch => self
                .below(link)
                .iter()
                .any(|(below, _)| below.kind != Kind::Veth && self.leads_to_a_cable(below, height - 1)),
            // The node may translate what an ipvlan sends (mode l3s): it may be a pod's way to its node.
            Kind::Ipvlan | Kind::Tunnel(_) | Kind::Other(_) => false,
        }
    }

    /// What carries a link's packets on, each with the reason.
    fn below<'m>(&'m self, link: &Link) -> Vec<(&'m Link, String)> {
        let name = link.shown();
        match (&link.kind, link.lower) {
            (Kind::Vlan | Kind::Macvlan, Some(Lower::Here(lower))) => {
                let lower =
                    self.machine.link(lower).filter(|lower| is_cable(lower) || lower.kind == Kind::Bridge);
                lower.map(|lower| (lower, format!("carries {name}"))).into_iter().collect()
            }
            // A network card can have ports: the fast path of a virtual machine's card.
            (Kind::Bridge | Kind::Bond | Kind::Physical, _) => {
                let ports = self.machine.ports(link.index).filter(|port| is_cable(port));
                ports.map(|port| (port, format!("port of {name}"))).collect()
            }
            (Kind::Openvswitch, _) => {
                self.card_of(link).map(|card| (card, format!("port of {name}"))).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// The port by which a device of Open vSwitch leaves the machine: the one with the same Ethernet address, or the only one
    /// that leads to a cable at all.
    fn card_of(&self, device: &Link) -> Option<&Link> {
        let is_datapath = |link: &&Link| link.kind == Kind::Openvswitch;
        let cards: Vec<&Link> = (self.machine.links.iter().filter(is_datapath))
            .flat_map(|datapath| self.machine.ports(datapath.index))
            .filter(|port| is_cable(port))
            .collect();
        let alike: Vec<&Link> =
            cards.iter().copied().filter(|card| device.mac.is_some() && card.mac == device.mac).collect();
        match (alike.as_slice(), cards.as_slice()) {
            ([card], _) | ([], [card]) => Some(card),
            _ => None,
        }
    }

    fn has_its_cards_address(&self, device: &Link) -> bool {
        self.card_of(device).is_some_and(|card| device.mac.is_some() && card.mac == device.mac)
    }
}
