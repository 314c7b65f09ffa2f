//! What network devices do for the kernel that makes captures look odd, by the kernel's ethtool messages.
//!
//! A packet is captured before the card has done its part: a checksum that the card is to fill in is wrong until then, and
//! what the card is to cut into segments is one frame, longer than any on the wire. So on the way in, the other way round.
//!
//! The messages are those of generic netlink: after netlink's header a command, a version and two bytes for nothing, then
//! attributes. Which number the family `ethtool` has, the family 16 tells. Linux has them since 5.6; to ask takes no right.

use rustix::net::SocketFlags;
use rustix::net::netlink::GENERIC;

use crate::machine::Error;
use crate::machine::netlink::{attributes, dump, open, u16_at, u32_at};

/// `GENL_ID_CTRL`, and its `CTRL_CMD_GETFAMILY`.
const CONTROL: u16 = 16;
const GET_FAMILY: u8 = 3;
/// `ETHTOOL_MSG_FEATURES_GET`.
const GET_FEATURES: u8 = 11;
/// `genlmsghdr`.
const FIXED: usize = 4;

/// What a device does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Offloads {
    pub link: u32,
    /// Checksums of what is sent are filled in by the card, or never, as between namespaces.
    pub leaves_checksums: bool,
    /// Segments that are sent are made by the card.
    pub leaves_segments: bool,
    /// Segments that come in are put together before anybody sees them.
    pub joins_segments: bool,
}

/// All devices of the network namespace of the calling thread.
pub fn read() -> Result<Vec<Offloads>, Error> {
    const WHAT: &str = "devices' features";
    let socket = open(Some(GENERIC), SocketFlags::empty())
        .map_err(|error| Error::Open { what: WHAT, source: error.into() })?;
    let mut sequence = 0;
    let asked = |source| Error::Ask { what: WHAT, source };
    let families = dump(
        &socket,
        &mut sequence,
        (CONTROL, &[GET_FAMILY, 1, 0, 0]),
        CONTROL,
        |all: &mut Vec<u16>, body| {
            all.extend(family(body));
        },
    );
    let family = families.map_err(asked)?.first().copied().ok_or(Error::NoFeatures)?;
    dump(
        &socket,
        &mut sequence,
        (family, &[GET_FEATURES, 1, 0, 0]),
        family,
        |all: &mut Vec<Offloads>, body| {
            all.extend(offloads(body));
        },
    )
    .map_err(asked)
}

/// The number of the family `ethtool`, if that is the one.
fn family(message: &[u8]) -> Option<u16> {
    let told = message.get(FIXED..)?;
    let value = |wanted| attributes(told).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    (value(2)? == b"ethtool\0").then(|| u16_at(value(1)?, 0))?
}

/// `ETHTOOL_A_FEATURES_HEADER` 1 with the device's index 1, and `ETHTOOL_A_FEATURES_ACTIVE` 4, a list of those that are on.
fn offloads(message: &[u8]) -> Option<Offloads> {
    let mut offloads = Offloads::default();
    for (kind, value) in attributes(message.get(FIXED..)?) {
        match kind {
            1 => {
                let index = attributes(value).find(|(kind, _)| *kind == 1);
                offloads.link = index.and_then(|(_, value)| u32_at(value, 0)).unwrap_or_default();
            }
            4 => active(value, |name| offloads.note(name)),
            _ => {}
        }
    }
    (offloads.link != 0).then_some(offloads)
}

/// The names in a set of bits: `ETHTOOL_A_BITSET_BITS` 3, in it bits, in each `ETHTOOL_A_BITSET_BIT_NAME` 2.
fn active(set: &[u8], mut each: impl FnMut(&[u8])) {
    for (_, bits) in attributes(set).filter(|(kind, _)| *kind == 3) {
        for (_, bit) in attributes(bits) {
            for (_, name) in attributes(bit).filter(|(kind, _)| *kind == 2) {
                each(name.strip_suffix(&[0]).unwrap_or(name));
            }
        }
    }
}

impl Offloads {
    fn note(&mut self, feature: &[u8]) {
        match feature {
            b"tx-checksum-ipv4" | b"tx-checksum-ipv6" | b"tx-checksum-ip-generic" | b"tx-checksum-sctp" => {
                self.leaves_checksums = true;
            }
            b"tx-tcp-segmentation"
            | b"tx-tcp6-segmentation"
            | b"tx-generic-segmentation"
            | b"tx-udp-segmentation" => self.leaves_segments = true,
            b"rx-gro" | b"rx-gro-hw" | b"rx-lro" => self.joins_segments = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::netlink::attribute;

    fn message(attributes: &[Vec<u8>]) -> Vec<u8> {
        [&[GET_FEATURES, 1, 0, 0][..], &attributes.concat()].concat()
    }

    fn features(names: &[&str]) -> Vec<u8> {
        let bit = |name: &&str| attribute(1, &attribute(2, format!("{name}\0").as_bytes()));
        let bits: Vec<u8> = names.iter().flat_map(bit).collect();
        attribute(4, &[attribute(1, &[]), attribute(3, &bits)].concat())
    }

    #[test]
    fn features_that_are_on_are_told_by_what_they_do_to_a_capture() {
        let header = attribute(1, &attribute(1, &7_u32.to_ne_bytes()));
        let told = |names: &[&str]| offloads(&message(&[header.clone(), features(names)])).unwrap();
        let none = Offloads { link: 7, ..Offloads::default() };
        assert_eq!(told(&["highdma", "tx-nocache-copy"]), none);
        assert_eq!(told(&["tx-checksum-ip-generic"]), Offloads { leaves_checksums: true, ..none });
        assert_eq!(told(&["tx-tcp-segmentation"]), Offloads { leaves_segments: true, ..none });
        assert_eq!(told(&["rx-gro"]), Offloads { joins_segments: true, ..none });
    }

    #[test]
    fn the_family_is_found_by_its_name() {
        let named = |name: &[u8]| message(&[attribute(1, &21_u16.to_ne_bytes()), attribute(2, name)]);
        assert_eq!(family(&named(b"ethtool\0")), Some(21));
        assert_eq!(family(&named(b"nl80211\0")), None);
    }

    #[test]
    fn no_message_is_too_short_to_be_looked_at() {
        let header = attribute(1, &attribute(1, &7_u32.to_ne_bytes()));
        let whole = message(&[header, features(&["rx-gro"])]);
        for cut in 0..whole.len() {
            let _ = (offloads(&whole[..cut]), family(&whole[..cut]));
        }
    }
}
