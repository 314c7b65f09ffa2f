use clap::Parser;

use super::*;
use crate::expect::{Choice, Origin, Question};
use crate::filter::address::address;
use crate::net::Endpoint;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    flags: Flags,
}

/// What a command line, an environment and a policy file make; a line is split at spaces.
fn try_merge(
    line: &str,
    environment: &[(&str, &str)],
    file: &str,
) -> Result<(Expectations, Vec<String>), Error> {
    let flags = Line::try_parse_from(format!("egret {line}").split_whitespace()).unwrap().flags;
    let lookup =
        |name: &str| environment.iter().find(|(known, _)| *known == name).map(|&(_, value)| value.to_owned());
    let files = match file {
        "" => Vec::new(),
        file => vec![Policy::read("policy.yaml", file.as_bytes()).unwrap()],
    };
    Expectations::from_parts(&flags, Environment::read(lookup), files)
}

fn merge(line: &str, environment: &[(&str, &str)], file: &str) -> (Expectations, Vec<String>) {
    try_merge(line, environment, file).unwrap()
}

fn warnings(line: &str, file: &str) -> Vec<String> {
    merge(line, &[], file).1
}

const FILE: &str = "
cluster:
  pod_cidrs: 10.128.0.0/14
  nodes: { worker1: 192.168.12.11 }
expectations:
- name: herasoo
  from: { pods: [10.128.0.5, 10.140.0.5] }
  source: 192.168.12.99
  source_remote: 198.51.100.7
- name: rest
  source: node
";

#[test]
fn the_command_line_is_tried_before_the_file() {
    let (all, warnings) =
        merge("--expect 10.128.0.5=>192.168.12.98 --expect dst=203.0.113.25=>drop", &[], FILE);
    let names: Vec<_> = all.list.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(
        names,
        ["--expect '10.128.0.5=>192.168.12.98'", "--expect 'dst=203.0.113.25=>drop'", "herasoo", "rest"]
    );
    assert_eq!(warnings, [""; 0]);
    let question = Question {
        pod: Origin::Unnamed { namespace: None },
        origin: Some(Endpoint { address: address("10.128.0.5").unwrap(), port: 40001 }),
        first_destination: Endpoint { address: address("203.0.113.25").unwrap(), port: 443 },
        wire_destination: None,
        protocol: 6,
    };
    assert_eq!(all.first_for(&question), Choice::One(0));
}

#[test]
fn every_source_adds_its_facts() {
    let line = "--expect 192.168.12.100 --inside 10.0.0.0/24 --pod-ip 10.150.0.1";
    let environment = [("POD_IP", "10.151.0.1"), ("NODE_IP", "192.168.12.12")];
    let (all, _) = merge(line, &environment, FILE);
    assert_eq!(
        all.cluster.assumptions(),
        [
            "inside: 10.0.0.0/24 (--inside)",
            "pods: 10.150.0.1 (--pod-ip)",
            "pods: 10.151.0.1 (POD_IP)",
            "pods: 10.128.0.0/14 (policy.yaml:3)",
            "pods: 10.128.0.5, 10.140.0.5 (policy.yaml:6)",
            "egress addresses: 192.168.12.100 (expected by --expect 192.168.12.100)",
            "egress addresses: 192.168.12.99 (expected by \"herasoo\")",
            "node: 192.168.12.12 (NODE_IP)",
            "node worker1: 192.168.12.11 (policy.yaml:4)",
        ]
    );
}

#[test]
fn expected_sources_are_inside_and_known_by_their_expectation() {
    let cluster = merge("", &[], FILE).0.cluster;
    let egress = address("192.168.12.99").unwrap();
    assert!(cluster.is_inside(egress) && !cluster.is_pod(egress));
    assert_eq!(cluster.owner(egress).unwrap(), "expected by \"herasoo\"");
}

#[test]
fn where_an_expectation_is_from_there_are_pods() {
    let cluster = merge("", &[], FILE).0.cluster;
    assert!(cluster.is_pod(address("10.140.0.5").unwrap()));
    assert!(!cluster.is_pod(address("10.140.0.6").unwrap()));
}

#[test]
fn a_node_cannot_be_expected_where_none_is_known() {
    let source = |line: &str| merge(line, &[], "").0.list.remove(0).source;
    assert_eq!(source("--expect node --node-ip 192.168.12.11"), Source::Node);
    assert_eq!(
        source("--expect node").to_string(),
        "unknown without the nodes' addresses (--node-ip, NODE_IP, or `nodes` in a policy file)"
    );
    assert_eq!(
        merge("", &[("NODE_IP", "192.168.12.11")], "expectations: [source: node]").0.list[0].source,
        Source::Node
    );
}

