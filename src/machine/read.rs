//! Reads links, addresses and routes from the kernel's answers (rtnetlink(7)).
//!
//! Only what [`Machine`] holds is looked at: what else a kernel tells, now or one day, cannot make a link unreadable.

use std::os::fd::OwnedFd;

use crate::machine::netlink::{attributes, dump, open, u16_at, u32_at};
use crate::machine::{Error, Held, Hop, Kind, Link, Lower, Machine, Route};
use crate::net::{Address, Block, Mac};

use rustix::io::Errno;
use rustix::net::SocketFlags;

const NEWLINK: u16 = 16;
const GETLINK: u16 = 18;
const NEWADDR: u16 = 20;
const GETADDR: u16 = 22;
const NEWROUTE: u16 = 24;
const GETROUTE: u16 = 26;

/// The fixed part of each message: `ifinfomsg`, `ifaddrmsg`, `rtmsg`; of a hop, `rtnexthop`.
const LINK: usize = 16;
const ADDRESS: usize = 8;
const ROUTE: usize = 12;
const HOP: usize = 8;

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// Asks the kernel about one network namespace, as often as is wanted: that of the thread that opened it, whichever asks.
#[derive(Debug)]
pub struct Inquiry {
    socket: OwnedFd,
    sequence: u32,
}

impl Inquiry {
    /// An inquiry about the network namespace of the calling thread.
    pub fn open() -> Result<Self, Error> {
        let failed = |error: Errno| Error::Open { what: "links", source: error.into() };
        Ok(Self { socket: open(None, SocketFlags::empty()).map_err(failed)?, sequence: 0 })
    }

    /// What there is now. Opens nothing.
    pub fn machine(&mut self) -> Result<Machine, Error> {
        let mut links = self.ask("links", (GETLINK, &[0; LINK]), NEWLINK, link)?;
        links.sort_by_key(|link| link.index);
        let addresses = self.ask("addresses", (GETADDR, &[0; ADDRESS]), NEWADDR, held)?;
        let routes = self.ask("routes", (GETROUTE, &[0; ROUTE]), NEWROUTE, route)?;
        Ok(Machine { links, addresses, routes })
    }

    fn ask<T>(
        &mut self,
        what: &'static str,
        question: (u16, &[u8]),
        kind: u16,
        read: fn(&[u8]) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        let Self { socket, sequence } = self;
        dump(socket, sequence, question, kind, |all: &mut Vec<T>, body| all.extend(read(body)))
            .map_err(|source| Error::Ask { what, source })
    }
}

impl Machine {
    /// The network namespace of the calling thread, now.
    pub fn read() -> Result<Self, Error> {
        Inquiry::open()?.machine()
    }
}

/// `ifinfomsg`: family, type at 2, index at 4, flags at 8; `IFLA_…`.
fn link(message: &[u8]) -> Option<Link> {
    const UP: u32 = 0x1;
    const LOOPBACK: u32 = 0x8;
    let flags = u32_at(message, 8)?;
    let index = u32_at(message, 4)?;
    let (mut kind, mut lower, mut is_elsewhere) = (None, None, false);
    let mut link = Link {
        index,
        name: String::new(),
        kind: Kind::Physical,
        mac: None,
        is_up: flags & UP != 0,
        is_loopback: flags & LOOPBACK != 0,
        master: None,
        lower: None,
    };
    for (attribute, value) in attributes(message.get(LINK..)?) {
        match attribute {
            1 => link.mac = value.try_into().ok().map(Mac),
            3 => link.name = words(value),
            // A device without a lower link names itself, or 0.
            5 => lower = u32_at(value, 0).filter(|lower| *lower != 0 && *lower != index),
            10 => link.master = u32_at(value, 0),
            // `IFLA_LINKINFO`, and `IFLA_INFO_KIND` in it.
            18 => kind = attributes(value).find(|(kind, _)| *kind == 1).map(|(_, value)| words(value)),
            // `IFLA_LINK_NETNSID`: the number in `IFLA_LINK` counts in another namespace.
            37 => is_elsewhere = true,
            _ => {}
        }
    }
    link.kind = Kind::named(kind.as_deref());
    link.lower = if is_elsewhere { Some(Lower::Elsewhere) } else { lower.map(Lower::Here) };
    Some(link)
}

