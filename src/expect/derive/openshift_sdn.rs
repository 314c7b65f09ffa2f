//! openshift-sdn: egress addresses of namespaces, held by nodes.
//!
//! A namespace without egress addresses leaves with the address of each pod's node. With some, each of them is *active* if
//! exactly one node and exactly one namespace claim it, and that node holds no other address of the namespace; then
//! 1. none is active: what the namespace sends out is dropped;
//! 2. one is on the pod's own node: that one is used;
//! 3. else any active one, chosen by connection. Before OpenShift 4 only the first one written counted.
//!
//! Only IPv4 is ever translated.

use std::collections::HashMap;

use super::{Answer, Because, Derived, Exit, Ground, Plugin, Release, Rule, To, Who};
use crate::net::Address;
use crate::objects::{HostSubnet, NetNamespace, Objects, Told};

pub(super) const PLUGIN: Plugin = Plugin {
    name: "openshift-sdn",
    is_called: |name| name == "OpenShiftSDN" || name.starts_with("redhat/openshift-ovs-"),
    has_objects: |objects| !objects.host_subnets.is_empty() || !objects.net_namespaces.is_empty(),
    // Network policies about egress came with some release of 4.
    heeds_policies: |ground| (ground.release() == Some(Release::Three)).then_some(false),
    derive,
};

/// Who claims which address. Written twice in one object, it is claimed once.
struct Claims<'a> {
    hosts: HashMap<Address, Vec<(&'a HostSubnet, &'a Told<Address>)>>,
    namespaces: HashMap<Address, Vec<&'a NetNamespace>>,
}

impl<'a> Claims<'a> {
    fn of(objects: &'a Objects) -> Self {
        let mut claims = Self { hosts: HashMap::new(), namespaces: HashMap::new() };
        for host in &objects.host_subnets {
            for address in &host.egress_ips {
                let of_address = claims.hosts.entry(address.value).or_default();
                if of_address.last().is_none_or(|(last, _)| last.id != host.id) {
                    of_address.push((host, address));
                }
            }
        }
        for namespace in &objects.net_namespaces {
            for address in &namespace.egress_ips {
                let of_address = claims.namespaces.entry(address.value).or_default();
                if of_address.last().is_none_or(|last| last.id != namespace.id) {
                    of_address.push(namespace);
                }
            }
        }
        claims
    }

    /// The node that serves an address for its only namespace, or why none does; with the reason in either case.
    fn host(&self, address: Address, namespace: &NetNamespace) -> (Option<&'a HostSubnet>, Because) {
        let sibling = |host: &HostSubnet| {
            let others = namespace.egress_ips.iter().map(|told| told.value).filter(|other| *other != address);
            others.into_iter().find(|other| {
                matches!(self.hosts.get(other).map(Vec::as_slice), Some([(only, _)]) if only.id == host.id)
            })
        };
        let claim = self.hosts.get(&address).map_or(&[][..], Vec::as_slice);
        let names = |names: Vec<&str>| names.join(" and ");
        let rivals = self.namespaces.get(&address).map_or(&[][..], Vec::as_slice);
        match claim {
            [] => (None, Because::plain(format!("no HostSubnet has {address}, so no node serves it"))),
            [(host, at)] if rivals.len() > 1 => {
                let rivals = names(rivals.iter().map(|one| one.netname.as_str()).collect());
                let says = format!("{address} is claimed by the namespaces {rivals}, so it is not used");
                (None, Because::of(says, &host.id, "egressIPs", &at.at))
            }
            [(host, at)] if let Some(other) = sibling(host) => {
                let says = format!(
                    "{} holds {other} of the same namespace beside {address}, so neither is used",
                    host.id
                );
                (None, Because::of(says, &host.id, "egressIPs", &at.at))
            }
            [(host, at)] => {
                let says = format!("{} holds {address}", host.id);
                (Some(host), Because::of(says, &host.id, "egressIPs", &at.at))
            }
            [(first, _), (_, at), ..] => {
                let hosts = names(claim.iter().map(|(host, _)| host.host.as_str()).collect());
                let says = format!("{address} is claimed by the nodes {hosts}, so it is not used");
                (None, Because::of(says, &first.id, "egressIPs", &at.at))
            }
        }
    }
}

