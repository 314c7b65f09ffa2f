//! What destinations are called, and which flows a proxy took apart.

use crate::scene::{Flow, MS, Run, Scene, bridge, device, eth0, into_eth0, to_router, veth};

const EXPECT: &str = "--expect 192.168.12.99";

fn flow<'a>(scene: &'a mut Scene, client: &str, server: &str) -> Flow<'a> {
    let port = client.rsplit(':').next().expect("a port");
    let udp = server.ends_with(":53");
    let flow = if udp { scene.udp(client, server) } else { scene.tcp(client, server) };
    flow.at(veth("node1"))
        .at(bridge("node1"))
        .routed()
        .snat(&format!("192.168.12.99:{port}"))
        .at(eth0("node1"))
}

fn name(run: &Run, port: u16) -> Option<String> {
    run.row(port).destination_name.as_ref().map(ToString::to_string)
}

fn host(name: &str) -> Vec<u8> {
    format!("GET /orders HTTP/1.1\r\nHost: {name}\r\n\r\n").into_bytes()
}

/// A hello with a server name and nothing else.
fn hello(name: &str) -> Vec<u8> {
    let sized = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes(), bytes].concat();
    let entry = [&[0], sized(name.as_bytes()).as_slice()].concat();
    let extension = [&[0, 0], sized(&sized(&entry)).as_slice()].concat();
    let body = [&[3; 34], [0, 0, 2, 0x13, 1, 1, 0].as_slice(), &sized(&extension)].concat();
    let message = [&[1, 0], sized(&body).as_slice()].concat();
    [&[22, 3, 1], sized(&message).as_slice()].concat()
}

fn question(id: u16, name: &str) -> Vec<u8> {
    dns(id, 0x0100, name, &[])
}

/// The answer that a name is at an address, by a pointer to the question.
fn answer(id: u16, name: &str, address: [u8; 4]) -> Vec<u8> {
    let record = [&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4], address.as_slice()].concat();
    dns(id, 0x8180, name, &record)
}

fn dns(id: u16, flags: u16, name: &str, record: &[u8]) -> Vec<u8> {
    let count = u8::from(!record.is_empty());
    let labels = name.split('.').flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat());
    let head = [id.to_be_bytes(), flags.to_be_bytes(), [0, 1], [0, count], [0, 0], [0, 0]].concat();
    [head, labels.collect(), vec![0, 0, 1, 0, 1], record.to_vec()].concat()
}

const PARTNER: [u8; 4] = [203, 0, 113, 25];

/// A pod asks for a name and turns to the address, and says so much to it.
fn asked_then(said: &[u8], options: &str) -> Run {
    let mut scene = Scene::new();
    flow(&mut scene, "10.128.0.5:53001", "198.51.100.53:53")
        .says(&question(7, "dns.partner.example"))
        .hears(&answer(7, "dns.partner.example", PARTNER));
    let flow = flow(&mut scene, "10.128.0.5:40001", "203.0.113.25:443").time(50).handshake();
    if said.is_empty() {
        flow.close()
    } else {
        flow.says(said).close()
    };
    scene.check(&format!("{EXPECT} --named 203.0.113.25=hosts.partner.example {options}"))
}

#[test]
fn a_destination_is_called_what_its_client_asked_for() {
    let run = asked_then(&hello("sni.partner.example"), "");
    assert_eq!(name(&run, 40001).as_deref(), Some("sni.partner.example"));
    assert_eq!(run.reason(40001), "expected-source");
    assert_eq!(
        name(&asked_then(&host("web.partner.example"), ""), 40001).as_deref(),
        Some("web.partner.example")
    );
}

#[test]
fn else_what_dns_told_before_else_what_a_hosts_file_says() {
    assert_eq!(name(&asked_then(b"", ""), 40001).as_deref(), Some("dns.partner.example"));
    let mut scene = Scene::new();
    flow(&mut scene, "10.128.0.5:40001", "203.0.113.25:443").handshake().close();
    let options = format!("{EXPECT} --named 203.0.113.25=hosts.partner.example");
    assert_eq!(name(&scene.check(&options), 40001).as_deref(), Some("hosts.partner.example"));
}

