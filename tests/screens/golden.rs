//! Every screen at every size, held to pages that people have looked at.
//!
//! A page is the text of the screen, then a line for each stretch of one style: `row:from-to style`. `EGRET_GOLDEN=write` writes
//! them anew, and `EGRET_PICTURES=FOLDER` pictures of them: look at these before you commit.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crossterm::event::KeyCode;
use egret::frame::Timestamp;
use egret::snapshot::Line;
use egret::text::Text;
use egret::tui::{Colours, Message};
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

use crate::picture::{Ground, svg};
use crate::stage::{FIREWALL, IPV6, LEAK, NAMED, OTHER_NODE, POD_ALONE, Stage, text};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (60, 15)];

/// Holds a screen to its page.
fn hold(name: &str, stage: &Stage, size: (u16, u16)) {
    let buffer = stage.screen(size);
    let shown = format!("{}\n{}", text(&buffer), styles(&buffer));
    let name = format!("{name}-{}x{}", size.0, size.1);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page: PathBuf = root.join("tests/screens/golden").join(format!("{name}.txt"));
    if std::env::var_os("EGRET_GOLDEN").is_some_and(|it| it == "write") {
        fs::create_dir_all(page.parent().expect("a folder")).expect("a folder of pages");
        fs::write(&page, &shown).expect("a page");
    }
    if let Some(pictures) = std::env::var_os("EGRET_PICTURES").map(PathBuf::from) {
        fs::create_dir_all(&pictures).expect("a folder of pictures");
        for (ground, ending) in [(Ground::Dark, ""), (Ground::Light, "-light")] {
            fs::write(pictures.join(format!("{name}{ending}.svg")), svg(&buffer, ground)).expect("a picture");
        }
    }
    let expected = fs::read_to_string(&page).unwrap_or_default();
    assert_eq!(shown, expected, "{}: EGRET_GOLDEN=write writes it anew", page.display());
}

/// The stretches that are not plain.
fn styles(buffer: &Buffer) -> String {
    let mut told = String::new();
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let style = buffer[(x, y)].style();
            let start = x;
            while x < buffer.area.width && buffer[(x, y)].style() == style {
                x += 1;
            }
            let shown = shown(style);
            if !shown.is_empty() {
                let _ = writeln!(told, "{y}:{start}-{x} {shown}");
            }
        }
    }
    told
}

fn shown(style: Style) -> String {
    let mut words = Vec::new();
    let names = [
        (Modifier::BOLD, "bold"),
        (Modifier::DIM, "dim"),
        (Modifier::REVERSED, "reversed"),
        (Modifier::UNDERLINED, "underlined"),
    ];
    words.extend(style.fg.filter(|fg| *fg != Color::Reset).map(|fg| fg.to_string()));
    let set = names.iter().filter(|(modifier, _)| style.add_modifier.contains(*modifier));
    words.extend(set.map(|(_, name)| (*name).to_owned()));
    words.join(" ")
}

fn each_size(name: &str, play: impl Fn(&mut Stage)) {
    for size in SIZES {
        let mut stage = Stage::of(LEAK, size);
        play(&mut stage);
        hold(name, &stage, size);
    }
}

#[test]
fn flows() {
    each_size("flows", |_| {});
}

#[test]
fn flows_of_a_group() {
    each_size("flows-open", |stage| stage.key(KeyCode::Right));
}

#[test]
fn one_flow() {
    each_size("flow", |stage| {
        stage.key(KeyCode::Right);
        stage.keys("jj");
        stage.key(KeyCode::Enter);
    });
}

#[test]
fn a_workload_with_a_name() {
    for size in SIZES {
        let mut stage = Stage::of(NAMED, size);
        hold("named", &stage, size);
        stage.keys("t");
        stage.key(KeyCode::Enter);
        hold("named-flow", &stage, size);
    }
}

#[test]
fn capturing_with_another_filter() {
    for size in SIZES {
        let mut stage = Stage::live(LEAK, size);
        stage.keys("/--dst-port 443");
        stage.key(KeyCode::Enter);
        stage.keys("c");
        hold("recapture", &stage, size);
    }
}

