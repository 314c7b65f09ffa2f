//! What a flow cannot tell afterwards: which frame terms each of its frames meets, while the frame's bytes are at hand.
//!
//! A mark is a bit for each of [`Composition::frame_terms`], from the lowest. Whoever decodes leaves it with the frame's digest; a
//! flow's marks are those of all its frames, on all its legs, together.

use super::Composition;
use super::sight::Sight;
use crate::decode::{self, Options};
use crate::digest::Batch;
use crate::filter::expression::Expression;
use crate::filter::term::Term;
use crate::frame::{Frame, LinkType};

/// Frame terms of one composition: as many as a digest has bits for.
pub const MOST: usize = 8;

/// Marks frames.
#[derive(Debug, Clone)]
pub struct Marks {
    asked: Asked,
}

#[derive(Debug, Clone)]
enum Asked {
    /// Terms of which some need the layers of a frame, by their number.
    Layers(Vec<Term>),
    /// Nothing but expressions, by theirs.
    Expressions(Vec<Expression>),
}

/// Marks the frames of one point, whose batches come in order.
#[derive(Debug, Clone)]
pub struct Marker {
    marks: Marks,
    options: Options,
    /// The link type of each interface.
    links: Vec<LinkType>,
}

impl Marker {
    pub fn new(marks: Marks, options: Options) -> Self {
        Self { marks, options, links: Vec::new() }
    }

    /// One that begins behind batches that told of interfaces with these link types.
    pub fn after(links: Vec<LinkType>, marks: Marks, options: Options) -> Self {
        Self { marks, options, links }
    }

    /// Leaves with each digest of a batch what the frame meets.
    pub fn mark(&mut self, batch: &mut Batch) {
        self.links.extend(batch.interfaces.iter().map(|interface| interface.link));
        for (digest, head) in batch.digests.iter_mut().zip(&batch.heads) {
            let Some(link) = self.links.get(usize::from(head.interface)) else { continue };
            let bytes = &batch.slab[head.range()];
            let frame = Frame { time: head.time, link: *link, bytes, original: head.original };
            digest.marks = self.marks.of_frame(&frame, &self.options);
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the filter asks {count} different things of single frames, and no more than {MOST} can be asked at once; leave some out, or ask \
     them in runs of their own"
)]
pub struct TooMany {
    count: usize,
}

impl Marks {
    /// `None` if nothing is asked of frames.
    pub fn of(composition: &Composition) -> Result<Option<Self>, TooMany> {
        let terms = composition.frame_terms();
        if terms.is_empty() {
            return Ok(None);
        }
        if terms.len() > MOST {
            return Err(TooMany { count: terms.len() });
        }
        let expressions: Vec<Expression> =
            terms.iter().filter_map(|term| term.expression().cloned()).collect();
        let asked = if expressions.len() == terms.len() {
            Asked::Expressions(expressions)
        } else {
            Asked::Layers(terms.into_iter().cloned().collect())
        };
        Ok(Some(Self { asked }))
    }

    /// The marks of a frame.
    #[inline]
    pub fn of_frame(&self, frame: &Frame<'_>, options: &Options) -> u8 {
        match &self.asked {
            Asked::Layers(terms) => {
                let packet = decode::packet(frame.bytes, frame.link, options);
                let sight = Sight::of(&packet, frame);
                marked(terms, |term| sight.meets(term))
            }
            Asked::Expressions(expressions) => marked(expressions, |expression| expression.matches(frame)),
        }
    }
}

/// A bit for each of what is asked, by its number.
#[inline]
fn marked<T>(asked: &[T], is_met: impl Fn(&T) -> bool) -> u8 {
    asked.iter().enumerate().fold(0, |marks, (number, one)| marks | u8::from(is_met(one)) << number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::build::tcp;
    use crate::filter::expression::Names;
    use crate::frame::Timestamp;

    fn expression(typed: &str) -> Composition {
        Term::Matches(Expression::parse(typed, &Names::NONE).unwrap()).into()
    }

    fn marks(composition: &Composition) -> u8 {
        let bytes = tcp(4242, 443, 100).in4("10.128.0.5", "203.0.113.25").ethernet();
        let (link, original) = (LinkType::ETHERNET, bytes.len() as u32);
        let frame = Frame { time: Timestamp::default(), link, bytes: &bytes, original };
        Marks::of(composition).unwrap().unwrap().of_frame(&frame, &Options::default())
    }

    #[test]
    fn each_frame_term_has_a_bit_of_its_own() {
        let https = expression("tcp port 443").and(expression("udp")).and(expression("host 10.128.0.5"));
        assert_eq!(marks(&https), 0b101);
        let mut syn = Term::named("shows").unwrap();
        syn.push("fragment").unwrap();
        assert_eq!(marks(&https.and(syn.into())), 0b0101, "and so has what needs the layers");
    }

    #[test]
    fn a_flow_is_selected_by_the_marks_of_all_its_frames() {
        let both = expression("tcp").and(expression("udp").negated());
        assert!(both.matches(&[], 0b01));
        assert!(!both.matches(&[], 0b11));
        assert!(!both.matches(&[], 0));
    }

    #[test]
    fn where_nothing_is_asked_of_frames_none_is_marked() {
        let port = Term::named("port").unwrap();
        assert!(Marks::of(&port.into()).unwrap().is_none());
    }

    #[test]
    fn more_terms_than_a_digest_has_bits_for_are_refused() {
        let many = (1..=9).map(|port| expression(&format!("port {port}")));
        let refused = Marks::of(&Composition::Any(many.collect())).unwrap_err().to_string();
        assert!(refused.starts_with("the filter asks 9 different things of single frames"), "{refused}");
    }
}
