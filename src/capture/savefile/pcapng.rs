//! pcapng: blocks in sections, each with its own byte order and interfaces (draft-ietf-opsawg-pcapng).
//!
//! ```text
//! ┌──────────┬──────────┬─ section header ───────────────────────────┬──────────┐
//! │ type     │ length   │ order magic · major.minor · section length │ length   │
//! ├──────────┼──────────┼─ interface description ────────────────────┼──────────┤
//! │ 1        │ length   │ link · reserved · snap length · options    │ length   │
//! ├──────────┼──────────┼─ enhanced packet (2: obsolete packet) ─────┼──────────┤
//! │ 6        │ length   │ interface · time high · time low ·         │ length   │
//! │          │          │ captured · original · bytes · options      │          │
//! ├──────────┼──────────┼─ simple packet ────────────────────────────┼──────────┤
//! │ 3        │ length   │ original · bytes                           │ length   │
//! ├──────────┼──────────┼─ interface statistics ─────────────────────┼──────────┤
//! │ 5        │ length   │ interface · time high · time low · options │ length   │
//! └──────────┴──────────┴────────────────────────────────────────────┴──────────┘
//! ```
//!
//! 1. Blocks of other types are passed over by their length, however long, without being held.
//! 2. Options are read leniently: one that makes no sense ends the options of its block and costs nothing else.
//! 3. A block whose two lengths disagree, or a frame that names no declared interface, ends reading: what
//!    follows could be anything.
//! 4. A simple packet has no time; it is given the last one of its section, so that frames stay in order.
//! 5. Losses are told twice, by a packet (since the one before) and by statistics (since the beginning). Statistics
//!    therefore count only for what packets have not told.
//! 6. What egret itself wrote names the interface indexes of cooked frames, in comments of the interface or of the first
//!    packet that has the index; see `writer.rs`.

mod bookmark;
mod interface;
mod options;
mod resolution;

use std::sync::{Arc, Mutex, PoisonError};

pub(in crate::capture) use bookmark::{Bookmark, Sections};
use interface::Declared;
pub(in crate::capture) use interface::Numbers;
use options::Options;

use super::order::Order;
use super::records::{MAX_CAPTURED, Next, Parsed};
use crate::digest::{Batch, Head};
use crate::frame::{LinkType, Timestamp};

/// Bytes of a section header without options, which every section has.
pub(super) const FILE_HEADER: usize = 28;

/// The section header's type; reads the same in both byte orders.
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

/// Most bytes of a block that is held to be read: a frame and 1 MiB of options.
const MAX_BLOCK: u32 = MAX_CAPTURED + (1 << 20);
/// Bytes of a packet block besides its frame and options: the first 28, and the length at the end.
const PACKET_FIELDS: u32 = 32;

/// The state of reading one file.
#[derive(Debug)]
pub(in crate::capture) struct Pcapng {
    order: Order,
    /// The number of the current section, from 1.
    section: u32,
    interfaces: Vec<Declared>,
    /// The time of the section's last frame that has one.
    last: Timestamp,
    /// Bytes still to be passed over, after which comes the length of the block that they belong to.
    skip: u64,
    trailer: Option<u32>,
    /// Frames lost since this was last asked for.
    dropped: u64,
    numbers: Arc<Mutex<Numbers>>,
    /// Whether the file is read for the first time, so that interfaces may be new.
    may_declare: bool,
}

/// The byte order that a section header states, and its version; `None` where there is no such order.
fn section_order(header: &[u8; 12]) -> Option<Order> {
    match [header[8], header[9], header[10], header[11]] {
        [0x4d, 0x3c, 0x2b, 0x1a] => Some(Order::Little),
        [0x1a, 0x2b, 0x3c, 0x4d] => Some(Order::Big),
        _ => None,
    }
}

pub(super) fn is_magic(magic: [u8; 4]) -> bool {
    u32::from_le_bytes(magic) == SECTION
}

impl Pcapng {
    /// The state before the first section, whose header begins with `header`.
    pub(super) fn new(header: &[u8; FILE_HEADER]) -> Result<Self, String> {
        let mut reader = Self {
            order: Order::Little,
            section: 0,
            interfaces: Vec::new(),
            last: Timestamp::default(),
            skip: 0,
            trailer: None,
            dropped: 0,
            numbers: Arc::default(),
            may_declare: true,
        };
        let start = header.first_chunk().expect("28 bytes hold 12");
        let total = reader.length(start)?;
        reader.order = section_order(start).expect("length() needs it, too");
        reader.begin_section(header, total)?;
        reader.section = 0;
        Ok(reader)
    }

    pub(in crate::capture) fn numbers(&self) -> Arc<Mutex<Numbers>> {
        Arc::clone(&self.numbers)
    }

