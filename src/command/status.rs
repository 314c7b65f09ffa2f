//! A line on standard error that says how a capture goes, on a terminal.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use crate::command::taker::Status;
use crate::number::thousands;

/// How often the line is drawn.
const DRAW: Duration = Duration::from_millis(250);
/// How often frames are counted for the rate.
const RATE: Duration = Duration::from_secs(1);
/// Columns that are left free: a terminal echoes `^C`, and the line must still be one to be cleared.
const FREE: usize = 4;
/// Columns where the terminal does not tell.
const COLUMNS: usize = 80;

pub(super) struct Line {
    is_shown: bool,
    began: Instant,
    drawn: Option<Instant>,
    /// When the rate was last taken, and at how many frames.
    last: (Instant, u64),
    rate: u64,
}

impl Line {
    /// Nothing is shown where nobody looks, or where another command talks on standard error.
    pub(super) fn new(is_alone: bool) -> Self {
        let now = Instant::now();
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let is_shown = is_alone && !is_dumb && std::io::stderr().is_terminal();
        Self { is_shown, began: now, drawn: None, last: (now, 0), rate: 0 }
    }

    /// Shows how the run stands; nobody is asked more often than that is drawn.
    pub(super) fn show<'a>(&mut self, stands: impl FnOnce() -> &'a Status) {
        if !self.is_shown || self.drawn.is_some_and(|drawn| drawn.elapsed() < DRAW) {
            return;
        }
        let status = stands();
        let now = Instant::now();
        self.drawn = Some(now);
        let since = now - self.last.0;
        if since >= RATE {
            self.rate = (status.frames.saturating_sub(self.last.1)) * 1000 / since.as_millis().max(1) as u64;
            self.last = (now, status.frames);
        }
        let columns = terminal_size::terminal_size_of(std::io::stderr());
        let columns = columns.map_or(COLUMNS, |(width, _)| usize::from(width.0));
        let line = line((now - self.began).as_secs(), self.rate, status);
        let line: String = line.chars().take(columns.saturating_sub(FREE)).collect();
        // What other commands say on standard error begins where the line does. A terminal that was closed shows nothing,
        // and that is all.
        write!(std::io::stderr(), "\r{line}\x1b[K\r").ok();
    }

    pub(super) fn clear(&mut self) {
        if self.drawn.take().is_some() {
            write!(std::io::stderr(), "\r\x1b[K").ok();
        }
    }
}

/// `capturing 12 s · 34,567 frames, 2,881/s · 53 flows: 3 fail, 50 pass · Ctrl-C ends`.
fn line(seconds: u64, rate: u64, status: &Status) -> String {
    let mut line =
        format!("capturing {seconds} s · {} frames, {}/s", thousands(status.frames), thousands(rate));
    if status.dropped > 0 {
        let _ = write!(line, ", {} dropped", thousands(status.dropped));
    }
    if !status.words.is_empty() {
        let _ = write!(line, " · {}", status.words);
    }
    line.push_str(" · Ctrl-C ends");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_there_is_and_nothing_that_is_not() {
        let status =
            Status { frames: 34_567, words: "53 flows: 3 fail, 50 pass".to_owned(), ..Status::default() };
        let shown = line(12, 2881, &status);
        assert_eq!(
            shown,
            "capturing 12 s · 34,567 frames, 2,881/s · 53 flows: 3 fail, 50 pass · Ctrl-C ends"
        );
        let status = Status { dropped: 1200, ..Status::default() };
        assert_eq!(line(0, 0, &status), "capturing 0 s · 0 frames, 0/s, 1,200 dropped · Ctrl-C ends");
    }
}
