//! Programs of the BSD packet filter, as libpcap compiles pcap-filter(7) expressions.
//!
//! libpcap compiles, and this module runs what it made, frame by frame, with the answers that libpcap's own interpreter
//! gives on a savefile. The binding's interpreter cannot be used: it takes what was captured of a frame for all that there was,
//! so `less`, `greater` and `len` would be wrong on every frame that a snap length has cut.
//!
//! 1. A program belongs to a link type: offsets differ, and some expressions exist for one and not for another.
//! 2. Frames are looked at as those of a savefile are, whatever they come from: `inbound` is known where the link layer tells of it
//!    (cooked frames), and refused elsewhere, as tcpdump does with `-r`.
//! 3. The BSD loopback header ([`LinkType::NULL`]) has its number in the order of bytes of the machine that captured. tcpdump goes by the
//!    file's; here each frame tells by which of its bytes are 0.
//! 4. The netmask is unknown, and 0 as in tcpdump: `ip broadcast` means 0.0.0.0 and 255.255.255.255.
//!
//! The trap: libpcap asks the resolver for the names in an expression. [`Program::compile`] does not look for them;
//! [`crate::filter::expression`] does, and comes first for whatever somebody typed.

pub(super) mod handle;
mod instruction;
mod listing;
mod run;

use self::handle::{Handle, Order};
use self::instruction::{Instruction, Step};
use crate::frame::LinkType;

/// A compiled expression for frames of one link type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    instructions: Vec<Instruction>,
    /// The same, to be run.
    steps: Box<[Step]>,
    /// …on frames of a machine that has the high byte first, where that makes a difference.
    big: Option<Box<[Step]>>,
}

/// Why there is no program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// In libpcap's own words.
    #[error("{0}")]
    Refused(String),
    #[error("libpcap cannot be asked, which takes a file in memory and /proc: {0}")]
    NoHandle(String),
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
        let (instructions, steps) = compiled(expression, link, Order::Little, is_optimized)?;
        let big = match link {
            LinkType::NULL | LinkType::ENC => Some(compiled(expression, link, Order::Big, is_optimized)?.1),
            _ => None,
        };
        Ok(Self { instructions, steps, big })
    }

    /// Whether a frame matches, of which these bytes were captured out of `original`.
    #[inline]
    pub fn matches(&self, bytes: &[u8], original: u32) -> bool {
        let steps = match &self.big {
            Some(big) if bytes.starts_with(&[0, 0]) => big,
            _ => &self.steps,
        };
        run::run(steps, bytes, original) != 0
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

fn compiled(
    expression: &str,
    link: LinkType,
    order: Order,
    is_optimized: bool,
) -> Result<(Vec<Instruction>, Box<[Step]>), Error> {
    let printed = Handle::of_order(link, order)?.compile(expression, is_optimized)?;
    let instructions: Vec<Instruction> = printed
        .iter()
        .map(|line| Instruction::parse(line).ok_or(Error::Invalid))
        .collect::<Result<_, _>>()?;
    let steps = instruction::steps(&instructions).ok_or(Error::Invalid)?;
    Ok((instructions, steps))
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
