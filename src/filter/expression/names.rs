//! Names in an expression, and addresses in their place.
//!
//! What a name is follows from the qualifiers before it: `port http` is a service, `proto \tcp` a protocol, `type mgt` a word of 802.11;
//! all else is a host, a network or a card, for which libpcap asks a resolver. Qualifiers hold on (`host a or b`), through
//! parentheses, until others are said. Where this reading errs it errs towards hosts: then a word is refused that libpcap would have understood,
//! and never given to a resolver.
//!
//! A name that is not known is first put in as some address, so that other mistakes are told before it.

use std::net::IpAddr;
use std::ops::Range;

use super::{Error, Names};
use crate::filter::words::{Kind, Word};

/// An expression with replacements for its names.
pub(super) struct Named<'a> {
    pub(super) typed: &'a str,
    pub(super) words: &'a [Word<'a>],
    /// By word: what stands in its place.
    replaced: Vec<Option<String>>,
    unknown: Option<Error>,
    impossible: Option<Error>,
}

/// What a word stands behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    Host(Family),
    Network,
    /// The card of a host.
    Card,
    Gateway,
    /// No resolver is asked: libpcap has files or lists of its own.
    Listed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Any,
    V4,
    V6,
}

impl Named<'_> {
    /// The expression for libpcap.
    pub(super) fn text(&self) -> String {
        self.part(0..self.words.len())
    }

    /// Some of its words, with the blanks between them.
    pub(super) fn part(&self, words: Range<usize>) -> String {
        let mut text = String::with_capacity(self.typed.len());
        let mut at = words.start.checked_sub(1).map_or(0, |before| self.words[before].end());
        for (word, replaced) in self.words[words.clone()].iter().zip(&self.replaced[words]) {
            text.push_str(&self.typed[at..word.at]);
            text.push_str(replaced.as_deref().unwrap_or(word.text));
            at = word.end();
        }
        text
    }

    /// A name that no address can stand for, as what is wrong with the expression.
    pub(super) fn impossible(&self) -> Option<Error> {
        self.impossible.clone()
    }

    /// The first name that is not known, as what is wrong with the expression.
    pub(super) fn unknown(&self) -> Option<Error> {
        self.unknown.clone()
    }
}

/// Puts addresses in for names.
pub(super) fn replace<'a>(typed: &'a str, words: &'a [Word<'a>], names: &Names<'_>) -> Named<'a> {
    let mut named =
        Named { typed, words, replaced: vec![None; words.len()], unknown: None, impossible: None };
    for (at, position) in positions(words).into_iter().enumerate() {
        let Some(position) = position else { continue };
        let word = &words[at];
        let (known, placeholder) = match position {
            Position::Listed => continue,
            Position::Host(family) => (addresses(word.name(), family, names), placeholder(family)),
            Position::Network => (Vec::new(), "10.0.0.0/8"),
            Position::Card => (Vec::new(), "0:0:0:0:0:0"),
            Position::Gateway => (Vec::new(), word.text),
        };
        named.replaced[at] = Some(match known.as_slice() {
            [] => placeholder.to_owned(),
            [one] => one.clone(),
            several => format!("({})", several.join(" or ")),
        });
        if known.is_empty() {
            let (why, next) = refusal(position, word.name(), names.are_asked);
            let place = Some((word.at, word.text.len()));
            let error = Error { typed: typed.to_owned(), why, place, next };
            let slot = if position == Position::Gateway { &mut named.impossible } else { &mut named.unknown };
            slot.get_or_insert(error);
        }
    }
    named
}

fn addresses(name: &str, family: Family, names: &Names<'_>) -> Vec<String> {
    let is_of_family = |address: &IpAddr| match family {
        Family::Any => true,
        Family::V4 => address.is_ipv4(),
        Family::V6 => address.is_ipv6(),
    };
    let mut addresses = (names.known)(name);
    addresses.retain(is_of_family);
    addresses.sort();
    addresses.dedup();
    addresses.iter().map(ToString::to_string).collect()
}

fn placeholder(family: Family) -> &'static str {
    if family == Family::V6 { "::1" } else { "127.0.0.1" }
}

