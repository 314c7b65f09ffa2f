//! What can be captured and concluded from here, and what to do about what cannot: `egret doctor`.
//!
//! [`Examined`] is what was looked at; [`Diagnosis::of`] concludes from that alone. The text for people and the JSON for
//! programs are written from the same [`Diagnosis`], whose fields are the JSON's keys. What could not be seen is said,
//! and never makes a diagnosis fail.

mod answer;
mod around;
mod capture;
mod environment;
mod hosts;
mod network;
mod rights;
pub mod text;
mod verify;

use serde::Serialize;

use crate::expect::Known;
use crate::expect::environment::Environment;
use crate::machine::neighbours::Neighbours;
use crate::machine::offloads::Offloads;
use crate::machine::rules::Rules;
use crate::machine::{self, Machine, Surroundings};
use crate::platform::{Clock, Cluster, Kernel, Observed, Place, Platform, Runtime};
use crate::privilege::Rights;
use crate::text::plain;

pub use answer::{Answer, Go};
pub use around::{Checksums, Translation};
pub use capture::{Capture, Tried};
pub use environment::Variable;
pub use hosts::HostsFile;
pub use network::Network;
pub use rights::{Held, Sandbox};
pub use verify::Verify;

/// The JSON Schema (2020-12) of [`Diagnosis::json`].
pub const SCHEMA: &str = include_str!("../schema/egret.doctor-1.schema.json");

/// What was looked at.
#[derive(Debug)]
pub struct Examined {
    pub observed: Observed,
    pub platform: Platform,
    pub rights: Rights,
    pub kernel: Kernel,
    /// The version of Landlock that the kernel has.
    pub landlock: Option<u8>,
    pub machine: Result<Machine, machine::Error>,
    /// What the machine says of the question; `None` where it could not be read.
    pub surroundings: Option<Surroundings>,
    pub neighbours: Neighbours,
    pub tried: Tried,
    pub rules: Result<Rules, machine::Error>,
    /// Whether conntrack's table may be read, and how many entries it has.
    pub conntrack: Result<Option<u64>, machine::Error>,
    /// How many entries it has, whoever may read them.
    pub entries: Option<u64>,
    pub offloads: Result<Vec<Offloads>, machine::Error>,
    pub clock: Clock,
    /// What `/etc/hosts` holds.
    pub hosts: Option<Vec<u8>>,
    pub environment: Environment,
}

/// What is said of all that.
#[derive(Debug, Serialize)]
pub struct Diagnosis {
    schema: &'static str,
    egret: &'static str,
    pub answer: Answer,
    pub platform: Where,
    pub rights: Held,
    pub sandbox: Sandbox,
    pub network: Option<Network>,
    pub capture: Capture,
    pub verify: Vec<Verify>,
    pub translation: Translation,
    pub clock: Kept,
    pub hosts: HostsFile,
    pub environment: Vec<Variable>,
    pub checksums: Checksums,
    /// What is wrong with what was set, a line each.
    pub warnings: Vec<String>,
    /// What could not be seen, a line each.
    pub unseen: Vec<String>,
}

/// Where egret runs.
#[derive(Debug, Serialize)]
pub struct Where {
    pub place: &'static str,
    pub words: String,
    pub cluster: Option<&'static str>,
    pub runtime: Option<&'static str>,
    pub namespace: Option<String>,
    pub pod: Option<String>,
    pub node: Option<String>,
    pub host: Option<String>,
    pub because: Vec<String>,
}

/// Whether the clock is kept.
#[derive(Debug, Serialize)]
pub struct Kept {
    /// `set`, `kept` or `unknown`.
    pub state: &'static str,
    pub by: Option<&'static str>,
}

impl Diagnosis {
    pub fn of(examined: &Examined) -> Self {
        let network = Network::of(examined);
        let capture = Capture::of(examined);
        let verify = verify::of(examined, &capture);
        Self {
            schema: "egret.doctor/1",
            egret: env!("CARGO_PKG_VERSION"),
            answer: Answer::of(examined, &capture),
            platform: Where::of(&examined.platform),
            rights: Held::of(&examined.rights),
            sandbox: Sandbox::of(&examined.kernel, examined.landlock),
            network,
            capture,
            verify,
            translation: Translation::of(examined),
            clock: Kept::of(examined.clock),
            hosts: HostsFile::of(examined.hosts.as_deref()),
            environment: environment::of(examined),
            checksums: Checksums::of(examined),
            warnings: warnings(examined),
            unseen: unseen(examined),
        }
    }

    /// As a document, `egret.doctor/1`.
    pub fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("plain structures become JSON");
        text.push('\n');
        text
    }
}

impl Where {
    fn of(platform: &Platform) -> Self {
        let shown = |name: &Option<String>| name.as_deref().map(plain);
        Self {
            place: platform.place.name(),
            words: plain(&platform.words()),
            cluster: platform.cluster.map(Cluster::name),
            runtime: platform.runtime.map(Runtime::name),
            namespace: shown(&platform.namespace),
            pod: shown(&platform.pod),
            node: shown(&platform.node),
            host: shown(&platform.hostname),
            because: platform.because.iter().map(|because| plain(because)).collect(),
        }
    }
}

impl Kept {
    fn of(clock: Clock) -> Self {
        match clock {
            Clock::Set => Self { state: "set", by: Some("systemd-timesyncd") },
            Clock::Kept(by) => Self { state: "kept", by: Some(by) },
            Clock::Unknown => Self { state: "unknown", by: None },
        }
    }
}

fn warnings(examined: &Examined) -> Vec<String> {
    let mut warnings = examined.environment.warnings.clone();
    if let (Ok(machine), Place::Pod) = (&examined.machine, examined.platform.place) {
        let is_held = |known: &Known| {
            known
                .block
                .single()
                .is_none_or(|address| machine.addresses.iter().any(|held| held.address == address))
        };
        let strange = examined.environment.cluster.pods.iter().filter(|known| !is_held(known));
        warnings.extend(
            strange.map(|known| format!("POD_IP says {}, which no interface here holds", known.block)),
        );
    }
    warnings
}

fn unseen(examined: &Examined) -> Vec<String> {
    let mut unseen = Vec::new();
    if examined.observed.is_blind() {
        unseen.push("/proc is not there: control groups, mounts and limits of this process".to_owned());
    }
    if let Err(error) = &examined.machine {
        unseen.push(error.to_string());
    }
    if examined.hosts.is_none() {
        unseen.push("/etc/hosts is not there, or may not be read".to_owned());
    }
    if let Err(error) = &examined.offloads {
        unseen.push(format!("which checksums cards fill in: {error}"));
    }
    unseen
}

#[cfg(test)]
mod tests;
