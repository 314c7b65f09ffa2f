//! What the machine that egret runs on says of the question: what its interfaces are, what is inside, whose addresses are
//! whose; and what becomes of that while frames are captured.
//!
//! Every network namespace that is captured in is looked at by itself, from within: a pod's tells of the pod, the node's of the node.

use std::collections::BTreeSet;

use anyhow::Context as _;

use crate::cli::frames::Source;
use crate::command::namespaces::{Ground, Namespaces, ground};
use crate::expect::{Cluster, Known, Node};
use crate::machine::{Error, Inquiry, LOOPBACK, Machine, Standpoint, Surroundings, Told, Watch};
use crate::net::{Address, Block};
use crate::place;

/// Who says what the machine says, in the report.
const MACHINE: &str = "this machine";

/// Whether nothing is said of what an interface is to the question.
pub(super) fn is_unknown(known: &place::Known) -> bool {
    known.role.is_none() && known.because != LOOPBACK
}

pub(super) struct Here {
    views: Vec<View>,
    pods: Vec<Address>,
    nodes: Vec<Address>,
}

/// What is seen from one network namespace.
struct View {
    ground: Ground,
    /// Whose it is, if it is not egret's own.
    name: Option<String>,
    /// `None` where changes cannot be heard of.
    watch: Option<Watch>,
    inquiry: Inquiry,
    surroundings: Surroundings,
    is_told: bool,
}

impl Here {
    /// Looks around where interfaces are captured; `told` is what flags, environment and files say of the cluster.
    pub(super) fn look(
        told: &[&Cluster],
        sources: &[Source],
        namespaces: &Namespaces,
    ) -> anyhow::Result<Self> {
        let pods: Vec<Address> = told.iter().flat_map(|cluster| cluster.single_pods()).collect();
        let nodes: Vec<Address> = told.iter().flat_map(|cluster| cluster.addresses_of_nodes()).collect();
        let grounds: BTreeSet<Ground> = sources.iter().filter_map(ground).collect();
        let mut views = Vec::new();
        for ground in grounds {
            let name = namespaces.name(ground).map(str::to_owned);
            let seen = namespaces.within(ground, look)?;
            let (watch, inquiry, machine) = match &name {
                None => seen?,
                Some(name) => seen.with_context(|| name.clone())?,
            };
            let surroundings = machine.surroundings(Told { pods: &pods, nodes: &nodes });
            views.push(View { ground, name, watch, inquiry, surroundings, is_told: false });
        }
        Ok(Self { views, pods, nodes })
    }

    /// What it says of the cluster.
    pub(super) fn cluster(&self) -> Cluster {
        let mut cluster = Cluster::default();
        for View { name, surroundings, .. } in &self.views {
            let machine = name.as_deref().unwrap_or(MACHINE);
            let said_by = |because: &str| format!("{machine}: {because}");
            let single = |(address, because): &(Address, String)| Known {
                block: Block::from(address.ip()),
                said_by: said_by(because),
            };
            let block =
                |(block, because): &(Block, String)| Known { block: *block, said_by: said_by(because) };
            let node = |(address, because): &(Address, String)| Node {
                name: None,
                addresses: vec![*address],
                said_by: said_by(because),
            };
            cluster.pods.extend(surroundings.pods.iter().map(single));
            cluster.inside.extend(surroundings.inside.iter().map(block));
            cluster.nodes.extend(surroundings.nodes.iter().map(node));
        }
        cluster
    }

    /// Whether egret itself runs in a pod's network, and captures there.
    pub(super) fn is_in_pod(&self) -> bool {
        let own = self.views.iter().find(|view| view.ground.is_none());
        own.is_some_and(|view| view.surroundings.standpoint == Standpoint::Pod)
    }

    /// Lines for the report: where egret takes itself to be, or to capture, and why.
    pub(super) fn words(&self) -> Vec<String> {
        let words = |View { name, surroundings, .. }: &View| {
            let who = name.as_ref().map_or_else(String::new, |name| format!("{name}: "));
            format!("{who}captured {} ({})", surroundings.standpoint.words(), surroundings.because)
        };
        self.views.iter().map(words).collect()
    }

    /// Whether interfaces of several network namespaces are captured: their indexes have nothing to do with each other.
    pub(super) fn is_of_several(&self) -> bool {
        self.views.len() > 1
    }

    /// All interfaces, by index.
    pub(super) fn interfaces(&self) -> BTreeSet<u32> {
        self.views.iter().flat_map(|view| &view.surroundings.places).map(|known| known.index).collect()
    }

    /// The interfaces of which the machine does not know whether they lead out.
    pub(super) fn unknown(&self) -> impl Iterator<Item = &place::Known> {
        self.views.iter().flat_map(|View { surroundings, .. }| {
            let is_inner = |known: &place::Known| surroundings.network.contains(&known.index);
            surroundings.places.iter().filter(move |known| is_unknown(known) && !is_inner(known))
        })
    }

    /// Every interface as it is now of those namespaces of which that was not told yet, or has changed.
    pub(super) fn news(&mut self) -> impl Iterator<Item = (Ground, &[place::Known])> {
        let told = Told { pods: &self.pods, nodes: &self.nodes };
        self.views.iter_mut().filter_map(move |view| {
            let has_changed = view.watch.as_mut().is_some_and(Watch::changed);
            if has_changed && let Ok(machine) = view.inquiry.machine() {
                view.surroundings = machine.surroundings(told);
            }
            let is_news = has_changed || !view.is_told;
            view.is_told = true;
            is_news.then_some((view.ground, &*view.surroundings.places))
        })
    }
}

/// What there is in the calling thread's namespace, and the means to learn what becomes of it.
fn look() -> Result<(Option<Watch>, Inquiry, Machine), Error> {
    // In this order: what changes in between is heard of.
    let watch = Watch::new().ok();
    let mut inquiry = Inquiry::open()?;
    let machine = inquiry.machine()?;
    Ok((watch, inquiry, machine))
}
