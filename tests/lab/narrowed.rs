//! A capture that is narrowed to what flows that are asked for may need: it shows fewer frames, and says the same of these flows.
//! Of pod b (`apart`) the same is expected as of pod a.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::time::Duration;

use crate::apart::{NOBODY, cluster, connect, counted, know_nobody, listen};
use crate::egret::Egret;
use crate::enclosure::{Watch, entered};
use crate::netns::Namespace;

const PATIENCE: Duration = Duration::from_mins(2);

/// Datagrams that nobody asks for.
const NOISE: u64 = 500;

const EXPECT: [&str; 4] =
    ["--expect=10.128.0.5=>192.168.12.99", "--expect=10.128.0.6=>192.168.12.99", "--format", "json"];

/// What flows are counted by.
const KEY: [&str; 2] = ["/origin/ip", "/reason"];

fn noise(pod: &Namespace) {
    pod.within(|| {
        let socket = UdpSocket::bind("0.0.0.0:50001").expect("a socket");
        for _ in 0..NOISE {
            socket.send_to(b"nobody answers", (NOBODY, 9)).expect("a way out");
        }
    });
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
    know_nobody(node);
    let listener = listen(&cluster);
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
        let key = |origin: &str, reason: &str| [origin, reason].map(str::to_owned);
        let truth =
            BTreeMap::from([(key("10.128.0.5", "expected-source"), 10), (key("10.128.0.6", "node-ip"), 10)]);
        assert_eq!(counted(&whole, KEY), truth, "{asked:?}");
        assert_eq!(counted(&narrow, KEY), truth, "{asked:?}");
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
    let listener = listen(&cluster);
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
