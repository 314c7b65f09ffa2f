use super::*;
use crate::machine::inventory::inventory;

/// What an inventory says, with nothing said of pods and nodes.
fn surroundings(text: &str) -> Surroundings {
    inventory(text).surroundings(Told::default())
}

fn ip(typed: &str) -> Address {
    typed.parse::<std::net::IpAddr>().unwrap().into()
}

impl Surroundings {
    /// Every interface with its role, but for loopback: `eth0 uplink`, `cni0 -`.
    fn roles(&self) -> Vec<String> {
        let role = |place: &Known| place.role.map_or("-", Role::name);
        self.places[1..].iter().map(|place| format!("{} {}", place.name, role(place))).collect()
    }

    fn because(&self, name: &str) -> &str {
        &self.places.iter().find(|place| place.name == name).expect("an interface of that name").because
    }

    fn inside(&self) -> Vec<String> {
        self.inside.iter().map(|(block, because)| format!("{block}: {because}")).collect()
    }

    /// Nodes' addresses and pods'.
    fn own(&self) -> (Vec<String>, Vec<String>) {
        let shown =
            |list: &[(Address, String)]| list.iter().map(|(address, _)| address.to_string()).collect();
        (shown(&self.nodes), shown(&self.pods))
    }
}

const PLAIN: &str = "
    2 eth0 physical 192.168.12.11/24 192.168.12.99/32 fd00:12::11/64 fd00:12::99/128 fe80::1/64 link
    3 cni0 bridge 10.128.0.1/24
    4 veth1 veth elsewhere master cni0
    default via 192.168.12.1 dev eth0
    default via fd00:12::1 dev eth0
    192.168.12.0/24 dev eth0
    10.128.0.0/24 dev cni0
    10.129.0.0/24 via 192.168.12.12 dev eth0
    fe80::/64 dev eth0
    10.0.0.0/8 dev cni0";

#[test]
fn a_plain_node_leaves_by_its_card() {
    let found = surroundings(PLAIN);
    assert_eq!(found.roles(), ["eth0 uplink", "cni0 -", "veth1 pod"]);
    assert_eq!(found.because("eth0"), "the default route (via 192.168.12.1) leads through it");
    assert_eq!(found.because("veth1"), "its other end lies in another namespace");
    assert_eq!(found.because("cni0"), "bridge of pods' interfaces");
    assert_eq!(found.standpoint, Standpoint::Node);
}

#[test]
fn an_address_that_was_added_is_inside_but_not_said_to_be_the_nodes() {
    let found = surroundings(PLAIN);
    assert_eq!(found.own().0, ["192.168.12.11", "fd00:12::11"]);
    assert_eq!(
        found.inside(),
        [
            "192.168.12.99: address of eth0, perhaps an egress address",
            "fd00:12::99: address of eth0, perhaps an egress address",
            "10.128.0.1: address of cni0",
            "10.128.0.0/24: routed into cni0",
        ],
        "neither what a route through the uplink leads to nor a whole private range"
    );
    let second = surroundings(
        "2 eth0 physical 192.168.12.11/24 192.168.12.99/24 secondary fd00:12::9/64 deprecated
         default via 192.168.12.1 dev eth0",
    );
    assert_eq!(second.own().0, ["192.168.12.11"]);
    let told = inventory(PLAIN).surroundings(Told { nodes: &[ip("192.168.12.99")], pods: &[] });
    assert_eq!(told.own().0, ["192.168.12.11", "192.168.12.99", "fd00:12::11"]);
}

#[test]
fn a_single_address_is_the_nodes_where_it_has_no_other() {
    let cloud = "2 ens4 physical 10.132.0.7/32
                 10.132.0.1 dev ens4
                 default via 10.132.0.1 dev ens4";
    assert_eq!(surroundings(cloud).own().0, ["10.132.0.7"]);
    assert!(surroundings(&cloud.replace("7/32", "7/32 10.132.0.9/32")).nodes.is_empty());
}

