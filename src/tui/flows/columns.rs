//! Which columns of the list of flows there is room for, and how wide they are.
//!
//! Four answer what is asked, and are shown whatever it costs them. The others come as they fit, the most telling first.

use std::ops::Range;

use super::super::texts;
use super::table::Cells;
use crate::prose::columns;
use crate::snapshot::{Column, Page};

/// Between columns.
pub(super) const GAP: usize = 2;
/// The mark, and a space after it.
const MARK: usize = 2;
/// The widest that a cell may make its column, before there is room left.
const MOST: usize = 24;
/// Columns that something beside what stands first in a cell needs to say anything.
pub(super) const BESIDE: usize = 7;
/// Columns of a name that come before numbers.
const NAME: usize = 24;

/// The widths that cells have come to, which only grow: a column does not jump about while one scrolls.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Widths {
    workload: usize,
    destination: usize,
    left_as: usize,
    expected: usize,
    outcome: usize,
    /// What the destination is called, and the address of a workload that has a name.
    name: usize,
    origin: usize,
}

impl Widths {
    pub(super) fn widen(&mut self, page: &Page) {
        for line in &page.lines {
            let cells = Cells::of(line);
            let grow = |width: &mut usize, text: &str| *width = (*width).max(columns(text));
            grow(&mut self.workload, &cells.workload);
            grow(&mut self.destination, &cells.destination);
            grow(&mut self.left_as, &cells.left_as);
            grow(&mut self.expected, &cells.expected);
            grow(&mut self.outcome, cells.outcome.name());
            if let Some(name) = cells.name {
                grow(&mut self.name, &name.to_string());
            }
            if let Some(origin) = &cells.origin {
                grow(&mut self.origin, origin);
            }
        }
    }

    fn of(&self, column: Column) -> usize {
        let measured = match column {
            Column::Verdict => 12,
            Column::Workload => self.workload.min(MOST),
            Column::Destination => self.destination.min(MOST),
            Column::LeftAs => self.left_as.min(MOST),
            Column::Expected => self.expected.min(MOST),
            Column::Outcome => self.outcome.min(11),
            Column::Flows | Column::Bytes | Column::Packets => 6,
            Column::Age => 7,
        };
        // The arrow of the order stands beside the word.
        measured.max(columns(texts::column(column)) + 1)
    }

    /// What nothing would be cut in, of all that fits into `room`: what else is known of an end has some of it at least, or none.
    fn whole(&self, column: Column, room: usize) -> usize {
        let (first, second) = match column {
            Column::Destination => (self.destination, self.name),
            Column::Workload => (self.workload, self.origin),
            Column::LeftAs => (self.left_as, 0),
            Column::Expected => (self.expected, 0),
            _ => (self.of(column), 0),
        };
        let has_second = second > 0 && first + GAP + second.min(BESIDE) <= room;
        if has_second { first + GAP + second } else { first }
    }
}

/// The columns that there is room for, with where they stand from the left edge.
pub(in super::super) fn columns_of(widths: &Widths, width: usize) -> Vec<(Column, Range<usize>)> {
    let mut room = width.saturating_sub(MARK);
    let mut kept = answering(widths, room);
    room = (room + GAP).saturating_sub(kept.iter().map(|(_, width)| width + GAP).sum());
    room -= fitting(widths, &[Column::Flows, Column::Expected, Column::Age], room, &mut kept);
    // A name says more than numbers do.
    let named = if widths.name > 0 { GAP + widths.name.min(NAME) } else { 0 };
    let numbers = [Column::Packets, Column::Bytes, Column::Verdict];
    room -= fitting(widths, &numbers, room.saturating_sub(named), &mut kept);
    // What is left goes to the name of the destination, then to what was cut.
    for column in [Column::Destination, Column::Workload, Column::LeftAs, Column::Expected] {
        if let Some((_, width)) = kept.iter_mut().find(|(known, _)| *known == column) {
            let more = widths.whole(column, *width + room).saturating_sub(*width).min(room);
            *width += more;
            room -= more;
        }
    }
    kept.sort_by_key(|(column, _)| *column);
    let mut at = MARK;
    kept.into_iter()
        .map(|(column, width)| {
            let range = at..at + width;
            at = range.end + GAP;
            (column, range)
        })
        .collect()
}

/// The four columns that answer what is asked; the destination gives way first.
fn answering(widths: &Widths, room: usize) -> Vec<(Column, usize)> {
    const LEAST: [(Column, usize); 4] =
        [(Column::Destination, 12), (Column::Workload, 10), (Column::LeftAs, 10), (Column::Outcome, 8)];
    let mut kept = LEAST.map(|(column, _)| (column, widths.of(column)));
    let mut over = (kept.iter().map(|(_, width)| width + GAP).sum::<usize>() - GAP).saturating_sub(room);
    for ((_, width), (_, least)) in kept.iter_mut().zip(LEAST) {
        let less = over.min(width.saturating_sub(least));
        *width -= less;
        over -= less;
    }
    kept.to_vec()
}

/// Adds the columns that there is room for; returns how much of it they take.
fn fitting(widths: &Widths, columns: &[Column], room: usize, kept: &mut Vec<(Column, usize)>) -> usize {
    let mut taken = 0;
    for column in columns {
        let width = widths.of(*column);
        if taken + width + GAP <= room {
            kept.push((*column, width));
            taken += width + GAP;
        }
    }
    taken
}
