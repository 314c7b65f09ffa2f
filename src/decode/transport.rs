//! TCP, UDP, and the packets that ICMP errors quote.

use crate::decode::link::{u16_at, u32_at};
use crate::decode::tunnel;
use crate::decode::walk::{Next, Step, Walk};
use crate::digest::protocol;
use crate::packet::{Extent, Header, Protocol, Why};

pub(super) const TCP_LENGTH: usize = 20;
pub(super) const UDP_LENGTH: usize = 8;
const ICMP_LENGTH: usize = 8;

pub(super) fn step(walk: &mut Walk<'_>, number: u8, v6: bool) -> Step {
    match (number, v6) {
        (protocol::TCP, _) => tcp(walk),
        (protocol::UDP, _) => udp(walk),
        // An error is never sent about an error (RFC 1122 §3.2.2): a quoted one names no conversation.
        (protocol::ICMP, false) | (protocol::ICMPV6, true) if !walk.quoting => icmp(walk, v6),
        _ => Err(walk.unknown(Protocol::Ip(number))),
    }
}

/// RFC 9293 §3.1:
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-------------------------------+-------------------------------+
/// |          source port          |       destination port        |
/// +-------------------------------+-------------------------------+
/// |                        sequence number                        |
/// +---------------------------------------------------------------+   ← an ICMP error need quote no more
/// |                     acknowledgement number                    |
/// +-------+-------+---------------+-------------------------------+
/// | words |  res  |     flags     |            window             |   ← all that a digest needs is before the window
/// +-------+-------+---------------+-------------------------------+
/// |           checksum            |            urgent             |
/// +-------------------------------+-------------------------------+
/// |                          options …                            |
/// +---------------------------------------------------------------+
/// ```
fn tcp(walk: &mut Walk<'_>) -> Step {
    let start: &[u8; 8] = walk.header()?;
    let (source, destination, seq) = (u16_at(start, 0), u16_at(start, 2), u32_at(start, 4));
    let Ok(fixed) = walk.header::<14>() else {
        let why = walk.short(TCP_LENGTH);
        walk.push(Header::TcpStart { source, destination, seq }, walk.rest().len())?;
        return if walk.quoting { Ok(Next::Payload) } else { Err(why) };
    };
    let (ack, header_length, flags) = (u32_at(fixed, 8), (fixed[12] >> 4) * 4, fixed[13]);
    let stated = usize::from(header_length);
    let whole = walk.header::<TCP_LENGTH>().map(|_| ());
    let fits = walk.stated_after(0).is_none_or(|available| available as usize >= stated);
    let payload = Extent(walk.stated_after(stated));
    let tcp = Header::Tcp { source, destination, seq, ack, flags, header_length, payload };
    walk.push(tcp, stated.max(TCP_LENGTH))?;
    if walk.quoting {
        return Ok(Next::Payload);
    }
    whole?;
    if stated < TCP_LENGTH || !fits {
        return Err(Why::Malformed("the data offset of TCP"));
    }
    Ok(Next::Payload)
}

/// RFC 768. The length may be 0 (segmentation offload, jumbograms) or wrong; the IP header's is used instead.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-------------------------------+-------------------------------+
/// |          source port          |       destination port        |
/// +-------------------------------+-------------------------------+
/// |            length             |           checksum            |
/// +-------------------------------+-------------------------------+
/// ```
fn udp(walk: &mut Walk<'_>) -> Step {
    let header: &[u8; UDP_LENGTH] = walk.header()?;
    let (source, destination) = (u16_at(header, 0), u16_at(header, 2));
    let payload = Extent(walk.stated_after(UDP_LENGTH));
    walk.push(Header::Udp { source, destination, length: u16_at(header, 4), payload }, UDP_LENGTH)?;
    if !walk.quoting && tunnel::is_vxlan(walk, source, destination) {
        return Ok(Next::Vxlan);
    }
    Ok(Next::Payload)
}

