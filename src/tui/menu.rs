//! A question that waits for a key: what to save, and as what; whether to capture something else.

use super::keys::Place;
use super::message::{Save, SaveFormat, SaveWhat};

#[derive(Debug, Clone)]
pub(super) enum Menu {
    Save(SaveWhat),
    /// Whether to capture only what a filter admits, everything if it is empty; and what to know before.
    Recapture {
        filter: String,
        told: String,
    },
}

impl Menu {
    /// Who takes keys while it waits.
    pub(super) fn place(&self) -> Place {
        match self {
            Self::Save(_) => Place::Menu,
            Self::Recapture { .. } => Place::Confirm,
        }
    }

    /// What is saved in this format; nothing, if it asks something else.
    pub(super) fn save(self, format: SaveFormat) -> Option<Save> {
        match self {
            Self::Save(what) => Some(Save { what, format }),
            Self::Recapture { .. } => None,
        }
    }
}
