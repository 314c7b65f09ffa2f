//! A Geneve tunnel (RFC 8926) without the kernel's help, which not every kernel offers.
//!
//! ```text
//!  node                                     │ hidden namespace, nothing in it answers
//!  genev_sys_6081 ═══════ a veth ═══════ far│
//!       │ packets to other nodes' pods ────▶ packet socket ─┐            Ver | options' length | O C flags
//!       │ packets from there ◀──── raw socket ◀──┐          │            protocol 0x6558: Ethernet
//!  UDP 6081 of the node's own address ───────────┴──────────┘            network identifier | 0
//! ```
//!
//! Whole frames travel with a header and OVN's option in front; at the other end the packet in them is
//! sent to the node by its own Ethernet. Only IPv4, and no packet longer than the link.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::num::NonZeroU32;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, ipproto, recv, sendto, socket,
    socket_with,
};

use super::Cluster;
use super::plan::{Node, text};
use crate::netns::{Namespace, run};

const PORT: u16 = 6_081;

/// Network 11 with one critical option: OVN's logical ports, 5 and 7 (class 0x0102, type 0x80).
const HEADER: [u8; 16] = [0x02, 0x40, 0x65, 0x58, 0, 0, 11, 0, 0x01, 0x02, 0x80, 0x01, 0, 5, 0, 7];

/// Ethernet, without tags.
const ETHERNET: usize = 14;

/// One node's end of the tunnel; gone when dropped.
pub(super) struct Relay {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    _hidden: Namespace,
}

impl Relay {
    pub(super) fn start(cluster: &Cluster, node: &Node) -> Self {
        let hidden = Namespace::add(if node.name == "node1" { "tunnel1" } else { "tunnel2" });
        let (name, mac, range) = (node.name, text(node.tunnel_mac()), node.pods);
        hidden.sysctl(&[("net/ipv6/conf/default/disable_ipv6", "1")]);
        hidden.ip(&format!("link add far type veth peer name genev_sys_6081 address {mac} netns {name}\n"));
        // 1500 less Geneve's header with its option, UDP, IPv4 and Ethernet.
        cluster.at(name).ip("link set genev_sys_6081 mtu 1442 up\n");
        // What is read is to be whole: checksums computed, and no longer than the link.
        run(
            cluster.at(name).command("ethtool").args([
                "-K",
                "genev_sys_6081",
                "tx",
                "off",
                "tso",
                "off",
                "gso",
                "off",
            ]),
            "",
        );
        hidden.ip(&format!(
            "link set lo up\nlink set far up\nneigh add 10.{range}.254.1 lladdr {mac} dev far nud permanent\n\
             route add default via 10.{range}.254.1 dev far onlink\n"
        ));
        let stop = Arc::new(AtomicBool::new(false));
        let peer = (SocketAddr::new(node.peer().address(false), PORT), node.peer().tunnel_mac());
        let outer = SocketAddr::new(node.address(false), PORT);
        let outer = cluster.at(name).within(|| UdpSocket::bind(outer)).expect("a free port");
        let (frames, packets) = hidden.within(|| (frames(), packets()));
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                carry(&outer, peer, &frames, &packets);
            }
        });
        Self { stop, thread: Some(thread), _hidden: hidden }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().expect("taken once").join();
    }
}

/// All frames of the namespace (`ETH_P_ALL`, in network order).
fn frames() -> OwnedFd {
    let all = Protocol::from_raw(NonZeroU32::new(u32::from(3_u16.to_be())).expect("not 0"));
    socket_with(
        AddressFamily::PACKET,
        SocketType::RAW,
        SocketFlags::NONBLOCK | SocketFlags::CLOEXEC,
        Some(all),
    )
    .expect("the right to packet sockets")
}

/// Sends whole IPv4 packets.
fn packets() -> OwnedFd {
    socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::RAW)).expect("the right to raw sockets")
}

/// Waits a moment for something on either side, and hands it to the other.
fn carry(outer: &UdpSocket, (peer, peer_mac): (SocketAddr, [u8; 6]), frames: &OwnedFd, packets: &OwnedFd) {
    outer.set_nonblocking(true).expect("a socket");
    let tick = Timespec::try_from(Duration::from_millis(50)).expect("a short time");
    let mut ready = [PollFd::new(outer, PollFlags::IN), PollFd::new(frames, PollFlags::IN)];
    if poll(&mut ready, Some(&tick)).is_err() {
        return;
    }
    let mut buffer = [0; 4_096];
    while let Ok((length, _)) = recv(frames, &mut buffer[..], RecvFlags::empty()) {
        // What the hidden namespace itself sends is seen, too, but has another address.
        if buffer[..6] == peer_mac {
            outer.send_to(&[&HEADER, &buffer[..length]].concat(), peer).expect("a route to the other node");
        }
    }
    loop {
        match outer.recv(&mut buffer) {
            Ok(length) => {
                let packet = &buffer[HEADER.len() + ETHERNET..length];
                let [a, b, c, d] = packet[16..20] else { panic!("a packet without destination") };
                let to = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), 0);
                sendto(packets, packet, SendFlags::empty(), &to).expect("a route to the node");
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("the tunnel to {peer}: {error}"),
        }
    }
}
