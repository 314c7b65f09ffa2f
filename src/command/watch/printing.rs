//! A report that is written on a thread of its own while the run goes on.
//!
//! The totals are those of the moment it was asked for, and so is the list of flows. Their rows are told by the engine piece by piece,
//! between two batches ([`Printing::pour`]), each as it stands then: a million rows at once would be a second in which nothing is taken in. Flows
//! that are let go of meanwhile have none. Whoever writes is never waited for.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, sync_channel};

use super::desk::Order;
use super::lender::Job;
use super::texts;
use crate::capture::scratch::scratch;
use crate::command::feed::Bell;
use crate::engine::{Engine, Serial};
use crate::expect::PodName;
use crate::report;
use crate::snapshot::{Detail, Gist, Group, Problem, Role, Row, Snapshot, Snapshots, Summary, Window};
use crate::verdict::Verdict;

/// Rows that the engine tells at once: a few milliseconds of its time.
const PIECE: usize = 200;
/// Pieces on their way.
const PIECES: usize = 4;

/// The engine's side.
#[derive(Debug)]
pub(super) struct Printing {
    left: VecDeque<Serial>,
    /// What there was no room for.
    held: Option<Vec<Row>>,
    /// Dropped when there are no more.
    rows: Option<SyncSender<Vec<Row>>>,
}

/// The writer's side.
pub(super) struct Print {
    pub(super) totals: Snapshot,
    pub(super) format: report::Format,
    pub(super) options: report::Options,
    /// What the file is to be called.
    pub(super) name: String,
    pub(super) rows: Receiver<Vec<Row>>,
    pub(super) directory: PathBuf,
    pub(super) engine: Sender<Order>,
    pub(super) bell: Bell,
    pub(super) lender: Sender<Job>,
}

impl Printing {
    /// Of these flows, named by their first tracks.
    pub(super) fn of(flows: Vec<Serial>) -> (Self, Receiver<Vec<Row>>) {
        let (rows, told) = sync_channel(PIECES);
        (Self { left: flows.into(), held: None, rows: Some(rows) }, told)
    }

    /// Of one flow, whose row is at hand.
    pub(super) fn of_row(row: Row) -> (Self, Receiver<Vec<Row>>) {
        let (rows, told) = sync_channel(PIECES);
        (Self { left: VecDeque::new(), held: Some(vec![row]), rows: Some(rows) }, told)
    }

    /// Tells the rows of some flows more, if there is room for them.
    pub(super) fn pour(&mut self, engine: &mut Engine) {
        let Some(rows) = &self.rows else { return };
        let piece = self.held.take().unwrap_or_else(|| {
            let some: Vec<Serial> = self.left.drain(..PIECE.min(self.left.len())).collect();
            engine.rows_of(&some)
        });
        match rows.try_send(piece) {
            Ok(()) => {}
            Err(TrySendError::Full(piece)) => self.held = Some(piece),
            // Whoever wrote could not go on, and has said so.
            Err(TrySendError::Disconnected(_)) => self.left.clear(),
        }
        if self.left.is_empty() && self.held.is_none() {
            self.rows = None;
        }
    }

    /// Nothing is left to tell.
    pub(super) fn is_over(&self) -> bool {
        self.rows.is_none()
    }
}

impl Print {
    /// Writes the report, and has it copied to where it belongs.
    pub(super) fn run(self) {
        let ending = if self.format == report::Format::Json { ".json" } else { ".txt" };
        let Self { totals, format, options, name, rows, directory, engine, bell, lender } = self;
        let call = || {
            engine.send(Order::More).ok();
            bell.ring();
        };
        let mut pages = Pages { totals, rows, read: Vec::new(), call: &call };
        let job = match write(&mut pages, format, &options, &directory) {
            Ok(report) => Job::Report { report, name, ending },
            Err(error) => Job::Unwritten(texts::no_report(error)),
        };
        drop(pages);
        lender.send(job).ok();
    }
}

/// Into a file without a name.
fn write(
    pages: &mut Pages<'_>,
    format: report::Format,
    options: &report::Options,
    directory: &Path,
) -> io::Result<File> {
    let file = scratch(directory)?;
    let mut out = BufWriter::new(&file);
    report::write(format, pages, options, &mut out)?;
    out.flush()?;
    drop(out);
    Ok(file)
}

