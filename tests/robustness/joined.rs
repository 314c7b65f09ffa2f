//! The engine's flows beside those of the slow joiner.

use std::collections::BTreeSet;

use egret::verdict::Verdict;

use crate::capture::Capture;
use crate::compare::{Disagreements, same_flows};
use crate::dice::Dice;
use crate::edit::rewrite_ports;
use crate::generate::{self, Traffic};
use crate::question::SITUATIONS;
use crate::reference::{self, Legs};
use crate::run::{Conclusion, Feed, conclude};

fn flows(conclusion: &Conclusion) -> BTreeSet<Legs> {
    let legs = conclusion.rows.iter().map(|row| row.legs.iter().map(|leg| leg.first_frame.clone()).collect());
    legs.collect()
}

/// The flags that generated captures are judged with.
fn flags() -> Vec<String> {
    ["--expect=192.168.12.99", "--node-ip=192.168.12.11", "--inside=10.128.0.0/14"]
        .map(str::to_owned)
        .to_vec()
}

fn compare(captures: &[Capture], what: &str, told: &mut Disagreements) {
    let wanted = reference::join(captures);
    if wanted.unclear > 0 {
        told.tell(format!("{what}: {} flows are unclear by the definition", wanted.unclear));
    }
    let found = flows(&conclude(&flags(), captures, &Feed::PLAIN));
    for flow in wanted.flows.difference(&found) {
        told.tell(format!("{what}: not found: {flow:?}"));
    }
    for flow in found.difference(&wanted.flows) {
        told.tell(format!("{what}: found instead: {flow:?}"));
    }
}

#[test]
fn recorded_captures_are_joined_as_by_comparing_every_pair() {
    let mut told = Disagreements::default();
    for situation in SITUATIONS.iter() {
        for set in 1..1_usize << situation.captures.len() {
            let chosen = situation.captures.iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1);
            let mut captures: Vec<Capture> = chosen.map(|(_, capture)| capture.clone()).collect();
            let names: Vec<&str> = captures.iter().map(|capture| capture.name.as_str()).collect();
            let what = format!("{}: {}", situation.name, names.join("+"));
            compare(&captures, &what, &mut told);
            rewrite_ports(&mut captures, &situation.translated, &mut Dice::new(set as u64));
            compare(&captures, &format!("{what}, other ports"), &mut told);
        }
    }
    told.settle();
}

#[test]
fn generated_captures_are_joined_as_by_comparing_every_pair() {
    let mut told = Disagreements::default();
    let without_timestamps = Traffic { has_timestamps: false, ..Traffic::PLAIN };
    let crowded = Traffic { flows: 150, ports: 14, ..Traffic::PLAIN };
    for (kind, traffic) in [Traffic::PLAIN, without_timestamps, crowded].iter().enumerate() {
        for seed in 0..2 {
            let captures = generate::captures(traffic, &mut Dice::new(seed));
            for set in [0b111, 0b001, 0b101] {
                let chosen = captures.iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1);
                let chosen: Vec<Capture> = chosen.map(|(_, capture)| capture.clone()).collect();
                compare(&chosen, &format!("kind {kind}, seed {seed}, points {set:03b}"), &mut told);
            }
        }
    }
    told.settle();
}

/// Connections that differ in little: numbers that repeat, as broken or hostile hosts choose them.
const ALIKE: [Traffic; 4] = [
    Traffic { ids: 1, ..Traffic::PLAIN },
    Traffic { isns: 1, ..Traffic::PLAIN },
    Traffic { isns: 40, ids: 4, ports: 14, ..Traffic::PLAIN },
    Traffic { isns: 3, ids: 1, has_timestamps: false, ..Traffic::PLAIN },
];

/// The first of them, which differ in enough to be told apart.
const TOLD_APART: usize = 3;

#[test]
fn what_is_alike_is_never_joined_to_the_impossible() {
    let mut told = Disagreements::default();
    for_alike(&ALIKE, |captures, conclusion, what| {
        for wrong in reference::join(captures).impossible(&flows(conclusion)) {
            told.tell(format!("{what}: {wrong}"));
        }
    });
    told.settle();
}

#[test]
fn no_leak_passes_for_another_connection_with_the_same_identification() {
    let mut told = Disagreements::default();
    let mut passes = 0;
    for_alike(&ALIKE[..TOLD_APART], |captures, conclusion, what| {
        let leaks = |frame: &str| {
            let (point, ordinal) = frame.rsplit_once(':').expect("a frame has a point");
            let capture = captures.iter().find(|capture| capture.name == point).expect("a capture");
            capture.frames[ordinal.parse::<usize>().expect("a number") - 1].number & 1 == 1
        };
        for row in conclusion.rows.iter().filter(|row| row.verdict == Verdict::Pass) {
            passes += 1;
            if row.legs.iter().any(|leg| leaks(&leg.first_frame)) {
                let legs: Vec<_> =
                    row.legs.iter().map(|l| (&l.first_frame, l.source, leaks(&l.first_frame))).collect();
                told.tell(format!("{what}: {} passes: {legs:?}", row.id));
            }
        }
    });
    assert!(passes > 1_000, "{passes} passes");
    told.settle();
}

/// Calls `check` with captures of connections that are alike, and what is concluded from them in several orders.
fn for_alike(traffic: &[Traffic], mut check: impl FnMut(&[Capture], &Conclusion, &str)) {
    for (kind, traffic) in traffic.iter().enumerate() {
        for seed in 0..3 {
            let captures = generate::captures(&Traffic { flows: 100, ..*traffic }, &mut Dice::new(seed));
            for feed in [Feed::PLAIN, Feed::mixed(1, seed), Feed::mixed(100, seed)] {
                let conclusion = conclude(&flags(), &captures, &feed);
                check(&captures, &conclusion, &format!("kind {kind}, seed {seed}, {feed:?}"));
            }
        }
    }
}

#[test]
fn no_interleaving_changes_the_flows_of_generated_captures() {
    let mut told = Disagreements::default();
    let one_identification = Traffic { ids: 1, ..Traffic::PLAIN };
    for (kind, traffic) in [Traffic::PLAIN, one_identification].iter().enumerate() {
        for seed in 0..3 {
            let captures = generate::captures(traffic, &mut Dice::new(seed));
            let plain = conclude(&flags(), &captures, &Feed::PLAIN);
            for frames in [1, 30, 500] {
                let mixed = conclude(&flags(), &captures, &Feed::mixed(frames, seed));
                same_flows(
                    &plain,
                    &mixed,
                    &format!("kind {kind}, seed {seed}, mixed by {frames}"),
                    &mut told,
                );
            }
        }
    }
    told.settle();
}
