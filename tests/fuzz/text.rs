//! What people write: policy files, expectations, and the other words of the command line.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::mem;

use clap::Parser;
use egret::cli::frames::parse_ip_link;
use egret::cli::traffic::Traffic;
use egret::expect::Expectations;
use egret::expect::derive::{Assumed, Derived};
use egret::expect::environment::Environment;
use egret::expect::flags::{Expect, Flags, NodeIp};
use egret::expect::policy::Policy;
use egret::filter::address::block;
use egret::filter::port::Range;
use egret::filter::protocol::Protocol;
use egret::objects::Objects;

use crate::dice::Dice;
use crate::harness::{Target, fuzz};
use crate::mutate;

struct PolicyFile;

const POLICY: &str = r#"cluster:
  pod_cidrs: [10.128.0.0/14]
  service_cidrs: [172.30.0.0/16]
  inside: [10.0.0.0/24]
  nodes: { worker1: 192.168.12.11, worker2: [192.168.12.12, "fd00:12::12"] }
expectations:
  - name: herasoo reaches the partner with its own address
    from: { pods: [10.128.0.5, 10.128.1.0/24] }
    to: { dst: 203.0.113.0/24, dst_port: [80, 443] }
    source: [192.168.12.99]
    source_remote: [198.51.100.7]
    optional: true
  - name: nothing else leaves
    to: { not_dst: fd00::/8, proto: [tcp, udp], port: 1-1023 }
    source: drop
"#;

/// Words that mean something to YAML or to egret.
const WORDS: [&str; 60] = [
    "cluster:",
    "expectations:",
    "name:",
    "from:",
    "to:",
    "source:",
    "source_remote:",
    "optional:",
    "pods:",
    "nodes:",
    "dst:",
    "dst_port:",
    "proto:",
    "not_port:",
    "inside:",
    "pod_cidrs:",
    "namespace:",
    "node",
    "pod",
    "drop",
    "true",
    "null",
    "~",
    "- ",
    "? ",
    ": ",
    ", ",
    "[",
    "]",
    "{",
    "}",
    "&a ",
    "*a",
    "<<: *a",
    "!!str ",
    "!!binary ",
    "---\n",
    "...\n",
    "|\n",
    ">-\n",
    "\"",
    "'",
    "\\x00",
    "\\u202e",
    "#",
    "\t",
    "  ",
    "\n",
    "%YAML 1.2\n",
    "0x7f",
    "1e9",
    ".inf",
    "10.128.0.5",
    "0.0.0.0/0",
    "::/0",
    "fd00::5",
    "65536",
    "80-",
    "\u{feff}",
    "\u{202e}",
];

impl Target for PolicyFile {
    const NAME: &'static str = "policy";
    const INPUTS: u64 = 4_000;

    fn seeds(&self) -> Vec<Vec<u8>> {
        let nested = |open: &str, close: &str| [open.repeat(3), close.repeat(3)].concat();
        let aliases = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nexpectations: [*c, *c]\n";
        let texts =
            [POLICY.to_owned(), aliases.to_owned(), nested("[", "]"), nested("{a: ", "}"), String::new()];
        texts.map(String::into_bytes).into()
    }

    fn mutated(&self, input: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
        changed(input, other, &WORDS, dice)
    }

    fn run(&self, input: &[u8]) -> u64 {
        let mut came_to = DefaultHasher::new();
        match Policy::read("policy\u{1b}.yaml", input) {
            Ok(policy) => {
                (policy.expectations.len().min(6), policy.cluster.nodes.len().min(3)).hash(&mut came_to);
                let again = Policy::read("policy\u{1b}.yaml", input).expect("it was read before");
                assert_eq!(format!("{policy:?}"), format!("{again:?}"), "two readings");
                let merged =
                    Expectations::from_parts(&Flags::default(), Environment::default(), vec![policy]);
                merged.map(|(_, warnings)| warnings.len()).map_err(|why| clean(&why)).hash(&mut came_to);
            }
            Err(why) => {
                let told = clean(&why);
                mem::discriminant(&why).hash(&mut came_to);
                // What it says, without what it quotes.
                told.split(['`', '"']).step_by(2).take(6).for_each(|part| letters(part).hash(&mut came_to));
            }
        }
        came_to.finish()
    }

    fn memory(&self, input: &[u8]) -> u64 {
        (4 << 20) + 2000 * input.len() as u64
    }
}

/// Objects of a cluster, and all that follows from them.
struct ClusterFile;

