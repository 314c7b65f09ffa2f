//! Turns a stream of bytes into batches of frames.
//!
//! One read fills the batch's slab; the format's parser finds the records in place; what is left of an
//! incomplete record is carried into the next slab. Nothing is allocated or copied per record. The size of
//! the next read follows the records' mean size, so that a batch fills up about when its slab does and little
//! is carried.
//!
//! Where reading may wait (a pipe, standard input), whatever is complete after a read is handed over.
//!
//! **The end.** A stream that ends between two records ended. Whatever else happens (a cut, nonsense, a failing
//! disk, a corrupt archive), all frames before it are delivered, then one [`Incident::Truncated`] says what
//! and where, and that is the end.

use std::io::{self, Read};
use std::mem;

use super::Filled;
use super::pcap::Pcap;
use super::pcapng::Pcapng;
use crate::digest::{Batch, Incident};

/// Most bytes that a record may claim to have captured, in any format: 16 MiB, 64 times the longest that
/// tcpdump and Wireshark write. More is damage.
pub(super) const MAX_CAPTURED: u32 = 16 << 20;

/// Bytes of a slab, unless one record needs more: large reads are cheap, and the slab stays in a core's cache.
const SLAB: usize = 1 << 20;
/// The least that is read at a time.
const LEAST_READ: usize = 64 << 10;

/// Where parsing stopped, and why.
#[derive(Debug)]
pub(super) struct Parsed {
    /// Offset in the slab of the first byte not taken.
    pub(super) at: usize,
    pub(super) next: Next,
}

#[derive(Debug)]
pub(super) enum Next {
    /// The batch has no room for a further frame.
    Full,
    /// The record at `at` needs this many bytes.
    More(usize),
    /// All bytes were taken, and so will be further ones, which hold no frame: these many.
    Skip(u64),
    /// The record at `at` is none, nor can the next be found.
    Bad(String),
}

/// The parser of one file.
#[derive(Debug)]
pub(in crate::capture) enum Format {
    Pcap(Pcap),
    Pcapng(Box<Pcapng>),
}

/// A stream of records.
#[derive(Debug)]
pub(in crate::capture) struct Records<R> {
    pub(in crate::capture) source: R,
    pub(in crate::capture) format: Format,
    /// Bytes that were read but not parsed, and the stream's offset of the first of them.
    carry: Vec<u8>,
    offset: u64,
    /// Frames handed over.
    frames: u64,
    /// Bytes that a batch of frames is expected to take.
    target: usize,
    /// Frames are handed over before a read that may wait.
    waits: bool,
    has_ended: bool,
}

impl<R: Read> Records<R> {
    /// The records of `source` from `offset` on; `carry` holds the bytes there that were already taken from it.
    pub(in crate::capture) fn new(source: R, format: Format, offset: u64, carry: Vec<u8>) -> Self {
        Self { source, format, carry, offset, frames: 0, target: SLAB, waits: false, has_ended: false }
    }

    /// Hands frames over before any read that may wait.
    pub(in crate::capture) fn waiting(self, waits: bool) -> Self {
        Self { waits, ..self }
    }

    /// Frames handed over so far.
    pub(in crate::capture) fn frames(&self) -> u64 {
        self.frames
    }

    /// The stream's offset of the next record.
    pub(in crate::capture) fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads the next frames into the cleared `batch`. `name` is that of the source, for incidents.
    pub(in crate::capture) fn fill(&mut self, batch: &mut Batch, name: &str) -> Filled {
        if self.has_ended {
            return Filled::End;
        }
        let mut slab = mem::take(&mut batch.slab);
        let filled = self.fill_slab(&mut slab, batch, name);
        batch.slab = slab;
        filled
    }

