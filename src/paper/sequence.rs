//! Sequence numbers counted from the beginning of a conversation, as far as it was seen.
//!
//! The first segment with an acknowledgement shows the numbers as they are, and those that follow count from it; so does every SYN
//! with an acknowledgement. A SYN alone shows its own. That is tcpdump's way, and people compare.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::digest::{Key, protocol, tcp};
use crate::net::Endpoint;

/// Conversations that are remembered. When there are more, all are forgotten: those that go on show the numbers as they are once more.
const MOST: usize = 1 << 16;

/// Where the sequence numbers of conversations begin.
#[derive(Debug, Default)]
pub struct Conversations(HashMap<Key, Start, RandomState>);

/// Of the key's low end, and of its high end.
#[derive(Debug, Clone, Copy)]
struct Start {
    low: u32,
    high: u32,
}

impl Conversations {
    /// (sequence number, acknowledgement number) of a segment as they are shown.
    pub(super) fn relative(
        &mut self,
        (source, destination): (Endpoint, Endpoint),
        flags: u8,
        seq: u32,
        ack: u32,
    ) -> (u32, u32) {
        if flags & tcp::ACK == 0 {
            return (seq, ack);
        }
        let (key, is_reversed) = Key::of(source, destination, protocol::TCP);
        match self.0.get(&key) {
            Some(start) if flags & tcp::SYN == 0 => {
                let (own, other) =
                    if is_reversed { (start.high, start.low) } else { (start.low, start.high) };
                (seq.wrapping_sub(own), ack.wrapping_sub(other))
            }
            _ => {
                if self.0.len() >= MOST {
                    self.0.clear();
                }
                let (own, other) = (seq, ack.wrapping_sub(1));
                let (low, high) = if is_reversed { (other, own) } else { (own, other) };
                self.0.insert(key, Start { low, high });
                (seq, ack)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Address;

    #[test]
    fn numbers_count_from_the_answer_to_a_syn() {
        let mut conversations = Conversations::default();
        let client = Endpoint { address: Address::v4(0x0a80_0005), port: 40001 };
        let server = Endpoint { address: Address::v4(0x0a00_0001), port: 443 };
        let mut shown = |ends, flags, seq, ack| conversations.relative(ends, flags, seq, ack);
        assert_eq!(shown((client, server), tcp::SYN, 1000, 0), (1000, 0));
        assert_eq!(shown((server, client), tcp::SYN | tcp::ACK, 5000, 1001), (5000, 1001));
        assert_eq!(shown((client, server), tcp::ACK, 1001, 5001), (1, 1));
        assert_eq!(shown((server, client), tcp::ACK, 5001, 1101), (1, 101));
    }

    #[test]
    fn numbers_of_a_conversation_met_midway_count_from_its_first_segment() {
        let mut conversations = Conversations::default();
        let ends = (Endpoint { port: 1, ..Endpoint::default() }, Endpoint { port: 2, ..Endpoint::default() });
        assert_eq!(conversations.relative(ends, tcp::ACK, u32::MAX, 77), (u32::MAX, 77));
        assert_eq!(conversations.relative(ends, tcp::ACK, 9, 78), (10, 2));
    }
}
