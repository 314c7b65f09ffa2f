//! Scripts of keys and clicks, and what they come to.

use std::sync::Arc;

use crossterm::event::KeyCode;
use egret::frame::Timestamp;
use egret::snapshot::{Column, LineId, Order, Sort};
use egret::tui::{Effect, Message, Save, SaveFormat, SaveWhat, Screen};

use crate::stage::{FIREWALL, LEAK, OTHER_NODE, Stage};

const SIZE: (u16, u16) = (80, 24);

/// The line of the screen that has `text`, from the top.
fn row_of(stage: &Stage, text: &str) -> u16 {
    let shown = stage.text(SIZE);
    let row = shown.lines().position(|line| line.contains(text));
    row.unwrap_or_else(|| panic!("no {text:?} in\n{shown}")) as u16
}

/// What is selected: the text of the reversed line of the body.
fn selected(stage: &Stage) -> String {
    let buffer = stage.screen(SIZE);
    let is_selected = |y: &u16| buffer[(40, *y)].modifier.contains(ratatui::style::Modifier::REVERSED);
    let y = (7..23).find(is_selected).expect("a line is selected");
    (0..SIZE.0).map(|x| buffer[(x, y)].symbol()).collect()
}

#[test]
fn the_first_screen_answers_both_questions_without_a_key() {
    let shown = Stage::of(LEAK, SIZE).text(SIZE);
    let lines: Vec<&str> = shown.lines().collect();
    assert!(
        lines[1].contains("✗ FAIL") && lines[1].contains("20 of 72 outgoing flows left with a wrong source")
    );
    assert!(lines[2].contains("✓ ANSWERED") && lines[2].contains("all 72 flows"));
    let shown = Stage::of(FIREWALL, SIZE).text(SIZE);
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[1].contains("✓ PASS"), "{shown}");
    assert!(lines[2].contains("? PARTLY") && lines[2].contains("10 refused"), "{shown}");
}

#[test]
fn the_leak_is_found_its_packets_opened_and_saved_in_a_few_keys() {
    let mut stage = Stage::of(LEAK, SIZE);
    // The group of what failed is selected already: open it, go to its second flow.
    stage.key(KeyCode::Enter);
    stage.keys("jj");
    stage.key(KeyCode::Enter);
    assert!(matches!(stage.model.screen(), Screen::Flow(_)));
    assert!(stage.text(SIZE).contains("not the expected address"));
    stage.keys("p");
    assert!(matches!(stage.model.screen(), Screen::Packets(_)));
    assert!(stage.text(SIZE).contains("tcp SYN"));
    stage.asked.clear();
    stage.keys("wf");
    let [Effect::Save(Save { what: SaveWhat::Flow(id), format: SaveFormat::Frames })] = &stage.asked[..]
    else {
        panic!("{:?}", stage.asked);
    };
    assert!(id.starts_with("node1-any:"));
}

#[test]
fn a_live_capture_is_narrowed_to_the_filter_only_after_it_was_said_what_that_loses() {
    let offers = |stage: &Stage| stage.text(SIZE).lines().last().unwrap().contains("c capture so");
    let mut stage = Stage::live(LEAK, SIZE);
    assert!(!offers(&stage), "nothing is filtered");
    stage.keys("/port 443");
    stage.key(KeyCode::Enter);
    assert!(offers(&stage));
    stage.asked.clear();
    stage.keys("c");
    assert_eq!(stage.asked, [Effect::Weigh("port 443".to_owned())]);
    let shown = stage.text(SIZE);
    assert!(shown.contains("All others are") && shown.contains("capture only port 443?"), "{shown}");
    stage.keys("n");
    assert_eq!(stage.asked.len(), 1, "nothing was done");
    stage.keys("cy");
    assert_eq!(stage.asked.last(), Some(&Effect::Recapture("port 443".to_owned())));
    assert!(stage.text(SIZE).contains("captured: port 443"));
    assert!(!offers(&stage), "it is captured so already");
    // The way back.
    stage.keys("/");
    stage.ctrl('u');
    stage.key(KeyCode::Enter);
    assert!(offers(&stage));
    stage.keys("c");
    assert!(stage.text(SIZE).contains("capture everything again?"));
    stage.keys("y");
    assert_eq!(stage.asked.last(), Some(&Effect::Recapture(String::new())));
}

