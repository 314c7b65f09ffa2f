//! Facts from the environment, as the downward API writes them into a pod.
//!
//! ```yaml
//! - { name: POD_IP, valueFrom: { fieldRef: { fieldPath: status.podIP } } }
//! - { name: NODE_IP, valueFrom: { fieldRef: { fieldPath: status.hostIP } } } # or HOST_IP
//! - { name: NODE_NAME, valueFrom: { fieldRef: { fieldPath: spec.nodeName } } }
//! ```
//!
//! These variables are not typed for egret: other programs read them, and an image may set them to anything.
//! A value that makes no sense is a warning, not an error.

use crate::expect::{Cluster, Known, Node, PodName};
use crate::filter::address::{address, is_name};
use crate::net::{Address, Block};
use crate::text::Text;

/// What the environment says.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    pub cluster: Cluster,
    /// What was not understood, a line each.
    pub warnings: Vec<String>,
}

impl Environment {
    /// What the variables say that `lookup` finds; an empty one is an unset one.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let mut environment = Self::default();
        let pods = environment.addresses("POD_IP", set("POD_IP"));
        let (variable, nodes) = match (set("NODE_IP"), set("HOST_IP")) {
            (None, Some(host)) => ("HOST_IP", Some(host)),
            (node, _) => ("NODE_IP", node),
        };
        let nodes = environment.addresses(variable, nodes);
        let node = environment.name("NODE_NAME", set("NODE_NAME"));
        let pod = environment.name("POD_NAME", set("POD_NAME"));
        let namespace = environment.name("POD_NAMESPACE", set("POD_NAMESPACE"));
        if pod.is_some() || namespace.is_some() {
            let name = PodName { namespace: namespace.clone(), name: pod.clone() };
            environment.cluster.names = pods.iter().map(|address| (*address, name.clone())).collect();
        }
        let said_by = match (namespace, pod) {
            (Some(namespace), Some(pod)) => format!("POD_IP of pod {namespace}/{pod}"),
            (None, Some(pod)) => format!("POD_IP of pod {pod}"),
            (Some(namespace), None) => format!("POD_IP in namespace {namespace}"),
            (None, None) => "POD_IP".to_owned(),
        };
        let known = |address: &Address| Known { block: Block::from(address.ip()), said_by: said_by.clone() };
        environment.cluster.pods = pods.iter().map(known).collect();
        if !nodes.is_empty() {
            environment.cluster.nodes =
                vec![Node { name: node, addresses: nodes, said_by: variable.to_owned() }];
        }
        environment
    }

    /// One address, or several between commas as in `status.podIPs`.
    fn addresses(&mut self, variable: &str, value: Option<String>) -> Vec<Address> {
        let value = value.unwrap_or_default();
        let read: Result<Vec<_>, _> = match value.trim() {
            "" => Ok(Vec::new()),
            value => value.split(',').map(|one| address(one.trim())).collect(),
        };
        read.unwrap_or_else(|_| {
            self.ignore(variable, &value, "an address like 10.128.0.5");
            Vec::new()
        })
    }

    fn name(&mut self, variable: &str, value: Option<String>) -> Option<String> {
        let value = value?;
        if is_name(value.trim()) {
            return Some(value.trim().to_owned());
        }
        if !value.trim().bytes().all(|b| b.is_ascii_digit()) {
            self.ignore(variable, &value, "a name like web-0");
            return None;
        }
        Some(value.trim().to_owned())
    }

    fn ignore(&mut self, variable: &str, value: &str, wanted: &str) {
        let value = Text::from(value);
        self.warnings.push(format!(
            "{variable} in the environment is ignored: `{value}` is not {wanted}; correct or unset it"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Environment {
        Environment::read(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|&(_, value)| value.to_owned())
        })
    }

    #[test]
    fn the_pod_and_its_node_are_known_from_the_downward_api() {
        let environment = read(&[
            ("POD_IP", "10.128.0.5,fd00:10::5"),
            ("NODE_IP", "192.168.12.11"),
            ("POD_NAME", "web-0"),
            ("POD_NAMESPACE", "herasoo"),
        ]);
        assert_eq!(
            environment.cluster.assumptions(),
            ["pods: 10.128.0.5, fd00:10::5 (POD_IP of pod herasoo/web-0)", "node: 192.168.12.11 (NODE_IP)",]
        );
        assert_eq!(environment.warnings, [""; 0]);
    }

    #[test]
    fn a_value_that_makes_no_sense_is_a_warning_and_no_fact() {
        let environment =
            read(&[("POD_IP", "$(POD_IP)\u{1b}[2J"), ("NODE_IP", "10.0.0.0/8"), ("POD_NAME", "a b")]);
        assert!(environment.cluster.is_empty());
        assert_eq!(
            environment.warnings,
            [
                "POD_IP in the environment is ignored: `$(POD_IP)\\u{1b}[2J` is not an address like 10.128.0.5; correct \
                 or unset it",
                "NODE_IP in the environment is ignored: `10.0.0.0/8` is not an address like 10.128.0.5; correct or \
                 unset it",
                "POD_NAME in the environment is ignored: `a b` is not a name like web-0; correct or unset it",
            ]
        );
    }

    #[test]
    fn the_node_has_a_name_and_another_variable_for_its_address() {
        let environment = read(&[("HOST_IP", "192.168.12.11"), ("NODE_NAME", "worker1")]);
        assert_eq!(environment.cluster.assumptions(), ["node worker1: 192.168.12.11 (HOST_IP)"]);
        let both = read(&[("HOST_IP", "192.168.12.12"), ("NODE_IP", "192.168.12.11")]);
        assert_eq!(both.cluster.assumptions(), ["node: 192.168.12.11 (NODE_IP)"]);
    }

    #[test]
    fn the_pods_own_name_is_known_at_its_address() {
        let cluster =
            read(&[("POD_IP", "10.128.0.5"), ("POD_NAME", "web-0"), ("POD_NAMESPACE", "herasoo")]).cluster;
        let named = cluster.pod_name(address("10.128.0.5").unwrap()).unwrap();
        assert_eq!(named.to_string(), "herasoo/web-0");
        assert!(cluster.pod_name(address("10.128.0.6").unwrap()).is_none());
    }

    #[test]
    fn an_empty_variable_is_an_unset_one() {
        let environment = read(&[("POD_IP", ""), ("NODE_IP", " ")]);
        assert!(environment.cluster.is_empty() && environment.warnings.is_empty());
    }
}
