//! The far side: writes down which address and port it saw, and tells them to the client.
//!
//! A client's first line is `NAME END`: a name that no other connection has, and who is to end this one,
//! and how. Every line is answered with the client's address as seen here. UDP: a datagram a line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use crate::situation::End;
use crate::topology::Cluster;

/// TCP and UDP. Nothing listens at 7777.
const PORTS: [u16; 6] = [80, 443, 5353, 8080, 8443, 9443];

/// How often a thread looks whether it should end.
const TICK: Duration = Duration::from_millis(50);

/// As long as a client may think about its next line.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Sight {
    pub(crate) name: String,
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
}

/// Servers on both external addresses; they end when dropped.
pub(crate) struct Servers {
    sights: Arc<Mutex<Vec<Sight>>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Servers {
    pub(crate) fn start(cluster: &Cluster) -> Self {
        let sights = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let ext = cluster.at("ext");
        let mut threads = Vec::new();
        for port in PORTS {
            let listener =
                ext.within(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))).expect("a free port");
            let (sights_tcp, stop_tcp) = (sights.clone(), stop.clone());
            threads.push(thread::spawn(move || listen(&listener, &sights_tcp, &stop_tcp)));
            // A socket an address, because a reply must come from the address that was asked.
            for address in [Ipv4Addr::new(203, 0, 113, 25), Ipv4Addr::new(203, 0, 113, 26)] {
                let socket = ext.within(|| UdpSocket::bind((address, port))).expect("a free port");
                let (sights, stop) = (sights.clone(), stop.clone());
                threads.push(thread::spawn(move || echo(&socket, &sights, &stop)));
            }
        }
        Self { sights, stop, threads }
    }

    pub(crate) fn sights(&self) -> Vec<Sight> {
        self.sights.lock().expect("no panic while locked").clone()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn listen(listener: &TcpListener, sights: &Arc<Mutex<Vec<Sight>>>, stop: &AtomicBool) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let tick = Timespec::try_from(TICK).expect("a short time");
    listener.set_nonblocking(true).expect("a socket");
    while !stop.load(Ordering::Relaxed) {
        let mut ready = [PollFd::new(listener, PollFlags::IN)];
        if poll(&mut ready, Some(&tick)).is_err() {
            continue;
        }
        while let Ok((stream, peer)) = listener.accept() {
            let sights = sights.clone();
            thread::spawn(move || {
                // Whatever the client does to the connection is the client's to tell.
                let _ = serve(&stream, peer, &sights);
            });
        }
    }
}

fn serve(stream: &TcpStream, peer: SocketAddr, sights: &Mutex<Vec<Sight>>) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let local = stream.local_addr()?;
    let mut writer = stream.try_clone()?;
    let mut end = String::new();
    let mut lines = 0;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default().to_owned();
        lines += 1;
        if lines == 1 {
            words.next().unwrap_or_default().clone_into(&mut end);
            sights.lock().expect("no panic while locked").push(Sight { name, peer, local });
        } else if name == "bye" {
            break; // The client has read its answers; now the server ends it.
        }
        // One write, because there is no delay to gather several into one segment.
        writer.write_all(format!("{peer}\n").as_bytes())?;
    }
    if end == End::ServerRst.name() {
        set_socket_linger(stream, Some(Duration::ZERO))?;
    } else if end == End::ServerFin.name() {
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut rest = BufReader::new(stream);
        while rest.skip_until(b'\n')? > 0 {}
    }
    Ok(())
}

fn echo(socket: &UdpSocket, sights: &Mutex<Vec<Sight>>, stop: &AtomicBool) {
    socket.set_read_timeout(Some(TICK)).expect("a socket");
    let local = socket.local_addr().expect("a bound socket");
    let mut buffer = [0; 4096];
    while !stop.load(Ordering::Relaxed) {
        let Ok((length, peer)) = socket.recv_from(&mut buffer) else { continue };
        let line = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let name = line.split_whitespace().next().unwrap_or_default().to_owned();
        sights.lock().expect("no panic while locked").push(Sight { name, peer, local });
        let _ = socket.send_to(format!("{peer}\n").as_bytes(), peer);
    }
}
