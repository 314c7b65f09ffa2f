//! What others say on standard error while the screen is up: laid aside, and said when it is gone.
//!
//! Commands that run beside a capture (`--while`, `--from`) have egret's standard error, and would write across the screen.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::panic;
use std::path::Path;
use std::sync::Arc;

use rustix::stdio::dup2_stderr;

use crate::capture::scratch::scratch;

/// What is said afterwards, at most: what it begins with.
const SAID: u64 = 64 << 10;

/// Until it is dropped.
pub(super) struct Aside {
    said: File,
    stderr: Arc<OwnedFd>,
}

impl Aside {
    /// To be called before commands are started.
    pub(super) fn begin(directory: &Path) -> io::Result<Self> {
        let said = scratch(directory)?;
        let stderr = Arc::new(io::stderr().as_fd().try_clone_to_owned()?);
        let back = Arc::clone(&stderr);
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |what| {
            dup2_stderr(&*back).ok();
            tell(what);
        }));
        dup2_stderr(&said)?;
        Ok(Self { said, stderr })
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        dup2_stderr(&*self.stderr).ok();
        let mut words = Vec::new();
        let read = self.said.rewind().and_then(|()| (&self.said).take(SAID).read_to_end(&mut words));
        // Whoever has closed standard error does not want to hear it.
        if read.is_ok() {
            io::stderr().write_all(&words).ok();
        }
    }
}
