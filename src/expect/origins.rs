//! Which pods an expectation speaks about, by what the cluster's objects say of them.
//!
//! Pods that the objects name have addresses, and these stand in the expectation's `from`. What is left to say is about pods
//! that no object names: one that started after the objects were printed, say. Of these at most the namespace is known, by the
//! id of a tunnel.

use std::collections::BTreeSet;

use crate::expect::Covers;
use crate::expect::derive::Workload;
use crate::objects::Selector;

/// Pods that no object names, by their namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    /// Every one of these namespaces.
    pub namespaces: BTreeSet<String>,
    /// Perhaps some of these.
    pub partly: BTreeSet<String>,
    /// What was asked for, in a policy file.
    pub wanted: Option<Wanted>,
}

/// Pods as people mean them: all that is written must be met, of a list any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    pub namespaces: Vec<String>,
    pub labels: Option<Selector>,
    pub pods: Vec<String>,
    /// Where it is written.
    pub place: String,
}

/// What the objects say of a flow's origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin<'a> {
    /// An object names it: what its address does not meet is not meant.
    Named,
    Unnamed {
        namespace: Option<&'a str>,
    },
}

impl Wanted {
    pub(super) fn means(&self, workload: &Workload) -> bool {
        let is_one = |names: &[String], name: Option<&str>| {
            names.is_empty() || name.is_some_and(|name| names.iter().any(|one| one == name))
        };
        is_one(&self.namespaces, workload.namespace.as_deref())
            && is_one(&self.pods, Some(&workload.id.name))
            && self.labels.as_ref().is_none_or(|labels| labels.matches(&workload.labels))
    }
}

impl Origins {
    pub fn is_empty(&self) -> bool {
        self.namespaces.is_empty() && self.partly.is_empty() && self.wanted.is_none()
    }

    /// Whether these speak about an origin that is at none of the addresses known.
    pub(super) fn cover(&self, pod: Origin<'_>) -> Covers {
        match pod {
            Origin::Named => Covers::No,
            Origin::Unnamed { namespace: Some(name) } if self.namespaces.contains(name) => Covers::Yes,
            Origin::Unnamed { namespace: Some(name) } if self.partly.contains(name) => Covers::Maybe,
            Origin::Unnamed { namespace: Some(_) } => Covers::No,
            Origin::Unnamed { namespace: None } if self.speaks_of_unnamed() => Covers::Maybe,
            Origin::Unnamed { namespace: None } => Covers::No,
        }
    }

    pub(super) fn speaks_of_unnamed(&self) -> bool {
        !self.namespaces.is_empty() || !self.partly.is_empty()
    }
}
