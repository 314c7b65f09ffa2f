//! The few facts about a frame that joining and judging need, at a fixed size.
//!
//! A [`Digest`] is what decoding leaves behind for the engine: the innermost conversation, where the frame
//! was seen, how it travelled, and where in the frame the headers start. A [`Batch`] is a slab of
//! captured bytes with the heads and digests of the frames in it; reading fills it, the engine empties it,
//! and it goes back to be filled again.

use std::ops::Range;

use crate::frame::{Frame, LinkType, PointIndex, Timestamp};
use crate::net::{Address, Endpoint, Mac};
use crate::text::Text;

/// IP protocol numbers (IANA) that egret has words for.
pub mod protocol {
    pub const ICMP: u8 = 1;
    pub const IPIP: u8 = 4;
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
    pub const IPV6: u8 = 41;
    pub const GRE: u8 = 47;
    pub const ESP: u8 = 50;
    pub const ICMPV6: u8 = 58;
    pub const SCTP: u8 = 132;
}

/// TCP flags (RFC 9293 §3.1), low byte.
pub mod tcp {
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const PSH: u8 = 0x08;
    pub const ACK: u8 = 0x10;
}

/// What [`Digest::flags`] says of an ICMP echo message (RFC 792, RFC 4443 §4).
pub mod echo {
    pub const REQUEST: u8 = 1;
    pub const REPLY: u8 = 2;
}

/// Chunk types of SCTP (RFC 9260 §3.2), as the first of a packet stands in [`Digest::flags`].
pub mod sctp {
    pub const DATA: u8 = 0;
    pub const INIT: u8 = 1;
    pub const INIT_ACK: u8 = 2;
    pub const ABORT: u8 = 6;
    pub const SHUTDOWN: u8 = 7;
    pub const SHUTDOWN_COMPLETE: u8 = 14;
}

/// A 5-tuple in which both directions of a conversation are equal: `low` is the smaller end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Key {
    pub low: Address,
    pub high: Address,
    pub low_port: u16,
    pub high_port: u16,
    /// IP protocol number; 0 for frames that belong to no conversation.
    pub protocol: u8,
}

impl Key {
    /// The key of a packet from `source` to `destination`, and whether the source is its high end.
    pub fn of(source: Endpoint, destination: Endpoint, protocol: u8) -> (Self, bool) {
        let reversed = source > destination;
        let (low, high) = if reversed { (destination, source) } else { (source, destination) };
        let key =
            Self { low: low.address, high: high.address, low_port: low.port, high_port: high.port, protocol };
        (key, reversed)
    }

    pub fn low(self) -> Endpoint {
        Endpoint { address: self.low, port: self.low_port }
    }

    pub fn high(self) -> Endpoint {
        Endpoint { address: self.high, port: self.high_port }
    }

    /// (source, destination) of a packet that travels from the low end, or from the high end if `reversed`.
    pub fn ends(self, reversed: bool) -> (Endpoint, Endpoint) {
        if reversed { (self.high(), self.low()) } else { (self.low(), self.high()) }
    }
}

/// What a frame is to the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// Belongs to no conversation (ARP, what was cut before its ports, …).
    #[default]
    Other,
    Tcp,
    Udp,
    /// `seq` is the verification tag, `ack` the initiate tag of an INIT or INIT ACK, `flags` the first chunk's type.
    Sctp,
    /// ICMP echo: the requester's port is the identifier, the other end's is 0; `seq` is the sequence number, `flags`
    /// are [`echo`]'s.
    Echo,
    /// Any other IP protocol, ESP among them, and a tunnel that is kept closed: both ports are 0. ESP's `seq` and `ack`
    /// are its SPI and sequence number (RFC 4303 §2).
    Opaque,
    /// A later fragment of a datagram, or a first one that lacks what names its conversation: both ports are 0, and
    /// [`Batch::fragments`] holds the rest.
    Tail,
    /// An ICMP error; the key is that of the packet it quotes, and [`Batch::icmp_errors`] holds the rest.
    IcmpError,
}

/// How far a frame was understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Understood {
    /// As far as its protocols go that egret knows.
    #[default]
    Whole,
    /// Up to a header that is cut, malformed or unknown.
    Partly,
    /// Not even the link layer.
    Not,
}

/// How the capturing machine's own kernel says a frame moved (cooked captures' packet type).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Motion {
    /// The link type does not say.
    #[default]
    Unsaid,
    /// Arrived for this machine, or as broadcast or multicast.
    In,
    /// Was sent by this machine.
    Out,
    /// Passed by, addressed to somebody else; a veth's frames towards a bridge's other ports look so.
    Passing,
}

/// The number of a place within its point, in order of first appearance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct LocalPlace(pub u16);

