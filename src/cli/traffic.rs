//! Which traffic is asked about: the options that every command understands alike.

mod library;
mod lookup;
mod terms;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use crate::cli::frames::Source;
use crate::filter::composition::Composition;
use crate::filter::expression::{Expression, Names};
use crate::filter::preset::Wanted;
use crate::filter::term::Term;
use crate::net::{Address, Block};

pub use library::{Entry, Library};
pub use lookup::{Error as LookupError, Lookup, MACHINE as MACHINES_HOSTS};
pub use terms::Terms;

#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Which traffic (the same option again: or; different options: and)")]
pub struct Traffic {
    #[command(flatten)]
    pub terms: Terms,

    /// Named filter, as `egret filter list` has them; parameters behind a colon, separated by commas (repeat)
    #[arg(long, value_name = "NAME[:PARAMETER=VALUE]")]
    pub preset: Vec<Wanted>,

    /// Folder of presets (*.yaml) beside those that egret brings along, and before them
    #[arg(long, value_name = "DIR", env = "EGRET_PRESETS", hide_env_values = true)]
    pub presets: Option<PathBuf>,

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
    /// All of it.
    pub composition: Composition,
    /// Of that, what options and presets ask, and the expression.
    pub options: Composition,
    pub expression: Option<Expression>,
    /// What was likely meant otherwise, a sentence each.
    pub warnings: Vec<String>,
    /// What names stand for, a line each.
    pub assumptions: Vec<String>,
}

impl Asked {
    /// Whether it can be asked of frames of these sources: an interface that is captured here takes other expressions than a
    /// file does.
    pub fn fits(&self, sources: &[Source]) -> anyhow::Result<()> {
        if let Some(expression) = &self.expression
            && sources.iter().any(|source| source.input.is_here())
        {
            expression.check_live()?;
        }
        Ok(())
    }
}

impl Traffic {
    /// What was typed, in one line that can be typed again.
    pub fn typed(&self) -> String {
        let presets = self.preset.iter().map(|wanted| format!("--preset {wanted}"));
        let parts: Vec<String> =
            self.terms.typed().into_iter().chain(presets).chain(self.expression.iter().cloned()).collect();
        parts.join(" ")
    }

    /// The tree of all that was typed; names are looked up in these files, then in the machine's own.
    pub fn asked(&self, hosts: &[PathBuf]) -> anyhow::Result<Asked> {
        let mut lookup = Lookup::new(hosts, self.resolve);
        let mut options = self.terms.composition(&mut lookup)?;
        for part in self.of_presets(&mut lookup)? {
            options = options.and(part);
        }
        let expression = self.checked(&mut lookup)?;
        let warnings = expression.as_ref().map_or_else(Vec::new, |checked| checked.warnings().to_vec());
        let mut composition = options.clone();
        if let Some(expression) = &expression {
            composition = composition.and(Term::Matches(expression.clone()).into());
        }
        Ok(Asked { composition, options, expression, warnings, assumptions: lookup.assumptions() })
    }

    /// The trees of the presets that were asked for.
    fn of_presets(&self, lookup: &mut Lookup) -> anyhow::Result<Vec<Composition>> {
        if self.preset.is_empty() {
            return Ok(Vec::new());
        }
        let library = Library::read(self.presets.as_deref())?;
        let mut blocks = |name: &str| lookup.blocks(name).map_err(|error| error.to_string());
        let mut composed = |wanted: &Wanted| -> anyhow::Result<Composition> {
            let preset = &library.find(&wanted.name)?.preset;
            let arguments = preset.arguments(&wanted.given, &|name| std::env::var(name).ok())?;
            Ok(preset.composition(&arguments, &mut blocks)?)
        };
        self.preset.iter().map(&mut composed).collect()
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
            None => checked.map_err(|error| {
                let file = self.expression.iter().find(|word| Path::new(word).is_file());
                match file {
                    Some(file) => anyhow::anyhow!(
                        "{error}\n`{}` is a file, and here stands an expression; captures are read with -r",
                        file.escape_debug()
                    ),
                    None => error.into(),
                }
            }),
        }
    }
}
