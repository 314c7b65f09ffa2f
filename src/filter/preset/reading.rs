//! Reads a preset's file, and tells all that is wrong with it.

use crate::document::{self, Key, Node, Reading, Value as Written, empty};
use crate::filter::address::{Typed, is_name};
use crate::filter::expression::{Expression, Names};
use crate::filter::preset::{Default, FileError, Parameter, Preset, Shape, Value};
use crate::filter::term::{FRAME_KEYS, KEYS, Term, split};
use crate::text::Text;

const PRESET: [&str; 4] = ["name", "purpose", "parameters", "filter"];
const PARAMETER: [&str; 2] = ["means", "default"];
const JOINTS: [&str; 3] = ["all", "any", "not"];
const EXPRESSION: &str = "expression";

pub(super) fn read(file: &str, bytes: &[u8]) -> Result<Preset, FileError> {
    document::understood(file, "a preset", bytes, |_, root, reading| {
        Walk { reading, used: Vec::new() }.preset(root)
    })
}

struct Walk<'a> {
    reading: &'a mut Reading,
    /// The parameters that the filter names, and where.
    used: Vec<(String, document::Position)>,
}

impl Walk<'_> {
    fn preset(&mut self, root: &Node) -> Preset {
        let mut preset = Preset {
            name: String::new(),
            purpose: String::new(),
            parameters: Vec::new(),
            filter: Shape::All(Vec::new()),
        };
        let before = self.reading.count();
        let entries = self.reading.entries(root, "a preset", &PRESET);
        for &(key, node) in &entries {
            match key.name.as_str() {
                "name" => preset.name = self.name(key, node),
                "purpose" => preset.purpose = self.reading.one_line(key, node).unwrap_or_default(),
                "parameters" => preset.parameters = self.parameters(key, node),
                _ => preset.filter = self.filter(key, node),
            }
        }
        for wanted in ["name", "purpose", "filter"] {
            let is_there = entries.iter().any(|(key, _)| key.name == wanted);
            if !is_there && self.reading.count() == before {
                let example = match wanted {
                    "name" => "name: my-filter",
                    "purpose" => "purpose: what it is for, on one line",
                    _ => "filter: { host: 203.0.113.25 }",
                };
                self.reading.fault(root.at, format!("this preset has no `{wanted}`; write {example}"));
            }
        }
        self.check_parameters(&preset.parameters, &entries);
        preset
    }

    fn name(&mut self, key: &Key, node: &Node) -> String {
        let name = self.reading.one_line(key, node).unwrap_or_default();
        if !name.is_empty() && !is_name(&name) {
            let shown = Text::from(&*name);
            self.reading.fault(node.at, format!("`{shown}` cannot name a preset; write it like my-filter"));
        }
        name
    }

    fn parameters(&mut self, key: &Key, node: &Node) -> Vec<Parameter> {
        let Written::Map(entries) = &node.value else {
            let next = "write them like parameters: { pod: { means: the pod's addresses } }";
            self.reading.fault(node.at.or(key.at), format!("`parameters` has keys of its own; {next}"));
            return Vec::new();
        };
        entries.iter().map(|(key, node)| self.parameter(key, node)).collect()
    }

    fn parameter(&mut self, key: &Key, node: &Node) -> Parameter {
        let mut parameter = Parameter { name: key.name.clone(), means: String::new(), default: None };
        if !is_name(&key.name) {
            let shown = Text::from(&*key.name);
            self.reading.fault(key.at, format!("`{shown}` cannot name a parameter; write it like pod"));
        }
        for (key, node) in self.reading.entries(node, "a parameter", &PARAMETER) {
            match key.name.as_str() {
                "means" => parameter.means = self.reading.one_line(key, node).unwrap_or_default(),
                _ => {
                    parameter.default =
                        self.reading.one_line(key, node).and_then(|text| self.default(node, text));
                }
            }
        }
        if parameter.means.is_empty() && matches!(node.value, Written::Map(_)) {
            self.reading.fault(
                key.at,
                format!("`{}` does not say what it means; write means: …", Text::from(&*key.name)),
            );
        }
        parameter
    }

    /// `${POD_IP}`, or text.
    fn default(&mut self, node: &Node, text: String) -> Option<Default> {
        let Some(rest) = text.strip_prefix('$') else { return Some(Default::Text(text)) };
        let variable = rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let is_variable =
            |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if let Some(name) = variable.filter(is_variable) {
            return Some(Default::Variable(name.to_owned()));
        }
        let shown = Text::from(&*text);
        let next = "write it like ${POD_IP}, and nothing beside it";
        self.reading.fault(node.at, format!("`{shown}` is not a variable of the environment; {next}"));
        None
    }

    /// A map whose keys must all be met.
    fn filter(&mut self, key: &Key, node: &Node) -> Shape {
        let mut parts = Vec::new();
        let Written::Map(entries) = &node.value else {
            let next = "write terms like { dst: 203.0.113.0/24, dst_port: 443 }, or all, any and not with filters in them";
            self.reading.fault(
                node.at.or(key.at),
                format!("`{}` has keys of its own; {next}", Text::from(&*key.name)),
            );
            return Shape::All(parts);
        };
        if entries.is_empty() {
            self.reading.fault(node.at, empty(key));
        }
        for (key, node) in entries {
            parts.extend(match key.name.as_str() {
                "all" => Some(Shape::All(self.filters(key, node))),
                "any" => Some(Shape::Any(self.filters(key, node))),
                "not" => Some(Shape::Not(Box::new(self.filter(key, node)))),
                EXPRESSION => self.expression(key, node),
                name if Term::named(split(name).1).is_some() => Some(self.term(key, node)),
                _ => {
                    let known: Vec<&str> =
                        KEYS.iter().chain(&FRAME_KEYS).chain(&JOINTS).copied().chain([EXPRESSION]).collect();
                    self.reading.unknown(key, "a filter", &known);
                    None
                }
            });
        }
        Shape::All(parts)
    }

    fn filters(&mut self, key: &Key, node: &Node) -> Vec<Shape> {
        match &node.value {
            Written::List(items) if !items.is_empty() => {
                items.iter().map(|item| self.filter(key, item)).collect()
            }
            Written::List(_) | Written::Null => {
                self.reading.fault(node.at.or(key.at), empty(key));
                Vec::new()
            }
            _ => {
                let next = "write each filter behind a `-`";
                self.reading.fault(node.at, format!("`{}` is a list of filters; {next}", key.name));
                Vec::new()
            }
        }
    }

    fn expression(&mut self, key: &Key, node: &Node) -> Option<Shape> {
        let typed = self.reading.one_line(key, node)?;
        match Expression::parse(&typed, &Names::NONE) {
            Ok(expression) => Some(Shape::Matches(expression)),
            Err(error) => {
                self.reading.fault(node.at, error.in_a_line());
                None
            }
        }
    }

    fn term(&mut self, key: &Key, node: &Node) -> Shape {
        let values = self.reading.values(key, node, value);
        let places: Vec<document::Position> = match &node.value {
            Written::List(items) => items.iter().map(|item| item.at).collect(),
            _ => vec![node.at],
        };
        for (value, at) in values.iter().zip(places) {
            if let Value::Parameter(name) = value {
                self.used.push((name.clone(), at));
            }
        }
        Shape::Term { key: key.name.clone(), values }
    }

    /// Whether every parameter that is used is there, and every one that is there is used.
    fn check_parameters(&mut self, known: &[Parameter], entries: &[(&Key, &Node)]) {
        for (name, at) in &self.used {
            if !known.iter().any(|parameter| parameter.name == *name) {
                let shown = Text::from(&**name);
                let next = format!("write parameters: {{ {shown}: {{ means: … }} }}");
                self.reading.fault(*at, format!("`${shown}` is no parameter of this preset; {next}"));
            }
        }
        let parameters = entries.iter().find(|(key, _)| key.name == "parameters");
        let Some((_, Node { value: Written::Map(entries), .. })) = parameters else { return };
        for (key, _) in entries {
            if !self.used.iter().any(|(name, _)| *name == key.name) {
                let shown = Text::from(&*key.name);
                self.reading
                    .fault(key.at, format!("`{shown}` is not used; write ${shown} where its values belong"));
            }
        }
    }
}

/// A parameter, or a value that fits the term; names of hosts are looked up later.
fn value(key: &Key, text: &str) -> Result<Value, String> {
    if let Some(name) = text.strip_prefix('$') {
        if !is_name(name) {
            return Err(format!("`{}` names no parameter; write it like $pod", Text::from(text)));
        }
        return Ok(Value::Parameter(name.to_owned()));
    }
    let mut term = Term::named(split(&key.name).1).expect("the caller knows the key");
    let is_host = matches!(text.parse(), Ok(Typed::Name(_))) && term.blocks_mut().is_some();
    if !is_host {
        term.push(text).map_err(|error| error.to_string())?;
    }
    Ok(Value::Text(text.to_owned()))
}
