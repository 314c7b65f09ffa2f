//! Conntrack's table: which conversations the kernel translates, and into what.
//!
//! An entry holds two tuples: the *original*, as the first packet had it before any NAT, and the *reply*, as the
//! answers have it before they are translated back. Where the reply is not the mirror of the original, NAT is at work;
//! those entries are kept, the others counted.
//!
//! This module reads the table as text: what `conntrack -L` prints, with or without `-o extended`, and the lines of
//! `/proc/net/nf_conntrack`, which differ in the words before the first tuple alone:
//!
//! ```text
//! ipv4  2 tcp  6 431999 ESTABLISHED src=10.128.0.5 dst=203.0.113.25 sport=40001 dport=443 packets=6 bytes=397
//!         src=203.0.113.25 dst=192.168.12.99 sport=443 dport=40001 packets=6 bytes=814 [ASSURED] mark=0 zone=5 use=1
//! ```
//! Of these are read
//! 1. the protocol's number, the word after its name;
//! 2. two tuples, each beginning with its `src=`; `sport`, `dport` and, of ICMP, `id` belong to the one before them.
//!
//! All else (states, counters, marks, zones) is passed over, in whatever order. A line without 1 or 2 is counted, and the first of
//! them is told by its number.

pub mod news;

use std::net::IpAddr;

use crate::digest::protocol;
use crate::net::{Address, Endpoint};

/// As many translations are kept: 76 MiB of them. Tables of nodes have a few hundred thousand entries.
pub const LIMIT: usize = 1 << 20;

/// One translated conversation.
///
/// As in a [digest](crate::digest), the requester of an ICMP echo has the identifier as its port, and the other end 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Translation {
    pub protocol: u8,
    /// Source and destination of the first packet before it was translated.
    pub original: (Endpoint, Endpoint),
    /// Source and destination of the answers before they are translated back.
    pub reply: (Endpoint, Endpoint),
}

impl Translation {
    /// Source and destination of what was translated, on its way out.
    pub fn wire(&self) -> (Endpoint, Endpoint) {
        (self.reply.1, self.reply.0)
    }

    /// Whether anything was rewritten.
    pub(crate) fn rewrites(&self) -> bool {
        self.wire() != self.original
    }
}

/// What a table tells, bounded.
#[derive(Debug, Clone, Default)]
pub struct Table {
    pub translations: Vec<Translation>,
    /// Entries that rewrite nothing.
    pub untranslated: u64,
    /// Translations beyond [`LIMIT`].
    pub beyond: u64,
    /// Lines or messages that tell no entry.
    pub skipped: u64,
    /// The number of the first such line, from 1; of no meaning where the table was not read as text.
    pub first_skipped: Option<u64>,
    lines: u64,
}

impl Table {
    /// The table that a text tells.
    pub fn parse(text: &[u8]) -> Self {
        let mut table = Self::default();
        for line in text.split(|byte| *byte == b'\n') {
            table.line(line);
        }
        table
    }

    /// Takes in the next line.
    pub fn line(&mut self, line: &[u8]) {
        self.lines += 1;
        let line = line.trim_ascii();
        // The command's own last words: `conntrack v1.4.7 (conntrack-tools): 3 flow entries have been shown.`
        if line.is_empty() || line.starts_with(b"conntrack v") {
            return;
        }
        if let Some(entry) = entry(line) {
            self.add(entry);
        } else {
            self.first_skipped.get_or_insert(self.lines);
            self.skipped += 1;
        }
    }

    /// Takes in an entry, translated or not.
    pub fn add(&mut self, entry: Translation) {
        if !entry.rewrites() {
            self.untranslated += 1;
        } else if self.translations.len() < LIMIT {
            self.translations.push(entry);
        } else {
            self.beyond += 1;
        }
    }
}

/// A tuple as far as it was read.
#[derive(Default)]
struct Tuple {
    source: Option<Address>,
    destination: Option<Address>,
    ports: (u16, u16),
    id: Option<u16>,
}

fn entry(line: &[u8]) -> Option<Translation> {
    let line = str::from_utf8(line).ok()?;
    let mut words = line.split_ascii_whitespace().peekable();
    // `[NEW]`, of `conntrack -E`; then `ipv4 2` or `ipv6 10`, where the family is told.
    while words.next_if(|word| word.starts_with('[')).is_some() {}
    if words.next_if(|word| matches!(*word, "ipv4" | "ipv6")).is_some() {
        words.next();
    }
    words.next();
    let protocol: u8 = words.next()?.parse().ok()?;
    let mut tuples: Vec<Tuple> = Vec::with_capacity(2);
    for (key, value) in words.filter_map(|word| word.split_once('=')) {
        if key == "src" {
            tuples.push(Tuple { source: Some(address(value)?), ..Tuple::default() });
            continue;
        }
        let Some(tuple) = tuples.last_mut() else { continue };
        match key {
            "dst" => tuple.destination = Some(address(value)?),
            "sport" => tuple.ports.0 = value.parse().ok()?,
            "dport" => tuple.ports.1 = value.parse().ok()?,
            // Behind the tuples stands `id=` of `-o id`, the entry's own number, of 32 bits.
            "id" if tuple.id.is_none() && is_icmp(protocol) => tuple.id = Some(value.parse().ok()?),
            _ => {}
        }
    }
    let [original, reply] = <[Tuple; 2]>::try_from(tuples).ok()?;
    // The requester is the source of the original and the destination of the reply.
    let (id, reply_id) = (original.id.unwrap_or_default(), reply.id.unwrap_or_default());
    let (ports, reply_ports) =
        if is_icmp(protocol) { ((id, 0), (0, reply_id)) } else { (original.ports, reply.ports) };
    Some(Translation { protocol, original: original.ends(ports)?, reply: reply.ends(reply_ports)? })
}

