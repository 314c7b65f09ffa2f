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
//! 5. A capture that goes on in another file has all interfaces and names there again, under the same numbers; its statistics
//!    are each file's own.
//! 6. What the format cannot say, a time before 1970, is the nearest that it can.

mod blocks;
pub mod extract;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use self::blocks::{Blocks, ENHANCED_PACKET};
use crate::digest::{Batch, Head, Incident, IndexName, Interface};
use crate::frame::{PointIndex, Timestamp};
use crate::text::Text;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const STATISTICS: u32 = 5;

/// `opt_comment` of any block; `shb_os`, `shb_userappl`; `if_name`, `if_description`, `if_tsresol`, `if_filter`; `isb_osdrop`,
/// `isb_usrdeliv`.
const COMMENT: u16 = 1;
const SYSTEM: u16 = 3;
const APPLICATION: u16 = 4;
const NAME: u16 = 2;
const DESCRIPTION: u16 = 3;
const RESOLUTION: u16 = 9;
const FILTER: u16 = 11;
const LOST: u16 = 7;
const DELIVERED: u16 = 8;

/// Most bytes of an option that are used, of 65,535: longer texts are cut, more names begin another comment.
const LONGEST: usize = 60_000;

/// What a capture says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The operating system of the machine that writes it.
    pub system: Option<String>,
    pub comment: Option<String>,
    /// The points, whose batches go by their position here.
    pub points: Vec<AboutPoint>,
}

/// What a capture says of one of its points.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AboutPoint {
    /// An empty name is none.
    pub name: String,
    /// What of it is in the capture: an expression of pcap-filter(7), and words where none says it.
    pub filter: Option<String>,
}

/// Bytes of a block of statistics: head, interface and time, two options and their end, length again.
const STATISTICS_SIZE: u64 = 8 + 12 + 2 * 12 + 4 + 4;

/// A capture that is being written.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: Blocks<W>,
    about: About,
    points: Vec<Point>,
    /// Interfaces of all points so far: the next one's number in the file.
    interfaces: u32,
}

#[derive(Debug, Default)]
struct Point {
    interfaces: Vec<Written>,
    /// Names of indexes that wait for a frame of their interface.
    names: Vec<IndexName>,
}

/// One interface, and what was written of it.
#[derive(Debug)]
struct Written {
    /// Its number in the file.
    id: u32,
    told: Interface,
    /// What it was captured with before it came here.
    filter: Option<Text>,
    /// Names of indexes that were written.
    names: BTreeMap<u32, Text>,
    frames: u64,
    lost: u64,
    last: Timestamp,
}

/// Names of an interface's indexes that are written again where a capture goes on in another file.
const NAMES: usize = 1 << 14;

