//! The connection that a session of the program runs over, and what a quiet run says to whoever started it.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use crate::cable::Cable;
use crate::egret::{Egret, check};
use crate::enclosure::{Watch, entered};

const PATIENCE: Duration = Duration::from_mins(1);

#[test]
#[ignore = "needs network namespaces: make lab"]
fn the_connection_that_the_session_runs_over_is_left_out_and_said_to_be() {
    if !entered("own::the_connection_that_the_session_runs_over_is_left_out_and_said_to_be") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("own", PATIENCE);
    let cable = Cable::lay();
    cable.there.ip("addr add 10.7.0.3/24 dev veth1");
    let server: SocketAddr = "10.7.0.3:22".parse().expect("an address");
    let listener = cable.there.within(|| TcpListener::bind(server).expect("a free port"));
    let connect = || {
        let near = cable.here.within(|| TcpStream::connect(server).expect("somebody listens"));
        (near, listener.accept().expect("a connection").0)
    };
    let (mut session, _far) = connect();
    let client = session.local_addr().expect("an address");

    for interface in ["veth0", "any"] {
        let mut command = check(&cable.here, &["-i", interface, "--format", "json"]);
        let connection = format!("{} {} {} {}", client.ip(), client.port(), server.ip(), server.port());
        command.env("SSH_CONNECTION", connection).stdin(Stdio::null());
        let mut egret = Egret::start(&mut command);
        egret.wait_until_open();
        session.write_all(b"a line of a report").expect("a connection");
        let (mut other, _far) = connect();
        other.write_all(b"not a line of a report").expect("a connection");
        let port = other.local_addr().expect("an address").port();
        let report = egret.interrupt().report();
        let flows = report.0["flows"].as_array().expect("flows");
        let ports: Vec<_> = flows.iter().map(|flow| flow["origin"]["port"].as_u64()).collect();
        assert_eq!(ports, [Some(port.into())], "{interface}");
        let told = format!(
            "not captured: this session's own connection, 10.7.0.1 port {} to 10.7.0.3 port 22 (SSH_CONNECTION)",
            client.port()
        );
        assert!(report.says(&told), "{report:?}");
    }
}
