//! Leaves with each frame's digest which of the things that are asked of frames it meets.
//!
//! It does so beside decoding, where the bytes are in the cache; who takes the frames in has only the marks to look at.

use crate::decode::Options;
use crate::digest::Batch;
use crate::filter::composition::marks::Marks;
use crate::frame::{Frame, LinkType};

pub(super) struct Marker {
    marks: Marks,
    options: Options,
    /// The link type of each interface, by point.
    links: Vec<Vec<LinkType>>,
}

impl Marker {
    pub(super) fn new(marks: Marks, options: Options, points: usize) -> Self {
        Self { marks, options, links: vec![Vec::new(); points] }
    }

    /// Marks the frames of a batch that has its digests. Those of a point come in order.
    pub(super) fn mark(&mut self, batch: &mut Batch) {
        let links = &mut self.links[usize::from(batch.point.0)];
        links.extend(batch.interfaces.iter().map(|interface| interface.link));
        for (digest, head) in batch.digests.iter_mut().zip(&batch.heads) {
            let Some(link) = links.get(usize::from(head.interface)) else { continue };
            let bytes = &batch.slab[head.range()];
            let frame = Frame { time: head.time, link: *link, bytes, original: head.original };
            digest.marks = self.marks.of_frame(&frame, &self.options);
        }
    }
}
