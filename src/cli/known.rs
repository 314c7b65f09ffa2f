//! What is said about frames besides what they show: `--role`, `--conntrack`.

use std::path::PathBuf;

use crate::cli::frames::Source;
use crate::place::Declaration;

#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Frames")]
pub struct Known {
    /// What a place is: pod, tunnel, uplink or remote. A capture of one place is named by its NAME alone
    #[arg(long = "role", value_name = "NAME[/IF|#INDEX]=ROLE")]
    pub roles: Vec<Declaration>,

    /// What conntrack translates, for flows whose beginning or origin no frame shows: the machine's own table, followed while
    /// its interfaces are captured, or what `conntrack -L -o extended` printed on the node (repeat). Verdicts that rest on it
    /// are probable
    #[arg(long, value_name = "live|FILE")]
    pub conntrack: Vec<PathBuf>,
}

impl Known {
    /// Refuses a role for a source that there is not, before anything is captured.
    pub fn check_roles(&self, sources: &[Source]) -> anyhow::Result<()> {
        let is_known = |role: &&Declaration| sources.iter().any(|source| source.name == role.point);
        let Some(Declaration { point, within, role }) = self.roles.iter().find(|role| !is_known(role)) else {
            return Ok(());
        };
        let known: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
        anyhow::bail!(
            "--role {point}{within}={}: no point is named `{point}`; the points are: {}",
            role.name(),
            known.join(", ")
        )
    }
}
