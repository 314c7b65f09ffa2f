//! Objects of OVN-Kubernetes (`k8s.ovn.org/v1`).

use super::fields::{Fields, Reader};
use super::selector::Selector;
use super::{Id, Place, Told};
use crate::net::{Address, Block};

#[derive(Debug, Clone)]
pub struct EgressIp {
    pub id: Id,
    pub wanted: Vec<Told<Address>>,
    pub namespaces: Selector,
    pub namespaces_at: Option<Place>,
    /// `None` is every pod of these namespaces.
    pub pods: Option<Selector>,
    /// What is served, and where; empty until a node was found.
    pub assigned: Vec<Assigned>,
    /// Whether `status` is there at all: manifests have none.
    pub has_status: bool,
    /// Whether it speaks about some destinations alone.
    pub has_traffic_selector: bool,
}

#[derive(Debug, Clone)]
pub struct Assigned {
    pub address: Told<Address>,
    pub node: String,
}

#[derive(Debug, Clone)]
pub struct EgressService {
    pub id: Id,
    /// `LoadBalancerIP` or `Network`.
    pub source_by: Option<Told<String>>,
    /// The node that the traffic leaves by; `ALL` is each pod's own.
    pub host: Option<Told<String>>,
    /// The network that the traffic leaves by, where it is not the default one.
    pub network: Option<Told<String>>,
}

#[derive(Debug, Clone)]
pub struct EgressFirewall {
    pub id: Id,
    pub rules: Vec<FirewallRule>,
}

/// A rule of an `EgressNetworkPolicy` or `EgressFirewall`: the first that matches decides.
#[derive(Debug, Clone)]
pub struct FirewallRule {
    pub is_allowed: bool,
    pub to: FirewallTo,
    /// Empty is every port.
    pub ports: Vec<FirewallPort>,
    pub at: Place,
}

#[derive(Debug, Clone)]
pub enum FirewallTo {
    Block(Block),
    /// The addresses that a name has at the time.
    Name(String),
    Nodes(Selector),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirewallPort {
    pub protocol: String,
    pub port: u16,
}

impl Reader<'_> {
    pub(super) fn egress_ip(&mut self, id: Id, object: &Fields<'_>) -> EgressIp {
        let known = ["egressIPs", "namespaceSelector", "podSelector", "trafficSelector"];
        let spec = self.inner(object, "spec", &known);
        let status = self.inner(object, "status", &["items"]);
        let mut assigned = Vec::new();
        for item in self.items(&status, "items") {
            let fields = self.fields(item, "an item of `items`", &["node", "egressIP"]);
            let node = self.text(&fields, "node").map(|told| told.value).unwrap_or_default();
            assigned.extend(self.address(&fields, "egressIP").map(|address| Assigned { address, node }));
        }
        let namespaces = self.selector(&spec, "namespaceSelector");
        if namespaces.is_none() {
            let at = crate::document::Position { line: id.at.line, column: id.at.column };
            self.fault(at, "an EgressIP has a `namespaceSelector`; {} selects every namespace");
        }
        EgressIp {
            id,
            wanted: self.addresses(&spec, "egressIPs"),
            namespaces: namespaces.unwrap_or_default(),
            namespaces_at: spec.get("namespaceSelector").map(|node| self.place(node.at)),
            pods: self.selector(&spec, "podSelector"),
            assigned,
            has_status: object.get("status").is_some(),
            has_traffic_selector: spec.get("trafficSelector").is_some(),
        }
    }

    pub(super) fn egress_service(&mut self, id: Id, object: &Fields<'_>) -> EgressService {
        let spec = self.inner(object, "spec", &["sourceIPBy", "nodeSelector", "network"]);
        let status = self.inner(object, "status", &["host"]);
        EgressService {
            id,
            source_by: self.text(&spec, "sourceIPBy"),
            host: self.text(&status, "host"),
            network: self.text(&spec, "network"),
        }
    }

    pub(super) fn egress_firewall(&mut self, id: Id, object: &Fields<'_>) -> EgressFirewall {
        let spec = self.inner(object, "spec", &["egress"]);
        EgressFirewall { rules: self.firewall_rules(&spec, &["cidrSelector", "dnsName", "nodeSelector"]), id }
    }

    pub(super) fn firewall_ports(&mut self, rule: &Fields<'_>) -> Vec<FirewallPort> {
        let mut ports = Vec::new();
        for item in self.items(rule, "ports") {
            let fields = self.fields(item, "an item of `ports`", &["protocol", "port"]);
            let protocol = self.text(&fields, "protocol");
            let port = self.number(&fields, "port");
            if let (Some(protocol), Some(port)) = (protocol, port) {
                ports.push(FirewallPort { protocol: protocol.value, port: port.value });
            } else {
                self.fault(item.at, "an item of `ports` has a protocol and a port");
            }
        }
        ports
    }
}
