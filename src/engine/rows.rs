//! Builds what a window shows.

use crate::digest::{Interface, protocol};
use crate::engine::groups::Group;
use crate::engine::named::GroupNames;
use crate::engine::settled::Clocks;
use crate::engine::{Engine, judge, listing, problems};
use crate::expect::{PodName, Source};
use crate::explain::{self, Explainer, Subject};
use crate::facts::PointFacts;
use crate::flow::leg::TunnelIndex;
use crate::flow::{FlowIndex, Leg, Track};
use crate::frame::{FrameId, PointIndex, Timestamp};
use crate::judge::Judgement;
use crate::kin::Link;
use crate::net::Block;
use crate::outcome;
use crate::snapshot::{
    Confidence, Detail, ExpectationRow, Gist, Icmp, Join, Leg as LegRow, Method, Pace, Page, Place, Point,
    Role, Row, Snapshot, Sources, Summary, Tunnel, Window, WireSource,
};
use crate::text::Text;
use crate::verdict::{Reason, Verdict};
use crate::view::View;
use crate::wire::Wire;

pub(super) fn snapshot(engine: &mut Engine, window: &Window) -> Snapshot {
    let expectations = expectations(engine);
    let clocks = engine.clocks();
    let selection = &engine.settings.selection;
    let mut snapshot = Snapshot {
        selection: (!selection.is_everything()).then(|| selection.to_string()),
        verdict: run_verdict(engine, &expectations),
        assumptions: Vec::new(),
        warnings: Vec::new(),
        summary: summary(engine),
        points: Vec::new(),
        problems: Vec::new(),
        groups: Vec::new(),
        expectations,
        findings: Vec::new(),
        matching: 0,
        rows: Vec::new(),
        gist: Gist::default(),
        page: Page::default(),
        sources: Sources::default(),
        pace: Pace::default(),
    };
    match window.detail {
        Detail::Rows => {
            let matching = engine.standings.ordered(window.sort, &window.verdicts);
            snapshot.matching = matching.len();
            let range: Vec<FlowIndex> =
                matching.iter().skip(window.first).take(window.count).copied().collect();
            snapshot.rows = range.into_iter().map(|flow| row(engine, flow, &clocks)).collect();
        }
        Detail::Totals => {
            snapshot.matching = engine.standings.matching(&window.verdicts);
            let mut groups = engine.standings.groups();
            tell(engine, &groups, problems::TOLD, &mut snapshot);
            // Verdicts are the reports' to choose by.
            let any = Window { verdicts: Vec::new(), ..window.clone() };
            groups.retain(|group| listing::admits(engine, &any, group));
            let names = GroupNames::of(engine, &groups);
            snapshot.groups = groups.into_iter().map(|group| group_row(engine, group, &names)).collect();
        }
        Detail::Screen => {
            tell(engine, &engine.standings.groups(), problems::SHOWN, &mut snapshot);
            snapshot.page = listing::page(engine, window, &clocks);
            snapshot.matching = snapshot.page.flows as usize;
            snapshot.sources = listing::sources(engine);
            snapshot.pace = engine.pace.shown();
        }
    }
    snapshot
}

/// What is said of the run as a whole, with the worst of its problems.
fn tell(engine: &Engine, groups: &[&Group], problems: usize, snapshot: &mut Snapshot) {
    snapshot.assumptions = assumptions(engine);
    snapshot.warnings = warnings(engine);
    snapshot.points = points(engine);
    snapshot.problems = problems::problems(engine, groups, problems);
    let findings = engine.claims.contests();
    let frame = |frame| engine.frame_name(frame);
    snapshot.findings = findings.iter().map(|contest| explainer(engine).contest(contest, frame)).collect();
    let of = groups
        .iter()
        .map(|group| (group.kind.reason, group.kind.outcome, group.flows, &group.kind.sources[..]));
    snapshot.gist = Gist::of(of);
}

pub(super) fn summary(engine: &Engine) -> Summary {
    let total = &engine.standings.total;
    let points = &engine.facts.points;
    Summary {
        flows: total.all(),
        pass: total.of(Verdict::Pass),
        fail: total.of(Verdict::Fail),
        inconclusive: total.of(Verdict::Inconclusive),
        exempt: total.of(Verdict::Exempt),
        frames: points.iter().map(|point| point.frames).sum(),
        undecoded: points.iter().map(|point| point.undecoded).sum(),
        kernel_drops: points.iter().map(|point| point.dropped).sum(),
        evicted: engine.standings.evicted,
        expired: engine.standings.expired,
    }
}

