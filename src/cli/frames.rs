//! Where frames come from, `-i [NAME=]IF`, `-r [NAME=]FILE` and `--from NAME=COMMAND`, how much of them, and
//! for how long. Whose interfaces those of `-i` are is said by [`entered`](super::entered).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::capture::live::{ANY, MAX_SNAP_LENGTH};
use crate::cli::entered::Entered;
use crate::cli::until::Until;
use crate::names::Hosts;

/// Bytes kept of each frame that is captured where nobody says how many, and not all are wanted: the headers, what tells
/// names (a hello's segments are as long as the MTU), and all of a frame that was not put together from several; of
/// those, which hold bulk data, the beginning.
pub(super) const USUAL_SNAP_LENGTH: u32 = 4_096;

#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Frames")]
pub struct Frames {
    /// Interface to capture on, or any (repeat); any, where nothing else is named. NAME is how the report calls it
    #[arg(short = 'i', long = "interface", value_name = "[NAME=]IF")]
    pub interface: Vec<String>,

    /// Capture to read: pcap or pcapng, plain, gzip or zstd; `-` is standard input (repeat)
    #[arg(short = 'r', long = "read", value_name = "[NAME=]FILE")]
    pub read: Vec<String>,

    /// Command whose output is a capture, such as a tcpdump elsewhere: run by sh, without a terminal to ask for passwords on (repeat)
    #[arg(long, value_name = "NAME=COMMAND")]
    pub from: Vec<String>,

    /// Capture in another network namespace, such as one of /run/netns: the interfaces of -i there, or IF beside them (repeat).
    /// NAME is how the report calls it
    #[arg(long, value_name = "[NAME=]PATH[:IF]")]
    pub netns: Vec<String>,

    /// Capture in the network namespace of a process, as --netns does (repeat)
    #[arg(long, value_name = "[NAME=]PID[:IF]")]
    pub pid: Vec<String>,

    /// Capture in the network namespace of a container of this node, as --netns does; the beginning of its id is enough (repeat)
    #[arg(long, value_name = "[NAME=]ID[:IF]")]
    pub container: Vec<String>,

    /// Names for the interface indexes of an `any` capture: what `ip link` printed on the machine that captured
    #[arg(long, value_name = "[NAME=]FILE")]
    pub ifindex: Vec<String>,

    /// UDP ports of VXLAN beside 4789, 8472 and 4790 (repeat, or separate by commas)
    #[arg(long, value_name = "PORT", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..))]
    pub vxlan_port: Vec<u16>,

    /// UDP ports of Geneve beside 6081 (repeat, or separate by commas)
    #[arg(long, value_name = "PORT", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..))]
    pub geneve_port: Vec<u16>,

    /// Names of addresses, as in /etc/hosts (repeat); the machine's own gives names to what filters ask for, and to nothing
    /// that is shown, unless it is named here
    #[arg(long, value_name = "FILE")]
    pub hosts: Vec<PathBuf>,

    /// Bytes kept of each frame that is captured; 0 is all
    #[arg(short = 's', value_name = "BYTES", value_parser = snap_length)]
    pub snap_length: Option<u32>,

    /// Leave out the sandbox (Landlock, seccomp) that holds egret once its sources are open; rights are given up all the same
    #[arg(long)]
    pub no_sandbox: bool,

    #[command(flatten)]
    pub until: Until,
}

/// A source of frames with the name that the report gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub name: String,
    /// As it was typed, without the name.
    pub shown: String,
    pub input: Input,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Stdin,
    File(PathBuf),
    Interface(Interface),
    Command(String),
}

/// An interface of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    pub name: String,
    /// The number of the namespace among [`Frames::entered`]; `None` is egret's own.
    pub namespace: Option<usize>,
}

impl From<&str> for Interface {
    /// An interface of egret's own namespace.
    fn from(name: &str) -> Self {
        Self { name: name.to_owned(), namespace: None }
    }
}

impl Input {
    /// Whether it is an interface of this machine.
    pub fn is_here(&self) -> bool {
        matches!(self, Self::Interface(_))
    }

    /// Whether it goes on for as long as somebody lets it.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Interface(_) | Self::Command(_))
    }
}

