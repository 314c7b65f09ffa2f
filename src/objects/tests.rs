use super::*;

fn read(text: &str) -> Objects {
    let mut objects = Objects::default();
    objects.add("cluster.yaml", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    objects
}

fn mistake(text: &str) -> String {
    Objects::default().add("cluster.yaml", text.as_bytes()).expect_err("a mistake").to_string()
}

#[test]
fn lists_documents_and_json_are_read_alike() {
    let yaml = "apiVersion: v1\nkind: Pod\nmetadata: { name: web, namespace: herasoo }\n";
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: { name: web, namespace: herasoo }\n";
    let typed = "apiVersion: v1\nkind: PodList\nitems:\n- metadata: { name: web, namespace: herasoo }\n";
    let several = format!("---\n# nothing\n---\n{yaml}---\n");
    let json = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "herasoo"}}"#;
    for text in [yaml, list, typed, &several, json] {
        assert_eq!(read(text).pods[0].id.to_string(), "Pod herasoo/web", "{text}");
    }
}

#[test]
fn a_typed_list_is_known_by_its_group_too() {
    let list = "apiVersion: network.openshift.io/v1\nkind: HostSubnetList\nitems:\n- metadata: { name: node1 }\n  host: node1\n  hostIP: 192.168.12.11\n";
    assert_eq!(read(list).host_subnets[0].host_ip.as_ref().unwrap().at.line, 6);
    let other = "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: { name: web }\nspec: [wrong]\n";
    let objects = read(other);
    assert!(objects.services.is_empty() && objects.skipped["Service"] == 1);
}

#[test]
fn unknown_kinds_and_fields_are_skipped_and_counted() {
    let objects = read(
        "kind: ConfigMap\napiVersion: v1\ndata: { a: b }\n---\nkind: ConfigMap\napiVersion: v1\n---\n\
         kind: Pod\napiVersion: v1\nmetadata: { name: web, uid: x }\nspec: { dnsPolicy: Default }\n",
    );
    assert_eq!(objects.skipped["ConfigMap"], 2);
    assert_eq!(objects.skipped_fields, 2);
}

#[test]
fn what_is_no_object_is_none() {
    for text in ["", "a: b", "[1, 2]", "just text"] {
        assert_eq!(Objects::default().add("a.yaml", text.as_bytes()).unwrap(), 0, "{text}");
    }
}

#[test]
fn a_known_kind_of_another_shape_is_a_mistake_with_its_line() {
    for (text, said) in [
        (
            "kind: HostSubnet\napiVersion: network.openshift.io/v1\nmetadata: { name: node1 }\negressIPs: [192.168.12.999]\n",
            "cluster.yaml:4:13: a value of `egressIPs`: `192.168.12.999` is not one address; write it like 192.168.12.11 or fd00:12::11\n  4 | egressIPs: [192.168.12.999]\n    |             ^",
        ),
        (
            "kind: Pod\napiVersion: v1\nmetadata: { name: web }\nspec: []\n",
            "cluster.yaml:4:7: `spec` is not a map of fields",
        ),
        (
            "kind: NetNamespace\napiVersion: network.openshift.io/v1\nmetadata: { name: a }\nnetid: 99999999\n",
            "cluster.yaml:4:8: `netid` is not an id of a tunnel; these go from 0 to 16777215",
        ),
        (
            "kind: EgressIP\napiVersion: k8s.ovn.org/v1\nmetadata: { name: a }\nspec: {}\n",
            "cluster.yaml:1:1: an EgressIP has a `namespaceSelector`; {} selects every namespace",
        ),
        ("kind: Node\napiVersion: v1\nmetadata: {}\n", "cluster.yaml:1:1: this Node has no `metadata.name`"),
        (
            "kind: Node\napiVersion: v1\nmetadata: { name: \"a\\e[2J\" }\n",
            "cluster.yaml:3:19: `name` has characters that cannot be shown: `a\\u{1b}[2J`",
        ),
        (
            "kind: Pod\napiVersion: v1\nmetadata: { name: a }\nspec: { hostNetwork: 'yes' }\n",
            "cluster.yaml:4:22: `hostNetwork` is true or false, without quotes",
        ),
        ("a: [1\n", "this cannot be read"),
    ] {
        let told = mistake(text);
        assert!(told.contains(said), "{text}: {told}");
    }
}

#[test]
fn an_object_that_comes_again_counts_once() {
    let host = "kind: HostSubnet\napiVersion: network.openshift.io/v1\nmetadata: { name: node1 }\negressIPs: [192.168.12.99]\n";
    let objects = read(&format!("{host}---\n{host}"));
    assert_eq!((objects.host_subnets.len(), objects.repeated.len()), (1, 1));
    assert_eq!(objects.repeated[0].at.line, 6);
}

