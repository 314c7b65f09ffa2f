//! What was typed: options in the groups that commands share.

pub mod capturing;
pub mod check;
pub mod cluster;
pub mod doctor;
pub mod dump;
pub mod entered;
pub mod expect;
pub mod filter;
pub mod frames;
pub mod known;
pub mod output;
pub mod record;
pub mod traffic;
pub mod until;
pub mod watch;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Settles with packets which source address a workload's traffic leaves the cluster with.
#[derive(Debug, Parser)]
#[command(name = "egret", version, max_term_width = 120, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Check(Box<check::Arguments>),
    Doctor(Box<doctor::Arguments>),
    Dump(Box<dump::Arguments>),
    Expect(Box<expect::Arguments>),
    Filter(Box<filter::Arguments>),
    Record(Box<record::Arguments>),
    Watch(Box<watch::Arguments>),
    /// What `record` and `check` start where only root may write.
    #[command(name = "open-files", hide = true)]
    OpenFiles {
        directory: PathBuf,
        prefix: String,
        #[arg(long)]
        no_sandbox: bool,
    },
}
