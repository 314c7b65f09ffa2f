//! Where egret stands: in a pod's network namespace or in a node's.
//!
//! It matters because one and the same interface, `eth0` with the default route, leaves the cluster's node from the
//! one and leads no further than to it from the other. By the first that applies:
//! 1. an address that was said to be a node's is held here: a node;
//! 2. one that was said to be a pod's is held here: a pod; but where there are signs of a node the pod shares its network
//!    (hostNetwork), unless the address lies on a veth, which speaks against that: not to be told;
//! 3. signs of a node (see [`network`](super::network)): a node;
//! 4. the default route leads into another namespace by a veth: a pod; with a bridge of containers beside it,
//!    it may be a pod that runs Docker as well as a node that is a container itself: not to be told;
//! 5. an interface has the Ethernet address that OVN makes of a pod's address, `0a:58` and the address: a pod;
//! 6. an interface holds an address and stands on something in another namespace, as pods' do: a pod; with a network
//!    card beside it, which pods can have, too: not to be told;
//! 7. a network card: a node, or just a machine; without any: not to be told.

use crate::machine::ways::Ways;
use crate::machine::{Kind, Link, Lower, Machine, Told};
use crate::net::{Address, Mac};

/// Whose network namespace this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standpoint {
    Pod,
    Node,
    Unclear,
}

impl Standpoint {
    /// Where that is, as the end of a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Pod => "in a pod",
            Self::Node => "on a node",
            Self::Unclear => "where it cannot be told whether this is a node or a pod",
        }
    }
}

impl Machine {
    /// Whose network namespace this is, and why.
    pub(super) fn standpoint(&self, told: Told<'_>) -> (Standpoint, String) {
        if let Some((_, address)) = self.holder(told.nodes) {
            return (Standpoint::Node, format!("{address} is a node's address"));
        }
        let sign = self.sign_of_a_node();
        if let Some((link, address)) = self.holder(told.pods) {
            return match sign {
                None => (Standpoint::Pod, format!("{address} is a pod's address")),
                Some(sign) if link.reaches_another_namespace() => {
                    (Standpoint::Unclear, format!("{address} is a pod's address, but {sign}"))
                }
                Some(sign) => {
                    (Standpoint::Node, format!("{sign}; the pod with address {address} shares its network"))
                }
            };
        }
        if let Some(sign) = sign {
            return (Standpoint::Node, sign);
        }
        let ways = Ways::of(self);
        let has_default = |link: &Link| ways.get(&link.index).is_some_and(|ways| ways.default.is_some());
        let out = self.links.iter().find(|link| link.reaches_another_namespace() && has_default(link));
        if let Some(out) = out {
            let name = out.shown();
            return match self.links.iter().find(|link| self.is_full_of_containers(link)) {
                Some(bridge) => {
                    let bridge = bridge.shown();
                    let why =
                        format!("{name} leads into another namespace, but other namespaces hang on {bridge}");
                    (Standpoint::Unclear, why)
                }
                None => {
                    (Standpoint::Pod, format!("the default route leads into another namespace, by {name}"))
                }
            };
        }
        if let Some(link) = self.links.iter().find(|link| self.is_named_after_its_address(link)) {
            return (Standpoint::Pod, format!("{} has an Ethernet address of pods", link.shown()));
        }
        let card = self.links.iter().find(|link| link.kind == Kind::Physical && !link.is_loopback);
        let is_lent = |link: &&Link| {
            link.lower == Some(Lower::Elsewhere)
                && link.master.is_none()
                && link.tunnel().is_none()
                && self.held(link.index).next().is_some()
        };
        match (card, self.links.iter().find(is_lent)) {
            (Some(card), None) => (Standpoint::Node, format!("{} is a network card", card.shown())),
            (Some(card), Some(lent)) => {
                let (card, lent) = (card.shown(), lent.shown());
                (
                    Standpoint::Unclear,
                    format!("{card} is a network card, but {lent} leads into another namespace"),
                )
            }
            (None, Some(lent)) => (Standpoint::Pod, format!("{} comes from another namespace", lent.shown())),
            (None, None) => (Standpoint::Unclear, "there is no network card".to_owned()),
        }
    }

    /// The link that holds one of these addresses, and that one.
    fn holder(&self, addresses: &[Address]) -> Option<(&Link, Address)> {
        let held = self.addresses.iter().find(|held| addresses.contains(&held.address))?;
        Some((self.link(held.link)?, held.address))
    }

    fn is_full_of_containers(&self, link: &Link) -> bool {
        link.kind == Kind::Bridge && self.ports(link.index).any(Link::reaches_another_namespace)
    }

    /// Whether a link has the Ethernet address that OVN gives to the holder of its IPv4 address.
    pub(super) fn is_named_after_its_address(&self, link: &Link) -> bool {
        let Some(Mac([0x0a, 0x58, rest @ ..])) = link.mac else { return false };
        self.held(link.index).any(|held| held.address == Address::v4(u32::from_be_bytes(rest)))
    }
}
