//! Several captures printed as one, and what their places are called.

use std::fs;
use std::path::PathBuf;

use crate::capture::Capture;
use crate::{egret, text};

/// A folder of this test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("egret-test-dump-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.0.join(name);
        fs::write(&path, content).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

#[test]
fn frames_of_several_captures_are_printed_by_time_with_the_name_of_each() {
    let folder = Folder::new("several");
    let early = folder.file("early.pcap", &Capture::of(3).at(0));
    let late = folder.file("late.pcap", &Capture::of(2).at(1));
    let (first, second) = (format!("node1={late}"), format!("node2={early}"));
    let output = egret(&["dump", "-q", "-r", &first, "-r", &second]);
    let places: Vec<String> = text(&output.stdout)
        .lines()
        .map(|line| line.split_whitespace().nth(1).unwrap_or_default().to_owned())
        .collect();
    assert_eq!(places, ["node2", "node1", "node2", "node1", "node2"]);
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_is_printed() {
    let folder = Folder::new("unread");
    let good = folder.file("good.pcap", &Capture::of(3).bytes());
    let output = egret(&["dump", "-r", &good, "-r", "/nowhere/else.pcap"]);
    assert_eq!((text(&output.stdout).lines().count(), output.status.code()), (3, Some(2)));
    assert!(text(&output.stderr).contains("/nowhere/else.pcap"), "{}", text(&output.stderr));
    let output = egret(&["dump", "-r", "/nowhere/else.pcap"]);
    assert_eq!((output.stdout.len(), output.status.code()), (0, Some(2)));
}

#[test]
fn devices_are_named_by_what_was_said_of_them_and_not_by_the_machine_that_reads() {
    let read = "testdata/egress-own-node/node1-any.pcap.gz";
    let names = "testdata/egress-own-node/node1-any.ip-link.txt";
    let places = |words: &[&str]| -> Vec<String> {
        let output = egret(&[&["dump", "-t", "-q", "-c", "40", "-r", read], words].concat());
        let printed = text(&output.stdout);
        printed.lines().map(|line| line.split_whitespace().next().unwrap_or_default().to_owned()).collect()
    };
    assert!(places(&[]).iter().all(|place| place.starts_with('#')));
    assert!(places(&["--ifindex", names]).iter().any(|place| place == "cni0"));
}

#[test]
fn frames_are_kept_in_a_file_as_well() {
    let folder = Folder::new("kept");
    let read = folder.file("read.pcap", &Capture::of(5).bytes());
    let kept = folder.file("kept.pcapng", b"");
    let output = egret(&["dump", "-r", &read, "-w", &kept, "src", "port", "40001"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let output = egret(&["dump", "-t", "-q", "-r", &kept]);
    assert_eq!(text(&output.stdout), "IP 10.128.0.5.40001 > 203.0.113.25.9999: UDP, length 7\n");
}
