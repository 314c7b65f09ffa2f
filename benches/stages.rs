//! What each stage of the way from a file to the verdicts costs, in one thread: nanoseconds a frame, medians of passes.
//!
//! Stages are timed batch by batch, as they run in the program; a clock read per batch is lost in a thousand frames.
//! Reading includes the copy out of the page cache; judging is one snapshot at the end, spread over all frames. What was
//! decoded and the flows that were joined are counted and asserted: no stage can be fast by leaving work out.

#[expect(dead_code, reason = "no verdicts are asked for here, and every capture shows all places")]
mod traffic;
mod wire;

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use egret::capture::savefile::{Filled, Keep, Savefile};
use egret::decode::{Digester, KeyHasher, Options};
use egret::digest::{Batch, Kind, Understood};
use egret::engine::{Engine, Settings};
use egret::snapshot::{Snapshots as _, Window};
use traffic::{CUT, FULL, Traffic};

const PASSES: usize = 7;
const STAGES: [&str; 4] = ["reading", "decoding", "joining", "judging"];

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
    let mut engine = Engine::new(Settings::default());
    let mut batch = Batch::new(engine.add_point("node1", "node1.pcap"));
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
        engine.ingest(&batch);
        spent[2] += decoded.elapsed();
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
    let began = Instant::now();
    engine.end();
    let window = Window::default();
    let flows = engine.snapshot(&window).summary.flows;
    spent[3] = began.elapsed();
    if flows != u64::from(traffic.flows) {
        return Err(format!("{flows} flows were joined, not {}", traffic.flows).into());
    }
    Ok(spent)
}
