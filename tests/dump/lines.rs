//! Lines of single packets. tcpdump 4.99 prints the same where nothing else is said.

use crate::capture::{Capture, datagram_to, in_ip, segment};
use crate::given;

/// The lines of these frames, without time.
fn lines(frames: &[&[u8]], words: &[&str]) -> Vec<String> {
    let (printed, said, code) = given(&Capture::with(frames).bytes(), &[&["-nt"], words].concat());
    assert_eq!((said.as_str(), code), ("", Some(0)));
    printed.lines().map(str::to_owned).collect()
}

/// What its line says behind the addresses.
fn told(frame: &[u8]) -> String {
    let line = lines(&[frame], &[]).concat();
    line.split_once(": ").map_or(line.clone(), |(_, told)| told.to_owned())
}

/// A DNS message: its flags, the number of records of each kind, and what follows the header.
fn dns(flags: u16, counts: [u16; 4], rest: &[&[u8]]) -> Vec<u8> {
    let words = [&[0x1234, flags][..], &counts].concat();
    [words.iter().flat_map(|word| word.to_be_bytes()).collect(), rest.concat()].concat()
}

const NAME: &[u8] = b"\x03api\x07example\x00";
const A: &[u8] = &[0, 1, 0, 1];
const OPT: &[u8] = &[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];

#[test]
fn a_question_tells_of_records_that_questions_mostly_have_not() {
    let asked = |counts, rest: &[&[u8]]| told(&datagram_to(4000, 53, &dns(0x0110, counts, rest)));
    assert_eq!(asked([1, 0, 0, 0], &[NAME, A]), "4660+% A? api.example. (29)");
    assert_eq!(asked([1, 0, 0, 1], &[NAME, A, OPT]), "4660+% [1au] A? api.example. (40)");
}

/// tcpdump leaves the question out where there is no answer, too.
#[test]
fn what_went_wrong_stands_before_the_flags_of_an_answer() {
    let answer = |flags| told(&datagram_to(53, 4000, &dns(flags, [1, 0, 0, 0], &[NAME, A])));
    assert_eq!(answer(0x8583), "4660 NXDomain* q: A? api.example. 0/0/0 (29)");
    assert_eq!(answer(0x8125), "4660 Refused-$ q: A? api.example. 0/0/0 (29)");
    assert_eq!(answer(0x818b), "4660 Resp11 q: A? api.example. 0/0/0 (29)");
}

#[test]
fn answers_tell_of_services_mail_and_text() {
    let answer = |kind: u8, data: &[u8]| {
        let record = [&[0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 9, 0, data.len() as u8], data].concat();
        let question = [0, kind, 0, 1];
        told(&datagram_to(53, 4000, &dns(0x8180, [1, 1, 0, 0], &[NAME, &question, &record])))
    };
    assert_eq!(answer(33, &[0, 1, 0, 2, 1, 187, 0xc0, 12]), "4660 1/0/0 SRV api.example.:443 1 2 (49)");
    assert_eq!(answer(15, &[0, 7, 0xc0, 12]), "4660 1/0/0 MX api.example. 7 (45)");
    assert_eq!(answer(16, b"\x04v=\x1b1"), "4660 1/0/0 TXT \"v=\\u{1b}1\" (46)");
    assert_eq!(answer(16, b"\xff"), "4660 1/0/0 TXT \"\" (42)");
}

/// Where answers begin behind several questions is not looked for.
#[test]
fn several_questions_are_counted() {
    let message =
        dns(0x8180, [2, 1, 0, 0], &[NAME, A, NAME, A, &[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4]]);
    assert_eq!(told(&datagram_to(53, 4000, &message)), "4660 [2q] 1/0/0 (62)");
}

#[test]
fn a_redirect_says_whose_packets_should_go_where() {
    let quoted = &in_ip(17, &[0, 9, 0, 9, 0, 8, 0, 0])[14..];
    let redirect = |code| told(&in_ip(1, &[&[5, code, 0, 0, 192, 168, 12, 1], quoted].concat()));
    assert_eq!(redirect(1), "ICMP redirect 203.0.113.25 to host 192.168.12.1, length 36");
    assert_eq!(redirect(0), "ICMP redirect 203.0.113.25 to net 192.168.12.1, length 36");
    let problem = told(&in_ip(1, &[&[12, 0, 0, 0, 20, 0, 0, 0], quoted].concat()));
    assert_eq!(problem, "ICMP parameter problem - octet 20, length 36");
}

#[test]
fn bytes_that_never_were_there_are_missed() {
    let mut frame = segment(4000, 443, 0x10, b"payload");
    frame.truncate(frame.len() - 3);
    let line = lines(&[&frame], &[]).concat();
    assert!(
        line.starts_with("IP truncated-ip - 3 bytes missing! 10.128.0.5.4000 > 203.0.113.25.443: "),
        "{line}"
    );
}

#[test]
fn blocks_that_arrived_count_from_where_acknowledgements_do() {
    let with_sack = |ack: u32, left: u32| {
        let mut header = [4000_u16.to_be_bytes(), 443_u16.to_be_bytes()].concat();
        header.extend([0, 0, 0, 9]);
        header.extend(ack.to_be_bytes());
        header.extend([0x80, 0x10, 1, 0, 0, 0, 0, 0, 1, 1, 5, 10]);
        header.extend([left, left + 10].iter().flat_map(|edge| edge.to_be_bytes()));
        in_ip(6, &header)
    };
    let frames = [with_sack(1_000, 2_000), with_sack(1_100, 2_000)];
    let shown = |words: &[&str]| lines(&[&frames[0], &frames[1]], words)[1].clone();
    assert!(
        shown(&[]).contains(", ack 101, win 256, options [nop,nop,sack 1 {1001:1011}]"),
        "{}",
        shown(&[])
    );
    assert!(shown(&["-S"]).contains(", ack 1100, win 256, options [nop,nop,sack 1 {2000:2010}]"));
}

/// tcpdump tells of tunnels in other words.
#[test]
fn each_tunnel_of_several_ends_at_a_bar() {
    let inner = &in_ip(17, &[0, 9, 0, 9, 0, 8, 0, 0])[14..];
    let within = [&[0, 0, 8, 0], inner].concat();
    let outer = in_ip(47, &[&[0, 0, 8, 0], &in_ip(47, &within)[14..]].concat());
    let pair = "IP 10.128.0.5 > 203.0.113.25: GRE | ";
    assert_eq!(
        lines(&[&outer], &[]).concat(),
        format!("{pair}{pair}IP 10.128.0.5.9 > 203.0.113.25.9: UDP, length 0")
    );
}

#[test]
fn bytes_begin_behind_logical_link_control() {
    let frame =
        [&[1, 0x80, 0xc2, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 7][..], &[0x42, 0x42, 3, 0xde, 0xad, 0xbe, 0xef]]
            .concat();
    assert_eq!(lines(&[&frame], &["-x"])[1], "\t0x0000:  dead beef");
    assert!(lines(&[&frame], &["-xx"])[1].ends_with("0007 4242"), "{:?}", lines(&[&frame], &["-xx"]));
}
