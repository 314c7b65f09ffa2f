//! One run over all sources: opens them, gives up privileges, and takes frames in until it is over.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::Timestamp as Now;

use crate::capture::live::{self, Live, Request};
use crate::capture::savefile::{self, Keep, Meter, Savefile};
use crate::cli::frames::{Frames, Input, Source};
use crate::command::companion::{Leash, Output};
use crate::command::ends::Ends;
use crate::command::export::Export;
use crate::command::feed::{Feed, Next, Reader};
use crate::command::here::Here;
use crate::command::keeper::Keeper;
use crate::command::progress::Progress;
use crate::command::refused;
use crate::command::status::Status;
use crate::decode::Options;
use crate::engine::Engine;
use crate::frame::{PointIndex, Timestamp};
use crate::privilege;

/// How long the taker waits for frames before it looks at the time.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long sources may take to end once they were asked to. What waits longer, for a pipe that nobody writes to, is left.
const GRACE: Duration = Duration::from_secs(2);

/// Bytes of all rings together, at most; those of a single source suffice for a second of traffic at full speed.
const RINGS: usize = 128 << 20;

/// Open sources, and what goes along with reading them.
pub(super) struct Session {
    feed: Feed,
    ends: Ends,
    here: Option<Here>,
    keeper: Option<Keeper>,
    /// Of commands whose output is read; dropped, they end.
    leashes: Vec<Leash>,
    /// Points that have not begun.
    awaited: Vec<PointIndex>,
    shown: Shown,
    live: Vec<PointIndex>,
}

/// What people are shown meanwhile.
enum Shown {
    Progress(Progress),
    Status(Status),
}

impl Session {
    /// Opens all sources and makes them known to the engine. What cannot be read is told to the engine; that nothing can
    /// be read at all is an error. Once this returns, the process has no privileges.
    pub(super) fn open(
        engine: &mut Engine,
        frames: &Frames,
        sources: &[Source],
        here: Option<Here>,
        options: &Options,
    ) -> anyhow::Result<Self> {
        let mut opened = Opened::default();
        let mut failures = Vec::new();
        let export = Export::of_environment();
        let interfaces = sources.iter().filter(|source| matches!(source.input, Input::Interface(_))).count();
        let request = Request {
            interface: String::new(),
            snap_length: frames.snap_length(),
            buffer: (RINGS / interfaces.max(1)).clamp(1 << 20, live::BUFFER),
            filter: export.as_ref().map(Export::filter),
        };
        for source in sources {
            match opened.open(engine, source, &request) {
                Ok(()) => {}
                Err(Failure::Live(error @ live::Error::NotPermitted { .. })) => {
                    return Err(refused::explained(&error));
                }
                Err(failure) => failures.push(failure.to_string()),
            }
        }
        if opened.is_empty() {
            return Err(anyhow::anyhow!("{}", failures.join("\n  "))).context("nothing could be read");
        }
        for failure in failures {
            engine.note_unread(failure);
        }
        if let (Some(export), false) = (&export, opened.live.is_empty()) {
            engine.assume(export.to_string());
        }
        let keeper = frames.write.as_deref().map(|path| Keeper::create(path, &opened.names)).transpose()?;
        // From now on, signals end the run in good order.
        let ends = Ends::new(&frames.until)?;
        if interfaces > 0 {
            privilege::give_up()?;
        }
        let Opened { mut readers, savefiles, live, leashes, awaited, meters, .. } = opened;
        let is_live = sources.iter().any(|source| source.input.is_live());
        if !savefiles.is_empty() {
            readers.push(Reader::Savefiles(savefiles));
        }
        let shown =
            if is_live { Shown::Status(Status::new()) } else { Shown::Progress(Progress::new(meters)) };
        let feed = Feed::start(readers, options, frames.until.count)?;
        let mut session = Self { feed, ends, here, keeper, leashes, awaited, shown, live };
        session.look_around(engine);
        session.begin_if_ready();
        Ok(session)
    }

