//! What every plugin's function stands on: workloads, namespaces and nodes, found by name.

use std::collections::HashMap;

use super::{Assumed, Release, Who, Workload};
use crate::objects::{EgressIp, Labels, Objects, Selector};

/// The label that every namespace has, with its own name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Objects, and ways into them.
#[derive(Debug)]
pub struct Ground<'a> {
    pub objects: &'a Objects,
    pub assumed: &'a Assumed,
    pub workloads: &'a [Workload],
    /// In order; those without a namespace under the empty name.
    by_namespace: HashMap<&'a str, Vec<usize>>,
    labels: HashMap<&'a str, &'a Labels>,
}

/// Whom an object is for.
#[derive(Debug, Default)]
pub struct Meant<'a> {
    pub namespaces: Vec<&'a str>,
    /// Namespaces whose labels decide and are not known.
    pub open: Vec<&'a str>,
    /// By their index, in order; of those namespaces that are meant for sure.
    pub workloads: Vec<usize>,
}

/// Pods, and templates of which no pod is among the objects.
pub(super) fn workloads(objects: &Objects) -> Vec<Workload> {
    let mut workloads: Vec<Workload> = objects
        .pods
        .iter()
        .map(|pod| Workload {
            id: pod.id.clone(),
            namespace: pod.id.namespace.clone(),
            labels: pod.labels.clone(),
            node: pod.node().map(str::to_owned),
            is_on_host: pod.spec.host_network,
            addresses: if pod.owns_addresses() { pod.addresses.clone() } else { Vec::new() },
            since: pod.started.or(pod.created),
        })
        .collect();
    let mut pods: HashMap<Option<&str>, Vec<&Labels>> = HashMap::new();
    for pod in &objects.pods {
        pods.entry(pod.id.namespace.as_deref()).or_default().push(&pod.labels);
    }
    for template in &objects.templates {
        // None of a set that was replaced is meant to be.
        if template.replicas.as_ref().is_some_and(|replicas| replicas.value == 0) {
            continue;
        }
        let own = Selector::of_labels(&template.labels);
        let selector = template.selector.as_ref().unwrap_or(&own);
        // Its pods speak for it.
        let candidates = pods.get(&template.id.namespace.as_deref());
        if candidates.is_some_and(|labels| labels.iter().any(|labels| selector.matches(labels))) {
            continue;
        }
        workloads.push(Workload {
            id: template.id.clone(),
            namespace: template.id.namespace.clone(),
            labels: template.labels.clone(),
            node: template.spec.node_name.as_ref().map(|told| told.value.clone()),
            is_on_host: template.spec.host_network,
            addresses: Vec::new(),
            since: None,
        });
    }
    workloads
}

impl<'a> Ground<'a> {
    pub(in crate::expect) fn new(
        objects: &'a Objects,
        assumed: &'a Assumed,
        workloads: &'a [Workload],
    ) -> Self {
        let mut by_namespace: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, workload) in workloads.iter().enumerate() {
            by_namespace.entry(workload.namespace.as_deref().unwrap_or("")).or_default().push(at);
        }
        let labels = objects.namespaces.iter().map(|one| (one.id.name.as_str(), &one.labels)).collect();
        Self { objects, assumed, workloads, by_namespace, labels }
    }

    /// The workloads of a namespace, in order.
    pub fn of_namespace(&self, namespace: &str) -> &[usize] {
        self.by_namespace.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// The namespaces that are known by an object or by a workload, in order.
    pub fn namespaces(&self) -> Vec<&'a str> {
        let mut names: Vec<&str> =
            self.by_namespace.keys().copied().filter(|name| !name.is_empty()).collect();
        names.extend(self.labels.keys().copied());
        names.extend(self.objects.net_namespaces.iter().map(|one| one.netname.as_str()));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether a selector of namespaces means that one; `None` where its labels are not known and decide.
    pub fn selects_namespace(&self, selector: &Selector, namespace: &str) -> Option<bool> {
        let own = || (NAME_LABEL.to_owned(), namespace.to_owned());
        if let Some(labels) = self.labels.get(namespace) {
            if labels.contains_key(NAME_LABEL) {
                return Some(selector.matches(labels));
            }
            let mut labels = (*labels).clone();
            labels.extend([own()]);
            return Some(selector.matches(&labels));
        }
        let labels = Labels::from([own()]);
        let (known, open): (Vec<_>, Vec<_>) =
            selector.requirements.iter().cloned().partition(|requirement| requirement.key == NAME_LABEL);
        match (Selector { requirements: known }).matches(&labels) {
            true if !open.is_empty() => None,
            is_selected => Some(is_selected),
        }
    }

    /// Whom an `EgressIP` is for, as far as the objects tell.
    pub fn meant_by(&self, egress: &EgressIp) -> Meant<'a> {
        let mut meant = Meant::default();
        for namespace in self.namespaces() {
            match self.selects_namespace(&egress.namespaces, namespace) {
                Some(true) => meant.namespaces.push(namespace),
                Some(false) => continue,
                None => {
                    meant.open.push(namespace);
                    continue;
                }
            }
            let is_selected = |at: &usize| {
                egress.pods.as_ref().is_none_or(|pods| pods.matches(&self.workloads[*at].labels))
            };
            meant.workloads.extend(self.of_namespace(namespace).iter().copied().filter(is_selected));
        }
        meant.workloads.sort_unstable();
        meant
    }

    /// Everybody, whether an object names them or not.
    pub(super) fn everybody(&self) -> Who {
        Who {
            workloads: (0..self.workloads.len()).collect(),
            namespaces: self.namespaces().into_iter().map(str::to_owned).collect(),
            ..Who::default()
        }
    }

    /// The release of OpenShift, if anybody or anything tells it: that of the nodes' kubelets, 1.11 and before being 3.
    pub fn release(&self) -> Option<Release> {
        self.assumed.release.or_else(|| {
            let version = self.objects.nodes.iter().find_map(|node| node.kubelet.as_deref())?;
            let minor: u32 = version.strip_prefix("v1.")?.split(['.', '+']).next()?.parse().ok()?;
            Some(if minor <= 11 { Release::Three } else { Release::Four })
        })
    }
}