/// The number of a tunnel within its point, from 1 in order of first appearance; 0 is no tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct LocalTunnel(pub u16);

impl LocalTunnel {
    pub const NONE: Self = Self(0);
}

/// What the engine needs of one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Digest {
    pub key: Key,
    /// The key's hash under the run's seed; the flow table's only hash.
    pub hash: u32,
    /// TCP sequence and acknowledgement numbers; elsewhere as [`Kind`] says, or 0.
    pub seq: u32,
    pub ack: u32,
    /// Transport payload in bytes by the IP length, however little of it was captured.
    pub payload_len: u32,
    /// Offsets from the start of the frame to the innermost IP header, its transport header and its payload.
    pub network: u16,
    pub transport: u16,
    pub payload: u16,
    pub place: LocalPlace,
    pub tunnel: LocalTunnel,
    /// IPv4 identification; 0 where IPv6.
    pub ip_id: u16,
    pub ttl: u8,
    pub flags: u8,
    pub kind: Kind,
    pub understood: Understood,
    pub motion: Motion,
    /// The packet travels from the key's high end to its low end; its tunnel, from the tunnel's.
    pub reversed: bool,
    pub tunnel_reversed: bool,
    /// Of TCP: the payload begins as what tells a name does. Whoever decodes has the bytes at hand.
    pub may_tell: bool,
    /// What is asked of frames, and this one meets: a bit each. Decoding leaves them unset.
    pub marks: u8,
}

impl Digest {
    pub fn source(&self) -> Endpoint {
        self.key.ends(self.reversed).0
    }

    pub fn destination(&self) -> Endpoint {
        self.key.ends(self.reversed).1
    }

    /// The payload within the frame's bytes as far as it was captured, without what Ethernet pads short frames with.
    #[inline]
    pub fn payload_of<'a>(&self, frame: &'a [u8]) -> &'a [u8] {
        let payload = frame.get(self.payload as usize..).unwrap_or_default();
        &payload[..payload.len().min(self.payload_len as usize)]
    }
}

/// A frame's container facts, and where in the slab its bytes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub time: Timestamp,
    /// Offset of the first byte in [`Batch::slab`].
    pub start: u32,
    /// Bytes captured, and bytes there were on the wire.
    pub captured: u32,
    pub original: u32,
    /// Which of the point's interfaces (pcapng); 0 in a pcap file.
    pub interface: u16,
}

impl Head {
    pub fn range(&self) -> Range<usize> {
        self.start as usize..self.start as usize + self.captured as usize
    }
}

/// One interface of a point, as its container describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    pub link: LinkType,
    pub name: Option<Text>,
    /// Bytes kept of each frame at most; 0 is no limit.
    pub snap_length: u32,
}

/// The name of one of the kernel's interface indexes, as cooked v2 frames of an interface name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexName {
    /// The point's interface number, as in [`Head::interface`].
    pub interface: u16,
    pub index: u32,
    pub name: Text,
}

/// What an interface was captured with, as its container says: what it left out was never seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureFilter {
    /// The point's interface number, as in [`Head::interface`].
    pub interface: u16,
    pub expression: Text,
}

/// A place as frames name it: an interface, and in cooked captures a sub-division of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Spot {
    /// The point's interface number, as in [`Head::interface`].
    pub interface: u16,
    pub within: Within,
}

/// What tells places of one interface apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Within {
    /// The interface is one place.
    Whole,
    /// Cooked v2: the kernel's interface index.
    Index(u32),
    /// Cooked v1 has no index; its packet type stands in (0 host, 1 broadcast, 2 multicast, 3 otherhost, 4 outgoing).
    PacketType(u16),
}

/// A tunnel: kind, identifier and the outer addresses; equal in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tunnel {
    pub kind: TunnelKind,
    /// VXLAN network identifier and its like; `None` where the kind has none.
    pub id: Option<u32>,
    /// The smaller and the larger outer address.
    pub low: Address,
    pub high: Address,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TunnelKind {
    Vxlan,
    Geneve,
    /// With IP or Ethernet inside.
    Gre,
    /// A mirrored frame in GRE.
    Erspan,
    /// IPv4 or IPv6 directly inside either.
    Ipip,
}

impl TunnelKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
            Self::Gre => "gre",
            Self::Erspan => "erspan",
            Self::Ipip => "ipip",
        }
    }
}

/// An ICMP error about a packet of some conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IcmpError {
    pub sender: Address,
    pub v6: bool,
    pub kind: u8,
    pub code: u8,
}

/// Which part of a datagram a frame carries that does not carry all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// IPv4 and IPv6 identifications have 16 and 32 bits.
    pub id: u32,
    /// In bytes; 0 is the first, which has the ports, unless it is a [`Kind::Tail`] itself.
    pub offset: u16,
    pub more: bool,
}

