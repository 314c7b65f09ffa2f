//! Feeds batches of digested frames from sources to whoever takes them in.
//!
//! ```text
//!   savefiles, one after the other ─┐ reader
//!   interface ──────────────────────┤ reader      ─▶ decoder ─▶ who takes in
//!   another command's output ───────┘ reader               ◀─ empty batches ─┘
//! ```
//!
//! Three stages keep two cores busy whatever the frames are like: whole ones cost most to read, short ones most to
//! join. Batches go round: each reader has a few of its own, filled ahead, that come back to be filled again. How readers
//! are interleaved makes no difference to what is concluded.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::capture::live::Live;
use crate::capture::savefile::{Filled, Keep, Savefile};
use crate::command::companion::Output;
use crate::command::merge::Merge;
use crate::command::replay::{Due, Replay};
use crate::command::start;
use crate::command::valve::{Turn, Turns};
use crate::decode::{Digester, KeyHasher, Options};
use crate::digest::{Batch, CaptureFilter, Incident};
use crate::filter::composition::marks::{Marker, Marks};
use crate::frame::PointIndex;

/// Batches of one reader in flight: enough for either side to run ahead, few enough to stay in the cache.
const IN_FLIGHT: usize = 6;

/// How long a reader that waits for the time of a frame does not look whether it is wanted any more.
const LOOK_UP: Duration = Duration::from_millis(50);

/// Sources that one thread reads.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one for each thread, moved once")]
pub(super) enum Reader {
    /// One after the other, each to its end.
    Savefiles(Vec<(PointIndex, Savefile)>),
    /// All at once, by the times of their frames.
    Merged(Merge),
    /// …when their time has come.
    Replayed(Replay),
    /// Opened when its first bytes come. It has been opened once it gives its first batch.
    Stream(PointIndex, String, Output),
    Live(PointIndex, Live),
}

/// What the feed has for its taker.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "batches go round; a box for each would be an allocation for each"
)]
pub(super) enum Next {
    Batch(Batch),
    /// Nothing came within the time.
    Nothing,
    /// All sources have ended.
    End,
}

/// What goes to the taker.
#[expect(
    clippy::large_enum_variant,
    reason = "batches go round; a box for each would be an allocation for each"
)]
enum Fed {
    Batch(Batch),
    /// Somebody wants the taker to look up.
    Call,
    End,
}

/// Makes the taker look up that waits for a batch.
#[derive(Clone)]
pub(super) struct Bell(SyncSender<Fed>);

impl Bell {
    /// Where there is no room for a call there are batches: who takes these is awake.
    pub(super) fn ring(&self) {
        self.0.try_send(Fed::Call).ok();
    }
}

/// Has the readers of interfaces set other filters.
#[derive(Debug, Clone)]
pub(super) struct Valve(Arc<Asked>);

impl Valve {
    pub(super) fn turn(&self, point: PointIndex, turn: Turn) {
        self.0.turns.ask(point, turn);
    }
}

/// Threads that read and decode.
pub(super) struct Feed {
    filled: Receiver<Fed>,
    bell: Bell,
    /// By point: where its empty batches go.
    empty: Vec<Sender<Batch>>,
    asked: Arc<Asked>,
    threads: Vec<JoinHandle<()>>,
}

/// What the taker asks of readers, and what they tell besides batches.
#[derive(Debug)]
struct Asked {
    /// To end: what was captured by now is still wanted. Whoever writes a stream was told, too, so a stream is read to its end.
    stop: AtomicBool,
    /// To wait for nobody.
    leave: AtomicBool,
    /// By point: nothing more comes of it.
    over: Vec<AtomicBool>,
    /// To capture with other filters.
    turns: Turns,
}

