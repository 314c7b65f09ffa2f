//! Whatever is pressed and however the window is pulled about: no screen fails, and every screen can be left.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use egret::frame::Timestamp;
use egret::tui::{Colours, Effect, Frames, FramesWanted, Message, Screen};
use proptest::prelude::*;

use crate::stage::{FIREWALL, IPV6, LEAK, Stage};

fn key() -> impl Strategy<Value = Message> {
    let code = prop_oneof![
        6 => prop::sample::select("jkhlgGpstvfnNSwyY/ ?123456q".chars().collect::<Vec<_>>()).prop_map(KeyCode::Char),
        2 => any::<char>().prop_map(KeyCode::Char),
        3 => prop::sample::select(vec![
            KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::BackTab, KeyCode::Up, KeyCode::Down, KeyCode::Left,
            KeyCode::Right, KeyCode::PageUp, KeyCode::PageDown, KeyCode::Home, KeyCode::End, KeyCode::Backspace,
            KeyCode::Delete, KeyCode::F(1), KeyCode::Null,
        ]),
    ];
    let modifiers = prop_oneof![
        8 => Just(KeyModifiers::NONE),
        1 => Just(KeyModifiers::CONTROL),
        1 => Just(KeyModifiers::ALT),
    ];
    (code, modifiers).prop_map(|(code, modifiers)| Message::Key(KeyEvent::new(code, modifiers)))
}

fn mouse() -> impl Strategy<Value = Message> {
    let kind = prop::sample::select(vec![
        MouseEventKind::Down(MouseButton::Left),
        MouseEventKind::ScrollDown,
        MouseEventKind::ScrollUp,
        MouseEventKind::Moved,
    ]);
    (kind, 0u16..220, 0u16..90).prop_map(|(kind, column, row)| {
        Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
    })
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        20 => key(),
        4 => mouse(),
        2 => (1u16..200, 1u16..80).prop_map(|(width, height)| Message::Resize { width, height }),
        2 => any::<i64>().prop_map(|ns| Message::Tick { now: Timestamp::from_nanos(ns) }),
        1 => ".*".prop_map(Message::Paste),
        1 => ".*".prop_map(Message::Refused),
        1 => any::<(u64, Option<u64>)>().prop_map(|(read, of)| Message::Progress { read, of }),
        1 => Just(Message::Frames(Arc::new(Frames {
            wanted: FramesWanted { flow: None, first: 0, count: 0 },
            total: 0,
            list: Vec::new(),
        }))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_screen_fails_and_every_screen_can_be_left(
        messages in prop::collection::vec(message(), 1..80),
        scene in prop::sample::select(vec![LEAK, FIREWALL, IPV6]),
        is_plain in any::<bool>(),
    ) {
        let colours = if is_plain { Colours::None } else { Colours::Sixteen };
        let mut stage = Stage::coloured(scene, (80, 24), colours);
        let mut size = (80, 24);
        for message in messages {
            if let Message::Resize { width, height } = message {
                size = (width, height);
            }
            stage.send(message);
            stage.screen(size);
        }
        stage.send(Message::Resize { width: 80, height: 24 });
        // Out of lines, menus, panes, screens, and what lists were narrowed to.
        for _ in 0..100 {
            stage.key(KeyCode::Esc);
        }
        prop_assert!(!matches!(stage.model.screen(), Screen::Help(_) | Screen::Flow(_)));
        stage.asked.clear();
        stage.keys("q");
        prop_assert_eq!(&stage.asked, &[Effect::Quit]);
    }

    #[test]
    fn a_terminal_of_another_size_than_was_told_is_drawn_too(
        told in (1u16..200, 1u16..80),
        real in (1u16..200, 1u16..80),
        tab in 1u8..7,
    ) {
        let mut stage = Stage::of(LEAK, told);
        stage.keys(&tab.to_string());
        stage.screen(real);
    }
}
