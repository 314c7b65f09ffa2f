//! Captures by tcpdump, complete by construction: it listens before the first packet, and has written the
//! last one, and dropped none, before it is stopped.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::netns::Namespace;
use crate::situation::{Capture, Link};

/// A tcpdump that runs.
pub(crate) struct Running {
    name: String,
    file: PathBuf,
    child: Child,
    talk: BufReader<ChildStderr>,
}

impl Running {
    /// Starts to capture into `file`, and returns when tcpdump listens.
    pub(crate) fn start(namespace: &Namespace, name: &str, capture: &Capture, file: PathBuf) -> Self {
        let mut command = namespace.command("tcpdump");
        command.args([
            "-n",
            "--immediate-mode",
            "-U",
            "-s",
            &capture.snap.to_string(),
            "-B",
            "65536",
            "-Z",
            "root",
            "-i",
            &capture.on,
        ]);
        if capture.on == "any" {
            command.args([
                "-y",
                match capture.link {
                    Link::Sll2 => "LINUX_SLL2",
                    Link::Sll => "LINUX_SLL",
                },
            ]);
        }
        if capture.nano {
            command.arg("--time-stamp-precision=nano");
        }
        let output = File::create(&file).expect("a file to capture into");
        let mut child = command
            .args(["-w", "-"])
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(Stdio::piped())
            .spawn()
            .expect("tcpdump");
        let mut talk = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut said = String::new();
        while !said.contains("listening on") {
            let read = talk.read_line(&mut said).expect("text");
            assert!(read > 0, "tcpdump cannot capture {name}: {said}");
        }
        Self { name: name.to_owned(), file, child, talk }
    }

    /// Stops when all that was captured is written.
    ///
    /// The ring holds every packet that was sent before this call, and tcpdump sleeps only when the ring is
    /// empty: asleep thrice, with a file that has not grown, it has nothing left to write.
    pub(crate) fn stop(mut self) -> PathBuf {
        let mut calm = 0;
        let mut length = 0;
        until("tcpdump has written everything", || {
            let now = std::fs::metadata(&self.file).expect("the capture").len();
            calm = if now == length && sleeps(self.child.id()) { calm + 1 } else { 0 };
            length = now;
            calm == 3
        });
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("a child that runs");
        let mut said = String::new();
        self.talk.read_to_string(&mut said).expect("text");
        self.child.wait().expect("a child");
        assert!(
            said.contains("\n0 packets dropped by kernel"),
            "tcpdump lost packets of {}: {said}",
            self.name
        );
        self.file.clone()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Where a situation fails half-way; otherwise it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether the process waits for something to happen.
pub(crate) fn sleeps(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // pid (name) state …
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S'))
}

/// Looks until `done`, but no longer than is reasonable.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
