//! A frame in a line: from whom, to whom, what; and by what its copies at other places are known.

use std::hash::{BuildHasher as _, Hash as _, Hasher as _};

use foldhash::fast::FixedState;

use crate::decode::Options;
use crate::decode::dissect::{Dissection, LayerFields, Value, dissect};
use crate::frame::LinkType;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Brief {
    pub from: String,
    pub to: String,
    pub what: String,
    /// Equal of two frames that show one packet, whatever NAT and tunnels did to it.
    pub print: Option<u64>,
}

impl Brief {
    pub(super) fn of(bytes: &[u8], link: LinkType, decoding: &Options) -> Self {
        let dissection = dissect(bytes, link, decoding);
        let layers = &dissection.layers;
        let innermost = |names: &[&str]| layers.iter().rposition(|layer| names.contains(&layer.name));
        let network = innermost(&["ipv4", "ipv6"]);
        let transport = innermost(&["tcp", "udp", "sctp", "icmp", "icmpv6"]).filter(|at| Some(*at) > network);
        let ends = ["source", "destination"].map(|end| {
            let address = match network {
                Some(at) => shown(&layers[at], end),
                None => {
                    layers.iter().rev().find_map(|layer| neighbour(layer, end).or_else(|| shown(layer, end)))
                }
            };
            let port = transport.and_then(|at| shown(&layers[at], &format!("{end} port")));
            match (address, port) {
                (Some(address), Some(port)) if address.contains(':') => format!("[{address}]:{port}"),
                (Some(address), Some(port)) => format!("{address}:{port}"),
                (Some(address), None) => address,
                (None, _) => String::new(),
            }
        });
        let [from, to] = ends;
        let print = transport.and_then(|at| print(&dissection, network?, at, bytes));
        Self { from, to, what: what(layers, network, transport), print }
    }
}

fn field<'a>(layer: &'a LayerFields, name: &str) -> Option<&'a Value> {
    layer.fields.iter().find(|field| field.name == name).map(|field| &field.value)
}

/// Who asks or answers in ARP, and for whom: that says more than link-layer addresses.
fn neighbour(layer: &LayerFields, end: &str) -> Option<String> {
    shown(layer, if end == "source" { "sender" } else { "target" }).filter(|_| layer.name == "arp")
}

fn shown(layer: &LayerFields, name: &str) -> Option<String> {
    field(layer, name).map(ToString::to_string)
}

/// `vxlan tcp SYN, ACK`, `udp dns`, `icmp 3 (destination unreachable)`.
fn what(layers: &[LayerFields], network: Option<usize>, transport: Option<usize>) -> String {
    let mut words: Vec<String> = Vec::new();
    let tunnels = layers.iter().take(network.unwrap_or(0));
    let is_tunnel =
        |layer: &&LayerFields| matches!(layer.name, "vxlan" | "geneve" | "gre" | "ipip" | "erspan");
    words.extend(tunnels.filter(is_tunnel).map(|layer| layer.name.to_owned()));
    let from = transport.or(network).unwrap_or(layers.len().saturating_sub(1));
    for layer in layers.iter().skip(from) {
        match layer.name {
            "data" => words.push(format!("{} bytes", layer.range.len())),
            "trailer" => {}
            name => words.push(name.to_owned()),
        }
        let told = layer.fields.iter().find(|field| matches!(field.name, "flags" | "type" | "operation"));
        if let Some(told) = told.filter(|_| matches!(layer.name, "tcp" | "icmp" | "icmpv6" | "arp")) {
            words.push(told.meaning.as_ref().map_or_else(|| told.value.to_string(), ToString::to_string));
        }
    }
    words.join(" ")
}

fn print(dissection: &Dissection, network: usize, transport: usize, bytes: &[u8]) -> Option<u64> {
    let layers = &dissection.layers;
    let (network, transport) = (&layers[network], &layers[transport]);
    // NAT writes addresses, ports and checksums; an echo's identifier is its port.
    let kept: Vec<String> =
        ["sequence number", "acknowledgement number", "flags", "type", "verification tag"]
            .iter()
            .filter_map(|name| shown(transport, name))
            .collect();
    let id = shown(network, "id");
    let is_told_apart = id.as_deref().is_some_and(|id| id != "0") || !kept.is_empty();
    let rest = bytes.get(transport.range.end..)?;
    let mut hasher = FixedState::with_seed(0).build_hasher();
    (transport.name, kept, id).hash(&mut hasher);
    rest.hash(&mut hasher);
    is_told_apart.then(|| hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::build::tcp;

    #[test]
    fn who_asks_for_a_neighbour_is_told_with_whom_it_asks_for() {
        let frame = crate::decode::build::arp(1, "10.128.0.5", "10.128.0.1").ethernet();
        let brief = Brief::of(&frame, LinkType::ETHERNET, &Options::default());
        assert_eq!((brief.from.as_str(), brief.to.as_str()), ("10.128.0.5", "10.128.0.1"));
        assert_eq!(brief.what, "arp request: who has the target?");
    }

    #[test]
    fn tunnels_are_opened_at_the_ports_that_were_named() {
        let inner = tcp(40_001, 443, 10).in4("10.128.0.5", "203.0.113.25");
        let frame = inner.vxlan(9000, 77).in4("192.168.12.11", "192.168.12.12").ethernet();
        let brief = |decoding: &Options| Brief::of(&frame, LinkType::ETHERNET, decoding);
        assert_eq!(brief(&Options::default()).from, "192.168.12.11:40000");
        let opened = brief(&Options::default().with_ports(vec![9000], Vec::new()));
        assert_eq!(opened.from, "10.128.0.5:40001");
        assert!(opened.what.starts_with("vxlan tcp"), "{}", opened.what);
    }
}
