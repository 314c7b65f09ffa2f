//! What `egret record` keeps, as tcpdump, tshark and capinfos read it: all that passed before it was asked to end, whatever ends it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Signal, getuid};

use crate::cable::{Cable, OUTSIDE};
use crate::egret::{Egret, record};
use crate::enclosure::{Watch, entered};
use crate::netns::run;

const PATIENCE: Duration = Duration::from_mins(2);

/// A directory of the test's own, on the tmpfs of the laboratory, where only its owner may write.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new("/run").join(name);
    std::fs::create_dir(&folder).expect("a new folder");
    folder
}

/// The files in it, in order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// Lines that tcpdump prints of a capture that it can read to its end.
fn printed(path: &Path, filter: &str) -> Vec<String> {
    let text = run(Command::new("tcpdump").args(["-n", "-r"]).arg(path).arg(filter), "");
    text.lines().map(str::to_owned).collect()
}

/// The numbers of the datagrams in a capture, in order.
fn numbers(path: &Path) -> Vec<u32> {
    let fields = ["-T", "fields", "-e", "udp.payload"];
    let text = run(Command::new("tshark").args(["-n", "-r"]).arg(path).args(fields), "");
    let number = |line: &str| u32::from_str_radix(line.get(8..16)?, 16).ok();
    text.lines().filter_map(number).collect()
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn what_was_sent_right_before_a_signal_is_in_the_file() {
    if !entered("recorded::what_was_sent_right_before_a_signal_is_in_the_file") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("recorded", PATIENCE);
    let cable = Cable::lay();
    for (interface, signal) in [("any", Signal::INT), ("veth0", Signal::TERM), ("veth0", Signal::HUP)] {
        let path = folder(&format!("{interface}-{}", signal.as_raw())).join("trace.pcapng");
        let file = path.to_str().expect("text");
        let egret = Egret::record(&cable.here, &["-i", interface, "-w", file, "udp", "port", "9"]);
        cable.send(OUTSIDE, 100);
        egret.signal(signal);
        let ended = egret.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let told = format!("egret: 100 of 100 frames kept: {file}, ");
        assert!(ended.stderr.starts_with(&told) && ended.stderr.lines().count() == 1, "{ended:?}");
        assert_eq!(printed(&path, "").len(), 100);
        assert_eq!(numbers(&path), (0..100).collect::<Vec<_>>());
        let about = run(Command::new("capinfos").arg(&path), "");
        for line in [
            "Capture comment:     frames that match: `udp port 9`",
            "Capture oper-sys:    Linux",
            "Filter string = udp port 9",
            "Time precision = nanoseconds (9)",
            "Number of stat entries = 1",
        ] {
            assert!(about.contains(line), "{line} is not in {about}");
        }
    }
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn several_interfaces_stand_in_one_file_under_their_names() {
    if !entered("recorded::several_interfaces_stand_in_one_file_under_their_names") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("recorded", PATIENCE);
    let cable = Cable::lay();
    let path = folder("several").join("trace.pcapng");
    let file = path.to_str().expect("text");
    let egret = Egret::record(&cable.here, &["-i", "up=veth0", "-i", "lo", "-w", file, "--port", "9"]);
    cable.send(OUTSIDE, 3);
    cable.send("127.0.0.1", 2);
    let ended = egret.interrupt();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let fields =
        ["-T", "fields", "-e", "frame.interface_name", "-e", "frame.interface_description", "-e", "ip.dst"];
    let shown = run(Command::new("tshark").args(["-n", "-r"]).arg(&path).args(fields).arg("udp"), "");
    let count = |line: &str| shown.lines().filter(|shown| *shown == line).count();
    assert_eq!((count("veth0\tup\t203.0.113.25"), count("lo\tlo\t127.0.0.1")), (3, 2), "{shown}");
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn files_that_follow_one_another_hold_every_frame_once_though_rights_were_given_up_before() {
    if !entered(
        "recorded::files_that_follow_one_another_hold_every_frame_once_though_rights_were_given_up_before",
    ) {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("recorded", PATIENCE);
    let cable = Cable::lay();
    let folder = folder("series");
    let file = folder.join("trace.pcapng");
    std::fs::write(folder.join("trace-00007.pcapng"), "of an earlier run").expect("a file");
    let arguments = ["-i", "veth0", "-C", "2MB", "-w", file.to_str().expect("text"), "udp port 9"];
    let egret = Egret::record(&cable.here, &arguments);
    if getuid().is_root() {
        assert_eq!(egret.status("Uid"), ["65534"; 4].join("\t"));
    }
    cable.send(OUTSIDE, 100_000);
    let ended = egret.interrupt();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let files = files(&folder);
    assert_eq!(std::fs::read(&files[0]).expect("a file"), b"of an earlier run");
    assert!(files.len() > 4 && files[1].ends_with("trace-00008.pcapng"), "{files:?}");
    let mut all = Vec::new();
    for file in &files[1..] {
        assert!(std::fs::metadata(file).expect("a file").len() <= 2_000_000);
        all.extend(numbers(file));
        let about = run(Command::new("capinfos").arg(file), "");
        assert!(about.contains("Name = veth0") && about.contains("Description = veth0"), "{about}");
    }
    assert_eq!(all, (0..100_000).collect::<Vec<_>>());
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_ring_keeps_the_newest_files_and_no_more() {
    if !entered("recorded::a_ring_keeps_the_newest_files_and_no_more") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("recorded", PATIENCE);
    let cable = Cable::lay();
    let folder = folder("ring");
    let file = folder.join("trace.pcapng");
    let arguments = ["-i", "any", "-C", "1MB", "-W", "3", "-w", file.to_str().expect("text"), "udp port 9"];
    let egret = Egret::record(&cable.here, &arguments);
    cable.send(OUTSIDE, 100_000);
    let ended = egret.interrupt();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("3 files, /run/ring/trace-000"), "{ended:?}");
    let files = files(&folder);
    assert_eq!(files.len(), 3, "{files:?}");
    let last: Vec<u32> = files.iter().flat_map(|file| numbers(file)).collect();
    let first = 100_000 - last.len() as u32;
    assert!(first > 0 && last == (first..100_000).collect::<Vec<_>>(), "from {first} on without a gap");
    // Names of indexes are in each of them.
    let hear = |file: &PathBuf| {
        let about = run(Command::new("capinfos").arg(file), "");
        assert!(about.contains("veth0:"), "{about}");
    };
    files.iter().for_each(hear);
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_full_disk_leaves_a_capture_that_can_be_read_to_its_end() {
    if !entered("recorded::a_full_disk_leaves_a_capture_that_can_be_read_to_its_end") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("recorded", PATIENCE);
    let cable = Cable::lay();
    let folder = folder("small");
    run(Command::new("mount").args(["-t", "tmpfs", "-o", "size=400k", "small"]).arg(&folder), "");
    let path = folder.join("trace.pcapng");
    let file = path.to_str().expect("text");
    let egret = Egret::record(&cable.here, &["-i", "veth0", "-w", file, "udp port 9"]);
    cable.send(OUTSIDE, 20_000);
    // Nobody has to ask it to end.
    let ended = egret.end();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let lines: Vec<&str> = ended.stderr.lines().collect();
    let told = format!(
        "egret: recording ended early: cannot write to {file}: No space left on device (os error 28)"
    );
    assert_eq!(lines[0], told);
    let kept = printed(&path, "").len();
    assert!(kept > 1_000, "{kept}");
    let kept_words = thousands(kept);
    assert!(lines[1].starts_with(&format!("egret: {kept_words} of ")), "{lines:?}");
    let numbers = numbers(&path);
    assert_eq!(numbers, (0..kept as u32).collect::<Vec<_>>());
}

/// As egret writes numbers below a million.
fn thousands(number: usize) -> String {
    if number < 1_000 { number.to_string() } else { format!("{},{:03}", number / 1_000, number % 1_000) }
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_reader_who_has_enough_ends_the_recording_in_good_order() {
    if !entered("recorded::a_reader_who_has_enough_ends_the_recording_in_good_order") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("recorded", PATIENCE);
    let cable = Cable::lay();
    let mut egret = Egret::start(record(&cable.here, &["-i", "veth0", "-w", "-"]).stdin(Stdio::null()));
    egret.wait_until_open();
    let tcpdump = Command::new("tcpdump")
        .args(["-n", "-c", "1", "-r", "-", "udp port 9"])
        .stdin(egret.child.stdout.take().expect("a pipe"))
        .stderr(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    cable.send(OUTSIDE, 1);
    let shown = tcpdump.expect("tcpdump").wait_with_output().expect("a child").stdout;
    assert!(String::from_utf8_lossy(&shown).contains("> 203.0.113.25.9: UDP, length 8"));
    let ended = egret.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn an_interface_that_vanishes_ends_the_recording_and_is_told() {
    if !entered("recorded::an_interface_that_vanishes_ends_the_recording_and_is_told") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("recorded", PATIENCE);
    let cable = Cable::lay();
    let path = folder("gone").join("trace.pcapng");
    let egret = Egret::record(&cable.here, &["-i", "veth0", "-w", path.to_str().expect("text"), "udp"]);
    cable.send(OUTSIDE, 10);
    cable.here.ip("link del veth0");
    let ended = egret.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.starts_with("egret: veth0 is gone: "), "{ended:?}");
    assert_eq!(numbers(&path), (0..10).collect::<Vec<_>>());
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_number_of_frames_is_that_of_those_that_match() {
    if !entered("recorded::a_number_of_frames_is_that_of_those_that_match") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("recorded", PATIENCE);
    let cable = Cable::lay();
    let path = folder("some").join("trace.pcapng");
    let arguments = ["-i", "any", "-c", "7", "-w", path.to_str().expect("text"), "--dst", OUTSIDE];
    let egret = Egret::record(&cable.here, &arguments);
    cable.send("127.0.0.1", 50);
    cable.send(OUTSIDE, 50);
    let ended = egret.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(numbers(&path), (0..7).collect::<Vec<_>>());
}
