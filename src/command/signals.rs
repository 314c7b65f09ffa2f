//! Ctrl-C, SIGTERM and SIGHUP: the first asks to end in good order, a second leaves at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::Context as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether, and by which signal, somebody has asked to end.
#[derive(Debug, Clone)]
pub(super) struct Signals {
    last: Arc<AtomicUsize>,
}

impl Signals {
    /// Listens from now on. A signal that whoever started the program had it ignore (`nohup`) stays ignored.
    pub(super) fn listen() -> anyhow::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        let last = Arc::new(AtomicUsize::new(0));
        let ignored = ignored();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            if ignored & 1 << (signal - 1) != 0 {
                continue;
            }
            // In this order: what the first has set is what the second finds.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&asked))
                .and_then(|_| flag::register(signal, Arc::clone(&asked)))
                .and_then(|_| flag::register_usize(signal, Arc::clone(&last), signal as usize))
                .context("cannot listen to signals")?;
        }
        Ok(Self { last })
    }

    /// The signal that asked to end, in words.
    pub(super) fn asked(&self) -> Option<&'static str> {
        match self.last.load(Ordering::Relaxed) as i32 {
            SIGINT => Some("Ctrl-C (SIGINT)"),
            SIGTERM => Some("SIGTERM"),
            SIGHUP => Some("SIGHUP, as when a terminal is closed"),
            _ => None,
        }
    }
}

/// The signals that are ignored, as bits (`SigIgn` of `proc_pid_status(5)`); none where that cannot be told.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
