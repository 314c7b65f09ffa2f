//! Headers by which a packet can be carried, and packets of protocols that the recorded captures lack.
//!
//! Checksums are zero: no decoder may rely on them, where hardware fills them in. Offsets are in bytes.

use egret::decode::{self, Options};
use egret::frame::LinkType;
use egret::packet::{Header, Packet};

use crate::dice::Dice;

pub(crate) const LINKS: [u16; 9] = [1, 113, 276, 101, 0, 108, 228, 229, 147];

/// What stands in protocol fields, ports and lengths of real packets.
const ETHERTYPES: [u16; 14] = [
    0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x9100, 0x8847, 0x8848, 0x8863, 0x8864, 0x6558, 0x88be, 0x22eb,
    0x05dc,
];
const PROTOCOLS: [u8; 16] = [0, 1, 4, 6, 17, 41, 43, 44, 47, 50, 51, 58, 59, 60, 132, 135];
const PORTS: [u16; 12] = [53, 80, 123, 443, 3784, 4789, 6081, 8472, 8080, 5353, 0, 0xffff];

/// The layers of a frame, as egret sees them.
pub(crate) fn layers(link: u16, bytes: &[u8]) -> Packet {
    decode::packet(bytes, LinkType(link), &Options::default())
}

/// Where each IP header of a packet starts.
pub(crate) fn networks(packet: &Packet) -> Vec<usize> {
    let is_network = |header: &Header| matches!(header, Header::Ipv4 { .. } | Header::Ipv6 { .. });
    packet.layers.iter().filter(|layer| is_network(&layer.header)).map(|layer| layer.range.start).collect()
}

/// One of a list.
pub(crate) fn one<T: Copy>(of: &[T], dice: &mut Dice) -> T {
    of[dice.below(of.len())]
}

/// A 16-bit number that means something somewhere.
pub(crate) fn meaning(dice: &mut Dice, left: usize) -> u16 {
    match dice.below(6) {
        0 => one(&ETHERTYPES, dice),
        1 => one(&PORTS, dice),
        2 => u16::from(one(&PROTOCOLS, dice)) << 8 | dice.number() as u16 & 0xff,
        3 => (left as u16).wrapping_add(dice.below(5) as u16).wrapping_sub(2),
        4 => one(&[0, 1, 4, 7, 8, 0x2000, 0x3fff, 0x7fff, 0x8000, 0xffff], dice),
        _ => dice.number() as u16,
    }
}

pub(crate) fn protocol(dice: &mut Dice) -> u8 {
    if dice.one_in(8) { dice.number() as u8 } else { one(&PROTOCOLS, dice) }
}

/// The packet on a link of some type; a link that holds no other version is told the truth, mostly.
pub(crate) fn linked(ip: &[u8], link: u16, dice: &mut Dice) -> Vec<u8> {
    let is_v6 = ip.first().is_some_and(|first| first >> 4 == 6);
    let ethertype = if dice.one_in(40) { one(&ETHERTYPES, dice) } else { version(is_v6) };
    let head = match link {
        1 => tagged(ethertype, dice),
        113 => [&[0, dice.below(5) as u8, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0][..], &ethertype.to_be_bytes()]
            .concat(),
        276 => [
            &ethertype.to_be_bytes()[..],
            &[0, 0, 0, 0, 0, dice.below(6) as u8, 0, 1, dice.below(5) as u8, 6, 2, 0, 0, 0, 0, 1, 0, 0],
        ]
        .concat(),
        0 => vec![if is_v6 { 30 } else { 2 }, 0, 0, 0],
        108 => vec![0, 0, 0, if is_v6 { 24 } else { 2 }],
        _ => Vec::new(),
    };
    [&head, ip].concat()
}

fn version(is_v6: bool) -> u16 {
    if is_v6 { 0x86dd } else { 0x0800 }
}

/// Ethernet with what may stand between addresses and content: tags, MPLS, `PPPoE`, LLC.
fn tagged(ethertype: u16, dice: &mut Dice) -> Vec<u8> {
    let mut head = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    let tags = if dice.one_in(3) { 1 + dice.below(5) } else { 0 };
    for _ in 0..tags {
        head.extend(one(&[0x8100_u16, 0x88a8, 0x9100], dice).to_be_bytes());
        head.extend([0, dice.below(8) as u8]);
    }
    match dice.below(12) {
        // RFC 3032: labels, the last with the bottom bit.
        0 => {
            head.extend([0x88, 0x47]);
            (0..dice.below(4)).for_each(|label| head.extend([0, 0, (label as u8) << 4, 64]));
            head.extend([0, 1, 1, 64]);
        }
        // RFC 2516: version and type, code, session, length; then the PPP protocol.
        1 => {
            head.extend([0x88, 0x64, 0x11, 0, 0, 1, 0, 0x80]);
            head.extend(if ethertype == 0x86dd { [0, 0x57] } else { [0, 0x21] });
        }
        // 802.3 length, LLC and SNAP.
        2 => {
            head.extend([0, 0x60, 0xaa, 0xaa, 3, 0, 0, 0]);
            head.extend(ethertype.to_be_bytes());
        }
        _ => head.extend(ethertype.to_be_bytes()),
    }
    head
}

