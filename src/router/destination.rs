//! `EGRESS_DESTINATION`: what the router redirects, in the modes `init` and `legacy`.
//!
//! ```text
//! line     := nothing | '#' anything | PORT SP+ PROTOCOL SP+ ADDRESS [SP+ PORT] | ADDRESS
//! PROTOCOL := 'tcp' | 'udp'          ADDRESS := four numbers with dots; SP is a space, never a tab
//! ```
//!
//! A line of an address alone is the fallback, and the last. A local port has one rule, whatever the protocol.

use std::collections::HashMap;

use super::lines::{Line, lines};
use super::{Cause, Doubt, Port, Quad, Refusal, Spot, is_number};
use crate::net::Address;

/// The variable.
pub const VARIABLE: &str = "EGRESS_DESTINATION";

/// What comes in at which port goes where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Redirections {
    pub rules: Vec<Rule>,
    /// Where everything else goes, with the port that it came to.
    pub fallback: Option<(Quad, Spot)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub local: Port,
    pub protocol: Protocol,
    pub address: Quad,
    /// The local one, where none is written.
    pub target: Option<Port>,
    pub at: Spot,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Tcp,
    Udp,
}

/// Where a packet to the router goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route<'a> {
    Rule(&'a Rule),
    Fallback(&'a Quad),
    /// Nowhere: the router's own network answers, with a reset for TCP.
    Refused,
}

impl Protocol {
    fn parse(typed: &str) -> Option<Self> {
        match typed {
            "tcp" => Some(Self::Tcp),
            "udp" => Some(Self::Udp),
            _ => None,
        }
    }

    /// The number in an IP header.
    pub fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl Rule {
    pub fn target(&self) -> &Port {
        self.target.as_ref().unwrap_or(&self.local)
    }
}

impl Redirections {
    /// What the script makes of the variable's value, or what it says instead.
    pub fn parse(value: &str) -> Result<Self, Refusal> {
        let (redirections, refusals) = Self::check(value);
        refusals.into_iter().next().map_or(Ok(redirections), Err)
    }

    /// Every rule that the script would accept, and every line that it would refuse, the first of which ends it.
    pub fn check(value: &str) -> (Self, Vec<Refusal>) {
        let mut reading = Reading::default();
        if value.is_empty() {
            reading.refuse(format!("{VARIABLE} unspecified"), Spot::default(), Cause::Missing);
        }
        for line in lines(value) {
            reading.line(&line);
        }
        (reading.redirections, reading.refusals)
    }

    /// Where a packet to this port goes: the first rule for it, else the fallback.
    pub fn route(&self, port: u16, protocol: u8) -> Route<'_> {
        let is_for = |rule: &&Rule| rule.protocol.number() == protocol && rule.local.number() == Some(port);
        match (self.rules.iter().find(is_for), &self.fallback) {
            (Some(rule), _) => Route::Rule(rule),
            (None, Some((address, _))) => Route::Fallback(address),
            (None, None) => Route::Refused,
        }
    }

    /// Every address that something is redirected to.
    pub fn addresses(&self) -> impl Iterator<Item = Address> + '_ {
        let fallback = self.fallback.iter().map(|(address, _)| address);
        self.rules.iter().map(|rule| &rule.address).chain(fallback).filter_map(Quad::address)
    }

    /// What the script accepts and iptables does not, or not as meant.
    pub fn doubts(&self) -> Vec<Doubt> {
        let mut doubts = Vec::new();
        let fallback = self.fallback.iter().map(|(address, at)| (address, *at));
        for (address, at) in self.rules.iter().map(|rule| (&rule.address, rule.at)).chain(fallback) {
            if address.address().is_none() {
                doubts.push(Doubt { what: format!("`{address}` is not an address"), at });
            }
        }
        for rule in &self.rules {
            for port in [&rule.local, rule.target()].into_iter().filter(|port| port.number().is_none()) {
                let doubt = Doubt {
                    what: format!("`{port}` is not a port that everything reads alike"),
                    at: rule.at,
                };
                if !doubts.contains(&doubt) {
                    doubts.push(doubt);
                }
            }
        }
        doubts
    }
}

#[derive(Default)]
struct Reading {
    redirections: Redirections,
    refusals: Vec<Refusal>,
    used: HashMap<String, Spot>,
}

impl Reading {
    fn refuse(&mut self, says: String, at: Spot, cause: Cause) {
        self.refusals.push(Refusal { variable: VARIABLE, says, at, cause });
    }

