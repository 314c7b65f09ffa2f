//! A walk through a document's tree that goes on after a mistake.
//!
//! What is written must say something: unknown keys, empty values and empty lists are mistakes, because a forgotten value
//! must not make a document speak about everything.

use std::fmt::Display;

use crate::document::{Fault, Key, Node, Position, Value};
use crate::nearest::{meant, nearest};
use crate::text::Text;

/// The mistakes that were found so far, and the ways to read what is right.
#[derive(Debug, Default)]
pub struct Reading {
    faults: Vec<Fault>,
}

impl Reading {
    pub fn fault(&mut self, at: Position, message: impl Display) {
        self.faults.push(Fault::new(at, message.to_string()));
    }

    /// How many mistakes there are.
    pub fn count(&self) -> usize {
        self.faults.len()
    }

    pub fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    /// A line of text.
    pub fn one_line(&mut self, key: &Key, node: &Node) -> Option<String> {
        let Value::Scalar(text) = &node.value else {
            self.fault(node.at.or(key.at), format!("`{}` is a line of text; put it in quotes", key.name));
            return None;
        };
        let shown = Text::from(text.as_str()).to_string();
        if text.trim().is_empty() || shown != text.replace('\\', "\\\\") {
            let next = "write it on one line without control characters";
            self.fault(node.at, format!("`{}` is not a line of text; {next}", key.name));
            return None;
        }
        Some(text.trim().to_owned())
    }

    /// True or false.
    pub fn flag(&mut self, key: &Key, node: &Node) -> bool {
        if let Value::Bool(flag) = node.value {
            return flag;
        }
        self.fault(node.at.or(key.at), format!("`{}` is true or false, without quotes", key.name));
        false
    }

    /// The values under `key`, one or a list of them, each as `read` understands it.
    pub fn values<T, E: Display>(
        &mut self,
        key: &Key,
        node: &Node,
        mut read: impl FnMut(&Key, &str) -> Result<T, E>,
    ) -> Vec<T> {
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        if items.is_empty() {
            self.fault(node.at, empty(key));
        }
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match &item.value {
                Value::Scalar(text) => match read(key, text) {
                    Ok(value) => values.push(value),
                    Err(error) => self.fault(item.at, Text::from(&*error.to_string())),
                },
                Value::Null => self.fault(item.at.or(key.at), empty(key)),
                _ => {
                    let next = "write one value, or several like [a, b]";
                    self.fault(item.at, format!("this is not a value of `{}`; {next}", key.name));
                }
            }
        }
        values
    }

    /// The entries of a map whose keys are `known`; others are mistakes.
    pub fn entries<'n>(&mut self, node: &'n Node, what: &str, known: &[&str]) -> Vec<(&'n Key, &'n Node)> {
        let Value::Map(entries) = &node.value else {
            self.fault(node.at, format!("{what} has keys of its own: {}", known.join(", ")));
            return Vec::new();
        };
        let (good, unknown): (Vec<_>, Vec<_>) =
            entries.iter().map(|(key, node)| (key, node)).partition(|(key, _)| known.contains(&&*key.name));
        for (key, _) in unknown {
            self.unknown(key, what, known);
        }
        good
    }

    /// Tells of a key that is not among those `known`.
    pub fn unknown(&mut self, key: &Key, what: &str, known: &[&str]) {
        let meant = meant(nearest(&key.name, known.iter().copied()));
        let keys = if known.len() == 1 { "its key is" } else { "the keys are" };
        let shown = Text::from(&*key.name);
        self.fault(key.at, format!("`{shown}` is not a key of {what}{meant}; {keys} {}", known.join(", ")));
    }
}

/// What is said of a key without a value.
pub fn empty(key: &Key) -> String {
    format!("`{}` is empty; write a value, or leave the key out", Text::from(&*key.name))
}
