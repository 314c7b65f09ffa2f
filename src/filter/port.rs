//! Ports as people type them: `443`, `8000-8100`, `https`.
//!
//! Service names come from the table below and never from `/etc/services`: the same command must mean the
//! same on every machine.

use std::fmt;
use std::str::FromStr;

/// Ports from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    first: u16,
    last: u16,
}

/// Names and ports of the IANA service registry, and the ports that a few others are known by.
const SERVICES: &[(&str, u16)] = &[
    ("amqp", 5672),
    ("amqps", 5671),
    ("dns", 53),
    ("domain", 53),
    ("ftp", 21),
    ("http", 80),
    ("https", 443),
    ("imap", 143),
    ("imaps", 993),
    ("kafka", 9092),
    ("kerberos", 88),
    ("ldap", 389),
    ("ldaps", 636),
    ("mongodb", 27017),
    ("mqtt", 1883),
    ("ms-sql-s", 1433),
    ("mssql", 1433),
    ("mysql", 3306),
    ("nfs", 2049),
    ("ntp", 123),
    ("oracle", 1521),
    ("pop3", 110),
    ("pop3s", 995),
    ("postgresql", 5432),
    ("redis", 6379),
    ("smtp", 25),
    ("smtps", 465),
    ("snmp", 161),
    ("ssh", 22),
    ("submission", 587),
    ("syslog", 514),
    ("telnet", 23),
];

impl Range {
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// The one port of a range of one.
    pub fn single(self) -> Option<u16> {
        (self.first == self.last).then_some(self.first)
    }
}

impl From<u16> for Range {
    fn from(port: u16) -> Self {
        Self { first: port, last: port }
    }
}

/// What was typed is neither a port, nor a range of ports, nor a known service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(
        "`{typed}` is not a port; write a number from 1 to 65535, a range like 8000-8100, or a service like https"
    )]
    Malformed { typed: String },
    #[error("`{typed}` is not a service that egret knows; write its port number")]
    UnknownService { typed: String },
    #[error("the range `{typed}` ends before it starts; write it as {last}-{first}")]
    Backwards { typed: String, first: u16, last: u16 },
}

impl FromStr for Range {
    type Err = Error;

    fn from_str(typed: &str) -> Result<Self, Error> {
        let malformed = || Error::Malformed { typed: typed.to_owned() };
        if typed.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return service(typed)
                .map(Self::from)
                .ok_or_else(|| Error::UnknownService { typed: typed.to_owned() });
        }
        let (first, last) = typed.split_once('-').unwrap_or((typed, typed));
        let first = number(first).ok_or_else(malformed)?;
        let last = number(last).ok_or_else(malformed)?;
        if first <= last {
            Ok(Self { first, last })
        } else {
            Err(Error::Backwards { typed: typed.to_owned(), first, last })
        }
    }
}

/// A port number in digits alone. Port 0 stands for "has no ports" in flows, and nobody means it.
fn number(digits: &str) -> Option<u16> {
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|&port| port != 0)
}

fn service(name: &str) -> Option<u16> {
    SERVICES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|&(_, port)| port)
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_includes_both_its_ends() {
        let range: Range = "8000-8100".parse().unwrap();
        assert!(range.contains(8000) && range.contains(8100));
        assert!(!range.contains(7999) && !range.contains(8101));
        assert_eq!(range.to_string(), "8000-8100");
    }

    #[test]
    fn a_service_is_its_port() {
        assert_eq!("https".parse::<Range>().unwrap(), Range::from(443));
        assert_eq!("DOMAIN".parse::<Range>().unwrap(), Range::from(53));
    }

    #[test]
    fn what_is_no_port_is_answered_with_the_next_step() {
        let said = |typed: &str| typed.parse::<Range>().unwrap_err().to_string();
        for typed in ["0", "65536", "+80", "80-", "-80", "", "0-65535"] {
            assert_eq!(
                said(typed),
                format!(
                    "`{typed}` is not a port; write a number from 1 to 65535, a range like 8000-8100, or a service like https"
                )
            );
        }
        assert_eq!(
            said("frobnicate"),
            "`frobnicate` is not a service that egret knows; write its port number"
        );
        assert_eq!(said("443-80"), "the range `443-80` ends before it starts; write it as 80-443");
    }

    #[test]
    fn the_services_are_in_order_and_named_once() {
        assert!(SERVICES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
