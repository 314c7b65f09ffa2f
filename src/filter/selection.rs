//! The tree behind the filter options and behind the `to:` of an expectation.
//!
//! Each option takes a list. Values of one option are joined by *or*, different options by *and*, and a
//! `not` form excludes.
//!
//! Selection acts on whole flows. NAT gives one flow several tuples, so
//! 1. an option is met if *some* tuple of the flow meets it, and not all options need the same tuple:
//!    `--src POD --dst PARTNER` selects a flow that no single packet describes;
//! 2. a `not` form excludes the flow if *any* of its tuples meets it.
//!
//! An expectation's `to` is another question ([`Selection::covers_destination`]): it speaks about one end
//! alone, at two moments, and one of these must meet all that it says.

use std::fmt;

use crate::filter::address::{self, block};
use crate::filter::port::{self, Range};
use crate::filter::protocol::{self, Protocol};
use crate::net::{Address, Block, Endpoint};

/// Which flows; empty is all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, clap::Args)]
#[command(about = None, long_about = None)]
#[command(next_help_heading = "Which traffic (the same option again: or; different options: and)")]
pub struct Selection {
    /// Flows from or to these addresses
    #[arg(long, value_name = "ADDR|CIDR", value_delimiter = ',', value_parser = block)]
    pub host: Vec<Block>,
    /// Flows from or to these networks, like --host; where both are given, both must be met
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = block)]
    pub net: Vec<Block>,
    /// Flows from these addresses, before or after NAT
    #[arg(long, value_name = "ADDR|CIDR", value_delimiter = ',', value_parser = block)]
    pub src: Vec<Block>,
    /// Flows to these addresses, before or after NAT
    #[arg(long, value_name = "ADDR|CIDR", value_delimiter = ',', value_parser = block)]
    pub dst: Vec<Block>,
    /// Flows from or to these ports
    #[arg(long, value_name = "PORT|A-B|SERVICE", value_delimiter = ',')]
    pub port: Vec<Range>,
    /// Flows from these ports
    #[arg(long, value_name = "PORT|A-B|SERVICE", value_delimiter = ',')]
    pub src_port: Vec<Range>,
    /// Flows to these ports
    #[arg(long, value_name = "PORT|A-B|SERVICE", value_delimiter = ',')]
    pub dst_port: Vec<Range>,
    /// tcp, udp, icmp, icmp6, sctp, or a number
    #[arg(long, value_name = "PROTOCOL", value_delimiter = ',')]
    pub proto: Vec<Protocol>,
    /// No flows from or to these addresses
    #[arg(long, value_name = "ADDR|CIDR", value_delimiter = ',', value_parser = block)]
    pub not_host: Vec<Block>,
    /// No flows from or to these networks
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = block)]
    pub not_net: Vec<Block>,
    /// No flows from these addresses
    #[arg(long, value_name = "ADDR|CIDR", value_delimiter = ',', value_parser = block)]
    pub not_src: Vec<Block>,
    /// No flows to these addresses
    #[arg(long, value_name = "ADDR|CIDR", value_delimiter = ',', value_parser = block)]
    pub not_dst: Vec<Block>,
    /// No flows from or to these ports
    #[arg(long, value_name = "PORT|A-B|SERVICE", value_delimiter = ',')]
    pub not_port: Vec<Range>,
    /// No flows from these ports
    #[arg(long, value_name = "PORT|A-B|SERVICE", value_delimiter = ',')]
    pub not_src_port: Vec<Range>,
    /// No flows to these ports
    #[arg(long, value_name = "PORT|A-B|SERVICE", value_delimiter = ',')]
    pub not_dst_port: Vec<Range>,
    /// No flows of these protocols
    #[arg(long, value_name = "PROTOCOL", value_delimiter = ',')]
    pub not_proto: Vec<Protocol>,
}

/// One of a flow's tuples, in the direction of its origin's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuple {
    pub source: Endpoint,
    pub destination: Endpoint,
    pub protocol: u8,
}

