//! Frames of several points through the engine, up to the report.
//!
//! Whatever frames are, all are counted, totals are those of the rows, and one report comes out however the points'
//! frames are mixed (of recorded captures `tests/robustness` tests that, too) and whatever the hash of conversations.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::LazyLock;

use clap::Parser;
use egret::decode::{Digester, KeyHasher, Options};
use egret::engine::{Engine, Settings};
use egret::expect::Expectations;
use egret::expect::environment::Environment;
use egret::expect::flags::Flags;
use egret::report::{self, Format, Style};
use egret::snapshot::{Detail, Listing, Row, Snapshot, Snapshots as _, Sort, Window};
use egret::verdict::Verdict;
use jiff::tz::TimeZone;

use crate::dice::Dice;
use crate::harness::{Target, fuzz, is_long};
use crate::mutate;
use crate::record::{self, POINTS, Point};
use crate::seeds::FRAMES;

struct Joiner;

/// Frames of a seed: a few conversations.
const FRAMES_OF_A_SEED: usize = 40;
const SEEDS_OF_A_SITUATION: usize = 12;

impl Target for Joiner {
    const NAME: &'static str = "joiner";
    const INPUTS: u64 = 250;

    fn seeds(&self) -> Vec<Vec<u8>> {
        let slice = |frames: &Vec<record::Frame>, n: usize| {
            let from = (frames.len() - FRAMES_OF_A_SEED.min(frames.len())) * n / SEEDS_OF_A_SITUATION;
            record::write(&frames[from..frames.len().min(from + FRAMES_OF_A_SEED)])
        };
        FRAMES.iter().flat_map(|frames| (0..SEEDS_OF_A_SITUATION).map(move |n| slice(frames, n))).collect()
    }

    fn mutated(&self, input: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
        let mut frames = record::read(input);
        mutate::frames(&mut frames, &record::read(other), dice);
        record::write(&frames)
    }

    fn run(&self, input: &[u8]) -> u64 {
        let frames = record::read(input);
        let total = frames.len() as u64;
        let points = record::points(frames);
        let mut chance = DefaultHasher::new();
        input.hash(&mut chance);
        let mut dice = Dice::new(chance.finish());
        let settings = dice.below(SETTINGS.len());
        let mut plain = engine(settings, &points, 1, &in_turn(&points));
        let json = written(Format::Json, &mut plain);
        let all = plain.snapshot(&ALL);
        counted(&all, total, &points);
        totals(&all, &plain.snapshot(&Window { detail: Detail::Totals, count: 0, ..ALL }));
        parts(&mut plain, &all);
        for format in [Format::Text, Format::Junit, Format::Ndjson] {
            let page = written(format, &mut plain);
            assert!(!page.chars().any(|c| c.is_control() && c != '\n'), "{format:?}: {page:?}");
        }
        serde_json::from_str::<serde_json::Value>(&json).unwrap_or_else(|why| panic!("JSON: {why}: {json}"));
        let mut hashed = engine(settings, &points, dice.number(), &in_turn(&points));
        differ(&json, &written(Format::Json, &mut hashed), "another hash");
        // Conversations that are cut out of longer ones still depend on the order at several points: `make fuzz` shows it.
        if is_long() {
            let mut mixed = engine(settings, &points, 1, &mixed(&points, &mut dice));
            differ(&json, &written(Format::Json, &mut mixed), "mixed");
        }
        let came_to: BTreeSet<_> = all.rows.iter().map(shape).collect();
        let mut hasher = DefaultHasher::new();
        came_to.hash(&mut hasher);
        hasher.finish()
    }

    fn memory(&self, input: &[u8]) -> u64 {
        // Batches have room for 2,048 frames; reports and rows quote each leg in words.
        (24 << 20) + 400 * input.len() as u64
    }
}

