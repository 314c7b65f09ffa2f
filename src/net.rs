//! Addresses as packets carry them, and sets of addresses as people write them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// An IP address in 16 bytes; IPv4 as IPv4-mapped IPv6 (RFC 4291 §2.5.5.2), so that one table serves both.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Address([u64; 2]);

const MAPPED: u64 = 0xffff_0000_0000;

impl Address {
    pub const fn v4(bits: u32) -> Self {
        Self([0, MAPPED | bits as u64])
    }

    pub const fn v6(bytes: [u8; 16]) -> Self {
        let bits = u128::from_be_bytes(bytes);
        Self([(bits >> 64) as u64, bits as u64])
    }

    pub fn is_v4(self) -> bool {
        self.0[0] == 0 && self.0[1] >> 32 == MAPPED >> 32
    }

    /// The two halves, most significant first: what hashes of addresses are made of.
    pub const fn halves(self) -> [u64; 2] {
        self.0
    }

    pub fn ip(self) -> IpAddr {
        let bits = u128::from(self.0[0]) << 64 | u128::from(self.0[1]);
        if self.is_v4() { Ipv4Addr::from(bits as u32).into() } else { Ipv6Addr::from(bits).into() }
    }

    /// Whether no flow from or to it can leave a cluster: loopback, link-local, multicast, broadcast, unspecified.
    pub fn is_local_scope(self) -> bool {
        match self.ip() {
            IpAddr::V4(a) => {
                a.is_loopback()
                    || a.is_link_local()
                    || a.is_multicast()
                    || a.is_broadcast()
                    || a.octets()[0] == 0
            }
            IpAddr::V6(a) => {
                a.is_loopback() || a.is_unicast_link_local() || a.is_multicast() || a.is_unspecified()
            }
        }
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(a) => Self::v4(a.to_bits()),
            IpAddr::V6(a) => Self::v6(a.octets()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip().fmt(f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip().fmt(f)
    }
}

/// An address or a CIDR block, as typed: `10.128.0.5`, `10.128.0.0/14`, `fd00::/8`.
///
/// A block with host bits set (`10.128.0.5/14`) means the block.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block(IpNet);

impl Block {
    /// The block of `prefix` bits that an address lies in; `None` if its family has fewer bits.
    pub fn around(address: Address, prefix: u8) -> Option<Self> {
        IpNet::new(address.ip(), prefix).ok().map(|net| Self(net.trunc()))
    }

    /// The lowest address of the block.
    pub fn network(self) -> Address {
        self.0.network().into()
    }

    /// How many bits all addresses of the block share.
    pub fn prefix(self) -> u8 {
        self.0.prefix_len()
    }

    pub fn contains(self, address: Address) -> bool {
        self.0.contains(&address.ip())
    }

    /// The one address of a block of one.
    pub fn single(self) -> Option<Address> {
        (self.0.prefix_len() == self.0.max_prefix_len()).then(|| self.0.addr().into())
    }

    /// Whether every address of `other` lies in this one.
    pub fn covers(self, other: Self) -> bool {
        self.prefix() <= other.prefix() && self.contains(other.network())
    }

    /// Whether some address lies in both.
    pub fn overlaps(self, other: Self) -> bool {
        self.0.contains(&other.0.network()) || other.0.contains(&self.0.network())
    }
}

impl From<IpAddr> for Block {
    fn from(ip: IpAddr) -> Self {
        Self(ip.into())
    }
}

/// What was typed is neither an address nor a CIDR block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{typed}` is not an address or a CIDR block; write it like 10.128.0.5, 10.128.0.0/14 or fd00::/8")]
pub struct NotABlock {
    pub typed: String,
}

impl std::str::FromStr for Block {
    type Err = NotABlock;

    fn from_str(typed: &str) -> Result<Self, NotABlock> {
        let net = match typed.parse::<IpAddr>() {
            Ok(address) => Ok(IpNet::from(address)),
            Err(_) => typed.parse::<IpNet>(),
        };
        net.map(|net| Self(net.trunc())).map_err(|_| NotABlock { typed: typed.to_owned() })
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.single() {
            Some(address) => address.fmt(f),
            None => self.0.fmt(f),
        }
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One end of a conversation. Port 0 where the protocol has none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Endpoint {
    pub address: Address,
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address.is_v4(), self.port) {
            (_, 0) => self.address.fmt(f),
            (true, port) => write!(f, "{}:{port}", self.address),
            (false, port) => write!(f, "[{}]:{port}", self.address),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A link-layer address of six bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_an_address_or_a_cidr() {
        let block: Block = "10.128.0.5/14".parse().expect("a block");
        assert_eq!(block.to_string(), "10.128.0.0/14");
        assert!(block.contains("10.131.255.255".parse::<IpAddr>().expect("an address").into()));
        assert_eq!("192.168.12.99".parse::<Block>().expect("an address").to_string(), "192.168.12.99");
        assert!("10.128.0".parse::<Block>().is_err());
    }

    #[test]
    fn an_address_lies_in_a_block_of_as_many_bits_as_its_family_has() {
        let address = Address::v4(0x0a80_0005);
        let block = Block::around(address, 23).expect("a block");
        assert_eq!((block.to_string().as_str(), block.prefix()), ("10.128.0.0/23", 23));
        assert_eq!(block.network(), Address::v4(0x0a80_0000));
        assert_eq!(Block::around(address, 33), None);
    }

    #[test]
    fn a_block_covers_itself_and_what_is_narrower_within_it() {
        let [wide, narrow, beside]: [Block; 3] =
            ["10.128.0.0/14", "10.129.0.0/16", "10.132.0.0/16"].map(|typed| typed.parse().expect("a block"));
        assert!(wide.covers(wide) && wide.covers(narrow));
        assert!(!narrow.covers(wide), "some of the wide one lies outside");
        assert!(!wide.covers(beside));
    }

    #[test]
    fn blocks_of_different_families_do_not_meet() {
        let four: Block = "0.0.0.0/0".parse().expect("a block");
        let six: Block = "::/0".parse().expect("a block");
        assert!(!four.overlaps(six) && !four.covers(six) && !six.covers(four));
        assert!(!six.contains(Address::v4(0x0a80_0005)));
    }

    #[test]
    fn an_endpoint_reads_as_people_write_it() {
        let four = Endpoint { address: Address::v4(0xcb00_7119), port: 443 };
        let six = Endpoint { address: "fd00::1".parse::<IpAddr>().expect("an address").into(), port: 443 };
        assert_eq!(four.to_string(), "203.0.113.25:443");
        assert_eq!(six.to_string(), "[fd00::1]:443");
    }
}
