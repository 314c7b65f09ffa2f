//! Changes that make no difference to what is concluded.

use egret::digest::protocol;

use crate::capture::{Capture, Encoding, Frame};
use crate::compare::{Disagreements, same_flows};
use crate::dice::Dice;
use crate::edit::rewrite_ports;
use crate::question::{questions, sets};
use crate::run::{Feed, Order, conclude};

const MILLISECOND: i64 = 1_000_000;
const SECOND: i64 = 1_000 * MILLISECOND;
const HOUR: i64 = 3_600 * SECOND;

#[test]
fn the_same_captures_give_the_same_report_byte_for_byte() {
    let mut told = Disagreements::default();
    let feeds = [1, 7, 1_000_000].map(|frames| Feed { seed: 3, order: Order::InTurn(frames) });
    for (_, question) in questions() {
        let plain = conclude(&question.flags, &question.captures, &Feed::PLAIN);
        for feed in [Feed::PLAIN].iter().chain(&feeds) {
            if conclude(&question.flags, &question.captures, feed).json != plain.json {
                told.tell(format!("{}: {feed:?}: another report", question.name));
            }
        }
    }
    told.settle();
}

#[test]
fn no_interleaving_of_points_changes_the_report() {
    let mut told = Disagreements::default();
    for (_, question) in questions().filter(|(_, question)| question.captures.len() > 1) {
        interleave(&question.name, &question.flags, &question.captures, &mut told);
    }
    told.settle();
}

#[test]
fn no_interleaving_of_points_with_losses_after_handshakes_changes_the_report() {
    let mut told = Disagreements::default();
    for question in sets().filter(|question| question.captures.len() > 1) {
        for (seed, of) in [(1, 3), (2, 10), (3, 40)] {
            let mut dice = Dice::new(seed);
            let is_kept = |capture: &Capture, frame: &Frame| {
                capture.transports(frame).iter().any(|t| t.protocol != protocol::TCP || t.is_syn())
            };
            let thinned = question.captures.iter().map(|capture| {
                capture.clone().retain(|capture, frame| is_kept(capture, frame) || !dice.one_in(of))
            });
            let captures: Vec<_> = thinned.collect();
            let what = format!("{}: without one frame in {of}, seed {seed}", question.name);
            interleave(&what, &question.flags, &captures, &mut told);
        }
    }
    told.settle();
}

/// Compares the report on captures one after the other with those on mixed ones.
fn interleave(what: &str, flags: &[String], captures: &[Capture], told: &mut Disagreements) {
    let plain = conclude(flags, captures, &Feed::PLAIN);
    for (seed, frames) in [(1, 1), (2, 1), (3, 5), (4, 40), (5, 200)] {
        let feed = Feed::mixed(frames, seed);
        let mixed = conclude(flags, captures, &feed);
        let what = format!("{what}: {feed:?}");
        same_flows(&plain, &mixed, &what, told);
        if let Some((was, is)) = plain.json.lines().zip(mixed.json.lines()).find(|(was, is)| was != is) {
            let at = was.bytes().zip(is.bytes()).take_while(|(was, is)| was == is).count();
            let [was, is] = [was, is].map(|line| line.get(at.saturating_sub(60)..).unwrap_or(line));
            told.tell(format!("{what}: a line of the report\n  was …{was}\n  is  …{is}"));
        }
    }
}

#[test]
fn other_ports_behind_the_nat_change_no_verdict() {
    let mut told = Disagreements::default();
    let mut rewritten_frames = 0;
    for (situation, question) in questions() {
        let plain = conclude(&question.flags, &question.captures, &Feed::PLAIN);
        for seed in 0..3 {
            let mut captures = question.captures.clone();
            rewrite_ports(&mut captures, &situation.translated, &mut Dice::new(seed));
            let frames =
                |captures: &[Capture]| captures.iter().flat_map(|c| c.frames.clone()).collect::<Vec<_>>();
            let (before, after) = (frames(&question.captures), frames(&captures));
            rewritten_frames += before.iter().zip(&after).filter(|(before, after)| before != after).count();
            let rewritten = conclude(&question.flags, &captures, &Feed::PLAIN);
            same_flows(&plain, &rewritten, &format!("{}: ports, seed {seed}", question.name), &mut told);
        }
    }
    assert!(rewritten_frames > 10_000, "{rewritten_frames} frames were rewritten");
    told.settle();
}

#[test]
fn a_wrong_clock_changes_no_verdict() {
    let mut told = Disagreements::default();
    let shifts = [MILLISECOND, 2 * SECOND, 3 * HOUR];
    for question in sets() {
        let plain = conclude(&question.flags, &question.captures, &Feed::PLAIN);
        for point in 0..question.captures.len() {
            for nanos in shifts.iter().flat_map(|shift| [*shift, -*shift]) {
                let mut captures = question.captures.clone();
                captures[point] = captures[point].clone().shifted(nanos);
                let shifted = conclude(&question.flags, &captures, &Feed::PLAIN);
                let what = format!("{}: {} by {nanos} ns", question.name, captures[point].name);
                same_flows(&plain, &shifted, &what, &mut told);
            }
        }
    }
    told.settle();
}

#[test]
fn the_order_of_sources_changes_no_verdict() {
    let mut told = Disagreements::default();
    for (_, question) in questions().filter(|(_, question)| question.captures.len() > 1) {
        let plain = conclude(&question.flags, &question.captures, &Feed::PLAIN);
        let mut captures = question.captures.clone();
        for turn in 1..captures.len() {
            captures.rotate_left(1);
            let turned = conclude(&question.flags, &captures, &Feed::PLAIN);
            same_flows(&plain, &turned, &format!("{}: turned by {turn}", question.name), &mut told);
        }
        captures.reverse();
        let reversed = conclude(&question.flags, &captures, &Feed::PLAIN);
        same_flows(&plain, &reversed, &format!("{}: reversed", question.name), &mut told);
    }
    told.settle();
}

#[test]
fn the_format_of_files_changes_nothing_in_the_report() {
    let mut told = Disagreements::default();
    let mut written = 0;
    for question in sets().filter(|question| question.captures.len() == 1) {
        let plain = conclude(&question.flags, &question.captures, &Feed::PLAIN);
        for encoding in Encoding::all() {
            let files: Option<Vec<_>> = question.captures.iter().map(|c| encoding.encode(c)).collect();
            let Some(files) = files else { continue };
            let read = |(known, file): (&Capture, Vec<u8>)| Capture::decode(&known.name, file);
            let captures: Vec<_> = question.captures.iter().zip(files).map(read).collect();
            if conclude(&question.flags, &captures, &Feed::PLAIN).json != plain.json {
                told.tell(format!("{}: {encoding:?}: another report", question.name));
            }
            written += 1;
        }
    }
    assert!(written > 100, "{written} captures were written");
    told.settle();
}

#[test]
fn a_capture_in_two_files_says_the_same_of_flows_within_one() {
    let mut told = Disagreements::default();
    for (_, question) in questions().filter(|(_, question)| question.captures.len() == 1) {
        let plain = conclude(&question.flags, &question.captures, &Feed::PLAIN);
        let capture = &question.captures[0];
        let mut dice = Dice::new(9);
        for _ in 0..6 {
            let at = dice.below(capture.frames.len());
            let parts = capture.clone().split(at);
            let what = format!("{}: split at {at}", question.name);
            let parted = conclude(&question.flags, &parts, &Feed::PLAIN);
            crate::lost::split_flows(&plain, &parted, at as u64, &what, &mut told);
        }
    }
    told.settle();
}
