//! A run of the engine over captures of `testdata/`, and a terminal in memory before it.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use clap::Parser as _;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use egret::capture::savefile::{Filled, Keep, Savefile};
use egret::cli::frames::parse_ip_link;
use egret::decode::{Digester, KeyHasher, Options};
use egret::digest::{Batch, Key, Spot};
use egret::engine::{Engine, Settings};
use egret::expect::Expectations;
use egret::expect::environment::Environment;
use egret::expect::flags::Flags;
use egret::place::Suffix;
use egret::snapshot::{Row, Snapshot, Snapshots as _, Window};
use egret::tui::{
    self, Checked, Colours, Effect, Frames, FramesWanted, Message, Mistake, Model, Seen, Setup,
};
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

/// The flags of `egret check` that say what is expected.
#[derive(Debug, clap::Parser)]
struct Typed {
    #[command(flatten)]
    flags: Flags,
}

struct Kept {
    seen: Seen,
    key: Key,
}

/// Somebody at a terminal, and what is behind it.
pub(crate) struct Stage {
    pub(crate) model: Model,
    engine: Engine,
    frames: Vec<Kept>,
    window: Window,
    /// What was asked of the outside beside snapshots and frames, in order.
    pub(crate) asked: Vec<Effect>,
}

/// A folder of `testdata/`, files of it, and flags; variables of the environment stand among them.
pub(crate) type Scene = (&'static str, &'static [&'static str], &'static [&'static str]);

const FLAGS: &[&str] = &["--expect=192.168.12.99", "--node-ip=192.168.12.11", "--inside=10.128.0.0/14"];

pub(crate) const LEAK: Scene = ("leak", &["node1-any.pcap.gz"], FLAGS);
/// The leak, told by the pod itself.
pub(crate) const NAMED: Scene = (
    "leak",
    &["node1-any.pcap.gz"],
    &[
        "POD_IP=10.128.0.5",
        "POD_NAME=web-0",
        "POD_NAMESPACE=herasoo",
        "NODE_IP=192.168.12.11",
        "NODE_NAME=worker1",
        "--expect=192.168.12.99",
        "--inside=10.128.0.0/14",
    ],
);
pub(crate) const FIREWALL: Scene = (
    "firewall",
    &["node1-any.pcap"],
    &[
        "--expect=10.128.0.5=>192.168.12.99",
        "--expect=10.128.0.0/14=>node",
        "--node-ip=192.168.12.11",
        "--inside=10.128.0.0/14",
    ],
);
pub(crate) const OTHER_NODE: Scene = (
    "egress-other-node",
    &["node1-any.pcap.gz", "node2-any.pcap.gz"],
    &[
        "--expect=192.168.12.99",
        "--node-ip=192.168.12.11",
        "--node-ip=192.168.12.12",
        "--inside=10.128.0.0/14",
    ],
);
pub(crate) const POD_ALONE: Scene = ("egress-own-node", &["pod-a.pcap"], FLAGS);
pub(crate) const IPV6: Scene = (
    "ipv6",
    &["node1-any.pcap.gz"],
    &["--expect=fd00:12::99", "--node-ip=fd00:12::11", "--inside=fd01::/16"],
);

impl Stage {
    /// A screen of `size` over captures that were read to their end.
    pub(crate) fn of(scene: Scene, size: (u16, u16)) -> Self {
        Self::coloured(scene, size, Colours::Sixteen)
    }

    pub(crate) fn coloured(scene: Scene, size: (u16, u16), colours: Colours) -> Self {
        let mut stage = Self::open(scene, size, colours, false);
        stage.send(Message::Ended);
        stage
    }

    /// The same, as if it were captured now.
    pub(crate) fn live(scene: Scene, size: (u16, u16)) -> Self {
        Self::open(scene, size, Colours::Sixteen, true)
    }

    fn open((folder, files, flags): Scene, size: (u16, u16), colours: Colours, is_live: bool) -> Self {
        let Reading { engine, frames, shown } = Reading::of(folder, files, flags);
        let model = Model::new(Setup {
            is_live,
            is_here: is_live,
            speed: None,
            sources: shown,
            filter: String::new(),
            captured: String::new(),
            decoding: Arc::default(),
            presets: vec!["dns".to_owned(), "web".to_owned()],
            zone: TimeZone::UTC,
            colours,
            size,
        });
        let mut stage = Self { model, engine, frames, window: Window::default(), asked: Vec::new() };
        stage.send(Message::Resize { width: size.0, height: size.1 });
        stage
    }

    /// Sends a message, and answers whatever is asked until nothing is.
    pub(crate) fn send(&mut self, message: Message) {
        let mut messages = VecDeque::from([message]);
        let mut sent = 0;
        while let Some(message) = messages.pop_front() {
            sent += 1;
            assert!(sent < 100, "the model asks without end: {:?}", self.window);
            for effect in tui::update(&mut self.model, message) {
                messages.extend(self.answer(effect));
            }
        }
    }

    fn answer(&mut self, effect: Effect) -> Option<Message> {
        match effect {
            Effect::Ask(window) => {
                self.window = window;
                Some(Message::Snapshot(Arc::new(self.engine.snapshot(&self.window))))
            }
            Effect::AskFrames(wanted) => Some(Message::Frames(Arc::new(self.frames_of(wanted)))),
            Effect::Check(typed) => {
                let found = match typed.find("prot ") {
                    Some(at) => Err(Mistake { message: "syntax error at `prot`".to_owned(), at: Some(at) }),
                    None => Ok(Checked { meaning: format!("flows like {typed}") }),
                };
                self.asked.push(Effect::Check(typed.clone()));
                Some(Message::Checked { typed, found })
            }
            Effect::Weigh(filter) => {
                self.asked.push(Effect::Weigh(filter.clone()));
                let told = format!(
                    "Only frames that flows like {filter} may need will be captured. All others are lost."
                );
                Some(Message::Weighed { filter, told })
            }
            other => {
                self.asked.push(other);
                None
            }
        }
    }

    /// The window that was asked for last.
    pub(crate) fn window(&self) -> &Window {
        &self.window
    }

    /// A snapshot of the window that was asked for last, as it comes by itself.
    pub(crate) fn refresh(&mut self) {
        self.refresh_with(|_| {});
    }

    /// The same, with something about it changed.
    pub(crate) fn refresh_with(&mut self, change: impl FnOnce(&mut Snapshot)) {
        let mut snapshot = self.engine.snapshot(&self.window);
        change(&mut snapshot);
        self.send(Message::Snapshot(Arc::new(snapshot)));
    }

    fn frames_of(&mut self, wanted: FramesWanted) -> Frames {
        let row = wanted.flow.as_ref().and_then(|id| self.row(id));
        let is_wanted = |kept: &&Kept| match (&wanted.flow, &row) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(_), Some(row)) => row.legs.iter().any(|leg| {
                let (key, _) = Key::of(leg.source, leg.destination, kept.key.protocol);
                key == kept.key
            }),
        };
        let all: Vec<&Kept> = self.frames.iter().filter(is_wanted).collect();
        let page = all.iter().skip(wanted.first).take(wanted.count);
        let list = page.map(|kept| kept.seen.clone()).collect();
        Frames { total: all.len(), list, wanted }
    }

    fn row(&mut self, id: &str) -> Option<Row> {
        let mut window = self.window.clone();
        window.listing.flow = Some(id.to_owned());
        self.engine.snapshot(&window).page.flow.map(|row| *row)
    }

    pub(crate) fn key(&mut self, code: KeyCode) {
        self.send(Message::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }

    pub(crate) fn ctrl(&mut self, c: char) {
        self.send(Message::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)));
    }

    /// Presses a key for each character.
    pub(crate) fn keys(&mut self, keys: &str) {
        for c in keys.chars() {
            self.key(KeyCode::Char(c));
        }
    }

    pub(crate) fn click(&mut self, column: u16, row: u16) {
        let kind = MouseEventKind::Down(MouseButton::Left);
        self.send(Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
    }

    pub(crate) fn wheel(&mut self, is_down: bool) {
        let kind = if is_down { MouseEventKind::ScrollDown } else { MouseEventKind::ScrollUp };
        self.send(Message::Mouse(MouseEvent { kind, column: 5, row: 10, modifiers: KeyModifiers::NONE }));
    }

    /// What is on the screen.
    pub(crate) fn screen(&self, (width, height): (u16, u16)) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("memory");
        terminal.draw(|frame| tui::view(&self.model, frame)).expect("memory takes all");
        terminal.backend().buffer().clone()
    }

    /// The screen as lines of text.
    pub(crate) fn text(&self, size: (u16, u16)) -> String {
        text(&self.screen(size))
    }
}

