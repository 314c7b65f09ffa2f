//! The flat form of a composition that options and the `to:` of an expectation have: a list of terms by their keys.
//!
//! Values of one key are joined by *or*, different keys by *and*, and a `not_` form excludes. What that means for flows
//! and destinations is the business of [`Composition`].

use std::fmt;

use crate::filter::composition::Composition;
use crate::filter::term::{KEYS, Side, Term, split};
use crate::net::{Block, Endpoint};

pub use crate::filter::term::Error;

/// Which flows; empty is all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// In the order of their keys, those that exclude last; each key once.
    said: Vec<Said>,
    /// The same as a tree.
    composition: Composition,
}

/// One key with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    is_not: bool,
    /// Its place in [`KEYS`].
    key: usize,
    term: Term,
}

impl Selection {
    pub fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    /// Whether this speaks about a flow that went `first` there, and on the wire `then`, where that was seen: see
    /// [`Composition::covers_destination`].
    pub fn covers_destination(&self, first: Endpoint, then: Option<Endpoint>, protocol: u8) -> bool {
        self.composition.covers_destination(first, then, protocol)
    }

    pub fn composition(&self) -> &Composition {
        &self.composition
    }

    /// The first term that speaks about sources, by its key: it makes no sense in a `to`.
    pub fn source_term(&self) -> Option<&'static str> {
        let is_of_sources = |said: &&Said| said.term.side() == Side::Source;
        self.said.iter().find(is_of_sources).map(|said| match (said.is_not, KEYS[said.key]) {
            (false, key) => key,
            (true, "src") => "not_src",
            (true, _) => "not_src_port",
        })
    }

    /// The addresses that `dst` has.
    pub fn destinations(&self) -> &[Block] {
        let blocks = self.said.iter().find_map(|said| match &said.term {
            Term::Address(Side::Destination, blocks) if !said.is_not => Some(blocks.as_slice()),
            _ => None,
        });
        blocks.unwrap_or_default()
    }

    /// Each key with its values, as they could be typed.
    pub fn written(&self) -> Vec<(String, Vec<String>)> {
        let not = |said: &Said| if said.is_not { "not_" } else { "" };
        let written = |said: &Said| (format!("{}{}", not(said), KEYS[said.key]), said.term.values());
        self.said.iter().map(written).collect()
    }

    /// The values that a key has.
    pub fn values(&self, key: &str) -> Vec<String> {
        self.written().into_iter().find(|(name, _)| name == key).map(|(_, values)| values).unwrap_or_default()
    }

    /// Adds the values of `typed`, separated by commas, to the term `key`: `dst_port`, `not_dst`, …
    pub fn add(&mut self, key: &str, typed: &str) -> Result<(), Error> {
        let unknown = || Error::UnknownKey { key: key.to_owned() };
        let (is_not, name) = split(key);
        let number = KEYS.iter().position(|known| *known == name).ok_or_else(unknown)?;
        let mut term = Term::named(name).ok_or_else(unknown)?;
        match self.said.binary_search_by_key(&(is_not, number), |said| (said.is_not, said.key)) {
            Ok(at) => self.said[at].term.extend(typed)?,
            Err(at) => {
                term.extend(typed)?;
                self.said.insert(at, Said { is_not, key: number, term });
            }
        }
        self.composition = Composition::All(self.said.iter().map(Said::composition).collect());
        Ok(())
    }
}

impl Said {
    fn composition(&self) -> Composition {
        let term = Composition::from(self.term.clone());
        if self.is_not { term.negated() } else { term }
    }
}

/// In words: `source 10.128.0.5, destination port 80 or 443, not protocol udp`.
impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("every flow");
        }
        for (at, said) in self.said.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { ", " })?;
            f.write_str(if said.is_not { "not " } else { "" })?;
            said.term.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
