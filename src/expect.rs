//! What each workload should leave with: expectations, and what is known of the cluster.
//!
//! Expectations come from flags, the environment and policy files (and, later, cluster objects). Each
//! source produces the same two things: a list of [`Expectation`]s, tried in order, the first match wins,
//! and facts about the [`Cluster`]. Nothing above this module knows where one came from, but for the
//! words in its `because`.

use crate::filter::selection::Selection;
use crate::net::{Address, Block, Endpoint};

/// All that is expected and known, in order of precedence.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    pub list: Vec<Expectation>,
    pub cluster: Cluster,
}

/// Which flows should leave with which sources, and why.
#[derive(Debug, Clone)]
pub struct Expectation {
    pub name: String,
    /// Speaks about the origin; empty is every origin.
    pub from: Vec<Block>,
    /// Speaks about the wire destination or the origin's.
    pub to: Selection,
    pub source: Source,
    /// What a `remote` place must see; empty asks nothing.
    pub source_remote: Vec<Block>,
    /// That no flow met it is no fault.
    pub optional: bool,
    /// Where it was written, and by which rule: a line each.
    pub because: Vec<String>,
}

/// The sources that a flow may leave with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Any address of these blocks.
    AnyOf(Vec<Block>),
    /// An address of a node.
    Node,
    /// The pod's own address, un-translated.
    Pod,
    /// Nothing may leave.
    Drop,
    /// Cannot be derived: which fact is missing.
    Unknown { missing: String },
}

/// What is known of the cluster, each fact with where it was said.
#[derive(Debug, Clone, Default)]
pub struct Cluster {
    /// Address ranges of pods.
    pub pods: Vec<Known>,
    /// Address ranges of Services.
    pub services: Vec<Known>,
    pub nodes: Vec<Node>,
    /// Anything else that is inside.
    pub inside: Vec<Known>,
}

/// A block, and who says so: `--inside`, `POD_IP`, `policy.yaml:3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub block: Block,
    pub said_by: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// `None` where only an address is known.
    pub name: Option<String>,
    pub addresses: Vec<Address>,
    pub said_by: String,
}

/// What is known of a flow when asking for its expectation.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    /// `None` where the origin was not seen.
    pub origin: Option<Endpoint>,
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