/// A buffer's lines; the second half of a wide character is not there.
pub(crate) fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut skip = 0;
        for x in 0..buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            if skip > 0 {
                skip -= 1;
                continue;
            }
            line.push_str(symbol);
            skip = egret::prose::columns(symbol).saturating_sub(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Captures that were read.
pub(crate) struct Reading {
    pub(crate) engine: Engine,
    frames: Vec<Kept>,
    shown: String,
}

impl Reading {
    pub(crate) fn of(folder: &str, files: &[&str], flags: &[&str]) -> Self {
        Self::looked_at(folder, files, flags, |_| {})
    }

    /// The same, with a look at the run after every batch.
    pub(crate) fn looked_at(
        folder: &str,
        files: &[&str],
        flags: &[&str],
        mut look: impl FnMut(&mut Engine),
    ) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(folder);
        let (flags, set): (Vec<&str>, Vec<&str>) = flags.iter().partition(|flag| flag.starts_with("--"));
        let typed = Typed::try_parse_from(["watch"].iter().chain(&flags)).expect("flags");
        let value = |name: &str| set.iter().find_map(|set| set.strip_prefix(name)?.strip_prefix('='));
        let environment = Environment::read(|name| value(name).map(str::to_owned));
        let (expectations, warnings) =
            Expectations::from_parts(&typed.flags, environment, Vec::new()).expect("expectations");
        let settings = Settings { expectations, warnings, ..Settings::default() };
        let options = Options::with_pods(settings.expectations.cluster.pods.iter().map(|known| known.block));
        let mut engine = Engine::new(settings);
        let hasher = KeyHasher::new(1);
        let mut frames = Vec::new();
        let point = |file: &str| file.split('.').next().unwrap_or(file).to_owned();
        let names = files.iter().filter_map(|file| {
            let links = fs::read_to_string(folder.join(format!("{}.ip-link.txt", point(file)))).ok()?;
            Some((point(file), parse_ip_link(&links)))
        });
        engine.name_interfaces(names.collect());
        for file in files {
            let name = point(file);
            let index = engine.add_point(&name, file);
            let mut digester = Digester::new(hasher.clone(), options.clone());
            let mut source = Savefile::open(&folder.join(file), Keep::Nothing).expect("a capture");
            let mut batch = Batch::new(index);
            let mut reader = Reader { name, spots: Vec::new(), read: 0, link: None };
            loop {
                batch.clear();
                let filled = source.fill(&mut batch);
                digester.digest(&mut batch);
                frames.extend(reader.keep(&batch));
                engine.ingest(&batch);
                look(&mut engine);
                if filled == Filled::End {
                    break;
                }
            }
        }
        engine.end();
        frames.sort_by_key(|kept: &Kept| kept.seen.time);
        Self { engine, frames, shown: files.join(", ") }
    }
}

struct Reader {
    name: String,
    spots: Vec<Spot>,
    read: u64,
    link: Option<egret::frame::LinkType>,
}

impl Reader {
    fn keep(&mut self, batch: &Batch) -> Vec<Kept> {
        self.spots.extend(&batch.places);
        self.link = self.link.or(batch.interfaces.first().map(|interface| interface.link));
        let first = self.read + 1;
        self.read += batch.heads.len() as u64;
        let heads = batch.heads.iter().zip(&batch.digests).zip(first..);
        heads
            .map(|((head, digest), ordinal)| {
                let spot = self.spots[usize::from(digest.place.0)];
                let seen = Seen {
                    id: format!("{}:{ordinal}", self.name),
                    place: format!("{}{}", self.name, Suffix::of(spot, None)),
                    time: head.time,
                    link: self.link.expect("a capture has a link type"),
                    original: head.original,
                    bytes: batch.slab[head.range()].into(),
                };
                Kept { seen, key: digest.key }
            })
            .collect()
    }
}
