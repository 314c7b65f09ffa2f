//! Packets as bytes, and the link-layer headers that captures put before them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const ACK: u8 = 0x10;

pub(crate) type Mac = [u8; 6];

pub(crate) fn end(typed: &str) -> SocketAddr {
    typed.parse().unwrap_or_else(|_| panic!("`{typed}` is no ADDRESS:PORT"))
}

/// A packet as a place shows it.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) ttl: u8,
    pub(crate) id: u16,
    pub(crate) content: Content,
}

#[derive(Debug, Clone)]
pub(crate) enum Content {
    Tcp {
        seq: u32,
        ack: u32,
        flags: u8,
        payload: usize,
        timestamp: Option<u32>,
    },
    Udp {
        payload: Vec<u8>,
    },
    /// Anything in IP, or a part of it: flags and offset are those of the IPv4 header.
    Other {
        protocol: u8,
        fragment: u16,
        bytes: Vec<u8>,
    },
    /// An ICMP error about a packet.
    Error {
        kind: u8,
        code: u8,
        /// In the second half of the header's last word.
        mtu: u16,
        about: Box<Packet>,
    },
}

/// A TCP segment, to be said more of.
pub(crate) fn tcp(source: &str, destination: &str) -> Packet {
    let content = Content::Tcp { seq: 1, ack: 0, flags: 0, payload: 0, timestamp: None };
    Packet { source: end(source), destination: end(destination), ttl: 64, id: 1, content }
}

/// What `sender` answers to the packet `about`.
pub(crate) fn icmp(sender: &str, kind: u8, code: u8, mtu: u16, about: Packet) -> Packet {
    let source = SocketAddr::new(sender.parse().expect("an address"), 0);
    let destination = SocketAddr::new(about.source.ip(), 0);
    let content = Content::Error { kind, code, mtu, about: Box::new(about) };
    Packet { source, destination, ttl: 60, id: 9, content }
}

impl Packet {
    /// With these flags, sequence and acknowledgement numbers.
    pub(crate) fn segment(mut self, set: u8, number: u32, acknowledged: u32) -> Self {
        if let Content::Tcp { seq, ack, flags, .. } = &mut self.content {
            (*flags, *seq, *ack) = (set, number, acknowledged);
        }
        self
    }

    pub(crate) fn id(mut self, id: u16) -> Self {
        self.id = id;
        self
    }

    /// The IP packet.
    pub(crate) fn ip(&self) -> Vec<u8> {
        let content = self.transport();
        match (self.source.ip(), self.destination.ip()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let mut bytes = vec![0x45, 0];
                bytes.extend((20 + content.len() as u16).to_be_bytes());
                bytes.extend(self.id.to_be_bytes());
                let fragment = match &self.content {
                    Content::Other { fragment, .. } => *fragment,
                    _ => 0x4000,
                };
                bytes.extend(fragment.to_be_bytes());
                bytes.extend([self.ttl, self.protocol(), 0, 0]);
                bytes.extend(source.octets());
                bytes.extend(destination.octets());
                bytes.extend(content);
                bytes
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let mut bytes = vec![0x60, 0, 0, 0];
                bytes.extend((content.len() as u16).to_be_bytes());
                bytes.extend([self.protocol(), self.ttl]);
                bytes.extend(source.octets());
                bytes.extend(destination.octets());
                bytes.extend(content);
                bytes
            }
            _ => panic!("both ends of a packet are of one family"),
        }
    }

    fn protocol(&self) -> u8 {
        match &self.content {
            Content::Tcp { .. } => 6,
            Content::Udp { .. } => 17,
            Content::Other { protocol, .. } => *protocol,
            Content::Error { .. } if self.source.is_ipv6() => 58,
            Content::Error { .. } => 1,
        }
    }

    fn transport(&self) -> Vec<u8> {
        let ports = [self.source.port().to_be_bytes(), self.destination.port().to_be_bytes()].concat();
        match &self.content {
            Content::Tcp { seq, ack, flags, payload, timestamp } => {
                let words: u8 = if timestamp.is_some() { 8 } else { 5 };
                let mut bytes = ports;
                bytes.extend(seq.to_be_bytes());
                bytes.extend(ack.to_be_bytes());
                bytes.extend([words << 4, *flags, 0xff, 0xff, 0, 0, 0, 0]);
                if let Some(value) = timestamp {
                    bytes.extend([1, 1, 8, 10]);
                    bytes.extend(value.to_be_bytes());
                    bytes.extend([0; 4]);
                }
                bytes.resize(bytes.len() + payload, 0x5a);
                bytes
            }
            Content::Udp { payload } => {
                let mut bytes = ports;
                bytes.extend((8 + payload.len() as u16).to_be_bytes());
                bytes.extend([0, 0]);
                bytes.extend(payload);
                bytes
            }
            Content::Other { bytes, .. } => bytes.clone(),
            Content::Error { kind, code, mtu, about } => {
                let quoted = about.ip();
                let mut bytes = vec![*kind, *code, 0, 0, 0, 0];
                bytes.extend(mtu.to_be_bytes());
                bytes.extend(&quoted[..quoted.len().min(if about.source.is_ipv6() { 60 } else { 28 })]);
                bytes
            }
        }
    }
}

pub(crate) fn ethertype(ip: &[u8]) -> [u8; 2] {
    if ip[0] >> 4 == 4 { [0x08, 0x00] } else { [0x86, 0xdd] }
}

pub(crate) fn ethernet(ip: &[u8], source: Mac, destination: Mac) -> Vec<u8> {
    [&destination, &source, ethertype(ip).as_slice(), ip].concat()
}

/// Linux cooked v1; the packet type is 0 host, 3 otherhost, 4 outgoing. The last byte of the sender's address is `device`.
pub(crate) fn sll(ip: &[u8], packet_type: u8, device: u8) -> Vec<u8> {
    [[0, packet_type, 0, 1, 0, 6, 2, 0, 0, 0, 0, device, 0, 0].as_slice(), &ethertype(ip), ip].concat()
}

/// Linux cooked v2 with the kernel's interface index.
pub(crate) fn sll2(ip: &[u8], interface: u32, packet_type: u8) -> Vec<u8> {
    let index = interface.to_be_bytes();
    [&ethertype(ip), [0, 0].as_slice(), &index, &[0, 1, packet_type, 6, 2, 0, 0, 0, 0, 1, 0, 0], ip].concat()
}

/// An outer packet between two machines with `ip` inside VXLAN.
pub(crate) fn vxlan(ip: &[u8], from: Ipv4Addr, to: Ipv4Addr) -> Vec<u8> {
    let inner = ethernet(ip, [2, 0, 0, 0, 1, 1], [2, 0, 0, 0, 1, 2]);
    let payload = [[8, 0, 0, 0, 0, 0, 77, 0].as_slice(), &inner].concat();
    let outer = Packet {
        source: SocketAddr::new(from.into(), 51000),
        destination: SocketAddr::new(to.into(), 4789),
        ttl: 64,
        id: 3,
        content: Content::Udp { payload },
    };
    outer.ip()
}
