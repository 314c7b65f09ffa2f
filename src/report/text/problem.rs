//! Failures and open questions in words: a paragraph per kind.

use super::page::{Page, Tone};
use crate::report::number::{counted, thousands};
use crate::report::problem::{Problem, problems};
use crate::report::time::Clock;
use crate::snapshot::{ExpectationRow, Group};
use crate::verdict::{Reason, Verdict};

/// Kinds explained at most.
const KINDS: usize = 8;

pub(super) fn write(page: &mut Page, clock: &mut Clock, groups: &[&Group]) {
    let problems = problems(groups.iter().copied());
    for problem in problems.iter().take(KINDS) {
        write_problem(page, clock, problem);
    }
    let beyond = &problems[problems.len().min(KINDS)..];
    if !beyond.is_empty() {
        let flows: u64 = beyond.iter().map(|problem| problem.flows).sum();
        page.gap();
        let prose = format!(
            "and {} more kinds of problem with {}: see the rows below, or `--format json`.",
            thousands(beyond.len() as u64),
            counted(flows, "flow"),
        );
        page.paragraph("…", Tone::Plain, 2, &prose);
    }
}

/// Expectations that stay open because no flow met them.
pub(super) fn write_missed(page: &mut Page, expectations: &[ExpectationRow]) {
    let missed =
        |row: &&ExpectationRow| row.verdict == Verdict::Inconclusive && row.reason == Some(Reason::NoFlow);
    for row in expectations.iter().filter(missed) {
        page.gap();
        page.paragraph(&lead(row.verdict, Reason::NoFlow), Tone::Verdict(row.verdict), 2, &row.name);
        page.paragraph("", Tone::Plain, 2, "No captured flow is one that this expectation speaks about.");
        let step = "Make such traffic while capturing; if there may be none, write `optional: true`.";
        page.paragraph("  →", Tone::Heading, 4, step);
    }
}

fn write_problem(page: &mut Page, clock: &mut Clock, problem: &Problem<'_>) {
    let group = problem.first;
    let time = clock.instant(group.first_seen);
    let which = match problem.flows {
        1 => format!("flow {} at {time}", group.example),
        flows => format!("{}, first {} at {time}", counted(flows, "flow"), group.example),
    };
    page.gap();
    page.paragraph(&lead(group.verdict, group.reason), Tone::Verdict(group.verdict), 2, &which);
    page.paragraph("", Tone::Plain, 2, &problem.way());
    page.paragraph("", Tone::Plain, 2, &group.explanation);
    if let Some(next_step) = &group.next_step {
        page.paragraph("  →", Tone::Heading, 4, next_step);
    }
}

/// `fail · node-ip`, as the rows say it too.
fn lead(verdict: Verdict, reason: Reason) -> String {
    format!("{} · {}", verdict.name(), reason.name())
}
