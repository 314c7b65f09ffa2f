//! What becomes of one connection, step by step: through which Service and router, as what, by which node.

mod through;

use super::denial::{self, Leave};
use super::{Answer, Because, Derived};
use crate::net::Endpoint;
use crate::objects::Objects;

pub(in crate::expect) use through::target;

/// The answer for one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    pub answer: Answer,
    /// The node that it leaves by, where that is known and one.
    pub node: Option<String>,
    pub via: Option<Via>,
    pub because: Vec<Because>,
}

/// The egress router on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    /// By its index in [`Derived::routers`].
    pub router: usize,
    /// Where the router sends it, an address or a name with a port; `None` where it is refused, and where the client says.
    pub to: Option<String>,
}

impl Explained {
    pub(crate) fn plain(answer: Answer, because: Vec<Because>) -> Self {
        Self { answer, node: None, via: None, because }
    }
}

impl Derived {
    /// What becomes of a connection of a workload to that endpoint, and why.
    pub fn explain(&self, objects: &Objects, workload: usize, to: Endpoint, protocol: u8) -> Explained {
        if let Some(explained) = self.through_router(objects, to, protocol) {
            return explained;
        }
        let own = &self.workloads[workload];
        let cluster = &self.cluster;
        if cluster.is_node(to.address).is_some()
            || cluster.is_pod(to.address)
            || cluster.is_service(to.address)
        {
            let whose = cluster.owner(to.address).unwrap_or_default();
            let because = vec![Because::plain(format!("{} is inside: {whose}", to.address))];
            return Explained::plain(Answer::NotEgress, because);
        }
        let router = self.router_of(workload);
        if let Some(explained) = router.and_then(|at| self.by_proxy(at, to)) {
            return explained;
        }
        // What a router sends by its macvlan interface passes no firewall of the cluster.
        let leave = match router {
            Some(_) => Leave::Allowed,
            None => denial::leave(&self.denials, workload, to, protocol),
        };
        match leave {
            Leave::Allowed => {}
            Leave::Denied(why) => return Explained::plain(Answer::Drop, vec![why]),
            Leave::Perhaps { missing, because: why } => {
                return Explained::plain(Answer::Unknown { missing }, vec![why]);
            }
        }
        let Some(rule) = self.rule_for(workload) else {
            let missing = format!("a rule about {}", own.id);
            return Explained::plain(Answer::Unknown { missing }, Vec::new());
        };
        let mut because = rule.because.clone();
        let mut answer = rule.answer.clone();
        if let Answer::AnyOf(exits) = &answer
            && exits.iter().all(|exit| exit.address.is_v4() != to.address.is_v4())
        {
            because.push(Because::plain(
                "the egress addresses are of another family: it leaves with its node's address",
            ));
            answer = Answer::Node;
        }
        let node = match &answer {
            Answer::Node | Answer::Pod => own.node.clone(),
            answer => answer.node().map(str::to_owned),
        };
        Explained { answer, node, via: None, because }
    }

    /// The router whose pod or template a workload is.
    pub fn router_of(&self, workload: usize) -> Option<usize> {
        self.routers.iter().position(|router| router.workloads.contains(&workload))
    }
}
