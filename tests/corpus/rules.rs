//! Why a disagreement is none of egret's: explanations by mechanism, found in the capture's own bytes.
//!
//! A rule never says "this file". It says of one frame, by its bytes and by how far egret understood it, that the
//! oracle is known to place such a frame otherwise. The frame is then *disputed*: the undisputed ones must agree
//! exactly, and the disputed ones must fill what is lacking, to the frame and to the byte (see [`crate::view`]). So a
//! rule cannot hide a frame that it does not name.
//!
//! What egret promises to follow is not excused: a frame whose walk ended at such a protocol is in no dispute.

use egret::digest::protocol;
use egret::packet::{Header, Packet, Protocol, Why};

use crate::observe::Sight;
use crate::view::Conveyed;

/// A reason that explains a disagreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    /// Who says what, and who is right.
    pub(crate) why: &'static str,
}

macro_rules! rules {
    ($($constant:ident = $name:literal, $why:literal;)*) => {
        $(pub(crate) const $constant: Rule = Rule { name: $name, why: $why };)*
        pub(crate) const ALL: &[Rule] = &[$($constant),*];
    };
}

rules! {
    DESYNC = "desync",
        "The oracle marks the frame itself: tshark gave other numbers of fields and of layers, so that its line \
         cannot say whose addresses are whose.";
    LINK_TYPE = "link-type",
        "egret does not follow the link type, and counts the frame as undecoded; tshark follows it.";
    NOT_FOLLOWED = "not-followed",
        "Between link layer and IP stands a protocol that egret does not follow, and says so: MACsec, NSH, VN-tag, \
         E-tag, FabricPath and their like, which no workload's node sends. tshark goes on behind it.";
    CUT = "cut",
        "The capture ends within a header. egret takes nothing from it unless what names the conversation is whole; \
         tshark shows each field that is there, ports of half a UDP header or addresses of half an IP header.";
    MALFORMED = "malformed",
        "A header contradicts itself, or the one around it (an IP version that is not the one announced, a length \
         that does not hold the header): egret stops there, tshark shows each field, or none, as its dissector does.";
    TOO_DEEP = "too-deep",
        "More headers than egret follows; the bound keeps hostile frames from costing time.";
    LENGTH_ZERO = "length-zero",
        "An IP packet states no length: BIG TCP, or segmentation offload that fills it in later. egret takes the \
         frame's end for the packet's; tshark 4.0 looks no further.";
    CLOSED_TUNNEL = "closed-tunnel",
        "The packets inside belong to a protocol that is no cluster's transport (GTP, Teredo, AYIYA, LISP, L2TP, VXLAN-GPE, \
         sFlow, OpenFlow, CAPWAP): egret keeps it closed and counts the conversation that carries it; the \
         oracle's inner view is tshark's innermost.";
    CLOSED_GRE = "closed-gre",
        "GRE of version 1 (PPTP) or around a protocol that egret does not follow stays closed: it is one opaque \
         conversation; tshark goes inside.";
    COMPRESSED = "ipcomp",
        "The payload is compressed by IPComp (RFC 3173): egret keeps it closed, tshark decompresses it.";
    UDP_LITE = "udp-lite",
        "UDP-Lite (IP protocol 136) has ports that tshark shows; to egret it is an opaque protocol of two addresses.";
    RECORDS = "records",
        "The file has records that are no packets (events, log entries), which tshark counts as frames without IP.";
    TSHARK_STOPPED = "tshark-stopped",
        "tshark gave up before the file's end, at a link type, a length or a version that it refuses: there is \
         nothing to compare with the frames behind.";
    ZSTD = "zstd",
        "The file is compressed with zstd, which the oracle's reader does not know.";
    STOPPED_ALIKE = "stopped-alike",
        "The file is damaged, or of a version that nobody reads. egret names the problem and stops; capinfos and \
         tshark stop after the same frame. The oracle's own reader goes on.";
    LATER_LIBPCAP = "later-libpcap",
        "libpcap's tests are of a later version than the one that is installed, and the two differ: egret answers as the \
         installed one and as the tcpdump that uses it.";
    NOT_ASKED = "not-asked",
        "The name of a host, a network or a card that is known to libpcap's own tests alone: egret asks no resolver while it \
         reads an expression.";
    REORDERED = "reordered",
        "The SYN was captured after the SYN-ACK that answers it. The oracle begins another connection with it; \
         egret knows it by its number.";
    INCARNATIONS = "incarnations",
        "SYNs of several initial sequence numbers went unanswered on one 4-tuple: to the oracle one connection, to \
         egret a flow each, one of which has the oracle's outcome.";
    TWO_INCARNATIONS = "same-isn",
        "A SYN repeats the initial sequence number that its 4-tuple had before, after that connection ended: to \
         egret a late copy, to the oracle a connection.";
    MULTICAST = "multicast-dns",
        "The file has multicast DNS or LLMNR, which ask for several names at a time and for those of neighbours: \
         egret listens to DNS on port 53 alone and takes a message's first question.";
    DNS_ELSEWHERE = "dns-elsewhere",
        "tshark takes for DNS what does not run on port 53 (over HTTP, or by a guess): egret listens there alone.";
    NOT_A_QUERY = "not-a-query",
        "DNS notifications and updates (an opcode that is not 0) ask for no name that somebody turns to.";
    PLACEHOLDER = "placeholder",
        "Not a name: tshark's words in angle brackets for one that cannot be shown, or for the root.";
    TOO_LONG = "too-long",
        "The name is longer than DNS allows (RFC 1035 §2.3.4): egret takes it for none.";
    FRAGMENTED = "fragmented",
        "The name stands in segments that came in IP fragments. egret does not put packets together.";
    QUIC = "quic",
        "The server name stands in a QUIC Initial packet, which is encrypted (RFC 9001): egret does not decrypt it, \
         tshark does.";
}

