//! What egret reads of the host's network, in namespaces with the laboratory's cluster: links, addresses, routes and
//! translations as the kernel tells them, beside what the laboratory has set up and what conntrack(8) prints.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::net::{TcpListener, TcpStream, UdpSocket};

use egret::conntrack::{Table, Translation};
use egret::machine::{self, Error, Machine, Standpoint, Surroundings, Told, Watch};
use egret::snapshot::Role;
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

use crate::enclosure;
use crate::netns::{Namespace, run};
use crate::situation::{Egress, EgressRouter, Knobs, Tunnel};
use crate::topology::Cluster;

/// What is seen from inside a namespace of the cluster, with nothing said of pods and nodes.
fn seen_from(cluster: &Cluster, name: &str) -> Surroundings {
    cluster.at(name).within(|| Machine::read().expect("the machine")).surroundings(Told::default())
}

/// `eth0 uplink: because`, sorted by name.
fn places(seen: &Surroundings) -> Vec<String> {
    let role = |role: Option<Role>| role.map_or("-", Role::name);
    let mut places: Vec<String> = (seen.places.iter())
        .map(|place| format!("{} {}: {}", place.name, role(place.role), place.because))
        // Tunnels that the kernel's modules put into every namespace.
        .filter(|place| {
            ["lo ", "eth0 ", "cni0 ", "veth-", "vxlan_", "genev_", "macvlan0 "]
                .iter()
                .any(|name| place.starts_with(name))
        })
        .collect();
    places.sort();
    places
}

