//! Failures, open questions and rejections in words: a paragraph per problem.

use super::page::{Page, Tone};
use crate::number::{counted, thousands};
use crate::report::admits;
use crate::report::time::Clock;
use crate::snapshot::{ExpectationRow, Problem};
use crate::verdict::{Reason, Verdict};

/// Problems told at most.
const PROBLEMS: usize = 8;

pub(super) fn write(page: &mut Page, clock: &mut Clock, problems: &[Problem], only: &[Verdict]) {
    let problems: Vec<_> = problems.iter().filter(|problem| admits(only, problem.reason.verdict())).collect();
    for problem in problems.iter().take(PROBLEMS) {
        write_problem(page, clock, problem);
    }
    let beyond = &problems[problems.len().min(PROBLEMS)..];
    if !beyond.is_empty() {
        let flows: u64 = beyond.iter().map(|problem| problem.flows).sum();
        page.gap();
        let prose = format!(
            "and {} more problems with {}: see the rows below, or `--format json`.",
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
        let lead = format!("{} · {}", row.verdict.name(), Reason::NoFlow.name());
        page.paragraph(&lead, Tone::Verdict(row.verdict), 2, &row.name);
        page.paragraph(
            "",
            Tone::Plain,
            2,
            "No captured flow is known to be one that this expectation speaks about.",
        );
        let step = "Make such traffic while capturing; if there may be none, write it into a policy file with \
                    `optional: true`.";
        page.paragraph("  →", Tone::Heading, 4, step);
    }
}

fn write_problem(page: &mut Page, clock: &mut Clock, problem: &Problem) {
    let time = clock.instant(problem.first_seen);
    let when = if problem.flows == 1 { "at" } else { "the first at" };
    let prose = format!("{}, {when} {time} ({}).", problem.sentence, problem.example);
    page.gap();
    page.paragraph(&lead(problem), Tone::Verdict(problem.reason.verdict()), 2, &prose);
    if let Some(remark) = &problem.remark {
        page.paragraph("", Tone::Plain, 2, &format!("{remark}."));
    }
    if !problem.because.is_empty() {
        page.paragraph("", Tone::Plain, 2, &format!("Expected because {}.", problem.because.join("; ")));
    }
    if let Some(next_step) = &problem.next_step {
        page.paragraph("  →", Tone::Heading, 4, next_step);
    }
}

/// `fail · node-ip`, as the rows say it too; `pass · no-reply` for what left right and was not let in.
fn lead(problem: &Problem) -> String {
    let verdict = problem.reason.verdict();
    let what = match problem.outcome {
        Some(outcome) if verdict == Verdict::Pass => outcome.name(),
        _ => problem.reason.name(),
    };
    format!("{} · {what}", verdict.name())
}
