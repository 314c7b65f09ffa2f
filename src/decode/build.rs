//! Frames for tests, written from the inside out: `udp(53, 4000).in4("10.0.0.1", "10.0.0.2").ethernet()`.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::decode::full::{Full, full};
use crate::decode::link::ethertype;
use crate::decode::{KeyHasher, Options};
use crate::digest::{Digest, protocol, tcp as flag};
use crate::frame::LinkType;

/// Bytes, and what the header to be put before them must call them.
#[derive(Debug, Clone)]
pub(crate) struct Inner {
    pub(crate) wire: Vec<u8>,
    protocol: u8,
    ethertype: u16,
}

/// A SYN-ACK without options that carries `payload` bytes.
pub(crate) fn tcp(source: u16, destination: u16, payload: usize) -> Inner {
    tcp_with(source, destination, &[], payload)
}

pub(crate) const SEQ: u32 = 0x0102_0304;
pub(crate) const ACK: u32 = 0x0506_0708;

/// The same with `options`, whose length must be a multiple of 4.
pub(crate) fn tcp_with(source: u16, destination: u16, options: &[u8], payload: usize) -> Inner {
    let mut bytes = Vec::new();
    bytes.extend(source.to_be_bytes());
    bytes.extend(destination.to_be_bytes());
    bytes.extend(SEQ.to_be_bytes());
    bytes.extend(ACK.to_be_bytes());
    bytes.extend([((5 + options.len() / 4) << 4) as u8, flag::SYN | flag::ACK, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.extend(options);
    bytes.resize(bytes.len() + payload, 0xaa);
    Inner { wire: bytes, protocol: protocol::TCP, ethertype: 0 }
}

pub(crate) fn udp(source: u16, destination: u16, payload: &[u8]) -> Inner {
    let mut bytes = Vec::new();
    bytes.extend(source.to_be_bytes());
    bytes.extend(destination.to_be_bytes());
    bytes.extend((8 + payload.len() as u16).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    Inner { wire: bytes, protocol: protocol::UDP, ethertype: 0 }
}

/// An ICMP message of type `kind` and code 1 that carries `quote`.
pub(crate) fn icmp(number: u8, kind: u8, quote: &[u8]) -> Inner {
    let bytes = [&[kind, 1, 0, 0, 0, 0, 0, 0], quote].concat();
    Inner { wire: bytes, protocol: number, ethertype: 0 }
}

/// An echo message of `kind` with identifier 7 and sequence number 9.
pub(crate) fn echo(number: u8, kind: u8, payload: &[u8]) -> Inner {
    let bytes = [&[kind, 0, 0, 0, 0, 7, 0, 9], payload].concat();
    Inner { wire: bytes, protocol: number, ethertype: 0 }
}

pub(crate) const TAG: u32 = 0x0a0b_0c0d;

/// An SCTP packet with verification tag [`TAG`] and these chunks.
pub(crate) fn sctp(source: u16, destination: u16, chunks: &[u8]) -> Inner {
    let mut bytes = Vec::new();
    bytes.extend(source.to_be_bytes());
    bytes.extend(destination.to_be_bytes());
    bytes.extend(TAG.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(chunks);
    Inner { wire: bytes, protocol: protocol::SCTP, ethertype: 0 }
}

/// An SCTP INIT chunk with initiate tag 5.
pub(crate) const INIT: [u8; 20] = [1, 0, 0, 20, 0, 0, 0, 5, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1];

/// An ARP message; the sender's link-layer address is 02:00:00:00:00:01.
pub(crate) fn arp(operation: u8, sender: &str, target: &str) -> Inner {
    let octets = |typed: &str| typed.parse::<Ipv4Addr>().expect("an address").octets();
    let bytes = [
        [0, 1, 8, 0, 6, 4, 0, operation, 2, 0, 0, 0, 0, 1].as_slice(),
        &octets(sender),
        &[0; 6],
        &octets(target),
    ]
    .concat();
    raw(ethertype::ARP, &bytes)
}

/// A message of neighbour discovery about `target`, with an option that holds 02:00:00:00:00:01.
pub(crate) fn neighbour(kind: u8, target: &str) -> Inner {
    let option = if kind == 136 { 2 } else { 1 };
    let target = target.parse::<Ipv6Addr>().expect("an address").octets();
    let target: &[u8] = if kind == 133 { &[] } else { &target };
    let bytes =
        [&[kind, 0, 0, 0, 0, 0, 0, 0], target, &[14, 1, 0, 0, 0, 0, 0, 0], &[option, 1, 2, 0, 0, 0, 0, 1]];
    content(protocol::ICMPV6, &bytes.concat())
}

/// The payload of a link header that calls it `ethertype`.
pub(crate) fn raw(ethertype: u16, bytes: &[u8]) -> Inner {
    Inner { wire: bytes.to_vec(), protocol: 0, ethertype }
}

/// The payload of an IP packet that calls it `protocol`.
pub(crate) fn content(protocol: u8, bytes: &[u8]) -> Inner {
    Inner { wire: bytes.to_vec(), protocol, ethertype: 0 }
}

pub(crate) const IP_ID: u16 = 0x1234;
pub(crate) const TTL: u8 = 63;

impl Inner {
    /// Within an IPv4 packet.
    pub(crate) fn in4(self, source: &str, destination: &str) -> Self {
        self.in4_with(source, destination, &[], 0x4000)
    }

    /// Within an IPv4 packet with `options` (a multiple of 4 bytes) and this word of flags and offset.
    pub(crate) fn in4_with(self, source: &str, destination: &str, options: &[u8], fragment: u16) -> Self {
        let length = 20 + options.len();
        let mut bytes = vec![0x40 | (length / 4) as u8, 0];
        bytes.extend(((length + self.wire.len()) as u16).to_be_bytes());
        bytes.extend(IP_ID.to_be_bytes());
        bytes.extend(fragment.to_be_bytes());
        bytes.extend([TTL, self.protocol, 0, 0]);
        bytes.extend(source.parse::<Ipv4Addr>().expect("an address").octets());
        bytes.extend(destination.parse::<Ipv4Addr>().expect("an address").octets());
        bytes.extend(options);
        bytes.extend(self.wire);
        Self { wire: bytes, protocol: 4, ethertype: ethertype::IPV4 }
    }

    /// Within an IPv6 packet.
    pub(crate) fn in6(self, source: &str, destination: &str) -> Self {
        self.in6_with(source, destination, TTL)
    }

    /// Within an IPv6 packet with this hop limit.
    pub(crate) fn in6_with(self, source: &str, destination: &str, hop_limit: u8) -> Self {
        let mut bytes = vec![0x60, 0, 0, 0];
        bytes.extend((self.wire.len() as u16).to_be_bytes());
        bytes.extend([self.protocol, hop_limit]);
        bytes.extend(source.parse::<Ipv6Addr>().expect("an address").octets());
        bytes.extend(destination.parse::<Ipv6Addr>().expect("an address").octets());
        bytes.extend(self.wire);
        Self { wire: bytes, protocol: 41, ethertype: ethertype::IPV6 }
    }

    /// Behind an IPv6 extension header of type `number`, eight bytes long.
    pub(crate) fn behind(self, number: u8, rest: [u8; 7]) -> Self {
        let mut bytes = vec![self.protocol];
        bytes.extend(rest);
        bytes.extend(self.wire);
        Self { wire: bytes, protocol: number, ethertype: 0 }
    }

    /// Within a VLAN tag of type `ethertype`.
    pub(crate) fn tagged(self, ethertype: u16, id: u16) -> Self {
        let bytes = [&id.to_be_bytes(), &self.ethertype.to_be_bytes(), self.wire.as_slice()].concat();
        Self { wire: bytes, protocol: 0, ethertype }
    }

    pub(crate) fn ethernet(self) -> Vec<u8> {
        [[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1].as_slice(), &self.ethertype.to_be_bytes(), &self.wire].concat()
    }

    pub(crate) fn sll(self, packet_type: u16) -> Vec<u8> {
        [
            packet_type.to_be_bytes().as_slice(),
            &[0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0],
            &self.ethertype.to_be_bytes(),
            &self.wire,
        ]
        .concat()
    }

    pub(crate) fn sll2(self, interface: u32, packet_type: u8) -> Vec<u8> {
        [
            self.ethertype.to_be_bytes().as_slice(),
            &[0, 0],
            &interface.to_be_bytes(),
            &[0, 1, packet_type, 6, 2, 0, 0, 0, 0, 1, 0, 0],
            &self.wire,
        ]
        .concat()
    }

    /// Behind the address family of a BSD loopback capture.
    pub(crate) fn family(self, family: [u8; 4]) -> Vec<u8> {
        [family.as_slice(), &self.wire].concat()
    }

    /// An Ethernet frame of this within a VXLAN datagram.
    pub(crate) fn vxlan(self, port: u16, vni: u32) -> Self {
        let header = (u64::from(0x08_u8) << 56 | u64::from(vni) << 8).to_be_bytes();
        udp(40000, port, &[header.as_slice(), &self.ethernet()].concat())
    }
}

impl Inner {
    /// Within a Geneve datagram with these options (a multiple of 4 bytes), as Ethernet or as it is.
    pub(crate) fn geneve(self, port: u16, vni: u32, options: &[u8], is_bridged: bool) -> Self {
        let (number, content) =
            if is_bridged { (ethertype::BRIDGED, self.ethernet()) } else { (self.ethertype, self.wire) };
        let mut bytes = vec![(options.len() / 4) as u8, 0];
        bytes.extend(number.to_be_bytes());
        bytes.extend((vni << 8).to_be_bytes());
        bytes.extend(options);
        bytes.extend(content);
        udp(40000, port, &bytes)
    }

    /// Behind a GRE header with these flags, words that they announce, and content type.
    pub(crate) fn gre(self, flags: u16, words: &[u32], number: u16) -> Self {
        let mut bytes = flags.to_be_bytes().to_vec();
        bytes.extend(number.to_be_bytes());
        bytes.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        bytes.extend(self.wire);
        content(protocol::GRE, &bytes)
    }

    /// An Ethernet frame of this, as the content of whatever carries frames.
    pub(crate) fn framed(self) -> Self {
        raw(ethertype::BRIDGED, &self.ethernet())
    }

    /// Behind a label stack with these labels, as the content of a link.
    pub(crate) fn labelled(self, labels: &[u32]) -> Self {
        let entry = |(index, label): (usize, &u32)| {
            (label << 12 | u32::from(index + 1 == labels.len()) << 8 | 64).to_be_bytes()
        };
        let stack: Vec<u8> = labels.iter().enumerate().flat_map(entry).collect();
        raw(ethertype::MPLS, &[stack, self.wire].concat())
    }

    /// Behind SNAP, as the content of a link that states its length.
    pub(crate) fn snapped(self) -> Self {
        let header = [0xaa, 0xaa, 3, 0, 0, 0];
        let bytes = [header.as_slice(), &self.ethertype.to_be_bytes(), &self.wire].concat();
        raw(bytes.len() as u16, &bytes)
    }

    /// In a session of PPP over Ethernet.
    pub(crate) fn pppoe(self) -> Self {
        let number: u16 = if self.ethertype == ethertype::IPV6 { 0x57 } else { 0x21 };
        let length = (self.wire.len() as u16 + 2).to_be_bytes();
        let header = [0x11, 0, 0, 9, length[0], length[1]];
        raw(ethertype::PPPOE, &[header.as_slice(), &number.to_be_bytes(), &self.wire].concat())
    }

    /// As an 802.11 frame from a station to its access point.
    pub(crate) fn wifi(self) -> Vec<u8> {
        let mut header = [0_u8; 26];
        header[..2].copy_from_slice(&[0x88, 0x01]);
        header[10..16].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
        header[16..22].copy_from_slice(&[2, 0, 0, 0, 0, 2]);
        [header.as_slice(), &self.snapped().wire].concat()
    }

    /// This behind `bytes`, which are not told apart from it.
    pub(crate) fn after(self, bytes: &[u8]) -> Self {
        Self { wire: [bytes, &self.wire].concat(), ..self }
    }
}

/// An option of Open Virtual Network: class 0x0102, type 0x80, four bytes.
pub(crate) const GENEVE_OPTION: [u8; 8] = [1, 2, 0x80, 1, 0, 1, 0, 2];

/// The full digest of a frame that was captured whole.
pub(super) fn read(link: LinkType, bytes: &[u8]) -> Full {
    full(bytes, link, bytes.len() as u32, &Options::default(), &KeyHasher::new(1))
}

/// Source and destination of a digest's packet.
pub(crate) fn ends(digest: &Digest) -> String {
    format!("{} > {}", digest.source(), digest.destination())
}

/// Frames of every kind that is followed, on every link type.
pub(crate) fn samples() -> Vec<(LinkType, Vec<u8>)> {
    let (a, b, x, y) = ("10.128.0.5", "203.0.113.25", "fd00::5", "2001:db8::25");
    let (n, m) = ("192.168.12.11", "192.168.12.12");
    let inner = [
        tcp(40001, 443, 30).in4(a, b),
        tcp_with(40001, 443, &[1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0], 0).in4(a, b),
        udp(5353, 53, b"query").in4(b, a),
        tcp(40001, 443, 3).in4_with(a, b, &[1; 8], 0x4000),
        tcp(40001, 443, 3).in4_with(a, b, &[], 0x2000),
        tcp(40001, 443, 3).in4_with(a, b, &[], 0x2001),
        tcp(443, 40001, 30).in6(y, x),
        udp(53, 5353, b"answer").in6(x, y),
        udp(53, 5353, b"first").behind(44, [0, 0, 1, 0, 0, 0, 7]).in6(x, y),
        udp(53, 5353, b"tail").behind(44, [0, 0, 8, 0, 0, 0, 7]).in6(x, y),
        tcp(40001, 443, 3).behind(60, [0, 1, 4, 0, 0, 0, 0]).behind(0, [0, 1, 4, 0, 0, 0, 0]).in6(x, y),
        icmp(protocol::ICMP, 3, &tcp(40001, 443, 0).in4(a, b).wire[..28]).in4("192.168.12.1", a),
        icmp(protocol::ICMPV6, 2, &tcp(40001, 443, 0).in6(x, y).wire).in6(y, x),
        icmp(protocol::ICMP, 13, b"time").in4(a, b),
        tcp(40001, 443, 30).in4(a, b).vxlan(4789, 77).in4("192.168.12.11", "192.168.12.12"),
        echo(protocol::ICMP, 8, b"ping").in4(a, b),
        echo(protocol::ICMPV6, 129, b"pong").in6(x, y),
        icmp(protocol::ICMP, 3, &echo(protocol::ICMP, 8, b"ping").in4(a, b).wire).in4(b, a),
        sctp(2905, 36412, &INIT).in4(a, b),
        sctp(2905, 36412, &[0, 3, 0, 4]).in6(x, y),
        icmp(protocol::ICMP, 3, &sctp(2905, 36412, &INIT).in4(a, b).wire[..28]).in4(b, a),
        content(protocol::ESP, b"SPI.seq.encrypted").in4(a, b),
        content(89, b"ospf").in4(a, b),
        content(89, b"ospf").in4(a, "224.0.0.5"),
        content(50, b"first").behind(44, [0, 0, 1, 0, 0, 0, 7]).in6(x, y),
        tcp(40001, 443, 30).in4(a, b).geneve(6081, 3, &GENEVE_OPTION, true).in4(n, m),
        tcp(40001, 443, 30).in6(x, y).geneve(6081, 3, &[], false).in4(n, m),
        tcp(40001, 443, 30).in4(a, b).gre(0xb000, &[0, 9, 1], ethertype::IPV4).in4(n, m),
        udp(5353, 53, b"query").in6(x, y).framed().gre(0x2000, &[0x0003_0700], ethertype::BRIDGED).in4(n, m),
        tcp(40001, 443, 3)
            .in4(a, b)
            .framed()
            .after(&[0x10, 0, 0, 5, 0, 0, 0, 0])
            .gre(0x1000, &[1], 0x88be)
            .in4(n, m),
        content(protocol::GRE, &[0x30, 1, 0x88, 0x0b, 0, 4, 0, 1, 0, 0, 0, 1, 0xff, 3, 0, 0x21]).in4(n, m),
        tcp(40001, 443, 30).in6(x, y).in4(n, m),
        tcp(40001, 443, 30).in4(a, b).in4(n, m),
        arp(1, a, "10.128.0.1"),
        neighbour(135, y).in6_with(x, "ff02::1", 255),
        neighbour(136, y).in6_with(y, x, 255),
    ];
    let mut frames = Vec::new();
    for packet in inner {
        frames.push((LinkType::ETHERNET, packet.clone().ethernet()));
        frames.push((LinkType::ETHERNET, packet.clone().tagged(ethertype::VLAN, 100).ethernet()));
        let twice = packet.clone().tagged(ethertype::VLAN, 100).tagged(ethertype::SERVICE_VLAN, 7);
        frames.push((LinkType::ETHERNET, twice.ethernet()));
        frames.push((LinkType::LINUX_SLL, packet.clone().sll(4)));
        frames.push((LinkType::LINUX_SLL2, packet.clone().sll2(12, 3)));
        frames.push((LinkType::RAW, packet.wire.clone()));
        frames.push((LinkType::IPV4, packet.wire.clone()));
        frames.push((LinkType::IPV6, packet.wire.clone()));
        frames.push((LinkType::NULL, packet.clone().family([2, 0, 0, 0])));
        frames.push((LinkType::LOOP, packet.family([0, 0, 0, 24])));
    }
    frames.extend(other_links(&tcp(40001, 443, 30).in4(a, b)));
    frames.extend(other_links(&udp(53, 5353, b"answer").in6(x, y)));
    frames
}

/// The same IP packet over every link that is not so common, and behind every header that comes before IP.
pub(crate) fn other_links(packet: &Inner) -> Vec<(LinkType, Vec<u8>)> {
    let is_6 = packet.ethertype == ethertype::IPV6;
    let ppp = [0xff, 3, 0, if is_6 { 0x57 } else { 0x21 }];
    let nlpid = if is_6 { 0x8e } else { 0xcc };
    let behind_type = |tag: &[u8]| [tag, &packet.ethertype.to_be_bytes(), &packet.wire].concat();
    let behind = |header: &[u8]| [header, &packet.wire].concat();
    let (wifi, snapped) = (packet.clone().wifi(), packet.clone().snapped());
    let frame = packet.clone().framed();
    let length = (packet.wire.len() as u16 + 4).to_le_bytes();
    vec![
        (LinkType::PPP, behind(&ppp)),
        (LinkType::PPP, behind(&ppp[3..])),
        (LinkType::PPP_HDLC, behind(&ppp)),
        (LinkType::PPP_ETHER, packet.clone().pppoe().wire),
        (LinkType::C_HDLC, [[0x0f, 0].as_slice(), &packet.ethertype.to_be_bytes(), &packet.wire].concat()),
        (LinkType::FRELAY, behind(&[0x18, 0x41, 3, nlpid])),
        (LinkType::FRELAY, behind(&[0x18, 0x41, 3, 0, nlpid])),
        (LinkType::FRELAY, [[0x18, 0x41].as_slice(), &packet.ethertype.to_be_bytes(), &packet.wire].concat()),
        (LinkType::FRELAY, [[0x18, 0x41, 3, 0, 0x80].as_slice(), &snapped.wire[3..]].concat()),
        (LinkType::FDDI, [[0x50, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1].as_slice(), &snapped.wire].concat()),
        (LinkType::IEEE802_11, wifi.clone()),
        (LinkType::IEEE802_11_RADIOTAP, [[0, 0, 8, 0, 0, 0, 0, 0].as_slice(), &wifi].concat()),
        (LinkType::PPI, [[0, 0, 8, 0, 105, 0, 0, 0].as_slice(), &wifi].concat()),
        (
            LinkType::NFLOG,
            behind(&[
                if is_6 { 10 } else { 2 },
                0,
                0,
                0,
                5,
                0,
                10,
                0,
                0,
                0,
                0,
                0,
                length[0],
                length[1],
                9,
                0,
            ]),
        ),
        (LinkType::LINUX_SLL, raw(4, &snapped.wire).sll(0)),
        (LinkType::ETHERNET, snapped.clone().ethernet()),
        (LinkType::ETHERNET, snapped.tagged(ethertype::VLAN, 7).ethernet()),
        (LinkType::ETHERNET, packet.clone().pppoe().ethernet()),
        (LinkType::ETHERNET, packet.clone().labelled(&[16, 17, 18]).ethernet()),
        (LinkType::ETHERNET, frame.clone().labelled(&[16]).ethernet()),
        (LinkType::ETHERNET, raw(ethertype::PORT_TAG, &behind_type(&[0; 4])).ethernet()),
        (LinkType::ETHERNET, raw(ethertype::EXTENDED_PORT_TAG, &behind_type(&[0; 6])).ethernet()),
        (LinkType::ETHERNET, frame.clone().after(&[0, 0, 0, 1]).labelled(&[16, 17]).ethernet()),
        (
            LinkType::ETHERNET,
            raw(ethertype::SERVICE_INSTANCE, &[&[0, 0, 0, 5], frame.wire.as_slice()].concat()).ethernet(),
        ),
        (
            LinkType::ETHERNET,
            (0..8).fold(packet.clone(), |packet, id| packet.tagged(ethertype::VLAN, id)).ethernet(),
        ),
    ]
}
