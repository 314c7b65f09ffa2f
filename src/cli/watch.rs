//! What `egret watch` is told.

use std::path::PathBuf;

use jiff::tz::TimeZone;

use crate::capture::live::MAX_SNAP_LENGTH;
use crate::cli::check::waivable;
use crate::cli::cluster::Cluster;
use crate::cli::filter::Unrewritten;
use crate::cli::frames::Frames;
use crate::cli::known::Known;
use crate::cli::output::{Color, zone};
use crate::cli::traffic::Traffic;
use crate::cli::until::UntilVerdicts;
use crate::expect::flags::Flags;
use crate::verdict::Reason;

/// Watch flows on a screen: which left with which source, how far each got, and every packet of it; live, or in captures.
///
/// `?` on the screen lists all keys. What is seen is judged as `egret check` does, and so is the exit code: 0 every judged flow
/// passed; 1 some failed; 3 something could not be decided, or nothing was judged; 2 nothing could be read, there is no terminal,
/// or the command line is wrong.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    pub frames: Frames,

    /// Read captures as fast as they were captured (1), N times as fast, or at once (max). What was quiet for longer than a few
    /// seconds is passed over
    #[arg(long, value_name = "N|max", value_parser = speed, default_value = "max", help_heading = "Frames")]
    pub speed: Speed,

    #[command(flatten)]
    pub verdicts: UntilVerdicts,

    #[command(flatten)]
    pub known: Known,

    #[command(flatten)]
    pub traffic: Traffic,

    #[command(flatten)]
    pub unrewritten: Unrewritten,

    /// Have the kernel hand over only what the selected flows may need, as `egret check --narrow` does
    #[arg(long, help_heading = "Which traffic (the same option again: or; different options: and)")]
    pub narrow: bool,

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

    /// Show addresses without their names
    #[arg(short = 'n', long, help_heading = "Output")]
    pub numeric: bool,

    /// Time zone of what is shown: a name like Asia/Seoul, or UTC [default: the machine's]
    #[arg(long, value_name = "ZONE", value_parser = zone, help_heading = "Output")]
    pub tz: Option<TimeZone>,

    /// Whether screens are coloured; auto does so unless `NO_COLOR` is set
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub color: Color,

    /// Exit with 0 where something could not be decided
    #[arg(long, help_heading = "Output")]
    pub allow_inconclusive: bool,
}

/// How fast captures are read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// As fast as can be.
    Most,
    /// So many times as fast as they were captured.
    Times(f64),
}

impl Speed {
    pub fn times(self) -> Option<f64> {
        match self {
            Self::Most => None,
            Self::Times(times) => Some(times),
        }
    }
}

impl Arguments {
    /// How much of a frame is captured, in bytes: any may be looked at.
    pub fn snap_length(&self) -> u32 {
        self.frames.snap_length.unwrap_or(MAX_SNAP_LENGTH)
    }
}

/// `1`, `0.5`, `10x`, `max`.
fn speed(typed: &str) -> Result<Speed, String> {
    if typed == "max" {
        return Ok(Speed::Most);
    }
    let times = typed.strip_suffix(['x', '×']).unwrap_or(typed).parse::<f64>().ok();
    times.filter(|times| (0.001..=1e6).contains(times)).map(Speed::Times).ok_or_else(|| {
        format!("`{typed}` is no speed; write 1 for the capture's own, 10 for ten times that, or max")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_a_number_of_times_or_the_most() {
        assert_eq!(speed("max"), Ok(Speed::Most));
        assert_eq!(speed("10"), Ok(Speed::Times(10.0)));
        assert_eq!(speed("0.5x"), Ok(Speed::Times(0.5)));
        for wrong in ["", "0", "-1", "fast", "nan", "inf", "1e9"] {
            assert!(speed(wrong).is_err(), "{wrong}");
        }
    }
}
