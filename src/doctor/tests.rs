//! What is said in a pod, on a node, in a container and at a desk: layouts of `testdata/platform`, and inventories.

use std::path::Path;

use super::*;
use crate::machine::Told;
use crate::machine::inventory::inventory;
use crate::platform::Network as Around;
use crate::privilege::Sets;
use crate::prose::columns;
use crate::report::Style;

const POD: &str = "
    2 eth0 veth elsewhere 10.128.0.5/32
    10.128.0.1/32 dev eth0
    default via 10.128.0.1 dev eth0";

const NODE: &str = "
    2 eth0 physical 192.168.12.11/24 192.168.12.99/32
    3 cni0 bridge 10.128.0.1/24
    4 veth-a veth elsewhere master cni0
    5 vxlan_sys_4789 vxlan
    default via 192.168.12.1 dev eth0
    10.128.0.0/24 dev cni0";

const DESK: &str = "
    2 wlp1s0 physical 192.0.2.7/24
    default via 192.0.2.1 dev wlp1s0";

/// What is found there by a user whose processes have these capabilities.
fn examined(layout: &str, machine: Option<&str>, capabilities: &[&str]) -> Examined {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/platform").join(layout);
    let variables = std::fs::read_to_string(folder.join("environment")).unwrap_or_default();
    let observed = Observed::below(&folder, |wanted| {
        let mut set = variables.lines().filter_map(|line| line.split_once('='));
        set.find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned())
    });
    let environment = Environment::read(|name| observed.variable(name).map(str::to_owned));
    let machine = machine.map(inventory);
    let surroundings = machine.as_ref().map(|machine| machine.surroundings(Told::default()));
    let around = machine.as_ref().zip(surroundings.as_ref()).map(|(machine, surroundings)| Around {
        standpoint: surroundings.standpoint,
        because: &surroundings.because,
        is_of_a_cluster: machine.is_of_a_cluster(),
    });
    let names: Vec<String> = capabilities.iter().map(|name| (*name).to_owned()).collect();
    let may_capture = capabilities.contains(&"CAP_NET_RAW");
    let refused = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    Examined {
        platform: Platform::of(&observed, around),
        observed,
        rights: Rights {
            user: 1000,
            group: 1000,
            sets: Some(Sets { effective: names.clone(), permitted: names.clone(), bounding: names }),
            no_new_privs: Some(false),
        },
        kernel: Kernel { release: "5.14.0".to_owned(), ..Kernel::default() },
        landlock: Some(3),
        machine: machine.ok_or(machine::Error::Open { what: "links", source: refused() }),
        surroundings,
        neighbours: Neighbours::default(),
        tried: Tried {
            refused: (!may_capture).then(|| refused().to_string()),
            interfaces: if may_capture {
                vec![("any".to_owned(), Ok("LINUX_SLL2".to_owned()))]
            } else {
                Vec::new()
            },
            untried: Vec::new(),
        },
        rules: Err(machine::Error::NoPermission),
        conntrack: Err(machine::Error::NoPermission),
        entries: None,
        offloads: Err(machine::Error::NoFeatures),
        clock: Clock::Unknown,
        hosts: None,
        environment,
    }
}

fn diagnosis(layout: &str, machine: &str, capabilities: &[&str]) -> Diagnosis {
    Diagnosis::of(&examined(layout, Some(machine), capabilities))
}

/// Up to the first empty line.
fn answer(diagnosis: &Diagnosis) -> String {
    let page = text::page(diagnosis, 80, Style::Plain);
    page.split("\n\n").next().unwrap().to_owned()
}

fn can(diagnosis: &Diagnosis) -> Vec<&'static str> {
    diagnosis.verify.iter().map(|verify| verify.can).collect()
}

#[test]
fn in_a_pod_only_the_origins_leg_is_told_and_the_node_named() {
    let told = diagnosis("openshift-crio", POD, &["CAP_NET_RAW"]);
    assert_eq!(
        answer(&told),
        "From here egret can follow this pod's own connections, and say what became of\n\
         each.\n\
         It cannot say which source they leave the cluster with: that is decided on the\n\
         node, behind what is seen here.\n\
         \x20 → on the node (OpenShift 3: by ssh, sudo egret check …):\n\
         \x20     oc debug node/worker1 --image=IMAGE -- egret check …"
    );
    assert_eq!(can(&told), ["no", "yes", "yes", "yes"]);
}

