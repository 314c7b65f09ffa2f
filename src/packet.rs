//! What was understood of a frame: a stack of layers, outermost first, and where understanding ended.
//!
//! 1. Each layer knows its header's byte range in the frame, as far as it was captured. Ranges ascend, do not
//!    overlap and lie within the frame.
//! 2. A packet without [`Packet::stopped`] was understood as far as its protocols go that egret knows.
//! 3. The layers after an ICMP error ([`Header::Icmp`]) are those of the packet that it quotes.
//! 4. There are at most [`Packet::LAYERS`] layers, whatever the bytes say.
//!
//! How bytes become layers is the business of [`crate::decode`].

use std::fmt;
use std::ops::Range;

use smallvec::SmallVec;

use crate::frame::LinkType;
use crate::net::{Address, Mac};

/// The stack of layers decoded from a frame.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Packet {
    pub layers: SmallVec<[Layer; 8]>,
    pub stopped: Option<Stop>,
}

impl Packet {
    /// Most layers that are followed: two tunnels deep with tags, labels, extension headers and a quoted packet.
    pub const LAYERS: usize = 24;
}

/// One header of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    pub header: Header,
    /// Where the header lies in the frame. Its end is the start of what it carries, except where it was cut.
    pub range: Range<usize>,
}

/// The facts of a header that egret uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Header {
    Ethernet {
        source: Mac,
        destination: Mac,
        ethertype: u16,
    },
    /// An 802.1Q, 802.1ad tag, or one of the number used before.
    Vlan {
        id: u16,
        priority: u8,
        ethertype: u16,
    },
    /// The tag of a port extender: Cisco's, or that of 802.1BR.
    PortTag {
        ethertype: u16,
    },
    /// An 802.1ah service instance; a whole Ethernet frame follows.
    ServiceInstance {
        id: u32,
    },
    /// IEEE 802.2 logical link control: its service access points.
    Llc {
        destination: u8,
        source: u8,
    },
    /// What follows logical link control, by an organization's own number or an `EtherType`.
    Snap {
        organization: u32,
        number: u16,
    },
    /// A whole label stack.
    Mpls {
        /// The last one's.
        label: u32,
        entries: u8,
    },
    /// What a pseudowire has before its frame.
    ControlWord,
    /// The session stage of PPP over Ethernet.
    Pppoe {
        session: u16,
    },
    /// Address and control, where there are any, and the protocol.
    Ppp {
        protocol: u16,
    },
    /// Cisco's.
    Hdlc {
        ethertype: u16,
    },
    FrameRelay,
    Fddi {
        source: Mac,
        destination: Mac,
    },
    /// An IEEE 802.11 data frame.
    Wifi {
        source: Option<Mac>,
        destination: Mac,
    },
    /// What capturing software put before the frame: radiotap, per-packet information or netfilter's log.
    Recorded {
        link: LinkType,
    },
    /// Linux cooked capture v1.
    Sll {
        packet_type: u16,
        hardware: u16,
        source: Option<Mac>,
        protocol: u16,
    },
    /// Linux cooked capture v2.
    Sll2 {
        packet_type: u8,
        hardware: u16,
        source: Option<Mac>,
        protocol: u16,
        interface: u32,
    },
    /// The address family that BSD loopback captures start with.
    Family {
        family: u32,
    },
    Ipv4 {
        source: Address,
        destination: Address,
        protocol: u8,
        ttl: u8,
        id: u16,
        /// As stated; 0 where segmentation offload leaves it to the hardware.
        total_length: u16,
        dont_fragment: bool,
        fragment: Option<Fragment>,
    },
    Ipv6 {
        source: Address,
        destination: Address,
        /// What directly follows: perhaps the first extension header.
        next_header: u8,
        hop_limit: u8,
        flow_label: u32,
        /// As stated; 0 in jumbograms and where segmentation offload leaves it to the hardware.
        payload_length: u16,
    },
    /// IPv6 extension headers and authentication headers, the whole chain.
    Extensions {
        /// IP protocol number of what follows the chain.
        protocol: u8,
        fragment: Option<Fragment>,
    },
    Tcp {
        source: u16,
        destination: u16,
        seq: u32,
        ack: u32,
        flags: u8,
        /// As stated, in bytes; options may have been cut.
        header_length: u8,
        payload: Extent,
    },
    /// The first eight bytes of a TCP header: all that an ICMP error need quote.
    TcpStart {
        source: u16,
        destination: u16,
        seq: u32,
    },
    Udp {
        source: u16,
        destination: u16,
        /// As stated; may be 0 or wrong.
        length: u16,
        payload: Extent,
    },
    /// The common header and the beginning of the first chunk. All but the ports and the tag may have been cut.
    Sctp {
        source: u16,
        destination: u16,
        /// Verification tag.
        tag: u32,
        /// Type of the first chunk.
        chunk: Option<u8>,
        /// Initiate tag of an INIT or INIT ACK, or 0. It lies beyond the layer's range.
        initiate: u32,
        payload: Extent,
    },
    /// ICMP or ICMPv6 echo request or reply.
    Echo {
        v6: bool,
        is_reply: bool,
        id: u16,
        seq: u16,
        payload: Extent,
    },
    /// Any other ICMP or ICMPv6 message; behind an error, the packet that it quotes.
    Icmp {
        v6: bool,
        kind: u8,
        code: u8,
        payload: Extent,
    },
    /// Encapsulating security payload. Its header is part of what it carries: `payload` counts it.
    Esp {
        spi: u32,
        seq: u32,
        payload: Extent,
    },
    /// Whatever an IP packet between two machines carries that is not followed; the range is empty.
    Opaque {
        protocol: u8,
        payload: Extent,
    },
    /// A later fragment's bytes, which have no header of their own; the range is empty.
    Tail {
        protocol: u8,
        payload: Extent,
    },
    /// ARP for IPv4 on Ethernet.
    Arp {
        /// 1 asks, 2 answers.
        operation: u16,
        sender: (Mac, Address),
        target: Address,
    },
    /// Neighbour discovery: router solicitation, neighbour solicitation or neighbour advertisement, the whole message.
    Neighbour {
        /// ICMPv6 type: 133, 135 or 136.
        kind: u8,
        target: Option<Address>,
        /// The link-layer address that an option holds: in a solicitation the sender's, else the target's.
        link: Option<Mac>,
    },
    /// Plain, with a group policy, or generic.
    Vxlan {
        vni: u32,
    },
    /// With its options.
    Geneve {
        vni: u32,
        /// `EtherType` of what is inside.
        protocol: u16,
    },
    /// Generic routing encapsulation, version 0.
    Gre {
        /// `EtherType` of what is inside.
        protocol: u16,
        key: Option<u32>,
    },
    /// What GRE has before a mirrored frame, in the second and third of its kinds.
    Erspan {
        session: u16,
    },
    /// An IP packet directly inside another; the range is empty.
    Ipip,
    /// A protocol that is known by number alone; the range is all that is left of its bytes.
    Other {
        protocol: Protocol,
    },
}

