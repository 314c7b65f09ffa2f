//! What `egret doctor` is told.

use clap::ValueEnum;

use crate::cli::output::Color;

/// What can be captured and concluded from here, and what to do about what cannot
///
/// Looks around in a pod, on a node, in a container or at a desk: who egret runs as, what its interfaces are, whether it may
/// capture, which of its questions can be answered here, and where to go for the others. It takes no right, sends nothing
/// and changes nothing. The exit code is 0, whatever it finds.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Text for people; json (egret.doctor/1) for programs
    #[arg(long, value_enum, default_value = "text", help_heading = "Output")]
    pub format: Format,

    /// Whether text is coloured; auto is on a terminal, unless `NO_COLOR` is set
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}
