//! Saves frames and reports into files in the working directory, under names that are free.

use std::fs::File;
use std::io::{self, BufWriter, Seek as _, Write as _};

use super::{Lender, Spot};
use crate::capture::writer::{About, Writer};
use crate::command::opener::Opener;
use crate::command::recorder;
use crate::command::watch::desk::Order;
use crate::command::watch::texts;
use crate::digest::{Batch, Head};
use crate::engine::Serial;
use crate::frame::PointIndex;
use crate::tui::Message;

/// How all names begin.
pub(in super::super) const PREFIX: &str = "egret-";

/// Files of one name that are tried to tell apart by numbers.
const NUMBERS: u32 = 10_000;

/// Where something was saved, and what to say of it.
pub(super) struct Saved {
    name: String,
    words: String,
}

/// `egret-node1-1533` for the flow `node1:1533`.
pub(in super::super) fn stem_of(what: &str) -> String {
    let fitting = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let what: String = what.chars().map(fitting).take(100).collect();
    format!("{PREFIX}{what}")
}

impl Lender {
    /// Tells what was saved; those who wait for it before they leave, too.
    pub(super) fn tell_saved(&mut self, saved: io::Result<Saved>) {
        match saved {
            Ok(Saved { name, words }) => self.tell_over(Message::Done(words), Some(name)),
            Err(error) => self.tell_failed(texts::not_saved(error)),
        }
    }

    pub(super) fn tell_failed(&mut self, why: String) {
        self.tell_over(Message::Refused(why), None);
    }

    fn tell_over(&mut self, message: Message, file: Option<String>) {
        self.asking.engine.send(Order::Saved(file)).ok();
        self.asking.bell.ring();
        self.tell(message);
    }

    pub(super) fn save_frames(&mut self, tracks: Option<Vec<Serial>>, name: &str) -> io::Result<Saved> {
        let spots = match tracks {
            None => None,
            Some(tracks) => {
                self.find(tracks)?;
                self.found.as_ref().map(super::found::Found::all)
            }
        };
        let (file, name) = create(&mut self.known.opener, name, ".pcapng")?;
        let about = About { system: recorder::system(), comment: None, points: self.known.points.clone() };
        let mut writer = Writer::about(BufWriter::with_capacity(1 << 20, file), about)?;
        for introduction in &self.introductions {
            writer.introduce(introduction)?;
        }
        let mut frames = 0;
        let mut batch = Batch::new(PointIndex(0));
        let mut write = |spot: Spot| -> io::Result<()> {
            let entry = self.entry(spot)?;
            let kept = self.frame(spot, &entry)?;
            let (captured, time) = (kept.bytes.len() as u32, kept.time);
            let head = Head { time, start: 0, captured, original: kept.original, interface: kept.interface };
            batch.point = entry.frame.point;
            batch.slab = kept.bytes;
            frames += 1;
            writer.frame(&batch, &head, None)
        };
        match spots {
            Some(spots) => spots.into_iter().try_for_each(&mut write)?,
            None => (0..self.count()).map_while(|number| self.spot(number)).try_for_each(&mut write)?,
        }
        writer.finish()?.flush()?;
        Ok(Saved { words: texts::saved(frames, &name), name })
    }

    /// Copies a report that was written elsewhere.
    pub(super) fn save_report(&mut self, mut report: File, stem: &str, ending: &str) -> io::Result<Saved> {
        let (mut file, name) = create(&mut self.known.opener, stem, ending)?;
        report.rewind()?;
        io::copy(&mut report, &mut file)?;
        Ok(Saved { words: texts::saved_report(&name), name })
    }
}

/// A new file of that name, or of that name and a number.
fn create(opener: &mut Result<Opener, String>, stem: &str, ending: &str) -> io::Result<(File, String)> {
    let opener = opener.as_mut().map_err(|why| io::Error::other(why.clone()))?;
    let mut name = format!("{stem}{ending}");
    for number in 2..NUMBERS {
        match opener.create(&name) {
            Ok(file) => return Ok((file, name)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(io::Error::new(error.kind(), format!("cannot create {name}: {error}"))),
        }
        name = format!("{stem}-{number}{ending}");
    }
    Err(io::Error::other(format!("there are too many files named {stem}…{ending}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_names_a_file_without_anything_that_means_something_to_a_shell() {
        assert_eq!(stem_of("node1:1533"), "egret-node1-1533");
        assert_eq!(stem_of("../a b;$c\u{202e}:7"), "egret-..-a-b--c--7");
    }
}
