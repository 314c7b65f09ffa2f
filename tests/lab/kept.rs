//! What the program keeps of the frames while it judges (`-w`), and what the kernel did not hand over.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::cable::{Cable, OUTSIDE, VETH};
use crate::capture::until;
use crate::egret::{Egret, Report, check, program, without_variables};
use crate::enclosure::{Watch, entered};
use crate::netns::run;

const PATIENCE: Duration = Duration::from_mins(1);

/// A name in the temporary directory that is this test's own.
fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("egret-lab-kept-{}-{name}", std::process::id()))
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn what_was_kept_is_read_by_tcpdump_and_judged_as_it_was_live() {
    if !entered("kept::what_was_kept_is_read_by_tcpdump_and_judged_as_it_was_live") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("kept", PATIENCE);
    let cable = Cable::lay();
    let kept = path("two.pcapng");
    let judged = ["--node-ip", "10.7.0.1", "--expect", "10.7.0.1", "--format", "json"];
    let roles = ["--role", "up=uplink", "--role", "lo=pod"];
    let mut command = check(&cable.here, &["-i", "up=veth0", "-i", "lo"]);
    command.args(judged).args(roles).arg("-w").arg(&kept);
    let mut egret = Egret::start(command.stdin(Stdio::null()));
    egret.wait_until_open();
    cable.send(OUTSIDE, 100);
    cable.send("127.0.0.1", 10);
    let live = egret.interrupt();

    let printed = run(Command::new("tcpdump").args(["-n", "-r"]).arg(&kept), "");
    let count = |what: &str| printed.lines().filter(|line| line.contains(what)).count();
    assert_eq!((count("> 203.0.113.25.9: UDP, length 8"), count("> 127.0.0.1.9: UDP, length 8")), (100, 10));

    let mut command = Command::new(program());
    let again = ["--role", "two/veth0=uplink", "--role", "two/lo=pod"];
    without_variables(command.arg("check").arg("-r").arg(format!("two={}", kept.display())));
    let read = Egret::start(command.args(judged).args(again).stdin(Stdio::null())).end();
    std::fs::remove_file(&kept).expect("our own file");
    let (live_code, read_code) = (live.code, read.code);
    let (live, read) = (live.report(), read.report());
    let verdict = |report: &Report| {
        // In a file, what two interfaces showed stands in the order in which it was read from them.
        let mut packets = report.packets();
        packets.sort_unstable();
        (report.0["verdict"].clone(), packets, report.summary("pass"))
    };
    assert_eq!((verdict(&live), live_code), (verdict(&read), read_code));
    assert_eq!((live_code, verdict(&live).1), (Some(0), vec![10, 100]));
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_full_disk_is_told_and_the_judgement_comes_all_the_same() {
    if !entered("kept::a_full_disk_is_told_and_the_judgement_comes_all_the_same") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("kept", PATIENCE);
    let cable = Cable::lay();
    let egret = Egret::capture(&cable.here, &[&VETH[..], &["-w", "/dev/full"]].concat());
    cable.send(OUTSIDE, 100);
    let ended = egret.interrupt();
    let report = Report::of(&ended.stdout);
    assert_eq!((report.packets(), ended.code), (vec![100], Some(0)));
    let told = "the frames in /dev/full are incomplete: No space left on device (os error 28); all of them were judged \
                all the same";
    assert_eq!(ended.stderr, format!("egret: {told}\n"));
    assert!(report.lines("warnings").iter().any(|line| line == told), "{report:?}");
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn what_goes_wrong_is_no_worse_where_nobody_hears_of_it() {
    if !entered("kept::what_goes_wrong_is_no_worse_where_nobody_hears_of_it") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("kept", PATIENCE);
    let cable = Cable::lay();
    let report = path("unheard.json");
    let arguments =
        ["-i", "veth0", "-w", "/dev/full", "--format", "json", "-o", report.to_str().expect("text")];
    let mut egret = Egret::capture(&cable.here, &arguments);
    drop(egret.child.stderr.take());
    cable.send(OUTSIDE, 100);
    egret.signal(Signal::HUP);
    assert_eq!(egret.child.wait().expect("a child").code(), Some(3));
    let judged = Report::of(&std::fs::read_to_string(&report).expect("a report"));
    std::fs::remove_file(&report).expect("our own file");
    assert_eq!(judged.packets(), [100]);
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn what_is_kept_can_be_looked_at_while_it_grows() {
    if !entered("kept::what_is_kept_can_be_looked_at_while_it_grows") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("kept", PATIENCE);
    let cable = Cable::lay();
    let (kept, all) = (path("growing.pcapng"), path("growing-all.pcapng"));
    let egret = Egret::capture(&cable.here, &["-i", "veth0", "-w", kept.to_str().expect("text")]);
    cable.send(OUTSIDE, 100);
    until("the frames can be read", || count(&all) >= 100);
    egret.interrupt();
    assert!(!all.exists(), "what was wanted of it is in the other");
    assert_eq!(count(&kept), 100);
    std::fs::remove_file(&kept).expect("our own file");
}

/// Frames that tcpdump reads.
pub(crate) fn count(path: &Path) -> usize {
    let tcpdump = Command::new("tcpdump").args(["-n", "-r"]).arg(path).stderr(Stdio::null()).output();
    String::from_utf8_lossy(&tcpdump.expect("tcpdump").stdout).lines().count()
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn nothing_that_was_captured_is_lost_with_the_process() {
    if !entered("kept::nothing_that_was_captured_is_lost_with_the_process") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("kept", PATIENCE);
    let cable = Cable::lay();
    let (kept, all) = (path("killed.pcapng"), path("killed-all.pcapng"));
    let mut egret = Egret::capture(&cable.here, &["-i", "veth0", "-w", kept.to_str().expect("text")]);
    cable.send(OUTSIDE, 100);
    until("the frames are handed on", || count(&all) >= 100);
    egret.child.kill().expect("a child");
    egret.child.wait().expect("a child");
    assert_eq!(count(&all), 100);
    for path in [kept, all] {
        std::fs::remove_file(path).expect("our own file");
    }
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn frames_of_flows_that_are_not_reported_are_not_kept_and_the_others_say_what_became_of_theirs() {
    if !entered(
        "kept::frames_of_flows_that_are_not_reported_are_not_kept_and_the_others_say_what_became_of_theirs",
    ) {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("kept", PATIENCE);
    let cable = Cable::lay();
    let kept = path("failed.pcapng");
    let arguments =
        ["-i", "veth0", "--role", "veth0=uplink", "--format", "json", "--only", "fail", "--annotate"];
    let mut command = check(&cable.here, &arguments);
    command.args(["--policy", "/run/policy.yaml", "-w"]).arg(&kept);
    std::fs::write(
        "/run/policy.yaml",
        "cluster: { nodes: { here: 10.7.0.1 } }
expectations:
  - { name: partner, to: { dst: [203.0.113.0/24] }, source: [192.0.2.1] }
  - { name: other, to: { dst: [198.51.100.0/24] }, source: [10.7.0.1] }
",
    )
    .expect("a policy");
    let mut egret = Egret::start(command.stdin(Stdio::null()));
    egret.wait_until_open();
    cable.send(OUTSIDE, 3);
    cable.send("198.51.100.7", 5);
    let ended = egret.interrupt();
    assert_eq!((ended.report().packets(), ended.code), (vec![3], Some(1)));
    let fields = ["-T", "fields", "-e", "ip.dst", "-e", "frame.comment"];
    let shown = run(Command::new("tshark").args(["-n", "-r"]).arg(&kept).args(fields), "");
    std::fs::remove_file(&kept).expect("our own file");
    let id = ended.report().0["flows"][0]["id"].as_str().expect("an id").to_owned();
    let short = format!("203.0.113.25\tegret: fail node-ip, flow {id}");
    assert_eq!(
        shown.lines().collect::<Vec<_>>(),
        [&format!("{short}, left as 10.7.0.1 instead of 192.0.2.1"), &short, &short]
    );
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn frames_and_report_are_not_mixed_on_standard_output() {
    if !entered("kept::frames_and_report_are_not_mixed_on_standard_output") {
        return; // The same test passed inside.
    }
    let cable = Cable::lay();
    let ended = Egret::start(check(&cable.here, &["-w", "-"]).stdin(Stdio::null())).end();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert_eq!(
        ended.stderr,
        "egret: frames (-w -) and report would both go to standard output; give the report a file: -o FILE\n"
    );
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn what_the_kernel_dropped_is_counted_and_kept_in_the_file() {
    if !entered("kept::what_the_kernel_dropped_is_counted_and_kept_in_the_file") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("kept", PATIENCE);
    let cable = Cable::lay();
    let kept = path("dropped.pcapng");
    let egret = Egret::capture(&cable.here, &[&VETH[..], &["-w", kept.to_str().expect("text")]].concat());
    egret.signal(Signal::STOP);
    // A full ring of 32 MiB has room for some 250,000 of these.
    let sent = 400_000;
    cable.send(OUTSIDE, sent);
    egret.signal(Signal::CONT);
    let report = egret.interrupt().report();
    let (seen, dropped) = (report.packets().iter().sum::<u64>(), report.summary("kernel_drops"));
    assert!(dropped > 0, "{report:?}");
    assert_eq!(seen + dropped, u64::from(sent));
    let told = format!("veth0: the capture lost {dropped} frames; flows with gaps are inconclusive");
    assert!(report.lines("warnings").contains(&told), "{report:?}");

    let mut command = Command::new(program());
    without_variables(command.args(["check", "--format", "json", "-r"]).arg(&kept));
    let read = Egret::start(command.stdin(Stdio::null())).end().report();
    std::fs::remove_file(&kept).expect("our own file");
    assert_eq!(read.summary("kernel_drops"), dropped);
}
