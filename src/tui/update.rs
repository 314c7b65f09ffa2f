//! Takes a message into the model, and says what the outside is to do.

mod click;
mod typing;

use crossterm::event::{KeyEvent, KeyEventKind};

use super::flows;
use super::help;
use super::keys::{Action, Key, action};
use super::layout;
use super::line::{Line, Purpose};
use super::menu::Menu;
use super::message::{Effect, Effects, Message, SaveWhat};
use super::model::{Model, Screen};
use super::{expectations, findings, flow, packets, points, sources, texts};
use crate::snapshot::{Left, Line as ListLine, Window};

/// Lines that a turn of the wheel moves.
pub(super) const WHEEL: isize = 3;

pub fn update(model: &mut Model, message: Message) -> Effects {
    let mut effects = Effects::new();
    let mut again = false;
    match message {
        Message::Key(event) => key(model, &event, &mut effects),
        Message::Mouse(event) => click::mouse(model, event, &mut effects),
        Message::Paste(text) => typing::paste(model, &text, &mut effects),
        Message::Resize { width, height } => {
            model.size = (width, height);
            model.changed();
        }
        Message::Tick { now } => model.tick(now),
        Message::Snapshot(snapshot) => {
            if model.run.is_paused && !model.run.is_due {
                return effects;
            }
            model.run.is_due = false;
            model.take(snapshot);
            again = !model.run.has_ended && !model.run.is_paused;
            model.changed();
        }
        Message::Frames(frames) => {
            let size = model.size;
            let taken = model.stack.iter_mut().chain(&mut model.aside).any(|screen| match screen {
                Screen::Packets(state) => state.take(frames.clone(), size),
                _ => false,
            });
            if taken {
                model.changed();
            }
        }
        Message::Progress { read, of } => {
            model.run.progress = Some((read, of));
            model.changed();
        }
        Message::Ended => {
            model.run.has_ended = true;
            again = true;
            model.changed();
        }
        Message::Checked { typed, found } => {
            if model.line.as_mut().is_some_and(|line| line.take(&typed, found)) {
                model.changed();
            }
        }
        Message::Weighed { filter, told } => {
            // Whoever types or saves something meanwhile is not disturbed.
            if model.line.is_none() && model.menu.is_none() {
                model.menu = Some(Menu::Recapture { filter, told });
                model.changed();
            }
        }
        Message::Done(text) => model.tell(text, false),
        Message::Refused(text) => model.tell(text, true),
    }
    settle(model, again, &mut effects);
    effects
}

fn key(model: &mut Model, event: &KeyEvent, effects: &mut Effects) {
    if event.kind == KeyEventKind::Release {
        return;
    }
    if model.notice.take().is_some() {
        model.changed();
    }
    let Some(key) = Key::of(event) else { return };
    if layout::is_too_small(model.size) {
        // Nothing can be seen: all that can be wanted is to leave.
        if matches!(key, Key::Char('q') | Key::Ctrl('c')) {
            effects.push(Effect::Quit);
        }
        return;
    }
    match (action(model.place(), key), key) {
        (Some(action), _) if model.can(action) => act(model, action, effects),
        (None, Key::Char(c)) if model.line.is_some() => typing::insert(model, c, effects),
        _ => {}
    }
}

pub(super) fn act(model: &mut Model, action: Action, effects: &mut Effects) {
    model.changed();
    match action {
        Action::Quit => effects.push(Effect::Quit),
        Action::Suspend => effects.push(Effect::Suspend),
        Action::Help => {
            let of = model.place();
            model.stack.push(Screen::Help(help::State::of(of)));
        }
        Action::Back => back(model),
        Action::NextTab => to_tab(model, (model.tab() + 1) % texts::TABS.len()),
        Action::PreviousTab => to_tab(model, (model.tab() + texts::TABS.len() - 1) % texts::TABS.len()),
        Action::Tab(tab) => to_tab(model, tab),
        Action::Pause => {
            model.run.is_paused = !model.run.is_paused;
        }
        Action::Filter => {
            model.line = Some(match model.screen() {
                Screen::Help(state) => Line::new(Purpose::Search, &state.searched),
                _ => Line::new(Purpose::Filter, &model.run.filter),
            });
            typing::check(model, effects);
        }
        Action::Save => model.menu = Some(Menu::Save(to_save(model))),
        Action::Recapture => effects.push(Effect::Weigh(model.run.filter.clone())),
        Action::Copy | Action::CopyLine => {
            if let Some(text) = to_copy(model, action) {
                model.tell(texts::copied(&text), false);
                effects.push(Effect::Copy(text));
            }
        }
        Action::Open => open(model),
        Action::Packets => {
            if let Some(flow) = flow_of(model) {
                model.stack.push(Screen::Packets(packets::State::of(Some(flow), &model.setup.decoding)));
            }
        }
        Action::Up => moved(model, -1),
        Action::Down => moved(model, 1),
        Action::PageUp => moved(model, -page(model)),
        Action::PageDown => moved(model, page(model)),
        Action::First => moved(model, isize::MIN / 2),
        Action::Last => moved(model, isize::MAX / 2),
        Action::Left | Action::Right => sideways(model, action == Action::Right),
        Action::Sort => on_flows(model, flows::State::sort_next),
        Action::Turn => on_flows(model, flows::State::turn),
        Action::Only => on_flows(model, flows::State::next_verdict),
        Action::Together => on_flows(model, flows::State::together),
        Action::Follow => {
            let size = model.size;
            match model.screen_mut() {
                Screen::Flows(state) => state.follow(),
                Screen::Packets(state) => state.follow(size),
                _ => {}
            }
        }
        Action::NextCopy | Action::PreviousCopy => {
            let size = model.size;
            if let Screen::Packets(state) = model.screen_mut() {
                state.next_copy(action == Action::NextCopy, size);
            }
        }
        _ => typing::act(model, action, effects),
    }
}

