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
use crate::command::opener::Opener;
use crate::digest::Batch;
use crate::engine::{Engine, Told};
use crate::frame::PointIndex;
use crate::verdict::Verdict;

/// How often what was written is handed on.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// What is to be kept, and where.
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
    pub(super) fn new(path: &Path, is_annotated: bool, only: Vec<Verdict>) -> anyhow::Result<Self> {
        let is_file = path.as_os_str() != "-" && fs::metadata(path).map_or(true, |found| found.is_file());
        let directory = path.parent().unwrap_or(Path::new(""));
        let opener = is_file.then(|| Opener::of(directory, &spool_stem(path))).transpose()?;
        Ok(Self { path: path.to_owned(), is_annotated, only, opener })
    }
}

/// Frames that are being kept. What goes wrong is told at the end: judging goes on without it.
pub(super) struct Keeper {
    keeping: Keeping,
    out: File,
    spool: Option<Writer<File>>,
    /// The spool again, to be read.
    again: File,
    /// Its name, if it has one.
    name: Option<String>,
    ledger: Ledger,
    about: About,
    /// When what was written was last handed on.
    flushed: Instant,
    failure: Option<io::Error>,
    /// The point of each of the spool's interfaces, once it has ended.
    interfaces: Vec<PointIndex>,
}

impl Keeper {
    /// Creates the files; `points` are what is captured.
    pub(super) fn create(mut keeping: Keeping, points: Vec<AboutPoint>) -> anyhow::Result<Self> {
        let shown = keeping.path.display().to_string();
        let out = if keeping.path.as_os_str() == "-" {
            standard_output()?.with_context(|| format!("-w: cannot write to {shown}"))?
        } else {
            File::create(&keeping.path).with_context(|| format!("-w: cannot create {shown}"))?
        };
        let directory = std::env::temp_dir();
        let cannot = || format!("-w: cannot write in {}", directory.display());
        let ledger = Ledger::new(&directory, keeping.is_annotated).with_context(cannot)?;
        let (spool, name) = match &mut keeping.opener {
            Some(opener) => create_spool(opener, &keeping.path)?,
            None => (scratch(&directory).with_context(cannot)?, None),
        };
        let again = spool.try_clone()?;
        let about = About { system: super::recorder::system(), comment: None, points };
        let spool = Writer::about(spool, about.clone())
            .with_context(|| format!("-w: cannot write all frames for {shown}"))?;
        let (flushed, failure, interfaces) = (Instant::now(), None, Vec::new());
        Ok(Self {
            keeping,
            out,
            spool: Some(spool),
            again,
            name,
            ledger,
            about,
            flushed,
            failure,
            interfaces,
        })
    }

    /// Keeps a batch that the engine has just taken in.
    pub(super) fn keep(&mut self, batch: &Batch, engine: &mut Engine) {
        let Some(spool) = &mut self.spool else { return };
        let kept = spool.write(batch).and_then(|()| self.ledger.note_owners(engine.owners()));
        self.ledger.note_late(engine.take_late_owners());
        if let Err(error) = kept {
            self.fail(error);
        }
        self.note_told(engine.take_told());
    }

    /// Hands on what was written, from time to time: somebody may look at it meanwhile, and whatever ends the process, most of it
    /// is there.
    pub(super) fn hand_on(&mut self, engine: &mut Engine) {
        self.note_told(engine.take_told());
        if self.flushed.elapsed() < FLUSH_EVERY {
            return;
        }
        self.flushed = Instant::now();
        if let Some(Err(error)) = self.spool.as_mut().map(Writer::flush) {
            self.fail(error);
        }
    }

    /// Copies the frames that are wanted; returns what went wrong, in words.
    pub(super) fn finish(mut self, engine: &mut Engine) -> Option<String> {
        let mut told = Vec::new();
        engine.tell_all(|flow| told.push(flow));
        self.note_told(engine.take_told());
        self.note_told(told);
        self.ledger.note_late(engine.take_late_owners());
        match self.spool.as_mut().map(Writer::close) {
            Some(Err(error)) => self.fail(error),
            _ => self.end_spool(),
        }
        let Self { mut keeping, out, mut again, name, ledger, mut about, failure, interfaces, .. } = self;
        about.comment = Some(words(&keeping.only));
        let copied = again.rewind().and_then(|()| {
            let mut answers = ledger.read()?;
            let point = |interface: u32| interfaces.get(interface as usize).copied();
            extract(&again, &out, &about, |interface| match point(interface) {
                Some(point) => answers.next(point),
                None => Ok(Choice::Leave),
            })
        });
        let path = keeping.path.display().to_string();
        let error = match (copied, failure) {
            // Who reads has enough: that is no failure.
            (Err(error), _) if error.kind() == io::ErrorKind::BrokenPipe => return None,
            (Err(error), None) => error,
            (_, Some(error)) => error,
            (Ok(_), None) => {
                if let (Some(opener), Some(name)) = (&mut keeping.opener, &name)
                    && let Err(error) = opener.remove(name)
                {
                    return Some(format!(
                        "{name}, which held all frames meanwhile, cannot be removed: {error}"
                    ));
                }
                return None;
            }
        };
        let rest = name.map_or_else(String::new, |name| {
            format!("; what was captured of all frames is in {}", keeping.path.with_file_name(name).display())
        });
        Some(format!(
            "the frames in {path} are incomplete: {error}; all of them were judged all the same{rest}"
        ))
    }

    fn note_told(&mut self, told: Vec<Told>) {
        let only = &self.keeping.only;
        let wanted = told.iter().filter(|told| only.is_empty() || only.contains(&told.verdict));
        let noted = wanted.map(|told| self.ledger.note_flow(told)).collect::<io::Result<()>>();
        if let Err(error) = noted {
            self.fail(error);
        }
    }

    fn end_spool(&mut self) {
        if let Some(spool) = self.spool.take() {
            self.interfaces = spool.points();
        }
    }

    fn fail(&mut self, error: io::Error) {
        self.end_spool();
        self.failure.get_or_insert(error);
    }
}

/// A spool beside the file, under a name that is free.
fn create_spool(opener: &mut Opener, path: &Path) -> anyhow::Result<(File, Option<String>)> {
    let stem = spool_stem(path);
    let ending = path.extension().map_or_else(String::new, |ending| format!(".{}", ending.display()));
    let mut name = format!("{stem}{ending}");
    for number in 2.. {
        match opener.create(&name) {
            Ok(file) => return Ok((file, Some(name))),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                let shown = path.with_file_name(name);
                return Err(error).with_context(|| {
                    format!("-w: cannot create {}, which is to hold all frames meanwhile", shown.display())
                });
            }
        }
        name = format!("{stem}-{number}{ending}");
    }
    unreachable!("numbers do not run out before names do")
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
