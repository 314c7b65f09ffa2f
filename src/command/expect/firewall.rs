//! `egret expect firewall`: the sheet for whoever runs the partner's firewall.

use std::process::ExitCode;

use super::given::Given;
use super::json;
use crate::cli::expect::{Firewall, Sheet as Form};
use crate::command::{print, say};
use crate::expect::sheet::{Row, Sheet, Wanted};

const HEAD: [&str; 6] = ["source", "destination", "port", "protocol", "namespace", "reason"];

pub(super) fn run(asked: &Firewall) -> anyhow::Result<ExitCode> {
    let given = Given::read(&asked.inputs)?;
    let wanted = Wanted { namespaces: &asked.namespace, destinations: &asked.to };
    let sheet = Sheet::of(&given.expectations, &given.described.objects, &given.described.derived, wanted);
    if asked.format != Form::Json {
        for note in &sheet.notes {
            say(note);
        }
    }
    let page = match asked.format {
        Form::Csv => csv(&sheet.rows),
        Form::Markdown => markdown(&sheet.rows),
        Form::Json => json::document("firewall", json::Admit::from(sheet)),
    };
    print(&page)?;
    Ok(ExitCode::SUCCESS)
}

fn cells(row: &Row) -> [&str; 6] {
    [&row.source, &row.destination, &row.port, &row.protocol, &row.namespace, &row.reason]
}

/// As RFC 4180 has it, with line feeds. A cell that a spreadsheet would take for a formula is made text.
fn csv(rows: &[Row]) -> String {
    let line = |cells: [&str; 6]| format!("{}\n", cells.map(cell).join(","));
    let head = line(HEAD);
    head + &rows.iter().map(|row| line(cells(row))).collect::<String>()
}

fn cell(text: &str) -> String {
    let text =
        if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

fn markdown(rows: &[Row]) -> String {
    let line = |cells: [&str; 6]| format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
    let head = line(HEAD) + "|---|---|---|---|---|---|\n";
    head + &rows.iter().map(|row| line(cells(row))).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be_and_are_never_formulas() {
        assert_eq!(cell("a, \"b\""), "\"a, \"\"b\"\"\"");
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("192.168.12.99"), "192.168.12.99");
    }
}
