//! Digests of the common frames, straight from their bytes.
//!
//! Common are Ethernet (with one 802.1Q tag at most) and cooked captures; IPv4 without options that is no fragment,
//! IPv6 without extension headers; TCP, or UDP that cannot be a tunnel; all lengths filled in and consistent. For
//! these the digest is the very one that `full` gives; for anything else there is none, and `full` is asked.

use crate::decode::KeyHasher;
use crate::decode::link::{
    self, ETHERNET_LENGTH, SLL_LENGTH, SLL2_LENGTH, VLAN_LENGTH, ethertype, u16_at, u32_at,
};
use crate::decode::network::{IPV4_LENGTH, IPV6_LENGTH};
use crate::decode::transport::{TCP_LENGTH, UDP_LENGTH};
use crate::decode::tunnel::Ports;
use crate::digest::{Digest, Key, Kind, Motion, Understood, protocol};
use crate::frame::LinkType;
use crate::net::{Address, Endpoint};

/// The digest, without place and tunnel, of a frame that a cooked header says moved so.
#[inline]
pub(super) fn fast(
    bytes: &[u8],
    link: LinkType,
    motion: Motion,
    ports: &Ports,
    hasher: &KeyHasher,
) -> Option<Digest> {
    let (network, ethertype) = network(bytes, link)?;
    let ip = bytes.get(network..)?;
    let digest =
        Digest { network: network as u16, motion, understood: Understood::Whole, ..Digest::default() };
    let mut digest = match ethertype {
        ethertype::IPV4 => ipv4(ip, ports, digest)?,
        ethertype::IPV6 => ipv6(ip, ports, digest)?,
        _ => return None,
    };
    digest.hash = hasher.hash(&digest.key);
    Some(digest)
}

/// Where the network header starts, and its `EtherType`.
#[inline]
fn network(bytes: &[u8], link: LinkType) -> Option<(usize, u16)> {
    match link {
        LinkType::LINUX_SLL2 => {
            let header: &[u8; SLL2_LENGTH] = bytes.first_chunk()?;
            link::names_ethertype(u16_at(header, 8)).then_some((SLL2_LENGTH, u16_at(header, 0)))
        }
        LinkType::ETHERNET => {
            let header: &[u8; ETHERNET_LENGTH] = bytes.first_chunk()?;
            match u16_at(header, 12) {
                ethertype::VLAN => {
                    let header: &[u8; ETHERNET_LENGTH + VLAN_LENGTH] = bytes.first_chunk()?;
                    Some((ETHERNET_LENGTH + VLAN_LENGTH, u16_at(header, 16)))
                }
                ethertype => Some((ETHERNET_LENGTH, ethertype)),
            }
        }
        LinkType::LINUX_SLL => {
            let header: &[u8; SLL_LENGTH] = bytes.first_chunk()?;
            link::names_ethertype(u16_at(header, 2)).then_some((SLL_LENGTH, u16_at(header, 14)))
        }
        _ => None,
    }
}

#[inline]
fn ipv4(ip: &[u8], tunnels: &Ports, mut digest: Digest) -> Option<Digest> {
    let (header, content) = ip.split_first_chunk::<IPV4_LENGTH>()?;
    let stated = u32::from(u16_at(header, 2)).checked_sub(IPV4_LENGTH as u32)?;
    // Version 4 with five words of header; neither more fragments nor an offset.
    if header[0] != 0x45 || u16_at(header, 6) & 0x3fff != 0 {
        return None;
    }
    digest.ip_id = u16_at(header, 4);
    digest.ttl = header[8];
    digest.transport = digest.network + IPV4_LENGTH as u16;
    let addresses = (Address::v4(u32_at(header, 12)), Address::v4(u32_at(header, 16)));
    transport(content, header[9], stated, addresses, tunnels, digest)
}

#[inline]
fn ipv6(ip: &[u8], tunnels: &Ports, mut digest: Digest) -> Option<Digest> {
    let (header, content) = ip.split_first_chunk::<IPV6_LENGTH>()?;
    let stated = u32::from(u16_at(header, 4));
    if header[0] >> 4 != 6 {
        return None;
    }
    digest.ttl = header[7];
    digest.transport = digest.network + IPV6_LENGTH as u16;
    let (_, ends) = header.split_first_chunk::<8>()?;
    let (source, destination) = ends.split_first_chunk::<16>()?;
    let addresses = (Address::v6(*source), Address::v6(*destination.first_chunk()?));
    transport(content, header[6], stated, addresses, tunnels, digest)
}

