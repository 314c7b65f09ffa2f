//! What tracks have shown of single packets, kept until somebody asks which of them are one flow.
//!
//! A *print* is a hash of what NAT keeps of a packet; a *sign* is a print with the track and the place that showed it, and
//! when. Handshakes of TCP are joined as they come (`join`). Everything else leaves signs, which `weigh` compares when a
//! snapshot is asked for: what is concluded then rests on all of them, in whatever order they came.
//!
//! Not every packet leaves one. A leg's first few do, and after them ever fewer: the n-th with a chance of few/n, by a
//! number that every copy of the packet has. Whatever one capture keeps, another that began later keeps as well, so
//! captures that share nothing but a later part of a conversation still meet in some packets of it.
//!
//! ```text
//! key of the packet, of 2³²   kept by the leg's n-th packet, where few is 4:
//! 0                            key · n < 4 · 2³²
//! ├──────────┬─────────────────────────────┐
//! │ n ≤ 8    │ n ≤ 4                       │
//! ```

use crate::digest::{Digest, Kind, Motion};
use crate::flow::forget::Renumbered;
use crate::flow::leg::{PlaceIndex, TunnelIndex, bits};
use crate::flow::track::TrackIndex;
use crate::frame::{PointIndex, Timestamp};

/// Signs beyond the first few of each leg that a point may leave, for each of its legs: a million packets of a leg leave
/// some fifty. More of them only come of packets that were made to leave signs.
const BUDGET: u64 = 64;

/// How much a print tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// Content alone: what several hosts may send alike, again and again.
    Content,
    /// Numbers that were chosen by chance, which two packets hardly share.
    Numbers,
    /// Content and an identification that each packet has of its own.
    Packet,
    /// What all packets of a conversation carry in one direction.
    Lasting,
}

impl Class {
    const ALL: [Self; 4] = [Self::Content, Self::Numbers, Self::Packet, Self::Lasting];
}

/// A hash of what NAT keeps, under its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Print([u32; 2]);

impl Print {
    pub(super) fn new(class: Class, hash: u64) -> Self {
        let bits = hash >> 2 | (class as u64) << 62;
        Self([(bits >> 32) as u32, bits as u32])
    }

    pub(super) fn class(self) -> Class {
        Class::ALL[(self.0[0] >> 30) as usize]
    }
}

/// A print, and who showed it where and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sign {
    pub(super) print: Print,
    pub(super) track: TrackIndex,
    /// Milliseconds modulo 2²⁹ (six days), how the packet moved, and whether it travelled from the key's high end: who the
    /// client is may be found out later.
    when: u32,
    pub(super) place: PlaceIndex,
    pub(super) tunnel: TunnelIndex,
}

impl Sign {
    pub(super) fn is_reversed(self) -> bool {
        self.when & 1 != 0
    }

    /// How the packet moved, as a bit of [`moved`](super::leg::moved); 0 where the link type does not say.
    pub(super) fn motion(self) -> u8 {
        bits(MOTIONS[(self.when >> 1 & 3) as usize])
    }

    pub(super) fn millis(self) -> u32 {
        self.when >> 3
    }
}

const MOTIONS: [Motion; 4] = [Motion::Unsaid, Motion::In, Motion::Out, Motion::Passing];

/// Signs and legs of one point.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    beyond: u64,
    legs: u64,
}

/// All signs of a run.
#[derive(Debug, Default)]
pub(super) struct Signs {
    pub(super) list: Vec<Sign>,
    counts: Vec<Count>,
}

impl Signs {
    pub(super) fn note_leg(&mut self, point: PointIndex) {
        self.count(point).legs += 1;
    }

    /// Whether one more packet that is not among a leg's first few may leave a sign.
    pub(super) fn has_room(&mut self, point: PointIndex) -> bool {
        let count = self.count(point);
        let has_room = count.beyond < count.legs * BUDGET;
        count.beyond += u64::from(has_room);
        has_room
    }

    /// Gives the tracks their new numbers; the signs of those that are gone go, and give back their room. `legs` are
    /// the points of the legs that stay, `points` that of each place.
    pub(super) fn renumber(
        &mut self,
        new: &Renumbered,
        legs: impl Iterator<Item = PointIndex>,
        points: &[PointIndex],
    ) {
        self.list.retain_mut(|sign| new.track(sign.track).inspect(|new| sign.track = *new).is_some());
        if self.list.len() < self.list.capacity() / 4 {
            self.list.shrink_to(self.list.len() * 2);
        }
        let before = std::mem::take(&mut self.counts);
        legs.for_each(|point| self.note_leg(point));
        let mut held = vec![0; before.len()];
        for sign in &self.list {
            held[usize::from(points[usize::from(sign.place.0)].0)] += 1;
        }
        for (point, (before, held)) in (0..).map(PointIndex).zip(before.iter().zip(held)) {
            self.count(point).beyond = before.beyond.min(held);
        }
    }

