//! The capture filter that follows from a composition: what may be left out while capturing, and what must not.
//!
//! A pcap expression sees one frame, and of that only headers at fixed places. So the filter is
//! `kept or over(tree)`, where
//! 1. `kept` (`admission/kept.rs`) is every frame in which something may be hidden: behind a VLAN tag, in a tunnel, behind extension
//!    headers, in a later fragment, quoted in an ICMP error; and every frame too short for what is asked of it, because a
//!    program that looks beyond a frame's end says *no* to all of the expression. All other frames are *in plain sight*:
//!    one IP packet, whose headers the filter can read;
//! 2. `over(tree)` ([`Scope`]) admits all frames in plain sight that are wanted, and perhaps others. It has a dual,
//!    `under(tree)`, which admits none that is not wanted: `over(not e) = not under(e)` and `under(not e) = not over(e)`.
//!    What cannot be said is everything in `over`, and nothing in `under`.
//!
//! It is for frames that are seen whole, as the kernel sees them. To frames that a capture has cut it must not be put.

mod kept;
mod over;

use crate::filter::composition::Composition;
use crate::frame::LinkType;
use crate::net::Block;

use over::{Over, Pass};

/// What is wanted of the traffic that the composition selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Every frame of every selected flow, on all its legs. NAT changes addresses and ports on the way, so that only
    /// the protocol and what is [known](Question::unrewritten) to stay can be asked for.
    Flows,
    /// Every selected frame, each by itself.
    Frames,
}

/// For whom a capture filter is made.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub scope: Scope,
    pub link: LinkType,
    /// The kernel runs it, for which cooked frames begin with their IP header.
    pub is_live: bool,
    /// UDP ports of tunnels beside the usual ones.
    pub vxlan: &'a [u16],
    pub geneve: &'a [u16],
    /// Addresses that nothing rewrites: packets from and to them carry them, and the port beside them, on every leg.
    pub unrewritten: &'a [Block],
}

/// Frames that are let through, and why they must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    pub expression: String,
    pub why: &'static str,
    /// Whatever is asked for.
    pub is_kept: bool,
}

/// A capture filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// Joined by *or*; none, where everything must be captured.
    pub clauses: Vec<Clause>,
    /// The typed expression that each frame must match besides, where frames are asked for.
    pub typed: Option<String>,
    /// Terms of which more is let through than is selected, each with what and why.
    pub notes: Vec<Note>,
}

/// What is let through beyond a term's meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub term: String,
    pub admits: &'static str,
    pub why: &'static str,
}

impl Composition {
    /// The capture filter that lets through all that this selects.
    pub fn admission(&self, question: &Question<'_>) -> Admission {
        let mut over = Over::new(question);
        let pass = over.root(self);
        let notes = over.notes;
        let mut clauses = match pass {
            Pass::Everything => Vec::new(),
            Pass::Nothing | Pass::Text(_) => kept::kept(question).unwrap_or_default(),
        };
        if let (Pass::Text(expression), false) = (pass, clauses.is_empty()) {
            clauses.push(Clause { expression, why: "what is asked for, in plain sight", is_kept: false });
        }
        Admission { clauses, typed: over.typed, notes }
    }
}

impl Admission {
    /// The whole as one expression of pcap-filter(7); `None` is everything.
    pub fn expression(&self) -> Option<String> {
        // Each in brackets: `and` and `or` bind equally, from left to right.
        let clauses: Vec<String> =
            self.clauses.iter().map(|clause| format!("({})", clause.expression)).collect();
        let own = (!clauses.is_empty()).then(|| clauses.join(" or "));
        // What was typed may move the place where headers are looked for (`vlan`), for all that follows.
        let parts: Vec<String> = own.iter().chain(&self.typed).map(|part| format!("({part})")).collect();
        (!parts.is_empty()).then(|| parts.join(" and "))
    }
}

#[cfg(test)]
mod tests;
