//! egret itself, capturing while a situation happens: of what it saw it must say what it says of captures.
//!
//! A judgement over captures of one namespace is repeated by an egret that captures there (`-i`); one over captures of several
//! by an egret that reads a tcpdump in each (`--from`), as somebody does who looks at two nodes from a desk. Captures in
//! the old cooked format are left out: egret does not capture in it.
//!
//! `EGRET_LAB_LIVE` names a program that keeps pace with the traffic, which one that was built for debugging does not.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::capture::until;
use crate::situation::{Alive, Capture, Judgement, Link, Situation};
use crate::topology::Cluster;

/// An egret that captures.
pub(crate) struct Meanwhile<'a> {
    pub(crate) judgement: &'a Judgement,
    child: Child,
    talk: BufReader<ChildStderr>,
    said: String,
}

/// Which judgements begin with the traffic (`late` is false), or with the step `listen`.
pub(crate) fn start_all<'a>(cluster: &Cluster, situation: &'a Situation, late: bool) -> Vec<Meanwhile<'a>> {
    let can = |judgement: &&Judgement| {
        let captures = || judgement.read.iter().map(|name| &situation.captures[name]);
        judgement.live != Alive::Not
            && captures().any(|capture| capture.late) == late
            && captures().all(|capture| capture.late == late && !matches!(capture.link, Link::Sll))
    };
    let judgements = situation.judgements.iter().filter(can);
    judgements.map(|judgement| Meanwhile::start(cluster, situation, judgement)).collect()
}

impl<'a> Meanwhile<'a> {
    fn start(cluster: &Cluster, situation: &Situation, judgement: &'a Judgement) -> Self {
        let captures: Vec<(&String, &Capture)> =
            judgement.read.iter().map(|name| (name, &situation.captures[name])).collect();
        let at = &captures[0].1.at;
        let is_one = captures.iter().all(|(_, capture)| capture.at == *at);
        let egret = std::env::var("EGRET_LAB_LIVE");
        let egret = egret.as_deref().unwrap_or(env!("CARGO_BIN_EXE_egret"));
        let mut command = if is_one { cluster.at(at).command(egret) } else { Command::new(egret) };
        command.arg("check");
        for (name, capture) in &captures {
            if is_one {
                command.arg("-i").arg(format!("{name}={}", capture.on));
            } else {
                command.arg("--from").arg(format!("{name}={}", elsewhere(capture)));
            }
        }
        if let Some(table) = &judgement.conntrack {
            assert!(is_one && table == at, "{}: who captures elsewhere reads no table there", judgement.name);
            command.args(["--conntrack", "live"]);
        }
        command.args(&judgement.flags).args(["--format", "json"]);
        for variable in crate::egret::VARIABLES {
            command.env_remove(variable);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("egret");
        let talk = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut meanwhile = Self { judgement, child, talk, said: String::new() };
        if is_one {
            meanwhile.wait_until_open();
        } else {
            meanwhile.wait_until_listening(captures.len());
        }
        meanwhile
    }

    /// All its sources are open once it has given up the right to open any.
    fn wait_until_open(&mut self) {
        let status = format!("/proc/{}/status", self.child.id());
        until("egret captures", || {
            let status = std::fs::read_to_string(&status).unwrap_or_default();
            let has_ended = self.child.try_wait().expect("a child").is_some();
            has_ended || status.lines().any(|line| line == "NoNewPrivs:\t1")
        });
        if self.child.try_wait().expect("a child").is_some() {
            self.talk.read_to_string(&mut self.said).expect("text");
            panic!("egret cannot capture: {}", self.said);
        }
    }

    /// Its tcpdumps say when they listen.
    fn wait_until_listening(&mut self, count: usize) {
        while self.said.matches("listening on").count() < count {
            let read = self.talk.read_line(&mut self.said).expect("text");
            assert!(read > 0, "egret's sources cannot capture: {}", self.said);
        }
    }

    /// Interrupts it, as Ctrl-C does; gives its report.
    pub(crate) fn stop(mut self) -> Output {
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("a child that runs");
        let mut report = Vec::new();
        let mut out = self.child.stdout.take().expect("a pipe");
        out.read_to_end(&mut report).expect("a report");
        self.talk.read_to_string(&mut self.said).expect("text");
        let status = self.child.wait().expect("a child");
        Output { status, stdout: report, stderr: std::mem::take(&mut self.said).into_bytes() }
    }
}

/// The command that captures in the namespace of a capture.
fn elsewhere(capture: &Capture) -> String {
    let link = if capture.on == "any" { "-y LINUX_SLL2 " } else { "" };
    format!(
        "nsenter --net=/run/netns/{} tcpdump -n -i {} {link}-s {} -B 65536 -Z root --immediate-mode -U -w -",
        capture.at, capture.on, capture.snap
    )
}

impl Drop for Meanwhile<'_> {
    fn drop(&mut self) {
        // Where a situation fails half-way; otherwise it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
