//! The layers and fields of a frame as lines, each with the bytes where it stands.

use std::ops::Range;

use super::super::cursor::Cursor;
use crate::decode::dissect::{Dissection, Field};

#[derive(Debug)]
pub(super) struct Node {
    pub depth: usize,
    pub name: &'static str,
    /// Its value and what that means, in words.
    pub value: String,
    pub range: Range<usize>,
}

#[derive(Debug)]
pub(super) struct Tree {
    pub nodes: Vec<Node>,
    pub cursor: Cursor,
}

impl Tree {
    pub(super) fn of(dissection: &Dissection) -> Self {
        let mut nodes = Vec::new();
        for layer in &dissection.layers {
            let range = layer.range.clone();
            nodes.push(Node { depth: 0, name: layer.name, value: String::new(), range });
            for field in &layer.fields {
                add(&mut nodes, field, 1);
            }
        }
        Self { nodes, cursor: Cursor::default() }
    }

    /// The bytes of the selected line.
    pub(super) fn range(&self) -> Range<usize> {
        self.nodes.get(self.cursor.selected).map_or(0..0, |node| node.range.clone())
    }

    pub(super) fn selected(&self) -> usize {
        self.cursor.selected
    }

    pub(super) fn moved(&mut self, by: isize, room: usize) {
        self.cursor.moved(by, self.nodes.len(), room);
    }

    pub(super) fn to(&mut self, line: usize, room: usize) {
        self.cursor.to(line, self.nodes.len(), room);
    }

    /// Selects the narrowest field that has a byte: the first of these, unless one of them is selected already.
    pub(super) fn find(&mut self, byte: usize, room: usize) {
        let holding = |node: &&Node| node.range.contains(&byte);
        let Some(least) = self.nodes.iter().filter(holding).map(|node| node.range.len()).min() else {
            return;
        };
        if self.range().contains(&byte) && self.range().len() == least {
            return;
        }
        // Of equal ranges the innermost says most.
        let is_narrowest =
            |(_, node): &(usize, &Node)| node.range.contains(&byte) && node.range.len() == least;
        let found = self.nodes.iter().enumerate().filter(is_narrowest);
        let deepest = found.min_by_key(|(at, node)| (std::cmp::Reverse(node.depth), *at));
        if let Some((at, _)) = deepest {
            self.to(at, room);
        }
    }
}

fn add(nodes: &mut Vec<Node>, field: &Field, depth: usize) {
    let value = field.value.to_string();
    let value = match (&field.meaning, value.is_empty()) {
        (None, _) => value,
        (Some(meaning), true) => meaning.to_string(),
        (Some(meaning), false) => format!("{value} ({meaning})"),
    };
    nodes.push(Node { depth, name: field.name, value, range: field.range.clone() });
    for inner in &field.fields {
        add(nodes, inner, depth + 1);
    }
}
