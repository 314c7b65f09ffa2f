//! `egret.check/1`: the run for programs, as one document or a line per flow.
//!
//! The structs below are the document, key by key and in the order in which keys are written; the
//! published schema says the same, and tests hold one against the other. Rules:
//! 1. What is not known is `null`. Names alone (`name`, `namespace`, `pod`) are absent instead.
//! 2. A port is `null` where the protocol has none.
//! 3. Times are RFC 3339 in UTC; `clock_offset_ns` and `rtt_ns` are nanoseconds.
//! 4. The document has a line per element of its arrays: small differences between two runs stay small in
//!    `diff`, and `grep` finds a whole flow.

use std::io;

use serde::{Serialize, Serializer};

use super::time::Utc;
use crate::net::{Address, Endpoint};
use crate::snapshot::{self, Row, Snapshot, Snapshots};
use crate::text::Text;
use crate::verdict::{Outcome, Reason, Verdict};

const NAME: &str = "egret.check/1";

/// One document: a line per member, and in arrays a line per element.
pub(super) fn write_document(
    run: &mut dyn Snapshots,
    only: &[Verdict],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let totals = super::totals(run, only);
    let head = Head::of(&totals);
    let mut page = Page { out, line: Vec::new(), opening: "{\n" };
    page.member("schema", &head.schema)?;
    page.member("egret", &head.egret)?;
    page.member("verdict", &head.verdict)?;
    page.array("assumptions", &head.assumptions)?;
    page.array("warnings", head.warnings)?;
    page.member("summary", &head.summary)?;
    page.array("points", &head.points)?;
    page.array("expectations", &head.expectations)?;
    page.key("flows")?;
    let mut elements = Elements::default();
    super::each_row(run, only, |row| elements.next(&mut page, &Flow::of(row, &totals)))?;
    elements.end(&mut page)?;
    page.array("findings", &head.findings)?;
    page.out.write_all(b"\n}\n")
}

/// A line per flow, and the document without its flows as the last line.
///
/// Last, because what reads a stream wants flows at once and totals when they are whole.
pub(super) fn write_lines(
    run: &mut dyn Snapshots,
    only: &[Verdict],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let totals = super::totals(run, only);
    let mut line = Vec::new();
    super::each_row(run, only, |row| {
        put_line(out, &mut line, &Line { kind: "flow", value: Flow::of(row, &totals) })
    })?;
    put_line(out, &mut line, &Line { kind: "summary", value: Head::of(&totals) })
}

/// Writes `value` and a line feed at once; `line` is recycled.
fn put_line(out: &mut dyn io::Write, line: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
    line.clear();
    serde_json::to_writer(&mut *line, value)?;
    line.push(b'\n');
    out.write_all(line)
}

/// The document being written; `opening` goes before the next member.
struct Page<'a> {
    out: &'a mut dyn io::Write,
    line: Vec<u8>,
    opening: &'static str,
}

impl Page<'_> {
    fn key(&mut self, key: &str) -> io::Result<()> {
        write!(self.out, "{}  \"{key}\": ", self.opening)?;
        self.opening = ",\n";
        Ok(())
    }

    fn value(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut self.line, Spaced))?;
        self.out.write_all(&self.line)
    }

    fn member(&mut self, key: &str, value: &impl Serialize) -> io::Result<()> {
        self.key(key)?;
        self.value(value)
    }

    fn array(&mut self, key: &str, values: &[impl Serialize]) -> io::Result<()> {
        self.key(key)?;
        let mut elements = Elements::default();
        values.iter().try_for_each(|value| elements.next(self, value))?;
        elements.end(self)
    }
}

/// An array being written, an element a line.
#[derive(Default)]
struct Elements {
    any: bool,
}

impl Elements {
    fn next(&mut self, page: &mut Page<'_>, value: &impl Serialize) -> io::Result<()> {
        page.out.write_all(if self.any { b",\n    " } else { b"[\n    " })?;
        self.any = true;
        page.value(value)
    }

