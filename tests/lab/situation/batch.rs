//! What clients do: batches of connections, and how held ones go on.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Batch {
    pub(crate) name: String,
    pub(crate) from: String,
    pub(crate) to: SocketAddr,
    pub(crate) count: u16,
    #[serde(default)]
    pub(crate) protocol: Protocol,
    /// The first connection's source port (ICMP: identifier); the next ones count up. The kernel's choice
    /// without.
    pub(crate) port: Option<u16>,
    /// After so many ports it is the first one's turn again; 1 is the same port for all.
    pub(crate) cycle: Option<u16>,
    /// How many at a time.
    #[serde(default = "one")]
    pub(crate) parallel: u16,
    #[serde(default)]
    pub(crate) end: End,
    /// Stay open until `finish`.
    #[serde(default)]
    pub(crate) hold: bool,
    /// Bytes of payload that the client sends beside its name.
    #[serde(default)]
    pub(crate) bytes: usize,
    /// TCP: asks every second whether the other side is still there.
    #[serde(default)]
    pub(crate) keep_alive: bool,
    /// UDP: the server answers from its other address.
    #[serde(default)]
    pub(crate) elsewhere: bool,
    /// UDP: so many datagrams of each client are not answered.
    #[serde(default)]
    pub(crate) mute: u16,
    /// UDP: how often the client tries, each time with a new socket of the same port. ICMP: how many
    /// requests it sends. SCTP: how often it says its INIT.
    #[serde(default = "one")]
    pub(crate) tries: u16,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finish {
    pub(crate) name: String,
    /// Whether the client says another line first, and waits for the answer.
    #[serde(default)]
    pub(crate) speak: bool,
    #[serde(default)]
    pub(crate) end: End,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    #[default]
    Tcp,
    Udp,
    /// Echo requests.
    Icmp,
    Icmp6,
    Sctp,
}

impl Protocol {
    pub(crate) const ALL: [Self; 5] = [Self::Tcp, Self::Udp, Self::Icmp, Self::Icmp6, Self::Sctp];

    /// As conntrack calls it.
    pub(crate) fn tracked_as(self) -> &'static str {
        if self == Self::Icmp6 { "icmpv6" } else { self.name() }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Icmp6 => "icmp6",
            Self::Sctp => "sctp",
        }
    }
}

/// Who ends a connection, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum End {
    #[default]
    ClientFin,
    ClientRst,
    ServerFin,
    ServerRst,
}

impl End {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ClientFin => "client-fin",
            Self::ClientRst => "client-rst",
            Self::ServerFin => "server-fin",
            Self::ServerRst => "server-rst",
        }
    }
}

fn one() -> u16 {
    1
}
