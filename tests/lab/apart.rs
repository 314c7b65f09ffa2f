//! A node with two pods that leave with different sources, and what they say to the far side and to nobody.
//!
//! Pod a leaves with 192.168.12.99, pod b with its node's address.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};

use serde_json::Value;

use crate::egret::Report;
use crate::netns::Namespace;
use crate::situation::{Egress, Knobs};
use crate::topology::Cluster;

/// Nobody is there; where that is, a node knows by [`know_nobody`].
pub(crate) const NOBODY: &str = "192.168.12.77";

/// Where the far side listens.
const FAR_SIDE: &str = "203.0.113.25:443";

pub(crate) fn cluster() -> Cluster {
    let egress = Egress {
        address: [192, 168, 12, 99].into(),
        node: "node1".to_owned(),
        pods: vec!["pod-a".to_owned()],
        ports: String::new(),
        preferred: false,
    };
    Cluster::build(&Knobs { egress: vec![egress], ..Knobs::default() })
}

/// Has a node send what is for nobody, without asking for them first.
pub(crate) fn know_nobody(node: &Namespace) {
    node.ip(&format!("neigh replace {NOBODY} lladdr 02:00:00:00:00:77 dev eth0 nud permanent"));
}

pub(crate) fn listen(cluster: &Cluster) -> TcpListener {
    cluster.at("ext").within(|| TcpListener::bind(FAR_SIDE).expect("a listener"))
}

/// Connections from there to the far side, one after the other.
pub(crate) fn connect(pod: &Namespace, listener: &TcpListener, count: usize) {
    for _ in 0..count {
        drop(pod.within(|| TcpStream::connect(FAR_SIDE).expect("the far side")));
        listener.accept().expect("the client");
    }
}

/// How many flows have these in common, each a JSON pointer (RFC 6901); `-` is what is not known.
pub(crate) fn counted<const N: usize>(report: &Report, pointers: [&str; N]) -> BTreeMap<[String; N], usize> {
    let mut counted = BTreeMap::new();
    for flow in report.0["flows"].as_array().expect("flows") {
        let word = |at: &str| flow.pointer(at).and_then(Value::as_str).unwrap_or("-").to_owned();
        *counted.entry(pointers.map(word)).or_default() += 1;
    }
    counted
}
