//! From a cluster's objects to what each workload should leave with, and why.
//!
//! A network plugin is one function from objects to [`Rule`]s; nothing else here knows a plugin by its name. A rule says
//! for some workloads with which source they leave, and because of which fields of which objects. A workload's first rule
//! is the one that holds, as with expectations.
//!
//! What the objects do not tell is never guessed: the answer is then [`Answer::Unknown`], with the fact that is missing.
//! Egress routers come before any plugin: they bring addresses of their own.

pub mod denial;
mod expectations;
mod explain;
mod facts;
mod ground;
mod openshift_sdn;
mod ovn_kubernetes;
pub mod router;

use std::fmt;

use crate::expect::Cluster;
use crate::frame::Timestamp;
use crate::net::Address;
use crate::objects::{Id, Labels, Objects, Place};

pub use denial::Denial;
pub(in crate::expect) use explain::target;
pub use explain::{Explained, Via};
pub use ground::{Ground, Meant};
pub use router::Router;

/// What the objects do not say and people may.
#[derive(Debug, Clone, Default)]
pub struct Assumed {
    /// The release of OpenShift: before 4, only the first of a namespace's egress addresses was used.
    pub release: Option<Release>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    Three,
    Four,
}

/// All that follows from the objects.
#[derive(Debug, Clone, Default)]
pub struct Derived {
    /// The network plugin, if the objects tell it and it is one of those known here.
    pub plugin: Option<&'static str>,
    /// What is not known of the plugin, where none of these is it.
    pub missing: Option<String>,
    pub workloads: Vec<Workload>,
    pub routers: Vec<Router>,
    /// In order: a workload's first rule holds.
    pub rules: Vec<Rule>,
    pub denials: Vec<Denial>,
    /// Whose an address is, and what is inside.
    pub cluster: Cluster,
    /// By workload, the rule that holds for what it sends outside.
    pub(in crate::expect) first: Vec<Option<usize>>,
    /// What was taken for granted, a line each.
    pub notes: Vec<String>,
}

/// What sends: a pod, or the template of pods of which none was among the objects.
#[derive(Debug, Clone)]
pub struct Workload {
    pub id: Id,
    /// `None` where nobody says.
    pub namespace: Option<String>,
    pub labels: Labels,
    pub node: Option<String>,
    /// Whether it uses its node's network: it leaves as the node does.
    pub is_on_host: bool,
    /// Its own. None of a template, of a pod that has finished, and of one on its node's network.
    pub addresses: Vec<Address>,
    /// When the pod started: before that its addresses were another's, or nobody's.
    pub since: Option<Timestamp>,
}

/// With which source some workloads leave, and why.
#[derive(Debug, Clone)]
pub struct Rule {
    pub who: Who,
    pub to: To,
    pub answer: Answer,
    pub because: Vec<Because>,
}

/// Which workloads a rule is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Who {
    /// By their index in [`Derived::workloads`].
    pub workloads: Vec<usize>,
    /// Pods of these namespaces that no object names.
    pub namespaces: Vec<String>,
    /// Of these namespaces, perhaps pods that no object names.
    pub partly: Vec<String>,
    /// Whoever calls it, from anywhere.
    pub is_anybody: bool,
}

/// Which destinations a rule is about, as the workload calls them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// Everything outside.
    Outside,
    /// These addresses, before they are translated.
    Addresses(Vec<Address>),
}

/// What a workload leaves with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Any of these.
    AnyOf(Vec<Exit>),
    /// The address of each workload's own node.
    Node,
    /// Its own address, untranslated.
    Pod,
    /// Nothing leaves.
    Drop,
    /// It stays inside, and is nobody's egress.
    NotEgress,
    /// A fact is missing that would tell.
    Unknown { missing: String },
}

/// An address to leave with, and the node that it leaves by, where that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    pub address: Address,
    pub node: Option<String>,
}

/// One step of a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Because {
    /// In words, the object among them.
    pub says: String,
    pub object: Option<Id>,
    /// The field that it rests on: `egressIPs`.
    pub field: Option<&'static str>,
    pub at: Option<Place>,
}