    /// Takes frames in until the sources end, or somebody or something asks for it.
    pub(super) fn run(mut self, engine: &mut Engine) -> anyhow::Result<()> {
        let mut stopped: Option<Instant> = None;
        loop {
            match self.feed.next(PATIENCE) {
                Next::Batch(batch) => {
                    self.awaited.retain(|point| *point != batch.point);
                    self.begin_if_ready();
                    self.look_around(engine);
                    if let Some(keeper) = &mut self.keeper {
                        keeper.keep(&batch);
                    }
                    engine.ingest(&batch);
                    self.feed.give_back(batch);
                }
                Next::Nothing => {}
                Next::End => break,
            }
            self.tell_time(engine);
            self.show(engine);
            match stopped {
                None if self.ends.are_reached(engine) => {
                    stopped = Some(Instant::now());
                    self.feed.stop();
                    self.leashes.clear();
                }
                Some(since) if since.elapsed() > GRACE => return self.close(engine, false),
                _ => {}
            }
        }
        self.close(engine, true)
    }

    /// Says what is left to say; `has_ended` if all sources have, and their threads can be waited for.
    fn close(self, engine: &mut Engine, has_ended: bool) -> anyhow::Result<()> {
        match self.shown {
            Shown::Progress(progress) => progress.clear(),
            Shown::Status(status) => status.clear(),
        }
        for said in self.ends.said() {
            engine.assume(said);
        }
        if let Some(problem) = self.keeper.and_then(Keeper::finish) {
            eprintln!("egret: {problem}");
            engine.warn(problem);
        }
        if has_ended { self.feed.join() } else { Ok(()) }
    }

    /// Time counts, and what makes the traffic runs, once every source has begun.
    fn begin_if_ready(&mut self) {
        if self.awaited.is_empty() {
            self.ends.begin();
        }
    }

    /// While an interface is captured, it is, whether it shows frames or not.
    fn tell_time(&self, engine: &mut Engine) {
        if self.live.is_empty() {
            return;
        }
        let now = Timestamp::from_nanos(Now::now().as_nanosecond() as i64);
        engine.tick(now);
        for point in &self.live {
            engine.note_watched(*point, now);
        }
    }

    /// Learns what has become of the machine's interfaces, if anything has.
    fn look_around(&mut self, engine: &mut Engine) {
        let Some(known) = self.here.as_mut().and_then(Here::news) else { return };
        for point in &self.live {
            engine.know_interfaces(*point, &known);
        }
    }

    fn show(&mut self, engine: &mut Engine) {
        match &mut self.shown {
            Shown::Progress(progress) => progress.show(),
            Shown::Status(status) => status.show(|| self.ends.status(engine).summary),
        }
    }
}

/// Why a source could not be opened.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Live(#[from] live::Error),
    #[error(transparent)]
    Savefile(#[from] savefile::Error),
    #[error("{0:#}")]
    Command(anyhow::Error),
}

/// What was opened, by kind.
#[derive(Default)]
struct Opened {
    readers: Vec<Reader>,
    savefiles: Vec<(PointIndex, Savefile)>,
    live: Vec<PointIndex>,
    leashes: Vec<Leash>,
    /// Commands that may take a while before they capture.
    awaited: Vec<PointIndex>,
    meters: Vec<Meter>,
    /// By point.
    names: Vec<String>,
}

impl Opened {
    fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    fn open(&mut self, engine: &mut Engine, source: &Source, request: &Request) -> Result<(), Failure> {
        match &source.input {
            Input::Stdin => {
                let savefile = Savefile::stdin(Keep::Nothing)?;
                let point = self.add(engine, source);
                self.meters.push(savefile.meter());
                // Who makes others wait must not be waited for.
                self.readers.push(Reader::Savefiles(vec![(point, savefile)]));
            }
            Input::File(path) => {
                let savefile = Savefile::open(path, Keep::Nothing)?;
                let point = self.add(engine, source);
                self.meters.push(savefile.meter());
                self.savefiles.push((point, savefile));
            }
            Input::Interface(interface) => {
                let live = Live::open(&Request { interface: interface.clone(), ..request.clone() })?;
                let point = self.add(engine, source);
                self.live.push(point);
                self.readers.push(Reader::Live(point, live));
            }
            Input::Command(command) => {
                let (output, leash) = Output::of(command).map_err(Failure::Command)?;
                self.leashes.push(leash);
                let point = self.add(engine, source);
                self.awaited.push(point);
                self.readers.push(Reader::Stream(point, source.name.clone(), output));
            }
        }
        Ok(())
    }

    fn add(&mut self, engine: &mut Engine, source: &Source) -> PointIndex {
        self.names.push(source.name.clone());
        engine.add_point(&source.name, &source.shown)
    }
}
