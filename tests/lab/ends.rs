//! How a run of the program ends: by signals, by whoever listens, after a time, a number or a verdict. However it ends, what
//! passed before is in the report.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::cable::{Cable, OUTSIDE, VETH, send};
use crate::capture::until;
use crate::egret::{Egret, Report, check, program, without_variables};
use crate::enclosure::{Watch, entered};
use crate::netns::Namespace;

const PATIENCE: Duration = Duration::from_mins(2);

/// As [`VETH`], on all interfaces.
const ANY: [&str; 8] =
    ["-i", "any", "--role", "any/veth0=uplink", "--expect", "10.7.0.1", "--format", "json"];

#[test]
#[ignore = "needs network namespaces: make lab"]
fn what_was_sent_right_before_a_signal_is_in_the_report() {
    if !entered("ends::what_was_sent_right_before_a_signal_is_in_the_report") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("ends", PATIENCE);
    let cable = Cable::lay();
    let signals = [
        (Signal::INT, "capturing was ended: Ctrl-C (SIGINT)"),
        (Signal::TERM, "capturing was ended: SIGTERM"),
        (Signal::HUP, "capturing was ended: SIGHUP, as when a terminal is closed"),
    ];
    for arguments in [ANY, VETH] {
        for (signal, words) in signals {
            let egret = Egret::capture(&cable.here, &arguments);
            cable.send(OUTSIDE, 100);
            egret.signal(signal);
            let ended = egret.end();
            let report = ended.report();
            assert_eq!((report.packets(), ended.code), (vec![100], Some(0)), "{arguments:?}, {signal:?}");
            assert!(report.says(words), "{report:?}");
        }
    }
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn the_exit_code_after_a_signal_is_that_of_the_verdict() {
    if !entered("ends::the_exit_code_after_a_signal_is_that_of_the_verdict") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("ends", PATIENCE);
    let cable = Cable::lay();
    let wrong = ["-i", "veth0", "--role", "veth0=uplink", "--expect", "192.0.2.1", "--format", "json"];
    let open = ["-i", "veth0", "--expect", "10.7.0.1", "--format", "json"];
    for (arguments, verdict, code) in [(&wrong[..], "fail", 1), (&open[..], "inconclusive", 3)] {
        let egret = Egret::capture(&cable.here, arguments);
        cable.send(OUTSIDE, 1);
        let ended = egret.interrupt();
        assert_eq!((ended.report().0["verdict"].as_str(), ended.code), (Some(verdict), Some(code)));
    }
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_hangup_that_nohup_has_it_ignore_does_not_end_it() {
    if !entered("ends::a_hangup_that_nohup_has_it_ignore_does_not_end_it") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("ends", PATIENCE);
    let cable = Cable::lay();
    let mut command = cable.here.command("env");
    command.args(["--ignore-signal=HUP"]).arg(program()).arg("check").args(VETH);
    without_variables(&mut command);
    let mut egret = Egret::start(command.stdin(Stdio::null()));
    egret.wait_until_open();
    egret.signal(Signal::HUP);
    cable.send(OUTSIDE, 100);
    let report = egret.interrupt().report();
    assert_eq!(report.packets(), [100]);
    assert!(report.says("capturing was ended: Ctrl-C (SIGINT)"), "{report:?}");
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_pipe_that_nobody_writes_to_is_left_and_what_it_gave_is_judged() {
    if !entered("ends::a_pipe_that_nobody_writes_to_is_left_and_what_it_gave_is_judged") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("ends", PATIENCE);
    let (egret, pipe) = read_from_pipe();
    let ended = egret.interrupt();
    let report = ended.report();
    assert!(report.summary("frames") > 0, "{report:?}");
    assert!(report.says("reading ended early: Ctrl-C (SIGINT)"), "{report:?}");
    drop(pipe);
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_second_interrupt_leaves_at_once() {
    if !entered("ends::a_second_interrupt_leaves_at_once") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("ends", PATIENCE);
    let (egret, pipe) = read_from_pipe();
    egret.signal(Signal::INT);
    let ended = egret.interrupt();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(130), ""));
    drop(pipe);
}

/// An egret that has read a capture from a pipe, and waits for more.
fn read_from_pipe() -> (Egret, std::process::ChildStdin) {
    let mut command = Command::new(program());
    without_variables(command.args(["check", "-r", "-", "--format", "json"]));
    let mut egret = Egret::start(command.stdin(Stdio::piped()));
    let mut pipe = egret.child.stdin.take().expect("a pipe");
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/leak/node1-eth0.pcap");
    pipe.write_all(&std::fs::read(capture).expect("a recording")).expect("a reader");
    egret.wait_until_open();
    until("all was read", || unread(&pipe) == 0);
    (egret, pipe)
}

/// Bytes in a pipe that nobody has read yet.
fn unread(pipe: &std::process::ChildStdin) -> u64 {
    rustix::io::ioctl_fionread(pipe).expect("a pipe")
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_capture_that_nobody_listens_to_any_more_ends_in_silence() {
    if !entered("ends::a_capture_that_nobody_listens_to_any_more_ends_in_silence") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("ends", PATIENCE);
    let cable = Cable::lay();
    let mut egret = Egret::capture(&cable.here, &VETH);
    cable.send(OUTSIDE, 1);
    drop(egret.child.stdout.take());
    let ended = egret.end();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn frames_for_a_reader_who_has_enough_end_the_run_with_a_report() {
    if !entered("ends::frames_for_a_reader_who_has_enough_end_the_run_with_a_report") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("ends", PATIENCE);
    let cable = Cable::lay();
    let path = std::env::temp_dir().join(format!("egret-lab-ends-{}.json", std::process::id()));
    let mut command = check(&cable.here, &VETH);
    command.args(["-w", "-", "-o"]).arg(&path);
    let mut egret = Egret::start(command.stdin(Stdio::null()));
    egret.wait_until_open();
    cable.send(OUTSIDE, 100);
    drop(egret.child.stdout.take());
    let ended = egret.end();
    let report = Report::of(&std::fs::read_to_string(&path).expect("a report"));
    std::fs::remove_file(&path).expect("our own file");
    assert_eq!((report.packets(), ended.code), (vec![100], Some(0)));
    assert!(report.says("capturing was ended: nobody reads standard output any more"), "{report:?}");
    assert_eq!(ended.stderr, "");
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_number_of_frames_is_that_of_all_interfaces_together() {
    if !entered("ends::a_number_of_frames_is_that_of_all_interfaces_together") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("ends", PATIENCE);
    let cable = Cable::lay();
    let arguments = ["-i", "veth0", "-i", "lo", "-c", "150", "--format", "json"];
    let egret = Egret::capture(&cable.here, &arguments);
    cable.send(OUTSIDE, 100);
    cable.send("127.0.0.1", 100);
    let report = egret.end().report();
    assert_eq!(report.summary("frames"), 150);
    let told = report.lines("warnings");
    assert!(told.iter().any(|line| line == "only the first 150 frames were read (-c)"), "{told:?}");
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_number_of_frames_ends_the_run_though_their_source_waits() {
    if !entered("ends::a_number_of_frames_ends_the_run_though_their_source_waits") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("ends", PATIENCE);
    let mut command = Command::new(program());
    let command = command.args(["check", "--from", "n=cat testdata/leak/node1-eth0.pcap; sleep 1000"]);
    command.args(["-c", "5", "--format", "json"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    without_variables(command);
    let report = Egret::start(command.stdin(Stdio::null())).end().report();
    assert_eq!(report.summary("frames"), 5);
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_time_a_number_of_flows_and_a_failure_end_it_unasked() {
    if !entered("ends::a_time_a_number_of_flows_and_a_failure_end_it_unasked") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("ends", PATIENCE);
    let cable = Cable::lay();
    let wrong = ["-i", "veth0", "--role", "veth0=uplink", "--expect", "192.0.2.1", "--format", "json"];
    for (arguments, more, flows, code) in [
        (VETH, &["--duration", "500ms"][..], 1, 0),
        (VETH, &["--until-flows", "3"], 3, 0),
        (wrong, &["--fail-fast"], 1, 1),
    ] {
        let egret = Egret::capture(&cable.here, &[&arguments[..], more].concat());
        for _ in 0..flows {
            cable.send(OUTSIDE, 1);
        }
        let ended = egret.end();
        assert_eq!((ended.report().packets().len(), ended.code), (flows, Some(code)), "{more:?}");
    }
}

/// ```text
///   pod 10.9.0.2 ── pod0  here  veth0 ── there      here forwards, or does not
/// ```
#[test]
#[ignore = "needs network namespaces: make lab"]
fn frames_beyond_those_that_were_wanted_are_not_taken_for_frames_that_never_left() {
    if !entered("ends::frames_beyond_those_that_were_wanted_are_not_taken_for_frames_that_never_left") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("ends", PATIENCE);
    let cable = Cable::lay();
    let pod = Namespace::add("pod");
    pod.sysctl(&[("net/ipv6/conf/default/disable_ipv6", "1")]);
    cable.here.ip(
        "link add pod0 address 02:00:00:00:09:01 type veth peer name eth0 address 02:00:00:00:09:02 netns pod
        addr add 10.9.0.1/24 dev pod0
        link set pod0 up
        neigh replace 10.9.0.2 lladdr 02:00:00:00:09:02 dev pod0 nud permanent",
    );
    pod.ip("addr add 10.9.0.2/24 dev eth0
        link set eth0 up
        neigh replace 10.9.0.1 lladdr 02:00:00:00:09:01 dev eth0 nud permanent
        route add default via 10.9.0.1");
    let arguments = ["-i", "any", "--role", "any/veth0=uplink", "--pod-ip", "10.9.0.2", "--expect", "drop"];
    for (forwards, until, reason, code) in [
        ("0", &["--duration", "500ms"][..], "dropped-as-expected", 0),
        ("1", &["-c", "3"], "unexpected-exit", 1),
        ("1", &["-c", "2"], "capture-incomplete", 3),
    ] {
        cable.here.sysctl(&[("net/ipv4/ip_forward", forwards)]);
        let egret = Egret::capture(&cable.here, &[&arguments[..], until, &["--format", "json"]].concat());
        // Of an uplink that shows nothing, nothing is known.
        cable.send("10.7.0.2", 1);
        pod.within(|| send(OUTSIDE, 1));
        let ended = egret.end();
        let report = ended.report();
        let flows = report.0["flows"].as_array().expect("flows").iter();
        let judged = flows.filter(|flow| flow["origin"]["ip"] == "10.9.0.2");
        let reasons: Vec<_> = judged.map(|flow| flow["reason"].as_str()).collect();
        assert_eq!((reasons, ended.code), (vec![Some(reason)], Some(code)), "{report:?}");
    }
}
