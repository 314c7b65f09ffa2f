//! Conntrack's table as the kernel has it now, and its messages (ctnetlink).
//!
//! An entry is an `nfgenmsg` of four bytes and attributes, the same in an answer as in what is told unasked (`follow`); each
//! tuple of it is
//!
//! ```text
//! CTA_TUPLE_ORIG 1, CTA_TUPLE_REPLY 2
//!   ├─ CTA_TUPLE_IP 1      source and destination: 1 and 2 of IPv4, 3 and 4 of IPv6
//!   ├─ CTA_TUPLE_PROTO 2   the protocol's number 1; ports 2 and 3; identifiers 4 (ICMP) and 7 (ICMPv6)
//!   └─ CTA_TUPLE_ZONE 3    where the zone is that of one direction alone
//! CTA_ZONE 18              else
//! CTA_TIMESTAMP 20         when it began 1, in ns since 1970; only with nf_conntrack_timestamp
//! CTA_TIMESTAMP_EVENT 27   when what is told happened; so, too, and since Linux 6.15
//! ```
//! Ports, identifiers, zones and times are in network byte order.

use rustix::io::Errno;
use rustix::net::{SocketFlags, netlink::NETFILTER};

use crate::conntrack::news::Entry;
use crate::conntrack::{Table, Translation, is_icmp};
use crate::frame::Timestamp;
use crate::machine::Error;
use crate::machine::netlink::{attributes, dump, open};
use crate::net::{Address, Endpoint};

/// `NFNL_SUBSYS_CTNETLINK`, the upper half of a type.
const CTNETLINK: u16 = 1 << 8;
pub(super) const NEW: u16 = CTNETLINK;
const GET: u16 = CTNETLINK | 1;
pub(super) const DELETE: u16 = CTNETLINK | 2;
const FIXED: usize = 4;

/// The translations of the network namespace of the calling thread. Needs `CAP_NET_ADMIN` there.
pub fn read() -> Result<Table, Error> {
    read_into(|table: &mut Table, told| match told {
        Some(told) => table.add(told.entry.translation),
        None => table.skipped += 1,
    })
}

/// What `take` made of all entries; of what is none, `None` is given.
pub(super) fn read_into<A: Default>(mut take: impl FnMut(&mut A, Option<Told>)) -> Result<A, Error> {
    let socket = open(Some(NETFILTER), SocketFlags::empty())
        .map_err(|error| Error::NoConntrack { source: error.into() })?;
    // Of all families.
    let question = (GET, &[0; FIXED][..]);
    dump(&socket, &mut 0, question, NEW, |all: &mut A, body| take(all, told(body))).map_err(refused)
}

/// Why the kernel does not tell.
pub(super) fn refused(source: std::io::Error) -> Error {
    match Errno::from_io_error(&source) {
        Some(Errno::PERM) => Error::NoPermission,
        Some(Errno::INVAL | Errno::OPNOTSUPP | Errno::PROTONOSUPPORT) => Error::NoConntrack { source },
        _ => Error::Ask { what: "conntrack table", source },
    }
}

/// An entry, and the times that a message gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) entry: Entry,
    pub(super) began: Option<Timestamp>,
    pub(super) happened: Option<Timestamp>,
}

/// A tuple as far as it was read.
#[derive(Default)]
struct Tuple {
    source: Option<Address>,
    destination: Option<Address>,
    protocol: u8,
    ports: (u16, u16),
    id: u16,
    zone: Option<u16>,
}

pub(super) fn told(message: &[u8]) -> Option<Told> {
    let (mut original, mut reply) = (None, None);
    let (mut zone, mut began, mut happened) = (None, None, None);
    for (attribute, value) in attributes(message.get(FIXED..)?) {
        match attribute {
            1 => original = Some(tuple(value)),
            2 => reply = Some(tuple(value)),
            18 => zone = Some(number(value)),
            20 => began = attributes(value).find(|(inner, _)| *inner == 1).and_then(|(_, value)| time(value)),
            27 => happened = time(value),
            _ => {}
        }
    }
    let (original, reply) = (original?, reply?);
    let protocol = original.protocol;
    // The requester is the source of the original and the destination of the reply.
    let (ports, reply_ports) =
        if is_icmp(protocol) { ((original.id, 0), (0, reply.id)) } else { (original.ports, reply.ports) };
    let zone = zone.or(reply.zone).unwrap_or_default();
    let translation =
        Translation { protocol, original: original.ends(ports)?, reply: reply.ends(reply_ports)? };
    Some(Told { entry: Entry { translation, zone }, began, happened })
}

