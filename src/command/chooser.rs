//! Chooses, frame by frame, what is wanted: what options and presets describe, and what a trailing expression matches as tcpdump
//! would.
//!
//! Of an interface, the kernel hands over only what the expression matches: it is compiled for the open handle, where some words mean
//! more than they can in a file (`inbound`, `ifindex`). It is asked here of frames of files and streams, each by its own link type, and so
//! are options of all frames: the kernel is given what lets through all that
//! they mean, and more ([`Chooser::narrowing`]).

use crate::cli::traffic::Asked;
use crate::command::narrowing::Narrow;
use crate::decode::{self, Options};
use crate::digest::Batch;
use crate::filter::admission::{Question, Scope};
use crate::filter::composition::Composition;
use crate::filter::expression::Expression;
use crate::frame::{Frame, LinkType, PointIndex};
use crate::packet::Packet;

#[derive(Debug)]
pub(super) struct Chooser {
    expression: Option<Expression>,
    /// All that is asked; and without what the kernel has asked.
    whole: Composition,
    rest: Composition,
    options: Options,
    points: Vec<Point>,
}

#[derive(Debug, Default)]
struct Point {
    /// The kernel hands over what the expression matches, and nothing else.
    is_filtered: bool,
    links: Vec<LinkType>,
}

impl Chooser {
    /// `options` are those of decoding.
    pub(super) fn new(asked: &Asked, options: Options) -> Self {
        Self {
            expression: asked.expression.clone(),
            whole: asked.composition.clone(),
            rest: asked.options.clone(),
            options,
            points: Vec::new(),
        }
    }

    /// What is chosen, in words; `None` if that is everything.
    pub(super) fn words(&self) -> Option<String> {
        (!self.whole.is_everything()).then(|| self.whole.to_string())
    }

    /// The expression that was typed (pcap-filter(7)).
    pub(super) fn typed(&self) -> Option<&str> {
        self.expression.as_ref().map(Expression::without_names)
    }

    /// What else is asked of each frame, in words.
    pub(super) fn rest(&self) -> Option<String> {
        (!self.rest.is_everything()).then(|| self.rest.to_string())
    }

    /// What the kernel may be given besides for an interface of that link type: it lets through all that options mean, and more. Beside a
    /// typed expression, which may move the place where headers are looked for (`vlan`), there is nothing.
    pub(super) fn narrowing(&self, link: LinkType) -> Option<String> {
        if self.expression.is_some() || self.rest.is_everything() {
            return None;
        }
        let (vxlan, geneve) = self.options.ports();
        let question =
            Question { scope: Scope::Frames, link, is_live: true, vxlan, geneve, unrewritten: &[] };
        match Narrow::of(&self.rest.admission(&question), link) {
            Narrow::To { expression, .. } => Some(expression),
            // Then they are asked of all frames here.
            Narrow::Nothing | Narrow::TooLong(_) | Narrow::Refused(_) => None,
        }
    }

    pub(super) fn add_point(&mut self) -> PointIndex {
        self.points.push(Point::default());
        PointIndex(self.points.len() as u16 - 1)
    }

    /// That point's frames were chosen by the kernel.
    pub(super) fn note_filter(&mut self, point: PointIndex) {
        self.points[usize::from(point.0)].is_filtered = true;
    }

    /// Leaves in the batch the frames that are wanted. Returns why those of a new interface cannot be asked, if so.
    pub(super) fn choose(&mut self, batch: &mut Batch) -> Option<String> {
        let number = usize::from(batch.point.0);
        self.points[number].links.extend(batch.interfaces.iter().map(|interface| interface.link));
        let point = &self.points[number];
        if self.asked(point.is_filtered).is_everything() {
            return None;
        }
        let refused = batch.interfaces.iter().find_map(|told| self.refused(told.link, point.is_filtered));
        let mut heads = std::mem::take(&mut batch.heads);
        heads.retain(|head| {
            let link = point.links.get(usize::from(head.interface));
            link.is_some_and(|link| self.wants(&batch.frame(head, *link), point.is_filtered))
        });
        batch.heads = heads;
        refused
    }