const OBJECT_WORDS: [&str; 40] = [
    "apiVersion: v1",
    "kind: Pod",
    "kind: List",
    "items:",
    "metadata:",
    "spec:",
    "status:",
    "egressIPs:",
    "egressCIDRs:",
    "netid:",
    "namespaceSelector: {}",
    "matchExpressions:",
    "operator: NotIn",
    "values: [a]",
    "podIPs:",
    "hostNetwork: true",
    "EGRESS_DESTINATION",
    "valueFrom: {}",
    "http-proxy",
    "type: Deny",
    "cidrSelector: 0.0.0.0/0",
    "dnsName: a.example",
    "ports:",
    "targetPort: x",
    "replicas: 0",
    "192.168.12.99",
    "fd00::1",
    "\\x1b",
    "\\u202e",
    "|\n",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "*a",
    "&a ",
    "---\n",
    "\t",
    "~",
];

impl Target for ClusterFile {
    const NAME: &'static str = "cluster";
    const INPUTS: u64 = 1_500;

    fn seeds(&self) -> Vec<Vec<u8>> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/cluster");
        let files = [
            "other-node.yaml",
            "router.yaml",
            "guide/as-it-stands.yaml",
            "lab/nodes.yaml",
            "lab/network.yaml",
        ];
        let mut seeds: Vec<Vec<u8>> =
            files.iter().map(|file| std::fs::read(folder.join(file)).expect("a file")).collect();
        seeds.push(
            b"{kind: EgressIP, apiVersion: k8s.ovn.org/v1, metadata: {name: a}, spec: {egressIPs: [192.168.12.99], namespaceSelector: {matchLabels: {a: b}}}, status: {items: [{egressIP: 192.168.12.99, node: n}]}}\n---\n{kind: EgressFirewall, apiVersion: k8s.ovn.org/v1, metadata: {name: a, namespace: b}, spec: {egress: [{type: Deny, to: {cidrSelector: 0.0.0.0/0}}]}}\n".to_vec(),
        );
        seeds
    }

    fn mutated(&self, input: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
        changed(input, other, &OBJECT_WORDS, dice)
    }

    fn run(&self, input: &[u8]) -> u64 {
        let mut came_to = DefaultHasher::new();
        let mut objects = Objects::default();
        match objects.add("objects\u{1b}.yaml", input) {
            Ok(taken) => {
                let derived = Derived::of(&objects, &Assumed::default());
                (taken.min(6), derived.plugin, derived.rules.len().min(6), derived.routers.len())
                    .hash(&mut came_to);
                let policy = derived.policy();
                let told =
                    derived.notes.iter().chain(policy.expectations.iter().flat_map(|one| &one.because));
                told.for_each(|line| {
                    clean(line);
                });
                policy.expectations.iter().for_each(|one| {
                    clean(&one.name);
                });
                let merged =
                    Expectations::from_parts(&Flags::default(), Environment::default(), vec![policy]);
                merged.map(|(_, warnings)| warnings.len()).map_err(|why| clean(&why)).hash(&mut came_to);
            }
            Err(why) => {
                let told = clean(&why);
                mem::discriminant(&why).hash(&mut came_to);
                told.split(['`', '"']).step_by(2).take(6).for_each(|part| letters(part).hash(&mut came_to));
            }
        }
        came_to.finish()
    }

    fn memory(&self, input: &[u8]) -> u64 {
        (8 << 20) + 4000 * input.len() as u64
    }
}

/// An error in words, which hold nothing that a terminal would obey.
fn clean(why: &impl ToString) -> String {
    let told = why.to_string();
    let is_bad = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!told.is_empty() && !told.contains(is_bad), "{told:?}");
    told
}

fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphabetic() || *c == ' ').take(60).collect()
}

fn changed(input: &[u8], other: &[u8], words: &[&str], dice: &mut Dice) -> Vec<u8> {
    let mut text = input.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(text.len() + 1);
        match dice.below(8) {
            0 => mutate::cut_and_paste(&mut text, other, dice),
            1 => mutate::spoil(&mut text, dice),
            2 => {
                let word = words[dice.below(words.len())].repeat(if dice.one_in(9) {
                    1 + dice.below(300)
                } else {
                    1
                });
                text.splice(at..at, word.into_bytes());
            }
            // A line is lost, or comes twice.
            3 | 4 => {
                let start =
                    text[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
                let end =
                    text[at..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |n| at + n + 1);
                let line = if dice.one_in(2) { Vec::new() } else { text[start..end].repeat(2) };
                text.splice(start..end, line);
            }
            // One word takes another's place.
            _ => {
                let is_end = |byte: &u8| b" ,\n[]{}".contains(byte);
                let start = text[..at].iter().rposition(is_end).map_or(0, |end| end + 1);
                let end = text[at..].iter().position(is_end).map_or(text.len(), |n| at + n);
                text.splice(start..end, words[dice.below(words.len())].bytes());
            }
        }
    }
    text.truncate(16 << 10);
    text
}