    fn end(self, page: &mut Page<'_>) -> io::Result<()> {
        page.out.write_all(if self.any { b"\n  ]" } else { b"[]" })
    }
}

/// One line with a space after each comma and colon.
struct Spaced;

impl serde_json::ser::Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.begin_array_value(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

#[derive(Serialize)]
struct Line<T> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    value: T,
}

/// All but the flows.
#[derive(Serialize)]
struct Head<'a> {
    schema: &'static str,
    egret: &'static str,
    verdict: Verdict,
    assumptions: Vec<String>,
    warnings: &'a [String],
    summary: Summary,
    points: Vec<Point<'a>>,
    expectations: Vec<Expectation<'a>>,
    findings: Vec<Finding<'a>>,
}

impl<'a> Head<'a> {
    fn of(run: &'a Snapshot) -> Self {
        Self {
            schema: NAME,
            egret: env!("CARGO_PKG_VERSION"),
            verdict: run.verdict,
            assumptions: assumptions(run),
            warnings: &run.warnings,
            summary: Summary::of(run.summary),
            points: run.points.iter().map(Point::of).collect(),
            expectations: run
                .expectations
                .iter()
                .filter(|row| row.is_listed())
                .map(Expectation::of)
                .collect(),
            findings: run.findings.iter().map(Finding::of).collect(),
        }
    }
}

/// What was said and what was inferred: `node1/#2 is an uplink: carries …`.
fn assumptions(run: &Snapshot) -> Vec<String> {
    let places = run.points.iter().flat_map(|point| &point.places);
    let inferred = places.filter_map(|place| {
        let (role, because) = (place.role?, place.because.as_ref()?);
        Some(format!("{} is {}: {because}", place.id, role.phrase()))
    });
    run.assumptions.iter().cloned().chain(inferred).collect()
}

#[derive(Serialize)]
struct Summary {
    flows: u64,
    pass: u64,
    fail: u64,
    inconclusive: u64,
    exempt: u64,
    frames: u64,
    undecoded: u64,
    kernel_drops: u64,
    evicted: u64,
    expired: u64,
}

impl Summary {
    fn of(summary: snapshot::Summary) -> Self {
        let snapshot::Summary {
            flows,
            pass,
            fail,
            inconclusive,
            exempt,
            frames,
            undecoded,
            kernel_drops,
            evicted,
            expired,
        } = summary;
        Self { flows, pass, fail, inconclusive, exempt, frames, undecoded, kernel_drops, evicted, expired }
    }
}

#[derive(Serialize)]
struct Point<'a> {
    name: &'a str,
    source: &'a str,
    filter: Option<&'a str>,
    frames: u64,
    first_seen: Option<Utc>,
    last_seen: Option<Utc>,
    truncated: bool,
    clock_offset_ns: Option<i64>,
    places: Vec<Place<'a>>,
}

impl<'a> Point<'a> {
    fn of(point: &'a snapshot::Point) -> Self {
        Self {
            name: &point.name,
            source: &point.source,
            filter: point.filter.as_deref(),
            frames: point.frames,
            first_seen: point.first_seen.map(Utc),
            last_seen: point.last_seen.map(Utc),
            truncated: point.truncated,
            clock_offset_ns: point.clock_offset_ns,
            places: point.places.iter().map(Place::of).collect(),
        }
    }
}

#[derive(Serialize)]
struct Place<'a> {
    id: &'a str,
    interface: Option<&'a Text>,
    index: Option<u32>,
    link_type: &'a str,
    role: Option<&'static str>,
    because: Option<&'a str>,
    frames: u64,
}

impl<'a> Place<'a> {
    fn of(place: &'a snapshot::Place) -> Self {
        Self {
            id: &place.id,
            interface: place.interface.as_ref(),
            index: place.index,
            link_type: &place.link_type,
            role: place.role.map(snapshot::Role::name),
            because: place.because.as_deref(),
            frames: place.frames,
        }
    }
}

