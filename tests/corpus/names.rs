//! Compares the names that payloads tell with those that tshark finds.
//!
//! A name that tshark shows is there; one that it does not show may be there, too, since it looks for protocols
//! by port and by guess. So each of its names must be among egret's, and egret may have more. An address is no
//! name, and a port is no part of one. Streams are put together here from segments in order, and every segment that
//! begins where the last request ended is tried, as the parsers take beginnings.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use egret::decode::hint::{self, Hint, Kind as NameKind, dns};
use egret::digest::{Digest, Kind, tcp};
use egret::net::Endpoint;

use crate::observe::Sight;
use crate::oracle::Oracle;
use crate::report::{Comparison, Report};
use crate::rules::{self, Rule};

/// Multicast DNS (RFC 6762) and LLMNR (RFC 4795).
const MULTICAST_PORTS: [u16; 2] = [5353, 5355];

/// Characters of a name in text, RFC 1035 §2.3.4.
const LONGEST: usize = 253;

#[derive(Debug, Default)]
pub(crate) struct Names {
    sni: BTreeSet<String>,
    hosts: BTreeSet<String>,
    queries: BTreeSet<String>,
    answers: BTreeSet<String>,
    has_quic: bool,
    has_multicast: bool,
    has_other_opcode: bool,
    has_fragments: bool,
    has_dns: bool,
    streams: HashMap<(Endpoint, Endpoint), Stream>,
}

#[derive(Debug, Default)]
struct Stream {
    next: u32,
    bytes: Vec<u8>,
}

impl Names {
    pub(crate) fn look(&mut self, sight: &Sight<'_>) {
        let digest = &sight.digest;
        let at = usize::from(digest.payload);
        let whole = digest.payload_len as usize;
        let payload = sight.bytes.get(at..).unwrap_or_default();
        let payload = &payload[..payload.len().min(whole)];
        match digest.kind {
            Kind::Tcp => self.segment(digest, payload, payload.len() == whole),
            Kind::Udp => {
                self.has_multicast |= uses(digest, &MULTICAST_PORTS);
                self.has_dns |= is_dns(digest);
                self.has_other_opcode |=
                    is_dns(digest) && payload.get(2).is_some_and(|flags| flags & 0x78 != 0);
                if is_dns(digest)
                    && let Some(message) = dns::Message::parse(payload)
                {
                    self.message(message);
                }
                // RFC 9000 §17.2: a long header with the fixed bit, of a version.
                self.has_quic |= matches!(payload, [first, a, b, c, d, ..]
                    if first & 0xc0 == 0xc0 && [*a, *b, *c, *d] != [0; 4]);
            }
            Kind::Tail => self.has_fragments = true,
            _ => {}
        }
    }

    fn segment(&mut self, digest: &Digest, payload: &[u8], is_whole: bool) {
        let ends = (digest.source(), digest.destination());
        if digest.flags & tcp::SYN != 0 {
            self.streams.insert(ends, Stream { next: digest.seq.wrapping_add(1), bytes: Vec::new() });
        }
        if payload.is_empty() {
            return;
        }
        let stream = self.streams.entry(ends).or_default();
        if stream.next != digest.seq {
            stream.bytes.clear();
        }
        stream.next = digest.seq.wrapping_add(digest.payload_len);
        stream.bytes.extend_from_slice(payload);
        if is_dns(digest) {
            self.has_dns = true;
            let mut messages = std::mem::take(&mut stream.bytes);
            while let Some(taken) = first_message(&messages) {
                let rest = messages.split_off(taken);
                self.has_other_opcode |= messages.get(4).is_some_and(|flags| flags & 0x78 != 0);
                if let Some(message) = dns::Message::parse_stream(&messages) {
                    self.message(message);
                }
                messages = rest;
            }
            self.streams.entry(ends).or_default().bytes = messages;
            return;
        }
        let told = hint::client_name(&stream.bytes);
        if told != Hint::More || !is_whole {
            stream.bytes.clear();
        }
        if let Hint::Told((kind, name)) = told {
            let names = if kind == NameKind::Sni { &mut self.sni } else { &mut self.hosts };
            names.insert(name.to_string().to_lowercase());
        }
    }

