//! What an egress router does with a connection to it, and a proxy with what it is asked for.

use super::{Explained, Via};
use crate::expect::derive::router::proxy::{Asked, destination};
use crate::expect::derive::router::{Forward, Gate, Way};
use crate::expect::derive::{Answer, Because, Derived};
use crate::net::Endpoint;
use crate::objects::{Objects, Service, TargetPort, protocol_number};
use crate::router::{dns, http};

/// The port of the pods that a Service's port leads to; `Err` is the name of one.
pub(in crate::expect) fn target(port: &crate::objects::ServicePort) -> Result<u16, &str> {
    match &port.target {
        TargetPort::Same => Ok(port.port.value),
        TargetPort::Number(number) => Ok(*number),
        TargetPort::Name(name) => Err(name),
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
        Some(self.by_router(objects, at, Some(service), port, protocol))
    }

    /// What becomes of a connection to an egress router's Service or pod, whoever opens it; `None` where it goes elsewhere.
    pub fn through_router(&self, objects: &Objects, to: Endpoint, protocol: u8) -> Option<Explained> {
        self.routers.iter().enumerate().find_map(|(at, router)| {
            let leads = |service: &&usize| {
                objects.services[**service].addresses().any(|address| address == to.address)
            };
            let service = router.services.iter().find(leads).copied();
            let is_pod =
                || router.workloads.iter().any(|pod| self.workloads[*pod].addresses.contains(&to.address));
            (service.is_some() || is_pod()).then(|| self.by_router(objects, at, service, to.port, protocol))
        })
    }

    /// What a router does with a connection to a port of its Service, or of its own.
    fn by_router(
        &self,
        objects: &Objects,
        at: usize,
        service: Option<usize>,
        called: u16,
        protocol: u8,
    ) -> Explained {
        let router = &self.routers[at];
        let via = |to| Some(Via { router: at, to });
        let refused = |because| Explained { via: via(None), ..Explained::plain(Answer::Drop, because) };
        let mut because = Vec::new();
        let mut port = called;
        if let Some(service) = service.map(|service| &objects.services[service]) {
            match leads_to(service, called, protocol) {
                Ok(target) => port = target,
                Err(why) => return refused(vec![*why]),
            }
            let says = format!("{} port {called} leads to port {port} of {}", service.id, router.id);
            because.push(Because::of(says, &service.id, "spec.ports", &service.id.at));
        }
        let (answer, why) = router.answer();
        because.extend(why);
        if !matches!(answer, Answer::AnyOf(_)) {
            return Explained { via: via(None), ..Explained::plain(answer, because) };
        }
        let to = match router.way(port, protocol) {
            Way::Rule(rule) => {
                let target = Endpoint { address: rule.address, port: rule.target };
                let says = format!("redirected to {target}");
                because.push(Because::of(says, &router.id, router.field(), &rule.at));
                Some(target.to_string())
            }
            Way::Fallback(address) => {
                let target = Endpoint { address: address.value, port };
                let says = format!("no rule for port {port}: the fallback, {target}");
                because.push(Because::of(says, &router.id, router.field(), &address.at));
                Some(target.to_string())
            }
            Way::Forward(forward) => {
                let says = format!("the proxy ends the connection, and opens one of its own to {forward}");
                because.push(Because::of(says, &router.id, dns::VARIABLE, &forward.at));
                Some(forward.to_string())
            }
            Way::Gate(gate) => {
                because.push(Because::plain(
                    "the proxy ends the connection, and opens one of its own to what the client asks for",
                ));
                because.extend(list(gate, &router.id));
                None
            }
            Way::Refused => {
                let says = match (router.is_proxy(), router.proxy_port()) {
                    (_, Some(proxy)) => {
                        format!("{} listens at port {proxy} alone, for TCP: it is refused there", router.id)
                    }
                    (true, None) => format!("{} forwards no port {port}: it is refused there", router.id),
                    _ => format!(
                        "{} has no rule for port {port} and no fallback: it is refused there",
                        router.id
                    ),
                };
                because.push(Because::of(says, &router.id, router.field(), &router.id.at));
                return refused(because);
            }
        };
        Explained { answer, node: router.node.clone(), via: via(to), because }
    }

    /// What a proxy does that is asked for an address; `None` for a router that is no proxy.
    pub(super) fn by_proxy(&self, at: usize, to: Endpoint) -> Option<Explained> {
        self.proxied(at, Asked::Address(to.address), to.port)
    }

    /// What a proxy does that is asked for an address or a name; `router` is its index. `None` for a router that is no proxy.
    pub fn proxied(&self, router: usize, asked: Asked<'_>, port: u16) -> Option<Explained> {
        let at = router;
        let router = &self.routers[at];
        let shown = match asked {
            Asked::Address(address) => Endpoint { address, port }.to_string(),
            Asked::Name(name) => format!("{name}:{port}"),
        };
        let (answer, mut because) = router.answer();
        if !router.is_proxy() || !matches!(answer, Answer::AnyOf(_)) {
            return None;
        }
        let leaves =
            |because| Explained { answer: answer.clone(), node: router.node.clone(), via: None, because };
        let Some(gate) = &router.gate else {
            because.push(forwarded(&router.forwards, asked, port, &shown, &router.id));
            return Some(leaves(because));
        };
        let passage = gate.passage(asked);
        let (word, contrary) = if passage.is_allowed {
            ("lets clients go to", "it refuses them")
        } else {
            ("refuses clients that go to", "it lets them go there")
        };
        let verdict = format!("its list {word} {shown}");
        because.push(match passage.by {
            Some(rule) => {
                let says = format!("{verdict}: `{rule}` is the first rule that fits");
                Because::of(says, &router.id, http::VARIABLE, &rule.at)
            }
            None if passage.is_allowed => Because::plain(format!("{verdict}: it ends with `*`")),
            None => Because::plain(format!("{verdict}: no rule fits")),
        });
        if passage.open.is_empty() {
            return Some(if passage.is_allowed {
                leaves(because)
            } else {
                let via = Some(Via { router: at, to: None });
                Explained { via, ..Explained::plain(Answer::Drop, because) }
            });
        }
        for rule in &passage.open {
            let says = format!("unless `{rule}` fits, which DNS decides: then {contrary}");
            because.push(Because::of(says, &router.id, http::VARIABLE, &rule.at));
        }
        let missing = match asked {
            Asked::Address(address) => {
                format!("the name that DNS has for {address}, or that clients ask for")
            }
            Asked::Name(name) => format!("the addresses of {name}"),
        };
        Some(Explained::plain(Answer::Unknown { missing }, because))
    }
}

