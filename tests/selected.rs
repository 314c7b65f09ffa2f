//! What is said of a flow that is selected, against what is said of it where all flows are: the others still teach what places are,
//! so it must be the same to the last word.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The captures of `any` devices of a situation, if it has some.
fn captures(situation: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(situation).expect("a situation").map(|file| file.expect("a file").path());
    let is_of_any = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.contains("-any.pcap")
    };
    let mut files: Vec<PathBuf> = files.filter(is_of_any).collect();
    files.sort();
    files
}

/// The flows of a report.
fn flows(captures: &[PathBuf], selection: &[&str]) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egret"));
    command.args(["check", "--expect", "10.128.0.5=>192.168.12.99", "--expect", "10.128.0.0/14=>node"]);
    command.args(["--node-ip", "192.168.12.11", "--node-ip", "192.168.12.12", "--format", "json"]);
    for capture in captures {
        command.arg("-r").arg(capture);
    }
    let output = command.args(selection).env_clear().output().expect("the program");
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    report["flows"].as_array().expect("flows").clone()
}

/// Whether some leg of a flow has that at one of these ends.
fn has(flow: &Value, ends: &[&str], key: &str, value: &Value) -> bool {
    let legs = flow["legs"].as_array().expect("legs");
    legs.iter().any(|leg| ends.iter().any(|end| leg[end][key] == *value))
}

/// What is typed, and which flows it must select.
type Choice = (Vec<String>, Box<dyn Fn(&Value) -> bool>);

/// What a choice by one leg of a flow is, in options and as an expression, and which flows it must select.
fn choices(leg: &Value) -> Vec<Choice> {
    let (source, destination) = (leg["src"]["ip"].clone(), leg["dst"]["ip"].clone());
    let port = leg["dst"]["port"].clone();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let option = |name: &str, value: &Value| vec![format!("--{name}"), text(value)];
    let of_leg = vec![format!("src host {} and dst host {}", text(&source), text(&destination))];
    let by_source = {
        let source = source.clone();
        move |flow: &Value| has(flow, &["src"], "ip", &source)
    };
    let by_host = {
        let destination = destination.clone();
        move |flow: &Value| has(flow, &["src", "dst"], "ip", &destination)
    };
    let not_by_host = {
        let source = source.clone();
        move |flow: &Value| !has(flow, &["src", "dst"], "ip", &source)
    };
    let mut choices: Vec<Choice> = vec![
        (option("src", &source), Box::new(by_source)),
        (option("host", &destination), Box::new(by_host)),
        (option("not-host", &source), Box::new(not_by_host)),
        // A frame of any flow between the two, in either tunnel, may match: that this one does is enough.
        (of_leg, Box::new(|_| true)),
    ];
    if port.is_u64() {
        choices.push((
            option("dst-port", &port),
            Box::new(move |flow: &Value| has(flow, &["dst"], "port", &port)),
        ));
    }
    choices
}

#[test]
fn a_selected_flow_is_told_of_as_if_all_were() {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let situations =
        std::fs::read_dir(testdata).expect("testdata").map(|entry| entry.expect("an entry").path());
    let mut situations: Vec<PathBuf> =
        situations.filter(|path| path.is_dir() && !captures(path).is_empty()).collect();
    situations.sort();
    let mut compared = 0;
    for situation in &situations {
        let captures = captures(situation);
        let all = flows(&captures, &[]);
        // A flow from the middle, and the last leg of it: mostly what is behind the NAT.
        let chosen = &all[all.len() / 2];
        let leg = chosen["legs"].as_array().and_then(|legs| legs.last()).expect("a leg");
        for (selection, is_selected) in choices(leg) {
            let words: Vec<&str> = selection.iter().map(String::as_str).collect();
            let told = flows(&captures, &words);
            let told_of = format!("{} {selection:?}", situation.display());
            for flow in &told {
                assert!(all.contains(flow), "{told_of}: {flow:#}");
                assert!(is_selected(flow), "{told_of}: {flow:#}");
            }
            if selection.len() == 2 {
                assert_eq!(told.len(), all.iter().filter(|flow| is_selected(flow)).count(), "{told_of}");
            } else {
                assert!(told.contains(chosen), "{told_of}");
            }
            compared += told.len();
        }
    }
    assert!(situations.len() >= 8 && compared > 500, "{compared} flows of {} situations", situations.len());
}