#[derive(Serialize)]
struct Expectation<'a> {
    name: &'a str,
    verdict: Verdict,
    reason: Option<Reason>,
    flows: u64,
    pass: u64,
    fail: u64,
    inconclusive: u64,
}

impl<'a> Expectation<'a> {
    fn of(row: &'a snapshot::ExpectationRow) -> Self {
        Self {
            name: &row.name,
            verdict: row.verdict,
            reason: row.reason,
            flows: row.flows,
            pass: row.pass,
            fail: row.fail,
            inconclusive: row.inconclusive,
        }
    }
}

#[derive(Serialize)]
struct Flow<'a> {
    id: &'a str,
    protocol: &'static str,
    direction: &'static str,
    origin: Option<Origin<'a>>,
    origin_destination: Option<End>,
    wire: Option<End>,
    destination: NamedEnd<'a>,
    expected: Option<Expected<'a>>,
    verdict: Verdict,
    reason: Reason,
    explanation: &'a str,
    next_step: Option<&'a str>,
    settled: bool,
    outcome: Outcome,
    outcome_detail: OutcomeDetail,
    wire_sources: Vec<WireSource<'a>>,
    first_seen: Utc,
    last_seen: Utc,
    packets: u64,
    bytes: u64,
    join: Join,
    link: Option<Link<'a>>,
    legs: Vec<Leg<'a>>,
}

impl<'a> Flow<'a> {
    fn of(row: &'a Row, run: &'a Snapshot) -> Self {
        Self {
            id: &row.id,
            protocol: row.protocol,
            direction: row.direction.name(),
            origin: row.origin.map(|origin| Origin {
                end: End::of(origin),
                namespace: row.namespace.as_deref(),
                pod: row.pod.as_deref(),
            }),
            origin_destination: row.origin_destination.map(End::of),
            wire: row.wire.map(End::of),
            destination: NamedEnd { end: End::of(row.destination), name: row.destination_name.as_ref() },
            expected: Expected::of(row, run),
            verdict: row.verdict,
            reason: row.reason,
            explanation: &row.explanation,
            next_step: row.next_step.as_deref(),
            settled: row.settled,
            outcome: row.outcome,
            outcome_detail: OutcomeDetail::of(row),
            wire_sources: row.wire_sources.iter().map(WireSource::of).collect(),
            first_seen: Utc(row.first_seen),
            last_seen: Utc(row.last_seen),
            packets: row.packets,
            bytes: row.bytes,
            join: Join { method: row.join.method.name(), confidence: row.join.confidence.name() },
            link: row.link.as_ref().map(|link| Link {
                flow: &link.flow,
                confidence: link.confidence.name(),
                because: &link.because,
            }),
            legs: row.legs.iter().map(Leg::of).collect(),
        }
    }
}

/// An address, as text.
struct Ip(Address);

impl Serialize for Ip {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[derive(Serialize)]
struct End {
    ip: Ip,
    port: Option<u16>,
}

impl End {
    fn of(end: Endpoint) -> Self {
        Self { ip: Ip(end.address), port: (end.port != 0).then_some(end.port) }
    }
}

#[derive(Serialize)]
struct Origin<'a> {
    #[serde(flatten)]
    end: End,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod: Option<&'a str>,
}

#[derive(Serialize)]
struct NamedEnd<'a> {
    #[serde(flatten)]
    end: End,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a Text>,
}

#[derive(Serialize)]
struct Expected<'a> {
    source: &'a [String],
    expectation: Option<&'a str>,
    because: &'a [String],
}

