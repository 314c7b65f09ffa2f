//! The rules by which the kernel translates sources (`nf_tables`), and whether its table of translations can be read.
//!
//! Rules are only looked at to say whether there are any. A rule is a list of expressions, each with a name and data:
//!
//! ```text
//! NFTA_RULE_TABLE 1, NFTA_RULE_CHAIN 2
//! NFTA_RULE_EXPRESSIONS 4
//!   └─ NFTA_LIST_ELEM 1
//!        ├─ NFTA_EXPR_NAME 1    masq; nat; target, which is one of iptables
//!        └─ NFTA_EXPR_DATA 2    of nat: NFTA_NAT_TYPE 1, which is 0 for a source; of target: its name 1
//! ```
//!
//! To be asked, the kernel may load a module. That would change the machine, so it is asked only where there is nothing to load.

use std::fs;
use std::path::Path;

use rustix::net::SocketFlags;
use rustix::net::netlink::NETFILTER;

use crate::machine::Error;
use crate::machine::conntrack::refused;
use crate::machine::netlink::{attributes, dump, open};

/// `NFNL_SUBSYS_NFTABLES`, the upper half of a type; `NFT_MSG_GETRULE` and `NFT_MSG_NEWRULE`.
const NEW_RULE: u16 = 10 << 8 | 6;
const GET_RULE: u16 = 10 << 8 | 7;
/// `NFNL_SUBSYS_CTNETLINK`, and `IPCTNL_MSG_CT_GET_STATS_CPU`: the least that is refused where the table is.
const STATISTICS: u16 = 1 << 8 | 4;
/// `nfgenmsg`.
const FIXED: usize = 4;

/// Names of legacy tables of the namespace whose thread reads it.
const LEGACY: &str = "/proc/thread-self/net/ip_tables_names";
/// Entries of the namespace whose thread reads it.
const COUNT: &str = "/proc/sys/net/netfilter/nf_conntrack_count";

/// What translates sources here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rules {
    /// To the address of the device that a packet leaves by.
    pub masquerading: u64,
    /// To an address that the rule names.
    pub naming: u64,
    /// Whether legacy iptables has a table of translations; `None` where that may not be read.
    pub has_legacy: Option<bool>,
}

/// The rules of the network namespace of the calling thread. Needs `CAP_NET_ADMIN` there.
pub fn read() -> Result<Rules, Error> {
    loads_nothing("nf_tables")?;
    let socket = open(Some(NETFILTER), SocketFlags::empty())
        .map_err(|error| Error::Open { what: "rules of NAT", source: error.into() })?;
    let question = (GET_RULE, &[0; FIXED][..]);
    let rules = dump(&socket, &mut 0, question, NEW_RULE, |rules: &mut Rules, body| rules.note(body));
    let told = rules.map_err(|error| match refused(error) {
        Error::Ask { source, .. } => Error::Ask { what: "rules of NAT", source },
        other => other,
    })?;
    let legacy = fs::read_to_string(LEGACY).ok();
    Ok(Rules { has_legacy: legacy.map(|names| names.lines().any(|name| name == "nat")), ..told })
}

/// Whether conntrack's table may be read here; how many entries it has, where that is told.
pub fn conntrack() -> Result<Option<u64>, Error> {
    loads_nothing("nf_conntrack_netlink")?;
    let socket = open(Some(NETFILTER), SocketFlags::empty())
        .map_err(|error| Error::NoConntrack { source: error.into() })?;
    dump(&socket, &mut 0, (STATISTICS, &[0; FIXED][..]), STATISTICS, |(): &mut (), _| {}).map_err(refused)?;
    Ok(entries())
}

/// How many entries conntrack has, which anybody may ask.
pub fn entries() -> Option<u64> {
    fs::read_to_string(COUNT).ok()?.trim().parse().ok()
}

impl Rules {
    fn note(&mut self, message: &[u8]) {
        let Some(told) = message.get(FIXED..) else { return };
        for (_, list) in attributes(told).filter(|(kind, _)| *kind == 4) {
            for (_, expression) in attributes(list) {
                self.note_expression(expression);
            }
        }
    }

    fn note_expression(&mut self, expression: &[u8]) {
        let value = |wanted| attributes(expression).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
        let inner = |wanted| {
            attributes(value(2).unwrap_or_default()).find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
        };
        match value(1) {
            Some(b"masq\0") => self.masquerading += 1,
            Some(b"nat\0") if inner(1) == Some(&[0; 4]) => self.naming += 1,
            Some(b"target\0") => match inner(1) {
                Some(b"MASQUERADE\0") => self.masquerading += 1,
                Some(b"SNAT\0") => self.naming += 1,
                _ => {}
            },
            _ => {}
        }
    }
}

/// Refuses to ask where the kernel would load a module to answer.
fn loads_nothing(module: &'static str) -> Result<(), Error> {
    let is_listed = |text: &str| text.lines().any(|line| line.split(' ').next() == Some(module));
    let is_there = match fs::read_to_string("/proc/modules") {
        Ok(text) => is_listed(&text) || Path::new("/sys/module").join(module).exists() || is_built_in(module),
        // A kernel without modules has no such file.
        Err(_) if Path::new("/proc/self/status").exists() => true,
        Err(_) => return Err(Error::MayLoad { module }),
    };
    if is_there { Ok(()) } else { Err(Error::NotLoaded { module }) }
}

fn is_built_in(module: &str) -> bool {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let list = fs::read_to_string(Path::new("/lib/modules").join(release).join("modules.builtin"));
    let file = format!("/{module}.ko");
    list.unwrap_or_default().lines().any(|line| line.ends_with(&file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::netlink::attribute;

    fn rule(expressions: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let one = |(name, data): &(&str, Vec<u8>)| {
            let name = attribute(1, format!("{name}\0").as_bytes());
            attribute(1, &[name, attribute(2, data)].concat())
        };
        let list: Vec<u8> = expressions.iter().flat_map(one).collect();
        [vec![2, 0, 0, 0], attribute(1, b"nat\0"), attribute(4, &list)].concat()
    }

    fn told(message: &[u8]) -> (u64, u64) {
        let mut rules = Rules::default();
        rules.note(message);
        (rules.masquerading, rules.naming)
    }

    #[test]
    fn rules_count_that_translate_a_source_whoever_wrote_them() {
        let nothing = Vec::new;
        assert_eq!(told(&rule(&[("payload", nothing()), ("masq", nothing())])), (1, 0));
        assert_eq!(told(&rule(&[("nat", attribute(1, &0_u32.to_be_bytes()))])), (0, 1));
        assert_eq!(told(&rule(&[("nat", attribute(1, &1_u32.to_be_bytes()))])), (0, 0), "a destination");
        assert_eq!(told(&rule(&[("target", attribute(1, b"MASQUERADE\0"))])), (1, 0));
        assert_eq!(told(&rule(&[("target", attribute(1, b"SNAT\0"))])), (0, 1));
        assert_eq!(told(&rule(&[("target", attribute(1, b"DNAT\0"))])), (0, 0));
    }

    #[test]
    fn no_rule_is_too_short_to_be_looked_at() {
        let whole = rule(&[("nat", attribute(1, &0_u32.to_be_bytes()))]);
        for cut in 0..whole.len() {
            let _ = told(&whole[..cut]);
        }
    }

    #[test]
    fn a_module_that_there_is_not_is_not_asked_for() {
        if Path::new("/proc/modules").exists() {
            assert!(matches!(loads_nothing("no_such_module"), Err(Error::NotLoaded { .. })));
        } else {
            assert!(loads_nothing("no_such_module").is_ok(), "there is nothing to load");
        }
    }
}
