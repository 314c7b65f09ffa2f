//! What the run as a whole has shown: places and their roles, the nodes' link-layer addresses, who starts flows.
//!
//! Facts are learnt from flows and only grow; whoever learnt them from which flow first makes no difference. When
//! they change, every verdict given before may change with them.

mod asked;

use std::collections::BTreeSet;

use foldhash::HashMap;
use smallvec::SmallVec;

use crate::digest::Tunnel;
use crate::expect::Cluster;
use crate::flow::leg::{moved, shown};
use crate::flow::{Leg, MacIndex, PlaceIndex, Track, TunnelIndex};
use crate::frame::{PointIndex, Timestamp};
use crate::net::Address;
use crate::place::{Place, answers};
use crate::snapshot::Role;
use crate::view::View;

use asked::Asked;

/// Initiators that are remembered as inside where nothing about the cluster is known.
const INITIATORS_KEPT: usize = 65_536;

/// Places that are remembered of a link-layer address: a node's is seen at its uplink's devices and at those of others on the
/// segment.
const PLACES_OF_MAC: usize = 64;

#[derive(Debug, Default)]
pub struct Facts {
    places: Vec<Place>,
    pub points: Vec<PointFacts>,
    /// Link-layer addresses that send frames with a node's or an expected address, and where.
    node_macs: HashMap<MacIndex, SmallVec<[PlaceIndex; 4]>>,
    /// Where translated flows start, learnt only while nothing is known of what is inside.
    initiators: BTreeSet<Address>,
    asked: Asked,
    tunnels: Vec<Tunnel>,
    tunnel_numbers: HashMap<Tunnel, TunnelIndex>,
    has_news: bool,
}

/// How complete a point's capture is.
#[derive(Debug, Clone)]
pub struct PointFacts {
    pub name: String,
    /// In the order in which they became known.
    places: Vec<PlaceIndex>,
    /// When its first frame was captured; the latest time, where there is none.
    pub first_seen: Timestamp,
    /// When its last frame but one was captured, whatever time a single frame claims; the earliest, where there is none.
    pub last_frame: Timestamp,
    pub frames: u64,
    pub undecoded: u64,
    pub dropped: u64,
    pub is_truncated: bool,
    /// It was captured with a filter that nobody here can answer for: what it does not show may have been there.
    pub is_filtered: bool,
    /// Until when it was certainly captured, by who captured it.
    pub watched: Option<Timestamp>,
    /// Some flow was seen where it had not left the cluster yet.
    pub shows_inside: bool,
    /// Some client's packet was seen here; some that was more than a SYN; some answer.
    pub shows_requests: bool,
    pub shows_more_than_syn: bool,
    pub shows_replies: bool,
}

impl PointFacts {
    pub fn new(name: String) -> Self {
        Self {
            name,
            places: Vec::new(),
            first_seen: Timestamp::MAX,
            last_frame: Timestamp::MIN,
            frames: 0,
            undecoded: 0,
            dropped: 0,
            is_truncated: false,
            is_filtered: false,
            watched: None,
            shows_inside: false,
            shows_requests: false,
            shows_more_than_syn: false,
            shows_replies: false,
        }
    }

    /// What a capture filter seems to have left out, in words.
    pub fn looks_filtered(&self) -> Option<&'static str> {
        match (self.shows_requests, self.shows_replies) {
            (true, false) if !self.shows_more_than_syn => Some(
                "it shows bare SYNs alone and looks filtered; what became of flows cannot be told from it",
            ),
            (true, false) => {
                Some("it shows one direction alone and looks filtered; answers cannot be seen in it")
            }
            (false, true) => {
                Some("it shows answers alone and looks filtered; what left cannot be seen in it")
            }
            _ => None,
        }
    }

    /// Whether all of it was seen at one place.
    pub fn is_one_place(&self) -> bool {
        self.places.len() == 1
    }

    /// Whether nothing that it shows was understood.
    pub fn is_unreadable(&self) -> bool {
        self.frames > 0 && self.undecoded == self.frames
    }

    /// Whether what it does not show was not there, as far as is known.
    pub fn shows_all(&self) -> bool {
        !self.is_incomplete() && !self.is_filtered
    }

    /// Whether frames are known to be missing.
    pub fn is_incomplete(&self) -> bool {
        self.dropped > 0 || self.is_truncated
    }
}

