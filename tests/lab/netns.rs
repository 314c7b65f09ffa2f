//! A network namespace, and ways to do something in it.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A namespace known to `ip netns`; deleted when dropped.
#[derive(Debug)]
pub(crate) struct Namespace {
    pub(crate) name: &'static str,
}

impl Namespace {
    pub(crate) fn add(name: &'static str) -> Self {
        run(Command::new("ip").args(["netns", "add", name]), "");
        Self { name }
    }

    /// `program`, to be run inside; killed when the thread that starts it ends.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "nsenter"]);
        command.arg(format!("--net={}", path(self.name).display())).arg(program);
        command
    }

    /// Lines of `ip -batch`.
    pub(crate) fn ip(&self, lines: &str) {
        run(Command::new("ip").args(["-n", self.name, "-batch", "-"]), lines);
    }

    pub(crate) fn nft(&self, script: &str) {
        run(self.command("nft").args(["-f", "-"]), script);
    }

    /// `net/ipv4/ip_forward = 1`, several settings at once.
    pub(crate) fn sysctl(&self, settings: &[(&str, &str)]) {
        self.within(|| {
            for (key, value) in settings {
                // Which namespace a file of /proc/sys/net speaks of is decided by the thread that opens it.
                std::fs::write(format!("/proc/sys/{key}"), value)
                    .unwrap_or_else(|error| panic!("cannot set {key} to {value}: {error}"));
            }
        });
    }

    /// What `work` returns, run on a thread inside. Sockets opened there stay inside.
    pub(crate) fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                self.enter();
                work()
            });
            inside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Moves the calling thread inside, for good.
    pub(crate) fn enter(&self) {
        enter(self.name);
    }
}

/// Moves the calling thread into the namespace of that name, for good.
pub(crate) fn enter(name: &str) {
    let file = File::open(path(name)).expect("a namespace that was added");
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
        .unwrap_or_else(|error| panic!("cannot enter namespace {name}: {error}"));
}

fn path(name: &str) -> PathBuf {
    PathBuf::from("/run/netns").join(name)
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // At the end of everything the kernel does it, should this fail.
        let _ = Command::new("ip").args(["netns", "del", self.name]).stderr(Stdio::null()).status();
    }
}

/// What `command` printed, given `input`.
///
/// # Panics
/// If it cannot be started, or fails.
pub(crate) fn run(command: &mut Command, input: &str) -> String {
    let told = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {told}: {error}"));
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("a program that reads its input");
    let output = child.wait_with_output().expect("a child to wait for");
    assert!(output.status.success(), "{told} failed:\n{}\n{input}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
