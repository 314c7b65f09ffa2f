//! Pods, and the part of a template that makes them.

use super::fields::{Fields, Reader};
use super::selector::Labels;
use super::{Id, Place, Told, Written};
use crate::document::{Node, Value};
use crate::frame::Timestamp;
use crate::net::Address;

#[derive(Debug, Clone)]
pub struct Pod {
    pub id: Id,
    pub labels: Labels,
    /// Of [`MACVLAN`].
    pub macvlan: Option<Told<String>>,
    pub spec: PodSpec,
    pub phase: Phase,
    pub addresses: Vec<Address>,
    pub created: Option<Timestamp>,
    pub started: Option<Timestamp>,
    /// When the last container ended, of a pod that has finished.
    pub ended: Option<Timestamp>,
}

/// The annotation by which openshift-sdn gives a pod a macvlan interface.
pub const MACVLAN: &str = "pod.network.openshift.io/assign-macvlan";

/// `status.phase`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    Pending,
    Running,
    /// Succeeded or Failed: the address was given back, and may be another pod's.
    Finished,
    #[default]
    Unknown,
}

/// What a pod or a template says of itself.
#[derive(Debug, Clone, Default)]
pub struct PodSpec {
    pub node_name: Option<Told<String>>,
    pub node_selector: Labels,
    pub node_selector_at: Option<Place>,
    pub host_network: bool,
    pub containers: Vec<Container>,
    pub host_aliases: Vec<HostAlias>,
}

#[derive(Debug, Clone)]
pub struct Container {
    pub name: String,
    pub at: Place,
    /// Runs before the others, and ends.
    pub is_init: bool,
    /// Those that an egress router reads, and those that the downward API writes.
    pub environment: Vec<Variable>,
    pub privileged: Option<Told<bool>>,
}

/// A variable of a container's environment.
#[derive(Debug, Clone)]
pub struct Variable {
    pub name: String,
    pub at: Place,
    /// `None` where it comes from elsewhere: the downward API, a `ConfigMap`, a Secret.
    pub value: Option<Written>,
    /// What the downward API is to write into it.
    pub field: Option<FieldRef>,
}

/// `valueFrom.fieldRef` of a variable.
#[derive(Debug, Clone)]
pub enum FieldRef {
    /// Its `fieldPath`: `status.podIP`.
    Path(Told<String>),
    /// Something else than a map with a `fieldPath`, which the API refuses.
    Malformed(Place),
}

#[derive(Debug, Clone)]
pub struct HostAlias {
    pub address: Told<Address>,
    pub names: Vec<Told<String>>,
}

impl Pod {
    /// Whether its addresses are its own: not the node's, nor given back.
    pub fn owns_addresses(&self) -> bool {
        !self.spec.host_network && self.phase != Phase::Finished
    }

    pub fn node(&self) -> Option<&str> {
        self.spec.node_name.as_ref().map(|told| told.value.as_str())
    }
}

impl PodSpec {
    /// The variable of that name of the first container that has one, and the container.
    pub fn variable(&self, name: &str) -> Option<(&Container, &Variable)> {
        self.containers.iter().find_map(|container| Some((container, container.variable(name)?)))
    }
}

impl Container {
    /// The last one of that name is the one that the container sees.
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.environment.iter().rev().find(|variable| variable.name == name)
    }
}

const POD_SPEC: [&str; 6] =
    ["nodeName", "nodeSelector", "hostNetwork", "initContainers", "containers", "hostAliases"];

