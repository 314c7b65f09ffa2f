//! Services, and what answers behind them.

use super::fields::{Fields, Reader};
use super::selector::{Labels, Selector};
use super::{Id, Place, Told};
use crate::document::{Node, Value};
use crate::net::Address;

#[derive(Debug, Clone)]
pub struct Service {
    pub id: Id,
    /// `ClusterIP` where it is not written.
    pub kind: String,
    pub selector: Labels,
    pub selector_at: Option<Place>,
    /// Addresses inside; none of a headless Service, and of one that nobody has created yet.
    pub cluster_ips: Vec<Address>,
    pub external_ips: Vec<Address>,
    /// What a load balancer answers with (`status.loadBalancer.ingress`).
    pub ingress: Vec<Told<Address>>,
    pub ports: Vec<ServicePort>,
}

#[derive(Debug, Clone)]
pub struct ServicePort {
    pub name: Option<String>,
    pub port: Told<u16>,
    pub target: TargetPort,
    /// `TCP` where it is not written.
    pub protocol: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetPort {
    /// The Service's own.
    Same,
    Number(u16),
    /// A port of the container by its name.
    Name(String),
}

/// The addresses behind a Service: Endpoints, or one `EndpointSlice` of it.
#[derive(Debug, Clone)]
pub struct Endpoints {
    pub id: Id,
    /// The Service's name.
    pub service: String,
    pub addresses: Vec<Address>,
}

/// The number in an IP header of the protocol that objects call so: `TCP`, `UDP`, `SCTP`.
pub fn protocol_number(name: &str) -> Option<u8> {
    match name.to_ascii_uppercase().as_str() {
        "TCP" => Some(6),
        "UDP" => Some(17),
        "SCTP" => Some(132),
        _ => None,
    }
}

impl Service {
    /// Whether pods with these labels answer; a Service without a selector selects none.
    pub fn selects(&self, labels: &Labels) -> bool {
        !self.selector.is_empty() && Selector::of_labels(&self.selector).matches(labels)
    }

    /// Every address by which it is reached.
    pub fn addresses(&self) -> impl Iterator<Item = Address> + '_ {
        let given = self.cluster_ips.iter().chain(&self.external_ips).copied();
        given.chain(self.ingress.iter().map(|told| told.value))
    }
}

impl Reader<'_> {
    pub(super) fn service(&mut self, id: Id, object: &Fields<'_>) -> Service {
        let known = ["type", "selector", "clusterIP", "clusterIPs", "externalIPs", "ports"];
        let spec = self.inner(object, "spec", &known);
        let status = self.inner(object, "status", &["loadBalancer"]);
        let balancer = self.inner(&status, "loadBalancer", &["ingress"]);
        let mut ingress = Vec::new();
        for item in self.items(&balancer, "ingress") {
            let fields = self.fields(item, "an item of `ingress`", &["ip"]);
            ingress.extend(self.address(&fields, "ip"));
        }
        let mut cluster_ips: Vec<Address> = Vec::new();
        let listed = self.texts(&spec, "clusterIPs").into_iter().map(|told| told.value);
        let only = self.text(&spec, "clusterIP").map(|told| told.value);
        for address in only.into_iter().chain(listed).filter_map(|text| text.parse::<std::net::IpAddr>().ok())
        {
            if !cluster_ips.contains(&address.into()) {
                cluster_ips.push(address.into());
            }
        }
        let items = self.items(&spec, "ports");
        Service {
            id,
            kind: self.text(&spec, "type").map_or_else(|| "ClusterIP".to_owned(), |told| told.value),
            selector: self.labels(&spec, "selector"),
            selector_at: spec.get("selector").map(|node| self.place(node.at)),
            cluster_ips,
            external_ips: self.addresses(&spec, "externalIPs").into_iter().map(|told| told.value).collect(),
            ingress,
            ports: items.iter().filter_map(|item| self.service_port(item)).collect(),
        }
    }

    fn service_port(&mut self, node: &Node) -> Option<ServicePort> {
        let fields = self.fields(node, "an item of `ports`", &["name", "port", "targetPort", "protocol"]);
        let target = match fields.get("targetPort").map(|node| &node.value) {
            None => TargetPort::Same,
            Some(Value::Scalar(text)) => match text.parse() {
                // Zero means that nothing was written.
                Ok(0) => TargetPort::Same,
                Ok(number) => TargetPort::Number(number),
                Err(_) => TargetPort::Name(text.clone()),
            },
            Some(_) => {
                self.fault(node.at, "`targetPort` is a number or a name");
                return None;
            }
        };
        let port = self.number(&fields, "port");
        if port.is_none() {
            self.fault(node.at, "an item of `ports` has a `port`");
        }
        Some(ServicePort {
            name: self.text(&fields, "name").map(|told| told.value),
            port: port?,
            target,
            protocol: self.text(&fields, "protocol").map_or_else(|| "TCP".to_owned(), |told| told.value),
        })
    }

    pub(super) fn endpoints(&mut self, id: Id, object: &Fields<'_>) -> Endpoints {
        let mut addresses = Vec::new();
        for subset in self.items(object, "subsets") {
            let fields = self.fields(subset, "an item of `subsets`", &["addresses"]);
            for item in self.items(&fields, "addresses") {
                let fields = self.fields(item, "an item of `addresses`", &["ip"]);
                addresses.extend(self.address(&fields, "ip").map(|told| told.value));
            }
        }
        Endpoints { service: id.name.clone(), id, addresses }
    }

    pub(super) fn endpoint_slice(
        &mut self,
        id: Id,
        metadata: &Fields<'_>,
        object: &Fields<'_>,
    ) -> Option<Endpoints> {
        let service = self.labels(metadata, "labels").remove("kubernetes.io/service-name")?;
        let kind = self.text(object, "addressType").map(|told| told.value);
        let mut addresses = Vec::new();
        for item in self.items(object, "endpoints") {
            let fields = self.fields(item, "an item of `endpoints`", &["addresses", "conditions"]);
            let conditions = self.inner(&fields, "conditions", &["ready"]);
            let is_ready = self.flag(&conditions, "ready").is_none_or(|told| told.value);
            if is_ready && kind.as_deref() != Some("FQDN") {
                addresses.extend(self.addresses(&fields, "addresses").into_iter().map(|told| told.value));
            }
        }
        Some(Endpoints { id, service, addresses })
    }
}
