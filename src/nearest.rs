//! The word that was probably meant.

/// The one of `known` that takes the fewest edits to get to from `typed`, if that is few for its length.
pub(crate) fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed: Vec<char> = typed.chars().take(LONGEST).collect();
    known
        .into_iter()
        .map(|word| (edits(&typed, word), word))
        .min()
        .filter(|&(edits, word)| edits <= 1 + word.len() / 4)
        .map(|(_, word)| word)
}

/// ` (did you mean …?)`, or nothing.
pub(crate) fn meant(nearest: Option<&str>) -> String {
    nearest.map(|word| format!(" (did you mean `{word}`?)")).unwrap_or_default()
}

/// No word of ours is as long; more need not be compared.
const LONGEST: usize = 40;

/// Levenshtein's distance: insertions, deletions and replacements from `typed` to `word`.
fn edits(typed: &[char], word: &str) -> usize {
    let mut row: Vec<usize> = (0..=typed.len()).collect();
    for (above, letter) in word.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], above + 1);
        for (at, &other) in typed.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[typed.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_word() {
        let known = ["dst", "dst_port", "proto", "source"];
        assert_eq!(nearest("dst_prt", known), Some("dst_port"));
        assert_eq!(nearest("sources", known), Some("source"));
        assert_eq!(nearest("namespace", known), None);
        assert_eq!(nearest("", known), None);
    }

    #[test]
    fn edits_are_counted_like_people_count_them() {
        let letters = |word: &str| word.chars().collect::<Vec<_>>();
        assert_eq!(edits(&letters("kitten"), "sitting"), 3);
        assert_eq!(edits(&letters(""), "abc"), 3);
        assert_eq!(edits(&letters("abc"), "abc"), 0);
    }
}