fn derive(ground: &Ground<'_>, derived: &mut Derived) {
    let claims = Claims::of(ground.objects);
    let by_name: HashMap<&str, &NetNamespace> =
        ground.objects.net_namespaces.iter().map(|one| (one.netname.as_str(), one)).collect();
    let has_several = ground.objects.net_namespaces.iter().any(|one| one.egress_ips.len() > 1);
    if has_several && ground.release().is_none() {
        derived.notes.push(
            "a namespace has several egress addresses, and the release of OpenShift is not known: taken for 4, which uses \
             all of them; 3 used the first alone (--cluster-release 3)"
                .to_owned(),
        );
    }
    for namespace in ground.namespaces() {
        let who = Who {
            workloads: ground.of_namespace(namespace).to_vec(),
            namespaces: vec![namespace.to_owned()],
            ..Who::default()
        };
        match by_name.get(namespace) {
            Some(one) if one.egress_ips.is_empty() => {
                let says =
                    format!("{} has no egressIPs: it leaves with the address of the pod's node", one.id);
                let because = vec![Because::of(says, &one.id, "egressIPs", &one.id.at)];
                derived.rules.push(Rule { who, to: To::Outside, answer: Answer::Node, because });
            }
            Some(one) => served(ground, &claims, one, who, derived),
            None => derived.rules.push(Rule {
                who,
                to: To::Outside,
                answer: Answer::Unknown {
                    missing: format!("NetNamespace {namespace} (`oc get netnamespaces -o yaml`)"),
                },
                because: Vec::new(),
            }),
        }
    }
    let nameless = ground.of_namespace("");
    if !nameless.is_empty() {
        derived.rules.push(Rule {
            who: Who { workloads: nameless.to_vec(), ..Who::default() },
            to: To::Outside,
            answer: Answer::Unknown {
                missing: "the namespace, which the object leaves open (--cluster-namespace)".to_owned(),
            },
            because: Vec::new(),
        });
    }
}

/// The rules of a namespace with egress addresses.
fn served(
    ground: &Ground<'_>,
    claims: &Claims<'_>,
    namespace: &NetNamespace,
    who: Who,
    derived: &mut Derived,
) {
    let mut wanted: Vec<&Told<Address>> = Vec::new();
    for told in &namespace.egress_ips {
        if !wanted.iter().any(|one| one.value == told.value) {
            wanted.push(told);
        }
    }
    let mut because: Vec<Because> = wanted
        .iter()
        .map(|told| {
            let says = format!("{} has the egress address {}", namespace.id, told.value);
            Because::of(says, &namespace.id, "egressIPs", &told.at)
        })
        .collect();
    if ground.release() == Some(Release::Three) && wanted.len() > 1 {
        because.push(Because::plain("OpenShift 3 uses the first of several alone"));
        wanted.truncate(1);
    }
    if ground.objects.host_subnets.is_empty() {
        let missing = "which node holds it (`oc get hostsubnets -o yaml`)".to_owned();
        derived.rules.push(Rule { who, to: To::Outside, answer: Answer::Unknown { missing }, because });
        return;
    }
    let mut exits = Vec::new();
    for told in wanted {
        let (host, why) = claims.host(told.value, namespace);
        exits.extend(host.map(|host| Exit { address: told.value, node: Some(host.host.clone()) }));
        because.push(why);
    }
    if exits.is_empty() {
        because.push(Because::plain(
            "no egress address of the namespace is active: what it sends out is dropped",
        ));
        derived.rules.push(Rule { who, to: To::Outside, answer: Answer::Drop, because });
        return;
    }
    if exits.len() > 1 {
        prefer_own_node(ground, &exits, &who, &because, derived);
        because.push(Because::plain("any of them, chosen by connection"));
    }
    derived.rules.push(Rule { who, to: To::Outside, answer: Answer::AnyOf(exits), because });
}

/// Rules for the pods on nodes that hold an address themselves.
fn prefer_own_node(
    ground: &Ground<'_>,
    exits: &[Exit],
    who: &Who,
    because: &[Because],
    derived: &mut Derived,
) {
    let mut nodes: Vec<&str> = exits.iter().filter_map(|exit| exit.node.as_deref()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    for node in nodes {
        let is_there = |at: &&usize| ground.workloads[**at].node.as_deref() == Some(node);
        let workloads: Vec<usize> = who.workloads.iter().filter(is_there).copied().collect();
        if workloads.is_empty() {
            continue;
        }
        let own: Vec<Exit> =
            exits.iter().filter(|exit| exit.node.as_deref() == Some(node)).cloned().collect();
        let mut because = because.to_vec();
        because.push(Because::plain(format!(
            "the pod runs on {node}, which holds one itself: that one is used"
        )));
        derived.rules.push(Rule {
            who: Who { workloads, ..Who::default() },
            to: To::Outside,
            answer: Answer::AnyOf(own),
            because,
        });
    }
}
