//! Expectations and facts from the command line.
//!
//! ```text
//! --expect ADDR|CIDR                        bare: every flow; several make one expectation, any of which will do
//! --expect 'SELECTOR=>ADDR|node|pod|drop'   a rule: SELECTOR is terms between spaces, of which
//!             ADDR|CIDR, or src=ADDR|CIDR   says where the flow comes from, and
//!             dst=, dst-port=, proto=, …    where it goes, under the names of the filter options
//! ```
//!
//! Rules are tried in the order typed; the bare expectation covers everything and is tried after them.

use std::fmt;
use std::str::FromStr;

use crate::expect::source::{self, Source};
use crate::expect::{Cluster, Expectation, Known, Node, Origins};
use crate::filter::address::{self, block};
use crate::filter::selection::{self, Selection};
use crate::filter::term::{Side, Term};
use crate::nearest::{meant, nearest};
use crate::net::{Address, Block};

/// What was typed about expectations and the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default, clap::Args)]
#[command(about = None, long_about = None)]
#[command(next_help_heading = "What is expected")]
pub struct Flags {
    /// Address to leave with, for every flow (repeat: any of them); or a rule, tried in the order typed:
    /// '10.128.0.5 dst=203.0.113.0/24 dst-port=443=>192.168.12.99', where the right side is addresses, node, pod or drop
    #[arg(long, value_name = "ADDR|CIDR|RULE")]
    pub expect: Vec<Expect>,
    /// What the far side must see, where it is captured (beyond a second NAT)
    #[arg(long, value_name = "ADDR|CIDR", value_delimiter = ',', value_parser = source::block)]
    pub expect_remote: Vec<Block>,
    /// Address of a node; repeat for each
    #[arg(long, value_name = "[NAME=]ADDR")]
    pub node_ip: Vec<NodeIp>,
    /// Address, or range, of pods
    #[arg(long, value_name = "ADDR|CIDR", value_delimiter = ',', value_parser = block)]
    pub pod_ip: Vec<Block>,
    /// What else is inside the cluster; flows are judged that go from inside to outside
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = block)]
    pub inside: Vec<Block>,
}

/// One `--expect`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    /// With single spaces between terms.
    typed: String,
    /// `None` for a bare one.
    rule: Option<Selector>,
    source: Source,
}

/// The terms of a rule: the filter options, but for what could mean either end or leaves out a source.
const TERMS: [&str; 9] =
    ["src", "dst", "port", "dst-port", "proto", "not-dst", "not-port", "not-dst-port", "not-proto"];

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Selector {
    from: Vec<Block>,
    to: Selection,
}

/// One `--node-ip`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeIp {
    name: Option<String>,
    addresses: Vec<Address>,
}

/// What was typed is no expectation, or no node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(
        "a rule needs `=>` between what it selects and the source; write it like '10.128.0.5 dst=203.0.113.25=>192.168.12.99'"
    )]
    NoArrow,
    #[error("there is more than one `=>`; write one --expect for each rule")]
    Arrows,
    #[error(
        "nothing is selected before `=>`; to expect {source_typed} of every flow write --expect {source_typed}"
    )]
    NoSelector { source_typed: String },
    #[error("after `=>`: {0}")]
    Right(#[source] source::Error),
    #[error(transparent)]
    Bare(source::Error),
    #[error(
        "`{typed}` looks like the name of a pod or namespace, and these are not known here; write the pod's address or \
         CIDR, like '10.128.0.5=>192.168.12.99'"
    )]
    Name { typed: String },
    #[error("`{key}` needs a value right behind it; write it like {key}={}", example(key))]
    NoValue { key: String },
    #[error("there are spaces around `=`; write it like dst=203.0.113.0/24")]
    Spaces,
    #[error("`{key}` could mean either end of a flow; write src= or dst= instead")]
    EitherEnd { key: String },
    #[error(
        "`{key}` cannot be part of a rule; write a rule for what it leaves out, and put it before this one"
    )]
    NotHere { key: String },
    #[error("`{key}` is not a term of a rule{}; the terms are {}", meant(*.nearest), TERMS.join(", "))]
    UnknownTerm { key: String, nearest: Option<&'static str> },
    #[error("in `{typed}`: {error}")]
    Term { typed: String, error: selection::Error },
    #[error(
        "the bare --expect {first} and --expect {second} contradict each other; write one of the words node, pod, drop alone, or addresses"
    )]
    Contradiction { first: String, second: String },
    #[error("`{typed}` is not the name of a node; write it like worker1=192.168.12.11")]
    NodeName { typed: String },
    #[error(transparent)]
    Address(#[from] address::Error),
}

impl FromStr for Expect {
    type Err = Error;

    fn from_str(typed: &str) -> Result<Self, Error> {
        let tidy = typed.split_whitespace().collect::<Vec<_>>().join(" ");
        let Some((left, right)) = typed.split_once("=>") else {
            return bare(typed.trim()).map(|source| Self { typed: tidy, rule: None, source });
        };
        if right.contains("=>") {
            return Err(Error::Arrows);
        }
        let source = Source::parse(right).map_err(Error::Right)?;
        if left.trim().is_empty() {
            return Err(Error::NoSelector { source_typed: right.trim().to_owned() });
        }
        let rule = left.split_whitespace().try_fold(Selector::default(), Selector::with)?;
        Ok(Self { typed: tidy, rule: Some(rule), source })
    }
}

