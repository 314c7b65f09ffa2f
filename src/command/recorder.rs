//! Takes frames in to keep those that are wanted.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use rustix::system::uname;

use crate::capture::writer::{About, AboutPoint, Writer};
use crate::cli::frames::Source;
use crate::command::chooser::Chooser;
use crate::command::files::{Files, Written, warn_of_echo};
use crate::command::opened::Captured;
use crate::command::taker::{Status, Taker};
use crate::command::{is_gone, say};
use crate::digest::{Batch, Incident, IndexName};
use crate::frame::{LinkType, PointIndex};
use crate::number::{bytes, counted, thousands};
use crate::sandbox::Room;
use crate::text::Text;

/// How often what was written is handed on.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// What a block of a frame takes besides its bytes, at most, without comments.
const AROUND: u64 = 32 + 3;

pub(super) struct Recorder {
    files: Files,
    chooser: Chooser,
    /// Frames that are wanted.
    count: Option<u64>,
    /// Names of interface indexes, by point; those for all points are under the empty name.
    pub(super) names: BTreeMap<String, BTreeMap<u32, String>>,
    /// Whether what goes wrong can be helped while it lasts.
    is_live: bool,
    /// What was written is handed on with each batch, not from time to time.
    pub(super) is_prompt: bool,
    about: About,
    writer: Option<Writer<File>>,
    flushed: Instant,
    /// Interfaces that were told of, by point.
    interfaces: Vec<usize>,
    tally: Tally,
    /// What went wrong, to be told at the end.
    problems: Vec<String>,
}

/// What became of the frames.
#[derive(Debug, Default)]
struct Tally {
    seen: u64,
    kept: u64,
    /// Of those that were kept, shorter than they were on the wire.
    cut: u64,
    dropped: u64,
    /// Written to files before the current one.
    bytes: u64,
    /// Something that was wanted is missing.
    is_incomplete: bool,
}

impl Recorder {
    pub(super) fn new(files: Files, chooser: Chooser, count: Option<u64>, is_live: bool) -> Self {
        Self {
            files,
            chooser,
            count,
            names: BTreeMap::new(),
            is_live,
            is_prompt: false,
            about: About { system: system(), ..About::default() },
            writer: None,
            flushed: Instant::now(),
            interfaces: Vec::new(),
            tally: Tally::default(),
            problems: Vec::new(),
        }
    }

    /// Ends the file, and says what is in it; returns whether all is there that was wanted.
    pub(super) fn end(mut self) -> bool {
        if let Some(writer) = &mut self.writer {
            let size = writer.size();
            match writer.close() {
                Ok(()) => self.tally.bytes += size,
                Err(error) => self.fail(&error),
            }
        }
        for problem in &self.problems {
            say(problem);
        }
        let removed = self.files.removed();
        self.tally.kept -= removed.frames;
        self.tally.bytes -= removed.bytes;
        say(self.tally.words(&self.files.words(), self.chooser.words().is_some() || removed.frames > 0));
        !self.tally.is_incomplete && self.tally.dropped == 0
    }

    /// Adds what people call the indexes of the interfaces that a batch is the first to tell of.
    fn name_indexes(&self, batch: &mut Batch) {
        let point = &self.about.points[usize::from(batch.point.0)].name;
        let Some(names) = self.names.get(point).or_else(|| self.names.get("")) else { return };
        let first = self.interfaces[usize::from(batch.point.0)];
        for (number, told) in (first..).zip(&batch.interfaces) {
            if told.link == LinkType::LINUX_SLL2
                && let Ok(interface) = u16::try_from(number)
            {
                let named = |(index, name): (&u32, &String)| IndexName {
                    interface,
                    index: *index,
                    name: Text::from(name.as_str()),
                };
                batch.index_names.extend(names.iter().map(named));
            }
        }
    }

    /// What the file says that a point's frames were chosen by: an expression, and what options ask besides, in words.
    fn told(&self, expression: Option<&str>) -> Option<String> {
        match (expression, self.chooser.rest()) {
            (Some(expression), Some(rest)) => Some(format!("({expression}) and ({rest})")),
            (expression, rest) => expression.map(str::to_owned).or(rest),
        }
    }

    fn keep(&mut self, batch: &Batch) {
        let Some(writer) = &mut self.writer else { return };
        if let Err(error) = write(writer, batch, &mut self.files, &mut self.tally) {
            self.fail(&error);
        }
    }

    fn hand_on(&mut self) {
        if let Some(writer) = &mut self.writer
            && let Err(error) = writer.flush()
        {
            self.fail(&error);
        }
    }

    /// Nothing can be written any more.
    fn fail(&mut self, error: &io::Error) {
        let current = self.files.current();
        if let Some(writer) = self.writer.take() {
            let whole = writer.whole();
            self.tally.bytes += whole;
            self.tally.kept -= writer.lost();
            // Half a block would be an error to who reads it. A device cannot be cut, and needs not be.
            writer.into_inner().set_len(whole).ok();
        }
        if !is_gone(error) {
            self.tally.is_incomplete = true;
            self.problems.push(format!("recording ended early: cannot write to {current}: {error}"));
        }
    }

    fn note(&mut self, incident: &Incident) {
        match incident {
            Incident::Dropped(more) => self.tally.dropped = self.tally.dropped.saturating_add(*more),
            Incident::Interrupted(what) | Incident::Unchanged(what) => self.warn(what.clone()),
            Incident::Truncated(what) | Incident::Unread(what) => {
                self.tally.is_incomplete = true;
                self.warn(what.clone());
            }
            Incident::Unfinished => {
                self.tally.is_incomplete = true;
                self.warn("a file was not read to its end".to_owned());
            }
        }
    }
}

