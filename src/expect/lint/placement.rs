//! Where pods run: a router where its address is, applications where they may be.

use std::collections::BTreeMap;

use super::given::{Given, Landing, Subject};
use super::{Finding, Report, Rule, Severity, Unchecked};
use crate::objects::{Labels, Phase, Template};

/// The labels of nodes for the cluster's own services: the role, and OpenShift 3's region.
const INFRA: [(&str, Option<&str>); 2] = [("node-role.kubernetes.io/infra", None), ("region", Some("infra"))];

pub(super) fn look(given: &Given<'_>, report: &mut Report) {
    for subject in given.subjects() {
        report.findings.extend(router(given, &subject));
    }
    if given.objects.nodes.is_empty() {
        if !given.objects.pods.is_empty() || !given.objects.templates.is_empty() {
            report.unchecked.push(Unchecked {
                rules: vec![Rule::ApplicationOnInfraNode],
                missing: "Nodes (oc get nodes -o yaml)",
            });
        }
        return;
    }
    let nodes = given.objects.nodes.iter();
    let infra: BTreeMap<&str, String> =
        nodes.filter_map(|node| Some((node.id.name.as_str(), infra(&node.labels)?))).collect();
    for (at, workload) in given.derived.workloads.iter().enumerate() {
        let node = workload.node.as_deref().and_then(|node| infra.get_key_value(node));
        let Some((node, label)) = node.filter(|_| is_application(given, at)) else { continue };
        let says = format!("it runs on {node}, which has the label {label}");
        let fix =
            "write a nodeSelector for nodes of applications; a router may stay there, an application may not";
        let at = &workload.id.at;
        report.findings.push(Finding::new(Rule::ApplicationOnInfraNode, &workload.id, at, says, fix));
    }
}

fn router(given: &Given<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let Landing { nodes, says: placed, at } = subject.landing(given);
    let nodes = nodes?;
    let off = |says, fix: &str| Finding::new(Rule::RouterOffNode, subject.id(), at, says, fix);
    let is_known = |node: &&str| given.nodes.contains_key(node);
    if !nodes.iter().any(is_known) {
        if given.nodes.is_empty() {
            return None;
        }
        let known: Vec<&str> = given.nodes.keys().copied().take(6).collect();
        let says = format!("{placed}: no node of the cluster; there are {}", known.join(", "));
        return Some(off(says, "name a node that exists and has the source's subnet"));
    }
    let source = subject.router.source.as_ref()?;
    let holders: Vec<_> = given
        .objects
        .host_subnets
        .iter()
        .filter_map(|host| {
            let told = host.egress_ips.iter().find(|told| told.value == source.value)?;
            Some((host, told))
        })
        .collect();
    let is_holder = |node: &&str| holders.iter().any(|(host, _)| host.host == **node);
    if let Some((holder, told)) = holders.first()
        && !nodes.iter().all(is_holder)
    {
        let says = format!("{placed}, and {} is assigned to {}", source.value, holder.host);
        let fix = format!("write nodeName: {}", holder.host);
        let finding = off(says, &fix).also(format!("{} has it", holder.id), &told.at);
        let severity = if nodes.iter().any(is_holder) { Severity::Warning } else { Severity::Error };
        return Some(Finding { severity, ..finding });
    }
    let subnet = subject.subnet()?;
    let is_in = |node: &&str| given.nodes[*node].iter().any(|address| subnet.contains(*address));
    let known: Vec<&str> =
        nodes.iter().copied().filter(|node| is_known(node) && !given.nodes[*node].is_empty()).collect();
    let away = known.iter().find(|node| !is_in(node))?;
    // Where no node at all is in the subnet, that is said of the source.
    if !given.nodes.keys().any(is_in) {
        return None;
    }
    let says =
        format!("{placed}: it may land on {away}, which has no address in {subnet}, the source's subnet");
    let severity = if known.iter().any(is_in) { Severity::Warning } else { Severity::Error };
    Some(Finding { severity, ..off(says, "name a node in the source's subnet, by nodeName or nodeSelector") })
}

/// Whether a workload is neither a router, nor part of the platform, nor made for every node.
fn is_application(given: &Given<'_>, at: usize) -> bool {
    let workload = &given.derived.workloads[at];
    let pod = given.pod(at);
    let is_platform = workload.namespace.as_deref().is_some_and(|name| {
        matches!(name, "default" | "openshift" | "kube-system" | "kube-public")
            || name.starts_with("openshift-")
            || name.starts_with("kube-")
    });
    let is_everywhere = |template: &Template| {
        template.id.kind == "DaemonSet"
            && (template.id == workload.id || pod.is_some_and(|pod| template.makes(pod)))
    };
    !is_platform
        && pod.is_none_or(|pod| pod.phase != Phase::Finished)
        && given.derived.router_of(at).is_none()
        && !given.objects.templates.iter().any(is_everywhere)
}

fn infra(labels: &Labels) -> Option<String> {
    let (key, value) = INFRA
        .iter()
        .filter_map(|(key, wanted)| Some((labels.get_key_value(*key)?, wanted)))
        .find(|((_, value), wanted)| wanted.is_none_or(|wanted| *value == wanted))?
        .0;
    Some(if value.is_empty() { key.clone() } else { format!("{key}={value}") })
}
