//! Bytes that nobody sent, and frames that were spoilt on the way: whatever they are, there is a report.

use egret::digest::Interface;
use egret::frame::{LinkType, Timestamp};
use egret::report::Format;

use crate::capture::{Capture, Frame};
use crate::dice::Dice;
use crate::question::SITUATIONS;
use crate::run::{self, Feed};

const LINKS: [LinkType; 9] = [
    LinkType::NULL,
    LinkType::ETHERNET,
    LinkType::RAW,
    LinkType::LOOP,
    LinkType::LINUX_SLL,
    LinkType::IPV4,
    LinkType::IPV6,
    LinkType::LINUX_SLL2,
    LinkType(147),
];

/// Writes every report; returns how many flows the JSON one lists.
fn report(flags: &[&str], captures: &[Capture], seed: u64) -> usize {
    let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    let mut engine = run::engine(&flags, captures, &Feed::mixed(50, seed));
    for format in [Format::Text, Format::Ndjson, Format::Junit] {
        assert!(!run::written(format, &mut engine).is_empty(), "{format:?}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&run::written(Format::Json, &mut engine)).expect("JSON");
    json["flows"].as_array().expect("a list").len()
}

fn time(dice: &mut Dice) -> Timestamp {
    // Now and then an absurd one.
    Timestamp::from_nanos(if dice.one_in(20) { dice.number() as i64 } else { dice.below(1 << 40) as i64 })
}

#[test]
fn random_bytes_of_every_link_type_give_reports() {
    let interfaces: Vec<Interface> =
        LINKS.iter().map(|link| Interface { link: *link, name: None, snap_length: 0 }).collect();
    for seed in 0..60 {
        let mut dice = Dice::new(seed);
        let frames = (1..=600).map(|number| {
            let mut bytes: Vec<u8> = (0..dice.below(120)).map(|_| dice.number() as u8).collect();
            // Else chance seldom makes an IP header.
            for at in [0, 14, 16, 20].into_iter().filter(|at| *at < bytes.len()).collect::<Vec<_>>() {
                if dice.one_in(2) {
                    bytes[at] = if dice.one_in(2) { 0x45 } else { 0x60 };
                }
            }
            let original = if dice.one_in(9) { dice.number() as u32 } else { bytes.len() as u32 };
            // One interface more than there are.
            let interface = dice.below(LINKS.len() + 1) as u16;
            Frame { time: time(&mut dice), interface, original, bytes, number }
        });
        let capture = Capture {
            name: "noise".to_owned(),
            frames: frames.collect(),
            interfaces: interfaces.clone(),
            incidents: Vec::new(),
        };
        report(&["--expect=192.168.12.99", "--inside=0.0.0.0/1"], &[capture], seed);
    }
}

#[test]
fn spoilt_frames_of_recorded_captures_give_reports() {
    let mut flows = 0;
    for (seed, situation) in (0..).zip(SITUATIONS.iter()) {
        let mut dice = Dice::new(seed);
        for rounds in [1, 4, 40] {
            let mut captures = situation.captures.clone();
            for frame in captures.iter_mut().flat_map(|capture| &mut capture.frames) {
                spoil(frame, rounds, &mut dice);
            }
            for flags in
                [&["--expect=10.128.0.5=>192.168.12.99", "--node-ip=192.168.12.11"][..], &["--expect=pod"]]
            {
                flows += report(flags, &captures, seed);
            }
        }
    }
    assert!(flows > 1_000, "{flows} flows: hardly anything was left to judge");
}

/// Changes up to `rounds` of a frame's bytes, or its end, or its time.
fn spoil(frame: &mut Frame, rounds: usize, dice: &mut Dice) {
    for _ in 0..dice.below(rounds + 1) {
        match (dice.below(12), frame.bytes.len()) {
            (0, _) => frame.time = time(dice),
            (1, length @ 1..) => frame.bytes.truncate(dice.below(length)),
            (2, _) => frame.bytes.extend((0..dice.below(30)).map(|n| n as u8)),
            (3, _) => frame.original = dice.number() as u32,
            (_, length @ 1..) => frame.bytes[dice.below(length)] = dice.number() as u8,
            _ => {}
        }
    }
}
