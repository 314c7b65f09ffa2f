//! What `egret dump` is told: the options that fingers know from tcpdump.

use std::path::PathBuf;

use clap::{ArgAction, ValueEnum};
use jiff::tz::TimeZone;

use crate::capture::live::MAX_SNAP_LENGTH;
use crate::cli::capturing::Capturing;
use crate::cli::frames::{Frames, USUAL_SNAP_LENGTH};
use crate::cli::output::{Color, zone};
use crate::cli::traffic::Traffic;
use crate::paper::{hex, stamp};

const EXAMPLES: &str = "\
Examples:
  egret dump -i any -nnvXx host 10.128.0.5 and host 203.0.113.25
  egret dump -r node1.pcap -q --host 203.0.113.25 --not-port ssh
  egret dump -r node1.pcap --count --preset handshakes
  egret dump -r node1.pcap -r node2.pcap -vv --preset refusals";

/// Print packets: a line each, their fields, their bytes.
///
/// Lines, options and expressions are tcpdump's: `egret dump -r FILE -nnvXx host 10.0.0.1 and host 10.0.0.2`. What tunnels carry stands on
/// the same line, behind a `|`. Several captures are printed as one, by time, with the name of each in front.
///
/// Ports are numbers always; addresses have names where --hosts gives them one, unless -n is there. No name server is asked.
/// An expression and the options for traffic are asked of each frame by itself.
///
/// Exit codes: 0 all was read; 2 something could not be read, or not to its end, or the command line is wrong.
#[derive(Debug, Clone, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    pub frames: Frames,

    #[command(flatten)]
    pub capturing: Capturing,

    #[command(flatten)]
    pub traffic: Traffic,

    /// Write the frames to FILE (pcapng) instead of printing them; `-` is standard output
    #[arg(short = 'w', value_name = "FILE", help_heading = "Frames", conflicts_with_all = ["count_only", "format"])]
    pub write: Option<PathBuf>,

    #[command(flatten)]
    pub lines: Lines,
}

/// How packets are printed.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Lines")]
pub struct Lines {
    /// More of each packet: -v lengths, identification and checksums; -vv also what its fields say; -vvv every field
    /// of every layer, with its bytes
    #[arg(short = 'v', action = ArgAction::Count)]
    pub verbose: u8,

    /// Less of each packet: addresses, protocol, length
    #[arg(short = 'q')]
    pub quick: bool,

    /// The link's header, too: link-layer addresses, type, length
    #[arg(short = 'e')]
    pub link: bool,

    /// Time: -t none, -tt seconds since 1970, -ttt since the packet before, -tttt with the date, -ttttt since the first
    #[arg(short = 't', action = ArgAction::Count)]
    pub time: u8,

    /// Nanoseconds
    #[arg(long)]
    pub nano: bool,

    /// The bytes in hexadecimal, from the IP header on; -xx with the link's header
    #[arg(short = 'x', action = ArgAction::Count)]
    pub hex: u8,

    /// The same with the characters beside them; -XX with the link's header
    #[arg(short = 'X', action = ArgAction::Count)]
    pub hex_and_text: u8,

    /// The bytes as text, from the IP header on; -AA with the link's header. Ends of lines within packets are kept
    #[arg(short = 'A', action = ArgAction::Count)]
    pub text: u8,

    /// TCP sequence numbers as they are, not counted from the beginning of their conversation
    #[arg(short = 'S')]
    pub absolute: bool,

    /// The number of each packet in its capture
    #[arg(short = '#', long = "number")]
    pub number: bool,

    /// Addresses without the names of --hosts
    #[arg(short = 'n', action = ArgAction::Count)]
    pub numeric: u8,

    /// Hand over each packet at once, where the output is no terminal and the packets come from files
    #[arg(short = 'l')]
    pub line_buffered: bool,

    /// Print only how many packets there are
    #[arg(long = "count", conflicts_with = "format")]
    pub count_only: bool,

    /// Text for people; json (egret.dump/1, an object a line with every field) for programs
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,

    /// Time zone of the text: a name like Asia/Seoul, or UTC [default: the machine's]
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    pub tz: Option<TimeZone>,

    /// Whether text is coloured; auto is on a terminal, unless `NO_COLOR` is set
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

impl Arguments {
    /// How much of a frame is captured, in bytes: all of it, where all of it is shown; 0 is all.
    pub fn snap_length(&self) -> u32 {
        let lines = &self.lines;
        let shows_all = lines.bytes().is_some() || lines.format == Format::Json || self.write.is_some();
        let unsaid = if shows_all { MAX_SNAP_LENGTH } else { USUAL_SNAP_LENGTH };
        self.frames.snap_length.unwrap_or(unsaid)
    }
}

impl Lines {
    /// How bytes are printed, and whether the link's header is among them. Where several ways are asked for, tcpdump takes the
    /// one that shows most.
    pub fn bytes(&self) -> Option<(hex::Form, bool)> {
        match (self.hex_and_text, self.hex, self.text) {
            (0, 0, 0) => None,
            (0, 0, text) => Some((hex::Form::Text, text > 1)),
            (0, hex, _) => Some((hex::Form::Numbers, hex > 1)),
            (both, ..) => Some((hex::Form::NumbersAndText, both > 1)),
        }
    }

    pub fn stamp(&self) -> stamp::Form {
        match self.time {
            0 => stamp::Form::Clock,
            1 => stamp::Form::None,
            2 => stamp::Form::Seconds,
            3 => stamp::Form::SinceLast,
            4 => stamp::Form::Date,
            _ => stamp::Form::SinceFirst,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Typed {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn typed(line: &str) -> Arguments {
        Typed::try_parse_from(["dump"].into_iter().chain(line.split(' '))).expect("valid").arguments
    }

    #[test]
    fn what_fingers_type_is_understood() {
        let arguments = typed("-r f -nnvXx host 10.0.0.1 and host 10.0.0.2");
        let lines = &arguments.lines;
        assert_eq!((lines.numeric, lines.verbose), (2, 1));
        assert_eq!(lines.bytes(), Some((hex::Form::NumbersAndText, false)));
        assert_eq!(arguments.traffic.expression.join(" "), "host 10.0.0.1 and host 10.0.0.2");
        let live = typed("-i any -nnvXx host 10.0.0.1 and port 443");
        assert_eq!(live.frames.interface, ["any"]);
        assert_eq!(live.traffic.expression.len(), 5);
    }

    #[test]
    fn repeated_letters_mean_more() {
        assert_eq!(typed("-xx").lines.bytes(), Some((hex::Form::Numbers, true)));
        assert_eq!(typed("-XX -A").lines.bytes(), Some((hex::Form::NumbersAndText, true)));
        assert_eq!(typed("-ttttt").lines.stamp(), stamp::Form::SinceFirst);
        assert_eq!(typed("-q").snap_length(), 4_096);
        assert_eq!(typed("-X").snap_length(), MAX_SNAP_LENGTH);
    }
}
