//! Label selectors (`metav1.LabelSelector`): all requirements must be met.
//!
//! An empty selector selects everything. What an absent one means depends on the field that it is absent from, and is
//! decided where that is read.

use super::fields::{Fields, Reader};
use crate::document::{Node, Value};
use crate::text::Text;

/// Labels of an object, by key.
pub type Labels = std::collections::BTreeMap<String, String>;

/// Which labels are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    pub requirements: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    pub key: String,
    pub wants: Wants,
}

/// What is wanted of a label's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wants {
    In(Vec<String>),
    /// None of these; an object without the label will do.
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
}

impl Selector {
    pub fn matches(&self, labels: &Labels) -> bool {
        self.requirements.iter().all(|requirement| requirement.is_met(labels))
    }

    /// Whether this selects everything.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// The selector of a plain map, as Services have.
    pub fn of_labels(labels: &Labels) -> Self {
        let requirement = |(key, value): (&String, &String)| Requirement {
            key: key.clone(),
            wants: Wants::In(vec![value.clone()]),
        };
        Self { requirements: labels.iter().map(requirement).collect() }
    }
}

impl Requirement {
    fn is_met(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        match &self.wants {
            Wants::In(values) => value.is_some_and(|value| values.contains(value)),
            Wants::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Wants::Exists => value.is_some(),
            Wants::DoesNotExist => value.is_none(),
        }
    }
}

/// In `kubectl`'s words: `app=web,tier in (a,b),!debug`.
impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, Requirement { key, wants }) in self.requirements.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { "," })?;
            match wants {
                Wants::In(values) if values.len() == 1 => write!(f, "{key}={}", values[0])?,
                Wants::In(values) => write!(f, "{key} in ({})", values.join(","))?,
                Wants::NotIn(values) => write!(f, "{key} notin ({})", values.join(","))?,
                Wants::Exists => f.write_str(key)?,
                Wants::DoesNotExist => write!(f, "!{key}")?,
            }
        }
        if self.is_empty() { f.write_str("everything") } else { Ok(()) }
    }
}

impl Reader<'_> {
    /// A selector; `None` where the field is absent or null.
    pub(super) fn selector(&mut self, fields: &Fields<'_>, name: &str) -> Option<Selector> {
        fields.get(name).map(|node| self.selector_of(node, name))
    }

    pub(super) fn selector_of(&mut self, node: &Node, name: &str) -> Selector {
        let fields = self.fields(node, &format!("`{name}`"), &["matchLabels", "matchExpressions"]);
        let mut selector = match fields.get("matchLabels") {
            Some(labels) => Selector::of_labels(&self.labels_of(labels, "matchLabels")),
            None => Selector::default(),
        };
        for item in self.items(&fields, "matchExpressions") {
            selector.requirements.extend(self.requirement(item));
        }
        selector
    }

    fn requirement(&mut self, node: &Node) -> Option<Requirement> {
        let fields = self.fields(node, "an item of `matchExpressions`", &["key", "operator", "values"]);
        let values: Vec<String> = self.texts(&fields, "values").into_iter().map(|told| told.value).collect();
        let (Some(key), Some(operator)) = (self.text(&fields, "key"), self.text(&fields, "operator")) else {
            self.fault(node.at, "an item of `matchExpressions` has a key and an operator");
            return None;
        };
        let wants = match operator.value.as_str() {
            "In" | "NotIn" if values.is_empty() => {
                self.fault(node.at, format!("`{}` needs `values`", operator.value));
                return None;
            }
            "In" => Wants::In(values),
            "NotIn" => Wants::NotIn(values),
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                self.fault(node.at, format!("`{}` has no `values`", operator.value));
                return None;
            }
            "Exists" => Wants::Exists,
            "DoesNotExist" => Wants::DoesNotExist,
            other => {
                let shown = Text::from(other);
                self.fault(
                    node.at,
                    format!("`{shown}` is not an operator; they are In, NotIn, Exists, DoesNotExist"),
                );
                return None;
            }
        };
        Some(Requirement { key: key.value, wants })
    }

    pub(super) fn labels(&mut self, fields: &Fields<'_>, name: &str) -> Labels {
        fields.get(name).map(|node| self.labels_of(node, name)).unwrap_or_default()
    }

    fn labels_of(&mut self, node: &Node, name: &str) -> Labels {
        let mut labels = Labels::new();
        for (key, node) in self.entries(node, &format!("`{name}`")) {
            let value = match node.value {
                Value::Null => Some(String::new()),
                _ => self.scalar(node, &format!("the value of `{}`", Text::from(&*key.name))),
            };
            labels.extend(value.map(|value| (key.name.clone(), value)));
        }
        labels
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;
    use crate::objects::read::reader;

    fn selector(text: &str) -> Selector {
        let root = document::read(text).expect("YAML");
        let mut reader = reader("a.yaml", text);
        let selector = reader.selector_of(&root, "selector");
        assert!(reader.faults.is_empty(), "{:?}", reader.faults);
        selector
    }

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn every_requirement_must_be_met() {
        let both = selector("matchLabels: { app: web }\nmatchExpressions: [{ key: tier, operator: Exists }]");
        assert!(both.matches(&labels(&[("app", "web"), ("tier", "")])));
        assert!(!both.matches(&labels(&[("app", "web")])));
        assert!(!both.matches(&labels(&[("tier", "x")])));
        assert_eq!(both.to_string(), "app=web,tier");
    }

    #[test]
    fn each_operator_asks_its_own_of_a_label() {
        // (operator, values, met by a, met by another, met by none)
        for (operator, values, a, other, none) in [
            ("In", "[a, b]", true, false, false),
            ("NotIn", "[a, b]", false, true, true),
            ("Exists", "[]", true, true, false),
            ("DoesNotExist", "[]", false, false, true),
        ] {
            let one = selector(&format!(
                "matchExpressions: [{{ key: tier, operator: {operator}, values: {values} }}]"
            ));
            assert_eq!(one.matches(&labels(&[("tier", "a")])), a, "{operator} a");
            assert_eq!(one.matches(&labels(&[("tier", "z")])), other, "{operator} z");
            assert_eq!(one.matches(&labels(&[])), none, "{operator} without");
        }
    }

    #[test]
    fn an_empty_selector_selects_everything() {
        for text in ["{}", "matchLabels: {}", "matchExpressions: []"] {
            assert!(selector(text).matches(&labels(&[])), "{text}");
            assert!(selector(text).matches(&labels(&[("a", "b")])), "{text}");
        }
    }

    #[test]
    fn what_the_api_refuses_is_a_mistake_here_too() {
        for text in [
            "matchExpressions: [{ key: a, operator: In }]",
            "matchExpressions: [{ key: a, operator: Exists, values: [b] }]",
            "matchExpressions: [{ key: a, operator: Gt, values: ['1'] }]",
            "matchExpressions: [{ operator: Exists }]",
            "matchLabels: [a]",
            "matchLabels: { a: true }",
        ] {
            let root = document::read(text).expect("YAML");
            let mut reader = reader("a.yaml", text);
            reader.selector_of(&root, "selector");
            assert_eq!(reader.faults.len(), 1, "{text}");
        }
    }
}
