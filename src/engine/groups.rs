//! Equal flows together: what they have in common, and how many of them there are.
//!
//! A group counts the flows that are held and those that were let go of alike. Its example is one that is held, as long as
//! there is one: what is said of a group rests on it.
//!
//! What flows have in common includes where they went, so a port scan makes as many groups as it probes ports. Beyond a fixed
//! number, flows count in a *rest*: by reason, protocol and expectation alone.

use foldhash::{HashMap, HashMapExt as _};
use smallvec::SmallVec;

use crate::digest::protocol;
use crate::engine::standing::Standing;
use crate::facts::Facts;
use crate::flow::FlowIndex;
use crate::frame::{FrameId, PointIndex, Timestamp};
use crate::judge::Judgement;
use crate::net::{Address, Endpoint};
use crate::text::Text;
use crate::verdict::{Outcome, Reason, Verdict};

/// What flows of one group have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Kind {
    pub verdict: Verdict,
    pub reason: Reason,
    pub outcome: Outcome,
    pub protocol: u8,
    pub origin: Option<Address>,
    /// `None` of a rest, whose flows went anywhere.
    pub destination: Option<Endpoint>,
    pub sources: SmallVec<[Address; 2]>,
    pub expectation: Option<u32>,
    pub left_at: SmallVec<[PointIndex; 2]>,
    /// Conntrack alone tells whose they are.
    pub is_told: bool,
    /// They were let go of for want of room, before more could be said.
    pub is_evicted: bool,
}

impl Kind {
    pub(super) fn of(judgement: &Judgement<'_>, facts: &Facts) -> Self {
        let mut left_at: SmallVec<[PointIndex; 2]> =
            judgement.wire.legs.iter().map(|(_, leg)| facts.place(leg.place).point).collect();
        left_at.sort_unstable();
        left_at.dedup();
        let mut sources = judgement.wire.addresses();
        sources.sort_unstable();
        Self {
            verdict: judgement.verdict(),
            reason: judgement.reason,
            outcome: judgement.found.outcome,
            protocol: judgement.view.first().key.protocol,
            origin: judgement.origin.map(|origin| origin.address),
            destination: Some(judgement.view.destination()),
            sources,
            expectation: judgement.expectation.map(|index| index as u32),
            left_at,
            is_told: judgement.is_told(),
            is_evicted: false,
        }
    }

    /// That of its flows which were let go of for want of room: what had not failed by then stays open.
    pub(super) fn evicted(&self) -> Self {
        let reason = match self.verdict {
            Verdict::Pass | Verdict::Inconclusive => Reason::CaptureIncomplete,
            Verdict::Fail | Verdict::Exempt => self.reason,
        };
        let is_evicted = reason == Reason::CaptureIncomplete;
        Self { verdict: reason.verdict(), reason, is_evicted, ..self.clone() }
    }

    /// That of the rest which its flows count in where there is no room for it.
    fn rest(&self) -> Self {
        let is_told = matches!(
            self.protocol,
            protocol::TCP | protocol::UDP | protocol::ICMP | protocol::ICMPV6 | protocol::SCTP
        );
        Self {
            protocol: if is_told { self.protocol } else { u8::MAX },
            origin: None,
            destination: None,
            sources: SmallVec::new(),
            left_at: SmallVec::new(),
            ..self.clone()
        }
    }
}

/// What the flows of a group that were let go of call their destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Called {
    /// There are none.
    Open,
    One(Text),
    /// Different names, or some have none.
    Differently,
}

#[derive(Debug, Clone)]
pub(super) struct Group {
    /// Its number.
    pub number: u32,
    pub kind: Kind,
    /// Held and let go of, as are packets and bytes.
    pub flows: u64,
    pub packets: u64,
    pub bytes: u64,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// The id of the first of them, and its number if it is held: the first that is, where any is.
    pub example: (FrameId, Option<FlowIndex>),
    /// Of those that were let go of.
    pub called: Called,
    /// The lowest id of those that were let go of.
    first_gone: FrameId,
    /// A flow left that may have been the example.
    is_stale: bool,
}

/// No flow's id.
const NOBODY: FrameId = FrameId { point: PointIndex(u16::MAX), ordinal: u64::MAX };

impl Group {
    fn new(number: u32, kind: Kind) -> Self {
        Self {
            number,
            kind,
            flows: 0,
            packets: 0,
            bytes: 0,
            first_seen: Timestamp::MAX,
            last_seen: Timestamp::MIN,
            example: (NOBODY, None),
            called: Called::Open,
            first_gone: NOBODY,
            is_stale: false,
        }
    }

