//! Reads captures that were saved or are streamed: pcap and pcapng, plain or compressed with gzip or zstd.
//!
//! What a source is, is told from its first bytes, never from its name. Opening reads as much as that takes, so
//! what is no capture is an [`Error`] before any frame; from then on nothing is: [`Savefile::fill`] delivers
//! all frames up to whatever goes wrong, and says what did as an [`Incident`](crate::digest::Incident).
//!
//! A header without a frame behind it is a capture of no frames. Whether that is worth a word is the caller's
//! to say; only an empty file is no capture.

mod order;
mod pcap;
mod pcapng;
mod records;

use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::os::fd::AsFd;
use std::path::Path;
use std::{env, mem};

pub(super) use self::pcap::Pcap;
use self::pcap::Unsupported;
use self::pcapng::Pcapng;
pub(super) use self::pcapng::{Bookmark, Numbers, Sections};
use self::records::read;
pub(super) use self::records::{Format, Records};
use super::compressed::{self, Compression};
pub use super::source::{Meter, Position};
use super::source::{Metered, Replica, Source, Spool};
use super::store::Store;
use crate::digest::Batch;

/// Compressions around a capture that are undone, one within the other.
const MAX_LAYERS: usize = 3;

/// Whether frames are wanted again after they were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    Nothing,
    /// [`Savefile::store`] gives them again. A source that is no plain file is copied into the temporary directory.
    Frames,
}

/// Whether a source has more to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// Ask again.
    More,
    /// The batch holds the last there is.
    End,
}

/// Why a source could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot open {name}: {error}")]
    Open { name: String, error: io::Error },
    #[error("cannot read {name}: {error}")]
    Read { name: String, error: io::Error },
    #[error("{name} is empty: not even the header of a capture was written")]
    Empty { name: String },
    #[error(
        "{name} is not a capture: it begins with {found}; egret reads pcap and pcapng, plain or compressed with \
         gzip or zstd"
    )]
    NotACapture { name: String, found: String },
    #[error("{name} is {what}")]
    Foreign { name: String, what: &'static str },
    #[error("{name} ends within its header: {have} of {needed} bytes are there")]
    ShortHeader { name: String, have: usize, needed: usize },
    #[error("{name} is pcap of version {major}.{minor}; egret reads 2.x")]
    Version { name: String, major: u16, minor: u16 },
    #[error("{name} begins like pcapng, but {why}")]
    Section { name: String, why: String },
    #[error("{name} is compressed more than {MAX_LAYERS} times over; decompress it first")]
    Layers { name: String },
    #[error("cannot keep the frames of {name} in {directory}: {error}; set TMPDIR to a directory with room")]
    Spool { name: String, directory: String, error: io::Error },
}

/// An open capture, read from front to back.
#[derive(Debug)]
pub struct Savefile {
    name: String,
    records: Records<Source>,
    meter: Meter,
    store: Option<Store>,
}

/// What was opened, before it is known what it holds.
struct Raw {
    reader: Box<dyn Read + Send>,
    /// Whether a read may wait for somebody to write.
    waits: bool,
    meter: Meter,
    /// The file itself, where it can be read again.
    replica: Option<Replica>,
}

impl Savefile {
    /// Opens the file, named pipe or device at `path`.
    pub fn open(path: &Path, keep: Keep) -> Result<Self, Error> {
        let name = path.display().to_string();
        match File::open(path).and_then(|file| Raw::of_file(file, keep)) {
            Ok(raw) => Self::start(name, raw, keep),
            Err(error) => Err(Error::Open { name, error }),
        }
    }

    /// Reads standard input, which may be a file, too.
    pub fn stdin(keep: Keep) -> Result<Self, Error> {
        let name = "standard input".to_owned();
        let file = io::stdin().as_fd().try_clone_to_owned().map(File::from);
        match file.and_then(|file| Raw::of_file(file, keep)) {
            Ok(raw) => Self::start(name, raw, keep),
            Err(error) => Err(Error::Open { name, error }),
        }
    }

    /// Reads a stream, such as another command's output; errors and incidents call it `name`.
    pub fn stream(name: &str, reader: impl Read + Send + 'static, keep: Keep) -> Result<Self, Error> {
        let meter = Meter::new(None);
        let reader = Box::new(Metered { inner: reader, meter: meter.clone() });
        Self::start(name.to_owned(), Raw { reader, waits: true, meter, replica: None }, keep)
    }

    /// Reads the next frames into `batch`, with interfaces and incidents that go with them; what it held is
    /// forgotten. Digests are left to whoever decodes.
    ///
    /// Waits until there is something to tell. From a pipe that may be a single frame.
    pub fn fill(&mut self, batch: &mut Batch) -> Filled {
        batch.clear();
        let mark = self.store.as_ref().and_then(|store| store.mark(&self.records));
        let filled = self.records.fill(batch, &self.name);
        if let Some(store) = &self.store {
            store.note(mark, batch, self.records.frames());
        }
        filled
    }

    /// How far reading has come.
    pub fn position(&self) -> Position {
        self.meter.position()
    }

    /// [`Savefile::position`] for another thread.
    pub fn meter(&self) -> Meter {
        self.meter.clone()
    }

