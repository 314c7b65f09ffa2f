//! Writes generated packets as a pcap file of cooked v2 or Ethernet frames with nanosecond times.
//!
//! ```text
//!  SLL2 (20)   protocol(2) 0(2) interface index(4) ARPHRD(2) packet type(1) address length(1) address(8), or
//!  Ethernet (14) destination(6) source(6) protocol(2)
//!  IPv4 (20)   RFC 791
//!  UDP  (8)    RFC 768, or
//!  TCP  (32/40) RFC 9293, with timestamps (RFC 7323); a SYN also has MSS, SACK permitted and window scale
//! ```

use std::io::{self, Write};

/// TCP flags (RFC 9293 §3.1).
pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const ACK: u8 = 0x10;

/// `LINKTYPE_LINUX_SLL2` and `LINKTYPE_ETHERNET`.
const SLL2: u32 = 276;
const ETHERNET: u32 = 1;
/// pcap with nanoseconds, in the byte order of the writer; ours is little-endian.
const MAGIC: u32 = 0xa1b2_3c4d;

const LINK: usize = 20;
/// An Ethernet header ends where a cooked one would.
const ETHERNET_AT: usize = LINK - 14;
const IP: usize = 20;
const UDP: usize = 8;
/// Up to TCP's fixed header; its options follow.
const FIXED: usize = LINK + IP + 20;

/// The link-layer addresses at the uplink.
const NODE: [u8; 6] = [2, 0, 192, 168, 12, 11];
const ROUTER: [u8; 6] = [2, 0, 192, 168, 12, 1];

/// Packet types of cooked captures.
const HOST: u8 = 0;
const OTHERHOST: u8 = 3;
const OUTGOING: u8 = 4;

/// A packet as its two ends know it, with what the node makes of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packet {
    /// UDP; of what says TCP below, nothing counts.
    pub(crate) is_datagram: bool,
    pub(crate) from_client: bool,
    pub(crate) client: [u8; 4],
    pub(crate) client_port: u16,
    /// What the node translates the client to.
    pub(crate) wire: [u8; 4],
    pub(crate) wire_port: u16,
    pub(crate) server: ([u8; 4], u16),
    /// Number of the pod: which veth it uses.
    pub(crate) pod: u32,
    pub(crate) flags: u8,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    /// Timestamp value and echo reply.
    pub(crate) stamps: (u32, u32),
    pub(crate) ip_id: u16,
    /// Bytes of payload.
    pub(crate) length: u16,
}

/// Where on the node a copy of a packet is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Veth,
    Bridge,
    Uplink,
}

/// What stands before the IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    Cooked,
    Ethernet,
}

/// A pcap file in the making.
pub(crate) struct Writer<W> {
    out: W,
    snap: u32,
    link: Link,
    headers: [u8; FIXED + 20],
    payload: [u8; 1_500],
}