/// libpcap's words for a name that is not known, and what to do.
fn refusal(position: Position, name: &str, are_asked: bool) -> (String, &'static str) {
    let name = name.escape_debug();
    match position {
        Position::Network => {
            (format!("unknown network '{name}'"), "give it as an address and a length: net 10.1.0.0/16")
        }
        Position::Card => (
            format!("unknown ether host '{name}'"),
            "give the address of its card: ether host 02:00:00:00:00:01",
        ),
        Position::Gateway => (
            "'gateway' not supported in this configuration".to_owned(),
            "say it by addresses: ether host 02:00:00:00:00:01 and not host 10.0.0.1",
        ),
        Position::Host(_) | Position::Listed if are_asked => (
            format!("unknown host '{name}'"),
            "neither the hosts file nor a name server knows it; give its address",
        ),
        Position::Host(_) | Position::Listed => (
            format!("unknown host '{name}'"),
            "the hosts file does not know it, and name servers are not asked unless --resolve is given, because that is \
             traffic; give its address",
        ),
    }
}

/// The qualifiers that a name stands behind.
#[derive(Debug, Clone, Copy, Default)]
struct Qualifiers<'a> {
    protocol: Option<&'a str>,
    kind: Option<&'a str>,
}

impl Qualifiers<'_> {
    fn position(&self) -> Position {
        match (self.protocol, self.kind) {
            // libpcap has no names for hosts of DECnet.
            (_, Some("port" | "portrange" | "proto" | "protochain")) | (Some("decnet"), _) => {
                Position::Listed
            }
            (_, Some("gateway")) => Position::Gateway,
            (_, Some("net")) => Position::Network,
            (Some("link" | "ether" | "ppp" | "slip" | "fddi" | "tr" | "wlan"), _) => Position::Card,
            (Some("ip" | "arp" | "rarp"), _) => Position::Host(Family::V4),
            (Some("ip6"), _) => Position::Host(Family::V6),
            _ => Position::Host(Family::Any),
        }
    }
}

/// By word: for names, what they stand behind.
fn positions(words: &[Word<'_>]) -> Vec<Option<Position>> {
    let mut found = Vec::with_capacity(words.len());
    let mut now = Qualifiers::default();
    let mut outside = Vec::new();
    let mut is_in_head = false;
    for (at, word) in words.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| &words[before]);
        let mut position = None;
        match word.kind {
            Kind::Keyword if is_of_head(word, words.get(at + 1), is_in_head) => {
                if !is_in_head {
                    now = Qualifiers::default();
                }
                is_in_head = true;
                match word.text {
                    "host" | "net" | "port" | "portrange" | "proto" | "protochain" | "gateway" => {
                        now.kind = Some(word.text);
                    }
                    text if !DIRECTIONS.contains(&text) && !is_joint(text) => now.protocol = Some(word.text),
                    _ => {}
                }
                found.push(None);
                continue;
            }
            Kind::Name => {
                let is_listed = before
                    .is_some_and(|before| before.kind == Kind::Keyword && LISTED.contains(&before.text));
                position = Some(if is_listed { Position::Listed } else { now.position() });
            }
            Kind::Sign if word.text == "(" => outside.push(now),
            // What was said inside does not hold outside.
            Kind::Sign if word.text == ")" => now = outside.pop().unwrap_or_default(),
            _ => {}
        }
        is_in_head = false;
        found.push(position);
    }
    found
}

/// Whether a keyword is one of the qualifiers of what follows, `next` being the word behind it.
fn is_of_head(word: &Word<'_>, next: Option<&Word<'_>>, is_in_head: bool) -> bool {
    // `src or dst`
    if is_joint(word.text) {
        return is_in_head && next.is_some_and(|next| matches!(next.text, "src" | "dst"));
    }
    DIRECTIONS.contains(&word.text)
        || matches!(word.text, "host" | "net" | "port" | "portrange" | "proto" | "protochain" | "gateway")
        || PROTOCOLS.contains(&word.text)
}

fn is_joint(word: &str) -> bool {
    matches!(word, "and" | "or" | "&&" | "||")
}

const DIRECTIONS: [&str; 12] = [
    "src", "dst", "addr1", "addr2", "addr3", "addr4", "address1", "address2", "address3", "address4", "ra",
    "ta",
];

const PROTOCOLS: &[&str] = &[
    "link", "ether", "ppp", "slip", "fddi", "tr", "wlan", "arp", "rarp", "ip", "sctp", "tcp", "udp", "icmp",
    "igmp", "igrp", "pim", "vrrp", "carp", "radio", "ip6", "icmp6", "ah", "esp", "atalk", "aarp", "decnet",
    "lat", "sca", "moprc", "mopdl", "iso", "esis", "es-is", "isis", "is-is", "l1", "l2", "iih", "lsp", "snp",
    "csnp", "psnp", "clnp", "stp", "ipx", "netbeui",
];

/// Keywords that have lists of their own for what follows.
const LISTED: [&str; 11] =
    ["type", "subtype", "dir", "direction", "llc", "reason", "action", "on", "ifname", "rset", "ruleset"];
