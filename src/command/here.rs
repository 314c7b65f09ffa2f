//! What the machine that egret runs on says of the question: what its interfaces are, what is inside, whose addresses are
//! whose; and what becomes of that while frames are captured.

use std::collections::BTreeSet;

use crate::expect::{Cluster, Known, Node};
use crate::machine::{Error, LOOPBACK, Machine, Standpoint, Surroundings, Told, Watch};
use crate::net::{Address, Block};
use crate::place;

/// Who says what the machine says, in the report.
const MACHINE: &str = "this machine";

/// Whether nothing is said of what an interface is to the question.
pub(super) fn is_unknown(known: &place::Known) -> bool {
    known.role.is_none() && known.because != LOOPBACK
}

pub(super) struct Here {
    /// `None` where changes cannot be heard of.
    watch: Option<Watch>,
    pods: Vec<Address>,
    nodes: Vec<Address>,
    surroundings: Surroundings,
    is_told: bool,
}

impl Here {
    /// Looks around; `told` is what flags, environment and files say of the cluster.
    pub(super) fn look(told: &[&Cluster]) -> Result<Self, Error> {
        // In this order: what changes in between is heard of.
        let watch = Watch::new().ok();
        let machine = Machine::read()?;
        let singles = told.iter().flat_map(|cluster| &cluster.pods).filter_map(|known| known.block.single());
        let pods: Vec<Address> = singles.collect();
        let nodes: Vec<Address> =
            told.iter().flat_map(|cluster| &cluster.nodes).flat_map(|node| node.addresses.clone()).collect();
        let surroundings = machine.surroundings(Told { pods: &pods, nodes: &nodes });
        Ok(Self { watch, pods, nodes, surroundings, is_told: false })
    }

    /// What it says of the cluster.
    pub(super) fn cluster(&self) -> Cluster {
        let said_by = |because: &str| format!("{MACHINE}: {because}");
        let single = |(address, because): &(Address, String)| Known {
            block: Block::from(address.ip()),
            said_by: said_by(because),
        };
        let block = |(block, because): &(Block, String)| Known { block: *block, said_by: said_by(because) };
        let node = |(address, because): &(Address, String)| Node {
            name: None,
            addresses: vec![*address],
            said_by: said_by(because),
        };
        Cluster {
            pods: self.surroundings.pods.iter().map(single).collect(),
            inside: self.surroundings.inside.iter().map(block).collect(),
            nodes: self.surroundings.nodes.iter().map(node).collect(),
            ..Cluster::default()
        }
    }

    /// Whether egret runs in a pod's network.
    pub(super) fn is_in_pod(&self) -> bool {
        self.surroundings.standpoint == Standpoint::Pod
    }

    /// A line for the report: where egret takes itself to be, and why.
    pub(super) fn words(&self) -> String {
        format!("captured {} ({})", self.surroundings.standpoint.words(), self.surroundings.because)
    }

    /// All interfaces, by index.
    pub(super) fn interfaces(&self) -> BTreeSet<u32> {
        self.surroundings.places.iter().map(|known| known.index).collect()
    }

    /// The interfaces of which the machine does not know whether they lead out.
    pub(super) fn unknown(&self) -> impl Iterator<Item = &place::Known> {
        let is_inner = |known: &place::Known| self.surroundings.network.contains(&known.index);
        self.surroundings.places.iter().filter(move |known| is_unknown(known) && !is_inner(known))
    }

    /// Every interface as it is now, if that was not told yet or has changed.
    pub(super) fn news(&mut self) -> Option<Vec<place::Known>> {
        let has_changed = self.watch.as_mut().is_some_and(Watch::changed);
        if has_changed && let Ok(machine) = Machine::read() {
            self.surroundings = machine.surroundings(Told { pods: &self.pods, nodes: &self.nodes });
        }
        let is_news = has_changed || !self.is_told;
        self.is_told = true;
        is_news.then(|| self.surroundings.places.clone())
    }
}