    fn count(&mut self, point: PointIndex) -> &mut Count {
        let index = usize::from(point.0);
        if index >= self.counts.len() {
            self.counts.resize(index + 1, Count::default());
        }
        &mut self.counts[index]
    }

    pub(super) fn add(
        &mut self,
        print: Print,
        track: TrackIndex,
        (place, tunnel): (PlaceIndex, TunnelIndex),
        time: Timestamp,
        (is_reversed, motion): (bool, Motion),
    ) {
        let millis = (time.nanos().div_euclid(1_000_000)) as u32;
        let when = millis << 3 | (motion as u32) << 1 | u32::from(is_reversed);
        self.list.push(Sign { print, track, when, place, tunnel });
    }
}

/// Whether a leg's `nth` packet of a direction, from 1, is one to keep: one of the first `few`, or by its `key`.
#[inline]
pub(super) fn is_kept(key: u32, nth: u32, few: u32) -> bool {
    u64::from(key) * u64::from(nth) < u64::from(few) << 32
}

/// A number that all copies of a packet have, wherever they were seen, evenly spread over all packets.
#[inline]
pub(super) fn key(digest: &Digest, bytes: &[u8]) -> u32 {
    let numbers = match digest.kind {
        Kind::Udp if digest.ip_id == 0 => {
            let payload = bytes.get(usize::from(digest.payload)..).and_then(|rest| rest.first_chunk());
            payload.map_or(0, |beginning| u64::from_le_bytes(*beginning))
        }
        Kind::Udp => 0,
        _ => u64::from(digest.seq) << 32 | u64::from(digest.ack),
    };
    let mixed = (numbers ^ u64::from(digest.ip_id) << 13).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_stays_small() {
        assert!(size_of::<Sign>() <= 20, "{} bytes", size_of::<Sign>());
    }

    #[test]
    fn a_sign_keeps_when_and_how_its_packet_moved() {
        for motion in MOTIONS {
            for is_reversed in [false, true] {
                let mut signs = Signs::default();
                let at = (PlaceIndex(0), TunnelIndex::NONE);
                let time = Timestamp::from_nanos(77_000_000);
                signs.add(Print::new(Class::Packet, 5), TrackIndex(0), at, time, (is_reversed, motion));
                let sign = signs.list[0];
                assert_eq!(
                    (sign.millis(), sign.is_reversed(), sign.motion()),
                    (77, is_reversed, bits(motion))
                );
            }
        }
    }

    #[test]
    fn a_print_keeps_its_class() {
        for class in Class::ALL {
            assert_eq!(Print::new(class, u64::MAX).class(), class);
            assert_eq!(Print::new(class, 0).class(), class);
        }
    }

    #[test]
    fn the_first_few_packets_are_kept_and_then_ever_fewer() {
        assert!((1..=4).all(|nth| is_kept(u32::MAX, nth, 4)));
        assert!(!is_kept(u32::MAX, 5, 4));
        let keys = (1..=1_000_000u32).map(|n| (n, n.wrapping_mul(0x9e37_79b9)));
        let kept = keys.filter(|(n, key)| is_kept(*key, *n, 4)).count();
        assert!((30..90).contains(&kept), "{kept} of a million");
    }

    #[test]
    fn what_is_kept_late_in_one_capture_is_kept_early_in_another() {
        let key = |n: u32| n.wrapping_mul(0x9e37_79b9);
        let shared = (10_000..40_000u32).filter(|n| is_kept(key(*n), *n, 4)).collect::<Vec<_>>();
        assert!(shared.len() >= 2, "{shared:?}");
        assert!(shared.iter().all(|n| is_kept(key(*n), *n - 9_999, 4)));
    }

    #[test]
    fn packets_made_to_leave_signs_leave_a_bounded_number() {
        let mut signs = Signs::default();
        signs.note_leg(PointIndex(3));
        let kept = (0..10_000).filter(|_| signs.has_room(PointIndex(3))).count();
        assert_eq!(kept as u64, BUDGET);
        assert!(!signs.has_room(PointIndex(0)), "a point without legs");
    }
}
