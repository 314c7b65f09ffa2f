//! A program that listens to an interface while something is sent, and what it took and said.
//!
//! bash takes the processor time, of all threads, in milliseconds: GNU time's hundredths are too coarse. That a program
//! listens shows in the kernel's list of packet sockets; that it may end is told by SIGINT, once what was sent has had time to come.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{env, fs, process};

use rustix::process::{Pid, Signal, kill_process};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// `$1` and what follows, measured into `$0.times`; its process number goes to `$0.pid`.
const MEASURED: &str = r#"TIMEFORMAT='%3U %3S'
exec 4>&2
{ time sh -c 'echo $$ >"$0.pid"; exec "$@" 2>&4' "$0" "$@"; } 2>"$0.times""#;

/// A listener that has not begun after this never will.
const PATIENCE: Duration = Duration::from_secs(20);
/// tcpdump has the kernel keep a block that does not fill up for a second, and loses it if it has to end before.
const LAST_BLOCK: Duration = Duration::from_millis(1_300);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What a listener says when it has ended, read from its standard output and standard error.
type Reader = fn(&[u8], &str) -> Result<Said>;

/// A program with its arguments.
pub(crate) struct Listener {
    pub(crate) name: String,
    program: String,
    arguments: Vec<String>,
    /// The exit codes of success.
    codes: &'static [i32],
    read: Reader,
}

/// Flows, those that fail, pass, are inconclusive, are exempt.
pub(crate) type Concluded = [u64; 5];

/// What a listener says of what it heard.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said {
    pub(crate) frames: u64,
    pub(crate) dropped: u64,
    pub(crate) concluded: Option<Concluded>,
}

/// How many frames were sent, and how many a second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) frames: u64,
    pub(crate) rate: f64,
}

/// One turn of a listener.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    /// Processor time in seconds.
    pub(crate) user: f64,
    pub(crate) system: f64,
    pub(crate) sent: Sent,
    pub(crate) said: Said,
}

impl Round {
    pub(crate) fn cpu(&self) -> f64 {
        self.user + self.system
    }

    /// Frames that were sent and that the listener neither took nor knows to be dropped; or that it took and nobody sent.
    pub(crate) fn missing(&self) -> u64 {
        self.sent.frames.abs_diff(self.said.frames + self.said.dropped)
    }
}

impl Listener {
    pub(crate) fn new(
        name: &str,
        program: &str,
        arguments: &[&str],
        codes: &'static [i32],
        read: Reader,
    ) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self { name: name.to_owned(), program: program.to_owned(), arguments, codes, read }
    }

    /// Listens until `send` is through. Nobody else may have a packet socket in this network namespace.
    pub(crate) fn round(&self, send: impl FnOnce() -> Result<Sent>) -> Result<Round> {
        let notes = env::temp_dir().join(format!("egret-bench-{}", process::id()));
        let round = self.noted_round(&notes, send).map_err(|error| format!("{}: {error}", self.name));
        for ending in ["pid", "times"] {
            fs::remove_file(notes.with_extension(ending)).ok();
        }
        Ok(round?)
    }

    fn noted_round(&self, notes: &Path, send: impl FnOnce() -> Result<Sent>) -> Result<Round> {
        let running = Running::start(self, notes)?;
        await_socket()?;
        let sent = send()?;
        sleep(LAST_BLOCK);
        let done = running.end()?;
        let errors = String::from_utf8_lossy(&done.stderr);
        if !done.status.code().is_some_and(|code| self.codes.contains(&code)) {
            return Err(format!("{}: {errors}", done.status).into());
        }
        let measured = fs::read_to_string(notes.with_extension("times"))?;
        let figures: Vec<f64> = measured.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [user, system] = figures[..] else {
            return Err(format!("bash wrote {measured:?}, not two figures").into());
        };
        Ok(Round { user, system, sent, said: (self.read)(&done.stdout, &errors)? })
    }
}

/// Waits until frames go to a packet socket of this namespace. It is bound last, when its ring is there.
fn await_socket() -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        // `sk RefCnt Type Proto Iface R …`: 0003 is all protocols, R whether it runs.
        let sockets = fs::read_to_string("/proc/self/net/packet")?;
        let is_listening = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.get(3) == Some(&"0003") && words.get(4) != Some(&"0") && words.get(5) == Some(&"1")
        };
        if sockets.lines().any(is_listening) {
            return Ok(());
        }
        sleep(LOOK_EVERY);
    }
    Err(format!("does not listen after {} s", PATIENCE.as_secs()).into())
}

/// A listener under way. Dropped, it is ended, whatever became of the round.
struct Running<'a> {
    bash: Option<Child>,
    notes: &'a Path,
}

impl<'a> Running<'a> {
    fn start(listener: &Listener, notes: &'a Path) -> Result<Self> {
        let bash = Command::new("bash")
            .args(["-c", MEASURED])
            .arg(notes)
            .arg(&listener.program)
            .args(&listener.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot run bash: {error}"))?;
        Ok(Self { bash: Some(bash), notes })
    }

    fn end(mut self) -> Result<Output> {
        self.interrupt();
        let bash = self.bash.take().expect("only this takes it");
        Ok(bash.wait_with_output()?)
    }

    fn interrupt(&self) {
        let noted = fs::read_to_string(self.notes.with_extension("pid")).unwrap_or_default();
        if let Some(pid) = noted.trim().parse().ok().and_then(Pid::from_raw) {
            kill_process(pid, Signal::INT).ok();
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(mut bash) = self.bash.take() {
            self.interrupt();
            bash.wait().ok();
        }
    }
}
