//! The lines of egress routers: what each port of their Services comes to, or without a Service each of their own.

use super::{Line, name};
use crate::expect::Cluster;
use crate::expect::derive::router::proxy::{Gate, destination};
use crate::expect::derive::{Answer, Derived, Explained};
use crate::net::Endpoint;
use crate::objects::{Objects, protocol_number};

pub(super) fn lines(objects: &Objects, derived: &Derived, cluster: &Cluster) -> Vec<Line> {
    let mut lines = Vec::new();
    for router in &derived.routers {
        let mut push = |who: &str, to: &str, explained: &Explained| {
            let mut line = Line::of_connection(who, to, explained, cluster);
            line.namespace.clone_from(&router.namespace);
            lines.push(line);
        };
        for &service in &router.services {
            let one = &objects.services[service];
            for port in &one.ports {
                let who = format!("whoever calls {}:{}", name(&one.id), port.port.value);
                let explained = protocol_number(&port.protocol).and_then(|protocol| {
                    derived.explain_service(objects, service, port.port.value, protocol)
                });
                let Some(explained) = explained else { continue };
                let to = explained.via.as_ref().and_then(|via| via.to.clone());
                match (&router.gate, &explained.answer, to) {
                    (_, _, Some(to)) => push(&who, &to, &explained),
                    (Some(gate), Answer::AnyOf(_), None) => {
                        let base = without_list(gate, &explained);
                        gated(gate, &base, |to, explained| push(&who, to, explained));
                    }
                    (_, Answer::Drop, None) => push(&who, "refused", &explained),
                    (_, _, None) => push(&who, "not known", &explained),
                }
            }
        }
        if !router.services.is_empty() {
            continue;
        }
        let (answer, because) = router.answer();
        let explained = Explained { node: router.node.clone(), ..Explained::plain(answer, because) };
        let own = name(&router.id);
        for rule in &router.redirects {
            let to = Endpoint { address: rule.address, port: rule.target };
            push(&format!("whoever calls {own}:{}", rule.local), &to.to_string(), &explained);
        }
        if let Some(fallback) = &router.fallback {
            push(&format!("whoever calls {own}"), &fallback.value.to_string(), &explained);
        }
        for forward in &router.forwards {
            push(&format!("whoever calls {own}:{}", forward.local), &forward.to_string(), &explained);
        }
        if let (Some(gate), Some(port)) = (&router.gate, router.proxy_port()) {
            gated(gate, &explained, |to, explained| {
                push(&format!("whoever asks {own}:{port}"), to, explained);
            });
        }
    }
    lines
}

/// A line for each rule of a proxy's list in order, and one for its end.
fn gated(gate: &Gate, explained: &Explained, mut push: impl FnMut(&str, &Explained)) {
    let end = ("everything else".to_owned(), gate.allows_all, None);
    let rules = gate.rules.iter().map(|rule| (destination(&rule.to), rule.is_allowed, Some(&rule.at)));
    for (to, is_allowed, at) in rules.chain([end]) {
        let mut one = explained.clone();
        let said = match (is_allowed, at) {
            (true, Some(at)) => format!("the proxy's list allows it ({at})"),
            (false, Some(at)) => format!("the proxy's list denies it ({at})"),
            (true, None) => "the proxy's list ends with `*`".to_owned(),
            (false, None) => "the proxy's list does not end with `*`".to_owned(),
        };
        one.because.push(crate::expect::derive::Because::plain(said));
        if !is_allowed && matches!(one.answer, Answer::AnyOf(_)) {
            (one.answer, one.node) = (Answer::Drop, None);
        }
        push(&to, &one);
    }
}

/// The steps before those that tell the list.
fn without_list(gate: &Gate, explained: &Explained) -> Explained {
    let mut one = explained.clone();
    one.because.truncate(one.because.len().saturating_sub(gate.rules.len() + 1));
    one
}
