//! The list of flows: what is selected in it, its order, and which page of it is wanted.
//!
//! The list is the engine's, and only a page of it is at hand. Until somebody moves, the list is followed from its top, where what is
//! worst stands, or what is new. Once a line was chosen it stays chosen, and stays where it is on the
//! screen, whatever comes and goes above it.

pub(super) mod columns;
pub(super) mod table;

use super::cursor::Cursor;
use super::message::ONLY;
use super::texts;
use crate::snapshot::{
    Column, Detail, GroupId, Left, Line, LineId, Listing, Order, Page, Snapshot, Sort, Window,
};
use columns::Widths;

/// Pages that are asked for above and below the one that is shown.
const BESIDE: usize = 1;

#[derive(Debug)]
pub struct State {
    sort: Sort,
    is_together: bool,
    /// Of [`ONLY`].
    only: usize,
    expectation: Option<usize>,
    left: Option<Left>,
    open: Vec<GroupId>,
    /// The chosen line, as long as it is at hand; `None` while the list is followed, or looked for.
    chosen: Option<LineId>,
    /// The flow that the selected line is, or begins with.
    looked_at: Option<String>,
    is_following: bool,
    /// By lines from the list's start.
    cursor: Cursor,
    pub(super) widths: Widths,
}

impl Default for State {
    fn default() -> Self {
        Self {
            sort: Sort::Worst,
            is_together: true,
            only: 0,
            expectation: None,
            left: None,
            open: Vec::new(),
            chosen: None,
            looked_at: None,
            is_following: true,
            cursor: Cursor::default(),
            widths: Widths::default(),
        }
    }
}

impl State {
    /// Only the flows that an expectation speaks of.
    pub(super) fn of_expectation(expectation: usize) -> Self {
        Self { expectation: Some(expectation), ..Self::default() }
    }

    /// Only the flows that left so.
    pub(super) fn of_source(left: Left) -> Self {
        Self { left: Some(left), ..Self::default() }
    }

    pub(super) fn sort(&self) -> Sort {
        self.sort
    }

    pub(super) fn is_following(&self) -> bool {
        self.is_following
    }

    pub(super) fn is_narrowed(&self) -> bool {
        self.only > 0 || self.expectation.is_some() || self.left.is_some()
    }

    /// What the list is narrowed to, in words.
    pub(super) fn narrowed(&self, run: &Snapshot) -> Vec<String> {
        let mut told = Vec::new();
        told.extend((self.only > 0).then(|| texts::only(ONLY[self.only])));
        let name = |index: usize| run.expectations.get(index).map(|row| texts::only_expectation(&row.name));
        told.extend(self.expectation.and_then(name));
        told.extend(self.left.map(texts::only_left));
        told
    }

    /// The page that is wanted for a screen of so many lines.
    pub(super) fn window(&self, room: usize) -> Window {
        let room = room.max(1);
        let Cursor { selected, top } = self.cursor;
        let above = top.min(room * BESIDE);
        Window {
            verdicts: ONLY[self.only].to_vec(),
            sort: self.sort,
            first: top - above,
            count: above + room * (1 + BESIDE),
            detail: Detail::Screen,
            listing: Listing {
                is_together: self.is_together,
                open: self.open.clone(),
                expectation: self.expectation,
                left: self.left,
                anchor: self.chosen.clone().map(|id| (id, above + selected.saturating_sub(top))),
                flow: self.looked_at.clone(),
            },
        }
    }

    /// Takes in a page: the chosen line keeps its place on the screen.
    pub(super) fn take(&mut self, page: &Page, room: usize) {
        let at = |id: &LineId| page.lines.iter().position(|line| line.id() == *id);
        if self.is_following {
            self.cursor = Cursor::default();
        } else if let Some(at) = self.chosen.as_ref().and_then(at) {
            let on_screen = self.cursor.selected.saturating_sub(self.cursor.top);
            self.cursor.selected = page.first + at;
            self.cursor.top = self.cursor.selected.saturating_sub(on_screen);
        }
        self.keep(page, room);
        self.widths.widen(page);
    }

    fn keep(&mut self, page: &Page, room: usize) {
        self.cursor.keep(page.total, room);
        let line = line(page, self.cursor.selected);
        if !self.is_following {
            self.chosen = line.map(Line::id);
        }
        if let Some(line) = line {
            self.looked_at = Some(line.flow().to_owned());
        }
    }

    /// Moves the selection; from then on it is the user's.
    pub(super) fn moved(&mut self, by: isize, run: Option<&Snapshot>, room: usize) {
        self.to(self.cursor.selected.saturating_add_signed(by), run, room);
    }

    pub(super) fn to(&mut self, selected: usize, run: Option<&Snapshot>, room: usize) {
        let Some(run) = run else { return };
        self.is_following = false;
        self.cursor.selected = selected;
        self.keep(&run.page, room);
    }

