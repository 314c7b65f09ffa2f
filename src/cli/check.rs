//! What `egret check` is told.

use std::path::PathBuf;

use crate::cli::frames::Frames;
use crate::cli::output::Output;
use crate::cli::traffic::Traffic;
use crate::expect::flags::Flags;
use crate::verdict::Reason;

/// Judge flows: did each leave with the source it should have, and did the far side let it in?
///
/// Exit codes: 0 every judged flow passed; 1 some failed; 3 something could not be decided, or nothing was judged;
/// 2 nothing could be read, or the command line is wrong.
///
/// Environment: `POD_IP` and `NODE_IP` (as the downward API sets them) are known addresses of a pod and of a node;
/// `POD_NAME` and `POD_NAMESPACE` say whose. What is typed comes before them, and they before policy files.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    pub frames: Frames,

    #[command(flatten)]
    pub traffic: Traffic,

    #[command(flatten)]
    pub flags: Flags,

    /// File of expectations and facts of the cluster (YAML; repeat)
    #[arg(long, value_name = "FILE", help_heading = "What is expected")]
    pub policy: Vec<PathBuf>,

    /// Let pass what fails for this reason alone: stray-pod-ip
    #[arg(long, value_name = "REASON", help_heading = "What is expected", value_parser = waivable)]
    pub allow: Vec<Reason>,

    #[command(flatten)]
    pub output: Output,

    /// Exit with 0 where something could not be decided
    #[arg(long, help_heading = "Output")]
    pub allow_inconclusive: bool,
}

/// Only what hurts nobody can be waived.
fn waivable(typed: &str) -> Result<Reason, String> {
    match Reason::from_name(typed) {
        Some(Reason::StrayPodIp) => Ok(Reason::StrayPodIp),
        Some(_) => Err(format!("`{typed}` cannot be waived; only stray-pod-ip can")),
        None => Err(format!("`{typed}` is not a reason; only stray-pod-ip can be waived")),
    }
}
