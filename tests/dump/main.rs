//! `egret dump` as people and programs meet it: what it prints of captures whose content is known.
//!
//! `golden/` has pages as they are printed, each behind the command line that it comes from. What tcpdump prints of the same captures is
//! compared in the laboratory and over the corpus.

mod capture;
mod golden;
mod lines;
mod object;
mod several;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::capture::{Capture, frame};

/// Runs the program in the repository's folder.
fn egret(words: &[&str]) -> Output {
    command(words).output().expect("egret runs")
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egret"));
    command.args(words).current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).env_clear().env("TZ", "UTC");
    command
}

/// What it prints of a capture on its standard input, and what it says; its exit code.
fn given(capture: &[u8], words: &[&str]) -> (String, String, Option<i32>) {
    let mut child = command(&[&["dump", "-r", "-"], words].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("egret runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    // It may have had enough before all is written.
    stdin.write_all(capture).ok();
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    (text(&output.stdout), text(&output.stderr), output.status.code())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[test]
fn a_number_of_packets_is_a_limit_of_those_that_are_printed() {
    let (printed, said, code) =
        given(&Capture::of(10).bytes(), &["-c", "2", "-t", "src port 40003 or src port 40007"]);
    let ports: Vec<&str> = printed.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(ports, ["10.128.0.5.40003", "10.128.0.5.40007"]);
    assert_eq!((said.as_str(), code), ("", Some(0)));
    assert_eq!(given(&Capture::of(10).bytes(), &["-c", "3"]).0.lines().count(), 3);
}

#[test]
fn the_count_is_in_tcpdumps_words() {
    let counted =
        |capture: Capture, words: &[&str]| given(&capture.bytes(), &[&["--count"], words].concat()).0;
    assert_eq!(counted(Capture::of(0), &[]), "0 packets\n");
    assert_eq!(counted(Capture::of(1), &[]), "1 packet\n");
    assert_eq!(counted(Capture::of(10), &["src", "port", "40003"]), "1 packet\n");
    assert_eq!(counted(Capture::of(10), &["--src-port", "40002-40004"]), "3 packets\n");
    assert_eq!(
        counted(Capture::of(10), &["--src-port", "40002-40004", "src", "port", "40003"]),
        "1 packet\n"
    );
    assert_eq!(counted(Capture::of(10), &["-c", "4"]), "4 packets\n");
}

#[test]
fn a_mistake_in_an_expression_is_shown_at_its_place() {
    let (printed, said, code) = given(&Capture::of(1).bytes(), &["prot", "tcp"]);
    assert_eq!((printed.as_str(), code), ("", Some(2)));
    assert!(said.contains("prot tcp"), "{said}");
}

#[test]
fn what_a_cut_capture_still_has_is_printed_before_that_is_said() {
    let mut capture = Capture::of(3).bytes();
    capture.truncate(capture.len() - 5);
    let (printed, said, code) = given(&capture, &["-t"]);
    assert_eq!((printed.lines().count(), code), (2, Some(2)), "{said}");
    assert!(said.starts_with("egret: "), "{said}");
    let (counted, _, code) = given(&capture, &["--count"]);
    assert_eq!((counted.as_str(), code), ("2 packets\n", Some(2)));
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let mut child = command(&["dump", "-r", "testdata/egress-own-node/node1-any.pcap.gz", "-l"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("egret runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((text(&output.stderr), output.status.code()), (String::new(), Some(0)));
}

#[test]
fn nothing_that_was_captured_moves_the_cursor() {
    let evil = b"GET /\x1b[2J\xe2\x80\xae HTTP/1.1\r\nHost: a\x07b\r\n\r\n";
    for words in [&["-vvv"][..], &["-A"], &["-X"], &["--format", "json"], &[]] {
        let (printed, ..) = given(&Capture::with(&[&frame(40001, 80, evil)]).bytes(), words);
        let is_plain = |c: char| c == '\n' || c == '\t' || !c.is_control() && c != '\u{202e}';
        assert!(printed.chars().all(is_plain), "{words:?} {printed:?}");
    }
}

#[test]
fn colour_is_there_where_it_is_asked_for_and_nowhere_else() {
    let reset = Capture::with(&[&capture::segment(40001, 443, 0x14, &[])]).bytes();
    assert!(!given(&reset, &[]).0.contains('\x1b'));
    assert!(given(&reset, &["--color", "always"]).0.contains("[\x1b[31mR.\x1b[0m]"));
}

#[test]
fn times_are_written_in_all_ways_of_tcpdump() {
    let first = |words: &[&str]| {
        let (printed, ..) = given(&Capture::of(2).bytes(), &[words, &["-q", "--tz", "UTC"]].concat());
        printed.lines().last().and_then(|line| line.split(" IP").next()).map(str::to_owned)
    };
    let expected = [
        (&[][..], "00:41:27.586575"),
        (&["-tt"], "1795394487.586575"),
        (&["-ttt"], " 00:00:01.000000"),
        (&["-tttt"], "2026-11-23 00:41:27.586575"),
        (&["-ttttt"], " 00:00:01.000000"),
        (&["--nano"], "00:41:27.586575000"),
    ];
    for (words, time) in expected {
        assert_eq!(first(words).as_deref(), Some(time), "{words:?}");
    }
}
