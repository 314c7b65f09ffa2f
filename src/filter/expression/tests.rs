//! What people type, and what they are told.

use super::*;
use crate::frame::Timestamp;

fn parse(typed: &str) -> Result<Expression, Error> {
    let hosts = |name: &str| -> Vec<IpAddr> {
        match name {
            "web" => vec!["10.0.0.1".parse().unwrap()],
            "both" => vec!["fd00::2".parse().unwrap(), "10.0.0.2".parse().unwrap()],
            _ => Vec::new(),
        }
    };
    Expression::parse(typed, &Names { known: &hosts, are_asked: false })
}

fn refused(typed: &str) -> String {
    parse(typed).expect_err(typed).to_string()
}

/// What the marks stand below.
fn marked(typed: &str) -> String {
    let shown = refused(typed);
    let lines: Vec<&str> = shown.lines().collect();
    let marks = lines[2];
    let (from, to) = (marks.find('^').expect(&shown), marks.rfind('^').unwrap() + 1);
    lines[1].get(from..to.min(lines[1].len())).unwrap_or_default().to_owned()
}

#[test]
fn words_are_joined_as_tcpdump_joins_them() {
    let typed = ["host", "10.0.0.1", "and", "port", "80"].map(str::to_owned);
    let expression = Expression::of_words(&typed, &Names::NONE).unwrap().unwrap();
    assert_eq!(expression.typed(), "host 10.0.0.1 and port 80");
    assert_eq!(Expression::of_words(&[], &Names::NONE).unwrap(), None);
}

#[test]
fn a_broken_grammar_is_shown_at_the_first_word_that_nothing_can_follow() {
    assert_eq!(marked("host 10.0.0.1 and and port 80"), "and");
    assert_eq!(marked("tcp port 80 )"), ")");
    assert_eq!(marked("prot tcp"), "prot");
    assert_eq!(marked("(tcp port (80 or 443) and [ip"), "[");
    assert_eq!(marked("tcp[13 & 2 != 0"), "!=");
    assert_eq!(marked("host 10.0.0.1 && port = 80"), "=");
    assert_eq!(
        refused("host 10.0.0.1 and and port 80"),
        "cannot compile the filter: syntax error\n  host 10.0.0.1 and and port 80\n                    ^^^\n\
         pcap-filter(7) has the grammar"
    );
}

#[test]
fn an_early_end_is_shown_behind_the_last_word() {
    for typed in ["host", "tcp and", "tcp port (80 or 443", "tcp[13] &"] {
        let shown = refused(typed);
        let marks = shown.lines().nth(2).unwrap();
        assert_eq!(marks, format!("  {}^", " ".repeat(typed.len())), "{shown}");
    }
}

#[test]
fn a_wrong_meaning_is_shown_at_the_word_that_libpcap_speaks_of() {
    assert_eq!(marked("tcp and port 65536 and host 10.0.0.1"), "65536");
    assert_eq!(marked("host 300.1.1.1 or tcp"), "300.1.1.1");
    assert_eq!(marked("tcp or port nosuchservice"), "nosuchservice");
    assert_eq!(marked("udp and net 10.0.0.0/33"), "33");
}

#[test]
fn what_is_wrong_with_the_whole_has_no_place() {
    let typed = "tcp and udp";
    let words = words(typed);
    let named = names::replace(typed, &words, &Names::NONE);
    assert_eq!(place::find(&named, "expression rejects all packets"), None);
}

#[test]
fn names_of_the_hosts_file_are_put_in_as_addresses() {
    assert_eq!(parse("host web").unwrap().without_names(), "host 10.0.0.1");
    assert_eq!(parse("host web").unwrap().typed(), "host web");
    assert_eq!(
        parse("not src both and tcp").unwrap().without_names(),
        "not src (10.0.0.2 or fd00::2) and tcp"
    );
    assert_eq!(parse("ip6 host both").unwrap().without_names(), "ip6 host fd00::2");
    assert_eq!(
        parse("host 10.0.0.9 or both").unwrap().without_names(),
        "host 10.0.0.9 or (10.0.0.2 or fd00::2)"
    );
    assert_eq!(
        parse("dst host (web or both)").unwrap().without_names(),
        "dst host (10.0.0.1 or (10.0.0.2 or fd00::2))"
    );
}

