//! Makes files in one directory after the process has given up its rights.
//!
//! Who captures as root usually writes where only root may. Root's rights are gone by the time the second of several files is
//! needed, so a process of its own keeps them: the same program under a hidden subcommand, which has never seen a frame.
//!
//! ```text
//!   egret record, nobody ── "create trace-00002.pcapng" ─▶ opener, root
//!                        ◀───────── open file ────────────
//! ```
//!
//! All that it does for whoever asks:
//! 1. it creates files in that directory, under names that begin as it was told when it was started, and none that is
//!    there already, by whatever kind of link;
//! 2. it removes files that it created itself.
//!
//! Its sandbox has room for that directory and for nothing else.
//!
//! It ends with the one that asks. Where nothing is to be given up, no process is needed.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, unlinkat};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

use crate::command::held::{hold, to_write};
use crate::privilege;
use crate::sandbox::Room;

/// The hidden subcommand.
pub(super) const NAME: &str = "open-files";

const CREATE: u8 = b'c';
const REMOVE: u8 = b'r';

/// The longest name of a file (`NAME_MAX`).
const LONGEST: usize = 255;

/// Makes files in a directory.
#[derive(Debug)]
pub(super) enum Opener {
    /// With the rights that the process keeps.
    Here(Within),
    /// By a process that keeps more.
    Elsewhere { asked: UnixStream, process: Child },
}

impl Opener {
    /// An opener of files in `directory` whose names begin with `prefix`. To be called before sources are opened: what
    /// is open then, the other process has, too. That one is in a sandbox of its own, if that is wanted.
    pub(super) fn of(directory: &Path, prefix: &str, is_held: bool) -> anyhow::Result<Self> {
        let shown = directory.display();
        if !privilege::are_more_than_a_users() {
            let within =
                Within::open(directory, prefix).with_context(|| format!("-w: cannot write in {shown}"))?;
            return Ok(Self::Here(within));
        }
        let (asked, asks) = UnixStream::pair()?;
        let program = std::env::current_exe().context("cannot find egret's own program")?;
        let process = Command::new(program)
            .arg(NAME)
            .arg(directory)
            .arg(prefix)
            .args((!is_held).then_some("--no-sandbox"))
            .env_clear()
            // Ctrl-C is for the one that asks.
            .process_group(0)
            .stdin(OwnedFd::from(asks))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the process that opens files")?;
        Ok(Self::Elsewhere { asked, process })
    }

    /// What the process itself needs for that.
    pub(super) fn room(&self) -> Room {
        match self {
            Self::Here(within) => to_write(&within.path),
            Self::Elsewhere { .. } => Room::default(),
        }
    }

    /// Creates a file that is not there.
    pub(super) fn create(&mut self, name: &str) -> io::Result<File> {
        match self {
            Self::Here(within) => within.create(name),
            Self::Elsewhere { asked, .. } => {
                ask(asked, CREATE, name)?.ok_or_else(|| io::Error::other("the opener gave no file"))
            }
        }
    }

    /// Removes a file that it created.
    pub(super) fn remove(&mut self, name: &str) -> io::Result<()> {
        match self {
            Self::Here(within) => within.remove(name),
            Self::Elsewhere { asked, .. } => ask(asked, REMOVE, name).map(drop),
        }
    }
}

impl Drop for Opener {
    fn drop(&mut self) {
        if let Self::Elsewhere { asked, process } = self {
            // It ends once nobody can ask any more.
            asked.shutdown(std::net::Shutdown::Both).ok();
            process.wait().ok();
        }
    }
}

/// The directory that a file lies in.
pub(super) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Asks the other process; the answer is an error's number, or none and perhaps a file.
fn ask(asked: &UnixStream, what: u8, name: &str) -> io::Result<Option<File>> {
    let length = u8::try_from(name.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidFilename))?;
    let request = [&[what, length], name.as_bytes()].concat();
    sendmsg(asked, &[IoSlice::new(&request)], &mut SendAncillaryBuffer::default(), SendFlags::NOSIGNAL)?;
    let mut answer = [0; 4];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let got = recvmsg(asked, &mut [IoSliceMut::new(&mut answer)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    if got.bytes < answer.len() {
        return Err(io::Error::other("the process that opens files has ended"));
    }
    match i32::from_le_bytes(answer) {
        0 => {}
        error => return Err(io::Error::from_raw_os_error(error)),
    }
    let files = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    });
    Ok(files.map(File::from).next())
}

