//! Copies a capture that a [`Writer`](super::Writer) wrote, with some of its frames, and with words on them.
//!
//! ```text
//!   section ─ interfaces ┬─ frame ─ frame ─ frame ─ … ┬─ statistics
//!                        │    │  ✗     ✗       │      │  (frames counted anew)
//!   another section ─────┴────┴────────────────┴──────┴─▶
//! ```
//!
//! 1. Blocks are taken over as they are. What a frame that is left out says of names goes with the next one of its interface.
//! 2. A capture that ends within a block, as where a disk was full, is copied up to there.

use std::io::{self, Read, Write};

use super::blocks::{Blocks, ENHANCED_PACKET};
use super::{About, COMMENT, DELIVERED, INTERFACE, SECTION, STATISTICS, end_options, option, section};

/// What becomes of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    Leave,
    Keep,
    /// With a comment.
    Say(String),
}

/// The longest block that a writer makes: a frame, and comments with names.
const LONGEST: usize = 16 << 20;

/// Of one interface: frames that were copied, and options that wait for the next.
#[derive(Debug, Default)]
struct Copied {
    frames: u64,
    options: Vec<u8>,
}

/// Copies from `spool` to `out` the frames that `choose` wants: it is asked of each, in order, by the number of its interface.
/// Returns how many were copied.
pub fn extract<W: Write>(
    spool: impl Read,
    out: W,
    about: &About,
    mut choose: impl FnMut(u32) -> io::Result<Choice>,
) -> io::Result<u64> {
    let mut spool = io::BufReader::with_capacity(1 << 20, spool);
    let mut out = Blocks::new(out);
    let mut interfaces: Vec<Copied> = Vec::new();
    let mut body = Vec::new();
    while let Some(kind) = read_block(&mut spool, &mut body)? {
        match kind {
            SECTION => out.add(SECTION, &section(about), &[], &[])?,
            INTERFACE => {
                interfaces.push(Copied::default());
                out.add(INTERFACE, &body, &[], &[])?;
            }
            ENHANCED_PACKET => {
                let number = word(&body, 0);
                let Some(interface) = interfaces.get_mut(number as usize) else { continue };
                let captured = word(&body, 12) as usize;
                let end = (20 + captured.next_multiple_of(4)).min(body.len());
                // Without the options' end, which comes again.
                let options = body[end..].strip_suffix(&[0; 4]).unwrap_or(&body[end..]);
                interface.options.extend(options);
                let choice = choose(number)?;
                if choice == Choice::Leave {
                    continue;
                }
                let mut options = std::mem::take(&mut interface.options);
                if let Choice::Say(words) = choice {
                    option(&mut options, COMMENT, words.as_bytes());
                }
                if !options.is_empty() {
                    end_options(&mut options);
                }
                interface.frames += 1;
                out.add(ENHANCED_PACKET, &body[..end], &[], &options)?;
            }
            STATISTICS => {
                if let Some(interface) = interfaces.get(word(&body, 0) as usize) {
                    set_delivered(&mut body, interface.frames);
                }
                out.add(STATISTICS, &body, &[], &[])?;
            }
            _ => {}
        }
    }
    out.flush()?;
    Ok(interfaces.iter().map(|interface| interface.frames).sum())
}

/// Reads the body of the next whole block; its kind, or `None` at the end.
fn read_block(from: &mut impl Read, body: &mut Vec<u8>) -> io::Result<Option<u32>> {
    let mut head = [0; 8];
    if !fill(from, &mut head)? {
        return Ok(None);
    }
    let (kind, length) = (word(&head, 0), word(&head, 4) as usize);
    if !(12..=LONGEST).contains(&length) {
        return Ok(None);
    }
    body.resize(length - 8, 0);
    if !fill(from, body)? {
        return Ok(None);
    }
    body.truncate(length - 12);
    Ok(Some(kind))
}

/// Fills the buffer; `false` if there is less.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u32::from_le_bytes(*word))
}

/// Sets `isb_usrdeliv` in the body of interface statistics.
fn set_delivered(body: &mut [u8], frames: u64) {
    let mut at = 12;
    while let Some([a, b, c, d]) = body.get(at..).and_then(|rest| rest.first_chunk()).copied() {
        let (code, length) = (u16::from_le_bytes([a, b]), usize::from(u16::from_le_bytes([c, d])));
        if code == DELIVERED
            && let Some(value) = body.get_mut(at + 4..at + 12)
        {
            value.copy_from_slice(&frames.to_le_bytes());
        }
        if code == 0 {
            return;
        }
        at += 4 + length.next_multiple_of(4);
    }
}
