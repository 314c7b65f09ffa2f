//! The routers that end connections and open their own: what squid lets through, and what haproxy forwards.
//!
//! squid compares what a client asks for with the rules in their order; the first that fits decides, and the last one is about
//! everything. A client may ask for a name or for an address. Where it asks for one and a rule is about the other, squid asks
//! DNS; what that answers no object tells, so such a rule leaves the answer open, unless what comes behind it says the same.

use std::fmt;

use super::{Place, Router};
use crate::net::{Address, Block};
use crate::router::http::{self, To};
use crate::router::{Mode, dns};

/// What an HTTP proxy lets through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gate {
    pub rules: Vec<GateRule>,
    /// The final `*`.
    pub allows_all: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateRule {
    pub is_allowed: bool,
    pub to: To,
    pub at: Place,
}

/// What a TCP proxy forwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    pub local: u16,
    /// A name, or an address.
    pub target: String,
    pub port: u16,
    pub at: Place,
}

/// What a client asks a proxy for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked<'a> {
    Address(Address),
    Name(&'a str),
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage<'a> {
    pub is_allowed: bool,
    /// The rule that decides; `None` is the end of the list.
    pub by: Option<&'a GateRule>,
    /// Rules before that one that say the contrary and may fit: DNS tells.
    pub open: Vec<&'a GateRule>,
}

impl Gate {
    pub(super) fn of(rules: &http::Rules, place: impl Fn(crate::router::Spot) -> Place) -> Self {
        let rule = |rule: &http::Rule| GateRule {
            is_allowed: rule.is_allowed,
            to: rule.to.clone(),
            at: place(rule.at),
        };
        Self { rules: rules.rules.iter().map(rule).collect(), allows_all: rules.allows_all }
    }

    /// What becomes of a client that asks for this.
    pub fn passage(&self, asked: Asked<'_>) -> Passage<'_> {
        let mut perhaps: Vec<&GateRule> = Vec::new();
        let mut by = None;
        for rule in &self.rules {
            match rule.fits(asked) {
                Some(true) => {
                    by = Some(rule);
                    break;
                }
                Some(false) => {}
                None => perhaps.push(rule),
            }
        }
        let is_allowed = by.map_or(self.allows_all, |rule| rule.is_allowed);
        perhaps.retain(|rule| rule.is_allowed != is_allowed);
        Passage { is_allowed, by, open: perhaps }
    }
}

impl GateRule {
    /// `None` where DNS decides.
    fn fits(&self, asked: Asked<'_>) -> Option<bool> {
        match (&self.to, asked) {
            (To::Address(typed), Asked::Address(address)) => {
                // What is no address is taken for a name, and its addresses are asked for.
                typed.parse::<Block>().ok().map(|block| block.contains(address))
            }
            (To::Host(host), Asked::Name(name)) => Some(host.eq_ignore_ascii_case(name)),
            // `.partner.example` is about the domain itself, too.
            (To::Domain(domain), Asked::Name(name)) => {
                let (domain, name) = (domain.to_ascii_lowercase(), name.to_ascii_lowercase());
                Some(name.ends_with(&domain) || name == domain[1..])
            }
            (To::Address(_), Asked::Name(_)) | (To::Host(_) | To::Domain(_), Asked::Address(_)) => None,
        }
    }
}

impl Forward {
    pub(super) fn of(rule: &dns::Rule, at: Place) -> Option<Self> {
        let local = rule.local.number()?;
        let port = rule.port.as_ref().map_or(Some(local), crate::router::Port::number)?;
        Some(Self { local, target: rule.target.clone(), port, at })
    }

    /// The address that it is written with; of a name DNS tells them.
    pub fn address(&self) -> Option<Address> {
        self.target.parse::<std::net::Ipv4Addr>().ok().map(|address| std::net::IpAddr::from(address).into())
    }
}

impl Router {
    /// Whether its connections are its own: no client's are redirected.
    pub fn is_proxy(&self) -> bool {
        self.mode.is_some_and(|mode| !mode.redirects())
    }

    /// Where the proxy's clients ask for it.
    pub fn proxy_port(&self) -> Option<u16> {
        (self.mode == Some(Mode::HttpProxy)).then_some(http::PORT)
    }
}

/// In the words of the list: `!*.partner.example`.
impl fmt::Display for GateRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_allowed { "" } else { "!" })?;
        f.write_str(&destination(&self.to))
    }
}

/// As it is written in the list: `203.0.113.0/24`, `api.partner.example`, `*.partner.example`.
pub fn destination(to: &To) -> String {
    match to {
        To::Address(typed) | To::Host(typed) => typed.clone(),
        To::Domain(domain) => format!("*{domain}"),
    }
}

