//! Where everything is on the screen. Views draw by it, clicks are found by it, pages are as long as it says; it depends
//! on the size of the terminal alone, so that nothing jumps when numbers change.

use ratatui::layout::Rect;

/// The smallest terminal that everything fits in.
pub(super) const SMALLEST: (u16, u16) = (60, 15);

/// From this height on the head has room for the worst problem, and for what to do about it.
const WITH_PROBLEM: u16 = 22;
const WITH_NEXT: u16 = 34;
/// Lines of the body that a list leaves for what is selected in it, where the body is tall.
const PREVIEW: u16 = 11;
const TALL: u16 = 24;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Areas {
    /// What is captured, the answers, the counts.
    pub status: Rect,
    /// The worst problem in words; empty in small terminals.
    pub problem: Rect,
    pub tabs: Rect,
    pub body: Rect,
    pub foot: Rect,
}

pub(super) fn is_too_small((width, height): (u16, u16)) -> bool {
    width < SMALLEST.0 || height < SMALLEST.1
}

pub(super) fn areas((width, height): (u16, u16)) -> Areas {
    // One column of air on either side.
    let (left, wide) = (1, width.saturating_sub(2));
    let told = match height {
        ..WITH_PROBLEM => 0,
        WITH_PROBLEM..WITH_NEXT => 2,
        _ => 4,
    };
    let mut row = 0;
    let mut take = |lines: u16| {
        let area = Rect::new(left, row, wide, lines.min(height - row));
        row += area.height;
        area
    };
    let status = take(4);
    let problem = take(told);
    let tabs = take(1);
    let body = take((height - row_of(tabs)).saturating_sub(1));
    let foot = take(1);
    Areas { status, problem, tabs, body, foot }
}

fn row_of(area: Rect) -> u16 {
    area.y + area.height
}

/// A list with a head of one line, and what is selected in it below where there is room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct List {
    pub head: Rect,
    pub lines: Rect,
    pub preview: Option<Rect>,
}

impl List {
    pub(super) fn room(&self) -> usize {
        usize::from(self.lines.height)
    }
}

pub(super) fn list(size: (u16, u16)) -> List {
    let body = areas(size).body;
    let preview = (body.height >= TALL).then_some(PREVIEW);
    let below = preview.unwrap_or(0);
    let head = Rect { height: body.height.min(1), ..body };
    let lines = Rect { y: body.y + head.height, height: body.height - head.height - below, ..body };
    let preview = preview.map(|height| Rect { y: row_of(lines), height, ..body });
    List { head, lines, preview }
}

/// The list of packets, the layers of the one that is selected, and its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packets {
    pub head: Rect,
    pub lines: Rect,
    /// A line above the two, which says what they are.
    pub rule: Rect,
    pub layers: Rect,
    pub bytes: Rect,
}

/// Columns of a line of sixteen bytes: `0010  45 00 …  …  E..4`.
const HEX: u16 = 4 + 2 + 16 * 3 + 1 + 16;
/// …and of eight.
const HEX_NARROW: u16 = 4 + 2 + 8 * 3 + 1 + 8;

pub(super) fn packets(size: (u16, u16)) -> Packets {
    let body = areas(size).body;
    let head = Rect { height: body.height.min(1), ..body };
    let above = ((body.height - head.height) * 2 / 5).max(2).min(body.height - head.height);
    let lines = Rect { y: row_of(head), height: above, ..body };
    let left = body.height - head.height - above;
    let rule = Rect { y: row_of(lines), height: left.min(1), ..body };
    let below = Rect { y: row_of(rule), height: left - rule.height, ..body };
    let hex = if body.width >= HEX + 44 { HEX } else { HEX_NARROW };
    let hex = hex.min(below.width);
    let layers = Rect { width: (below.width - hex).saturating_sub(2), ..below };
    let bytes = Rect { x: below.x + below.width - hex, width: hex, ..below };
    Packets { head, lines, rule, layers, bytes }
}

/// Bytes on a line of the bytes' area.
pub(super) fn bytes_a_line(bytes: Rect) -> usize {
    if bytes.width >= HEX { 16 } else { 8 }
}

/// The column where a byte of a line of the bytes' area stands, of two hexadecimal digits; and where its character does.
pub(super) fn byte_columns(bytes: Rect, at: usize) -> (u16, u16) {
    let a_line = bytes_a_line(bytes);
    let at = at as u16;
    (6 + at * 3, 6 + a_line as u16 * 3 + 1 + at)
}

/// The byte that a column of such a line belongs to.
pub(super) fn byte_at(bytes: Rect, column: u16) -> Option<usize> {
    (0..bytes_a_line(bytes)).find(|at| {
        let (hex, character) = byte_columns(bytes, *at);
        (hex..hex + 2).contains(&column) || column == character
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_screen_neither_overlap_nor_leave_it() {
        for width in SMALLEST.0..200 {
            for height in SMALLEST.1..100 {
                let size = (width, height);
                let areas = areas(size);
                let mut row = 0;
                for area in [areas.status, areas.problem, areas.tabs, areas.body, areas.foot] {
                    assert_eq!(area.y, row, "{size:?}");
                    assert!(area.x + area.width < width);
                    row += area.height;
                }
                assert_eq!(row, height, "{size:?}");
                let list = list(size);
                assert!(list.room() >= 7, "{size:?}: {} lines", list.room());
                let packets = packets(size);
                let body = areas.body;
                for area in [packets.lines, packets.layers, packets.bytes] {
                    assert_eq!(area.intersection(body), area, "{size:?}");
                    assert!(area.height >= 2 && area.width >= 17, "{size:?}: {area:?}");
                }
                assert!(packets.layers.x + packets.layers.width < packets.bytes.x);
            }
        }
    }

    #[test]
    fn a_byte_is_found_where_it_is_drawn() {
        for size in [(60, 15), (80, 24), (120, 40)] {
            let bytes = packets(size).bytes;
            for at in 0..bytes_a_line(bytes) {
                let (hex, character) = byte_columns(bytes, at);
                assert!(character < bytes.width);
                assert_eq!((byte_at(bytes, hex), byte_at(bytes, character)), (Some(at), Some(at)));
                assert_eq!(byte_at(bytes, hex + 2), None);
            }
        }
    }
}
