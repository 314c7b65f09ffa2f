//! One run over all sources: opens them, gives up privileges, and takes frames in until it is over.

use std::collections::BTreeMap;
use std::mem;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::Timestamp as Now;

use crate::capture::live::{self, Request};
use crate::cli::frames::{Frames, Input, Source};
use crate::command::companion::Leash;
use crate::command::ends::Ends;
use crate::command::export::Export;
use crate::command::feed::{Feed, Next, Reader};
use crate::command::follower::Follower;
use crate::command::here::Here;
use crate::command::keeper::Keeper;
use crate::command::opened::{Failure, Opened};
use crate::command::progress::Progress;
use crate::command::refused;
use crate::command::say;
use crate::command::status::Status;
use crate::command::tables;
use crate::decode::Options;
use crate::digest::{Batch, Incident};
use crate::engine::Engine;
use crate::frame::{PointIndex, Timestamp};
use crate::privilege;

/// How long the taker waits for frames before it looks at the time.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long sources may take to end once they were asked to, from their last frames on. What waits longer, for a pipe that nobody
/// writes to, is left; and so is, after that time, what does not stop giving.
const GRACE: Duration = Duration::from_secs(2);

/// How long a command may take until its capture begins, for a login, say. One that keeps back what it captures would be waited for
/// for ever.
const LOGIN: Duration = Duration::from_secs(10);

/// How long ago, in ns, an interface was certainly captured while it is: what passed since may still lie in its ring, and it may be
/// gone without anybody's having noticed. It is some times as long as a reader waits.
const UNSURE: i64 = 1_000_000_000;

/// Bytes of all rings together, at most; those of a single source suffice for a second of traffic at full speed.
const RINGS: usize = 128 << 20;

/// Open sources, and what goes along with reading them.
pub(super) struct Session {
    feed: Feed,
    ends: Ends,
    here: Option<Here>,
    /// Of conntrack's table.
    follower: Option<Follower>,
    keeper: Option<Keeper>,
    /// Of commands whose output is read; dropped, they end.
    leashes: Vec<Leash>,
    /// Points that have not begun.
    awaited: Vec<PointIndex>,
    opened: Instant,
    shown: Shown,
    /// Interfaces that are captured.
    live: Vec<PointIndex>,
    /// What goes on for as long as it is let, with its name: it ends when it is asked to.
    obliging: Vec<(PointIndex, String)>,
    /// Why sources that were opened turned out to be no captures; by point.
    unread: BTreeMap<PointIndex, String>,
    points: usize,
    /// Frames that are wanted.
    count: Option<u64>,
}

/// What people are shown meanwhile.
enum Shown {
    Progress(Progress),
    Status(Status),
}

