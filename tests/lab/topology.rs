//! The cluster under test, its router, and the far side.
//!
//! ```text
//!                    ext   203.0.113.25, 203.0.113.26
//!                     │ eth0
//!                     │ eth1  203.0.113.1
//!                  router     no NAT, no route to pods; firewall; counts every tuple that comes in
//!                     │ eth0  192.168.12.1
//!   ┌─────────────── lan ───────────────┐                                    a bridge
//!   │ eth0  192.168.12.11               │ eth0  192.168.12.12
//! node1 ═══ vxlan_sys_4789, 9059409 ═══ node2                                NAT, ip forwarding
//!   │ cni0  10.128.0.1                  │ cni0  10.129.0.1
//!   ├─ pod-a          10.128.0.5        └─ pod-c  10.129.0.7
//!   ├─ pod-b          10.128.0.6
//!   ├─ pod-d          10.128.0.8
//!   └─ egress-router  10.128.0.20, and macvlan0 on the node's eth0: 192.168.12.99 (where a situation wants it)
//! ```
//!
//! Pods hold a /32 and reach everything through their node, so that no bridge netfilter is needed. Nodes
//! masquerade what leaves by `eth0`; the chain `egress` comes first and holds the rules of egress addresses.
//! Service 172.30.99.10:8443 is the egress router, which hands 8443 to 203.0.113.25:443. The tunnel may be
//! [`geneve`] instead. IPv6 has the same digits: 10.128.0.5 is `fd01:0:0:128::5`, 192.168.12.11 is `fd00:12::11`,
//! 203.0.113.25 is `2001:db8:113::25`.

mod egress;
mod geneve;
mod plan;

use std::fmt::Write as _;
use std::net::IpAddr;
use std::process::Command;

use self::geneve::Relay;
use self::plan::{EGRESS_ROUTER, NODES, Node, PODS, Pod, text};
use crate::netns::{Namespace, run};
use crate::situation::{EgressRouter, Knobs, Tunnel};
use crate::witness;

/// The namespaces of a running cluster; gone when dropped.
pub(crate) struct Cluster {
    /// Tunnels that the kernel does not make.
    relays: Vec<Relay>,
    namespaces: Vec<Namespace>,
}

impl Cluster {
    pub(crate) fn build(knobs: &Knobs) -> Self {
        let routed = knobs.egress_router != EgressRouter::None;
        let pods: Vec<&Pod> = PODS.iter().chain(routed.then_some(&EGRESS_ROUTER)).collect();
        let mut namespaces: Vec<Namespace> =
            ["ext", "router", "lan", "node1", "node2"].map(Namespace::add).into_iter().collect();
        namespaces.extend(pods.iter().map(|pod| Namespace::add(pod.name)));
        let mut cluster = Self { relays: Vec::new(), namespaces };
        for namespace in &cluster.namespaces {
            namespace.sysctl(&[
                ("net/ipv4/ip_forward", "1"),
                ("net/ipv4/conf/all/rp_filter", "0"),
                ("net/ipv4/conf/default/rp_filter", "0"),
                ("net/ipv4/conf/all/send_redirects", "0"),
                ("net/ipv4/conf/default/send_redirects", "0"),
                ("net/ipv6/conf/all/disable_ipv6", if knobs.ipv6 { "0" } else { "1" }),
                ("net/ipv6/conf/default/disable_ipv6", if knobs.ipv6 { "0" } else { "1" }),
                // Nobody asks for routers, nor whether an address is taken: both take seconds.
                ("net/ipv6/conf/default/accept_ra", "0"),
                ("net/ipv6/conf/default/accept_dad", "0"),
                ("net/ipv6/conf/all/forwarding", "1"),
            ]);
        }
        run(Command::new("ip").args(["-batch", "-"]), &wires(&pods));
        cluster.at("lan").ip(
            "link add br-lan type bridge\nlink set p-router master br-lan up\nlink set p-node1 master br-lan up\n\
             link set p-node2 master br-lan up\nlink set br-lan up\n",
        );
        cluster.outside();
        for node in &NODES {
            cluster.node(node, &pods);
            cluster.tunnel(node, knobs.tunnel);
        }
        for pod in pods {
            cluster.at(pod.name).ip(&pod_link(pod, false));
        }
        match knobs.egress_router {
            EgressRouter::None => {}
            EgressRouter::Nat => cluster.egress_router(true),
            EgressRouter::Proxy => cluster.egress_router(false),
        }
        if knobs.ipv6 {
            cluster.dual_stack();
        }
        for egress in &knobs.egress {
            cluster.egress(egress, knobs.tunnel);
        }
        for (at, script) in &knobs.nft {
            cluster.at(at).nft(script);
        }
        for (at, lines) in &knobs.ip {
            cluster.at(at).ip(lines);
        }
        for (at, lines) in &knobs.ethtool {
            for line in lines.lines() {
                run(cluster.at(at).command("ethtool").args(line.split_whitespace()), "");
            }
        }
        cluster
    }

