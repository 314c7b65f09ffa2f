//! Witnesses that stand in the kernel: conntrack's events where NAT happens, and the router's counters.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::capture::{sleeps, until};
use crate::netns::{Namespace, run};
use crate::situation::Protocol;

/// Who speaks to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Tuple {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
}

/// A connection that conntrack has taken on: its first packet before NAT, and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Translation {
    pub(crate) protocol: Protocol,
    pub(crate) before: Tuple,
    pub(crate) after: Tuple,
}

/// `conntrack -E` in one namespace.
pub(crate) struct Events {
    at: &'static str,
    child: Child,
    log: File,
}

impl Events {
    /// Starts to listen, and returns when the kernel knows that somebody does.
    pub(crate) fn listen(namespace: &Namespace, log: &Path) -> Self {
        let log =
            File::options().read(true).write(true).create(true).truncate(true).open(log).expect("a log");
        let child = namespace
            .command("conntrack")
            .args(["-E", "-e", "NEW", "-b", "67108864"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(Stdio::null())
            .spawn()
            .expect("conntrack, of conntrack-tools");
        let events = Self { at: namespace.name, child, log };
        until("conntrack listens", || events.socket().is_some());
        events
    }

    /// Bytes that wait in the listener's netlink socket, and messages that it lost.
    fn socket(&self) -> Option<(u64, u64)> {
        listening(self.child.id())
    }

    /// All translations so far, and how many more there were that the kernel could not tell.
    pub(crate) fn stop(mut self) -> (Vec<Translation>, u64) {
        until("conntrack has read all events", || self.socket().is_some_and(|(waiting, _)| waiting == 0));
        let (_, lost) = self.socket().expect("a socket as long as it listens");
        // The last event may be read, and not yet be written.
        until("conntrack sleeps", || sleeps(self.child.id()));
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("a child that runs");
        self.child.wait().expect("a child");
        let mut text = String::new();
        self.log.rewind().expect("a file");
        self.log.read_to_string(&mut text).expect("text");
        let told: Vec<_> = text.lines().filter_map(translation).collect();
        // A crowd on a busy machine; anything else is too quiet for that.
        assert!(lost * 100 <= told.len() as u64, "conntrack lost {lost} events in {}", self.at);
        (told, lost)
    }
}

/// Bytes that wait to be read in a process's socket for conntrack's events, and how many more the kernel could not tell.
pub(crate) fn listening(pid: u32) -> Option<(u64, u64)> {
    let table = std::fs::read_to_string(format!("/proc/{pid}/net/netlink")).ok()?;
    // Of who has given up rights, what is open is not shown to everybody; but its first socket has its number.
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let sockets: Vec<String> = files
        .filter_map(|file| std::fs::read_link(file.path()).ok())
        .filter_map(|target| Some(target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    // sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode; 12 is NETLINK_NETFILTER.
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, "12", port, groups, waiting, _, _, _, lost, inode] = fields[..] else { return None };
        let is_its = port == pid.to_string() || sockets.iter().any(|socket| socket == inode);
        let listens = is_its && groups != "00000000";
        listens.then(|| (waiting.parse().expect("a number"), lost.parse().expect("a number")))
    })
}

/// What a line of `conntrack -E` says:
/// `[NEW] tcp 6 120 SYN_SENT src=… dst=… sport=… dport=… [UNREPLIED] src=… …`; ICMP has `id=…` for ports.
fn translation(line: &str) -> Option<Translation> {
    let mut words = line.split_whitespace().skip_while(|word| *word != "[NEW]").skip(1);
    let name = words.next()?;
    let protocol = Protocol::ALL.into_iter().find(|protocol| protocol.tracked_as() == name)?;
    let value = |key: &str| -> Vec<&str> {
        line.split_whitespace().filter_map(|word| word.strip_prefix(key)?.strip_prefix('=')).collect()
    };
    let (src, dst, id) = (value("src"), value("dst"), value("id"));
    // An identifier is the requester's port, in both halves.
    let (sport, dport) = match id[..] {
        [there, back] => (vec![there, "0"], vec!["0", back]),
        _ => (value("sport"), value("dport")),
    };
    let end = |ip: &str, port: &str| Some(SocketAddr::new(ip.parse().ok()?, port.parse().ok()?));
    Some(Translation {
        protocol,
        before: Tuple {
            source: end(src.first()?, sport.first()?)?,
            destination: end(dst.first()?, dport.first()?)?,
        },
        // The second half is what replies look like: the other way round.
        after: Tuple {
            source: end(dst.get(1)?, dport.get(1)?)?,
            destination: end(src.get(1)?, sport.get(1)?)?,
        },
    })
}

/// A script for `nft` that counts every tuple of echo requests and of everything with ports that comes from
/// the nodes.
pub(crate) fn counters() -> String {
    let mut sets = String::new();
    let mut rules = String::new();
    for family in ["ip", "ip6"] {
        let icmp = if family == "ip" { "icmp" } else { "icmpv6" };
        for (name, tuple, only) in [
            ("tcp", "F saddr . tcp sport . F daddr . tcp dport", ""),
            ("udp", "F saddr . udp sport . F daddr . udp dport", ""),
            ("sctp", "F saddr . sctp sport . F daddr . sctp dport", ""),
            ("icmp", "F saddr . I id . F daddr", "I type echo-request"),
        ] {
            let set = format!("came_{family}_{name}");
            let tuple = tuple.replace('F', family).replace('I', icmp);
            let only = only.replace('I', icmp);
            let _ = writeln!(sets, "set {set} {{ typeof {tuple}; size 65535; flags dynamic; counter; }}");
            let _ = writeln!(rules, "iifname eth0 {only} update @{set} {{ {tuple} }}");
        }
    }
    format!(
        "table inet witness {{\n{sets}chain arrivals {{\ntype filter hook prerouting priority -300;\n{rules}}}\n}}\n"
    )
}

/// How many packets of each tuple came to the router from the nodes' side.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    packets: HashMap<(Protocol, Tuple), u64>,
    /// Those that came while a capture began or ended: it may show them, or not.
    blurred: HashSet<(Protocol, Tuple)>,
}