    /// Goes back to the top, and stays there.
    pub(super) fn follow(&mut self) {
        (self.is_following, self.chosen, self.cursor) = (true, None, Cursor::default());
    }

    /// Orders by the next column, beginning with what is worst.
    pub(super) fn sort_next(&mut self) {
        const ORDER: &[Column] = &[
            Column::Age,
            Column::Workload,
            Column::Destination,
            Column::LeftAs,
            Column::Outcome,
            Column::Flows,
            Column::Packets,
            Column::Bytes,
        ];
        let next = match self.sort {
            Sort::By(column, _) => {
                ORDER.iter().position(|known| *known == column).and_then(|at| ORDER.get(at + 1))
            }
            Sort::First | Sort::Worst => ORDER.first(),
        };
        self.sort = next.map_or(Sort::Worst, |column| Sort::By(*column, first_order(*column)));
        self.follow();
    }

    /// Orders by a column; the other way round if it was that already.
    pub(super) fn sort_by(&mut self, column: Column) {
        self.sort = match self.sort {
            Sort::By(known, order) if known == column => Sort::By(column, order.turned()),
            Sort::Worst if column == Column::Verdict => Sort::By(column, Order::Descending),
            _ if column == Column::Verdict => Sort::Worst,
            _ => Sort::By(column, first_order(column)),
        };
        self.follow();
    }

    pub(super) fn turn(&mut self) {
        self.sort = match self.sort {
            Sort::By(column, order) => Sort::By(column, order.turned()),
            Sort::Worst | Sort::First => Sort::By(Column::Verdict, Order::Descending),
        };
        self.follow();
    }

    /// One line for equal flows, or one for each.
    pub(super) fn together(&mut self) {
        self.is_together = !self.is_together;
        self.follow();
    }

    pub(super) fn next_verdict(&mut self) {
        self.only = (self.only + 1) % ONLY.len();
        self.follow();
    }

    /// Shows all flows again.
    pub(super) fn widen(&mut self) {
        (self.only, self.expectation, self.left) = (0, None, None);
        self.follow();
    }

    /// The line that is selected, if it is at hand.
    pub(super) fn selected<'a>(&self, run: Option<&'a Snapshot>) -> Option<&'a Line> {
        line(&run?.page, self.cursor.selected)
    }

    pub(super) fn is_selected(&self, number: usize) -> bool {
        number == self.cursor.selected
    }

    pub(super) fn top(&self) -> usize {
        self.cursor.top
    }

    pub(super) fn can_expand(&self, run: Option<&Snapshot>) -> bool {
        matches!(self.selected(run), Some(Line::Group { group, is_open: false, .. }) if group.flows > 1)
    }

    pub(super) fn can_close(&self, run: Option<&Snapshot>) -> bool {
        match self.selected(run) {
            Some(Line::Group { is_open, .. }) => *is_open,
            Some(Line::Flow { is_within, .. }) => *is_within,
            None => false,
        }
    }

    /// Lists a group's flows below it.
    pub(super) fn expand(&mut self, run: Option<&Snapshot>) {
        if let Some(Line::Group { id, group, .. }) = self.selected(run)
            && group.flows > 1
            && !self.open.contains(id)
        {
            self.open.push(*id);
            self.hold(LineId::Group(*id));
        }
    }

    /// Takes the flows of the selected group, or of the one that the selected flow is in, off the list.
    pub(super) fn close(&mut self, run: Option<&Snapshot>) {
        let Some(run) = run else { return };
        let upto =
            self.cursor.selected.saturating_sub(run.page.first).min(run.page.lines.len().saturating_sub(1));
        let above = run.page.lines.get(..=upto).unwrap_or_default().iter().enumerate().rev();
        let group = above.into_iter().find_map(|(at, line)| match line {
            Line::Group { id, is_open: true, .. } => Some((at, *id)),
            _ => None,
        });
        if let Some((at, id)) = group {
            self.open.retain(|open| *open != id);
            self.cursor.selected = run.page.first + at;
            self.cursor.top = self.cursor.top.min(self.cursor.selected);
            self.hold(LineId::Group(id));
        }
    }

    fn hold(&mut self, id: LineId) {
        self.is_following = false;
        self.chosen = Some(id);
    }
}

/// Numbers are best seen from the largest on, but what is youngest is new.
fn first_order(column: Column) -> Order {
    match column {
        Column::Flows | Column::Packets | Column::Bytes => Order::Descending,
        _ => Order::Ascending,
    }
}

/// A line by its number, if it is at hand.
pub(super) fn line(page: &Page, number: usize) -> Option<&Line> {
    page.lines.get(number.checked_sub(page.first)?)
}
