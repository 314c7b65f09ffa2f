//! The one table of keys: what the handler obeys, the foot of the screen hints at and the help lists.
//!
//! A line of [`TABLE`] says which keys do what on which screens, in words. Whether it does anything at the moment is the
//! [`Model`]'s to say ([`Model::can`]); a key that does nothing is not shown.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::model::Model;
use super::texts::keys as texts;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    Ctrl(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
}

impl Key {
    pub(super) fn of(event: &KeyEvent) -> Option<Self> {
        let is_held = |modifier| event.modifiers.contains(modifier);
        if is_held(KeyModifiers::ALT) || is_held(KeyModifiers::SUPER) {
            return None;
        }
        Some(match event.code {
            KeyCode::Char(c) if is_held(KeyModifiers::CONTROL) => Self::Ctrl(c.to_ascii_lowercase()),
            KeyCode::Char(c) => Self::Char(c),
            KeyCode::Enter => Self::Enter,
            KeyCode::Esc => Self::Esc,
            KeyCode::BackTab => Self::BackTab,
            KeyCode::Tab if is_held(KeyModifiers::SHIFT) => Self::BackTab,
            KeyCode::Tab => Self::Tab,
            KeyCode::Backspace => Self::Backspace,
            KeyCode::Delete => Self::Delete,
            KeyCode::Up => Self::Up,
            KeyCode::Down => Self::Down,
            KeyCode::Left => Self::Left,
            KeyCode::Right => Self::Right,
            KeyCode::PageUp => Self::PageUp,
            KeyCode::PageDown => Self::PageDown,
            KeyCode::Home => Self::Home,
            KeyCode::End => Self::End,
            KeyCode::F(1) => Self::Char('?'),
            _ => return None,
        })
    }