/// How many bytes a transport header carries by the IP header's length; `None` where that does not say, and
/// the payload reaches to the end of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent(pub Option<u32>);

/// Which part of a datagram a packet carries, where it does not carry all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// In bytes.
    pub offset: u16,
    pub more: bool,
    /// IPv4 and IPv6 identifications have 16 and 32 bits.
    pub id: u32,
}

/// A number that names a protocol, and the list it is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    LinkType(u16),
    /// The address family of a BSD loopback capture.
    Family(u32),
    /// What a cooked header's protocol field holds for hardware types whose frames have no `EtherType`.
    Hardware(u16),
    EtherType(u16),
    /// A service access point of logical link control.
    Llc(u8),
    /// Organization and number.
    Snap(u32, u16),
    /// What follows an MPLS label stack with this label at its bottom.
    Label(u32),
    Ppp(u16),
    /// The network layer of frame relay.
    Nlpid(u8),
    /// Type and subtype of an IEEE 802.11 frame.
    Wifi {
        kind: u8,
        subtype: u8,
    },
    Ip(u8),
    /// An ICMP type that quotes no packet.
    Icmp(u8),
    Icmpv6(u8),
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LinkType(n) => write!(f, "link type {n}"),
            Self::Family(n) => write!(f, "address family {n}"),
            Self::Hardware(n) => write!(f, "hardware type {n}"),
            Self::EtherType(n) => write!(f, "ethertype 0x{n:04x}"),
            Self::Llc(n) => write!(f, "LLC access point 0x{n:02x}"),
            Self::Snap(organization, n) => write!(f, "SNAP type {organization:06x}:0x{n:04x}"),
            Self::Label(n) => write!(f, "content of MPLS label {n}"),
            Self::Ppp(n) => write!(f, "PPP protocol 0x{n:04x}"),
            Self::Nlpid(n) => write!(f, "NLPID 0x{n:02x}"),
            Self::Wifi { kind, subtype } => write!(f, "802.11 frame of type {kind}, subtype {subtype}"),
            Self::Ip(n) => write!(f, "IP protocol {n}"),
            Self::Icmp(n) => write!(f, "ICMP type {n}"),
            Self::Icmpv6(n) => write!(f, "ICMPv6 type {n}"),
        }
    }
}

/// Where in the frame understanding ended, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// Offset of the header that was not understood.
    pub at: usize,
    pub why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The captured bytes end within the header.
    Cut,
    /// The header contradicts itself or the header around it.
    Malformed(&'static str),
    /// egret does not follow this protocol.
    Unknown(Protocol),
    /// The tail of a datagram: its ports are in the first fragment.
    Tail,
    /// More layers than [`Packet::LAYERS`], or headers beyond the first 64 KiB.
    TooDeep,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut => f.write_str("cut by the capture"),
            Self::Malformed(what) => write!(f, "malformed: {what}"),
            Self::Unknown(protocol) => write!(f, "unknown {protocol}"),
            Self::Tail => f.write_str("fragment without the datagram's start"),
            Self::TooDeep => f.write_str("nested too deep"),
        }
    }
}
