//! Interfaces as sections declare them, and their numbers, which hold for the whole file.

use std::collections::HashMap;

use super::super::order::Order;
use super::options::{self, Options};
use super::resolution::Clock;
use crate::digest::{CaptureFilter, IndexName, Interface};
use crate::frame::LinkType;
use crate::text::Text;

/// Longest name that is kept, in bytes. Linux has 15, Windows about 50; a file may state 65,535.
const MAX_NAME: usize = 256;

/// Most names of a block that are kept.
const MAX_NAMES: usize = 1 << 16;

/// One interface of the current section.
#[derive(Debug, Clone)]
pub(super) struct Declared {
    /// The interface's number in the file.
    pub(super) number: u16,
    pub(super) link: LinkType,
    pub(super) snap_length: u32,
    pub(super) clock: Clock,
    /// Frames that the section has said it lost here.
    pub(super) lost: u64,
}

/// What the interface description `block` says; `None` where it is too short.
pub(super) fn described(order: Order, block: &[u8]) -> Option<(Interface, Clock)> {
    if block.len() < 20 {
        return None;
    }
    let (mut name, mut resolution, mut offset) = (None, 6, 0);
    for (code, value) in Options::of_block(order, block, 16) {
        match (code, value.len()) {
            (options::NAME, 1..) => name = Some(Text::from_bytes(&value[..value.len().min(MAX_NAME)])),
            (options::RESOLUTION, 1) => resolution = value[0],
            (options::OFFSET, 8) => offset = order.u64(value, 0) as i64,
            _ => {}
        }
    }
    let link = LinkType::from_file(order.u16(block, 8));
    let interface =
        Interface { link, name: name.filter(|n| !n.is_empty()), snap_length: order.u32(block, 12) };
    Some((interface, Clock::new(resolution, offset)))
}

/// What the interface description `block` says that it was captured with.
///
/// The option's first byte says what follows: 0 an expression, 1 a program of eight bytes an instruction. A writer that
/// leaves the byte out writes an expression.
pub(super) fn capture_filter(order: Order, block: &[u8], interface: u16) -> Option<CaptureFilter> {
    let (_, value) = Options::of_block(order, block, 16).find(|(code, _)| *code == options::FILTER)?;
    let expression = match value {
        [1, program @ ..] => Text::from(&*format!("a program of {} instructions", program.len() / 8)),
        [0, text @ ..] | text => Text::from_bytes(text),
    };
    (!expression.is_empty()).then_some(CaptureFilter { interface, expression })
}

/// The names that comments in the options of `block` from `from` on give the interface indexes of a cooked capture:
/// a line each, as `ip link` begins the one of an interface, `2: eth0:`.
pub(super) fn index_names(order: Order, block: &[u8], from: usize, interface: u16) -> Vec<IndexName> {
    let comments = Options::of_block(order, block, from).filter(|(code, _)| *code == options::COMMENT);
    let lines = comments.flat_map(|(_, comment)| comment.split(|byte| *byte == b'\n'));
    lines.filter_map(|line| index_name(line, interface)).take(MAX_NAMES).collect()
}

fn index_name(line: &[u8], interface: u16) -> Option<IndexName> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let index = str::from_utf8(&line[..colon]).ok()?.parse().ok()?;
    let name = line[colon + 1..].strip_prefix(b" ")?.strip_suffix(b":")?;
    let is_name = (1..=MAX_NAME).contains(&name.len()) && !name.iter().any(u8::is_ascii_whitespace);
    is_name.then(|| IndexName { interface, index, name: Text::from_bytes(name) })
}

/// The numbers of a file's interfaces, in order of declaration. One that a later section declares again, at
/// the same position with the same name, link type and snap length, keeps its number: files of several sections
/// are mostly one capture, rotated or concatenated.
#[derive(Debug, Default)]
pub(in crate::capture) struct Numbers {
    by_identity: HashMap<(u32, LinkType, u32, Option<Text>), u16>,
    links: Vec<LinkType>,
}

impl Numbers {
    pub(super) fn get(&self, id: u32, interface: &Interface) -> Option<u16> {
        self.by_identity.get(&identity(id, interface)).copied()
    }

    /// The next number, for an interface that has none.
    pub(super) fn add(&mut self, id: u32, interface: &Interface) -> Result<u16, String> {
        let number = u16::try_from(self.links.len()).map_err(|_| "more than 65536 interfaces".to_owned())?;
        self.by_identity.insert(identity(id, interface), number);
        self.links.push(interface.link);
        Ok(number)
    }

    pub(in crate::capture) fn link(&self, number: u16) -> Option<LinkType> {
        self.links.get(usize::from(number)).copied()
    }
}

fn identity(id: u32, interface: &Interface) -> (u32, LinkType, u32, Option<Text>) {
    (id, interface.link, interface.snap_length, interface.name.clone())
}
