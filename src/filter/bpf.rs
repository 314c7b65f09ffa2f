//! Programs of the BSD packet filter, as libpcap compiles pcap-filter(7) expressions.
//!
//! libpcap compiles, and this module runs what it made, frame by frame, with the answers that libpcap's own interpreter
//! gives on a savefile. The binding's interpreter cannot be used: it takes what was captured of a frame for all that there was,
//! so `less`, `greater` and `len` would be wrong on every frame that a snap length has cut.
//!
//! 1. A program belongs to a link type: offsets differ, and some expressions exist for one and not for another.
//! 2. Frames are looked at as those of a savefile are, whatever they come from: `inbound` is known where the link layer tells of it
//!    (cooked frames), and refused elsewhere, as tcpdump does with `-r`.
//! 3. The netmask is unknown, and 0 as in tcpdump: `ip broadcast` means 0.0.0.0 and 255.255.255.255.
//!
//! The trap: libpcap asks the resolver for the names in an expression. [`Program::compile`] does not look for them;
//! [`crate::filter::expression`] does, and comes first for whatever somebody typed.

mod instruction;
mod link;
mod listing;
mod run;

use pcap::{Capture, Linktype};

use self::instruction::{Instruction, Step};
use crate::filter::words;
use crate::frame::LinkType;

/// A compiled expression for frames of one link type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    link: LinkType,
    instructions: Vec<Instruction>,
    /// The same, to be run.
    steps: Box<[Step]>,
}

/// Why there is no program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// In libpcap's own words.
    #[error("{0}")]
    Refused(String),
    /// What libpcap says to a savefile, and does not say without one.
    #[error("{what} not supported on {link} when reading savefiles")]
    Unsaid { what: &'static str, link: String },
    /// libpcap compiles it, and would not run it.
    #[error("BPF program is not valid")]
    Invalid,
}

impl Program {
    /// Compiles `expression`, optimized as tcpdump does. An empty one matches every frame.
    pub fn compile(expression: &str, link: LinkType) -> Result<Self, Error> {
        Self::compiled(expression, link, true)
    }

    /// Compiles `expression` word for word. libpcap's optimizer (1.10.3) may join branches that know different things of one
    /// field, and lose frames by it; what must lose none is longer, and right.
    pub fn unoptimized(expression: &str, link: LinkType) -> Result<Self, Error> {
        Self::compiled(expression, link, false)
    }

    fn compiled(expression: &str, link: LinkType, is_optimized: bool) -> Result<Self, Error> {
        let number = link::number(link);
        let refused = |error: pcap::Error| Error::Refused(words_of(&error));
        let compiled = Capture::dead(Linktype(number))
            .and_then(|capture| capture.compile(expression, is_optimized))
            .map_err(refused)?;
        let instructions: Vec<Instruction> = compiled
            .get_instructions()
            .iter()
            .map(|printed| Instruction::parse(&printed.to_string()).ok_or(Error::Invalid))
            .collect::<Result<_, _>>()?;
        if instructions.iter().any(|instruction| instruction.asks_the_kernel())
            && let Some(what) = words::of_the_kernel(expression)
        {
            let link = Linktype(number).get_description().unwrap_or_else(|_| link.to_string());
            return Err(Error::Unsaid { what, link });
        }
        let steps = instruction::steps(&instructions).ok_or(Error::Invalid)?;
        Ok(Self { link, instructions, steps })
    }

    /// The link type of the frames that this is for.
    pub fn link(&self) -> LinkType {
        self.link
    }

    /// Whether a frame matches, of which these bytes were captured out of `original`.
    #[inline]
    pub fn matches(&self, bytes: &[u8], original: u32) -> bool {
        run::run(&self.steps, bytes, original) != 0
    }

    /// The program as `tcpdump -d` prints it, a line an instruction, for a capture with this snap length.
    pub fn listing(&self, snap_length: u32) -> String {
        listing::listing(&self.instructions, snap_length)
    }

    /// How many instructions there are.
    pub fn instructions(&self) -> usize {
        self.instructions.len()
    }
}

/// What libpcap says, without what the binding and libpcap itself put before it.
fn words_of(error: &pcap::Error) -> String {
    let words = match error {
        pcap::Error::PcapError(words) => words.clone(),
        other => other.to_string(),
    };
    words.strip_prefix("can't parse filter expression: ").unwrap_or(&words).to_owned()
}

#[cfg(test)]
mod tests;
