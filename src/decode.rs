//! From a frame's bytes to what they mean: in full ([`packet`]) or as a [`Digest`].
//!
//! Decoding never fails. Any bytes give the layers that were understood and where understanding stopped.
//!
//! - A walk goes through the layers one by one, each by its own step (`link`, `network`, `transport`, `tunnel`),
//!   and leaves a [`Packet`]; `full` condenses a packet into a digest.
//! - `fast` takes the common frames straight to their digest, the same one that `full` gives.
//! - [`hint`] reads the names that payloads tell.
//! - [`Digester`] does this for the frames of one point and numbers its places and tunnels.
//!
//! Followed are:
//!
//! - links: Ethernet, cooked v1 and v2, raw IP, BSD loopback, PPP, Cisco's HDLC, frame relay, FDDI, plain IEEE 802.11 data
//!   (also behind radiotap or PPI), netfilter's log;
//! - between link and IP: any number of VLAN tags, IEEE 802.1ah, logical link control with SNAP, PPP over Ethernet, MPLS
//!   with pseudowires;
//! - IPv4, IPv6 with its extension headers, fragments as far as they tell what they belong to;
//! - TCP, UDP, SCTP, ICMP echo, the packets that ICMP errors quote, and as opaque conversations ESP and every other IP
//!   protocol between two machines;
//! - ARP and neighbour discovery, for what they claim;
//! - tunnels between nodes: VXLAN, Geneve, GRE, ERSPAN, IP in IP.
//!
//! Every other protocol ends the walk as [unknown](crate::packet::Why::Unknown): the frame then is `Understood::Partly`.

mod digester;
pub mod dissect;
mod fast;
mod full;
mod hash;
pub mod hint;
mod icmp;
mod link;
mod neighbour;
mod network;
mod transport;
mod tunnel;
mod walk;

#[cfg(test)]
pub(crate) mod build;

use std::collections::HashSet;

use crate::digest::{Digest, Piece};
use crate::frame::LinkType;
use crate::net::{Address, Block};
use crate::packet::Packet;

pub use digester::Digester;
pub use hash::KeyHasher;
pub use icmp::{is_icmp_error, next_link_mtu};
pub use link::{link_addresses, motion};
pub use transport::{SynOptions, syn_options};

/// What decoding has to know of the cluster.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pods: HashSet<Address>,
    pod_blocks: Vec<Block>,
    ports: tunnel::Ports,
}

impl Options {
    /// Tunnels from or to an address in `pods` stay closed: they are the pod's own traffic, not the cluster's.
    pub fn with_pods(pods: impl IntoIterator<Item = Block>) -> Self {
        let mut options = Self::default();
        for block in pods {
            match block.single() {
                Some(address) => {
                    options.pods.insert(address);
                }
                None => options.pod_blocks.push(block),
            }
        }
        options
    }

    /// UDP at these ports may be VXLAN or Geneve, as at the usual ones.
    #[must_use]
    pub fn with_ports(mut self, vxlan: Vec<u16>, geneve: Vec<u16>) -> Self {
        self.ports = tunnel::Ports { vxlan, geneve };
        self
    }

    /// UDP ports of VXLAN and of Geneve, beside the usual ones.
    pub fn ports(&self) -> (&[u16], &[u16]) {
        (&self.ports.vxlan, &self.ports.geneve)
    }

    fn is_pod(&self, address: Address) -> bool {
        self.pods.contains(&address) || self.pod_blocks.iter().any(|block| block.contains(address))
    }
}

/// The layers of a frame's `bytes`, as far as they can be understood.
pub fn packet(bytes: &[u8], link: LinkType, options: &Options) -> Packet {
    walk::walk(bytes, link, options)
}

/// The digest of a frame by way of its [`packet`], without place and tunnel, and which part of a datagram it carries: what
/// every shorter way must agree with.
pub fn digest(
    bytes: &[u8],
    link: LinkType,
    original: u32,
    options: &Options,
    hasher: &KeyHasher,
) -> (Digest, Option<Piece>) {
    let full = full::full(bytes, link, original, options, hasher);
    (full.digest, full.piece)
}
