//! Egress addresses, on nodes and in an egress router pod.

use super::Cluster;
use super::plan::{EGRESS_ROUTER, NODES, PODS};
use crate::situation::{Egress, Tunnel};

impl Cluster {
    /// An egress router pod with a foot in the nodes' network. In its init mode, `nat`, source and
    /// destination are rewritten inside the pod; in its proxy modes the kernel only routes.
    pub(super) fn egress_router(&self, nat: bool) {
        self.at("node1").ip("link add macvlan0 link eth0 type macvlan mode private\n\
             link set macvlan0 netns egress-router\n");
        let pod = &EGRESS_ROUTER;
        let gateway = pod.gateway(false);
        self.at(pod.name).ip(&format!(
            "route add 10.128.0.0/14 via {gateway}\nroute add 172.30.0.0/16 via {gateway}\n\
             addr add 192.168.12.99/32 dev macvlan0\nlink set macvlan0 up\n\
             route add 192.168.12.1/32 dev macvlan0\nroute add default via 192.168.12.1 dev macvlan0\n"
        ));
        if nat {
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
    }

    /// An egress address at a node; traffic of pods of other nodes comes to it through the tunnel.
    pub(super) fn egress(&self, egress: &Egress, tunnel: Tunnel) {
        let Egress { address, node, pods, ports, preferred } = egress;
        let v6 = address.is_ipv6();
        let host = NODES.iter().find(|other| other.name == node).expect("node1 or node2");
        // A deprecated address is not what the kernel chooses for new connections of its own (RFC 6724 §5),
        // masquerading among them.
        let length = match (v6, preferred) {
            (false, _) => "/32",
            (true, true) => "/128 nodad",
            (true, false) => "/128 nodad preferred_lft 0",
        };
        let (prefix, options) = length.split_once(' ').unwrap_or((length, ""));
        self.at(node).ip(&format!("addr add {address}{prefix} dev eth0 {options}\n"));
        let family = if v6 { "ip6" } else { "ip" };
        for pod in pods {
            let pod = PODS.iter().find(|other| other.name == pod).unwrap_or_else(|| panic!("no pod {pod}"));
            let from = pod.address(v6);
            self.at(node).nft(&format!(
                "add rule {family} nat egress {family} saddr {from} snat to {address} {ports}"
            ));
            if pod.node != node {
                assert!(!v6, "the tunnel carries IPv4 alone");
                self.at(pod.node).ip(&format!(
                    "rule add pref 90 from {from} to 10.128.0.0/14 lookup main\n\
                     rule add pref 91 from {from} to 192.168.12.0/24 lookup main\n\
                     rule add pref 100 from {from} lookup 100\n\
                     route replace default via 10.{}.254.1 dev {} onlink table 100\n",
                    host.pods,
                    tunnel.device()
                ));
            }
        }
    }
}