impl<W: Write> Writer<W> {
    pub(crate) fn new(mut out: W, snap: u32, link: Link) -> io::Result<Self> {
        let number = match link {
            Link::Cooked => SLL2,
            Link::Ethernet => ETHERNET,
        };
        for word in [MAGIC, 2 | 4 << 16, 0, 0, snap, number] {
            out.write_all(&word.to_le_bytes())?;
        }
        // Every payload is the beginning of the same noise.
        let mut noise = 0x1234_5678_u32;
        let payload = std::array::from_fn(|_| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        });
        Ok(Self { out, snap, link, headers: [0; FIXED + 20], payload })
    }

    pub(crate) fn inner(&mut self) -> &mut W {
        &mut self.out
    }

    /// Writes the copy of `packet` that is seen at `place` at `time`.
    pub(crate) fn write(&mut self, time: u64, packet: &Packet, place: Place) -> io::Result<()> {
        let begin = match self.link {
            Link::Cooked => self.cooked(packet, place),
            Link::Ethernet => self.ethernet(packet),
        };
        let end = self.network(packet, place);
        let headers = end - begin;
        let original = headers + packet.length as usize;
        let captured = original.min(self.snap as usize);
        let (seconds, nanos) = (time / 1_000_000_000, time % 1_000_000_000);
        for word in [seconds as u32, nanos as u32, captured as u32, original as u32] {
            self.out.write_all(&word.to_le_bytes())?;
        }
        let of_headers = captured.min(headers);
        self.out.write_all(&self.headers[begin..begin + of_headers])?;
        self.out.write_all(&self.payload[..captured - of_headers])
    }

    /// Fills in a cooked header; returns where in `headers` it begins.
    fn cooked(&mut self, packet: &Packet, place: Place) -> usize {
        let (index, arriving) = match place {
            Place::Uplink => (2, HOST),
            Place::Bridge => (3, HOST),
            // A frame that its pod addressed to the bridge passes the veth by.
            Place::Veth => (10 + packet.pod, OTHERHOST),
        };
        let leaves = packet.from_client == (place == Place::Uplink);
        let sender: [u8; 6] = match (place, packet.from_client) {
            (Place::Uplink, true) => NODE,
            (Place::Uplink, false) => ROUTER,
            (_, true) => [10, 88, packet.client[0], packet.client[1], packet.client[2], packet.client[3]],
            (_, false) => [2, 0, 10, 128, 0, 1],
        };
        let header = &mut self.headers[..LINK];
        header.fill(0);
        header[0..2].copy_from_slice(&0x0800_u16.to_be_bytes());
        header[4..8].copy_from_slice(&index.to_be_bytes());
        header[8..10].copy_from_slice(&1_u16.to_be_bytes());
        header[10] = if leaves { OUTGOING } else { arriving };
        header[11] = 6;
        header[12..18].copy_from_slice(&sender);
        0
    }

    /// Fills in the Ethernet header of the uplink; returns where in `headers` it begins.
    fn ethernet(&mut self, packet: &Packet) -> usize {
        let (destination, source) = if packet.from_client { (ROUTER, NODE) } else { (NODE, ROUTER) };
        let header = &mut self.headers[ETHERNET_AT..LINK];
        header[0..6].copy_from_slice(&destination);
        header[6..12].copy_from_slice(&source);
        header[12..14].copy_from_slice(&0x0800_u16.to_be_bytes());
        ETHERNET_AT
    }

    /// Fills in the IP and TCP headers; returns where in `headers` they end.
    fn network(&mut self, packet: &Packet, place: Place) -> usize {
        let client = match place {
            Place::Uplink => (packet.wire, packet.wire_port),
            Place::Veth | Place::Bridge => (packet.client, packet.client_port),
        };
        let (source, destination) =
            if packet.from_client { (client, packet.server) } else { (packet.server, client) };
        let options = tcp_options(packet);
        let transport = if packet.is_datagram { UDP } else { 20 + options.len() };
        let total = IP + transport + packet.length as usize;
        let ttl = match (packet.from_client, place) {
            (true, Place::Uplink) => 63,
            (true, _) => 64,
            (false, Place::Uplink) => 57,
            (false, _) => 56,
        };

        let ip = &mut self.headers[LINK..LINK + IP];
        ip[..4].copy_from_slice(&[0x45, 0, (total >> 8) as u8, total as u8]);
        ip[4..6].copy_from_slice(&packet.ip_id.to_be_bytes());
        // Do not fragment; TCP or UDP; the checksum follows.
        ip[6..12].copy_from_slice(&[0x40, 0, ttl, if packet.is_datagram { 17 } else { 6 }, 0, 0]);
        ip[12..16].copy_from_slice(&source.0);
        ip[16..20].copy_from_slice(&destination.0);
        let checksum = checksum(ip);
        ip[10..12].copy_from_slice(&checksum.to_be_bytes());

        let tcp = &mut self.headers[LINK + IP..];
        tcp[0..2].copy_from_slice(&source.1.to_be_bytes());
        tcp[2..4].copy_from_slice(&destination.1.to_be_bytes());
        if packet.is_datagram {
            // No checksum.
            tcp[4..6].copy_from_slice(&(transport as u16 + packet.length).to_be_bytes());
            tcp[6..8].fill(0);
            return LINK + IP + transport;
        }
        tcp[4..8].copy_from_slice(&packet.seq.to_be_bytes());
        tcp[8..12].copy_from_slice(&packet.ack.to_be_bytes());
        tcp[12] = (((20 + options.len()) / 4) << 4) as u8;
        tcp[13] = packet.flags;
        tcp[14..20].copy_from_slice(&[0xfa, 0xf0, 0, 0, 0, 0]);
        tcp[20..20 + options.len()].copy_from_slice(&options);
        FIXED + options.len()
    }
}

fn tcp_options(packet: &Packet) -> Vec<u8> {
    let mut options = Vec::with_capacity(20);
    if packet.flags & SYN != 0 {
        // MSS 1410, SACK permitted.
        options.extend([2, 4, 0x05, 0x82, 4, 2]);
    } else {
        options.extend([1, 1]);
    }
    options.extend([8, 10]);
    options.extend(packet.stamps.0.to_be_bytes());
    options.extend(packet.stamps.1.to_be_bytes());
    if packet.flags & SYN != 0 {
        // No operation, window scale 10.
        options.extend([1, 3, 3, 10]);
    }
    options
}

/// The Internet checksum (RFC 1071) of an IP header whose own checksum field is 0.
fn checksum(header: &[u8]) -> u16 {
    let mut sum: u32 =
        header.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
