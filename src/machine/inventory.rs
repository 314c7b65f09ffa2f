//! Inventories as a test writes them: a line for each link or route, in words like those of ip(8).
//!
//! ```text
//! 2 ens192 physical mac 00:50:56:00:00:0b 192.168.12.11/24
//! 3 cni0 bridge 10.128.0.1/24
//! 4 veth1 veth elsewhere master cni0
//! default via 192.168.12.1 dev ens192
//! 10.128.0.0/24 dev cni0
//! ```
//! A link's lower is `over NAME` or `elsewhere`; it is up but for `down`. After an address may stand `secondary`,
//! `deprecated`, `link`; after a route `table N`, and `and via … dev …` for more ways.

use std::net::IpAddr;

use crate::machine::{Held, Hop, Kind, Link, Lower, Machine, Route};
use crate::net::{Address, Block, Mac};

pub(crate) fn inventory(text: &str) -> Machine {
    let mut machine = Machine::default();
    machine.links.push(Link { is_loopback: true, ..link(1, "lo", Kind::Physical) });
    machine.addresses.push(held(1, "127.0.0.1/8"));
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut words = line.split_whitespace();
        let first = words.next().expect("a word");
        match first.parse() {
            Ok(index) => add_link(&mut machine, index, words),
            Err(_) => add_route(&mut machine, first, words),
        }
    }
    machine
}

fn link(index: u32, name: &str, kind: Kind) -> Link {
    let name = name.to_owned();
    Link { index, name, kind, mac: None, is_up: true, is_loopback: false, master: None, lower: None }
}

fn held(link: u32, typed: &str) -> Held {
    let (address, prefix) = typed.split_once('/').expect("an address and its prefix");
    Held {
        link,
        address: ip(address),
        prefix: prefix.parse().expect("a length"),
        is_secondary: false,
        is_deprecated: false,
        is_global: true,
    }
}

fn ip(typed: &str) -> Address {
    typed.parse::<IpAddr>().expect("an address").into()
}

fn index(machine: &Machine, name: &str) -> u32 {
    machine
        .links
        .iter()
        .find(|link| link.name == name)
        .unwrap_or_else(|| panic!("no link {name} above"))
        .index
}

fn add_link<'a>(machine: &mut Machine, number: u32, mut words: impl Iterator<Item = &'a str>) {
    let mut next = || words.next();
    let name = next().expect("a name");
    let kind = Some(next().expect("a kind")).filter(|kind| *kind != "physical");
    let mut link = link(number, name, Kind::named(kind));
    let mut addresses: Vec<Held> = Vec::new();
    while let Some(word) = next() {
        match word {
            "down" => link.is_up = false,
            "elsewhere" => link.lower = Some(Lower::Elsewhere),
            "over" => link.lower = Some(Lower::Here(index(machine, next().expect("a name")))),
            "master" => link.master = Some(index(machine, next().expect("a name"))),
            "mac" => {
                let digits = next().expect("an address").split(':');
                let bytes: Vec<u8> = digits.map(|byte| u8::from_str_radix(byte, 16).expect("hex")).collect();
                link.mac = Some(Mac(bytes.try_into().expect("six bytes")));
            }
            "secondary" => addresses.last_mut().expect("an address").is_secondary = true,
            "deprecated" => addresses.last_mut().expect("an address").is_deprecated = true,
            "link" => addresses.last_mut().expect("an address").is_global = false,
            address => addresses.push(held(number, address)),
        }
    }
    machine.links.push(link);
    machine.addresses.extend(addresses);
}

fn add_route<'a>(machine: &mut Machine, to: &str, words: impl Iterator<Item = &'a str>) {
    let mut words = words.peekable();
    let (mut hops, mut table, mut gateway) = (Vec::new(), 254, None);
    while let Some(word) = words.next() {
        match word {
            "via" => gateway = Some(ip(words.next().expect("a gateway"))),
            "dev" => {
                let link = index(machine, words.next().expect("a device"));
                hops.push(Hop { link, gateway: gateway.take() });
            }
            "table" => table = words.next().expect("a table").parse().expect("its number"),
            word => assert_eq!(word, "and"),
        }
    }
    let is_v6 = hops.first().and_then(|hop| hop.gateway).is_some_and(|gateway| !gateway.is_v4());
    let to: Block = match to {
        "default" if is_v6 => "::/0".parse().expect("a block"),
        "default" => "0.0.0.0/0".parse().expect("a block"),
        to => to.parse().expect("a block"),
    };
    machine.routes.push(Route { to, hops, table });
}
