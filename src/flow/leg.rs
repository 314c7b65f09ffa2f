//! A track at one place: what of a conversation was seen there, under one 5-tuple, in or out of one tunnel.

use crate::digest::Motion;
use crate::flow::tcp;
use crate::frame::Timestamp;

/// A place of the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaceIndex(pub u16);

/// A tunnel of the whole run, from 1; 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TunnelIndex(pub u16);

impl TunnelIndex {
    pub const NONE: Self = Self(0);
}

/// A link-layer address of the whole run, from 1; 0 is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacIndex(pub u16);

impl MacIndex {
    pub const UNKNOWN: Self = Self(0);
}

/// Index of a leg in [`super::Table::legs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegIndex(pub u32);

impl LegIndex {
    pub const NONE: Self = Self(u32::MAX);
}

/// What a leg's packets from the client have been, as bits.
pub mod shown {
    pub const SYN: u8 = 0x01;
    pub const FIN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const DATA: u8 = 0x08;
    /// A bare acknowledgement before anybody closed: not what a stray looks like.
    pub const OPEN_ACK: u8 = 0x10;
    /// Data sent again that had not been acknowledged.
    pub const RETRY: u8 = 0x20;
    /// `seq_low` and `seq_end` hold numbers.
    pub const SEQ: u8 = 0x40;
    /// The leg's tunnel was entered at its larger outer address.
    pub const FROM_HIGH: u8 = 0x80;
}

/// How a leg's packets from the client moved, as bits; see [`Motion`].
pub mod moved {
    pub const IN: u8 = 0x01;
    pub const OUT: u8 = 0x02;
    pub const PASSING: u8 = 0x04;
}

/// What more there is to say of what a leg never showed, as bits.
mod gaps {
    /// There was more than one hole at a time: where the first of them ends is not kept.
    pub(super) const MORE_HOLES: u8 = 0x01;
    /// Bare segments stood one below the beginning, and nothing showed that byte.
    pub(super) const PROBED: u8 = 0x02;
}

/// What is kept of the other side's packets of a leg, while nobody knows for certain which side is the client's.
#[derive(Debug, Clone, Copy)]
pub struct Facing {
    pub ttl: u8,
    pub moved: u8,
    pub is_from_high: bool,
    pub source_mac: MacIndex,
    pub destination_mac: MacIndex,
}

/// Counters of one leg. "Out" is what the client sent, "back" what it was sent.
///
/// Kept small: a capture has several times as many legs as flows, and every packet touches one.
#[derive(Debug, Clone)]
pub struct Leg {
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// The number of its first frame within its point, from 1.
    pub first_ordinal: u64,
    /// On the wire, both directions.
    pub bytes: u64,
    pub out: u32,
    pub back: u32,
    /// Sequence space that the client's segments covered, SYN and FIN included, and how much between was never shown.
    pub seq_low: u32,
    pub seq_end: u32,
    pub holes: u32,
    /// Where the first of these holes begins, if there are any.
    pub hole_at: u32,
    /// Bits of [`gaps`].
    gaps: u8,
    /// The next leg of the same track.
    pub next: LegIndex,
    pub place: PlaceIndex,
    pub tunnel: TunnelIndex,
    /// Link-layer ends of the first packet out.
    pub source_mac: MacIndex,
    pub destination_mac: MacIndex,
    /// TTL or hop limit of the first packet out; of the first packet back where none was seen.
    pub ttl: u8,
    pub shown: u8,
    pub moved: u8,
}

impl Leg {
    pub fn new(place: PlaceIndex, tunnel: TunnelIndex, time: Timestamp, ordinal: u64) -> Self {
        Self {
            first_seen: time,
            last_seen: time,
            first_ordinal: ordinal,
            bytes: 0,
            out: 0,
            back: 0,
            seq_low: 0,
            seq_end: 0,
            holes: 0,
            hole_at: 0,
            gaps: 0,
            next: LegIndex::NONE,
            place,
            tunnel,
            source_mac: MacIndex::UNKNOWN,
            destination_mac: MacIndex::UNKNOWN,
            ttl: 0,
            shown: 0,
            moved: 0,
        }
    }

    pub fn has_shown(&self, bits: u8) -> bool {
        self.shown & bits != 0
    }