    fn message(&mut self, message: dns::Message<'_>) {
        self.queries.insert(message.name().to_string().to_lowercase());
        self.answers.extend(message.records().filter_map(|record| match record.data {
            dns::Data::Address(address) => Some(address.to_string()),
            _ => None,
        }));
    }

    /// `unseen` is the rule of the frames that egret did not look into, if there are any.
    pub(crate) fn compare(&self, unseen: Option<Rule>, oracle: &Oracle, report: &mut Report) {
        let theirs = &oracle.names;
        let fragmented = self.has_fragments.then_some(rules::FRAGMENTED);
        let quic = unseen.or(self.has_quic.then_some(rules::QUIC)).or(fragmented);
        lacking(Comparison::Sni, &self.sni, &theirs.sni, quic, report);
        let hosts = theirs.http_host.iter().filter_map(|(host, count)| Some((without_port(host)?, *count)));
        lacking(Comparison::HttpHost, &self.hosts, &hosts.collect(), unseen.or(fragmented), report);
        let dns = unseen
            .or(self.has_multicast.then_some(rules::MULTICAST))
            .or(self.has_other_opcode.then_some(rules::NOT_A_QUERY))
            .or((!self.has_dns).then_some(rules::DNS_ELSEWHERE))
            .or(fragmented);
        lacking(Comparison::DnsQuery, &self.queries, &theirs.dns_query, dns, report);
        lacking(Comparison::DnsAnswer, &self.answers, &theirs.dns_answer_ips, dns, report);
    }
}

fn uses(digest: &Digest, ports: &[u16]) -> bool {
    [digest.key.low_port, digest.key.high_port].iter().any(|port| ports.contains(port))
}

fn is_dns(digest: &Digest) -> bool {
    uses(digest, &[dns::PORT])
}

/// Bytes of the first message of a DNS stream with its length field, if it is whole (RFC 1035 §4.2.2).
fn first_message(stream: &[u8]) -> Option<usize> {
    let length = 2 + usize::from(u16::from_be_bytes(*stream.first_chunk()?));
    (length <= stream.len()).then_some(length)
}

/// The name in an HTTP host; `None` where it is an address.
fn without_port(host: &str) -> Option<String> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let is_address = |text: &str| text.parse::<IpAddr>().is_ok();
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    (!is_address(bare) && !is_address(host)).then(|| name.to_owned())
}

fn lacking(
    comparison: Comparison,
    ours: &BTreeSet<String>,
    theirs: &BTreeMap<String, u64>,
    rule: Option<Rule>,
    report: &mut Report,
) {
    report.compared(comparison, theirs.len() as u64);
    let mut lacking: Vec<&String> =
        theirs.keys().filter(|name| !ours.contains(&name.to_lowercase())).collect();
    let placeholders = lacking.len();
    lacking.retain(|name| !(name.starts_with('<') && name.ends_with('>')));
    if placeholders > lacking.len() {
        let what = format!("{} names", placeholders - lacking.len());
        report.differ(comparison, what, Some(rules::PLACEHOLDER.name));
    }
    let readable = lacking.len();
    lacking.retain(|name| name.len() <= LONGEST);
    if readable > lacking.len() {
        let what = format!("{} names", readable - lacking.len());
        report.differ(comparison, what, Some(rules::TOO_LONG.name));
    }
    if lacking.is_empty() {
        return;
    }
    if let Some(rule) = rule {
        report.differ(comparison, format!("{} names", lacking.len()), Some(rule.name));
        return;
    }
    let mut what: Vec<String> = lacking.iter().take(4).map(|name| name.escape_debug().to_string()).collect();
    if lacking.len() > 4 {
        what.push(format!("and {} more", lacking.len() - 4));
    }
    report.differ(comparison, format!("egret lacks {}", what.join(", ")), None);
}