impl Tuple {
    fn ends(&self, ports: (u16, u16)) -> Option<(Endpoint, Endpoint)> {
        let source = Endpoint { address: self.source?, port: ports.0 };
        Some((source, Endpoint { address: self.destination?, port: ports.1 }))
    }
}

/// Whether a protocol's conversations are told by an identifier, not by ports.
pub(crate) fn is_icmp(protocol: u8) -> bool {
    matches!(protocol, protocol::ICMP | protocol::ICMPV6)
}

fn address(value: &str) -> Option<Address> {
    value.parse::<IpAddr>().ok().map(Address::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `protocol: original source > destination, on the wire source > destination`.
    fn told(text: &str) -> Vec<String> {
        let table = Table::parse(text.as_bytes());
        assert_eq!((table.skipped, table.first_skipped), (0, None), "{text}");
        table
            .translations
            .iter()
            .map(|entry| {
                let (from, to) = entry.original;
                let (source, destination) = entry.wire();
                format!("{}: {from} > {to}, on the wire {source} > {destination}", entry.protocol)
            })
            .collect()
    }

    const LEAVES_AS_EGRESS: &str =
        "6: 10.128.0.5:40001 > 203.0.113.25:443, on the wire 192.168.12.99:40001 > 203.0.113.25:443";

    #[test]
    fn the_three_forms_of_a_line_tell_one_entry() {
        let tuples = "src=10.128.0.5 dst=203.0.113.25 sport=40001 dport=443 packets=6 bytes=397 \
                      src=203.0.113.25 dst=192.168.12.99 sport=443 dport=40001 packets=6 bytes=814 [ASSURED] mark=0";
        let plain = format!("tcp      6 431999 ESTABLISHED {tuples} use=1\n");
        let extended = format!("ipv4     2 {plain}");
        let proc = format!("ipv4     2 tcp      6 431999 ESTABLISHED {tuples} zone=5 use=2\n");
        for form in [plain, extended, proc] {
            assert_eq!(told(&form), [LEAVES_AS_EGRESS], "{form}");
        }
    }

    #[test]
    fn an_unanswered_datagram_and_an_association_are_read_too() {
        let text = "udp      17 29 src=10.128.0.5 dst=172.30.0.10 sport=5000 dport=53 [UNREPLIED] src=10.129.0.7 dst=10.128.0.5 sport=5353 dport=5000 mark=0 use=1\n\
                    sctp     132 9 ESTABLISHED src=fd01::5 dst=2001:db8:113::25 sport=1 dport=2 src=2001:db8:113::25 dst=fd00:12::99 sport=2 dport=7 [ASSURED] mark=0 secctx=x use=1\n";
        assert_eq!(
            told(text),
            [
                "17: 10.128.0.5:5000 > 172.30.0.10:53, on the wire 10.128.0.5:5000 > 10.129.0.7:5353",
                "132: [fd01::5]:1 > [2001:db8:113::25]:2, on the wire [fd00:12::99]:7 > [2001:db8:113::25]:2",
            ]
        );
    }

    #[test]
    fn the_requester_of_an_echo_holds_the_identifier() {
        let text = "icmp     1 29 src=10.128.0.5 dst=203.0.113.25 type=8 code=0 id=77 [UNREPLIED] src=203.0.113.25 dst=192.168.12.11 type=0 code=0 id=1024 mark=0 use=1 id=4009738240\n";
        assert_eq!(
            told(text),
            ["1: 10.128.0.5:77 > 203.0.113.25, on the wire 192.168.12.11:1024 > 203.0.113.25"]
        );
    }

    #[test]
    fn what_rewrites_nothing_is_counted_alone() {
        let text = "tcp 6 9 ESTABLISHED src=10.128.0.5 dst=10.128.0.6 sport=1 dport=2 src=10.128.0.6 dst=10.128.0.5 sport=2 dport=1 use=1\n\
                    icmp 1 29 src=10.128.0.5 dst=10.128.0.6 type=8 code=0 id=77 src=10.128.0.6 dst=10.128.0.5 type=0 code=0 id=77 use=1\n";
        let table = Table::parse(text.as_bytes());
        assert_eq!((table.untranslated, table.translations.len(), table.skipped), (2, 0, 0));
    }

    #[test]
    fn lines_that_tell_no_entry_are_counted_and_the_first_is_told() {
        let text = b"conntrack v1.4.7 (conntrack-tools): 1 flow entries have been shown.\n\
                     tcp 6 9 src=10.128.0.5 dst=10.128.0.6 sport=1 dport=2 use=1\n\
                     tcp 6 9 src=10.128.0.5 dst=10.128.0.6 sport=1 dport=99999 src=10.128.0.6 dst=10.128.0.5 use=1\n\
                     <conntrack>\n\xff\n\n";
        let table = Table::parse(text);
        assert_eq!((table.skipped, table.first_skipped), (4, Some(2)));
    }

    #[test]
    fn a_table_larger_than_the_bound_says_how_much_was_left_out() {
        let mut table = Table::default();
        let end = |port| Endpoint { address: Address::v4(1), port };
        let entry = Translation { protocol: 6, original: (end(1), end(2)), reply: (end(2), end(3)) };
        for _ in 0..=LIMIT {
            table.add(entry);
        }
        assert_eq!((table.translations.len(), table.beyond), (LIMIT, 1));
    }
}
