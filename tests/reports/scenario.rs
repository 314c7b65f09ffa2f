//! Runs as they come: all well, a leak in mid-run, the wrong place captured, nothing to judge.

use egret::net::Endpoint;
use egret::snapshot::{Confidence, Finding, Icmp, Link, Method, ResetBy, Role, Row, Severity, Tunnel};
use egret::text::Text;
use egret::verdict::{Outcome, Reason};

use crate::run::{Flow, Run, START, address, endpoint, ms, place, point, tcp};

const EGRESS: &str = "192.168.12.99";
const PARTNER: &str = "203.0.113.25:443";
const HERASOO: &str = "herasoo reaches the partner with its own address";

/// An expected flow of the pod's `n`-th port.
fn fine(n: usize) -> Row {
    tcp(&format!("10.128.0.5:{}", 40_001 + n), PARTNER)
        .expects(0, EGRESS)
        .left_as(EGRESS)
        .is(Reason::ExpectedSource, "Left node1 as 192.168.12.99, as expected.", None)
        .at(ms(n as i64 * 100))
}

fn leaked(n: usize) -> Row {
    tcp(&format!("10.128.0.5:{}", 41_001 + n), PARTNER)
        .expects(0, EGRESS)
        .left_as("192.168.12.11")
        .is(
            Reason::NodeIp,
            "It left node1 as 192.168.12.11, the address of node1 itself, instead of 192.168.12.99. The \
             flows before it left with the right address until 2026-11-23T00:41:26Z, so the egress \
             address was configured and stopped being used in mid-run.",
            Some(
                "Look whether the egress address moved or its node became unready at that time: `oc get \
                 egressip -o wide`, then the events of the node that held it.",
            ),
        )
        .at(ms(6_000 + n as i64 * 100))
}

fn internal(n: usize) -> Row {
    tcp(&format!("10.128.0.5:{}", 42_001 + n), "10.128.1.7:8080").is(
        Reason::ClusterInternal,
        "Stayed inside the cluster.",
        None,
    )
}

fn node1(frames: u64) -> egret::snapshot::Point {
    let places = vec![
        place("node1/#2", "eth0", Some(Role::Uplink), "carries outgoing frames of node addresses"),
        place("node1/#7", "vethb1c2", Some(Role::Pod), "holds 10.128.0.5"),
        place("node1/#9", "vxlan_sys_4789", None, ""),
    ];
    point("node1", frames, places)
}

fn run(expectations: &[&str], flows: Vec<Row>) -> Run {
    Run::new(vec![node1(1_234)], expectations, flows).assuming(&[
        "inside: 10.128.0.0/14 (--inside)",
        "node1/#2 is an uplink: carries outgoing frames of node addresses",
    ])
}

pub(crate) fn all_pass() -> Run {
    let mut flows: Vec<_> = (0..72).map(fine).collect();
    flows.extend((0..3).map(internal));
    run(&[HERASOO], flows)
}

/// 52 right, 20 wrong of which two were not answered, and two that stayed inside.
pub(crate) fn leak() -> Run {
    let mut flows: Vec<_> = (0..52).map(fine).collect();
    flows.extend((0..20).map(|n| match n {
        4 | 11 => leaked(n).ended(Outcome::NoReply),
        _ => leaked(n),
    }));
    flows.extend((0..2).map(internal));
    run(&[HERASOO], flows)
}

/// Captured in the pod's namespace alone.
pub(crate) fn wire_not_seen() -> Run {
    let flow = |n: usize| {
        tcp(&format!("10.128.0.{}:40001", 5 + n / 3), &format!("203.0.113.{}:443", 25 + n % 3))
            .expects(0, EGRESS)
            .is(
                Reason::WireNotSeen,
                "It was seen at web-0/eth0, which is inside the pod; translation happens after that.",
                Some(
                    "Capture on the node that holds 192.168.12.99, on all interfaces: `egret record -i any`.",
                ),
            )
            .at(ms(n as i64))
    };
    let points =
        vec![point("web-0", 96, vec![place("web-0/#3", "eth0", Some(Role::Pod), "holds 10.128.0.5")])];
    Run::new(points, &["--expect 192.168.12.99"], (0..9).map(flow).collect())
        .assuming(&["inside: 10.128.0.5 (POD_IP)"])
}

