//! Counts packets, in tcpdump's words. Nothing is decoded that the question does not need.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;

use super::INCOMPLETE;
use super::read::opened;
use crate::capture::savefile::Filled;
use crate::cli::frames::Source;
use crate::command::chooser::Chooser;
use crate::command::{is_gone, say};
use crate::digest::{Batch, Incident};
use crate::frame::LinkType;

pub(super) fn run(
    sources: &[Source],
    is_held: bool,
    chooser: &Chooser,
    limit: Option<u64>,
) -> anyhow::Result<ExitCode> {
    let mut is_whole = true;
    let files = opened(sources, is_held, &mut |error| {
        is_whole = false;
        say(format_args!("{error}; going on without it"));
    })?;
    let mut count = 0;
    for (point, mut savefile) in files {
        let mut batch = Batch::new(point);
        let mut links: Vec<LinkType> = Vec::new();
        let mut filled = Filled::More;
        while filled == Filled::More && limit.is_none_or(|limit| count < limit) {
            filled = savefile.fill(&mut batch);
            links.extend(batch.interfaces.iter().map(|interface| interface.link));
            for interface in &batch.interfaces {
                if let Some(refused) = chooser.refused(interface.link, false) {
                    is_whole = false;
                    say(refused);
                }
            }
            count += counted(&batch, &links, chooser);
            for incident in &batch.incidents {
                if let Incident::Truncated(what) | Incident::Unread(what) = incident {
                    is_whole = false;
                    say(what);
                }
            }
        }
    }
    count = limit.map_or(count, |limit| count.min(limit));
    let plural = if count == 1 { "" } else { "s" };
    match writeln!(io::stdout(), "{count} packet{plural}") {
        Err(error) if is_gone(&error) => {}
        written => written.context("cannot write the count")?,
    }
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
}

fn counted(batch: &Batch, links: &[LinkType], chooser: &Chooser) -> u64 {
    if chooser.wants_everything() {
        return batch.heads.len() as u64;
    }
    let admitted = batch.heads.iter().filter(|head| {
        let link = links.get(usize::from(head.interface));
        link.is_some_and(|link| chooser.wants(&batch.frame(head, *link), false))
    });
    admitted.count() as u64
}