/// A run passes if all judged flows pass, every expectation was met, and every source could be read.
pub(super) fn run_verdict(engine: &Engine, expectations: &[ExpectationRow]) -> Verdict {
    let total = &engine.standings.total;
    let is_unmet = expectations.iter().any(|row| row.verdict == Verdict::Inconclusive);
    let has_unreadable = engine.facts.points.iter().any(PointFacts::is_unreadable);
    let judged = total.of(Verdict::Pass) + total.of(Verdict::Fail) + total.of(Verdict::Inconclusive);
    if total.of(Verdict::Fail) > 0 {
        Verdict::Fail
    } else if judged == 0 {
        Verdict::Exempt
    } else if total.of(Verdict::Inconclusive) > 0 || is_unmet || engine.has_unread || has_unreadable {
        Verdict::Inconclusive
    } else {
        Verdict::Pass
    }
}

pub(super) fn expectations(engine: &Engine) -> Vec<ExpectationRow> {
    let list = &engine.settings.expectations.list;
    list.iter()
        .zip(&engine.standings.by_expectation)
        .map(|(expectation, counts)| {
            let (verdict, reason) = if counts.all() == 0 {
                let verdict = if expectation.optional { Verdict::Exempt } else { Verdict::Inconclusive };
                (verdict, Some(Reason::NoFlow))
            } else if counts.of(Verdict::Fail) > 0 {
                (Verdict::Fail, None)
            } else if counts.of(Verdict::Inconclusive) > 0 {
                (Verdict::Inconclusive, None)
            } else {
                (Verdict::Pass, None)
            };
            ExpectationRow {
                name: expectation.name.clone(),
                is_derived: expectation.is_derived,
                verdict,
                reason,
                flows: counts.all(),
                pass: counts.of(Verdict::Pass),
                fail: counts.of(Verdict::Fail),
                inconclusive: counts.of(Verdict::Inconclusive),
            }
        })
        .collect()
}

/// Addresses that a line of assumptions names.
const NAMED: usize = 16;

fn assumptions(engine: &Engine) -> Vec<String> {
    let selection = &engine.settings.selection;
    let selected = (!selection.is_everything()).then(|| format!("only these flows count: {selection}"));
    let mut lines: Vec<String> = selected.into_iter().collect();
    lines.extend(engine.settings.assumptions.iter().cloned());
    lines.extend(engine.settings.expectations.cluster.assumptions());
    let initiators = engine.facts.initiators();
    if !initiators.is_empty() {
        let mut named: Vec<String> = initiators.iter().take(NAMED).map(ToString::to_string).collect();
        if initiators.len() > NAMED {
            named.push(format!("and {} more", initiators.len() - NAMED));
        }
        lines.push(format!(
            "inside: {} (nothing was said of the cluster, and translated flows start there)",
            named.join(", ")
        ));
    }
    let filtered = engine.facts.points.iter().filter(|facts| facts.is_filtered);
    lines.extend(filtered.map(|facts| {
        format!("{}: its capture was made with a filter; what that left out is not judged", facts.name)
    }));
    lines
}

/// Pods that are younger than the flows from their addresses: these may have been another's.
fn too_young(engine: &Engine) -> Option<String> {
    let cluster = &engine.settings.expectations.cluster;
    if !cluster.is_described {
        return None;
    }
    let groups = engine.standings.groups();
    let mut young: Vec<String> = groups
        .iter()
        .filter_map(|group| {
            let workload = cluster.workload(group.kind.origin?)?;
            let since = workload.since.filter(|since| group.first_seen < *since)?;
            let address = group.kind.origin?;
            let started = jiff::Timestamp::from(since);
            Some(format!("{} ({address}, {}) started at {started:.0}", workload.id, workload.id.at))
        })
        .collect();
    young.sort_unstable();
    young.dedup();
    let first = young.first()?;
    let more = if young.len() > 1 { format!(", and {} more pods", young.len() - 1) } else { String::new() };
    Some(format!(
        "{first}{more}, after flows from that address were captured: these may be another pod's; give the objects as they were \
         then"
    ))
}

