//! The server of TCP: a thread a connection. The second word of a client's first line says who is to end it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_socket_linger;

use super::{Book, TICK};
use crate::situation::End;

/// As long as a client may think about its next line.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn bind(ends: impl Iterator<Item = SocketAddr>) -> Vec<TcpListener> {
    let listener =
        |end| TcpListener::bind(end).unwrap_or_else(|error| panic!("cannot listen at {end}: {error}"));
    ends.map(listener).collect()
}

pub(super) fn listen(listeners: &[TcpListener], book: &Book) {
    let tick = Timespec::try_from(TICK).expect("a short time");
    for listener in listeners {
        listener.set_nonblocking(true).expect("a socket");
    }
    while book.goes_on() {
        let mut ready: Vec<_> =
            listeners.iter().map(|listener| PollFd::new(listener, PollFlags::IN)).collect();
        if poll(&mut ready, Some(&tick)).is_err() {
            continue;
        }
        for listener in
            listeners.iter().zip(&ready).filter(|(_, ready)| !ready.revents().is_empty()).map(|both| both.0)
        {
            while let Ok((stream, peer)) = listener.accept() {
                let book = book.clone();
                thread::spawn(move || {
                    // Whatever the client does to the connection is the client's to tell.
                    let _ = serve(&stream, peer, &book);
                });
            }
        }
    }
}

fn serve(stream: &TcpStream, peer: SocketAddr, book: &Book) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let local = stream.local_addr()?;
    let mut writer = stream.try_clone()?;
    let mut end = String::new();
    let mut lines = 0;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        lines += 1;
        if lines == 1 {
            book.note(&line, peer, local).next().unwrap_or_default().clone_into(&mut end);
        } else if line.starts_with("bye") {
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
