use super::*;
use crate::filter::address;
use crate::filter::composition::Tuple;
use crate::net::Endpoint;

fn end(typed: &str) -> Endpoint {
    let (address, port) = typed.rsplit_once(':').expect("address:port");
    Endpoint { address: address::address(address).unwrap(), port: port.parse().unwrap() }
}

fn tcp(source: &str, destination: &str) -> Tuple {
    Tuple { source: end(source), destination: end(destination), protocol: 6 }
}

fn of(terms: &[(&str, &str)]) -> Selection {
    let mut selection = Selection::default();
    for (key, values) in terms {
        selection.add(key, values).unwrap();
    }
    selection
}

/// A pod's flow to a Service that an egress router forwards outside: all addresses change on the way.
fn rewritten() -> [Tuple; 2] {
    [tcp("10.128.0.5:40001", "172.30.99.10:8443"), tcp("192.168.12.99:50001", "203.0.113.25:443")]
}

#[test]
fn a_flow_is_selected_by_its_source_before_and_its_destination_after_nat() {
    assert!(of(&[("src", "10.128.0.5"), ("dst", "203.0.113.0/24")]).composition().matches(&rewritten(), 0));
    assert!(of(&[("src", "192.168.12.99"), ("dst_port", "8443")]).composition().matches(&rewritten(), 0));
    assert!(!of(&[("dst", "10.128.0.5")]).composition().matches(&rewritten(), 0));
}

#[test]
fn values_of_one_option_are_or_and_options_are_and() {
    assert!(of(&[("port", "53,443"), ("proto", "udp,tcp")]).composition().matches(&rewritten(), 0));
    assert!(!of(&[("port", "53"), ("proto", "tcp")]).composition().matches(&rewritten(), 0));
    assert!(of(&[("host", "203.0.113.25"), ("net", "10.128.0.0/14")]).composition().matches(&rewritten(), 0));
    assert!(
        !of(&[("host", "203.0.113.25"), ("net", "10.132.0.0/14")]).composition().matches(&rewritten(), 0)
    );
}

#[test]
fn a_not_form_excludes_a_flow_of_which_any_tuple_meets_it() {
    assert!(!of(&[("not_src", "192.168.12.99")]).composition().matches(&rewritten(), 0));
    assert!(!of(&[("src", "10.128.0.5"), ("not_dst_port", "443")]).composition().matches(&rewritten(), 0));
    assert!(of(&[("not_host", "10.128.0.6"), ("not_proto", "udp")]).composition().matches(&rewritten(), 0));
}

#[test]
fn nothing_said_selects_every_flow() {
    assert!(Selection::default().is_empty());
    assert!(Selection::default().composition().matches(&rewritten(), 0));
    assert!(Selection::default().covers_destination(end("203.0.113.25:443"), None, 6));
}

#[test]
fn a_destination_is_covered_where_it_went_first_or_on_the_wire() {
    let (first, wire) = (end("172.30.99.10:8443"), end("203.0.113.25:443"));
    let partner = of(&[("dst", "203.0.113.0/24"), ("dst_port", "443")]);
    assert!(partner.covers_destination(first, Some(wire), 6));
    assert!(!partner.covers_destination(first, None, 6));
    assert!(of(&[("host", "172.30.0.0/16"), ("port", "8443")]).covers_destination(first, Some(wire), 6));
}

#[test]
fn one_destination_must_meet_all_that_is_said() {
    let mixed = of(&[("dst", "203.0.113.0/24"), ("dst_port", "8443")]);
    assert!(!mixed.covers_destination(end("172.30.99.10:8443"), Some(end("203.0.113.25:443")), 6));
}

#[test]
fn a_destination_excluded_on_the_wire_is_not_covered_by_where_it_went_first() {
    let elsewhere = of(&[("not_dst", "203.0.113.0/24")]);
    assert!(!elsewhere.covers_destination(end("172.30.99.10:8443"), Some(end("203.0.113.25:443")), 6));
    assert!(elsewhere.covers_destination(end("198.51.100.1:443"), None, 6));
}

#[test]
fn a_term_about_sources_covers_no_destination_and_can_be_named() {
    let odd = of(&[("dst", "203.0.113.25"), ("src_port", "443")]);
    assert_eq!(odd.source_term(), Some("src_port"));
    assert!(!odd.covers_destination(end("203.0.113.25:443"), None, 6));
}

#[test]
fn a_wrong_value_is_answered_with_the_right_way() {
    let said = |key, value| Selection::default().add(key, value).unwrap_err().to_string();
    assert_eq!(said("dst-port", "80"), "`dst-port` is not a term of a selection");
    assert_eq!(
        said("dst", "10.0.0.1,"),
        "a value is missing in the list `10.0.0.1,`; write it without spaces, like a,b,c"
    );
    assert_eq!(
        said("dst_port", "http,nfs2"),
        "`nfs2` is not a service that egret knows; write its port number"
    );
}

#[test]
fn the_words_say_all_of_it() {
    let selection = of(&[
        ("src", "10.128.0.5,10.128.1.0/24"),
        ("dst_port", "https,8000-8100"),
        ("not_proto", "udp"),
        ("not_host", "10.128.0.9"),
    ]);
    assert_eq!(
        selection.to_string(),
        "source 10.128.0.5 or 10.128.1.0/24, destination port 443 or 8000-8100, not host 10.128.0.9, not protocol udp"
    );
    assert_eq!(Selection::default().to_string(), "every flow");
}
