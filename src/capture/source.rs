//! The bytes of one capture in order, how far they have been read, and where they can be read again.
//!
//! A regular file that is not compressed is its own copy: any byte can be read again at its offset. Every other
//! stream is gone once read; where frames are wanted again it is copied, decompressed, into a *spool*: a file in
//! the temporary directory that has no name any more, so it vanishes with the process, however that ends.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::scratch::scratch;

/// How much of a capture has been read, in bytes of the file itself (compressed, where it is).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub read: u64,
    /// The file's size when it was opened; `None` where the source is no regular file.
    pub total: Option<u64>,
}

/// Tells how far a capture has been read, from any thread.
#[derive(Debug, Clone)]
pub struct Meter {
    read: Arc<AtomicU64>,
    total: Option<u64>,
}

impl Meter {
    pub(super) fn new(total: Option<u64>) -> Self {
        Self { read: Arc::default(), total }
    }

    pub fn position(&self) -> Position {
        Position { read: self.read.load(Ordering::Relaxed), total: self.total }
    }
}

/// A reader whose bytes are counted by a [`Meter`].
#[derive(Debug)]
pub(super) struct Metered<R> {
    pub(super) inner: R,
    pub(super) meter: Meter,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.meter.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// The decompressed bytes of one capture, in order.
pub(super) struct Source {
    pub(super) reader: Box<dyn Read + Send>,
    pub(super) spool: Option<Spool>,
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        if let Some(spool) = &mut self.spool {
            spool.append(&buffer[..n]);
        }
        Ok(n)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("spool", &self.spool).finish_non_exhaustive()
    }
}

/// The growing copy of a stream that cannot be read twice.
///
/// A write that fails ends the copy, not the reading: the verdict does not need the copy.
#[derive(Debug)]
pub(super) struct Spool {
    replica: Replica,
}

impl Spool {
    /// A new spool in `directory`.
    pub(super) fn new(directory: &Path) -> io::Result<Self> {
        Ok(Self::into_file(scratch(directory)?))
    }

    /// A spool that writes into `file`, which nobody else writes.
    fn into_file(file: File) -> Self {
        Self { replica: Replica { file: Arc::new(file), base: 0, original: None, failed: Arc::default() } }
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        if self.replica.failed.get().is_some() {
            return;
        }
        if let Err(error) = (&*self.replica.file).write_all(bytes) {
            self.replica.failed.get_or_init(|| error.to_string());
        }
    }

    pub(super) fn replica(&self) -> Replica {
        self.replica.clone()
    }
}

/// Bytes that can be read again at any offset of the decompressed stream.
#[derive(Debug, Clone)]
pub(super) struct Replica {
    file: Arc<File>,
    /// Where in the file the stream begins.
    base: u64,
    /// Size and time of last change when the file was opened, where others may write it.
    original: Option<Stamp>,
    /// Why the copy ends early.
    failed: Arc<OnceLock<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: Option<std::time::SystemTime>,
}

impl Stamp {
    fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self { size: metadata.len(), modified: metadata.modified().ok() })
    }
}

impl Replica {
    /// The capture file itself, whose stream begins at `base`.
    pub(super) fn of_file(file: File, base: u64) -> io::Result<Self> {
        let original = Some(Stamp::of(&file)?);
        Ok(Self { file: Arc::new(file), base, original, failed: Arc::default() })
    }

    /// The stream from `offset` on.
    pub(super) fn from(&self, offset: u64) -> At {
        At { file: Arc::clone(&self.file), offset: self.base.saturating_add(offset) }
    }

    /// Why the copy lacks what was read, if it does.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failed.get().map(String::as_str)
    }

    /// Whether the file was certainly rewritten since it was opened. One that has grown may still be written by
    /// whoever captures, and what was read stays valid.
    pub(super) fn is_rewritten(&self) -> io::Result<bool> {
        let Some(original) = self.original else { return Ok(false) };
        let now = Stamp::of(&self.file)?;
        Ok(now.size < original.size || (now.size == original.size && now != original))
    }
}

/// A copy's bytes in order from some offset; moves no cursor but its own.
#[derive(Debug)]
pub(super) struct At {
    file: Arc<File>,
    offset: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read_at(buffer, self.offset)?;
        self.offset += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_spool_has_no_name_and_gives_its_bytes_at_any_offset() {
        let directory = std::env::temp_dir().join(format!("egret-test-spool-{}", std::process::id()));
        fs::create_dir(&directory).expect("a new directory");
        let mut spool = Spool::new(&directory).expect("a writable directory");
        assert_eq!(fs::read_dir(&directory).expect("the directory").count(), 0);
        fs::remove_dir(&directory).expect("an empty directory");
        spool.append(b"head");
        spool.append(b"tail");
        let mut bytes = Vec::new();
        spool.replica().from(3).read_to_end(&mut bytes).expect("a file");
        assert_eq!(bytes, b"dtail");
    }

    #[test]
    fn a_full_disk_ends_the_copy_but_not_the_reading() {
        let full = File::options().write(true).open("/dev/full").expect("a Linux system");
        let spool = Some(Spool::into_file(full));
        let mut source = Source { reader: Box::new(&b"frames"[..]), spool };
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes).expect("memory");
        assert_eq!(bytes, b"frames");
        let replica = source.spool.expect("it was given").replica();
        assert!(replica.failure().is_some_and(|why| why.contains("No space left")));
    }
}
