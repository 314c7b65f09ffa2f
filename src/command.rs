//! One file a subcommand, and what they share.

pub mod check;
mod feed;
mod progress;

use std::process::ExitCode;

use crate::cli::{Arguments, Command};

/// Runs what was typed. An error is a usage error, or that nothing could be read.
pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Command::Check(arguments) => check::run(&arguments),
    }
}
