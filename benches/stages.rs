//! What each stage of the way from a file to the engine costs, in one thread: nanoseconds a frame, medians of passes.
//!
//! Stages are timed batch by batch, as they run in the program; a clock read per batch is lost in a thousand frames.
//! Reading includes the copy out of the page cache. What was decoded is counted and asserted: no stage can be
//! fast by leaving frames out.

#[expect(dead_code, reason = "only the whole program is asked for verdicts")]
mod traffic;
mod wire;

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use egret::capture::savefile::{Filled, Keep, Savefile};
use egret::decode::{Digester, KeyHasher, Options};
use egret::digest::{Batch, Kind, Understood};
use egret::frame::PointIndex;
use traffic::{CUT, FULL, Traffic};

const PASSES: usize = 7;
const STAGES: [&str; 2] = ["reading", "decoding"];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    println!("| stage | full frames, ns a frame | cut at 128 bytes, ns a frame |\n|---|---:|---:|");
    let (full, cut) = (measure(FULL, &folder)?, measure(CUT, &folder)?);
    for (stage, name) in STAGES.iter().enumerate() {
        println!("| {name} | {:.1} | {:.1} |", full[stage], cut[stage]);
    }
    Ok(())
}

/// Nanoseconds a frame of each stage: the median over the passes.
fn measure(traffic: Traffic, folder: &Path) -> Result<[f64; STAGES.len()], Box<dyn Error>> {
    let path = traffic.file(folder)?;
    // One pass that counts for nothing warms the page cache.
    pass(&path, traffic)?;
    let passes: Vec<_> = (0..PASSES).map(|_| pass(&path, traffic)).collect::<Result<_, _>>()?;
    Ok(std::array::from_fn(|stage| {
        let mut times: Vec<Duration> = passes.iter().map(|pass| pass[stage]).collect();
        times.sort();
        times[PASSES / 2].as_nanos() as f64 / traffic.frames() as f64
    }))
}

/// One way through the file: the time spent in each stage.
fn pass(path: &Path, traffic: Traffic) -> Result<[Duration; STAGES.len()], Box<dyn Error>> {
    let mut file = Savefile::open(path, Keep::Nothing)?;
    let mut digester = Digester::new(KeyHasher::new(1), Options::default());
    let mut batch = Batch::new(PointIndex(0));
    let mut spent = [Duration::ZERO; STAGES.len()];
    let mut frames = 0;
    loop {
        let began = Instant::now();
        let filled = file.fill(&mut batch);
        let read = Instant::now();
        digester.digest(&mut batch);
        let decoded = Instant::now();
        spent[0] += read - began;
        spent[1] += decoded - read;
        let is_tcp = |digest: &&egret::digest::Digest| {
            digest.kind == Kind::Tcp && digest.understood == Understood::Whole
        };
        frames += batch.digests.iter().filter(is_tcp).count() as u64;
        if filled == Filled::End {
            break;
        }
    }
    if frames != traffic.frames() {
        return Err(format!("{frames} of {} frames were decoded as TCP", traffic.frames()).into());
    }
    Ok(spent)
}
