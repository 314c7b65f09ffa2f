//! All that is expected and known as one policy file, for somebody without access to the cluster.
//!
//! What [`Policy`](super::policy::Policy) reads of it are the same expectations, in the same order, with the same reasons; and
//! the facts by which addresses are told apart: whose they are, pods' names, the ids of tunnels. What is not known is written
//! as not known. Labels and the times of pods stay behind.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::policy::ANY;
use super::{Cluster, Expectation, Expectations, Source};
use crate::net::{Address, Block};
use crate::text::plain;

/// The file's text.
pub fn export(expectations: &Expectations) -> String {
    let mut text = String::from(
        "# What is expected to leave the cluster, and what is known of it: egret check --policy FILE -r …\n",
    );
    cluster(&expectations.cluster, &mut text);
    if !expectations.list.is_empty() {
        text.push_str("expectations:\n");
    }
    expectations.list.iter().for_each(|one| expectation(one, &mut text));
    text
}

fn cluster(cluster: &Cluster, text: &mut String) {
    let before = text.len();
    text.push_str("cluster:\n");
    let start = text.len();
    let mut pods: BTreeMap<String, Vec<Address>> = BTreeMap::new();
    let mut named = std::collections::HashSet::new();
    for workload in &cluster.workloads {
        for &address in workload.addresses.iter().filter(|address| named.insert(**address)) {
            let name = match &workload.namespace {
                Some(namespace) => format!("{namespace}/{}", workload.id.name),
                None => workload.id.name.clone(),
            };
            pods.entry(name).or_default().push(address);
        }
    }
    let is_unnamed = |block: &Block| block.single().is_none_or(|address| !named.contains(&address));
    let wide = cluster.pods.iter().map(|known| known.block).filter(is_unnamed);
    blocks("pod_cidrs", wide, text);
    blocks("service_cidrs", cluster.services.iter().map(|known| known.block), text);
    blocks("inside", cluster.inside.iter().map(|known| known.block), text);
    nodes(cluster, text);
    let rows = pods.iter().map(|(name, addresses)| (quoted(name), list(addresses.iter())));
    map("pods", rows, text);
    map("tunnels", cluster.networks.iter().map(|(id, name)| (id.to_string(), quoted(name))), text);
    let senders = cluster.senders.iter();
    map(
        "senders",
        senders.map(|(address, name)| (quoted(&address.to_string()), quoted(&name.to_string()))),
        text,
    );
    // What follows from expectations follows from them again.
    let is_own = |said_by: &str| !said_by.starts_with("expected by ");
    let owned = cluster.egress.iter().filter(|known| is_own(&known.said_by));
    map("egress", owned.map(|known| (quoted(&known.block.to_string()), quoted(&known.said_by))), text);
    if text.len() == start {
        text.truncate(before);
    }
}

/// Nodes of one name are one; one without a name is called by its address.
fn nodes(cluster: &Cluster, text: &mut String) {
    let mut nodes: Vec<(String, Vec<Address>)> = Vec::new();
    for node in cluster.nodes.iter().filter(|node| !node.addresses.is_empty()) {
        let name =
            node.name.clone().unwrap_or_else(|| format!("node-{}", node.addresses[0]).replace(':', "-"));
        match nodes.iter_mut().find(|(known, _)| *known == name) {
            Some((_, addresses)) => addresses.extend(&node.addresses),
            None => nodes.push((name, node.addresses.clone())),
        }
    }
    map("nodes", nodes.iter().map(|(name, addresses)| (quoted(name), list(addresses.iter()))), text);
}

fn blocks(key: &str, blocks: impl Iterator<Item = Block>, text: &mut String) {
    let mut told = Vec::new();
    for block in blocks {
        if !told.contains(&block) {
            told.push(block);
        }
    }
    if !told.is_empty() {
        let _ = writeln!(text, "  {key}: {}", list(told.iter()));
    }
}

fn map(key: &str, rows: impl Iterator<Item = (String, String)>, text: &mut String) {
    for (at, (name, value)) in rows.enumerate() {
        if at == 0 {
            let _ = writeln!(text, "  {key}:");
        }
        let _ = writeln!(text, "    {name}: {value}");
    }
}