/// A term cannot be added to a selection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("`{key}` is not a term of a selection")]
    UnknownKey { key: String },
    #[error("a value is missing in the list `{typed}`; write it without spaces, like a,b,c")]
    Missing { typed: String },
    #[error(transparent)]
    Address(#[from] address::Error),
    #[error(transparent)]
    Port(#[from] port::Error),
    #[error(transparent)]
    Protocol(#[from] protocol::Error),
}

impl Selection {
    pub fn is_empty(&self) -> bool {
        self.terms().next().is_none()
    }

    /// Whether a flow with these tuples, all that it has, is selected.
    pub fn matches(&self, tuples: &[Tuple]) -> bool {
        self.terms().all(|term| tuples.iter().any(|tuple| term.is_met_by(tuple)) != term.not)
    }

    /// Whether this speaks about a flow that went `first` there, and on the wire `then`, where that was seen.
    ///
    /// One of the two must meet every term; neither may meet a `not` term. What speaks about sources is never met:
    /// see [`Selection::source_term`].
    pub fn covers_destination(&self, first: Endpoint, then: Option<Endpoint>, protocol: u8) -> bool {
        let ends = || [Some(first), then].into_iter().flatten();
        let meets = |term: &Term<'_>, end| term.is_met_at(end, protocol);
        ends().any(|end| self.terms().filter(|term| !term.not).all(|term| meets(&term, end)))
            && !self.terms().filter(|term| term.not).any(|term| ends().any(|end| meets(&term, end)))
    }

    /// The first term that speaks about sources, by its key: it makes no sense in a `to`.
    pub fn source_term(&self) -> Option<&'static str> {
        self.terms().find(|term| term.side == Side::Source).map(|term| term.key)
    }

    /// Adds the values of `typed`, separated by commas, to the term `key`, a field's name: `dst_port`, `not_dst`, …
    pub fn add(&mut self, key: &str, typed: &str) -> Result<(), Error> {
        let unknown = || Error::UnknownKey { key: key.to_owned() };
        let mut slot = self.slot(key).ok_or_else(unknown)?;
        for value in typed.split(',') {
            match value.trim() {
                "" => return Err(Error::Missing { typed: typed.to_owned() }),
                value => slot.push(value)?,
            }
        }
        Ok(())
    }

    fn slot(&mut self, key: &str) -> Option<Slot<'_>> {
        Some(match key {
            "host" => Slot::Addresses(&mut self.host),
            "net" => Slot::Addresses(&mut self.net),
            "src" => Slot::Addresses(&mut self.src),
            "dst" => Slot::Addresses(&mut self.dst),
            "port" => Slot::Ports(&mut self.port),
            "src_port" => Slot::Ports(&mut self.src_port),
            "dst_port" => Slot::Ports(&mut self.dst_port),
            "proto" => Slot::Protocols(&mut self.proto),
            "not_host" => Slot::Addresses(&mut self.not_host),
            "not_net" => Slot::Addresses(&mut self.not_net),
            "not_src" => Slot::Addresses(&mut self.not_src),
            "not_dst" => Slot::Addresses(&mut self.not_dst),
            "not_port" => Slot::Ports(&mut self.not_port),
            "not_src_port" => Slot::Ports(&mut self.not_src_port),
            "not_dst_port" => Slot::Ports(&mut self.not_dst_port),
            "not_proto" => Slot::Protocols(&mut self.not_proto),
            _ => return None,
        })
    }

    /// The terms that were said.
    fn terms(&self) -> impl Iterator<Item = Term<'_>> {
        use Side::{Destination, Either, Source};
        use Values::{Addresses, Ports, Protocols};
        let term = |key, not, side, values| Term { key, not, side, values };
        [
            term("host", false, Either, Addresses(&self.host)),
            term("net", false, Either, Addresses(&self.net)),
            term("src", false, Source, Addresses(&self.src)),
            term("dst", false, Destination, Addresses(&self.dst)),
            term("port", false, Either, Ports(&self.port)),
            term("src_port", false, Source, Ports(&self.src_port)),
            term("dst_port", false, Destination, Ports(&self.dst_port)),
            term("proto", false, Either, Protocols(&self.proto)),
            term("not_host", true, Either, Addresses(&self.not_host)),
            term("not_net", true, Either, Addresses(&self.not_net)),
            term("not_src", true, Source, Addresses(&self.not_src)),
            term("not_dst", true, Destination, Addresses(&self.not_dst)),
            term("not_port", true, Either, Ports(&self.not_port)),
            term("not_src_port", true, Source, Ports(&self.not_src_port)),
            term("not_dst_port", true, Destination, Ports(&self.not_dst_port)),
            term("not_proto", true, Either, Protocols(&self.not_proto)),
        ]
        .into_iter()
        .filter(|term| !term.values.is_empty())
    }
}

