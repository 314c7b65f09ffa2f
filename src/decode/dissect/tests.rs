//! What holds of every dissection, and what those of well-known frames say.

use proptest::prelude::*;

use super::*;
use crate::decode::build::{
    GENEVE_OPTION, INIT, arp, echo, icmp, neighbour, samples, sctp, tcp, tcp_with, udp,
};
use crate::digest::protocol;

const POD: &str = "10.128.0.5";
const FAR: &str = "203.0.113.25";

fn of(bytes: &[u8]) -> Dissection {
    dissect(bytes, LinkType::ETHERNET, &Options::default())
}

/// `layer.field[.field]` with its value and, after a blank, its meaning in brackets.
fn told(dissection: &Dissection, path: &str) -> Option<String> {
    let mut names = path.split('.');
    let first = names.next()?;
    let layer = dissection.layers.iter().find(|layer| layer.name == first)?;
    let mut fields = &layer.fields;
    let mut found = None;
    for name in names {
        let field = fields.iter().find(|field| field.name == name)?;
        fields = &field.fields;
        found = Some(field);
    }
    let field = found?;
    let meaning = field.meaning.as_ref().map(|words| format!("[{words}]"));
    let parts = [Some(field.value.to_string()).filter(|value| !value.is_empty()), meaning];
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

fn says(dissection: &Dissection, path: &str, expected: &str) {
    assert_eq!(told(dissection, path).as_deref(), Some(expected), "{path} in {dissection:#?}");
}

/// Whether fields lie within `range`, and theirs within them; and how many there are.
fn count_sound(fields: &[Field], range: &Range<usize>) -> Option<usize> {
    let mut count = 0;
    for field in fields {
        let lies_within = range.start <= field.range.start
            && field.range.start <= field.range.end
            && field.range.end <= range.end;
        if !lies_within {
            return None;
        }
        count += 1 + count_sound(&field.fields, &field.range)?;
    }
    Some(count)
}

fn is_sound(dissection: &Dissection, length: usize) -> bool {
    let mut at = 0;
    let mut count = 0;
    for layer in &dissection.layers {
        if layer.range.start < at || layer.range.end < layer.range.start || layer.range.end > length {
            return false;
        }
        at = layer.range.end;
        match count_sound(&layer.fields, &layer.range) {
            Some(fields) => count += fields,
            None => return false,
        }
    }
    // A field a byte, some of a few bits, and groups around them.
    count <= 8 * length + 64 && dissection.stopped.is_none_or(|stop| stop.at <= length)
}

/// The layer and the fields, outermost first, that hold a byte of the frame. Where several fields share it, the first of the narrowest.
fn at(dissection: &Dissection, byte: usize) -> Option<(&LayerFields, Vec<&Field>)> {
    let layer = dissection.layers.iter().find(|layer| layer.range.contains(&byte))?;
    let (mut among, mut fields) = (&layer.fields, Vec::new());
    while let Some(field) =
        among.iter().filter(|field| field.range.contains(&byte)).min_by_key(|field| field.range.len())
    {
        fields.push(field);
        among = &field.fields;
    }
    Some((layer, fields))
}

#[test]
fn every_byte_of_a_sample_is_in_some_layer() {
    for (link, bytes) in samples() {
        let dissection = dissect(&bytes, link, &Options::default());
        assert!(is_sound(&dissection, bytes.len()), "{dissection:#?}");
        for byte in 0..bytes.len() {
            assert!(at(&dissection, byte).is_some(), "{link} byte {byte} of {dissection:#?}");
        }
    }
}

#[test]
fn a_byte_leads_to_the_innermost_field_that_holds_it() {
    let options = [2, 4, 5, 0xb4, 1, 3, 3, 7];
    let dissection = of(&tcp_with(40001, 443, &options, 0).in4(POD, FAR).ethernet());
    let (layer, fields) = at(&dissection, 14 + 20 + 20 + 2).expect("the value of an option");
    let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
    assert_eq!((layer.name, names), ("tcp", vec!["options", "maximum segment size", "bytes"]));
    assert_eq!(at(&dissection, 1000), None);
}

#[test]
fn the_options_of_tcp_are_told_one_by_one() {
    let options = [
        &[2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 42, 0, 0, 0, 7, 1, 3, 3, 7][..],
        &[1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9, 34, 6, 1, 2, 3, 4, 0, 0],
    ]
    .concat();
    let dissection = of(&tcp_with(40001, 443, &options, 0).in4(POD, FAR).ethernet());
    says(&dissection, "tcp.flags", "SYN, ACK");
    says(&dissection, "tcp.options.maximum segment size.bytes", "1460");
    says(&dissection, "tcp.options.window scale.shift", "7 [windows count 128 times]");
    says(&dissection, "tcp.options.timestamps.value", "42");
    says(&dissection, "tcp.options.timestamps.echo reply", "7");
    says(&dissection, "tcp.options.SACK.block.to", "9");
    says(&dissection, "tcp.options.fast open.cookie", "01020304");
}

#[test]
fn a_tunnel_shows_outer_and_inner_headers() {
    let inner = || tcp(40001, 443, 30).in4(POD, FAR);
    let nodes = ("192.168.12.12", "192.168.12.11");
    let vxlan = of(&inner().vxlan(4789, 9_059_409).in4(nodes.0, nodes.1).ethernet());
    let names: Vec<&str> = vxlan.layers.iter().map(|layer| layer.name).collect();
    assert_eq!(names, ["ethernet", "ipv4", "udp", "vxlan", "ethernet", "ipv4", "tcp", "data"]);
    says(&vxlan, "vxlan.vni", "9059409 [OpenShift SDN: the NetID of the sender's namespace]");
    let geneve = of(&inner().geneve(6081, 5, &GENEVE_OPTION, true).in4(nodes.0, nodes.1).ethernet());
    says(&geneve, "geneve.option.class", "0x0102 [OVN]");
    says(&geneve, "geneve.option.egress port", "2 [logical port or group that it goes to]");
}

#[test]
fn checksums_are_judged_where_all_that_they_cover_is_there() {
    let mut frame = udp(40001, 9999, b"payload!").in4(POD, FAR).ethernet();
    says(&of(&frame), "udp.checksum", "0x0000 [none was sent]");
    frame[40..42].copy_from_slice(&[0x12, 0x34]);
    let told_of = |frame: &[u8]| told(&of(frame), "udp.checksum").unwrap_or_default();
    let wrong = told_of(&frame);
    assert!(wrong.contains("expected; on the machine that sends it"), "{wrong}");
    let right = u16::from_str_radix(&wrong[10..14], 16).expect("four digits");
    frame[40..42].copy_from_slice(&right.to_be_bytes());
    assert!(told_of(&frame).ends_with("[right]"), "{}", told_of(&frame));
    assert_eq!(told_of(&frame[..frame.len() - 1]), format!("0x{right:04x}"));
}

#[test]
fn errors_say_what_they_mean_and_quote() {
    let quote = udp(40001, 53, b"").in4(POD, FAR).wire;
    let dissection = of(&icmp(protocol::ICMP, 3, &quote).in4("192.168.12.1", POD).ethernet());
    says(&dissection, "icmp.type", "3 [destination unreachable]");
    says(&dissection, "icmp.code", "1 [host unreachable]");
    assert_eq!(dissection.layers.iter().filter(|layer| layer.name == "ipv4").count(), 2);
    says(&of(&echo(protocol::ICMP, 8, b"ping").in4(POD, FAR).ethernet()), "icmp.id", "7");
}

#[test]
fn who_asks_for_whom_is_told() {
    let asked = of(&arp(1, POD, "10.128.0.1").ethernet());
    says(&asked, "arp.operation", "1 [request: who has the target?]");
    says(&asked, "arp.target", "10.128.0.1");
    let announced = of(&arp(1, POD, POD).ethernet());
    says(&announced, "arp.operation", "1 [request for its own address: an announcement]");
    let advertised = of(&neighbour(136, "fd00::5").in6("fd00::5", "ff02::1").ethernet());
    says(&advertised, "icmpv6.target", "fd00::5");
}

#[test]
fn chunks_of_sctp_are_told() {
    let dissection = of(&sctp(2905, 36412, &INIT).in4(POD, FAR).ethernet());
    says(&dissection, "sctp.INIT.initiate tag", "0x00000005");
    says(&dissection, "sctp.INIT.outbound streams", "1");
}

/// A segment from a client that carries `payload`.
fn segment(payload: &[u8]) -> Vec<u8> {
    let mut frame = tcp(40001, 443, payload.len()).in4(POD, FAR).ethernet();
    let at = frame.len() - payload.len();
    frame[at..].copy_from_slice(payload);
    frame
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &(content.len() as u16).to_be_bytes(), content].concat()
}

