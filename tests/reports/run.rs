//! Builders of runs: flows are put in, and totals and groups follow from them as the engine would have it.

use std::net::IpAddr;

use egret::frame::Timestamp;
use egret::net::{Address, Endpoint};
use egret::snapshot::{
    Confidence, Detail, Direction, ExpectationRow, Finding, Gist, Group, Join, Leg, Method, Pace, Page,
    Place, Point, Problem, Role, Row, Snapshot, Snapshots, Sort, Sources, Summary, Window, WireSource,
};
use egret::text::Text;
use egret::verdict::{Outcome, Reason, Verdict};

/// 2026-11-23T00:41:26.586575Z.
pub(crate) const START: Timestamp = Timestamp::from_nanos(1_795_394_486_586_575_000);

pub(crate) fn address(text: &str) -> Address {
    text.parse::<IpAddr>().expect("an address").into()
}

pub(crate) fn endpoint(text: &str) -> Endpoint {
    let end: std::net::SocketAddr = text.parse().expect("an address with a port");
    Endpoint { address: end.ip().into(), port: end.port() }
}

pub(crate) fn ms(ms: i64) -> Timestamp {
    START.shifted(ms * 1_000_000)
}

/// A flow under construction.
pub(crate) fn tcp(origin: &str, destination: &str) -> Row {
    let (origin, destination) = (endpoint(origin), endpoint(destination));
    Row {
        id: String::new(),
        protocol: "tcp",
        direction: Direction::Outgoing,
        origin: Some(origin),
        namespace: None,
        pod: None,
        origin_destination: None,
        wire: None,
        destination,
        destination_name: None,
        expected_source: Vec::new(),
        expectation: None,
        because: Vec::new(),
        verdict: Verdict::Exempt,
        reason: Reason::NoExpectation,
        explanation: String::new(),
        next_step: None,
        settled: true,
        outcome: Outcome::Established,
        syn_times: vec![START],
        icmp: None,
        reset_by: None,
        rtt_ns: Some(310_000),
        wire_sources: Vec::new(),
        first_seen: START,
        last_seen: START.shifted(40_000_000),
        packets: 20,
        bytes: 4_096,
        join: Join { method: Method::SameTuple, confidence: Confidence::Certain },
        link: None,
        legs: vec![Leg {
            place: "node1/#7".into(),
            role: Some(Role::Pod),
            tunnel: None,
            source: origin,
            destination,
            packets_out: 12,
            packets_in: 8,
            ttl: 64,
            first_frame: String::new(),
            first_seen: START,
            last_seen: START.shifted(40_000_000),
        }],
    }
}

/// What a flow's words are made of.
pub(crate) trait Flow: Sized {
    fn left_as(self, source: &str) -> Self;
    fn expects(self, expectation: usize, source: &str) -> Self;
    fn is(self, reason: Reason, explanation: &str, next_step: Option<&str>) -> Self;
    fn ended(self, outcome: Outcome) -> Self;
    fn at(self, time: Timestamp) -> Self;
}

impl Flow for Row {
    fn left_as(mut self, source: &str) -> Self {
        let port = self.origin.map_or(0, |origin| origin.port);
        let wire = Endpoint { address: address(source), port };
        self.wire = self.wire.or(Some(wire));
        self.join.method = Method::TcpIsn;
        self.wire_sources.push(WireSource {
            address: wire.address,
            port,
            owner: None,
            boundary: Role::Uplink,
            packets: 12,
            first_seen: START,
            last_seen: START,
        });
        self.legs.push(Leg {
            place: "node1/#2".into(),
            role: Some(Role::Uplink),
            source: wire,
            ttl: 63,
            ..self.legs[0].clone()
        });
        self
    }

    fn expects(mut self, expectation: usize, source: &str) -> Self {
        self.expectation = Some(expectation);
        self.expected_source = vec![source.into()];
        self.because = vec!["--expect on the command line".into()];
        self
    }

    fn is(mut self, reason: Reason, explanation: &str, next_step: Option<&str>) -> Self {
        self.reason = reason;
        self.verdict = reason.verdict();
        self.explanation = explanation.into();
        self.next_step = next_step.map(Into::into);
        self
    }