impl Arrivals {
    pub(crate) fn count(router: &Namespace) -> Self {
        let text = run(router.command("nft").args(["-j", "-n", "list", "table", "inet", "witness"]), "");
        let listing: Value = serde_json::from_str(&text).expect("what nft prints");
        let mut arrivals = Self::default();
        // While the kernel makes a set larger, a tuple may be entered twice.
        for (key, count) in elements(&listing) {
            *arrivals.packets.entry(key).or_default() += count;
        }
        arrivals
    }

    /// What came after `earlier` was counted.
    pub(crate) fn since(mut self, earlier: &Self) -> Self {
        for (key, count) in &mut self.packets {
            *count -= earlier.packets.get(key).copied().unwrap_or(0);
        }
        self.blurred.extend(&earlier.blurred);
        self
    }

    /// Counted when captures had just begun or ended; they had not when `before` was counted.
    pub(crate) fn after(mut self, before: &Self) -> Self {
        let changed = self.packets.iter().filter(|(key, count)| before.packets.get(key) != Some(count));
        self.blurred = changed.map(|(key, _)| *key).collect();
        self
    }

    pub(crate) fn of(&self, protocol: Protocol, tuple: Tuple) -> u64 {
        self.packets.get(&(protocol, tuple)).copied().unwrap_or(0)
    }

    /// How many of them captures must show, where that is certain.
    pub(crate) fn certain(&self, protocol: Protocol, tuple: Tuple) -> Option<u64> {
        (!self.blurred.contains(&(protocol, tuple))).then(|| self.of(protocol, tuple))
    }