const OVN: &str = "
    2 ovs-system openvswitch down
    3 ens3 physical mac 52:54:00:00:00:0b master ovs-system
    4 ens4 physical mac 52:54:00:00:00:0c master ovs-system
    5 genev_sys_6081 geneve master ovs-system
    6 br-ex openvswitch mac 52:54:00:00:00:0b 192.168.12.11/24 192.168.12.5/32 169.254.169.2/29
    7 br-int openvswitch down
    8 ovn-k8s-mp0 openvswitch mac 0a:58:0a:80:00:02 10.128.0.2/23
    9 0a1b2c3d4e5f6a7 veth elsewhere master ovs-system
    default via 192.168.12.1 dev br-ex
    172.30.0.0/16 via 169.254.169.4 dev br-ex
    10.128.0.0/23 dev ovn-k8s-mp0
    10.128.0.0/14 via 10.128.0.1 dev ovn-k8s-mp0
    169.254.169.3/32 via 10.128.0.1 dev ovn-k8s-mp0
    192.168.12.0/24 dev br-ex";

#[test]
fn a_node_of_ovn_kubernetes_leaves_by_br_ex_and_its_card() {
    let found = surroundings(OVN);
    assert_eq!(
        found.roles(),
        [
            "ovs-system -",
            "ens3 uplink",
            "ens4 -",
            "genev_sys_6081 tunnel",
            "br-ex uplink",
            "br-int -",
            "ovn-k8s-mp0 -",
            "0a1b2c3d4e5f6a7 pod",
        ]
    );
    assert_eq!(found.because("ens3"), "port of br-ex");
    assert_eq!(found.because("genev_sys_6081"), "tunnel device (geneve)");
    assert_eq!(found.because("ovn-k8s-mp0"), "device of the cluster's network");
    assert_eq!(found.own().0, ["192.168.12.11"], "not the address that keepalived put there");
    assert_eq!(
        found.inside()[2..],
        ["10.128.0.0/23: routed into ovn-k8s-mp0", "10.128.0.0/14: routed into ovn-k8s-mp0"]
    );
}

#[test]
fn a_card_of_br_ex_that_cannot_be_told_from_others_is_no_uplink() {
    let strange = OVN.replace("br-ex openvswitch mac 52:54:00:00:00:0b", "br-ex openvswitch");
    let found = surroundings(&strange);
    assert_eq!(found.roles()[1..5], ["ens3 -", "ens4 -", "genev_sys_6081 tunnel", "br-ex -"]);
    assert_eq!(
        found.because("br-ex"),
        "the default route (via 192.168.12.1) leads through it, but whether out of the machine cannot be told"
    );
    let alone = strange.lines().filter(|line| !line.contains("ens4")).collect::<Vec<_>>().join("\n");
    assert_eq!(surroundings(&alone).roles()[1], "ens3 uplink", "the only card of the datapath");
}

#[test]
fn a_node_of_openshift_sdn_leaves_by_its_card_and_not_by_tun0() {
    let found = surroundings(
        "2 ens192 physical 192.168.12.11/24 192.168.12.99/24 secondary
         3 docker0 bridge down 172.17.0.1/16
         4 ovs-system openvswitch down
         5 br0 openvswitch down
         6 vxlan_sys_4789 vxlan master ovs-system
         7 tun0 openvswitch 10.128.0.1/23
         8 veth5bd2e4 veth elsewhere master ovs-system
         default via 192.168.12.1 dev ens192
         10.128.0.0/14 dev tun0
         172.30.0.0/16 dev tun0
         172.17.0.0/16 dev docker0
         192.168.12.0/24 dev ens192",
    );
    assert_eq!(
        found.roles(),
        [
            "ens192 uplink",
            "docker0 -",
            "ovs-system -",
            "br0 -",
            "vxlan_sys_4789 tunnel",
            "tun0 -",
            "veth5bd2e4 pod",
        ]
    );
    assert_eq!(found.own().0, ["192.168.12.11"], "not the egress address");
    let inside = found.inside();
    assert!(inside.contains(&"10.128.0.0/14: routed into tun0".to_owned()), "{inside:?}");
    assert!(inside.contains(&"172.30.0.0/16: routed into tun0".to_owned()), "{inside:?}");
}

