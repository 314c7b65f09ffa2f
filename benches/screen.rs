//! What a screen costs when a run has a million flows: the engine's page for it, and the drawing.
//!
//! A page is asked for in every order, at the top and far down, of groups and of single flows. Going on, a third of a second's frames are
//! taken in before each page, so that nothing can be kept from one page to the next; then the whole is read. Drawing is one whole view into a buffer, at 80×24 and at 200×60. A frame
//! on screen has 16 ms: drawing must keep to it however many flows there are, and does so here with as many as there are.

#[expect(dead_code, reason = "no verdicts are counted here")]
mod traffic;
mod wire;

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser as _;
use egret::capture::savefile::{Filled, Keep, Savefile};
use egret::decode::{Digester, KeyHasher, Options};
use egret::digest::Batch;
use egret::engine::{Engine, Settings};
use egret::expect::Expectations;
use egret::expect::environment::Environment;
use egret::expect::flags::Flags;
use egret::snapshot::{Column, Detail, Listing, Order, Snapshots as _, Sort, Window};
use egret::tui::{self, Colours, Effect, Message, Model, Setup};
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use traffic::{Shown, Traffic};

const MANY: Traffic = Traffic { flows: 1_000_000, packets: 8, apart: 60_000, snap: 96, shown: Shown::Any };
const FEW: Traffic = Traffic { flows: 10_000, ..MANY };

/// How long a frame on screen may take.
const FRAME: Duration = Duration::from_millis(16);
const PASSES: usize = 5;
const PAGES: u64 = 7;

/// Frames that come between one page and the next: those of a third of a second, where 100,000 come in each.
const BETWEEN: u64 = 33_000;

#[derive(Debug, clap::Parser)]
struct Typed {
    #[command(flatten)]
    flags: Flags,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    println!("| flows | what | median ms | worst ms |\n|---:|---|---:|---:|");
    let mut slowest = Duration::ZERO;
    for traffic in [FEW, MANY] {
        let mut reading = Reading::of(traffic, &folder)?;
        let between = BETWEEN.min(traffic.frames() / 2 / PAGES / PASSES as u64);
        reading.take(traffic.frames() - between * PAGES * PASSES as u64);
        pages(&mut reading, traffic, "going on: ", between);
        reading.take(u64::MAX);
        if reading.engine.frames() != traffic.frames() {
            return Err(
                format!("{} of {} frames were read", reading.engine.frames(), traffic.frames()).into()
            );
        }
        reading.engine.end();
        pages(&mut reading, traffic, "", 0);
        slowest = slowest.max(draws(&mut reading.engine, traffic)?);
    }
    if slowest > FRAME {
        return Err(format!("a frame took {slowest:?} to draw; {FRAME:?} is what it may take").into());
    }
    Ok(())
}

/// An engine, and the capture that it takes in.
struct Reading {
    engine: Engine,
    file: Savefile,
    digester: Digester,
    batch: Batch,
}

impl Reading {
    fn of(traffic: Traffic, folder: &Path) -> Result<Self, Box<dyn Error>> {
        let flags = Typed::parse_from([
            "watch",
            "--expect=192.168.12.99",
            "--node-ip=192.168.12.11",
            "--inside=10.128.0.0/14",
        ]);
        let (expectations, _) = Expectations::from_parts(&flags.flags, Environment::default(), Vec::new())?;
        let mut engine = Engine::new(Settings { expectations, ..Settings::default() });
        let file = Savefile::open(&traffic.file(folder)?, Keep::Nothing)?;
        let digester = Digester::new(KeyHasher::new(1), Options::default());
        let batch = Batch::new(engine.add_point("node1", "node1.pcap"));
        Ok(Self { engine, file, digester, batch })
    }

    /// Takes in at least so many frames, or all that are left.
    fn take(&mut self, frames: u64) {
        let upto = self.engine.frames().saturating_add(frames);
        while self.engine.frames() < upto {
            self.batch.clear();
            let filled = self.file.fill(&mut self.batch);
            self.digester.digest(&mut self.batch);
            self.engine.ingest(&self.batch);
            if filled == Filled::End {
                break;
            }
        }
    }
}

fn window(sort: Sort, first: usize, is_together: bool) -> Window {
    let listing = Listing { is_together, ..Listing::default() };
    Window { sort, first, count: 100, detail: Detail::Screen, listing, ..Window::default() }
}

fn pages(reading: &mut Reading, traffic: Traffic, state: &str, between: u64) {
    let far = traffic.flows as usize / 2;
    let by = |column| Sort::By(column, Order::Descending);
    let asked = [
        ("page of groups", window(Sort::Worst, 0, true)),
        ("page of flows, worst first", window(Sort::Worst, 0, false)),
        ("…half-way down", window(Sort::Worst, far, false)),
        ("…by bytes, half-way down", window(by(Column::Bytes), far, false)),
        ("…by destination, half-way down", window(by(Column::Destination), far, false)),
        ("…by age, half-way down", window(by(Column::Age), far, false)),
        ("totals alone, as a report asks for", Window::default()),
    ];
    for (what, window) in asked {
        let mut times = Vec::new();
        for _ in 0..PASSES {
            reading.take(between);
            times.push(timed(|| drop(reading.engine.snapshot(&window))));
        }
        say(traffic, &format!("{state}{what}"), times);
    }
}

/// Draws the list of single flows, and the page below; returns the slowest frame.
fn draws(engine: &mut Engine, traffic: Traffic) -> Result<Duration, Box<dyn Error>> {
    let mut slowest = Duration::ZERO;
    for size in [(80, 24), (200, 60)] {
        let mut model = Model::new(Setup {
            is_live: true,
            is_here: true,
            speed: None,
            sources: String::new(),
            filter: String::new(),
            captured: String::new(),
            decoding: Arc::default(),
            presets: Vec::new(),
            zone: TimeZone::UTC,
            colours: Colours::Sixteen,
            size,
        });
        let mut terminal = Terminal::new(TestBackend::new(size.0, size.1))?;
        let mut asked = Window::default();
        let mut times = Vec::new();
        for key in ['t', 'j', 'G', 'k', 'g', '2', '1', '4', '5', '6'] {
            let key = crossterm::event::KeyCode::Char(key);
            let mut message = Some(Message::Key(key.into()));
            while let Some(next) = message.take() {
                let mut effects = tui::Effects::new();
                times.push(timed(|| effects = tui::update(&mut model, next)));
                for effect in effects {
                    if let Effect::Ask(window) = effect {
                        asked = window;
                        message = Some(Message::Snapshot(Arc::new(engine.snapshot(&asked))));
                    }
                }
            }
            // The answer to nothing new, as it comes by itself.
            let snapshot = Arc::new(engine.snapshot(&asked));
            let mut drawn = Ok(());
            times.push(timed(|| {
                tui::update(&mut model, Message::Snapshot(snapshot));
                drawn = terminal.draw(|frame| tui::view(&model, frame)).map(drop);
            }));
            drawn?;
        }
        slowest = slowest.max(times.iter().copied().max().unwrap_or_default());
        say(traffic, &format!("frame at {}×{}", size.0, size.1), times);
    }
    Ok(slowest)
}

fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

fn say(traffic: Traffic, what: &str, mut times: Vec<Duration>) {
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!("| {} | {what} | {:.2} | {:.2} |", traffic.flows, ms(median), ms(worst));
}
