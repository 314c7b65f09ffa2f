//! The answer, in the first lines: what can be done from here, what cannot, and where to go for that.

use serde::Serialize;

use super::verify::{Seen, count, elsewhere};
use super::{Capture, Examined};
use crate::machine::Standpoint;
use crate::platform::Place;

#[derive(Debug, Serialize)]
pub struct Answer {
    /// `From here egret can …`, a sentence.
    pub can: String,
    /// What it cannot.
    pub cannot: Option<String>,
    /// Where to go, or what to do.
    pub go: Vec<Go>,
}

/// A next step.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Go {
    pub what: String,
    /// To be copied.
    pub command: Option<String>,
}

impl Go {
    fn to(what: &str, command: String) -> Self {
        Self { what: what.to_owned(), command: Some(command) }
    }

    fn plain(what: &str) -> Self {
        Self { what: what.to_owned(), command: None }
    }
}

impl Answer {
    pub(super) fn of(examined: &Examined, capture: &Capture) -> Self {
        if !capture.is_permitted {
            return Self {
                can: "From here egret can judge captures that others took (egret check -r FILE).".to_owned(),
                cannot: Some(format!(
                    "It cannot capture: {}.",
                    capture.because.as_deref().unwrap_or("it is not permitted")
                )),
                go: capture.ways.iter().map(|way| Go::to(&way.when, way.command.clone())).collect(),
            };
        }
        let seen = Seen::of(examined);
        let (can, cannot, go) = match (examined.platform.place, seen.standpoint) {
            (Place::Desk, _) => (
                "capture what this machine itself sends, and judge captures that others took".to_owned(),
                Some("It cannot see a cluster's traffic: there is no cluster's network here.".to_owned()),
                vec![there(examined)],
            ),
            (place, Some(Standpoint::Node)) => Self::on_a_node(&seen, place),
            (place, Some(Standpoint::Pod)) => Self::in_a_pod(examined, &seen, place),
            _ => (
                "capture, and judge captures".to_owned(),
                Some(
                    "It cannot tell which source flows leave with: whether this is a node or a pod is not to be seen."
                        .to_owned(),
                ),
                vec![Go::plain("say so: NODE_IP or POD_IP in the environment, or --role NAME=uplink")],
            ),
        };
        Self { can: format!("From here egret can {can}."), cannot, go }
    }

    fn on_a_node(seen: &Seen, place: Place) -> (String, Option<String>, Vec<Go>) {
        let Seen { uplinks, pods, tunnels, .. } = seen;
        if uplinks.is_empty() {
            return (
                "capture, and follow flows between interfaces".to_owned(),
                Some(
                    "It cannot say which source they leave with: no interface is known to lead out."
                        .to_owned(),
                ),
                vec![Go::plain("say which does: --role NAME=uplink")],
            );
        }
        let what = if matches!(place, Place::Node | Place::NodePod) { "node" } else { "machine" };
        let whose = match pods.len() {
            0 => String::new(),
            many => format!(", whose they are ({} of pods)", count(many, "interface")),
        };
        let can = format!(
            "say which source flows leave this {what} with (by {}){whose}, and what became of them",
            uplinks.join(", ")
        );
        let way = if tunnels.is_empty() { "" } else { ", which they reach through the tunnel" };
        let cannot = format!(
            "It cannot say so of flows whose egress address is on another node: they leave there{way}."
        );
        (can, Some(cannot), vec![Go::plain("where flows do not leave here, capture on that node, too")])
    }

    fn in_a_pod(examined: &Examined, seen: &Seen, place: Place) -> (String, Option<String>, Vec<Go>) {
        let (whose, where_it_is) = match place {
            Place::Container => ("this container's", "that is decided on its host, behind what is seen here"),
            Place::PodNetwork => {
                ("this network's", "that is decided where this network ends, behind what is seen here")
            }
            _ => ("this pod's", "that is decided on the node, behind what is seen here"),
        };
        let mut can = format!("follow {whose} own connections, and say what became of each");
        if !seen.uplinks.is_empty() {
            can = format!("{can}; and which source leaves by {}", seen.uplinks.join(", "));
        }
        let what = if place == Place::Container { "the host" } else { "the cluster" };
        let rest = if seen.uplinks.is_empty() { "they leave" } else { "all others leave" };
        let cannot = format!("It cannot say which source {rest} {what} with: {where_it_is}.");
        (can, Some(cannot), vec![there(examined)])
    }
}

/// The command for where translations are seen.
fn there(examined: &Examined) -> Go {
    const CHECK: &str = "egret check …";
    let command = match examined.platform.place {
        Place::Container | Place::PodNetwork => format!("sudo {CHECK}"),
        _ => examined.platform.debug_node(CHECK),
    };
    Go::to(elsewhere(examined), command)
}
