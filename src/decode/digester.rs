//! Digests the frames of one point, batch by batch, and numbers its places and tunnels.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::decode::fast::fast;
use crate::decode::full::full;
use crate::decode::hint;
use crate::decode::{KeyHasher, Options, link};
use crate::digest::{Batch, Kind, LocalPlace, LocalTunnel, Spot, Tunnel, Within};
use crate::frame::LinkType;

/// Most places of a point. The last number stands for all that appear after it; its spot is the whole interface
/// where the first of them appeared.
const PLACES: usize = 4096;

/// Most tunnels of a point. The last number stands for all that appear after it; what is told of it is the first.
const TUNNELS: usize = 65_535;

/// The decoder of one point: knows its interfaces, and which places and tunnels it has told of.
#[derive(Debug)]
pub struct Digester {
    hasher: KeyHasher,
    options: Options,
    links: Vec<LinkType>,
    places: Places,
    tunnels: Tunnels,
}

impl Digester {
    /// A digester for a point; `hasher` is the one of the run.
    pub fn new(hasher: KeyHasher, options: Options) -> Self {
        Self { hasher, options, links: Vec::new(), places: Places::new(), tunnels: Tunnels::default() }
    }

    /// Gives each of the batch's heads its digest, after taking in the interfaces that are new in it.
    ///
    /// Frames of an interface that was never described, or of an unknown link type, are `Understood::Not`.
    pub fn digest(&mut self, batch: &mut Batch) {
        // Heads name interfaces in 16 bits: what is beyond cannot be meant.
        let room = (usize::from(u16::MAX) + 1).saturating_sub(self.links.len());
        self.links.extend(batch.interfaces.iter().map(|interface| interface.link).take(room));
        batch.digests.clear();
        for (index, head) in batch.heads.iter().enumerate() {
            let bytes = batch.slab.get(head.range()).unwrap_or_default();
            let link = self.links.get(usize::from(head.interface)).copied().unwrap_or(UNDESCRIBED);
            let (within, motion) = link::sighting(bytes, link);
            let mut digest =
                if let Some(digest) = fast(bytes, link, motion, &self.options.ports, &self.hasher) {
                    digest
                } else {
                    let mut full = full(bytes, link, head.original, &self.options, &self.hasher);
                    if let Some(tunnel) = full.tunnel {
                        full.digest.tunnel = self.tunnels.number(tunnel, &mut batch.tunnels);
                        full.digest.tunnel_reversed = full.tunnel_reversed;
                    }
                    if let Some(error) = full.icmp {
                        batch.icmp_errors.push((index as u32, error));
                    }
                    if let Some(piece) = full.piece {
                        batch.fragments.push((index as u32, piece));
                    }
                    if let Some(claim) = full.claim {
                        batch.claims.push((index as u32, claim));
                    }
                    full.digest
                };
            digest.may_tell = digest.kind == Kind::Tcp
                && digest.payload_len > 0
                && hint::may_tell(digest.payload_of(bytes));
            digest.place = self.places.number(Spot { interface: head.interface, within }, &mut batch.places);
            batch.digests.push(digest);
        }
    }
}

/// Stands for the link type of an interface that was not described: the registry leaves the last number free.
const UNDESCRIBED: LinkType = LinkType(u16::MAX);

/// Numbers spots in order of first appearance.
///
/// A node's frames hop between a few places, most packets touching several: a small table answers at once for those
/// seen lately, whatever their interface indexes are, and the map for all others.
#[derive(Debug)]
struct Places {
    recent: Box<[(u64, LocalPlace); Self::RECENT]>,
    numbers: HashMap<u64, LocalPlace, RandomState>,
    told: usize,
}

impl Places {
    const RECENT: usize = 256;
    /// A word that no spot packs to.
    const NONE: u64 = u64::MAX;

    fn new() -> Self {
        Self {
            recent: Box::new([(Self::NONE, LocalPlace(0)); Self::RECENT]),
            numbers: HashMap::default(),
            told: 0,
        }
    }