impl Shown {
    fn clear(&mut self) {
        match self {
            Self::Progress(progress) => progress.clear(),
            Self::Status(status) => status.clear(),
        }
    }
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
        is_stdout_used: bool,
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
        let is_live = sources.iter().any(|source| source.input.is_live());
        for failure in failures {
            if is_live {
                // The report may be hours away.
                say(format_args!("{failure}; going on without it"));
            }
            engine.note_unread(failure);
        }
        if let (Some(export), false) = (&export, opened.live.is_empty()) {
            engine.assume(export.to_string());
        }
        let keeper = frames.write.as_deref().map(|path| Keeper::create(path, &opened.names)).transpose()?;
        // From now on, signals end the run in good order.
        let ends = Ends::new(&frames.until, is_live && is_stdout_used)?;
        // Now that all is open, whatever began before is in it.
        let follow = tables::know_live(engine, &frames.conntrack, &opened.live);
        match privilege::give_up() {
            // Where nothing was opened that takes rights, reading is not refused for them.
            Err(error) if interfaces > 0 => return Err(error.into()),
            _ => {}
        }
        let follower = follow.map(Follower::start).transpose()?;
        let Opened { mut readers, savefiles, live, leashes, awaited, meters, names } = opened;
        let obliging =
            live.iter().chain(&awaited).map(|point| (*point, names[point.0 as usize].clone())).collect();
        if !savefiles.is_empty() {
            readers.push(Reader::Savefiles(savefiles));
        }
        let shown = if is_live {
            Shown::Status(Status::new(frames.until.command.is_none()))
        } else {
            Shown::Progress(Progress::new(meters))
        };
        let feed = Feed::start(readers, options, frames.until.count)?;
        let mut session = Self {
            feed,
            ends,
            here,
            follower,
            keeper,
            leashes,
            awaited,
            opened: Instant::now(),
            shown,
            live,
            obliging,
            unread: BTreeMap::new(),
            points: names.len(),
            count: frames.until.count,
        };
        session.look_around(engine);
        session.begin_if_ready();
        Ok(session)
    }

    /// Takes frames in until the sources end, or somebody or something asks for it.
    pub(super) fn run(mut self, engine: &mut Engine) -> anyhow::Result<()> {
        let mut stopped: Option<Instant> = None;
        let mut last_heard = Instant::now();
        loop {
            let next = self.feed.next(PATIENCE);
            self.hear(engine);
            match next {
                Next::Batch(batch) => {
                    last_heard = Instant::now();
                    self.take(batch, engine);
                }
                Next::Nothing => {}
                Next::End => return self.close(engine, Left::Nobody),
            }
            if self.count.is_some_and(|count| engine.frames() >= count) {
                return self.close(engine, Left::Unwanted);
            }
            self.wait_no_longer(engine);
            self.tell_time(engine, stopped.is_some());
            if stopped.is_none() {
                self.show(engine);
            }
            let has_lost_reader = self.keeper.as_ref().is_some_and(Keeper::has_lost_reader);
            match stopped {
                None if has_lost_reader || self.ends.are_reached(engine) => {
                    stopped = Some(Instant::now());
                    self.note_stop(engine);
                    // Commands have their last word on standard error.
                    self.shown.clear();
                    self.feed.stop();
                    self.leashes.clear();
                }
                Some(since) if since.elapsed() > GRACE => {
                    self.feed.leave();
                    if last_heard.elapsed() > GRACE {
                        return self.close(engine, Left::Waiting);
                    }
                }
                _ => {}
            }
        }
    }

    fn take(&mut self, batch: Batch, engine: &mut Engine) {
        self.awaited.retain(|point| *point != batch.point);
        self.begin_if_ready();
        self.look_around(engine);
        for incident in &batch.incidents {
            if let Incident::Unread(why) = incident {
                self.unread.insert(batch.point, why.clone());
            }
        }
        if let Some(keeper) = &mut self.keeper {
            keeper.keep(&batch);
        }
        engine.ingest(&batch);
        self.feed.give_back(batch);
    }

    /// Says what is left to say. That no source was a capture is an error.
    fn close(mut self, engine: &mut Engine, left: Left) -> anyhow::Result<()> {
        self.shown.clear();
        if self.unread.len() == self.points {
            let why: Vec<String> = self.unread.into_values().collect();
            return Err(anyhow::anyhow!("{}", why.join("\n  "))).context("nothing could be read");
        }
        if let Some(follower) = self.follower.take() {
            let since = follower.since;
            for news in follower.finish() {
                engine.take_news(&news);
            }
            tables::sum_up(engine, since);
        }
        if let Some(told) = self.ends.told_of_command() {
            engine.assume(told);
        }
        if let Some(why) = self.ends.interrupted() {
            let what = if self.obliging.is_empty() { "reading ended early" } else { "capturing was ended" };
            engine.assume(format!("{what}: {why}"));
        }
        if let Some(problem) = self.keeper.and_then(Keeper::finish) {
            say(&problem);
            engine.warn(problem);
        }
        match left {
            Left::Nobody => return self.feed.join(),
            // What one interface shows may lie behind the last frame that was wanted of another.
            Left::Unwanted => {
                for point in self.live {
                    engine.note_watched(point, Timestamp::MIN);
                }
            }
            Left::Waiting => {
                for (point, name) in self.obliging {
                    if !self.feed.is_over(point) {
                        engine.warn(format!(
                            "{name}: did not end within {} s of being asked to, and was left; what it held back is missing",
                            GRACE.as_secs()
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes in what the kernel has told of its table.
    fn hear(&mut self, engine: &mut Engine) {
        for news in self.follower.iter().flat_map(Follower::news) {
            engine.take_news(&news);
        }
    }

    /// Time counts, and what makes the traffic runs, once every source has begun.
    fn begin_if_ready(&mut self) {
        if self.awaited.is_empty() {
            self.ends.begin();
        }
    }

    /// Begins without the commands that have given nothing for too long.
    fn wait_no_longer(&mut self, engine: &mut Engine) {
        if self.awaited.is_empty() || self.opened.elapsed() < LOGIN {
            return;
        }
        for point in mem::take(&mut self.awaited) {
            let names = self.obliging.iter().filter(|(its, _)| *its == point);
            for (_, name) in names {
                let told = format!(
                    "{name}: gave nothing for {} s, and was waited for no longer; tcpdump hands over at once what it captures \
                     with -U",
                    LOGIN.as_secs()
                );
                say(&told);
                engine.warn(told);
            }
        }
        self.begin_if_ready();
    }

    /// While an interface is captured, it is, whether it shows frames or not; until it is gone, or readers are asked to end,
    /// which each does in its own time.
    fn tell_time(&mut self, engine: &mut Engine, is_stopped: bool) {
        if let Some(keeper) = &mut self.keeper {
            keeper.hand_on();
        }
        if self.obliging.is_empty() {
            return;
        }
        let now = Timestamp::from_nanos(Now::now().as_nanosecond() as i64);
        engine.tick(now);
        if is_stopped {
            return;
        }
        let feed = &self.feed;
        self.live.retain(|point| {
            let is_over = feed.is_over(*point);
            engine.note_watched(*point, Timestamp::from_nanos(now.nanos() - UNSURE));
            !is_over
        });
    }

    /// What is captured still was so until now: all that passed by then will be delivered.
    fn note_stop(&mut self, engine: &mut Engine) {
        let now = Timestamp::from_nanos(Now::now().as_nanosecond() as i64);
        for point in self.live.iter().filter(|point| !self.feed.is_over(**point)) {
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

    /// Commands that have not begun may have something to say themselves.
    fn show(&mut self, engine: &mut Engine) {
        match &mut self.shown {
            Shown::Status(_) if !self.awaited.is_empty() => {}
            Shown::Progress(progress) => progress.show(),
            Shown::Status(status) => status.show(|| self.ends.status(engine).summary),
        }
    }
}

/// Which sources have not ended when the run has.
#[derive(Clone, Copy)]
enum Left {
    Nobody,
    /// All frames that were wanted are there.
    Unwanted,
    /// They give nothing, and do not end.
    Waiting,
}
