//! Tunnels that carry a cluster's own traffic between its nodes, and are opened.
//!
//! A tunnel that a pod itself speaks is that pod's traffic, whose outer addresses are what leaves the cluster: it
//! stays closed.

use crate::decode::link::{ethertype, u16_at};
use crate::decode::walk::{Next, Step, Walk};
use crate::packet::Header;

/// The port that IANA gave VXLAN, and the one that Linux used before.
const VXLAN_PORTS: [u16; 2] = [4789, 8472];
const VXLAN_LENGTH: usize = 8;

/// Whether UDP between these ports may be a tunnel: a look at the payload decides.
#[inline]
pub(super) const fn may_be_tunnel(source: u16, destination: u16) -> bool {
    source == VXLAN_PORTS[0]
        || source == VXLAN_PORTS[1]
        || destination == VXLAN_PORTS[0]
        || destination == VXLAN_PORTS[1]
}

/// Whether the UDP payload at the position is VXLAN to be opened: by port, by header, and by what seems to be inside.
///
/// RFC 7348 §5; `I` alone is set, and what is reserved is 0, as Linux and Open vSwitch send it:
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +---------------+-----------------------------------------------+
/// |R R R R I R R R|                   reserved                    |
/// +---------------+-------------------------------+---------------+
/// |              network identifier               |   reserved    |
/// +-----------------------------------------------+---------------+
/// |                        Ethernet frame …                       |
/// +---------------------------------------------------------------+
/// ```
pub(super) fn is_vxlan(walk: &Walk<'_>, source: u16, destination: u16) -> bool {
    if !may_be_tunnel(source, destination) {
        return false;
    }
    let Some((header, inner)) = walk.rest().split_first_chunk::<VXLAN_LENGTH>() else { return false };
    let [0x08, 0, 0, 0, _, _, _, 0] = *header else { return false };
    let (outer_source, outer_destination) = walk.addresses;
    seems_ethernet(inner) && !walk.options.is_pod(outer_source) && !walk.options.is_pod(outer_destination)
}

/// Reads the header that [`is_vxlan`] has seen.
pub(super) fn vxlan_step(walk: &mut Walk<'_>) -> Step {
    let header: &[u8; VXLAN_LENGTH] = walk.header()?;
    let vni = u32::from_be_bytes([0, header[4], header[5], header[6]]);
    walk.push(Header::Vxlan { vni }, VXLAN_LENGTH)?;
    Ok(Next::Link(crate::frame::LinkType::ETHERNET))
}

/// Whether `bytes` start like an Ethernet frame of a pod network: IP (with the version that its type announces),
/// ARP, a VLAN tag or an IEEE 802.3 length. What the capture cut is not held against it.
fn seems_ethernet(bytes: &[u8]) -> bool {
    let Some((header, content)) = bytes.split_first_chunk::<14>() else { return true };
    let version = content.first().map(|byte| byte >> 4);
    match u16_at(header, 12) {
        ethertype::IPV4 => version.is_none_or(|version| version == 4),
        ethertype::IPV6 => version.is_none_or(|version| version == 6),
        ethertype::ARP | ethertype::VLAN | ethertype::SERVICE_VLAN | ethertype::OLD_QINQ => true,
        number => number < ethertype::FIRST,
    }
}
