//! Takes frames in to judge the flows in them, and keeps them meanwhile if that is wanted.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::capture::writer::AboutPoint;
use crate::cli::frames::Source;
use crate::command::follower::Follower;
use crate::command::here::is_unknown;
use crate::command::keeper::{Keeper, Keeping};
use crate::command::namespaces::Namespaces;
use crate::command::narrowing::Narrowing;
use crate::command::opened::Captured;
use crate::command::say;
use crate::command::tables;
use crate::command::taker::{Status, Taker};
use crate::digest::Batch;
use crate::engine::Engine;
use crate::filter::expression::Expression;
use crate::frame::{LinkType, PointIndex, Timestamp};
use crate::machine::Follow;
use crate::number::thousands;
use crate::place::Known;
use crate::sandbox::Room;
use crate::snapshot::Summary;

pub(super) struct Judging<'a> {
    pub(super) engine: Engine,
    pub(super) keeper: Option<Keeper>,
    /// Which frames are to be kept, until that begins.
    pub(super) keeping: Option<Keeping>,
    /// By point: its name, and what its frames were chosen by, as the file is to say it.
    pub(super) about: Vec<AboutPoint>,
    /// Tables of translations.
    pub(super) conntrack: &'a [PathBuf],
    /// Where the kernel's own is read.
    pub(super) namespaces: &'a Namespaces,
    /// The kernel's own, where it is followed.
    pub(super) following: Following,
    /// Whether the report may be hours away.
    pub(super) is_live: bool,
    /// Frames that are wanted.
    pub(super) count: Option<u64>,
    /// What frames are asked; it must exist for the link types of all sources.
    pub(super) expression: Option<&'a Expression>,
    /// What capturing is narrowed to.
    pub(super) narrowing: Option<Narrowing>,
    /// Interfaces that were there when capturing was narrowed, by index.
    pub(super) known: Option<BTreeSet<u32>>,
    /// Why the run cannot go on: frames came that cannot be asked.
    pub(super) refused: Option<String>,
}

/// The kernel's table of translations, as it goes on.
#[derive(Debug, Default)]
pub(super) enum Following {
    #[default]
    Nothing,
    /// Until there may be threads.
    Ready(Follow),
    On(Follower),
}

impl<'a> Judging<'a> {
    /// Judges what comes, and nothing besides.
    pub(super) fn new(engine: Engine, is_live: bool, namespaces: &'a Namespaces) -> Self {
        Self {
            engine,
            keeper: None,
            keeping: None,
            about: Vec::new(),
            conntrack: &[],
            namespaces,
            following: Following::default(),
            is_live,
            count: None,
            expression: None,
            narrowing: None,
            known: None,
            refused: None,
        }
    }

    /// Looks whether what is asked of frames exists for those of the interfaces that a batch tells of.
    fn check_links(&mut self, batch: &Batch) {
        let Some(expression) = self.expression else { return };
        let refused = batch.interfaces.iter().find_map(|interface| expression.program(interface.link).err());
        if let Some(refused) = refused {
            let name = &self.about[usize::from(batch.point.0)].name;
            self.refused.get_or_insert_with(|| format!("{name}: {refused}"));
        }
    }

    /// Looks whether, since capturing was narrowed, an interface came of which nobody knows what it is: what others than the
    /// flows that are asked for would have shown there was left out.
    fn watch_out(&mut self, interfaces: &[Known]) {
        let Some(before) = &mut self.known else { return };
        let came = interfaces.iter().filter(|known| is_unknown(known) && !before.contains(&known.index));
        let came: Vec<String> = came.map(|known| format!("{} ({})", known.name, known.because)).collect();
        before.extend(interfaces.iter().map(|known| known.index));
        for what in came {
            self.engine.note_unread(format!(
                "what {what} is to the question is not known; it came when capturing was narrowed already, which keeps it from being \
                 found out (--narrow)"
            ));
        }
    }

    /// Looks out from now on for interfaces beside these, if less than everything is captured.
    pub(super) fn watch_out_since(&mut self, interfaces: Option<&BTreeSet<u32>>) {
        match interfaces {
            Some(interfaces) if self.known.is_none() => self.known = Some(interfaces.clone()),
            None => self.known = None,
            Some(_) => {}
        }
    }

    /// Takes in what the kernel has told of its table.
    fn hear(&mut self) {
        if let Following::On(follower) = &self.following {
            follower.news().for_each(|news| self.engine.take_news(&news));
        }
    }