/// A transport header in an IP packet that states `stated` bytes of it and its payload.
#[inline]
fn transport(
    content: &[u8],
    number: u8,
    stated: u32,
    (source, destination): (Address, Address),
    tunnels: &Ports,
    mut digest: Digest,
) -> Option<Digest> {
    let (length, ports) = match number {
        protocol::TCP => {
            let header: &[u8; TCP_LENGTH] = content.first_chunk()?;
            let length = u32::from(header[12] >> 4) * 4;
            if length < TCP_LENGTH as u32 {
                return None;
            }
            digest.kind = Kind::Tcp;
            (digest.seq, digest.ack, digest.flags) = (u32_at(header, 4), u32_at(header, 8), header[13]);
            (length, [u16_at(header, 0), u16_at(header, 2)])
        }
        protocol::UDP => {
            let header: &[u8; UDP_LENGTH] = content.first_chunk()?;
            let ports = [u16_at(header, 0), u16_at(header, 2)];
            if tunnels.may_be_tunnel(ports[0], ports[1]) {
                return None;
            }
            digest.kind = Kind::Udp;
            (UDP_LENGTH as u32, ports)
        }
        _ => return None,
    };
    digest.payload_len = stated.checked_sub(length)?;
    // Options may have been cut.
    digest.payload = digest.transport + length.min(content.len() as u32) as u16;
    let source = Endpoint { address: source, port: ports[0] };
    let destination = Endpoint { address: destination, port: ports[1] };
    (digest.key, digest.reversed) = Key::of(source, destination, number);
    Some(digest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::Options;
    use crate::decode::build::{samples, tcp, tcp_with, udp};
    use crate::decode::full::full;

    fn both(link: LinkType, bytes: &[u8], original: u32) -> (Option<Digest>, Digest) {
        let hasher = KeyHasher::new(7);
        let options = Options::default().with_ports(vec![5353], vec![53]);
        let full = full(bytes, link, original, &options, &hasher);
        (fast(bytes, link, link::sighting(bytes, link).1, &options.ports, &hasher), full.digest)
    }

    #[test]
    fn common_frames_are_taken() {
        let packets = [
            tcp(40001, 443, 30).in4("10.128.0.5", "203.0.113.25"),
            tcp_with(40001, 443, &[1; 12], 0).in4("10.128.0.5", "203.0.113.25"),
            udp(5354, 54, b"query").in4("10.128.0.5", "203.0.113.25"),
            tcp(40001, 443, 30).in6("fd00::5", "2001:db8::25"),
            udp(5354, 54, b"query").in6("fd00::5", "2001:db8::25"),
        ];
        for packet in packets {
            for (link, bytes) in [
                (LinkType::ETHERNET, packet.clone().ethernet()),
                (LinkType::ETHERNET, packet.clone().tagged(ethertype::VLAN, 9).ethernet()),
                (LinkType::LINUX_SLL, packet.clone().sll(4)),
                (LinkType::LINUX_SLL2, packet.clone().sll2(12, 3)),
            ] {
                let (fast, full) = both(link, &bytes, bytes.len() as u32);
                assert_eq!(fast, Some(full), "{link}");
            }
        }
    }

    #[test]
    fn frames_cut_anywhere_have_one_digest() {
        for (link, bytes) in samples() {
            for length in 0..=bytes.len() {
                let (fast, full) = both(link, &bytes[..length], bytes.len() as u32);
                assert!(fast.is_none_or(|fast| fast == full), "{link} cut to {length}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn the_fast_digest_is_the_full_one(
            sample in any::<prop::sample::Index>(),
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            length in proptest::option::of(any::<prop::sample::Index>()),
            trailer in 0..20_usize,
            original in any::<u32>(),
        ) {
            let samples = samples();
            let (link, mut bytes) = sample.get(&samples).clone();
            for (at, byte) in damage {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            match length {
                Some(length) => bytes.truncate(length.index(bytes.len()) + 1),
                None => bytes.resize(bytes.len() + trailer, 0x45),
            }
            let (fast, full) = both(link, &bytes, original);
            if let Some(fast) = fast {
                prop_assert_eq!(fast, full);
            }
        }

        #[test]
        fn random_bytes_have_one_digest(bytes in proptest::collection::vec(any::<u8>(), 0..120), link in 0..280_u16) {
            let (fast, full) = both(LinkType(link), &bytes, bytes.len() as u32);
            prop_assert!(fast.is_none_or(|fast| fast == full));
        }
    }
}
