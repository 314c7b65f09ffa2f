//! Variables that the downward API writes: a field that is none, or another one than the variable's name says.
//!
//! egret reads `POD_IP`, `NODE_IP` and their like in a pod, and so do others. Pods that a template here makes are left to it.

use super::given::Given;
use super::{Finding, Report, Rule};
use crate::objects::{FieldRef, Id, PodSpec};

/// Variables, and the fields that they may be of.
const FIELDS: [(&str, &[&str]); 6] = [
    ("POD_IP", &["status.podIP", "status.podIPs"]),
    ("NODE_IP", &["status.hostIP", "status.hostIPs"]),
    ("HOST_IP", &["status.hostIP", "status.hostIPs"]),
    ("POD_NAME", &["metadata.name"]),
    ("POD_NAMESPACE", &["metadata.namespace"]),
    ("NODE_NAME", &["spec.nodeName"]),
];

pub(super) fn look(given: &Given<'_>, report: &mut Report) {
    let objects = given.objects;
    for template in &objects.templates {
        report.findings.extend(findings(&template.id, &template.spec));
    }
    for pod in &objects.pods {
        let found = findings(&pod.id, &pod.spec);
        if !found.is_empty() && !objects.templates.iter().any(|template| template.makes(pod)) {
            report.findings.extend(found);
        }
    }
}

fn findings(id: &Id, spec: &PodSpec) -> Vec<Finding> {
    let variables = spec.containers.iter().flat_map(|container| &container.environment);
    let fields = variables.filter_map(|variable| Some((&variable.name, variable.field.as_ref()?)));
    fields
        .filter_map(|(name, field)| {
            let wanted = FIELDS.iter().find(|(known, _)| known == name).map(|(_, wanted)| *wanted);
            let example = wanted.map_or("status.podIP", |wanted| wanted[0]);
            let fix = format!("write valueFrom: {{ fieldRef: {{ fieldPath: {example} }} }}");
            let (says, at) = match (field, wanted) {
                (FieldRef::Malformed(at), _) => {
                    (format!("{name} has a fieldRef that is not a map with a fieldPath"), at)
                }
                (FieldRef::Path(path), Some(wanted)) if !wanted.contains(&path.value.as_str()) => {
                    (format!("{name} is {}, and not {}", path.value, wanted.join(" or ")), &path.at)
                }
                (FieldRef::Path(_), _) => return None,
            };
            Some(Finding::new(Rule::BadFieldRef, id, at, says, fix))
        })
        .collect()
}