    pub(crate) fn at(&self, name: &str) -> &Namespace {
        self.namespaces
            .iter()
            .find(|namespace| namespace.name == name)
            .unwrap_or_else(|| panic!("no namespace {name} in this situation"))
    }

    /// Where NAT happens, in the order in which a packet on its way out may meet it.
    pub(crate) fn translators(&self) -> impl Iterator<Item = &Namespace> {
        self.namespaces
            .iter()
            .filter(|namespace| matches!(namespace.name, "node1" | "node2" | "egress-router"))
    }

    /// The address with which something in namespace `name` opens connections.
    pub(crate) fn address(name: &str, v6: bool) -> IpAddr {
        let pods = || PODS.iter().chain([&EGRESS_ROUTER]);
        let pod = pods().find(|pod| pod.name == name).map(|pod| pod.address(v6));
        let node = || NODES.iter().find(|node| node.name == name).map(|node| node.address(v6));
        pod.or_else(node).unwrap_or_else(|| panic!("nothing in {name} opens connections"))
    }

    fn outside(&self) {
        self.at("router").ip("link set lo up\nlink set eth0 up\nlink set eth1 up\n\
             addr add 192.168.12.1/24 dev eth0\naddr add 203.0.113.1/24 dev eth1\n");
        self.at("router").nft(&witness::counters());
        self.at("router").nft(
            "table inet firewall {
               chain forward { type filter hook forward priority 0; }
             }",
        );
        self.at("ext").ip("link set lo up\nlink set eth0 up\naddr add 203.0.113.25/24 dev eth0\n\
             addr add 203.0.113.26/24 dev eth0\nroute add default via 203.0.113.1\n");
    }

    fn node(&self, node: &Node, pods: &[&Pod]) {
        let Node { name, pods: range, .. } = node;
        let mut lines = format!(
            "link set lo up\nlink set eth0 up\naddr add {}/24 dev eth0\nroute add default via 192.168.12.1\n\
             link add cni0 mtu 1450 type bridge\nlink set cni0 up\naddr add 10.{range}.0.1/24 dev cni0\n",
            node.address(false)
        );
        for pod in pods.iter().filter(|pod| pod.node == *name) {
            let _ = writeln!(lines, "link set {} master cni0 up", pod.veth);
        }
        self.at(name).ip(&lines);
        self.at(name).nft(
            "table ip nat {
               chain services {
                 type nat hook prerouting priority dstnat;
                 ip daddr 172.30.99.10 tcp dport 8443 dnat to 10.128.0.20
                 ip daddr 172.30.99.10 udp dport 5353 dnat to 10.128.0.20
               }
               chain egress { }
               chain postrouting {
                 type nat hook postrouting priority srcnat;
                 oifname eth0 ip saddr 10.128.0.0/14 jump egress
                 oifname eth0 ip saddr 10.128.0.0/14 masquerade
               }
             }
             table ip filter {
               chain forward { type filter hook forward priority 0; }
             }",
        );
    }

    /// The way to the other node's pods.
    fn tunnel(&mut self, node: &Node, tunnel: Tunnel) {
        let (address, peer) = (node.address(false), node.peer());
        let (mac, peer_mac, peer_pods) = (text(node.tunnel_mac()), text(peer.tunnel_mac()), peer.pods);
        let device = tunnel.device();
        if tunnel == Tunnel::Vxlan {
            self.at(node.name).ip(&format!(
                "link add {device} address {mac} mtu 1450 type vxlan id 9059409 dstport 4789 local {address} \
                 remote {} nolearning\n",
                peer.address(false)
            ));
        } else {
            let relay = Relay::start(self, node);
            self.relays.push(relay);
        }
        self.at(node.name).ip(&format!(
            "link set {device} up\n\
             neigh add 10.{peer_pods}.254.1 lladdr {peer_mac} dev {device} nud permanent\n\
             route add 10.{peer_pods}.0.0/24 via 10.{peer_pods}.254.1 dev {device} onlink\n"
        ));
    }

    /// IPv6 beside IPv4: the same wires, addresses and rules; without tunnel.
    fn dual_stack(&self) {
        self.at("router")
            .ip("addr add fd00:12::1/64 dev eth0 nodad\naddr add 2001:db8:113::1/64 dev eth1 nodad\n");
        self.at("ext")
            .ip("addr add 2001:db8:113::25/64 dev eth0 nodad\naddr add 2001:db8:113::26/64 dev eth0 nodad\n\
             route add default via 2001:db8:113::1\n");
        for node in &NODES {
            let Node { name, pods: range, .. } = node;
            self.at(name).ip(&format!(
                "addr add {}/64 dev eth0 nodad\nroute add default via fd00:12::1\n\
                 addr add fd01:0:0:{range}::1/64 dev cni0 nodad\n",
                node.address(true)
            ));
            self.at(name).nft(
                "table ip6 nat {
                   chain egress { }
                   chain postrouting {
                     type nat hook postrouting priority srcnat;
                     oifname eth0 ip6 saddr fd01::/16 jump egress
                     oifname eth0 ip6 saddr fd01::/16 masquerade
                   }
                 }",
            );
        }
        for pod in &PODS {
            self.at(pod.name).ip(&pod_link(pod, true));
        }
    }
}