    /// Whether a frame is wanted; the kernel may have asked the expression of it.
    #[inline]
    pub(super) fn wants(&self, frame: &Frame<'_>, is_filtered: bool) -> bool {
        self.passes(frame, is_filtered)
            // What nothing else is asked of needs no decoding.
            && (self.rest.is_everything()
                || self.admits(&decode::packet(frame.bytes, frame.link, &self.options), frame))
    }

    /// Whether the expression matches a frame, of which the kernel may have asked it.
    #[inline]
    pub(super) fn passes(&self, frame: &Frame<'_>, is_filtered: bool) -> bool {
        let expression = self.expression.as_ref().filter(|_| !is_filtered);
        expression.is_none_or(|expression| expression.matches(frame))
    }

    /// Whether a frame, of which `packet` was understood, is what is asked for besides the expression.
    #[inline]
    pub(super) fn admits(&self, packet: &Packet, frame: &Frame<'_>) -> bool {
        self.rest.is_everything() || self.rest.matches_packet(packet, frame)
    }

    /// Why frames of a link type cannot be asked, if so.
    pub(super) fn refused(&self, link: LinkType, is_filtered: bool) -> Option<String> {
        let expression = self.expression.as_ref().filter(|_| !is_filtered)?;
        expression.program(link).err().map(|refused| refused.to_string())
    }

    /// Whether every frame is wanted.
    pub(super) fn wants_everything(&self) -> bool {
        self.whole.is_everything()
    }

    /// How frames are decoded.
    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    fn asked(&self, is_filtered: bool) -> &Composition {
        if is_filtered { &self.rest } else { &self.whole }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::build::tcp;
    use crate::digest::{Head, Interface};
    use crate::filter::expression::Names;
    use crate::filter::term::Term;
    use crate::frame::Timestamp;

    fn chooser(options: &[(&str, &str)], typed: &str) -> Chooser {
        let mut selection = crate::filter::selection::Selection::default();
        for (key, value) in options {
            selection.add(key, value).unwrap();
        }
        let options = selection.composition().clone();
        let mut composition = options.clone();
        let expression = (!typed.is_empty()).then(|| Expression::parse(typed, &Names::NONE).unwrap());
        if let Some(expression) = &expression {
            composition = composition.and(Term::Matches(expression.clone()).into());
        }
        let asked = Asked { composition, options, expression, ..Asked::default() };
        let mut chooser = Chooser::new(&asked, Options::default());
        chooser.add_point();
        chooser
    }

    /// How many frames are chosen of two, to ports 443 and 80.
    fn chosen(mut chooser: Chooser) -> usize {
        let mut batch = Batch::new(PointIndex(0));
        batch.interfaces.push(Interface { link: LinkType::ETHERNET, name: None, snap_length: 0 });
        for port in [443, 80] {
            let bytes = tcp(4000, port, 10).in4("10.128.0.5", "203.0.113.25").ethernet();
            let (start, captured) = (batch.slab.len() as u32, bytes.len() as u32);
            batch.slab.extend(bytes);
            let time = Timestamp::from_nanos(0);
            batch.heads.push(Head { time, start, captured, original: captured, interface: 0 });
        }
        assert_eq!(chooser.choose(&mut batch), None);
        batch.heads.len()
    }

    #[test]
    fn options_and_expression_must_both_be_met() {
        assert_eq!(chosen(chooser(&[], "")), 2);
        assert_eq!(chosen(chooser(&[], "port 443")), 1);
        assert_eq!(chosen(chooser(&[("dst_port", "80")], "")), 1);
        assert_eq!(chosen(chooser(&[("dst_port", "80")], "port 443")), 0);
    }

    #[test]
    fn what_the_kernel_has_asked_is_not_asked_again() {
        let mut filtered = chooser(&[("dst_port", "80")], "inbound");
        filtered.note_filter(PointIndex(0));
        assert_eq!(chosen(filtered), 1, "no Ethernet frame tells that it is inbound");
        let mut filtered = chooser(&[], "inbound");
        filtered.note_filter(PointIndex(0));
        assert_eq!(chosen(filtered), 2);
    }
}
