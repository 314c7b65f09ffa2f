//! The egress router's own words: what its containers read from their environment, and do with it.
//!
//! The routers of OpenShift are shell scripts, and these grammars are what those scripts accept, no more and no less:
//! the messages, the order in which mistakes are found, and what passes although it should not. What one accepts
//! and the kernel then refuses (a port of `080`, an octet of 999) is accepted here too, and said to be [doubtful](Doubt).
//!
//! 1. [`destination`]: `EGRESS_DESTINATION`, the redirections of the modes `init` and `legacy`;
//! 2. [`http`]: `EGRESS_HTTP_PROXY_DESTINATION`; 3. [`dns`]: `EGRESS_DNS_PROXY_DESTINATION`;
//! 4. [`settings`]: the other variables, and the order in which all are looked at.
//!
//! Nothing here knows of pods or files: texts come in, and places within them go out.

pub mod destination;
pub mod dns;
pub mod http;
mod lines;
pub mod settings;

use std::fmt;
use std::net::Ipv4Addr;

pub use destination::Redirections;
pub use settings::{Mode, Settings};

/// Where in a text, both from 0; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Spot {
    pub line: usize,
    pub column: usize,
}

/// What the script says before it gives up, and where the reason is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The variable that it is about.
    pub variable: &'static str,
    /// The script's own words.
    pub says: String,
    pub at: Spot,
    pub cause: Cause,
}

/// Why the script refuses: what there is to correct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The variable is not set, or empty.
    Missing,
    /// A tab between fields, where only spaces separate.
    Tab,
    /// A comment behind a rule.
    InlineComment,
    /// A carriage return at the end of the line: the file has CRLF line ends.
    CarriageReturn,
    /// The protocol in capitals.
    UpperCase,
    /// A protocol that the router does not know.
    Protocol,
    /// A range of ports.
    PortRange,
    /// A name where only an address will do.
    Name,
    /// An address of IPv6.
    Ipv6,
    /// An address with a prefix length where none belongs.
    Prefix,
    /// A port that is not from 1 to 65535.
    Port,
    /// A local port that another rule has, perhaps of the other protocol.
    Duplicate,
    /// Something comes after what must be last.
    NotLast,
    /// The line is none that the router knows.
    Unknown,
}

impl Cause {
    /// What to do about it.
    pub fn fix(self) -> &'static str {
        match self {
            Self::Missing => "set it",
            Self::Tab => "put spaces between the fields instead of the tab",
            Self::InlineComment => "put the comment on a line of its own",
            Self::CarriageReturn => "save the file with LF line ends",
            Self::UpperCase => "write the protocol in small letters, tcp or udp",
            Self::Protocol => "the router redirects tcp and udp alone; leave the rule out",
            Self::PortRange => "write a rule for each port",
            Self::Name => "write the address; names are for the dns-proxy mode",
            Self::Ipv6 => "the router knows IPv4 alone; leave the rule out",
            Self::Prefix => "write the address without a prefix length",
            Self::Port => "write a port from 1 to 65535",
            Self::Duplicate => "give each rule its own local port; tcp and udp share them",
            Self::NotLast => "put it on the last line",
            Self::Unknown => "write it like `8080 tcp 203.0.113.26 80`",
        }
    }
}

/// A port as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port(pub String);

impl Port {
    /// The number, if it is one that everything reads alike: decimal, without zeros in front.
    pub fn number(&self) -> Option<u16> {
        self.0.parse().ok().filter(|number| *number > 0 && !self.0.starts_with('0'))
    }

    /// Whether the scripts take it for a port: `[[ n -lt 1 || n -gt 65535 ]]` in bash.
    ///
    /// Bash counts in 64 bits that wrap, takes a zero in front for octal, and where that fails (`080`) says so on standard
    /// error and goes on.
    pub(crate) fn passes(&self) -> bool {
        let base = if self.0.len() > 1 && self.0.starts_with('0') { 8 } else { 10 };
        let mut value = 0i64;
        for digit in self.0.bytes().map(|byte| i64::from(byte.wrapping_sub(b'0'))) {
            if digit >= base {
                return true;
            }
            value = value.wrapping_mul(base).wrapping_add(digit);
        }
        (1..=65_535).contains(&value)
    }
}

/// An address as it is written: four numbers with dots between them, whatever they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quad(pub String);

impl Quad {
    /// The address, if it is one.
    pub fn address(&self) -> Option<crate::net::Address> {
        self.0.parse::<Ipv4Addr>().ok().map(|address| std::net::IpAddr::from(address).into())
    }

    /// Whether the scripts take it for an address.
    pub(crate) fn is(typed: &str) -> bool {
        let mut parts = 0;
        for part in typed.split('.') {
            parts += 1;
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return false;
            }
        }
        parts == 4
    }
}

/// What the script accepts, and what applies its rules will not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    pub what: String,
    pub at: Spot,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Quad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether it is digits, and some.
pub(crate) fn is_number(typed: &str) -> bool {
    !typed.is_empty() && typed.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
