//! A situation as its file says it: what is built, what happens, and what egret must say.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddrV4};
use std::path::{Path, PathBuf};

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};

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

/// What differs from the plain cluster of [`crate::topology`].
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Knobs {
    pub(crate) egress: Vec<Egress>,
    pub(crate) egress_router: bool,
    /// Scripts for `nft`, by namespace.
    pub(crate) nft: BTreeMap<String, String>,
    /// Lines for `ip -batch`, by namespace.
    pub(crate) ip: BTreeMap<String, String>,
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
    /// Begins not before the traffic, but with the step `listen`.
    #[serde(default)]
    pub(crate) late: bool,
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
    /// Goes on with the connections of a batch that were held open.
    Finish(Finish),
    Nft(Script),
    Ip(Script),
    Conntrack(Script),
    Sysctl(Script),
    /// Begins the captures that are late.
    Listen,
    /// Waits until the router has counted a packet of every flow of a batch with the client's own address.
    Strays(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    pub(crate) at: String,
    /// For `nft` a script, for `ip` lines of a batch, for `conntrack` arguments, for `sysctl` lines of
    /// `net/… = value`.
    pub(crate) script: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Batch {
    pub(crate) name: String,
    pub(crate) from: String,
    pub(crate) to: SocketAddrV4,
    pub(crate) count: u16,
    #[serde(default)]
    pub(crate) protocol: Protocol,
    /// The first connection's source port; the next ones count up. The kernel's choice without.
    pub(crate) port: Option<u16>,
    /// The same port for all of them, again and again.
    #[serde(default)]
    pub(crate) same_port: bool,
    /// How many at a time.
    #[serde(default = "one")]
    pub(crate) parallel: u16,
    #[serde(default)]
    pub(crate) end: End,
    /// Stay open until `finish`.
    #[serde(default)]
    pub(crate) hold: bool,
    /// Bytes of payload that the client sends beside its name.
    #[serde(default)]
    pub(crate) bytes: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finish {
    pub(crate) name: String,
    /// Whether the client says another line first, and waits for the answer.
    #[serde(default)]
    pub(crate) speak: bool,
    #[serde(default)]
    pub(crate) end: End,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    #[default]
    Tcp,
    Udp,
}

impl Protocol {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// Who ends a connection, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum End {
    #[default]
    ClientFin,
    ClientRst,
    ServerFin,
    ServerRst,
}

impl End {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ClientFin => "client-fin",
            Self::ClientRst => "client-rst",
            Self::ServerFin => "server-fin",
            Self::ServerRst => "server-rst",
        }
    }
}

/// Flows alike in the eyes of the witnesses.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Class {
    #[serde(rename = "class")]
    pub(crate) name: String,
    /// Of this batch.
    pub(crate) of: Option<String>,
    /// The address that the server saw, or `nobody`.
    pub(crate) seen: Option<Seen>,
    /// Every address with which packets came to the router, in order; empty where nothing came.
    pub(crate) left: Option<Vec<IpAddr>>,
    /// What the client met.
    pub(crate) client: Option<Met>,
    /// Whether the port that left is another than the client's.
    pub(crate) rewritten: Option<bool>,
    /// How many there must be.
    pub(crate) flows: Option<usize>,
    pub(crate) at_least: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    As(IpAddr),
    Nobody,
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        if word == "nobody" { Ok(Self::Nobody) } else { word.parse().map(Self::As).map_err(D::Error::custom) }
    }
}

/// What became of a connection in the eyes of the client's socket, in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Met {
    /// Every line was answered.
    Answered,
    Refused,
    /// No answer to the first packet.
    Timeout,
    /// An ICMP error instead of an answer.
    Unreachable,
    /// Reset after the first answer.
    Reset,
    /// No answer to a later line.
    Silent,
}

/// What egret must say about some of the captures.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Judgement {
    pub(crate) name: String,
    pub(crate) read: Vec<String>,
    #[serde(default)]
    pub(crate) flags: Vec<String>,
    pub(crate) exit: i32,
    /// By class.
    pub(crate) expect: BTreeMap<String, Call>,
}

/// What a flow must be called: `VERDICT REASON OUTCOME`, each perhaps several words with `|` between
/// them; or `absent`, where the captures cannot show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    Absent,
    As { verdict: String, reasons: Vec<String>, outcomes: Vec<String> },
}

impl<'de> Deserialize<'de> for Call {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let line = String::deserialize(deserializer)?;
        let several = |words: &str| words.split('|').map(str::to_owned).collect();
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["absent"] => Ok(Self::Absent),
            [verdict, reasons, outcomes] => Ok(Self::As {
                verdict: verdict.to_owned(),
                reasons: several(reasons),
                outcomes: several(outcomes),
            }),
            _ => Err(D::Error::custom(format!("\"{line}\" is not VERDICT REASON OUTCOME, nor absent"))),
        }
    }
}

/// That captures are kept in `testdata/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub(crate) captures: Vec<String>,
}

fn one() -> u16 {
    1
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
    for judgement in &situation.judgements {
        let at = format!("{}: {}", path.display(), judgement.name);
        for capture in &judgement.read {
            assert!(situation.captures.contains_key(capture), "{at}: no capture {capture}");
        }
        for class in judgement.expect.keys() {
            assert!(situation.happens.iter().any(|known| known.name == *class), "{at}: no class {class}");
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