fn tuple(bytes: &[u8]) -> Tuple {
    let mut tuple = Tuple::default();
    for (attribute, value) in attributes(bytes) {
        if attribute == 3 {
            tuple.zone = Some(number(value));
            continue;
        }
        for (inner, value) in attributes(value) {
            match (attribute, inner) {
                (1, 1) => tuple.source = v4(value),
                (1, 2) => tuple.destination = v4(value),
                (1, 3) => tuple.source = value.try_into().ok().map(Address::v6),
                (1, 4) => tuple.destination = value.try_into().ok().map(Address::v6),
                (2, 1) => tuple.protocol = value.first().copied().unwrap_or_default(),
                (2, 2) => tuple.ports.0 = number(value),
                (2, 3) => tuple.ports.1 = number(value),
                (2, 4 | 7) => tuple.id = number(value),
                _ => {}
            }
        }
    }
    tuple
}

impl Tuple {
    fn ends(&self, ports: (u16, u16)) -> Option<(Endpoint, Endpoint)> {
        let source = Endpoint { address: self.source?, port: ports.0 };
        Some((source, Endpoint { address: self.destination?, port: ports.1 }))
    }
}

fn v4(value: &[u8]) -> Option<Address> {
    value.try_into().ok().map(|bytes| Address::v4(u32::from_be_bytes(bytes)))
}

fn number(value: &[u8]) -> u16 {
    value.first_chunk().map_or(0, |bytes| u16::from_be_bytes(*bytes))
}

/// What the kernel does not know is 0.
fn time(value: &[u8]) -> Option<Timestamp> {
    let nanos = u64::from_be_bytes(*value.first_chunk()?);
    i64::try_from(nanos).ok().filter(|nanos| *nanos > 0).map(Timestamp::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::netlink::attribute;

    fn tuple(kind: u16, source: [u8; 4], destination: [u8; 4], proto: &[Vec<u8>]) -> Vec<u8> {
        let ip = [attribute(1, &source), attribute(2, &destination)].concat();
        attribute(kind, &[attribute(1, &ip), attribute(2, &proto.concat())].concat())
    }

    const POD: [u8; 4] = [10, 128, 0, 5];
    const EGRESS: [u8; 4] = [192, 168, 12, 99];
    const FAR: [u8; 4] = [203, 0, 113, 25];

    fn entry(message: &[u8]) -> Option<Translation> {
        told(message).map(|told| told.entry.translation)
    }

    #[test]
    fn an_entry_reads_as_its_line_of_text() {
        let tcp = |source: u16, destination: u16| {
            [
                attribute(1, &[6]),
                attribute(2, &source.to_be_bytes()),
                attribute(3, &destination.to_be_bytes()),
            ]
        };
        let mut message = vec![2, 0, 0, 0];
        message.extend(tuple(1, POD, FAR, &tcp(40001, 443)));
        message.extend(tuple(2, FAR, EGRESS, &tcp(443, 40001)));
        let line = b"tcp 6 9 ESTABLISHED src=10.128.0.5 dst=203.0.113.25 sport=40001 dport=443 \
                     src=203.0.113.25 dst=192.168.12.99 sport=443 dport=40001 [ASSURED] use=1";
        assert_eq!(entry(&message), Table::parse(line).translations.first().copied());
    }

    #[test]
    fn an_echo_reads_as_its_line_of_text() {
        let echo = |id: u16, kind: u8| {
            [attribute(1, &[1]), attribute(4, &id.to_be_bytes()), attribute(5, &[kind]), attribute(6, &[0])]
        };
        let mut message = vec![2, 0, 0, 0];
        message.extend(tuple(1, POD, FAR, &echo(77, 8)));
        message.extend(tuple(2, FAR, EGRESS, &echo(1024, 0)));
        let line = b"icmp 1 9 src=10.128.0.5 dst=203.0.113.25 type=8 code=0 id=77 \
                     src=203.0.113.25 dst=192.168.12.99 type=0 code=0 id=1024 use=1";
        assert_eq!(entry(&message), Table::parse(line).translations.first().copied());
        for cut in 0..message.len() {
            let _ = entry(&message[..cut]);
        }
        assert_eq!(entry(&message[..40]), None);
    }

    #[test]
    fn a_zone_is_that_of_the_whole_entry_or_of_its_answers() {
        let tcp = [attribute(1, &[6]), attribute(2, &[0, 1]), attribute(3, &[0, 2])];
        let zoned = |kind: u16, zone: u16| {
            let plain = tuple(kind, POD, FAR, &tcp);
            attribute(kind, &[&plain[4..], &attribute(3, &zone.to_be_bytes())].concat())
        };
        let zone = |parts: &[Vec<u8>]| {
            told(&[vec![2, 0, 0, 0], parts.concat()].concat()).map(|told| told.entry.zone)
        };
        let (original, reply) = (tuple(1, POD, FAR, &tcp), tuple(2, FAR, POD, &tcp));
        assert_eq!(zone(&[original.clone(), reply.clone()]), Some(0));
        assert_eq!(zone(&[original.clone(), reply.clone(), attribute(18, &5_u16.to_be_bytes())]), Some(5));
        assert_eq!(zone(&[original.clone(), zoned(2, 6)]), Some(6));
        assert_eq!(zone(&[zoned(1, 6), reply]), Some(0), "in the other direction, all share one");
    }
}
