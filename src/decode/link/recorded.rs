//! What capturing software puts before a frame: radiotap, per-packet information, and netfilter's log.

use crate::decode::link::{u16_at, wireless};
use crate::decode::walk::{Next, Step, Walk};
use crate::frame::LinkType;
use crate::packet::{Header, Protocol, Why};

/// Radiotap (<https://www.radiotap.org/>), before IEEE 802.11; numbers are little-endian:
///
/// ```text
/// +--------+---------+------------+-------------------------+--------------+
/// | 0  (1) | pad (1) | length (2) | present (4, or more by  |   fields …   |
/// |        |         |            | the topmost bit)        |              |
/// +--------+---------+------------+-------------------------+--------------+
/// ```
///
/// Of its fields, the second (flags) matters, for the padding it tells of; the first, a time, has 8 bytes aligned to 8.
pub(super) fn radiotap(walk: &mut Walk<'_>) -> Step {
    let header: &[u8; 8] = walk.header()?;
    let length = usize::from(u16::from_le_bytes([header[2], header[3]]));
    if header[0] != 0 || length < 8 {
        return Err(Why::Malformed("the header of radiotap"));
    }
    let fields = walk.rest().get(..length).unwrap_or_else(|| walk.rest());
    let is_padded = radiotap_flags(fields).is_some_and(|flags| flags & 0x20 != 0);
    walk.push(Header::Recorded { link: LinkType::IEEE802_11_RADIOTAP }, length)?;
    wireless::wifi(walk, is_padded)
}

fn radiotap_flags(header: &[u8]) -> Option<u8> {
    let first = *header.get(4)?;
    let words = header.get(4..)?.chunks_exact(4).position(|word| word[3] & 0x80 == 0)? + 1;
    let mut at = 4 + words * 4;
    if first & 0x01 != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    if first & 0x02 != 0 { header.get(at).copied() } else { None }
}

/// Per-packet information, before whatever link it names; numbers are little-endian:
///
/// ```text
/// +--------+-----------+------------+---------------+-----------+
/// | 0  (1) | flags (1) | length (2) | link type (4) |  fields … |
/// +--------+-----------+------------+---------------+-----------+
/// ```
pub(super) fn ppi(walk: &mut Walk<'_>) -> Step {
    let header: &[u8; 8] = walk.header()?;
    let length = usize::from(u16::from_le_bytes([header[2], header[3]]));
    if header[0] != 0 || length < 8 {
        return Err(Why::Malformed("the header of per-packet information"));
    }
    let number = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    walk.push(Header::Recorded { link: LinkType::PPI }, length)?;
    match u16::try_from(number) {
        Ok(number) => Ok(Next::Link(LinkType::from_file(number))),
        Err(_) => Err(Why::Malformed("the link type of per-packet information")),
    }
}

/// Most attributes of a logged packet that are looked through; netfilter writes about a dozen.
const ATTRIBUTES: usize = 64;
const PAYLOAD: u16 = 9;

/// `LINKTYPE_NFLOG` (<https://www.tcpdump.org/linktypes/LINKTYPE_NFLOG.html>), attributes in the order of bytes of the
/// machine that captured, which is written nowhere: their types are small numbers.
///
/// ```text
/// +------------+-------------+--------------+
/// | family (1) | version (1) | resource (2) |
/// +------------+-------------+--------------+
/// | length (2) | type (2)    | content …    |   padded to four bytes, repeated
/// +------------+-------------+--------------+
/// ```
pub(super) fn nflog(walk: &mut Walk<'_>) -> Step {
    let header: &[u8; 4] = walk.header()?;
    let (family, version) = (header[0], header[1]);
    if version != 0 {
        return Err(Why::Malformed("the version of a netfilter log"));
    }
    let bytes = walk.rest();
    let mut at = 4;
    for _ in 0..ATTRIBUTES {
        let Some(attribute) = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>) else {
            return Err(walk.short(at + 4));
        };
        let (mut length, mut number) = (u16_at(attribute, 0), u16_at(attribute, 2));
        if number > 0xff {
            (length, number) = (length.swap_bytes(), number.swap_bytes());
        }
        let length = usize::from(length);
        if length < 4 {
            break;
        }
        if number == PAYLOAD {
            walk.limit(at + length);
            walk.push(Header::Recorded { link: LinkType::NFLOG }, at + 4)?;
            return match family {
                2 => Ok(Next::Ip(Some(4))),
                10 => Ok(Next::Ip(Some(6))),
                _ => Err(walk.unknown(Protocol::Family(u32::from(family)))),
            };
        }
        at += length.next_multiple_of(4);
    }
    Err(Why::Malformed("the attributes of a netfilter log"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::build::{ends, read, tcp};
    use crate::decode::{Options, packet};

    #[test]
    fn a_log_is_read_in_either_order_of_bytes() {
        let packet = tcp(40001, 443, 30).in4("10.128.0.5", "203.0.113.25").wire;
        let length = packet.len() as u8 + 4;
        let big = [&[2, 0, 0, 0, 0, 6, 0, 10, b'x', 0, 0, 0, 0, length, 0, 9], packet.as_slice()].concat();
        let little = [&[2, 0, 0, 0, 6, 0, 10, 0, b'x', 0, 0, 0, length, 0, 9, 0], packet.as_slice()].concat();
        for bytes in [big, little] {
            assert_eq!(ends(&read(LinkType::NFLOG, &bytes).digest), "10.128.0.5:40001 > 203.0.113.25:443");
        }
    }

    #[test]
    fn attributes_that_never_end_or_never_come_end_the_walk() {
        for bytes in [vec![0; 400], [&[2, 0, 0, 0], [4, 0, 1, 0].repeat(400).as_slice()].concat()] {
            let stopped = packet(&bytes, LinkType::NFLOG, &Options::default()).stopped;
            assert!(matches!(stopped.map(|stop| stop.why), Some(Why::Malformed(_))));
        }
    }

    #[test]
    fn a_header_that_names_itself_ends_at_the_last_layer() {
        let bytes = [0, 0, 8, 0, 192, 0, 0, 0].repeat(100);
        let packet = packet(&bytes, LinkType::PPI, &Options::default());
        assert_eq!(packet.stopped.map(|stop| stop.why), Some(Why::TooDeep));
    }

    #[test]
    fn radiotap_flags_are_found_behind_a_time_and_more_words() {
        assert_eq!(radiotap_flags(&[0, 0, 9, 0, 2, 0, 0, 0, 0x10]), Some(0x10));
        let mut header = vec![0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0];
        header.extend([0; 4 + 8]);
        header.push(0x20);
        assert_eq!(radiotap_flags(&header), Some(0x20));
        assert_eq!(radiotap_flags(&[0, 0, 9, 0, 2, 0, 0, 0x80, 0x10]), None);
    }
}
