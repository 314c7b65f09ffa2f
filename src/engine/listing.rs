//! One page of a list for a screen: lines of groups and of flows, in the order of a column.
//!
//! Flows are ordered by keys of a fixed size: all that a column compares but packets, bytes and age is common to a group's
//! flows, so that the rank of the group stands for it. Of a million keys only those of the page are brought into order
//! (`excerpt`). Nothing is kept between two pages.

use std::hash::BuildHasher as _;
use std::ops::Range;

use foldhash::fast::FixedState;

use super::began::lefts;
use super::excerpt::Survey;
use super::groups::{Group, Kind};
use super::settled::Clocks;
use super::standing::Standing;
use super::{Engine, rows};
use crate::engine::named::GroupNames;
use crate::flow::FlowIndex;
use crate::frame::{FrameId, Timestamp};
use crate::snapshot::{Column, GroupId, Left, Line, LineId, Order, Page, Sort, Source, Sources, Window};
use crate::verdict::{Outcome, Verdict};

/// What brings a flow into its place: what the column compares, then its id.
type Key = (u64, FrameId, FlowIndex);

/// A group in its place in the list.
struct Listed<'a> {
    group: &'a Group,
    id: GroupId,
    /// What there is to know of its flows, if it is opened.
    flows: Option<Survey<Key>>,
}

impl Listed<'_> {
    fn lines(&self) -> usize {
        1 + self.flows.as_ref().map_or(0, |flows| flows.total)
    }
}

pub(super) fn page(engine: &Engine, window: &Window, clocks: &Clocks) -> Page {
    let mut page = if window.listing.is_together {
        together(engine, window, clocks)
    } else {
        single(engine, window, clocks)
    };
    let wanted = window.listing.flow.as_deref();
    page.flow = wanted.and_then(|id| find(engine, id)).map(|flow| Box::new(rows::row(engine, flow, clocks)));
    page
}

/// A group's id: what its flows have in common, as a number.
fn group_id(kind: &Kind) -> GroupId {
    GroupId(FixedState::with_seed(0).hash_one(kind))
}

/// Whether a group's flows are listed.
pub(super) fn admits(engine: &Engine, window: &Window, group: &Group) -> bool {
    let listing = &window.listing;
    let kind = &group.kind;
    let left = || lefts(kind).into_iter().map(|left| engine.standings.began.counted_as(left));
    (window.verdicts.is_empty() || window.verdicts.contains(&kind.verdict))
        && listing.expectation.is_none_or(|wanted| kind.expectation == Some(wanted as u32))
        && listing.left.is_none_or(|wanted| left().any(|left| left == wanted))
}

/// The groups whose flows are listed, in order.
fn groups<'a>(engine: &'a Engine, window: &Window) -> Vec<&'a Group> {
    let mut groups = engine.standings.groups();
    groups.retain(|group| admits(engine, window, group));
    match window.sort {
        Sort::Worst => groups.sort_by_key(|group| trouble(group)),
        Sort::First => groups.sort_by_key(|group| group.example.0),
        Sort::By(column, order) => {
            // Equal ones stay in the order of what is worst.
            groups.sort_by(|a, b| {
                let compared = compare(engine, column, a, b);
                if order == Order::Ascending { compared } else { compared.reverse() }
            });
        }
    }
    groups
}

/// What wants to be seen first, lowest.
fn trouble(group: &Group) -> (Verdict, u8) {
    let refusal = match group.kind.outcome {
        Outcome::NoReply | Outcome::Refused | Outcome::Prohibited | Outcome::Unreachable => 0,
        Outcome::Stalled | Outcome::Reset => 1,
        Outcome::Established | Outcome::MidStream | Outcome::OneWay | Outcome::Pending => 2,
    };
    (group.kind.verdict, refusal)
}

fn compare(engine: &Engine, column: Column, a: &Group, b: &Group) -> std::cmp::Ordering {
    let (x, y) = (&a.kind, &b.kind);
    // What is not known comes last.
    let known = |kind: &Kind| (kind.origin.is_none(), kind.origin);
    match column {
        Column::Verdict => (x.verdict, x.reason).cmp(&(y.verdict, y.reason)),
        Column::Workload => known(x).cmp(&known(y)),
        Column::Destination => x.destination.cmp(&y.destination),
        Column::LeftAs => (x.sources.is_empty(), &x.sources).cmp(&(y.sources.is_empty(), &y.sources)),
        Column::Expected => {
            let words = |kind: &Kind| rows::expected_words(engine, kind.expectation.map(|it| it as usize));
            words(x).cmp(&words(y))
        }
        Column::Outcome => x.outcome.cmp(&y.outcome),
        Column::Flows => a.flows.cmp(&b.flows),
        Column::Packets => a.packets.cmp(&b.packets),
        Column::Bytes => a.bytes.cmp(&b.bytes),
        // The youngest has the least age.
        Column::Age => b.first_seen.cmp(&a.first_seen),
    }
}

