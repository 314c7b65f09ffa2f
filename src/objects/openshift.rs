//! Objects of OpenShift's networks: openshift-sdn's own, the egress router's, and which plugin there is.

use super::fields::{Fields, Reader};
use super::ovn::{FirewallRule, FirewallTo};
use super::{Id, Told};
use crate::document::Node;
use crate::net::{Address, Block};

/// A node, as openshift-sdn sees it.
#[derive(Debug, Clone)]
pub struct HostSubnet {
    pub id: Id,
    /// The node's name.
    pub host: String,
    pub host_ip: Option<Told<Address>>,
    /// The pods' addresses of that node.
    pub subnet: Option<Told<Block>>,
    pub egress_ips: Vec<Told<Address>>,
    /// Where the controller chooses the egress addresses by itself.
    pub egress_cidrs: Vec<Told<Block>>,
}

/// A namespace, as openshift-sdn sees it.
#[derive(Debug, Clone)]
pub struct NetNamespace {
    pub id: Id,
    /// The namespace's name.
    pub netname: String,
    /// The id of its packets in tunnels. Zero is global: what belongs to all.
    pub netid: Option<Told<u32>>,
    pub egress_ips: Vec<Told<Address>>,
}

/// The ranges of a cluster with openshift-sdn.
#[derive(Debug, Clone)]
pub struct ClusterNetwork {
    pub id: Id,
    pub pods: Vec<Told<Block>>,
    pub services: Vec<Told<Block>>,
    pub plugin: Option<Told<String>>,
    pub vxlan_port: Option<u16>,
}

/// The `Network` of `config.openshift.io` or `operator.openshift.io`.
#[derive(Debug, Clone)]
pub struct NetworkConfig {
    pub id: Id,
    pub pods: Vec<Told<Block>>,
    pub services: Vec<Told<Block>>,
    /// `OpenShiftSDN`, `OVNKubernetes`, …
    pub plugin: Option<Told<String>>,
    pub vxlan_port: Option<u16>,
    pub geneve_port: Option<u16>,
}

#[derive(Debug, Clone)]
pub struct EgressNetworkPolicy {
    pub id: Id,
    pub rules: Vec<FirewallRule>,
}

/// The `EgressRouter` of `network.operator.openshift.io`.
#[derive(Debug, Clone)]
pub struct EgressRouter {
    pub id: Id,
    pub mode: Option<Told<String>>,
    pub addresses: Vec<RouterAddress>,
    pub rules: Vec<RedirectRule>,
    pub fallback: Option<Told<Address>>,
}

#[derive(Debug, Clone)]
pub struct RouterAddress {
    /// The address, without its prefix.
    pub address: Told<Address>,
    /// The subnet that it is written with.
    pub subnet: Block,
    pub gateway: Option<Told<Address>>,
}

#[derive(Debug, Clone)]
pub struct RedirectRule {
    pub destination: Told<Address>,
    pub port: Told<u16>,
    pub protocol: Told<String>,
    pub target_port: Option<Told<u16>>,
}

