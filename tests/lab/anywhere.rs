//! The static file where it is meant to run: in root directories that hold nothing else, and in containers behind the
//! masquerade of a container network.
//!
//! `make anywhere` builds the file, and `scripts/anywhere` names it in `EGRET_LAB_STATIC`.

mod chroot;
mod containers;
mod deployed;
mod file;
mod host;
mod podman;
mod root;

use std::path::PathBuf;

/// The static file.
fn static_file() -> PathBuf {
    let named = std::env::var_os("EGRET_LAB_STATIC");
    PathBuf::from(named.expect("EGRET_LAB_STATIC, as scripts/anywhere sets it: run make anywhere"))
}
