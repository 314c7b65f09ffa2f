//! Text, as people see it. Golden pages lie in `golden/`; `EGRET_BLESS=1` writes them anew, for review.

use std::path::Path;

use egret::report::{Format, Options, Style};
use egret::verdict::Verdict;
use unicode_width::UnicodeWidthStr;

use crate::run::Run;
use crate::{options, scenario, written};

fn page(run: &mut Run, width: usize) -> String {
    written(Format::Text, run, &Options { width, ..options() })
}

fn assert_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports/golden").join(name);
    if std::env::var_os("EGRET_BLESS").is_some() {
        std::fs::write(&path, text).expect("the golden page can be written");
    }
    let golden = std::fs::read_to_string(&path).expect("a golden page; EGRET_BLESS=1 writes it");
    assert_eq!(text, golden, "{name}");
}

#[test]
fn a_run_that_passed_says_so_and_little_more() {
    let text = page(&mut scenario::all_pass(), 100);
    assert_golden("all-pass.txt", &text);
    assert!(text.starts_with("PASS  All 72 outgoing flows left as 192.168.12.99, as expected.\n"), "{text}");
    assert_eq!(text.matches("203.0.113.25:443").count(), 1, "equal passes take one row");
}

#[test]
fn a_leak_is_explained_before_flows_are_listed() {
    let text = page(&mut scenario::leak(), 100);
    assert_golden("leak-100.txt", &text);
    assert!(text.starts_with("FAIL  20 of 72 outgoing flows left with a wrong source address.\n"), "{text}");
    let (words, table) = (text.find("It left node1").expect("words"), text.find("FLOWS").expect("rows"));
    assert!(words < table);
    assert!(text.contains("established 18, no-reply 2"), "{text}");
}

#[test]
fn destinations_have_their_names_where_there_is_room_for_all() {
    let wide = page(&mut scenario::named(), 130);
    assert_golden("named-130.txt", &wide);
    assert!(wide.contains("api.partner.example (203.0.113.25:443) tcp"), "{wide}");
    assert!(wide.contains("  203.0.113.26:443 tcp"), "flows that call one address differently: {wide}");
    let narrow = page(&mut scenario::named(), 100);
    assert!(narrow.contains("FLOWS") && !narrow.contains("api.partner.example"), "{narrow}");
}

#[test]
fn a_narrow_page_tells_the_same_in_prose() {
    let text = page(&mut scenario::leak(), 80);
    assert_golden("leak-80.txt", &text);
    assert!(text.contains("left as 192.168.12.11, expected 192.168.12.99"), "{text}");
}

#[test]
fn colour_adds_nothing_but_colour() {
    let run = &mut scenario::leak();
    let coloured = written(Format::Text, run, &Options { style: Style::Colour, ..options() });
    let mut plain = String::new();
    let mut rest = &coloured[..];
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        rest = after.split_once('m').expect("colours alone").1;
    }
    plain.push_str(rest);
    assert_ne!(plain, coloured);
    assert_eq!(plain, page(run, 100));
}

#[test]
fn capturing_at_the_wrong_place_is_one_problem_however_many_pods() {
    let text = page(&mut scenario::wire_not_seen(), 100);
    assert_golden("wire-not-seen.txt", &text);
    assert!(text.starts_with("INCONCLUSIVE  None of 9 outgoing flows can be settled: "), "{text}");
    assert_eq!(text.matches("Capture on the node that holds").count(), 1, "{text}");
}

