//! Lines that are typed, and the choice of what to save.

use super::super::keys::Action;
use super::super::line::Purpose;
use super::super::menu::Menu;
use super::super::message::{Effect, Effects, Save, SaveFormat, SaveWhat};
use super::super::model::{Model, Screen};

pub(super) fn insert(model: &mut Model, c: char, effects: &mut Effects) {
    paste(model, c.encode_utf8(&mut [0; 4]), effects);
}

pub(super) fn paste(model: &mut Model, text: &str, effects: &mut Effects) {
    if let Some(line) = &mut model.line {
        line.insert(text);
        model.changed();
        check(model, effects);
    }
}

/// What is typed is looked at as it is typed.
pub(super) fn check(model: &mut Model, effects: &mut Effects) {
    let Some(line) = &model.line else { return };
    let typed = line.typed();
    match line.purpose {
        Purpose::Filter => effects.push(Effect::Check(typed)),
        Purpose::Search => {
            if let Screen::Help(state) = model.screen_mut() {
                state.search(typed);
            }
        }
    }
}

pub(super) fn act(model: &mut Model, action: Action, effects: &mut Effects) {
    match action {
        Action::Accept => accept(model, effects),
        Action::Cancel => cancel(model),
        Action::SaveFrames => save(model, SaveFormat::Frames, effects),
        Action::SaveText => save(model, SaveFormat::Text, effects),
        Action::SaveJson => save(model, SaveFormat::Json, effects),
        Action::Confirm => {
            if let Some(Menu::Recapture { filter, .. }) = model.menu.take() {
                model.run.captured.clone_from(&filter);
                effects.push(Effect::Recapture(filter));
            }
        }
        Action::SaveAll => {
            model.menu = None;
            effects.push(Effect::Save(Save { what: SaveWhat::All, format: SaveFormat::Frames }));
        }
        _ => edit(model, action, effects),
    }
}

fn edit(model: &mut Model, action: Action, effects: &mut Effects) {
    let Some(line) = &mut model.line else { return };
    match action {
        Action::Earlier => line.recall(&model.history, true),
        Action::Later => line.recall(&model.history, false),
        Action::Complete => line.complete(&model.setup.presets),
        Action::Rub => line.rub(),
        Action::RubNext => line.rub_next(),
        Action::RubWord => line.rub_word(),
        Action::RubAll => line.rub_all(),
        Action::CaretLeft => return line.move_caret(-1),
        Action::CaretRight => return line.move_caret(1),
        Action::CaretHome => return line.move_caret(isize::MIN),
        Action::CaretEnd => return line.move_caret(isize::MAX),
        _ => return,
    }
    check(model, effects);
}

/// Applies what was typed, unless it is known to be wrong.
fn accept(model: &mut Model, effects: &mut Effects) {
    let Some(line) = model.line.take_if(|line| !matches!(line.found(), Some(Err(_)))) else { return };
    if line.purpose == Purpose::Search {
        return;
    }
    let typed = line.typed().trim().to_owned();
    if !typed.is_empty() {
        model.history.retain(|known| *known != typed);
        model.history.push(typed.clone());
    }
    model.run.filter.clone_from(&typed);
    effects.push(Effect::Apply(typed));
}

fn cancel(model: &mut Model) {
    model.menu = None;
    if model.line.take().is_some_and(|line| line.purpose == Purpose::Search)
        && let Screen::Help(state) = model.screen_mut()
    {
        state.search(String::new());
    }
}

fn save(model: &mut Model, format: SaveFormat, effects: &mut Effects) {
    let save = model.menu.take().and_then(|menu| menu.save(format));
    effects.extend(save.map(Effect::Save));
}
