//! MPLS label stacks, and what is guessed to be below them: nothing in a stack says it.

use crate::decode::link::{ethertype, u16_at};
use crate::decode::tunnel::seems_ethernet;
use crate::decode::walk::{Next, Step, Walk};
use crate::frame::LinkType;
use crate::packet::{Header, Protocol, Why};

const ENTRY_LENGTH: usize = 4;

/// Most entries of a stack; networks that steer packets by them use up to a dozen.
const ENTRIES: usize = 32;

/// RFC 3032 §2.1, repeated until `S` is set:
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +---------------------------------------+-----+-+---------------+
/// |                 label                 | cls |S|  time to live |
/// +---------------------------------------+-----+-+---------------+
/// ```
///
/// Below is IP by its version, or the Ethernet frame of a pseudowire, where it plainly is one: with or without a control
/// word (RFC 4448 §4.6) of four bytes, the first half of the first of which is 0.
pub(super) fn step(walk: &mut Walk<'_>) -> Step {
    let stack = walk.rest();
    let mut entries = stack.chunks_exact(ENTRY_LENGTH).take(ENTRIES);
    let Some(last) = entries.position(|entry| entry[2] & 1 == 1) else {
        let is_long = stack.len() >= ENTRIES * ENTRY_LENGTH;
        return Err(if is_long { Why::TooDeep } else { walk.short(stack.len() + 1) });
    };
    let length = (last + 1) * ENTRY_LENGTH;
    let bottom = stack.get(length - ENTRY_LENGTH..length).and_then(<[u8]>::first_chunk::<3>);
    let label = bottom.map_or(0, |[a, b, c]| u32::from_be_bytes([0, *a, *b, *c]) >> 4);
    walk.push(Header::Mpls { label, entries: (last + 1) as u8 }, length)?;
    let below = walk.rest();
    match below.first().map(|byte| byte >> 4) {
        None => Err(walk.short(1)),
        Some(4) => Ok(Next::Ip(Some(4))),
        Some(6) => Ok(Next::Ip(Some(6))),
        Some(0) if below.get(4..).is_some_and(is_plainly_ethernet) => {
            walk.push(Header::ControlWord, 4)?;
            Ok(Next::Link(LinkType::ETHERNET))
        }
        Some(_) if is_plainly_ethernet(below) => Ok(Next::Link(LinkType::ETHERNET)),
        Some(_) => Err(walk.unknown(Protocol::Label(label))),
    }
}

/// Whether the bytes hold a header of Ethernet, from one machine, that what follows it does not contradict; where it has a
/// length for its type, what follows must have been captured.
fn is_plainly_ethernet(bytes: &[u8]) -> bool {
    let Some((header, content)) = bytes.split_first_chunk::<14>() else { return false };
    let has_type = u16_at(header, 12) >= ethertype::FIRST;
    header[6] & 1 == 0 && (has_type || content.len() >= 2) && seems_ethernet(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::build::{Inner, raw, tcp};
    use crate::decode::{Options, packet};
    use crate::packet::Packet;

    fn walked(frame: Inner) -> Packet {
        packet(&frame.ethernet(), LinkType::ETHERNET, &Options::default())
    }

    #[test]
    fn a_stack_is_one_layer_with_the_label_at_its_bottom() {
        let packet = walked(tcp(1, 2, 0).in4("10.0.0.1", "10.0.0.2").labelled(&[16, 0x000f_ffff, 99]));
        assert_eq!(packet.layers[1].header, Header::Mpls { label: 99, entries: 3 });
        assert_eq!(packet.layers[1].range, 14..26);
    }

    #[test]
    fn a_stack_without_a_bottom_ends_the_walk() {
        assert_eq!(walked(raw(0x8847, &[0; 400])).stopped.map(|stop| stop.why), Some(Why::TooDeep));
        assert_eq!(walked(raw(0x8847, &[0; 8])).stopped.map(|stop| stop.why), Some(Why::Cut));
    }

    #[test]
    fn what_is_plainly_neither_ip_nor_ethernet_is_unknown() {
        for below in [[0x10; 30], [0; 30], [0xff; 30]] {
            let stopped = walked(raw(0, &below).labelled(&[77])).stopped;
            assert_eq!(stopped.map(|stop| stop.why), Some(Why::Unknown(Protocol::Label(77))), "{below:?}");
        }
    }
}
