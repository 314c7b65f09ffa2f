//! Whether capturing is possible, by trying: what is opened is closed again, and no frame is read.

use std::io;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use super::{Error, Live, Request};
use crate::frame::LinkType;

/// Bytes of a ring that nothing is read from.
const RING: usize = 1 << 20;

/// Whether a socket for raw packets can be had. One without a protocol is given no packet.
pub fn may_capture() -> io::Result<()> {
    socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    Ok(())
}

/// The link type of an interface that can be captured, in the network namespace of the calling thread.
pub fn open(interface: &str) -> Result<LinkType, Error> {
    let request = Request { snap_length: 64, buffer: RING, ..Request::of(interface) };
    Ok(Live::open(&request)?.link())
}
