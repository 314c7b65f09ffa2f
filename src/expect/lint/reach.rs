//! Network policies between clients and an egress router: nobody may send to its pods, or they admit nobody.
//!
//! That some pods may not is often meant. So it is told where all are denied that could be: every pod of the router's own
//! namespace, of what leaves; every pod among the objects, of what comes in. What objects leave open counts as allowed.

use super::given::Given;
use super::{Finding, Report, Rule, Severity};
use crate::expect::derive::denial::Rules;
use crate::expect::derive::{Router, Workload};
use crate::objects::{Id, NetworkPolicy, Peer, PolicyPort, PolicyRule, PortRange, protocol_number};

pub(super) fn look(given: &Given<'_>, report: &mut Report) {
    for router in given.derived.routers.iter().filter(|router| router.refusals.is_empty()) {
        let pods: Vec<&Workload> = router.workloads.iter().map(|at| &given.derived.workloads[*at]).collect();
        let Some(&pod) = pods.first() else { continue };
        report.findings.extend(leaving(given, router, pod));
        report.findings.extend(coming(given, router, pod));
    }
}

/// Whom policies about egress keep from the router: all of its namespace.
fn leaving(given: &Given<'_>, router: &Router, pod: &Workload) -> Option<Finding> {
    let all = given.ground.of_namespace(router.namespace.as_deref().unwrap_or(""));
    let mut denied: Option<(&Id, &Workload, bool)> = None;
    for &at in all.iter().filter(|at| is_client(given, **at)) {
        let policies: Vec<_> = given
            .derived
            .denials
            .iter()
            .filter(|denial| denial.workloads.binary_search(&at).is_ok())
            .filter_map(|denial| match &denial.rules {
                Rules::Policy { rules, is_heeded } => Some((&denial.id, rules, *is_heeded)),
                Rules::Firewall(_) => None,
            })
            .collect();
        let (id, _, is_heeded) = policies.first()?;
        let admits = |rule: &PolicyRule, id: &Id| fits(given, id, rule, pod, router);
        if policies.iter().any(|(id, rules, _)| rules.iter().any(|rule| admits(rule, id))) {
            return None;
        }
        denied.get_or_insert((id, &given.derived.workloads[at], *is_heeded));
    }
    let (id, client, is_heeded) = denied?;
    let says =
        format!("{id} selects {}, and no rule allows it to send to the pods of {}", client.id, router.id);
    let finding =
        finding(router, id, says, "allow the router's pods, or its namespace, among the egress rules");
    let severity = if is_heeded { finding.severity } else { Severity::Unknown };
    Some(Finding { severity, ..finding })
}

/// Whom policies about ingress let in: nobody of those that the objects name.
fn coming(given: &Given<'_>, router: &Router, pod: &Workload) -> Option<Finding> {
    let selects = |policy: &&NetworkPolicy| {
        policy.ingress.is_some()
            && policy.id.namespace == router.namespace
            && policy.pods.matches(&pod.labels)
    };
    let policies: Vec<&NetworkPolicy> = given.objects.network_policies.iter().filter(selects).collect();
    let first = *policies.first()?;
    let mut clients = (0..given.derived.workloads.len()).filter(|at| is_client(given, *at)).peekable();
    clients.peek()?;
    let admits = |client: &Workload| {
        policies.iter().any(|policy| {
            let rules = policy.ingress.iter().flatten();
            rules.into_iter().any(|rule| fits(given, &policy.id, rule, client, router))
        })
    };
    if clients.any(|at| admits(&given.derived.workloads[at])) {
        return None;
    }
    let says = format!("{} selects the pods of {}, and admits none of the pods here", first.id, router.id);
    Some(finding(
        router,
        &first.id,
        says,
        "allow the clients' pods, or their namespaces, among the ingress rules",
    ))
}

fn finding(router: &Router, policy: &Id, says: String, fix: &str) -> Finding {
    let finding = Finding::new(Rule::RouterUnreachable, policy, &policy.at, says, fix);
    finding.also(format!("{} is the router", router.id), &router.id.at)
}

fn is_client(given: &Given<'_>, at: usize) -> bool {
    !given.derived.workloads[at].is_on_host && given.derived.router_of(at).is_none()
}

/// Whether a rule of a policy allows `other`, at some port of the router's.
fn fits(given: &Given<'_>, policy: &Id, rule: &PolicyRule, other: &Workload, router: &Router) -> bool {
    (rule.peers.is_empty() || rule.peers.iter().any(|peer| is_peer(given, policy, peer, other)))
        && (rule.ports.is_empty() || rule.ports.iter().any(|port| has_port(router, port)))
}

fn is_peer(given: &Given<'_>, policy: &Id, peer: &Peer, other: &Workload) -> bool {
    match peer {
        Peer::Block { within, except } => {
            let is_within =
                |address| within.contains(address) && !except.iter().any(|block| block.contains(address));
            // Of what has no address yet, any may be its own.
            other.addresses.is_empty() || other.addresses.iter().any(|address| is_within(*address))
        }
        Peer::Pods { namespaces, pods } => {
            let is_there = match (namespaces, other.namespace.as_deref()) {
                (None, namespace) => namespace == policy.namespace.as_deref(),
                (Some(selector), Some(name)) => given.ground.selects_namespace(selector, name) != Some(false),
                (Some(_), None) => true,
            };
            is_there && pods.as_ref().is_none_or(|pods| pods.matches(&other.labels))
        }
    }
}

/// Whether a port of a policy is one that the router answers at.
fn has_port(router: &Router, port: &PolicyPort) -> bool {
    let Some(protocol) = protocol_number(&port.protocol) else { return true };
    let is_within = |local: u16| match &port.port {
        PortRange::Numbers(first, last) => (*first..=*last).contains(&local),
        // What a container calls its ports is not asked here.
        PortRange::All | PortRange::Name(_) => true,
    };
    let redirects = router.redirects.iter().map(|rule| (rule.local, rule.protocol));
    let forwards = router.forwards.iter().map(|forward| (forward.local, 6));
    let proxy = router.proxy_port().map(|port| (port, 6));
    let mut own = redirects.chain(forwards).chain(proxy);
    router.fallback.is_some() || own.any(|(local, of_rule)| of_rule == protocol && is_within(local))
}
