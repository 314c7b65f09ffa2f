//! A place in a list that is all at hand.

/// Which entry is selected. A view shows as much around it as it has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cursor {
    pub selected: usize,
    /// The first entry that is shown.
    pub top: usize,
}

impl Cursor {
    /// Moves by so many entries, within a list of `count`; `room` of them are shown.
    pub(super) fn moved(&mut self, by: isize, count: usize, room: usize) {
        self.selected = self.selected.saturating_add_signed(by);
        self.keep(count, room);
    }

    pub(super) fn to(&mut self, entry: usize, count: usize, room: usize) {
        self.selected = entry;
        self.keep(count, room);
    }

    /// Keeps the selection in the list, and what is shown around the selection.
    pub(super) fn keep(&mut self, count: usize, room: usize) {
        let room = room.max(1);
        self.selected = self.selected.min(count.saturating_sub(1));
        self.top = self.top.min(self.selected).max((self.selected + 1).saturating_sub(room));
        self.top = self.top.min(count.saturating_sub(room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selection_stays_in_the_list_and_on_the_screen() {
        let mut cursor = Cursor::default();
        for by in [5, -100, 3, 1_000, -1, isize::MIN, isize::MAX] {
            cursor.moved(by, 40, 10);
            assert!(cursor.selected < 40);
            assert!((cursor.top..cursor.top + 10).contains(&cursor.selected), "{cursor:?}");
        }
        cursor.keep(0, 0);
        assert_eq!(cursor, Cursor::default());
    }
}
