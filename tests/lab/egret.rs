//! The program itself, capturing in a namespace: started, asked to end, and what it said.
//!
//! `EGRET_LAB_LIVE` names another build of it; see [`meanwhile`](crate::meanwhile).

use std::ffi::OsString;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::capture::until;
use crate::netns::Namespace;

/// Variables that change what egret says.
pub(crate) const VARIABLES: [&str; 7] =
    ["POD_IP", "NODE_IP", "HOST_IP", "POD_NAME", "POD_NAMESPACE", "NODE_NAME", "SSH_CONNECTION"];

pub(crate) fn program() -> OsString {
    std::env::var_os("EGRET_LAB_LIVE").unwrap_or_else(|| env!("CARGO_BIN_EXE_egret").into())
}

/// `egret check ARGUMENTS`, to be run inside.
pub(crate) fn check(namespace: &Namespace, arguments: &[&str]) -> Command {
    inside(namespace, "check", arguments)
}

/// `egret record ARGUMENTS`, to be run inside.
pub(crate) fn record(namespace: &Namespace, arguments: &[&str]) -> Command {
    inside(namespace, "record", arguments)
}

fn inside(namespace: &Namespace, subcommand: &str, arguments: &[&str]) -> Command {
    let mut command = namespace.command(program().to_str().expect("a path of text"));
    without_variables(command.arg(subcommand).args(arguments));
    command
}

pub(crate) fn without_variables(command: &mut Command) {
    for variable in VARIABLES {
        command.env_remove(variable);
    }
}

/// An egret that runs.
pub(crate) struct Egret {
    pub(crate) child: Child,
}

impl Egret {
    /// Starts it, and returns when it captures.
    pub(crate) fn capture(namespace: &Namespace, arguments: &[&str]) -> Self {
        Self::open(&mut check(namespace, arguments))
    }

    /// As [`Egret::capture`], of `egret record`.
    pub(crate) fn record(namespace: &Namespace, arguments: &[&str]) -> Self {
        Self::open(&mut record(namespace, arguments))
    }

    /// As [`Egret::capture`], of `egret dump`.
    pub(crate) fn dump(namespace: &Namespace, arguments: &[&str]) -> Self {
        Self::open(&mut inside(namespace, "dump", arguments))
    }

    fn open(command: &mut Command) -> Self {
        let mut egret = Self::start(command.stdin(Stdio::null()));
        egret.wait_until_open();
        egret
    }

    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("egret");
        Self { child }
    }

    /// All its sources are open once it has given up the right to open any.
    pub(crate) fn wait_until_open(&mut self) {
        until("egret captures", || self.has_ended() || self.status("NoNewPrivs") == "1");
        if self.has_ended() {
            let mut said = String::new();
            self.child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
            panic!("egret cannot capture: {said}");
        }
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    /// A line of `/proc/PID/status` (`proc_pid_status(5)`).
    pub(crate) fn status(&self, key: &str) -> String {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        line.unwrap_or_default().trim().to_owned()
    }

    /// Sends it a signal, which it has taken notice of on return.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a child that runs");
        until("the signal is delivered", || {
            let pending = self.status("ShdPnd");
            pending.bytes().all(|digit| digit == b'0')
        });
    }

    /// What it says until it ends.
    pub(crate) fn end(mut self) -> Ended {
        let mut out = self.child.stdout.take();
        let mut talk = self.child.stderr.take().expect("a pipe");
        let (mut stdout, mut stderr) = (String::new(), String::new());
        if let Some(out) = &mut out {
            out.read_to_string(&mut stdout).expect("text");
        }
        talk.read_to_string(&mut stderr).expect("text");
        let code = self.child.wait().expect("a child").code();
        Ended { code, stdout, stderr }
    }

    /// As [`Egret::end`], after Ctrl-C.
    pub(crate) fn interrupt(self) -> Ended {
        self.signal(Signal::INT);
        self.end()
    }
}

impl Drop for Egret {
    fn drop(&mut self) {
        // Where a test fails half-way; otherwise it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What became of an egret.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Its report, if all it said is a report.
    pub(crate) fn report(&self) -> Report {
        assert_eq!(self.stderr, "", "nothing was wrong");
        Report::of(&self.stdout)
    }
}

/// A report in JSON.
#[derive(Debug)]
pub(crate) struct Report(pub(crate) Value);

impl Report {
    pub(crate) fn of(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap_or_else(|error| panic!("no whole report ({error}): {text}")))
    }

    /// Packets of each flow.
    pub(crate) fn packets(&self) -> Vec<u64> {
        let flows = self.0["flows"].as_array().expect("flows");
        flows.iter().map(|flow| flow["packets"].as_u64().expect("a number")).collect()
    }

    /// The lines under that key.
    pub(crate) fn lines(&self, key: &str) -> Vec<String> {
        let lines = self.0[key].as_array().unwrap_or_else(|| panic!("no {key}: {self:?}"));
        lines.iter().map(|line| line.as_str().expect("text").to_owned()).collect()
    }

    /// Whether a line of what is assumed, or happened, reads so.
    pub(crate) fn says(&self, line: &str) -> bool {
        self.lines("assumptions").iter().any(|said| said == line)
    }

    pub(crate) fn summary(&self, key: &str) -> u64 {
        self.0["summary"][key].as_u64().expect("a number")
    }
}
