//! The closed list of what is looked for, each with how bad it is and what comes of it on the wire.

use std::fmt;

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Traffic is lost, or leaves with another address than is meant.
    Error,
    /// It may work now, and will not when something else happens; or it is probably not meant.
    Warning,
    /// The objects do not tell.
    Unknown,
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

macro_rules! rules {
    ($($variant:ident $name:literal $severity:ident $what:literal $wire:literal)*) => {
        /// What is looked for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl Rule {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its id.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How bad it is, where the finding does not say otherwise.
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// What it is, in a few words.
            pub fn what(self) -> &'static str {
                match self { $(Self::$variant => $what,)* }
            }

            /// What comes of it on the wire.
            pub fn wire(self) -> &'static str {
                match self { $(Self::$variant => $wire,)* }
            }
        }
    };
}

rules! {
    TabBetweenFields "tab-between-fields" Error
        "a tab separates fields of the router's destinations"
        "the router's script knows spaces alone and gives up: the pod never starts, and clients of its Service are refused"
    InlineComment "inline-comment" Error
        "a comment stands behind a destination"
        "the router's script gives up: the pod never starts, and clients of its Service are refused"
    CrlfLineEnd "crlf-line-end" Error
        "a line of the router's destinations ends with a carriage return"
        "the router's script gives up, with a message that looks right: the pod never starts, and clients of its Service are refused"
    UpperCaseProtocol "upper-case-protocol" Error
        "the protocol of a destination is in capitals"
        "the router's script gives up: the pod never starts, and clients of its Service are refused"
    UnknownProtocol "unknown-protocol" Error
        "a destination has a protocol that the router does not know"
        "the router's script gives up: the pod never starts, and clients of its Service are refused"
    PortRange "port-range" Error
        "a destination has a range of ports"
        "the router's script gives up: the pod never starts, and clients of its Service are refused"
    BadPort "bad-port" Error
        "a port is not from 1 to 65535"
        "the router's script gives up: the pod never starts, and clients of its Service are refused"
    DuplicateLocalPort "duplicate-local-port" Error
        "two destinations have one local port, perhaps of different protocols"
        "the router's script gives up: the pod never starts, and clients of its Service are refused"
    FallbackNotLast "fallback-not-last" Error
        "something comes behind the fallback, or behind the proxy's `*`"
        "the router's script gives up: the pod never starts, and clients of its Service are refused"
    NameForAddress "name-for-address" Error
        "a name stands where the router needs an address"
        "the router's script gives up: the pod never starts, and clients of its Service are refused"
    Ipv6Destination "ipv6-destination" Error
        "a destination is an address of IPv6"
        "the router's script gives up: the pod never starts, and clients of its Service are refused"
    UnexpectedPrefix "unexpected-prefix" Error
        "a prefix length stands where an address alone is read"
        "the router's script gives up: the pod never starts, and clients of its Service are refused"
    MissingVariable "missing-variable" Error
        "a variable that the router needs is not set"
        "the router's script gives up: the pod never starts, and clients of its Service are refused"
    BadValue "bad-value" Error
        "a value of the router's environment is none that it knows"
        "the router's script gives up: the pod never starts, and clients of its Service are refused"
    DoubtfulValue "doubtful-value" Error
        "the router's script accepts a value that the kernel does not, or reads otherwise"
        "setting up address or rules fails in the running container, or makes another rule than is meant"
    ValueElsewhere "value-elsewhere" Unknown
        "a value comes from a ConfigMap, a Secret or a field that is not among the objects"
        "whether the router starts, and where it leads, cannot be told"
    ReplicasNotOne "replicas-not-one" Error
        "an egress router does not run exactly once"
        "several pods answer ARP for one source address and replies reach whichever spoke last; with none, nothing answers"
    RollingUpdateRunsTwo "rolling-update-runs-two" Warning
        "an update of an egress router starts the new pod before the old one has ended"
        "while it is updated two pods answer ARP for one source address: open connections break, and replies go astray"
    MacvlanAnnotation "macvlan-annotation" Error
        "the pods of an egress router are not annotated for a macvlan interface"
        "there is no macvlan0 to give the source address to: the router's script fails, and the pod never starts"
    NotPrivileged "not-privileged" Error
        "the container that sets an egress router up is not privileged"
        "the macvlan interface is refused, and so are addresses and rules: the pod never starts"
    SourceOutsideSubnet "source-outside-subnet" Error
        "the source address of an egress router is not in its gateway's subnet"
        "the gateway is not reached on the interface, or does not know where to send replies: connections time out"
    SourceInNoNodeSubnet "source-in-no-node-subnet" Error
        "no node has an address in the subnet of an egress router's source"
        "the source is foreign on the nodes' network: its ARP is not answered or its replies go elsewhere, and connections time out"
    SourceIsEgressIp "source-is-egress-ip" Error
        "an egress router's source is also an egress IP that the network gives to a node"
        "node and router both answer ARP for the address, with two MACs: replies reach one of them, and connections hang by turns"
    SourceIsNodeAddress "source-is-node-address" Error
        "an egress address is a node's own"
        "two machines answer ARP for one address: the node loses traffic, and replies go astray"
    AddressOnTwoNodes "address-on-two-nodes" Error
        "an egress address is claimed by several nodes"
        "openshift-sdn uses it on none of them: what leaves by this address alone is dropped"
    AddressInTwoNamespaces "address-in-two-namespaces" Error
        "an egress address is claimed by several namespaces"
        "openshift-sdn uses it for none of them: what leaves by this address alone is dropped"
    TwoAddressesOnOneNode "two-addresses-on-one-node" Error
        "two egress addresses of one namespace are on one node"
        "openshift-sdn uses neither: if the namespace has no other, all that it sends out is dropped"
    AddressInTwoObjects "address-in-two-objects" Error
        "an egress address is claimed by several routers, EgressIPs or other objects"
        "two owners answer ARP for one address, or one of them is never served: replies go astray, or traffic leaves with another address"
    AddressOnNoNode "address-on-no-node" Error
        "an egress address of a namespace is on no HostSubnet"
        "openshift-sdn has no node to send by: if the namespace has no other, all that it sends out is dropped"
    ServicePortWithoutRule "service-port-without-rule" Error
        "a Service leads to a port for which the egress router has neither a rule nor a fallback"
        "the connection is not redirected: the router's own network answers it with a reset"
    RuleWithoutServicePort "rule-without-service-port" Warning
        "no port of the router's Service leads to one of its rules"
        "clients that call the Service cannot reach this destination"
    ServiceSelectsNoRouter "service-selects-no-router" Error
        "a Service beside an egress router selects nothing"
        "the Service has no endpoints: clients are refused"
    RouterOffNode "router-off-node" Error
        "an egress router is placed where its source address is not"
        "the router speaks with an address that is foreign there: nobody answers it, or the pod is never started"
    ApplicationOnInfraNode "application-on-infra-node" Warning
        "a pod of an application runs on a node for the cluster's own services"
        "it leaves with the address of a node that all namespaces share, and that firewalls may trust for others"
    EgressIpSelectsNothing "egress-ip-selects-nothing" Warning
        "an EgressIP selects no namespace or no pod"
        "the address is never used: pods that were meant leave with their node's"
    EgressIpUnassigned "egress-ip-unassigned" Error
        "no node serves an EgressIP"
        "the pods that it selects leave with their node's address"
    EgressIpStatusDiffers "egress-ip-status-differs" Warning
        "spec and status of an EgressIP name different addresses"
        "pods leave with the addresses in the status: what is only wanted is not used, and what is no longer wanted still may be"
    OverlappingEgressIps "overlapping-egress-ips" Warning
        "several EgressIPs select one pod"
        "one of them serves and the others stand by; which one is not defined, and may change"
    HostNetworkUnderEgress "host-network-under-egress" Warning
        "a pod on its node's network is in a namespace that has an egress address"
        "it leaves with its node's address, and not with the namespace's"
    DestinationDenied "destination-denied" Error
        "a policy of the cluster forbids a destination that traffic is meant for"
        "what workloads send there is dropped in the cluster, without an answer"
    RouterUnreachable "router-unreachable" Warning
        "network policies let no client reach an egress router"
        "what clients send to the router's Service is dropped in the cluster, without an answer"
    BadFieldRef "bad-field-ref" Error
        "a variable of the downward API has no fieldPath, or another one than its name says"
        "the API refuses the pod; or whoever reads the variable takes one address or name for another"
}

impl Rule {
    pub fn from_name(typed: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|rule| rule.name() == typed)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_words_with_hyphens_each_once_and_lead_back() {
        for (at, rule) in Rule::ALL.iter().enumerate() {
            let name = rule.name();
            assert!(
                name.split('-').all(|word| !word.is_empty()
                    && word.bytes().all(|b| b.is_ascii_alphanumeric() && !b.is_ascii_uppercase())),
                "{name}"
            );
            assert_eq!(Rule::from_name(name), Some(*rule));
            assert!(Rule::ALL[..at].iter().all(|other| other.name() != name), "{name} twice");
        }
        assert_eq!(Rule::from_name("tab"), None);
    }
}
