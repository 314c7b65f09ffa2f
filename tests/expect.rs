//! `egret expect` as it is typed: the guide's objects as they stand and as they work, one connection at a time, the sheet for the
//! firewall, and a policy for somebody without access to the cluster.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use egret::expect::lint::Rule;
use serde_json::Value;

const STANDS: &str = "testdata/cluster/guide/as-it-stands.yaml";
const CORRECTED: &str = "testdata/cluster/guide/corrected.yaml";
const LAB: &str = "testdata/cluster/lab";
const OWN_NODE: &str = "testdata/cluster/own-node.yaml";
const ROUTER: &str = "testdata/cluster/router.yaml";
const NO_ADDRESS: &str = "testdata/cluster/no-egress-address.yaml";

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egret"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).stdin(Stdio::null());
    for variable in ["POD_IP", "NODE_IP", "HOST_IP", "POD_NAME", "POD_NAMESPACE", "NODE_NAME"] {
        command.env_remove(variable);
    }
    command
}

fn egret(arguments: &[&str]) -> Output {
    command(arguments).output().expect("egret")
}

/// `egret expect …` over these objects: what it prints, and the exit code.
fn expect(arguments: &[&str], objects: &[&str]) -> (String, i32) {
    let mut all = vec!["expect"];
    all.extend(arguments);
    for objects in objects {
        all.extend(["--cluster", objects]);
    }
    let output = egret(&all);
    (String::from_utf8(output.stdout).expect("text"), output.status.code().expect("a code"))
}

/// What comes of it with that on standard input.
fn with_input(arguments: &[&str], input: &str) -> Output {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("egret");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("written");
    child.wait_with_output().expect("egret")
}

