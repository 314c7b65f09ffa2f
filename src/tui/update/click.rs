//! The mouse: a click selects, on what is selected it opens; the wheel moves.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::super::layout;
use super::super::message::Effects;
use super::super::model::{Model, Screen};
use super::super::{expectations, findings, flows, packets, sources, view};
use super::{WHEEL, moved, open, to_tab};

pub(super) fn mouse(model: &mut Model, event: MouseEvent, _effects: &mut Effects) {
    if layout::is_too_small(model.size) || model.line.is_some() || model.menu.is_some() {
        return;
    }
    match event.kind {
        MouseEventKind::ScrollUp => moved(model, -WHEEL),
        MouseEventKind::ScrollDown => moved(model, WHEEL),
        MouseEventKind::Down(MouseButton::Left) => click(model, Position { x: event.column, y: event.row }),
        _ => return,
    }
    model.changed();
}

fn click(model: &mut Model, at: Position) {
    let areas = layout::areas(model.size);
    if areas.tabs.contains(at) {
        let column = usize::from(at.x - areas.tabs.x);
        let hit = view::tab_columns(model, areas.tabs).into_iter().find(|(_, range)| range.contains(&column));
        if let Some((tab, _)) = hit {
            to_tab(model, tab);
        }
        return;
    }
    if !areas.body.contains(at) {
        return;
    }
    let size = model.size;
    let row = usize::from(at.y - areas.body.y);
    let opens = match model.screen_mut() {
        Screen::Flows(_) => return click_flows(model, at),
        Screen::Packets(state) => return click_packets(state, at, size),
        Screen::Sources(state) => {
            let listed = row.checked_sub(usize::from(sources::FIRST_ROW));
            let shown = sources::shown(state, size);
            let hit = listed.map(|row| shown.start + row).filter(|at| shown.contains(at));
            select(&mut state.cursor, hit)
        }
        Screen::Expectations(state) => {
            let hit = (row < expectations::room(size)).then(|| state.cursor.top + row);
            select(&mut state.cursor, hit)
        }
        Screen::Findings(state) => {
            let hit = (row < findings::room(size)).then(|| state.cursor.top + row);
            select(&mut state.cursor, hit)
        }
        Screen::Points(_) | Screen::Flow(_) | Screen::Help(_) => false,
    };
    if opens {
        open(model);
    }
}

/// Selects an entry; whether it was selected already.
fn select(cursor: &mut super::super::cursor::Cursor, hit: Option<usize>) -> bool {
    let Some(at) = hit else { return false };
    let was_selected = cursor.selected == at;
    cursor.selected = at;
    was_selected
}

fn click_flows(model: &mut Model, at: Position) {
    let list = layout::list(model.size);
    let run = model.run.snapshot.clone();
    let Screen::Flows(state) = model.screen_mut() else { return };
    if list.head.contains(at) {
        let column = usize::from(at.x - list.head.x);
        let columns = flows::columns::columns_of(&state.widths, usize::from(list.head.width));
        // The space before a column is as good as the column.
        if let Some((column, _)) = columns.into_iter().find(|(_, range)| column <= range.end) {
            state.sort_by(column);
        }
    } else if list.lines.contains(at) {
        let number = state.top() + usize::from(at.y - list.lines.y);
        let is_there = run.as_ref().is_some_and(|run| number < run.page.total);
        if is_there && state.is_selected(number) {
            open(model);
        } else if is_there {
            state.to(number, run.as_deref(), list.room());
        }
    }
}

fn click_packets(state: &mut packets::State, at: Position, size: (u16, u16)) {
    let areas = layout::packets(size);
    let row = |area: Rect| usize::from(at.y - area.y);
    if areas.lines.contains(at) {
        let number = packets::draw::top(state) + row(areas.lines);
        state.to(number, size);
        while state.can_leave() {
            state.leave();
        }
    } else if areas.layers.contains(at) {
        state.select_field(packets::draw::first_field(state) + row(areas.layers), size);
    } else if areas.bytes.contains(at) {
        let a_line = layout::bytes_a_line(areas.bytes);
        let first = packets::draw::first_line(state, a_line, usize::from(areas.bytes.height));
        if let Some(byte) = layout::byte_at(areas.bytes, at.x - areas.bytes.x) {
            state.select_byte((first + row(areas.bytes)) * a_line + byte, size);
        }
    }
}
