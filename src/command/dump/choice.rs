//! Which frames are printed: each is asked by itself, as tcpdump asks.

use crate::cli::traffic::Asked;
use crate::decode::{self, Options};
use crate::filter::composition::Composition;
use crate::filter::expression::{Expression, NotForLink};
use crate::filter::term::Term;
use crate::frame::{Frame, LinkType};

/// What is asked by options: the tree without the trailing expression, which the kernel may ask in the place of egret; `None` if that
/// is nothing.
pub(super) fn beside_expression(tree: &Composition) -> Option<Composition> {
    let is_expression = |part: &Composition| matches!(part, Composition::Term(Term::Matches(_)));
    let beside = match tree {
        part if is_expression(part) => return None,
        Composition::All(parts) => {
            Composition::All(parts.iter().filter(|part| !is_expression(part)).cloned().collect())
        }
        tree => tree.clone(),
    };
    Some(beside).filter(|tree| !tree.is_everything())
}

#[derive(Debug)]
pub(super) struct Choice {
    composition: Option<Composition>,
    expression: Option<Expression>,
    options: Options,
}

impl Choice {
    pub(super) fn new(asked: &Asked, options: Options) -> Self {
        let composition = beside_expression(&asked.composition);
        Self { composition, expression: asked.expression.clone(), options }
    }

    /// How frames are decoded.
    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// Whether every frame is chosen.
    pub(super) fn is_everything(&self) -> bool {
        self.composition.is_none() && self.expression.is_none()
    }

    /// Whether frames of this link type can be asked at all.
    pub(super) fn check(&self, link: LinkType) -> Result<(), NotForLink> {
        match &self.expression {
            Some(expression) => expression.program(link).map(drop),
            None => Ok(()),
        }
    }

    /// Whether a frame is chosen. The kernel may have asked the expression already.
    #[inline]
    pub(super) fn admits(&self, frame: &Frame<'_>, is_filtered: bool) -> bool {
        if let (Some(expression), false) = (&self.expression, is_filtered)
            && !expression.matches(frame)
        {
            return false;
        }
        self.composition.as_ref().is_none_or(|tree| {
            tree.matches_packet(&decode::packet(frame.bytes, frame.link, &self.options), frame)
        })
    }
}