    /// The frames that were read so far, and will be; `None` if opened with [`Keep::Nothing`].
    pub fn store(&self) -> Option<Store> {
        self.store.clone()
    }

    fn start(name: String, raw: Raw, keep: Keep) -> Result<Self, Error> {
        let Raw { mut reader, waits, meter, mut replica } = raw;
        let mut prefix = Vec::new();
        for layer in 0.. {
            take(&name, &mut reader, &mut prefix, 4)?;
            let Some(compression) = Compression::of(&prefix) else { break };
            if layer == MAX_LAYERS {
                return Err(Error::Layers { name });
            }
            replica = None;
            reader = compression
                .undo(Cursor::new(mem::take(&mut prefix)).chain(reader))
                .map_err(|error| Error::Read { name: name.clone(), error })?;
        }
        let format = recognise(&name, &mut reader, &mut prefix)?;
        let mut spool = None;
        if keep == Keep::Frames && replica.is_none() {
            let mut new = new_spool(&name)?;
            new.append(&prefix);
            replica = Some(new.replica());
            spool = Some(new);
        }
        // A section header is a block like others; a pcap header is no record.
        let (offset, carry) = match format {
            Format::Pcap(_) => (prefix.len() as u64, Vec::new()),
            Format::Pcapng(_) => (0, prefix),
        };
        let store = replica.map(|replica| Store::new(name.clone(), replica, &format));
        let source = Source { reader, spool };
        let records = Records::new(source, format, offset, carry).waiting(waits);
        Ok(Self { name, records, meter, store })
    }
}

impl Raw {
    /// `file` from where its cursor stands.
    fn of_file(mut file: File, keep: Keep) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let is_regular = metadata.is_file();
        let base = if is_regular { file.stream_position()? } else { 0 };
        // Files of the kernel's making have no size, and contents none the less.
        let total = (is_regular && metadata.len() > 0).then(|| metadata.len().saturating_sub(base));
        let meter = Meter::new(total);
        let replica = match keep {
            Keep::Frames if is_regular => Some(Replica::of_file(file.try_clone()?, base)?),
            _ => None,
        };
        let reader = Box::new(Metered { inner: file, meter: meter.clone() });
        Ok(Self { reader, waits: !is_regular, meter, replica })
    }
}

/// Reads until `prefix` has `needed` bytes, or the source ends.
fn take(name: &str, reader: &mut impl Read, prefix: &mut Vec<u8>, needed: usize) -> Result<(), Error> {
    let mut have = prefix.len();
    prefix.resize(needed.max(have), 0);
    while have < needed {
        match read(reader, &mut prefix[have..]) {
            Ok(0) => break,
            Ok(n) => have += n,
            Err(error) => return Err(Error::Read { name: name.to_owned(), error }),
        }
    }
    prefix.truncate(have);
    Ok(())
}

/// The format of a stream that begins with the four bytes of `prefix`, to which its header is added.
fn recognise(name: &str, reader: &mut impl Read, prefix: &mut Vec<u8>) -> Result<Format, Error> {
    let name = name.to_owned();
    let Some(&magic) = prefix.first_chunk::<4>() else {
        return Err(match prefix.len() {
            0 => Error::Empty { name },
            _ => Error::NotACapture { name, found: shown(prefix) },
        });
    };
    if pcap::is_magic(magic) {
        let header = header::<{ pcap::FILE_HEADER }>(&name, reader, prefix)?;
        return match Pcap::new(&header).expect("its magic was recognised") {
            Ok(pcap) => Ok(Format::Pcap(pcap)),
            Err(Unsupported(major, minor)) => Err(Error::Version { name, major, minor }),
        };
    }
    if pcapng::is_magic(magic) {
        let header = header::<{ pcapng::FILE_HEADER }>(&name, reader, prefix)?;
        return match Pcapng::new(&header) {
            Ok(pcapng) => Ok(Format::Pcapng(Box::new(pcapng))),
            Err(why) => Err(Error::Section { name, why }),
        };
    }
    if let Some(what) = compressed::foreign(&magic) {
        return Err(Error::Foreign { name, what });
    }
    take(&name, reader, prefix, 16)?;
    Err(Error::NotACapture { name, found: shown(prefix) })
}

fn header<const N: usize>(
    name: &str,
    reader: &mut impl Read,
    prefix: &mut Vec<u8>,
) -> Result<[u8; N], Error> {
    take(name, reader, prefix, N)?;
    let short = || Error::ShortHeader { name: name.to_owned(), have: prefix.len(), needed: N };
    prefix.first_chunk::<N>().copied().ok_or_else(short)
}

/// `bytes` as numbers, and as text with everything but plain characters escaped.
fn shown(bytes: &[u8]) -> String {
    let numbers: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{} (\"{}\")", numbers.join(" "), bytes.escape_ascii())
}

fn new_spool(name: &str) -> Result<Spool, Error> {
    let directory = env::temp_dir();
    Spool::new(&directory).map_err(|error| Error::Spool {
        name: name.to_owned(),
        directory: directory.display().to_string(),
        error,
    })
}

#[cfg(test)]
mod tests;
