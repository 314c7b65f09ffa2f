//! From a file's documents to objects, by group and kind.

use std::collections::HashSet;
use std::sync::Arc;

use super::fields::{Fields, Reader};
use super::{Id, LARGEST, Namespace, Node, Objects, Unsupported};
use crate::document::{self, Error, Node as Tree, Value};
use crate::text::Text;

/// Objects that were read: kind, namespace, name.
pub(super) type Seen = HashSet<(&'static str, Option<String>, String)>;

/// How deep lists may lie in lists.
const DEEPEST: usize = 4;

/// What is needed, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pod,
    Namespace,
    Node,
    Service,
    Endpoints,
    EndpointSlice,
    Template(&'static str),
    HostSubnet,
    NetNamespace,
    ClusterNetwork,
    NetworkConfig,
    EgressNetworkPolicy,
    EgressRouter,
    EgressIp,
    EgressService,
    EgressFirewall,
    NetworkPolicy,
}

impl Kind {
    /// The kind of that name in that API group; OpenShift 3 had its own kinds in the core group.
    fn of(group: &str, kind: &str) -> Option<Self> {
        Some(match (group, kind) {
            ("", "Pod") => Self::Pod,
            ("", "Namespace") | ("" | "project.openshift.io", "Project") => Self::Namespace,
            ("", "Node") => Self::Node,
            ("", "Service") => Self::Service,
            ("", "Endpoints") => Self::Endpoints,
            ("discovery.k8s.io", "EndpointSlice") => Self::EndpointSlice,
            ("apps" | "extensions", "Deployment") => Self::Template("Deployment"),
            ("apps", "StatefulSet") => Self::Template("StatefulSet"),
            ("apps" | "extensions", "DaemonSet") => Self::Template("DaemonSet"),
            ("apps" | "extensions", "ReplicaSet") => Self::Template("ReplicaSet"),
            ("", "ReplicationController") => Self::Template("ReplicationController"),
            ("" | "apps.openshift.io", "DeploymentConfig") => Self::Template("DeploymentConfig"),
            ("" | "network.openshift.io", "HostSubnet") => Self::HostSubnet,
            ("" | "network.openshift.io", "NetNamespace") => Self::NetNamespace,
            ("" | "network.openshift.io", "ClusterNetwork") => Self::ClusterNetwork,
            ("" | "network.openshift.io", "EgressNetworkPolicy") => Self::EgressNetworkPolicy,
            ("config.openshift.io" | "operator.openshift.io", "Network") => Self::NetworkConfig,
            ("network.operator.openshift.io", "EgressRouter") => Self::EgressRouter,
            ("k8s.ovn.org", "EgressIP") => Self::EgressIp,
            ("k8s.ovn.org", "EgressService") => Self::EgressService,
            ("k8s.ovn.org", "EgressFirewall") => Self::EgressFirewall,
            ("networking.k8s.io" | "extensions", "NetworkPolicy") => Self::NetworkPolicy,
            _ => return None,
        })
    }

    /// Whether each is of a namespace, and not of the whole cluster.
    fn is_namespaced(self) -> bool {
        match self {
            Self::Namespace
            | Self::Node
            | Self::HostSubnet
            | Self::NetNamespace
            | Self::ClusterNetwork
            | Self::NetworkConfig
            | Self::EgressIp => false,
            Self::Pod
            | Self::Service
            | Self::Endpoints
            | Self::EndpointSlice
            | Self::Template(_)
            | Self::EgressNetworkPolicy
            | Self::EgressRouter
            | Self::EgressService
            | Self::EgressFirewall
            | Self::NetworkPolicy => true,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Pod => "Pod",
            Self::Namespace => "Namespace",
            Self::Node => "Node",
            Self::Service => "Service",
            Self::Endpoints => "Endpoints",
            Self::EndpointSlice => "EndpointSlice",
            Self::Template(name) => name,
            Self::HostSubnet => "HostSubnet",
            Self::NetNamespace => "NetNamespace",
            Self::ClusterNetwork => "ClusterNetwork",
            Self::NetworkConfig => "Network",
            Self::EgressNetworkPolicy => "EgressNetworkPolicy",
            Self::EgressRouter => "EgressRouter",
            Self::EgressIp => "EgressIP",
            Self::EgressService => "EgressService",
            Self::EgressFirewall => "EgressFirewall",
            Self::NetworkPolicy => "NetworkPolicy",
        }
    }
}

/// The plugin whose objects these are; they are recognised, and not supported yet. Of a plugin of which every object tells that
/// it is there, all do; of Calico, which may stand beside another one for its policies, those about what leaves.
fn unsupported(group: &str, kind: &str) -> Option<&'static str> {
    Some(match (group, kind) {
        ("cilium.io" | "isovalent.com", _) => "Cilium",
        ("crd.antrea.io" | "controlplane.antrea.io", _) => "Antrea",
        ("projectcalico.org" | "crd.projectcalico.org", "IPPool" | "EgressGatewayPolicy") => "Calico",
        ("egressgateway.spidernet.io", _) => "spidernet",
        ("egressgateway.kubernetes.azure.com", _) => "Azure kube-egress-gateway",
        ("kubeovn.io", _) => "Kube-OVN",
        _ => return None,
    })
}

