//! Keeps the frames while they are judged: `-w FILE`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::capture::writer::Writer;
use crate::command::files::{standard_output, warn_of_echo};
use crate::digest::Batch;

/// How often what was written is handed on.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// A capture that is being written. What goes wrong is told at the end: judging goes on without it.
pub(super) struct Keeper {
    path: PathBuf,
    writer: Option<Writer<Box<dyn Write>>>,
    /// When what was written was last handed on.
    flushed: Instant,
    has_lost_reader: bool,
    problem: Option<String>,
}

impl Keeper {
    /// Creates the file; `points` are the names of what is captured.
    pub(super) fn create(path: &Path, points: &[String]) -> anyhow::Result<Self> {
        let shown = path.display();
        let out: Box<dyn Write> = if path.as_os_str() == "-" {
            let out = standard_output()?.with_context(|| format!("-w: cannot write to {shown}"))?;
            warn_of_echo();
            Box::new(out)
        } else {
            Box::new(File::create(path).with_context(|| format!("-w: cannot create {shown}"))?)
        };
        let out: Box<dyn Write> = Box::new(BufWriter::with_capacity(1 << 20, out));
        let writer = Writer::new(out, points.iter().map(String::as_str))
            .with_context(|| format!("-w: cannot write to {shown}"))?;
        Ok(Self {
            path: path.to_owned(),
            writer: Some(writer),
            flushed: Instant::now(),
            has_lost_reader: false,
            problem: None,
        })
    }

    pub(super) fn keep(&mut self, batch: &Batch) {
        if let Some(writer) = &mut self.writer
            && let Err(error) = writer.write(batch)
        {
            self.fail(&error);
        }
    }

    /// Hands on what was written, from time to time: somebody may look at it meanwhile, and whatever ends the process, most of it
    /// is there.
    pub(super) fn hand_on(&mut self) {
        if self.flushed.elapsed() < FLUSH_EVERY {
            return;
        }
        self.flushed = Instant::now();
        if let Some(writer) = &mut self.writer
            && let Err(error) = writer.flush()
        {
            self.fail(&error);
        }
    }

    /// Whether frames were written for somebody who has enough of them.
    pub(super) fn has_lost_reader(&self) -> bool {
        self.has_lost_reader
    }

    /// Writes what is left; returns what went wrong, in words.
    pub(super) fn finish(mut self) -> Option<String> {
        if let Some(Err(error)) =
            self.writer.take().map(|writer| writer.finish().and_then(|mut out| out.flush()))
        {
            self.fail(&error);
        }
        self.problem
    }

    fn fail(&mut self, error: &io::Error) {
        self.writer = None;
        // Who reads has enough: that is no failure.
        self.has_lost_reader = error.kind() == io::ErrorKind::BrokenPipe;
        if !self.has_lost_reader {
            let path = self.path.display();
            self.problem = Some(format!(
                "the frames in {path} are incomplete: {error}; all of them were judged all the same"
            ));
        }
    }
}
