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
        // Halves are paired across the two addresses: those of IPv4 differ in the lower half alone.
        let mut hasher = FoldHasher::with_seed(self.seed, &self.shared);
        hasher.write_u128(u128::from(low_lower) << 64 | u128::from(high_lower));
        hasher.write_u128(u128::from(low_upper ^ ports) << 64 | u128::from(high_upper));
        (hasher.finish() >> 32) as u32
    }
}

impl fmt::Debug for KeyHasher {
    /// Names the type alone: a seed in a log would be a seed known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHasher")
    }
}
