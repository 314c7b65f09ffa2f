//! What reports say of runs that are written down here, not captured.

mod junit;
mod run;
mod scenario;
mod schema;
mod text;

use egret::report::{self, Format, Options, Style};
use egret::verdict::Verdict;
use jiff::tz::TimeZone;

use crate::run::Run;

/// Plain text of 100 columns, in Korea.
fn options() -> Options {
    Options {
        only: Vec::new(),
        zone: TimeZone::posix("KST-9").expect("a zone"),
        width: 100,
        style: Style::Plain,
    }
}

fn written(format: Format, run: &mut Run, options: &Options) -> String {
    let mut out = Vec::new();
    report::write(format, run, options, &mut out).expect("memory takes all");
    String::from_utf8(out).expect("reports are text")
}

/// A writer whose reader went away.
struct Gone;

impl std::io::Write for Gone {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_went_away_is_reported_as_such_by_every_format() {
    for format in [Format::Text, Format::Json, Format::Ndjson, Format::Junit] {
        let gone = report::write(format, &mut scenario::leak(), &options(), &mut Gone);
        assert_eq!(gone.expect_err("nobody reads").kind(), std::io::ErrorKind::BrokenPipe, "{format:?}");
    }
}

#[test]
fn five_thousand_flows_are_fetched_in_windows_and_each_listed_once() {
    let mut run = scenario::crowd();
    let lines = written(Format::Ndjson, &mut run, &options());
    assert_eq!(lines.lines().count(), 5_001);
    assert_eq!(run.most_rows, report::BATCH);
    let mut ids: Vec<_> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .map(|line| line["id"].to_string())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5_001);
}

#[test]
fn text_and_junit_fetch_no_rows() {
    let mut run = scenario::crowd();
    written(Format::Text, &mut run, &options());
    written(Format::Junit, &mut run, &options());
    assert_eq!(run.most_rows, 0);
}

#[test]
fn asking_for_failures_alone_leaves_the_totals_whole() {
    let only = Options { only: vec![Verdict::Fail], ..options() };
    let json: serde_json::Value =
        serde_json::from_str(&written(Format::Json, &mut scenario::leak(), &only)).expect("JSON");
    assert_eq!(json["flows"].as_array().expect("an array").len(), 20);
    assert_eq!(json["summary"]["flows"], 74);
    assert_eq!(json["summary"]["pass"], 52);
}