fn expectation(one: &Expectation, text: &mut String) {
    let _ = writeln!(text, "  - name: {}", quoted(&plain(&one.name)));
    let names = |names: &std::collections::BTreeSet<String>| list_quoted(names.iter());
    let mut from = Vec::new();
    if !one.from.is_empty() {
        from.push(format!("pods: {}", list(one.from.iter())));
    }
    if !one.origins.namespaces.is_empty() {
        from.push(format!("other_pods_of: {}", names(&one.origins.namespaces)));
    }
    if one.origins.are_of_any_namespace() {
        from.push(format!("perhaps_pods_of: [\"{ANY}\"]"));
    } else if !one.origins.partly.is_empty() {
        from.push(format!("perhaps_pods_of: {}", names(&one.origins.partly)));
    }
    if !from.is_empty() {
        let _ = writeln!(text, "    from: {{ {} }}", from.join(", "));
    }
    let to: Vec<String> = one
        .to
        .written()
        .iter()
        .map(|(key, values)| format!("{key}: {}", list_quoted(values.iter())))
        .collect();
    if !to.is_empty() {
        let _ = writeln!(text, "    to: {{ {} }}", to.join(", "));
    }
    let _ = match &one.source {
        Source::AnyOf(blocks) => writeln!(text, "    source: {}", list(blocks.iter())),
        Source::Unknown { missing } => writeln!(text, "    unknown: {}", quoted(&plain(missing))),
        word => writeln!(text, "    source: {}", quoted(&word.words().join(" "))),
    };
    if !one.source_remote.is_empty() {
        let _ = writeln!(text, "    source_remote: {}", list(one.source_remote.iter()));
    }
    for (key, is_set) in [("optional", one.optional), ("derived", one.is_derived)] {
        if is_set {
            let _ = writeln!(text, "    {key}: true");
        }
    }
    if !one.because.is_empty() {
        text.push_str("    because:\n");
        for line in &one.because {
            let _ = writeln!(text, "      - {}", quoted(&plain(line)));
        }
    }
}

fn list<T: ToString>(values: impl Iterator<Item = T>) -> String {
    let values: Vec<String> = values.map(|value| quoted(&value.to_string())).collect();
    format!("[{}]", values.join(", "))
}

fn list_quoted<'a>(values: impl Iterator<Item = &'a String>) -> String {
    list(values)
}

