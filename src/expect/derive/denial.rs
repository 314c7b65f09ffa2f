//! What the objects forbid to leave: `NetworkPolicy`, `EgressNetworkPolicy`, `EgressFirewall`.
//!
//! 1. A firewall's rules are tried in order, the first that matches decides, and what none matches is allowed.
//! 2. Network policies add up: a pod that one of them selects for egress may send what some rule of some of them allows, and
//!    nothing else.
//!
//! A rule about a name matches the addresses that the name has at the time, which objects do not tell.

use super::{Because, Ground};
use crate::net::{Address, Endpoint};
use crate::objects::{
    FirewallRule, FirewallTo, Id, NetworkPolicy, Peer, PolicyPort, PolicyRule, PortRange, protocol_number,
};

/// An object that forbids, and the workloads that it is about.
#[derive(Debug, Clone)]
pub struct Denial {
    pub id: Id,
    /// By their index, in order.
    pub workloads: Vec<usize>,
    pub rules: Rules,
}

#[derive(Debug, Clone)]
pub enum Rules {
    /// The first that matches decides.
    Firewall(Vec<FirewallRule>),
    /// What none allows is denied, where the network is known to heed it.
    Policy { rules: Vec<PolicyRule>, is_heeded: bool },
}

/// Whether something may leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leave {
    Allowed,
    Denied(Because),
    /// It depends on what is missing.
    Perhaps {
        missing: String,
        because: Because,
    },
}

/// Every object that forbids something; `heeds` tells whether the network heeds network policies, as far as that is known.
pub(super) fn all(ground: &Ground<'_>, heeds: Option<bool>) -> Vec<Denial> {
    let objects = ground.objects;
    let workloads = |id: &Id| ground.of_namespace(id.namespace.as_deref().unwrap_or(""));
    let firewall = |id: &Id, rules: &[FirewallRule]| Denial {
        id: id.clone(),
        workloads: workloads(id).to_vec(),
        rules: Rules::Firewall(rules.to_vec()),
    };
    let policy = |policy: &NetworkPolicy| {
        let is_selected = |at: &usize| policy.pods.matches(&ground.workloads[*at].labels);
        Denial {
            id: policy.id.clone(),
            workloads: workloads(&policy.id).iter().copied().filter(is_selected).collect(),
            rules: Rules::Policy { rules: policy.rules.clone(), is_heeded: heeds.is_some() },
        }
    };
    let of_sdn = objects.egress_network_policies.iter().map(|one| firewall(&one.id, &one.rules));
    let of_ovn = objects.egress_firewalls.iter().map(|one| firewall(&one.id, &one.rules));
    let policies =
        objects.network_policies.iter().filter(|policy| policy.is_about_egress && heeds != Some(false));
    let policies = policies.map(policy);
    of_sdn.chain(of_ovn).chain(policies).collect()
}

/// Whether a workload may send to an address outside.
pub(in crate::expect) fn leave(denials: &[Denial], workload: usize, to: Endpoint, protocol: u8) -> Leave {
    let mut answer = Leave::Allowed;
    let mut policies = Vec::new();
    for denial in denials.iter().filter(|denial| denial.workloads.binary_search(&workload).is_ok()) {
        match &denial.rules {
            Rules::Firewall(rules) => match by_firewall(&denial.id, rules, to, protocol) {
                Leave::Allowed => {}
                denied @ Leave::Denied(_) => return denied,
                perhaps @ Leave::Perhaps { .. } => answer = perhaps,
            },
            Rules::Policy { rules, is_heeded } => policies.push((&denial.id, rules, *is_heeded)),
        }
    }
    let is_allowed = policies.iter().any(|(_, rules, _)| rules.iter().any(|rule| allows(rule, to, protocol)));
    match policies.first() {
        Some((id, _, is_heeded)) if !is_allowed => {
            let says = format!("{id} selects the pod, and no rule allows {to}");
            let because = Because::of(says, id, "spec.egress", &id.at);
            if *is_heeded {
                Leave::Denied(because)
            } else {
                let missing =
                    "whether the network of this release heeds network policies about egress".to_owned();
                Leave::Perhaps { missing, because }
            }
        }
        _ => answer,
    }
}

fn by_firewall(id: &Id, rules: &[FirewallRule], to: Endpoint, protocol: u8) -> Leave {
    let mut open: Vec<(bool, &String)> = Vec::new();
    let fits = |rule: &&FirewallRule| {
        rule.ports.is_empty()
            || rule
                .ports
                .iter()
                .any(|port| port.port == to.port && protocol_number(&port.protocol) == Some(protocol))
    };
    let mut decided = None;
    for rule in rules.iter().filter(fits) {
        match &rule.to {
            FirewallTo::Block(block) if block.contains(to.address) => {
                decided = Some(rule);
                break;
            }
            FirewallTo::Name(name) => open.push((rule.is_allowed, name)),
            FirewallTo::Block(_) | FirewallTo::Nodes(_) => {}
        }
    }
    let is_allowed = decided.is_none_or(|rule| rule.is_allowed);
    let at = decided.map_or(&id.at, |rule| &rule.at);
    let because = |word: &str| Because::of(format!("{id} {word} {to}"), id, "spec.egress", at);
    let names: Vec<String> =
        open.iter().filter(|(allows, _)| *allows != is_allowed).map(|(_, name)| (*name).clone()).collect();
    match (names.is_empty(), is_allowed) {
        (true, true) => Leave::Allowed,
        (true, false) => Leave::Denied(because("denies")),
        (false, _) => Leave::Perhaps {
            because: because("perhaps denies"),
            missing: format!("the addresses of {}", names.join(", ")),
        },
    }
}

fn allows(rule: &PolicyRule, to: Endpoint, protocol: u8) -> bool {
    let reaches = |peer: &Peer| match peer {
        Peer::Block { within, except } => {
            let contains = |address: Address| {
                within.contains(address) && !except.iter().any(|block| block.contains(address))
            };
            contains(to.address)
        }
        Peer::Pods { .. } => false,
    };
    let fits = |port: &PolicyPort| {
        protocol_number(&port.protocol) == Some(protocol)
            && match port.port {
                PortRange::All => true,
                // Without a port any one is meant; a rule about some of them may allow it.
                PortRange::Numbers(first, last) => to.port == 0 || (first..=last).contains(&to.port),
                // The name of a port of a pod's container: nothing outside has one.
                PortRange::Name(_) => false,
            }
    };
    (rule.peers.is_empty() || rule.peers.iter().any(reaches))
        && (rule.ports.is_empty() || rule.ports.iter().any(fits))
}