    /// Whether it and `other` are the same sight: a packet passes such a point of view once, so two 5-tuples
    /// that share one are two conversations.
    pub fn is_same_sight(&self, other: &Self) -> bool {
        self.out > 0
            && other.out > 0
            && self.place == other.place
            && self.tunnel == other.tunnel
            && self.moved & other.moved == self.moved | other.moved
            && self.source_mac == other.source_mac
    }

    /// Where the client's data ends, its FIN left out.
    pub fn data_end(&self) -> u32 {
        self.seq_end.wrapping_sub(self.has_shown(shown::FIN) as u32)
    }

    /// Notes what the first packet out tells.
    pub fn introduce(&mut self, ttl: u8, source: MacIndex, destination: MacIndex, is_from_high: bool) {
        self.ttl = ttl;
        if is_from_high {
            self.shown |= shown::FROM_HIGH;
        }
        self.source_mac = source;
        self.destination_mac = destination;
    }

    /// Adds a later fragment's bytes; its datagram is counted with its first.
    pub fn note_bytes(&mut self, time: Timestamp, bytes: u64) {
        self.first_seen = self.first_seen.min(time);
        self.last_seen = self.last_seen.max(time);
        self.bytes += bytes;
    }

    /// Takes what the client was thought to have sent for the other side's, and the other way round; `facing` is what was
    /// kept of the other side's packets. Returns what is to be kept now.
    pub fn turn(&mut self, facing: Option<Facing>) -> Option<Facing> {
        let own = Facing {
            ttl: self.ttl,
            moved: self.moved,
            is_from_high: self.has_shown(shown::FROM_HIGH),
            source_mac: self.source_mac,
            destination_mac: self.destination_mac,
        };
        let own = (self.out > 0).then_some(own);
        std::mem::swap(&mut self.out, &mut self.back);
        self.shown = 0;
        self.moved = 0;
        self.holes = 0;
        self.gaps = 0;
        self.source_mac = MacIndex::UNKNOWN;
        self.destination_mac = MacIndex::UNKNOWN;
        if let Some(facing) = facing {
            self.introduce(facing.ttl, facing.source_mac, facing.destination_mac, facing.is_from_high);
            self.moved = facing.moved;
        } else if self.out > 0 {
            // What is not known is learnt from the next packet.
            self.ttl = 0;
        }
        own
    }

    /// Counts one frame of `original` bytes.
    #[inline]
    pub fn count(&mut self, is_out: bool, time: Timestamp, original: u32) {
        self.first_seen = self.first_seen.min(time);
        self.last_seen = self.last_seen.max(time);
        self.bytes += u64::from(original);
        if is_out {
            self.out = self.out.saturating_add(1);
        } else {
            self.back = self.back.saturating_add(1);
        }
    }

    /// Notes how a packet out moved.
    #[inline]
    pub fn note_motion(&mut self, motion: Motion) {
        self.moved |= bits(motion);
    }

    /// Notes the sequence space of a segment out: `[seq, end)`, a SYN and a FIN included.
    ///
    /// What lies between the old end and a segment beyond it is a hole until it is sent again; so is what lies between
    /// data before the beginning and that. Of several holes at a time
    /// only their sum is kept: they stay, for nothing tells which bytes would fill them. A leg that begins with bare segments
    /// one below what follows begins with that: see [`probed`](Self::probed).
    #[inline]
    pub fn note_segment(&mut self, seq: u32, end: u32) {
        if !self.has_shown(shown::SEQ) {
            self.shown |= shown::SEQ;
            self.seq_low = seq;
            self.seq_end = end;
            return;
        }
        if tcp::is_after(seq, self.seq_end) {
            self.note_beyond(seq);
        } else if end != seq && tcp::is_after(self.seq_low, end) {
            self.note_hole(end, self.seq_low);
        } else if self.holes > 0 && self.gaps & gaps::MORE_HOLES == 0 {
            self.fill(seq, end);
        }
        // What carries nothing shows nothing of what lies before the beginning.
        if end != seq && tcp::is_after(self.seq_low, seq) {
            self.seq_low = seq;
            self.gaps &= !gaps::PROBED;
        }
        self.seq_end = tcp::later(self.seq_end, end);
    }

