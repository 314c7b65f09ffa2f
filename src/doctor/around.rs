//! What is around a capture: translations that can be looked up, and what cards do that captures lack.

use serde::Serialize;

use super::Examined;
use crate::machine::offloads::Offloads;
use crate::number::counted;

/// Rules that translate sources, and the table of what was translated.
#[derive(Debug, Serialize)]
pub struct Translation {
    /// Rules of `nf_tables` that translate a source; null where they may not be read.
    pub rules: Option<Rules>,
    pub rules_because: Option<String>,
    /// Whether conntrack's table can be read.
    pub conntrack: bool,
    pub conntrack_because: Option<String>,
    /// How many entries it has.
    pub entries: Option<u64>,
}

#[derive(Debug, Serialize)]
pub struct Rules {
    pub masquerading: u64,
    pub naming: u64,
    /// Whether legacy iptables has a table of translations; null where that may not be read.
    pub legacy: Option<bool>,
}

impl Translation {
    pub(super) fn of(examined: &Examined) -> Self {
        let rules = examined.rules.as_ref();
        Self {
            rules: rules.ok().map(|rules| Rules {
                masquerading: rules.masquerading,
                naming: rules.naming,
                legacy: rules.has_legacy,
            }),
            rules_because: rules.err().map(refused),
            conntrack: examined.conntrack.is_ok(),
            conntrack_because: examined.conntrack.as_ref().err().map(refused),
            entries: examined.conntrack.as_ref().ok().copied().flatten().or(examined.entries),
        }
    }

    pub(super) fn words_of_rules(&self) -> String {
        let Some(rules) = &self.rules else {
            return format!(
                "rules cannot be looked at: {}",
                self.rules_because.as_deref().unwrap_or("not told")
            );
        };
        let all = rules.masquerading + rules.naming;
        let legacy = match rules.legacy {
            Some(true) => "; legacy iptables has a table of its own: iptables-legacy -t nat -S",
            _ => "",
        };
        match all {
            0 => format!("no rule here translates sources{legacy}"),
            _ => format!(
                "rules here translate sources: {} to the address of the way out (masquerade), {} to a named one{legacy}",
                rules.masquerading, rules.naming
            ),
        }
    }

    pub(super) fn words_of_conntrack(&self) -> String {
        let entries = self.entries.map(|entries| format!(", {}", entry(entries))).unwrap_or_default();
        match &self.conntrack_because {
            None => format!("conntrack's table can be read (--conntrack live){entries}"),
            Some(because) => format!("conntrack's table cannot be read{entries}: {because}"),
        }
    }
}

fn entry(number: u64) -> String {
    if number == 1 { "1 entry".to_owned() } else { format!("{} entries", crate::number::thousands(number)) }
}

fn refused(error: &crate::machine::Error) -> String {
    match error {
        crate::machine::Error::NoPermission => "CAP_NET_ADMIN is missing".to_owned(),
        other => other.to_string(),
    }
}

/// What cards do that makes captures look odd; by the names of interfaces.
#[derive(Debug, Default, Serialize)]
pub struct Checksums {
    /// Null where the kernel does not tell.
    pub is_known: bool,
    /// Checksums of what is sent are not filled in when it is captured.
    pub unfilled: Vec<String>,
    /// Frames are captured that are longer than what is on the wire.
    pub sent_long: Vec<String>,
    pub received_long: Vec<String>,
}

impl Checksums {
    pub(super) fn of(examined: &Examined) -> Self {
        let (Ok(offloads), Ok(machine)) = (&examined.offloads, &examined.machine) else {
            return Self::default();
        };
        let named = |has: fn(&Offloads) -> bool| -> Vec<String> {
            offloads
                .iter()
                .filter(|offloads| has(offloads))
                .filter_map(|offloads| machine.link(offloads.link))
                .filter(|link| link.is_up && !link.is_loopback)
                .map(crate::machine::Link::shown)
                .collect()
        };
        Self {
            is_known: true,
            unfilled: named(|offloads| offloads.leaves_checksums),
            sent_long: named(|offloads| offloads.leaves_segments),
            received_long: named(|offloads| offloads.joins_segments),
        }
    }

    pub(super) fn words(&self) -> Vec<String> {
        if !self.is_known {
            return vec!["not told: wrong checksums of what is sent mean nothing".to_owned()];
        }
        let mut words = Vec::new();
        if self.unfilled.is_empty() {
            words.push("cards fill in none: a wrong one is a fault".to_owned());
        } else {
            words.push(format!(
                "of what is sent by {} they are filled in after it is captured: wrong ones are no fault",
                some(&self.unfilled)
            ));
        }
        for (way, names) in [("sent by", &self.sent_long), ("received by", &self.received_long)] {
            if !names.is_empty() {
                words.push(format!(
                    "frames {way} {} may be longer than on the wire: segments are captured as one",
                    some(names)
                ));
            }
        }
        words
    }
}

/// A few names, and how many more.
pub(super) fn some(names: &[String]) -> String {
    const FEW: usize = 4;
    let shown = names.iter().take(FEW).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(FEW) {
        0 => shown,
        more => format!("{shown} and {}", counted(more as u64, "other")),
    }
}