fn client_hello() -> Vec<u8> {
    let name = b"api.partner.example";
    let length = name.len() as u16;
    let server_name =
        [&(length + 3).to_be_bytes()[..], &[0], &length.to_be_bytes(), name.as_slice()].concat();
    let extensions =
        [extension(0, &server_name), extension(16, b"\0\x03\x02h2"), extension(43, &[4, 3, 4, 3, 3])]
            .concat();
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 4, 0x13, 0x02, 0xc0, 0x2f, 1, 0]);
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    let message = [&[1, 0][..], &(hello.len() as u16).to_be_bytes(), &hello].concat();
    [&[22, 3, 1][..], &(message.len() as u16).to_be_bytes(), &message].concat()
}

#[test]
fn a_clients_hello_tells_name_protocols_and_versions() {
    let dissection = of(&segment(&client_hello()));
    let hello = "tls.record.client hello";
    says(&dissection, &format!("{hello}.cipher suites"), "[2 offered]");
    says(&dissection, &format!("{hello}.extensions.server name.name"), "api.partner.example");
    says(&dissection, &format!("{hello}.extensions.application protocols.protocol"), "h2");
    says(&dissection, &format!("{hello}.extensions.supported versions.version"), "0x0304 [TLS 1.3]");
}

#[test]
fn a_request_and_an_answer_of_http_are_told() {
    let request = of(&segment(b"GET /orders HTTP/1.1\r\nHost: api.example\r\nX-Evil: \x1b[31m\r\n\r\nbody"));
    says(&request, "http.request line.target", "/orders");
    says(&request, "http.header field.value", "api.example");
    assert!(format!("{request:?}").contains("\\u{1b}[31m"));
    assert_eq!(request.layers.last().map(|layer| (layer.name, layer.range.len())), Some(("data", 4)));
    let answer = of(&segment(b"HTTP/1.1 503 Service Unavailable\r\nServer: x\r\n\r\n"));
    says(&answer, "http.status line.status", "503");
    says(&answer, "http.status line.reason", "Service Unavailable");
}

