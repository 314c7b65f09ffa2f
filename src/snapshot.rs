//! What reports and screens read: the run as it stands, totals whole, rows for one window alone.

mod screen;

use crate::frame::Timestamp;
use crate::net::{Address, Endpoint};
use crate::text::Text;
use crate::verdict::{Outcome, Reason, Verdict};

pub use screen::{Column, Gist, GroupId, Left, Line, LineId, Listing, Order, Pace, Page, Source, Sources};

/// Which rows a snapshot is to hold, and in which order. Totals are always those of the whole run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Window {
    /// Only flows with one of these verdicts; empty is all.
    pub verdicts: Vec<Verdict>,
    pub sort: Sort,
    /// Rows from `first`, at most `count` of them.
    pub first: usize,
    pub count: usize,
    pub detail: Detail,
    /// What a screen lists.
    pub listing: Listing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// By the flow's first frame, that is, by its id.
    #[default]
    First,
    /// Failures, then inconclusive, pass, exempt; within each by the first frame. On a screen, flows that were not let in come
    /// before the others of their verdict.
    Worst,
    /// By a column of a screen; equal ones by the first frame.
    By(Column, Order),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// Totals, points, expectations, groups and findings alone.
    #[default]
    Totals,
    /// Verdict, summary, expectations and rows, each with its explanation and legs.
    Rows,
    /// Totals without groups, the page that [`Window::listing`] asks for, sources, and frames over time.
    Screen,
}

#[derive(Debug, Clone)]
pub struct Snapshot {
    /// `Pass`, `Fail` or `Inconclusive`; `Exempt` where nothing was judged.
    pub verdict: Verdict,
    /// Which flows count, in words; `None` is all of them.
    pub selection: Option<String>,
    /// What was taken for granted, and why: a line each. Roles of places stand with the places.
    pub assumptions: Vec<String>,
    /// What went wrong while reading, a line each.
    pub warnings: Vec<String>,
    pub summary: Summary,
    pub points: Vec<Point>,
    pub expectations: Vec<ExpectationRow>,
    /// Equal flows together, worst first, then by their first frame.
    pub groups: Vec<Group>,
    /// Worst first, then by their first frame; at most 1,000.
    pub problems: Vec<Problem>,
    pub findings: Vec<Finding>,
    /// Flows that the window's `verdicts` admit.
    pub matching: usize,
    pub rows: Vec<Row>,
    /// What flows come to, for the answer in words; and what a screen shows.
    pub gist: Gist,
    pub page: Page,
    pub sources: Sources,
    pub pace: Pace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    pub flows: u64,
    pub pass: u64,
    pub fail: u64,
    pub inconclusive: u64,
    pub exempt: u64,
    pub frames: u64,
    pub undecoded: u64,
    pub kernel_drops: u64,
    /// Flows that were let go of before they had settled, for want of room.
    pub evicted: u64,
    /// Flows that had settled and are no longer held: they are counted, and have no rows.
    pub expired: u64,
}

#[derive(Debug, Clone)]
pub struct Point {
    pub name: String,
    /// The file or interface as it was given.
    pub source: String,
    /// The capture filter, where one is known.
    pub filter: Option<String>,
    pub frames: u64,
    pub first_seen: Option<Timestamp>,
    pub last_seen: Option<Timestamp>,
    pub truncated: bool,
    /// Frames that the kernel lost, and those of which not even the link layer was understood.
    pub dropped: u64,
    pub undecoded: u64,
    /// This point's clock minus the first point's, by the median over certain joins; `None` where no flow tells.
    pub clock_offset_ns: Option<i64>,
    pub places: Vec<Place>,
}

#[derive(Debug, Clone)]
pub struct Place {
    /// `node1`, `node1/eth0`, `node1/#2`.
    pub id: String,
    pub interface: Option<Text>,
    pub index: Option<u32>,
    pub link_type: String,
    pub role: Option<Role>,
    pub because: Option<String>,
    pub frames: u64,
}

/// What a place is to the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Holds a pod's address.
    Pod,
    /// A tunnel device.
    Tunnel,
    /// Leaves a node.
    Uplink,
    /// The far side.
    Remote,
}

impl Role {
    pub const ALL: &[Self] = &[Self::Pod, Self::Tunnel, Self::Uplink, Self::Remote];