    /// As it is shown.
    pub(super) fn name(self) -> String {
        match self {
            Self::Char(' ') => "space".to_owned(),
            Self::Char(c) => c.to_string(),
            Self::Ctrl(c) => format!("ctrl-{c}"),
            Self::Enter => "enter".to_owned(),
            Self::Esc => "esc".to_owned(),
            Self::Tab => "tab".to_owned(),
            Self::BackTab => "shift-tab".to_owned(),
            Self::Backspace => "backspace".to_owned(),
            Self::Delete => "delete".to_owned(),
            Self::Up => "↑".to_owned(),
            Self::Down => "↓".to_owned(),
            Self::Left => "←".to_owned(),
            Self::Right => "→".to_owned(),
            Self::PageUp => "pgup".to_owned(),
            Self::PageDown => "pgdn".to_owned(),
            Self::Home => "home".to_owned(),
            Self::End => "end".to_owned(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Left,
    Right,
    Open,
    Back,
    NextTab,
    PreviousTab,
    /// The tab of this number, from 0.
    Tab(usize),
    Filter,
    Help,
    Pause,
    Follow,
    Sort,
    Turn,
    Together,
    Only,
    Packets,
    NextCopy,
    PreviousCopy,
    Save,
    Copy,
    CopyLine,
    Recapture,
    Quit,
    Suspend,
    // Of a line that is typed.
    Accept,
    Cancel,
    Earlier,
    Later,
    Complete,
    Rub,
    RubNext,
    RubWord,
    RubAll,
    CaretLeft,
    CaretRight,
    CaretHome,
    CaretEnd,
    // Of a question.
    Confirm,
    // Of the choice of what to save.
    SaveFrames,
    SaveText,
    SaveJson,
    SaveAll,
}

/// Who takes keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Flows,
    Flow,
    Packets,
    Sources,
    Expectations,
    Findings,
    Points,
    Help,
    Line,
    Menu,
    Confirm,
}

#[derive(Debug)]
pub(super) struct Binding {
    pub keys: &'static [Key],
    pub action: Action,
    pub places: &'static [Place],
    /// What it does, in a sentence of the help.
    pub words: &'static str,
    /// The same in a word or two, at the foot of the screen.
    pub hint: Option<&'static str>,
}

use Place::{Confirm, Expectations, Findings, Flow, Flows, Help, Line, Menu, Packets, Points, Sources};

const SCREENS: &[Place] = &[Flows, Flow, Packets, Sources, Expectations, Findings, Points, Help];
const BUT_HELP: &[Place] = &[Flows, Flow, Packets, Sources, Expectations, Findings, Points];
const WITH_LINES: &[Place] = &[Flows, Packets, Sources, Expectations, Findings, Points];

const fn binding(
    keys: &'static [Key],
    action: Action,
    places: &'static [Place],
    (words, hint): (&'static str, Option<&'static str>),
) -> Binding {
    Binding { keys, action, places, words, hint }
}

use Key::{
    BackTab, Backspace, Char, Ctrl, Delete, Down, End, Enter, Esc, Home, Left, PageDown, PageUp, Right, Tab,
    Up,
};

/// Every key. Hints are shown in this order.
pub(super) const TABLE: &[Binding] = &[
    binding(&[Enter], Action::Open, &[Flows, Sources, Expectations, Findings], texts::OPEN),
    binding(&[Enter, Right, Char('l')], Action::Right, &[Packets], texts::ENTER),
    binding(&[Left, Char('h')], Action::Left, &[Packets], texts::LEAVE),
    binding(&[Esc, Backspace], Action::Back, SCREENS, texts::BACK),
    binding(&[Char('p')], Action::Packets, &[Flows, Flow], texts::PACKETS),
    binding(&[Char('n')], Action::NextCopy, &[Packets], texts::NEXT_COPY),
    binding(&[Char('N')], Action::PreviousCopy, &[Packets], texts::PREVIOUS_COPY),
    binding(&[Char('/')], Action::Filter, BUT_HELP, texts::FILTER),
    binding(&[Char('/')], Action::Filter, &[Help], texts::SEARCH),
    binding(&[Char('c')], Action::Recapture, BUT_HELP, texts::RECAPTURE),
    binding(&[Char('s')], Action::Sort, &[Flows], texts::SORT),
    binding(&[Char('S')], Action::Turn, &[Flows], texts::TURN),
    binding(&[Char('v')], Action::Only, &[Flows], texts::ONLY),
    binding(&[Char('f')], Action::Follow, &[Flows, Packets], texts::FOLLOW),
    binding(&[Char(' ')], Action::Pause, BUT_HELP, texts::PAUSE),
    binding(&[Char('w')], Action::Save, BUT_HELP, texts::SAVE),
    binding(&[Char('y')], Action::Copy, BUT_HELP, texts::COPY),
    binding(&[Char('t')], Action::Together, &[Flows], texts::TOGETHER),
    binding(&[Right, Char('l')], Action::Right, &[Flows], texts::RIGHT),
    binding(&[Left, Char('h')], Action::Left, &[Flows], texts::LEFT),
    binding(&[Char('Y')], Action::CopyLine, WITH_LINES, texts::COPY_LINE),
    binding(&[Up, Char('k')], Action::Up, SCREENS, texts::UP),
    binding(&[Down, Char('j')], Action::Down, SCREENS, texts::DOWN),
    binding(&[PageUp, Ctrl('b'), Ctrl('u')], Action::PageUp, SCREENS, texts::PAGE_UP),
    binding(&[PageDown, Ctrl('f'), Ctrl('d')], Action::PageDown, SCREENS, texts::PAGE_DOWN),
    binding(&[Home, Char('g')], Action::First, SCREENS, texts::FIRST),
    binding(&[End, Char('G')], Action::Last, SCREENS, texts::LAST),
    binding(&[Tab], Action::NextTab, SCREENS, texts::NEXT_TAB),
    binding(&[BackTab], Action::PreviousTab, SCREENS, texts::PREVIOUS_TAB),
    binding(&[Char('1')], Action::Tab(0), SCREENS, (texts::TABS[0], None)),
    binding(&[Char('2')], Action::Tab(1), SCREENS, (texts::TABS[1], None)),
    binding(&[Char('3')], Action::Tab(2), SCREENS, (texts::TABS[2], None)),
    binding(&[Char('4')], Action::Tab(3), SCREENS, (texts::TABS[3], None)),
    binding(&[Char('5')], Action::Tab(4), SCREENS, (texts::TABS[4], None)),
    binding(&[Char('6')], Action::Tab(5), SCREENS, (texts::TABS[5], None)),
    binding(&[Char('?')], Action::Help, BUT_HELP, texts::HELP),
    binding(&[Char('q'), Ctrl('c')], Action::Quit, SCREENS, texts::QUIT),
    binding(&[Ctrl('z')], Action::Suspend, SCREENS, texts::SUSPEND),
    // A line that is typed.
    binding(&[Enter], Action::Accept, &[Line], texts::ACCEPT),
    binding(&[Char('y')], Action::Confirm, &[Confirm], texts::CONFIRM),
    binding(&[Char('n'), Esc, Ctrl('c')], Action::Cancel, &[Confirm], texts::DECLINE),
    binding(&[Esc, Ctrl('c')], Action::Cancel, &[Line, Menu], texts::CANCEL),
    binding(&[Up, Ctrl('p')], Action::Earlier, &[Line], texts::EARLIER),
    binding(&[Down, Ctrl('n')], Action::Later, &[Line], texts::LATER),
    binding(&[Tab], Action::Complete, &[Line], texts::COMPLETE),
    binding(&[Backspace, Ctrl('h')], Action::Rub, &[Line], texts::RUB),
    binding(&[Delete], Action::RubNext, &[Line], texts::RUB_NEXT),
    binding(&[Ctrl('w')], Action::RubWord, &[Line], texts::RUB_WORD),
    binding(&[Ctrl('u')], Action::RubAll, &[Line], texts::RUB_ALL),
    binding(&[Left, Ctrl('b')], Action::CaretLeft, &[Line], texts::CARET_LEFT),
    binding(&[Right, Ctrl('f')], Action::CaretRight, &[Line], texts::CARET_RIGHT),
    binding(&[Home, Ctrl('a')], Action::CaretHome, &[Line], texts::CARET_HOME),
    binding(&[End, Ctrl('e')], Action::CaretEnd, &[Line], texts::CARET_END),
    // What to save.
    binding(&[Char('f')], Action::SaveFrames, &[Menu], texts::SAVE_FRAMES),
    binding(&[Char('t')], Action::SaveText, &[Menu], texts::SAVE_TEXT),
    binding(&[Char('j')], Action::SaveJson, &[Menu], texts::SAVE_JSON),
    binding(&[Char('a')], Action::SaveAll, &[Menu], texts::SAVE_ALL),
];

/// What a key does at a place.
pub(super) fn action(place: Place, key: Key) -> Option<Action> {
    let bound = |binding: &&Binding| binding.places.contains(&place) && binding.keys.contains(&key);
    TABLE.iter().find(bound).map(|binding| binding.action)
}

/// The keys that do something now.
pub(super) fn of_use(model: &Model) -> impl Iterator<Item = &'static Binding> + '_ {
    let place = model.place();
    TABLE.iter().filter(move |binding| binding.places.contains(&place) && model.can(binding.action))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: &[Place] =
        &[Flows, Flow, Packets, Sources, Expectations, Findings, Points, Help, Line, Menu, Confirm];

    #[test]
    fn no_key_does_two_things_at_one_place() {
        for place in PLACES {
            let bound = TABLE.iter().filter(|binding| binding.places.contains(place));
            let mut keys: Vec<String> =
                bound.flat_map(|binding| binding.keys).map(|key| key.name()).collect();
            let count = keys.len();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), count, "{place:?}");
        }
    }

    #[test]
    fn help_and_the_way_out_are_bound_everywhere() {
        for place in PLACES {
            let leaves = [Action::Quit, Action::Back, Action::Cancel];
            let bound = TABLE.iter().filter(|binding| binding.places.contains(place));
            assert!(bound.into_iter().any(|binding| leaves.contains(&binding.action)), "{place:?}");
        }
        for place in BUT_HELP {
            assert_eq!(action(*place, Char('?')), Some(Action::Help));
        }
    }

    #[test]
    fn arrows_and_the_letters_of_vi_do_the_same() {
        for (arrow, letter) in [(Up, 'k'), (Down, 'j'), (Home, 'g'), (End, 'G'), (Left, 'h'), (Right, 'l')] {
            assert_eq!(action(Flows, arrow), action(Flows, Char(letter)));
        }
    }
}
