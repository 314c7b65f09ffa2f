//! What the objects tell of the cluster: whose an address is, and what is inside.

use std::collections::HashSet;

use super::{Answer, Derived, Router};
use crate::expect::{Cluster, Known, Node, PodName};
use crate::net::{Address, Block};
use crate::number::counted;
use crate::objects::{Objects, Place, Told};

/// All facts that the objects tell.
pub(super) fn cluster(derived: &Derived, objects: &Objects) -> Cluster {
    let mut cluster = Cluster {
        nodes: nodes(objects),
        egress: egress(derived, objects),
        workloads: derived.workloads.clone(),
        senders: senders(derived, objects),
        printed: objects.newest,
        is_described: true,
        ..Cluster::default()
    };
    let ranges = |of_network: fn(&crate::objects::ClusterNetwork) -> &Vec<Told<Block>>,
                  of_config: fn(&crate::objects::NetworkConfig) -> &Vec<Told<Block>>| {
        let networks = objects.cluster_networks.iter().flat_map(of_network);
        networks.chain(objects.network_configs.iter().flat_map(of_config)).map(known).collect::<Vec<_>>()
    };
    cluster.pods = ranges(|network| &network.pods, |config| &config.pods);
    cluster.services = ranges(|network| &network.services, |config| &config.services);
    if cluster.pods.is_empty() {
        cluster.pods.extend(objects.host_subnets.iter().filter_map(|host| host.subnet.as_ref()).map(known));
        for node in &objects.nodes {
            let said_by = node.id.at.to_string();
            cluster
                .pods
                .extend(node.pod_cidrs.iter().map(|&block| Known { block, said_by: said_by.clone() }));
        }
    }
    let single =
        |address: &Address, at: &Place| Known { block: Block::from(address.ip()), said_by: at.to_string() };
    for workload in &derived.workloads {
        cluster.pods.extend(workload.addresses.iter().map(|address| single(address, &workload.id.at)));
    }
    for service in &objects.services {
        cluster.services.extend(service.cluster_ips.iter().map(|address| single(address, &service.id.at)));
    }
    for namespace in &objects.net_namespaces {
        // Zero is what all namespaces share.
        if let Some(netid) = namespace.netid.as_ref().filter(|netid| netid.value != 0) {
            cluster.networks.insert(netid.value, namespace.netname.clone());
        }
    }
    cluster
}

/// The addresses of proxies that run, each with the pod that has it; none that anybody else may have, too.
fn senders(derived: &Derived, objects: &Objects) -> Vec<(Address, PodName)> {
    let of_network = objects.net_namespaces.iter().flat_map(|one| &one.egress_ips);
    let of_network = of_network.chain(objects.host_subnets.iter().flat_map(|one| &one.egress_ips));
    let of_objects = objects
        .egress_ips
        .iter()
        .flat_map(|one| one.wanted.iter().chain(one.assigned.iter().map(|assigned| &assigned.address)));
    let of_services = objects.services.iter().flat_map(|one| &one.ingress);
    let of_hosts = objects.host_subnets.iter().filter_map(|host| host.host_ip.as_ref());
    let of_nodes = objects.nodes.iter().flat_map(|node| &node.addresses).copied();
    let told = of_network.chain(of_objects).chain(of_services).chain(of_hosts).map(|told| told.value);
    let taken: HashSet<Address> = told.chain(of_nodes).collect();
    let claims = |address: Address| {
        let sources = derived.routers.iter().filter_map(|router| router.source.as_ref());
        sources.filter(|told| told.value == address).count()
    };
    let sender = |router: &Router| {
        let (Answer::AnyOf(exits), _) = router.answer() else { return None };
        let address = exits.first()?.address;
        let is_its_own = router.is_proxy() && claims(address) == 1 && !taken.contains(&address);
        let name = match router.workloads[..] {
            [one] => &derived.workloads[one].id.name,
            _ => &router.id.name,
        };
        let pod = PodName { namespace: router.namespace.clone(), name: Some(name.clone()) };
        is_its_own.then_some((address, pod))
    };
    derived.routers.iter().filter_map(sender).collect()
}