#[test]
fn trouble_of_every_kind_has_its_place() {
    let text = page(&mut scenario::troubled(), 100);
    assert_golden("troubled.txt", &text);
    for said in [
        "1 of 4 outgoing flows left with a wrong source address; 1 could not be settled.",
        "inconclusive · no-flow  batch jobs leave from the pool",
        "error · duplicate-egress-ip  192.168.12.99",
        "clock 1.250 ms behind the first point",
        "1,750 frames dropped by the kernel, 1 frame not understood",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    assert!(!text.contains("no-flow  drills"), "an optional expectation is no problem");
}

#[test]
fn where_nothing_was_judged_the_first_lines_say_what_to_add() {
    let expected = page(&mut scenario::nothing_expected(), 100);
    assert_golden("nothing-expected.txt", &expected);
    assert!(expected.starts_with("NOTHING JUDGED  7 flows seen; no expectation was given."), "{expected}");
    assert!(expected.contains("--expect") && expected.contains("192.168.12.11"), "{expected}");

    let outgoing = page(&mut scenario::nothing_outgoing(), 100);
    assert!(outgoing.starts_with("NOTHING JUDGED  5 flows seen, and none leaves the cluster."), "{outgoing}");

    let frames = page(&mut scenario::no_frames(), 100);
    assert_golden("no-frames.txt", &frames);
    assert!(frames.starts_with("NOTHING JUDGED  No frame was captured."), "{frames}");
}

#[test]
fn an_address_is_never_cut() {
    for width in [1, 40, 60, 80, 100, 140, 200] {
        let text = page(&mut scenario::ipv6(), width);
        // On a page narrower than the address it is broken over lines, whole all the same.
        let whole: String = text.split_whitespace().collect();
        assert!(whole.contains("[2001:db8:5ca1:ab1e:203:0:113:25]:443tcp"), "{width}\n{text}");
        assert!(!text.contains('…'), "{width}\n{text}");
    }
    assert_golden("ipv6-80.txt", &page(&mut scenario::ipv6(), 80));
}

#[test]
fn no_line_is_wider_than_the_page() {
    for mut run in [
        scenario::leak(),
        scenario::wire_not_seen(),
        scenario::nothing_expected(),
        scenario::nothing_outgoing(),
        scenario::no_frames(),
        scenario::troubled(),
        scenario::hostile(),
        scenario::ipv6(),
        scenario::crowd(),
    ] {
        for width in 40..160 {
            let text = page(&mut run, width);
            let wide = text.lines().find(|line| line.width() > width);
            assert_eq!(wide, None, "{width}\n{text}");
            assert_eq!(text.lines().find(|line| line.ends_with(' ')), None, "{text}");
        }
    }
}

#[test]
fn names_that_were_captured_or_typed_cannot_rewrite_the_page() {
    let text = page(&mut scenario::hostile(), 100);
    assert!(!text.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("PASS")), "{text}");
}

#[test]
fn five_thousand_flows_fit_a_screen_worst_first() {
    let text = page(&mut scenario::crowd(), 120);
    assert!(text.starts_with("FAIL  1 of 5,000 outgoing flows left"), "{text}");
    assert!(text.lines().count() < 25, "{text}");
    assert!(text.contains("4,999  100 origins  100 destinations      192.168.12.99"), "{text}");
    let (fail, pass) = (text.find("\nfail · node-ip").expect("fail"), text.find("\npass ·").expect("pass"));
    assert!(fail < pass);
}

#[test]
fn failures_are_listed_one_by_one_up_to_a_screen() {
    let text = page(&mut scenario::landslide(), 120);
    assert_eq!(text.lines().filter(|line| line.starts_with("    1  10.128.1.")).count(), 40, "{text}");
    assert!(text.contains("… and 61 more rows (60 fail, 5 pass); `--format json` has every flow."), "{text}");
    assert_eq!(text.matches("It left node1 as").count(), 1, "one kind of problem is explained once");
}

#[test]
fn asking_for_failures_alone_lists_failures_alone() {
    let only = Options { only: vec![Verdict::Fail], ..options() };
    let text = written(Format::Text, &mut scenario::leak(), &only);
    assert!(text.starts_with("FAIL  20 of 72 outgoing flows"), "{text}");
    assert!(text.contains("fail · node-ip") && !text.contains("pass ·"), "{text}");
}
