//! A client of TCP: connects from an exact port, says lines and waits for answers, and ends as it was told.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::{
    set_socket_keepalive, set_socket_linger, set_socket_reuseaddr, set_tcp_keepidle, set_tcp_keepintvl,
    socket_error,
};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

use super::ANSWER;
use crate::situation::{Batch, End, Met};

/// Longer than the first retransmission of a SYN, which comes after a second (RFC 6298 §2).
const CONNECT: Duration = Duration::from_millis(1_600);

/// The shortest time after which Linux asks a silent connection whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Connection {
    reader: BufReader<TcpStream>,
}

/// Opens a connection from `from`, speaks, and ends it, unless it is to be held.
pub(super) fn speak(batch: &Batch, name: &str, from: SocketAddr) -> (SocketAddr, Met, Option<Connection>) {
    let (stream, client) = match open(from, batch.to) {
        Ok(opened) => opened,
        Err((client, met)) => return (client, met, None),
    };
    if batch.keep_alive {
        set_tcp_keepidle(&stream, KEEP_ALIVE).expect("an open socket");
        set_tcp_keepintvl(&stream, KEEP_ALIVE).expect("an open socket");
        set_socket_keepalive(&stream, true).expect("an open socket");
    }
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
fn open(from: SocketAddr, to: SocketAddr) -> Result<(TcpStream, SocketAddr), (SocketAddr, Met)> {
    let socket = socket_with(
        if from.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET },
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
    let client = stream.local_addr().expect("a bound socket");
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
    pub(super) fn ask(&mut self, line: &str) -> Met {
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
    pub(super) fn end(mut self, end: End) {
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
