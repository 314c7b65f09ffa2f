//! The static file as a file: what it is made of, how large it is, how soon it runs.

use std::process::Command;
use std::time::{Duration, Instant};

use super::static_file;
use crate::netns::run;

/// 6 MB: more nobody wants to copy through `kubectl exec`.
const SIZE: u64 = 6_000_000;
/// A start that nobody notices.
const START: Duration = Duration::from_millis(10);

#[test]
#[ignore = "needs the static file: make anywhere"]
fn it_asks_for_no_loader_and_no_library() {
    let segments = run(Command::new("readelf").arg("--program-headers").arg(static_file()), "");
    assert!(segments.contains("LOAD") && !segments.contains("INTERP"), "{segments}");
    let dynamic = run(Command::new("readelf").arg("--dynamic").arg(static_file()), "");
    assert!(!dynamic.contains("(NEEDED)"), "{dynamic}");
}

#[test]
#[ignore = "needs the static file: make anywhere"]
fn it_is_small_stripped_and_starts_at_once() {
    let size = std::fs::metadata(static_file()).expect("a file").len();
    assert!(size <= SIZE, "{size} bytes");
    let sections = run(Command::new("readelf").arg("--section-headers").arg(static_file()), "");
    assert!(!sections.contains(".symtab") && !sections.contains(".debug_info"), "{sections}");
    let start = || {
        let begun = Instant::now();
        run(Command::new(static_file()).arg("--version"), "");
        begun.elapsed()
    };
    // What else the machine does can only add to it.
    let best = (0..20).map(|_| start()).min().expect("twenty");
    println!("{size} bytes; egret --version takes {best:?}");
    assert!(best < START, "{best:?}");
}

/// It has no tables for unwinding, which backtraces are made by.
#[test]
#[ignore = "needs the static file: make anywhere"]
fn an_error_is_told_also_where_backtraces_are_asked_for() {
    for asked in ["0", "1", "full"] {
        let mut command = Command::new(static_file());
        let output = command.args(["check", "-r", "/nonexistent"]).env("RUST_BACKTRACE", asked).output();
        let output = output.expect("egret");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "RUST_BACKTRACE={asked}: {said}");
        assert!(said.contains("cannot open /nonexistent"), "{said}");
    }
}

#[test]
#[ignore = "needs the static file: make anywhere"]
fn its_notice_names_what_is_in_it_and_has_the_licences() {
    let notice =
        std::fs::read_to_string(static_file().with_file_name("NOTICE")).expect("NOTICE beside the file");
    let manifest =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).expect("Cargo.toml");
    let section = manifest.split("[dependencies]\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    let crates =
        section.expect("dependencies").lines().filter_map(|line| line.split_once(' ')).map(|(name, _)| name);
    for name in crates {
        assert!(notice.contains(&format!("\n  {name} ")), "{name} is not named");
    }
    for words in [
        "\nlibpcap 1.",
        "GNU C Library: version ",
        "GNU LESSER GENERAL PUBLIC LICENSE",
        "Redistributions in binary form must reproduce",
        "Permission is hereby granted, free of charge",
        "Apache License",
        // Of zstd in C, which its crate brings along.
        "For Zstandard software",
    ] {
        assert!(notice.contains(words), "{words:?} is missing");
    }
}