#[test]
fn a_node_of_calico_has_a_veth_for_each_pod_and_no_bridge() {
    let found = surroundings(
        "2 eth0 physical 192.168.12.11/24
         3 tunl0 ipip 10.244.5.1/32
         4 vxlan.calico vxlan 10.244.5.0/32
         5 cali1234567890a veth elsewhere
         6 cali1234567890b veth elsewhere
         default via 192.168.12.1 dev eth0
         10.244.5.7/32 dev cali1234567890a
         10.244.5.8/32 dev cali1234567890b
         10.244.6.0/26 via 10.244.6.0 dev vxlan.calico
         10.244.7.0/26 via 192.168.12.13 dev tunl0
         192.168.12.0/24 dev eth0",
    );
    assert_eq!(
        found.roles(),
        ["eth0 uplink", "tunl0 tunnel", "vxlan.calico tunnel", "cali1234567890a pod", "cali1234567890b pod"]
    );
    assert_eq!(
        found.inside()[2..],
        [
            "10.244.5.7: routed into cali1234567890a",
            "10.244.5.8: routed into cali1234567890b",
            "10.244.6.0/26: routed into vxlan.calico",
            "10.244.7.0/26: routed into tunl0",
        ]
    );
}

#[test]
fn a_default_route_for_ciliums_proxy_makes_no_uplink() {
    let found = surroundings(
        "2 ens5 physical 192.168.12.11/24
         3 cilium_net veth
         4 cilium_host veth over cilium_net 10.0.1.50/32
         5 cilium_vxlan vxlan
         6 lxc0123456789a veth elsewhere
         default via 10.0.1.50 dev cilium_host table 2005
         default via 192.168.12.1 dev ens5
         10.0.1.0/24 via 10.0.1.50 dev cilium_host
         10.0.2.0/24 via 10.0.1.50 dev cilium_host
         10.0.1.50/32 dev cilium_host",
    );
    assert_eq!(
        found.roles(),
        ["ens5 uplink", "cilium_net -", "cilium_host -", "cilium_vxlan tunnel", "lxc0123456789a pod"]
    );
    assert_eq!(found.own().0, ["192.168.12.11"]);
    assert!(found.inside().contains(&"10.0.2.0/24: routed into cilium_host".to_owned()));
}

#[test]
fn a_vlan_on_a_bond_leaves_by_all_that_carry_it() {
    let found = surroundings(
        "2 bond0 bond
         3 eno1 physical master bond0
         4 eno2 physical master bond0
         5 eno3 physical 10.50.0.2/24
         6 bond0.100 vlan over bond0 192.168.12.11/24
         7 bond0.200 vlan over bond0 10.60.0.2/24
         default via 192.168.12.1 dev bond0.100
         10.50.0.0/24 dev eno3
         10.99.0.0/16 via 10.60.0.1 dev bond0.200",
    );
    assert_eq!(
        found.roles(),
        ["bond0 uplink", "eno1 uplink", "eno2 uplink", "eno3 -", "bond0.100 uplink", "bond0.200 uplink"]
    );
    assert_eq!(found.because("eno1"), "port of bond0");
    assert_eq!(found.because("bond0.200"), "the route to 10.99.0.0/16 (via 10.60.0.1) leads through it");
    assert_eq!(found.because("eno3"), "no route out leads through it");
    assert!(found.because("bond0").starts_with("carries bond0."));
}

#[test]
fn a_bridge_over_a_card_is_an_uplink_and_a_machine_that_hangs_on_it_is_none() {
    let found = surroundings(
        "2 br0 bridge 192.168.12.11/24
         3 eno1 physical master br0
         4 vnet0 tun master br0
         5 veth9 veth elsewhere master br0
         default via 192.168.12.1 dev br0",
    );
    assert_eq!(found.roles(), ["br0 uplink", "eno1 uplink", "vnet0 -", "veth9 pod"]);
    assert_eq!(found.because("eno1"), "port of br0");
    let cables = "2 cbr0 bridge 192.168.12.11/24
                  3 eno1 physical master cbr0
                  default via 192.168.12.1 dev cbr0";
    assert_eq!(
        surroundings(cables).roles(),
        ["cbr0 uplink", "eno1 uplink"],
        "a name proves nothing against a cable"
    );
}

#[test]
fn default_routes_over_several_links_make_all_of_them_uplinks() {
    let found = surroundings(
        "2 eth0 physical 192.168.12.11/24
         3 eth1 physical 192.168.13.11/24
         4 eth2 physical 10.0.3.7/24
         default via 192.168.12.1 dev eth0 and via 192.168.13.1 dev eth1
         default via 10.0.3.1 dev eth2 table 2",
    );
    assert_eq!(found.roles(), ["eth0 uplink", "eth1 uplink", "eth2 uplink"]);
}

