//! `egret doctor` in the laboratory: in a pod's network, on a node, at a desk; without rights, without files, and what it does
//! to the machine meanwhile.
//!
//! A place is made of a network namespace of the laboratory and of a layout of `testdata/platform`, which is the root folder
//! for egret. There is nothing else in that folder but egret and the libraries that it is linked with.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::getuid;
use serde_json::Value;

use crate::egret::{VARIABLES, program};
use crate::enclosure::{Watch, entered};
use crate::netns::{Namespace, run};
use crate::situation::Knobs;
use crate::topology::Cluster;

const PATIENCE: Duration = Duration::from_mins(2);

/// A root folder with egret in it; gone when dropped.
struct Root(PathBuf);

impl Root {
    /// Of a layout, or an empty one.
    fn of(layout: Option<&str>) -> Self {
        let root = std::env::temp_dir().join(format!(
            "egret-lab-{}-{}",
            std::process::id(),
            layout.unwrap_or("empty")
        ));
        std::fs::create_dir_all(&root).expect("a folder");
        if let Some(layout) = layout {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/platform").join(layout);
            let mut copy = Command::new("cp");
            run(copy.arg("-a").arg(source.join(".")).arg(&root), "");
        }
        let egret = PathBuf::from(program());
        std::fs::copy(&egret, root.join("egret")).expect("egret");
        for library in libraries(&egret) {
            let at = root.join(library.strip_prefix("/").expect("a whole path"));
            std::fs::create_dir_all(at.parent().expect("a folder")).expect("a folder");
            std::fs::copy(&library, at).expect("a library");
        }
        Self(root)
    }

    fn write(&self, path: &str, holds: &str) {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, holds).expect("a file");
    }

    /// What `egret doctor` prints in here, in that network and with those variables.
    fn doctor(&self, network: &Namespace, variables: &[(&str, &str)], arguments: &[&str]) -> String {
        let mut command = network.command("chroot");
        command.arg(&self.0).args(["/egret", "doctor"]).args(arguments);
        for variable in VARIABLES.iter().chain(&["KUBERNETES_SERVICE_HOST", "container"]) {
            command.env_remove(variable);
        }
        run(command.envs(variables.iter().copied()), "")
    }

    fn json(&self, network: &Namespace, variables: &[(&str, &str)]) -> Value {
        let printed = self.doctor(network, variables, &["--format", "json"]);
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a program is linked with; nothing, if that is all in it.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let listed = Command::new("ldd").arg(program).output().expect("ldd");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    listed.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
}

/// The answers, by what is asked.
fn can(told: &Value) -> Vec<&str> {
    let verify = told["verify"].as_array().expect("a list");
    verify.iter().map(|verify| verify["can"].as_str().expect("text")).collect()
}