#[test]
fn an_answer_names_nothing_that_came_before_it() {
    let mut scene = Scene::new();
    flow(&mut scene, "10.128.0.5:40001", "203.0.113.25:443").handshake().close();
    flow(&mut scene, "10.128.0.5:53001", "198.51.100.53:53")
        .time(50)
        .says(&question(7, "dns.partner.example"))
        .hears(&answer(7, "dns.partner.example", PARTNER));
    assert_eq!(name(&scene.check(EXPECT), 40001), None);
}

#[test]
fn who_asked_for_numbers_gets_no_names() {
    assert_eq!(name(&asked_then(&hello("sni.partner.example"), "-n"), 40001), None);
}

#[test]
fn a_hello_in_two_segments_is_heard_at_the_uplink_alone_too() {
    let hello = hello("sni.partner.example");
    let (first, second) = hello.split_at(30);
    let mut scene = Scene::new();
    flow(&mut scene, "10.128.0.5:40001", "203.0.113.25:443")
        .hide(0)
        .hide(1)
        .handshake()
        .says(first)
        .says(second);
    assert_eq!(name(&scene.check(EXPECT), 40001).as_deref(), Some("sni.partner.example"));
}

#[test]
fn what_needs_a_word_is_told_with_the_name() {
    let mut scene = Scene::new();
    flow(&mut scene, "10.128.0.5:40001", "203.0.113.25:443").syn().wait(1000).syn_again();
    scene.neighbour("node1");
    let run = scene.check(&format!("{EXPECT} --named 203.0.113.25=api.partner.example"));
    let step = run.row(40001).next_step.clone().expect("a next step");
    assert!(step.contains("may reach api.partner.example (203.0.113.25:443)"), "{step}");
}

/// A pod's request to a router pod, and what that makes of it, so many ms later: (client, client's port, …).
fn proxied(scene: &mut Scene, client: &str, at: i64, request: &[u8], onward: (u16, &[u8], i64)) {
    scene
        .tcp(client, "10.128.0.9:8080")
        .at(veth("node1"))
        .at(to_router("node1"))
        .time(at)
        .handshake()
        .says(request);
    let (port, said, later) = onward;
    scene
        .tcp(&format!("10.128.0.9:{port}"), "203.0.113.25:443")
        .at(device("node1", 8, 3, 4))
        .at(bridge("node1"))
        .routed()
        .snat(&format!("192.168.12.99:{port}"))
        .at(eth0("node1"))
        .time(at + later)
        .handshake()
        .says(said);
}

/// The link of the flow with this port: the port of the other, and why.
fn link(run: &Run, port: u16) -> Option<(u16, Vec<&'static str>)> {
    let link = run.row(port).link.as_ref()?;
    let other = run.snapshot.rows.iter().find(|row| row.id == link.flow).expect("a flow of the run");
    assert_eq!(link.confidence.name(), "probable");
    Some((other.origin?.port, link.because.clone()))
}

#[test]
fn what_a_proxy_passes_on_as_it_is_links_its_two_flows() {
    let mut scene = Scene::new();
    let said = b"a request of the partner's own protocol";
    proxied(&mut scene, "10.128.0.5:40001", 10, said, (50001, said, 20));
    let run = scene.check(EXPECT);
    assert_eq!(link(&run, 40001), Some((50001, vec!["same payload"])));
    assert_eq!(link(&run, 50001), Some((40001, vec!["same payload"])));
    assert_eq!(run.reason(40001), "cluster-internal");
    assert_eq!(run.reason(50001), "expected-source");
}

