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
    /// Perhaps some of any namespace.
    pub anywhere: bool,
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
        self.namespaces.is_empty() && self.partly.is_empty() && !self.anywhere && self.wanted.is_none()
    }

    /// Whether these speak about an origin that is at none of the addresses known.
    pub(super) fn cover(&self, pod: Origin<'_>) -> Covers {
        let Origin::Unnamed { namespace } = pod else { return Covers::No };
        let is_whole = namespace.is_some_and(|name| self.namespaces.contains(name));
        let is_possible = match namespace {
            Some(name) => self.partly.contains(name) || self.are_of_any_namespace(),
            None => self.speaks_of_unnamed(),
        };
        match (is_whole, is_possible) {
            (true, _) => Covers::Yes,
            (false, true) => Covers::Maybe,
            (false, false) => Covers::No,
        }
    }

    /// Whether labels or names alone were asked for, which pods of any namespace may have.
    pub(super) fn are_of_any_namespace(&self) -> bool {
        self.anywhere || self.wanted.as_ref().is_some_and(|wanted| wanted.namespaces.is_empty())
    }

    pub(super) fn speaks_of_unnamed(&self) -> bool {
        !self.namespaces.is_empty() || !self.partly.is_empty() || self.are_of_any_namespace()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn unnamed(namespace: Option<&str>) -> Origin<'_> {
        Origin::Unnamed { namespace }
    }

    #[test]
    fn a_pod_that_an_object_names_is_meant_by_its_address_alone() {
        let origins = Origins { namespaces: names(&["herasoo"]), ..Origins::default() };
        assert_eq!(origins.cover(Origin::Named), Covers::No);
    }

    #[test]
    fn a_whole_namespace_is_meant_where_a_tunnel_tells_it_and_perhaps_where_nothing_does() {
        let origins =
            Origins { namespaces: names(&["herasoo"]), partly: names(&["other"]), ..Origins::default() };
        assert_eq!(origins.cover(unnamed(Some("herasoo"))), Covers::Yes);
        assert_eq!(origins.cover(unnamed(Some("other"))), Covers::Maybe);
        assert_eq!(origins.cover(unnamed(Some("third"))), Covers::No);
        assert_eq!(origins.cover(unnamed(None)), Covers::Maybe);
    }

    #[test]
    fn labels_may_be_those_of_any_pod_that_no_object_names() {
        let wanted = Wanted { labels: Some(Selector::default()), ..Wanted::default() };
        let origins = Origins { wanted: Some(wanted), ..Origins::default() };
        assert_eq!(origins.cover(unnamed(None)), Covers::Maybe);
        assert_eq!(origins.cover(unnamed(Some("herasoo"))), Covers::Maybe);
    }
}