/// A network plugin: how it is recognised, and what follows from its objects.
struct Plugin {
    name: &'static str,
    /// Whether a cluster's configuration means this plugin by that name.
    is_called: fn(&str) -> bool,
    /// Whether there are objects that only this plugin has.
    has_objects: fn(&Objects) -> bool,
    /// Whether it heeds what network policies say of what leaves; `None` where that depends on the release.
    heeds_policies: fn(&Ground<'_>) -> Option<bool>,
    /// What the network itself leaves with, for every workload that no router's rule is about.
    derive: fn(&Ground<'_>, &mut Derived),
}

const PLUGINS: [Plugin; 2] = [openshift_sdn::PLUGIN, ovn_kubernetes::PLUGIN];

impl Derived {
    /// All that follows from `objects`.
    pub fn of(objects: &Objects, assumed: &Assumed) -> Self {
        let mut derived = Self { workloads: ground::workloads(objects), ..Self::default() };
        let workloads = std::mem::take(&mut derived.workloads);
        let ground = Ground::new(objects, assumed, &workloads);
        derived.rules.extend(on_the_hosts_network(&workloads));
        router::derive(&ground, &mut derived);
        match plugin(objects) {
            Ok(plugin) => {
                derived.plugin = Some(plugin.name);
                (plugin.derive)(&ground, &mut derived);
                derived.denials = denial::all(&ground, (plugin.heeds_policies)(&ground));
            }
            Err(missing) => {
                derived.missing = Some(missing.clone());
                derived.rules.push(Rule {
                    who: ground.everybody(),
                    to: To::Outside,
                    answer: Answer::Unknown { missing },
                    because: Vec::new(),
                });
            }
        }
        derived.notes.extend(facts::notes(objects));
        derived.workloads = workloads;
        derived.first = derived.first_rules();
        derived.cluster = facts::cluster(&derived, objects);
        derived
    }

    fn first_rules(&self) -> Vec<Option<usize>> {
        let mut first = vec![None; self.workloads.len()];
        for (at, rule) in self.rules.iter().enumerate().filter(|(_, rule)| rule.to == To::Outside) {
            for &workload in &rule.who.workloads {
                first[workload].get_or_insert(at);
            }
        }
        first
    }

    /// The pod whose own address this is.
    pub fn workload_at(&self, address: Address) -> Option<usize> {
        self.workloads.iter().position(|workload| workload.addresses.contains(&address))
    }

    /// Workloads of that name, or of `NAMESPACE/NAME`.
    pub fn workloads_called(&self, name: &str) -> Vec<usize> {
        let (namespace, name) = match name.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, name),
        };
        let is_called = |workload: &Workload| {
            workload.id.name == name
                && namespace.is_none_or(|namespace| workload.namespace.as_deref() == Some(namespace))
        };
        (0..self.workloads.len()).filter(|at| is_called(&self.workloads[*at])).collect()
    }

    /// What a workload leaves with towards an address outside, and why: its first rule.
    pub fn rule_for(&self, workload: usize) -> Option<&Rule> {
        self.first.get(workload).copied().flatten().map(|at| &self.rules[at])
    }
}

/// Whoever uses its node's network leaves as the node does, whatever its namespace has.
fn on_the_hosts_network(workloads: &[Workload]) -> Option<Rule> {
    let of_host: Vec<usize> = (0..workloads.len()).filter(|at| workloads[*at].is_on_host).collect();
    (!of_host.is_empty()).then(|| Rule {
        who: Who { workloads: of_host, ..Who::default() },
        to: To::Outside,
        answer: Answer::Node,
        because: vec![Because::plain(
            "the pod uses its node's network (hostNetwork), and leaves as the node does",
        )],
    })
}

/// The plugin that the objects speak of, or which fact is missing.
fn plugin(objects: &Objects) -> Result<&'static Plugin, String> {
    let configured = objects.network_configs.iter().find_map(|config| config.plugin.as_ref());
    let configured =
        configured.or(objects.cluster_networks.iter().find_map(|network| network.plugin.as_ref()));
    if let Some(name) = configured {
        let known = PLUGINS.iter().find(|plugin| (plugin.is_called)(name));
        return known.ok_or_else(|| {
            format!("how {} chooses addresses ({}): it is not supported yet", name.value, name.at)
        });
    }
    if let Some(object) = objects.unsupported.first() {
        let (kind, name, at) = (&object.kind, &object.name, &object.at);
        return Err(format!(
            "how {} chooses addresses ({kind} {name}, {at}): it is not supported yet",
            object.plugin
        ));
    }
    let mut seen = PLUGINS.iter().filter(|plugin| (plugin.has_objects)(objects));
    match (seen.next(), seen.next()) {
        (Some(plugin), None) => Ok(plugin),
        _ => Err("which network plugin the cluster has (`oc get network.config cluster -o yaml`)".to_owned()),
    }
}

impl Answer {
    /// The node that everything leaves by, where that is one and known.
    pub fn node(&self) -> Option<&str> {
        let Self::AnyOf(exits) = self else { return None };
        let first = exits.first()?.node.as_deref()?;
        exits.iter().all(|exit| exit.node.as_deref() == Some(first)).then_some(first)
    }
}

impl Because {
    pub(crate) fn plain(says: impl Into<String>) -> Self {
        Self { says: says.into(), object: None, field: None, at: None }
    }

    pub(crate) fn of(says: impl Into<String>, object: &Id, field: &'static str, at: &Place) -> Self {
        Self { says: says.into(), object: Some(object.clone()), field: Some(field), at: Some(at.clone()) }
    }
}

/// With its place: `NetNamespace herasoo has the egress address 192.168.12.99 (netnamespaces.yaml:7)`.
impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.says)?;
        match &self.at {
            Some(at) => write!(f, " ({at})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnyOf(exits) => {
                for (at, exit) in exits.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { " or " })?;
                    write!(f, "{exit}")?;
                }
                Ok(())
            }
            Self::Node => f.write_str("node"),
            Self::Pod => f.write_str("pod"),
            Self::Drop => f.write_str("drop"),
            Self::NotEgress => f.write_str("not egress"),
            Self::Unknown { missing } => write!(f, "unknown without {missing}"),
        }
    }
}

/// `192.168.12.99@worker1`
impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Some(node) => write!(f, "{}@{node}", self.address),
            None => self.address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
