//! One run over all sources: opens them, gives up privileges, and takes frames in until it is over.

use std::collections::BTreeMap;
use std::mem;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::Timestamp as Now;

use crate::capture::live::{self, Direction, Request};
use crate::cli::frames::{Frames, Source};
use crate::cli::until::UntilVerdicts;
use crate::command::companion::Leash;
use crate::command::ends::Ends;
use crate::command::export::Export;
use crate::command::feed::{Feed, Next, Reader};
use crate::command::held::hold;
use crate::command::here::Here;
use crate::command::merge::Merge;
use crate::command::namespaces::Namespaces;
use crate::command::opened::{Captured, Failure, Opened, both};
use crate::command::progress::Progress;
use crate::command::refused;
use crate::command::replay::Replay;
use crate::command::status::Line;
use crate::command::taker::Taker;
use crate::decode::Options;
use crate::digest::{Batch, Incident};
use crate::filter::composition::marks::Marks;
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

/// What is to be read, and how.
pub(super) struct Plan<'a> {
    /// The subcommand's name.
    pub(super) command: &'a str,
    pub(super) frames: &'a Frames,
    pub(super) sources: &'a [Source],
    /// Where interfaces are that are not egret's own.
    pub(super) namespaces: &'a Namespaces,
    /// Bytes kept of each frame that is captured; 0 is all.
    pub(super) snap_length: u32,
    /// What interfaces are captured with (pcap-filter(7)).
    pub(super) filter: Option<&'a str>,
    /// Which way frames pass that are captured.
    pub(super) direction: Direction,
    /// What this machine says of itself, if that is asked.
    pub(super) here: Option<Here>,
    /// How frames are decoded; `None` where nobody needs digests.
    pub(super) decoding: Option<&'a Options>,
    /// What is asked of each frame that is decoded.
    pub(super) marks: Option<Marks>,
    /// Frames that are read at most; a taker that wants a number of those it chooses counts itself.
    pub(super) limit: Option<u64>,
    /// Frames of several files come by their times, not file by file.
    pub(super) is_merged: bool,
    /// Files are read so many times as fast as they were captured; as fast as can be, if nothing is said.
    pub(super) speed: Option<f64>,
    /// How a run is over that takes flows into account.
    pub(super) verdicts: UntilVerdicts,
    /// Whether the result goes to standard output, so that nobody needs it who does not read that.
    pub(super) is_stdout_used: bool,
}

impl<'a> Plan<'a> {
    /// Whole frames, as they come and undecoded, until the sources end.
    pub(super) fn of(
        command: &'a str,
        frames: &'a Frames,
        sources: &'a [Source],
        namespaces: &'a Namespaces,
    ) -> Self {
        Self {
            command,
            frames,
            sources,
            namespaces,
            snap_length: 0,
            filter: None,
            direction: Direction::Both,
            here: None,
            decoding: None,
            marks: None,
            limit: None,
            is_merged: true,
            speed: None,
            verdicts: UntilVerdicts::default(),
            is_stdout_used: false,
        }
    }
}

/// Open sources, and what goes along with reading them.
pub(super) struct Session {
    feed: Feed,
    ends: Ends,
    here: Option<Here>,
    /// Of commands whose output is read; dropped, they end.
    leashes: Vec<Leash>,
    /// Points that have not begun.
    awaited: Vec<PointIndex>,
    opened: Instant,
    shown: Shown,
    /// Interfaces that are captured.
    live: Vec<Captured>,
    /// What goes on for as long as it is let, with its name: it ends when it is asked to.
    obliging: Vec<(PointIndex, String)>,
    /// Why sources that were opened turned out to be no captures; by point.
    unread: BTreeMap<PointIndex, String>,
    points: usize,
}

