//! What is asked of the captures in `testdata/`, and of those that are made up for protocols that these lack: which of
//! them are read together, and what is expected.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use egret::digest::protocol;
use serde::Deserialize;

use crate::capture::Capture;
use crate::protocols;

/// A folder of `testdata/`, or what could be one.
#[derive(Debug)]
pub(crate) struct Situation {
    pub(crate) name: String,
    pub(crate) captures: Vec<Capture>,
    /// Protocol, source and destination of what left translated, by witnesses that looked at no packet.
    pub(crate) translated: BTreeSet<(u8, SocketAddr, SocketAddr)>,
    /// Different lists of flags that the laboratory judges the situation with.
    flags: Vec<Vec<String>>,
}

/// Captures, and the flags to judge them with.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// For messages.
    pub(crate) name: String,
    pub(crate) flags: Vec<String>,
    pub(crate) captures: Vec<Capture>,
}

pub(crate) static SITUATIONS: LazyLock<Vec<Situation>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let folders = entries(&root).into_iter().filter(|path| path.join("truth.jsonl").exists());
    let mut situations: Vec<_> = folders.map(|folder| Situation::load(&folder)).collect();
    assert!(situations.len() >= 7, "{}: captures are missing", root.display());
    situations.extend(protocols::situations());
    situations
});

impl Situation {
    fn load(folder: &Path) -> Self {
        let name = stem(folder);
        let captures = entries(folder)
            .into_iter()
            .filter(|path| path.to_string_lossy().contains(".pcap"))
            .map(|path| Capture::open(&stem(&path), &path))
            .collect();
        let lab =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/situations").join(format!("{name}.yaml"));
        let file: File =
            serde_saphyr::from_str(&fs::read_to_string(&lab).expect("a situation")).expect("YAML");
        let mut flags: Vec<_> = file.judgements.into_iter().map(|judgement| judgement.flags).collect();
        // What is declared of a capture that is not kept cannot be said.
        flags.retain(|flags| !flags.iter().any(|flag| flag.starts_with("--role")));
        flags.sort();
        flags.dedup();
        let truth = fs::read_to_string(folder.join("truth.jsonl")).expect("truth");
        let flows: Vec<Flow> = truth.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        Self { name, captures, translated: translated(&flows), flags }
    }

    /// A situation that nobody recorded.
    pub(crate) fn made(
        name: String,
        captures: Vec<Capture>,
        translated: Vec<(u8, SocketAddr, SocketAddr)>,
        flags: Vec<Vec<String>>,
    ) -> Self {
        Self { name, captures, translated: translated.into_iter().collect(), flags }
    }

    /// Every set of captures with every list of flags.
    pub(crate) fn questions(&self) -> impl Iterator<Item = Question> + '_ {
        let sets = 1..1_usize << self.captures.len();
        sets.flat_map(move |set| self.flags.iter().map(move |flags| self.question(set, flags)))
    }

    /// Every set of captures, with one list of flags.
    pub(crate) fn sets(&self) -> impl Iterator<Item = Question> + '_ {
        (1..1_usize << self.captures.len()).map(|set| self.question(set, &self.flags[0]))
    }

    fn question(&self, set: usize, flags: &[String]) -> Question {
        let chosen = self.captures.iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1);
        let captures: Vec<Capture> = chosen.map(|(_, capture)| capture.clone()).collect();
        let names: Vec<&str> = captures.iter().map(|capture| capture.name.as_str()).collect();
        let name = format!("{}: {} {}", self.name, names.join("+"), flags.join(" "));
        Question { name, flags: flags.to_vec(), captures }
    }
}

/// Every question about every situation.
pub(crate) fn questions() -> impl Iterator<Item = (&'static Situation, Question)> {
    SITUATIONS.iter().flat_map(|situation| situation.questions().map(move |question| (situation, question)))
}

/// One question about every set of captures.
pub(crate) fn sets() -> impl Iterator<Item = Question> {
    SITUATIONS.iter().flat_map(Situation::sets)
}

/// What of a situation's file is of use here; `tests/lab/situation.rs` reads the rest.
#[derive(Debug, Deserialize)]
struct File {
    judgements: Vec<Judgement>,
}

#[derive(Debug, Deserialize)]
struct Judgement {
    #[serde(default)]
    flags: Vec<String>,
}

/// A line of `truth.jsonl`.
#[derive(Debug, Deserialize)]
struct Flow {
    protocol: String,
    client: SocketAddr,
    left: Vec<Exit>,
}

#[derive(Debug, Deserialize)]
struct Exit {
    source: SocketAddr,
    destination: SocketAddr,
}

fn translated(flows: &[Flow]) -> BTreeSet<(u8, SocketAddr, SocketAddr)> {
    let mut tuples = BTreeSet::new();
    for flow in flows {
        let protocol = match flow.protocol.as_str() {
            "tcp" => protocol::TCP,
            "udp" => protocol::UDP,
            "icmp" => protocol::ICMP,
            "icmp6" => protocol::ICMPV6,
            "sctp" => protocol::SCTP,
            other => panic!("truth about {other}"),
        };
        let exits = flow.left.iter().filter(|exit| exit.source.ip() != flow.client.ip());
        tuples.extend(exits.map(|exit| (protocol, exit.source, exit.destination)));
    }
    tuples
}

pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// The name up to its first dot.
fn stem(path: &Path) -> String {
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    name.split('.').next().expect("a part").to_owned()
}
