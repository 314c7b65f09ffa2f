//! Files without a name, which vanish with the process, however that ends.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// A new file in `directory`, to be read and written, that nobody else can open.
pub fn scratch(directory: &Path) -> io::Result<File> {
    // `create_new` follows no link and takes over no file that somebody put there under a guessed name.
    let name = format!("egret-{}-{:016x}", std::process::id(), RandomState::new().hash_one(0));
    let path = directory.join(name);
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}
