//! pcap: one header, then records of one link type (draft-ietf-opsawg-pcap).
//!
//! ```text
//!  0               4       6       8               12              16              20              24
//! ┌───────────────┬───────┬───────┬───────────────┬───────────────┬───────────────┬───────────────┐
//! │ magic         │ major │ minor │ reserved      │ reserved      │ snap length   │ FCS · link    │  file
//! ├───────────────┼───────┴───────┼───────────────┼───────────────┼───────────────┴───────────────┘
//! │ seconds       │ fraction      │ captured      │ original      │ captured bytes …                 record
//! └───────────────┴───────────────┴───────────────┴───────────────┘
//! ```
//!
//! Files differ from that in four ways, all of which are read:
//! 1. the magic tells byte order, the fraction's unit (µs, ns), and Kuznetzov's format of old Linux systems,
//!    whose records have 8 bytes more;
//! 2. versions 2.0 to 2.2 and 543.0 store the two lengths swapped, 2.3 sometimes: where captured exceeds original;
//! 3. the upper half of the link type says whether frames end in a check sequence, which decoding does not need;
//! 4. either length may be nonsense. An original length less than the captured one is handed on as it stands; a
//!    captured length beyond [`Pcap::limit`] cannot be told from a file that is damaged here, and ends reading.

use super::order::Order;
use super::records::{MAX_CAPTURED, Next, Parsed};
use crate::digest::{Batch, Head, Interface};
use crate::frame::{LinkType, Timestamp};

/// Bytes of the file header.
pub(super) const FILE_HEADER: usize = 24;

/// Captured bytes that every file may claim for a record, whatever its snap length: libpcap's own maximum.
const USUAL_MAX_SNAP_LENGTH: u32 = 262_144;

/// How a file's version stores the two lengths of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    OriginalFirst,
    /// The larger is the original.
    Either,
}

/// The rules by which the records of one file are read.
#[derive(Debug, Clone)]
pub(in crate::capture) struct Pcap {
    order: Order,
    lengths: Lengths,
    /// Bytes of a record's header.
    header: usize,
    /// Nanoseconds of one unit of the fraction.
    unit: u64,
    pub(in crate::capture) link: LinkType,
    snap_length: u32,
    is_told: bool,
}

/// The version of a file that is pcap, but none that egret reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unsupported(pub(super) u16, pub(super) u16);

/// Whether `magic` begins a pcap file, and if so (order, header bytes of a record, nanoseconds of a unit).
fn variant(magic: [u8; 4]) -> Option<(Order, usize, u64)> {
    let read = |number: u32| match number {
        0xa1b2_c3d4 => Some((16, 1_000)),
        0xa1b2_3c4d => Some((16, 1)),
        0xa1b2_cd34 => Some((24, 1_000)),
        _ => None,
    };
    let little = read(u32::from_le_bytes(magic)).map(|(header, unit)| (Order::Little, header, unit));
    little.or_else(|| read(u32::from_be_bytes(magic)).map(|(header, unit)| (Order::Big, header, unit)))
}

pub(super) fn is_magic(magic: [u8; 4]) -> bool {
    variant(magic).is_some()
}

impl Pcap {
    /// The rules of the file with this header; `None` where its magic is none.
    pub(super) fn new(header: &[u8; FILE_HEADER]) -> Option<Result<Self, Unsupported>> {
        let [a, b, c, d, ..] = *header;
        let (order, record_header, unit) = variant([a, b, c, d])?;
        let lengths = match (order.u16(header, 4), order.u16(header, 6)) {
            (2, 0..=2) | (543, 0) => Lengths::OriginalFirst,
            (2, 3) => Lengths::Either,
            (2, _) => Lengths::CapturedFirst,
            (major, minor) => return Some(Err(Unsupported(major, minor))),
        };
        Some(Ok(Self {
            order,
            lengths,
            header: record_header,
            unit,
            link: LinkType::from_file(order.u32(header, 20) as u16),
            snap_length: order.u32(header, 16),
            is_told: false,
        }))
    }

    /// The one interface of the file, told the first time.
    pub(super) fn untold_interface(&mut self) -> Option<Interface> {
        let is_first = !std::mem::replace(&mut self.is_told, true);
        is_first.then_some(Interface { link: self.link, name: None, snap_length: self.snap_length })
    }

    /// Most bytes a record may claim: the snap length or 256 KiB, whichever is more, but never over 16 MiB.
    fn limit(&self) -> u32 {
        self.snap_length.clamp(USUAL_MAX_SNAP_LENGTH, MAX_CAPTURED)
    }

    /// Takes the whole records of `slab` from `at` on, as many as the batch has room for.
    pub(super) fn parse(&self, slab: &[u8], mut at: usize, batch: &mut Batch) -> Parsed {
        let Self { order, lengths, header, unit, .. } = *self;
        let limit = self.limit();
        while batch.heads.len() < Batch::FRAMES {
            let rest = &slab[at..];
            let Some(fields) = rest.first_chunk::<16>() else {
                return Parsed { at, next: Next::More(header) };
            };
            let (mut captured, mut original) = (order.u32(fields, 8), order.u32(fields, 12));
            match lengths {
                Lengths::CapturedFirst => {}
                Lengths::Either if captured <= original => {}
                Lengths::OriginalFirst | Lengths::Either => std::mem::swap(&mut captured, &mut original),
            }
            if captured > limit {
                let why = format!("a record claims {captured} bytes, of at most {limit} here");
                return Parsed { at, next: Next::Bad(why) };
            }
            let end = header + captured as usize;
            if rest.len() < end {
                return Parsed { at, next: Next::More(end) };
            }
            // Below 2^63 for any fields: 2^32 s is 4.3e18 ns, and 2^32 µs adds 4.3e12.
            let nanos =
                u64::from(order.u32(fields, 0)) * 1_000_000_000 + u64::from(order.u32(fields, 4)) * unit;
            batch.heads.push(Head {
                time: Timestamp::from_nanos(nanos as i64),
                start: (at + header) as u32,
                captured,
                original,
                interface: 0,
            });
            at += end;
        }
        Parsed { at, next: Next::Full }
    }
}
