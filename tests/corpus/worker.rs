//! One capture in a process of its own: egret reads it, and what it saw is compared with the oracle's line.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::conversations::{self, Conversations};
use crate::names::Names;
use crate::oracle::Oracle;
use crate::outcomes::Syns;
use crate::report::{Comparison, Report};
use crate::{digests, observe, outcomes, view};

/// Faults of one kind that are shown.
const SHOWN: usize = 3;

/// Reads the oracle's line from standard input and writes the report to standard output.
pub(crate) fn work(path: &Path) -> io::Result<()> {
    let mut line = String::new();
    io::stdin().read_to_string(&mut line)?;
    let oracle: Oracle = serde_json::from_str(&line)?;
    let mut conversations = Conversations::new(&oracle);
    let mut names = Names::default();
    let mut syns = Syns::default();
    let mut faults = Vec::new();
    let read = observe::observe(path, |sight| {
        let conveyed = view::conveyed(&sight.packet);
        conversations.look(sight, &conveyed);
        names.look(sight);
        syns.look(sight);
        faults.extend(digests::fault(sight, &conveyed).filter(|_| faults.len() < SHOWN));
    });
    let mut report = Report { frames: read.packets, opened: read.opened, ..Report::default() };
    conversations::frames(&read, &oracle, is_zstd(path)?, &mut report);
    report.compared(Comparison::Digests, read.packets);
    for fault in faults {
        report.differ(Comparison::Digests, fault, None);
    }
    conversations.compare(&oracle, &mut report);
    outcomes::compare(&read.flows, &syns, &conversations, &oracle, &mut report);
    names.compare(conversations.first_dispute(), &oracle, &mut report);
    serde_json::to_writer(io::stdout().lock(), &report)?;
    Ok(())
}

fn is_zstd(path: &Path) -> io::Result<bool> {
    let mut magic = Vec::new();
    File::open(path)?.take(4).read_to_end(&mut magic)?;
    Ok(magic == [0x28, 0xb5, 0x2f, 0xfd])
}
