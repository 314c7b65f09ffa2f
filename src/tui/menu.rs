//! What to save, and as what.

use super::message::{Save, SaveFormat, SaveWhat};
use crate::snapshot::Window;

/// A choice that waits for a key.
#[derive(Debug, Clone)]
pub(super) struct Menu {
    /// What is shown.
    pub shown: SaveWhat,
}

impl Menu {
    pub(super) fn of_list(window: Window) -> Self {
        Self { shown: SaveWhat::Shown(window) }
    }

    pub(super) fn of_flow(id: &str) -> Self {
        Self { shown: SaveWhat::Flow(id.to_owned()) }
    }

    pub(super) fn of_all() -> Self {
        Self { shown: SaveWhat::All }
    }

    pub(super) fn save(self, format: SaveFormat) -> Save {
        Save { what: self.shown, format }
    }
}
