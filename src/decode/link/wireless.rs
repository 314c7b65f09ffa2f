//! IEEE 802.11 data frames that are not encrypted.

use crate::decode::link::mac_at;
use crate::decode::walk::{Next, Step, Walk};
use crate::packet::{Header, Protocol, Why};

const WIFI_LENGTH: usize = 24;

/// Frame control, second byte.
const TO_DS: u8 = 0x01;
const FROM_DS: u8 = 0x02;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;

/// IEEE 802.11-2020 §9.2.3 and §9.3.2.1; numbers are little-endian:
///
/// ```text
/// +----------+--------------+---------------+----------+--------------+
/// | type (1) |  flags (1)   | duration (2)  | receiver (6)            |
/// +----------+--------------+---------------+----------+--------------+
/// | transmitter (6)         | address 3 (6) | sequence, fragment (2)  |
/// +-------------------------+---------------+-------------------------+
/// | address 4 (6, between two access points)                          |
/// +-------------------------------------------------------------------+
/// | QoS control (2, by type) | HT control (4, in QoS frames by `ORDER`) |
/// +-------------------------------------------------------------------+
/// ```
///
/// Logical link control follows, aligned to four bytes where the capture `is_padded`. Not followed: management and control
/// frames, data without content, several packets in one frame, and later fragments.
pub(super) fn wifi(walk: &mut Walk<'_>, is_padded: bool) -> Step {
    let header: &[u8; WIFI_LENGTH] = walk.header()?;
    let (version, kind, subtype, flags) =
        (header[0] & 0x03, header[0] >> 2 & 0x03, header[0] >> 4, header[1]);
    let is_data = version == 0 && kind == 2 && subtype & 0x04 == 0;
    if !is_data || flags & PROTECTED != 0 {
        return Err(walk.unknown(Protocol::Wifi { kind, subtype }));
    }
    let (to, from, is_qos) = (flags & TO_DS != 0, flags & FROM_DS != 0, subtype & 0x08 != 0);
    let mut length = WIFI_LENGTH;
    if to && from {
        length += 6;
    }
    let qos_at = length;
    if is_qos {
        length += if flags & ORDER != 0 { 6 } else { 2 };
    }
    let is_aggregate = is_qos && walk.rest().get(qos_at).is_some_and(|control| control & 0x80 != 0);
    let destination = mac_at(header, if to { 16 } else { 4 });
    let source = match (to, from) {
        (true, true) => {
            walk.rest().get(24..).and_then(<[u8]>::first_chunk::<6>).map(|bytes| mac_at(bytes, 0))
        }
        (false, true) => Some(mac_at(header, 16)),
        (_, false) => Some(mac_at(header, 10)),
    };
    if is_padded {
        length = length.next_multiple_of(4);
    }
    walk.push(Header::Wifi { source, destination }, length)?;
    if is_aggregate {
        return Err(walk.unknown(Protocol::Wifi { kind, subtype }));
    }
    if header[22] & 0x0f != 0 {
        return Err(Why::Tail);
    }
    Ok(Next::Llc)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::build::{ends, read, tcp};
    use crate::decode::{Options, packet};
    use crate::digest::Kind;
    use crate::frame::LinkType;
    use crate::net::Mac;

    /// A frame with this control field, and as many bytes of header.
    fn frame(control: [u8; 2], length: usize) -> Vec<u8> {
        let mut header = vec![0; length];
        header[..2].copy_from_slice(&control);
        header[4..10].fill(1);
        header[10..16].fill(2);
        header[16..22].fill(3);
        header[length.min(24)..].fill(4);
        header.truncate(length);
        let content = tcp(40001, 443, 30).in4("10.128.0.5", "203.0.113.25").snapped().wire;
        [header, content].concat()
    }

    fn stations(bytes: &[u8]) -> Option<(Option<Mac>, Mac)> {
        match packet(bytes, LinkType::IEEE802_11, &Options::default()).layers.first()?.header {
            Header::Wifi { source, destination } => Some((source, destination)),
            _ => None,
        }
    }

    #[test]
    fn the_header_is_as_long_as_its_type_and_flags_say() {
        let of = |byte| Mac([byte; 6]);
        for (control, length, source, destination) in [
            ([0x08, 0x00], 24, 2, 1),
            ([0x08, 0x01], 24, 2, 3),
            ([0x08, 0x02], 24, 3, 1),
            ([0x08, 0x03], 30, 4, 3),
            ([0x88, 0x01], 26, 2, 3),
            ([0x88, 0x81], 30, 2, 3),
        ] {
            let bytes = frame(control, length);
            assert_eq!(stations(&bytes), Some((Some(of(source)), of(destination))), "{control:x?}");
            let digest = read(LinkType::IEEE802_11, &bytes).digest;
            assert_eq!(ends(&digest), "10.128.0.5:40001 > 203.0.113.25:443", "{control:x?}");
        }
    }

    #[test]
    fn padding_is_told_of_by_radiotap() {
        let mut bytes = vec![0, 0, 18, 0, 3, 0, 0, 0];
        bytes.extend([0; 8]);
        bytes.extend([0x20, 0]);
        bytes.extend(frame([0x88, 0x01], 28));
        assert_eq!(read(LinkType::IEEE802_11_RADIOTAP, &bytes).digest.kind, Kind::Tcp);
        bytes[16] = 0;
        assert_eq!(read(LinkType::IEEE802_11_RADIOTAP, &bytes).digest.kind, Kind::Other);
    }

    #[test]
    fn encrypted_empty_managing_and_aggregated_frames_are_not_followed() {
        let mut aggregated = frame([0x88, 0x01], 26);
        aggregated[24] = 0x80;
        let mut later = frame([0x08, 0x01], 24);
        later[22] = 1;
        let others =
            [[0x08, 0x41], [0x48, 0x01], [0x80, 0x00], [0x09, 0x01]].map(|control| frame(control, 24));
        for bytes in others.into_iter().chain([aggregated, later]) {
            assert_eq!(read(LinkType::IEEE802_11, &bytes).digest.kind, Kind::Other);
        }
    }
}
