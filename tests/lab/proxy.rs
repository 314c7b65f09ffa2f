//! An egress router pod that ends connections: what comes to it is said again outside, on connections of its own.
//!
//! Of each connection that it opens it writes down what a client would: the name that it passed on and `-relayed`,
//! its own address, and what became of it. The far side heard the name from the proxy, not from the client.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::netns::enter;
use crate::raw::readable;
use crate::server::Sight;
use crate::situation::{Met, Protocol};
use crate::topology::Cluster;
use crate::traffic::Attempt;

const POD: &str = "egress-router";

/// How often a thread looks whether it should end.
const TICK: Duration = Duration::from_millis(50);

/// As long as the far side may take.
const ANSWER: Duration = Duration::from_millis(1_500);

/// A running proxy; it ends when dropped.
pub(crate) struct Proxy {
    opened: Arc<Mutex<Vec<Attempt>>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Proxy {
    pub(crate) fn start(cluster: &Cluster) -> Self {
        let inside = Cluster::address(POD, false);
        let (opened, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let listener = cluster.at(POD).within(|| TcpListener::bind((inside, 8443))).expect("a free port");
        let socket = cluster.at(POD).within(|| UdpSocket::bind((inside, 5353))).expect("a free port");
        let (tcp, udp) = ((opened.clone(), stop.clone()), (opened.clone(), stop.clone()));
        let threads = vec![
            thread::spawn(move || relay_connections(&listener, &tcp.0, &tcp.1)),
            thread::spawn(move || relay_datagrams(&socket, &udp.0, &udp.1)),
        ];
        Self { opened, stop, threads }
    }

    /// Every connection that the proxy opened; what the far side saw of them is given their names.
    pub(crate) fn opened(mut self, sights: &mut [Sight]) -> Vec<Attempt> {
        self.end();
        let opened = self.opened.lock().expect("no panic while locked").clone();
        for sight in sights {
            let relayed = format!("{}-relayed", sight.name);
            if opened.iter().any(|attempt| attempt.name == relayed) {
                sight.name = relayed;
            }
        }
        opened
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.end();
    }
}

fn relay_connections(listener: &TcpListener, opened: &Mutex<Vec<Attempt>>, stop: &AtomicBool) {
    enter(POD);
    while !stop.load(Ordering::Relaxed) {
        if readable(listener, Instant::now() + TICK) {
            let (near, _) = listener.accept().expect("a connection that waits");
            // One at a time is enough for what is to be shown.
            relay_connection(near, opened).expect("a client and a server that behave");
        }
    }
}

/// Passes lines on, one way and the other, until the client ends.
fn relay_connection(near: TcpStream, opened: &Mutex<Vec<Attempt>>) -> std::io::Result<()> {
    let to = SocketAddr::from(([203, 0, 113, 25], 443));
    let started = Timestamp::now();
    let far = TcpStream::connect(to)?;
    for stream in [&near, &far] {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER))?;
    }
    let client = far.local_addr()?;
    let (mut near, mut far) = (BufReader::new(near), BufReader::new(far));
    let mut line = String::new();
    let mut name = None;
    while near.read_line(&mut line)? > 0 {
        far.get_mut().write_all(line.as_bytes())?;
        name.get_or_insert_with(|| line.split_whitespace().next().unwrap_or_default().to_owned());
        line.clear();
        far.read_line(&mut line)?;
        near.get_mut().write_all(line.as_bytes())?;
        line.clear();
    }
    far.get_mut().shutdown(std::net::Shutdown::Write)?;
    while far.read_line(&mut line)? > 0 {}
    note(opened, Protocol::Tcp, &name.expect("a first line"), (client, to), started);
    Ok(())
}

fn relay_datagrams(near: &UdpSocket, opened: &Mutex<Vec<Attempt>>, stop: &AtomicBool) {
    enter(POD);
    let mut buffer = [0; 4_096];
    while !stop.load(Ordering::Relaxed) {
        if !readable(near, Instant::now() + TICK) {
            continue;
        }
        let (length, peer) = near.recv_from(&mut buffer).expect("a datagram that waits");
        let line = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let to = SocketAddr::from(([203, 0, 113, 25], 5353));
        let started = Timestamp::now();
        let far = UdpSocket::bind("192.168.12.99:0").expect("a free port");
        far.connect(to).expect("a route");
        far.set_read_timeout(Some(ANSWER)).expect("an open socket");
        far.send(line.as_bytes()).expect("an open socket");
        let length = far.recv(&mut buffer).expect("a server that answers");
        near.send_to(&buffer[..length], peer).expect("an open socket");
        let name = line.split_whitespace().next().unwrap_or_default();
        note(opened, Protocol::Udp, name, (far.local_addr().expect("a bound socket"), to), started);
    }
}

fn note(
    opened: &Mutex<Vec<Attempt>>,
    protocol: Protocol,
    name: &str,
    (client, to): (SocketAddr, SocketAddr),
    started: Timestamp,
) {
    let batch = name.rsplit_once('-').map_or(name, |(batch, _)| batch);
    opened.lock().expect("no panic while locked").push(Attempt {
        name: format!("{name}-relayed"),
        batch: format!("{batch}-relayed"),
        from: POD.to_owned(),
        protocol,
        client,
        to,
        fragmented: false,
        met: Met::Answered,
        started,
        ended: Timestamp::now(),
    });
}