impl Facts {
    /// Facts that remember twice so many askers at most.
    pub fn of_askers(most: usize) -> Self {
        Self { asked: Asked::of(most), ..Self::default() }
    }

    pub fn place(&self, place: PlaceIndex) -> &Place {
        &self.places[place.0 as usize]
    }

    pub fn point(&self, point: PointIndex) -> &PointFacts {
        &self.points[point.0 as usize]
    }

    /// Makes a tunnel known; equal ones of several points are one. The 65,535th stands for all that come after it.
    pub fn add_tunnel(&mut self, tunnel: Tunnel) -> TunnelIndex {
        let next = u16::try_from(self.tunnels.len() + 1);
        let (Ok(next), false) = (next, self.tunnel_numbers.contains_key(&tunnel)) else {
            return self.tunnel_numbers.get(&tunnel).copied().unwrap_or(TunnelIndex(u16::MAX));
        };
        self.tunnels.push(tunnel);
        self.tunnel_numbers.insert(tunnel, TunnelIndex(next));
        TunnelIndex(next)
    }

    pub fn tunnel(&self, tunnel: TunnelIndex) -> &Tunnel {
        &self.tunnels[tunnel.0 as usize - 1]
    }

    /// The outer addresses of a leg's tunnel, in the direction of the client's packets.
    pub fn tunnel_ends(&self, leg: &Leg) -> (Address, Address) {
        let tunnel = self.tunnel(leg.tunnel);
        if leg.has_shown(shown::FROM_HIGH) { (tunnel.high, tunnel.low) } else { (tunnel.low, tunnel.high) }
    }

    /// Something changed that verdicts rest on.
    pub fn mark_news(&mut self) {
        self.has_news = true;
    }

    /// Whether this is a node's link-layer address. At the far side, it is that of the last router which sends such frames.
    pub fn is_node_mac(&self, mac: MacIndex) -> bool {
        let places = self.node_macs.get(&mac).filter(|_| mac != MacIndex::UNKNOWN);
        places.is_some_and(|places| places.iter().any(|place| !self.place(*place).is(Role::Remote)))
    }

    /// Whether an address is inside the cluster, by what was said or else by what was learnt.
    pub fn is_inside(&self, cluster: &Cluster, address: Address) -> bool {
        cluster.is_inside(address) || self.initiators.contains(&address)
    }

    pub fn initiators(&self) -> &BTreeSet<Address> {
        &self.initiators
    }

    pub fn has_uplink(&self) -> bool {
        self.places.iter().any(|place| place.is(Role::Uplink))
    }

    pub fn place_mut(&mut self, place: PlaceIndex) -> &mut Place {
        &mut self.places[place.0 as usize]
    }

    /// Makes a place known; `None` if there are 65,536.
    pub fn add_place(&mut self, place: Place) -> Option<PlaceIndex> {
        let next = PlaceIndex(u16::try_from(self.places.len()).ok()?);
        self.points[usize::from(place.point.0)].places.push(next);
        self.places.push(place);
        Some(next)
    }

    /// The places of a point.
    pub fn places_of(&self, point: PointIndex) -> impl Iterator<Item = &Place> {
        self.point(point).places.iter().map(|place| self.place(*place))
    }

    /// Counts frames of a point, each at its place and time.
    pub fn count(&mut self, point: PointIndex, frames: impl Iterator<Item = (PlaceIndex, Timestamp)>) {
        for (place, time) in frames {
            self.place_mut(place).count(time);
        }
        let mut first_seen = Timestamp::MAX;
        // The newest frame, the one before it at its place, and the newest at any other.
        let (mut last, mut before, mut elsewhere) = (Timestamp::MIN, Timestamp::MIN, Timestamp::MIN);
        for place in self.places_of(point) {
            first_seen = first_seen.min(place.first_seen);
            if place.last_seen >= last {
                elsewhere = last;
                (last, before) = (place.last_seen, place.before_last);
            } else {
                elsewhere = elsewhere.max(place.last_seen);
            }
        }
        let facts = &mut self.points[usize::from(point.0)];
        facts.first_seen = first_seen;
        facts.last_frame = before.max(elsewhere);
    }

