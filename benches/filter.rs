//! What a filter costs: the interpreter alone, and reading a file with it, beside `tcpdump --count FILTER`.
//!
//! egret's part is the library in one thread: a file read into batches, and each frame asked. That is less than a command does, which
//! starts threads; it is the floor that none can be faster than. tcpdump's part is the whole process. The counts must be equal.

#[expect(dead_code, reason = "no verdicts are asked for here, and every capture shows all places")]
mod traffic;
mod wire;

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use egret::capture::savefile::{Filled, Keep, Savefile};
use egret::digest::Batch;
use egret::filter::expression::{Expression, Names};
use egret::frame::{Frame, PointIndex};
use traffic::{CUT, FULL, Traffic};

const ROUNDS: usize = 7;

const EXPRESSIONS: [&str; 4] = [
    "tcp port 443",
    "host 203.0.113.25 and tcp[tcpflags] & (tcp-syn|tcp-fin|tcp-rst) != 0",
    "src net 10.128.0.0/14 and not dst net 10.128.0.0/14 and greater 100",
    "ip6 protochain 6 or udp port 53 or (ip and ip[2:2] - ((ip[0] & 0xf) << 2) > 1000)",
];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    println!(
        "| expression | instructions | frames that match | ns a match: full, cut | × tcpdump --count: full, cut |\n\
         |---|---:|---:|---:|---:|"
    );
    let (full, cut) = (FULL.file(&folder)?, CUT.file(&folder)?);
    for typed in EXPRESSIONS {
        let full = measure(FULL, &full, typed)?;
        let cut = measure(CUT, &cut, typed)?;
        println!(
            "| `{}` | {} | {} | {:.1}, {:.1} | {:.2}, {:.2} |",
            typed.replace('|', "\\|"),
            full.instructions,
            full.matched,
            full.nanos,
            cut.nanos,
            full.ratio,
            cut.ratio
        );
    }
    Ok(())
}

struct Measured {
    instructions: usize,
    matched: u64,
    /// Of the interpreter, a frame.
    nanos: f64,
    /// Reading and asking, of tcpdump's time.
    ratio: f64,
}

fn measure(traffic: Traffic, path: &Path, typed: &str) -> Result<Measured, Box<dyn Error>> {
    let expression = Expression::parse(typed, &Names::NONE)?;
    let (mut asking, mut ours, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    let (mut matched, mut instructions) = (0, 0);
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let round = count(path, &expression)?;
        ours.push(began.elapsed());
        asking.push(round.asking);
        (matched, instructions) = (round.matched, round.instructions);
        let began = Instant::now();
        let counted = tcpdump(path, typed)?;
        theirs.push(began.elapsed());
        if counted != matched {
            return Err(format!("`{typed}`: {matched} here, {counted} by tcpdump").into());
        }
    }
    let nanos = median(asking).as_nanos() as f64 / traffic.frames() as f64;
    let ratio = median(ours).as_secs_f64() / median(theirs).as_secs_f64();
    Ok(Measured { instructions, matched, nanos, ratio })
}

struct Round {
    matched: u64,
    instructions: usize,
    asking: Duration,
}

fn count(path: &Path, expression: &Expression) -> Result<Round, Box<dyn Error>> {
    let mut file = Savefile::open(path, Keep::Nothing)?;
    let mut batch = Batch::new(PointIndex(0));
    let mut links = Vec::new();
    let (mut matched, mut asking) = (0, Duration::ZERO);
    loop {
        let filled = file.fill(&mut batch);
        links.extend(batch.interfaces.iter().map(|interface| interface.link));
        let began = Instant::now();
        for head in &batch.heads {
            let link = links[usize::from(head.interface)];
            let frame = Frame { time: head.time, link, bytes: batch.bytes(head), original: head.original };
            matched += u64::from(black_box(expression.matches(&frame)));
        }
        asking += began.elapsed();
        if filled == Filled::End {
            let instructions = expression.program(links[0])?.instructions();
            return Ok(Round { matched, instructions, asking });
        }
    }
}

fn tcpdump(path: &Path, typed: &str) -> Result<u64, Box<dyn Error>> {
    let mut command = Command::new("tcpdump");
    let output = command.arg("--count").arg("-r").arg(path).arg(typed).stderr(Stdio::null()).output()?;
    let said = String::from_utf8(output.stdout)?;
    Ok(said.split_whitespace().next().ok_or("tcpdump counted nothing")?.parse()?)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
