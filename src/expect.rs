//! What each workload should leave with: expectations, and what is known of the cluster.
//!
//! Expectations come from flags, policy files and the cluster's objects, facts from these and the environment. Each
//! source produces the same two things: a list of [`Expectation`]s, tried in order, the first match wins,
//! and facts about the [`Cluster`]. Nothing above this module knows where one came from, but for the
//! words in its `because`.
//!
//! Where the origin of a flow was not seen, an expectation with a `from` *may* speak about it. Then
//! [`Expectations::first_for`] names every expectation that could, and whether possibly none does: whoever judges
//! may give a verdict only where all of them agree.

pub mod cluster;
pub mod derive;
pub mod environment;
pub mod export;
mod finder;
pub mod flags;
pub mod lint;
pub mod listing;
mod merge;
mod origins;
pub mod policy;
pub mod sheet;
pub mod source;

use crate::filter::selection::Selection;
use crate::filter::term::any_contains;
use crate::net::{Block, Endpoint};

pub use cluster::{Cluster, Known, Node, PodName};
use finder::Finder;
pub use merge::Error;
pub use origins::{Origin, Origins, Wanted};
pub use source::Source;

/// All that is expected and known, in order of precedence.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    pub list: Vec<Expectation>,
    pub cluster: Cluster,
    finder: std::sync::OnceLock<Finder>,
}

/// Which flows should leave with which sources, and why.
#[derive(Debug, Clone)]
pub struct Expectation {
    pub name: String,
    /// Speaks about the origin; where this and `origins` are empty, about every one.
    pub from: Vec<Block>,
    /// Speaks about pods by what the cluster's objects say of them.
    pub origins: Origins,
    /// Speaks about the wire destination or the origin's.
    pub to: Selection,
    pub source: Source,
    /// What a `remote` place must see; empty asks nothing.
    pub source_remote: Vec<Block>,
    /// That no flow met it is no fault.
    pub optional: bool,
    /// It follows from the cluster's objects, and nobody wrote it.
    pub is_derived: bool,
    /// Where it was written, and by which rule: a line each.
    pub because: Vec<String>,
}

/// What is known of a flow when asking for its expectation.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// `None` where the origin was not seen, or is a node: a node's address never identifies a pod.
    pub origin: Option<Endpoint>,
    /// What the objects say of the origin.
    pub pod: Origin<'a>,
    /// The first destination seen.
    pub first_destination: Endpoint,
    /// Where it goes on the wire, if that was seen.
    pub wire_destination: Option<Endpoint>,
    pub protocol: u8,
}

/// Whether an expectation speaks about a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Covers {
    Yes,
    No,
    /// It depends on the origin, which was not seen.
    Maybe,
}

/// Which expectation speaks about a flow, by its index in [`Expectations::list`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// No expectation.
    None,
    One(usize),
    /// One of these, in order; or, with `or_none`, none at all. Which one depends on the origin, which was not seen.
    Any {
        candidates: Vec<usize>,
        or_none: bool,
    },
}

impl Expectation {
    /// Whether this speaks about the flow that is asked about.
    pub fn covers(&self, question: &Question<'_>) -> Covers {
        let Question { origin, pod, first_destination, wire_destination, protocol } = *question;
        if !self.to.covers_destination(first_destination, wire_destination, protocol) {
            return Covers::No;
        }
        match origin {
            _ if self.is_from_everywhere() => Covers::Yes,
            None => Covers::Maybe,
            Some(origin) if any_contains(&self.from, origin.address) => Covers::Yes,
            Some(_) => self.origins.cover(pod),
        }
    }

    /// Whether this speaks about every origin.
    pub fn is_from_everywhere(&self) -> bool {
        self.from.is_empty() && self.origins.is_empty()
    }

    /// Whether this speaks about every flow, as a bare `--expect` does.
    pub fn covers_everything(&self) -> bool {
        self.is_from_everywhere() && self.to.is_empty()
    }
}

impl Expectations {
    /// Whether an expectation may speak about a flow through the Service that it was opened to: where the origin was not
    /// seen, neither was its destination.
    fn may_mean_a_service(&self, index: usize, question: &Question<'_>) -> bool {
        question.origin.is_none()
            && question.wire_destination == Some(question.first_destination)
            && self.finder().means_service(index)
    }

    fn finder(&self) -> &Finder {
        self.finder.get_or_init(|| Finder::of(self))
    }