    #[cold]
    fn note_beyond(&mut self, seq: u32) {
        let is_all_bare = self.seq_low == self.seq_end && self.gaps & gaps::PROBED == 0;
        if is_all_bare && seq == self.seq_end.wrapping_add(1) {
            self.gaps |= gaps::PROBED;
            (self.seq_low, self.seq_end) = (seq, seq);
        } else {
            self.note_hole(self.seq_end, seq);
        }
    }

    #[cold]
    fn note_hole(&mut self, from: u32, to: u32) {
        if self.holes == 0 {
            self.hole_at = from;
        } else {
            self.gaps |= gaps::MORE_HOLES;
        }
        self.holes = self.holes.saturating_add(to.wrapping_sub(from));
    }

    /// The byte that bare segments at the leg's beginning stood at, where nothing of the leg showed it.
    ///
    /// A probe for a connection that idles stands one below what comes next, at a byte that was acknowledged before
    /// (RFC 9293 §3.8.4). Whether it was a probe is told by who acknowledges that byte.
    pub fn probed(&self) -> Option<u32> {
        if !self.has_shown(shown::SEQ) {
            None
        } else if self.gaps & gaps::PROBED != 0 {
            Some(self.seq_low.wrapping_sub(1))
        } else {
            (self.seq_low == self.seq_end).then_some(self.seq_low)
        }
    }

    /// Takes from the one hole what `[seq, end)` shows of it; what would part it in two leaves it as it is.
    fn fill(&mut self, seq: u32, end: u32) {
        let hole_end = self.hole_at.wrapping_add(self.holes);
        let (from, to) = (tcp::later(seq, self.hole_at), tcp::earlier(end, hole_end));
        if !tcp::is_after(to, from) {
            return;
        }
        if from == self.hole_at {
            self.hole_at = to;
            self.holes = hole_end.wrapping_sub(to);
        } else if to == hole_end {
            self.holes = from.wrapping_sub(self.hole_at);
        }
    }
}

