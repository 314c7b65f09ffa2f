//! Splits the signs of one print into packets, and links the tracks that showed one packet.
//!
//! 1. Inside one clock domain time tells which sightings are of one packet; sightings of one track belong together wherever
//!    they were. What remains over several domains is one packet if no two of its parts were seen by the same clock; else
//!    nothing tells which part belongs to which.
//! 2. A packet passes a sight once. Where two tracks show one there, they are two packets that are equal, and time does not
//!    tell them apart: the print joins nobody, and all who showed it are rivals.
//! 3. Content without an identification may be sent by many hosts again and again. It joins where time tells, and over clock
//!    domains only if no track showed it twice; and two sources with one TTL are two senders, because a packet that is
//!    translated is routed.

use foldhash::HashMap;
use smallvec::SmallVec;

use super::{Findings, Link, Tie, ordered, root};
use crate::flow::join::TRACKS;
use crate::flow::sign::{Class, Sign};
use crate::flow::table::Table;
use crate::flow::track::{TrackIndex, known};
use crate::frame::PointIndex;

/// How far apart in ms two sightings of one packet may be inside one clock domain; where that leaves doubt, a node
/// passes a packet on within much less.
const APART: u32 = 100;
const NEAR: u32 = 5;

/// Parts of one print that are looked at. Where there are more, nobody is named.
const PARTS: usize = 16;

/// Sightings of one print that belong together.
#[derive(Debug, Default)]
struct Part {
    tracks: SmallVec<[TrackIndex; 4]>,
    points: SmallVec<[PointIndex; 2]>,
    is_doubtful: bool,
    /// Some point saw it at several times.
    is_repeated: bool,
}

impl Part {
    fn has_point_of(&self, other: &Self) -> bool {
        self.points.iter().any(|point| other.points.contains(point))
    }

    fn add(&mut self, point: PointIndex, track: TrackIndex) {
        if !self.points.contains(&point) {
            self.points.push(point);
        }
        self.tracks.push(track);
    }
}

impl Table {
    fn point_of_sign(&self, sign: Sign) -> PointIndex {
        self.points[usize::from(sign.place.0)]
    }

    /// Whether the client sent the packet.
    fn is_sign_out(&self, sign: Sign) -> bool {
        self.track(sign.track).is_out(sign.is_reversed())
    }

    /// Takes in all signs of one print, which are sorted by point and time.
    pub(super) fn weigh(&self, alike: &[Sign], findings: &mut Findings) {
        // Segments of conversations that began with a handshake are joined by that.
        let is_settled = |sign: &Sign| {
            let track = self.track(sign.track);
            track.is_tcp() && track.knows(known::CLIENT_ISN)
        };
        if alike.iter().all(is_settled) {
            return;
        }
        let mut parts = self.parts(alike, findings);
        // Where one print is of several packets, whatever it is made of tells no more than content does.
        let class = if parts.len() == 1 { alike[0].print.class() } else { Class::Content };
        let (doubtful, mut clear): (Vec<Part>, Vec<Part>) =
            parts.drain(..).partition(|part| part.is_doubtful);
        if !doubtful.is_empty() {
            let mut rivals: Vec<TrackIndex> = doubtful.iter().flat_map(|part| part.tracks.clone()).collect();
            // They may belong to what another clock showed.
            let elsewhere =
                clear.iter().filter(|part| !doubtful.iter().any(|other| part.has_point_of(other)));
            rivals.extend(elsewhere.flat_map(|part| part.tracks.clone()));
            findings.doubt(rivals);
            clear.retain(|part| doubtful.iter().any(|other| part.has_point_of(other)));
        }
        let is_one_clock = clear.first().is_none_or(|first| {
            first.points.iter().any(|p| clear.iter().all(|part| part.points.contains(p)))
        });
        if is_one_clock {
            for part in &clear {
                self.link(alike, class, &part.tracks, findings);
            }
            return;
        }
        if clear.len() > PARTS {
            findings.doubt(clear.iter().flat_map(|part| part.tracks.clone()).collect());
            return;
        }
        self.link_over_clocks(alike, &clear, findings);
    }

