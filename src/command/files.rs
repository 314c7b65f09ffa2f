//! The files that a recording goes to: one, standard output, or several that follow one another.
//!
//! Of several, each has a number before its ending, `trace-00001.pcapng`, `trace-00002.pcapng`; numbers go on after those that are
//! there already, so nothing is written over. Where only the newest are kept, the oldest of the run goes before the next one is begun.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use crate::command::opener::{Opener, directory_of};
use crate::command::say;
use crate::frame::Timestamp;
use crate::sandbox::Room;

/// When another file is begun, and how many are kept.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rotation {
    /// In bytes.
    pub(super) size: Option<u64>,
    pub(super) time: Option<Duration>,
    pub(super) keep: Option<u32>,
}

/// How much was written, to all files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) frames: u64,
    pub(super) bytes: u64,
}

#[derive(Debug)]
pub(super) struct Files {
    path: PathBuf,
    /// Of several files.
    series: Option<Series>,
}

/// Files that follow one another.
#[derive(Debug)]
struct Series {
    rotation: Rotation,
    opener: Opener,
    stem: String,
    ending: String,
    /// The next one's number.
    next: u64,
    /// Those that are there, each with what was written before it.
    kept: VecDeque<(String, Written)>,
    /// How many there were.
    count: u64,
    /// When the first frame of the current one was captured.
    began: Option<Timestamp>,
}

impl Files {
    /// One file; or standard output, `-`.
    pub(super) fn one(path: &Path) -> Self {
        Self { path: path.to_owned(), series: None }
    }

    /// Files that are named after `path`. To be called before sources are opened.
    pub(super) fn several(path: &Path, rotation: Rotation, is_held: bool) -> anyhow::Result<Self> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.with_context(|| format!("-w {}: this cannot name files", path.display()))?;
        let (stem, ending) = match name.rfind('.') {
            Some(at) if at > 0 => name.split_at(at),
            _ => (name, ""),
        };
        let stem = format!("{stem}-");
        let directory = directory_of(path);
        let series = Series {
            rotation,
            opener: Opener::of(directory, &stem, is_held)?,
            next: highest(directory, &stem, ending) + 1,
            stem,
            ending: ending.to_owned(),
            kept: VecDeque::new(),
            count: 0,
            began: None,
        };
        Ok(Self { path: path.to_owned(), series: Some(series) })
    }

    /// What is needed for those that follow.
    pub(super) fn room(&self) -> Room {
        self.series.as_ref().map(|series| series.opener.room()).unwrap_or_default()
    }

    /// Opens the first file.
    pub(super) fn first(&mut self) -> anyhow::Result<File> {
        let shown = self.path.display().to_string();
        let file = match &mut self.series {
            Some(series) => series.next(Written::default()),
            None if self.path.as_os_str() == "-" => standard_output()?,
            None => File::create(&self.path),
        };
        file.with_context(|| format!("-w: cannot create {shown}"))
    }

    /// Whether a frame of that time must go to another file, where the current one has `size` bytes and would have `then`.
    pub(super) fn is_due(&mut self, time: Timestamp, size: u64, then: u64) -> bool {
        let Some(series) = &mut self.series else { return false };
        let Some(began) = series.began else {
            series.began = Some(time);
            return false;
        };
        let Rotation { size: most, time: longest, .. } = series.rotation;
        let is_old = longest
            .is_some_and(|longest| u128::try_from(time - began).is_ok_and(|age| age >= longest.as_nanos()));
        is_old || (size > 0 && most.is_some_and(|most| then > most))
    }

    /// Opens the next file, whose first frame is of that time; `before` is what was written before it.
    pub(super) fn next(&mut self, time: Timestamp, before: Written) -> io::Result<File> {
        let series = self.series.as_mut().expect("only of several files one is due");
        series.began = Some(time);
        series.next(before)
    }

    /// What was written to files that were removed.
    pub(super) fn removed(&self) -> Written {
        let oldest = self.series.as_ref().and_then(|series| series.kept.front());
        oldest.map_or_else(Written::default, |(_, before)| *before)
    }

    /// Where frames go now.
    pub(super) fn current(&self) -> String {
        let newest = self.series.as_ref().and_then(|series| series.kept.back());
        match newest {
            Some((name, _)) => self.path.with_file_name(name).display().to_string(),
            None if self.path.as_os_str() == "-" => "standard output".to_owned(),
            None => self.path.display().to_string(),
        }
    }

    /// Where frames went, in words.
    pub(super) fn words(&self) -> String {
        let Some(series) = &self.series else { return self.current() };
        let (Some((first, _)), Some((last, _))) = (series.kept.front(), series.kept.back()) else {
            return self.current();
        };
        if series.count == 1 {
            return self.current();
        }
        let kept = series.kept.len() as u64;
        let gone = match series.count - kept {
            0 => String::new(),
            gone => format!(" ({} before them removed)", crate::number::counted(gone, "file")),
        };
        let first = self.path.with_file_name(first);
        let files = crate::number::counted(kept, "file");
        if kept == 1 {
            format!("{}{gone}", first.display())
        } else {
            format!("{files}, {} to {last}{gone}", first.display())
        }
    }
}

impl Series {
    fn next(&mut self, before: Written) -> io::Result<File> {
        let keep = self.rotation.keep.map_or(usize::MAX, |keep| keep as usize);
        while self.kept.len() >= keep {
            let Some((oldest, _)) = self.kept.pop_front() else { break };
            match self.opener.remove(&oldest) {
                // Somebody else has moved it away.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed?,
            }
        }
        loop {
            let name = format!("{}{:05}{}", self.stem, self.next, self.ending);
            self.next += 1;
            match self.opener.create(&name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Ok(file) => {
                    self.kept.push_back((name, before));
                    self.count += 1;
                    return Ok(file);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// The highest number that a file of these names has; 0 if there is none.
fn highest(directory: &Path, stem: &str, ending: &str) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let number = |name: &str| name.strip_prefix(stem)?.strip_suffix(ending)?.parse().ok();
    entries.filter_map(|entry| number(entry.file_name().to_str()?)).max().unwrap_or(0)
}

/// Standard output, if frames may go there.
pub(super) fn standard_output() -> anyhow::Result<io::Result<File>> {
    if io::stdout().is_terminal() {
        anyhow::bail!("-w -: frames are no text for a terminal; give a file, or a pipe");
    }
    Ok(io::stdout().as_fd().try_clone_to_owned().map(File::from))
}

/// Says what happens where frames leave over what is captured.
pub(super) fn warn_of_echo() {
    if !is_file_or_null() {
        say(
            "frames go to standard output; where that leaves through an interface that is captured, it captures itself: \
             capture others with -i",
        );
    }
}

/// Whether standard output is a file, or a device that keeps nothing.
fn is_file_or_null() -> bool {
    let metadata = fs::metadata("/proc/self/fd/1");
    metadata.is_ok_and(|found| found.is_file() || found.file_type().is_char_device())
}
