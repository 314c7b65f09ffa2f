//! Reads captures side by side, and hands their frames on by time.
//!
//! Each capture keeps its own order: a frame that is earlier than the one before it in its file comes after it all the same.

use std::io;

use anyhow::Context as _;

use crate::capture::savefile::{self, Filled, Keep, Savefile};
use crate::cli::frames::{Input, Source};
use crate::command::dump::press::Press;
use crate::digest::Batch;
use crate::frame::{PointIndex, Timestamp};
use crate::privilege;

/// A capture, and the frames of it that are at hand.
struct Reading {
    savefile: Savefile,
    batch: Batch,
    /// The next frame in the batch.
    at: usize,
    has_ended: bool,
}

impl Reading {
    /// The time of the next frame; `None` at the end. What comes with the frames is told to whoever prints.
    fn next(&mut self, press: &mut Press<'_>) -> Option<Timestamp> {
        while self.at == self.batch.heads.len() {
            // What happened to a capture happened after its frames.
            press.note(&self.batch);
            self.batch.incidents.clear();
            if self.has_ended {
                return None;
            }
            self.has_ended = self.savefile.fill(&mut self.batch) == Filled::End;
            self.at = 0;
            press.learn(&self.batch);
        }
        Some(self.batch.heads[self.at].time)
    }
}

/// Opens the captures that can be opened; that there is none is an error.
pub(super) fn opened(
    sources: &[Source],
    unread: &mut impl FnMut(savefile::Error),
) -> anyhow::Result<Vec<(PointIndex, Savefile)>> {
    let mut files = Vec::new();
    let mut failures: Vec<savefile::Error> = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let opened = match &source.input {
            Input::File(path) => Savefile::open(path, Keep::Nothing),
            _ => Savefile::stdin(Keep::Nothing),
        };
        match opened {
            Ok(savefile) => files.push((PointIndex(index as u16), savefile)),
            Err(error) => failures.push(error),
        }
    }
    if files.is_empty() {
        let told: Vec<String> = failures.iter().map(ToString::to_string).collect();
        return Err(anyhow::anyhow!("{}", told.join("\n  "))).context("nothing could be read");
    }
    failures.into_iter().for_each(unread);
    // Nothing was opened that takes rights, so reading is not refused for them.
    privilege::give_up().ok();
    Ok(files)
}

/// Prints the frames of all captures by time.
pub(super) fn merged(sources: &[Source], press: &mut Press<'_>) -> anyhow::Result<()> {
    let files = opened(sources, &mut |error| press.tell_unread(&error.to_string()))?;
    let mut readings: Vec<Reading> = files
        .into_iter()
        .map(|(point, savefile)| Reading { savefile, batch: Batch::new(point), at: 0, has_ended: false })
        .collect();
    let mut times: Vec<Option<Timestamp>> = readings.iter_mut().map(|reading| reading.next(press)).collect();
    while press.goes_on() {
        let soonest =
            times.iter().enumerate().filter_map(|(index, time)| time.map(|time| (time, index))).min();
        let Some((_, index)) = soonest else { break };
        // As long as no other capture has an earlier frame.
        let until = times
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index)
            .filter_map(|(other, time)| time.map(|time| (time, other)))
            .min();
        let reading = &mut readings[index];
        loop {
            let Reading { batch, at, .. } = reading;
            press.frame(batch, &batch.heads[*at]);
            *at += 1;
            times[index] = reading.next(press);
            let goes_on = times[index]
                .is_some_and(|time| until.is_none_or(|(until, other)| (time, index) < (until, other)));
            if !goes_on || !press.goes_on() {
                break;
            }
        }
    }
    Ok(())
}

/// Whether an error means that nobody reads any more: no failure.
pub(super) fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}
