//! Which of a flow's legs are what left the node: its wire.
//!
//! A leg is wire where it is un-tunnelled, at an uplink, leaving, and towards an address outside. It is not, where
//! 1. its destination is rewritten later on the way, while its source still is the origin's, to one inside, or on this very
//!    machine: a hop inside (a Service, a router pod). What a load balancer beyond the node does with it changes nothing;
//! 2. its next hop is a node of the cluster, or the same packets are seen translated on another machine: transit;
//! 3. several devices are one place (cooked v1), and the tunnel device's copy accounts for it.
//!
//! Where no uplink is known at all, a translated track is wire wherever it was seen, unless its source is a pod's.

mod packets;

use smallvec::SmallVec;

use crate::expect::Cluster;
use crate::facts::Facts;
use crate::flow::leg::moved;
use crate::flow::{Leg, Track, TunnelIndex};
use crate::frame::Timestamp;
use crate::net::{Address, Endpoint};
use crate::snapshot::Role;
use crate::view::View;

/// How long, in ns, a packet may take from one device of a machine to the next: microseconds as a rule, a third of a
/// millisecond through a tunnel at worst.
pub const IN_FLIGHT: i64 = 1_000_000;

/// What left: the legs, and the sources they carry.
#[derive(Debug, Clone, Default)]
pub struct Wire<'a> {
    pub legs: SmallVec<[(&'a Track, &'a Leg); 4]>,
    /// First seen first.
    pub sources: SmallVec<[Source; 2]>,
}

/// One source address that packets left with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    pub endpoint: Endpoint,
    pub packets: u32,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
}

impl<'a> Wire<'a> {
    /// What of a flow left a node.
    pub fn of(view: &View<'a>, facts: &Facts, cluster: &Cluster) -> Self {
        let has_uplink = facts.has_uplink();
        let mut wire = Self::default();
        for (track, leg) in view.legs_out() {
            let is_wire = if has_uplink {
                facts.place(leg.place).is(Role::Uplink) && leaves(view, track, leg, facts, cluster)
            } else {
                view.is_translated_outwards(track, cluster) && !is_contained(track, leg, facts, cluster)
            };
            if is_wire {
                wire.add(track, leg);
            }
        }
        wire.drop_transit(view, facts);
        wire.count(facts);
        wire
    }

    /// What the far side was seen to receive.
    pub fn beyond(view: &View<'a>, facts: &Facts) -> Self {
        let mut wire = Self::default();
        for (track, leg) in view.legs_out() {
            if facts.place(leg.place).is(Role::Remote) && leg.tunnel == TunnelIndex::NONE {
                wire.add(track, leg);
            }
        }
        wire.count(facts);
        wire
    }

    pub fn is_empty(&self) -> bool {
        self.legs.is_empty()
    }

    /// Adds a leg; a source's port is that of the place that saw most of it.
    fn add(&mut self, track: &'a Track, leg: &'a Leg) {
        self.legs.push((track, leg));
        let endpoint = track.client();
        let new = Source { endpoint, packets: leg.out, first_seen: leg.first_seen, last_seen: leg.last_seen };
        match self.sources.iter_mut().find(|source| source.endpoint.address == endpoint.address) {
            Some(known) => {
                if new.packets > known.packets {
                    (known.packets, known.endpoint) = (new.packets, new.endpoint);
                }
                known.first_seen = known.first_seen.min(new.first_seen);
                known.last_seen = known.last_seen.max(new.last_seen);
            }
            None => self.sources.push(new),
        }
        self.sources.sort_by_key(|source| (source.first_seen, source.endpoint));
    }

    /// Counts each source's packets.
    fn count(&mut self, facts: &Facts) {
        for source in &mut self.sources {
            let address = source.endpoint.address;
            let its = self.legs.iter().copied().filter(|(track, _)| track.client().address == address);
            source.packets = packets::count(its, facts);
        }
    }

    /// Takes out untranslated legs whose every packet is seen translated, further on, at another point. What reached that
    /// point through a tunnel did not pass this leg's place; nor did all of it where others left by another device.
    fn drop_transit(&mut self, view: &View<'a>, facts: &Facts) {
        let point = |leg: &Leg| facts.place(leg.place).point;
        let is_transit = |track: &Track, leg: &Leg| {
            !view.is_translated(track)
                && self.legs.iter().any(|(other, its)| {
                    view.is_translated(other)
                        && point(its) != point(leg)
                        && its.ttl < leg.ttl
                        && its.out >= self.untranslated_at(leg.ttl, view, facts)
                        && !view
                            .legs_out()
                            .any(|(_, any)| any.tunnel != TunnelIndex::NONE && point(any) == point(its))
                })
        };
        let kept: SmallVec<[(&Track, &Leg); 4]> =
            self.legs.iter().copied().filter(|(track, leg)| !is_transit(track, leg)).collect();
        if kept.len() < self.legs.len() {
            let mut wire = Wire::default();
            for (track, leg) in kept {
                wire.add(track, leg);
            }
            *self = wire;
        }
    }

