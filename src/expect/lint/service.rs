//! A router's Service against the router: what leads where.

use super::given::Given;
use super::{Finding, Report, Rule};
use crate::expect::derive::router::Way;
use crate::expect::derive::{Router, target};
use crate::filter::protocol::Protocol;
use crate::objects::{Service, ServicePort, protocol_number};

pub(super) fn look(given: &Given<'_>, report: &mut Report) {
    for router in &given.derived.routers {
        let services: Vec<&Service> = router.services.iter().map(|at| &given.objects.services[*at]).collect();
        if services.is_empty() {
            report.findings.extend(lost(given, router));
        }
        // What would be redirected is known only of what the script accepts.
        if !router.refusals.is_empty() || router.missing.is_some() {
            continue;
        }
        for service in &services {
            let without = service.ports.iter().filter_map(|port| without_rule(router, service, port));
            report.findings.extend(without);
        }
        if !services.is_empty() {
            report.findings.extend(unreached(router, &services));
        }
    }
}

fn without_rule(router: &Router, service: &Service, port: &ServicePort) -> Option<Finding> {
    let shown = format!("port {} ({})", port.port.value, port.protocol);
    let protocol = protocol_number(&port.protocol);
    let (says, fix) = match target(port) {
        Err(name) => (
            format!("{shown} leads to a port called {name}, which the router's container does not have"),
            "write the number of the rule's port as targetPort".to_owned(),
        ),
        Ok(target) if protocol.is_none_or(|protocol| router.way(target, protocol) == Way::Refused) => {
            let protocol = port.protocol.to_lowercase();
            let (has_none, rule) = match router.proxy_port() {
                Some(proxy) => (
                    format!("listens at {proxy} alone"),
                    format!("write targetPort: {proxy}, or remove the port"),
                ),
                None if router.is_proxy() => (
                    "forwards no such port".to_owned(),
                    format!("write a line like `{target} api.partner.example`, or remove the port"),
                ),
                None => (
                    "has no rule for it and no fallback".to_owned(),
                    format!(
                        "write a rule like `{target} {protocol} ADDRESS`, or a fallback on the last line; or remove the port"
                    ),
                ),
            };
            let to =
                if target == port.port.value { String::new() } else { format!(", which leads to {target}") };
            (format!("{shown}{to}: {} {has_none}", router.id), rule)
        }
        Ok(_) => return None,
    };
    let finding = Finding::new(Rule::ServicePortWithoutRule, &service.id, &port.port.at, says, fix);
    Some(finding.also(format!("{} is behind it", router.id), &router.id.at))
}

/// Rules to which no port of any Service leads.
fn unreached(router: &Router, services: &[&Service]) -> Vec<Finding> {
    let leads = |local: u16, protocol: u8| {
        let mut ports = services.iter().flat_map(|service| &service.ports);
        ports.any(|port| target(port) == Ok(local) && protocol_number(&port.protocol) == Some(protocol))
    };
    let first = services[0];
    let redirects = router.redirects.iter().map(|rule| (rule.local, rule.protocol, &rule.at));
    let forwards = router.forwards.iter().map(|forward| (forward.local, 6, &forward.at));
    let proxy = router.proxy_port().map(|port| (port, 6, &router.id.at));
    let unreached =
        redirects.chain(forwards).chain(proxy).filter(|(local, protocol, _)| !leads(*local, *protocol));
    unreached
        .map(|(local, protocol, at)| {
            let protocol = Protocol(protocol).to_string();
            let says = format!("no port of {} leads to {local} {protocol}", first.id);
            let upper = protocol.to_uppercase();
            let fix = format!("add {{ port: {local}, protocol: {upper} }} to its ports, or remove the rule");
            let fix = match router.proxy_port() {
                Some(_) => format!("add {{ port: {local} }} to its ports: clients use the proxy there"),
                None => fix,
            };
            let finding = Finding::new(Rule::RuleWithoutServicePort, &router.id, at, says, fix);
            finding.also(format!("{} is before it", first.id), &first.id.at)
        })
        .collect()
}

/// A Service beside a router that has none, which selects nobody at all: it was meant for the router.
fn lost(given: &Given<'_>, router: &Router) -> Option<Finding> {
    let is_beside =
        |service: &&Service| service.id.shares_namespace(&router.id) && !service.selector.is_empty();
    let selects_nobody = |service: &&Service| {
        let namespace = service.id.namespace.as_deref();
        let workloads = given.derived.workloads.iter();
        let own = workloads.filter(|one| one.id.namespace.as_deref() == namespace);
        !own.into_iter().any(|one| service.selects(&one.labels))
    };
    let of_same = given.objects.services.iter().filter(is_beside).find(selects_nobody);
    // Or one of another namespace that would select it, if it were here.
    let labels = router.workloads.iter().map(|at| &given.derived.workloads[*at].labels).next();
    let elsewhere = || {
        let labels = labels?;
        let is_there =
            |service: &&Service| !service.id.shares_namespace(&router.id) && service.selects(labels);
        given.objects.services.iter().filter(is_there).find(selects_nobody)
    };
    let (service, fix) = match (of_same, elsewhere()) {
        (Some(service), _) => (service, "write the labels of the router's pods as its selector".to_owned()),
        (None, Some(service)) => {
            let namespace = router.namespace.as_deref().unwrap_or("the router's namespace");
            (service, format!("create it in {namespace}: a Service selects pods of its own namespace alone"))
        }
        (None, None) => return None,
    };
    let selector: Vec<String> =
        service.selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let says = format!("{} selects nothing, and {} has no Service", selector.join(","), router.id);
    let at = service.selector_at.as_ref().unwrap_or(&service.id.at);
    let finding = Finding::new(Rule::ServiceSelectsNoRouter, &service.id, at, says, fix);
    Some(finding.also(format!("{} is without a Service", router.id), &router.id.at))
}
