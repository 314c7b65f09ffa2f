//! The host's network as this process sees it: the only reader of it, and what it says of the question.
//!
//! [`Machine::read`] takes an inventory by netlink: links, addresses and routes of the network namespace of the
//! calling *thread*. (`/proc/net` and `/sys/class/net` belong to whoever started the process or mounted them, and tell of
//! another namespace after setns(2); a netlink socket belongs to the thread that opened it.) No permission is needed.
//! An [`Inquiry`] reads again without opening anything, [`Watch`] tells when to, [`conntrack::read`] gives the kernel's translations,
//! and [`Follow`] what becomes of them; [`rules`] says whether there are rules that translate, [`offloads`] what cards do that
//! captures then lack.
//!
//! What the inventory means is concluded by [`Machine::surroundings`], which reads nothing but the inventory: which
//! interface is an uplink, a pod's, a tunnel; what is inside; which addresses are the node's own.
//!
//! ```text
//!   kernel ─▶ netlink ─▶ read ─▶ Machine ─▶ surroundings ─┬─ standpoint   node, pod, or not to be told
//!                                                         ├─ uplinks      where routes leave, down to the cable
//!                                                         └─ network      what belongs to the cluster's network
//! ```

pub mod conntrack;
pub mod container;
pub mod follow;
#[cfg(test)]
pub(crate) mod inventory;
pub mod namespace;
pub mod neighbours;
mod netlink;
mod network;
pub mod offloads;
mod read;
pub mod rules;
mod standpoint;
pub mod surroundings;
mod uplinks;
mod watch;
mod ways;

use std::io;

use crate::net::{Address, Block, Mac};
use crate::text::Text;

pub use follow::Follow;
pub use namespace::Namespace;
pub use read::Inquiry;
pub use standpoint::Standpoint;
pub use surroundings::{LOOPBACK, Surroundings, Told};
pub use watch::Watch;

/// The links, addresses and routes of one network namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    pub links: Vec<Link>,
    pub addresses: Vec<Held>,
    /// Those to one destination, of all tables.
    pub routes: Vec<Route>,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub index: u32,
    /// As the kernel has it: to open the interface with, not to be shown. See [`Link::shown`].
    pub name: String,
    pub kind: Kind,
    pub mac: Option<Mac>,
    pub is_up: bool,
    pub is_loopback: bool,
    /// The bridge, bond or datapath that it is a port of.
    pub master: Option<u32>,
    pub lower: Option<Lower>,
}

/// What makes an interface: the kernel's word for its driver, as far as it matters where packets go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// No software made it: a network card, a virtual machine's too.
    Physical,
    Veth,
    Bridge,
    /// Or a team.
    Bond,
    /// Or `macsec`: all of it goes through its lower link.
    Vlan,
    Macvlan,
    Ipvlan,
    /// An internal port of Open vSwitch, or the datapath itself.
    Openvswitch,
    /// Wraps packets: `vxlan`, `geneve`, `wireguard`, …
    Tunnel(&'static str),
    Other(String),
}

/// What an interface stands on: a VLAN's device, a veth's other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lower {
    Here(u32),
    /// In another network namespace.
    Elsewhere,
}

/// An address that an interface holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub link: u32,
    pub address: Address,
    /// The length in bits of the block that it was given with.
    pub prefix: u8,
    /// Not the first of its block (IPv4), or a temporary one (IPv6, RFC 8981).
    pub is_secondary: bool,
    /// Not for new connections (RFC 4862 §5.5.4).
    pub is_deprecated: bool,
    /// Valid beyond its link.
    pub is_global: bool,
}

/// A route to one destination; of zero bits, the default route of a family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub to: Block,
    /// The ways that packets are spread over: mostly one.
    pub hops: Vec<Hop>,
    pub table: u32,
}

/// A way that a route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hop {
    pub link: u32,
    pub gateway: Option<Address>,
}

/// Why the machine could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "cannot open a netlink socket to read the machine's {what}: {source}; \
         a sandbox or seccomp profile may forbid it"
    )]
    Open { what: &'static str, source: io::Error },
    #[error("cannot read the machine's {what} (netlink): {source}")]
    Ask { what: &'static str, source: io::Error },
    #[error("cannot read conntrack's table: CAP_NET_ADMIN is missing")]
    NoPermission,
    #[error(
        "cannot read conntrack's table: the kernel offers none here ({source}); nf_conntrack_netlink may not be loaded"
    )]
    NoConntrack { source: io::Error },
    #[error(
        "the kernel does not tell what becomes of conntrack's table (net.netfilter.nf_conntrack_events is 0)"
    )]
    NoNews,
    #[error("the kernel does not tell devices' features (its ethtool messages are there from Linux 5.6 on)")]
    NoFeatures,
    #[error("not asked: {module} is not loaded, and to ask would load it")]
    NotLoaded { module: &'static str },
    #[error("not asked: whether {module} is loaded is not seen without /proc, and to ask might load it")]
    MayLoad { module: &'static str },
}

impl Machine {
    pub fn link(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }

    /// Whether there are devices that only the nodes of clusters have.
    pub fn is_of_a_cluster(&self) -> bool {
        self.sign_of_a_node().is_some()
    }

    /// The links that are ports of one.
    fn ports(&self, master: u32) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(move |link| link.master == Some(master))
    }

    /// The addresses of a link that others can reach.
    fn held(&self, link: u32) -> impl Iterator<Item = &Held> {
        let reachable = |held: &&Held| held.is_global && !held.address.is_local_scope();
        self.addresses.iter().filter(move |held| held.link == link).filter(reachable)
    }
}

impl Link {
    /// Its name, safe to print.
    pub fn shown(&self) -> String {
        Text::from(self.name.as_str()).to_string()
    }

    /// Whether it is a veth whose other end lies in another namespace.
    pub fn reaches_another_namespace(&self) -> bool {
        self.kind == Kind::Veth && self.lower == Some(Lower::Elsewhere)
    }

    /// The kind of tunnel that it is.
    pub fn tunnel(&self) -> Option<&str> {
        match &self.kind {
            Kind::Tunnel(kind) => Some(kind),
            // Open vSwitch's own, of kernels and relays that do not say so.
            _ if self.name.starts_with("vxlan_sys_") => Some("vxlan"),
            _ if self.name.starts_with("genev_sys_") => Some("geneve"),
            _ => None,
        }
    }
}

impl Kind {
    /// The kind that the kernel calls `name`; `None` is what it says of network cards.
    pub fn named(name: Option<&str>) -> Self {
        const TUNNELS: &[&str] = &[
            "vxlan",
            "geneve",
            "gre",
            "gretap",
            "erspan",
            "ip6gre",
            "ip6gretap",
            "ip6erspan",
            "ipip",
            "ip6tnl",
            "sit",
            "vti",
            "vti6",
            "xfrm",
            "wireguard",
            "bareudp",
            "gtp",
        ];
        match name {
            None => Self::Physical,
            Some("veth") => Self::Veth,
            Some("bridge") => Self::Bridge,
            Some("bond" | "team") => Self::Bond,
            Some("vlan" | "macsec") => Self::Vlan,
            Some("macvlan" | "macvtap") => Self::Macvlan,
            Some("ipvlan" | "ipvtap") => Self::Ipvlan,
            Some("openvswitch") => Self::Openvswitch,
            Some(name) => match TUNNELS.iter().find(|tunnel| **tunnel == name) {
                Some(tunnel) => Self::Tunnel(tunnel),
                None => Self::Other(name.to_owned()),
            },
        }
    }
}

impl Route {
    pub fn is_default(&self) -> bool {
        self.to.prefix() == 0
    }
}
