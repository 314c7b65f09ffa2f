//! Text that came out of a capture: never trusted, only ever shown escaped.
//!
//! An interface name, a host name or a comment in a capture is chosen by whoever wrote the capture.
//! Printed raw it could move the cursor, recolour a verdict, or reorder a line. [`Text`] therefore has
//! no way out but its escaped form:
//! 1. control characters, escape, DEL and the C1 range appear as `\n`, `\t`, `\u{1b}`, …;
//! 2. line and paragraph separators and every bidirectional control appear as `\u{202e}`, …;
//! 3. bytes that are not UTF-8 appear as `\xff`; a backslash appears as `\\`, so that 1–3 are unambiguous.

use std::fmt::{self, Write as _};

use serde::{Serialize, Serializer};

/// Untrusted text; shown, serialised and debug-printed in its escaped form alone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text(Box<[u8]>);

impl Text {
    /// The text of `bytes`, up to the first NUL, which C strings in captures end with.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
        Self(bytes[..end].into())
    }

    /// The text of all of `bytes`, for text that has its length beside it: a NUL is a character of it.
    pub fn exact(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the escaped form reads `shown`: how a name typed by a user is compared with one captured.
    pub fn reads(&self, shown: &str) -> bool {
        self.to_string() == shown
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::from_bytes(text.as_bytes())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = String::with_capacity(self.0.len());
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '\\' => shown.push_str("\\\\"),
                    c if is_deceptive(c) => shown.extend(c.escape_default()),
                    c => shown.push(c),
                }
            }
            for byte in chunk.invalid() {
                write!(shown, "\\x{byte:02x}")?;
            }
        }
        f.pad(&shown)
    }
}

/// A sentence of ours with names in it that nobody vouches for: what would deceive is escaped, and backslashes, which may be
/// those of parts that were escaped before, stay.
pub(crate) fn plain(sentence: &str) -> String {
    if !sentence.chars().any(is_deceptive) {
        return sentence.to_owned();
    }
    let mut shown = String::with_capacity(sentence.len());
    for c in sentence.chars() {
        if is_deceptive(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// Whether `c` changes how the text around it is shown, or is not shown itself.
pub(crate) fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_the_cursor_or_the_reading_direction_survives() {
        let shown = Text::from("eth0\x1b[31m\r\n\u{202e}olleh\u{85}\u{200b}\\").to_string();
        assert_eq!(shown, "eth0\\u{1b}[31m\\r\\n\\u{202e}olleh\\u{85}\\u{200b}\\\\");
    }

    #[test]
    fn a_sentence_keeps_its_backslashes_and_loses_what_deceives() {
        assert_eq!(plain("a \\t of web\u{1b}[31m"), "a \\t of web\\u{1b}[31m");
        assert_eq!(plain("방화벽"), "방화벽");
    }

    #[test]
    fn bytes_that_are_not_text_are_shown_as_numbers() {
        assert_eq!(Text::from_bytes(b"a\xff\xc3(b").to_string(), "a\\xff\\xc3(b");
        assert_eq!(Text::from_bytes(b"eth0\0junk").to_string(), "eth0");
    }

    #[test]
    fn json_carries_the_escaped_form() {
        let json = serde_json::to_string(&Text::from("a\u{202e}b")).expect("a string");
        assert_eq!(json, "\"a\\\\u{202e}b\"");
    }

    #[test]
    fn names_of_people_and_places_stay_readable() {
        assert_eq!(Text::from("방화벽-엔진").to_string(), "방화벽-엔진");
    }
}