#[test]
fn packets() {
    each_size("packets", |stage| {
        stage.keys("p");
        stage.key(KeyCode::Right);
        stage.keys("jjjjjjjjjjjjjjjjjjjj");
    });
}

#[test]
fn sources() {
    each_size("sources", |stage| stage.keys("2"));
}

#[test]
fn expectations() {
    each_size("expectations", |stage| stage.keys("4"));
}

#[test]
fn findings() {
    each_size("findings", |stage| stage.keys("5"));
}

#[test]
fn points() {
    each_size("points", |stage| stage.keys("6"));
}

#[test]
fn help() {
    each_size("help", |stage| stage.keys("?"));
}

#[test]
fn a_filter_that_is_wrong() {
    each_size("filter", |stage| stage.keys("/prot tcp"));
}

/// A flow over a tunnel, at the points of two nodes.
#[test]
fn a_flow_through_a_tunnel() {
    for size in SIZES {
        let mut stage = Stage::of(OTHER_NODE, size);
        stage.keys("G");
        stage.key(KeyCode::Right);
        stage.keys("j");
        stage.key(KeyCode::Enter);
        hold("tunnel", &stage, size);
    }
}

#[test]
fn a_firewall_in_the_way() {
    for size in SIZES {
        hold("firewall", &Stage::of(FIREWALL, size), size);
    }
}

#[test]
fn the_wrong_place_captured() {
    for size in SIZES {
        hold("wire-not-seen", &Stage::of(POD_ALONE, size), size);
    }
}

#[test]
fn addresses_of_ipv6() {
    for size in SIZES {
        hold("ipv6", &Stage::of(IPV6, size), size);
    }
}

/// Frames come in, the kernel loses some, and nobody has moved yet.
#[test]
fn a_capture_that_goes_on() {
    for size in SIZES {
        let mut stage = Stage::live(LEAK, size);
        for second in 0..40 {
            let now = Timestamp::from_nanos((1_795_400_000 + second) * 1_000_000_000);
            stage.send(Message::Tick { now });
            stage.refresh_with(|run| {
                run.summary.frames += (second * second % 97 * 100) as u64 + 4_000 * second as u64;
                run.pace.total_bytes += 3_000_000 * second as u64;
                run.summary.kernel_drops = 1_200;
            });
        }
        hold("live", &stage, size);
    }
}

/// Names may be wide, long, and meant to deceive: columns stand where they stand.
#[test]
fn wide_and_long_names_move_nothing() {
    let names =
        ["방화벽-엔진.예시", "a\u{202e}moc.evil", "x.example", "非常に長い名前のサーバー.非常に長い名前.例"];
    for size in SIZES {
        let mut stage = Stage::of(FIREWALL, size);
        stage.refresh_with(|run| {
            for (line, name) in run.page.lines.iter_mut().zip(names) {
                if let Line::Group { group, .. } = line {
                    group.destination_name = Some(Text::from(name));
                }
            }
        });
        let buffer = stage.screen(size);
        let row = |y: u16| (0..size.0).map(|x| buffer[(x, y)].symbol()).collect::<Vec<_>>();
        let head = (0..size.1).find(|y| row(*y).concat().contains("WORKLOAD")).expect("a head");
        let start = row(head).concat().find("LEFT AS").expect("a column");
        for y in head + 1..head + 5 {
            let cell = row(y)[start..start + 7].concat();
            assert!(cell.starts_with("192.168") && row(y)[start - 1] == " ", "{size:?}: {cell}");
        }
        assert!(!text(&buffer).contains('\u{202e}'));
        hold("wide", &stage, size);
    }
}

#[test]
fn without_colours_marks_and_words_say_it_all() {
    let size = (80, 24);
    for (name, key) in [("plain-flows", "1"), ("plain-sources", "2")] {
        let mut stage = Stage::coloured(LEAK, size, Colours::None);
        stage.keys(key);
        let buffer = stage.screen(size);
        assert!(buffer.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
        hold(name, &stage, size);
    }
}

#[test]
fn too_small() {
    let mut stage = Stage::of(LEAK, (40, 10));
    stage.keys("j");
    hold("too-small", &stage, (40, 10));
}
