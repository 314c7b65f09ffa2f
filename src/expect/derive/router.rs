//! Egress routers: which there are, what they redirect, and whether they start at all.
//!
//! Two kinds: pods of the macvlan router, whose container reads its environment (`EGRESS_SOURCE` and its kin), and the
//! `EgressRouter` resource. Whoever calls a router's Service or pod leaves with the router's own address; and so does
//! the router itself.
//!
//! Two of the macvlan router's modes redirect; the others are [proxies](proxy), which open connections of their own.

pub mod proxy;

use std::collections::HashMap;

use super::{Answer, Because, Derived, Exit, Ground, Rule, To, Who};
use crate::net::Address;
use crate::objects::{
    Container, EgressRouter, Id, Place, PodSpec, Selector, Service, Template, Told, Variable, protocol_number,
};
use crate::router::destination::{self, Redirections};
use crate::router::settings::{self, Mode, Settings};
use crate::router::{Cause, Refusal, Spot, dns, http};

pub use proxy::{Forward, Gate};

/// The label of the pods that the operator makes for an `EgressRouter`.
const OPERATOR_LABEL: (&str, &str) = ("app", "egress-router-cni");

const TCP: u8 = 6;

/// An egress router.
#[derive(Debug, Clone)]
pub struct Router {
    /// The template, pod or `EgressRouter`.
    pub id: Id,
    pub namespace: Option<String>,
    /// `None` for the resource.
    pub mode: Option<Mode>,
    /// What everything leaves with.
    pub source: Option<Told<Address>>,
    /// The subnet's prefix length, where one is written.
    pub prefix: Option<u8>,
    pub gateway: Option<Told<Address>>,
    pub node: Option<String>,
    /// Its pods among the workloads.
    pub workloads: Vec<usize>,
    /// The Services that lead to it, by their index in the objects.
    pub services: Vec<usize>,
    /// Of a mode that redirects.
    pub redirects: Vec<Redirect>,
    pub fallback: Option<Told<Address>>,
    /// Why it will not start, and what else the script would refuse; the first is what it says.
    pub refusals: Vec<Refused>,
    /// What it is that the objects do not tell: a variable's value that comes from elsewhere.
    pub missing: Option<String>,
    /// Of the mode `http-proxy`.
    pub gate: Option<Gate>,
    /// Of the mode `dns-proxy`.
    pub forwards: Vec<Forward>,
    /// What the script accepts and the kernel will not, with its place.
    pub doubts: Vec<(String, Place)>,
}

/// What comes to this port goes there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    pub local: u16,
    pub protocol: u8,
    pub address: Address,
    pub target: u16,
    pub at: Place,
}

/// What a router's script says before it gives up, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub refusal: Refusal,
    pub at: Place,
}

