//! What was asked, answered in one sentence: the first line of a report, and the head of every screen.

use crate::number::{counted, thousands};
use crate::snapshot::Snapshot;
use crate::verdict::{Reason, Verdict};

/// One word, one sentence, and what to do where there is no answer yet.
#[derive(Debug)]
pub struct Answer {
    pub word: &'static str,
    pub sentence: String,
    pub next_step: Option<&'static str>,
}

pub fn answer(run: &Snapshot) -> Answer {
    match run.verdict {
        Verdict::Fail => Answer { word: "FAIL", sentence: failed(run), next_step: None },
        Verdict::Inconclusive => Answer { word: "INCONCLUSIVE", sentence: unsettled(run), next_step: None },
        Verdict::Pass => Answer { word: "PASS", sentence: passed(run), next_step: None },
        Verdict::Exempt => nothing_judged(run),
    }
}

fn judged(run: &Snapshot) -> u64 {
    run.summary.pass + run.summary.fail + run.summary.inconclusive
}

/// Whether every flow of `verdict` has `reason`, and there is one.
fn all_are(run: &Snapshot, verdict: Verdict, reason: Reason) -> bool {
    let mut reasons = run.gist.reasons.iter().map(|(reason, _)| *reason).filter(|it| it.verdict() == verdict);
    reasons.next() == Some(reason) && reasons.next().is_none()
}

/// What is counted: flows that nobody selected are not among them.
fn noun(run: &Snapshot) -> &'static str {
    if run.selection.is_some() { "selected outgoing flow" } else { "outgoing flow" }
}

/// `20 of 72 outgoing flows`, `All 72 outgoing flows`, `The only outgoing flow`.
fn share(run: &Snapshot, part: u64) -> String {
    let (whole, noun) = (judged(run), noun(run));
    match (part, whole) {
        (1, 1) => format!("The only {noun}"),
        (part, whole) if part == whole => format!("All {}", counted(whole, noun)),
        (part, whole) => format!("{} of {}", thousands(part), counted(whole, noun)),
    }
}

fn failed(run: &Snapshot) -> String {
    let subject = share(run, run.summary.fail);
    let wrong = if all_are(run, Verdict::Fail, Reason::UnexpectedExit) {
        "left the cluster, though none should have"
    } else {
        "left with a wrong source address"
    };
    match run.summary.inconclusive {
        0 => format!("{subject} {wrong}."),
        open => format!("{subject} {wrong}; {} could not be settled.", thousands(open)),
    }
}

fn passed(run: &Snapshot) -> String {
    let subject = share(run, run.summary.pass);
    if all_are(run, Verdict::Pass, Reason::DroppedAsExpected) {
        return format!("{subject} stayed inside, as expected: nothing left the cluster.");
    }
    let dropped = run.gist.reasons.iter().any(|(reason, _)| *reason == Reason::DroppedAsExpected);
    match run.gist.passed_as[..] {
        _ if dropped => {
            format!("{subject} left with an expected source address, or were dropped as expected.")
        }
        [source] => format!("{subject} left as {source}, as expected."),
        _ => format!("{subject} left with an expected source address."),
    }
}

fn unsettled(run: &Snapshot) -> String {
    if run.summary.frames == 0 {
        return "No frame was captured, so no flow met an expectation.".to_owned();
    }
    let (open, judged) = (run.summary.inconclusive, judged(run));
    if open == 0 {
        let missed = run
            .expectations
            .iter()
            .filter(|row| row.reason == Some(Reason::NoFlow) && !row.is_derived)
            .count() as u64;
        let subject = format!(
            "{} of {}",
            thousands(missed),
            counted(run.expectations.iter().filter(|row| row.is_listed()).count() as u64, "expectation")
        );
        let rest = match run.summary.pass {
            0 => "nothing was judged".to_owned(),
            1 => format!("the one {} passed", noun(run)),
            pass => format!("all {} passed", counted(pass, noun(run))),
        };
        if missed == 0 {
            return format!("Not every source could be read (see “Warning” below); {rest}.");
        }
        return format!("{subject} met no flow; {rest}.");
    }
    let (not_settled, not_leaving) = match (open, judged) {
        (1, 1) => {
            (format!("The only {} cannot be settled", noun(run)), format!("The only {} was", noun(run)))
        }
        (open, judged) if open == judged => {
            let none = format!("None of {}", counted(judged, noun(run)));
            (format!("{none} can be settled"), format!("{none} was"))
        }
        _ => {
            let some = share(run, open);
            (
                format!("{some} cannot be settled"),
                format!("{some} {}", if open == 1 { "was" } else { "were" }),
            )
        }
    };
    if all_are(run, Verdict::Inconclusive, Reason::WireNotSeen) {
        return format!("{not_settled}: the place where traffic leaves the node was not captured.");
    }
    if all_are(run, Verdict::Inconclusive, Reason::NeverLeft) {
        let never = if open == judged && judged > 1 { "" } else { "never " };
        return format!("{not_leaving} {never}seen leaving the node.");
    }
    format!("{not_settled} from what was captured.")
}

fn nothing_judged(run: &Snapshot) -> Answer {
    let summary = run.summary;
    let every = |reason| run.gist.reasons.iter().all(|(known, _)| *known == reason);
    let (sentence, next_step) = if summary.frames == 0 {
        (
            "No frame was captured.".to_owned(),
            "Check which interface was captured and with which filter, and that the workload sent something \
             meanwhile.",
        )
    } else if let (0, Some(selection)) = (summary.flows, &run.selection) {
        (
            format!(
                "{} captured, and no flow among them that was asked for: {selection}.",
                counted(summary.frames, "frame")
            ),
            "Widen the filter, or capture where that traffic passes.",
        )
    } else if summary.flows == 0 {
        (
            format!("{} captured, and no flow among them.", counted(summary.frames, "frame")),
            "Widen the filter, or capture where the workload's traffic passes.",
        )
    } else if every(Reason::ClusterInternal) {
        (
            format!("{} seen, and none leaves the cluster.", counted(summary.flows, "flow")),
            "Capture traffic to an address outside. If some of these are outside, narrow what is inside: see \
             “Assumed” below.",
        )
    } else if run.expectations.is_empty() {
        (
            format!("{} seen; no expectation was given.", counted(summary.flows, "flow")),
            "Say which source address is right: `--expect 192.0.2.10`, or `--policy FILE` for more than one.",
        )
    } else {
        (
            format!("{} seen, and no expectation speaks about any of them.", counted(summary.flows, "flow")),
            "Compare `from` and `to` of the expectations with the flows below.",
        )
    };
    Answer { word: "NOTHING JUDGED", sentence, next_step: Some(next_step) }
}
