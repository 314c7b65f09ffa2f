//! Writes captures: pcapng (draft-ietf-opsawg-pcapng), one section, little-endian, times in nanoseconds.
//!
//! ```text
//! section header ── interface description ┬─ enhanced packet ─ … ┬─ interface statistics ─ …
//!                   (one per point and    │  as batches come,    │  (one per interface,
//!                    interface, when it   │  those of several    │   at the end: frames
//!                    is first told of)    │  points mixed        │   written and lost)
//! ```
//!
//! 1. Every error of the disk is returned. What was not flushed is not known to be written, so only
//!    [`Writer::finish`] says that a capture is whole. After an error there may be half a block: nothing follows it.
//! 2. An interface is called as its source calls it; its description is the point's.
//! 3. Frames of `any` name interfaces by the kernel's indexes, which mean nothing on another machine. Their names
//!    stand in comments, a line each as `ip link` begins it, `2: eth0:`: those that are told with the interface, in its
//!    comment; one that is told later, in that of the next packet, at the latest the first that has the index. To other
//!    programs these are comments; egret reads them as names.
//! 4. Names are written as they would be shown, escaped: nothing that was captured gets around that in a file.
//! 5. What the format cannot say, a time before 1970, is the nearest that it can.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};

use crate::digest::{Batch, Head, Incident, IndexName, Interface};
use crate::frame::Timestamp;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

/// `opt_comment` of any block; `shb_userappl`; `if_name`, `if_description`, `if_tsresol`; `isb_osdrop`, `isb_usrdeliv`.
const COMMENT: u16 = 1;
const APPLICATION: u16 = 4;
const NAME: u16 = 2;
const DESCRIPTION: u16 = 3;
const RESOLUTION: u16 = 9;
const LOST: u16 = 7;
const DELIVERED: u16 = 8;

/// Most bytes of an option that are used, of 65,535: longer texts are cut, more names begin another comment.
const LONGEST: usize = 60_000;
/// Bytes that are gathered before they are written.
const BUFFER: usize = 256 << 10;

/// A capture that is being written.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: BufWriter<W>,
    points: Vec<Point>,
    /// Interfaces of all points so far: the next one's number in the file.
    interfaces: u32,
    has_failed: bool,
}

#[derive(Debug, Default)]
struct Point {
    name: String,
    interfaces: Vec<Written>,
    /// Names of indexes that wait for a frame of their interface.
    names: Vec<IndexName>,
}

/// One interface, and what was written of it.
#[derive(Debug)]
struct Written {
    /// Its number in the file.
    id: u32,
    frames: u64,
    lost: u64,
    last: Timestamp,
}

impl<W: Write> Writer<W> {
    /// Begins a capture of these points, whose batches go by their position here. An empty name is none.
    pub fn new<'a>(out: W, points: impl IntoIterator<Item = &'a str>) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(BUFFER, out);
        let mut body = Vec::new();
        body.extend(0x1a2b_3c4d_u32.to_le_bytes());
        body.extend([1_u16.to_le_bytes(), 0_u16.to_le_bytes()].concat());
        // The section's length is not known in advance.
        body.extend(u64::MAX.to_le_bytes());
        option(&mut body, APPLICATION, concat!("egret ", env!("CARGO_PKG_VERSION")).as_bytes());
        end_options(&mut body);
        write_block(&mut out, SECTION, &body)?;
        let point = |name: &str| Point { name: name.to_owned(), ..Point::default() };
        Ok(Self { out, points: points.into_iter().map(point).collect(), interfaces: 0, has_failed: false })
    }

    /// Writes the frames of a batch, and keeps account of what it tells.
    pub fn write(&mut self, batch: &Batch) -> io::Result<()> {
        self.check()?;
        let result = self.append(batch);
        self.has_failed = result.is_err();
        result
    }

    /// Hands everything so far to the operating system.
    pub fn flush(&mut self) -> io::Result<()> {
        self.check()?;
        let result = self.out.flush();
        self.has_failed = result.is_err();
        result
    }

    /// Ends the capture with what was written and lost, and gives back what it was written to.
    pub fn finish(mut self) -> io::Result<W> {
        self.check()?;
        for interface in self.points.iter().flat_map(|point| &point.interfaces) {
            let mut body = interface.id.to_le_bytes().to_vec();
            body.extend(units(interface.last));
            option(&mut body, LOST, &interface.lost.to_le_bytes());
            option(&mut body, DELIVERED, &interface.frames.to_le_bytes());
            end_options(&mut body);
            write_block(&mut self.out, STATISTICS, &body)?;
        }
        self.out.into_inner().map_err(io::IntoInnerError::into_error)
    }

    fn check(&self) -> io::Result<()> {
        if self.has_failed {
            return Err(io::Error::other("the capture ended at an earlier error"));
        }
        Ok(())
    }

    fn append(&mut self, batch: &Batch) -> io::Result<()> {
        let index = usize::from(batch.point.0);
        let count = self.points.len();
        let Some(point) = self.points.get_mut(index) else {
            return Err(io::Error::other(format!("a batch of point {index}, and {count} were named")));
        };
        point.names.extend(batch.index_names.iter().cloned());
        for interface in &batch.interfaces {
            let number = point.interfaces.len() as u16;
            let names = take_names(&mut point.names, number);
            write_block(&mut self.out, INTERFACE, &description(interface, &point.name, &names))?;
            point.interfaces.push(Written {
                id: self.interfaces,
                frames: 0,
                lost: 0,
                last: Timestamp::from_nanos(0),
            });
            self.interfaces += 1;
        }
        for head in &batch.heads {
            let Some(interface) = point.interfaces.get_mut(usize::from(head.interface)) else {
                let of = head.interface;
                return Err(io::Error::other(format!("a frame of interface {of}, which was not told of")));
            };
            // Looked at for every frame, taken for few: an empty list costs nothing.
            let names = if point.names.is_empty() {
                Vec::new()
            } else {
                take_names(&mut point.names, head.interface)
            };
            write_packet(&mut self.out, interface.id, head, batch.bytes(head), &names)?;
            interface.frames += 1;
            interface.last = interface.last.max(head.time);
        }
        for incident in &batch.incidents {
            // A source tells its losses for all of its interfaces: the first stands for them.
            if let (Incident::Dropped(more), Some(first)) = (incident, point.interfaces.first_mut()) {
                first.lost = first.lost.saturating_add(*more);
            }
        }
        Ok(())
    }
}