const POD: &str = "
    2 tunl0 ipip down
    3 eth0 veth elsewhere mac 0a:58:0a:80:00:05 10.128.0.5/23
    default via 10.128.0.1 dev eth0
    10.128.0.0/23 dev eth0
    10.128.0.0/14 via 10.128.0.1 dev eth0
    172.30.0.0/16 via 10.128.0.1 dev eth0
    169.254.0.5/32 via 10.128.0.1 dev eth0";

#[test]
fn inside_a_pod_eth0_is_no_uplink() {
    let found = surroundings(POD);
    assert_eq!(found.standpoint, Standpoint::Pod);
    assert_eq!(found.because, "the default route leads into another namespace, by eth0");
    assert_eq!(found.roles(), ["tunl0 tunnel", "eth0 pod"]);
    assert_eq!(found.own(), (vec![], vec!["10.128.0.5".to_owned()]));
    assert_eq!(
        found.inside(),
        [
            "10.128.0.0/23: routed into eth0",
            "10.128.0.0/14: routed into eth0",
            "172.30.0.0/16: routed into eth0"
        ]
    );
}

#[test]
fn a_pod_with_a_card_of_its_own_is_known_by_its_address() {
    let offloaded = POD.replace("eth0 veth elsewhere", "eth0 physical");
    assert_eq!(surroundings(&offloaded).roles(), ["tunl0 tunnel", "eth0 pod"], "by OVN's Ethernet address");
    let plain = offloaded.replace("mac 0a:58:0a:80:00:05", "");
    assert_eq!(surroundings(&plain).roles()[1], "eth0 uplink", "nothing tells it from a machine");
    let told = inventory(&plain).surroundings(Told { pods: &[ip("10.128.0.5")], nodes: &[] });
    assert_eq!(told.roles()[1], "eth0 pod");
    assert_eq!(told.because("eth0"), "holds a pod's address");
}

#[test]
fn a_pods_second_interface_that_is_a_card_leaves_the_node_and_names_no_node() {
    let found = surroundings(
        "3 eth0 veth elsewhere 10.128.0.5/23
         4 net1 physical 10.40.0.5/24
         default via 10.40.0.1 dev net1
         10.128.0.0/14 via 10.128.0.1 dev eth0",
    );
    assert_eq!(found.standpoint, Standpoint::Unclear);
    assert_eq!(found.roles(), ["eth0 pod", "net1 uplink"]);
    assert_eq!(found.own(), (vec![], vec![]));
}

#[test]
fn a_pods_second_veth_with_a_way_to_one_host_names_no_node() {
    for (address, to) in [("192.168.100.5/24", "192.168.100.77"), ("fd00:100::5/64", "fd00:100::77")] {
        let single = if to.contains(':') { 128 } else { 32 };
        let found = surroundings(&format!(
            "3 eth0 veth elsewhere 10.128.0.5/23
             4 net1 veth elsewhere {address}
             default via 10.128.0.1 dev eth0
             {to}/{single} dev net1"
        ));
        assert_eq!(found.standpoint, Standpoint::Pod, "{address}");
        assert_eq!(found.roles(), ["eth0 pod", "net1 pod"], "{address}");
        assert_eq!(found.because, "the default route leads into another namespace, by eth0");
    }
}

#[test]
fn a_pods_vlan_on_its_veth_leads_to_the_node_too() {
    let found = surroundings(
        "2 eth0 veth elsewhere 10.128.0.5/32
         3 eth0.7 vlan over eth0 10.7.0.5/24
         default via 10.7.0.1 dev eth0.7",
    );
    assert_eq!(found.roles(), ["eth0 pod", "eth0.7 -"]);
}

#[test]
fn an_egress_router_leaves_by_its_macvlan() {
    let found = surroundings(
        "3 eth0 veth elsewhere 10.128.0.20/23
         4 macvlan0 macvlan elsewhere 192.168.12.99/24
         default via 192.168.12.1 dev macvlan0
         192.168.12.1/32 dev macvlan0
         10.128.0.0/14 via 10.128.0.1 dev eth0",
    );
    assert_eq!(found.standpoint, Standpoint::Pod);
    assert_eq!(found.roles(), ["eth0 pod", "macvlan0 uplink"]);
    assert_eq!(found.own(), (vec![], vec!["10.128.0.20".to_owned()]), "the egress address is neither's");
    assert_eq!(
        found.inside(),
        ["192.168.12.99: address of macvlan0, perhaps an egress address", "10.128.0.0/14: routed into eth0"]
    );
}

