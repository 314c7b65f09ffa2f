//! The README against the program: what it shows after `$ egret …` is what egret prints.

use std::path::Path;
use std::process::Command;

#[test]
fn what_the_readme_shows_is_what_egret_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).expect("the README");
    let shown = sessions(&readme);
    assert!(shown.len() >= 3, "the README shows {} sessions", shown.len());
    for (typed, expected) in shown {
        let output = Command::new(env!("CARGO_BIN_EXE_egret"))
            .args(words(&typed).into_iter().skip(1))
            .current_dir(root)
            .env_clear()
            .env("TZ", "UTC")
            .output()
            .expect("egret runs");
        let printed = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(
            printed.contains(expected.trim()),
            "the README shows after\n{typed}\nwhat egret does not print. It prints\n{printed}"
        );
    }
}

/// (what was typed after the prompt, what is shown below it) of each code block that begins with `$ egret`; pipelines left out.
fn sessions(readme: &str) -> Vec<(String, String)> {
    let blocks = readme.split("```").skip(1).step_by(2);
    blocks
        .filter_map(|block| block.trim_start().strip_prefix("$ "))
        .filter_map(|session| {
            let session = session.replace("\\\n", "");
            let (typed, shown) = session.split_once('\n')?;
            let is_plain = typed.starts_with("egret ") && !typed.contains(" | ");
            is_plain.then(|| (typed.to_owned(), shown.to_owned()))
        })
        .collect()
}

/// The words of a command line; single quotes keep spaces.
fn words(typed: &str) -> Vec<String> {
    let quoted = typed.split('\'').enumerate().map(|(n, part)| match n % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    quoted.collect::<Vec<Vec<_>>>().concat()
}