/// RFC 792 and RFC 4443 §2.1; errors quote the packet they are about from its IP header on:
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +---------------+---------------+-------------------------------+
/// |     type      |     code      |           checksum            |
/// +---------------+---------------+-------------------------------+
/// |          depends on the type (unused, MTU, pointer)           |
/// +---------------------------------------------------------------+
/// |              IP header and at least 8 bytes more …            |
/// +---------------------------------------------------------------+
/// ```
fn icmp(walk: &mut Walk<'_>, v6: bool) -> Step {
    let header: &[u8; ICMP_LENGTH] = walk.header()?;
    let (kind, code) = (header[0], header[1]);
    let payload = Extent(walk.stated_after(ICMP_LENGTH));
    walk.push(Header::Icmp { v6, kind, code, payload }, ICMP_LENGTH)?;
    if is_error(v6, kind) {
        walk.quoting = true;
        return Ok(Next::Ip(Some(if v6 { 6 } else { 4 })));
    }
    Err(Why::Unknown(if v6 { Protocol::Icmpv6(kind) } else { Protocol::Icmp(kind) }))
}

/// Whether an ICMP message says that the packet it quotes was not delivered.
///
/// IPv4: destination unreachable, time exceeded, parameter problem (RFC 792). Redirects (5) and source quenches (4,
/// obsolete by RFC 6633) quote packets, too, but those went on. IPv6: destination unreachable, packet too big,
/// time exceeded, parameter problem (RFC 4443 §3).
const fn is_error(v6: bool, kind: u8) -> bool {
    if v6 { matches!(kind, 1..=4) } else { matches!(kind, 3 | 11 | 12) }
}

/// What egret uses of a TCP segment's options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SynOptions {
    /// `TSval` of the timestamps option (RFC 7323 §3.2).
    pub timestamp_value: Option<u32>,
}

/// The options of the segment whose TCP header starts `header`; bytes after the header are ignored.
///
/// ```text
/// +------+--------+-----------------+----------------+
/// | kind | length |    TSval (4)    |    TSecr (4)   |   kind 8, length 10
/// +------+--------+-----------------+----------------+
/// ```
///
/// Kinds 0 (end) and 1 (no operation) have no length (RFC 9293 §3.2). Reading ends at a cut or malformed option.
pub fn syn_options(header: &[u8]) -> SynOptions {
    let mut found = SynOptions::default();
    let stated = header.get(12).map_or(0, |byte| usize::from(byte >> 4) * 4);
    let mut options = header.get(TCP_LENGTH..stated.min(header.len())).unwrap_or_default();
    loop {
        match *options {
            [1, ref rest @ ..] => options = rest,
            [8, 10, a, b, c, d, _, _, _, _, ..] => {
                found.timestamp_value = Some(u32::from_be_bytes([a, b, c, d]));
                return found;
            }
            // A length of less than the two bytes before it would never end.
            [kind, length, ..] if kind != 0 && length >= 2 => match options.get(usize::from(length)..) {
                Some(rest) => options = rest,
                None => return found,
            },
            _ => return found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::build::tcp_with;

    const STAMP: [u8; 10] = [8, 10, 0, 0, 0, 42, 0, 0, 0, 7];

    fn timestamp(options: &[u8]) -> Option<u32> {
        syn_options(&tcp_with(1, 2, options, 0).wire).timestamp_value
    }

    #[test]
    fn the_timestamp_is_found_behind_other_options() {
        let mss_and_sack = [2, 4, 5, 0xb4, 4, 2];
        assert_eq!(timestamp(&[mss_and_sack.as_slice(), &STAMP].concat()), Some(42));
        assert_eq!(timestamp(&[[1, 1].as_slice(), &STAMP].concat()), Some(42));
        assert_eq!(timestamp(&mss_and_sack[..4]), None);
    }

    #[test]
    fn nothing_is_read_behind_an_option_that_is_malformed_or_the_last() {
        for before in [[0, 1], [5, 0], [5, 1], [5, 200]] {
            assert_eq!(timestamp(&[before.as_slice(), &STAMP].concat()), None, "{before:?}");
        }
    }

    #[test]
    fn a_cut_header_gives_what_it_still_has() {
        let header = tcp_with(1, 2, &[[1, 1].as_slice(), &STAMP].concat(), 0).wire;
        for length in 0..header.len() {
            assert_eq!(syn_options(&header[..length]).timestamp_value, None);
        }
    }

    #[test]
    fn the_payload_is_not_read_for_options() {
        let mut segment = tcp_with(1, 2, &[], 0).wire;
        segment.extend(STAMP);
        assert_eq!(syn_options(&segment).timestamp_value, None);
    }
}
