//! `egret watch` in a real terminal: what is seen, what keys do, and that the terminal is given back however it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use egret::capture::savefile::{Filled, Keep, Savefile};
use egret::digest::Batch;
use egret::frame::PointIndex;
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{Action, tcflow};

use crate::cable::{Cable, OUTSIDE};
use crate::capture::until;
use crate::egret::program;
use crate::enclosure::{Watch, entered};
use crate::terminal::Terminal;

/// Nobody is there either.
const ASIDE: &str = "198.51.100.7";

const PATIENCE: Duration = Duration::from_mins(2);

fn leak() -> String {
    format!(
        "-r {}/testdata/leak/node1-any.pcap.gz --expect 192.168.12.99 --node-ip 192.168.12.11",
        env!("CARGO_MANIFEST_DIR")
    )
}

fn egret() -> PathBuf {
    let program = PathBuf::from(program());
    if program.is_absolute() { program } else { Path::new(env!("CARGO_MANIFEST_DIR")).join(program) }
}

fn tmux() -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "tmux"]);
    command
}

/// Frames in a capture, and the largest number of them at one time: copies of a packet.
fn frames(file: &Path) -> usize {
    let mut savefile = Savefile::open(file, Keep::Nothing).expect("a capture");
    let mut batch = Batch::new(PointIndex(0));
    let mut frames = 0;
    loop {
        let filled = savefile.fill(&mut batch);
        frames += batch.heads.len();
        if filled == Filled::End {
            return frames;
        }
    }
}

#[test]
#[ignore = "needs tmux: make lab"]
fn a_leak_is_seen_at_once_and_followed_to_its_packets() {
    let _watch = Watch::set("watched", PATIENCE);
    let terminal = Terminal::open("leak", (80, 24), tmux());
    terminal.watch(&egret(), &leak());
    // Without a key: the answer, what is wrong, and the flows that fail first.
    terminal.wait_for(&[
        "✗ FAIL",
        "20 of 72 outgoing flows left with a wrong source address",
        "left node1-any as 192.168.12.11 (the node's",
        "✗ ▸ 10.128.0.5",
    ]);
    terminal.press(&["Enter"]);
    terminal.wait_for(&["✗ ▾ 10.128.0.5", "10.128.0.5:46369"]);
    terminal.press(&["j", "Enter"]);
    terminal.wait_for(&[
        "node-ip  node1-any:1533",
        "◆ 192.168.12.11:46369  SNAT at node1-any: not the expected address",
    ]);
    terminal.press(&["p"]);
    terminal
        .wait_for(&["node1-any:1533, seen at 3 places", "192.168.12.11:46369  203.0.113.25:443     tcp SYN"]);
    // The copy behind the NAT.
    terminal.press(&["n", "n"]);
    terminal.wait_for(&["node1-any:1537"]);

    terminal.press(&["w", "f"]);
    terminal.wait_for(&["30 frames saved to egret-node1-any-1533.pcapng"]);
    assert_eq!(frames(&terminal.at("egret-node1-any-1533.pcapng")), 30);
    terminal.press(&["w", "j"]);
    terminal.wait_for(&["the report was saved to egret-node1-any-1533.json"]);
    let report = fs::read(terminal.at("egret-node1-any-1533.json")).expect("the report");
    let report: serde_json::Value = serde_json::from_slice(&report).expect("JSON");
    let ids: Vec<_> =
        report["flows"].as_array().expect("flows").iter().map(|flow| flow["id"].as_str()).collect();
    assert_eq!(ids, [Some("node1-any:1533")]);

    // An expression is met by frames, which were all read before it was typed.
    terminal.press(&["Escape"]);
    terminal.wait_for(&["FAIL  node-ip"]);
    terminal.press(&["Escape"]);
    terminal.wait_for(&["WORKLOAD"]);
    terminal.press(&["/"]);
    terminal.type_in("--proto tcp host 203.0.113.2x");
    terminal.wait_for(&["unknown host"]);
    terminal.press(&["BSpace", "6", "Enter"]);
    terminal.wait_for(&["✓ PASS", "All 4 flows left as expected"]);
    // What was narrowed to what passes does not pass.
    terminal.press(&["q"]);
    assert_eq!(terminal.ended(), "1");
    let shown = terminal.shown();
    assert!(shown.contains("FAIL  20 of 72 outgoing flows"), "{shown}");
    assert!(shown.contains("saved egret-node1-any-1533.pcapng"), "{shown}");
}

#[test]
#[ignore = "needs tmux: make lab"]
fn the_terminal_is_given_back_whatever_signal_comes() {
    let _watch = Watch::set("watched", PATIENCE);
    let terminal = Terminal::open("signals", (80, 24), tmux());
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        terminal.watch(&egret(), &leak());
        terminal.wait_for(&["✗ FAIL"]);
        let pid = Pid::from_raw(terminal.child() as i32).expect("a process");
        kill_process(pid, signal).expect("a process of the test's own");
        assert_eq!(terminal.ended(), "1", "{signal:?}");
        terminal.wait_for(&["FAIL  20 of 72 outgoing flows"]);
    }
}

