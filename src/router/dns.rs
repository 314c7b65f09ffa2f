//! `EGRESS_DNS_PROXY_DESTINATION`: what the router's TCP proxy (haproxy) forwards.
//!
//! ```text
//! line   := nothing | '#' anything | PORT SP+ target [SP+ PORT]
//! target := four numbers with dots | a name with at least one dot
//! ```
//!
//! TCP alone; a name's addresses are those that DNS gives at the time.

use std::collections::HashSet;

use super::lines::lines;
use super::{Cause, Doubt, Port, Quad, Refusal, Spot, is_number};

/// The variable.
pub const VARIABLE: &str = "EGRESS_DNS_PROXY_DESTINATION";

/// A port that is forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub local: Port,
    /// A name, or an address.
    pub target: String,
    /// The local one, where none is written.
    pub port: Option<Port>,
    pub at: Spot,
}

impl Rule {
    /// What the script accepts and the proxy does not, or not as meant.
    pub fn doubts(&self) -> Vec<Doubt> {
        let mut doubts = Vec::new();
        let mut doubt = |what: String| doubts.push(Doubt { what, at: self.at });
        if Quad::is(&self.target) && Quad(self.target.clone()).address().is_none() {
            doubt(format!("`{}` is not an address", self.target));
        }
        for port in [Some(&self.local), self.port.as_ref()].into_iter().flatten() {
            if port.number().is_none() {
                doubt(format!("`{port}` is not a port that everything reads alike"));
            }
        }
        doubts
    }
}

/// What the script makes of the variable's value, or what it says instead.
pub fn parse(value: &str) -> Result<Vec<Rule>, Refusal> {
    let (rules, refusals) = check(value);
    refusals.into_iter().next().map_or(Ok(rules), Err)
}

/// Every rule that the script would accept, and every line that it would refuse, the first of which ends it.
pub fn check(value: &str) -> (Vec<Rule>, Vec<Refusal>) {
    let mut rules = Vec::new();
    let mut refusals = Vec::new();
    let mut used = HashSet::new();
    let refusal = |says: String, at, cause| Refusal { variable: VARIABLE, says, at, cause };
    if value.is_empty() {
        refusals.push(refusal(format!("Must specify {VARIABLE}"), Spot::default(), Cause::Missing));
    }
    for line in lines(value) {
        let text = line.text.as_str();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let at = line.spot(0);
        let fields: Vec<&str> = text.split(' ').filter(|field| !field.is_empty()).collect();
        let is_whole = !text.starts_with(' ') && !text.ends_with(' ');
        let rule = match fields[..] {
            [local, target] => Some((local, target, None)),
            [local, target, port] => Some((local, target, Some(port))),
            _ => None,
        };
        let rule = rule.filter(|(local, target, port)| {
            is_whole && is_number(local) && is_target(target) && port.is_none_or(is_number)
        });
        let Some((local, target, port)) = rule else {
            let (cause, byte) = why(text);
            refusals.push(refusal(format!("Bad destination '{text}'"), line.spot(byte), cause));
            continue;
        };
        let rule = Rule {
            local: Port(local.to_owned()),
            target: target.to_owned(),
            port: port.map(|port| Port(port.to_owned())),
            at,
        };
        let bad = rule.port.iter().chain([&rule.local]).find(|port| !port.passes());
        if let Some(port) = bad {
            let says = format!("Invalid port: {port}, must be in the range 1 to 65535");
            refusals.push(refusal(says, at, Cause::Port));
        } else if !used.insert(local.to_owned()) {
            let says = format!("Proxy port {local} already used, must be unique for each destination");
            refusals.push(refusal(says, at, Cause::Duplicate));
        } else {
            rules.push(rule);
        }
    }
    (rules, refusals)
}

fn is_target(typed: &str) -> bool {
    Quad::is(typed) || is_name(typed)
}

/// A letter or digit, letters, digits and hyphens, a dot, and at least one more of all these.
fn is_name(typed: &str) -> bool {
    let Some((label, rest)) = typed.split_once('.') else { return false };
    label.starts_with(|c: char| c.is_ascii_alphanumeric())
        && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !rest.is_empty()
        && rest.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
}

fn why(text: &str) -> (Cause, usize) {
    let fields: Vec<&str> = text.split(' ').filter(|field| !field.is_empty()).collect();
    let has_protocol =
        fields.get(1).is_some_and(|word| matches!(word.to_lowercase().as_str(), "tcp" | "udp"));
    match super::destination::why(text) {
        (cause @ (Cause::CarriageReturn | Cause::InlineComment | Cause::Tab), at) => (cause, at),
        _ if has_protocol => (Cause::Protocol, text.find(' ').map_or(0, |at| at + 1)),
        _ => (Cause::Unknown, 0),
    }
}
