//! The near side: opens connections from a namespace and writes down what became of each.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::net::{SocketAddr, SocketAddrV4, TcpStream, UdpSocket};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::{set_socket_linger, set_socket_reuseaddr, socket_error};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

use crate::situation::{Batch, End, Finish, Met, Protocol};
use crate::topology::Cluster;

/// Longer than the first retransmission of a SYN, which comes after a second (RFC 6298 §2).
const CONNECT: Duration = Duration::from_millis(1_600);

/// Longer than several retransmissions of data, which begin after 200 ms (`TCP_RTO_MIN`).
const ANSWER: Duration = Duration::from_millis(1_500);

/// One connection as its client saw it.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// `herasoo-007`: what the client calls itself at the server.
    pub(crate) name: String,
    pub(crate) batch: String,
    pub(crate) from: String,
    pub(crate) protocol: Protocol,
    pub(crate) client: SocketAddrV4,
    pub(crate) to: SocketAddrV4,
    /// Whether a datagram was larger than the pod's link can carry.
    pub(crate) fragmented: bool,
    pub(crate) met: Met,
    pub(crate) started: Timestamp,
    pub(crate) ended: Timestamp,
}

/// All connections of a situation, and those that are still open.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    attempts: Mutex<Vec<Attempt>>,
    held: Mutex<BTreeMap<String, Vec<(usize, Connection)>>>,
}

#[derive(Debug)]
struct Connection {
    reader: BufReader<TcpStream>,
}

impl Traffic {
    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        self.attempts.lock().expect("no panic while locked").clone()
    }

    /// Runs `batches` at the same time, and returns when the last connection has ended or is held.
    pub(crate) fn run(&self, cluster: &Cluster, batches: &[Batch]) {
        thread::scope(|scope| {
            for batch in batches {
                scope.spawn(move || self.batch(cluster, batch));
            }
        });
    }

    fn batch(&self, cluster: &Cluster, batch: &Batch) {
        let next = AtomicU16::new(0);
        thread::scope(|scope| {
            for _ in 0..batch.parallel {
                scope.spawn(|| {
                    cluster.at(&batch.from).enter();
                    loop {
                        let ordinal = next.fetch_add(1, Ordering::Relaxed);
                        if ordinal >= batch.count {
                            break;
                        }
                        self.one(batch, ordinal);
                    }
                });
            }
        });
    }

    fn one(&self, batch: &Batch, ordinal: u16) {
        let name = format!("{}-{ordinal:03}", batch.name);
        let port = batch.port.map_or(0, |port| if batch.same_port { port } else { port + ordinal });
        let from = SocketAddrV4::new(Cluster::address(&batch.from), port);
        let started = Timestamp::now();
        let (client, met, connection) = match batch.protocol {
            Protocol::Tcp => speak_tcp(batch, &name, from),
            Protocol::Udp => speak_udp(batch, &name, from),
        };
        let mut attempts = self.attempts.lock().expect("no panic while locked");
        attempts.push(Attempt {
            name,
            batch: batch.name.clone(),
            from: batch.from.clone(),
            protocol: batch.protocol,
            client,
            to: batch.to,
            fragmented: batch.protocol == Protocol::Udp && batch.bytes > 1_400,
            met,
            started,
            ended: Timestamp::now(),
        });
        let index = attempts.len() - 1;
        drop(attempts);
        if let (true, Some(connection)) = (batch.hold, connection) {
            let mut held = self.held.lock().expect("no panic while locked");
            held.entry(batch.name.clone()).or_default().push((index, connection));
        }
    }

    /// Speaks another line on each held connection of a batch, if that is wanted, and ends it.
    pub(crate) fn finish(&self, finish: &Finish) {
        let held = self.held.lock().expect("no panic while locked").remove(&finish.name);
        let held = held.unwrap_or_else(|| panic!("nothing of {} is held open", finish.name));
        thread::scope(|scope| {
            for (index, mut connection) in held {
                scope.spawn(move || {
                    let met = if finish.speak { connection.ask("more") } else { Met::Answered };
                    connection.end(finish.end);
                    let mut attempts = self.attempts.lock().expect("no panic while locked");
                    attempts[index].ended = Timestamp::now();
                    attempts[index].met = met;
                });
            }
        });
    }
}