impl Feed {
    /// Starts a thread for each reader, and one that decodes; at most `limit` frames come out in all. Without
    /// `decoding` they come without digests; with `marks`, these carry what is asked of frames. Points are numbered from 0,
    /// and each has a reader.
    pub(super) fn start(
        readers: Vec<Reader>,
        decoding: Option<&Options>,
        marks: Option<Marks>,
        limit: Option<u64>,
    ) -> anyhow::Result<Self> {
        let points: usize = readers.iter().map(|reader| reader.points().len()).sum();
        let (full, read) = sync_channel(IN_FLIGHT);
        let (digested, filled) = sync_channel(IN_FLIGHT);
        let asked = Arc::new(Asked {
            stop: AtomicBool::new(false),
            leave: AtomicBool::new(false),
            over: (0..points).map(|_| AtomicBool::new(false)).collect(),
            turns: Turns::new(points),
        });
        let mut empty = vec![None; points];
        let mut threads = Vec::new();
        for reader in readers {
            let (give_back, emptied) = channel();
            for _ in 0..IN_FLIGHT {
                give_back.send(Batch::new(PointIndex(0))).expect("the other end is still here");
            }
            for point in reader.points() {
                empty[point.0 as usize] = Some(give_back.clone());
            }
            let supply = Supply { emptied, full: full.clone(), asked: Arc::clone(&asked) };
            threads.push(start("reader", move || reader.read(&supply))?);
        }
        // The seed only keeps packets from being aimed at the table; no result depends on it.
        let hasher = KeyHasher::new(RandomState::new().hash_one(0));
        let decoder = Decoder {
            digesters: decoding
                .map(|options| (0..points).map(|_| Digester::new(hasher.clone(), options.clone())).collect()),
            markers: marks
                .zip(decoding)
                .map(|(marks, options)| vec![Marker::new(marks, options.clone()); points]),
            left: limit.unwrap_or(u64::MAX),
            asked: Arc::clone(&asked),
        };
        let bell = Bell(digested.clone());
        threads.push(start("decoder", move || decoder.decode(&read, &Ending(digested)))?);
        let empty = empty.into_iter().map(|empty| empty.expect("every point has a reader")).collect();
        Ok(Self { filled, bell, empty, asked, threads })
    }

    /// The next batch, waiting for it at most this long.
    pub(super) fn next(&self, patience: Duration) -> Next {
        match self.filled.recv_timeout(patience) {
            Ok(Fed::Batch(batch)) => Next::Batch(batch),
            Ok(Fed::Call) | Err(RecvTimeoutError::Timeout) => Next::Nothing,
            Ok(Fed::End) | Err(RecvTimeoutError::Disconnected) => Next::End,
        }
    }

    /// What makes [`Feed::next`] return at once.
    pub(super) fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Has readers set filters.
    pub(super) fn valve(&self) -> Valve {
        Valve(Arc::clone(&self.asked))
    }

    /// Gives a batch back to be filled again.
    pub(super) fn give_back(&self, batch: Batch) {
        // A reader has ended once it needs no more batches.
        self.empty[batch.point.0 as usize].send(batch).ok();
    }

    /// Asks all readers to end: what was captured by now still comes, and streams to their end.
    pub(super) fn stop(&self) {
        self.asked.stop.store(true, Ordering::Relaxed);
    }

    /// Asks readers of streams not to wait for their end.
    pub(super) fn leave(&self) {
        self.asked.leave.store(true, Ordering::Relaxed);
    }

    /// Whether the point's reader has done with it: what it has read may still be on its way.
    pub(super) fn is_over(&self, point: PointIndex) -> bool {
        self.asked.over[point.0 as usize].load(Ordering::Relaxed)
    }

    /// Waits for the threads, all of which have ended or will at once.
    pub(super) fn join(self) -> anyhow::Result<()> {
        drop(self.filled);
        for thread in self.threads {
            thread
                .join()
                .map_err(|_| anyhow::anyhow!("a reading thread ended early: this is a bug in egret"))?;
        }
        Ok(())
    }
}

/// A reader's end of the round.
struct Supply {
    emptied: Receiver<Batch>,
    full: SyncSender<Batch>,
    asked: Arc<Asked>,
}

impl Supply {
    fn is_stopped(&self) -> bool {
        self.asked.stop.load(Ordering::Relaxed)
    }

    fn is_left(&self) -> bool {
        self.asked.leave.load(Ordering::Relaxed)
    }
}

impl Reader {
    fn points(&self) -> Vec<PointIndex> {
        match self {
            Self::Savefiles(files) => files.iter().map(|(point, _)| *point).collect(),
            Self::Merged(merge) => merge.points(),
            Self::Replayed(replay) => replay.points(),
            Self::Stream(point, ..) | Self::Live(point, _) => vec![*point],
        }
    }

    fn read(self, supply: &Supply) {
        let points = self.points();
        self.read_all(supply);
        for point in points {
            supply.asked.over[point.0 as usize].store(true, Ordering::Relaxed);
        }
    }

    fn read_all(self, supply: &Supply) {
        match self {
            Self::Savefiles(files) => {
                for (point, savefile) in files {
                    read_savefile(point, savefile, supply);
                }
            }
            Self::Merged(merge) => read_merged(merge, supply),
            Self::Replayed(replay) => read_by_clock(replay, supply),
            Self::Stream(point, name, output) => read_stream(point, &name, output, supply),
            Self::Live(point, live) => read_live(point, live, supply),
        }
    }
}

