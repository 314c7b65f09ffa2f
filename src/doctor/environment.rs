//! The variables that the downward API sets: those found, and the YAML for those that a pod should have.

use serde::Serialize;

use super::Examined;
use crate::platform::Place;
use crate::text::plain;

#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Variable {
    pub name: &'static str,
    pub value: Option<String>,
    /// What egret knows by it.
    pub tells: &'static str,
    /// An element of the container's `env` that sets it; null where it is set, and where this is no pod's container.
    pub yaml: Option<String>,
}

/// (name, what sets it as well, what it tells, the field it comes from).
const KNOWN: [(&str, &str, &str, &str); 5] = [
    ("POD_IP", "", "the pod's address, which is inside", "status.podIP"),
    ("NODE_IP", "HOST_IP", "the node's address, which flows leave with by mistake", "status.hostIP"),
    ("POD_NAME", "", "the pod's name, in reports", "metadata.name"),
    ("POD_NAMESPACE", "", "its namespace, in reports and for expectations", "metadata.namespace"),
    ("NODE_NAME", "", "the node's name, in reports and commands", "spec.nodeName"),
];

pub(super) fn of(examined: &Examined) -> Vec<Variable> {
    let is_pods = matches!(examined.platform.place, Place::Pod | Place::NodePod);
    let one = |(name, also, tells, field): (&'static str, &'static str, &'static str, &'static str)| {
        let own = examined.observed.variable(name).map(|value| (name, value));
        let found = own.or_else(|| examined.observed.variable(also).map(|value| (also, value)));
        let yaml = (found.is_none() && is_pods)
            .then(|| format!("- {{ name: {name}, valueFrom: {{ fieldRef: {{ fieldPath: {field} }} }} }}"));
        Variable {
            name: found.map_or(name, |(name, _)| name),
            value: found.map(|(_, value)| plain(value)),
            tells,
            yaml,
        }
    };
    KNOWN.into_iter().map(one).collect()
}
