//! The thread that reads what the kernel tells of conntrack's table.
//!
//! It reads as soon as there is something, so that little waits in the socket, and each piece of news is known to be of just now. It also
//! looks where nothing comes, for that tells, too: what comes next happened after that. Who takes the news in may be busy;
//! then the thread waits for that, and the kernel counts what it can no longer tell.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::command::start;
use crate::conntrack::news::News;
use crate::frame::Timestamp;
use crate::machine::follow::{Follow, Left};

/// How long it waits for news, in ms.
const PATIENCE: u32 = 10;

/// Handfuls of news on their way.
const IN_FLIGHT: usize = 16;

/// Handfuls that are read once it was asked to end: more than fit into the socket.
const LAST: usize = 64;

#[derive(Debug)]
pub(super) struct Follower {
    /// Since when nothing was missed.
    pub(super) since: Timestamp,
    news: Receiver<Vec<News>>,
    stop: Arc<AtomicBool>,
}

impl Follower {
    pub(super) fn start(follow: Follow) -> anyhow::Result<Self> {
        let (teller, news) = sync_channel(IN_FLIGHT);
        let stop = Arc::new(AtomicBool::new(false));
        let (since, is_stopped) = (follow.since(), Arc::clone(&stop));
        start("follower", move || read(follow, &teller, &is_stopped))?;
        Ok(Self { since, news, stop })
    }

    /// What has come since this was asked last; never waits.
    pub(super) fn news(&self) -> impl Iterator<Item = Vec<News>> + '_ {
        self.news.try_iter()
    }

    /// Asks it to end; the rest of what was told by now.
    pub(super) fn finish(self) -> impl Iterator<Item = Vec<News>> {
        self.stop.store(true, Ordering::Relaxed);
        self.news.into_iter()
    }
}

fn read(mut follow: Follow, teller: &SyncSender<Vec<News>>, stop: &AtomicBool) {
    let mut left = LAST;
    let mut news = Vec::new();
    while left > 0 {
        let is_stopped = stop.load(Ordering::Relaxed);
        left -= usize::from(is_stopped);
        let rest = follow.read(&mut news);
        if !news.is_empty() && teller.send(mem::take(&mut news)).is_err() {
            return;
        }
        match rest {
            Left::More => {}
            Left::Nothing if is_stopped => return,
            Left::Nothing => follow.wait(PATIENCE),
            Left::Nobody => return,
        }
    }
}
