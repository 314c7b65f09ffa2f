//! Namespaces around the laboratory itself, so that nothing of the machine's network is ever touched.
//!
//! The test starts itself again under `unshare`, in a network and a mount namespace of its own (and, for
//! an ordinary user, a user namespace that maps nobody but this user). What is inside is gone when the
//! process ends, whichever way it ends.

use std::io::ErrorKind;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, getuid, set_parent_process_death_signal};

const INSIDE: &str = "EGRET_LAB_INSIDE";

/// Whether this process is the one inside; if not, `test` has been run inside by now, and passed.
///
/// # Panics
/// If namespaces cannot be had, or the test failed inside.
pub(crate) fn entered(test: &str) -> bool {
    entered_with(test, &[])
}

/// As [`entered`], with processes of its own, too: what goes its own way inside, as containers do, ends with the test.
pub(crate) fn entered_with_processes(test: &str) -> bool {
    entered_with(test, &["--pid", "--fork", "--kill-child", "--mount-proc"])
}

fn entered_with(test: &str, more: &[&str]) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        set_parent_process_death_signal(Some(Signal::KILL)).expect("to die with the process outside");
        mount_run();
        return true;
    }
    let own = std::env::current_exe().expect("the test's own program");
    let status = unshare(more)
        .arg(own)
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .status();
    match status {
        Ok(status) => assert!(
            status.success(),
            "the laboratory failed ({status}), see above; if namespaces are not permitted here, \
             run `make lab` as root or allow unprivileged user namespaces"
        ),
        Err(error) => panic!("cannot run unshare: {error}; install util-linux"),
    }
    false
}

/// `unshare`, with what this user needs. An ordinary user keeps the user's number: a tcpdump that finds
/// itself to be root tries to become somebody else, which no user namespace with a single user allows.
fn unshare(more: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    if !getuid().is_root() {
        command.args(["--user", "--map-current-user", "--keep-caps"]);
    }
    command.args(["--net", "--mount"]).args(more).arg("--");
    command
}

/// An empty `/run` with the directory that `ip netns` wants.
fn mount_run() {
    let status = Command::new("mount").args(["-t", "tmpfs", "lab", "/run"]).stdin(Stdio::null()).status();
    assert!(status.expect("mount, of util-linux").success(), "cannot mount a tmpfs on /run");
    match std::fs::create_dir("/run/netns") {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => panic!("cannot create /run/netns: {error}"),
        _ => {}
    }
}

/// Ends the process inside when a situation takes too long; called off by dropping it.
pub(crate) struct Watch {
    _end: Sender<()>,
}

impl Watch {
    pub(crate) fn set(name: &str, patience: Duration) -> Self {
        let (end, ended) = channel();
        let name = name.to_owned();
        thread::spawn(move || {
            if ended.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                eprintln!("{name}: not finished after {} s; giving up", patience.as_secs());
                std::process::exit(101);
            }
        });
        Self { _end: end }
    }
}