/// Words of the command line, one a line; and what `ip link` prints, and the environment.
struct Words;

#[derive(Debug, Parser)]
struct Typed {
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    traffic: Traffic,
}

const OPTIONS: [&str; 12] = [
    "--expect",
    "--expect-remote",
    "--node-ip",
    "--pod-ip",
    "--inside",
    "--host",
    "--net",
    "--src",
    "--dst-port",
    "--proto",
    "--not-port",
    "--not-dst",
];

const TERMS: [&str; 40] = [
    "192.168.12.99",
    "10.128.0.0/14",
    "fd00::5",
    "::ffff:10.0.0.1",
    "0/0",
    "/33",
    "/-1",
    "10.128.0.5 dst=203.0.113.0/24",
    "dst-port=443",
    "dst-port=1-",
    "=>",
    "=> ",
    "node",
    "pod",
    "drop",
    "src=",
    "dst=",
    "port=",
    "proto=tcp",
    "proto=6",
    "proto=256",
    "not-dst=::/0",
    "not-port=http",
    "worker1=",
    ",",
    ",,",
    " ",
    "\t",
    "=",
    "\n",
    "\u{a0}",
    "é",
    "1-65535",
    "65536",
    "https",
    "99999999999999999999",
    "%eth0",
    "fe80::1%2",
    "[::1]:80",
    "-",
];

/// What somebody typed came to; an error in words, which may be as strange as what was typed.
fn parsed<T, E: ToString>(result: &Result<T, E>) -> String {
    let told = result.as_ref().err().map(E::to_string).unwrap_or_default();
    told.split(['`', '\'']).step_by(2).take(3).map(letters).collect()
}

impl Target for Words {
    const NAME: &'static str = "words";
    const INPUTS: u64 = 500;

    fn seeds(&self) -> Vec<Vec<u8>> {
        let lines = [
            "10.128.0.5 dst=203.0.113.0/24 dst-port=443=>192.168.12.99\n192.168.12.99\nworker1=192.168.12.11",
            "1: lo: <LOOPBACK,UP>\n    link/loopback\n5: veth-a@if2: <BROADCAST>\n",
            "10.128.0.5=>192.168.12.99,192.168.12.98\nfd00::/8\n80,443,1000-2000\ntcp,udp,sctp,132",
        ];
        lines.map(|text| text.as_bytes().to_vec()).into()
    }

    fn mutated(&self, input: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
        changed(input, other, &TERMS, dice)
    }

    fn run(&self, input: &[u8]) -> u64 {
        let (mut came_to, mut chance) = (DefaultHasher::new(), DefaultHasher::new());
        let text = String::from_utf8_lossy(input);
        let links = parse_ip_link(&text);
        assert!(links.len() <= text.lines().count(), "{links:?}");
        links.len().min(3).hash(&mut came_to);
        for line in text.split('\n').take(12) {
            parsed(&line.parse::<Expect>()).hash(&mut came_to);
            parsed(&line.parse::<NodeIp>()).hash(&mut came_to);
            parsed(&line.parse::<Range>()).hash(&mut came_to);
            parsed(&line.parse::<Protocol>()).hash(&mut came_to);
            parsed(&block(line)).hash(&mut came_to);
        }
        // The whole command line is slow to build.
        input.hash(&mut chance);
        let chance = chance.finish() as usize;
        let option = OPTIONS[chance / 16 % OPTIONS.len()];
        if chance.is_multiple_of(16) {
            let line = text.lines().next().unwrap_or_default();
            if let Ok(typed) = Typed::try_parse_from(["check", &format!("{option}={line}")]) {
                assert!(
                    option != "--host" || !typed.traffic.terms.host.is_empty(),
                    "{line:?} selects nothing"
                );
                drop(Expectations::from_parts(&typed.flags, Environment::default(), Vec::new()));
            }
        }
        let environment = Environment::read(|name| {
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
        });
        environment.warnings.iter().for_each(|warning| drop(clean(warning)));
        came_to.finish()
    }

    fn memory(&self, input: &[u8]) -> u64 {
        (8 << 20) + 500 * input.len() as u64
    }
}

#[test]
fn policy() {
    fuzz(&PolicyFile);
}

#[test]
fn cluster() {
    fuzz(&ClusterFile);
}

#[test]
fn words() {
    fuzz(&Words);
}
