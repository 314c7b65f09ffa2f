//! What becomes of one connection, step by step: through which Service and router, as what, by which node.

use super::denial::{self, Leave};
use super::router::Way;
use super::{Answer, Because, Derived, To};
use crate::net::Endpoint;
use crate::objects::{Objects, Place, Service, TargetPort};

/// The answer for one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    pub answer: Answer,
    /// The node that it leaves by, where that is known and one.
    pub node: Option<String>,
    pub via: Option<Via>,
    pub because: Vec<Because>,
}

/// The egress router on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    /// By its index in [`Derived::routers`].
    pub router: usize,
    /// By its index in the objects.
    pub service: Option<usize>,
    /// Where the router sends it; `None` where it is refused, or where a proxy opens a connection of its own.
    pub to: Option<Endpoint>,
    /// The rule's place.
    pub at: Option<Place>,
}

pub(super) fn explain(
    derived: &Derived,
    objects: &Objects,
    workload: usize,
    to: Endpoint,
    protocol: u8,
) -> Explained {
    if let Some(explained) = through_router(derived, objects, to, protocol) {
        return explained;
    }
    let own = &derived.workloads[workload];
    let plain = |answer, because| Explained { answer, node: None, via: None, because };
    let cluster = &derived.cluster;
    let mut because = Vec::new();
    if cluster.is_node(to.address).is_some() || cluster.is_pod(to.address) || cluster.is_service(to.address) {
        let whose = cluster.owner(to.address).unwrap_or_default();
        because.push(Because::plain(format!("{} is inside: {whose}", to.address)));
        return plain(Answer::NotEgress, because);
    }
    match denial::leave(&derived.denials, workload, to, protocol) {
        Leave::Allowed => {}
        Leave::Denied(why) => return plain(Answer::Drop, vec![why]),
        Leave::Perhaps { missing, because: why } => {
            return plain(Answer::Unknown { missing }, vec![why]);
        }
    }
    let Some(rule) = derived.rule_for(workload) else {
        return plain(Answer::Unknown { missing: format!("a rule about {}", own.id) }, because);
    };
    because.extend(rule.because.iter().cloned());
    let mut answer = rule.answer.clone();
    if let Answer::AnyOf(exits) = &answer
        && exits.iter().all(|exit| exit.address.is_v4() != to.address.is_v4())
    {
        because.push(Because::plain(
            "the egress addresses are of another family: it leaves with its node's address",
        ));
        answer = Answer::Node;
    }
    let node = match &answer {
        Answer::Node | Answer::Pod => own.node.clone(),
        Answer::AnyOf(exits) => {
            let first = exits.first().and_then(|exit| exit.node.clone());
            first.filter(|first| exits.iter().all(|exit| exit.node.as_ref() == Some(first)))
        }
        _ => None,
    };
    Explained { answer, node, via: None, because }
}

/// The answer where the destination is an egress router's Service or pod.
fn through_router(derived: &Derived, objects: &Objects, to: Endpoint, protocol: u8) -> Option<Explained> {
    for (at, router) in derived.routers.iter().enumerate() {
        let leads =
            |service: &&usize| objects.services[**service].addresses().any(|address| address == to.address);
        let service = router.services.iter().find(leads).copied();
        let is_pod =
            router.workloads.iter().any(|pod| derived.workloads[*pod].addresses.contains(&to.address));
        if service.is_none() && !is_pod {
            continue;
        }
        return Some(by_router(derived, objects, at, service, to.port, protocol));
    }
    None
}

