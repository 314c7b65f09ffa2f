//! One capture in a process of its own: egret reads it, and what it saw is compared with the oracle's line.

use std::io::Read as _;
use std::path::Path;
use std::{fs, io};

use crate::observe::{self, Sight};
use crate::oracle::Oracle;
use crate::report::{Comparison, Report};
use crate::view::{self, Counts, Slot};
use crate::sandbox;

pub(crate) fn work(path: &Path) -> io::Result<()> {
    let mut line = String::new();
    let mut outer = Counts::default();
    let mut inner = Counts::default();
    let mut placed: Vec<Placed> = Vec::new();
    let read = observe::observe(path, |sight| {
        let conveyed = view::conveyed(&sight.packet);
        let [o, i] = view::slots(&conveyed);
        outer.add(o.clone(), sight.original.into());
        inner.add(i.clone(), sight.original.into());
        placed.push(Placed { number: sight.number, bytes: sight.original, slots: [o, i] });
    });
    let mut report = Report {
        peak_kib: sandbox::own_peak().unwrap_or(0),
        frames: read.packets,
        opened: read.packets > 0 || read.problem.is_none(),
        ..Report::default()
    };
    io::stdin().read_to_string(&mut line)?;
    let oracle: Oracle = serde_json::from_str(&line)?;
    let own = &oracle.container.own;
    report.compared(Comparison::Frames, read.packets.max(own.packets).max(1));
    if (read.packets, read.captured, read.original) != (own.packets, own.cap_bytes, own.wire_bytes) {
        report.differ(Comparison::Frames, format!("egret {} frames {}/{} bytes ({:?}); oracle {} {}/{} ({:?})", read.packets, read.captured, read.original, read.problem, own.packets, own.cap_bytes, own.wire_bytes, own.problem), None);
    }
    for (comparison, counts, theirs) in [(Comparison::Outer, &outer, &oracle.outer), (Comparison::Inner, &inner, &oracle.inner)] {
        let theirs = view::counted(theirs);
        report.compared(comparison, theirs.0.len() as u64);
        let lacks = counts.lacks(&theirs);
        if !lacks.is_empty() {
            let what = lacks.iter().take(6).map(|(slot, count)| format!("{slot}: {count}")).collect::<Vec<_>>().join("; ");
            report.differ(comparison, format!("tshark {} of {}: {} slots: {what}", oracle.frames.total, read.packets, lacks.len()), None);
        }
    }
    serde_json::to_writer(io::stdout().lock(), &report)?;
    let _ = fs::metadata(path);
    Ok(())
}

struct Placed { number: u64, bytes: u32, slots: [(Slot, bool); 2] }
