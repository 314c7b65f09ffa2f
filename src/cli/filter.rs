//! What `egret filter` is told.

use std::path::PathBuf;

use crate::cli::traffic::Traffic;
use crate::filter::address::block;
use crate::filter::preset::Wanted;
use crate::net::Block;

/// Filters with names, and what becomes of a filter in words and as a capture filter.
///
/// check, dump and record take filters by options (--host, --port, --not-…), by name (--preset), and as an expression of
/// pcap-filter(7) at the end; all of them must be met.
#[derive(Debug, Clone, clap::Args)]
#[command(arg_required_else_help = true, after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  egret filter list
  egret filter show pod-pair
  egret filter explain --preset pod-pair:pod=10.128.0.5,peer=203.0.113.25
  egret filter explain -d --proto tcp --not-port ssh
  egret dump -r node1.pcap --preset refusals";

#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// The presets, and what they are for
    List {
        #[command(flatten)]
        folder: Folder,
    },
    /// A preset: its parameters, where their values come from, and its file
    Show {
        #[command(flatten)]
        folder: Folder,

        /// Name, with parameters behind a colon
        #[arg(value_name = "NAME[:PARAMETER=VALUE]")]
        preset: Wanted,
    },
    /// What is asked for, in words, and the capture filters that follow
    Explain(Box<Explain>),
    /// Look for mistakes in files of presets; exit code 2 if there are any
    Check {
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
}

#[derive(Debug, Clone, Default, clap::Args)]
pub struct Folder {
    /// Folder of presets (*.yaml) beside those that egret brings along, and before them
    #[arg(long, value_name = "DIR", env = "EGRET_PRESETS", hide_env_values = true)]
    pub presets: Option<PathBuf>,
}

#[derive(Debug, Clone, clap::Args)]
pub struct Explain {
    #[command(flatten)]
    pub traffic: Traffic,

    #[command(flatten)]
    pub unrewritten: Unrewritten,

    /// Interface whose link type counts; Ethernet, cooked v2 and raw IP, where none is named (repeat)
    #[arg(short = 'i', long = "interface", value_name = "IF", help_heading = "Frames")]
    pub interface: Vec<String>,

    /// Capture whose link types count (repeat)
    #[arg(short = 'r', long = "read", value_name = "FILE", help_heading = "Frames")]
    pub read: Vec<PathBuf>,

    /// Names of addresses, as in /etc/hosts (repeat)
    #[arg(long, value_name = "FILE", help_heading = "Frames")]
    pub hosts: Vec<PathBuf>,

    /// UDP ports of VXLAN beside 4789, 8472 and 4790 (repeat, or separate by commas)
    #[arg(long, value_name = "PORT", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..), help_heading = "Frames")]
    pub vxlan_port: Vec<u16>,

    /// UDP ports of Geneve beside 6081 (repeat, or separate by commas)
    #[arg(long, value_name = "PORT", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..), help_heading = "Frames")]
    pub geneve_port: Vec<u16>,

    /// Print the instructions of the filters, as tcpdump -d does
    #[arg(short = 'd', help_heading = "Output")]
    pub instructions: bool,
}

/// What is known of rewriting.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Which traffic (the same option again: or; different options: and)")]
pub struct Unrewritten {
    /// Addresses that neither a Service nor a router nor NAT rewrites, nor the ports beside them: capturing flows to them can be
    /// narrowed (repeat, or separate by commas)
    #[arg(long, value_name = "ADDR|CIDR", value_delimiter = ',', value_parser = block)]
    pub unrewritten: Vec<Block>,
}
