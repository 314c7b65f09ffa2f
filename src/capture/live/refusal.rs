//! Why an interface is not captured: libpcap's texts, put as what was attempted, why it failed and what to do.

use super::ANY;
use super::names::interfaces;
use crate::frame::LinkType;
use crate::privilege::{Capability, Rights};

/// Why an interface could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot capture on {interface}: there is no such interface here; there are {known}")]
    NoSuchInterface { interface: String, known: String },
    #[error(
        "cannot capture on {interface}: it is down; bring it up (`ip link set {interface} up`), then try again"
    )]
    Down { interface: String },
    /// What the process has instead of the capability, as the end of a sentence.
    #[error("cannot capture on {interface}: not permitted; it takes CAP_NET_RAW, and this process {has}")]
    NotPermitted { interface: String, has: String },
    #[error("cannot compile filter \"{filter}\" for {link} ({interface}): {why}; {next}")]
    Filter { filter: String, interface: String, link: LinkType, why: String, next: &'static str },
    #[error("cannot capture on {interface} into a ring of {bytes} bytes: at most {} are possible", i32::MAX)]
    Buffer { interface: String, bytes: usize },
    #[error("cannot capture on {interface}: {why}; {next}")]
    Other { interface: String, why: String, next: &'static str },
}

/// What libpcap says, without what the binding puts before it.
pub(super) fn words(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(words) => words.clone(),
        other => other.to_string(),
    }
}

pub(super) fn is_disappearance(words: &str) -> bool {
    words.contains("interface disappeared") || words.contains("No such device")
}

pub(super) fn of_opening(interface: &str, error: &pcap::Error) -> Error {
    let why = words(error);
    let interface = interface.to_owned();
    let known = interfaces();
    let is_there = interface == ANY || known.contains(&interface);
    if why.contains("not permitted") || why.contains("ermission") {
        let has = Rights::held().instead_of(Capability::NetRaw);
        return Error::NotPermitted { interface, has };
    }
    if !is_there {
        let known = known.into_iter().chain([ANY.to_owned()]).collect::<Vec<_>>().join(", ");
        return Error::NoSuchInterface { interface, known };
    }
    // For an interface that is down libpcap has a code without words, and the binding keeps words alone.
    if why.is_empty() || why.contains("is not up") || why.contains("Network is down") {
        return Error::Down { interface };
    }
    let next = if why.contains("ring") || why.contains("memory") {
        "ask for a smaller ring"
    } else {
        "tcpdump -i with the same interface shows whether libpcap can capture there at all"
    };
    Error::Other { interface, why, next }
}

pub(super) fn of_filter(filter: &str, interface: &str, link: LinkType, error: &pcap::Error) -> Error {
    let why = words(error);
    let why = why.strip_prefix("can't parse filter expression: ").unwrap_or(&why).to_owned();
    let is_cooked = matches!(link, LinkType::LINUX_SLL | LinkType::LINUX_SLL2);
    let next = if is_cooked && ["VLAN", "ethernet", "link-layer"].iter().any(|word| why.contains(word)) {
        "capture the interfaces by name instead of any, or leave that term out"
    } else if why.contains("unknown") {
        "give numbers: addresses, ports and protocols"
    } else if why.contains("rejects all packets") {
        "no frame of that link type can fit it"
    } else {
        "pcap-filter(7) has the grammar"
    };
    Error::Filter { filter: filter.to_owned(), interface: interface.to_owned(), link, why, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: &str) -> pcap::Error {
        pcap::Error::PcapError(words.to_owned())
    }

    #[test]
    fn an_unknown_interface_is_refused_with_those_that_there_are() {
        let error = of_opening("eth7.nosuch", &told("No such device exists"));
        assert!(matches!(error, Error::NoSuchInterface { .. }));
        let said = error.to_string();
        assert!(
            said.starts_with("cannot capture on eth7.nosuch: there is no such interface here; there are ")
        );
        assert!(said.ends_with("any") && said.contains("lo, "), "{said}");
    }

    #[test]
    fn a_refusal_names_the_capability_and_what_the_process_has() {
        let error = of_opening("lo", &told("socket: Operation not permitted"));
        assert!(matches!(error, Error::NotPermitted { .. }));
        assert!(error.to_string().contains("takes CAP_NET_RAW, and this process (user "));
    }

    #[test]
    fn an_interface_that_is_down_is_refused_with_the_way_to_bring_it_up() {
        let said = of_opening("lo", &told("")).to_string();
        assert_eq!(
            said,
            "cannot capture on lo: it is down; bring it up (`ip link set lo up`), then try again"
        );
    }

    #[test]
    fn a_filter_that_the_link_type_cannot_have_is_refused_with_another_way() {
        let error =
            of_filter("vlan 5", "any", LinkType::LINUX_SLL2, &told("no VLAN support for Linux cooked v2"));
        assert_eq!(
            error.to_string(),
            "cannot compile filter \"vlan 5\" for LINUX_SLL2 (any): no VLAN support for Linux cooked v2; \
             capture the interfaces by name instead of any, or leave that term out"
        );
        let typo = told("can't parse filter expression: syntax error");
        let said = of_filter("prot tcp", "eth0", LinkType::ETHERNET, &typo).to_string();
        assert!(said.contains("(eth0): syntax error; pcap-filter(7)"), "{said}");
    }
}
