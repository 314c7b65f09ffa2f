//! What the process may do beyond an ordinary user's rights, and giving it up.
//!
//! Capturing needs rights (`CAP_NET_RAW`) that decoding must not have: what comes off a wire may have been made to break
//! parsers. So sources are opened first, then [`give_up`] is called, before the first frame is decoded:
//! 1. no execution may gain rights any more (`no_new_privs`);
//! 2. who is root becomes *nobody* (65534), without groups: files opened later are opened as nobody;
//! 3. every capability leaves every set, the bounding set included.
//!
//! Rights belong to threads on Linux, and a new thread inherits those of the one that starts it: [`give_up`] must be called
//! while there is one thread. What is open stays open.

mod rights;

use std::io;

use rustix::process::{Gid, Uid, geteuid, getuid};
use rustix::thread::{self, CapabilitySet, CapabilitySets};

pub use rights::{Capability, Rights, Sets};

/// The user and group that own nothing, on Debian and its kin as on Red Hat's.
const NOBODY: u32 = 65_534;

/// Rights could not be given up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot give up privileges: {what}: {error}")]
    Kept { what: &'static str, error: io::Error },
    #[error("privileges were given up, and the kernel still reports some: {0}")]
    Left(String),
}

/// What was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GivenUp {
    /// The process was root's, and is nobody's now.
    pub is_nobody: bool,
}

/// Makes effective what the process is permitted to have.
///
/// Of a file with a capability (`setcap cap_net_raw+p`) an ordinary user's process has it permitted alone. The kernel would make it
/// effective by itself if the file asked for that (`+ep`), and then refuses to start the file wherever the capability is
/// out of reach, as in a container without it (`capabilities(7)`, "Safety checking for capability-dumb binaries"): nothing
/// could then say what is missing.
pub fn use_what_is_permitted() {
    // What may not be had is missing later, and said to be where it is needed.
    if let Ok(sets) = thread::capabilities(None)
        && sets.effective != sets.permitted
    {
        thread::set_capabilities(None, CapabilitySets { effective: sets.permitted, ..sets }).ok();
    }
}

/// Gives up all rights beyond an ordinary user's, for the calling thread and those it will start.
///
/// In a user namespace that knows no *nobody* the user stays, and only what makes it mighty goes.
pub fn give_up() -> Result<GivenUp, Error> {
    let kept = |what| move |error: rustix::io::Errno| Error::Kept { what, error: error.into() };
    thread::set_no_new_privs(true).map_err(kept("no_new_privs"))?;
    // Only who may change the set can be robbed by it: others keep theirs, and cannot use it.
    if has(CapabilitySet::SETPCAP) {
        for capability in CapabilitySet::all().iter() {
            thread::remove_capability_from_bounding_set(capability).ok();
        }
    }
    let is_nobody = (getuid().is_root() || geteuid().is_root()) && becomes_nobody();
    thread::clear_ambient_capability_set().map_err(kept("the ambient set"))?;
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    thread::set_capabilities(None, sets).map_err(kept("capabilities"))?;
    let left = thread::capabilities(None).map_err(kept("capabilities"))?;
    if left.effective.is_empty() && left.permitted.is_empty() {
        Ok(GivenUp { is_nobody })
    } else {
        Err(Error::Left(format!("{:?}", left.effective | left.permitted)))
    }
}

/// Whether there is something to give up: the process is root's, or may do what an ordinary user may not.
pub fn are_more_than_a_users() -> bool {
    let has_any = thread::capabilities(None).is_ok_and(|sets| !sets.permitted.is_empty());
    getuid().is_root() || geteuid().is_root() || has_any
}

/// Gives up all rights but those to files: the user stays, and may write where it may.
pub fn keep_files_alone() -> Result<(), Error> {
    let kept = |what| move |error: rustix::io::Errno| Error::Kept { what, error: error.into() };
    thread::set_no_new_privs(true).map_err(kept("no_new_privs"))?;
    let has = thread::capabilities(None).map_err(kept("capabilities"))?;
    let files = has.permitted & CapabilitySet::DAC_OVERRIDE;
    thread::clear_ambient_capability_set().map_err(kept("the ambient set"))?;
    let sets = CapabilitySets { effective: files, permitted: files, inheritable: CapabilitySet::empty() };
    thread::set_capabilities(None, sets).map_err(kept("capabilities"))
}

/// Becomes nobody, if that user exists here.
fn becomes_nobody() -> bool {
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    thread::set_thread_groups(&[]).is_ok()
        && thread::set_thread_res_gid(group, group, group).is_ok()
        && thread::set_thread_res_uid(user, user, user).is_ok()
}

/// Whether the process may use a capability.
fn has(capability: CapabilitySet) -> bool {
    thread::capabilities(None).is_ok_and(|sets| sets.effective.contains(capability))
}

/// Whether the process may open raw sockets, that is, capture.
pub fn may_capture() -> bool {
    has(CapabilitySet::NET_RAW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_permitted_becomes_effective_and_nothing_else() {
        let sets = std::thread::spawn(|| {
            let before = thread::capabilities(None).unwrap();
            let idle = CapabilitySets { effective: CapabilitySet::empty(), ..before };
            thread::set_capabilities(None, idle).unwrap();
            use_what_is_permitted();
            (before.permitted, thread::capabilities(None).unwrap())
        });
        let (permitted, after) = sets.join().unwrap();
        assert_eq!((after.effective, after.permitted), (permitted, permitted));
    }

    #[test]
    fn rights_that_were_given_up_are_gone() {
        // Rights are a thread's own: the other tests keep theirs.
        let given_up = std::thread::spawn(|| {
            let before = thread::capabilities(None).unwrap();
            let given_up = give_up().unwrap();
            let after = thread::capabilities(None).unwrap();
            assert!(thread::no_new_privs().unwrap());
            assert!(after.effective.is_empty() && after.permitted.is_empty(), "{before:?} → {after:?}");
            assert!(!may_capture());
            assert!(!given_up.is_nobody || !geteuid().is_root());
            give_up().expect("it can be said twice");
        });
        given_up.join().unwrap();
    }
}
