//! Network namespaces of others, a pod's say, which are entered only to open sockets in them.
//!
//! A namespace belongs to threads (setns(2)), and a socket stays in the one of the thread that opened it. So [`Namespace::within`]
//! does its work on a thread of its own, which goes in, opens what is wanted and ends; the rest of the process stays where it is.
//! What has to be known of it:
//! 1. `/proc/net` is that of the process's first thread, and so tells of the wrong namespace; `/proc/thread-self/net` does not.
//! 2. `/sys/class/net` is that of whoever mounted it, in every thread.
//! 3. To go in takes `CAP_SYS_ADMIN`, here and in the user namespace that the other belongs to; to find it by a process of
//!    somebody else's takes `CAP_SYS_PTRACE`, too.
//! 4. A namespace lives for as long as somebody holds it: dropped, it is let go of; a socket in it holds it as well.

use std::fs;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread;

use rustix::fs::{CWD, Mode, OFlags, fstat, openat, stat};
use rustix::io::Errno;
use rustix::system::uname;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The process identifiers' namespace of the machine itself has this name (`PROC_PID_INIT_INO` of `<linux/proc_ns.h>`).
const ALL_PROCESSES: &str = "pid:[4026531836]";

/// Why a network namespace cannot be entered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "there is no {path}; `ip netns` lists those that have a name, `lsns -t net` all that processes are in"
    )]
    NoSuchFile { path: String },
    #[error("{path} is no network namespace: it is to be a file of /run/netns, or /proc/PID/ns/net")]
    NotANamespace { path: String },
    #[error("there is no process {pid} here{hint}")]
    NoSuchProcess { pid: u32, hint: &'static str },
    /// What the process lacks.
    #[error("cannot enter the network namespace of {what}: not permitted; it takes {takes}")]
    NotPermitted { what: String, takes: &'static str },
    #[error("cannot enter the network namespace of {what}: {source}")]
    Other { what: String, source: io::Error },
}

/// A network namespace, and who is in it as far as that is known.
#[derive(Debug)]
pub struct Namespace {
    network: OwnedFd,
    /// The name of the host that its process believes to run on: of a pod, the pod's.
    host: Option<String>,
    /// As the object of a sentence.
    what: String,
}

/// Which namespace it is, whatever leads to it: device and number of its file.
pub type Identity = (u64, u64);

impl Namespace {
    /// The namespace that a file stands for: one of `/run/netns`, or `/proc/PID/ns/net`.
    pub fn at(path: &Path) -> Result<Self, Error> {
        let shown = path.display().to_string();
        let network = open(path).map_err(|error| match error {
            Errno::NOENT | Errno::NOTDIR => Error::NoSuchFile { path: shown.clone() },
            error => refused(&shown, error),
        })?;
        let namespace = Self { network, host: None, what: shown };
        namespace.within(|| ())?;
        Ok(namespace)
    }

    /// The namespace that a process is in.
    pub fn of_process(pid: u32) -> Result<Self, Error> {
        let of = |kind: &str| PathBuf::from(format!("/proc/{pid}/ns/{kind}"));
        let what = format!("process {pid}");
        let network = open(&of("net")).map_err(|error| match error {
            Errno::NOENT | Errno::SRCH => Error::NoSuchProcess { pid, hint: hint() },
            error => refused(&what, error),
        })?;
        let namespace = Self { network, host: host_of(&of("uts")), what };
        namespace.within(|| ())?;
        Ok(namespace)
    }

    /// What its process calls the machine that it runs on, if that is not this one: of a pod, the pod's name.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// The same for two that are one.
    pub fn identity(&self) -> Option<Identity> {
        fstat(&self.network).ok().map(|found| (found.st_dev, found.st_ino))
    }

    /// The identity of the namespace of the calling thread.
    pub fn own() -> Option<Identity> {
        stat("/proc/thread-self/ns/net").ok().map(|found| (found.st_dev, found.st_ino))
    }

    /// What `work` returns, done by a thread that is in the namespace. What is opened there stays there.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, Error> {
        let entered = || {
            // Where it is anyway, it takes no right.
            if self.identity() == Self::own() {
                return Ok(work());
            }
            move_into_link_name_space(self.network.as_fd(), Some(LinkNameSpaceType::Network))
                .map_err(|error| self.refused(error))?;
            Ok(work())
        };
        thread::scope(|scope| {
            let inside = thread::Builder::new().name("entered".to_owned()).spawn_scoped(scope, entered);
            let inside = inside.map_err(|source| Error::Other { what: self.what.clone(), source })?;
            inside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn refused(&self, error: Errno) -> Error {
        match error {
            Errno::INVAL => Error::NotANamespace { path: self.what.clone() },
            error => refused(&self.what, error),
        }
    }
}

fn open(path: &Path) -> rustix::io::Result<OwnedFd> {
    // A pipe under that name is not waited for.
    openat(CWD, path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())
}

/// What another process calls its host, if it has a name of its own for that. The name was given by whoever made the container.
fn host_of(uts: &Path) -> Option<String> {
    let (its, own) = (stat(uts).ok()?, stat("/proc/thread-self/ns/uts").ok()?);
    if its.st_ino == own.st_ino {
        return None;
    }
    let uts = open(uts).ok()?;
    let asked = thread::Builder::new().spawn(move || {
        move_into_link_name_space(uts.as_fd(), Some(LinkNameSpaceType::HostNameAndNISDomainName)).ok()?;
        Some(uname().nodename().to_string_lossy().into_owned())
    });
    asked.ok()?.join().ok().flatten().filter(|name| !name.is_empty())
}

fn refused(what: &str, error: Errno) -> Error {
    let what = what.to_owned();
    match error {
        // Of setns(2).
        Errno::PERM => Error::NotPermitted { what, takes: "CAP_SYS_ADMIN, on the node itself" },
        // Of opening what belongs to somebody else's process.
        Errno::ACCESS => {
            Error::NotPermitted { what, takes: "CAP_SYS_ADMIN and CAP_SYS_PTRACE, on the node itself" }
        }
        error => Error::Other { what, source: error.into() },
    }
}

/// Whether processes of the whole machine can be seen: not from a container that has its own.
pub(super) fn sees_all_processes() -> bool {
    fs::read_link("/proc/self/ns/pid").is_ok_and(|link| link.as_os_str() == ALL_PROCESSES)
}

/// What is said where a process of the node is looked for from a container that does not see the node's.
pub(super) fn hint() -> &'static str {
    if sees_all_processes() {
        ""
    } else {
        "; this is a container that sees its own processes alone: give its pod `hostPID: true` (`kubectl debug node/NODE` and \
         `oc debug node/NODE` do), or run egret on the node itself"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_exist_is_refused_with_the_way_to_find_what_does() {
        let said = Namespace::at(Path::new("/run/netns/egret-no-such")).unwrap_err().to_string();
        assert!(said.starts_with("there is no /run/netns/egret-no-such; `ip netns` lists "), "{said}");
        // The kernel gives no higher number than 2^22.
        let said = Namespace::of_process(1 << 30).unwrap_err().to_string();
        assert!(said.starts_with("there is no process 1073741824 here"), "{said}");
    }
}
