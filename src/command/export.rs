//! The connection that this very session runs over, which a capture must not feed on.
//!
//! What egret prints travels back over it, and would be captured and printed again. sshd says which it is (`SSH_CONNECTION`, ssh(1)):
//! client address and port, server address and port. `kubectl exec` says nothing, and its connection ends outside of the pod.

use std::fmt;
use std::net::IpAddr;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Export {
    client: (IpAddr, u16),
    server: (IpAddr, u16),
}

impl Export {
    pub(super) fn of_environment() -> Option<Self> {
        Self::parse(&std::env::var("SSH_CONNECTION").ok()?)
    }

    fn parse(said: &str) -> Option<Self> {
        let mut words = said.split_whitespace();
        // A link-local address names its interface, too.
        let mut end = || -> Option<(IpAddr, u16)> {
            let address = words.next()?.split('%').next()?;
            let address: IpAddr = address.parse().ok()?;
            Some((address.to_canonical(), words.next()?.parse().ok()?))
        };
        Some(Self { client: end()?, server: end()? })
    }

    /// What leaves it out of a capture (pcap-filter(7)).
    pub(super) fn filter(&self) -> String {
        let (client, server) = (self.client, self.server);
        format!(
            "not (tcp and host {} and port {} and host {} and port {})",
            client.0, client.1, server.0, server.1
        )
    }
}

impl fmt::Display for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (client, server) = (self.client, self.server);
        write!(
            f,
            "not captured: this session's own connection, {} port {} to {} port {} (SSH_CONNECTION)",
            client.0, client.1, server.0, server.1
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sshd_says_becomes_a_filter() {
        let export = Export::parse("192.168.12.5 51234 192.168.12.11 22").unwrap();
        assert!(crate::filter::omission::is_one_connection(&export.filter()), "a capture says no more by it");
        assert_eq!(
            export.filter(),
            "not (tcp and host 192.168.12.5 and port 51234 and host 192.168.12.11 and port 22)"
        );
        assert!(Export::parse("fe80::1%eth0 51234 fe80::2%eth0 22").is_some());
    }

    #[test]
    fn what_makes_no_sense_is_no_connection() {
        for said in ["", "192.168.12.5", "a b c d", "192.168.12.5 99999 192.168.12.11 22", "or 1 not 2"] {
            assert_eq!(Export::parse(said), None, "{said}");
        }
    }
}
