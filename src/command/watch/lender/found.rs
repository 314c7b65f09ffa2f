//! Which frames some tracks have: their places on the shelf, in the order of time.

use std::io;

use super::{Held, Spot};
use crate::command::watch::reel::Entry;
use crate::engine::Serial;
use crate::frame::Timestamp;

/// Frames of one flow that are listed: 128 MiB of their places.
const MOST: usize = 8 << 20;

#[derive(Debug)]
pub(super) struct Found {
    /// In order.
    tracks: Vec<Serial>,
    /// Where savefiles give the time, entries are in its order, and it is not looked up.
    spots: Vec<(Timestamp, Spot)>,
    /// Where to go on.
    next: Spot,
    is_cut: bool,
    is_sorted: bool,
}

impl Found {
    pub(super) fn new(mut tracks: Vec<Serial>) -> Self {
        tracks.sort_unstable();
        Self { tracks, spots: Vec::new(), next: Spot { reel: 0, index: 0 }, is_cut: false, is_sorted: true }
    }

    pub(super) fn is_of(&self, tracks: &[Serial]) -> bool {
        let mut tracks = tracks.to_vec();
        tracks.sort_unstable();
        self.tracks == tracks
    }

    /// Looks through what a reel has behind that where it stopped before; reels come in order.
    pub(super) fn read(&mut self, held: &Held, owner: impl Fn(&Entry) -> Serial) -> io::Result<()> {
        let number = held.reel.number;
        let first = match number.cmp(&self.next.reel) {
            std::cmp::Ordering::Less => return Ok(()),
            std::cmp::Ordering::Equal => self.next.index,
            std::cmp::Ordering::Greater => 0,
        };
        let (tracks, spots) = (&self.tracks, &mut self.spots);
        let mut is_cut = false;
        held.reel.each(first, held.count, |index, entry| {
            if tracks.binary_search(&owner(&entry)).is_err() {
                return Ok(());
            }
            if spots.len() == MOST {
                is_cut = true;
                return Ok(());
            }
            let time = held.reel.lying(index)?.map_or(Timestamp::MIN, |lying| lying.time);
            spots.push((time, Spot { reel: number, index }));
            Ok(())
        })?;
        self.is_cut |= is_cut;
        self.is_sorted = false;
        self.next = Spot { reel: number, index: held.count };
        Ok(())
    }

    /// Brings what was found into order: batches of several points take turns, each ahead of the others by a little.
    pub(super) fn sort(&mut self) {
        if !self.is_sorted {
            self.spots.sort();
            self.is_sorted = true;
        }
    }

    /// Forgets what lies on reels before this one.
    pub(super) fn forget_before(&mut self, reel: u32) {
        self.spots.retain(|(_, spot)| spot.reel >= reel);
    }

    pub(super) fn total(&self) -> usize {
        self.spots.len()
    }

    /// Whether there are more than are listed.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    pub(super) fn page(&self, first: usize, count: usize) -> Vec<Spot> {
        self.spots.iter().skip(first).take(count).map(|(_, spot)| *spot).collect()
    }

    /// All of them, in the order of the shelf.
    pub(super) fn all(&self) -> Vec<Spot> {
        let mut spots: Vec<Spot> = self.spots.iter().map(|(_, spot)| *spot).collect();
        spots.sort_unstable();
        spots
    }
}
