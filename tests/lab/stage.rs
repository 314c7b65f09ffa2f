//! One situation from its topology to its judgement.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Output;

use crate::capture::{Running, until};
use crate::judge::{judge, judge_output};
use crate::meanwhile;
use crate::netns::run;
use crate::proxy::Proxy;
use crate::record;
use crate::server::Servers;
use crate::situation::{Alive, EgressRouter, Judgement, Script, Situation, Step};
use crate::topology::Cluster;
use crate::traffic::Traffic;
use crate::truth::{self, Flow};
use crate::witness::{Arrivals, Events, Tuple};

/// What became of a situation: lines for the table, and every disagreement.
pub(crate) struct Played {
    pub(crate) lines: Vec<String>,
    pub(crate) disagreements: Vec<String>,
}

/// Builds, runs, captures, asks the witnesses, and judges.
pub(crate) fn play(situation: &Situation) -> Played {
    let folder = Folder::create(&situation.name);
    let Happened { captures, tables, flows, live } = happen(situation, &folder);
    let (_, wrong) = truth::classify(&flows, &situation.happens);
    let mut played = Played { lines: Vec::new(), disagreements: Vec::new() };
    played.line("what happens", flows.len(), &wrong);
    if !wrong.is_empty() {
        return played; // Nothing to hold against egret.
    }
    for judgement in situation.judgements.iter().filter(|judgement| judgement.live != Alive::Only) {
        let wrong = judge(judgement, &situation.happens, &captures, &tables, &flows);
        played.line(&judgement.name, flows.len(), &wrong);
    }
    for (judgement, output) in &live {
        let wrong = judge_output(judgement, &situation.happens, &flows, output);
        played.line(&format!("live: {}", judgement.name), flows.len(), &wrong);
    }
    played
}

impl Played {
    fn line(&mut self, name: &str, flows: usize, wrong: &[String]) {
        let said = if wrong.is_empty() { "agreed".to_owned() } else { "DISAGREED".to_owned() };
        self.lines.push(format!("{name:<60} {flows:>5} flows  {said}"));
        self.disagreements.extend(wrong.iter().map(|wrong| format!("{name}: {wrong}")));
    }
}

/// What one run leaves.
struct Happened<'a> {
    captures: BTreeMap<String, PathBuf>,
    /// By namespace: what conntrack printed.
    tables: BTreeMap<String, PathBuf>,
    /// The truth.
    flows: Vec<Flow>,
    /// What was said of it meanwhile.
    live: Vec<(&'a Judgement, Output)>,
}

fn happen<'a>(situation: &'a Situation, folder: &Folder) -> Happened<'a> {
    let cluster = Cluster::build(&situation.knobs);
    let servers = Servers::start(&cluster, situation.knobs.ipv6);
    let events: Vec<Events> = cluster
        .translators()
        .map(|at| Events::listen(at, &folder.path.join(format!("{}.conntrack", at.name))))
        .collect();
    let listen = |late: bool| -> Vec<(&String, Running)> {
        let captures = situation.captures.iter().filter(|(_, capture)| capture.late == late);
        captures
            .map(|(name, capture)| {
                let file = folder.path.join(format!("{name}.pcap"));
                (name, Running::start(cluster.at(&capture.at), name, capture, file))
            })
            .collect()
    };
    let mut running = listen(false);
    let mut live = meanwhile::start_all(&cluster, situation, false);
    let proxy = (situation.knobs.egress_router == EgressRouter::Proxy).then(|| Proxy::start(&cluster));
    let count = || Arrivals::count(cluster.at("router"));
    let mut earlier = Arrivals::default();
    let traffic = Traffic::default();
    let mut tables = BTreeMap::new();
    for step in &situation.steps {
        match step {
            Step::Listen => {
                let before = count();
                running.extend(listen(true));
                live.extend(meanwhile::start_all(&cluster, situation, true));
                // No capture shows what came before.
                earlier = count().after(&before);
            }
            Step::Print(at) => {
                let file = folder.path.join(format!("{at}.table"));
                let printed = run(cluster.at(at).command("conntrack").args(["-L", "-o", "extended"]), "");
                std::fs::write(&file, printed).expect("a file of the situation's own");
                tables.insert(at.clone(), file);
            }
            step => take(step, &cluster, &traffic),
        }
    }
    let before = count();
    let captures: BTreeMap<String, PathBuf> =
        running.into_iter().map(|(name, running)| (name.clone(), running.stop())).collect();
    let live = live.into_iter().map(|meanwhile| (meanwhile.judgement, meanwhile.stop())).collect();
    let arrivals = count().after(&before).since(&earlier);
    let (told, lost): (Vec<_>, Vec<_>) = events.into_iter().map(Events::stop).unzip();
    let (translations, is_complete) = (told.concat(), lost.iter().sum::<u64>() == 0);
    let (mut attempts, mut sights) = (traffic.attempts(), servers.sights());
    if let Some(proxy) = proxy {
        attempts.extend(proxy.opened(&mut sights));
    }
    let flows = truth::assemble(attempts, sights, (&translations, is_complete), &arrivals);
    record::write_truth(&folder.path.join("truth.jsonl"), &flows);
    record::keep(situation, &cluster, &captures, &flows);
    Happened { captures, tables, flows, live }
}

fn take(step: &Step, cluster: &Cluster, traffic: &Traffic) {
    let command = |program: &str, script: &Script| {
        run(cluster.at(&script.at).command(program).args(script.script.split_whitespace()), "");
    };
    match step {
        Step::Traffic(batches) => traffic.run(cluster, batches),
        Step::Speak(batch) => traffic.speak(batch),
        Step::Finish(finish) => traffic.finish(finish),
        Step::Nft(script) => cluster.at(&script.at).nft(&script.script),
        Step::Ip(script) => cluster.at(&script.at).ip(&script.script),
        Step::Listen | Step::Print(_) => {}
        Step::Conntrack(script) => command("conntrack", script),
        Step::Arping(script) => command("arping", script),
        Step::Sysctl(script) => {
            let settings: Vec<_> = script.script.lines().filter_map(|line| line.split_once('=')).collect();
            let settings: Vec<_> = settings.iter().map(|(key, value)| (key.trim(), value.trim())).collect();
            cluster.at(&script.at).sysctl(&settings);
        }
        Step::Strays(batch) => until("a stray packet of every flow came to the router", || {
            let arrivals = Arrivals::count(cluster.at("router"));
            traffic.attempts().iter().filter(|attempt| attempt.batch == *batch).all(|attempt| {
                let own = Tuple { source: attempt.client, destination: attempt.to };
                arrivals.of(attempt.protocol, own) > 0
            })
        }),
        Step::Idle(idle) => {
            let before = Arrivals::count(cluster.at("router"));
            until("enough packets of every tuple came to the router", || {
                let since = Arrivals::count(cluster.at("router")).since(&before);
                since.least_from(idle.source).is_some_and(|least| least >= idle.packets)
            });
        }
    }
}

/// Where a situation's files are; removed afterwards, unless somebody wants them.
struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    fn create(name: &str) -> Self {
        let kept = std::env::var_os("EGRET_LAB_KEEP");
        let keep = kept.is_some();
        let base = kept.map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("lab"), PathBuf::from);
        let path = base.join(name);
        std::fs::create_dir_all(&path)
            .unwrap_or_else(|error| panic!("cannot create {}: {error}", path.display()));
        Self { path, keep }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            // Another run overwrites what stays.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
