//! Named filters: data files in the composition's own words, with parameters.
//!
//! ```yaml
//! name: pod-pair
//! purpose: What a pod and another host say to each other
//! parameters:
//!   pod: { means: "the pod's addresses", default: "${POD_IP}" }
//!   peer: { means: "the other's addresses" }
//! filter:
//!   all:
//!     - host: $pod
//!     - host: $peer
//! ```
//!
//! 1. A filter is a map. Its keys are those of options and policy files (`dst_port`, `not_host`), those that only presets
//!    have (`shows`, `neighbour`, `dst_outside`, `expression`), and `all`, `any` and `not`, which hold filters again. All
//!    keys of a map must be met, and one value of each suffices.
//! 2. A value `$NAME` is a parameter's, which may be a list. Its value is given with the preset, or it is the default: text,
//!    or a variable of the environment, `${POD_IP}`.
//! 3. Mistakes are told all at once, with line and column; a parameter without a value is told when it is needed.

mod built_in;
mod reading;
mod wanted;

use crate::filter::composition::Composition;
use crate::filter::expression::Expression;
use crate::filter::term::{self, Term, split};
use crate::nearest::meant;
use crate::net::Block;

pub use crate::document::Error as FileError;
pub use built_in::built_in;
pub use wanted::{Malformed, Wanted};

/// A preset as its file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preset {
    pub name: String,
    /// One line.
    pub purpose: String,
    pub parameters: Vec<Parameter>,
    filter: Shape,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    pub name: String,
    /// What its values are.
    pub means: String,
    pub default: Option<Default>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Default {
    Text(String),
    /// A variable of the environment.
    Variable(String),
}

/// A filter whose parameters have no values yet.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    All(Vec<Shape>),
    Any(Vec<Shape>),
    Not(Box<Shape>),
    Term { key: String, values: Vec<Value> },
    Matches(Expression),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    /// By its name.
    Parameter(String),
}

/// What a parameter has come to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    pub parameter: String,
    /// Values between commas.
    pub value: String,
    pub origin: Origin,
}

/// Who said what a parameter's value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Given,
    Variable(String),
    Default,
}

/// A preset cannot be used as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("no preset is named `{typed}`{}; `egret filter list` has them all", meant(nearest.as_deref()))]
    Unknown { typed: String, nearest: Option<String> },
    #[error("the preset {preset} has no parameter `{typed}`; {known}")]
    UnknownParameter { preset: String, typed: String, known: String },
    #[error(
        "the preset {preset} needs `{parameter}` ({means}){unset}; write --preset {preset}:{parameter}=VALUE{or}"
    )]
    Missing { preset: String, parameter: String, means: String, unset: String, or: String },
    #[error("the preset {preset}: {key}: {why}")]
    Value { preset: String, key: String, why: String },
}

/// What names of hosts mean; an error says why one means nothing.
pub type Lookup<'a> = &'a mut dyn FnMut(&str) -> Result<Vec<Block>, String>;

impl Preset {
    /// The preset in a file called `file` whose content is `bytes`.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self, FileError> {
        reading::read(file, bytes)
    }

    /// What each parameter is, from what was given, and what `environment` has.
    pub fn arguments(
        &self,
        given: &[(String, String)],
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Vec<Argument>, Error> {
        if let Some((typed, _)) = given.iter().find(|(name, _)| !self.has(name)) {
            let names: Vec<&str> = self.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
            let known = match names.as_slice() {
                [] => "it has none".to_owned(),
                names => format!("its parameters are: {}", names.join(", ")),
            };
            return Err(Error::UnknownParameter { preset: self.name.clone(), typed: typed.clone(), known });
        }
        self.parameters.iter().map(|parameter| self.argument(parameter, given, environment)).collect()
    }

    /// The same for one parameter.
    pub fn argument(
        &self,
        parameter: &Parameter,
        given: &[(String, String)],
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Argument, Error> {
        let argument = |value: &str, origin| Argument {
            parameter: parameter.name.clone(),
            value: value.to_owned(),
            origin,
        };
        if let Some((_, value)) = given.iter().find(|(name, _)| *name == parameter.name) {
            return Ok(argument(value, Origin::Given));
        }
        let variable = match &parameter.default {
            Some(Default::Text(value)) => return Ok(argument(value, Origin::Default)),
            Some(Default::Variable(variable)) => Some(variable),
            None => None,
        };
        let set = variable.and_then(|variable| Some((variable, environment(variable)?)));
        match set.filter(|(_, value)| !value.trim().is_empty()) {
            Some((variable, value)) => Ok(argument(&value, Origin::Variable(variable.clone()))),
            None => Err(Error::Missing {
                preset: self.name.clone(),
                parameter: parameter.name.clone(),
                means: parameter.means.clone(),
                unset: variable.map(|name| format!(", and {name} is not set")).unwrap_or_default(),
                or: variable.map(|name| format!(", or set {name}")).unwrap_or_default(),
            }),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.parameters.iter().any(|parameter| parameter.name == name)
    }

    /// The tree, with these arguments.
    pub fn composition(&self, arguments: &[Argument], lookup: Lookup<'_>) -> Result<Composition, Error> {
        self.grown(&self.filter, arguments, lookup)
    }

    fn grown(&self, shape: &Shape, arguments: &[Argument], lookup: Lookup<'_>) -> Result<Composition, Error> {
        let mut each = |parts: &[Shape]| -> Result<Vec<Composition>, Error> {
            parts.iter().map(|part| self.grown(part, arguments, lookup)).collect()
        };
        Ok(match shape {
            Shape::All(parts) if parts.len() == 1 => each(parts)?.remove(0),
            Shape::All(parts) => Composition::All(each(parts)?),
            Shape::Any(parts) => Composition::Any(each(parts)?),
            Shape::Not(part) => self.grown(part, arguments, lookup)?.negated(),
            Shape::Matches(expression) => Term::Matches(expression.clone()).into(),
            Shape::Term { key, values } => self.term(key, values, arguments, lookup)?,
        })
    }

    fn term(
        &self,
        key: &str,
        values: &[Value],
        arguments: &[Argument],
        lookup: Lookup<'_>,
    ) -> Result<Composition, Error> {
        let (is_not, name) = split(key);
        let mut term = Term::named(name).expect("keys are checked when a preset is read");
        for value in values {
            let (text, shown) = match value {
                Value::Text(text) => (text.as_str(), key),
                Value::Parameter(name) => {
                    let argument = arguments.iter().find(|argument| argument.parameter == *name);
                    (argument.map_or("", |argument| argument.value.as_str()), name.as_str())
                }
            };
            let failed = |why: String| Error::Value { preset: self.name.clone(), key: shown.to_owned(), why };
            add(&mut term, text, lookup).map_err(failed)?;
        }
        let term = Composition::from(term);
        Ok(if is_not { term.negated() } else { term })
    }
}

/// Adds a list of values to a term; names of hosts are looked up.
fn add(term: &mut Term, list: &str, lookup: Lookup<'_>) -> Result<(), String> {
    for value in list.split(',').map(str::trim) {
        if value.is_empty() {
            return Err(term::Error::Missing { typed: list.to_owned() }.to_string());
        }
        match (value.parse(), term.blocks_mut()) {
            (Ok(crate::filter::address::Typed::Name(name)), Some(blocks)) => blocks.extend(lookup(&name)?),
            _ => term.push(value).map_err(|error| error.to_string())?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
