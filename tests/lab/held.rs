//! The sandbox of a run: which threads it holds, whom it leaves free, and that what a run needs later still works in it.
//!
//! What it denies is shown call by call by the tests of `src/sandbox/`; that nothing which egret does is among that, by the whole
//! laboratory, which runs in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::cable::{Cable, OUTSIDE, VETH};
use crate::capture::until;
use crate::egret::{Egret, program, record, without_variables};
use crate::enclosure::{Watch, entered};
use crate::rights::threads;
use crate::terminal::Terminal;

const PATIENCE: Duration = Duration::from_mins(1);

const KEYS: [&str; 2] = ["Seccomp", "NoNewPrivs"];

#[test]
#[ignore = "needs network namespaces: make lab"]
fn every_thread_is_held_and_none_where_that_is_not_wanted() {
    if !entered("held::every_thread_is_held_and_none_where_that_is_not_wanted") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("held", PATIENCE);
    let cable = Cable::lay();
    for (options, seccomp) in [(&[][..], "2"), (&["--no-sandbox"][..], &own("Seccomp"))] {
        let egret = Egret::capture(&cable.here, &[&VETH[..], options].concat());
        until("its threads run", || egret.status("Threads") == "3");
        assert_eq!(threads(&egret, &KEYS), vec![[seccomp, "1"]; 3], "{options:?}");
        cable.send(OUTSIDE, 100);
        assert_eq!(egret.interrupt().report().packets(), [100]);
    }
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn captures_that_somebody_sent_are_read_in_it_too() {
    if !entered("held::captures_that_somebody_sent_are_read_in_it_too") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("held", PATIENCE);
    // What is printed stays in the pipe, so that the process can be looked at.
    for subcommand in ["check", "dump"] {
        let mut command = Command::new(program());
        command.args([subcommand, "-r", "-"]).stdin(Stdio::piped());
        without_variables(&mut command);
        let mut egret = Egret::start(&mut command);
        let file = fs::read(capture()).expect("a capture");
        let mut input = egret.child.stdin.take().expect("a pipe");
        std::io::Write::write_all(&mut input, &file[..100]).expect("it reads");
        until("it is in the sandbox", || egret.status("Seccomp") == "2");
        for thread in threads(&egret, &KEYS) {
            assert_eq!(thread, ["2", "1"], "{subcommand}");
        }
        std::io::Write::write_all(&mut input, &file[100..]).ok();
        drop(input);
        let ended = egret.end();
        assert!(ended.stdout.contains("192.168.12."), "{subcommand}: {ended:?}");
    }
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn commands_that_were_started_before_are_free() {
    if !entered("held::commands_that_were_started_before_are_free") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("held", PATIENCE);
    let cable = Cable::lay();
    // A program that starts programs, writes a file and opens a socket.
    let command =
        "grep -E 'Seccomp:|NoNewPrivs' /proc/self/status; ip -brief link show lo >/run/made; cat /run/made";
    let ended = Egret::capture(&cable.here, &[&VETH[..], &["--while", command]].concat()).end();
    let said: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(
        said[..2],
        [format!("NoNewPrivs:\t{}", own("NoNewPrivs")), format!("Seccomp:\t{}", own("Seccomp"))]
    );
    assert!(said[2].starts_with("lo "), "{ended:?}");
    let from = format!("n=sleep 0.1; cat {} /dev/null", capture().display());
    let mut command = Command::new(program());
    without_variables(command.args(["check", "--format", "json", "--from", &from]).stdin(Stdio::null()));
    let report = Egret::start(&mut command).end().report();
    assert!(report.summary("frames") > 0);
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn an_ordinary_user_records_file_after_file_and_keeps_flows_in_it() {
    if !entered("held::an_ordinary_user_records_file_after_file_and_keeps_flows_in_it") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("held", PATIENCE);
    let folder = PathBuf::from("/run/held");
    fs::create_dir(&folder).expect("a new folder");
    std::os::unix::fs::chown(&folder, Some(1000), None).ok();
    let as_user = |arguments: &[&str]| {
        // Without anything to give up, egret makes files itself.
        let mut command = Command::new("setpriv");
        if rustix::process::getuid().is_root() {
            command.args(["--reuid", "1000", "--regid", "1000", "--clear-groups"]);
        }
        command.args(["--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"]).arg(program());
        without_variables(command.args(arguments).stdin(Stdio::null()));
        Egret::start(&mut command).end()
    };
    let (file, trace) = (capture().display().to_string(), "/run/held/trace.pcapng");
    let ended = as_user(&["record", "-r", &file, "-w", trace, "--rotate-size", "10k", "--keep", "2"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(names(&folder).len(), 2, "others were made, and removed");
    let ended = as_user(&["check", "-r", &file, "-w", "/run/held/kept.pcapng", "--format", "json"]);
    assert!(ended.stderr.is_empty() && ended.code == Some(3), "{ended:?}");
    assert!(
        names(&folder).contains(&"kept.pcapng".to_owned()) && names(&folder).len() == 3,
        "the spool is gone"
    );
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn root_records_file_after_file_in_it() {
    if !entered("held::root_records_file_after_file_in_it") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("held", PATIENCE);
    let cable = Cable::lay();
    let folder = PathBuf::from("/run/held");
    fs::create_dir(&folder).expect("a new folder");
    let arguments = ["-i", "veth0", "-w", "/run/held/t.pcapng", "--rotate-size", "10k", "--keep", "3"];
    let mut command = record(&cable.here, &arguments);
    let mut egret = Egret::start(command.stdin(Stdio::null()));
    egret.wait_until_open();
    until("it is in the sandbox", || egret.status("Seccomp") == "2");
    // The process that makes the files keeps the right to, and is held nevertheless.
    let pid = egret.child.id();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("it runs");
    let opener = fs::read_to_string(format!("/proc/{}/status", children.trim())).expect("one child");
    assert!(opener.contains("\nSeccomp:\t2\n") && opener.contains("\nNoNewPrivs:\t1\n"), "{opener}");
    cable.send(OUTSIDE, 2_000);
    let ended = egret.interrupt();
    assert_eq!((ended.code, names(&folder).len()), (Some(0), 3), "{ended:?}");
}

#[test]
#[ignore = "needs tmux: make lab"]
fn screens_are_drawn_filters_read_and_reports_saved_in_it() {
    let _watch = Watch::set("held", PATIENCE);
    let mut tmux = Command::new("setpriv");
    tmux.args(["--pdeathsig", "KILL", "tmux"]);
    let terminal = Terminal::open("held", (100, 30), tmux);
    let program = PathBuf::from(program());
    let program =
        if program.is_absolute() { program } else { Path::new(env!("CARGO_MANIFEST_DIR")).join(program) };
    terminal.watch(
        &program,
        &format!("-r {} --expect 192.168.12.99 --node-ip 192.168.12.11", capture().display()),
    );
    terminal.wait_for(&["FAIL"]);
    let status = |pid: u32| fs::read_to_string(format!("/proc/{pid}/task/{pid}/status")).expect("it runs");
    let egret = terminal.child();
    let tasks = fs::read_dir(format!("/proc/{egret}/task")).expect("threads").count();
    assert!(tasks > 3 && status(egret).contains("\nSeccomp:\t2\n"), "{tasks}: {}", status(egret));
    // The name of a service is looked up in a file, by libpcap; where it cannot be, every name is unknown.
    terminal.press(&["/"]);
    terminal.type_in("udp port nosuchservice");
    terminal.wait_for(&["unknown port"]);
    terminal.press(&["BSpace"; 13]);
    terminal.type_in("ntp");
    terminal.press(&["Enter"]);
    terminal.wait_for(&["NOTHING JUDGED"]);
    terminal.press(&["w", "j"]);
    terminal.wait_for(&["the report was saved to egret-"]);
    terminal.press(&["q"]);
    assert_eq!(terminal.ended(), "1", "the run itself has failed, whatever is shown");
}

/// A line of the test's own status.
fn own(key: &str) -> String {
    let status = fs::read_to_string("/proc/self/status").expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.expect("a line of every kernel").trim().to_owned()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect()
}

fn capture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/leak/node1-eth0.pcap")
}
