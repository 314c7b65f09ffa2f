//! How `dump` and `record` capture, in tcpdump's letters.

use clap::ValueEnum;

use crate::capture::live;
use crate::cli::frames::Source;

#[derive(Debug, Clone, Copy, Default, clap::Args)]
#[command(next_help_heading = "Frames")]
pub struct Capturing {
    /// Only what comes in at the interface, or only what goes out
    #[arg(
        short = 'Q',
        value_name = "DIRECTION",
        value_enum,
        default_value = "inout",
        hide_default_value = true
    )]
    pub direction: Direction,

    /// Hand over each packet at once, to a file, too
    #[arg(short = 'U')]
    pub is_prompt: bool,

    /// What egret does in any case: interfaces are not made to show what is meant for other machines (promiscuous mode)
    #[arg(short = 'p')]
    pub is_not_promiscuous: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Direction {
    In,
    Out,
    #[default]
    Inout,
}

impl Capturing {
    pub fn direction(self) -> live::Direction {
        match self.direction {
            Direction::In => live::Direction::In,
            Direction::Out => live::Direction::Out,
            Direction::Inout => live::Direction::Both,
        }
    }

    /// Refuses a direction where it is not the kernel here that tells it.
    pub fn fits(self, sources: &[Source]) -> anyhow::Result<()> {
        let word = match self.direction {
            Direction::In => "inbound",
            Direction::Out => "outbound",
            Direction::Inout => return Ok(()),
        };
        let is_elsewhere = |source: &&Source| !source.input.is_here();
        match sources.iter().find(is_elsewhere) {
            Some(source) => anyhow::bail!(
                "-Q is about interfaces that are captured here, and {} is none: a capture of `any` knows directions; \
                 write `{word}` as its expression",
                source.shown
            ),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::frames::Input;

    fn source(input: Input) -> Source {
        Source { name: "node1".to_owned(), shown: "node1.pcap".to_owned(), input }
    }

    #[test]
    fn a_direction_is_asked_of_the_kernel_alone() {
        let live = [source(Input::Interface("any".into()))];
        let both = [live[0].clone(), source(Input::File("node1.pcap".into()))];
        let outgoing = Capturing { direction: Direction::Out, ..Capturing::default() };
        assert!(outgoing.fits(&live).is_ok());
        let refused = outgoing.fits(&both).expect_err("files tell no direction to a kernel").to_string();
        assert!(refused.contains("node1.pcap") && refused.contains("`outbound`"), "{refused}");
        assert!(Capturing::default().fits(&both).is_ok());
    }
}
