//! The sources that a flow may leave with, and how people write them.
//!
//! Either addresses and CIDR blocks, any of which will do, or one of the words `node`, `pod`, `drop`, which stands
//! alone: "a node's address or 192.168.12.99" would let the very mistake pass that egret is there to find.

use std::collections::HashSet;
use std::fmt;

use crate::filter::address;
use crate::nearest::{meant, nearest};
use crate::net::{Address, Block};

/// The sources that a flow may leave with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Any address of these blocks.
    AnyOf(Vec<Block>),
    /// An address of a node.
    Node,
    /// An address of that node.
    NodeCalled { name: String, addresses: Vec<Address> },
    /// The pod's own address, un-translated.
    Pod,
    /// Nothing may leave.
    Drop,
    /// Cannot be derived: which fact is missing.
    Unknown { missing: String },
}

/// One item of a list of sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item {
    Block(Block),
    Word(Word),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Node,
    Pod,
    Drop,
}

/// What was typed is no source, or no list of sources.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(
        "`{typed}` is not a source{}; write an address like 192.168.12.99, a CIDR block, or one of the words node, \
         pod, drop",
        meant(*.nearest)
    )]
    NotASource { typed: String, nearest: Option<&'static str> },
    #[error(
        "the list of sources is empty; write the addresses to leave with, or one of the words node, pod, drop"
    )]
    Empty,
    #[error(
        "the word `{word}` stands alone as a source; write the addresses beside it as an expectation of their own"
    )]
    Mixed { word: String },
    #[error("`{block}` accepts every source and so proves nothing; write the addresses that are expected")]
    Everything { block: Block },
    #[error(transparent)]
    Address(#[from] address::Error),
}

impl Word {
    const ALL: [Self; 3] = [Self::Node, Self::Pod, Self::Drop];

    fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Pod => "pod",
            Self::Drop => "drop",
        }
    }
}

impl From<Word> for Source {
    fn from(word: Word) -> Self {
        match word {
            Word::Node => Self::Node,
            Word::Pod => Self::Pod,
            Word::Drop => Self::Drop,
        }
    }
}

impl Item {
    pub(crate) fn parse(typed: &str) -> Result<Self, Error> {
        if let Some(&word) = Word::ALL.iter().find(|word| word.name() == typed) {
            return Ok(Self::Word(word));
        }
        block(typed).map(Self::Block).map_err(|error| match error {
            Error::Address(_) => {
                let nearest = nearest(typed, Word::ALL.map(Word::name));
                Error::NotASource { typed: typed.to_owned(), nearest }
            }
            error => error,
        })
    }
}

/// The block of expected addresses that `typed` means.
pub(crate) fn block(typed: &str) -> Result<Block, Error> {
    match address::block(typed)? {
        block if is_everything(block) => Err(Error::Everything { block }),
        block => Ok(block),
    }
}

/// Whether `block` holds every address of its family.
pub(crate) fn is_everything(block: Block) -> bool {
    block.to_string().ends_with("/0")
}

impl Source {
    /// The source that a list of items means.
    pub(crate) fn from_items(items: &[Item]) -> Result<Self, Error> {
        let word = items.iter().find_map(|item| match *item {
            Item::Word(word) => Some(word),
            Item::Block(_) => None,
        });
        match word {
            Some(word) if items.iter().all(|&item| item == Item::Word(word)) => Ok(word.into()),
            Some(word) => Err(Error::Mixed { word: word.name().to_owned() }),
            None if items.is_empty() => Err(Error::Empty),
            None => Ok(Self::AnyOf(blocks_of(items))),
        }
    }

    /// The source that words or addresses between commas mean.
    pub(crate) fn parse(typed: &str) -> Result<Self, Error> {
        let items = typed.split(',').map(|item| Item::parse(item.trim()));
        match typed.trim() {
            "" => Err(Error::Empty),
            _ => Self::from_items(&items.collect::<Result<Vec<_>, _>>()?),
        }
    }

    /// Addresses, CIDR blocks, or one of the words; nothing where the source is not known.
    pub fn words(&self) -> Vec<String> {
        match self {
            Self::AnyOf(blocks) => blocks.iter().map(Block::to_string).collect(),
            Self::Node => vec!["node".to_owned()],
            Self::NodeCalled { name, .. } => vec![format!("node {name}")],
            Self::Pod => vec!["pod".to_owned()],
            Self::Drop => vec!["drop".to_owned()],
            Self::Unknown { .. } => Vec::new(),
        }
    }
}

/// The blocks among `items`, each once, in the order written.
fn blocks_of(items: &[Item]) -> Vec<Block> {
    let mut seen = HashSet::with_capacity(items.len());
    let blocks = items.iter().filter_map(|item| match *item {
        Item::Block(block) => Some(block),
        Item::Word(_) => None,
    });
    blocks.filter(|&block| seen.insert(block)).collect()
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { missing } => write!(f, "unknown without {missing}"),
            known => f.write_str(&known.words().join(" or ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_any_of_some_addresses_or_one_word() {
        assert_eq!(Source::parse("node").unwrap(), Source::Node);
        assert_eq!(Source::parse("drop").unwrap(), Source::Drop);
        assert_eq!(
            Source::parse("192.168.12.99, 192.168.13.0/28,192.168.12.99").unwrap().to_string(),
            "192.168.12.99 or 192.168.13.0/28"
        );
    }

    #[test]
    fn a_word_beside_addresses_is_refused() {
        assert_eq!(
            Source::parse("192.168.12.99,node").unwrap_err().to_string(),
            "the word `node` stands alone as a source; write the addresses beside it as an expectation of their own"
        );
        assert!(matches!(Source::parse("pod,drop"), Err(Error::Mixed { .. })));
    }

    #[test]
    fn what_is_no_source_is_answered_with_what_is() {
        let said = |typed| Source::parse(typed).unwrap_err().to_string();
        assert_eq!(
            said("nodes"),
            "`nodes` is not a source (did you mean `node`?); write an address like 192.168.12.99, a CIDR block, or \
             one of the words node, pod, drop"
        );
        assert!(said("192.168.12.999").starts_with("`192.168.12.999` is not a source; write an address"));
        assert!(said("192.168.12.99,").starts_with("`` is not a source; write"));
        assert_eq!(
            said(" "),
            "the list of sources is empty; write the addresses to leave with, or one of the words node, pod, drop"
        );
    }

    #[test]
    fn a_source_that_accepts_everything_is_refused() {
        assert_eq!(
            Source::parse("0.0.0.0/0").unwrap_err().to_string(),
            "`0.0.0.0/0` accepts every source and so proves nothing; write the addresses that are expected"
        );
        assert!(matches!(Source::parse("::/0"), Err(Error::Everything { .. })));
        assert!(!is_everything("10.0.0.0/8".parse().unwrap()));
    }
}
