//! Whom egress addresses of namespaces are for: nobody, too many, or pods that do not use them.

use super::given::Given;
use super::{Finding, Report, Rule, Unchecked};
use crate::expect::derive::Meant;
use crate::net::Address;
use crate::objects::{EgressIp, Told};

/// The label without which OVN-Kubernetes gives a node no egress address.
const ASSIGNABLE: &str = "k8s.ovn.org/egress-assignable";

pub(super) fn look(given: &Given<'_>, report: &mut Report) {
    let selected: Vec<Meant<'_>> =
        given.objects.egress_ips.iter().map(|one| given.ground.meant_by(one)).collect();
    let is_known = !given.objects.namespaces.is_empty();
    if !given.objects.egress_ips.is_empty() && !is_known {
        report.unchecked.push(Unchecked {
            rules: vec![Rule::EgressIpSelectsNothing],
            missing: "Namespaces (oc get namespaces -o yaml)",
        });
    }
    for (egress, selected) in given.objects.egress_ips.iter().zip(&selected) {
        if is_known {
            report.findings.extend(nothing(given, egress, selected));
        }
        report.findings.extend(unassigned(given, egress));
        report.findings.extend(differing(egress));
    }
    overlaps(given, &selected, report);
    on_the_hosts_network(given, &selected, report);
}

fn nothing(given: &Given<'_>, egress: &EgressIp, selected: &Meant<'_>) -> Option<Finding> {
    let at = egress.namespaces_at.as_ref().unwrap_or(&egress.id.at);
    if selected.namespaces.is_empty() && selected.open.is_empty() {
        let says = format!("no namespace has the labels {}", egress.namespaces);
        let fix = "label the namespace, or write the labels that it has: oc get namespaces --show-labels";
        return Some(Finding::new(Rule::EgressIpSelectsNothing, &egress.id, at, says, fix));
    }
    let pods = egress.pods.as_ref().filter(|pods| !pods.is_empty())?;
    let has_pods = selected.namespaces.iter().any(|name| !given.ground.of_namespace(name).is_empty());
    if !has_pods || !selected.workloads.is_empty() || !selected.open.is_empty() {
        return None;
    }
    let says = format!("no pod of {} has the labels {pods}", selected.namespaces.join(", "));
    let fix = "write the labels that the pods have: oc get pods --show-labels";
    Some(Finding::new(Rule::EgressIpSelectsNothing, &egress.id, at, says, fix))
}

fn unassigned(given: &Given<'_>, egress: &EgressIp) -> Option<Finding> {
    if !egress.has_status || !egress.assigned.is_empty() {
        return None;
    }
    let is_assignable = |node: &crate::objects::Node| node.labels.contains_key(ASSIGNABLE);
    let (why, fix) = if !given.objects.nodes.is_empty() && !given.objects.nodes.iter().any(is_assignable) {
        (format!(": no node has the label {ASSIGNABLE}"), format!("oc label node NODE {ASSIGNABLE}="))
    } else {
        (
            String::new(),
            "see why no node takes it: oc describe egressip; its subnet must be one of a node's".to_owned(),
        )
    };
    let says = format!("`status.items` is empty{why}");
    Some(Finding::new(Rule::EgressIpUnassigned, &egress.id, &egress.id.at, says, fix))
}

/// Addresses that are wanted and not served, where others are; and those that are served and not wanted.
fn differing(egress: &EgressIp) -> Option<Finding> {
    let (first, _) = egress.assigned.first().zip(egress.wanted.first())?;
    let is_served = |told: &&Told<Address>| egress.assigned.iter().any(|one| one.address.value == told.value);
    let is_wanted = |told: &&Told<Address>| egress.wanted.iter().any(|one| one.value == told.value);
    let served = egress.assigned.iter().map(|one| &one.address);
    let extra: Vec<String> =
        served.filter(|told| !is_wanted(told)).map(|told| told.value.to_string()).collect();
    let unserved: Vec<String> =
        egress.wanted.iter().filter(|told| !is_served(told)).map(|told| told.value.to_string()).collect();
    let says = match (&extra[..], &unserved[..]) {
        ([], []) => return None,
        ([], unserved) => format!("no node serves {}", unserved.join(", ")),
        (extra, []) => format!("{} is served and not wanted", extra.join(", ")),
        (extra, unserved) => {
            format!(
                "{} is served and not wanted, and no node serves {}",
                extra.join(", "),
                unserved.join(", ")
            )
        }
    };
    let fix = "wait until the controller has caught up and print the object again; each address takes a node of its own";
    Some(Finding::new(Rule::EgressIpStatusDiffers, &egress.id, &first.address.at, says, fix))
}

/// One finding for each two objects, with the first pod that both select.
fn overlaps(given: &Given<'_>, selected: &[Meant<'_>], report: &mut Report) {
    for (one, of_one) in selected.iter().enumerate() {
        for (other, of_other) in selected.iter().enumerate().skip(one + 1) {
            let is_shared = |at: &&usize| of_other.workloads.binary_search(at).is_ok();
            let shared = of_one.workloads.iter().filter(is_shared).count();
            let Some(first) = of_one.workloads.iter().find(is_shared) else { continue };
            let (one, other) = (&given.objects.egress_ips[one], &given.objects.egress_ips[other]);
            let more = if shared > 1 { format!(" and {} more", shared - 1) } else { String::new() };
            let says = format!(
                "{} and {} both select {}{more}",
                one.id, other.id, given.derived.workloads[*first].id
            );
            let fix = "let each pod be selected by one EgressIP; several addresses go into one object";
            let at = other.namespaces_at.as_ref().unwrap_or(&other.id.at);
            let finding = Finding::new(Rule::OverlappingEgressIps, &other.id, at, says, fix);
            let at = one.namespaces_at.as_ref().unwrap_or(&one.id.at);
            report.findings.push(finding.also(format!("{} selects it, too", one.id), at));
        }
    }
}

fn on_the_hosts_network(given: &Given<'_>, selected: &[Meant<'_>], report: &mut Report) {
    for (at, workload) in given.derived.workloads.iter().enumerate().filter(|(_, one)| one.is_on_host) {
        let namespace = workload.namespace.as_deref().unwrap_or_default();
        let of_namespace = given
            .objects
            .net_namespaces
            .iter()
            .find(|one| one.netname == namespace && !one.egress_ips.is_empty())
            .map(|one| (&one.id, one.egress_ips[0].value, &one.egress_ips[0].at));
        let of_object = || {
            let (egress, _) = given
                .objects
                .egress_ips
                .iter()
                .zip(selected)
                .find(|(_, selected)| selected.workloads.binary_search(&at).is_ok())?;
            let wanted = egress.wanted.first()?;
            Some((&egress.id, wanted.value, &wanted.at))
        };
        let Some((id, address, place)) = of_namespace.or_else(of_object) else { continue };
        let says = format!("hostNetwork: the pod leaves as its node does, and not with {address} of {id}");
        let fix = "take hostNetwork away, or let the firewall admit the node's address";
        let finding = Finding::new(Rule::HostNetworkUnderEgress, &workload.id, &workload.id.at, says, fix);
        report.findings.push(finding.also(format!("{id} has {address}"), place));
    }
}
