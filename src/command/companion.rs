//! Commands that run beside a capture: the one that makes the traffic (`--while`), and those whose output is a capture
//! (`--from`).

use std::io::{self, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;

/// Waits for a line, or for the end of standard input, and only with a line runs `$1`.
const START: &str = r#"read -r go && exec sh -c "$1" </dev/null"#;

/// A command that is captured while it runs; its output goes to standard error. It is not ended with egret.
///
/// It has the rights that egret began with: it is made ready before these are given up, and runs when capturing has begun.
#[derive(Debug)]
pub(super) struct Companion {
    typed: String,
    child: Child,
    go: Option<ChildStdin>,
    ended: Option<ExitStatus>,
}

impl Companion {
    pub(super) fn prepare(typed: &str) -> anyhow::Result<Self> {
        let mut child = Command::new("sh")
            .args(["-c", START, "sh", typed])
            .stdin(Stdio::piped())
            .stdout(Stdio::from(io::stderr()))
            .spawn()
            .with_context(|| format!("--while: cannot run `{typed}`"))?;
        let go = child.stdin.take();
        Ok(Self { typed: typed.to_owned(), child, go, ended: None })
    }

    /// Runs it.
    pub(super) fn begin(&mut self) {
        if let Some(mut go) = self.go.take() {
            // If it is gone already, that shows as its end.
            go.write_all(b"go\n").ok();
        }
    }

    /// How it ended, in words, once it has.
    pub(super) fn ended(&mut self) -> Option<String> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended.map(|status| format!("ran `{}` while capturing: {}", self.typed, words(status)))
    }

    /// What is said where the capture ends before it.
    pub(super) fn still_running(&self) -> String {
        let what = if self.go.is_some() { "had not begun" } else { "was still running" };
        format!("`{}` (--while) {what} when capturing ended", self.typed)
    }
}

fn words(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("it ended with exit status {code}"),
        None => format!("it ended by {status}"),
    }
}

/// Runs `$1` until it ends, or until standard input does: then everything that it started is told to end, too, and made to
/// where it does not. So no command outlives egret, however that ends, and egret needs no right to end it.
const LEASH: &str = r#"
exec 3<&0 </dev/null 4>&2 2>/dev/null
sh -c "$1" 3<&- 2>&4 4>&- &
command=$!
( exec 4>&-; trap '' TERM; cat <&3; kill -TERM 0; sleep 2; kill -KILL 0 ) >/dev/null &
exec 4>&-
trap : TERM
wait "$command"; status=$?
while kill -0 "$command" 2>/dev/null; do wait "$command"; status=$?; done
exit "$status"
"#;

/// The output of a command that captures elsewhere.
#[derive(Debug)]
pub(super) struct Output {
    typed: String,
    child: Child,
    stdout: ChildStdout,
    was_told: Arc<AtomicBool>,
}

/// Holds a command: dropping it ends the command.
#[derive(Debug)]
pub(super) struct Leash {
    _input: ChildStdin,
    was_told: Arc<AtomicBool>,
}

impl Drop for Leash {
    fn drop(&mut self) {
        self.was_told.store(true, Ordering::Release);
    }
}

impl Output {
    pub(super) fn of(typed: &str) -> anyhow::Result<(Self, Leash)> {
        let mut child = Command::new("sh")
            .args(["-c", LEASH, "sh", typed])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .with_context(|| format!("--from: cannot run `{typed}`"))?;
        let (stdout, input) = child.stdout.take().zip(child.stdin.take()).expect("both were asked for");
        let was_told = Arc::new(AtomicBool::new(false));
        let output = Self { typed: typed.to_owned(), child, stdout, was_told: Arc::clone(&was_told) };
        Ok((output, Leash { _input: input, was_told }))
    }
}

impl Read for Output {
    /// A command that fails is an error: what it says itself stands on standard error. However it ends once its leash was
    /// dropped is no failure.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stdout.read(buffer)?;
        if read == 0 {
            let status = self.child.wait()?;
            if !status.success() && !self.was_told.load(Ordering::Acquire) {
                return Err(io::Error::other(format!("`{}` failed: {}", self.typed, words(status))));
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(output: &mut Output) -> io::Result<String> {
        let mut text = String::new();
        output.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn what_a_command_prints_is_read_to_its_end() {
        let (mut output, _leash) = Output::of("echo one; echo two").unwrap();
        assert_eq!(read(&mut output).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn a_command_that_fails_is_told_with_its_exit_status() {
        let (mut output, _leash) = Output::of("exit 7").unwrap();
        let told = read(&mut output).unwrap_err().to_string();
        assert_eq!(told, "`exit 7` failed: it ended with exit status 7");
    }

    #[test]
    fn a_command_ends_with_its_leash_and_so_does_what_it_started() {
        let (mut output, leash) = Output::of("echo begun; sleep 300 | cat; true").unwrap();
        let mut first = [0; 6];
        output.read_exact(&mut first).unwrap();
        drop(leash);
        assert_eq!(read(&mut output).unwrap(), "");
    }

    #[test]
    fn a_companion_ends_with_an_exit_status_of_its_own() {
        let mut companion = Companion::prepare("exit 3").unwrap();
        assert_eq!(companion.ended(), None, "nobody said that it should run");
        companion.begin();
        companion.child.wait().unwrap();
        let told = companion.ended().unwrap();
        assert_eq!(told, "ran `exit 3` while capturing: it ended with exit status 3");
    }
}
