//! The rights of the program: what it has while it reads what comes off a wire, and what it says where it may not capture.

use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::getuid;

use crate::cable::{Cable, OUTSIDE, VETH};
use crate::capture::until;
use crate::egret::{Egret, check, program, without_variables};
use crate::enclosure::{Watch, entered};

const PATIENCE: Duration = Duration::from_mins(1);

/// Lines of `/proc/PID/task/*/status` under those keys, of every thread.
pub(crate) fn threads(egret: &Egret, keys: &[&str]) -> Vec<Vec<String>> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", egret.child.id())).expect("threads");
    tasks
        .map(|task| {
            let status = std::fs::read_to_string(task.expect("a thread").path().join("status"));
            let status = status.expect("a thread that runs");
            let value = |key: &&str| {
                let line = status.lines().find_map(|line| line.strip_prefix(*key)?.strip_prefix(':'));
                line.unwrap_or_else(|| panic!("no {key} in {status}")).trim().to_owned()
            };
            keys.iter().map(value).collect()
        })
        .collect()
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn no_thread_has_any_rights_while_frames_are_read() {
    if !entered("rights::no_thread_has_any_rights_while_frames_are_read") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("rights", PATIENCE);
    let cable = Cable::lay();
    let user = if getuid().is_root() { "65534".to_owned() } else { getuid().as_raw().to_string() };
    let id = [user.as_str(); 4].join("\t");
    let none = "0000000000000000";
    let egret = Egret::capture(&cable.here, &VETH);
    // One that takes frames in, one that decodes and one that reads.
    until("its threads run", || egret.status("Threads") == "3");
    let keys = ["Uid", "CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd", "NoNewPrivs"];
    for thread in threads(&egret, &keys) {
        assert_eq!(thread, [&id, none, none, none, none, none, "1"]);
    }
    if getuid().is_root() {
        let groups = ["65534"; 4].join("\t");
        assert!(threads(&egret, &["Gid", "Groups"]).iter().all(|thread| *thread == [groups.as_str(), ""]));
    }
    cable.send(OUTSIDE, 100);
    assert_eq!(egret.interrupt().report().packets(), [100]);
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_command_that_makes_traffic_keeps_the_rights_that_egret_began_with() {
    if !entered("rights::a_command_that_makes_traffic_keeps_the_rights_that_egret_began_with") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("rights", PATIENCE);
    let cable = Cable::lay();
    let command = "grep -E 'NoNewPrivs|CapEff' /proc/self/status";
    let ended = Egret::capture(&cable.here, &[&VETH[..], &["--while", command]].concat()).end();
    let own = std::fs::read_to_string("/proc/self/status").expect("status");
    let own: Vec<&str> =
        own.lines().filter(|line| line.contains("NoNewPrivs") || line.contains("CapEff")).collect();
    assert_eq!(ended.stderr.lines().collect::<Vec<_>>(), own);
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn files_are_read_without_rights_too() {
    if !entered("rights::files_are_read_without_rights_too") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("rights", PATIENCE);
    let mut command = Command::new(program());
    let command = command.args(["check", "--from", "n=cat testdata/leak/node1-eth0.pcap; sleep 1000"]);
    without_variables(command.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null()));
    let egret = Egret::start(command);
    until("its threads run", || egret.status("Threads") == "3");
    for thread in threads(&egret, &["CapPrm", "CapEff", "NoNewPrivs"]) {
        assert_eq!(thread, ["0000000000000000", "0000000000000000", "1"]);
    }
    egret.interrupt();
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_user_without_rights_is_told_what_is_missing_and_one_with_the_capability_captures() {
    if !entered("rights::a_user_without_rights_is_told_what_is_missing_and_one_with_the_capability_captures")
    {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("rights", PATIENCE);
    let cable = Cable::lay();
    let as_user = |rights: &[&str]| {
        let mut command = cable.here.command("setpriv");
        if getuid().is_root() {
            command.args(["--reuid", "1000", "--regid", "1000", "--clear-groups"]);
        }
        command.args(rights).arg(program()).arg("check").args(VETH);
        without_variables(command.stdin(Stdio::null()));
        command
    };
    let ended =
        Egret::start(&mut as_user(&["--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"])).end();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    let first =
        "egret: cannot capture on veth0: not permitted; it takes CAP_NET_RAW, and this process (user ";
    assert!(ended.stderr.starts_with(first), "{}", ended.stderr);
    // Which commands there are depends on where the laboratory runs.
    for way in ["\negret runs ", "\nsee what it has: egret doctor", "egret check …", "egret check -r FILE"]
    {
        assert!(ended.stderr.contains(way), "{way}: {}", ended.stderr);
    }
    let mut egret = Egret::start(&mut as_user(&["--inh-caps=-all,+net_raw", "--ambient-caps=-all,+net_raw"]));
    egret.wait_until_open();
    until("its threads run", || egret.status("Threads") == "3");
    for thread in threads(&egret, &["CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs"]) {
        assert_eq!(thread[4], "1");
        assert!(thread[..4].iter().all(|set| set == "0000000000000000"), "{thread:?}");
    }
    cable.send(OUTSIDE, 100);
    assert_eq!(egret.interrupt().report().packets(), [100]);
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn an_interface_that_is_not_there_is_refused_with_those_that_are() {
    if !entered("rights::an_interface_that_is_not_there_is_refused_with_those_that_are") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("rights", PATIENCE);
    let cable = Cable::lay();
    let ended = Egret::start(check(&cable.here, &["-i", "nosuch"]).stdin(Stdio::null())).end();
    let why = "cannot capture on nosuch: there is no such interface here; there are lo, veth0, any";
    assert_eq!((ended.code, ended.stderr), (Some(2), format!("egret: nothing could be read: {why}\n")));
    let egret = Egret::capture(&cable.here, &[&VETH[..], &["-i", "nosuch", "--duration", "300ms"]].concat());
    let ended = egret.end();
    assert_eq!((ended.code, ended.stderr), (Some(3), format!("egret: {why}; going on without it\n")));
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_root_whose_user_namespace_has_no_nobody_captures_and_keeps_no_capability() {
    if !entered("rights::a_root_whose_user_namespace_has_no_nobody_captures_and_keeps_no_capability") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("rights", PATIENCE);
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "--"]).arg(program());
    without_variables(command.args(["check", "-i", "any", "--format", "json"]).stdin(Stdio::null()));
    let egret = Egret::start(&mut command);
    until("its threads run", || egret.status("Threads") == "3");
    for thread in threads(&egret, &["CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd", "NoNewPrivs"]) {
        assert_eq!(thread[5], "1");
        assert!(thread[..5].iter().all(|set| set == "0000000000000000"), "{thread:?}");
    }
    assert_eq!(egret.interrupt().code, Some(3), "nothing was there to judge");
}