impl Reader<'_> {
    pub(super) fn host_subnet(&mut self, id: Id, object: &Fields<'_>) -> HostSubnet {
        let host = self.text(object, "host").map_or_else(|| id.name.clone(), |told| told.value);
        HostSubnet {
            host,
            host_ip: self.address(object, "hostIP"),
            subnet: self.block(object, "subnet"),
            egress_ips: self.addresses(object, "egressIPs"),
            egress_cidrs: self.blocks(object, "egressCIDRs"),
            id,
        }
    }

    pub(super) fn net_namespace(&mut self, id: Id, object: &Fields<'_>) -> NetNamespace {
        let netid = self.number::<u32>(object, "netid");
        if let Some(netid) = netid.as_ref().filter(|netid| netid.value > 0x00ff_ffff) {
            let at = crate::document::Position { line: netid.at.line, column: netid.at.column };
            self.fault(at, "`netid` is not an id of a tunnel; these go from 0 to 16777215");
        }
        NetNamespace {
            netname: self.text(object, "netname").map_or_else(|| id.name.clone(), |told| told.value),
            netid,
            egress_ips: self.addresses(object, "egressIPs"),
            id,
        }
    }

    pub(super) fn cluster_network(&mut self, id: Id, object: &Fields<'_>) -> ClusterNetwork {
        let mut pods = Vec::new();
        for item in self.items(object, "clusterNetworks") {
            let fields = self.fields(item, "an item of `clusterNetworks`", &["CIDR"]);
            pods.extend(self.block(&fields, "CIDR"));
        }
        if pods.is_empty() {
            pods.extend(self.block(object, "network"));
        }
        ClusterNetwork {
            id,
            pods,
            services: self.block(object, "serviceNetwork").into_iter().collect(),
            plugin: self.text(object, "pluginName"),
            vxlan_port: self.port(object, "vxlanPort"),
        }
    }

    /// A port; zero is none that was chosen.
    fn port(&mut self, fields: &Fields<'_>, name: &str) -> Option<u16> {
        self.number(fields, name).map(|told| told.value).filter(|port| *port > 0)
    }

    pub(super) fn network_config(&mut self, id: Id, object: &Fields<'_>) -> NetworkConfig {
        let known = ["clusterNetwork", "serviceNetwork", "networkType", "defaultNetwork"];
        let spec = self.inner(object, "spec", &known);
        let status = self.inner(object, "status", &known);
        let known = ["type", "openshiftSDNConfig", "ovnKubernetesConfig"];
        let default = self.inner(&spec, "defaultNetwork", &known);
        let sdn = self.inner(&default, "openshiftSDNConfig", &["vxlanPort"]);
        let ovn = self.inner(&default, "ovnKubernetesConfig", &["genevePort"]);
        let mut config = NetworkConfig {
            id,
            pods: Vec::new(),
            services: Vec::new(),
            plugin: None,
            vxlan_port: self.port(&sdn, "vxlanPort"),
            geneve_port: self.port(&ovn, "genevePort"),
        };
        // What is comes before what is wanted.
        for fields in [&status, &spec] {
            if config.pods.is_empty() {
                for item in self.items(fields, "clusterNetwork") {
                    let fields = self.fields(item, "an item of `clusterNetwork`", &["cidr"]);
                    config.pods.extend(self.block(&fields, "cidr"));
                }
            }
            if config.services.is_empty() {
                config.services = self.blocks(fields, "serviceNetwork");
            }
            config.plugin = config.plugin.or_else(|| self.text(fields, "networkType"));
        }
        config.plugin = config.plugin.or_else(|| self.text(&default, "type"));
        config
    }

    pub(super) fn egress_network_policy(&mut self, id: Id, object: &Fields<'_>) -> EgressNetworkPolicy {
        let spec = self.inner(object, "spec", &["egress"]);
        EgressNetworkPolicy { rules: self.firewall_rules(&spec, &["cidrSelector", "dnsName"]), id }
    }

    pub(super) fn egress_router(&mut self, id: Id, object: &Fields<'_>) -> EgressRouter {
        let spec = self.inner(object, "spec", &["mode", "addresses", "redirect", "networkInterface"]);
        let redirect = self.inner(&spec, "redirect", &["redirectRules", "fallbackIP"]);
        let addresses = self.items(&spec, "addresses");
        let rules = self.items(&redirect, "redirectRules");
        EgressRouter {
            id,
            mode: self.text(&spec, "mode"),
            addresses: addresses.iter().filter_map(|item| self.router_address(item)).collect(),
            rules: rules.iter().filter_map(|item| self.redirect_rule(item)).collect(),
            fallback: self.address(&redirect, "fallbackIP"),
        }
    }

    fn router_address(&mut self, node: &Node) -> Option<RouterAddress> {
        let fields = self.fields(node, "an item of `addresses`", &["ip", "gateway"]);
        let Some(ip) = self.text(&fields, "ip") else {
            self.fault(node.at, "an item of `addresses` has an `ip`");
            return None;
        };
        let bare = ip.value.split_once('/').map_or(ip.value.as_str(), |(address, _)| address);
        let read = bare.parse::<std::net::IpAddr>().ok().zip(ip.value.parse::<Block>().ok());
        let Some((address, subnet)) = read else {
            let at = fields.get("ip").map_or(node.at, |node| node.at);
            self.fault(at, "`ip` is an address with its prefix; write it like 192.168.12.99/24");
            return None;
        };
        let address = Told { value: address.into(), at: ip.at };
        Some(RouterAddress { address, subnet, gateway: self.address(&fields, "gateway") })
    }

    fn redirect_rule(&mut self, node: &Node) -> Option<RedirectRule> {
        let known = ["destinationIP", "port", "protocol", "targetPort"];
        let fields = self.fields(node, "an item of `redirectRules`", &known);
        let (destination, port, protocol) = (
            self.address(&fields, "destinationIP"),
            self.number(&fields, "port"),
            self.text(&fields, "protocol"),
        );
        if destination.is_none() || port.is_none() || protocol.is_none() {
            self.fault(node.at, "an item of `redirectRules` has destinationIP, port and protocol");
        }
        Some(RedirectRule {
            destination: destination?,
            port: port?,
            protocol: protocol?,
            target_port: self.number(&fields, "targetPort"),
        })
    }

    /// The rules of an `EgressNetworkPolicy` or `EgressFirewall`, in order.
    pub(super) fn firewall_rules(&mut self, spec: &Fields<'_>, to: &[&str]) -> Vec<FirewallRule> {
        let items = self.items(spec, "egress");
        items.iter().filter_map(|item| self.firewall_rule(item, to)).collect()
    }

    fn firewall_rule(&mut self, node: &Node, known: &[&str]) -> Option<FirewallRule> {
        let fields = self.fields(node, "an item of `egress`", &["type", "to", "ports"]);
        let is_allowed = match self.text(&fields, "type").map(|told| told.value).as_deref() {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => {
                self.fault(node.at, "an item of `egress` has a `type`, Allow or Deny");
                return None;
            }
        };
        let inner = self.inner(&fields, "to", known);
        let to = if inner.get("cidrSelector").is_some() {
            FirewallTo::Block(self.block(&inner, "cidrSelector")?.value)
        } else if let Some(name) = self.text(&inner, "dnsName") {
            FirewallTo::Name(name.value)
        } else if let Some(selector) = self.selector(&inner, "nodeSelector") {
            FirewallTo::Nodes(selector)
        } else {
            self.fault(node.at, format!("`to` has one of {}", known.join(", ")));
            return None;
        };
        Some(FirewallRule { is_allowed, to, ports: self.firewall_ports(&fields), at: self.place(node.at) })
    }
}
