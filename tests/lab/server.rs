//! The far side: writes down which address and port it saw, and tells them to the client.
//!
//! A client's first line begins with a name that no other connection has. Every line is answered with the
//! client's address as seen here. UDP: a datagram a line. SCTP: a message a line. Echo requests are answered by
//! the kernel; they carry a line, too.

mod raw;
mod tcp;
mod udp;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::topology::Cluster;

/// TCP and UDP. Nothing listens at 7777.
const PORTS: [u16; 6] = [80, 443, 5353, 8080, 8443, 9443];

/// How often a thread looks whether it should end.
const TICK: Duration = Duration::from_millis(50);

/// The server's addresses: two of each family, the second one number higher.
pub(crate) const ADDRESSES: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, 25)),
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, 26)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x113, 0, 0, 0, 0, 0x25)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x113, 0, 0, 0, 0, 0x26)),
];

/// One connection as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Sight {
    pub(crate) name: String,
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
}

/// What all servers write to, and whether they should go on.
#[derive(Debug, Clone, Default)]
struct Book {
    sights: Arc<Mutex<Vec<Sight>>>,
    stop: Arc<AtomicBool>,
}

impl Book {
    /// Writes down who said `line`; gives its words.
    fn note<'a>(&self, line: &'a str, peer: SocketAddr, local: SocketAddr) -> std::str::SplitWhitespace<'a> {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default().to_owned();
        self.sights.lock().expect("no panic while locked").push(Sight { name, peer, local });
        words
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }
}

/// Servers on the external addresses; they end when dropped.
pub(crate) struct Servers {
    book: Book,
    threads: Vec<JoinHandle<()>>,
}

impl Servers {
    /// Listens at the addresses of IPv4, or at all.
    pub(crate) fn start(cluster: &Cluster, ipv6: bool) -> Self {
        let book = Book::default();
        let addresses = || ADDRESSES.into_iter().filter(|address| ipv6 || address.is_ipv4());
        let ends = || addresses().flat_map(|address| PORTS.map(|port| SocketAddr::new(address, port)));
        let mut threads = Vec::new();
        cluster.at("ext").within(|| {
            let listeners = tcp::bind(ends());
            let note = book.clone();
            threads.push(thread::spawn(move || tcp::listen(&listeners, &note)));
            let sockets = udp::bind(ends());
            let note = book.clone();
            threads.push(thread::spawn(move || udp::answer(&sockets, &note)));
            for address in addresses() {
                let (pings, note) = (crate::raw::Raw::icmp(address), book.clone());
                threads.push(thread::spawn(move || raw::watch_pings(&pings, address, &note)));
            }
            for address in addresses().filter(IpAddr::is_ipv4) {
                let (socket, note) = (crate::raw::Raw::sctp(address), book.clone());
                threads.push(thread::spawn(move || raw::associate(&socket, address, &note)));
            }
        });
        Self { book, threads }
    }

    pub(crate) fn sights(&self) -> Vec<Sight> {
        self.book.sights.lock().expect("no panic while locked").clone()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.book.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