#[test]
fn questions_and_answers_of_dns_are_told() {
    let answer = b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0\x03api\x07example\0\0\x01\0\x01\
                   \xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xcb\0\x71\x19";
    let dissection = of(&udp(53, 40001, answer).in4(FAR, POD).ethernet());
    says(&dissection, "dns.flags", "recursion desired, recursion available");
    says(&dissection, "dns.code", "0 [no error]");
    says(&dissection, "dns.question", "[api.example]");
    says(&dissection, "dns.answer.name", "api.example");
    says(&dissection, "dns.answer.address", "203.0.113.25");
}

proptest! {
    #[test]
    fn any_bytes_have_sound_dissections(bytes in proptest::collection::vec(any::<u8>(), 0..300), link in 0_u16..300) {
        let dissection = dissect(&bytes, LinkType(link), &Options::default());
        prop_assert!(is_sound(&dissection, bytes.len()), "{dissection:?}");
    }

    #[test]
    fn a_damaged_frame_has_a_sound_dissection(
        sample in any::<prop::sample::Index>(),
        payload in proptest::collection::vec(any::<u8>(), 0..80),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        length in any::<prop::sample::Index>(),
    ) {
        let mut samples = samples();
        samples.push((LinkType::ETHERNET, segment(&client_hello())));
        samples.push((LinkType::ETHERNET, segment(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")));
        samples.push((LinkType::ETHERNET, udp(53, 53, b"\0\0\0\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01").in4(FAR, POD).ethernet()));
        samples.push((LinkType::ETHERNET, udp(53, 53, &payload).in4(FAR, POD).ethernet()));
        samples.push((LinkType::ETHERNET, sctp(1, 2, &payload).in4(FAR, POD).ethernet()));
        let (link, mut bytes) = sample.get(&samples).clone();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(length.index(bytes.len()) + 1);
        let dissection = dissect(&bytes, link, &Options::default());
        prop_assert!(is_sound(&dissection, bytes.len()), "{dissection:?}");
        prop_assert_eq!(&dissection, &dissect(&bytes, link, &Options::default()));
    }
}
