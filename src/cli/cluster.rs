//! The cluster's objects, where a command understands them.

use std::path::PathBuf;

use crate::expect::derive::{Assumed, Release};

#[derive(Debug, Clone, Default, clap::Args)]
#[command(about = None, long_about = None)]
#[command(next_help_heading = "What is expected")]
pub struct Cluster {
    /// The cluster's objects, as `kubectl get … -o yaml` or `oc get … -o json` print them: a file, a folder of files as must-gather
    /// makes, or `-` (repeat). What pods should leave with follows from them, for what nobody wrote an expectation for
    #[arg(long, value_name = "FILE|DIR")]
    pub cluster: Vec<PathBuf>,

    /// The cluster's OpenShift, 3 or 4, where objects do not tell: 3 uses only the first of a namespace's egress addresses
    #[arg(long, value_name = "3|4", requires = "cluster", value_parser = release)]
    pub cluster_release: Option<Release>,

    /// The namespace of objects that have none written
    #[arg(long, value_name = "NAMESPACE", requires = "cluster")]
    pub cluster_namespace: Option<String>,
}

impl Cluster {
    /// What was typed of what objects do not say. Of which namespace they are is settled where they are read.
    pub fn assumed(&self) -> Assumed {
        Assumed { release: self.cluster_release }
    }
}

/// `3`, `3.11`, `4`, `4.14`
fn release(typed: &str) -> Result<Release, String> {
    match typed.split('.').next() {
        Some("3") => Ok(Release::Three),
        Some("4") => Ok(Release::Four),
        _ => Err(format!("`{typed}` is not a release of OpenShift; write 3 or 4")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_3_or_4_whatever_comes_behind_it() {
        assert_eq!(release("3.11"), Ok(Release::Three));
        assert_eq!(release("4"), Ok(Release::Four));
        assert!(release("1.11").is_err() && release("").is_err());
    }
}
