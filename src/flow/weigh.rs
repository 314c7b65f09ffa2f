//! Weighs what tracks have shown of single packets, and joins those that are one flow beyond doubt.
//!
//! This is done when a snapshot is asked for, over all signs at once (`sign`), and undone when more frames come: what is
//! concluded rests on what was seen, not on the order in which it was read. Five steps:
//!
//! 1. **Packets.** All signs with one print are split into packets. Inside one clock domain time tells which sightings
//!    are of one packet; sightings of one track belong together wherever they were. What remains over several domains
//!    is one packet if no two of its parts were seen by the same clock; else nothing tells which part belongs to which.
//! 2. **Doubt.** A packet passes a sight once. Where two tracks show one there, they are two packets that are equal, and
//!    time does not tell them apart: the print joins nobody, and all who showed it are kept as rivals.
//! 3. **Links.** Tracks that show one packet are linked, by how much that packet's print tells ([`Class`]). Links are taken
//!    strongest first, all of one strength together: what hangs together by them becomes a flow if all of it can be
//!    one, and is contested as a whole if not. Whatever is joined by stronger links is not moved by weaker ones.
//! 4. **Tables.** What packets joined to nobody is joined as conntrack's tables tell it (`translations`), if it can be one flow.
//! 5. **Rivals.** Who showed a doubtful print, and was joined to nobody who showed it too, is contested by the others.
//!
//! Content without an identification may be sent by many hosts again and again. It joins where time tells, and over clock
//! domains only if no track showed it twice; and two sources with one TTL are two senders, because a packet that is
//! translated is routed.

use smallvec::SmallVec;

use crate::flow::datagram::{FIRST_SPEAKER, orientation};
use crate::flow::join::TRACKS;
use crate::flow::sign::{Class, Sign};
use crate::flow::table::{Flow, FlowIndex, Table};
use crate::flow::track::{TrackIndex, known};
use crate::frame::PointIndex;

use foldhash::HashMap;

/// How far apart in ms two sightings of one packet may be inside one clock domain; where that leaves doubt, a node
/// passes a packet on within much less.
const APART: u32 = 100;
const NEAR: u32 = 5;

/// Parts of one print, and rivals of one doubt, that are looked at. Where there are more, nobody is named.
const PARTS: usize = 16;

/// Tracks of which any may belong to any other.
type Rivals = SmallVec<[TrackIndex; 8]>;

/// What the last weighing did, to be undone.
#[derive(Debug, Default)]
pub(super) struct Weighed {
    is_done: bool,
    /// Flows that were united: the one that was kept, as it was, and the one that went into it.
    united: Vec<(FlowIndex, Flow, FlowIndex, Flow)>,
    /// Flows that were marked as contested.
    contested: Vec<FlowIndex>,
    rivals: Vec<Rivals>,
    /// The doubts that a track is part of.
    doubts: HashMap<TrackIndex, SmallVec<[u32; 2]>>,
}

/// Two tracks that showed one packet, or cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Link {
    pair: (TrackIndex, TrackIndex),
    tie: Tie,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tie {
    /// One packet; whether both take the same end for the client.
    One(Class, bool),
    /// Two equal packets at one sight and one time.
    Two,
}

/// All that links two tracks.
#[derive(Debug, Clone, Copy)]
struct Bond {
    pair: (TrackIndex, TrackIndex),
    strength: Strength,
    is_turned: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    /// By conntrack's tables.
    Told,
    Content,
    Numbers,
    Certain,
}

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
}

/// What the prints have said so far.
#[derive(Debug, Default)]
struct Findings {
    links: Vec<Link>,
    rivals: Vec<Rivals>,
    /// Tracks in a doubt of too many to name.
    nameless: Vec<TrackIndex>,
}