/// Nobody said what is expected.
pub(crate) fn nothing_expected() -> Run {
    let flow = |n: usize| {
        tcp(&format!("10.128.0.5:{}", 40_001 + n), PARTNER).left_as("192.168.12.11").is(
            Reason::NoExpectation,
            "No expectation was given.",
            None,
        )
    };
    run(&[], (0..7).map(flow).collect())
}

pub(crate) fn nothing_outgoing() -> Run {
    run(&[HERASOO], (0..5).map(internal).collect()).without_missing_flows()
}

pub(crate) fn no_frames() -> Run {
    Run::new(vec![point("any", 0, Vec::new())], &[], Vec::new())
}

/// Two expectations, one of them met by nothing; findings, losses and a second point.
pub(crate) fn troubled() -> Run {
    let gateway = point(
        "node2",
        1_200_345,
        vec![place(
            "node2/#2",
            "ens192",
            Some(Role::Uplink),
            "carries outer frames of the cluster's tunnels",
        )],
    );
    let stray = fine(3).left_as("10.128.0.5").is(
        Reason::StrayPodIp,
        "It left as 192.168.12.99, but 2 late packets (RST) left with the pod's own address 10.128.0.5.",
        Some("Firewalls drop these; if yours logs them and nothing breaks, waive them with `--allow stray-pod-ip`."),
    );
    let mut unseen = tcp("10.128.0.5:1", PARTNER).left_as(EGRESS).is(
        Reason::OriginUnknown,
        "Only its translated side was captured, and several expectations could speak about it.",
        Some("Capture on the pod's node as well."),
    );
    unseen.origin = None;
    let mut run = Run::new(
        vec![node1(1_234), gateway],
        &[HERASOO, "batch jobs leave from the pool", "drills?"],
        vec![fine(0), fine(1), stray, unseen, internal(0)],
    )
    .warning("node2-any.pcap is cut short after frame 1,200,345: 41 of 66 bytes")
    .finding(Finding {
        id: "duplicate-egress-ip",
        severity: Severity::Error,
        objects: vec![EGRESS.into()],
        evidence: vec![
            "node1/#2 sent ARP for it from 52:54:00:00:00:11".into(),
            "node2/#2 from 52:54:00:00:00:12".into(),
        ],
        explanation: "Two nodes claim the egress address 192.168.12.99; switches deliver replies to either."
            .into(),
        next_step: "Restart the network plugin on the node that should not hold it.".into(),
    });
    run.snapshot.points[1].truncated = true;
    run.snapshot.points[1].clock_offset_ns = Some(-1_250_000);
    run.snapshot.points[1].filter = Some("host 203.0.113.25 or udp port 4789".into());
    run.snapshot.summary.kernel_drops = 1_750;
    run.snapshot.summary.undecoded = 1;
    run
}

/// Names from captures and from the command line that try to rewrite the page.
pub(crate) fn hostile() -> Run {
    let mut run = leak();
    let evil = "eth0\x1b[2J\r\nPASS  All is well.\u{202e}";
    run.snapshot.points[0].places[0].interface = Some(Text::from(evil));
    run.snapshot.points[0].source = format!("{evil}.pcap");
    run.snapshot.expectations[0].name = evil.into();
    run.snapshot.warnings = vec![evil.into()];
    for row in &mut run.snapshot.rows {
        row.destination_name = Some(Text::from(evil));
    }
    run
}

pub(crate) fn ipv6() -> Run {
    let flow = |n: usize| {
        tcp(
            &format!("[fd01:10:128:0:858:aff:fe80:5]:{}", 40_001 + n),
            "[2001:db8:5ca1:ab1e:203:0:113:25]:443",
        )
        .expects(0, "fd00:192:168:12::99")
        .left_as("fd00:192:168:12::11")
        .is(
            Reason::NodeIp,
            "It left node1 as fd00:192:168:12::11, the address of node1, instead of fd00:192:168:12::99.",
            Some("The egress address has no IPv6 counterpart: add one."),
        )
    };
    run(&["--expect fd00:192:168:12::99"], (0..3).map(flow).collect())
}

