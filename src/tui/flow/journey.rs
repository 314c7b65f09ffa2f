//! A flow's way: from the workload over the places that showed it, through what NAT made of it, to the far side.
//!
//! Drawn twice. As boxes and arrows where these fit into the width; and as a line a place, which has the numbers:
//!
//! ```text
//! ● 10.128.0.5:40001   herasoo/web-0
//! │ node1/#7  vethb1c2  pod     12 →  8 ←  TTL 64  +0 µs
//! ◆ 192.168.12.11:40001  SNAT at node1: not the expected address
//! │ node1/#2  eth0      uplink  12 →  8 ←  TTL 63  +31 µs
//! ▼ 203.0.113.25:443   established
//! ```

use super::super::pen::{Word, padded, right, word};
use super::super::place;
use super::super::theme::Tone;
use super::super::{moment, texts};
use super::Line;
use crate::net::Endpoint;
use crate::number::thousands;
use crate::prose::columns;
use crate::snapshot::{Leg, Row, Snapshot};
use crate::verdict::Verdict;

/// Something that stands on the way.
enum Stop<'a> {
    Workload(Option<Endpoint>),
    Leg(&'a Leg),
    /// From here on packets have other addresses; at the point that shows them before and after.
    Change {
        kind: &'static str,
        at: Option<&'a str>,
        source: Option<Endpoint>,
        destination: Option<Endpoint>,
    },
    Destination(Endpoint),
}

fn stops(row: &Row) -> Vec<Stop<'_>> {
    let mut stops = vec![Stop::Workload(row.origin)];
    let mut before = row.origin.map(|origin| (origin, row.origin_destination.unwrap_or(row.destination)));
    let mut point_before = None;
    for leg in &row.legs {
        let (source, destination) = before.unwrap_or((leg.source, leg.destination));
        let (is_source, is_destination) = (leg.source != source, leg.destination != destination);
        let point = leg.place.split('/').next();
        if is_source || is_destination {
            let kind = match (is_source, is_destination) {
                (true, false) => texts::SNAT,
                (false, _) => texts::DNAT,
                (true, true) => texts::BOTH_NAT,
            };
            let at = point.filter(|_| point == point_before);
            let source = is_source.then_some(leg.source);
            let destination = is_destination.then_some(leg.destination);
            stops.push(Stop::Change { kind, at, source, destination });
        }
        before = Some((leg.source, leg.destination));
        point_before = point;
        stops.push(Stop::Leg(leg));
    }
    stops.push(Stop::Destination(row.destination));
    stops
}

/// What the workload is called, as far as anybody says.
pub(in super::super) fn workload(row: &Row) -> Option<String> {
    texts::pod(row.namespace.as_deref(), row.pod.as_deref())
}

/// What to say of a source address that a flow left with.
fn judged(row: &Row, is_source: bool) -> (&'static str, Tone) {
    match row.verdict {
        Verdict::Fail if is_source => (texts::WRONG_ADDRESS, Tone::Bad),
        Verdict::Pass if is_source => (texts::RIGHT_ADDRESS, Tone::Good),
        _ => ("", Tone::Change),
    }
}

/// `SNAT at node1`.
fn change(kind: &str, at: Option<&str>) -> String {
    at.map_or_else(|| kind.to_owned(), |point| texts::changed_at(kind, point))
}

/// A line a stop, with the numbers of each place.
pub(in super::super) fn way(row: &Row, run: Option<&Snapshot>, width: usize) -> Vec<Line> {
    let widths = Widths::of(row, run, width);
    let start = row.legs.iter().map(|leg| leg.first_seen).min().unwrap_or(row.first_seen);
    stops(row)
        .iter()
        .map(|stop| match stop {
            Stop::Workload(origin) => {
                let text = origin.map_or_else(|| texts::UNSEEN_ORIGIN.to_owned(), |it| it.to_string());
                let (said, tone) = called(row);
                widths.stop("●", &text, Tone::Strong, said, tone)
            }
            Stop::Leg(leg) => widths.leg(run, leg, start),
            Stop::Change { kind, at, source, destination } => {
                let ends: Vec<String> =
                    [source, destination].into_iter().flatten().map(ToString::to_string).collect();
                let (said, tone) = judged(row, source.is_some());
                let what = texts::and(&change(kind, *at), said);
                widths.stop("◆", &ends.join(" → "), tone, what, tone)
            }
            Stop::Destination(end) => {
                let name = row.destination_name.as_ref().map_or_else(String::new, |name| format!("  {name}"));
                let tone = Tone::of_outcome(row.outcome);
                let outcome = row.outcome.name().to_owned();
                widths.stop("▼", &format!("{end}{name}"), Tone::Strong, outcome, tone)
            }
        })
        .collect()
}