/// A string of JSON is one of YAML. What needs no quotes has none.
fn quoted(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'/'))
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
        );
    let is_address =
        text.parse::<std::net::Ipv4Addr>().is_ok() || (!text.contains(':') && text.parse::<Block>().is_ok());
    if is_plain || is_address {
        text.to_owned()
    } else {
        serde_json::to_string(text).expect("text becomes JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expect::derive::{Assumed, Derived};
    use crate::expect::environment::Environment;
    use crate::expect::flags::Flags;
    use crate::expect::policy::Policy;
    use crate::objects::Objects;

    const OBJECTS: &str = r#"
{ kind: Network, apiVersion: config.openshift.io/v1, metadata: { name: cluster }, status: { networkType: OpenShiftSDN, clusterNetwork: [{ cidr: 10.128.0.0/14 }], serviceNetwork: [172.30.0.0/16] } }
---
{ kind: Node, apiVersion: v1, metadata: { name: node1 }, status: { addresses: [{ type: InternalIP, address: 192.168.12.11 }, { type: InternalIP, address: "fd00:12::11" }] } }
---
{ kind: HostSubnet, apiVersion: network.openshift.io/v1, metadata: { name: node1 }, host: node1, hostIP: 192.168.12.11, egressIPs: ["192.168.12.99"] }
---
{ kind: NetNamespace, apiVersion: network.openshift.io/v1, metadata: { name: herasoo }, netname: herasoo, netid: 7, egressIPs: ["192.168.12.99"] }
---
{ kind: NetNamespace, apiVersion: network.openshift.io/v1, metadata: { name: other }, netname: other, netid: 8 }
---
{ kind: NetNamespace, apiVersion: network.openshift.io/v1, metadata: { name: lost }, netname: lost, netid: 9, egressIPs: ["192.168.12.98"] }
---
{ kind: Pod, apiVersion: v1, metadata: { name: web, namespace: herasoo }, spec: { nodeName: node1 }, status: { phase: Running, podIPs: [{ ip: 10.128.0.5 }, { ip: "fd00:10::5" }] } }
---
{ kind: Pod, apiVersion: v1, metadata: { name: web, namespace: other }, spec: { nodeName: node1 }, status: { phase: Running, podIP: 10.128.0.6 } }
---
{ kind: Pod, apiVersion: v1, metadata: { name: web, namespace: lost }, spec: { nodeName: node9 }, status: { phase: Running, podIP: 10.128.0.7 } }
---
{ kind: Pod, apiVersion: v1, metadata: { name: web, namespace: unheard }, spec: { nodeName: node9 }, status: { phase: Running, podIP: 10.128.0.8 } }
---
{ kind: EgressNetworkPolicy, apiVersion: network.openshift.io/v1, metadata: { name: d, namespace: other }, spec: { egress: [{ type: Allow, to: { cidrSelector: 203.0.113.0/24 } }, { type: Deny, to: { cidrSelector: 0.0.0.0/0 } }] } }
---
{ kind: EgressRouter, apiVersion: network.operator.openshift.io/v1, metadata: { name: r, namespace: other }, spec: { addresses: [{ ip: 192.168.12.110/24 }], redirect: { redirectRules: [{ destinationIP: 203.0.113.25, port: 443, protocol: TCP }] } } }
---
{ kind: Pod, apiVersion: v1, metadata: { name: tab, namespace: other }, spec: { nodeName: node1, containers: [{ name: c, env: [{ name: EGRESS_SOURCE, value: 192.168.12.111 }, { name: EGRESS_GATEWAY, value: 192.168.12.1 }, { name: EGRESS_DESTINATION, value: "443\t tcp 203.0.113.25" }] }] }, status: { phase: Running, podIP: 10.128.0.9 } }
---
{ kind: Pod, apiVersion: v1, metadata: { name: proxy, namespace: other }, spec: { nodeName: node1, containers: [{ name: c, env: [{ name: EGRESS_SOURCE, value: 192.168.12.112 }, { name: EGRESS_GATEWAY, value: 192.168.12.1 }, { name: EGRESS_ROUTER_MODE, value: http-proxy }, { name: EGRESS_HTTP_PROXY_DESTINATION, value: "*" }] }] }, status: { phase: Running, podIP: 10.128.0.10 } }
---
{ kind: Service, apiVersion: v1, metadata: { name: r, namespace: other }, spec: { clusterIP: 172.30.99.10, selector: { app: egress-router-cni }, ports: [{ port: 443 }] } }
"#;

    const POLICY: &str = r#"
cluster: { inside: [10.0.0.0/24] }
expectations:
  - name: "the \"partner\", by its own address"
    from: { namespace: herasoo }
    to: { dst: 203.0.113.0/24, dst_port: [80, 8000-8100], not_dst: 203.0.113.9, proto: tcp }
    source: [192.168.12.99, "fd00:12::99"]
    source_remote: 198.51.100.7
  - { from: { pods: 10.128.0.6 }, to: { port: 25 }, source: drop }
  - { from: { labels: { app: none } }, to: { port: 26 }, source: pod }
"#;

    fn together(policies: Vec<Policy>) -> Expectations {
        let (expectations, _) =
            Expectations::from_parts(&Flags::default(), Environment::default(), policies).expect("one whole");
        expectations
    }

    fn original(policy: &str) -> Expectations {
        let mut objects = Objects::default();
        objects.add("cluster.yaml", OBJECTS.as_bytes()).expect("objects");
        let derived = Derived::of(&objects, &Assumed::default());
        let written = Policy::read("mine.yaml", policy.as_bytes()).expect("a policy");
        together(vec![written, derived.policy()])
    }

    /// All that an expectation says.
    fn said(one: &Expectation) -> String {
        let origins = (&one.origins.namespaces, &one.origins.partly, one.origins.are_of_any_namespace());
        let Expectation { name, from, to, source, source_remote, optional, is_derived, because, .. } = one;
        format!(
            "{name:?} {from:?} {origins:?} {to:?} {source:?} {source_remote:?} {optional} {is_derived} {because:?}"
        )
    }

    #[test]
    fn what_is_read_again_are_the_same_expectations_and_the_same_facts() {
        let original = original(POLICY);
        assert!(
            original.list.iter().any(|one| one.because.iter().any(|line| line.contains('\\'))),
            "a tab is told"
        );
        let text = export(&original);
        let policy =
            Policy::read("export.yaml", text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let again = together(vec![policy]);
        let all = |expectations: &Expectations| expectations.list.iter().map(said).collect::<Vec<_>>();
        assert_eq!(all(&original), all(&again), "{text}");
        assert!(original.list.iter().any(|one| matches!(one.source, Source::NodeCalled { .. })));
        assert!(original.list.iter().any(|one| matches!(one.source, Source::Unknown { .. })));
        assert_eq!(export(&again), text, "and it is exported as it was");
        for typed in [
            "10.128.0.5",
            "10.128.0.9",
            "192.168.12.11",
            "fd00:12::11",
            "192.168.12.99",
            "192.168.12.110",
            "192.168.12.112",
            "172.30.0.1",
            "10.0.0.7",
            "203.0.113.25",
        ] {
            let address = Address::from(typed.parse::<std::net::IpAddr>().expect("an address"));
            let facts = |expectations: &Expectations| {
                let cluster = &expectations.cluster;
                (
                    cluster.is_inside(address),
                    cluster.is_pod(address),
                    cluster.is_node(address).is_some(),
                    cluster.is_egress(address),
                    cluster.is_sender(address),
                    cluster.pod_name(address),
                )
            };
            assert_eq!(facts(&original), facts(&again), "{typed}");
        }
        assert_eq!(again.cluster.namespace_of_tunnel(7), Some("herasoo"));
        let address = Address::from("192.168.12.99".parse::<std::net::IpAddr>().expect("an address"));
        assert_eq!(original.cluster.owner(address), again.cluster.owner(address));
    }

    #[test]
    fn what_was_meant_for_pods_that_are_not_there_does_not_become_everybodys() {
        let original = original("expectations: [{ from: { pod: nobody, labels: { a: b } }, source: drop }]");
        let text = export(&original);
        let again = together(vec![Policy::read("export.yaml", text.as_bytes()).expect("a policy")]);
        assert!(again.list.iter().all(|one| !one.covers_everything()), "{text}");
    }

    #[test]
    fn text_that_could_mean_something_else_stands_in_quotes() {
        for (text, shown) in [
            ("web-0", "web-0"),
            ("true", "\"true\""),
            ("1e3", "\"1e3\""),
            ("a: b", "\"a: b\""),
            ("fd00::1", "\"fd00::1\""),
            ("10.0.0.0/8", "10.0.0.0/8"),
        ] {
            assert_eq!(quoted(text), shown);
        }
    }
}
