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
//! Service 172.30.99.10:8443 is the egress router, which hands 8443 to 203.0.113.25:443.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::process::Command;

use crate::netns::{Namespace, run};
use crate::situation::{Egress, Knobs};

/// A pod: its namespace, address and node. The veth at the node is named after the last part of its name.
struct Pod {
    name: &'static str,
    address: Ipv4Addr,
    node: &'static str,
    veth: &'static str,
}

const fn pod(name: &'static str, address: [u8; 4], node: &'static str, veth: &'static str) -> Pod {
    let [a, b, c, d] = address;
    Pod { name, address: Ipv4Addr::new(a, b, c, d), node, veth }
}

const PODS: [Pod; 4] = [
    pod("pod-a", [10, 128, 0, 5], "node1", "veth-a"),
    pod("pod-b", [10, 128, 0, 6], "node1", "veth-b"),
    pod("pod-d", [10, 128, 0, 8], "node1", "veth-d"),
    pod("pod-c", [10, 129, 0, 7], "node2", "veth-c"),
];
const EGRESS_ROUTER: Pod = pod("egress-router", [10, 128, 0, 20], "node1", "veth-er");

/// A node; `pods` and `tunnel` are the third and second octet of its ranges.
struct Node {
    name: &'static str,
    address: &'static str,
    pods: u8,
    peer: &'static str,
    peer_pods: u8,
}

const NODES: [Node; 2] = [
    Node { name: "node1", address: "192.168.12.11", pods: 128, peer: "192.168.12.12", peer_pods: 129 },
    Node { name: "node2", address: "192.168.12.12", pods: 129, peer: "192.168.12.11", peer_pods: 128 },
];

/// The namespaces of a running cluster; gone when dropped.
pub(crate) struct Cluster {
    namespaces: Vec<Namespace>,
}

