use proptest::prelude::*;

use super::*;

const EXAMPLE: &str = r#"# the partner's firewall
cluster:
  pod_cidrs: [10.128.0.0/14]
  service_cidrs: 172.30.0.0/16
  nodes: { worker1: 192.168.12.11, worker2: [192.168.12.12, "fd00:12::12"] }
expectations:
  - name: herasoo reaches the partner with its own address
    from: { pods: [10.128.0.5, 10.128.1.0/24] }
    to:   { dst: [203.0.113.0/24], dst_port: [80, https], not_proto: udp }
    source: [192.168.12.99]
    source_remote: 198.51.100.7
  - from: { pods: 10.128.0.0/14 }
    source: node
    optional: true
"#;

fn read(text: &str) -> Policy {
    Policy::read("policy.yaml", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

/// The mistakes in `text`, without the lines that show where they are.
fn mistakes(text: &str) -> Vec<String> {
    let said = Policy::read("policy.yaml", text.as_bytes()).expect_err("a mistake").to_string();
    said.lines().filter_map(|line| line.strip_prefix("policy.yaml:")).map(str::to_owned).collect()
}

#[test]
fn a_file_says_what_is_expected() {
    let [herasoo, rest] = &read(EXAMPLE).expectations[..] else { panic!("two expectations") };
    assert_eq!(herasoo.name, "herasoo reaches the partner with its own address");
    assert_eq!(herasoo.because, ["policy.yaml:7"]);
    assert_eq!(herasoo.from.len(), 2);
    assert_eq!(
        herasoo.to.to_string(),
        "destination 203.0.113.0/24, destination port 80 or 443, not protocol udp"
    );
    assert_eq!(herasoo.source.to_string(), "192.168.12.99");
    assert_eq!(herasoo.source_remote[0].to_string(), "198.51.100.7");
    assert!(!herasoo.optional);
    assert_eq!((rest.name.as_str(), &rest.source, rest.optional), ("policy.yaml:12", &Source::Node, true));
    assert!(rest.to.is_empty());
}

#[test]
fn a_file_says_what_the_cluster_is() {
    assert_eq!(
        read(EXAMPLE).cluster.assumptions(),
        [
            "pods: 10.128.0.0/14 (policy.yaml:3)",
            "Services: 172.30.0.0/16 (policy.yaml:4)",
            "node worker1: 192.168.12.11 (policy.yaml:5)",
            "node worker2: 192.168.12.12, fd00:12::12 (policy.yaml:5)",
        ]
    );
}

#[test]
fn json_and_a_byte_order_mark_are_read_too() {
    let json = "\u{feff}{\n\t\"cluster\": {\"nodes\": [\"192.168.12.11\"]},\n\t\"expectations\": [{\"source\": \"drop\"}]\n}";
    let policy = read(json);
    assert_eq!(policy.expectations[0].source, Source::Drop);
    assert_eq!(policy.cluster.assumptions(), ["node: 192.168.12.11 (policy.yaml:2)"]);
}

#[test]
fn a_mistake_is_shown_where_it_is() {
    let text = EXAMPLE.replace("10.128.1.0/24]", "10.128.1.300]");
    assert_eq!(
        Policy::read("policy.yaml", text.as_bytes()).unwrap_err().to_string(),
        "cannot use policy.yaml: 1 mistake\n\
         policy.yaml:8:32: `10.128.1.300` is not an address or a CIDR block; write it like 10.128.0.5, 10.128.0.0/14 or \
         fd00::/8\n  \
           8 |     from: { pods: [10.128.0.5, 10.128.1.300] }\n    \
             |                                ^"
    );
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = "cluster: { pod_cidr: 10.128.0.0/14 }\nexpectations:\n- nam: x\n  source: nodes\n- to: { dst_port: 0 }\n";
    assert_eq!(
        mistakes(text),
        [
            "1:12: `pod_cidr` is not a key of `cluster` (did you mean `pod_cidrs`?); the keys are pod_cidrs, \
             service_cidrs, inside, nodes, pods, tunnels, egress, senders",
            "3:3: `nam` is not a key of an expectation (did you mean `name`?); the keys are name, from, to, source, \
             source_remote, optional, unknown, derived, because",
            "4:11: `nodes` is not a source (did you mean `node`?); write an address like 192.168.12.99, a CIDR block, \
             or one of the words node, pod, drop",
            "5:19: `0` is not a port; write a number from 1 to 65535, a range like 8000-8100, or a service like https",
        ]
    );
}

/// A file with one expectation, whose keys beside its source are `lines`.
fn expecting(lines: &str) -> String {
    format!("expectations:\n- source: node\n  {lines}\n")
}

#[test]
fn mistakes_in_an_expectation_name_the_way_out() {
    let empty = |key| format!("`{key}` is empty; write a value, or leave the key out");
    let cases = [
        ("from: { src: 10.128.0.5 }", "3:11: `src` is not a key of `from`; the keys are pods, namespace, labels, pod, other_pods_of, perhaps_pods_of".to_owned()),
        (
            "from: 10.128.0.5",
            "3:9: `from` has keys of its own; write the addresses of pods like from: { pods: [10.128.0.5, \
             10.128.1.0/24] }"
                .to_owned(),
        ),
        ("from: { labels: web }", "3:19: `labels` are keys with values; write them like labels: { app: web }".to_owned()),
        ("from: { pod: 'a b' }", "3:16: `a b` is not a name; write it like herasoo".to_owned()),
        ("from: {}", format!("3:9: {}", empty("from"))),
        ("from: { pods: [] }", format!("3:17: {}", empty("pods"))),
        ("to: { dst: [203.0.113.25, ~] }", format!("3:29: {}", empty("dst"))),
        (
            "to: { src: 10.128.0.5 }",
            "3:9: `src` is about the source, and `to` about the destination; write where it comes from as from: { pods: \
             [10.128.0.5] }"
                .to_owned(),
        ),
        (
            "to: { dst-port: 443 }",
            "3:9: `dst-port` is not a key of `to` (did you mean `dst_port`?); the keys are dst, dst_port, proto, host, \
             net, port, not_dst, not_dst_port, not_proto, not_host, not_net, not_port"
                .to_owned(),
        ),
        (
            "to: { dst: [[203.0.113.25]] }",
            "3:15: this is not a value of `dst`; write one value, or several like [a, b]".to_owned(),
        ),
        (
            "to: { dst: api.partner.example }",
            "3:14: `api.partner.example` looks like a name, and names are not resolved; write its address instead"
                .to_owned(),
        ),
        ("optional: \"yes\"", "3:13: `optional` is true or false, without quotes".to_owned()),
        (
            "name: \"a\\nb\"",
            "3:9: `name` is not a line of text; write it on one line without control characters".to_owned(),
        ),
        ("name: true", "3:9: `name` is a line of text; put it in quotes".to_owned()),
        (
            "source_remote: node",
            "3:18: `node` looks like a name, and names are not resolved; write its address instead"
                .to_owned(),
        ),
    ];
    for (line, answer) in cases {
        assert_eq!(mistakes(&expecting(line)), [answer], "{line}");
    }
}

#[test]
fn a_port_in_scientific_notation_is_no_port() {
    let answer = "3:19: `1000.0` is not a port; write a number from 1 to 65535, a range like 8000-8100, or a service like https";
    assert_eq!(mistakes(&expecting("to: { dst_port: 1e3 }")), [answer]);
}

#[test]
fn mistakes_in_the_source_are_told_at_the_source() {
    let said = |source: &str| mistakes(&format!("expectations:\n- name: x\n  source: {source}\n"));
    assert_eq!(
        said("[192.168.12.99, node]"),
        [
            "3:11: the word `node` stands alone as a source; write the addresses beside it as an expectation of their own"
        ]
    );
    assert_eq!(said("[]"), ["3:11: `source` is empty; write a value, or leave the key out"]);
    assert_eq!(
        said("0.0.0.0/0"),
        [
            "3:11: `0.0.0.0/0` accepts every source and so proves nothing; write the addresses that are expected"
        ]
    );
    assert_eq!(
        mistakes("expectations:\n- name: x\n"),
        [
            "2:3: this expectation has no `source`; write source: 192.168.12.99, or one of the words node, pod, drop"
        ]
    );
}

#[test]
fn mistakes_in_the_cluster_name_the_way_out() {
    assert_eq!(
        mistakes("cluster: { nodes: { \"a b\": 192.168.12.11, worker2: 192.168.12.0/24 } }"),
        [
            "1:21: `a b` is not the name of a node; write it like worker1",
            "1:52: `192.168.12.0/24` is not one address; write it like 192.168.12.11 or fd00:12::11",
        ]
    );
    assert_eq!(
        mistakes("cluster: 10.128.0.0/14"),
        [
            "1:10: `cluster` has keys of its own: pod_cidrs, service_cidrs, inside, nodes, pods, tunnels, egress, senders"
        ]
    );
}

#[test]
fn a_node_may_be_meant_by_its_name_and_what_is_unknown_said_to_be() {
    let text = "cluster: { nodes: { worker1: 192.168.12.11 }, pods: { herasoo/web-0: 10.128.0.5 }, tunnels: { 7: herasoo } }\n\
                expectations:\n- { from: { other_pods_of: herasoo, perhaps_pods_of: '*' }, source: node worker1, because: [a, 'b: c'] }\n\
                - { from: { pods: 10.128.0.5 }, unknown: the node, derived: true }\n";
    let policy = Policy::read("policy.yaml", text.as_bytes()).expect("a policy");
    let [named, unknown] = &policy.expectations[..] else { panic!("two expectations") };
    let address = policy.cluster.nodes[0].addresses[0];
    assert_eq!(named.source, Source::NodeCalled { name: "worker1".to_owned(), addresses: vec![address] });
    assert_eq!(named.because, ["a", "b: c"]);
    assert!(named.origins.namespaces.contains("herasoo") && named.origins.anywhere);
    assert_eq!(unknown.source, Source::Unknown { missing: "the node".to_owned() });
    assert!(unknown.is_derived && unknown.because.is_empty() && !named.is_derived);
    let pod = policy.cluster.pod_name(unknown.from[0].single().expect("an address")).expect("a name");
    assert_eq!(
        (pod.to_string().as_str(), policy.cluster.namespace_of_tunnel(7)),
        ("herasoo/web-0", Some("herasoo"))
    );
}

#[test]
fn mistakes_in_what_an_export_has_name_the_way_out() {
    for (text, answer) in [
        (
            "cluster: { pods: [10.128.0.5] }",
            "1:18: `pods` has keys of its own; write them like pods: { herasoo/web-0: 10.128.0.5 }",
        ),
        (
            "cluster: { pods: { a/b/c: 10.128.0.5 } }",
            "1:20: `a/b/c` is not the name of a pod; write it like herasoo/web-0",
        ),
        (
            "cluster: { tunnels: { 16777216: a } }",
            "1:23: `16777216` is not an id of a tunnel; these go from 0 to 16777215",
        ),
        (
            "cluster: { egress: { worker1: a } }",
            "1:22: `worker1` looks like a name, and names are not resolved; write its address instead",
        ),
        (
            "expectations: [{ source: node worker1 }]",
            "1:26: `worker1` is not a node of this file; write it among the `nodes` of `cluster`, with its address",
        ),
        (
            "expectations: [{ source: drop, unknown: all }]",
            "1:16: a source is either known or `unknown`; leave one of them out",
        ),
        ("expectations: [{ source: drop, because: [\"a\\e\"] }]", "1:42: `a\\u{1b}` is not a line of text"),
    ] {
        assert_eq!(mistakes(text), [answer], "{text}");
    }
}

#[test]
fn a_file_that_says_nothing_is_a_mistake() {
    for text in ["", "# expectations:\n", "---\n"] {
        let answer =
            "1:1: nothing is written here; write `expectations:` with at least one expectation in it";
        assert_eq!(mistakes(text), [answer], "{text:?}");
    }
    assert_eq!(
        mistakes("expectations:\n"),
        ["1:1: `expectations` is empty; write a value, or leave the key out"]
    );
}

#[test]
fn what_is_not_a_policy_at_all_is_said_to_be_so() {
    let said = |bytes: &[u8]| Policy::read("policy.yaml", bytes).unwrap_err().to_string();
    assert_eq!(
        said(b"a: \xff"),
        "cannot use policy.yaml: it is not text (UTF-8) from byte 3 on; is it the right file?"
    );
    assert_eq!(
        said(&vec![b' '; LARGEST + 1]),
        "cannot use policy.yaml: it has 4194305 bytes, and a policy file has 4194304 at most; split it into several"
    );
    let twice = said(b"cluster: { inside: 10.0.0.0/24 }\ncluster: { inside: 10.0.0.0/24 }\n");
    assert!(twice.contains("policy.yaml:2:1: this cannot be read: "), "{twice}");
}

#[test]
fn aliases_that_explode_are_refused() {
    let level = |level: usize, below: &str| format!("a{level}: &a{level} [{}]\n", [below; 10].join(","));
    let above = (1..10).map(|at| level(at, &format!("*a{}", at - 1)));
    let text: String = std::iter::once(level(0, "x")).chain(above).collect();
    let said = mistakes(&text);
    assert!(said.len() == 1 && said[0].contains(": this cannot be read: "), "{said:?}");
}

#[test]
fn nothing_in_a_file_reaches_the_screen_unescaped() {
    let said = Policy::read("a\x1b.yaml", b"\"ke\\ey\\e\": \"\\e[31m\"\n").unwrap_err().to_string();
    assert!(!said.contains('\x1b'), "{said:?}");
}

proptest! {
    #[test]
    fn any_bytes_are_a_policy_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Policy::read("policy.yaml", &bytes).map_err(|error| error.to_string());
    }

    #[test]
    fn any_damage_to_a_policy_is_a_policy_or_an_error(
        at in 0..EXAMPLE.len(),
        length in 0..20_usize,
        patch in "[-\\[\\]{}:,&*!|>'\"#?%@` \n\ta-z0-9./~]{0,6}",
    ) {
        let mut bytes = EXAMPLE.as_bytes().to_vec();
        bytes.splice(at..(at + length).min(EXAMPLE.len()), patch.bytes());
        let _ = Policy::read("policy.yaml", &bytes).map_err(|error| error.to_string());
    }
}
