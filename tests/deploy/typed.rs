//! Command lines of egret in pages that show what is to be typed, whatever brings egret to where it runs.

/// Subcommands that pages name.
const SUBCOMMANDS: [&str; 8] = ["check", "watch", "dump", "record", "expect", "filter", "doctor", "probe"];

/// The words of each `egret SUBCOMMAND …` in a text, `egret` first: up to the end of its line, or to what the shell takes for
/// itself. A line that ends with `\` goes on. An ellipsis stands for what the reader puts in.
pub(crate) fn of_egret(text: &str) -> Vec<Vec<String>> {
    let text = text.replace("\\\n", " ");
    text.lines().filter_map(of_line).collect()
}

fn of_line(line: &str) -> Option<Vec<String>> {
    let words = words(line);
    let is_egret = |word: &str| word == "egret" || word.ends_with("/egret");
    let first =
        words.windows(2).position(|pair| is_egret(&pair[0]) && SUBCOMMANDS.contains(&pair[1].as_str()))?;
    let is_shells = |word: &String| [">", "|", "<", "&", ";", "…"].iter().any(|sign| word.starts_with(sign));
    let rest = words[first + 1..].iter().take_while(|word| !is_shells(word)).cloned();
    Some(std::iter::once("egret".to_owned()).chain(rest).collect())
}

/// A line's words; quotes of either kind keep spaces.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for character in line.chars() {
        match (quote, character) {
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            (None, ' ' | '\t') => words.push(String::new()),
            _ => words.last_mut().expect("one at least").push(character),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
