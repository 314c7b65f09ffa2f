//! The laboratory: what egret says about captures, against what really happened.
//!
//! Every file in `situations/` is one situation: a small cluster in network namespaces, real sockets, the
//! kernel's own NAT, captures by tcpdump, and what egret must say about them. What happened is known from
//! witnesses that have nothing to do with egret: the sockets at both ends, conntrack's events, and counters
//! of the router that stands outside the cluster. See [`topology`] for a drawing.
//!
//! ```text
//!   situations/*.yaml ─▶ topology ─▶ capture ─▶ traffic ─▶ witness ─▶ truth ─┬─▶ judge ─▶ table
//!                                       └──────────── pcap ─────────────────┴─▶ record ─▶ testdata/
//! ```
//!
//! It needs namespaces, `ip`, `nft`, `conntrack`, `tcpdump`, `ethtool`, `arping`, `strace` and util-linux, and no more rights than those of
//! an ordinary user; nothing of the machine's own network is touched. Where it cannot run, it fails.
//!
//! - `EGRET_LAB_ONLY=leak,stray`: these situations alone;
//! - `EGRET_LAB_RECORD=testdata`: also keep the captures that situations name under `record`;
//! - `EGRET_LAB_KEEP=DIR`: leave all captures there.

mod anywhere;
mod apart;
mod cable;
mod capture;
mod chosen;
mod comings;
mod commands;
mod doctor;
mod dump;
mod egret;
mod enclosure;
mod ends;
mod following;
mod held;
mod judge;
mod kept;
mod live;
mod meanwhile;
mod narrowed;
mod netns;
mod own;
mod pods;
mod proxy;
mod raw;
mod record;
mod recorded;
mod rights;
mod sctp;
mod server;
mod situation;
mod stage;
mod surroundings;
mod terminal;
mod topology;
mod traffic;
mod truth;
mod watched;
mod witness;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::situation::{Alive, Situation};
use crate::stage::Played;

/// Longer than this no situation takes, on two busy cores.
const PATIENCE: Duration = Duration::from_mins(3);

#[test]
#[ignore = "needs network namespaces: make lab"]
fn every_situation_is_judged_as_its_witnesses_say() {
    if !enclosure::entered("every_situation_is_judged_as_its_witnesses_say") {
        return; // The same test passed inside.
    }
    let all = situation::load_all();
    let only = std::env::var("EGRET_LAB_ONLY").ok();
    let chosen: Vec<&Situation> = all
        .iter()
        .filter(|situation| {
            only.as_ref().is_none_or(|only| only.split(',').any(|name| name == situation.name))
        })
        .collect();
    let (table, failed) = run(&chosen);
    println!("\n{table}\n{} situations of {} ran", chosen.len(), all.len());
    assert!(!chosen.is_empty(), "no situation is called {only:?}");
    assert!(only.is_some() || chosen.len() == situation::files().len(), "some situations did not run");
    assert!(failed.is_empty(), "the laboratory disagrees:\n{}", failed.join("\n"));
}

/// What egret says about the recorded situations: the same judge, without namespaces.
#[test]
fn recorded_captures_are_judged_as_their_witnesses_say() {
    let mut failed = Vec::new();
    let mut judged = 0;
    for situation in situation::load_all().iter().filter(|situation| situation.record.is_some()) {
        let recording = record::Recording::open(situation);
        let of_captures = situation.judgements.iter().filter(|judgement| judgement.live != Alive::Only);
        for judgement in of_captures.filter(|judgement| recording.covers(judgement)) {
            let (captures, tables) = (&recording.captures, &BTreeMap::new());
            let disagreements =
                judge::judge(judgement, &situation.happens, captures, tables, &recording.truth);
            judged += 1;
            failed.extend(
                disagreements.iter().map(|d| format!("{} · {}: {d}", situation.name, judgement.name)),
            );
        }
    }
    assert!(judged > 0, "nothing is recorded");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Runs each situation, whatever became of the others; gives a table and all disagreements.
fn run(situations: &[&Situation]) -> (String, Vec<String>) {
    let mut table = String::new();
    let mut failed = Vec::new();
    for situation in situations {
        let name = &situation.name;
        let started = Instant::now();
        let watch = enclosure::Watch::set(name, PATIENCE);
        // What panics has said why.
        let played = catch_unwind(AssertUnwindSafe(|| stage::play(situation))).unwrap_or_else(|_| Played {
            lines: vec!["could not be staged".to_owned()],
            disagreements: vec!["could not be staged, see above".to_owned()],
        });
        drop(watch);
        for line in played.lines {
            let _ = writeln!(table, "{name:<20} {line}");
        }
        failed.extend(played.disagreements.iter().map(|disagreement| format!("{name} · {disagreement}")));
        eprintln!("{name}: {:.1} s", started.elapsed().as_secs_f32());
    }
    (table, failed)
}
