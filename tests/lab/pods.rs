//! Pods captured from their node: egret goes into their network namespaces only to open its sockets.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::apart::{cluster, connect, counted, listen};
use crate::capture::until;
use crate::egret::{Egret, check, program, without_variables};
use crate::enclosure::{Watch, entered};
use crate::netns::{Namespace, run};
use crate::situation::{EgressRouter, Knobs};
use crate::topology::Cluster;

const PATIENCE: Duration = Duration::from_mins(2);

/// A process that does nothing in a namespace, under a host name of its own, as the processes of a pod are; ended when dropped.
struct Idler(Child);

impl Idler {
    fn start(namespace: &Namespace, host: &str) -> Self {
        let mut command = namespace.command("unshare");
        let script = format!("hostname {host} && exec sleep 1000");
        let child =
            command.args(["--uts", "sh", "-c", &script]).stdin(Stdio::null()).spawn().expect("unshare");
        let idler = Self(child);
        let comm = format!("/proc/{}/comm", idler.pid());
        until("it sleeps", || fs::read_to_string(&comm).is_ok_and(|name| name.trim() == "sleep"));
        idler
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Idler {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The namespaces that an egret's threads are in.
fn networks(egret: &Egret) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{}/task", egret.child.id())).expect("threads");
    let link = |task: std::io::Result<fs::DirEntry>| {
        let link = fs::read_link(task.expect("a thread").path().join("ns/net"));
        link.expect("its namespace").display().to_string()
    };
    tasks.map(link).collect()
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_pods_own_leg_and_its_nodes_uplink_are_captured_in_one_run() {
    if !entered("pods::a_pods_own_leg_and_its_nodes_uplink_are_captured_in_one_run") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("pods", PATIENCE);
    let cluster = cluster();
    let listener = listen(&cluster);
    let idler = Idler::start(cluster.at("pod-b"), "web-0");
    let pid = format!("{}:eth0", idler.pid());
    let arguments = [
        "-i",
        "eth0",
        "--netns",
        "pod-a=/run/netns/pod-a:eth0",
        "--pid",
        &pid,
        "--expect=10.128.0.5=>192.168.12.99",
        "--expect=10.128.0.6=>192.168.12.99",
        "--format",
        "json",
    ];
    let egret = Egret::capture(cluster.at("node1"), &arguments);
    until("its threads run", || egret.status("Threads") == "5");
    let node = cluster.at("node1").within(|| fs::read_link("/proc/thread-self/ns/net").expect("its own"));
    assert_eq!(networks(&egret), vec![node.display().to_string(); 5], "no thread has stayed in a pod");
    connect(cluster.at("pod-a"), &listener, 5);
    connect(cluster.at("pod-b"), &listener, 3);
    let ended = egret.interrupt();
    let report = ended.report();
    let keys = ["/origin/ip", "/legs/0/place", "/legs/0/role", "/legs/1/place", "/wire/ip", "/reason"];
    let seen = |keys: [&str; 6]| keys.map(str::to_owned);
    assert_eq!(
        counted(&report, keys),
        BTreeMap::from([
            (seen(["10.128.0.5", "pod-a/eth0", "pod", "eth0/eth0", "192.168.12.99", "expected-source"]), 5),
            (seen(["10.128.0.6", "web-0/eth0", "pod", "eth0/eth0", "192.168.12.11", "node-ip"]), 3),
        ]),
        "{report:?}"
    );
    assert_eq!(ended.code, Some(1));
    for said in ["captured on a node (", "pod-a: captured in a pod (", "web-0: captured in a pod ("] {
        assert!(report.lines("assumptions").iter().any(|line| line.starts_with(said)), "{said}: {report:?}");
    }
    assert!(report.says("pods: 10.128.0.6 (web-0: address of eth0)"), "{report:?}");
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn what_becomes_of_a_pods_interfaces_is_heard_of_from_outside_of_it() {
    if !entered("pods::what_becomes_of_a_pods_interfaces_is_heard_of_from_outside_of_it") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("pods", PATIENCE);
    let (here, pod, far) = (Namespace::add("here"), Namespace::add("pod"), Namespace::add("far"));
    let egret = Egret::capture(&here, &["--netns", "/run/netns/pod", "--format", "json"]);
    pod.ip(
        "link add late0 type veth peer name eth0 netns far\naddr add 10.9.0.1/24 dev late0\nlink set late0 up\n\
         neigh replace 10.9.0.2 lladdr 02:00:00:00:00:03 dev late0 nud permanent\n",
    );
    far.ip("link set eth0 up\n");
    pod.within(|| crate::cable::send("10.9.0.2", 3));
    let report = egret.interrupt().report();
    let place = &report.0["points"][0]["places"][0];
    assert_eq!(report.0["points"][0]["name"], "pod", "{report:?}");
    assert_eq!((&place["interface"], &place["role"]), (&"late0".into(), &"pod".into()), "{report:?}");
    assert_eq!(place["because"], "its other end lies in another namespace");
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_router_pods_own_table_of_translations_is_followed_from_its_node() {
    if !entered("pods::a_router_pods_own_table_of_translations_is_followed_from_its_node") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("pods", PATIENCE);
    let cluster = Cluster::build(&Knobs { egress_router: EgressRouter::Nat, ..Knobs::default() });
    let listener = listen(&cluster);
    let arguments = [
        "-i",
        "macvlan0",
        "--netns",
        "/run/netns/egress-router",
        "--conntrack",
        "live",
        "--expect=10.128.0.6=>192.168.12.99",
        "--format",
        "json",
    ];
    let egret = Egret::capture(cluster.at("node1"), &arguments);
    for _ in 0..3 {
        drop(cluster.at("pod-b").within(|| TcpStream::connect("172.30.99.10:8443").expect("the router")));
        listener.accept().expect("the client");
    }
    let report = egret.interrupt().report();
    let seen = ["10.128.0.6", "egress-router/macvlan0", "uplink", "192.168.12.99", "expected-source"];
    let keys = ["/origin/ip", "/legs/0/place", "/legs/0/role", "/wire/ip", "/reason"];
    assert_eq!(counted(&report, keys), BTreeMap::from([(seen.map(str::to_owned), 3)]), "{report:?}");
    let whose = "conntrack: live is the table of egress-router's network namespace";
    assert!(report.says(whose), "{report:?}");
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn packets_of_a_pod_are_printed_and_recorded_on_its_node() {
    if !entered("pods::packets_of_a_pod_are_printed_and_recorded_on_its_node") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("pods", PATIENCE);
    let cluster = cluster();
    let listener = listen(&cluster);
    let node = cluster.at("node1");
    let within = ["-i", "eth0", "--netns", "/run/netns/pod-a"];
    let dump = Egret::dump(node, &[&within[..], &["-n", "-l", "-c", "1", "tcp"]].concat());
    let record = Egret::record(node, &[&within[..], &["-w", "/run/pod.pcapng", "-c", "1", "tcp"]].concat());
    connect(cluster.at("pod-a"), &listener, 1);
    let printed = dump.end();
    assert!(
        printed.stdout.contains("IP 10.128.0.5.")
            && printed.stdout.contains(" > 203.0.113.25.443: Flags [S]"),
        "{printed:?}"
    );
    assert_eq!(record.end().code, Some(0));
    let about = run(Command::new("capinfos").arg("/run/pod.pcapng"), "");
    assert!(about.contains("Name = eth0"), "{about}");
    let read = run(Command::new("tcpdump").args(["-n", "-r", "/run/pod.pcapng"]), "");
    assert!(read.contains("IP 10.128.0.5.") && read.lines().count() == 1, "{read}");
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn who_may_not_enter_is_told_what_it_takes() {
    if !entered("pods::who_may_not_enter_is_told_what_it_takes") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("pods", PATIENCE);
    let (here, _pod) = (Namespace::add("here"), Namespace::add("pod"));
    let mut command = here.command("setpriv");
    command
        .args(["--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "--ambient-caps=-all"])
        .arg(program());
    command.args(["check", "--netns", "/run/netns/pod"]).stdin(Stdio::null());
    without_variables(&mut command);
    let ended = Egret::start(&mut command).end();
    let why = "egret: --netns: cannot enter the network namespace of /run/netns/pod: not permitted; it takes CAP_SYS_ADMIN";
    assert!(ended.code == Some(2) && ended.stderr.starts_with(why), "{ended:?}");
    let ended = Egret::start(check(&here, &["--netns", "/run/netns/nosuch"]).stdin(Stdio::null())).end();
    let why = "egret: --netns: there is no /run/netns/nosuch; `ip netns` lists those that have a name";
    assert!(ended.code == Some(2) && ended.stderr.starts_with(why), "{ended:?}");
    let ended =
        Egret::start(check(&here, &["-i", "eth9", "--netns", "/run/netns/pod"]).stdin(Stdio::null())).end();
    let why = "egret: nothing could be read: pod: cannot capture on eth9: there is no such interface here; there are lo, any\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), why));
    fs::write("/run/plain", "").expect("a file");
    let ended = Egret::start(check(&here, &["--netns", "/run/plain"]).stdin(Stdio::null())).end();
    assert!(ended.stderr.starts_with("egret: --netns: /run/plain is no network namespace"), "{ended:?}");
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_pod_that_shares_its_nodes_network_is_captured_once() {
    if !entered("pods::a_pod_that_shares_its_nodes_network_is_captured_once") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("pods", PATIENCE);
    let here = Namespace::add("here");
    let idler = Idler::start(&here, "web-0");
    let pid = idler.pid().to_string();
    let ended = Egret::capture(&here, &["--pid", &pid, "--duration", "300ms", "--format", "json"]).end();
    let report = ended.report();
    let note =
        format!("--pid {pid}: this is the network namespace that egret itself runs in, as with hostNetwork");
    assert!(report.says(&note), "{report:?}");
    let twice = ["-i", "lo", "--pid", &format!("{pid}:lo")];
    let ended = Egret::start(check(&here, &twice).stdin(Stdio::null())).end();
    let why = "egret: lo and web-0 are one and the same, lo of one network namespace: its frames would count twice\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), why));
}
