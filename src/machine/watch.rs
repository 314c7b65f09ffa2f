//! Tells when the machine's links or addresses have changed.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{RecvFlags, SocketFlags, bind, recv};

use crate::machine::{Error, netlink};

/// `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR`, `RTMGRP_IPV6_IFADDR` of `<linux/rtnetlink.h>`.
const GROUPS: u32 = 0x1 | 0x10 | 0x100;

/// Hears of interfaces that appear, vanish, are renamed or get another address, in the network namespace of the
/// thread that set it. What exactly has happened is not told: [`read`](crate::machine::Machine::read) the machine again.
///
/// Its descriptor becomes readable when there is something, for those who wait with poll(2).
#[derive(Debug)]
pub struct Watch {
    socket: OwnedFd,
}

impl Watch {
    /// Hears of what happens from now on; so set it first, and read the machine afterwards.
    pub fn new() -> Result<Self, Error> {
        let failed = |error: Errno| Error::Open { what: "changes", source: error.into() };
        let socket = netlink::open(None, SocketFlags::NONBLOCK).map_err(failed)?;
        bind(&socket, &SocketAddrNetlink::new(0, GROUPS)).map_err(failed)?;
        Ok(Self { socket })
    }

    /// Whether anything has changed since this was asked last. Never waits.
    pub fn changed(&mut self) -> bool {
        let mut changed = false;
        let mut buffer = [0; 64];
        loop {
            match recv(&self.socket, &mut buffer[..], RecvFlags::TRUNC) {
                // An error of this kind: more was said than the socket holds.
                Ok(_) | Err(Errno::NOBUFS) => changed = true,
                Err(Errno::INTR) => {}
                Err(_) => return changed,
            }
        }
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