impl Reader<'_> {
    pub(super) fn pod(&mut self, id: Id, metadata: &Fields<'_>, object: &Fields<'_>) -> Pod {
        let status =
            self.inner(object, "status", &["phase", "podIP", "podIPs", "startTime", "containerStatuses"]);
        let spec = object.get("spec").map(|node| self.pod_spec(node)).unwrap_or_default();
        let phase = match self.text(&status, "phase").map(|told| told.value).as_deref() {
            Some("Pending") => Phase::Pending,
            Some("Running") => Phase::Running,
            Some("Succeeded" | "Failed") => Phase::Finished,
            _ => Phase::Unknown,
        };
        let mut addresses: Vec<Address> = Vec::new();
        for item in self.items(&status, "podIPs") {
            let fields = self.fields(item, "an item of `podIPs`", &["ip"]);
            addresses.extend(self.address(&fields, "ip").map(|told| told.value));
        }
        let only = self.address(&status, "podIP").map(|told| told.value);
        if let Some(only) = only.filter(|only| !addresses.contains(only)) {
            addresses.insert(0, only);
        }
        let ended = self.ended(&status);
        Pod {
            id,
            labels: self.labels(metadata, "labels"),
            macvlan: self.macvlan(metadata),
            spec,
            phase,
            addresses,
            created: self.time(metadata, "creationTimestamp"),
            started: self.time(&status, "startTime"),
            ended: ended.filter(|_| phase == Phase::Finished),
        }
    }

    fn ended(&mut self, status: &Fields<'_>) -> Option<Timestamp> {
        let mut last = None;
        for item in self.items(status, "containerStatuses") {
            let fields = self.fields(item, "an item of `containerStatuses`", &["state"]);
            let state = self.inner(&fields, "state", &["terminated"]);
            let terminated = self.inner(&state, "terminated", &["finishedAt"]);
            last = last.max(self.time(&terminated, "finishedAt"));
        }
        last
    }

    pub(super) fn macvlan(&mut self, metadata: &Fields<'_>) -> Option<Told<String>> {
        let entries = self.entries(metadata.get("annotations")?, "`annotations`");
        let (_, node) = entries.iter().find(|(key, _)| key.name == MACVLAN)?;
        match &node.value {
            Value::Scalar(text) => Some(self.told(text.clone(), node)),
            // Written without quotes in a manifest: the API refuses it, and so nobody has it.
            Value::Bool(flag) => Some(self.told(flag.to_string(), node)),
            _ => None,
        }
    }

    pub(super) fn pod_spec(&mut self, node: &Node) -> PodSpec {
        let fields = self.fields(node, "`spec`", &POD_SPEC);
        let mut containers = Vec::new();
        for (name, is_init) in [("initContainers", true), ("containers", false)] {
            for item in self.items(&fields, name) {
                containers.push(self.container(item, name, is_init));
            }
        }
        let mut host_aliases = Vec::new();
        for item in self.items(&fields, "hostAliases") {
            let fields = self.fields(item, "an item of `hostAliases`", &["ip", "hostnames"]);
            let names = self.texts(&fields, "hostnames");
            host_aliases.extend(self.address(&fields, "ip").map(|address| HostAlias { address, names }));
        }
        PodSpec {
            node_name: self.text(&fields, "nodeName"),
            node_selector: self.labels(&fields, "nodeSelector"),
            node_selector_at: fields.get("nodeSelector").map(|node| self.place(node.at)),
            host_network: self.flag(&fields, "hostNetwork").is_some_and(|told| told.value),
            containers,
            host_aliases,
        }
    }

    fn field_ref(&mut self, from: &Node) -> Option<FieldRef> {
        let Value::Map(entries) = &from.value else { return Some(FieldRef::Malformed(self.place(from.at))) };
        let (_, node) = entries.iter().find(|(key, _)| key.name == "fieldRef")?;
        let malformed = FieldRef::Malformed(self.place(node.at));
        let Value::Map(entries) = &node.value else { return Some(malformed) };
        let path = entries.iter().find(|(key, _)| key.name == "fieldPath").map(|(_, node)| node);
        Some(match path.map(|node| (&node.value, node)) {
            Some((Value::Scalar(path), node)) => FieldRef::Path(self.told(path.clone(), node)),
            _ => malformed,
        })
    }

    fn container(&mut self, node: &Node, list: &str, is_init: bool) -> Container {
        let fields = self.fields(node, &format!("an item of `{list}`"), &["name", "env", "securityContext"]);
        let security = self.inner(&fields, "securityContext", &["privileged"]);
        let mut environment = Vec::new();
        for item in self.items(&fields, "env") {
            let variable = self.fields(item, "an item of `env`", &["name", "value", "valueFrom"]);
            let name = self.text(&variable, "name");
            let from = variable.get("valueFrom");
            let field = from.and_then(|from| self.field_ref(from));
            let is_routers = name.as_ref().is_some_and(|name| name.value.starts_with("EGRESS_"));
            if !is_routers && field.is_none() {
                continue;
            }
            let value = is_routers.then(|| self.written(&variable, "value")).flatten().or_else(|| {
                // A variable without a value is an empty one.
                from.is_none().then(|| Written::plain(String::new(), self.place(item.at)))
            });
            environment.extend(name.map(|name| Variable {
                name: name.value,
                at: self.place(item.at),
                value,
                field,
            }));
        }
        Container {
            name: self.text(&fields, "name").map(|told| told.value).unwrap_or_default(),
            at: self.place(node.at),
            is_init,
            environment,
            privileged: self.flag(&security, "privileged"),
        }
    }
}