impl Cluster {
    pub(crate) fn build(knobs: &Knobs) -> Self {
        let pods: Vec<&Pod> = PODS.iter().chain(knobs.egress_router.then_some(&EGRESS_ROUTER)).collect();
        let mut namespaces: Vec<Namespace> =
            ["ext", "router", "lan", "node1", "node2"].map(Namespace::add).into_iter().collect();
        namespaces.extend(pods.iter().map(|pod| Namespace::add(pod.name)));
        let cluster = Self { namespaces };
        for namespace in &cluster.namespaces {
            namespace.sysctl(&[
                ("net/ipv4/ip_forward", "1"),
                ("net/ipv4/conf/all/rp_filter", "0"),
                ("net/ipv4/conf/default/rp_filter", "0"),
                ("net/ipv4/conf/all/send_redirects", "0"),
                ("net/ipv4/conf/default/send_redirects", "0"),
                ("net/ipv6/conf/all/disable_ipv6", "1"),
                ("net/ipv6/conf/default/disable_ipv6", "1"),
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
        }
        for pod in pods.iter().filter(|pod| pod.name != EGRESS_ROUTER.name) {
            cluster.at(pod.name).ip(&format!(
                "{}route add default via {}\n",
                pod_link(pod),
                gateway(pod.address)
            ));
        }
        if knobs.egress_router {
            cluster.egress_router();
        }
        for egress in &knobs.egress {
            cluster.egress(egress);
        }
        for (at, script) in &knobs.nft {
            cluster.at(at).nft(script);
        }
        for (at, lines) in &knobs.ip {
            cluster.at(at).ip(lines);
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
    pub(crate) fn address(name: &str) -> Ipv4Addr {
        if let Some(pod) = PODS.iter().chain([&EGRESS_ROUTER]).find(|pod| pod.name == name) {
            return pod.address;
        }
        let node = NODES.iter().find(|node| node.name == name);
        node.unwrap_or_else(|| panic!("nothing in {name} opens connections"))
            .address
            .parse()
            .expect("an address")
    }

    fn outside(&self) {
        self.at("router").ip("link set lo up\nlink set eth0 up\nlink set eth1 up\n\
             addr add 192.168.12.1/24 dev eth0\naddr add 203.0.113.1/24 dev eth1\n");
        self.at("router").nft(
            "table ip witness {
               set came_tcp { type ipv4_addr . inet_service . ipv4_addr . inet_service; size 65535; flags dynamic; counter; }
               set came_udp { type ipv4_addr . inet_service . ipv4_addr . inet_service; size 65535; flags dynamic; counter; }
               chain arrivals {
                 type filter hook prerouting priority -300;
                 iifname eth0 meta l4proto tcp update @came_tcp { ip saddr . tcp sport . ip daddr . tcp dport }
                 iifname eth0 meta l4proto udp update @came_udp { ip saddr . udp sport . ip daddr . udp dport }
               }
             }
             table inet firewall {
               chain forward { type filter hook forward priority 0; }
             }",
        );
        self.at("ext").ip("link set lo up\nlink set eth0 up\naddr add 203.0.113.25/24 dev eth0\n\
             addr add 203.0.113.26/24 dev eth0\nroute add default via 203.0.113.1\n");
    }

    fn node(&self, node: &Node, pods: &[&Pod]) {
        let Node { name, address, pods: range, peer, peer_pods } = node;
        let mut lines = format!(
            "link set lo up\nlink set eth0 up\naddr add {address}/24 dev eth0\nroute add default via 192.168.12.1\n\
             link add cni0 mtu 1450 type bridge\nlink set cni0 up\naddr add 10.{range}.0.1/24 dev cni0\n\
             link add vxlan_sys_4789 address 0a:58:0a:{range:02x}:fe:01 mtu 1450 type vxlan id 9059409 \
             dstport 4789 local {address} remote {peer} nolearning\nlink set vxlan_sys_4789 up\n\
             neigh add 10.{peer_pods}.254.1 lladdr 0a:58:0a:{peer_pods:02x}:fe:01 dev vxlan_sys_4789 nud permanent\n\
             route add 10.{peer_pods}.0.0/24 via 10.{peer_pods}.254.1 dev vxlan_sys_4789 onlink\n"
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

    /// An egress router pod in its init mode: source and destination are rewritten inside the pod.
    fn egress_router(&self) {
        self.at("node1").ip("link add macvlan0 link eth0 type macvlan mode private\n\
             link set macvlan0 netns egress-router\n");
        let pod = &EGRESS_ROUTER;
        self.at(pod.name).ip(&format!(
            "{}route add 10.128.0.0/14 via {gateway}\nroute add 172.30.0.0/16 via {gateway}\n\
             addr add 192.168.12.99/32 dev macvlan0\nlink set macvlan0 up\n\
             route add 192.168.12.1/32 dev macvlan0\nroute add default via 192.168.12.1 dev macvlan0\n",
            pod_link(pod),
            gateway = gateway(pod.address),
        ));
        self.at(pod.name).nft(
            "table ip nat {
               chain prerouting {
                 type nat hook prerouting priority dstnat;
                 iifname eth0 tcp dport 8443 dnat to 203.0.113.25:443
               }
               chain postrouting {
                 type nat hook postrouting priority srcnat;
                 oifname macvlan0 snat to 192.168.12.99
               }
             }",
        );
    }

    /// An egress address at a node; traffic of pods of other nodes comes to it through the tunnel.
    fn egress(&self, egress: &Egress) {
        let Egress { address, node, pods, ports } = egress;
        let host = NODES.iter().find(|other| other.name == node).expect("node1 or node2");
        self.at(node).ip(&format!("addr add {address}/32 dev eth0\n"));
        for pod in pods {
            let pod = PODS.iter().find(|other| other.name == pod).unwrap_or_else(|| panic!("no pod {pod}"));
            let from = pod.address;
            self.at(node).nft(&format!("add rule ip nat egress ip saddr {from} snat to {address} {ports}"));
            if pod.node != node {
                self.at(pod.node).ip(&format!(
                    "rule add pref 90 from {from} to 10.128.0.0/14 lookup main\n\
                     rule add pref 91 from {from} to 192.168.12.0/24 lookup main\n\
                     rule add pref 100 from {from} lookup 100\n\
                     route replace default via 10.{}.254.1 dev vxlan_sys_4789 onlink table 100\n",
                    host.pods
                ));
            }
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

fn pod_link(pod: &Pod) -> String {
    format!(
        "link set lo up\nlink set eth0 up\naddr add {}/32 dev eth0\nroute add {} dev eth0\n",
        pod.address,
        gateway(pod.address)
    )
}

/// The first address of the node's range.
fn gateway(pod: Ipv4Addr) -> Ipv4Addr {
    let [a, b, c, _] = pod.octets();
    Ipv4Addr::new(a, b, c, 1)
}
