//! The screens of `egret watch`: what is shown, what a key does, what is asked of the outside.
//!
//! The pure part: [`update`] takes a [`Message`] into the [`Model`] and answers with [`Effect`]s, [`view`] draws the model and
//! changes nothing. Neither does I/O, reads a clock or knows the engine. What is shown of the run comes in
//! [`Snapshot`](crate::snapshot::Snapshot)s, for the window that [`Effect::Ask`] wanted; frames come when [`Effect::AskFrames`]
//! wants them. Rules:
//! 1. **One key table** (`keys.rs`) feeds the handler, the foot of the screen and the help. A key that does nothing is not shown.
//! 2. **One place for geometry** (`layout.rs`): the views draw in it, and clicks are found by it.
//! 3. **Colour by meaning** (`theme.rs`), and never alone: a mark or a word stands beside it.
//! 4. **Words in one file** (`texts.rs`).
//! 5. Drawing costs what the screen shows, however many flows there are; [`Model::generation`] tells whether to draw at all.
//!
//! Who owns the terminal does this:
//! - sends every event ([`Message::of`]), and [`Message::Tick`] some times a second;
//! - answers [`Effect::Ask`] at once, and then again with the same window when the run has gone on, a few times a second: the last
//!   window that was asked for counts, those before it need no answer;
//! - draws when [`Model::generation`] has grown, and not otherwise;
//! - answers every other effect with [`Message::Done`] or [`Message::Refused`] if there is something to say.

mod answers;
mod chart;
mod cursor;
mod expectations;
mod findings;
mod flow;
mod flows;
mod help;
mod keys;
mod layout;
mod line;
mod menu;
mod message;
mod model;
mod moment;
mod packets;
mod pen;
mod place;
mod points;
mod sources;
mod texts;
mod theme;
mod update;
mod view;

pub use message::{
    Checked, Effect, Effects, Frames, FramesWanted, Message, Mistake, Save, SaveFormat, SaveWhat, Seen,
};
pub use model::{Model, Screen, Setup};
pub use theme::Colours;
pub use update::update;
pub use view::view;
