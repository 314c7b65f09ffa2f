//! Who was heard behind each link lately: addresses that the kernel resolved, and the bridges' tables.
//!
//! A node's end of a pod's veth holds no address. Whose it is, the bridge knows by the Ethernet addresses that came in by it,
//! and the table of neighbours by the addresses that these answered for. Both forget: who was quiet is not told.
//!
//! A message is `ndmsg`: family, three bytes, the link's index at 4, a state at 8; then `NDA_DST` 1, `NDA_LLADDR` 2.

use std::collections::{BTreeMap, BTreeSet};

use rustix::net::SocketFlags;

use crate::machine::netlink::{attributes, dump, open, u16_at, u32_at};
use crate::machine::read::ip;
use crate::machine::{Error, Machine};
use crate::net::{Address, Mac};

const NEW: u16 = 28;
const GET: u16 = 30;
const FIXED: usize = 12;
/// All families of addresses; `AF_BRIDGE`.
const ADDRESSES: u8 = 0;
const BRIDGES: u8 = 7;
/// `NUD_FAILED`, `NUD_NOARP` and `NUD_PERMANENT`: nobody there; not asked for; of a bridge, a port's own address.
const FAILED: u16 = 0x20;
const NO_ARP: u16 = 0x40;
const PERMANENT: u16 = 0x80;

/// Who was heard, by the link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Neighbours {
    resolved: Vec<Heard>,
    bridged: Vec<Heard>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Heard {
    link: u32,
    mac: Mac,
    /// Of bridges' tables none.
    address: Option<Address>,
}

impl Neighbours {
    /// Those of the network namespace of the calling thread.
    pub fn read() -> Result<Self, Error> {
        Ok(Self { resolved: ask(ADDRESSES)?, bridged: ask(BRIDGES)? })
    }

    /// The addresses behind each link of a machine, as far as they were heard.
    pub fn behind(&self, machine: &Machine) -> BTreeMap<u32, BTreeSet<Address>> {
        let mut behind: BTreeMap<u32, BTreeSet<Address>> = BTreeMap::new();
        for heard in &self.resolved {
            let Some(address) = heard.address.filter(|address| !address.is_local_scope()) else { continue };
            let ports = self.bridged.iter().filter(|port| {
                port.mac == heard.mac
                    && machine.link(port.link).is_some_and(|link| link.master == Some(heard.link))
            });
            let port = ports.map(|port| port.link).next();
            behind.entry(port.unwrap_or(heard.link)).or_default().insert(address);
        }
        behind
    }
}

fn ask(family: u8) -> Result<Vec<Heard>, Error> {
    const WHAT: &str = "neighbours";
    let socket =
        open(None, SocketFlags::empty()).map_err(|error| Error::Open { what: WHAT, source: error.into() })?;
    let mut question = [0; FIXED];
    question[0] = family;
    dump(&socket, &mut 0, (GET, &question), NEW, |all: &mut Vec<Heard>, body| all.extend(heard(body)))
        .map_err(|source| Error::Ask { what: WHAT, source })
}

fn heard(message: &[u8]) -> Option<Heard> {
    let family = *message.first()?;
    let state = u16_at(message, 8)?;
    let is_somebody = match family {
        BRIDGES => state & PERMANENT == 0,
        _ => state & (FAILED | NO_ARP) == 0,
    };
    let (mut mac, mut address) = (None, None);
    for (attribute, value) in attributes(message.get(FIXED..)?) {
        match attribute {
            1 if family != BRIDGES => address = ip(family, value),
            2 => mac = value.try_into().ok().map(Mac),
            _ => {}
        }
    }
    is_somebody.then_some(Heard { link: u32_at(message, 4)?, mac: mac?, address })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::inventory::inventory;
    use crate::machine::netlink::attribute;

    fn message(family: u8, link: u32, state: u16, attributes: &[Vec<u8>]) -> Vec<u8> {
        let fixed = [&[family, 0, 0, 0][..], &link.to_ne_bytes(), &state.to_ne_bytes(), &[0, 0]].concat();
        [fixed, attributes.concat()].concat()
    }

    const MAC: [u8; 6] = [0x0a, 0x58, 10, 128, 0, 5];

    #[test]
    fn an_address_is_behind_the_port_that_its_neighbour_came_in_by() {
        const REACHABLE: u16 = 0x02;
        let arp = message(2, 3, REACHABLE, &[attribute(1, &[10, 128, 0, 5]), attribute(2, &MAC)]);
        let fdb = message(BRIDGES, 4, REACHABLE, &[attribute(2, &MAC)]);
        let machine = inventory(
            "2 eth0 physical 192.168.12.11/24
             3 cni0 bridge 10.128.0.1/24
             4 veth1 veth elsewhere master cni0",
        );
        let told = |bridged: Vec<Heard>| {
            let neighbours = Neighbours { resolved: heard(&arp).into_iter().collect(), bridged };
            let behind = neighbours.behind(&machine);
            behind.into_iter().map(|(link, who)| (link, format!("{who:?}"))).collect::<Vec<_>>()
        };
        assert_eq!(told(heard(&fdb).into_iter().collect()), [(4, "{10.128.0.5}".to_owned())]);
        assert_eq!(told(Vec::new()), [(3, "{10.128.0.5}".to_owned())], "somewhere behind the bridge");
    }

    #[test]
    fn who_did_not_answer_and_a_ports_own_address_are_nobody() {
        let nobody = message(2, 3, FAILED, &[attribute(1, &[10, 128, 0, 5]), attribute(2, &MAC)]);
        assert_eq!(heard(&nobody), None);
        assert_eq!(heard(&message(BRIDGES, 4, PERMANENT, &[attribute(2, &MAC)])), None);
        for cut in 0..nobody.len() {
            let _ = heard(&nobody[..cut]);
        }
    }
}
