//! Who claims which address: nodes, namespaces, routers, other objects.
//!
//! openshift-sdn gives an egress address to a node's interface as soon as a `HostSubnet` and a `NetNamespace` both claim it; an
//! egress router brings its source on an interface of its own. One address has one owner.

use std::collections::BTreeMap;

use super::given::Given;
use super::{Finding, Mention, Report, Rule, Severity, Unchecked};
use crate::net::Address;
use crate::objects::{Id, NetNamespace, Place};

/// Who claims an address, and where.
#[derive(Clone, Copy)]
struct Claim<'a> {
    id: &'a Id,
    at: &'a Place,
}

/// By address, in the order of the objects.
type Claims<'a> = BTreeMap<Address, Vec<Claim<'a>>>;

pub(super) fn look(given: &Given<'_>, report: &mut Report) {
    let objects = given.objects;
    let hosts = claims(objects.host_subnets.iter().map(|host| (&host.id, &host.egress_ips)));
    let namespaces = claims(objects.net_namespaces.iter().map(|one| (&one.id, &one.egress_ips)));
    let egress_ips = claims(objects.egress_ips.iter().map(|one| (&one.id, &one.wanted)));
    let mut routers = Claims::new();
    for router in &given.derived.routers {
        if let Some(source) = &router.source {
            routers.entry(source.value).or_default().push(Claim { id: &router.id, at: &source.at });
        }
    }
    for (address, several) in hosts.iter().filter(|(_, claims)| claims.len() > 1) {
        let says = format!("{address} is claimed by {}", names(several));
        let fix = format!("leave {address} on one HostSubnet alone");
        report.findings.push(several_claim(Rule::AddressOnTwoNodes, several, says, fix));
    }
    for (address, several) in namespaces.iter().filter(|(_, claims)| claims.len() > 1) {
        let says = format!("{address} is claimed by {}", names(several));
        let fix =
            format!("leave {address} to one NetNamespace alone; pods of others need an address of their own");
        report.findings.push(several_claim(Rule::AddressInTwoNamespaces, several, says, fix));
    }
    report.findings.extend(objects.net_namespaces.iter().flat_map(|one| on_one_node(one, &hosts)));
    for (address, of_routers) in &routers {
        let of_others = egress_ips.get(address).map_or(&[][..], Vec::as_slice);
        let all: Vec<Claim<'_>> = of_routers.iter().chain(of_others).copied().collect();
        if all.len() > 1 {
            let says = format!("{address} is claimed by {}", names(&all));
            report.findings.push(several_claim(Rule::AddressInTwoObjects, &all, says, ONE_EACH.to_owned()));
        }
    }
    for (address, several) in egress_ips.iter().filter(|(_, claims)| claims.len() > 1) {
        if !routers.contains_key(address) {
            let says = format!("{address} is claimed by {}", names(several));
            report.findings.push(several_claim(
                Rule::AddressInTwoObjects,
                several,
                says,
                ONE_EACH.to_owned(),
            ));
        }
    }
    for (address, of_routers) in &routers {
        report.findings.extend(router_and_network(*address, of_routers[0], &hosts, &namespaces));
    }
    for claims in [&hosts, &egress_ips, &routers] {
        for (address, of_one) in claims {
            report.findings.extend(a_nodes_own(given, *address, of_one[0]));
        }
    }
    homeless(given, &hosts, report);
}

const ONE_EACH: &str = "give each its own address";

fn claims<'a>(all: impl Iterator<Item = (&'a Id, &'a Vec<crate::objects::Told<Address>>)>) -> Claims<'a> {
    let mut claims = Claims::new();
    for (id, addresses) in all {
        for told in addresses {
            let of_address = claims.entry(told.value).or_default();
            // Written twice in one object, it is claimed once.
            if !of_address.iter().any(|claim| claim.id == id) {
                of_address.push(Claim { id, at: &told.at });
            }
        }
    }
    claims
}