/// What people are shown meanwhile.
enum Shown {
    Progress(Progress),
    Status(Line),
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
    /// Opens all sources and makes them known to the taker. What cannot be read is told to it; that nothing can be read
    /// at all is an error. Once this returns, the process has no privileges, and is in its sandbox.
    pub(super) fn open(taker: &mut impl Taker, plan: Plan<'_>) -> anyhow::Result<Self> {
        let Plan { frames, sources, .. } = plan;
        let mut opened = Opened::default();
        let mut failures = Vec::new();
        let export = Export::of_environment();
        let interfaces = sources.iter().filter(|source| source.input.is_here()).count();
        let request = Request {
            interface: String::new(),
            snap_length: plan.snap_length,
            buffer: (RINGS / interfaces.max(1)).clamp(1 << 20, live::BUFFER),
            direction: plan.direction,
            filter: match &export {
                Some(export) => Some(both(export.filter(), plan.filter)),
                None => plan.filter.map(str::to_owned),
            },
        };
        for source in sources {
            match opened.open(taker, source, plan.namespaces, &request) {
                Ok(()) => {}
                Err(Failure::Live(error @ live::Error::NotPermitted { .. })) => {
                    return Err(refused::explained(&error, plan.command));
                }
                Err(Failure::Savefile(error)) => failures.push(refused::unreadable(&error, plan.command)),
                Err(failure) => failures.push(failure.to_string()),
            }
        }
        if opened.is_empty() {
            return Err(anyhow::anyhow!("{}", failures.join("\n  "))).context("nothing could be read");
        }
        let is_live = sources.iter().any(|source| source.input.is_live());
        for failure in failures {
            taker.note_unread(failure);
        }
        if let (Some(export), false) = (&export, opened.live.is_empty()) {
            taker.assume(export.to_string());
        }
        // From now on, signals end the run in good order.
        let signals = taker.listen()?;
        let ends = Ends::new(signals, &frames.until, plan.verdicts, is_live && plan.is_stdout_used)?;
        taker.prepare(&opened.names, &opened.live)?;
        match privilege::give_up() {
            // Where nothing was opened that takes rights, reading is not refused for them.
            Err(error) if interfaces > 0 => return Err(error.into()),
            _ => {}
        }
        hold(!frames.no_sandbox, taker.room());
        taker.begin()?;
        let Opened { mut readers, savefiles, live, taps, leashes, awaited, meters, names } = opened;
        let obliging = live
            .iter()
            .map(|its| &its.point)
            .chain(&awaited)
            .map(|point| (*point, names[point.0 as usize].clone()))
            .collect();
        if let Some(speed) = plan.speed.filter(|_| !savefiles.is_empty()) {
            readers.push(Reader::Replayed(Replay::new(savefiles, speed)));
        } else if plan.is_merged && savefiles.len() > 1 {
            readers.push(Reader::Merged(Merge::new(savefiles)));
        } else if !savefiles.is_empty() {
            readers.push(Reader::Savefiles(savefiles));
        }
        let shown = if is_live {
            Shown::Status(Line::new(frames.until.command.is_none()))
        } else {
            Shown::Progress(Progress::new(meters))
        };
        let feed = Feed::start(readers, plan.decoding, plan.marks, plan.limit)?;
        taker.start(feed.bell(), feed.valve(), taps)?;
        let mut session = Self {
            feed,
            ends,
            here: plan.here,
            leashes,
            awaited,
            opened: Instant::now(),
            shown,
            live,
            obliging,
            unread: BTreeMap::new(),
            points: names.len(),
        };
        session.look_around(taker);
        session.begin_if_ready();
        Ok(session)
    }

    /// Takes frames in until the sources end, or somebody or something asks for it.
    pub(super) fn run(mut self, taker: &mut impl Taker) -> anyhow::Result<()> {
        let mut stopped: Option<Instant> = None;
        let mut last_heard = Instant::now();
        loop {
            match self.feed.next(PATIENCE) {
                Next::Batch(batch) => {
                    last_heard = Instant::now();
                    self.take(batch, taker);
                }
                Next::Nothing => {}
                Next::End => return self.close(taker, Left::Nobody),
            }
            if taker.has_enough() {
                return self.close(taker, Left::Unwanted);
            }
            self.wait_no_longer(taker);
            self.tell_time(taker, stopped.is_some());
            if stopped.is_none() {
                self.show(taker);
            }
            match stopped {
                None if !taker.can_go_on() || self.ends.are_reached(taker) => {
                    stopped = Some(Instant::now());
                    self.note_stop(taker);
                    // Commands have their last word on standard error.
                    self.shown.clear();
                    self.feed.stop();
                    self.leashes.clear();
                }
                Some(since) if since.elapsed() > GRACE => {
                    self.feed.leave();
                    if last_heard.elapsed() > GRACE {
                        return self.close(taker, Left::Waiting);
                    }
                }
                _ => {}
            }
        }
    }

