//! Commands beside a capture: the one that makes the traffic (`--while`) and those that capture elsewhere (`--from`).

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::cable::{Cable, OUTSIDE, VETH};
use crate::capture::{sleeps, until};
use crate::egret::{Egret, Report, program, without_variables};
use crate::enclosure::{Watch, entered};

const PATIENCE: Duration = Duration::from_mins(2);

/// `egret check --from NAME=COMMAND … ARGUMENTS`.
fn from(commands: &[&str], arguments: &[&str]) -> Egret {
    let mut command = Command::new(program());
    command.arg("check");
    for from in commands {
        command.args(["--from", from]);
    }
    without_variables(command.args(["--format", "json"]).args(arguments));
    Egret::start(command.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null()))
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_command_is_captured_from_its_first_frame_to_its_last_stragglers() {
    if !entered("commands::a_command_is_captured_from_its_first_frame_to_its_last_stragglers") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("commands", PATIENCE);
    let cable = Cable::lay();
    cable.there.ip("addr add 10.7.0.3/24 dev veth1");
    // One answers, so that another's silence means something; bash gives up long before it is known to be silence.
    let connect = format!(
        "echo out; echo err >&2; bash -c 'echo > /dev/tcp/10.7.0.3/9' 2>/dev/null; timeout 0.2 bash -c 'echo > /dev/tcp/{OUTSIDE}/80'; exit 7"
    );
    let egret = Egret::capture(&cable.here, &[&VETH[..], &["--while", &connect]].concat());
    let ended = egret.end();
    let report = Report::of(&ended.stdout);
    assert_eq!(ended.code, Some(0), "its exit status is not egret's");
    assert_eq!(ended.stderr, "out\nerr\n");
    let flows = report.0["flows"].as_array().expect("flows");
    let attempts = flows.iter().filter(|flow| flow["destination"]["ip"] == OUTSIDE);
    let outcomes: Vec<_> = attempts.map(|flow| flow["outcome"].as_str()).collect();
    assert_eq!(outcomes, [Some("no-reply")]);
    let told = format!("ran `{connect}` while capturing: it ended with exit status 7");
    assert!(report.says(&told), "{report:?}");
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_command_that_outlives_the_capture_is_said_to() {
    if !entered("commands::a_command_that_outlives_the_capture_is_said_to") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("commands", PATIENCE);
    let cable = Cable::lay();
    let arguments = ["--while", "exec sleep 7 >/dev/null 2>&1", "--duration", "300ms"];
    let egret = Egret::capture(&cable.here, &[&VETH[..], &arguments].concat());
    let report = egret.end().report();
    let told = "`exec sleep 7 >/dev/null 2>&1` (--while) was still running when capturing ended";
    assert!(report.says(told), "{report:?}");
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn what_a_command_had_captured_when_egret_was_interrupted_is_in_the_report() {
    if !entered("commands::what_a_command_had_captured_when_egret_was_interrupted_is_in_the_report") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("commands", PATIENCE);
    let cable = Cable::lay();
    // Without -U: tcpdump keeps what it has until it is told to end.
    let own = format!("udp and less {}", 100_000 + std::process::id());
    let tcpdump = format!(
        "n=exec nsenter --net=/run/netns/here tcpdump -n -i veth0 -Z root --immediate-mode -s 128 -B 8192 -w - '{own}'"
    );
    let mut egret = from(&[&tcpdump], &["--role", "n=uplink"]);
    egret.wait_until_open();
    wait_until_listening(&mut egret);
    let child = running(&["tcpdump", &own])[0];
    cable.send(OUTSIDE, 100);
    // It sleeps only when the ring is empty.
    let mut calm = 0;
    until("tcpdump has read everything", || {
        calm = if sleeps(child) { calm + 1 } else { 0 };
        calm == 5
    });
    let ended = egret.interrupt();
    assert_eq!(Report::of(&ended.stdout).packets(), [100], "{}", ended.stderr);
}

/// Reads until a tcpdump that an egret has started says that it listens.
fn wait_until_listening(egret: &mut Egret) {
    let talk = egret.child.stderr.as_mut().expect("a pipe");
    let mut said = Vec::new();
    while !said.ends_with(b"listening on") {
        let mut byte = [0];
        talk.read_exact(&mut byte).expect("more words");
        said.extend(byte);
    }
}

/// Processes with these as the first and the last of their arguments.
fn running(arguments: &[&str; 2]) -> Vec<u32> {
    let all = std::fs::read_dir("/proc").expect("/proc");
    let ids = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_meant = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let mut words = line.strip_suffix(&[0]).unwrap_or_default().split(|byte| *byte == 0);
        words.next() == Some(arguments[0].as_bytes()) && words.next_back() == Some(arguments[1].as_bytes())
    };
    ids.filter(is_meant).collect()
}

/// So many seconds as no other process sleeps.
fn seconds(whole: u32) -> String {
    format!("{whole}.00{}", std::process::id())
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_command_that_fails_leaves_nothing_to_judge_or_an_open_verdict() {
    if !entered("commands::a_command_that_fails_leaves_nothing_to_judge_or_an_open_verdict") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("commands", PATIENCE);
    let fails = "n=echo no such host >&2; exit 4";
    let ended = from(&[fails], &[]).end();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert_eq!(
        ended.stderr,
        "no such host\negret: nothing could be read: cannot read n: `echo no such host >&2; exit 4` failed: it ended \
         with exit status 4\n"
    );
    let cable = Cable::lay();
    let egret = Egret::capture(&cable.here, &[&VETH[..], &["--from", fails, "--duration", "500ms"]].concat());
    cable.send(OUTSIDE, 1);
    let ended = egret.end();
    let report = Report::of(&ended.stdout);
    assert_eq!((ended.code, report.packets()), (Some(3), vec![1]));
    assert_eq!(ended.stderr, "no such host\n");
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_command_that_gives_nothing_does_not_keep_the_run_from_beginning() {
    if !entered("commands::a_command_that_gives_nothing_does_not_keep_the_run_from_beginning") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("commands", PATIENCE);
    let cable = Cable::lay();
    let time = seconds(1_000);
    let silent = format!("n=exec sleep {time}");
    let arguments = ["--from", &silent, "--while", "echo runs >&2", "--duration", "20s"];
    let ended = Egret::capture(&cable.here, &[&VETH[..], &arguments].concat()).end();
    let told = "n: gave nothing for 10 s, and was waited for no longer; tcpdump hands over at once what it captures with -U";
    assert_eq!(ended.stderr, format!("egret: {told}\nruns\n"));
    assert!(Report::of(&ended.stdout).lines("warnings").iter().any(|line| line == told));
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn what_got_off_its_leash_and_holds_the_pipe_is_left_and_named() {
    if !entered("commands::what_got_off_its_leash_and_holds_the_pipe_is_left_and_named") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("commands", PATIENCE);
    let escaped = "n=cat testdata/leak/node1-eth0.pcap; setsid sleep 6";
    let egret = from(&[escaped], &[]);
    until("its threads run", || egret.status("Threads") == "3");
    let time = seconds(6);
    let egret = from(&[&format!("n=cat testdata/leak/node1-eth0.pcap; setsid sleep {time}")], &[]);
    until("its threads run", || egret.status("Threads") == "3");
    until("the command got off its leash", || running(&["sleep", &time]).len() == 1);
    let ended = egret.interrupt();
    let report = Report::of(&ended.stdout);
    let told = "n: did not end within 2 s of being asked to, and was left; what it held back is missing";
    assert!(report.lines("warnings").iter().any(|line| line == told), "{report:?}");
    assert!(report.summary("frames") > 0, "{report:?}");
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn no_command_outlives_egret_however_that_ends() {
    if !entered("commands::no_command_outlives_egret_however_that_ends") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("commands", PATIENCE);
    let time = seconds(98_765);
    let docile = format!("a=cat testdata/leak/node1-eth0.pcap; sleep {time} | cat");
    let stubborn = format!("b=trap '' TERM; cat testdata/leak/node1-eth0.pcap; sleep {time} & sleep {time}");
    for signal in [Signal::KILL, Signal::INT, Signal::TERM] {
        let egret = from(&[&docile, &stubborn], &[]);
        until("both commands run", || running(&["sleep", &time]).len() == 3);
        kill_process(Pid::from_child(&egret.child), signal).expect("egret");
        until("all of them have ended", || running(&["sleep", &time]).is_empty());
        egret.end();
    }
}
