//! OVN-Kubernetes: `EgressIP` and `EgressService`.
//!
//! 1. A pod behind an `EgressService` leaves with an address of the Service's load balancer, once a node serves it; asked to
//!    leave with that of a network, with an address that objects do not tell.
//! 2. A pod that an `EgressIP` selects leaves with any address of its `status.items`; with none there, as its node does. Of
//!    several that select one pod one serves and the others stand by, and which one is not told: any of their addresses.
//! 3. Every other pod leaves with its node's address. So does a family that no egress address is of.
//!
//! Nodes, pods and Services as destinations are exempt: they are inside.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Answer, Because, Derived, Exit, Ground, Meant, Plugin, Rule, To, Who};
use crate::objects::{EgressIp, EgressService, Selector, Service};

pub(super) const PLUGIN: Plugin = Plugin {
    name: "OVN-Kubernetes",
    is_called: |name| name == "OVNKubernetes",
    has_objects: |objects| {
        !(objects.egress_ips.is_empty()
            && objects.egress_services.is_empty()
            && objects.egress_firewalls.is_empty())
    },
    heeds_policies: |_| Some(true),
    derive,
};

fn derive(ground: &Ground<'_>, derived: &mut Derived) {
    for service in &ground.objects.egress_services {
        by_service(ground, service, derived);
    }
    let mut selected = Selected::default();
    for (at, egress) in ground.objects.egress_ips.iter().enumerate() {
        selected.add(ground, at, egress);
    }
    selected.derive(ground, derived);
    let mut who = ground.everybody();
    // Of these, pods that no object names may be selected.
    let open: BTreeSet<&String> = derived.rules.iter().flat_map(|rule| rule.who.namespaces.iter()).collect();
    who.namespaces.retain(|namespace| !open.contains(namespace));
    let because = vec![Because::plain("no EgressIP selects the pod: it leaves with the address of its node")];
    derived.rules.push(Rule { who, to: To::Outside, answer: Answer::Node, because });
}

/// Which `EgressIP`s select whom.
#[derive(Default)]
struct Selected {
    /// By workload, the indexes of objects.
    workloads: BTreeMap<usize, Vec<usize>>,
    /// Of namespaces whose labels decide and are not known.
    unknown: BTreeMap<usize, String>,
    /// By namespace, those that select all of it, and those that select some of its pods.
    namespaces: BTreeMap<String, (Vec<usize>, Vec<usize>)>,
}

impl Selected {
    fn add(&mut self, ground: &Ground<'_>, at: usize, egress: &EgressIp) {
        let Meant { namespaces, open, workloads } = ground.meant_by(egress);
        let is_whole = egress.pods.as_ref().is_none_or(Selector::is_empty);
        for namespace in namespaces {
            let (whole, partly) = self.namespaces.entry(namespace.to_owned()).or_default();
            if is_whole { whole.push(at) } else { partly.push(at) }
        }
        for namespace in open {
            let missing = format!("the labels of namespace {namespace} (`oc get namespaces -o yaml`)");
            for workload in ground.of_namespace(namespace) {
                self.unknown.entry(*workload).or_insert_with(|| missing.clone());
            }
        }
        for workload in workloads {
            self.workloads.entry(workload).or_default().push(at);
        }
    }

    fn derive(self, ground: &Ground<'_>, derived: &mut Derived) {
        let mut missing: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (workload, what) in self.unknown {
            missing.entry(what).or_default().push(workload);
        }
        for (missing, workloads) in missing {
            derived.rules.push(Rule {
                who: Who { workloads, ..Who::default() },
                to: To::Outside,
                answer: Answer::Unknown { missing },
                because: Vec::new(),
            });
        }
        // Those that the same objects select have one rule.
        let mut alike: HashMap<Vec<usize>, Who> = HashMap::new();
        for (workload, by) in self.workloads {
            alike.entry(by).or_default().workloads.push(workload);
        }
        for (namespace, (whole, partly)) in self.namespaces {
            if partly.is_empty() {
                alike.entry(whole).or_default().namespaces.push(namespace);
                continue;
            }
            for at in partly {
                let mut by = whole.clone();
                by.push(at);
                alike.entry(by).or_default().partly.push(namespace.clone());
            }
        }
        let mut alike: Vec<_> = alike.into_iter().collect();
        alike.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (by, who) in alike {
            let by: Vec<&EgressIp> = by.iter().map(|at| &ground.objects.egress_ips[*at]).collect();
            derived.rules.push(rule(&by, who));
        }
    }
}

