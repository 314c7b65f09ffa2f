//! Reads captures side by side, and prints their frames by time.

use anyhow::Context as _;

use crate::capture::savefile::{self, Filled, Keep, Savefile};
use crate::cli::frames::{Input, Source};
use crate::command::dump::press::Press;
use crate::command::held::hold;
use crate::command::merge::Merge;
use crate::command::refused::unreadable;
use crate::command::taker::Taker as _;
use crate::digest::Batch;
use crate::frame::PointIndex;
use crate::privilege;
use crate::sandbox::Room;

/// Opens the captures that can be opened; that there is none is an error. From then on the process is in its sandbox, if that is wanted.
pub(super) fn opened(
    sources: &[Source],
    is_held: bool,
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
        let told: Vec<String> = failures.iter().map(|error| unreadable(error, "dump")).collect();
        return Err(anyhow::anyhow!("{}", told.join("\n  "))).context("nothing could be read");
    }
    failures.into_iter().for_each(unread);
    // Nothing was opened that takes rights, so reading is not refused for them.
    privilege::give_up().ok();
    hold(is_held, Room::default());
    Ok(files)
}

/// Prints the frames of all captures by time.
pub(super) fn merged(sources: &[Source], is_held: bool, press: &mut Press<'_>) -> anyhow::Result<()> {
    let files = opened(sources, is_held, &mut |error| press.tell_unread(&unreadable(&error, "dump")))?;
    let mut merge = Merge::new(files);
    let mut batch = Batch::new(PointIndex(0));
    let mut filled = Filled::More;
    while filled == Filled::More && press.goes_on() {
        filled = merge.fill(&mut batch);
        press.take(&mut batch);
    }
    Ok(())
}