/// Where the values of a term go.
enum Slot<'a> {
    Addresses(&'a mut Vec<Block>),
    Ports(&'a mut Vec<Range>),
    Protocols(&'a mut Vec<Protocol>),
}

impl Slot<'_> {
    fn push(&mut self, value: &str) -> Result<(), Error> {
        match self {
            Self::Addresses(blocks) => blocks.push(block(value)?),
            Self::Ports(ranges) => ranges.push(value.parse()?),
            Self::Protocols(protocols) => protocols.push(value.parse()?),
        }
        Ok(())
    }
}

/// One option with its values.
#[derive(Clone, Copy)]
struct Term<'a> {
    key: &'static str,
    not: bool,
    side: Side,
    values: Values<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Either,
    Source,
    Destination,
}

#[derive(Clone, Copy)]
enum Values<'a> {
    Addresses(&'a [Block]),
    Ports(&'a [Range]),
    Protocols(&'a [Protocol]),
}

impl Term<'_> {
    fn is_met_by(&self, tuple: &Tuple) -> bool {
        let source = || self.values.include(tuple.source, tuple.protocol);
        let destination = || self.values.include(tuple.destination, tuple.protocol);
        match self.side {
            Side::Either => source() || destination(),
            Side::Source => source(),
            Side::Destination => destination(),
        }
    }

    fn is_met_at(&self, destination: Endpoint, protocol: u8) -> bool {
        self.side != Side::Source && self.values.include(destination, protocol)
    }
}

impl Values<'_> {
    fn is_empty(self) -> bool {
        match self {
            Self::Addresses(blocks) => blocks.is_empty(),
            Self::Ports(ranges) => ranges.is_empty(),
            Self::Protocols(protocols) => protocols.is_empty(),
        }
    }

    fn include(self, end: Endpoint, protocol: u8) -> bool {
        match self {
            Self::Addresses(blocks) => any_contains(blocks, end.address),
            Self::Ports(ranges) => ranges.iter().any(|range| range.contains(end.port)),
            Self::Protocols(protocols) => protocols.contains(&Protocol(protocol)),
        }
    }
}

/// Whether one of `blocks` contains `address`.
pub(crate) fn any_contains(blocks: &[Block], address: Address) -> bool {
    blocks.iter().any(|block| block.contains(address))
}

/// In words: `source 10.128.0.5, destination port 80 or 443, not protocol udp`.
impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("every flow");
        }
        for (at, term) in self.terms().enumerate() {
            f.write_str(if at == 0 { "" } else { ", " })?;
            term.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Term<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (not, name) = match self.key.strip_prefix("not_") {
            Some(name) => ("not ", name),
            None => ("", self.key),
        };
        let words = match name {
            "src" => "source",
            "dst" => "destination",
            "src_port" => "source port",
            "dst_port" => "destination port",
            "proto" => "protocol",
            name => name,
        };
        write!(f, "{not}{words} ")?;
        match self.values {
            Values::Addresses(blocks) => either(f, blocks),
            Values::Ports(ranges) => either(f, ranges),
            Values::Protocols(protocols) => either(f, protocols),
        }
    }
}

fn either(f: &mut fmt::Formatter<'_>, values: &[impl fmt::Display]) -> fmt::Result {
    for (at, value) in values.iter().enumerate() {
        f.write_str(if at == 0 { "" } else { " or " })?;
        value.fmt(f)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
