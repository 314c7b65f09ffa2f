//! The frames in which something may be hidden, and that a capture filter therefore keeps whatever is asked.
//!
//! Each clause has in mind what the decoder does with such frames; what is left after all clauses is in plain sight: IPv4
//! without options, or IPv6 without extension headers, whole or the first fragment, with TCP's first 14 bytes if it is
//! TCP, neither a tunnel nor an error that quotes another packet. The order matters: only after the first three
//! clauses may a header be looked at without reaching beyond a short frame's end.

use crate::filter::admission::{Clause, Question};
use crate::frame::LinkType;

/// Bytes of a transport header that terms look at: up to the flags of TCP.
const TRANSPORT: u32 = 14;

/// Protocol numbers that stand for more headers in IPv6 (RFC 8200 §4, RFC 6275, RFC 7401, RFC 5533).
const EXTENSIONS: [u8; 8] = [0, 43, 44, 51, 60, 135, 139, 140];
const AUTHENTICATION: u8 = 51;
/// IPv4 and IPv6 in IP, and generic routing encapsulation.
const TUNNELS: [u8; 3] = [4, 41, 47];
/// The UDP ports of VXLAN and Geneve that are opened without having been named.
const TUNNEL_PORTS: [u16; 4] = [4789, 8472, 4790, 6081];

/// What must be kept of frames of this link type; `None`, where its headers are not known well enough to leave any out.
pub(super) fn kept(question: &Question<'_>) -> Option<Vec<Clause>> {
    let header = header(question)?;
    let v4 = header + 20 + TRANSPORT;
    let v6 = header + 40 + TRANSPORT;
    let is_any = |field: &str, numbers: &[u8]| -> String {
        numbers.iter().map(|number| format!("{field} = {number}")).collect::<Vec<_>>().join(" or ")
    };
    let ports: Vec<String> = TUNNEL_PORTS
        .iter()
        .chain(question.vxlan)
        .chain(question.geneve)
        .map(|port| format!("udp port {port}"))
        .collect();
    let clause = |expression: String, why| Clause { expression, why, is_kept: true };
    Some(vec![
        clause(format!("len < {v4}"), "frames too short for what is asked of them"),
        clause(
            "not (ip or ip6)".to_owned(),
            "no IP in plain sight: VLAN tags, MPLS, PPPoE, ARP; what is behind is not looked at",
        ),
        clause(
            format!(
                "(ip6 and len < {v6}) or ip[0] != 0x45 or ip[2:2] < 34 or ip6[0] & 0xf0 != 0x60 or ip6[4:2] < 14"
            ),
            "too short by what they say themselves, or with IP options",
        ),
        clause("ip[6:2] & 0x1fff != 0".to_owned(), "later fragments, which have no ports"),
        clause(
            format!("ip[9] = {AUTHENTICATION} or {}", is_any("ip6[6]", &EXTENSIONS)),
            "fragments and extension headers of IPv6, and authentication headers: what is behind is not looked at",
        ),
        clause(
            format!("{} or {} or {}", is_any("ip[9]", &TUNNELS), is_any("ip6[6]", &TUNNELS), ports.join(" or ")),
            "tunnels: VXLAN, Geneve, GRE, IP in IP; what is inside is not looked at",
        ),
        clause(
            "(ip[9] = 1 and (ip[20] = 3 or ip[20] = 11 or ip[20] = 12)) or (ip6[6] = 58 and (ip6[40] <= 4 or (ip6[40] >= 133 \
             and ip6[40] <= 137)))"
                .to_owned(),
            "ICMP errors, which quote packets, and neighbour discovery",
        ),
        clause("ip6 net ::ffff:0:0/96".to_owned(), "IPv6 packets with addresses of IPv4"),
    ])
}

/// The bytes before the IP header, as the filter counts them.
fn header(question: &Question<'_>) -> Option<u32> {
    Some(match question.link {
        LinkType::ETHERNET => 14,
        LinkType::LINUX_SLL | LinkType::LINUX_SLL2 if question.is_live => 0,
        LinkType::LINUX_SLL => 16,
        LinkType::LINUX_SLL2 => 20,
        LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 => 0,
        LinkType::NULL | LinkType::LOOP => 4,
        _ => return None,
    })
}
