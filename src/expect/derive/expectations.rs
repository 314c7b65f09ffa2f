//! From rules about workloads to expectations about addresses.
//!
//! A pod's address has one rule, its first, so the order of these expectations is free, and rules with one answer become one
//! expectation: a cluster of thousands of namespaces has as many as it has nodes and egress addresses. What speaks about pods
//! that no object names comes last.

use std::collections::{HashMap, HashSet};

use super::denial::Rules;
use super::{Answer, Because, Derived, Exit, Rule, To};
use crate::expect::policy::Policy;
use crate::expect::{Expectation, Origins, Source};
use crate::filter::selection::Selection;
use crate::net::{Address, Block};
use crate::objects::FirewallTo;

/// Most lines of reasons that an expectation carries.
const REASONS: usize = 12;

/// Rules that are one expectation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// The node of that name.
    Node(Option<String>),
    /// Only this rule.
    Rule(usize),
    Unknown(String),
}

impl Derived {
    /// These rules as expectations, with all that the objects tell of the cluster.
    pub fn policy(&self) -> Policy {
        let cluster = self.cluster.clone();
        let nodes: HashMap<String, Vec<Address>> = cluster
            .nodes
            .iter()
            .filter_map(|node| Some((node.name.clone()?, node.addresses.clone())))
            .collect();
        let mut list = self.through_routers();
        list.extend(self.of_proxies());
        list.extend(self.denied());
        let mut gathering = Gathering { derived: self, nodes, groups: Vec::new(), by_key: HashMap::new() };
        gathering.gather();
        list.extend(gathering.groups);
        list.extend(self.of_unnamed_pods());
        Policy { expectations: list, cluster }
    }

    /// What firewalls deny, but for what an earlier rule allows. A rule about a name or a port makes unknown what comes after
    /// it, as far as it says the contrary.
    fn denied(&self) -> Vec<Expectation> {
        let mut list = Vec::new();
        for denial in &self.denials {
            let Rules::Firewall(rules) = &denial.rules else { continue };
            // What a router sends by its macvlan interface passes no firewall of the cluster.
            let heeding = denial.workloads.iter().filter(|at| self.router_of(**at).is_none());
            let addresses = heeding.flat_map(|at| &self.workloads[*at].addresses);
            let from: Vec<Block> = addresses.map(|address| Block::from(address.ip())).collect();
            let mut allowed: Vec<Block> = Vec::new();
            let mut open: Option<String> = None;
            for rule in rules.iter().filter(|_| !from.is_empty()) {
                match &rule.to {
                    FirewallTo::Block(block) if rule.is_allowed && rule.ports.is_empty() => {
                        allowed.push(*block);
                    }
                    FirewallTo::Name(name) if rule.is_allowed => {
                        open.get_or_insert_with(|| format!("the addresses of {name}"));
                    }
                    _ if rule.is_allowed => {
                        open.get_or_insert_with(|| format!("what {} ({}) allows", denial.id, rule.at));
                    }
                    FirewallTo::Block(block) if rule.ports.is_empty() => {
                        let because = Because::of(
                            format!("{} denies {block}", denial.id),
                            &denial.id,
                            "spec.egress",
                            &rule.at,
                        );
                        let source = match &open {
                            Some(missing) => Source::Unknown { missing: missing.clone() },
                            None => Source::Drop,
                        };
                        let mut to = Selection::default();
                        to.add("dst", &block.to_string()).expect("a block is one");
                        for block in &allowed {
                            to.add("not_dst", &block.to_string()).expect("a block is one");
                        }
                        let name = format!("what {} denies to {block}", denial.id);
                        list.push(Expectation {
                            from: from.clone(),
                            to,
                            ..expectation(name, source, &[because])
                        });
                    }
                    // What is denied to a name or on a port is judged by its source, should it leave.
                    _ => {}
                }
            }
        }
        list
    }

