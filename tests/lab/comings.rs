//! Interfaces that come and go while the program captures.

use std::time::Duration;

use crate::cable::{Cable, OUTSIDE};
use crate::capture::until;
use crate::egret::Egret;
use crate::enclosure::{Watch, entered};
use crate::kept::count;

const PATIENCE: Duration = Duration::from_mins(1);

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_run_ends_with_its_only_interface_and_goes_on_with_another() {
    if !entered("comings::a_run_ends_with_its_only_interface_and_goes_on_with_another") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("comings", PATIENCE);
    let told = "veth0: veth0 is gone: nothing of it is captured from then on, should it come back, too";
    let cable = Cable::lay();
    let egret = Egret::capture(&cable.here, &["-i", "veth0", "--role", "veth0=uplink", "--format", "json"]);
    cable.send(OUTSIDE, 100);
    cable.here.ip("link del veth0");
    let report = egret.end().report();
    assert_eq!(report.packets(), [100]);
    assert!(report.lines("warnings").iter().any(|line| line == told), "{report:?}");
    drop(cable);

    let cable = Cable::lay();
    let mut egret = Egret::capture(&cable.here, &["-i", "veth0", "-i", "lo", "--format", "json"]);
    cable.send(OUTSIDE, 100);
    cable.here.ip("link del veth0");
    // Its reader is one of the threads that have begun with the run.
    until("one reader has ended", || egret.status("Threads") == "3");
    cable.send("127.0.0.1", 50);
    assert!(!egret.has_ended());
    let report = egret.interrupt().report();
    let mut packets = report.packets();
    packets.sort_unstable();
    assert_eq!(packets, [50, 100]);
    assert!(report.lines("warnings").iter().any(|line| line == told), "{report:?}");
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn a_pod_that_starts_meanwhile_has_its_name_and_role() {
    if !entered("comings::a_pod_that_starts_meanwhile_has_its_name_and_role") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("comings", PATIENCE);
    let cable = Cable::lay();
    let egret = Egret::capture(&cable.here, &["-i", "any", "--format", "json"]);
    cable.here.ip("link add late0 type veth peer name late1 netns there
        addr add 10.8.0.1/24 dev late0
        link set late0 up
        neigh replace 10.8.0.2 lladdr 02:00:00:00:00:03 dev late0 nud permanent");
    cable.there.ip("link set late1 up");
    cable.until_carries("late0");
    cable.send("10.8.0.2", 10);
    let report = egret.interrupt().report();
    let places = report.0["points"][0]["places"].as_array().expect("places");
    let late = places.iter().find(|place| place["interface"] == "late0").expect("a place of that name");
    assert_eq!(
        (late["role"].as_str(), late["because"].as_str()),
        (Some("pod"), Some("its other end lies in another namespace"))
    );
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn an_interface_that_was_down_for_a_while_is_captured_again_and_that_is_told() {
    if !entered("comings::an_interface_that_was_down_for_a_while_is_captured_again_and_that_is_told") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("comings", PATIENCE);
    let cable = Cable::lay();
    let path =
        |which| std::env::temp_dir().join(format!("egret-lab-comings-{}{which}.pcapng", std::process::id()));
    let (kept, all) = (path(""), path("-all"));
    let named = kept.to_str().expect("text");
    let egret = Egret::capture(&cable.here, &["-i", "veth0", "-w", named, "--format", "json"]);
    cable.send(OUTSIDE, 10);
    until("the first frames are read", || count(&all) >= 10);
    cable.here.ip("link set veth0 down");
    cable.connect();
    cable.send(OUTSIDE, 10);
    let report = egret.interrupt().report();
    std::fs::remove_file(&kept).expect("our own file");
    assert_eq!(report.packets(), [10, 10]);
    let told = "veth0: veth0 went down; it is captured again when it comes up";
    assert!(report.lines("warnings").iter().any(|line| line == told), "{report:?}");
}