/// The run, as a report reads it.
struct Pages<'a> {
    totals: Snapshot,
    rows: Receiver<Vec<Row>>,
    read: Vec<Row>,
    /// Tells the engine that there is room for more.
    call: &'a dyn Fn(),
}

impl Snapshots for Pages<'_> {
    /// Rows come once, in order, whatever page is asked for: reports read from the first to the last.
    fn snapshot(&mut self, window: &Window) -> Snapshot {
        let mut run = self.totals.clone();
        if window.detail == Detail::Rows {
            while self.read.len() < window.count {
                let Ok(piece) = self.rows.recv() else { break };
                self.read.extend(piece);
                (self.call)();
            }
            run.rows = self.read.drain(..window.count.min(self.read.len())).collect();
        }
        run
    }
}

/// The run as if it had one flow alone: what is said of the flow is said of it, and of no other.
pub(super) fn alone(run: Snapshot, mut row: Row) -> (Snapshot, Row) {
    let (verdict, expectation) = (row.verdict, row.expectation.take());
    let count = |of: Verdict| u64::from(of == verdict);
    let mut expectations = run.expectations;
    if let Some(at) = expectation.filter(|at| *at < expectations.len()) {
        let mut own = expectations.swap_remove(at);
        own.verdict = verdict;
        (own.flows, own.pass, own.fail, own.inconclusive) =
            (1, count(Verdict::Pass), count(Verdict::Fail), count(Verdict::Inconclusive));
        expectations = vec![own];
        row.expectation = Some(0);
    } else {
        expectations.clear();
    }
    let group = group(&row);
    let summary = Summary {
        flows: 1,
        pass: count(Verdict::Pass),
        fail: count(Verdict::Fail),
        inconclusive: count(Verdict::Inconclusive),
        exempt: count(Verdict::Exempt),
        evicted: 0,
        expired: 0,
        ..run.summary
    };
    let gist = Gist::of(std::iter::once((row.reason, row.outcome, 1, &group.sources[..])));
    let problems =
        Problem::is_of(verdict, row.reason, row.outcome).then(|| problem(&row)).into_iter().collect();
    let groups = vec![group];
    (Snapshot { verdict, summary, expectations, gist, groups, problems, matching: 1, ..run }, row)
}

fn group(row: &Row) -> Group {
    let left = || row.wire_sources.iter().filter(|source| source.boundary == Role::Uplink);
    let is_named = row.namespace.is_some() || row.pod.is_some();
    let pod = PodName { namespace: row.namespace.clone(), name: row.pod.clone() };
    let uplinks = row.legs.iter().filter(|leg| leg.role == Some(Role::Uplink));
    let mut left_at: Vec<String> =
        uplinks.filter_map(|leg| leg.place.split('/').next()).map(str::to_owned).collect();
    left_at.dedup();
    Group {
        verdict: row.verdict,
        reason: row.reason,
        outcome: row.outcome,
        protocol: row.protocol,
        origin: row.origin.map(|origin| origin.address),
        origin_pod: is_named.then(|| pod.to_string()),
        destination: Some(row.destination),
        destination_name: row.destination_name.clone(),
        sources: left().map(|source| source.address).collect(),
        expectation: row.expectation,
        expected: row.expected_source.clone(),
        left_at,
        flows: 1,
        packets: row.packets,
        bytes: row.bytes,
        first_seen: row.first_seen,
        last_seen: row.last_seen,
        example: row.id.clone(),
    }
}