    pub fn name(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Tunnel => "tunnel",
            Self::Uplink => "uplink",
            Self::Remote => "remote",
        }
    }

    /// What a place with this role is.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Pod => "a pod's",
            Self::Tunnel => "a tunnel device",
            Self::Uplink => "an uplink",
            Self::Remote => "the far side",
        }
    }
}

#[derive(Debug, Clone)]
pub struct ExpectationRow {
    pub name: String,
    /// It follows from the cluster's objects; where no flow met it, reports leave it out.
    pub is_derived: bool,
    pub verdict: Verdict,
    /// `NoFlow` where no flow met it.
    pub reason: Option<Reason>,
    pub flows: u64,
    pub pass: u64,
    pub fail: u64,
    pub inconclusive: u64,
}

impl ExpectationRow {
    /// Whether a report names it: of thousands that follow from objects, those that a flow met.
    pub fn is_listed(&self) -> bool {
        !self.is_derived || self.flows > 0
    }
}

/// Flows that are equal in all that the fields say.
#[derive(Debug, Clone)]
pub struct Group {
    pub verdict: Verdict,
    pub reason: Reason,
    pub outcome: Outcome,
    pub protocol: &'static str,
    /// The origin's address; `None` where it was not seen.
    pub origin: Option<Address>,
    /// `herasoo/web-0`, as far as anybody names it.
    pub origin_pod: Option<String>,
    /// Where the flow went in the end, or first where no wire was seen; `None` of flows for which there was no room to
    /// tell them apart, which have any origin, destination and source.
    pub destination: Option<Endpoint>,
    /// Its name, where all of them have one.
    pub destination_name: Option<Text>,
    /// The addresses it left with; empty where no wire was seen.
    pub sources: Vec<Address>,
    /// In [`Snapshot::expectations`].
    pub expectation: Option<usize>,
    /// What was expected, in words or addresses, as [`Row::expected_source`].
    pub expected: Vec<String>,
    /// Names of the points whose uplinks showed it leave.
    pub left_at: Vec<String>,
    pub flows: u64,
    pub packets: u64,
    pub bytes: u64,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// The id of the first of them.
    pub example: String,
}

/// Flows that need a word, together where they have one cause: failures, open questions, and flows that left as they
/// should and were not let in.
#[derive(Debug, Clone)]
pub struct Problem {
    pub reason: Reason,
    /// What became of all of them; `None` where that differs.
    pub outcome: Option<Outcome>,
    /// In [`Snapshot::expectations`].
    pub expectation: Option<usize>,
    pub flows: u64,
    pub first_seen: Timestamp,
    /// The id of the first of them.
    pub example: String,
    /// `20 of 72 flows from 10.128.0.5 left node1 as …`, without a full stop.
    pub sentence: String,
    /// What else is worth knowing of the first of them, without a full stop.
    pub remark: Option<String>,
    /// Why something else was expected, where that follows from the cluster's objects: a step each.
    pub because: Vec<String>,
    pub next_step: Option<String>,
}

impl Problem {
    /// Whether flows of which this holds are a problem: they failed or are open, or left as they should and were not let in.
    pub fn is_of(verdict: Verdict, reason: Reason, outcome: Outcome) -> bool {
        match verdict {
            Verdict::Fail | Verdict::Inconclusive => true,
            Verdict::Pass => reason == Reason::ExpectedSource && outcome.is_rejection(),
            Verdict::Exempt => false,
        }
    }
}

/// One flow.
#[derive(Debug, Clone)]
pub struct Row {
    pub id: String,
    pub protocol: &'static str,
    pub direction: Direction,
    /// `None` where the origin was not seen.
    pub origin: Option<Endpoint>,
    /// Of the origin, as far as anybody says or a tunnel tells.
    pub namespace: Option<String>,
    pub pod: Option<String>,
    /// `None` where nothing rewrote the destination.
    pub origin_destination: Option<Endpoint>,
    /// What left; `None` where no wire was seen. The first source, where there are several.
    pub wire: Option<Endpoint>,
    pub destination: Endpoint,
    pub destination_name: Option<Text>,
    /// Addresses, CIDR blocks, or one of the words `node`, `pod`, `drop`; empty where nothing is expected.
    pub expected_source: Vec<String>,
    pub expectation: Option<usize>,
    pub because: Vec<String>,
    pub verdict: Verdict,
    pub reason: Reason,
    pub explanation: String,
    pub next_step: Option<String>,
    pub settled: bool,
    pub outcome: Outcome,
    pub syn_times: Vec<Timestamp>,
    pub icmp: Option<Icmp>,
    pub reset_by: Option<ResetBy>,
    pub rtt_ns: Option<i64>,
    pub wire_sources: Vec<WireSource>,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    pub packets: u64,
    pub bytes: u64,
    pub join: Join,
    /// The flow that a proxy made of this, or made this of.
    pub link: Option<Link>,
    pub legs: Vec<Leg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    Outgoing,
    Incoming,
    Internal,
    Unknown,
}

