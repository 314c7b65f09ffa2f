//! What routes say of each link.

use std::collections::{BTreeMap, BTreeSet};

use crate::machine::{Hop, Machine};
use crate::net::{Address, Block};

/// The table of routes that holds where no rule names another.
const MAIN: u32 = 254;

/// What leads through one link.
#[derive(Debug, Clone, Default)]
pub(super) struct Ways {
    /// The default route, of the main table if that has one here.
    pub(super) default: Option<Hop>,
    /// A route to further away than the link reaches.
    pub(super) beyond: Option<(Block, Address)>,
    /// Single addresses without a gateway between, which are no gateways themselves: what is right behind the link.
    pub(super) neighbours: BTreeSet<Address>,
}

impl Ways {
    /// Of every link that a route leads through.
    pub(super) fn of(machine: &Machine) -> BTreeMap<u32, Self> {
        let mut links: BTreeMap<u32, Self> = BTreeMap::new();
        let mut gateways = BTreeSet::new();
        let mut is_main = BTreeSet::new();
        for (route, hop) in
            machine.routes.iter().flat_map(|route| route.hops.iter().map(move |hop| (route, hop)))
        {
            let ways = links.entry(hop.link).or_default();
            gateways.extend(hop.gateway.map(|gateway| (hop.link, gateway)));
            if route.is_default() {
                let promotes = route.table == MAIN && is_main.insert(hop.link);
                if promotes || ways.default.is_none() {
                    ways.default = Some(*hop);
                }
            } else if let Some(gateway) = hop.gateway {
                ways.beyond.get_or_insert((route.to, gateway));
            } else if let Some(address) = route.to.single().filter(|address| !address.is_local_scope()) {
                ways.neighbours.insert(address);
            }
        }
        for (link, gateway) in gateways {
            if let Some(ways) = links.get_mut(&link) {
                ways.neighbours.remove(&gateway);
            }
        }
        links
    }

    /// That the default route leads through the link, in words.
    pub(super) fn default_in_words(&self) -> Option<String> {
        let through = |gateway: String| format!("the default route{gateway} leads through it");
        self.default.map(|hop| through(hop.gateway.map(via).unwrap_or_default()))
    }

    /// That some route leads further than the link reaches, in words.
    pub(super) fn beyond_in_words(&self) -> Option<String> {
        self.beyond.map(|(to, gateway)| format!("the route to {to}{} leads through it", via(gateway)))
    }
}

fn via(gateway: Address) -> String {
    format!(" (via {gateway})")
}
