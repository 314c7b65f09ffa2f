//! The run for continuous integration: a test case per expectation.
//!
//! The report is green exactly where the run's verdict is `pass`:
//! 1. fail is a `failure`; inconclusive is an `error`, because a question left open must not be merged;
//! 2. exempt, that is, optional and not met, is `skipped`;
//! 3. flows outside every expectation that failed or stayed open are a case of their own;
//! 4. a run that would be green by 1–3 yet did not pass (nothing judged) gets a case that says so.

use std::fmt::Write as _;
use std::io;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::number::counted;
use crate::snapshot::{ExpectationRow, Problem, Snapshot};
use crate::verdict::Verdict;

const SUITE: &str = "egret";

pub(super) fn write(run: &Snapshot, out: &mut dyn io::Write) -> io::Result<()> {
    let mut suite = TestSuite::new(SUITE);
    for (index, row) in run.expectations.iter().enumerate() {
        if row.is_listed() {
            suite.add_test_case(case(&row.name, status(run, index, row)));
        }
    }
    suite.add_test_cases(outside_expectations(run));
    if run.verdict != Verdict::Pass && suite.failures + suite.errors == 0 {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_type("nothing-judged").set_message(legal("no flow was judged"));
        suite.add_test_case(case("at least one flow is judged", status));
    }
    suite.set_system_out(legal(&circumstances(run)));
    let mut report = Report::new(SUITE);
    report.add_test_suite(suite);
    let xml = report.to_string().map_err(io::Error::other)?;
    out.write_all(xml.as_bytes())
}

fn case(name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(legal(name), status);
    case.set_classname(SUITE);
    case
}

fn status(run: &Snapshot, index: usize, row: &ExpectationRow) -> TestCaseStatus {
    let tally = match row.flows {
        0 => "no flow met this expectation".to_owned(),
        flows => {
            format!("{flows} flows: {} pass, {} fail, {} inconclusive", row.pass, row.fail, row.inconclusive)
        }
    };
    let mut status = match row.verdict {
        Verdict::Pass => return TestCaseStatus::success(),
        Verdict::Exempt => TestCaseStatus::skipped(),
        Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Inconclusive => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    let troubled: Vec<_> = troubled(run).filter(|problem| problem.expectation == Some(index)).collect();
    let kind = troubled.first().map(|problem| problem.reason).or(row.reason);
    if let Some(reason) = kind {
        status.set_type(reason.name());
    }
    status.set_message(legal(&tally));
    if !troubled.is_empty() {
        status.set_description(legal(&explanations(&troubled)));
    }
    status
}

/// A case for what failed or stayed open without an expectation of its own (origin unknown, ambiguous).
fn outside_expectations(run: &Snapshot) -> Option<TestCase> {
    let troubled: Vec<_> = troubled(run).filter(|problem| problem.expectation.is_none()).collect();
    let worst = troubled.first()?;
    let kind = match worst.reason.verdict() {
        Verdict::Fail => NonSuccessKind::Failure,
        _ => NonSuccessKind::Error,
    };
    let flows: u64 = troubled.iter().map(|problem| problem.flows).sum();
    let mut status = TestCaseStatus::non_success(kind);
    status
        .set_type(worst.reason.name())
        .set_message(counted(flows, "flow"))
        .set_description(legal(&explanations(&troubled)));
    Some(case("flows of no single expectation", status))
}

/// Problems that failed or stayed open, worst first.
fn troubled(run: &Snapshot) -> impl Iterator<Item = &Problem> {
    run.problems
        .iter()
        .filter(|problem| matches!(problem.reason.verdict(), Verdict::Fail | Verdict::Inconclusive))
}

/// A paragraph per kind of problem.
fn explanations(problems: &[&Problem]) -> String {
    let paragraph = |problem: &&Problem| {
        let mut text =
            format!("{}: {} (first: {}).\n", problem.reason.name(), problem.sentence, problem.example);
        if let Some(next_step) = &problem.next_step {
            let _ = writeln!(text, "→ {next_step}");
        }
        text
    };
    problems.iter().map(paragraph).collect::<Vec<_>>().join("\n")
}

/// Findings, assumptions and warnings, a line each.
fn circumstances(run: &Snapshot) -> String {
    let mut text = String::new();
    for finding in &run.findings {
        let _ = writeln!(
            text,
            "{} {}: {} → {}",
            finding.severity.name(),
            finding.id,
            finding.explanation,
            finding.next_step
        );
    }
    for assumption in &run.assumptions {
        let _ = writeln!(text, "assumed: {assumption}");
    }
    for warning in &run.warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    text
}

/// `text` without the characters that no XML 1.0 document may hold (§2.2, production 2), nor any control.
fn legal(text: &str) -> String {
    text.chars()
        .filter(|c| matches!(c, '\n' | '\t') || !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'))
        .collect()
}
