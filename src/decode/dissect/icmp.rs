//! Fields of ICMP and ICMPv6 (RFC 792, RFC 4443; the header is drawn in `decode/icmp.rs`).

use super::checksum::Covered;
use super::fields::Fields;
use super::numbers::{icmp_code_name, icmp_name, icmpv6_code_name, icmpv6_name};
use crate::digest::protocol;

/// The first eight bytes of a message.
pub(super) fn header(fields: &mut Fields<'_>, v6: bool, covered: Covered<'_>) {
    let (kind, code) = (fields.u8(0).unwrap_or(0), fields.u8(1).unwrap_or(0));
    fields.number("type", 0, 1).may_mean(if v6 { icmpv6_name(kind) } else { icmp_name(kind) });
    fields.number("code", 1, 1).may_mean(if v6 {
        icmpv6_code_name(kind, code)
    } else {
        icmp_code_name(kind, code)
    });
    let judged = fields.u16(2).and_then(|stated| {
        if v6 { covered.judged(protocol::ICMPV6, stated) } else { covered.judged_alone(stated) }
    });
    fields.hex("checksum", 2, 2).may_mean(judged);
    match (v6, kind, code) {
        (false, 0 | 8 | 13 | 14 | 17 | 18, _) | (true, 128 | 129, _) => {
            fields.number("id", 4, 2);
            fields.number("sequence number", 6, 2);
        }
        (false, 3, 4) => {
            fields.number("next mtu", 6, 2).means("bytes that a packet may have to pass");
        }
        (true, 2, _) => {
            fields.number("mtu", 4, 4).means("bytes that a packet may have to pass");
        }
        (false, 5, _) => {
            fields.address4("gateway", 4);
        }
        (false, 12, _) => {
            fields.number("pointer", 4, 1).means("offset of the byte that was wrong");
        }
        (true, 4, _) => {
            fields.number("pointer", 4, 4).means("offset of the byte that was wrong");
        }
        (true, 130..=132, _) => {
            fields.number("maximum response delay", 4, 2);
        }
        (true, 143, _) => {
            fields.number("records", 6, 2);
        }
        (true, 133..=137, _) => {}
        _ => {
            fields.bytes("unused", 4, 4);
        }
    }
}
