//! Keeps the frames of the flows that are reported: `egret check -w FILE`.
//!
//! Which flows these are is known at the end alone: a join, a role of a place, the next packet may change what is said of any. So all
//! frames go to a spool first, a capture like any other, and once everything is judged those that are wanted are copied:
//!
//! ```text
//!   frames ─▶ spool, trace-all.pcapng ──┐
//!     └─▶ engine ─▶ ledger: whose ──────┴─▶ trace.pcapng
//! ```
//!
//! The spool stands beside FILE and is removed at the end. Whatever ends the process before that, it is there, with all frames. Where
//! FILE is standard output or a device, it has no name and lies in the temporary directory.

use std::fs::{self, File};
use std::io::{self, Seek as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::capture::scratch::scratch;
use crate::capture::writer::extract::{Choice, extract};
use crate::capture::writer::{About, AboutPoint, Writer};
use crate::command::files::standard_output;
use crate::command::ledger::Ledger;
use crate::command::opener::{Opener, directory_of};
use crate::command::{is_gone, say};
use crate::digest::Batch;
use crate::engine::{Engine, Told};
use crate::frame::PointIndex;
use crate::sandbox::Room;
use crate::verdict::Verdict;

/// How often what was written is handed on.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// What is to be kept, and where; until that begins.
pub(super) struct Keeping {
    pub(super) path: PathBuf,
    /// Frames say what became of their flow.
    pub(super) is_annotated: bool,
    /// Only of flows with these verdicts; empty is all.
    pub(super) only: Vec<Verdict>,
    /// Makes the spool, if it is to have a name.
    opener: Option<Opener>,
}

impl Keeping {
    /// To be called before sources are opened.
    pub(super) fn new(
        path: &Path,
        is_annotated: bool,
        only: Vec<Verdict>,
        is_held: bool,
    ) -> anyhow::Result<Self> {
        let is_file = path.as_os_str() != "-" && fs::metadata(path).map_or(true, |found| found.is_file());
        let opener =
            is_file.then(|| Opener::of(directory_of(path), &spool_stem(path), is_held)).transpose()?;
        Ok(Self { path: path.to_owned(), is_annotated, only, opener })
    }
}

/// The file that holds all frames meanwhile. Dropped, it is gone.
struct Spool {
    file: File,
    /// Who made it, and its path, if it has a name.
    named: Option<(Opener, PathBuf)>,
}

impl Spool {
    /// A spool beside the file that `opener` was made for, under a name that is free.
    fn beside(path: &Path, mut opener: Opener) -> anyhow::Result<Self> {
        let stem = spool_stem(path);
        let ending = path.extension().map_or_else(String::new, |ending| format!(".{}", ending.display()));
        let mut name = format!("{stem}{ending}");
        let mut number = 1;
        loop {
            match opener.create(&name) {
                Ok(file) => return Ok(Self { file, named: Some((opener, path.with_file_name(name))) }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    let shown = path.with_file_name(name);
                    return Err(error).with_context(|| {
                        format!(
                            "-w: cannot create {}, which is to hold all frames meanwhile",
                            shown.display()
                        )
                    });
                }
            }
            number += 1;
            name = format!("{stem}-{number}{ending}");
        }
    }

    /// A spool without a name.
    fn nameless(directory: &Path) -> io::Result<Self> {
        Ok(Self { file: scratch(directory)?, named: None })
    }

    /// Leaves it; returns where it is.
    fn leave(mut self) -> Option<PathBuf> {
        self.named.take().map(|(_, path)| path)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if let Some((opener, path)) = &mut self.named {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if let Err(error) = opener.remove(name) {
                say(format_args!(
                    "{}, which held all frames meanwhile, cannot be removed: {error}",
                    path.display()
                ));
            }
        }
    }
}

/// Frames that are being kept. What goes wrong is told at the end: judging goes on without it.
pub(super) struct Keeper {
    keeping: Keeping,
    out: File,
    /// All frames; `None` once it has ended.
    writer: Option<Writer<File>>,
    spool: Spool,
    ledger: Ledger,
    about: About,
    /// When what was written was last handed on.
    flushed: Instant,
    failure: Option<io::Error>,
    /// The point of each of the spool's interfaces, once it has ended.
    interfaces: Vec<PointIndex>,
}

impl Keeper {
    /// What is needed to remove what held all frames.
    pub(super) fn room(&self) -> Room {
        self.spool.named.as_ref().map(|(opener, _)| opener.room()).unwrap_or_default()
    }

    /// Creates the files; `points` are what is captured.
    pub(super) fn create(mut keeping: Keeping, points: Vec<AboutPoint>) -> anyhow::Result<Self> {
        let shown = keeping.path.display().to_string();
        let out = if keeping.path.as_os_str() == "-" {
            standard_output()?.with_context(|| format!("-w: cannot write to {shown}"))?
        } else {
            File::create(&keeping.path).with_context(|| format!("-w: cannot create {shown}"))?
        };
        // Beside FILE, where there is room for frames: a pod may have no other place to write to.
        let directory = match keeping.opener {
            Some(_) => directory_of(&keeping.path).to_owned(),
            None => std::env::temp_dir(),
        };
        let cannot = || format!("-w: cannot write in {}", directory.display());
        let ledger = Ledger::new(&directory, keeping.is_annotated).with_context(cannot)?;
        let spool = match keeping.opener.take() {
            Some(opener) => Spool::beside(&keeping.path, opener)?,
            None => Spool::nameless(&directory).with_context(cannot)?,
        };
        let about = About { system: super::recorder::system(), comment: None, points };
        let writer = Writer::about(spool.file.try_clone()?, about.clone())
            .with_context(|| format!("-w: cannot write all frames for {shown}"))?;
        Ok(Self {
            keeping,
            out,
            writer: Some(writer),
            spool,
            ledger,
            about,
            flushed: Instant::now(),
            failure: None,
            interfaces: Vec::new(),
        })
    }

    /// Keeps a batch that the engine has just taken in.
    pub(super) fn keep(&mut self, batch: &Batch, engine: &mut Engine) {
        if let Some(writer) = &mut self.writer {
            let kept = writer.write(batch).and_then(|()| self.ledger.note_owners(engine.owners()));
            if let Err(error) = kept {
                self.fail(error);
            }
        }
        self.note(engine);
    }

    /// Hands on what was written, from time to time: somebody may look at it meanwhile, and whatever ends the process, most of it
    /// is there.
    pub(super) fn hand_on(&mut self, engine: &mut Engine) {
        self.note(engine);
        if self.flushed.elapsed() < FLUSH_EVERY {
            return;
        }
        self.flushed = Instant::now();
        if let Some(Err(error)) = self.writer.as_mut().map(Writer::flush) {
            self.fail(error);
        }
    }

    /// Copies the frames that are wanted; returns what went wrong, in words.
    pub(super) fn finish(mut self, engine: &mut Engine) -> Option<String> {
        engine.tell_all(|flow| self.note_flow(&flow));
        self.note(engine);
        match self.writer.as_mut().map(Writer::close) {
            Some(Err(error)) => self.fail(error),
            _ => self.end_writing(),
        }
        let Self { keeping, out, mut spool, ledger, mut about, failure, interfaces, .. } = self;
        about.comment = Some(words(&keeping.only));
        let copied = spool.file.rewind().and_then(|()| {
            let mut answers = ledger.read()?;
            let point = |interface: u32| interfaces.get(interface as usize).copied();
            extract(&spool.file, &out, &about, |interface| match point(interface) {
                Some(point) => answers.next(point),
                None => Ok(Choice::Leave),
            })
        });
        let error = match (failure, copied) {
            (_, Err(error)) if is_gone(&error) => return None,
            (None, Ok(_)) => return None,
            (Some(error), _) | (None, Err(error)) => error,
        };
        let rest = spool.leave().map_or_else(String::new, |spool| {
            format!("; what was captured of all frames is in {}", spool.display())
        });
        Some(format!(
            "the frames in {} are incomplete: {error}; all of them were judged all the same{rest}",
            keeping.path.display()
        ))
    }

    /// Notes what the engine has to tell.
    fn note(&mut self, engine: &mut Engine) {
        for flow in engine.take_told() {
            self.note_flow(&flow);
        }
        self.ledger.note_late(engine.take_late_owners());
    }

    fn note_flow(&mut self, flow: &Told) {
        let is_wanted = self.keeping.only.is_empty() || self.keeping.only.contains(&flow.verdict);
        if is_wanted
            && self.failure.is_none()
            && let Err(error) = self.ledger.note_flow(flow)
        {
            self.fail(error);
        }
    }

    fn end_writing(&mut self) {
        if let Some(writer) = self.writer.take() {
            self.interfaces = writer.points();
        }
    }

    fn fail(&mut self, error: io::Error) {
        self.end_writing();
        self.failure.get_or_insert(error);
    }
}

/// `trace-all` for `trace.pcapng`.
fn spool_stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    format!("{stem}-all")
}

/// What is in the file, for its comment.
fn words(only: &[Verdict]) -> String {
    let verdicts: Vec<&str> = only.iter().map(|verdict| verdict.name()).collect();
    let which = if verdicts.is_empty() { String::new() } else { format!(" ({})", verdicts.join(", ")) };
    format!("frames of the flows that egret check reported{which}")
}
