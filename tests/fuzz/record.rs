//! Frames as an input: what a capture says of each, with any value in any field.
//!
//! ```text
//!  0 point  1 flags  2 link type  4 time, ns since 1970  12 length on the wire  16 length  18 bytes …   (big-endian)
//! ```
//!
//! Any bytes are such a list: what is too short for a frame is left out. Flag 1: no interface of this number was described.

use egret::digest::{Batch, Head, Interface};
use egret::frame::{LinkType, PointIndex, Timestamp};

const HEAD: usize = 18;
/// Points that frames come from.
pub(crate) const POINTS: usize = 4;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) point: u8,
    pub(crate) is_undescribed: bool,
    pub(crate) link: u16,
    pub(crate) time: i64,
    pub(crate) original: u32,
    pub(crate) bytes: Vec<u8>,
}

impl Frame {
    pub(crate) fn link(&self) -> LinkType {
        LinkType(self.link)
    }
}

pub(crate) fn read(mut input: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some((head, rest)) = input.split_first_chunk::<HEAD>() {
        let length = usize::from(u16::from_be_bytes([head[16], head[17]])).min(rest.len());
        let (bytes, rest) = rest.split_at(length);
        frames.push(Frame {
            point: head[0] % POINTS as u8,
            is_undescribed: head[1] & 1 != 0,
            link: u16::from_be_bytes([head[2], head[3]]),
            time: i64::from_be_bytes(head[4..12].try_into().expect("eight bytes")),
            original: u32::from_be_bytes(head[12..16].try_into().expect("four bytes")),
            bytes: bytes.to_vec(),
        });
        input = rest;
    }
    frames
}

pub(crate) fn write(frames: &[Frame]) -> Vec<u8> {
    let mut input = Vec::new();
    for frame in frames {
        let bytes = &frame.bytes[..frame.bytes.len().min(usize::from(u16::MAX))];
        input.extend([frame.point, u8::from(frame.is_undescribed)]);
        input.extend(frame.link.to_be_bytes());
        input.extend(frame.time.to_be_bytes());
        input.extend(frame.original.to_be_bytes());
        input.extend((bytes.len() as u16).to_be_bytes());
        input.extend(bytes);
    }
    input
}

/// The frames of one point, with an interface for each of its link types.
#[derive(Debug, Default)]
pub(crate) struct Point {
    pub(crate) links: Vec<LinkType>,
    /// With its interface's number.
    pub(crate) frames: Vec<(u16, Frame)>,
}

/// The number of an interface that nobody described.
const UNDESCRIBED: u16 = 999;

pub(crate) fn points(frames: Vec<Frame>) -> Vec<Point> {
    let mut points: Vec<Point> = (0..POINTS).map(|_| Point::default()).collect();
    for frame in frames {
        let point = &mut points[usize::from(frame.point)];
        let known = point.links.iter().position(|link| *link == frame.link());
        let interface = known.unwrap_or(point.links.len());
        if known.is_none() && !frame.is_undescribed {
            point.links.push(frame.link());
        }
        let interface = if frame.is_undescribed { UNDESCRIBED } else { interface as u16 };
        point.frames.push((interface, frame));
    }
    points
}

/// A batch of `frames`, told as the point's first if `links` are given.
pub(crate) fn batch(point: PointIndex, links: &[LinkType], frames: &[(u16, Frame)]) -> Batch {
    let mut batch = Batch::new(point);
    let described = |link: &LinkType| Interface { link: *link, name: None, snap_length: 0 };
    batch.interfaces = links.iter().map(described).collect();
    for (interface, frame) in frames {
        batch.heads.push(Head {
            time: Timestamp::from_nanos(frame.time),
            start: batch.slab.len() as u32,
            captured: frame.bytes.len() as u32,
            original: frame.original,
            interface: *interface,
        });
        batch.slab.extend(&frame.bytes);
    }
    batch
}