#[test]
fn a_finding_about_flows_leads_to_the_first_of_them() {
    let mut stage = Stage::of(LEAK, SIZE);
    stage.keys("5");
    stage.key(KeyCode::Enter);
    assert!(stage.text(SIZE).contains("node-ip  node1-any:1533"), "{}", stage.text(SIZE));
    stage.key(KeyCode::Esc);
    assert!(matches!(stage.model.screen(), Screen::Findings(_)));
}

#[test]
fn what_a_key_does_is_told_whole() {
    for screen in ["1", "2", "3", "4", "5", "6", "1p"] {
        let mut stage = Stage::live(LEAK, SIZE);
        stage.keys(screen);
        stage.keys("?");
        for _ in 0..40 {
            let shown = stage.text(SIZE);
            let body = shown.lines().skip(7).take(16);
            assert!(body.clone().all(|line| !line.ends_with('…')), "{screen}\n{shown}");
            stage.keys("j");
        }
    }
}

#[test]
fn what_is_read_from_files_is_not_captured_again() {
    let mut stage = Stage::of(LEAK, SIZE);
    stage.keys("/port 443");
    stage.key(KeyCode::Enter);
    stage.asked.clear();
    stage.keys("c");
    assert_eq!(stage.asked, []);
}

#[test]
fn escape_goes_back_the_way_one_came() {
    let mut stage = Stage::of(LEAK, SIZE);
    stage.key(KeyCode::Enter);
    stage.keys("j");
    stage.key(KeyCode::Enter);
    stage.keys("p");
    stage.key(KeyCode::Right);
    stage.key(KeyCode::Esc);
    assert!(matches!(stage.model.screen(), Screen::Packets(_)), "first out of the layers");
    stage.key(KeyCode::Esc);
    assert!(matches!(stage.model.screen(), Screen::Flow(_)));
    stage.key(KeyCode::Esc);
    assert!(matches!(stage.model.screen(), Screen::Flows(_)));
}

#[test]
fn a_tab_is_as_it_was_when_it_was_left() {
    let mut stage = Stage::of(LEAK, SIZE);
    stage.keys("jj");
    let before = selected(&stage);
    stage.key(KeyCode::Tab);
    assert!(matches!(stage.model.screen(), Screen::Sources(_)));
    stage.key(KeyCode::BackTab);
    assert_eq!(selected(&stage), before);
}

#[test]
fn what_was_chosen_stays_chosen_when_the_order_of_the_rest_is_asked_again() {
    let mut stage = Stage::of(LEAK, SIZE);
    stage.keys("tG");
    let before = selected(&stage);
    stage.refresh();
    assert_eq!(selected(&stage), before);
    let anchor = &stage.window().listing.anchor;
    assert!(matches!(anchor, Some((LineId::Flow(_), _))), "the page is asked for around it: {anchor:?}");
}

#[test]
fn the_list_is_followed_until_somebody_moves_and_again_when_asked_to() {
    let mut stage = Stage::of(LEAK, SIZE);
    assert!(!stage.text(SIZE).contains("f follow"));
    assert_eq!(stage.window().listing.anchor, None);
    stage.keys("j");
    assert!(stage.text(SIZE).contains("f follow"), "{}", stage.text(SIZE));
    stage.keys("f");
    assert_eq!(stage.window().listing.anchor, None);
}

#[test]
fn a_click_on_a_head_orders_by_its_column_and_again_the_other_way() {
    let mut stage = Stage::of(LEAK, SIZE);
    let row = row_of(&stage, "WORKLOAD");
    let column =
        stage.text(SIZE).lines().nth(usize::from(row)).expect("the head").find("FLOWS").expect("a column");
    stage.click(column as u16, row);
    assert_eq!(stage.window().sort, Sort::By(Column::Flows, Order::Descending));
    assert!(selected(&stage).contains("48"));
    stage.click(column as u16, row);
    assert_eq!(stage.window().sort, Sort::By(Column::Flows, Order::Ascending));
    assert!(stage.text(SIZE).contains("FLOWS▴"));
}

