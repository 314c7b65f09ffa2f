//! Which datagrams from outside nobody here had asked for.
//!
//! A server may answer with another address than it was asked at, or to an address that another node has meanwhile. Such an
//! answer looks like the back half of a flow that left, and is none. That nothing of it left proves little, for the way
//! out may not have been captured. So one of these must be seen as well, by captures that lack nothing:
//! 1. the addressee's machine said that nobody waits there (port unreachable: RFC 792, RFC 4443 §3.1);
//! 2. the same socket was seen to ask somebody else for the same service, who never answered, at a point that shows this
//!    answer: of a socket that is answered by one whom it asked, another request may have left by another way;
//! 3. it came to the place of a pod that shows what else that pod sends, and long enough after the capture began.

use foldhash::HashSet;

use crate::digest::{IcmpError, protocol};
use crate::facts::Facts;
use crate::flow::Track;
use crate::frame::PointIndex;
use crate::net::Endpoint;
use crate::place::Origins;
use crate::snapshot::Role;
use crate::view::View;

/// How long an answer may take, in ns: one that comes sooner after a capture began may have been asked for before.
const ANSWER: i64 = 1_000_000_000;

/// A socket that asks for a service, as a point shows it.
type Asker = (PointIndex, Endpoint, u16);

#[derive(Debug, Default)]
pub(super) struct Asked {
    /// After so many, those before them are forgotten: what was asked so long ago is no longer answered, and of an answer
    /// to it less is said.
    most: usize,
    askers: Askers,
    /// Those of them that somebody whom they asked has answered.
    heard: Askers,
    /// Sockets that were answered by somebody whom they were not seen to ask.
    surprised: Askers,
}

/// Askers of two ages, of which the older ones go when there are too many younger ones.
#[derive(Debug, Default)]
struct Askers {
    young: HashSet<Asker>,
    old: HashSet<Asker>,
}

impl Askers {
    /// Enters one, or makes it young again; `true` if it was not known.
    fn insert(&mut self, asker: Asker) -> bool {
        self.young.insert(asker) && !self.old.contains(&asker)
    }

    fn contains(&self, asker: &Asker) -> bool {
        self.young.contains(asker) || self.old.contains(asker)
    }

    fn age(&mut self) {
        self.old = std::mem::take(&mut self.young);
    }
}

impl Asked {
    pub(super) fn of(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// Takes in who asked in a flow, or was answered unasked; `true` if that changes what was said of others.
    pub(super) fn learn(&mut self, view: &View<'_>) -> bool {
        if view.first().key.protocol != protocol::UDP {
            return false;
        }
        let is_asked = view.legs_out().next().is_some();
        let is_answered = view.legs().any(|(_, _, leg)| leg.back > 0);
        let mut has_news = false;
        for (track, _, leg) in view.legs() {
            let asker = asker(view.table.point_of(leg), track);
            if !is_asked {
                self.surprised.insert(asker);
                continue;
            }
            let is_new =
                (leg.out > 0 && self.askers.insert(asker)) | (is_answered && self.heard.insert(asker));
            has_news |= is_new && self.surprised.contains(&asker);
        }
        let mut all = [&mut self.askers, &mut self.heard, &mut self.surprised];
        // All at once: who has asked and was answered must not be known for the one alone.
        if all.iter().any(|askers| askers.young.len() >= self.most) {
            for askers in &mut all {
                askers.age();
            }
        }
        has_news
    }
}

fn asker(point: PointIndex, track: &Track) -> Asker {
    (point, track.client(), track.server().port)
}

impl Facts {
    /// Whether all that was seen of a flow are datagrams to somebody here who had not asked for them.
    pub fn is_unasked(&self, view: &View<'_>) -> bool {
        let is_candidate = view.first().key.protocol == protocol::UDP && view.legs_out().next().is_none();
        is_candidate
            && view.legs().all(|(_, _, leg)| self.point(view.table.point_of(leg)).shows_all())
            && (is_turned_away(view) || self.has_asked_others(view) || self.came_to_pod(view))
    }

    fn has_asked_others(&self, view: &View<'_>) -> bool {
        view.legs().any(|(track, _, leg)| {
            let asker = asker(view.table.point_of(leg), track);
            self.asked.askers.contains(&asker) && !self.asked.heard.contains(&asker)
        })
    }

    fn came_to_pod(&self, view: &View<'_>) -> bool {
        view.legs().any(|(track, _, leg)| {
            let place = self.place(leg.place);
            place.is(Role::Pod)
                && place.evidence.origins == Origins::One(track.client().address)
                && leg.first_seen - self.point(place.point).first_seen >= ANSWER
        })
    }
}

/// Whether the addressee said that nobody waits for a flow's datagrams.
fn is_turned_away(view: &View<'_>) -> bool {
    let is_port_unreachable =
        |error: IcmpError| matches!((error.v6, error.kind, error.code), (false, 3, 3) | (true, 1, 4));
    view.tracks().iter().any(|index| {
        let client = view.table.track(*index).client().address;
        view.table
            .errors(*index)
            .iter()
            .any(|icmp| !icmp.about_client && icmp.error.sender == client && is_port_unreachable(icmp.error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Address;

    #[test]
    fn what_was_asked_long_ago_is_forgotten_unless_it_is_asked_again() {
        let asker = |n: u32| (PointIndex(0), Endpoint { address: Address::v4(n), port: 5353 }, 53);
        let mut askers = Askers::default();
        assert!(askers.insert(asker(1)) && !askers.insert(asker(1)));
        askers.age();
        assert!(askers.contains(&asker(1)) && !askers.insert(asker(1)), "it is known, and young again");
        askers.age();
        assert!(askers.contains(&asker(1)));
        askers.age();
        assert!(!askers.contains(&asker(1)));
    }
}