/// What runs are asked.
const SETTINGS: [&[&str]; 4] = [
    &["--expect=192.168.12.99", "--node-ip=192.168.12.11", "--inside=10.128.0.0/14"],
    &["--expect=192.168.12.99"],
    &[
        "--expect=10.128.0.5 dst=203.0.113.0/24=>192.168.12.99",
        "--expect=10.128.0.6=>node",
        "--expect=10.128.0.7=>drop",
        "--expect-remote=198.51.100.7",
        "--node-ip=worker1=192.168.12.11",
        "--node-ip=worker2=192.168.12.12",
        "--pod-ip=10.128.0.0/24",
    ],
    &["--expect=pod"],
];

#[derive(Debug, Parser)]
struct Typed {
    #[command(flatten)]
    flags: Flags,
}

static EXPECTED: LazyLock<Vec<Expectations>> = LazyLock::new(|| {
    let expected = |words: &&[&str]| {
        let typed = Typed::parse_from(["check"].iter().chain(*words));
        Expectations::from_parts(&typed.flags, Environment::default(), Vec::new()).expect("expectations").0
    };
    SETTINGS.iter().map(expected).collect()
});

/// Which point comes next, with how many of its frames.
type Feed = Vec<(usize, usize)>;

fn in_turn(points: &[Point]) -> Feed {
    points.iter().enumerate().map(|(point, of)| (point, of.frames.len())).collect()
}

fn mixed(points: &[Point], dice: &mut Dice) -> Feed {
    let mut left: Vec<usize> = points.iter().map(|point| point.frames.len()).collect();
    let longest = 1 + dice.below(40);
    let mut feed = Vec::new();
    while left.iter().any(|left| *left > 0) {
        let point = dice.below(left.len());
        let count = (1 + dice.below(longest)).min(left[point]);
        left[point] -= count;
        feed.push((point, count));
    }
    feed
}

/// An engine that has taken in all frames of `points`.
fn engine(settings: usize, points: &[Point], seed: u64, feed: &Feed) -> Engine {
    let expectations = EXPECTED[settings].clone();
    let options = Options::with_pods(expectations.cluster.pods.iter().map(|known| known.block));
    let mut engine = Engine::new(Settings { expectations, ..Settings::default() });
    let hasher = KeyHasher::new(seed);
    let indexes: Vec<_> =
        (0..POINTS).map(|n| engine.add_point(&format!("p{n}"), &format!("p{n}.pcap"))).collect();
    let mut digesters: Vec<_> = (0..POINTS).map(|_| Digester::new(hasher.clone(), options.clone())).collect();
    let mut taken = [0; POINTS];
    for (point, count) in feed {
        let frames = &points[*point].frames[taken[*point]..][..*count];
        // Interfaces are told before the first frame.
        let links = if taken[*point] == 0 { &points[*point].links[..] } else { &[] };
        let mut batch = record::batch(indexes[*point], if frames.is_empty() { &[] } else { links }, frames);
        digesters[*point].digest(&mut batch);
        engine.ingest(&batch);
        taken[*point] += count;
    }
    engine.end();
    engine
}

const ALL: Window = Window {
    verdicts: Vec::new(),
    sort: Sort::First,
    first: 0,
    count: usize::MAX,
    detail: Detail::Rows,
    listing: Listing {
        is_together: false,
        open: Vec::new(),
        expectation: None,
        left: None,
        anchor: None,
        flow: None,
    },
};

fn written(format: Format, engine: &mut Engine) -> String {
    let options = report::Options { only: Vec::new(), zone: TimeZone::UTC, width: 100, style: Style::Plain };
    let mut out = Vec::new();
    report::write(format, engine, &options, &mut out).expect("memory takes all");
    String::from_utf8(out).expect("reports are text")
}

/// Every frame is counted, at its point and at one place.
fn counted(all: &Snapshot, total: u64, points: &[Point]) {
    assert_eq!(all.summary.frames, total, "frames of the run");
    for (point, told) in points.iter().zip(&all.points) {
        assert_eq!(told.frames, point.frames.len() as u64, "frames of {}", told.name);
        let at_places: u64 = told.places.iter().map(|place| place.frames).sum();
        assert_eq!(at_places, told.frames, "frames at the places of {}", told.name);
    }
    assert!(all.summary.undecoded <= total, "{:?}", all.summary);
}

