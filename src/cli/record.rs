//! What `egret record` is told.

use std::path::PathBuf;
use std::time::Duration;

use clap::ArgAction;

use crate::cli::capturing::Capturing;
use crate::cli::frames::{Frames, USUAL_SNAP_LENGTH};
use crate::cli::traffic::Traffic;
use crate::cli::until;

const EXAMPLES: &str = "\
Examples:
  egret record -i any -w node1.pcapng --duration 30s
  egret record -i any -w node1.pcapng -C 100 -W 10 host 203.0.113.25 or port 4789
  egret record -r node1.pcap -w syns.pcapng --preset handshakes";

/// Keep frames in a file (pcapng): of several interfaces, machines and captures in one.
///
/// `egret check -r FILE` judges them later, by the names that points and interfaces have here; tcpdump and Wireshark read
/// them. It ends by Ctrl-C, or as --duration, -c and --while say; whatever ends it, what was captured by then is in the file.
///
/// Exit codes: 0 all frames that were asked for were kept; 3 some were not: the kernel dropped them, the disk was full, a
/// source ended before its time; 2 nothing could be captured, or the command line is wrong.
#[derive(Debug, Clone, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    pub frames: Frames,

    #[command(flatten)]
    pub capturing: Capturing,

    #[command(flatten)]
    pub traffic: Traffic,

    /// File to write; `-` is standard output. With --rotate-… a number comes before its ending: trace-00001.pcapng, …
    #[arg(short = 'w', long = "write", value_name = "FILE", help_heading = "Files")]
    pub write: PathBuf,

    /// Begin another file before one would be larger: 100MB, 2GiB; a bare number is millions of bytes
    #[arg(short = 'C', long, value_name = "SIZE", help_heading = "Files", value_parser = size)]
    pub rotate_size: Option<u64>,

    /// Begin another file when one spans that time, by the times of frames: 10m, 1h; a bare number is seconds
    #[arg(short = 'G', long, value_name = "TIME", help_heading = "Files", value_parser = until::duration)]
    pub rotate_time: Option<Duration>,

    /// Keep the N newest of these files; the oldest goes before another is begun
    #[arg(short = 'W', long, value_name = "N", help_heading = "Files", value_parser = clap::value_parser!(u32).range(1..))]
    pub keep: Option<u32>,

    /// What egret does in any case: nothing is printed, so no names are looked up for it
    #[arg(short = 'n', action = ArgAction::Count)]
    pub numeric: u8,
}

impl Arguments {
    /// How much of a frame is captured, in bytes; 0 is all.
    pub fn snap_length(&self) -> u32 {
        self.frames.snap_length.unwrap_or(USUAL_SNAP_LENGTH)
    }

    /// Whether there are to be several files.
    pub fn is_rotated(&self) -> bool {
        self.rotate_size.is_some() || self.rotate_time.is_some()
    }

    /// Refuses what makes no sense together.
    pub fn fit(&self) -> anyhow::Result<()> {
        if self.keep.is_some() && !self.is_rotated() {
            anyhow::bail!(
                "--keep is about files that follow one another: give --rotate-size or --rotate-time, too"
            );
        }
        if self.is_rotated() && self.write.as_os_str() == "-" {
            anyhow::bail!("-w -: standard output is one file; give -w a file where there are to be several");
        }
        Ok(())
    }
}

/// `100MB`, `2GiB`, `500k`; a bare number is millions of bytes, as with tcpdump.
fn size(typed: &str) -> Result<u64, String> {
    let wrong = || format!("`{typed}` is no size; write it like 100MB or 2GiB");
    let digits = typed.len() - typed.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = typed.split_at(digits);
    let unit: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "m" | "mb" => 1_000_000,
        "b" => 1,
        "k" | "kb" => 1_000,
        "g" | "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return Err(wrong()),
    };
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_typed_as_people_say_them() {
        let sizes = ["100MB", "2GiB", "500k", "5", "10 mb", "70000b"].map(size);
        let bytes = [100_000_000, 2 << 30, 500_000, 5_000_000, 10_000_000, 70_000];
        assert_eq!(sizes, bytes.map(Ok));
        for wrong in ["", "MB", "0", "-5", "5 parsecs", "99999999999999999999"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
