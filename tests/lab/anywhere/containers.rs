//! egret beside and in containers, whose network's masquerade is the NAT under test: what can be told on their host, what in
//! the container, and how egret gets into one.
//!
//! `podman exec` and `podman run --network container:…` stand for `kubectl exec` and for an ephemeral container, which are the
//! same system calls.

mod by_id;

use std::net::IpAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::host::{GREET, HOST, Host, SERVER};
use super::podman::{DISTROLESS, EGRET, Podman, WITH_SHELL};
use super::static_file;
use crate::egret::{Egret, Report, program, without_variables};
use crate::enclosure::{Watch, entered_with_processes};
use crate::terminal::Terminal;

const PATIENCE: Duration = Duration::from_mins(2);

/// What is expected, which no container's traffic is.
const EXPECTED: [&str; 6] = ["-i", "any", "--expect", "192.168.12.99", "--format", "json"];

/// `egret check ARGUMENTS` on the host, once it captures.
fn on_the_host(arguments: &[&str]) -> Egret {
    let mut command = Command::new(program());
    without_variables(command.arg("check").args(arguments).stdin(Stdio::null()));
    let mut egret = Egret::start(&mut command);
    egret.wait_until_open();
    egret
}

/// An egret of the image in the network of a container, once it captures.
fn beside(podman: &Podman, name: &str, container: &str, options: &[&str], arguments: &[&str]) -> Egret {
    let network = format!("container:{container}");
    let run =
        [&["run", "--name", name, "--network", &network], options, &[EGRET, "check"], arguments].concat();
    let egret = Egret::start(&mut podman.command(&run));
    podman.wait_until_open(name);
    egret
}

/// Origin and wire of each flow to the server.
fn sources(report: &Report) -> Vec<(Option<&str>, Option<&str>)> {
    let flows = report.0["flows"].as_array().expect("flows").iter();
    let meant = flows.filter(|flow| flow["destination"]["ip"] == SERVER);
    meant.map(|flow| (flow["origin"]["ip"].as_str(), flow["wire"]["ip"].as_str())).collect()
}

fn reasons(report: &Report) -> Vec<Option<&str>> {
    let flows = report.0["flows"].as_array().expect("flows").iter();
    flows.filter(|flow| flow["destination"]["ip"] == SERVER).map(|flow| flow["reason"].as_str()).collect()
}

