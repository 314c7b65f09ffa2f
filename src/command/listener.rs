//! Whether anybody still listens to what goes to standard output.

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Whether standard output is a pipe or socket whose reader has gone. A capture for nobody is over; without looking, it would
/// end with the next write, which may be hours away.
pub(super) fn has_left() -> bool {
    let stdout = std::io::stdout();
    // What is always told: errors.
    let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut polled, Some(&at_once)).is_ok()
        && polled[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}