/// Somebody says that an address is at a link-layer address: ARP (RFC 826), or neighbour discovery (RFC 4861).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    pub address: Address,
    pub mac: Mac,
    /// Nobody was asked for: a request in which an address only stands as sender.
    pub is_aside: bool,
}

/// Something that happened to a point, other than a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incident {
    /// The source says that it lost this many more frames.
    Dropped(u64),
    /// The source ended within a record, or its rest cannot be read; said in words, with the offset.
    Truncated(String),
    /// The source could not be opened; said in words.
    Unread(String),
    /// Reading ended before the source did.
    Unfinished,
    /// Another capture filter could not be set, and the one before stays; said in words.
    Unchanged(String),
    /// The interface went down or is gone, so that there was nothing to capture; said in words.
    Interrupted(String),
}

/// A slab of captured bytes with the facts about the frames in it: the boundary between reading and the engine.
///
/// `heads` and `digests` run in step. Interfaces, index names, places and tunnels are told once, in the batch where they
/// first appear; numbers continue from batch to batch of one point. An index may have no name.
#[derive(Debug)]
pub struct Batch {
    pub point: PointIndex,
    pub slab: Vec<u8>,
    pub heads: Vec<Head>,
    pub digests: Vec<Digest>,
    pub interfaces: Vec<Interface>,
    pub index_names: Vec<IndexName>,
    /// Those of interfaces that this batch is the first to tell of, and those that are set from this batch on.
    pub filters: Vec<CaptureFilter>,
    pub places: Vec<Spot>,
    pub tunnels: Vec<Tunnel>,
    /// (index of the frame in this batch, the error), ascending.
    pub icmp_errors: Vec<(u32, IcmpError)>,
    /// (index of the frame in this batch, its part), ascending: first fragments and later ones.
    pub fragments: Vec<(u32, Piece)>,
    /// (index of the frame in this batch, what it says), ascending.
    pub claims: Vec<(u32, Claim)>,
    pub incidents: Vec<Incident>,
}

impl Batch {
    /// Most frames in a batch; enough to pay for handing it over, few enough for its digests to stay in a cache.
    pub const FRAMES: usize = 2048;

    pub fn new(point: PointIndex) -> Self {
        Self {
            point,
            slab: Vec::new(),
            heads: Vec::with_capacity(Self::FRAMES),
            digests: Vec::with_capacity(Self::FRAMES),
            interfaces: Vec::new(),
            index_names: Vec::new(),
            filters: Vec::new(),
            places: Vec::new(),
            tunnels: Vec::new(),
            icmp_errors: Vec::new(),
            fragments: Vec::new(),
            claims: Vec::new(),
            incidents: Vec::new(),
        }
    }

    /// Forgets the frames, keeps the memory. The slab's length stays: its bytes are overwritten, not zeroed.
    pub fn clear(&mut self) {
        self.heads.clear();
        self.digests.clear();
        self.interfaces.clear();
        self.index_names.clear();
        self.filters.clear();
        self.places.clear();
        self.tunnels.clear();
        self.icmp_errors.clear();
        self.fragments.clear();
        self.claims.clear();
        self.incidents.clear();
    }

    /// Whether it tells nothing: no frame, and nothing else.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty() && !self.introduces() && self.incidents.is_empty()
    }

    /// Whether it tells something of interfaces.
    pub fn introduces(&self) -> bool {
        !(self.interfaces.is_empty() && self.index_names.is_empty() && self.filters.is_empty())
    }

    /// A batch that tells the same of interfaces, and nothing else.
    pub fn introduction(&self) -> Self {
        let mut same = Self::new(self.point);
        same.interfaces.clone_from(&self.interfaces);
        same.index_names.clone_from(&self.index_names);
        same.filters.clone_from(&self.filters);
        same
    }

    /// Takes over, behind what it has, what another batch of its point tells of interfaces.
    pub fn take_introduction(&mut self, from: &mut Self) {
        self.interfaces.append(&mut from.interfaces);
        self.index_names.append(&mut from.index_names);
        self.filters.append(&mut from.filters);
    }

    /// Adds a copy of a frame of another batch, without its digest.
    pub fn add(&mut self, from: &Self, head: &Head) {
        let start = self.heads.last().map_or(0, |last| last.range().end);
        let end = start + head.captured as usize;
        if self.slab.len() < end {
            self.slab.resize(end, 0);
        }
        self.slab[start..end].copy_from_slice(from.bytes(head));
        self.heads.push(Head { start: start as u32, ..*head });
    }

    pub fn bytes(&self, head: &Head) -> &[u8] {
        &self.slab[head.range()]
    }

    pub fn frame(&self, head: &Head, link: LinkType) -> Frame<'_> {
        Frame { time: head.time, link, bytes: self.bytes(head), original: head.original }
    }
}
