//! Captures of the laboratory judged by the cluster's objects alone, and the guide's own objects.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn egret(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egret"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).stdin(Stdio::null());
    for variable in ["POD_IP", "NODE_IP", "HOST_IP", "POD_NAME", "POD_NAMESPACE", "NODE_NAME"] {
        command.env_remove(variable);
    }
    command.output().expect("egret")
}

/// The report on captures of a situation (`NAME=FILE`), and the exit code.
fn check(captures: &[&str], objects: &[&str]) -> (Value, i32) {
    let mut arguments = vec!["check", "--format", "json"];
    for capture in captures {
        arguments.extend(["-r", capture]);
    }
    for objects in objects {
        arguments.extend(["--cluster", objects]);
    }
    let output = egret(&arguments);
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (report, output.status.code().expect("a code"))
}

fn flows<'a>(report: &'a Value, origin: &str) -> Vec<&'a Value> {
    let flows = report["flows"].as_array().expect("flows").iter();
    let found: Vec<_> = flows.filter(|flow| flow["origin"]["ip"] == origin).collect();
    assert!(!found.is_empty(), "no flow from {origin}");
    found
}

const LAB: &str = "testdata/cluster/lab";

#[test]
fn a_pod_with_an_egress_address_on_its_own_node_passes_and_is_named() {
    let (report, code) = check(
        &["node1=testdata/egress-own-node/node1-any.pcap.gz"],
        &[LAB, "testdata/cluster/own-node.yaml"],
    );
    assert_eq!(code, 0);
    for flow in flows(&report, "10.128.0.5") {
        assert_eq!(
            (&flow["origin"]["namespace"], &flow["origin"]["pod"]),
            (&"herasoo".into(), &"pod-a".into())
        );
        assert_eq!(flow["expected"]["source"], serde_json::json!(["192.168.12.99"]));
        let because = flow["expected"]["because"][0].as_str().expect("a reason");
        assert!(
            because.starts_with("NetNamespace herasoo has the egress address 192.168.12.99 ("),
            "{because}"
        );
        assert_eq!(flow["wire_sources"][0]["owner"], "egress IP of herasoo");
    }
    for flow in flows(&report, "10.128.0.6") {
        assert_eq!(flow["origin"]["pod"], "pod-b", "a finished pod gave the address back");
        assert_eq!(flow["expected"]["source"], serde_json::json!(["node node1"]));
    }
}

#[test]
fn an_egress_address_on_another_node_is_expected_there() {
    let (report, code) = check(
        &[
            "node1=testdata/egress-other-node/node1-any.pcap.gz",
            "node2=testdata/egress-other-node/node2-any.pcap.gz",
        ],
        &[LAB, "testdata/cluster/other-node.yaml"],
    );
    assert_eq!((code, &report["summary"]["pass"]), (0, &35.into()));
}

#[test]
fn whatever_goes_through_the_routers_service_leaves_with_its_address() {
    let (report, code) = check(
        &["node1=testdata/egress-router/node1-any.pcap.gz"],
        &[LAB, "testdata/cluster/no-egress-address.yaml", "testdata/cluster/router.yaml"],
    );
    assert_eq!((code, &report["summary"]["pass"]), (0, &25.into()));
    let through = flows(&report, "10.128.0.5");
    assert_eq!(
        through[0]["expected"]["expectation"],
        "whatever goes through Deployment herasoo/egress-route-1"
    );
}

#[test]
fn the_id_of_a_tunnel_names_the_namespace_of_a_pod_that_no_object_names() {
    let captures = [
        "node1=testdata/egress-other-node/node1-eth0.pcap",
        "node2=testdata/egress-other-node/node2-eth0.pcap",
    ];
    let objects = [
        "testdata/cluster/lab/network.yaml",
        "testdata/cluster/lab/nodes.yaml",
        "testdata/cluster/other-node.yaml",
    ];
    let (report, _) = check(&captures, &objects);
    for flow in flows(&report, "10.128.0.5") {
        assert_eq!(flow["origin"]["namespace"], "herasoo");
        assert!(flow["origin"].get("pod").is_none());
        assert_eq!(
            (&flow["verdict"], &flow["expected"]["expectation"]),
            (&"pass".into(), &"other pods of herasoo".into())
        );
    }
}

#[test]
fn a_lost_egress_rule_is_told_with_the_objects_that_say_otherwise() {
    let output = egret(&[
        "check",
        "-r",
        "node1=testdata/leak/node1-any.pcap.gz",
        "--cluster",
        LAB,
        "--cluster",
        "testdata/cluster/own-node.yaml",
    ]);
    let said =
        String::from_utf8(output.stdout).expect("text").split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("Expected because NetNamespace herasoo has the egress address 192.168.12.99 (testdata/cluster/own-node.yaml:38); HostSubnet node1 holds 192.168.12.99 (testdata/cluster/own-node.yaml:3)."),
        "{said}"
    );
    assert!(said.contains("herasoo/pod-a (10.128.0.5)"), "{said}");
}

