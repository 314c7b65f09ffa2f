//! A frame read slowly: where it was seen, and every conversation whose headers it carries.

use std::net::SocketAddr;

use egret::decode::{self, Options};
use egret::digest::{echo, protocol, tcp};
use egret::frame::LinkType;
use egret::net::{Address, Mac};
use egret::packet::Header;

/// A transport header with the addresses before it. Numbers are those of [`egret::digest::Kind`]: an echo's identifier is
/// its requester's port, what has no ports has zeros.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Transport {
    pub(crate) protocol: u8,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    /// Where in the frame it begins.
    pub(crate) at: usize,
    /// Where what it carries begins, and how long that is by the IP header.
    pub(crate) payload: usize,
    pub(crate) length: u32,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: u8,
    pub(crate) ip_id: u16,
    /// It stands in a packet that an ICMP error quotes.
    pub(crate) is_quoted: bool,
    /// Identifier, or 0, and outer addresses, the smaller first, of the outermost tunnel around it.
    pub(crate) tunnel: Option<(u32, Address, Address)>,
}

impl Transport {
    /// Where the port stands that a NAT rewrites: the client's, or an echo's identifier.
    pub(crate) fn port_at(&self, is_out: bool) -> Option<usize> {
        match self.protocol {
            protocol::TCP | protocol::UDP | protocol::SCTP => Some(self.at + if is_out { 0 } else { 2 }),
            // RFC 792, RFC 4443 §4: type, code, checksum, identifier.
            protocol::ICMP | protocol::ICMPV6 => Some(self.at + 4),
            _ => None,
        }
    }

    /// Whether it begins a TCP connection, or answers that.
    pub(crate) fn is_syn(&self) -> bool {
        self.protocol == protocol::TCP && self.flags & tcp::SYN != 0
    }
}

/// Where a frame was seen, as its link layer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Sight {
    /// Of cooked captures: interface index (v2) and packet type.
    pub(crate) index: Option<u32>,
    pub(crate) packet_type: Option<u16>,
    pub(crate) source: Option<Mac>,
}

/// What `bytes` carry, outermost first. Outer headers of tunnels are left out.
pub(crate) fn read(link: LinkType, bytes: &[u8]) -> (Sight, Vec<Transport>) {
    let mut sight = Sight { index: None, packet_type: None, source: None };
    let mut found: Vec<Transport> = Vec::new();
    let (mut addresses, mut ip_id) = ((Address::default(), Address::default()), 0);
    let (mut is_quoted, mut tunnel) = (false, None);
    for layer in decode::packet(bytes, link, &Options::default()).layers {
        let end = |address: Address, port: u16| SocketAddr::new(address.ip(), port);
        let transport = |protocol, (source, destination): (u16, u16), length: Option<u32>| Transport {
            protocol,
            source: end(addresses.0, source),
            destination: end(addresses.1, destination),
            at: layer.range.start,
            payload: layer.range.end,
            length: length.unwrap_or(bytes.len().saturating_sub(layer.range.end) as u32),
            seq: 0,
            ack: 0,
            flags: 0,
            ip_id,
            is_quoted,
            tunnel,
        };
        match layer.header {
            Header::Ethernet { source, .. } if layer.range.start == 0 => sight.source = Some(source),
            Header::Sll { packet_type, source, .. } => {
                (sight.packet_type, sight.source) = (Some(packet_type), source);
            }
            Header::Sll2 { packet_type, source, interface, .. } => {
                (sight.packet_type, sight.source) = (Some(packet_type.into()), source);
                sight.index = Some(interface);
            }
            Header::Ipv4 { source, destination, id, .. } => (addresses, ip_id) = ((source, destination), id),
            Header::Ipv6 { source, destination, .. } => (addresses, ip_id) = ((source, destination), 0),
            Header::Tcp { source, destination, seq, ack, flags, payload, .. } => {
                let transport = transport(protocol::TCP, (source, destination), payload.0);
                found.push(Transport { seq, ack, flags, ..transport });
            }
            Header::TcpStart { source, destination, seq } => {
                let transport = transport(protocol::TCP, (source, destination), None);
                found.push(Transport { seq, ..transport });
            }
            Header::Udp { source, destination, payload, .. } => {
                found.push(transport(protocol::UDP, (source, destination), payload.0));
            }
            Header::Sctp { source, destination, tag, chunk, initiate, payload } => {
                let transport = transport(protocol::SCTP, (source, destination), payload.0);
                found.push(Transport {
                    seq: tag,
                    ack: initiate,
                    flags: chunk.unwrap_or(u8::MAX),
                    ..transport
                });
            }
            Header::Echo { v6, is_reply, id, seq, payload } => {
                let (ports, flags) = if is_reply { ((0, id), echo::REPLY) } else { ((id, 0), echo::REQUEST) };
                let number = if v6 { protocol::ICMPV6 } else { protocol::ICMP };
                found.push(Transport { seq: seq.into(), flags, ..transport(number, ports, payload.0) });
            }
            Header::Esp { spi, seq, payload } => {
                found.push(Transport { seq: spi, ack: seq, ..transport(protocol::ESP, (0, 0), payload.0) });
            }
            Header::Opaque { protocol, payload } => found.push(transport(protocol, (0, 0), payload.0)),
            Header::Icmp { .. } => is_quoted = true,
            Header::Vxlan { .. } | Header::Geneve { .. } | Header::Gre { .. } | Header::Ipip => {
                let id = match layer.header {
                    Header::Vxlan { vni } | Header::Geneve { vni, .. } => {
                        found.pop();
                        Some(vni)
                    }
                    Header::Gre { key, .. } => key,
                    _ => None,
                };
                let (low, high) = (addresses.0.min(addresses.1), addresses.0.max(addresses.1));
                tunnel = tunnel.or(Some((id.unwrap_or(0), low, high)));
            }
            _ => {}
        }
    }
    (sight, found)
}
