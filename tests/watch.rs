//! `egret watch` where no screen can be shown: it says so, and what to do instead.

use std::fs::File;
use std::process::{Command, Output, Stdio};

fn watch(arguments: &[&str], stdin: Stdio) -> Output {
    Command::new(env!("CARGO_BIN_EXE_egret"))
        .arg("watch")
        .args(arguments)
        .stdin(stdin)
        .env("TERM", "xterm")
        .output()
        .expect("egret")
}

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8(output.stderr.clone()).expect("text"))
}

const LEAK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/leak/node1-eth0.pcap");

#[test]
fn without_a_terminal_it_names_the_command_that_needs_none() {
    let (code, words) = said(&watch(&["-r", LEAK], Stdio::null()));
    assert_eq!(code, Some(2));
    assert_eq!(
        words,
        "egret: standard input is no terminal, and keys come from there; `egret check` judges the same flows, and prints what \
         it finds\n"
    );
}

#[test]
fn a_capture_on_standard_input_is_none_of_its_sources() {
    let (code, words) = said(&watch(&["-r", "-"], Stdio::from(File::open(LEAK).expect("the capture"))));
    assert_eq!(code, Some(2));
    assert!(words.contains("`egret check`"), "{words}");
}

#[test]
fn a_speed_that_is_none_is_refused_with_what_would_be_one() {
    let (code, words) = said(&watch(&["-r", LEAK, "--speed", "fast"], Stdio::null()));
    assert_eq!(code, Some(2));
    assert!(words.contains("write 1 for the capture's own, 10 for ten times that, or max"), "{words}");
}
