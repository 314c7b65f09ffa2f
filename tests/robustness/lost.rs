//! What was not captured makes no flow a pass.

use std::collections::BTreeMap;

use egret::digest::Incident;
use egret::snapshot::{Leg, Row};
use egret::verdict::{Reason, Verdict};

use crate::capture::Capture;
use crate::compare::{Before, Disagreements, no_new_pass};
use crate::dice::Dice;
use crate::question::questions;
use crate::run::{Conclusion, Feed, conclude};

#[test]
fn a_place_that_was_not_captured_makes_nothing_a_pass() {
    let mut told = Disagreements::default();
    for (_, question) in questions() {
        let plain = conclude(&question.flags, &question.captures, &Feed::PLAIN);
        for point in 0..question.captures.len() {
            for place in question.captures[point].places() {
                let mut captures = question.captures.clone();
                captures[point] =
                    captures[point].clone().retain(|capture, frame| capture.place(frame) != place);
                let what = format!("{}: without {} {place:?}", question.name, captures[point].name);
                let poorer = conclude(&question.flags, &captures, &Feed::PLAIN);
                no_new_pass(&plain, &poorer, numbers(&captures), &what, &mut told);
                no_new_fail(&plain, &poorer, numbers(&captures), &what, &mut told);
            }
        }
    }
    told.settle();
}

#[test]
fn frames_that_a_capture_says_it_lost_make_nothing_a_pass() {
    let mut told = Disagreements::default();
    for (_, question) in questions() {
        let plain = conclude(&question.flags, &question.captures, &Feed::PLAIN);
        for (seed, of) in [(1, 2), (2, 5), (3, 20), (4, 100)] {
            let mut dice = Dice::new(seed);
            let captures: Vec<_> =
                question.captures.iter().map(|capture| capture.clone().thinned(of, &mut dice)).collect();
            let feed = if seed % 2 == 0 { Feed::mixed(3, seed) } else { Feed::PLAIN };
            let what = format!("{}: without one frame in {of}, seed {seed}, {feed:?}", question.name);
            let poorer = conclude(&question.flags, &captures, &feed);
            no_new_pass(&plain, &poorer, numbers(&captures), &what, &mut told);
            no_new_fail(&plain, &poorer, numbers(&captures), &what, &mut told);
        }
    }
    told.settle();
}

#[test]
fn a_file_that_was_cut_makes_nothing_a_pass() {
    let mut told = Disagreements::default();
    for (_, question) in questions() {
        let plain = conclude(&question.flags, &question.captures, &Feed::PLAIN);
        for seed in 0..3 {
            let mut dice = Dice::new(seed);
            let mut captures = question.captures.clone();
            let cut = dice.below(captures.len());
            let kept = dice.below(captures[cut].frames.len());
            captures[cut].frames.truncate(kept);
            captures[cut].incidents.push(Incident::Truncated("ends within a record".to_owned()));
            let what = format!("{}: {} ends after {kept}", question.name, captures[cut].name);
            let poorer = conclude(&question.flags, &captures, &Feed::PLAIN);
            let is_cut_off = |leg: &Leg| {
                let (point, number) = leg.first_frame.rsplit_once(':').expect("a frame has a point");
                point == captures[cut].name && number.parse::<usize>().expect("a number") > kept
            };
            // What strayed after the cut was not captured, and nothing before it is wrong.
            let mut shown = plain.clone();
            shown.rows.retain(|row| row.reason != Reason::StrayPodIp || !row.legs.iter().any(is_cut_off));
            no_new_pass(&shown, &poorer, numbers(&captures), &what, &mut told);
            no_new_fail(&plain, &poorer, numbers(&captures), &what, &mut told);
        }
    }
    told.settle();
}

/// Tells of flows within one part of a capture that are called something else, and of others that pass and did not.
pub(crate) fn split_flows(
    whole: &Conclusion,
    parted: &Conclusion,
    at: u64,
    what: &str,
    told: &mut Disagreements,
) {
    let number = move |part: &str, ordinal: u64| if part.ends_with(".2") { at + ordinal } else { ordinal };
    no_new_pass(whole, parted, number, what, told);
    let before = Before::new(whole);
    let mut parts: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in &parted.rows {
        for was in before.rows_of(row, number) {
            parts.entry(&was.id).or_default().push(row);
        }
    }
    for was in &whole.rows {
        let Some([row]) = parts.get(was.id.as_str()).map(Vec::as_slice) else { continue };
        let is_whole = row.packets == was.packets && row.legs.len() == was.legs.len();
        if is_whole && was.verdict != row.verdict {
            told.tell(format!("{what}: {} was {:?} and is {:?}", was.id, was.reason, row.reason));
        }
    }
}

/// Tells of every fail that rests on passes alone.
fn no_new_fail(
    before: &Conclusion,
    after: &Conclusion,
    number: impl Fn(&str, u64) -> u64,
    what: &str,
    told: &mut Disagreements,
) {
    let known = Before::new(before);
    for row in after.rows.iter().filter(|row| row.verdict == Verdict::Fail) {
        let made_of = known.rows_of(row, &number);
        if made_of.iter().all(|was| was.reason == Reason::ExpectedSource) {
            told.tell(format!(
                "{what}: {} fails as {:?}, and passed: {}",
                row.id, row.reason, row.explanation
            ));
        }
    }
}

/// The number that a frame of `captures` was recorded with.
fn numbers(captures: &[Capture]) -> impl Fn(&str, u64) -> u64 + Copy + '_ {
    |point, ordinal| {
        let capture = captures.iter().find(|capture| capture.name == point).expect("a capture");
        capture.frames[ordinal as usize - 1].number
    }
}