impl<'a> Expected<'a> {
    /// `None` where no expectation speaks about the flow.
    fn of(row: &'a Row, run: &'a Snapshot) -> Option<Self> {
        if row.expectation.is_none() && row.expected_source.is_empty() {
            return None;
        }
        let expectation = row.expectation.and_then(|index| run.expectations.get(index));
        Some(Self {
            source: &row.expected_source,
            expectation: expectation.map(|row| row.name.as_str()),
            because: &row.because,
        })
    }
}

#[derive(Serialize)]
struct OutcomeDetail {
    syn_times: Vec<Utc>,
    icmp: Option<Icmp>,
    reset_by: Option<&'static str>,
    rtt_ns: Option<i64>,
}

impl OutcomeDetail {
    fn of(row: &Row) -> Self {
        Self {
            syn_times: row.syn_times.iter().copied().map(Utc).collect(),
            icmp: row.icmp.as_ref().map(|error| Icmp {
                sender: Ip(error.sender),
                kind: error.kind,
                code: error.code,
                meaning: error.meaning,
                mtu: error.mtu,
                time: Utc(error.time),
            }),
            reset_by: row.reset_by.map(snapshot::ResetBy::name),
            rtt_ns: row.rtt_ns,
        }
    }
}

#[derive(Serialize)]
struct Icmp {
    sender: Ip,
    #[serde(rename = "type")]
    kind: u8,
    code: u8,
    meaning: &'static str,
    mtu: Option<u32>,
    time: Utc,
}

#[derive(Serialize)]
struct WireSource<'a> {
    ip: Ip,
    owner: Option<&'a str>,
    boundary: &'static str,
    packets: u64,
    first_seen: Utc,
    last_seen: Utc,
}

impl<'a> WireSource<'a> {
    fn of(source: &'a snapshot::WireSource) -> Self {
        Self {
            ip: Ip(source.address),
            owner: source.owner.as_deref(),
            boundary: source.boundary.name(),
            packets: source.packets,
            first_seen: Utc(source.first_seen),
            last_seen: Utc(source.last_seen),
        }
    }
}

#[derive(Serialize)]
struct Join {
    method: &'static str,
    confidence: &'static str,
}

#[derive(Serialize)]
struct Link<'a> {
    flow: &'a str,
    confidence: &'static str,
    because: &'a [&'static str],
}

#[derive(Serialize)]
struct Leg<'a> {
    place: &'a str,
    role: Option<&'static str>,
    tunnel: Option<Tunnel>,
    src: End,
    dst: End,
    packets_out: u64,
    packets_in: u64,
    ttl: u8,
    first_frame: &'a str,
    first_seen: Utc,
}

impl<'a> Leg<'a> {
    fn of(leg: &'a snapshot::Leg) -> Self {
        Self {
            place: &leg.place,
            role: leg.role.map(snapshot::Role::name),
            tunnel: leg.tunnel.as_ref().map(|tunnel| Tunnel {
                kind: tunnel.kind,
                id: tunnel.id,
                src: Ip(tunnel.source),
                dst: Ip(tunnel.destination),
            }),
            src: End::of(leg.source),
            dst: End::of(leg.destination),
            packets_out: leg.packets_out,
            packets_in: leg.packets_in,
            ttl: leg.ttl,
            first_frame: &leg.first_frame,
            first_seen: Utc(leg.first_seen),
        }
    }
}

#[derive(Serialize)]
struct Tunnel {
    kind: &'static str,
    id: Option<u32>,
    src: Ip,
    dst: Ip,
}

#[derive(Serialize)]
struct Finding<'a> {
    id: &'static str,
    severity: &'static str,
    objects: &'a [String],
    evidence: &'a [String],
    explanation: &'a str,
    next_step: &'a str,
}

impl<'a> Finding<'a> {
    fn of(finding: &'a snapshot::Finding) -> Self {
        Self {
            id: finding.id,
            severity: finding.severity.name(),
            objects: &finding.objects,
            evidence: &finding.evidence,
            explanation: &finding.explanation,
            next_step: &finding.next_step,
        }
    }
}
