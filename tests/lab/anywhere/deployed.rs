//! What `deploy/daemonset.yaml` runs, run: its containers' arguments, in the host's network, as the user and with the rights that
//! it says.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::host::{GREET, HOST, Host, SERVER};
use super::podman::{EGRET, Podman, WITH_SHELL};
use crate::capture::until;
use crate::egret::Egret;
use crate::enclosure::{Watch, entered_with_processes};

const PATIENCE: Duration = Duration::from_mins(2);

/// The documents of the manifest.
fn documents() -> Vec<Value> {
    serde_saphyr::from_multiple(include_str!("../../../deploy/daemonset.yaml")).expect("YAML")
}

/// The arguments of each container of the daemon set.
fn arguments() -> BTreeMap<String, Vec<String>> {
    let of = |container: &Value| {
        let args = container["args"].as_array().expect("arguments").iter();
        let args = args.map(|arg| arg.as_str().expect("text").to_owned()).collect();
        (container["name"].as_str().expect("a name").to_owned(), args)
    };
    let all = documents();
    let set = all.iter().find(|document| document["kind"] == "DaemonSet").expect("a daemon set");
    set["spec"]["template"]["spec"]["containers"].as_array().expect("containers").iter().map(of).collect()
}

#[test]
#[ignore = "needs the static file and podman: make anywhere"]
fn the_daemon_set_records_a_ring_and_prints_the_flows_that_fail() {
    if !entered_with_processes(
        "anywhere::deployed::the_daemon_set_records_a_ring_and_prints_the_flows_that_fail",
    ) {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("deployed", PATIENCE);
    let (host, podman) = (Host::connect(), Podman::set_up());
    let web = podman.start("web", WITH_SHELL);
    let all = documents();
    let policy = all.iter().find(|document| document["kind"] == "ConfigMap").expect("a policy");
    let policy = policy["data"]["policy.yaml"].as_str().expect("text");
    std::fs::create_dir_all("/run/egret/policy").expect("room");
    std::fs::write("/run/egret/policy/policy.yaml", policy).expect("room");

    let arguments = arguments();
    let start = |name: &str, options: &[&str]| {
        let node = format!("NODE_IP={HOST}");
        let rights = ["--cap-drop", "all", "--cap-add", "NET_RAW", "--read-only", "--env", &node];
        let run = [&["run", "--name", name, "--network", "host"], &rights[..], options, &[EGRET]].concat();
        let egret = Egret::start(podman.command(&run).args(&arguments[name]));
        podman.wait_until_open(name);
        egret
    };
    let check = start("check", &["--volume", "/run/egret/policy:/policy:ro"]);
    // An emptyDir that belongs to the pod's group.
    podman.run(&["volume", "create", "captures"]);
    let record = start("record", &["--volume", "captures:/captures:U"]);
    let witness = host.serve(2);
    for _ in 0..2 {
        podman.run(&["exec", "web", "sh", "-c", GREET]);
    }
    witness.join().expect("clients");

    let ended = check.interrupt();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""), "{}", ended.stdout);
    let lines: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON value a line")).collect();
    let (summary, flows) = lines.split_last().expect("lines");
    assert_eq!(summary["type"], "summary");
    assert_eq!(flows.len(), 2, "{}", ended.stdout);
    for flow in flows {
        assert_eq!((&flow["type"], &flow["reason"]), (&"flow".into(), &"node-ip".into()), "{flow}");
        assert_eq!(
            (&flow["origin"]["ip"], &flow["wire"]["ip"]),
            (&web.as_str().into(), &HOST.into()),
            "{flow}"
        );
    }

    // The ring, as it lies there, is looked into while it is written.
    let read = || {
        let read = ["check", "-r", "/captures/ring-00001.pcapng", "--expect", "node", "--dst", SERVER];
        let look = [&["exec", "record", "egret"], &read[..], &["--format", "json"]].concat();
        let output = podman.command(&look).output().expect("podman");
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default()
    };
    until("what passed is in the ring", || read()["summary"]["pass"] == 2);
    let ended = record.interrupt();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}
