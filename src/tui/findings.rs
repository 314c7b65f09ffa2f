//! What is wrong with the network itself, then what is wrong with flows, told once for each cause.

use super::cursor::Cursor;
use super::expectations::draw_problem;
use super::layout;
use super::model::Model;
use super::pen::{Pen, word};
use super::texts;
use super::theme::{Tone, mark};
use crate::snapshot::{Finding, Severity, Snapshot};

#[derive(Debug, Default)]
pub struct State {
    pub(super) cursor: Cursor,
}

impl State {
    /// The first of the flows that the selected entry is about, if it is about flows.
    pub(super) fn flow<'a>(&self, run: Option<&'a Snapshot>) -> Option<&'a str> {
        let run = run?;
        let at = self.cursor.selected.checked_sub(run.findings.len())?;
        run.problems.get(at).map(|problem| problem.example.as_str())
    }
}

/// How many entries there are: findings, then problems.
pub(super) fn count(run: &Snapshot) -> usize {
    run.findings.len() + run.problems.len()
}

/// Entries that are listed at a time.
pub(super) fn room(size: (u16, u16)) -> usize {
    usize::from(layout::areas(size).body.height).saturating_sub(1) / 2
}

fn tone(severity: Severity) -> (Tone, &'static str) {
    match severity {
        Severity::Error => (Tone::Bad, "✗"),
        Severity::Warning => (Tone::Unsure, "!"),
        Severity::Info => (Tone::Plain, "i"),
    }
}

pub(super) fn draw(model: &Model, state: &State, run: &Snapshot, pen: &mut Pen<'_>) {
    if count(run) == 0 {
        pen.line(&[word(texts::NO_FINDINGS, Tone::Quiet)]);
        return;
    }
    let shown = state.cursor.top..(state.cursor.top + room(model.size)).min(count(run));
    for at in shown {
        let words = match (run.findings.get(at), run.problems.get(at.saturating_sub(run.findings.len()))) {
            (Some(finding), _) => {
                let (tone, sign) = tone(finding.severity);
                [
                    word(format!("{sign} {}  ", finding.id), tone),
                    word(finding.objects.join(", "), Tone::Plain),
                ]
            }
            (None, Some(problem)) => {
                let verdict = problem.reason.verdict();
                let lead = format!("{} {}  ", mark(verdict), problem.reason.name());
                [word(lead, Tone::Verdict(verdict)), word(problem.sentence.as_str(), Tone::Plain)]
            }
            (None, None) => break,
        };
        pen.line_if(at == state.cursor.selected, &words);
    }
    pen.rule();
    let at = state.cursor.selected;
    match (run.findings.get(at), run.problems.get(at.saturating_sub(run.findings.len()))) {
        (Some(finding), _) => draw_finding(finding, pen),
        (None, Some(problem)) => {
            draw_problem(problem, pen);
            if let Some(remark) = problem.remark.as_ref().filter(|_| pen.has_room()) {
                pen.prose(&word("", Tone::Plain), &format!("{remark}."), Tone::Quiet, 3);
            }
        }
        (None, None) => {}
    }
}

fn draw_finding(finding: &Finding, pen: &mut Pen<'_>) {
    let left = pen.left();
    pen.prose(&word("", Tone::Plain), &finding.explanation, Tone::Plain, left.min(4));
    for evidence in &finding.evidence {
        if pen.left() < 2 {
            break;
        }
        pen.prose(&word("- ", Tone::Quiet), evidence, Tone::Quiet, 2);
    }
    if pen.has_room() {
        let left = pen.left();
        pen.prose(&word("→ ", Tone::Strong), &finding.next_step, Tone::Strong, left);
    }
}