impl Table {
    /// Joins what can be joined of all that was taken in. Until more is, nothing changes.
    pub fn settle(&mut self) {
        if self.weighed.is_done {
            return;
        }
        self.weighed.is_done = true;
        self.settle_errors();
        self.settle_fragments();
        let mut signs = std::mem::take(&mut self.signs.list);
        signs
            .sort_unstable_by_key(|sign| (sign.print, self.points[usize::from(sign.place.0)], sign.millis()));
        let mut findings = Findings::default();
        for alike in signs.chunk_by(|one, other| one.print == other.print) {
            if alike.iter().any(|sign| sign.track != alike[0].track) {
                self.weigh(alike, &mut findings);
            }
        }
        self.signs.list = signs;
        let followed = self.recent.pairs();
        findings.links.extend(followed.map(|pair| Link { pair, tie: Tie::One(Class::Packet, true) }));
        self.join_linked(&mut findings);
        self.contest_lonely(findings);
    }

    /// Takes back what [`Table::settle`] joined.
    #[inline]
    pub(super) fn unsettle(&mut self) {
        if std::mem::take(&mut self.weighed.is_done) {
            self.take_back();
        }
    }

    #[cold]
    fn take_back(&mut self) {
        for flow in std::mem::take(&mut self.weighed.contested).into_iter().rev() {
            self.flows[flow.0 as usize].is_contested = false;
            self.mark_flow_changed(flow);
        }
        let united = std::mem::take(&mut self.weighed.united);
        // Each was freed by being united, and no flow was opened since: they stand last.
        self.free.truncate(self.free.len() - united.len());
        for (kept, was, gone, its) in united.into_iter().rev() {
            let (tail, head) = (was.tail, its.head);
            self.flows[kept.0 as usize] = was;
            self.flows[gone.0 as usize] = its;
            self.tracks[tail.0 as usize].next_in_flow = TrackIndex::NONE;
            let mut at = head;
            while at != TrackIndex::NONE {
                self.tracks[at.0 as usize].flow = gone;
                self.mark_changed(at);
                at = self.track(at).next_in_flow;
            }
            self.mark_flow_changed(kept);
        }
        self.weighed.rivals.clear();
        self.weighed.doubts.clear();
    }

    /// Has a flow looked at again.
    pub fn mark_flow_changed(&mut self, flow: FlowIndex) {
        let head = self.flow(flow).head;
        if head != TrackIndex::NONE {
            self.mark_changed(head);
        }
    }

    fn point_of_sign(&self, sign: Sign) -> PointIndex {
        self.points[usize::from(sign.place.0)]
    }

    /// Whether the client sent the packet.
    fn is_sign_out(&self, sign: Sign) -> bool {
        self.track(sign.track).is_out(sign.is_reversed())
    }

