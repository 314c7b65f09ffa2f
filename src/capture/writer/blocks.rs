//! Blocks of pcapng on their way out: gathered, and written whole.
//!
//! ```text
//!  0               4                8                        length - 4        length
//! ┌───────────────┬────────────────┬─────────────────────────┬────────────────┐
//! │ type          │ length         │ body, options, padding  │ length again   │
//! └───────────────┴────────────────┴─────────────────────────┴────────────────┘
//! ```
//!
//! Where a disk has no room for all that was gathered, [`Blocks::whole`] says how much of what it took are whole blocks: a
//! file that is cut there is a capture again.

use std::io::{self, Write};

pub(super) const ENHANCED_PACKET: u32 = 6;

/// Bytes that are gathered before they are written.
const GATHERED: usize = 256 << 10;

#[derive(Debug)]
pub(super) struct Blocks<W> {
    out: W,
    gathered: Vec<u8>,
    /// Bytes of whole blocks that `out` has taken.
    whole: u64,
    /// Blocks of frames that were added, and that `out` had no room for.
    lost: u64,
    /// Half a block was written: nothing can follow it.
    has_failed: bool,
}

impl<W: Write> Blocks<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, gathered: Vec::with_capacity(GATHERED), whole: 0, lost: 0, has_failed: false }
    }

    /// Bytes so far, those that were gathered included.
    pub(super) fn size(&self) -> u64 {
        self.whole + self.gathered.len() as u64
    }

    /// Bytes of whole blocks that were handed over.
    pub(super) fn whole(&self) -> u64 {
        self.whole
    }

    /// Frames that were added, and that there was no room for.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// Adds a block whose body is `head`, `data` padded to whole words, and `options`.
    pub(super) fn add(&mut self, kind: u32, head: &[u8], data: &[u8], options: &[u8]) -> io::Result<()> {
        self.check()?;
        let padding = data.len().next_multiple_of(4) - data.len();
        let total = ((12 + head.len() + data.len() + padding + options.len()) as u32).to_le_bytes();
        self.gathered.extend(kind.to_le_bytes());
        self.gathered.extend(total);
        self.gathered.extend(head);
        self.gathered.extend(data);
        self.gathered.extend(&[0; 3][..padding]);
        self.gathered.extend(options);
        self.gathered.extend(total);
        if self.gathered.len() < GATHERED { Ok(()) } else { self.hand_over() }
    }

    /// Hands everything so far to the operating system.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.hand_over()?;
        self.out.flush()
    }

    /// What it was written to, as far as that was.
    pub(super) fn into_inner(self) -> W {
        self.out
    }

    /// Goes on elsewhere, from the beginning; gives back what was written to until now.
    pub(super) fn go_on(&mut self, out: W) -> io::Result<W> {
        self.flush()?;
        self.whole = 0;
        Ok(std::mem::replace(&mut self.out, out))
    }

    fn hand_over(&mut self) -> io::Result<()> {
        self.check()?;
        let mut taken = 0;
        while taken < self.gathered.len() {
            let error = match self.out.write(&self.gathered[taken..]) {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                Ok(more) => {
                    taken += more;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            self.has_failed = true;
            let whole = whole_blocks(&self.gathered, taken);
            self.whole += whole as u64;
            self.lost = frames(&self.gathered[whole..]);
            self.gathered.clear();
            return Err(error);
        }
        self.whole += taken as u64;
        self.gathered.clear();
        Ok(())
    }

    fn check(&self) -> io::Result<()> {
        if self.has_failed {
            return Err(io::Error::other("the capture ended at an earlier error"));
        }
        Ok(())
    }
}

/// How many of the first `taken` bytes are whole blocks.
fn whole_blocks(blocks: &[u8], taken: usize) -> usize {
    ends(blocks).map(|(_, end)| end).take_while(|end| *end <= taken).last().unwrap_or(0)
}

/// How many of these blocks are frames.
fn frames(blocks: &[u8]) -> u64 {
    ends(blocks).filter(|(kind, _)| *kind == ENHANCED_PACKET).count() as u64
}

/// Kind and end of each block.
fn ends(blocks: &[u8]) -> impl Iterator<Item = (u32, usize)> {
    let mut end = 0;
    std::iter::from_fn(move || {
        let word = |at: usize| blocks.get(at..)?.first_chunk().map(|word| u32::from_le_bytes(*word));
        let (kind, length) = (word(end)?, word(end + 4)?);
        end += length as usize;
        Some((kind, end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Has room for so many bytes.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn of_what_a_full_disk_took_it_is_known_how_much_are_whole_blocks() {
        for (room, whole, lost) in
            [(0, 0, 3), (19, 0, 3), (20, 20, 2), (21, 20, 2), (39, 20, 2), (40, 40, 1), (59, 40, 1)]
        {
            let mut blocks = Blocks::new(Full(room));
            for _ in 0..3 {
                blocks.add(6, b"head", b"dat", &[]).unwrap();
            }
            assert_eq!(blocks.size(), 60);
            assert_eq!(blocks.flush().unwrap_err().kind(), io::ErrorKind::StorageFull);
            assert_eq!((blocks.whole(), blocks.lost()), (whole, lost), "room for {room}");
            assert!(blocks.add(6, b"head", b"dat", &[]).is_err(), "nothing follows half a block");
        }
    }
}
