//! A filter that is typed on the screen: the options of the command line, presets, and an expression.
//!
//! Names are looked up in hosts files alone: a filter must not cause traffic.

use std::path::PathBuf;

use clap::Parser as _;
use clap::error::ErrorKind;

use super::texts;
use crate::cli::traffic::{Asked, MACHINES_HOSTS, Named, RESOLVER, Traffic};
use crate::filter::composition::marks::Marks;
use crate::filter::expression;
use crate::tui::{Checked, Mistake};

/// What filters are read with.
#[derive(Debug, Clone)]
pub(super) struct Filtering {
    pub(super) hosts: Vec<PathBuf>,
    /// What the cluster's objects name.
    pub(super) named: Vec<Named>,
    pub(super) presets: Option<PathBuf>,
}

/// The line, as clap reads it.
#[derive(Debug, clap::Parser)]
#[command(name = "filter", no_binary_name = true, disable_help_flag = true, color = clap::ColorChoice::Never)]
struct Line {
    #[command(flatten)]
    traffic: Traffic,
}

/// A word of the line, without its quotes, and where it begins, in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    text: String,
    at: usize,
}

impl Filtering {
    /// What is read for a filter: files that were named, the machine's own hosts file, and its search domains.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        self.hosts
            .iter()
            .chain(&self.presets)
            .cloned()
            .chain([MACHINES_HOSTS, RESOLVER].map(PathBuf::from))
            .collect()
    }

    /// What a filter means; or what is wrong with it, and where.
    pub(super) fn check(&self, typed: &str) -> Result<Checked, Mistake> {
        let asked = self.read(typed)?;
        let mut meaning = asked.composition.to_string();
        if let Some(warning) = asked.warnings.first() {
            meaning = format!("{meaning} ({warning})");
        }
        Ok(Checked { meaning })
    }

    pub(super) fn read(&self, typed: &str) -> Result<Asked, Mistake> {
        let words = words(typed)?;
        let place = |needle: &str| words.iter().find(|word| word.text == needle).map(|word| word.at);
        let texts = words.iter().map(|word| word.text.clone());
        let mut line = Line::try_parse_from(texts).map_err(|error| refused(&error, &place))?;
        if line.traffic.resolve {
            return Err(Mistake { message: texts::NO_SERVERS.to_owned(), at: place("--resolve") });
        }
        line.traffic.presets.clone_from(&self.presets);
        let asked = line.traffic.asked_among(&self.hosts, &self.named).map_err(|error| {
            match error.downcast_ref::<expression::Error>() {
                Some(error) => {
                    let at =
                        error.place().and_then(|offset| position(&words, &line.traffic.expression, offset));
                    Mistake { message: error.why().to_owned(), at }
                }
                None => Mistake { message: first_line(&format!("{error:#}")), at: None },
            }
        })?;
        if let Some(term) = asked.composition.flowless_term() {
            return Err(Mistake { message: format!("{term}: that belongs to no flow"), at: None });
        }
        Marks::of(&asked.composition).map_err(|error| Mistake { message: error.to_string(), at: None })?;
        Ok(asked)
    }
}

/// What clap says, in a line, and where.
fn refused(error: &clap::Error, place: &impl Fn(&str) -> Option<usize>) -> Mistake {
    use clap::error::{ContextKind, ContextValue};
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let argument = context(ContextKind::InvalidArg);
    let value = context(ContextKind::InvalidValue);
    let option = argument.as_deref().map(|argument| argument.split(' ').next().unwrap_or(argument));
    let at = value.as_deref().and_then(place).or_else(|| option.and_then(place));
    let whole = error.to_string();
    let message = match error.kind() {
        ErrorKind::UnknownArgument => format!("there is no option {}", option.unwrap_or("like that")),
        _ => first_line(whole.trim_start_matches("error: ")),
    };
    Mistake { message, at }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

/// Where in the line, in characters, an offset in the expression is, in bytes: its words are joined by a space. They come last, or it is
/// not told.
fn position(words: &[Word], expression: &[String], offset: usize) -> Option<usize> {
    let its = &words[words.len().checked_sub(expression.len())?..];
    let mut begins = 0;
    for (text, word) in expression.iter().zip(its) {
        if *text != word.text {
            return None;
        }
        if offset <= begins + text.len() {
            let before = text.get(..offset - begins)?;
            return Some(word.at + before.chars().count());
        }
        begins += text.len() + 1;
    }
    None
}

/// The words of a line; what stands in quotes is one.
fn words(typed: &str) -> Result<Vec<Word>, Mistake> {
    let mut words: Vec<Word> = Vec::new();
    let mut word: Option<Word> = None;
    let mut quote: Option<(char, usize)> = None;
    for (at, c) in typed.chars().enumerate() {
        match quote {
            Some((open, _)) if c == open => quote = None,
            None if c == '\'' || c == '"' => {
                quote = Some((c, at));
                word.get_or_insert_with(|| Word { text: String::new(), at: at + 1 });
            }
            None if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_with(|| Word { text: String::new(), at }).text.push(c),
        }
    }
    if let Some((open, at)) = quote {
        return Err(Mistake { message: format!("a second {open} is missing"), at: Some(at) });
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(typed: &str) -> Result<String, (String, Option<usize>)> {
        let filtering = Filtering { hosts: Vec::new(), named: Vec::new(), presets: None };
        filtering.check(typed).map(|checked| checked.meaning).map_err(|mistake| (mistake.message, mistake.at))
    }

    #[test]
    fn options_and_expressions_mean_what_they_do_on_the_command_line() {
        assert_eq!(check("").unwrap(), "everything");
        assert_eq!(check("--src 10.128.0.5 tcp port 443").unwrap(), "source 10.128.0.5 and `tcp port 443`");
        assert_eq!(check("'tcp port 443'").unwrap(), "`tcp port 443`");
    }

    #[test]
    fn a_mistake_is_told_with_its_place_in_the_line() {
        assert_eq!(check("--src 10.128.0.5  prot tcp").unwrap_err().1, Some(18));
        assert_eq!(check("--port 99999").unwrap_err().1, Some(7));
        assert_eq!(check("--prot tcp").unwrap_err(), ("there is no option --prot".to_owned(), Some(0)));
        assert_eq!(check("host 'a").unwrap_err().1, Some(5));
        assert_eq!(check("--resolve host a").unwrap_err().1, Some(0));
    }

    #[test]
    fn what_belongs_to_no_flow_is_refused() {
        let (message, _) = check("--preset egress-neighbours:egress=192.168.12.99").unwrap_err();
        assert!(message.ends_with("belongs to no flow"), "{message}");
    }
}