/// All flows of a list, in no order.
pub(super) fn flows(engine: &Engine, window: &Window) -> Vec<FlowIndex> {
    let mut is_listed = vec![false; engine.standings.group_numbers()];
    for group in groups(engine, window) {
        is_listed[group.number as usize] = true;
    }
    let standing = engine.standings.standing();
    standing.filter(|(_, standing)| is_listed[standing.group as usize]).map(|(flow, _)| flow).collect()
}

fn together(engine: &Engine, window: &Window, clocks: &Clocks) -> Page {
    let groups = groups(engine, window);
    let flows = groups.iter().map(|group| group.flows).sum();
    let anchor = Anchor::of(engine, window);
    let keys_of = |number: u32| move |standing: &Standing| (standing.group == number).then_some(0);
    let list: Vec<Listed<'_>> = groups
        .into_iter()
        .map(|group| {
            let id = group_id(&group.kind);
            let is_open = window.listing.open.contains(&id);
            let survey = || anchor.survey(engine, window.sort, keys_of(group.number));
            Listed { group, id, flows: is_open.then(survey) }
        })
        .collect();
    let total: usize = list.iter().map(Listed::lines).sum();
    let first = anchor.first_line(window, total, |anchor| {
        let mut before = 0;
        for listed in &list {
            let place = match anchor {
                Anchor::Group(wanted) => (listed.id == *wanted).then_some(0),
                Anchor::Flow(_) => listed.flows.as_ref().and_then(|flows| Some(1 + flows.rank?)),
                Anchor::None => None,
            };
            if let Some(place) = place {
                return Some(before + place);
            }
            before += listed.lines();
        }
        None
    });
    let wanted = first..(first + window.count).min(total);
    let mut lines = Vec::with_capacity(wanted.len());
    let mut before = 0;
    let mut shown: Vec<(usize, Range<usize>)> = Vec::new();
    for (at, listed) in list.iter().enumerate() {
        let range = before..before + listed.lines();
        before = range.end;
        if range.start >= wanted.end {
            break;
        }
        if range.end > wanted.start {
            shown.push((
                at,
                wanted.start.max(range.start) - range.start..wanted.end.min(range.end) - range.start,
            ));
        }
    }
    let on_page: Vec<&Group> = shown.iter().map(|(at, _)| list[*at].group).collect();
    let names = GroupNames::of(engine, &on_page);
    for (at, range) in shown {
        let listed = &list[at];
        if range.start == 0 {
            let group = Box::new(rows::group_row(engine, listed.group, &names));
            lines.push(Line::Group { id: listed.id, group, is_open: listed.flows.is_some() });
        }
        if let Some(survey) = &listed.flows {
            // A group's own line comes before its flows.
            let range = range.start.saturating_sub(1)..range.end - 1;
            let flows = survey.excerpt(|| keys(engine, window.sort, keys_of(listed.group.number)), range);
            lines.extend(flows.into_iter().map(|(_, _, flow)| Line::Flow {
                row: Box::new(rows::row(engine, flow, clocks)),
                is_within: true,
            }));
        }
    }
    Page { first, total, flows, lines, flow: None }
}

fn single(engine: &Engine, window: &Window, clocks: &Clocks) -> Page {
    let groups = groups(engine, window);
    let flows = groups.iter().map(|group| group.flows).sum();
    let mut ranks: Vec<Option<u32>> = vec![None; engine.standings.group_numbers()];
    let mut rank = 0;
    for (at, group) in groups.iter().enumerate() {
        // Groups that the order does not part have one rank: their flows stand by their own ids.
        let is_equal = at > 0
            && match window.sort {
                Sort::First => true,
                Sort::Worst => trouble(groups[at - 1]) == trouble(group),
                Sort::By(column, _) => compare(engine, column, groups[at - 1], group).is_eq(),
            };
        rank += u32::from(!is_equal);
        ranks[group.number as usize] = Some(rank);
    }
    let rank = |standing: &Standing| ranks[standing.group as usize];
    let anchor = Anchor::of(engine, window);
    let survey = anchor.survey(engine, window.sort, rank);
    let total = survey.total;
    let first = anchor.first_line(window, total, |_| survey.rank);
    let lines = survey
        .excerpt(|| keys(engine, window.sort, rank), first..(first + window.count).min(total))
        .into_iter()
        .map(|(_, _, flow)| Line::Flow { row: Box::new(rows::row(engine, flow, clocks)), is_within: false })
        .collect();
    Page { first, total, flows, lines, flow: None }
}

/// The line that is to stay where it is.
enum Anchor {
    None,
    Group(GroupId),
    Flow(FlowIndex),
}

