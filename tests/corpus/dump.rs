//! What `egret dump` does with a capture: it prints every frame, in every way, and ends well.
//!
//! 1. `-vvv -XX` ends with 0, or with 2 where something could not be read, and has a line for each frame.
//! 2. `--format json` has an object for each frame, and they keep the published schema.
//! 3. `--count` counts them.

use std::io;
use std::process::Command;

use egret::paper::json::SCHEMA;
use jsonschema::Validator;
use serde_json::Value;

use crate::oracle::Case;
use crate::report::{Comparison, Report};
use crate::sandbox::{self, Ended};

/// Objects of a capture that are held to the schema.
const HELD: usize = 50;

pub(crate) struct Dump {
    schema: Validator,
}

impl Dump {
    pub(crate) fn new() -> io::Result<Self> {
        let schema: Value = serde_json::from_str(SCHEMA)?;
        let schema = jsonschema::validator_for(&schema).map_err(io::Error::other)?;
        Ok(Self { schema })
    }

    pub(crate) fn check(&self, case: &Case, report: &mut Report) -> io::Result<()> {
        if !report.opened {
            return Ok(());
        }
        report.compared(Comparison::Dump, 3);
        let pages = run(case, &["-n", "-t", "-#", "-vvv", "-XX"])?;
        let objects = run(case, &["--format", "json"])?;
        let count = run(case, &["--count"])?;
        let faults =
            [ended(&pages), self.objects_fault(&objects, report.frames), count_fault(&count, report.frames)];
        for fault in faults.into_iter().flatten() {
            report.differ(Comparison::Dump, fault, None);
        }
        Ok(())
    }

    fn objects_fault(&self, told: &Ended, frames: u64) -> Option<String> {
        if let Some(fault) = ended(told) {
            return Some(fault);
        }
        let lines: Vec<&[u8]> =
            told.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        if lines.len() as u64 != frames {
            return Some(format!("{} objects for {frames} frames", lines.len()));
        }
        lines.iter().take(HELD).find_map(|line| match serde_json::from_slice(line) {
            Ok(object) => {
                let error = self.schema.iter_errors(&object).next()?;
                Some(format!("against the schema at {}: {error}", error.instance_path()))
            }
            Err(error) => Some(format!("not JSON: {error}")),
        })
    }
}

fn run(case: &Case, words: &[&str]) -> io::Result<Ended> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egret"));
    command.arg("dump").args(words).arg("-r").arg(&case.path).env_clear();
    sandbox::run(&mut command, &[])
}

/// How a run did not end well, if so.
fn ended(told: &Ended) -> Option<String> {
    match told.status.and_then(|status| status.code()) {
        Some(0) => told.excess(),
        // What could not be read to its end is said.
        Some(2) if !told.stderr.is_empty() => told.excess(),
        code => Some(format!("dump: exit code {code:?}: {}", told.complaint())),
    }
}

fn count_fault(told: &Ended, frames: u64) -> Option<String> {
    if let Some(fault) = ended(told) {
        return Some(fault);
    }
    let plural = if frames == 1 { "" } else { "s" };
    let counted = String::from_utf8_lossy(&told.stdout);
    (counted != format!("{frames} packet{plural}\n"))
        .then(|| format!("{} counted of {frames}", counted.trim_end()))
}
