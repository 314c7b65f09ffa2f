//! Where frames lie that may be looked at again, and whose they are: files without a name, in the temporary directory.
//!
//! ```text
//!   entries   of the 1st, 2nd, 3rd … frame: owner, number at its point, point, place   16 bytes
//!   heads     …and of those with bytes: time, where these begin, how many, …           24 bytes
//!   bytes     one after the other
//! ```
//!
//! Captures that were saved give their frames again by themselves: of these there are entries alone.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use crate::capture::scratch::scratch;
use crate::capture::store::Kept;
use crate::engine::Serial;
use crate::frame::{FrameId, LinkType, PointIndex, Timestamp};

/// Whose a frame is, and where it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) owner: Serial,
    pub(super) frame: FrameId,
    /// By the point's own numbers.
    pub(super) place: u16,
}

impl Entry {
    pub(super) const SIZE: usize = 16;

    pub(super) fn encoded(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..4].copy_from_slice(&self.owner.0.to_le_bytes());
        bytes[4..12].copy_from_slice(&self.frame.ordinal.to_le_bytes());
        bytes[12..14].copy_from_slice(&self.frame.point.0.to_le_bytes());
        bytes[14..].copy_from_slice(&self.place.to_le_bytes());
        bytes
    }

    pub(super) fn decoded(bytes: &[u8; Self::SIZE]) -> Self {
        let [a, b, c, d, ordinal @ .., e, f, g, h] = *bytes;
        let frame =
            FrameId { point: PointIndex(u16::from_le_bytes([e, f])), ordinal: u64::from_le_bytes(ordinal) };
        Self { owner: Serial(u32::from_le_bytes([a, b, c, d])), frame, place: u16::from_le_bytes([g, h]) }
    }
}

/// A frame's facts, and where its bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lying {
    pub(super) time: Timestamp,
    pub(super) start: u32,
    pub(super) captured: u32,
    pub(super) original: u32,
    pub(super) interface: u16,
    pub(super) link: LinkType,
}

impl Lying {
    pub(super) const SIZE: usize = 24;

    pub(super) fn encoded(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..8].copy_from_slice(&self.time.nanos().to_le_bytes());
        bytes[8..12].copy_from_slice(&self.start.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.captured.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.original.to_le_bytes());
        bytes[20..22].copy_from_slice(&self.interface.to_le_bytes());
        bytes[22..].copy_from_slice(&self.link.0.to_le_bytes());
        bytes
    }

    pub(super) fn decoded(bytes: &[u8; Self::SIZE]) -> Self {
        let four = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let two = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let nanos = u64::from(four(0)) | u64::from(four(4)) << 32;
        Self {
            time: Timestamp::from_nanos(nanos as i64),
            start: four(8),
            captured: four(12),
            original: four(16),
            interface: two(20),
            link: LinkType(two(22)),
        }
    }
}

/// A stretch of the run. Whoever reads knows how much of it was written.
#[derive(Debug)]
pub(super) struct Reel {
    /// The first has 0.
    pub(super) number: u32,
    pub(super) entries: Arc<File>,
    pub(super) frames: Option<Frames<Arc<File>>>,
}

/// The two files of a reel that has frames, or what writes into them.
#[derive(Debug)]
pub(super) struct Frames<F> {
    pub(super) heads: F,
    pub(super) bytes: F,
}

impl Reel {
    /// A reel in the directory, with room for frames, or for entries alone.
    pub(super) fn new(directory: &Path, number: u32, has_frames: bool) -> io::Result<Self> {
        let file = || scratch(directory).map(Arc::new);
        let frames = if has_frames { Some(Frames { heads: file()?, bytes: file()? }) } else { None };
        Ok(Self { number, entries: file()?, frames })
    }

    pub(super) fn entry(&self, index: u32) -> io::Result<Entry> {
        let mut bytes = [0; Entry::SIZE];
        self.entries.read_exact_at(&mut bytes, u64::from(index) * Entry::SIZE as u64)?;
        Ok(Entry::decoded(&bytes))
    }

    /// Where the frame lies; `None` if it has only an entry here.
    pub(super) fn lying(&self, index: u32) -> io::Result<Option<Lying>> {
        let Some(frames) = &self.frames else { return Ok(None) };
        let mut bytes = [0; Lying::SIZE];
        frames.heads.read_exact_at(&mut bytes, u64::from(index) * Lying::SIZE as u64)?;
        Ok(Some(Lying::decoded(&bytes)))
    }

    /// The frame itself.
    pub(super) fn frame(&self, index: u32) -> io::Result<Option<Kept>> {
        let (Some(frames), Some(lying)) = (&self.frames, self.lying(index)?) else { return Ok(None) };
        let mut bytes = vec![0; lying.captured as usize];
        frames.bytes.read_exact_at(&mut bytes, u64::from(lying.start))?;
        let Lying { time, original, interface, link, .. } = lying;
        Ok(Some(Kept { time, link, interface, original, bytes }))
    }

    /// Calls `each` with the entries from `first` on, up to `end`, and their numbers.
    pub(super) fn each(
        &self,
        first: u32,
        end: u32,
        mut each: impl FnMut(u32, Entry) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut buffer = vec![0; 4096 * Entry::SIZE];
        let mut at = first;
        while at < end {
            let count = ((end - at) as usize).min(4096);
            let bytes = &mut buffer[..count * Entry::SIZE];
            self.entries.read_exact_at(bytes, u64::from(at) * Entry::SIZE as u64)?;
            for encoded in bytes.as_chunks::<{ Entry::SIZE }>().0 {
                each(at, Entry::decoded(encoded))?;
                at += 1;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_of_a_frame_is_read_again() {
        let frame = FrameId { point: PointIndex(3), ordinal: 0x0102_0304_0506 };
        let entry = Entry { owner: Serial(77), frame, place: 9 };
        assert_eq!(Entry::decoded(&entry.encoded()), entry);
        let lying = Lying {
            time: Timestamp::from_nanos(-5),
            start: 1,
            captured: 60,
            original: 1514,
            interface: 2,
            link: LinkType::LINUX_SLL2,
        };
        assert_eq!(Lying::decoded(&lying.encoded()), lying);
    }
}