    fn ended(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    fn at(mut self, time: Timestamp) -> Self {
        (self.first_seen, self.last_seen) = (time, time.shifted(40_000_000));
        self
    }
}

pub(crate) fn point(name: &str, frames: u64, places: Vec<Place>) -> Point {
    Point {
        name: name.into(),
        source: format!("{name}-any.pcap"),
        filter: None,
        frames,
        first_seen: (frames > 0).then_some(START.shifted(-60_000_000)),
        last_seen: (frames > 0).then_some(START.shifted(35_000_000_000)),
        truncated: false,
        dropped: 0,
        undecoded: 0,
        clock_offset_ns: Some(0),
        places,
    }
}

pub(crate) fn place(id: &str, interface: &str, role: Option<Role>, because: &str) -> Place {
    Place {
        id: id.into(),
        interface: Some(Text::from(interface)),
        index: id.rsplit_once('#').and_then(|(_, index)| index.parse().ok()),
        link_type: "LINUX_SLL2".into(),
        role,
        because: role.map(|_| because.into()),
        frames: 400,
    }
}

/// A run that is over.
pub(crate) struct Run {
    pub(crate) snapshot: Snapshot,
    /// The most rows that were ever asked for and given at once.
    pub(crate) most_rows: usize,
}

impl Run {
    /// The run of `flows`; expectations are named, and optional ones end in `?`.
    pub(crate) fn new(points: Vec<Point>, expectations: &[&str], flows: Vec<Row>) -> Self {
        let rows: Vec<Row> = flows.into_iter().enumerate().map(numbered).collect();
        let mut snapshot = Snapshot {
            selection: None,
            verdict: Verdict::Exempt,
            assumptions: Vec::new(),
            warnings: Vec::new(),
            summary: summary(&points, &rows),
            points,
            expectations: expectations.iter().enumerate().map(|(i, name)| met(i, name, &rows)).collect(),
            groups: groups(&rows),
            problems: problems(&rows),
            findings: Vec::new(),
            matching: rows.len(),
            rows,
            gist: Gist::default(),
            page: Page::default(),
            sources: Sources::default(),
            pace: Pace::default(),
        };
        let groups = snapshot.groups.iter();
        snapshot.gist =
            Gist::of(groups.map(|group| (group.reason, group.outcome, group.flows, &group.sources[..])));
        snapshot.verdict = verdict(&snapshot);
        Self { snapshot, most_rows: 0 }
    }

    pub(crate) fn assuming(mut self, lines: &[&str]) -> Self {
        self.snapshot.assumptions = lines.iter().map(ToString::to_string).collect();
        self
    }

    pub(crate) fn warning(mut self, line: &str) -> Self {
        self.snapshot.warnings.push(line.into());
        self
    }