    /// Until when the point was certainly captured: by who captured it, or else until its last frame but one.
    pub fn last_seen(&self, point: PointIndex) -> Timestamp {
        let facts = self.point(point);
        facts.watched.unwrap_or(Timestamp::MIN).max(facts.last_frame)
    }

    /// Takes in what a flow shows of the places it passed.
    pub fn learn(&mut self, view: &View<'_>, cluster: &Cluster) {
        for (track, _, leg) in view.legs() {
            self.learn_directions(view.table.point_of(leg), leg);
            self.learn_answers(view, track, leg);
        }
        for (track, leg) in view.legs_out() {
            if leg.tunnel != TunnelIndex::NONE {
                self.update(leg.place, |evidence| evidence.tunnels = true);
                continue;
            }
            let source = track.client().address;
            if source.is_local_scope() {
                continue;
            }
            // A tunnel device shows whatever goes into its tunnel, translated or not: that is no way out.
            let is_before_tunnel = enters_tunnel(view, track, leg);
            if is_before_tunnel {
                self.update(leg.place, |evidence| evidence.before_tunnel = true);
            } else if is_outer_source(view, track, cluster) {
                self.learn_outer(view, track, leg, cluster);
                continue;
            }
            if cluster.is_pod(source) || view.tracks().len() > 1 {
                self.learn_inside(view.table.point_of(leg), leg.place, source);
            }
        }
        self.learn_sides(view, cluster);
        self.learn_initiator(view, cluster);
        self.has_news |= self.asked.learn(view);
    }

    fn learn_directions(&mut self, point: PointIndex, leg: &Leg) {
        let facts = &mut self.points[point.0 as usize];
        self.has_news |= leg.back > 0 && !facts.shows_replies;
        facts.shows_replies |= leg.back > 0;
        facts.shows_requests |= leg.out > 0;
        facts.shows_more_than_syn |=
            leg.shown & !(shown::SYN | shown::SEQ | shown::FROM_HIGH) != 0 || !leg.has_shown(shown::SYN);
    }

    /// Whether a flow's answers pass where its client's packets do. Who acknowledges what opened a flow was answered.
    fn learn_answers(&mut self, view: &View<'_>, track: &Track, leg: &Leg) {
        let (seen, missed) = answers_of(leg);
        if leg.back > 0 {
            self.update(leg.place, |evidence| evidence.answers |= seen);
        }
        let was_answered = leg.back == 0 && leg.has_shown(shown::SYN) && leg.has_shown(shown::OPEN_ACK);
        if was_answered {
            let passes_here = view.legs().any(|(other, _, its)| {
                other.key == track.key
                    && its.back > 0
                    && answers_of(its) == answers_of(leg)
                    && (its.place == leg.place || is_one_view(self.place(its.place), self.place(leg.place)))
            });
            if !passes_here {
                self.update(leg.place, |evidence| evidence.answers |= missed);
            }
        }
    }

    /// Whether an answer to what a leg shows would have been seen there: answers of other flows were, each time.
    pub fn would_show_answer(&self, leg: &Leg) -> bool {
        let (seen, missed) = answers_of(leg);
        let place = self.place(leg.place);
        let shown = if place.is_blended() {
            let others = self.places_of(place.point).filter(|other| is_one_view(other, place));
            others.fold(0, |shown, other| shown | other.evidence.answers)
        } else {
            place.evidence.answers
        };
        shown & seen != 0 && shown & missed == 0
    }

    /// Until when a place was certainly captured. Devices of an `any` are captured together; interfaces that were captured one
    /// by one may have been at different times, and then only what each shows itself tells.
    pub fn watched_until(&self, place: PlaceIndex) -> Timestamp {
        let place = self.place(place);
        if place.is_of_any() || self.point(place.point).is_one_place() {
            self.last_seen(place.point)
        } else {
            place.before_last.max(self.point(place.point).watched.unwrap_or(Timestamp::MIN))
        }
    }

    fn learn_inside(&mut self, point: PointIndex, place: PlaceIndex, source: Address) {
        self.update(place, |evidence| evidence.origins.add(source));
        let facts = &mut self.points[point.0 as usize];
        self.has_news |= !facts.shows_inside;
        facts.shows_inside = true;
    }

