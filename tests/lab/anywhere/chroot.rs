//! The static file in a root directory that holds nothing else: no loader, no library, no terminfo, no `/proc`, no `/etc`.

use std::process::Stdio;
use std::time::Duration;

use super::root::Root;
use crate::cable::{Cable, OUTSIDE, VETH};
use crate::egret::Egret;
use crate::enclosure::{Watch, entered};
use crate::rights::threads;
use crate::terminal::Terminal;

const PATIENCE: Duration = Duration::from_mins(1);

fn check() -> Vec<&'static str> {
    [&["check"], &VETH[..]].concat()
}

#[test]
#[ignore = "needs the static file: make anywhere"]
fn it_captures_in_an_empty_root() {
    if !entered("anywhere::chroot::it_captures_in_an_empty_root") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("chroot", PATIENCE);
    let (cable, root) = (Cable::lay(), Root::new("empty"));
    for arguments in [check(), [&["check", "-i", "any", "--role", "any/veth0=uplink"], &VETH[4..]].concat()] {
        let mut egret = Egret::start(root.egret(&cable.here, &arguments).stdin(Stdio::null()));
        egret.wait_until_open();
        cable.send(OUTSIDE, 100);
        let ended = egret.interrupt();
        assert_eq!((ended.report().packets(), ended.code), (vec![100], Some(0)), "{arguments:?}");
    }
}

#[test]
#[ignore = "needs the static file: make anywhere"]
fn a_user_with_nothing_but_the_files_capability_captures_and_keeps_none() {
    if !entered("anywhere::chroot::a_user_with_nothing_but_the_files_capability_captures_and_keeps_none") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("chroot", PATIENCE);
    let (cable, root) = (Cable::lay(), Root::new("user"));
    root.permit_capturing();
    let mut egret = Egret::start(root.egret_of_a_user(&cable.here, &check()).stdin(Stdio::null()));
    egret.wait_until_open();
    for thread in threads(&egret, &["CapPrm", "CapEff", "NoNewPrivs"]) {
        assert_eq!(thread, ["0000000000000000", "0000000000000000", "1"]);
    }
    cable.send(OUTSIDE, 100);
    assert_eq!(egret.interrupt().report().packets(), [100]);
}

#[test]
#[ignore = "needs the static file: make anywhere"]
fn a_user_who_may_not_have_the_files_capability_is_told_so_by_egret_itself() {
    if !entered("anywhere::chroot::a_user_who_may_not_have_the_files_capability_is_told_so_by_egret_itself") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("chroot", PATIENCE);
    let (cable, root) = (Cable::lay(), Root::new("bounded"));
    root.permit_capturing();
    let whole = root.egret_of_a_user(&cable.here, &check());
    let mut command = std::process::Command::new("setpriv");
    command.args(["--bounding-set=-net_raw", "--"]).arg(whole.get_program()).args(whole.get_args());
    let ended = Egret::start(command.stdin(Stdio::null())).end();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("CAP_NET_RAW"), "{}", ended.stderr);
}

#[test]
#[ignore = "needs the static file: make anywhere"]
fn screens_are_drawn_without_terminfo() {
    if !entered("anywhere::chroot::screens_are_drawn_without_terminfo") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("chroot", PATIENCE);
    let (cable, root) = (Cable::lay(), Root::new("screen"));
    // Where what was captured is kept to be looked at.
    root.put("tmp/.keep", b"");
    let terminal = Terminal::open("chroot", (120, 40), cable.here.command("tmux"));
    terminal.watch(&root.typed(), "-i veth0 --role veth0=uplink --expect 192.0.2.1");
    terminal.wait_for(&["veth0", "NOTHING JUDGED"]);
    cable.send(OUTSIDE, 100);
    terminal.wait_for(&["✗ FAIL", "The only outgoing flow left with a wrong source address"]);
    terminal.press(&["q"]);
    assert_eq!(terminal.ended(), "1");
}

#[test]
#[ignore = "needs the static file: make anywhere"]
fn name_services_that_are_not_there_cost_a_name_and_not_the_run() {
    if !entered("anywhere::chroot::name_services_that_are_not_there_cost_a_name_and_not_the_run") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("chroot", PATIENCE);
    let (cable, root) = (Cable::lay(), Root::new("names"));
    let leak = include_bytes!("../../../testdata/leak/node1-eth0.pcap");
    root.put("leak.pcap", leak);
    root.put("etc/nsswitch.conf", b"hosts: mymachines odd resolve [!UNAVAIL=return] files dns\n");
    // A module of that name which is none.
    for folder in ["lib", "lib64", "usr/lib", "lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"] {
        root.put(&format!("{folder}/libnss_odd.so.2"), b"\x7fELF, and no more of it");
    }
    root.put("etc/hosts", b"203.0.113.25 partner.example\n");
    let ask = |name: &str, more: &[&str]| {
        let asked = ["check", "-r", "leak.pcap", "--expect", "192.168.12.99", "--dst", name];
        let asked = [&asked[..], &["--format", "json"], more].concat();
        Egret::start(root.egret(&cable.here, &asked).stdin(Stdio::null())).end()
    };
    let found = ask("partner.example", &["--resolve"]);
    assert!(matches!(found.code, Some(0 | 1 | 3)), "{found:?}");
    assert!(found.stdout.contains("203.0.113.25"), "{found:?}");
    // In no file, and no name server is there to be asked.
    let lost = ask("nobody.example", &["--resolve"]);
    assert_eq!(lost.code, Some(2), "{lost:?}");
    assert!(lost.stderr.contains("nobody.example"), "{lost:?}");
}
