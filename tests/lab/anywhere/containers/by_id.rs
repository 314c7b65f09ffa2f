//! `--container`: the processes of real containers, found by the beginnings of their ids.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::egret::{Egret, program, without_variables};
use crate::enclosure::{Watch, entered_with_processes};
use crate::netns::run;

const PATIENCE: Duration = Duration::from_mins(2);

#[test]
#[ignore = "needs podman: make anywhere"]
fn a_container_is_found_by_the_beginning_of_its_id_without_asking_its_runtime() {
    let test = "anywhere::containers::by_id::a_container_is_found_by_the_beginning_of_its_id_without_asking_its_runtime";
    if !entered_with_processes(test) {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("by_id", PATIENCE);
    let _podman = Podman::set_up();
    let script = "ip link set lo up; while sleep 1; do echo hello | nc -w 1 127.0.0.1 9; done";
    let (web, other) = (Podman::start("web-0", script), Podman::start("web-1", "sleep 1000"));
    assert!(web.len() == 64 && other.len() == 64, "{web} {other}");

    let egret = |arguments: &[&str]| {
        let mut command = Command::new(program());
        without_variables(command.args(arguments).stdin(Stdio::null()));
        Egret::start(&mut command).end()
    };
    let typed = format!("cri-o://{}", &web[..12]);
    let ended = egret(&["dump", "-n", "-i", "lo", "--container", &typed, "-c", "1", "tcp"]);
    assert!(ended.stdout.contains(" > 127.0.0.1.9: Flags [S]"), "{ended:?}");
    assert!(ended.stderr.contains("listening on web-0"), "named as the container calls its host: {ended:?}");

    let ended = egret(&["check", "--container", "zz"]);
    assert!(ended.stderr.starts_with("egret: --container: `zz` is no container's id"), "{ended:?}");
    // No id of two begins with the other's, and one begins with neither.
    let none = ["0", "1", "2"].into_iter().find(|digit| !web.starts_with(digit) && !other.starts_with(digit));
    let ended = egret(&["check", "--container", none.expect("three digits and two ids")]);
    assert!(ended.code == Some(2) && ended.stderr.contains("those in containers are of "), "{ended:?}");
    for id in [&web, &other] {
        assert!(ended.stderr.contains(&id[..12]), "{ended:?}");
    }
    assert!(
        ended.stderr.contains("give its pod `hostPID: true`"),
        "a test sees its own processes alone: {ended:?}"
    );
}

/// A podman of the test's own, without images and networks.
struct Podman;

impl Podman {
    /// A root directory with a shell, and nothing else.
    const ROOT: &str = "/run/workload";

    fn set_up() -> Self {
        let busybox = ["/usr/bin/busybox", "/bin/busybox"].iter().find(|path| fs::metadata(path).is_ok());
        fs::create_dir_all(format!("{}/bin", Self::ROOT)).expect("room");
        fs::copy(
            busybox.expect("busybox-static: make anywhere installs it"),
            format!("{}/bin/busybox", Self::ROOT),
        )
        .expect("room");
        for tool in ["sh", "ip", "nc", "sleep"] {
            std::os::unix::fs::symlink("busybox", format!("{}/bin/{tool}", Self::ROOT)).expect("room");
        }
        Self
    }

    fn command(arguments: &[&str]) -> Command {
        let mut command = Command::new("podman");
        let own = ["--root", "/run/podman/root", "--runroot", "/run/podman/run", "--storage-driver", "vfs"];
        command.args(["--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "file"]);
        command.args(own).args(arguments);
        command
    }

    /// Starts a container of that name, which is its host's, too; returns its id.
    fn start(name: &str, script: &str) -> String {
        let limits =
            ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--cap-add", "NET_ADMIN"];
        let run_it =
            [&["run", "--detach", "--network", "none", "--name", name, "--hostname", name][..], &limits];
        let what = ["--rootfs", Self::ROOT, "/bin/sh", "-c", script];
        run(&mut Self::command(&[run_it.concat(), what.to_vec()].concat()), "").trim().to_owned()
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        Self::command(&["rm", "--all", "--force", "--time", "0"]).stdout(Stdio::null()).status().ok();
    }
}