    #[inline]
    fn number(&mut self, spot: Spot, new: &mut Vec<Spot>) -> LocalPlace {
        let word = Self::pack(spot);
        // The top eight bits of a product with an odd constant (2^64 / golden ratio) depend on all bits below.
        let slot = (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize;
        let (recent, place) = self.recent[slot];
        if recent == word {
            return place;
        }
        let place = self.look_up(word, spot, new);
        self.recent[slot] = (word, place);
        place
    }

    #[cold]
    fn look_up(&mut self, word: u64, spot: Spot, new: &mut Vec<Spot>) -> LocalPlace {
        if let Some(&place) = self.numbers.get(&word) {
            return place;
        }
        let last = LocalPlace(PLACES as u16 - 1);
        let place = match self.told {
            told if told < PLACES - 1 => {
                self.numbers.insert(word, LocalPlace(told as u16));
                new.push(spot);
                LocalPlace(told as u16)
            }
            told if told < PLACES => {
                new.push(Spot { within: Within::Whole, ..spot });
                last
            }
            _ => return last,
        };
        self.told += 1;
        place
    }

    /// 16 bits of interface, 16 of kind, 32 of number within.
    #[inline]
    fn pack(spot: Spot) -> u64 {
        let (kind, number) = match spot.within {
            Within::Whole => (0, 0),
            Within::Index(index) => (1, index),
            Within::PacketType(packet_type) => (2, u32::from(packet_type)),
        };
        u64::from(spot.interface) << 48 | kind << 32 | u64::from(number)
    }
}

/// Numbers tunnels in order of first appearance, from 1.
#[derive(Debug, Default)]
struct Tunnels {
    latest: Option<(Tunnel, LocalTunnel)>,
    numbers: HashMap<Tunnel, LocalTunnel, RandomState>,
}

impl Tunnels {
    fn number(&mut self, tunnel: Tunnel, new: &mut Vec<Tunnel>) -> LocalTunnel {
        if let Some((latest, number)) = self.latest
            && latest == tunnel
        {
            return number;
        }
        let number = match self.numbers.get(&tunnel) {
            Some(&number) => number,
            None if self.numbers.len() == TUNNELS => LocalTunnel(TUNNELS as u16),
            None => {
                let number = LocalTunnel(self.numbers.len() as u16 + 1);
                self.numbers.insert(tunnel, number);
                new.push(tunnel);
                number
            }
        };
        self.latest = Some((tunnel, number));
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::build::{Inner, icmp, raw, tcp};
    use crate::digest::{Head, Interface, Understood};
    use crate::frame::{PointIndex, Timestamp};

    fn digester() -> Digester {
        Digester::new(KeyHasher::new(1), Options::default())
    }

    fn batch(links: &[LinkType], frames: &[(u16, Vec<u8>)]) -> Batch {
        let mut batch = Batch::new(PointIndex(0));
        let interface = |&link| Interface { link, name: None, snap_length: 0 };
        batch.interfaces = links.iter().map(interface).collect();
        for (interface, bytes) in frames {
            let (start, length) = (batch.slab.len() as u32, bytes.len() as u32);
            batch.slab.extend(bytes);
            let time = Timestamp::default();
            batch.heads.push(Head { time, start, captured: length, original: length, interface: *interface });
        }
        batch
    }

    fn segment() -> Inner {
        tcp(40001, 443, 3).in4("10.128.0.5", "203.0.113.25")
    }

    fn places(batch: &Batch) -> Vec<u16> {
        batch.digests.iter().map(|digest| digest.place.0).collect()
    }

    #[test]
    fn places_are_numbered_as_they_appear_and_told_once() {
        let frames = [(0, segment().sll2(7, 0)), (0, segment().sll2(2, 4)), (0, segment().sll2(7, 4))];
        let mut digester = digester();
        let mut first = batch(&[LinkType::LINUX_SLL2], &frames);
        digester.digest(&mut first);
        assert_eq!(places(&first), [0, 1, 0]);
        assert_eq!(first.places, [7, 2].map(|index| Spot { interface: 0, within: Within::Index(index) }));
        let mut second = batch(&[], &[frames[1].clone(), (0, segment().sll2(100_000, 0))]);
        digester.digest(&mut second);
        assert_eq!(places(&second), [1, 2]);
        assert_eq!(second.places.len(), 1);
    }

    #[test]
    fn interfaces_of_one_file_are_read_by_their_own_link_types() {
        let frames =
            [(0, segment().ethernet()), (1, segment().sll(0)), (1, segment().sll(4)), (2, segment().wire)];
        let mut batch = batch(&[LinkType::ETHERNET, LinkType::LINUX_SLL, LinkType::RAW], &frames);
        digester().digest(&mut batch);
        assert!(
            batch.digests.iter().all(|digest| digest.key == batch.digests[0].key && digest.kind == Kind::Tcp)
        );
        let within = [Within::Whole, Within::PacketType(0), Within::PacketType(4), Within::Whole];
        assert_eq!(batch.places.iter().map(|spot| spot.within).collect::<Vec<_>>(), within);
    }

    #[test]
    fn frames_of_unknown_links_are_counted_at_a_place_of_their_own() {
        let frames = [(0, vec![0; 60]), (5, segment().ethernet())];
        let mut batch = batch(&[LinkType(147)], &frames);
        digester().digest(&mut batch);
        assert!(batch.digests.iter().all(|digest| digest.understood == Understood::Not));
        assert_eq!(batch.places.iter().map(|spot| spot.interface).collect::<Vec<_>>(), [0, 5]);
    }

    #[test]
    fn tunnels_are_equal_both_ways_and_told_once() {
        let there = segment().vxlan(4789, 5).in4("192.168.12.11", "192.168.12.12").ethernet();
        let back = segment().vxlan(4789, 5).in4("192.168.12.12", "192.168.12.11").ethernet();
        let other = segment().vxlan(4789, 6).in4("192.168.12.12", "192.168.12.11").ethernet();
        let plain = segment().ethernet();
        let mut batch = batch(&[LinkType::ETHERNET], &[there, back, other, plain].map(|bytes| (0, bytes)));
        digester().digest(&mut batch);
        assert_eq!(batch.digests.iter().map(|digest| digest.tunnel.0).collect::<Vec<_>>(), [1, 1, 2, 0]);
        assert_eq!(batch.tunnels.iter().map(|tunnel| tunnel.id).collect::<Vec<_>>(), [Some(5), Some(6)]);
    }

    #[test]
    fn an_icmp_error_is_told_with_the_number_of_its_frame() {
        let error = icmp(1, 3, &segment().wire).in4("192.168.12.1", "10.128.0.5").ethernet();
        let mut batch = batch(&[LinkType::ETHERNET], &[(0, segment().ethernet()), (0, error)]);
        digester().digest(&mut batch);
        assert_eq!(
            batch.icmp_errors.iter().map(|(index, error)| (*index, error.kind)).collect::<Vec<_>>(),
            [(1, 3)]
        );
        assert_eq!(batch.digests[1].key, batch.digests[0].key);
        assert_eq!(batch.digests[1].hash, batch.digests[0].hash);
    }

    #[test]
    fn the_last_number_stands_for_all_places_beyond_the_most() {
        let frames: Vec<_> = (0..5000).map(|index| (0, raw(0x0806, &[]).sll2(index, 0))).collect();
        let mut digester = digester();
        let mut batch = batch(&[LinkType::LINUX_SLL2], &frames);
        digester.digest(&mut batch);
        assert_eq!(batch.places.len(), PLACES);
        assert_eq!(batch.places[PLACES - 1], Spot { interface: 0, within: Within::Whole });
        assert_eq!(places(&batch)[4090..4098], [4090, 4091, 4092, 4093, 4094, 4095, 4095, 4095]);
    }

    #[test]
    fn tunnels_beyond_the_most_are_still_tunnels() {
        let mut tunnels = Tunnels::default();
        let mut told = Vec::new();
        let tunnel = |id| Tunnel {
            kind: crate::digest::TunnelKind::Vxlan,
            id: Some(id),
            low: crate::net::Address::v4(1),
            high: crate::net::Address::v4(2),
        };
        for id in 0..70_000 {
            assert_eq!(tunnels.number(tunnel(id), &mut told).0, (id + 1).min(65_535) as u16);
        }
        assert_eq!((told.len(), tunnels.number(tunnel(0), &mut told).0), (TUNNELS, 1));
    }
}
