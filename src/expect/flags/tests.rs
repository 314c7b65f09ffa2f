use clap::{CommandFactory, Parser};
use proptest::prelude::*;

use super::*;

/// A command of its own.
#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    traffic: crate::cli::traffic::Traffic,
    #[command(flatten)]
    flags: Flags,
}

fn flags(arguments: &[&str]) -> Flags {
    Line::try_parse_from([&["egret"], arguments].concat()).unwrap().flags
}

fn expectations(arguments: &[&str]) -> Vec<Expectation> {
    flags(arguments).expectations().unwrap()
}

fn said(typed: &str) -> String {
    typed.parse::<Expect>().unwrap_err().to_string()
}

#[test]
fn bare_expectations_are_one_that_any_of_the_addresses_meets() {
    let list = expectations(&["--expect", "192.168.12.99", "--expect", "192.168.12.100,192.168.12.99"]);
    assert_eq!(list.len(), 1);
    assert!(list[0].covers_everything());
    assert_eq!(list[0].name, "--expect 192.168.12.99 --expect 192.168.12.100,192.168.12.99");
    assert_eq!(list[0].source.to_string(), "192.168.12.99 or 192.168.12.100");
}

#[test]
fn rules_keep_their_order_and_the_bare_one_comes_last() {
    let list = expectations(&[
        "--expect",
        "192.168.12.99",
        "--expect",
        "10.128.0.5=>node",
        "--expect",
        "dst=203.0.113.0/24 => drop",
    ]);
    let names: Vec<_> = list.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(
        names,
        ["--expect '10.128.0.5=>node'", "--expect 'dst=203.0.113.0/24 => drop'", "--expect 192.168.12.99"]
    );
    assert_eq!(list[0].because, ["--expect '10.128.0.5=>node'"]);
}

#[test]
fn a_rule_says_where_from_where_to_and_with_which_sources() {
    let typed = "10.128.0.5,10.128.1.0/24 src=10.128.2.7 dst=203.0.113.0/24 dst-port=80,https proto=tcp=>192.168.12.99, 192.168.12.100";
    let rule = &expectations(&["--expect", typed])[0];
    let from: Vec<_> = rule.from.iter().map(Block::to_string).collect();
    assert_eq!(from, ["10.128.0.5", "10.128.1.0/24", "10.128.2.7"]);
    assert_eq!(rule.to.to_string(), "destination 203.0.113.0/24, destination port 80 or 443, protocol tcp");
    assert_eq!(rule.source.to_string(), "192.168.12.99 or 192.168.12.100");
}

#[test]
fn what_is_left_out_of_a_rule_may_be_said() {
    let rule = &expectations(&["--expect", "10.128.0.5 not-dst=203.0.113.25=>drop"])[0];
    assert_eq!(rule.to.to_string(), "not destination 203.0.113.25");
}

#[test]
fn a_name_where_an_address_belongs_is_answered_with_the_way_to_say_it() {
    assert_eq!(
        said("herasoo=>192.168.12.99"),
        "`herasoo` looks like the name of a pod or namespace, and these are not known here; write the pod's address or \
         CIDR, like '10.128.0.5=>192.168.12.99'"
    );
}

#[test]
fn mistakes_in_a_rule_name_the_part_and_the_way_out() {
    let cases = [
        (
            "10.128.0.5 192.168.12.99",
            "a rule needs `=>` between what it selects and the source; write it like '10.128.0.5 \
             dst=203.0.113.25=>192.168.12.99'",
        ),
        ("10.0.0.1=>10.0.0.2=>node", "there is more than one `=>`; write one --expect for each rule"),
        (
            " =>192.168.12.99",
            "nothing is selected before `=>`; to expect 192.168.12.99 of every flow write --expect 192.168.12.99",
        ),
        (
            "10.128.0.5=>",
            "after `=>`: the list of sources is empty; write the addresses to leave with, or one of the words node, \
             pod, drop",
        ),
        (
            "10.128.0.5=>nod",
            "after `=>`: `nod` is not a source (did you mean `node`?); write an address like 192.168.12.99, a CIDR \
             block, or one of the words node, pod, drop",
        ),
        ("dst-port=>node", "`dst-port` needs a value right behind it; write it like dst-port=443"),
        ("dst= 203.0.113.25=>node", "`dst` needs a value right behind it; write it like dst=203.0.113.0/24"),
        ("10.128.0.5 =203.0.113.25=>node", "there are spaces around `=`; write it like dst=203.0.113.0/24"),
        ("host=10.128.0.5=>node", "`host` could mean either end of a flow; write src= or dst= instead"),
        (
            "not-src=10.128.0.5=>node",
            "`not-src` cannot be part of a rule; write a rule for what it leaves out, and put it before this one",
        ),
        (
            "dest=203.0.113.25=>node",
            "`dest` is not a term of a rule (did you mean `dst`?); the terms are src, dst, port, dst-port, proto, \
             not-dst, not-port, not-dst-port, not-proto",
        ),
        (
            "dst=203.0.113.256=>node",
            "in `dst=203.0.113.256`: `203.0.113.256` is not an address or a CIDR block; write it like 10.128.0.5, \
             10.128.0.0/14 or fd00::/8",
        ),
        (
            "10.0.0.1, 10.0.0.2=>node",
            "in `10.0.0.1,`: a value is missing in the list `10.0.0.1,`; write it without spaces, like a,b,c",
        ),
        (
            "dst=api.partner.example=>node",
            "in `dst=api.partner.example`: `api.partner.example` looks like a name, and names are not resolved; write \
             its address instead",
        ),
    ];
    for (typed, answer) in cases {
        assert_eq!(said(typed), answer, "{typed}");
    }
}