/// The rule of pods that these select.
fn rule(by: &[&EgressIp], who: Who) -> Rule {
    let mut because = Vec::new();
    let mut exits: Vec<Exit> = Vec::new();
    let mut missing = None;
    let mut is_unassigned = false;
    for egress in by {
        let at = egress.namespaces_at.as_ref().unwrap_or(&egress.id.at);
        because.push(Because::of(
            format!("{} selects the pod", egress.id),
            &egress.id,
            "namespaceSelector",
            at,
        ));
        if egress.has_traffic_selector {
            missing = Some(format!(
                "which destinations {} speaks about: its trafficSelector is not supported yet",
                egress.id
            ));
        } else if !egress.has_status {
            missing =
                Some(format!("which nodes serve {}: its `status`, which manifests do not have", egress.id));
        }
        is_unassigned |= egress.assigned.is_empty();
        for assigned in &egress.assigned {
            let says = format!("{} is served by {}", assigned.address.value, assigned.node);
            because.push(Because::of(says, &egress.id, "status.items", &assigned.address.at));
            let exit = Exit { address: assigned.address.value, node: Some(assigned.node.clone()) };
            if !exits.contains(&exit) {
                exits.push(exit);
            }
        }
    }
    let answer = match missing {
        Some(missing) => Answer::Unknown { missing },
        None if exits.is_empty() => {
            because.push(Because::plain("no node serves it: the pod leaves with the address of its node"));
            Answer::Node
        }
        None if by.len() > 1 && is_unassigned => Answer::Unknown {
            missing: "which of the EgressIP objects that select the pod serves it: one of them has no node"
                .to_owned(),
        },
        None => {
            if by.len() > 1 {
                because.push(Because::plain(
                    "several select the pod: one of them serves, and the others stand by",
                ));
            }
            Answer::AnyOf(exits)
        }
    };
    Rule { who, to: To::Outside, answer, because }
}

/// Pods behind a Service leave with an address of its load balancer.
fn by_service(ground: &Ground<'_>, egress: &EgressService, derived: &mut Derived) {
    let same =
        |service: &&Service| service.id.name == egress.id.name && service.id.shares_namespace(&egress.id);
    let Some(service) = ground.objects.services.iter().find(same) else {
        derived.notes.push(format!(
            "{} ({}): its Service was not among the objects, so nothing follows from it",
            egress.id, egress.id.at
        ));
        return;
    };
    let namespace = egress.id.namespace.as_deref().unwrap_or("");
    let is_behind = |at: &usize| service.selects(&ground.workloads[*at].labels);
    let workloads: Vec<usize> = ground.of_namespace(namespace).iter().copied().filter(is_behind).collect();
    if workloads.is_empty() {
        return;
    }
    let mut because = vec![Because::of(
        format!("{} is about the pods behind {}", egress.id, service.id),
        &egress.id,
        "metadata.name",
        &egress.id.at,
    )];
    let is_by_network = egress.source_by.as_ref().is_some_and(|by| by.value == "Network");
    let node = egress.host.as_ref().map(|host| host.value.clone()).filter(|host| host != "ALL");
    let answer = if is_by_network {
        let network = egress.network.as_ref().map(|network| format!(" `{}`", network.value));
        let network = network.unwrap_or_else(|| " that it leaves by".to_owned());
        let missing = format!("the node's address in the network{network}, which {} asks for", egress.id);
        Answer::Unknown { missing }
    } else if egress.host.is_none() {
        let missing =
            format!("which node serves {}: its `status.host`, which manifests do not have", egress.id);
        Answer::Unknown { missing }
    } else if service.ingress.is_empty() {
        Answer::Unknown { missing: format!("`status.loadBalancer` of {}", service.id) }
    } else {
        let exits = service.ingress.iter().map(|told| Exit { address: told.value, node: node.clone() });
        for told in &service.ingress {
            let says = format!("{} answers at {}", service.id, told.value);
            because.push(Because::of(says, &service.id, "status.loadBalancer", &told.at));
        }
        Answer::AnyOf(exits.collect())
    };
    let who = Who { workloads, ..Who::default() };
    derived.rules.push(Rule { who, to: To::Outside, answer, because });
}