/// What a workload is called, in its tone.
fn called(row: &Row) -> (String, Tone) {
    workload(row).map_or_else(|| (texts::WORKLOAD.to_owned(), Tone::Quiet), |name| (name, Tone::Strong))
}

/// The columns of the lines of places.
struct Widths {
    /// What stands before what is said of the ends: roles stand there, too, if there is room.
    ends: usize,
    place: usize,
    interface: usize,
    role: usize,
    out: usize,
    back: usize,
    all: usize,
}

/// Between columns.
const GAP: &str = "  ";
/// The longest end that others are brought into line with: those of IPv6 have no room beside them.
const ENDS: usize = 28;

impl Widths {
    fn of(row: &Row, run: Option<&Snapshot>, width: usize) -> Self {
        let most = |of: &dyn Fn(&Leg) -> usize| row.legs.iter().map(of).max().unwrap_or(0);
        let place = most(&|leg| columns(&leg.place)).min(width / 4);
        let named = |leg: &Leg| place::interface(run, &leg.place).map_or(0, |name| columns(&name));
        let interface = most(&named).min(width / 5);
        let legs = place + if interface == 0 { 0 } else { GAP.len() + interface };
        let ends = row.legs.iter().flat_map(|leg| [leg.source, leg.destination]).chain(row.origin);
        let longest = ends.map(|end| columns(&end.to_string())).max().unwrap_or(0);
        Self {
            ends: legs.max(longest.min(ENDS)),
            place,
            interface,
            role: most(&|leg| columns(texts::role(leg.role))),
            out: most(&|leg| thousands(leg.packets_out).len()),
            back: most(&|leg| thousands(leg.packets_in).len()),
            all: width,
        }
    }

    fn stop(&self, sign: &'static str, text: &str, tone: Tone, said: String, said_tone: Tone) -> Line {
        let text = padded(text, self.ends.max(columns(text)));
        vec![
            word(sign, if tone == Tone::Strong { Tone::Plain } else { tone }),
            word(" ", Tone::Plain),
            word(text, tone),
            word(GAP, Tone::Plain),
            word(said, said_tone),
        ]
    }

    /// Columns of the interface's name and the gap behind it; none where no interface has a name.
    fn named(&self) -> usize {
        if self.interface == 0 { 0 } else { self.interface + GAP.len() }
    }

    fn leg(&self, run: Option<&Snapshot>, leg: &Leg, start: crate::frame::Timestamp) -> Line {
        let quiet = |text: String| word(text, Tone::Quiet);
        let name = place::interface(run, &leg.place).unwrap_or_default();
        let name = padded(&padded(&name, self.interface), self.named());
        let mut words: Line = vec![
            quiet("│ ".to_owned()),
            word(padded(&leg.place, self.place), Tone::Plain),
            word(GAP, Tone::Plain),
            word(name, Tone::Plain),
            quiet(padded(texts::role(leg.role), self.role)),
            word(GAP, Tone::Plain),
            word(format!("{} →", right(&thousands(leg.packets_out), self.out)), Tone::Plain),
            word(GAP, Tone::Plain),
            answered(leg, self.back),
            quiet(format!("{GAP}TTL {}", right(&leg.ttl.to_string(), 3))),
            quiet(format!("{GAP}+{}", moment::fine(leg.first_seen - start))),
        ];
        if let Some(tunnel) = &leg.tunnel {
            let id = tunnel.id.map_or_else(String::new, |id| format!(" {id}"));
            let whole = format!("{GAP}in {}{id} {} → {}", tunnel.kind, tunnel.source, tunnel.destination);
            let used: usize = words.iter().map(|word| columns(&word.text)).sum();
            let fits = used + columns(&whole) <= self.all;
            words.push(word(if fits { whole } else { format!("{GAP}in {}{id}", tunnel.kind) }, Tone::Change));
        }
        words
    }
}

/// Packets that came back: none is worth a look.
fn answered(leg: &Leg, width: usize) -> Word<'static> {
    let tone = if leg.packets_in == 0 && leg.packets_out > 0 { Tone::Bad } else { Tone::Plain };
    word(format!("{} ←", right(&thousands(leg.packets_in), width)), tone)
}

/// A box with what stands in it, and the places on the way to the next.
struct Station {
    lines: Vec<(String, Tone)>,
    on: Vec<String>,
}

