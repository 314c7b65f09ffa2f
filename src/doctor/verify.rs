//! What can be concluded from here, and where to go for what cannot.

use serde::Serialize;

use super::{Capture, Examined};
use crate::machine::Standpoint;
use crate::platform::Place;
use crate::snapshot::Role;

/// A question that egret answers, and whether it can from here.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Verify {
    pub what: &'static str,
    /// `yes`, `partly`, `no` or `unknown`.
    pub can: &'static str,
    pub because: String,
    /// Where to go instead, or as well.
    pub instead: Option<String>,
}

/// Those who may not capture here are answered by captures of others alone.
pub(super) fn of(examined: &Examined, capture: &Capture) -> Vec<Verify> {
    let mut verify = if capture.is_permitted {
        let seen = Seen::of(examined);
        vec![source(examined, &seen), origin(examined, &seen), outcome(examined)]
    } else {
        [SOURCE, ORIGIN, OUTCOME]
            .into_iter()
            .map(|what| Verify {
                what,
                can: "no",
                because: "nothing can be captured here".to_owned(),
                instead: None,
            })
            .collect()
    };
    verify.push(Verify {
        what: "all of it, from captures of other machines",
        can: "yes",
        because: "to read them (-r FILE, --from NAME=COMMAND) takes no right".to_owned(),
        instead: None,
    });
    verify
}

const SOURCE: &str = "which source flows leave the cluster with";
const ORIGIN: &str = "whose flows they are";
const OUTCOME: &str = "what became of them, and whether the far side let them in";

/// What of the machine matters here.
pub(super) struct Seen {
    pub(super) standpoint: Option<Standpoint>,
    pub(super) uplinks: Vec<String>,
    pub(super) pods: Vec<String>,
    pub(super) tunnels: Vec<String>,
}

impl Seen {
    pub(super) fn of(examined: &Examined) -> Self {
        let Some(surroundings) = &examined.surroundings else {
            return Self { standpoint: None, uplinks: Vec::new(), pods: Vec::new(), tunnels: Vec::new() };
        };
        let is_up = |index: u32| {
            let machine = examined.machine.as_ref().ok();
            machine.and_then(|machine| machine.link(index)).is_some_and(|link| link.is_up)
        };
        let named = |role| {
            let places = surroundings.places.iter();
            places
                .filter(|place| place.role == Some(role) && is_up(place.index))
                .map(|place| place.name.clone())
                .collect()
        };
        Self {
            standpoint: Some(surroundings.standpoint),
            uplinks: named(Role::Uplink),
            pods: named(Role::Pod),
            tunnels: named(Role::Tunnel),
        }
    }
}

fn source(examined: &Examined, seen: &Seen) -> Verify {
    let uplinks = seen.uplinks.join(", ");
    let (can, because, instead) = match (seen.standpoint, seen.uplinks.is_empty()) {
        (None, _) => (
            "unknown",
            "the machine's interfaces could not be read, so nothing tells which lead out".to_owned(),
            Some("say which interface is what: --role NAME=uplink".to_owned()),
        ),
        (Some(_), false) if examined.platform.place == Place::Desk => (
            "partly",
            format!(
                "of what this machine itself sends, at {uplinks}; a cluster's traffic does not pass here"
            ),
            Some(elsewhere(examined).to_owned()),
        ),
        (Some(Standpoint::Pod), false) => (
            "partly",
            format!("what leaves by {uplinks} is seen as it leaves; all else is translated by the node"),
            Some(elsewhere(examined).to_owned()),
        ),
        (Some(Standpoint::Pod), true) => (
            "no",
            "from inside only the own address is seen, which is translated behind what is seen here"
                .to_owned(),
            Some(elsewhere(examined).to_owned()),
        ),
        (Some(Standpoint::Unclear), _) => (
            "unknown",
            "it cannot be told whether the interfaces here lead out of a node or out of a pod".to_owned(),
            Some("say so: NODE_IP or POD_IP in the environment, or --role NAME=uplink".to_owned()),
        ),
        (Some(Standpoint::Node), true) => (
            "unknown",
            "no interface is known to lead out".to_owned(),
            Some("say which does: --role NAME=uplink".to_owned()),
        ),
        (Some(Standpoint::Node), false) => (
            "yes",
            format!(
                "of all that leaves this node, at {uplinks}; what has its egress address on another node leaves there"
            ),
            Some("where the egress address is elsewhere, capture on that node, too".to_owned()),
        ),
    };
    Verify { what: SOURCE, can, because, instead }
}

fn origin(examined: &Examined, seen: &Seen) -> Verify {
    let conntrack = if examined.conntrack.is_ok() {
        "; conntrack's table tells of connections that began before (--conntrack live)"
    } else {
        "; of connections that began before conntrack's table tells, which cannot be read"
    };
    let (can, because) = match seen.standpoint {
        Some(_) if examined.platform.place == Place::Desk => {
            ("partly", "this machine's own, and those of containers on it".to_owned())
        }
        Some(Standpoint::Pod) => ("yes", "those that begin or end here; no others pass".to_owned()),
        Some(Standpoint::Node) if !seen.pods.is_empty() => {
            ("yes", format!("{} of pods are here{conntrack}", count(seen.pods.len(), "interface")))
        }
        Some(Standpoint::Node) => ("no", format!("no pod's interface is here{conntrack}")),
        _ => ("unknown", "it cannot be told which interfaces are pods'".to_owned()),
    };
    Verify { what: ORIGIN, can, because, instead: None }
}

fn outcome(examined: &Examined) -> Verify {
    let whose = match examined.platform.place {
        Place::Pod | Place::PodNetwork => "answers come back to this pod",
        Place::Container => "answers come back to this container",
        _ => "answers that come back this way are seen",
    };
    Verify { what: OUTCOME, can: "yes", because: whose.to_owned(), instead: None }
}

/// Where translations are seen, if not here.
pub(super) fn elsewhere(examined: &Examined) -> &'static str {
    match examined.platform.place {
        Place::Container => "on the host of this container",
        Place::PodNetwork => "on the machine that this network belongs to",
        _ if examined.platform.is_openshift() => "on the node (OpenShift 3: by ssh, sudo egret check …)",
        _ => "on the node",
    }
}

pub(super) fn count(number: usize, noun: &str) -> String {
    crate::number::counted(number as u64, noun)
}