    /// No more will come: ends what is kept, and gives the engine back.
    pub(super) fn end(mut self) -> Engine {
        if let Following::On(follower) = std::mem::take(&mut self.following) {
            let since = follower.since;
            follower.finish().for_each(|news| self.engine.take_news(&news));
            tables::sum_up(&mut self.engine, since);
        }
        self.engine.end();
        if let Some(keeper) = self.keeper.take()
            && let Some(problem) = keeper.finish(&mut self.engine)
        {
            self.alarm(problem);
        }
        if let Some(count) = self.count.filter(|count| *count <= self.engine.frames()) {
            self.engine.note_limit(count);
        }
        self.engine
    }
}

impl Taker for Judging<'_> {
    fn add_point(&mut self, source: &Source) -> PointIndex {
        self.about.push(AboutPoint { name: source.name.clone(), filter: None });
        self.engine.add_point(&source.name, &source.shown)
    }

    fn narrowing(&mut self, link: LinkType) -> Option<String> {
        let narrowing = self.narrowing.as_ref()?;
        let (filter, told) = narrowing.filter(link);
        if filter.is_some() {
            self.known.get_or_insert_with(|| narrowing.interfaces.clone());
        }
        self.engine.assume(told);
        filter
    }

    fn note_filter(&mut self, point: PointIndex, filter: &str) {
        self.about[usize::from(point.0)].filter = Some(filter.to_owned());
        self.engine.note_filter(point, filter);
    }

    fn prepare(&mut self, _points: &[String], live: &[Captured]) -> anyhow::Result<()> {
        if let Some(keeping) = self.keeping.take() {
            self.engine.follow();
            self.keeper = Some(Keeper::create(keeping, self.about.clone())?);
        }
        // Now that all is open, whatever began before is in it.
        if let Some(follow) = tables::know_live(&mut self.engine, self.conntrack, live, self.namespaces) {
            self.following = Following::Ready(follow);
        }
        Ok(())
    }

    fn room(&self) -> Room {
        self.keeper.as_ref().map(Keeper::room).unwrap_or_default()
    }

    fn begin(&mut self) -> anyhow::Result<()> {
        if let Following::Ready(follow) = std::mem::take(&mut self.following) {
            self.following = Following::On(Follower::start(follow)?);
        }
        Ok(())
    }

    fn take(&mut self, batch: &mut Batch) {
        self.check_links(batch);
        self.hear();
        self.engine.ingest(batch);
        if let Some(keeper) = &mut self.keeper {
            keeper.keep(batch, &mut self.engine);
        }
    }

    fn meanwhile(&mut self) {
        self.hear();
        if let Some(keeper) = &mut self.keeper {
            keeper.hand_on(&mut self.engine);
        }
    }

    fn tick(&mut self, now: Timestamp) {
        self.engine.tick(now);
    }

    fn note_watched(&mut self, point: PointIndex, until: Timestamp) {
        self.engine.note_watched(point, until);
    }

    fn know_interfaces(&mut self, point: PointIndex, known: &[Known]) {
        self.watch_out(known);
        self.engine.know_interfaces(point, known);
    }

    fn note_unread(&mut self, what: String) {
        if self.is_live {
            say(format_args!("{what}; going on without it"));
        }
        self.engine.note_unread(what);
    }

    fn assume(&mut self, what: String) {
        self.engine.assume(what);
    }

    fn warn(&mut self, what: String) {
        self.engine.warn(what);
    }

    fn has_enough(&self) -> bool {
        self.refused.is_some() || self.count.is_some_and(|count| self.engine.frames() >= count)
    }

    fn status(&mut self) -> Status {
        let engine = self.engine.status();
        let summary = &engine.summary;
        Status {
            frames: summary.frames,
            dropped: summary.kernel_drops,
            words: words(summary),
            settled: (summary.pass + summary.fail + summary.inconclusive).saturating_sub(engine.unsettled),
            unsettled: engine.unsettled,
            failed: engine.failed,
        }
    }
}

/// `53 flows: 3 fail, 50 pass`.
fn words(summary: &Summary) -> String {
    let counts = [
        (summary.fail, "fail"),
        (summary.inconclusive, "inconclusive"),
        (summary.pass, "pass"),
        (summary.exempt, "exempt"),
    ];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{} {word}", thousands(*count)))
        .collect();
    let flows = format!("{} flows", thousands(summary.flows));
    if counts.is_empty() { flows } else { format!("{flows}: {}", counts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_say_what_there_is_and_nothing_that_is_not() {
        let summary = Summary { flows: 53, pass: 50, fail: 3, ..Summary::default() };
        assert_eq!(words(&summary), "53 flows: 3 fail, 50 pass");
        assert_eq!(words(&Summary::default()), "0 flows");
    }
}
