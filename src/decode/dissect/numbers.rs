//! What registered numbers are called (IANA, IEEE, the Linux kernel).

/// The protocol that an `EtherType` stands for.
pub fn ethertype_name(number: u16) -> Option<&'static str> {
    Some(match number {
        0x0800 => "IPv4",
        0x0806 => "ARP",
        0x6558 => "Ethernet",
        0x8035 => "RARP",
        0x8100 => "802.1Q",
        0x86dd => "IPv6",
        0x8847 => "MPLS",
        0x8848 => "MPLS multicast",
        0x8863 => "PPPoE discovery",
        0x8864 => "PPPoE session",
        0x888e => "802.1X",
        0x88a8 => "802.1ad",
        0x88be => "ERSPAN II",
        0x22eb => "ERSPAN III",
        0x88cc => "LLDP",
        0x88e5 => "MACsec",
        0x88e7 => "802.1ah",
        0x88f7 => "PTP",
        0x8809 => "slow protocols",
        0x8906 => "FCoE",
        0x8926 => "VN-Tag",
        0x893f => "802.1BR",
        0x9000 => "loopback test",
        0x9100 => "802.1ad before it was one",
        _ => return None,
    })
}

/// The protocol that an IP header's number stands for.
pub fn ip_protocol_name(number: u8) -> Option<&'static str> {
    Some(match number {
        0 => "hop-by-hop options",
        1 => "ICMP",
        2 => "IGMP",
        4 => "IPv4",
        6 => "TCP",
        8 => "EGP",
        17 => "UDP",
        33 => "DCCP",
        41 => "IPv6",
        43 => "routing header",
        44 => "fragment header",
        46 => "RSVP",
        47 => "GRE",
        50 => "ESP",
        51 => "AH",
        58 => "ICMPv6",
        59 => "nothing",
        60 => "destination options",
        88 => "EIGRP",
        89 => "OSPF",
        94 => "IPIP",
        103 => "PIM",
        108 => "IPComp",
        112 => "VRRP",
        115 => "L2TP",
        132 => "SCTP",
        135 => "mobility header",
        136 => "UDP-Lite",
        137 => "MPLS",
        139 => "HIP",
        140 => "shim6",
        _ => return None,
    })
}

/// `ARPHRD_`, as cooked captures and ARP have it.
pub(super) fn hardware_name(number: u16) -> Option<&'static str> {
    Some(match number {
        1 => "Ethernet",
        6 => "IEEE 802",
        32 => "InfiniBand",
        512 => "PPP",
        768 => "IP in IP",
        769 => "IPv6 in IPv6",
        770 => "frame relay",
        772 => "loopback",
        776 => "IPv6 in IPv4",
        778 => "GRE",
        801 => "802.11",
        803 => "802.11 with radiotap",
        823 => "GRE over IPv6",
        824 => "netlink",
        65_534 => "none: raw IP",
        _ => return None,
    })
}

/// How the kernel says that a packet moved (packet(7)).
pub(super) fn packet_type_name(number: u16) -> Option<&'static str> {
    Some(match number {
        0 => "in: to this machine",
        1 => "in: broadcast",
        2 => "in: multicast",
        3 => "passing: to another machine",
        4 => "out: sent by this machine",
        _ => return None,
    })
}

/// Of a differentiated services field (RFC 2474, RFC 3168): the congestion bits, where they say something.
pub(super) fn congestion_name(number: u8) -> Option<&'static str> {
    Some(match number {
        0 => "not capable",
        1 | 2 => "capable of ECN",
        3 => "congestion was met",
        _ => return None,
    })
}

pub(super) fn icmp_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        0 => "echo reply",
        3 => "destination unreachable",
        4 => "source quench",
        5 => "redirect",
        8 => "echo request",
        9 => "router advertisement",
        10 => "router solicitation",
        11 => "time exceeded",
        12 => "parameter problem",
        13 => "timestamp request",
        14 => "timestamp reply",
        17 => "address mask request",
        18 => "address mask reply",
        _ => return None,
    })
}

