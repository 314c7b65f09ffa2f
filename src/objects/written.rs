//! A text of several lines in a file, of which each line and column can be found again.

use super::Place;

/// A value as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub value: String,
    /// Where it begins.
    pub at: Place,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// On one line: its text begins at this column.
    Line { column: usize },
    /// A literal block (`|`): its first line is this one, and each is indented by so many columns.
    Block { line: usize, indent: usize },
    /// Folded, or with escapes: its parts cannot be found.
    Other,
}

impl Written {
    /// `value`, which a text of these lines writes at `at`.
    pub(super) fn find(value: String, at: Place, lines: &[&str]) -> Self {
        let form = form(&value, &at, lines).unwrap_or(Form::Other);
        Self { value, at, form }
    }

    /// `value` at `at`, of whose lines no places are known.
    pub(super) fn plain(value: String, at: Place) -> Self {
        Self { value, at, form: Form::Other }
    }

    /// Where the character at `column` of a line is written, both from 0; the beginning where that is not known.
    pub fn place(&self, line: usize, column: usize) -> Place {
        let file = self.at.file.clone();
        match self.form {
            Form::Line { column: first } if line == 0 => {
                Place { file, line: self.at.line, column: first + column }
            }
            Form::Block { line: first, indent } => {
                Place { file, line: first + line, column: indent + column + 1 }
            }
            _ => self.at.clone(),
        }
    }
}

fn form(value: &str, at: &Place, lines: &[&str]) -> Option<Form> {
    let mut lines = lines.get(at.line.checked_sub(1)?..)?.iter().copied();
    let first = lines.next()?;
    let begins: String = first.chars().skip(at.column.checked_sub(1)?).collect();
    let one = value.lines().next().unwrap_or_default();
    if value.lines().count() <= 1 && !begins.starts_with(['|', '>']) {
        let quotes = usize::from(begins.starts_with(['"', '\'']));
        let shown: String = begins.chars().skip(quotes).collect();
        return shown.starts_with(one).then_some(Form::Line { column: at.column + quotes });
    }
    // The parser places a block at its mark or at its first line.
    let (number, content) = if begins.starts_with('|') {
        (at.line + 1, lines.next()?)
    } else if first.trim() == one.trim() {
        (at.line, first)
    } else {
        return None;
    };
    let indent = content.chars().count().checked_sub(one.chars().count())?;
    content.ends_with(one).then_some(Form::Block { line: number, indent })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, line: usize, column: usize, value: &str) -> Written {
        let lines: Vec<&str> = text.lines().collect();
        Written::find(value.to_owned(), Place { file: "a.yaml".into(), line, column }, &lines)
    }

    fn at(place: &Place) -> (usize, usize) {
        (place.line, place.column)
    }

    #[test]
    fn a_line_of_a_block_is_found_by_its_indentation() {
        let text = "value: |\n    80 tcp 203.0.113.25\n    443\t tcp 203.0.113.25\n";
        let value = "80 tcp 203.0.113.25\n443\t tcp 203.0.113.25\n";
        let block = written(text, 1, 8, value);
        assert_eq!(at(&block.place(1, 3)), (3, 8));
        assert_eq!(at(&block.place(0, 0)), (2, 5));
    }

    #[test]
    fn a_quoted_value_begins_behind_its_quote() {
        assert_eq!(at(&written("value: \"203.0.113.25\"\n", 1, 8, "203.0.113.25").place(0, 0)), (1, 9));
        assert_eq!(at(&written("value: 203.0.113.25\n", 1, 8, "203.0.113.25").place(0, 3)), (1, 11));
    }

    #[test]
    fn what_cannot_be_found_is_where_the_value_begins() {
        let json = r#"{"value": "80 tcp 203.0.113.25\n443 tcp 203.0.113.25"}"#;
        let value = "80 tcp 203.0.113.25\n443 tcp 203.0.113.25";
        assert_eq!(at(&written(json, 1, 11, value).place(1, 0)), (1, 11));
        assert_eq!(at(&written("", 9, 9, "x").place(0, 0)), (9, 9));
    }
}
