//! Reports of a run: text for people, JSON for programs, JUnit for continuous integration.
//!
//! A report reads the run through [`Snapshots`] alone, decides nothing and words nothing that a verdict
//! means; that was done before. Rules that all of them keep:
//! 1. Totals, groups and findings come from one snapshot without rows; flows are fetched [`BATCH`] at a
//!    time, so that a report of a million flows needs no more memory than one of a thousand.
//! 2. `only` narrows which flows are listed, never what is counted.
//! 3. Errors of the writer are returned as they are; whether a broken pipe is an error is the caller's
//!    to say.

mod json;
mod junit;
pub(crate) mod text;
mod time;

use std::io;

use jiff::tz::TimeZone;

use crate::snapshot::{Detail, Row, Snapshot, Snapshots, Window};
use crate::verdict::Verdict;

/// Flows fetched at once.
pub const BATCH: usize = 1_000;

/// The JSON Schema (2020-12) that [`Format::Json`] keeps; `#/$defs/line` is a line of [`Format::Ndjson`].
pub const SCHEMA: &str = include_str!("../schema/egret.check-1.schema.json");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The answer, the failures in words, then equal flows together.
    Text,
    /// One document, `egret.check/1`; inside its arrays an element a line, so that line tools can read it.
    Json,
    /// A flow a line, `"type": "flow"`; the last line, `"type": "summary"`, is the document without flows.
    Ndjson,
    /// A test case per expectation; green exactly where the verdict is `pass`.
    Junit,
}

/// How a report is laid out, and which flows it lists.
#[derive(Debug, Clone)]
pub struct Options {
    /// Only flows with one of these verdicts; empty is all. JUnit lists no flows and reads it not.
    pub only: Vec<Verdict>,
    /// The zone in which text tells times; JSON is in UTC always.
    pub zone: TimeZone,
    /// Terminal columns that text may fill.
    pub width: usize,
    pub style: Style,
}

/// Whether text may be coloured. Colour never says anything alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Plain,
    Colour,
}

/// Writes the whole run in `format`.
pub fn write(
    format: Format,
    run: &mut dyn Snapshots,
    options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match format {
        Format::Text => text::write(&totals(run, &options.only), options, out),
        Format::Json => json::write_document(run, &options.only, out),
        Format::Ndjson => json::write_lines(run, &options.only, out),
        Format::Junit => junit::write(&totals(run, &options.only), out),
    }
}

/// The exit status that a run's verdict asks for; `Exempt` is a run that judged nothing.
///
/// `0` pass · `1` fail · `3` inconclusive or nothing judged, unless that is allowed. What could not be
/// read at all is `2`, and never comes to a verdict.
pub fn exit_status(verdict: Verdict, allow_inconclusive: bool) -> u8 {
    match verdict {
        Verdict::Fail => 1,
        Verdict::Inconclusive | Verdict::Exempt if !allow_inconclusive => 3,
        Verdict::Pass | Verdict::Inconclusive | Verdict::Exempt => 0,
    }
}

/// The run without rows.
fn totals(run: &mut dyn Snapshots, only: &[Verdict]) -> Snapshot {
    run.snapshot(&Window { verdicts: only.to_vec(), ..Window::default() })
}

/// Calls `each` with every flow that `only` admits, in the order of their first frames.
fn each_row(
    run: &mut dyn Snapshots,
    only: &[Verdict],
    mut each: impl FnMut(&Row) -> io::Result<()>,
) -> io::Result<()> {
    let mut first = 0;
    loop {
        let rows = run
            .snapshot(&Window {
                verdicts: only.to_vec(),
                first,
                count: BATCH,
                detail: Detail::Rows,
                ..Window::default()
            })
            .rows;
        rows.iter().try_for_each(&mut each)?;
        first += rows.len();
        if rows.len() < BATCH {
            return Ok(());
        }
    }
}

/// Whether flows of a verdict are wanted; nothing named means all are.
fn admits(only: &[Verdict], verdict: Verdict) -> bool {
    only.is_empty() || only.contains(&verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_status_tells_a_failure_from_what_could_not_be_settled() {
        let statuses = |allow| {
            [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive, Verdict::Exempt]
                .map(|verdict| exit_status(verdict, allow))
        };
        assert_eq!(statuses(false), [0, 1, 3, 3]);
        assert_eq!(statuses(true), [0, 1, 0, 0]);
    }
}