/// Destinations with names, one of them by another name from another pod; and a problem that a proxy took part in.
pub(crate) fn named() -> Run {
    let with = |mut row: Row, name: &str| {
        row.destination_name = Some(Text::from(name));
        row
    };
    let mut flows: Vec<_> = (0..3).map(|n| with(fine(n), "api.partner.example")).collect();
    flows.extend((0..2).map(|n| with(leaked(n), "api.partner.example")));
    for name in ["a.partner.example", "b.partner.example"] {
        let mut row = with(fine(10), name);
        (row.origin, row.destination) = (Some(endpoint("10.128.0.6:40001")), endpoint("203.0.113.26:443"));
        row.outcome = if name.starts_with('a') { Outcome::Established } else { Outcome::NoReply };
        flows.push(row);
    }
    let mut run = run(&[HERASOO], flows);
    run.snapshot.problems[0].remark =
        Some("A proxy probably sent it for node1:7, from 10.128.0.7 to 10.128.0.5:8080 (same name)".into());
    run
}

/// A hundred pods to a hundred servers, fifty ports each.
pub(crate) fn crowd() -> Run {
    let flow = |n: usize| {
        tcp(&format!("10.128.0.{}:{}", n % 100, 20_000 + n), &format!("203.0.113.{}:443", n % 100))
            .expects(0, EGRESS)
            .left_as(EGRESS)
            .is(Reason::ExpectedSource, "As expected.", None)
            .at(ms(n as i64))
    };
    let mut flows: Vec<_> = (0..4_999).map(flow).collect();
    flows.push(leaked(0));
    run(&[HERASOO], flows)
}

/// A hundred pods that all leak, beside five flows that are right.
pub(crate) fn landslide() -> Run {
    let leak = |n: usize| {
        let mut row = leaked(n);
        row.origin = Some(endpoint(&format!("10.128.1.{n}:40001")));
        row
    };
    let mut flows: Vec<_> = (0..100).map(leak).collect();
    flows.extend((0..5).map(fine));
    run(&[HERASOO], flows)
}

/// Every key that can be filled or empty, both ways at least once.
pub(crate) fn everything() -> Run {
    let mut run = troubled();
    let row = &mut run.snapshot.rows[2];
    row.origin_destination = Some(endpoint("172.30.99.10:8443"));
    row.destination_name = Some(Text::from("api.partner.example"));
    row.icmp = Some(Icmp {
        sender: address("203.0.113.1"),
        kind: 3,
        code: 13,
        meaning: "communication administratively prohibited",
        mtu: None,
        time: START.shifted(1),
    });
    row.link = Some(Link {
        flow: "node1:40".into(),
        confidence: Confidence::Probable,
        because: vec!["same payload", "same name"],
    });
    row.reset_by = Some(ResetBy::Server);
    row.rtt_ns = None;
    row.wire_sources[0].owner = Some("egress address of herasoo".into());
    row.wire_sources[1].boundary = Role::Remote;
    row.legs[0].tunnel = Some(Tunnel {
        kind: "vxlan",
        id: Some(9_059_409),
        source: address("192.168.12.12"),
        destination: address("192.168.12.11"),
    });
    row.legs[1].tunnel =
        Some(Tunnel { kind: "gre", id: None, source: address("fd00::1"), destination: address("fd00::2") });
    row.legs[1].role = None;
    row.settled = false;
    let ping = &mut run.snapshot.rows[0];
    ping.protocol = "icmp";
    ping.destination = Endpoint { port: 0, ..ping.destination };
    ping.join = egret::snapshot::Join { method: Method::Datagram, confidence: Confidence::Probable };
    run
}

impl Run {
    /// Expectations that no flow met count as optional, so that nothing was judged at all.
    fn without_missing_flows(mut self) -> Self {
        for row in &mut self.snapshot.expectations {
            row.verdict = egret::verdict::Verdict::Exempt;
        }
        self.snapshot.verdict = egret::verdict::Verdict::Exempt;
        self
    }
}
