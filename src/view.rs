//! One flow as a whole: its tracks in the order of the way, and all their legs.

use smallvec::SmallVec;

use crate::expect::Cluster;
use crate::flow::track::{client_by_service, known};
use crate::flow::{FlowIndex, Leg, LegIndex, Table, Track, TrackIndex};
use crate::frame::{FrameId, Timestamp};
use crate::net::{Address, Endpoint};

/// A flow's tracks, from the origin outwards.
///
/// NAT turns one tuple into the next, so the way is a chain. Its order is told, strongest first, by whose address the source
/// is (a pod's, nobody's, a node's or an egress address), by the TTL, which only falls, and inside one clock
/// domain by time.
#[derive(Debug, Clone)]
pub struct View<'a> {
    pub table: &'a Table,
    pub flow: FlowIndex,
    tracks: SmallVec<[TrackIndex; 4]>,
}

impl<'a> View<'a> {
    pub fn of(table: &'a Table, flow: FlowIndex, cluster: &Cluster) -> Self {
        let mut tracks: SmallVec<[TrackIndex; 4]> = table.tracks_of(flow).collect();
        if tracks.len() > 1 {
            let mut points =
                tracks.iter().flat_map(|t| table.legs_of(*t)).map(|(_, leg)| table.point_of(leg));
            let first = points.next();
            let is_one_domain = points.all(|point| Some(point) == first);
            tracks.sort_by_cached_key(|t| rank(table, *t, cluster, is_one_domain));
        }
        Self { table, flow, tracks }
    }

    /// One track by itself, whatever it was joined to.
    pub fn of_track(table: &'a Table, track: TrackIndex) -> Self {
        Self { table, flow: table.track(track).flow, tracks: SmallVec::from_slice(&[track]) }
    }

    pub fn tracks(&self) -> &[TrackIndex] {
        &self.tracks
    }

    /// The track nearest to the origin.
    pub fn first(&self) -> &'a Track {
        self.table.track(self.tracks[0])
    }

    /// The track furthest out.
    pub fn last(&self) -> &'a Track {
        self.table.track(self.tracks[self.tracks.len() - 1])
    }

    pub fn legs(&self) -> impl Iterator<Item = (&'a Track, LegIndex, &'a Leg)> + '_ {
        let table = self.table;
        self.tracks
            .iter()
            .flat_map(move |t| table.legs_of(*t).map(move |(index, leg)| (table.track(*t), index, leg)))
    }

    /// Legs with packets from the client.
    pub fn legs_out(&self) -> impl Iterator<Item = (&'a Track, &'a Leg)> + '_ {
        self.legs().filter(|(_, _, leg)| leg.out > 0).map(|(track, _, leg)| (track, leg))
    }

    /// Whether a track carries another source than the flow began with.
    pub fn is_translated(&self, track: &Track) -> bool {
        track.client().address != self.first().client().address
    }

    /// Whether a track's source shows by itself that NAT has done its work: another one than the flow began with, and no
    /// pod's, which a node would translate again. Where nothing is known of the cluster, what comes in through a
    /// node's port is translated, too: then only a flow counts that starts on the machine that shows it.
    pub fn is_translated_outwards(&self, track: &Track, cluster: &Cluster) -> bool {
        let source = track.client().address;
        self.is_translated(track)
            && !cluster.is_pod(source)
            && (!cluster.knows_only_egress() || cluster.is_egress(source) || self.starts_here())
    }

    /// Whether the flow was seen before any router had passed it on.
    fn starts_here(&self) -> bool {
        self.legs_out().any(|(track, leg)| track.key == self.first().key && is_initial_ttl(leg.ttl))
    }

    /// Where the flow goes in the end.
    pub fn destination(&self) -> Endpoint {
        self.last().server()
    }

    pub fn sources(&self) -> impl Iterator<Item = Address> + '_ {
        self.tracks.iter().map(|t| self.table.track(*t).client().address)
    }

    /// The flow's first frame, which names it.
    pub fn id(&self) -> FrameId {
        self.legs()
            .map(|(_, _, leg)| FrameId { point: self.table.point_of(leg), ordinal: leg.first_ordinal })
            .min()
            .expect("a flow has a track, and a track a leg")
    }

    pub fn first_seen(&self) -> Timestamp {
        self.legs().map(|(_, _, leg)| leg.first_seen).min().unwrap_or_default()
    }

    pub fn last_seen(&self) -> Timestamp {
        self.legs().map(|(_, _, leg)| leg.last_seen).max().unwrap_or_default()
    }

    /// The leg that saw most of the flow: what its packets and bytes are counted at.
    pub fn fullest(&self) -> &'a Leg {
        self.legs()
            .map(|(_, _, leg)| leg)
            .max_by_key(|leg| {
                (u64::from(leg.out) + u64::from(leg.back), leg.bytes, std::cmp::Reverse(leg.place))
            })
            .expect("a flow has a track, and a track a leg")
    }

    /// Whether the beginning was seen: without it, tracks cannot be told to belong together.
    pub fn has_beginning(&self) -> bool {
        self.tracks.iter().all(|t| {
            let track = self.table.track(*t);
            !track.is_tcp() || track.knows(known::CLIENT_ISN)
        })
    }

    /// Whether who asked and who was asked is known: from the handshake, or because one of the ports alone is a known
    /// service's. Any of the tracks tells it for all; the others, too, were joined by what the client sent.
    pub fn knows_client(&self) -> bool {
        self.tracks.iter().any(|t| {
            let track = self.table.track(*t);
            !track.is_tcp() || track.knows(known::CLIENT) || client_by_service(&track.key).is_some()
        })
    }
}

/// Whether a packet with this TTL was not passed on by a router yet: it is one of the values that systems begin with.
pub fn is_initial_ttl(ttl: u8) -> bool {
    matches!(ttl, 64 | 128 | 255)
}

/// Whose address a source is, in the order in which a packet's way passes them.
fn source_class(cluster: &Cluster, source: Address) -> u8 {
    if cluster.is_outer(source) { 2 } else { u8::from(!cluster.is_pod(source)) }
}

type Rank = (u8, std::cmp::Reverse<u8>, Timestamp, u8, Timestamp, Endpoint, Endpoint);

fn rank(table: &Table, track: TrackIndex, cluster: &Cluster, is_one_domain: bool) -> Rank {
    let entry = table.track(track);
    let legs = || table.legs_of(track).map(|(_, leg)| leg);
    let ttl = legs().filter(|leg| leg.out > 0).map(|leg| leg.ttl).max().unwrap_or(0);
    let seen = legs().map(|leg| leg.first_seen).min().unwrap_or_default();
    let destination = entry.server();
    let outward = match destination.address {
        address if cluster.is_service(address) => 0,
        address if cluster.is_inside(address) => 1,
        _ => 2,
    };
    let near = if is_one_domain { seen } else { Timestamp::MIN };
    (
        source_class(cluster, entry.client().address),
        std::cmp::Reverse(ttl),
        near,
        outward,
        seen,
        entry.client(),
        destination,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_systems_begin_with_is_an_initial_ttl() {
        for ttl in [64, 128, 255] {
            assert!(is_initial_ttl(ttl));
            assert!(!is_initial_ttl(ttl - 1));
        }
        assert!(!is_initial_ttl(0) && !is_initial_ttl(65) && !is_initial_ttl(129));
    }
}
