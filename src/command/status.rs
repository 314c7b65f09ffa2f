//! A line on standard error that says how a capture goes, on a terminal.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::number::thousands;
use crate::snapshot::Summary;

/// How often frames are counted for the rate.
const RATE: Duration = Duration::from_secs(1);

pub(super) struct Status {
    bar: Option<ProgressBar>,
    began: Instant,
    /// When the rate was last taken, and at how many frames.
    last: (Instant, u64),
    rate: u64,
}

impl Status {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(4));
            bar.set_style(
                ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar
        });
        Self { bar, began: now, last: (now, 0), rate: 0 }
    }

    /// Shows how the run stands; nobody is asked where nobody looks.
    pub(super) fn show(&mut self, stands: impl FnOnce() -> Summary) {
        let Some(bar) = &self.bar else { return };
        let summary = &stands();
        let now = Instant::now();
        let since = now - self.last.0;
        if since >= RATE {
            self.rate = (summary.frames.saturating_sub(self.last.1)) * 1000 / since.as_millis().max(1) as u64;
            self.last = (now, summary.frames);
        }
        bar.set_message(line((now - self.began).as_secs(), self.rate, summary));
        bar.tick();
    }

    pub(super) fn clear(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// `capturing 12 s · 34,567 frames, 2,881/s · 53 flows: 50 pass, 3 fail · Ctrl-C ends`.
fn line(seconds: u64, rate: u64, summary: &Summary) -> String {
    let mut line =
        format!("capturing {seconds} s · {} frames, {}/s", thousands(summary.frames), thousands(rate));
    if summary.kernel_drops > 0 {
        let _ = write!(line, ", {} dropped", thousands(summary.kernel_drops));
    }
    let _ = write!(line, " · {} flows", thousands(summary.flows));
    let counts = [
        (summary.fail, "fail"),
        (summary.inconclusive, "inconclusive"),
        (summary.pass, "pass"),
        (summary.exempt, "exempt"),
    ];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{} {word}", thousands(*count)))
        .collect();
    if !counts.is_empty() {
        let _ = write!(line, ": {}", counts.join(", "));
    }
    line.push_str(" · Ctrl-C ends");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_there_is_and_nothing_that_is_not() {
        let summary = Summary { frames: 34_567, flows: 53, pass: 50, fail: 3, ..Summary::default() };
        let shown = line(12, 2881, &summary);
        assert_eq!(
            shown,
            "capturing 12 s · 34,567 frames, 2,881/s · 53 flows: 3 fail, 50 pass · Ctrl-C ends"
        );
        let summary = Summary { kernel_drops: 1200, ..Summary::default() };
        assert_eq!(
            line(0, 0, &summary),
            "capturing 0 s · 0 frames, 0/s, 1,200 dropped · 0 flows · Ctrl-C ends"
        );
    }
}
