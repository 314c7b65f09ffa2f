//! `EGRESS_HTTP_PROXY_DESTINATION`: where the router's HTTP proxy (squid, on port 8080) lets clients go.
//!
//! ```text
//! line := nothing | '#' anything | 'w'* | '*' | ['!'] rest
//! rest := ADDRESS ['/' digits] | '*.' HOST | HOST      ADDRESS := hexadecimal digits, dots and colons, and one of these two
//! ```
//!
//! The first rule that fits decides; where none does, a final `*` allows and its absence denies. Lines of nothing but the
//! letter w are skipped, because the script's pattern for blank lines means that. A name of hexadecimal digits
//! (`cafe.de`) is taken for an address.

use super::lines::lines;
use super::{Cause, Refusal, Spot};

/// The variable.
pub const VARIABLE: &str = "EGRESS_HTTP_PROXY_DESTINATION";

/// The port that clients use the proxy at.
pub const PORT: u16 = 8080;

/// What clients may go to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    pub rules: Vec<Rule>,
    /// Whether what no rule speaks about is allowed.
    pub allows_all: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub is_allowed: bool,
    pub to: To,
    pub at: Spot,
}

/// What squid compares with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// `dst`, as it is written.
    Address(String),
    /// `dstdomain` of exactly that host.
    Host(String),
    /// `dstdomain` of all below; begins with a dot.
    Domain(String),
}

impl Rules {
    /// What the script makes of the variable's value, or what it says instead.
    pub fn parse(value: &str) -> Result<Self, Refusal> {
        let (rules, refusals) = Self::check(value);
        refusals.into_iter().next().map_or(Ok(rules), Err)
    }

    /// Every rule that the script would accept, and every line that it would refuse, the first of which ends it.
    pub fn check(value: &str) -> (Self, Vec<Refusal>) {
        let mut rules = Self::default();
        let mut refusals = Vec::new();
        let refusal = |says: String, at, cause| Refusal { variable: VARIABLE, says, at, cause };
        if value.is_empty() {
            refusals.push(refusal(format!("No {VARIABLE} specified"), Spot::default(), Cause::Missing));
        }
        for line in lines(value) {
            let text = line.text.as_str();
            if text.starts_with('#') || text.bytes().all(|byte| byte == b'w') {
                continue;
            }
            let at = line.spot(0);
            if rules.allows_all {
                refusals.push(refusal(
                    "Wildcard must be last rule, if present".to_owned(),
                    at,
                    Cause::NotLast,
                ));
                continue;
            }
            if text == "*" {
                rules.allows_all = true;
                continue;
            }
            let (is_allowed, rest) = match text.strip_prefix('!') {
                Some(rest) => (false, rest),
                None => (true, text),
            };
            if let Some(to) = To::parse(rest) {
                rules.rules.push(Rule { is_allowed, to, at });
            } else {
                let (cause, byte) = why(rest);
                let at = line.spot(byte + text.len() - rest.len());
                refusals.push(refusal(format!("Bad destination '{rest}'"), at, cause));
            }
        }
        (rules, refusals)
    }
}

impl To {
    fn parse(rest: &str) -> Option<Self> {
        if is_address(rest) {
            return Some(Self::Address(rest.to_owned()));
        }
        match rest.strip_prefix("*.") {
            Some(host) if is_host(host) => Some(Self::Domain(format!(".{host}"))),
            None if is_host(rest) => Some(Self::Host(rest.to_owned())),
            _ => None,
        }
    }
}

/// Hexadecimal digits, dots and colons, of which one of the latter two is not the last; perhaps with a prefix length.
fn is_address(typed: &str) -> bool {
    let (address, prefix) = match typed.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (typed, None),
    };
    let is_of = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':');
    let mark = address.find(['.', ':']);
    prefix.is_none_or(super::is_number)
        && address.chars().all(is_of)
        && mark.is_some_and(|mark| mark + 1 < address.len())
}

/// A letter or digit, and at least one more of these, dots and hyphens.
fn is_host(typed: &str) -> bool {
    typed.len() > 1
        && typed.starts_with(|c: char| c.is_ascii_alphanumeric())
        && typed.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
}

fn why(rest: &str) -> (Cause, usize) {
    if rest.ends_with('\r') {
        return (Cause::CarriageReturn, rest.len() - 1);
    }
    rest.find('#').map_or((Cause::Unknown, 0), |at| (Cause::InlineComment, at))
}
