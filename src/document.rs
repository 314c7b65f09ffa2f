//! A YAML document as a tree in which every value and key knows its line and column.
//!
//! Reading the tree first and understanding it afterwards lets all mistakes of a file be told at once, each with its place.
//! JSON is YAML, and is read the same. Size, depth and the work that aliases make are bounded by the parser's budget.

mod fault;
mod reading;

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{MessageFormatter, Spanned, UserMessageFormatter};

use crate::text::Text;

pub use fault::{Error, Fault, snippet};
pub use reading::{Reading, empty};

/// Most bytes of a document: thousands of expectations.
pub const LARGEST: usize = 4 << 20;

/// Line and column, from 1; 0 where the parser does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

#[derive(Debug, Clone)]
pub struct Node {
    pub at: Position,
    pub value: Value,
}

#[derive(Debug, Clone)]
pub enum Value {
    Null,
    Bool(bool),
    /// Text, or a number in its plainest spelling.
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Debug, Clone)]
pub struct Key {
    pub at: Position,
    pub name: String,
}

/// What the document called `name` says, by `understand`; all its mistakes at once. `what` is its kind: `a policy file`.
pub fn understood<T>(
    name: &str,
    what: &'static str,
    bytes: &[u8],
    understand: impl FnOnce(&str, &Node, &mut Reading) -> T,
) -> Result<T, Error> {
    let name = Text::from(name).to_string();
    if bytes.len() > LARGEST {
        return Err(Error::TooLarge { name, what, bytes: bytes.len(), most: LARGEST });
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Err(Error::NotText { name, offset: error.valid_up_to() }),
    };
    let root = read(text).map_err(|(at, why)| Error::unreadable(&name, text, at, &why))?;
    let mut reading = Reading::default();
    let said = understand(&name, &root, &mut reading);
    match reading.into_faults() {
        faults if faults.is_empty() => Ok(said),
        faults => Err(Error::faulty(&name, text, faults)),
    }
}

/// The tree of the only document in `text`, or where and why it is not YAML.
pub(crate) fn read(text: &str) -> Result<Node, (Position, String)> {
    serde_saphyr::from_str(text).map_err(|error| explained(&error))
}

/// Who last wrote which field of an object: a third of what the API prints, of which nobody here asks anything.
const BOOKKEEPING: &str = "managedFields";

/// How deep a tree of objects may be: none that is looked into comes near that.
const DEEPEST: usize = 40;

/// The trees of all documents in `text`, but for empty ones; lines are those of the text.
///
/// The parser's budget is that of what programs print: many nodes, each small.
pub(crate) fn read_all(text: &str) -> Result<Vec<Node>, (Position, String)> {
    // A node has two events at most, and takes a byte of the text at least; what aliases repeat has its own limit.
    let most = 2 * text.len() + 16;
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: most,
            max_nodes: most,
            max_documents: most,
            max_depth: DEEPEST,
            max_total_scalar_bytes: most,
        },
    };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| explained(&error))
}

fn explained(error: &serde_saphyr::Error) -> (Position, String) {
    let at = error.location().map(position).unwrap_or_default();
    let why = UserMessageFormatter.format_message(error.without_snippet()).into_owned();
    (at, in_our_words(why))
}

/// What the parser says, where its words do not tell what to do.
fn in_our_words(why: String) -> String {
    let is_second_object = ["apiVersion", "kind", "items"]
        .iter()
        .any(|key| why.starts_with(&format!("duplicate mapping key `{key}`")));
    let parted = "several objects in one file have a line of --- between them";
    if is_second_object {
        return format!("{why}; {parted}");
    }
    if why.contains("expected <document start>") {
        return format!("something stands behind the object's end; {parted}");
    }
    if why.contains("limits breached: Depth") || why.contains("recursion limit") {
        return "it is nested too deep".to_owned();
    }
    if why.contains("limits breached") {
        return "it is too large, or its aliases repeat too much".to_owned();
    }
    why
}

fn position(location: serde_saphyr::Location) -> Position {
    Position { line: location.line() as usize, column: location.column() as usize }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self { at: position(spanned.referenced), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Tree)
    }
}

struct Tree;

impl<'de> Visitor<'de> for Tree {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    /// With a fraction, so that `1e3` is no port.
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Scalar(format!("{value:?}")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            let key = Key { at: position(key.referenced), name: key.value };
            let value = if key.name == BOOKKEEPING {
                entries.next_value::<IgnoredAny>()?;
                Node { at: key.at, value: Value::Null }
            } else {
                entries.next_value()?
            };
            map.push((key, value));
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize, column: usize) -> Position {
        Position { line, column }
    }

    fn entries(node: &Node) -> &[(Key, Node)] {
        match &node.value {
            Value::Map(entries) => entries,
            other => panic!("not a map: {other:?}"),
        }
    }

    fn items(node: &Node) -> &[Node] {
        match &node.value {
            Value::List(items) => items,
            other => panic!("not a list: {other:?}"),
        }
    }

    #[test]
    fn every_key_and_value_knows_its_place() {
        let root = read("# comment\ncluster:\n  pods: [a, 22]\nlist:\n  - name: x\n").unwrap();
        let [(cluster, inner), (_, list)] = entries(&root) else { panic!("two keys") };
        assert_eq!((cluster.name.as_str(), cluster.at), ("cluster", at(2, 1)));
        let (pods, values) = &entries(inner)[0];
        assert_eq!((pods.name.as_str(), pods.at), ("pods", at(3, 3)));
        assert_eq!(items(values)[1].at, at(3, 13));
        assert!(matches!(&items(values)[1].value, Value::Scalar(text) if text == "22"));
        assert_eq!(items(list)[0].at, at(5, 5));
    }

    #[test]
    fn what_is_not_yaml_says_where() {
        let (place, why) = read("a: [1, 2\nb: 3\n").unwrap_err();
        assert_eq!(place.line, 2, "{why}");
        assert!(!why.is_empty() && !why.contains('\n'), "{why}");
    }

    #[test]
    fn a_key_written_twice_is_a_mistake() {
        let (place, why) = read("name: a\nname: b\n").unwrap_err();
        assert_eq!((place, why.as_str()), (at(2, 1), "duplicate mapping key `name` is not allowed here"));
    }

    #[test]
    fn what_the_api_keeps_of_writers_is_passed_over() {
        let text = "metadata:\n  managedFields:\n  - fieldsV1: { \"f:spec\": { \".\": {} } }\n    manager: oc\n  name: web\nspec: &s { a: 1 }\n";
        let root = read(text).unwrap();
        let [(_, metadata), (_, spec)] = entries(&root) else { panic!("two keys") };
        let [(first, passed), (name, _)] = entries(metadata) else { panic!("two fields") };
        assert_eq!((first.name.as_str(), name.name.as_str(), name.at), ("managedFields", "name", at(5, 3)));
        assert!(matches!(passed.value, Value::Null) && matches!(spec.value, Value::Map(_)));
    }

    #[test]
    fn an_empty_document_is_null() {
        for text in ["", "# nothing\n", "---\n", "null"] {
            assert!(matches!(read(text), Ok(Node { value: Value::Null, .. })), "{text:?}");
        }
    }
}
