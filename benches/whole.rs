//! The whole program beside its peers, over the same files, in the same minutes.
//!
//! Contenders take turns (A B C, A B C, …), so that what the machine does beside them falls on all alike; the
//! figures are medians, and what is held against a target is a ratio from one run. egret's totals are asserted: a fast
//! wrong answer ends the run.
//!
//! `cargo bench --bench whole -- [full] [cut] [scale] [peers] [files]`: the sections named, else all of them;
//! `peers` leaves egret out, `files` only writes the captures.

mod contest;
mod traffic;
mod wire;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use contest::{Contender, Result, Standing};
use traffic::{CUT, FULL, Shown, Traffic};

/// As many packets a flow and as many open flows at a time in both: only the number of flows differs.
const FEW: Traffic = Traffic { flows: 10_000, packets: 8, apart: 300_000, snap: 128, shown: Shown::Any };
const MANY: Traffic = Traffic { flows: 1_000_000, ..FEW };

const MIB: f64 = 1_048_576.0;

fn main() {
    if let Err(error) = run() {
        eprintln!("benches: {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<()> {
    let words: Vec<String> = env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let named = |word: &str| words.iter().any(|given| given == word);
    let sections = ["full", "cut", "scale"];
    let all = !sections.iter().any(|section| named(section));
    let wanted = |section: &str| all || named(section);

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    let mut bench =
        Bench { report: String::new(), folder, with_egret: !named("peers"), only_files: named("files") };
    if wanted("full") {
        bench.beside_peers("Full frames", FULL, 1.0)?;
    }
    if wanted("cut") {
        bench.beside_peers("The same, cut at 128 bytes", CUT, 2.0)?;
    }
    if wanted("scale") && (bench.with_egret || bench.only_files) {
        bench.scale()?;
    }
    if !bench.only_files {
        fs::write(bench.folder.join("report.md"), &bench.report)?;
    }
    Ok(())
}

struct Bench {
    report: String,
    folder: PathBuf,
    with_egret: bool,
    only_files: bool,
}

impl Bench {
    fn file(&self, traffic: Traffic) -> Result<PathBuf> {
        eprintln!("capture: {traffic:?}");
        Ok(traffic.file(&self.folder)?)
    }

    /// One file, all contenders; egret may take `target` times what tcpdump takes to count.
    fn beside_peers(&mut self, title: &str, traffic: Traffic, target: f64) -> Result<()> {
        let file = self.file(traffic)?;
        if self.only_files {
            return Ok(());
        }
        let mut contenders = peers(&file);
        if self.with_egret {
            contenders.extend(self.egret(&file, &traffic));
        }
        let standings = contest::run(&contenders)?;
        let of_tcpdump = median(&standings, "tcpdump").unwrap_or(f64::NAN);
        let size = fs::metadata(&file)?.len() as f64;
        self.say(&format!(
            "## {title}\n\n{} frames, {} flows, {:.0} MB.\n\n\
             | contender | median s | fastest–slowest | CPU s | peak MiB | × tcpdump | rounds |\n\
             |---|---:|---:|---:|---:|---:|---:|",
            traffic.frames(),
            traffic.flows,
            size / 1e6
        ));
        for standing in &standings {
            self.say(&row(standing, of_tcpdump));
        }
        if let Some(time) = median(&standings, "egret") {
            self.target("time, in tcpdump's", time / of_tcpdump, target);
        }
        self.say("");
        Ok(())
    }

    /// A hundred times the flows: what a packet costs, and what a flow keeps.
    fn scale(&mut self) -> Result<()> {
        let (few, many) = (self.file(FEW)?, self.file(MANY)?);
        if self.only_files {
            return Ok(());
        }
        let few = contest::run(&self.egret(&few, &FEW)[..1])?.remove(0);
        let many = contest::run(&self.egret(&many, &MANY)[..1])?.remove(0);
        self.say(
            "## Scale\n\n| flows | frames | median s | ns a frame | peak MiB | bytes a flow |\n\
             |---:|---:|---:|---:|---:|---:|",
        );
        for (traffic, standing) in [(FEW, &few), (MANY, &many)] {
            self.say(&format!(
                "| {} | {} | {:.3} | {:.0} | {:.0} | {:.0} |",
                traffic.flows,
                traffic.frames(),
                standing.median(),
                standing.median() * 1e9 / traffic.frames() as f64,
                standing.peak / MIB,
                standing.peak / f64::from(traffic.flows),
            ));
        }
        let a_frame = |traffic: Traffic, standing: &Standing| standing.median() / traffic.frames() as f64;
        self.target("time a frame, in that of 10⁴ flows", a_frame(MANY, &many) / a_frame(FEW, &few), 2.5);
        let allowed = 64.0 * MIB + 640.0 * f64::from(MANY.flows);
        self.target("memory, in 64 MiB + 640 B a flow", many.peak / allowed, 1.0);
        Ok(())
    }

    /// egret as a user runs it, with its totals checked after every round; then its other forms of report.
    fn egret(&self, file: &Path, traffic: &Traffic) -> Vec<Contender> {
        let (flows, leaks) = (u64::from(traffic.flows), traffic.leaks());
        let report = self.folder.join("egret.json");
        let command = |name: &str, rest: &[&str]| {
            Contender::new(name, env!("CARGO_BIN_EXE_egret"), &["check", "-r"])
                .argument(file)
                .arguments(&[
                    "--expect",
                    "192.168.12.99",
                    "--inside",
                    "10.128.0.0/14",
                    "--node-ip",
                    "192.168.12.11",
                ])
                .arguments(rest)
                // 1: there are leaks, and egret must say so.
                .ends_with(1)
        };
        vec![
            command("egret", &["--format", "json", "--only", "fail"])
                .output(&report)
                .checked(move |output| totals_are(output, flows, leaks)),
            command("egret, text", &["--format", "text"]),
        ]
    }

    fn target(&mut self, what: &str, measured: f64, allowed: f64) {
        let word = if measured <= allowed { "held" } else { "MISSED" };
        self.say(&format!("\nTarget: {what}: {measured:.2} of at most {allowed:.2}: **{word}**."));
    }

    fn say(&mut self, line: &str) {
        println!("{line}");
        writeln!(self.report, "{line}").expect("a string takes all");
    }
}

/// Who else reads such a file: the floor, the yardstick, and two that follow connections.
fn peers(file: &Path) -> Vec<Contender> {
    vec![
        Contender::new("cat", "cat", &[]).argument(file),
        Contender::new("tcpdump", "tcpdump", &["--count", "-nr"]).argument(file),
        Contender::new("tcptrace", "tcptrace", &["-n"]).argument(file).at_most(3),
        Contender::new("tshark", "tshark", &["-n", "-q", "-z", "conv,tcp", "-r"]).argument(file).at_most(1),
    ]
}

/// That egret found every flow once, each leak, and nothing else wrong.
fn totals_are(report: &[u8], flows: u64, leaks: u64) -> Result<()> {
    let report: serde_json::Value = serde_json::from_slice(report)?;
    let total = |name: &str| report["summary"][name].as_u64();
    let found = ["flows", "fail", "pass", "inconclusive", "exempt"].map(total);
    let truth = [flows, leaks, flows - leaks, 0, 0].map(Some);
    if found == truth {
        Ok(())
    } else {
        Err(format!("egret's flows, fail, pass, inconclusive, exempt are {found:?}; the truth is {truth:?}")
            .into())
    }
}

fn median(standings: &[Standing], name: &str) -> Option<f64> {
    standings.iter().find(|standing| standing.name == name).map(Standing::median)
}

fn row(standing: &Standing, of_tcpdump: f64) -> String {
    let Some(failure) = &standing.failure else {
        return format!(
            "| {} | {:.3} | {:.3}–{:.3} | {:.2} | {:.0} | {:.2} | {} |",
            standing.name,
            standing.median(),
            standing.fastest(),
            standing.slowest(),
            standing.cpu,
            standing.peak / MIB,
            standing.median() / of_tcpdump,
            standing.times.len(),
        );
    };
    format!("| {} | – | – | – | – | – | {failure} |", standing.name)
}
