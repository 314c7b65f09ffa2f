//! TCP, UDP, SCTP, and the protocols that stay opaque.

use crate::decode::link::{u16_at, u32_at};
use crate::decode::network::is_single;
use crate::decode::walk::{Next, Step, Walk};
use crate::decode::{icmp, tunnel};
use crate::digest::{protocol, sctp};
use crate::packet::{Extent, Header, Protocol, Why};

pub(super) const TCP_LENGTH: usize = 20;
pub(super) const UDP_LENGTH: usize = 8;
const SCTP_LENGTH: usize = 12;
const ESP_LENGTH: usize = 8;

/// IPv6 says so where nothing follows (RFC 8200 §4.7).
const NOTHING: u8 = 59;
/// Numbers that stand for no conversation between two machines: hop-by-hop options out of their place, and IGMP.
const SPEECHLESS: [u8; 2] = [0, 2];

pub(super) fn step(walk: &mut Walk<'_>, number: u8, v6: bool) -> Step {
    match (number, v6) {
        (protocol::TCP, _) => tcp(walk),
        (protocol::UDP, _) => udp(walk),
        (protocol::SCTP, _) => sctp(walk),
        (protocol::ICMP, false) | (protocol::ICMPV6, true) => icmp::step(walk, v6),
        (protocol::GRE, _) => tunnel::gre(walk),
        (protocol::IPIP | protocol::IPV6, _) => tunnel::ipip(walk, number),
        (NOTHING, true) => Ok(Next::Payload),
        _ => opaque(walk, number),
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
    tunnel::in_udp(walk, source, destination)
}

/// RFC 9260 §3.1 and the beginning of the first chunk (§3.2), of which INIT and INIT ACK (§3.3.2) are read on:
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-------------------------------+-------------------------------+
/// |          source port          |       destination port        |
/// +-------------------------------+-------------------------------+
/// |                       verification tag                        |
/// +---------------------------------------------------------------+   ← an ICMP error need quote no more
/// |                           checksum                            |
/// +---------------+---------------+-------------------------------+
/// |  chunk type   |     flags     |            length             |
/// +---------------+---------------+-------------------------------+
/// |                         initiate tag                          |
/// +---------------------------------------------------------------+
/// ```
fn sctp(walk: &mut Walk<'_>) -> Step {
    let start: &[u8; 8] = walk.header()?;
    let rest = walk.rest();
    let chunk = rest.get(SCTP_LENGTH).copied();
    let initiate = match (chunk, rest.first_chunk()) {
        (Some(sctp::INIT | sctp::INIT_ACK), Some(opening)) => u32_at::<20>(opening, 16),
        _ => 0,
    };
    let whole = walk.header::<SCTP_LENGTH>().map(|_| ());
    let payload = Extent(walk.stated_after(SCTP_LENGTH));
    let (source, destination, tag) = (u16_at(start, 0), u16_at(start, 2), u32_at(start, 4));
    walk.push(Header::Sctp { source, destination, tag, chunk, initiate, payload }, SCTP_LENGTH)?;
    if !walk.quoting {
        whole?;
        if chunk.is_none() {
            return Err(walk.short(1));
        }
    }
    Ok(Next::Payload)
}

/// What a packet carries that is not looked into: encrypted, a closed tunnel, or unknown.
///
/// Between two machines that is a conversation. ESP tells its conversations apart by the first bytes (RFC 4303 §2):
///
/// ```text
/// +---------------------------------------------------------------+
/// |                   security parameters index                   |
/// +---------------------------------------------------------------+
/// |                        sequence number                        |
/// +---------------------------------------------------------------+
/// ```
pub(super) fn opaque(walk: &mut Walk<'_>, number: u8) -> Step {
    let (source, destination) = walk.addresses;
    if SPEECHLESS.contains(&number) || !is_single(source) || !is_single(destination) {
        return Err(walk.unknown(Protocol::Ip(number)));
    }
    let payload = Extent(walk.stated_after(0));
    if number != protocol::ESP {
        walk.push(Header::Opaque { protocol: number, payload }, 0)?;
        return Err(Why::Unknown(Protocol::Ip(number)));
    }
    match walk.header::<ESP_LENGTH>() {
        Ok(header) => {
            let (spi, seq) = (u32_at(header, 0), u32_at(header, 4));
            walk.push(Header::Esp { spi, seq, payload }, ESP_LENGTH)?;
            Ok(Next::Payload)
        }
        Err(why) => {
            walk.push(Header::Opaque { protocol: number, payload }, 0)?;
            Err(why)
        }
    }
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
    use crate::decode::build::{INIT, TAG, content, ends, icmp, read, sctp as packet, tcp_with};
    use crate::digest::{Kind, Understood};
    use crate::frame::LinkType;

    const POD: &str = "10.128.0.5";
    const FAR: &str = "203.0.113.25";

    #[test]
    fn an_sctp_packet_gives_its_tags_and_its_first_chunk() {
        let digest = read(LinkType::ETHERNET, &packet(2905, 36412, &INIT).in4(POD, FAR).ethernet()).digest;
        assert_eq!(ends(&digest), "10.128.0.5:2905 > 203.0.113.25:36412");
        assert_eq!((digest.kind, digest.understood), (Kind::Sctp, Understood::Whole));
        assert_eq!((digest.seq, digest.ack, digest.flags), (TAG, 5, sctp::INIT));
        assert_eq!((digest.transport, digest.payload, digest.payload_len), (34, 46, 20));
        let data = read(LinkType::ETHERNET, &packet(2905, 36412, &[0; 16]).in4(POD, FAR).ethernet()).digest;
        assert_eq!((data.kind, data.ack, data.flags), (Kind::Sctp, 0, sctp::DATA));
    }

    #[test]
    fn sctp_without_its_first_chunk_is_not_followed() {
        let bytes = packet(2905, 36412, &INIT).in4(POD, FAR).ethernet();
        let digest = read(LinkType::ETHERNET, &bytes[..46]).digest;
        assert_eq!((digest.kind, digest.understood), (Kind::Other, Understood::Partly));
    }

    #[test]
    fn esp_is_an_opaque_conversation_with_its_index_and_number() {
        let digest = read(
            LinkType::ETHERNET,
            &content(protocol::ESP, b"\0\0\x10\x01\0\0\0\x02secret").in4(POD, FAR).ethernet(),
        )
        .digest;
        assert_eq!((digest.kind, digest.understood), (Kind::Opaque, Understood::Whole));
        assert_eq!((digest.seq, digest.ack), (0x1001, 2));
        assert_eq!((digest.payload, digest.payload_len, ends(&digest)), (34, 14, format!("{POD} > {FAR}")));
    }

    #[test]
    fn an_unknown_protocol_between_two_machines_is_a_conversation() {
        let digest = read(LinkType::ETHERNET, &content(89, b"ospf").in4(POD, FAR).ethernet()).digest;
        assert_eq!((digest.kind, digest.key.protocol), (Kind::Opaque, 89));
        assert_eq!((digest.transport, digest.payload, digest.payload_len), (34, 34, 4));
    }

    #[test]
    fn what_is_sent_to_a_group_or_says_nothing_is_no_conversation() {
        let to_group = content(89, b"ospf").in4(POD, "224.0.0.5");
        let packets =
            [to_group, content(2, b"igmp").in4(POD, FAR), content(59, b"").in6("fd00::5", "fd00::6")];
        for packet in packets {
            assert_eq!(read(LinkType::ETHERNET, &packet.ethernet()).digest.kind, Kind::Other);
        }
    }

    #[test]
    fn errors_about_sctp_and_opaque_packets_name_their_conversations() {
        for quoted in
            [packet(2905, 36412, &INIT).in4(POD, FAR), content(47, b"\0\0\x88\x0bgre!").in4(POD, FAR)]
        {
            let error = icmp(protocol::ICMP, 3, &quoted.wire[..28]).in4("192.168.12.1", POD).ethernet();
            let (own, error) =
                (read(LinkType::ETHERNET, &quoted.ethernet()), read(LinkType::ETHERNET, &error));
            assert_eq!((error.digest.kind, error.digest.key), (Kind::IcmpError, own.digest.key));
        }
    }

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
