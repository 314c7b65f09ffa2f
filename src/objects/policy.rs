//! Network policies (`networking.k8s.io/v1`): what may leave pods, and what may come to them.

use super::fields::{Fields, Reader};
use super::selector::Selector;
use super::{Id, Place};
use crate::document::{Node, Value};
use crate::net::Block;

#[derive(Debug, Clone)]
pub struct NetworkPolicy {
    pub id: Id,
    /// Of its own namespace; empty is every pod of it.
    pub pods: Selector,
    /// Whether it speaks about what leaves: what no rule allows is then denied.
    pub is_about_egress: bool,
    pub rules: Vec<PolicyRule>,
    /// What may come in, where it speaks about that; what no rule allows is then denied.
    pub ingress: Option<Vec<PolicyRule>>,
}

/// What is allowed to leave, or to come in: to or from one of these peers, on one of these ports.
#[derive(Debug, Clone)]
pub struct PolicyRule {
    /// Empty is everywhere.
    pub peers: Vec<Peer>,
    /// Empty is every port.
    pub ports: Vec<PolicyPort>,
    pub at: Place,
}

#[derive(Debug, Clone)]
pub enum Peer {
    Block {
        within: Block,
        except: Vec<Block>,
    },
    /// Pods inside: those selected, of the namespaces selected, or of the policy's own.
    Pods {
        namespaces: Option<Selector>,
        pods: Option<Selector>,
    },
}

#[derive(Debug, Clone)]
pub struct PolicyPort {
    /// `TCP` where it is not written.
    pub protocol: String,
    pub port: PortRange,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortRange {
    All,
    Numbers(u16, u16),
    /// A port of the destination's container.
    Name(String),
}

impl Reader<'_> {
    pub(super) fn network_policy(&mut self, id: Id, object: &Fields<'_>) -> NetworkPolicy {
        let spec = self.inner(object, "spec", &["podSelector", "policyTypes", "egress", "ingress"]);
        let types: Vec<String> =
            self.texts(&spec, "policyTypes").into_iter().map(|told| told.value).collect();
        // Without types: ingress always, egress where there are rules for it.
        let is_about_egress = if types.is_empty() {
            spec.get("egress").is_some()
        } else {
            types.iter().any(|one| one == "Egress")
        };
        let is_about_ingress = types.is_empty() || types.iter().any(|one| one == "Ingress");
        let items = self.items(&spec, "egress");
        let ingress = self.items(&spec, "ingress");
        NetworkPolicy {
            id,
            pods: self.selector(&spec, "podSelector").unwrap_or_default(),
            is_about_egress,
            rules: items.iter().map(|item| self.policy_rule(item, "egress", "to")).collect(),
            ingress: is_about_ingress
                .then(|| ingress.iter().map(|item| self.policy_rule(item, "ingress", "from")).collect()),
        }
    }

    fn policy_rule(&mut self, node: &Node, list: &str, peers: &str) -> PolicyRule {
        let fields = self.fields(node, &format!("an item of `{list}`"), &[peers, "ports"]);
        let (peers, ports) = (self.items(&fields, peers), self.items(&fields, "ports"));
        PolicyRule {
            peers: peers.iter().filter_map(|item| self.peer(item)).collect(),
            ports: ports.iter().map(|item| self.policy_port(item)).collect(),
            at: self.place(node.at),
        }
    }

    fn peer(&mut self, node: &Node) -> Option<Peer> {
        let fields = self.fields(node, "a peer", &["ipBlock", "namespaceSelector", "podSelector"]);
        if fields.get("ipBlock").is_none() {
            return Some(Peer::Pods {
                namespaces: self.selector(&fields, "namespaceSelector"),
                pods: self.selector(&fields, "podSelector"),
            });
        }
        let block = self.inner(&fields, "ipBlock", &["cidr", "except"]);
        let within = self.block(&block, "cidr");
        if within.is_none() {
            self.fault(node.at, "`ipBlock` has a `cidr`");
        }
        let except = self.blocks(&block, "except").into_iter().map(|told| told.value).collect();
        Some(Peer::Block { within: within?.value, except })
    }

    fn policy_port(&mut self, node: &Node) -> PolicyPort {
        let fields = self.fields(node, "an item of `ports`", &["protocol", "port", "endPort"]);
        let end = self.number::<u16>(&fields, "endPort").map(|told| told.value);
        let port = match fields.get("port").map(|node| &node.value) {
            Some(Value::Scalar(text)) => match text.parse::<u16>() {
                Ok(first) => PortRange::Numbers(first, end.unwrap_or(first)),
                Err(_) => PortRange::Name(text.clone()),
            },
            Some(_) => {
                self.fault(node.at, "`port` is a number or a name");
                PortRange::All
            }
            None => PortRange::All,
        };
        PolicyPort {
            protocol: self.text(&fields, "protocol").map_or_else(|| "TCP".to_owned(), |told| told.value),
            port,
        }
    }
}
