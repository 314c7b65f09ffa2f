//! Which traffic is asked about: the options that every command understands alike.

mod lookup;
mod terms;

use std::cell::RefCell;
use std::path::PathBuf;

use crate::filter::composition::Composition;
use crate::filter::expression::{Expression, Names};
use crate::filter::term::Term;
use crate::net::{Address, Block};

pub use lookup::{Error as LookupError, Lookup};
pub use terms::Terms;

#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Which traffic (the same option again: or; different options: and)")]
pub struct Traffic {
    #[command(flatten)]
    pub terms: Terms,

    /// Ask name servers for names that no hosts file knows: this sends packets
    #[arg(long)]
    pub resolve: bool,

    /// Expression of pcap-filter(7), as tcpdump takes it; joined with the options by *and*
    #[arg(value_name = "EXPRESSION", allow_negative_numbers = true)]
    pub expression: Vec<String>,
}

/// What was asked for, once names have become addresses.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub composition: Composition,
    /// The expression by itself: it is part of the composition.
    pub expression: Option<Expression>,
    /// What was likely meant otherwise, a sentence each.
    pub warnings: Vec<String>,
    /// What names stand for, a line each.
    pub assumptions: Vec<String>,
}

impl Traffic {
    /// The tree of all that was typed; names are looked up in these files, then in the machine's own.
    pub fn asked(&self, hosts: &[PathBuf]) -> anyhow::Result<Asked> {
        let mut lookup = Lookup::new(hosts, self.resolve);
        let mut composition = self.terms.composition(&mut lookup)?;
        let expression = self.checked(&mut lookup)?;
        let warnings = expression.as_ref().map_or_else(Vec::new, |checked| checked.warnings().to_vec());
        if let Some(expression) = &expression {
            composition = composition.and(Term::Matches(expression.clone()).into());
        }
        Ok(Asked { composition, expression, warnings, assumptions: lookup.assumptions() })
    }

    fn checked(&self, lookup: &mut Lookup) -> anyhow::Result<Option<Expression>> {
        let lookup = RefCell::new(lookup);
        let broken = RefCell::new(None);
        let known = |name: &str| match lookup.borrow_mut().blocks(name) {
            Ok(blocks) => blocks.into_iter().filter_map(Block::single).map(Address::ip).collect(),
            Err(LookupError::Unknown { .. } | LookupError::Unresolved { .. }) => Vec::new(),
            Err(error) => {
                broken.replace(Some(error));
                Vec::new()
            }
        };
        let checked =
            Expression::of_words(&self.expression, &Names { known: &known, are_asked: self.resolve });
        match broken.take() {
            Some(error) => Err(error.into()),
            None => Ok(checked?),
        }
    }
}
