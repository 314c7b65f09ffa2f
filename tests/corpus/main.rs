//! Runs egret over a corpus of captures and compares what it sees with what other programs say.

mod conversations;
mod digests;
mod names;
mod observe;
mod oracle;
mod outcomes;
mod report;
mod rules;
mod sandbox;
mod view;
mod worker;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, io};

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    match &words[..] {
        [mode, path] if mode == "--worker" => worker::work(Path::new(path)).expect("x"),
        [folder] => run(Path::new(folder)).expect("x"),
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}

fn run(folder: &Path) -> io::Result<()> {
    let cases = oracle::cases(folder)?;
    let next = AtomicUsize::new(0);
    let out = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(index) else { break };
                    let ended = sandbox::run(
                        Command::new(env::current_exe().expect("x")).arg("--worker").arg(&case.path),
                        case.line.as_bytes(),
                    )
                    .expect("spawn");
                    out.lock().expect("x").push((index, ended));
                }
            });
        }
    });
    let mut out = out.into_inner().expect("x");
    out.sort_by_key(|o| o.0);
    for (index, ended) in out {
        let case = &cases[index];
        if ended.status.is_none_or(|s| !s.success()) {
            println!("{} FAILED {:?} {} {:?}", case.name, ended.status, ended.complaint(), ended.excess());
            continue;
        }
        let report: report::Report = serde_json::from_slice(&ended.stdout)?;
        for d in report.differences {
            println!("{}\t{}\t{}\t{}", d.comparison, d.rule.unwrap_or_default(), case.name, d.what);
        }
    }
    Ok(())
}
