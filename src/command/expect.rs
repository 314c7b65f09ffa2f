//! `egret expect`: what each workload should leave with, and what is wrong with the objects that say so.

mod explain;
mod export;
mod firewall;
mod given;
mod json;
mod lint;
mod list;
mod words;

use std::process::ExitCode;

use crate::cli::expect::{Arguments, Command};

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Command::List(asked) => list::run(asked),
        Command::Lint(asked) => lint::run(asked),
        Command::Explain(asked) => explain::run(asked),
        Command::Firewall(asked) => firewall::run(asked),
        Command::Export(asked) => export::run(asked),
    }
}
