//! Witnesses that stand in the kernel: conntrack's events where NAT happens, and the router's counters.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::process::{Child, Stdio};

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::capture::{sleeps, until};
use crate::netns::{Namespace, run};
use crate::situation::Protocol;

/// Who speaks to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Tuple {
    pub(crate) source: SocketAddrV4,
    pub(crate) destination: SocketAddrV4,
}

/// A connection that conntrack has taken on: its first packet before NAT, and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Translation {
    pub(crate) at: &'static str,
    pub(crate) time: Timestamp,
    pub(crate) protocol: &'static str,
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
            .args(["-E", "-e", "NEW", "-o", "timestamp", "-b", "8388608"])
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
        let table = std::fs::read_to_string(format!("/proc/{}/net/netlink", self.child.id())).ok()?;
        // sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode; 12 is NETLINK_NETFILTER.
        table.lines().skip(1).find_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let listens =
                fields.get(1) == Some(&"12") && fields.get(3).is_some_and(|&groups| groups != "00000000");
            listens.then(|| (fields[4].parse().expect("a number"), fields[8].parse().expect("a number")))
        })
    }

    /// All translations so far.
    pub(crate) fn stop(mut self) -> Vec<Translation> {
        until("conntrack has read all events", || self.socket().is_some_and(|(waiting, _)| waiting == 0));
        let (_, lost) = self.socket().expect("a socket as long as it listens");
        assert_eq!(lost, 0, "conntrack lost events in {}", self.at);
        // The last event may be read, and not yet be written.
        until("conntrack sleeps", || sleeps(self.child.id()));
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("a child that runs");
        self.child.wait().expect("a child");
        let mut text = String::new();
        self.log.rewind().expect("a file");
        self.log.read_to_string(&mut text).expect("text");
        text.lines().filter_map(|line| translation(self.at, line)).collect()
    }
}

/// What a line of `conntrack -E -o timestamp` says:
/// `[1795395768.986334] [NEW] tcp 6 120 SYN_SENT src=… dst=… sport=… dport=… [UNREPLIED] src=… …`.
fn translation(at: &'static str, line: &str) -> Option<Translation> {
    let (seconds, rest) = line.trim_start().strip_prefix('[')?.split_once(']')?;
    let (seconds, micros) = seconds.split_once('.')?;
    let time = Timestamp::new(seconds.trim().parse().ok()?, micros.parse::<i32>().ok()? * 1_000)
        .expect("a time of today");
    let protocol =
        ["tcp", "udp"].into_iter().find(|name| rest.split_whitespace().any(|word| word == *name))?;
    let value = |key: &str| -> Vec<&str> {
        rest.split_whitespace().filter_map(|word| word.strip_prefix(key)?.strip_prefix('=')).collect()
    };
    let (src, dst, sport, dport) = (value("src"), value("dst"), value("sport"), value("dport"));
    let end = |ip: &str, port: &str| Some(SocketAddrV4::new(ip.parse().ok()?, port.parse().ok()?));
    Some(Translation {
        at,
        time,
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

/// How many packets of each tuple came to the router from the nodes' side.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    packets: HashMap<(&'static str, Tuple), u64>,
}

impl Arrivals {
    pub(crate) fn count(router: &Namespace) -> Self {
        let mut packets = HashMap::new();
        for protocol in [Protocol::Tcp, Protocol::Udp].map(Protocol::name) {
            let text = run(
                router.command("nft").args([
                    "-j",
                    "list",
                    "set",
                    "ip",
                    "witness",
                    &format!("came_{protocol}"),
                ]),
                "",
            );
            let value: Value = serde_json::from_str(&text).expect("what nft prints");
            packets.extend(elements(&value).map(|(tuple, count)| ((protocol, tuple), count)));
        }
        Self { packets }
    }

    /// What came after `earlier` was counted.
    pub(crate) fn since(mut self, earlier: &Self) -> Self {
        for (key, count) in &mut self.packets {
            *count -= earlier.packets.get(key).copied().unwrap_or(0);
        }
        self
    }

    pub(crate) fn of(&self, protocol: Protocol, tuple: Tuple) -> u64 {
        self.packets.get(&(protocol.name(), tuple)).copied().unwrap_or(0)
    }
}

/// `{"nftables": [.., {"set": {"elem": [{"elem": {"val": {"concat": [..]}, "counter": {"packets": ..}}}]}}]}`.
fn elements(listing: &Value) -> impl Iterator<Item = (Tuple, u64)> {
    let sets = listing["nftables"].as_array().into_iter().flatten();
    sets.filter_map(|object| object["set"]["elem"].as_array()).flatten().map(|element| {
        let element = &element["elem"];
        let parts = element["val"]["concat"].as_array().expect("a tuple");
        let address =
            |part: &Value| -> Ipv4Addr { part.as_str().expect("an address").parse().expect("IPv4") };
        let port = |part: &Value| part.as_u64().expect("a port") as u16;
        let tuple = Tuple {
            source: SocketAddrV4::new(address(&parts[0]), port(&parts[1])),
            destination: SocketAddrV4::new(address(&parts[2]), port(&parts[3])),
        };
        (tuple, element["counter"]["packets"].as_u64().expect("a counter"))
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
        let line = "[1795395768.986334]\t    [NEW] tcp      6 120 SYN_SENT src=10.128.0.5 dst=172.30.99.10 sport=40001 \
                    dport=8443 [UNREPLIED] src=10.128.0.20 dst=10.128.0.5 sport=8443 dport=40001";
        let translation = translation("node1", line).unwrap();
        assert_eq!(translation.before, tuple("10.128.0.5:40001", "172.30.99.10:8443"));
        assert_eq!(translation.after, tuple("10.128.0.5:40001", "10.128.0.20:8443"));
        assert_eq!(translation.time.to_string(), "2026-11-23T01:02:48.986334Z");
    }

    #[test]
    fn the_routers_set_is_read_with_its_counters() {
        let listing = serde_json::json!({ "nftables": [ { "metainfo": {} }, { "set": { "name": "tcp", "elem": [
            { "elem": { "val": { "concat": ["192.168.12.99", 40001, "203.0.113.25", 443] },
                        "counter": { "packets": 6, "bytes": 400 } } } ] } } ] });
        let expected = (tuple("192.168.12.99:40001", "203.0.113.25:443"), 6);
        assert_eq!(elements(&listing).collect::<Vec<_>>(), [expected]);
    }
}