#[test]
#[ignore = "needs the static file and podman: make anywhere"]
fn the_host_sees_what_containers_leave_as_and_a_container_says_that_it_cannot() {
    if !entered_with_processes(
        "anywhere::containers::the_host_sees_what_containers_leave_as_and_a_container_says_that_it_cannot",
    ) {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("containers", PATIENCE);
    let (host, podman) = (Host::connect(), Podman::set_up());
    let web = podman.start("web", WITH_SHELL);
    let outside = on_the_host(&[&EXPECTED[..], &["--node-ip", HOST]].concat());
    let inside = beside(&podman, "beside", "web", &[], &EXPECTED);
    let witness = host.serve(3);
    for _ in 0..3 {
        podman.run(&["exec", "web", "sh", "-c", GREET]);
    }
    let clients = witness.join().expect("three clients");
    assert_eq!(clients, [HOST.parse::<IpAddr>().expect("an address"); 3]);

    let ended = outside.interrupt();
    let report = ended.report();
    assert_eq!(sources(&report), [(Some(web.as_str()), Some(HOST)); 3], "{report:?}");
    assert_eq!((reasons(&report), ended.code), (vec![Some("node-ip"); 3], Some(1)), "{report:?}");

    let ended = inside.interrupt();
    let report = ended.report();
    assert_eq!(sources(&report), [(Some(web.as_str()), None); 3], "{report:?}");
    assert_eq!(ended.code, Some(3), "{report:?}");
    assert_eq!(reasons(&report), [Some("wire-not-seen"); 3], "{report:?}");
    println!("{} {}", report.0["flows"][0]["explanation"], report.0["flows"][0]["next_step"]);
}

#[test]
#[ignore = "needs the static file and podman: make anywhere"]
fn the_image_is_one_program_of_nobodys_and_says_what_it_is() {
    if !entered_with_processes(
        "anywhere::containers::the_image_is_one_program_of_nobodys_and_says_what_it_is",
    ) {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("containers", PATIENCE);
    let podman = Podman::set_up();
    let of = |what: &str| podman.run(&["image", "inspect", "--format", what, EGRET]).trim().to_owned();
    assert_eq!(of("{{.Config.User}}"), "65532:65532");
    assert_eq!(of("{{.Config.Entrypoint}}"), "[/usr/bin/egret]");
    assert_eq!(of("{{index .Labels \"org.opencontainers.image.title\"}}"), "egret");
    assert_eq!(of("{{index .Labels \"org.opencontainers.image.version\"}}"), env!("CARGO_PKG_VERSION"));
    let listing = podman.run(&["run", "--rm", "--entrypoint", "egret", EGRET, "--version"]);
    assert_eq!(listing.trim(), concat!("egret ", env!("CARGO_PKG_VERSION")));
    let id = podman.run(&["create", EGRET]);
    let mut export = podman.command(&["export", id.trim()]);
    let tar = export.stderr(Stdio::null()).output().expect("podman").stdout;
    let mut names = Command::new("tar");
    let names = crate::netns::run(names.args(["--list", "--file", &keep(&tar)]), "");
    let programs: Vec<&str> =
        names.lines().filter(|name| name.contains("bin/") && !name.ends_with('/')).collect();
    assert_eq!(programs, ["usr/bin/egret"], "{names}");
    assert!(names.contains("usr/share/doc/egret/NOTICE"), "{names}");
}

/// A file of those bytes.
fn keep(bytes: &[u8]) -> String {
    let path = "/run/egret/kept";
    std::fs::write(path, bytes).expect("room");
    path.to_owned()
}

#[test]
#[ignore = "needs the static file and podman: make anywhere"]
fn an_ordinary_user_captures_wherever_the_container_has_net_raw_and_else_is_told() {
    if !entered_with_processes(
        "anywhere::containers::an_ordinary_user_captures_wherever_the_container_has_net_raw_and_else_is_told",
    ) {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("containers", PATIENCE);
    let (host, podman) = (Host::connect(), Podman::set_up());
    let web = podman.start("web", WITH_SHELL);
    let ambient = ["--cap-drop", "all", "--cap-add", "NET_RAW"];
    let hardened = [&ambient[..], &["--read-only", "--security-opt", "no-new-privileges"]].concat();
    for (name, options) in [("by-the-file", &[][..]), ("ambient", &ambient), ("hardened", &hardened)] {
        let egret = beside(&podman, name, "web", options, &EXPECTED);
        let witness = host.serve(1);
        podman.run(&["exec", "web", "sh", "-c", GREET]);
        witness.join().expect("a client");
        let report = egret.interrupt().report();
        assert_eq!(sources(&report), [(Some(web.as_str()), None)], "{name}: {report:?}");
    }
    for (name, options) in [
        ("none", &["--cap-drop", "NET_RAW"][..]),
        ("no file's capability counts", &["--security-opt", "no-new-privileges"]),
    ] {
        let run = [&["run", "--rm", "--network", "container:web"], options, &[EGRET, "check"], &EXPECTED[..]];
        let ended = Egret::start(&mut podman.command(&run.concat())).end();
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{name}: {}", ended.stderr);
        let said = "not permitted; it takes CAP_NET_RAW, and this process (user 65532) has no capability";
        assert!(ended.stderr.contains(said), "{name}: {}", ended.stderr);
    }
}

#[test]
#[ignore = "needs the static file and podman: make anywhere"]
fn the_file_is_copied_into_containers_that_have_tar_or_a_shell_and_joins_those_that_have_neither() {
    if !entered_with_processes(
        "anywhere::containers::the_file_is_copied_into_containers_that_have_tar_or_a_shell_and_joins_those_that_have_neither",
    ) {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("containers", PATIENCE);
    let (host, podman) = (Host::connect(), Podman::set_up());
    let web = podman.start("web", WITH_SHELL);
    let file = std::fs::read(static_file()).expect("the static file");

    // What kubectl cp does, and what is done where there is no tar.
    let folder = static_file().parent().expect("a folder").display().to_string();
    let tar = Command::new("tar").args(["-C", &folder, "-cf", "-", "egret"]).output().expect("tar").stdout;
    podman.feed(&["exec", "-i", "web", "tar", "-xf", "-", "-C", "/tmp"], &tar);
    podman.run(&["exec", "web", "/tmp/egret", "--version"]);
    podman.feed(&["exec", "-i", "web", "sh", "-c", "cat >/tmp/e && chmod +x /tmp/e"], &file);
    let greet = ["--while", GREET, "--expect", "192.168.12.99", "--format", "json"];
    let exec = [&["exec", "web", "/tmp/e", "check", "-i", "eth0"], &greet[..]].concat();
    let witness = host.serve(1);
    let ended = Egret::start(&mut podman.command(&exec)).end();
    witness.join().expect("a client");
    assert_eq!(sources(&Report::of(&ended.stdout)), [(Some(web.as_str()), None)], "{ended:?}");

    let bare = podman.start("bare", DISTROLESS);
    let refused = podman.command(&["exec", "bare", "sh"]).output().expect("podman");
    assert!(!refused.status.success(), "a shell, where there should be none");
    let egret = beside(&podman, "beside-bare", "bare", &[], &["-i", "eth0", "--format", "json"]);
    // It listens: somebody calls.
    std::net::TcpStream::connect((bare.as_str(), 8080)).expect("it listens");
    let report = egret.interrupt().report();
    let destinations: Vec<_> = report.0["flows"]
        .as_array()
        .expect("flows")
        .iter()
        .map(|flow| flow["destination"]["ip"].as_str())
        .collect();
    assert_eq!(destinations, [Some(bare.as_str())], "{report:?}");
}

#[test]
#[ignore = "needs the static file, podman and tmux: make anywhere"]
fn screens_are_drawn_from_a_container_and_the_terminal_is_given_back() {
    if !entered_with_processes(
        "anywhere::containers::screens_are_drawn_from_a_container_and_the_terminal_is_given_back",
    ) {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("containers", PATIENCE);
    let (host, podman) = (Host::connect(), Podman::set_up());
    let web = podman.start("web", WITH_SHELL);
    let terminal = Terminal::open("container", (120, 40), podman.tmux());
    let run = format!("podman run -it --rm --name screen --read-only --network container:web {EGRET}");
    terminal.watch(Path::new(&run), "-i eth0 --expect 192.168.12.99");
    terminal.wait_for(&["eth0", "NOTHING JUDGED"]);
    let witness = host.serve(1);
    podman.run(&["exec", "web", "sh", "-c", GREET]);
    witness.join().expect("a client");
    terminal.wait_for(&["INCONCLUSIVE", "wire-not-seen", &web]);
    terminal.press(&["q"]);
    assert_eq!(terminal.ended(), "3");
}
