//! What should leave with which source, and whether it does: a line each, in the order in which they were given.

use super::cursor::Cursor;
use super::layout;
use super::model::Model;
use super::pen::{Pen, padded, word};
use super::texts;
use super::theme::{Tone, mark};
use crate::snapshot::{ExpectationRow, Problem, Snapshot};

#[derive(Debug, Default)]
pub struct State {
    pub(super) cursor: Cursor,
}

/// The widest verdict.
const VERDICT: usize = 12;

pub(super) fn draw(model: &Model, state: &State, run: &Snapshot, pen: &mut Pen<'_>) {
    if run.expectations.is_empty() {
        pen.prose(&word("", Tone::Plain), texts::NO_EXPECTATIONS, Tone::Quiet, 3);
        return;
    }
    let room = room(model.size);
    for (at, row) in run.expectations.iter().enumerate().skip(state.cursor.top).take(room) {
        let verdict = Tone::Verdict(row.verdict);
        let words = [
            word(format!("{} {}  ", mark(row.verdict), padded(row.verdict.name(), VERDICT)), verdict),
            word(row.name.as_str(), Tone::Plain),
        ];
        pen.line_if(at == state.cursor.selected, &words);
    }
    pen.rule();
    if let Some(row) = run.expectations.get(state.cursor.selected) {
        draw_one(run, state.cursor.selected, row, pen);
    }
}

/// Expectations that are listed at a time.
pub(super) fn room(size: (u16, u16)) -> usize {
    usize::from(layout::areas(size).body.height) / 2
}

/// One expectation, and what is wrong with its flows.
fn draw_one(run: &Snapshot, at: usize, row: &ExpectationRow, pen: &mut Pen<'_>) {
    pen.prose(&word("", Tone::Plain), &row.name, Tone::Heading, 2);
    let met = match row.flows {
        0 => texts::NO_FLOW_MET.to_owned(),
        flows => texts::met(flows, row.pass, row.fail, row.inconclusive),
    };
    pen.line(&[word(met, Tone::Verdict(row.verdict))]);
    for problem in run.problems.iter().filter(|problem| problem.expectation == Some(at)) {
        if !pen.has_room() {
            return;
        }
        draw_problem(problem, pen);
    }
}

pub(super) fn draw_problem(problem: &Problem, pen: &mut Pen<'_>) {
    let verdict = problem.reason.verdict();
    let lead = word(format!("{} ", mark(verdict)), Tone::Verdict(verdict));
    let left = pen.left();
    pen.prose(&lead, &format!("{}.", problem.sentence), Tone::Plain, left.min(4));
    if let Some(next) = problem.next_step.as_ref().filter(|_| pen.has_room()) {
        let left = pen.left();
        pen.prose(&word("→ ", Tone::Strong), next, Tone::Strong, left.min(4));
    }
}
