//! `egret expect lint`: what is wrong with the objects, in words and with the lines that say so.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;

use super::given::Given;
use super::json;
use super::words::{sentence, under};
use crate::cli::expect::{Format, Lint};
use crate::command::page::table;
use crate::command::print;
use crate::document::{Position, snippet};
use crate::expect::lint::{Destination, Finding, Report, Rule, Severity, lint};
use crate::net::Endpoint;
use crate::objects::Place;
use crate::text::Text;

/// Where words begin beside `wire`, `fix` and `also`.
const MARGIN: usize = 8;

pub(super) fn run(asked: &Lint) -> anyhow::Result<ExitCode> {
    if asked.rules {
        print(&rules())?;
        return Ok(ExitCode::SUCCESS);
    }
    let given = Given::read(&asked.inputs)?;
    anyhow::ensure!(
        !asked.inputs.cluster.cluster.is_empty(),
        "a policy file says what is expected, and objects what is: give these with --cluster FILE|DIR"
    );
    let described = &given.described;
    let meant = meant(&given, asked);
    let mut report = lint(&described.objects, &described.derived, &given.assumed, &meant);
    report.findings.retain(|finding| !asked.allow.contains(&finding.rule));
    let counts = [Severity::Error, Severity::Warning, Severity::Unknown]
        .map(|severity| report.findings.iter().filter(|finding| finding.severity == severity).count());
    match asked.format {
        Format::Json => print(&json::document("lint", json::Lint::of(&report, counts)))?,
        Format::Text => {
            given.tell_notes();
            let mut lines = Lines { input: described.input.as_deref(), files: HashMap::new() };
            print(&page(&report, counts, &mut lines))?;
        }
    }
    Ok(ExitCode::from(status(&report, asked.allow_inconclusive)))
}

/// As DESIGN has it for verdicts: an error is a failure; a warning, and what the objects do not tell, is inconclusive.
fn status(report: &Report, allow_inconclusive: bool) -> u8 {
    match report.worst() {
        Some(Severity::Error) => 1,
        Some(Severity::Warning | Severity::Unknown) if !allow_inconclusive => 3,
        Some(Severity::Warning | Severity::Unknown) | None => 0,
    }
}

/// What was typed, and what policy files speak about.
fn meant(given: &Given, asked: &Lint) -> Vec<Destination> {
    let typed = asked.to.iter().map(|(to, protocol)| Destination { to: *to, protocol: *protocol });
    let written = given.expectations.list.iter().filter(|expectation| !expectation.is_derived);
    let single = written.flat_map(|expectation| {
        let ports: Vec<u16> =
            expectation.to.values("dst_port").iter().filter_map(|port| port.parse().ok()).collect();
        let ports = if ports.is_empty() { vec![0] } else { ports };
        let addresses = expectation.to.destinations().iter().map(|block| block.network());
        addresses
            .flat_map(|address| {
                ports.iter().map(move |&port| Destination { to: Endpoint { address, port }, protocol: 6 })
            })
            .collect::<Vec<_>>()
    });
    typed.chain(single).collect()
}

fn rules() -> String {
    let head = ["ID", "SEVERITY", "WHAT"].map(str::to_owned).to_vec();
    let row = |rule: &Rule| vec![rule.to_string(), rule.severity().to_string(), rule.what().to_owned()];
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(Rule::ALL.iter().map(row)).collect();
    table(&rows, "")
}

/// The text of files that findings are in.
struct Lines<'a> {
    /// What was read from standard input.
    input: Option<&'a str>,
    files: HashMap<String, String>,
}

impl Lines<'_> {
    /// The line of a place, marked; nothing where it cannot be read again.
    fn shown(&mut self, place: &Place) -> String {
        let file = place.file.to_string();
        let text = match self.input {
            Some(input) if file == crate::command::objects::INPUT => input,
            _ => self
                .files
                .entry(file.clone())
                .or_insert_with(|| fs::read_to_string(&file).unwrap_or_default()),
        };
        let shown = snippet(text, Position { line: place.line, column: place.column });
        shown.map(|shown| format!("{}\n", shown.trim_start_matches('\n'))).unwrap_or_default()
    }
}

fn page(report: &Report, counts: [usize; 3], lines: &mut Lines<'_>) -> String {
    let mut page = summary(counts);
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    findings.sort_by_key(|finding| finding.severity);
    for finding in findings {
        page.push('\n');
        page.push_str(&one(finding, lines));
    }
    if !report.unchecked.is_empty() {
        page.push('\n');
        for unchecked in &report.unchecked {
            let ids: Vec<&str> = unchecked.rules.iter().map(|rule| rule.name()).collect();
            let _ = writeln!(page, "not looked for without {}: {}", unchecked.missing, ids.join(", "));
        }
    }
    page
}

fn summary(counts: [usize; 3]) -> String {
    let words = [("error", "errors"), ("warning", "warnings"), ("unknown", "unknown")];
    let told: Vec<String> = counts
        .iter()
        .zip(words)
        .filter(|(count, _)| **count > 0)
        .map(|(count, (one, many))| format!("{count} {}", if *count == 1 { one } else { many }))
        .collect();
    if told.is_empty() { "nothing found\n".to_owned() } else { format!("{}\n", told.join(", ")) }
}

fn one(finding: &Finding, lines: &mut Lines<'_>) -> String {
    let column = if finding.is_about_text && finding.at.line > 0 {
        format!(":{}", finding.at.column)
    } else {
        String::new()
    };
    let place = format!("{}{column}", finding.at);
    let mut page = format!("{} · {}  {}  {place}\n", finding.severity, finding.rule, finding.object);
    if finding.at != finding.object.at {
        page.push_str(&lines.shown(&finding.at));
    }
    page.push_str(&under("", MARGIN, &sentence(&finding.says)));
    page.push_str(&under("wire", MARGIN, &sentence(finding.rule.wire())));
    page.push_str(&under("fix", MARGIN, &sentence(&finding.fix)));
    for also in &finding.also {
        page.push_str(&under("also", MARGIN, &format!("{} ({})", Text::from(&*also.says), also.at)));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_said_in_words() {
        assert_eq!(summary([1, 2, 0]), "1 error, 2 warnings\n");
        assert_eq!(summary([0, 0, 0]), "nothing found\n");
    }
}
