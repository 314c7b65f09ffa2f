//! Whose each frame is, for who wants the frames of flows again.
//!
//! A track has a number in its list that changes when flows are forgotten; here it has another, which does not: its
//! [`Serial`]. Every frame of a batch is told the serial of its track. Where that is found only later (a fragment that came before
//! its first, an ICMP error about what another point shows), the frame's number and the serial come later, too.
//!
//! Nothing of it is kept unless somebody asks, and nothing beyond the batch but one number for each track that is held.

use crate::flow::forget::Renumbered;
use crate::flow::table::Table;
use crate::flow::track::TrackIndex;
use crate::frame::{FrameId, PointIndex};

/// A track's number for good: the first has 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(pub u32);

impl Serial {
    /// Of no track; and of tracks beyond the 4,294,967,295th.
    pub const NONE: Self = Self(u32::MAX);
}

/// Frames of one fragment's name that wait together, at most: 64 KiB in pieces of the least MTU.
pub(super) const PIECES: usize = 128;

#[derive(Debug, Default)]
pub(super) struct Owners {
    /// By track.
    serials: Vec<Serial>,
    next: u32,
    /// By frame of the last batch.
    batch: Vec<Serial>,
    late: Vec<(FrameId, Serial)>,
}

impl Owners {
    pub(super) fn begin_batch(&mut self) {
        self.batch.clear();
    }

    pub(super) fn add_track(&mut self) {
        self.serials.push(Serial(self.next));
        self.next = self.next.saturating_add(1);
    }

    pub(super) fn note(&mut self, track: TrackIndex) {
        let serial = self.of(track);
        self.batch.push(serial);
    }

    pub(super) fn note_late(&mut self, point: PointIndex, ordinals: &[u64], track: TrackIndex) {
        let serial = self.of(track);
        self.late.extend(ordinals.iter().map(|ordinal| (FrameId { point, ordinal: *ordinal }, serial)));
    }

    pub(super) fn renumber(&mut self, new: &Renumbered) {
        new.retain_tracks(&mut self.serials);
    }

    /// The track with a serial, if it is held: serials grow with the numbers of tracks, before and after some are forgotten.
    fn track(&self, serial: Serial) -> Option<TrackIndex> {
        let at = self.serials.binary_search(&serial).ok()?;
        Some(TrackIndex(at as u32))
    }

    fn of(&self, track: TrackIndex) -> Serial {
        self.serials.get(track.0 as usize).copied().unwrap_or(Serial::NONE)
    }
}

impl Table {
    /// From now on, tells whose each frame is. To be called before the first batch.
    pub fn follow(&mut self) {
        self.owners = Some(Box::default());
    }

    /// Whose the frames of the last batch are, by their order in it.
    pub fn owners(&self) -> &[Serial] {
        self.owners.as_ref().map_or(&[], |owners| &owners.batch)
    }

    /// Frames of earlier batches of which it is known only now whose they are.
    pub fn take_late_owners(&mut self) -> Vec<(FrameId, Serial)> {
        self.owners.as_mut().map_or_else(Vec::new, |owners| std::mem::take(&mut owners.late))
    }

    /// A track's serial, if it is followed.
    pub fn serial(&self, track: TrackIndex) -> Serial {
        self.owners.as_ref().map_or(Serial::NONE, |owners| owners.of(track))
    }

    /// The track with a serial, if it is held.
    pub fn track_of(&self, serial: Serial) -> Option<TrackIndex> {
        self.owners.as_ref()?.track(serial)
    }

    /// Frames of these tracks have met what these marks say; tracks that are no longer held are passed over.
    pub fn mark(&mut self, marked: &[(Serial, u8)]) {
        let Some(owners) = &self.owners else { return };
        for (serial, marks) in marked {
            if let Some(track) = owners.track(*serial) {
                self.tracks[track.0 as usize].marks |= marks;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_is_found_by_its_serial_for_as_long_as_it_is_held() {
        let owners = Owners { serials: [0, 2, 7].map(Serial).to_vec(), ..Owners::default() };
        assert_eq!(owners.track(Serial(7)), Some(TrackIndex(2)));
        assert_eq!(owners.track(Serial(3)), None);
        assert_eq!(owners.track(Serial::NONE), None);
    }
}
