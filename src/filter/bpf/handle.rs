//! A handle of libpcap to compile with: that of a savefile of one link type, with no frame in it.
//!
//! Without a savefile libpcap compiles as if for an interface of this machine: `inbound` asks the kernel, and IPv6 has this system's
//! number in the BSD loopback header. So there is one, in memory, which is all that opening it costs.
//!
//! ```text
//!  0       4       6       8       12      16      20      24
//! +-------+-------+-------+-------+-------+-------+-------+
//! | magic | major | minor | zone  | 0     | snap  | link  |     draft-ietf-opsawg-pcap §4
//! +-------+-------+-------+-------+-------+-------+-------+
//! ```

use std::os::fd::{AsRawFd as _, OwnedFd};

use pcap::{Capture, Offline};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::write;

use super::{Error, words_of};
use crate::frame::LinkType;

/// The snap length of the savefile, which programs return for a match.
pub(super) const SNAP_LENGTH: u32 = 262_144;

const MAGIC: u32 = 0xa1b2_c3d4;

/// The order of the bytes in a savefile, as the machine that wrote it had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

/// Compiles for one link type, as often as it is asked.
pub(in crate::filter) struct Handle(Capture<Offline>);

impl Handle {
    pub(in crate::filter) fn of(link: LinkType) -> Result<Self, Error> {
        Self::of_order(link, Order::Little)
    }

    pub(super) fn of_order(link: LinkType, order: Order) -> Result<Self, Error> {
        let file = savefile(link, order).map_err(|error| Error::NoHandle(error.to_string()))?;
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        Capture::from_file(path).map(Self).map_err(|error| Error::NoHandle(words_of(&error)))
    }

    /// What libpcap makes of an expression: instructions in the binding's writing.
    pub(super) fn compile(&self, expression: &str, is_optimized: bool) -> Result<Vec<String>, Error> {
        let compiled =
            self.0.compile(expression, is_optimized).map_err(|error| Error::Refused(words_of(&error)))?;
        Ok(compiled.get_instructions().iter().map(ToString::to_string).collect())
    }

    /// Why libpcap refuses an expression, if it does.
    pub(in crate::filter) fn refusal(&self, expression: &str) -> Option<String> {
        self.0.compile(expression, true).err().map(|error| words_of(&error))
    }
}

fn savefile(link: LinkType, order: Order) -> rustix::io::Result<OwnedFd> {
    let versions = [2_u16, 4];
    let rest = [0, 0, SNAP_LENGTH, u32::from(link.0)];
    let header: Vec<u8> = match order {
        Order::Little => MAGIC
            .to_le_bytes()
            .into_iter()
            .chain(versions.into_iter().flat_map(u16::to_le_bytes))
            .chain(rest.into_iter().flat_map(u32::to_le_bytes))
            .collect(),
        Order::Big => MAGIC
            .to_be_bytes()
            .into_iter()
            .chain(versions.into_iter().flat_map(u16::to_be_bytes))
            .chain(rest.into_iter().flat_map(u32::to_be_bytes))
            .collect(),
    };
    let file = memfd_create("filter", MemfdFlags::CLOEXEC)?;
    write(&file, &header)?;
    Ok(file)
}