impl Direction {
    pub fn name(self) -> &'static str {
        match self {
            Self::Outgoing => "outgoing",
            Self::Incoming => "incoming",
            Self::Internal => "internal",
            Self::Unknown => "unknown",
        }
    }
}

/// The ICMP error that says most of what became of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Icmp {
    pub sender: Address,
    pub kind: u8,
    pub code: u8,
    /// In words: `communication administratively prohibited`.
    pub meaning: &'static str,
    /// How large a packet may be to go on, where the error says so.
    pub mtu: Option<u32>,
    pub time: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetBy {
    /// The side that opened the flow.
    Client,
    /// The side that was asked.
    Server,
    /// A node between them.
    Node,
}

impl ResetBy {
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Node => "node",
        }
    }
}

/// One source that a flow was seen with, outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireSource {
    pub address: Address,
    pub port: u16,
    /// Whose it is, as far as anybody declared it: `node worker1`, `expected by herasoo …`.
    pub owner: Option<String>,
    /// `Role::Uplink`, or `Role::Remote` for what the far side saw.
    pub boundary: Role,
    pub packets: u64,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
}

/// Another flow that carries what this one does, on the other side of a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its id.
    pub flow: String,
    pub confidence: Confidence,
    /// What both have in common: `same payload`, `same name`.
    pub because: Vec<&'static str>,
}

/// How a flow's tracks were found to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Join {
    pub method: Method,
    pub confidence: Confidence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// One 5-tuple; nothing had to be joined.
    SameTuple,
    /// The client's initial sequence number with IP identification or timestamp, or both initial sequence numbers.
    TcpIsn,
    /// Sequence and acknowledgement numbers of a segment, where the beginning was not seen.
    TcpSegment,
    /// IP identification, length and payload of a datagram; SPI and sequence number of ESP.
    Datagram,
    /// Sequence number, IP identification and payload of an ICMP echo.
    IcmpEcho,
    /// The tags that the two ends of an SCTP association chose.
    SctpTag,
    /// A table of conntrack, where no packets tell.
    Conntrack,
}

impl Method {
    pub const ALL: &[Self] = &[
        Self::SameTuple,
        Self::TcpIsn,
        Self::TcpSegment,
        Self::Datagram,
        Self::IcmpEcho,
        Self::SctpTag,
        Self::Conntrack,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::SameTuple => "same-tuple",
            Self::TcpIsn => "tcp-isn",
            Self::TcpSegment => "tcp-segment",
            Self::Datagram => "datagram",
            Self::IcmpEcho => "icmp-echo",
            Self::SctpTag => "sctp-tag",
            Self::Conntrack => "conntrack",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    Certain,
    Probable,
}

impl Confidence {
    pub fn name(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Probable => "probable",
        }
    }
}

/// A flow's copy of its packets at one place, under one 5-tuple.
#[derive(Debug, Clone)]
pub struct Leg {
    pub place: String,
    pub role: Option<Role>,
    pub tunnel: Option<Tunnel>,
    pub source: Endpoint,
    pub destination: Endpoint,
    pub packets_out: u64,
    pub packets_in: u64,
    /// TTL or hop limit of the first packet sent by the origin; of the first reply where none was seen.
    pub ttl: u8,
    /// `node1:21`.
    pub first_frame: String,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunnel {
    pub kind: &'static str,
    pub id: Option<u32>,
    /// Outer addresses, in the direction of the origin's packets.
    pub source: Address,
    pub destination: Address,
}

/// Something wrong that belongs to no single flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub id: &'static str,
    pub severity: Severity,
    pub objects: Vec<String>,
    pub evidence: Vec<String>,
    pub explanation: String,
    pub next_step: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
    Info,
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// A door to snapshots: the only one that reports and screens have.
pub trait Snapshots {
    fn snapshot(&mut self, window: &Window) -> Snapshot;
}
