//! Links the two flows that a terminating proxy makes of one request: the client's to the proxy, and the proxy's onwards.
//!
//! A proxy (an egress router in http or dns mode, a resolver) answers one connection and opens another. Nothing survives
//! that joining looks at; what may survive is what the client said. So two flows are linked, always as `probable`, if
//! 1. the first goes to an address inside, and the second starts at that address, or at one inside that is no pod's (a proxy
//!    with an interface of its own to the outside);
//! 2. the second begins after the first, by at most [`WINDOW`], where one point shows both;
//! 3. their data begins equally, or both name the same: a host, or what DNS is asked for;
//! 4. for both there is no other flow of which that is true. Equal data comes first; names link what that has not.
//!
//! A link decides nothing: verdicts know none. Where several flows fit, there is none.

use std::collections::HashSet;

use foldhash::{HashMap, HashMapExt as _};
use smallvec::SmallVec;

use crate::decode::hint::Kind;
use crate::expect::Cluster;
use crate::flow::{FlowIndex, Table};
use crate::frame::{PointIndex, Timestamp};
use crate::net::{Address, Endpoint};
use crate::view::View;

/// How long after it was asked a proxy asks, in ns: a name has to be looked up, and perhaps looked up again.
pub const WINDOW: i64 = 2_000_000_000;

/// Flows with one mark within a window. Where more have it, it tells nothing.
const CANDIDATES: usize = 16;

/// What links a flow to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    pub other: FlowIndex,
    pub is_same_payload: bool,
    pub is_same_name: bool,
    /// The other is what a proxy made of this.
    pub is_onward: bool,
}

/// Each linked flow's link.
#[derive(Debug, Default)]
pub struct Links(HashMap<FlowIndex, Link>);

impl Links {
    pub fn of(&self, flow: FlowIndex) -> Option<Link> {
        self.0.get(&flow).copied()
    }

    /// The links between the flows of a table.
    pub fn find(table: &Table, cluster: &Cluster) -> Self {
        let Some(firsts) = firsts(table, cluster) else { return Self::default() };
        let mut finder = Finder::new(table, cluster, firsts);
        finder.link(|mark| matches!(mark, Mark::Payload(..)));
        finder.link(|mark| matches!(mark, Mark::Name(..)));
        Self(finder.links)
    }
}

/// What two flows of one protocol may have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Mark {
    /// A hash of how the client's data begins.
    Payload(u8, u32),
    /// A name's number, and whether DNS was asked for it.
    Name(u8, u32, bool),
}

/// A flow that may be one of two.
#[derive(Debug)]
struct Candidate {
    flow: FlowIndex,
    marks: SmallVec<[Mark; 2]>,
    clients: SmallVec<[Address; 2]>,
    servers: SmallVec<[Endpoint; 2]>,
    destination: Address,
    /// Starts at an address inside that is no pod's.
    is_of_node: bool,
    /// When each point saw it first.
    seen: SmallVec<[(PointIndex, Timestamp); 1]>,
}

/// The flows to addresses inside, or to whoever opens flows; `None` where there is none that has a mark.
fn firsts(table: &Table, cluster: &Cluster) -> Option<Vec<Candidate>> {
    let clients: HashSet<Address> = table.tracks.iter().map(|track| track.client().address).collect();
    let is_proxy = |address: Address| clients.contains(&address) || cluster.is_inside(address);
    let firsts: Vec<Candidate> = flows(table)
        .filter(|flow| table.tracks_of(*flow).any(|track| is_proxy(table.track(track).server().address)))
        .filter_map(|flow| Candidate::of(table, flow, cluster))
        .filter(|candidate| is_proxy(candidate.destination))
        .collect();
    (!firsts.is_empty()).then_some(firsts)
}

fn flows(table: &Table) -> impl Iterator<Item = FlowIndex> + '_ {
    (0..table.flows.len() as u32).map(FlowIndex).filter(|flow| table.flow(*flow).tracks > 0)
}

fn marks(table: &Table, flow: FlowIndex) -> SmallVec<[Mark; 2]> {
    let mut marks: SmallVec<[Mark; 2]> = SmallVec::new();
    for track in table.tracks_of(flow) {
        let protocol = table.track(track).key.protocol;
        marks.extend(table.names.print(track.0).map(|print| Mark::Payload(protocol, print)));
        if let (Some(name), Some((kind, _))) = (table.names.told_number(track.0), table.names.told(track.0)) {
            marks.push(Mark::Name(protocol, name, kind == Kind::Query));
        }
    }
    marks.sort_unstable();
    marks.dedup();
    marks
}

impl Candidate {
    fn of(table: &Table, flow: FlowIndex, cluster: &Cluster) -> Option<Self> {
        let marks = marks(table, flow);
        if marks.is_empty() {
            return None;
        }
        let view = View::of(table, flow, cluster);
        let origin = view.first().client().address;
        let mut seen: SmallVec<[(PointIndex, Timestamp); 1]> = SmallVec::new();
        for (_, _, leg) in view.legs() {
            let point = table.point_of(leg);
            match seen.iter_mut().find(|(known, _)| *known == point) {
                Some((_, first)) => *first = leg.first_seen.min(*first),
                None => seen.push((point, leg.first_seen)),
            }
        }
        Some(Self {
            flow,
            marks,
            clients: view.sources().collect(),
            servers: view.tracks().iter().map(|track| table.track(*track).server()).collect(),
            destination: view.destination().address,
            is_of_node: cluster.is_inside(origin) && !cluster.is_pod(origin),
            seen,
        })
    }