/// A reader of the file called `name`, whose content is `text`.
pub(super) fn reader<'t>(name: &str, text: &'t str) -> Reader<'t> {
    Reader { file: Arc::from(name), text, faults: Vec::new(), skipped: 0, newest: None, lines: None }
}

impl Objects {
    /// Takes in the objects of the file called `name`, whose content is `bytes`; how many there were, needed or not.
    ///
    /// What is no object (a document without a kind) is not counted. After a mistake nothing of the file is believed.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<usize, Error> {
        let name = Text::from(name).to_string();
        if bytes.len() > LARGEST {
            let (bytes, what) = (bytes.len(), "a file of objects");
            return Err(Error::TooLarge { name, bytes, what, most: LARGEST });
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.trim_start_matches('\u{feff}'),
            Err(error) => return Err(Error::NotText { name, offset: error.valid_up_to() }),
        };
        let documents =
            document::read_all(text).map_err(|(at, why)| Error::unreadable(&name, text, at, &why))?;
        let mut reader = reader(&name, text);
        let mut taken = 0;
        for document in &documents {
            taken += self.take(&mut reader, document, None, DEEPEST);
        }
        self.skipped_fields += reader.skipped;
        self.newest = self.newest.max(reader.newest);
        if reader.faults.is_empty() { Ok(taken) } else { Err(Error::faulty(&name, text, reader.faults)) }
    }

    /// Takes in an object or a list of them; `of` is the group and kind that a list gives its items.
    fn take(
        &mut self,
        reader: &mut Reader<'_>,
        tree: &Tree,
        of: Option<(&str, &str)>,
        depth: usize,
    ) -> usize {
        let Value::Map(entries) = &tree.value else { return 0 };
        let text = |name: &str| {
            entries.iter().find(|(key, _)| key.name == name).and_then(|(_, node)| match &node.value {
                Value::Scalar(text) => Some(text.as_str()),
                _ => None,
            })
        };
        let (group, kind) = match (text("apiVersion"), text("kind"), of) {
            (version, Some(kind), of) => {
                let group = version.map(|version| version.split_once('/').map_or("", |(group, _)| group));
                (group.or(of.map(|(group, _)| group)).unwrap_or(""), kind)
            }
            (_, None, Some(of)) => of,
            (_, None, None) => return 0,
        };
        let items = entries.iter().find(|(key, _)| key.name == "items");
        if let (Some(one), Some((_, items))) = (kind.strip_suffix("List"), items) {
            let Value::List(items) = &items.value else {
                if !matches!(items.value, Value::Null) {
                    reader.fault(items.at, "`items` is not a list");
                }
                return 0;
            };
            if depth == 0 {
                reader.fault(tree.at, "lists lie too deep in lists here");
                return 0;
            }
            let of = (!one.is_empty()).then_some((group, one));
            return items.iter().map(|item| self.take(reader, item, of, depth - 1)).sum();
        }
        match Kind::of(group, kind) {
            Some(known) => self.take_known(reader, tree, known),
            None => self.pass_over(reader, tree, group, kind),
        }
        1
    }

    fn pass_over(&mut self, reader: &mut Reader<'_>, tree: &Tree, group: &str, kind: &str) {
        let shown = Text::from(kind).to_string();
        if let Some(plugin) = unsupported(group, kind) {
            let object = reader.fields(tree, "an object", &["metadata"]);
            let metadata = reader.inner(&object, "metadata", &["name"]);
            let name = reader.text(&metadata, "name").map(|told| told.value).unwrap_or_default();
            let name = Text::from(&*name).to_string();
            self.unsupported.push(Unsupported { plugin, kind: shown, name, at: reader.place(tree.at) });
        } else {
            *self.skipped.entry(shown).or_default() += 1;
        }
    }

    fn take_known(&mut self, reader: &mut Reader<'_>, tree: &Tree, kind: Kind) {
        let object = reader.fields(
            tree,
            "an object",
            &[
                "apiVersion",
                "kind",
                "metadata",
                "spec",
                "status",
                "host",
                "hostIP",
                "subnet",
                "egressIPs",
                "egressCIDRs",
                "netname",
                "netid",
                "clusterNetworks",
                "network",
                "serviceNetwork",
                "pluginName",
                "vxlanPort",
                "subsets",
                "endpoints",
                "addressType",
            ],
        );
        let known = ["name", "namespace", "labels", "annotations", "creationTimestamp"];
        let metadata = reader.inner(&object, "metadata", &known);
        let name = reader.text(&metadata, "name").or_else(|| {
            // A pod that a manifest has made names of, or a template's.
            matches!(kind, Kind::Pod).then(|| reader.told("(unnamed)".to_owned(), tree))
        });
        let Some(name) = name else {
            reader.fault(tree.at, format!("this {} has no `metadata.name`", kind.name()));
            return;
        };
        let assumed = || self.namespace.clone().filter(|_| kind.is_namespaced());
        let namespace = reader.text(&metadata, "namespace").map(|told| told.value).or_else(assumed);
        for (what, value) in [("name", Some(&name.value)), ("namespace", namespace.as_ref())] {
            if value.is_some_and(|value| !is_plain(value)) {
                reader.fault(
                    tree.at,
                    format!("the `{what}` of this {} is none that the API accepts", kind.name()),
                );
                return;
            }
        }
        let id = Id { kind: kind.name(), namespace, name: name.value, at: reader.place(tree.at) };
        if !self.read.insert((id.kind, id.namespace.clone(), id.name.clone())) {
            self.repeated.push(id);
            return;
        }
        self.keep(reader, kind, id, &metadata, &object);
    }

    fn keep(
        &mut self,
        reader: &mut Reader<'_>,
        kind: Kind,
        id: Id,
        metadata: &Fields<'_>,
        object: &Fields<'_>,
    ) {
        match kind {
            Kind::Pod => self.pods.push(reader.pod(id, metadata, object)),
            Kind::Namespace => {
                let labels = reader.labels(metadata, "labels");
                self.namespaces.push(Namespace { id, labels });
            }
            Kind::Node => self.nodes.push(reader.node(id, metadata, object)),
            Kind::Service => self.services.push(reader.service(id, object)),
            Kind::Endpoints => self.endpoints.push(reader.endpoints(id, object)),
            Kind::EndpointSlice => self.endpoints.extend(reader.endpoint_slice(id, metadata, object)),
            Kind::Template(_) => self.templates.extend(reader.template(id, object)),
            Kind::HostSubnet => self.host_subnets.push(reader.host_subnet(id, object)),
            Kind::NetNamespace => self.net_namespaces.push(reader.net_namespace(id, object)),
            Kind::ClusterNetwork => self.cluster_networks.push(reader.cluster_network(id, object)),
            Kind::NetworkConfig => self.network_configs.push(reader.network_config(id, object)),
            Kind::EgressNetworkPolicy => {
                self.egress_network_policies.push(reader.egress_network_policy(id, object));
            }
            Kind::EgressRouter => self.egress_routers.push(reader.egress_router(id, object)),
            Kind::EgressIp => self.egress_ips.push(reader.egress_ip(id, object)),
            Kind::EgressService => self.egress_services.push(reader.egress_service(id, object)),
            Kind::EgressFirewall => self.egress_firewalls.push(reader.egress_firewall(id, object)),
            Kind::NetworkPolicy => self.network_policies.push(reader.network_policy(id, object)),
        }
    }
}

