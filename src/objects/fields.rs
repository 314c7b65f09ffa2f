//! A walk through an object's tree that goes on after a mistake.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use super::{Place, Told, Written};
use crate::document::{Fault, Key, Node, Position, Value};
use crate::filter::address;
use crate::frame::Timestamp;
use crate::net::{Address, Block};
use crate::text::{Text, is_deceptive};

/// One file's objects while they are read.
pub(super) struct Reader<'t> {
    pub(super) file: Arc<str>,
    pub(super) text: &'t str,
    pub(super) faults: Vec<Fault>,
    /// Fields that were not looked at.
    pub(super) skipped: usize,
    pub(super) newest: Option<Timestamp>,
    /// The text's lines, once somebody asks for one of them.
    pub(super) lines: Option<Vec<&'t str>>,
}

/// The fields of a map that are known, by name.
pub(super) struct Fields<'n> {
    entries: Vec<(&'n Key, &'n Node)>,
}

impl<'n> Fields<'n> {
    /// The field's value; `None` where it is absent or null.
    pub(super) fn get(&self, name: &str) -> Option<&'n Node> {
        let (_, node) = self.entries.iter().find(|(key, _)| key.name == name)?;
        (!matches!(node.value, Value::Null)).then_some(*node)
    }
}

impl Reader<'_> {
    pub(super) fn fault(&mut self, at: Position, message: impl Display) {
        self.faults.push(Fault::new(at, message.to_string()));
    }

    pub(super) fn place(&self, at: Position) -> Place {
        Place { file: Arc::clone(&self.file), line: at.line, column: at.column }
    }

    pub(super) fn told<T>(&self, value: T, node: &Node) -> Told<T> {
        Told { value, at: self.place(node.at) }
    }

    /// The fields among `known`; others are counted. What is no map is a mistake.
    pub(super) fn fields<'n>(&mut self, node: &'n Node, what: &str, known: &[&str]) -> Fields<'n> {
        let entries = self.entries(node, what);
        let all = entries.len();
        let entries: Vec<_> = entries
            .iter()
            .filter(|(key, _)| known.contains(&key.name.as_str()))
            .map(|(key, node)| (key, node))
            .collect();
        self.skipped += all - entries.len();
        Fields { entries }
    }

    /// The fields of a field that may be absent.
    pub(super) fn inner<'n>(&mut self, outer: &Fields<'n>, name: &str, known: &[&str]) -> Fields<'n> {
        match outer.get(name) {
            Some(node) => self.fields(node, &format!("`{name}`"), known),
            None => Fields { entries: Vec::new() },
        }
    }

    pub(super) fn entries<'n>(&mut self, node: &'n Node, what: &str) -> &'n [(Key, Node)] {
        match &node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            _ => {
                self.fault(node.at, format!("{what} is not a map of fields"));
                &[]
            }
        }
    }

    /// The items of a list that may be absent.
    pub(super) fn items<'n>(&mut self, fields: &Fields<'n>, name: &str) -> &'n [Node] {
        match fields.get(name).map(|node| (&node.value, node.at)) {
            None => &[],
            Some((Value::List(items), _)) => items,
            Some((_, at)) => {
                self.fault(at, format!("`{name}` is not a list"));
                &[]
            }
        }
    }

    /// A text that can be shown as it is: reports and messages hold names of objects.
    pub(super) fn scalar(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.raw(node, what)?;
        if text.contains(is_deceptive) {
            self.fault(
                node.at,
                format!("{what} has characters that cannot be shown: `{}`", Text::from(&*text)),
            );
            return None;
        }
        Some(text)
    }

    fn raw(&mut self, node: &Node, what: &str) -> Option<String> {
        match &node.value {
            Value::Scalar(text) => Some(text.clone()),
            Value::Bool(flag) => {
                self.fault(node.at, format!("{what} is text; put `{flag}` in quotes"));
                None
            }
            _ => {
                self.fault(node.at, format!("{what} is not text"));
                None
            }
        }
    }

    /// A text that may be absent; an empty one counts as absent.
    pub(super) fn text(&mut self, fields: &Fields<'_>, name: &str) -> Option<Told<String>> {
        let node = fields.get(name)?;
        let text = self.scalar(node, &format!("`{name}`"))?;
        (!text.is_empty()).then(|| self.told(text, node))
    }

    pub(super) fn texts(&mut self, fields: &Fields<'_>, name: &str) -> Vec<Told<String>> {
        let items = self.items(fields, name);
        items
            .iter()
            .filter_map(|node| {
                let text = self.scalar(node, &format!("a value of `{name}`"))?;
                Some(self.told(text, node))
            })
            .collect()
    }

    pub(super) fn flag(&mut self, fields: &Fields<'_>, name: &str) -> Option<Told<bool>> {
        let node = fields.get(name)?;
        if let Value::Bool(flag) = node.value {
            return Some(self.told(flag, node));
        }
        self.fault(node.at, format!("`{name}` is true or false, without quotes"));
        None
    }

    pub(super) fn number<T: FromStr>(&mut self, fields: &Fields<'_>, name: &str) -> Option<Told<T>> {
        let node = fields.get(name)?;
        let read = match &node.value {
            Value::Scalar(text) => text.parse().ok(),
            _ => None,
        };
        if read.is_none() {
            self.fault(node.at, format!("`{name}` is not a number that fits here"));
        }
        Some(self.told(read?, node))
    }

    /// A value as `read` understands it.
    fn value<T, E: Display>(
        &mut self,
        node: &Node,
        what: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Told<T>> {
        let text = self.scalar(node, what)?;
        match read(&text) {
            Ok(value) => Some(self.told(value, node)),
            Err(error) => {
                self.fault(node.at, format!("{what}: {}", Text::from(&*error.to_string())));
                None
            }
        }
    }

    pub(super) fn address(&mut self, fields: &Fields<'_>, name: &str) -> Option<Told<Address>> {
        let node = fields.get(name)?;
        if matches!(&node.value, Value::Scalar(text) if text.is_empty()) {
            return None;
        }
        self.value(node, &format!("`{name}`"), address::address)
    }

    pub(super) fn addresses(&mut self, fields: &Fields<'_>, name: &str) -> Vec<Told<Address>> {
        let items = self.items(fields, name);
        let what = format!("a value of `{name}`");
        items.iter().filter_map(|node| self.value(node, &what, address::address)).collect()
    }

    pub(super) fn block(&mut self, fields: &Fields<'_>, name: &str) -> Option<Told<Block>> {
        let node = fields.get(name)?;
        self.value(node, &format!("`{name}`"), address::block)
    }

    pub(super) fn blocks(&mut self, fields: &Fields<'_>, name: &str) -> Vec<Told<Block>> {
        let items = self.items(fields, name);
        let what = format!("a value of `{name}`");
        items.iter().filter_map(|node| self.value(node, &what, address::block)).collect()
    }

    /// A time as RFC 3339 writes it. One that cannot be read is no mistake: nothing rests on it.
    pub(super) fn time(&mut self, fields: &Fields<'_>, name: &str) -> Option<Timestamp> {
        let node = fields.get(name)?;
        let Value::Scalar(text) = &node.value else { return None };
        let time: jiff::Timestamp = text.parse().ok()?;
        let time = Timestamp::from_nanos(i64::try_from(time.as_nanosecond()).ok()?);
        self.newest = self.newest.max(Some(time));
        Some(time)
    }

    /// A text as it is written, of which every line knows its place.
    pub(super) fn written(&mut self, fields: &Fields<'_>, name: &str) -> Option<Written> {
        let node = fields.get(name)?;
        let value = self.raw(node, &format!("`{name}`"))?;
        let at = self.place(node.at);
        let lines = self.lines.get_or_insert_with(|| self.text.lines().collect());
        Some(Written::find(value, at, lines))
    }
}
