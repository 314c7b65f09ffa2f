//! conntrack followed while an uplink alone is captured: whose flows left that began later, and what is said where the kernel told
//! more than could be read.

use std::collections::BTreeMap;
use std::net::{TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::apart::{NOBODY, cluster, connect, counted, know_nobody, listen};
use crate::capture::until;
use crate::egret::Egret;
use crate::enclosure::{Watch, entered};
use crate::netns::Namespace;
use crate::rights::threads;
use crate::witness::listening;

const PATIENCE: Duration = Duration::from_mins(2);

/// Datagrams, of each of two sockets, of which more entries begin than egret's socket has room for.
const MANY: u16 = 30_000;

const PODS_APART: [&str; 8] = [
    "-i",
    "eth0",
    "--conntrack",
    "live",
    "--expect=10.128.0.5=>192.168.12.99",
    "--expect=10.128.0.6=>192.168.12.12",
    "--format",
    "json",
];

/// Sends datagrams to `count` ports of nobody, from two sockets.
fn burst(pod: &Namespace, count: u16) {
    pod.within(|| {
        for own in ["0.0.0.0:50001", "0.0.0.0:50002"] {
            let socket = UdpSocket::bind(own).expect("a socket");
            for port in 1..=count {
                socket.send_to(b"nobody answers", (NOBODY, port)).expect("a way out");
            }
        }
    });
}

/// What flows are counted by.
const KEY: [&str; 3] = ["/protocol", "/origin/ip", "/reason"];

fn key(protocol: &str, origin: &str, reason: &str) -> [String; 3] {
    [protocol, origin, reason].map(str::to_owned)
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn origins_of_flows_that_begin_later_are_known_without_any_rights() {
    if !entered("following::origins_of_flows_that_begin_later_are_known_without_any_rights") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("following", PATIENCE);
    let cluster = cluster();
    let listener = listen(&cluster);
    let egret = Egret::capture(cluster.at("node1"), &PODS_APART);
    // One that takes frames in, one that decodes, one that reads, and one that follows.
    until("its threads run", || egret.status("Threads") == "4");
    for sets in threads(&egret, &["CapInh", "CapPrm", "CapEff", "CapAmb"]) {
        assert!(sets.iter().all(|set| set == "0000000000000000"), "{sets:?}");
    }
    connect(cluster.at("pod-a"), &listener, 20);
    connect(cluster.at("pod-b"), &listener, 20);
    let ended = egret.interrupt();
    let report = ended.report();
    assert_eq!(
        counted(&report, KEY),
        BTreeMap::from([
            (key("tcp", "10.128.0.5", "expected-source"), 20),
            (key("tcp", "10.128.0.6", "node-ip"), 20)
        ])
    );
    assert_eq!(ended.code, Some(1));
    let joined = |flow: &serde_json::Value| {
        flow["join"]["method"] == "conntrack" && flow["join"]["confidence"] == "probable"
    };
    assert!(report.0["flows"].as_array().expect("flows").iter().all(joined), "{report:?}");
    let about: Vec<String> =
        report.lines("assumptions").into_iter().filter(|line| line.starts_with("conntrack: ")).collect();
    assert!(
        about.len() == 1
            && about[0].contains(" translations (live), as of 20")
            && about[0].ends_with(", and 40 that began later"),
        "{about:?}"
    );
    assert_eq!(report.lines("warnings"), Vec::<String>::new());
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn what_the_kernel_tells_in_vain_is_said_and_no_verdict_rests_on_it() {
    if !entered("following::what_the_kernel_tells_in_vain_is_said_and_no_verdict_rests_on_it") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("following", PATIENCE);
    let cluster = cluster();
    let node = cluster.at("node1");
    know_nobody(node);
    let listener = listen(&cluster);
    let egret = Egret::capture(node, &PODS_APART);
    let pid = egret.child.id();
    let told = || listening(pid).expect("egret's socket");
    connect(cluster.at("pod-a"), &listener, 3);
    until("all was read", || told() == (0, 0));

    egret.signal(Signal::STOP);
    until("egret stands still", || egret.status("State").starts_with('T'));
    burst(cluster.at("pod-a"), MANY);
    burst(cluster.at("pod-b"), 100);
    assert!(told().1 > 0, "the socket has room for so many entries");
    egret.signal(Signal::CONT);
    until("all was read", || told().0 == 0);
    // What began just after may have been translated before, of which news may have been lost.
    let read = Instant::now();
    until("that is a while ago", || read.elapsed() > Duration::from_millis(100));

    connect(cluster.at("pod-a"), &listener, 5);
    connect(cluster.at("pod-b"), &listener, 5);
    let report = egret.interrupt().report();
    let counted = counted(&report, KEY);
    let flows = |protocol: &str, origin: &str, reason: &str| {
        counted.get(&key(protocol, origin, reason)).copied().unwrap_or_default()
    };
    assert_eq!(
        flows("tcp", "10.128.0.5", "expected-source"),
        8,
        "{counted:?} {:?}",
        report.lines("warnings")
    );
    assert_eq!(flows("tcp", "10.128.0.6", "node-ip"), 5, "{counted:?}");
    // What is said of all flows, not of the rows that a report shows.
    assert_eq!((report.summary("pass"), report.summary("fail")), (8, 5), "{counted:?}");
    assert!(report.summary("inconclusive") >= 2 * u64::from(MANY), "{counted:?}");
    let warnings = report.lines("warnings");
    assert!(
        warnings
            .iter()
            .any(|line| line.contains("--conntrack live: the kernel told more than could be read")),
        "{warnings:?}"
    );
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_kernel_that_tells_nothing_of_changes_is_asked_once_and_that_is_said() {
    if !entered("following::a_kernel_that_tells_nothing_of_changes_is_asked_once_and_that_is_said") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("following", PATIENCE);
    let cluster = cluster();
    cluster.at("node1").sysctl(&[("net/netfilter/nf_conntrack_events", "0")]);
    let listener = listen(&cluster);
    let egret = Egret::capture(cluster.at("node1"), &PODS_APART);
    connect(cluster.at("pod-a"), &listener, 2);
    let report = egret.interrupt().report();
    assert_eq!(counted(&report, KEY), BTreeMap::from([(key("tcp", "-", "origin-unknown"), 2)]));
    assert_eq!(
        report.lines("warnings"),
        [
            "--conntrack live: the kernel does not tell what becomes of conntrack's table (net.netfilter.nf_conntrack_events is 0)"
        ]
    );
    let assumptions = report.lines("assumptions");
    let told = |line: &String| line.ends_with("; origins of flows that began later are not known from it");
    assert!(assumptions.iter().any(told), "{assumptions:?}");
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn what_the_kernel_notes_of_times_is_taken_over() {
    if !entered("following::what_the_kernel_notes_of_times_is_taken_over") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("following", PATIENCE);
    let cluster = cluster();
    cluster.at("node1").sysctl(&[("net/netfilter/nf_conntrack_timestamp", "1")]);
    let listener = listen(&cluster);
    let before = cluster.at("pod-a").within(|| TcpStream::connect("203.0.113.25:443").expect("the far side"));
    let egret = Egret::capture(cluster.at("node1"), &PODS_APART);
    connect(cluster.at("pod-b"), &listener, 4);
    drop(before);
    connect(cluster.at("pod-a"), &listener, 4);
    let report = egret.interrupt().report();
    assert_eq!(
        counted(&report, KEY),
        BTreeMap::from([
            (key("tcp", "10.128.0.5", "expected-source"), 5),
            (key("tcp", "10.128.0.6", "node-ip"), 4)
        ])
    );
}