    fn through_routers(&self) -> Vec<Expectation> {
        let mut list = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.who.is_anybody) {
            let To::Addresses(addresses) = &rule.to else { continue };
            let mut to = Selection::default();
            for address in addresses {
                to.add("dst", &address.to_string()).expect("an address is one");
            }
            let name = match rule.because.last().and_then(|step| step.object.as_ref()) {
                Some(router) => format!("whatever goes through {router}"),
                None => format!("whatever goes through {}", addresses[0]),
            };
            list.push(Expectation { to, ..expectation(name, source(&rule.answer), &rule.because) });
        }
        list
    }

    /// What proxies open by themselves, with the address that they have.
    fn of_proxies(&self) -> Vec<Expectation> {
        let own = |address: Address| {
            self.routers
                .iter()
                .find(|router| router.source.as_ref().is_some_and(|told| told.value == address))
        };
        let mut list = Vec::new();
        for (address, _) in &self.cluster.senders {
            let Some(router) = own(*address) else { continue };
            let (answer, because) = router.answer();
            let name = format!("whatever {} opens", router.id);
            let from = vec![Block::from(address.ip())];
            list.push(Expectation { from, ..expectation(name, source(&answer), &because) });
        }
        list
    }

    /// What pods leave with that no object names, where their namespace is known.
    fn of_unnamed_pods(&self) -> Vec<Expectation> {
        let mut list: Vec<Expectation> = Vec::new();
        let mut told: HashSet<&str> = HashSet::new();
        let mut on_node: Option<usize> = None;
        for rule in self.rules.iter().filter(|rule| rule.to == To::Outside) {
            let names: Vec<String> =
                rule.who.namespaces.iter().filter(|name| told.insert(name)).cloned().collect();
            if names.is_empty() {
                continue;
            }
            let is_node = rule.answer == Answer::Node;
            if let Some(at) = on_node.filter(|_| is_node) {
                list[at].origins.namespaces.extend(names);
                continue;
            }
            let name = match (is_node, &names[..]) {
                (true, _) => "other pods of namespaces without an egress address".to_owned(),
                (false, [one]) => format!("other pods of {one}"),
                (false, several) => format!("other pods of {} namespaces", several.len()),
            };
            on_node = on_node.or(is_node.then_some(list.len()));
            let mut one = expectation(name, source(&rule.answer), &rule.because);
            one.origins = Origins { namespaces: names.into_iter().collect(), ..Origins::default() };
            list.push(one);
        }
        list
    }
}

struct Gathering<'a> {
    derived: &'a Derived,
    nodes: HashMap<String, Vec<Address>>,
    groups: Vec<Expectation>,
    by_key: HashMap<Key, usize>,
}