/// The bridge routes to itself: it shows an answer as it comes in from the proxy, and as it goes out from the Service.
#[test]
fn datagrams_through_a_service_to_a_proxy_are_linked_with_what_it_passes_on() {
    let mut scene = Scene::new();
    let said = b"a question of the partner's own protocol";
    let client = scene.udp("10.128.0.5:40001", "172.30.0.9:5353").at(veth("node1")).at(bridge("node1"));
    let client = client.dnat("10.128.0.9:5353").at(device("node1", 5, 4, 0)).at(to_router("node1")).time(10);
    client.says(said).wait(30).hears(b"an answer of the partner's");
    let onward = scene.udp("10.128.0.9:50001", "203.0.113.25:5353").at(device("node1", 8, 3, 4));
    let onward = onward.at(bridge("node1")).routed().snat("192.168.12.99:50001").at(eth0("node1"));
    onward.time(20).says(said).hears(b"an answer of the partner's");
    let run = scene.check(&format!("{EXPECT} --inside 172.30.0.0/16"));
    assert_eq!(link(&run, 40001), Some((50001, vec!["same payload"])));
    assert_eq!(link(&run, 50001), Some((40001, vec!["same payload"])));
    assert_eq!(run.reason(40001), "cluster-internal");
    assert_eq!(run.reason(50001), "expected-source");
}

#[test]
fn a_request_that_was_rewritten_is_linked_by_its_name() {
    let mut scene = Scene::new();
    let absolute = b"GET http://api.partner.example/orders HTTP/1.1\r\n\r\n";
    proxied(&mut scene, "10.128.0.5:40001", 10, absolute, (50001, &host("api.partner.example"), 20));
    let connect = b"CONNECT web.partner.example:443 HTTP/1.1\r\n\r\n";
    proxied(&mut scene, "10.128.0.6:40002", 10, connect, (50002, &hello("web.partner.example"), 20));
    let run = scene.check(EXPECT);
    assert_eq!(link(&run, 40001), Some((50001, vec!["same name"])));
    assert_eq!(link(&run, 50002), Some((40002, vec!["same name"])));
    assert_eq!(name(&run, 40001), None, "the proxy's address has no name of its own");
}

#[test]
fn where_several_flows_fit_none_is_linked() {
    let mut scene = Scene::new();
    let said = b"the same words from everybody";
    proxied(&mut scene, "10.128.0.5:40001", 10, said, (50001, said, 20));
    proxied(&mut scene, "10.128.0.6:40002", 15, said, (50002, said, 20));
    let run = scene.check(EXPECT);
    assert!([40001, 40002, 50001, 50002].iter().all(|port| link(&run, *port).is_none()));
}

#[test]
fn what_came_before_or_much_later_is_not_linked() {
    for later in [-5, 2_100] {
        let mut scene = Scene::new();
        let said = b"a request of the partner's own protocol";
        proxied(&mut scene, "10.128.0.5:40001", 10, said, (50001, said, later));
        assert_eq!(link(&scene.check(EXPECT), 40001), None, "{later} ms later");
    }
}

#[test]
fn another_pod_that_says_the_same_outside_is_no_proxy() {
    let mut scene = Scene::new();
    let said = host("api.partner.example");
    scene.tcp("10.128.0.5:40001", "10.128.0.9:8080").at(veth("node1")).time(10).handshake().says(&said);
    flow(&mut scene, "10.128.0.7:50001", "203.0.113.25:443").time(30).handshake().says(&said);
    let run = scene.check(EXPECT);
    assert_eq!((link(&run, 40001), link(&run, 50001)), (None, None));
}

#[test]
fn a_resolvers_question_is_linked_to_the_one_it_was_asked() {
    let mut scene = Scene::new();
    let name = "api.partner.example";
    scene.udp("10.128.0.5:53001", "10.128.0.9:53").at(veth("node1")).time(10).says(&question(1, name));
    flow(&mut scene, "10.128.0.9:53002", "198.51.100.53:53").time(12).says(&question(2, name));
    assert_eq!(link(&scene.check(EXPECT), 53001), Some((53002, vec!["same name"])));
}

#[test]
fn clocks_of_two_machines_link_nothing() {
    let mut scene = Scene::new();
    let said = b"a request of the partner's own protocol";
    scene.tcp("10.128.0.5:40001", "10.128.0.9:8080").at(veth("node1")).time(10).handshake().says(said);
    scene.clock_ahead(into_eth0("node2"), 5 * MS);
    scene.tcp("10.128.0.9:50001", "203.0.113.25:443").at(eth0("node2")).time(20).handshake().says(said);
    assert_eq!(link(&scene.check(EXPECT), 40001), None);
}