#[test]
fn a_click_selects_and_a_second_opens() {
    let mut stage = Stage::of(LEAK, SIZE);
    let row = row_of(&stage, "203.0.113.26:443");
    stage.click(20, row);
    assert!(selected(&stage).contains("203.0.113.26:443"));
    stage.click(20, row);
    assert!(stage.text(SIZE).contains("▾ 10.128.0.5"), "{}", stage.text(SIZE));
    stage.click(10, row_of(&stage, "2 Sources"));
    assert!(matches!(stage.model.screen(), Screen::Sources(_) | Screen::Flows(_)));
}

#[test]
fn the_wheel_moves_the_selection() {
    let mut stage = Stage::of(LEAK, SIZE);
    stage.keys("t");
    let before = selected(&stage);
    stage.wheel(true);
    assert_ne!(selected(&stage), before);
    stage.wheel(false);
    assert_eq!(selected(&stage), before);
}

#[test]
fn a_source_leads_to_its_flows_and_back() {
    let mut stage = Stage::of(LEAK, SIZE);
    stage.keys("2j");
    stage.key(KeyCode::Enter);
    let shown = stage.text(SIZE);
    assert!(shown.contains("only left as 192.168.12.11"), "{shown}");
    assert!(!shown.lines().skip(7).any(|line| line.contains("192.168.12.99")), "{shown}");
    stage.key(KeyCode::Esc);
    assert!(matches!(stage.model.screen(), Screen::Sources(_)));
}

#[test]
fn a_verdict_at_a_time_is_shown_and_said() {
    let mut stage = Stage::of(LEAK, SIZE);
    stage.keys("v");
    assert!(stage.text(SIZE).contains("only fail"));
    stage.keys("vv");
    let shown = stage.text(SIZE);
    assert!(
        shown.contains("only pass") && !shown.lines().skip(7).any(|line| line.contains("✗ ▸")),
        "{shown}"
    );
    stage.key(KeyCode::Esc);
    assert!(!stage.text(SIZE).contains("only "));
}

#[test]
fn a_filter_is_checked_as_it_is_typed_and_applied_only_if_it_is_right() {
    let mut stage = Stage::of(LEAK, SIZE);
    stage.keys("/prot tcp");
    assert_eq!(stage.asked.last(), Some(&Effect::Check("prot tcp".to_owned())));
    let buffer = stage.screen(SIZE);
    let wrong = buffer[(9, 23)].clone();
    assert_eq!(wrong.symbol(), "p", "the place of the mistake");
    assert!(wrong.modifier.contains(ratatui::style::Modifier::REVERSED));
    stage.asked.clear();
    stage.key(KeyCode::Enter);
    assert_eq!(stage.asked, [], "it is wrong");
    stage.ctrl('u');
    stage.keys("port 443");
    stage.asked.clear();
    stage.key(KeyCode::Enter);
    assert_eq!(stage.asked, [Effect::Apply("port 443".to_owned())]);
    assert!(stage.text(SIZE).contains("filter: port 443"));
    stage.keys("/");
    stage.ctrl('u');
    stage.key(KeyCode::Up);
    stage.asked.clear();
    stage.key(KeyCode::Enter);
    assert_eq!(stage.asked, [Effect::Apply("port 443".to_owned())], "the history has it");
}

#[test]
fn keys_are_found_in_the_help_by_what_they_do() {
    let mut stage = Stage::of(LEAK, SIZE);
    stage.keys("?/pcapng");
    stage.key(KeyCode::Enter);
    assert!(stage.text(SIZE).contains("No key is about that."));
    stage.keys("/");
    stage.ctrl('u');
    stage.keys("copy");
    stage.key(KeyCode::Enter);
    let shown = stage.text(SIZE);
    assert!(shown.contains("copy the address") && !shown.contains("order by"), "{shown}");
    stage.key(KeyCode::Esc);
    assert!(matches!(stage.model.screen(), Screen::Flows(_)));
}