#[test]
#[ignore = "needs tmux: make lab"]
fn a_terminal_that_takes_nothing_keeps_no_signal_from_ending_it() {
    let _watch = Watch::set("watched", PATIENCE);
    let terminal = Terminal::open("stalled", (80, 24), tmux());
    terminal.watch(&egret(), &leak());
    terminal.wait_for(&["✗ FAIL"]);
    let pid = terminal.child();
    let line = fs::File::open(format!("/proc/{pid}/fd/1")).expect("the terminal");
    // As Ctrl-S does where the terminal looks for it.
    tcflow(&line, Action::OOff).expect("a terminal");
    terminal.press(&["2"]);
    until("the screen waits for the terminal", || is_writing(pid));
    kill_process(Pid::from_raw(pid as i32).expect("a process"), Signal::TERM)
        .expect("a process of the test's own");
    until("it has ended", || fs::metadata(format!("/proc/{pid}/exe")).is_err());
    tcflow(&line, Action::OOn).expect("a terminal");
    assert_eq!(terminal.ended(), "1");
}

/// Whether the thread that draws waits for the terminal to take what it writes.
fn is_writing(pid: u32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("a process");
    let mut screens = tasks
        .flatten()
        .map(|task| task.path())
        .filter(|task| fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "screen"));
    screens.any(|task| {
        fs::read_to_string(task.join("wchan"))
            .is_ok_and(|at| ["write", "wait_woken"].iter().any(|name| at.contains(name)))
    })
}

/// Set for the test's own program, where it is to take a terminal over and panic.
const PANICS: &str = "EGRET_LAB_PANICS";

#[test]
#[ignore = "needs tmux: make lab"]
fn the_terminal_is_given_back_when_a_thread_panics() {
    if std::env::var_os(PANICS).is_some() {
        take_over_and_panic();
    }
    let _watch = Watch::set("watched", PATIENCE);
    let terminal = Terminal::open("panic", (80, 24), tmux());
    let own = std::env::current_exe().expect("the test's own program");
    let test = "watched::the_terminal_is_given_back_when_a_thread_panics --exact --ignored --nocapture";
    terminal.run(&format!("{PANICS}=1 {} {test}", own.display()));
    // What it says of the panic stands where the screen was.
    terminal.wait_for(&["a thread that fails", "what else was to be drawn: a part of egret has failed"]);
    assert_eq!(terminal.ended(), "7");
    assert_eq!(terminal.state("#{alternate_on} #{cursor_flag} #{mouse_any_flag}"), "0 1 0");
}

/// Shows a screen, and fails in another thread.
fn take_over_and_panic() -> ! {
    let mut terminal = egret::command::watch::terminal::Terminal::set_up().expect("a terminal");
    let model = egret::tui::Model::new(egret::tui::Setup {
        is_live: true,
        is_here: true,
        speed: None,
        sources: "nothing".to_owned(),
        filter: String::new(),
        captured: String::new(),
        decoding: std::sync::Arc::default(),
        presets: Vec::new(),
        zone: jiff::tz::TimeZone::UTC,
        colours: egret::tui::Colours::Sixteen,
        size: (80, 24),
    });
    terminal.draw(&model).expect("a screen");
    std::thread::spawn(|| panic!("a thread that fails")).join().expect_err("a panic");
    let refused = terminal.draw(&model).expect_err("nothing is drawn any more");
    println!("what else was to be drawn: {refused}");
    // Not dropped: the hook alone has given it back.
    std::mem::forget(terminal);
    std::process::exit(7);
}

#[test]
#[ignore = "needs tmux: make lab"]
fn ctrl_z_stops_it_and_gives_the_terminal_back_until_it_goes_on() {
    let _watch = Watch::set("watched", PATIENCE);
    let terminal = Terminal::open("suspend", (80, 24), tmux());
    terminal.watch(&egret(), &leak());
    terminal.wait_for(&["✗ FAIL"]);
    terminal.press(&["C-z"]);
    // The shell goes on with what it was to do behind, and what the terminal is set to is as it was.
    assert_eq!(terminal.ended(), "148");
    terminal.wait_for(&["Stopped"]);
    terminal.type_in("clear; fg; echo $? >code.part; stty -g >after; mv code.part code");
    terminal.press(&["Enter"]);
    terminal.wait_for(&["✗ FAIL", "✗ ▸ 10.128.0.5"]);
    terminal.press(&["Enter"]);
    terminal.wait_for(&["✗ ▾ 10.128.0.5"]);
    terminal.press(&["q"]);
    assert_eq!(terminal.ended(), "1");
}