    /// What a packet with the address of a node, an expected or a translated one says of a place.
    fn learn_outer(&mut self, view: &View<'_>, track: &Track, leg: &Leg, cluster: &Cluster) {
        let source = track.client().address;
        let destination = track.server().address;
        if cluster.is_inside(destination) || destination.is_local_scope() {
            return;
        }
        if leg.moved == moved::IN {
            self.update(leg.place, |evidence| evidence.note_arriving(source));
        }
        // What only passes a device comes from another one.
        if leg.moved != 0 && leg.moved & moved::OUT == 0 {
            return;
        }
        self.learn_mac(leg);
        if view.is_translated(track) {
            self.update(leg.place, |evidence| evidence.note_translated(source));
        } else {
            self.update(leg.place, |evidence| evidence.note_leaving(source));
        }
    }

    fn learn_mac(&mut self, leg: &Leg) {
        if leg.source_mac == MacIndex::UNKNOWN {
            return;
        }
        let places = self.node_macs.entry(leg.source_mac).or_default();
        if places.len() < PLACES_OF_MAC && !places.contains(&leg.place) {
            places.push(leg.place);
            self.has_news = true;
        }
    }

    /// Of the places at different points that show the flow outside, the highest TTL is on the near side.
    fn learn_sides(&mut self, view: &View<'_>, cluster: &Cluster) {
        let outer = || {
            view.legs_out().filter(|(track, leg)| {
                leg.tunnel == TunnelIndex::NONE
                    && is_outer_source(view, track, cluster)
                    && !enters_tunnel(view, track, leg)
                    && !cluster.is_inside(track.server().address)
            })
        };
        let Some(highest) = outer().map(|(_, leg)| leg.ttl).max() else { return };
        let mut points = outer().map(|(_, leg)| view.table.point_of(leg));
        let first = points.next();
        if points.all(|point| Some(point) == first) {
            return;
        }
        for (_, leg) in outer() {
            let is_near = leg.ttl == highest;
            self.update(leg.place, |evidence| {
                evidence.is_near |= is_near;
                evidence.is_beyond |= !is_near;
            });
        }
    }

    fn learn_initiator(&mut self, view: &View<'_>, cluster: &Cluster) {
        let is_translated = view.is_translated_outwards(view.last(), cluster);
        if is_translated && cluster.knows_only_egress() && !cluster.is_inside(view.destination().address) {
            let source = view.first().client().address;
            let has_room = self.initiators.len() < INITIATORS_KEPT;
            if has_room && !cluster.is_inside(source) && self.initiators.insert(source) {
                self.has_news = true;
            }
        }
    }

    fn update(&mut self, place: PlaceIndex, change: impl FnOnce(&mut crate::place::Evidence)) {
        let evidence = &mut self.places[place.0 as usize].evidence;
        let before = *evidence;
        change(evidence);
        self.has_news |= *evidence != before;
    }

    /// Settles the roles of all places; `true` if anything changed since the last call that verdicts rest on.
    pub fn settle(&mut self) -> bool {
        let mut changed = std::mem::take(&mut self.has_news);
        for place in &mut self.places {
            changed |= place.settle();
        }
        changed
    }
}

/// Whether two places look at the same: the old cooked format parts by direction what it does not part by device.
fn is_one_view(one: &Place, other: &Place) -> bool {
    one.is_blended()
        && other.is_blended()
        && one.point == other.point
        && one.spot.interface == other.spot.interface
}

/// The bits of [`answers`] for what passes as a leg does: (seen, missed).
fn answers_of(leg: &Leg) -> (u8, u8) {
    if leg.tunnel == TunnelIndex::NONE {
        (answers::SEEN, answers::MISSED)
    } else {
        (answers::SEEN_IN_TUNNEL, answers::MISSED_IN_TUNNEL)
    }
}

/// Whether a track's source is one that packets have outside: translated, a node's, or expected.
fn is_outer_source(view: &View<'_>, track: &Track, cluster: &Cluster) -> bool {
    let source = track.client().address;
    view.is_translated_outwards(track, cluster) || cluster.is_outer(source)
}

/// Whether the same packets, with the same TTL, are seen inside a tunnel at another place of the point.
fn enters_tunnel(view: &View<'_>, track: &Track, leg: &Leg) -> bool {
    view.legs_out().any(|(other, its)| {
        other.key == track.key
            && its.tunnel != TunnelIndex::NONE
            && its.place != leg.place
            && its.ttl == leg.ttl
            && view.table.point_of(its) == view.table.point_of(leg)
    })
}
