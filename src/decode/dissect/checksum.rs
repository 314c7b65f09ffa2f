//! The checksum of the Internet protocols (RFC 1071), and what is to be said of one.

use std::borrow::Cow;
use std::net::IpAddr;

use super::Around;
use super::fields::Fields;
use crate::net::Address;

/// What a transport's checksum covers, if all of it is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Covered<'a>(Option<((Address, Address), &'a [u8])>);

impl<'a> Covered<'a> {
    pub(super) fn of(around: &Around, message: &Fields<'a>) -> Self {
        let is_here = around.is_whole && !around.is_fragment && !around.is_quoted;
        Self(around.addresses.filter(|_| is_here).map(|addresses| (addresses, message.all())))
    }

    /// What is to be said of the `stated` checksum of `protocol`, which covers addresses, too.
    pub(super) fn judged(self, protocol: u8, stated: u16) -> Option<Cow<'static, str>> {
        let ((source, destination), message) = self.0?;
        let pseudo = sum(0, &octets(source));
        let pseudo = sum(pseudo, &octets(destination)) + u64::from(protocol) + message.len() as u64;
        Some(words(stated, fold(sum(pseudo, message)), Some(fold(pseudo))))
    }

    /// The same where it covers the message alone.
    pub(super) fn judged_alone(self, stated: u16) -> Option<Cow<'static, str>> {
        let (_, message) = self.0?;
        Some(words(stated, fold(sum(0, message)), None))
    }
}

/// What is to be said of the `stated` checksum of a header.
pub(super) fn of_header(header: &[u8], stated: u16) -> Cow<'static, str> {
    words(stated, fold(sum(0, header)), None)
}

/// Said of a checksum that is not there yet.
const LEFT: &str = "offload: left to the network card";

/// `total` is the sum with the checksum in it: all ones, where that is right. A kernel leaves the sum of the addresses for the
/// card to begin with.
fn words(stated: u16, total: u16, left: Option<u16>) -> Cow<'static, str> {
    if total == 0xffff {
        return "right".into();
    }
    if left == Some(stated) {
        return LEFT.into();
    }
    // Taking the stated value out of the sum leaves what it should be.
    let right = !fold(u64::from(total) + u64::from(!stated));
    format!("0x{right:04x} expected; on the machine that sends it, usually offload").into()
}

fn sum(start: u64, bytes: &[u8]) -> u64 {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let pairs: u64 = pairs.iter().map(|pair| u64::from(u16::from_be_bytes(*pair))).sum();
    start + pairs + rest.first().map_or(0, |last| u64::from(*last) << 8)
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

fn octets(address: Address) -> Vec<u8> {
    match address.ip() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_judged_by_its_own_sum() {
        // An IPv4 header whose checksum is known.
        let mut header =
            [0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7];
        assert_eq!(of_header(&header, 0xb861), "right");
        header[10] = 0;
        let told = of_header(&header, 0x0061);
        assert!(told.starts_with("0xb861 expected"), "{told}");
    }

    #[test]
    fn what_the_kernel_leaves_to_the_card_is_said_to_be_left() {
        let message = [0x9c, 0x41, 0x01, 0xbb, 0, 8, 0, 0];
        let addresses = (Address::v4(0x0a80_0005), Address::v4(0xcb00_7119));
        let covered = Covered(Some((addresses, &message)));
        let pseudo = fold(sum(sum(0, &octets(addresses.0)), &octets(addresses.1)) + 17 + 8);
        assert_eq!(covered.judged(17, pseudo).as_deref(), Some(LEFT));
    }
}