    fn fill_slab(&mut self, slab: &mut Vec<u8>, batch: &mut Batch, name: &str) -> Filled {
        let mut held = self.carry.len();
        self.prepare(slab);
        slab[..held].copy_from_slice(&self.carry);
        let mut at = 0;
        let problem = loop {
            let parsed = self.parse(&slab[..held], at, batch);
            at = parsed.at;
            let needed = match parsed.next {
                Next::Full => break None,
                Next::Bad(why) => break Some(why),
                Next::More(needed) => needed,
                Next::Skip(_) => 1,
            };
            let is_enough = self.waits || held >= self.target;
            if is_enough && has_news(batch) {
                break None;
            }
            if at + needed > slab.len() {
                if !batch.heads.is_empty() {
                    break None;
                }
                slab.copy_within(at..held, 0);
                self.offset += at as u64;
                held -= at;
                at = 0;
                if needed > slab.len() {
                    slab.resize(needed, 0);
                }
            }
            let end = if held < self.target { self.target.max(at + needed) } else { slab.len() };
            match read(&mut self.source, &mut slab[held..end]) {
                Ok(0) => match (parsed.next, held - at) {
                    (Next::Skip(left), _) => {
                        break Some(format!(
                            "the file ends {left} bytes before the end of a block without frames"
                        ));
                    }
                    (_, 0) => break self.end(),
                    (_, have) => {
                        break Some(format!(
                            "the file ends within a record: {have} of {needed} bytes are there"
                        ));
                    }
                },
                Ok(n) => held += n,
                Err(error) => break Some(format!("cannot read on: {error}")),
            }
        };
        self.carry.clear();
        self.carry.extend_from_slice(&slab[at..held]);
        self.offset += at as u64;
        self.account(batch, at);
        if let Some(why) = problem {
            batch.incidents.push(self.truncated(name, &why));
            self.has_ended = true;
        }
        if self.has_ended { Filled::End } else { Filled::More }
    }

    /// Notes that the stream ended between two records: no problem.
    fn end(&mut self) -> Option<String> {
        self.has_ended = true;
        None
    }

    /// Makes the slab long enough for what is carried. Its bytes are not zeroed again from call to call.
    fn prepare(&self, slab: &mut Vec<u8>) {
        let wanted = SLAB.max(self.carry.len());
        if slab.len() < wanted {
            slab.resize(wanted, 0);
        } else if slab.len() > wanted {
            // One huge record must not keep its memory for the rest of the run.
            slab.truncate(wanted);
            slab.shrink_to(wanted);
        }
    }

    fn parse(&mut self, slab: &[u8], at: usize, batch: &mut Batch) -> Parsed {
        match &mut self.format {
            Format::Pcap(pcap) => {
                batch.interfaces.extend(pcap.untold_interface());
                pcap.parse(slab, at, batch)
            }
            Format::Pcapng(pcapng) => pcapng.parse(slab, at, batch),
        }
    }

    /// Counts the batch's frames, reports its drops, and aims the next read.
    fn account(&mut self, batch: &mut Batch, bytes: usize) {
        let frames = batch.heads.len();
        self.frames += frames as u64;
        if let Some(wanted) = (bytes * Batch::FRAMES).checked_div(frames) {
            self.target = wanted.clamp(LEAST_READ, SLAB);
        }
        if let Format::Pcapng(pcapng) = &mut self.format {
            let dropped = pcapng.take_dropped();
            if dropped > 0 {
                batch.incidents.push(Incident::Dropped(dropped));
            }
        }
    }

    fn truncated(&self, name: &str, why: &str) -> Incident {
        let Self { offset, frames, .. } = self;
        Incident::Truncated(format!(
            "{name}: {why}, at offset {offset}, after frame {frames}; the rest is lost"
        ))
    }
}

/// Whether the batch holds anything to hand over.
fn has_news(batch: &Batch) -> bool {
    !batch.heads.is_empty() || !batch.interfaces.is_empty() || !batch.incidents.is_empty()
}

/// One read, begun again where a signal interrupts it.
pub(super) fn read(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
