//! What a screen asks beside totals, and the answer: one page of a list that may be of a million lines.
//!
//! A list has a line for each group of equal flows, and below a group that is opened one for each of its flows; or it has a
//! line for each flow. A page is asked for by number, or around a line that is to stay where it is while others
//! come and go above it.

use std::collections::BTreeMap;

use super::{Group, Row};
use crate::frame::Timestamp;
use crate::net::{Address, Mac};
use crate::verdict::{Outcome, Reason, Verdict};

/// Addresses of a gist: one is named, more are not.
const TOLD_APART: usize = 2;

/// What a list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Column {
    Verdict,
    /// Where flows come from.
    Workload,
    Destination,
    LeftAs,
    Expected,
    Outcome,
    Flows,
    Packets,
    Bytes,
    /// How long ago the first frame came.
    Age,
}

impl Column {
    pub const ALL: &[Self] = &[
        Self::Verdict,
        Self::Workload,
        Self::Destination,
        Self::LeftAs,
        Self::Expected,
        Self::Outcome,
        Self::Flows,
        Self::Packets,
        Self::Bytes,
        Self::Age,
    ];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    Ascending,
    Descending,
}

impl Order {
    #[must_use]
    pub fn turned(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}

/// What a list has, and which page of it is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// Equal flows share a line.
    pub is_together: bool,
    /// Groups whose flows are listed below them.
    pub open: Vec<GroupId>,
    /// Only flows that an expectation speaks of; its number. This and the next narrow the groups of [`Totals`](super::Detail), too.
    pub expectation: Option<usize>,
    /// Only flows that left so.
    pub left: Option<Left>,
    /// The page is to have this line, at this distance from its first; where the line is gone, the window's `first` counts.
    pub anchor: Option<(LineId, usize)>,
    /// A flow whose row is wanted besides, wherever it is in the list.
    pub flow: Option<String>,
}

/// A flow's source outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Left {
    As(Address),
    /// One of many addresses that are not told apart.
    AsOther,
    /// It was not seen to leave, though it should be judged.
    Unseen,
}

/// What tells a group from others for as long as it lives. It says nothing in itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub u64);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LineId {
    Group(GroupId),
    /// By its id.
    Flow(String),
}

#[derive(Debug, Clone)]
pub enum Line {
    Group {
        id: GroupId,
        group: Box<Group>,
        is_open: bool,
    },
    /// `is_within` a group that is opened.
    Flow {
        row: Box<Row>,
        is_within: bool,
    },
}

impl Line {
    pub fn id(&self) -> LineId {
        match self {
            Self::Group { id, .. } => LineId::Group(*id),
            Self::Flow { row, .. } => LineId::Flow(row.id.clone()),
        }
    }

    /// The flow that it is, or the first of those that it stands for.
    pub fn flow(&self) -> &str {
        match self {
            Self::Group { group, .. } => &group.example,
            Self::Flow { row, .. } => &row.id,
        }
    }
}

/// Some lines of a list.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The number of the first of `lines`, and how many the list has.
    pub first: usize,
    pub total: usize,
    /// Flows in the list, whether they have lines or not.
    pub flows: u64,
    pub lines: Vec<Line>,
    /// The flow that was asked for besides; `None` if it is not held (any more).
    pub flow: Option<Box<Row>>,
}

/// How fast frames came.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    /// Frames over the time of the capture, in equal steps.
    pub frames: Vec<u64>,
    /// Of all frames, as they were on the wire.
    pub total_bytes: u64,
}

/// The addresses that flows left with, those with most flows first.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    pub start: Option<Timestamp>,
    pub step_ns: i64,
    pub list: Vec<Source>,
}

#[derive(Debug, Clone)]
pub struct Source {
    pub left: Left,
    /// Whose address it is, as far as anybody declared it.
    pub owner: Option<String>,
    pub flows: u64,
    pub pass: u64,
    pub fail: u64,
    pub inconclusive: u64,
    pub first_seen: Timestamp,
    /// Link-layer addresses that claimed it, at any place; a few.
    pub macs: Vec<Mac>,
    /// Flows that began in each step.
    pub began: Vec<u32>,
}

/// What the run's flows come to, for the answer in words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gist {
    /// Flows by reason; those with none are not listed.
    pub reasons: Vec<(Reason, u64)>,
    /// The addresses that passing flows left with, in order: two at most.
    pub passed_as: Vec<Address>,
    /// What became of the flows that did not stay inside.
    pub outcomes: Vec<(Outcome, u64)>,
}

impl Gist {
    /// Of groups: their reason, their outcome, how many flows they are of, and the addresses that these left with.
    pub fn of<'a>(groups: impl Iterator<Item = (Reason, Outcome, u64, &'a [Address])>) -> Self {
        let mut reasons: BTreeMap<Reason, u64> = BTreeMap::new();
        let mut outcomes: BTreeMap<Outcome, u64> = BTreeMap::new();
        let mut passed_as: Vec<Address> = Vec::new();
        for (reason, outcome, flows, sources) in groups {
            *reasons.entry(reason).or_default() += flows;
            if reason != Reason::ClusterInternal {
                *outcomes.entry(outcome).or_default() += flows;
            }
            for source in sources.iter().filter(|_| reason.verdict() == Verdict::Pass) {
                if let Err(at) = passed_as.binary_search(source) {
                    passed_as.insert(at, *source);
                    passed_as.truncate(TOLD_APART);
                }
            }
        }
        Self { reasons: reasons.into_iter().collect(), passed_as, outcomes: outcomes.into_iter().collect() }
    }
}