/// Writes the frames of a batch, into another file where one is due.
fn write(writer: &mut Writer<File>, batch: &Batch, files: &mut Files, tally: &mut Tally) -> io::Result<()> {
    writer.introduce(batch)?;
    for head in &batch.heads {
        let then = writer.size() + u64::from(head.captured) + AROUND;
        if files.is_due(head.time, writer.size(), then) {
            tally.bytes += writer.size();
            let before = Written { frames: tally.kept, bytes: tally.bytes };
            writer.go_on(files.next(head.time, before)?)?;
        }
        // Counted before: what there was no room for is subtracted.
        tally.kept += 1;
        tally.cut += u64::from(head.captured < head.original);
        writer.frame(batch, head, None)?;
    }
    writer.note(batch)
}

impl Taker for Recorder {
    fn add_point(&mut self, source: &Source) -> PointIndex {
        let filter = self.told(self.chooser.typed());
        self.about.points.push(AboutPoint { name: source.name.clone(), filter });
        self.interfaces.push(0);
        self.chooser.add_point()
    }

    fn narrowing(&mut self, link: LinkType) -> Option<String> {
        self.chooser.narrowing(link)
    }

    fn note_filter(&mut self, point: PointIndex, filter: &str) {
        self.about.points[usize::from(point.0)].filter = self.told(Some(filter));
        self.chooser.note_filter(point);
    }

    fn room(&self) -> Room {
        self.files.room()
    }

    fn prepare(&mut self, _points: &[String], _live: &[Captured]) -> anyhow::Result<()> {
        self.about.comment = self.chooser.words().map(|words| format!("frames that match: {words}"));
        let file = self.files.first()?;
        if self.is_live && self.files.current() == "standard output" {
            warn_of_echo();
        }
        self.writer = Some(Writer::about(file, self.about.clone())?);
        Ok(())
    }

    fn take(&mut self, batch: &mut Batch) {
        self.tally.seen += batch.heads.len() as u64;
        self.name_indexes(batch);
        self.interfaces[usize::from(batch.point.0)] += batch.interfaces.len();
        if let Some(refused) = self.chooser.choose(batch) {
            self.tally.is_incomplete = true;
            self.warn(refused);
        }
        let left = self.count.map_or(u64::MAX, |count| count.saturating_sub(self.tally.kept));
        batch.heads.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        self.keep(batch);
        if self.is_prompt {
            self.hand_on();
        }
        for incident in std::mem::take(&mut batch.incidents) {
            // Of a file of which no more is wanted, the rest is not missing.
            if incident != Incident::Unfinished || !self.has_enough() {
                self.note(&incident);
            }
        }
    }

    fn meanwhile(&mut self) {
        if self.flushed.elapsed() < FLUSH_EVERY {
            return;
        }
        self.flushed = Instant::now();
        // Somebody may look at it meanwhile, and whatever ends the process, most of it is there.
        self.hand_on();
    }

    fn note_unread(&mut self, what: String) {
        self.tally.is_incomplete = true;
        self.warn(format!("{what}; going on without it"));
    }

    fn warn(&mut self, what: String) {
        // While it lasts, people can do something about it.
        if self.is_live && self.about.points.len() > 1 {
            say(what);
        } else {
            self.problems.push(what);
        }
    }

    fn alarm(&mut self, what: String) {
        self.warn(what);
    }

    fn has_enough(&self) -> bool {
        self.count.is_some_and(|count| self.tally.kept >= count)
    }

    fn can_go_on(&self) -> bool {
        self.writer.is_some()
    }

    fn status(&mut self) -> Status {
        let size = self.tally.bytes + self.writer.as_ref().map_or(0, Writer::size);
        let kept = if self.tally.kept == self.tally.seen {
            String::new()
        } else {
            format!("{} kept, ", thousands(self.tally.kept))
        };
        Status {
            frames: self.tally.seen,
            dropped: self.tally.dropped,
            words: format!("{kept}{} · {}", bytes(size), self.files.current()),
            ..Status::default()
        }
    }
}

impl Tally {
    /// `1,234 frames kept: trace.pcapng, 1.2 MB; 12 dropped by the kernel`; `is_chosen` where not all were wanted.
    fn words(&self, files: &str, is_chosen: bool) -> String {
        let frames = if is_chosen {
            format!("{} of {}", thousands(self.kept), counted(self.seen, "frame"))
        } else {
            counted(self.kept, "frame")
        };
        let mut words = format!("{frames} kept: {files}, {}", bytes(self.bytes));
        if self.dropped > 0 {
            let _ = write!(words, "; {} dropped by the kernel", thousands(self.dropped));
        }
        if self.cut > 0 {
            let _ = write!(words, "; {} cut short (-s 0 captures them whole)", thousands(self.cut));
        }
        words
    }
}

/// `Linux 6.8.0`.
pub(super) fn system() -> Option<String> {
    let told = uname();
    let (name, release) = (told.sysname().to_str().ok()?, told.release().to_str().ok()?);
    Some(format!("{name} {release}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_say_what_there_is_and_nothing_that_is_not() {
        let tally = Tally { seen: 1234, kept: 1234, bytes: 1_234_567, ..Tally::default() };
        assert_eq!(tally.words("trace.pcapng", false), "1,234 frames kept: trace.pcapng, 1.2 MB");
        let tally = Tally { kept: 1, dropped: 2000, cut: 3, ..tally };
        assert_eq!(
            tally.words("trace.pcapng", true),
            "1 of 1,234 frames kept: trace.pcapng, 1.2 MB; 2,000 dropped by the kernel; 3 cut short (-s 0 captures them \
             whole)"
        );
    }
}