    /// Whether reading could begin again here.
    pub(in crate::capture) fn is_between_blocks(&self) -> bool {
        self.trailer.is_none()
    }

    /// Frames that the file says were lost, since the last call.
    pub(super) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// Takes the whole blocks of `slab` from `at` on, as many as the batch has room for.
    pub(super) fn parse(&mut self, slab: &[u8], mut at: usize, batch: &mut Batch) -> Parsed {
        loop {
            let rest = &slab[at..];
            let step = if batch.heads.len() >= Batch::FRAMES {
                Err(Next::Full)
            } else if self.trailer.is_some() {
                self.pass(rest)
            } else {
                self.block(rest, at, batch)
            };
            match step {
                Ok(taken) => at += taken,
                Err(Next::Skip(left)) => return Parsed { at: slab.len(), next: Next::Skip(left) },
                Err(next) => return Parsed { at, next },
            }
        }
    }

    /// Passes over bytes of a block without frames; its length must stand at its end, too.
    fn pass(&mut self, rest: &[u8]) -> Result<usize, Next> {
        let taken = self.skip.min(rest.len() as u64);
        self.skip -= taken;
        if self.skip > 0 {
            return Err(Next::Skip(self.skip + 4));
        }
        // What is wrong with the length is told of where it stands, in however many pieces the block came.
        if taken > 0 {
            return Ok(taken as usize);
        }
        let Some(end) = rest.first_chunk::<4>() else { return Err(Next::More(4)) };
        let (total, trailer) = (self.trailer.take(), self.order.u32(end, 0));
        if total == Some(trailer) { Ok(4) } else { Err(Next::Bad(unequal(total, trailer))) }
    }

    /// Takes the block at the start of `rest`, or begins to pass over it; returns the bytes taken.
    #[inline]
    fn block(&mut self, rest: &[u8], at: usize, batch: &mut Batch) -> Result<usize, Next> {
        let Some(start) = rest.first_chunk::<12>() else { return Err(Next::More(12)) };
        let total = self.length(start).map_err(Next::Bad)?;
        let kind = self.order.u32(start, 0);
        if !matches!(
            kind,
            ENHANCED_PACKET | SIMPLE_PACKET | OBSOLETE_PACKET | INTERFACE | STATISTICS | SECTION
        ) {
            self.skip = u64::from(total) - 12;
            self.trailer = Some(total);
            return Ok(8);
        }
        if total > MAX_BLOCK {
            return Err(Next::Bad(format!(
                "a block of type {kind} claims {total} bytes, of at most {MAX_BLOCK}"
            )));
        }
        let Some(block) = rest.get(..total as usize) else { return Err(Next::More(total as usize)) };
        if kind == SECTION {
            self.order = section_order(start).expect("length() needs it, too");
        }
        let trailer = self.order.u32(block, block.len() - 4);
        if trailer != total {
            return Err(Next::Bad(unequal(Some(total), trailer)));
        }
        match kind {
            ENHANCED_PACKET | OBSOLETE_PACKET => self.packet(kind, block, at, batch),
            SIMPLE_PACKET => self.simple_packet(block, at, batch),
            INTERFACE => self.declare(block, batch),
            SECTION => self.begin_section(block, total),
            _ => {
                self.count_statistics(block);
                Ok(())
            }
        }
        .map_err(Next::Bad)?;
        Ok(block.len())
    }

    /// The length of the block that begins with `start`, as far as a length can be told to be right.
    #[inline]
    fn length(&self, start: &[u8; 12]) -> Result<u32, String> {
        let order = if self.order.u32(start, 0) == SECTION {
            section_order(start).ok_or_else(|| {
                let [.., a, b, c, d] = *start;
                format!("a section's byte-order magic is {a:02x} {b:02x} {c:02x} {d:02x}, not 1a 2b 3c 4d either way")
            })?
        } else {
            self.order
        };
        let total = order.u32(start, 4);
        if total < 12 || total % 4 != 0 {
            return Err(format!(
                "a block of type {:#x} claims {total} bytes, not a multiple of 4 from 12 on",
                order.u32(start, 0)
            ));
        }
        Ok(total)
    }

    /// Begins the section whose header is, or begins with, `block`, in the order that it states.
    fn begin_section(&mut self, block: &[u8], total: u32) -> Result<(), String> {
        if (total as usize) < FILE_HEADER {
            return Err(format!("a section header claims {total} bytes, of at least {FILE_HEADER}"));
        }
        let (major, minor) = (self.order.u16(block, 12), self.order.u16(block, 14));
        if major != 1 {
            return Err(format!("a section is of pcapng version {major}.{minor}; egret reads 1.x"));
        }
        self.section += 1;
        self.interfaces.clear();
        self.last = Timestamp::default();
        Ok(())
    }

