//! One question of a composition: a key with its values, of which any one suffices.
//!
//! The keys are the same in options (`--dst-port`), in policy files (`dst_port`) and in presets. A term asks about
//! 1. the ends of conversations: addresses, ports, protocol. Ports are those of TCP, UDP and SCTP: what stands in for
//!    them elsewhere, as an echo's identifier does, is none;
//! 2. or what a single frame shows ([`Sign`]), or whether it matches an [`Expression`].

use std::fmt;

use crate::digest::protocol as number;
use crate::filter::address::{self, block};
use crate::filter::composition::Tuple;
use crate::filter::expression::Expression;
use crate::filter::port::{self, Range};
use crate::filter::protocol::{self, Protocol};
use crate::filter::sign::{self, Sign};
use crate::net::{Address, Block, Endpoint};

/// Which end of a conversation, or of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Either,
    Source,
    Destination,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// The address of that side lies in one of these.
    Address(Side, Vec<Block>),
    /// The address of that side lies in none of these.
    Outside(Side, Vec<Block>),
    Port(Side, Vec<Range>),
    Protocol(Vec<Protocol>),
    Shows(Vec<Sign>),
    /// ARP or neighbour discovery that speaks of one of these addresses.
    Neighbour(Vec<Block>),
    /// A frame matches it.
    Matches(Expression),
}

/// A value does not fit the key that it stands under.
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
    #[error(transparent)]
    Sign(#[from] sign::Error),
}

/// The keys of terms that options and policy files have, without their `not_`.
pub const KEYS: [&str; 8] = ["host", "net", "src", "dst", "port", "src_port", "dst_port", "proto"];

/// The keys that presets have besides.
pub const FRAME_KEYS: [&str; 4] = ["src_outside", "dst_outside", "shows", "neighbour"];

/// Whether a key excludes, and the key of its term.
pub(super) fn split(key: &str) -> (bool, &str) {
    match key.strip_prefix("not_") {
        Some(name) => (true, name),
        None => (false, key),
    }
}

impl Term {
    /// Its values, as they could be typed; none of a term that options do not have.
    pub(crate) fn values(&self) -> Vec<String> {
        fn shown<T: ToString>(values: &[T]) -> Vec<String> {
            values.iter().map(ToString::to_string).collect()
        }
        match self {
            Self::Address(_, blocks) | Self::Outside(_, blocks) | Self::Neighbour(blocks) => shown(blocks),
            Self::Port(_, ranges) => shown(ranges),
            Self::Protocol(protocols) => shown(protocols),
            Self::Shows(_) | Self::Matches(_) => Vec::new(),
        }
    }

    /// The term `key`, still without values; `None` if there is no such key.
    pub fn named(key: &str) -> Option<Self> {
        Some(match key {
            "host" | "net" => Self::Address(Side::Either, Vec::new()),
            "src" => Self::Address(Side::Source, Vec::new()),
            "dst" => Self::Address(Side::Destination, Vec::new()),
            "src_outside" => Self::Outside(Side::Source, Vec::new()),
            "dst_outside" => Self::Outside(Side::Destination, Vec::new()),
            "port" => Self::Port(Side::Either, Vec::new()),
            "src_port" => Self::Port(Side::Source, Vec::new()),
            "dst_port" => Self::Port(Side::Destination, Vec::new()),
            "proto" => Self::Protocol(Vec::new()),
            "shows" => Self::Shows(Vec::new()),
            "neighbour" => Self::Neighbour(Vec::new()),
            _ => return None,
        })
    }

    /// Where addresses go, if that is what the values are.
    pub fn blocks_mut(&mut self) -> Option<&mut Vec<Block>> {
        match self {
            Self::Address(_, blocks) | Self::Outside(_, blocks) | Self::Neighbour(blocks) => Some(blocks),
            Self::Port(..) | Self::Protocol(_) | Self::Shows(_) | Self::Matches(_) => None,
        }
    }

    /// Adds one value.
    pub fn push(&mut self, value: &str) -> Result<(), Error> {
        match self {
            Self::Address(_, blocks) | Self::Outside(_, blocks) | Self::Neighbour(blocks) => {
                blocks.push(block(value)?);
            }
            Self::Port(_, ranges) => ranges.push(value.parse()?),
            Self::Protocol(protocols) => protocols.push(value.parse()?),
            Self::Shows(signs) => signs.push(value.parse()?),
            // It is no list.
            Self::Matches(_) => {}
        }
        Ok(())
    }

    /// Adds the values of a list that is separated by commas.
    pub fn extend(&mut self, typed: &str) -> Result<(), Error> {
        for value in typed.split(',') {
            match value.trim() {
                "" => return Err(Error::Missing { typed: typed.to_owned() }),
                value => self.push(value)?,
            }
        }
        Ok(())
    }

    /// The values of a term whose values are addresses.
    pub fn blocks(&self) -> &[Block] {
        match self {
            Self::Address(_, blocks) | Self::Outside(_, blocks) | Self::Neighbour(blocks) => blocks,
            Self::Port(..) | Self::Protocol(_) | Self::Shows(_) | Self::Matches(_) => &[],
        }
    }

