//! How an egress router's pods are made: how many, by which update, with which rights, on which subnet.

use super::given::{Given, Subject};
use super::{Finding, Report, Rule, Severity};
use crate::objects::{EgressRouter, MACVLAN, Place, RedirectRule, Template};
use crate::router::settings;

/// Bits that addresses of one subnet share at least, where no prefix length is written: nodes' subnets are rarely larger.
const SHARED: u8 = 16;

pub(super) fn look(given: &Given<'_>, report: &mut Report) {
    for subject in given.subjects() {
        if let Some(template) = subject.template {
            report.findings.extend(replicas(&subject, template));
            report.findings.extend(update(&subject, template));
        }
        report.findings.extend(annotation(&subject));
        report.findings.extend(rights(&subject));
        report.findings.extend(gateway(&subject));
        report.findings.extend(nodes_subnet(given, &subject));
    }
    for resource in &given.objects.egress_routers {
        report.findings.extend(unwritable(resource));
        report.findings.extend(unused(resource));
    }
    for router in given.derived.routers.iter().filter(|router| router.is_resource()) {
        let (Some(source), Some(gateway), Some(subnet)) =
            (&router.source, &router.gateway, super::given::subnet(router))
        else {
            continue;
        };
        if !subnet.contains(gateway.value) {
            let says =
                format!("the gateway {} is not in {subnet}, the subnet of {}", gateway.value, source.value);
            let fix =
                "write the address with the prefix length of its subnet, and the gateway of that subnet";
            report.findings.push(Finding::new(Rule::SourceOutsideSubnet, &router.id, &gateway.at, says, fix));
        }
    }
}

/// Redirections that the router writes as rules which nobody reads: an address of IPv6 and a port, without brackets between.
fn unwritable(resource: &EgressRouter) -> Vec<Finding> {
    let is_meant = |rule: &&RedirectRule| !rule.destination.value.is_v4() && rule.target_port.is_some();
    let finding = |rule: &RedirectRule| {
        let address = rule.destination.value;
        let says =
            format!("{address} has a targetPort, and the router writes the two together without brackets");
        let fix = "leave targetPort out and let clients call the destination's own port";
        Finding::new(Rule::DoubtfulValue, &resource.id, &rule.destination.at, says, fix)
    };
    resource.rules.iter().filter(is_meant).map(finding).collect()
}

/// Of several addresses the first is used.
fn unused(resource: &EgressRouter) -> Option<Finding> {
    let (first, second) = (resource.addresses.first()?, resource.addresses.get(1)?);
    let (used, unused) = (first.address.value, second.address.value);
    let says = format!("{used} is the first address, and the router uses no other: {unused} is never used");
    let fix = "write one address; another router takes another one";
    let finding = Finding::new(Rule::DoubtfulValue, &resource.id, &second.address.at, says, fix);
    Some(Finding { severity: Severity::Warning, ..finding })
}

fn replicas(subject: &Subject<'_>, template: &Template) -> Option<Finding> {
    let fix = "write replicas: 1; for a second router take a second source address";
    if template.id.kind == "DaemonSet" {
        let says = "a DaemonSet runs the router on every node that it may run on".to_owned();
        let fix = "make it a Deployment with replicas: 1 and strategy: Recreate";
        return Some(Finding::new(Rule::ReplicasNotOne, subject.id(), &template.id.at, says, fix));
    }
    let replicas = template.replicas.as_ref().filter(|replicas| replicas.value != 1)?;
    let says = match replicas.value {
        0 => "replicas is 0: no router runs".to_owned(),
        many => format!("replicas is {many}: so many pods take one source address"),
    };
    Some(Finding::new(Rule::ReplicasNotOne, subject.id(), &replicas.at, says, fix))
}

/// A Deployment's update starts a quarter more pods first, rounded up to one, if nothing else is written.
fn update(subject: &Subject<'_>, template: &Template) -> Option<Finding> {
    if !matches!(template.id.kind, "Deployment" | "DeploymentConfig") {
        return None;
    }
    let strategy = template.strategy.as_ref();
    let kind = strategy.and_then(|strategy| strategy.kind.as_ref());
    if kind.is_some_and(|kind| !matches!(kind.value.as_str(), "RollingUpdate" | "Rolling")) {
        return None;
    }
    let surge = strategy.and_then(|strategy| strategy.max_surge.as_ref());
    if surge.is_some_and(|surge| matches!(surge.value.as_str(), "0" | "0%")) {
        return None;
    }
    let (says, at): (String, &Place) = match (surge, kind, strategy) {
        (Some(surge), ..) => {
            (format!("maxSurge is {}: an update runs two pods at once", surge.value), &surge.at)
        }
        (None, Some(kind), _) => {
            (format!("strategy is {}: an update runs two pods at once", kind.value), &kind.at)
        }
        (None, None, Some(strategy)) => {
            ("the strategy leaves maxSurge open: an update runs two pods at once".to_owned(), &strategy.at)
        }
        (None, None, None) => {
            ("no strategy is written: an update runs two pods at once".to_owned(), &template.id.at)
        }
    };
    let fix = "write strategy: { type: Recreate }";
    Some(Finding::new(Rule::RollingUpdateRunsTwo, subject.id(), at, says, fix))
}