#[test]
fn what_is_typed_comes_before_the_clusters_objects() {
    let output = egret(&[
        "check",
        "-r",
        "node1=testdata/egress-own-node/node1-any.pcap.gz",
        "--cluster",
        LAB,
        "--cluster",
        "testdata/cluster/own-node.yaml",
        "--expect",
        "10.128.0.5=>192.168.12.98",
        "--format",
        "json",
    ]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!(report["summary"]["fail"], 25);
    assert!(flows(&report, "10.128.0.5").iter().all(|flow| flow["reason"] == "other-egress-ip"));
}

#[test]
fn a_policy_may_speak_of_namespaces_labels_and_pods_where_objects_are_given() {
    let policy = std::env::temp_dir().join(format!("egret-policy-{}.yaml", std::process::id()));
    let rule = |from: &str| format!("expectations:\n  - from: {{ {from} }}\n    source: 192.168.12.98\n");
    let policy_path = policy.to_str().expect("text");
    let with = |from: &str, objects: &[&str]| {
        std::fs::write(&policy, rule(from)).expect("a file");
        let mut arguments = vec![
            "check",
            "-r",
            "node1=testdata/egress-own-node/node1-any.pcap.gz",
            "--policy",
            policy_path,
            "--format",
            "json",
        ];
        for objects in objects {
            arguments.extend(["--cluster", objects]);
        }
        egret(&arguments)
    };
    let objects = [LAB, "testdata/cluster/own-node.yaml"];
    for from in ["namespace: herasoo", "pod: pod-a", "namespace: herasoo, labels: { app: client }"] {
        let report: Value = serde_json::from_slice(&with(from, &objects).stdout).expect("a report");
        assert_eq!(
            (&report["summary"]["fail"], &report["summary"]["pass"]),
            (&25.into(), &10.into()),
            "{from}"
        );
    }
    let without = with("namespace: herasoo", &[]);
    let said = String::from_utf8_lossy(&without.stderr).into_owned();
    assert!(without.status.code() == Some(2) && said.contains("give these with --cluster"), "{said}");
    std::fs::remove_file(&policy).expect("the file");
}

#[test]
fn the_guides_own_objects_are_read_whole() {
    for file in ["as-it-stands", "corrected"] {
        let path = format!("testdata/cluster/guide/{file}.yaml");
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(&path).exists());
        let output = egret(&[
            "check",
            "-r",
            "testdata/egress-router/router-pod.pcap",
            "--cluster",
            &path,
            "--format",
            "json",
        ]);
        assert!(
            serde_json::from_slice::<Value>(&output.stdout).is_ok(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn an_object_of_another_shape_ends_the_run_with_its_line() {
    let path = std::env::temp_dir().join(format!("egret-shape-{}.yaml", std::process::id()));
    std::fs::write(&path, "apiVersion: network.openshift.io/v1\nkind: HostSubnet\nmetadata: { name: node1 }\negressIPs: 192.168.12.99\n").expect("a file");
    let output = egret(&[
        "check",
        "-r",
        "testdata/egress-router/router-pod.pcap",
        "--cluster",
        path.to_str().expect("text"),
    ]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said.contains(":4:12: `egressIPs` is not a list") && said.contains("4 | egressIPs: 192.168.12.99"),
        "{said}"
    );
    std::fs::remove_file(&path).expect("the file");
}

#[test]
fn a_pod_that_is_younger_than_the_flows_from_its_address_is_told() {
    let pods = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(LAB).join("pods.yaml"))
        .expect("a file");
    let path = std::env::temp_dir().join(format!("egret-young-{}.yaml", std::process::id()));
    let younger =
        pods.replacen("startTime: \"2026-11-20T09:14:02Z\"", "startTime: \"2026-11-24T00:00:00Z\"", 1);
    std::fs::write(&path, younger).expect("a file");
    let objects = [
        "testdata/cluster/lab/network.yaml",
        "testdata/cluster/lab/nodes.yaml",
        path.to_str().expect("text"),
        "testdata/cluster/own-node.yaml",
    ];
    let (report, _) = check(&["node1=testdata/egress-own-node/node1-any.pcap.gz"], &objects);
    let warnings: Vec<&str> =
        report["warnings"].as_array().expect("warnings").iter().filter_map(Value::as_str).collect();
    assert!(
        warnings.iter().any(|line| line.starts_with("Pod herasoo/pod-a (10.128.0.5, ")
            && line.contains("started at 2026-11-24T00:00:00Z, after flows from that address were captured")),
        "{warnings:?}"
    );
    std::fs::remove_file(&path).expect("the file");
}

/// A file that is gone with the test.
struct Passing(std::path::PathBuf);

impl Passing {
    fn new(name: &str, content: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("egret-{}-{name}", std::process::id()));
        std::fs::write(&path, content).expect("a file");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a plain name")
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The capture with every VXLAN packet at another port: UDP to 4789 in IPv4 without options, as the laboratory's nodes send it.
fn at_port(capture: &str, port: u16) -> Vec<u8> {
    let mut bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(capture)).expect("a capture");
    let (mut at, mut moved) = (24, 0);
    while at + 16 <= bytes.len() {
        let length = u32::from_le_bytes(bytes[at + 8..at + 12].try_into().expect("four bytes")) as usize;
        let frame = &mut bytes[at + 16..at + 16 + length];
        let is_vxlan =
            frame[12..15] == [8, 0, 0x45] && frame[23] == 17 && frame[36..38] == 4789u16.to_be_bytes();
        if is_vxlan {
            frame[36..38].copy_from_slice(&port.to_be_bytes());
            // Without a checksum, as is usual in VXLAN.
            frame[40..42].fill(0);
            moved += 1;
        }
        at += 16 + length;
    }
    assert!(moved > 0, "no VXLAN in {capture}");
    bytes
}

#[test]
fn tunnels_are_opened_at_the_port_that_the_clusters_network_has() {
    let moved = ["node1", "node2"].map(|node| {
        let bytes = at_port(&format!("testdata/egress-other-node/{node}-eth0.pcap"), 4444);
        Passing::new(&format!("{node}-4444.pcap"), &bytes)
    });
    let captures = [format!("node1={}", moved[0].path()), format!("node2={}", moved[1].path())];
    let network = Passing::new(
        "network.yaml",
        b"kind: ClusterNetwork\napiVersion: network.openshift.io/v1\nmetadata: { name: default }\nvxlanPort: 4444\n",
    );
    let objects = [
        "testdata/cluster/lab/network.yaml",
        "testdata/cluster/lab/nodes.yaml",
        "testdata/cluster/other-node.yaml",
        network.path(),
    ];
    let captures: Vec<&str> = captures.iter().map(String::as_str).collect();
    let (report, _) = check(&captures, &objects);
    for flow in flows(&report, "10.128.0.5") {
        assert_eq!((&flow["origin"]["namespace"], &flow["verdict"]), (&"herasoo".into(), &"pass".into()));
    }
    let note = "tunnels: the cluster's network has VXLAN at UDP port 4444";
    assert!(report["assumptions"].as_array().expect("lines").iter().any(|line| line == note));
    let (without, _) = check(&captures, &objects[..3]);
    let found = without["flows"].as_array().expect("flows");
    assert!(found.iter().all(|flow| flow["origin"]["namespace"] != "herasoo"), "nothing opens the tunnels");
}

#[test]
fn names_of_host_aliases_are_taken_by_filters_and_shown() {
    let aliases = Passing::new(
        "aliases.yaml",
        b"kind: Pod\napiVersion: v1\nmetadata: { name: other, namespace: other }\nspec: { hostAliases: [{ ip: 203.0.113.25, hostnames: [api.partner.example] }] }\n",
    );
    let mut arguments = vec!["check", "--format", "json", "--dst", "api.partner.example"];
    arguments.extend(["-r", "node1=testdata/egress-own-node/node1-any.pcap.gz"]);
    arguments.extend(["--cluster", LAB, "--cluster", "testdata/cluster/own-node.yaml"]);
    let refused = egret(&arguments);
    assert_eq!(refused.status.code(), Some(2), "nobody knows the name");
    arguments.extend(["--cluster", aliases.path()]);
    let output = egret(&arguments);
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let found = report["flows"].as_array().expect("flows");
    assert!(!found.is_empty());
    for flow in found {
        assert_eq!(flow["destination"]["ip"], "203.0.113.25");
        assert_eq!(flow["destination"]["name"], "api.partner.example");
    }
    let told = "api.partner.example is 203.0.113.25 (hostAliases of the cluster's pods)";
    assert!(report["assumptions"].as_array().expect("lines").iter().any(|line| line == told), "{report}");
    let service = egret(&[
        "check",
        "--host",
        "egress-route-1.herasoo.svc",
        "-r",
        "node1=testdata/egress-router/node1-any.pcap.gz",
        "--cluster",
        LAB,
        "--cluster",
        "testdata/cluster/no-egress-address.yaml",
        "--cluster",
        "testdata/cluster/router.yaml",
    ]);
    assert_eq!(service.status.code(), Some(0), "{}", String::from_utf8_lossy(&service.stderr));
}