/// The source of an expectation for every flow. Whoever types more than a source meant a rule.
fn bare(typed: &str) -> Result<Source, Error> {
    let is_rule = typed.contains([' ', '=', '>']);
    Source::parse(typed).map_err(|error| if is_rule { Error::NoArrow } else { Error::Bare(error) })
}

impl Selector {
    /// This, and the term `typed`: `10.128.0.5`, or `dst-port=443`.
    fn with(mut self, typed: &str) -> Result<Self, Error> {
        let in_term = |error| Error::Term { typed: typed.to_owned(), error };
        let Some((key, values)) = typed.split_once('=') else {
            self.add_bare(typed)?;
            return Ok(self);
        };
        match (key, values) {
            ("", _) => return Err(Error::Spaces),
            (key, "") => return Err(Error::NoValue { key: key.to_owned() }),
            _ => {}
        }
        match key {
            "src" => self.add_from(values).map_err(in_term)?,
            key if TERMS.contains(&key) => self.to.add(&key.replace('-', "_"), values).map_err(in_term)?,
            "host" | "net" | "not-host" | "not-net" => return Err(Error::EitherEnd { key: key.to_owned() }),
            "not-src" | "src-port" | "not-src-port" => return Err(Error::NotHere { key: key.to_owned() }),
            key => return Err(Error::UnknownTerm { key: key.to_owned(), nearest: nearest(key, TERMS) }),
        }
        Ok(self)
    }

    fn add_from(&mut self, values: &str) -> Result<(), selection::Error> {
        let mut read = Term::Address(Side::Source, Vec::new());
        read.extend(values)?;
        self.from.extend(read.blocks());
        Ok(())
    }

    /// A term without a key: where the flow comes from.
    fn add_bare(&mut self, typed: &str) -> Result<(), Error> {
        if TERMS.contains(&typed) {
            return Err(Error::NoValue { key: typed.to_owned() });
        }
        self.add_from(typed).map_err(|error| match error {
            selection::Error::Address(address::Error::Name { typed }) => Error::Name { typed },
            error => Error::Term { typed: typed.to_owned(), error },
        })
    }
}

/// A value that fits `key`.
fn example(key: &str) -> &'static str {
    match key {
        key if key.ends_with("port") => "443",
        key if key.ends_with("proto") => "tcp",
        _ => "203.0.113.0/24",
    }
}

impl FromStr for NodeIp {
    type Err = Error;

    fn from_str(typed: &str) -> Result<Self, Error> {
        let (name, addresses) = match typed.split_once('=') {
            Some((name, addresses)) if address::is_name(name) => (Some(name.to_owned()), addresses),
            Some((name, _)) => return Err(Error::NodeName { typed: name.to_owned() }),
            None => (None, typed),
        };
        let addresses = addresses.split(',').map(address::address).collect::<Result<_, _>>()?;
        Ok(Self { name, addresses })
    }
}

impl Flags {
    /// The expectations that were typed: rules in their order, then the bare ones as one.
    pub(crate) fn expectations(&self) -> Result<Vec<Expectation>, Error> {
        let rules = self.expect.iter().filter_map(|one| {
            let Selector { from, to } = one.rule.clone()?;
            Some(expectation(one.to_string(), from, to, one.source.clone()))
        });
        Ok(rules.chain(self.bare()?).collect())
    }

    /// The one expectation that all bare `--expect` make.
    fn bare(&self) -> Result<Option<Expectation>, Error> {
        let mut bare = self.expect.iter().filter(|one| one.rule.is_none());
        let Some(first) = bare.next() else {
            return Ok(None);
        };
        let (mut name, mut source) = (first.to_string(), first.source.clone());
        for next in bare {
            source = either(source, &next.source).ok_or_else(|| Error::Contradiction {
                first: first.typed.clone(),
                second: next.typed.clone(),
            })?;
            name = format!("{name} {next}");
        }
        Ok(Some(expectation(name, Vec::new(), Selection::default(), source)))
    }

    /// The facts that were typed.
    pub(crate) fn cluster(&self) -> Cluster {
        let known = |blocks: &[Block], said_by: &str| {
            blocks.iter().map(|&block| Known { block, said_by: said_by.to_owned() }).collect()
        };
        let node = |node: &NodeIp| Node {
            name: node.name.clone(),
            addresses: node.addresses.clone(),
            said_by: "--node-ip".to_owned(),
        };
        Cluster {
            pods: known(&self.pod_ip, "--pod-ip"),
            inside: known(&self.inside, "--inside"),
            nodes: self.node_ip.iter().map(node).collect(),
            ..Cluster::default()
        }
    }
}

fn expectation(name: String, from: Vec<Block>, to: Selection, source: Source) -> Expectation {
    let because = vec![name.clone()];
    Expectation {
        name,
        from,
        origins: Origins::default(),
        to,
        source,
        source_remote: Vec::new(),
        optional: false,
        is_derived: false,
        because,
    }
}

/// Both sources, if they can be one.
fn either(a: Source, b: &Source) -> Option<Source> {
    match (a, b) {
        (Source::AnyOf(mut blocks), Source::AnyOf(more)) => {
            for block in more {
                if !blocks.contains(block) {
                    blocks.push(*block);
                }
            }
            Some(Source::AnyOf(blocks))
        }
        (a, b) => (a == *b).then_some(a),
    }
}

/// As it would be typed again: `--expect 192.168.12.99`, `--expect '10.128.0.5=>192.168.12.99'`.
impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rule.is_some() || self.typed.contains(' ') {
            write!(f, "--expect '{}'", self.typed)
        } else {
            write!(f, "--expect {}", self.typed)
        }
    }
}

#[cfg(test)]
mod tests;
