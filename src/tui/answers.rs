//! The two answers that every screen begins with: whether traffic leaves with the right address, and whether the far side answers.

use super::texts::partner as texts;
use super::theme::{Tone, mark};
use crate::answer::answer;
use crate::snapshot::Snapshot;
use crate::verdict::{Outcome, Verdict};

/// A mark, a word, a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub verdict: Verdict,
    pub word: &'static str,
    pub sentence: String,
}

impl Said {
    pub(super) fn tone(&self) -> Tone {
        Tone::Verdict(self.verdict)
    }

    /// `✗ FAIL`.
    pub(super) fn lead(&self) -> String {
        format!("{} {}", mark(self.verdict), self.word)
    }
}

/// Whether traffic leaves with the right address.
pub(super) fn address(run: &Snapshot) -> Said {
    let answer = answer(run);
    Said { verdict: run.verdict, word: answer.word, sentence: answer.sentence }
}

/// Whether the far side answers.
pub(super) fn partner(run: &Snapshot) -> Said {
    let outcomes = &run.gist.outcomes;
    let of = |wanted: &[Outcome]| -> u64 {
        outcomes.iter().filter(|(outcome, _)| wanted.contains(outcome)).map(|(_, flows)| flows).sum()
    };
    let all: u64 = outcomes.iter().map(|(_, flows)| flows).sum();
    let answered = of(&[Outcome::Established, Outcome::MidStream]);
    let open = of(&[Outcome::Pending, Outcome::OneWay]);
    let wrong: Vec<(Outcome, u64)> =
        outcomes.iter().filter(|(outcome, _)| is_wrong(*outcome)).copied().collect();
    let (verdict, word, sentence) = if all == 0 {
        (Verdict::Exempt, texts::UNKNOWN, texts::NOTHING_YET.to_owned())
    } else if answered == all {
        (Verdict::Pass, texts::ANSWERS, texts::all(all))
    } else if open == all {
        (Verdict::Inconclusive, texts::UNKNOWN, texts::not_seen(all))
    } else {
        let mut told = wrong.clone();
        told.extend((open > 0).then_some((Outcome::Pending, open)));
        let sentence = texts::some(answered, all, &told);
        match (wrong.is_empty(), answered) {
            (true, _) => (Verdict::Pass, texts::ANSWERS, sentence),
            (false, 0) => (Verdict::Fail, texts::SILENT, sentence),
            (false, _) => (Verdict::Inconclusive, texts::PARTLY, sentence),
        }
    };
    Said { verdict, word, sentence }
}

/// Whether the far side, or something before it, did not let a flow go on.
fn is_wrong(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Established | Outcome::MidStream | Outcome::OneWay | Outcome::Pending => false,
        Outcome::Stalled
        | Outcome::NoReply
        | Outcome::Refused
        | Outcome::Prohibited
        | Outcome::Unreachable
        | Outcome::Reset => true,
    }
}