/// `ifaddrmsg`: family, prefix length, flags, scope, index at 4; `IFA_…`.
fn held(message: &[u8]) -> Option<Held> {
    const SECONDARY: u32 = 0x01;
    const DEPRECATED: u32 = 0x20;
    const UNIVERSE: u8 = 0;
    const SITE: u8 = 200;
    let [family, prefix, flags, scope] = *message.first_chunk()?;
    let (mut flags, mut address, mut local) = (u32::from(flags), None, None);
    for (attribute, value) in attributes(message.get(ADDRESS..)?) {
        match attribute {
            // Of a point-to-point link the other end's, if there is a local one.
            1 => address = ip(family, value),
            2 => local = ip(family, value),
            // All 32 bits of them.
            8 => flags = u32_at(value, 0)?,
            _ => {}
        }
    }
    Some(Held {
        link: u32_at(message, 4)?,
        address: local.or(address)?,
        prefix,
        is_secondary: flags & SECONDARY != 0,
        is_deprecated: flags & DEPRECATED != 0,
        is_global: matches!(scope, UNIVERSE | SITE),
    })
}

/// `rtmsg`: family, destination's and source's prefix length, TOS, table, protocol, scope, type, flags at 8; `RTA_…`.
///
/// `None` for what leads nowhere (blackholes), stays here (the machine's own addresses) or has many destinations.
fn route(message: &[u8]) -> Option<Route> {
    const UNICAST: u8 = 1;
    const CLONED: u32 = 0x200;
    let [family, prefix, _, _, table, _, _, kind] = *message.first_chunk()?;
    if kind != UNICAST || u32_at(message, 8)? & CLONED != 0 {
        return None;
    }
    let (mut to, mut hop, mut hops) = (unspecified(family)?, (None, None), Vec::new());
    let mut table = u32::from(table);
    for (attribute, value) in attributes(message.get(ROUTE..)?) {
        match attribute {
            1 => to = ip(family, value)?,
            4 => hop.0 = u32_at(value, 0),
            5 | 18 => hop.1 = gateway(family, attribute, value),
            9 => hops = next_hops(family, value),
            15 => table = u32_at(value, 0)?,
            _ => {}
        }
    }
    if let (Some(link), gateway) = hop {
        hops.push(Hop { link, gateway });
    }
    Some(Route { to: Block::around(to, prefix)?, hops, table })
}

/// `RTA_MULTIPATH`: `rtnexthop` (length, flags, hops, index at 4) and attributes, again and again.
fn next_hops(family: u8, mut rest: &[u8]) -> Vec<Hop> {
    let mut hops = Vec::new();
    while let (Some(length), Some(link)) = (u16_at(rest, 0), u32_at(rest, 4)) {
        let Some(inner) = rest.get(HOP..usize::from(length)) else { break };
        let gateway = attributes(inner).find_map(|(attribute, value)| gateway(family, attribute, value));
        hops.push(Hop { link, gateway });
        rest = rest.get(usize::from(length).next_multiple_of(4)..).unwrap_or_default();
    }
    hops
}

/// `RTA_GATEWAY`, or `RTA_VIA`: a gateway of the other family, behind its number.
fn gateway(family: u8, attribute: u16, value: &[u8]) -> Option<Address> {
    match attribute {
        5 => ip(family, value),
        18 => ip(u8::try_from(u16_at(value, 0)?).ok()?, value.get(2..)?),
        _ => None,
    }
}

pub(super) fn ip(family: u8, value: &[u8]) -> Option<Address> {
    match family {
        AF_INET => value.try_into().ok().map(|bytes| Address::v4(u32::from_be_bytes(bytes))),
        AF_INET6 => value.try_into().ok().map(Address::v6),
        _ => None,
    }
}