impl Gathering<'_> {
    /// Every workload's addresses, each by its first rule that has an answer for its family.
    fn gather(&mut self) {
        let mut open: HashSet<Address> =
            self.derived.workloads.iter().flat_map(|workload| workload.addresses.iter().copied()).collect();
        for (at, rule) in self.derived.rules.iter().enumerate().filter(|(_, rule)| rule.to == To::Outside) {
            if !rule.who.partly.is_empty() {
                let group = self.group(Key::Rule(at), rule, None);
                group.origins.partly.extend(rule.who.partly.iter().cloned());
            }
            for workload in rule.who.workloads.iter().map(|at| &self.derived.workloads[*at]) {
                for &address in &workload.addresses {
                    if !is_of_family(&rule.answer, address) || !open.remove(&address) {
                        continue;
                    }
                    let key = match &rule.answer {
                        Answer::Node => Key::Node(workload.node.clone()),
                        Answer::Unknown { missing } => Key::Unknown(missing.clone()),
                        _ => Key::Rule(at),
                    };
                    self.group(key, rule, workload.namespace.as_deref()).from.push(Block::from(address.ip()));
                }
            }
        }
        // The other family of pods whose every rule is about addresses of one: as the node does.
        for workload in &self.derived.workloads {
            for &address in workload.addresses.iter().filter(|address| open.remove(address)) {
                let because = vec![Because::plain("the egress addresses are of another family")];
                let rule =
                    Rule { who: super::Who::default(), to: To::Outside, answer: Answer::Node, because };
                self.group(Key::Node(workload.node.clone()), &rule, None)
                    .from
                    .push(Block::from(address.ip()));
            }
        }
    }

    fn group(&mut self, key: Key, rule: &Rule, namespace: Option<&str>) -> &mut Expectation {
        if let Some(&at) = self.by_key.get(&key) {
            return &mut self.groups[at];
        }
        let (name, source) = match &key {
            Key::Node(node) => self.on_node(node.as_deref()),
            Key::Unknown(missing) => (format!("pods of which {missing} is not known"), source(&rule.answer)),
            Key::Rule(_) => (self.name(rule, namespace), source(&rule.answer)),
        };
        self.by_key.insert(key, self.groups.len());
        self.groups.push(expectation(name, source, &rule.because));
        self.groups.last_mut().expect("one was just added")
    }

    fn on_node(&self, node: Option<&str>) -> (String, Source) {
        let Some(name) = node else {
            return ("pods without an egress address".to_owned(), Source::Node);
        };
        let source = match self.nodes.get(name) {
            Some(addresses) if !addresses.is_empty() => {
                Source::NodeCalled { name: name.to_owned(), addresses: addresses.clone() }
            }
            _ => Source::Unknown { missing: format!("the address of node {name}") },
        };
        (format!("pods on {name} without an egress address"), source)
    }

    fn name(&self, rule: &Rule, namespace: Option<&str>) -> String {
        let namespaces: HashSet<&str> = rule
            .who
            .workloads
            .iter()
            .filter_map(|at| self.derived.workloads[*at].namespace.as_deref())
            .chain(namespace)
            .collect();
        let first = namespaces.iter().min().copied().or(rule.who.partly.first().map(String::as_str));
        let what = match (first, namespaces.len()) {
            (Some(one), 0 | 1) => format!("pods of {one}"),
            (_, several) => format!("pods of {several} namespaces"),
        };
        match &rule.answer {
            Answer::AnyOf(exits) => format!("{what} leave as {}", addresses(exits)),
            Answer::Drop => format!("{what} are dropped"),
            answer => format!("{what}: {answer}"),
        }
    }
}

fn addresses(exits: &[Exit]) -> String {
    let mut words: Vec<String> = exits.iter().map(|exit| exit.address.to_string()).collect();
    words.dedup();
    words.join(" or ")
}

/// Whether a rule's answer is one for traffic from that address.
fn is_of_family(answer: &Answer, address: Address) -> bool {
    match answer {
        Answer::AnyOf(exits) => exits.iter().any(|exit| exit.address.is_v4() == address.is_v4()),
        _ => true,
    }
}

fn source(answer: &Answer) -> Source {
    match answer {
        Answer::AnyOf(exits) => {
            let mut blocks: Vec<Block> = Vec::new();
            for block in exits.iter().map(|exit| Block::from(exit.address.ip())) {
                if !blocks.contains(&block) {
                    blocks.push(block);
                }
            }
            Source::AnyOf(blocks)
        }
        Answer::Node => Source::Node,
        Answer::Pod => Source::Pod,
        Answer::Drop => Source::Drop,
        Answer::NotEgress => Source::Unknown { missing: "what leaves at all".to_owned() },
        Answer::Unknown { missing } => Source::Unknown { missing: missing.clone() },
    }
}

fn expectation(name: String, source: Source, because: &[Because]) -> Expectation {
    Expectation {
        name,
        from: Vec::new(),
        origins: Origins::default(),
        to: Selection::default(),
        source,
        source_remote: Vec::new(),
        // That some workload sent nothing is no fault.
        optional: true,
        is_derived: true,
        because: because.iter().take(REASONS).map(Because::to_string).collect(),
    }
}
