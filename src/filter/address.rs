//! Addresses as people type them: blocks, single addresses, and, where somebody looks them up, names.

use std::fmt;
use std::net::IpAddr;

use crate::net::{Address, Block, NotABlock};

/// What was typed is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Malformed(#[from] NotABlock),
    /// A name resolves differently elsewhere and tomorrow; what is expected of a workload must not.
    #[error("`{typed}` looks like a name, and names are not resolved; write its address instead")]
    Name { typed: String },
    #[error("`{typed}` is not one address; write it like 192.168.12.11 or fd00:12::11")]
    NotOne { typed: String },
}

/// The block that `typed` means: an address or a CIDR block.
///
/// An IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) means the IPv4 address, as it does in packets.
pub fn block(typed: &str) -> Result<Block, Error> {
    if let Ok(ip) = typed.parse::<IpAddr>() {
        return Ok(Block::from(ip.to_canonical()));
    }
    typed.parse::<Block>().map_err(|malformed| {
        if is_name(typed) { Error::Name { typed: typed.to_owned() } } else { malformed.into() }
    })
}

/// An address, a CIDR block, or a name that is still to be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    Block(Block),
    Name(String),
}

impl fmt::Display for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block(block) => block.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl std::str::FromStr for Typed {
    type Err = Error;

    fn from_str(typed: &str) -> Result<Self, Error> {
        match block(typed) {
            Ok(block) => Ok(Self::Block(block)),
            Err(Error::Name { typed }) => Ok(Self::Name(typed)),
            Err(error) => Err(error),
        }
    }
}

/// The one address that `typed` means.
pub fn address(typed: &str) -> Result<Address, Error> {
    match typed.parse::<IpAddr>() {
        Ok(ip) => Ok(ip.to_canonical().into()),
        Err(_) if is_name(typed) => Err(Error::Name { typed: typed.to_owned() }),
        Err(_) => Err(Error::NotOne { typed: typed.to_owned() }),
    }
}

/// Whether `typed` could be a host name (RFC 1123 §2.1) and is not a mistyped address.
pub(crate) fn is_name(typed: &str) -> bool {
    typed.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        && typed.chars().any(|c| c.is_ascii_alphabetic())
        && typed.starts_with(|c: char| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_answered_with_the_way_to_say_it() {
        assert_eq!(
            block("api.partner.example").unwrap_err().to_string(),
            "`api.partner.example` looks like a name, and names are not resolved; write its address instead"
        );
    }

    #[test]
    fn a_mistyped_address_is_not_called_a_name() {
        for typed in ["10.128.0.300", "10.128.0", "10.128.0.0/33", "fd00::12345", ""] {
            assert!(matches!(block(typed), Err(Error::Malformed(_))), "{typed}");
        }
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address_that_packets_carry() {
        assert_eq!(block("::ffff:10.128.0.5").unwrap().to_string(), "10.128.0.5");
    }

    #[test]
    fn one_address_is_not_a_block() {
        assert_eq!(address("192.168.12.11").unwrap().to_string(), "192.168.12.11");
        for typed in ["192.168.12.0/24", "192.168.12.11/32", "192.168.12"] {
            assert_eq!(
                address(typed).unwrap_err().to_string(),
                format!("`{typed}` is not one address; write it like 192.168.12.11 or fd00:12::11")
            );
        }
    }
}
