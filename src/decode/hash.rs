//! The one hash of a conversation's key.

use std::fmt;
use std::hash::Hasher as _;

use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;

use crate::digest::Key;

/// Hashes keys under a run's seed, so that nobody who writes packets can choose where they land in a table.
///
/// Hashers of one seed agree; all points of a run share one. The seed must not be guessable where the captured
/// network is not trusted; nothing that egret prints may depend on it.
#[derive(Clone)]
pub struct KeyHasher {
    seed: u64,
    shared: SharedSeed,
}

impl KeyHasher {
    pub fn new(seed: u64) -> Self {
        Self { seed, shared: SharedSeed::from_u64(seed) }
    }

    /// Both directions of a conversation have one key, and so one hash.
    #[inline]
    pub fn hash(&self, key: &Key) -> u32 {
        let [low_upper, low_lower] = key.low.halves();
        let [high_upper, high_lower] = key.high.halves();
        let ports = u64::from(key.low_port) << 32 | u64::from(key.high_port) << 16 | u64::from(key.protocol);
        // Halves are paired across the two addresses: those of IPv4 differ in the lower half alone. Every word goes
        // through a multiplication of its own: words joined without the seed could be chosen to cancel out.
        let mut hasher = FoldHasher::with_seed(self.seed, &self.shared);
        hasher.write_u128(u128::from(low_lower) << 64 | u128::from(high_lower));
        hasher.write_u128(u128::from(low_upper) << 64 | u128::from(high_upper));
        hasher.write_u64(ports);
        (hasher.finish() >> 32) as u32
    }
}

impl fmt::Debug for KeyHasher {
    /// Names the type alone: a seed in a log would be a seed known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHasher")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Address;

    fn key(upper: u64, ports: (u16, u16)) -> Key {
        let low = Address::v6((u128::from(upper) << 64 | 1).to_be_bytes());
        Key { low, high: Address::v6([0xff; 16]), low_port: ports.0, high_port: ports.1, protocol: 6 }
    }

    #[test]
    fn hashers_of_one_seed_agree_and_others_do_not() {
        let key = key(7, (40001, 443));
        assert_eq!(KeyHasher::new(1).hash(&key), KeyHasher::new(1).hash(&key));
        assert_ne!(KeyHasher::new(1).hash(&key), KeyHasher::new(2).hash(&key));
    }

    #[test]
    fn a_change_of_ports_is_not_undone_by_a_change_of_address() {
        let hasher = KeyHasher::new(1);
        let difference = 0b11 << 32;
        assert_ne!(hasher.hash(&key(7, (40001, 443))), hasher.hash(&key(7 ^ difference, (40002, 443))));
    }

    #[test]
    fn neighbouring_ports_spread_over_all_bits() {
        let hasher = KeyHasher::new(1);
        let hashes: Vec<_> = (0..4096).map(|port| hasher.hash(&key(7, (port, 443)))).collect();
        for bit in 0..32 {
            let ones = hashes.iter().filter(|&&hash| hash >> bit & 1 == 1).count();
            assert!((1800..2300).contains(&ones), "bit {bit}: {ones} of 4096");
        }
    }
}
