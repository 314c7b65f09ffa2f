//! Where frames were seen, by name: point, interface, and in cooked captures the device within.
//!
//! A device's name comes from who says so on the command line (`--ifindex`), else from the capture, else, live, from the kernel that
//! captures. It never comes from the machine that reads.

use std::collections::BTreeMap;

use unicode_width::UnicodeWidthStr as _;

use crate::cli::frames::Source;
use crate::digest::{Batch, Head};
use crate::frame::{Frame, LinkType, PointIndex};
use crate::packet::{Header, Packet};
use crate::paper::{Pen, Tone};
use crate::text::Text;

/// Columns that a place has at least, and that it may make others have; longer names stand out.
const COLUMNS: std::ops::RangeInclusive<usize> = 5..=24;

#[derive(Debug)]
pub(super) struct Places {
    points: Vec<Point>,
    has_several: bool,
    /// Of the widest place so far, so that lines align.
    columns: usize,
    /// By point; those for all points are under the empty name.
    typed: BTreeMap<String, BTreeMap<u32, String>>,
    /// The last place that was named, for most frames are followed by another one there.
    last: Option<(PointIndex, u16, Option<u32>, String)>,
}

#[derive(Debug)]
struct Point {
    name: String,
    interfaces: Vec<(LinkType, Option<Text>)>,
    indexes: BTreeMap<u32, Text>,
    frames: u64,
    /// The kernel hands over what matches the expression, and nothing else.
    is_filtered: bool,
}

impl Places {
    pub(super) fn new(sources: &[Source], typed: BTreeMap<String, BTreeMap<u32, String>>) -> Self {
        let is_live = sources.iter().any(|source| source.input.is_live());
        let mut places = Self {
            points: Vec::new(),
            has_several: sources.len() > 1,
            columns: *COLUMNS.start(),
            typed,
            last: None,
        };
        if !is_live {
            for source in sources {
                places.open(source);
            }
        }
        places
    }

    pub(super) fn open(&mut self, source: &Source) -> PointIndex {
        self.points.push(Point {
            name: source.name.clone(),
            interfaces: Vec::new(),
            indexes: BTreeMap::new(),
            frames: 0,
            is_filtered: false,
        });
        PointIndex(self.points.len() as u16 - 1)
    }

    pub(super) fn note_filter(&mut self, point: PointIndex) {
        self.points[usize::from(point.0)].is_filtered = true;
    }

    pub(super) fn is_filtered(&self, point: PointIndex) -> bool {
        self.points[usize::from(point.0)].is_filtered
    }

    pub(super) fn learn(&mut self, batch: &Batch) {
        let point = &mut self.points[usize::from(batch.point.0)];
        let told = batch.interfaces.iter().map(|interface| (interface.link, interface.name.clone()));
        point.interfaces.extend(told);
        if !batch.index_names.is_empty() {
            let told = batch.index_names.iter().map(|named| (named.index, named.name.clone()));
            point.indexes.extend(told);
            self.last = None;
        }
    }

    /// The frame with its number, and whether the kernel has asked the expression of it.
    #[inline]
    pub(super) fn frame<'b>(&mut self, batch: &'b Batch, head: &Head) -> (Frame<'b>, u64, bool) {
        let point = &mut self.points[usize::from(batch.point.0)];
        point.frames += 1;
        let link = point.interfaces.get(usize::from(head.interface)).map_or(UNDESCRIBED, |told| told.0);
        (batch.frame(head, link), point.frames, point.is_filtered)
    }

    pub(super) fn point(&self, point: PointIndex) -> &str {
        &self.points[usize::from(point.0)].name
    }

    /// The whole name of a place: `node1/eth0`, `node1/#7`, `node1`.
    pub(super) fn name(&self, point: PointIndex, interface: u16, packet: &Packet) -> String {
        let point = &self.points[usize::from(point.0)];
        match self.within(point, interface, index(packet), false) {
            Some(within) => format!("{}/{within}", point.name),
            None => point.name.clone(),
        }
    }

    /// Writes as much of a place's name as tells it from the others, in a column.
    pub(super) fn write(&mut self, pen: &mut Pen, point: PointIndex, interface: u16, packet: &Packet) {
        let index = index(packet);
        let is_last = |last: &(PointIndex, u16, Option<u32>, String)| {
            (last.0, last.1, last.2) == (point, interface, index)
        };
        if !self.last.as_ref().is_some_and(is_last) {
            let name = self.short(point, interface, index);
            if !name.is_empty() {
                self.columns = self.columns.max(name.width().min(*COLUMNS.end()));
            }
            self.last = Some((point, interface, index, name));
        }
        let Some((.., name)) = &self.last else { return };
        if name.is_empty() {
            return;
        }
        pen.toned(Tone::Place, |pen| pen.put(name));
        let from = pen.len();
        pen.fill(from, self.columns.saturating_sub(name.width()));
        pen.byte(b' ');
    }

    fn short(&self, number: PointIndex, interface: u16, index: Option<u32>) -> String {
        let point = &self.points[usize::from(number.0)];
        let within = self.within(point, interface, index, true).unwrap_or_default();
        match (self.has_several, within.is_empty()) {
            (true, true) => point.name.clone(),
            (true, false) => format!("{}/{within}", point.name),
            (false, _) => within,
        }
    }

    /// What tells places of a point apart: the device, or else the interface of a capture; where there is only one,
    /// its name says nothing on paper.
    fn within(&self, point: &Point, interface: u16, index: Option<u32>, is_brief: bool) -> Option<String> {
        if let Some(index) = index {
            let typed = [point.name.as_str(), ""].into_iter().find_map(|of| self.typed.get(of)?.get(&index));
            return Some(match (typed, point.indexes.get(&index)) {
                (Some(name), _) => Text::from(name.as_str()).to_string(),
                (None, Some(name)) => name.to_string(),
                (None, None) => format!("#{index}"),
            });
        }
        if is_brief && point.interfaces.len() < 2 {
            return None;
        }
        let (_, name) = point.interfaces.get(usize::from(interface))?;
        match name {
            Some(name) => Some(name.to_string()),
            None if point.interfaces.len() > 1 => Some(format!("interface {interface}")),
            None => None,
        }
    }
}

/// Stands for the link type of an interface that was not described: the registry leaves the last number free.
const UNDESCRIBED: LinkType = LinkType(u16::MAX);

/// The device that a cooked frame names.
fn index(packet: &Packet) -> Option<u32> {
    match packet.layers.first()?.header {
        Header::Sll2 { interface, .. } => Some(interface),
        _ => None,
    }
}
