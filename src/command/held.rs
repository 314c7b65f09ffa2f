//! The sandbox that holds a run once its sources are open, and what of the file system the run still needs in it.

use std::path::{Path, PathBuf};

use crate::command::say;
use crate::sandbox::{self, Room};

/// What libpcap looks names up in when an expression is compiled for a link type that nobody had seen yet: of ports, protocols and
/// hardware addresses; and which of them it is to look in.
const NAMES: [&str; 4] = ["/etc/services", "/etc/protocols", "/etc/ethers", "/etc/nsswitch.conf"];

/// Enters the sandbox, unless that is not wanted. To be called while there is one thread.
///
/// That it cannot be entered is said, and is no reason not to do what was asked for: rights were given up already.
pub(super) fn hold(is_wanted: bool, mut room: Room) {
    if !is_wanted {
        return;
    }
    room.read.extend(NAMES.map(PathBuf::from));
    // To name functions, should it panic.
    room.read.extend(std::env::current_exe());
    if let Err(error) = sandbox::enter(&room) {
        say(format_args!("the sandbox cannot be entered, and is done without (as by --no-sandbox): {error}"));
    }
}

/// Room to make files in that folder, and to remove them.
pub(super) fn to_write(folder: &Path) -> Room {
    Room { read: Vec::new(), write: vec![folder.to_owned()] }
}
