//! A progress bar on standard error, for reads that take long enough to wonder, on a terminal.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::capture::savefile::Meter;

/// A read that ends sooner needs no bar.
const PATIENCE: Duration = Duration::from_millis(700);

pub(super) struct Progress {
    meters: Vec<Meter>,
    began: Instant,
    bar: Option<ProgressBar>,
    is_wanted: bool,
}

impl Progress {
    pub(super) fn new(meters: Vec<Meter>) -> Self {
        Self { meters, began: Instant::now(), bar: None, is_wanted: std::io::stderr().is_terminal() }
    }

    /// Shows how far reading is; cheap enough to be called for every batch.
    pub(super) fn show(&mut self) {
        if !self.is_wanted || self.began.elapsed() < PATIENCE {
            return;
        }
        let (read, total) = self.position();
        let bar = self.bar.get_or_insert_with(|| bar(total));
        bar.set_position(read);
    }

    /// How many bytes were read, and of how many, where that is known.
    pub(super) fn position(&self) -> (u64, Option<u64>) {
        let positions = || self.meters.iter().map(Meter::position);
        (positions().map(|it| it.read).sum(), positions().map(|it| it.total).sum())
    }

    pub(super) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => "reading {bar:30} {percent:>3}%  {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left",
        None => "reading {spinner} {bytes}  {bytes_per_sec}",
    };
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(10));
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