#[test]
fn the_address_is_copied_that_the_flow_left_with() {
    let mut stage = Stage::of(LEAK, SIZE);
    stage.keys("y");
    assert_eq!(stage.asked, [Effect::Copy("192.168.12.11".to_owned())]);
    assert!(stage.text(SIZE).contains("copied 192.168.12.11"));
}

#[test]
fn copies_of_a_packet_are_gone_through_place_by_place() {
    let mut stage = Stage::of(LEAK, SIZE);
    stage.keys("p");
    assert!(stage.text(SIZE).contains("seen at 3 places"), "{}", stage.text(SIZE));
    let places = ["veth-a", "cni0", "eth0", "veth-a"];
    for place in places {
        assert!(selected(&stage).contains(place), "{}", selected(&stage));
        assert!(selected(&stage).contains("tcp SYN "));
        stage.keys("n");
    }
}

#[test]
fn a_field_lights_its_bytes_and_a_byte_finds_its_field() {
    let mut stage = Stage::of(OTHER_NODE, SIZE);
    stage.keys("p");
    stage.key(KeyCode::Right);
    while !selected_field(&stage).contains("destination port") {
        stage.keys("j");
    }
    let lit = lit(&stage);
    assert_eq!(lit.len(), 2, "{lit:?}");
    stage.key(KeyCode::Right);
    stage.key(KeyCode::Right);
    stage.key(KeyCode::Right);
    assert!(selected_field(&stage).contains("sequence number"), "{}", stage.text(SIZE));
    // A click on a byte does the same.
    let (column, row) = lit[0];
    stage.click(column, row);
    assert!(selected_field(&stage).contains("destination port"), "{}", stage.text(SIZE));
}

/// The selected line of the layers.
fn selected_field(stage: &Stage) -> String {
    let buffer = stage.screen(SIZE);
    let is_selected = |y: &u16| buffer[(3, *y)].modifier.contains(ratatui::style::Modifier::REVERSED);
    let y = (15..23).find(is_selected).unwrap_or(0);
    (0..38).map(|x| buffer[(x, y)].symbol()).collect()
}

/// Where lit bytes stand, by their first digits.
fn lit(stage: &Stage) -> Vec<(u16, u16)> {
    let buffer = stage.screen(SIZE);
    let cells = (15..23).flat_map(|y| (46..70).map(move |x| (x, y)));
    let lit: Vec<(u16, u16)> = cells
        .filter(|at| buffer[*at].modifier.contains(ratatui::style::Modifier::REVERSED))
        .filter(|at| buffer[*at].symbol() != " ")
        .collect();
    lit.into_iter().step_by(2).collect()
}

#[test]
fn a_screen_that_is_held_still_shows_nothing_new_until_it_goes_on() {
    let mut stage = Stage::live(LEAK, SIZE);
    stage.keys(" ");
    assert!(stage.text(SIZE).contains("PAUSED"));
    let before = stage.model.generation();
    stage.refresh();
    assert_eq!(stage.model.generation(), before);
    stage.keys(" ");
    assert!(!stage.text(SIZE).contains("PAUSED"));
    stage.refresh();
    assert_ne!(stage.model.generation(), before);
}

#[test]
fn nothing_is_drawn_anew_where_nothing_changed() {
    let mut stage = Stage::of(LEAK, SIZE);
    let now =
        |ms: i64| Message::Tick { now: Timestamp::from_nanos(1_800_000_000_000_000_000 + ms * 1_000_000) };
    stage.send(now(0));
    let before = stage.model.generation();
    stage.send(now(250));
    stage.send(now(5_000));
    stage.send(Message::Frames(Arc::new(egret::tui::Frames {
        wanted: egret::tui::FramesWanted { flow: None, first: 0, count: 10 },
        total: 0,
        list: Vec::new(),
    })));
    assert_eq!(stage.model.generation(), before);
}

#[test]
fn keys_that_do_nothing_here_are_not_shown() {
    let stage = Stage::of(LEAK, SIZE);
    let foot = stage.text(SIZE).lines().last().expect("a foot").to_owned();
    assert!(!foot.contains("back") && !foot.contains("pause") && foot.contains("q quit"), "{foot}");
}