/// `api.partner.example:443`
impl fmt::Display for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.target, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(value: &str) -> Gate {
        let place =
            |spot: crate::router::Spot| Place { file: "a.yaml".into(), line: spot.line + 1, column: 1 };
        Gate::of(&http::Rules::parse(value).expect("a list"), place)
    }

    /// `allowed`, `denied`, and whether DNS may tell otherwise.
    fn told(value: &str, typed: &str) -> String {
        let gate = gate(value);
        let address = typed.parse::<std::net::IpAddr>().ok();
        let asked = address.map_or(Asked::Name(typed), |ip| Asked::Address(ip.into()));
        let passage = gate.passage(asked);
        let word = if passage.is_allowed { "allowed" } else { "denied" };
        let by = passage.by.map_or("the end".to_owned(), |rule| format!("line {}", rule.at.line));
        let open: Vec<String> = passage.open.iter().map(ToString::to_string).collect();
        let open = if open.is_empty() { String::new() } else { format!(", unless {}", open.join(" or ")) };
        format!("{word} by {by}{open}")
    }

    /// (list, what a client asks for, what becomes of it)
    const ROWS: &[(&str, &str, &str)] = &[
        ("*", "api.partner.example", "allowed by the end"),
        ("*", "203.0.113.25", "allowed by the end"),
        ("api.partner.example", "api.partner.example", "allowed by line 1"),
        ("api.partner.example", "API.Partner.Example", "allowed by line 1"),
        ("api.partner.example", "mq.partner.example", "denied by the end"),
        ("api.partner.example", "www.api.partner.example", "denied by the end"),
        ("*.partner.example", "api.partner.example", "allowed by line 1"),
        ("*.partner.example", "partner.example", "allowed by line 1"),
        ("*.partner.example", "otherpartner.example", "denied by the end"),
        // The first that fits decides.
        ("!api.partner.example\n*.partner.example", "api.partner.example", "denied by line 1"),
        ("!api.partner.example\n*.partner.example", "mq.partner.example", "allowed by line 2"),
        ("*.partner.example\n!api.partner.example", "api.partner.example", "allowed by line 1"),
        ("!192.0.2.0/24\n*", "192.0.2.7", "denied by line 1"),
        ("!192.0.2.0/24\n*", "203.0.113.25", "allowed by the end"),
        ("192.0.2.7\n!192.0.2.0/24\n*", "192.0.2.7", "allowed by line 1"),
        // Nothing but denials denies everything.
        ("!192.0.2.1", "203.0.113.25", "denied by the end"),
        ("203.0.113.0/24", "203.0.113.25", "allowed by line 1"),
        ("203.0.113.0/24", "198.51.100.1", "denied by the end"),
        ("2001:db8::/32", "2001:db8::1", "allowed by line 1"),
        // What DNS tells.
        ("203.0.113.0/24", "api.partner.example", "denied by the end, unless 203.0.113.0/24"),
        ("!203.0.113.0/24\n*", "api.partner.example", "allowed by the end, unless !203.0.113.0/24"),
        ("*.partner.example", "203.0.113.25", "denied by the end, unless *.partner.example"),
        ("*.partner.example\n*", "203.0.113.25", "allowed by the end"),
        (
            "!*.partner.example\n203.0.113.0/24",
            "203.0.113.25",
            "allowed by line 2, unless !*.partner.example",
        ),
        ("203.0.113.25\n!*.partner.example", "203.0.113.25", "allowed by line 1"),
        // A name of hexadecimal digits is an address to the script, and squid asks DNS for it.
        ("cafe.de", "cafe.de", "denied by the end, unless cafe.de"),
        ("cafe.de", "203.0.113.25", "denied by the end, unless cafe.de"),
        ("www\n*", "www.partner.example", "allowed by the end"),
    ];

    #[test]
    fn the_first_rule_that_fits_decides_and_the_end_of_the_list_for_the_rest() {
        for (value, asked, expected) in ROWS {
            assert_eq!(told(value, asked), *expected, "{value:?} {asked}");
        }
    }

    #[test]
    fn a_port_is_forwarded_to_a_name_or_an_address() {
        let rules = dns::parse("80 api.partner.example\n8443 203.0.113.26 443").expect("rules");
        let place = Place { file: "a.yaml".into(), line: 1, column: 1 };
        let all: Vec<Forward> = rules.iter().filter_map(|rule| Forward::of(rule, place.clone())).collect();
        let shown: Vec<String> = all.iter().map(|one| format!("{} → {one}", one.local)).collect();
        assert_eq!(shown, ["80 → api.partner.example:80", "8443 → 203.0.113.26:443"]);
        assert!(all[0].address().is_none() && all[1].address().is_some());
    }
}
