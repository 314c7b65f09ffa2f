//! Runs egret over a corpus of captures and compares what it sees with what other programs say: `make corpus`.
//!
//! A corpus lies outside the repository: a folder with `captures/` and the oracles' lines about them ([`oracle`]), and,
//! where it has them, what tcpdump and libpcap's tests say of filter expressions ([`filters`]).
//! Every capture is read, decoded and judged by the library in a child process ([`worker`]), and once by the program
//! itself, both within limits of time and memory ([`sandbox`]). Every disagreement needs an explanation:
//! 1. a rule that finds in the capture's bytes why the two must differ ([`rules`]), which serves any corpus; or
//! 2. a line of `explained.tsv` about one capture, for the few that no rule covers.
//!
//! What is explained by neither ends the run with an error, and so does a line that explains nothing any more. In a
//! corpus that `explained.tsv` was not written for, outcomes and names are told and do not fail the run: there the
//! oracles are guesses themselves. Everything else must hold for any capture.
//!
//! The comparison is written to `docs/corpus.md`. It holds no times and no sizes of memory: those are printed.

mod conversations;
mod digests;
mod dump;
mod explained;
mod filters;
mod names;
mod observe;
mod oracle;
mod outcomes;
mod page;
mod program;
mod report;
mod rules;
mod sandbox;
mod view;
mod worker;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, fs, io, thread};

use dump::Dump;
use explained::Explained;
use oracle::Case;
use page::Tally;
use program::Program;
use report::{Comparison, Report};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/corpus.md");

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let done = match &words[..] {
        [mode, path] if mode == "--worker" => worker::work(Path::new(path)).map(|()| true),
        [folder] => run(Path::new(folder)),
        _ => {
            eprintln!("corpus: which one? make corpus CORPUS=DIR");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("corpus: {error}");
            ExitCode::from(2)
        }
    }
}

/// What came of one capture.
#[derive(Debug, Default)]
struct Outcome {
    report: Report,
    time: Duration,
    peak_kib: u64,
}

/// Whether all that must hold does.
fn run(folder: &Path) -> io::Result<bool> {
    let cases = oracle::cases(folder)
        .map_err(|error| io::Error::other(format!("{} holds no corpus: {error}", folder.display())))?;
    if cases.is_empty() {
        return Err(io::Error::other(format!("{} holds no captures", folder.display())));
    }
    let explained = Explained::read(&cases)?;
    let outcomes = examine_all(&cases)?;
    let reports: Vec<&Report> = outcomes.iter().map(|outcome| &outcome.report).collect();
    let tally = Tally::of(&cases, &reports, &filters::compare(folder)?, &explained);
    fs::create_dir_all(Path::new(PAGE).parent().expect("a file in a folder"))?;
    fs::write(PAGE, tally.page())?;
    println!("{}", tally.summary());
    for (what, of) in [
        ("longest", cases.iter().zip(&outcomes).max_by_key(|(_, outcome)| outcome.time)),
        ("largest", cases.iter().zip(&outcomes).max_by_key(|(_, outcome)| outcome.peak_kib)),
    ] {
        if let Some((case, Outcome { time, peak_kib, .. })) = of {
            println!("{what}: {} with {} ms, {} MiB", case.name, time.as_millis(), peak_kib >> 10);
        }
    }
    for line in tally.unexplained() {
        println!("UNEXPLAINED {line}");
    }
    for line in tally.idle() {
        println!("EXPLAINS NOTHING {line}");
    }
    let holds = tally.holds();
    println!("{}", if holds { "corpus: all that must hold does" } else { "corpus: FAILED" });
    Ok(holds)
}

/// Examines the captures, as many at a time as there are processors; the order of outcomes is that of cases.
fn examine_all(cases: &[Case]) -> io::Result<Vec<Outcome>> {
    let (program, dump) = (Program::new()?, Dump::new()?);
    let next = AtomicUsize::new(0);
    let outcomes: Vec<Mutex<Option<io::Result<Outcome>>>> = cases.iter().map(|_| Mutex::default()).collect();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let index = cases.iter().position(|other| std::ptr::eq(other, case));
                    let outcome = examine(case, &program, &dump);
                    *outcomes[index.expect("it is one of them")].lock().expect("no thread panics") =
                        Some(outcome);
                }
            });
        }
    });
    outcomes
        .into_iter()
        .map(|outcome| outcome.into_inner().expect("no thread panics").expect("all were taken"))
        .collect()
}

fn examine(case: &Case, program: &Program, dump: &Dump) -> io::Result<Outcome> {
    let mut worker = Command::new(env::current_exe()?);
    let ended = sandbox::run(worker.arg("--worker").arg(&case.path), case.line.as_bytes())?;
    let fault = ended.fault();
    let mut report: Report = match fault {
        None => serde_json::from_slice(&ended.stdout)?,
        Some(_) => Report::default(),
    };
    report.compared(Comparison::Limits, 2);
    if let Some(fault) = fault {
        report.differ(Comparison::Limits, format!("the library {fault}"), None);
    }
    let (time, peak_kib) = program.check(case, &mut report)?;
    dump.check(case, &mut report)?;
    Ok(Outcome { report, time: time.max(ended.time), peak_kib: peak_kib.max(ended.peak_kib) })
}
