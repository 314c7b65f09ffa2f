//! Which frames belong to flows that are reported, and what is said of these: noted while frames are judged, asked afterwards.
//!
//! A frame is known by its track, a track by its flow, and what becomes of the flow is known only later, perhaps hours later. So it is
//! all on disk, in files without a name, and memory holds the same however long a run is:
//!
//! ```text
//!  owners   serial of the track of the 1st, 2nd, 3rd … frame              4 bytes a frame
//!  flows    of the 1st, 2nd, 3rd … track: where its words begin, plus 1    8 bytes a track; 0 is not reported
//!  words    whether they were said, then both kinds with their lengths    once a flow
//! ```

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::capture::scratch::scratch;
use crate::capture::writer::extract::Choice;
use crate::engine::{Serial, Told};
use crate::frame::{FrameId, PointIndex};

/// Tracks whose place in `flows` is remembered.
const NEAR: usize = 1 << 14;

#[derive(Debug)]
pub(super) struct Ledger {
    owners: BufWriter<File>,
    flows: File,
    words: BufWriter<File>,
    /// Bytes of words.
    written: u64,
    /// Frames whose track became known later.
    late: HashMap<FrameId, Serial>,
    is_annotated: bool,
}

impl Ledger {
    /// A ledger on the disk of that directory, with or without words.
    pub(super) fn new(directory: &Path, is_annotated: bool) -> io::Result<Self> {
        Ok(Self {
            owners: BufWriter::new(scratch(directory)?),
            flows: scratch(directory)?,
            words: BufWriter::new(scratch(directory)?),
            written: 0,
            late: HashMap::new(),
            is_annotated,
        })
    }

    /// Notes whose the next frames are.
    pub(super) fn note_owners(&mut self, owners: &[Serial]) -> io::Result<()> {
        owners.iter().try_for_each(|owner| self.owners.write_all(&owner.0.to_le_bytes()))
    }

    /// Notes whose frames are that were noted before.
    pub(super) fn note_late(&mut self, late: Vec<(FrameId, Serial)>) {
        self.late.extend(late);
    }

    /// Notes that a flow is reported.
    pub(super) fn note_flow(&mut self, told: &Told) -> io::Result<()> {
        let at = (self.written + 1).to_le_bytes();
        if self.is_annotated {
            self.words.write_all(&[0])?;
            self.written += 1;
            for words in [&told.short, &told.whole] {
                let words = words.as_bytes();
                let words = &words[..words.len().min(usize::from(u16::MAX))];
                self.words.write_all(&(words.len() as u16).to_le_bytes())?;
                self.words.write_all(words)?;
                self.written += 2 + words.len() as u64;
            }
        }
        told.tracks.iter().try_for_each(|track| self.flows.write_all_at(&at, u64::from(track.0) * 8))
    }

    /// Whoever asks of each frame in the order in which they were noted.
    pub(super) fn read(mut self) -> io::Result<Answers> {
        self.owners.flush()?;
        self.words.flush()?;
        let mut owners = self.owners.into_inner().map_err(io::IntoInnerError::into_error)?;
        owners.rewind()?;
        let words = self.words.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Answers {
            owners: BufReader::new(owners),
            flows: self.flows,
            words: self.is_annotated.then_some(words),
            late: self.late,
            near: vec![(Serial::NONE, 0); NEAR],
            counts: Vec::new(),
        })
    }
}

/// What the ledger says of each frame.
#[derive(Debug)]
pub(super) struct Answers {
    owners: BufReader<File>,
    flows: File,
    words: Option<File>,
    late: HashMap<FrameId, Serial>,
    near: Vec<(Serial, u64)>,
    /// Frames so far, by point.
    counts: Vec<u64>,
}

impl Answers {
    /// What becomes of the next frame, which is one of that point.
    pub(super) fn next(&mut self, point: PointIndex) -> io::Result<Choice> {
        let mut owner = [0; 4];
        self.owners.read_exact(&mut owner)?;
        let index = usize::from(point.0);
        if self.counts.len() <= index {
            self.counts.resize(index + 1, 0);
        }
        self.counts[index] += 1;
        let mut owner = Serial(u32::from_le_bytes(owner));
        if owner == Serial::NONE && !self.late.is_empty() {
            let frame = FrameId { point, ordinal: self.counts[index] };
            owner = self.late.get(&frame).copied().unwrap_or(owner);
        }
        if owner == Serial::NONE {
            return Ok(Choice::Leave);
        }
        match self.place(owner)? {
            0 => Ok(Choice::Leave),
            place => self.said(place - 1),
        }
    }