fn addresses(list: &[(egret::net::Address, String)]) -> Vec<String> {
    list.iter().map(|(address, _)| address.to_string()).collect()
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn nodes_and_pods_know_their_surroundings() {
    if !enclosure::entered("surroundings::nodes_and_pods_know_their_surroundings") {
        return; // The same test passed inside.
    }
    let egress = Egress {
        address: [192, 168, 12, 98].into(),
        node: "node1".to_owned(),
        pods: vec!["pod-b".to_owned()],
        ports: String::new(),
        preferred: false,
    };
    let knobs = Knobs { egress: vec![egress], egress_router: EgressRouter::Nat, ..Knobs::default() };
    let cluster = Cluster::build(&knobs);

    let node = seen_from(&cluster, "node1");
    assert_eq!(
        places(&node),
        [
            "cni0 -: bridge of pods' interfaces",
            "eth0 uplink: the default route (via 192.168.12.1) leads through it",
            "lo -: loopback",
            "veth-a pod: its other end lies in another namespace",
            "veth-b pod: its other end lies in another namespace",
            "veth-d pod: its other end lies in another namespace",
            "veth-er pod: its other end lies in another namespace",
            "vxlan_sys_4789 tunnel: tunnel device (vxlan)",
        ]
    );
    assert_eq!(
        (node.standpoint, addresses(&node.nodes)),
        (Standpoint::Node, vec!["192.168.12.11".to_owned()])
    );
    let inside: BTreeSet<String> =
        node.inside.iter().map(|(block, because)| format!("{block}: {because}")).collect();
    assert_eq!(
        inside.iter().map(String::as_str).collect::<Vec<_>>(),
        [
            "10.128.0.0/24: routed into cni0",
            "10.128.0.1: address of cni0",
            "10.129.0.0/24: routed into vxlan_sys_4789",
            "192.168.12.98: address of eth0, perhaps an egress address",
        ]
    );

    let pod = seen_from(&cluster, "pod-a");
    assert_eq!(places(&pod), ["eth0 pod: its other end lies in another namespace", "lo -: loopback"]);
    assert_eq!((pod.standpoint, addresses(&pod.pods)), (Standpoint::Pod, vec!["10.128.0.5".to_owned()]));
    assert!(pod.nodes.is_empty());

    let router = seen_from(&cluster, "egress-router");
    assert_eq!(
        places(&router),
        [
            "eth0 pod: its other end lies in another namespace",
            "lo -: loopback",
            "macvlan0 uplink: the default route (via 192.168.12.1) leads through it",
        ]
    );
    assert_eq!(addresses(&router.pods), ["10.128.0.20"]);
    assert!(router.nodes.is_empty(), "the egress address is not a node's: {:?}", router.nodes);
    drop(cluster);

    let geneve = Cluster::build(&Knobs { ipv6: true, tunnel: Tunnel::Geneve, ..Knobs::default() });
    let node = seen_from(&geneve, "node1");
    assert!(places(&node).contains(&"genev_sys_6081 tunnel: tunnel device (geneve)".to_owned()), "{node:?}");
    assert_eq!(addresses(&node.nodes), ["192.168.12.11", "fd00:12::11"]);
    assert!(
        node.inside.iter().any(|(block, _)| block.to_string() == "fd01:0:0:128::/64"),
        "{:?}",
        node.inside
    );
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn interfaces_that_appear_change_and_vanish_are_noticed() {
    if !enclosure::entered("surroundings::interfaces_that_appear_change_and_vanish_are_noticed") {
        return; // The same test passed inside.
    }
    let namespace = Namespace::add("watched");
    let mut watch = namespace.within(|| Watch::new().expect("a watch"));
    assert!(!watch.changed());
    for change in [
        "link add early type bridge\n",
        "link set early name late\n",
        "addr add 192.168.12.99/32 dev late\n",
        "link del late\n",
    ] {
        namespace.ip(change);
        assert!(watch.changed(), "not noticed: {change}");
        assert!(!watch.changed(), "noticed twice: {change}");
    }
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn the_kernels_translations_are_those_that_conntrack_prints() {
    if !enclosure::entered("surroundings::the_kernels_translations_are_those_that_conntrack_prints") {
        return; // The same test passed inside.
    }
    let cluster = Cluster::build(&Knobs::default());
    let listener = cluster.at("ext").within(|| TcpListener::bind("203.0.113.25:443").expect("a listener"));
    let (client, datagrams) = cluster.at("pod-a").within(|| {
        let client = TcpStream::connect("203.0.113.25:443").expect("the far side");
        let datagrams = UdpSocket::bind("10.128.0.5:5000").expect("a socket");
        datagrams.send_to(b"nobody answers", "203.0.113.26:5353").expect("the far side");
        (client, datagrams)
    });
    let (mut server, arrived_from) = listener.accept().expect("the client");
    let port = client.local_addr().expect("an address").port();

    let node = cluster.at("node1");
    let live = node.within(|| machine::conntrack::read().expect("conntrack's table"));
    let printed = run(node.command("conntrack").args(["-L", "-o", "extended"]), "");
    let printed = Table::parse(printed.as_bytes());
    let set = |table: &Table| table.translations.iter().copied().collect::<BTreeSet<Translation>>();
    assert_eq!(set(&live), set(&printed));
    assert_eq!((live.skipped, printed.skipped, live.untranslated), (0, 0, printed.untranslated));

    let told: BTreeSet<String> = (live.translations.iter())
        .map(|entry| format!("{}: {} left as {}", entry.protocol, entry.original.0, entry.wire().0))
        .collect();
    assert!(told.contains(&format!("6: 10.128.0.5:{port} left as {arrived_from}")), "{told:?}");
    assert!(told.contains("17: 10.128.0.5:5000 left as 192.168.12.11:5000"), "{told:?}");

    let refused = node.within(|| {
        let bare =
            CapabilitySets { effective: CapabilitySet::empty(), ..capabilities(None).expect("its own") };
        set_capabilities(None, bare).expect("to give up capabilities");
        machine::conntrack::read()
    });
    assert!(matches!(refused, Err(Error::NoPermission)), "{refused:?}");

    drop((client, datagrams));
    server.read_to_end(&mut Vec::new()).expect("the end of the connection");
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn without_the_right_to_read_the_table_egret_says_so_and_captures() {
    if !enclosure::entered("surroundings::without_the_right_to_read_the_table_egret_says_so_and_captures") {
        return; // The same test passed inside.
    }
    let cluster = Cluster::build(&Knobs::default());
    let said = |rights: &[&str]| {
        let mut command = cluster.at("node1").command("setpriv");
        command.args(rights).arg(env!("CARGO_BIN_EXE_egret"));
        command.args(["check", "-i", "eth0", "--conntrack", "live", "--duration", "1ms", "--format", "json"]);
        let output = command.output().expect("setpriv, of util-linux");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
        let about = |key: &str| -> Vec<String> {
            let lines = report[key].as_array().expect("lines").iter().map(ToString::to_string);
            lines.filter(|line| line.contains("conntrack")).collect()
        };
        (about("assumptions"), about("warnings"))
    };
    let (assumed, warned) = said(&[]);
    assert!(assumed.len() == 1 && assumed[0].contains("translations (live), as of 20"), "{assumed:?}");
    assert_eq!(warned, Vec::<String>::new());

    let (assumed, warned) =
        said(&["--ambient-caps=-net_admin", "--inh-caps=-net_admin", "--bounding-set=-net_admin"]);
    assert_eq!(assumed, Vec::<String>::new());
    assert!(
        warned.len() == 1
            && warned[0]
                .contains("--conntrack live: cannot read conntrack's table: CAP_NET_ADMIN is missing; "),
        "{warned:?}"
    );
}
