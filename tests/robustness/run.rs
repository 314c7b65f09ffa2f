//! Feeds captures to the engine as a run of `egret check` would, in batches of any size and order.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

use clap::Parser as _;
use egret::cli::cluster::Cluster;
use egret::decode::{Digester, KeyHasher, Options};
use egret::digest::{Batch, Head};
use egret::engine::{Engine, Settings};
use egret::expect::Expectations;
use egret::expect::derive::Derived;
use egret::expect::environment::Environment;
use egret::expect::flags::Flags;
use egret::expect::policy::Policy;
use egret::frame::PointIndex;
use egret::objects::Objects;
use egret::report::{self, Format, Style};
use egret::snapshot::{Detail, Row, Snapshots as _, Window};
use egret::verdict::Verdict;
use jiff::tz::TimeZone;

use crate::capture::{Capture, Frame};
use crate::dice::Dice;
use crate::question::entries;

/// How frames come to the engine: what must make no difference.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Feed {
    /// Of the hash of conversations, and of the order.
    pub(crate) seed: u64,
    pub(crate) order: Order,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    /// One capture after the other, in batches of so many frames.
    InTurn(usize),
    /// Batches of 1 to so many frames, of captures in random turn.
    Mixed(usize),
}

impl Feed {
    pub(crate) const PLAIN: Self = Self { seed: 1, order: Order::InTurn(1024) };

    pub(crate) fn mixed(frames: usize, seed: u64) -> Self {
        Self { seed, order: Order::Mixed(frames) }
    }

    /// (capture, frames) of every batch, in order. Every capture has at least one.
    fn batches<'a>(&self, captures: &'a [Capture]) -> Vec<(usize, &'a [Frame])> {
        let mut rest: Vec<Option<&[Frame]>> =
            captures.iter().map(|capture| Some(&capture.frames[..])).collect();
        let mut dice = Dice::new(self.seed);
        let mut batches = Vec::new();
        loop {
            let open: Vec<usize> = (0..rest.len()).filter(|point| rest[*point].is_some()).collect();
            let (point, size) = match (self.order, &open[..]) {
                (_, []) => return batches,
                (Order::InTurn(size), [first, ..]) => (*first, size),
                (Order::Mixed(most), open) => (open[dice.below(open.len())], 1 + dice.below(most)),
            };
            let frames = rest[point].expect("an open one was chosen");
            let (now, later) = frames.split_at(size.min(frames.len()));
            batches.push((point, now));
            rest[point] = (!later.is_empty()).then_some(later);
        }
    }
}

/// What was concluded from captures.
#[derive(Debug, Clone)]
pub(crate) struct Conclusion {
    pub(crate) verdict: Verdict,
    pub(crate) rows: Vec<Row>,
    pub(crate) json: String,
}

/// The flags of `egret check` that say what is expected.
#[derive(Debug, clap::Parser)]
struct Typed {
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    cluster: Cluster,
}

/// What follows from objects, by their paths: they are asked for again and again.
static DERIVED: LazyLock<Mutex<HashMap<Vec<PathBuf>, Policy>>> = LazyLock::new(Mutex::default);

fn derived(cluster: &Cluster) -> Option<Policy> {
    let mut known = DERIVED.lock().expect("no reading panics");
    let paths = &cluster.cluster;
    let read = || {
        let mut objects = Objects::of_namespace(cluster.cluster_namespace.clone());
        for path in paths {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
            let files = if path.is_dir() { entries(&path) } else { vec![path] };
            for file in files {
                let bytes = std::fs::read(&file).expect("a file");
                objects.add(&file.display().to_string(), &bytes).expect("objects");
            }
        }
        Derived::of(&objects, &cluster.assumed()).policy()
    };
    (!paths.is_empty()).then(|| known.entry(paths.clone()).or_insert_with(read).clone())
}

pub(crate) fn settings(flags: &[String]) -> Settings {
    let words = std::iter::once("check").chain(flags.iter().map(String::as_str));
    let typed = Typed::try_parse_from(words).unwrap_or_else(|error| panic!("{flags:?}: {error}"));
    let objects = derived(&typed.cluster).into_iter().collect();
    let (expectations, warnings) =
        Expectations::from_parts(&typed.flags, Environment::default(), objects).expect("expectations");
    Settings { expectations, warnings, ..Settings::default() }
}

/// An engine that has taken in all captures.
pub(crate) fn engine(flags: &[String], captures: &[Capture], feed: &Feed) -> Engine {
    let settings = settings(flags);
    let options = Options::with_pods(settings.expectations.cluster.pods.iter().map(|known| known.block));
    let mut engine = Engine::new(settings);
    let hasher = KeyHasher::new(feed.seed);
    let mut points: Vec<_> = captures
        .iter()
        .map(|capture| {
            let index = engine.add_point(&capture.name, &capture.name);
            (index, Digester::new(hasher.clone(), options.clone()), capture.interfaces.clone())
        })
        .collect();
    for (capture, frames) in feed.batches(captures) {
        let (point, digester, interfaces) = &mut points[capture];
        let mut batch = batch(*point, frames);
        batch.interfaces.append(interfaces);
        if frames.last() == captures[capture].frames.last() {
            batch.incidents.clone_from(&captures[capture].incidents);
        }
        digester.digest(&mut batch);
        engine.ingest(&batch);
    }
    engine.end();
    engine
}

pub(crate) fn batch(point: PointIndex, frames: &[Frame]) -> Batch {
    let mut batch = Batch::new(point);
    for frame in frames {
        batch.heads.push(Head {
            time: frame.time,
            start: batch.slab.len() as u32,
            captured: frame.bytes.len() as u32,
            original: frame.original,
            interface: frame.interface,
        });
        batch.slab.extend(&frame.bytes);
    }
    batch
}

/// What is concluded from `captures`.
pub(crate) fn conclude(flags: &[String], captures: &[Capture], feed: &Feed) -> Conclusion {
    let mut engine = engine(flags, captures, feed);
    let json = written(Format::Json, &mut engine);
    let window = Window { count: usize::MAX, detail: Detail::Rows, ..Window::default() };
    let snapshot = engine.snapshot(&window);
    Conclusion { verdict: snapshot.verdict, rows: snapshot.rows, json }
}

/// The run's report.
pub(crate) fn written(format: Format, engine: &mut Engine) -> String {
    let options = report::Options { only: Vec::new(), zone: TimeZone::UTC, width: 100, style: Style::Plain };
    let mut out = Vec::new();
    report::write(format, engine, &options, &mut out).expect("memory takes all");
    String::from_utf8(out).expect("reports are text")
}
