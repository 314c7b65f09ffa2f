//! egret beside tcpdump while frames pass: processor time, and whether any frame is missing.
//!
//! ```text
//!   ┌─ a network namespace of its own ───────────────────┐
//!   │  tcpreplay ──▶ sender ════════ uplink ──▶ listener │   no addresses: nothing passes but what is sent
//!   └────────────────────────────────────────────────────┘
//! ```
//!
//! The listeners take turns (A B, A B, …), each with the whole of what is sent, at top speed. tcpdump throws the frames
//! away; egret judges them and writes its report, and all of that counts. What the kernel does to hand a frame over is
//! done for the sender, and counts for neither. Every frame sent must be accounted for in both, and egret must conclude from
//! what it heard what it concludes from the file.
//!
//! `cargo bench --bench live [-- ROUNDS]`. It needs the right to have namespaces.

mod listener;
#[expect(dead_code, reason = "only what an uplink shows is sent, and in whole frames")]
mod traffic;
mod wire;

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use listener::{Concluded, Listener, Result, Round, Said, Sent};
use traffic::{FULL, Shown, Traffic};

/// What is sent: 300,010 whole frames.
const SENT: Traffic = Traffic { flows: 9_474, shown: Shown::Uplink, ..FULL };

const INSIDE: &str = "EGRET_BENCH_INSIDE";
const SENDER: &str = "sender";
const HEARD: &str = "uplink";
const ROUNDS: usize = 5;
/// Processor time in tcpdump's, at most.
const ALLOWED: f64 = 4.0;

/// The cable. Without IPv6 no interface says anything of its own accord.
const CABLE: &str = "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
    ip link add sender type veth peer name uplink
    ip link set sender up
    ip link set uplink up";

/// The ring that egret has, for tcpdump too: a turn of the scheduler on a busy machine is no loss. In KiB.
const RING: &str = "32768";

fn main() {
    let done = if env::var_os(INSIDE).is_some() { measure() } else { enter() };
    if let Err(error) = done {
        eprintln!("benches: {error}");
        std::process::exit(1);
    }
}

/// Runs this program again in a network namespace of its own.
fn enter() -> Result<()> {
    let mut command = Command::new("unshare");
    if !rustix::process::getuid().is_root() {
        command.args(["--user", "--map-current-user", "--keep-caps"]);
    }
    let status = command
        .args(["--net", "--"])
        .arg(env::current_exe()?)
        .args(env::args_os().skip(1))
        .env(INSIDE, "1")
        .status()
        .map_err(|error| format!("cannot run unshare: {error}; make bench installs it"))?;
    if status.success() { Ok(()) } else { Err(format!("{status} in the namespace, see above").into()) }
}

fn measure() -> Result<()> {
    let rounds = env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(ROUNDS);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    let file = SENT.file(&folder)?;
    let laid = Command::new("sh").args(["-ec", CABLE]).stdin(Stdio::null()).output()?;
    if !laid.status.success() {
        return Err(format!("cannot lay a cable: {}", String::from_utf8_lossy(&laid.stderr)).into());
    }
    let from_file = concluded_from(&file)?;
    let listeners = [tcpdump(), egret()];
    let mut standings: Vec<Vec<Round>> = listeners.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (listener, standing) in listeners.iter().zip(&mut standings) {
            let round = listener.round(|| send(&file))?;
            if let Some(live) = &round.said.concluded
                && round.said.dropped == 0
                && *live != from_file
            {
                return Err(format!("egret concluded {live:?}; from the file it is {from_file:?}").into());
            }
            standing.push(round);
        }
    }
    tell(&listeners, &standings);
    Ok(())
}

fn tell(listeners: &[Listener], standings: &[Vec<Round>]) {
    println!(
        "## Live\n\n{} frames of {} flows through a veth pair, {} rounds.\n\n\
         | listener | CPU ms, median | least–most | user + system | sent, packets/s | frames missing | kernel drops |\n\
         |---|---:|---:|---:|---:|---:|---:|",
        SENT.frames(),
        SENT.flows,
        standings[0].len()
    );
    for (listener, rounds) in listeners.iter().zip(standings) {
        let cpu = sorted(rounds, Round::cpu);
        println!(
            "| {} | {:.0} | {:.0}–{:.0} | {:.0} + {:.0} | {:.0} | {} | {} |",
            listener.name,
            median(&cpu) * 1e3,
            cpu[0] * 1e3,
            cpu[cpu.len() - 1] * 1e3,
            median(&sorted(rounds, |round| round.user)) * 1e3,
            median(&sorted(rounds, |round| round.system)) * 1e3,
            median(&sorted(rounds, |round| round.sent.rate)),
            most(rounds, Round::missing),
            most(rounds, |round| round.said.dropped),
        );
    }
    let of = |index: usize| median(&sorted(&standings[index], Round::cpu));
    let (ratio, dropped) = (of(1) / of(0), most(&standings[1], |round| round.said.dropped));
    let missing = most(&standings[1], Round::missing);
    target("CPU, in tcpdump's", &format!("{ratio:.2} of at most {ALLOWED:.2}"), ratio <= ALLOWED);
    target("kernel drops", &format!("{dropped} of at most 0"), dropped == 0);
    target("frames that nobody accounts for", &format!("{missing} of at most 0"), missing == 0);
}