    /// The fewest packets of a tuple that came from `source`, if any did.
    pub(crate) fn least_from(&self, source: IpAddr) -> Option<u64> {
        let from = self.packets.iter().filter(|((_, tuple), _)| tuple.source.ip() == source);
        from.map(|(_, packets)| *packets).min()
    }
}

/// `{"nftables": [.., {"set": {"name": .., "elem": [{"elem": {"val": {"concat": [..]}, "counter": {..}}}]}}]}`.
fn elements(listing: &Value) -> impl Iterator<Item = ((Protocol, Tuple), u64)> {
    let objects = listing["nftables"].as_array().into_iter().flatten();
    objects
        .filter_map(|object| Some((object["set"]["name"].as_str()?, object["set"]["elem"].as_array()?)))
        .flat_map(|(name, elements)| {
            let protocol = match name.trim_start_matches("came_") {
                "ip_tcp" | "ip6_tcp" => Protocol::Tcp,
                "ip_udp" | "ip6_udp" => Protocol::Udp,
                "ip_sctp" | "ip6_sctp" => Protocol::Sctp,
                "ip_icmp" => Protocol::Icmp,
                "ip6_icmp" => Protocol::Icmp6,
                other => panic!("the router counts {other}"),
            };
            elements.iter().map(move |element| {
                let element = &element["elem"];
                let parts = element["val"]["concat"].as_array().expect("a tuple");
                let address = |part: &Value| -> IpAddr {
                    part.as_str().expect("an address").parse().expect("an address")
                };
                let port =
                    |part: Option<&Value>| part.map_or(0, |part| part.as_u64().expect("a port") as u16);
                let tuple = Tuple {
                    source: SocketAddr::new(address(&parts[0]), port(parts.get(1))),
                    destination: SocketAddr::new(address(&parts[2]), port(parts.get(3))),
                };
                ((protocol, tuple), element["counter"]["packets"].as_u64().expect("a counter"))
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuple(source: &str, destination: &str) -> Tuple {
        Tuple { source: source.parse().unwrap(), destination: destination.parse().unwrap() }
    }

    #[test]
    fn a_conntrack_event_says_both_sides_of_a_translation() {
        let line = "    [NEW] tcp      6 120 SYN_SENT src=10.128.0.5 dst=172.30.99.10 sport=40001 \
                    dport=8443 [UNREPLIED] src=10.128.0.20 dst=10.128.0.5 sport=8443 dport=40001";
        let translation = translation(line).unwrap();
        assert_eq!(translation.before, tuple("10.128.0.5:40001", "172.30.99.10:8443"));
        assert_eq!(translation.after, tuple("10.128.0.5:40001", "10.128.0.20:8443"));
    }

    #[test]
    fn an_identifier_stands_where_ports_would() {
        let line = "    [NEW] icmp     1 30 src=10.128.0.8 dst=203.0.113.25 type=8 code=0 id=77 \
                    [UNREPLIED] src=203.0.113.25 dst=192.168.12.99 type=0 code=0 id=41";
        let translation = translation(line).unwrap();
        assert_eq!(translation.protocol, Protocol::Icmp);
        assert_eq!(translation.before, tuple("10.128.0.8:77", "203.0.113.25:0"));
        assert_eq!(translation.after, tuple("192.168.12.99:41", "203.0.113.25:0"));
    }

    #[test]
    fn the_routers_set_is_read_with_its_counters() {
        let listing = serde_json::json!({ "nftables": [ { "metainfo": {} }, { "set": { "name": "came_ip_tcp", "elem": [
            { "elem": { "val": { "concat": ["192.168.12.99", 40001, "203.0.113.25", 443] },
                        "counter": { "packets": 6, "bytes": 400 } } } ] } } ] });
        let expected = ((Protocol::Tcp, tuple("192.168.12.99:40001", "203.0.113.25:443")), 6);
        assert_eq!(elements(&listing).collect::<Vec<_>>(), [expected]);
    }
}
