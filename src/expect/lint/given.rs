//! What is looked at: objects, what follows from them, and ways into both.

use std::collections::BTreeMap;

use super::Destination;
use crate::expect::derive::{Assumed, Derived, Ground, Router};
use crate::net::{Address, Block};
use crate::objects::{Id, Labels, Objects, Place, Pod, PodSpec, Template, Told};

pub(super) struct Given<'a> {
    pub(super) objects: &'a Objects,
    pub(super) derived: &'a Derived,
    pub(super) ground: Ground<'a>,
    pub(super) meant: &'a [Destination],
    /// Every node that an object names, with its addresses.
    pub(super) nodes: BTreeMap<&'a str, Vec<Address>>,
}

/// A router of the macvlan kind, and what its pods are made of.
pub(super) struct Subject<'a> {
    pub(super) router: &'a Router,
    pub(super) spec: &'a PodSpec,
    pub(super) macvlan: Option<&'a Told<String>>,
    /// `None` where it is a pod by itself.
    pub(super) template: Option<&'a Template>,
}

/// Which nodes a pod may run on.
pub(super) struct Landing<'a> {
    /// `None` where that is not told.
    pub(super) nodes: Option<Vec<&'a str>>,
    /// In words: `nodeName worker1`.
    pub(super) says: String,
    pub(super) at: &'a Place,
}

impl<'a> Given<'a> {
    pub(super) fn new(
        objects: &'a Objects,
        derived: &'a Derived,
        assumed: &'a Assumed,
        meant: &'a [Destination],
    ) -> Self {
        let mut nodes: BTreeMap<&str, Vec<Address>> = BTreeMap::new();
        for node in &objects.nodes {
            nodes.entry(&node.id.name).or_default().extend(&node.addresses);
        }
        for host in &objects.host_subnets {
            nodes.entry(&host.host).or_default().extend(host.host_ip.as_ref().map(|told| told.value));
        }
        Self { objects, derived, ground: Ground::new(objects, assumed, &derived.workloads), meant, nodes }
    }

    /// The pod that a workload is, by its index; `None` of a template.
    pub(super) fn pod(&self, workload: usize) -> Option<&'a Pod> {
        // Pods come first among the workloads, in their order.
        self.objects.pods.get(workload)
    }

    /// The routers that read their environment.
    pub(super) fn subjects(&self) -> impl Iterator<Item = Subject<'a>> + '_ {
        self.derived.routers.iter().filter(|router| !router.is_resource()).filter_map(|router| {
            let template = self.objects.templates.iter().find(|template| template.id == router.id);
            let pod = self.objects.pods.iter().find(|pod| pod.id == router.id);
            let (spec, macvlan) = match (template, pod) {
                (Some(template), _) => (&template.spec, template.macvlan.as_ref()),
                (None, Some(pod)) => (&pod.spec, pod.macvlan.as_ref()),
                (None, None) => return None,
            };
            Some(Subject { router, spec, macvlan, template })
        })
    }
}

impl<'a> Subject<'a> {
    pub(super) fn id(&self) -> &'a Id {
        &self.router.id
    }

    /// The subnet of the source, where a prefix length tells it.
    pub(super) fn subnet(&self) -> Option<Block> {
        subnet(self.router)
    }

    pub(super) fn landing(&self, given: &Given<'a>) -> Landing<'a> {
        if let Some(name) = &self.spec.node_name {
            let nodes = Some(vec![name.value.as_str()]);
            return Landing { nodes, says: format!("nodeName {}", name.value), at: &name.at };
        }
        let wanted = &self.spec.node_selector;
        let at = self.spec.node_selector_at.as_ref().unwrap_or(&self.router.id.at);
        if wanted.is_empty() {
            let nodes = (!given.nodes.is_empty()).then(|| given.nodes.keys().copied().collect());
            return Landing { nodes, says: "neither nodeName nor nodeSelector".to_owned(), at };
        }
        let has_all = |labels: &Labels| {
            wanted.iter().all(|(key, value)| labels.get(key).is_some_and(|one| one == value))
        };
        let nodes = given.objects.nodes.iter().filter(|node| has_all(&node.labels));
        let nodes =
            (!given.objects.nodes.is_empty()).then(|| nodes.map(|node| node.id.name.as_str()).collect());
        let words: Vec<String> = wanted.iter().map(|(key, value)| format!("{key}={value}")).collect();
        Landing { nodes, says: format!("nodeSelector {}", words.join(",")), at }
    }
}

pub(super) fn subnet(router: &Router) -> Option<Block> {
    let (source, prefix) = (router.source.as_ref()?, router.prefix?);
    Block::around(source.value, prefix).filter(|block| block.single().is_none())
}
