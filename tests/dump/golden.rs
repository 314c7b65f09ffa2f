//! Pages as they are printed.
//!
//! Each file of `golden/` begins with the command line behind `$ `; what follows is the whole output. With `EGRET_GOLDEN=write` they are
//! written anew, to be read before they are committed.

use std::fs;
use std::path::Path;

use crate::{egret, text};

#[test]
fn pages_are_printed_as_they_were_approved() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dump/golden");
    let mut pages: Vec<_> =
        fs::read_dir(&folder).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    pages.sort();
    assert!(pages.len() >= 5, "{pages:?}");
    for path in pages {
        let page = fs::read_to_string(&path).expect("a page");
        let (command, expected) = page.split_once('\n').expect("a command line, and its output");
        let words = words(command.strip_prefix("$ egret ").expect("a command line of egret"));
        let output = egret(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let printed = text(&output.stdout);
        if std::env::var_os("EGRET_GOLDEN").is_some() {
            fs::write(&path, format!("{command}\n{printed}")).expect("it is written");
            continue;
        }
        assert_eq!(printed, expected, "{}\n{}", path.display(), text(&output.stderr));
    }
}

/// The words of a command line; single quotes keep spaces.
fn words(typed: &str) -> Vec<String> {
    let quoted = typed.split('\'').enumerate().map(|(n, part)| match n % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    quoted.collect::<Vec<Vec<_>>>().concat()
}