    /// The expectation that speaks about a flow: the first that covers it.
    pub fn first_for(&self, question: &Question<'_>) -> Choice {
        let mut candidates = Vec::new();
        let finder = self.finder();
        let of_origin = question.origin.map(|origin| finder.for_origin(origin.address, question.pod));
        let some = of_origin.as_deref().unwrap_or_default();
        let all = if of_origin.is_none() { 0..self.list.len() } else { 0..0 };
        for index in all.chain(some.iter().copied()) {
            match self.list[index].covers(question) {
                Covers::No if self.may_mean_a_service(index, question) => candidates.push(index),
                Covers::No => {}
                Covers::Maybe => candidates.push(index),
                Covers::Yes if candidates.is_empty() => return Choice::One(index),
                Covers::Yes => {
                    candidates.push(index);
                    return Choice::Any { candidates, or_none: false };
                }
            }
        }
        if candidates.is_empty() { Choice::None } else { Choice::Any { candidates, or_none: true } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::address::{address, block};

    fn end(typed: &str, port: u16) -> Endpoint {
        Endpoint { address: address(typed).unwrap(), port }
    }

    fn rule(from: &[&str], to: &[(&str, &str)], source: &str) -> Expectation {
        let mut selection = Selection::default();
        for (key, value) in to {
            selection.add(key, value).unwrap();
        }
        Expectation {
            name: format!("{from:?} to {selection}"),
            from: from.iter().map(|typed| block(typed).unwrap()).collect(),
            origins: Origins::default(),
            is_derived: false,
            to: selection,
            source: Source::AnyOf(vec![block(source).unwrap()]),
            source_remote: Vec::new(),
            optional: false,
            because: Vec::new(),
        }
    }

    fn list(list: Vec<Expectation>) -> Expectations {
        Expectations { list, ..Expectations::default() }
    }

    /// From `origin` to a Service that is forwarded to the partner.
    fn question(origin: Option<&str>) -> Question<'static> {
        Question {
            origin: origin.map(|typed| end(typed, 40001)),
            pod: Origin::Unnamed { namespace: None },
            first_destination: end("172.30.99.10", 8443),
            wire_destination: Some(end("203.0.113.25", 443)),
            protocol: 6,
        }
    }

    #[test]
    fn the_first_expectation_that_covers_a_flow_wins() {
        let all = list(vec![
            rule(&["10.128.0.0/24"], &[], "192.168.12.98"),
            rule(&["10.128.0.0/14"], &[("dst", "203.0.113.25")], "192.168.12.99"),
            rule(&[], &[], "192.168.12.100"),
        ]);
        assert_eq!(all.first_for(&question(Some("10.128.0.5"))), Choice::One(0));
        assert_eq!(all.first_for(&question(Some("10.129.0.5"))), Choice::One(1));
        assert_eq!(all.first_for(&question(Some("10.140.0.5"))), Choice::One(2));
    }

    #[test]
    fn to_is_met_by_the_first_destination_or_by_the_one_on_the_wire() {
        let service = rule(&[], &[("dst", "172.30.99.10"), ("dst_port", "8443")], "192.168.12.99");
        let partner = rule(&[], &[("dst", "203.0.113.0/24"), ("dst_port", "443")], "192.168.12.99");
        let neither = rule(&[], &[("dst", "198.51.100.0/24")], "192.168.12.99");
        assert_eq!(service.covers(&question(None)), Covers::Yes);
        assert_eq!(partner.covers(&question(None)), Covers::Yes);
        assert_eq!(neither.covers(&question(None)), Covers::No);
        assert_eq!(partner.covers(&Question { wire_destination: None, ..question(None) }), Covers::No);
    }

    #[test]
    fn an_unseen_origin_leaves_open_what_depends_on_it_and_nothing_else() {
        let pod = rule(&["10.128.0.5"], &[("dst", "203.0.113.25")], "192.168.12.99");
        let elsewhere = rule(&["10.128.0.5"], &[("dst", "198.51.100.1")], "192.168.12.99");
        assert_eq!(pod.covers(&question(None)), Covers::Maybe);
        assert_eq!(elsewhere.covers(&question(None)), Covers::No);
        assert_eq!(pod.covers(&question(Some("10.128.0.6"))), Covers::No);
    }

    #[test]
    fn an_unseen_origin_brings_every_expectation_up_to_the_first_that_is_sure() {
        let mut all = list(vec![
            rule(&["10.128.0.5"], &[], "192.168.12.99"),
            rule(&["10.128.0.6"], &[("dst", "198.51.100.1")], "192.168.12.98"),
            rule(&["10.128.0.7"], &[], "192.168.12.97"),
            rule(&[], &[("dst_port", "443")], "192.168.12.96"),
            rule(&[], &[], "192.168.12.95"),
        ]);
        let sure = Choice::Any { candidates: vec![0, 2, 3], or_none: false };
        assert_eq!(all.first_for(&question(None)), sure);
        all.list.truncate(3);
        assert_eq!(all.first_for(&question(None)), Choice::Any { candidates: vec![0, 2], or_none: true });
    }

    #[test]
    fn an_expectation_for_every_origin_is_sure_without_one() {
        let all = list(vec![rule(&[], &[], "192.168.12.99"), rule(&["10.128.0.5"], &[], "192.168.12.98")]);
        assert_eq!(all.first_for(&question(None)), Choice::One(0));
        assert_eq!(list(Vec::new()).first_for(&question(None)), Choice::None);
    }
}