/// A motion as a bit of [`Leg::moved`].
pub(super) fn bits(motion: Motion) -> u8 {
    match motion {
        Motion::Unsaid => 0,
        Motion::In => moved::IN,
        Motion::Out => moved::OUT,
        Motion::Passing => moved::PASSING,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg() -> Leg {
        Leg::new(PlaceIndex(0), TunnelIndex::NONE, Timestamp::from_nanos(5), 1)
    }

    #[test]
    fn a_hole_stays_until_it_is_sent_again() {
        let mut leg = leg();
        leg.note_segment(1000, 1100);
        leg.note_segment(1300, 1400);
        assert_eq!(leg.holes, 200);
        leg.note_segment(1100, 1200);
        leg.note_segment(1200, 1300);
        assert_eq!((leg.holes, leg.seq_low, leg.seq_end), (0, 1000, 1400));
    }

    #[test]
    fn what_was_shown_before_a_hole_does_not_fill_it() {
        let mut leg = leg();
        leg.note_segment(1000, 1100);
        leg.note_segment(1300, 1400);
        leg.note_segment(1000, 1100);
        assert_eq!(leg.holes, 200);
        leg.note_segment(1050, 1150);
        assert_eq!(leg.holes, 150, "half of it lies before the hole");
    }

    #[test]
    fn what_was_shown_after_a_hole_does_not_fill_it() {
        let mut leg = leg();
        leg.note_segment(1000, 1100);
        leg.note_segment(1200, 1300);
        leg.note_segment(1200, 1300);
        assert_eq!(leg.holes, 100);
        leg.note_segment(1150, 1400);
        assert_eq!((leg.holes, leg.hole_at, leg.seq_end), (50, 1100, 1400));
        leg.note_segment(1100, 1150);
        assert_eq!(leg.holes, 0);
    }

    #[test]
    fn what_parts_a_hole_in_two_leaves_it_as_it_is() {
        let mut leg = leg();
        leg.note_segment(1000, 1100);
        leg.note_segment(1400, 1500);
        leg.note_segment(1200, 1300);
        assert_eq!((leg.holes, leg.hole_at), (300, 1100));
    }

    #[test]
    fn two_holes_at_a_time_stay() {
        let mut leg = leg();
        leg.note_segment(1000, 1100);
        leg.note_segment(1200, 1300);
        leg.note_segment(1400, 1500);
        leg.note_segment(1200, 1300);
        leg.note_segment(1100, 1200);
        assert_eq!(leg.holes, 200);
    }

    #[test]
    fn a_hole_may_span_where_numbers_wrap() {
        let mut leg = leg();
        leg.note_segment(u32::MAX - 99, u32::MAX - 49);
        leg.note_segment(50, 100);
        leg.note_segment(50, 100);
        assert_eq!(leg.holes, 100);
        leg.note_segment(u32::MAX - 49, 50);
        assert_eq!(leg.holes, 0);
    }

    #[test]
    fn sequence_numbers_wrap() {
        let mut leg = leg();
        leg.note_segment(u32::MAX - 9, 10);
        leg.note_segment(10, 30);
        assert_eq!((leg.holes, leg.seq_low, leg.seq_end), (0, u32::MAX - 9, 30));
    }

    #[test]
    fn a_bare_acknowledgement_beyond_the_end_shows_the_hole_before_it() {
        let mut leg = leg();
        leg.note_segment(1000, 1001);
        leg.note_segment(1501, 1501);
        assert_eq!(leg.holes, 500);
    }

    #[test]
    fn what_lies_between_an_earlier_segment_and_the_beginning_is_a_hole() {
        let mut leg = leg();
        leg.note_segment(1000, 1100);
        leg.note_segment(800, 900);
        assert_eq!((leg.holes, leg.hole_at, leg.seq_low), (100, 900, 800));
        leg.note_segment(900, 1000);
        assert_eq!((leg.holes, leg.seq_low, leg.seq_end), (0, 800, 1100));
    }

    #[test]
    fn a_probe_stands_one_below_what_follows() {
        let mut leg = leg();
        leg.note_segment(999, 999);
        leg.note_segment(999, 999);
        assert_eq!((leg.probed(), leg.seq_low, leg.seq_end), (Some(999), 999, 999));
        leg.note_segment(1000, 1100);
        leg.note_segment(999, 999);
        assert_eq!((leg.probed(), leg.seq_low, leg.seq_end, leg.holes), (Some(999), 1000, 1100, 0));
        leg.note_segment(1101, 1101);
        assert_eq!(leg.holes, 1, "in the middle of data it is a hole");
    }

    #[test]
    fn a_byte_that_is_shown_was_not_probed_for() {
        let mut leg = leg();
        leg.note_segment(999, 999);
        leg.note_segment(1000, 1100);
        leg.note_segment(999, 1000);
        assert_eq!((leg.probed(), leg.seq_low, leg.holes), (None, 999, 0));
    }

    #[test]
    fn what_goes_on_one_by_one_without_data_shows_holes() {
        let mut leg = leg();
        for seq in [999, 1000, 1001, 1002] {
            leg.note_segment(seq, seq);
        }
        assert_eq!((leg.probed(), leg.holes), (Some(999), 2));
    }

    #[test]
    fn a_bare_segment_from_before_the_beginning_shows_nothing_of_it() {
        let mut leg = leg();
        leg.note_segment(1000, 1100);
        leg.note_segment(900, 900);
        assert_eq!((leg.probed(), leg.seq_low, leg.holes), (None, 1000, 0));
    }

    #[test]
    fn a_leg_that_is_turned_round_and_back_is_as_it_was() {
        let mut leg = leg();
        leg.introduce(63, MacIndex(1), MacIndex(2), true);
        leg.note_motion(Motion::Out);
        leg.count(true, Timestamp::from_nanos(6), 10);
        let facing = leg.turn(None);
        assert_eq!((leg.out, leg.back, leg.moved, leg.shown), (0, 1, 0, 0));
        assert_eq!(leg.source_mac, MacIndex::UNKNOWN);
        assert!(leg.turn(facing).is_none());
        assert_eq!((leg.out, leg.ttl, leg.moved, leg.shown), (1, 63, moved::OUT, shown::FROM_HIGH));
        assert_eq!((leg.source_mac, leg.destination_mac), (MacIndex(1), MacIndex(2)));
    }

    #[test]
    fn a_leg_stays_small() {
        assert!(size_of::<Leg>() <= 72, "{} bytes", size_of::<Leg>());
    }
}
