//! The router's variables, and the order in which its script looks at them.
//!
//! `EGRESS_SOURCE`, then `EGRESS_GATEWAY`, then `EGRESS_ROUTER_MODE`, and only in the modes that redirect
//! `EGRESS_DESTINATION`. Whatever is wrong first ends the script.

use super::destination::{self, Redirections};
use super::{Cause, Doubt, Quad, Refusal, Spot, is_number};

pub const SOURCE: &str = "EGRESS_SOURCE";
pub const GATEWAY: &str = "EGRESS_GATEWAY";
pub const MODE: &str = "EGRESS_ROUTER_MODE";

/// What the router was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What everything leaves with.
    pub source: Quad,
    /// The subnet's prefix length, as it is written. Without one only the gateway is reached on the subnet.
    pub prefix: Option<String>,
    pub gateway: Quad,
    pub mode: Mode,
    /// Of a mode that redirects.
    pub redirections: Option<Redirections>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Sets up network and redirections, and ends.
    Init,
    /// As init, and then stays.
    Legacy,
    /// Sets up the network for an HTTP proxy.
    HttpProxy,
    /// Sets up the network for a TCP proxy by names.
    DnsProxy,
    /// Prints the redirections.
    UnitTest,
}

impl Mode {
    /// The mode of that name; none is legacy.
    pub fn parse(typed: &str) -> Option<Self> {
        Some(match typed {
            "init" => Self::Init,
            "" | "legacy" => Self::Legacy,
            "http-proxy" => Self::HttpProxy,
            "dns-proxy" => Self::DnsProxy,
            "unit-test" => Self::UnitTest,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Legacy => "legacy",
            Self::HttpProxy => "http-proxy",
            Self::DnsProxy => "dns-proxy",
            Self::UnitTest => "unit-test",
        }
    }

    /// Whether connections are redirected, and not ended and opened anew.
    pub fn redirects(self) -> bool {
        matches!(self, Self::Init | Self::Legacy | Self::UnitTest)
    }
}

impl Settings {
    /// What the script makes of the variables that `lookup` finds, or what it says instead.
    pub fn parse<'a>(lookup: impl Fn(&str) -> Option<&'a str>) -> Result<Self, Refusal> {
        let value = |name: &str| lookup(name).unwrap_or_default();
        let (source, prefix) = source(value(SOURCE))?;
        let gateway = gateway(value(GATEWAY))?;
        let typed = value(MODE);
        let mode = Mode::parse(typed)
            .ok_or_else(|| refusal(MODE, format!("Unrecognized {MODE} '{typed}'"), Cause::Unknown))?;
        let redirections =
            mode.redirects().then(|| Redirections::parse(value(destination::VARIABLE))).transpose()?;
        Ok(Self { source, prefix, gateway, mode, redirections })
    }

    /// What the script accepts of source and gateway, and the kernel does not.
    pub fn doubts(&self) -> Vec<Doubt> {
        let mut doubts = Vec::new();
        let mut doubt = |what: String| doubts.push(Doubt { what, at: Spot::default() });
        for quad in [&self.source, &self.gateway] {
            if quad.address().is_none() {
                doubt(format!("`{quad}` is not an address"));
            }
        }
        if let Some(prefix) = self
            .prefix
            .as_ref()
            .filter(|prefix| prefix.parse().is_ok_and(|n: u32| n > 32) || prefix.len() > 2)
        {
            doubt(format!("`/{prefix}` is not a prefix length"));
        }
        doubts
    }
}

fn refusal(variable: &'static str, says: String, cause: Cause) -> Refusal {
    Refusal { variable, says, at: Spot::default(), cause }
}

/// An address, perhaps with a prefix length.
pub fn source(typed: &str) -> Result<(Quad, Option<String>), Refusal> {
    let (address, prefix) = match typed.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (typed, None),
    };
    if Quad::is(address) && prefix.is_none_or(is_number) {
        return Ok((Quad(address.to_owned()), prefix.map(str::to_owned)));
    }
    let cause = if typed.is_empty() { Cause::Missing } else { Cause::Unknown };
    Err(refusal(SOURCE, format!("{SOURCE} unspecified or invalid"), cause))
}

/// An address without a prefix length.
pub fn gateway(typed: &str) -> Result<Quad, Refusal> {
    if Quad::is(typed) {
        return Ok(Quad(typed.to_owned()));
    }
    let cause = match typed {
        "" => Cause::Missing,
        typed if typed.split_once('/').is_some_and(|(address, _)| Quad::is(address)) => Cause::Prefix,
        _ => Cause::Unknown,
    };
    Err(refusal(GATEWAY, format!("{GATEWAY} unspecified or invalid"), cause))
}
