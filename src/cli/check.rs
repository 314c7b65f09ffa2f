//! What `egret check` is told.

use std::path::PathBuf;

use crate::capture::live::MAX_SNAP_LENGTH;
use crate::cli::cluster::Cluster;
use crate::cli::filter::Unrewritten;
use crate::cli::frames::{Frames, USUAL_SNAP_LENGTH};
use crate::cli::known::Known;
use crate::cli::output::Output;
use crate::cli::traffic::Traffic;
use crate::cli::until::UntilVerdicts;
use crate::expect::flags::Flags;
use crate::verdict::Reason;

/// Judge flows: did each leave with the source it should have, and did the far side let it in?
///
/// Exit codes: 0 every judged flow passed; 1 some failed; 3 something could not be decided, or nothing was judged;
/// 2 nothing could be read, or the command line is wrong.
///
/// Environment: `POD_IP` and `NODE_IP` or `HOST_IP` (as the downward API sets them) are known addresses of a pod and of a node;
/// `POD_NAME`, `POD_NAMESPACE` and `NODE_NAME` say whose. What is typed comes before them, they before policy files, and these
/// before the cluster's objects.
#[derive(Debug, Clone, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    pub frames: Frames,

    #[command(flatten)]
    pub verdicts: UntilVerdicts,

    #[command(flatten)]
    pub known: Known,

    /// Keep the frames of the flows that are reported in FILE (pcapng): all their legs, and what --only lists; `-` is standard output.
    /// Until the end all frames are in FILE-all, beside it. `egret record` keeps everything
    #[arg(short = 'w', long = "write", value_name = "FILE", help_heading = "Frames")]
    pub write: Option<PathBuf>,

    /// Say with the frames that -w keeps what became of their flow, in comments that Wireshark shows
    #[arg(long, requires = "write", help_heading = "Frames")]
    pub annotate: bool,

    #[command(flatten)]
    pub flags: Flags,

    /// File of expectations and facts of the cluster (YAML; repeat)
    #[arg(long, value_name = "FILE", help_heading = "What is expected")]
    pub policy: Vec<PathBuf>,

    #[command(flatten)]
    pub cluster: Cluster,

    /// Let pass what fails for this reason alone: stray-pod-ip
    #[arg(long, value_name = "REASON", help_heading = "What is expected", value_parser = waivable)]
    pub allow: Vec<Reason>,

    #[command(flatten)]
    pub traffic: Traffic,

    #[command(flatten)]
    pub unrewritten: Unrewritten,

    /// Have the kernel hand over only what the selected flows may need (see `egret filter explain`). What places are is
    /// then learnt from these flows alone, so that more may stay inconclusive
    #[arg(long, help_heading = "Which traffic (the same option again: or; different options: and)")]
    pub narrow: bool,

    #[command(flatten)]
    pub output: Output,

    /// Exit with 0 where something could not be decided
    #[arg(long, help_heading = "Output")]
    pub allow_inconclusive: bool,
}

const EXAMPLES: &str = "\
Examples:
  On a node, for half a minute: does this pod leave as 192.168.12.99?
    egret check --expect '10.128.0.5=>192.168.12.99' --duration 30s

  From a capture of the node; what is inside, and which address is the node's:
    egret check -r node1.pcap --expect 192.168.12.99 \\
        --node-ip 192.168.12.11 --inside 10.128.0.0/14

  Of that, one partner alone, and only what failed, for a program:
    egret check -r node1.pcap --expect 192.168.12.99 \\
        --dst 203.0.113.25 --dst-port https --only fail --format json";

impl Arguments {
    /// How much of a frame is captured, in bytes: enough for names, or all where frames are kept; 0 is all.
    pub fn snap_length(&self) -> u32 {
        let unsaid = if self.write.is_some() { MAX_SNAP_LENGTH } else { USUAL_SNAP_LENGTH };
        self.frames.snap_length.unwrap_or(unsaid)
    }
}

/// Only what hurts nobody can be waived.
pub(super) fn waivable(typed: &str) -> Result<Reason, String> {
    match Reason::from_name(typed) {
        Some(Reason::StrayPodIp) => Ok(Reason::StrayPodIp),
        Some(_) => Err(format!("`{typed}` cannot be waived; only stray-pod-ip can")),
        None => Err(format!("`{typed}` is not a reason; only stray-pod-ip can be waived")),
    }
}
