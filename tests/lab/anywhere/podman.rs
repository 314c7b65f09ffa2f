//! A podman of the test's own: its images, containers, networks and locks are the test's, and go with it.
//!
//! What containers get by default is what a cluster gives a pod that may capture; `containers.conf` has that, and how they run.

use std::fs;
use std::process::{Command, Stdio};

use super::static_file;
use crate::capture::until;
use crate::egret::without_variables;
use crate::netns::run;

/// How it runs containers; `scripts/anywhere` finds out with it whether they can be run at all.
const SETTINGS: &str = include_str!("containers.conf");

/// The network of the containers; podman's host has the first address of it.
pub(super) const NETWORK: &str = "10.128.0.0/24";

/// The image of egret.
pub(super) const EGRET: &str = "egret:lab";
/// A workload with a shell and the usual tools; and one that has a program and nothing else.
pub(super) const WITH_SHELL: &str = "with-shell:lab";
pub(super) const DISTROLESS: &str = "distroless:lab";

/// What the image with a shell has of busybox.
const TOOLS: [&str; 8] = ["cat", "chmod", "env", "id", "nc", "sh", "sleep", "tar"];

pub(super) struct Podman {
    /// The file of its settings.
    settings: &'static str,
}

impl Podman {
    /// Images and network. To be called inside the test's enclosure, of which `/run` is its own.
    pub(super) fn set_up() -> Self {
        for folder in ["/dev/shm", "/var/lib/containers"] {
            fs::create_dir_all(folder).expect("a folder");
            run(Command::new("mount").args(["-t", "tmpfs", "lab", folder]), "");
        }
        fs::create_dir_all("/run/egret/networks").expect("room");
        let podman = Self { settings: "/run/egret/containers.conf" };
        fs::write(podman.settings, SETTINGS).expect("room");
        podman.build_workloads();
        let mut image = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/image"));
        let build = static_file().parent().and_then(|folder| folder.parent()).expect("target").to_owned();
        image.arg(EGRET).env("ENGINE", "podman").env("CARGO_TARGET_DIR", build);
        run(podman.settled(&mut image), "");
        podman.run(&["network", "create", "--disable-dns", "--subnet", NETWORK, "pods"]);
        podman
    }

    /// `podman ARGUMENTS`.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("podman");
        self.settled(command.args(arguments));
        command
    }

    /// A tmux in which podman is this one.
    pub(super) fn tmux(&self) -> Command {
        let mut tmux = Command::new("tmux");
        self.settled(&mut tmux);
        tmux
    }

    /// What it prints.
    pub(super) fn run(&self, arguments: &[&str]) -> String {
        run(&mut self.command(arguments), "")
    }

    /// As [`Podman::run`], given `input`.
    pub(super) fn feed(&self, arguments: &[&str], input: &[u8]) {
        let folder = "/run/egret/input";
        fs::write(folder, input).expect("room");
        let mut command = self.command(arguments);
        let output = command.stdin(fs::File::open(folder).expect("its own")).output().expect("podman");
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Starts a container of an image in the containers' network, and returns its address.
    pub(super) fn start(&self, name: &str, image: &str) -> String {
        self.run(&["run", "--detach", "--name", name, "--network", "pods", image]);
        let address = self.inspect(name, "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");
        assert!(address.starts_with("10.128.0."), "{address}");
        address
    }

    pub(super) fn inspect(&self, name: &str, what: &str) -> String {
        self.run(&["inspect", "--format", what, name]).trim().to_owned()
    }

    /// Waits until the egret that a container is has opened its sources, which it gives up the right to afterwards.
    pub(super) fn wait_until_open(&self, name: &str) {
        let state = || {
            let output =
                self.command(&["inspect", "--format", "{{.State.Pid}}", name]).output().expect("podman");
            let pid = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default()
        };
        until("egret captures in a container", || state().contains("\nNoNewPrivs:\t1"));
    }

    fn settled<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        without_variables(command);
        command.env("CONTAINERS_CONF", self.settings).env("STORAGE_DRIVER", "vfs").stdin(Stdio::null())
    }

    fn build_workloads(&self) {
        let busybox = ["/usr/bin/busybox", "/bin/busybox"].iter().find(|path| fs::metadata(path).is_ok());
        let busybox = busybox.expect("busybox-static: make anywhere installs it");
        let bin = "/run/egret/workload/bin";
        fs::create_dir_all(bin).expect("room");
        fs::create_dir_all("/run/egret/workload/tmp").expect("room");
        fs::copy(busybox, format!("{bin}/busybox")).expect("room");
        for tool in TOOLS {
            std::os::unix::fs::symlink("busybox", format!("{bin}/{tool}")).expect("room");
        }
        // A busybox of that name is a program that listens, and no shell.
        let images = [
            (WITH_SHELL, "FROM scratch\nCOPY . /\nENV PATH=/bin\nCMD [\"sleep\", \"1000\"]\n"),
            (DISTROLESS, "FROM scratch\nCOPY bin/busybox /nc\nCMD [\"/nc\", \"-l\", \"-p\", \"8080\"]\n"),
        ];
        for (image, lines) in images {
            fs::write("/run/egret/Containerfile", lines).expect("room");
            let file = "/run/egret/Containerfile";
            self.run(&["build", "--quiet", "--tag", image, "--file", file, "/run/egret/workload"]);
        }
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // At the end of everything they are killed with the processes of the enclosure; this leaves no control groups.
        self.command(&["rm", "--all", "--force", "--time", "0"]).stdout(Stdio::null()).status().ok();
    }
}