fn interface<'a>(told: &'a Value, name: &str) -> &'a Value {
    let all = told["network"]["interfaces"].as_array().expect("a list");
    all.iter().find(|interface| interface["name"] == name).unwrap_or_else(|| panic!("no {name}: {told}"))
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn in_a_pod_and_on_a_node_it_knows_what_can_be_told() {
    if !entered("doctor::in_a_pod_and_on_a_node_it_knows_what_can_be_told") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("doctor", PATIENCE);
    let cluster = Cluster::build(&Knobs::default());
    // The node resolves the pod's address, and its bridge learns where that is.
    run(cluster.at("pod-a").command("arping").args(["-c", "1", "-I", "eth0", "10.128.0.1"]), "");

    let pod = Root::of(Some("openshift-crio"));
    pod.write(
        "etc/hosts",
        "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n10.128.0.5\tweb-0\n\n\
         # Entries added by HostAliases.\n203.0.113.25\tapi.partner.example\n203.0.113.26 db.partner.example\n",
    );
    let variables = [("POD_IP", "10.128.0.5"), ("NODE_NAME", "worker1"), ("POD_NAME", "web-0")];
    let told = pod.json(cluster.at("pod-a"), &variables);
    assert_eq!(told["platform"]["place"], "pod", "{told}");
    assert_eq!(told["platform"]["words"], "in a pod of OpenShift, herasoo/web-0 on worker1, run by CRI-O");
    assert_eq!(can(&told), ["no", "yes", "yes", "yes"]);
    assert_eq!(told["answer"]["go"][0]["command"], "oc debug node/worker1 --image=IMAGE -- egret check …");
    assert_eq!(interface(&told, "eth0")["role"], "pod");
    assert_eq!(told["capture"]["is_permitted"], true);
    assert_eq!((&told["hosts"]["aliases"], &told["hosts"]["entries"]), (&1.into(), &4.into()));
    assert_eq!(
        told["hosts"]["passing"][0]["yaml"],
        "- { ip: \"203.0.113.26\", hostnames: [db.partner.example] }"
    );
    let missing: Vec<&str> = told["environment"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|variable| !variable["yaml"].is_null())
        .map(|variable| variable["name"].as_str().expect("text"))
        .collect();
    assert_eq!(missing, ["NODE_IP", "POD_NAMESPACE"]);
    println!("{}", pod.doctor(cluster.at("pod-a"), &variables, &[]));

    let node = Root::of(Some("rhcos-node"));
    let told = node.json(cluster.at("node1"), &[]);
    assert_eq!(told["platform"]["place"], "node", "{told}");
    assert_eq!(can(&told), ["yes", "yes", "yes", "yes"]);
    assert_eq!(interface(&told, "eth0")["role"], "uplink");
    assert_eq!(interface(&told, "vxlan_sys_4789")["role"], "tunnel");
    assert_eq!(interface(&told, "veth-a")["behind"], serde_json::json!(["10.128.0.5"]));
    let opened = told["capture"]["interfaces"].as_array().expect("a list");
    let works = |name: &str| opened.iter().any(|tried| tried["name"] == name && tried["state"] == "works");
    assert!(["any", "eth0", "veth-a", "vxlan_sys_4789"].into_iter().all(works), "{opened:?}");
    println!("{}", node.doctor(cluster.at("node1"), &[], &[]));
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn where_there_is_no_file_at_all_it_says_what_it_could_not_see() {
    if !entered("doctor::where_there_is_no_file_at_all_it_says_what_it_could_not_see") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("doctor", PATIENCE);
    let cluster = Cluster::build(&Knobs::default());
    let empty = Root::of(None);
    let told = empty.json(cluster.at("pod-c"), &[]);
    assert_eq!(told["platform"]["place"], "pod-network", "{told}");
    assert_eq!(can(&told), ["no", "yes", "yes", "yes"]);
    let told = empty.json(cluster.at("node1"), &[]);
    assert_eq!((&told["platform"]["place"], can(&told)), (&"node".into(), vec!["yes", "yes", "yes", "yes"]));
    let unseen = told["unseen"].as_array().expect("a list");
    for what in ["/proc is not there", "/etc/hosts is not there"] {
        assert!(
            unseen.iter().any(|line| line.as_str().expect("text").starts_with(what)),
            "{what}: {unseen:?}"
        );
    }
    // What is a pod's and cannot be seen may be said.
    let told = empty.json(cluster.at("pod-c"), &[("KUBERNETES_SERVICE_HOST", "172.30.0.1")]);
    assert_eq!(told["platform"]["place"], "pod", "{told}");
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn at_a_desk_it_says_where_a_clusters_traffic_is() {
    if !entered("doctor::at_a_desk_it_says_where_a_clusters_traffic_is") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("doctor", PATIENCE);
    let network = Namespace::add("desk");
    let desk = Root::of(Some("workstation"));
    let told = desk.json(&network, &[]);
    assert_eq!(told["platform"]["place"], "desk", "{told}");
    assert_eq!(can(&told), ["unknown", "partly", "yes", "yes"], "there is no interface at all");
    let printed = desk.doctor(&network, &[], &[]);
    assert!(printed.contains("It cannot see a cluster's traffic"), "{printed}");
    println!("{printed}");
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn without_any_right_it_says_what_is_missing_and_succeeds() {
    if !entered("doctor::without_any_right_it_says_what_is_missing_and_succeeds") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("doctor", PATIENCE);
    let cluster = Cluster::build(&Knobs::default());
    let mut command = cluster.at("node1").command("setpriv");
    if getuid().is_root() {
        command.args(["--reuid", "1000", "--regid", "1000", "--clear-groups"]);
    }
    command.args(["--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"]);
    let printed = run(command.arg(program()).args(["doctor", "--format", "json"]), "");
    let told: Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!(told["rights"]["effective"], serde_json::json!([]));
    assert_eq!(told["capture"]["is_permitted"], false);
    assert!(!told["capture"]["ways"].as_array().expect("a list").is_empty());
    assert_eq!(can(&told), ["no", "no", "no", "yes"]);
    assert_eq!(told["translation"]["conntrack"], false);
    assert_eq!(told["translation"]["conntrack_because"], "CAP_NET_ADMIN is missing");
    assert_eq!(interface(&told, "eth0")["role"], "uplink", "interfaces are known to everybody");
}

/// Calls that change a machine, or the process beyond itself.
const CHANGES: &[&str] = &[
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "mkdir",
    "mkdirat",
    "rmdir",
    "chmod",
    "fchmod",
    "fchmodat",
    "chown",
    "fchown",
    "fchownat",
    "truncate",
    "ftruncate",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "mount",
    "umount2",
    "setns",
    "unshare",
    "kill",
    "tkill",
    "ptrace",
    "adjtimex",
    "clock_settime",
    "settimeofday",
    "sethostname",
    "setuid",
    "setgid",
    "setresuid",
    "setresgid",
    "capset",
    "init_module",
    "finit_module",
    "bpf",
    "mknod",
    "mknodat",
    "creat",
    "utimensat",
    "setxattr",
    "connect",
    "listen",
    "accept",
    "accept4",
    "sendmmsg",
    "sendfile",
    "splice",
];

#[test]
#[ignore = "needs network namespaces: make lab"]
fn it_sends_nothing_and_changes_nothing() {
    if !entered("doctor::it_sends_nothing_and_changes_nothing") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("doctor", PATIENCE);
    let cluster = Cluster::build(&Knobs::default());
    let log = std::env::temp_dir().join(format!("egret-lab-{}.strace", std::process::id()));
    let mut command = cluster.at("node1").command("strace");
    command.arg("-f").arg("-o").arg(&log).arg(program()).arg("doctor");
    let printed = run(&mut command, "");
    assert!(printed.starts_with("From here egret can say which source"), "{printed}");
    let translates = "rules here translate sources: 1 to the address of the way out\n             (masquerade), 0 to a named one";
    assert!(printed.contains(translates), "{printed}");
    assert!(printed.contains("conntrack's table can be read (--conntrack live)"), "{printed}");
    println!("{printed}");
    let calls = std::fs::read_to_string(&log).expect("what strace wrote");
    std::fs::remove_file(&log).expect("a file");

    let mut netlink = Vec::new();
    let (mut sent, mut raw) = (0, 0);
    for line in calls.lines() {
        // `4711 sendto(3, …) = 20`.
        let call = line.split_once(' ').map_or(line, |(_, call)| call.trim_start());
        let Some((name, rest)) = call.split_once('(') else { continue };
        let file = || rest.split([',', ')']).next().unwrap_or_default().to_owned();
        match name {
            "socket" => {
                let number = rest.rsplit("= ").next().unwrap_or_default().to_owned();
                netlink.retain(|known| *known != number);
                if rest.starts_with("AF_NETLINK") {
                    netlink.push(number);
                } else {
                    raw += 1;
                    assert!(
                        rest.starts_with("AF_PACKET")
                            || rest.starts_with("AF_UNIX")
                            || rest.starts_with("AF_INET"),
                        "{line}"
                    );
                }
            }
            "sendto" | "sendmsg" => {
                sent += 1;
                assert!(netlink.contains(&file()), "sends on what is no netlink socket: {line}");
            }
            "write" | "writev" | "pwrite64" => assert_eq!(file(), "1", "writes elsewhere: {line}"),
            "open" | "openat" | "openat2" => {
                assert!(!["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|flag| rest.contains(flag)), "{line}");
            }
            name => assert!(!CHANGES.contains(&name), "{line}"),
        }
    }
    assert!(sent > 5 && raw > 3, "{sent} questions and {raw} sockets: strace saw little\n{calls}");
}
