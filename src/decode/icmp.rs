//! ICMP and ICMPv6: echo, errors with the packet that they quote, and neighbour discovery.

use crate::decode::link::{u16_at, u32_at};
use crate::decode::neighbour;
use crate::decode::walk::{Next, Step, Walk};
use crate::packet::{Extent, Header, Protocol, Why};

const ICMP_LENGTH: usize = 8;

/// RFC 792 and RFC 4443 §2.1; errors quote the packet they are about from its IP header on:
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +---------------+---------------+-------------------------------+
/// |     type      |     code      |           checksum            |
/// +---------------+---------------+-------------------------------+
/// |  by type: unused, MTU, pointer, or identifier and sequence    |
/// +---------------------------------------------------------------+
/// |    of an error: IP header and at least 8 bytes more …         |
/// +---------------------------------------------------------------+
/// ```
///
/// Every other message ends the walk.
pub(super) fn step(walk: &mut Walk<'_>, v6: bool) -> Step {
    let header: &[u8; ICMP_LENGTH] = walk.header()?;
    let (kind, code) = (header[0], header[1]);
    let payload = Extent(walk.stated_after(ICMP_LENGTH));
    if let Some(is_reply) = echo(v6, kind) {
        let (id, seq) = (u16_at(header, 4), u16_at(header, 6));
        walk.push(Header::Echo { v6, is_reply, id, seq, payload }, ICMP_LENGTH)?;
        return Ok(Next::Payload);
    }
    if v6 && neighbour::is_followed(kind) && !walk.quoting {
        return neighbour::discovery(walk, kind);
    }
    walk.push(Header::Icmp { v6, kind, code, payload }, ICMP_LENGTH)?;
    // An error is never sent about an error (RFC 1122 §3.2.2): a quoted one names no conversation.
    if is_icmp_error(v6, kind) && !walk.quoting {
        walk.quoting = true;
        return Ok(Next::Ip(Some(if v6 { 6 } else { 4 })));
    }
    Err(Why::Unknown(if v6 { Protocol::Icmpv6(kind) } else { Protocol::Icmp(kind) }))
}

/// Whether a type is that of an echo reply; `None` where it is not echo at all (RFC 792; RFC 4443 §4).
const fn echo(v6: bool, kind: u8) -> Option<bool> {
    match (v6, kind) {
        (false, 8) | (true, 128) => Some(false),
        (false, 0) | (true, 129) => Some(true),
        _ => None,
    }
}

/// Whether an ICMP message says that the packet it quotes was not delivered.
///
/// IPv4: destination unreachable, time exceeded, parameter problem (RFC 792). Redirects (5) and source quenches (4,
/// obsolete by RFC 6633) quote packets, too, but those went on. IPv6: destination unreachable, packet too big,
/// time exceeded, parameter problem (RFC 4443 §3).
pub const fn is_icmp_error(v6: bool, kind: u8) -> bool {
    if v6 { matches!(kind, 1..=4) } else { matches!(kind, 3 | 11 | 12) }
}

/// How large a packet may be to go on, by the ICMP error that starts with `header`: the next link's MTU in bytes.
///
/// Fragmentation needed has it in the second half of the word after the checksum (RFC 1191 §4), or 0 where the router is
/// older than that; packet too big has it in the whole word (RFC 4443 §3.2). Every other error says nothing of it.
pub fn next_link_mtu(header: &[u8], v6: bool) -> Option<u32> {
    let header: &[u8; ICMP_LENGTH] = header.first_chunk()?;
    let mtu = match (v6, header[0], header[1]) {
        (false, 3, 4) => u32::from(u16_at(header, 6)),
        (true, 2, _) => u32_at(header, 4),
        _ => 0,
    };
    (mtu > 0).then_some(mtu)
}

#[cfg(test)]
mod tests {
    use super::next_link_mtu;
    use crate::decode::build::{echo, ends, icmp, read};
    use crate::digest::{Kind, Understood, echo as flag, protocol};
    use crate::frame::LinkType;

