//! What terms ask about, as one frame shows it in all of its layers.
//!
//! Outer and inner packets count alike, and so does one that an ICMP error quotes; so do the addresses that ARP speaks
//! of, its sender being the source. A later fragment has its addresses and its protocol, and no ports.

use smallvec::SmallVec;

use crate::filter::protocol::Protocol;
use crate::filter::term::{Side, Term, any_contains};
use crate::frame::Frame;
use crate::net::{Address, Block};
use crate::packet::{Header, Packet};

pub(super) struct Sight<'a> {
    packet: &'a Packet,
    frame: &'a Frame<'a>,
    addresses: SmallVec<[(Address, Address); 4]>,
    ports: SmallVec<[(u16, u16); 4]>,
    protocols: SmallVec<[u8; 8]>,
}

impl<'a> Sight<'a> {
    pub(super) fn of(packet: &'a Packet, frame: &'a Frame<'a>) -> Self {
        let mut sight = Self {
            packet,
            frame,
            addresses: SmallVec::new(),
            ports: SmallVec::new(),
            protocols: SmallVec::new(),
        };
        for layer in &packet.layers {
            match layer.header {
                Header::Ipv4 { source, destination, protocol, .. }
                | Header::Ipv6 { source, destination, next_header: protocol, .. } => {
                    sight.addresses.push((source, destination));
                    sight.protocols.push(protocol);
                }
                Header::Extensions { protocol, .. } => sight.protocols.push(protocol),
                Header::Tcp { source, destination, .. }
                | Header::TcpStart { source, destination, .. }
                | Header::Udp { source, destination, .. }
                | Header::Sctp { source, destination, .. } => sight.ports.push((source, destination)),
                Header::Arp { sender, target, .. } => sight.addresses.push((sender.1, target)),
                _ => {}
            }
        }
        sight
    }

    pub(super) fn meets(&self, term: &Term) -> bool {
        match term {
            Term::Address(side, blocks) => {
                some_end(&self.addresses, *side, |address| any_contains(blocks, address))
            }
            Term::Outside(side, blocks) => {
                some_end(&self.addresses, *side, |address| !any_contains(blocks, address))
            }
            Term::Port(side, ranges) => {
                some_end(&self.ports, *side, |port| ranges.iter().any(|range| range.contains(port)))
            }
            Term::Protocol(protocols) => {
                self.protocols.iter().any(|number| protocols.contains(&Protocol(*number)))
            }
            Term::Shows(signs) => signs.iter().any(|sign| sign.is_in(self.packet, self.frame)),
            Term::Neighbour(blocks) => self.speaks_of_neighbour(blocks),
            Term::Matches(expression) => expression.matches(self.frame),
        }
    }

    fn speaks_of_neighbour(&self, blocks: &[Block]) -> bool {
        let mut addresses = (Address::default(), Address::default());
        self.packet.layers.iter().any(|layer| match layer.header {
            Header::Ipv6 { source, destination, .. } => {
                addresses = (source, destination);
                false
            }
            Header::Arp { sender, target, .. } => {
                any_contains(blocks, sender.1) || any_contains(blocks, target)
            }
            Header::Neighbour { target, .. } => {
                let named = target.into_iter().chain([addresses.0, addresses.1]);
                named.into_iter().any(|address| any_contains(blocks, address))
            }
            _ => false,
        })
    }
}

/// Whether, of some pair of ends, that side is as asked.
fn some_end<T: Copy>(pairs: &[(T, T)], side: Side, is_asked: impl Fn(T) -> bool) -> bool {
    pairs.iter().any(|&(source, destination)| match side {
        Side::Either => is_asked(source) || is_asked(destination),
        Side::Source => is_asked(source),
        Side::Destination => is_asked(destination),
    })
}
