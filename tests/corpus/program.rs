//! One run of the real program over a capture.
//!
//! `egret check --read FILE --expect 192.0.2.1 --format json` ends with 0, 1 or 3 and writes a document that keeps
//! the published schema and counts the frames that the library read; or it ends with 2, writes nothing and says why,
//! where the library could not open the file either.

use std::io;
use std::process::Command;
use std::time::Duration;

use egret::report::SCHEMA;
use jsonschema::Validator;
use serde_json::Value;

use crate::oracle::Case;
use crate::report::{Comparison, Report};
use crate::sandbox::{self, Ended};

pub(crate) struct Program {
    schema: Validator,
}

impl Program {
    pub(crate) fn new() -> io::Result<Self> {
        let schema: Value = serde_json::from_str(SCHEMA)?;
        let schema = jsonschema::validator_for(&schema).map_err(io::Error::other)?;
        Ok(Self { schema })
    }

    /// Runs it, and returns the time and the memory (KiB) that it took.
    pub(crate) fn check(&self, case: &Case, report: &mut Report) -> io::Result<(Duration, u64)> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_egret"));
        command.args(["check", "--expect", "192.0.2.1", "--format", "json", "--read"]).arg(&case.path);
        command.env_clear();
        let ended = sandbox::run(&mut command, &[])?;
        if let Some(excess) = ended.excess() {
            report.differ(Comparison::Limits, format!("the program {excess}"), None);
        }
        report.compared(Comparison::Program, 1);
        if let Some(fault) = self.fault(&ended, report) {
            report.differ(Comparison::Program, fault, None);
        }
        Ok((ended.time, ended.peak_kib))
    }

    fn fault(&self, ended: &Ended, report: &Report) -> Option<String> {
        match ended.status.and_then(|status| status.code()) {
            Some(0 | 1 | 3) => self.document_fault(&ended.stdout, report),
            Some(2) if report.opened => {
                Some(format!("exit code 2 for what the library reads: {}", ended.complaint()))
            }
            Some(2) if !ended.stdout.is_empty() || ended.stderr.is_empty() => {
                Some("exit code 2, and not a word of why on stderr alone".to_owned())
            }
            Some(2) => None,
            code => Some(format!("exit code {code:?}: {}", ended.complaint())),
        }
    }

    fn document_fault(&self, stdout: &[u8], report: &Report) -> Option<String> {
        let document: Value = match serde_json::from_slice(stdout) {
            Ok(document) => document,
            Err(error) => return Some(format!("not JSON: {error}")),
        };
        if let Some(error) = self.schema.iter_errors(&document).next() {
            return Some(format!("against the schema at {}: {error}", error.instance_path()));
        }
        let frames = document["summary"]["frames"].as_u64();
        (frames != Some(report.frames))
            .then(|| format!("{frames:?} frames in the report, {} in the file", report.frames))
    }
}