impl<W: Write> Writer<W> {
    /// Begins a capture of these points, whose batches go by their position here. An empty name is none.
    pub fn new<'a>(out: W, points: impl IntoIterator<Item = &'a str>) -> io::Result<Self> {
        let point = |name: &str| AboutPoint { name: name.to_owned(), filter: None };
        let points = points.into_iter().map(point).collect();
        Self::about(out, About { points, ..About::default() })
    }

    /// Begins a capture that says more of itself.
    pub fn about(out: W, about: About) -> io::Result<Self> {
        let points = about.points.iter().map(|_| Point::default()).collect();
        let mut writer = Self { out: Blocks::new(out), about, points, interfaces: 0 };
        writer.begin()?;
        Ok(writer)
    }

    /// Writes the frames of a batch, and keeps account of what it tells.
    pub fn write(&mut self, batch: &Batch) -> io::Result<()> {
        self.introduce(batch)?;
        for head in &batch.heads {
            self.frame(batch, head, None)?;
        }
        self.note(batch)
    }

    /// Writes what a batch tells of interfaces: its frames come next, each with [`Writer::frame`], then [`Writer::note`].
    pub fn introduce(&mut self, batch: &Batch) -> io::Result<()> {
        let id = self.interfaces;
        let (point, about) = self.point(batch)?;
        point.names.extend(batch.index_names.iter().cloned());
        let mut told = Vec::new();
        for (id, interface) in (id..).zip(&batch.interfaces) {
            let number = point.interfaces.len() as u16;
            let names = take_names(&mut point.names, number);
            let filter = batch.filters.iter().find(|filter| filter.interface == number);
            let mut written = Written {
                id,
                told: interface.clone(),
                filter: filter.map(|filter| filter.expression.clone()),
                names: BTreeMap::new(),
                frames: 0,
                lost: 0,
                last: Timestamp::from_nanos(0),
            };
            written.note_names(&names);
            told.push(written.description(about, &names));
            point.interfaces.push(written);
        }
        self.interfaces += told.len() as u32;
        told.iter().try_for_each(|body| self.out.add(INTERFACE, body, &[], &[]))
    }

    /// Writes one frame of a batch that was introduced, with a comment on it.
    pub fn frame(&mut self, batch: &Batch, head: &Head, said: Option<&str>) -> io::Result<()> {
        let (point, _) = self.point(batch)?;
        let Some(interface) = point.interfaces.get_mut(usize::from(head.interface)) else {
            let of = head.interface;
            return Err(io::Error::other(format!("a frame of interface {of}, which was not told of")));
        };
        interface.frames += 1;
        interface.last = interface.last.max(head.time);
        let mut options = Vec::new();
        // Looked at for every frame, taken for few: an empty list costs nothing.
        if !point.names.is_empty() {
            let names = take_names(&mut point.names, head.interface);
            interface.note_names(&names);
            comment(&mut options, &names);
        }
        if let Some(said) = said {
            option(&mut options, COMMENT, said.as_bytes());
        }
        if !options.is_empty() {
            end_options(&mut options);
        }
        let mut fields = [0; 20];
        fields[..4].copy_from_slice(&interface.id.to_le_bytes());
        fields[4..12].copy_from_slice(&units(head.time));
        fields[12..16].copy_from_slice(&head.captured.to_le_bytes());
        fields[16..].copy_from_slice(&head.original.to_le_bytes());
        self.out.add(ENHANCED_PACKET, &fields, batch.bytes(head), &options)
    }

    /// Keeps account of what a batch tells besides frames.
    pub fn note(&mut self, batch: &Batch) -> io::Result<()> {
        let (point, _) = self.point(batch)?;
        for incident in &batch.incidents {
            // A source tells its losses for all of its interfaces: the first stands for them.
            if let (Incident::Dropped(more), Some(first)) = (incident, point.interfaces.first_mut()) {
                first.lost = first.lost.saturating_add(*more);
            }
        }
        Ok(())
    }

    /// The point of each interface that was written, by its number in the file.
    pub fn points(&self) -> Vec<PointIndex> {
        let points = (0..).map(PointIndex).zip(&self.points);
        let mut of: Vec<(u32, PointIndex)> =
            points.flat_map(|(point, it)| it.interfaces.iter().map(move |it| (it.id, point))).collect();
        of.sort_unstable();
        of.into_iter().map(|(_, point)| point).collect()
    }

    /// Bytes so far, and what [`Writer::close`] adds to them.
    pub fn size(&self) -> u64 {
        self.out.size() + u64::from(self.interfaces) * STATISTICS_SIZE
    }

    /// Bytes of whole blocks that the operating system has taken: a file that is cut there is a capture.
    pub fn whole(&self) -> u64 {
        self.out.whole()
    }

    /// After an error: frames that were to be written, and of which a file that is cut to whole blocks has nothing.
    pub fn lost(&self) -> u64 {
        self.out.lost()
    }

    /// Hands everything so far to the operating system.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends the capture, and goes on with another that knows all interfaces and names of this one; gives back what it
    /// was written to.
    pub fn go_on(&mut self, out: W) -> io::Result<W> {
        self.end()?;
        let ended = self.out.go_on(out)?;
        self.begin()?;
        Ok(ended)
    }

    /// Ends the capture with what was written and lost, and gives back what it was written to.
    pub fn finish(mut self) -> io::Result<W> {
        self.close()?;
        Ok(self.into_inner())
    }

    /// Ends the capture with what was written and lost.
    pub fn close(&mut self) -> io::Result<()> {
        self.end()?;
        self.out.flush()
    }

    /// What it was written to, as far as that was; after an error, when nothing can follow.
    pub fn into_inner(self) -> W {
        self.out.into_inner()
    }

    /// Writes the section header, and the interfaces that are known.
    fn begin(&mut self) -> io::Result<()> {
        self.out.add(SECTION, &section(&self.about), &[], &[])?;
        let points = self.points.iter_mut().zip(&self.about.points);
        let known = points.flat_map(|(point, about)| point.interfaces.iter_mut().map(move |it| (it, about)));
        let mut known: Vec<_> = known.collect();
        known.sort_by_key(|(interface, _)| interface.id);
        for (interface, about) in known {
            (interface.frames, interface.lost) = (0, 0);
            let names: Vec<IndexName> = interface
                .names
                .iter()
                .map(|(index, name)| IndexName { interface: 0, index: *index, name: name.clone() })
                .collect();
            self.out.add(INTERFACE, &interface.description(about, &names), &[], &[])?;
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        for interface in self.points.iter().flat_map(|point| &point.interfaces) {
            let mut body = interface.id.to_le_bytes().to_vec();
            body.extend(units(interface.last));
            option(&mut body, LOST, &interface.lost.to_le_bytes());
            option(&mut body, DELIVERED, &interface.frames.to_le_bytes());
            end_options(&mut body);
            self.out.add(STATISTICS, &body, &[], &[])?;
        }
        Ok(())
    }

    fn point(&mut self, batch: &Batch) -> io::Result<(&mut Point, &AboutPoint)> {
        let (index, count) = (usize::from(batch.point.0), self.points.len());
        let unknown = || io::Error::other(format!("a batch of point {index}, and {count} were named"));
        self.points.get_mut(index).zip(self.about.points.get(index)).ok_or_else(unknown)
    }
}

