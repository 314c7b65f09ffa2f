//! `egret dump` beside tcpdump: the same captures, the same options, the same lines and bytes; and live, the same packets.

use std::process::Command;
use std::time::Duration;

use crate::cable::{Cable, OUTSIDE};
use crate::egret::{Egret, without_variables};
use crate::enclosure::{Watch, entered};
use crate::netns::run;

const PATIENCE: Duration = Duration::from_mins(1);

/// The recorded captures that tcpdump reads as they are.
fn captures() -> Vec<String> {
    let folder = format!("{}/testdata", env!("CARGO_MANIFEST_DIR"));
    let situations = std::fs::read_dir(folder).expect("situations");
    let files = situations.flat_map(|entry| {
        std::fs::read_dir(entry.expect("an entry").path())
            .into_iter()
            .flatten()
            .map(|file| file.expect("a file").path().display().to_string())
    });
    let mut files: Vec<String> =
        files.filter(|file| file.rsplit_once('.').is_some_and(|(_, ending)| ending == "pcap")).collect();
    files.sort();
    assert!(files.len() > 10, "{files:?}");
    files
}

fn ours(words: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egret"));
    command.arg("dump").args(words).env("TZ", "UTC");
    without_variables(&mut command);
    run(&mut command, "")
}

fn theirs(words: &[&str]) -> String {
    run(Command::new("tcpdump").args(words).env("TZ", "UTC"), "")
}

/// The lines that hold `what`.
fn lines<'a>(text: &'a str, what: &str) -> Vec<&'a str> {
    text.lines().filter(|line| line.contains(what)).collect()
}

#[test]
#[ignore = "needs tcpdump: make lab"]
fn bytes_are_laid_out_as_tcpdump_lays_them_out() {
    for file in captures() {
        for option in ["-x", "-xx", "-X", "-XX"] {
            let words = ["-n", option, "-r", &file];
            let (ours, theirs) = (ours(&words), theirs(&words));
            assert_eq!(lines(&ours, "\t0x"), lines(&theirs, "\t0x"), "{file} {option}");
        }
    }
}

/// What tunnels carry stands on one line here and on two there, and is left out, as are devices: they have other names here.
#[test]
#[ignore = "needs tcpdump: make lab"]
fn segments_are_told_in_tcpdumps_words() {
    let mut compared = 0;
    for file in captures().iter().filter(|file| file.ends_with("-eth0.pcap")) {
        for options in ["-n", "-nS", "-ne", "-ntttt", "-nttt", "-nq"] {
            let words = [options, "-r", file, "tcp and not port 80"];
            let (ours, theirs) = (ours(&words), theirs(&words));
            assert_eq!(
                ours.lines().collect::<Vec<_>>(),
                theirs.lines().collect::<Vec<_>>(),
                "{file} {options}"
            );
            compared += ours.lines().count();
        }
    }
    assert!(compared > 1_000, "{compared} lines");
}

#[test]
#[ignore = "needs tcpdump: make lab"]
fn as_many_packets_are_counted_as_tcpdump_counts() {
    let expressions = [
        "",
        "tcp",
        "host 203.0.113.25",
        "port 443 and tcp[tcpflags] & tcp-syn != 0",
        "not arp",
        "greater 80",
        "icmp or icmp6",
    ];
    for file in captures() {
        for expression in expressions {
            let words = ["--count", "-r", &file, expression];
            assert_eq!(ours(&words), theirs(&words), "{file} {expression}");
        }
    }
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn what_passes_is_printed_with_the_names_of_devices_until_ctrl_c() {
    if !entered("dump::what_passes_is_printed_with_the_names_of_devices_until_ctrl_c") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("dump", PATIENCE);
    let cable = Cable::lay();
    let egret = Egret::dump(&cable.here, &["-i", "any", "-nnvXx", "udp", "and", "port", "9"]);
    cable.send(OUTSIDE, 20);
    cable.send("127.0.0.1", 5);
    let ended = egret.interrupt();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let heads = lines(&ended.stdout, " IP (tos 0x0");
    let on = |place: &str| heads.iter().filter(|line| line.contains(place)).count();
    // Of what the loopback device gives and takes, libpcap hands over what it takes.
    assert_eq!(
        (on(" veth0 Out IP "), on(" lo    Out IP "), on(" lo    In  IP ")),
        (20, 0, 5),
        "{}",
        ended.stdout
    );
    assert_eq!(lines(&ended.stdout, "> 203.0.113.25.9: ").len(), 20);
    assert!(ended.stderr.contains("25 packets captured, 0 dropped by the kernel"), "{}", ended.stderr);
}

/// What the outside answers here is that nobody listens, or nothing: only what goes out is sure to come.
#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_direction_is_what_the_kernel_says_of_each_packet() {
    if !entered("dump::a_direction_is_what_the_kernel_says_of_each_packet") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("dump-direction", PATIENCE);
    let cable = Cable::lay();
    let seen = |direction| {
        let egret = Egret::dump(&cable.here, &["-i", "veth0", "-Q", direction, "-Unt", "udp", "port", "9"]);
        cable.send(OUTSIDE, 20);
        let ended = egret.interrupt();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout.lines().count()
    };
    assert_eq!((seen("out"), seen("in"), seen("inout")), (20, 0, 20));
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_number_of_packets_ends_a_live_capture() {
    if !entered("dump::a_number_of_packets_ends_a_live_capture") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("dump-count", PATIENCE);
    let cable = Cable::lay();
    let egret = Egret::dump(&cable.here, &["-i", "veth0", "-t", "-c", "7", "--dst", OUTSIDE]);
    cable.send(OUTSIDE, 20);
    let ended = egret.end();
    assert_eq!((ended.code, ended.stdout.lines().count()), (Some(0), 7), "{}", ended.stderr);
    assert!(ended.stdout.lines().all(|line| line.starts_with("IP 10.7.0.1.")), "{}", ended.stdout);
}
