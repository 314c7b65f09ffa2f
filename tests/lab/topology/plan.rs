//! Who is where, with which address.

use std::net::{IpAddr, Ipv4Addr};

/// A pod: its namespace, address and node. The veth at the node is named after the last part of its name.
pub(super) struct Pod {
    pub(super) name: &'static str,
    v4: Ipv4Addr,
    pub(super) node: &'static str,
    pub(super) veth: &'static str,
}

const fn pod(name: &'static str, address: [u8; 4], node: &'static str, veth: &'static str) -> Pod {
    let [a, b, c, d] = address;
    Pod { name, v4: Ipv4Addr::new(a, b, c, d), node, veth }
}

pub(super) const PODS: [Pod; 4] = [
    pod("pod-a", [10, 128, 0, 5], "node1", "veth-a"),
    pod("pod-b", [10, 128, 0, 6], "node1", "veth-b"),
    pod("pod-d", [10, 128, 0, 8], "node1", "veth-d"),
    pod("pod-c", [10, 129, 0, 7], "node2", "veth-c"),
];
pub(super) const EGRESS_ROUTER: Pod = pod("egress-router", [10, 128, 0, 20], "node1", "veth-er");

/// A node; `pods` is the second octet of its pods' addresses, and `host` the last one of its own.
pub(super) struct Node {
    pub(super) name: &'static str,
    pub(super) host: u8,
    pub(super) pods: u8,
}

pub(super) const NODES: [Node; 2] =
    [Node { name: "node1", host: 11, pods: 128 }, Node { name: "node2", host: 12, pods: 129 }];

impl Pod {
    /// Its only address of a family. Decimal digits of IPv4 are hexadecimal ones of IPv6, so that people
    /// recognise them: 10.128.0.5 is `fd01:0:0:128::5`.
    pub(super) fn address(&self, v6: bool) -> IpAddr {
        let [_, range, _, host] = self.v4.octets();
        if v6 { inside(range, host) } else { IpAddr::V4(self.v4) }
    }

    /// Its node.
    pub(super) fn gateway(&self, v6: bool) -> IpAddr {
        let [a, range, c, _] = self.v4.octets();
        if v6 { inside(range, 1) } else { IpAddr::from([a, range, c, 1]) }
    }
}

fn inside(range: u8, host: u8) -> IpAddr {
    format!("fd01:0:0:{range}::{host}").parse().expect("an address")
}

impl Node {
    pub(super) fn address(&self, v6: bool) -> IpAddr {
        if v6 {
            format!("fd00:12::{}", self.host).parse().expect("an address")
        } else {
            IpAddr::from([192, 168, 12, self.host])
        }
    }

    pub(super) fn peer(&self) -> &'static Self {
        NODES.iter().find(|node| node.name != self.name).expect("two nodes")
    }

    /// The Ethernet address of its end of the tunnel.
    pub(super) fn tunnel_mac(&self) -> [u8; 6] {
        [0x0a, 0x58, 0x0a, self.pods, 0xfe, 0x01]
    }
}

/// An Ethernet address as `ip` wants it.
pub(super) fn text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}
