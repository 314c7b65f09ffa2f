//! Feeds an engine from sources: one thread reads, one decodes, the caller's takes in.
//!
//! Three stages keep two cores busy whatever the frames are like: whole ones cost most to read, short ones most to
//! join. Batches go round: a few are filled ahead of the engine, and come back to be filled again. Sources are read one
//! after the other; their order makes no difference to what is concluded.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use anyhow::Context as _;

use crate::capture::savefile::{self, Filled, Keep, Meter, Savefile};
use crate::cli::frames::{Input, Source};
use crate::command::progress::Progress;
use crate::decode::{Digester, KeyHasher, Options};
use crate::digest::Batch;
use crate::engine::Engine;
use crate::frame::PointIndex;

/// Batches in flight: enough for either side to run ahead, few enough to stay in the cache.
const IN_FLIGHT: usize = 6;

/// Reads all sources into the engine, up to `count` frames. What cannot be read is told to the engine; that nothing can
/// be read at all is an error.
pub(super) fn feed(
    engine: &mut Engine,
    sources: &[Source],
    options: &Options,
    count: Option<u64>,
) -> anyhow::Result<()> {
    let mut open = Vec::new();
    let mut failures = Vec::new();
    for source in sources {
        match open_source(source) {
            Ok(savefile) => {
                let point = engine.add_point(&source.name, &source.shown);
                open.push((point, savefile));
            }
            Err(error) => failures.push(error),
        }
    }
    if open.is_empty() {
        let told = failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  ");
        return Err(anyhow::anyhow!("{told}")).context("nothing could be read");
    }
    for failure in failures {
        engine.note_unread(failure.to_string());
    }
    let meters = open.iter().map(|(_, savefile)| savefile.meter()).collect();
    // The seed only keeps packets from being aimed at the table; no result depends on it.
    let hasher = KeyHasher::new(RandomState::new().hash_one(0));
    let digesters = open.iter().map(|_| Digester::new(hasher.clone(), options.clone())).collect();
    let reader = Reader { open, left: count.unwrap_or(u64::MAX) };
    take_in(engine, reader, Decoder { digesters }, meters)
}

fn open_source(source: &Source) -> Result<Savefile, savefile::Error> {
    match &source.input {
        Input::Stdin => Savefile::stdin(Keep::Nothing),
        Input::File(path) => Savefile::open(path, Keep::Nothing),
    }
}

fn take_in(engine: &mut Engine, reader: Reader, decoder: Decoder, meters: Vec<Meter>) -> anyhow::Result<()> {
    let (full, read) = sync_channel(IN_FLIGHT);
    let (digested, filled) = sync_channel(IN_FLIGHT);
    let (empty, emptied) = channel();
    for _ in 0..IN_FLIGHT {
        empty.send(Batch::new(PointIndex(0))).expect("the other end is still here");
    }
    let mut progress = Progress::new(meters);
    let threads = [
        start("reader", move || reader.read(&emptied, &full))?,
        start("decoder", move || decoder.decode(&read, &digested))?,
    ];
    for batch in filled {
        engine.ingest(&batch);
        progress.show();
        // The reader has ended once it needs no more batches.
        empty.send(batch).ok();
    }
    progress.clear();
    for thread in threads {
        thread.join().map_err(|_| anyhow::anyhow!("a reading thread ended early: this is a bug in egret"))?;
    }
    Ok(())
}

fn start(name: &str, work: impl FnOnce() + Send + 'static) -> anyhow::Result<JoinHandle<()>> {
    let builder = thread::Builder::new().name(name.to_owned());
    builder.spawn(work).with_context(|| format!("cannot start the {name} thread"))
}

/// Reads, in a thread of its own.
struct Reader {
    open: Vec<(PointIndex, Savefile)>,
    /// Frames still wanted.
    left: u64,
}

impl Reader {
    fn read(mut self, emptied: &Receiver<Batch>, full: &SyncSender<Batch>) {
        for (point, mut savefile) in std::mem::take(&mut self.open) {
            while self.left > 0 {
                let Ok(mut batch) = emptied.recv() else { return };
                batch.point = point;
                let filled = savefile.fill(&mut batch);
                batch.heads.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.left -= batch.heads.len() as u64;
                if full.send(batch).is_err() {
                    return;
                }
                if filled == Filled::End {
                    break;
                }
            }
        }
    }
}

/// Decodes, in a thread of its own: each point has a digester, which knows its places.
struct Decoder {
    digesters: Vec<Digester>,
}

impl Decoder {
    fn decode(mut self, read: &Receiver<Batch>, digested: &SyncSender<Batch>) {
        for mut batch in read {
            self.digesters[batch.point.0 as usize].digest(&mut batch);
            if digested.send(batch).is_err() {
                return;
            }
        }
    }
}