fn address(dice: &mut Dice) -> [u8; 4] {
    one(
        &[[192, 168, 12, 11], [192, 168, 12, 12], [192, 168, 12, 99], [203, 0, 113, 26], [10, 128, 0, 5]],
        dice,
    )
}

/// `content` in an IP packet of either version.
pub(crate) fn ip(protocol: u8, content: &[u8], dice: &mut Dice) -> Vec<u8> {
    let (source, destination) = (address(dice), address(dice));
    let mut packet = if dice.one_in(3) {
        let prefix = [0xfd, 0, 0, 0x12, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut chain = Vec::new();
        let mut next = protocol;
        // RFC 8200 §4: a chain is built from its end.
        for _ in 0..if dice.one_in(3) { 1 + dice.below(4) } else { 0 } {
            let (kind, length) = (one(&[0_u8, 43, 44, 51, 60, 135], dice), dice.below(2));
            let mut header = vec![0; 8 * (1 + length)];
            header[0] = next;
            match kind {
                44 => {
                    header.truncate(8);
                    header[3] = if dice.one_in(2) { 1 } else { dice.number() as u8 };
                    header[2] = if dice.one_in(2) { 0 } else { dice.number() as u8 };
                    header[7] = dice.below(3) as u8;
                }
                // RFC 4302 §2.2: in words of four bytes, less two.
                51 => header[1] = (header.len() / 4 - 2) as u8,
                _ => header[1] = length as u8,
            }
            chain = [header, chain].concat();
            next = kind;
        }
        let length = (content.len() + chain.len()) as u16;
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend(length.to_be_bytes());
        packet.extend([next, 64]);
        for end in [source, destination] {
            packet.extend(prefix);
            packet.extend(end);
        }
        packet.extend(chain);
        packet
    } else {
        let options = if dice.one_in(6) { dice.below(11) } else { 0 };
        let length = (20 + 4 * options + content.len()) as u16;
        let mut packet = vec![0x45 + options as u8, 0];
        packet.extend(length.to_be_bytes());
        packet.extend([0, dice.below(4) as u8]);
        // More fragments, or a tail, now and then.
        packet.extend(if dice.one_in(5) {
            one(&[[0x20, 0], [0x20, 185], [0, 185], [0x80, 0]], dice)
        } else {
            [0x40, 0]
        });
        packet.extend([64, protocol, 0, 0]);
        packet.extend(source);
        packet.extend(destination);
        packet.resize(20 + 4 * options, 1);
        packet
    };
    packet.extend(content);
    packet
}

/// The packet in a tunnel, or quoted by an error.
pub(crate) fn around(inner: &[u8], dice: &mut Dice) -> Vec<u8> {
    let is_v6 = inner.first().is_some_and(|first| first >> 4 == 6);
    let ethertype = version(is_v6).to_be_bytes();
    let ethernet = |dice: &mut Dice| linked(inner, 1, dice);
    match dice.below(8) {
        // RFC 7348 §5.
        0 => {
            let header = [8, 0, 0, 0, 0, 0, dice.below(4) as u8, 0];
            let port = one(&[4789, 8472, 4790], dice);
            udp(port, &[&header[..], &ethernet(dice)].concat(), dice)
        }
        // RFC 8926 §3.4: options in words of four bytes, the type of what follows, the identifier.
        1 => {
            let options = if dice.one_in(2) { dice.below(64) } else { 0 };
            let is_ethernet = dice.one_in(2);
            let kind = if is_ethernet { [0x65, 0x58] } else { ethertype };
            let mut header = vec![options as u8, 0, kind[0], kind[1], 0, 0, dice.below(4) as u8, 0];
            header.resize(8 + 4 * options, 0);
            let content = if is_ethernet { ethernet(dice) } else { inner.to_vec() };
            udp(6081, &[header, content].concat(), dice)
        }
        // RFC 2784, RFC 2890: checksum, key and sequence number as the flags say; ERSPAN II and III.
        2 | 3 => {
            let flags = one(&[0_u8, 0x10, 0x20, 0x30, 0x80, 0xb0], dice);
            let (kind, content): ([u8; 2], Vec<u8>) = match dice.below(4) {
                0 => ([0x65, 0x58], ethernet(dice)),
                1 => ([0x88, 0xbe], [&[0x10, 0, 0, 5, 0, 0, 0, 0][..], &ethernet(dice)].concat()),
                2 => ([0x22, 0xeb], [&[0x20, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0][..], &ethernet(dice)].concat()),
                _ => (ethertype, inner.to_vec()),
            };
            let mut header = vec![flags, dice.below(40) as u8 / 38, kind[0], kind[1]];
            let words = [0x80, 0x20, 0x10].iter().filter(|flag| flags & **flag != 0).count();
            header.resize(4 + 4 * words, 7);
            ip(47, &[header, content].concat(), dice)
        }
        4 | 5 => ip(if is_v6 { 41 } else { 4 }, inner, dice),
        // RFC 792, RFC 4443 §3: type, code, checksum, and four bytes of which some have a meaning.
        6 => {
            let kind = one(&[3_u8, 4, 5, 11, 12], dice);
            ip(
                1,
                &[&[kind, dice.below(16) as u8, 0, 0, 0, 0, 5, 0xdc][..], quoted(inner, dice)].concat(),
                dice,
            )
        }
        _ => {
            let kind = 1 + dice.below(5) as u8;
            ip(58, &[&[kind, dice.below(6) as u8, 0, 0, 0, 0, 5, 0][..], quoted(inner, dice)].concat(), dice)
        }
    }
}

/// As much as a router quotes.
fn quoted<'a>(inner: &'a [u8], dice: &mut Dice) -> &'a [u8] {
    let most = one(&[28, 48, 128, 548, 1232, 1500], dice);
    &inner[..inner.len().min(most)]
}