impl Frames {
    /// The network namespaces that are entered, in this order: `--netns`, `--pid`, `--container`.
    pub fn entered(&self) -> anyhow::Result<Vec<Entered>> {
        let netns = self.netns.iter().map(|typed| Entered::netns(typed));
        let pid = self.pid.iter().map(|typed| Entered::pid(typed));
        netns.chain(pid).chain(self.container.iter().map(|typed| Entered::container(typed))).collect()
    }

    /// The sources, each with a name of its own; `known` are the names of who is in the namespaces that are entered, as far as
    /// somebody knows.
    pub fn sources(&self, known: &[Option<String>]) -> anyhow::Result<Vec<Source>> {
        let mut sources: Vec<Source> = Vec::new();
        self.add_interfaces(known, &mut sources)?;
        for typed in &self.read {
            let (name, file) = split(typed, Path::exists);
            let input = if file == "-" { Input::Stdin } else { Input::File(file.into()) };
            if input == Input::Stdin && sources.iter().any(|source| source.input == Input::Stdin) {
                anyhow::bail!("standard input can be read once: give `-` to one -r only");
            }
            add(&mut sources, name, file, input)?;
        }
        for typed in &self.from {
            let Some((name, command)) =
                typed.split_once('=').filter(|(_, command)| !command.trim().is_empty())
            else {
                anyhow::bail!(
                    "--from {typed}: write NAME=COMMAND, like node1='ssh node1 tcpdump -i any -w -'"
                );
            };
            add(&mut sources, Some(name), command, Input::Command(command.to_owned()))?;
        }
        if sources.is_empty() {
            add(&mut sources, None, ANY, Input::Interface(ANY.into()))?;
        }
        self.until.fits(&sources)?;
        Ok(sources)
    }

    /// Adds the interfaces: those of `-i`, in the namespaces that are entered without naming one, or here; and those that
    /// are named with a namespace.
    fn add_interfaces(&self, known: &[Option<String>], sources: &mut Vec<Source>) -> anyhow::Result<()> {
        let entered = self.entered()?;
        let mut typed: Vec<(Option<&str>, &str)> = Vec::new();
        for one in &self.interface {
            let (name, interface) = split(one, |_| false);
            if interface.is_empty() {
                anyhow::bail!("-i {one}: no interface is named; `-i {ANY}` is all of them");
            }
            if typed.iter().any(|(_, known)| *known == interface) {
                anyhow::bail!("-i {interface} is given twice: its frames would count twice");
            }
            typed.push((name, interface));
        }
        if entered.iter().all(|entered| entered.interface.is_some()) {
            for (name, interface) in &typed {
                add(sources, *name, interface, Input::Interface((*interface).into()))?;
            }
        } else if typed.is_empty() {
            typed.push((None, ANY));
        }
        for (index, namespace) in entered.iter().enumerate() {
            let named: Vec<(Option<&str>, &str)> = match &namespace.interface {
                Some(interface) => vec![(None, interface)],
                None => typed.clone(),
            };
            let default = namespace.which.default_name();
            let called = namespace.name.as_ref().or(known.get(index).and_then(Option::as_ref));
            let is_one_of_several = named.len() > 1
                || entered
                    .iter()
                    .enumerate()
                    .any(|(other, its)| other != index && its.which == namespace.which);
            for (name, interface) in named {
                let base = called.map_or(default.as_str(), String::as_str);
                let free = if is_one_of_several { format!("{base}-{interface}") } else { base.to_owned() };
                // A name that was typed is taken at its word, or refused.
                let name = name.or(namespace.name.as_deref().filter(|_| !is_one_of_several));
                let input = Interface { name: interface.to_owned(), namespace: Some(index) };
                let shown = format!("{interface} ({})", namespace.which.shown());
                add_under(sources, name, &shown, &free, Input::Interface(input))?;
            }
        }
        Ok(())
    }

    /// Names of interface indexes, by point; those for all points are under the empty name.
    pub fn interface_names(&self) -> anyhow::Result<BTreeMap<String, BTreeMap<u32, String>>> {
        let mut names = BTreeMap::new();
        for typed in &self.ifindex {
            let (name, file) = split(typed, Path::exists);
            let text = fs::read_to_string(file).with_context(|| format!("--ifindex: cannot read {file}"))?;
            let known = parse_ip_link(&text);
            if known.is_empty() {
                anyhow::bail!(
                    "--ifindex: {file} holds no line like `2: eth0: <…>`: store there what `ip link` prints"
                );
            }
            names.insert(name.unwrap_or_default().to_owned(), known);
        }
        Ok(names)
    }

