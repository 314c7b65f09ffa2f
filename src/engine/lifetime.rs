//! How long flows are held, and how many: what bounds a run's memory.
//!
//! A flow that has settled may be let go of: it keeps counting with the verdict that it had, and only its row goes. Over files
//! nothing is let go of by time. A run that does not end lets go of what has settled and was quiet for [`KEEP`] since.
//!
//! Beyond its room a run lets go of flows whatever the time, down to three quarters of it: the oldest that have settled
//! first, then the oldest that were quiet longest. Of those that had not settled more could have been said, so a pass becomes
//! `capture-incomplete`, and they are counted as evicted. Failing flows go after others of their age, and each group's example
//! goes last.
//!
//! | kept | bytes | room over files | MiB | room live | MiB |
//! |---|---:|---:|---:|---:|---:|
//! | tracks, with slot, standing and flow | 104 + 16 + 68 | 4 Mi | 752 | 1 Mi | 188 |
//! | legs | 72 | 8 Mi | 576 | 2 Mi | 144 |
//! | prints of handshakes, with their index | 24 + 10 | 8 Mi | 272 | 2 Mi | 68 |
//! | signs of packets | 20 | 16 Mi | 320 | 4 Mi | 80 |
//! | askers, and answered ones, of two ages | about 40 | 2 Mi | 80 | 128 Ki | 5 |
//! | groups | about 500 | 64 Ki | 32 | 16 Ki | 8 |
//!
//! A translated flow has two tracks, three or four legs and two prints. So a million flows, which a debug pod with 1 GiB must be able to
//! read, take half of the room over files; a live run has room for half a million flows at a time, within 512 MiB, as it
//! runs beside a workload. The rooms are filled to the brim together only by traffic that was made to.

use crate::flow::forget::Load;

const SECOND: i64 = 1_000_000_000;
const KI: usize = 1 << 10;
const MI: usize = 1 << 20;

/// How long a flow that has settled is held, in ns, once it is quiet.
///
/// What belongs to it may still come: a FIN that nobody acknowledges is sent again for up to 102 s (`tcp_orphan_retries`), TIME-WAIT
/// lasts 60 s, a SYN's retries are up to 64 s apart. Connection tracking holds a closed connection for up to 120 s and a
/// stream of datagrams for up to 180 s; what comes after that is no longer translated alike, and just these strays are
/// what a report must show beside their flow. Five minutes are the longest of these and two minutes more.
pub const KEEP: i64 = 300 * SECOND;

/// When flows are let go of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// How long a flow that has settled must have been quiet, in ns; `None` never lets go of one by time.
    pub keep: Option<i64>,
    pub room: Room,
}

/// How much is held at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    pub flows: Load,
    /// Groups that are told apart.
    pub groups: usize,
    /// Sockets that asked by datagrams, and who was answered, of either of two ages.
    pub askers: usize,
    /// Failing flows that are held longer than others, in a run that does not end.
    pub failures: usize,
}

impl Lifetime {
    /// Of runs over files, which end.
    pub const OFFLINE: Self = Self {
        keep: None,
        room: Room {
            flows: Load { tracks: 4 * MI, legs: 8 * MI, prints: 8 * MI, signs: 16 * MI },
            groups: 64 * KI,
            askers: MI / 2,
            failures: usize::MAX,
        },
    };

    /// Of runs that do not end.
    pub const LIVE: Self = Self {
        keep: Some(KEEP),
        room: Room {
            flows: Load { tracks: MI, legs: 2 * MI, prints: 2 * MI, signs: 4 * MI },
            groups: 16 * KI,
            askers: 32 * KI,
            // Some 7 MiB.
            failures: 10_000,
        },
    };
}

impl Default for Lifetime {
    fn default() -> Self {
        Self::OFFLINE
    }
}