/// Whether the API accepts a name: what is shown, compared and written into reports has no other characters.
fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_graphic() || c == ' ')
}

impl Reader<'_> {
    fn node(&mut self, id: Id, metadata: &Fields<'_>, object: &Fields<'_>) -> Node {
        let spec = self.inner(object, "spec", &["podCIDR", "podCIDRs"]);
        let status = self.inner(object, "status", &["addresses", "nodeInfo"]);
        let info = self.inner(&status, "nodeInfo", &["kubeletVersion"]);
        let kubelet = self.text(&info, "kubeletVersion").map(|told| told.value);
        let mut addresses = Vec::new();
        for item in self.items(&status, "addresses") {
            let fields = self.fields(item, "an item of `addresses`", &["type", "address"]);
            let kind = self.text(&fields, "type").map(|told| told.value).unwrap_or_default();
            if matches!(kind.as_str(), "InternalIP" | "ExternalIP") {
                addresses.extend(self.address(&fields, "address").map(|told| told.value));
            }
        }
        let mut pod_cidrs: Vec<_> =
            self.blocks(&spec, "podCIDRs").into_iter().map(|told| told.value).collect();
        if pod_cidrs.is_empty() {
            pod_cidrs.extend(self.block(&spec, "podCIDR").map(|told| told.value));
        }
        Node { labels: self.labels(metadata, "labels"), id, addresses, pod_cidrs, kubelet }
    }
}
