//! What the process may do once its sources are open: read them, count, draw, and write where it was told to.
//!
//! What comes off a wire, or out of a file that somebody sent, may have been made to break parsers. Rights are given up before the first
//! frame is decoded ([`privilege`](crate::privilege)); what any user may do is left then, and [`enter`] takes that away, too:
//! 1. *files* (Landlock, landlock(7)): nothing is opened but what [`Room`] names; nor is there TCP, nor a signal to others;
//! 2. *calls* (seccomp, seccomp(2)): no new socket, no program, no other process, and nothing that changes the machine.
//!
//! What is open stays open and is as useful as before. Either holds where the kernel has it, as far as it has it, and a kernel that has
//! neither is no error ([`Kernel::look`]). Both belong to threads, as rights do: [`enter`] must be called while there is one thread; those
//! that it starts, inherit them. Nobody can take them back. What was started before, a command whose traffic is captured say, is free.
//!
//! A call that is denied fails at once: with `EACCES` (permission denied) by Landlock, with `EPERM` (operation not permitted) by seccomp.
//! Nobody is killed, so whoever made the call can say what could not be done.

mod calls;
mod files;

use std::path::PathBuf;

use rustix::thread::secure_computing_mode;

/// Why a sandbox that the kernel has cannot be entered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("Landlock: {0}")]
    Files(#[from] landlock::RulesetError),
    #[error("seccomp: {0}")]
    Calls(#[from] seccompiler::Error),
}

/// What of the file system is needed later. Paths that do not exist, or cannot be looked at, are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Room {
    /// Files that are read, and folders whose files are.
    pub read: Vec<PathBuf>,
    /// Folders in which files are made, read and removed.
    pub write: Vec<PathBuf>,
}

/// What holds the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub by_landlock: bool,
    pub by_seccomp: bool,
}

/// What the kernel has of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernel {
    /// The version of Landlock, as far as egret makes use of it (at most [`LATEST`]); `None` where there is none, or
    /// it was not switched on at boot (`lsm=`).
    pub landlock: Option<u8>,
    pub seccomp: bool,
}

/// The version of Landlock that has all that egret takes away: files and ioctls of devices, TCP, signals to others.
pub const LATEST: u8 = 6;

impl Kernel {
    /// What this kernel has; changes nothing.
    pub fn look() -> Self {
        Self { landlock: files::version(), seccomp: calls::ARE_KNOWN && has_seccomp() }
    }
}

/// Asked of the kernel itself (`PR_GET_SECCOMP`, prctl(2)), for an empty root has no `/proc`.
fn has_seccomp() -> bool {
    secure_computing_mode().is_ok()
}

/// Takes from the calling thread, and those that it will start, all that [`Room`] does not name.
pub fn enter(room: &Room) -> Result<Held, Error> {
    // In this order: Landlock opens paths, and is set up by calls.
    let by_landlock = files::restrict(room);
    let by_seccomp = if has_seccomp() { calls::restrict() } else { Ok(false) };
    // Where one fails, the other holds nevertheless.
    Ok(Held { by_landlock: by_landlock?, by_seccomp: by_seccomp? })
}

#[cfg(test)]
mod tests;