    /// Takes in all signs of one print, which are sorted by point and time.
    fn weigh(&self, alike: &[Sign], findings: &mut Findings) {
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

    /// Makes flows of what hangs together.
    fn join_linked(&mut self, findings: &mut Findings) {
        findings.links.sort_unstable();
        let links = std::mem::take(&mut findings.links);
        let is_two = |pair: (TrackIndex, TrackIndex)| {
            links.binary_search(&Link { pair: ordered(pair.0, pair.1), tie: Tie::Two }).is_ok()
        };
        let bonds: Vec<Bond> = links
            .chunk_by(|one, other| one.pair == other.pair)
            .filter_map(|links| self.bond(links))
            .collect();
        for strength in [Strength::Certain, Strength::Numbers, Strength::Content] {
            let of_strength: Vec<Bond> =
                bonds.iter().copied().filter(|bond| bond.strength == strength).collect();
            for group in self.groups(&of_strength) {
                self.join_group(&group, strength, &is_two, findings);
            }
        }
        let bond = |pair| Bond { pair, strength: Strength::Told, is_turned: false };
        let told: Vec<Bond> = self.told_pairs().into_iter().map(bond).collect();
        for group in self.groups(&told) {
            self.join_group(&group, Strength::Told, &is_two, findings);
        }
    }

    fn bond(&self, links: &[Link]) -> Option<Bond> {
        let pair = links[0].pair;
        let count = |class: Class| {
            links.iter().filter(|link| matches!(link.tie, Tie::One(its, _) if its == class)).count()
        };
        if links.iter().any(|link| link.tie == Tie::Two) {
            return None;
        }
        let numbers = count(Class::Numbers) + count(Class::Lasting);
        let strength = if count(Class::Packet) > 0 || numbers > 1 {
            Strength::Certain
        } else if numbers == 1 {
            Strength::Numbers
        } else {
            Strength::Content
        };
        let along = links.iter().filter(|link| matches!(link.tie, Tie::One(_, true))).count();
        let is_begun =
            |track: TrackIndex| self.track(track).is_tcp() && self.track(track).knows(known::CLIENT_ISN);
        let is_open = !is_begun(pair.0) || !is_begun(pair.1);
        is_open.then_some(Bond { pair, strength, is_turned: along * 2 < links.len() })
    }

    /// Flows that hang together by bonds, each with the bonds that do it.
    fn groups(&self, bonds: &[Bond]) -> Vec<(Vec<FlowIndex>, Vec<Bond>)> {
        let mut index: HashMap<FlowIndex, usize> = HashMap::default();
        let mut flows: Vec<FlowIndex> = Vec::new();
        let mut group: Vec<usize> = Vec::new();
        let ends = |bond: &Bond| (self.track(bond.pair.0).flow, self.track(bond.pair.1).flow);
        let open = || bonds.iter().filter(|bond| ends(bond).0 != ends(bond).1);
        for bond in open() {
            let mut number = |flow: FlowIndex| {
                *index.entry(flow).or_insert_with(|| {
                    flows.push(flow);
                    group.push(group.len());
                    group.len() - 1
                })
            };
            let (a, b) = (number(ends(bond).0), number(ends(bond).1));
            let (a, b) = (root(&mut group, a), root(&mut group, b));
            group[a.max(b)] = a.min(b);
        }
        let mut groups: Vec<(Vec<FlowIndex>, Vec<Bond>)> = vec![Default::default(); flows.len()];
        for (n, flow) in flows.iter().enumerate() {
            groups[root(&mut group, n)].0.push(*flow);
        }
        for bond in open() {
            groups[root(&mut group, index[&ends(bond).0])].1.push(*bond);
        }
        groups.retain(|(flows, _)| !flows.is_empty());
        groups
    }

    /// Joins flows that hang together, if they can be one; else all of them are contested.
    fn join_group(
        &mut self,
        (flows, bonds): &(Vec<FlowIndex>, Vec<Bond>),
        strength: Strength,
        is_two: &impl Fn((TrackIndex, TrackIndex)) -> bool,
        findings: &mut Findings,
    ) {
        let is_joined = |flow: &FlowIndex| self.flow(*flow).is_joined;
        if strength <= Strength::Content && flows.iter().any(is_joined) {
            return;
        }
        let tracks: Vec<TrackIndex> =
            flows.iter().take(PARTS).flat_map(|flow| self.tracks_of(*flow)).collect();
        let can_be_one = flows.len() <= usize::from(TRACKS)
            && tracks.len() <= usize::from(TRACKS)
            && tracks.iter().enumerate().all(|(n, one)| {
                tracks[..n].iter().all(|other| {
                    self.track(*one).flow == self.track(*other).flow
                        || (self.can_be_one_flow(*one, *other)
                            && !is_two((*one, *other))
                            && (strength > Strength::Content || !self.share_a_sight(*one, *other)))
                })
            })
            && self.agree(bonds);
        if !can_be_one {
            // A table that is wrong contests nothing.
            if strength > Strength::Told && !flows.iter().any(is_joined) {
                findings.doubt(flows.iter().flat_map(|flow| self.tracks_of(*flow)).collect());
            }
            return;
        }
        for bond in bonds {
            self.turn_after(bond);
        }
        for bond in bonds {
            let (own, its) = (self.track(bond.pair.0).flow, self.track(bond.pair.1).flow);
            if own != its {
                self.unite_for_now(bond.pair.0, its, strength == Strength::Certain);
                let flow = self.track(bond.pair.0).flow;
                self.flows[flow.0 as usize].is_told |= strength == Strength::Told;
            }
        }
    }

    /// Whether both were seen at one sight, if perhaps by other packets.
    fn share_a_sight(&self, one: TrackIndex, other: TrackIndex) -> bool {
        self.legs_of(one).any(|(_, leg)| self.legs_of(other).any(|(_, its)| leg.is_same_sight(its)))
    }

    /// Whether it can be settled for every bond who is the client.
    fn agree(&self, bonds: &[Bond]) -> bool {
        bonds.iter().all(|bond| {
            let (a, b) = (orientation(self, bond.pair.0), orientation(self, bond.pair.1));
            !bond.is_turned || a != b || a == FIRST_SPEAKER
        })
    }

    /// Where two tracks take other ends for the client, the one that knows less follows the other.
    fn turn_after(&mut self, bond: &Bond) {
        if !bond.is_turned {
            return;
        }
        let rank = |track: TrackIndex| (std::cmp::Reverse(orientation(self, track)), self.first_frame(track));
        let (a, b) = bond.pair;
        let wrong = if rank(a) < rank(b) { b } else { a };
        let is_high = self.track(wrong).knows(known::CLIENT_HIGH);
        self.orient(wrong, !is_high);
    }

    /// The first frame of a track: a name that does not depend on the order of reading.
    fn first_frame(&self, track: TrackIndex) -> (PointIndex, u64) {
        let mut legs = self.legs_of(track).map(|(_, leg)| (self.point_of(leg), leg.first_ordinal));
        legs.next().unwrap_or((PointIndex(u16::MAX), u64::MAX))
    }

    fn unite_for_now(&mut self, track: TrackIndex, other: FlowIndex, is_sure: bool) {
        let own = self.track(track).flow;
        let (kept, gone) = if own < other { (own, other) } else { (other, own) };
        self.weighed.united.push((kept, self.flow(kept).clone(), gone, self.flow(gone).clone()));
        self.unite(track, other, is_sure);
    }

    /// Marks as contested who showed a doubtful packet and was joined to nobody who showed it, too.
    fn contest_lonely(&mut self, findings: Findings) {
        for track in findings.nameless {
            let flow = self.track(track).flow;
            if !self.flow(flow).is_joined {
                self.contest_for_now(flow);
            }
        }
        for rivals in findings.rivals {
            let of = |flow: FlowIndex| rivals.iter().filter(|t| self.track(**t).flow == flow).count();
            let lonely: Rivals =
                rivals.iter().copied().filter(|track| of(self.track(*track).flow) == 1).collect();
            if lonely.len() < 2 {
                continue;
            }
            let doubt = self.weighed.rivals.len() as u32;
            for track in &lonely {
                self.weighed.doubts.entry(*track).or_default().push(doubt);
                let flow = self.track(*track).flow;
                self.contest_for_now(flow);
            }
            self.weighed.rivals.push(lonely);
        }
    }

    fn contest_for_now(&mut self, flow: FlowIndex) {
        if !self.flow(flow).is_contested {
            self.flows[flow.0 as usize].is_contested = true;
            self.weighed.contested.push(flow);
            self.mark_flow_changed(flow);
        }
    }

    /// Tracks that showed a packet which a track showed, too, where nothing tells whose it is.
    pub(super) fn rivals_by_signs(&self, track: TrackIndex) -> impl Iterator<Item = TrackIndex> + '_ {
        let doubts = self.weighed.doubts.get(&track).into_iter().flatten();
        doubts.flat_map(|doubt| self.weighed.rivals[*doubt as usize].iter().copied())
    }
}

impl Part {
    fn add(&mut self, point: PointIndex, track: TrackIndex) {
        if !self.points.contains(&point) {
            self.points.push(point);
        }
        self.tracks.push(track);
    }
}

impl Findings {
    fn doubt(&mut self, mut tracks: Vec<TrackIndex>) {
        tracks.sort_unstable();
        tracks.dedup();
        if tracks.len() > PARTS {
            self.nameless.extend(tracks);
        } else if tracks.len() > 1 {
            self.rivals.push(tracks.into());
        }
    }
}

fn ordered(a: TrackIndex, b: TrackIndex) -> (TrackIndex, TrackIndex) {
    if a < b { (a, b) } else { (b, a) }
}

/// The representative of what `at` belongs to (union-find, halving paths).
fn root(group: &mut [usize], mut at: usize) -> usize {
    while group[at] != at {
        group[at] = group[group[at]];
        at = group[at];
    }
    at
}