#[test]
fn a_pod_on_the_hosts_network_is_no_pod() {
    let (all, warnings) =
        merge("--expect 192.168.12.99", &[("POD_IP", "192.168.12.11"), ("NODE_IP", "192.168.12.11")], "");
    assert!(!all.cluster.is_pod(address("192.168.12.11").unwrap()));
    assert_eq!(
        warnings,
        [
            "192.168.12.11 (POD_IP) is also a node's address: the pod uses the node's network, and its flows cannot be told \
          from the node's own"
        ]
    );
}

#[test]
fn an_expected_address_that_is_a_nodes_is_doubted() {
    assert_eq!(
        warnings("--expect 192.168.12.11 --node-ip worker1=192.168.12.11", ""),
        [
            "\"--expect 192.168.12.11\" expects 192.168.12.11, which is node worker1's address (--node-ip): a flow that leaves \
          with the node's address passes; if that is meant, write the word node"
        ]
    );
    assert_eq!(
        warnings("--expect 192.168.12.0/24 --node-ip 192.168.12.11", ""),
        [
            "\"--expect 192.168.12.0/24\" expects 192.168.12.0/24, which holds a node's address, 192.168.12.11 (--node-ip): a \
          flow that leaves with the node's address passes; if that is meant, write the word node"
        ]
    );
}

#[test]
fn an_expectation_from_a_node_is_doubted_and_names_no_pod() {
    let (all, warnings) = merge("--expect 192.168.12.11=>192.168.12.99 --node-ip 192.168.12.11", &[], "");
    assert!(all.cluster.pods.is_empty());
    assert_eq!(
        warnings,
        [
            "\"--expect '192.168.12.11=>192.168.12.99'\" is from 192.168.12.11, which is a node's address: pods on the \
          node's network cannot be told from the node, and no flow is known to be theirs"
        ]
    );
}

#[test]
fn everything_as_an_origin_does_not_make_everything_a_pod() {
    let (all, warnings) = merge("--expect 0.0.0.0/0=>192.168.12.99", &[], "");
    assert!(!all.cluster.is_inside(address("203.0.113.25").unwrap()));
    assert_eq!(
        warnings,
        [
            "\"--expect '0.0.0.0/0=>192.168.12.99'\" is from 0.0.0.0/0; to speak about every origin leave that out"
        ]
    );
}

#[test]
fn a_cluster_that_is_everything_is_refused() {
    assert_eq!(
        try_merge("--inside 0.0.0.0/0", &[], "").unwrap_err().to_string(),
        "0.0.0.0/0 (--inside) makes every address inside, and then nothing leaves; write the cluster's own ranges"
    );
}

#[test]
fn what_comes_after_an_expectation_for_every_flow_is_said_to_be_out_of_reach() {
    assert_eq!(
        warnings("--expect 192.168.12.99", FILE),
        [
            "\"herasoo\" and 1 more cannot be met: \"--expect 192.168.12.99\" comes before and speaks about every flow; \
          remove it, or put it last"
        ]
    );
}

#[test]
fn two_expectations_of_one_name_are_told() {
    let file =
        "expectations: [{ name: a, from: { pods: 10.128.0.5 }, source: drop }, { name: a, source: pod }]";
    assert_eq!(warnings("", file), ["two expectations are called \"a\"; give each its own name"]);
}

#[test]
fn two_names_for_a_node_are_told_and_the_first_is_believed() {
    let (all, warnings) = merge("--node-ip edge=192.168.12.11", &[], FILE);
    assert_eq!(
        warnings,
        [
            "192.168.12.11 is said to be node edge (--node-ip) and node worker1 (policy.yaml:4); the first is believed"
        ]
    );
    assert_eq!(all.cluster.owner(address("192.168.12.11").unwrap()).unwrap(), "node edge");
}

#[test]
fn the_far_sides_address_on_the_command_line_is_that_of_every_expectation() {
    let (all, warnings) = merge("--expect-remote 198.51.100.8", &[], FILE);
    assert!(all.list.iter().all(|one| one.source_remote[0].to_string() == "198.51.100.8"));
    assert_eq!(warnings, ["--expect-remote replaces the `source_remote` of \"herasoo\""]);
    assert_eq!(
        try_merge("--expect-remote 198.51.100.8", &[], "").unwrap_err().to_string(),
        "--expect-remote says what the far side must see, but not of which flows; add --expect or a policy file"
    );
}

#[test]
fn nothing_said_is_nothing_expected_and_no_mistake() {
    let (all, warnings) = merge("", &[], "");
    assert!(all.list.is_empty() && all.cluster.is_empty() && warnings.is_empty());
}
