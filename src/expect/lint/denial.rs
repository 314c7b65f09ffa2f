//! Policies that forbid what traffic is meant for.
//!
//! Destinations are those that somebody means: of routers' rules, of policy files, typed. Without any, a firewall that denies
//! everything to workloads with an egress address of their own is told.
//!
//! What a router sends out by its macvlan interface does not pass the network's firewall. That one denies what the other leads
//! to is a contradiction all the same, and a warning: whoever calls the destination without the router is dropped.

use super::given::Given;
use super::{Destination, Finding, Report, Rule, Severity};
use crate::expect::derive::denial::{self, Denial, Leave, Rules};
use crate::expect::derive::{Answer, Because};
use crate::net::Endpoint;
use crate::objects::{FirewallTo, Place};

pub(super) fn look(given: &Given<'_>, report: &mut Report) {
    for router in &given.derived.routers {
        let rules = router.redirects.iter();
        let mut targets: Vec<(Endpoint, u8, &Place)> = rules
            .map(|rule| (Endpoint { address: rule.address, port: rule.target }, rule.protocol, &rule.at))
            .collect();
        targets.extend(
            router.fallback.iter().map(|told| (Endpoint { address: told.value, port: 0 }, 6, &told.at)),
        );
        let Some(&pod) = router.workloads.first() else { continue };
        for (to, protocol, at) in targets {
            let Some(because) = denied(given, pod, to, protocol) else { continue };
            let fix = "allow the destination there, or remove the router's rule, so that both say the same";
            let says = format!("{} leads to {to}, and {}", router.id, because.says);
            let Some(object) = &because.object else { continue };
            let place = because.at.as_ref().unwrap_or(&object.at);
            let finding = Finding::new(Rule::DestinationDenied, object, place, says, fix);
            let finding = finding.also(format!("{} leads there", router.id), at);
            report.findings.push(Finding { severity: Severity::Warning, ..finding });
        }
    }
    for Destination { to, protocol } in given.meant {
        meant(given, *to, *protocol, report);
    }
    if given.meant.is_empty() {
        for denial in &given.derived.denials {
            report.findings.extend(everything(given, denial));
        }
    }
}

fn denied(given: &Given<'_>, workload: usize, to: Endpoint, protocol: u8) -> Option<Because> {
    match denial::leave(&given.derived.denials, workload, to, protocol) {
        Leave::Denied(because) => Some(because),
        Leave::Allowed | Leave::Perhaps { .. } => None,
    }
}

/// Whether a workload has an egress address of its own.
fn has_address(given: &Given<'_>, workload: usize) -> bool {
    matches!(given.derived.rule_for(workload).map(|rule| &rule.answer), Some(Answer::AnyOf(_)))
        && given.derived.router_of(workload).is_none()
}

/// Workloads with an egress address to which a destination that is meant is denied; one finding for each object.
fn meant(given: &Given<'_>, to: Endpoint, protocol: u8, report: &mut Report) {
    let mut told = Vec::new();
    for workload in (0..given.derived.workloads.len()).filter(|at| has_address(given, *at)) {
        let Some(because) = denied(given, workload, to, protocol) else { continue };
        let Some(object) = &because.object else { continue };
        if told.contains(object) {
            continue;
        }
        told.push(object.clone());
        let says = format!("{}, which {} is to reach", because.says, given.derived.workloads[workload].id);
        let at = because.at.as_ref().unwrap_or(&object.at);
        let fix = format!("allow {to} before the rule that denies it");
        report.findings.push(Finding::new(Rule::DestinationDenied, object, at, says, fix));
    }
}

/// A firewall that lets nothing out of workloads with an egress address.
fn everything(given: &Given<'_>, denial: &Denial) -> Option<Finding> {
    let workload = denial.workloads.iter().find(|at| has_address(given, **at))?;
    let at = match &denial.rules {
        Rules::Firewall(rules) => {
            let is_all = |to: &FirewallTo| matches!(to, FirewallTo::Block(block) if block.prefix() == 0);
            let (first, rule) =
                rules.iter().enumerate().find(|(_, rule)| is_all(&rule.to) && rule.ports.is_empty())?;
            if rule.is_allowed || rules[..first].iter().any(|rule| rule.is_allowed) {
                return None;
            }
            &rule.at
        }
        // Policies add up: another one may allow what this one does not.
        Rules::Policy { rules, is_heeded: true }
            if rules.is_empty() && is_alone(given, denial, *workload) =>
        {
            &denial.id.at
        }
        Rules::Policy { .. } => return None,
    };
    let who = &given.derived.workloads[*workload].id;
    let says = format!("{} lets nothing out, and {who} has an egress address", denial.id);
    let fix = "allow the destinations that the address is for, before what denies the rest";
    Some(Finding::new(Rule::DestinationDenied, &denial.id, at, says, fix))
}

fn is_alone(given: &Given<'_>, denial: &Denial, workload: usize) -> bool {
    let is_rival = |other: &&Denial| {
        matches!(&other.rules, Rules::Policy { rules, .. } if !rules.is_empty())
            && other.workloads.binary_search(&workload).is_ok()
    };
    !given.derived.denials.iter().filter(|other| other.id != denial.id).any(|other| is_rival(&other))
}