/// Flows that are chosen by the source they should leave with are those that did: the others are not among them.
fn asks_for_the_answer(engine: &Engine) -> Option<String> {
    let expectations = &engine.settings.expectations.list;
    let expected = || {
        expectations.iter().filter_map(|expectation| match &expectation.source {
            Source::AnyOf(blocks) => Some(blocks),
            _ => None,
        })
    };
    let is_expected = |block: &Block| expected().flatten().any(|known| known.covers(*block));
    let needed = engine.settings.selection.needed_addresses();
    let asked = needed.iter().find(|blocks| !blocks.is_empty() && blocks.iter().all(is_expected))?;
    let asked: Vec<String> = asked.iter().map(ToString::to_string).collect();
    Some(format!(
        "flows are chosen by {}, which they should leave with: those that left with another source are not among them; choose \
         by where they come from or go to",
        asked.join(" or ")
    ))
}

fn warnings(engine: &Engine) -> Vec<String> {
    let mut lines = engine.settings.warnings.clone();
    lines.extend(too_young(engine));
    lines.extend(asks_for_the_answer(engine));
    for (point, facts) in engine.points.iter().zip(&engine.facts.points) {
        lines.extend(point.incidents.iter().map(|what| format!("{}: {what}", point.name)));
        if facts.dropped > 0 {
            lines.push(format!(
                "{}: the capture lost {} frames; flows with gaps are inconclusive",
                point.name, facts.dropped
            ));
        }
        if facts.frames == 0 && !engine.is_limited {
            lines.push(format!("{}: no frames", point.name));
        } else if facts.is_unreadable() {
            let links: Vec<String> = point.links.iter().map(ToString::to_string).collect();
            lines.push(format!(
                "{}: nothing could be decoded; its link type is {}",
                point.name,
                links.join(", ")
            ));
        }
        if let Some(looks) = facts.looks_filtered() {
            lines.push(format!("{}: {looks}", point.name));
        }
    }
    lines
}

fn points(engine: &Engine) -> Vec<Point> {
    let offsets = engine.clock_offsets();
    (0u16..)
        .map(PointIndex)
        .zip(engine.points.iter().zip(&engine.facts.points))
        .map(|(index, (point, facts))| {
            let places = || point.places.iter().map(|place| engine.facts.place(*place));
            let seen = |time: fn(&crate::place::Place) -> Timestamp| places().map(time);
            Point {
                name: point.name.clone(),
                source: point.source.clone(),
                filter: point.filter.clone().or_else(|| declared_filter(point)),
                frames: facts.frames,
                first_seen: seen(|place| place.first_seen).min(),
                last_seen: seen(|place| place.last_seen).max(),
                truncated: facts.is_truncated,
                dropped: facts.dropped,
                undecoded: facts.undecoded,
                clock_offset_ns: if index.0 == 0 { Some(0) } else { offsets.get(&index).copied() },
                places: place_rows(places()),
            }
        })
        .collect()
}

/// Interfaces whose filters are told one by one.
const FILTERS: usize = 8;

/// What a capture says that it was made with; where interfaces differ, of each.
fn declared_filter(point: &super::Point) -> Option<String> {
    let mut distinct: Vec<&Text> = point.filters.values().collect();
    distinct.sort();
    distinct.dedup();
    match distinct[..] {
        [] => return None,
        [one] if point.filters.len() == point.interfaces.len() => return Some(one.to_string()),
        _ => {}
    }
    let of = |(number, interface): (usize, &Interface)| {
        let name = interface.name.as_ref().map_or_else(|| format!("#{number}"), ToString::to_string);
        let filter = u16::try_from(number).ok().and_then(|number| point.filters.get(&number));
        format!("{name}: {}", filter.map_or_else(|| "none".to_owned(), ToString::to_string))
    };
    let mut told: Vec<String> = point.interfaces.iter().enumerate().take(FILTERS).map(of).collect();
    if point.interfaces.len() > FILTERS {
        told.push(format!("and {} more", point.interfaces.len() - FILTERS));
    }
    Some(told.join("; "))
}

/// Places by interface, then by index.
fn place_rows<'a>(places: impl Iterator<Item = &'a crate::place::Place>) -> Vec<Place> {
    let mut places: Vec<_> = places.collect();
    places.sort_by_key(|place| (place.spot.interface, place.index(), place.id.clone()));
    places.into_iter().map(place_row).collect()
}

fn place_row(place: &crate::place::Place) -> Place {
    Place {
        id: place.id.clone(),
        interface: place.interface.clone(),
        index: place.index(),
        link_type: place.link.to_string(),
        role: place.role,
        because: place.because.clone(),
        frames: place.frames,
    }
}