    fn line(&mut self, line: &Line) {
        let text = line.text.as_str();
        if text.is_empty() || text.starts_with('#') {
            return;
        }
        if self.redirections.fallback.is_some() {
            let says = format!("{VARIABLE} fallback IP must be the last line");
            return self.refuse(says, line.spot(0), Cause::NotLast);
        }
        if Quad::is(text) {
            self.redirections.fallback = Some((Quad(text.to_owned()), line.spot(0)));
            return;
        }
        let fields: Vec<&str> = text.split(' ').filter(|field| !field.is_empty()).collect();
        // A space that was escaped at an end belongs to no field, and the pattern has none there.
        let is_whole = !text.starts_with(' ') && !text.ends_with(' ');
        let rule = match fields[..] {
            [local, protocol, address] => Some((local, protocol, address, None)),
            [local, protocol, address, target] => Some((local, protocol, address, Some(target))),
            _ => None,
        };
        let rule = rule.filter(|(local, _, address, target)| {
            is_whole && is_number(local) && Quad::is(address) && target.is_none_or(is_number)
        });
        let rule = rule.and_then(|(local, protocol, address, target)| {
            Some(Rule {
                local: Port(local.to_owned()),
                protocol: Protocol::parse(protocol)?,
                address: Quad(address.to_owned()),
                target: target.map(|target| Port(target.to_owned())),
                at: line.spot(0),
            })
        });
        if let Some(rule) = rule {
            self.rule(rule, line);
        } else {
            let (cause, byte) = why(text);
            self.refuse(format!("{VARIABLE} value '{text}' is invalid"), line.spot(byte), cause);
        }
    }

    /// The target's port is looked at before the local one.
    fn rule(&mut self, rule: Rule, line: &Line) {
        let ports = rule.target.iter().map(|port| (port, line.text.rfind(' ').map_or(0, |at| at + 1)));
        let bad = ports.chain([(&rule.local, 0)]).find(|(port, _)| !port.passes());
        if let Some((port, byte)) = bad {
            let says = format!("Invalid port: {port}, must be in the range 1 to 65535");
            return self.refuse(says, line.spot(byte), Cause::Port);
        }
        if self.used.insert(rule.local.0.clone(), rule.at).is_some() {
            let says = format!(
                "{VARIABLE} localport {} is already used, must be unique for each destination",
                rule.local
            );
            return self.refuse(says, rule.at, Cause::Duplicate);
        }
        self.redirections.rules.push(rule);
    }
}

/// What is probably wrong with a line that is no rule, and at which byte.
pub(super) fn why(text: &str) -> (Cause, usize) {
    if text.ends_with('\r') {
        return (Cause::CarriageReturn, text.len() - 1);
    }
    if let Some(at) = text.find('#') {
        return (Cause::InlineComment, at);
    }
    if let Some(at) = text.find('\t') {
        return (Cause::Tab, at);
    }
    let mut fields = Vec::new();
    let mut at = 0;
    for field in text.split(' ') {
        if !field.is_empty() {
            fields.push((field, at));
        }
        at += field.len() + 1;
    }
    let is_range = |field: &str| {
        let ends = field.split_once('-').or_else(|| field.split_once(':'));
        ends.is_some_and(|(first, last)| is_number(first) && is_number(last))
    };
    if let Some(&(_, at)) = fields.iter().find(|(field, _)| is_range(field)) {
        return (Cause::PortRange, at);
    }
    let address = if fields.len() == 1 { fields.first() } else { fields.get(2) };
    match (fields.get(1), address) {
        (Some((protocol, at)), _)
            if Protocol::parse(&protocol.to_lowercase())
                .is_some_and(|_| Protocol::parse(protocol).is_none()) =>
        {
            (Cause::UpperCase, *at)
        }
        (Some((protocol, at)), Some((address, _)))
            if Quad::is(address)
                && protocol.bytes().all(|b| b.is_ascii_alphabetic())
                && Protocol::parse(protocol).is_none() =>
        {
            (Cause::Protocol, *at)
        }
        (_, Some((address, at))) if address.parse::<std::net::Ipv6Addr>().is_ok() => (Cause::Ipv6, *at),
        (_, Some((address, at))) if address.split_once('/').is_some_and(|(bare, _)| Quad::is(bare)) => {
            (Cause::Prefix, *at)
        }
        (_, Some((address, at)))
            if address.contains('.') && address.contains(|c: char| c.is_ascii_alphabetic()) =>
        {
            (Cause::Name, *at)
        }
        _ => (Cause::Unknown, 0),
    }
}
