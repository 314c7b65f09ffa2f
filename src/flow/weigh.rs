//! Weighs what tracks have shown of single packets, and joins those that are one flow beyond doubt.
//!
//! This is done when a snapshot is asked for, over all signs at once (`sign`), and undone when more frames come: what is
//! concluded rests on what was seen, not on the order in which it was read. Three steps:
//!
//! 1. All signs with one print are split into packets (`packets`): who showed one packet is linked; who showed two that are
//!    equal and that nothing tells apart is in doubt.
//! 2. Links make bonds between tracks, and what hangs together by these becomes a flow (`bonds`).
//! 3. Who showed a doubtful print, and was joined to nobody who showed it too, is contested by the others.

mod bonds;
mod packets;

use foldhash::HashMap;
use smallvec::SmallVec;

use crate::flow::sign::Class;
use crate::flow::table::{Flow, FlowIndex, Table};
use crate::flow::track::TrackIndex;
use crate::frame::PointIndex;

/// Rivals of one doubt that are looked at. Where there are more, nobody is named.
const RIVALS: usize = 16;

/// Tracks of which any may belong to any other.
type Rivals = SmallVec<[TrackIndex; 8]>;

/// What the last weighing did, to be undone.
#[derive(Debug, Default)]
pub(super) struct Weighed {
    is_done: bool,
    /// Flows that were united: the one that was kept, as it was, and the one that went into it.
    united: Vec<(FlowIndex, Flow, FlowIndex, Flow)>,
    /// Flows that were marked as contested.
    contested: Vec<FlowIndex>,
    rivals: Vec<Rivals>,
    /// The doubts that a track is part of.
    doubts: HashMap<TrackIndex, SmallVec<[u32; 2]>>,
}

/// Two tracks that showed one packet, or cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Link {
    pair: (TrackIndex, TrackIndex),
    tie: Tie,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tie {
    /// One packet; whether both take the same end for the client.
    One(Class, bool),
    /// Two equal packets at one sight and one time.
    Two,
}

/// What the prints have said so far.
#[derive(Debug, Default)]
struct Findings {
    links: Vec<Link>,
    rivals: Vec<Rivals>,
    /// Tracks in a doubt of too many to name.
    nameless: Vec<TrackIndex>,
}

impl Table {
    /// Joins what can be joined of all that was taken in. Until more is, nothing changes.
    pub fn settle(&mut self) {
        if self.weighed.is_done {
            return;
        }
        self.weighed.is_done = true;
        self.settle_errors();
        self.settle_fragments();
        let mut signs = std::mem::take(&mut self.signs.list);
        signs
            .sort_unstable_by_key(|sign| (sign.print, self.points[usize::from(sign.place.0)], sign.millis()));
        let mut findings = Findings::default();
        for alike in signs.chunk_by(|one, other| one.print == other.print) {
            if alike.iter().any(|sign| sign.track != alike[0].track) {
                self.weigh(alike, &mut findings);
            }
        }
        self.signs.list = signs;
        let followed = self.recent.pairs();
        findings.links.extend(followed.map(|pair| Link { pair, tie: Tie::One(Class::Packet, true) }));
        self.join_linked(&mut findings);
        self.contest_lonely(findings);
        self.mark_told_again();
    }

    /// Takes back what [`Table::settle`] joined.
    #[inline]
    pub(super) fn unsettle(&mut self) {
        if std::mem::take(&mut self.weighed.is_done) {
            self.take_back();
        }
    }

    #[cold]
    fn take_back(&mut self) {
        for flow in std::mem::take(&mut self.weighed.contested).into_iter().rev() {
            self.flows[flow.0 as usize].is_contested = false;
            self.mark_flow_changed(flow);
        }
        let united = std::mem::take(&mut self.weighed.united);
        // Each was freed by being united, and no flow was opened since: they stand last.
        self.free.truncate(self.free.len() - united.len());
        for (kept, was, gone, its) in united.into_iter().rev() {
            let (tail, head) = (was.tail, its.head);
            self.flows[kept.0 as usize] = was;
            self.flows[gone.0 as usize] = its;
            self.tracks[tail.0 as usize].next_in_flow = TrackIndex::NONE;
            let mut at = head;
            while at != TrackIndex::NONE {
                self.tracks[at.0 as usize].flow = gone;
                self.mark_changed(at);
                at = self.track(at).next_in_flow;
            }
            self.mark_flow_changed(kept);
        }
        self.weighed.rivals.clear();
        self.weighed.doubts.clear();
    }

    /// Has a flow looked at again.
    pub fn mark_flow_changed(&mut self, flow: FlowIndex) {
        let head = self.flow(flow).head;
        if head != TrackIndex::NONE {
            self.mark_changed(head);
        }
    }

    /// Marks as contested who showed a doubtful packet and was joined to nobody who showed it, too.
    fn contest_lonely(&mut self, findings: Findings) {
        for track in findings.nameless {
            let flow = self.track(track).flow;
            if !self.flow(flow).is_joined {
                self.contest_for_now(flow);
            }
        }
        for rivals in findings.rivals {
            let of = |flow: FlowIndex| rivals.iter().filter(|t| self.track(**t).flow == flow).count();
            let lonely: Rivals =
                rivals.iter().copied().filter(|track| of(self.track(*track).flow) == 1).collect();
            if lonely.len() < 2 {
                continue;
            }
            let doubt = self.weighed.rivals.len() as u32;
            for track in &lonely {
                self.weighed.doubts.entry(*track).or_default().push(doubt);
                let flow = self.track(*track).flow;
                self.contest_for_now(flow);
            }
            self.weighed.rivals.push(lonely);
        }
    }

    /// The first frame of a track: a name that does not depend on the order of reading.
    fn first_frame(&self, track: TrackIndex) -> (PointIndex, u64) {
        let mut legs = self.legs_of(track).map(|(_, leg)| (self.point_of(leg), leg.first_ordinal));
        legs.next().unwrap_or((PointIndex(u16::MAX), u64::MAX))
    }

    fn contest_for_now(&mut self, flow: FlowIndex) {
        if !self.flow(flow).is_contested {
            self.flows[flow.0 as usize].is_contested = true;
            self.weighed.contested.push(flow);
            self.mark_flow_changed(flow);
        }
    }

    /// Tracks that showed a packet which a track showed, too, where nothing tells whose it is.
    pub(super) fn rivals_by_signs(&self, track: TrackIndex) -> impl Iterator<Item = TrackIndex> + '_ {
        let doubts = self.weighed.doubts.get(&track).into_iter().flatten();
        doubts.flat_map(|doubt| self.weighed.rivals[*doubt as usize].iter().copied())
    }
}

impl Findings {
    fn doubt(&mut self, mut tracks: Vec<TrackIndex>) {
        tracks.sort_unstable();
        tracks.dedup();
        if tracks.len() > RIVALS {
            self.nameless.extend(tracks);
        } else if tracks.len() > 1 {
            self.rivals.push(tracks.into());
        }
    }
}

fn ordered(a: TrackIndex, b: TrackIndex) -> (TrackIndex, TrackIndex) {
    if a < b { (a, b) } else { (b, a) }
}

/// The representative of what `at` belongs to (union-find, halving paths).
fn root(group: &mut [usize], mut at: usize) -> usize {
    while group[at] != at {
        group[at] = group[group[at]];
        at = group[at];
    }
    at
}
