//! Protocols as people type them: a name, or a number of the IANA protocol registry.

use std::fmt;
use std::str::FromStr;

use crate::digest::protocol;

/// The protocol above IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol(pub u8);

/// The first name of a number is the one that is shown.
const NAMES: &[(&str, u8)] = &[
    ("icmp", protocol::ICMP),
    ("tcp", protocol::TCP),
    ("udp", protocol::UDP),
    ("icmp6", protocol::ICMPV6),
    ("icmpv6", protocol::ICMPV6),
    ("sctp", protocol::SCTP),
];

/// What was typed names no protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{typed}` is not a protocol; write tcp, udp, icmp, icmp6, sctp, or a protocol number from 0 to 255")]
pub struct Error {
    pub typed: String,
}

impl FromStr for Protocol {
    type Err = Error;

    fn from_str(typed: &str) -> Result<Self, Error> {
        let named =
            NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(typed)).map(|&(_, number)| number);
        let numbered = || typed.bytes().all(|b| b.is_ascii_digit()).then(|| typed.parse().ok()).flatten();
        named.or_else(numbered).map(Self).ok_or_else(|| Error { typed: typed.to_owned() })
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|&&(_, number)| number == self.0) {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_is_a_name_or_a_number() {
        assert_eq!("TCP".parse::<Protocol>().unwrap(), Protocol(6));
        assert_eq!("132".parse::<Protocol>().unwrap().to_string(), "sctp");
        assert_eq!("icmpv6".parse::<Protocol>().unwrap().to_string(), "icmp6");
        assert_eq!("47".parse::<Protocol>().unwrap().to_string(), "47");
    }

    #[test]
    fn what_is_no_protocol_is_answered_with_those_that_are() {
        for typed in ["http", "256", "", "+6"] {
            assert_eq!(
                typed.parse::<Protocol>().unwrap_err().to_string(),
                format!(
                    "`{typed}` is not a protocol; write tcp, udp, icmp, icmp6, sctp, or a protocol number from 0 to 255"
                )
            );
        }
    }
}