/// The names of that interface's indexes, taken from those that wait.
fn take_names(waiting: &mut Vec<IndexName>, interface: u16) -> Vec<IndexName> {
    waiting.extract_if(.., |named| named.interface == interface).collect()
}

/// The body of an interface description.
fn description(interface: &Interface, point: &str, names: &[IndexName]) -> Vec<u8> {
    let mut body = [interface.link.0.to_le_bytes(), [0; 2]].concat();
    body.extend(interface.snap_length.to_le_bytes());
    if let Some(name) = &interface.name {
        option(&mut body, NAME, name.to_string().as_bytes());
    }
    if !point.is_empty() {
        option(&mut body, DESCRIPTION, point.as_bytes());
    }
    option(&mut body, RESOLUTION, &[9]);
    comment(&mut body, names);
    end_options(&mut body);
    body
}

fn write_packet(
    out: &mut impl Write,
    interface: u32,
    head: &Head,
    bytes: &[u8],
    names: &[IndexName],
) -> io::Result<()> {
    let mut options = Vec::new();
    if !names.is_empty() {
        comment(&mut options, names);
        end_options(&mut options);
    }
    let padding = bytes.len().next_multiple_of(4) - bytes.len();
    let total = (32 + bytes.len() + padding + options.len()) as u32;
    let mut fields = [0; 28];
    fields[..4].copy_from_slice(&ENHANCED_PACKET.to_le_bytes());
    fields[4..8].copy_from_slice(&total.to_le_bytes());
    fields[8..12].copy_from_slice(&interface.to_le_bytes());
    fields[12..20].copy_from_slice(&units(head.time));
    fields[20..24].copy_from_slice(&head.captured.to_le_bytes());
    fields[24..].copy_from_slice(&head.original.to_le_bytes());
    out.write_all(&fields)?;
    out.write_all(bytes)?;
    out.write_all(&[0; 3][..padding])?;
    out.write_all(&options)?;
    out.write_all(&total.to_le_bytes())
}

/// Nanoseconds since 1970 as the format has them: the upper half first, whatever the byte order.
fn units(time: Timestamp) -> [u8; 8] {
    let nanos = u64::try_from(time.nanos()).unwrap_or(0);
    nanos.rotate_left(32).to_le_bytes()
}

/// A block whose body is padded to whole words.
fn write_block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let padding = body.len().next_multiple_of(4) - body.len();
    let total = (12 + body.len() + padding) as u32;
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&total.to_le_bytes())?;
    out.write_all(body)?;
    out.write_all(&[0; 3][..padding])?;
    out.write_all(&total.to_le_bytes())
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(LONGEST)];
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

fn end_options(body: &mut Vec<u8>) {
    body.extend([0; 4]);
}

/// Comments with a line for each name, without a line's end after the last.
fn comment(body: &mut Vec<u8>, names: &[IndexName]) {
    let mut text = String::new();
    for IndexName { index, name, .. } in names {
        if text.len() > LONGEST - 4_000 {
            option(body, COMMENT, text.as_bytes());
            text.clear();
        }
        let line_end = if text.is_empty() { "" } else { "\n" };
        write!(text, "{line_end}{index}: {name}:").expect("a string takes everything");
    }
    if !text.is_empty() {
        option(body, COMMENT, text.as_bytes());
    }
}