pub(super) fn group_row(engine: &Engine, group: &Group, names: &GroupNames<'_>) -> crate::snapshot::Group {
    let kind = &group.kind;
    let expectation = kind.expectation.map(|index| index as usize);
    crate::snapshot::Group {
        verdict: kind.verdict,
        reason: kind.reason,
        outcome: kind.outcome,
        protocol: protocol_name(kind.protocol),
        origin: kind.origin,
        origin_pod: kind.origin.and_then(|origin| pod_words(engine, origin, group)),
        destination: kind.destination,
        destination_name: names.name(group).cloned(),
        sources: kind.sources.to_vec(),
        expectation,
        expected: expected_words(engine, expectation),
        left_at: kind.left_at.iter().map(|point| engine.points[point.0 as usize].name.clone()).collect(),
        flows: group.flows,
        packets: group.packets,
        bytes: group.bytes,
        first_seen: group.first_seen,
        last_seen: group.last_seen,
        example: engine.frame_name(group.example.0),
    }
}

/// `herasoo/web-0`, as far as anybody names the pod at an address; else `a pod of herasoo`, where a tunnel tells that.
fn pod_words(engine: &Engine, address: crate::net::Address, group: &Group) -> Option<String> {
    let cluster = &engine.settings.expectations.cluster;
    let named = cluster.pod_name(address);
    let by_tunnel = || {
        let flow = group.example.1.filter(|_| !cluster.networks.is_empty())?;
        let judge = judge(&engine.table, &engine.facts, &engine.settings);
        let namespace = judge.namespace_by_tunnel(&View::of(&engine.table, flow, cluster))?.to_owned();
        Some(PodName { namespace: Some(namespace), name: None })
    };
    named.or_else(by_tunnel).map(|pod| pod.to_string())
}

fn explainer(engine: &Engine) -> Explainer<'_> {
    Explainer { facts: &engine.facts, expectations: &engine.settings.expectations }
}

pub(super) fn expected_words(engine: &Engine, expectation: Option<usize>) -> Vec<String> {
    expectation.map_or_else(Vec::new, |index| engine.settings.expectations.list[index].source.words())
}

pub(super) fn protocol_name(number: u8) -> &'static str {
    match number {
        protocol::TCP => "tcp",
        protocol::UDP => "udp",
        protocol::ICMP => "icmp",
        protocol::ICMPV6 => "icmp6",
        protocol::SCTP => "sctp",
        _ => "other",
    }
}

pub(super) fn row(engine: &Engine, flow: FlowIndex, clocks: &Clocks) -> Row {
    let judge = judge(&engine.table, &engine.facts, &engine.settings);
    let judgement = judge.judge(flow);
    let view = &judgement.view;
    let pod =
        judgement.origin.and_then(|origin| engine.settings.expectations.cluster.pod_name(origin.address));
    let (namespace, pod) = pod.map_or((None, None), |pod| (pod.namespace, pod.name));
    // A tunnel tells at least the namespace.
    let by_tunnel = || judgement.origin.and_then(|_| judge.namespace_by_tunnel(view)).map(str::to_owned);
    let (first, destination) = (judgement.first_destination(), view.destination());
    let name = engine.name_of(flow, destination.address);
    let explanation = explainer(engine).explain(&judgement, Subject::One, name);
    let fullest = view.fullest();
    let because = judgement
        .expectation
        .map_or_else(Vec::new, |index| engine.settings.expectations.list[index].because.clone());
    Row {
        id: engine.frame_name(view.id()),
        protocol: protocol_name(view.first().key.protocol),
        direction: judgement.direction,
        origin: judgement.origin,
        namespace: namespace.or_else(by_tunnel),
        pod,
        origin_destination: (first != destination).then_some(first),
        wire: judgement.wire.sources.first().map(|source| source.endpoint),
        destination,
        destination_name: name.cloned(),
        expected_source: expected_words(engine, judgement.expectation),
        expectation: judgement.expectation,
        because,
        verdict: judgement.verdict(),
        reason: judgement.reason,
        explanation: format!("{}.", explanation.sentence),
        next_step: explanation.next_step,
        settled: engine.is_settled(flow, clocks),
        outcome: judgement.found.outcome,
        syn_times: outcome::syn_times(view),
        icmp: icmp(&judgement),
        reset_by: judgement.found.reset_by,
        rtt_ns: judgement.found.rtt_ns,
        wire_sources: wire_sources(engine, &judgement),
        first_seen: view.first_seen(),
        last_seen: view.last_seen(),
        packets: u64::from(fullest.out) + u64::from(fullest.back),
        bytes: fullest.bytes,
        join: join(engine, &judgement),
        link: link(engine, flow).map(|link| engine.link_row(link)),
        legs: legs(engine, &judgement),
    }
}