/// Reads a savefile to its end. Of a file, nothing is wanted any more once the run ends early.
fn read_savefile(point: PointIndex, mut savefile: Savefile, supply: &Supply) {
    let is_stream = savefile.meter().position().total.is_none();
    while !(if is_stream { supply.is_left() } else { supply.is_stopped() }) {
        let Ok(mut batch) = supply.emptied.recv() else { return };
        batch.point = point;
        let filled = savefile.fill(&mut batch);
        if supply.full.send(batch).is_err() || filled == Filled::End {
            return;
        }
    }
    if !is_stream {
        tell_unfinished(point, supply);
    }
}

/// Reads several savefiles to their ends.
fn read_merged(mut merge: Merge, supply: &Supply) {
    while !supply.is_stopped() {
        let Ok(mut batch) = supply.emptied.recv() else { return };
        let filled = merge.fill(&mut batch);
        if supply.full.send(batch).is_err() || filled == Filled::End {
            return;
        }
    }
    if let Some(point) = merge.points().first() {
        tell_unfinished(*point, supply);
    }
}

/// Reads savefiles by their clock.
fn read_by_clock(mut replay: Replay, supply: &Supply) {
    while !supply.is_stopped() {
        if let Due::In(wait) = replay.due(Instant::now()) {
            thread::sleep(wait.min(LOOK_UP));
            continue;
        }
        let Ok(mut batch) = supply.emptied.recv() else { return };
        let filled = replay.fill(&mut batch, Instant::now());
        if supply.full.send(batch).is_err() || filled == Filled::End {
            return;
        }
    }
    if let Some(point) = replay.points().first() {
        tell_unfinished(*point, supply);
    }
}

/// Tells that a file was not read to its end: it may have shown what nobody knows now.
fn tell_unfinished(point: PointIndex, supply: &Supply) {
    let Ok(mut batch) = supply.emptied.recv() else { return };
    batch.point = point;
    batch.clear();
    batch.incidents.push(Incident::Unfinished);
    supply.full.send(batch).ok();
}

/// Reads a stream to its end. That it has begun is told by an empty batch, for its first frame may be long in coming.
fn read_stream(point: PointIndex, name: &str, output: Output, supply: &Supply) {
    let opened = Savefile::stream(name, output, Keep::Nothing);
    let Ok(mut batch) = supply.emptied.recv() else { return };
    batch.point = point;
    batch.clear();
    match opened {
        Ok(savefile) => {
            if supply.full.send(batch).is_ok() {
                read_savefile(point, savefile, supply);
            }
        }
        Err(error) => {
            batch.incidents.push(Incident::Unread(error.to_string()));
            supply.full.send(batch).ok();
        }
    }
}

/// Captures until the interface is gone, or, once that is asked for, until all is delivered that was captured by then.
fn read_live(point: PointIndex, mut live: Live, supply: &Supply) {
    let mut is_finishing = false;
    loop {
        let Ok(mut batch) = supply.emptied.recv() else { return };
        batch.point = point;
        let filled = loop {
            if supply.is_stopped() && !is_finishing {
                is_finishing = true;
                live.finish();
            }
            let turned = supply.asked.turns.take(point).map(|turn| (live.narrow(&turn.filter), turn));
            let filled = live.fill(&mut batch);
            match turned {
                Some((Ok(()), turn)) if turn.is_narrower => {
                    batch
                        .filters
                        .push(CaptureFilter { interface: 0, expression: turn.filter.as_str().into() });
                }
                Some((Err(error), _)) => batch.incidents.push(Incident::Unchanged(error.to_string())),
                Some((Ok(()), _)) | None => {}
            }
            if filled == Filled::End || !batch.is_empty() {
                break filled;
            }
        };
        if supply.full.send(batch).is_err() || filled == Filled::End {
            return;
        }
    }
}

/// Tells of the end, whatever ends the thread.
struct Ending(SyncSender<Fed>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.send(Fed::End).ok();
    }
}

/// Decodes: each point has a digester, which knows its places; or nobody needs one.
struct Decoder {
    digesters: Option<Vec<Digester>>,
    markers: Option<Vec<Marker>>,
    /// Frames still wanted.
    left: u64,
    asked: Arc<Asked>,
}

impl Decoder {
    fn decode(mut self, read: &Receiver<Batch>, digested: &Ending) {
        for mut batch in read {
            batch.heads.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left -= batch.heads.len() as u64;
            if self.left == 0 {
                self.asked.stop.store(true, Ordering::Relaxed);
                self.asked.leave.store(true, Ordering::Relaxed);
                // No more was asked for.
                batch.incidents.retain(|incident| *incident != Incident::Unfinished);
            }
            if let Some(digesters) = &mut self.digesters {
                digesters[batch.point.0 as usize].digest(&mut batch);
            }
            if let Some(markers) = &mut self.markers {
                markers[batch.point.0 as usize].mark(&mut batch);
            }
            if digested.0.send(Fed::Batch(batch)).is_err() {
                return;
            }
        }
    }
}
