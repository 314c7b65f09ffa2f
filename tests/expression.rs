//! A trailing expression, as the program takes it: what it selects, and how it is refused.

use std::process::{Command, Output};

use serde_json::Value;

const NODE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/egress-own-node/node1-any.pcap.gz");

fn check(options: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egret"));
    command.args(["check", "-r", NODE, "--expect", "192.168.12.99"]).args(options);
    command.env_clear().output().expect("the program")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// How many flows are selected by these words.
fn flows(words: &[&str]) -> u64 {
    let output = check(&[&["--format", "json"], words].concat());
    let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
    document["summary"]["flows"].as_u64().expect("a number")
}

#[test]
fn words_select_flows_wherever_they_stand_among_the_options() {
    let all = flows(&[]);
    let leaking = flows(&["src", "host", "10.128.0.6", "and", "tcp"]);
    assert!(0 < leaking && leaking < all, "{leaking} of {all}");
    assert_eq!(flows(&["src host 10.128.0.6", "-n", "and", "tcp"]), leaking, "an option in between");
    assert_eq!(flows(&["src host 10.128.0.6", "--proto", "udp"]), 0, "options and words by and");
}

#[test]
fn a_mistake_ends_the_run_with_its_place_before_anything_is_read() {
    let output = check(&["host 10.0.0.1", "and", "and", "port 80"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert_eq!(
        said(&output),
        "egret: cannot compile the filter: syntax error\n  host 10.0.0.1 and and port 80\n                    ^^^\n\
         pcap-filter(7) has the grammar\n"
    );
}

#[test]
fn a_name_that_the_hosts_file_does_not_know_is_refused() {
    let output = check(&["host", "no-such-host.invalid"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("unknown host 'no-such-host.invalid'"), "{}", said(&output));
    assert!(said(&output).contains("--resolve"), "{}", said(&output));
}

#[test]
fn a_host_that_was_left_short_is_warned_about() {
    let output = check(&["host", "10.128"]);
    assert_ne!(output.status.code(), Some(2));
    assert_eq!(said(&output), "egret: `10.128` is no host: it matches the network 10.128.0.0/16\n");
}

#[test]
fn an_expression_that_a_sources_link_type_does_not_have_ends_the_run_with_the_sources_name() {
    let output = check(&["vlan", "100"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        said(&output),
        "egret: node1-any: cannot filter LINUX_SLL2 frames by `vlan 100`: no VLAN support for Linux cooked v2\n"
    );
}

#[test]
fn a_capture_that_stands_where_an_expression_does_is_said_to_be_a_file() {
    let output = check(&[NODE]);
    assert_eq!(output.status.code(), Some(2));
    let told = format!("`{NODE}` is a file, and here stands an expression; captures are read with -r\n");
    assert!(said(&output).ends_with(&told), "{}", said(&output));
}

#[test]
fn an_address_by_itself_is_answered_with_the_words_that_it_stands_behind() {
    let output = check(&["10.128.0.5"]);
    assert!(said(&output).contains("\nan address stands behind a word"), "{}", said(&output));
}

/// The report of `egret check`, and how it ended.
fn report(options: &[&str]) -> (Option<i32>, Value, String) {
    let json = check(&[options, &["--format", "json"]].concat());
    let text = check(options);
    let text = String::from_utf8(text.stdout).expect("UTF-8");
    (json.status.code(), serde_json::from_slice(&json.stdout).expect("a document"), text)
}

#[test]
fn flows_that_are_chosen_by_the_source_they_should_have_are_said_to_be() {
    let warned = |options: &[&str]| {
        let (code, document, text) = report(options);
        let lines = document["assumptions"].to_string();
        assert!(lines.contains("only these flows count: "), "{lines}");
        assert!(text.contains(" selected outgoing flows left as 192.168.12.99"), "{text}");
        (code, text.contains("flows are chosen by 192.168.12.99, which they should leave with"))
    };
    assert_eq!(warned(&["--host", "192.168.12.99"]), (Some(0), true));
    assert_eq!(warned(&["dst", "host", "192.168.12.99", "and", "tcp"]), (Some(0), true));
    assert!(!warned(&["--src", "10.128.0.5"]).1);
    assert!(!warned(&["src", "host", "10.128.0.5"]).1);
}

#[test]
fn a_selection_of_nothing_is_no_pass_and_is_told_in_full() {
    let (code, _, text) = report(&["--host", "198.51.100.1", "tcp"]);
    assert_eq!(code, Some(3));
    let told = "and no flow among them that was asked for: host 198.51.100.1 and `tcp`.";
    assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(told), "{text}");
}