impl Station {
    fn inner(&self) -> usize {
        self.lines.iter().map(|(text, _)| columns(text)).max().unwrap_or(0)
    }

    fn label(&self) -> String {
        self.on.join(" · ")
    }

    fn arrow(&self) -> usize {
        if self.on.is_empty() { 4 } else { columns(&self.label()) + 6 }
    }

    fn shorten(&mut self) {
        if self.on.len() > 2 {
            self.on.splice(1..self.on.len() - 1, ["…".to_owned()]);
        }
    }
}

/// Boxes and arrows, if they fit into the width; between boxes only the first and the last place, if need be.
pub(in super::super) fn boxes(row: &Row, run: Option<&Snapshot>, width: usize) -> Option<Vec<Line>> {
    let mut stations = stations(row, run);
    if needed(&stations) > width {
        stations.iter_mut().for_each(Station::shorten);
    }
    (needed(&stations) <= width).then(|| drawn(&stations))
}

/// Columns that boxes and arrows take.
fn needed(stations: &[Station]) -> usize {
    let last = stations.len() - 1;
    stations.iter().map(|station| station.inner() + 4).sum::<usize>()
        + stations[..last].iter().map(Station::arrow).sum::<usize>()
}

fn drawn(stations: &[Station]) -> Vec<Line> {
    let last = stations.len() - 1;
    let tall = stations.iter().map(|station| station.lines.len()).max().unwrap_or(0);
    let mut lines: Vec<Line> = vec![Vec::new(); tall + 2];
    for (number, station) in stations.iter().enumerate() {
        let inner = station.inner();
        let edge =
            |left: &str, right: &str| word(format!("{left}{}{right}", "─".repeat(inner + 2)), Tone::Quiet);
        lines[0].push(edge("╭", "╮"));
        for at in 0..tall {
            let starts = if at == 0 && number > 0 { "▶ " } else { "│ " };
            let ends = if at == 0 && number < last { " ├" } else { " │" };
            let (text, tone) = station.lines.get(at).map_or(("", Tone::Plain), |(text, tone)| (text, *tone));
            let line = &mut lines[at + 1];
            line.push(word(starts, Tone::Quiet));
            line.push(word(padded(text, inner), tone));
            line.push(word(ends, Tone::Quiet));
        }
        lines[tall + 1].push(edge("╰", "╯"));
        if number < last {
            let wide = station.arrow();
            for (at, line) in lines.iter_mut().enumerate() {
                if at == 1 {
                    let label = station.label();
                    let label = if label.is_empty() { label } else { format!(" {label} ") };
                    let dashes = "─".repeat(wide - columns(&label) - 2);
                    line.extend([
                        word("──", Tone::Quiet),
                        word(label, Tone::Plain),
                        word(dashes, Tone::Quiet),
                    ]);
                } else {
                    line.push(word(" ".repeat(wide), Tone::Plain));
                }
            }
        }
    }
    lines
}

fn stations(row: &Row, run: Option<&Snapshot>) -> Vec<Station> {
    let mut stations: Vec<Station> = Vec::new();
    for stop in stops(row) {
        let lines = match stop {
            Stop::Leg(leg) => {
                let tunnel = leg.tunnel.as_ref().map_or_else(String::new, |it| format!(" ({})", it.kind));
                let label = format!("{}{tunnel}", place::called(run, &leg.place));
                if let Some(station) = stations.last_mut()
                    // What comes in and goes out by one interface has passed one.
                    && station.on.last() != Some(&label)
                {
                    station.on.push(label);
                }
                continue;
            }
            Stop::Workload(origin) => {
                let text = origin.map_or_else(|| texts::UNSEEN_ORIGIN.to_owned(), |it| it.to_string());
                vec![(text, Tone::Strong), called(row)]
            }
            Stop::Change { kind, at, source, destination } => {
                let (_, tone) = judged(row, source.is_some());
                let end = source.or(destination).map_or_else(String::new, |it| it.to_string());
                vec![(end, tone), (change(kind, at), Tone::Quiet)]
            }
            Stop::Destination(end) => {
                let name = row.destination_name.as_ref().map(|name| (name.to_string(), Tone::Plain));
                let outcome = (row.outcome.name().to_owned(), Tone::of_outcome(row.outcome));
                [(end.to_string(), Tone::Strong)].into_iter().chain(name).chain([outcome]).collect()
            }
        };
        stations.push(Station { lines, on: Vec::new() });
    }
    stations
}