#[test]
fn on_a_node_all_is_told_but_what_leaves_by_another() {
    let told = diagnosis("rhcos-node", NODE, &["CAP_NET_RAW"]);
    assert_eq!(
        answer(&told),
        "From here egret can say which source flows leave this node with (by eth0), whose\n\
         they are (1 interface of pods), and what became of them.\n\
         It cannot say so of flows whose egress address is on another node: they leave\n\
         there, which they reach through the tunnel.\n\
         \x20 → where flows do not leave here, capture on that node, too"
    );
    assert_eq!(can(&told), ["yes", "yes", "yes", "yes"]);
    let network = told.network.unwrap();
    let added: Vec<bool> = network.interfaces[1].addresses.iter().map(|held| held.was_added).collect();
    assert_eq!(added, [false, true], "the egress address was added");
}

#[test]
fn in_a_container_the_host_is_named() {
    let told = diagnosis("podman", POD, &["CAP_NET_RAW"]);
    assert!(
        answer(&told).ends_with("→ on the host of this container:\n      sudo egret check …"),
        "{}",
        answer(&told)
    );
    assert_eq!(can(&told)[0], "no");
}

#[test]
fn at_a_desk_there_is_no_clusters_traffic() {
    let told = diagnosis("workstation", DESK, &["CAP_NET_RAW"]);
    assert!(answer(&told).contains("It cannot see a cluster's traffic"), "{}", answer(&told));
    assert_eq!(can(&told), ["partly", "partly", "yes", "yes"]);
}

#[test]
fn who_may_not_capture_is_told_how_and_what_works_all_the_same() {
    let told = diagnosis("workstation", DESK, &[]);
    let said = answer(&told);
    assert!(said.starts_with("From here egret can judge captures that others took (egret check -r FILE).\n"));
    assert!(
        said.contains("It cannot capture: it takes CAP_NET_RAW, and this process (user 1000) has no\n"),
        "{said}"
    );
    assert!(said.contains("\n      sudo egret check …\n"), "{said}");
    assert_eq!(can(&told), ["no", "no", "no", "yes"]);
}

#[test]
fn a_machine_that_cannot_be_read_at_all_is_diagnosed_too() {
    let told = Diagnosis::of(&examined("no-such-layout", None, &["CAP_NET_RAW"]));
    assert_eq!(told.platform.place, "unknown");
    assert_eq!(can(&told), ["unknown", "unknown", "yes", "yes"]);
    assert!(told.network.is_none());
    assert_eq!(told.unseen.len(), 4, "{:?}", told.unseen);
}

#[test]
fn a_pod_is_given_the_yaml_of_what_is_missing_and_nobody_else() {
    let yaml = |told: &Diagnosis| -> Vec<String> {
        told.environment.iter().filter_map(|variable| variable.yaml.clone()).collect()
    };
    let pod = diagnosis("openshift-crio", POD, &[]);
    assert_eq!(
        yaml(&pod),
        [
            "- { name: POD_IP, valueFrom: { fieldRef: { fieldPath: status.podIP } } }",
            "- { name: NODE_IP, valueFrom: { fieldRef: { fieldPath: status.hostIP } } }",
            "- { name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }",
            "- { name: POD_NAMESPACE, valueFrom: { fieldRef: { fieldPath: metadata.namespace } } }",
        ],
        "NODE_NAME is set"
    );
    assert!(yaml(&diagnosis("rhcos-node", NODE, &[])).is_empty());
}

#[test]
fn an_address_that_is_said_to_be_the_pods_and_is_not_is_warned_of() {
    let mut told = examined("openshift-crio", Some(POD), &[]);
    told.environment = Environment::read(|name| (name == "POD_IP").then(|| "10.128.0.9".to_owned()));
    assert_eq!(Diagnosis::of(&told).warnings, ["POD_IP says 10.128.0.9, which no interface here holds"]);
}

#[test]
fn a_page_keeps_to_its_width_but_for_what_is_copied() {
    for (layout, machine) in
        [("openshift-crio", POD), ("rhcos-node", NODE), ("podman", POD), ("workstation", DESK)]
    {
        for capabilities in [&["CAP_NET_RAW"][..], &[]] {
            let page = text::page(&diagnosis(layout, machine, capabilities), 80, Style::Plain);
            let wide: Vec<&str> = page.lines().filter(|line| columns(line) > 80).collect();
            let is_copied = |line: &&str| {
                ["kubectl ", "oc ", "podman ", "sudo ", "setcap ", "- {"]
                    .iter()
                    .any(|start| line.trim_start().starts_with(start))
            };
            assert!(wide.iter().all(is_copied), "{wide:?}");
        }
    }
}

#[test]
fn what_names_say_cannot_move_a_cursor() {
    let mut told = examined("openshift-crio", Some(POD), &[]);
    told.platform.pod = Some("web\u{1b}[2J".to_owned());
    told.platform.because.push("a\u{202e}b".to_owned());
    let diagnosis = Diagnosis::of(&told);
    for written in [text::page(&diagnosis, 80, Style::Plain), diagnosis.json()] {
        assert!(!written.contains(['\u{1b}', '\u{202e}']), "{written}");
    }
}