    fn take(&mut self, mut batch: Batch, taker: &mut impl Taker) {
        self.awaited.retain(|point| *point != batch.point);
        self.begin_if_ready();
        self.look_around(taker);
        for incident in &batch.incidents {
            if let Incident::Unread(why) = incident {
                self.unread.insert(batch.point, why.clone());
            }
        }
        taker.take(&mut batch);
        self.feed.give_back(batch);
    }

    /// Says what is left to say. That no source was a capture is an error.
    fn close(mut self, taker: &mut impl Taker, left: Left) -> anyhow::Result<()> {
        self.shown.clear();
        if self.unread.len() == self.points {
            let why: Vec<String> = self.unread.into_values().collect();
            return Err(anyhow::anyhow!("{}", why.join("\n  "))).context("nothing could be read");
        }
        if let Some(told) = self.ends.told_of_command() {
            taker.assume(told);
        }
        if let Some(why) = self.ends.interrupted() {
            let what = if self.obliging.is_empty() { "reading ended early" } else { "capturing was ended" };
            taker.assume(format!("{what}: {why}"));
        }
        match left {
            Left::Nobody => return self.feed.join(),
            // What one interface shows may lie behind the last frame that was wanted of another.
            Left::Unwanted => {
                for its in self.live {
                    taker.note_watched(its.point, Timestamp::MIN);
                }
            }
            Left::Waiting => {
                for (point, name) in self.obliging {
                    if !self.feed.is_over(point) {
                        taker.warn(format!(
                            "{name}: did not end within {} s of being asked to, and was left; what it held back is missing",
                            GRACE.as_secs()
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// Time counts, and what makes the traffic runs, once every source has begun.
    fn begin_if_ready(&mut self) {
        if self.awaited.is_empty() {
            self.ends.begin();
        }
    }

    /// Begins without the commands that have given nothing for too long.
    fn wait_no_longer(&mut self, taker: &mut impl Taker) {
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
                taker.alarm(told);
            }
        }
        self.begin_if_ready();
    }

    /// While an interface is captured, it is, whether it shows frames or not; until it is gone, or readers are asked to end,
    /// which each does in its own time.
    fn tell_time(&mut self, taker: &mut impl Taker, is_stopped: bool) {
        taker.meanwhile();
        if self.obliging.is_empty() {
            return;
        }
        let now = Timestamp::from(Now::now());
        taker.tick(now);
        if is_stopped {
            return;
        }
        let feed = &self.feed;
        self.live.retain(|its| {
            let is_over = feed.is_over(its.point);
            taker.note_watched(its.point, Timestamp::from_nanos(now.nanos() - UNSURE));
            !is_over
        });
    }

    /// What is captured still was so until now: all that passed by then will be delivered.
    fn note_stop(&mut self, taker: &mut impl Taker) {
        let now = Timestamp::from(Now::now());
        for its in self.live.iter().filter(|its| !self.feed.is_over(its.point)) {
            taker.note_watched(its.point, now);
        }
    }

    /// Learns what has become of the machine's interfaces, if anything has.
    fn look_around(&mut self, taker: &mut impl Taker) {
        let Some(here) = &mut self.here else { return };
        for (ground, known) in here.news() {
            for its in self.live.iter().filter(|its| its.ground == ground) {
                taker.know_interfaces(its.point, known);
            }
        }
    }

    /// Commands that have not begun may have something to say themselves.
    fn show(&mut self, taker: &mut impl Taker) {
        if taker.shows_frames() {
            if let Shown::Progress(progress) = &self.shown {
                let (read, of) = progress.position();
                taker.note_progress(read, of);
            }
            return;
        }
        match &mut self.shown {
            Shown::Status(_) if !self.awaited.is_empty() => {}
            Shown::Progress(progress) => progress.show(),
            Shown::Status(status) => status.show(|| self.ends.status(taker)),
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