#[test]
fn mistakes_in_a_bare_expectation_are_answered_as_such() {
    assert_eq!(
        said("herasoo"),
        "`herasoo` is not a source; write an address like 192.168.12.99, a CIDR block, or one of the words node, pod, drop"
    );
    assert!(matches!("10.128.0.5->192.168.12.99".parse::<Expect>(), Err(Error::NoArrow)));
    assert!(matches!("10.128.0.5=192.168.12.99".parse::<Expect>(), Err(Error::NoArrow)));
    assert!(matches!("0.0.0.0/0".parse::<Expect>(), Err(Error::Bare(source::Error::Everything { .. }))));
}

#[test]
fn bare_expectations_that_contradict_each_other_are_refused() {
    assert_eq!(
        flags(&["--expect", "node", "--expect", "192.168.12.99"]).expectations().unwrap_err().to_string(),
        "the bare --expect node and --expect 192.168.12.99 contradict each other; write one of the words node, pod, \
         drop alone, or addresses"
    );
    assert_eq!(expectations(&["--expect", "node", "--expect", "node"])[0].source, Source::Node);
}

#[test]
fn facts_say_which_option_they_come_from() {
    let cluster = flags(&[
        "--node-ip",
        "worker1=192.168.12.11,fd00:12::11",
        "--node-ip",
        "192.168.12.12",
        "--pod-ip",
        "10.128.0.5,10.128.1.0/24",
        "--inside",
        "10.0.0.0/24",
    ])
    .cluster();
    assert_eq!(
        cluster.assumptions(),
        [
            "inside: 10.0.0.0/24 (--inside)",
            "pods: 10.128.0.5, 10.128.1.0/24 (--pod-ip)",
            "node worker1: 192.168.12.11, fd00:12::11 (--node-ip)",
            "node: 192.168.12.12 (--node-ip)",
        ]
    );
}

#[test]
fn a_node_is_one_address_or_more_and_perhaps_a_name() {
    let said = |typed: &str| typed.parse::<NodeIp>().unwrap_err().to_string();
    assert_eq!(
        said("192.168.12.0/24"),
        "`192.168.12.0/24` is not one address; write it like 192.168.12.11 or fd00:12::11"
    );
    assert_eq!(
        said("worker1"),
        "`worker1` looks like a name, and names are not resolved; write its address instead"
    );
    assert_eq!(said("=192.168.12.11"), "`` is not the name of a node; write it like worker1=192.168.12.11");
}

#[test]
fn the_options_leave_a_commands_own_description_alone() {
    Line::command().debug_assert();
    assert_eq!(Line::command().get_about().unwrap().to_string(), "A command of its own");
}

#[test]
fn an_empty_value_widens_nothing() {
    for option in
        ["--expect", "--expect-remote", "--node-ip", "--pod-ip", "--inside", "--src", "--not-dst-port"]
    {
        assert!(Line::try_parse_from(["egret", option, ""]).is_err(), "{option}");
    }
}

proptest! {
    #[test]
    fn any_text_is_an_expectation_or_a_mistake(typed in "\\PC{0,40}") {
        let _ = typed.parse::<Expect>().map_err(|error| error.to_string());
    }

    #[test]
    fn what_an_expectation_is_called_reads_as_the_same_expectation(
        typed in "( ?(10\\.0\\.0\\.[1-9]|dst=10\\.0\\.0\\.0/8|dst-port=80,443|proto=tcp) ?){1,3}=> ?(node|10\\.0\\.0\\.7, fd00::/8)",
    ) {
        if let Ok(read) = typed.parse::<Expect>() {
            let shown = read.to_string();
            let inner = shown.trim_start_matches("--expect ").trim_matches('\'');
            prop_assert_eq!(inner.parse::<Expect>(), Ok(read));
        }
    }
}
