//! The one tree behind options, presets, trailing expressions and policy files: terms, joined by *and*, *or* and *not*.
//!
//! What a term means depends on what is asked about.
//! 1. **A flow** ([`Composition::matches`]). NAT gives it several tuples: a term is met if *some* tuple meets it, and not
//!    all terms need the same. `src POD and dst PARTNER` selects a flow that no single packet describes; `not` excludes
//!    a flow of which *any* tuple meets the term. What only frames show is met if any of the flow's frames showed it.
//! 2. **A frame** ([`Composition::matches_packet`]). It has several pairs of ends, too: those of its tunnels, those
//!    inside, and those of the packet that an ICMP error quotes. Again some of them must meet the term.
//! 3. **A destination** ([`Composition::covers_destination`]), which is what `to:` in a policy file speaks about: one end
//!    alone, at two moments, and one of these must meet all that is said.

pub mod marks;
mod sight;

use std::fmt;

use crate::filter::sign::Sign;
use crate::filter::term::{Side, Term};
use crate::frame::Frame;
use crate::net::{Block, Endpoint};
use crate::packet::Packet;

use sight::Sight;

/// Which traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Composition {
    Term(Term),
    /// Each of these; without any, everything.
    All(Vec<Composition>),
    /// At least one of these; without any, nothing.
    Any(Vec<Composition>),
    Not(Box<Composition>),
}

/// One of a flow's tuples, in the direction of its origin's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuple {
    pub source: Endpoint,
    pub destination: Endpoint,
    pub protocol: u8,
}

/// Everything.
impl Default for Composition {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl From<Term> for Composition {
    fn from(term: Term) -> Self {
        Self::Term(term)
    }
}

impl Composition {
    /// What meets both; of everything and another, the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let mut parts = Vec::new();
        for part in [self, other] {
            match part {
                Self::All(inner) => parts.extend(inner),
                part => parts.push(part),
            }
        }
        if parts.len() == 1 { parts.swap_remove(0) } else { Self::All(parts) }
    }

