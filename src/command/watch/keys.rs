//! Keys, the mouse and the terminal's size, as they come; and that the terminal is gone.
//!
//! A terminal that was closed is readable, and gives nothing: whoever reads on would do so for ever. So it is asked first
//! (`POLLHUP`), and only then read.

use std::io;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use crossterm::event;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::desk::Heard;

/// How long is waited for a key before the size of the terminal is looked at.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Reads until nobody listens any more, or the terminal is gone.
pub(super) fn read(screen: &SyncSender<Heard>) {
    let why = loop {
        match is_gone() {
            Ok(true) => break "it was closed".to_owned(),
            Ok(false) => {}
            Err(error) => break error.to_string(),
        }
        match pass_on(screen) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => break error.to_string(),
        }
    };
    screen.send(Heard::Gone(why)).ok();
}

/// Waits for something to read; whether there is no terminal any more.
fn is_gone() -> io::Result<bool> {
    let stdin = io::stdin();
    let mut polled = [PollFd::new(&stdin, PollFlags::IN)];
    match poll(&mut polled, Some(&PATIENCE)) {
        Ok(_) => Ok(polled[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Passes on all that there is; whether somebody listens.
fn pass_on(screen: &SyncSender<Heard>) -> io::Result<bool> {
    while event::poll(Duration::ZERO)? {
        if screen.send(Heard::Event(event::read()?)).is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}