    /// Links parts that no clock tells apart, where there is but one way to do so.
    fn link_over_clocks(&self, alike: &[Sign], clear: &[Part], findings: &mut Findings) {
        let is_content = alike[0].print.class() == Class::Content;
        let can_be_one = |a: usize, b: usize| !clear[a].has_point_of(&clear[b]);
        let mut is_taken = [false; PARTS];
        for start in 0..clear.len() {
            if is_taken[start] {
                continue;
            }
            let mut group: SmallVec<[usize; PARTS]> = SmallVec::from_slice(&[start]);
            is_taken[start] = true;
            let mut next = 0;
            while next < group.len() {
                for (other, taken) in is_taken.iter_mut().enumerate().take(clear.len()) {
                    if !*taken && can_be_one(group[next], other) {
                        *taken = true;
                        group.push(other);
                    }
                }
                next += 1;
            }
            let tracks: Vec<TrackIndex> = group.iter().flat_map(|part| clear[*part].tracks.clone()).collect();
            let is_one_way =
                group.iter().enumerate().all(|(n, a)| group[..n].iter().all(|b| can_be_one(*a, *b)));
            let is_worn = is_content && group.iter().any(|part| clear[*part].is_repeated);
            let is_doubtful = is_content && self.has_two_senders(alike, &tracks);
            // Parts that are left over, because others were lost, fit each other by chance.
            let is_all = group.len() == clear.len();
            if is_all && is_one_way && !is_worn && !is_doubtful {
                // One packet over clocks is hardly another's; two of them are not.
                let class = match alike[0].print.class() {
                    Class::Packet if group.len() > 1 => Class::Numbers,
                    class => class,
                };
                self.link(alike, class, &tracks, findings);
                continue;
            }
            for part in &group {
                self.link(alike, Class::Content, &clear[*part].tracks, findings);
            }
            if group.len() == 1 {
                continue;
            }
            // What was sent again and again proves nothing over clocks, and raises no doubt.
            if !is_worn {
                findings.doubt(tracks);
            }
        }
    }

    /// Splits the signs of one print into what belongs together.
    fn parts(&self, alike: &[Sign], findings: &mut Findings) -> Vec<Part> {
        let is_content = alike[0].print.class() == Class::Content;
        let mut bursts: Vec<&[Sign]> = Vec::new();
        let mut doubtful: Vec<&[Sign]> = Vec::new();
        if alike[0].print.class() == Class::Lasting {
            bursts.push(alike);
        } else {
            for burst in self.bursts(alike, APART) {
                if !self.is_doubtful(burst) {
                    bursts.push(burst);
                    continue;
                }
                for burst in self.bursts(burst, NEAR) {
                    if self.is_doubtful(burst) {
                        self.part(burst, findings);
                        doubtful.push(burst);
                    } else {
                        bursts.push(burst);
                    }
                }
            }
        }
        // Bursts that show one track belong together.
        let mut group: Vec<usize> = (0..bursts.len()).collect();
        let mut of_track: HashMap<TrackIndex, usize> = HashMap::default();
        for (n, burst) in bursts.iter().enumerate() {
            for sign in *burst {
                let first = *of_track.entry(sign.track).or_insert(n);
                let (a, b) = (root(&mut group, first), root(&mut group, n));
                group[a.max(b)] = a.min(b);
            }
        }
        let mut parts: Vec<Part> = Vec::new();
        let mut index: HashMap<usize, usize> = HashMap::default();
        let mut members: Vec<Vec<Sign>> = Vec::new();
        for (n, burst) in bursts.iter().enumerate() {
            let part = *index.entry(root(&mut group, n)).or_insert(parts.len());
            if part == parts.len() {
                parts.push(Part::default());
                members.push(Vec::new());
            }
            let point = self.point_of_sign(burst[0]);
            parts[part].is_repeated |= parts[part].points.contains(&point);
            for sign in *burst {
                parts[part].add(self.point_of_sign(*sign), sign.track);
            }
            members[part].extend_from_slice(burst);
        }
        for (part, signs) in parts.iter_mut().zip(&members) {
            self.put_in_order(&mut part.tracks);
            part.is_doubtful = part.tracks.len() > usize::from(TRACKS)
                || self.is_doubtful(signs)
                || (is_content && self.has_two_senders(signs, &part.tracks));
        }
        for burst in doubtful {
            let mut part = Part { is_doubtful: true, ..Part::default() };
            for sign in burst.iter().filter(|sign| !of_track.contains_key(&sign.track)) {
                part.add(self.point_of_sign(*sign), sign.track);
            }
            self.put_in_order(&mut part.tracks);
            if !part.tracks.is_empty() {
                parts.push(part);
            }
        }
        parts
    }

    /// Each track once, in an order that does not depend on that of reading.
    fn put_in_order(&self, tracks: &mut SmallVec<[TrackIndex; 4]>) {
        tracks.sort_unstable();
        tracks.dedup();
        tracks.sort_by_cached_key(|track| self.first_frame(*track));
    }