    const POD: &str = "10.128.0.5";
    const FAR: &str = "203.0.113.25";

    #[test]
    fn an_echo_and_its_reply_are_one_conversation_named_by_the_requesters_identifier() {
        let request =
            read(LinkType::ETHERNET, &echo(protocol::ICMP, 8, b"ping").in4(POD, FAR).ethernet()).digest;
        let reply =
            read(LinkType::ETHERNET, &echo(protocol::ICMP, 0, b"ping").in4(FAR, POD).ethernet()).digest;
        assert_eq!((request.kind, request.key, request.hash), (Kind::Echo, reply.key, reply.hash));
        assert_eq!(
            (ends(&request).as_str(), ends(&reply).as_str()),
            ("10.128.0.5:7 > 203.0.113.25", "203.0.113.25 > 10.128.0.5:7")
        );
        assert_eq!((request.seq, request.flags, reply.flags), (9, flag::REQUEST, flag::REPLY));
        assert_eq!((request.transport, request.payload, request.payload_len), (34, 42, 4));
        assert_eq!(request.understood, Understood::Whole);
    }

    #[test]
    fn an_icmpv6_echo_is_a_conversation_of_its_own_protocol() {
        let request =
            read(LinkType::ETHERNET, &echo(58, 128, b"ping").in6("fd00::5", "fd00::6").ethernet()).digest;
        let reply =
            read(LinkType::ETHERNET, &echo(58, 129, b"ping").in6("fd00::6", "fd00::5").ethernet()).digest;
        assert_eq!((request.kind, request.key), (Kind::Echo, reply.key));
        assert_eq!((request.key.protocol, ends(&request).as_str()), (58, "[fd00::5]:7 > fd00::6"));
    }

    #[test]
    fn an_echo_to_oneself_is_one_conversation() {
        let request = read(LinkType::RAW, &echo(1, 8, b"").in4("127.0.0.1", "127.0.0.1").wire).digest;
        let reply = read(LinkType::RAW, &echo(1, 0, b"").in4("127.0.0.1", "127.0.0.1").wire).digest;
        assert_eq!(request.key, reply.key);
        assert_ne!(request.reversed, reply.reversed);
    }

    #[test]
    fn an_error_about_an_echo_names_the_echos_own_conversation() {
        let request = echo(protocol::ICMP, 8, b"ping").in4(POD, FAR);
        let error = icmp(protocol::ICMP, 3, &request.wire[..28]).in4("192.168.12.1", POD).ethernet();
        let (request, error) =
            (read(LinkType::ETHERNET, &request.ethernet()), read(LinkType::ETHERNET, &error));
        assert_eq!((error.digest.kind, error.digest.key), (Kind::IcmpError, request.digest.key));
        assert_eq!((error.digest.reversed, error.digest.seq), (request.digest.reversed, 9));
        assert_eq!(error.icmp.map(|error| error.kind), Some(3));
    }

    #[test]
    fn only_what_says_that_a_packet_was_too_large_says_how_large_one_may_be() {
        assert_eq!(next_link_mtu(&[3, 4, 0, 0, 0xff, 0xff, 5, 0x78], false), Some(1400));
        assert_eq!(next_link_mtu(&[2, 0, 0, 0, 0, 0, 5, 0], true), Some(1280));
        assert_eq!(next_link_mtu(&[3, 4, 0, 0, 0, 0, 0, 0], false), None, "a router older than RFC 1191");
        assert_eq!(next_link_mtu(&[3, 1, 0, 0, 0, 0, 5, 0x78], false), None);
        assert_eq!(next_link_mtu(&[1, 4, 0, 0, 0, 0, 5, 0x78], true), None);
        assert_eq!(next_link_mtu(&[3, 4, 0, 0, 0, 0, 5], false), None, "cut");
    }
}