    /// What does not meet this.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Whether nothing is asked.
    pub fn is_everything(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(Self::is_everything),
            Self::Term(_) | Self::Any(_) | Self::Not(_) => false,
        }
    }

    /// Whether it holds where `meets` says which terms are met.
    pub fn holds(&self, meets: &mut dyn FnMut(&Term) -> bool) -> bool {
        self.holds_by_sign(true, &mut |term, _| meets(term))
    }

    /// Whether a flow with these tuples, all that it has, is selected; `marks` are those of its frames together, as
    /// [`Composition::frame_terms`] numbers them.
    pub fn matches(&self, tuples: &[Tuple], marks: u32) -> bool {
        let mut numbered = None;
        self.holds(&mut |term| {
            if term.is_of_frames() {
                let numbered = numbered.get_or_insert_with(|| self.frame_terms());
                let number = numbered.iter().position(|known| *known == term);
                number.is_some_and(|number| marks >> number & 1 == 1)
            } else {
                tuples.iter().any(|tuple| term.is_met_by(tuple))
            }
        })
    }

    /// Whether one frame, of which `packet` was understood, is selected by itself.
    pub fn matches_packet(&self, packet: &Packet, frame: &Frame<'_>) -> bool {
        let sight = Sight::of(packet, frame);
        self.holds(&mut |term| sight.meets(term))
    }

    /// Whether this speaks about a flow that went `first` there, and on the wire `then`, where that was seen.
    ///
    /// One of the two must meet every term; neither may meet one behind a `not`. What speaks about sources is never met:
    /// a `to` refuses such terms.
    pub fn covers_destination(&self, first: Endpoint, then: Option<Endpoint>, protocol: u8) -> bool {
        let ends: &[Endpoint] = &[first, then.unwrap_or(first)];
        let meets = |term: &Term, end| term.side() != Side::Source && term.is_met_at(end, protocol);
        ends.iter().any(|end| {
            self.holds_by_sign(true, &mut |term, is_positive| {
                if is_positive { meets(term, *end) } else { ends.iter().any(|end| meets(term, *end)) }
            })
        })
    }

    /// [`Composition::holds`], where a term may mean something else behind a `not`.
    fn holds_by_sign(&self, is_positive: bool, meets: &mut dyn FnMut(&Term, bool) -> bool) -> bool {
        match self {
            Self::Term(term) => meets(term, is_positive),
            Self::All(parts) => parts.iter().all(|part| part.holds_by_sign(is_positive, meets)),
            Self::Any(parts) => parts.iter().any(|part| part.holds_by_sign(is_positive, meets)),
            Self::Not(part) => !part.holds_by_sign(!is_positive, meets),
        }
    }

    /// The first term that no flow can meet: ARP and neighbour discovery belong to none.
    pub fn flowless_term(&self) -> Option<&Term> {
        self.terms().into_iter().find(|term| match term {
            Term::Neighbour(_) => true,
            Term::Shows(signs) => signs.iter().all(|sign| matches!(sign, Sign::Arp | Sign::Nd)),
            _ => false,
        })
    }

    /// Every term, in the order in which they were said.
    pub fn terms(&self) -> Vec<&Term> {
        let mut terms = Vec::new();
        self.gather(&mut terms);
        terms
    }

    fn gather<'a>(&'a self, terms: &mut Vec<&'a Term>) {
        match self {
            Self::Term(term) => terms.push(term),
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.gather(terms)),
            Self::Not(part) => part.gather(terms),
        }
    }

    /// Lists of addresses, of each of which a flow must show one to be selected.
    pub fn needed_addresses(&self) -> Vec<Vec<Block>> {
        match self {
            Self::Term(Term::Address(_, blocks)) => vec![blocks.clone()],
            Self::Term(Term::Matches(expression)) => {
                expression.needed_addresses().into_iter().map(|block| vec![block]).collect()
            }
            Self::All(parts) => parts.iter().flat_map(Self::needed_addresses).collect(),
            Self::Any(parts) if parts.len() == 1 => parts[0].needed_addresses(),
            Self::Term(_) | Self::Any(_) | Self::Not(_) => Vec::new(),
        }
    }

    /// The terms that only a frame can meet, each once: their places in this list are their numbers as marks.
    pub fn frame_terms(&self) -> Vec<&Term> {
        let mut found: Vec<&Term> = Vec::new();
        for term in self.terms() {
            if term.is_of_frames() && !found.contains(&term) {
                found.push(term);
            }
        }
        found
    }

    /// The tree in words, a line a part, each as deep as it lies.
    pub fn outline(&self) -> Vec<(usize, String)> {
        let mut lines = Vec::new();
        self.outline_at(0, &mut lines);
        lines
    }

    fn outline_at(&self, depth: usize, lines: &mut Vec<(usize, String)>) {
        let (word, parts) = match self {
            Self::Term(term) => return lines.push((depth, term.to_string())),
            Self::All(parts) if parts.is_empty() => return lines.push((depth, "everything".to_owned())),
            Self::Any(parts) if parts.is_empty() => return lines.push((depth, "nothing".to_owned())),
            Self::All(parts) | Self::Any(parts) if parts.len() == 1 => {
                return parts[0].outline_at(depth, lines);
            }
            Self::Not(part) => match &**part {
                Self::Term(term) => return lines.push((depth, format!("not {term}"))),
                part => ("not", std::slice::from_ref(part)),
            },
            Self::All(parts) => ("all of", parts.as_slice()),
            Self::Any(parts) => ("any of", parts.as_slice()),
        };
        lines.push((depth, word.to_owned()));
        for part in parts {
            part.outline_at(depth + 1, lines);
        }
    }
}

/// In one line: `source 10.128.0.5 and not (protocol udp or protocol icmp)`.
impl fmt::Display for Composition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Self], word: &str| {
            for (at, part) in parts.iter().enumerate() {
                f.write_str(if at == 0 { "" } else { word })?;
                match part {
                    Self::All(inner) | Self::Any(inner) if inner.len() > 1 => write!(f, "({part})")?,
                    part => part.fmt(f)?,
                }
            }
            Ok(())
        };
        match self {
            Self::Term(term) => term.fmt(f),
            Self::All(parts) if parts.is_empty() => f.write_str("everything"),
            Self::Any(parts) if parts.is_empty() => f.write_str("nothing"),
            Self::All(parts) => joined(f, parts, " and "),
            Self::Any(parts) => joined(f, parts, " or "),
            Self::Not(part) => match &**part {
                Self::Term(term) => write!(f, "not {term}"),
                part => write!(f, "not ({part})"),
            },
        }
    }
}

#[cfg(test)]
mod tests;