    /// What people call addresses.
    pub fn hosts(&self) -> anyhow::Result<Hosts> {
        let mut hosts = Hosts::default();
        for path in &self.hosts {
            let shown = path.display();
            let file = fs::read(path).with_context(|| format!("--hosts: cannot read {shown}"))?;
            hosts.read(&file).with_context(|| format!("--hosts: {shown}"))?;
        }
        Ok(hosts)
    }
}

/// Adds a source under the name that it was given, or under one that is free.
fn add(sources: &mut Vec<Source>, name: Option<&str>, shown: &str, input: Input) -> anyhow::Result<()> {
    add_under(sources, name, shown, shown, input)
}

/// …or under one that is made of `called`.
fn add_under(
    sources: &mut Vec<Source>,
    name: Option<&str>,
    shown: &str,
    called: &str,
    input: Input,
) -> anyhow::Result<()> {
    let name = match name {
        Some(name) if sources.iter().any(|source| source.name == name) => {
            anyhow::bail!("two sources are named `{name}`: give each a name of its own")
        }
        Some(name) => valid_name(name)?,
        None => free_name(&default_name(called), sources),
    };
    sources.push(Source { name, shown: shown.to_owned(), input });
    Ok(())
}

/// `NAME=FILE` in its parts. A file of that literal name wins; what holds a `/` is no name.
fn split(typed: &str, exists: impl Fn(&Path) -> bool) -> (Option<&str>, &str) {
    match typed.split_once('=') {
        Some((name, file)) if !name.contains('/') && !name.is_empty() && !exists(Path::new(typed)) => {
            (Some(name), file)
        }
        _ => (None, typed),
    }
}

/// Bytes of a frame: all, or enough for the headers that tell flows apart.
fn snap_length(typed: &str) -> Result<u32, String> {
    let bytes =
        typed.parse::<u32>().ok().filter(|bytes| *bytes == 0 || (64..=MAX_SNAP_LENGTH).contains(bytes));
    bytes.ok_or_else(|| {
        format!("`{typed}` is not a number of bytes from 64 to {MAX_SNAP_LENGTH}, or 0 for all")
    })
}

fn valid_name(name: &str) -> anyhow::Result<String> {
    match name.find(|c: char| c == '#' || c == ':' || c.is_whitespace() || c.is_control()) {
        None => Ok(name.to_owned()),
        Some(_) => {
            anyhow::bail!("`{}` cannot name a source: leave out spaces, `#` and `:`", name.escape_debug())
        }
    }
}

/// A file's name without folders and the endings of captures.
fn default_name(file: &str) -> String {
    if file == "-" {
        return "stdin".to_owned();
    }
    let mut name =
        Path::new(file).file_name().map_or_else(|| file.to_owned(), |n| n.to_string_lossy().into_owned());
    for ending in [".gz", ".zst", ".pcapng", ".pcap", ".cap"] {
        if let Some(stem) = name.strip_suffix(ending)
            && !stem.is_empty()
        {
            name = stem.to_owned();
        }
    }
    name.chars()
        .map(|c| if "/#:=".contains(c) || c.is_whitespace() || c.is_control() { '_' } else { c })
        .collect()
}

fn free_name(wanted: &str, sources: &[Source]) -> String {
    let is_free = |name: &str| sources.iter().all(|source| source.name != name);
    if is_free(wanted) {
        return wanted.to_owned();
    }
    let numbered = (2..).map(|n| format!("{wanted}-{n}"));
    numbered.into_iter().find(|name| is_free(name)).expect("numbers do not run out before sources do")
}