#[test]
fn a_pod_in_its_nodes_network_sees_the_node() {
    // Such a pod's own address is the node's.
    let own = [ip("192.168.12.11")];
    for told in [Told { pods: &own, nodes: &[] }, Told { pods: &own, nodes: &own }] {
        let found = inventory(OVN).surroundings(told);
        assert_eq!(found.standpoint, Standpoint::Node, "{}", found.because);
        assert_eq!(found.roles()[4], "br-ex uplink");
        assert_eq!(found.own(), (vec!["192.168.12.11".to_owned()], vec![]));
    }
}

#[test]
fn a_laptop_leaves_by_its_wireless_card() {
    let found = surroundings(
        "2 enp0s31f6 physical down
         3 wlan0 physical 192.168.178.20/24
         4 docker0 bridge 172.17.0.1/16
         5 veth77 veth elsewhere master docker0
         6 wg0 wireguard 10.9.0.2/24
         default via 192.168.178.1 dev wlan0
         10.20.0.0/16 dev wg0",
    );
    assert_eq!(found.roles(), ["enp0s31f6 -", "wlan0 uplink", "docker0 -", "veth77 pod", "wg0 tunnel"]);
    assert_eq!(found.standpoint, Standpoint::Node);
    assert!(!found.inside().iter().any(|block| block.starts_with("10.20.")), "a partner may be behind a VPN");
}

/// A node that is a container itself, as kind and k3d make them.
#[test]
fn a_node_in_a_container_leaves_by_the_veth_that_a_pod_would_not() {
    let kind = "2 eth0 veth elsewhere 172.18.0.3/16
                3 veth1 veth elsewhere 10.244.0.1/32
                default via 172.18.0.1 dev eth0
                10.244.0.5/32 dev veth1
                10.244.1.0/24 via 172.18.0.2 dev eth0";
    let found = surroundings(kind);
    assert_eq!(
        (found.standpoint, found.because.as_str()),
        (Standpoint::Node, "10.244.0.5 lies behind veth1")
    );
    assert_eq!(found.roles(), ["eth0 uplink", "veth1 pod"]);
    let contradicted = inventory(kind).surroundings(Told { pods: &[ip("172.18.0.3")], nodes: &[] });
    assert_eq!(contradicted.roles(), ["eth0 -", "veth1 pod"]);
}

#[test]
fn docker_in_a_pod_or_a_node_in_docker_cannot_be_told_without_more() {
    let text = "2 eth0 veth elsewhere 10.128.0.5/23
                3 docker0 bridge 172.17.0.1/16
                4 veth77 veth elsewhere master docker0
                default via 10.128.0.1 dev eth0";
    let found = surroundings(text);
    assert_eq!(found.roles(), ["eth0 -", "docker0 -", "veth77 pod"]);
    assert!(found.because("eth0").ends_with("but whether this is a pod or a node cannot be told"));
    assert_eq!(found.own(), (vec![], vec![]));
    let told =
        |pods: &[Address], nodes: &[Address]| inventory(text).surroundings(Told { pods, nodes }).roles();
    assert_eq!(told(&[ip("10.128.0.5")], &[])[0], "eth0 pod");
    assert_eq!(told(&[], &[ip("10.128.0.5")])[0], "eth0 uplink");
}

#[test]
fn a_default_route_into_something_unheard_of_is_no_uplink() {
    let found = surroundings("2 strange0 strange 10.0.0.2/24\ndefault via 10.0.0.1 dev strange0");
    assert_eq!(found.roles(), ["strange0 -"]);
    assert_eq!(found.standpoint, Standpoint::Unclear);
}

#[test]
fn devices_that_stand_on_each_other_in_a_circle_lead_nowhere() {
    let mut machine = inventory("2 a vlan 10.0.0.2/24\n3 b vlan over a\ndefault via 10.0.0.1 dev a");
    machine.links[1].lower = Some(crate::machine::Lower::Here(3));
    assert_eq!(machine.surroundings(Told::default()).roles(), ["a -", "b -"]);
}

#[test]
fn an_interfaces_name_is_never_shown_raw() {
    let mut machine = inventory("2 eth0 physical 192.168.12.11/24\ndefault via 192.168.12.1 dev eth0");
    machine.links[1].name = "eth0\u{1b}[31m".to_owned();
    let found = machine.surroundings(Told::default());
    assert_eq!(found.places[1].name, "eth0\\u{1b}[31m");
    assert_eq!(found.nodes[0].1, "address of eth0\\u{1b}[31m");
}
