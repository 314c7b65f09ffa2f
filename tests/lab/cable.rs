//! Two namespaces with a cable between them, and datagrams that nobody answers.
//!
//! ```text
//!   ┌─ here ────────────┐        ┌─ there ─┐
//!   │ 10.7.0.1  veth0 ──┼────────┼─ veth1  │   numbered datagrams to 10.7.0.2, and by it to everywhere else
//!   └───────────────────┘        └─────────┘
//! ```

use std::net::UdpSocket;

use crate::capture::until;
use crate::netns::{Namespace, run};

/// Nobody is there.
pub(crate) const OUTSIDE: &str = "203.0.113.25";

/// What egret is told where it captures on veth0: an uplink, as nothing tells that it is one.
pub(crate) const VETH: [&str; 8] =
    ["-i", "veth0", "--role", "veth0=uplink", "--expect", "10.7.0.1", "--format", "json"];

pub(crate) struct Cable {
    pub(crate) here: Namespace,
    pub(crate) there: Namespace,
}

impl Cable {
    pub(crate) fn lay() -> Self {
        let (here, there) = (Namespace::add("here"), Namespace::add("there"));
        here.sysctl(&[("net/ipv6/conf/default/disable_ipv6", "1")]);
        there.sysctl(&[("net/ipv6/conf/default/disable_ipv6", "1")]);
        here.ip("link set lo up
            link add veth0 type veth peer name veth1 netns there
            addr add 10.7.0.1/24 dev veth0");
        there.ip("link set veth1 up");
        let cable = Self { here, there };
        cable.connect();
        cable
    }

    /// Brings veth0 up, with what the kernel forgets of an interface that is down.
    pub(crate) fn connect(&self) {
        self.here.ip("link set veth0 up
            neigh replace 10.7.0.2 lladdr 02:00:00:00:00:02 dev veth0 nud permanent
            route replace default via 10.7.0.2");
        self.until_carries("veth0");
    }

    /// Waits until a device here is ready: the kernel learns by and by that both ends are up, and until then loses without a
    /// word what is sent.
    pub(crate) fn until_carries(&self, device: &str) {
        until("the device carries what it is given", || {
            let told = run(self.here.command("ip").args(["-o", "link", "show", device]), "");
            told.contains("LOWER_UP") && told.contains("qdisc noqueue")
        });
    }

    /// As [`send`], from here.
    pub(crate) fn send(&self, to: &str, count: u32) {
        self.here.within(|| send(to, count));
    }
}

/// Sends datagrams to port 9 of that address from one socket, numbered from 0.
pub(crate) fn send(to: &str, count: u32) {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    for number in 0..count {
        socket.send_to(&[b"live", &number.to_be_bytes()[..]].concat(), (to, 9)).expect("a way out");
    }
}