    /// Whether `onward` can be what a proxy at this flow's destination made of it; times are compared elsewhere.
    fn may_become(&self, onward: &Self) -> bool {
        let starts_at_proxy = onward.clients.contains(&self.destination);
        (starts_at_proxy || onward.is_of_node)
            && !onward.clients.iter().any(|client| self.clients.contains(client))
            && !onward.servers.iter().any(|server| self.servers.contains(server))
    }
}

type Spot = (Mark, PointIndex);
type Edges = HashMap<u32, SmallVec<[u32; 2]>>;

/// Pairs candidates; they go by their numbers.
struct Finder {
    firsts: Vec<Candidate>,
    seconds: Vec<Candidate>,
    /// By mark and point, the flows that have the mark there, by time.
    first_at: HashMap<Spot, Vec<(Timestamp, u32)>>,
    second_at: HashMap<Spot, Vec<(Timestamp, u32)>>,
    links: HashMap<FlowIndex, Link>,
}

impl Finder {
    fn new(table: &Table, cluster: &Cluster, firsts: Vec<Candidate>) -> Self {
        let proxies: HashSet<Address> = firsts.iter().map(|first| first.destination).collect();
        let wanted: HashSet<Mark> = firsts.iter().flat_map(|first| first.marks.iter().copied()).collect();
        let seconds: Vec<Candidate> = flows(table)
            .filter(|flow| marks(table, *flow).iter().any(|mark| wanted.contains(mark)))
            .filter_map(|flow| Candidate::of(table, flow, cluster))
            .filter(|second| {
                second.is_of_node || second.clients.iter().any(|client| proxies.contains(client))
            })
            .collect();
        let (first_at, second_at) = (by_spot(&firsts), by_spot(&seconds));
        Self { firsts, seconds, first_at, second_at, links: HashMap::new() }
    }

    /// Links the pairs that have a mark of one kind in common, and either of which has it with no other.
    fn link(&mut self, is_of_kind: impl Fn(&Mark) -> bool) {
        let mut onward: Edges = HashMap::new();
        let mut back: Edges = HashMap::new();
        // Flows that fit more than are looked at.
        let mut crowded: HashSet<u32> = HashSet::new();
        for (spot, firsts) in self.first_at.iter().filter(|((mark, _), _)| is_of_kind(mark)) {
            let Some(seconds) = self.second_at.get(spot) else { continue };
            let mut marked = 0;
            for (time, first) in firsts {
                if self.is_linked(&self.firsts[*first as usize]) {
                    continue;
                }
                let from = seconds.partition_point(|(second, _)| second <= time);
                let to = seconds.partition_point(|(second, _)| *second - *time <= WINDOW);
                if to - from > CANDIDATES {
                    // Both ends only grow, so that each is marked once.
                    crowded.extend(seconds[from.max(marked)..to].iter().map(|(_, second)| *second));
                    marked = marked.max(to);
                    onward.entry(*first).or_default().extend([u32::MAX, u32::MAX]);
                    continue;
                }
                for (_, second) in &seconds[from..to] {
                    let candidate = &self.seconds[*second as usize];
                    if self.is_linked(candidate) || !self.firsts[*first as usize].may_become(candidate) {
                        continue;
                    }
                    add(&mut onward, *first, *second);
                    add(&mut back, *second, *first);
                }
            }
        }
        let mut pairs: Vec<(u32, u32)> = onward
            .iter()
            .filter_map(
                |(first, seconds)| if let [second] = seconds[..] { Some((*first, second)) } else { None },
            )
            .filter(|(_, second)| back[second].len() == 1 && !crowded.contains(second))
            .collect();
        // A flow may be the second of one pair and the first of another: that one then comes later.
        pairs.sort_unstable();
        for (first, second) in pairs {
            self.enter(first, second);
        }
    }

    fn is_linked(&self, candidate: &Candidate) -> bool {
        self.links.contains_key(&candidate.flow)
    }

    fn enter(&mut self, first: u32, second: u32) {
        let (first, second) = (&self.firsts[first as usize], &self.seconds[second as usize]);
        if self.is_linked(first) || self.is_linked(second) {
            return;
        }
        let shares = |is_of_kind: fn(&Mark) -> bool| {
            first.marks.iter().any(|mark| is_of_kind(mark) && second.marks.contains(mark))
        };
        let link = Link {
            other: second.flow,
            is_same_payload: shares(|mark| matches!(mark, Mark::Payload(..))),
            is_same_name: shares(|mark| matches!(mark, Mark::Name(..))),
            is_onward: true,
        };
        let (from, to) = (first.flow, second.flow);
        self.links.insert(from, link);
        self.links.insert(to, Link { other: from, is_onward: false, ..link });
    }
}

fn add(edges: &mut Edges, from: u32, to: u32) {
    let known = edges.entry(from).or_default();
    // Two are too many already.
    if known.len() < 2 && !known.contains(&to) {
        known.push(to);
    }
}

fn by_spot(candidates: &[Candidate]) -> HashMap<Spot, Vec<(Timestamp, u32)>> {
    let mut by_spot: HashMap<Spot, Vec<(Timestamp, u32)>> = HashMap::new();
    for (number, candidate) in (0..).zip(candidates) {
        for mark in &candidate.marks {
            for (point, time) in &candidate.seen {
                by_spot.entry((*mark, *point)).or_default().push((*time, number));
            }
        }
    }
    for flows in by_spot.values_mut() {
        flows.sort_unstable();
    }
    by_spot
}
