//! The `egret` binary: arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser as _;

use egret::cli::Arguments;
use egret::command;

/// Nothing could be read, or the command line is wrong.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    match command::run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            command::say(format_args!("{error:#}"));
            ExitCode::from(UNUSABLE)
        }
    }
}