    fn declare(&mut self, block: &[u8], batch: &mut Batch) -> Result<(), String> {
        let id = self.interfaces.len() as u32;
        let (interface, clock) = interface::described(self.order, block)
            .ok_or_else(|| format!("an interface description of {} bytes is too short", block.len()))?;
        let (link, snap_length) = (interface.link, interface.snap_length);
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let number = match numbers.get(id, &interface) {
            Some(number) => number,
            None if self.may_declare => {
                let number = numbers.add(id, &interface)?;
                batch.interfaces.push(interface);
                batch.filters.extend(interface::capture_filter(self.order, block, number));
                if link == LinkType::LINUX_SLL2 {
                    batch.index_names.extend(interface::index_names(self.order, block, 16, number));
                }
                number
            }
            None => return Err("an interface is declared that was not there before".to_owned()),
        };
        self.interfaces.push(Declared { number, link, snap_length, clock, lost: 0 });
        Ok(())
    }

    /// An enhanced or an obsolete packet: they differ in the interface's width, which leaves room for a loss.
    #[inline]
    fn packet(&mut self, kind: u32, block: &[u8], at: usize, batch: &mut Batch) -> Result<(), String> {
        let order = self.order;
        let Some(fields) = block.first_chunk::<28>().filter(|_| block.len() >= PACKET_FIELDS as usize) else {
            return Err(format!("a packet block of {} bytes is too short", block.len()));
        };
        let id = match kind {
            ENHANCED_PACKET => order.u32(fields, 8),
            _ => u32::from(order.u16(fields, 8)),
        };
        let Some(interface) = self.interfaces.get_mut(id as usize) else {
            return Err(undeclared(id, self.interfaces.len()));
        };
        let captured = order.u32(fields, 20);
        let room = (block.len() as u32 - PACKET_FIELDS).min(MAX_CAPTURED);
        if captured > room {
            return Err(format!("a packet claims {captured} captured bytes in a block with room for {room}"));
        }
        let units = u64::from(order.u32(fields, 12)) << 32 | u64::from(order.u32(fields, 16));
        self.last = interface.clock.time(units);
        batch.heads.push(Head {
            time: self.last,
            start: (at + 28) as u32,
            captured,
            original: order.u32(fields, 24),
            interface: interface.number,
        });
        let lost = match (kind, order.u16(fields, 10)) {
            (OBSOLETE_PACKET, 0xffff) => 0,
            (OBSOLETE_PACKET, lost) => u64::from(lost),
            _ if captured.next_multiple_of(4) < room => {
                let options = 28 + captured as usize;
                if interface.link == LinkType::LINUX_SLL2 && self.may_declare {
                    batch.index_names.extend(interface::index_names(order, block, options, interface.number));
                }
                Options::of_block(order, block, options).packet_losses()
            }
            _ => 0,
        };
        if lost > 0 {
            interface.lost = interface.lost.saturating_add(lost);
            self.dropped = self.dropped.saturating_add(lost);
        }
        Ok(())
    }

    /// A packet of the section's first interface, cut to its snap length, which the block does not repeat.
    fn simple_packet(&mut self, block: &[u8], at: usize, batch: &mut Batch) -> Result<(), String> {
        let Some(fields) = block.first_chunk::<12>().filter(|_| block.len() >= 16) else {
            return Err(format!("a simple packet block of {} bytes is too short", block.len()));
        };
        let interface = self.interfaces.first().ok_or_else(|| undeclared(0, 0))?;
        let original = self.order.u32(fields, 8);
        let limit = if interface.snap_length == 0 { u32::MAX } else { interface.snap_length };
        let room = (block.len() as u32 - 16).min(MAX_CAPTURED);
        batch.heads.push(Head {
            time: self.last,
            start: (at + 12) as u32,
            captured: original.min(limit).min(room),
            original,
            interface: interface.number,
        });
        Ok(())
    }

    /// Counts what the statistics say was lost beyond what is known. They are extra: nonsense is ignored.
    fn count_statistics(&mut self, block: &[u8]) {
        if block.len() < 24 {
            return;
        }
        let id = self.order.u32(block, 8) as usize;
        let Some(interface) = self.interfaces.get_mut(id) else { return };
        let total = Options::of_block(self.order, block, 20).statistics_losses();
        let more = total.saturating_sub(interface.lost);
        interface.lost += more;
        self.dropped = self.dropped.saturating_add(more);
    }
}

fn unequal(total: Option<u32>, trailer: u32) -> String {
    let total = total.unwrap_or_default();
    format!("a block's length is {total} at its start and {trailer} at its end")
}

fn undeclared(id: u32, declared: usize) -> String {
    format!("a packet names interface {id}, and its section declares {declared}")
}