#[test]
#[ignore = "needs tmux: make lab"]
fn it_ends_with_its_terminal_though_no_signal_tells_of_that() {
    let _watch = Watch::set("watched", PATIENCE);
    let terminal = Terminal::open("closed", (80, 24), tmux());
    let code = terminal.at("code");
    let line =
        format!("clear; (trap '' HUP; {} watch {}; echo $? >{})", egret().display(), leak(), code.display());
    terminal.type_in(&line);
    terminal.press(&["Enter"]);
    terminal.wait_for(&["✗ FAIL"]);
    terminal.hang_up();
    until("egret has ended", || fs::read_to_string(&code).is_ok_and(|code| code == "1\n"));
}

#[test]
#[ignore = "needs tmux and network namespaces: make lab"]
fn a_capture_is_watched_while_it_goes_on() {
    if !entered("watched::a_capture_is_watched_while_it_goes_on") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("watched", PATIENCE);
    let cable = Cable::lay();
    let terminal = Terminal::open("live", (120, 40), cable.here.command("tmux"));
    terminal.watch(&egret(), "-i veth0 --role veth0=uplink --expect 192.0.2.1");
    terminal.wait_for(&["veth0", "NOTHING JUDGED"]);
    cable.send(OUTSIDE, 100);
    terminal.wait_for(&["✗ FAIL", "The only outgoing flow left with a wrong source address"]);
    terminal.press(&["3"]);
    terminal.wait_for(&["veth0:1, seen at this place alone", "10.7.0.1"]);
    terminal.press(&["w", "f"]);
    terminal.wait_for(&["saved to egret-run.pcapng"]);
    assert!(frames(&terminal.at("egret-run.pcapng")) >= 100);
    terminal.press(&["q"]);
    assert_eq!(terminal.ended(), "1");
}

#[test]
#[ignore = "needs tmux and network namespaces: make lab"]
fn what_is_captured_is_changed_on_the_screen_and_back() {
    if !entered("watched::what_is_captured_is_changed_on_the_screen_and_back") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("watched-narrowed", PATIENCE);
    let cable = Cable::lay();
    let terminal = Terminal::open("narrowed", (120, 40), cable.here.command("tmux"));
    terminal.watch(
        &egret(),
        "-i veth0 --role veth0=uplink --expect 10.7.0.1 --inside 10.7.0.0/24 --unrewritten 203.0.113.0/24",
    );
    terminal.wait_for(&["veth0", "NOTHING JUDGED"]);
    cable.send(OUTSIDE, 3);
    cable.send(ASIDE, 3);
    terminal.wait_for(&["6 frames", "203.0.113.25:9/udp", "198.51.100.7:9/udp"]);
    terminal.press(&["/"]);
    terminal.type_in("--dst 203.0.113.25");
    terminal.press(&["Enter"]);
    terminal.wait_for(&["filter: --dst 203.0.113.25", "c capture so"]);
    terminal.press(&["c"]);
    terminal.wait_for(&["All others are lost", "this run can no longer pass", "y yes"]);
    terminal.press(&["y"]);
    terminal.wait_for(&["captured: --dst 203.0.113.25"]);
    // The reader sets it between two looks at its socket; what is sent until then is captured still.
    until("the other destination is captured no longer", || {
        let before = counted(&terminal);
        cable.send(ASIDE, 1);
        cable.send(OUTSIDE, 1);
        let mut after = before;
        until("what passes the filter is counted", || {
            after = counted(&terminal);
            after > before
        });
        after == before + 1
    });
    let before = counted(&terminal);
    cable.send(ASIDE, 500);
    cable.send(OUTSIDE, 10);
    until("what passes the filter is counted", || counted(&terminal) >= before + 10);
    assert_eq!(counted(&terminal), before + 10, "{}", terminal.shown());
    // And everything again.
    terminal.press(&["/", "C-u", "Enter"]);
    terminal.wait_for(&["c capture so"]);
    terminal.press(&["c"]);
    terminal.wait_for(&["capture everything again?"]);
    terminal.press(&["y"]);
    terminal.wait_for(&["everything is captured again"]);
    until("the other destination is captured again", || {
        let before = counted(&terminal);
        cable.send(ASIDE, 20);
        cable.send(OUTSIDE, 1);
        let mut after = before;
        until("what passes is counted", || {
            after = counted(&terminal);
            after > before
        });
        after > before + 1
    });
    terminal.press(&["6"]);
    terminal
        .wait_for(&["captured with the filter", "capturing was narrowed to what flows of these may need"]);
    terminal.press(&["q"]);
    // All that was seen passes, and not all was seen.
    assert_eq!(terminal.ended(), "3");
    terminal.wait_for(&["INCONCLUSIVE  What was captured passes"]);
}

/// Frames so far, as the screen tells.
fn counted(terminal: &Terminal) -> u64 {
    let shown = terminal.shown();
    let told = shown.lines().next().and_then(|line| line.split(" frame").next()?.rsplit(' ').next());
    told.and_then(|number| number.replace(',', "").parse().ok())
        .unwrap_or_else(|| panic!("no frames in\n{shown}"))
}