/// Totals, groups and rows say the same.
fn totals(all: &Snapshot, short: &Snapshot) {
    let summary = &all.summary;
    assert_eq!(summary.flows, all.rows.len() as u64, "flows and rows");
    assert_eq!(summary.flows, all.matching as u64, "flows and those that match");
    let of = |verdict| all.rows.iter().filter(|row| row.verdict == verdict).count() as u64;
    let counts = [summary.pass, summary.fail, summary.inconclusive, summary.exempt];
    let rows = [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive, Verdict::Exempt].map(of);
    assert_eq!(counts, rows, "totals and verdicts");
    assert_eq!(short.groups.iter().map(|group| group.flows).sum::<u64>(), summary.flows, "flows of groups");
    let packets = |packets: u64, row: &Row| packets + row.packets;
    let of_groups: u64 = short.groups.iter().map(|group| group.packets).sum();
    assert_eq!(of_groups, all.rows.iter().fold(0, packets), "packets of groups");
    let ids: BTreeSet<&str> = all.rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids.len(), all.rows.len(), "ids of flows");
    for row in &all.rows {
        assert!(!row.legs.is_empty() && !row.explanation.is_empty(), "{row:?}");
        assert!(row.packets > 0 && row.first_seen <= row.last_seen, "{row:?}");
    }
    let is_open = summary.fail > 0 || summary.inconclusive > 0;
    assert!(all.verdict != Verdict::Pass || !is_open && summary.pass > 0, "{:?}: {summary:?}", all.verdict);
    assert!((all.verdict == Verdict::Fail) >= (summary.fail > 0), "{:?}: {summary:?}", all.verdict);
    // No frame is on two legs.
    let on_legs: u64 =
        all.rows.iter().flat_map(|row| &row.legs).map(|leg| leg.packets_out + leg.packets_in).sum();
    assert!(on_legs <= summary.frames, "{on_legs} packets on legs of {} frames", summary.frames);
}

/// Whoever asks for a part gets that part.
fn parts(engine: &mut Engine, all: &Snapshot) {
    let ids = |rows: &[Row]| rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>();
    let part = engine.snapshot(&Window { first: 1, count: 2, ..ALL });
    let expected: Vec<_> = all.rows.iter().skip(1).take(2).map(|row| row.id.clone()).collect();
    assert_eq!(ids(&part.rows), expected, "a part of the rows");
    let worst = engine.snapshot(&Window { sort: Sort::Worst, verdicts: vec![Verdict::Fail], ..ALL });
    assert_eq!(worst.matching as u64, all.summary.fail, "failures that match");
    assert_eq!(worst.rows.len(), worst.matching, "failures that are listed");
}

fn differ(one: &str, other: &str, what: &str) {
    if let Some((was, is)) = one.lines().zip(other.lines()).find(|(was, is)| was != is) {
        let at = was.bytes().zip(is.bytes()).take_while(|(was, is)| was == is).count();
        let [was, is] = [was, is].map(|line| line.get(at.saturating_sub(80)..).unwrap_or(line));
        panic!("{what}: another report\n  was …{was}\n  is  …{is}");
    }
    assert!(one.len() == other.len(), "{what}: a longer report");
}

/// A flow without its numbers.
fn shape(row: &Row) -> u64 {
    let mut shape = DefaultHasher::new();
    (row.verdict.name(), row.reason.name(), row.outcome.name(), row.protocol).hash(&mut shape);
    (row.join.method.name(), row.join.confidence.name(), row.direction.name()).hash(&mut shape);
    (row.legs.len().min(4), row.wire_sources.len().min(3), row.origin.is_some()).hash(&mut shape);
    shape.finish()
}

#[test]
fn joiner() {
    fuzz(&Joiner);
}
