//! Names of the interface indexes in cooked v2 frames, asked of the kernel that captures.
//!
//! The capture's own socket is asked, which answers for its own network namespace, whichever thread asks. All
//! interfaces of the moment are told first; one that appears later is told with its first frame. An interface that is
//! gone before it could be asked about has no name; one that is renamed keeps the first.

use std::fs;
use std::os::fd::AsFd;

use foldhash::fast::RandomState;
use hashbrown::HashSet;
use rustix::net::netdevice::{index_to_name, name_to_index};

use crate::digest::{Batch, IndexName};
use crate::text::Text;

/// Most indexes that are remembered: machines on which pods come and go for months must not fill the memory.
const MOST: usize = 1 << 16;

/// The indexes that were told of.
#[derive(Debug)]
pub(super) struct Names {
    known: HashSet<u32, RandomState>,
    latest: u32,
    untold: Vec<IndexName>,
}

impl Names {
    /// The names of all interfaces that there are now in the namespace of `socket`, which is the calling thread's.
    pub(super) fn of_machine(socket: impl AsFd) -> Self {
        let mut names = Self { known: HashSet::default(), latest: 0, untold: Vec::new() };
        for name in interfaces() {
            if let Ok(index) = name_to_index(&socket, &name) {
                names.add(index, &name);
            }
        }
        names.untold.sort_by_key(|named| named.index);
        names
    }

    /// Tells the names that are not told yet, among them those of indexes that frames of the batch are the first to have.
    pub(super) fn tell(&mut self, socket: impl AsFd, batch: &mut Batch) {
        for head in &batch.heads {
            let Some(index) = index(&batch.slab[head.range()]) else { continue };
            if index != self.latest {
                self.latest = index;
                if !self.known.contains(&index) && self.known.len() < MOST {
                    self.learn(&socket, index);
                }
            }
        }
        batch.index_names.append(&mut self.untold);
    }

    #[cold]
    fn learn(&mut self, socket: impl AsFd, index: u32) {
        match index_to_name(socket, index) {
            Ok(name) => self.add(index, &name),
            Err(_) => _ = self.known.insert(index),
        }
    }

    fn add(&mut self, index: u32, name: &str) {
        self.known.insert(index);
        self.untold.push(IndexName { interface: 0, index, name: Text::from(name) });
    }
}

/// The interface index of a cooked v2 frame: the four bytes behind protocol and padding.
fn index(frame: &[u8]) -> Option<u32> {
    frame.get(4..8)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// The interfaces in the calling thread's namespace, in the kernel's order.
pub(super) fn interfaces() -> Vec<String> {
    // Two lines of headings, then `  eth0: …`. `/sys/class/net` would be that of the process.
    let table = fs::read_to_string("/proc/thread-self/net/dev").unwrap_or_default();
    let name = |line: &str| line.split_once(':').map(|(name, _)| name.trim().to_owned());
    table.lines().skip(2).filter_map(name).collect()
}
