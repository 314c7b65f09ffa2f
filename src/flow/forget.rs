//! Forgets flows, and numbers anew what stays.
//!
//! Everything in the table goes by numbers: tracks, legs and flows by where they stand in their lists, and a dozen
//! side structures by these. Forgetting moves what stays to the front of the lists, in the order in which it stood, and
//! gives every side structure the new numbers; each file does that for its own. So the common path keeps its plain
//! lists, and no number is ever in use twice. One forgetting costs as much as there is: who calls it takes care that a
//! good part goes each time, or that much was entered since the last.
//!
//! A flow goes whole, as it stands while joined ([`Table::settle`]). What was joined by signs is then taken back as it is when
//! frames come, and put together again by the next look.

use crate::flow::leg::LegIndex;
use crate::flow::table::{FlowIndex, Table};
use crate::flow::track::{TrackIndex, known};
use crate::frame::{PointIndex, Timestamp};

/// Marks what is gone.
const GONE: u32 = u32::MAX;

/// The new number of each old one.
#[derive(Debug, Default)]
struct Numbers(Vec<u32>);

impl Numbers {
    /// Numbers those of `count` for which `stays` holds from 0 on.
    fn of(count: usize, mut stays: impl FnMut(usize) -> bool) -> Self {
        let mut next = 0;
        let number = |old| {
            if !stays(old) {
                return GONE;
            }
            next += 1;
            next - 1
        };
        Self((0..count).map(number).collect())
    }

    fn get(&self, old: u32) -> Option<u32> {
        self.0.get(old as usize).copied().filter(|new| *new != GONE)
    }

    /// Takes out of a list what is gone; gives memory back where little of it is in use.
    fn retain<T>(&self, list: &mut Vec<T>) {
        let mut old = 0;
        list.retain(|_| {
            old += 1;
            self.get(old - 1).is_some()
        });
        if list.len() < list.capacity() / 4 {
            list.shrink_to(list.len() * 2);
        }
    }
}

/// What became of the numbers of a table that forgot some of its flows.
#[derive(Debug, Default)]
pub struct Renumbered {
    tracks: Numbers,
    /// Of each track that is gone, the newest that stays of those that had its 5-tuple before.
    heirs: Vec<TrackIndex>,
    legs: Numbers,
    flows: Numbers,
}

impl Renumbered {
    /// A flow's new number; `None` if it is forgotten.
    pub fn flow(&self, old: FlowIndex) -> Option<FlowIndex> {
        self.flows.get(old.0).map(FlowIndex)
    }

    pub(super) fn track(&self, old: TrackIndex) -> Option<TrackIndex> {
        self.tracks.get(old.0).map(TrackIndex)
    }

    /// Takes out of a list by track what is gone.
    pub(super) fn retain_tracks<T>(&self, list: &mut Vec<T>) {
        self.tracks.retain(list);
    }

    pub(super) fn leg(&self, old: LegIndex) -> Option<LegIndex> {
        self.legs.get(old.0).map(LegIndex)
    }

    /// A track, or, if it is gone, the newest one that had its 5-tuple before.
    pub(super) fn heir(&self, old: TrackIndex) -> Option<TrackIndex> {
        self.heirs.get(old.0 as usize).copied().filter(|new| *new != TrackIndex::NONE)
    }
}

/// How much of what grows with traffic a table, or one of its flows, takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    pub tracks: usize,
    pub legs: usize,
    /// Handshakes' prints.
    pub prints: usize,
    /// Signs of single packets.
    pub signs: usize,
}

impl Load {
    /// Whether none of it is more than `room` has.
    pub fn fits(&self, room: &Self) -> bool {
        self.tracks <= room.tracks
            && self.legs <= room.legs
            && self.prints <= room.prints
            && self.signs <= room.signs
    }

    pub fn less(&self, other: &Self) -> Self {
        Self {
            tracks: self.tracks.saturating_sub(other.tracks),
            legs: self.legs.saturating_sub(other.legs),
            prints: self.prints.saturating_sub(other.prints),
            signs: self.signs.saturating_sub(other.signs),
        }
    }
}

impl Table {
    pub fn load(&self) -> Load {
        Load {
            tracks: self.tracks.len(),
            legs: self.legs.len(),
            prints: self.index.prints(),
            signs: self.signs.list.len(),
        }
    }

    /// What each flow takes, by its number.
    pub fn loads(&self) -> Vec<Load> {
        let mut loads = vec![Load::default(); self.flows.len()];
        let mut of = |track: TrackIndex, change: fn(&mut Load, usize), by: usize| {
            change(&mut loads[self.track(track).flow.0 as usize], by);
        };
        for track in (0..self.tracks.len() as u32).map(TrackIndex) {
            of(track, |load, by| load.tracks += by, 1);
            of(track, |load, by| load.legs += by, self.legs_of(track).count());
        }
        for track in self.index.printed() {
            of(track, |load, by| load.prints += by, 1);
        }
        for sign in &self.signs.list {
            of(sign.track, |load, by| load.signs += by, 1);
        }
        loads
    }

    /// Whether a packet of the flow came since [`Table::let_rest`], whatever its time said.
    pub fn is_stirred(&self, flow: FlowIndex) -> bool {
        self.tracks_of(flow).any(|track| self.track(track).is_stirred)
    }