/// The cables: each a veth pair.
fn wires(pods: &[&Pod]) -> String {
    let mut lines = String::from(
        "link add eth0 netns router type veth peer name p-router netns lan\n\
         link add eth1 netns router type veth peer name eth0 netns ext\n\
         link add eth0 netns node1 type veth peer name p-node1 netns lan\n\
         link add eth0 netns node2 type veth peer name p-node2 netns lan\n",
    );
    for pod in pods {
        let Pod { name, node, veth, .. } = pod;
        let _ = writeln!(
            lines,
            "link add eth0 netns {name} mtu 1450 type veth peer name {veth} mtu 1450 netns {node}"
        );
    }
    lines
}

/// A pod's link; an egress router's default route is another, later.
fn pod_link(pod: &Pod, v6: bool) -> String {
    let (address, gateway) = (pod.address(v6), pod.gateway(v6));
    let up = format!("link set lo up\nlink set eth0 up\nroute add {gateway} dev eth0\n");
    if v6 {
        format!("{up}addr add {address}/128 dev eth0 nodad\nroute add default via {gateway} dev eth0\n")
    } else if pod.name == EGRESS_ROUTER.name {
        format!("{up}addr add {address}/32 dev eth0\n")
    } else {
        format!("{up}addr add {address}/32 dev eth0\nroute add default via {gateway}\n")
    }
}
