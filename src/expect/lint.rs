//! What is wrong with a cluster's objects, said before a packet flows.
//!
//! 1. What is looked for is a closed list of [`Rule`]s, each with an id.
//! 2. A finding names the object, its file and line, what comes of it on the wire, and what to do.
//! 3. Nothing is concluded from objects that were not given. A rule that needs them is told as [unchecked](Report::unchecked),
//!    and is no finding; a value of an object at hand that comes from elsewhere is one, of severity unknown.
//! 4. Order is that of files and lines: the same objects give the same report.

mod address;
mod denial;
mod downward;
mod egress_ip;
mod given;
mod placement;
mod reach;
mod router;
pub mod rule;
mod service;
mod written;

use crate::expect::derive::{Assumed, Derived};
use crate::net::Endpoint;
use crate::objects::{Id, Objects, Place};
use crate::text::plain;

use given::Given;
pub use rule::{Rule, Severity};

/// All that was found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub findings: Vec<Finding>,
    pub unchecked: Vec<Unchecked>,
}

/// Something wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub rule: Rule,
    pub severity: Severity,
    pub object: Id,
    pub at: Place,
    /// Whether it is about the text at that column, and not about the object as a whole.
    pub is_about_text: bool,
    /// What is wrong, with the values.
    pub says: String,
    pub fix: String,
    /// Other places that have a part in it.
    pub also: Vec<Mention>,
}

/// Another place, and what is written there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mention {
    pub says: String,
    pub at: Place,
}

/// What could not be looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unchecked {
    pub rules: Vec<Rule>,
    /// The objects that it takes, and how to get them.
    pub missing: &'static str,
}

/// A destination that traffic is meant for, by whoever says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    pub to: Endpoint,
    pub protocol: u8,
}

impl Finding {
    fn new(rule: Rule, object: &Id, at: &Place, says: String, fix: impl Into<String>) -> Self {
        Self {
            rule,
            severity: rule.severity(),
            object: object.clone(),
            at: at.clone(),
            is_about_text: false,
            says,
            fix: fix.into(),
            also: Vec::new(),
        }
    }

    /// Labels, names of containers and the like may be anything.
    fn clean(&mut self) {
        for text in [&mut self.says, &mut self.fix] {
            *text = plain(text);
        }
        for mention in &mut self.also {
            mention.says = plain(&mention.says);
        }
    }

    fn also(mut self, says: impl Into<String>, at: &Place) -> Self {
        self.also.push(Mention { says: says.into(), at: at.clone() });
        self
    }
}

impl Report {
    /// The worst that was found.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).min()
    }
}

/// Looks for everything that may be wrong; `meant` are destinations that are known beside those of routers.
pub fn lint(objects: &Objects, derived: &Derived, assumed: &Assumed, meant: &[Destination]) -> Report {
    let given = Given::new(objects, derived, assumed, meant);
    let mut report = Report::default();
    for look in [
        written::look,
        router::look,
        address::look,
        service::look,
        placement::look,
        egress_ip::look,
        denial::look,
        reach::look,
        downward::look,
    ] {
        look(&given, &mut report);
    }
    report.findings.sort_by(|a, b| (&a.at, a.rule, &a.says).cmp(&(&b.at, b.rule, &b.says)));
    report.findings.dedup();
    report.findings.iter_mut().for_each(Finding::clean);
    report
}

#[cfg(test)]
mod tests;
