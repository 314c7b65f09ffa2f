//! `egret expect explain`: one connection, step by step.

use std::process::ExitCode;

use super::given::Given;
use super::json;
use super::words::under;
use crate::cli::expect::{Explain, Format, Target};
use crate::command::print;
use crate::expect::derive::{Answer, Because, Derived, Explained};
use crate::expect::listing::{Kind, Line, name};
use crate::expect::{Choice, Covers, Origin, Question, Source};
use crate::nearest::{meant, nearest};
use crate::net::{Address, Endpoint};

pub(super) fn run(asked: &Explain) -> anyhow::Result<ExitCode> {
    let given = Given::read(&asked.inputs)?;
    let derived = &given.described.derived;
    let from = From::find(derived, &asked.from)?;
    let (to, explained) = explained(&given, &from, asked)?;
    let line = Line::of_connection(&from.shown(derived), &to, &explained, &given.expectations.cluster);
    let router = explained.via.as_ref().map(|via| &derived.routers[via.router].id);
    let protocol = asked.proto.to_string();
    match asked.format {
        Format::Json => {
            print(&json::document("explain", json::Explanation::of(line, &explained, protocol, router)))?;
        }
        Format::Text => {
            given.tell_notes();
            print(&page(&line, &explained, &protocol))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Who sends.
enum From {
    Workload(usize),
    /// Somebody at an address that no object names.
    Address(Address),
}

impl From {
    fn find(derived: &Derived, typed: &str) -> anyhow::Result<Self> {
        if let Ok(ip) = typed.parse::<std::net::IpAddr>() {
            let address = Address::from(ip);
            return Ok(derived.workload_at(address).map_or(Self::Address(address), Self::Workload));
        }
        match derived.workloads_called(typed)[..] {
            [one] => Ok(Self::Workload(one)),
            [] => {
                let names: Vec<String> = derived.workloads.iter().map(|one| name(&one.id)).collect();
                let bare = derived.workloads.iter().map(|one| one.id.name.as_str());
                let near = nearest(typed, names.iter().map(String::as_str).chain(bare));
                anyhow::bail!(
                    "no pod is called `{typed}`{}; write a pod, NAMESPACE/POD, a Deployment of which there is no pod, or an address",
                    meant(near)
                )
            }
            ref several => {
                let names: Vec<String> = several.iter().map(|at| name(&derived.workloads[*at].id)).collect();
                anyhow::bail!("several are called `{typed}`: {}; write one of them", names.join(", "))
            }
        }
    }

    fn shown(&self, derived: &Derived) -> String {
        match self {
            Self::Workload(at) => name(&derived.workloads[*at].id),
            Self::Address(address) => address.to_string(),
        }
    }

    fn address(&self, derived: &Derived) -> Option<Address> {
        match self {
            Self::Workload(at) => derived.workloads[*at].addresses.first().copied(),
            Self::Address(address) => Some(*address),
        }
    }
}

/// Where to, in words, and what becomes of it.
fn explained(given: &Given, from: &From, asked: &Explain) -> anyhow::Result<(String, Explained)> {
    let (derived, objects) = (&given.described.derived, &given.described.objects);
    let to = match &asked.to {
        Target::Address(to) => *to,
        Target::Service { namespace, name: wanted, port } => {
            let own = match from {
                From::Workload(at) => derived.workloads[*at].namespace.as_deref(),
                From::Address(_) => None,
            };
            let called = |service: &crate::objects::Service| {
                let of = service.id.namespace.as_deref();
                service.id.name == *wanted
                    && namespace.as_deref().is_none_or(|namespace| of == Some(namespace))
            };
            let mut found: Vec<usize> =
                (0..objects.services.len()).filter(|at| called(&objects.services[*at])).collect();
            if namespace.is_none() && found.len() > 1 {
                found.retain(|at| objects.services[*at].id.namespace.as_deref() == own);
            }
            let [service] = found[..] else {
                let near = nearest(wanted, objects.services.iter().map(|service| service.id.name.as_str()));
                let why = if found.is_empty() { "no Service is" } else { "several Services are" };
                anyhow::bail!("{why} called `{wanted}`{}; write NAMESPACE/NAME:PORT", meant(near));
            };
            let shown = format!("{}:{port}", name(&objects.services[service].id));
            if let Some(explained) = derived.explain_service(objects, service, *port, asked.proto.0) {
                return Ok((shown, explained));
            }
            let Some(&address) = objects.services[service].cluster_ips.first() else {
                let id = &objects.services[service].id;
                let says = format!("{id} has no egress router behind it: what it leads to is inside");
                let because = vec![Because::plain(says)];
                return Ok((shown, Explained { answer: Answer::NotEgress, node: None, via: None, because }));
            };
            Endpoint { address, port: *port }
        }
    };
    let shown = to.to_string();
    if let Some(explained) = by_people(given, from, to, asked.proto.0) {
        return Ok((shown, explained));
    }
    let explained = match *from {
        From::Workload(at) => derived.explain(objects, at, to, asked.proto.0),
        From::Address(address)
            if derived.is_router(objects, to, asked.proto.0) && !derived.workloads.is_empty() =>
        {
            // Whoever calls a router leaves with the router's address.
            let mut explained = derived.explain(objects, 0, to, asked.proto.0);
            explained.because.insert(
                0,
                Because::plain(format!("no object names {address}; whoever calls the router leaves alike")),
            );
            explained
        }
        From::Address(address) => {
            let missing = format!(
                "whose address {address} is: no object and no policy names it (oc get pods -A -o yaml)"
            );
            Explained { answer: Answer::Unknown { missing }, node: None, via: None, because: Vec::new() }
        }
    };
    Ok((shown, explained))
}

/// What people wrote comes before what follows from objects.
fn by_people(given: &Given, from: &From, to: Endpoint, protocol: u8) -> Option<Explained> {
    let derived = &given.described.derived;
    let address = from.address(derived);
    let pod = match (from, address.and_then(|address| given.expectations.cluster.workload(address))) {
        (_, Some(_)) | (From::Workload(_), None) => Origin::Named,
        (From::Address(_), None) => Origin::Unnamed { namespace: None },
    };
    let question = Question {
        origin: address.map(|address| Endpoint { address, port: 0 }),
        pod,
        first_destination: to,
        wire_destination: None,
        protocol,
    };
    let expectation = match given.expectations.first_for(&question) {
        Choice::One(at) => &given.expectations.list[at],
        Choice::None | Choice::Any { .. } => return None,
    };
    if expectation.is_derived || expectation.covers(&question) != Covers::Yes {
        return None;
    }
    let cluster = &given.expectations.cluster;
    let node = |address: Address| cluster.is_node(address).and_then(|node| node.name.clone());
    let answer = match &expectation.source {
        Source::AnyOf(blocks) => {
            let single = blocks.iter().filter_map(|block| block.single());
            let exits: Vec<_> =
                single.map(|address| crate::expect::derive::Exit { address, node: node(address) }).collect();
            if exits.is_empty() {
                return None;
            }
            Answer::AnyOf(exits)
        }
        Source::Node | Source::NodeCalled { .. } => Answer::Node,
        Source::Pod => Answer::Pod,
        Source::Drop => Answer::Drop,
        Source::Unknown { missing } => Answer::Unknown { missing: missing.clone() },
    };
    let node = match &expectation.source {
        Source::NodeCalled { name, .. } => Some(name.clone()),
        _ => None,
    };
    let mut because = vec![Because::plain(format!("\"{}\" speaks about it", expectation.name))];
    because.extend(expectation.because.iter().filter(|line| **line != expectation.name).map(Because::plain));
    Some(Explained { answer, node, via: None, because })
}

/// The answer in one line, then the steps.
fn page(line: &Line, explained: &Explained, protocol: &str) -> String {
    let who = line.who.join(", ");
    let by = line.node.as_ref().map(|node| format!(", by {node}")).unwrap_or_default();
    let redirected =
        explained.via.as_ref().and_then(|via| via.to).map(|to| format!(", to {to}")).unwrap_or_default();
    let answer = match line.answer {
        Kind::AnyOf => format!("leaves with {}{by}{redirected}", line.source()),
        Kind::Node if line.sources.is_empty() => format!("leaves with its node's address{by}"),
        Kind::Node => format!("leaves with {}, its node's address{by}", line.sources.join(" or ")),
        Kind::Pod => "leaves with its own address".to_owned(),
        Kind::Drop if explained.via.is_some() => "is refused".to_owned(),
        Kind::Drop => "is dropped".to_owned(),
        Kind::NotEgress => "stays inside".to_owned(),
        Kind::Unknown => "cannot be told".to_owned(),
    };
    let mut page = format!("{who} → {} ({protocol}): {answer}\n", line.to);
    if !line.because.is_empty() || line.missing.is_some() {
        page.push('\n');
    }
    for (at, step) in line.because.iter().enumerate() {
        page.push_str(&under(&format!("{}.", at + 1), 6, step));
    }
    if let Some(missing) = &line.missing {
        page.push_str(&under("not known:", 14, missing));
    }
    page
}