pub(crate) fn by_name(name: &str) -> Option<Rule> {
    ALL.iter().copied().find(|rule| rule.name == name)
}

/// (ports, what runs there) of protocols that carry packets over UDP or TCP and are kept closed: tshark finds them by
/// these ports.
const CARRIERS: [(u16, &str); 14] = [
    (1701, "L2TP"),
    (2123, "GTP"),
    (2152, "GTP"),
    (3386, "GTP"),
    (3544, "Teredo"),
    (4341, "LISP"),
    (4342, "LISP"),
    (4790, "VXLAN-GPE, but with Ethernet inside"),
    (5072, "AYIYA"),
    (5246, "CAPWAP"),
    (5247, "CAPWAP"),
    (6343, "sFlow"),
    (6633, "OpenFlow"),
    (6653, "OpenFlow"),
];

/// Why the oracle may place this frame elsewhere, in the outer view and in the inner one.
pub(crate) fn disputes(sight: &Sight<'_>, conveyed: &[Conveyed], is_desync: bool) -> [Option<Rule>; 2] {
    if is_desync {
        return [Some(DESYNC); 2];
    }
    let stopped = stopped(&sight.packet);
    let is_named = |conveyed: Option<&Conveyed>| conveyed.is_some_and(|it| it.ports.is_some());
    let lengthless = states_no_length(&sight.packet).then_some(LENGTH_ZERO);
    let lite =
        |conveyed: Option<&Conveyed>| conveyed.is_some_and(|it| it.protocol == 136).then_some(UDP_LITE);
    let outer = match conveyed {
        // Whatever ended the walk behind the outer transport does not touch the outer view.
        [first, ..] if is_named(Some(first)) => lengthless,
        [_, _, ..] => lengthless,
        _ => stopped.or(lengthless).or_else(|| lite(conveyed.first())),
    };
    let inner = stopped
        .filter(|_| !is_named(conveyed.last()) || conveyed.len() > 1)
        .or(lengthless)
        .or_else(|| lite(conveyed.last()))
        .or_else(|| conveyed.last().filter(|it| is_carrier(it)).map(|_| CLOSED_TUNNEL))
        .or_else(|| closed_gre(sight, conveyed.last()?).then_some(CLOSED_GRE))
        .or_else(|| is_compressed(&sight.packet).then_some(COMPRESSED));
    [outer, inner]
}

fn is_carrier(conveyed: &Conveyed) -> bool {
    conveyed.ports.is_some_and(|(_, source, destination)| {
        CARRIERS.iter().any(|(port, _)| *port == source || *port == destination)
    })
}

/// Whether GRE directly above the innermost IP header is none that egret opens (RFC 2784 §2, RFC 2637 §4.1).
fn closed_gre(sight: &Sight<'_>, last: &Conveyed) -> bool {
    const OPENED: [u16; 7] = [0x0800, 0x86dd, 0x6558, 0x88be, 0x22eb, 0x8847, 0x8848];
    let end = sight.packet.layers[last.layer].range.end;
    last.protocol == protocol::GRE
        && sight.bytes.get(end..).and_then(<[u8]>::first_chunk::<4>).is_some_and(|[_, version, a, b]| {
            version & 7 != 0 || !OPENED.contains(&u16::from_be_bytes([*a, *b]))
        })
}

fn is_compressed(packet: &Packet) -> bool {
    packet.layers.iter().any(|layer| matches!(layer.header, Header::Opaque { protocol: 108, .. }))
}

fn states_no_length(packet: &Packet) -> bool {
    packet.layers.iter().any(|layer| {
        matches!(layer.header, Header::Ipv4 { total_length: 0, .. } | Header::Ipv6 { payload_length: 0, .. })
    })
}

fn stopped(packet: &Packet) -> Option<Rule> {
    match packet.stopped?.why {
        Why::Cut => Some(CUT),
        Why::Malformed(_) => Some(MALFORMED),
        Why::TooDeep => Some(TOO_DEEP),
        Why::Unknown(Protocol::LinkType(_)) => Some(LINK_TYPE),
        Why::Unknown(Protocol::EtherType(number)) => (!PROMISED.contains(&number)).then_some(NOT_FOLLOWED),
        Why::Unknown(Protocol::Family(_) | Protocol::Hardware(_)) => Some(NOT_FOLLOWED),
        Why::Tail | Why::Unknown(_) => None,
    }
}

/// `EtherType`s that egret follows: a walk that ends at one is a mistake.
const PROMISED: [u16; 12] =
    [0x0800, 0x0806, 0x8035, 0x86dd, 0x8100, 0x88a8, 0x9100, 0x8847, 0x8848, 0x8863, 0x8864, 0x6558];
