//! A situation as its file says it: what is built, what happens, and what egret must say.

mod batch;
mod expectation;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub(crate) use batch::{Batch, End, Finish, Protocol};
pub(crate) use expectation::{Alive, Call, Class, Judgement, Met, Seen};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Situation {
    /// The file's name without `.yaml`.
    #[serde(skip)]
    pub(crate) name: String,
    /// What it shows, for readers.
    pub(crate) purpose: String,
    #[serde(default, rename = "topology")]
    pub(crate) knobs: Knobs,
    /// By the name that `-r NAME=FILE` will have.
    pub(crate) captures: BTreeMap<String, Capture>,
    pub(crate) steps: Vec<Step>,
    /// Classes of flows by what the witnesses say; the first that fits is a flow's class.
    pub(crate) happens: Vec<Class>,
    pub(crate) judgements: Vec<Judgement>,
    pub(crate) record: Option<Record>,
}

impl Situation {
    /// Namespaces whose tables are printed.
    fn printed(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match step {
            Step::Print(at) => Some(at.as_str()),
            _ => None,
        })
    }

    fn batches(&self) -> impl Iterator<Item = &Batch> {
        let batches = self.steps.iter().filter_map(|step| match step {
            Step::Traffic(batches) => Some(batches),
            _ => None,
        });
        batches.flatten()
    }
}

/// What differs from the plain cluster of [`crate::topology`].
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Knobs {
    pub(crate) egress: Vec<Egress>,
    pub(crate) egress_router: EgressRouter,
    /// Everything speaks IPv6, too.
    pub(crate) ipv6: bool,
    pub(crate) tunnel: Tunnel,
    /// Scripts for `nft`, by namespace.
    pub(crate) nft: BTreeMap<String, String>,
    /// Lines for `ip -batch`, by namespace.
    pub(crate) ip: BTreeMap<String, String>,
    /// Lines of arguments for `ethtool`, by namespace.
    pub(crate) ethtool: BTreeMap<String, String>,
}

/// Whether there is an egress router pod, and what it does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EgressRouter {
    #[default]
    None,
    /// Rewrites source and destination.
    Nat,
    /// Ends connections, and opens others outside.
    Proxy,
}

/// What carries packets from pod to pod between nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tunnel {
    #[default]
    Vxlan,
    Geneve,
}

impl Tunnel {
    pub(crate) fn device(self) -> &'static str {
        match self {
            Self::Vxlan => "vxlan_sys_4789",
            Self::Geneve => "genev_sys_6081",
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Egress {
    pub(crate) address: IpAddr,
    pub(crate) node: String,
    pub(crate) pods: Vec<String>,
    /// Flags of nft's `snat`: `random`, `fully-random`.
    #[serde(default)]
    pub(crate) ports: String,
    /// An IPv6 address that the kernel may choose by itself, too: nobody has deprecated it.
    #[serde(default)]
    pub(crate) preferred: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Capture {
    /// The namespace.
    pub(crate) at: String,
    /// The interface, or `any`.
    pub(crate) on: String,
    /// What `any` gives: `LINUX_SLL2` or `LINUX_SLL`.
    #[serde(default)]
    pub(crate) link: Link,
    /// Nanoseconds instead of microseconds.
    #[serde(default)]
    pub(crate) nano: bool,
    /// Bytes kept of each frame: where there are many, fewer fill the ring, and disks.
    #[serde(default = "snap_length")]
    pub(crate) snap: u16,
    /// Begins not before the traffic, but with the step `listen`.
    #[serde(default)]
    pub(crate) late: bool,
}

fn snap_length() -> u16 {
    4_096
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Link {
    #[default]
    Sll2,
    Sll,
}

/// One thing after the other.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step {
    /// Batches that run at the same time.
    Traffic(Vec<Batch>),
    /// Says another line on the connections of a batch that were held open, and waits for the answer.
    Speak(String),
    /// Goes on with the connections of a batch that were held open.
    Finish(Finish),
    Nft(Script),
    Ip(Script),
    Conntrack(Script),
    Sysctl(Script),
    Arping(Script),
    /// Begins the captures that are late.
    Listen,
    /// Has conntrack print the table of a namespace, for judgements that are given it.
    Print(String),
    /// Waits until the router has counted a packet of every flow of a batch with the client's own address.
    Strays(String),
    /// Waits until the router has counted so many more packets of every tuple that it knows from a source.
    Idle(Idle),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    pub(crate) at: String,
    /// For `nft` a script, for `ip` lines of a batch, for `conntrack` and `arping` arguments, for `sysctl`
    /// lines of `net/… = value`.
    pub(crate) script: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Idle {
    pub(crate) source: IpAddr,
    pub(crate) packets: u64,
}

/// That captures are kept in `testdata/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub(crate) captures: Vec<String>,
}

/// The files, sorted by name.
pub(crate) fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/situations");
    let entries = std::fs::read_dir(&folder).expect("tests/lab/situations");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

/// All situations.
///
/// # Panics
/// If a file cannot be understood, or names a capture or class that it does not have.
pub(crate) fn load_all() -> Vec<Situation> {
    files().iter().map(|path| load(path)).collect()
}

fn load(path: &Path) -> Situation {
    let text = std::fs::read_to_string(path).expect("a readable file");
    let mut situation: Situation =
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    situation.name = path.file_stem().expect("a name").to_string_lossy().into_owned();
    let mut batches: Vec<&str> = situation.batches().map(|batch| batch.name.as_str()).collect();
    let all = batches.len();
    batches.sort_unstable();
    batches.dedup();
    assert!(batches.len() == all, "{}: two batches have one name", path.display());
    for judgement in &situation.judgements {
        let at = format!("{}: {}", path.display(), judgement.name);
        for capture in &judgement.read {
            assert!(situation.captures.contains_key(capture), "{at}: no capture {capture}");
        }
        if let Some(table) = judgement.conntrack.as_ref().filter(|_| judgement.live != Alive::Only) {
            assert!(situation.printed().any(|printed| printed == table), "{at}: no table of {table}");
        }
        for class in judgement.expect.keys() {
            assert!(situation.happens.iter().any(|known| known.name == *class), "{at}: no class {class}");
        }
        for class in judgement.partial.iter().chain(&judgement.linked) {
            assert!(judgement.expect.contains_key(class), "{at}: no class {class}");
        }
        for class in &situation.happens {
            assert!(judgement.expect.contains_key(&class.name), "{at}: says nothing of {}", class.name);
        }
    }
    for capture in situation.record.iter().flat_map(|record| &record.captures) {
        assert!(situation.captures.contains_key(capture), "{}: no capture {capture}", path.display());
    }
    situation
}

#[test]
fn every_situation_file_can_be_read() {
    assert!(!load_all().is_empty());
}