    /// Where the words of the track's flow begin, plus 1.
    fn place(&mut self, track: Serial) -> io::Result<u64> {
        let near = &mut self.near[track.0 as usize % NEAR];
        if near.0 != track {
            let mut place = [0; 8];
            let at = u64::from(track.0) * 8;
            // Beyond the end are tracks of flows that nobody told of.
            if let Err(error) = self.flows.read_exact_at(&mut place, at)
                && error.kind() != io::ErrorKind::UnexpectedEof
            {
                return Err(error);
            }
            *near = (track, u64::from_le_bytes(place));
        }
        Ok(near.1)
    }

    /// The whole words the first time, then the short ones.
    fn said(&self, at: u64) -> io::Result<Choice> {
        let Some(words) = &self.words else { return Ok(Choice::Keep) };
        let mut was_said = [0];
        words.read_exact_at(&mut was_said, at)?;
        let short = read_words(words, at + 1)?;
        if was_said == [1] {
            return Ok(Choice::Say(format!("egret: {short}")));
        }
        words.write_all_at(&[1], at)?;
        let whole = read_words(words, at + 3 + short.len() as u64)?;
        Ok(Choice::Say(format!("egret: {whole}")))
    }
}

fn read_words(from: &File, at: u64) -> io::Result<String> {
    let mut length = [0; 2];
    from.read_exact_at(&mut length, at)?;
    let mut words = vec![0; usize::from(u16::from_le_bytes(length))];
    from.read_exact_at(&mut words, at + 2)?;
    Ok(String::from_utf8_lossy(&words).into_owned())
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;
    use crate::verdict::Verdict;

    fn told(tracks: &[u32], name: &str) -> Told {
        Told {
            tracks: tracks.iter().map(|track| Serial(*track)).collect(),
            verdict: Verdict::Pass,
            short: name.to_owned(),
            whole: format!("{name}, and more"),
        }
    }

    #[test]
    fn frames_of_reported_flows_are_kept_and_the_first_of_each_says_more() {
        for is_annotated in [true, false] {
            let mut ledger = Ledger::new(&std::env::temp_dir(), is_annotated).unwrap();
            let (a, b, c) = (Serial(0), Serial(1), Serial(2));
            ledger.note_owners(&[a, Serial::NONE, b]).unwrap();
            ledger.note_owners(&[c, b, a]).unwrap();
            ledger.note_flow(&told(&[0], "one")).unwrap();
            ledger.note_flow(&Told { tracks: smallvec![b], ..told(&[], "two") }).unwrap();
            ledger.note_late(vec![(FrameId { point: PointIndex(0), ordinal: 2 }, a)]);
            let mut answers = ledger.read().unwrap();
            let chosen: Vec<Choice> = (0..6).map(|_| answers.next(PointIndex(0)).unwrap()).collect();
            let say = |words: &str| {
                if is_annotated { Choice::Say(format!("egret: {words}")) } else { Choice::Keep }
            };
            assert_eq!(
                chosen,
                [
                    say("one, and more"),
                    say("one"),
                    say("two, and more"),
                    Choice::Leave,
                    say("two"),
                    say("one"),
                ]
            );
        }
    }

    #[test]
    fn a_frame_that_becomes_known_later_is_told_by_its_number_at_its_point() {
        let mut ledger = Ledger::new(&std::env::temp_dir(), false).unwrap();
        ledger.note_owners(&[Serial::NONE; 4]).unwrap();
        ledger.note_flow(&told(&[7], "one")).unwrap();
        ledger.note_late(vec![(FrameId { point: PointIndex(1), ordinal: 2 }, Serial(7))]);
        let mut answers = ledger.read().unwrap();
        let chosen = [0, 1, 0, 1].map(|point| answers.next(PointIndex(point)).unwrap());
        assert_eq!(chosen, [Choice::Leave, Choice::Leave, Choice::Leave, Choice::Keep]);
    }
}
