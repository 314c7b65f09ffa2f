//! The run for people: the answer, then what is wrong and what to do, then the flows, then what was seen.
//!
//! Read from the top, a reader may stop as soon as they know enough. Order:
//! 1. the answer in one sentence;
//! 2. failures, what could not be settled, and what left right but was not let in: a paragraph per problem, with
//!    the next step;
//! 3. findings;
//! 4. flows, equal ones in one row, worst first; what was not judged in one line;
//! 5. expectations, where there is more than one;
//! 6. what was captured, assumed and warned of.

pub(crate) mod page;
mod problem;
mod seen;
mod table;

use std::io;

use self::page::{Page, Tone};
use super::time::Clock;
use super::{Options, admits};
use crate::answer;
use crate::number::{counted, thousands};
use crate::prose::columns;
use crate::snapshot::{ExpectationRow, Finding, Group, Severity, Snapshot};
use crate::verdict::{Reason, Verdict};

/// Column where text beside a label at the line's start begins.
const LABELS: usize = 12;

pub(super) fn write(run: &Snapshot, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let mut page = Page::new(options.width, options.style);
    let mut clock = Clock::new(options.zone.clone());
    let groups: Vec<&Group> =
        run.groups.iter().filter(|group| admits(&options.only, group.verdict)).collect();
    write_answer(&mut page, run);
    problem::write(&mut page, &mut clock, &run.problems, &options.only);
    if admits(&options.only, Verdict::Inconclusive) {
        problem::write_missed(&mut page, &run.expectations);
    }
    write_findings(&mut page, &run.findings);
    let rows: Vec<&Group> = groups.iter().copied().filter(|group| has_row(run, options, group)).collect();
    table::write(&mut page, run, &rows);
    write_unlisted(&mut page, &groups, &rows);
    write_expectations(&mut page, &run.expectations);
    seen::write(&mut page, &mut Clock::new(options.zone.clone()), run);
    out.write_all(page.text().as_bytes())
}

fn write_answer(page: &mut Page, run: &Snapshot) {
    let answer = answer::answer(run);
    let indent = columns(answer.word) + 2;
    page.paragraph(answer.word, Tone::Verdict(run.verdict), indent, &answer.sentence);
    if let Some(next_step) = answer.next_step {
        page.paragraph("  →", Tone::Heading, 4, next_step);
    }
}

/// Exempt flows are worth rows where they were asked for, or where nothing was judged and they left all
/// the same: then the source they left with is all that there is to say.
fn has_row(run: &Snapshot, options: &Options, group: &Group) -> bool {
    group.verdict != Verdict::Exempt
        || options.only.contains(&Verdict::Exempt)
        || (run.verdict == Verdict::Exempt && group.reason != Reason::ClusterInternal)
}

/// `Not judged  214 flows stayed inside the cluster.`
fn write_unlisted(page: &mut Page, groups: &[&Group], rows: &[&Group]) {
    let flows = |of: &[&Group], reason| -> u64 {
        of.iter().filter(|group| group.reason == reason).map(|group| group.flows).sum()
    };
    let unlisted = |reason| flows(groups, reason) - flows(rows, reason);
    let mut parts = Vec::new();
    let internal = unlisted(Reason::ClusterInternal);
    if internal > 0 {
        parts.push(format!("{} stayed inside the cluster", counted(internal, "flow")));
    }
    let unexpected = unlisted(Reason::NoExpectation);
    if unexpected > 0 {
        parts.push(format!("no expectation speaks about {}", counted(unexpected, "flow")));
    }
    if !parts.is_empty() {
        page.gap();
        page.paragraph("Not judged", Tone::Heading, LABELS, &format!("{}.", parts.join("; ")));
    }
}

fn write_findings(page: &mut Page, findings: &[Finding]) {
    for finding in findings {
        page.gap();
        let tone = match finding.severity {
            Severity::Error => Tone::Verdict(Verdict::Fail),
            Severity::Warning => Tone::Warning,
            Severity::Info => Tone::Heading,
        };
        let lead = format!("{} · {}", finding.severity.name(), finding.id);
        page.paragraph(&lead, tone, 2, &finding.objects.join(", "));
        page.paragraph("", Tone::Plain, 2, &finding.explanation);
        for evidence in &finding.evidence {
            page.paragraph("  -", Tone::Plain, 4, evidence);
        }
        page.paragraph("  →", Tone::Heading, 4, &finding.next_step);
    }
}

/// One expectation says nothing that the answer did not say, unless no flow met it.
fn write_expectations(page: &mut Page, expectations: &[ExpectationRow]) {
    let expectations: Vec<_> = expectations.iter().filter(|row| row.is_listed()).collect();
    if expectations.len() < 2 {
        return;
    }
    page.gap();
    page.paragraph("Expectations", Tone::Heading, 2, "");
    let width = expectations.iter().map(|row| row.verdict.name().len()).max().unwrap_or(0);
    for row in expectations {
        let mut parts = vec![format!("{} pass", thousands(row.pass))];
        parts.extend((row.fail > 0).then(|| format!("{} fail", thousands(row.fail))));
        parts.extend((row.inconclusive > 0).then(|| format!("{} inconclusive", thousands(row.inconclusive))));
        let tally = match row.flows {
            0 => "no flow met it".to_owned(),
            flows if flows == row.pass => format!("{}, all pass", counted(flows, "flow")),
            flows => format!("{}: {}", counted(flows, "flow"), parts.join(", ")),
        };
        let lead = format!("  {:width$}", row.verdict.name());
        let prose = format!("{} – {tally}", row.name);
        page.paragraph(&lead, Tone::Verdict(row.verdict), width + 4, &prose);
    }
}
