//! The network that egret is in: interfaces with their roles, who is behind them, routes.

use serde::Serialize;

use super::Examined;
use crate::machine::{Kind, Link, Lower, Machine, Standpoint};
use crate::place::Known;
use crate::snapshot::Role;

#[derive(Debug, Serialize)]
pub struct Network {
    /// Whose network it is: `pod`, `node` or `unclear`.
    pub standpoint: &'static str,
    pub because: String,
    pub interfaces: Vec<Interface>,
    pub routes: Vec<Route>,
}

#[derive(Debug, Serialize)]
pub struct Interface {
    pub name: String,
    pub index: u32,
    pub kind: String,
    pub role: Option<&'static str>,
    pub because: String,
    pub is_up: bool,
    pub mac: Option<String>,
    /// What it is a port of.
    pub master: Option<String>,
    /// What it stands on; `elsewhere` is another network namespace.
    pub lower: Option<String>,
    pub tunnel: Option<String>,
    pub addresses: Vec<Held>,
    /// Addresses that were heard behind it lately, whose it may be.
    pub behind: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct Held {
    pub address: String,
    pub prefix: u8,
    /// Came second, or is a single address beside one with a block: an egress address looks so.
    pub was_added: bool,
}

#[derive(Debug, Serialize)]
pub struct Route {
    pub to: String,
    pub table: u32,
    pub hops: Vec<Hop>,
}

#[derive(Debug, Serialize)]
pub struct Hop {
    pub interface: String,
    pub gateway: Option<String>,
}

impl Network {
    pub(super) fn of(examined: &Examined) -> Option<Self> {
        let machine = examined.machine.as_ref().ok()?;
        let surroundings = examined.surroundings.as_ref()?;
        let behind = examined.neighbours.behind(machine);
        let interface = |(link, known): (&Link, &Known)| Interface {
            name: link.shown(),
            index: link.index,
            kind: kind(&link.kind),
            role: known.role.map(Role::name),
            because: known.because.clone(),
            is_up: link.is_up,
            mac: link.mac.map(|mac| mac.to_string()),
            master: link.master.map(|master| name(machine, master)),
            lower: link.lower.map(|lower| match lower {
                Lower::Here(index) => name(machine, index),
                Lower::Elsewhere => "elsewhere".to_owned(),
            }),
            tunnel: link.tunnel().map(str::to_owned),
            addresses: held(machine, link),
            behind: behind
                .get(&link.index)
                .map(|addresses| addresses.iter().map(ToString::to_string).collect())
                .unwrap_or_default(),
        };
        let routes = machine.routes.iter().map(|route| Route {
            to: if route.is_default() { "default".to_owned() } else { route.to.to_string() },
            table: route.table,
            hops: route
                .hops
                .iter()
                .map(|hop| Hop {
                    interface: name(machine, hop.link),
                    gateway: hop.gateway.map(|gateway| gateway.to_string()),
                })
                .collect(),
        });
        Some(Self {
            standpoint: match surroundings.standpoint {
                Standpoint::Pod => "pod",
                Standpoint::Node => "node",
                Standpoint::Unclear => "unclear",
            },
            because: surroundings.because.clone(),
            interfaces: machine.links.iter().zip(&surroundings.places).map(interface).collect(),
            routes: routes.collect(),
        })
    }
}

impl Interface {
    /// What there is to say of it: `uplink: the default route leads through it; 192.168.12.11/24`.
    pub(super) fn words(&self) -> String {
        let mut words = match self.role {
            Some(role) => format!("{role}: {}", self.because),
            None => self.because.clone(),
        };
        let held: Vec<String> = self
            .addresses
            .iter()
            .map(|held| {
                let added = if held.was_added { " (added)" } else { "" };
                format!("{}/{}{added}", held.address, held.prefix)
            })
            .collect();
        if !held.is_empty() {
            words = format!("{words}; {}", held.join(", "));
        }
        if let Some(master) = &self.master {
            words = format!("{words}; port of {master}");
        }
        if let Some(lower) = self.lower.as_ref().filter(|lower| *lower != "elsewhere" && self.kind != "veth")
        {
            words = format!("{words}; over {lower}");
        }
        if !self.behind.is_empty() && self.role != Some("uplink") {
            words = format!("{words}; behind it {}", self.behind.join(", "));
        }
        // OVN-Kubernetes calls the node's end after the pod's sandbox.
        let is_sandbox = self.name.len() == 15 && self.name.bytes().all(|b| b.is_ascii_hexdigit());
        if self.kind == "veth" && is_sandbox {
            words = format!("{words}; `crictl pods --id {}` says whose", self.name);
        }
        if !self.is_up {
            words.push_str("; down");
        }
        words
    }
}

impl Route {
    /// As ip(8) writes it.
    pub(super) fn words(&self) -> String {
        let hop = |hop: &Hop| {
            let via = hop.gateway.as_ref().map(|gateway| format!(" via {gateway}")).unwrap_or_default();
            format!("{via} dev {}", hop.interface)
        };
        format!("{}{}", self.to, self.hops.iter().map(hop).collect::<Vec<_>>().join(" and"))
    }
}

fn name(machine: &Machine, index: u32) -> String {
    machine.link(index).map_or_else(|| format!("#{index}"), Link::shown)
}

fn held(machine: &Machine, link: &Link) -> Vec<Held> {
    let of_link = || machine.addresses.iter().filter(|held| held.link == link.index && held.is_global);
    let whole = |is_v4: bool| if is_v4 { 32 } else { 128 };
    of_link()
        .map(|held| {
            let is_v4 = held.address.is_v4();
            let is_beside = of_link().any(|other| {
                other.address.is_v4() == is_v4 && other.prefix != whole(is_v4) && *other != *held
            });
            let is_single = held.prefix == whole(is_v4) && is_beside;
            Held {
                address: held.address.to_string(),
                prefix: held.prefix,
                was_added: !link.is_loopback && (held.is_secondary || held.is_deprecated || is_single),
            }
        })
        .collect()
}

fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Physical => "physical",
        Kind::Veth => "veth",
        Kind::Bridge => "bridge",
        Kind::Bond => "bond",
        Kind::Vlan => "vlan",
        Kind::Macvlan => "macvlan",
        Kind::Ipvlan => "ipvlan",
        Kind::Openvswitch => "openvswitch",
        Kind::Tunnel(name) => name,
        Kind::Other(name) => return crate::text::plain(name),
    }
    .to_owned()
}