fn on_flows(model: &mut Model, change: impl FnOnce(&mut flows::State)) {
    if let Screen::Flows(state) = model.screen_mut() {
        change(state);
    }
}

/// Leaves a pane, then a screen, then what the list was narrowed to.
fn back(model: &mut Model) {
    if let Screen::Packets(state) = model.screen_mut()
        && state.can_leave()
    {
        state.leave();
    } else if model.stack.len() > 1 {
        model.stack.pop();
    } else {
        on_flows(model, flows::State::widen);
    }
}

/// Goes to a tab, as it was when it was left.
pub(super) fn to_tab(model: &mut Model, tab: usize) {
    if model.tab() == tab {
        model.stack.truncate(1);
        return;
    }
    let mut left = std::mem::take(&mut model.stack);
    left.truncate(1);
    let before = model.aside.iter().position(|screen| screen.tab() == Some(tab));
    let screen =
        before.map_or_else(|| Screen::of_tab(tab, &model.setup.decoding), |at| model.aside.remove(at));
    model.aside.extend(left);
    model.stack.push(screen);
}

/// The flow that is selected, by its id.
fn flow_of(model: &Model) -> Option<String> {
    match model.screen() {
        Screen::Flows(state) => state.selected(model.snapshot()).map(|line| line.flow().to_owned()),
        Screen::Flow(state) => Some(state.id.clone()),
        Screen::Packets(state) => state.flow().map(str::to_owned),
        _ => None,
    }
}

pub(super) fn open(model: &mut Model) {
    let run = model.run.snapshot.clone();
    let run = run.as_deref();
    let next = match model.screen_mut() {
        Screen::Flows(state) => match state.selected(run) {
            Some(ListLine::Group { group, is_open, .. }) if group.flows > 1 => {
                if *is_open {
                    state.close(run);
                } else {
                    state.expand(run);
                }
                None
            }
            Some(line) => Some(Screen::Flow(flow::State::of(line.flow()))),
            None => None,
        },
        Screen::Sources(state) => {
            state.selected(run).map(|source| Screen::Flows(flows::State::of_source(source.left)))
        }
        Screen::Expectations(state) => {
            Some(Screen::Flows(flows::State::of_expectation(state.cursor.selected)))
        }
        Screen::Findings(state) => state.flow(run).map(|flow| Screen::Flow(flow::State::of(flow))),
        Screen::Packets(_) => {
            sideways(model, true);
            None
        }
        _ => None,
    };
    model.stack.extend(next);
}

fn sideways(model: &mut Model, is_right: bool) {
    let size = model.size;
    let run = model.run.snapshot.clone();
    match model.screen_mut() {
        Screen::Flows(state) if is_right => state.expand(run.as_deref()),
        Screen::Flows(state) => state.close(run.as_deref()),
        Screen::Packets(state) if is_right => state.right(size),
        Screen::Packets(state) => state.left(size),
        _ => {}
    }
}

/// Lines of a page of what is shown.
fn page(model: &Model) -> isize {
    let size = model.size;
    let room = match model.screen() {
        Screen::Flows(_) => layout::list(size).room(),
        Screen::Packets(state) => match state.pane() {
            packets::Pane::List => packets::room(size),
            packets::Pane::Layers | packets::Pane::Bytes => usize::from(layout::packets(size).layers.height),
        },
        Screen::Sources(_) => sources::room(size),
        Screen::Expectations(_) => expectations::room(size),
        Screen::Findings(_) => findings::room(size),
        Screen::Points(_) | Screen::Flow(_) => points::room(size),
        Screen::Help(_) => help::room(size),
    };
    room.saturating_sub(1).max(1) as isize
}

pub(super) fn moved(model: &mut Model, by: isize) {
    let size = model.size;
    let run = model.run.snapshot.clone();
    let run = run.as_deref();
    let lines = match model.screen() {
        Screen::Flow(state) => {
            let width = usize::from(layout::areas(size).body.width);
            state.row(run).map_or(0, |row| flow::lines(model, row, width).len())
        }
        Screen::Points(_) => points::scrolls(model),
        Screen::Help(state) => state.bindings().len(),
        Screen::Sources(_) => run.map_or(0, |run| run.sources.list.len()),
        Screen::Expectations(_) => run.map_or(0, |run| run.expectations.len()),
        Screen::Findings(_) => run.map_or(0, findings::count),
        Screen::Flows(_) | Screen::Packets(_) => 0,
    };
    match model.screen_mut() {
        Screen::Flows(state) => state.moved(by, run, layout::list(size).room()),
        Screen::Packets(state) => state.moved(by, size),
        Screen::Flow(state) => state.scroll(size, lines, by),
        Screen::Points(state) => state.cursor.moved(by, lines, 1),
        Screen::Help(state) => state.cursor.moved(by, lines, help::room(size)),
        Screen::Sources(state) => state.cursor.moved(by, lines, sources::room(size)),
        Screen::Expectations(state) => state.cursor.moved(by, lines, expectations::room(size)),
        Screen::Findings(state) => state.cursor.moved(by, lines, findings::room(size)),
    }
}

