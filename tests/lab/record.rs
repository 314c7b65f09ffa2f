//! Recorded situations: captures and truth in `testdata/`, each with where it comes from.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::netns::run;
use crate::situation::{Judgement, Situation};
use crate::topology::Cluster;
use crate::truth::Flow;

/// Larger captures are compressed.
const PLAIN: u64 = 64 * 1024;

/// No file is larger.
const LIMIT: u64 = 100 * 1024;

/// A situation's captures and truth as they lie in `testdata/`.
pub(crate) struct Recording {
    pub(crate) captures: BTreeMap<String, PathBuf>,
    pub(crate) truth: Vec<Flow>,
}

impl Recording {
    pub(crate) fn open(situation: &Situation) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(&situation.name);
        let record = situation.record.as_ref().expect("a situation that is recorded");
        let file = |name: &String| {
            let plain = folder.join(format!("{name}.pcap"));
            let path = if plain.exists() { plain } else { folder.join(format!("{name}.pcap.gz")) };
            assert!(path.exists(), "{} is not recorded: scripts/record-testdata", path.display());
            (name.clone(), path)
        };
        let lines =
            fs::read_to_string(folder.join("truth.jsonl")).expect("the truth, recorded with the captures");
        let truth = lines.lines().map(|line| serde_json::from_str(line).expect("a flow")).collect();
        Self { captures: record.captures.iter().map(file).collect(), truth }
    }

    /// Whether all that `judgement` reads was recorded.
    pub(crate) fn covers(&self, judgement: &Judgement) -> bool {
        judgement.conntrack.is_none() && judgement.read.iter().all(|name| self.captures.contains_key(name))
    }
}

pub(crate) fn write_truth(path: &Path, flows: &[Flow]) {
    let mut lines = String::new();
    for flow in flows {
        let _ = writeln!(lines, "{}", serde_json::to_string(flow).expect("a flow"));
    }
    fs::write(path, lines).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
}

/// Keeps what the situation wants to have kept, where `EGRET_LAB_RECORD` says.
pub(crate) fn keep(
    situation: &Situation,
    cluster: &Cluster,
    captures: &BTreeMap<String, PathBuf>,
    flows: &[Flow],
) {
    let (Some(base), Some(record)) = (std::env::var_os("EGRET_LAB_RECORD"), &situation.record) else {
        return;
    };
    let folder = PathBuf::from(base).join(&situation.name);
    fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("cannot create {}: {error}", folder.display()));
    let mut table = String::from("| capture | tcpdump | interfaces |\n|---|---|---|\n");
    for name in &record.captures {
        let capture = &situation.captures[name];
        let file = keep_capture(&captures[name], &folder, name);
        let links = run(cluster.at(&capture.at).command("ip").arg("link"), "");
        fs::write(folder.join(format!("{name}.ip-link.txt")), links).expect("a folder to write to");
        let link = match (capture.on.as_str(), capture.link) {
            ("any", link) => format!(" -y LINUX_{link:?}").to_uppercase().replace("-Y", "-y"),
            _ => String::new(),
        };
        let nano = if capture.nano { " --time-stamp-precision=nano" } else { "" };
        let _ = writeln!(
            table,
            "| `{file}` | `-i {}{link}{nano}` in `{}` | `{name}.ip-link.txt` |",
            capture.on, capture.at
        );
    }
    write_truth(&folder.join("truth.jsonl"), flows);
    let text = format!(
        "# {}\n\n{}\n\n{table}\n`truth.jsonl`: a line a flow, from the sockets at both ends, conntrack's events and the router's \
         counters.\nRecorded from `tests/lab/situations/{}.yaml` by `scripts/record-testdata` with {}.\n",
        situation.name,
        situation.purpose.trim(),
        situation.name,
        provenance(),
    );
    fs::write(folder.join("README.md"), text).expect("a folder to write to");
}

/// The name of the file in `folder`.
fn keep_capture(capture: &Path, folder: &Path, name: &str) -> String {
    for stale in [format!("{name}.pcap"), format!("{name}.pcap.gz")] {
        // Mostly there is none.
        let _ = fs::remove_file(folder.join(stale));
    }
    let bytes = fs::read(capture).expect("a capture");
    let (file, bytes) = if bytes.len() as u64 <= PLAIN {
        (format!("{name}.pcap"), bytes)
    } else {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&bytes).expect("memory");
        (format!("{name}.pcap.gz"), encoder.finish().expect("memory"))
    };
    assert!(bytes.len() as u64 <= LIMIT, "{file} is {} bytes, too many to keep", bytes.len());
    fs::write(folder.join(&file), bytes).expect("a folder to write to");
    file
}

/// The kernel and the tools.
fn provenance() -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel: String = kernel.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let first = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output().expect("a program that was just used");
        let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
        String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned()
    };
    format!(
        "Linux {kernel}, {}, {}, {}, {}",
        first("tcpdump", "--version"),
        first("nft", "--version"),
        first("conntrack", "--version"),
        first("ip", "-V"),
    )
}
