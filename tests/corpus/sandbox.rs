//! Runs a child process within limits of time and memory.
//!
//! Memory is the peak of resident pages, which the kernel keeps per process; it is looked at every
//! [`GLANCE`], so that a child that goes beyond is ended before the machine is short of memory.

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

/// Most that one capture may take, reading, decoding and judging.
pub(crate) const TIME: Duration = Duration::from_secs(5);
pub(crate) const MEMORY_KIB: u64 = 512 << 10;

const GLANCE: Duration = Duration::from_millis(2);

/// How a child ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` where it was killed for going beyond a limit.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) time: Duration,
    pub(crate) peak_kib: u64,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Ended {
    /// What went wrong with a child that should end with 0.
    pub(crate) fn fault(&self) -> Option<String> {
        self.excess().or_else(|| match self.status {
            Some(status) if status.success() => None,
            Some(status) => Some(format!("ended with {status}: {}", self.complaint())),
            None => Some("was killed".to_owned()),
        })
    }

    /// Which limit was broken, if one was.
    pub(crate) fn excess(&self) -> Option<String> {
        if self.peak_kib > MEMORY_KIB {
            return Some(format!("took more than {} MiB", MEMORY_KIB >> 10));
        }
        (self.time > TIME).then(|| format!("took over {} s", TIME.as_secs()))
    }

    /// The line that it complained with.
    pub(crate) fn complaint(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        let mut lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("note: "));
        lines.next_back().unwrap_or("no word on stderr").to_owned()
    }
}

/// Runs `command` with `input` on its standard input.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> io::Result<Ended> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let start = Instant::now();
    let (mut to, mut out, mut err) = (
        child.stdin.take().expect("it was asked for"),
        child.stdout.take().expect("it was asked for"),
        child.stderr.take().expect("it was asked for"),
    );
    thread::scope(|scope| {
        // A child that ends early does not read all; how it ended tells.
        scope.spawn(move || to.write_all(input).ok());
        let stdout = scope.spawn(move || all(&mut out));
        let stderr = scope.spawn(move || all(&mut err));
        let mut peak_kib = 0;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break Some(status);
            }
            // Until it has become the program that it was told to be, its memory is that of this process.
            thread::sleep(GLANCE);
            peak_kib = peak_kib.max(peak(&child).unwrap_or(0));
            if peak_kib > MEMORY_KIB || start.elapsed() > TIME {
                child.kill()?;
                child.wait()?;
                break None;
            }
        };
        Ok(Ended {
            status,
            time: start.elapsed(),
            peak_kib,
            stdout: stdout.join().expect("reading does not panic"),
            stderr: stderr.join().expect("reading does not panic"),
        })
    })
}

fn all(from: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).ok();
    bytes
}

fn peak(child: &Child) -> Option<u64> {
    peak_in(&fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?)
}

fn peak_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
