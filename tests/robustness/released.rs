//! Flows that are let go of while a run goes on, beside the same run that holds them all.

use std::collections::BTreeMap;

use egret::decode::{Digester, KeyHasher, Options};
use egret::engine::{Engine, Lifetime};
use egret::frame::Timestamp;
use egret::snapshot::{Detail, Snapshot, Snapshots as _, Window};

use crate::capture::Capture;
use crate::compare::Disagreements;
use crate::dice::Dice;
use crate::generate::{self, Traffic};
use crate::question;
use crate::run;

const SECOND: i64 = 1_000_000_000;
/// Frames come, and the run ticks, so often.
const STEP: i64 = SECOND / 10;

/// What is said in the end of captures that come side by side, each by its own clock since its first frame.
fn live(flags: &[String], captures: &[Capture], lifetime: Lifetime) -> Snapshot {
    let settings = egret::engine::Settings { lifetime, ..run::settings(flags) };
    let options = Options::with_pods(settings.expectations.cluster.pods.iter().map(|known| known.block));
    let mut engine = Engine::new(settings);
    let mut points: Vec<_> = captures
        .iter()
        .map(|capture| {
            let index = engine.add_point(&capture.name, &capture.name);
            let base = capture.frames.iter().map(|frame| frame.time).min().unwrap_or_default();
            (index, Digester::new(KeyHasher::new(1), options.clone()), capture.interfaces.clone(), base, 0)
        })
        .collect();
    let mut now = Timestamp::from_nanos(0);
    while points.iter().zip(captures).any(|((.., read), capture)| *read < capture.frames.len()) {
        now = now.shifted(STEP);
        for ((index, digester, interfaces, base, read), capture) in points.iter_mut().zip(captures) {
            let rest = &capture.frames[*read..];
            let come = rest.iter().take_while(|frame| frame.time - *base <= now.nanos()).count();
            let mut batch = run::batch(*index, &rest[..come]);
            *read += come;
            batch.interfaces.append(interfaces);
            digester.digest(&mut batch);
            engine.ingest(&batch);
        }
        engine.tick(now);
    }
    engine.end();
    let window = Window { count: usize::MAX, detail: Detail::Rows, ..Window::default() };
    engine.snapshot(&window)
}

/// Tells where the totals differ, or what is said of a flow that is still held; returns how many are not.
fn compare(what: &str, flags: &[String], captures: &[Capture], keep: i64, told: &mut Disagreements) -> u64 {
    let held = live(flags, captures, Lifetime { keep: None, ..Lifetime::LIVE });
    let room = egret::engine::Room { failures: 3, ..Lifetime::LIVE.room };
    let released = live(flags, captures, Lifetime { keep: Some(keep), room });
    let expired = released.summary.expired;
    let counted = egret::snapshot::Summary { expired: 0, ..released.summary };
    if (counted, released.verdict) != (held.summary, held.verdict) {
        told.tell(format!("{what}: {:?} instead of {:?}", counted, held.summary));
    }
    let by_id: BTreeMap<_, _> = held.rows.iter().map(|row| (&row.id, format!("{row:?}"))).collect();
    for row in &released.rows {
        let said = format!("{row:?}");
        if by_id.get(&row.id) != Some(&said) {
            told.tell(format!("{what}: of {} it says {said} instead of {:?}", row.id, by_id.get(&row.id)));
        }
    }
    if released.rows.len() as u64 + expired != held.summary.flows {
        told.tell(format!("{what}: {} rows and {expired} let go of", released.rows.len()));
    }
    expired
}

#[test]
fn what_is_said_of_flows_does_not_depend_on_which_others_are_held() {
    let flags = ["--expect=192.168.12.99", "--node-ip=192.168.12.11", "--inside=10.128.0.0/14"];
    let flags = flags.map(str::to_owned).to_vec();
    let mut told = Disagreements::default();
    let mut expired = 0;
    let crowded = Traffic { ports: 14, ..Traffic::PLAIN };
    let alike = Traffic { ids: 1, ..crowded };
    for (kind, traffic) in [Traffic::PLAIN, crowded, alike].iter().enumerate() {
        let traffic = Traffic { flows: 800, ..*traffic };
        for seed in 0..2 {
            let captures = generate::captures(&traffic, &mut Dice::new(seed));
            for points in 1..=captures.len() {
                let what = format!("kind {kind}, seed {seed}, {points} points");
                expired += compare(&what, &flags, &captures[..points], 2 * SECOND, &mut told);
            }
        }
    }
    told.settle();
    assert!(expired > 4_000, "{expired} of 14,400 flows were let go of");
}

/// Datagrams, echoes, fragments and tunnels among them.
#[test]
fn recorded_captures_say_the_same_of_what_is_held() {
    let mut told = Disagreements::default();
    for question in question::sets() {
        compare(&question.name, &question.flags, &question.captures, 5 * SECOND, &mut told);
    }
    told.settle();
}
