//! The server of UDP. The second word of a datagram says how many of its client's are not answered, the third
//! whether the answer comes from where it was asked.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{ADDRESSES, Book, TICK};

/// A socket an address, because an answer must come from the address that was asked.
pub(super) fn bind(ends: impl Iterator<Item = SocketAddr>) -> Vec<UdpSocket> {
    let socket = |end| UdpSocket::bind(end).unwrap_or_else(|error| panic!("cannot bind {end}: {error}"));
    ends.map(socket).collect()
}

pub(super) fn answer(sockets: &[UdpSocket], book: &Book) {
    let tick = Timespec::try_from(TICK).expect("a short time");
    let mut heard: HashMap<SocketAddr, u32> = HashMap::new();
    let mut buffer = vec![0; 65_536];
    for socket in sockets {
        socket.set_nonblocking(true).expect("a socket");
    }
    while book.goes_on() {
        let mut ready: Vec<_> = sockets.iter().map(|socket| PollFd::new(socket, PollFlags::IN)).collect();
        if poll(&mut ready, Some(&tick)).is_err() {
            continue;
        }
        for (index, socket) in
            sockets.iter().enumerate().filter(|(index, _)| !ready[*index].revents().is_empty())
        {
            while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
                let line = String::from_utf8_lossy(&buffer[..length]).into_owned();
                let local = socket.local_addr().expect("a bound socket");
                let mut words = book.note(&line, peer, local);
                let mute = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
                let count = heard.entry(peer).or_default();
                *count += 1;
                if *count <= mute {
                    continue;
                }
                let elsewhere = words.next() == Some("elsewhere");
                let from = if elsewhere { other(sockets, local) } else { &sockets[index] };
                // Nobody may be there any more.
                let _ = from.send_to(format!("{peer}\n").as_bytes(), peer);
            }
        }
    }
}

/// The socket of the server's other address, with the same port.
fn other(sockets: &[UdpSocket], asked: SocketAddr) -> &UdpSocket {
    let address = ADDRESSES
        .into_iter()
        .find(|address| address.is_ipv6() == asked.is_ipv6() && *address != asked.ip())
        .expect("two addresses of each family");
    let wanted = SocketAddr::new(address, asked.port());
    sockets
        .iter()
        .find(|socket| socket.local_addr().ok() == Some(wanted))
        .expect("every port at every address")
}
