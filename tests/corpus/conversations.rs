//! Compares conversations: every slot of either view, frames and bytes in each direction.

use std::collections::{BTreeMap, BTreeSet};

use crate::observe::Sight;
use crate::oracle::{self, Oracle};
use crate::report::{Comparison, Report};
use crate::rules::{self, Rule};
use crate::view::{self, Counts, Slot};

/// tshark shows no greater length.
const LONGEST: u32 = i32::MAX as u32;
/// `LINKTYPE_SUNATM`, whose pseudo-header of four bytes tshark does not count.
const SUNATM: u16 = 123;
/// Differing slots that are shown.
const SHOWN: usize = 4;

/// Both views of the frames seen so far.
#[derive(Debug)]
pub(crate) struct Conversations {
    views: [View; 2],
    desync: BTreeSet<u64>,
    /// Frames that tshark read.
    total: u64,
    /// Frames that only egret read.
    beyond: u64,
    /// Rules of the frames that are disputed in the inner view, by number.
    disputes: BTreeMap<u64, Rule>,
}

#[derive(Debug, Default)]
struct View {
    all: Counts,
    undisputed: Counts,
    disputed: Vec<Disputed>,
}

#[derive(Debug)]
struct Disputed {
    slot: Slot,
    bytes: u64,
    rule: Rule,
}

impl Conversations {
    pub(crate) fn new(oracle: &Oracle) -> Self {
        let desync = oracle.frames.desync.iter().filter_map(|number| number.parse().ok()).collect();
        Self {
            views: Default::default(),
            desync,
            total: oracle.frames.total,
            beyond: 0,
            disputes: BTreeMap::new(),
        }
    }

    pub(crate) fn look(&mut self, sight: &Sight<'_>, conveyed: &[view::Conveyed]) {
        if sight.number > self.total {
            self.beyond += 1;
            return;
        }
        let bytes = u64::from(sight.original.min(LONGEST));
        let bytes = if sight.link.0 == SUNATM { bytes.saturating_sub(4) } else { bytes };
        let disputes = rules::disputes(sight, conveyed, self.desync.contains(&sight.number));
        if let Some(rule) = disputes[1] {
            self.disputes.insert(sight.number, rule);
        }
        for ((view, placed), rule) in self.views.iter_mut().zip(view::slots(conveyed)).zip(disputes) {
            view.all.add(placed.clone(), bytes);
            match rule {
                Some(rule) => view.disputed.push(Disputed { slot: placed.0, bytes, rule }),
                None => view.undisputed.add(placed, bytes),
            }
        }
    }

    /// The rule by which the oracle may see a frame's inner conversation otherwise.
    pub(crate) fn dispute(&self, number: u64) -> Option<Rule> {
        self.disputes.get(&number).copied()
    }

    /// The rule of the first disputed frame: what egret does not see may stand there.
    pub(crate) fn first_dispute(&self) -> Option<Rule> {
        self.disputes.values().next().copied()
    }

    pub(crate) fn compare(&self, oracle: &Oracle, report: &mut Report) {
        let Self { views: [outer, inner], total, beyond, .. } = self;
        let (total, beyond) = (*total, *beyond);
        for (comparison, ours, theirs) in
            [(Comparison::Outer, outer, &oracle.outer), (Comparison::Inner, inner, &oracle.inner)]
        {
            let mut theirs = view::counted(theirs);
            report.compared(comparison, theirs.0.len().max(ours.all.0.len()) as u64);
            if beyond > 0 {
                report.differ(comparison, format!("{beyond} frames"), Some(rules::TSHARK_STOPPED.name));
            }
            let records = total.saturating_sub(oracle.container.own.packets);
            if records > 0 && take_records(&mut theirs, oracle, records) {
                report.differ(comparison, format!("{records} records"), Some(rules::RECORDS.name));
            }
            compare(comparison, ours, &theirs, report);
        }
    }
}

/// Takes from what the oracle counts without IP the records that are no packets.
fn take_records(theirs: &mut Counts, oracle: &Oracle, records: u64) -> bool {
    let own = &oracle.container.own;
    let Some(bytes) = oracle.frames.wire_bytes.checked_sub(own.wire_bytes) else { return false };
    theirs.take(&Slot::NonIp, records, bytes)
}

fn compare(comparison: Comparison, ours: &View, theirs: &Counts, report: &mut Report) {
    let differing = ours.all.lacks(theirs);
    if differing.is_empty() {
        return;
    }
    let bytes = ours.disputed.iter().map(|frame| frame.bytes).sum();
    if view::makes_up(&ours.undisputed.lacks(theirs), ours.disputed.len() as u64, bytes) {
        let mut by_rule: BTreeMap<Rule, u64> = BTreeMap::new();
        for frame in ours.disputed.iter().filter(|frame| differing.contains_key(&frame.slot)) {
            *by_rule.entry(frame.rule).or_default() += 1;
        }
        for (rule, frames) in by_rule {
            report.differ(comparison, format!("{frames} frames"), Some(rule.name));
        }
        return;
    }
    let mut shown: Vec<String> =
        differing.iter().take(SHOWN).map(|(slot, count)| format!("{slot}: {count}")).collect();
    if differing.len() > SHOWN {
        shown.push(format!("and {} more", differing.len() - SHOWN));
    }
    report.differ(comparison, format!("the oracle has more by: {}", shown.join("; ")), None);
}

/// Compares what the containers hold.
pub(crate) fn frames(read: &crate::observe::Read, oracle: &Oracle, is_zstd: bool, report: &mut Report) {
    let own = &oracle.container.own;
    report.compared(Comparison::Frames, own.packets.max(1));
    let ours = (read.packets, read.captured, read.original);
    if ours == (own.packets, own.cap_bytes, own.wire_bytes) {
        return;
    }
    let rule = if is_zstd && own.packets == 0 {
        Some(rules::ZSTD)
    } else if read.problem.is_some() && stopped_alike(ours, oracle) {
        Some(rules::STOPPED_ALIKE)
    } else {
        None
    };
    let told = |problem: &Option<String>| problem.clone().unwrap_or_else(|| "no problem".to_owned());
    let what = format!(
        "egret {} frames of {} bytes, {} captured ({}); oracle {} of {}, {} captured ({})",
        read.packets,
        read.original,
        read.captured,
        told(&read.problem),
        own.packets,
        own.wire_bytes,
        own.cap_bytes,
        told(&own.problem),
    );
    report.differ(Comparison::Frames, what, rule.map(|rule| rule.name));
}

fn stopped_alike((packets, captured, original): (u64, u64, u64), oracle: &Oracle) -> bool {
    let oracle::Frames { total, cap_bytes, wire_bytes, .. } = oracle.frames;
    oracle.container.tshark.error.is_some() && (packets, captured, original) == (total, cap_bytes, wire_bytes)
}