    /// The expression that it asks for, if that is what it does.
    pub fn expression(&self) -> Option<&Expression> {
        match self {
            Self::Matches(expression) => Some(expression),
            _ => None,
        }
    }

    /// Whether only a frame can meet it: the ends of a conversation do not tell.
    pub fn is_of_frames(&self) -> bool {
        matches!(self, Self::Shows(_) | Self::Neighbour(_) | Self::Matches(_))
    }

    /// Whether a conversation of these ends meets it; what only frames show is never met.
    pub(super) fn is_met_by(&self, tuple: &Tuple) -> bool {
        let at = |end| self.is_met_at(end, tuple.protocol);
        match self.side() {
            Side::Either => at(tuple.source) || at(tuple.destination),
            Side::Source => at(tuple.source),
            Side::Destination => at(tuple.destination),
        }
    }

    /// Whether an end meets it, whichever side it is.
    pub(super) fn is_met_at(&self, end: Endpoint, protocol: u8) -> bool {
        match self {
            Self::Address(_, blocks) => any_contains(blocks, end.address),
            Self::Outside(_, blocks) => !any_contains(blocks, end.address),
            Self::Port(_, ranges) => {
                has_ports(protocol) && ranges.iter().any(|range| range.contains(end.port))
            }
            Self::Protocol(protocols) => protocols.contains(&Protocol(protocol)),
            Self::Shows(_) | Self::Neighbour(_) | Self::Matches(_) => false,
        }
    }

    pub(super) fn side(&self) -> Side {
        match *self {
            Self::Address(side, _) | Self::Outside(side, _) | Self::Port(side, _) => side,
            Self::Protocol(_) | Self::Shows(_) | Self::Neighbour(_) | Self::Matches(_) => Side::Either,
        }
    }
}

const fn has_ports(protocol: u8) -> bool {
    matches!(protocol, number::TCP | number::UDP | number::SCTP)
}

/// Whether one of `blocks` contains `address`.
pub(crate) fn any_contains(blocks: &[Block], address: Address) -> bool {
    blocks.iter().any(|block| block.contains(address))
}

/// In words: `destination port 80 or 443`.
impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(Side::Either, blocks) if blocks.iter().any(|block| block.single().is_some()) => {
                either(f, "host", blocks)
            }
            Self::Address(Side::Either, blocks) => either(f, "net", blocks),
            Self::Address(Side::Source, blocks) => either(f, "source", blocks),
            Self::Address(Side::Destination, blocks) => either(f, "destination", blocks),
            Self::Outside(Side::Either, blocks) => either(f, "host outside", blocks),
            Self::Outside(Side::Source, blocks) => either(f, "source outside", blocks),
            Self::Outside(Side::Destination, blocks) => either(f, "destination outside", blocks),
            Self::Port(Side::Either, ranges) => either(f, "port", ranges),
            Self::Port(Side::Source, ranges) => either(f, "source port", ranges),
            Self::Port(Side::Destination, ranges) => either(f, "destination port", ranges),
            Self::Protocol(protocols) => either(f, "protocol", protocols),
            Self::Shows(signs) => either(f, "shows", signs),
            Self::Neighbour(blocks) => either(f, "ARP or neighbour discovery about", blocks),
            Self::Matches(expression) => write!(f, "`{expression}`"),
        }
    }
}

fn either(f: &mut fmt::Formatter<'_>, what: &str, values: &[impl fmt::Display]) -> fmt::Result {
    write!(f, "{what} ")?;
    for (at, value) in values.iter().enumerate() {
        f.write_str(if at == 0 { "" } else { " or " })?;
        value.fmt(f)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(key: &str, values: &str) -> Term {
        let mut term = Term::named(key).expect("a key");
        term.extend(values).expect("values");
        term
    }

    fn end(typed: &str) -> Endpoint {
        let (address, port) = typed.rsplit_once(':').expect("address:port");
        Endpoint { address: address::address(address).unwrap(), port: port.parse().unwrap() }
    }

    #[test]
    fn every_key_names_a_term() {
        assert!(KEYS.iter().chain(&FRAME_KEYS).all(|key| Term::named(key).is_some()));
        assert_eq!(Term::named("dst-port"), None);
    }

    #[test]
    fn an_identifier_that_stands_in_for_a_port_is_none() {
        let port = term("port", "443");
        assert!(port.is_met_at(end("10.128.0.5:443"), 6));
        assert!(!port.is_met_at(end("10.128.0.5:443"), 1));
    }

    #[test]
    fn what_lies_outside_of_blocks_lies_in_none_of_them() {
        let outside = term("dst_outside", "10.128.0.0/14,192.168.12.0/24");
        assert!(outside.is_met_at(end("203.0.113.25:443"), 6));
        assert!(!outside.is_met_at(end("192.168.12.11:443"), 6));
    }

    #[test]
    fn words_name_the_side_and_all_values() {
        assert_eq!(term("dst_port", "https,8000-8100").to_string(), "destination port 443 or 8000-8100");
        assert_eq!(term("net", "10.128.0.0/14").to_string(), "net 10.128.0.0/14");
        assert_eq!(term("shows", "syn,rst").to_string(), "shows syn or rst");
    }
}