impl Anchor {
    fn of(engine: &Engine, window: &Window) -> Self {
        match &window.listing.anchor {
            None => Self::None,
            Some((LineId::Group(id), _)) => Self::Group(*id),
            Some((LineId::Flow(id), _)) => find(engine, id).map_or(Self::None, Self::Flow),
        }
    }

    /// Goes through the flows that `rank` admits.
    fn survey(&self, engine: &Engine, sort: Sort, rank: impl Fn(&Standing) -> Option<u32>) -> Survey<Key> {
        let own = match self {
            Self::Flow(flow) => {
                engine.standings.of(*flow).and_then(|standing| key(sort, *flow, standing, &rank))
            }
            Self::None | Self::Group(_) => None,
        };
        Survey::of(keys(engine, sort, rank), own)
    }

    /// The number of a page's first line: it holds the anchor where it was, if the list has it at a `place`, and no more lines are left
    /// empty at its end than must be.
    fn first_line(&self, window: &Window, total: usize, place: impl Fn(&Self) -> Option<usize>) -> usize {
        let above = window.listing.anchor.as_ref().map(|(_, above)| *above);
        let anchored = above.and_then(|above| Some(place(self)?.saturating_sub(above)));
        anchored.unwrap_or(window.first).min(total.saturating_sub(window.count))
    }
}

/// The keys of the flows that `rank` admits, in no order.
fn keys(engine: &Engine, sort: Sort, rank: impl Fn(&Standing) -> Option<u32>) -> impl Iterator<Item = Key> {
    engine.standings.standing().filter_map(move |(flow, standing)| key(sort, flow, standing, &rank))
}

/// A flow's key: by the rank of its group where the column says nothing else.
fn key(
    sort: Sort,
    flow: FlowIndex,
    standing: &Standing,
    rank: impl Fn(&Standing) -> Option<u32>,
) -> Option<Key> {
    let rank = rank(standing)?;
    let own = match sort {
        Sort::By(Column::Packets, _) => Some(u64::from(standing.packets)),
        Sort::By(Column::Bytes, _) => Some(standing.bytes),
        // The youngest has the least age.
        Sort::By(Column::Age, _) => Some(!standing.began.nanos().cast_unsigned() ^ (1 << 63)),
        _ => None,
    };
    // The rank has the order's direction in it.
    let key = match (own, sort) {
        (Some(own), Sort::By(_, Order::Descending)) => !own,
        (Some(own), _) => own,
        (None, _) => u64::from(rank),
    };
    Some((key, standing.id, flow))
}

/// The flow with an id, by a look at those that are held.
pub(super) fn find(engine: &Engine, id: &str) -> Option<FlowIndex> {
    let (point, ordinal) = id.rsplit_once(':')?;
    let ordinal: u64 = ordinal.parse().ok()?;
    let point = engine.points.iter().position(|known| known.name == point)?;
    let mut held = engine.standings.standing();
    let is_it = |id: FrameId| id.ordinal == ordinal && usize::from(id.point.0) == point;
    held.find(|(_, standing)| is_it(standing.id)).map(|(flow, _)| flow)
}

/// Counts for every step that there is by now.
fn padded(counts: &[u32], steps: usize) -> Vec<u32> {
    let mut counts = counts.to_vec();
    counts.resize(steps, 0);
    counts
}

/// How a source of a run is shown among others: by the number of its flows.
pub(super) fn sources(engine: &Engine) -> Sources {
    let began = &engine.standings.began;
    let cluster = &engine.settings.expectations.cluster;
    let mut list: Vec<Source> = began
        .list
        .iter()
        .map(|(left, counts)| {
            let address = if let Left::As(address) = left { Some(*address) } else { None };
            Source {
                left: *left,
                owner: address.and_then(|address| cluster.owner(address)),
                flows: 0,
                pass: 0,
                fail: 0,
                inconclusive: 0,
                first_seen: Timestamp::MAX,
                macs: address.map_or_else(Vec::new, |address| engine.claims.claimants(address)),
                began: padded(counts, began.steps.count),
            }
        })
        .collect();
    for group in engine.standings.groups() {
        for left in lefts(&group.kind) {
            let left = began.counted_as(left);
            let Some(source) = list.iter_mut().find(|source| source.left == left) else { continue };
            source.flows += group.flows;
            match group.kind.verdict {
                Verdict::Pass => source.pass += group.flows,
                Verdict::Fail => source.fail += group.flows,
                Verdict::Inconclusive => source.inconclusive += group.flows,
                Verdict::Exempt => {}
            }
            source.first_seen = source.first_seen.min(group.first_seen);
        }
    }
    list.retain(|source| source.flows > 0);
    list.sort_by_key(|source| (std::cmp::Reverse(source.flows), source.left));
    Sources { start: began.steps.start(), step_ns: began.steps.length, list }
}
