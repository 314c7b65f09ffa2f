//! Ctrl-C, SIGTERM and SIGHUP: the first asks to end in good order, a second leaves at once.
//!
//! Where a screen is up, nothing leaves at once until the terminal is as it was: whoever gives it back says so
//! ([`Signals::terminal_is_back`]). Then SIGQUIT asks to end, too, for its own way would leave the terminal as it is.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::Context as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::flag;

/// Whether, and by which signal, somebody has asked to end.
#[derive(Debug, Clone)]
pub(super) struct Signals {
    last: Arc<AtomicUsize>,
    /// The next one leaves at once.
    is_final: Arc<AtomicBool>,
}

impl Signals {
    /// Listens from now on. A signal that whoever started the program had it ignore (`nohup`) stays ignored.
    pub(super) fn listen() -> anyhow::Result<Self> {
        let signals = Self { last: Arc::default(), is_final: Arc::default() };
        signals.register(&[SIGINT, SIGTERM, SIGHUP], true).context("cannot listen to signals")?;
        Ok(signals)
    }

    /// …while a screen is up.
    pub(super) fn listen_beside_screen() -> anyhow::Result<Self> {
        let signals = Self { last: Arc::default(), is_final: Arc::default() };
        signals.register(&[SIGINT, SIGTERM, SIGHUP, SIGQUIT], false).context("cannot listen to signals")?;
        Ok(signals)
    }

    fn register(&self, signals: &[i32], is_second_final: bool) -> io::Result<()> {
        let ignored = ignored();
        for signal in signals.iter().copied().filter(|signal| ignored & 1 << (signal - 1) == 0) {
            // In this order: what the first has set is what the second finds.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&self.is_final))?;
            if is_second_final {
                flag::register(signal, Arc::clone(&self.is_final))?;
            }
            flag::register_usize(signal, Arc::clone(&self.last), signal as usize)?;
        }
        Ok(())
    }

    /// The screen is gone, and the terminal as it was before: whatever is asked now is asked a second time.
    pub(super) fn terminal_is_back(&self) {
        self.is_final.store(true, Ordering::Relaxed);
    }

    /// The signal that asked to end, in words.
    pub(super) fn asked(&self) -> Option<&'static str> {
        match self.last.load(Ordering::Relaxed) as i32 {
            SIGINT => Some("Ctrl-C (SIGINT)"),
            SIGTERM => Some("SIGTERM"),
            SIGHUP => Some("SIGHUP, as when a terminal is closed"),
            SIGQUIT => Some("SIGQUIT"),
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