pub(super) fn icmp_code_name(kind: u8, code: u8) -> Option<&'static str> {
    Some(match (kind, code) {
        (3, 0) => "network unreachable",
        (3, 1) => "host unreachable",
        (3, 2) => "protocol unreachable",
        (3, 3) => "port unreachable",
        (3, 4) => "fragmentation needed",
        (3, 5) => "source route failed",
        (3, 6) => "network unknown",
        (3, 7) => "host unknown",
        (3, 9) => "network administratively prohibited",
        (3, 10) => "host administratively prohibited",
        (3, 11) => "network unreachable for this service",
        (3, 12) => "host unreachable for this service",
        (3, 13) => "administratively prohibited: a filter's answer",
        (3, 14) => "host precedence violation",
        (3, 15) => "precedence cutoff",
        (5, 0) => "for the network",
        (5, 1) => "for the host",
        (11, 0) => "in transit",
        (11, 1) => "while fragments were awaited",
        (12, 0) => "the pointer says where",
        (12, 1) => "an option is missing",
        (12, 2) => "bad length",
        _ => return None,
    })
}

pub(super) fn icmpv6_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        1 => "destination unreachable",
        2 => "packet too big",
        3 => "time exceeded",
        4 => "parameter problem",
        128 => "echo request",
        129 => "echo reply",
        130 => "multicast listener query",
        131 => "multicast listener report",
        132 => "multicast listener done",
        133 => "router solicitation",
        134 => "router advertisement",
        135 => "neighbour solicitation",
        136 => "neighbour advertisement",
        137 => "redirect",
        143 => "multicast listener report, version 2",
        _ => return None,
    })
}

pub(super) fn icmpv6_code_name(kind: u8, code: u8) -> Option<&'static str> {
    Some(match (kind, code) {
        (1, 0) => "no route",
        (1, 1) => "administratively prohibited: a filter's answer",
        (1, 2) => "beyond the scope of the source",
        (1, 3) => "address unreachable",
        (1, 4) => "port unreachable",
        (1, 5) => "source address failed policy",
        (1, 6) => "route rejected",
        (3, 0) => "in transit",
        (3, 1) => "while fragments were awaited",
        (4, 0) => "wrong header field",
        (4, 1) => "unknown next header",
        (4, 2) => "unknown option",
        _ => return None,
    })
}

pub(super) fn ppp_name(number: u16) -> Option<&'static str> {
    Some(match number {
        0x0021 => "IPv4",
        0x0057 => "IPv6",
        0x0281 => "MPLS",
        0x0283 => "MPLS multicast",
        0x8021 => "IPCP",
        0x8057 => "IPv6CP",
        0xc021 => "LCP",
        0xc023 => "PAP",
        0xc223 => "CHAP",
        _ => return None,
    })
}

/// Service access points of logical link control.
pub(super) fn access_point_name(number: u8) -> Option<&'static str> {
    Some(match number {
        0x06 => "IP",
        0x42 => "spanning tree",
        0xaa => "SNAP",
        0xe0 => "Novell",
        0xf0 => "NetBIOS",
        0xfe => "ISO network layer",
        _ => return None,
    })
}

/// The type that a DNS record's number stands for.
pub fn dns_type_name(number: u16) -> Option<&'static str> {
    Some(match number {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        12 => "PTR",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        35 => "NAPTR",
        41 => "OPT",
        43 => "DS",
        46 => "RRSIG",
        47 => "NSEC",
        48 => "DNSKEY",
        50 => "NSEC3",
        52 => "TLSA",
        64 => "SVCB",
        65 => "HTTPS",
        252 => "AXFR",
        255 => "ANY",
        256 => "URI",
        257 => "CAA",
        _ => return None,
    })
}

pub(super) fn dns_code_name(number: u8) -> Option<&'static str> {
    Some(match number {
        0 => "no error",
        1 => "format error",
        2 => "server failure",
        3 => "no such name",
        4 => "not implemented",
        5 => "refused",
        _ => return None,
    })
}