    /// Runs of signs of one point with less than `apart` ms from one to the next.
    fn bursts<'a>(&self, signs: &'a [Sign], apart: u32) -> impl Iterator<Item = &'a [Sign]> + use<'a, '_> {
        signs.chunk_by(move |one, other| {
            self.point_of_sign(*one) == self.point_of_sign(*other)
                && other.millis().wrapping_sub(one.millis()) < apart
        })
    }

    /// Whether two tracks show the packet at one sight.
    fn is_doubtful(&self, signs: &[Sign]) -> bool {
        self.equals_at_one_sight(signs).next().is_some()
    }

    /// Pairs of tracks that show the packet at one sight: it passed there twice, so it is two.
    fn equals_at_one_sight(&self, signs: &[Sign]) -> impl Iterator<Item = (TrackIndex, TrackIndex)> {
        let mut by_place: SmallVec<[(Sign, u8); 8]> =
            signs.iter().map(|sign| (*sign, sign.motion())).collect();
        by_place.sort_by_cached_key(|(sign, _)| (sign.place, sign.tunnel, self.first_frame(sign.track)));
        by_place.dedup_by(|(sign, motion), (first, motions)| {
            let is_one = (sign.place, sign.tunnel, sign.track) == (first.place, first.tunnel, first.track);
            *motions |= if is_one { *motion } else { 0 };
            is_one
        });
        let is_equal = |(one, motions): &(Sign, u8), (other, its_motions): &(Sign, u8)| {
            if one.track == other.track || (one.place, one.tunnel) != (other.place, other.tunnel) {
                return false;
            }
            let leg = |sign: &Sign| {
                let mut legs = self.legs_of(sign.track).map(|(_, leg)| leg);
                legs.find(|leg| (leg.place, leg.tunnel) == (sign.place, sign.tunnel))
            };
            let (Some(leg), Some(its)) = (leg(one), leg(other)) else { return true };
            match (self.is_sign_out(*one), self.is_sign_out(*other)) {
                (true, true) => leg.is_same_sight(its),
                // A device that is routed over shows what comes back twice: as it comes in and as it goes out.
                (false, false) => motions == its_motions,
                // Equal packets one way and the other.
                _ => true,
            }
        };
        let mut pairs: SmallVec<[(TrackIndex, TrackIndex); 4]> = SmallVec::new();
        for (n, one) in by_place.iter().enumerate() {
            let rest = by_place[n + 1..].iter().take(PARTS);
            pairs.extend(
                rest.filter(|other| is_equal(one, other)).map(|(other, _)| ordered(one.0.track, other.track)),
            );
        }
        pairs.into_iter()
    }

    /// Notes which tracks show equal packets at one sight and time: they are no flow, whatever else they share.
    fn part(&self, burst: &[Sign], findings: &mut Findings) {
        let pairs = self.equals_at_one_sight(burst);
        findings.links.extend(pairs.map(|pair| Link { pair, tie: Tie::Two }));
    }

    /// Whether two of the tracks look like two senders: other sources with one TTL, towards one destination.
    fn has_two_senders(&self, alike: &[Sign], tracks: &[TrackIndex]) -> bool {
        let showed =
            |track: &TrackIndex| alike.iter().any(|sign| sign.track == *track && self.is_sign_out(*sign));
        let ttl = |track: TrackIndex| {
            self.legs_of(track).filter(|(_, leg)| leg.out > 0).map(|(_, leg)| leg.ttl).max().unwrap_or(0)
        };
        let tracks = || tracks.iter().filter(|track| showed(track)).take(PARTS);
        tracks().enumerate().any(|(n, one)| {
            tracks().take(n).any(|other| {
                let (a, b) = (self.track(*one), self.track(*other));
                a.client().address != b.client().address
                    && a.server() == b.server()
                    && ttl(*one) == ttl(*other)
            })
        })
    }

    /// Links all of a packet's tracks with one another.
    fn link(&self, alike: &[Sign], class: Class, tracks: &[TrackIndex], findings: &mut Findings) {
        let is_out = |track: TrackIndex| {
            alike.iter().find(|sign| sign.track == track).is_none_or(|sign| self.is_sign_out(*sign))
        };
        for (n, one) in tracks.iter().enumerate().take(usize::from(TRACKS)) {
            for other in &tracks[..n] {
                if self.track(*one).key != self.track(*other).key {
                    let tie = Tie::One(class, is_out(*one) == is_out(*other));
                    findings.links.push(Link { pair: ordered(*one, *other), tie });
                }
            }
        }
    }
}
