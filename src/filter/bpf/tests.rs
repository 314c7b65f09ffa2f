//! Programs of libpcap's making, on frames small enough to write down.

use super::*;

/// An Ethernet header for IPv4, an IPv4 header without options, and UDP from port 53 to port 4242, to 10.0.0.1.
const DNS_REPLY: [u8; 42] = [
    0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 1, 8, 0, //
    0x45, 0, 0, 100, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 10, 0, 0, 1, //
    0, 53, 0x10, 0x92, 0, 80, 0, 0,
];

fn matches(expression: &str, bytes: &[u8], original: u32) -> bool {
    let program = Program::compile(expression, LinkType::ETHERNET).expect(expression);
    program.matches(bytes, original)
}

#[test]
fn a_frame_matches_what_it_is() {
    for expression in ["", "udp", "src port 53", "dst host 10.0.0.1 and port domain", "ip[8] = 64", "not tcp"]
    {
        assert!(matches(expression, &DNS_REPLY, 114), "{expression}");
    }
    for expression in ["tcp", "dst port 53", "host 10.0.0.2", "ip6", "arp"] {
        assert!(!matches(expression, &DNS_REPLY, 114), "{expression}");
    }
}

#[test]
fn lengths_are_those_of_the_frame_however_short_it_was_cut() {
    assert!(matches("greater 114 and less 114 and len = 114", &DNS_REPLY, 114));
    assert!(!matches("less 42", &DNS_REPLY, 114));
    assert!(!matches("src port 53", &DNS_REPLY[..35], 114), "the port was cut");
}

#[test]
fn a_refusal_has_libpcaps_own_words() {
    let refused = |expression, link| Program::compile(expression, link).unwrap_err().to_string();
    assert_eq!(refused("host and", LinkType::ETHERNET), "syntax error");
    assert_eq!(refused("port 65536", LinkType::ETHERNET), "illegal port number 65536 > 65535");
    assert!(refused("vlan", LinkType::RAW).starts_with("no VLAN support for"));
}

#[test]
fn what_a_savefile_cannot_tell_is_refused_as_for_one() {
    let refused = |expression| Program::compile(expression, LinkType::ETHERNET).unwrap_err().to_string();
    assert_eq!(refused("inbound"), "inbound/outbound not supported on Ethernet when reading savefiles");
    assert_eq!(refused("ifindex 2"), "ifindex not supported on Ethernet when reading savefiles");
    assert!(Program::compile("inbound", LinkType::LINUX_SLL2).is_ok());
    assert!(Program::compile("ether[-4092:2] = 3", LinkType::ETHERNET).is_ok(), "an offset like another");
}

#[test]
fn a_loopback_header_is_read_in_the_order_of_whoever_wrote_it() {
    let ip = Program::compile("ip", LinkType::NULL).unwrap();
    let frame = |family: [u8; 4]| [&family[..], &DNS_REPLY[14..]].concat();
    assert!(ip.matches(&frame([2, 0, 0, 0]), 32));
    assert!(ip.matches(&frame([0, 0, 0, 2]), 32));
    assert!(!ip.matches(&frame([0, 0, 0, 30]), 32));
    let ip6 = Program::compile("ip6", LinkType::NULL).unwrap();
    assert!(ip6.matches(&frame([0, 0, 0, 30]), 32) && ip6.matches(&frame([24, 0, 0, 0]), 32));
}

#[test]
fn a_listing_is_the_one_that_tcpdump_prints() {
    let program = Program::compile("tcp port 80 and ip[6:2]&0x1fff=0", LinkType::LINUX_SLL2).unwrap();
    let expected = "\
(000) ldh      [0]
(001) jeq      #0x86dd          jt 15\tjf 2
(002) jeq      #0x800           jt 3\tjf 15
(003) ldb      [29]
(004) jeq      #0x6             jt 5\tjf 15
(005) ldh      [26]
(006) jset     #0x1fff          jt 15\tjf 7
(007) ldxb     4*([20]&0xf)
(008) ldh      [x + 20]
(009) jeq      #0x50            jt 12\tjf 10
(010) ldh      [x + 22]
(011) jeq      #0x50            jt 12\tjf 15
(012) ldh      [26]
(013) jset     #0x1fff          jt 15\tjf 14
(014) ret      #128
(015) ret      #0";
    assert_eq!(program.listing(128), expected);
}

mod judged_by_libpcap;
