//! Fields of UDP and ESP.

use super::checksum::Covered;
use super::fields::Fields;
use crate::digest::protocol;

pub(super) fn udp(fields: &mut Fields<'_>, covered: Covered<'_>) -> &'static str {
    fields.number("source port", 0, 2);
    fields.number("destination port", 2, 2);
    fields.number("length", 4, 2);
    let judged = match fields.u16(6) {
        // RFC 768: the sender did not compute one.
        Some(0) => Some("none was sent".into()),
        Some(stated) => covered.judged(protocol::UDP, stated),
        None => None,
    };
    fields.hex("checksum", 6, 2).may_mean(judged);
    "udp"
}

pub(super) fn esp(fields: &mut Fields<'_>) -> &'static str {
    fields.hex("spi", 0, 4);
    fields.number("sequence number", 4, 4);
    "esp"
}