/// The network attaches a macvlan interface to pods with the annotation, unless it says false.
fn annotation(subject: &Subject<'_>) -> Option<Finding> {
    let fix = format!("write {MACVLAN}: \"true\" among the annotations of the pod's template");
    let (says, at) = match subject.macvlan {
        Some(told) if told.value == "false" || told.value.is_empty() => {
            (format!("{MACVLAN} is \"{}\"", told.value), &told.at)
        }
        Some(_) => return None,
        None => {
            let at = subject.template.map_or(&subject.router.id.at, |template| &template.at);
            (format!("the pods have no annotation {MACVLAN}"), at)
        }
    };
    Some(Finding::new(Rule::MacvlanAnnotation, subject.id(), at, says, fix))
}

fn rights(subject: &Subject<'_>) -> Option<Finding> {
    let (container, _) =
        subject.spec.variable(settings::SOURCE).or_else(|| subject.spec.variable(settings::MODE))?;
    let told = container.privileged.as_ref();
    if told.is_some_and(|told| told.value) {
        return None;
    }
    let at = told.map_or(&container.at, |told| &told.at);
    let says = format!("the container {} is not privileged", container.name);
    let fix = "write securityContext: { privileged: true } in this container, and let the service account use such an SCC";
    Some(Finding::new(Rule::NotPrivileged, subject.id(), at, says, fix))
}

fn gateway(subject: &Subject<'_>) -> Option<Finding> {
    let (source, gateway) = (subject.router.source.as_ref()?, subject.router.gateway.as_ref()?);
    if source.value == gateway.value {
        let says = format!("source and gateway are both {}", source.value);
        let fix = "write an address of the subnet that nobody else has as EGRESS_SOURCE";
        return Some(Finding::new(Rule::SourceOutsideSubnet, subject.id(), &source.at, says, fix));
    }
    let fix = "write the gateway of the subnet that the source is in, and the source with that subnet's prefix length";
    match subject.subnet() {
        Some(subnet) if subnet.contains(gateway.value) => None,
        Some(subnet) => {
            let says = format!("the gateway {} is not in {subnet}, the source's subnet", gateway.value);
            Some(Finding::new(Rule::SourceOutsideSubnet, subject.id(), &gateway.at, says, fix))
        }
        None if share(source.value, gateway.value) => None,
        None => {
            let says = format!(
                "the gateway {} and the source {} share less than {SHARED} bits, and no prefix length is written",
                gateway.value, source.value
            );
            let finding = Finding::new(Rule::SourceOutsideSubnet, subject.id(), &gateway.at, says, fix);
            Some(Finding { severity: Severity::Warning, ..finding })
        }
    }
}

fn share(one: crate::net::Address, other: crate::net::Address) -> bool {
    crate::net::Block::around(one, SHARED).is_some_and(|block| block.contains(other))
}

fn nodes_subnet(given: &Given<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let source = subject.router.source.as_ref()?;
    let addresses: Vec<_> = given.nodes.values().flatten().filter(|one| one.is_v4()).copied().collect();
    let first = addresses.first()?;
    let fix = "take an address of the nodes' own subnet that nobody else has";
    let (severity, says) = match subject.subnet() {
        Some(subnet) if addresses.iter().any(|address| subnet.contains(*address)) => return None,
        Some(subnet) => (
            Severity::Error,
            format!("no node has an address in {subnet}, the source's subnet; the first has {first}"),
        ),
        None if addresses.iter().any(|address| share(source.value, *address)) => return None,
        None => (
            Severity::Warning,
            format!(
                "the source {} shares less than {SHARED} bits with every node's address, the first being {first}",
                source.value
            ),
        ),
    };
    let finding = Finding::new(Rule::SourceInNoNodeSubnet, subject.id(), &source.at, says, fix);
    Some(Finding { severity, ..finding })
}