/// Where a router sends what comes to a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way<'a> {
    Rule(&'a Redirect),
    /// With the port that it came to.
    Fallback(&'a Told<Address>),
    /// The connection ends here, and whatever the client asks for has another one.
    Gate(&'a Gate),
    /// The connection ends here, and another one goes there.
    Forward(&'a Forward),
    Refused,
}

impl Router {
    pub fn way(&self, port: u16, protocol: u8) -> Way<'_> {
        if self.is_proxy() {
            let forward = || self.forwards.iter().find(|forward| forward.local == port).map(Way::Forward);
            let gate = self.gate.as_ref().filter(|_| self.proxy_port() == Some(port)).map(Way::Gate);
            return gate.or_else(forward).filter(|_| protocol == TCP).unwrap_or(Way::Refused);
        }
        let is_for = |redirect: &&Redirect| redirect.local == port && redirect.protocol == protocol;
        match (self.redirects.iter().find(is_for), &self.fallback) {
            (Some(redirect), _) => Way::Rule(redirect),
            (None, Some(address)) => Way::Fallback(address),
            (None, None) => Way::Refused,
        }
    }

    /// Whether it is the operator's `EgressRouter`.
    pub fn is_resource(&self) -> bool {
        self.mode.is_none() && self.id.kind == "EgressRouter"
    }

    /// Where it is written what goes where.
    pub fn field(&self) -> &'static str {
        match self.mode {
            _ if self.is_resource() => "spec.redirect",
            Some(Mode::HttpProxy) => http::VARIABLE,
            Some(Mode::DnsProxy) => dns::VARIABLE,
            _ => destination::VARIABLE,
        }
    }

    /// What its clients leave with, and why.
    pub fn answer(&self) -> (Answer, Vec<Because>) {
        if let Some(Refused { refusal, at }) = self.refusals.first() {
            let says =
                format!("{} does not start, and says: {}", self.id, crate::text::Text::from(&*refusal.says));
            let field = refusal.variable;
            return (Answer::Drop, vec![Because::of(says, &self.id, field, at)]);
        }
        if let Some(missing) = &self.missing {
            return (Answer::Unknown { missing: missing.clone() }, Vec::new());
        }
        let Some(source) = &self.source else {
            return (Answer::Unknown { missing: format!("the address of {}", self.id) }, Vec::new());
        };
        let field = if self.is_resource() { "spec.addresses" } else { settings::SOURCE };
        let says =
            format!("{} has the address {}, and all that it sends leaves with it", self.id, source.value);
        let exit = Exit { address: source.value, node: self.node.clone() };
        (Answer::AnyOf(vec![exit]), vec![Because::of(says, &self.id, field, &source.at)])
    }
}

pub(super) fn derive(ground: &Ground<'_>, derived: &mut Derived) {
    let routers = all(ground);
    for router in &routers {
        let (answer, because) = router.answer();
        let mut addresses: Vec<Address> =
            router.services.iter().flat_map(|at| ground.objects.services[*at].addresses()).collect();
        addresses
            .extend(router.workloads.iter().flat_map(|at| ground.workloads[*at].addresses.iter().copied()));
        addresses.sort_unstable();
        addresses.dedup();
        if !addresses.is_empty() {
            let mut because = because.clone();
            for service in router.services.iter().map(|at| &ground.objects.services[*at]) {
                let at = service.selector_at.as_ref().unwrap_or(&service.id.at);
                let says = format!("{} leads to it", service.id);
                because.insert(0, Because::of(says, &service.id, "spec.selector", at));
            }
            derived.rules.push(Rule {
                who: Who { is_anybody: true, ..Who::default() },
                to: To::Addresses(addresses),
                answer: answer.clone(),
                because,
            });
        }
        if !router.workloads.is_empty() {
            let who = Who { workloads: router.workloads.clone(), ..Who::default() };
            derived.rules.push(Rule { who, to: To::Outside, answer, because });
        }
    }
    derived.routers = routers;
}

/// Every router: of templates, of pods that no template here makes, and of the resource.
fn all(ground: &Ground<'_>) -> Vec<Router> {
    let mut routers = Vec::new();
    let is_router =
        |spec: &PodSpec| spec.variable(settings::SOURCE).is_some() || spec.variable(settings::MODE).is_some();
    let templates: Vec<&Template> =
        ground.objects.templates.iter().filter(|template| is_router(&template.spec)).collect();
    for template in &templates {
        let is_replaced = template.replicas.as_ref().is_some_and(|replicas| replicas.value == 0);
        if is_replaced && template.id.kind == "ReplicaSet" {
            continue;
        }
        let own = Selector::of_labels(&template.labels);
        let selector = template.selector.as_ref().unwrap_or(&own);
        routers.push(of_spec(ground, &template.id, selector, &template.labels, &template.spec));
    }
    for pod in ground.objects.pods.iter().filter(|pod| is_router(&pod.spec)) {
        if pod.phase != crate::objects::Phase::Finished
            && !templates.iter().any(|template| template.makes(pod))
        {
            let own = Selector::of_labels(&pod.labels);
            let mut router = of_spec(ground, &pod.id, &own, &pod.labels, &pod.spec);
            router.workloads.retain(|at| ground.workloads[*at].id == pod.id);
            routers.push(router);
        }
    }
    routers.extend(ground.objects.egress_routers.iter().map(|resource| of_resource(ground, resource)));
    without_repeats(routers)
}

/// A `ReplicaSet` of a Deployment is the same router again.
fn without_repeats(routers: Vec<Router>) -> Vec<Router> {
    let mut by_pods: HashMap<(Vec<usize>, Option<Address>), usize> = HashMap::new();
    let mut kept: Vec<Router> = Vec::new();
    for router in routers {
        let key = (router.workloads.clone(), router.source.as_ref().map(|told| told.value));
        match by_pods.get(&key) {
            Some(_) if router.id.kind == "ReplicaSet" => {}
            Some(&at) if kept[at].id.kind == "ReplicaSet" => kept[at] = router,
            _ => {
                by_pods.insert(key, kept.len());
                kept.push(router);
            }
        }
    }
    kept
}

fn of_spec(
    ground: &Ground<'_>,
    id: &Id,
    selector: &Selector,
    labels: &crate::objects::Labels,
    spec: &PodSpec,
) -> Router {
    let is_own = |at: &usize| {
        let workload = &ground.workloads[*at];
        workload.id == *id
            || (workload.id.kind == "Pod" && !selector.is_empty() && selector.matches(&workload.labels))
    };
    let all = ground.of_namespace(id.namespace.as_deref().unwrap_or(""));
    let workloads: Vec<usize> = all.iter().copied().filter(is_own).collect();
    let node = workloads.iter().find_map(|at| ground.workloads[*at].node.clone());
    let mut router = Router {
        id: id.clone(),
        namespace: id.namespace.clone(),
        mode: Some(Mode::Legacy),
        source: None,
        prefix: None,
        gateway: None,
        node: node.or_else(|| spec.node_name.as_ref().map(|told| told.value.clone())),
        services: services(ground, id, labels),
        workloads,
        redirects: Vec::new(),
        fallback: None,
        refusals: Vec::new(),
        missing: None,
        gate: None,
        forwards: Vec::new(),
        doubts: Vec::new(),
    };
    let container =
        spec.variable(settings::SOURCE).or_else(|| spec.variable(settings::MODE)).map(|(one, _)| one);
    if let Some(container) = container {
        router.configure(container);
        router.proxies(spec);
    }
    router
}

fn services(ground: &Ground<'_>, id: &Id, labels: &crate::objects::Labels) -> Vec<usize> {
    let leads_here = |service: &Service| service.id.shares_namespace(id) && service.selects(labels);
    let services = ground.objects.services.iter().enumerate();
    services.filter(|(_, service)| leads_here(service)).map(|(at, _)| at).collect()
}

impl Router {
    /// As the script reads the container's environment.
    fn configure(&mut self, container: &Container) {
        let variables: Vec<&Variable> =
            [settings::SOURCE, settings::GATEWAY, settings::MODE, destination::VARIABLE]
                .into_iter()
                .filter_map(|name| container.variable(name))
                .collect();
        let value = |name: &str| {
            let variable = variables.iter().find(|variable| variable.name == name)?;
            Some(variable.value.as_ref()?.value.as_str())
        };
        let place = |name: &str, line, column| {
            let variable = variables.iter().find(|variable| variable.name == name);
            match variable.map(|variable| (variable.value.as_ref(), &variable.at)) {
                Some((Some(written), _)) => written.place(line, column),
                Some((None, at)) => at.clone(),
                None => container.at.clone(),
            }
        };
        if let Some(open) = variables.iter().find(|variable| variable.value.is_none()) {
            let (name, at) = (&open.name, &open.at);
            self.missing =
                Some(format!("the value of {name} of {} ({at}), which comes from elsewhere", self.id));
        }
        let refused = |refusal: Refusal| Refused {
            at: place(refusal.variable, refusal.at.line, refusal.at.column),
            refusal,
        };
        if let Some(source) = value(settings::SOURCE).and_then(|typed| settings::source(typed).ok()) {
            let (quad, prefix) = source;
            self.prefix = prefix.and_then(|prefix| prefix.parse().ok()).filter(|prefix| *prefix <= 32);
            self.source = quad.address().map(|value| Told { value, at: place(settings::SOURCE, 0, 0) });
        }
        if let Some(gateway) = value(settings::GATEWAY).and_then(|typed| settings::gateway(typed).ok()) {
            self.gateway = gateway.address().map(|value| Told { value, at: place(settings::GATEWAY, 0, 0) });
        }
        let is_open =
            |name: &str| variables.iter().any(|variable| variable.name == name && variable.value.is_none());
        match Settings::parse(value) {
            Ok(settings) => {
                self.mode = Some(settings.mode);
                self.doubts.extend(
                    settings.doubts().into_iter().map(|doubt| (doubt.what, place(settings::SOURCE, 0, 0))),
                );
            }
            // What comes from elsewhere may be right.
            Err(refusal) if is_open(refusal.variable) => {}
            Err(refusal) => {
                self.mode = value(settings::MODE).map_or(Some(Mode::Legacy), Mode::parse);
                self.refusals.push(refused(refusal));
            }
        }
        let redirects = self.mode.is_some_and(Mode::redirects);
        let Some(typed) = value(destination::VARIABLE).filter(|_| redirects) else { return };
        let (redirections, refusals) = Redirections::check(typed);
        for refusal in refusals.into_iter().map(refused) {
            if !self.refusals.contains(&refusal) {
                self.refusals.push(refusal);
            }
        }
        self.take(&redirections, |spot| place(destination::VARIABLE, spot.line, spot.column));
    }

    fn take(&mut self, redirections: &Redirections, place: impl Fn(Spot) -> Place) {
        for rule in &redirections.rules {
            let numbers = (rule.local.number(), rule.target().number(), rule.address.address());
            if let (Some(local), Some(target), Some(address)) = numbers {
                let (protocol, at) = (rule.protocol.number(), place(rule.at));
                self.redirects.push(Redirect { local, protocol, address, target, at });
            }
        }
        if let Some((address, spot)) = &redirections.fallback {
            self.fallback = address.address().map(|value| Told { value, at: place(*spot) });
        }
        self.doubts.extend(redirections.doubts().into_iter().map(|doubt| (doubt.what, place(doubt.at))));
    }

    /// The proxies run in containers of their own, beside the one that sets up the network.
    fn proxies(&mut self, spec: &PodSpec) {
        let name = match self.mode {
            Some(Mode::HttpProxy) => http::VARIABLE,
            Some(Mode::DnsProxy) => dns::VARIABLE,
            _ => return,
        };
        let found = spec.variable(name).map(|(_, variable)| variable);
        if let Some(variable) = found.filter(|variable| variable.value.is_none()) {
            let (id, at) = (&self.id, &variable.at);
            self.missing = Some(format!("the value of {name} of {id} ({at}), which comes from elsewhere"));
            return;
        }
        let written = found.and_then(|variable| variable.value.clone());
        let own = self.id.at.clone();
        let place =
            |spot: Spot| written.as_ref().map_or(own.clone(), |one| one.place(spot.line, spot.column));
        let text = written.as_ref().map_or("", |one| &one.value);
        let refusals = if name == http::VARIABLE {
            let (rules, refusals) = http::Rules::check(text);
            self.gate = Some(Gate::of(&rules, place));
            refusals
        } else {
            let (rules, refusals) = dns::check(text);
            let doubts = rules.iter().flat_map(dns::Rule::doubts);
            self.doubts.extend(doubts.map(|doubt| (doubt.what, place(doubt.at))));
            self.forwards = rules.iter().filter_map(|rule| Forward::of(rule, place(rule.at))).collect();
            refusals
        };
        let refused = |refusal: Refusal| Refused { at: place(refusal.at), refusal };
        self.refusals.extend(refusals.into_iter().map(refused));
    }
}

/// The resource's pods carry the operator's label. Of several addresses the first is used.
fn of_resource(ground: &Ground<'_>, resource: &EgressRouter) -> Router {
    let (key, value) = OPERATOR_LABEL;
    let labels = crate::objects::Labels::from([(key.to_owned(), value.to_owned())]);
    let is_own = |at: &usize| ground.workloads[*at].labels.get(key).is_some_and(|label| label == value);
    let all = ground.of_namespace(resource.id.namespace.as_deref().unwrap_or(""));
    let workloads: Vec<usize> = all.iter().copied().filter(is_own).collect();
    let first = resource.addresses.first();
    let mut redirects = Vec::new();
    for rule in &resource.rules {
        let Some(protocol) = protocol_number(&rule.protocol.value) else { continue };
        redirects.push(Redirect {
            local: rule.port.value,
            protocol,
            address: rule.destination.value,
            target: rule.target_port.as_ref().map_or(rule.port.value, |port| port.value),
            at: rule.destination.at.clone(),
        });
    }
    Router {
        mode: None,
        source: first.map(|one| one.address.clone()),
        prefix: first.map(|one| one.subnet.prefix()),
        gateway: first.and_then(|one| one.gateway.clone()),
        node: workloads.iter().find_map(|at| ground.workloads[*at].node.clone()),
        services: services(ground, &resource.id, &labels),
        namespace: resource.id.namespace.clone(),
        workloads,
        redirects,
        fallback: resource.fallback.clone(),
        refusals: Vec::new(),
        missing: None,
        gate: None,
        forwards: Vec::new(),
        doubts: Vec::new(),
        id: resource.id.clone(),
    }
}

impl Refused {
    pub fn cause(&self) -> Cause {
        self.refusal.cause
    }
}
