//! A frame's digest, fast or not, must name the conversation that its layers do.
//!
//! The conversation is taken from the layers by other code than egret's own: the innermost IP header that no ICMP
//! error quotes with the transport above it, or for an error the packet that it quotes.

use egret::digest::{Digest, Key, Kind, protocol};
use egret::net::{Address, Endpoint};
use egret::packet::{Header, Layer, Packet};

use crate::observe::Sight;
use crate::view::Conveyed;

/// What is wrong with the digest, if anything is.
pub(crate) fn fault(sight: &Sight<'_>, conveyed: &[Conveyed]) -> Option<String> {
    let (digest, packet) = (&sight.digest, &sight.packet);
    let wanted = wanted(packet, conveyed);
    let got = (digest.kind, digest.key, digest.reversed);
    let is_right = match wanted {
        // What the layers leave without a name may still be a tail or an opaque protocol of two addresses.
        Wanted::Addresses(source, destination) => match digest.kind {
            Kind::Other => true,
            Kind::Tail | Kind::Opaque => {
                let (key, reversed) = key(source, destination, (0, 0), digest.key.protocol);
                (digest.key, digest.reversed) == (key, reversed)
            }
            Kind::Echo => is_echo(digest, source, destination),
            _ => false,
        },
        Wanted::Nothing => digest.kind == Kind::Other && digest.key == Key::default(),
        Wanted::Exactly(kind, key, reversed) => got == (kind, key, reversed),
    };
    (!is_right).then(|| format!("frame {}: digest {:?} {:?}, layers {wanted:?}", sight.number, got.0, got.1))
}

#[derive(Debug)]
enum Wanted {
    Nothing,
    Addresses(Address, Address),
    Exactly(Kind, Key, bool),
}

fn wanted(packet: &Packet, conveyed: &[Conveyed]) -> Wanted {
    if let Some(at) = packet.layers.iter().position(|layer| matches!(layer.header, Header::Icmp { .. })) {
        return quoted(&packet.layers[at + 1..]).map_or(Wanted::Nothing, |(source, destination, number)| {
            let (key, reversed) = Key::of(source, destination, number);
            Wanted::Exactly(Kind::IcmpError, key, reversed)
        });
    }
    // A tunnel that was opened and holds no IP leaves no conversation.
    let opened = packet.layers.iter().rposition(|layer| opens(&layer.header));
    let Some(last) = conveyed.last().filter(|last| opened.is_none_or(|at| at < last.layer)) else {
        return Wanted::Nothing;
    };
    let named = packet.layers[last.layer..].iter().find_map(|Layer { header, .. }| match *header {
        Header::Tcp { source, destination, .. } => Some((Kind::Tcp, protocol::TCP, (source, destination))),
        Header::Udp { source, destination, .. } => Some((Kind::Udp, protocol::UDP, (source, destination))),
        Header::Sctp { source, destination, chunk: Some(_), .. } => {
            Some((Kind::Sctp, protocol::SCTP, (source, destination)))
        }
        _ => None,
    });
    match named {
        Some((kind, number, ports)) => {
            let (key, reversed) = key(last.source, last.destination, ports, number);
            Wanted::Exactly(kind, key, reversed)
        }
        None => Wanted::Addresses(last.source, last.destination),
    }
}

fn opens(header: &Header) -> bool {
    matches!(header, Header::Vxlan { .. } | Header::Geneve { .. } | Header::Gre { .. } | Header::Ipip)
}

fn key(source: Address, destination: Address, ports: (u16, u16), number: u8) -> (Key, bool) {
    let source = Endpoint { address: source, port: ports.0 };
    Key::of(source, Endpoint { address: destination, port: ports.1 }, number)
}

/// One port is the identifier, the other 0.
fn is_echo(digest: &Digest, source: Address, destination: Address) -> bool {
    let (from, to) = (digest.source(), digest.destination());
    matches!(digest.key.protocol, protocol::ICMP | protocol::ICMPV6)
        && (from.address, to.address) == (source, destination)
        && (from.port == 0 || to.port == 0)
}

/// The ends of the packet that these layers are of, and its protocol, if they name a conversation.
fn quoted(layers: &[Layer]) -> Option<(Endpoint, Endpoint, u8)> {
    let mut addresses = None;
    for Layer { header, .. } in layers {
        let (ports, number) = match *header {
            Header::Ipv4 { source, destination, .. } | Header::Ipv6 { source, destination, .. } => {
                addresses = Some((source, destination));
                continue;
            }
            Header::Tcp { source, destination, .. } | Header::TcpStart { source, destination, .. } => {
                ((source, destination), protocol::TCP)
            }
            Header::Udp { source, destination, .. } => ((source, destination), protocol::UDP),
            Header::Sctp { source, destination, .. } => ((source, destination), protocol::SCTP),
            Header::Echo { v6, is_reply, id, .. } => {
                let number = if v6 { protocol::ICMPV6 } else { protocol::ICMP };
                (if is_reply { (0, id) } else { (id, 0) }, number)
            }
            Header::Esp { .. } => ((0, 0), protocol::ESP),
            Header::Opaque { protocol, .. } => ((0, 0), protocol),
            _ => continue,
        };
        let (source, destination) = addresses?;
        let end = |address, port| Endpoint { address, port };
        return Some((end(source, ports.0), end(destination, ports.1), number));
    }
    None
}