    /// Takes in a flow that is held.
    pub(super) fn add(&mut self, flow: FlowIndex, standing: &Standing, first: Timestamp, last: Timestamp) {
        self.flows += 1;
        self.packets += u64::from(standing.packets);
        self.bytes += standing.bytes;
        self.first_seen = self.first_seen.min(first);
        self.last_seen = self.last_seen.max(last);
        self.offer(flow, standing.id);
    }

    /// Takes out a flow, as if it had never been.
    pub(super) fn subtract(&mut self, standing: &Standing) {
        self.flows -= 1;
        self.packets -= u64::from(standing.packets);
        self.bytes -= standing.bytes;
        self.is_stale = true;
    }

    /// Goes on counting a flow that is no longer held.
    pub(super) fn let_go(&mut self, standing: &Standing, name: Option<&Text>) {
        self.first_gone = self.first_gone.min(standing.id);
        self.is_stale = true;
        self.called = match (&self.called, name) {
            (Called::Open, Some(name)) => Called::One(name.clone()),
            (Called::One(known), Some(name)) if known == name => return,
            _ => Called::Differently,
        };
    }

    fn offer(&mut self, flow: FlowIndex, id: FrameId) {
        if self.example.1.is_none() || id < self.example.0 {
            self.example = (id, Some(flow));
        }
    }
}

/// The groups of a run.
#[derive(Debug)]
pub(super) struct Groups {
    list: Vec<Group>,
    by_kind: HashMap<Kind, u32>,
    /// Numbers of groups that have no flow.
    free: Vec<u32>,
    most: usize,
}

impl Groups {
    /// Groups of which `most` are told apart.
    pub(super) fn new(most: usize) -> Self {
        Self { list: Vec::new(), by_kind: HashMap::new(), free: Vec::new(), most }
    }

    /// The number of the group of a kind, or of the rest that stands for it.
    pub(super) fn number(&mut self, kind: Kind) -> u32 {
        if let Some(known) = self.by_kind.get(&kind) {
            return *known;
        }
        let kind = if self.by_kind.len() < self.most { kind } else { kind.rest() };
        if let Some(known) = self.by_kind.get(&kind) {
            return *known;
        }
        let number = self.free.pop().unwrap_or(self.list.len() as u32);
        let group = Group::new(number, kind.clone());
        match self.list.get_mut(number as usize) {
            Some(free) => *free = group,
            None => self.list.push(group),
        }
        self.by_kind.insert(kind, number);
        number
    }

    pub(super) fn get(&self, number: u32) -> &Group {
        &self.list[number as usize]
    }

    pub(super) fn get_mut(&mut self, number: u32) -> &mut Group {
        &mut self.list[number as usize]
    }

    /// Gives a group's number to another if no flow is left in it.
    pub(super) fn tidy(&mut self, number: u32) {
        let group = &mut self.list[number as usize];
        if group.flows == 0 && self.by_kind.remove(&group.kind).is_some() {
            group.is_stale = false;
            self.free.push(number);
        }
    }

    /// Whether some group has lost what may have been its example.
    pub(super) fn are_stale(&self) -> bool {
        self.list.iter().any(|group| group.is_stale)
    }

    /// Finds the examples of groups that lost flows, among all that are held.
    pub(super) fn settle<'a>(&mut self, held: impl Iterator<Item = (FlowIndex, &'a Standing)>) {
        for group in self.list.iter_mut().filter(|group| group.is_stale) {
            group.example = (group.first_gone, None);
        }
        for (flow, standing) in held {
            let group = &mut self.list[standing.group as usize];
            if group.is_stale {
                group.offer(flow, standing.id);
            }
        }
        for group in &mut self.list {
            group.is_stale = false;
        }
    }

    /// Gives examples that are held their new numbers.
    pub(super) fn renumber(&mut self, new: impl Fn(FlowIndex) -> Option<FlowIndex>) {
        for (_, held) in self.list.iter_mut().map(|group| &mut group.example) {
            *held = held.and_then(&new);
        }
    }

    /// Those that have flows.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Group> {
        self.list.iter().filter(|group| group.flows > 0)
    }

    /// How many numbers groups have.
    pub(super) fn numbers(&self) -> usize {
        self.list.len()
    }
}