/// What was printed, without its line breaks and columns.
fn joined(printed: &[u8]) -> String {
    String::from_utf8_lossy(printed).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_guides_objects_as_they_stand_are_found_wrong_with_line_and_fix() {
    let (printed, code) = expect(&["lint"], &[STANDS]);
    assert_eq!(printed, read("testdata/cluster/guide/as-it-stands.lint"));
    assert_eq!(code, 1);
    for told in
        ["tab-between-fields", "as-it-stands.yaml:46:16", "source-is-egress-ip", "rolling-update-runs-two"]
    {
        assert!(printed.contains(told), "{told}");
    }
}

#[test]
fn the_guides_objects_as_they_work_pass() {
    let (printed, code) = expect(&["lint"], &[CORRECTED]);
    assert!(printed.starts_with("nothing found\n"), "{printed}");
    assert_eq!(code, 0);
}

#[test]
fn the_exit_code_tells_errors_from_what_to_look_at() {
    let allow = |ids: &[&str]| {
        let mut arguments = vec!["lint"];
        for id in ids {
            arguments.extend(["--allow", id]);
        }
        expect(&arguments, &[STANDS]).1
    };
    assert_eq!(allow(&["tab-between-fields"]), 1);
    assert_eq!(allow(&["tab-between-fields", "source-is-egress-ip"]), 3);
    assert_eq!(allow(&["tab-between-fields", "source-is-egress-ip", "rolling-update-runs-two"]), 0);
    let lenient =
        ["lint", "--allow-inconclusive", "--allow", "tab-between-fields", "--allow", "source-is-egress-ip"];
    assert_eq!(expect(&lenient, &[STANDS]).1, 0);
    assert_eq!(expect(&["lint", "--allow-inconclusive"], &[STANDS]).1, 1);
}

#[test]
fn without_anything_to_read_it_is_said_what_to_collect_and_how() {
    for subcommand in ["list", "lint", "firewall", "export"] {
        let output = egret(&["expect", subcommand]);
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{subcommand}");
        for told in ["--cluster", "oc get hostsubnets,netnamespaces", "oc get egressips", "-o yaml >"] {
            assert!(said.contains(told), "{subcommand}: {told}\n{said}");
        }
    }
    assert_eq!(egret(&["expect", "lint", "--cluster", "testdata/cluster/no-such"]).status.code(), Some(2));
}

#[test]
fn objects_come_from_standard_input_too_and_their_lines_are_shown() {
    let output = with_input(&["expect", "lint", "--cluster", "-"], &read(STANDS));
    let printed = String::from_utf8(output.stdout).expect("text");
    let shown =
        "standard input:46:16\n  46 |             443\\t tcp 203.0.113.25\\t\n     |                ^\n";
    assert!(printed.contains(shown), "{printed}");
    assert_eq!(output.status.code(), Some(1));
}

/// Objects, who sends, where to, the answer in the first line.
type Row = (&'static [&'static str], &'static str, &'static str, &'static str);

#[rustfmt::skip]
const CONNECTIONS: &[Row] = &[
    (&[CORRECTED], "deployment-egress-route-1", "service-egress-route-1:443", "leaves with 192.168.12.110, by herasoo-dmz-infra-wokernode1, to 203.0.113.25:443"),
    (&[CORRECTED], "deployment-egress-route-1", "herasoo/service-egress-route-1:8443", "leaves with 192.168.12.110, by herasoo-dmz-infra-wokernode1, to 203.0.113.26:443"),
    (&[CORRECTED], "10.128.0.77", "service-egress-route-1.herasoo.svc:80", "leaves with 192.168.12.110, by herasoo-dmz-infra-wokernode1, to 203.0.113.25:80"),
    (&[CORRECTED], "deployment-egress-route-1", "service-egress-route-1:81", "is refused"),
    (&[CORRECTED], "deployment-egress-route-1", "203.0.113.25:443", "leaves with 192.168.12.110, by herasoo-dmz-infra-wokernode1"),
    (&[STANDS], "deployment-egress-route-1", "service-egress-route-1:443", "is refused"),
    (&[LAB, OWN_NODE], "herasoo/pod-a", "203.0.113.25:443", "leaves with 192.168.12.99, by node1"),
    (&[LAB, OWN_NODE], "10.128.0.5", "203.0.113.25:443", "leaves with 192.168.12.99, by node1"),
    (&[LAB, OWN_NODE], "pod-b", "203.0.113.25:443", "leaves with 192.168.12.11, its node's address, by node1"),
    (&[LAB, OWN_NODE], "pod-b", "10.128.0.5:443", "stays inside"),
    (&[LAB, OWN_NODE], "10.128.0.250", "203.0.113.25:443", "cannot be told"),
    (&[LAB, NO_ADDRESS, ROUTER], "pod-b", "172.30.99.10:8443", "leaves with 192.168.12.99, by node1, to 203.0.113.25:443"),
    (&[LAB, NO_ADDRESS, ROUTER], "10.131.0.9", "172.30.99.10:8443", "leaves with 192.168.12.99, by node1, to 203.0.113.25:443"),
    (&[LAB, NO_ADDRESS, ROUTER], "pod-b", "172.30.99.10:9999", "is refused"),
];

#[test]
fn one_connection_is_followed_to_its_source_or_to_where_it_is_refused() {
    for (objects, from, to, answer) in CONNECTIONS {
        let (printed, code) = expect(&["explain", from, to], objects);
        let first = printed.lines().next().unwrap_or_default();
        assert!(
            first.ends_with(&format!(": {answer}")) && code == 0,
            "{from} → {to}: expected {answer}\n{printed}"
        );
    }
}

#[test]
fn the_steps_name_object_file_and_line() {
    let (printed, _) = expect(
        &["explain", "--format", "json", "deployment-egress-route-1", "service-egress-route-1:443"],
        &[CORRECTED],
    );
    let told: Value = serde_json::from_str(&printed).expect("JSON");
    let places: Vec<(&str, u64)> = told["trace"]
        .as_array()
        .expect("a trace")
        .iter()
        .map(|step| {
            (
                step["object"]["kind"].as_str().expect("a kind"),
                step["place"]["line"].as_u64().expect("a line"),
            )
        })
        .collect();
    assert_eq!(places, [("Service", 65), ("Deployment", 42), ("Deployment", 49)]);
    let line = |number: usize| read(CORRECTED).lines().nth(number - 1).expect("a line").trim().to_owned();
    assert_eq!(line(42), "value: 192.168.12.110/24");
    assert_eq!(line(49), "443  tcp 203.0.113.25");
}

#[test]
fn whoever_is_not_among_the_objects_is_told_with_who_was_probably_meant() {
    let output = egret(&[
        "expect",
        "explain",
        "herasoo/pod-aa",
        "203.0.113.25:443",
        "--cluster",
        LAB,
        "--cluster",
        OWN_NODE,
    ]);
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(output.status.code() == Some(2) && said.contains("did you mean `herasoo/pod-a`?"), "{said}");
}

#[test]
fn the_sheet_for_the_firewall_names_every_destination_of_a_router() {
    let (printed, code) = expect(&["firewall", "--to", "198.51.100.7:8443"], &[CORRECTED]);
    assert_eq!(code, 0);
    let rows: Vec<&str> = printed
        .lines()
        .map(|line| line.rsplit_once(",\"").or(line.rsplit_once(',')).expect("cells").0)
        .collect();
    assert_eq!(
        rows,
        [
            "source,destination,port,protocol,namespace",
            "192.168.12.110,203.0.113.25,80,tcp,herasoo",
            "192.168.12.110,203.0.113.25,443,tcp,herasoo",
            "192.168.12.110,203.0.113.26,80,tcp,herasoo",
            "192.168.12.110,203.0.113.26,443,tcp,herasoo",
            "192.168.12.99,198.51.100.7,8443,tcp,herasoo",
        ],
        "{printed}"
    );
    let (markdown, _) = expect(&["firewall", "--format", "markdown"], &[CORRECTED]);
    assert!(
        markdown.starts_with("| source | destination | port | protocol | namespace | reason |\n|---|"),
        "{markdown}"
    );
    assert!(
        markdown.contains("| 192.168.12.110 | 203.0.113.25 | 443 | tcp | herasoo | egress router"),
        "{markdown}"
    );
}

#[test]
fn a_router_that_never_starts_has_no_row_and_that_is_said() {
    let output = egret(&["expect", "firewall", "--cluster", STANDS]);
    let (printed, said) =
        (String::from_utf8(output.stdout).expect("text"), String::from_utf8(output.stderr).expect("text"));
    assert!(
        !printed.contains("203.0.113.25")
            && said.contains("left out: Deployment deployment-egress-route-1 does not start"),
        "{printed}{said}"
    );
}

#[test]
fn what_is_written_as_json_keeps_the_published_schema() {
    let schema: Value = serde_json::from_str(&read("schema/egret.expect-1.schema.json")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let inputs: [&[&str]; 6] = [
        &[STANDS],
        &[CORRECTED],
        &[LAB, OWN_NODE, ROUTER],
        &[LAB, NO_ADDRESS, ROUTER],
        &["testdata/cluster/http-proxy.yaml"],
        &["testdata/cluster/plugins/cilium.yaml"],
    ];
    let json = ["--format", "json"];
    let subcommands: [&[&str]; 5] = [
        &["list"],
        &["lint"],
        &["firewall"],
        &["explain", "10.128.0.5", "203.0.113.25:443"],
        &["explain", "10.128.0.5", "203.0.113.25:443", "--proto", "udp"],
    ];
    for objects in inputs {
        for subcommand in subcommands {
            let (printed, _) = expect(&[subcommand, &json[..]].concat(), objects);
            let document: Value =
                serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
            assert_eq!(document["of"], subcommand[0]);
            let errors: Vec<String> = validator
                .iter_errors(&document)
                .map(|error| format!("{error} at {}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{subcommand:?} {objects:?}: {errors:?}");
        }
    }
    let unknown = serde_json::json!({ "schema": "egret.expect/1", "egret": "0", "of": "list", "plugin": null, "notes": [], "workloads": [], "more": 1 });
    assert!(!validator.is_valid(&unknown), "the schema admits no more");
}

#[test]
fn ids_are_those_of_the_schema_and_of_the_documentation() {
    let schema: Value = serde_json::from_str(&read("schema/egret.expect-1.schema.json")).expect("JSON");
    let published: Vec<&str> = schema["$defs"]["id"]["enum"]
        .as_array()
        .expect("ids")
        .iter()
        .map(|id| id.as_str().expect("text"))
        .collect();
    assert_eq!(published, Rule::ALL.iter().map(|rule| rule.name()).collect::<Vec<_>>());
    let page = read("docs/lint.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let row = |rule: &Rule| format!("| `{rule}` | {} | {} | {} |", rule.severity(), rule.what(), rule.wire());
    assert_eq!(rows, Rule::ALL.iter().map(row).collect::<Vec<_>>());
    let (printed, _) = expect(&["lint", "--rules"], &[]);
    assert_eq!(printed.lines().count(), Rule::ALL.len() + 1);
}

/// Where flows of one capture went, by verdict, reason and expected source.
fn verdicts(what: &[&str], capture: &str) -> Vec<String> {
    let output = egret(&[&["check", "--format", "json", "-r", capture], what].concat());
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let flows = report["flows"].as_array().expect("flows");
    let said = |flow: &Value| {
        ["id", "verdict", "reason", "expected", "origin", "wire_sources"]
            .map(|key| flow[key].to_string())
            .join(" ")
    };
    assert!(!flows.is_empty());
    flows.iter().map(said).collect()
}

#[test]
fn an_exported_policy_judges_as_the_objects_do() {
    let path = std::env::temp_dir().join(format!("egret-export-{}.yaml", std::process::id()));
    let shown = path.to_str().expect("text");
    for (capture, situation) in [
        ("node1=testdata/leak/node1-any.pcap.gz", vec![LAB, OWN_NODE]),
        ("node1=testdata/egress-own-node/node1-any.pcap.gz", vec![LAB, OWN_NODE]),
        ("node1=testdata/egress-router/node1-any.pcap.gz", vec![LAB, NO_ADDRESS, ROUTER]),
        (
            "node1=testdata/egress-router/node1-any.pcap.gz",
            vec![LAB, NO_ADDRESS, "testdata/cluster/proxy.yaml"],
        ),
        (
            "node2=testdata/egress-other-node/node2-eth0.pcap",
            vec![
                "testdata/cluster/lab/network.yaml",
                "testdata/cluster/lab/nodes.yaml",
                "testdata/cluster/other-node.yaml",
            ],
        ),
    ] {
        let (_, code) = expect(&["export", "-o", shown], &situation);
        assert_eq!(code, 0);
        let objects: Vec<&str> = situation.iter().flat_map(|one| ["--cluster", one]).collect();
        assert_eq!(verdicts(&["--policy", shown], capture), verdicts(&objects, capture), "{capture}");
    }
    std::fs::remove_file(&path).expect("the file");
}

#[test]
fn the_list_says_of_each_workload_where_by_what_and_why() {
    let (printed, _) = expect(&["list", "--format", "json"], &[LAB, OWN_NODE]);
    let list: Value = serde_json::from_str(&printed).expect("JSON");
    let line = |who: &str| {
        let lines = list["workloads"].as_array().expect("workloads");
        lines
            .iter()
            .find(|line| line["who"].as_array().expect("names").contains(&who.into()))
            .unwrap_or(&Value::Null)
    };
    let own = line("herasoo/pod-a");
    assert_eq!(
        (&own["answer"], &own["sources"], &own["node"]),
        (&"any-of".into(), &serde_json::json!(["192.168.12.99"]), &"node1".into())
    );
    assert!(
        own["because"][0]
            .as_str()
            .expect("a reason")
            .starts_with("NetNamespace herasoo has the egress address")
    );
    let other = line("other/pod-c");
    assert_eq!(
        (&other["answer"], &other["sources"]),
        (&"node".into(), &serde_json::json!(["192.168.12.12"]))
    );
    assert_eq!(line("herasoo/nightly-28551-x7k2p"), &Value::Null, "it has finished");
    let (printed, _) = expect(&["list", "--namespace", "other"], &[LAB, OWN_NODE]);
    assert!(printed.contains("other/pod-b") && !printed.contains("herasoo/pod-a"), "{printed}");
}

#[test]
fn what_people_wrote_comes_before_what_follows_from_objects() {
    let policy = std::env::temp_dir().join(format!("egret-expect-policy-{}.yaml", std::process::id()));
    std::fs::write(&policy, "expectations:\n  - { name: mine, from: { pods: 10.128.0.5 }, to: { dst: 203.0.113.25, dst_port: 443 }, source: 192.168.12.98 }\n").expect("a file");
    let shown = policy.to_str().expect("text");
    let explain = |to: &str| expect(&["explain", "pod-a", to, "--policy", shown], &[LAB, OWN_NODE]).0;
    let said = explain("203.0.113.25:443");
    assert!(
        said.contains("leaves with 192.168.12.98") && said.contains("\"mine\" speaks about it"),
        "{said}"
    );
    assert!(explain("203.0.113.25:80").contains("leaves with 192.168.12.99"));
    let (listed, _) = expect(&["list", "--policy", shown], &[LAB, OWN_NODE]);
    assert!(listed.lines().nth(1).expect("a line").contains("192.168.12.98"), "{listed}");
    let (sheet, _) = expect(&["firewall", "--policy", shown], &[LAB, OWN_NODE]);
    assert!(sheet.contains("192.168.12.98,203.0.113.25,443,any,herasoo,mine\n"), "{sheet}");
    std::fs::remove_file(&policy).expect("the file");
}

#[test]
fn of_a_plugin_that_is_not_supported_yet_nothing_is_guessed() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/cluster/plugins");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let file = path.to_str().expect("a plain name");
        let output = egret(&["expect", "explain", "web-0", "203.0.113.25:443", "--cluster", file]);
        let said = joined(&output.stdout);
        assert!(said.contains("cannot be told"), "{file}: {said}");
        assert!(said.contains("it is not supported yet"), "{file}: {said}");
        let lint = egret(&["expect", "lint", "--cluster", file]);
        assert!(
            joined(&lint.stdout).contains("it is not supported yet; what depends on it was not looked for"),
            "{file}"
        );
        seen += 1;
    }
    assert_eq!(seen, 6);
}

#[test]
fn a_proxy_is_asked_what_its_list_says() {
    let file = "testdata/cluster/http-proxy.yaml";
    // (who, where to, what is said)
    for (who, to, said) in [
        ("web-0", "egress-http:8080", "leaves with 192.168.12.98, by worker1"),
        ("web-0", "egress-http:3128", "is refused"),
        ("egress-http", "api.partner.example:443", "`*.partner.example` is the first rule that fits"),
        ("egress-http", "mq.partner.example:443", "is refused"),
        ("egress-http", "partner.example:443", "leaves with 192.168.12.98, by worker1"),
        ("egress-http", "203.0.113.25:443", "unless `!mq.partner.example` fits, which DNS decides"),
        ("web-0", "api.partner.example:443", "api.partner.example is 203.0.113.25 by hostAliases"),
    ] {
        let output = egret(&["expect", "explain", who, to, "--cluster", file]);
        assert_eq!(output.status.code(), Some(0), "{who} {to}");
        assert!(joined(&output.stdout).contains(said), "{who} {to}: {}", joined(&output.stdout));
    }
    let output = egret(&["expect", "explain", "web-0", "nobody.example.net:443", "--cluster", file]);
    assert_eq!(output.status.code(), Some(2));
    let sheet = joined(&egret(&["expect", "firewall", "--cluster", file]).stdout);
    let rows: Vec<&str> = sheet.split(' ').filter(|word| word.starts_with("192.168.12.98")).collect();
    assert_eq!(
        rows,
        [
            "192.168.12.98,*.partner.example,any,tcp,herasoo,egress",
            "192.168.12.98,203.0.113.0/24,any,tcp,herasoo,egress"
        ]
    );
    let list = joined(&egret(&["expect", "list", "--cluster", file]).stdout);
    for line in [
        "whoever calls herasoo/egress-http:8080 mq.partner.example drop",
        "whoever calls herasoo/egress-http:8080 *.partner.example 192.168.12.98 worker1",
        "whoever calls herasoo/egress-http:8080 everything else drop",
    ] {
        assert!(list.contains(line), "{list}");
    }
}

#[test]
fn objects_that_were_appended_without_a_line_between_them_are_told_how_to_be_parted() {
    let node = r#"{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}}"#;
    for text in [format!("{node}\n{node}\n"), "apiVersion: v1\nkind: Node\napiVersion: v1\n".to_owned()] {
        let output = with_input(&["expect", "list", "--cluster", "-"], &text);
        assert_eq!(output.status.code(), Some(2));
        let said = joined(&output.stderr);
        assert!(said.contains("several objects in one file have a line of --- between them"), "{said}");
    }
}