    /// From now on, only what packets come for is stirred.
    pub fn let_rest(&mut self) {
        for track in &mut self.tracks {
            track.is_stirred = false;
        }
    }

    /// Forgets the flows for which `goes` holds, and errors that have waited at a point for their track since before
    /// `since`. To be called when all was settled and changes were taken: then nothing else knows the old numbers but
    /// the caller.
    pub fn forget(
        &mut self,
        goes: impl Fn(FlowIndex) -> bool,
        since: impl Fn(PointIndex) -> Timestamp,
    ) -> Renumbered {
        let tracks = Numbers::of(self.tracks.len(), |old| !goes(self.tracks[old].flow));
        self.unsettle();
        debug_assert!(self.gone.is_empty(), "flows that ended were told of");
        let mut new = Renumbered { heirs: self.heirs(&tracks), tracks, ..Renumbered::default() };
        new.legs = self.number_legs(&new.tracks);
        new.flows = Numbers::of(self.flows.len(), |old| {
            let flow = &self.flows[old];
            flow.tracks > 0 && new.track(flow.head).is_some()
        });
        self.move_up(&new);
        self.renumber(&new, since);
        new
    }

    /// Gives all that goes by numbers the new ones. Every field is named, so that none that is added is overlooked.
    fn renumber(&mut self, new: &Renumbered, since: impl Fn(PointIndex) -> Timestamp) {
        let Self {
            tracks,
            legs,
            flows: _,
            names,
            translations: _,
            changed,
            index,
            free,
            gone: _,
            has_reader: _,
            points,
            slots,
            recent,
            current,
            retries,
            errors,
            doubted,
            facing,
            waiting_errors,
            fragments,
            signs,
            weighed: _,
            expected_points: _,
            macs: _,
            found: _,
            owners,
            hasher: _,
        } = self;
        if let Some(owners) = owners {
            owners.renumber(new);
        }
        // What stays is numbered without gaps.
        free.clear();
        changed.retain_mut(|track| new.track(*track).inspect(|new| *track = *new).is_some());
        slots.renumber(new);
        for track in slots.tracks() {
            tracks[track.0 as usize].known &= !known::SUPERSEDED;
        }
        index.renumber(new);
        recent.renumber(new);
        current.retain(|_, track| new.track(*track).inspect(|new| *track = *new).is_some());
        *retries = renumbered(retries, |leg| new.leg(leg));
        *doubted = renumbered(doubted, |leg| new.leg(leg));
        *facing = renumbered(facing, |leg| new.leg(leg));
        *errors = renumbered(errors, |track| new.track(track));
        waiting_errors.forget(since);
        fragments.renumber(new);
        signs.renumber(new, legs.iter().map(|leg| points[usize::from(leg.place.0)]), points);
        names.renumber(|track| new.track(TrackIndex(track)).map(|new| new.0));
    }

    /// Of each track itself, or the newest that stays of those that had its 5-tuple before: these have smaller numbers.
    fn heirs(&self, tracks: &Numbers) -> Vec<TrackIndex> {
        let mut heirs: Vec<TrackIndex> = Vec::with_capacity(self.tracks.len());
        for (old, track) in (0..).zip(&self.tracks) {
            let before = || heirs.get(track.older.0 as usize).copied().unwrap_or(TrackIndex::NONE);
            let heir = tracks.get(old).map_or_else(before, TrackIndex);
            heirs.push(heir);
        }
        heirs
    }

    fn number_legs(&self, tracks: &Numbers) -> Numbers {
        let mut stays = vec![false; self.legs.len()];
        for track in (0..self.tracks.len() as u32).filter(|track| tracks.get(*track).is_some()) {
            for (leg, _) in self.legs_of(TrackIndex(track)) {
                stays[leg.0 as usize] = true;
            }
        }
        Numbers::of(self.legs.len(), |old| stays[old])
    }

    /// Moves what stays to the front of the lists, and gives it the new numbers.
    fn move_up(&mut self, new: &Renumbered) {
        let within = "a flow goes whole: what a track that stays points to stays";
        new.tracks.retain(&mut self.tracks);
        for track in &mut self.tracks {
            track.flow = new.flow(track.flow).expect(within);
            track.next_in_flow = new.track(track.next_in_flow).unwrap_or(TrackIndex::NONE);
            track.older = new.heir(track.older).unwrap_or(TrackIndex::NONE);
            track.first_leg = new.leg(track.first_leg).unwrap_or(LegIndex::NONE);
        }
        new.legs.retain(&mut self.legs);
        for leg in &mut self.legs {
            leg.next = new.leg(leg.next).unwrap_or(LegIndex::NONE);
        }
        new.flows.retain(&mut self.flows);
        for flow in &mut self.flows {
            flow.head = new.track(flow.head).expect(within);
            flow.tail = new.track(flow.tail).expect(within);
        }
    }
}

/// A map's entries under their new keys.
fn renumbered<K: std::hash::Hash + Eq, V>(
    map: &mut foldhash::HashMap<K, V>,
    new: impl Fn(K) -> Option<K>,
) -> foldhash::HashMap<K, V> {
    std::mem::take(map).into_iter().filter_map(|(key, value)| Some((new(key)?, value))).collect()
}