fn known(told: &Told<Block>) -> Known {
    Known { block: told.value, said_by: told.at.to_string() }
}

/// Node objects, and what openshift-sdn knows of nodes of which there are none.
fn nodes(objects: &Objects) -> Vec<Node> {
    let mut nodes: Vec<Node> = objects
        .nodes
        .iter()
        .map(|node| Node {
            name: Some(node.id.name.clone()),
            addresses: node.addresses.clone(),
            said_by: node.id.at.to_string(),
        })
        .collect();
    let named: HashSet<&str> = objects.nodes.iter().map(|node| node.id.name.as_str()).collect();
    for host in objects.host_subnets.iter().filter(|host| !named.contains(host.host.as_str())) {
        nodes.extend(host.host_ip.as_ref().map(|told| Node {
            name: Some(host.host.clone()),
            addresses: vec![told.value],
            said_by: told.at.to_string(),
        }));
    }
    nodes
}

/// Declared egress addresses, each with whose it is; the first to say so is believed.
fn egress(derived: &Derived, objects: &Objects) -> Vec<Known> {
    let mut known = Vec::new();
    let mut told = HashSet::new();
    let mut say = |address: Address, whose: String| {
        if told.insert(address) {
            known.push(Known { block: Block::from(address.ip()), said_by: whose });
        }
    };
    for router in &derived.routers {
        if let Some(source) = &router.source {
            say(source.value, format!("address of the egress router {}", router.id));
        }
    }
    for namespace in &objects.net_namespaces {
        for address in &namespace.egress_ips {
            say(address.value, format!("egress IP of {}", namespace.netname));
        }
    }
    for host in &objects.host_subnets {
        for address in &host.egress_ips {
            say(address.value, format!("egress IP held by {}, of no namespace", host.host));
        }
    }
    for egress in &objects.egress_ips {
        let assigned = egress.assigned.iter().map(|assigned| &assigned.address);
        for address in egress.wanted.iter().chain(assigned) {
            say(address.value, format!("egress IP of {}", egress.id));
        }
    }
    for service in &objects.egress_services {
        let same = |one: &&crate::objects::Service| {
            one.id.name == service.id.name && one.id.shares_namespace(&service.id)
        };
        for address in objects.services.iter().find(same).into_iter().flat_map(|one| &one.ingress) {
            say(address.value, format!("address of {}", service.id));
        }
    }
    known
}

/// What was read, and what was not understood of it, a line each.
pub(super) fn notes(objects: &Objects) -> Vec<String> {
    let mut notes = Vec::new();
    let counts = [
        (objects.nodes.len().max(objects.host_subnets.len()), "node"),
        (objects.pods.len(), "pod"),
        (objects.templates.len(), "workload"),
        (objects.namespaces.len().max(objects.net_namespaces.len()), "namespace"),
        (objects.services.len(), "Service"),
    ];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| counted(*count as u64, what))
        .collect();
    if !counts.is_empty() {
        notes.push(format!("the cluster's objects: {}", counts.join(", ")));
    }
    let ports = objects.vxlan_ports().map(|port| ("VXLAN", port));
    for (tunnel, port) in ports.chain(objects.geneve_ports().map(|port| ("Geneve", port))) {
        let note = format!("tunnels: the cluster's network has {tunnel} at UDP port {port}");
        if !matches!(port, 4789 | 6081) && !notes.contains(&note) {
            notes.push(note);
        }
    }
    if !objects.skipped.is_empty() {
        let kinds: Vec<String> =
            objects.skipped.iter().take(8).map(|(kind, count)| format!("{count} {kind}")).collect();
        let more = if objects.skipped.len() > 8 { ", and others" } else { "" };
        notes.push(format!("objects that say nothing here were skipped: {}{more}", kinds.join(", ")));
    }
    if let Some(first) = objects.repeated.first() {
        let more = objects.repeated.len() - 1;
        let others =
            if more > 0 { format!(", and {}", counted(more as u64, "more object")) } else { String::new() };
        notes.push(format!("{first} ({}) came again{others}: the first is believed", first.at));
    }
    notes
}
