//! Which traffic is asked about: the options that every command understands alike.

use crate::filter::selection::Selection;

#[derive(Debug, Clone, Default, clap::Args)]
pub struct Traffic {
    #[command(flatten)]
    pub selection: Selection,
}