#[test]
fn a_name_that_no_file_knows_is_refused_and_never_looked_up() {
    for typed in [
        "host no-such-host.invalid",
        "host 10.0.0.1 or no-such-host.invalid",
        "src no-such-host.invalid and tcp",
        "tcp and (host 10.0.0.1 or (port 80 and dst no-such-host.invalid))",
        "port 80 or host no-such-host.invalid",
        "host \\no-such-host.invalid",
    ] {
        let shown = refused(typed);
        assert!(
            shown.starts_with("cannot compile the filter: unknown host 'no-such-host.invalid'\n"),
            "{shown}"
        );
        assert!(shown.contains("--resolve"), "{shown}");
    }
    assert_eq!(marked("tcp and host nowhere and port 80"), "nowhere");
    assert!(refused("net nowhere").contains("unknown network 'nowhere'"));
    assert!(refused("ether src nowhere").contains("unknown ether host 'nowhere'"));
    assert!(refused("gateway web").contains("'gateway' not supported"));
    assert!(refused("ip6 host web").contains("unknown host 'web'"), "it has no IPv6 address");
}

#[test]
fn services_and_protocols_are_left_to_libpcap() {
    for typed in [
        "port http",
        "tcp port http or https",
        "not port (domain or http)",
        "ip proto \\tcp",
        "ether proto \\ip",
    ] {
        assert_eq!(parse(typed).expect(typed).without_names(), typed);
    }
    assert!(parse("wlan type mgt subtype beacon").is_ok(), "valid for 802.11");
}

#[test]
fn other_mistakes_are_told_before_unknown_names() {
    assert!(refused("host nowhere and and").contains("syntax error"));
    assert!(refused("tcp host nowhere").contains("'tcp' modifier applied to host"));
}

#[test]
fn an_expression_that_some_link_type_has_is_valid_and_refused_for_others() {
    let inbound = parse("inbound and tcp").unwrap();
    assert!(inbound.program(LinkType::LINUX_SLL2).is_ok());
    let refused = inbound.program(LinkType::ETHERNET).unwrap_err().to_string();
    assert_eq!(
        refused,
        "cannot filter ETHERNET frames by `inbound and tcp`: inbound/outbound not supported on Ethernet when reading \
         savefiles"
    );
    assert!(inbound.check_live().is_ok());
    assert!(parse("fisu").unwrap().check_live().is_err(), "no interface has signalling units");
    let vlan = parse("vlan 100").unwrap();
    assert!(vlan.program(LinkType::ETHERNET).is_ok() && vlan.program(LinkType::RAW).is_err());
}

#[test]
fn an_address_that_was_left_short_is_warned_about() {
    let warned = |typed: &str| parse(typed).unwrap().warnings().join("; ");
    assert_eq!(warned("host 10.1.2"), "`10.1.2` is no host: it matches the network 10.1.2.0/24");
    assert_eq!(warned("tcp and not src 10.1"), "`10.1` is no host: it matches the network 10.1.0.0/16");
    assert_eq!(warned("host 10"), "`10` behind `host` is the address 0.0.0.10");
    for typed in [
        "host 10.1.2.3",
        "net 10.1",
        "src net 10.1",
        "port 80",
        "src port 80",
        "ip[8] = 64",
        "vlan 10",
        "less 100",
    ] {
        assert_eq!(warned(typed), "", "{typed}");
    }
}

#[test]
fn what_would_move_a_terminal_is_escaped_and_marked_where_it_stands() {
    let shown = refused("tcp \u{1b}[31m port 80");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    assert!(shown.contains("\\u{1b}"), "{shown}");
    assert_eq!(marked("tcp \u{1b} port 80"), "\\u{1b}");
}

#[test]
fn a_frame_is_asked_by_the_program_of_its_own_link_type() {
    let expression = parse("ip").unwrap();
    let matches = |link, bytes: &[u8]| {
        let (time, original) = (Timestamp::default(), bytes.len() as u32);
        expression.matches(&Frame { time, link, bytes, original })
    };
    let raw = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 10, 0, 0, 1];
    let ethernet = [&[0; 12][..], &[8, 0], &raw].concat();
    for _ in 0..2 {
        assert!(matches(LinkType::RAW, &raw));
        assert!(matches(LinkType::ETHERNET, &ethernet));
        assert!(!matches(LinkType::ETHERNET, &raw));
    }
}
