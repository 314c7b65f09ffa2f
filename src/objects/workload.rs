//! What makes pods of a template: Deployment, `DeploymentConfig`, `StatefulSet`, `DaemonSet`, `ReplicaSet`, `ReplicationController`.

use super::fields::{Fields, Reader};
use super::selector::{Labels, Selector};
use super::{Id, Place, PodSpec, Told};
use crate::document::Value;

#[derive(Debug, Clone)]
pub struct Template {
    pub id: Id,
    /// `None` where it is not written; that means one.
    pub replicas: Option<Told<u32>>,
    pub strategy: Option<Strategy>,
    pub selector: Option<Selector>,
    pub labels: Labels,
    /// Of [`MACVLAN`](super::MACVLAN).
    pub macvlan: Option<Told<String>>,
    pub spec: PodSpec,
    /// Where the template is written.
    pub at: Place,
}

/// How pods are replaced.
#[derive(Debug, Clone)]
pub struct Strategy {
    /// `Recreate`, `RollingUpdate`, `Rolling`, `OnDelete`.
    pub kind: Option<Told<String>>,
    /// As it is written: a number or a percentage.
    pub max_surge: Option<Told<String>>,
    pub at: Place,
}

impl Template {
    /// Whether a pod with these labels in this namespace is one of its own.
    pub fn makes(&self, pod: &super::Pod) -> bool {
        let is_selected = match &self.selector {
            Some(selector) => !selector.is_empty() && selector.matches(&pod.labels),
            None => !self.labels.is_empty() && Selector::of_labels(&self.labels).matches(&pod.labels),
        };
        is_selected && self.id.shares_namespace(&pod.id)
    }
}

impl Reader<'_> {
    pub(super) fn template(&mut self, id: Id, object: &Fields<'_>) -> Option<Template> {
        let known = ["replicas", "strategy", "updateStrategy", "selector", "template"];
        let spec = self.inner(object, "spec", &known);
        let Some(node) = spec.get("template") else {
            self.skipped += 1;
            return None;
        };
        let template = self.fields(node, "`template`", &["metadata", "spec"]);
        let metadata = self.inner(&template, "metadata", &["labels", "annotations"]);
        let strategy = spec.get("strategy").or(spec.get("updateStrategy"));
        let strategy = strategy.map(|node| {
            let fields = self.fields(node, "`strategy`", &["type", "rollingUpdate", "rollingParams"]);
            let name = if fields.get("rollingParams").is_some() { "rollingParams" } else { "rollingUpdate" };
            let rolling = self.inner(&fields, name, &["maxSurge"]);
            Strategy {
                kind: self.text(&fields, "type"),
                max_surge: self.text(&rolling, "maxSurge"),
                at: self.place(node.at),
            }
        });
        // Older kinds have a plain map of labels here.
        let selector = spec.get("selector").map(|node| {
            let is_map_of_labels = matches!(&node.value, Value::Map(entries)
                if !entries.iter().any(|(key, _)| key.name == "matchLabels" || key.name == "matchExpressions"));
            if is_map_of_labels {
                Selector::of_labels(&self.labels(&spec, "selector"))
            } else {
                self.selector_of(node, "selector")
            }
        });
        Some(Template {
            replicas: self.number(&spec, "replicas"),
            strategy,
            selector,
            labels: self.labels(&metadata, "labels"),
            macvlan: self.macvlan(&metadata),
            spec: template.get("spec").map(|node| self.pod_spec(node)).unwrap_or_default(),
            at: self.place(node.at),
            id,
        })
    }
}
