//! Where egret runs: the machine's network and its files put together.

use crate::expect::Cluster;
use crate::expect::environment::Environment;
use crate::machine::{Machine, Surroundings, Told};
use crate::net::Address;
use crate::platform::{Network, Observed, Platform};

/// The platform, without anything that was typed.
pub(super) fn platform() -> Platform {
    let environment = Environment::read(|name| std::env::var(name).ok());
    let machine = Machine::read().ok();
    of(&Observed::here(), machine.as_ref(), &environment.cluster).0
}

/// What was observed, and the machine's network with what it says of the question.
pub(super) fn of(
    observed: &Observed,
    machine: Option<&Machine>,
    told: &Cluster,
) -> (Platform, Option<Surroundings>) {
    let pods: Vec<Address> = told.single_pods().collect();
    let nodes: Vec<Address> = told.addresses_of_nodes().collect();
    let surroundings = machine.map(|machine| machine.surroundings(Told { pods: &pods, nodes: &nodes }));
    let network = machine.zip(surroundings.as_ref()).map(|(machine, surroundings)| Network {
        standpoint: surroundings.standpoint,
        because: &surroundings.because,
        is_of_a_cluster: machine.is_of_a_cluster(),
    });
    (Platform::of(observed, network), surroundings)
}
