//! Compares the names that payloads tell with those that tshark finds.
//!
//! A name that tshark shows is there; one that it does not show may be there, too, since it looks for protocols
//! by port and by guess. So each of its names must be among egret's, and egret may have more. Streams are put
//! together here from segments in order, and every segment that begins where the last request ended is tried, as
//! the parsers take beginnings.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use egret::decode::hint::{self, Hint, Kind as NameKind, dns};
use egret::digest::{Digest, Kind, tcp};
use egret::net::Endpoint;

use crate::observe::Sight;
use crate::oracle::Oracle;
use crate::report::{Comparison, Report};
use crate::rules;

/// Ports where tshark takes UDP for DNS: DNS, multicast DNS, LLMNR.
const DNS_PORTS: [u16; 3] = [dns::PORT, 5353, 5355];

#[derive(Debug, Default)]
pub(crate) struct Names {
    sni: BTreeSet<String>,
    hosts: BTreeSet<String>,
    queries: BTreeSet<String>,
    answers: BTreeSet<String>,
    has_quic: bool,
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
                if is_dns(digest)
                    && let Some(message) = dns::Message::parse(payload)
                {
                    self.message(message);
                }
                // RFC 9000 §17.2: a long header with the fixed bit, of a version.
                self.has_quic |= matches!(payload, [first, a, b, c, d, ..]
                    if first & 0xc0 == 0xc0 && [*a, *b, *c, *d] != [0; 4]);
            }
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
            if let Some(message) = dns::Message::parse_stream(&stream.bytes) {
                let (mut copy, taken) = (Vec::new(), stream_length(&stream.bytes));
                copy.extend_from_slice(&stream.bytes[..taken]);
                let _ = message;
                stream.bytes.drain(..taken);
                if let Some(message) = dns::Message::parse_stream(&copy) {
                    self.message(message);
                }
            }
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

    pub(crate) fn compare(&self, oracle: &Oracle, report: &mut Report) {
        let quic = self.has_quic.then_some(rules::QUIC.name);
        let theirs = &oracle.names;
        lacking(Comparison::Sni, &self.sni, &theirs.sni, quic, report);
        lacking(Comparison::HttpHost, &self.hosts, &theirs.http_host, None, report);
        lacking(Comparison::DnsQuery, &self.queries, &theirs.dns_query, None, report);
        lacking(Comparison::DnsAnswer, &self.answers, &theirs.dns_answer_ips, None, report);
    }
}

fn is_dns(digest: &Digest) -> bool {
    [digest.key.low_port, digest.key.high_port].iter().any(|port| DNS_PORTS.contains(port))
}

/// Bytes of the first message of a DNS stream, with its length field.
fn stream_length(bytes: &[u8]) -> usize {
    match bytes {
        [high, low, ..] => (2 + usize::from(u16::from_be_bytes([*high, *low]))).min(bytes.len()),
        _ => bytes.len(),
    }
}

fn lacking(
    comparison: Comparison,
    ours: &BTreeSet<String>,
    theirs: &BTreeMap<String, u64>,
    rule: Option<&str>,
    report: &mut Report,
) {
    report.compared(comparison, theirs.len() as u64);
    let lacking: Vec<&String> = theirs.keys().filter(|name| !ours.contains(&name.to_lowercase())).collect();
    if !lacking.is_empty() {
        let mut what = lacking.iter().take(4).map(|name| name.escape_debug().to_string()).collect::<Vec<_>>();
        if lacking.len() > 4 {
            what.push(format!("and {} more", lacking.len() - 4));
        }
        report.differ(comparison, format!("egret lacks {}", what.join(", ")), rule);
    }
}
