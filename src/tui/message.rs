//! What comes in, and what is asked of the outside.

use std::sync::Arc;

use crossterm::event::{Event, KeyEvent, MouseEvent};
use smallvec::SmallVec;

use crate::frame::{LinkType, Timestamp};
use crate::snapshot::{Snapshot, Window};
use crate::verdict::Verdict;

#[derive(Debug, Clone)]
pub enum Message {
    Key(KeyEvent),
    Mouse(MouseEvent),
    /// Text that was pasted.
    Paste(String),
    Resize {
        width: u16,
        height: u16,
    },
    /// The time, some times a second: what is shown of time goes on by it alone.
    Tick {
        now: Timestamp,
    },
    /// How the run stands, for the window that was asked for last.
    Snapshot(Arc<Snapshot>),
    /// The frames that were asked for.
    Frames(Arc<Frames>),
    /// How far the sources have been read, in bytes; of how many, where that is known.
    Progress {
        read: u64,
        of: Option<u64>,
    },
    /// No more will come: all was read, or the capture is over.
    Ended,
    /// What a filter that is being typed comes to.
    Checked {
        typed: String,
        found: Result<Checked, Mistake>,
    },
    /// What there is to know before only what this filter admits is captured, or everything if it is empty.
    Weighed {
        filter: String,
        told: String,
    },
    /// Something that was asked for was done: `saved to leak.pcapng`.
    Done(String),
    /// Something that was asked for could not be done, and why.
    Refused(String),
}

impl Message {
    /// What an event of the terminal means; `None` of those that mean nothing.
    pub fn of(event: Event) -> Option<Self> {
        match event {
            Event::Key(key) => Some(Self::Key(key)),
            Event::Mouse(mouse) => Some(Self::Mouse(mouse)),
            Event::Resize(width, height) => Some(Self::Resize { width, height }),
            Event::Paste(text) => Some(Self::Paste(text)),
            Event::FocusGained | Event::FocusLost => None,
        }
    }
}

/// A filter that can be applied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// What it means, in words.
    pub meaning: String,
}

/// What is wrong with a filter, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    pub message: String,
    /// In characters from the start of what was typed.
    pub at: Option<usize>,
}

/// What the outside is to do. Answers come as messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    Quit,
    /// Go on answering with snapshots for this window; it takes the place of the one before.
    Ask(Window),
    AskFrames(FramesWanted),
    Save(Save),
    /// To the clipboard of whoever sits at the terminal (OSC 52).
    Copy(String),
    /// Tell what a filter comes to; answered by [`Message::Checked`].
    Check(String),
    /// Show only what a filter admits, all if it is empty.
    Apply(String),
    /// Tell what would be lost if only what a filter admits were captured, everything if it is empty; answered by
    /// [`Message::Weighed`].
    Weigh(String),
    /// Capture only that.
    Recapture(String),
    /// Give the terminal back and stop, as Ctrl-Z does.
    Suspend,
}

pub type Effects = SmallVec<[Effect; 2]>;

/// Which frames are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FramesWanted {
    /// Those of a flow, by its id, at all places; all frames, if none is named.
    pub flow: Option<String>,
    /// From this number on, in the order of time.
    pub first: usize,
    pub count: usize,
}

/// Frames that were asked for.
#[derive(Debug, Clone)]
pub struct Frames {
    pub wanted: FramesWanted,
    /// How many there are by now.
    pub total: usize,
    pub list: Vec<Seen>,
}

/// A frame where it was seen.
#[derive(Debug, Clone)]
pub struct Seen {
    /// `node1:1533`.
    pub id: String,
    /// `node1/#2`.
    pub place: String,
    pub time: Timestamp,
    pub link: LinkType,
    /// Bytes that there were on the wire.
    pub original: u32,
    pub bytes: Arc<[u8]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Save {
    pub what: SaveWhat,
    pub format: SaveFormat,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaveWhat {
    /// All that the list has, on any page.
    Shown(Window),
    /// One flow, by its id.
    Flow(String),
    /// The run, whatever is shown.
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaveFormat {
    /// The frames, as pcapng.
    Frames,
    /// The report as text.
    Text,
    /// The report as JSON.
    Json,
}

/// The verdicts that a list can be narrowed to, one after the other.
pub(super) const ONLY: &[&[Verdict]] =
    &[&[], &[Verdict::Fail], &[Verdict::Inconclusive], &[Verdict::Pass], &[Verdict::Exempt]];
