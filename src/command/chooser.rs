//! Chooses, frame by frame, what is wanted: what a trailing expression matches, as tcpdump would.
//!
//! Of an interface, the kernel hands over nothing else: the expression is compiled for the open handle, where some words mean more
//! than they can in a file (`inbound`, `ifindex`). Frames of files and streams are asked here, each by its own link type.

use crate::cli::frames::Source;
use crate::digest::Batch;
use crate::filter::expression::Expression;
use crate::frame::{LinkType, PointIndex};

#[derive(Debug, Default)]
pub(super) struct Chooser {
    expression: Option<Expression>,
    points: Vec<Point>,
}

#[derive(Debug, Default)]
struct Point {
    /// The kernel hands over what matches, and nothing else.
    is_filtered: bool,
    links: Vec<LinkType>,
}

impl Chooser {
    pub(super) fn new(expression: Option<Expression>) -> Self {
        Self { expression, points: Vec::new() }
    }

    /// What is chosen, in the words of pcap-filter(7); `None` if that is everything.
    pub(super) fn words(&self) -> Option<&str> {
        self.expression.as_ref().map(Expression::without_names)
    }

    pub(super) fn add_point(&mut self, _source: &Source) -> PointIndex {
        self.points.push(Point::default());
        PointIndex(self.points.len() as u16 - 1)
    }

    /// That point's frames were chosen by the kernel.
    pub(super) fn note_filter(&mut self, point: PointIndex) {
        self.points[usize::from(point.0)].is_filtered = true;
    }

    /// Leaves in the batch the frames that are wanted. Returns why those of a new interface cannot be asked, if so.
    pub(super) fn choose(&mut self, batch: &mut Batch) -> Option<String> {
        let point = &mut self.points[usize::from(batch.point.0)];
        let Some(expression) = &self.expression else { return None };
        if point.is_filtered {
            return None;
        }
        point.links.extend(batch.interfaces.iter().map(|interface| interface.link));
        let refused = batch.interfaces.iter().find_map(|interface| expression.program(interface.link).err());
        let mut heads = std::mem::take(&mut batch.heads);
        heads.retain(|head| {
            let link = point.links.get(usize::from(head.interface));
            link.is_some_and(|link| expression.matches(&batch.frame(head, *link)))
        });
        batch.heads = heads;
        refused.map(|refused| refused.to_string())
    }
}