fn icmp(judgement: &Judgement<'_>) -> Option<Icmp> {
    judgement.found.icmp.map(|icmp| Icmp {
        sender: icmp.error.sender,
        kind: icmp.error.kind,
        code: icmp.error.code,
        meaning: outcome::meaning(icmp.error),
        mtu: (icmp.mtu > 0).then_some(icmp.mtu),
        time: icmp.time,
    })
}

fn wire_sources(engine: &Engine, judgement: &Judgement<'_>) -> Vec<WireSource> {
    let cluster = &engine.settings.expectations.cluster;
    let of = |wire: &Wire<'_>, boundary: Role| -> Vec<WireSource> {
        wire.sources
            .iter()
            .map(|source| WireSource {
                address: source.endpoint.address,
                port: source.endpoint.port,
                owner: cluster.owner(source.endpoint.address),
                boundary,
                packets: u64::from(source.packets),
                first_seen: source.first_seen,
                last_seen: source.last_seen,
            })
            .collect()
    };
    let mut sources = of(&judgement.wire, Role::Uplink);
    sources.extend(of(&judgement.beyond, Role::Remote));
    sources
}

fn join(engine: &Engine, judgement: &Judgement<'_>) -> Join {
    let flow = engine.table.flow(judgement.view.flow);
    let is_told = judgement.is_told();
    let method = match judgement.view.first().key.protocol {
        _ if is_told => Method::Conntrack,
        _ if !flow.is_joined => Method::SameTuple,
        protocol::TCP if judgement.view.has_beginning() => Method::TcpIsn,
        protocol::TCP => Method::TcpSegment,
        protocol::ICMP | protocol::ICMPV6 => Method::IcmpEcho,
        protocol::SCTP => Method::SctpTag,
        _ => Method::Datagram,
    };
    let is_probable = flow.is_probable || judgement.is_probable || is_told;
    Join { method, confidence: if is_probable { Confidence::Probable } else { Confidence::Certain } }
}

pub(super) fn link(engine: &Engine, flow: FlowIndex) -> Option<Link> {
    engine.links.as_ref()?.of(flow)
}

/// The flow's legs in the order of the way: by track, then by role and time.
fn legs(engine: &Engine, judgement: &Judgement<'_>) -> Vec<LegRow> {
    judgement.view.legs().map(|(track, _, leg)| leg_row(engine, track, leg)).collect()
}

fn leg_row(engine: &Engine, track: &Track, leg: &Leg) -> LegRow {
    let place = engine.facts.place(leg.place);
    LegRow {
        place: place.id.clone(),
        role: place.role,
        tunnel: tunnel(engine, leg),
        source: track.client(),
        destination: track.server(),
        packets_out: u64::from(leg.out),
        packets_in: u64::from(leg.back),
        ttl: leg.ttl,
        first_frame: engine.frame_name(FrameId { point: place.point, ordinal: leg.first_ordinal }),
        first_seen: leg.first_seen,
        last_seen: leg.last_seen,
    }
}

fn tunnel(engine: &Engine, leg: &Leg) -> Option<Tunnel> {
    if leg.tunnel == TunnelIndex::NONE {
        return None;
    }
    let tunnel = engine.facts.tunnel(leg.tunnel);
    let (source, destination) = engine.facts.tunnel_ends(leg);
    Some(Tunnel { kind: tunnel.kind.name(), id: tunnel.id, source, destination })
}

impl Engine {
    /// `node1:17`.
    pub(super) fn frame_name(&self, frame: FrameId) -> String {
        format!("{}:{}", self.points[frame.point.0 as usize].name, frame.ordinal)
    }

    fn link_row(&self, link: Link) -> crate::snapshot::Link {
        let other = View::of(&self.table, link.other, &self.settings.expectations.cluster);
        crate::snapshot::Link {
            flow: self.frame_name(other.id()),
            confidence: Confidence::Probable,
            because: explain::in_common(link),
        }
    }
}
