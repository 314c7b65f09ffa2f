//! The host of the containers: the enclosure's own network, with a way out.
//!
//! ```text
//!   ┌ container ──────┐   ┌ host ─────────────────────────────────────────┐   ┌ there ──────────────────────────┐
//!   │ 10.128.0.x eth0 ├───┤ podman1 10.128.0.1  ∙∙▶  up0 192.168.12.11 ────┼───┤ up1 192.168.12.1  203.0.113.25 │
//!   └─────────────────┘   └───────────── masquerade ──────────────────────┘   └──────────────── port 443 ───────┘
//! ```

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, TcpListener};
use std::process::Command;
use std::thread::JoinHandle;

use crate::netns::{Namespace, run};

/// The address that the host has outside.
pub(super) const HOST: &str = "192.168.12.11";
/// Where the server is.
pub(super) const SERVER: &str = "203.0.113.25";
/// What a client says to it.
const GREETING: &str = "hello\n";
/// What a workload with a shell is to do.
pub(super) const GREET: &str = "echo hello | nc 203.0.113.25 443";

pub(super) struct Host {
    there: Namespace,
}

impl Host {
    /// Connects the enclosure's own network.
    pub(super) fn connect() -> Self {
        let there = Namespace::add("there");
        run(
            Command::new("ip").args(["-batch", "-"]),
            "link set lo up
            link add up0 type veth peer name up1 netns there
            addr add 192.168.12.11/24 dev up0
            link set up0 up
            route add default via 192.168.12.1",
        );
        there.ip("link set lo up
            addr add 203.0.113.25/32 dev lo
            addr add 192.168.12.1/24 dev up1
            link set up1 up");
        Self { there }
    }

    /// A server for so many connections. It answers each, and gives the addresses that they came from.
    pub(super) fn serve(&self, connections: usize) -> JoinHandle<Vec<IpAddr>> {
        let listener = self.there.within(|| TcpListener::bind((SERVER, 443)).expect("a free port"));
        std::thread::spawn(move || {
            let clients = (0..connections).map(|_| {
                let (mut client, address) = listener.accept().expect("a client");
                client.read_exact(&mut [0; GREETING.len()]).expect("a greeting");
                client.write_all(b"welcome\n").expect("a client that listens");
                address.ip()
            });
            clients.collect()
        })
    }
}