/// Opens a connection from `from`, speaks, and ends it, unless it is to be held.
fn speak_tcp(batch: &Batch, name: &str, from: SocketAddrV4) -> (SocketAddrV4, Met, Option<Connection>) {
    let (stream, client) = match open(from, batch.to) {
        Ok(opened) => opened,
        Err((client, met)) => return (client, met, None),
    };
    let mut connection = Connection { reader: BufReader::new(stream) };
    let filler = "x".repeat(batch.bytes);
    let met = match connection.ask(&format!("{name} {} {filler}", batch.end.name())) {
        // The server has never answered before.
        Met::Silent => Met::Timeout,
        met => met,
    };
    if batch.hold && met == Met::Answered {
        return (client, met, Some(connection));
    }
    connection.end(batch.end);
    (client, met, None)
}

/// Connects from exactly `from`; port 0 is the kernel's choice.
fn open(from: SocketAddrV4, to: SocketAddrV4) -> Result<(TcpStream, SocketAddrV4), (SocketAddrV4, Met)> {
    let socket = socket_with(
        AddressFamily::INET,
        SocketType::STREAM,
        SocketFlags::NONBLOCK | SocketFlags::CLOEXEC,
        None,
    )
    .expect("a socket");
    set_socket_reuseaddr(&socket, true).expect("an open socket");
    bind(&socket, &from).unwrap_or_else(|error| panic!("cannot bind {from}: {error}"));
    let started = connect(&socket, &to);
    assert!(
        started == Err(Errno::INPROGRESS) || started.is_ok(),
        "cannot connect {from} to {to}: {started:?}"
    );
    let patience = Timespec::try_from(CONNECT).expect("a short time");
    let ready =
        poll(&mut [PollFd::new(&socket, PollFlags::OUT)], Some(&patience)).expect("a socket to wait for");
    let stream = TcpStream::from(socket);
    let Ok(SocketAddr::V4(client)) = stream.local_addr() else { panic!("an IPv4 socket without an address") };
    if ready == 0 {
        return Err((client, Met::Timeout));
    }
    match socket_error(&stream).expect("an open socket") {
        Ok(()) => {}
        Err(Errno::CONNREFUSED) => return Err((client, Met::Refused)),
        Err(Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::ACCESS) => {
            return Err((client, Met::Unreachable));
        }
        Err(error) => panic!("cannot connect {client} to {to}: {error}"),
    }
    stream.set_nonblocking(false).expect("an open socket");
    stream.set_nodelay(true).expect("an open socket");
    stream.set_read_timeout(Some(ANSWER)).expect("an open socket");
    Ok((stream, client))
}

impl Connection {
    /// Says a line and waits for the answer.
    fn ask(&mut self, line: &str) -> Met {
        let stream = self.reader.get_mut();
        if stream.write_all(format!("{line}\n").as_bytes()).is_err() {
            return Met::Reset;
        }
        let mut answer = String::new();
        match self.reader.read_line(&mut answer) {
            Ok(0) => Met::Reset,
            Ok(_) => Met::Answered,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Met::Silent,
            Err(error) if error.kind() == ErrorKind::HostUnreachable => Met::Unreachable,
            Err(_) => Met::Reset,
        }
    }

    /// Ends the connection and waits until the other side has, too, as long as it can be waited for.
    fn end(mut self, end: End) {
        let stream = self.reader.get_mut();
        // Errors mean that it is over already.
        let _ = match end {
            End::ClientFin => stream.shutdown(std::net::Shutdown::Write),
            End::ServerFin | End::ServerRst => stream.write_all(b"bye\n"),
            // Closing then sends a RST instead of a FIN (socket(7), SO_LINGER).
            End::ClientRst => {
                return set_socket_linger(&*stream, Some(Duration::ZERO)).expect("an open socket");
            }
        };
        let mut rest = String::new();
        while self.reader.read_line(&mut rest).is_ok_and(|read| read > 0) {}
    }
}

fn speak_udp(batch: &Batch, name: &str, from: SocketAddrV4) -> (SocketAddrV4, Met, Option<Connection>) {
    let socket = UdpSocket::bind(from).unwrap_or_else(|error| panic!("cannot bind {from}: {error}"));
    socket.connect(batch.to).expect("a route");
    socket.set_read_timeout(Some(ANSWER)).expect("an open socket");
    let Ok(SocketAddr::V4(client)) = socket.local_addr() else { panic!("an IPv4 socket without an address") };
    let line = format!("{name} {}\n", "x".repeat(batch.bytes));
    let answer = socket.send(line.as_bytes()).and_then(|_| socket.recv(&mut [0; 256]));
    let met = match answer.map_err(|error| error.kind()) {
        Ok(_) => Met::Answered,
        Err(ErrorKind::ConnectionRefused) => Met::Refused,
        Err(ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) => Met::Unreachable,
        Err(_) => Met::Timeout,
    };
    (client, met, None)
}
