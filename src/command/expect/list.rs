//! `egret expect list`: a line for each workload, or for several that are alike.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::given::Given;
use super::json;
use super::words::wrapped;
use crate::cli::expect::{Format, List};
use crate::command::page::table;
use crate::command::print;
use crate::expect::listing::{self, Line};

/// Workloads that a line of text names.
const NAMED: usize = 2;

pub(super) fn run(asked: &List) -> anyhow::Result<ExitCode> {
    let given = Given::read(&asked.inputs)?;
    let derived = &given.described.derived;
    let mut lines = listing::lines(&given.expectations, &given.described.objects, derived);
    if !asked.namespace.is_empty() {
        let is_wanted =
            |line: &Line| line.namespace.as_ref().is_some_and(|name| asked.namespace.contains(name));
        lines.retain(is_wanted);
    }
    match asked.format {
        Format::Json => {
            let content = json::List {
                plugin: derived.plugin,
                notes: derived.notes.clone(),
                workloads: lines.into_iter().map(Into::into).collect(),
            };
            print(&json::document("list", content))?;
        }
        Format::Text => {
            given.tell_notes();
            print(&page(&lines))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A table, and the reasons below it by their numbers: many lines share one.
fn page(lines: &[Line]) -> String {
    if lines.is_empty() {
        return "no workloads\n".to_owned();
    }
    let mut reasons: Vec<String> = Vec::new();
    let mut rows = vec![["WORKLOAD", "TO", "SOURCE", "NODE", "BECAUSE"].map(str::to_owned).to_vec()];
    for line in lines {
        let mut reason = line.because.join("; ");
        if let Some(missing) = &line.missing {
            reason = if reason.is_empty() {
                format!("not known: {missing}")
            } else {
                format!("{reason}; not known: {missing}")
            };
        }
        let known = reasons.iter().position(|one| *one == reason);
        let number = known.unwrap_or(reasons.len());
        if known.is_none() {
            reasons.push(reason);
        }
        rows.push(vec![
            who(line),
            line.to.clone(),
            line.source(),
            line.node.clone().unwrap_or_else(|| "-".to_owned()),
            format!("[{}]", number + 1),
        ]);
    }
    let mut page = table(&rows, "");
    page.push('\n');
    let margin = reasons.len().to_string().len() + 3;
    for (at, reason) in reasons.iter().enumerate() {
        let lead = format!("[{}]", at + 1);
        let text = wrapped(&" ".repeat(margin), reason);
        // Writing to a String cannot fail.
        let _ = write!(page, "{lead:<margin$}{}", text.trim_start());
        if text.is_empty() {
            page.push('\n');
        }
    }
    page
}

fn who(line: &Line) -> String {
    let more = line.who.len().saturating_sub(NAMED);
    let named = line.who.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if more == 0 { named } else { format!("{named} and {more} more") }
}