#[test]
fn what_is_of_a_namespace_and_has_none_written_is_of_the_one_assumed() {
    let text = "{kind: Pod, apiVersion: v1, metadata: {name: web}}\n---\n\
                {kind: Service, apiVersion: v1, metadata: {name: web, namespace: other}}\n---\n\
                {kind: Node, apiVersion: v1, metadata: {name: node1}}\n---\n\
                {kind: Pod, apiVersion: v1, metadata: {name: web, namespace: herasoo}}\n";
    let told = |namespace: Option<&str>| {
        let mut objects = Objects::of_namespace(namespace.map(str::to_owned));
        objects.add("cluster.yaml", text.as_bytes()).expect("objects");
        let pods = objects.pods.iter().map(|pod| pod.id.to_string()).collect::<Vec<_>>().join(", ");
        format!("{pods}; {}; {}", objects.services[0].id, objects.nodes[0].id)
    };
    assert_eq!(told(Some("herasoo")), "Pod herasoo/web; Service other/web; Node node1");
    for none in [None, Some("")] {
        assert_eq!(told(none), "Pod web, Pod herasoo/web; Service other/web; Node node1");
    }
}

#[test]
fn a_pod_that_has_finished_or_is_on_the_hosts_network_owns_no_address() {
    let pod = |phase: &str, host: bool| {
        let text = format!(
            "kind: Pod\napiVersion: v1\nmetadata: {{ name: a }}\nspec: {{ hostNetwork: {host} }}\nstatus: {{ phase: {phase}, podIP: 10.128.0.5 }}\n"
        );
        read(&text).pods[0].owns_addresses()
    };
    assert!(pod("Running", false) && pod("Pending", false));
    assert!(!pod("Succeeded", false) && !pod("Failed", false) && !pod("Running", true));
}

#[test]
fn the_newest_time_tells_when_objects_were_printed() {
    let objects = read(
        "kind: Pod\napiVersion: v1\nmetadata: { name: a, creationTimestamp: '2026-11-23T00:00:00Z' }\nstatus: { startTime: '2026-11-23T00:00:05Z' }\n",
    );
    assert_eq!(objects.newest.unwrap().nanos(), 1_795_392_005_000_000_000);
}

#[test]
fn plugins_that_are_not_supported_yet_are_recognised() {
    let objects =
        read("kind: CiliumEgressGatewayPolicy\napiVersion: cilium.io/v2\nmetadata: { name: partner }\n");
    assert_eq!((objects.unsupported[0].plugin, objects.unsupported[0].name.as_str()), ("Cilium", "partner"));
    assert!(objects.skipped.is_empty());
}

/// What no reader may be harmed by.
#[test]
fn hostile_documents_end_in_an_error_or_nothing() {
    let deep = "[".repeat(100_000);
    let nested = format!("{}{}", "{a: ".repeat(60), "}".repeat(60));
    let lists = (0..40)
        .fold(String::from("{}"), |inner, _| format!("{{kind: List, apiVersion: v1, items: [{inner}]}}"));
    let bomb = format!(
        "a: &a [x,x,x,x,x,x,x,x,x,x]\n{}",
        (1..12).fold(String::new(), |text, at| {
            let (name, before) = (char::from(b'a' + at), char::from(b'a' + at - 1));
            format!("{text}{name}: &{name} [{}]\n", vec![format!("*{before}"); 10].join(","))
        })
    );
    for text in [
        deep.as_str(),
        &nested,
        &lists,
        &bomb,
        "kind: Pod\napiVersion: v1\nmetadata: &a { name: x, labels: *a }",
    ] {
        assert!(
            Objects::default().add("a.yaml", text.as_bytes()).map_or(true, |taken| taken == 0),
            "{text:.40}"
        );
    }
    assert!(Objects::default().add("a.yaml", b"\xff\xfe").is_err());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(noise in "\\PC{0,60}", at in 0usize..400) {
        let whole = "kind: Service\napiVersion: v1\nmetadata: {name: a, namespace: b}\nspec: {ports: [{port: 80, targetPort: x}], selector: {a: b}}\n---\n\
                     kind: NetworkPolicy\napiVersion: networking.k8s.io/v1\nmetadata: {name: p}\nspec: {podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}\n";
        let mut text = whole.to_owned();
        let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.insert_str(at, &noise);
        let _ = Objects::default().add("a.yaml", text.as_bytes());
    }
}

#[test]
fn host_aliases_are_names_of_addresses_outside_of_the_pod() {
    let objects = read(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: hostaliases-pod\nspec:\n  hostAliases:\n  - ip: \"127.0.0.1\"\n    hostnames:\n    - \"foo.local\"\n  - ip: \"10.1.2.3\"\n    hostnames:\n    - \"foo.remote\"\n    - \"bar.remote\"\n",
    );
    let names: Vec<String> = objects
        .host_aliases()
        .map(|alias| {
            format!(
                "{} {}",
                alias.address.value,
                alias.names.iter().map(|name| name.value.as_str()).collect::<Vec<_>>().join(" ")
            )
        })
        .collect();
    assert_eq!(names, ["10.1.2.3 foo.remote bar.remote"]);
}
