//! What goes between the threads of `egret watch`.
//!
//! ```text
//!   keys ── Heard ──▶ screen ── Order ──▶ who takes frames in, with the engine
//!                       ▲ ▲ └── Job ──▶ lender ◀── Job ──┘ │
//!                       │ └───────── Heard ───┘            │
//!                       └─────────── Heard ────────────────┘
//! ```
//!
//! The engine never waits for the screen: what it has to show is shown later where there is no room for it.

use crossterm::event::Event;

use crate::engine::Serial;
use crate::snapshot::Window;
use crate::tui::{FramesWanted, Message, Save};

/// What the screen hears.
#[derive(Debug)]
pub(super) enum Heard {
    /// Of the terminal.
    Event(Event),
    /// Of the run.
    Told(Message),
    /// The terminal is gone, and why.
    Gone(String),
    /// The run is over, and the screen goes.
    Close,
}

/// Messages on their way to the screen: a slow line makes keys wait, and snapshots be left out.
pub(super) const MESSAGES: usize = 64;

/// What the screen wants of the engine, and the lender found out for it.
#[derive(Debug)]
pub(super) enum Order {
    /// Snapshots for this window from now on, and one at once.
    Show(Window),
    Frames(FramesWanted),
    Save(Save),
    /// Only what this filter admits counts from now on.
    Apply(String),
    /// Tell what is lost if only what this filter admits is captured.
    Weigh(String),
    /// Capture only that from now on; everything, if it is empty.
    Recapture(String),
    /// These tracks have frames that meet what the filter with that number asks of frames.
    Mark {
        number: u64,
        marked: Vec<(Serial, u8)>,
    },
    /// Who writes a report has room for more of it.
    More,
    /// What was to be saved is, in a file of that name; or it cannot be.
    Saved(Option<String>),
    /// The screen is gone.
    Leave,
}