/// Where the default route of a family leads.
fn unspecified(family: u8) -> Option<Address> {
    ip(family, if family == AF_INET { &[0; 4] } else { &[0; 16] })
}

/// A C string.
fn words(value: &[u8]) -> String {
    let value = value.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(value).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::netlink::attribute;

    fn message(fixed: &[u8], attributes: &[Vec<u8>]) -> Vec<u8> {
        [fixed.to_vec(), attributes.concat()].concat()
    }

    #[test]
    fn a_veth_whose_peer_is_in_another_namespace_says_so() {
        let mut fixed = [0; LINK];
        fixed[4] = 7;
        fixed[8] = 0x43;
        let info = attribute(1, b"veth\0");
        let mut told = vec![
            attribute(3, b"veth-a\0"),
            attribute(5, &2_u32.to_ne_bytes()),
            attribute(10, &5_u32.to_ne_bytes()),
            attribute(18, &info),
            attribute(1, &[2, 0, 0, 0, 0, 1]),
        ];
        let here = link(&message(&fixed, &told)).unwrap();
        assert_eq!((here.name.as_str(), here.index, here.master, here.is_up), ("veth-a", 7, Some(5), true));
        assert_eq!((here.lower, here.kind.clone()), (Some(Lower::Here(2)), Kind::Veth));
        told.push(attribute(37, &0_i32.to_ne_bytes()));
        assert!(link(&message(&fixed, &told)).unwrap().reaches_another_namespace());
    }

    #[test]
    fn an_address_is_the_local_end_with_all_its_flags() {
        let fixed = [AF_INET, 32, 0x80, 0, 3, 0, 0, 0];
        let told = [
            attribute(1, &[10, 0, 0, 1]),
            attribute(2, &[192, 168, 12, 99]),
            attribute(8, &0xa1_u32.to_ne_bytes()),
        ];
        let held = held(&message(&fixed, &told)).unwrap();
        assert_eq!((held.address.to_string().as_str(), held.prefix, held.link), ("192.168.12.99", 32, 3));
        assert!(held.is_secondary && held.is_deprecated && held.is_global);
    }

    #[test]
    fn a_route_names_every_way_that_it_takes() {
        let fixed = [AF_INET, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
        let one = message(&[16, 0, 0, 0, 2, 0, 0, 0], &[attribute(5, &[192, 168, 12, 1])]);
        // A gateway of IPv6 for a route of IPv4.
        let via = [&10_u16.to_ne_bytes()[..], &[0xfd; 16]].concat();
        let two = message(&[32, 0, 0, 0, 3, 0, 0, 0], &[attribute(18, &via)]);
        let route = route(&message(&fixed, &[attribute(9, &[one, two].concat())])).unwrap();
        assert!(route.is_default());
        assert_eq!((route.to.to_string().as_str(), route.table), ("0.0.0.0/0", 254));
        let ways: Vec<_> = route.hops.iter().map(|hop| (hop.link, hop.gateway.unwrap().is_v4())).collect();
        assert_eq!(ways, [(2, true), (3, false)]);
    }

    #[test]
    fn what_stays_here_or_leads_nowhere_is_no_route() {
        const LOCAL: u8 = 2;
        const BLACKHOLE: u8 = 6;
        for kind in [LOCAL, BLACKHOLE] {
            assert!(route(&message(&[AF_INET, 32, 0, 0, 255, 2, 254, kind, 0, 0, 0, 0], &[])).is_none());
        }
    }

    #[test]
    fn no_message_is_too_short_to_be_looked_at() {
        let bytes = [0xff; 40];
        for cut in 0..bytes.len() {
            let _ = (link(&bytes[..cut]), held(&bytes[..cut]), route(&bytes[..cut]));
            let _ = next_hops(AF_INET, &bytes[..cut]);
        }
    }
}
