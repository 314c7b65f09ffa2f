//! One file a subcommand, and what they share.

pub mod check;
mod chooser;
mod companion;
pub mod doctor;
pub mod dump;
mod ends;
pub mod expect;
mod export;
mod feed;
mod files;
pub mod filter;
mod follower;
mod held;
mod here;
mod judging;
mod keeper;
mod ledger;
mod listener;
mod merge;
mod namespaces;
mod narrowing;
mod objects;
mod opened;
mod opener;
mod page;
mod progress;
mod question;
pub mod record;
mod recorder;
mod refused;
mod replay;
mod session;
mod signals;
mod status;
mod tables;
mod taker;
mod valve;
pub mod watch;
mod whereabouts;

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::thread::{self, JoinHandle};

use anyhow::Context as _;

use crate::cli::frames::Frames;
use crate::cli::{Arguments, Command};
use crate::decode;
use crate::net::Block;
use crate::privilege;

/// Why `--narrow` is refused.
const NOTHING_TO_NARROW: &str =
    "--narrow is about interfaces that are captured here, and there is none; leave it out, or name one (-i)";

/// Runs what was typed. An error is a usage error, or that nothing could be read.
pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    privilege::use_what_is_permitted();
    match arguments.command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Dump(arguments) => dump::run(&arguments),
        Command::Expect(arguments) => expect::run(&arguments),
        Command::Filter(arguments) => filter::run(&arguments),
        Command::Record(arguments) => record::run(&arguments),
        Command::Watch(arguments) => watch::run(&arguments),
        Command::OpenFiles { directory, prefix, no_sandbox } => {
            opener::serve(&directory, &prefix, !no_sandbox)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// A thread with a name, for who looks at the process.
fn start<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> anyhow::Result<JoinHandle<T>> {
    let builder = thread::Builder::new().name(name.to_owned());
    builder.spawn(work).with_context(|| format!("cannot start the {name} thread"))
}

/// How frames are decoded of a cluster with these pods.
fn decoding(frames: &Frames, pods: impl IntoIterator<Item = Block>) -> decode::Options {
    decode::Options::with_pods(pods).with_ports(frames.vxlan_port.clone(), frames.geneve_port.clone())
}

/// Says something to people. That nobody is there to hear it, as when a terminal was closed, is no reason to stop.
pub fn say(words: impl Display) {
    writeln!(io::stderr(), "egret: {words}").ok();
}

/// Prints a page.
fn print(page: &str) -> anyhow::Result<()> {
    match io::stdout().lock().write_all(page.as_bytes()) {
        Err(error) if is_gone(&error) => Ok(()),
        other => Ok(other?),
    }
}

/// Whether an error of writing means that nobody reads any more. Who reads may have enough: that is no failure.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}