/// A proxy's list, a step for each rule, and one for its end.
fn list(gate: &Gate, id: &crate::objects::Id) -> Vec<Because> {
    let rule = |rule: &crate::expect::derive::router::proxy::GateRule| {
        let word = if rule.is_allowed { "allowed" } else { "denied" };
        Because::of(format!("{word}: {}", destination(&rule.to)), id, http::VARIABLE, &rule.at)
    };
    let end = if gate.allows_all { "everything else is allowed" } else { "everything else is denied" };
    gate.rules.iter().map(rule).chain([Because::plain(end)]).collect()
}

/// Which port of a TCP proxy leads to what is asked about.
fn forwarded(
    forwards: &[Forward],
    asked: Asked<'_>,
    port: u16,
    shown: &str,
    id: &crate::objects::Id,
) -> Because {
    let is_meant = |forward: &&Forward| {
        forward.port == port
            && match asked {
                Asked::Address(address) => forward.address() == Some(address),
                Asked::Name(name) => forward.target.eq_ignore_ascii_case(name),
            }
    };
    if let Some(forward) = forwards.iter().find(is_meant) {
        let says = format!("it forwards there what comes to its port {}", forward.local);
        return Because::of(says, id, dns::VARIABLE, &forward.at);
    }
    let names = forwards.iter().filter(|forward| forward.address().is_none() && forward.port == port);
    let names: Vec<String> = names.map(ToString::to_string).collect();
    Because::plain(match (&names[..], asked) {
        ([], _) | (_, Asked::Name(_)) => {
            format!("no port of it is forwarded to {shown}: the proxy itself opens no such connection")
        }
        (names, Asked::Address(_)) => {
            format!(
                "no port of it is forwarded to {shown}, unless that is an address of {}",
                names.join(" or ")
            )
        }
    })
}

/// The port of the pods that a Service's port leads to.
fn leads_to(service: &Service, port: u16, protocol: u8) -> Result<u16, Box<Because>> {
    let is_called = |one: &&crate::objects::ServicePort| {
        one.port.value == port && protocol_number(&one.protocol) == Some(protocol)
    };
    let because = |says: String, at| Box::new(Because::of(says, &service.id, "spec.ports", at));
    let Some(found) = service.ports.iter().find(is_called) else {
        let says = format!("{} has no port {port}: nothing answers there", service.id);
        return Err(because(says, &service.id.at));
    };
    target(found).map_err(|name| {
        let says =
            format!("{} leads to a port called {name}, which a router's container does not have", service.id);
        because(says, &found.port.at)
    })
}