fn target(what: &str, measured: &str, is_held: bool) {
    let word = if is_held { "held" } else { "MISSED" };
    println!("\nTarget: {what}: {measured}: **{word}**.");
}

fn sorted(rounds: &[Round], figure: impl Fn(&Round) -> f64) -> Vec<f64> {
    let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

fn most(rounds: &[Round], figure: impl Fn(&Round) -> u64) -> u64 {
    rounds.iter().map(figure).max().unwrap_or(0)
}

/// Sends the file once, as fast as it goes.
fn send(file: &Path) -> Result<Sent> {
    let done = Command::new("tcpreplay")
        .args(["--topspeed", "--preload-pcap", "--no-flow-stats", "-i", SENDER])
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run tcpreplay: {error}; make bench installs it"))?;
    let said = String::from_utf8_lossy(&done.stdout);
    // `Actual: 300010 packets (161 bytes) sent in 0.75 seconds`, `Rated: … Bps, … Mbps, 400000.00 pps`.
    let frames = number_before(&said, " packets (");
    let rate = number_before(&said, " pps");
    match frames.zip(rate) {
        Some((frames, rate)) if done.status.success() => Ok(Sent { frames: frames as u64, rate }),
        _ => {
            Err(format!("tcpreplay: {}: {said}{}", done.status, String::from_utf8_lossy(&done.stderr)).into())
        }
    }
}

/// The number that stands before the first of these words.
fn number_before(said: &str, words: &str) -> Option<f64> {
    said.split_once(words)?.0.split_whitespace().next_back()?.parse().ok()
}

fn tcpdump() -> Listener {
    let arguments = ["-n", "-B", RING, "-w", "/dev/null", "-i", HEARD];
    Listener::new("tcpdump", "tcpdump", &arguments, &[0], said_by_tcpdump)
}

fn said_by_tcpdump(_: &[u8], errors: &str) -> Result<Said> {
    let number = |words| number_before(errors, words);
    match number(" packets captured").zip(number(" packets dropped by kernel")) {
        Some((frames, dropped)) => {
            Ok(Said { frames: frames as u64, dropped: dropped as u64, concluded: None })
        }
        None => Err(format!("no counts in {errors:?}").into()),
    }
}

fn egret() -> Listener {
    let arguments = [&["check", "-i", HEARD][..], &QUESTION].concat();
    // 1: there are leaks, and egret must say so.
    Listener::new("egret", env!("CARGO_BIN_EXE_egret"), &arguments, &[1], said_by_egret)
}

/// What is asked of the traffic, from the wire and from the file.
const QUESTION: [&str; 12] = [
    "--role",
    "uplink=uplink",
    "--expect",
    "192.168.12.99",
    "--inside",
    "10.128.0.0/14",
    "--node-ip",
    "192.168.12.11",
    "--format",
    "json",
    "--only",
    "fail",
];

fn said_by_egret(report: &[u8], errors: &str) -> Result<Said> {
    let report: serde_json::Value =
        serde_json::from_slice(report).map_err(|error| format!("no report: {error}: {errors}"))?;
    let total = |name: &str| {
        report["summary"][name].as_u64().ok_or_else(|| format!("the summary has no number of {name}"))
    };
    let concluded =
        [total("flows")?, total("fail")?, total("pass")?, total("inconclusive")?, total("exempt")?];
    Ok(Said { frames: total("frames")?, dropped: total("kernel_drops")?, concluded: Some(concluded) })
}

/// What egret concludes from the file that is sent.
fn concluded_from(file: &Path) -> Result<Concluded> {
    let mut named = OsString::from(format!("{HEARD}="));
    named.push(file);
    let done =
        Command::new(env!("CARGO_BIN_EXE_egret")).args(["check", "-r"]).arg(named).args(QUESTION).output()?;
    let said = said_by_egret(&done.stdout, &String::from_utf8_lossy(&done.stderr))?;
    said.concluded.ok_or_else(|| "egret concludes nothing from the file".into())
}
