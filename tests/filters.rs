//! `egret filter` through the binary: what it prints, word for word, and how it ends.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn egret(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_egret"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .expect("egret runs")
}

/// What is printed by a command that ends well.
fn page(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = egret(arguments, environment);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), said.as_ref()), (Some(0), ""), "{arguments:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// What is said by a command that cannot do what it was told.
fn refusal(arguments: &[&str]) -> String {
    let output = egret(arguments, &[]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
    String::from_utf8(output.stderr).expect("UTF-8")
}

/// A folder of this test alone.
fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::remove_dir_all(&folder).ok();
    std::fs::create_dir_all(&folder).expect("a folder");
    for (file, text) in files {
        std::fs::write(folder.join(file), text).expect("a file");
    }
    folder
}

/// Holds a page to its golden file; `EGRET_GOLDEN=write` writes that anew.
fn is_golden(name: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/filters").join(name);
    if std::env::var_os("EGRET_GOLDEN").is_some_and(|value| value == "write") {
        std::fs::write(&path, page).expect("a golden file");
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(page, golden, "{}", path.display());
}

#[test]
fn the_list_names_every_preset_and_what_it_is_for() {
    let page = page(&["filter", "list"], &[]);
    is_golden("list.txt", &page);
    assert_eq!(page.lines().count(), std::fs::read_dir("filters").expect("filters/").count());
}

#[test]
fn a_preset_is_shown_with_where_its_values_come_from() {
    let environment = [("POD_IP", "10.128.0.5")];
    is_golden("show.txt", &page(&["filter", "show", "pod-pair:peer=203.0.113.25"], &environment));
    let missing = page(&["filter", "show", "pod-pair"], &[]);
    assert!(missing.contains("none   POD_IP is not set; give it as pod-pair:pod=VALUE"), "{missing}");
}

#[test]
fn what_is_asked_for_is_explained_in_words_and_as_capture_filters() {
    let asked = ["--src", "10.128.0.5", "--not-port", "53", "--preset", "handshakes"];
    is_golden("explain.txt", &page(&[&["filter", "explain"], &asked[..]].concat(), &[]));
}

#[test]
fn a_destination_that_nothing_rewrites_narrows_what_is_captured_of_flows() {
    let asked = ["--dst", "203.0.113.25", "--dst-port", "443", "--unrewritten", "203.0.113.0/24"];
    let page = page(&[&["filter", "explain"], &asked[..]].concat(), &[]);
    assert!(page.contains("or (ip host 203.0.113.25 and port 443))"), "{page}");
}

#[test]
fn instructions_are_printed_as_tcpdump_prints_them() {
    let page = page(&["filter", "explain", "-d", "-r", "testdata/leak/node1-any.pcap.gz", "arp"], &[]);
    let program =
        "(000) ldh      [0]\n    (001) jeq      #0x806           jt 2\tjf 3\n    (002) ret      #262144\n";
    assert!(page.contains(program), "{page}");
}

#[test]
fn a_filter_that_libpcap_refuses_is_told_before_anything_is_explained() {
    let said = refusal(&["filter", "explain", "prot tcp"]);
    assert!(said.starts_with("egret: cannot compile the filter: "), "{said}");
}

#[test]
fn a_folder_of_ones_own_comes_before_what_is_brought_along() {
    let mine = folder("own-presets", &[("dns.yaml", "name: dns\npurpose: Ours\nfilter: { port: 5353 }\n")]);
    let mine = mine.to_str().expect("UTF-8");
    let list = page(&["filter", "list", "--presets", mine], &[]);
    assert!(list.contains(&format!("Ours ({mine}/dns.yaml)")), "{list}");
    let explained = page(&["filter", "explain", "--preset", "dns"], &[("EGRET_PRESETS", mine)]);
    assert!(explained.starts_with("Asked for\n  port 5353\n"), "{explained}");
}

#[test]
fn files_of_presets_are_checked_and_mistakes_told_with_their_place() {
    let files = folder(
        "checked-presets",
        &[
            ("right.yaml", "name: right\npurpose: All is well\nfilter: { host: 203.0.113.25 }\n"),
            ("wrong.yaml", "name: wrong\npurpose: A slip\nfilter:\n  dst_prt: 443\n"),
        ],
    );
    let (right, wrong) = (files.join("right.yaml"), files.join("wrong.yaml"));
    let (right, wrong) = (right.to_str().expect("UTF-8"), wrong.to_str().expect("UTF-8"));
    assert_eq!(page(&["filter", "check", right], &[]), format!("{right}: right is right\n"));
    let said = refusal(&["filter", "check", wrong]);
    assert!(
        said.starts_with(&format!(
            "egret: cannot use {wrong}: 1 mistake\n{wrong}:4:3: `dst_prt` is not a key"
        )),
        "{said}"
    );
    assert!(said.contains("  4 |   dst_prt: 443\n    |   ^"), "{said}");
    let both = egret(&["filter", "check", right, wrong], &[]);
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn a_parameter_without_a_value_is_told_with_the_ways_to_give_one() {
    assert_eq!(
        refusal(&["check", "-r", "testdata/leak/node1-any.pcap.gz", "--preset", "egress-address"]),
        "egret: the preset egress-address needs `egress` (egress addresses), and EGRESS_IP is not set; write --preset \
         egress-address:egress=VALUE, or set EGRESS_IP\n"
    );
    assert_eq!(
        refusal(&["filter", "explain", "--preset", "handshake"]),
        "egret: no preset is named `handshake` (did you mean `handshakes`?); `egret filter list` has them all\n"
    );
}

#[test]
fn what_belongs_to_no_flow_is_not_asked_of_flows() {
    let preset = "egress-neighbours:egress=192.168.12.99";
    let said = refusal(&["check", "-r", "testdata/leak/node1-any.pcap.gz", "--preset", preset]);
    assert!(
        said.contains("belongs to no flow, and check judges flows; `egret dump` shows such frames"),
        "{said}"
    );
}

#[test]
fn presets_options_and_an_expression_are_joined_by_and() {
    let flows = |asked: &[&str]| {
        let fixed = [
            "check",
            "-r",
            "testdata/leak/node1-any.pcap.gz",
            "--expect",
            "192.168.12.99",
            "--format",
            "json",
        ];
        let known = ["--node-ip", "192.168.12.11", "--inside", "10.128.0.0/14"];
        let output = egret(&[&fixed[..], &known, asked].concat(), &[]);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        report["summary"]["flows"].as_u64().expect("a number")
    };
    let all = flows(&[]);
    let leaked = flows(&["--preset", "node-address:node=192.168.12.11"]);
    assert_eq!((all, leaked), (72, 20));
    assert_eq!(flows(&["--preset", "node-address:node=192.168.12.11", "--dst-port", "444"]), 0);
    assert_eq!(
        flows(&[
            "--preset",
            "node-address:node=192.168.12.11",
            "--preset",
            "handshakes",
            "tcp",
            "port",
            "443"
        ]),
        20
    );
    assert_eq!(flows(&["--preset", "node-address:node=192.168.12.11", "udp"]), 0);
}

#[test]
fn a_name_in_a_filter_means_the_addresses_that_a_hosts_file_gives_it() {
    let files = folder("named", &[("hosts", "203.0.113.26 other.example\n")]);
    let hosts = files.join("hosts");
    let hosts = hosts.to_str().expect("UTF-8");
    let page = page(&["filter", "explain", "--hosts", hosts, "--dst", "other.example"], &[]);
    let told =
        format!("Asked for\n  destination 203.0.113.26\n  (other.example is 203.0.113.26 ({hosts}))\n");
    assert!(page.starts_with(&told), "{page}");
    assert_eq!(
        refusal(&["filter", "explain", "--dst", "nowhere.egret.invalid"]),
        "egret: --dst nowhere.egret.invalid: `nowhere.egret.invalid` is not in /etc/hosts; write its address, name it in a \
         file (--hosts FILE), or ask name servers (--resolve)\n"
    );
}

#[test]
fn what_is_wrong_with_an_expression_in_a_preset_is_told_with_the_word_and_what_to_do() {
    let told = |expression: &str| {
        let text = format!("name: mine\npurpose: mine\nfilter: {{ expression: \"{expression}\" }}\n");
        let folder = folder("expressions", &[("mine.yaml", &text)]);
        refusal(&["filter", "check", folder.join("mine.yaml").to_str().expect("text")])
    };
    let syntax =
        "mine.yaml:3:23: cannot compile the filter: syntax error at `prot`; pcap-filter(7) has the grammar\n";
    assert!(told("tcp prot 80").contains(syntax), "{}", told("tcp prot 80"));
    let name = "unknown host 'web' at `web`; no names are looked up in it: give its address\n";
    assert!(told("host web").contains(name), "{}", told("host web"));
}