fn names(claims: &[Claim<'_>]) -> String {
    let names: Vec<String> = claims.iter().take(4).map(|claim| claim.id.to_string()).collect();
    let more = if claims.len() > 4 { format!(" and {} more", claims.len() - 4) } else { String::new() };
    format!("{}{more}", names.join(" and "))
}

/// Told at the second claim; the first was there before.
fn several_claim(rule: Rule, claims: &[Claim<'_>], says: String, fix: String) -> Finding {
    let second = claims[1];
    let mut finding = Finding::new(rule, second.id, second.at, says, fix);
    finding.also = claims
        .iter()
        .enumerate()
        .filter(|(at, _)| *at != 1)
        .map(|(_, claim)| Mention { says: format!("{} claims it", claim.id), at: claim.at.clone() })
        .take(4)
        .collect();
    finding
}

fn router_and_network(
    address: Address,
    router: Claim<'_>,
    hosts: &Claims<'_>,
    namespaces: &Claims<'_>,
) -> Option<Finding> {
    let host = hosts.get(&address).map(|claims| claims[0]);
    let namespace = namespaces.get(&address).map(|claims| claims[0]);
    let (severity, says) = match (host, namespace) {
        (Some(host), Some(namespace)) => (
            Severity::Error,
            format!(
                "{address} is EGRESS_SOURCE here, and egress IP of {} held by {}: two MACs will answer for it",
                namespace.id, host.id
            ),
        ),
        (Some(one), None) => (
            Severity::Warning,
            format!(
                "{address} is EGRESS_SOURCE here, and {} claims it: its node takes it as soon as a NetNamespace does, too",
                one.id
            ),
        ),
        (None, Some(one)) => (
            Severity::Warning,
            format!(
                "{address} is EGRESS_SOURCE here, and {} claims it: a node takes it as soon as a HostSubnet does, too",
                one.id
            ),
        ),
        (None, None) => return None,
    };
    let fix = "give the router an address that is in no egressIPs, or remove the router and use the namespace's egress IP";
    let mut finding = Finding::new(Rule::SourceIsEgressIp, router.id, router.at, says, fix);
    for claim in [host, namespace].into_iter().flatten() {
        finding = finding.also(format!("{} claims it", claim.id), claim.at);
    }
    Some(Finding { severity, ..finding })
}

fn a_nodes_own(given: &Given<'_>, address: Address, claim: Claim<'_>) -> Option<Finding> {
    let (node, _) = given.nodes.iter().find(|(_, addresses)| addresses.contains(&address))?;
    let says = format!("{address} is node {node}'s own address");
    let fix = "take an address of the nodes' subnet that nobody has";
    Some(Finding::new(Rule::SourceIsNodeAddress, claim.id, claim.at, says, fix))
}

/// Addresses of a namespace on a node that holds another one of it.
fn on_one_node(namespace: &NetNamespace, hosts: &Claims<'_>) -> Vec<Finding> {
    let only_host = |address: &Address| match hosts.get(address).map(Vec::as_slice) {
        Some([only]) => Some(only.id),
        _ => None,
    };
    let mut findings = Vec::new();
    for (at, told) in namespace.egress_ips.iter().enumerate() {
        let Some(host) = only_host(&told.value) else { continue };
        let before = namespace.egress_ips[..at]
            .iter()
            .find(|other| other.value != told.value && only_host(&other.value) == Some(host));
        if let Some(other) = before {
            let says = format!("{} and {} are both on {host}", other.value, told.value);
            let fix = "leave one of them there, and put the other on another node";
            let finding = Finding::new(Rule::TwoAddressesOnOneNode, &namespace.id, &told.at, says, fix);
            findings.push(finding.also(format!("the other is {}", other.value), &other.at));
        }
    }
    findings
}

/// Addresses of namespaces that no node holds.
fn homeless(given: &Given<'_>, hosts: &Claims<'_>, report: &mut Report) {
    let objects = given.objects;
    if !objects.net_namespaces.iter().any(|one| !one.egress_ips.is_empty()) {
        return;
    }
    if objects.host_subnets.is_empty() {
        report.unchecked.push(Unchecked {
            rules: vec![Rule::AddressOnNoNode],
            missing: "HostSubnets (oc get hostsubnets -o yaml)",
        });
        return;
    }
    for namespace in &objects.net_namespaces {
        for told in namespace.egress_ips.iter().filter(|told| !hosts.contains_key(&told.value)) {
            let is_in_range = |host: &&crate::objects::HostSubnet| {
                host.egress_cidrs.iter().any(|cidr| cidr.contains(told.value))
            };
            let (why, fix) = match objects.host_subnets.iter().find(is_in_range) {
                Some(host) => (
                    format!(
                        ", though egressCIDRs of {} contain it: the controller has not placed it",
                        host.id
                    ),
                    "look at the network's controller: oc logs -n openshift-sdn -l app=sdn-controller"
                        .to_owned(),
                ),
                None => (
                    String::new(),
                    format!(
                        "oc patch hostsubnet NODE -p '{{\"egressIPs\": [\"{}\"]}}', beside those it has",
                        told.value
                    ),
                ),
            };
            let says = format!("{} is on no HostSubnet{why}", told.value);
            report.findings.push(Finding::new(Rule::AddressOnNoNode, &namespace.id, &told.at, says, fix));
        }
    }
}