/// Interface names by index from the output of `ip link` or `ip addr`: lines like `5: veth-a@if2: <BROADCAST,…`.
pub fn parse_ip_link(text: &str) -> BTreeMap<u32, String> {
    text.lines()
        .filter_map(|line| {
            let (index, rest) = line.split_once(": ")?;
            let (name, _) = rest.split_once(':')?;
            let name = name.split('@').next().unwrap_or(name);
            Some((index.parse().ok()?, name.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn a_name_stands_before_the_file_unless_such_a_file_exists() {
        let absent = |_: &Path| false;
        assert_eq!(split("node1=a.pcap", absent), (Some("node1"), "a.pcap"));
        assert_eq!(split("./x=a.pcap", absent), (None, "./x=a.pcap"));
        assert_eq!(split("node1=a.pcap", |_| true), (None, "node1=a.pcap"));
        assert_eq!(split("a.pcap", absent), (None, "a.pcap"));
    }

    #[test]
    fn a_file_is_named_without_its_endings() {
        assert_eq!(default_name("/tmp/node1-any.pcap.gz"), "node1-any");
        assert_eq!(default_name("a b=c.pcapng"), "a_b_c");
        assert_eq!(default_name("-"), "stdin");
        assert_eq!(default_name(".pcap"), ".pcap");
    }

    #[test]
    fn equal_names_are_numbered_and_typed_ones_refused() {
        let frames = |read: &[&str]| Frames {
            read: read.iter().map(|r| (*r).to_owned()).collect(),
            ..Frames::default()
        };
        let sources = frames(&["a/x.pcap", "b/x.pcap"]).sources(&[]).unwrap();
        assert_eq!([&sources[0].name, &sources[1].name], ["x", "x-2"]);
        assert!(frames(&["n=a.pcap", "n=b.pcap"]).sources(&[]).is_err());
        assert!(frames(&["-", "-"]).sources(&[]).is_err());
        assert!(frames(&["n#2=a.pcap"]).sources(&[]).is_err());
    }

    /// `name: shown` of each source.
    fn named(typed: &[&str], known: &[Option<String>]) -> Vec<String> {
        let arguments = ["egret", "check"].into_iter().chain(typed.iter().copied());
        let parsed = crate::cli::Arguments::try_parse_from(arguments).unwrap();
        let crate::cli::Command::Check(check) = parsed.command else { panic!("check was typed") };
        let sources = check.frames.sources(known).unwrap();
        sources.iter().map(|source| format!("{}: {}", source.name, source.shown)).collect()
    }

    #[test]
    fn interfaces_are_those_of_a_namespace_that_names_none_and_stand_beside_one_that_does() {
        let web = "--netns=/run/netns/web";
        assert_eq!(named(&["-i", "eth0", web], &[]), ["web: eth0 (--netns /run/netns/web)"]);
        assert_eq!(named(&[web], &[]), ["web: any (--netns /run/netns/web)"]);
        assert_eq!(
            named(&["-i", "br-ex", "--pid", "web=4711:eth0"], &[]),
            ["br-ex: br-ex", "web: eth0 (--pid 4711)"]
        );
        assert_eq!(
            named(&["-i", "eth0", "-i", "net1", "--pid", "4711"], &[Some("router-0".to_owned())]),
            ["router-0-eth0: eth0 (--pid 4711)", "router-0-net1: net1 (--pid 4711)"]
        );
        assert_eq!(
            named(&["--pid", "7:eth0", "--pid", "7:net1"], &[None, None]),
            ["pid-7-eth0: eth0 (--pid 7)", "pid-7-net1: net1 (--pid 7)"]
        );
        assert_eq!(named(&["-r", "a.pcap", "--pid", "7:eth0"], &[]), ["pid-7: eth0 (--pid 7)", "a: a.pcap"]);
    }

    #[test]
    fn the_name_of_who_is_in_a_namespace_is_its_default() {
        let known = [Some("web-0".to_owned())];
        assert_eq!(named(&["--pid", "7"], &known), ["web-0: any (--pid 7)"]);
        assert_eq!(named(&["--pid", "mine=7"], &known), ["mine: any (--pid 7)"]);
        assert_eq!(named(&["-i", "a=eth0", "--pid", "mine=7"], &known), ["a: eth0 (--pid 7)"]);
    }

    #[test]
    fn interface_names_come_from_what_ip_link_prints() {
        let text = "1: lo: <LOOPBACK,UP>\n    link/loopback\n5: veth-a@if2: <BROADCAST>\n";
        assert_eq!(parse_ip_link(text), BTreeMap::from([(1, "lo".to_owned()), (5, "veth-a".to_owned())]));
    }
}
