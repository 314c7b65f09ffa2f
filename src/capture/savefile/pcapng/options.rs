//! The options at the end of a block, read leniently.

use super::super::order::Order;

/// `opt_comment` of any block.
pub(super) const COMMENT: u16 = 1;
/// `if_name`, `if_tsresol`, `if_filter` and `if_tsoffset` of an interface description.
pub(super) const NAME: u16 = 2;
pub(super) const RESOLUTION: u16 = 9;
pub(super) const FILTER: u16 = 11;
pub(super) const OFFSET: u16 = 14;
/// `epb_dropcount` of an enhanced packet: frames lost since the interface's packet before.
const PACKET_LOST: u16 = 4;
/// `isb_ifdrop` and `isb_osdrop` of interface statistics: frames lost since the beginning.
const INTERFACE_LOST: u16 = 5;
const SYSTEM_LOST: u16 = 7;

/// The (code, value) pairs of a block, up to the end marker or the first that makes no sense.
#[derive(Debug)]
pub(super) struct Options<'a> {
    order: Order,
    rest: &'a [u8],
}

impl<'a> Options<'a> {
    /// The options of the whole `block` that begin at `from`, or where the next 32-bit word does.
    pub(super) fn of_block(order: Order, block: &'a [u8], from: usize) -> Self {
        let end = block.len().saturating_sub(4);
        Self { order, rest: block.get(from.next_multiple_of(4)..end).unwrap_or_default() }
    }

    pub(super) fn packet_losses(self) -> u64 {
        self.sum(&[PACKET_LOST])
    }

    pub(super) fn statistics_losses(self) -> u64 {
        self.sum(&[INTERFACE_LOST, SYSTEM_LOST])
    }

    /// The sum of the 64-bit counters with these codes; one of another width is none.
    fn sum(self, codes: &[u16]) -> u64 {
        let order = self.order;
        self.filter(|(code, value)| codes.contains(code) && value.len() == 8)
            .fold(0, |sum, (_, value)| sum.saturating_add(order.u64(value, 0)))
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (start, rest) = self.rest.split_first_chunk::<4>()?;
        let (code, length) = (self.order.u16(start, 0), self.order.u16(start, 2) as usize);
        if code == 0 {
            return None;
        }
        let value = rest.get(..length)?;
        self.rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    }
}
