//! One file a subcommand, and what they share.

pub mod check;
mod companion;
mod ends;
mod export;
mod feed;
mod follower;
mod here;
mod keeper;
mod listener;
mod opened;
mod progress;
mod refused;
mod session;
mod signals;
mod status;
mod tables;

use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;

use crate::cli::{Arguments, Command};

/// Runs what was typed. An error is a usage error, or that nothing could be read.
pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Command::Check(arguments) => check::run(&arguments),
    }
}

/// Says something to people. That nobody is there to hear it, as when a terminal was closed, is no reason to stop.
pub fn say(words: impl Display) {
    writeln!(std::io::stderr(), "egret: {words}").ok();
}