    pub(crate) fn finding(mut self, finding: Finding) -> Self {
        self.snapshot.findings.push(finding);
        self
    }
}

fn numbered((index, mut row): (usize, Row)) -> Row {
    row.id = format!("node1:{}", 17 + index * 20);
    for leg in &mut row.legs {
        leg.first_frame.clone_from(&row.id);
    }
    row
}

fn summary(points: &[Point], rows: &[Row]) -> Summary {
    let of = |verdict| rows.iter().filter(|row| row.verdict == verdict).count() as u64;
    Summary {
        flows: rows.len() as u64,
        pass: of(Verdict::Pass),
        fail: of(Verdict::Fail),
        inconclusive: of(Verdict::Inconclusive),
        exempt: of(Verdict::Exempt),
        frames: points.iter().map(|point| point.frames).sum(),
        ..Summary::default()
    }
}

fn met(index: usize, name: &str, rows: &[Row]) -> ExpectationRow {
    let of = |verdict: Verdict| {
        rows.iter().filter(|row| row.expectation == Some(index) && row.verdict == verdict).count() as u64
    };
    let (pass, fail, inconclusive) = (of(Verdict::Pass), of(Verdict::Fail), of(Verdict::Inconclusive));
    let flows = pass + fail + inconclusive;
    let (verdict, reason) = match (flows, fail, inconclusive) {
        (0, ..) if name.ends_with('?') => (Verdict::Exempt, Some(Reason::NoFlow)),
        (0, ..) => (Verdict::Inconclusive, Some(Reason::NoFlow)),
        (_, 1.., _) => (Verdict::Fail, None),
        (_, _, 1..) => (Verdict::Inconclusive, None),
        _ => (Verdict::Pass, None),
    };
    ExpectationRow {
        name: name.trim_end_matches('?').into(),
        is_derived: false,
        verdict,
        reason,
        flows,
        pass,
        fail,
        inconclusive,
    }
}

fn groups(rows: &[Row]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for row in rows {
        let sources: Vec<_> = row.wire_sources.iter().map(|source| source.address).collect();
        let origin = row.origin.map(|origin| origin.address);
        let same = groups.iter_mut().find(|group| {
            (group.reason, group.outcome, group.origin) == (row.reason, row.outcome, origin)
                && group.destination == Some(row.destination)
                && group.sources == sources
                && group.expectation == row.expectation
        });
        match same {
            Some(group) => group.flows += 1,
            None => groups.push(Group {
                verdict: row.verdict,
                reason: row.reason,
                outcome: row.outcome,
                protocol: row.protocol,
                origin,
                origin_pod: None,
                destination: Some(row.destination),
                destination_name: row.destination_name.clone(),
                left_at: if sources.is_empty() { Vec::new() } else { vec!["node1".into()] },
                sources,
                expectation: row.expectation,
                expected: row.expected_source.clone(),
                flows: 1,
                packets: row.packets,
                bytes: row.bytes,
                first_seen: row.first_seen,
                last_seen: row.last_seen,
                example: row.id.clone(),
            }),
        }
    }
    groups.sort_by_key(|group| (group.verdict, group.first_seen));
    groups
}

/// Failing and open flows of one reason, expectation and sources are one problem, in the words of its first.
fn problems(rows: &[Row]) -> Vec<Problem> {
    let sources = |row: &Row| row.wire_sources.iter().map(|source| source.address).collect::<Vec<_>>();
    let mut problems: Vec<(Vec<_>, Problem)> = Vec::new();
    let troubled = |row: &&Row| matches!(row.verdict, Verdict::Fail | Verdict::Inconclusive);
    for row in rows.iter().filter(troubled) {
        let same = problems.iter_mut().find(|(known, problem)| {
            (problem.reason, problem.expectation) == (row.reason, row.expectation) && *known == sources(row)
        });
        match same {
            Some((_, problem)) => problem.flows += 1,
            None => problems.push((
                sources(row),
                Problem {
                    reason: row.reason,
                    outcome: Some(row.outcome),
                    expectation: row.expectation,
                    flows: 1,
                    first_seen: row.first_seen,
                    example: row.id.clone(),
                    because: Vec::new(),
                    sentence: row.explanation.trim_end_matches('.').into(),
                    remark: None,
                    next_step: row.next_step.clone(),
                },
            )),
        }
    }
    let mut problems: Vec<Problem> = problems.into_iter().map(|(_, problem)| problem).collect();
    problems.sort_by_key(|problem| (problem.reason.verdict(), problem.first_seen));
    problems
}

fn verdict(run: &Snapshot) -> Verdict {
    let open = run.expectations.iter().any(|row| row.verdict == Verdict::Inconclusive);
    match run.summary {
        Summary { fail: 1.., .. } => Verdict::Fail,
        Summary { inconclusive: 1.., .. } => Verdict::Inconclusive,
        _ if open => Verdict::Inconclusive,
        Summary { pass: 1.., .. } => Verdict::Pass,
        _ => Verdict::Exempt,
    }
}

impl Snapshots for Run {
    fn snapshot(&mut self, window: &Window) -> Snapshot {
        assert_eq!(window.sort, Sort::First, "reports list flows by their first frames");
        let admitted = |row: &&Row| window.verdicts.is_empty() || window.verdicts.contains(&row.verdict);
        let all = &self.snapshot.rows;
        let matching = all.iter().filter(admitted).count();
        let rows: Vec<Row> = match window.detail {
            Detail::Totals | Detail::Screen => Vec::new(),
            Detail::Rows => {
                all.iter().filter(admitted).skip(window.first).take(window.count).cloned().collect()
            }
        };
        self.most_rows = self.most_rows.max(rows.len());
        Snapshot { matching, rows, ..self.snapshot.clone() }
    }
}
