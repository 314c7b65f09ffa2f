//! Which traffic is asked about: the options that every command understands alike.

mod lookup;
mod terms;

use std::path::PathBuf;

use crate::filter::composition::Composition;

pub use lookup::{Error as LookupError, Lookup};
pub use terms::Terms;

#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Which traffic (the same option again: or; different options: and)")]
pub struct Traffic {
    #[command(flatten)]
    pub terms: Terms,

    /// Ask name servers for names that no hosts file knows: this sends packets
    #[arg(long)]
    pub resolve: bool,
}

/// What was asked for, once names have become addresses.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub composition: Composition,
    /// What names stand for, a line each.
    pub assumptions: Vec<String>,
}

impl Traffic {
    /// The tree of all that was typed; names are looked up in these files, then in the machine's own.
    pub fn asked(&self, hosts: &[PathBuf]) -> anyhow::Result<Asked> {
        let mut lookup = Lookup::new(hosts, self.resolve);
        let composition = self.terms.composition(&mut lookup)?;
        Ok(Asked { composition, assumptions: lookup.assumptions() })
    }
}
