//! JUnit: a test case per expectation, and never green where the run did not pass.

use egret::report::Format;
use egret::verdict::Verdict;

use crate::run::Run;
use crate::{options, scenario, written};

fn xml(run: &mut Run) -> String {
    written(Format::Junit, run, &options())
}

#[test]
fn a_failed_expectation_is_a_failure_with_the_words_of_its_groups() {
    let xml = xml(&mut scenario::leak());
    assert!(xml.contains(r#"tests="1" skipped="0" errors="0" failures="1""#), "{xml}");
    assert!(xml.contains(r#"message="72 flows: 52 pass, 20 fail, 0 inconclusive" type="node-ip""#), "{xml}");
    assert!(xml.contains("the address of node1 itself, instead of 192.168.12.99"), "{xml}");
    assert_eq!(xml.matches("→ Look whether the egress address moved").count(), 1, "{xml}");
}

#[test]
fn an_expectation_left_open_is_an_error_and_an_optional_one_is_skipped() {
    let xml = xml(&mut scenario::troubled());
    assert!(xml.contains(r#"<error message="no flow met this expectation" type="no-flow"/>"#), "{xml}");
    assert!(xml.contains(r#"<skipped message="no flow met this expectation" type="no-flow"/>"#), "{xml}");
    assert!(xml.contains(r#"<error message="1 flow" type="origin-unknown">"#), "{xml}");
    assert!(xml.contains("error duplicate-egress-ip: Two nodes claim"), "{xml}");
}

#[test]
fn only_a_run_that_passed_is_green() {
    for mut run in [
        scenario::all_pass(),
        scenario::leak(),
        scenario::wire_not_seen(),
        scenario::nothing_expected(),
        scenario::nothing_outgoing(),
        scenario::no_frames(),
        scenario::troubled(),
    ] {
        let xml = xml(&mut run);
        let green = !xml.contains("<failure") && !xml.contains("<error");
        assert_eq!(green, run.snapshot.verdict == Verdict::Pass, "{xml}");
    }
}

#[test]
fn nothing_that_xml_forbids_is_written() {
    let mut run = scenario::hostile();
    run.snapshot.expectations[0].name.push_str("\u{fffe}\u{0}\u{85}]]><&\"");
    let xml = xml(&mut run);
    let forbidden =
        |c: char| c.is_control() && !matches!(c, '\n' | '\t') || matches!(c, '\u{fffe}' | '\u{ffff}');
    assert_eq!(xml.chars().find(|c| forbidden(*c)), None, "{xml}");
    assert!(xml.contains("]]&gt;&lt;&amp;&quot;"), "{xml}");
}