/// What `w` saves: the flow or the list that is shown, else the run.
fn to_save(model: &Model) -> SaveWhat {
    match model.screen() {
        Screen::Flow(state) => SaveWhat::Flow(state.id.clone()),
        Screen::Packets(state) => state.flow().map_or(SaveWhat::All, |flow| SaveWhat::Flow(flow.to_owned())),
        Screen::Flows(_) => SaveWhat::Shown(window(model)),
        _ => SaveWhat::All,
    }
}

/// What would be copied.
pub(super) fn to_copy(model: &Model, action: Action) -> Option<String> {
    let run = model.snapshot()?;
    let is_whole = action == Action::CopyLine;
    match model.screen() {
        Screen::Flows(state) => {
            let line = state.selected(Some(run))?;
            if is_whole {
                return Some(flows::table::copied(line));
            }
            match line {
                ListLine::Group { group, .. } => {
                    group.sources.first().or(group.origin.as_ref()).map(ToString::to_string)
                }
                ListLine::Flow { row, .. } => copied_address(row),
            }
        }
        Screen::Flow(state) => copied_address(state.row(Some(run))?),
        Screen::Sources(state) => match state.selected(Some(run))?.left {
            Left::As(address) => Some(address.to_string()),
            Left::AsOther | Left::Unseen => None,
        },
        Screen::Packets(state) => state.selected().map(|seen| seen.id.clone()),
        Screen::Expectations(state) => {
            run.expectations.get(state.cursor.selected).map(|row| row.name.clone())
        }
        Screen::Findings(state) => {
            let at = state.cursor.selected;
            let problem =
                || run.problems.get(at - run.findings.len()).map(|problem| problem.sentence.clone());
            run.findings.get(at).map(|finding| finding.explanation.clone()).or_else(problem)
        }
        Screen::Points(_) => run.points.first()?.filter.clone(),
        Screen::Help(_) => None,
    }
}

/// The address that a flow left with, else where it came from.
fn copied_address(row: &crate::snapshot::Row) -> Option<String> {
    row.wire.or(row.origin).map(|end| end.address.to_string())
}

/// The window that the screens need now: the page of the list that is shown or lies below, and the flow that is.
fn window(model: &Model) -> Window {
    let room = layout::list(model.size).room();
    let lists = model.stack.iter().rev().chain(&model.aside);
    let list = lists
        .into_iter()
        .find_map(|screen| if let Screen::Flows(state) = screen { Some(state) } else { None });
    let mut window = list.map_or_else(|| flows::State::default().window(room), |state| state.window(room));
    let flow = model.stack.iter().rev().find_map(|screen| match screen {
        Screen::Flow(state) => Some(state.id.clone()),
        _ => None,
    });
    if flow.is_some() {
        window.listing.flow = flow;
    }
    window
}

/// Brings the lists in line with what came, and asks for what is missing.
fn settle(model: &mut Model, again: bool, effects: &mut Effects) {
    let size = model.size;
    let room = layout::list(size).room();
    if let Some(run) = model.run.snapshot.clone()
        && let Some(Screen::Flows(state)) =
            model.stack.iter_mut().rev().find(|screen| matches!(screen, Screen::Flows(_)))
    {
        state.take(&run.page, room);
    }
    keep_cursors(model);
    let window = window(model);
    if model.asked.as_ref() != Some(&window) {
        model.run.is_due = true;
        model.asked = Some(window.clone());
        effects.push(Effect::Ask(window));
    }
    if let Screen::Packets(state) = model.screen_mut()
        && let Some(wanted) = state.wanted(size, again)
    {
        effects.push(Effect::AskFrames(wanted));
    }
}

/// Lists that are all at hand may have got shorter, and the screen smaller.
fn keep_cursors(model: &mut Model) {
    let size = model.size;
    let Some(run) = model.run.snapshot.clone() else { return };
    match model.screen_mut() {
        Screen::Sources(state) => state.cursor.keep(run.sources.list.len(), sources::room(size)),
        Screen::Expectations(state) => state.cursor.keep(run.expectations.len(), expectations::room(size)),
        Screen::Findings(state) => state.cursor.keep(findings::count(&run), findings::room(size)),
        Screen::Help(state) => {
            let count = state.bindings().len();
            state.cursor.keep(count, help::room(size));
        }
        Screen::Packets(_) | Screen::Flows(_) | Screen::Flow(_) | Screen::Points(_) => {}
    }
}
