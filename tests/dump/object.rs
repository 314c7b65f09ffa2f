//! `--format json` against the published schema.

use egret::paper::json::SCHEMA;
use serde_json::Value;

use crate::capture::{Capture, frame};
use crate::{egret, given, text};

fn objects(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect()
}

#[test]
fn every_line_of_every_situation_keeps_the_schema() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for situation in [
        "egress-other-node/node1-any.pcap.gz",
        "icmp/node1-any.pcap.gz",
        "geneve/node1-any.pcap",
        "sctp/node1-eth0.pcap",
        "ipv6/node1-any.pcap.gz",
    ] {
        let output =
            egret(&["dump", "-r", &format!("testdata/{situation}"), "--format", "json", "-c", "300"]);
        let lines = objects(&text(&output.stdout));
        assert!(lines.len() > 20, "{situation}: {}", text(&output.stderr));
        for line in &lines {
            let errors: Vec<String> = validator
                .iter_errors(line)
                .map(|error| format!("{error} at {}", error.instance_path()))
                .collect();
            assert_eq!(errors, Vec::<String>::new(), "{situation} {line}");
            let captured = line["captured"].as_u64().expect("a number");
            for layer in line["layers"].as_array().expect("a list") {
                assert!(layer["range"][1].as_u64().is_some_and(|end| end <= captured), "{line}");
            }
        }
    }
}

#[test]
fn frames_keep_their_numbers_whatever_is_chosen() {
    let (printed, ..) = given(&Capture::of(5).bytes(), &["--format", "json", "src", "port", "40003"]);
    let lines = objects(&printed);
    assert_eq!(lines[0]["frame"], "stdin:4");
    assert_eq!(lines[0]["time"], "2026-11-23T00:41:29.586575000Z");
    assert_eq!((&lines[0]["direction"], &lines[0]["stopped"]), (&Value::Null, &Value::Null));
}

#[test]
fn where_understanding_ended_is_told() {
    let whole = frame(40001, 80, b"");
    let (printed, ..) = given(&Capture::with(&[&whole[..40]]).bytes(), &["--format", "json"]);
    assert_eq!(objects(&printed)[0]["stopped"]["why"], "cut by the capture");
    let (line, ..) = given(&Capture::with(&[&whole[..36]]).bytes(), &["-t"]);
    assert_eq!(line, "IP truncated-ip - 18 bytes missing! 10.128.0.5 > 203.0.113.25: TCP [cut]\n");
}