fn udp(port: u16, content: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = vec![0xc0, dice.below(3) as u8];
    bytes.extend(port.to_be_bytes());
    bytes.extend((content.len() as u16 + 8).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(content);
    ip(17, &bytes, dice)
}

/// An IP packet of a protocol that is rare in captures.
pub(crate) fn rare(dice: &mut Dice) -> Vec<u8> {
    let word = |dice: &mut Dice| (dice.below(3) as u32 + 1).to_be_bytes();
    match dice.below(8) {
        // Echo: type, code, checksum, identifier, sequence number.
        0 => ip(1, &[&one(&[[8, 0, 0, 0], [0, 0, 0, 0]], dice)[..], &word(dice), b"ping"].concat(), dice),
        1 => {
            ip(58, &[&one(&[[128, 0, 0, 0], [129, 0, 0, 0]], dice)[..], &word(dice), b"ping"].concat(), dice)
        }
        // RFC 9260 §3: ports, verification tag, checksum; then chunks of type, flags, length and content.
        2 => {
            let kind = one(&[0_u8, 1, 2, 3, 6, 7, 10, 14], dice);
            let mut bytes = [&[0x9c, 0x41, 0x1f, 0x90][..], &word(dice), &[0; 4]].concat();
            bytes.extend([kind, 3, 0, 20]);
            bytes.extend(word(dice));
            bytes.extend([0; 12]);
            ip(132, &bytes, dice)
        }
        // ESP: SPI and sequence number.
        3 => ip(50, &[&word(dice)[..], &word(dice), &[0xaa; 24]].concat(), dice),
        // A DNS question, and its answer with a name by reference.
        4 => {
            let mut dns = vec![0x12, 0x34, 0x81, 0x80, 0, 1, 0, dice.below(3) as u8, 0, 0, 0, 0];
            dns.extend(b"\x07partner\x07example\x00\x00\x01\x00\x01");
            dns.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xcb\x00\x71\x1a");
            udp(53, &dns, dice)
        }
        // RFC 4861: solicitation and advertisement with an option.
        5 => {
            let mut bytes = vec![one(&[135, 136], dice), 0, 0, 0, 0x60, 0, 0, 0];
            bytes.extend([0xfd, 0, 0, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 192, 168, 12, 99]);
            bytes.extend([2, 1, 2, 0, 0, 0, 0, dice.below(3) as u8]);
            ip(58, &bytes, dice)
        }
        6 => udp(one(&PORTS, dice), b"some datagram", dice),
        _ => ip(protocol(dice), &[7; 24], dice),
    }
}

/// ARP for IPv4 on Ethernet (RFC 826), the whole frame.
pub(crate) fn arp(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0];
    bytes.push(1 + dice.below(2) as u8);
    bytes.extend([2, 0, 0, 0, 0, dice.below(3) as u8]);
    bytes.extend(address(dice));
    bytes.extend([0; 6]);
    bytes.extend(address(dice));
    bytes
}