    /// How many packets left untranslated with this TTL, which is to say from one machine, by all of its devices together.
    fn untranslated_at(&self, ttl: u8, view: &View<'_>, facts: &Facts) -> u32 {
        let mut apart = SmallVec::<[&Leg; 4]>::new();
        for (track, leg) in &self.legs {
            let is_one = !view.is_translated(track) && leg.ttl == ttl;
            if is_one && !apart.iter().any(|known| is_copy(known, leg, facts)) {
                apart.push(leg);
            }
        }
        apart.iter().fold(0, |sum, leg| sum.saturating_add(leg.out))
    }

    pub fn addresses(&self) -> SmallVec<[Address; 2]> {
        self.sources.iter().map(|source| source.endpoint.address).collect()
    }
}

/// Whether two legs of one machine may show the same packets (a bond and its port), and not some of them each. Captures
/// that are points of their own may have begun and ended at other times.
fn is_copy(leg: &Leg, other: &Leg, facts: &Facts) -> bool {
    if facts.place(leg.place).point != facts.place(other.place).point {
        return leg.first_seen <= other.last_seen && other.first_seen <= leg.last_seen;
    }
    let is_near = |a: Timestamp, b: Timestamp| (-IN_FLIGHT..=IN_FLIGHT).contains(&(a - b));
    leg.out == other.out
        && is_near(leg.first_seen, other.first_seen)
        && is_near(leg.last_seen, other.last_seen)
}

/// Whether a leg cannot be outside: in a tunnel, or towards the inside.
fn is_contained(track: &Track, leg: &Leg, facts: &Facts, cluster: &Cluster) -> bool {
    let destination = track.server().address;
    leg.tunnel != TunnelIndex::NONE
        || destination.is_local_scope()
        || track.client().address.is_local_scope()
        || facts.is_inside(cluster, destination)
}

/// Whether a leg at an uplink is on its way out.
fn leaves(view: &View<'_>, track: &Track, leg: &Leg, facts: &Facts, cluster: &Cluster) -> bool {
    if is_contained(track, leg, facts, cluster) {
        return false;
    }
    let is_translated = view.is_translated(track);
    let is_hop = !is_translated && is_rewritten_later(view, track, leg, facts, cluster);
    if is_hop || is_transit(leg, facts) || is_tunnel_devices_copy(view, track, leg, facts) {
        return false;
    }
    match leg.moved {
        0 => {
            let source = track.client().address;
            is_translated
                || cluster.is_node(source).is_some()
                || cluster.is_egress(source)
                || cluster.is_pod(source)
                || facts.is_node_mac(leg.source_mac)
                || has_leg_inside(view, facts)
        }
        motion => motion & moved::OUT != 0,
    }
}

/// Whether the flow goes elsewhere in the end than a leg says: inside, or still on the machine that shows the leg.
fn is_rewritten_later(view: &View<'_>, track: &Track, leg: &Leg, facts: &Facts, cluster: &Cluster) -> bool {
    let destination = view.destination();
    if track.server() == destination {
        return false;
    }
    facts.is_inside(cluster, destination.address)
        || view.legs_out().any(|(other, its)| {
            other.server() == destination && facts.place(its.place).point == facts.place(leg.place).point
        })
}

/// Whether the frame goes to a node of the cluster and so has not left it. Source and destination MAC of
/// one node are both known only where nodes were seen to send with their addresses.
fn is_transit(leg: &Leg, facts: &Facts) -> bool {
    facts.is_node_mac(leg.destination_mac)
}

/// Whether a blended place's un-tunnelled copy is the tunnel device's: the same packets leave inside a tunnel there.
fn is_tunnel_devices_copy(view: &View<'_>, track: &Track, leg: &Leg, facts: &Facts) -> bool {
    facts.place(leg.place).is_blended()
        && view.legs_out().any(|(other, its)| {
            other.key == track.key
                && its.tunnel != TunnelIndex::NONE
                && its.place == leg.place
                && its.ttl == leg.ttl
                && its.out >= leg.out
        })
}

/// Whether the flow was seen inside: in a tunnel, or at a place that is neither uplink nor far side.
pub fn has_leg_inside(view: &View<'_>, facts: &Facts) -> bool {
    view.legs_out().any(|(_, leg)| is_inside_leg(leg, facts))
}

/// Whether a leg lies inside the cluster.
pub fn is_inside_leg(leg: &Leg, facts: &Facts) -> bool {
    leg.tunnel != TunnelIndex::NONE
        || !matches!(facts.place(leg.place).role, Some(Role::Uplink | Role::Remote))
}