/// What the other process does until nobody can ask any more: answers on its standard input.
pub(super) fn serve(directory: &Path, prefix: &str, is_held: bool) -> anyhow::Result<()> {
    privilege::keep_files_alone()?;
    let mut within = Within::open(directory, prefix)?;
    hold(is_held, to_write(&within.path));
    let stdin = io::stdin();
    let mut requests = File::from(stdin.as_fd().try_clone_to_owned()?);
    loop {
        let mut head = [0; 2];
        if requests.read_exact(&mut head).is_err() {
            return Ok(());
        }
        let mut name = vec![0; usize::from(head[1])];
        requests.read_exact(&mut name)?;
        let name = String::from_utf8(name).unwrap_or_default();
        let done = match head[0] {
            CREATE => within.create(&name).map(Some),
            REMOVE => within.remove(&name).map(|()| None),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        };
        answer(stdin.as_fd(), &done)?;
    }
}

fn answer(to: BorrowedFd<'_>, done: &io::Result<Option<File>>) -> io::Result<()> {
    let error = match done {
        Ok(_) => 0,
        Err(error) => error.raw_os_error().unwrap_or(rustix::io::Errno::INVAL.raw_os_error()),
    };
    let file = done.as_ref().ok().and_then(Option::as_ref).map(|file| [file.as_fd()]);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if let Some(file) = &file {
        control.push(SendAncillaryMessage::ScmRights(file));
    }
    sendmsg(to, &[IoSlice::new(&error.to_le_bytes())], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// A directory, the beginning of the names that may be used in it, and those that were.
#[derive(Debug)]
pub(super) struct Within {
    directory: OwnedFd,
    path: PathBuf,
    prefix: String,
    created: Vec<String>,
}

impl Within {
    fn open(directory: &Path, prefix: &str) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let path = directory.to_owned();
        let directory = openat(CWD, directory, flags, Mode::empty())?;
        Ok(Self { directory, path, prefix: prefix.to_owned(), created: Vec::new() })
    }

    fn create(&mut self, name: &str) -> io::Result<File> {
        let is_name = name.len() <= LONGEST && !name.as_bytes().iter().any(|byte| matches!(byte, b'/' | 0));
        if !is_name || self.prefix.is_empty() || !name.starts_with(&self.prefix) {
            return Err(io::ErrorKind::InvalidFilename.into());
        }
        let flags = OFlags::RDWR
            | OFlags::CREATE
            | OFlags::EXCL
            | OFlags::NOFOLLOW
            | OFlags::CLOEXEC
            | OFlags::LARGEFILE;
        let mode = Mode::from_raw_mode(0o666);
        let file = openat(&self.directory, name, flags, mode)?;
        self.created.push(name.to_owned());
        Ok(File::from(file))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let Some(index) = self.created.iter().position(|created| created == name) else {
            return Err(io::ErrorKind::PermissionDenied.into());
        };
        self.created.remove(index);
        unlinkat(&self.directory, name, AtFlags::empty())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_made_or_removed_but_what_was_not_there_under_the_names_that_were_agreed() {
        let folder = std::env::temp_dir().join(format!("egret-test-opener-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("trace-old"), "a capture").unwrap();
        std::os::unix::fs::symlink("/nowhere/else", folder.join("trace-link")).unwrap();
        let mut within = Within::open(&folder, "trace-").unwrap();
        let refused = |what: io::Result<()>| what.unwrap_err().kind();
        let kinds = [
            refused(within.create("other").map(drop)),
            refused(within.create("trace-/../x").map(drop)),
            refused(within.create("trace-old").map(drop)),
            refused(within.create("trace-link").map(drop)),
            refused(within.remove("trace-old")),
        ];
        within.create("trace-new").unwrap();
        assert!(folder.join("trace-new").exists());
        within.remove("trace-new").unwrap();
        assert!(!folder.join("trace-new").exists());
        assert_eq!(std::fs::read(folder.join("trace-old")).unwrap(), b"a capture");
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(
            kinds,
            [
                io::ErrorKind::InvalidFilename,
                io::ErrorKind::InvalidFilename,
                io::ErrorKind::AlreadyExists,
                io::ErrorKind::AlreadyExists,
                io::ErrorKind::PermissionDenied,
            ]
        );
    }
}
