//! Raw sockets: for protocols that the kernel has no sockets for, or whose header must be chosen.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketType, bind, ipproto, recvfrom, sendto, socket,
};

/// A raw socket of `protocol` that sends from `from`, and receives what comes to it.
pub(crate) struct Raw {
    socket: OwnedFd,
    v6: bool,
}

impl Raw {
    /// ICMP in `from`'s family.
    pub(crate) fn icmp(from: IpAddr) -> Self {
        Self::open(from, if from.is_ipv6() { ipproto::ICMPV6 } else { ipproto::ICMP })
    }

    pub(crate) fn sctp(from: IpAddr) -> Self {
        Self::open(from, ipproto::SCTP)
    }

    fn open(from: IpAddr, protocol: Protocol) -> Self {
        let family = if from.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
        let socket = socket(family, SocketType::RAW, Some(protocol)).expect("the right to raw sockets");
        bind(&socket, &SocketAddr::new(from, 0))
            .unwrap_or_else(|error| panic!("cannot bind {from}: {error}"));
        Self { socket, v6: from.is_ipv6() }
    }

    pub(crate) fn send(&self, message: &[u8], to: IpAddr) {
        sendto(&self.socket, message, SendFlags::empty(), &SocketAddr::new(to, 0))
            .unwrap_or_else(|error| panic!("cannot send to {to}: {error}"));
    }

    /// The next message behind its IP header, and who sent it; nothing after the deadline.
    pub(crate) fn receive(&self, deadline: Instant) -> Option<(IpAddr, Vec<u8>)> {
        if !readable(&self.socket, deadline) {
            return None;
        }
        let mut buffer = vec![0; 65_536];
        let (length, _, sender) =
            recvfrom(&self.socket, &mut buffer[..], RecvFlags::empty()).expect("something to read");
        let sender = SocketAddr::try_from(sender.expect("a sender")).expect("an address of the internet");
        // IPv4 alone comes with its header, whose length is in words (RFC 791 §3.1).
        let header = if self.v6 { 0 } else { usize::from(buffer[0] & 0x0f) * 4 };
        Some((sender.ip(), buffer[header..length].to_vec()))
    }
}

/// Whether there is something to read before `deadline`.
pub(crate) fn readable(socket: impl AsFd, deadline: Instant) -> bool {
    let left = deadline.saturating_duration_since(Instant::now());
    let left = Timespec::try_from(left).expect("a short time");
    poll(&mut [PollFd::new(&socket, PollFlags::IN)], Some(&left)).is_ok_and(|ready| ready > 0)
}

/// The checksum of the internet protocols (RFC 1071), of a message whose own field is 0.
pub(crate) fn checksum(message: &[u8]) -> u16 {
    let words =
        message.chunks(2).map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |&low| u32::from(low)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[test]
fn the_checksum_is_that_of_the_standards_example() {
    assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
}
