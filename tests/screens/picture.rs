//! A screen as a picture: a buffer of cells as SVG, exact to the column.
//!
//! Every run of plain characters, and every other character, is drawn at its place, so that a wide one moves nothing; lines of boxes and blocks are drawn as
//! strokes and areas, as terminals do it, so that they meet. Colours are those of a usual palette of sixteen, in a dark and a
//! light form.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

/// Pixels of a cell.
const WIDE: f32 = 8.4;
const HIGH: f32 = 17.0;
/// Around the screen.
const EDGE: f32 = 10.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    Dark,
    Light,
}

/// The screen as an SVG document.
pub(crate) fn svg(buffer: &Buffer, ground: Ground) -> String {
    let (width, height) = (buffer.area.width, buffer.area.height);
    let (wide, high) = (f32::from(width) * WIDE + 2.0 * EDGE, f32::from(height) * HIGH + 2.0 * EDGE);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide:.1} {high:.1}\" width=\"{wide:.0}\" height=\"{high:.0}\" \
         font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{}\"/>\n",
        ground.paper()
    );
    for y in 0..height {
        let cells: Vec<(u16, &Cell)> = shown(buffer, y);
        let mut rest = &cells[..];
        while let Some((x, first)) = rest.first() {
            let together = rest.iter().take_while(|(_, cell)| is_drawn_with(first, cell)).count().max(1);
            let (run, later) = rest.split_at(together);
            let at = (f32::from(*x) * WIDE + EDGE, f32::from(y) * HIGH + EDGE);
            draw(&mut svg, run, at, ground);
            rest = later;
        }
    }
    svg + "</svg>\n"
}

/// The cells of a line that are seen: none behind the first half of a wide character.
fn shown(buffer: &Buffer, y: u16) -> Vec<(u16, &Cell)> {
    let mut hidden = 0;
    let seen = (0..buffer.area.width).filter(|x| {
        let is_hidden = hidden > 0;
        hidden = if is_hidden { hidden - 1 } else { columns(&buffer[(*x, y)]) - 1 };
        !is_hidden
    });
    seen.map(|x| (x, &buffer[(x, y)])).collect()
}

fn columns(cell: &Cell) -> usize {
    egret::prose::columns(cell.symbol()).max(1)
}

/// Plain characters of one style are written together: a font of one width keeps them in their columns.
fn is_drawn_with(first: &Cell, cell: &Cell) -> bool {
    let is_plain = |cell: &Cell| cell.symbol().len() == 1;
    is_plain(first) && is_plain(cell) && first.style() == cell.style()
}

fn draw(svg: &mut String, cells: &[(u16, &Cell)], (x, y): (f32, f32), ground: Ground) {
    let cell = cells[0].1;
    let is_reversed = cell.modifier.contains(Modifier::REVERSED);
    let (mut ink, mut paper) = (ground.colour(cell.fg, ground.ink()), ground.colour(cell.bg, ground.paper()));
    if is_reversed {
        std::mem::swap(&mut ink, &mut paper);
    }
    let all: usize = cells.iter().map(|(_, cell)| columns(cell)).sum();
    let wide = WIDE * all as f32;
    if paper != ground.paper() {
        let (wide, high) = (wide + 0.3, HIGH + 0.3);
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.2}\" height=\"{high:.2}\" fill=\"{paper}\"/>"
        );
    }
    let text: String = cells.iter().map(|(_, cell)| cell.symbol()).collect();
    if text.trim().is_empty() {
        return;
    }
    let dim = if cell.modifier.contains(Modifier::DIM) { " opacity=\"0.62\"" } else { "" };
    if let Some(shape) = shape(&text, x, y, ink) {
        let _ = writeln!(svg, "<g{dim}>{shape}</g>");
        return;
    }
    let bold = if cell.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{wide:.1}\" lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\" fill=\"{ink}\"{bold}{dim}>{}</text>",
        y + HIGH - 4.5,
        escaped(&text)
    );
}

/// Boxes and blocks, drawn to the edges of their cell.
fn shape(symbol: &str, x: f32, y: f32, ink: &str) -> Option<String> {
    let (middle, centre) = (y + HIGH / 2.0, x + WIDE / 2.0);
    let (end, foot) = (x + WIDE, y + HIGH);
    let path = |d: String| format!("<path d=\"{d}\" fill=\"none\" stroke=\"{ink}\" stroke-width=\"1.2\"/>");
    let c = symbol.chars().next()?;
    Some(match c {
        '─' => path(format!("M{x:.1} {middle:.1}H{:.1}", end + 0.2)),
        '│' => path(format!("M{centre:.1} {y:.1}V{:.1}", foot + 0.2)),
        '├' => path(format!("M{centre:.1} {y:.1}V{foot:.1}M{centre:.1} {middle:.1}H{end:.1}")),
        '╭' => path(format!("M{end:.1} {middle:.1}Q{centre:.1} {middle:.1} {centre:.1} {foot:.1}")),
        '╮' => path(format!("M{x:.1} {middle:.1}Q{centre:.1} {middle:.1} {centre:.1} {foot:.1}")),
        '╰' => path(format!("M{centre:.1} {y:.1}Q{centre:.1} {middle:.1} {end:.1} {middle:.1}")),
        '╯' => path(format!("M{centre:.1} {y:.1}Q{centre:.1} {middle:.1} {x:.1} {middle:.1}")),
        '▁'..='█' => {
            let eighths = (c as u32 - '▁' as u32 + 1) as f32;
            let high = HIGH * eighths / 8.0;
            format!(
                "<rect x=\"{x:.1}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{:.2}\" fill=\"{ink}\"/>",
                foot - high,
                WIDE + 0.2,
                high + 0.2
            )
        }
        _ => return None,
    })
}

fn escaped(symbol: &str) -> String {
    symbol.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl Ground {
    fn paper(self) -> &'static str {
        match self {
            Self::Dark => "#1b1e23",
            Self::Light => "#fbfbf9",
        }
    }

    fn ink(self) -> &'static str {
        match self {
            Self::Dark => "#d7dae0",
            Self::Light => "#24272c",
        }
    }

    fn colour(self, colour: Color, own: &'static str) -> &'static str {
        match (colour, self) {
            (Color::Red, Self::Dark) => "#f2777a",
            (Color::Red, Self::Light) => "#c1272d",
            (Color::Green, Self::Dark) => "#8fce84",
            (Color::Green, Self::Light) => "#2a7d2e",
            (Color::Yellow, Self::Dark) => "#f0c674",
            (Color::Yellow, Self::Light) => "#8a6100",
            (Color::Blue, Self::Dark) => "#81a2f0",
            (Color::Blue, Self::Light) => "#2456b8",
            (Color::Magenta, Self::Dark) => "#d39ae6",
            (Color::Magenta, Self::Light) => "#8a3aa6",
            (Color::Cyan, Self::Dark) => "#7fd0d8",
            (Color::Cyan, Self::Light) => "#0d7480",
            _ => own,
        }
    }
}