fn problem(row: &Row) -> Problem {
    Problem {
        reason: row.reason,
        outcome: Some(row.outcome),
        expectation: row.expectation,
        flows: 1,
        first_seen: row.first_seen,
        example: row.id.clone(),
        sentence: row.explanation.trim_end_matches('.').to_owned(),
        remark: None,
        because: row.because.clone(),
        next_step: row.next_step.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::capture::savefile::{Filled, Keep, Savefile};
    use crate::decode::{Digester, KeyHasher, Options};
    use crate::digest::Batch;
    use crate::engine::Settings;
    use crate::expect::Expectations;
    use crate::expect::environment::Environment;
    use crate::expect::flags::Flags;
    use crate::snapshot::{Left, Listing};

    #[derive(Debug, clap::Parser)]
    struct Typed {
        #[command(flatten)]
        flags: Flags,
    }

    /// The laboratory's leak: 20 flows of 72 left with the node's address.
    fn leak() -> Engine {
        let typed = <Typed as clap::Parser>::parse_from([
            "watch",
            "--expect=192.168.12.99",
            "--node-ip=192.168.12.11",
            "--inside=10.128.0.0/14",
        ]);
        let (expectations, _) =
            Expectations::from_parts(&typed.flags, Environment::default(), Vec::new()).unwrap();
        let mut engine = Engine::new(Settings { expectations, ..Settings::default() });
        engine.know_owners();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/leak/node1-any.pcap.gz");
        let mut file = Savefile::open(&path, Keep::Nothing).unwrap();
        let mut digester = Digester::new(KeyHasher::new(1), Options::default());
        let mut batch = Batch::new(engine.add_point("node1", "node1-any.pcap.gz"));
        loop {
            batch.clear();
            let filled = file.fill(&mut batch);
            digester.digest(&mut batch);
            engine.ingest(&batch);
            if filled == Filled::End {
                engine.end();
                return engine;
            }
        }
    }

    fn written(run: &mut dyn Snapshots, format: report::Format) -> String {
        let (zone, style) = (jiff::tz::TimeZone::UTC, report::Style::Plain);
        let options = report::Options { only: Vec::new(), zone, width: 100, style };
        let mut out = Vec::new();
        report::write(format, run, &options, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_report_by_pieces_is_the_report_at_once() {
        let mut engine = leak();
        let totals = engine.snapshot(&Window::default());
        let flows = engine.listed(&Window::default());
        assert_eq!(flows.len(), 72);
        let (mut printing, rows) = Printing::of(flows);
        let (called, calls) = channel();
        let call = || called.send(()).unwrap();
        let mut pages = Pages { totals, rows, read: Vec::new(), call: &call };
        while !printing.is_over() {
            printing.pour(&mut engine);
        }
        assert_eq!(written(&mut pages, report::Format::Json), written(&mut leak(), report::Format::Json));
        assert_eq!(calls.try_iter().count(), 1, "one call for each piece");
    }

    #[test]
    fn the_report_of_one_flow_speaks_of_no_other() {
        let mut engine = leak();
        let totals = engine.snapshot(&Window::default());
        let row = engine.row("node1:1533").unwrap();
        let (totals, row) = alone(totals, row);
        let (mut printing, rows) = Printing::of_row(row);
        printing.pour(&mut engine);
        let mut pages = Pages { totals, rows, read: Vec::new(), call: &|| {} };
        let text = written(&mut pages, report::Format::Text);
        assert!(text.starts_with("FAIL  The only outgoing flow left with a wrong source address."), "{text}");
        assert!(text.contains("203.0.113.25:443") && !text.contains("203.0.113.26"), "{text}");
        let json: serde_json::Value =
            serde_json::from_str(&written(&mut pages, report::Format::Json)).unwrap();
        assert_eq!(json["summary"]["flows"], 1);
        assert_eq!(json["expectations"][0]["flows"], 1);
        assert_eq!(json["flows"][0]["id"], "node1:1533");
        assert_eq!(json["flows"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn a_list_is_saved_as_it_is_narrowed() {
        let mut engine = leak();
        let left = |address: &str| Window {
            listing: Listing {
                left: Some(Left::As(address.parse::<std::net::IpAddr>().unwrap().into())),
                ..Listing::default()
            },
            ..Window::default()
        };
        assert_eq!(engine.listed(&left("192.168.12.11")).len(), 20);
        assert_eq!(engine.snapshot(&left("192.168.12.11")).groups.len(), 1);
        let right = engine.listed(&left("192.168.12.99"));
        assert_eq!(engine.rows_of(&right).len(), 52);
        let none =
            Window { listing: Listing { expectation: Some(7), ..Listing::default() }, ..Window::default() };
        assert_eq!((engine.listed(&none).len(), engine.snapshot(&none).groups.len()), (0, 0));
    }
}