/// What a router does with a connection to a port of its Service, or of its own.
fn by_router(
    derived: &Derived,
    objects: &Objects,
    at: usize,
    service: Option<usize>,
    called: u16,
    protocol: u8,
) -> Explained {
    let router = &derived.routers[at];
    let via = |to, at_rule| Some(Via { router: at, service, to, at: at_rule });
    let refused = |because| Explained { answer: Answer::Drop, node: None, via: via(None, None), because };
    let mut because = Vec::new();
    let port = match service.map(|service| &objects.services[service]) {
        None => called,
        Some(service) => match target(service, called, protocol) {
            Ok(port) => {
                because.push(Because::of(
                    format!("{} port {} leads to port {port} of {}", service.id, called, router.id),
                    &service.id,
                    "spec.ports",
                    &service.id.at,
                ));
                port
            }
            Err(why) => return refused(vec![*why]),
        },
    };
    let (answer, why) = router.answer();
    because.extend(why);
    match router.way(port, protocol) {
        _ if !matches!(answer, Answer::AnyOf(_)) => {
            Explained { answer, node: None, via: via(None, None), because }
        }
        Way::Rule(rule) => {
            let target = Endpoint { address: rule.address, port: rule.target };
            because.push(Because::of(
                format!("redirected to {target}"),
                &router.id,
                "EGRESS_DESTINATION",
                &rule.at,
            ));
            Explained {
                answer,
                node: router.node.clone(),
                via: via(Some(target), Some(rule.at.clone())),
                because,
            }
        }
        Way::Fallback(address) => {
            let target = Endpoint { address: address.value, port };
            let says = format!("no rule for port {port}: the fallback, {target}");
            because.push(Because::of(says, &router.id, "EGRESS_DESTINATION", &address.at));
            let at = address.at.clone();
            Explained { answer, node: router.node.clone(), via: via(Some(target), Some(at)), because }
        }
        Way::Proxied => {
            because.push(Because::plain("the proxy ends the connection and opens another one"));
            Explained { answer, node: router.node.clone(), via: via(None, None), because }
        }
        Way::Refused => {
            let says =
                format!("{} has no rule for port {port} and no fallback: it is refused there", router.id);
            because.push(Because::of(says, &router.id, "EGRESS_DESTINATION", &router.id.at));
            refused(because)
        }
    }
}

/// The port of the pods that a Service's port leads to.
fn target(service: &Service, port: u16, protocol: u8) -> Result<u16, Box<Because>> {
    let number = |name: &str| match name {
        "UDP" => 17,
        "SCTP" => 132,
        _ => 6,
    };
    let found = service.ports.iter().find(|one| one.port.value == port && number(&one.protocol) == protocol);
    match found.map(|one| (&one.target, one)) {
        Some((TargetPort::Same, one)) => Ok(one.port.value),
        Some((TargetPort::Number(target), _)) => Ok(*target),
        Some((TargetPort::Name(name), one)) => {
            let says = format!(
                "{} leads to a port called {name}, which a router's container does not have",
                service.id
            );
            Err(Box::new(Because::of(says, &service.id, "spec.ports", &one.port.at)))
        }
        None => {
            let says = format!("{} has no port {port}: nothing answers there", service.id);
            Err(Box::new(Because::of(says, &service.id, "spec.ports", &service.id.at)))
        }
    }
}

impl Derived {
    /// What becomes of a connection to a Service's port, where a router is behind it; `service` is its index in the objects.
    ///
    /// That tells of Services without an address, too: of a manifest that nobody has created yet.
    pub fn explain_service(
        &self,
        objects: &Objects,
        service: usize,
        port: u16,
        protocol: u8,
    ) -> Option<Explained> {
        let at = self.routers.iter().position(|router| router.services.contains(&service))?;
        Some(by_router(self, objects, at, Some(service), port, protocol))
    }

    /// Whether some router is reached by that destination; these are no exits of the workload itself.
    pub fn is_router(&self, objects: &Objects, to: Endpoint, protocol: u8) -> bool {
        through_router(self, objects, to, protocol).is_some()
    }

    /// The addresses by which routers are reached.
    pub fn router_addresses(&self) -> impl Iterator<Item = crate::net::Address> + '_ {
        self.rules
            .iter()
            .filter(|rule| rule.who.is_anybody)
            .flat_map(|rule| match &rule.to {
                To::Addresses(addresses) => addresses.as_slice(),
                To::Outside => &[],
            })
            .copied()
    }
}