impl Written {
    /// The body of its description.
    fn description(&self, about: &AboutPoint, names: &[IndexName]) -> Vec<u8> {
        let mut body = [self.told.link.0.to_le_bytes(), [0; 2]].concat();
        body.extend(self.told.snap_length.to_le_bytes());
        if let Some(name) = &self.told.name {
            option(&mut body, NAME, name.to_string().as_bytes());
        }
        if !about.name.is_empty() {
            option(&mut body, DESCRIPTION, about.name.as_bytes());
        }
        option(&mut body, RESOLUTION, &[9]);
        let filter = match (&self.filter, &about.filter) {
            // What went through both.
            (Some(before), Some(now)) => Some(format!("({before}) and ({now})")),
            (before, now) => before.as_ref().map(ToString::to_string).or_else(|| now.clone()),
        };
        if let Some(filter) = filter {
            // A zero before it: it is text.
            option(&mut body, FILTER, &[b"\0", filter.as_bytes()].concat());
        }
        comment(&mut body, names);
        end_options(&mut body);
        body
    }

    fn note_names(&mut self, names: &[IndexName]) {
        for named in names {
            if self.names.len() < NAMES || self.names.contains_key(&named.index) {
                self.names.insert(named.index, named.name.clone());
            }
        }
    }
}

/// The names of that interface's indexes, taken from those that wait.
fn take_names(waiting: &mut Vec<IndexName>, interface: u16) -> Vec<IndexName> {
    waiting.extract_if(.., |named| named.interface == interface).collect()
}

/// The body of a section header.
fn section(about: &About) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(0x1a2b_3c4d_u32.to_le_bytes());
    body.extend([1_u16.to_le_bytes(), 0_u16.to_le_bytes()].concat());
    // The section's length is not known in advance.
    body.extend(u64::MAX.to_le_bytes());
    if let Some(comment) = &about.comment {
        option(&mut body, COMMENT, comment.as_bytes());
    }
    if let Some(system) = &about.system {
        option(&mut body, SYSTEM, system.as_bytes());
    }
    option(&mut body, APPLICATION, concat!("egret ", env!("CARGO_PKG_VERSION")).as_bytes());
    end_options(&mut body);
    body
}

/// Nanoseconds since 1970 as the format has them: the upper half first, whatever the byte order.
fn units(time: Timestamp) -> [u8; 8] {
    let nanos = u64::try_from(time.nanos()).unwrap_or(0);
    nanos.rotate_left(32).to_le_bytes()
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
