//! A capture that is narrowed to what flows that are asked for may need: it shows fewer frames, and says the same of these flows.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use crate::egret::{Egret, Report};
use crate::enclosure::{Watch, entered};
use crate::netns::Namespace;
use crate::situation::{Egress, Knobs};
use crate::topology::Cluster;

const PATIENCE: Duration = Duration::from_mins(2);

/// Nobody is there, and everybody knows where that is.
const NOBODY: &str = "192.168.12.77";

/// Datagrams that nobody asks for.
const NOISE: u64 = 500;

const EXPECT: [&str; 4] =
    ["--expect=10.128.0.5=>192.168.12.99", "--expect=10.128.0.6=>192.168.12.99", "--format", "json"];

/// Pod a leaves with 192.168.12.99; pod b, of which the same is expected, with its node's address.
fn cluster() -> Cluster {
    let egress = Egress {
        address: [192, 168, 12, 99].into(),
        node: "node1".to_owned(),
        pods: vec!["pod-a".to_owned()],
        ports: String::new(),
        preferred: false,
    };
    Cluster::build(&Knobs { egress: vec![egress], ..Knobs::default() })
}

fn connect(pod: &Namespace, listener: &TcpListener, count: usize) {
    for _ in 0..count {
        drop(pod.within(|| TcpStream::connect("203.0.113.25:443").expect("the far side")));
        listener.accept().expect("the client");
    }
}

fn noise(pod: &Namespace) {
    pod.within(|| {
        let socket = UdpSocket::bind("0.0.0.0:50001").expect("a socket");
        for _ in 0..NOISE {
            socket.send_to(b"nobody answers", (NOBODY, 9)).expect("a way out");
        }
    });
}

/// How many flows have an origin and a reason.
fn counted(report: &Report) -> BTreeMap<(String, String), usize> {
    let mut counted = BTreeMap::new();
    for flow in report.0["flows"].as_array().expect("flows") {
        let word = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
        *counted.entry((word(&flow["origin"]["ip"]), word(&flow["reason"]))).or_default() += 1;
    }
    counted
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_narrowed_capture_shows_fewer_frames_and_the_same_verdicts() {
    if !entered("narrowed::a_narrowed_capture_shows_fewer_frames_and_the_same_verdicts") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("narrowed", PATIENCE);
    let cluster = cluster();
    let node = cluster.at("node1");
    node.ip(&format!("neigh replace {NOBODY} lladdr 02:00:00:00:00:77 dev eth0 nud permanent"));
    let listener = cluster.at("ext").within(|| TcpListener::bind("203.0.113.25:443").expect("a listener"));
    let everywhere: &[&str] = &["-i", "any", "--proto", "tcp"];
    let declared: &[&str] = &[
        "-i",
        "eth0",
        "--role",
        "eth0=uplink",
        "--conntrack",
        "live",
        "--dst",
        "203.0.113.25",
        "--dst-port",
        "443",
        "--unrewritten",
        "203.0.113.0/24",
    ];
    for asked in [everywhere, declared] {
        let whole = Egret::capture(node, &[asked, &EXPECT].concat());
        let narrow = Egret::capture(node, &[asked, &["--narrow"], &EXPECT].concat());
        connect(cluster.at("pod-a"), &listener, 10);
        connect(cluster.at("pod-b"), &listener, 10);
        noise(cluster.at("pod-a"));
        let (whole, narrow) = (whole.interrupt(), narrow.interrupt());
        assert_eq!((whole.code, narrow.code), (Some(1), Some(1)), "{asked:?}");
        let (whole, narrow) = (whole.report(), narrow.report());
        let key = |origin: &str, reason: &str| (origin.to_owned(), reason.to_owned());
        let truth =
            BTreeMap::from([(key("10.128.0.5", "expected-source"), 10), (key("10.128.0.6", "node-ip"), 10)]);
        assert_eq!(counted(&whole), truth, "{asked:?}");
        assert_eq!(counted(&narrow), truth, "{asked:?}");
        let (more, fewer) = (whole.summary("frames"), narrow.summary("frames"));
        assert!(fewer + NOISE <= more, "{asked:?}: {fewer} of {more} frames");
        let is_told = |line: &String| line.starts_with("capturing was narrowed to ");
        assert!(narrow.lines("assumptions").iter().any(is_told), "{narrow:?}");
        assert!(whole.0["points"][0]["filter"].is_null() && narrow.0["points"][0]["filter"].is_string());
    }
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_device_that_comes_when_capturing_is_narrowed_keeps_the_run_from_passing() {
    if !entered("narrowed::a_device_that_comes_when_capturing_is_narrowed_keeps_the_run_from_passing") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("narrowed-later", PATIENCE);
    let cluster = cluster();
    let node = cluster.at("node1");
    let listener = cluster.at("ext").within(|| TcpListener::bind("203.0.113.25:443").expect("a listener"));
    for (lines, code) in [("", 0), ("link add other type bridge\nlink set other up\n", 3)] {
        let asked = ["-i", "any", "--narrow", "--proto", "tcp", "--src", "10.128.0.5"];
        let egret = Egret::capture(node, &[&asked[..], &EXPECT[..1], &EXPECT[2..]].concat());
        node.ip(lines);
        connect(cluster.at("pod-a"), &listener, 5);
        let ended = egret.interrupt();
        assert_eq!(ended.code, Some(code), "{lines:?}: {}", ended.stdout);
        let warned = ended.stdout.contains("what other (no route out leads through it) is to the question");
        assert_eq!(warned, code == 3, "{}", ended.stdout);
    }
}
